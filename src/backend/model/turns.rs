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
//! for it. Not modelled: turns of booting nodes, which take their share at any time.

use crate::ids::JobId;
use crate::plan::Plan;
use crate::protocol::Order as Ordered;
use crate::scenario::jobs::Order;
use crate::units::Time;

use super::world::World;

/// The file server's turns.
pub(super) struct Turns {
    order: Order,
    /// Whose turn it is.
    holder: Option<JobId>,
    /// Who waits, the longest first.
    waiting: Vec<Waiting>,
    /// Since when each job could lose what it computes.
    saved: Vec<Time>,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    job: JobId,
    since: Time,
    wish: Wish,
}

/// What a job waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    /// To write; it is idle.
    Write,
    /// To read; it is idle.
    Read,
    /// To write at a step boundary; until then it works on.
    WorkOn,
}

impl Turns {
    /// Nobody waits.
    pub(super) fn new(plan: &Plan) -> Self {
        let order = plan.scenario.server.order;
        let saved = vec![Time::ZERO; plan.jobs.len()];
        Self { order, holder: None, waiting: Vec::new(), saved }
    }

    /// A job has just begun, or its state is that of a checkpoint.
    pub(super) fn is_safe(&mut self, job: JobId, now: Time) {
        self.saved[usize::from(job.0)] = now;
    }

    /// Whether a job that is to write at this instant works on, as it would have to wait.
    pub(super) fn hold_back(&self, job: JobId) -> bool {
        self.order.works_on() && self.holder.is_some_and(|holder| holder != job)
    }

    /// What the others waste while the one at this place of the queue has its turn, in node
    /// seconds.
    fn waste(&self, place: usize, plan: &Plan, now: Time) -> f64 {
        let numbers = |job: JobId| &plan.jobs[usize::from(job.0)];
        let turn = numbers(self.waiting[place].job).checkpoint_cost.as_secs_f64();
        let others = self.waiting.iter().enumerate().filter(|&(other, _)| other != place);
        let waste = |(_, other): (usize, &Waiting)| {
            let job = numbers(other.job);
            let lost = match other.wish {
                Wish::Write | Wish::Read => now.since(other.since).as_secs_f64() + turn,
                Wish::WorkOn => {
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
        if self.order == Order::LeastWaste {
            let waste = |place: &usize| self.waste(*place, plan, now);
            return all.min_by(|a, b| waste(a).total_cmp(&waste(b)));
        }
        all.min()
    }
}

impl World<'_> {
    /// A job was given an order. It goes to the file server in its turn, waits for it, or needs it
    /// no more.
    pub(super) fn take_turn(&mut self, of: JobId, order: Ordered) {
        let wish = match order {
            Ordered::Write => Some(Wish::Write),
            Ordered::Read => Some(Wish::Read),
            _ if self.job(of).machine.asks() => Some(Wish::WorkOn),
            _ => None,
        };
        if !self.turns.order.has_turns() {
            if let Some(wish) = wish {
                self.go_to_server(of, wish);
            }
            return;
        }
        let turns = &mut self.turns;
        let waits = turns.waiting.iter().position(|waiting| waiting.job == of);
        match (wish, waits) {
            (Some(wish), _) if turns.holder == Some(of) => self.go_to_server(of, wish),
            (Some(wish), Some(place)) => turns.waiting[place].wish = wish,
            (Some(wish), None) => {
                turns.waiting.push(Waiting { job: of, since: self.rack.now(), wish });
            }
            (None, Some(place)) => drop(turns.waiting.remove(place)),
            (None, None) => turns.holder = turns.holder.filter(|holder| *holder != of),
        }
        self.pass_turn();
    }

    /// The next one has its turn, if it is nobody's.
    fn pass_turn(&mut self) {
        if self.turns.holder.is_some() {
            return;
        }
        let Some(next) = self.turns.next(self.plan, self.now()) else { return };
        let Waiting { job, wish, .. } = self.turns.waiting.remove(next);
        self.turns.holder = Some(job);
        self.go_to_server(job, wish);
    }

    fn go_to_server(&mut self, of: JobId, wish: Wish) {
        match wish {
            Wish::Write => self.order_transfers(of, true),
            Wish::Read => self.order_transfers(of, false),
            Wish::WorkOn => {}
        }
    }
}
