//! The nodes of the jobs: commands of the coordinator as orders to agents, and what they answer.
//!
//! What is decided is the coordinator's. A command for all nodes of a job is an order to each of
//! them, which is done when each says so. A failure is known when the detector suspects the node;
//! it happened at the node's last sign of life, and the others computed on until it was known: then
//! what they have not done is cancelled, and what they answer to it counts for nothing.
//!
//! All replicas of a seat compute the same memory and send its sum to all replicas of the next
//! seat, which take the first that comes. A step is done when all have done it; as soon as each
//! seat has one that has, the others have one heartbeat left. Whoever is behind then is given up
//! like one that failed: the dead need not be noticed first. It may work again when it answers
//! late, or joins.
//!
//! Not modelled: a check of replicas against each other; checkpoints that are written while agents
//! compute.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::control::coordinator::{
    self, Coordinator, Cost, Image, Input, JobCommand, Loss, Work as Wanted,
};
use crate::event::{JobPhase, What};
use crate::fleet::ports::Address;
use crate::fleet::ranks;
use crate::fleet::wire::{NodeOrder, Seat, Where, Work};
use crate::ids::{FaultId, JobId, NodeId, Part};
use crate::plan::Plan;
use crate::protocol::holders;
use crate::protocol::seating::{Kept, Source};
use crate::scenario::job::KeptAt;
use crate::units::{Bytes, Span, Time};

/// Mistakes that can be built in on purpose, to see that they are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// A checkpoint is committed when the first seat has saved its memory.
    CommitEarly,
    /// A restart reads the newest checkpoint, committed or not.
    RestoreNewest,
    /// A seat says that it has loaded its memory and begins anew.
    SkipLoad,
}

/// What the jobs demand of the controller, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Emit this.
    Emit(What),
    /// Give this order to a node.
    Order(NodeId, NodeOrder),
    /// What a node was ordered up to this number is void.
    Cancel(NodeId, u64),
    /// The file server forgets what is stored under this name.
    Delete(String),
    /// A node forgets what is on its card and in its memory under this name.
    Forget(NodeId, String),
    /// All jobs are over, with this result; none if one was ended before it was done.
    Finished(Option<u64>),
}

/// The jobs of a plan, and their nodes.
#[derive(Clone, Debug)]
pub struct Jobs<'p> {
    plan: &'p Plan,
    /// Memory of each rank (64-bit words).
    words: u32,
    sabotage: Option<Sabotage>,
    /// The term of the controller.
    term: u64,
    coordinator: Coordinator<'p>,
    crews: Crews,
    demands: Vec<Demand>,
}

/// What changes of the jobs, to be saved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    coordinator: coordinator::State,
    crews: Crews,
}

/// What was ordered of whom.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Crews {
    each: Vec<Workers>,
    /// Where nodes are reached by their neighbours.
    reached: BTreeMap<NodeId, Address>,
    /// Nodes that were given up as they were behind: nobody knows whether they live.
    given_up: BTreeSet<NodeId>,
    /// Grows whenever what the nodes of a job have in memory is worthless.
    placements: u64,
}

/// The nodes of a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Workers {
    placement: u64,
    /// What was ordered, and its number.
    order: Option<(u64, Wanted)>,
    /// Who has not yet done it.
    waiting: BTreeSet<NodeId>,
    /// Checksum of each seat's memory after its last order.
    sums: Vec<u64>,
    /// The first seat that was found corrupt under this order.
    found: Option<usize>,
    /// When those are given up that are behind the first of their seats.
    late_at: Option<Time>,
    /// Number and last step of the checkpoint that was ordered last.
    begun: Option<(u64, u64)>,
}

impl<'p> Jobs<'p> {
    /// The plan's jobs at their start, or where `saved` left them.
    #[must_use]
    pub fn new(plan: &'p Plan, words: u32, term: u64, saved: Option<State>) -> Self {
        // Nodes that failed together fall silent within one heartbeat of each other: who is given a
        // seat before that may be silent already.
        let notice = plan.scenario.controller.heartbeat();
        let (coordinator, crews) = match saved {
            Some(State { coordinator, mut crews }) => {
                // No number is given twice, whatever the controller before this one did of which
                // it left no word: the term is their upper half.
                let least = term << 32;
                crews.placements = crews.placements.max(least);
                (Coordinator::resume(plan, notice, coordinator).ordering_from(least), crews)
            }
            None => (Coordinator::new(plan, notice), Crews::new(plan)),
        };
        let demands = Vec::new();
        Self { plan, words, sabotage: None, term, coordinator, crews, demands }
    }

    /// Builds a mistake in.
    #[must_use]
    pub fn sabotaged(self, sabotage: Option<Sabotage>) -> Self {
        Self { sabotage, ..self }
    }

    /// What has to be saved.
    #[must_use]
    pub fn state(&self) -> State {
        State { coordinator: self.coordinator.state().clone(), crews: self.crews.clone() }
    }

    /// The job that a node works for, and its phase.
    #[must_use]
    pub fn works_for(&self, node: NodeId) -> Option<(JobId, JobPhase)> {
        let job = self.coordinator.job_of(node)?;
        Some((job, self.coordinator.phase(job)))
    }

    /// Whether all jobs have ended.
    #[must_use]
    pub fn are_over(&self) -> bool {
        self.coordinator.are_over()
    }

    /// The result that the jobs must have; `None` without jobs.
    #[must_use]
    pub fn expected(plan: &Plan, words: u32) -> Option<u64> {
        let each = (0..).zip(plan.jobs.iter()).map(|(id, job)| {
            let ranks = plan.scenario.work_of(JobId(id)).map_or(1, |work| work.ranks_per_node);
            let (right, more) = (Address::new("", 0), Vec::new());
            let seat = Seat { number: 0, of: job.seats, ranks, words, right, more, twin: false };
            ranks::expected(&seat, job.steps)
        });
        combined(each)
    }

    /// What is demanded since this was asked last.
    pub fn take_demands(&mut self) -> Vec<Demand> {
        std::mem::take(&mut self.demands)
    }

    /// A node may work; one that does is given its order again.
    pub fn offer(&mut self, now: Time, node: NodeId, peers: Address) {
        self.crews.reached.insert(node, peers);
        self.crews.given_up.remove(&node);
        match self.coordinator.job_of(node) {
            Some(job) => self.demands.extend(self.order_of(job, node)),
            None => self.handle(now, Input::Free(node)),
        }
    }

    /// What a node was ordered up to this number is void, whatever it knows.
    #[must_use]
    pub fn void_for(&self, node: NodeId) -> u64 {
        let job = self.coordinator.job_of(node);
        let order = job.and_then(|job| self.crews.each[usize::from(job.0)].order);
        order.map_or_else(|| self.coordinator.last_order(), |(number, _)| number - 1)
    }

    /// A node was lost; it was last heard at `since`.
    pub fn lost(&mut self, now: Time, since: Time, node: NodeId) {
        self.crews.reached.remove(&node);
        self.crews.given_up.remove(&node);
        self.handle(now, Input::Lost(Loss { node, class: 1, since }));
    }

    /// What a node had in its memory is lost.
    pub fn wiped(&mut self, now: Time, node: NodeId) {
        self.handle(now, Input::Wiped(node));
    }

    /// A strike of a fault is foreseen.
    pub fn foreseen(&mut self, now: Time, fault: FaultId, part: Part) {
        self.handle(now, Input::Foreseen(fault, part));
    }

    /// The memory of a node is corrupted now.
    pub fn corrupt(&mut self, now: Time, node: NodeId, draw: u64, check: f64) {
        self.handle(now, Input::Corrupted { node, draw, check });
    }

    /// When [`Self::pass`] may have something to do.
    #[must_use]
    pub fn next(&self) -> Option<Time> {
        let late = self.crews.each.iter().filter_map(|workers| workers.late_at);
        late.chain(self.coordinator.next()).min()
    }

    /// Time has passed.
    pub fn pass(&mut self, now: Time) {
        for job in (0..self.crews.each.len() as u16).map(JobId) {
            if self.workers(job).late_at.is_some_and(|at| at <= now) {
                self.give_up_late(now, job);
            }
        }
        if self.coordinator.next().is_some_and(|at| at <= now) {
            self.handle(now, Input::Time);
        }
    }

    /// A node has done an order; `sum` is its memory's checksum. `corrupt`: it was to verify its
    /// memory, and that is not what it should be.
    pub fn done(&mut self, now: Time, node: NodeId, order: u64, sum: u64, corrupt: bool) {
        if self.crews.given_up.remove(&node) {
            return self.handle(now, Input::Free(node));
        }
        let Some(job) = self.coordinator.job_of(node) else { return };
        let (coordinator, workers) = (&self.coordinator, &mut self.crews.each[usize::from(job.0)]);
        let Some((_, work)) = workers.order.filter(|(number, _)| *number == order) else { return };
        let place = coordinator.seats(job).seat_of(node).expect("who works for a job has a place");
        let seat = coordinator.seat_at(job, place);
        if corrupt && matches!(work, Wanted::Verify { .. }) {
            workers.note(seat);
        }
        if !workers.waiting.remove(&node) {
            return;
        }
        let saves = matches!(work, Wanted::Write(_));
        let old = std::mem::replace(&mut workers.sums[seat], sum);
        if old != sum && saves && self.plan.verify(job).is_some() {
            // It was struck between the verification and this. Behind verifications that miss
            // nothing all checkpoints are taken to be clean: this one would be read back again
            // and again, and never be thrown away.
            workers.note(seat);
        }
        if saves && self.sabotage == Some(Sabotage::CommitEarly) {
            workers.waiting.clear();
        }
        self.go_on(now, job);
    }

    /// A node does not have the memory that an order supposes: its work is lost, and it is free.
    pub fn unable(&mut self, now: Time, node: NodeId, order: u64) {
        let Some(job) = self.coordinator.job_of(node) else { return };
        let workers = self.workers(job);
        if workers.order.is_some_and(|(number, _)| number == order)
            && workers.waiting.contains(&node)
        {
            self.handle(now, Input::Lost(Loss { node, class: 1, since: now }));
            self.handle(now, Input::Free(node));
        }
    }

    fn workers(&mut self, job: JobId) -> &mut Workers {
        &mut self.crews.each[usize::from(job.0)]
    }

    /// Informs the coordinator, and does what it commands.
    fn handle(&mut self, now: Time, input: Input) {
        let mut commands = Vec::new();
        self.coordinator.on(now, input, &mut commands);
        for command in commands {
            self.carry_out(now, command);
        }
    }

    fn carry_out(&mut self, now: Time, command: JobCommand) {
        match command {
            JobCommand::Emit(what) => self.demands.push(Demand::Emit(what)),
            JobCommand::Stop { job, anew } => {
                self.crews.placements += u64::from(anew);
                let placement = self.crews.placements;
                let workers = self.workers(job);
                (workers.found, workers.late_at) = (None, None);
                if anew {
                    workers.placement = placement;
                }
                let (order, waiting) = (workers.order.take(), std::mem::take(&mut workers.waiting));
                if let Some((number, _)) = order {
                    let cancel = |node| Demand::Cancel(node, number);
                    self.demands.extend(waiting.into_iter().map(cancel));
                }
            }
            JobCommand::Order { job, order, work } => self.order(job, order, work),
            JobCommand::Without { job, node, heir } => {
                if self.workers(job).waiting.remove(&node) {
                    if let Some(heir) = heir {
                        self.workers(job).waiting.insert(heir);
                        self.demands.extend(self.order_of(job, heir));
                    }
                    self.go_on(now, job);
                }
            }
            JobCommand::Forget { job, kept } => self.forget(job, &kept),
            JobCommand::Finished { all: true, .. } => {
                let sums = self.crews.each.iter().map(|workers| workers.sums.iter().copied());
                let mut jobs = (0..self.crews.each.len() as u16).map(JobId);
                let is_whole = jobs.all(|job| self.coordinator.phase(job) == JobPhase::Done);
                let result = combined(sums.map(ranks::result)).filter(|_| is_whole);
                self.demands.push(Demand::Finished(result));
            }
            // Agents know what they do, and the time is asked for by `next`. No plan that the
            // fleet takes has checkpoints that are written while it computes.
            JobCommand::Finished { all: false, .. }
            | JobCommand::Member { .. }
            | JobCommand::Load { .. }
            | JobCommand::Wake(_)
            | JobCommand::Pace { .. }
            | JobCommand::Drain { .. }
            | JobCommand::PauseDrain(_)
            | JobCommand::DropDrain(_) => {}
        }
    }

    /// Gives an order to those of a job who are to carry it out.
    fn order(&mut self, job: JobId, order: u64, work: Wanted) {
        let of = match work {
            Wanted::Compute { .. } | Wanted::Verify { .. } => {
                self.coordinator.seats(job).nodes().collect()
            }
            Wanted::Write(_) | Wanted::Read(_) => self.coordinator.movers(job),
        };
        let workers = self.workers(job);
        workers.order = Some((order, work));
        workers.waiting = of.iter().copied().collect();
        if let Wanted::Write(Image { checkpoint: Some(number), step, .. }) = work {
            workers.begun = Some((number, step));
        }
        let orders: Vec<_> = of.iter().filter_map(|&node| self.order_of(job, node)).collect();
        self.demands.extend(orders);
    }

    /// Goes on if all have done what was ordered.
    fn go_on(&mut self, now: Time, job: JobId) {
        let workers = self.workers(job);
        if !workers.waiting.is_empty() {
            return self.await_late(now, job);
        }
        let Some((order, _)) = workers.order.take() else { return };
        let found = workers.found.take();
        let found = found.and_then(|seat| self.coordinator.seats(job).seats()[seat]);
        self.handle(now, Input::Done { job, order, found });
    }

    /// Gives replicas that are behind one heartbeat, if each seat has one that is not.
    fn await_late(&mut self, now: Time, job: JobId) {
        let workers = &self.crews.each[usize::from(job.0)];
        let computes = matches!(workers.order, Some((_, Wanted::Compute { .. })));
        if !computes || workers.late_at.is_some() || self.plan.replicas(job).is_none() {
            return;
        }
        let places = self.coordinator.seats(job).seats().iter().enumerate();
        let mut missing: BTreeSet<_> = (0..workers.sums.len()).collect();
        for (place, node) in places {
            if node.is_some_and(|node| !workers.waiting.contains(&node)) {
                missing.remove(&self.coordinator.seat_at(job, place));
            }
        }
        if missing.is_empty() {
            let at = now + self.plan.scenario.controller.heartbeat();
            self.workers(job).late_at = Some(at);
        }
    }

    /// Gives up the replicas that are behind.
    fn give_up_late(&mut self, now: Time, job: JobId) {
        let workers = self.workers(job);
        workers.late_at = None;
        for node in workers.waiting.clone() {
            self.crews.given_up.insert(node);
            self.handle(now, Input::Lost(Loss { node, class: 1, since: now }));
        }
    }

    /// Nobody needs the images of a checkpoint any more.
    fn forget(&mut self, job: JobId, kept: &Kept) {
        for seat in 0..self.plan.jobs[usize::from(job.0)].seats {
            let image = || image_name(job.0, kept.number, seat);
            match &kept.holders {
                None => self.demands.push(Demand::Delete(image())),
                Some(holders) => {
                    let nodes = holders.of(seat as usize).iter();
                    self.demands.extend(nodes.map(|&node| Demand::Forget(node, image())));
                }
            }
        }
    }

    /// Where the nodes of a seat are reached.
    fn reached_at(&self, job: JobId, seat: usize) -> Vec<Address> {
        let places = self.coordinator.seats(job).seats();
        let address = |node: &NodeId| self.crews.reached.get(node).cloned();
        if self.plan.replicas(job).is_none() {
            return places[seat].iter().filter_map(address).collect();
        }
        let of_seat =
            places.iter().enumerate().filter(|(at, _)| self.coordinator.seat_at(job, *at) == seat);
        of_seat.filter_map(|(_, node)| address(node.as_ref()?)).collect()
    }

    /// The order that a node has not yet carried out.
    fn order_of(&self, job: JobId, node: NodeId) -> Option<Demand> {
        let workers = &self.crews.each[usize::from(job.0)];
        let (number, work) = workers.order.filter(|_| workers.waiting.contains(&node))?;
        let place = self.coordinator.seats(job).seat_of(node)?;
        let (seat, of) = (self.coordinator.seat_at(job, place), workers.sums.len());
        let mut more = self.reached_at(job, (seat + 1) % of);
        let right = if more.is_empty() { return None } else { more.remove(0) };
        let work = self.work_of(job, place, work, &right)?;
        let seat = Seat {
            number: seat as u32,
            of: of as u32,
            ranks: self.plan.scenario.work_of(job)?.ranks_per_node,
            words: self.words,
            right,
            more,
            twin: self.plan.verify(job).is_some(),
        };
        let (placement, term) = (workers.placement, self.term);
        Some(Demand::Order(node, NodeOrder { job: job.0, number, placement, term, seat, work }))
    }

    /// What the node on a place has to do.
    fn work_of(&self, job: JobId, place: usize, work: Wanted, right: &Address) -> Option<Work> {
        let costs = |cost| match cost {
            Cost::Span(span) => (Bytes(0), Span::ZERO, span),
            Cost::Moves(parcel) => (parcel.bytes, parcel.packing, Span::ZERO),
        };
        let kept_at = |level| self.plan.checkpoint_of(job).map(|spec| spec.cost(level).place());
        Some(match work {
            Wanted::Compute { step, span, .. } => Work::Compute { step, span },
            Wanted::Verify { step, span, blind } => Work::Verify { step, blind, span },
            Wanted::Write(Image { checkpoint, step, level, cost }) => {
                let (declared, packing, span) = costs(cost);
                let to = self.saved_to(job, place, kept_at(level)?, right)?;
                Work::Save { checkpoint: checkpoint?, to, step, declared, packing, span }
            }
            Wanted::Read(Image { mut checkpoint, mut step, level, cost }) => {
                let (declared, packing, span) = costs(cost);
                if self.sabotage == Some(Sabotage::RestoreNewest)
                    && let Some(begun) = self.crews.each[usize::from(job.0)].begun
                {
                    (checkpoint, step) = (Some(begun.0), begun.1);
                }
                let from = self.loaded_from(job, place, kept_at(level)?)?;
                Work::Load { checkpoint, from, step, declared, packing, span }
            }
        })
    }

    /// Where the node on a place of a job is reached.
    fn address_at(&self, job: JobId, place: usize) -> Option<Address> {
        let node = self.coordinator.seats(job).seats()[place]?;
        self.crews.reached.get(&node).cloned()
    }

    /// Where a seat's image goes to. Nowhere, if it is parity: the fleet refuses such plans.
    fn saved_to(&self, job: JobId, seat: usize, kept_at: KeptAt, right: &Address) -> Option<Where> {
        Some(match kept_at {
            KeptAt::FileServer => Where::Server,
            KeptAt::Card => Where::Card,
            KeptAt::Partner => Where::Neighbour(right.clone()),
            KeptAt::Memory => Where::Memory,
            KeptAt::Buddies { .. } => {
                let seats = self.coordinator.seats(job).seats().len();
                let others = holders::others(seat, seats, kept_at);
                let copies = others.map(|other| Some((other as u32, self.address_at(job, other)?)));
                Where::Buddies(copies.collect::<Option<_>>()?)
            }
            KeptAt::Group { .. } => return None,
        })
    }

    /// Where a seat's image comes from. Who has lost his own is given those of his buddies as well.
    fn loaded_from(&self, job: JobId, seat: usize, kept_at: KeptAt) -> Option<Where> {
        let seating = self.coordinator.seats(job);
        let in_memory = matches!(kept_at, KeptAt::Memory | KeptAt::Buddies { .. });
        let holder = |seat| match seating.source(seat) {
            Source::Own => Some(seat),
            Source::Seat(other) => Some(other),
            Source::Group => None,
        };
        Some(match (kept_at, holder(seat)?) {
            (KeptAt::FileServer, _) => Where::Server,
            (_, own) if own == seat && in_memory => Where::Memory,
            (_, own) if own == seat => Where::Card,
            (_, other) if !in_memory => Where::Neighbour(self.address_at(job, other)?),
            _ => {
                let all = std::iter::once(seat);
                let all = all.chain(holders::others(seat, seating.seats().len(), kept_at));
                let images = all.map(|of| Some((of as u32, self.address_at(job, holder(of)?)?)));
                Where::Buddies(images.collect::<Option<_>>()?)
            }
        })
    }
}

impl Crews {
    fn new(plan: &Plan) -> Self {
        let workers = |seats: u32| Workers {
            placement: 0,
            order: None,
            waiting: BTreeSet::new(),
            sums: vec![0; seats as usize],
            found: None,
            late_at: None,
            begun: None,
        };
        Self {
            each: plan.jobs.iter().map(|job| workers(job.seats)).collect(),
            reached: BTreeMap::new(),
            given_up: BTreeSet::new(),
            placements: 0,
        }
    }
}

impl Workers {
    /// A seat was found corrupt.
    fn note(&mut self, seat: usize) {
        self.found = Some(self.found.map_or(seat, |found| found.min(seat)));
    }
}

/// The result of all jobs.
fn combined(results: impl Iterator<Item = u64>) -> Option<u64> {
    results.reduce(|all, next| ranks::result([all, next]))
}

/// The name under which a seat's image of a job's checkpoint is stored.
#[must_use]
pub fn image_name(job: u16, checkpoint: u64, seat: u32) -> String {
    format!("job-{job}/checkpoint-{checkpoint}/seat-{seat}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::CheckpointAct;
    use crate::plan::pilot;
    use crate::scenario::job::{Interval, Verify};

    /// A job of two nodes, verified before each checkpoint, with a checkpoint after each step.
    fn plan() -> Plan {
        let mut scenario = pilot::scenario();
        scenario.faults.clear();
        scenario.jobs[0].work.nodes = 2;
        pilot::fix_costs(&mut scenario, Span::from_secs(1));
        let spec = pilot::checkpoint(&mut scenario);
        spec.interval = Interval::Fixed(Span(1));
        let cost = Span::from_secs(1);
        spec.integrity.verify = Some(Verify { cost, per_checkpoint: 1, coverage: 1.0 });
        Plan::make(&scenario)
    }

    /// Answers all orders of these demands; an image has the sum `image`, all else 7.
    fn answered(jobs: &mut Jobs<'_>, demands: Vec<Demand>, image: u64) -> Vec<Demand> {
        for demand in demands {
            let Demand::Order(node, order) = demand else { continue };
            let sum = if matches!(order.work, Work::Save { .. }) { image } else { 7 };
            jobs.done(Time(9), node, order.number, sum, false);
        }
        jobs.take_demands()
    }

    fn phase(jobs: &Jobs<'_>) -> Option<JobPhase> {
        jobs.works_for(NodeId(0)).map(|(_, phase)| phase)
    }

    #[test]
    fn what_is_given_up_is_cancelled_and_its_answers_count_for_nothing() {
        let plan = plan();
        let mut jobs = Jobs::new(&plan, 4, 1, None);
        for node in 0..2 {
            jobs.offer(Time(0), NodeId(node), Address::new("", 0));
        }
        jobs.pass(Time(1));
        let ordered = jobs.take_demands().into_iter().find_map(|demand| match demand {
            Demand::Order(_, order) => Some(order.number),
            _ => None,
        });
        let order = ordered.expect("they compute");
        assert_eq!(jobs.void_for(NodeId(0)), order - 1, "it is under way");
        jobs.lost(Time(9), Time(5), NodeId(1));
        let demands = jobs.take_demands();
        assert!(demands.contains(&Demand::Cancel(NodeId(0), order)), "{demands:?}");
        assert!(jobs.void_for(NodeId(0)) >= order, "to be heard if the cancel is lost");
        jobs.done(Time(10), NodeId(0), order, 7, false);
        assert_eq!(jobs.take_demands(), []);
        assert_eq!(phase(&jobs), Some(JobPhase::Waiting));
    }

    /// A bit flips after the verification and before the image is taken.
    #[test]
    fn an_image_that_is_not_what_was_verified_is_no_checkpoint() {
        for (image, commits) in [(7, true), (8, false)] {
            let plan = plan();
            let mut jobs = Jobs::new(&plan, 4, 1, None);
            for node in 0..2 {
                jobs.offer(Time(0), NodeId(node), Address::new("", 0));
            }
            jobs.pass(Time(1));
            let mut demands = jobs.take_demands();
            for wanted in [JobPhase::Compute, JobPhase::Verify, JobPhase::Checkpoint] {
                assert_eq!(phase(&jobs), Some(wanted));
                demands = answered(&mut jobs, demands, image);
            }
            let emitted = |wanted| {
                let is = |demand: &Demand| match demand {
                    Demand::Emit(What::Checkpoint { act, .. }) => *act == wanted,
                    _ => false,
                };
                demands.iter().any(is)
            };
            assert_eq!(emitted(CheckpointAct::Commit), commits);
            assert_eq!(emitted(CheckpointAct::Abandon), !commits);
            let next = if commits { JobPhase::Compute } else { JobPhase::Restart };
            assert_eq!(phase(&jobs), Some(next));
        }
    }
}
