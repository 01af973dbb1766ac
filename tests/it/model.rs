//! The model stage, fact by fact, on small whole runs.

use rackstorm::event::{Cause, CheckpointAct, Fault, JobPhase, NodeState, PartState, What};
use rackstorm::ids::{NodeId, PartKind};
use rackstorm::units::{Span, Time};

use crate::harness::play_text;

/// A module of the pilot, all nodes up at once, with what a test adds.
fn module(rest: &str) -> String {
    format!(
        r#"
schema = 1
title = "one module"
seed = 7
[cluster]
hardware = "pi_3b"
module = "cluster_module_150"
modules = 1
[boot]
method = "instant"
{rest}"#
    )
}

fn seconds(seconds: u64) -> Time {
    Time::ZERO + Span::from_secs(seconds)
}

fn becomes(wanted: NodeState) -> impl Fn(&What) -> bool {
    move |what| matches!(what, What::NodeState { state, .. } if *state == wanted)
}

#[test]
fn a_lost_psu_kills_ninety_nodes_and_one_switch() {
    let run = play_text(
        &module(
            r#"
[[fault.power-loss]]
on = "module[1]/psu[1]"
at = "1 h"
repair = "30 min"
[stop]
at = "2 h"
"#,
        ),
        None,
    );
    assert_eq!(run.times(becomes(NodeState::Down)), vec![seconds(3_600); 90]);
    let down = |what: &What| {
        matches!(what, What::PartState { part, state: PartState::Down, .. }
            if part.kind == PartKind::Switch)
    };
    assert_eq!(run.times(down), [seconds(3_600)]);
    let back = run.times(becomes(NodeState::Up));
    assert_eq!(back.len(), 150 + 90);
    assert_eq!(back[150], seconds(5_400));
}

#[test]
fn a_checkpoint_of_the_module_takes_what_its_links_allow() {
    // 144 nodes of 1 GB behind 100 Mbit/s each and one 10 Gbit/s server: 14.4 Gbit/s of demand
    // for 10, so the server is the bottleneck: 144 * 8 Gbit / 9.41 Gbit/s = 122.423 s.
    let run = play_text(
        &module(
            r#"
[server]
link = "10 Gbit/s"
disk = "100 GB/s"
disk_request = "0 s"
[workload.bulk-synchronous]
step = "100 s"
work = "200 s"
[checkpoint.coordinated]
size = "1 GB"
interval = "100 s"
to = "file-server"
[stop]
when = "workload done"
at = "1 d"
"#,
        ),
        None,
    );
    let emitted =
        |wanted| move |what: &What| matches!(what, What::Checkpoint { act, .. } if *act == wanted);
    let begun = run.times(emitted(CheckpointAct::Begin));
    let commit = run.times(emitted(CheckpointAct::Commit));
    assert_eq!(begun, [seconds(100)]);
    let took = commit[0].since(begun[0]).as_secs_f64();
    assert!((took - 144.0 * 8.0 / 9.41).abs() < 1e-6, "it took {took} s");
}

#[test]
fn a_hung_node_is_power_cycled_when_the_controller_knows() {
    let run = play_text(
        &module(
            r#"
[controller]
detect = "40 s"
settle = "2 s"
[[fault.hang]]
on = "pi007"
at = "1 min"
repair = "power-cycle"
[stop]
at = "5 min"
"#,
        ),
        None,
    );
    assert_eq!(run.times(becomes(NodeState::Hung)), [seconds(60)]);
    let again = |what: &What| {
        matches!(what, What::NodeState { node: NodeId(6), state: NodeState::Up, life, .. }
            if life.0 == 2)
    };
    assert_eq!(run.times(again), [seconds(102)]);
}

#[test]
fn a_spare_takes_the_place_of_a_dead_node_and_the_work_is_done_again() {
    let run = play_text(
        &module(
            r#"
[[fault.crash]]
on = "pi001"
at = "150 s"
repair = "never"
[workload.bulk-synchronous]
step = "100 s"
work = "300 s"
[stop]
when = "workload done"
at = "1 d"
"#,
        ),
        None,
    );
    let joins = run.events.iter().filter_map(|event| match event.what {
        What::JobNode { node, joined: true, .. } => Some(node.0),
        _ => None,
    });
    let joins: Vec<_> = joins.collect();
    assert_eq!(joins[..144], (0..144).collect::<Vec<_>>());
    assert_eq!(joins[144..], [144]);
    let lost =
        |what: &What| matches!(what, What::WorkLost { lost, .. } if *lost == Span::from_secs(150));
    assert_eq!(run.count(lost), 1);
}

#[test]
fn a_lost_switch_takes_its_nodes_from_the_job_until_it_is_back() {
    let run = play_text(
        &module(
            r#"
[controller]
detect = "10 s"
[[fault.switch-loss]]
on = "module[1]/switch[2]"
at = "150 s"
repair = "1 h"
[workload.bulk-synchronous]
step = "100 s"
work = "300 s"
[stop]
when = "workload done"
at = "1 d"
"#,
        ),
        None,
    );
    let phases = run.events.iter().filter_map(|event| match event.what {
        What::JobPhase { phase, .. } => Some((event.at, phase)),
        _ => None,
    });
    assert_eq!(
        phases.collect::<Vec<_>>(),
        [
            (seconds(0), JobPhase::Compute),
            (seconds(150), JobPhase::Waiting),
            (seconds(3_750), JobPhase::Rework),
            (seconds(3_850), JobPhase::Compute),
            (seconds(4_050), JobPhase::Done),
        ]
    );
}

#[test]
fn a_checkpoint_waits_for_a_lost_server_and_keeps_what_it_has_moved() {
    let scenario = |fault: &str| {
        module(&format!(
            r#"
[server]
disk_request = "0 s"
{fault}
[workload.bulk-synchronous]
step = "100 s"
work = "200 s"
[checkpoint.coordinated]
size = "1 GB"
interval = "100 s"
to = "file-server"
[stop]
when = "workload done"
at = "1 d"
"#
        ))
    };
    let fault = "[[fault.server-loss]]\non = \"file-server\"\nat = \"130 s\"\nrepair = \"500 s\"";
    let calm = play_text(&scenario(""), None).metric("makespan");
    let late = play_text(&scenario(fault), None).metric("makespan");
    assert!((late - calm - 500.0).abs() < 1e-6, "{late} against {calm}");
}

#[test]
fn a_degraded_link_holds_the_whole_checkpoint_up() {
    let run = play_text(
        &module(
            r#"
[server]
disk_request = "0 s"
[[fault.link-degradation]]
on = "pi010/link"
at = "110 s"
share = "10 %"
repair = "never"
[workload.bulk-synchronous]
nodes = 10
step = "100 s"
work = "200 s"
[checkpoint.coordinated]
size = "1 GB"
interval = "100 s"
to = "file-server"
[stop]
when = "workload done"
at = "1 d"
"#,
        ),
        None,
    );
    // 10 s at 94.1 Mbit/s, the rest at a tenth of it.
    let rate = 94.1e6 / 8.0;
    let expected = 10.0 + (1e9 - 10.0 * rate) / (rate / 10.0);
    let took = run.metric("makespan") - 200.0;
    assert!((took - expected).abs() < 1e-3, "{took} s against {expected} s");
}

#[test]
fn a_psu_that_cannot_bear_all_nodes_at_once_browns_out() {
    let run = play_text(
        r#"
schema = 1
title = "too small a supply"
[cluster]
hardware = "pi_3b"
module = "cluster_module_150"
modules = 1
[[module.psu]]
packs = [1, 2]
switches = [1]
limit = "300 W"
restart = "5 s"
[[module.psu]]
packs = [3]
switches = [2, 3]
limit = "10 kW"
restart = "5 s"
[boot]
method = "sd"
power_on = { stagger = "0 s" }
[controller]
boot_retries = 3
[stop]
at = "10 min"
"#,
        None,
    );
    let trip = |what: &What| {
        matches!(what, What::PartState { part, cause: Cause::BrownOut, .. }
            if part.kind == PartKind::Psu)
    };
    // The first time and after each of three restarts; then the controller leaves it alone.
    assert_eq!(run.count(trip), 4);
    assert_eq!(run.metric("nodes_up_max") as u32, 60);
}

#[test]
fn a_node_that_crashes_while_it_boots_is_power_cycled_when_it_is_overdue() {
    let run = play_text(
        r#"
schema = 1
title = "a crash in the boot"
[cluster]
hardware = "pi_3b"
module = "cluster_module_150"
modules = 1
[boot]
method = "sd"
power_on = { stagger = "0 s" }
[controller]
boot_timeout = "90 s"
settle = "2 s"
[[fault.crash]]
on = "pi003"
at = "1 s"
repair = "power-cycle"
[stop]
when = "all up"
at = "10 min"
"#,
        None,
    );
    let crashed = |what: &What| {
        let crash = Cause::Fault(Fault::Crash);
        matches!(what, What::NodeState { cause, .. } if *cause == crash)
    };
    assert_eq!(run.times(crashed), [seconds(1)]);
    let again = |what: &What| {
        matches!(what, What::NodeState { node: NodeId(2), state: NodeState::Rom, life, .. }
            if life.0 == 2)
    };
    assert_eq!(run.times(again), [seconds(92)]);
}
