//! The stages that can play a plan.

mod live;
pub mod loopback;
pub mod measured;
pub mod model;
pub mod rack;
#[cfg(feature = "turmoil")]
pub mod turmoil;

use loopback::Loopback;
use model::Model;
#[cfg(feature = "turmoil")]
use turmoil::{Reference, Turmoil};

use crate::event::{EndReason, Event, Sink, Stop};
use crate::fleet::admission::Refusals;
use crate::plan::Plan;
use crate::record::words;
use crate::units::Time;

/// Every stage of this build, the usual one first.
pub const ALL: &[&(dyn Backend + Sync)] = &[
    &Model,
    #[cfg(feature = "turmoil")]
    &Turmoil,
    #[cfg(feature = "turmoil")]
    &Reference,
    &Loopback,
];

/// The stage of this name, if this build has it.
#[must_use]
pub fn named(name: &str) -> Option<&'static (dyn Backend + Sync)> {
    ALL.iter().copied().find(|stage| stage.name() == name)
}

impl<B: Backend + ?Sized> Backend for &B {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn about(&self) -> &'static str {
        (**self).about()
    }

    fn is_deterministic(&self) -> bool {
        (**self).is_deterministic()
    }

    fn cannot(&self, plan: &Plan) -> Vec<String> {
        (**self).cannot(plan)
    }

    fn preflight(&self, plan: &Plan) -> Vec<String> {
        (**self).preflight(plan)
    }

    fn play(&self, plan: &Plan, sink: &mut dyn Sink) -> Result<EndReason, Stop> {
        (**self).play(plan, sink)
    }
}

/// What of a plan only real nodes can be made to suffer, a sentence for each rule.
fn needs_real_nodes(plan: &Plan) -> impl Iterator<Item = String> {
    plan.scenario.faults.iter().filter_map(|rule| {
        let (what, word) = (rule.harm.needs_real_nodes()?, rule.kind().word());
        Some(format!("[[fault.{word}]] `{}`: {what}: only real nodes have it", rule.name))
    })
}

/// Reports what was refused in a run that could not go on: in its log, and with the reason.
fn with_refusals(stop: Stop, refusals: Refusals, sink: &mut dyn Sink, at: Time) -> Stop {
    for what in refusals.readings() {
        // A sink that takes no more is why the run ends.
        let _ = sink.event(&Event { at, what });
    }
    match (stop, words::refused(refusals.counts())) {
        (Stop::Failed(why), Some(refused)) => Stop::Failed(format!("{why}; refused: {refused}")),
        (stop, _) => stop,
    }
}

/// A stage.
pub trait Backend {
    /// The stage's name, as in `--on` and in the results folder.
    fn name(&self) -> &'static str;

    /// What it is, in a few words, for the help.
    fn about(&self) -> &'static str;

    /// Whether the same plan gives the same events each time.
    fn is_deterministic(&self) -> bool {
        true
    }

    /// What of the plan this stage cannot play, a sentence for each. Empty: it can play it all.
    fn cannot(&self, plan: &Plan) -> Vec<String>;

    /// What in the world keeps this stage from playing the plan now, a sentence for each; asked
    /// before anything is written or touched.
    fn preflight(&self, _plan: &Plan) -> Vec<String> {
        Vec::new()
    }

    /// Plays the plan and emits every event to the sink.
    ///
    /// # Errors
    /// What the sink asked for.
    fn play(&self, plan: &Plan, sink: &mut dyn Sink) -> Result<EndReason, Stop>;
}
