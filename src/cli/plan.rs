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

Prints machine, jobs and faults with their first strikes, and which figures are assumptions. Of a
study it is the plan of each cell, with its first seed; `rackstorm study plan` has their number.";

/// Print what a scenario decides, playing nothing
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Scenario file
    file: PathBuf,
    #[command(flatten)]
    overrides: Override,
}

/// Prints the plan of each cell of the file.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let Some(study) = files::study(&arguments.file, &arguments.overrides.with([])) else {
        return Ok(Exit::Usage);
    };
    let mut out = streams::data();
    for cell in 0..study.len() {
        let Some(scenario) = files::cell(&study, cell) else { return Ok(Exit::Usage) };
        for (axis, value) in study.axes().iter().zip(study.values(cell)) {
            writeln!(out, "# {} = {}", axis.path(), value.text)?;
        }
        Plan::make(&scenario).print(&mut out)?;
    }
    out.flush()?;
    Ok(Exit::Done)
}
