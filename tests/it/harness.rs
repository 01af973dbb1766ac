//! Plays scenario texts on a stage and gives what happened.

use std::path::Path;

use rackstorm::analysis::Findings;
use rackstorm::backend::Backend;
use rackstorm::backend::model::Model;
use rackstorm::event::{EndReason, Event, Sink, Stop, What};
use rackstorm::experiment::Run;
use rackstorm::plan::Plan;
use rackstorm::scenario::{self, Overrides};
use rackstorm::units::Time;

/// What a run emitted, and what it comes to.
pub(crate) struct Played {
    pub(crate) events: Vec<Event>,
    pub(crate) findings: Findings,
}

/// What a run comes to, without what it emitted: of runs whose events would fill the memory.
pub(crate) struct Measured(Findings);

/// Plays the text of a scenario file on the model and keeps the metrics.
pub(crate) fn measure_text(text: &str, seed: Option<u64>) -> Measured {
    let outcome = Run::new(&plan_of_text(text, seed), &Model).play();
    Measured(outcome.expect("nobody stops the play").findings)
}

impl Measured {
    /// A metric that the run must have.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        metric(&self.0, name)
    }
}

fn metric(findings: &Findings, name: &str) -> f64 {
    findings.metric(name).unwrap_or_else(|| panic!("the run has no metric {name}")).value
}

/// Plays the text of a scenario file.
pub(crate) fn play_text(text: &str, seed: Option<u64>) -> Played {
    play_plan(&plan_of_text(text, seed))
}

/// The plan of the text of a scenario file.
pub(crate) fn plan_of(text: &str) -> Plan {
    plan_of_text(text, None)
}

fn plan_of_text(text: &str, seed: Option<u64>) -> Plan {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("play.toml");
    std::fs::write(&path, text).expect("the scenario is written");
    plan_of_file(&path, seed, &[])
}

/// The plan of a scenario file.
pub(crate) fn plan_of_file(path: &Path, seed: Option<u64>, set: &[&str]) -> Plan {
    let set = set.iter().map(ToString::to_string).collect();
    let loaded = match scenario::load(path, &Overrides { set, seed }) {
        Ok(loaded) => loaded,
        Err(mistakes) => panic!("{}", mistakes.render(false)),
    };
    Plan::make(&loaded.scenario)
}

/// Plays a scenario file on the model.
pub(crate) fn play_file(path: &Path, seed: Option<u64>, set: &[&str]) -> Played {
    play_plan(&plan_of_file(path, seed, set))
}

/// Plays a plan on the model.
pub(crate) fn play_plan(plan: &Plan) -> Played {
    play_on(&Model, plan)
}

/// Plays a plan on a stage.
pub(crate) fn play_on(stage: &dyn Backend, plan: &Plan) -> Played {
    play_with(plan, |plan, sink| stage.play(plan, sink))
}

/// Plays a plan in some way.
pub(crate) fn play_with(
    plan: &Plan,
    mut way: impl FnMut(&Plan, &mut dyn Sink) -> Result<EndReason, Stop>,
) -> Played {
    let mut events = Vec::new();
    let run = Run::new(plan, &Model).series().sink(&mut events);
    let findings = run.play_by(&mut way).expect("nobody stops the play").findings;
    Played { events, findings }
}

impl Played {
    /// A metric that the run must have.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        metric(&self.findings, name)
    }

    /// The instants at which something happened.
    pub(crate) fn times(&self, wanted: impl Fn(&What) -> bool) -> Vec<Time> {
        let events = self.events.iter().filter(|event| wanted(&event.what));
        events.map(|event| event.at).collect()
    }

    /// How often something happened.
    pub(crate) fn count(&self, wanted: impl Fn(&What) -> bool) -> usize {
        self.times(wanted).len()
    }
}
