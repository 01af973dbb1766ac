//! Workloads that are no jobs, on the model and on the fleet: the same tasks come to the same end.
//!
//! On the fleet each command is an order to an agent and its answer, a few milliseconds; a node
//! that has stopped is noticed up to `detect` after it, and what waits for that waits for as long.

use std::collections::BTreeMap;

use rackstorm::backend::Backend;
use rackstorm::backend::model::Model;
use rackstorm::backend::turmoil::Turmoil;
use rackstorm::event::{EndReason, TaskAct, TaskKind, What};
use rackstorm::ids::NodeId;

use crate::harness::{Played, plan_of, play_on};

/// Nodes behind one switch and a server, all up at once.
fn nodes(count: u32, more: &str) -> String {
    format!(
        r#"
schema = 1
title = "workloads on stages"
[cluster]
hardware = "pi_3b"
module = "cluster_module_150"
modules = 1
[hardware]
link = "100 Mbit/s"
[hardware.boot]
offer_bug = false
[module]
nodes = {count}
spares = 0
packs = [{count}]
switches = 1
psu = [{{ packs = [1], switches = [1], limit = "1 kW", restart = "5 s" }}]
[server]
link = "100 Mbit/s"
[boot]
method = "instant"
power_on = {{ stagger = "0 s" }}
[controller]
detect = "4 s"
[stop]
when = "workload done"
at = "1 h"
{more}"#
    )
}

/// A crash of a node for so long that it is noticed.
fn crash(node: u32, at: f64) -> String {
    format!("[[fault.crash]]\non = \"pi{node}\"\nat = \"{at} s\"\nrepair = \"20 s\"\n")
}

/// What hangs on milliseconds, or on when a crash is noticed: who is overtaken by a copy, how many
/// outputs one fetch finds, what a grid has copied when it is interrupted and how often it reports
/// in the time that it takes, on how many workers a request is tried.
fn hangs_on_time(kind: TaskKind, act: TaskAct) -> bool {
    use TaskKind::{BlockRead, Fetch, GridCopy, GridReport, Request, SpeculativeMap};
    matches!(kind, BlockRead | Fetch | GridCopy | GridReport | SpeculativeMap)
        || (kind, act) == (Request, TaskAct::Retry)
}

/// How often what happened to tasks of each kind, and, where `by_node` says so, on each node.
fn tasks(run: &Played, by_node: bool) -> BTreeMap<(TaskKind, TaskAct, Option<NodeId>), u32> {
    let mut all = BTreeMap::new();
    for event in &run.events {
        if let What::Task { kind, act, node, .. } = event.what
            && !hangs_on_time(kind, act)
        {
            *all.entry((kind, act, node.filter(|_| by_node))).or_default() += 1;
        }
    }
    all
}

fn end(run: &Played) -> (Option<EndReason>, f64) {
    let last = run.events.last().expect("a run ends");
    let reason = match last.what {
        What::RunEnds { reason } => Some(reason),
        _ => None,
    };
    (reason, last.at.0 as f64 / 1e9)
}

/// Plays a text on both stages: the same tasks, and an end that on the fleet is up to so many
/// seconds earlier or later.
#[track_caller]
fn agree(text: &str, by_node: bool, (before, after): (f64, f64)) -> Played {
    let plan = plan_of(text);
    assert_eq!(Turmoil.cannot(&plan), [""; 0]);
    let (model, fleet) = (play_on(&Model, &plan), play_on(&Turmoil, &plan));
    assert_eq!(tasks(&model, by_node), tasks(&fleet, by_node), "the model on the left");
    let ((ours, at), (theirs, then)) = (end(&model), end(&fleet));
    assert_eq!(ours, theirs);
    assert!((at - before..=at + after).contains(&then), "{at} s and {then} s");
    fleet
}

const SORT: &str =
    "[sort]\nnodes = \"pi[1-4]\"\nnumbers = 2000000\ncompare = \"2.43 us\"\nparts = 12\n";

#[test]
fn a_sort_is_the_same_on_both() {
    agree(&nodes(4, SORT), true, (0.0, 0.5));
}

#[test]
fn a_sort_whose_member_crashes_gives_its_part_to_another_when_that_is_noticed() {
    agree(&nodes(4, &format!("{SORT}{}", crash(3, 10.0))), false, (0.0, 8.0));
}

#[test]
fn a_sort_whose_first_node_crashes_begins_anew_on_both() {
    agree(&nodes(4, &format!("{SORT}{}", crash(1, 10.0))), false, (0.0, 8.0));
}

#[test]
fn a_sort_waits_for_a_node_at_a_quarter_of_its_speed_on_both() {
    let slow =
        "[[fault.slow-down]]\non = \"pi3\"\nat = \"10 s\"\nshare = 0.25\nrepair = \"15 s\"\n";
    agree(&nodes(4, &format!("{SORT}{slow}")), true, (0.0, 0.5));
}

const TRANSFERS: &str = "[transfers]\nrows = '''\nstart,source,destination,bytes\n\
    5,pi1,pi2,50000000\n6,pi1,pi3,25000000\n6,server,pi4,20000000\n7,pi4,server,20000000\n'''\n";

#[test]
fn transfers_contend_for_links_on_both() {
    agree(&nodes(4, TRANSFERS), true, (0.0, 0.1));
}

#[test]
fn a_transfer_whose_end_crashes_is_lost_on_both() {
    agree(&nodes(4, &format!("{TRANSFERS}{}", crash(2, 7.5))), true, (0.0, 8.0));
}

#[test]
fn the_run_ends_with_the_last_of_job_and_transfers_on_both() {
    let job = |work| {
        format!("[workload.bulk-synchronous]\nstep = \"1 s\"\nwork = \"{work} s\"\n{TRANSFERS}")
    };
    let last = agree(&nodes(4, &job(30)), true, (0.0, 1.0));
    assert!(end(&last).1 > 30.0, "the job is last");
    agree(&nodes(4, &job(2)), true, (0.0, 0.1));
}

#[test]
fn what_is_over_before_it_is_noticed_costs_the_fleet_time_and_nothing_else() {
    for more in [SORT, TRANSFERS, &rollout("chain")] {
        let cut = "[[fault.link-degradation]]\non = \"pi3/link\"\nat = \"7 s\"\nshare = 0.0\n\
            repair = \"2 s\"\n";
        let plan = plan_of(&nodes(6, &format!("{more}{cut}")));
        assert_eq!(Turmoil.cannot(&plan), [""; 0]);
        let run = play_on(&Turmoil, &plan);
        assert_eq!(end(&run).0, Some(EndReason::WorkDone));
        let failed = run
            .count(|what| matches!(what, What::Task { act: TaskAct::Retry | TaskAct::Lose, .. }));
        assert_eq!(failed, 0);
    }
}

#[test]
fn what_the_fleet_cannot_play_is_refused_by_name_with_the_reason() {
    let server = "[[fault.server-loss]]\non = \"server[1]\"\nat = \"8 s\"\n";
    let cut = "[[fault.link-degradation]]\non = \"pi3/link\"\nat = \"7 s\"\nshare = 0.0\n";
    let multicast = "[multicast]\nnodes = \"pi[2-6]\"\nfrom = \"pi1\"\nlatency = \"1 ms\"\n";
    let between = "[transfers]\nrows = '''\nstart,source,destination,bytes\n\
        5,server[1],server[2],50\n'''\n";
    for (text, reason) in [
        (multicast.to_owned(), "[multicast]: agents do not send datagrams to all at once"),
        (format!("{SORT}{server}"), "the controller does not watch servers"),
        (format!("{GRID}{cut}"), "[data_grid] and fault `link-degradation`: who is silent may"),
        (format!("{STORE}{cut}"), "[object_store] and fault `link-degradation`: who is silent"),
        (between.to_owned(), "1 of them go from server to server, where no agent runs"),
    ] {
        // Of two modules, each with a server.
        let text = nodes(7, &text)
            .replace("modules = 1", "modules = 2")
            .replace("[server]\n", "[server]\nper = \"module\"\n");
        let reasons = Turmoil.cannot(&plan_of(&text));
        assert_eq!(reasons.len(), 1, "{reasons:?}");
        assert!(reasons[0].contains(reason), "{reasons:?}");
        assert!(reasons[0].ends_with("`--on model` plays it"), "{reasons:?}");
    }
}

fn rollout(method: &str) -> String {
    format!(
        "[rollout]\nnodes = \"pi[2-6]\"\nsource = \"pi1\"\nmethod = \"{method}\"\n\
         size = \"100 MB\"\npiece = \"5 MB\"\nat = \"5 s\"\n"
    )
}

#[test]
fn a_file_goes_to_all_nodes_in_the_same_way_on_both() {
    for method in ["source", "chain"] {
        agree(&nodes(6, &rollout(method)), true, (0.0, 1.0));
    }
    // Who asks first for a piece, and so has it to give, hangs on milliseconds.
    agree(&nodes(6, &rollout("peers")), true, (2.0, 2.0));
}

#[test]
fn a_rollout_passes_over_a_node_that_crashes_on_both() {
    for method in ["source", "chain", "peers"] {
        agree(&nodes(6, &format!("{}{}", rollout(method), crash(4, 8.0))), true, (2.0, 8.0));
    }
}

/// The controller is down for a while in the middle.
const CONTROLLER: &str = "[[fault.controller-crash]]\non = \"controller\"\nat = \"8 s\"\n\
    repair = \"5 s\"\n";

#[test]
fn workloads_go_on_where_they_were_when_the_controller_is_back() {
    for workload in [SORT, TRANSFERS, &rollout("chain"), MAP_REDUCE, GRID, STORE] {
        agree(&nodes(7, &format!("{workload}{CONTROLLER}")), false, (0.1, 12.0));
    }
}

#[test]
fn a_node_that_crashes_while_the_controller_is_down_is_noticed_when_it_is_back() {
    for workload in [SORT, &rollout("chain")] {
        let text = format!("{workload}{CONTROLLER}{}", crash(3, 7.9));
        agree(&nodes(7, &text), false, (0.1, 20.0));
    }
}

const MAP_REDUCE: &str = "[map_reduce]\nmaster = \"pi1\"\nnodes = \"pi[2-6]\"\ninput = \"400 MB\"\n\
    block = \"32 MiB\"\nmap_time = \"10 s\"\nreducers = 3\nreduce_rate = \"5 MB/s\"\n\
    at = \"5 s\"\nmap_variation = 0.2\n";

#[test]
fn a_map_reduce_job_is_the_same_on_both() {
    agree(&nodes(6, MAP_REDUCE), false, (1.0, 3.0));
}

#[test]
fn a_map_reduce_job_whose_worker_crashes_runs_its_tasks_again_on_both() {
    agree(&nodes(6, &format!("{MAP_REDUCE}{}", crash(4, 20.0))), false, (1.0, 20.0));
}

const WEB: &str = "[web]\nbalancer = \"pi1\"\nworkers = \"pi[2-5]\"\nat = \"5 s\"\nrequests = 400\n\
    gap = { exponential = { mean = \"100 ms\" } }\nresponse = \"50 kB\"\nslots = 2\n\
    service = { exponential = { mean = \"150 ms\" } }\n";

#[test]
fn requests_are_answered_alike_on_both() {
    for discipline in ["fcfs", "processor-sharing"] {
        agree(&nodes(6, &format!("{WEB}discipline = \"{discipline}\"\n")), false, (0.1, 0.5));
    }
}

#[test]
fn requests_to_a_worker_that_crashes_are_lost_on_both() {
    agree(&nodes(6, &format!("{WEB}resend = true\n{}", crash(3, 20.0))), false, (0.1, 65.0));
}

const GRID: &str = "[data_grid]\nmembers = \"pi[2-6]\"\nmaster = \"pi1\"\n\
    partition_size = \"1 MB\"\nparallel = 2\ndetect = \"10 s\"\n\
    at = \"5 s\"\ntasks = 30\ntask = \"5 s\"\n\
    task_size = \"1 MB\"\n";

#[test]
fn a_data_grid_is_the_same_on_both() {
    agree(&nodes(6, GRID), false, (0.1, 2.0));
}

#[test]
fn a_data_grid_that_loses_a_member_is_the_same_on_both() {
    agree(&nodes(6, &format!("{GRID}{}", crash(4, 15.0))), false, (0.1, 20.0));
}

const STORE: &str = "[object_store]\nnodes = \"pi[3-7]\"\nclients = \"pi[1-2]\"\ndata = 3\n\
    parity = 1\nobjects = 40\nobject_size = \"3 MB\"\ngive_up = \"10 s\"\n\
    at = \"5 s\"\nputs = 0.1\n\
    gets = 0.3\nlasts = \"2 min\"\n";

#[test]
fn an_object_store_is_the_same_on_both() {
    agree(&nodes(7, STORE), false, (0.1, 1.0));
}

#[test]
fn an_object_store_that_loses_a_node_repairs_on_both() {
    agree(&nodes(7, &format!("{STORE}{}", crash(4, 30.0))), false, (0.1, 20.0));
}
