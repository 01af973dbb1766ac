//! Rational shares of capacity, exact as long as their denominators stay small.

use std::cmp::Ordering;

use super::clock::Rate;
use super::heap::Key;

/// No link and no cap is faster (bit/s); what is given as more is taken as this much.
pub(super) const SPEED_MAX: u64 = 1 << 48;
/// Denominators up to here are exact; a larger one becomes this one, which is wrong by 1e-9 bit/s.
const DENOMINATOR_MAX: u64 = 1 << 30;

/// `num / den` bit/s, never negative.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    num: u128,
    den: u64,
}

fn common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl Share {
    pub(super) fn whole(speed: u64) -> Self {
        Self { num: u128::from(speed), den: 1 }
    }

    /// This share dealt to `n`.
    pub(super) fn dealt(self, n: u64) -> Self {
        let den = u128::from(self.den) * u128::from(n);
        if den <= u128::from(DENOMINATOR_MAX) {
            return Self { num: self.num, den: den as u64 };
        }
        Self { num: self.num * u128::from(DENOMINATOR_MAX) / den, den: DENOMINATOR_MAX }
    }

    /// What is left when each of `n` takes `share`.
    pub(super) fn less(self, share: Self, n: u64) -> Self {
        let taken = share.num * u128::from(n);
        let common = common_divisor(self.den, share.den);
        let den = u128::from(self.den / common) * u128::from(share.den);
        let left = if den <= u128::from(DENOMINATOR_MAX) {
            let mine = self.num * u128::from(share.den / common);
            let taken = taken * u128::from(self.den / common);
            Self { num: mine.saturating_sub(taken), den: den as u64 }
        } else {
            let limit = u128::from(DENOMINATOR_MAX);
            let mine = self.num * limit / u128::from(self.den);
            let taken = taken * limit / u128::from(share.den);
            Self { num: mine.saturating_sub(taken), den: DENOMINATOR_MAX }
        };
        if left.den > 1 && left.num % u128::from(left.den) == 0 {
            return Self { num: left.num / u128::from(left.den), den: 1 };
        }
        left
    }

    /// Less, equal or greater, without rounding.
    pub(super) fn compare(self, other: Self) -> Ordering {
        (self.num * u128::from(other.den)).cmp(&(other.num * u128::from(self.den)))
    }

    pub(super) fn rate(self) -> Rate {
        match u64::try_from(self.num) {
            Ok(num) => Rate::new(num, self.den),
            // Above 17 Gbit/s per flow with a huge denominator: 2^-14 bit/s is exact enough.
            Err(_) => Rate::new(((self.num << 14) / u128::from(self.den)) as u64, 1 << 14),
        }
    }
}

/// The rate at which a link of a tree is full: capacity left to the flows that move at its own
/// clock, over their number. A negative one says that what lies below takes too much.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    num: i64,
    den: u32,
}

impl Level {
    /// Nobody moves at the link's own clock, and there is room.
    pub(super) const INFINITE: Self = Self { num: 1, den: 0 };

    /// `left` bit/s for `n` flows.
    pub(super) fn new(left: i128, n: u64) -> Self {
        if n == 0 && left >= 0 {
            return Self::INFINITE;
        }
        let num = left.clamp(-(1 << 60), 1 << 60) as i64;
        Self { num: if n == 0 { -1 } else { num }, den: n as u32 }
    }

    pub(super) fn is_infinite(self) -> bool {
        self.den == 0 && self.num > 0
    }

    /// The rate of a clock at this level; a link without flows of its own stands still.
    pub(super) fn rate(self) -> Rate {
        match u64::try_from(self.num) {
            Ok(num) if self.den > 0 => Rate::new(num, u64::from(self.den)),
            _ => Rate::STILL,
        }
    }

    /// Whether this level is strictly below `other`.
    pub(super) fn below(self, other: Self) -> bool {
        if self.den == 0 && other.den == 0 {
            return self.num < other.num;
        }
        i128::from(self.num) * i128::from(other.den) < i128::from(other.num) * i128::from(self.den)
    }
}

impl Key for Level {
    fn before(&self, other: &Self) -> bool {
        self.below(*other)
    }
}

/// A level in a heap whose top is the highest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Falling(pub(super) Level);

impl Key for Falling {
    fn before(&self, other: &Self) -> bool {
        other.0.below(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_dealt_and_taken_again_leaves_nothing() {
        let link = Share::whole(1_000_000_000);
        let left = link.less(link.dealt(7), 7);
        assert_eq!((left.num, left.den), (0, 1));
        let left = link.less(link.dealt(7), 3);
        assert_eq!(left.compare(Share { num: 4_000_000_000, den: 7 }), Ordering::Equal);
    }

    #[test]
    fn huge_denominators_are_off_by_less_than_a_billionth() {
        let mut left = Share::whole(10_000_000_000);
        let mut float = 1e10;
        for n in [65_521, 65_519, 65_497_u64] {
            let share = left.dealt(n);
            left = left.less(share, 1);
            float -= float / n as f64;
        }
        assert!((left.num as f64 / left.den as f64 - float).abs() < 1e-5);
    }

    #[test]
    fn levels_are_ordered_from_overload_to_infinity() {
        let levels = [
            Level::new(-5, 0),
            Level::new(-5, 2),
            Level::new(0, 3),
            Level::new(1, 3),
            Level::new(1, 2),
            Level::INFINITE,
        ];
        for (i, a) in levels.iter().enumerate() {
            for (j, b) in levels.iter().enumerate() {
                assert_eq!(a.below(*b), i < j, "{a:?} {b:?}");
            }
        }
    }
}
