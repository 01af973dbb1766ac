//! Who is to be placed: jobs that wait for nodes, and nodes that wait for jobs.
//!
//! Jobs wait in the order of their submission, and a policy says who may overtake whom. A job that
//! failed keeps the nodes that it has left, and its place. Jobs are placed once an instant, however
//! many nodes become free in it, at O(log jobs) for each that is placed, and for each that could be
//! but for something else than the number of nodes. A reservation costs O(jobs that have nodes); to
//! fill the gap before it, a part of those that wait may be looked at in vain (see `backlog`).
//!
//! EASY backfill: the first job that waits has a reservation, at the first instant by which enough
//! nodes are free if each job that has nodes keeps them until its walltime is over. Others may
//! overtake it if that is not put off. Example: of ten nodes six are taken, for 30 min more by
//! walltime. The first job waits for eight: it has a reservation in 30 min, when two nodes will be
//! spare. A job of four nodes and 30 min may start, one of four nodes and 31 min may not, one of
//! two nodes may, however long it is.
//!
//! Source: Lifka, "The ANL/IBM SP scheduling system", JSSPP 1995; Mu'alem and Feitelson,
//! "Utilization, predictability, workloads, and user runtime estimates in scheduling the IBM SP2
//! with backfilling", IEEE TPDS 12 (2001) 529 (both recalled).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::backlog::{Ask, Backlog, Gap};
use super::{Coordinator, JobCommand};
use crate::event::{JobPhase, What};
use crate::ids::{JobId, NodeId};
use crate::plan::Plan;
use crate::protocol::Input;
use crate::protocol::free::Free;
use crate::protocol::numbers::Numbers;
use crate::protocol::seating::Filled;
use crate::scenario::queue::Policy;
use crate::units::{Span, Time};

/// What is to be placed, so that nobody has to ask every job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Placing {
    /// Who may work, and does not.
    #[serde(skip)]
    pub(super) free: Free,
    /// Jobs that wait. Each lacks a node.
    backlog: Backlog,
    /// Jobs that are still to be submitted, and when.
    upcoming: BTreeSet<(Time, JobId)>,
    /// Jobs that were placed and are not done, and when their walltime is over.
    begun: BTreeSet<(Time, JobId)>,
    /// The same jobs, by their numbers.
    holders: Numbers,
    /// Jobs that are not over.
    unfinished: usize,
    /// The instant at which they are placed, as a node has become free, while that is to come.
    #[serde(skip)]
    due: Option<Time>,
    /// When [`super::Input::Time`] has been asked for.
    wakes: BTreeSet<Time>,
}

/// What is kept free for the first job that waits.
#[derive(Clone, Copy, Debug)]
struct Reservation {
    /// From when on.
    at: Time,
    /// Nodes that are free from then on and that it does not need.
    spare: u32,
}

impl Placing {
    /// Whether all jobs are over.
    pub(super) fn are_over(&self) -> bool {
        self.unfinished == 0
    }

    /// The jobs of a plan, all still to be submitted.
    pub(super) fn of(plan: &Plan) -> Self {
        let submits: Vec<_> = plan.scenario.jobs.iter().map(|job| job.queued.submit).collect();
        let upcoming = submits.iter().copied().zip((0..).map(JobId)).collect();
        Self {
            free: Free::default(),
            backlog: Backlog::of(&submits),
            upcoming,
            begun: BTreeSet::new(),
            holders: Numbers::default(),
            unfinished: submits.len(),
            due: None,
            wakes: BTreeSet::new(),
        }
    }

    /// When [`super::Input::Time`] has something to do.
    pub(super) fn next(&self) -> Option<Time> {
        self.wakes.first().copied()
    }

    /// Jobs that were placed and are not done, in their order.
    pub(super) fn begun(&self) -> Vec<JobId> {
        self.holders.iter().map(|job| JobId(job as u16)).collect()
    }

    fn wake(&mut self, at: Time, out: &mut Vec<JobCommand>) {
        self.wakes.insert(at);
        out.push(JobCommand::Wake(at));
    }

    fn free(&self) -> u32 {
        self.free.len() as u32
    }
}

impl Coordinator<'_> {
    /// A node may work.
    pub(super) fn offer(&mut self, now: Time, node: NodeId, out: &mut Vec<JobCommand>) {
        let (spare, works) = (self.spare(node), self.job_of(node).is_some());
        if self.state.jobs.is_empty() || works || !self.plan.machine.works(node) {
            return;
        }
        let placing = &mut self.state.placing;
        let is_new = placing.free.insert(spare, node);
        if is_new && placing.due != Some(now) && self.wants_nodes(now) {
            self.state.placing.due = Some(now);
            self.state.placing.wake(now, out);
        }
    }

    /// Whether a node that has become free may be of use. Who is not ready yet wakes when it is.
    fn wants_nodes(&self, now: Time) -> bool {
        let placing = &self.state.placing;
        let (mut of, gap) = (None, Gap::open(placing.free()));
        if self.policy() != Policy::FirstFit {
            return placing.backlog.head().is_some();
        }
        loop {
            of = placing.backlog.next(of, gap);
            let Some(job) = of.map(|of| self.job(of)) else { return false };
            if job.ready_at <= now && job.may_be_placed(&placing.free) {
                return true;
            }
        }
    }

    fn policy(&self) -> Policy {
        self.plan.scenario.queue.policy
    }

    /// Jobs that are due are submitted. Says whether there are any.
    fn submit(&mut self, now: Time) -> bool {
        let mut any = false;
        while let Some(&(at, of)) = self.state.placing.upcoming.first()
            && at <= now
        {
            self.state.placing.upcoming.pop_first();
            self.asks(of);
            any = true;
        }
        any
    }

    /// The jobs of the first instant are submitted, before anything else happens.
    pub(super) fn open(&mut self) {
        self.submit(Time::ZERO);
        let next = self.state.placing.upcoming.first().map(|&(at, _)| at);
        self.state.placing.wakes.extend(next);
    }

    /// A job waits from now on, or for another number of nodes, or not any more.
    pub(super) fn asks(&mut self, of: JobId) {
        let job = self.job(of);
        let ask = (job.phase() == JobPhase::Waiting).then(|| {
            let nodes = job.seats().lacking() as u32;
            // Of one that has nodes the limit is known, not how long it is.
            let span = if job.limit.is_some() { Span::ZERO } else { self.walltime(of) };
            Ask { nodes, span }
        });
        self.state.placing.backlog.set(of, ask);
    }

    /// How long a job keeps its nodes at most.
    fn walltime(&self, of: JobId) -> Span {
        self.plan.scenario.jobs[usize::from(of.0)].queued.walltime.unwrap_or(Span::FOREVER)
    }

    /// Submits jobs, ends those whose walltime is over, and places those that may be: after all
    /// else of this instant, if some are new.
    pub(super) fn pass(&mut self, now: Time, out: &mut Vec<JobCommand>) {
        let placing = &mut self.state.placing;
        placing.due = None;
        while placing.wakes.first().is_some_and(|at| *at <= now) {
            placing.wakes.pop_first();
        }
        if self.submit(now) {
            self.state.placing.due = Some(now);
            self.state.placing.wake(now, out);
            if let Some(&(next, _)) = self.state.placing.upcoming.first() {
                self.state.placing.wake(next, out);
            }
            return;
        }
        while let Some(&(limit, of)) = self.state.placing.begun.first()
            && limit < now
        {
            self.step(now, of, Input::TimedOut, out);
        }
        match self.policy() {
            Policy::FirstFit => self.place_all(now, None, None, out),
            Policy::Fcfs => drop(self.place_first(now, out)),
            Policy::Easy => {
                if let Some(head) = self.place_first(now, out) {
                    let reservation = self.reservation(now, head);
                    self.place_all(now, Some(head), reservation, out);
                }
            }
        }
    }

    /// Places the first job as long as it can be. Gives the one that cannot.
    fn place_first(&mut self, now: Time, out: &mut Vec<JobCommand>) -> Option<JobId> {
        loop {
            let head = self.state.placing.backlog.head()?;
            if !self.place(now, head, out) {
                return Some(head);
            }
        }
    }

    /// When a job that waits will have its nodes, by the walltimes of those that have nodes now.
    /// `None` if all of them are too few: nobody knows when others will be up.
    fn reservation(&self, now: Time, head: JobId) -> Option<Reservation> {
        let placing = &self.state.placing;
        let needed = placing.backlog.ask(head)?.nodes;
        let (mut at, mut free) = (now.max(self.job(head).ready_at), placing.free());
        for &(limit, of) in placing.begun.iter().filter(|(_, of)| *of != head) {
            if limit > at {
                if free >= needed {
                    break;
                }
                at = limit;
            }
            free += self.job(of).seats().taken() as u32;
        }
        let spare = free.checked_sub(needed)?;
        Some(Reservation { at, spare })
    }

    /// Places each job after this one that finds its nodes and puts no reservation off.
    fn place_all(
        &mut self,
        now: Time,
        mut asked: Option<JobId>,
        mut reservation: Option<Reservation>,
        out: &mut Vec<JobCommand>,
    ) {
        loop {
            let placing = &self.state.placing;
            let free = placing.free();
            let gap = reservation.map_or(Gap::open(free), |Reservation { at, spare }| Gap {
                free,
                span: at.since(now),
                spare,
            });
            let next = placing.backlog.next(asked, gap).filter(|_| free > 0);
            let Some(of) = next else { return };
            asked = next;
            let ask = placing.backlog.ask(of).expect("it waits");
            let span = self.job(of).limit.map_or(ask.span, |limit| limit.since(now));
            if gap.holds(Ask { span, ..ask })
                && self.place(now, of, out)
                && let Some(reservation) = &mut reservation
                && span > gap.span
            {
                reservation.spare -= ask.nodes;
            }
        }
    }

    /// Places a job that waits, if it can be.
    fn place(&mut self, now: Time, of: JobId, out: &mut Vec<JobCommand>) -> bool {
        let walltime = self.walltime(of);
        let job = &mut self.state.jobs[usize::from(of.0)];
        if job.ready_at > now {
            return false;
        }
        let Some(Filled { left, joined, given_up }) = job.crew.fill(&self.state.placing.free)
        else {
            return false;
        };
        if job.limit.is_none() {
            let limit = now + walltime;
            job.limit = Some(limit);
            self.state.placing.begun.insert((limit, of));
            self.state.placing.holders.insert(of.0.into());
            if walltime < Span::FOREVER {
                self.state.placing.wake(limit + Span(1), out);
            }
        }
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
        true
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
        self.asks(of);
        self.state.placing.wake(ready_at, out);
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

    /// A job is over, and leaves its nodes to the others.
    pub(super) fn finish(&mut self, now: Time, job: JobId, out: &mut Vec<JobCommand>) {
        let own = self.job_mut(job);
        let (nodes, limit) = (own.crew.disband(), own.limit);
        self.state.placing.begun.remove(&(limit.expect("it was placed"), job));
        self.state.placing.holders.remove(job.0.into());
        for &node in &nodes {
            self.leaves(job, node, out);
        }
        self.state.placing.unfinished -= 1;
        let any_left = self.state.placing.unfinished > 0;
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
