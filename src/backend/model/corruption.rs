//! Silent corruption of a node's memory, and what a verification sees of it.

use crate::event::JobPhase;
use crate::ids::{JobId, NodeId};
use crate::protocol::Input;

use super::world::World;

impl World<'_> {
    /// The memory of node `id` is silently corrupted at this instant, by whatever. It harms the job
    /// if the node has a seat and the memory of the seat is used or saved now; what is read back
    /// writes over all else. The plan must say that it [corrupts](crate::plan::Plan::corrupts).
    pub(super) fn corrupt(&mut self, id: u32) {
        let number = self.flips.entry(id).or_insert(0);
        let draw = self.chance.flip(id, *number);
        *number += 1;
        let uses = |phase| {
            use JobPhase::{Checkpoint, Compute, Rework, Verify};
            matches!(phase, Compute | Rework | Verify | Checkpoint)
        };
        let job = self.job_of(id).map(|job| self.job(job)).filter(|job| uses(job.phase()));
        let seat = job.and_then(|job| job.seat_of(NodeId(id)));
        let mut told = Vec::new();
        self.corruption.strike(NodeId(id), seat, draw, &mut told);
        for what in told {
            self.tell(what);
        }
    }

    /// What the verification that is over has found: corrupt memory with the chance that is its
    /// coverage, however far the corruption has spread.
    pub(super) fn verified(&mut self, of: JobId) -> Input {
        let coverage = self.plan.verify().expect("it was ordered").coverage;
        let number = self.verifications;
        self.verifications += 1;
        let Some(seat) = self.corruption.first_struck() else { return Input::Verified };
        if coverage < 1.0 && self.chance.verification(number) >= coverage {
            return Input::Verified;
        }
        Input::Corrupt(self.job(of).node_on(seat).expect("all sit while the job is verified"))
    }
}
