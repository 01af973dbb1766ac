//! `rackstorm replay`: plays a recorded plan again, to the same events or on another stage.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;

use crate::backend::{self, Backend};
use crate::cli::files::{self, Trust};
use crate::cli::play::{self, Watch};
use crate::cli::summary::{Outcome, Style};
use crate::cli::{Exit, run, streams};
use crate::event::{Event, Sink, Stop};
use crate::plan::Plan;
use crate::record::fingerprint::sha256;
use crate::record::log::Difference;
use crate::record::manifest::this_program;
use crate::record::{Fingerprint, Folder, LogReader, Manifest, RecordError, Verifier};
use crate::record::{faults, words};
use crate::scenario::{self, EventLevel, Overrides, Scenario};

/// What stands under the help of `replay`.
const EXAMPLES: &str = "\
Examples:
  rackstorm replay results/lanl_750_month/42-model-1f0c2ab9
  rackstorm replay results/week/7-loopback-77d01c3e --on model

Demands that every file of the folder is what the run left, makes the plan again from the recorded
scenario, plays it, and compares the fingerprint. If the run was recorded with --events all, a
difference is told with the first event that differs; with --events faults, with the first of those
that were recorded. The exit code is 0 if all is the same and 3 if not. Nothing is written.

With --on STAGE the plan is played there with the faults that the log recorded, each at its own
time, and leaves a results folder to compare with the first; no events are demanded.";

/// Play a recorded run again and demand the same events
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Results folder of a finished run
    results: PathBuf,
    /// Play its plan and recorded faults on this stage, demanding nothing
    #[arg(long, value_name = "STAGE", value_parser = run::stages())]
    on: Option<String>,
    /// The inventory of the rack for --on rack
    #[arg(long, value_name = "FILE", env = "RACKSTORM_RACK", default_value = "rack.toml")]
    rack: PathBuf,
    /// Where the results folder of --on goes
    #[arg(long, value_name = "FOLDER", default_value = "results", env = "RACKSTORM_OUT")]
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
        let Some(stage) = play::stage(stage, &arguments.rack)? else { return Ok(Exit::Usage) };
        return elsewhere(arguments, &manifest, &scenario, &*stage);
    }
    arguments.trust.check_report(&arguments.results, &manifest)?;
    if !manifest.deterministic {
        let stage = &manifest.stage;
        streams::say(&format!(
            "the stage {stage} tells other events each time: its runs cannot be replayed to the \
             same; `rackstorm replay --on model` plays plan and recorded faults in the model"
        ));
        return Ok(Exit::Failed);
    }
    let plan = Plan::make(&scenario);
    if manifest.plan_digest.as_ref().is_some_and(|then| *then != plan.digest()) {
        streams::say(&suspect(&arguments.results, &manifest));
        return Ok(Exit::Failed);
    }
    let Some(stage) = backend::named(&manifest.stage) else {
        streams::say(&format!("this build has no stage {}", manifest.stage));
        return Ok(Exit::Failed);
    };
    play::demand_can(stage, &plan)?;
    let watch = Watch::over(1, arguments.quiet)?;
    let mut again = Again::beside(&arguments.results)?;
    watch.play(stage, &plan, &mut again)?;
    let (fingerprint, difference) = again.finish()?;
    if let Some(difference) = &difference {
        streams::say(&difference.to_string());
    }
    if manifest.fingerprint.as_ref() == Some(&fingerprint) {
        if difference.is_some() {
            streams::say(&format!("the run is the same, but its log is not: {fingerprint}"));
            return Ok(Exit::Failed);
        }
        writeln!(streams::data(), "the same: {fingerprint}")?;
        return Ok(Exit::Done);
    }
    let then = manifest.fingerprint.as_deref().unwrap_or("none");
    streams::say(&format!("the run differs: the fingerprint was {then} and is {fingerprint}"));
    if let Some(version) = other_version(&manifest) {
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
    let shown = arguments.results.display();
    if manifest.event_level == words::event_level(EventLevel::None) {
        bail!("{shown}: it was played with --events none, so it has no log of what struck it");
    }
    let (scenario, struck) = faults::replayed(&Plan::make(scenario), &arguments.results)?;
    // What is played is what the folder's scenario says.
    let text = scenario::text(&scenario);
    let Ok(mut loaded) = scenario::load_text(&manifest.scenario, &text, &Overrides::default())
        .inspect_err(streams::tell)
    else {
        return Ok(Exit::Failed);
    };
    let loaded = loaded.remove(0);
    let plan = Plan::make(&loaded.scenario);
    play::demand_ready(stage, &plan)?;
    let watch = Watch::over(1, arguments.quiet)?;
    let (seed, stage_name) = (plan.scenario.seed, stage.name());
    let folder = Folder::begin(&arguments.out, &plan.scenario.name, seed, stage_name)?;
    let (folder, played) = play::record(stage, &loaded, &plan, folder, &watch)?;
    let finished = folder.finish()?;
    let path = finished.path.clone();
    let point = manifest.sweep.clone().into_iter().collect();
    let (report, verdicts) = (None, Vec::new());
    let outcome = Outcome { point, plan, stage: stage_name, played, finished, report, verdicts };
    if !arguments.quiet {
        streams::print(&outcome.text(Style::Full));
    }
    streams::say(&format!(
        "recorded faults: {struck}; `rackstorm compare {shown} {}` tells the difference",
        path.display()
    ));
    Ok(if streams::data_was_lost() { Exit::Failed } else { Exit::Done })
}

/// Why the plan differs before anything is played.
fn suspect(results: &Path, manifest: &Manifest) -> String {
    let file = results.join(files::RESOLVED);
    let now = fs::read_to_string(&file).map(|text| sha256(&text)).ok();
    let why = if now == manifest.scenario_sha256 {
        other_version(manifest).unwrap_or_else(|| "this program plans differently".to_owned())
    } else {
        format!("{} is not the scenario that was played", file.display())
    };
    format!("the plan differs: {why}")
}

fn other_version(manifest: &Manifest) -> Option<String> {
    let (then, now) = (manifest.program(), this_program());
    (then != now).then(|| format!("{then} played it, and this is {now}"))
}

/// Listens to a run played again: the fingerprint counts, the log tells where a difference begins.
struct Again {
    fingerprint: Fingerprint,
    verifier: Option<Verifier<File>>,
}

impl Again {
    /// Compares with the log of this results folder, if it has one.
    fn beside(results: &Path) -> anyhow::Result<Self> {
        let verifier = match LogReader::open(results) {
            Ok(log) => Some(Verifier::new(log)),
            Err(RecordError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Self { fingerprint: Fingerprint::default(), verifier })
    }

    fn finish(self) -> anyhow::Result<(String, Option<Difference>)> {
        let difference = self.verifier.map(Verifier::finish).transpose()?.flatten();
        Ok((self.fingerprint.finish(), difference))
    }
}

impl Sink for Again {
    fn event(&mut self, event: &Event) -> Result<(), Stop> {
        self.fingerprint.event(event);
        self.verifier.as_mut().map_or(Ok(()), |verifier| verifier.event(event))
    }
}
