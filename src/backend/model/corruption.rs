//! Silent corruption of a node's memory, and what a verification sees of it.

use crate::event::{JobPhase, What};
use crate::ids::{JobId, NodeId};
use crate::protocol::Input;

use super::job::JobPlay;
use super::world::World;

impl JobPlay {
    /// Whether the job uses what is in the memory of this member: it computes, verifies, saves, or
    /// waits while others take the places of dead replicas.
    fn uses(&self, id: u32) -> bool {
        use JobPhase::{Checkpoint, Compute, Restart, Rework, Verify};
        match self.phase() {
            Compute | Rework | Verify | Checkpoint => true,
            Restart => self.newcomers.as_ref().is_some_and(|reading| !reading.contains(&id)),
            JobPhase::Waiting | JobPhase::Done => false,
        }
    }
}

impl World<'_> {
    /// The memory of node `id` is silently corrupted at this instant, by whatever. It harms the job
    /// if the node has a seat and the memory of the seat is used or saved now; what is read back
    /// writes over all else. The plan must say that it [corrupts](crate::plan::Plan::corrupts).
    pub(super) fn corrupt(&mut self, id: u32) {
        let (draw, check) = self.injector.flip(NodeId(id));
        let job = self.job_of(id).map(|job| self.job(job)).filter(|job| job.uses(id));
        let computes = |job: &JobPlay| matches!(job.phase(), JobPhase::Compute | JobPhase::Rework);
        let coverage = self.plan.abft().map_or(0.0, |abft| abft.coverage);
        let checked = job.is_some_and(computes) && check < coverage;
        let seat = job.and_then(|job| job.seat_of(NodeId(id)));
        let mut told = Vec::new();
        self.corruption.strike_in_step(NodeId(id), seat, draw, checked, &mut told);
        for what in told {
            self.tell(what);
        }
    }

    /// Lets whoever checks the job's memory look at the end of an order, before the protocol is
    /// told this. Gives what it is told instead, and the node that is told of afterwards: what was
    /// written is a checkpoint all the same. The last one is the result, which nobody harms.
    pub(super) fn look(
        &mut self,
        of: JobId,
        input: Input,
        told: &mut Vec<What>,
    ) -> (Input, Option<NodeId>) {
        let (job, steps) = (&self.jobs[usize::from(of.0)], self.plan.jobs[usize::from(of.0)].steps);
        let written = matches!(input, Input::Written | Input::Read);
        if self.jobs.len() > 1 || written && job.machine.done() == steps {
            return (input, None);
        }
        let living = |seat: usize| job.replicas.as_ref().map_or(1, |it| it.living(seat as u32));
        match self.corruption.look(input, living, told) {
            Some(node) if !written => (Input::Caught(node), None),
            caught => (input, caught),
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
