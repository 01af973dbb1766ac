//! Where packets may go and how long they take: links as byte clocks, cuts, and latency.
//!
//! ```text
//!  node ==(link)== switch ==(uplink)== top of rack ==(link)== controller and server
//! ```
//!
//! In a tree of switches a packet crosses the uplinks up to the switch in which it turns, and down
//! from it; the controller stands where the server does.
//!
//! Each link has a byte clock for each direction: a packet waits until the clock is free and then
//! holds it for its own length. Worked example: 1,500 bytes at 100 Mbit/s hold a link for 120 us,
//! so the second of two packets that are sent together leaves after 240 us.
//!
//! A lossy link loses packets by chance that is counted, so that a run loses the same each time.
//!
//! Not modelled: queues that overflow, switch delay besides the latency, and what declared
//! transfers (see `rack`) take from the control traffic, which is small.

use std::collections::BTreeMap;

use super::stage::host_of;
use crate::ids::{FaultId, NodeId, Part, PartKind};
use crate::plan::wiring::NetworkWay;
use crate::rng::Stream;
use crate::scenario::partition::Cuts;
use crate::units::{BitRate, NANOS_PER_SECOND, Span, Time};

/// One million parts per million: an unharmed link.
pub(super) const WHOLE_PPM: u32 = 1_000_000;

/// Delay of a packet besides its own length: cable, switch and kernel. Assumption; a ping between
/// two Pis on one switch takes some 0.3 ms to and fro.
const LATENCY: Span = Span(150_000);

/// One direction of a link.
#[derive(Clone, Copy, Debug, Default)]
struct ByteClock {
    free_at: u64,
}

impl ByteClock {
    /// Sends so many bytes at `at` or later; says when the last of them has left.
    fn pass(&mut self, at: u64, bytes: u32, rate: u64) -> u64 {
        let bits = u128::from(bytes) * 8 * u128::from(NANOS_PER_SECOND);
        let span = bits.div_ceil(u128::from(rate.max(1))) as u64;
        self.free_at = self.free_at.max(at) + span;
        self.free_at
    }
}

/// A link: its rate, what is left of it, and its two clocks.
#[derive(Clone, Copy, Debug)]
struct Link {
    rate: BitRate,
    share_ppm: u32,
    up: ByteClock,
    down: ByteClock,
}

impl Link {
    fn new(rate: BitRate) -> Self {
        let (up, down) = (ByteClock::default(), ByteClock::default());
        Self { rate, share_ppm: WHOLE_PPM, up, down }
    }

    fn left(&self) -> u64 {
        (u128::from(self.rate.0) * u128::from(self.share_ppm) / u128::from(WHOLE_PPM)) as u64
    }
}

/// One host: whether it hears and speaks at all, its link and its switch.
#[derive(Clone, Copy, Debug)]
struct HostPath {
    part: Part,
    alive: bool,
    link: Link,
    /// `None`: at the top of the rack.
    switch: Option<u32>,
}

/// One switch and its uplink.
#[derive(Clone, Copy, Debug)]
struct Trunk {
    forwards: bool,
    uplink: Link,
    /// The switch above it.
    above: Option<u32>,
}

/// All links.
#[derive(Clone, Debug)]
pub(super) struct Paths {
    places: Vec<HostPath>,
    trunks: Vec<Trunk>,
    /// Who cannot hear whom, though all between them works.
    cuts: Cuts,
    /// Harms by which a link loses packets, by number.
    losses: BTreeMap<u64, (Part, u32)>,
    /// Chance for them, and draws so far.
    chance: Stream,
    draws: u64,
}

impl Paths {
    /// No hosts yet.
    pub(super) fn new(seed: u64, cuts: Cuts) -> Self {
        let (places, trunks, losses) = (Vec::new(), Vec::new(), BTreeMap::new());
        let chance = Stream::new(seed, "turmoil/loss");
        Self { places, trunks, cuts, losses, chance, draws: 0 }
    }

    /// Whether the partition of a rule lasts from now on.
    pub(super) fn set_partition(&mut self, rule: FaultId, lasts: bool) {
        self.cuts.set(rule, lasts);
    }

    /// A harm makes a link lose so many of its packets (ppm), or no longer does.
    pub(super) fn set_loss(&mut self, number: u64, loss: Option<(Part, u32)>) {
        match loss {
            Some(loss) => self.losses.insert(number, loss),
            None => self.losses.remove(&number),
        };
    }

    /// Whether a link on the way loses a packet. Each harm draws by itself.
    fn is_lost(&mut self, from: usize, to: usize) -> bool {
        let way = self.way(from, to);
        let is_crossed = |part: Part| match part.kind {
            PartKind::NodeLink => [from, to].contains(&host_of(NodeId(part.index))),
            _ => way.uplinks().any(|switch| switch == part.index),
        };
        let crossed = self.losses.values().filter(|(part, _)| is_crossed(*part));
        let mut lost = false;
        for &(_, loss_ppm) in crossed {
            self.draws += 1;
            lost |= self.chance.draw(0, self.draws).below(u64::from(WHOLE_PPM)) < loss_ppm.into();
        }
        lost
    }

    /// Adds a switch, at the top of the rack or under another one.
    pub(super) fn add_switch(&mut self, uplink: BitRate, above: Option<u32>) {
        self.trunks.push(Trunk { forwards: true, uplink: Link::new(uplink), above });
    }

    /// Adds the host of a part, which is silent until it is made alive.
    pub(super) fn add_host(&mut self, part: Part, link: BitRate, switch: Option<u32>) {
        self.places.push(HostPath { part, alive: false, link: Link::new(link), switch });
    }

    /// Lets a host speak and hear, or silences it.
    pub(super) fn set_alive(&mut self, host: usize, alive: bool) {
        self.places[host].alive = alive;
    }

    /// Whether a host speaks and hears.
    pub(super) fn is_alive(&self, host: usize) -> bool {
        self.places[host].alive
    }

    /// Sets what is left of a host's link.
    pub(super) fn set_link(&mut self, host: usize, share_ppm: u32) {
        self.places[host].link.share_ppm = share_ppm;
    }

    /// Sets whether a switch forwards, and what is left of its uplink.
    pub(super) fn set_switch(&mut self, switch: u32, forwards: bool, uplink_ppm: u32) {
        let trunk = &mut self.trunks[switch as usize];
        (trunk.forwards, trunk.uplink.share_ppm) = (forwards, uplink_ppm);
    }

    /// When a packet arrives that is sent now; `None`: it is lost.
    pub(super) fn send(&mut self, now: Time, from: usize, to: usize, bytes: u32) -> Option<Time> {
        if !self.reach(from, to) || self.is_lost(from, to) {
            return None;
        }
        let way = self.way(from, to);
        let source = &mut self.places[from].link;
        let mut at = source.up.pass(now.0, bytes, source.left());
        let up = way.up.iter().map(|&switch| (switch, true));
        for (switch, upwards) in up.chain(way.down.iter().map(|&switch| (switch, false))) {
            let uplink = &mut self.trunks[switch as usize].uplink;
            let rate = uplink.left();
            let clock = if upwards { &mut uplink.up } else { &mut uplink.down };
            at = clock.pass(at, bytes, rate);
        }
        let target = &mut self.places[to].link;
        at = target.down.pass(at, bytes, target.left());
        Some(Time(at) + LATENCY)
    }

    /// Whether every part of the way works, and no partition keeps what is sent from arriving.
    fn reach(&self, from: usize, to: usize) -> bool {
        let (a, b) = (&self.places[from], &self.places[to]);
        let ends = [a, b].iter().all(|place| place.alive && place.link.share_ppm > 0);
        let way = self.way(from, to);
        let forwards = |switch: u32| self.trunks[switch as usize].forwards;
        let leads = |switch: u32| self.trunks[switch as usize].uplink.share_ppm > 0;
        let works = ends && way.switches().all(forwards) && way.uplinks().all(leads);
        works && self.cuts.carry(a.part, b.part)
    }

    fn way(&self, from: usize, to: usize) -> NetworkWay {
        let above = |switch: u32| self.trunks[switch as usize].above;
        NetworkWay::between(self.places[from].switch, self.places[to].switch, above)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::pilot;

    /// A controller at the top, two nodes behind switch 0 and one behind switch 1.
    fn paths() -> Paths {
        let mut paths = Paths::new(1, Cuts::of(&pilot::scenario()));
        paths.add_switch(BitRate(1_000_000_000), None);
        paths.add_switch(BitRate(1_000_000_000), None);
        let controller = Part { kind: PartKind::Controller, index: 0 };
        paths.add_host(controller, BitRate(1_000_000_000), None);
        for (index, switch) in (0..).zip([0, 0, 1]) {
            let part = Part { kind: PartKind::Node, index };
            paths.add_host(part, BitRate(100_000_000), Some(switch));
        }
        for host in 0..4 {
            paths.set_alive(host, true);
        }
        paths
    }

    #[test]
    fn packets_that_are_sent_together_leave_one_after_the_other() {
        let mut paths = paths();
        let first = paths.send(Time::ZERO, 1, 2, 1_500);
        let second = paths.send(Time::ZERO, 1, 2, 1_500);
        // Store and forward: 120 us on each of two links; the second is one packet behind.
        assert_eq!(first, Some(Time::ZERO + Span(240_000) + LATENCY));
        assert_eq!(second, Some(Time::ZERO + Span(360_000) + LATENCY));
    }

    #[test]
    fn a_cut_uplink_leaves_the_nodes_of_its_switch_together() {
        let mut paths = paths();
        paths.set_switch(0, true, 0);
        assert!(paths.send(Time::ZERO, 1, 2, 100).is_some());
        assert!(paths.send(Time::ZERO, 1, 0, 100).is_none());
        assert!(paths.send(Time::ZERO, 3, 1, 100).is_none());
        assert!(paths.send(Time::ZERO, 3, 0, 100).is_some());
        paths.set_switch(0, false, WHOLE_PPM);
        assert!(paths.send(Time::ZERO, 1, 2, 100).is_none());
    }

    #[test]
    fn a_lossy_link_loses_its_share_of_packets_and_another_none() {
        let mut paths = paths();
        let link = Part { kind: PartKind::NodeLink, index: 0 };
        paths.set_loss(7, Some((link, 200_000)));
        let mut lost = |from, to| {
            let sent = (0..10_000).map(|_| paths.send(Time::ZERO, from, to, 100));
            sent.filter(Option::is_none).count()
        };
        // Node 0 is host 1. Within four standard deviations of 40 packets.
        assert!(lost(1, 2).abs_diff(2_000) < 160);
        assert!(lost(0, 1).abs_diff(2_000) < 160);
        assert_eq!(lost(2, 3), 0);
        paths.set_loss(7, None);
        assert!(paths.send(Time::ZERO, 1, 2, 100).is_some());
    }

    #[test]
    fn a_degraded_link_is_slower_and_a_dead_host_hears_nothing() {
        let mut paths = paths();
        paths.set_link(1, WHOLE_PPM / 10);
        let slow = paths.send(Time::ZERO, 1, 2, 1_500);
        assert_eq!(slow, Some(Time::ZERO + Span(1_320_000) + LATENCY));
        paths.set_alive(2, false);
        assert!(paths.send(Time::ZERO, 1, 2, 100).is_none());
    }
}
