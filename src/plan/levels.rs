//! What writing a checkpoint to the nodes and reading it back costs, place by place.
//!
//! With S of each node, card rates w and r, a link's payload rate b, memory rate m, groups of g
//! with p parities, and f newcomers in one group:
//!
//! ```text
//!            write                                 read      read by newcomers
//!  memory    S / m                                 S / m     -
//!  buddies   S / m + (c - 1) S / b                 S / m     c S / b
//!  card      S / w                                 S / r     -
//!  partner   max(2 S / w, S / b)                   S / r     max(S / r, S / b, S / w)
//!  group     max(g / (g - p) S / w, p S / b)       S / r     max(G / r, f G / b, G / w)
//! ```
//!
//! with G = g / (g - p) S. Of each g blocks in a group that stand at the same place p are parity,
//! on a node each in turn: so a node keeps S of its own and p / (g - p) S of parity, as SCR's
//! manual has it for XOR (p = 1). A parity is made by a pipeline through the nodes that have the
//! data, each adding its block to what it was sent: a node passes on g - p blocks of S / (g - p)
//! for each of p parities, p S in all. A lost block is made again in the same way, so that each
//! node in the pipeline passes on G for each newcomer, and a newcomer takes in G. A newcomer among
//! buddies takes in all c images of its pair or triple, and passes them on to the next one. Derived
//! here.
//!
//! These are the times of links that nothing else is on ([`super::sharing`]). Otherwise what nodes
//! send to each other goes over the links of the machine, and takes as long as it takes there.
//!
//! Not modelled: computing the parity; what memory the images take from the job.

use crate::ids::JobId;
use crate::plan::Plan;
use crate::plan::images::{self, Parcel};
use crate::plan::optimum;
use crate::protocol::chain::Portion;
use crate::scenario::Scenario;
use crate::scenario::cluster::Hardware;
use crate::scenario::job::{Checkpoint, Cost, KeptAt, Multilevel};
use crate::units::{Bytes, Span};

/// Rate at which a node copies its memory (B/s). Assumption: no figure of a Raspberry Pi's own is
/// at hand; it is much more than what a link or a card takes.
const MEMORY_RATE: f64 = 1e9;

/// What is done to a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It is written.
    Write,
    /// It is read back.
    Read {
        /// Nodes of one group, at most, that read from others.
        newcomers: u32,
    },
}

/// What nodes do for a checkpoint of which they send parts to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Where it is kept.
    pub place: KeptAt,
    /// Until they send.
    pub before: Span,
    /// What their cards take meanwhile.
    pub meanwhile: Span,
    /// What one sends to another.
    pub bytes: Bytes,
    /// From the end of both on.
    pub after: Span,
}

#[doc(hidden)]
impl Plan {
    /// Computing between two checkpoints of a job's levels, and `every` of each of them.
    #[must_use]
    pub fn pattern(&self, of: JobId, spec: &Multilevel) -> (Span, Vec<u32>) {
        let own = || spec.levels.iter().map(|level| level.every.unwrap_or(1)).collect();
        if let Some(interval) = spec.interval {
            return (interval, own());
        }
        let crew = self.crew(of);
        crew.map_or_else(
            || (Span::FOREVER, own()),
            |crew| optimum::best(&self.scenario, &crew, spec),
        )
    }

    /// Which multiple of a node's state an order moves.
    #[must_use]
    pub fn share(&self, of: JobId, portion: Portion) -> f64 {
        let share =
            self.checkpoint_of(of).and_then(Checkpoint::incremental).map_or(0.0, |it| it.share);
        f64::from(u8::from(portion.full)) + f64::from(portion.increments) * share
    }

    /// Which multiple of a node's state a job moves on average, over full ones and increments.
    #[must_use]
    pub fn mean_share(&self, of: JobId, access: Access) -> f64 {
        self.checkpoint_of(of).map_or(1.0, |spec| images::mean_share(spec, access))
    }

    /// What is moved of a checkpoint of this level, if it is `share` times the state.
    #[must_use]
    pub fn parcel(&self, of: JobId, level: usize, share: f64, access: Access) -> Parcel {
        let spec = self.checkpoint_of(of).expect("it writes checkpoints");
        images::parcel(spec, spec.size(level), share, access)
    }

    /// What writing or reading back takes of `share` times a job's checkpoint of this level; `None`
    /// if it is as long as its transfers take.
    #[must_use]
    pub fn checkpoint_span(
        &self,
        of: JobId,
        level: usize,
        share: f64,
        access: Access,
    ) -> Option<Span> {
        span_of(&self.scenario, self.checkpoint_of(of)?, level, share, access)
    }

    /// What nodes do and send to each other for `share` times a job's checkpoint of this level;
    /// `None` if they send nothing.
    #[must_use]
    pub fn exchange(
        &self,
        of: JobId,
        level: usize,
        share: f64,
        access: Access,
    ) -> Option<Exchange> {
        let place = self.checkpoint_of(of)?.cost(level).kept_at()?;
        let Parcel { bytes, packing } = self.parcel(of, level, share, access);
        let each = self.scenario.working_hardware();
        let efforts: Vec<_> = each.map(|it| Effort::of(it, bytes, (place, access))).collect();
        let most = |of: fn(&Effort) -> f64| efforts.iter().map(of).fold(0.0, f64::max);
        // Of what it sends in all, so much goes to each.
        let receivers = match (place, access) {
            (KeptAt::Buddies { copies }, Access::Write) => f64::from(copies) - 1.0,
            (KeptAt::Group { .. }, Access::Read { newcomers: newcomers @ 1.. }) => {
                f64::from(newcomers)
            }
            _ => 1.0,
        };
        let sent = most(|it| it.sent) / receivers;
        let before = Span::from_secs_f64(most(|it| it.before));
        let is_written = access == Access::Write;
        (sent > 0.0).then(|| Exchange {
            place,
            before: if is_written { packing + before } else { before },
            meanwhile: Span::from_secs_f64(most(|it| it.meanwhile)),
            bytes: Bytes(libm::round(sent) as u64),
            after: if is_written { Span::ZERO } else { packing },
        })
    }

    /// The time for which a job's checkpoint of this level is written while it computes: L - C, or
    /// the cost of a copy. `None` if it is as long as its transfers take.
    #[must_use]
    pub fn hidden(&self, of: JobId, level: usize) -> Option<Span> {
        let spec = self.checkpoint_of(of)?;
        let Cost::Fixed { write, .. } = spec.cost(level) else { return None };
        let latency = spec.drain(level)?.latency;
        Some(latency.map_or(write, |latency| Span(latency.0 - write.0)))
    }

    /// The time between a failure's detection and the restart, from a checkpoint of this level or
    /// without one.
    #[must_use]
    pub fn downtime(&self, of: JobId, level: Option<usize>) -> Span {
        let Some(spec) = self.checkpoint_of(of) else { return Span::ZERO };
        match spec.cost(level.unwrap_or(spec.levels() - 1)) {
            Cost::Fixed { downtime, .. } => downtime,
            Cost::Store(_) => Span::ZERO,
        }
    }
}

/// That of some checkpoints; see [`Plan::checkpoint_span`].
pub(super) fn span_of(
    scenario: &Scenario,
    spec: &Checkpoint,
    level: usize,
    share: f64,
    access: Access,
) -> Option<Span> {
    match (spec.cost(level), access) {
        (Cost::Fixed { write, .. }, Access::Write) => Some(images::span(write, share)),
        (Cost::Fixed { read, .. }, Access::Read { .. }) => Some(images::span(read, share)),
        (Cost::Store(KeptAt::FileServer), _) => None,
        (Cost::Store(place), _) => {
            let Parcel { bytes, packing } = images::parcel(spec, spec.size(level), share, access);
            Some(packing + on_nodes(scenario, bytes, place, access))
        }
    }
}

/// The time that it takes if nodes keep it. Of unlike nodes, all wait for those that take longest.
fn on_nodes(scenario: &Scenario, size: Bytes, place: KeptAt, access: Access) -> Span {
    let each = scenario.working_hardware();
    let each = each.map(|hardware| {
        let Effort { before, meanwhile, sent } = Effort::of(hardware, size, (place, access));
        let payload = hardware.link.0 as f64 / 8.0 * scenario.network.tcp_share;
        Span::from_secs_f64(before + meanwhile.max(sent / payload))
    });
    each.max().unwrap_or(Span::ZERO)
}

/// What a node does for a checkpoint that nodes keep.
struct Effort {
    /// What it does before it sends (s).
    before: f64,
    /// What it does while it sends (s).
    meanwhile: f64,
    /// What it sends or receives, whichever is more (B).
    sent: f64,
}

impl Effort {
    fn of(hardware: &Hardware, size: Bytes, (place, access): (KeptAt, Access)) -> Self {
        let size = size.0 as f64;
        let to_card = |size: f64| size / hardware.sd_write as f64;
        let from_card = |size: f64| size / hardware.sd_read as f64;
        let at_home = size / MEMORY_RATE;
        let (before, meanwhile, sent) = match (place, access) {
            (KeptAt::Buddies { copies }, Access::Write) => {
                (at_home, 0.0, (f64::from(copies) - 1.0) * size)
            }
            (KeptAt::Buddies { copies }, Access::Read { newcomers: 1.. }) => {
                (0.0, 0.0, f64::from(copies) * size)
            }
            (KeptAt::Memory | KeptAt::Buddies { .. }, _) => (at_home, 0.0, 0.0),
            (KeptAt::Partner, Access::Write) => (0.0, to_card(2.0 * size), size),
            (KeptAt::Partner, Access::Read { newcomers: 1.. }) => {
                (0.0, from_card(size).max(to_card(size)), size)
            }
            (KeptAt::Group { size: nodes, parity }, Access::Write) => {
                let card = to_card(with_parity(size, nodes, parity));
                (0.0, card, f64::from(parity) * size)
            }
            (
                KeptAt::Group { size: nodes, parity },
                Access::Read { newcomers: newcomers @ 1.. },
            ) => {
                let whole = with_parity(size, nodes, parity);
                let card = from_card(whole).max(to_card(whole));
                (0.0, card, f64::from(newcomers) * whole)
            }
            (_, Access::Write) => (0.0, to_card(size), 0.0),
            (_, Access::Read { .. }) => (0.0, from_card(size), 0.0),
        };
        Self { before, meanwhile, sent }
    }
}

/// What a node of a group keeps: its own image and its share of the parity.
fn with_parity(size: f64, nodes: u32, parity: u32) -> f64 {
    size * f64::from(nodes) / f64::from(nodes - parity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::pilot;
    use crate::units::BitRate;

    /// S = 60 MB, cards of 10 and 20 MB/s, links of 8 Mbit/s without headers: 1 MB/s.
    fn span(place: KeptAt, access: Access) -> f64 {
        let mut scenario = pilot::scenario();
        (scenario.hardware.sd_write, scenario.hardware.sd_read) = (10_000_000, 20_000_000);
        (scenario.hardware.link, scenario.network.tcp_share) = (BitRate(8_000_000), 1.0);
        on_nodes(&scenario, Bytes(60_000_000), place, access).as_secs_f64()
    }

    #[test]
    fn each_place_takes_what_its_slowest_part_takes() {
        let (own, one, two) = (0, 1, 2);
        let read = |newcomers| Access::Read { newcomers };
        let rows = [
            (KeptAt::Memory, [0.06, 0.06, 0.06, 0.06]),
            (KeptAt::Buddies { copies: 2 }, [60.06, 0.06, 120.0, 120.0]),
            (KeptAt::Buddies { copies: 3 }, [120.06, 0.06, 180.0, 180.0]),
            (KeptAt::Card, [6.0, 3.0, 3.0, 3.0]),
            (KeptAt::Partner, [60.0, 3.0, 60.0, 60.0]),
            (KeptAt::Group { size: 4, parity: 1 }, [60.0, 3.0, 80.0, 160.0]),
            (KeptAt::Group { size: 4, parity: 2 }, [120.0, 3.0, 120.0, 240.0]),
        ];
        for (place, wanted) in rows {
            let found = [Access::Write, read(own), read(one), read(two)];
            for (access, wanted) in found.into_iter().zip(wanted) {
                let is = span(place, access);
                assert!((is - wanted).abs() < 1e-6, "{place:?} {access:?}: {is} s");
            }
        }
    }
}
