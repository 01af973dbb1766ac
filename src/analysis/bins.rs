//! Quantities over time in at most 2,048 bins, whose width doubles when they are full.
//!
//! Integrals are exact integers: doubling adds two neighbours, so no thinning loses anything.

use crate::units::NANOS_PER_SECOND;

/// Bins at most.
pub(super) const MAX_BINS: usize = 2048;

/// The first bins are 2^10 ns wide, about a microsecond.
const FIRST_SHIFT: u32 = 10;

/// Amounts are counted in units of one part in so many.
pub(super) const FINE: u128 = 1 << 20;

/// The integral of a quantity over each bin.
#[derive(Clone, Debug)]
pub(super) struct Bins {
    /// A bin is `1 << shift` nanoseconds wide.
    shift: u32,
    sums: Vec<u128>,
}

impl Default for Bins {
    fn default() -> Self {
        Self { shift: FIRST_SHIFT, sums: Vec::new() }
    }
}

impl Bins {
    /// Makes the bins reach to `end` (ns).
    pub(super) fn cover(&mut self, end: u64) {
        let Some(last) = end.checked_sub(1) else { return };
        while last >> self.shift >= MAX_BINS as u64 {
            let pairs = self.sums.chunks(2).map(|pair| pair.iter().sum());
            self.sums = pairs.collect();
            self.shift += 1;
        }
        let bins = (last >> self.shift) as usize + 1;
        if self.sums.len() < bins {
            self.sums.resize(bins, 0);
        }
    }

    /// Adds a level that held from `from` to `to` (ns).
    pub(super) fn add_level(&mut self, from: u64, to: u64, level: u64) {
        let due = |stop: u64| u128::from(level) * u128::from(stop - from);
        self.add(from, to, due);
    }

    /// Adds an amount that came evenly between `from` and `to` (ns), in units of 1 / [`FINE`] so
    /// that narrow bins get their fraction; all of it, to the last of these units.
    pub(super) fn add_amount(&mut self, from: u64, to: u64, amount: u64) {
        assert!(from < to, "an amount needs time to come in");
        let (fine, span) = (u128::from(amount) * FINE, u128::from(to - from));
        // fine * passed / span, in two parts that cannot overflow.
        let (whole, rest) = (fine / span, fine % span);
        let due = |stop: u64| {
            let passed = u128::from(stop - from);
            whole * passed + rest * passed / span
        };
        self.add(from, to, due);
    }

    /// `due(t)` is what has come by `t`; it is only asked for beyond `from`.
    fn add(&mut self, from: u64, to: u64, due: impl Fn(u64) -> u128) {
        if from == to {
            return;
        }
        self.cover(to);
        let (first, last) = (from >> self.shift, (to - 1) >> self.shift);
        if first == last {
            self.sums[first as usize] += due(to);
            return;
        }
        let mut given = 0;
        for bin in first..=last {
            let due = due(self.end_of(bin).min(to));
            self.sums[bin as usize] += due - given;
            given = due;
        }
    }

    /// All that came in.
    pub(super) fn total(&self) -> u128 {
        self.sums.iter().sum()
    }

    /// Adds the bins of another, which must reach just as far.
    pub(super) fn merge(&mut self, other: &Self) {
        assert_eq!((self.shift, self.sums.len()), (other.shift, other.sums.len()));
        for (sum, more) in self.sums.iter_mut().zip(&other.sums) {
            *sum += more;
        }
    }

    /// The mean of each bin times `scale`, against the start of the bin (s).
    /// The last bin ends at `end` (ns).
    pub(super) fn means(&self, end: u64, scale: f64) -> Vec<(f64, f64)> {
        let mean = |(bin, sum): (usize, &u128)| {
            let bin = bin as u64;
            let start = bin << self.shift;
            let width = self.end_of(bin).min(end) - start;
            (seconds(start), *sum as f64 / width as f64 * scale)
        };
        self.sums.iter().enumerate().map(mean).collect()
    }

    fn end_of(&self, bin: u64) -> u64 {
        (bin << self.shift).saturating_add(1 << self.shift)
    }
}

/// The largest value in each bin.
#[derive(Clone, Debug)]
pub(super) struct Peaks {
    shift: u32,
    peaks: Vec<u64>,
}

impl Default for Peaks {
    fn default() -> Self {
        Self { shift: FIRST_SHIFT, peaks: Vec::new() }
    }
}

impl Peaks {
    /// Notes that the largest value from `from` to `to` (ns) was this.
    pub(super) fn add(&mut self, from: u64, to: u64, peak: u64) {
        if from == to {
            return;
        }
        while (to - 1) >> self.shift >= MAX_BINS as u64 {
            let largest = |pair: &[u64]| pair.iter().copied().max().unwrap_or(0);
            self.peaks = self.peaks.chunks(2).map(largest).collect();
            self.shift += 1;
        }
        let (first, last) = ((from >> self.shift) as usize, ((to - 1) >> self.shift) as usize);
        if self.peaks.len() <= last {
            self.peaks.resize(last + 1, 0);
        }
        for bin in &mut self.peaks[first..=last] {
            *bin = peak.max(*bin);
        }
    }

    /// The peak of each bin times `scale`, against the start of the bin (s).
    pub(super) fn points(&self, scale: f64) -> Vec<(f64, f64)> {
        let point = |(bin, peak): (usize, &u64)| {
            (seconds((bin as u64) << self.shift), *peak as f64 * scale)
        };
        self.peaks.iter().enumerate().map(point).collect()
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
        fn thinning_keeps_every_integral(
            steps in proptest::collection::vec((0u64..(1 << 40), 0u64..2_000_000), 1..200),
        ) {
            let (mut levels, mut amounts) = (Bins::default(), Bins::default());
            let (mut now, mut area, mut sum) = (0, 0, 0);
            for (span, value) in steps {
                levels.add_level(now, now + span, value);
                area += u128::from(span) * u128::from(value);
                if span > 0 {
                    amounts.add_amount(now, now + span, value);
                    sum += u128::from(value);
                }
                now += span;
                prop_assert!(levels.sums.len() <= MAX_BINS);
            }
            prop_assert_eq!(levels.total(), area);
            prop_assert_eq!(amounts.total(), sum * FINE);
        }
    }

    #[test]
    fn an_hour_at_one_level_is_that_level_in_every_bin() {
        let hour = 3600 * NANOS_PER_SECOND;
        let mut bins = Bins::default();
        bins.add_level(0, hour / 3, 7);
        bins.add_level(hour / 3, hour, 7);
        let means = bins.means(hour, 1.0);
        assert!(means.len() > MAX_BINS / 2 && means.len() <= MAX_BINS);
        assert!(means.iter().all(|(_, mean)| (mean - 7.0).abs() < 1e-12));
    }

    #[test]
    fn a_step_shows_in_the_bin_where_it_happens() {
        let mut bins = Bins::default();
        bins.add_level(0, 1536, 0);
        bins.add_level(1536, 4096, 4);
        let means: Vec<_> = bins.means(4096, 1.0).into_iter().map(|(_, mean)| mean).collect();
        assert_eq!(means, [0.0, 2.0, 4.0, 4.0]);
    }

    #[test]
    fn doubling_keeps_the_larger_of_two_peaks() {
        let mut peaks = Peaks::default();
        peaks.add(0, 1, 5);
        peaks.add(1 << 15, (1 << 15) + 1, 9);
        peaks.add(1 << 15, 1 << 30, 3);
        let points = peaks.points(1.0);
        assert_eq!(points.len(), 2048);
        assert_eq!((points[0].1, points[1].1, points[2047].1), (9.0, 3.0, 3.0));
    }
}
