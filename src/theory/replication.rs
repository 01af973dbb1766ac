//! Replication in pairs: how many failures a job survives, and how long.
//!
//! A job of n pairs is interrupted when both nodes of a pair have failed. Failures are counted as
//! striking all 2n nodes, those that have failed already included ("already hit").
//!
//! Worked example, one pair: the first failure hits one of the two; each later one hits the other
//! with a chance of 1/2, so two more are needed in the mean: 3.

use std::f64::consts::PI;

/// Pairs up to which the product is multiplied out; beyond, its series is exact to 1e-15.
const PRODUCT_MAX: u64 = 10_000;

/// Mean number of failures until n pairs are interrupted: 1 + 4^n / C(2n, n).
///
/// Source: the recursion after Casanova, Robert, Vivien, Zaidouni, "Combining process replication
/// and checkpointing for resilience on exascale systems", 2012, whose abstract says that the
/// analogy to birthdays is wrong; solved and checked here. Not confirmed from a second source.
/// Counting only failures of nodes that still run gives one less.
#[must_use]
pub fn mnfti(pairs: u64) -> f64 {
    if pairs <= PRODUCT_MAX {
        let factor = |k: u64| (2 * k) as f64 / (2 * k - 1) as f64;
        return 1.0 + (1..=pairs).map(factor).product::<f64>();
    }
    let n = pairs as f64;
    let x = 1.0 / n;
    let series = 1.0 + x * (1.0 / 8.0 + x * (1.0 / 128.0 - x * (5.0 / 1_024.0)));
    1.0 + libm::sqrt(PI * n) * series
}

/// The exact [`mnfti`], and the estimate of Ferreira and Riesen for the same by the analogy to
/// birthdays: sqrt(pi n) + 2/3, as the program `app_model` of Sandia National Laboratories has it.
#[must_use]
pub fn faults_to_interrupt(pairs: u64) -> (f64, f64) {
    (mnfti(pairs), libm::sqrt(PI * pairs as f64) + 2.0 / 3.0)
}

/// Mean time to interrupt of n pairs of nodes with exponential lifetimes: MNFTI mu / (2n), which is
/// the integral of (1 - (1 - e^(-t/mu))^2)^n over all t. Nothing is repaired before the interrupt.
#[must_use]
pub fn mtti(pairs: u64, node_mtbf: f64) -> f64 {
    mnfti(pairs) * node_mtbf / (2 * pairs) as f64
}

/// The "restart" strategy: at each checkpoint the nodes that failed are replaced.
///
/// Source: Benoit, Herault, Le Fevre, Robert, "Replication is more efficient than you think", SC
/// 2019; the formulas are derived here and agree with Monte Carlo. Not confirmed from a second
/// source. First order: for periods much shorter than [`mtti`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Restart {
    /// Pairs: b.
    pub pairs: f64,
    /// Failures of one node per unit of time: l.
    pub rate: f64,
    /// Writing a checkpoint and replacing nodes: C.
    pub write: f64,
}

impl Restart {
    /// The computing between two checkpoints of least overhead: (3 C / (4 b l^2))^(1/3).
    #[must_use]
    pub fn period(&self) -> f64 {
        libm::cbrt(0.75 * self.write / (self.pairs * self.rate * self.rate))
    }

    /// The overhead as a share of the computing: C/T + (2/3) b l^2 T^2.
    #[must_use]
    pub fn overhead(&self, period: f64) -> f64 {
        self.write / period + 2.0 / 3.0 * self.pairs * self.rate * self.rate * period * period
    }
}

/// The overhead of the strategy that replaces nothing until an interrupt, at Young's interval:
/// sqrt(2 C / MTTI). First order.
#[must_use]
pub fn no_restart_overhead(pairs: u64, node_mtbf: f64, write: f64) -> f64 {
    libm::sqrt(2.0 * write / mtti(pairs, node_mtbf))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::tests::printed;

    /// V4.
    const PUBLISHED: [f64; 21] = [
        3.0, 3.7, 4.7, 6.1, 8.1, 11.1, 15.2, 21.1, 29.4, 41.1, 57.7, 81.2, 114.4, 161.4, 227.9,
        321.8, 454.7, 642.7, 908.5, 1284.4, 1816.0,
    ];

    #[test]
    fn powers_of_two_pairs_have_their_published_mnfti() {
        for (power, published) in PUBLISHED.into_iter().enumerate() {
            printed(mnfti(1 << power), published, 1);
        }
    }

    /// E(k) with k pairs hit: 2 if all are, else 2n/(2n - k) + (2n - 2k)/(2n - k) E(k + 1).
    fn recursion(pairs: u32) -> f64 {
        let n = f64::from(pairs);
        (0..pairs).rev().fold(2.0, |next, hit| {
            let k = f64::from(hit);
            (2.0 * n + (2.0 * n - 2.0 * k) * next) / (2.0 * n - k)
        })
    }

    #[test]
    fn the_closed_form_and_its_series_are_the_recursion() {
        for pairs in [1, 2, 3, 10, 100, 1_000, 10_000, 10_001, 100_000] {
            let (closed, slow) = (mnfti(u64::from(pairs)), recursion(pairs));
            assert!((closed / slow - 1.0).abs() < 1e-11, "{pairs}: {closed} and {slow}");
        }
    }

    #[test]
    fn riesens_estimate_is_good_for_many_pairs_and_bad_for_one() {
        let (exact, estimate) = faults_to_interrupt(100_000);
        printed(exact, 561.4998, 4);
        printed(estimate, 561.1658, 4);
        let (exact, estimate) = faults_to_interrupt(1);
        printed(exact, 3.0, 9);
        printed(estimate, 2.44, 2);
    }

    /// V3, the part that is replication's: 100,000 pairs of nodes of 43,800 h.
    #[test]
    fn the_sample_of_app_model_comes_out() {
        printed(43_800.0 / 200_000.0, 0.219, 3);
        let (_, riesen) = faults_to_interrupt(100_000);
        printed(riesen, 561.17, 2);
        printed(riesen * 43_800.0 / 200_000.0, 122.90, 2);
    }

    /// Simpson's rule in t = s / (1 - s).
    fn integral(pairs: u64) -> f64 {
        let survival = |t: f64| {
            let failed = -libm::expm1(-t);
            libm::pow(1.0 - failed * failed, pairs as f64)
        };
        let n = 20_000;
        let term = |i: i32| {
            let s = f64::from(i) / f64::from(n);
            if i == n {
                return 0.0;
            }
            let weight = if i == 0 { 1.0 } else { f64::from(2 + 2 * (i % 2)) };
            weight * survival(s / (1.0 - s)) / ((1.0 - s) * (1.0 - s))
        };
        (0..=n).map(term).sum::<f64>() / (3.0 * f64::from(n))
    }

    #[test]
    fn the_time_to_interrupt_is_the_integral_of_the_survival() {
        for pairs in [1, 2, 5, 50, 1_000, 20_000] {
            let (closed, integral) = (mtti(pairs, 1.0), integral(pairs));
            assert!((closed / integral - 1.0).abs() < 1e-8, "{pairs}: {closed} {integral}");
        }
    }

    /// 100,000 pairs of nodes of 5 years, C = 60 s; the published Monte Carlo gave 0.00408.
    #[test]
    fn the_restart_strategy_has_its_published_values() {
        let restart = Restart { pairs: 1e5, rate: 1.0 / (5.0 * 365.0 * 86_400.0), write: 60.0 };
        let best = restart.period();
        printed(best, 22_366.0, 0);
        printed(restart.overhead(best), 0.004_02, 5);
        assert!((restart.overhead(best) / 0.004_08 - 1.0).abs() < 0.03);
        printed(no_restart_overhead(100_000, 5.0 * 365.0 * 86_400.0, 60.0), 0.0165, 4);
    }
}
