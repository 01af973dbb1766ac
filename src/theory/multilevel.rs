//! Checkpoints of several levels, to first order: what they cost at best, and how often each.
//!
//! Level i repairs failures of the classes up to i. [`super::scr`] has an exact model.

/// One level, and the failures that need it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// Rate of the failures that this level repairs and the one below does not.
    pub rate: f64,
    /// Writing a checkpoint of this level: C.
    pub write: f64,
    /// Reading one back: R.
    pub recovery: f64,
}

/// The least overhead, as a share of the computing: H* = sum sqrt(2 l C) over the levels. For
/// costs much less than the mean time between failures of each level; R and D count nothing to
/// first order. Source: Benoit, Cavelan, Le Fevre, Robert, Sun, "Towards optimal multi-level
/// checkpointing", IEEE Transactions on Computers 66, 2017, abstract.
#[must_use]
pub fn overhead(levels: &[Level]) -> f64 {
    levels.iter().map(|level| libm::sqrt(2.0 * level.rate * level.write)).sum()
}

/// The period between two checkpoints of a level at [`overhead`]: sqrt(2 C / l). Derived from it.
/// Not confirmed from a second source.
#[must_use]
pub fn period(level: Level) -> f64 {
    libm::sqrt(2.0 * level.write / level.rate)
}

/// The pattern at [`overhead`], as whole numbers: the computing between two checkpoints, and of
/// each level the checkpoints of the one below, itself included, for one of its own.
///
/// The first is [`period`] of the lowest level, the others round the ratios of the periods, each
/// at least 1. A level whose period is not less than that of the one above is never written: the
/// one above takes its failures. Panics without levels.
#[must_use]
pub fn pattern(levels: &[Level]) -> (f64, Vec<u32>) {
    // Of each level that is written: as it counts, and how many levels it stands for.
    let mut written: Vec<(Level, usize)> = Vec::new();
    for &level in levels {
        let (mut level, mut stands_for) = (level, 1);
        while let Some((below, its)) = written.pop_if(|below| period(below.0) >= period(level)) {
            level.rate += below.rate;
            stands_for += its;
        }
        written.push((level, stands_for));
    }
    let mut every = vec![1; written[0].1];
    for pair in written.windows(2) {
        let ratio = libm::round(period(pair[1].0) / period(pair[0].0)) as u32;
        every.push(ratio.max(1));
        every.resize(every.len() + pair[1].1 - 1, 1);
    }
    (period(written[0].0), every)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theory::tests::printed;
    use crate::theory::young_daly::young;

    fn level(rate: f64, write: f64) -> Level {
        Level { rate, write, recovery: write }
    }

    /// V6: Atlas, whose overhead of 0.03316 is an efficiency of 0.9679.
    #[test]
    fn atlas_has_its_published_overhead() {
        let levels = [level(7.78e-6, 9.0), level(5.19e-7, 438.0)];
        printed(overhead(&levels), 0.03316, 5);
        printed(1.0 / (1.0 + overhead(&levels)), 0.9679, 4);
    }

    /// sqrt(2 x 9 / 7.78e-6) = 1,521 s, and sqrt(2 x 438 / 5.19e-7) = 41,084 s, 27 times as long.
    #[test]
    fn atlas_has_its_best_pattern() {
        let levels = [level(7.78e-6, 9.0), level(5.19e-7, 438.0)];
        let (interval, every) = pattern(&levels);
        assert_eq!((libm::round(interval), every), (1_521.0, vec![1, 27]));
    }

    /// Failures of class 2 are so frequent that the cheap checkpoints of level 1 are in vain.
    #[test]
    fn a_level_that_is_seldom_needed_is_not_written() {
        let levels = [level(1e-6, 5.0), level(1e-3, 10.0), level(1e-7, 400.0)];
        let (interval, every) = pattern(&levels);
        let merged = libm::sqrt(2.0 * 10.0 / 1.001e-3);
        assert!((interval - merged).abs() < 1e-9, "{interval}");
        assert_eq!(every, [1, 1, libm::round(libm::sqrt(8e9) / merged) as u32]);
        let (interval, every) = pattern(&[level(0.0, 5.0), level(1e-3, 20.0), level(0.0, 9.0)]);
        assert_eq!((interval, every), (200.0, vec![1, 1, u32::MAX]), "two classes never strike");
    }

    #[test]
    fn one_level_is_youngs() {
        let one = level(1.0 / 360.0, 5.0);
        assert!((period(one) - young(5.0, 360.0)).abs() < 1e-9);
    }
}
