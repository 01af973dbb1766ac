//! Workloads that are no jobs: closed forms, and what becomes of them when nodes stop.

#![allow(clippy::float_cmp, reason = "counts are whole numbers, and some times are exact")]

use rackstorm::analysis::TaskFinding;
use rackstorm::event::{EndReason, TaskAct, TaskKind, What};
use rackstorm::{Outcome, read};

use crate::transfers::{machine, play};

/// Nodes behind one switch, and a workload.
fn outcome(nodes: u32, text: &str) -> Outcome {
    play(&machine(nodes, nodes, "1 Gbit/s", text)).0
}

fn metric(outcome: &Outcome, name: &str) -> f64 {
    let found = outcome.findings.metric(name);
    found.unwrap_or_else(|| panic!("there is no `{name}`")).value
}

#[track_caller]
fn assert_near(value: f64, expected: f64, slack: f64) {
    assert!((value - expected).abs() <= slack, "{value} where {expected} ± {slack} is right");
}

/// Status of the tasks of a node, in the order of their begin.
fn of_node(outcome: &Outcome, node: u32) -> Vec<&str> {
    let own = |row: &&TaskFinding| row.node == Some(node);
    outcome.findings.tasks.iter().filter(own).map(|row| row.status.as_str()).collect()
}

// ---- sort

/// 500,000 numbers of 8 bytes on so many nodes; a comparison takes 2.43 µs, and a byte 80 ns.
fn sort(nodes: u32, more: &str) -> Outcome {
    let set = format!("pi[1-{nodes}]");
    let table =
        format!("[sort]\nnodes = \"{set}\"\nnumbers = 500000\ncompare = \"2.43 us\"\n{more}");
    outcome(nodes, &table)
}

fn sorting(numbers: f64) -> f64 {
    2.43e-6 * numbers * numbers.log2()
}

#[test]
fn one_node_sorts_n_numbers_in_n_log_n_comparisons() {
    let outcome = sort(1, "");
    assert_eq!(outcome.end, Some(EndReason::WorkDone));
    assert_near(metric(&outcome, "sort_time"), sorting(500_000.0), 1e-6);
    assert_near(metric(&outcome, "sort_merge_time"), 0.0, 1e-9);
}

#[test]
fn two_nodes_sort_half_each_and_the_first_merges() {
    let way = 250_000.0 * 8.0 * 8e-8;
    let expected = 2.0 * way + sorting(250_000.0) + 2.43e-6 * 500_000.0;
    assert_near(metric(&sort(2, ""), "sort_time"), expected, 1e-6);
}

#[test]
fn merging_bends_the_curve_of_a_sort_until_more_nodes_gain_nothing() {
    let at = |nodes| metric(&sort(nodes, ""), "sort_time");
    let times: Vec<f64> = [1, 2, 4, 8, 16, 32, 64].map(at).to_vec();
    // Each doubling halves the sorting and adds a round of merging, of 1.2 s.
    assert!(times.windows(2).take(3).all(|two| two[1] < two[0]), "{times:?}");
    assert!(times[6] > times[4], "{times:?}");
    let bound = sorting(500_000.0 / 64.0) + 2.43e-6 * 500_000.0 * 6.0;
    assert!(times[6] > bound && times[6] < bound + 0.7, "{times:?}");
}

#[test]
fn a_part_whose_node_crashes_is_sorted_by_another() {
    let crash = "[[fault.crash]]\non = \"pi2\"\nat = \"5 s\"\nrepair = \"1 h\"\n";
    let outcome = sort(2, crash);
    assert_eq!(outcome.end, Some(EndReason::WorkDone));
    assert_eq!(metric(&outcome, "sort_parts_retried"), 1.0);
    let merging = 2.43e-6 * 500_000.0;
    let expected = 2.0 * sorting(250_000.0) + merging;
    assert_near(metric(&outcome, "sort_time"), expected, 1e-6);
    assert_eq!(of_node(&outcome, 2), ["retried"]);
}

#[test]
fn a_sort_whose_first_node_crashes_begins_anew_when_it_is_back() {
    let crash = "[[fault.crash]]\non = \"pi1\"\nat = \"5 s\"\nrepair = \"60 s\"\n";
    let outcome = sort(2, crash);
    let alone = metric(&sort(2, ""), "sort_time");
    assert_near(metric(&outcome, "sort_time"), 65.0 + alone, 1e-6);
    assert_eq!(metric(&outcome, "sort_tasks_lost"), 2.0);
}

#[test]
fn a_node_at_half_its_speed_sorts_for_twice_as_long() {
    let slow = "[[fault.slow-down]]\non = \"pi1\"\nat = \"5 s\"\nshare = 0.5\n";
    let outcome = sort(1, slow);
    assert_near(metric(&outcome, "sort_time"), 2.0 * sorting(500_000.0) - 5.0, 1e-6);
}

#[test]
fn a_sort_waits_for_its_nodes_as_long_as_it_has_patience() {
    let down = "[[fault.crash]]\non = \"pi2\"\nat = \"0 s\"\nrepair = \"1 d\"\n";
    let outcome = sort(2, &format!("at = \"10 s\"\npatience = \"20 s\"\n{down}"));
    assert_eq!(outcome.findings.tasks[0].begin_s, 30.0);
    assert_eq!(of_node(&outcome, 2), [""; 0]);
}

// ---- rollout

/// 100 MB to all nodes but the first, which has them; 100 Mbit/s are 8 s for each copy.
fn rollout(nodes: u32, method: &str, more: &str) -> Outcome {
    let table = format!(
        "[rollout]\nnodes = \"pi[2-{nodes}]\"\nsource = \"pi1\"\nmethod = \"{method}\"\n\
         size = \"100 MB\"\npiece = \"1 MB\"\n{more}"
    );
    outcome(nodes, &table)
}

#[test]
fn one_source_sends_each_copy_over_its_own_link() {
    let outcome = rollout(13, "source", "");
    assert_eq!(outcome.end, Some(EndReason::WorkDone));
    assert_near(metric(&outcome, "rollout_time"), 12.0 * 8.0, 1e-6);
    assert_eq!(metric(&outcome, "rollout_done"), 12.0);
}

#[test]
fn along_a_chain_each_node_waits_for_the_first_piece_only() {
    let expected = (100.0 + 11.0) * 0.08;
    assert_near(metric(&rollout(13, "chain", ""), "rollout_time"), expected, 1e-6);
}

#[test]
fn peers_are_near_the_time_of_one_copy_and_never_below() {
    for nodes in [3, 13, 65] {
        let time = metric(&rollout(nodes, "peers", ""), "rollout_time");
        assert!((8.0..24.0).contains(&time), "{time} with {nodes} nodes");
    }
}

#[test]
fn a_chain_passes_over_a_node_that_is_down_and_brings_it_the_rest_when_it_is_back() {
    let crash = "[[fault.crash]]\non = \"pi5\"\nat = \"4 s\"\nrepair = \"60 s\"\n";
    for method in ["source", "chain", "peers"] {
        let outcome = rollout(13, method, crash);
        assert_eq!(outcome.end, Some(EndReason::WorkDone), "{method}");
        assert_eq!(metric(&outcome, "rollout_done"), 12.0, "{method}");
        assert_eq!(metric(&outcome, "rollout_stops"), 1.0, "{method}");
        assert_eq!(of_node(&outcome, 5), ["retried", "done"], "{method}");
    }
    let chain = rollout(13, "chain", crash);
    let others = chain.findings.tasks.iter().filter(|row| row.node != Some(5));
    let last = others.map(|row| row.end_s).fold(0.0, f64::max);
    assert!(last < 10.0, "{last}: the others do not wait for it");
}

#[test]
fn a_rollout_waits_for_its_source() {
    let crash = "[[fault.crash]]\non = \"pi1\"\nat = \"4 s\"\nrepair = \"60 s\"\n";
    let outcome = rollout(13, "chain", crash);
    // What was on its way is lost, and the last pieces come when the source is back.
    let time = metric(&outcome, "rollout_time");
    assert!(time > 64.0 && time < 70.0, "{time}");
    assert_eq!(metric(&outcome, "rollout_done"), 12.0);
}

/// All at one instant: who is heard of first must not get the work of those that follow.
#[test]
fn nodes_that_stop_together_get_no_work_of_each_other() {
    let crash = "[[fault.crash]]\non = \"pi[3-9]\"\nat = \"4 s\"\nrepair = \"30 s\"\n";
    for method in ["source", "chain", "peers"] {
        let outcome = rollout(13, method, crash);
        assert_eq!(outcome.end, Some(EndReason::WorkDone), "{method}");
        assert_eq!(metric(&outcome, "rollout_done"), 12.0, "{method}");
    }
    for parts in ["", "parts = 100\n"] {
        let outcome = sort(13, &format!("{parts}{}", crash.replace("4 s", "1 s")));
        assert_eq!(outcome.end, Some(EndReason::WorkDone));
        assert_eq!(metric(&outcome, "sort_parts_retried"), 7.0);
    }
    let all = crash.replace("pi[3-9]", "pi[1-13]");
    assert_eq!(rollout(13, "peers", &all).end, Some(EndReason::WorkDone));
    assert_eq!(sort(13, &all.replace("4 s", "1 s")).end, Some(EndReason::WorkDone));
}

#[test]
fn one_piece_and_one_node_are_a_rollout() {
    let small = "[rollout]\nnodes = \"pi1\"\nsource = \"server[1]\"\nmethod = \"peers\"\n\
                 size = \"1 B\"\n";
    assert_near(metric(&outcome(1, small), "rollout_time"), 8e-8, 1e-9);
}

// ---- multicast

fn multicast(nodes: u32, more: &str) -> (Outcome, Vec<What>) {
    let table =
        format!("[multicast]\nnodes = \"pi[2-{nodes}]\"\nfrom = \"pi1\"\nat = \"10 s\"\n{more}");
    play(&machine(nodes, nodes, "1 Gbit/s", &table))
}

/// Seed 1, n = 100 nodes times 400 datagrams: binomial with mean n p, 99 % by the normal law.
#[test]
fn datagrams_are_missed_as_often_as_they_are_lost() {
    let (outcome, _) = multicast(101, "shots = 400\nloss = 0.02\n");
    let (n, p) = (40_000.0_f64, 0.02);
    let missed = metric(&outcome, "triggers_missed");
    assert_near(missed, n * p, 2.576 * (n * p * (1.0 - p)).sqrt());
    assert_eq!(metric(&outcome, "triggers") + missed, n);
}

/// Seed 1, n = 400 datagrams: the range of k even numbers has mean (k - 1) / (k + 1) and variance
/// 2 (k - 1) / ((k + 1)² (k + 2)) (David and Nagaraja, "Order Statistics", 2003).
#[test]
fn the_mean_skew_is_that_of_the_range_of_even_numbers() {
    let (outcome, events) = multicast(101, "shots = 400\njitter = \"1 s\"\nlatency = \"1 ms\"\n");
    let mut spans = vec![Vec::new(); 400];
    for what in &events {
        if let What::Task { kind: TaskKind::Trigger, number, act: TaskAct::End, span, .. } = what {
            spans[*number as usize / 100].push(span.as_secs_f64());
        }
    }
    let range = |all: &Vec<f64>| {
        let ends = all.iter().fold((f64::MAX, 0.0_f64), |(a, b), it| (a.min(*it), b.max(*it)));
        ends.1 - ends.0
    };
    let ranges: Vec<f64> = spans.iter().map(range).collect();
    let mean = ranges.iter().sum::<f64>() / 400.0;
    let k = 100.0_f64;
    let deviation = (2.0 * (k - 1.0) / ((k + 1.0).powi(2) * (k + 2.0)) / 400.0).sqrt();
    assert_near(mean, (k - 1.0) / (k + 1.0), 2.576 * deviation);
    let largest = ranges.iter().copied().fold(0.0, f64::max);
    assert_near(metric(&outcome, "trigger_skew_max"), largest, 1e-9);
}

#[test]
fn uploads_after_a_trigger_share_the_link_of_whoever_gets_them() {
    let (outcome, _) = multicast(13, "upload = \"5 MB\"\nprepare = \"2 s\"\n");
    assert_eq!(outcome.end, Some(EndReason::WorkDone));
    assert_near(metric(&outcome, "upload_time_max"), 2.0 + 12.0 * 0.4, 1e-6);
    assert_eq!(metric(&outcome, "uploads_done"), 12.0);
}

#[test]
fn a_node_that_stops_misses_its_trigger_or_loses_its_upload() {
    let crash = |at| format!("[[fault.crash]]\non = \"pi5\"\nat = \"{at}\"\nrepair = \"1 d\"\n");
    let at = |at| multicast(13, &format!("upload = \"5 MB\"\nprepare = \"2 s\"\n{}", crash(at))).0;
    let before = at("9 s");
    assert_eq!((metric(&before, "triggers"), metric(&before, "triggers_missed")), (11.0, 1.0));
    for after in ["11 s", "13 s"] {
        let outcome = at(after);
        assert_eq!(metric(&outcome, "triggers"), 12.0);
        assert_eq!(
            (metric(&outcome, "uploads_done"), metric(&outcome, "uploads_lost")),
            (11.0, 1.0)
        );
    }
}

#[test]
fn a_sender_that_is_down_triggers_nobody() {
    let crash = "[[fault.crash]]\non = \"pi1\"\nat = \"9 s\"\nrepair = \"1 d\"\n";
    let (outcome, _) = multicast(13, &format!("shots = 2\n{crash}"));
    assert_eq!(metric(&outcome, "triggers_missed"), 24.0);
    assert_eq!(outcome.end, Some(EndReason::WorkDone));
}

// ---- all

#[test]
fn workloads_run_next_to_each_other_and_the_last_ends_the_run() {
    let text = "[rollout]\nnodes = \"pi[2-4]\"\nsource = \"pi1\"\nmethod = \"chain\"\n\
                size = \"100 MB\"\n\
                [multicast]\nnodes = \"pi[2-4]\"\nfrom = \"pi1\"\nat = \"1 h\"\n";
    let outcome = outcome(4, text);
    assert_eq!(outcome.end, Some(EndReason::WorkDone));
    assert_eq!(metric(&outcome, "run_time"), 3600.0);
}

#[test]
fn a_scenario_with_all_of_them_is_written_out_and_read_again() {
    let text = machine(
        4,
        4,
        "1 Gbit/s",
        "[sort]\nnodes = \"pi[1-2]\"\nnumbers = 7\ncompare = \"1 us\"\nparts = 3\n\
         [rollout]\nnodes = \"pi[1-4]!pi1\"\nsource = \"pi1\"\nmethod = \"peers\"\n\
         size = \"9 MB\"\n[multicast]\nnodes = \"pi[2-4]\"\nfrom = \"server[1]\"\n\
         upload = \"1 kB\"\nloss = 0.25\n",
    );
    let scenario = read("all", &text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let again = rackstorm::scenario::text(&scenario);
    let again = read("all", &again).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert_eq!(again.workloads, scenario.workloads);
    assert_eq!(again.workloads.names(), ["sort", "rollout", "multicast"]);
}
