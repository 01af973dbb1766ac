//! `rackstorm similar`: what makes a small rack behave like a large machine.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::files::{self, Override};
use crate::cli::{Exit, share, streams};
use crate::forecast::similar::{Incomparable, Keep, groups, keys, usual};
use crate::plan::Plan;
use crate::report::similar::{self, Input};
use crate::scenario;

/// What stands under the help of `similar`.
const EXAMPLES: &str = "\
Examples:
  rackstorm similar rack.toml --to exascale
  rackstorm similar rack.toml --to frontier.toml --within 2% -o scaled.toml
  rackstorm similar rack.toml --to exascale --set workload.bulk-synchronous.work='8 h' --keep work
  rackstorm similar scenarios/study/pilot_interval.toml --to exascale --seed 1 \\
      --set checkpoint.coordinated.interval=daly
  rackstorm similar rack.toml --to exascale --json | jq '.groups[] | select(.matches | not)'

Prints the dimensionless groups of both, such as checkpoint cost by mean time between failures,
which of them match, and the keys that give the job of FILE the groups of the target: a variant to
paste into it. Equal groups are equal efficiency, whatever the size. With -o the scaled scenario is
written as a whole. The target is a scenario file or a built-in one; `exascale` is taken with its
reference job, exascale_job. --set and --seed are FILE's. docs/models/similarity.md has the groups.

Exit codes: 0 done, 2 wrong usage, or a scenario that cannot be compared.";

/// Find what makes a rack behave like another machine
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Scenario file
    file: PathBuf,
    /// The machine to be like: a scenario file, or a built-in one such as `exascale`
    #[arg(long, value_name = "TARGET")]
    to: String,
    /// Groups match that differ by at most this share of the target's
    #[arg(long, value_name = "SHARE", default_value = "5%", value_parser = share)]
    within: f64,
    /// The time of FILE that remains; all others follow [default: checkpoint, if both write any]
    #[arg(long, value_name = "TIME")]
    keep: Option<Kept>,
    #[command(flatten)]
    overrides: Override,
    /// Write the scaled scenario into this file
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print one JSON object in place of the text
    #[arg(long)]
    json: bool,
}

/// What remains.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kept {
    /// What writing a checkpoint takes
    Checkpoint,
    /// The lifetimes of nodes
    Mtbf,
    /// The work of the job
    Work,
}

impl From<Kept> for Keep {
    fn from(kept: Kept) -> Self {
        match kept {
            Kept::Checkpoint => Self::Checkpoint,
            Kept::Mtbf => Self::Mtbf,
            Kept::Work => Self::Work,
        }
    }
}

/// Loads, compares, scales, reports.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let mut overrides = arguments.overrides.with(None);
    let Some(own) = files::load(&arguments.file, &overrides) else { return Ok(Exit::Usage) };
    let Some(to) = files::reference(&arguments.to) else { return Ok(Exit::Usage) };
    let names = [&own.scenario.name, &to.scenario.name];
    let [plan, target] = [&own, &to].map(|loaded| Plan::make(&loaded.scenario));
    let of = |plan: &Plan, name: &str| comparable(groups(plan), name);
    let Some(mine) = of(&plan, names[0]) else { return Ok(Exit::Usage) };
    let Some(other) = of(&target, names[1]) else { return Ok(Exit::Usage) };
    let keep = arguments.keep.map_or_else(|| usual(&mine, &other), Keep::from);
    let found = keys(&plan, [&mine, &other], (&target, keep));
    let Some((scale, keys)) = comparable(found, names[0]) else { return Ok(Exit::Usage) };
    overrides.set.extend(keys.iter().map(|(key, value)| format!("{key}={value}")));
    let Some(scaled) = files::load(&arguments.file, &overrides) else { return Ok(Exit::Usage) };
    let Some(became) = of(&Plan::make(&scaled.scenario), "the scaled scenario") else {
        return Ok(Exit::Usage);
    };
    let groups = [&mine, &other, &became];
    let input = Input { names, groups, scale, keys: &keys, within: arguments.within };
    let json = arguments.json.then(|| similar::json(&input));
    let write = || files::write(arguments.out.as_deref(), &scenario::text(&scaled.scenario));
    streams::found_first(json, || similar::text(&input), write)?;
    Ok(Exit::Done)
}

/// What was found; `None` after saying why there is nothing.
fn comparable<T>(found: Result<T, Incomparable>, name: &str) -> Option<T> {
    found.inspect_err(|why| streams::say(&format!("error: {name}: {why}"))).ok()
}
