//! `rackstorm similar`: what makes a small rack behave like a large machine.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use crate::cli::files::{self, Override};
use crate::cli::rare::share;
use crate::cli::{Exit, streams};
use crate::forecast::{Groups, groups, keys};
use crate::plan::Plan;
use crate::report::similar::{self, Input};
use crate::scenario::on_machine;

/// What stands under the help of `similar`.
const EXAMPLES: &str = "\
Examples:
  rackstorm similar rack.toml --to exascale
  rackstorm similar rack.toml --to frontier.toml --tolerance 2% --json
  rackstorm similar rack.toml --to exascale --out rack_like_exascale.toml

Prints the dimensionless groups of both machines, such as checkpoint cost by mean time between
failures, which of them match, and the keys that would make the first like the second: a scenario
that inherits it. The target is a scenario file, or a built-in machine, which is given the job,
the faults and the end that FILE itself has. docs/models/similarity.md has the groups.

Exit codes: 0 done, 2 wrong usage, or a scenario that has no groups.";

/// Find what makes a rack behave like another machine
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Scenario file
    file: PathBuf,
    /// A scenario file, or the name of a built-in machine such as `exascale`
    #[arg(long, value_name = "TARGET")]
    to: String,
    /// Groups match that differ by no more than this share
    #[arg(long, value_name = "SHARE", default_value = "10%", value_parser = share)]
    tolerance: f64,
    #[command(flatten)]
    overrides: Override,
    /// Write the scenario that makes it alike into this file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print one JSON object in place of the table
    #[arg(long)]
    json: bool,
}

/// Loads, reckons, reports.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let Some(own) = files::load(&arguments.file, &arguments.overrides.with([])) else {
        return Ok(Exit::Usage);
    };
    let file = arguments.file.display().to_string();
    let to = match on_machine(&arguments.to, &arguments.file) {
        Ok(loaded) => loaded.scenario,
        Err(mistakes) => {
            streams::report(&mistakes);
            return Ok(Exit::Usage);
        }
    };
    let plan = Plan::make(&own.scenario);
    let Some(of) = known(&plan, &file) else { return Ok(Exit::Usage) };
    let Some(target) = known(&Plan::make(&to), &arguments.to) else { return Ok(Exit::Usage) };
    let keys = keys(&plan, &of, &target);
    let set = keys.iter().map(|(key, value)| format!("{key}={value}"));
    let Some(changed) = files::load(&arguments.file, &arguments.overrides.with(set)) else {
        return Ok(Exit::Usage);
    };
    let Some(changed) = known(&Plan::make(&changed.scenario), "the changed scenario") else {
        return Ok(Exit::Usage);
    };
    let inherit = std::path::absolute(&arguments.file)?.display().to_string();
    let input = Input {
        names: [&own.scenario.name, &to.name],
        groups: [&of, &target, &changed],
        keys: &keys,
        tolerance: arguments.tolerance,
        inherit: &inherit,
    };
    if let Some(out) = &arguments.out {
        std::fs::write(out, similar::snippet(&input))
            .with_context(|| format!("cannot write {}", out.display()))?;
    }
    let json = arguments.json.then(|| similar::json(&input));
    streams::found(json, || similar::text(&input), arguments.out.clone())?;
    Ok(Exit::Done)
}

/// The groups of a plan; `None` after saying why it has none.
fn known(plan: &Plan, name: &str) -> Option<Groups> {
    let known = groups(plan);
    let say = |reasons: &Vec<String>| {
        streams::say(&format!("error: {name} has no groups to compare: {}", reasons.join("; ")));
    };
    known.inspect_err(say).ok()
}
