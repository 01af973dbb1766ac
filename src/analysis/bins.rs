//! A quantity over time: integral, minimum and maximum of intervals of one round width.
//!
//! There are at most 2,048, and their width grows when they are full. Integrals are exact
//! integers, and each width divides the next: growing adds whole neighbours, so that no thinning
//! loses anything. With room for four intervals, a level of 3 for 2 µs and of 5 for 8 µs more
//! stands first in intervals of 1 µs, and at its end in two of 5 µs: one with a minimum of 3 and a
//! mean of (2 × 3 + 3 × 5) / 5 = 4.2, and one with 5 as both.

use super::Point;
use crate::units::NANOS_PER_SECOND;

/// Intervals at most.
pub(super) const MAX_BINS: usize = 2048;

/// Amounts are counted in units of one part in so many.
pub(super) const FINE: u128 = 1 << 20;

const MICRO: u64 = 1000;
const MILLI: u64 = 1000 * MICRO;
const SECOND: u64 = NANOS_PER_SECOND;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The widths of intervals (ns): round to people, and each divides the next. 2,048 of the last are
/// longer than any run.
pub const WIDTHS: [u64; 30] = [
    MICRO,
    5 * MICRO,
    10 * MICRO,
    50 * MICRO,
    100 * MICRO,
    500 * MICRO,
    MILLI,
    5 * MILLI,
    10 * MILLI,
    50 * MILLI,
    100 * MILLI,
    500 * MILLI,
    SECOND,
    5 * SECOND,
    10 * SECOND,
    30 * SECOND,
    MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    5 * DAY,
    10 * DAY,
    50 * DAY,
    100 * DAY,
    500 * DAY,
];

/// One interval.
#[derive(Clone, Copy, Debug)]
struct Bin {
    sum: u128,
    min: f64,
    max: f64,
}

impl Bin {
    const EMPTY: Self = Self { sum: 0, min: f64::INFINITY, max: f64::NEG_INFINITY };

    fn add(&mut self, sum: u128, value: f64) {
        self.sum += sum;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    fn join(mut self, other: &Self) -> Self {
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self
    }
}

/// A quantity over time.
#[derive(Clone, Debug)]
pub(super) struct Bins {
    /// Which of [`WIDTHS`] an interval has.
    step: usize,
    /// Where the last interval begins and ends (ns); most of what comes belongs there.
    last: (u64, u64),
    each: Vec<Bin>,
}

impl Default for Bins {
    fn default() -> Self {
        Self::of_step(0)
    }
}

impl Bins {
    /// Empty ones that begin with this one of [`WIDTHS`].
    pub(super) fn of_step(step: usize) -> Self {
        Self { step, last: (0, 0), each: Vec::new() }
    }

    /// Width of an interval (ns).
    pub(super) fn width(&self) -> u64 {
        WIDTHS[self.step]
    }

    /// Makes the intervals reach to `end` (ns).
    pub(super) fn cover(&mut self, end: u64) {
        if end <= self.last.1 {
            return;
        }
        let mut bins = end.div_ceil(self.width());
        while bins > MAX_BINS as u64 && self.step + 1 < WIDTHS.len() {
            let factor = WIDTHS[self.step + 1] / self.width();
            let joined = self.each.chunks(factor as usize);
            self.each = joined.map(|part| part.iter().fold(Bin::EMPTY, Bin::join)).collect();
            self.step += 1;
            bins = end.div_ceil(self.width());
        }
        self.each.resize(bins as usize, Bin::EMPTY);
        self.last = ((bins - 1) * self.width(), bins.saturating_mul(self.width()));
    }

    /// Adds a level that held from `from` to `to` (ns).
    pub(super) fn add_level(&mut self, from: u64, to: u64, level: u64) {
        let due = |stop: u64| u128::from(level) * u128::from(stop - from);
        self.add((from, to), level as f64, due);
    }

    /// Adds an amount that came evenly between `from` and `to` (ns), in units of 1 / [`FINE`] so
    /// that narrow intervals get their fraction; all of it, to the last of these units. Minimum
    /// and maximum are of the rate (1/s), which it gives back.
    pub(super) fn add_amount(&mut self, from: u64, to: u64, amount: u64) -> f64 {
        assert!(from < to, "an amount needs time to come in");
        let (fine, span) = (u128::from(amount) * FINE, u128::from(to - from));
        // fine * passed / span, in two parts that cannot overflow.
        let (whole, rest) = (fine / span, fine % span);
        let due = |stop: u64| {
            let passed = u128::from(stop - from);
            whole * passed + rest * passed / span
        };
        let rate = amount as f64 * NANOS_PER_SECOND as f64 / (to - from) as f64;
        self.add((from, to), rate, due);
        rate
    }

    /// Notes that the value was once so high between `from` and `to` (ns). If no time lies between
    /// them, that was at the end of what came before.
    pub(super) fn raise(&mut self, from: u64, to: u64, peak: f64) {
        self.cover(to.max(1));
        let last = to.saturating_sub(1);
        let (first, last) = (from.min(last) / self.width(), last / self.width());
        for bin in &mut self.each[first as usize..=last as usize] {
            bin.max = bin.max.max(peak);
        }
    }

    /// `due(t)` is what has come by `t`; it is only asked for beyond `from`.
    fn add(&mut self, (from, to): (u64, u64), value: f64, due: impl Fn(u64) -> u128) {
        if from == to {
            return;
        }
        self.cover(to);
        if from >= self.last.0 {
            self.each.last_mut().expect("it covers that").add(due(to), value);
            return;
        }
        let width = self.width();
        let mut given = 0;
        for bin in from / width..=(to - 1) / width {
            let due = due(((bin + 1).saturating_mul(width)).min(to));
            self.each[bin as usize].add(due - given, value);
            given = due;
        }
    }

    /// All that came in.
    pub(super) fn total(&self) -> u128 {
        self.each.iter().map(|bin| bin.sum).sum()
    }

    /// The intervals up to `end` (ns), of which the last may be cut short. Sums are multiplied by
    /// `scales.0` to become a mean, values by `scales.1`; time begins at `start` (ns).
    pub(super) fn points(&self, start: u64, end: u64, scales: (f64, f64)) -> Vec<Point> {
        let point = |(number, bin): (u64, &Bin)| {
            let from = number * self.width();
            let width = (from.saturating_add(self.width())).min(end - start) - from;
            let mean = bin.sum as f64 / width as f64 * scales.0;
            let (min, max) = (bin.min * scales.1, bin.max * scales.1);
            // A peak may be reported of an interval of which nothing else is known.
            let (min, max) = if min <= max { (min, max) } else { (mean, mean.max(max)) };
            // Division rounds; a mean of whole numbers that are all the same is that number.
            Point { t_s: seconds(start + from), min, mean: mean.clamp(min, max), max }
        };
        let inside = |(number, _): &(u64, &Bin)| number * self.width() < end - start;
        (0..).zip(&self.each).take_while(inside).map(point).collect()
    }
}

/// Seconds, for pages.
pub(super) fn seconds(nanos: u64) -> f64 {
    nanos as f64 / NANOS_PER_SECOND as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn thinning_keeps_every_integral_and_both_extremes(
            steps in proptest::collection::vec((0u64..(1 << 40), 0u64..2_000_000), 1..200),
        ) {
            let (mut levels, mut amounts) = (Bins::default(), Bins::default());
            let (mut now, mut area, mut sum) = (0, 0, 0);
            let (mut least, mut most) = (u64::MAX, 0);
            for (span, value) in steps {
                levels.add_level(now, now + span, value);
                area += u128::from(span) * u128::from(value);
                if span > 0 {
                    amounts.add_amount(now, now + span, value);
                    sum += u128::from(value);
                    (least, most) = (least.min(value), most.max(value));
                }
                now += span;
                prop_assert!(levels.each.len() <= MAX_BINS);
            }
            prop_assert_eq!(levels.total(), area);
            prop_assert_eq!(amounts.total(), sum * FINE);
            for points in [levels.points(0, now, (1.0, 1.0)), amounts.points(0, now, (1.0, 1.0))] {
                prop_assert!(points.is_sorted_by(|a, b| a.t_s < b.t_s));
            }
            let points = levels.points(0, now, (1.0, 1.0));
            prop_assert!(points.iter().all(|p| p.min <= p.mean && p.mean <= p.max));
            if now > 0 {
                let lowest = points.iter().map(|point| point.min).fold(f64::INFINITY, f64::min);
                let highest = points.iter().map(|point| point.max).fold(0.0, f64::max);
                prop_assert_eq!((lowest, highest), (least as f64, most as f64));
            }
        }
    }

    #[test]
    fn intervals_are_round_and_each_divides_the_next() {
        assert!(WIDTHS.windows(2).all(|pair| pair[1] % pair[0] == 0));
        for round in [SECOND, 10 * SECOND, MINUTE, 5 * MINUTE, HOUR, DAY] {
            assert!(WIDTHS.contains(&round), "{round}");
        }
        let width = |run: u64| {
            let mut bins = Bins::default();
            bins.add_level(0, run, 1);
            bins.width()
        };
        assert_eq!(width(20 * MINUTE), SECOND);
        assert_eq!(width(2 * HOUR), 5 * SECOND);
        assert_eq!(width(DAY), MINUTE);
        assert_eq!(width(7 * DAY), 5 * MINUTE);
        assert_eq!(width(31 * DAY), 30 * MINUTE);
        assert_eq!(width(u64::MAX), 500 * DAY);
    }

    #[test]
    fn an_hour_at_one_level_is_that_level_in_every_interval() {
        let mut bins = Bins::default();
        bins.add_level(0, HOUR / 3, 7);
        bins.add_level(HOUR / 3, HOUR, 7);
        let points = bins.points(0, HOUR, (1.0, 1.0));
        assert_eq!(points.len(), 720);
        assert!(points.iter().all(|point| (point.min, point.mean, point.max) == (7.0, 7.0, 7.0)));
    }

    #[test]
    fn a_short_dip_stays_a_minimum_when_its_interval_grows() {
        let mut bins = Bins::default();
        bins.add_level(0, MINUTE, 9);
        bins.add_level(MINUTE, MINUTE + 1, 8);
        bins.add_level(MINUTE + 1, DAY, 9);
        let points = bins.points(0, DAY, (1.0, 1.0));
        assert_eq!((points[1].t_s, points[1].min, points[1].max), (60.0, 8.0, 9.0));
        assert!(points.iter().enumerate().all(|(i, point)| i == 1 || point.min > 8.5));
    }

    #[test]
    fn the_example_of_the_header_is_true() {
        let mut bins = Bins::default();
        bins.add_level(0, 2 * MICRO, 3);
        bins.add_level(2 * MICRO, 10 * MICRO, 5);
        // As if there were room for four only.
        bins.cover(5 * MICRO * MAX_BINS as u64);
        let points = bins.points(0, 10 * MICRO, (1.0, 1.0));
        let of = |point: &Point| (point.min, point.mean, point.max);
        assert_eq!(points.iter().map(of).collect::<Vec<_>>(), [(3.0, 4.2, 5.0), (5.0, 5.0, 5.0)]);
    }

    #[test]
    fn a_peak_of_an_instant_is_in_the_interval_before_it() {
        let mut bins = Bins::default();
        bins.raise(0, 0, 307.0);
        bins.add_amount(0, SECOND, 281);
        bins.add_amount(SECOND, 2 * SECOND, 100);
        bins.raise(SECOND, 2 * SECOND, 120.0);
        bins.raise(2 * SECOND, 2 * SECOND, 130.0);
        let points = bins.points(0, 2 * SECOND, (1e9 / FINE as f64, 1.0));
        let of = |point: &Point| (point.max, point.mean.round());
        assert_eq!(
            (of(&points[0]), of(&points[points.len() - 1])),
            ((307.0, 281.0), (130.0, 100.0))
        );
    }
}
