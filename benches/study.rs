//! Replications in memory, one thread: CPU milliseconds of a run, as a study plays thousands.
//!
//! `cargo bench --bench study` plays three jobs with many seeds: a coordinated job on 10,000 of
//! 10,500 nodes for 20 days with fixed costs of checkpoints; the same with checkpoints through the
//! fabric; and `single_node_exponential.toml`. `-- --short` plays fewer seeds. The last column is a
//! hash over all values of all metrics: two programs that differ in speed alone agree in it.
//! Targets are in CPU milliseconds of a quiet machine.
#![allow(clippy::print_stdout, missing_docs)]

use std::fs;
use std::path::Path;

use rackstorm::stage::Model;
use rackstorm::{Overrides, Plan, Run, Scenario, load, read};

/// 70 modules with 150 nodes each; a node fails every 5.5 years, one of the job every 4.8 hours.
const ROOM: &str = r#"
schema  = 1
inherit = "lanl_pilot"
cluster.modules = 70
boot.method = "instant"
stop = { when = "workload done", at = "60 d" }
[[fault.crash]]
on       = "node"
lifetime = { exponential = { mean = "5.5 y" } }
repair   = "10 min"
[workload.bulk-synchronous]
nodes = 10000
step  = "60 s"
work  = "16 d"
[checkpoint.coordinated]
interval = "daly"
"#;

fn main() {
    let short = std::env::args().any(|argument| argument == "--short");
    let seeds = |n: u64| if short { n / 10 } else { n };
    println!(
        "{:>24} {:>6} {:>8} {:>9} {:>8} {:>9} {:>17}",
        "", "runs", "failures", "events", "ms/run", "target", "metrics"
    );
    let room = |cost: &str| read("room", &format!("{ROOM}{cost}\n")).expect("the text is good");
    let span = room(r#"cost = { write = "10 min", read = "10 min" }"#);
    row("fixed costs", &span, seeds(200), 12.0);
    row("through the fabric", &room(r#"size = "100 MB""#), seeds(50), f64::INFINITY);
    let path = "scenarios/smoke/single_node_exponential.toml";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let node = load(&path, &Overrides::default()).expect("the file is good");
    row("one node", &node.scenario, seeds(2_000), 0.5);
}

/// Plays the seeds from 1 on.
fn row(name: &str, scenario: &Scenario, seeds: u64, target: f64) {
    let plan = Plan::make(scenario);
    let (mut failures, mut events, mut hash) = (0.0, 0, 0xcbf2_9ce4_8422_2325);
    let before = cpu_seconds();
    for seed in 1..=seeds {
        let plan = plan.with_seed(seed);
        let outcome = Run::new(&plan, &Model).play().expect("nobody stops it");
        failures += outcome.metric("failures").expect("it is always measured");
        events += outcome.events;
        for metric in &outcome.findings.metrics {
            hash = fnv(fnv(hash, metric.name.as_bytes()), &metric.value.to_bits().to_le_bytes());
        }
    }
    let n = seeds as f64;
    let ms = (cpu_seconds() - before) * 1e3 / n;
    let verdict = match target {
        target if target.is_infinite() => "",
        target if ms <= target => "ok",
        _ => "MISSED",
    };
    println!(
        "{name:>24} {seeds:>6} {:>8.1} {:>9.0} {ms:>8.3} {target:>5} {verdict:>6} {hash:>17x}",
        failures / n,
        events as f64 / n,
    );
}

/// Fowler, Noll and Vo's hash, 1a.
fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(hash, step)
}

/// CPU seconds of this thread so far.
fn cpu_seconds() -> f64 {
    // Giving way makes the kernel bring its account up to date, which it else does at each tick.
    std::thread::yield_now();
    let stat = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let nanos: u64 = stat.split(' ').next().expect("a number").parse().expect("a number");
    nanos as f64 / 1e9
}
