//! Virtual clocks: what a flow has received, in fixed point, and when it will have received enough.
//!
//! A clock counts bytes per flow in units of 2^-64 byte. It stands on a known value at a known
//! instant and runs from there at an exact rational rate, so that it is wrong by less than one
//! unit each time its rate changes and by nothing in between.

/// Units in a byte, as a shift.
pub(super) const BYTE_BITS: u32 = 64;
/// What says that a clock never gets there.
pub(super) const NEVER: u64 = u64::MAX;
/// Bit-nanoseconds per second in a byte: a rate of one bit/s moves a byte in so many nanoseconds.
const NANOS_PER_BYTE: u64 = 8_000_000_000;
/// Flows that may share one clock, because the divisor of a rate must fit 64 bits.
pub(super) const FLOWS_MAX: u64 = (1 << 31) - 1;

/// A value of a virtual clock, or a distance between two [2^-64 byte].
pub(super) type Mark = i128;

/// So many bytes as a distance on a clock.
pub(super) fn distance(bytes: u64) -> Mark {
    i128::from(bytes) << BYTE_BITS
}

/// Whole bytes in a distance. A clock may be a few units late, which must not cost a byte.
pub(super) fn whole_bytes(distance: Mark) -> u64 {
    let lateness = 1_i128 << 24;
    u64::try_from((distance + lateness) >> BYTE_BITS).unwrap_or(0)
}

/// An exact rate: `p / d` bytes per nanosecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rate {
    p: u64,
    d: u64,
}

impl Rate {
    /// A clock that stands still.
    pub(super) const STILL: Self = Self { p: 0, d: 1 };

    /// `num / den` bit/s.
    pub(super) fn new(num: u64, den: u64) -> Self {
        assert!(den <= FLOWS_MAX, "{den} flows on one clock");
        if num == 0 {
            return Self::STILL;
        }
        let d = NANOS_PER_BYTE * den;
        // A small numerator would make the last division of `wait` coarse.
        let shift = if num < 1 << 20 { d.leading_zeros().min(20) } else { 0 };
        Self { p: num << shift, d: d << shift }
    }

    /// The rate in bit/s, for people.
    pub(super) fn bits_per_second(self) -> f64 {
        self.p as f64 / self.d as f64 * NANOS_PER_BYTE as f64
    }

    /// The distance covered in so many nanoseconds, rounded down to a unit.
    fn over(self, nanos: u64) -> Mark {
        let d = u128::from(self.d);
        let product = u128::from(self.p) * u128::from(nanos);
        let (whole, rest) = (product / d, product % d);
        let fraction = (rest << BYTE_BITS) / d;
        ((whole << BYTE_BITS) | fraction).cast_signed()
    }

    /// Nanoseconds to cover a distance, rounded once to the nearest.
    ///
    /// What lies within 1/1024 ns below the middle is rounded up as well: an exact half is
    /// common (round sizes and rates), and a clock that is a unit late must not turn it.
    fn wait(self, distance: Mark) -> u64 {
        if distance <= 0 {
            return 0;
        }
        if self.p == 0 {
            return NEVER;
        }
        let (whole, fraction) = ((distance >> BYTE_BITS) as u64, distance as u64);
        let d = u128::from(self.d);
        let nanos = u128::from(whole) * d + ((u128::from(fraction) * d) >> BYTE_BITS);
        let middle = u128::from((self.p >> 1) + (self.p >> 10));
        u64::try_from((nanos + middle) / u128::from(self.p)).unwrap_or(NEVER)
    }
}

/// Whose clock it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// A link of a tree, for itself and all that rides on it.
    Link(u32),
    /// A group of a tree that runs at its private cap.
    Group(u32),
    /// A class of a component that is no tree.
    Class(u32),
}

/// A free-running virtual clock; one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Clock {
    value: Mark,
    since: u64,
    pub(super) rate: Rate,
    pub(super) owner: Owner,
}

impl Clock {
    /// A clock that stands at `value` until it is given a rate.
    pub(super) fn standing(owner: Owner, value: Mark, now: u64) -> Self {
        Self { value, since: now, rate: Rate::STILL, owner }
    }

    /// Its value at an instant that is not before its last change.
    pub(super) fn at(&self, now: u64) -> Mark {
        if now == self.since || self.rate.p == 0 {
            return self.value;
        }
        self.value + self.rate.over(now - self.since)
    }

    /// Makes `now` the instant from which it counts, before its rate changes.
    pub(super) fn anchor(&mut self, now: u64) {
        self.value = self.at(now);
        self.since = now;
    }

    /// The instant, in whole nanoseconds, at which it reaches `mark`.
    pub(super) fn date(&self, mark: Mark) -> u64 {
        self.since.saturating_add(self.rate.wait(mark - self.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gigabyte_at_100_megabit_takes_80_seconds() {
        let mut clock = Clock::standing(Owner::Link(0), 0, 5);
        clock.rate = Rate::new(100_000_000, 1);
        assert_eq!(clock.date(distance(1_000_000_000)), 80_000_000_005);
        assert_eq!(clock.at(80_000_000_005), distance(1_000_000_000));
    }

    #[test]
    fn a_third_of_a_rate_needs_three_times_as_long_to_the_unit() {
        let rate = Rate::new(1_000_000_000, 3);
        assert_eq!(rate.wait(distance(125_000_000)), 3_000_000_000);
        assert!(distance(125_000_000) - rate.over(3_000_000_000) <= 1);
    }

    #[test]
    fn an_exact_half_nanosecond_rounds_up_even_if_the_clock_is_late() {
        let rate = Rate::new(16_000_000_000, 1);
        assert_eq!(rate.wait(distance(1)), 1);
        assert_eq!(rate.wait(distance(1) - 1), 1);
        assert_eq!(rate.wait(distance(3) + 1), 2);
    }

    #[test]
    fn a_bit_per_second_is_exact_too() {
        let rate = Rate::new(1, 1);
        assert_eq!(rate.wait(distance(1)), 8_000_000_000);
        assert_eq!(rate.over(4_000_000_000), distance(1) / 2);
        assert_eq!(rate.wait(i128::MAX), NEVER);
    }
}
