//! Hazard clocks: a part fails when its own clock has run for a drawn lifetime.
//!
//! A node's clock runs while the node has power; a clock that stands keeps what is left. The
//! clock names the instant at which it is due, so that an older alarm is known to be stale.

use serde::{Deserialize, Serialize};

use crate::plan::rhythm::{self, Hours};
use crate::units::{Span, Time};

/// The clock of one part under one fault rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HazardClock {
    /// Lifetimes used up: the next one to draw is number `used`.
    pub used: u32,
    /// Whether it runs; `value` is then the instant at which it is due, else the time left.
    running: bool,
    value: u64,
}

impl HazardClock {
    /// A clock that stands, with so much time left.
    #[must_use]
    pub fn new(left: Span) -> Self {
        Self { used: 1, running: false, value: left.0 }
    }

    /// Lets it run, at the pace of its rule's hours; says when it is due.
    pub fn start(&mut self, now: Time, hours: Option<&Hours>) -> Time {
        if !self.running {
            self.running = true;
            self.value = rhythm::later(hours, now, Span(self.value)).0;
        }
        Time(self.value)
    }

    /// Stops it, keeping what is left.
    pub fn stop(&mut self, now: Time, hours: Option<&Hours>) {
        if self.running {
            self.running = false;
            self.value = rhythm::between(hours, now, Time(self.value)).0;
        }
    }

    /// A lifetime of which something is left takes another span in all: what is left keeps its
    /// share of it. Panics if the clock runs.
    pub fn stretch(&mut self, was: Span, is: Span) {
        assert!(!self.running, "what is left of a clock that runs changes");
        let left = u128::from(self.value) * u128::from(is.0) / u128::from(was.0.max(1));
        self.value = u64::try_from(left).unwrap_or(Span::FOREVER.0);
    }

    /// Whether it runs.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.running
    }

    /// Whether it runs and is due exactly now.
    #[must_use]
    pub fn is_due(&self, now: Time) -> bool {
        self.running && self.value == now.0
    }

    /// It stands, and so much time is left.
    pub fn set_left(&mut self, left: Span) {
        assert!(!self.running, "a clock that runs is stopped first");
        self.value = left.0;
    }

    /// Begins the next lifetime, standing.
    pub fn renew(&mut self, lifetime: Span) {
        *self = Self { used: self.used + 1, running: false, value: lifetime.0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_without_power_keeps_what_is_left() {
        let mut clock = HazardClock::new(Span(100));
        assert_eq!(clock.start(Time(10), None), Time(110));
        clock.stop(Time(60), None);
        assert!(!clock.is_due(Time(110)));
        assert_eq!(clock.start(Time(1_000), None), Time(1_050));
        assert!(clock.is_due(Time(1_050)));
        clock.renew(Span(7));
        assert_eq!((clock.used, clock.start(Time(0), None)), (2, Time(7)));
    }

    #[test]
    fn what_is_left_of_a_lifetime_keeps_its_share_of_it() {
        let mut clock = HazardClock::new(Span(100));
        clock.start(Time(0), None);
        clock.stop(Time(75), None);
        clock.stretch(Span(100), Span(40));
        assert_eq!(clock.start(Time(75), None), Time(85), "a quarter of 40 is left");
    }
}
