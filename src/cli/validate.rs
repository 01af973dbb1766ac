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
        let Some(runs) = files::load(file, &overrides) else {
            exit = Exit::Usage;
            continue;
        };
        let nodes = runs.first().map_or(0, |run| Plan::make(&run.scenario).machine.nodes.len());
        let (file, n_runs) = (file.display(), runs.len());
        let points = if n_runs == 1 { String::new() } else { format!(", {n_runs} runs") };
        writeln!(out, "{file}: good, {nodes} nodes{points}")?;
    }
    out.flush()?;
    Ok(exit)
}
