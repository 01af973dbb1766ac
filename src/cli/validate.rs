//! `rackstorm validate`: reads scenarios and reports every mistake, playing nothing.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::cli::files::{self, Override};
use crate::cli::{Exit, streams};
use crate::plan::Plan;

/// What stands under the help of `validate`.
const EXAMPLES: &str = "\
Examples:
  rackstorm validate month.toml
  rackstorm validate scenarios/*/*.toml --set cluster.modules=0

A line for each good file on stdout; mistakes with file, line, column, caret and a hint on stderr.
The exit code is 2 if there is any. Nothing is written.";

/// Read scenarios and report every mistake, playing nothing
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Scenario files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    overrides: Override,
}

/// Reads every file, whatever is wrong with those before it.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let overrides = arguments.overrides.with([]);
    let mut exit = Exit::Done;
    let mut out = streams::data();
    for file in &arguments.files {
        let study = files::study(file, &overrides);
        let first = study.as_ref().and_then(|study| files::cell(study, 0));
        let (Some(study), Some(first)) = (study, first) else {
            exit = Exit::Usage;
            continue;
        };
        let nodes = Plan::make(&first).machine.nodes.len();
        let cells =
            if study.len() == 1 { String::new() } else { format!(", {} cells", study.len()) };
        writeln!(out, "{}: good, {nodes} nodes{cells}", file.display())?;
    }
    out.flush()?;
    Ok(exit)
}
