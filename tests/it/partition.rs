//! Partitions of the network: what stalls, what passes, who is suspected, and what workloads do.

use rackstorm::backend::Backend;
use rackstorm::backend::loopback::Loopback;
use rackstorm::backend::turmoil::{Reference, Turmoil};
use rackstorm::event::{EndReason, Event, Fault, JobPhase, TaskAct, What};
use rackstorm::stage::Model;
use rackstorm::{Outcome, Plan, Run};

use crate::transfers::{machine, table};

/// A partition of two sides.
fn partition(sides: [&str; 2], one_way: bool, at: &str, repair: &str) -> String {
    let [from, to] = sides;
    format!(
        "[[fault.partition]]\nfrom = \"{from}\"\nto = \"{to}\"\none_way = {one_way}\n\
         at = \"{at}\"\nrepair = \"{repair}\"\n"
    )
}

fn plan_of(text: &str) -> Plan {
    Plan::make(&rackstorm::read("rack", text).unwrap_or_else(|mistakes| panic!("{mistakes}")))
}

fn play(text: &str) -> (Outcome, Vec<Event>) {
    let (plan, mut events) = (plan_of(text), Vec::new());
    let outcome = Run::new(&plan, &Model).sink(&mut events).play().expect("it plays");
    (outcome, events)
}

fn metric(outcome: &Outcome, name: &str) -> f64 {
    outcome.findings.metric(name).unwrap_or_else(|| panic!("{name} is absent")).value
}

fn close(found: f64, wanted: f64) {
    assert!((found - wanted).abs() < 1e-6, "{found} for {wanted}");
}

/// When a transfer of 100 MB, which takes 8 s, is done that begins at 0.5 s (s).
fn arrives(ends: [&str; 2], rules: &str) -> f64 {
    let rows = table(&[(0.5, ends[0], ends[1], 100_000_000)]);
    let (outcome, _) = play(&machine(4, 4, "1 Gbit/s", &(rows + rules)));
    assert_eq!(outcome.findings.transfers[0].status, "done");
    outcome.findings.transfers[0].end_s
}

#[test]
fn a_transfer_between_the_sides_stalls_as_long_as_the_partition_lasts() {
    let both = |sides| partition(sides, false, "2500 ms", "30 s");
    let ends = ["pi1", "pi2"];
    close(arrives(ends, ""), 8.5);
    close(arrives(ends, &both(["pi1", "pi2"])), 38.5);
    close(arrives(ends, &both(["pi[2-4]", "pi1"])), 38.5);
    close(arrives(["pi1", "server"], &both(["server", "pi1"])), 38.5);
    // It begins in the middle of one.
    close(arrives(ends, &partition(["pi1", "pi2"], false, "0 s", "10 s")), 18.0);
}

#[test]
fn both_sides_of_a_partial_cut_reach_all_others() {
    let rule = partition(["pi1", "pi2"], false, "2500 ms", "30 s");
    for ends in [["pi1", "pi3"], ["pi3", "pi2"], ["pi1", "server"], ["server", "pi2"]] {
        close(arrives(ends, &rule), 8.5);
    }
}

/// What arrives is not acknowledged, or what is sent does not arrive.
#[test]
fn a_transfer_needs_both_ways() {
    for sides in [["pi1", "pi2"], ["pi2", "pi1"]] {
        close(arrives(["pi1", "pi2"], &partition(sides, true, "2500 ms", "30 s")), 38.5);
    }
}

#[test]
fn partitions_that_overlap_heal_one_by_one() {
    let rules = partition(["pi1", "pi2"], false, "2500 ms", "30 s")
        + &partition(["pi1", "node!pi1"], true, "10500 ms", "40 s");
    close(arrives(["pi1", "pi2"], &rules), 50.5 + 6.0);
    close(arrives(["pi3", "pi2"], &rules), 8.5);
}

/// Members that a partition separates do what members behind a dead uplink do.
#[test]
fn a_data_grid_splits_behind_one_switch_and_merges_when_the_partition_heals() {
    let grid = "[data_grid]\nmembers = \"pi[1-6]\"\npartition_size = \"12.5 MB\"\n\
                detect = \"10 s\"\npatience = \"0 s\"\npartitions = 60\n";
    let until = |text: String| text.replace("at = \"30 d\"", "at = \"1 h\"");
    let tasks = |text: &str| {
        let (outcome, events) = play(text);
        let own = events.into_iter().filter(|event| matches!(event.what, What::Task { .. }));
        (outcome, own.collect::<Vec<_>>())
    };
    let uplink = "[[fault.link-degradation]]\non = \"uplink[2]\"\nat = \"100 s\"\nshare = 0.0\n\
                  repair = \"10 min\"\n";
    let (_, behind_uplink) = tasks(&until(machine(6, 3, "10 Gbit/s", &format!("{grid}{uplink}"))));
    for one_way in [false, true] {
        let rule = partition(["pi[1-3]", "pi[4-6]"], one_way, "100 s", "10 min");
        let (outcome, own) = tasks(&until(machine(6, 6, "10 Gbit/s", &(grid.to_owned() + &rule))));
        close(metric(&outcome, "grid_splits"), 1.0);
        close(metric(&outcome, "grid_detection_max"), 10.0);
        let time = metric(&outcome, "grid_split_time");
        assert!((710.0..740.0).contains(&time), "{time}");
        assert_eq!(own, behind_uplink);
    }
}

/// The first member of a side decides who belongs to it, as the master of a Hazelcast cluster does.
#[test]
fn a_member_that_the_first_one_hears_stays_though_others_do_not() {
    let splits = |from: &str, to: &str| {
        let grid = "[data_grid]\nmembers = \"pi[1-6]\"\npartition_size = \"1 MB\"\n\
                    detect = \"10 s\"\npatience = \"0 s\"\n";
        let text = grid.to_owned() + &partition([from, to], false, "100 s", "10 min");
        let text = machine(6, 6, "1 Gbit/s", &text).replace("at = \"30 d\"", "at = \"1 h\"");
        metric(&play(&text).0, "grid_splits")
    };
    close(splits("pi2", "pi3"), 0.0);
    close(splits("pi1", "pi3"), 1.0);
    close(splits("pi[1-2]", "pi[5-6]"), 1.0);
    close(splits("pi[2-4]", "pi[5-6]"), 0.0);
}

/// Reports are datagrams: they pass a one-way cut of the other direction.
#[test]
fn telemetry_passes_the_way_that_is_open() {
    let lost = |sides: [&str; 2], one_way| {
        let grid = "[data_grid]\nmembers = \"pi[2-4]\"\nmaster = \"pi1\"\n\
                    partition_size = \"1 MB\"\ndetect = \"10 s\"\n";
        let text = grid.to_owned() + &partition(sides, one_way, "100500 ms", "60 s");
        let text = machine(4, 4, "1 Gbit/s", &text).replace("at = \"30 d\"", "at = \"10 min\"");
        metric(&play(&text).0, "dashboard_reports_lost")
    };
    close(lost(["pi2", "pi1"], true), 60.0);
    close(lost(["pi1", "pi2"], true), 0.0);
    close(lost(["pi1", "pi2"], false), 60.0);
}

#[test]
fn a_datagram_reaches_those_that_hear_its_sender() {
    let triggers = |sides: [&str; 2]| {
        let shot = "[multicast]\nnodes = \"pi[2-9]\"\nfrom = \"pi1\"\nat = \"10 s\"\n";
        let text = shot.to_owned() + &partition(sides, true, "5 s", "60 s");
        let (outcome, _) = play(&machine(9, 9, "1 Gbit/s", &text));
        (metric(&outcome, "triggers"), metric(&outcome, "triggers_missed"))
    };
    assert_eq!(triggers(["pi1", "pi[2-4]"]), (5.0, 3.0));
    assert_eq!(triggers(["pi[2-4]", "pi1"]), (8.0, 0.0));
}

/// Four nodes that compute for 10 s and send to each other, if they do.
fn job(exchange: &str, rest: &str) -> String {
    let text = format!(
        "[server]\ndisk_request = \"0 s\"\n\
         [workload.bulk-synchronous]\nstep = \"10 s\"\nwork = \"30 s\"\n{exchange}\n{rest}"
    );
    machine(4, 4, "1 Gbit/s", &text)
}

#[test]
fn a_job_waits_for_a_partition_only_if_its_nodes_send_to_each_other() {
    let exchange = "collective = { operation = \"all-reduce\", size = \"1 MB\", \
                    latency = \"0 s\" }";
    let halves = partition(["pi[1-2]", "pi[3-4]"], false, "5 s", "60 s");
    let makespan = |text: &str| {
        let (outcome, events) = play(text);
        assert_eq!(outcome.end, Some(EndReason::WorkDone));
        let lost = events.iter().filter(|event| matches!(event.what, What::WorkLost { .. }));
        assert_eq!(lost.count(), 0, "a stall is no failure");
        metric(&outcome, "makespan")
    };
    let (alone, sending) = (makespan(&job("", "")), makespan(&job(exchange, "")));
    close(makespan(&job("", &halves)), alone);
    // The first exchange would be at 10 s, and waits until 65 s.
    close(makespan(&job(exchange, &halves)), sending + 55.0);
}

/// The task of whoever the first node of a sort does not hear goes to another one.
#[test]
fn a_workload_with_a_head_counts_whom_it_does_not_hear_as_down() {
    let sort = "[sort]\nnodes = \"pi[1-4]\"\nnumbers = 4000000\ncompare = \"100 ns\"\nparts = 12\n";
    let run = |rule: &str| {
        let (outcome, events) = play(&machine(4, 4, "1 Gbit/s", &format!("{sort}{rule}")));
        assert_eq!(outcome.end, Some(EndReason::WorkDone));
        let again = |event: &&Event| {
            matches!(event.what, What::Task { act: TaskAct::Lose | TaskAct::Retry, .. })
        };
        events.iter().filter(again).count()
    };
    assert_eq!(run(""), 0);
    assert!(run(&partition(["pi1", "pi3"], false, "2 s", "30 s")) > 0);
    assert_eq!(run(&partition(["pi2", "pi3"], false, "2 s", "30 s")), 0);
}

/// Weibull lifetimes; each strike ends before the next life begins.
#[test]
fn partitions_come_and_go_by_a_law() {
    let rule = "[[fault.partition]]\nfrom = \"pi1\"\nto = \"pi2\"\nrepair = \"10 s\"\n\
                lifetime = { exponential = { mean = \"90 s\" } }\n";
    let (mut strikes, mut open) = (0, 0);
    let end = "[[fault.crash]]\non = \"pi4\"\nat = \"9 d\"\nrepair = \"1 s\"\n";
    let text = machine(4, 4, "1 Gbit/s", &format!("{rule}{end}"));
    for event in play(&text.replace("at = \"30 d\"", "at = \"10 d\"")).1 {
        match event.what {
            What::FaultStrikes { kind: Fault::Partition, .. } => {
                (strikes, open) = (strikes + 1, open + 1);
            }
            What::FaultEnds { kind: Fault::Partition, .. } => open -= 1,
            _ => {}
        }
        assert!((0..=1).contains(&open));
    }
    // Seed 0, n = 10 d / 100 s = 8,640 with a variance of 8,640 (90 / 100)²; 99 %.
    let wanted = 8_640.0_f64;
    let half = 2.576 * 0.9 * wanted.sqrt();
    assert!((f64::from(strikes) - wanted).abs() < half, "{strikes} for {wanted}");
}

/// A head, its three workers and a switch; the server and the controller run on the head.
const HEAD: &str = "schema = 1\n[boot]\nmethod = \"sd\"\n\
    [[switch]]\nname = \"desk\"\nports = 8\nuplink = \"1 Gbit/s\"\npower = \"5 W\"\n\
    [[group]]\nname = \"head\"\nnodes = 1\nhardware = \"pi_3b\"\n\
    [[group]]\nname = \"work\"\nnodes = 3\nhardware = \"pi_3b\"\n\
    [server]\nnode = \"head\"\n[controller]\ndetect = \"10 s\"\n\
    [workload.bulk-synchronous]\nstep = \"10 s\"\nwork = \"10 min\"\n\
    [stop]\nwhen = \"workload done\"\nat = \"1 d\"\n";

#[test]
fn who_is_cut_from_the_node_that_is_the_server_is_cut_from_the_controller() {
    for side in ["pi1", "server", "controller", "group[head]"] {
        let rule = partition([side, "pi[2-3]"], false, "200 s", "60 s");
        let (outcome, events) = play(&format!("{HEAD}{rule}"));
        assert_eq!(outcome.end, Some(EndReason::WorkDone));
        let waits = |event: &&Event| {
            matches!(event.what, What::JobPhase { phase: JobPhase::Waiting, .. })
                && event.at.0 > 100_000_000_000
        };
        assert!(events.iter().any(|event| waits(&event)), "{side}");
    }
    let (_, events) = play(&format!("{HEAD}{}", partition(["pi2", "pi3"], false, "200 s", "60 s")));
    assert!(!events.iter().any(|event| matches!(event.what, What::WorkLost { .. })));
}

#[test]
fn stages_that_cannot_cut_say_why() {
    let plan = plan_of(&job("", &partition(["pi1", "pi2"], false, "5 s", "60 s")));
    let why = Loopback.cannot(&plan).join("\n");
    assert!(why.contains("[[fault.partition]] `partition`: processes of one machine"), "{why}");
    let text = job("", &partition(["pi1", "controller"], true, "5 s", "60 s"));
    let plan = plan_of(&text.replace("detect = \"0 s\"", "detect = \"8 s\""));
    for stage in [&Model as &dyn Backend, &Turmoil, &Reference] {
        assert_eq!(stage.cannot(&plan), Vec::<String>::new());
    }
}
