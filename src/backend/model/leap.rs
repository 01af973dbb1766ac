//! Passing over what changes no metric, when nobody listens to every event.
//!
//! Between two failures a job alone on its nodes computes step after step, and the meters are read
//! that show nothing new. Who keeps only metrics need not hear of each:
//!
//! ```text
//!  steps     |--|--|--|--|--|--|--|--|--|   checkpoint
//!  readings   .    .    .    .    .    .    .
//!  heard of                            |   .    .
//! ```
//!
//! Steps are passed over that end before anything else is due and come to nothing but the order of
//! the next one, which is alike. Readings are passed over while nothing is under way in the
//! network, but for the first, which sees what was under way before; whoever keeps rates is given
//! the instant of the last, from which the next rate counts. All that is kept is sums of integers,
//! which do not hang on how often they are added to; energy is read at the end in any case, and the
//! largest power of a span is the largest of its parts'. So metrics are the same to the last bit,
//! and tests play both ways.

use crate::hardware::rack::Next;
use crate::plan::Plan;
use crate::units::{Span, Time};

/// What is passed over.
#[derive(Clone, Debug)]
pub(super) struct Leap {
    /// Events that were passed over and are not yet reported, and the last reading among them.
    passed: u64,
    passed_reading: Option<Time>,
    /// When the meters are read next, the time between two readings, and how many events one is.
    sample_at: Time,
    sample: Span,
    readings: u64,
    /// What the network was like when the meters were read last, if it was at rest.
    rest: Option<u64>,
    /// The end of the run at the latest.
    last: Time,
}

/// A reading of the meters that is due before anything else.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reading {
    /// It is to be taken now.
    At(Time),
    /// It was passed over, with all after it that come before what is due next.
    Passed,
}

impl Leap {
    /// Nothing yet.
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            passed: 0,
            passed_reading: None,
            sample_at: Time::ZERO,
            sample: plan.scenario.record.sample,
            readings: 2 + 2 * plan.machine.servers.len() as u64,
            rest: None,
            last: plan.scenario.stop.at,
        }
    }

    /// Takes the number of events that were passed over since the last call, if any were, and the
    /// instant of the last reading among them.
    pub(super) fn take(&mut self) -> Option<(u64, Option<Time>)> {
        let passed = std::mem::take(&mut self.passed);
        (passed > 0).then(|| (passed, self.passed_reading.take()))
    }

    /// Whether the meters are ever read again.
    pub(super) fn reads(&self) -> bool {
        self.sample_at != Time::NEVER
    }

    /// The reading before what is due next, if there is one, of a network that is at rest or not.
    pub(super) fn reading(&mut self, next: Option<Next>, rest: Option<u64>) -> Option<Reading> {
        let at = self.sample_at;
        if at > self.last || next.is_some_and(|next| next.at <= at) {
            return None;
        }
        if rest.is_none() || rest != self.rest {
            (self.sample_at, self.rest) = (at + self.sample, rest);
            return Some(Reading::At(at));
        }
        let until = next.map_or(self.last, |next| self.last.min(Time(next.at.0 - 1)));
        let more = until.since(at).0 / self.sample.0;
        let last = at + Span(self.sample.0 * more);
        self.passed += (more + 1) * self.readings;
        (self.sample_at, self.passed_reading) = (last + self.sample, Some(last));
        Some(Reading::Passed)
    }

    /// How many steps to pass over, of so many that come to nothing: the first of them ends now,
    /// each other one so long after the one before, and all before `until` and the end of the run.
    pub(super) fn steps(&mut self, ahead: u64, each: Span, now: Time, until: Time) -> u64 {
        let most = self.last.min(Time(until.0 - 1)).since(now).0.checked_div(each.0);
        let steps = most.map_or(1, |most| ahead.min(most.saturating_add(1)));
        self.passed += steps;
        steps
    }
}
