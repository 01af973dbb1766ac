//! Plays a recorded plan again: to the same events, or with its faults on another stage.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

use super::run::{Run, RunError};
use crate::backend;
use crate::event::Sink;
use crate::plan::Plan;
use crate::record::fingerprint::sha256;
use crate::record::folder::SCENARIO;
use crate::record::log::Difference;
use crate::record::manifest::this_program;
use crate::record::{LogReader, Manifest, RecordError, Verifier, faults, words};
use crate::scenario::{self, EventLevel, Overrides, Scenario};

/// How a run that was played again stands to the one that was recorded.
#[derive(Debug)]
pub enum Replayed {
    /// It cannot be played to the same events: why, in words. Nothing was played.
    Never(String),
    /// It was played.
    Played {
        /// Its fingerprint.
        fingerprint: String,
        /// Whether that is the one that was recorded.
        same: bool,
        /// Where the recorded log differs first, if there is one and it does.
        difference: Option<Difference>,
    },
}

/// Plays the run of a results folder again, from its scenario, and compares fingerprint and log.
/// The sink may stop it.
///
/// # Errors
/// When it cannot be played, is stopped, or its log cannot be read.
pub fn replay(
    results: &Path,
    manifest: &Manifest,
    scenario: &Scenario,
    sink: &mut dyn Sink,
) -> Result<Replayed, RunError> {
    let Manifest { stage, deterministic, plan_digest, .. } = manifest;
    if !deterministic {
        return Ok(Replayed::Never(format!(
            "the stage {stage} emits other events each time: its runs cannot be replayed to the \
             same; `rackstorm replay --on model` plays plan and recorded faults in the model"
        )));
    }
    let plan = Plan::make(scenario);
    if plan_digest.as_ref().is_some_and(|then| *then != plan.digest()) {
        return Ok(Replayed::Never(suspect(results, manifest)));
    }
    let Some(stage) = backend::named(stage) else {
        return Ok(Replayed::Never(format!("this build has no stage {stage}")));
    };
    let mut verifier = verifier(results)?;
    let mut run = Run::new(&plan, stage).no_findings().fingerprint().sink(sink);
    if let Some(verifier) = &mut verifier {
        run = run.sink(verifier);
    }
    let fingerprint = run.play()?.fingerprint.expect("it was asked for");
    let difference = verifier.map(Verifier::finish).transpose()?.flatten();
    let same = manifest.fingerprint.as_ref() == Some(&fingerprint);
    Ok(Replayed::Played { fingerprint, same, difference })
}

/// Compares with the log of a results folder, if it has one.
fn verifier(results: &Path) -> Result<Option<Verifier<File>>, RecordError> {
    match LogReader::open(results) {
        Ok(log) => Ok(Some(Verifier::new(log))),
        Err(RecordError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Why the plan differs before anything is played.
pub(super) fn suspect(results: &Path, manifest: &Manifest) -> String {
    let file = results.join(SCENARIO);
    let now = fs::read_to_string(&file).map(|text| sha256(&text)).ok();
    let why = if now == manifest.scenario_sha256 {
        other_version(manifest).unwrap_or_else(|| "this program plans differently".to_owned())
    } else {
        format!("{} is not the scenario that was played", file.display())
    };
    format!("the plan differs: {why}")
}

/// Which program played it, if that was another one than this.
#[must_use]
pub fn other_version(manifest: &Manifest) -> Option<String> {
    let (then, now) = (manifest.program(), this_program());
    (then != now).then(|| format!("{then} played it, and this is {now}"))
}

/// The scenario of a recorded run with the faults that struck it, each at its own time, and how
/// many they are.
///
/// # Errors
/// When it has no log, or that cannot be read or names what the scenario does not have.
pub fn elsewhere(
    results: &Path,
    manifest: &Manifest,
    scenario: &Scenario,
) -> Result<(Scenario, usize), RecordError> {
    let foreign = |why| RecordError::Foreign { path: results.to_owned(), why };
    if manifest.event_level == words::event_level(EventLevel::None) {
        let why = "it was played with --events none, so it has no log of what struck it";
        return Err(foreign(why.to_owned()));
    }
    let (scenario, struck) = faults::replayed(&Plan::make(scenario), results)?;
    // What is played is what the folder's scenario says.
    let text = scenario::text(&scenario);
    let read = scenario::read_over(&manifest.scenario, &text, &Overrides::default());
    Ok((read.map_err(|mistakes| foreign(mistakes.render(false)))?, struck))
}
