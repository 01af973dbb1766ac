//! The stage `measured`: nothing is played; what real programs took is emitted.
//!
//! It stands with the others only where a measurement is imported: a plan alone cannot be played
//! here.

use crate::backend::Backend;
use crate::event::{EndReason, Sink, Stop, What};
use crate::plan::Plan;
use crate::storm::Measurement;

/// The name of this stage in what it leaves.
pub const NAME: &str = "measured";

/// A measurement as a stage that plays its one plan.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'s>(pub &'s dyn Measurement);

impl Backend for Measured<'_> {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> &'static str {
        "what real programs took"
    }

    /// Reality is not the same each time.
    fn is_deterministic(&self) -> bool {
        false
    }

    fn cannot(&self, plan: &Plan) -> Vec<String> {
        let (nodes, measured) = (plan.machine.nodes.len(), self.0.nodes() as usize);
        let differs = nodes != measured;
        differs
            .then(|| format!("{nodes} nodes, where {measured} were measured"))
            .into_iter()
            .collect()
    }

    fn play(&self, _plan: &Plan, sink: &mut dyn Sink) -> Result<EndReason, Stop> {
        for event in self.0.events() {
            sink.event(&event)?;
            if let What::RunEnds { reason } = event.what {
                return Ok(reason);
            }
        }
        unreachable!("what was measured has ended")
    }
}
