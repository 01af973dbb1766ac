//! A predictor of failures: what proactive checkpoints save, to first order.
//!
//! Derived here, with recall r (the share of failures that is predicted) and precision p (the share
//! of predictions that come true); Aupy, Robert, Vivien, Zaidouni, "Impact of fault prediction on
//! checkpointing strategies" (arXiv 1207.6936), show that such optima exist. Not confirmed from a
//! second source.

use super::Costs;

/// A predictor, and the checkpoint that it triggers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Predictor {
    /// Share of failures that is predicted in time: r, from 0 to 1.
    pub recall: f64,
    /// Share of predictions that come true: p, above 0.
    pub precision: f64,
    /// Time of a proactive checkpoint.
    pub write: f64,
}

impl Predictor {
    /// The waste of a period T: C/T + ((1 - r) T/2 + D + R + (r/p) Cp) / M. For T much less than M.
    #[must_use]
    pub fn waste(&self, period: f64, costs: Costs, mtbf: f64) -> f64 {
        let unforeseen = (1.0 - self.recall) * period / 2.0;
        let proactive = self.recall / self.precision * self.write;
        let failure = unforeseen + costs.downtime + costs.recovery + proactive;
        costs.write / period + failure / mtbf
    }

    /// The period of least waste: sqrt(2 M C / (1 - r)). Infinite if all is foreseen.
    #[must_use]
    pub fn period(&self, costs: Costs, mtbf: f64) -> f64 {
        libm::sqrt(2.0 * mtbf * costs.write / (1.0 - self.recall))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::young_daly::young;

    const COSTS: Costs = Costs { write: 60.0, recovery: 60.0, downtime: 30.0 };

    #[test]
    fn a_blind_predictor_leaves_youngs_interval() {
        let blind = Predictor { recall: 0.0, precision: 1.0, write: 60.0 };
        assert!((blind.period(COSTS, 86_400.0) - young(60.0, 86_400.0)).abs() < 1e-9);
    }

    #[test]
    fn the_period_is_the_least_of_the_waste_and_foresight_helps() {
        let good = Predictor { recall: 0.85, precision: 0.82, write: 60.0 };
        let best = good.period(COSTS, 86_400.0);
        let at = |period| good.waste(period, COSTS, 86_400.0);
        assert!(at(best) < at(0.99 * best) && at(best) < at(1.01 * best));
        let blind = Predictor { recall: 0.0, ..good };
        assert!(at(best) < blind.waste(blind.period(COSTS, 86_400.0), COSTS, 86_400.0));
    }
}
