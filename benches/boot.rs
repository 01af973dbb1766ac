//! A million boots and a month's job through the library: CPU seconds, their growth, and memory.
//!
//! `cargo bench --bench boot` plays `million_boot.toml` at 10,080, 100,800 and 1,000,080 nodes and
//! `lanl_750_month.toml`; `-- --short` leaves out the large sizes. Growth is the factor of CPU
//! seconds over that of n log n, from the first row on: 1 or less is as good as n log n.
//! Targets are in CPU seconds of the machine that the fabric's bench scales by.
#![allow(clippy::print_stdout, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};

use rackstorm::stage::Model;
use rackstorm::{Overrides, Plan, Run, load};

const NODES_PER_MODULE: u32 = 144;
/// Small sizes are played so often, and the median counts.
const RUNS: usize = 3;

fn main() {
    let short = std::env::args().any(|argument| argument == "--short");
    let modules: &[u32] = if short { &[7, 70] } else { &[70, 700, 6945] };
    println!(
        "{:>22} {:>10} {:>9} {:>8} {:>7}",
        "million_boot", "events", "CPU s", "B/node", "growth"
    );
    let mut first = None;
    for &modules in modules {
        let nodes = modules * NODES_PER_MODULE;
        let runs = if nodes > 500_000 { 1 } else { RUNS };
        let played = median(runs, "million_boot.toml", format!("cluster.modules={modules}"));
        let per_law = played.cpu / (f64::from(nodes) * libm::log2(f64::from(nodes)));
        let growth = per_law / *first.get_or_insert(per_law);
        println!(
            "{nodes:>16} nodes {:>10} {:>9.3} {:>8} {growth:>7.2}",
            played.events,
            played.cpu,
            played.bytes / u64::from(nodes),
        );
        if nodes > 500_000 {
            println!(
                "targets: 60 s {}, growth 1 {}",
                verdict(played.cpu <= 60.0),
                verdict(growth <= 1.0)
            );
        }
    }
    let month = median(RUNS, "lanl_750_month.toml", "record.events=none".to_owned());
    println!(
        "{:>22} {:>10} {:>9.3}  of 0.5: {}",
        "lanl_750_month",
        month.events,
        month.cpu,
        verdict(month.cpu <= 0.5)
    );
}

fn verdict(held: bool) -> &'static str {
    if held { "ok" } else { "MISSED" }
}

struct Played {
    cpu: f64,
    events: u64,
    /// The most memory while it played, less what the program had before.
    bytes: u64,
}

/// Plays a study, with a key set, so often and returns the run with the median time.
fn median(runs: usize, file: &str, set: String) -> Played {
    let overrides = Overrides { set: vec![set], seed: None };
    let mut all: Vec<Played> = (0..runs).map(|_| play(file, &overrides)).collect();
    all.sort_by(|a, b| a.cpu.total_cmp(&b.cpu));
    all.swap_remove(runs / 2)
}

/// From the file to findings and fingerprint: what `rackstorm run --events none` does, but for
/// the folder.
fn play(file: &str, overrides: &Overrides) -> Played {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/study").join(file);
    // The kernel's mark of the most memory starts anew here.
    fs::write("/proc/self/clear_refs", "5").expect("Linux");
    let (bytes, cpu) = (most_bytes(), cpu_seconds());
    let loaded = load(&path, overrides).expect("the study is good");
    let plan = Plan::make(&loaded.scenario);
    let outcome = Run::new(&plan, &Model).series().fingerprint().play().expect("nobody stops it");
    let played = Played {
        cpu: cpu_seconds() - cpu,
        events: outcome.events,
        bytes: most_bytes().saturating_sub(bytes),
    };
    std::hint::black_box(outcome);
    played
}

/// CPU seconds of this thread so far.
fn cpu_seconds() -> f64 {
    // Giving way makes the kernel bring its account up to date, which it else does at each tick.
    std::thread::yield_now();
    let stat = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let nanos: u64 = stat.split(' ').next().expect("a number").parse().expect("a number");
    nanos as f64 / 1e9
}

/// The most memory that was resident since the mark was set [bytes].
fn most_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux");
    1024 * line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number")
}
