//! Turns of several jobs at the file server that they share: who waits, and who is next.
//!
//! Source: the strategies of Herault, Robert, Bouteiller, Arnold, Ferreira, Bosilca, Dongarra,
//! "Optimal cooperative checkpointing for shared high-performance computing platforms", INRIA
//! RR-9109. Their rule for the least waste is recalled, and follows from the rates: if job i takes
//! the server for its C, each other job j that waits idle, since t, wastes the time of its q nodes,
//! and each that works on may fail before it has written, which throws away what it has computed
//! since its last checkpoint, since t, and takes a restart:
//!
//! ```text
//! waste(i) = sum over idle j  of  q_j (t_j + C_i)
//!          + sum over busy j  of  q_j (C_i / M_j) (C_j + t_j + C_i / 2)
//! ```
//!
//! The least one is next, the longest waiting of equal ones.
//!
//! A job that works on writes at the first step boundary in its turn; until then the server waits
//! for it. Only coordinated checkpoints are put off: a job with levels or groups waits for its
//! turn. What stays on the nodes needs no turn.
//!
//! Not modelled: turns of booting nodes and of checkpoints that are written while their job
//! computes, which take their share at any time.

use serde::{Deserialize, Serialize};

use crate::ids::JobId;
use crate::plan::Plan;
use crate::scenario::jobs::ServerOrder;
use crate::units::{Span, Time};

/// The file server's turns.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Turns {
    /// Whose turn it is.
    holder: Option<JobId>,
    /// Who waits, the longest first.
    waiting: Vec<Waiting>,
    /// Since when each job could lose what it computes.
    saved: Vec<Time>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Waiting {
    job: JobId,
    since: Time,
    errand: Errand,
    /// How long its turn takes if nobody else is there.
    cost: Span,
}

/// What a job needs the server for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Errand {
    /// To write; it is idle.
    Write,
    /// To read; it is idle.
    Read,
    /// To write at a step boundary; until then it works on.
    WorkOn,
}

impl Turns {
    /// Nobody waits.
    pub(super) fn of(jobs: usize) -> Self {
        Self { holder: None, waiting: Vec::new(), saved: vec![Time::ZERO; jobs] }
    }

    /// A job has just begun, or its state is that of a checkpoint.
    pub(super) fn is_safe(&mut self, job: JobId, now: Time) {
        self.saved[usize::from(job.0)] = now;
    }

    /// Whether a job that is to write at this instant works on, as it would have to wait.
    pub(super) fn hold_back(&self, plan: &Plan, job: JobId) -> bool {
        let order = plan.scenario.server.order;
        order.works_on() && self.holder.is_some_and(|holder| holder != job)
    }

    /// A job needs the server, or needs it no more. Gives who goes there now, and what for.
    pub(super) fn take(
        &mut self,
        plan: &Plan,
        now: Time,
        job: JobId,
        need: Option<(Errand, Span)>,
    ) -> Option<(JobId, Errand)> {
        let order = plan.scenario.server.order;
        if !order.has_turns() {
            return need.map(|(errand, _)| (job, errand));
        }
        let waits = self.waiting.iter().position(|waiting| waiting.job == job);
        match (need, waits) {
            (Some((errand, _)), _) if self.holder == Some(job) => return Some((job, errand)),
            (Some((errand, cost)), Some(place)) => {
                let waiting = &mut self.waiting[place];
                (waiting.errand, waiting.cost) = (errand, cost);
            }
            (Some((errand, cost)), None) => {
                self.waiting.push(Waiting { job, since: now, errand, cost });
            }
            (None, Some(place)) => drop(self.waiting.remove(place)),
            (None, None) => self.holder = self.holder.filter(|holder| *holder != job),
        }
        if self.holder.is_some() {
            return None;
        }
        let next = self.waiting.remove(self.next(plan, now)?);
        self.holder = Some(next.job);
        Some((next.job, next.errand))
    }

    /// What the others waste while the one at this place of the queue has its turn, in node
    /// seconds.
    fn waste(&self, place: usize, plan: &Plan, now: Time) -> f64 {
        let turn = self.waiting[place].cost.as_secs_f64();
        let others = self.waiting.iter().enumerate().filter(|&(other, _)| other != place);
        let waste = |(_, other): (usize, &Waiting)| {
            let job = &plan.jobs[usize::from(other.job.0)];
            let lost = match other.errand {
                Errand::Write | Errand::Read => now.since(other.since).as_secs_f64() + turn,
                Errand::WorkOn => {
                    let risked = now.since(self.saved[usize::from(other.job.0)]).as_secs_f64();
                    let back = job.checkpoint_cost.as_secs_f64();
                    turn / job.mtbf.as_secs_f64() * (back + risked + turn / 2.0)
                }
            };
            f64::from(job.nodes) * lost
        };
        others.map(waste).sum()
    }

    /// The place in the queue of the one that is next.
    fn next(&self, plan: &Plan, now: Time) -> Option<usize> {
        let all = 0..self.waiting.len();
        if plan.scenario.server.order == ServerOrder::LeastWaste {
            let waste = |place: &usize| self.waste(*place, plan, now);
            return all.min_by(|a, b| waste(a).total_cmp(&waste(b)));
        }
        all.min()
    }
}
