//! Checked steps (ABFT) and replicas that compare their memory, in whole runs: their closed forms.

use rackstorm::backend::Backend;
use rackstorm::backend::turmoil::Turmoil;
use rackstorm::event::{CorruptionAct, JobPhase, What};
use rackstorm::forecast;
use rackstorm::ids::JobId;
use rackstorm::theory::Costs;
use rackstorm::theory::silent::{Pattern, escaped};

use crate::harness::{Played, plan_of, plan_of_file, play_file, play_text};
use crate::program::root;

/// Mean time between silent corruptions of a node (s).
const MEAN: f64 = 5_000.0;
/// Steps of an interval, and their length (s).
const STEPS: u32 = 10;
const STEP: f64 = 100.0;
/// Intervals in each run.
const INTERVALS: f64 = 500.0;

/// A module of so many nodes whose memory is struck while they compute, with fixed costs.
fn job(nodes: u32, workload: &str) -> String {
    let (interval, work) = (f64::from(STEPS) * STEP, f64::from(STEPS) * STEP * INTERVALS);
    format!(
        r#"
schema = 1
title = "silent corruption, checked steps, fixed costs"
[cluster]
hardware = "pi_3b"
[module]
nodes = {nodes}
spares = 0
packs = [{nodes}]
switches = 1
psu = [{{ packs = [1], switches = [1], limit = "100 W", restart = "10 s" }}]
[boot]
method = "instant"
[[fault.silent-corruption]]
on = "node"
lifetime = {{ exponential = {{ mean = "{MEAN} s" }} }}
[workload.bulk-synchronous]
step = "{STEP} s"
work = "{work} s"
{workload}
[checkpoint.coordinated]
interval = "{interval} s"
cost = {{ write = "60 s", read = "90 s", downtime = "0 s" }}
last = true
strikes = {{ checkpoint = false, restart = false, silent = "computing" }}
[stop]
when = "workload done"
at = "20 y"
[record]
sample = "1 y"
"#
    )
}

/// Mean of a metric and half the width of its 99 % interval, over runs of 40 seeds.
fn measured(scenario: &str, metric: &str) -> (f64, f64) {
    let runs: Vec<f64> =
        (0..40).map(|seed| play_text(scenario, Some(seed)).metric(metric)).collect();
    let n = runs.len() as f64;
    let mean = runs.iter().sum::<f64>() / n;
    let variance = runs.iter().map(|run| (run - mean) * (run - mean)).sum::<f64>() / (n - 1.0);
    // 2.71 standard deviations: Student's t for 40 runs.
    (mean, 2.71 * (variance / n).sqrt())
}

fn meets(scenario: &str, metric: &str, wanted: f64) {
    let (mean, half) = measured(scenario, metric);
    assert!((mean - wanted).abs() <= half, "{metric}: {mean} +- {half}, wanted {wanted}");
}

fn intervals(rate: f64, overhead: f64) -> f64 {
    let costs = Costs { write: 60.0, recovery: 90.0, downtime: 0.0 };
    let verifications = STEPS;
    let pattern = Pattern { silent: rate, failures: 0.0, verification: 0.0, verifications, costs };
    INTERVALS * pattern.time(f64::from(STEPS) * STEP * (1.0 + overhead))
}

fn abft(coverage: f64, found: &str) -> String {
    let with = format!("abft = {{ coverage = {coverage}, overhead = 0.2, found = \"{found}\" }}");
    // The interval counts what computing takes with its checksums.
    job(1, &with).replace("interval = \"1000 s\"", "interval = \"1200 s\"")
}

#[test]
fn what_steps_correct_costs_their_overhead_and_the_missed_share_escapes() {
    let work = f64::from(STEPS) * STEP * INTERVALS * 1.2;
    let run = play_text(&abft(0.9, "correct"), Some(7));
    let makespan = run.metric("makespan");
    assert!((makespan - work - INTERVALS * 60.0).abs() < 1e-3, "{makespan}");
    meets(&abft(0.9, "correct"), "corruptions_escaped", escaped(1.0 / MEAN, work, 0.9));
}

#[test]
fn steps_that_throw_the_job_back_meet_the_pattern_of_verifications_that_cost_nothing() {
    let scenario = abft(0.9, "roll-back");
    let wanted = intervals(0.9 / MEAN, 0.2);
    meets(&scenario, "makespan", wanted);
    let work = f64::from(STEPS) * STEP * INTERVALS * 1.2;
    meets(&scenario, "corruptions_escaped", escaped(1.0 / MEAN, work, 0.9));
    let known = forecast::of(&plan_of(&scenario), JobId(0)).expect("it has a closed form");
    let own = &known.own[0];
    assert_eq!((own.formula, own.outside.as_str()), ("checked steps", ""));
    assert!((own.makespan.expect("it ends") / wanted - 1.0).abs() < 1e-9);
}

#[test]
fn more_coverage_lets_less_escape_and_throws_the_job_back_more_often() {
    let (half, most) = (abft(0.5, "roll-back"), abft(0.95, "roll-back"));
    let of = |scenario: &str, metric| measured(scenario, metric).0;
    assert!(of(&half, "corruptions_escaped") > 5.0 * of(&most, "corruptions_escaped"));
    assert!(of(&half, "makespan") < of(&most, "makespan"));
}

fn pairs(compare: &str) -> String {
    job(2, &format!("replicas = {{ degree = 2, compare = \"{compare}\" }}"))
}

/// Two nodes on one seat: each strike on either of them throws the job back at the end of its step.
#[test]
fn a_pair_meets_its_closed_form_and_nothing_escapes() {
    for compare in ["detect", "vote"] {
        let scenario = pairs(compare);
        meets(&scenario, "makespan", intervals(2.0 / MEAN, 0.0));
        let run = play_text(&scenario, Some(3));
        assert!(run.metric("corruptions_escaped") < 0.5 && run.metric("rollbacks") > 50.0);
        assert!(run.metric("detection_latency_max") <= STEP);
        let known = forecast::of(&plan_of(&scenario), JobId(0)).expect("it has a closed form");
        let wanted = intervals(2.0 / MEAN, 0.0);
        assert!((known.own[0].makespan.expect("it ends") / wanted - 1.0).abs() < 1e-9);
    }
}

/// Three nodes vote: only if two are struck in one step the job is thrown back, which happens in a
/// step with 3 q^2 (1 - q) + q^3, q = 1 - e^(-step / mean).
#[test]
fn a_triple_goes_on_unless_two_are_struck_in_one_step() {
    let scenario = job(3, "replicas = { degree = 3, compare = \"vote\" }");
    let q = 1.0 - libm::exp(-STEP / MEAN);
    let thrown = 3.0 * q * q * (1.0 - q) + q * q * q;
    meets(&scenario, "makespan", intervals(-libm::log(1.0 - thrown) / STEP, 0.0));
    let run = play_text(&scenario, Some(3));
    assert!(run.metric("corruptions_escaped") < 0.5);
    assert!(run.metric("corruptions_corrected") > 100.0);
}

/// A job whose second seat has one node only: what strikes that one nobody sees.
#[test]
fn a_seat_without_a_replica_lets_corruption_escape() {
    let replicas = "nodes = 2\nreplicas = { degree = 2, share = 0.5, compare = \"detect\" }";
    let work = f64::from(STEPS) * STEP * INTERVALS;
    meets(&job(3, replicas), "corruptions_escaped", escaped(1.0 / MEAN, work, 0.0));
}

#[test]
fn a_run_that_loses_replicas_never_restores_what_was_not_complete_and_nothing_escapes() {
    let path = root().join("scenarios/smoke/replicas_compare.toml");
    for strategy in ["no-restart", "restart"] {
        let set = format!("workload.bulk-synchronous.replicas.strategy=\"{strategy}\"");
        let run = play_file(&path, None, &[&set]);
        let escape =
            |what: &What| matches!(what, What::Corruption { act: CorruptionAct::Escape, .. });
        assert_eq!(run.count(escape), 0);
        assert!(run.metric("corruptions_corrected") > 20.0);
        never_loses_more_than_an_interval(&run);
    }
}

/// Checkpoints each 45 steps of 20 s: a rollback loses no more than these.
fn never_loses_more_than_an_interval(run: &Played) {
    let mut restarts = 0;
    for event in &run.events {
        match event.what {
            What::WorkLost { lost, .. } => assert!(lost.as_secs_f64() <= 900.0, "{lost}"),
            What::JobPhase { phase: JobPhase::Restart, .. } => restarts += 1,
            _ => {}
        }
    }
    assert!(restarts > 0, "some are thrown back");
}

#[test]
fn agents_say_that_they_cannot_check_steps_or_compare_memory() {
    for (name, word) in [("abft", "abft"), ("replicas_compare", "replicas")] {
        let path = root().join(format!("scenarios/smoke/{name}.toml"));
        let reasons = Turmoil.cannot(&plan_of_file(&path, None, &[]));
        assert!(reasons.len() == 1 && reasons[0].contains(word), "{reasons:?}");
    }
}

/// One corruption strikes in the second interval and is in its checkpoint, another one while that
/// is written and is in the memory alone. Then the node crashes and reads it back.
#[test]
fn a_corrupted_checkpoint_is_restored_and_its_corruption_escapes() {
    let strike =
        |kind: &str, at: u32| format!("[[fault.{kind}]]\non = \"node\"\nat = \"{at} s\"\n");
    let faults = strike("silent-corruption", 1_500)
        + &strike("silent-corruption", 2_080)
        + &strike("crash", 2_500);
    let lifetime = format!("lifetime = {{ exponential = {{ mean = \"{MEAN} s\" }} }}\n");
    let old = format!("[[fault.silent-corruption]]\non = \"node\"\n{lifetime}");
    let scenario = job(1, "").replace(&old, &faults).replace("\"computing\"", "\"always\"");
    let run = play_text(&scenario, None);
    for (metric, count) in [("", 2.0), ("_discarded", 1.0), ("_escaped", 1.0), ("_masked", 0.0)] {
        let found = run.metric(&format!("corruptions{metric}"));
        assert!((found - count).abs() < 0.5, "{metric}: {found}");
    }
}
