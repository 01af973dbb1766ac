//! Closed forms that whole runs must meet, with fixed seeds and 99 % intervals.

use crate::theatre::play_text;

/// One node without sharing: `work` in `chunks` equal chunks, exponential failures.
struct Segment {
    mtbf: f64,
    checkpoint: u64,
    recovery: u64,
    downtime: u64,
    work: u64,
    chunks: u64,
}

impl Segment {
    /// E[T] = K e^{lR} (1/l + D) (e^{l(W/K + C)} - 1), facts of Herault and Robert, Bougeret et al.
    fn expected(&self) -> f64 {
        let rate = 1.0 / self.mtbf;
        let period = self.work as f64 / self.chunks as f64 + self.checkpoint as f64;
        self.chunks as f64
            * libm::exp(rate * self.recovery as f64)
            * (self.mtbf + self.downtime as f64)
            * libm::expm1(rate * period)
    }

    fn scenario(&self) -> String {
        let Self { mtbf, checkpoint, recovery, downtime, work, chunks } = self;
        let step_nanos = (u128::from(*work) * 1_000_000_000).div_ceil(u128::from(*chunks));
        format!(
            r#"
schema = 1
title = "one node, exponential failures, fixed costs"
[cluster]
hardware = "pi_3b"
module = "cluster_module_150"
modules = 1
[module]
nodes = 1
spares = 0
nodes_per_blade = 1
packs = [1]
switches = 1
[[module.psu]]
packs = [1]
switches = [1]
limit = "1 kW"
restart = "5 s"
[boot]
method = "instant"
[controller]
detect = "0 s"
settle = "0 s"
[[fault.crash]]
on = "node"
lifetime = {{ exponential = {{ mean = "{mtbf} s" }} }}
repair = "{downtime} s"
[workload.bulk-synchronous]
step = "{step_nanos} ns"
work = "{work} s"
[checkpoint.coordinated]
interval = "{step_nanos} ns"
cost = {{ write = "{checkpoint} s", read = "{recovery} s", downtime = "0 s" }}
last = true
[stop]
when = "workload done"
at = "20 y"
[record]
sample = "1 y"
"#
        )
    }

    /// The mean makespan over seeds lies in its 99 % interval of the exact value.
    fn check(&self, seeds: u64) {
        let scenario = self.scenario();
        let runs: Vec<f64> =
            (0..seeds).map(|seed| play_text(&scenario, Some(seed)).metric("makespan")).collect();
        let n = runs.len() as f64;
        let mean = runs.iter().sum::<f64>() / n;
        let variance = runs.iter().map(|run| (run - mean) * (run - mean)).sum::<f64>() / (n - 1.0);
        let half_width = 2.576 * (variance / n).sqrt();
        let expected = self.expected();
        assert!(
            (mean - expected).abs() <= half_width,
            "mean {mean:.1} s +- {half_width:.1} s over seeds 0..{seeds}, exact {expected:.1} s"
        );
    }
}

const DAY: Segment = Segment {
    mtbf: 86_400.0,
    checkpoint: 600,
    recovery: 600,
    downtime: 60,
    work: 1_728_000,
    chunks: 177,
};

const HOUR: Segment = Segment {
    mtbf: 3_600.0,
    checkpoint: 300,
    recovery: 300,
    downtime: 60,
    work: 432_000,
    chunks: 338,
};

#[test]
fn the_formula_gives_the_published_values() {
    assert!((DAY.expected() - 1_963_671.2).abs() < 0.05, "{}", DAY.expected());
    assert!((HOUR.expected() - 739_748.1).abs() < 0.05, "{}", HOUR.expected());
}

#[test]
fn one_node_failing_once_a_day_meets_the_exact_expectation() {
    DAY.check(500);
}

#[test]
fn one_node_failing_once_an_hour_meets_the_exact_expectation() {
    HOUR.check(300);
}

/// Failures of 16 nodes, all new at the start, in a mean life, for each of 60 seeds.
fn failures(lifetime: &str, rejuvenate: &str) -> (f64, f64) {
    let scenario = format!(
        r#"
schema = 1
title = "sixteen nodes that live again at once"
[cluster]
hardware = "pi_3b"
module = "cluster_module_150"
[module]
nodes = 16
spares = 0
packs = [16]
switches = 1
psu = [{{ packs = [1], switches = [1], limit = "1 kW", restart = "5 s" }}]
[boot]
method = "instant"
[controller]
detect = "0 s"
settle = "0 s"
[[fault.crash]]
on = "node"
lifetime = {lifetime}
age = "new"
rejuvenate = "{rejuvenate}"
[stop]
when = "never"
at = "30 d"
[record]
sample = "1 d"
"#
    );
    let runs: Vec<f64> =
        (0..60).map(|seed| play_text(&scenario, Some(seed)).metric("failures")).collect();
    let n = runs.len() as f64;
    let mean = runs.iter().sum::<f64>() / n;
    let variance = runs.iter().map(|run| (run - mean) * (run - mean)).sum::<f64>() / (n - 1.0);
    (mean, variance / n)
}

/// The difference of two means, and half of its 99 % interval.
fn difference(lifetime: &str) -> (f64, f64) {
    let ((all, v_all), (failed, v_failed)) =
        (failures(lifetime, "all"), failures(lifetime, "failed"));
    (all - failed, 2.576 * (v_all + v_failed).sqrt())
}

#[test]
fn without_memory_it_does_not_matter_who_is_rejuvenated() {
    let (difference, half_width) = difference(r#"{ exponential = { mean = "30 d" } }"#);
    assert!(difference.abs() <= half_width, "{difference} +- {half_width}");
}

#[test]
fn when_the_hazard_falls_with_age_new_parts_for_all_mean_more_failures() {
    let (difference, half_width) = difference(r#"{ weibull = { mean = "30 d", shape = 0.7 } }"#);
    assert!(difference > half_width, "{difference} +- {half_width}");
    // Renewal of the whole machine: one failure each L / n^(1/k).
    let (mean, variance) = failures(r#"{ weibull = { mean = "30 d", shape = 0.7 } }"#, "all");
    let renewals = libm::pow(16.0, 1.0 / 0.7);
    assert!(mean > renewals - 2.576 * variance.sqrt(), "{mean} of at least {renewals}");
}
