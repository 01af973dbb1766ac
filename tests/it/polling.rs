//! A head that polls nodes: lost datagrams, ages, deaths, and the death of the head itself.

use rackstorm::event::{TaskAct, TaskKind, What};

use crate::harness::{Measured, Played, measure_text, play_text};
use crate::jobs::machine;

/// A head, `pi1`, polls the others of a machine.
fn polling(nodes: u32, keys: &str, rest: &str) -> String {
    let polled = format!("nodes = \"pi[2-{nodes}]\"\nhead = \"pi1\"\n");
    let table = format!("[polling]\nlatency = \"0 s\"\nservice = \"0 s\"\n{polled}{keys}\n");
    machine(nodes, &format!("{table}{rest}"))
}

fn near(found: f64, wanted: f64, half: f64) {
    assert!((found - wanted).abs() < half, "{found} +- {half}, not {wanted}");
}

/// Each of 1 + retries requests is answered with the probability (1 - p)²: of 40,000 polls the
/// share that fails, and the requests a poll takes, as the geometric law says. Seed 1, 99 %.
#[test]
fn polls_fail_as_often_as_the_binomial_law_says() {
    for (loss, retries) in [(0.1_f64, 0), (0.3, 2), (0.5, 5)] {
        let keys = format!("rounds = 400\nevery = \"30 s\"\nloss = {loss}\nretries = {retries}");
        let run = measure_text(&polling(101, &keys, ""), None);
        let (n, miss) = (40_000.0, 1.0 - (1.0 - loss).powi(2));
        let tries = retries + 1;
        let fails = miss.powi(tries);
        near(run.metric("polls"), n, 1e-9);
        let found = run.metric("polls_failed") / n;
        near(found, fails, 2.576 * (fails * (1.0 - fails) / n).sqrt());
        // A poll takes k requests or more with the probability of k - 1 misses.
        let mean: f64 = (0..tries).map(|k| miss.powi(k)).sum();
        let square: f64 = (0..tries).map(|k| f64::from(2 * k + 1) * miss.powi(k)).sum();
        let half = 2.576 * ((square - mean * mean) / n).sqrt();
        near(run.metric("poll_requests") / n, mean, half.max(1e-9));
    }
}

/// Without loss what is shown is half a period old on average, and never older than a period. With
/// loss, of nodes that are never shown as down, it is T (2 - s) / (2 s), as a poll succeeds with
/// the probability s: 200 nodes, 2,000 rounds, within 1 % (the ages of a node depend on each other
/// over a few rounds only). Up to the end of the last round.
#[test]
fn what_is_shown_is_as_old_as_renewal_theory_says() {
    let keys = "rounds = 2000\nevery = \"30 s\"";
    let run = measure_text(&polling(11, keys, ""), None);
    near(run.metric("status_age_mean"), 15.0, 0.01);
    near(run.metric("status_age_max"), 30.0, 0.01);
    near(run.metric("status_age_p99"), 29.7, 30.0 / 128.0);
    near(run.metric("status_right"), 1.0 - run.metric("status_unknown"), 1e-9);
    let keys = "rounds = 2000\nevery = \"30 s\"\nloss = 0.4\nretries = 0\nfails = 1000";
    let run = measure_text(&polling(201, keys, ""), None);
    let s = 0.36;
    near(run.metric("status_age_mean"), 30.0 * (2.0 - s) / (2.0 * s), 0.7);
    near(run.metric("status_false_alarms"), 0.0, 1e-9);
}

/// A crash of these nodes at a time (s), for some minutes.
fn crash(on: &str, at: f64, minutes: u32) -> String {
    format!("[[fault.crash]]\non = \"{on}\"\nat = \"{at} s\"\nrepair = \"{minutes} min\"\n")
}

fn shown(run: &Measured) -> (f64, f64) {
    let deaths = run.metric("status_deaths_shown");
    (deaths, run.metric("status_death_shown_max"))
}

/// A round is at 60, 90, ... s. Who dies at 100 s is asked at 120 s and given up 6 s later, by the
/// defaults of net-snmp; with a loop over ten nodes, the second of two that are dead waits for the
/// first; who is back before the round is never missed.
#[test]
fn a_death_is_shown_when_the_last_try_has_timed_out() {
    let keys = "rounds = 100\nevery = \"30 s\"\nat = \"60 s\"";
    let run = measure_text(&polling(11, keys, &crash("pi5", 100.0, 5)), None);
    let (deaths, at) = shown(&run);
    near(deaths, 1.0, 1e-9);
    near(at, 26.0, 1e-6);
    let both = crash("pi[5,9]", 100.0, 5);
    let run = measure_text(&polling(11, &format!("{keys}\nparallel = 1"), &both), None);
    let (deaths, at) = shown(&run);
    near(deaths, 2.0, 1e-9);
    near(at, 32.0, 0.01);
    near(run.metric("poll_round_max"), 12.0, 0.01);
    let brief = "[[fault.crash]]\non = \"pi5\"\nat = \"100 s\"\nrepair = \"10 s\"\n";
    let run = measure_text(&polling(11, keys, brief), None);
    near(run.metric("status_deaths_missed"), 1.0, 1e-9);
    assert_eq!((run.metric("status_deaths_shown"), run.metric("polls_failed")), (0.0, 0.0));
}

fn count(played: &Played, kind: TaskKind, act: TaskAct) -> usize {
    let is_it = |what: &What| match *what {
        What::Task { kind: of, act: its, .. } => (of, its) == (kind, act),
        _ => false,
    };
    played.count(is_it)
}

/// While the head is down nothing is shown, and nobody hears of who dies meanwhile and stays so but
/// at its first round after that; all that it showed is forgotten.
#[test]
fn the_death_of_the_head_makes_the_dashboard_blind() {
    let keys = "rounds = 100\nevery = \"30 s\"\nat = \"60 s\"";
    let faults = crash("pi3", 100.0, 40) + &crash("pi1", 605.0, 10) + &crash("pi7", 700.0, 20);
    let text = polling(11, keys, &faults);
    let played = play_text(&text, None);
    assert_eq!(count(&played, TaskKind::HeadOutage, TaskAct::Begin), 1);
    assert_eq!(count(&played, TaskKind::StatusDown, TaskAct::Lose), 1, "pi3 was shown");
    assert_eq!(count(&played, TaskKind::StatusDown, TaskAct::Begin), 3, "and is shown again");
    // pi7 died at 700 s; the head is back at 1205 s, begins at 1230 s and gives up after 6 s.
    near(played.metric("status_deaths_shown"), 2.0, 1e-9);
    near(played.metric("status_death_shown_max"), 536.0, 0.01);
    // From 605 to 1230 s of ten nodes; two of them for six seconds more.
    let whole = 10.0 * (played.metric("run_time") - 60.0);
    near(played.metric("status_unknown") * whole, 10.0 * 625.0 + 2.0 * 6.0, 0.1);
}

/// The head may be dead at the end, all nodes may be, and a server may be the head.
#[test]
fn polling_ends_whoever_is_dead() {
    let keys = "rounds = 20\nevery = \"30 s\"";
    let run = measure_text(&polling(11, keys, &crash("pi1", 595.0, 60)), None);
    near(run.metric("run_time"), 595.0, 30.0);
    let run = measure_text(&polling(11, keys, &crash("pi[2-11]", 100.0, 60)), None);
    assert_eq!((run.metric("status_deaths_shown"), run.metric("polls_failed")), (10.0, 160.0));
    let server = polling(11, keys, "").replace("head = \"pi1\"", "head = \"server[1]\"");
    let run = measure_text(&server, None);
    near(run.metric("polls_answered"), 200.0, 1e-9);
}

/// An answer shares the head's link with what else goes there: n flows at once, n + 1 times as
/// long.
#[test]
fn an_answer_takes_longer_where_the_link_is_loaded() {
    let keys = "rounds = 1\nevery = \"30 s\"\nat = \"10 s\"\nanswer = \"1 MB\"";
    let slow = |text: String| text.replace("link = \"100 Gbit/s\"", "link = \"100 Mbit/s\"");
    let rows = "[transfers]\nrows = '''\nstart,source,destination,bytes\n9,pi3,pi1,100000000\n\
                9,pi4,pi1,100000000\n9,pi5,pi1,100000000\n'''\n";
    let idle = measure_text(&slow(polling(2, keys, "")), None).metric("poll_answer_mean");
    let busy = slow(polling(5, keys, rows).replace("pi[2-5]", "pi2"));
    let busy = measure_text(&busy, None).metric("poll_answer_mean");
    near(busy / idle, 4.0, 1e-3);
}
