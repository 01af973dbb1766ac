//! Jobs on nodes that compute at a share of their speed, against arithmetic.
//!
//! Ten steps of 10 s take 100 s. Whatever slows a node down for t seconds to the share f makes a
//! job on it t (1 - f) seconds longer, if it ends before the job does.

use rackstorm::backend::Backend;
use rackstorm::backend::model::Model;
use rackstorm::backend::turmoil::Turmoil;
use rackstorm::event::{Event, JobPhase, What};
use rackstorm::scenario;

use crate::harness::{Played, plan_of, play_on};

/// A job on four nodes of which one is a spare, with steps that take 100 s in all.
pub(crate) fn four(rest: &str) -> String {
    format!(
        r#"
schema = 1
title = "three nodes of four compute"
inherit = "edge_rack_24"
[cluster]
modules = 1
[module]
nodes = 4
spares = 1
packs = [4]
switches = 1
[boot]
method = "instant"
power_on = {{ stagger = "0 s" }}
[controller]
detect = "8 s"
settle = "0 s"
[workload.bulk-synchronous]
step = "10 s"
work = "100 s"
[stop]
at = "1 h"
{rest}"#
    )
}

/// Time from the last begin of a job's computing to its end (s).
pub(crate) fn computing(played: &Played) -> f64 {
    let phase = |wanted: JobPhase| {
        let times =
            played.times(|what| matches!(what, What::JobPhase { phase, .. } if *phase == wanted));
        times.last().copied().unwrap_or_else(|| panic!("the job is never {wanted:?}"))
    };
    phase(JobPhase::Done).since(phase(JobPhase::Compute)).as_secs_f64()
}

/// The same text on the model but for roundings, and under turmoil but for the messages of ten
/// steps, at some milliseconds each.
pub(crate) fn takes(text: &str, expected: f64) {
    let plan = plan_of(text);
    let stages: [(&dyn Backend, f64); 2] = [(&Model, 1e-6), (&Turmoil, 0.2)];
    for (stage, tolerance) in stages {
        let took = computing(&play_on(stage, &plan));
        let late = took - expected;
        let stage = stage.name();
        assert!((-1e-6..=tolerance).contains(&late), "{stage}: {took} in place of {expected}");
    }
}

fn load(on: &str, at: u32, lasts: u32, cpu: f64) -> String {
    format!(
        "[[fault.load]]\non = \"{on}\"\nat = \"{at} s\"\nrepair = \"{lasts} s\"\ncpu = {cpu:?}\n"
    )
}

#[test]
fn a_job_takes_the_time_of_its_slowest_node() {
    takes(&four(""), 100.0);
    takes(&four(&load("pi2", 0, 3_000, 0.5)), 200.0);
    takes(&four(&load("pi[1-3]", 0, 3_000, 0.2)), 125.0);
}

#[test]
fn who_burns_all_of_a_processor_leaves_half_of_it_to_a_job() {
    takes(&four(&load("pi2", 0, 3_000, 1.0)), 200.0);
}

#[test]
fn a_slow_node_without_the_job_slows_nothing_down() {
    takes(&four(&load("pi4", 0, 3_000, 0.5)), 100.0);
}

#[test]
fn a_change_of_pace_in_the_middle_of_a_step_stretches_only_what_is_left_of_it() {
    takes(&four(&load("pi2", 25, 30, 0.5)), 100.0 + 30.0 * 0.5);
}

#[test]
fn of_loads_that_overlap_the_heaviest_counts() {
    let both = load("pi2", 20, 40, 0.5) + &load("pi2", 30, 60, 0.2);
    takes(&four(&both), 100.0 + 40.0 * 0.5 + 30.0 * 0.2);
    let apart = load("pi1", 20, 40, 0.5) + &load("pi3", 30, 60, 0.2);
    takes(&four(&apart), 100.0 + 40.0 * 0.5 + 30.0 * 0.2);
}

/// The second node is off for a minute, the spare one for longer.
fn without_spare() -> String {
    let crash = |node, lasts| {
        format!("[[fault.crash]]\non = \"pi{node}\"\nat = \"15 s\"\nrepair = \"{lasts} s\"\n")
    };
    crash(2, 60) + &crash(4, 300)
}

#[test]
fn a_node_that_was_slowed_down_while_it_was_off_is_slow_when_it_is_back() {
    let crash = without_spare();
    // The step that was done before the crash is rework, and nine are left.
    takes(&four(&(crash + &load("pi2", 30, 3_000, 0.5))), 180.0);
}

#[test]
fn verifying_takes_longer_on_a_slow_node_and_a_checkpoint_of_fixed_cost_does_not() {
    let verify = "[checkpoint.coordinated]\ninterval = \"50 s\"\n\
                  cost = { write = \"4 s\", read = \"4 s\", downtime = \"0 s\" }\n\
                  verify = { cost = \"6 s\", per_checkpoint = 1, coverage = 1.0 }\n";
    let [whole, slow] = ["", &load("pi2", 0, 3_000, 0.5)].map(|load| {
        let played = play_on(&Model, &plan_of(&four(&(verify.to_owned() + load))));
        [JobPhase::Compute, JobPhase::Verify, JobPhase::Checkpoint]
            .map(|phase| time(&played, phase))
    });
    let [compute, verify, checkpoint] = whole;
    assert!((compute, checkpoint) == (100.0, 4.0) && verify >= 6.0, "{whole:?}");
    let right = [200.0, 2.0 * verify, 4.0];
    assert!(slow.iter().zip(right).all(|(got, want)| (got - want).abs() < 1e-6), "{slow:?}");
}

/// Time that a job spent in a phase (s).
pub(crate) fn time(played: &Played, wanted: JobPhase) -> f64 {
    let phase = |event: &Event| match event.what {
        What::JobPhase { phase, .. } => Some((event.at, phase)),
        _ => None,
    };
    let phases: Vec<_> = played.events.iter().filter_map(phase).collect();
    let spans = phases.windows(2).filter(|two| two[0].1 == wanted);
    spans.map(|two| two[1].0.since(two[0].0).as_secs_f64()).sum()
}

fn slow_down(on: &str, at: u32, lasts: u32, share: f64) -> String {
    format!(
        "[[fault.slow-down]]\non = \"{on}\"\nat = \"{at} s\"\nrepair = \"{lasts} s\"\n\
         share = {share:?}\n"
    )
}

#[test]
fn a_job_with_one_node_at_half_speed_takes_twice_as_long() {
    takes(&four(&slow_down("pi2", 0, 3_000, 0.5)), 200.0);
    takes(&four(&slow_down("pi4", 0, 3_000, 0.5)), 100.0);
}

#[test]
fn a_node_that_is_repaired_in_the_middle_of_a_step_does_the_rest_of_it_at_full_speed() {
    takes(&four(&slow_down("pi2", 17, 26, 0.25)), 100.0 + 26.0 * 0.75);
}

#[test]
fn of_slow_downs_and_loads_that_overlap_the_smallest_share_counts() {
    let twice = slow_down("pi2", 20, 40, 0.5) + &slow_down("pi2", 30, 60, 0.8);
    takes(&four(&twice), 100.0 + 40.0 * 0.5 + 30.0 * 0.2);
    let loaded = slow_down("pi2", 20, 40, 0.8) + &load("pi2", 30, 20, 0.4);
    takes(&four(&loaded), 100.0 + 20.0 * 0.2 + 20.0 * 0.4);
}

#[test]
fn a_node_that_is_cycled_stays_as_slow_as_it_was() {
    let crash = without_spare();
    takes(&four(&(crash + &slow_down("pi2", 0, 3_000, 0.5))), 200.0);
}

#[test]
fn a_file_server_at_half_its_speed_takes_twice_as_long_for_a_checkpoint() {
    let checkpoint = "[server]\ndisk = \"3 MB/s\"\ndisk_request = \"0 s\"\n\
                      [checkpoint.coordinated]\ninterval = \"50 s\"\nsize = \"20 MB\"\n\
                      to = \"file-server\"\n";
    for (share, expected) in [(None, 20.0), (Some(0.5), 40.0)] {
        let slow = share.map_or_else(String::new, |f| slow_down("file-server", 0, 3_000, f));
        let plan = plan_of(&four(&(checkpoint.to_owned() + &slow)));
        let stages: [(&dyn Backend, f64); 2] = [(&Model, 1e-6), (&Turmoil, 0.1)];
        for (stage, tolerance) in stages {
            let played = play_on(stage, &plan);
            let took = time(&played, JobPhase::Checkpoint) - expected;
            assert!((-1e-6..=tolerance).contains(&took), "{}: {took}", stage.name());
        }
    }
}

#[test]
fn a_share_of_nothing_and_a_radius_about_a_server_are_refused() {
    let refused = |text: &str| {
        let mistakes = scenario::read("slow", &four(text)).expect_err("a mistake");
        mistakes.render(false)
    };
    let text = refused(&slow_down("pi2", 0, 10, 0.0));
    assert!(text.contains("share") && text.contains("0.001"), "{text}");
    let lives = "[[fault.slow-down]]\non = \"file-server\"\nradius = \"blade\"\nshare = 0.5\n\
                 lifetime = { exponential = { mean = \"1 h\" } }\n";
    let text = refused(lives);
    assert!(text.contains("a `radius` about what is no node"), "{text}");
    assert!(refused("[[fault.slow-down]]\non = \"pi2\"\nat = \"1 s\"\n").contains("share"));
}
