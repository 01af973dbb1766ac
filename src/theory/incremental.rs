//! Incremental checkpoints: what a chain of one full checkpoint and its increments costs.
//!
//! ```text
//!  k = 4   F  +  +  +  F      written   1  s  s  s       on average (1 + (k - 1) s) / k
//!                             read      1  1+s 1+2s 1+3s              1 + (k - 1) s / 2
//! ```
//!
//! An increment holds the share s of the state that changes between two checkpoints. To first order
//! a failure finds each place of the chain alike often, since the computing between two checkpoints
//! is the same everywhere. Derived here. Not confirmed from a second source.
//!
//! Worked example: C = R = 60 s, s = 0.1, k = 10: a checkpoint takes 11.4 s on average, a restart
//! 87 s.

use super::Costs;
use super::young_daly;

/// A chain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chain {
    /// Checkpoints of it, the full one included: k.
    pub length: f64,
    /// Share of the state that an increment holds: s.
    pub share: f64,
}

impl Chain {
    /// Share of the state that a checkpoint writes, on average: (1 + (k - 1) s) / k.
    #[must_use]
    pub fn written(&self) -> f64 {
        (1.0 + (self.length - 1.0) * self.share) / self.length
    }

    /// How often the state is read at a restart, on average: 1 + (k - 1) s / 2.
    #[must_use]
    pub fn read(&self) -> f64 {
        1.0 + (self.length - 1.0) * self.share / 2.0
    }

    /// The waste at Young's interval to first order, sqrt(2 C / M) + (D + R) / M, where `costs` are
    /// those of a full checkpoint.
    #[must_use]
    pub fn waste(&self, costs: Costs, mtbf: f64) -> f64 {
        let (write, recovery) = (costs.write * self.written(), costs.recovery * self.read());
        2.0 * write / young_daly::young(write, mtbf) + (costs.downtime + recovery) / mtbf
    }
}

/// The length of the chain of least [`Chain::waste`]: the longer it is, the less is written and the
/// more is read. The largest length that is tried is 10,000.
#[must_use]
pub fn best_length(share: f64, costs: Costs, mtbf: f64) -> u32 {
    let waste = |length: u32| Chain { length: f64::from(length), share }.waste(costs, mtbf);
    (1..=10_000).min_by(|&a, &b| waste(a).total_cmp(&waste(b))).expect("some length is best")
}

#[cfg(test)]
mod tests {
    use super::*;

    const COSTS: Costs = Costs { write: 60.0, recovery: 60.0, downtime: 0.0 };

    #[test]
    fn the_worked_example_comes_out() {
        let chain = Chain { length: 10.0, share: 0.1 };
        assert!((60.0 * chain.written() - 11.4).abs() < 1e-9);
        assert!((60.0 * chain.read() - 87.0).abs() < 1e-9);
    }

    #[test]
    fn a_chain_of_one_is_youngs() {
        let waste = Chain { length: 1.0, share: 0.3 }.waste(COSTS, 7_200.0);
        assert!((waste - (libm::sqrt(120.0 / 7_200.0) + 60.0 / 7_200.0)).abs() < 1e-12);
    }

    /// The derivative is zero where k^2 sqrt(s + (1 - s)/k) = (1 - s)/s sqrt(2 M / C), for R = C.
    #[test]
    fn the_best_length_is_where_writing_less_and_reading_more_balance() {
        for (share, mtbf) in [(0.05, 1e4), (0.1, 1e5), (0.3, 1e6)] {
            let best = f64::from(best_length(share, COSTS, mtbf));
            let right = (1.0 - share) / share * libm::sqrt(2.0 * mtbf / COSTS.write);
            let left = |k: f64| k * k * libm::sqrt(share + (1.0 - share) / k);
            assert!(left(best - 1.0) < right && right < left(best + 1.0), "{best}");
        }
        assert_eq!(best_length(1.0, COSTS, 1e5), 1, "increments that hold all are in vain");
    }
}
