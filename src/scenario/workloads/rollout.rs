//! A file that goes to all nodes, from one source, along a chain, or from each that has some of it.

use super::{Placed, WorkloadTable};
use crate::config::declare::{choice, table};
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::scenario::keys::{SIZE_SOME, SPAN};
use crate::units::{Bytes, Time};

/// Pieces at most: each is played, for each node.
const PIECES_MAX: u64 = 100_000;
/// Pieces of all nodes at most.
const SENDS_MAX: u64 = 20_000_000;
const PARALLEL_MAX: u64 = 1_000_000;

choice! {
    /// From whom a node gets the file.
    pub enum Method(Clone, Copy, Debug, PartialEq, Eq) {
        /// From the source.
        Source = "source",
        /// From the node before it; the first from the source. Nodes that are down are passed over.
        Chain = "chain",
        /// Each piece from any that has it.
        Peers = "peers",
    }
}

table! {
    /// A file that goes to all nodes in pieces. Only the model plays it.
    pub struct Rollout(Clone, Debug, PartialEq) {
        /// Who gets it.
        nodes: String = Kind::Parts;
        /// Who has it: a node such as `pi1`, which is not one of the others, or the network
        /// interface of a server such as `server[1]`.
        source: String = Kind::Parts;
        /// From whom a node gets it: the `source`, the node before it in a `chain`, or any of its
        /// `peers`.
        method: Method;
        /// How large it is.
        size: Bytes = SIZE_SOME;
        /// How large a piece is, which a node passes on when it has all of it: the last may be
        /// smaller. From the source alone, one piece.
        piece: Bytes = SIZE_SOME => "\"4 MB\"";
        /// Pieces that one part sends at a time, at most.
        uploads: u32 = Kind::Count(1, PARALLEL_MAX) => "4";
        /// When it begins.
        at: Time = SPAN => "\"0 s\"";
    }
}

impl Rollout {
    /// How many pieces the file has.
    #[must_use]
    pub fn pieces(&self) -> u32 {
        if self.method == Method::Source { 1 } else { self.size.0.div_ceil(self.piece.0) as u32 }
    }

    /// How large this piece is.
    #[must_use]
    pub fn size_of(&self, piece: u32) -> Bytes {
        if self.method == Method::Source {
            return self.size;
        }
        Bytes(self.piece.0.min(self.size.0 - u64::from(piece) * self.piece.0))
    }
}

impl WorkloadTable for Rollout {
    const NAME: &'static str = "rollout";
    const NODES: &'static [&'static str] = &["nodes"];
    const PARTS: &'static [&'static str] = &["source"];
    const COMPUTES: bool = false;

    fn check(placed: &Placed<Self>, section: &Section<'_>, m: &mut Mistakes) {
        let (own, nodes) = (&placed.table, &placed.nodes[0]);
        if placed.part_is_among(0, 0) {
            let title =
                format!("the source `{}` is one of the nodes that get the file", own.source);
            let mistake = Mistake::new(section.place("source"), title);
            let mistake = mistake.other(section.place("nodes"), "these get it");
            m.note(mistake.help("leave it out of the set: `pi[1-4]!pi1`"));
        }
        if own.method == Method::Source {
            return;
        }
        let pieces = own.size.0.div_ceil(own.piece.0);
        if pieces > PIECES_MAX || pieces * nodes.len() as u64 > SENDS_MAX {
            let title = format!("{pieces} pieces for each of {} nodes", nodes.len());
            let mistake = Mistake::new(section.place("piece"), title);
            let help = format!(
                "at most {PIECES_MAX} pieces, and {SENDS_MAX} for all nodes together: larger pieces"
            );
            m.note(mistake.help(help));
        }
    }
}
