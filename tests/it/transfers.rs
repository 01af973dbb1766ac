//! Transfers between parts: closed forms, the oracle, and what becomes of them when parts fail.

use rackstorm::analysis::TransferFinding;
use rackstorm::event::{EndReason, Purpose, TaskAct, TaskKind, What};
use rackstorm::stage::Model;
use rackstorm::units::{BitRate, Bytes, Span, Time};
use rackstorm::{Outcome, Plan, Run};

use crate::program::Bench;

#[path = "../../src/hardware/flow_oracle.rs"]
#[allow(dead_code, reason = "the tests of the fabric ask it for more")]
pub(crate) mod flow_oracle;

use flow_oracle::FlowOracle;

/// Nodes behind switches of `per_switch` each that are up at once. A node's link and payload are of
/// 100 Mbit/s, so that 100 MB take 8 s; an uplink has what is given.
pub(crate) fn machine(nodes: u32, per_switch: u32, uplink: &str, text: &str) -> String {
    let switches = nodes / per_switch;
    let fed: Vec<_> = (1..=switches).collect();
    format!(
        "schema = 1\n[cluster]\nhardware = \"pi_3b\"\n\
         [module]\nnodes = {nodes}\nspares = 0\npacks = [{nodes}]\nswitches = {switches}\n\
         uplink = \"{uplink}\"\n\
         psu = [{{ packs = [1], switches = {fed:?}, limit = \"1 MW\", restart = \"10 s\" }}]\n\
         [network]\ntcp_share = 1.0\n[boot]\nmethod = \"instant\"\n\
         [controller]\ndetect = \"0 s\"\nsettle = \"0 s\"\n[stop]\nat = \"30 d\"\n{text}"
    )
}

pub(crate) fn table(rows: &[(f64, &str, &str, u64)]) -> String {
    let lines = rows.iter().map(|(at, from, to, bytes)| format!("{at},{from},{to},{bytes}\n"));
    let lines: String = lines.collect();
    format!("[transfers]\nrows = '''\nstart,source,destination,bytes\n{lines}'''\n")
}

pub(crate) fn play(text: &str) -> (Outcome, Vec<What>) {
    let scenario = rackstorm::read("rack", text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let mut events = Vec::new();
    let plan = Plan::make(&scenario);
    let outcome = Run::new(&plan, &Model).sink(&mut events).play().expect("it plays");
    (outcome, events.into_iter().map(|event| event.what).collect())
}

/// When each transfer had arrived or was lost (s), and its status.
fn ends(text: &str) -> Vec<(f64, String)> {
    let (outcome, _) = play(text);
    let end = |row: TransferFinding| (row.end_s, row.status);
    outcome.findings.transfers.into_iter().map(end).collect()
}

fn done(at: f64) -> (f64, String) {
    (at, "done".to_owned())
}

fn lost(at: f64) -> (f64, String) {
    (at, "lost".to_owned())
}

const MB_100: u64 = 100_000_000;

#[test]
fn one_transfer_takes_its_bytes_over_the_rate_of_the_link() {
    let text = machine(4, 4, "1 Gbit/s", &table(&[(0.5, "pi1", "pi2", MB_100)]));
    let (outcome, events) = play(&text);
    assert_eq!(outcome.end, Some(EndReason::WorkDone));
    assert_eq!(outcome.findings.transfers[0].begin_s.to_bits(), 0.5_f64.to_bits());
    assert_eq!(ends(&text), [done(8.5)]);
    let moved = What::Transfer {
        purpose: Purpose::Workload,
        nodes: 1,
        received: Bytes(MB_100),
        lost: Bytes(0),
    };
    let (kind, act, span) = (TaskKind::Transfer, TaskAct::End, Span::ZERO);
    let end = What::Task { kind, number: 0, act, node: None, span };
    assert!(events.windows(2).any(|two| two == [moved, end]), "the bytes stand before the end");
}

#[test]
fn two_that_send_to_one_share_its_link_and_two_that_cross_do_not() {
    let to_one = table(&[(0.0, "pi1", "pi3", MB_100), (0.0, "pi2", "pi3", MB_100)]);
    assert_eq!(ends(&machine(4, 4, "1 Gbit/s", &to_one)), [done(16.0), done(16.0)]);
    let crossing = table(&[(0.0, "pi1", "pi2", MB_100), (0.0, "pi2", "pi1", MB_100)]);
    assert_eq!(ends(&machine(4, 4, "1 Gbit/s", &crossing)), [done(8.0), done(8.0)]);
}

#[test]
fn transfers_between_switches_share_their_uplinks_and_those_inside_do_not() {
    let rows = table(&[
        (0.0, "pi1", "pi3", MB_100),
        (0.0, "pi2", "pi4", MB_100),
        (0.0, "pi3", "pi4", MB_100 / 2),
        (0.0, "server[1]", "pi2", MB_100),
    ]);
    // pi4 receives two: the uplink's half and the rest; pi3's own fills the other half.
    let expected = [done(16.0), done(16.0), done(8.0), done(8.0)];
    assert_eq!(ends(&machine(4, 2, "100 Mbit/s", &rows)), expected);
}

#[test]
fn a_node_that_stops_loses_what_it_sends_and_receives_and_what_begins_while_it_is_down() {
    let rows = table(&[
        (0.0, "pi1", "pi2", MB_100),
        (0.0, "pi3", "pi1", MB_100),
        (0.0, "pi3", "pi2", MB_100),
        (6.0, "pi2", "pi1", MB_100),
        (20.0, "pi2", "pi1", MB_100),
    ]);
    let crash = "[[fault.crash]]\non = \"pi1\"\nat = \"4 s\"\nrepair = \"10 s\"\n";
    let (outcome, events) = play(&machine(4, 4, "1 Gbit/s", &(rows.clone() + crash)));
    // Both receive at half the rate until 4 s, from when on pi3's other one has all of it.
    let all = [lost(4.0), lost(4.0), done(10.0), lost(6.0), done(28.0)];
    assert_eq!(ends(&machine(4, 4, "1 Gbit/s", &(rows + crash))), all);
    let metric = |name| outcome.findings.metric(name).map(|metric| metric.value);
    assert_eq!(metric("transfers_done"), Some(2.0));
    assert_eq!(metric("transfers_lost"), Some(3.0));
    assert_eq!(metric("transfers_unfinished"), Some(0.0));
    assert_eq!(metric("transfer_time_mean"), Some(9.0));
    assert_eq!(metric("bytes_lost_workload"), Some(50e6));
    let begun = events.iter().filter(|what| matches!(what, What::Task { act: TaskAct::Begin, .. }));
    assert_eq!(begun.count(), 4);
}

#[test]
fn a_dead_switch_holds_up_what_crosses_it_and_nothing_is_lost() {
    let rows = table(&[(0.0, "pi1", "pi2", MB_100), (0.0, "pi3", "pi4", MB_100)]);
    let fault = "[[fault.switch-loss]]\non = \"switch[1]\"\nat = \"4 s\"\nrepair = \"10 s\"\n";
    assert_eq!(ends(&machine(4, 2, "1 Gbit/s", &(rows + fault))), [done(18.0), done(8.0)]);
}

#[test]
fn a_degraded_link_slows_what_its_node_sends() {
    let rows = table(&[(0.0, "pi1", "pi2", MB_100), (0.0, "pi3", "pi4", MB_100)]);
    let fault = "[[fault.link-degradation]]\non = \"link[1]\"\nat = \"4 s\"\nshare = \"50 %\"\n";
    assert_eq!(ends(&machine(4, 4, "1 Gbit/s", &(rows + fault))), [done(12.0), done(8.0)]);
}

#[test]
fn a_checkpoint_and_a_transfer_share_the_link_of_their_node() {
    let rows = table(&[(10.0, "pi1", "pi2", MB_100)]);
    let job = "[workload.bulk-synchronous]\nnodes = 1\nstep = \"10 s\"\nwork = \"20 s\"\n\
               [checkpoint.coordinated]\ninterval = \"10 s\"\nsize = \"100 MB\"\n\
               [server]\ndisk_request = \"0 s\"\n";
    let (outcome, _) = play(&machine(4, 4, "1 Gbit/s", &(rows + job)));
    assert_eq!(outcome.findings.transfers[0].end_s.to_bits(), 26_f64.to_bits());
    let metric = outcome.findings.metric("checkpoint_time_mean").expect("it writes one");
    assert_eq!(metric.value.to_bits(), 16_f64.to_bits());
    assert_eq!(outcome.end, Some(EndReason::WorkDone), "both are done");
}

/// All send to all: each of n has n - 1 sends and as many to receive.
#[test]
fn an_all_to_all_at_once_takes_as_long_as_one_link_has_to_carry() {
    let mut rows = Vec::new();
    let names: Vec<String> = (1..=64).map(|node| format!("pi{node}")).collect();
    for from in &names {
        for to in names.iter().filter(|to| *to != from) {
            rows.push((0.0, from.as_str(), to.as_str(), 1_000_000));
        }
    }
    let text = machine(64, 64, "1 Gbit/s", &table(&rows));
    let (outcome, _) = play(&text);
    assert_eq!(outcome.findings.transfers.len(), 64 * 63);
    let at = outcome.findings.metric("transfers_end").map(|metric| metric.value);
    assert_eq!(at, Some(63.0 * 0.08));
    let first = outcome.findings.transfers.iter().map(|row| row.end_s).fold(f64::MAX, f64::min);
    assert_eq!(Some(first), at, "all end at once");
}

/// The same, one round after the other: in round k node i sends to node i + k.
#[test]
fn pairwise_rounds_never_share_a_link() {
    let mut rows = Vec::new();
    let names: Vec<String> = (1..=8).map(|node| format!("pi{node}")).collect();
    for round in 1..8 {
        for (node, from) in names.iter().enumerate() {
            let at = f64::from(round - 1) * 0.08;
            rows.push((at, from.as_str(), names[(node + round as usize) % 8].as_str(), 1_000_000));
        }
    }
    let text = machine(8, 8, "1 Gbit/s", &table(&rows));
    let (outcome, _) = play(&text);
    for (number, row) in outcome.findings.transfers.iter().enumerate() {
        let at = (number / 8 + 1) as f64 * 0.08;
        assert!((row.end_s - at).abs() < 1e-9, "{row:?}");
    }
}

/// A thousand rows of 40 nodes behind four switches and a server, against water-filling from
/// scratch.
#[test]
fn a_thousand_transfers_on_a_tree_end_when_the_oracle_says() {
    const MBIT: u64 = 1_000_000;
    let mut state = 1_u64;
    let mut draw = |bound: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let (nodes, per_switch) = (40, 10);
    let mut oracle = FlowOracle::new();
    for _ in 0..2 * nodes {
        oracle.link(BitRate(100 * MBIT));
    }
    for _ in 0..2 * (nodes / per_switch) {
        oracle.link(BitRate(400 * MBIT));
    }
    let (sent, received) = (oracle.link(BitRate(500 * MBIT)), oracle.link(BitRate(500 * MBIT)));
    let trunk = |node: usize, down: usize| 2 * nodes + 2 * (node / per_switch) + down;
    let mut rows: Vec<(u64, usize, usize, u64)> = (0..1_000)
        .map(|_| {
            let at = draw(600_000) * 100_000;
            let from = draw(nodes as u64) as usize;
            // Half of them go to the server or come from it, number 40.
            let to = if draw(2) == 0 { nodes } else { (from + 1 + draw(39) as usize) % nodes };
            let (from, to) = if to == nodes && draw(2) == 0 { (to, from) } else { (from, to) };
            (at, from, to, 1_000_000 + draw(99_000_000))
        })
        .collect();
    rows.sort_unstable();
    let name = |end: usize| match end {
        40 => "server".to_owned(),
        node => format!("pi{}", node + 1),
    };
    let lines: Vec<_> = rows
        .iter()
        .map(|&(at, from, to, bytes)| (at as f64 / 1e9, name(from), name(to), bytes))
        .collect();
    let lines: Vec<_> = lines.iter().map(|it| (it.0, it.1.as_str(), it.2.as_str(), it.3)).collect();
    let server = "[server]\nlink = \"500 Mbit/s\"\n";
    let (outcome, _) = play(&machine(40, 10, "400 Mbit/s", &(table(&lines) + server)));
    let mut expected = vec![0; rows.len()];
    let mut starts = rows.iter().enumerate().peekable();
    loop {
        let next = oracle.next();
        let start = starts.peek().map(|(_, row)| Time(row.0));
        let Some(at) = next.into_iter().chain(start).min() else { break };
        while let Some((tag, _)) = oracle.finished(at) {
            expected[tag as usize] = at.0;
        }
        while let Some((tag, row)) = starts.next_if(|(_, row)| row.0 == at.0) {
            let &(_, from, to, bytes) = row;
            let mut route = Vec::new();
            match (from, to) {
                (40, to) => route.extend([sent, trunk(to, 1), 2 * to + 1]),
                (from, 40) => route.extend([2 * from, trunk(from, 0), received]),
                (from, to) if from / per_switch == to / per_switch => {
                    route.extend([2 * from, 2 * to + 1]);
                }
                (from, to) => {
                    route.extend([2 * from, trunk(from, 0), trunk(to, 1), 2 * to + 1]);
                }
            }
            oracle.start(at, &route, BitRate(100 * MBIT), Bytes(bytes), 1, tag as u64);
        }
    }
    for (row, at) in outcome.findings.transfers.iter().zip(expected) {
        let end = (row.end_s * 1e9).round() as u64;
        assert!(end.abs_diff(at) <= 1, "{row:?}: {at} ns");
    }
}

#[test]
fn a_results_folder_replays_without_the_table_that_it_came_from() {
    let bench = Bench::new();
    let rows = "start,source,destination,bytes,why\n0.25,pi1,server,1000000,x\n1,pi2,pi3,5000\n";
    bench.write("storm.csv", rows);
    let text = machine(4, 4, "1 Gbit/s", "[transfers]\nfile = \"storm.csv\"\n");
    let file = bench.write("storm.toml", &text);
    let run = &bench.play(&[file], &[])[0];
    std::fs::remove_file(bench.path().join("storm.csv")).expect("it is there");
    let folder = bench.path().join(run["results"].as_str().expect("a path"));
    let table = std::fs::read_to_string(folder.join("transfers.csv")).expect("a table");
    assert_eq!(
        table,
        "transfer,source,destination,bytes,begin_s,end_s,status\n\
         1,pi1,server[1],1000000,0.25,0.33,done\n2,pi2,pi3,5000,1.0,1.0004,done\n"
    );
    let again = bench.run(&["replay", folder.to_str().expect("text")]);
    assert_eq!(again.code, 0, "{}", again.stderr);
}

/// Torn, empty, huge, of another kind: each with a message, at its place.
#[test]
fn a_table_that_is_none_is_refused_with_what_is_wrong() {
    let bench = Bench::new();
    let file = bench
        .write("storm.toml", &machine(4, 4, "1 Gbit/s", "[transfers]\nfile = \"storm.csv\"\n"));
    let mut row = String::from("start,source,destination,bytes\n");
    for number in 0..500_001 {
        row += if number % 2 == 0 { "0,pi1,pi2,1\n" } else { "0,pi2,pi1,1\n" };
    }
    let cases: [(&[u8], &str); 6] = [
        (b"", "a table of transfers without the column `start`"),
        (b"start,source,destination,bytes\n", "a table without transfers below its header"),
        (b"start,source,bytes\n0,pi1,1\n", "without the column `destination`"),
        (b"start,source,destination,bytes\n0,pi1,pi2", "no value in the column `bytes`"),
        (b"start,source,destination,bytes\n0,pi1,\xff,1\n", "the text is not UTF-8"),
        (row.as_bytes(), "more than 500000 transfers"),
    ];
    for (table, wanted) in cases {
        std::fs::write(bench.path().join("storm.csv"), table).expect("written");
        let done = bench.run(&["validate", file.to_str().expect("text")]);
        assert_eq!(done.code, 2, "{}", done.stderr);
        assert!(done.stderr.contains(wanted), "{wanted}: {}", done.stderr);
    }
}

/// The folder of a study lies elsewhere than its file, and is played from any folder.
#[test]
fn a_study_finds_the_table_of_its_transfers_from_its_own_folder() {
    let bench = Bench::new();
    bench.write("storm.csv", "start,source,destination,bytes\n0,pi1,pi2,100000000\n");
    let swept = "[transfers]\nfile = \"storm.csv\"\n\
                 [sweep]\n\"hardware.link\" = [\"100 Mbit/s\", \"200 Mbit/s\"]\n";
    let file = bench.write("storm.toml", &machine(4, 4, "1 Gbit/s", swept));
    let done = bench.run(&["study", file.to_str().expect("text"), "-o", "far/away", "--quiet"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let table =
        std::fs::read_to_string(bench.path().join("far/away/results.csv")).expect("a table");
    let mut rows = csv::Reader::from_reader(table.as_bytes());
    let place = rows.headers().expect("a header").iter().position(|it| it == "transfer_time_mean");
    let place = place.expect("the metric is there");
    let means: Vec<_> = rows.records().map(|row| row.expect("a row")[place].to_owned()).collect();
    assert_eq!(means, ["8.0", "4.0"]);
}
