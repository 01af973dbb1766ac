//! What a test harness does to the programs beyond the faults of a plan: the nemesis of a run.
//!
//! A plan's faults are the controller's to inject, part of its experiment and of every stage. A
//! nemesis (the word is that of Jepsen, which tests databases so) works behind everybody's back, on
//! what programs stand on: packets, storage, clocks, power switches and the processes themselves.
//! No scenario can ask for it; the swarm does.
//!
//! ```text
//!  |--- at ---|==== lasts ====|--- as ever ---
//! ```
//!
//! A disturbance is a window: what it does to a packet or a call is a function of the time and of
//! counted chance, so a run is disturbed the same each time. Those of processes are done at
//! the window's begin and undone at its end by `super::programs`.

mod ports;

use std::cell::Cell;
use std::fmt;

pub(super) use ports::{Disturbed, Reign, state_name};

use super::stage::{CONTROLLER, host_of};
use crate::ids::NodeId;
use crate::rng::{Draw, Stream};
use crate::units::{Span, Time};

/// A host of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// The controller's, whichever that is.
    Controller,
    /// A node's.
    Node(NodeId),
}

/// What is done to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "a field says no more than its name and type")]
pub enum Kind {
    /// Packets from and to it take so much longer, all of them: it is far away.
    Distance { by: Span },
    /// A share of its packets (per cent) arrives twice, the second time within `by`.
    Duplicates { share: u8, by: Span },
    /// A share of its packets (per cent) is late by up to `by`, and overtaken by others.
    Reorders { share: u8, by: Span },
    /// Nothing that it sends arrives, though it hears; or the other way round.
    OneWay { sends: bool },
    /// Its process stands still, as by SIGSTOP; its kernel goes on.
    Pause,
    /// Its process ends and starts again; the host goes on.
    Restart,
    /// Besides its agent another one of an earlier life asks to be taken in.
    Relic,
    /// Another controller takes over, with a copy of the first one's disk. The first stands still
    /// until all have found the other, goes on and believes itself in charge until the end. Power
    /// switches and stores obey it no more; its messages arrive. For some heartbeats the agents'
    /// connections are reset, and half of the new ones lead to it.
    Takeover,
    /// Its storage fails.
    Store(Store),
    /// Images of its checkpoints are larger than those of others by so much (per cent).
    Larger { by: u8 },
    /// Its clock is set, for good: forwards or backwards (ms).
    ClockStep { by: i64 },
    /// Its power switch fails.
    Switch(Switch),
}

/// How storage fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "a field says no more than its name and type")]
pub enum Store {
    /// Each call takes so much longer.
    Slow { by: Span },
    /// It has no room.
    Full,
    /// It breaks off in the middle of an image, and half of it stays. The controller's own state is
    /// written whole or not at all.
    Torn,
    /// What is there cannot be read.
    Unreadable,
}

/// How a power switch fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// It does not obey, and says so.
    Refuses,
    /// It obeys, and says that it did not.
    Denies,
    /// It says nothing, and does not obey.
    Hangs,
}

/// Something that is done to a host for some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disturbance {
    /// What.
    pub kind: Kind,
    /// To whom.
    pub on: Host,
    /// From when on.
    pub at: Time,
    /// For how long.
    pub lasts: Span,
}

impl Disturbance {
    /// When it is over.
    #[must_use]
    pub fn ends(&self) -> Time {
        self.at + self.lasts
    }

    fn is_active(&self, now: Time) -> bool {
        self.at <= now && now < self.ends()
    }
}

impl fmt::Display for Disturbance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, on, at, lasts } = self;
        let at = at.since(Time::ZERO);
        match on {
            Host::Controller => write!(f, "{kind:?} on the controller at {at} for {lasts}"),
            Host::Node(node) => write!(f, "{kind:?} on pi{} at {at} for {lasts}", node.0 + 1),
        }
    }
}

/// What becomes of a packet that its way would have let through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fate {
    pub lost: bool,
    /// All packets of its way take so much longer.
    pub far: Span,
    /// This one takes so much longer still.
    pub late: Span,
    /// It arrives a second time, so much later.
    pub again: Option<Span>,
}

/// All disturbances of a run, and the chance that they have used.
#[derive(Debug)]
pub(super) struct Nemesis {
    disturbances: Vec<Disturbance>,
    /// The host of a controller that takes over.
    standby: usize,
    chance: Stream,
    draws: Cell<u64>,
}

impl Fate {
    /// Whether whoever sent it may have to send it again, or is acknowledged out of turn.
    pub(super) fn is_out_of_order(&self) -> bool {
        self.lost || self.late > Span::ZERO || self.again.is_some()
    }
}

impl Nemesis {
    /// The nemesis of a run of so many nodes.
    pub(super) fn new(seed: u64, n_nodes: usize, disturbances: &[Disturbance]) -> Self {
        let (chance, draws) = (Stream::new(seed, "turmoil/nemesis"), Cell::new(0));
        Self { disturbances: disturbances.to_vec(), standby: n_nodes + 1, chance, draws }
    }

    /// All that it does.
    pub(super) fn disturbances(&self) -> &[Disturbance] {
        &self.disturbances
    }

    /// The host of a controller that takes over, if one ever does.
    pub(super) fn standby(&self) -> Option<usize> {
        let takes_over = |it: &Disturbance| it.kind == Kind::Takeover;
        self.disturbances.iter().any(takes_over).then_some(self.standby)
    }

    /// What is done to a host now.
    pub(super) fn on(&self, now: Time, host: usize) -> impl Iterator<Item = Kind> {
        let is_controller = host == CONTROLLER || host == self.standby;
        let is_it = move |it: &&Disturbance| match it.on {
            Host::Controller => is_controller,
            Host::Node(node) => host_of(node) == host,
        };
        let active = self.disturbances.iter().filter(move |it| it.is_active(now)).filter(is_it);
        active.map(|it| it.kind)
    }

    /// What becomes of a packet that is sent now.
    pub(super) fn fate(&self, now: Time, from: usize, to: usize) -> Fate {
        let mut fate = Fate::default();
        if self.disturbances.is_empty() {
            return fate;
        }
        for (host, is_sender) in [(from, true), (to, false)] {
            for kind in self.on(now, host) {
                match kind {
                    Kind::Distance { by } => fate.far += by,
                    Kind::Duplicates { share, by } => {
                        if let Some(mut draw) = self.hits(share) {
                            fate.again = Some(some(&mut draw, by));
                        }
                    }
                    Kind::Reorders { share, by } => {
                        if let Some(mut draw) = self.hits(share) {
                            fate.late += some(&mut draw, by);
                        }
                    }
                    Kind::OneWay { sends } => fate.lost |= sends == is_sender,
                    Kind::Pause
                    | Kind::Restart
                    | Kind::Relic
                    | Kind::Takeover
                    | Kind::Store(_)
                    | Kind::Larger { .. }
                    | Kind::ClockStep { .. }
                    | Kind::Switch(_) => {}
                }
            }
        }
        fate
    }

    /// Whether the name of the controller leads to the one that was deposed.
    pub(super) fn misleads(&self) -> bool {
        self.draw().below(2) == 0
    }

    /// How far the clock of a host is off now (ms).
    pub(super) fn clock_off(&self, now: Time) -> i64 {
        let step = |it: &Disturbance| match it.kind {
            Kind::ClockStep { by } if it.at <= now => Some(by),
            _ => None,
        };
        self.disturbances.iter().filter_map(step).sum()
    }

    fn draw(&self) -> Draw {
        self.draws.set(self.draws.get() + 1);
        self.chance.draw(0, self.draws.get())
    }

    /// Whether one of so many in a hundred is hit, and more chance for how.
    fn hits(&self, share: u8) -> Option<Draw> {
        let mut draw = self.draw();
        (draw.below(100) < share.into()).then_some(draw)
    }
}

/// Up to so much, in whole microseconds.
fn some(draw: &mut Draw, most: Span) -> Span {
    Span(1_000 * draw.below(most.0 / 1_000 + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nemesis(kind: Kind, on: Host) -> Nemesis {
        let (at, lasts) = (Time::ZERO + Span::from_secs(1), Span::from_secs(1));
        Nemesis::new(1, 2, &[Disturbance { kind, on, at, lasts }])
    }

    #[test]
    fn a_packet_is_disturbed_in_the_window_and_on_the_host_and_nowhere_else() {
        let by = Span::from_millis(5);
        let nemesis = nemesis(Kind::Distance { by }, Host::Node(NodeId(0)));
        let far =
            |millis, from, to| nemesis.fate(Time::ZERO + Span::from_millis(millis), from, to).far;
        assert_eq!([far(999, 0, 1), far(1_000, 0, 1), far(2_000, 0, 1)], [Span(0), by, Span(0)]);
        assert_eq!([far(1_500, 1, 0), far(1_500, 0, 2)], [by, Span(0)]);
    }

    #[test]
    fn a_host_that_is_cut_one_way_still_hears() {
        let nemesis = nemesis(Kind::OneWay { sends: true }, Host::Controller);
        let now = Time::ZERO + Span::from_millis(1_500);
        assert!(nemesis.fate(now, 0, 1).lost && nemesis.fate(now, 3, 1).lost, "3 takes over");
        assert!(!nemesis.fate(now, 1, 0).lost);
    }

    #[test]
    fn a_third_of_the_packets_is_late_and_a_third_comes_twice() {
        let by = Span::from_millis(9);
        let now = Time::ZERO + Span::from_millis(1_500);
        let fates = |kind| {
            let nemesis = nemesis(kind, Host::Node(NodeId(0)));
            (0..10_000).map(|_| nemesis.fate(now, 1, 0)).collect::<Vec<_>>()
        };
        // 3,300 with a standard deviation of 47; 99 %: 121.
        let late = fates(Kind::Reorders { share: 33, by });
        let late: Vec<_> = late.iter().map(|fate| fate.late).filter(|late| late.0 > 0).collect();
        assert!(late.len().abs_diff(3_300) < 125 && late.iter().all(|late| *late <= by));
        let again = fates(Kind::Duplicates { share: 33, by });
        let again = again.iter().filter(|fate| fate.again.is_some()).count();
        assert!(again.abs_diff(3_300) < 125, "{again}");
    }
}
