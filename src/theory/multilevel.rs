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

/// The wall time of `work` with `counts` checkpoints of each level, A being the time to allocate
/// nodes after a failure:
///
/// ```text
/// E = Te + sum C_i (x_i - 1)
///        + sum l_i E ((sum_{k <= i} C_k x_k + Te) / (2 x_i) + R_i + A)
/// ```
///
/// E stands on both sides and is solved for; `None` if failures leave no progress. Recalled from Di
/// and Cappello. Not confirmed from a second source.
#[must_use]
pub fn di_cappello_time(
    work: f64,
    allocation: f64,
    levels: &[Level],
    counts: &[f64],
) -> Option<f64> {
    assert_eq!(levels.len(), counts.len(), "each level has its number of checkpoints");
    let (mut written, mut busy, mut free) = (0.0, 0.0, work);
    for (level, x) in levels.iter().zip(counts) {
        written += level.write * x;
        free += level.write * (x - 1.0);
        busy += level.rate * ((written + work) / (2.0 * x) + level.recovery + allocation);
    }
    (busy < 1.0).then(|| free / (1.0 - busy))
}

/// The best numbers of checkpoints and the wall time with them:
/// `x_i = sqrt(l_i E (Te + sum_{j < i} C_j x_j) / (2 C_i))` with E of [`di_cappello_time`], until
/// neither moves. `None` if failures leave no progress, or the iteration does not settle. Recalled
/// from Di and Cappello. Not confirmed from a second source.
#[must_use]
pub fn di_cappello_best(work: f64, allocation: f64, levels: &[Level]) -> Option<(Vec<f64>, f64)> {
    const ROUNDS_MAX: usize = 1_000;
    let mut time = work;
    for _ in 0..ROUNDS_MAX {
        let mut below = work;
        let mut counts = Vec::with_capacity(levels.len());
        for level in levels {
            let count = libm::sqrt(level.rate * time * below / (2.0 * level.write)).max(1.0);
            below += level.write * count;
            counts.push(count);
        }
        let next = di_cappello_time(work, allocation, levels, &counts)?;
        if (next - time).abs() <= 1e-12 * next {
            return Some((counts, next));
        }
        time = next;
    }
    None
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
        let (counts, time) = di_cappello_best(10_000.0, 0.0, &[one]).expect("progress");
        // Te sqrt(E / Te) / sqrt(2 C M): Young's interval, in wall time in place of computing.
        let interval = 10_000.0 / counts[0] * libm::sqrt(time / 10_000.0);
        assert!((interval / young(5.0, 360.0) - 1.0).abs() < 1e-9, "{interval}");
    }

    #[test]
    fn the_best_counts_waste_less_than_others_and_about_what_the_first_order_says() {
        let levels = [level(7.78e-6, 9.0), level(5.19e-7, 438.0)];
        let (counts, best) = di_cappello_best(1e7, 0.0, &levels).expect("progress");
        assert!((best / 1e7 - 1.0 - overhead(&levels)).abs() < 0.003, "{best}");
        for factors in [[0.9, 1.0], [1.1, 1.0], [1.0, 0.9], [1.0, 1.1]] {
            let other = [counts[0] * factors[0], counts[1] * factors[1]];
            assert!(di_cappello_time(1e7, 0.0, &levels, &other).expect("progress") > best);
        }
        assert_eq!(di_cappello_best(1e7, 1e6, &levels), None, "allocation eats all time");
    }
}
