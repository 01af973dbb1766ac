//! Random small experiments on the real controller and agents, checked for safety and liveness.
//!
//! Each seed is a spec: a machine of a few nodes, a job, faults that all heal, and what a harness
//! does besides them to network, storage, clocks, power switches and processes. It also draws which
//! kinds of fault there are at all, since a run with few kinds goes further into what
//! they do than one with all of them (Groce, Zhang, Eide, Chen, Regehr: "Swarm testing", ISSTA
//! 2012). The stage `turmoil` plays it, [`check`] reads what was emitted and noticed, and a run
//! that breaks a property is made small by [`shrink`].
//!
//! ```text
//!  seed -> spec -> scenario -> plan -> turmoil -> events, notices -> check -> breach -> shrink
//! ```

pub mod check;
mod nemesis;
pub mod shrink;
pub mod spec;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::backend::turmoil::Turmoil;
use crate::backend::turmoil::nemesis::Kind;
use crate::event::Event;
use crate::experiment::Run;
use crate::fleet::job::Sabotage;
use crate::fleet::ports::Notice;
use crate::plan::Plan;
use crate::scenario;
use crate::units::Time;
use check::Breach;
use spec::RunSpec;

/// What a run emitted, and what its control plane came to know.
#[derive(Debug, Default)]
pub struct Transcript {
    /// The event log.
    pub events: Vec<Event>,
    /// Notices, with their time.
    pub notices: Vec<(Time, Notice)>,
    /// The result that the job must have.
    pub expected: Option<u64>,
    /// Whether another controller took over while the first still believed in itself.
    pub taken_over: bool,
}

/// A seed whose run breaks a property.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The seed.
    pub seed: u64,
    /// What it breaks first.
    pub breach: Breach,
    /// The spec, as small as it could be made.
    pub spec: RunSpec,
    /// What struck before.
    pub n_strikes: usize,
}

/// Plays one spec; gives the first breach, if there is one. A panic is a breach.
#[must_use]
pub fn breach(spec: &RunSpec, sabotage: Option<Sabotage>) -> Option<Breach> {
    let text = spec.text();
    let played = catch_unwind(AssertUnwindSafe(|| {
        let scenario = scenario::read(&spec.name(), &text);
        let scenario = scenario.unwrap_or_else(|mistakes| panic!("{mistakes}\n{text}"));
        let plan = Plan::make(&scenario);
        let (mut transcript, mut notices) = (Transcript::default(), Vec::new());
        let disturbances = spec.disturbances();
        transcript.taken_over = disturbances.iter().any(|it| it.kind == Kind::Takeover);
        let run = Run::new(&plan, &Turmoil).no_findings().sink(&mut transcript.events);
        let end = run.play_by(&mut |plan, sink| {
            Turmoil.play_disturbed(plan, &disturbances, sabotage, sink, &mut notices)
        });
        (transcript.notices, transcript.expected) = (notices, Turmoil.expected(&plan));
        match end {
            Ok(_) => check::check(&plan, &transcript),
            Err(stop) => Some(Breach::new("the programs go on", Time::ZERO, stop.to_string())),
        }
    }));
    played.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Some(Breach::new("nothing panics", Time::ZERO, text.unwrap_or_default()))
    })
}

/// Plays a seed; a violation is shrunk to as few faults as still break the same property.
#[must_use]
pub fn play(seed: u64, sabotage: Option<Sabotage>) -> Option<Violation> {
    let spec = RunSpec::draw(seed);
    let first = breach(&spec, sabotage)?;
    let same = |smaller: &RunSpec| {
        breach(smaller, sabotage).filter(|breach| breach.property == first.property)
    };
    let (small, breach) = shrink::shrink(&spec, first.clone(), same);
    Some(Violation { seed, breach, spec: small, n_strikes: spec.strikes.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each mistake that is built in is found within some seeds and comes down to few faults.
    #[test]
    fn built_in_mistakes_are_found_and_made_small() {
        for sabotage in [Sabotage::CommitEarly, Sabotage::RestoreNewest, Sabotage::SkipLoad] {
            let found = (1..=50).find_map(|seed| play(seed, Some(sabotage)));
            let violation = found.unwrap_or_else(|| panic!("{sabotage:?} is not found"));
            let n_strikes = violation.spec.strikes.len();
            assert!((1..=3).contains(&n_strikes), "{sabotage:?}: {}", violation.spec.text());
            assert_eq!(breach(&violation.spec, None), None, "without {sabotage:?} all is well");
        }
    }
}
