//! The stages that can play a plan.

pub mod model;

use crate::event::{EndReason, Sink, Stop};
use crate::plan::Plan;

/// A stage.
pub trait Backend {
    /// The stage's name, as in `--on` and in the results folder.
    fn name(&self) -> &'static str;

    /// What of the plan this stage cannot play, a sentence for each. Empty: it can play it all.
    fn cannot(&self, plan: &Plan) -> Vec<String>;

    /// Plays the plan and tells every event to the sink.
    ///
    /// # Errors
    /// What the sink asked for.
    fn play(&self, plan: &Plan, sink: &mut dyn Sink) -> Result<EndReason, Stop>;
}
