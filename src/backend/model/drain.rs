//! Checkpoints that are written while the job computes: their transfers, and the slower steps.
//!
//! What is under way is the protocol's decision; this follows it after each of its inputs. The
//! bytes go through the fabric as those of other checkpoints do, so that boots, restarts and
//! checkpoints of the levels below share the links with them.
//!
//! Only the single job of a scenario has such levels.
//!
//! Not modelled: the application's own traffic, which is part of its steps: what it loses is the
//! scenario's `slowdown`. The time to read the image from the card.

use crate::event::JobPhase;
use crate::hardware::rack::Ticket;
use crate::ids::JobId;
use crate::plan::{Access, JOB};
use crate::units::{Span, Time};

use super::job::Mover;
use super::world::{Timer, World};

/// What the model knows of the checkpoint that is written while the job computes.
#[derive(Default)]
pub(super) struct DrainPlay {
    /// Its number.
    number: Option<u64>,
    /// Its transfer, if it is one.
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

    /// Does what the protocol says of what shall be written while the job computes.
    pub(super) fn follow_drain(&mut self) {
        let job = self.job_mut(JOB);
        let draining = job.machine.draining();
        if job.drain.number == draining.map(|draining| draining.number) {
            return;
        }
        self.cut_drain();
        let Some(draining) = draining else { return };
        let number = draining.number;
        self.job_mut(JOB).drain.number = Some(number);
        if let Some(span) = self.plan.hidden(draining.level) {
            self.after(span, Timer::Drained { number });
            return;
        }
        let bytes = self.plan.parcel(JOB, draining.level, 1.0, Access::Write).bytes;
        let movers = self.job(JOB).movers(true);
        let ticket = self.with_rack(|rack| rack.transfer(&movers, true, bytes));
        self.job_mut(JOB).drain.transfer = Some(ticket);
        self.movers.insert(ticket, Mover::Drain { number });
    }

    /// Whether this is the checkpoint that drains.
    fn drains(&self, number: u64) -> bool {
        self.jobs.first().is_some_and(|job| job.drain.number == Some(number))
    }

    /// The last byte has arrived: the checkpoint is committed, and the one that waited is next.
    pub(super) fn drained(&mut self, number: u64) {
        if !self.drains(number) {
            return;
        }
        let job = self.job_mut(JOB);
        let level = job.machine.draining().expect("it drains").level;
        let mut told = Vec::new();
        job.machine.drained(&mut told);
        if let Some(seating) = &mut job.seating {
            drop(seating.drained(number, level));
        }
        for what in told {
            self.tell(what);
        }
        self.follow_drain();
        self.change_pace();
    }

    /// Cuts the transfers short: what they moved is lost.
    pub(super) fn cut_drain(&mut self) {
        let Some(job) = self.jobs.first_mut() else { return };
        let step = job.drain.step;
        let old = std::mem::replace(&mut job.drain, DrainPlay { step, ..DrainPlay::default() });
        self.give_up(old.transfer);
    }
}
