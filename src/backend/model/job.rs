//! The job: who plays it, what its protocol orders, and its transfers.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{CheckpointAct, EndReason, JobPhase, NodeState, Purpose, What};
use crate::hardware::flow::{Finished, FlowId, RouteId};
use crate::ids::NodeId;
use crate::plan::{Access, JOB, Plan};
use crate::protocol::replica::Replicas;
use crate::protocol::seating::{Kept, Seating};
use crate::protocol::{Input, Order, Protocol};
use crate::scenario::StopWhen;
use crate::scenario::job::{Checkpoint, Place};
use crate::units::{BitRate, Bytes, Span, Time};

use super::groups::Seats;
use super::node::Draw;
use super::world::{Timer, World};

/// Tags of the job's transfers are bundle numbers with this bit; others are node numbers.
pub(super) const JOB_TAG: u64 = 1 << 63;

/// The job as the model plays it.
pub(super) struct JobPlay {
    pub(super) machine: Protocol,
    needed: usize,
    pub(super) members: BTreeSet<u32>,
    /// Who is alive on each seat, if nodes share them.
    pub(super) replicas: Option<Replicas>,
    /// Nodes that read a checkpoint to take the places of dead replicas; `None`: all read.
    pub(super) newcomers: Option<BTreeSet<u32>>,
    /// Who sits where, if nodes keep the checkpoint on their cards or memory may be corrupted.
    seating: Option<Seating>,
    /// Who sits where, if groups of the job fail by themselves.
    pub(super) groups: Option<Seats>,
    /// Members of groups that compute, if the job has groups.
    pub(super) working: Vec<u32>,
    /// Nodes that are up, reachable and in no job, spares last.
    pub(super) free: BTreeSet<(bool, NodeId)>,
    /// Members behind each PSU, for their power.
    by_psu: BTreeMap<u32, u32>,
    computing: bool,
    /// Grows with each order: timers and bundles of older orders are dead.
    epoch: u32,
    /// Before this instant the job may not be placed again.
    ready_at: Time,
    pub(super) bundles: Vec<Bundle>,
    /// Each member that has one with the number of its bundle, in the order of the members.
    pub(super) seats: Vec<(u32, u32)>,
    pub(super) outstanding: usize,
}

/// Like transfers of several nodes that started together.
pub(super) struct Bundle {
    pub(super) purpose: Purpose,
    pub(super) count: u32,
    pub(super) flow: Option<FlowId>,
}

impl JobPlay {
    pub(super) fn new(plan: &Plan) -> Option<Self> {
        let job = plan.jobs.first()?;
        let wish = plan.scenario.checkpoint.as_ref();
        let has_seats = plan.corrupts()
            || wish.is_some_and(|wish| match wish {
                Checkpoint::Coordinated(wish) => wish.cost.place() != Place::FileServer,
                Checkpoint::Multilevel(_) => true,
                Checkpoint::Logging(_) => false,
            });
        Some(Self {
            machine: plan.protocol()?,
            needed: job.nodes as usize,
            members: BTreeSet::new(),
            replicas: plan.replicas(),
            newcomers: None,
            seating: has_seats.then(|| Seating::new(job.nodes as usize, wish)),
            groups: wish.and_then(Checkpoint::logging).map(|_| Seats::new(job.nodes as usize)),
            working: Vec::new(),
            free: BTreeSet::new(),
            by_psu: BTreeMap::new(),
            computing: false,
            epoch: 0,
            ready_at: Time::ZERO,
            bundles: Vec::new(),
            seats: Vec::new(),
            outstanding: 0,
        })
    }

    pub(super) fn phase(&self) -> JobPhase {
        self.machine.phase()
    }

    /// The seat of a node, if memory may be corrupted and it has one.
    pub(super) fn seat_of(&self, node: NodeId) -> Option<usize> {
        self.seating.as_ref()?.seat_of(node)
    }

    /// The node on a seat, if memory may be corrupted.
    pub(super) fn node_on(&self, seat: usize) -> Option<NodeId> {
        self.seating.as_ref()?.seats()[seat]
    }

    /// Whether it waits and has enough nodes within reach.
    fn may_be_placed(&self) -> bool {
        self.phase() == JobPhase::Waiting
            && self.members.len() + self.free.len() >= self.needed
            && self.seating.as_ref().is_none_or(|seating| seating.fill(&self.free).is_some())
    }

    /// Who leaves the job and who joins it, now that it is placed; and checkpoints that it gives
    /// up.
    fn choose(&mut self) -> (Vec<NodeId>, Vec<NodeId>, Vec<Kept>) {
        if let Some(seating) = &mut self.seating {
            let filling = seating.fill(&self.free).expect("it may be placed");
            let given_up = seating.give_up_after(filling.number);
            let (left, joined) = seating.seat(filling.nodes);
            return (left, joined, given_up);
        }
        if let Some(replicas) = &mut self.replicas {
            let joined = replicas.replace(self.free.iter().map(|&(_, node)| node));
            return (Vec::new(), joined, Vec::new());
        }
        let missing = self.needed - self.members.len();
        let joined = self.free.iter().take(missing).map(|&(_, node)| node).collect();
        (Vec::new(), joined, Vec::new())
    }
}

impl World<'_> {
    /// A node that is up and reachable may work.
    pub(super) fn offer_to_job(&mut self, id: u32) {
        let spare = self.plan.machine.nodes[id as usize].spare;
        let connected = self.connected(id);
        let in_job = self.nodes[id as usize].in_job;
        let Some(job) = &mut self.job else { return };
        if connected && !in_job && job.free.insert((spare, NodeId(id))) && job.may_be_placed() {
            let at = job.ready_at.max(self.now);
            self.agenda.schedule(at, Timer::Place);
        }
    }

    /// A node that was up is lost to the job, by failure or because nobody reaches it.
    pub(super) fn node_lost(&mut self, id: u32) {
        let spare = self.plan.machine.nodes[id as usize].spare;
        let Some(job) = &mut self.job else { return };
        if !self.nodes[id as usize].in_job {
            job.free.remove(&(spare, NodeId(id)));
            return;
        }
        if let Some(seat) = job.absorbs(NodeId(id)) {
            self.absorb(id, seat);
            return;
        }
        if let Some(seats) = &job.groups {
            job.machine.strikes(seats.seat_of(NodeId(id)));
        }
        let restarting = job.phase() == JobPhase::Restart;
        let seating = job.seating.as_mut();
        let gone = seating.map_or_else(Vec::new, |it| it.struck(self.class, restarting));
        self.forget(gone);
        self.control.hold(None);
        self.step_job(Input::Failed(NodeId(id)));
        self.leave_job(id);
        let job = self.job.as_mut().expect("there is a job");
        if let Some(seating) = &mut job.seating {
            seating.leave(NodeId(id));
        }
        self.look_for_nodes();
    }

    /// What a node had in its memory is lost.
    pub(super) fn memory_lost(&mut self, id: u32) {
        let seating = self.job.as_mut().and_then(|job| job.seating.as_mut());
        let gone = seating.map_or_else(Vec::new, |seating| seating.wipe(NodeId(id)));
        self.forget(gone);
    }

    /// Checkpoints can never be read back any more, or are given up.
    fn forget(&mut self, gone: Vec<Kept>) {
        let mut told = Vec::new();
        for kept in gone {
            let job = self.job.as_mut().expect("it wrote checkpoints");
            job.machine.forget(kept.number, &mut told);
        }
        for what in told {
            self.tell(what);
        }
    }

    /// The job looks for nodes when the failure has been noticed and the downtime is over.
    fn look_for_nodes(&mut self) {
        let job = self.job.as_mut().expect("there is a job");
        let newest = job.seating.as_ref().and_then(Seating::newest).map(|kept| kept.level);
        let span = self.plan.detection() + self.plan.downtime(newest);
        job.ready_at = self.now + span;
        self.agenda.schedule(job.ready_at, Timer::Place);
    }

    /// The controller is back: a failure that it had not noticed when it went down is noticed now.
    pub(super) fn look_for_nodes_anew(&mut self, since: Time) {
        let waits = |job: &JobPlay| job.ready_at > since && job.phase() == JobPhase::Waiting;
        if self.job.as_ref().is_some_and(waits) {
            self.look_for_nodes();
        }
    }

    /// Places the job, if it waits and enough nodes are free.
    pub(super) fn place(&mut self) {
        let Some(job) = &mut self.job else { return };
        if job.ready_at > self.now || !job.may_be_placed() {
            return;
        }
        let (left, joined, given_up) = job.choose();
        self.forget(given_up);
        for NodeId(id) in left {
            self.leave_job(id);
            self.offer_to_job(id);
        }
        for NodeId(id) in joined {
            self.join_job(id);
        }
        self.step_job(Input::Placed);
    }

    pub(super) fn join_job(&mut self, id: u32) {
        let row = &self.plan.machine.nodes[id as usize];
        self.nodes[id as usize].in_job = true;
        let job = self.job.as_mut().expect("there is a job");
        assert!(job.free.remove(&(row.spare, NodeId(id))), "who joins was free");
        job.members.insert(id);
        if let Some(seats) = &mut job.groups {
            seats.join(NodeId(id));
        }
        *job.by_psu.entry(row.psu).or_insert(0) += 1;
        let computing = job.computing;
        if computing {
            self.change_draw(row.psu, Draw::Idle, Draw::Compute, 1);
        }
        self.tell(What::JobNode { job: JOB, node: NodeId(id), joined: true });
    }

    pub(super) fn leave_job(&mut self, id: u32) {
        self.nodes[id as usize].in_job = false;
        let job = self.job.as_mut().expect("there is a job");
        assert!(job.members.remove(&id), "a node in the job is a member");
        if let Some(seats) = &mut job.groups {
            seats.leave(NodeId(id));
        }
        let psu = self.plan.machine.nodes[id as usize].psu;
        *job.by_psu.get_mut(&psu).expect("its PSU is counted") -= 1;
        let computing = job.computing;
        if computing {
            self.change_draw(psu, Draw::Compute, Draw::Idle, 1);
        }
        self.tell(What::JobNode { job: JOB, node: NodeId(id), joined: false });
    }

    /// Gives the protocol one input and carries out its order.
    pub(super) fn step_job(&mut self, input: Input) {
        let input = self.for_replicas(input);
        let mut told = Vec::new();
        self.corruption.hears(input, &mut told);
        let job = self.job.as_mut().expect("there is a job");
        let order = job.machine.on(self.now, input, &mut told);
        self.corruption.follows(input, order, &mut told);
        job.epoch += 1;
        let epoch = job.epoch;
        let level = job.machine.level();
        for what in told {
            let job = self.job.as_mut().expect("there is a job");
            if let (Some(seating), What::Checkpoint { act, number, .. }) = (&mut job.seating, what)
            {
                match act {
                    CheckpointAct::Commit => drop(seating.commit(number, level)),
                    CheckpointAct::Discard => drop(seating.forget(number)),
                    CheckpointAct::Begin | CheckpointAct::Abandon | CheckpointAct::Lose => {}
                }
            }
            self.tell(what);
        }
        self.cut_job_transfers();
        self.replace_replicas(input);
        let computing = matches!(order, Order::Compute(_) | Order::Verify);
        if !self.set_working(computing) {
            self.set_computing(computing);
        }
        match order {
            Order::Wait => {}
            Order::Compute(span) => self.after(span, Timer::Job { epoch }),
            Order::Write => self.order_transfers(epoch, true),
            Order::Read => self.order_transfers(epoch, false),
            Order::Verify => {
                let verify = self.plan.verify().expect("it was ordered");
                self.after(verify.cost, Timer::Job { epoch });
            }
            Order::Finish => self.finish_job(),
        }
    }

    /// A failure of one of the job's nodes is foreseen.
    pub(super) fn warn_job(&mut self) {
        if let Some(job) = self.job.as_mut().filter(|_| !self.control.is_down()) {
            job.machine.warn();
        }
    }

    /// The time of an order is over.
    pub(super) fn job_time_over(&mut self, epoch: u32) {
        let Some(job) = &self.job else { return };
        if job.epoch != epoch {
            return;
        }
        let input = match job.phase() {
            JobPhase::Compute | JobPhase::Rework => Input::StepDone,
            JobPhase::Checkpoint => Input::Written,
            JobPhase::Verify => self.verified(),
            JobPhase::Restart => {
                let seating = self.job.as_mut().and_then(|job| job.seating.as_mut());
                seating.map(Seating::restored);
                Input::Read
            }
            JobPhase::Waiting | JobPhase::Done => unreachable!("nothing was ordered"),
        };
        self.step_job(input);
    }

    /// The nodes tell the controller that they have done what was ordered.
    fn answer(&mut self, input: Input) {
        if self.control.is_down() {
            self.control.hold(Some(input));
        } else {
            self.step_job(input);
        }
    }

    /// Orders a checkpoint to be written or read: a fixed time, or transfers once the disks have
    /// taken the requests.
    fn order_transfers(&mut self, epoch: u32, write: bool) {
        let newcomers = self.job.as_ref().and_then(|job| job.newcomers.as_ref()).is_some();
        let seating = self.job.as_ref().and_then(|job| job.seating.as_ref());
        let readers = seating.filter(|_| !write).map_or(0, Seating::newcomers);
        let level = self.job.as_ref().map_or(0, |job| job.machine.level());
        let access = if write { Access::Write } else { Access::Read { newcomers: readers } };
        if let Some(span) = self.plan.checkpoint_span(level, access) {
            // Replacing dead replicas costs no more than the checkpoint, but transfers.
            let span = if newcomers { Span::ZERO } else { span };
            self.after(span, Timer::Job { epoch });
        } else {
            let ready = self.admit_requests(write);
            self.agenda.schedule(ready, Timer::Transfers { epoch });
        }
    }

    /// Queues one request for each who moves data at its server; says when the last is admitted.
    fn admit_requests(&mut self, write: bool) -> Time {
        let cost = self.plan.scenario.server.disk_request;
        if cost == Span::ZERO {
            return self.now;
        }
        let mut counts = BTreeMap::new();
        for id in self.job.as_ref().expect("there is a job").movers(write) {
            *counts.entry(self.plan.machine.nodes[id as usize].server).or_insert(0) += 1;
        }
        let admit = |(server, count): (u32, u32)| {
            self.servers[server as usize].requests.admit(self.now, count, cost)
        };
        counts.into_iter().map(admit).max().expect("a job has members")
    }

    /// Starts the transfers of an order, bundled by route and cap.
    pub(super) fn start_transfers(&mut self, epoch: u32) {
        let Some(job) = &self.job else { return };
        if job.epoch != epoch {
            return;
        }
        let write = job.phase() == JobPhase::Checkpoint;
        let size = job.image(self.plan);
        let mut groups: BTreeMap<(RouteId, BitRate), (u32, u32)> = BTreeMap::new();
        let movers = job.movers(write);
        for &id in &movers {
            groups.entry(self.job_route(id, write)).or_insert((0, 0)).1 += 1;
        }
        let purpose = if write { Purpose::Checkpoint } else { Purpose::Restart };
        let mut bundles = Vec::with_capacity(groups.len());
        for (&(route, cap), (number, count)) in &mut groups {
            *number = bundles.len() as u32;
            let tag = JOB_TAG | u64::from(*number);
            let flow = self.network.fabric.start(self.now, route, cap, size, *count, tag);
            bundles.push(Bundle { purpose, count: *count, flow: Some(flow) });
        }
        let seat = |&id: &u32| (id, groups[&self.job_route(id, write)].0);
        let seats = movers.iter().map(seat).collect();
        let job = self.job.as_mut().expect("there is a job");
        job.outstanding = bundles.len();
        (job.bundles, job.seats) = (bundles, seats);
        if job.outstanding == 0 {
            self.transfers_done(write);
        }
    }

    pub(super) fn job_route(&self, id: u32, write: bool) -> (RouteId, BitRate) {
        let switch = self.plan.machine.nodes[id as usize].switch;
        let cap = self.network.node_cap(self.nodes[id as usize].share_ppm);
        if write {
            (self.network.write_route(switch), cap)
        } else {
            (self.network.read_route(switch), cap)
        }
    }

    /// A transfer is complete: of the job or of a booting node.
    pub(super) fn transfer_done(&mut self, finished: &Finished) {
        if finished.tag & JOB_TAG == 0 {
            self.boot_transfer_done(finished.tag as u32, finished);
            return;
        }
        let job = self.job.as_mut().expect("a tag of the job");
        let bundle = &mut job.bundles[(finished.tag & !JOB_TAG) as usize];
        bundle.flow = None;
        let (purpose, nodes) = (bundle.purpose, finished.count);
        job.outstanding -= 1;
        let all_done = job.outstanding == 0;
        let received = Bytes(finished.bytes.0 * u64::from(nodes));
        self.tell(What::Transfer { purpose, nodes, received, lost: Bytes(0) });
        if all_done {
            self.transfers_done(purpose == Purpose::Checkpoint);
        }
    }

    /// All transfers of an order are done.
    pub(super) fn transfers_done(&mut self, write: bool) {
        self.answer(if write { Input::Written } else { Input::Read });
    }

    /// Cuts the job's transfers short: what they moved is lost.
    fn cut_job_transfers(&mut self) {
        let Some(job) = &mut self.job else { return };
        job.outstanding = 0;
        let bundles = std::mem::take(&mut job.bundles);
        job.seats.clear();
        for bundle in bundles {
            let Some(flow) = bundle.flow else { continue };
            let moved = self.network.fabric.cancel(self.now, flow);
            let lost = Bytes(moved.0 * u64::from(bundle.count));
            let (purpose, nodes) = (bundle.purpose, bundle.count);
            self.tell(What::Transfer { purpose, nodes, received: Bytes(0), lost });
        }
    }

    /// The end of the run cuts short what is under way.
    pub(super) fn cut_all_transfers(&mut self) {
        self.cut_job_transfers();
        for id in 0..self.nodes.len() as u32 {
            self.abort_boot_transfer(id);
        }
    }

    /// A node's link has another rate: its transfer, alone or in a bundle, follows.
    pub(super) fn node_cap_changed(&mut self, id: u32) {
        let share_ppm = self.nodes[id as usize].share_ppm;
        let link = self.network.node_cap(share_ppm);
        if let Some(flow) = self.nodes[id as usize].flow {
            let tftp = self.nodes[id as usize].state == NodeState::Tftp;
            let cap = if tftp { self.network.tftp_cap(share_ppm) } else { link };
            self.network.fabric.set_cap(self.now, flow, cap);
        }
        self.split_from_bundle(id, link);
    }

    /// Gives the transfer of a member another cap, as a bundle of its own.
    fn split_from_bundle(&mut self, id: u32, cap: BitRate) {
        let Some(job) = &mut self.job else { return };
        let Ok(seat) = job.seats.binary_search_by_key(&id, |&(member, _)| member) else { return };
        let new = job.bundles.len() as u32;
        let bundle = &mut job.bundles[job.seats[seat].1 as usize];
        let Some(flow) = bundle.flow else { return };
        if bundle.count == 1 {
            self.network.fabric.set_cap(self.now, flow, cap);
            return;
        }
        bundle.count -= 1;
        let purpose = bundle.purpose;
        let own = self.network.fabric.split(self.now, flow, JOB_TAG | u64::from(new));
        self.network.fabric.set_cap(self.now, own, cap);
        job.bundles.push(Bundle { purpose, count: 1, flow: Some(own) });
        job.seats[seat].1 = new;
        job.outstanding += 1;
    }

    /// Members that compute or verify draw more. O(PSU domains).
    fn set_computing(&mut self, computing: bool) {
        let job = self.job.as_mut().expect("there is a job");
        if std::mem::replace(&mut job.computing, computing) == computing {
            return;
        }
        let (from, to) =
            if computing { (Draw::Idle, Draw::Compute) } else { (Draw::Compute, Draw::Idle) };
        for (psu, count) in job.by_psu.clone() {
            self.change_draw(psu, from, to, count);
        }
    }

    fn finish_job(&mut self) {
        let job = self.job.as_mut().expect("there is a job");
        job.by_psu.clear();
        if let Some(seating) = &mut job.seating {
            seating.leave_all().for_each(drop);
        }
        job.replicas.iter_mut().for_each(Replicas::leave_all);
        for id in std::mem::take(&mut job.members) {
            self.nodes[id as usize].in_job = false;
            self.tell(What::JobNode { job: JOB, node: NodeId(id), joined: false });
        }
        if self.plan.scenario.stop.when == StopWhen::WorkloadDone {
            self.ended = Some(EndReason::WorkDone);
        }
    }
}
