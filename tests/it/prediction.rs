//! Alarms before failures: what they save, what they cost, and what becomes of those in vain.

use rackstorm::event::{Event, JobPhase, What};
use rackstorm::theory::Costs;
use rackstorm::theory::predictor::Predictor;
use rackstorm::units::{Span, Time};

use crate::harness::{Played, play_text};

/// Half the width of a normal law's 99 % interval, in standard deviations.
const NINETY_NINE: f64 = 2.576;

/// Machines of `nodes` nodes that all work, with fixed costs of 60 s and 30 s; each node is as good
/// as new 30 s after a crash.
fn machine(nodes: u32, fault: &str, work: &str, interval: u64, step: u64) -> String {
    format!(
        r#"
schema = 1
title = "crashes that are foreseen"
[cluster]
hardware = "pi_3b"
[module]
nodes = {nodes}
spares = 0
packs = [{nodes}]
switches = 1
psu = [{{ packs = [1], switches = [1], limit = "1 kW", restart = "10 s" }}]
[boot]
method = "instant"
[controller]
detect = "0 s"
settle = "0 s"
[[fault.crash]]
on = "node"
repair = "30 s"
{fault}
[workload.bulk-synchronous]
step = "{step} s"
work = "{work}"
[checkpoint.coordinated]
interval = "{interval} s"
cost = {{ write = "60 s", read = "30 s" }}
[stop]
when = "workload done"
at = "90 y"
[record]
sample = "1 y"
"#
    )
}

fn foreseen(mean: &str, recall: f64, precision: f64, lead: u64) -> String {
    format!(
        "lifetime = {{ exponential = {{ mean = \"{mean}\" }} }}\n\
         prediction = {{ recall = {recall}, precision = {precision}, lead = \"{lead} s\" }}"
    )
}

/// C = 60 s, R = D = 30 s, M = 120,000 s, r = 0.5 and p = 0.8: T* = 5,366.6 s, in whole steps
/// 5,460 s, which is 0.046 M. The lead is just long enough for a step and a checkpoint, so that an
/// announced failure throws half a step away on average, which the formula leaves out.
///
/// Its own errors: proactive checkpoints put regular ones off (-0.7 %), second order (-0.6 %). The
/// spread of 14,400 failures is 0.65 %.
#[test]
fn the_waste_of_foreseen_failures_is_that_of_the_closed_form() {
    const MTBF: f64 = 120_000.0;
    let predictor = Predictor { recall: 0.5, precision: 0.8, write: 60.0 };
    let costs = Costs { write: 60.0, recovery: 30.0, downtime: 30.0 };
    let best = predictor.period(costs, MTBF);
    assert!((best - 5_366.6).abs() < 0.1, "{best}");
    let text = machine(1, &foreseen("120000 s", 0.5, 0.8, 360), "2500 d", 5_400, 300);
    let seeds = 0..8;
    let waste: f64 = seeds.clone().map(|seed| play_text(&text, Some(seed)).metric("waste")).sum();
    let waste = waste / seeds.count() as f64;
    let half_a_step = 0.5 * 150.0 / MTBF;
    let wanted = predictor.waste(5_460.0, costs, MTBF) + half_a_step;
    assert!((waste / wanted - 1.0).abs() < 0.03, "{waste}, not {wanted}");
    let blind = libm::sqrt(2.0 * 60.0 / MTBF);
    assert!(waste < 0.8 * blind, "without alarms it is {blind} at best");
}

/// With nothing announced nothing happens that does not happen without a predictor.
#[test]
fn a_recall_of_zero_is_the_run_without_prediction() {
    let with = foreseen("30 h", 0.0, 0.5, 300);
    let without = with.lines().next().expect("its lifetime").to_owned();
    let play = |fault: &str| play_text(&machine(16, fault, "20 d", 3_600, 60), Some(5));
    let (with, without) = (play(&with), play(&without));
    assert!(with.events == without.events, "one seed, one run");
    assert!(with.metric("interrupts") > 50.0);
    assert!(with.metric("alarms").abs() < 0.5);
}

/// What each failure threw away.
fn losses(played: &Played) -> impl Iterator<Item = Span> {
    played.events.iter().filter_map(|event| match event.what {
        What::WorkLost { lost, .. } => Some(lost),
        _ => None,
    })
}

#[test]
fn when_all_is_announced_in_time_no_more_than_the_lead_and_a_step_is_lost() {
    const STEP: u64 = 60;
    for (lead, precision) in [(125, 1.0), (125, 0.3), (600, 0.8)] {
        let fault = foreseen("40 h", 1.0, precision, lead);
        // No regular checkpoint in an hour's distance: only alarms save.
        let text = machine(16, &fault, "30 d", 86_400, STEP);
        let most = Span::from_secs(lead + STEP);
        for seed in 0..4 {
            let played = play_text(&text, Some(seed));
            assert!(losses(&played).count() > 100);
            let worst = losses(&played).max().expect("some");
            assert!(worst <= most, "{worst} lost; lead {lead} s, seed {seed}");
            assert!(played.metric("faults_unforeseen").abs() < 0.5);
        }
    }
    // A lead that is shorter than a checkpoint saves nothing.
    let late = machine(16, &foreseen("400 h", 1.0, 1.0, 50), "30 d", 86_400, STEP);
    assert!(losses(&play_text(&late, Some(1))).max() > Some(Span::from_secs(3_600)));
}

#[test]
fn the_alarms_of_a_run_have_the_recall_and_the_precision_of_its_scenario() {
    let text = machine(16, &foreseen("30 h", 0.7, 0.4, 300), "100 d", 3_600, 60);
    let played = play_text(&text, Some(3));
    let [all, met, vain, missed] =
        ["alarms", "alarms_true", "alarms_false", "faults_unforeseen"].map(|m| played.metric(m));
    assert!(met + missed > 1_000.0, "{met} {missed}");
    assert!((played.metric("faults") - met - missed).abs() < 0.5 && all - met - vain < 3.0);
    let half = |share: f64, n: f64| NINETY_NINE * f64::sqrt(share * (1.0 - share) / n);
    let recall = met / (met + missed);
    assert!((recall - 0.7).abs() < half(0.7, met + missed), "{recall}");
    let precision = met / (met + vain);
    assert!((precision - 0.4).abs() < half(0.4, met + vain), "{precision}");
}

fn seconds(seconds: u64) -> Time {
    Time::ZERO + Span::from_secs(seconds)
}

/// A life of 1,000 s; its end is announced 200 s before. The supply fails at 900 s for 50 s.
#[test]
fn an_alarm_whose_strike_is_put_off_is_false_and_raised_again() {
    let fault = "lifetime = { fixed = \"1000 s\" }\nage = \"new\"\n\
                 prediction = { recall = 1, precision = 1, lead = \"200 s\" }\n\
                 [[fault.power-loss]]\non = \"module[1]/psu[1]\"\nat = \"900 s\"\n\
                 repair = \"50 s\"";
    let text = machine(1, fault, "1 h", 100_000, 100).replace("at = \"90 y\"", "at = \"1100 s\"");
    let played = play_text(&text, None);
    let alarms = |event: &Event| match event.what {
        What::Alarm { lead, .. } => Some((event.at, lead)),
        _ => None,
    };
    let alarms: Vec<_> = played.events.iter().filter_map(alarms).collect();
    let strike = seconds(950 + 100);
    let (first, again) = (Span::from_secs(200), Span::from_secs(100));
    assert_eq!(
        alarms[..2],
        [(seconds(800), first), (seconds(950), again)],
        "and the next life's comes later: {alarms:?}"
    );
    let crash = |what: &What| matches!(what, What::FaultStrikes { fault, .. } if fault.0 == 0);
    assert_eq!(played.times(crash), [strike]);
    assert!((played.metric("alarms_true") - 1.0).abs() < 0.5);
    assert!((played.metric("alarms_false") - 1.0).abs() < 0.5);
}

/// A step of 100 s, an alarm at 850 s and a strike at 1,000 s: the checkpoint begins at 900 s and
/// is complete at 960 s, so that the step under way since then is lost and nothing else.
#[test]
fn an_alarm_is_heeded_at_the_next_step_boundary() {
    let fault = "lifetime = { fixed = \"1000 s\" }\nage = \"new\"\n\
                 prediction = { recall = 1, precision = 1, lead = \"150 s\" }";
    let text = machine(1, fault, "1 h", 100_000, 100).replace("at = \"90 y\"", "at = \"1020 s\"");
    let played = play_text(&text, None);
    let writes = |what: &What| matches!(what, What::JobPhase { phase: JobPhase::Checkpoint, .. });
    assert_eq!(played.times(writes), [seconds(900)]);
    assert_eq!(losses(&played).collect::<Vec<_>>(), [Span::from_secs(40)]);
}
