//! Silent corruption in whole runs: its closed form, its escape, its detection and its way back.

use rackstorm::backend::turmoil::Turmoil;
use rackstorm::event::{CheckpointAct, CorruptionAct, What};
use rackstorm::fleet::ports::Notice;
use rackstorm::forecast;
use rackstorm::ids::JobId;
use rackstorm::theory::Costs;
use rackstorm::theory::silent::Pattern;

use crate::harness::{Played, plan_of, plan_of_file, play_file, play_text, play_with};
use crate::program::root;

const DAY: f64 = 86_400.0;
/// Patterns in each run.
const PATTERNS: u32 = 1_000;

/// One node; the costs of the row of `theory::silent`: C 600 s, V 60 s, R 600 s, D 60 s, a crash
/// and a silent corruption a day. Each step is what is computed between two verifications.
fn row(step: f64, verifications: u32, silent: &str, write: u32) -> String {
    let interval = step * f64::from(verifications);
    let work = interval * f64::from(PATTERNS);
    format!(
        r#"
schema = 1
title = "one node, failures and silent corruption, fixed costs"
[cluster]
hardware = "pi_3b"
[module]
nodes = 1
spares = 0
packs = [1]
switches = 1
psu = [{{ packs = [1], switches = [1], limit = "100 W", restart = "10 s" }}]
[boot]
method = "instant"
[controller]
detect = "0 s"
settle = "0 s"
[[fault.crash]]
on = "node"
lifetime = {{ exponential = {{ mean = "1 d" }} }}
repair = "60 s"
[[fault.silent-corruption]]
on = "node"
lifetime = {{ exponential = {{ mean = "1 d" }} }}
[workload.bulk-synchronous]
step = "{step} s"
work = "{work} s"
[checkpoint.coordinated]
interval = "{interval} s"
cost = {{ write = "{write} s", read = "600 s", downtime = "0 s" }}
last = true
verify = {{ cost = "60 s", per_checkpoint = {verifications} }}
strikes = {{ checkpoint = false, restart = false, downtime = false, silent = "{silent}" }}
[stop]
when = "workload done"
at = "20 y"
[record]
sample = "1 y"
"#
    )
}

fn pattern(verifications: u32) -> Pattern {
    let costs = Costs { write: 600.0, recovery: 600.0, downtime: 60.0 };
    let rate = 1.0 / DAY;
    Pattern { silent: rate, failures: rate, verification: 60.0, verifications, costs }
}

/// Mean time of a pattern and half the width of its 99 % interval, over runs of so many seeds.
fn measured(scenario: &str, seeds: u64) -> (f64, f64) {
    let patterns = f64::from(PATTERNS);
    let time = |seed| play_text(scenario, Some(seed)).metric("makespan") / patterns;
    let runs: Vec<f64> = (0..seeds).map(time).collect();
    let n = runs.len() as f64;
    let mean = runs.iter().sum::<f64>() / n;
    let variance = runs.iter().map(|run| (run - mean) * (run - mean)).sum::<f64>() / (n - 1.0);
    // 2.70 standard deviations: Student's t for 40 runs.
    (mean, 2.70 * (variance / n).sqrt())
}

fn meets(verifications: u32, step: f64, exact: f64) {
    let (mean, half) = measured(&row(step, verifications, "computing", 600), 50);
    assert!((mean - exact).abs() <= half, "{mean} +- {half}, exact {exact}");
    assert!(half <= 0.005 * exact, "the interval is {half} s wide on each side");
}

#[test]
fn the_row_of_failures_and_silent_corruption_meets_its_closed_form() {
    meets(1, 5_821.3, 7_201.88);
}

#[test]
fn three_verifications_for_each_checkpoint_meet_their_closed_form() {
    meets(3, 2_700.0, pattern(3).time(8_100.0));
}

/// By the closed form half and twice the best W take 4 % longer for the same computing.
#[test]
fn half_and_twice_the_best_computing_take_longer() {
    let overhead = |work: f64| measured(&row(work, 1, "computing", 600), 12).0 / work;
    let (half, best, twice) = (overhead(2_910.65), overhead(5_821.3), overhead(11_642.6));
    assert!(best < half && best < twice, "{half} {best} {twice}");
}

/// With C = 3,000 s memory is struck half as often again if it is always exposed.
#[test]
fn corruption_outside_of_computing_costs_time_that_the_closed_form_leaves_out() {
    let time = |silent| measured(&row(5_821.3, 1, silent, 3_000), 12).0;
    let (computing, always) = (time("computing"), time("always"));
    assert!(always > 1.01 * computing, "{always} s and {computing} s");
}

/// A metric has this value.
fn has(run: &Played, name: &str, value: f64) {
    let found = run.metric(name);
    assert!((found - value).abs() < 1e-6, "{name}: {found}, not {value}");
}

fn act(wanted: CorruptionAct) -> impl Fn(&What) -> bool {
    move |what| matches!(what, What::Corruption { act, .. } if *act == wanted)
}

#[test]
fn without_verification_corruption_spreads_to_all_and_escapes_with_the_result() {
    let run = play_file(&root().join("scenarios/smoke/silent_escape.toml"), None, &[]);
    has(&run, "corruptions", 3.0);
    has(&run, "corruptions_masked", 1.0);
    has(&run, "corruptions_escaped", 2.0);
    let spread = |what: &What| matches!(what, What::Corruption { spread: 20, .. });
    assert_eq!(run.count(spread), 2, "an hour is long enough to reach all 20 nodes");
    // Nobody noticed: the job took as long as without.
    has(&run, "makespan", 3_600.0 + 3.0 * 30.0);
}

#[test]
fn a_verification_finds_the_same_corruption_and_nothing_escapes() {
    let verify = "checkpoint.coordinated.verify={ cost = \"10 s\" }";
    let run = play_file(&root().join("scenarios/smoke/silent_escape.toml"), None, &[verify]);
    has(&run, "corruptions_escaped", 0.0);
    assert_eq!(run.count(act(CorruptionAct::Detect)), 2);
    assert_eq!(run.count(act(CorruptionAct::Correct)), 2);
    // Both strike 260 s into the second interval of 900 s, which is verified at its end.
    has(&run, "detection_latency_mean", 900.0 - 260.0 + 10.0);
    has(&run, "rollbacks", 1.0);
    has(&run, "work_lost", 900.0);
    has(&run, "makespan", 3_600.0 + 900.0 + 3.0 * 30.0 + 5.0 * 10.0 + 40.0);
}

#[test]
fn a_checkpoint_with_corruption_that_was_missed_is_thrown_away_for_the_one_before() {
    let run = play_file(&root().join("scenarios/smoke/silent_verification.toml"), None, &[]);
    let discard = CheckpointAct::Discard;
    let thrown = |what: &What| matches!(what, What::Checkpoint { act, .. } if *act == discard);
    has(&run, "checkpoints_discarded", run.count(thrown) as f64);
    let sum: f64 = ["masked", "corrected", "discarded", "escaped", "latent"]
        .iter()
        .map(|end| run.metric(&format!("corruptions_{end}")))
        .sum();
    has(&run, "corruptions", sum);
    assert!(run.metric("waste_verify") > 0.0);
}

#[test]
fn theory_knows_the_verified_pattern_and_says_what_it_does_not_know() {
    let plan = plan_of(&row(5_821.3, 1, "computing", 600));
    let known = forecast::of(&plan, JobId(0)).expect("all is exponential");
    let own = &known.own[0];
    let makespan = own.makespan.expect("it ends") / f64::from(PATTERNS);
    assert_eq!((own.formula, own.outside.as_str()), ("verified pattern", ""));
    // The row rounds its W to a tenth of a second.
    assert!((makespan - 7_201.88).abs() < 0.1, "{makespan}");
    assert!((known.best[1].work - 5_821.3).abs() < 0.1, "{:?}", known.best[1]);
    let always =
        forecast::of(&plan_of(&row(5_821.3, 1, "always", 600)), JobId(0)).expect("as before");
    assert!(always.own[0].outside.contains("outside of computing"), "{:?}", always.own);
    let missed = root().join("scenarios/smoke/silent_verification.toml");
    let reasons =
        forecast::of(&plan_of_file(&missed, None, &[]), JobId(0)).expect_err("some are missed");
    assert!(reasons.iter().any(|reason| reason.contains("0.6")), "{reasons:?}");
    let escape = root().join("scenarios/smoke/silent_escape.toml");
    let calm = forecast::of(&plan_of_file(&escape, None, &[]), JobId(0)).expect("it takes no time");
    assert!(calm.notes.iter().any(|note| note.contains("wrong")), "{:?}", calm.notes);
}

/// Real agents flip real bits, and look for them by holding their memory twice: the result is
/// wrong if and only if corruption escaped.
#[test]
fn the_result_of_a_fleet_is_wrong_if_and_only_if_corruption_escaped() {
    let verify = |coverage: f64| {
        let text = format!("{{ cost = \"10 s\", coverage = {coverage} }}");
        format!("checkpoint.coordinated.verify={text}")
    };
    let keep = "checkpoint.coordinated.keep=3".to_owned();
    let path = root().join("scenarios/smoke/silent_escape.toml");
    let sets =
        [vec![], vec![verify(1.0)], vec![verify(0.5), keep.clone()], vec![verify(0.0), keep]];
    for (set, escaped) in sets.into_iter().zip([Some(2.0), Some(0.0), None, Some(2.0)]) {
        let set: Vec<_> = set.iter().map(String::as_str).collect();
        let plan = plan_of_file(&path, None, &set);
        let mut notices = Vec::new();
        let fleet = play_with(&plan, |plan, sink| Turmoil.play_noting(plan, sink, &mut notices));
        let result = notices.iter().find_map(|(_, notice)| match notice {
            Notice::Result { sum } => Some(*sum),
            _ => None,
        });
        assert!(result.is_some(), "the job ended: {set:?}");
        let is_right = result == Turmoil.expected(&plan);
        let truth = fleet.metric("corruptions_escaped");
        assert_eq!(is_right, truth < 0.5, "{set:?}: {truth} escaped");
        if let Some(escaped) = escaped {
            has(&fleet, "corruptions_escaped", escaped);
        }
        let model = play_file(&path, None, &set);
        for name in ["rollbacks", "checkpoints_discarded", "verifications"] {
            let of = |played: &Played| {
                let metrics = &played.findings.metrics;
                metrics.iter().find(|metric| metric.name == name).map(|metric| metric.value)
            };
            assert_eq!(of(&model), of(&fleet), "{name} with {set:?}");
        }
    }
}
