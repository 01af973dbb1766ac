//! Power: what the machine draws now, what it has drawn, and what each PSU domain must give.
//!
//! Total power is a sum of constants per state, so that energy is exact in integers.
//!
//! Not modelled: efficiency of PSUs and regulators, inrush below a millisecond, temperature.

use crate::units::{Power, Time};

/// The meter of the whole machine.
#[derive(Clone, Debug, Default)]
pub struct PowerMeter {
    now: Power,
    max: Power,
    since: Time,
    /// Energy so far (mW ns).
    energy: u128,
}

impl PowerMeter {
    /// Counts `from` less and `to` more, from `at` on. O(1).
    pub fn change(&mut self, at: Time, from: Power, to: Power) {
        self.settle(at);
        let with = self.now.0 + to.0;
        self.now = Power(with.checked_sub(from.0).expect("power is never negative"));
        self.max = self.max.max(self.now);
    }

    /// Energy since the start (mJ).
    pub fn energy_millijoules(&mut self, at: Time) -> u64 {
        self.settle(at);
        (self.energy / 1_000_000_000) as u64
    }

    /// Highest power since the last call.
    pub fn take_max(&mut self) -> Power {
        std::mem::replace(&mut self.max, self.now)
    }

    fn settle(&mut self, at: Time) {
        if at == self.since {
            return;
        }
        self.energy += u128::from(self.now.0) * u128::from(at.since(self.since).0);
        self.since = at;
    }
}

/// One PSU domain: its load counts peaks, because a supply must survive them.
#[derive(Clone, Copy, Debug)]
pub struct PsuDomain {
    /// What it can give.
    pub limit: Power,
    /// What its parts may draw at their peaks now.
    pub load: Power,
    /// Faults and brown-outs that keep it down now.
    pub down: u16,
    /// Brown-outs so far.
    pub trips: u32,
}

impl PsuDomain {
    /// A domain without load.
    #[must_use]
    pub fn new(limit: Power) -> Self {
        Self { limit, load: Power(0), down: 0, trips: 0 }
    }

    /// Replaces a part of the load; says whether the domain browns out by it.
    #[inline]
    pub fn change(&mut self, from: Power, to: Power) -> bool {
        let with = self.load.0 + to.0;
        self.load = Power(with.checked_sub(from.0).expect("load is never negative"));
        self.is_overloaded()
    }

    /// Whether it gives power, and more than it can.
    #[must_use]
    pub fn is_overloaded(&self) -> bool {
        self.down == 0 && self.load > self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn energy_is_power_times_time() {
        let mut meter = PowerMeter::default();
        meter.change(Time(0), Power(0), Power(2_000));
        meter.change(Time(10_000_000_000), Power(2_000), Power(500));
        assert_eq!(meter.energy_millijoules(Time(20_000_000_000)), 25_000);
        assert_eq!(meter.take_max(), Power(2_000));
        assert_eq!(meter.take_max(), Power(500));
    }

    #[test]
    fn a_domain_browns_out_above_its_limit_and_not_at_it() {
        let mut domain = PsuDomain::new(Power(100));
        assert!(!domain.change(Power(0), Power(100)));
        assert!(domain.change(Power(0), Power(1)));
    }
}
