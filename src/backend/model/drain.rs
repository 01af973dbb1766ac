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

use std::collections::BTreeMap;

use crate::event::{JobPhase, Purpose, What};
use crate::hardware::flow::{Finished, RouteId};
use crate::ids::JobId;
use crate::plan::{Access, JOB};
use crate::units::{BitRate, Bytes, Span, Time};

use super::job::Bundle;
use super::world::{Timer, World};

/// Tags of these transfers are bundle numbers with this bit.
pub(super) const DRAIN_TAG: u64 = 1 << 62;

/// What the model knows of the checkpoint that is written while the job computes.
#[derive(Default)]
pub(super) struct DrainPlay {
    /// Its number.
    number: Option<u64>,
    bundles: Vec<Bundle>,
    /// Each node that writes, with the number of its bundle, in the order of the nodes.
    seats: Vec<(u32, u32)>,
    outstanding: usize,
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
        } else {
            let ready = self.admit_requests(JOB, true);
            self.agenda.schedule(ready, Timer::Drain { number });
        }
    }

    /// Whether this is the checkpoint that drains.
    fn drains(&self, number: u64) -> bool {
        self.jobs.first().is_some_and(|job| job.drain.number == Some(number))
    }

    /// The disks have taken the requests: the transfers start, bundled by route and cap.
    pub(super) fn start_drain(&mut self, number: u64) {
        if !self.drains(number) {
            return;
        }
        let job = self.job(JOB);
        let level = job.machine.draining().expect("it drains").level;
        let size = self.plan.parcel(JOB, level, 1.0, Access::Write).bytes;
        let movers = job.movers(true);
        let mut groups: BTreeMap<(RouteId, BitRate), (u32, u32)> = BTreeMap::new();
        for &id in &movers {
            groups.entry(self.job_route(id, true)).or_insert((0, 0)).1 += 1;
        }
        let (purpose, mut bundles) = (Purpose::Checkpoint, Vec::with_capacity(groups.len()));
        for (&(route, cap), (bundle, count)) in &mut groups {
            *bundle = bundles.len() as u32;
            let tag = DRAIN_TAG | u64::from(*bundle);
            let flow = self.network.fabric.start(self.now, route, cap, size, *count, tag);
            bundles.push(Bundle { purpose, count: *count, flow: Some(flow) });
        }
        let seat = |&id: &u32| (id, groups[&self.job_route(id, true)].0);
        let seats = movers.iter().map(seat).collect();
        let drain = &mut self.job_mut(JOB).drain;
        drain.outstanding = bundles.len();
        (drain.bundles, drain.seats) = (bundles, seats);
    }

    /// A transfer is complete; the last one completes the checkpoint.
    pub(super) fn drain_transfer_done(&mut self, finished: &Finished) {
        let drain = &mut self.job_mut(JOB).drain;
        let bundle = &mut drain.bundles[(finished.tag & !DRAIN_TAG) as usize];
        bundle.flow = None;
        let (purpose, nodes) = (bundle.purpose, finished.count);
        drain.outstanding -= 1;
        let (left, number) = (drain.outstanding, drain.number.expect("it drains"));
        let received = Bytes(finished.bytes.0 * u64::from(nodes));
        self.tell(What::Transfer { purpose, nodes, received, lost: Bytes(0) });
        if left == 0 {
            // The controller hears of it when it can.
            self.agenda.schedule(self.now, Timer::Drained { number });
        }
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
        for bundle in old.bundles {
            let Some(flow) = bundle.flow else { continue };
            let moved = self.network.fabric.cancel(self.now, flow);
            let lost = Bytes(moved.0 * u64::from(bundle.count));
            let (purpose, nodes) = (bundle.purpose, bundle.count);
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
        let purpose = bundle.purpose;
        let own = self.network.fabric.split(self.now, flow, DRAIN_TAG | u64::from(new));
        self.network.fabric.set_cap(self.now, own, cap);
        drain.bundles.push(Bundle { purpose, count: 1, flow: Some(own) });
        drain.seats[seat].1 = new;
        drain.outstanding += 1;
    }
}
