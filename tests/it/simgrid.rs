//! Transfers against another simulator: `SimGrid`, where it is installed.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::{Bench, root};
use crate::transfers::{machine, play, table};

/// Its program, or nothing, after saying so, where it cannot be built.
#[expect(clippy::print_stdout, reason = "a test that skips must say so")]
fn program(folder: &Path) -> Option<PathBuf> {
    let program = folder.join("transfers");
    let source = root().join("tests/simgrid/transfers.cpp");
    let mut compiler = Command::new("g++");
    compiler.args(["-O2", "-std=c++17", "-o"]).arg(&program).arg(source).arg("-lsimgrid");
    if Path::new("/usr/include/simgrid/s4u.hpp").exists() {
        let built = compiler.output().ok().filter(|done| done.status.success());
        if built.is_some() {
            return Some(program);
        }
    }
    println!("skipped: no g++ with SimGrid (Debian: apt install g++ libsimgrid-dev)");
    None
}

type Row = (f64, String, String, u64);

/// All of these nodes send to all others, at once or in rounds.
fn all_to_all(nodes: u32, round_s: Option<f64>) -> Vec<Row> {
    let mut rows = Vec::new();
    for round in 1..nodes {
        let at = round_s.map_or(0.0, |span| f64::from(round - 1) * span);
        for node in 0..nodes {
            let to = (node + round) % nodes;
            rows.push((at, format!("pi{}", node + 1), format!("pi{}", to + 1), 1_000_000));
        }
    }
    rows
}

/// A thousand of 1 to 100 MB in a minute and a half, half of them from or to the server.
fn storm(nodes: u32) -> Vec<Row> {
    let mut state = 1_u64;
    let mut draw = |bound: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let mut row = || {
        let (a, step) = (draw(nodes.into()), 1 + draw(u64::from(nodes) - 1));
        let node = |number: u64| format!("pi{}", number % u64::from(nodes) + 1);
        let (from, to) = match draw(4) {
            0 => (node(a), "server".to_owned()),
            1 => ("server".to_owned(), node(a)),
            _ => (node(a), node(a + step)),
        };
        (draw(90_000) as f64 / 1e3, from, to, 1_000_000 + draw(99_000_001))
    };
    (0..1_000).map(|_| row()).collect()
}

/// Both play the table; gives the largest difference of a finish time, as a share of it.
fn difference(program: &Path, rows: &[Row], (nodes, per_switch): (u32, u32)) -> f64 {
    let bench = Bench::new();
    let (uplink, server) = ("400 Mbit/s", "[server]\nlink = \"1 Gbit/s\"\n");
    let lines = rows.iter().map(|(at, from, to, bytes)| format!("{at},{from},{to},{bytes}\n"));
    let text = format!("start,source,destination,bytes\n{}", lines.collect::<String>());
    let file = bench.write("table.csv", &text);
    let mut command = Command::new(program);
    command.arg(file).args([nodes, per_switch].map(|it| it.to_string()));
    let done = command.args(["1e8", "4e8", "1e9"]).output().expect("it was built");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let theirs: Vec<f64> = (String::from_utf8(done.stdout).expect("text").lines())
        .map(|line| line.split(' ').nth(1).and_then(|end| end.parse().ok()).expect("an end"))
        .collect();
    let rows: Vec<_> =
        rows.iter().map(|(at, from, to, bytes)| (*at, &**from, &**to, *bytes)).collect();
    let (outcome, _) = play(&machine(nodes, per_switch, uplink, &(table(&rows) + server)));
    assert_eq!(theirs.len(), outcome.findings.transfers.len());
    let pairs = outcome.findings.transfers.iter().zip(theirs);
    pairs.map(|(ours, theirs)| (ours.end_s - theirs).abs() / theirs).fold(0.0, f64::max)
}

#[test]
fn transfers_end_when_simgrid_says_within_a_millionth() {
    let bench = Bench::new();
    let Some(program) = program(bench.path()) else { return };
    for (what, rows, shape) in [
        ("all to all at once", all_to_all(64, None), (64, 64)),
        ("all to all over four switches", all_to_all(64, None), (64, 16)),
        ("in rounds", all_to_all(64, Some(0.08)), (64, 64)),
        ("a storm", storm(100), (100, 25)),
    ] {
        let most = difference(&program, &rows, shape);
        assert!(most < 1e-6, "{what}: {most}");
    }
}
