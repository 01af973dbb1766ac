//! Two sets of runs held against each other: what differs, by how much, and does it matter.
//!
//! A is the reference: differences are B minus A, and a band is a share of A's value. With several
//! runs on a side a metric is a mean with its interval, and a difference beyond the tolerance that
//! chance may explain is distinguished from one that it does not ([`Verdict::Unclear`]).
//!
//! Runs of one seed meet the same faults. Where each run of the smaller side has one of its seed on
//! the other, differences are those of the pairs (common random numbers: Law, "Simulation Modeling
//! and Analysis", 5th edition 2015, section 10.2.1), else the sides are taken to be independent.

use std::collections::BTreeMap;

use serde::Serialize;

use super::observed::Observed;
use super::run::Run;
use super::stats::{self, Interval};
use super::tolerance::Tolerance;
use super::two_samples::{self, KolmogorovSmirnov};
use super::{metrics, unlike};

pub use super::unlike::KeyDifference;

/// The level of all intervals, and one less the level of the tests.
pub const LEVEL: f64 = 0.99;

/// What becomes of a metric or a distribution, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every value is the same on both sides.
    Same,
    /// The difference is at most the tolerance.
    Within,
    /// Only A has it.
    OnlyA,
    /// Only B has it.
    OnlyB,
    /// The difference is larger, but chance may explain what is beyond the tolerance.
    Unclear,
    /// The difference is larger, and chance does not explain it.
    Out,
}

impl Verdict {
    /// All of them, the worst first.
    pub const ALL: [Self; 6] =
        [Self::Out, Self::Unclear, Self::OnlyA, Self::OnlyB, Self::Within, Self::Same];

    /// For people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Within => "within tolerance",
            Self::OnlyA => "only in A",
            Self::OnlyB => "only in B",
            Self::Unclear => "unclear",
            Self::Out => "out of tolerance",
        }
    }
}

/// What a side says about a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Value {
    /// Runs of the side that have a metric; values of a distribution.
    pub count: usize,
    /// Their mean.
    pub mean: f64,
    /// Their median.
    pub median: f64,
    /// The half width of the mean's confidence interval; `None` for one run and for
    /// distributions, whose values need not be independent.
    pub half_width: Option<f64>,
}

/// B minus A.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// Of the means for a metric; the area between the curves, never negative, for a distribution.
    pub absolute: f64,
    /// The same as a share of A's mean; `None` if that is 0.
    pub relative: Option<f64>,
    /// The half width of its confidence interval; `None` if both sides have one run.
    pub half_width: Option<f64>,
    /// The largest difference that is within tolerance; `None` if any is.
    pub tolerance: Option<f64>,
    /// Of how many pairs of runs of one seed it is the mean; `None` if it is that of the means.
    pub pairs: Option<usize>,
}

/// A metric or a distribution on both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The cell of a study, for people; `None` of results folders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cell: Option<String>,
    /// Its name.
    pub name: String,
    /// Its unit, as in `metrics.csv`.
    pub unit: String,
    /// What becomes of it.
    pub verdict: Verdict,
    /// What A says.
    pub a: Option<Value>,
    /// What B says.
    pub b: Option<Value>,
    /// B minus A.
    pub difference: Option<Difference>,
}

/// A distribution on both sides; at least one has values.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Distribution {
    /// Its name, values and verdict.
    #[serde(flatten)]
    pub row: Row,
    /// The test of Kolmogorov and Smirnov.
    pub kolmogorov_smirnov: Option<KolmogorovSmirnov>,
    /// A's values in ascending order.
    #[serde(skip)]
    pub of_a: Vec<f64>,
    /// B's values in ascending order.
    #[serde(skip)]
    pub of_b: Vec<f64>,
}

/// The whole comparison.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// What is unlike before anything is measured, and what it is not to be trusted in; sentences.
    pub remarks: Vec<String>,
    /// Whether differences are by pairs of one seed, as a sentence; `None` of single runs.
    pub pairing: Option<String>,
    /// The keys of the scenarios that differ.
    pub keys: Vec<KeyDifference>,
    /// The metrics that a side has, in the order of `metrics.csv`.
    pub metrics: Vec<Row>,
    /// The distributions of which a side has values.
    pub distributions: Vec<Distribution>,
    /// What is not compared because it was not recorded; sentences.
    pub not_recorded: Vec<String>,
}

impl Comparison {
    /// Holds two sets of runs, of one or more each, against each other.
    #[must_use]
    pub fn of(a: &[Run], b: &[Run], tolerance: &Tolerance) -> Self {
        assert!(!a.is_empty() && !b.is_empty(), "each side has a run");
        Self {
            remarks: unlike::remarks(a, b),
            pairing: pairing(&seeds(a), &seeds(b)),
            keys: unlike::keys(a, b),
            metrics: metric_rows(a, b, tolerance),
            distributions: distributions(a, b, tolerance),
            not_recorded: not_recorded(a, b),
        }
    }

    /// The verdicts of all metrics and distributions.
    pub fn verdicts(&self) -> impl Iterator<Item = Verdict> {
        let distributions = self.distributions.iter().map(|it| it.row.verdict);
        self.metrics.iter().map(|row| row.verdict).chain(distributions)
    }

    /// Whether there is anything that both sides have. Where there is not, nothing is said of
    /// them, and they do not agree.
    #[must_use]
    pub fn has_compared(&self) -> bool {
        self.verdicts().any(|verdict| !matches!(verdict, Verdict::OnlyA | Verdict::OnlyB))
    }

    /// Whether something was compared and nothing is out of tolerance; `strict` also asks that
    /// nothing is unclear or on one side only.
    #[must_use]
    pub fn agrees(&self, strict: bool) -> bool {
        let worst = if strict { Verdict::Within } else { Verdict::Unclear };
        self.has_compared() && self.verdicts().all(|verdict| verdict <= worst)
    }
}

/// Every metric that a side has: first those of the registry, in its order.
fn metric_rows(a: &[Run], b: &[Run], tolerance: &Tolerance) -> Vec<Row> {
    let mut names: Vec<(&str, &str)> = Vec::new();
    for metric in a.iter().chain(b).flat_map(|run| &run.findings.metrics) {
        if !names.iter().any(|(name, _)| *name == metric.name) {
            names.push((&metric.name, &metric.unit));
        }
    }
    let place = |name: &str| metrics::ALL.iter().position(|it| it.name == name);
    names.sort_by_key(|(name, _)| place(name).unwrap_or(usize::MAX));
    let values = |runs: &[Run], name: &str| -> Vec<(u64, f64)> {
        let of = |run: &Run| Some((run.manifest.seed, run.findings.metric(name)?.value));
        runs.iter().filter_map(of).collect()
    };
    let row = |(name, unit): (&str, &str)| {
        metric_row((name, unit), &values(a, name), &values(b, name), tolerance)
    };
    names.into_iter().map(row).collect()
}

/// A metric by its values, each with the seed of its run.
pub(super) fn metric_row(
    (name, unit): (&str, &str),
    of_a: &[(u64, f64)],
    of_b: &[(u64, f64)],
    tolerance: &Tolerance,
) -> Row {
    let pairs = pairs(of_a, of_b);
    let [of_a, of_b] = [of_a, of_b].map(|side| side.iter().map(|it| it.1).collect::<Vec<_>>());
    let value = |values: &[f64]| {
        let half_width = stats::confidence(values, LEVEL).map(|interval| interval.half_width);
        Some(Value { half_width, ..summary(values)? })
    };
    let (a, b) = (value(&of_a), value(&of_b));
    let (mut verdict, mut difference) = (one_sided(a.is_some()), None);
    if let (Some(a), Some(b)) = (a, b) {
        let tolerated = tolerance.of(name, unit, a.mean);
        let interval = match &pairs {
            Some(apart) => stats::confidence(apart, LEVEL),
            None => two_samples::difference(&of_a, &of_b, LEVEL),
        };
        let of_pairs = pairs.as_deref().and_then(stats::mean);
        let absolute = of_pairs.unwrap_or(b.mean - a.mean);
        let [in_a, in_b] = [of_a, of_b].map(|values| ascending(values.into_iter()));
        // As curves, so that three runs with one value are the same as one run with it.
        let is_same = two_samples::area_between(&in_a, &in_b) == Some(0.0);
        verdict = judged(is_same, absolute, tolerated, |beyond| {
            interval.is_some_and(|Interval { half_width, .. }| beyond <= half_width)
        });
        difference = Some(Difference {
            half_width: interval.map(|interval| interval.half_width),
            pairs: pairs.map(|apart| apart.len()),
            ..differing(absolute, a.mean, tolerated)
        });
    }
    Row { cell: None, name: name.to_owned(), unit: unit.to_owned(), verdict, a, b, difference }
}

/// The distributions that the folders hold: when nodes were first up, how long the stages of their
/// boots took, how long they were down, how long checkpoints and restarts took, and how long
/// failures of a job's nodes went unanswered.
fn distributions(a: &[Run], b: &[Run], tolerance: &Tolerance) -> Vec<Distribution> {
    let mut all = Vec::new();
    let mut add = |name: &str, values: &dyn Fn(&Run) -> Vec<f64>| {
        let side = |runs: &[Run]| ascending(runs.iter().flat_map(values));
        all.extend(distribution(name, side(a), side(b), tolerance));
    };
    add("first_up", &|run| {
        let nodes = run.findings.nodes.iter().map(|node| node.first_up_s);
        nodes.filter(|time| *time >= 0.0).collect()
    });
    for stage in stages(a, b) {
        add(&format!("boot_stage/{stage}"), &|run| {
            let spans = run.findings.boots.iter().filter(|span| span.stage == stage);
            spans.map(|span| span.to_s - span.from_s).collect()
        });
    }
    // Where no node was ever down there is no distribution to speak of.
    let mut runs = a.iter().chain(b);
    if runs.any(|run| run.findings.nodes.iter().any(|node| node.down_s > 0.0)) {
        add("downtime", &|run| run.findings.nodes.iter().map(|node| node.down_s).collect());
    }
    let mut single = |name: &str, of: fn(&Observed) -> &Vec<f64>| {
        add(name, &|run| run.observed.as_ref().map(of).cloned().unwrap_or_default());
    };
    single("checkpoint_time", |observed| &observed.checkpoint_times);
    single("restart_time", |observed| &observed.restart_times);
    single("detection_time", |observed| &observed.detection_times);
    all
}

/// The boot stages that any run has, in the order in which its nodes meet them.
fn stages<'a>(a: &'a [Run], b: &'a [Run]) -> Vec<&'a str> {
    let mut stages: Vec<(&str, f64)> = Vec::new();
    for span in a.iter().chain(b).flat_map(|run| &run.findings.boots) {
        match stages.iter_mut().find(|(stage, _)| *stage == span.stage) {
            Some((_, first)) => *first = first.min(span.from_s),
            None => stages.push((&span.stage, span.from_s)),
        }
    }
    stages.sort_by(|one, other| one.1.total_cmp(&other.1));
    stages.into_iter().map(|(stage, _)| stage).collect()
}

fn distribution(
    name: &str,
    of_a: Vec<f64>,
    of_b: Vec<f64>,
    tolerance: &Tolerance,
) -> Option<Distribution> {
    let (unit, a, b) = ("s".to_owned(), summary(&of_a), summary(&of_b));
    if a.is_none() && b.is_none() {
        return None;
    }
    let (mut verdict, mut difference) = (one_sided(a.is_some()), None);
    let kolmogorov_smirnov = two_samples::kolmogorov_smirnov(&of_a, &of_b);
    let area = two_samples::area_between(&of_a, &of_b);
    if let (Some(a), Some(ks), Some(area)) = (a, kolmogorov_smirnov, area) {
        let tolerated = tolerance.of(name, &unit, a.mean);
        verdict = judged(ks.distance == 0.0, area, tolerated, |_| ks.p > 1.0 - LEVEL);
        difference = Some(differing(area, a.mean, tolerated));
    }
    let row = Row { cell: None, name: name.to_owned(), unit, verdict, a, b, difference };
    Some(Distribution { row, kolmogorov_smirnov, of_a, of_b })
}

/// What only one side has.
fn one_sided(in_a: bool) -> Verdict {
    if in_a { Verdict::OnlyA } else { Verdict::OnlyB }
}

/// The verdict on what both sides have; `chance` says whether it explains so much beyond the
/// tolerance.
fn judged(same: bool, absolute: f64, tolerated: f64, chance: impl Fn(f64) -> bool) -> Verdict {
    let beyond = absolute.abs() - tolerated;
    match beyond {
        _ if same => Verdict::Same,
        beyond if beyond <= 0.0 => Verdict::Within,
        beyond if chance(beyond) => Verdict::Unclear,
        _ => Verdict::Out,
    }
}

fn differing(absolute: f64, mean_of_a: f64, tolerated: f64) -> Difference {
    Difference {
        absolute,
        relative: (mean_of_a != 0.0).then(|| absolute / mean_of_a.abs()),
        half_width: None,
        tolerance: tolerated.is_finite().then_some(tolerated),
        pairs: None,
    }
}

fn seeds(runs: &[Run]) -> Vec<u64> {
    runs.iter().map(|run| run.manifest.seed).collect()
}

/// B minus A of each seed, if the values of both sides pair: two seeds or more, each at most once
/// on a side, and none of the smaller side without a partner.
fn pairs(of_a: &[(u64, f64)], of_b: &[(u64, f64)]) -> Option<Vec<f64>> {
    let [a, b] = [of_a, of_b].map(|side| side.iter().copied().collect::<BTreeMap<_, _>>());
    let apart: Vec<_> = a.iter().filter_map(|(seed, value)| Some(b.get(seed)? - value)).collect();
    let each_once = a.len() == of_a.len() && b.len() == of_b.len();
    let all = apart.len() == a.len().min(b.len());
    (each_once && all && apart.len() > 1).then_some(apart)
}

/// Whether runs of these seeds pair, as a sentence.
pub(super) fn pairing(of_a: &[u64], of_b: &[u64]) -> Option<String> {
    if of_a.len() < 2 || of_b.len() < 2 {
        return None;
    }
    let values = |seeds: &[u64]| seeds.iter().map(|seed| (*seed, 0.0)).collect::<Vec<_>>();
    if let Some(apart) = pairs(&values(of_a), &values(of_b)) {
        let all = apart.len();
        return Some(format!("Differences are by pairs: {all} seeds have a run in A and in B."));
    }
    let shared = of_a.iter().filter(|seed| of_b.contains(seed)).count();
    let repeats = |seeds: &[u64]| {
        let each_once: std::collections::BTreeSet<_> = seeds.iter().collect();
        each_once.len() < seeds.len()
    };
    let why = match shared {
        0 => "they have no seed in common".to_owned(),
        _ if repeats(of_a) || repeats(of_b) => "a side has a seed more than once".to_owned(),
        _ => format!("only {shared} of their {} and {} seeds are the same", of_a.len(), of_b.len()),
    };
    Some(format!("Differences are those of independent sides: {why}."))
}

fn summary(values: &[f64]) -> Option<Value> {
    let (mean, median) = (stats::mean(values)?, stats::quantile(values, 0.5)?);
    Some(Value { count: values.len(), mean, median, half_width: None })
}

fn ascending(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn not_recorded(a: &[Run], b: &[Run]) -> Vec<String> {
    let mut reported = Vec::new();
    for (side, runs) in [("A", a), ("B", b)] {
        let committed = |run: &&Run| {
            let mut metrics = run.findings.metrics.iter();
            metrics.any(|metric| metric.name == "checkpoints_committed" && metric.value > 0.0)
        };
        let lost = runs.iter().filter(committed).filter(|run| run.observed.is_none()).count();
        let who = match runs.len() {
            1 => "its run".to_owned(),
            all => format!("{lost} of its {all} runs"),
        };
        if lost > 0 {
            reported.push(format!(
                "Single checkpoint times of {side}: {who} wrote no event log \
                 (record.events = \"none\")."
            ));
        }
        let faults = |run: &&Run| run.manifest.event_level == "faults" && restarted(run);
        let short = runs.iter().filter(faults).count();
        if short > 0 {
            reported.push(format!(
                "Single restart and detection times of {side}: {short} of its runs recorded \
                 faults only (record.events = \"faults\")."
            ));
        }
    }
    reported
}

fn restarted(run: &Run) -> bool {
    run.findings.metrics.iter().any(|metric| metric.name == "restarts" && metric.value > 0.0)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::Path;

    use super::*;
    use crate::analysis::{BootSpan, Findings, Metric, NodeFinding, Point, Series};
    use crate::ids::NodeId;
    use crate::record::Manifest;
    use crate::scenario::EventLevel;

    /// A run of four nodes, the first of which is up after so many seconds and each further one a
    /// second later, with these metrics.
    pub(crate) fn run(seed: u64, first_up: f64, metrics: &[(&str, f64, &str)]) -> Run {
        let mut manifest = Manifest::begin("boot", seed, "model", EventLevel::All, Vec::new());
        let print = format!("{:016x}", seed * 1000 + metrics.len() as u64);
        manifest.fingerprint = Some(format!("{print}{}", first_up.to_bits()));
        let metric = |(name, value, unit): &(&str, f64, &str)| Metric {
            name: (*name).to_owned(),
            value: *value,
            unit: (*unit).to_owned(),
        };
        let times: Vec<_> = (0..4).map(|i| first_up + f64::from(i)).collect();
        let node = |(i, time): (u32, &f64)| NodeFinding {
            node: NodeId(i),
            boots: 1,
            first_up_s: *time,
            up_s: 100.0 - time,
            down_s: 0.0,
            failures: 0,
        };
        let span = |(i, time): (u32, &f64), stage: &str, from: f64, to: f64| BootSpan {
            node: NodeId(i),
            stage: stage.to_owned(),
            from_s: from * time,
            to_s: to * time,
        };
        let rom = (0..).zip(&times).map(|node| span(node, "rom", 0.0, 0.25));
        let init = (0..).zip(&times).map(|node| span(node, "init", 0.25, 1.0));
        let ups = (0..5).map(|i| Point::level(first_up + f64::from(i) - 1.0, f64::from(i)));
        let points: Vec<_> = [Point::level(0.0, 0.0)]
            .into_iter()
            .chain(ups)
            .chain([Point::level(100.0, 4.0)])
            .collect();
        let series = Series { name: "nodes_up".to_owned(), unit: "count".to_owned(), points };
        Run {
            folder: Path::new("results/boot").join(format!("{seed}-model-{print}")),
            manifest,
            keys: [("seed".to_owned(), seed.to_string())].into(),
            findings: Findings {
                metrics: metrics.iter().map(metric).collect(),
                series: vec![series],
                nodes: (0..).zip(&times).map(node).collect(),
                boots: rom.chain(init).collect(),
                ..Findings::default()
            },
            observed: Some(Observed::default()),
        }
    }

    fn compare(a: &[Run], b: &[Run]) -> Comparison {
        Comparison::of(a, b, &Tolerance::default())
    }

    /// Runs with these makespans, and with this seed and those after it.
    fn makespans(first: u64, values: &[f64]) -> Vec<Run> {
        let run = |(seed, value): (u64, &f64)| run(seed, 10.0, &[("makespan", *value, "s")]);
        (first..).zip(values).map(run).collect()
    }

    fn verdict(a: &[f64], b: &[f64]) -> Verdict {
        compare(&makespans(1, a), &makespans(101, b)).metrics[0].verdict
    }

    #[test]
    fn a_run_is_the_same_as_itself_everywhere() {
        let runs = [run(1, 10.0, &[("makespan", 20.0, "s"), ("failures", 0.0, "count")])];
        let comparison = compare(&runs, &runs);
        assert!(comparison.verdicts().all(|verdict| verdict == Verdict::Same));
        assert!(comparison.agrees(true));
        assert_eq!(comparison.keys, []);
        assert_eq!(comparison.remarks, ["Both sides are the same to the last event."]);
        let names: Vec<_> =
            comparison.distributions.iter().map(|it| it.row.name.as_str()).collect();
        assert_eq!(names, ["first_up", "boot_stage/rom", "boot_stage/init"]);
    }

    #[test]
    fn one_run_against_one_is_judged_by_the_band_alone() {
        for (b, expected) in [
            (100.0, Verdict::Same),
            (100.000_1, Verdict::Within),
            (105.0, Verdict::Within),
            (95.0, Verdict::Within),
            (105.1, Verdict::Out),
            (94.9, Verdict::Out),
        ] {
            assert_eq!(verdict(&[100.0], &[b]), expected, "{b}");
        }
    }

    #[test]
    fn several_runs_distinguish_chance_from_difference() {
        // Means 100 and 120, 20 apart where 5 are tolerated: the interval of the difference must
        // be wider than 15 for chance to explain it.
        let calm = |mean: f64| [mean - 1.0, mean, mean + 1.0];
        assert_eq!(verdict(&calm(100.0), &calm(120.0)), Verdict::Out);
        let wild = |mean: f64| [mean - 30.0, mean, mean + 30.0];
        assert_eq!(verdict(&wild(100.0), &wild(120.0)), Verdict::Unclear);
        assert_eq!(verdict(&wild(100.0), &wild(104.0)), Verdict::Within);
        assert_eq!(verdict(&calm(100.0), &[120.0]), Verdict::Out);
        assert_eq!(verdict(&wild(100.0), &[120.0]), Verdict::Unclear);
        assert_eq!(verdict(&[1.0, 2.0, 3.0], &[3.0, 1.0, 2.0]), Verdict::Same);
        assert_eq!(verdict(&[2.0, 2.0, 2.0], &[2.0]), Verdict::Same);
    }

    #[test]
    fn unclear_and_one_sided_rows_fail_only_a_strict_comparison() {
        let a = [run(1, 10.0, &[("makespan", 20.0, "s"), ("mtti", 5.0, "s")])];
        let b = [run(1, 10.0, &[("makespan", 20.5, "s"), ("mttr", 7.0, "s")])];
        let comparison = compare(&a, &b);
        let verdicts: Vec<_> =
            comparison.metrics.iter().map(|row| (row.name.as_str(), row.verdict)).collect();
        let expected =
            [("makespan", Verdict::Within), ("mtti", Verdict::OnlyA), ("mttr", Verdict::OnlyB)];
        assert_eq!(verdicts, expected);
        assert!(comparison.agrees(false) && !comparison.agrees(true));
    }

    /// By hand: differences 2, 3, 4 have the mean 3 and the deviation 1, so half a width is
    /// t(0.995; 2) / sqrt(3) = 9.925 / 1.732 = 5.730; Welch's, of the spread of the sides
    /// themselves (deviation 50 and 51), is over 100.
    #[test]
    fn runs_of_one_seed_are_compared_pair_by_pair() {
        let side = |values: [(u64, f64); 3]| {
            values.map(|(seed, value)| run(seed, 10.0, &[("makespan", value, "s")]))
        };
        let a = side([(7, 100.0), (8, 150.0), (9, 200.0)]);
        // In another order: the seed says which belong together.
        let b = side([(9, 204.0), (7, 102.0), (8, 153.0)]);
        let comparison = compare(&a, &b);
        let row = comparison.metrics[0].difference.expect("both have it");
        assert_eq!((row.absolute, row.pairs), (3.0, Some(3)));
        assert!((row.half_width.expect("three pairs") - 5.730).abs() < 1e-3, "{row:?}");
        let said = "Differences are by pairs: 3 seeds have a run in A and in B.";
        assert_eq!(comparison.pairing.as_deref(), Some(said));
        // One seed that the other side has not makes them independent; one that is more does not.
        let other = side([(9, 204.0), (7, 102.0), (1, 153.0)]);
        let comparison = compare(&a, &other);
        let row = comparison.metrics[0].difference.expect("both have it");
        assert_eq!(row.pairs, None);
        assert!(row.half_width.expect("three runs a side") > 100.0, "{row:?}");
        let said = "Differences are those of independent sides: only 2 of their 3 and 3 seeds are \
                    the same.";
        assert_eq!(comparison.pairing.as_deref(), Some(said));
        let row = compare(&a[..2], &b).metrics[0].difference.expect("both have it");
        assert_eq!((row.absolute, row.pairs), (2.5, Some(2)));
        assert_eq!(compare(&a[..1], &b).pairing, None);
    }

    #[test]
    fn a_difference_counts_from_a_and_is_reported_with_its_tolerance() {
        let row = &compare(&makespans(1, &[80.0]), &makespans(2, &[100.0])).metrics[0];
        let difference = row.difference.expect("both have it");
        assert_eq!((difference.absolute, difference.relative), (20.0, Some(0.25)));
        assert_eq!((difference.half_width, difference.tolerance), (None, Some(4.0)));
        let row = &compare(&makespans(1, &[0.0]), &makespans(2, &[0.000_9])).metrics[0];
        assert_eq!(row.verdict, Verdict::Within, "the floor of seconds");
        assert_eq!(row.difference.expect("both have it").relative, None);
    }

    #[test]
    fn a_later_boot_moves_its_distributions_by_as_much() {
        let (a, b) = ([run(1, 10.0, &[])], [run(2, 14.0, &[])]);
        let comparison = compare(&a, &b);
        let first_up = &comparison.distributions[0];
        let area = first_up.row.difference.expect("both").absolute;
        assert!((area - 4.0).abs() < 1e-12, "{area}");
        let ks = first_up.kolmogorov_smirnov.expect("both");
        // All four values of A below all of B: two of 70 orders.
        assert!(ks.distance > 1.0 - 1e-12 && (ks.p - 2.0 / 70.0).abs() < 1e-9, "{ks:?}");
        assert_eq!(first_up.row.verdict, Verdict::Unclear, "four nodes are few");
        let many = |first_up: f64| (1..9).map(|seed| run(seed, first_up, &[])).collect::<Vec<_>>();
        assert_eq!(compare(&many(10.0), &many(14.0)).distributions[0].row.verdict, Verdict::Out);
    }

    #[test]
    fn unlike_sides_are_distinguished_by_their_keys_and_doubtful_ones_are_named() {
        let mut a = [run(1, 10.0, &[]), run(2, 10.5, &[])];
        let mut b = [run(1, 10.0, &[]), run(1, 10.0, &[])];
        let set = |run: &mut Run, key: &str, value: &str| {
            run.keys.insert(key.to_owned(), value.to_owned());
        };
        set(&mut a[0], "boot.method", "\"nfs\"");
        set(&mut a[1], "boot.method", "\"nbd\"");
        b[0].manifest.stage = "turmoil".to_owned();
        let comparison = compare(&a, &b);
        assert_eq!(
            comparison.remarks,
            [
                "The stages are different: model in A, turmoil, model in B.",
                "The runs of A are not one experiment: they differ in boot.method, so that their \
                 mean and its interval say little.",
                "B holds the same run more than once (2 runs, 1 fingerprints): its intervals are \
                 too narrow.",
                "A and B have a run in common.",
            ]
        );
        let keys: Vec<_> = comparison.keys.iter().map(|key| key.key.as_str()).collect();
        assert_eq!(keys, ["boot.method", "seed"]);
        assert_eq!(comparison.keys[0].b, [None]);
    }

    #[test]
    fn checkpoints_without_a_log_are_named_as_not_recorded() {
        let mut runs = [run(1, 10.0, &[("checkpoints_committed", 3.0, "count")])];
        assert_eq!(compare(&runs, &runs).not_recorded, [""; 0]);
        runs[0].observed = None;
        let reported = compare(&runs, &runs).not_recorded;
        assert_eq!(
            reported[0],
            "Single checkpoint times of A: its run wrote no event log \
             (record.events = \"none\")."
        );
    }
}
