//! Whose lifetimes begin anew after a failure: the failed part's, or those of all.

use crate::harness::play_text;

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
