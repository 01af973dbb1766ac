//! Replicas of the job's seats: which failures stop it, who writes, and who takes dead places.
//!
//! One replica of each seat writes its checkpoint, the first that lives. If it fails while it
//! writes, the next one writes all of it anew; a node that fails while it reads is not waited for.
//!
//! Not modelled: the request to the disk of whoever takes a transfer over.

use crate::event::{JobPhase, What};
use crate::hardware::rack::Left;
use crate::ids::{JobId, NodeId};
use crate::protocol::Input;
use crate::protocol::replica::Loss;
use crate::scenario::replicas::Strategy;

use super::job::JobPlay;
use super::world::World;

impl JobPlay {
    /// A node of the job is lost. Gives its seat if the job does not notice, because another
    /// replica of it lives.
    pub(super) fn absorbs(&mut self, node: NodeId) -> Option<u32> {
        let loss = self.replicas.as_mut()?.lost(node);
        match (loss, self.phase()) {
            (Loss::Absorbed(_), JobPhase::Waiting) | (Loss::Interrupt, _) => None,
            (Loss::Absorbed(seat), _) => Some(seat),
            (Loss::Stranger, _) => unreachable!("a member has a place"),
        }
    }

    /// Members that write or read a checkpoint, in their order.
    pub(super) fn movers(&self, write: bool) -> Vec<u32> {
        if let Some(busy) = self.busy() {
            return busy;
        }
        match (&self.replicas, &self.newcomers) {
            (Some(replicas), _) if write => {
                let mut writers: Vec<_> = replicas.writers().map(|node| node.0).collect();
                writers.sort_unstable();
                writers
            }
            (_, Some(newcomers)) if !write => newcomers.iter().copied().collect(),
            _ => self.members.iter().copied().collect(),
        }
    }
}

impl World<'_> {
    /// A node of the job has failed and another one goes on with its seat.
    pub(super) fn absorb(&mut self, of: JobId, id: u32, seat: u32) {
        self.tell(What::FailureAbsorbed { job: of, node: NodeId(id) });
        let mut told = Vec::new();
        self.corruption.absorbed(NodeId(id), &mut told);
        for what in told {
            self.tell(what);
        }
        self.leave_job(of, id);
        let job = self.job_mut(of);
        if let Some(newcomers) = &mut job.newcomers {
            newcomers.remove(&id);
        }
        let write = job.phase() == JobPhase::Checkpoint;
        let Some(ticket) = job.transfer else { return };
        let left = self.with_rack(|rack| rack.leave_transfer(ticket, NodeId(id)));
        if left != Left::Nothing && write {
            // The first living replica of the seat writes the seat's checkpoint, from its start.
            let replicas = self.job(of).replicas.as_ref().expect("a replica failed");
            let next = replicas.of_seat(seat).next().expect("the failure was absorbed");
            self.with_rack(|rack| rack.join_transfer(ticket, next));
        } else if left == Left::Moving(0) {
            self.cut_job_transfers(of);
            self.transfers_done(of, write);
        }
    }

    /// What a complete checkpoint is to the protocol: if nodes take the places of dead replicas,
    /// the job goes on when they have read it.
    pub(super) fn for_replicas(&self, of: JobId, input: Input) -> Input {
        if input == Input::Written && self.replaces(of) {
            return Input::WrittenForReplicas;
        }
        input
    }

    /// Whether free nodes shall take the places of dead replicas at a checkpoint.
    fn replaces(&self, of: JobId) -> bool {
        let work = self.plan.scenario.workload.as_ref().and_then(|work| work.replicas);
        let job = self.job(of);
        !self.free.is_empty()
            && work.is_some_and(|replicas| replicas.strategy == Strategy::Restart)
            && job.replicas.as_ref().is_some_and(|replicas| replicas.vacant() > 0)
            && job.machine.done() < self.plan.jobs[usize::from(of.0)].steps
    }

    /// Lets free nodes take the places of dead replicas, if the input says so.
    pub(super) fn replace_replicas(&mut self, of: JobId, input: Input) {
        let job = &mut self.jobs[usize::from(of.0)];
        job.newcomers = None;
        if input != Input::WrittenForReplicas {
            return;
        }
        let replicas = job.replicas.as_mut().expect("some are dead");
        let joined = replicas.replace(self.free.iter().map(|&(_, node)| node));
        job.newcomers = Some(joined.iter().map(|node| node.0).collect());
        for NodeId(id) in joined {
            self.join_job(of, id);
        }
    }
}
