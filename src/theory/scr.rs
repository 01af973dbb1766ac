//! SCR's Markov model of multilevel checkpoints: the exact efficiency of a pattern of levels.
//!
//! Source: Moody, Bronevetsky, Mohror, de Supinski, "Design, modeling, and evaluation of a scalable
//! multi-level checkpointing system", SC 2010, and the authors' program LLNL/SCR-model, which the
//! tests meet to the printed digits.
//!
//! A pattern of L levels is a tree. The smallest piece computes `t` and writes a checkpoint of some
//! level. A piece of level k is one piece of level k - 1 and, where level k - 1 writes V times
//! before k writes once, V - 1 more like it, with recovery of their own, and one whose last
//! checkpoint is of the higher level. Each piece is a `Leg`: it is left by success or by a
//! failure of a class that it cannot repair, each with a probability and a mean time. A leg holds
//! p and p t for every way out: such pairs multiply in series like numbers with a derivative, and a
//! loop that is gone round until it is left is 1 / (1 - p).
//!
//! Worked example, with one level: a stretch of 2 h with failures once an hour, recovery of no
//! time. Left by success with p = e^-2; the loop gives (e^2 - 1) h, as `segment` has it.

/// One level of checkpoints, and the failures that need it.
pub use super::multilevel::Level;

/// A pattern of checkpoints.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern<'a> {
    /// The levels, lowest first.
    pub levels: &'a [Level],
    /// For each level but the highest: its checkpoints between two of the next.
    pub counts: &'a [u32],
    /// Computing before each checkpoint: t.
    pub work: f64,
    /// Whether a failure of class k during recovery from level k needs level k + 1, as SCR's model
    /// has it. Otherwise the same recovery begins again.
    pub escalates: bool,
}

/// A way out: its probability, and that times the mean time until it is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Way {
    p: f64,
    pt: f64,
}

impl Way {
    fn or(self, other: Self) -> Self {
        Self { p: self.p + other.p, pt: self.pt + other.pt }
    }

    fn then(self, next: Self) -> Self {
        Self { p: self.p * next.p, pt: self.p * next.pt + self.pt * next.p }
    }

    /// Any number of rounds of this way, none included.
    fn again(self) -> Self {
        let left = 1.0 - self.p;
        Self { p: 1.0 / left, pt: self.pt / (left * left) }
    }
}

/// A piece of the run, by its ways out.
#[derive(Clone, Debug)]
struct Leg {
    done: Way,
    /// By a failure of each class.
    failed: Vec<Way>,
}

impl Leg {
    fn then(&self, next: &Self) -> Self {
        let failed = |(first, second): (&Way, &Way)| first.or(self.done.then(*second));
        Self {
            done: self.done.then(next.done),
            failed: self.failed.iter().zip(&next.failed).map(failed).collect(),
        }
    }

    fn failed_by(&self, classes: std::ops::Range<usize>) -> Way {
        self.failed[classes].iter().copied().fold(Way::default(), Way::or)
    }
}

impl Pattern<'_> {
    /// The share of the time that is computing that survives. Panics unless there is a level, and
    /// a count for each but the highest.
    #[must_use]
    pub fn efficiency(&self) -> f64 {
        let top = self.levels.len().checked_sub(1).expect("a pattern has a level");
        assert_eq!(self.counts.len(), top, "each level but the highest has a count");
        let intervals: f64 = self.counts.iter().map(|count| f64::from(*count) + 1.0).product();
        let whole = self.recovering(top, top).done;
        intervals * self.work * whole.p / whole.pt
    }

    /// A stretch of time in which failures of all classes strike.
    fn stretch(&self, length: f64) -> Leg {
        let rate: f64 = self.levels.iter().map(|level| level.rate).sum();
        let survived = libm::exp(-rate * length);
        let (p, pt) = (-libm::expm1(-rate * length), 1.0 - (rate * length + 1.0) * survived);
        let failed = |level: &Level| {
            let share = level.rate / rate;
            Way { p: share * p, pt: share * pt / rate }
        };
        Leg {
            done: Way { p: survived, pt: survived * length },
            failed: self.levels.iter().map(failed).collect(),
        }
    }

    /// Pieces of all levels below `level`, the last of which ends with a checkpoint of level
    /// `last`.
    fn plain(&self, level: usize, last: usize) -> Leg {
        let Some(below) = level.checked_sub(1) else {
            return self.stretch(self.work + self.levels[last].write);
        };
        let Some(alike) = self.counts[below].checked_sub(1) else {
            return self.plain(below, last);
        };
        let mut leg = self.plain(below, below);
        let piece = self.recovering(below, below);
        for _ in 0..alike {
            leg = leg.then(&piece);
        }
        leg.then(&self.recovering(below, last))
    }

    /// The same with recovery from failures of the classes up to `level`.
    fn recovering(&self, level: usize, last: usize) -> Leg {
        let run = self.plain(level, last);
        let read = self.stretch(self.levels[level].recovery);
        let escalates = self.escalates && level + 1 < self.levels.len();
        let same = read.failed_by(0..if escalates { level } else { level + 1 }).again();
        let repairable = run.failed_by(0..level + 1);
        let round = repairable.then(read.done).then(same).again();
        let failed = |class: usize| {
            if class <= level {
                return Way::default();
            }
            let reached = escalates && class == level + 1;
            let from = read.failed_by(if reached { level } else { class }..class + 1);
            run.failed[class].or(repairable.then(from).then(same)).then(round)
        };
        Leg { done: run.done.then(round), failed: (0..self.levels.len()).map(failed).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::tests::printed;
    use crate::theory::young_daly::wall_time;

    fn levels(rows: &[(f64, f64)]) -> Vec<Level> {
        let level = |&(rate, write): &(f64, f64)| Level { rate, write, recovery: write };
        rows.iter().map(level).collect()
    }

    const ATLAS: [(f64, f64); 2] = [(7.78e-6, 9.0), (5.19e-7, 438.0)];
    const MADE_UP: [(f64, f64); 3] = [(7.78e-6, 9.0), (5.19e-7, 50.0), (3e-8, 438.0)];

    fn efficiency(rows: &[(f64, f64)], counts: &[u32], work: f64, escalates: bool) -> f64 {
        Pattern { levels: &levels(rows), counts, work, escalates }.efficiency()
    }

    /// V5: what the authors' program prints for its machines.
    #[test]
    fn the_authors_program_is_met() {
        printed(efficiency(&ATLAS, &[26], 1_496.0, true), 0.966_95, 5);
        printed(efficiency(&ATLAS, &[0], 10_000.0, true), 0.913_81, 5);
        printed(efficiency(&MADE_UP, &[0, 0], 10_000.0, true), 0.913_657, 6);
        printed(efficiency(&MADE_UP, &[0, 200], 2_500.0, true), 0.961_311, 6);
        printed(efficiency(&MADE_UP, &[200, 0], 500.0, true), 0.948_599, 6);
    }

    #[test]
    fn one_level_is_dalys_wall_time() {
        let found = efficiency(&[(1.0 / 360.0, 5.0)], &[], 56.7, true);
        assert!((found - 1.0 / wall_time(1.0, 56.7, 5.0, 5.0, 360.0)).abs() < 1e-12);
    }

    #[test]
    fn escalation_costs_and_does_nothing_with_one_level() {
        let both = |rows: &[_], counts: &[_], work| {
            [true, false].map(|escalates| efficiency(rows, counts, work, escalates))
        };
        let [with, without] = both(&MADE_UP, &[0, 200], 2_500.0);
        assert!(with < without, "{with} and {without}");
        let [with, without] = both(&ATLAS[..1], &[], 1_000.0);
        assert_eq!(with.to_bits(), without.to_bits());
    }
}
