//! Silent errors beside failures: computing, a verification that finds them, a checkpoint.
//!
//! Silent errors strike computing at the rate ls and are found by the verification, which is
//! perfect; failures strike computing and verification at the rate lf and are found at once; both
//! throw the pattern back to its start. Checkpoint and recovery are not struck. Derived here and
//! checked by Monte Carlo; first order as in the papers of Benoit, Cavelan, Robert, Sun. Not
//! confirmed from a second source.
//!
//! Worked example: C = R = 600 s, V = D = 60 s, both once a day. The best pattern computes
//! 5,821.3 s and takes 7,201.88 s in the mean.

use super::Costs;

/// A pattern of computing, verification and checkpoint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pattern {
    /// Rate of silent errors: ls.
    pub silent: f64,
    /// Rate of failures: lf.
    pub failures: f64,
    /// Time of a verification: V.
    pub verification: f64,
    /// What checkpoint and failure cost.
    pub costs: Costs,
}

impl Pattern {
    /// The mean time of a pattern with so much computing:
    /// { p (lost + D + R) + (1 - p) [(W + V) + q R + (1 - q) C] } / { (1 - p) (1 - q) }, with
    /// p = 1 - e^(-lf (W + V)), q = 1 - e^(-ls W) and lost = 1/lf - (W + V) / (e^(lf (W + V)) - 1).
    #[must_use]
    pub fn time(&self, work: f64) -> f64 {
        let Costs { write, recovery, downtime } = self.costs;
        let struck = work + self.verification;
        let odds = libm::expm1(self.failures * struck);
        let failed = if self.failures > 0.0 {
            odds * (1.0 / self.failures + downtime + recovery) - struck
        } else {
            0.0
        };
        let q = -libm::expm1(-self.silent * work);
        (failed + struck + q * recovery + (1.0 - q) * write) / (1.0 - q)
    }

    /// The overhead as a share of the computing: time / W - 1.
    #[must_use]
    pub fn overhead(&self, work: f64) -> f64 {
        self.time(work) / work - 1.0
    }

    /// The best computing to first order: sqrt((V + C) / (ls + lf/2)).
    #[must_use]
    pub fn work_first(&self) -> f64 {
        let rate = self.silent + self.failures / 2.0;
        libm::sqrt((self.verification + self.costs.write) / rate)
    }

    /// The overhead at [`Self::work_first`], to first order: 2 sqrt((ls + lf/2) (V + C)).
    #[must_use]
    pub fn overhead_first(&self) -> f64 {
        let rate = self.silent + self.failures / 2.0;
        2.0 * libm::sqrt(rate * (self.verification + self.costs.write))
    }

    /// The best computing, exactly: the least of [`Self::overhead`], by golden section to 1e-9 of
    /// its value between a hundredth and a hundred times [`Self::work_first`].
    #[must_use]
    pub fn work_best(&self) -> f64 {
        const GOLDEN: f64 = 0.618_033_988_749_894_9;
        let middle = libm::log(self.work_first());
        let at = |log: f64| self.overhead(libm::exp(log));
        let (mut low, mut high) = (middle - libm::log(100.0), middle + libm::log(100.0));
        while high - low > 1e-9 {
            let (a, b) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
            // Far out the overhead is infinite on both sides: the least lies lower.
            if at(a) < at(b) || !at(b).is_finite() { high = b } else { low = a }
        }
        libm::exp(f64::midpoint(low, high))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Draw, Stream};
    use crate::theory::tests::printed;

    const DAY: f64 = 86_400.0;
    const COSTS: Costs = Costs { write: 600.0, recovery: 600.0, downtime: 60.0 };
    const ROW: Pattern =
        Pattern { silent: 1.0 / DAY, failures: 1.0 / DAY, verification: 60.0, costs: COSTS };

    #[test]
    fn the_worked_row_comes_out() {
        printed(ROW.work_first(), 6_165.7, 1);
        printed(ROW.overhead_first(), 0.2141, 4);
        let best = ROW.work_best();
        printed(best, 5_821.3, 1);
        printed(ROW.overhead(best), 0.2372, 4);
        printed(ROW.time(best), 7_201.88, 2);
    }

    #[test]
    fn without_failures_it_is_the_formula_of_silent_errors_alone() {
        let row = Pattern { failures: 0.0, ..ROW };
        let (w, grown) = (5_000.0, libm::exp(5_000.0 / DAY));
        let time = grown * (w + 60.0) + (grown - 1.0) * 600.0 + 600.0;
        assert!((row.time(w) / time - 1.0).abs() < 1e-12);
        printed(row.work_first(), libm::sqrt(660.0 * DAY), 6);
    }

    fn played(pattern: &Pattern, work: f64, draw: &mut Draw) -> f64 {
        let Costs { write, recovery, downtime } = pattern.costs;
        let struck = work + pattern.verification;
        let mut time = 0.0;
        loop {
            let failure = draw.exponential(1.0 / pattern.failures);
            let silent = draw.exponential(1.0 / pattern.silent);
            if failure < struck {
                time += failure + downtime + recovery;
            } else if silent < work {
                time += struck + recovery;
            } else {
                return time + struck + write;
            }
        }
    }

    #[test]
    fn the_exact_time_meets_a_play_of_its_phases() {
        let mut draw = Stream::new(5, "theory/silent").draw(0, 0);
        let n = 40_000;
        let times: Vec<f64> = (0..n).map(|_| played(&ROW, 5_821.3, &mut draw)).collect();
        let n = f64::from(n);
        let mean = times.iter().sum::<f64>() / n;
        let variance = times.iter().map(|t| (t - mean) * (t - mean)).sum::<f64>() / n;
        let half_width = 2.576 * libm::sqrt(variance / n);
        assert!((mean - ROW.time(5_821.3)).abs() <= half_width, "{mean} +- {half_width}");
    }
}
