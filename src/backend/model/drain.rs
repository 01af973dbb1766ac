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
use crate::hardware::rack::Ticket;
use crate::ids::{JobId, NodeId};
use crate::plan::{Access, JOB};
use crate::protocol::drain::Draining;
use crate::protocol::seating::Seating;
use crate::units::{Bytes, Span, Time};

use super::job::{JobPlay, Mover};
use super::world::{Timer, World};

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
    /// Of each seat whose image is not all at the server, what was when it stood still last;
    /// `None` if nothing had been sent yet.
    arrived: Option<BTreeMap<usize, Bytes>>,
    /// Its transfer, while there is one under way.
    transfer: Option<Ticket>,
    /// The step that the job computes.
    step: Option<Pace>,
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

    /// Nodes that still have to copy, in their order, with what the server has of each image.
    fn drain_movers(&self) -> Vec<(u32, Bytes)> {
        let movers = self.movers(true).into_iter();
        let Some(arrived) = &self.drain.arrived else {
            return movers.map(|node| (node, Bytes(0))).collect();
        };
        let seats = self.seats_by_node();
        movers.filter_map(|node| Some((node, *arrived.get(&seats[&node])?))).collect()
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
        let (since, slowdown) = (self.now(), self.slowdown(of));
        self.job_mut(of).drain.step = Some(Pace { left, since, slowdown });
        self.after(times(left, slowdown), Timer::Job { job: of, epoch });
    }

    /// The step under way goes on at another pace.
    fn change_pace(&mut self) {
        let (now, slowdown) = (self.now(), self.slowdown(JOB));
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
        let now = self.now();
        let drain = &mut self.job_mut(JOB).drain;
        drain.runs = true;
        drain.turn += 1;
        let turn = drain.turn;
        let left = drain.left.take();
        if let Some(span) = left.or_else(|| self.plan.hidden(level)) {
            self.job_mut(JOB).drain.due = Some(now + span);
            self.after(span, Timer::Drained { turn });
            return;
        }
        let bytes = self.plan.parcel(JOB, level, 1.0, Access::Write).bytes;
        let movers = self.job(JOB).drain_movers();
        let ticket = self.with_rack(|rack| rack.resume_transfer(&movers, true, bytes));
        self.job_mut(JOB).drain.transfer = Some(ticket);
        self.movers.insert(ticket, Mover::Drain { turn });
    }

    /// It stands still from now on. What the server has of each image stays there.
    fn interrupt_drain(&mut self) {
        let now = self.now();
        let job = self.job_mut(JOB);
        let drain = &mut job.drain;
        drain.runs = false;
        drain.turn += 1;
        drain.left = drain.due.take().map(|due| Span(due.0.saturating_sub(now.0)));
        let Some(ticket) = drain.transfer.take() else { return };
        self.movers.remove(&ticket);
        if let Some(arrived) = self.with_rack(|rack| rack.interrupt_transfer(ticket)) {
            let job = self.job_mut(JOB);
            let seats = job.seats_by_node();
            let of_seat = |(NodeId(node), bytes)| (seats[&node], bytes);
            job.drain.arrived = Some(arrived.into_iter().map(of_seat).collect());
        }
    }

    /// The server has all of it. The controller hears of it when it can.
    pub(super) fn drain_moved(&mut self, turn: u64) {
        let drain = &mut self.job_mut(JOB).drain;
        (drain.transfer, drain.arrived) = (None, Some(BTreeMap::new()));
        self.rack.schedule(self.now(), Timer::Drained { turn });
    }

    /// Whether these timers are not dead.
    fn drains(&self, turn: u64) -> bool {
        self.jobs.first().is_some_and(|job| job.drain.runs && job.drain.turn == turn)
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
        if self.give_up(old.transfer) {
            return;
        }
        for lost in old.arrived.into_iter().flat_map(BTreeMap::into_values) {
            let (purpose, received) = (Purpose::Checkpoint, Bytes(0));
            self.tell(What::Transfer { purpose, nodes: 1, received, lost });
        }
    }
}
