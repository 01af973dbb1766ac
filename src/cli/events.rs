//! `rackstorm events`: the event log of a results folder as CSV.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::{Exit, streams};
use crate::record::{LogReader, export};

/// What stands under the help of `events`.
const EXAMPLES: &str = "\
Examples:
  rackstorm events results/month/42-model-1f0c2ab9 | head
  rackstorm events results/month/42-model-1f0c2ab9 > events.csv

The log holds what the run was told to record: --events all, faults or none.";

/// Print the event log of a results folder as CSV
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Results folder, finished or partial
    results: PathBuf,
}

/// Streams the log; it may be longer than memory.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let mut out = streams::data();
    let log = LogReader::open(&arguments.results)?;
    export::write_csv(log, &mut out, Path::new("stdout"))?;
    out.flush()?;
    Ok(Exit::Done)
}
