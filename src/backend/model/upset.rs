//! Upsets of a node's memory by cosmic rays: what comes of each hangs on what the node does.

use crate::cosmic::budget::{Activity, Class};
use crate::event::{JobPhase, What};
use crate::ids::{FaultId, NodeId};

use super::world::World;

impl World<'_> {
    /// What the node does.
    fn activity(&self, id: u32) -> Activity {
        match self.job_of(id).map(|job| self.job(job).phase()) {
            Some(JobPhase::Compute | JobPhase::Rework | JobPhase::Verify) => Activity::Compute,
            Some(JobPhase::Checkpoint | JobPhase::Restart) => Activity::Checkpoint,
            Some(JobPhase::Waiting | JobPhase::Done) | None => Activity::Idle,
        }
    }

    /// The array that the upset which is due strikes, and what comes of it.
    fn upset_due(&self, rule: u16, id: u32) -> (u32, Class) {
        let number = u64::from(self.used(rule, id));
        self.chance.upset(FaultId(rule), id, number, self.activity(id))
    }

    /// Whether the scenario's semantics lets the upset that is due strike: it must allow what comes
    /// of it.
    pub(super) fn upset_may_strike(&self, rule: u16, id: u32) -> bool {
        let Some(of) = self.job_of(id) else { return true };
        let Some(wish) = self.plan.checkpoint_of(of) else { return true };
        let phase = self.job(of).phase();
        match self.upset_due(rule, id).1 {
            Class::Masked | Class::Corrected => true,
            Class::Silent => wish.integrity().exposed.allows(phase),
            Class::Detected | Class::Crash | Class::Hang => wish.strikes().allow(phase),
        }
    }

    /// An upset strikes.
    pub(super) fn upset(&mut self, rule: u16, id: u32) {
        let (array, class) = self.upset_due(rule, id);
        self.tell(What::Upset { node: NodeId(id), array, class });
        match class {
            Class::Masked | Class::Corrected => {}
            Class::Silent => self.corrupt(id),
            Class::Detected | Class::Crash => self.crash(rule, id),
            Class::Hang => self.hang(rule, id),
        }
    }
}
