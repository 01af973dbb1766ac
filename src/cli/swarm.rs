//! `rackstorm swarm`: plays random experiments on the real programs and checks each of them.

use std::fs;
use std::num::NonZero;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};

use crate::cli::run::at_least_one;
use crate::cli::watch::Watch;
use crate::cli::{Exit, streams};
use crate::experiment::in_order;
use crate::fleet::job::Sabotage;
use crate::swarm::{self, Violation};

/// What stands under the help of `swarm`.
const EXAMPLES: &str = "\
Examples:
  rackstorm swarm                         a thousand seeds, all cores
  rackstorm swarm --seed 4711             one seed again
  rackstorm swarm --first 1001 --out bad  the next thousand; failing scenarios go to bad/

Each seed is a machine of a few nodes, a job, faults that all heal and what a harness does besides
them to network, storage, clocks, power switches and processes, played by the real controller and
agents on a simulated network. A seed that breaks a property is reported with the property, the
command that plays it again, and a scenario with as few faults and disturbances as still break it;
`rackstorm run FILE --on turmoil` plays its faults. Exit code 3 if there is one.";

/// Play random experiments on the real controller and agents, check each
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// So many seeds
    #[arg(long, value_name = "N", default_value = "1000", conflicts_with = "seed")]
    seeds: NonZero<u32>,
    /// The first of them
    #[arg(long, value_name = "SEED", default_value_t = 1, conflicts_with = "seed")]
    first: u64,
    /// This seed only
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
    /// So many at a time; the report does not depend on it [default: one per processor core]
    #[arg(long, short, value_name = "N", env = "RACKSTORM_JOBS", value_parser = at_least_one)]
    jobs: Option<NonZero<usize>>,
    /// Where the scenarios of failing seeds go, in place of standard output
    #[arg(long, short, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// No progress bar and no summary, only violations
    #[arg(long, short)]
    quiet: bool,
    /// Build a mistake into the programs, to see that it is found
    #[arg(long, value_enum, hide = true)]
    sabotage: Option<Mistake>,
}

/// Mistakes that can be built in.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mistake {
    CommitEarly,
    RestoreNewest,
    SkipLoad,
}

impl From<Mistake> for Sabotage {
    fn from(mistake: Mistake) -> Self {
        match mistake {
            Mistake::CommitEarly => Self::CommitEarly,
            Mistake::RestoreNewest => Self::RestoreNewest,
            Mistake::SkipLoad => Self::SkipLoad,
        }
    }
}

/// Plays all seeds, reports each violation in the order of the seeds.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let seeds: Vec<u64> = match arguments.seed {
        Some(seed) => vec![seed],
        None => (arguments.first..).take(arguments.seeds.get() as usize).collect(),
    };
    if let Some(folder) = &arguments.out {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let watch = Watch::over(seeds.len(), arguments.quiet)?;
    let sabotage = arguments.sabotage.map(Sabotage::from);
    let (mut played, mut broken, mut reported) = (0, 0, Ok(()));
    in_order(
        seeds.len(),
        arguments.jobs,
        &|number| {
            let ended = watch.may_begin().then(|| swarm::play(seeds[number], sabotage));
            watch.ended();
            ended
        },
        &mut |ended: Option<Option<Violation>>| {
            played += usize::from(ended.is_some());
            if let Some(violation) = ended.flatten() {
                broken += 1;
                watch.aside(|| {
                    if reported.is_ok() {
                        reported = report(&violation, arguments);
                    }
                });
            }
        },
    );
    reported?;
    if !arguments.quiet {
        streams::print(&format!("{}, {}\n", count(played, "seed"), count(broken, "violation")));
    }
    Ok(match (broken, played < seeds.len()) {
        (1.., _) => Exit::Failed,
        (0, true) => Exit::Interrupted,
        (0, false) => Exit::Done,
    })
}

/// `1 seed`, `200 seeds`.
fn count(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

/// Reports a violation, and writes or prints its scenario.
fn report(violation: &Violation, arguments: &Arguments) -> anyhow::Result<()> {
    let Violation { seed, breach, spec, n_strikes } = violation;
    streams::say(&format!(
        "seed {seed} breaks \"{}\" at {}: {}\n  {n_strikes} faults and disturbances, of \
         which {} are enough\n  again: rackstorm swarm --seed {seed}",
        breach.property,
        breach.at.since(crate::units::Time::ZERO),
        breach.how,
        spec.strikes.len(),
    ));
    let Some(folder) = &arguments.out else {
        streams::print(&spec.text());
        return Ok(());
    };
    let file = folder.join(format!("{}.toml", spec.name()));
    fs::write(&file, spec.text()).with_context(|| format!("cannot write {}", file.display()))?;
    streams::say(&format!("  its scenario: {}", file.display()));
    Ok(())
}
