//! Faults that overlap, that coincide, and that strike what is not ready for them.
//!
//! On the model and on the simulated fleet: the same machine, and so the same facts.

use rackstorm::backend::Backend;
use rackstorm::backend::model::Model;
use rackstorm::backend::turmoil::Turmoil;
use rackstorm::event::NodeState::{self, Down, Hung, Off, Up};
use rackstorm::event::{Cause, Fault, JobPhase, PartState, What};
use rackstorm::ids::{NodeId, PartKind};
use rackstorm::units::{Span, Time};

use crate::harness::{Played, plan_of, play_on};

/// Each of these on a stage.
macro_rules! on {
    ($stage:ident as $module:ident: $($name:ident),* $(,)?) => {
        mod $module {
            $(#[test]
            fn $name() {
                super::$name(&super::$stage);
            })*
        }
    };
}

/// Each of these on both stages: one machine, the same facts.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        on!(Model as model: $($name),*);
        on!(Turmoil as turmoil: $($name),*);
    };
}

on_both![
    each_of_two_bad_links_gets_its_own_rate_back_when_it_is_mended,
    the_smallest_share_counts_while_faults_of_one_link_overlap_in_any_order,
    the_answer_of_a_daemon_that_died_never_arrives,
    power_that_fails_again_begins_a_new_row_of_power_ons,
    a_node_that_hangs_while_it_boots_is_found_when_it_is_overdue,
    a_dead_node_on_a_dead_supply_is_down_and_not_off,
    a_repair_that_is_pending_is_not_cut_short_by_a_power_cycle,
    a_part_under_repair_does_not_fail_again,
    patience_with_a_silent_server_begins_anew_after_each_silence,
    two_supplies_that_are_too_small_brown_out_together,
    a_supply_too_small_for_its_switch_browns_out,
    verification_draws_what_computing_draws,
    nodes_that_wait_for_a_dead_controller_draw_what_idle_nodes_draw,
    a_dead_supply_gives_nothing_to_its_switch_and_nodes,
    a_node_that_gave_up_draws_what_a_halted_node_draws,
    a_boot_rom_may_ask_three_hundred_times,
    detection_and_downtime_begin_anew_with_each_failure,
    nodes_that_brown_out_as_they_come_up_are_not_all_up,
    power_that_comes_back_powers_no_node_before_its_turn,
    the_repair_of_an_old_hang_does_not_touch_a_new_one,
    faults_strike_at_the_first_instant,
    a_crash_of_a_node_that_nobody_reaches_leaves_the_job_alone,
    a_suspected_node_is_cycled_at_once_but_behind_a_cut_switch_when_that_is_whole,
    a_power_cycle_waits_until_the_controller_is_back,
    who_is_silent_when_the_controller_comes_back_has_the_detectors_time_anew,
];

// The fleet waits for heartbeats, so that a detector of no time is not for it; and what is due at
// the last instant finds the run over.
on![Model as of_the_model:
    failures_that_end_at_once_let_time_pass,
    faults_strike_at_the_last_instant,
];

/// One module of four nodes on one switch and one supply, or what a test makes of it.
fn four(stage: &dyn Backend, changes: &[(&str, &str)], rest: &str) -> Played {
    let mut text = r#"
schema = 1
title = "four nodes"
[cluster]
hardware = "pi_3b"
module = "cluster_module_150"
modules = 1
[hardware.boot]
offer_bug = false
[module]
nodes = 4
spares = 0
packs = [2, 2]
switches = 1
psu = [{ packs = [1, 2], switches = [1], limit = "1 kW", restart = "5 s" }]
[server]
disk_request = "0 s"
[boot]
method = "instant"
power_on = { stagger = "0 s" }
[controller]
detect = "10 s"
"#
    .to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    text.push_str(rest);
    let plan = plan_of(&text);
    assert_eq!(stage.cannot(&plan), [""; 0]);
    play_on(stage, &plan)
}

fn seconds(seconds: u64) -> Time {
    Time::ZERO + Span::from_secs(seconds)
}

fn in_seconds(times: &[Time]) -> Vec<u64> {
    times.iter().map(|time| time.0 / 1_000_000_000).collect()
}

/// On the fleet an order and its answers cross a network, a few milliseconds each time.
fn is_close(stage: &dyn Backend, took: f64, expected: f64) {
    let band = if stage.name() == "model" { 1e-6 } else { 0.05 };
    assert!((took - expected).abs() < band, "{took} against {expected}");
}

fn becomes(wanted: NodeState) -> impl Fn(&What) -> bool {
    move |what| matches!(what, What::NodeState { state, .. } if *state == wanted)
}

/// What a node went through.
fn story(run: &Played, id: u32) -> Vec<(u64, NodeState)> {
    let of_node = |what: &What| match *what {
        What::NodeState { node: NodeId(node), state, .. } if node == id => Some(state),
        _ => None,
    };
    let events = run.events.iter();
    events.filter_map(|event| Some((event.at.0 / 1_000_000_000, of_node(&event.what)?))).collect()
}

fn browns_out(what: &What) -> bool {
    matches!(what, What::PartState { part, state: PartState::Down, cause: Cause::BrownOut }
        if part.kind == PartKind::Psu)
}

fn each_of_two_bad_links_gets_its_own_rate_back_when_it_is_mended(stage: &dyn Backend) {
    let run = four(
        stage,
        &[],
        r#"
[[fault.link-degradation]]
on = "pi1/link"
at = "110 s"
share = 0.1
repair = "20 s"
[[fault.link-degradation]]
on = "pi2/link"
at = "120 s"
share = 0.1
repair = "20 s"
[workload.bulk-synchronous]
step = "100 s"
work = "200 s"
[checkpoint.coordinated]
size = "1 GB"
interval = "100 s"
[stop]
at = "1 d"
"#,
    );
    // Each lost nine tenths of 20 s; the others wait for them.
    let expected = 200.0 + 1e9 / (94.1e6 / 8.0) + 18.0;
    let took = run.metric("makespan");
    is_close(stage, took, expected);
}

fn the_smallest_share_counts_while_faults_of_one_link_overlap_in_any_order(stage: &dyn Backend) {
    let fault = |at: u64, share: &str, repair: u64| {
        format!(
            "[[fault.link-degradation]]\non = \"pi1/link\"\nat = \"{at} s\"\nshare = {share}\n\
             repair = \"{repair} s\"\n"
        )
    };
    let faults = fault(10, "0.5", 60)
        + &fault(20, "0.0", 10)
        + &fault(25, "0.1", 15)
        + "[stop]\nat = \"2 min\"";
    let run = four(stage, &[], &faults);
    let states = run.events.iter().filter_map(|event| match event.what {
        What::PartState { part, state, .. } if part.kind == PartKind::NodeLink => {
            Some((event.at.0 / 1_000_000_000, state))
        }
        _ => None,
    });
    let (half, tenth) = (PartState::Degraded(500_000), PartState::Degraded(100_000));
    let (up, down) = (PartState::Up, PartState::Down);
    let expected = [(10, half), (20, down), (25, down), (30, tenth), (40, half), (70, up)];
    assert_eq!(states.collect::<Vec<_>>(), expected);
}

fn the_answer_of_a_daemon_that_died_never_arrives(stage: &dyn Backend) {
    let run = four(
        stage,
        &[
            ("nodes = 4", "nodes = 1"),
            ("packs = [2, 2]", "packs = [1]"),
            ("packs = [1, 2]", "packs = [1]"),
            ("disk_request = \"0 s\"", "disk_request = \"0 s\"\ndhcp_service = \"10 s\""),
            ("\"instant\"", "\"pxe-nfs\""),
        ],
        r#"
[[fault.server-loss]]
on = "file-server"
at = "8 s"
repair = "1 s"
"#,
    );
    // Asked at 7 s, to be answered at 17 s; asked again at 12 s, and answered at 22 s.
    assert_eq!(in_seconds(&run.times(becomes(NodeState::Tftp))), [22]);
}

fn power_that_fails_again_begins_a_new_row_of_power_ons(stage: &dyn Backend) {
    let run = four(
        stage,
        &[("stagger = \"0 s\"", "stagger = \"10 s\"")],
        r#"
[[fault.power-loss]]
on = "psu[1]"
at = "100 s"
repair = "5 s"
[[fault.power-loss]]
on = "psu[1]"
at = "110 s"
repair = "2 s"
[stop]
at = "5 min"
"#,
    );
    let up = in_seconds(&run.times(becomes(NodeState::Up)));
    assert_eq!(up, [0, 10, 20, 30, 105, 112, 122, 132, 142]);
}

fn power_that_comes_back_powers_no_node_before_its_turn(stage: &dyn Backend) {
    let run = four(
        stage,
        &[("stagger = \"0 s\"", "stagger = \"100 s\"")],
        r#"
[[fault.power-loss]]
on = "psu[1]"
at = "5 s"
repair = "5 s"
[[fault.crash]]
on = "pi4"
at = "20 s"
repair = "5 s"
[stop]
at = "10 min"
"#,
    );
    assert_eq!(in_seconds(&run.times(becomes(NodeState::Up))), [0, 10, 100, 200, 300]);
    assert_eq!(story(&run, 3), [(5, Down), (10, Off), (20, Down), (25, Off), (300, Up)]);
}

fn a_node_that_hangs_while_it_boots_is_found_when_it_is_overdue(stage: &dyn Backend) {
    let run = four(
        stage,
        &[("\"instant\"", "\"sd\""), ("detect = \"10 s\"", "boot_timeout = \"90 s\"")],
        r#"
[[fault.hang]]
on = "pi1"
at = "1 s"
[[fault.hang]]
on = "pi2"
at = "1 s"
repair = "never"
[stop]
at = "5 min"
"#,
    );
    let off = |what: &What| matches!(what, What::NodeState { cause: Cause::Timeout, .. });
    assert_eq!(in_seconds(&run.times(off)), [90]);
    assert_eq!(
        story(&run, 0)[..3],
        [(0, NodeState::Rom), (1, NodeState::Hung), (90, NodeState::Off)]
    );
    assert_eq!(story(&run, 1), [(0, NodeState::Rom), (1, NodeState::Hung)]);
}

fn a_dead_node_on_a_dead_supply_is_down_and_not_off(stage: &dyn Backend) {
    let run = four(
        stage,
        &[],
        r#"
[[fault.crash]]
on = "pi1"
at = "60 s"
[[fault.power-loss]]
on = "psu[1]"
at = "65 s"
repair = "1 h"
[stop]
at = "2 h"
"#,
    );
    assert_eq!(story(&run, 0), [(0, Up), (60, Down), (3_665, Up)]);
}

fn a_repair_that_is_pending_is_not_cut_short_by_a_power_cycle(stage: &dyn Backend) {
    let run = four(
        stage,
        &[],
        r#"
[[fault.hang]]
on = "pi1"
at = "60 s"
[[fault.crash]]
on = "pi1"
at = "65 s"
repair = "1 h"
[stop]
at = "2 h"
"#,
    );
    assert_eq!(story(&run, 0), [(0, Up), (60, Hung), (65, Down), (3_665, Up)]);
}

fn the_repair_of_an_old_hang_does_not_touch_a_new_one(stage: &dyn Backend) {
    let run = four(
        stage,
        &[],
        r#"
[[fault.hang]]
on = "pi1"
at = "60 s"
repair = "10 min"
[[fault.power-loss]]
on = "psu[1]"
at = "70 s"
repair = "10 s"
[[fault.hang]]
name = "for good"
on = "pi1"
at = "90 s"
repair = "never"
[stop]
at = "1 h"
"#,
    );
    assert_eq!(story(&run, 0), [(0, Up), (60, Hung), (70, Down), (80, Up), (90, Hung)]);
}

fn a_part_under_repair_does_not_fail_again(stage: &dyn Backend) {
    let run = four(
        stage,
        &[],
        r#"
[[fault.power-loss]]
on = "psu[1]"
lifetime = { fixed = "10 s" }
age = "new"
repair = "1 h"
[stop]
at = "3 h"
"#,
    );
    let strikes = |what: &What| matches!(what, What::FaultStrikes { kind: Fault::PowerLoss, .. });
    assert_eq!(in_seconds(&run.times(strikes)), [10, 3_620, 7_230]);
}

fn patience_with_a_silent_server_begins_anew_after_each_silence(stage: &dyn Backend) {
    let run = four(
        stage,
        &[("\"instant\"", "\"pxe-nfs\"")],
        r#"
[[fault.switch-loss]]
on = "switch[1]"
at = "10 s"
repair = "3 s"
[[fault.switch-loss]]
on = "switch[1]"
at = "14 s"
repair = "3 s"
"#,
    );
    assert_eq!(run.count(becomes(NodeState::GaveUp)), 0);
    assert_eq!(run.metric("nodes_up_max") as u32, 4);
}

fn two_supplies_that_are_too_small_brown_out_together(stage: &dyn Backend) {
    let run = four(
        stage,
        &[(
            "psu = [{ packs = [1, 2], switches = [1], limit = \"1 kW\", restart = \"5 s\" }]",
            "switch_power = \"0 W\"\npsu = [{ packs = [1], switches = [1], limit = \"10 W\", \
             restart = \"5 s\" }, { packs = [2], limit = \"10 W\", restart = \"5 s\" }]",
        )],
        r#"
[workload.bulk-synchronous]
step = "10 s"
work = "1 min"
[stop]
at = "1 s"
"#,
    );
    let times = run.times(browns_out);
    assert_eq!((times.len(), times[0]), (2, times[1]));
    is_close(stage, times[0].0 as f64 / 1e9, 0.0);
}

fn a_supply_too_small_for_its_switch_browns_out(stage: &dyn Backend) {
    let run = four(
        stage,
        &[("1 kW", "1 W"), ("detect = \"10 s\"", "boot_retries = 2")],
        "[stop]\nat = \"1 min\"",
    );
    assert_eq!(in_seconds(&run.times(browns_out)), [0, 5, 10]);
    // Its switch alone is too much, so that no node ever has power.
    assert_eq!(run.count(becomes(NodeState::Up)), 0);
    assert!(run.metric("node_time_idle").abs() < 1e-9);
}

fn a_dead_supply_gives_nothing_to_its_switch_and_nodes(stage: &dyn Backend) {
    let run = four(
        stage,
        &[],
        "[[fault.power-loss]]\non = \"psu[1]\"\nat = \"100 s\"\nrepair = \"never\"\n\
         [stop]\nat = \"300 s\"",
    );
    let expected = 300.0 * 200.0 + 100.0 * (30.0 + 4.0 * 1.53);
    assert!((run.metric("energy") - expected).abs() < 1e-3, "{}", run.metric("energy"));
}

fn a_node_that_gave_up_draws_what_a_halted_node_draws(stage: &dyn Backend) {
    let run = four(
        stage,
        &[("\"instant\"", "\"pxe-nfs\""), ("detect = \"10 s\"", "boot_retries = 0")],
        "[[fault.server-loss]]\non = \"file-server\"\nat = \"0 s\"\nrepair = \"never\"\n\
         [stop]\nat = \"100 s\"",
    );
    assert_eq!(run.times(becomes(NodeState::GaveUp)), [seconds(32); 4]);
    let node = 2.0 * 3.83 + 30.0 * 1.79 + 68.0 * 0.1;
    let expected = 100.0 * 230.0 + 4.0 * node;
    assert!((run.metric("energy") - expected).abs() < 1e-3, "{}", run.metric("energy"));
}

fn verification_draws_what_computing_draws(stage: &dyn Backend) {
    let run = four(
        stage,
        &[],
        r#"
[workload.bulk-synchronous]
step = "100 s"
work = "300 s"
[checkpoint.coordinated]
interval = "100 s"
cost = { write = "10 s", read = "0 s" }
verify = { cost = "50 s" }
[stop]
when = "workload done"
at = "1 d"
"#,
    );
    let verifies = |what: &What| matches!(what, What::JobPhase { phase: JobPhase::Verify, .. });
    let checks = run.count(verifies);
    assert!(checks >= 2, "before each checkpoint");
    let busy = 300.0 + 50.0 * checks as f64;
    let expected = run.metric("run_time") * (230.0 + 4.0 * 1.53) + busy * 4.0 * (4.34 - 1.53);
    let energy = run.metric("energy");
    assert!((energy - expected).abs() < 1e-4 * expected, "{energy} J against {expected} J");
}

fn nodes_that_wait_for_a_dead_controller_draw_what_idle_nodes_draw(stage: &dyn Backend) {
    let run = four(
        stage,
        &[],
        r#"
[[fault.controller-crash]]
on = "controller"
at = "50 s"
repair = "100 s"
[workload.bulk-synchronous]
step = "100 s"
work = "200 s"
[stop]
when = "workload done"
at = "1 d"
"#,
    );
    // The step that was ordered is done at 100 s; the next is ordered when the controller is back.
    assert!(run.metric("run_time") >= 250.0);
    let expected = run.metric("run_time") * (230.0 + 4.0 * 1.53) + 200.0 * 4.0 * (4.34 - 1.53);
    let energy = run.metric("energy");
    assert!((energy - expected).abs() < 1e-4 * expected, "{energy} J against {expected} J");
}

fn a_boot_rom_may_ask_three_hundred_times(stage: &dyn Backend) {
    let run = four(
        stage,
        &[
            ("\"instant\"", "\"pxe-nfs\""),
            ("offer_bug = false", "dhcp_tries = 300\ndhcp_interval = \"1 s\""),
        ],
        "[[fault.server-loss]]\non = \"file-server\"\nat = \"0 s\"\nrepair = \"never\"\n\
         [stop]\nat = \"8 min\"",
    );
    assert_eq!(run.times(becomes(NodeState::GaveUp)), [seconds(307); 4]);
}

fn faults_strike_at_the_first_instant(stage: &dyn Backend) {
    let run = four(
        stage,
        &[("\"instant\"", "\"sd\"")],
        "[[fault.crash]]\non = \"pi[1-4]\"\nat = \"0 s\"\n[stop]\nat = \"1 min\"",
    );
    assert_eq!(run.times(becomes(NodeState::Down)), [Time::ZERO; 4]);
}

fn faults_strike_at_the_last_instant(stage: &dyn Backend) {
    let run = four(
        stage,
        &[],
        "[[fault.hang]]\non = \"pi[1-4]\"\nat = \"1 h\"\n[stop]\nwhen = \"never\"\nat = \"1 h\"",
    );
    assert_eq!(run.times(becomes(NodeState::Hung)), [seconds(3_600); 4]);
}

fn failures_that_end_at_once_let_time_pass(stage: &dyn Backend) {
    let run = four(
        stage,
        &[("detect = \"10 s\"", "detect = \"0 s\"\nsettle = \"0 s\"")],
        r#"
[[fault.crash]]
on = "node"
lifetime = { exponential = { mean = "1 us" } }
[[fault.hang]]
on = "node"
lifetime = { weibull = { scale = "1 us", shape = 0.1 } }
[stop]
at = "1 ms"
"#,
    );
    let crashes = run.metric("failures_crash");
    assert!((3_500.0..4_500.0).contains(&crashes), "{crashes}");
}

fn a_crash_of_a_node_that_nobody_reaches_leaves_the_job_alone(stage: &dyn Backend) {
    let run = four(
        stage,
        &[],
        r#"
[[fault.link-degradation]]
on = "pi4/link"
at = "150 s"
share = 0.0
repair = "100 s"
[[fault.crash]]
on = "pi4"
at = "200 s"
[workload.bulk-synchronous]
step = "100 s"
work = "200 s"
[stop]
at = "1 d"
"#,
    );
    assert_eq!(run.metric("interrupts") as u32, 1);
    // Within reach at 250 s, and silent: its agent has 8 heartbeats for its link and is suspected
    // 10 s later. Up again after 5 s, and all the work anew.
    let took = run.metric("makespan");
    assert!((473.0..473.5).contains(&took), "{took} s");
}

fn detection_and_downtime_begin_anew_with_each_failure(stage: &dyn Backend) {
    let run = four(
        stage,
        &[("nodes = 4", "nodes = 6"), ("spares = 0", "spares = 2"), ("[2, 2]", "[3, 3]")],
        r#"
[[fault.crash]]
on = "pi1"
at = "150 s"
repair = "never"
[[fault.crash]]
on = "pi2"
at = "155 s"
repair = "never"
[workload.bulk-synchronous]
step = "100 s"
work = "200 s"
[checkpoint.coordinated]
interval = "1 h"
cost = { write = "1 s", read = "0 s", downtime = "7 s" }
[stop]
at = "1 d"
"#,
    );
    // 155 s + 10 s of detection + 7 s of downtime, then the whole work.
    let (took, heartbeat) = (run.metric("makespan"), 1.0);
    let early = if stage.name() == "model" { 0.0 } else { heartbeat };
    assert!((372.0 - early..372.1).contains(&took), "{took} s");
}

fn nodes_that_brown_out_as_they_come_up_are_not_all_up(stage: &dyn Backend) {
    let run = four(stage, &[("1 kW", "31 W")], "[stop]\nwhen = \"all up\"\nat = \"1 min\"");
    assert_eq!(run.metric("run_time") as u32, 60);
    assert_eq!(run.metric("nodes_up_end") as u32, 0);
}

/// Silent from 20 s on, suspected at 30 s. The switch is whole at 60 s: 8 heartbeats later the
/// agents have made their links anew, and 10 s after that the one that is still silent is cycled.
/// The three that were only cut off are heard again, and keep what they hold.
fn a_suspected_node_is_cycled_at_once_but_behind_a_cut_switch_when_that_is_whole(
    stage: &dyn Backend,
) {
    let crash = "[[fault.crash]]\non = \"pi3\"\nat = \"25 s\"\n[stop]\nat = \"5 min\"\n";
    let cut = "[[fault.switch-loss]]\non = \"module[1]/switch[1]\"\nat = \"20 s\"\n\
               repair = \"40 s\"\n";
    let run = four(stage, &[], crash);
    let states: Vec<_> = story(&run, 2).into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, [Up, Down, Off, Up]);
    let off = in_seconds(&run.times(becomes(Off)));
    assert!((34..=35).contains(&off[0]), "{off:?}: `detect` after its last heartbeat");
    let run = four(stage, &[], &format!("{cut}{crash}"));
    assert_eq!(story(&run, 2), [(0, Up), (25, Down), (78, Off), (83, Up)]);
    for other in [0, 1, 3] {
        assert_eq!(story(&run, other), [(0, Up)]);
    }
}

fn a_power_cycle_waits_until_the_controller_is_back(stage: &dyn Backend) {
    let run = four(
        stage,
        &[],
        r#"
[[fault.hang]]
on = "pi3"
at = "20 s"
repair = "20 s"
[[fault.controller-crash]]
on = "controller"
at = "30 s"
repair = "30 s"
[stop]
at = "5 min"
"#,
    );
    assert_eq!(story(&run, 2), [(0, Up), (20, Hung), (60, Off), (65, Up)]);
}

fn who_is_silent_when_the_controller_comes_back_has_the_detectors_time_anew(stage: &dyn Backend) {
    let run = four(
        stage,
        &[],
        r#"
[[fault.crash]]
on = "pi3"
at = "21 s"
[[fault.controller-crash]]
on = "controller"
at = "22 s"
repair = "8 s"
[stop]
at = "5 min"
"#,
    );
    assert_eq!(story(&run, 2), [(0, Up), (21, Down), (40, Off), (45, Up)]);
}
