//! Who is to be placed: jobs that wait for nodes, and nodes that wait for jobs.
//!
//! Jobs are placed in their order as soon as enough nodes are free. Only those that wait are asked,
//! and once an instant however many nodes become free in it, so that the cost of thousands of jobs
//! grows with their number.

use std::collections::BTreeSet;
use std::ops::Bound;

use crate::ids::{JobId, NodeId};
use crate::protocol::Input;
use crate::units::Time;

use super::world::{Timer, World};

/// Nodes that are up, reachable and in no job, spares last.
pub(super) type Free = BTreeSet<(bool, NodeId)>;

/// What is to be placed, so that nobody has to ask every job.
#[derive(Default)]
pub(super) struct Placing {
    /// Jobs that wait, in their order. Each lacks a node.
    waiting: BTreeSet<JobId>,
    /// Jobs that are not done.
    unfinished: usize,
    /// The instant at which they are placed, as a node has become free, while that is to come.
    due: Option<Time>,
}

impl Placing {
    /// So many jobs that wait.
    pub(super) fn of(jobs: usize) -> Self {
        let waiting = (0..jobs as u16).map(JobId).collect();
        Self { waiting, unfinished: jobs, due: None }
    }

    /// Jobs are placed now, or would be if the controller were up.
    pub(super) fn begins(&mut self) {
        self.due = None;
    }

    /// A job waits, or does not.
    pub(super) fn waits(&mut self, job: JobId, waits: bool) {
        if waits {
            self.waiting.insert(job);
        } else {
            self.waiting.remove(&job);
        }
    }

    /// A job is done. Whether any is not.
    pub(super) fn any_after_this(&mut self) -> bool {
        self.unfinished -= 1;
        self.unfinished > 0
    }

    /// The next job that waits, after this one.
    fn after(&self, job: Option<JobId>) -> Option<JobId> {
        let from = job.map_or(Bound::Unbounded, Bound::Excluded);
        self.waiting.range((from, Bound::Unbounded)).next().copied()
    }
}

impl World<'_> {
    /// A node that is up and reachable may work.
    pub(super) fn offer_to_jobs(&mut self, id: u32) {
        let spare = self.plan.machine.nodes[id as usize].spare;
        if self.jobs.is_empty() || !self.rack.connects(NodeId(id)) || self.job_of(id).is_some() {
            return;
        }
        let is_new = self.free.insert((spare, NodeId(id)));
        if !is_new || self.placing.due == Some(self.now()) {
            return;
        }
        // Who is not ready yet has a timer of its own for when it is.
        let may_be_placed = |of: &JobId| {
            let job = &self.jobs[usize::from(of.0)];
            job.ready_at <= self.now() && job.may_be_placed(&self.free)
        };
        if self.placing.waiting.iter().any(may_be_placed) {
            self.placing.due = Some(self.now());
            self.rack.schedule(self.now(), Timer::Place);
        }
    }

    /// Places each job that waits and for which enough nodes are free, the first one first.
    pub(super) fn place(&mut self) {
        let mut asked = None;
        while let Some(of) = self.placing.after(asked).filter(|_| !self.free.is_empty()) {
            asked = Some(of);
            let job = &mut self.jobs[usize::from(of.0)];
            if job.ready_at > self.rack.now() || !job.may_be_placed(&self.free) {
                continue;
            }
            let (left, joined, given_up) = job.choose(&self.free);
            self.forget(of, &given_up);
            for NodeId(id) in left {
                self.leave_job(of, id);
                self.offer_to_jobs(id);
            }
            for NodeId(id) in joined {
                self.join_job(of, id);
            }
            self.step_job(of, Input::Placed);
        }
    }
}
