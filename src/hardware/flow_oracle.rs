//! The slow and obvious twin of the fabric, for tests and benches only: every rate from scratch.
//!
//! At each instant with a change it fills all links with water, flow by flow, in exact rationals,
//! and it knows neither groups nor virtual clocks nor bundles (it keeps a bundle as single
//! flows). What it shares with [`super::flow`] is the meaning alone: max-min fairness with
//! per-flow caps; a flow ends at its exact end rounded to the nearest nanosecond (what lies up
//! to 1/1024 ns below the middle goes up); all that end at one instant, by the rates before it,
//! end before any rate changes.

use crate::units::{BitRate, Bytes, Time};

/// 2^-64 byte, the unit in which what is left to move is kept.
const UNIT_BITS: u32 = 64;
/// Bit-nanoseconds per second in a byte.
const NANOS_PER_BYTE: u128 = 8_000_000_000;

/// An exact rational rate (bit/s), in lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ratio {
    num: i128,
    den: i128,
}

impl Ratio {
    fn new(num: i128, den: i128) -> Self {
        let (mut a, mut b) = (num, den);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        let common = a.abs().max(1);
        Self { num: num / common, den: den / common }
    }

    fn whole(num: u64) -> Self {
        Self { num: i128::from(num), den: 1 }
    }

    fn less(self, other: Self) -> Self {
        if self.den == other.den {
            return Self::new(self.num - other.num, self.den);
        }
        Self::new(self.num * other.den - other.num * self.den, self.den * other.den)
    }

    fn below(self, other: Self) -> bool {
        self.num * other.den < other.num * self.den
    }
}

#[derive(Clone, Debug)]
struct Flow {
    bundle: usize,
    route: Vec<usize>,
    cap: u64,
    bytes: u64,
    /// Still to move [2^-64 byte].
    left: i128,
    rate: Ratio,
    /// End at the present rate (ns).
    end: u64,
}

#[derive(Clone, Debug)]
struct Bundle {
    tag: u64,
    members: u32,
}

/// The oracle. Links are numbered as they are added; flows as they are started.
#[derive(Clone, Debug, Default)]
pub(crate) struct FlowOracle {
    capacities: Vec<u64>,
    now: u64,
    flows: Vec<Flow>,
    bundles: Vec<Bundle>,
    /// Flows that have ended by now and have not been asked for, as (bundle, bytes).
    due: Vec<(usize, u64)>,
    stale: bool,
}

impl FlowOracle {
    /// An oracle without links.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a link and returns its number.
    pub(crate) fn link(&mut self, capacity: BitRate) -> usize {
        self.capacities.push(capacity.0);
        self.capacities.len() - 1
    }

    /// Starts `count` flows of `bytes` each under `tag` and returns the number of the bundle.
    pub(crate) fn start(
        &mut self,
        now: Time,
        route: &[usize],
        cap: BitRate,
        bytes: Bytes,
        count: u32,
        tag: u64,
    ) -> usize {
        self.advance(now);
        let bundle = self.bundles.len();
        self.bundles.push(Bundle { tag, members: count });
        for _ in 0..count {
            if bytes.0 == 0 {
                self.due.push((bundle, 0));
                continue;
            }
            self.flows.push(Flow {
                bundle,
                route: route.to_vec(),
                cap: cap.0,
                bytes: bytes.0,
                left: i128::from(bytes.0) << UNIT_BITS,
                rate: Ratio::whole(0),
                end: u64::MAX,
            });
        }
        self.stale = true;
        bundle
    }

    /// Ends a bundle early; returns the bytes that each member had moved.
    pub(crate) fn cancel(&mut self, now: Time, bundle: usize) -> Bytes {
        self.advance(now);
        let moved = self.moved(now, bundle);
        self.flows.retain(|flow| flow.bundle != bundle);
        self.due.retain(|&(due, _)| due != bundle);
        self.stale = true;
        moved
    }

    /// Takes one member out of a bundle, as one of its own under `tag`.
    pub(crate) fn split(&mut self, now: Time, bundle: usize, tag: u64) -> usize {
        self.advance(now);
        let single = self.bundles.len();
        self.bundles.push(Bundle { tag, members: 1 });
        self.bundles[bundle].members -= 1;
        if let Some(place) = self.flows.iter().position(|flow| flow.bundle == bundle) {
            let mut flow = self.flows.remove(place);
            flow.bundle = single;
            self.flows.push(flow);
        } else {
            let due = self.due.iter_mut().rev().find(|due| due.0 == bundle);
            due.expect("a bundle is somewhere").0 = single;
            self.due.sort_unstable();
        }
        single
    }

    /// Changes the private cap of all members of a bundle.
    pub(crate) fn set_cap(&mut self, now: Time, bundle: usize, cap: BitRate) {
        self.advance(now);
        for flow in self.flows.iter_mut().filter(|flow| flow.bundle == bundle) {
            flow.cap = cap.0;
        }
        self.stale = true;
    }

    /// Changes what a link can carry.
    pub(crate) fn set_capacity(&mut self, now: Time, link: usize, capacity: BitRate) {
        self.advance(now);
        self.capacities[link] = capacity.0;
        self.stale = true;
    }

    /// Bytes that each member of a bundle has moved.
    pub(crate) fn moved(&mut self, now: Time, bundle: usize) -> Bytes {
        self.advance(now);
        if let Some(flow) = self.flows.iter().find(|flow| flow.bundle == bundle) {
            let moved = (i128::from(flow.bytes) << UNIT_BITS) - flow.left;
            // Rounding may have cost the last unit of a byte.
            return Bytes(((moved + (1 << 24)) >> UNIT_BITS) as u64);
        }
        let due = self.due.iter().find(|due| due.0 == bundle);
        Bytes(due.expect("a bundle that has not ended").1)
    }

    /// The instant of the next completion.
    pub(crate) fn next(&mut self) -> Option<Time> {
        self.collect();
        if !self.due.is_empty() {
            return Some(Time(self.now));
        }
        let end = self.flows.iter().map(|flow| flow.end).min();
        end.filter(|&end| end != u64::MAX).map(Time)
    }

    /// Takes one bundle that has finished by `now`, in start order: its tag and its members.
    pub(crate) fn finished(&mut self, now: Time) -> Option<(u64, u32)> {
        self.advance(now);
        if self.due.is_empty() {
            self.collect();
        }
        let bundle = self.due.first()?.0;
        let members = self.due.iter().filter(|due| due.0 == bundle).count();
        self.due.retain(|due| due.0 != bundle);
        let Bundle { tag, members: started } = self.bundles[bundle];
        assert_eq!(members as u32, started, "a bundle ends as one");
        Some((tag, started))
    }

    fn advance(&mut self, now: Time) {
        if now.0 == self.now {
            return;
        }
        self.collect();
        assert!(self.due.is_empty(), "finished flows are taken before time moves on");
        let span = now.0.checked_sub(self.now).expect("time runs forward");
        for flow in &mut self.flows {
            flow.left -= covered(flow.rate, span);
        }
        self.now = now.0;
        self.collect_due();
    }

    fn collect(&mut self) {
        if std::mem::take(&mut self.stale) {
            self.fill();
            for flow in &mut self.flows {
                flow.end = self.now.saturating_add(wait(flow.rate, flow.left));
            }
            self.collect_due();
        }
    }

    fn collect_due(&mut self) {
        let before = self.flows.len();
        let (now, due) = (self.now, &mut self.due);
        self.flows.retain(|flow| {
            if flow.end <= now {
                due.push((flow.bundle, flow.bytes));
            }
            flow.end > now
        });
        self.stale |= self.flows.len() < before;
        self.due.sort_unstable();
    }

    /// Progressive filling: the smallest of all links' shares and all caps decides, again and
    /// again, and whoever it holds back gets just that.
    fn fill(&mut self) {
        let mut residual: Vec<Ratio> = self.capacities.iter().map(|&c| Ratio::whole(c)).collect();
        let mut open_on = vec![0_i128; residual.len()];
        for link in self.flows.iter().flat_map(|flow| &flow.route) {
            open_on[*link] += 1;
        }
        let mut open: Vec<usize> = (0..self.flows.len()).collect();
        while !open.is_empty() {
            let mut least: Option<(Ratio, usize)> = None;
            for link in (0..residual.len()).filter(|&link| open_on[link] > 0) {
                let left = residual[link];
                let share = Ratio::new(left.num, left.den * open_on[link]);
                if least.is_none_or(|(least, _)| share.below(least)) {
                    least = Some((share, link));
                }
            }
            let cap = open.iter().map(|&flow| self.flows[flow].cap).min().expect("some are open");
            let capped = least.is_none_or(|(share, _)| !share.below(Ratio::whole(cap)));
            let rate = if capped { Ratio::whole(cap) } else { least.expect("a share").0 };
            let mut taken = vec![0_i128; residual.len()];
            open.retain(|&name| {
                let flow = &mut self.flows[name];
                let held = match least {
                    _ if capped => flow.cap == cap,
                    Some((_, link)) => flow.route.contains(&link),
                    None => unreachable!("without a share the cap decides"),
                };
                if held {
                    flow.rate = rate;
                    for &link in &flow.route {
                        taken[link] += 1;
                    }
                }
                !held
            });
            for (link, n) in taken.into_iter().enumerate().filter(|taken| taken.1 > 0) {
                open_on[link] -= n;
                residual[link] = residual[link].less(Ratio::new(rate.num * n, rate.den));
            }
        }
    }
}

/// What a rate moves in a span of nanoseconds [2^-64 byte].
fn covered(rate: Ratio, span: u64) -> i128 {
    let per = NANOS_PER_BYTE * rate.den as u128;
    let product = rate.num as u128 * u128::from(span);
    let (whole, mut rest) = (product / per, product % per);
    // The fraction in two steps of 32 bits, which leaves `per` 96 bits.
    let mut fraction = 0;
    for _ in 0..2 {
        rest <<= UNIT_BITS / 2;
        fraction = (fraction << (UNIT_BITS / 2)) | (rest / per);
        rest %= per;
    }
    ((whole << UNIT_BITS) | fraction).cast_signed()
}

/// Nanoseconds until so much has been moved at a rate.
fn wait(rate: Ratio, left: i128) -> u64 {
    if left <= 0 {
        return 0;
    }
    if rate.num == 0 {
        return u64::MAX;
    }
    let per = NANOS_PER_BYTE * rate.den as u128;
    let (whole, fraction) = ((left >> UNIT_BITS) as u128, u128::from(left as u64));
    // In steps of 1/1024 ns; from 511 of them on it goes up.
    let steps = ((whole * per) << 10) + (((fraction >> 32) * per) >> 22);
    let rate = rate.num as u128;
    u64::try_from((steps + rate * 513) / (rate * 1024)).unwrap_or(u64::MAX)
}
