//! One run from which many go on: what they share is played once.
//!
//! ```text
//!  |----boot----|--step--|--step--|ccc|   the run itself, with pauses
//!                   |        |x---------------   a rule strikes at the second pause
//!                   |x------------------------   or at the first
//! ```
//!
//! A strike at a pause is the strike of a rule with that `at`, to the last event.

use super::world::World;
use crate::event::{EndReason, Sink, Stop};
use crate::ids::FaultId;
use crate::plan::Plan;
use crate::units::Time;

/// A run of the model that stands still at a pause, or at its start.
pub struct Fork<'p>(World<'p>);

impl<'p> Fork<'p> {
    /// The run of a plan, at its start, with pauses at these instants. The sinks need not be given
    /// every event.
    #[must_use]
    pub fn begin(plan: &'p Plan, pauses: &[Time]) -> Self {
        let mut world = World::new(plan);
        world.begin(false, pauses);
        Self(world)
    }

    /// Plays on to the next pause; says whether there was one before the end.
    ///
    /// # Errors
    /// What the sink asked for.
    pub fn go_on(&mut self, sink: &mut dyn Sink) -> Result<bool, Stop> {
        Ok(self.0.go_on(sink)?.is_none())
    }

    /// What comes of it, to the end, if this rule strikes now.
    ///
    /// # Errors
    /// What the sink asked for.
    pub fn with_strike(&self, fault: FaultId, sink: &mut dyn Sink) -> Result<EndReason, Stop> {
        let mut world = self.0.clone();
        world.strike_now(fault);
        loop {
            if let Some(reason) = world.go_on(sink)? {
                return Ok(reason);
            }
        }
    }
}
