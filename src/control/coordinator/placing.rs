//! Who is to be placed: jobs that wait for nodes, and nodes that wait for jobs.
//!
//! Jobs are placed in their order as soon as enough nodes are free. Only those that wait are asked,
//! and once an instant however many nodes become free in it, so that the cost of thousands of jobs
//! grows with their number.

use std::collections::BTreeSet;
use std::ops::Bound;

use serde::{Deserialize, Serialize};

use super::job::Job;
use super::{Coordinator, JobCommand};
use crate::event::{JobPhase, What};
use crate::ids::{JobId, NodeId};
use crate::protocol::Input;
use crate::protocol::free::Free;
use crate::protocol::seating::Filled;
use crate::units::Time;

/// What is to be placed, so that nobody has to ask every job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Placing {
    /// Who may work, and does not.
    #[serde(skip)]
    pub(super) free: Free,
    /// Jobs that wait, in their order. Each lacks a node.
    waiting: BTreeSet<JobId>,
    /// Jobs that are not done.
    unfinished: usize,
    /// The instant at which they are placed, as a node has become free, while that is to come.
    #[serde(skip)]
    due: Option<Time>,
}

impl Placing {
    /// So many jobs that wait.
    pub(super) fn of(jobs: usize) -> Self {
        let waiting = (0..jobs as u16).map(JobId).collect();
        Self { free: Free::default(), waiting, unfinished: jobs, due: None }
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
    fn any_after_this(&mut self) -> bool {
        self.unfinished -= 1;
        self.unfinished > 0
    }

    /// The next job that waits, after this one.
    fn after(&self, job: Option<JobId>) -> Option<JobId> {
        let from = job.map_or(Bound::Unbounded, Bound::Excluded);
        self.waiting.range((from, Bound::Unbounded)).next().copied()
    }

    /// When the first of them may be placed that could be.
    pub(super) fn next(&self, jobs: &[Job]) -> Option<Time> {
        let waiting = self.waiting.iter().map(|of| &jobs[usize::from(of.0)]);
        let ready = waiting.filter(|job| job.may_be_placed(&self.free)).map(|job| job.ready_at);
        ready.min()
    }
}

impl Coordinator<'_> {
    /// A node may work.
    pub(super) fn offer(&mut self, now: Time, node: NodeId, out: &mut Vec<JobCommand>) {
        let (spare, works) = (self.spare(node), self.job_of(node).is_some());
        let (jobs, placing) = (&self.state.jobs, &mut self.state.placing);
        if jobs.is_empty() || works {
            return;
        }
        let is_new = placing.free.insert(spare, node);
        if !is_new || placing.due == Some(now) {
            return;
        }
        // Who is not ready yet wakes when it is.
        let may_be_placed = |of: &JobId| {
            let job = &jobs[usize::from(of.0)];
            job.ready_at <= now && job.may_be_placed(&placing.free)
        };
        if placing.waiting.iter().any(may_be_placed) {
            placing.due = Some(now);
            out.push(JobCommand::Wake(now));
        }
    }

    /// Places each job that waits and for which enough nodes are free, the first one first.
    pub(super) fn place(&mut self, now: Time, out: &mut Vec<JobCommand>) {
        let mut asked = None;
        self.state.placing.due = None;
        loop {
            let placing = &self.state.placing;
            let next = placing.after(asked).filter(|_| !placing.free.is_empty());
            let Some(of) = next else { return };
            asked = next;
            let job = &mut self.state.jobs[usize::from(of.0)];
            if job.ready_at > now {
                continue;
            }
            let Some(Filled { left, joined, given_up }) = job.crew.fill(&placing.free) else {
                continue;
            };
            self.forget(of, given_up, out);
            for node in left {
                self.leaves(of, node, out);
                self.offer(now, node, out);
            }
            out.reserve(2 * joined.len());
            for node in joined {
                self.joins(of, node, out);
            }
            self.step(now, of, Input::Placed, out);
        }
    }

    /// A node that was free works for a job.
    pub(super) fn joins(&mut self, job: JobId, node: NodeId, out: &mut Vec<JobCommand>) {
        let spare = self.spare(node);
        assert!(self.state.placing.free.remove(spare, node), "who joins was free");
        self.members[node.0 as usize] = Some(job);
        changes(job, node, true, out);
    }

    /// A node works for its job no more.
    pub(super) fn leaves(&mut self, job: JobId, node: NodeId, out: &mut Vec<JobCommand>) {
        self.members[node.0 as usize] = None;
        changes(job, node, false, out);
    }

    /// A failed job looks for nodes when the failure has been noticed and the downtime is over.
    pub(super) fn look_for_nodes(&mut self, now: Time, of: JobId, out: &mut Vec<JobCommand>) {
        let newest = self.job(of).seats().newest().map(|kept| kept.level);
        let ready_at = now + self.notice + self.plan.downtime(of, newest);
        self.job_mut(of).ready_at = ready_at;
        out.push(JobCommand::Wake(ready_at));
    }

    /// The coordinator is back in service: a failure that it had not acted upon is new to it.
    pub(super) fn resumed(&mut self, now: Time, since: Time, out: &mut Vec<JobCommand>) {
        for of in self.ids() {
            let job = self.job(of);
            if job.ready_at > since && job.phase() == JobPhase::Waiting {
                self.look_for_nodes(now, of, out);
            }
        }
    }

    /// A job is done, and leaves its nodes to the others.
    pub(super) fn finish(&mut self, now: Time, job: JobId, out: &mut Vec<JobCommand>) {
        let nodes = self.job_mut(job).crew.disband();
        for &node in &nodes {
            self.leaves(job, node, out);
        }
        let any_left = self.state.placing.any_after_this();
        if any_left {
            for node in nodes {
                self.offer(now, node, out);
            }
        }
        out.push(JobCommand::Finished { job, all: !any_left });
    }
}

/// A node joins a job, or leaves it.
fn changes(job: JobId, node: NodeId, joined: bool, out: &mut Vec<JobCommand>) {
    out.push(JobCommand::Member { job, node, joined });
    out.push(JobCommand::Emit(What::JobNode { job, node, joined }));
}
