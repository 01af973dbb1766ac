//! The controller's side of a job: who has which seat, what was ordered, who has done it.
//!
//! The protocol machine is the model's own. It is told that a step is done when every seat says
//! so, and that a node failed when the detector says so; the time of the failure, for the count of
//! lost work, is that of the node's last sign of life.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::event::{CheckpointAct, JobPhase, What};
use crate::fleet::doors::Address;
use crate::fleet::ranks;
use crate::fleet::replicas::Late;
use crate::fleet::wire::{Order, Seat, Where, Work};
use crate::ids::NodeId;
use crate::plan::{Access, JOB, Parcel, Plan};
use crate::protocol::corruption::Corruption;
use crate::protocol::holders;
use crate::protocol::replica::Replicas;
use crate::protocol::seating::{Filling, Kept, Seating, Source};
use crate::protocol::{self, Input, Protocol};
use crate::scenario::job::Place;
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

/// What a job demands of the controller, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Tell this.
    Tell(What),
    /// Give this order to a node.
    Order(NodeId, Order),
    /// The file server forgets what is stored under this name.
    Delete(String),
    /// A node forgets what is on its card and in its memory under this name.
    Forget(NodeId, String),
    /// The job is done, with this result.
    Finished(u64),
}

/// The job.
#[derive(Clone, Debug)]
pub struct JobPlay<'p> {
    pub(super) plan: &'p Plan,
    /// Memory of each rank (64-bit words).
    words: u32,
    sabotage: Option<Sabotage>,
    pub(super) state: State,
    /// Nodes that may work, spares last, and where their neighbours reach them.
    pub(super) free: BTreeSet<(bool, NodeId)>,
    pub(super) reached: BTreeMap<NodeId, Address>,
    /// Who shall sit where, as soon as the job may be placed.
    pub(super) wanted: Option<Filling>,
}

/// What changes of a job, to be saved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    pub(super) machine: Protocol,
    /// Who has which place: that of a seat, or of one of its replicas.
    pub(super) seating: Seating,
    /// Who is alive on each seat, if nodes share them.
    #[serde(default)]
    pub(super) replicas: Option<Replicas>,
    /// When replicas are given up that are behind the first of their seats, and those that were.
    #[serde(default)]
    pub(super) late: Late,
    /// Where the nodes of the places are reached.
    pub(super) addresses: Vec<Option<Address>>,
    placement: u64,
    pub(super) order: u64,
    pub(super) work: Option<Work>,
    /// Places that have not yet done what was ordered.
    pub(super) waiting: BTreeSet<u32>,
    /// Checksum of each seat's memory after its last order.
    sums: Vec<u64>,
    /// When the order was given.
    since: Time,
    /// Before this instant the job may not be placed again.
    ready_at: Time,
    /// The steps of the committed checkpoints that are kept, by number.
    committed: BTreeMap<u64, u64>,
    /// The checkpoint under way.
    begun: (u64, u64),
    /// The truth about the job's memory.
    pub(super) truth: Corruption,
    /// The first seat that has found its memory corrupt by its last order.
    pub(super) found: Option<u32>,
    /// Verifications that came to their end.
    pub(super) verifications: u64,
}

impl<'p> JobPlay<'p> {
    /// The plan's job, if it has one, at its start or where `saved` left it.
    #[must_use]
    pub fn new(plan: &'p Plan, words: u32, saved: Option<State>) -> Option<Self> {
        let job = plan.jobs.first()?;
        let state = saved.unwrap_or_else(|| {
            let places = job.nodes as usize;
            State {
                machine: plan.protocol_of(JOB),
                seating: Seating::new(places, plan.scenario.checkpoint.as_ref()),
                replicas: plan.replicas(JOB),
                late: Late::default(),
                addresses: vec![None; places],
                placement: 0,
                order: 0,
                work: None,
                waiting: BTreeSet::new(),
                sums: vec![0; job.seats as usize],
                since: Time::ZERO,
                ready_at: Time::ZERO,
                committed: BTreeMap::new(),
                begun: (0, 0),
                truth: plan.corruption(JOB),
                found: None,
                verifications: 0,
            }
        });
        Some(Self {
            plan,
            words,
            sabotage: None,
            state,
            free: BTreeSet::new(),
            reached: BTreeMap::new(),
            wanted: None,
        })
    }

    /// Builds a mistake in.
    #[must_use]
    pub fn sabotaged(self, sabotage: Option<Sabotage>) -> Self {
        Self { sabotage, ..self }
    }

    /// What has to be saved.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The phase it is in.
    #[must_use]
    pub fn phase(&self) -> JobPhase {
        self.state.machine.phase()
    }

    /// Whether a node has a seat.
    #[must_use]
    pub fn holds(&self, node: NodeId) -> bool {
        self.state.seating.seat_of(node).is_some()
    }

    /// The result that the job must have.
    #[must_use]
    pub fn expected(plan: &Plan, words: u32) -> Option<u64> {
        let job = plan.jobs.first()?;
        let ranks = plan.scenario.workload.as_ref()?.ranks_per_node;
        let right = Address::new("", 0);
        let seat =
            Seat { number: 0, of: job.seats, ranks, words, right, more: Vec::new(), twin: false };
        Some(ranks::expected(&seat, job.steps))
    }

    /// A node may work; a node with a seat is told its order again.
    pub fn offer(&mut self, node: NodeId, peers: Address, term: u64) -> Vec<Demand> {
        if let Some(number) = self.state.seating.seat_of(node) {
            self.state.addresses[number] = Some(peers);
            return self.order_of(number as u32, term).into_iter().collect();
        }
        self.state.late.given_up.remove(&node);
        let spare = self.plan.machine.nodes[node.0 as usize].spare;
        self.free.insert((spare, node));
        self.reached.insert(node, peers);
        self.wanted = self.state.seating.fill(&self.free);
        Vec::new()
    }

    /// A node was lost; it was last heard at `heard`.
    pub fn lost(&mut self, now: Time, heard: Time, node: NodeId, term: u64) -> Vec<Demand> {
        let spare = self.plan.machine.nodes[node.0 as usize].spare;
        self.free.remove(&(spare, node));
        self.reached.remove(&node);
        self.state.late.given_up.remove(&node);
        self.wanted = self.state.seating.fill(&self.free);
        let mut demands = Vec::new();
        let Some(number) = self.state.seating.seat_of(node) else { return demands };
        if self.absorbs(node) {
            self.absorb(now, node, term, &mut demands);
            return demands;
        }
        // Nodes that failed together fall silent within one beat of each other: who is given a
        // seat before that may be silent already.
        let beat = self.plan.scenario.controller.beat();
        let restarting = self.phase() == JobPhase::Restart;
        let gone = self.state.seating.struck(1, restarting);
        self.give_up(gone, &mut demands);
        let newest = self.state.seating.newest().map(|kept| kept.level);
        self.state.ready_at = now + self.plan.downtime(JOB, newest) + beat;
        self.step(heard.max(self.state.since), Input::Failed(node), 0, &mut demands);
        self.state.seating.leave(node);
        self.state.addresses[number] = None;
        self.wanted = self.state.seating.fill(&self.free);
        demands.push(Demand::Tell(What::JobNode { job: JOB, node, joined: false }));
        demands
    }

    /// What a node had in its memory is lost.
    pub fn wiped(&mut self, node: NodeId) -> Vec<Demand> {
        let mut demands = Vec::new();
        if self.state.seating.newest().is_some() {
            let gone = self.state.seating.wipe(node);
            self.give_up(gone, &mut demands);
            self.wanted = self.state.seating.fill(&self.free);
        }
        demands
    }

    /// A failure of these nodes is foreseen.
    pub fn warn(&mut self, mut nodes: impl Iterator<Item = NodeId>) {
        if nodes.any(|node| self.holds(node))
            && let Protocol::Coordinated(machine) = &mut self.state.machine
        {
            machine.warn();
        }
    }

    /// When [`Self::place`] may have something to do.
    #[must_use]
    pub fn next(&self) -> Option<Time> {
        let placed = self.may_be_placed().then_some(self.state.ready_at);
        placed.into_iter().chain(self.state.late.at).min()
    }

    fn may_be_placed(&self) -> bool {
        self.phase() == JobPhase::Waiting && self.wanted.is_some()
    }

    /// Gives the empty seats to free nodes, if the job waits and enough are free.
    pub fn place(&mut self, now: Time, term: u64) -> Vec<Demand> {
        let mut demands = Vec::new();
        if self.state.late.at.is_some_and(|at| at <= now) {
            self.give_up_late(now, term, &mut demands);
        }
        if self.state.ready_at > now || !self.may_be_placed() {
            return demands;
        }
        let old = std::mem::take(&mut self.state.addresses);
        let sat = self.state.seating.seats().iter().copied().zip(old);
        self.reached.extend(sat.filter_map(|(node, address)| Some((node?, address?))));
        let Filling { nodes: wanted, number } = self.wanted.take().expect("it may be placed");
        let given_up = self.state.seating.give_up_after(number);
        self.give_up(given_up, &mut demands);
        let addresses = wanted.iter().map(|node| self.reached.remove(node));
        self.state.addresses = addresses.collect();
        let (left, joined) = self.state.seating.seat(wanted);
        if let Some(replicas) = &mut self.state.replicas {
            let sat = replicas.replace(joined.iter().copied());
            assert_eq!(sat, joined, "all places are filled, in their order");
        }
        let change = |joined| move |node| Demand::Tell(What::JobNode { job: JOB, node, joined });
        for node in left {
            self.free.insert((self.plan.machine.nodes[node.0 as usize].spare, node));
            demands.push(change(false)(node));
        }
        for node in joined {
            self.free.remove(&(self.plan.machine.nodes[node.0 as usize].spare, node));
            demands.push(change(true)(node));
        }
        self.state.placement += 1;
        self.step(now, Input::Placed, term, &mut demands);
        demands
    }

    /// A node has done an order; `sum` is its memory's checksum.
    pub fn done(
        &mut self,
        now: Time,
        node: NodeId,
        order: u64,
        sum: u64,
        term: u64,
    ) -> Vec<Demand> {
        let mut demands = Vec::new();
        if let Some(peers) = self.state.late.given_up.remove(&node) {
            return self.offer(node, peers, term);
        }
        let place = self.state.seating.seat_of(node);
        let Some(number) = place.filter(|_| order == self.state.order) else { return demands };
        if !self.state.waiting.remove(&(number as u32)) {
            return demands;
        }
        let seat = self.seat_at(number as u32);
        let old = std::mem::replace(&mut self.state.sums[seat as usize], sum);
        if old != sum {
            self.has_changed(seat);
        }
        if let (Some(Sabotage::CommitEarly), Some(Work::Save { .. })) =
            (self.sabotage, &self.state.work)
        {
            self.state.waiting.clear();
        }
        self.go_on(now, term, &mut demands);
        demands
    }

    /// Goes on if all have done what was ordered.
    pub(super) fn go_on(&mut self, now: Time, term: u64, demands: &mut Vec<Demand>) {
        if !self.state.waiting.is_empty() {
            self.await_late(now);
            return;
        }
        let input = match self.state.work.take() {
            Some(Work::Compute { .. }) => Input::StepDone,
            Some(Work::Save { .. }) => self.unless_found(Input::Written),
            Some(Work::Verify { .. }) => self.verified(),
            Some(Work::Load { .. }) => {
                self.state.seating.restored();
                Input::Read
            }
            // The answer to the last order is on its way through the protocol.
            None => return,
        };
        self.step(now, input, term, demands);
    }

    /// Gives the protocol one input and turns its order into orders to nodes.
    fn step(&mut self, now: Time, input: Input, term: u64, demands: &mut Vec<Demand>) {
        let mut told = Vec::new();
        let input = self.for_replicas(input);
        self.state.truth.hears(input, &mut told);
        let order = self.state.machine.on(now, input, &mut told);
        self.state.truth.follows(input, order, &mut told);
        self.state.found = None;
        if matches!(input, Input::Corrupt(_)) {
            // A sum that was sent before the rollback must not pass for one of after it.
            self.state.placement += 1;
        }
        self.state.since = now;
        self.state.late.at = None;
        self.state.order += 1;
        self.state.work = None;
        self.state.waiting.clear();
        for what in told {
            if let What::Checkpoint { number, act, step, .. } = what {
                self.checkpoint(number, act, step, demands);
            }
            demands.push(Demand::Tell(what));
        }
        let newcomers = self.replace_replicas(input, demands);
        match order {
            protocol::Order::Wait => {}
            protocol::Order::Compute(span) => {
                let step = self.state.machine.done() + 1;
                self.order_all(Work::Compute { step, span }, self.all(), term, demands);
            }
            protocol::Order::Write => {
                let (number, step) = self.state.begun;
                let (Parcel { bytes: declared, packing }, span) = self.cost(true);
                let (checkpoint, to) = (number, Where::Server);
                let save = Work::Save { checkpoint, to, step, declared, packing, span };
                self.order_all(save, self.writers(), term, demands);
            }
            protocol::Order::Read => {
                let newest = Some(self.state.begun).filter(|(number, _)| *number > 0);
                let last = match self.sabotage {
                    Some(Sabotage::RestoreNewest) => newest,
                    _ => {
                        self.state.committed.last_key_value().map(|(number, step)| (*number, *step))
                    }
                };
                let (checkpoint, step) = (last.map(|last| last.0), last.map_or(0, |last| last.1));
                let (Parcel { bytes: declared, packing }, mut span) = self.cost(false);
                let from = Where::Server;
                if newcomers.is_some() {
                    // Replacing costs no more than the checkpoint, but the transfer.
                    span = Span::ZERO;
                }
                let load = Work::Load { checkpoint, from, step, declared, packing, span };
                let readers = newcomers.unwrap_or_else(|| self.all());
                self.order_all(load, readers, term, demands);
            }
            protocol::Order::Verify => {
                let verify = self.plan.verify(JOB).expect("a verification was ordered");
                let (step, blind) = (self.state.machine.done(), self.is_blind(verify.coverage));
                let verify = Work::Verify { step, blind, span: verify.cost };
                self.order_all(verify, self.all(), term, demands);
            }
            protocol::Order::Finish => self.finish(demands),
        }
    }

    /// Keeps the books of checkpoints: what a new one replaces is forgotten.
    fn checkpoint(&mut self, number: u64, act: CheckpointAct, step: u64, out: &mut Vec<Demand>) {
        let level = self.state.machine.level();
        let gone = match act {
            CheckpointAct::Begin => {
                self.state.begun = (number, step);
                return;
            }
            CheckpointAct::Commit => {
                self.state.committed.insert(number, step);
                self.state.seating.commit(number, level)
            }
            CheckpointAct::Abandon => vec![self.state.seating.written(number, level)],
            CheckpointAct::Discard => self.state.seating.forget(number),
            CheckpointAct::Lose => unreachable!("the machine is told which are lost"),
        };
        for kept in gone {
            self.forget(&kept, out);
        }
    }

    /// Checkpoints are given up, or can never be read back any more.
    fn give_up(&mut self, gone: Vec<Kept>, demands: &mut Vec<Demand>) {
        for kept in gone {
            let mut told = Vec::new();
            if let Protocol::Multilevel(machine) = &mut self.state.machine {
                machine.forget(kept.number, &mut told);
            }
            demands.extend(told.into_iter().map(Demand::Tell));
            self.forget(&kept, demands);
        }
    }

    /// Nobody needs the images of a checkpoint any more.
    fn forget(&mut self, kept: &Kept, out: &mut Vec<Demand>) {
        self.state.committed.remove(&kept.number);
        for seat in 0..self.plan.jobs[0].seats {
            let image = || image_name(kept.number, seat);
            match &kept.holders {
                None => out.push(Demand::Delete(image())),
                Some(holders) => {
                    let nodes = holders.of(seat as usize).iter();
                    out.extend(nodes.map(|&node| Demand::Forget(node, image())));
                }
            }
        }
    }

    /// Where the checkpoint is kept that is written or read.
    fn place_kept(&self) -> Place {
        let wish = self.plan.scenario.checkpoint.as_ref();
        wish.map_or(Place::FileServer, |wish| wish.cost(self.state.machine.level()).place())
    }

    /// What is declared for a checkpoint of a node, and the time that it takes at least.
    fn cost(&self, write: bool) -> (Parcel, Span) {
        let newcomers = if write { 0 } else { self.state.seating.newcomers() };
        let access = if write { Access::Write } else { Access::Read { newcomers } };
        let level = self.state.machine.level();
        match self.plan.checkpoint_span(JOB, level, 1.0, access) {
            Some(span) => (Parcel { bytes: Bytes(0), packing: Span::ZERO }, span),
            None => (self.plan.parcel(JOB, level, 1.0, access), Span::ZERO),
        }
    }

    /// Orders work of these places.
    fn order_all(&mut self, work: Work, of: BTreeSet<u32>, term: u64, demands: &mut Vec<Demand>) {
        self.state.work = Some(work);
        demands.extend(self.wait_for(of, term));
    }

    /// Waits for these places, and gives them the order.
    pub(super) fn wait_for(&mut self, places: BTreeSet<u32>, term: u64) -> Vec<Demand> {
        self.state.waiting.extend(&places);
        places.into_iter().filter_map(|place| self.order_of(place, term)).collect()
    }

    /// Where a seat's nodes are reached.
    fn reached_at(&self, seat: u32) -> Vec<Address> {
        let addresses = &self.state.addresses;
        if self.state.replicas.is_none() {
            return addresses[seat as usize].iter().cloned().collect();
        }
        let places = (0..).zip(addresses).filter(|&(place, _)| self.seat_at(place) == seat);
        places.filter_map(|(_, address)| address.clone()).collect()
    }

    /// The order that a place has not yet carried out.
    fn order_of(&self, number: u32, term: u64) -> Option<Demand> {
        let State { seating, placement, order, work, waiting, .. } = &self.state;
        if !waiting.contains(&number) {
            return None;
        }
        let ranks = self.plan.scenario.workload.as_ref()?.ranks_per_node;
        let (seat, of) = (self.seat_at(number), self.plan.jobs[0].seats);
        let mut more = self.reached_at((seat + 1) % of);
        let right = if more.is_empty() { return None } else { more.remove(0) };
        let mut work = work.clone()?;
        let twin = self.plan.verify(JOB).is_some();
        match &mut work {
            Work::Save { to, .. } => *to = self.saved_to(number as usize, &right)?,
            Work::Load { from, .. } => *from = self.loaded_from(number as usize)?,
            Work::Compute { .. } | Work::Verify { .. } => {}
        }
        let order = Order {
            number: *order,
            placement: *placement,
            term,
            seat: Seat { number: seat, of, ranks, words: self.words, right, more, twin },
            work,
        };
        Some(Demand::Order(seating.seats()[number as usize]?, order))
    }

    /// Where a seat's image goes to.
    fn saved_to(&self, seat: usize, right: &Address) -> Option<Where> {
        Some(match self.place_kept() {
            Place::FileServer => Where::Server,
            Place::Card => Where::Card,
            Place::Partner => Where::Neighbour(right.clone()),
            Place::Memory => Where::Memory,
            place @ Place::Buddies { .. } => {
                let addresses = &self.state.addresses;
                let others = holders::others(seat, addresses.len(), place);
                let copies = others.map(|other| Some((other as u32, addresses[other].clone()?)));
                Where::Buddies(copies.collect::<Option<_>>()?)
            }
            Place::Group { .. } => unreachable!("`cannot` refuses groups"),
        })
    }

    /// Where a seat's image comes from. Who has lost his own is given those of his buddies as well.
    fn loaded_from(&self, seat: usize) -> Option<Where> {
        let State { seating, addresses, .. } = &self.state;
        let place = self.place_kept();
        let in_memory = matches!(place, Place::Memory | Place::Buddies { .. });
        let holder = |seat| match seating.source(seat) {
            Source::Own => seat,
            Source::Seat(other) => other,
            Source::Group => unreachable!("`cannot` refuses groups"),
        };
        Some(match (place, holder(seat)) {
            (Place::FileServer, _) => Where::Server,
            (_, own) if own == seat => {
                if in_memory {
                    Where::Memory
                } else {
                    Where::Card
                }
            }
            (_, other) if !in_memory => Where::Neighbour(addresses[other].clone()?),
            _ => {
                let all = std::iter::once(seat);
                let all = all.chain(holders::others(seat, addresses.len(), place));
                let images = all.map(|of| Some((of as u32, addresses[holder(of)].clone()?)));
                Where::Buddies(images.collect::<Option<_>>()?)
            }
        })
    }

    fn finish(&mut self, demands: &mut Vec<Demand>) {
        let left = |node| Demand::Tell(What::JobNode { job: JOB, node, joined: false });
        demands.extend(self.state.seating.leave_all().map(left));
        self.state.replicas.iter_mut().for_each(Replicas::leave_all);
        demands.push(Demand::Finished(ranks::result(self.state.sums.iter().copied())));
    }
}

/// The name under which a seat's image of a checkpoint is stored.
#[must_use]
pub fn image_name(checkpoint: u64, seat: u32) -> String {
    format!("job-0/checkpoint-{checkpoint}/seat-{seat}")
}
