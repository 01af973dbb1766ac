//! The stage `measured`: nothing is played; what real programs took in a storm is emitted.
//!
//! It stands with the others only where a storm is imported: a plan alone cannot be played here.

use crate::backend::Backend;
use crate::event::{EndReason, Sink, Stop, What};
use crate::plan::Plan;
use crate::storm::Storm;

/// The name of this stage in what it leaves.
pub const NAME: &str = "measured";

/// A storm as a stage that plays its one plan.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'s>(pub &'s Storm);

impl Backend for Measured<'_> {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> &'static str {
        "what real programs took in a storm"
    }

    /// Reality is not the same each time.
    fn is_deterministic(&self) -> bool {
        false
    }

    fn cannot(&self, plan: &Plan) -> Vec<String> {
        let (nodes, clients) = (plan.machine.nodes.len(), self.0.clients.len());
        let differs = nodes != clients;
        differs
            .then(|| format!("{nodes} nodes, where {clients} clients were measured"))
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
        unreachable!("a storm ends")
    }
}
