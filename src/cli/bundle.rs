//! `rackstorm bundle`: results folders in one archive, for those who are to check them.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::cli::files::{self, Trust};
use crate::cli::{Exit, streams};
use crate::experiment::bundle;

/// What stands under the help of `bundle`.
const EXAMPLES: &str = "\
Examples:
  rackstorm bundle results/*/* --out artefact.tar
  xz artefact.tar

`rackstorm verify` plays and draws all of it again. The runs must have come to their ends.";

/// Put results folders into one archive that can be verified
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Results folders of finished runs
    #[arg(required = true)]
    results: Vec<PathBuf>,
    /// The archive
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    trust: Trust,
}

/// Demands that all folders are whole, then writes.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let mut runs = Vec::new();
    for folder in &arguments.results {
        let manifest = arguments.trust.finished(folder)?;
        arguments.trust.check_report(folder, &manifest)?;
        runs.push((folder.clone(), manifest));
    }
    files::write_with(&arguments.out, |out, at| Ok(bundle::write(&runs, out, at)?))?;
    writeln!(streams::data(), "{}", arguments.out.display())?;
    Ok(Exit::Done)
}
