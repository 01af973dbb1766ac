//! Wi-Fi cells: what shares the air, by closed forms and by the oracle, and what stops it.

use rackstorm::backend::turmoil::Turmoil;
use rackstorm::ids::{Part, PartKind};
use rackstorm::scenario::{Overrides, load_text};
use rackstorm::units::{BitRate, Bytes, Span, Time};

use crate::harness::{plan_of, play_on, play_text};
use crate::transfers::flow_oracle::FlowOracle;

const MBIT: u64 = 1_000_000;

/// Eight nodes in a cell of 40 Mbit/s of which payload gets half, four in another one of 10 Mbit/s
/// in all, and two on the switch above both. Links are of 100 Mbit/s, and payload gets all of them.
fn cells(text: &str) -> String {
    let group = |name: &str, nodes: u32, switch: &str| {
        format!(
            "[[group]]\nname = \"{name}\"\nnodes = {nodes}\nhardware = \"pi_3b\"\n\
             switch = \"{switch}\"\n"
        )
    };
    let cell = |name: &str, rate: &str, efficiency: &str| {
        format!(
            "[[cell]]\nname = \"{name}\"\nrate = \"{rate}\"\nefficiency = {efficiency}\n\
             under = \"desk\"\nuplink = \"100 Mbit/s\"\npower = \"5 W\"\nsupply = \"wall\"\n"
        )
    };
    format!(
        "schema = 1\n{}{}{}{}{}\
         [[switch]]\nname = \"desk\"\nports = 4\nuplink = \"1 Gbit/s\"\npower = \"5 W\"\n\
         [[supply]]\nname = \"wall\"\nlimit = \"20 W\"\n\
         [network]\ntcp_share = 1.0\n[boot]\nmethod = \"instant\"\n\
         [controller]\ndetect = \"0 s\"\nsettle = \"0 s\"\n[stop]\nat = \"1 d\"\n{text}",
        group("near", 8, "air"),
        group("far", 4, "attic"),
        group("wired", 2, "desk"),
        cell("air", "40 Mbit/s", "0.5"),
        cell("attic", "10 Mbit/s", "1.0"),
    )
}

fn table(rows: &[(f64, String, String, u64)]) -> String {
    let lines = rows.iter().map(|(at, from, to, bytes)| format!("{at},{from},{to},{bytes}\n"));
    let lines: String = lines.collect();
    format!("[transfers]\nrows = '''\nstart,source,destination,bytes\n{lines}'''\n")
}

/// When each transfer of 10 MB between these ends has arrived (s), all begun at once.
fn arrivals(ends: &[(&str, &str)], text: &str) -> Vec<f64> {
    let row = |&(from, to): &(&str, &str)| (0.0, from.to_owned(), to.to_owned(), 10_000_000);
    let rows: Vec<_> = ends.iter().map(row).collect();
    let run = play_text(&cells(&format!("{text}{}", table(&rows))), None);
    run.findings.transfers.iter().map(|row| row.end_s).collect()
}

fn assert_times(found: &[f64], wanted: &[f64]) {
    assert_eq!(found.len(), wanted.len());
    for (found, wanted) in found.iter().zip(wanted) {
        assert!((found - wanted).abs() < 1e-6, "{found} s for {wanted} s");
    }
}

/// 10 MB over 20 Mbit/s of air take 4 s.
#[test]
fn all_that_is_in_a_cell_shares_its_rate_times_its_efficiency() {
    assert_times(&arrivals(&[("pi1", "server[1]")], ""), &[4.0]);
    let up: Vec<_> = ["pi1", "pi2", "pi3", "pi4", "pi5"].map(|node| (node, "server[1]")).to_vec();
    assert_times(&arrivals(&up, ""), &[20.0; 5]);
    // Up and down share it, where each has a wire's whole rate.
    assert_times(&arrivals(&[("pi1", "server[1]"), ("server[1]", "pi2")], ""), &[8.0; 2]);
    assert_times(&arrivals(&[("pi13", "pi14"), ("pi14", "pi13")], ""), &[0.8; 2]);
}

/// Two laptops on Wi-Fi were half as fast as one of them on a wire: thornelabs.net, "Wireless
/// Laptop to Wireless Laptop Real World Throughput Benchmarks".
#[test]
fn what_goes_from_node_to_node_crosses_the_air_twice() {
    assert_times(&arrivals(&[("pi1", "pi2")], ""), &[8.0]);
    // Of 20 Mbit/s a node's send to another takes two parts where that to a wire takes one: both
    // move at 20/3 Mbit/s until 12 s.
    assert_times(&arrivals(&[("pi1", "pi2"), ("pi3", "pi13")], ""), &[12.0; 2]);
    // From cell to cell once each, at the rate of the slower one.
    assert_times(&arrivals(&[("pi1", "pi9")], ""), &[8.0]);
    // Two into the slow cell leave half of the other one to a third.
    let three = [("pi1", "pi9"), ("pi3", "pi10"), ("pi2", "server[1]")];
    assert_times(&arrivals(&three, ""), &[16.0, 16.0, 8.0]);
}

#[test]
fn a_dead_access_point_cuts_all_its_nodes_off() {
    let ends = [("pi1", "pi2"), ("pi3", "server[1]"), ("pi9", "server[1]"), ("pi13", "pi14")];
    // 2 s of air to the end of the first, 20/3 Mbit/s each; the attic has 10 Mbit/s.
    assert_times(&arrivals(&ends, ""), &[12.0, 12.0, 8.0, 0.8]);
    let struck = |fault: &str| {
        let text = format!("[[fault.{fault}\nat = \"6 s\"\nrepair = \"10 s\"\n");
        arrivals(&ends, &text)
    };
    let late = [22.0, 22.0, 8.0, 0.8];
    assert_times(&struck("switch-loss]]\non = \"cell[air]\""), &late);
    assert_times(&struck("switch-loss]]\non = \"switch[air]\""), &late);
    assert_times(&struck("link-degradation]]\nshare = 0.0\non = \"cell[air]/air\""), &late);
    // At a half of its rate for 10 s it does in them what takes it 5 s.
    let half = [17.0, 17.0, 8.0, 0.8];
    assert_times(&struck("link-degradation]]\nshare = 0.5\non = \"cell[air]/air\""), &half);
    // Both access points hang on one supply.
    let both = [22.0, 22.0, 18.0, 0.8];
    assert_times(&struck("power-loss]]\non = \"supply[wall]\""), &both);
    assert_times(&struck("switch-loss]]\non = \"cell\""), &both);
}

#[test]
fn a_plan_says_who_is_cut_off_by_a_dead_cell() {
    let plan = plan_of(&cells(""));
    let names = |kind, index| {
        let part = Part { kind, index };
        let nodes: Vec<_> = plan.machine.cut_off_by(part).map(|node| node.0).collect();
        (plan.machine.name(part), nodes)
    };
    let near: Vec<u32> = (0..8).collect();
    assert_eq!(names(PartKind::Switch, 1), ("cell[air]".into(), near.clone()));
    assert_eq!(names(PartKind::Uplink, 1), ("cell[air]/air".into(), near));
    assert_eq!(names(PartKind::Switch, 0).1.len(), 14);
}

/// A checkpoint of 5 MB of 8 nodes takes 16 s of air of 20 Mbit/s. If the server is a node of the
/// cell, all cross it twice but its own, which cross nothing.
#[test]
fn checkpoints_share_the_air_as_the_theory_says() {
    let job = "[server]\ndisk_request = \"0 s\"\n\
               [workload.bulk-synchronous]\nnodes = 8\nstep = \"1 min\"\nwork = \"10 min\"\n\
               [checkpoint.coordinated]\nsize = \"5 MB\"\ninterval = \"5 min\"\n\
               to = \"file-server\"\n";
    let takes = |text: &str| {
        let plan = plan_of(text);
        let played = play_text(text, None).metric("checkpoint_time_max");
        let theory = plan.jobs[0].checkpoint_cost.as_secs_f64();
        assert!((played - theory).abs() < 1e-6, "{played} s for {theory} s");
        played
    };
    assert!((takes(&cells(job)) - 16.0).abs() < 1e-6);
    let head = job.replace("[server]\n", "[server]\nnode = \"pi1\"\n");
    let one = "[[group]]\nname = \"near\"\nnodes = 8";
    let text = cells(&head).replace("nodes = 8\nstep", "nodes = 7\nstep");
    assert!(text.contains(one));
    assert!((takes(&text) - 28.0).abs() < 1e-6);
}

/// The fleet moves what is declared over the same fabric.
#[test]
fn turmoil_shares_the_air_as_the_model_does() {
    let job = "[server]\ndisk_request = \"0 s\"\n\
               [workload.bulk-synchronous]\nnodes = 8\nstep = \"10 s\"\nwork = \"2 min\"\n\
               [checkpoint.coordinated]\nsize = \"5 MB\"\ninterval = \"50 s\"\n\
               to = \"file-server\"\n[[fault.link-degradation]]\non = \"cell[air]/air\"\n\
               share = 0.0\nat = \"80 s\"\nrepair = \"20 s\"\n";
    let text = cells(job).replace("detect = \"0 s\"\n", "detect = \"4 s\"\n");
    let text = text.replace("[stop]\n", "[stop]\nwhen = \"workload done\"\n");
    let plan = plan_of(&text);
    let (model, fleet) = (play_text(&text, None), play_on(&Turmoil, &plan));
    for name in ["checkpoints_committed", "failures", "jobs_done"] {
        let (model, fleet) = (model.metric(name), fleet.metric(name));
        assert!((model - fleet).abs() < 1e-9, "{name}: {model} and {fleet}");
    }
    let (model, fleet) = (model.metric("checkpoint_time_max"), fleet.metric("checkpoint_time_max"));
    assert!((model - fleet).abs() < 0.1, "{model} s and {fleet} s");
}

/// The links of [`cells`]: of each node, what it sends and receives; then of the cells air, up and
/// down; and both ways to the server.
fn air_of_the_oracle() -> (FlowOracle, (usize, usize)) {
    let mut oracle = FlowOracle::new();
    for _ in 0..28 {
        oracle.link(BitRate(100 * MBIT));
    }
    for air in [20, 10] {
        oracle.link(BitRate(air * MBIT));
        oracle.link(BitRate(100 * MBIT));
        oracle.link(BitRate(100 * MBIT));
    }
    let (up, down) = (oracle.link(BitRate(1_000 * MBIT)), oracle.link(BitRate(1_000 * MBIT)));
    (oracle, (up, down))
}

/// The links between two of the 14 nodes and the server, which is number 14.
fn route(from: usize, to: usize, (up, down): (usize, usize)) -> Vec<usize> {
    let cell = |end: usize| match end {
        0..8 => Some(28),
        8..12 => Some(31),
        _ => None,
    };
    let (left, entered) = (cell(from), cell(to));
    let mut links = Vec::new();
    links.extend((from < 14).then_some(2 * from));
    links.extend(left);
    links.extend(left.filter(|_| left != entered).map(|air| air + 1));
    links.extend((from < 14 && to == 14).then_some(up));
    links.extend((from == 14).then_some(down));
    links.extend(entered.filter(|_| left != entered).map(|air| air + 2));
    links.extend(entered);
    links.extend((to < 14).then_some(2 * to + 1));
    links
}

/// A thousand sends and reads in two cells, over the switch between them and to the server.
#[test]
fn a_storm_over_two_cells_ends_as_the_oracle_says() {
    let mut state: u64 = 1;
    let mut draw = move |bound: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let (mut oracle, (up, down)) = air_of_the_oracle();
    let route = |from, to| route(from, to, (up, down));
    let mut rows: Vec<(u64, usize, usize, u64)> = (0..1_000)
        .map(|_| {
            let (at, from) = (draw(1_000_000) * 1_000_000, draw(15) as usize);
            let to = (from + 1 + draw(14) as usize) % 15;
            (at, from, to, 100_000 + draw(4_000_000))
        })
        .collect();
    rows.sort_unstable();
    let name = |end: usize| if end == 14 { "server".into() } else { format!("pi{}", end + 1) };
    let row = |&(at, from, to, bytes): &(u64, usize, usize, u64)| {
        (at as f64 / 1e9, name(from), name(to), bytes)
    };
    let lines: Vec<_> = rows.iter().map(row).collect();
    // The server's link is wide, so that only the uplink to it counts.
    let server = "[server]\nlink = \"100 Gbit/s\"\n";
    let run = play_text(&cells(&(table(&lines) + server)), None);
    let mut ends = vec![0; rows.len()];
    let mut starts = rows.iter().enumerate().peekable();
    loop {
        let next = oracle.next();
        let start = starts.peek().map(|(_, row)| Time(row.0));
        let Some(at) = next.into_iter().chain(start).min() else { break };
        while let Some((tag, _)) = oracle.finished(at) {
            ends[tag as usize] = at.0;
        }
        while let Some((tag, &(_, from, to, bytes))) = starts.next_if(|(_, row)| row.0 == at.0) {
            let cap = BitRate(100 * MBIT);
            oracle.start(at, &route(from, to), cap, Bytes(bytes), 1, tag as u64);
        }
    }
    let wrong = run
        .findings
        .transfers
        .iter()
        .zip(&ends)
        .filter(|(row, end)| Span::from_secs_f64(row.end_s).0.abs_diff(**end) > 0);
    assert_eq!(wrong.count(), 0);
    let longest = run.findings.transfers.iter().map(|row| row.end_s - row.begin_s);
    assert!(longest.fold(0.0, f64::max) > 60.0, "they hold each other up");
}

#[test]
fn a_resolved_cluster_with_cells_loads_to_the_same() {
    let scenario = plan_of(&cells("")).scenario;
    let again = rackstorm::scenario::text(&scenario);
    let loaded = load_text(&scenario.name, &again, &Overrides::default());
    let loaded = loaded.unwrap_or_else(|mistakes| panic!("{mistakes}\n{again}"));
    assert_eq!(loaded.scenario, scenario);
}

#[test]
fn the_air_may_change_while_it_carries_something() {
    let change = "[[change]]\nat = \"2 s\"\nset = [\"cell.0.rate = 20 Mbit/s\"]\n";
    // Half of it moves at 20 Mbit/s and the other half at 10.
    assert_times(&arrivals(&[("pi1", "server[1]")], change), &[6.0]);
}
