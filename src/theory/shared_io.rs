//! Jobs that share one file system: the periods that waste least while it keeps up.
//!
//! Source: Herault, Robert, Bouteiller, Arnold, Ferreira, Bosilca, Dongarra, "Optimal cooperative
//! checkpointing for shared high-performance computing platforms", INRIA RR-9109, as in the
//! authors' program. First order: each period much shorter than the mean time between failures of
//! its job. The source has one mu for all nodes; each job having its own changes no step of its
//! derivation.

/// Jobs that are alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Class {
    /// How many run at once: n.
    pub jobs: f64,
    /// Nodes of each: q.
    pub nodes: f64,
    /// Mean time between failures of one of its nodes: mu.
    pub node_mtbf: f64,
    /// Time of a checkpoint that has the file system for itself: C.
    pub write: f64,
}

/// The machine that they share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Platform {
    /// Nodes: N.
    pub nodes: f64,
}

impl Platform {
    /// The periods for a price of file-system time, which is zero if the file system keeps up:
    /// P = sqrt(2 mu N (q/N + price) C / q^2).
    #[must_use]
    pub fn periods(&self, classes: &[Class], price: f64) -> Vec<f64> {
        let period = |class: &Class| {
            let share = class.nodes / self.nodes + price;
            libm::sqrt(2.0 * class.node_mtbf * self.nodes * share * class.write) / class.nodes
        };
        classes.iter().map(period).collect()
    }

    /// The least price at which the checkpoints fill the file system at most: sum n C / P <= 1.
    /// By bisection, to 1e-12 of its value.
    #[must_use]
    pub fn price(&self, classes: &[Class]) -> f64 {
        let fits = |price| load(classes, &self.periods(classes, price)) <= 1.0;
        if fits(0.0) {
            return 0.0;
        }
        let mut high = 1.0;
        while !fits(high) {
            high *= 2.0;
        }
        let mut low = 0.0;
        while high - low > 1e-12 * high {
            let middle = f64::midpoint(low, high);
            if fits(middle) { high = middle } else { low = middle }
        }
        high
    }

    /// The waste of the machine: sum (n q / N) (C/P + (q/mu) (P/2 + C)). The source takes the
    /// recovery to cost C, and no downtime.
    #[must_use]
    pub fn waste(&self, classes: &[Class], periods: &[f64]) -> f64 {
        let waste = |(class, period): (&Class, &f64)| {
            let lost = class.nodes / class.node_mtbf * (period / 2.0 + class.write);
            class.jobs * class.nodes / self.nodes * (class.write / period + lost)
        };
        classes.iter().zip(periods).map(waste).sum()
    }
}

/// The share of its time in which the file system is busy: sum n C / P.
#[must_use]
pub fn load(classes: &[Class], periods: &[f64]) -> f64 {
    classes.iter().zip(periods).map(|(class, period)| class.jobs * class.write / period).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::young_daly::young;

    const PLATFORM: Platform = Platform { nodes: 1_000.0 };

    fn classes(write: f64) -> [Class; 2] {
        [
            Class { jobs: 4.0, nodes: 200.0, node_mtbf: 3e7, write },
            Class { jobs: 10.0, nodes: 20.0, node_mtbf: 1e7, write: write / 10.0 },
        ]
    }

    #[test]
    fn a_file_system_that_keeps_up_leaves_each_job_youngs_interval() {
        let classes = classes(60.0);
        assert_eq!(PLATFORM.price(&classes).to_bits(), 0.0_f64.to_bits());
        for (class, period) in classes.iter().zip(PLATFORM.periods(&classes, 0.0)) {
            let young = young(class.write, class.node_mtbf / class.nodes);
            assert!((period / young - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn a_file_system_that_does_not_is_filled_exactly_and_no_other_periods_waste_less() {
        let classes = classes(60_000.0);
        let price = PLATFORM.price(&classes);
        let periods = PLATFORM.periods(&classes, price);
        assert!(price > 0.0 && (load(&classes, &periods) - 1.0).abs() < 1e-9);
        // Along the boundary, one class a little longer and the other as much as that allows.
        let least = PLATFORM.waste(&classes, &periods);
        for factor in [0.99, 1.01] {
            let first = periods[0] * factor;
            let left = 1.0 - classes[0].jobs * classes[0].write / first;
            let second = classes[1].jobs * classes[1].write / left;
            assert!(PLATFORM.waste(&classes, &[first, second]) > least);
        }
    }
}
