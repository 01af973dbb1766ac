//! Collective operations of a job: what its nodes send to each other at the end of each step.

use crate::config::declare::{Field, Written, choice, table};
use crate::config::language::Kind;
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::config::words::Word;
use crate::scenario::keys::{SIZE_SOME, SPAN};
use crate::units::{Bytes, Span};

choice! {
    /// What an operation does.
    pub enum Operation(Clone, Copy, Debug, PartialEq, Eq) {
        /// The first node's data go to all.
        Broadcast = "broadcast",
        /// All get the sum of what all have.
        AllReduce = "all-reduce",
        /// All get what all have.
        AllGather = "all-gather",
        /// Each sends other data to each.
        AllToAll = "all-to-all",
        /// Each sends to the nodes before and after it, on a ring.
        Neighbours = "neighbours",
    }
}

choice! {
    /// In which rounds.
    pub enum Algorithm(Clone, Copy, Debug, PartialEq, Eq) {
        /// All messages at once.
        Linear = "linear",
        /// Each round twice as many nodes have the data.
        Binomial = "binomial",
        /// Parts go round a ring.
        Ring = "ring",
        /// Pairs exchange what they have, at twice the distance each round.
        RecursiveDoubling = "recursive-doubling",
        /// In round k each sends to the k-th node after it.
        Pairwise = "pairwise",
        /// Parts are spread over the nodes, which then exchange them at halved or doubled distance.
        Scatter = "scatter",
    }
}

/// What an operation does, and by which algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessagePattern {
    /// The first rank's data go to all: in ⌈log₂ n⌉ rounds, each rank that has them sends them on.
    BroadcastBinomial,
    /// The first rank sends its data to all others at once.
    BroadcastLinear,
    /// All get the sum of all: pairs exchange what they have, at twice the distance each round.
    ReduceDoubling,
    /// All get the sum of all: parts of it go round the ring twice.
    ReduceRing,
    /// The first rank's data go to all: halved each round, one part comes to each, and all gather
    /// the parts.
    BroadcastScatter,
    /// All get the sum of all: pairs halve what they reduce each round, so that each has one part
    /// of the sum, and all gather the parts.
    ReduceScatter,
    /// All get the data of all: these go round the ring.
    GatherRing,
    /// All get the data of all: pairs exchange all that they have, at twice the distance each
    /// round.
    GatherDoubling,
    /// Each sends other data to each: in round k to the k-th after it.
    ToAllPairwise,
    /// Each sends other data to each, all at once.
    ToAllLinear,
    /// Each sends to the ranks before and after it on a ring.
    Neighbours,
}

table! {
    /// What the nodes of a job send to each other at the end of each step. Only the model plays it.
    pub struct Collective(Clone, Copy, Debug, PartialEq) {
        /// What they do: `broadcast`, `all-reduce`, `all-gather`, `all-to-all`, or send to their
        /// `neighbours` on a ring.
        operation: Operation;
        /// In which rounds. Default: `binomial` to broadcast, `ring` to all-reduce and all-gather,
        /// `pairwise` all-to-all, `linear` to neighbours.
        algorithm: Option<Algorithm>;
        /// What the first node broadcasts, the vector that each node reduces, what each node gives
        /// to all, or what each sends to each other one.
        size: Bytes = SIZE_SOME;
        /// Before the first byte of each message moves: alpha of the usual cost models.
        latency: Span = SPAN => "\"0 s\"";
        /// Whether two nodes that send to each other in the same round take turns, so that both
        /// messages take twice their time, as Open MPI does over TCP.
        take_turns: bool => "false";
    }
    checks |section, m| {
        if let Some((operation, Some(algorithm))) = operation.zip(algorithm)
            && pattern(operation, algorithm).is_none()
        {
            let title = format!("`{}` has no algorithm `{}`", operation.word(), algorithm.word());
            let help = "broadcast: binomial, linear or scatter; all-reduce: ring, \
                        recursive-doubling or scatter; all-gather: ring or recursive-doubling; \
                        all-to-all: pairwise or linear; neighbours: linear";
            m.note(Mistake::new(section.place("algorithm"), title).help(help));
        }
    }
}

impl Collective {
    /// In which rounds: the usual ones unless it says so.
    #[must_use]
    pub fn algorithm(self) -> Algorithm {
        self.algorithm.unwrap_or(match self.operation {
            Operation::Broadcast => Algorithm::Binomial,
            Operation::AllReduce | Operation::AllGather => Algorithm::Ring,
            Operation::AllToAll => Algorithm::Pairwise,
            Operation::Neighbours => Algorithm::Linear,
        })
    }

    /// Whether so many nodes cannot carry it out by its algorithm.
    #[must_use]
    pub fn is_unknown(self, nodes: u32) -> bool {
        let powers = [MessagePattern::GatherDoubling, MessagePattern::BroadcastScatter];
        let all = pattern(self.operation, self.algorithm());
        all.is_none_or(|all| powers.contains(&all) && !nodes.is_power_of_two())
    }

    /// Who sends what to whom.
    #[must_use]
    pub fn pattern(self) -> MessagePattern {
        let all = pattern(self.operation, self.algorithm());
        all.expect("the reader refuses other algorithms")
    }
}

/// Notes an operation that so many nodes cannot carry out.
pub(super) fn check_nodes(own: &Section<'_>, of: Collective, nodes: u32, m: &mut Mistakes) {
    let (title, other) = match of.pattern() {
        _ if nodes.is_power_of_two() => return,
        MessagePattern::GatherDoubling => ("recursive doubling gathers from", "ring"),
        MessagePattern::BroadcastScatter => ("a broadcast is scattered over", "binomial"),
        _ => return,
    };
    let title = format!("{title} 2, 4, 8, ... nodes, not {nodes}");
    let mistake = Mistake::new(own.section("collective").place("algorithm"), title);
    m.note(mistake.help(format!("`algorithm = \"{other}\"` takes any number")));
}

/// Who sends what to whom, if there is such an algorithm.
fn pattern(operation: Operation, algorithm: Algorithm) -> Option<MessagePattern> {
    Some(match (operation, algorithm) {
        (Operation::Broadcast, Algorithm::Linear) => MessagePattern::BroadcastLinear,
        (Operation::Broadcast, Algorithm::Binomial) => MessagePattern::BroadcastBinomial,
        (Operation::Broadcast, Algorithm::Scatter) => MessagePattern::BroadcastScatter,
        (Operation::AllReduce, Algorithm::Ring) => MessagePattern::ReduceRing,
        (Operation::AllReduce, Algorithm::Scatter) => MessagePattern::ReduceScatter,
        (Operation::AllReduce, Algorithm::RecursiveDoubling) => MessagePattern::ReduceDoubling,
        (Operation::AllGather, Algorithm::Ring) => MessagePattern::GatherRing,
        (Operation::AllGather, Algorithm::RecursiveDoubling) => MessagePattern::GatherDoubling,
        (Operation::AllToAll, Algorithm::Pairwise) => MessagePattern::ToAllPairwise,
        (Operation::AllToAll, Algorithm::Linear) => MessagePattern::ToAllLinear,
        (Operation::Neighbours, Algorithm::Linear) => MessagePattern::Neighbours,
        _ => return None,
    })
}

impl Field for Option<Algorithm> {
    const KIND: Kind = Algorithm::KIND;
    const REQUIRED: bool = false;

    fn take(section: &Section<'_>, name: &'static str, m: &mut Mistakes) -> Option<Self> {
        if section.has(name) { Algorithm::take(section, name, m).map(Some) } else { Some(None) }
    }

    fn written(&self, kind: &Kind) -> Written {
        self.as_ref().map_or(Written::Absent, |own| own.written(kind))
    }
}
