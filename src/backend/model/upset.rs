//! Upsets of a node's memory by cosmic rays: what comes of each hangs on what the node does.

use crate::cosmic::budget::Class;
use crate::event::{Fault, JobPhase, What};
use crate::ids::{FaultId, NodeId};

use super::world::World;

impl World<'_> {
    /// The phase of the job that the node works for.
    pub(super) fn phase_of(&self, id: u32) -> Option<JobPhase> {
        self.jobs.job_of(NodeId(id)).map(|job| self.jobs.phase(job))
    }

    /// The array that the upset which is due strikes, and what comes of it.
    fn upset_due(&self, rule: u16, id: u32) -> (u32, Class) {
        let number = u64::from(self.used(rule, id));
        self.chance.upset(FaultId(rule), id, number, self.phase_of(id))
    }

    /// Whether the scenario's semantics lets the upset that is due strike: it must allow what comes
    /// of it.
    pub(super) fn upset_may_strike(&self, rule: u16, id: u32) -> bool {
        let Some(of) = self.jobs.job_of(NodeId(id)) else { return true };
        let Some(wish) = self.plan.checkpoint_of(of) else { return true };
        let harm = Fault::of_upset(self.upset_due(rule, id).1);
        harm.is_none_or(|kind| wish.lets(kind, self.jobs.phase(of)))
    }

    /// An upset strikes.
    pub(super) fn upset(&mut self, rule: u16, id: u32) {
        let (array, class) = self.upset_due(rule, id);
        self.tell(What::Upset { node: NodeId(id), array, class });
        match class {
            Class::Masked | Class::Corrected => {}
            Class::Silent => self.corrupt(id),
            Class::Hang => self.hang(rule, id),
            Class::Detected | Class::Crash => self.crash(rule, id),
        }
    }
}
