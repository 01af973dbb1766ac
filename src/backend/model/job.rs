//! The jobs: who plays each, what its protocol orders, and its transfers.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{CheckpointAct, EndReason, JobPhase, What};
use crate::hardware::rack::{Draw, Ticket};
use crate::ids::{JobId, NodeId};
use crate::plan::{Access, Plan};
use crate::protocol::replica::Replicas;
use crate::protocol::seating::{Kept, Seating};
use crate::protocol::{Input, Order, Protocol};
use crate::scenario::StopWhen;
use crate::scenario::job::{Checkpoint, Place};
use crate::units::{Span, Time};

use super::drain::DrainPlay;
use super::placing::Free;
use super::world::{Timer, World};

/// Whose transfer is under way.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mover {
    /// A job's, which waits for it.
    Job { job: JobId, write: bool },
    /// A checkpoint that is written while the job computes.
    Drain { turn: u64 },
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
    /// Grows with each order: timers of older orders are dead.
    pub(super) epoch: u32,
    /// Before this instant the job may not be placed again.
    pub(super) ready_at: Time,
    /// What its order moves.
    pub(super) transfer: Option<Ticket>,
    /// The checkpoint that is written while the job computes.
    pub(super) drain: DrainPlay,
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
            transfer: None,
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
        self.job_of[node as usize]
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
        let ready_at = self.now() + span;
        self.job_mut(of).ready_at = ready_at;
        self.rack.schedule(ready_at, Timer::Place);
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
        self.job_of[id as usize] = Some(of);
        assert!(self.free.remove(&(row.spare, NodeId(id))), "who joins was free");
        let job = self.job_mut(of);
        job.members.insert(id);
        *job.by_psu.entry(row.psu).or_insert(0) += 1;
        let computing = job.computing;
        if computing {
            self.rack.change_draw(row.psu, Draw::Idle, Draw::Compute, 1);
        }
        self.tell(What::JobNode { job: of, node: NodeId(id), joined: true });
    }

    pub(super) fn leave_job(&mut self, of: JobId, id: u32) {
        self.job_of[id as usize] = None;
        let psu = self.plan.machine.nodes[id as usize].psu;
        let job = self.job_mut(of);
        assert!(job.members.remove(&id), "a node in the job is a member");
        *job.by_psu.get_mut(&psu).expect("its PSU is counted") -= 1;
        let computing = job.computing;
        if computing {
            self.rack.change_draw(psu, Draw::Compute, Draw::Idle, 1);
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
        let order = job.machine.on(self.rack.now(), input, &mut told);
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
        self.set_load(of, matches!(order, Order::Compute(_) | Order::Verify));
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
            self.turns.is_safe(of, self.now());
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

    /// Moves what is ordered.
    pub(super) fn request_transfers(&mut self, of: JobId, write: bool) {
        let (movers, bytes) = (self.job(of).movers(write), self.parcel(of).bytes);
        let ticket = self.with_rack(|rack| rack.transfer(&movers, write, bytes));
        self.job_mut(of).transfer = Some(ticket);
        self.movers.insert(ticket, Mover::Job { job: of, write });
    }

    /// A transfer is complete.
    pub(super) fn moved(&mut self, ticket: Ticket) {
        match self.movers.remove(&ticket).expect("who moves waits for it") {
            Mover::Job { job, write } => {
                self.job_mut(job).transfer = None;
                self.transfers_done(job, write);
            }
            Mover::Drain { turn } => self.drain_moved(turn),
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
    pub(super) fn cut_job_transfers(&mut self, of: JobId) {
        let ticket = self.job_mut(of).transfer.take();
        self.give_up(ticket);
    }

    /// Gives a transfer up, if there is one. Says whether it had begun to move.
    pub(super) fn give_up(&mut self, ticket: Option<Ticket>) -> bool {
        let Some(ticket) = ticket else { return false };
        self.movers.remove(&ticket);
        self.with_rack(|rack| rack.drop_transfer(ticket))
    }

    /// The end of the run cuts short what is under way.
    pub(super) fn cut_all_transfers(&mut self) {
        for of in self.job_ids() {
            self.cut_job_transfers(of);
        }
        self.cut_drain();
    }

    /// Members that compute or verify draw more.
    fn set_load(&mut self, of: JobId, computing: bool) {
        if self.job(of).machine.groups().is_some() {
            self.set_groups_computing(of, computing);
        } else {
            self.set_computing(of, computing);
        }
    }

    /// The time of an order is over, and nobody is there who orders more: its nodes have done it
    /// and wait.
    pub(super) fn rest_job(&mut self, of: JobId, epoch: u32) {
        if self.job(of).epoch == epoch {
            self.set_load(of, false);
        }
    }

    /// The same for all members alike. O(PSU domains).
    fn set_computing(&mut self, of: JobId, computing: bool) {
        let job = self.job_mut(of);
        if std::mem::replace(&mut job.computing, computing) == computing {
            return;
        }
        let (from, to) =
            if computing { (Draw::Idle, Draw::Compute) } else { (Draw::Compute, Draw::Idle) };
        for (psu, count) in job.by_psu.clone() {
            self.rack.change_draw(psu, from, to, count);
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
            self.job_of[id as usize] = None;
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
