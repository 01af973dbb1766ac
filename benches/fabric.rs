//! Speed and memory of the fabric: checkpoint storms on a tree, bundles, and a boot-like storm.
//!
//! `cargo bench --bench fabric` prints CPU seconds with their targets; `-- --short` leaves out
//! the large sizes. Targets hold for a machine whose plain 4-ary heap plays PHOLD (16,384 pending)
//! at 21 million events per second, and are scaled by what it does here.
//!
//! On the way it asserts what must be exact: at 3,000 nodes every completion equals the oracle's,
//! and synchronised storms end at the closed form.
#![allow(clippy::print_stdout, missing_docs)]

use std::fs;

use rackstorm::hardware::flow::{Fabric, FabricBuilder, LinkId, RouteId};
use rackstorm::units::{self, BitRate, Bytes, Time};

#[path = "../src/hardware/flow_oracle.rs"]
#[allow(dead_code, reason = "the tests of the fabric ask it for more")]
mod flow_oracle;

use flow_oracle::FlowOracle;

const MBIT: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;
const GIGABYTE: u64 = 1_000_000_000;
/// Each row is the median of so many runs.
const RUNS: usize = 3;
const MODULE: usize = 150;
const NODE_LINK: BitRate = BitRate(100 * MBIT);

fn main() {
    let short = std::env::args().any(|argument| argument == "--short");
    // The quickest of five: what the machine can do when it is not disturbed.
    let scale = 21.0 / (0..5).map(|_| phold()).fold(0.0, f64::max);
    println!("4-ary heap: {:.1} M events/s, so targets are scaled by {scale:.2}", 21.0 / scale);
    oracle_check(false);
    oracle_check(true);
    println!("3,000 nodes: every completion equals the oracle's, to the nanosecond");
    for (nodes, end) in [(750, 1_200), (3_000, 2_400), (10_000, 8_000)] {
        let mut storm = Storm::new(nodes, false);
        storm.starts.iter_mut().for_each(|start| start.0 = 0);
        assert_eq!(storm.play(|_, _| {}).last, end * SECOND, "{nodes} nodes at once");
    }
    println!("\nstaggered writes of 1 GB     CPU s   target   B/flow   last completion");
    for (nodes, target) in [(3_000, 0.003), (10_000, 0.012), (100_000, 0.15), (1_000_000, 3.0)] {
        if short && nodes > 100_000 {
            continue;
        }
        for unequal in [false, true] {
            storm_row(nodes, unequal, target * scale);
        }
    }
    bundles(scale);
    boot_like();
}

/// CPU seconds of this process so far.
fn cpu_seconds() -> f64 {
    // Giving way makes the kernel bring its account up to date, which it else does at each tick.
    std::thread::yield_now();
    // Nanoseconds on a CPU of the one thread; the first of three numbers.
    let stat = fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let nanos: u64 = stat.split(' ').next().expect("a number").parse().expect("a number");
    nanos as f64 / 1e9
}

/// A small generator: Knuth's MMIX constants, upper half.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        let step = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = step.wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 31
    }

    fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 33) as u64
    }
}

/// Million events per second of PHOLD with 16,384 pending on a plain 4-ary heap. Delays come
/// from a table, so that this is the speed of the heap.
fn phold() -> f64 {
    const EVENTS: usize = 1_000_000;
    let mut draws = Draws(1);
    let delays: Vec<u64> = (0..1 << 16)
        .map(|_| {
            let uniform = (draws.next() + 1) as f64 / (1_u64 << 33) as f64;
            (1e9 * (0.1 - libm::log(uniform))) as u64
        })
        .collect();
    // A sorted list is a heap.
    let mut heap: Vec<(u64, u32)> = (0..16_384).map(|i| (delays[i], i as u32 % 1_024)).collect();
    heap.sort_unstable();
    let began = cpu_seconds();
    for event in 0..EVENTS {
        let item = (heap[0].0 + delays[(event * 7) & 0xffff], heap[0].1);
        let mut place = 0;
        loop {
            let first = 4 * place + 1;
            let end = (first + 4).min(heap.len());
            if first >= end {
                break;
            }
            let mut best = first;
            if let [a, b, c, d] = heap[first..end] {
                let left = usize::from(b.0 < a.0);
                let right = 2 + usize::from(d.0 < c.0);
                let (l, r) = (heap[first + left].0, heap[first + right].0);
                best += if r < l { right } else { left };
            } else {
                for child in first + 1..end {
                    if heap[child].0 < heap[best].0 {
                        best = child;
                    }
                }
            }
            if item.0 <= heap[best].0 {
                break;
            }
            heap[place] = heap[best];
            place = best;
        }
        heap[place] = item;
    }
    assert!(std::hint::black_box(&heap)[0].0 > 0);
    EVENTS as f64 / 1e6 / (cpu_seconds() - began)
}

/// All nodes write to one server: modules of 150 behind 1 Gbit/s, the server behind 10 Gbit/s.
struct Storm {
    fabric: Fabric,
    routes: Vec<RouteId>,
    /// (start, node, size), in order of time.
    starts: Vec<(u64, usize, u64)>,
}

struct Played {
    cpu: f64,
    last: u64,
    bytes: usize,
}

impl Storm {
    fn new(nodes: usize, unequal: bool) -> Self {
        let mut builder = FabricBuilder::new();
        let server = builder.link(BitRate(10_000 * MBIT));
        let uplinks: Vec<LinkId> =
            (0..nodes.div_ceil(MODULE)).map(|_| builder.link(BitRate(1_000 * MBIT))).collect();
        let routes = uplinks.iter().map(|&uplink| builder.route(&[uplink, server])).collect();
        let mut draws = Draws(nodes as u64);
        let mut starts: Vec<(u64, usize, u64)> = (0..nodes)
            .map(|node| {
                let start = draws.below(60 * SECOND);
                let size = GIGABYTE / 2 + draws.below(GIGABYTE);
                (start, node, if unequal { size } else { GIGABYTE })
            })
            .collect();
        starts.sort_unstable();
        Self { fabric: builder.build(), routes, starts }
    }

    fn play(&mut self, mut done: impl FnMut(u64, u64)) -> Played {
        let began = cpu_seconds();
        let (mut bytes, mut last, mut place) = (0, 0, 0);
        loop {
            let start = self.starts.get(place).copied();
            let next = self.fabric.next();
            match (start, next) {
                (Some((at, node, size)), next) if next.is_none_or(|next| at < next.0) => {
                    let route = self.routes[node / MODULE];
                    let (now, size) = (Time(at), Bytes(size));
                    self.fabric.start(now, route, NODE_LINK, size, 1, node as u64);
                    place += 1;
                    if place == self.starts.len() {
                        bytes = self.fabric.heap_bytes();
                    }
                }
                (_, Some(next)) => {
                    while let Some(finished) = self.fabric.finished(next) {
                        done(next.0, finished.tag);
                    }
                    last = next.0;
                }
                (_, None) => break,
            }
        }
        let cpu = cpu_seconds() - began;
        let ledger = self.fabric.ledger(Time(last));
        assert!(ledger.balances() && ledger.finished == ledger.started, "{ledger:?}");
        Played { cpu, last, bytes }
    }
}

fn storm_row(nodes: usize, unequal: bool, target: f64) {
    let mut runs: Vec<Played> =
        (0..RUNS).map(|_| Storm::new(nodes, unequal).play(|_, _| {})).collect();
    runs.sort_by(|a, b| a.cpu.total_cmp(&b.cpu));
    let Played { cpu, last, bytes } = runs[RUNS / 2];
    let sizes = if unequal { "unequal" } else { "equal" };
    println!(
        "{nodes:>9} nodes, {sizes:<8} {cpu:>8.4} {target:>8.4} {:>8.0} {:>17.6}  {}",
        bytes as f64 / nodes as f64,
        last as f64 / 1e9,
        if cpu <= target { "ok" } else { "MISSED" }
    );
}

/// Every completion of the 3,000-node storm against the oracle's.
fn oracle_check(unequal: bool) {
    let mut storm = Storm::new(3_000, unequal);
    let mut oracle = FlowOracle::new();
    let server = oracle.link(BitRate(10_000 * MBIT));
    let uplinks: Vec<usize> = (0..20).map(|_| oracle.link(BitRate(1_000 * MBIT))).collect();
    let mut expected = Vec::new();
    let mut starts = storm.starts.iter().peekable();
    loop {
        let next = oracle.next();
        if let Some(&(at, node, size)) = starts.next_if(|start| next.is_none_or(|n| start.0 < n.0))
        {
            let route = [uplinks[node / MODULE], server];
            oracle.start(Time(at), &route, NODE_LINK, Bytes(size), 1, node as u64);
        } else if let Some(next) = next {
            while let Some((node, _)) = oracle.finished(next) {
                expected.push((next.0, node));
            }
        } else {
            break;
        }
    }
    let mut completions = Vec::new();
    storm.play(|at, node| completions.push((at, node)));
    assert!(completions == expected, "the fabric differs from the oracle");
}

/// 10,000 equal nodes write at the same instant, 1,000 times: one bundle per module and round.
fn bundles(scale: f64) {
    const ROUNDS: u64 = 1_000;
    let mut storm = Storm::new(10_000, false);
    let began = cpu_seconds();
    let mut now = Time::ZERO;
    for round in 0..ROUNDS {
        for (module, &route) in storm.routes.iter().enumerate() {
            let members = (10_000 - module * MODULE).min(MODULE) as u32;
            storm.fabric.start(now, route, NODE_LINK, Bytes(GIGABYTE), members, round);
        }
        while let Some(next) = storm.fabric.next() {
            now = next;
            while storm.fabric.finished(now).is_some() {}
        }
        assert_eq!(now.0, (round + 1) * 8_000 * SECOND, "round {round}");
    }
    let (cpu, target) = (cpu_seconds() - began, 0.060 * scale);
    let verdict = if cpu <= target { "ok" } else { "MISSED" };
    println!("\n1,000 rounds of 10,000 nodes in 67 bundles: {cpu:.4} s of {target:.4}  {verdict}");
}

const NODES: usize = 1_008;
const PER_SWITCH: usize = 48;
/// What a node transfers, one after the other: kind of route (0 TFTP, 1 read, 2 write), pace of
/// the protocol [bit/s], bytes.
const CHAIN: [(usize, u64, u64); 12] = [
    (0, 8_200_000, 52_000),
    (0, 8_200_000, 2_900_000),
    (0, 8_200_000, 6_700),
    (0, 8_200_000, 5_100_000),
    (0, 8_200_000, 25_000),
    (1, 94_000_000, 40_000_000),
    (1, 94_000_000, 25_000_000),
    (1, 94_000_000, 60_000_000),
    (2, 94_000_000, 1_000_000),
    (1, 94_000_000, 10_000_000),
    (2, 94_000_000, 4_000_000),
    (1, 94_000_000, 5_000_000),
];

/// 1,008 nodes on 21 switches behind one server whose NIC, TFTP daemon and disk the routes cross
/// in different ways: no tree. Each node goes through its chain, starting within 100 s.
fn boot_like() {
    let mut boot = Boot::new();
    let mut draws = Draws(7);
    let mut starts: Vec<(u64, usize)> =
        (0..NODES).map(|node| (draws.below(100 * SECOND), node)).collect();
    starts.sort_unstable();
    let before = cpu_seconds();
    let mut starts = starts.into_iter().peekable();
    let mut last = Time::ZERO;
    loop {
        let next = boot.fabric.next();
        if let Some((at, node)) = starts.next_if(|start| next.is_none_or(|next| start.0 < next.0)) {
            boot.transfer(Time(at), node);
            continue;
        }
        let Some(next) = next else { break };
        last = next;
        while let Some(finished) = boot.fabric.finished(next) {
            let node = finished.tag as usize;
            boot.done[node] += 1;
            if boot.done[node] < CHAIN.len() {
                boot.transfer(next, node);
            }
        }
    }
    let cpu = cpu_seconds() - before;
    println!(
        "boot-like, 1,008 nodes x 12 transfers, last at {:.3} s: {:.3} us per flow event (aim 1)",
        last.as_secs_f64(),
        1e6 * cpu / (2 * NODES * CHAIN.len()) as f64
    );
}

struct Boot {
    fabric: Fabric,
    /// Of each switch, the routes of the three kinds.
    routes: Vec<[RouteId; 3]>,
    done: Vec<usize>,
}

impl Boot {
    fn new() -> Self {
        let mut builder = FabricBuilder::new();
        let [send, receive, tftpd, disk] =
            [1_000, 1_000, 400, 2_000].map(|mbit| builder.link(BitRate(mbit * MBIT)));
        let mut routes = Vec::new();
        for _ in 0..NODES / PER_SWITCH {
            let [up, down] = [20_000; 2].map(|mbit| builder.link(BitRate(mbit * MBIT)));
            routes.push([
                builder.route(&[down, send, tftpd]),
                builder.route(&[down, send, disk]),
                builder.route(&[up, receive, disk]),
            ]);
        }
        Self { fabric: builder.build(), routes, done: vec![0; NODES] }
    }

    /// Starts a node's next transfer.
    fn transfer(&mut self, now: Time, node: usize) {
        let (kind, pace, bytes) = CHAIN[self.done[node]];
        let route = self.routes[node / PER_SWITCH][kind];
        self.fabric.start(now, route, BitRate(pace), Bytes(bytes), 1, node as u64);
    }
}
