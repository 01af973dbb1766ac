//! PHOLD on the agenda and, as a yardstick in the same run, on a plain 4-ary heap.
//!
//! Each event goes to a process, which sends one on to a process drawn uniformly, after a delay
//! of 0.1 plus an exponential of mean 1. `--short` plays 1 M events instead of 10 M.
#![allow(clippy::disallowed_methods)] // A bench reads a clock.
#![allow(clippy::print_stdout)] // And prints what it read.

use std::time::{Duration, Instant};

use rackstorm::engine::Agenda;
use rackstorm::rng::Stream;
use rackstorm::units::Time;

/// Nanoseconds in PHOLD's unit of time.
const UNIT: f64 = 1e9;
const RUNS: usize = 5;

trait Queue {
    fn new() -> Self;
    fn push(&mut self, at: u64, event: u32);
    fn pop(&mut self) -> (u64, u32);
}

impl Queue for Agenda<u32> {
    fn new() -> Self {
        Self::new()
    }

    #[inline]
    fn push(&mut self, at: u64, event: u32) {
        self.schedule(Time(at), event);
    }

    #[inline]
    fn pop(&mut self) -> (u64, u32) {
        let (at, event) = Agenda::pop(self).expect("PHOLD never runs dry");
        (at.0, event)
    }
}

/// A plain 4-ary heap. An entry is one number, time << 64 | sequence number << 32 | event, so that
/// a comparison is a single one without branches: the yardstick should not be a weak one.
struct Heap {
    entries: Vec<u128>,
    sequence: u32,
}

impl Queue for Heap {
    fn new() -> Self {
        Self { entries: Vec::new(), sequence: 0 }
    }

    #[inline]
    fn push(&mut self, at: u64, event: u32) {
        let entry = u128::from(at) << 64 | u128::from(self.sequence) << 32 | u128::from(event);
        self.sequence += 1;
        let mut hole = self.entries.len();
        self.entries.push(entry);
        while hole > 0 {
            let parent = (hole - 1) / 4;
            if self.entries[parent] < entry {
                break;
            }
            self.entries[hole] = self.entries[parent];
            hole = parent;
        }
        self.entries[hole] = entry;
    }

    #[inline]
    fn pop(&mut self) -> (u64, u32) {
        let entry = self.entries.pop().expect("PHOLD never runs dry");
        let Some(&first) = self.entries.first() else {
            return ((entry >> 64) as u64, entry as u32);
        };
        let mut hole = 0;
        loop {
            let child = 4 * hole + 1;
            let Some(children) = self.entries.get(child..) else { break };
            let least = |a: usize, b: usize| if children[b] < children[a] { b } else { a };
            let next = match children.len() {
                0 => break,
                1 => 0,
                2 => least(0, 1),
                3 => least(least(0, 1), 2),
                _ => least(least(0, 1), least(2, 3)),
            };
            if entry < children[next] {
                break;
            }
            self.entries[hole] = children[next];
            hole = child + next;
        }
        self.entries[hole] = entry;
        ((first >> 64) as u64, first as u32)
    }
}

/// Cheap chance, so that the queue is what is measured: `SplitMix64`, and an exponential from a
/// logarithm that is good to four digits.
struct Cheap(u64);

impl Cheap {
    #[inline]
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A delay [ns] from the upper 48 bits, a process from the lower 16.
    #[inline]
    fn hop(&mut self, processes: u32) -> (u64, u32) {
        let bits = self.next();
        let u = ((bits >> 16) + 1) as f64 * (1.0 / (1_u64 << 48) as f64);
        let delay = 0.1 - log_roughly(u);
        ((delay * UNIT) as u64, bits as u32 & (processes - 1))
    }
}

/// ln x for 0 < x <= 1, to 2e-5: exponent times ln 2, and for the mantissa m the first terms of
/// 2 artanh((m - 1) / (m + 1)).
#[inline]
fn log_roughly(x: f64) -> f64 {
    let bits = x.to_bits();
    let exponent = (bits >> 52) as i32 - 1_023;
    let m = f64::from_bits(bits & ((1 << 52) - 1) | (1_023 << 52));
    let s = (m - 1.0) / (m + 1.0);
    let s2 = s * s;
    let artanh = s * (1.0 + s2 * (1.0 / 3.0 + s2 * (1.0 / 5.0 + s2 * (1.0 / 7.0))));
    f64::from(exponent) * std::f64::consts::LN_2 + 2.0 * artanh
}

/// Plays so many events; the time it took and a checksum over all of them in their order.
fn phold<Q: Queue>(processes: u32, events: u64) -> (Duration, u64) {
    let mut chance = Cheap(1);
    let mut queue = Q::new();
    for message in 0..processes * 16 {
        let (delay, _) = chance.hop(processes);
        queue.push(delay, message / 16);
    }
    let mut checksum = 0_u64;
    let origin = Instant::now();
    let start = cpu_time(origin);
    for _ in 0..events {
        let (now, process) = queue.pop();
        checksum = (checksum.rotate_left(5) ^ now).wrapping_add(u64::from(process));
        let (delay, to) = chance.hop(processes);
        queue.push(now + delay, to);
    }
    (cpu_time(origin).saturating_sub(start), checksum)
}

/// CPU time of this thread where the system gives it (Linux, to a tick of at most 4 ms), otherwise
/// the time since the first call.
fn cpu_time(origin: Instant) -> Duration {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = schedstat.and_then(|text| text.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| origin.elapsed(), Duration::from_nanos)
}

/// The median [s] of several runs.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

fn main() {
    let short = std::env::args().any(|argument| argument == "--short");
    let events: u64 = if short { 1_000_000 } else { 10_000_000 };
    println!("PHOLD, {events} events, median CPU time of {RUNS} interleaved runs");
    println!(
        "{:>10} {:>10} {:>14} {:>14} {:>7}",
        "processes", "pending", "heap M ev/s", "agenda", "ratio"
    );
    for processes in [1_024, 65_536] {
        let (mut heap, mut agenda) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let (time, one) = phold::<Heap>(processes, events);
            heap.push(time);
            let (time, other) = phold::<Agenda<u32>>(processes, events);
            agenda.push(time);
            assert_eq!(one, other, "both queues must give the same events in the same order");
        }
        let (heap, agenda) = (median(heap), median(agenda));
        let speed = |seconds: f64| events as f64 / seconds / 1e6;
        println!(
            "{processes:>10} {:>10} {:>14.1} {:>14.1} {:>7.2}",
            processes * 16,
            speed(heap),
            speed(agenda),
            heap / agenda
        );
    }
    assert!((log_roughly(0.3) - libm::log(0.3)).abs() < 2e-5);
    let stream = Stream::new(1, "bench");
    let start = Instant::now();
    let sum = (0..1_000_000).fold(0_u64, |sum, k| sum ^ stream.draw(k % 1_000, k).next_u64());
    println!("a draw of chance: {:.3} us ({sum:x})", start.elapsed().as_secs_f64());
}
