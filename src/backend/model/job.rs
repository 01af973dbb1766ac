//! The nodes of the jobs: they carry out what the coordinator of jobs commands, as one.
//!
//! What is commanded takes time, or moves data through the fabric. All nodes of a job compress at
//! once, each its own data; then the requests go to the server, and the transfers begin. What is
//! read is decompressed when the last transfer of the job is done.
//!
//! A checkpoint that is written while its job computes goes through the fabric as others do, so
//! that boots, restarts and checkpoints of the levels below share the links with it. One that
//! stands still goes on with what the server has not yet: whoever has a seat by then sends the rest
//! of it.
//!
//! What a job writes regularly besides checkpoints goes to the server as these do, at the end of a
//! step, which is over when all of it is there.
//!
//! Not modelled: the request to the disk of a replica that takes over another one's transfer; the
//! application's own traffic besides collective operations, which is part of its steps: what it
//! loses while a checkpoint is written is the scenario's `slowdown`; the time to read such an image
//! from the card.

use std::collections::{BTreeMap, BTreeSet};

use crate::control::coordinator::{Cost, Image, Input, JobCommand, Loss, Work};
use crate::event::{CollectiveAct, JobPhase, Purpose, What};
use crate::hardware::network::WHOLE_PPM;
use crate::hardware::rack::{Draw, Left, Participants, SendId, Ticket};
use crate::ids::{JobId, NodeId};
use crate::plan::Exchange;
use crate::scenario::collective::Collective;
use crate::scenario::job::BulkSynchronous;
use crate::units::{Bytes, Span, Time};

use super::pace::{Pace, times};
use super::world::{Timer, World};

/// Whose transfer is under way.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mover {
    /// A job's, which waits for it.
    Job { job: JobId, write: bool },
    /// A checkpoint that is written while the job computes.
    Drain { job: JobId, turn: u64 },
}

/// What nodes of a job do and send to each other for a checkpoint.
#[derive(Clone)]
struct Exchanging {
    spec: Exchange,
    /// From whom to whom, until they send.
    pairs: Vec<(NodeId, NodeId)>,
    /// What has not arrived.
    left: usize,
    /// Whether their cards are done.
    is_kept: bool,
}

/// The nodes of a job, and what they do.
#[derive(Clone, Default)]
pub(super) struct Workers {
    /// The number of the order under way, and what it is.
    order: Option<(u64, Work)>,
    /// Grows with each order, and with each change of pace: timers of before are dead.
    epoch: u32,
    /// How fast they compute.
    pace: Pace,
    /// What the order moves.
    transfer: Option<Ticket>,
    /// What nodes send to each other for it.
    exchange: Option<Exchanging>,
    /// All its nodes, as long as these move together.
    participants: Option<Participants>,
    /// The checkpoint that is written while the job computes.
    drain: Draining,
    /// Nodes of each feed, for their power.
    by_feed: Vec<u32>,
    /// These nodes themselves, where supplies limit what each of them draws.
    one_by_one: BTreeSet<NodeId>,
    /// Whether these compute.
    computing: bool,
    /// Nodes of groups that compute of each feed, if the job has groups.
    working: BTreeMap<u32, u32>,
}

/// What the nodes of a job know of the checkpoint that is written while it computes.
#[derive(Clone, Default)]
struct Draining {
    /// Its number.
    checkpoint: Option<u64>,
    /// Grows whenever it goes on or stands still: timers of before are dead.
    turn: u64,
    /// With fixed costs: when it will be complete.
    due: Option<Time>,
    /// With fixed costs: what was left of it when it began to stand still.
    left: Option<Span>,
    /// Of each seat whose image is not all at the server, what was when it stood still last;
    /// `None` if nothing had been sent yet.
    arrived: Option<BTreeMap<usize, Bytes>>,
    /// Its transfer, while there is one under way.
    transfer: Option<Ticket>,
    /// The seat of each node that moves it.
    seats: BTreeMap<NodeId, usize>,
}

impl World<'_> {
    fn workers(&mut self, of: JobId) -> &mut Workers {
        &mut self.workers[usize::from(of.0)]
    }

    /// Informs the coordinator of jobs, and does what it commands.
    pub(super) fn coordinate(&mut self, input: Input) {
        let mut commands = std::mem::take(&mut self.commands);
        self.jobs.on(self.rack.now(), input, &mut commands);
        for command in &commands {
            self.carry_out(command);
        }
        commands.clear();
        self.commands = commands;
        self.weigh();
    }

    fn carry_out(&mut self, command: &JobCommand) {
        match *command {
            JobCommand::Emit(what) => self.emit(what),
            JobCommand::Member { job, node, joined } => self.change_members(job, node, joined),
            JobCommand::Stop { job, .. } => self.stop_job(job),
            JobCommand::Load { job, computes } => self.set_load(job, computes),
            JobCommand::Order { job, order, work } => self.work(job, order, work),
            JobCommand::Without { job, node, heir } => self.go_on_without(job, node, heir),
            JobCommand::Pace { job, slowdown } => self.change_pace(job, Some(slowdown)),
            JobCommand::Drain { job, image } => self.drain(job, image),
            JobCommand::PauseDrain(job) => self.pause_drain(job),
            JobCommand::DropDrain(job) => self.drop_drain(job),
            // What images take of servers and cards is not modelled.
            JobCommand::Forget { .. } => {}
            JobCommand::Wake(at) => self.rack.schedule(at, Timer::Place),
            JobCommand::Finished { all, .. } => {
                if all {
                    self.finished();
                }
            }
        }
    }

    /// A node that is up and reachable may work.
    pub(super) fn offer_to_jobs(&mut self, id: u32) {
        if self.rack.connects(NodeId(id)) {
            self.coordinate(Input::Free(NodeId(id)));
        }
    }

    /// A node that was up is lost to its job, by failure or because nobody reaches it.
    pub(super) fn node_lost(&mut self, id: u32) {
        let loss = Loss { node: NodeId(id), class: self.class, since: self.now() };
        self.coordinate(Input::Lost(loss));
    }

    /// The memory of node `id` is silently corrupted at this instant, by whatever. The plan must
    /// say that it [corrupts](crate::plan::Plan::corrupts).
    pub(super) fn corrupt(&mut self, id: u32) {
        let (draw, check) = self.injector.flip(NodeId(id));
        self.coordinate(Input::Corrupted { node: NodeId(id), draw, check });
    }

    /// What was ordered is void: what it moved is lost.
    fn stop_job(&mut self, of: JobId) {
        let workers = self.workers(of);
        workers.epoch += 1;
        let order = workers.order.take();
        workers.pace.stop();
        let ticket = workers.transfer.take();
        let exchange = workers.exchange.take();
        let breaks_off = ticket.is_some() && matches!(order, Some((_, Work::Compute { .. })));
        self.give_up(ticket);
        if breaks_off {
            self.emit(What::Collective { job: of, act: CollectiveAct::BreakOff });
        }
        if exchange.is_some() {
            let copies = std::mem::take(&mut self.copies);
            let (gone, others) = copies.into_iter().partition(|(_, job)| *job == of);
            self.copies = others;
            let gone: BTreeMap<SendId, JobId> = gone;
            self.with_rack(|rack| gone.into_keys().for_each(|send| rack.drop_send(send)));
        }
        if self.workload.has_messages() {
            self.with_workload(|all, rack, out| all.stop(rack, of, out));
        }
    }

    fn work(&mut self, of: JobId, order: u64, work: Work) {
        let workers = self.workers(of);
        workers.order = Some((order, work));
        let epoch = workers.epoch;
        match work {
            Work::Compute { span, slowdown, .. } => self.compute(of, span, slowdown),
            Work::Verify { span, .. } => self.compute(of, span, 1.0),
            Work::Write(image) | Work::Read(image) => match image.cost {
                Cost::Span(span) => {
                    if !self.begin_exchange(of) {
                        self.after(span, Timer::Job { job: of, epoch });
                    }
                }
                Cost::Moves(parcel) if matches!(work, Work::Read(_)) => {
                    self.request_transfers(of, false, parcel.bytes);
                }
                Cost::Moves(parcel) => {
                    if !self.is_busy_packing(of, parcel.packing) {
                        self.request_transfers(of, true, parcel.bytes);
                    }
                }
            },
        }
    }

    /// Nodes begin to write or read a checkpoint of which they send parts to each other, over links
    /// that others may use as well. Says whether that is so.
    fn begin_exchange(&mut self, of: JobId) -> bool {
        if !self.plays_copies {
            return false;
        }
        let Some((spec, pairs)) = self.jobs.exchange(of) else { return false };
        let workers = self.workers(of);
        let left = pairs.len();
        workers.exchange = Some(Exchanging { spec, pairs, left, is_kept: false });
        let epoch = workers.epoch;
        if spec.before > Span::ZERO {
            self.after(spec.before, Timer::Packed { job: of, epoch });
        } else {
            self.send_copies(of);
        }
        true
    }

    /// They send, and their cards write or read.
    fn send_copies(&mut self, of: JobId) {
        let workers = self.workers(of);
        let epoch = workers.epoch;
        let Some(exchange) = &mut workers.exchange else { return };
        let (spec, pairs) = (exchange.spec, std::mem::take(&mut exchange.pairs));
        for (from, to) in pairs {
            // Without one of them the job stops at this instant.
            if let Some(send) = self.rack.send_copy(from, to, spec.bytes) {
                self.copies.insert(send, of);
            }
        }
        self.after(spec.meanwhile, Timer::Job { job: of, epoch });
    }

    /// What one node has sent another one for a checkpoint has arrived, or is lost: then the
    /// failure that lost it stops the job.
    pub(super) fn copy_ended(&mut self, of: JobId, arrived: bool) {
        if let Some(exchange) = self.workers(of).exchange.as_mut().filter(|_| arrived) {
            exchange.left -= 1;
            self.end_exchange(of);
        }
    }

    /// They are done, if all has arrived and cards are done.
    fn end_exchange(&mut self, of: JobId) {
        let workers = self.workers(of);
        let is_done = |it: &mut Exchanging| it.left == 0 && it.is_kept;
        if let Some(exchange) = workers.exchange.take_if(is_done)
            && !self.is_busy_packing(of, exchange.spec.after)
        {
            self.answer(of);
        }
    }

    /// How many times as long the nodes of a job compute as at full speed. O(1) but for a job with
    /// groups of which some node is slow: only its groups that compute count.
    fn factor(&self, of: JobId) -> f64 {
        let pace = &self.workers[usize::from(of.0)].pace;
        if pace.is_full() {
            return 1.0;
        }
        let groups = self.plan.checkpoint_of(of).and_then(|spec| spec.logging());
        let busy = groups.map(|_| self.jobs.movers(of));
        pace.factor(|node| busy.as_ref().is_none_or(|busy| busy.binary_search(&node).is_ok()))
    }

    /// The nodes compute, so many times as slow as they could for a checkpoint that drains.
    fn compute(&mut self, of: JobId, left: Span, slowdown: f64) {
        let (now, factor) = (self.now(), self.factor(of));
        let workers = self.workers(of);
        let span = workers.pace.begin(now, left, slowdown, factor);
        let epoch = workers.epoch;
        self.after(span, Timer::Job { job: of, epoch });
    }

    /// What they compute goes on at the pace of now.
    fn change_pace(&mut self, of: JobId, slowdown: Option<f64>) {
        let (now, factor) = (self.now(), self.factor(of));
        let workers = self.workers(of);
        let Some(span) = workers.pace.change(now, slowdown, factor) else { return };
        workers.epoch += 1;
        let epoch = workers.epoch;
        self.after(span, Timer::Job { job: of, epoch });
    }

    /// A node of a job computes at this share of its speed from now on (ppm).
    pub(super) fn change_speed(&mut self, of: JobId, node: NodeId, share_ppm: u32) {
        self.workers(of).pace.set_speed(node, share_ppm);
        self.change_pace(of, None);
    }

    /// Whether the nodes compress or decompress for some time now.
    fn is_busy_packing(&mut self, of: JobId, span: Span) -> bool {
        let epoch = self.workers(of).epoch;
        if span > Span::ZERO {
            let span = times(span, self.factor(of));
            self.after(span, Timer::Packed { job: of, epoch });
        }
        span > Span::ZERO
    }

    /// The nodes have compressed what they write, or decompressed what they have read.
    pub(super) fn packed(&mut self, of: JobId, epoch: u32) {
        let workers = self.workers(of);
        if workers.epoch != epoch {
            return;
        }
        if workers.exchange.is_some() {
            return self.send_copies(of);
        }
        match workers.order {
            Some((_, Work::Write(Image { cost: Cost::Moves(parcel), .. }))) => {
                self.request_transfers(of, true, parcel.bytes);
            }
            _ => self.answer(of),
        }
    }

    /// Who moves what is ordered. Where all nodes do, they are the same until one joins or leaves.
    fn movers(&mut self, of: JobId) -> Participants {
        if let Some(participants) = &self.workers(of).participants {
            return participants.clone();
        }
        let movers = self.jobs.movers(of).into_iter().map(|node| node.0);
        let participants = self.rack.participants(movers.collect());
        let groups = self.plan.checkpoint_of(of).and_then(|spec| spec.logging());
        let replicas = self.plan.scenario.work_of(of).and_then(|work| work.replicas);
        if groups.is_none() && replicas.is_none() {
            self.workers(of).participants = Some(participants.clone());
        }
        participants
    }

    /// Moves what is ordered.
    fn request_transfers(&mut self, of: JobId, write: bool, bytes: Bytes) {
        let movers = self.movers(of);
        let ticket = self.with_rack(|rack| rack.transfer(&movers, write, bytes));
        self.workers(of).transfer = Some(ticket);
        self.movers.insert(ticket, Mover::Job { job: of, write });
    }

    /// A transfer is complete.
    pub(super) fn moved(&mut self, ticket: Ticket) {
        match self.movers.remove(&ticket).expect("who moves waits for it") {
            Mover::Job { job, write } => {
                self.workers(job).transfer = None;
                self.transfers_done(job, write);
            }
            Mover::Drain { job, turn } => self.drain_moved(job, turn),
        }
    }

    /// All transfers of an order are done.
    fn transfers_done(&mut self, of: JobId, write: bool) {
        let packing = match self.workers(of).order {
            Some((_, Work::Compute { .. })) => {
                self.emit(What::Collective { job: of, act: CollectiveAct::End });
                Span::ZERO
            }
            Some((_, Work::Read(Image { cost: Cost::Moves(parcel), .. }))) => parcel.packing,
            _ => Span::ZERO,
        };
        if write || !self.is_busy_packing(of, packing) {
            self.answer(of);
        }
    }

    /// Gives a transfer up, if there is one. Says whether it had begun to move.
    fn give_up(&mut self, ticket: Option<Ticket>) -> bool {
        let Some(ticket) = ticket else { return false };
        self.movers.remove(&ticket);
        self.with_rack(|rack| rack.drop_transfer(ticket))
    }

    /// A node does not move its share any more; its heir moves all of it.
    fn go_on_without(&mut self, of: JobId, node: NodeId, heir: Option<NodeId>) {
        let Some(ticket) = self.workers(of).transfer else { return };
        let left = self.with_rack(|rack| rack.leave_transfer(ticket, node));
        if let (Some(heir), true) = (heir, left != Left::Nothing) {
            self.with_rack(|rack| rack.join_transfer(ticket, heir));
        } else if left == Left::Moving(0) {
            let ticket = self.workers(of).transfer.take();
            self.give_up(ticket);
            self.transfers_done(of, false);
        }
    }

    /// What the nodes send to each other when the time that was set in this epoch is over, if that
    /// is the end of the computing of a step.
    pub(super) fn collective_after(&self, job: JobId, epoch: u32) -> Option<Collective> {
        if !self.workload.has_messages() {
            return None;
        }
        let workers = &self.workers[usize::from(job.0)];
        let computed = matches!(workers.order, Some((_, Work::Compute { .. })));
        self.plan.collective(job).filter(|_| computed && workers.epoch == epoch)
    }

    /// What each node writes to the server when the time that was set in this epoch is over, if
    /// that is the end of the computing of a step after which they do.
    pub(super) fn io_after(&self, job: JobId, epoch: u32) -> Option<Bytes> {
        let work = self.plan.scenario.work_of(job)?;
        let (io, steps) = work.io.zip(work.steps_of_io())?;
        let workers = &self.workers[usize::from(job.0)];
        match workers.order {
            Some((_, Work::Compute { step, .. })) if workers.epoch == epoch => {
                step.is_multiple_of(steps).then_some(io.size)
            }
            _ => None,
        }
    }

    /// The nodes of a job write to the server.
    fn write_data(&mut self, job: JobId, bytes: Bytes) {
        self.workers(job).pace.stop();
        self.emit(What::Collective { job, act: CollectiveAct::Begin });
        let movers = self.movers(job);
        let ticket = self.with_rack(|rack| rack.write_data(&movers, bytes));
        self.workers(job).transfer = Some(ticket);
        self.movers.insert(ticket, Mover::Job { job, write: true });
    }

    /// The time of an order is over.
    pub(super) fn job_time_over(&mut self, job: JobId, epoch: u32) {
        if let Some(spec) = self.collective_after(job, epoch) {
            self.workers(job).pace.stop();
            let nodes = self.jobs.movers(job);
            return self.with_workload(|all, rack, out| all.begin(rack, (job, spec), nodes, out));
        }
        if let Some(bytes) = self.io_after(job, epoch) {
            return self.write_data(job, bytes);
        }
        let workers = self.workers(job);
        let Some((order, work)) = workers.order.filter(|_| workers.epoch == epoch) else { return };
        if let Some(exchange) = &mut workers.exchange {
            exchange.is_kept = true;
            return self.end_exchange(job);
        }
        if self.passes_over(job, work) {
            return;
        }
        let looks = matches!(work, Work::Verify { blind: false, .. });
        let found = if looks { self.jobs.struck(job) } else { None };
        self.coordinate(Input::Done { job, order, found });
    }

    /// Passes over the ends of the step that is over and of those after it, if nobody listens,
    /// nothing comes of them, and they come before whatever else is due.
    fn passes_over(&mut self, of: JobId, work: Work) -> bool {
        let (Some(_), Work::Compute { step, span, .. }) = (&self.leap, work) else { return false };
        // Those that waited for a controller that was down begin to draw more.
        if !self.workers(of).computing {
            return false;
        }
        let (ahead, slowdown) = self.jobs.uneventful_steps(of);
        // Of those the last one before regular I/O is the last.
        let io = self.plan.scenario.work_of(of).and_then(BulkSynchronous::steps_of_io);
        let ahead = io.map_or(ahead, |steps| ahead.min(steps - step % steps));
        let quiet = if ahead > 0 { self.rack.quiet_until() } else { None };
        let Some(until) = quiet else { return false };
        let (now, factor) = (self.now(), self.factor(of));
        let each = self.workers(of).pace.begin(now, span, slowdown, factor);
        let leap = self.leap.as_mut().expect("it was seen");
        let steps = leap.steps(ahead, each, now, until);
        let begun = now + Span(each.0 * (steps - 1));
        self.jobs.pass_over(begun, of, steps);
        let workers = self.workers(of);
        if let Some((_, Work::Compute { step, .. })) = &mut workers.order {
            *step += steps;
        }
        workers.pace.begin(begun, span, slowdown, factor);
        let epoch = workers.epoch;
        self.rack.schedule(begun + each, Timer::Job { job: of, epoch });
        true
    }

    /// The nodes report to the controller that they have done what was ordered.
    pub(super) fn answer(&mut self, job: JobId) {
        let Some((order, _)) = self.workers(job).order else { return };
        if self.control.is_down() {
            self.control.hold(job, order);
        } else {
            self.coordinate(Input::Done { job, order, found: None });
        }
    }

    /// The end of the run cuts short what is under way.
    pub(super) fn cut_all_transfers(&mut self) {
        for of in (0..self.workers.len() as u16).map(JobId) {
            self.stop_job(of);
        }
        for of in (0..self.workers.len() as u16).map(JobId) {
            self.drop_drain(of);
        }
    }

    fn change_members(&mut self, of: JobId, node: NodeId, joined: bool) {
        let feed = self.plan.machine.feed_of(node);
        let feeds = self.plan.machine.feeds_count();
        let one_by_one = self.plan.machine.has_port_limits();
        let workers = self.workers(of);
        workers.participants = None;
        workers.by_feed.resize(feeds, 0);
        let count = &mut workers.by_feed[feed as usize];
        let (from, to) = if joined {
            *count += 1;
            (Draw::Idle, Draw::Compute)
        } else {
            *count -= 1;
            (Draw::Compute, Draw::Idle)
        };
        if one_by_one {
            if joined {
                workers.one_by_one.insert(node);
            } else {
                workers.one_by_one.remove(&node);
            }
        }
        if workers.computing && one_by_one {
            self.rack.set_draw_of(node, to);
        } else if workers.computing {
            self.rack.change_draw(feed, from, to, 1);
        }
        self.change_speed(of, node, if joined { self.rack.speed(node) } else { WHOLE_PPM });
    }

    /// The time of an order is over, and nobody is there who orders more: its nodes have done it
    /// and wait.
    pub(super) fn rest_job(&mut self, of: JobId, epoch: u32) {
        if self.workers(of).epoch == epoch {
            self.set_load(of, false);
        }
    }

    /// Nodes that compute or verify draw more. O(feeds); of a job with groups O(nodes) if
    /// something changes, as those of groups that wait for others do not.
    fn set_load(&mut self, of: JobId, computes: bool) {
        let groups = self.plan.checkpoint_of(of).and_then(|spec| spec.logging());
        if groups.is_some() {
            return self.set_load_of_groups(of, computes);
        }
        let workers = &mut self.workers[usize::from(of.0)];
        if std::mem::replace(&mut workers.computing, computes) == computes {
            return;
        }
        let (from, to) =
            if computes { (Draw::Idle, Draw::Compute) } else { (Draw::Compute, Draw::Idle) };
        if self.plan.machine.has_port_limits() {
            for &node in &workers.one_by_one {
                self.rack.set_draw_of(node, to);
            }
            return;
        }
        let counts = (0..).zip(workers.by_feed.iter().copied()).filter(|(_, count)| *count > 0);
        self.rack.change_draws(counts, from, to);
    }

    /// Nobody joins or leaves while a group computes.
    fn set_load_of_groups(&mut self, of: JobId, computes: bool) {
        let all = self.jobs.seats(of).taken();
        let workers = &self.workers[usize::from(of.0)];
        let is_whole = workers.working.values().sum::<u32>() as usize == all;
        if computes && is_whole && self.jobs.phase(of) == JobPhase::Compute {
            return;
        }
        let busy = if computes { self.jobs.movers(of) } else { Vec::new() };
        let mut working = BTreeMap::new();
        for node in busy {
            let feed = self.plan.machine.feed_of(node);
            *working.entry(feed).or_insert(0) += 1;
        }
        let before = std::mem::replace(&mut self.workers(of).working, working.clone());
        for (feed, count) in before {
            self.rack.change_draw(feed, Draw::Compute, Draw::Idle, count);
        }
        for (feed, count) in working {
            self.rack.change_draw(feed, Draw::Idle, Draw::Compute, count);
        }
    }

    /// It begins, or goes on.
    fn drain(&mut self, job: JobId, image: Image) {
        let now = self.now();
        let drain = &mut self.workers(job).drain;
        drain.checkpoint = image.checkpoint;
        drain.turn += 1;
        let turn = drain.turn;
        match image.cost {
            Cost::Span(span) => {
                let span = drain.left.take().unwrap_or(span);
                drain.due = Some(now + span);
                self.after(span, Timer::Drained { job, turn });
            }
            Cost::Moves(parcel) => {
                let seats = self.seats_that_drain(job);
                let drain = &self.workers(job).drain;
                let before = |seat| drain.arrived.as_ref().map_or(Bytes(0), |it| it[seat]);
                let movers: Vec<_> =
                    seats.iter().map(|(node, seat)| (node.0, before(seat))).collect();
                let ticket =
                    self.with_rack(|rack| rack.resume_transfer(&movers, true, parcel.bytes));
                let drain = &mut self.workers(job).drain;
                (drain.transfer, drain.seats) = (Some(ticket), seats);
                self.movers.insert(ticket, Mover::Drain { job, turn });
            }
        }
    }

    /// Nodes that still have to copy, with their seats.
    fn seats_that_drain(&self, of: JobId) -> BTreeMap<NodeId, usize> {
        let arrived = &self.workers[usize::from(of.0)].drain.arrived;
        let seats = self.jobs.seats(of);
        let seat = |node| Some((node, seats.seat_of(node)?));
        let left = |(_, seat): &(NodeId, usize)| {
            arrived.as_ref().is_none_or(|arrived| arrived.contains_key(seat))
        };
        self.jobs.movers(of).into_iter().filter_map(seat).filter(left).collect()
    }

    /// It stands still from now on. What the server has of each image stays there.
    fn pause_drain(&mut self, of: JobId) {
        let now = self.now();
        let drain = &mut self.workers(of).drain;
        drain.turn += 1;
        drain.left = drain.due.take().map(|due| Span(due.0.saturating_sub(now.0)));
        let Some(ticket) = drain.transfer.take() else { return };
        self.movers.remove(&ticket);
        if let Some(arrived) = self.with_rack(|rack| rack.interrupt_transfer(ticket)) {
            // By now the node that failed may have lost its seat.
            let drain = &mut self.workers(of).drain;
            let of_seat = |(node, bytes)| (drain.seats[&node], bytes);
            drain.arrived = Some(arrived.into_iter().map(of_seat).collect());
        }
    }

    /// The server has all of it. The controller hears of it when it can.
    fn drain_moved(&mut self, job: JobId, turn: u64) {
        let drain = &mut self.workers(job).drain;
        (drain.transfer, drain.arrived) = (None, Some(BTreeMap::new()));
        self.rack.schedule(self.now(), Timer::Drained { job, turn });
    }

    /// It is complete, if it has not stood still or been given up since.
    pub(super) fn drained(&mut self, job: JobId, turn: u64) {
        let drain = &self.workers(job).drain;
        if let Some(checkpoint) = drain.checkpoint.filter(|_| drain.turn == turn) {
            self.coordinate(Input::Drained { job, checkpoint });
        }
    }

    /// It is given up: what it moved, now and before a failure, is lost.
    fn drop_drain(&mut self, of: JobId) {
        let drain = &mut self.workers(of).drain;
        let new = Draining { turn: drain.turn + 1, ..Draining::default() };
        let old = std::mem::replace(drain, new);
        if self.give_up(old.transfer) {
            return;
        }
        for lost in old.arrived.into_iter().flat_map(BTreeMap::into_values) {
            let (purpose, received) = (Purpose::Checkpoint, Bytes(0));
            self.emit(What::Transfer { purpose, nodes: 1, received, lost });
        }
    }
}
