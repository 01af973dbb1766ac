//! `rackstorm report`: draws the figures and the page of a results folder again.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::analysis::results;
use crate::cli::files::{self, Trust};
use crate::cli::open::open;
use crate::cli::{Exit, streams};
use crate::experiment;
use crate::plan::Plan;

/// What stands under the help of `report`.
const EXAMPLES: &str = "\
Examples:
  rackstorm report results/lanl_750_boot/42-model-1f0c2ab9 --open

Nothing is played: the page is drawn from the metrics and series that the run left. It prints
where the page lies.";

/// Draw the report of a results folder again
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Results folder of a finished run
    results: PathBuf,
    /// Open the report
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    trust: Trust,
}

/// Reads what the run left, draws, says where.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let manifest = arguments.trust.finished(&arguments.results)?;
    let Some(scenario) = files::recorded(&arguments.results, &manifest) else {
        return Ok(Exit::Failed);
    };
    let findings = results::load(&arguments.results)?;
    let plan = Plan::make(&scenario);
    let report = experiment::draw(&arguments.results, &plan, &findings)?;
    writeln!(streams::data(), "{}", report.display())?;
    if arguments.open {
        open(&report);
    }
    Ok(Exit::Done)
}
