//! Failures of large jobs: their mean time, and the share of the time that is productive.
//!
//! Source: Kokolis and others, "Revisiting reliability in large-scale machine learning research
//! clusters", HPCA 2025.

/// Mean time to failure of a job on so many nodes, each failing at `rate`: 1 / (N r).
#[must_use]
pub fn mttf(nodes: f64, rate: f64) -> f64 {
    1.0 / (nodes * rate)
}

/// Mean time between `count` interruptions within `time`.
#[must_use]
pub fn mtti(time: f64, count: f64) -> f64 {
    time / count
}

/// A job that restarts from checkpoints.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Job {
    /// Nodes: N.
    pub nodes: f64,
    /// Failures of one node per unit of time: r.
    pub rate: f64,
    /// From a failure until the job computes again: u0.
    pub restart: f64,
    /// Computing between two checkpoints.
    pub interval: f64,
    /// Time for which a checkpoint stops computing: w.
    pub write: f64,
}

impl Job {
    /// The expected effective training time ratio, productive time over wall time:
    /// (1 - N r (u0 + interval/2)) / (1 + w / interval). First order: for an interval and a restart
    /// much shorter than the mean time to failure; below zero beyond.
    #[must_use]
    pub fn ettr(&self) -> f64 {
        let lost = self.nodes * self.rate * (self.restart + self.interval / 2.0);
        (1.0 - lost) / (1.0 + self.write / self.interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::tests::printed;

    /// V9: 6.50 failures per 1,000 node-days, eight accelerators a node.
    #[test]
    fn clusters_of_accelerators_have_their_published_mttf() {
        let rate = 6.50 / 1_000.0 / 24.0;
        printed(mttf(16_384.0 / 8.0, rate), 1.80, 2);
        printed(mttf(131_072.0 / 8.0, rate), 0.225, 3);
    }

    /// V10: 419 unexpected interruptions in 54 days.
    #[test]
    fn a_large_training_run_has_its_published_mtti() {
        printed(mtti(54.0 * 24.0, 419.0), 3.09, 2);
    }

    #[test]
    fn the_ratio_is_that_of_the_first_order_waste() {
        let job = Job { nodes: 100.0, rate: 1e-8, restart: 600.0, interval: 3_600.0, write: 30.0 };
        let costs = crate::theory::Costs { write: 30.0, recovery: 600.0, downtime: 0.0 };
        let waste = crate::theory::waste::waste(3_630.0, costs, 1e6);
        // They differ by half a checkpoint in each failure.
        assert!((1.0 - waste - job.ettr()).abs() < 15.0 / 1e6);
    }
}
