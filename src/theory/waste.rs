//! The first-order waste of periodic checkpoints, for failures of any law.
//!
//! The period T counts from the start of a checkpoint to that of the next: T = W + C. Source:
//! Herault and Robert, "Fault-tolerance techniques for high-performance computing", 2015; the
//! wording and the range are recalled. Not confirmed from a second source, but the optimum is
//! checked against the waste itself.
//!
//! Worked example: 10,000 nodes of 125 years, C = R = D = 60 s. M = 394,200 s, the best period is
//! 6,876.7 s and its waste 1.77 %.

use super::Costs;

/// Periods longer than this share of M lie outside of the range of the first order, which counts
/// at most one failure a period: T <= 0.27 M. Recalled from the same book.
pub const RANGE: f64 = 0.27;

/// Mean time between failures of a machine of `nodes` alike nodes: that of one, by their number.
/// Exact for exponential lifetimes, and for any law in the long run if only what failed is renewed.
#[must_use]
pub fn platform_mtbf(node_mtbf: f64, nodes: f64) -> f64 {
    node_mtbf / nodes
}

/// The waste of a period: a + b - a b, with a = C / T without failures and b = (D + R + T/2) / M
/// by them. For T up to [`RANGE`] times M.
#[must_use]
pub fn waste(period: f64, costs: Costs, mtbf: f64) -> f64 {
    let free = costs.write / period;
    let lost = (costs.downtime + costs.recovery + period / 2.0) / mtbf;
    free + lost - free * lost
}

/// The period of least [`waste`]: sqrt(2 (M - (D + R)) C). `None` if a failure costs more than M.
#[must_use]
pub fn period(costs: Costs, mtbf: f64) -> Option<f64> {
    let left = mtbf - (costs.downtime + costs.recovery);
    (left > 0.0).then(|| libm::sqrt(2.0 * left * costs.write))
}

/// Young's period in the words of this book: sqrt(2 M C) + C.
#[must_use]
pub fn period_young(costs: Costs, mtbf: f64) -> f64 {
    libm::sqrt(2.0 * mtbf * costs.write) + costs.write
}

/// Daly's period in the words of this book: sqrt(2 (M + D + R) C) + C.
#[must_use]
pub fn period_daly(costs: Costs, mtbf: f64) -> f64 {
    libm::sqrt(2.0 * (mtbf + costs.downtime + costs.recovery) * costs.write) + costs.write
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::tests::printed;

    /// Nodes of 125 years, D = 60 s, R = C: nodes, C, best period, its waste.
    #[test]
    fn the_worked_set_comes_out() {
        let rows = [
            (1e4, 60.0, 6_876.7, 0.0177),
            (1e4, 600.0, 21_731.3, 0.0560),
            (1e5, 60.0, 2_171.6, 0.0574),
            (1e5, 600.0, 6_820.0, 0.1821),
            (1e6, 60.0, 677.2, 0.1946),
            (1e6, 600.0, 1_984.5, 0.5948),
        ];
        for (nodes, cost, best, wasted) in rows {
            let mtbf = platform_mtbf(125.0 * 365.0 * 86_400.0, nodes);
            let costs = Costs { write: cost, recovery: cost, downtime: 60.0 };
            let period = period(costs, mtbf).expect("M is larger than D + R");
            printed(period, best, 1);
            printed(waste(period, costs, mtbf), wasted, 4);
        }
    }

    #[test]
    fn the_best_period_is_the_least_of_the_waste() {
        let costs = Costs { write: 600.0, recovery: 300.0, downtime: 60.0 };
        let best = period(costs, 86_400.0).expect("M is larger than D + R");
        let at = |period| waste(period, costs, 86_400.0);
        assert!(at(best) < at(0.99 * best) && at(best) < at(1.01 * best));
        assert!(
            period_young(costs, 86_400.0) > best && at(period_daly(costs, 86_400.0)) > at(best)
        );
        assert_eq!(period(costs, 300.0), None);
    }
}
