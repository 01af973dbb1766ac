//! `rackstorm rare`: the chance of an event that no affordable number of plain runs shows.

use std::num::NonZero;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::analysis::rare::Estimate;
use crate::cli::files::{self, Override};
use crate::cli::interrupt::Interrupt;
use crate::cli::{Exit, precision, streams};
use crate::control::RareEvent;
use crate::experiment::rare::{RareError, Wanted, estimate};
use crate::forecast;
use crate::plan::Plan;
use crate::report::rare::{self, Input};

/// What stands under the help of `rare`.
const EXAMPLES: &str = "\
Examples:
  rackstorm rare pairs.toml --event checkpoints-lost
  rackstorm rare month.toml --event corruption-escaped --precision 5% --json
  rackstorm rare pairs.toml --event checkpoints-lost --out chance
  rackstorm rare pairs.toml --event checkpoints-lost --plain --effort 20000

Plays whole runs of the model in which failures, upsets and missed checks are more frequent where
they bring the event nearer, and weighs each run by its likelihood ratio, so that the mean is that
of runs by nature. Prints the chance in a run, its 99 % interval, the rate per year, how it was
found, and the closed form where there is one. Speeds are found by pilots, or none with --plain.
The same seed gives the same numbers for any --jobs. --out writes them and a row for each run.
docs/rare.md has the method, its sources and its limits.

Exit codes: 0 done, 2 wrong usage or an event that cannot happen, 3 it did not happen or a file
cannot be written, 130 interrupted, with what was known by then.";

/// Find the chance of a rare event by importance sampling
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Scenario file
    file: PathBuf,
    /// What is rare
    #[arg(long, value_name = "EVENT")]
    #[arg(value_parser = PossibleValuesParser::new(RareEvent::ALL.map(RareEvent::word)))]
    event: String,
    /// Enough runs for an interval with half this share of the chance to either side
    #[arg(long, value_name = "SHARE", default_value = "10%", value_parser = precision)]
    precision: f64,
    /// At most so many runs
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    #[arg(value_parser = clap::value_parser!(u32).range(2..=100_000_000))]
    effort: u32,
    /// Make nothing more frequent: runs as `rackstorm study` plays them
    #[arg(long)]
    plain: bool,
    /// Runs at a time [default: one for each processor core]
    #[arg(long, value_name = "N", env = "RACKSTORM_JOBS")]
    jobs: Option<NonZero<usize>>,
    #[command(flatten)]
    overrides: Override,
    /// Write the numbers and a row for each run into this folder
    #[arg(long, short, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Print one JSON object in place of the text
    #[arg(long)]
    json: bool,
}

/// Plays, reckons, reports.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let out = arguments.out.as_deref();
    if files::is_taken(out, "write the chance") {
        return Ok(Exit::Usage);
    }
    let Some(loaded) = files::load(&arguments.file, &arguments.overrides.with([])) else {
        return Ok(Exit::Usage);
    };
    let event = RareEvent::ALL.into_iter().find(|event| event.word() == arguments.event);
    let wanted = Wanted {
        event: event.expect("clap knows them"),
        precision: arguments.precision,
        effort: arguments.effort as usize,
        plain: arguments.plain,
        jobs: arguments.jobs,
    };
    let plan = Plan::make(&loaded.scenario);
    let interrupt = Interrupt::catch()?;
    let found = match estimate(&plan, wanted, &mut looked, &|| interrupt.is_wanted()) {
        Ok(found) => found,
        Err(RareError::Refused(why)) => {
            streams::say(&format!("error: {}: {why}", arguments.file.display()));
            return Ok(Exit::Usage);
        }
        Err(RareError::Run(error)) => return Err(error.into()),
        Err(error @ RareError::NotSeen { .. }) => return Err(error.into()),
    };
    let theory = forecast::rare(&plan, wanted.event);
    let input = Input {
        scenario: &loaded.scenario.name,
        seed: loaded.scenario.seed,
        precision: wanted.precision,
        found: &found,
        theory: &theory,
    };
    let json = arguments.json.then(|| rare::json(&input));
    let write = || match out {
        Some(out) => {
            let written = rare::write(&input, out);
            let written =
                written.with_context(|| format!("cannot write into {}", out.display()))?;
            Ok(written.iter().map(|file| out.join(file)).collect())
        }
        None => Ok(Vec::new()),
    };
    streams::found_first(json, || rare::text(&input), write)?;
    Ok(if interrupt.is_wanted() { Exit::Interrupted } else { Exit::Done })
}

/// Says what is known after a round.
fn looked(so_far: &Estimate) {
    let relative = so_far.relative() * 100.0;
    streams::say(&format!(
        "{} runs: chance {:.3e} ± {relative:.1} %",
        so_far.runs.len(),
        so_far.chance.mean
    ));
}
