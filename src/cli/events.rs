//! `rackstorm events`: the event log of a results folder as CSV.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;

use crate::cli::files::Trust;
use crate::cli::{Exit, streams};
use crate::record::{LogReader, Manifest, RecordError, Status, export, words};
use crate::scenario::EventLevel;

/// What stands under the help of `events`.
const EXAMPLES: &str = "\
Examples:
  rackstorm events results/month/42-model-1f0c2ab9 | head
  rackstorm events results/month/42-model-1f0c2ab9 > events.csv

The log holds what the run was asked to record: --events all or faults. Nodes and other parts, rules
and jobs count from 1, as in the names of parts and in the tables under plan/.";

/// Print the event log of a results folder as CSV
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Results folder, finished or partial
    results: PathBuf,
    #[command(flatten)]
    trust: Trust,
}

/// Streams the log; it may be longer than memory.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let folder = &arguments.results;
    let manifest = Manifest::read(folder)?;
    let shown = folder.display();
    if manifest.event_level == words::event_level(EventLevel::None) {
        bail!("{shown}: the run was played with --events none, so it has no event log");
    }
    arguments.trust.check(folder, &manifest)?;
    let mut out = streams::data();
    let log = LogReader::open(folder)?;
    match export::write_csv(log, &mut out, Path::new("stdout")) {
        // What a run left that did not come to its end is all that there is.
        Err(RecordError::CutOff { events, .. }) if manifest.status != Status::Finished => {
            let state = manifest.state(folder);
            streams::say(&format!("{shown}: {state}: {events} events"));
        }
        done => done?,
    }
    out.flush()?;
    Ok(Exit::Done)
}
