//! `rackstorm plan`: prints what a scenario decides before anything is played.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::cli::files::{self, Override};
use crate::cli::{Exit, streams};
use crate::plan::Plan;

/// What stands under the help of `plan`.
const EXAMPLES: &str = "\
Examples:
  rackstorm plan lanl_750_month.toml
  rackstorm plan lanl_750_month.toml --seed 7 | less

Prints machine, jobs and faults with their first strikes, and which figures are assumptions. A
scenario with a [sweep] prints the plan of each of its points.";

/// Print what a scenario decides, playing nothing
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Scenario file
    file: PathBuf,
    #[command(flatten)]
    overrides: Override,
}

/// Prints the plan of each run of the file.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let Some(runs) = files::load(&arguments.file, &arguments.overrides.with([])) else {
        return Ok(Exit::Usage);
    };
    let mut out = streams::data();
    for loaded in &runs {
        for (axis, value) in &loaded.point {
            writeln!(out, "# {axis} = {value}")?;
        }
        Plan::make(&loaded.scenario).print(&mut out)?;
    }
    out.flush()?;
    Ok(Exit::Done)
}
