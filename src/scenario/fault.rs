//! Fault rules: what strikes which parts, when, and how it is repaired.

use crate::event::Fault;
use crate::ids::PartKind;
use crate::scenario::law::Law;
use crate::units::Time;

/// One table of `[[fault.*]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultRule {
    /// Name for people; the kind's own if the file gives none.
    pub name: String,
    /// What strikes.
    pub kind: Fault,
    /// What it may strike.
    pub on: PartSet,
    /// When.
    pub when: When,
    /// How the damage ends.
    pub repair: Repair,
    /// For [`Fault::LinkDegradation`]: the share of the rate that remains, in parts per million.
    pub share_ppm: u32,
    /// For [`Fault::LinkDegradation`]: the share of the packets that is lost, in parts per million.
    pub loss_ppm: u32,
}

impl FaultRule {
    /// What a degraded link is still worth to a transfer, in parts per million: the share of its
    /// rate, less what has to be sent again.
    ///
    /// Not modelled: that TCP slows down when it loses packets. Its rate is at most
    /// 1.22 MSS / (RTT sqrt(loss)) (Mathis, Semke, Mahdavi, Ott: "The macroscopic behavior of the
    /// TCP congestion avoidance algorithm", 1997), which for the 0.3 ms round trips of a rack is
    /// more than 100 Mbit/s up to a loss of 20 %.
    #[must_use]
    pub fn left_ppm(&self) -> u32 {
        let kept = u64::from(1_000_000 - self.loss_ppm);
        (u64::from(self.share_ppm) * kept / 1_000_000) as u32
    }
}

/// A set of parts of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartSet {
    /// Their kind.
    pub kind: PartKind,
    /// Their numbers over the whole machine, from 0: sorted, disjoint, half-open ranges.
    pub ranges: Vec<std::ops::Range<u32>>,
}

/// When a fault strikes.
#[derive(Clone, Debug, PartialEq)]
pub enum When {
    /// Once, on each part of the set, at this time.
    At(Time),
    /// Again and again on each part, after lifetimes of this law.
    /// The clock of a node's lifetime runs while the node has power; that of another part stands
    /// while the rule's damage lasts.
    Lifetime {
        /// The law.
        law: Law,
        /// The age of the parts at the start.
        age: Age,
        /// Whose lifetimes begin anew when one has run out.
        rejuvenate: Rejuvenate,
    },
}

/// Whose lifetimes begin anew when one has run out and its part has failed. Papers differ; with
/// exponential lifetimes, which have no memory, it makes no difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejuvenate {
    /// Only that of the part that failed.
    Failed,
    /// Those of all parts of the rule.
    All,
}

/// The age of parts at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// As found in a machine that has run for long: the first lifetime is what remains of one.
    Stationary,
    /// All new.
    New,
}

/// How the damage ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Repair {
    /// The controller notices and power-cycles the node, which boots again.
    PowerCycle,
    /// After a time of this law; a node then powers on and boots.
    After(Law),
    /// Never.
    Never,
}

impl PartSet {
    /// The numbers, in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.ranges.iter().cloned().flatten()
    }

    /// How many parts.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.ranges.iter().map(|range| range.end - range.start).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }
}
