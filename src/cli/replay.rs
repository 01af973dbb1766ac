//! `rackstorm replay`: plays a recorded plan again, to the same events or on another stage.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::backend::Backend;
use crate::cli::files::{self, Trust};
use crate::cli::watch::Watch;
use crate::cli::{Exit, stage, streams};
use crate::experiment::summary::{Ended, Style};
use crate::experiment::{self, Replayed, Run};
use crate::plan::Plan;
use crate::record::Manifest;
use crate::scenario::Scenario;

/// What stands under the help of `replay`.
const EXAMPLES: &str = "\
Examples:
  rackstorm replay results/lanl_750_month/42-model-1f0c2ab9
  rackstorm replay results/week/7-loopback-77d01c3e --on model

Demands that every file of the folder is what the run left, makes the plan again from the recorded
scenario, plays it, and compares the fingerprint. If the run was recorded with --events all, a
difference is reported with the first event that differs; with --events faults, with the first of
those that were recorded. The exit code is 0 if all is the same and 3 if not. Nothing is written.

With --on STAGE the plan is played there with the faults that the log recorded, each at its own
time, and leaves a results folder to compare with the first; no events are demanded.";

/// Play a recorded run again and demand the same events
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Results folder of a finished run
    results: PathBuf,
    /// Play its plan and recorded faults on this stage, demanding nothing
    #[arg(long, value_name = "STAGE", value_parser = stage::names())]
    on: Option<String>,
    /// The inventory of the rack for --on rack
    #[arg(long, value_name = "FILE", env = "RACKSTORM_RACK", default_value = "rack.toml")]
    rack: PathBuf,
    /// Where the results folder of --on goes
    #[arg(long, short, value_name = "FOLDER", default_value = "results", env = "RACKSTORM_OUT")]
    out: PathBuf,
    /// No progress bar
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    trust: Trust,
}

/// Plans again, plays again, compares.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let manifest = arguments.trust.finished(&arguments.results)?;
    let Some(scenario) = files::recorded(&arguments.results, &manifest) else {
        return Ok(Exit::Failed);
    };
    if let Some(stage) = &arguments.on {
        let Some(stage) = stage::named(stage, &arguments.rack)? else { return Ok(Exit::Usage) };
        return elsewhere(arguments, &manifest, &scenario, &*stage);
    }
    arguments.trust.check_report(&arguments.results, &manifest)?;
    let watch = Watch::over(1, arguments.quiet)?;
    let mut watched = watch.run(&scenario);
    let replayed = experiment::replay(&arguments.results, &manifest, &scenario, &mut watched)?;
    drop(watched);
    let (fingerprint, same, difference) = match replayed {
        Replayed::Played { fingerprint, same, difference } => (fingerprint, same, difference),
        Replayed::Never(why) => {
            streams::say(&why);
            return Ok(Exit::Failed);
        }
    };
    if let Some(difference) = &difference {
        streams::say(&difference.to_string());
    }
    if same && difference.is_none() {
        writeln!(streams::data(), "the same: {fingerprint}")?;
        return Ok(Exit::Done);
    }
    if same {
        streams::say(&format!("the run is the same, but its log is not: {fingerprint}"));
        return Ok(Exit::Failed);
    }
    let then = manifest.fingerprint.as_deref().unwrap_or("none");
    streams::say(&format!("the run differs: the fingerprint was {then} and is {fingerprint}"));
    if let Some(version) = experiment::other_version(&manifest) {
        streams::say(&version);
    }
    Ok(Exit::Failed)
}

/// Plays the recorded plan and faults on a stage, and leaves a results folder.
fn elsewhere(
    arguments: &Arguments,
    manifest: &Manifest,
    scenario: &Scenario,
    stage: &dyn Backend,
) -> anyhow::Result<Exit> {
    let (scenario, struck) = experiment::elsewhere(&arguments.results, manifest, scenario)?;
    let plan = Plan::make(&scenario);
    let watch = Watch::over(1, arguments.quiet)?;
    let mut watched = watch.run(&scenario);
    let run = Run::new(&plan, stage).sink(&mut watched).record(&arguments.out)?;
    drop(watched);
    let path = run.folder.path.clone();
    let ended = Ended { plan, stage: stage.name(), run, report: None };
    if !arguments.quiet {
        streams::print(&ended.text(Style::Full));
    }
    streams::say(&format!(
        "recorded faults: {struck}; `rackstorm compare {} {}` shows the difference",
        arguments.results.display(),
        path.display()
    ));
    Ok(if streams::data_was_lost() { Exit::Failed } else { Exit::Done })
}
