//! `rackstorm replay`: plays a recorded plan again and demands the same events.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::backend::model::Model;
use crate::cli::play::Watch;
use crate::cli::{Exit, files, streams};
use crate::plan::Plan;
use crate::record::{Manifest, Verifier};

/// What stands under the help of `replay`.
const EXAMPLES: &str = "\
Examples:
  rackstorm replay results/lanl_750_month/42-model-1f0c2ab9

Makes the plan again from the recorded scenario, plays it, and compares the fingerprint. If the
run was recorded with --events all, a difference is told with the first event that differs. The
exit code is 0 if all is the same and 3 if not. Nothing is written.";

/// Play a recorded run again and demand the same events
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Results folder of a finished run
    results: PathBuf,
    /// No progress bar
    #[arg(long, short)]
    quiet: bool,
}

/// Plans again, plays again, compares.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let manifest = Manifest::load(&arguments.results)?;
    let Some(scenario) = files::recorded(&arguments.results, &manifest) else {
        return Ok(Exit::Failed);
    };
    let plan = Plan::make(&scenario);
    if plan.digest() != manifest.plan {
        let (then, now) = (&manifest.plan, plan.digest());
        streams::say(&format!(
            "the plan differs before anything is played: {then} then, {now} now"
        ));
        return Ok(Exit::Failed);
    }
    let watch = Watch::over(1, arguments.quiet)?;
    let mut verifier = Verifier::open(&arguments.results)?;
    watch.play(&Model, &plan, &mut verifier)?;
    let replayed = verifier.finish()?;
    if replayed.fingerprint == manifest.fingerprint {
        writeln!(streams::data(), "the same: {}", manifest.fingerprint)?;
        return Ok(Exit::Done);
    }
    let (then, now) = (&manifest.fingerprint, &replayed.fingerprint);
    streams::say(&format!("the run differs: fingerprint {then} then, {now} now"));
    streams::say(replayed.difference.as_deref().unwrap_or(
        "which event differs first can be told of runs recorded with --events all only",
    ));
    Ok(Exit::Failed)
}
