//! `rackstorm worst`: the faults of a scenario that cost it most.

use std::num::NonZero;
use std::path::PathBuf;

use clap::Args;

use crate::cli::files::{self, Override};
use crate::cli::interrupt::Interrupt;
use crate::cli::progress::Runs;
use crate::cli::run::at_least_one;
use crate::cli::{Exit, streams};
use crate::experiment::worst::{Ask, Setting, search};

/// What stands under the help of `worst`.
const EXAMPLES: &str = "\
Examples:
  rackstorm worst month.toml                                 the worst single fault
  rackstorm worst month.toml --faults 2 -o worst.toml        the worst two, as a scenario
  rackstorm worst boot.toml --metric boot_t100               of a boot
  rackstorm worst month.toml --faults 3 --json | jq .cause

Tries the faults of the scenario's kinds ([[fault.KIND]] with a `lifetime`) at the instants at which
something changes, on parts of each class of equal parts. Of one and two faults it tries all; with
more it is a search, and says so. Chance is switched off: the faults strike at no other time, and
boots take their mean time. A fault after which the work is never done is the worst of all.

The file of -o is a whole scenario in which only these faults strike: it plays to the same loss.
docs/what-if.md says what is covered, and why that is enough.

Exit codes: 0 done, 2 wrong usage or nothing to search, 3 a run failed, 130 interrupted: then the
worst so far is reported.";

/// Faults at most: more are no longer a schedule that anybody reads.
const FAULTS_MAX: u64 = 16;

/// Find the faults of a scenario that cost it most
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Scenario file
    file: PathBuf,
    /// So many faults at most
    #[arg(long, value_name = "K", default_value = "1")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=FAULTS_MAX))]
    faults: u64,
    /// The metric that shall become as bad as can be
    #[arg(long, value_name = "NAME", default_value = "makespan")]
    metric: String,
    #[command(flatten)]
    overrides: Override,
    /// Write the scenario in which these faults strike into this file
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// So many runs at a time; the result does not depend on it [default: one per processor core]
    #[arg(long, short, value_name = "N", env = "RACKSTORM_JOBS", value_parser = at_least_one)]
    jobs: Option<NonZero<usize>>,
    /// Search however many runs it takes
    #[arg(long)]
    yes: bool,
    /// Print one JSON object in place of the text
    #[arg(long)]
    json: bool,
    /// No progress bar
    #[arg(long, short)]
    quiet: bool,
}

/// Searches, says what was found, and writes the scenario.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let overrides = arguments.overrides.with(None);
    let Some(loaded) = files::load(&arguments.file, &overrides) else { return Ok(Exit::Usage) };
    let setting = Setting::of(&loaded.scenario, &arguments.metric)?;
    let interrupt = Interrupt::catch()?;
    let bar = Runs::over(0, arguments.quiet);
    let ask = Ask {
        faults: arguments.faults as usize,
        jobs: arguments.jobs,
        whatever_it_takes: arguments.yes,
        stop: &|| interrupt.is_wanted(),
        progress: &|runs, of| bar.are_played(runs, of),
    };
    let worst = search(&setting, ask)?;
    drop(bar);
    let text = worst.text(&setting)?;
    let json = arguments.json.then(|| worst.json(&setting));
    let out = arguments.out.as_deref();
    streams::found_first(json, || text, || files::write(out, &worst.file(&setting)))?;
    Ok(if worst.complete { Exit::Done } else { Exit::Interrupted })
}
