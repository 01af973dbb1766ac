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
    /// The axes, in the order of the columns, but for those that follow another.
    pub axes: Vec<Axis>,
    /// Axes that have one value for each of another axis, such as those that are zipped: what
    /// the other one says of a cell says all.
    pub followers: Vec<Axis>,
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
    /// Its name, if the last part of its key is that of another axis too.
    pub name: Option<String>,
    /// The unit of its numbers, as metrics have it; empty if they have none.
    pub unit: String,
    /// The value of each cell as a scenario has it.
    pub texts: Vec<String>,
    /// The same as a number in the unit; `None` of a word such as `daly`.
    pub numbers: Vec<Option<f64>>,
}

impl Axis {
    /// The last part of the key, which names it well enough in a figure; with the part before it
    /// where the last one alone is a small word, such as `stop.at`. The mean of a law is what the
    /// law is of: `lifetime.exponential.mean` is a `lifetime`.
    #[must_use]
    pub fn name(&self) -> &str {
        if let Some(name) = &self.name {
            return name;
        }
        let last = self.key.rsplit('.').next().unwrap_or(&self.key);
        if let ("mean", Some(of)) = (last, self.key.rsplit('.').nth(2)) {
            return of;
        }
        if last.len() > 2 {
            return last;
        }
        let mut length = last.len();
        for part in self.key.rsplit('.').skip(1) {
            length += 1 + part.len();
            // The number of an item says nothing without what it is an item of.
            if part.parse::<u64>().is_err() {
                break;
            }
        }
        &self.key[self.key.len() - length..]
    }

    /// The numbers of all cells; `None` unless every value is one.
    #[must_use]
    pub fn all_numbers(&self) -> Option<Vec<f64>> {
        let all: Option<Vec<f64>> = self.numbers.iter().copied().collect();
        all.filter(|all| !all.is_empty())
    }

    /// Whether it has one value for each of the other's, and the other one for each of its own.
    /// Where no two cells have one value in common, as in a sample, that is no wonder: then both
    /// must rise together.
    fn follows(&self, other: &Self) -> bool {
        let mut pairs: Vec<_> = other.texts.iter().zip(&self.texts).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let single = |mut all: Vec<&String>| {
            all.sort_unstable();
            all.windows(2).all(|two| two[0] != two[1])
        };
        let one_to_one = single(pairs.iter().map(|pair| pair.0).collect())
            && single(pairs.iter().map(|pair| pair.1).collect());
        let rise = || {
            let both = (self.all_numbers(), other.all_numbers());
            let (Some(own), Some(others)) = both else { return false };
            let mut both: Vec<_> = others.into_iter().zip(own).collect();
            both.sort_by(|a, b| a.0.total_cmp(&b.0));
            both.is_sorted_by(|a, b| a.1 <= b.1)
        };
        one_to_one && pairs.len() > 1 && (pairs.len() < self.texts.len() || rise())
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
        if let Some(numbers) = self.all_numbers() {
            first.sort_by(|a, b| numbers[*a].total_cmp(&numbers[*b]));
        }
        first
    }
}

/// Parts axes into those that say where a cell lies and those that follow one of them, and gives
/// names to those of the first that would have the same.
#[must_use]
pub fn parted(axes: Vec<Axis>) -> (Vec<Axis>, Vec<Axis>) {
    let (mut leading, mut followers): (Vec<Axis>, Vec<Axis>) = (Vec::new(), Vec::new());
    for axis in axes {
        let follows = leading.iter().any(|other| axis.follows(other));
        if follows { &mut followers } else { &mut leading }.push(axis);
    }
    let keys: Vec<_> = leading.iter().map(|axis| axis.key.clone()).collect();
    for axis in &mut leading {
        let others = || keys.iter().filter(|key| **key != axis.key);
        let parts = axis.key.match_indices('.').rev().map(|(at, _)| &axis.key[at..]);
        // With the dot before it, so that it begins with a whole part.
        let is_own = |end: &&str| !others().any(|other| format!(".{other}").ends_with(end));
        let last = parts.clone().next().unwrap_or_default();
        if last.is_empty() || is_own(&last) {
            continue;
        }
        axis.name = Some(parts.clone().find(is_own).map_or(&*axis.key, |end| &end[1..]).to_owned());
    }
    (leading, followers)
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
        assert_eq!(
            (named("change.0.at"), named("job.1.fault.2.at")),
            ("change.0.at".into(), "fault.2.at".into())
        );
        assert_eq!(named("fault.crash.0.lifetime.exponential.mean"), "lifetime");
        let axis = Axis { numbers: [7200.0, 3600.0, 7200.0].map(Some).to_vec(), ..axis };
        assert_eq!(axis.distinct(), [1, 0]);
    }

    fn axis(key: &str, values: &[f64]) -> Axis {
        let texts = values.iter().map(f64::to_string).collect();
        Axis {
            key: key.into(),
            texts,
            numbers: values.iter().copied().map(Some).collect(),
            ..Axis::default()
        }
    }

    /// The names of those that lead, and of those that follow.
    fn names(axes: Vec<Axis>) -> [Vec<String>; 2] {
        let (leading, followers) = parted(axes);
        [leading, followers].map(|all| all.iter().map(|it| it.name().to_owned()).collect())
    }

    #[test]
    fn an_axis_that_goes_with_another_follows_it() {
        let zipped = vec![
            axis("a.interval", &[1.0, 1.0, 2.0, 2.0, 3.0, 3.0]),
            axis("b.size", &[1.0, 2.0, 1.0, 2.0, 1.0, 2.0]),
            axis("c.nodes", &[30.0, 30.0, 20.0, 20.0, 90.0, 90.0]),
        ];
        assert_eq!(names(zipped), [vec!["interval", "size"], vec!["nodes"]]);
        // All values of a sample differ; those of axes that rise together are of one.
        let sample = vec![
            axis("a.interval", &[1.0, 2.0, 3.0, 4.0]),
            axis("b.size", &[3.0, 1.0, 4.0, 2.0]),
            axis("c.nodes", &[10.0, 20.0, 30.0, 40.0]),
        ];
        assert_eq!(names(sample), [vec!["interval", "size"], vec!["nodes"]]);
        // One cell, or one value, goes with all.
        let single = vec![axis("a.interval", &[1.0]), axis("b.size", &[1.0])];
        assert_eq!(names(single), [vec!["interval", "size"], vec![]]);
    }

    #[test]
    fn axes_of_one_last_word_are_named_by_as_many_as_it_takes() {
        let means = |one: &str, other: &str| {
            let (one, other) = (axis(one, &[1.0, 1.0, 2.0]), axis(other, &[1.0, 2.0, 1.0]));
            names(vec![one, other])[0].clone()
        };
        let long = means("fault.crash.0.lifetime.mean", "fault.crash.1.lifetime.mean");
        assert_eq!(long, ["0.lifetime.mean", "1.lifetime.mean"]);
        assert_eq!(means("a.mean", "b.mean"), ["a.mean", "b.mean"]);
        assert_eq!(means("mean", "b.mean"), ["mean", "b.mean"]);
        assert_eq!(means("a.mean", "b.size"), ["mean", "size"]);
    }
}
