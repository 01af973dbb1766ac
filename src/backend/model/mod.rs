//! The stage `model`: a discrete-event model of the hardware that plays a plan in one thread.
//!
//! The world holds the state; timers and finished transfers drive it; every change is emitted as an
//! event. One run costs O(log n) for each timer and, on trees, for each transfer, and nothing
//! for nodes to which nothing happens. Where the sink can do without every event, whole steps of a
//! job and readings of meters that stand still are passed over.
//!
//! Not modelled: the boot of switches and servers (they work at
//! once when their power or their daemon is back).

mod computing;
mod control;
mod fork;
mod importance;
mod job;
mod leap;
mod pace;
mod sharing;
mod workload;
mod world;

pub use fork::Fork;

use crate::backend::{Backend, needs_real_nodes};
use crate::control::{Bias, Weighed};
use crate::event::{EndReason, Sink, Stop};
use crate::plan::Plan;

/// The stage `model`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Model;

impl Model {
    /// Plays a plan with some things more frequent than by nature, and says what that came to.
    ///
    /// # Errors
    /// When the sink stops it.
    pub fn play_biased(
        plan: &Plan,
        bias: &Bias,
        sink: &mut dyn Sink,
    ) -> Result<(EndReason, Weighed), Stop> {
        let mut world = world::World::biased(plan, bias);
        let end = world.play(sink)?;
        Ok((end, world.weighed()))
    }
}

impl Backend for Model {
    fn name(&self) -> &'static str {
        "model"
    }

    fn about(&self) -> &'static str {
        "discrete-event model of hardware, protocols and jobs"
    }

    fn cannot(&self, plan: &Plan) -> Vec<String> {
        needs_real_nodes(plan).collect()
    }

    fn play(&self, plan: &Plan, sink: &mut dyn Sink) -> Result<EndReason, Stop> {
        world::World::new(plan).play(sink)
    }
}
