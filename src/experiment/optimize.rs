//! An optimisation: the best value of one or two keys by runs, compared with those of formulas.
//!
//! ```text
//!  scenario + keys --bounds--> a study of all values that may be tried, none of them played yet
//!                  --search--> rounds of runs, decided by analysis::optimum
//!                  --again---> the best value and those of formulas, by seeds that nobody has seen
//! ```
//!
//! All values have the same seeds, and what a round plays is decided from the whole rounds before
//! it, so nothing hangs on how many runs are played at a time.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::Path;

use super::in_order;
use super::study::{
    Planned, Plans, Play, Row, RowStatus, StudyError, axes, expected, no_metric, planned, seeds,
};
use crate::analysis::optimum::{Again, Ended, Optimum, Reason, Rule, Search};
use crate::analysis::stats::mean;
use crate::analysis::study::{Answer, Axis, Tally};
use crate::backend::Backend;
use crate::ids::JobId;
use crate::metrics;
use crate::plan::{Job, Plan};
use crate::scenario::varied::Varied;
use crate::scenario::{Overrides, Study};
use crate::units::Span;

/// The factor between neighbouring values. What is wasted grows by half the square of the logarithm
/// of the distance from the best interval to first order (the mean of x and 1/x), so half a factor
/// costs 0.09 % of it.
const FACTOR: f64 = 1.09;
/// So many values of a key whose lower bound is not above zero; evenly spaced.
const EVENLY: usize = 65;
/// Bounds of a key that nobody gave: so many times less and more than the scenario's own value.
const AROUND: f64 = 16.0;
/// The highest interval that is tried, in mean times between failures: with exponential failures
/// none longer than one of them is the best (`theory::young_daly::exact`: M (1 + W0) with W0 below
/// 0), and a job with this one takes some fourteen times its work.
const MTBFS: u64 = 4;
/// Keys that are varied at once, at most.
const KEYS: usize = 2;
/// Seeds of each value in the first round, unless a run meets few failures.
pub const SEEDS: u32 = 20;
/// Failures that are to be met with each value in the first round, since intervals rest on means
/// that are nearly normal: the skewness of a count is one by the root of its mean (Poisson), 0.16
/// here. Assumption; with 12 a search has dropped the best value.
const FAILURES: f64 = 40.0;
/// Seeds of each value in the first round at most, however few failures they meet.
const SEEDS_MAX: f64 = 400.0;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The scenario's file.
    pub file: &'a Path,
    /// What the command line changes of it.
    pub overrides: Overrides,
    /// The keys, one or two.
    pub varied: Vec<Varied>,
    /// The metric of which the best is wanted.
    pub metric: String,
    /// When it stops; which way is better follows from the metric.
    pub rule: Rule,
    /// Whether the first round has more seeds than the rule says where these meet few failures.
    pub until_enough_fails: bool,
    /// So many runs at a time.
    pub jobs: Option<NonZero<usize>>,
}

/// Who watches.
pub struct Watch<'a> {
    /// Whether to stop.
    pub stop: &'a (dyn Fn() -> bool + Sync),
    /// Called with the number of all runs that are planned so far.
    pub planned: &'a (dyn Fn(u64) + Sync),
    /// Called after each run.
    pub ended: &'a (dyn Fn() + Sync),
}

/// Searches for the best value. One that is interrupted gives what it knew after its last whole
/// round.
///
/// # Errors
/// When the scenario has mistakes, when nothing can be varied as asked for, and when no value can
/// be the best; nothing was written then.
pub fn optimize(
    wanted: &Wanted<'_>,
    stage: &(dyn Backend + Sync),
    watch: &Watch<'_>,
) -> Result<Optimum, StudyError> {
    let known = metrics::find(&wanted.metric);
    let unit = known.ok_or_else(|| no_metric(wanted.file, &wanted.metric))?.unit;
    let lattice = Lattice::of(wanted)?;
    let mut rule = wanted.rule;
    rule.more_is_better = metrics::more_is_better(&wanted.metric);
    if wanted.until_enough_fails {
        rule.replications = rule.replications.max(enough(lattice.failures, rule.runs_max));
    }
    // As many seeds are left to play the best value again.
    rule.replications_max = rule.replications_max.min(seeds(&lattice.study) / 2);
    rule.replications = rule.replications.min(rule.replications_max);
    if rule.replications < 2 {
        return Err(lattice.refused(
            "a search needs two seeds a value at least, and as many to play the best one again",
            "give more seeds, or leave the axis `seed` out",
        ));
    }
    let keys = lattice.keys();
    let shape: Vec<_> = keys.iter().map(|key| key.texts.len()).collect();
    let stage = Player { play: Play { stage, fingerprint: false }, jobs: wanted.jobs, watch };
    let mut search = Search::new(shape, rule);
    let mut boots = BTreeMap::<usize, Vec<f64>>::new();
    let mut failure = None;
    let is_whole = stage.search(&lattice, &wanted.metric, &mut search, &mut |row| {
        boots.entry(row.cell as usize).or_default().extend(value(row, "waste_boot"));
        failure = failure.take().or_else(|| row.error.clone());
    });
    if search.standings().is_none() && is_whole {
        return Err(lattice.nothing(&search, failure.as_deref()));
    }
    let again = match search.standings() {
        Some(standings) if is_whole => {
            let best = standings.best;
            stage.again(&lattice.rivals(best), &lattice.study, &wanted.metric, &search)
        }
        _ => Vec::new(),
    };
    Ok(Optimum { answer: lattice.answer(wanted, unit, &search, &boots), keys, search, again })
}

/// The value of a metric in a row.
fn value(row: &Row, name: &str) -> Option<f64> {
    let place = metrics::ALL.iter().position(|metric| metric.name == name)?;
    row.metrics.iter().find(|(of, _)| *of == place).map(|(_, value)| *value)
}

/// All values that may be tried, as cells of a study.
struct Lattice<'a> {
    wanted: &'a Wanted<'a>,
    /// The keys, in the order of the axes.
    varied: Vec<Varied>,
    /// The scenario as the file has it.
    base: Study,
    /// Failures and silent corruptions that its jobs meet in a run.
    failures: f64,
    study: Study,
}

impl<'a> Lattice<'a> {
    fn of(wanted: &'a Wanted<'a>) -> Result<Self, StudyError> {
        let refused = |why: String, hint: &str| StudyError::refused(wanted.file, why, hint);
        let varied = &wanted.varied;
        let twice = varied.windows(2).any(|two| two[0].key == two[1].key);
        if varied.is_empty() || varied.len() > KEYS || twice {
            let why = format!("{} keys are to be varied", varied.len());
            return Err(refused(why, "give one key, or two different ones"));
        }
        let base = Study::load(wanted.file, &wanted.overrides, None)?;
        let is_varied = |path: &str| varied.iter().any(|it| it.key == path);
        if let Some(other) = base.axes().iter().find(|axis| !is_varied(axis.path())) {
            let why = format!("its axis `{}` is not among the keys that are varied", other.path());
            return Err(refused(why, "fix it by --set, or vary it"));
        }
        let spec = base.spec();
        if spec.latin_hypercube.is_some() || !spec.conditions.is_empty() || !spec.zip.is_empty() {
            let why = "its [study] chooses the cells, and so does an optimisation".to_owned();
            return Err(refused(why, "leave `where`, `zip` and `latin_hypercube` out"));
        }
        let plan = Plan::make(&base.scenario(0)?);
        let mut ranges = Vec::new();
        for it in varied {
            let (from, to) = bounds(it, &base, &plan);
            let bound = |given: &Option<String>, own: Option<String>| given.clone().or(own);
            let ends = bound(&it.from, from).zip(bound(&it.to, to));
            let (from, to) = ends.ok_or_else(|| {
                let why = format!("nothing says between which values `{}` is to be varied", it.key);
                let hint = format!(
                    "the scenario has no number above zero there; give bounds: --vary '{}={{ from \
                     = ..., to = ... }}'",
                    it.key
                );
                StudyError::refused(wanted.file, why, hint)
            })?;
            ranges.push((it, from, to));
        }
        let load = |points: &dyn Fn(usize) -> (usize, bool)| {
            let set = ranges.iter().enumerate().map(|(number, (it, from, to))| {
                let (points, logarithmic) = points(number);
                it.axis(from, to, points, logarithmic)
            });
            let set = wanted.overrides.set.iter().cloned().chain(set).collect();
            Study::load(wanted.file, &Overrides { set, seed: wanted.overrides.seed }, None)
        };
        let ends = load(&|_| (2, false))?;
        if let Some(fixed) = varied.iter().find(|it| ends.axes().iter().all(|a| a.path() != it.key))
        {
            let why = format!("`{}` is set by --set, so it cannot be varied", fixed.key);
            return Err(refused(why, "leave one of the two out"));
        }
        if let Some(one) = ends.axes().iter().find(|axis| axis.len() < 2) {
            let why = format!("both bounds of `{}` are the same", one.path());
            return Err(refused(why, "give a lower and a higher one"));
        }
        let of_ends = axes(&ends, [0, ends.len() - 1].into_iter());
        let study = load(&|number| {
            let axis = of_ends.iter().find(|axis| axis.key == ranges[number].0.key);
            points(axis.expect("each key is an axis"))
        })?;
        let place = |it: &Varied| study.axes().iter().position(|axis| axis.path() == it.key);
        let mut varied = varied.clone();
        varied.sort_by_key(place);
        Ok(Self { wanted, varied, base, failures: failures(&plan), study })
    }

    fn refused(&self, why: &str, hint: &str) -> StudyError {
        StudyError::refused(self.wanted.file, why, hint)
    }

    /// Why no value can be the best.
    fn nothing(&self, search: &Search, failure: Option<&str>) -> StudyError {
        let sum = |of: fn(&Tally) -> usize| -> usize {
            search.candidates().map(|(_, it)| of(&it.tally)).sum()
        };
        let (done, unfinished) = (sum(|it| it.done), sum(|it| it.unfinished));
        let later = "give them more time by a later `stop.at`, or lower bounds";
        if search.ended() == Some(Reason::Runs) {
            return self.refused("more runs are needed than are allowed", "allow more: --runs-max");
        }
        if let (0, 0, Some(failure)) = (done, unfinished, failure) {
            return self.refused(&format!("no run can be played: {failure}"), "`run` reports more");
        }
        if done == 0 {
            return self
                .refused(&format!("none of {unfinished} runs came to its end in time"), later);
        }
        if search.candidates().all(|(_, it)| it.values.is_empty()) {
            let why = format!("no run has a `{}`", self.wanted.metric);
            return self.refused(&why, "docs/metrics.md says when a run has which metric");
        }
        let why = format!("each value has runs that came to no end in time, {unfinished} in all");
        self.refused(&why, later)
    }

    /// Each key with all its values.
    fn keys(&self) -> Vec<Axis> {
        let mut keys = axes(&self.study, 0..self.study.len());
        for key in &mut keys {
            let cells = key.distinct();
            key.texts = cells.iter().map(|cell| key.texts[*cell].clone()).collect();
            key.numbers = cells.iter().map(|cell| key.numbers[*cell]).collect();
        }
        keys
    }

    /// What the points that were played showed.
    fn answer(
        &self,
        wanted: &Wanted<'_>,
        unit: &str,
        search: &Search,
        boots: &BTreeMap<usize, Vec<f64>>,
    ) -> Answer {
        let points = || search.candidates().map(|(point, _)| point);
        let metric = search.metric(&wanted.metric, unit);
        let theory = points().map(|point| {
            let boot = boots.get(&point).and_then(|boots| mean(boots));
            expected(&Plan::make(&self.study.scenario(point).ok()?), boot)
        });
        Answer {
            followers: Vec::new(),
            axes: axes(&self.study, points()),
            cells: search.candidates().map(|(_, it)| it.tally).collect(),
            reference: metric.best.unwrap_or(0),
            metrics: vec![metric],
            theory: theory.collect(),
            sampled: false,
        }
    }

    /// The best point, then those of the words that keys take in place of numbers, and the
    /// scenario's own.
    fn rivals(&self, best: usize) -> Vec<Rival> {
        let values = self.study.values(best);
        let texts: Vec<_> = values.iter().map(|value| value.text.clone()).collect();
        let best = planned(self.study.scenario(best));
        let mut all =
            vec![Rival { name: "best".to_owned(), point: texts.clone(), number: None, plan: best }];
        for (number, it) in self.varied.iter().enumerate() {
            for word in it.words() {
                let mut point = texts.clone();
                word.clone_into(&mut point[number]);
                let set =
                    self.varied.iter().zip(&point).map(|(it, value)| format!("{}={value}", it.key));
                let set = self.wanted.overrides.set.iter().cloned().chain(set).collect();
                let overrides = Overrides { set, seed: self.wanted.overrides.seed };
                // A word that this scenario cannot have is no rival.
                let Ok(study) = Study::load(self.wanted.file, &overrides, None) else { continue };
                all.push(Rival::of(word, point, &self.varied[number], planned(study.scenario(0))));
            }
        }
        if self.base.axes().is_empty() {
            let own = self.varied.iter().map(|it| it.own(&self.base).map(|value| value.text));
            if let Some(point) = own.collect() {
                let plan = planned(self.base.scenario(0));
                all.push(Rival::of("the scenario's own", point, &self.varied[0], plan));
            }
        }
        let mut seen: Vec<(Vec<String>, Option<f64>)> = Vec::new();
        all.retain(|it| {
            // Two words for one interval are one rival, as far as the other keys are the same.
            let mut key = (it.point.clone(), it.number);
            let worded = self.varied.iter().position(Varied::is_interval);
            if let Some(worded) = worded.filter(|_| it.number.is_some()) {
                key.0[worded].clear();
            }
            let is_new = !seen.contains(&key);
            seen.push(key);
            is_new
        });
        all
    }
}

/// A point that is held against the best one.
struct Rival {
    name: String,
    point: Vec<String>,
    number: Option<f64>,
    plan: Planned,
}

impl Rival {
    fn of(name: &str, point: Vec<String>, varied: &Varied, plan: Planned) -> Self {
        let number = plan.as_ref().ok().filter(|_| varied.is_interval() && name != "adaptive");
        let number = number.and_then(|plan| match &plan.jobs[..] {
            [job] => job.interval.filter(|it| *it != Span::FOREVER).map(Span::as_secs_f64),
            _ => None,
        });
        Self { name: name.to_owned(), point, number, plan }
    }
}

/// Plays the runs.
struct Player<'a> {
    play: Play<'a>,
    jobs: Option<NonZero<usize>>,
    watch: &'a Watch<'a>,
}

impl Player<'_> {
    /// Plays rounds until the search ends; whether it did.
    fn search(
        &self,
        lattice: &Lattice<'_>,
        metric: &str,
        search: &mut Search,
        note: &mut dyn FnMut(&Row),
    ) -> bool {
        while search.ended().is_none() {
            let wanted = search.wanted().into_iter();
            let runs: Vec<(usize, u32)> =
                wanted.flat_map(|(point, all)| all.map(move |it| (point, it))).collect();
            (self.watch.planned)(search.effort().1 + runs.len() as u64);
            let plans = Plans::of_jobs(self.jobs);
            let plan = |cell: usize| plans.of(cell as u32, &lattice.study);
            let one = |(cell, replication): (usize, u32)| {
                let seed = seed(&lattice.study, replication);
                let run = (cell as u32, replication, seed);
                self.play.row(plan(cell).get().expect("it is made"), run)
            };
            let rows = self.rows(&runs, &one);
            let is_whole = rows.len() == runs.len();
            for row in rows {
                note(&row);
                search.take(row.cell as usize, row.replication, ended(&row, metric));
            }
            if !is_whole {
                return false;
            }
            search.judge();
        }
        true
    }

    /// Plays points with as many seeds as the search had, none of which it had.
    fn again(&self, rivals: &[Rival], study: &Study, metric: &str, search: &Search) -> Vec<Again> {
        let first = search.effort().2;
        let replications = first..first.saturating_mul(2).min(seeds(study));
        let runs: Vec<(usize, u32)> = (0..rivals.len())
            .flat_map(|rival| replications.clone().map(move |it| (rival, it)))
            .collect();
        (self.watch.planned)(search.effort().1 + runs.len() as u64);
        let one = |(rival, replication): (usize, u32)| {
            let run = (rival as u32, replication, seed(study, replication));
            self.play.row(&rivals[rival].plan, run)
        };
        let rows = self.rows(&runs, &one);
        if rows.len() < runs.len() {
            return Vec::new();
        }
        let of = |(number, rival): (usize, &Rival)| {
            let mut again = Again {
                name: rival.name.clone(),
                point: rival.point.clone(),
                number: rival.number,
                tally: Tally::default(),
                values: Vec::new(),
            };
            for row in rows.iter().filter(|row| row.cell as usize == number) {
                match ended(row, metric) {
                    Ended::Done(value) => {
                        again.tally.done += 1;
                        again.values.extend(value.map(|value| (row.replication, value)));
                    }
                    Ended::Unfinished => again.tally.unfinished += 1,
                    Ended::Failed => again.tally.failed += 1,
                }
            }
            again
        };
        rivals.iter().enumerate().map(of).collect()
    }

    /// What came of these runs, in their order; of the first of them if it is interrupted.
    fn rows<R: Copy + Sync>(&self, runs: &[R], one: &(dyn Fn(R) -> Row + Sync)) -> Vec<Row> {
        let each = |number: usize| {
            let row = (!(self.watch.stop)()).then(|| one(runs[number]));
            (self.watch.ended)();
            row
        };
        let mut rows = Vec::with_capacity(runs.len());
        in_order(runs.len(), self.jobs, &each, &mut |row| rows.push(row));
        rows.into_iter().map_while(|row| row).collect()
    }
}

fn seed(study: &Study, replication: u32) -> u64 {
    study.seeds().of(u64::from(replication)).expect("no more seeds are asked for than there are")
}

fn ended(row: &Row, metric: &str) -> Ended {
    match row.status {
        RowStatus::Done => Ended::Done(value(row, metric)),
        RowStatus::Unfinished => Ended::Unfinished,
        RowStatus::Failed => Ended::Failed,
    }
}

/// Failures and silent corruptions that the jobs of a plan meet while they compute, on average.
fn failures(plan: &Plan) -> f64 {
    let of = |(number, job): (u16, &Job)| {
        let work = job.step.as_secs_f64() * job.steps as f64;
        // Without failures the mean time between them is so long that it adds nothing.
        work * (1.0 / job.mtbf.as_secs_f64() + plan.silent_rate(JobId(number)))
    };
    (0..).zip(plan.jobs.iter()).map(of).sum()
}

/// Seeds of the first round that meet enough failures, if a run meets so many; of each value they
/// are a hundredth of all runs at most.
fn enough(failures: f64, runs_max: u64) -> u32 {
    // Without any there is no chance that would need seeds.
    if failures < 1e-6 {
        return SEEDS;
    }
    let seeds = libm::ceil((FAILURES / failures).min(SEEDS_MAX)) as u64;
    seeds.min(runs_max / 100) as u32
}

/// How many values lie between two bounds, and whether they rise by factors.
fn points(ends: &Axis) -> (usize, bool) {
    match ends.numbers[..] {
        [Some(low), Some(high)] if low > 0.0 => {
            let factors = libm::log(high / low) / libm::log(FACTOR);
            (1 + libm::ceil(factors).max(1.0) as usize, true)
        }
        _ => (EVENLY, false),
    }
}

/// Bounds for a key that nobody gave, as TOML: between them anything may be the best. They know
/// nothing of what formulas call best.
fn bounds(varied: &Varied, base: &Study, plan: &Plan) -> (Option<String>, Option<String>) {
    if let ([job], true) = (&plan.jobs[..], varied.is_interval()) {
        let work = job.step.0.saturating_mul(job.steps);
        // An interval shorter than a step is a step, and one shorter than a checkpoint wastes more
        // than half of the time.
        let low = job.checkpoint_cost.0.max(job.step.0).max(Span::from_secs(1).0);
        let high = work.min(job.mtbf.0.saturating_mul(MTBFS)).max(low.saturating_mul(4));
        let text = |nanos: u64| Some(Varied::bound(&Span(nanos).rounded().to_string()));
        return (text(low), text(high));
    }
    (varied.times(1.0 / AROUND, base), varied.times(AROUND, base))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_round_has_seeds_for_forty_failures_within_limits() {
        assert_eq!([2.5, 0.6, 0.001].map(|failures| enough(failures, 1_000_000)), [16, 67, 400]);
        assert_eq!((enough(0.0, 1_000_000), enough(0.6, 2_000)), (SEEDS, 20));
    }
}
