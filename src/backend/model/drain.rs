//! Checkpoints that are written while the job computes: their transfers, and the slower steps.
//!
//! What is under way is the protocol's decision; this follows it after each of its inputs. The
//! bytes go through the fabric as those of other checkpoints do, so that boots, restarts and
//! checkpoints of the levels below share the links with them.
//!
//! What the protocol does not give up at a failure stands still until the job has restarted. Then
//! it goes on with what the server has not yet: whoever has a seat by then sends the rest of it.
//!
//! Only the single job of a scenario has such levels.
//!
//! Not modelled: the application's own traffic, which is part of its steps: what it loses is the
//! scenario's `slowdown`. The time to read the image from the card.

use std::collections::BTreeMap;

use crate::event::{JobPhase, Purpose, What};
use crate::hardware::flow::{Finished, FlowId, RouteId};
use crate::ids::JobId;
use crate::plan::{Access, JOB};
use crate::protocol::drain::Draining;
use crate::protocol::seating::Seating;
use crate::units::{BitRate, Bytes, Span, Time};

use super::job::JobPlay;
use super::world::{Timer, World};

/// Tags of these transfers are bundle numbers with this bit.
pub(super) const DRAIN_TAG: u64 = 1 << 62;

/// What the model knows of the checkpoint that is written while the job computes.
#[derive(Default)]
pub(super) struct DrainPlay {
    /// Its number.
    number: Option<u64>,
    /// Whether it goes on; else it stands still.
    runs: bool,
    /// Grows whenever that changes: timers of before are dead.
    turn: u64,
    /// With fixed costs: when it will be complete.
    due: Option<Time>,
    /// With fixed costs: what was left of it when it began to stand still.
    left: Option<Span>,
    /// Of each seat whose image is not all at the server, what is; `None` if nothing was sent yet.
    arrived: Option<BTreeMap<usize, Bytes>>,
    bundles: Vec<Copying>,
    /// Each node that writes, with the number of its bundle, in the order of the nodes.
    seats: Vec<(u32, u32)>,
    outstanding: usize,
    /// The step that the job computes.
    step: Option<Pace>,
}

/// Like transfers of several nodes that started together.
struct Copying {
    count: u32,
    flow: Option<FlowId>,
    /// What of each of these images the server had before.
    before: Bytes,
}

/// A step under way.
#[derive(Clone, Copy)]
struct Pace {
    /// What of it was left at `since`, at full speed.
    left: Span,
    since: Time,
    slowdown: f64,
}

impl JobPlay {
    /// The seats keep what is still to be copied.
    pub(super) fn hold_sources(&mut self) {
        if let Some(seating) = &mut self.seating {
            drop(seating.hold(self.machine.held()));
        }
    }

    /// The seat of each node that has one.
    fn seats_by_node(&self) -> BTreeMap<u32, usize> {
        let seats = self.seating.as_ref().map_or(&[][..], Seating::seats);
        seats.iter().enumerate().filter_map(|(seat, node)| Some(((*node)?.0, seat))).collect()
    }
}

fn times(span: Span, factor: f64) -> Span {
    // Exactly the span where nothing drains.
    if factor > 1.0 { Span(libm::round(span.0 as f64 * factor) as u64) } else { span }
}

impl World<'_> {
    /// How many times as long a step takes now.
    fn slowdown(&self, of: JobId) -> f64 {
        let Some(draining) = self.job(of).machine.draining() else { return 1.0 };
        let wish = self.plan.scenario.checkpoint.as_ref().expect("it is written");
        wish.drain(draining.level).expect("its level drains").slowdown
    }

    /// Orders a step, which is slower while a checkpoint drains.
    pub(super) fn compute(&mut self, of: JobId, left: Span, epoch: u32) {
        let (since, slowdown) = (self.now, self.slowdown(of));
        self.job_mut(of).drain.step = Some(Pace { left, since, slowdown });
        self.after(times(left, slowdown), Timer::Job { job: of, epoch });
    }

    /// The step under way goes on at another pace.
    fn change_pace(&mut self) {
        let (now, slowdown) = (self.now, self.slowdown(JOB));
        let job = self.job_mut(JOB);
        let Some(pace) = job.drain.step else { return };
        let computes = matches!(job.machine.phase(), JobPhase::Compute | JobPhase::Rework);
        if !computes || pace.slowdown.to_bits() == slowdown.to_bits() {
            return;
        }
        let done = now.since(pace.since).0 as f64 / pace.slowdown;
        let left = Span(pace.left.0.saturating_sub(libm::round(done) as u64));
        job.epoch += 1;
        let epoch = job.epoch;
        self.compute(JOB, left, epoch);
    }

    /// Checkpoints are lost, and with them perhaps what was copied of them.
    pub(super) fn follow_lost(&mut self, of: JobId) {
        self.job_mut(of).hold_sources();
        self.follow_drain();
        self.change_pace();
    }

    /// Does what the protocol says of what shall be written while the job computes.
    pub(super) fn follow_drain(&mut self) {
        let job = self.job(JOB);
        let draining = job.machine.draining();
        let stands = matches!(job.phase(), JobPhase::Waiting | JobPhase::Restart);
        let number = draining.map(|draining| draining.number);
        if job.drain.number != number {
            self.cut_drain();
            self.job_mut(JOB).drain.number = number;
        }
        match (draining, self.job(JOB).drain.runs) {
            (Some(draining), false) if !stands => self.go_on_draining(draining.level),
            (Some(_), true) if stands => self.interrupt_drain(),
            _ => {}
        }
    }

    /// It begins, or goes on.
    fn go_on_draining(&mut self, level: usize) {
        let drain = &mut self.job_mut(JOB).drain;
        drain.runs = true;
        drain.turn += 1;
        let turn = drain.turn;
        let left = drain.left.take();
        if let Some(span) = left.or_else(|| self.plan.hidden(level)) {
            let due = self.now + span;
            self.job_mut(JOB).drain.due = Some(due);
            self.agenda.schedule(due, Timer::Drained { turn });
        } else {
            let ready = self.admit_requests(JOB, true);
            self.agenda.schedule(ready, Timer::Drain { turn });
        }
    }

    /// It stands still from now on. What the server has of each image stays there.
    fn interrupt_drain(&mut self) {
        let now = self.now;
        let job = self.job_mut(JOB);
        let nodes = job.seats_by_node();
        let drain = &mut job.drain;
        drain.runs = false;
        drain.turn += 1;
        drain.left = drain.due.take().map(|due| Span(due.0.saturating_sub(now.0)));
        drain.outstanding = 0;
        let (bundles, seats) =
            (std::mem::take(&mut drain.bundles), std::mem::take(&mut drain.seats));
        if bundles.is_empty() {
            return;
        }
        let mut cancel = |bundle: &Copying| {
            Some(Bytes(bundle.before.0 + self.network.fabric.cancel(now, bundle.flow?).0))
        };
        let arrived: Vec<_> = bundles.iter().map(&mut cancel).collect();
        let of_seat =
            |&(node, bundle): &(u32, u32)| Some((nodes[&node], arrived[bundle as usize]?));
        let arrived = seats.iter().filter_map(of_seat).collect();
        self.job_mut(JOB).drain.arrived = Some(arrived);
    }

    /// Whether these timers are not dead.
    fn drains(&self, turn: u64) -> bool {
        self.jobs.first().is_some_and(|job| job.drain.runs && job.drain.turn == turn)
    }

    /// The disks have taken the requests: the transfers start, bundled by route, cap and size.
    pub(super) fn start_drain(&mut self, turn: u64) {
        if !self.drains(turn) {
            return;
        }
        let job = self.job_mut(JOB);
        let level = job.machine.draining().expect("it drains").level;
        let arrived = job.drain.arrived.take();
        let job = self.job(JOB);
        let size = self.plan.parcel(JOB, level, 1.0, Access::Write).bytes;
        let mut movers: Vec<_> =
            job.movers(true).into_iter().map(|node| (node, Bytes(0))).collect();
        if let Some(arrived) = arrived {
            let nodes = job.seats_by_node();
            movers.retain_mut(|(node, before)| {
                let left = arrived.get(&nodes[node]);
                *before = *left.unwrap_or(before);
                left.is_some()
            });
        }
        let mut groups: BTreeMap<(RouteId, BitRate, Bytes), (u32, u32)> = BTreeMap::new();
        let group_of = |world: &Self, (id, before): (u32, Bytes)| {
            let (route, cap) = world.job_route(id, true);
            (route, cap, before)
        };
        for &mover in &movers {
            groups.entry(group_of(self, mover)).or_insert((0, 0)).1 += 1;
        }
        let mut bundles = Vec::with_capacity(groups.len());
        for (&(route, cap, before), (bundle, count)) in &mut groups {
            *bundle = bundles.len() as u32;
            let (tag, size) = (DRAIN_TAG | u64::from(*bundle), Bytes(size.0 - before.0));
            let flow = self.network.fabric.start(self.now, route, cap, size, *count, tag);
            bundles.push(Copying { count: *count, flow: Some(flow), before });
        }
        let seat = |&mover: &(u32, Bytes)| (mover.0, groups[&group_of(self, mover)].0);
        let seats = movers.iter().map(seat).collect();
        let drain = &mut self.job_mut(JOB).drain;
        drain.outstanding = bundles.len();
        (drain.bundles, drain.seats) = (bundles, seats);
        if drain.outstanding == 0 {
            self.agenda.schedule(self.now, Timer::Drained { turn });
        }
    }

    /// A transfer is complete; the last one completes the checkpoint.
    pub(super) fn drain_transfer_done(&mut self, finished: &Finished) {
        let drain = &mut self.job_mut(JOB).drain;
        let bundle = &mut drain.bundles[(finished.tag & !DRAIN_TAG) as usize];
        bundle.flow = None;
        let image = bundle.before.0 + finished.bytes.0;
        drain.outstanding -= 1;
        let (left, turn) = (drain.outstanding, drain.turn);
        let (purpose, nodes) = (Purpose::Checkpoint, finished.count);
        let received = Bytes(image * u64::from(nodes));
        self.tell(What::Transfer { purpose, nodes, received, lost: Bytes(0) });
        if left == 0 {
            // The controller hears of it when it can.
            self.agenda.schedule(self.now, Timer::Drained { turn });
        }
    }

    /// The last byte has arrived: the checkpoint is committed, and the one that waited is next.
    pub(super) fn drained(&mut self, turn: u64) {
        if !self.drains(turn) {
            return;
        }
        let job = self.job_mut(JOB);
        let Draining { number, level, .. } = job.machine.draining().expect("it drains");
        let mut told = Vec::new();
        job.machine.drained(&mut told);
        if let Some(seating) = &mut job.seating {
            drop(seating.drained(number, level));
        }
        job.hold_sources();
        for what in told {
            self.tell(what);
        }
        self.follow_drain();
        self.change_pace();
    }

    /// Cuts the transfers short: what they moved, now and before a failure, is lost.
    pub(super) fn cut_drain(&mut self) {
        let Some(job) = self.jobs.first_mut() else { return };
        let DrainPlay { step, turn, .. } = job.drain;
        let new = DrainPlay { step, turn: turn + 1, ..DrainPlay::default() };
        let old = std::mem::replace(&mut job.drain, new);
        let standing = old.arrived.into_iter().flat_map(BTreeMap::into_values);
        let mut cut: Vec<_> = standing.map(|arrived| (1, arrived)).collect();
        for Copying { count, flow, before } in old.bundles {
            let Some(flow) = flow else { continue };
            let moved = self.network.fabric.cancel(self.now, flow);
            cut.push((count, Bytes(before.0 + moved.0)));
        }
        for (nodes, moved) in cut {
            let (purpose, lost) = (Purpose::Checkpoint, Bytes(moved.0 * u64::from(nodes)));
            self.tell(What::Transfer { purpose, nodes, received: Bytes(0), lost });
        }
    }

    /// Gives the transfer of a node another cap, as a bundle of its own.
    pub(super) fn split_from_drain(&mut self, id: u32, cap: BitRate) {
        let Some(job) = self.jobs.first_mut() else { return };
        let drain = &mut job.drain;
        let Ok(seat) = drain.seats.binary_search_by_key(&id, |&(node, _)| node) else { return };
        let new = drain.bundles.len() as u32;
        let bundle = &mut drain.bundles[drain.seats[seat].1 as usize];
        let Some(flow) = bundle.flow else { return };
        if bundle.count == 1 {
            self.network.fabric.set_cap(self.now, flow, cap);
            return;
        }
        bundle.count -= 1;
        let before = bundle.before;
        let own = self.network.fabric.split(self.now, flow, DRAIN_TAG | u64::from(new));
        self.network.fabric.set_cap(self.now, own, cap);
        drain.bundles.push(Copying { count: 1, flow: Some(own), before });
        drain.seats[seat].1 = new;
        drain.outstanding += 1;
    }
}
