//! The exact time of computing between exponential failures: mean and variance.
//!
//! A stretch of `a` is tried until no failure strikes it. With failures at the rate l, each of
//! which costs V after the time that it throws away, the mean is (1/l + E V) (e^(l a) - 1). That is
//! all: a checkpoint with its computing is a stretch whose V is downtime and recovery, recovery is
//! a stretch whose V is downtime, and a phase that failures may not strike takes its own time.
//!
//! If failures strike computing, checkpoint and recovery but not downtime, the mean of a segment is
//! e^(l R) (1/l + D) (e^(l (W + C)) - 1) (Herault and Robert; Bougeret and others 2011). A
//! checkpoint that counts from its start is a stretch that the first failure ends. The other
//! switches and the variance are derived here by the same argument. Not confirmed from a second
//! source; Monte Carlo agrees, in the tests of this file.
//!
//! Worked example: M = 1 d, C = R = 600 s, D = 60 s: 20 days of computing in 177 equal chunks take
//! 1,963,671.2 s.

use super::Costs;
use super::lambert::w0;
use crate::scenario::job::{Counts, Strikes};

/// Mean and variance of a time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    /// Mean.
    pub mean: f64,
    /// Variance, in the square of the unit.
    pub variance: f64,
}

impl Moments {
    /// A time that does not vary.
    #[must_use]
    pub fn fixed(mean: f64) -> Self {
        Self { mean, variance: 0.0 }
    }

    /// The sum of two independent times.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { mean: self.mean + other.mean, variance: self.variance + other.variance }
    }

    /// The sum of so many independent times like this one.
    #[must_use]
    pub fn times(self, count: f64) -> Self {
        Self { mean: self.mean * count, variance: self.variance * count }
    }
}

/// A job under exponential failures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment {
    /// Failures of the job per unit of time: l = 1/M; zero if there are none.
    pub rate: f64,
    /// What checkpoint and failure cost.
    pub costs: Costs,
    /// In which phases a failure may strike.
    pub strikes: Strikes,
    /// From when a checkpoint counts.
    pub counts: Counts,
}

impl Segment {
    /// A stretch that is tried until no failure strikes it, each failure costing `each` in
    /// addition.
    fn stretch(&self, length: f64, each: Moments) -> Moments {
        let rate = self.rate;
        if rate * length <= 0.0 {
            return Moments::fixed(length);
        }
        let failures = libm::expm1(rate * length);
        // The time until a failure, given that it strikes within the length.
        let lost = 1.0 / rate - length / failures;
        let square = 2.0 / (rate * rate) - length * (length + 2.0 / rate) / failures;
        let lost_variance = (square - lost * lost).max(0.0);
        let each_failure = lost + each.mean;
        Moments {
            mean: (1.0 / rate + each.mean) * failures,
            variance: failures * (lost_variance + each.variance)
                + failures * (failures + 1.0) * each_failure * each_failure,
        }
    }

    /// The downtime after a failure.
    fn downtime(&self) -> Moments {
        let Costs { downtime, .. } = self.costs;
        if self.strikes.downtime {
            self.stretch(downtime, Moments::default())
        } else {
            Moments::fixed(downtime)
        }
    }

    /// From a failure to the end of the recovery from it.
    #[must_use]
    pub fn repair(&self) -> Moments {
        let (downtime, recovery) = (self.downtime(), self.costs.recovery);
        let read = if self.strikes.restart {
            self.stretch(recovery, downtime)
        } else {
            Moments::fixed(recovery)
        };
        downtime.and(read)
    }

    /// So much computing, and then a checkpoint if `saved`.
    #[must_use]
    pub fn time(&self, work: f64, saved: bool) -> Moments {
        let write = if saved { self.costs.write } else { 0.0 };
        match (self.strikes.checkpoint, self.counts) {
            (true, Counts::End) => self.stretch(work + write, self.repair()),
            (true, Counts::Start) => self.stretch(work, self.repair()).and(self.cut(write)),
            (false, _) => self.stretch(work, self.repair()).and(Moments::fixed(write)),
        }
    }

    /// A stretch that the first failure ends, and the repair after it: the mean is
    /// (1 - e^(-l C)) (1/l + E V).
    fn cut(&self, length: f64) -> Moments {
        let rate = self.rate;
        if rate * length <= 0.0 {
            return Moments::fixed(length);
        }
        let repair = self.repair();
        let failed = -libm::expm1(-rate * length);
        let mean = failed * (1.0 / rate + repair.mean);
        // With x the time in the stretch and f whether it failed: E x^2, E f x, E (f V)^2.
        let kept = 1.0 - failed;
        let square = 2.0 / rate * (failed / rate - length * kept);
        let both = failed / rate - length * kept;
        let repairs = failed * (repair.variance + repair.mean * repair.mean);
        let variance = square + 2.0 * both * repair.mean + repairs - mean * mean;
        Moments { mean, variance: variance.max(0.0) }
    }

    /// So much computing in equal chunks, each with a checkpoint, also the last:
    /// K e^(l R) (1/l + D) (e^(l (W/K + C)) - 1) with the usual switches.
    #[must_use]
    pub fn chunks(&self, work: f64, count: f64) -> Moments {
        self.time(work / count, true).times(count)
    }

    /// The best number of equal chunks as a real number, K0 = l W / (1 + W0(-e^(-l C - 1))), for
    /// failures that strike checkpoints.
    #[must_use]
    pub fn chunks_best(&self, work: f64) -> f64 {
        self.rate * work / (1.0 + w0(-libm::exp(-self.rate * self.costs.write - 1.0)))
    }

    /// The best whole number of equal chunks: that on either side of [`Self::chunks_best`] which
    /// takes less time.
    #[must_use]
    pub fn chunks_best_whole(&self, work: f64) -> f64 {
        let down = libm::floor(self.chunks_best(work)).max(1.0);
        let at = |count| self.chunks(work, count).mean;
        if at(down + 1.0) < at(down) { down + 1.0 } else { down }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Draw, Stream};
    use crate::theory::tests::printed;

    const USUAL: Strikes = Strikes { checkpoint: true, restart: true, downtime: false };

    fn segment(mtbf: f64, cost: f64, strikes: Strikes) -> Segment {
        let costs = Costs { write: cost, recovery: cost, downtime: 60.0 };
        Segment { rate: 1.0 / mtbf, costs, strikes, counts: Counts::End }
    }

    /// M, C = R, computing; then K0, K, period and mean as published.
    #[test]
    fn equal_chunks_have_their_published_values() {
        let rows = [
            (86_400.0, 600.0, 1_728_000.0, 176.573, 177.0, 10_362.71, 1_963_671.2),
            (3_600.0, 300.0, 432_000.0, 338.326, 338.0, 1_578.11, 739_748.1),
        ];
        for (mtbf, cost, work, k0, k, period, mean) in rows {
            let segment = segment(mtbf, cost, USUAL);
            printed(segment.chunks_best(work), k0, 3);
            printed(segment.chunks_best_whole(work), k, 9);
            printed(work / k + cost, period, 2);
            printed(segment.chunks(work, k).mean, mean, 1);
        }
    }

    /// A Monte Carlo of 4,000 runs gave 1,963,734 +- 506 s and 739,406 +- 314 s, which are standard
    /// errors of the mean.
    #[test]
    fn the_deviation_is_that_of_the_published_monte_carlo() {
        for (mtbf, cost, work, k, published) in [
            (86_400.0, 600.0, 1_728_000.0, 177.0, 506.0),
            (3_600.0, 300.0, 432_000.0, 338.0, 314.0),
        ] {
            let variance = segment(mtbf, cost, USUAL).chunks(work, k).variance;
            let error = libm::sqrt(variance / 4_000.0);
            assert!((error / published - 1.0).abs() < 0.05, "{error} and {published}");
        }
    }

    /// Plays one segment with a clock, phase by phase, as the slow twin of the formula.
    fn played(segment: &Segment, work: f64, draw: &mut Draw) -> f64 {
        let Segment { rate, costs, strikes, counts } = *segment;
        let phases = [
            (costs.downtime, strikes.downtime),
            (costs.recovery, strikes.restart),
            (work, true),
            (costs.write, strikes.checkpoint),
        ];
        let (mut time, mut phase, mut saved) = (0.0, 2, false);
        while let Some(&(length, may_strike)) = phases.get(phase) {
            let failure = if may_strike { draw.exponential(1.0 / rate) } else { f64::INFINITY };
            time += failure.min(length);
            saved |= phase == 3 && failure < length && counts == Counts::Start;
            phase = if failure < length { 0 } else { phase + 1 };
            if saved && phase == 2 {
                break;
            }
        }
        time
    }

    #[test]
    fn every_switch_meets_a_play_of_its_phases_in_mean_and_variance() {
        let stream = Stream::new(7, "theory/segment");
        for bits in 0_u64..16 {
            let counts = if bits & 8 > 0 { Counts::Start } else { Counts::End };
            let strikes =
                Strikes { checkpoint: bits & 1 > 0, restart: bits & 2 > 0, downtime: bits & 4 > 0 };
            let costs = Costs { write: 600.0, recovery: 900.0, downtime: 1_200.0 };
            let segment = Segment { rate: 1.0 / 3_600.0, costs, strikes, counts };
            let n = 40_000;
            let mut draw = stream.draw(bits, 0);
            let times: Vec<f64> = (0..n).map(|_| played(&segment, 2_400.0, &mut draw)).collect();
            let n = f64::from(n);
            let mean = times.iter().sum::<f64>() / n;
            let variance = times.iter().map(|t| (t - mean) * (t - mean)).sum::<f64>() / (n - 1.0);
            let exact = segment.time(2_400.0, true);
            let half_width = 2.576 * libm::sqrt(exact.variance / n);
            assert!((mean - exact.mean).abs() <= half_width, "{segment:?}: {mean} {exact:?}");
            assert!((variance / exact.variance - 1.0).abs() < 0.06, "{segment:?}: {variance}");
        }
    }

    #[test]
    fn each_phase_that_failures_may_strike_costs_time() {
        let mean = |strikes| segment(3_600.0, 300.0, strikes).time(1_800.0, true).mean;
        let usual = mean(USUAL);
        assert!(mean(Strikes { checkpoint: false, ..USUAL }) < usual);
        assert!(mean(Strikes { restart: false, ..USUAL }) < usual);
        assert!(mean(Strikes { downtime: true, ..USUAL }) > usual);
        let at_once = Segment { counts: Counts::Start, ..segment(3_600.0, 300.0, USUAL) };
        assert!(at_once.time(1_800.0, true).mean < usual);
    }

    #[test]
    fn without_failures_time_is_computing_and_checkpoint() {
        let mut calm = segment(1.0, 30.0, USUAL);
        calm.rate = 0.0;
        assert_eq!(calm.time(100.0, true), Moments::fixed(130.0));
        assert_eq!(calm.time(100.0, false), Moments::fixed(100.0));
    }
}
