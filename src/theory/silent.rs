//! Silent errors together with failures: computing, verifications that find them, a checkpoint.
//!
//! Silent errors strike computing at the rate ls and are found by the verification, which is
//! perfect; failures strike computing and verification at the rate lf and are found at once; both
//! throw the pattern back to its start. Checkpoint and recovery are not struck. A pattern may have
//! k verifications at equal distances, the last one before the checkpoint. Derived here and checked
//! by Monte Carlo; first order as in the papers of Benoit, Cavelan, Robert, Sun. Not confirmed from
//! a second source.
//!
//! Derivation for k: a chunk computes w = W/k and verifies, a = w + V in all. It fails with
//! p = 1 - e^(-lf a), or else is found corrupt with q = 1 - e^(-ls w), or passes with
//! s = (1-p)(1-q). A chunk that is begun takes m = p (lost + D + R) + (1-p) (a + q R) in the mean,
//! and p (lost + D + R) + (1-p) a = p (1/lf + D + R). An attempt at the pattern begins
//! 1 + s + ... + s^(k-1) chunks, and 1/s^k attempts are made: m (s^-k - 1) / (1 - s) + C in all.
//!
//! Worked example: C = R = 600 s, V = D = 60 s, both once a day. The best pattern computes
//! 5,821.3 s and takes 7,201.88 s in the mean.

use super::Costs;

/// The mean number of silent errors in the result of so much computing whose steps are checked: the
/// check of a step finds what struck in the step with the chance `coverage`, whether it corrects it
/// or throws the job back. A step that is thrown back takes its errors with it, found or not; of
/// those that count, the missed ones are Poisson (thinning): (1 - coverage) ls W. The result is
/// right with e to the minus that. Derived here; a simulation agrees.
#[must_use]
pub fn escaped(silent: f64, work: f64, coverage: f64) -> f64 {
    (1.0 - coverage) * silent * work
}

/// A pattern of computing with verifications, and a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pattern {
    /// Rate of silent errors: ls.
    pub silent: f64,
    /// Rate of failures: lf.
    pub failures: f64,
    /// Time of a verification: V.
    pub verification: f64,
    /// Verifications in a pattern: k, one or more.
    pub verifications: u32,
    /// What checkpoint and failure cost.
    pub costs: Costs,
}

impl Pattern {
    /// The mean time of a pattern with so much computing. With one verification it is
    /// { p (lost + D + R) + (1 - p) [(W + V) + q R + (1 - q) C] } / { (1 - p) (1 - q) }, with
    /// p = 1 - e^(-lf (W + V)), q = 1 - e^(-ls W) and lost = 1/lf - (W + V) / (e^(lf (W + V)) - 1).
    #[must_use]
    pub fn time(&self, work: f64) -> f64 {
        let Costs { write, recovery, downtime } = self.costs;
        let k = f64::from(self.verifications);
        let chunk = work / k;
        let struck = chunk + self.verification;
        let p = -libm::expm1(-self.failures * struck);
        let failing = if self.failures > 0.0 {
            p * (1.0 / self.failures + downtime + recovery)
        } else {
            struck
        };
        let q = -libm::expm1(-self.silent * chunk);
        let mean = failing + (1.0 - p) * q * recovery;
        let rate = self.failures * struck + self.silent * chunk;
        let begun = if rate > 0.0 { libm::expm1(k * rate) / -libm::expm1(-rate) } else { k };
        mean * begun + write
    }

    /// The overhead as a share of the computing: time / W - 1.
    #[must_use]
    pub fn overhead(&self, work: f64) -> f64 {
        self.time(work) / work - 1.0
    }

    /// The best computing to first order: sqrt((k V + C) / (ls (1 + 1/k)/2 + lf/2)).
    #[must_use]
    pub fn work_first(&self) -> f64 {
        libm::sqrt(self.paid() / self.lost())
    }

    /// The overhead at [`Self::work_first`], to first order:
    /// 2 sqrt((ls (1 + 1/k)/2 + lf/2) (k V + C)).
    #[must_use]
    pub fn overhead_first(&self) -> f64 {
        2.0 * libm::sqrt(self.lost() * self.paid())
    }

    /// How many verifications are best to first order, as a real number:
    /// sqrt(C ls / (V (ls + lf))).
    #[must_use]
    pub fn verifications_first(&self) -> f64 {
        let share = self.silent / (self.silent + self.failures);
        libm::sqrt(self.costs.write * share / self.verification)
    }

    /// What each pattern costs without any error: k V + C.
    fn paid(&self) -> f64 {
        f64::from(self.verifications) * self.verification + self.costs.write
    }

    /// Computing lost for each second of computing, as a share of the pattern, to first order: an
    /// error that strikes chunk i of k is found after i of them, a failure half-way on average.
    fn lost(&self) -> f64 {
        let k = f64::from(self.verifications);
        self.silent * (1.0 + 1.0 / k) / 2.0 + self.failures / 2.0
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
    const ROW: Pattern = Pattern {
        silent: 1.0 / DAY,
        failures: 1.0 / DAY,
        verification: 60.0,
        verifications: 1,
        costs: COSTS,
    };

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
        let chunk = work / f64::from(pattern.verifications);
        let struck = chunk + pattern.verification;
        let (mut time, mut passed) = (0.0, 0);
        while passed < pattern.verifications {
            let failure = draw.exponential(1.0 / pattern.failures);
            let silent = draw.exponential(1.0 / pattern.silent);
            if failure < struck {
                (time, passed) = (time + failure + downtime + recovery, 0);
            } else if silent < chunk {
                (time, passed) = (time + struck + recovery, 0);
            } else {
                (time, passed) = (time + struck, passed + 1);
            }
        }
        time + write
    }

    fn meets_its_play(pattern: &Pattern, work: f64) {
        let mut draw = Stream::new(5, "theory/silent").draw(0, 0);
        let n = 40_000;
        let times: Vec<f64> = (0..n).map(|_| played(pattern, work, &mut draw)).collect();
        let n = f64::from(n);
        let mean = times.iter().sum::<f64>() / n;
        let variance = times.iter().map(|t| (t - mean) * (t - mean)).sum::<f64>() / n;
        let half_width = 2.576 * libm::sqrt(variance / n);
        let exact = pattern.time(work);
        assert!((mean - exact).abs() <= half_width, "{mean} +- {half_width}, exact {exact}");
    }

    #[test]
    fn the_exact_time_meets_a_play_of_its_phases() {
        meets_its_play(&ROW, 5_821.3);
        meets_its_play(&Pattern { verifications: 3, ..ROW }, 8_000.0);
    }

    #[test]
    fn without_any_error_a_pattern_takes_what_it_pays_for() {
        let calm = Pattern { silent: 0.0, failures: 0.0, verifications: 4, ..ROW };
        printed(calm.time(1_000.0), 1_000.0 + 240.0 + 600.0, 6);
    }

    /// C = 600 s, V = 60 s, and as many silent errors as failures: sqrt(5) = 2.24 verifications.
    #[test]
    fn two_verifications_beat_one_and_five_where_the_first_order_says_two() {
        printed(ROW.verifications_first(), libm::sqrt(5.0), 9);
        let overhead = |verifications| {
            let pattern = Pattern { verifications, ..ROW };
            (pattern.overhead_first(), pattern.overhead(pattern.work_best()))
        };
        let (one, two, five) = (overhead(1), overhead(2), overhead(5));
        assert!(two.0 < one.0 && two.0 < five.0, "{one:?} {two:?} {five:?}");
        assert!(two.1 < one.1 && two.1 < five.1, "{one:?} {two:?} {five:?}");
    }
}
