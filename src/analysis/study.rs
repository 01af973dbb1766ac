//! What the runs of a study show of each cell: means, paired differences, distance from the best.
//!
//! Replications of one number have the same seed in every cell, so cells are compared by the
//! differences of their runs of one seed (common random numbers: Law, "Simulation Modeling and
//! Analysis", 5th edition 2015, section 11.2). Nothing here depends on the order in which runs
//! were played.

use crate::analysis::stats::{Interval, confidence, mean};

/// The level of all intervals of a study.
pub const LEVEL: f64 = 0.95;

/// What a study found: its axes, its cells, and what their runs showed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The axes, in the order of the columns.
    pub axes: Vec<Axis>,
    /// What became of the runs of each cell.
    pub cells: Vec<Tally>,
    /// The metrics that are looked at, the one that was asked for first.
    pub metrics: Vec<OfMetric>,
    /// The cell that the others are compared with.
    pub reference: usize,
    /// What closed forms say of each cell; as many as there are cells, or none.
    pub theory: Vec<Option<Expected>>,
    /// Whether the cells are a sample of the axes' ranges in place of all combinations.
    pub sampled: bool,
}

/// One axis and the value that each cell has on it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axis {
    /// The key of the scenario.
    pub key: String,
    /// The unit of its numbers, as metrics have it; empty if they have none.
    pub unit: String,
    /// The value of each cell as a scenario has it.
    pub texts: Vec<String>,
    /// The same as a number in the unit; `None` unless every value is one.
    pub numbers: Option<Vec<f64>>,
}

impl Axis {
    /// The last part of the key, which names it well enough in a figure; with the part before it
    /// where the last one alone is a small word, such as `stop.at`.
    #[must_use]
    pub fn name(&self) -> &str {
        let last = self.key.rsplit('.').next().unwrap_or(&self.key);
        let longer = self.key.rsplitn(3, '.').take(2).map(|part| part.len() + 1).sum::<usize>();
        if last.len() > 2 { last } else { &self.key[self.key.len().saturating_sub(longer - 1)..] }
    }

    /// The different values in the order in which the cells have them; of numbers, ascending.
    #[must_use]
    pub fn distinct(&self) -> Vec<usize> {
        let mut first: Vec<usize> = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        for (cell, text) in self.texts.iter().enumerate() {
            if seen.insert(text) {
                first.push(cell);
            }
        }
        if let Some(numbers) = &self.numbers {
            first.sort_by(|a, b| numbers[*a].total_cmp(&numbers[*b]));
        }
        first
    }
}

/// How the runs of a cell ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Runs that did all that they were to do.
    pub done: usize,
    /// Runs whose end came before that of their work: they are in no mean.
    pub unfinished: usize,
    /// Runs that could not be played: neither are they.
    pub failed: usize,
}

/// What closed forms say of a cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expected {
    /// The share of time that is computing that survives, with the first boot that the runs had.
    pub efficiency: Option<f64>,
    /// Intervals between checkpoints that are called best, by the author of each formula (s).
    pub best: Vec<(&'static str, f64)>,
}

/// A metric over all cells.
#[derive(Clone, Debug, PartialEq)]
pub struct OfMetric {
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// Whether more of it is better.
    pub more_is_better: bool,
    /// Its values in each cell, as (replication, value), ascending by replication; runs that did
    /// not finish or have no such metric are left out.
    pub values: Vec<Vec<(u32, f64)>>,
    /// What they come to in each cell.
    pub found: Vec<Found>,
    /// The cell with the best mean.
    pub best: Option<usize>,
}

/// What the values of a metric come to in a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Found {
    /// How many values there are.
    pub n: usize,
    /// Their mean.
    pub mean: Option<f64>,
    /// The half width of its t interval; `None` of fewer than two values.
    pub half_width: Option<f64>,
    /// The mean difference to the reference cell, by runs of one seed, with its t interval.
    pub difference: Option<Interval>,
    /// How it stands to the best cell.
    pub standing: Standing,
    /// The mean of how many times worse it was than the best cell for the same seed, where every
    /// cell has a value: 1 is never worse.
    pub degradation: Option<f64>,
}

/// How a cell stands to the one with the best mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// It has the best mean.
    Best,
    /// The interval of its difference to the best one holds zero, or there are too few runs for
    /// an interval. The intervals hold for all cells together (Bonferroni).
    Alike,
    /// It is worse.
    Worse,
    /// It has no value.
    #[default]
    Unknown,
}

impl Standing {
    /// The word for it in tables.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::Alike => "alike",
            Self::Worse => "worse",
            Self::Unknown => "",
        }
    }
}

impl OfMetric {
    /// What these values come to.
    #[must_use]
    pub fn of(
        (name, unit, more_is_better): (String, String, bool),
        values: Vec<Vec<(u32, f64)>>,
        reference: usize,
    ) -> Self {
        let mut found: Vec<_> = values.iter().map(|values| moments(values)).collect();
        let best = best_first(&found, more_is_better).first().copied();
        let others = found.iter().filter(|it| it.n > 0).count().saturating_sub(1).max(1);
        let strict = 1.0 - (1.0 - LEVEL) / others as f64;
        let degradations = degradations(&values, more_is_better);
        for (cell, it) in found.iter_mut().enumerate() {
            it.degradation = degradations[cell];
            let reference = values.get(reference).filter(|_| cell != reference);
            it.difference = reference
                .and_then(|reference| confidence(&differences(&values[cell], reference), LEVEL));
            it.standing = match best {
                _ if it.n == 0 => Standing::Unknown,
                Some(best) if best == cell => Standing::Best,
                Some(best) => {
                    let apart = differences(&values[cell], &values[best]);
                    match confidence(&apart, strict) {
                        Some(interval) if !interval.holds(0.0) => Standing::Worse,
                        _ => Standing::Alike,
                    }
                }
                None => Standing::Unknown,
            };
        }
        Self { name, unit, more_is_better, values, found, best }
    }

    /// The cells with a mean, the best first; of equal means the first cell.
    #[must_use]
    pub fn best_first(&self) -> Vec<usize> {
        best_first(&self.found, self.more_is_better)
    }

    /// The cells that cannot be distinguished from the best one, and that one itself.
    pub fn alike(&self) -> impl Iterator<Item = usize> {
        let alike = |it: &Found| matches!(it.standing, Standing::Best | Standing::Alike);
        (0..).zip(&self.found).filter(move |(_, it)| alike(it)).map(|(cell, _)| cell)
    }
}

fn best_first(found: &[Found], more_is_better: bool) -> Vec<usize> {
    let sign = if more_is_better { -1.0 } else { 1.0 };
    let with_mean = |(cell, it): (usize, &Found)| Some((cell, it.mean? * sign));
    let mut cells: Vec<_> = found.iter().enumerate().filter_map(with_mean).collect();
    cells.sort_by(|a, b| a.1.total_cmp(&b.1));
    cells.into_iter().map(|(cell, _)| cell).collect()
}

fn moments(values: &[(u32, f64)]) -> Found {
    let values: Vec<_> = values.iter().map(|(_, value)| *value).collect();
    Found {
        n: values.len(),
        mean: mean(&values),
        half_width: confidence(&values, LEVEL).map(|interval| interval.half_width),
        ..Found::default()
    }
}

/// What each value of one is more than that of the other of the same replication.
pub(super) fn differences(one: &[(u32, f64)], other: &[(u32, f64)]) -> Vec<f64> {
    let mut others = other.iter().peekable();
    let mut found = Vec::new();
    for (replication, value) in one {
        while others.next_if(|(other, _)| other < replication).is_some() {}
        if let Some((_, other)) = others.next_if(|(other, _)| other == replication) {
            found.push(value - other);
        }
    }
    found
}

/// Of each cell the mean of its value over the best one of the same replication (of the best one
/// over its value, where more is better), over the replications that every cell has ("average
/// degradation from best": Casanova and others, "Checkpointing strategies for parallel jobs",
/// SC 2011).
fn degradations(values: &[Vec<(u32, f64)>], more_is_better: bool) -> Vec<Option<f64>> {
    let mut rows = std::collections::BTreeMap::<u32, Vec<f64>>::new();
    for (replication, value) in values.iter().flatten() {
        rows.entry(*replication).or_default().push(*value);
    }
    rows.retain(|_, row| row.len() == values.len());
    let mut sums = vec![0.0; values.len()];
    for row in rows.values() {
        let least = row.iter().copied().fold(f64::INFINITY, f64::min);
        let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // Nothing is so many times worse than nothing.
        if least <= 0.0 {
            return vec![None; values.len()];
        }
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += if more_is_better { most / value } else { value / least };
        }
    }
    let n = rows.len();
    sums.into_iter().map(|sum| (n > 0).then(|| sum / n as f64)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&[f64]], more_is_better: bool) -> OfMetric {
        let values =
            values.iter().map(|it| (0..).zip(it.iter().copied()).collect::<Vec<_>>()).collect();
        OfMetric::of(("waste".into(), "1".into(), more_is_better), values, 0)
    }

    #[test]
    fn runs_of_one_seed_distinguish_what_their_spread_hides() {
        // Each seed moves both cells by far more than they differ.
        let found = of(&[&[0.10, 0.50, 0.90, 0.30], &[0.12, 0.52, 0.92, 0.32]], false);
        assert_eq!(found.best, Some(0));
        assert_eq!(found.found[1].standing, Standing::Worse);
        let difference = found.found[1].difference.expect("there are pairs");
        assert!((difference.mean - 0.02).abs() < 1e-12 && difference.half_width < 1e-12);
        assert!(found.found[0].half_width.expect("there are four") > 0.3);
    }

    #[test]
    fn what_differs_by_chance_is_alike_and_a_single_run_says_nothing() {
        let found = of(&[&[1.0, 2.0, 3.0, 4.0], &[1.5, 1.5, 3.5, 3.6]], false);
        assert_eq!(found.alike().collect::<Vec<_>>(), [0, 1]);
        let found = of(&[&[1.0], &[2.0], &[]], false);
        assert_eq!(found.alike().collect::<Vec<_>>(), [0, 1]);
        assert_eq!((found.found[2].standing, found.found[2].mean), (Standing::Unknown, None));
        assert_eq!(found.found[0].half_width, None);
        assert_eq!(of(&[&[], &[]], false).best, None);
    }

    #[test]
    fn the_best_of_an_efficiency_is_the_highest() {
        let found = of(&[&[0.5, 0.5], &[0.8, 0.8], &[0.8, 0.8]], true);
        assert_eq!(found.best, Some(1));
        assert_eq!(found.alike().collect::<Vec<_>>(), [1, 2]);
        assert_eq!(found.found[0].degradation, Some(1.6));
        assert_eq!(found.found[1].degradation, Some(1.0));
    }

    #[test]
    fn only_runs_of_the_same_replication_are_paired() {
        let values = vec![vec![(0, 1.0), (2, 3.0), (5, 9.0)], vec![(1, 7.0), (2, 4.0), (5, 11.0)]];
        assert_eq!(differences(&values[1], &values[0]), [1.0, 2.0]);
        let found = OfMetric::of(("x".into(), "s".into(), false), values, 0);
        // (4/3 + 11/9) / 2, by the two replications that both have.
        let worse = found.found[1].degradation.expect("both have two");
        assert!((worse - f64::midpoint(4.0 / 3.0, 11.0 / 9.0)).abs() < 1e-12);
    }

    #[test]
    fn the_intervals_hold_for_all_cells_together() {
        // Differences of mean 1 and deviation 1: t = sqrt(n) = 2.83 for n = 8, which lies between
        // t(0.975; 7) = 2.365 and t(1 - 0.025/20; 7) = 4.6 (any printed table).
        let base = [0.0; 8];
        let other = [0.0, 2.0, 0.0, 2.0, 0.0, 2.0, 0.0, 2.0];
        let spread: Vec<_> =
            other.iter().map(|it| it * 0.935_414_346_693_485_5 + 0.064_585_65).collect();
        assert_eq!(of(&[&base, &spread], false).found[1].standing, Standing::Worse);
        let mut many = vec![&base[..], &spread[..]];
        let far = [9.0, 9.1, 9.0, 9.1, 9.0, 9.1, 9.0, 9.1];
        many.extend([&far[..]; 19]);
        assert_eq!(of(&many, false).found[1].standing, Standing::Alike);
    }

    #[test]
    fn values_of_an_axis_are_listed_once_and_numbers_ascend() {
        let texts = ["\"2 h\"", "\"1 h\"", "\"2 h\""].map(str::to_owned).to_vec();
        let axis = Axis { key: "a.interval".into(), texts, ..Axis::default() };
        assert_eq!((axis.name(), axis.distinct()), ("interval", vec![0, 1]));
        let named = |key: &str| Axis { key: key.into(), ..Axis::default() }.name().to_owned();
        assert_eq!(
            (named("stop.at"), named("a.b.to"), named("at")),
            ("stop.at".into(), "b.to".into(), "at".into())
        );
        let axis = Axis { numbers: Some(vec![7200.0, 3600.0, 7200.0]), ..axis };
        assert_eq!(axis.distinct(), [1, 0]);
    }
}
