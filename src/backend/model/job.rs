//! The jobs: who plays each, what its protocol orders, and its transfers.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{CheckpointAct, EndReason, JobPhase, NodeState, Purpose, What};
use crate::hardware::flow::{Finished, FlowId, RouteId};
use crate::ids::{JobId, NodeId};
use crate::plan::{Access, Plan};
use crate::protocol::replica::Replicas;
use crate::protocol::seating::{Kept, Seating};
use crate::protocol::{Input, Order, Protocol};
use crate::scenario::StopWhen;
use crate::scenario::job::{Checkpoint, Place};
use crate::units::{BitRate, Bytes, Span, Time};

use super::drain::{DRAIN_TAG, DrainPlay};
use super::node::Draw;
use super::placing::Free;
use super::world::{Timer, World};

/// Tags of jobs' transfers have this bit; others are node numbers.
const JOB_TAG: u64 = 1 << 63;

/// The tag of a bundle: its number in the low half, above it that of its job.
pub(super) fn tag_of(job: JobId, bundle: u32) -> u64 {
    JOB_TAG | u64::from(job.0) << 32 | u64::from(bundle)
}

/// A job as the model plays it.
pub(super) struct JobPlay {
    pub(super) machine: Protocol,
    needed: usize,
    pub(super) members: BTreeSet<u32>,
    /// Who is alive on each seat, if nodes share them.
    pub(super) replicas: Option<Replicas>,
    /// Nodes that read a checkpoint to take the places of dead replicas; `None`: all read.
    pub(super) newcomers: Option<BTreeSet<u32>>,
    /// Who sits where, if nodes keep the checkpoint on their cards, memory may be corrupted or
    /// groups fail by themselves.
    pub(super) seating: Option<Seating>,
    /// Members of groups that compute behind each PSU, if the job has groups.
    pub(super) working: BTreeMap<u32, u32>,
    /// Members behind each PSU, for their power.
    by_psu: BTreeMap<u32, u32>,
    computing: bool,
    /// Grows with each order: timers and bundles of older orders are dead.
    pub(super) epoch: u32,
    /// Before this instant the job may not be placed again.
    pub(super) ready_at: Time,
    pub(super) bundles: Vec<Bundle>,
    /// Each member that has one with the number of its bundle, in the order of the members.
    pub(super) seats: Vec<(u32, u32)>,
    pub(super) outstanding: usize,
    /// The checkpoint that is written while the job computes.
    pub(super) drain: DrainPlay,
}

/// Like transfers of several nodes that started together.
pub(super) struct Bundle {
    pub(super) purpose: Purpose,
    pub(super) count: u32,
    pub(super) flow: Option<FlowId>,
}

impl JobPlay {
    /// All jobs of a plan, waiting.
    pub(super) fn all(plan: &Plan) -> Vec<Self> {
        (0..plan.jobs.len() as u16).map(|job| Self::new(plan, JobId(job))).collect()
    }

    fn new(plan: &Plan, id: JobId) -> Self {
        let job = &plan.jobs[usize::from(id.0)];
        let wish = plan.checkpoint_of(id);
        let has_seats = plan.corrupts() && plan.replicas().is_none()
            || wish.is_some_and(|wish| match wish {
                Checkpoint::Coordinated(wish) => wish.cost.place() != Place::FileServer,
                Checkpoint::Multilevel(_) | Checkpoint::Logging(_) => true,
            });
        Self {
            machine: plan.protocol_of(id),
            needed: job.nodes as usize,
            members: BTreeSet::new(),
            replicas: plan.replicas(),
            newcomers: None,
            seating: has_seats.then(|| Seating::new(job.nodes as usize, wish)),
            working: BTreeMap::new(),
            by_psu: BTreeMap::new(),
            computing: false,
            epoch: 0,
            ready_at: Time::ZERO,
            bundles: Vec::new(),
            seats: Vec::new(),
            outstanding: 0,
            drain: DrainPlay::default(),
        }
    }

    pub(super) fn phase(&self) -> JobPhase {
        self.machine.phase()
    }

    /// The seat of a node, if seats matter and it has one.
    pub(super) fn seat_of(&self, node: NodeId) -> Option<usize> {
        match &self.replicas {
            Some(replicas) => replicas.seat_of(node).map(|seat| seat as usize),
            None => self.seating.as_ref()?.seat_of(node),
        }
    }

    /// The node on a seat, the first of its replicas, if memory may be corrupted.
    pub(super) fn node_on(&self, seat: usize) -> Option<NodeId> {
        match &self.replicas {
            Some(replicas) => replicas.of_seat(seat as u32).next(),
            None => self.seating.as_ref()?.seats()[seat],
        }
    }

    /// Whether it waits and has enough nodes within reach.
    pub(super) fn may_be_placed(&self, free: &Free) -> bool {
        self.phase() == JobPhase::Waiting
            && self.members.len() + free.len() >= self.needed
            && self.seating.as_ref().is_none_or(|seating| seating.fill(free).is_some())
    }

    /// Who leaves the job and who joins it, now that it is placed; and checkpoints that it gives
    /// up.
    pub(super) fn choose(&mut self, free: &Free) -> (Vec<NodeId>, Vec<NodeId>, Vec<Kept>) {
        if let Some(seating) = &mut self.seating {
            let filling = seating.fill(free).expect("it may be placed");
            let given_up = seating.give_up_after(filling.number);
            let (left, joined) = seating.seat(filling.nodes);
            return (left, joined, given_up);
        }
        if let Some(replicas) = &mut self.replicas {
            let joined = replicas.replace(free.iter().map(|&(_, node)| node));
            return (Vec::new(), joined, Vec::new());
        }
        let missing = self.needed - self.members.len();
        let joined = free.iter().take(missing).map(|&(_, node)| node).collect();
        (Vec::new(), joined, Vec::new())
    }
}

impl World<'_> {
    pub(super) fn job(&self, id: JobId) -> &JobPlay {
        &self.jobs[usize::from(id.0)]
    }

    pub(super) fn job_mut(&mut self, id: JobId) -> &mut JobPlay {
        &mut self.jobs[usize::from(id.0)]
    }

    /// The job that a node is in.
    pub(super) fn job_of(&self, node: u32) -> Option<JobId> {
        self.nodes[node as usize].job
    }

    /// A node that was up is lost to its job, by failure or because nobody reaches it.
    pub(super) fn node_lost(&mut self, id: u32) {
        let spare = self.plan.machine.nodes[id as usize].spare;
        let Some(of) = self.job_of(id) else {
            self.free.remove(&(spare, NodeId(id)));
            return;
        };
        let job = self.job_mut(of);
        if let Some(seat) = job.absorbs(NodeId(id)) {
            self.absorb(of, id, seat);
            return;
        }
        if let Some(seat) = job.seat_of(NodeId(id)) {
            job.machine.strikes(seat);
        }
        let (restarting, class) = (job.phase() == JobPhase::Restart, self.class);
        let seating = self.job_mut(of).seating.as_mut();
        let gone = seating.map_or_else(Vec::new, |it| it.struck(class, restarting));
        self.forget(of, &gone);
        self.control.hold(of, None);
        self.step_job(of, Input::Failed(NodeId(id)));
        self.leave_job(of, id);
        if let Some(seating) = &mut self.job_mut(of).seating {
            seating.leave(NodeId(id));
        }
        self.look_for_nodes(of);
    }

    /// What a node had in its memory is lost.
    pub(super) fn memory_lost(&mut self, id: u32) {
        for of in self.job_ids() {
            let seating = self.job_mut(of).seating.as_mut();
            let gone = seating.map_or_else(Vec::new, |seating| seating.wipe(NodeId(id)));
            self.forget(of, &gone);
        }
    }

    /// All jobs, in their order.
    pub(super) fn job_ids(&self) -> impl Iterator<Item = JobId> + use<> {
        (0..self.jobs.len() as u16).map(JobId)
    }

    /// Checkpoints can never be read back any more, or are given up.
    pub(super) fn forget(&mut self, of: JobId, gone: &[Kept]) {
        let mut told = Vec::new();
        for kept in gone {
            self.job_mut(of).machine.forget(kept.number, &mut told);
        }
        for what in told {
            self.tell(what);
        }
        if !gone.is_empty() {
            self.follow_lost(of);
        }
    }

    /// A job looks for nodes when the failure has been noticed and the downtime is over.
    fn look_for_nodes(&mut self, of: JobId) {
        let seating = self.job(of).seating.as_ref();
        let newest = seating.and_then(Seating::newest).map(|kept| kept.level);
        let span = self.plan.detection() + self.plan.downtime(newest);
        let ready_at = self.now + span;
        self.job_mut(of).ready_at = ready_at;
        self.agenda.schedule(ready_at, Timer::Place);
    }

    /// The controller is back: a failure that it had not noticed when it went down is noticed now.
    pub(super) fn look_for_nodes_anew(&mut self, since: Time) {
        for of in self.job_ids() {
            let job = self.job(of);
            if job.ready_at > since && job.phase() == JobPhase::Waiting {
                self.look_for_nodes(of);
            }
        }
    }

    pub(super) fn join_job(&mut self, of: JobId, id: u32) {
        let row = &self.plan.machine.nodes[id as usize];
        self.nodes[id as usize].job = Some(of);
        assert!(self.free.remove(&(row.spare, NodeId(id))), "who joins was free");
        let job = self.job_mut(of);
        job.members.insert(id);
        *job.by_psu.entry(row.psu).or_insert(0) += 1;
        let computing = job.computing;
        if computing {
            self.change_draw(row.psu, Draw::Idle, Draw::Compute, 1);
        }
        self.tell(What::JobNode { job: of, node: NodeId(id), joined: true });
    }

    pub(super) fn leave_job(&mut self, of: JobId, id: u32) {
        self.nodes[id as usize].job = None;
        let psu = self.plan.machine.nodes[id as usize].psu;
        let job = self.job_mut(of);
        assert!(job.members.remove(&id), "a node in the job is a member");
        *job.by_psu.get_mut(&psu).expect("its PSU is counted") -= 1;
        let computing = job.computing;
        if computing {
            self.change_draw(psu, Draw::Compute, Draw::Idle, 1);
        }
        self.tell(What::JobNode { job: of, node: NodeId(id), joined: false });
    }

    /// Gives the protocol one input and carries out its order.
    pub(super) fn step_job(&mut self, of: JobId, input: Input) {
        let input = self.for_replicas(of, input);
        // Only a job by itself can be corrupted.
        let alone = self.jobs.len() == 1;
        let mut told = Vec::new();
        let (input, caught) = self.look(of, input, &mut told);
        if alone {
            self.corruption.hears(input, &mut told);
        }
        let job = &mut self.jobs[usize::from(of.0)];
        job.machine.hold_back(self.turns.hold_back(of));
        let order = job.machine.on(self.now, input, &mut told);
        self.placing.waits(of, job.phase() == JobPhase::Waiting);
        if alone {
            self.corruption.follows(input, order, &mut told);
        }
        job.epoch += 1;
        let epoch = job.epoch;
        let level = job.machine.level();
        job.hold_sources();
        for what in told {
            let seating = self.job_mut(of).seating.as_mut();
            if let (Some(seating), What::Checkpoint { act, number, .. }) = (seating, what) {
                match act {
                    CheckpointAct::Commit => drop(seating.commit(number, level)),
                    CheckpointAct::Discard => drop(seating.forget(number)),
                    CheckpointAct::Begin | CheckpointAct::Abandon | CheckpointAct::Lose => {}
                }
            }
            self.tell(what);
        }
        self.cut_job_transfers(of);
        self.follow_drain();
        self.replace_replicas(of, input);
        let computing = matches!(order, Order::Compute(_) | Order::Verify);
        if self.job(of).machine.groups().is_some() {
            self.set_groups_computing(of, computing);
        } else {
            self.set_computing(of, computing);
        }
        match order {
            Order::Compute(span) => self.compute(of, span, epoch),
            Order::Wait | Order::Write | Order::Read => {}
            Order::Verify => {
                let verify = self.plan.verify().expect("it was ordered");
                self.after(verify.cost, Timer::Job { job: of, epoch });
            }
            Order::Finish => self.finish_job(of),
        }
        if matches!(input, Input::Placed | Input::Written | Input::Read) {
            self.turns.is_safe(of, self.now);
        }
        self.take_turn(of, order);
        if let Some(node) = caught {
            self.step_job(of, Input::Caught(node));
        }
    }

    /// A failure of one of a job's nodes is foreseen.
    pub(super) fn warn_job(&mut self, of: JobId) {
        if !self.control.is_down() {
            self.job_mut(of).machine.warn();
        }
    }

    /// The time of an order is over.
    pub(super) fn job_time_over(&mut self, of: JobId, epoch: u32) {
        let job = self.job_mut(of);
        if job.epoch != epoch {
            return;
        }
        let input = match job.phase() {
            JobPhase::Compute | JobPhase::Rework => Input::StepDone,
            JobPhase::Checkpoint => Input::Written,
            JobPhase::Verify => self.verified(of),
            JobPhase::Restart => {
                job.seating.as_mut().map(Seating::restored);
                Input::Read
            }
            JobPhase::Waiting | JobPhase::Done => unreachable!("nothing was ordered"),
        };
        self.step_job(of, input);
    }

    /// The nodes tell the controller that they have done what was ordered.
    pub(super) fn answer(&mut self, of: JobId, input: Input) {
        if self.control.is_down() {
            self.control.hold(of, Some(input));
        } else {
            self.step_job(of, input);
        }
    }

    /// Orders a checkpoint to be written or read: a fixed time, or transfers once what is written
    /// is compressed and the disks have taken the requests.
    pub(super) fn order_transfers(&mut self, of: JobId, write: bool) {
        let job = self.job(of);
        let newcomers = job.newcomers.is_some();
        let readers = job.seating.as_ref().filter(|_| !write).map_or(0, Seating::newcomers);
        let (level, epoch) = (job.machine.level(), job.epoch);
        let access = if write { Access::Write } else { Access::Read { newcomers: readers } };
        let share = self.plan.share(of, job.machine.portion());
        if let Some(span) = self.plan.checkpoint_span(level, share, access) {
            // Replacing dead replicas costs no more than the checkpoint, but transfers.
            let span = if newcomers { Span::ZERO } else { span };
            self.after(span, Timer::Job { job: of, epoch });
        } else if write {
            self.pack(of);
        } else {
            self.request_transfers(of, write);
        }
    }

    pub(super) fn request_transfers(&mut self, of: JobId, write: bool) {
        let (ready, epoch) = (self.admit_requests(of, write), self.job(of).epoch);
        self.agenda.schedule(ready, Timer::Transfers { job: of, epoch });
    }

    /// Queues one request for each who moves data at its server; says when the last is admitted.
    pub(super) fn admit_requests(&mut self, of: JobId, write: bool) -> Time {
        let cost = self.plan.scenario.server.disk_request;
        if cost == Span::ZERO {
            return self.now;
        }
        let mut counts = BTreeMap::new();
        for id in self.job(of).movers(write) {
            *counts.entry(self.plan.machine.nodes[id as usize].server).or_insert(0) += 1;
        }
        let admit = |(server, count): (u32, u32)| {
            self.servers[server as usize].requests.admit(self.now, count, cost)
        };
        counts.into_iter().map(admit).max().expect("a job has members")
    }

    /// Starts the transfers of an order, bundled by route and cap.
    pub(super) fn start_transfers(&mut self, of: JobId, epoch: u32) {
        let job = self.job(of);
        if job.epoch != epoch {
            return;
        }
        let write = job.phase() == JobPhase::Checkpoint;
        let size = self.parcel(of).bytes;
        let mut groups: BTreeMap<(RouteId, BitRate), (u32, u32)> = BTreeMap::new();
        let movers = job.movers(write);
        for &id in &movers {
            groups.entry(self.job_route(id, write)).or_insert((0, 0)).1 += 1;
        }
        let purpose = if write { Purpose::Checkpoint } else { Purpose::Restart };
        let mut bundles = Vec::with_capacity(groups.len());
        for (&(route, cap), (number, count)) in &mut groups {
            *number = bundles.len() as u32;
            let tag = tag_of(of, *number);
            let flow = self.network.fabric.start(self.now, route, cap, size, *count, tag);
            bundles.push(Bundle { purpose, count: *count, flow: Some(flow) });
        }
        let seat = |&id: &u32| (id, groups[&self.job_route(id, write)].0);
        let seats = movers.iter().map(seat).collect();
        let job = self.job_mut(of);
        job.outstanding = bundles.len();
        (job.bundles, job.seats) = (bundles, seats);
        if job.outstanding == 0 {
            self.transfers_done(of, write);
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

    /// A transfer is complete: of a job or of a booting node.
    pub(super) fn transfer_done(&mut self, finished: &Finished) {
        if finished.tag & DRAIN_TAG != 0 {
            self.drain_transfer_done(finished);
            return;
        }
        if finished.tag & JOB_TAG == 0 {
            self.boot_transfer_done(finished.tag as u32, finished);
            return;
        }
        let of = JobId((finished.tag >> 32) as u16);
        let job = self.job_mut(of);
        let bundle = &mut job.bundles[finished.tag as u32 as usize];
        bundle.flow = None;
        let (purpose, nodes) = (bundle.purpose, finished.count);
        job.outstanding -= 1;
        let all_done = job.outstanding == 0;
        let received = Bytes(finished.bytes.0 * u64::from(nodes));
        self.tell(What::Transfer { purpose, nodes, received, lost: Bytes(0) });
        if all_done {
            self.transfers_done(of, purpose == Purpose::Checkpoint);
        }
    }

    /// All transfers of an order are done.
    pub(super) fn transfers_done(&mut self, of: JobId, write: bool) {
        if write {
            self.answer(of, Input::Written);
        } else {
            self.unpack(of);
        }
    }

    /// Cuts a job's transfers short: what they moved is lost.
    fn cut_job_transfers(&mut self, of: JobId) {
        let job = self.job_mut(of);
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
        for of in self.job_ids() {
            self.cut_job_transfers(of);
        }
        self.cut_drain();
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
        self.split_from_drain(id, link);
    }

    /// Gives the transfer of a member another cap, as a bundle of its own.
    fn split_from_bundle(&mut self, id: u32, cap: BitRate) {
        let Some(of) = self.job_of(id) else { return };
        let job = &mut self.jobs[usize::from(of.0)];
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
        let own = self.network.fabric.split(self.now, flow, tag_of(of, new));
        self.network.fabric.set_cap(self.now, own, cap);
        job.bundles.push(Bundle { purpose, count: 1, flow: Some(own) });
        job.seats[seat].1 = new;
        job.outstanding += 1;
    }

    /// Members that compute or verify draw more. O(PSU domains).
    fn set_computing(&mut self, of: JobId, computing: bool) {
        let job = self.job_mut(of);
        if std::mem::replace(&mut job.computing, computing) == computing {
            return;
        }
        let (from, to) =
            if computing { (Draw::Idle, Draw::Compute) } else { (Draw::Compute, Draw::Idle) };
        for (psu, count) in job.by_psu.clone() {
            self.change_draw(psu, from, to, count);
        }
    }

    /// A job is done, and leaves its nodes to the others.
    fn finish_job(&mut self, of: JobId) {
        let job = self.job_mut(of);
        job.by_psu.clear();
        if let Some(seating) = &mut job.seating {
            seating.leave_all().for_each(drop);
        }
        job.replicas.iter_mut().for_each(Replicas::leave_all);
        let members = std::mem::take(&mut job.members);
        for &id in &members {
            self.nodes[id as usize].job = None;
            self.tell(What::JobNode { job: of, node: NodeId(id), joined: false });
        }
        if self.placing.any_after_this() {
            for id in members {
                self.offer_to_jobs(id);
            }
        } else if self.plan.scenario.stop.when == StopWhen::WorkloadDone {
            self.ended = Some(EndReason::WorkDone);
        }
    }
}
