//! The first-order waste of groups that checkpoint by themselves, with message logging.
//!
//! Derived here for a bulk-synchronous job whose groups wait for each other at each step; not
//! confirmed from a second source. The parameters (groups, overhead of logging, speed-up of
//! re-execution) are those of Bosilca, Bouteiller, Brunet, Cappello, Dongarra, Guermouche, Herault,
//! Robert, Vivien, Zaidouni, "Unified model for assessing checkpointing protocols at
//! extreme-scale", 2014 (doi 10.1002/cpe.3173), whose abstract was read and whose equations were
//! not at hand.
//!
//! In a period each of n groups computes W and writes once. In turn that stands still for n C, at
//! once for C: T = W + n C or W + C. A failure costs the whole job the downtime D, the reading of
//! one group R, and what that group had computed since its checkpoint, W/2 on average, at speed
//! `speedup`. It always loses its own step under way at full speed, half a step on average.

use super::Costs;
use super::waste;

/// Groups of a job.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Groups {
    /// How many.
    pub groups: f64,
    /// Whether they write in turn, or at once.
    pub staggered: bool,
    /// What one write costs, of one group or of all at once, and what a failure costs besides
    /// computing again.
    pub costs: Costs,
    /// How much faster a group computes again: 1 or more.
    pub speedup: f64,
    /// By how much logging lengthens computing, as a share.
    pub overhead: f64,
    /// Duration of a step with logging.
    pub step: f64,
    /// Mean time between failures of the whole job.
    pub mtbf: f64,
}

impl Groups {
    /// Writes in a period.
    fn writes(&self) -> f64 {
        if self.staggered { self.groups } else { 1.0 }
    }

    /// The period T for `work` W of computing, with logging, between two checkpoints of a group.
    #[must_use]
    pub fn period(&self, work: f64) -> f64 {
        work + self.writes() * self.costs.write
    }

    /// Time in which a failure makes the job compute again, on average over its period. A write
    /// that it breaks off is lost too; at once, all W are lost with it.
    fn again(&self, work: f64) -> f64 {
        let (period, write) = (self.period(work), self.costs.write);
        let step = self.step.min(work);
        let computing = (work - step) / (2.0 * self.speedup) + step / 2.0;
        let writing = if self.staggered {
            work / (2.0 * self.speedup) + write / 2.0
        } else {
            work / self.speedup + write / 2.0
        };
        (work * computing + (period - work) * writing) / period
    }

    /// The share of time that is not computing as it would be without logging:
    /// 1 - (1 - a)(1 - b)/(1 + overhead), a = (T - W)/T, b = (D + R + again)/M. For T up to
    /// [`waste::RANGE`] times M.
    #[must_use]
    pub fn waste(&self, work: f64) -> f64 {
        let period = self.period(work);
        let free = (period - work) / period;
        let lost = (self.costs.downtime + self.costs.recovery + self.again(work)) / self.mtbf;
        1.0 - (1.0 - free) * (1.0 - lost) / (1.0 + self.overhead)
    }

    /// The W of least waste, to first order: sqrt(2 n C (M - D - R) speedup) in turn, with n = 1 at
    /// once. `None` if a failure costs more than M.
    #[must_use]
    pub fn work_best(&self) -> Option<f64> {
        let Costs { write, recovery, downtime } = self.costs;
        let all = Costs { write: self.writes() * write * self.speedup, recovery, downtime };
        waste::period(all, self.mtbf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups() -> Groups {
        Groups {
            groups: 4.0,
            staggered: true,
            costs: Costs { write: 20.0, recovery: 30.0, downtime: 10.0 },
            speedup: 2.0,
            overhead: 0.04,
            step: 1.0,
            mtbf: 100_000.0,
        }
    }

    #[test]
    fn one_group_without_logging_wastes_what_coordinated_checkpoints_waste() {
        let one = Groups { groups: 1.0, staggered: false, speedup: 1.0, overhead: 0.0, ..groups() };
        for work in [500.0, 5_000.0] {
            let known = waste::waste(work + 20.0, one.costs, one.mtbf);
            assert!((one.waste(work) - known).abs() < 1e-12);
        }
    }

    #[test]
    fn the_best_interval_is_near_the_least_of_the_waste() {
        for staggered in [true, false] {
            let groups = Groups { staggered, ..groups() };
            let best = groups.work_best().expect("M is large");
            assert!(groups.waste(best) < groups.waste(0.8 * best));
            assert!(groups.waste(best) < groups.waste(1.25 * best));
        }
        assert_eq!(Groups { mtbf: 30.0, ..groups() }.work_best(), None);
    }
}
