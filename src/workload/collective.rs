//! A collective operation of MPI: who sends how much to whom in which round, and who may go on.
//!
//! The ranks of one operation go through the same rounds, each at its own pace: a message begins as
//! soon as both its ends stand in its round (rendezvous), and a rank goes to the next round when
//! all that it sends and receives in this one has arrived. Where each message takes a latency α and
//! β for each byte and none shares a link, an operation on n ranks with m bytes takes
//!
//! | operation | algorithm | time |
//! |---|---|---|
//! | broadcast | binomial | ⌈log₂ n⌉ (α + m β) |
//! | broadcast | linear | α + (n - 1) m β, as all share the root's link |
//! | broadcast | scatter (n = 2^k) | 2 log₂ n α + 2 (n - 1) / n m β |
//! | all-reduce | recursive doubling | ⌊log₂ n⌋ (α + m β), and two rounds more unless n is 2^k |
//! | all-reduce | ring | 2 (n - 1) (α + m / n β) |
//! | all-reduce | scatter (n = 2^k) | 2 log₂ n α + 2 (n - 1) / n m β |
//! | all-gather | ring | (n - 1) (α + m β) |
//! | all-gather | recursive doubling (n = 2^k) | log₂ n α + (n - 1) m β |
//! | all-to-all | pairwise | (n - 1) (α + m β) |
//! | all-to-all | linear | α + (n - 1) m β |
//! | neighbours | | α + 2 m β on a ring of three or more, α + m β of two |
//!
//! On other n a scattered all-reduce takes that of the power of two below n and two rounds more.
//!
//! (Thakur, Rabenseifner, Gropp, "Optimization of collective communication operations in MPICH",
//! 2005, without its terms for the arithmetic of a reduction. The scattered broadcast is van de
//! Geijn's, the scattered all-reduce Rabenseifner's.)
//!
//! Where pairs take turns, two messages that go between the same two ranks in the same round take
//! twice as long: with Open MPI 4.1.4 over TCP an `MPI_Sendrecv` of 1 MiB and of 4 MiB took 2.00
//! times one message, where TCP itself took 1.07 to 1.15 over the same links (docs/validation.md).
//! Each of them then counts as twice its bytes, which is the same where nothing else is shared.
//!
//! Not modelled: the arithmetic of a reduction, which is part of the computing of a step; ranks
//! that share a node, between which messages cost nothing.

use crate::scenario::collective::{Collective as Spec, MessagePattern};
use crate::units::Bytes;

/// A message of an operation, between ranks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Message {
    /// Who sends.
    pub from: u32,
    /// Who receives.
    pub to: u32,
    /// How much.
    pub bytes: Bytes,
}

impl MessagePattern {
    /// How many rounds an operation on so many ranks has.
    fn rounds(self, n: u32) -> u32 {
        let doublings = n.ilog2();
        match self {
            _ if n < 2 => 0,
            Self::BroadcastBinomial => n.next_power_of_two().ilog2(),
            Self::ReduceDoubling if n.is_power_of_two() => doublings,
            Self::ReduceDoubling => doublings + 2,
            Self::GatherDoubling => doublings,
            Self::BroadcastScatter => 2 * doublings,
            Self::ReduceScatter if n.is_power_of_two() => 2 * doublings,
            Self::ReduceScatter => 2 * doublings + 2,
            Self::ReduceRing => 2 * (n - 1),
            Self::GatherRing | Self::ToAllPairwise => n - 1,
            Self::BroadcastLinear | Self::ToAllLinear | Self::Neighbours => 1,
        }
    }

    /// The bytes of each message of a round, on n ranks with m bytes.
    fn size(self, round: u32, n: u32, m: Bytes) -> Bytes {
        match self {
            Self::ReduceRing => Bytes(m.0.div_ceil(n.into())),
            Self::GatherDoubling => Bytes(m.0 << round),
            Self::BroadcastScatter => part(round, n, m),
            Self::ReduceScatter if n.is_power_of_two() => part(round, n, m),
            Self::ReduceScatter if (1..=2 * n.ilog2()).contains(&round) => part(round - 1, n, m),
            _ => m,
        }
    }

    /// The ranks to which a rank sends in a round.
    fn sends(self, round: u32, rank: u32, n: u32) -> Vec<u32> {
        match self {
            Self::BroadcastBinomial => {
                let to = rank + (1 << round);
                if rank < 1 << round && to < n { vec![to] } else { Vec::new() }
            }
            Self::BroadcastLinear if rank == 0 => (1..n).collect(),
            Self::BroadcastLinear => Vec::new(),
            Self::BroadcastScatter => Vec::from_iter(scattered(round, rank, n)),
            Self::ReduceScatter => Vec::from_iter(doubling(unfolded(round, n), rank, n)),
            Self::ReduceDoubling => Vec::from_iter(doubling(round, rank, n)),
            Self::ReduceRing | Self::GatherRing => vec![(rank + 1) % n],
            Self::GatherDoubling => vec![rank ^ (1 << round)],
            Self::ToAllPairwise => vec![(rank + round + 1) % n],
            Self::ToAllLinear => (0..n).filter(|to| *to != rank).collect(),
            Self::Neighbours if n == 2 => vec![1 - rank],
            Self::Neighbours => vec![(rank + 1) % n, (rank + n - 1) % n],
        }
    }

    /// The ranks from which a rank receives in a round.
    fn receives(self, round: u32, rank: u32, n: u32) -> Vec<u32> {
        match self {
            Self::BroadcastBinomial => {
                let half = 1 << round;
                if (half..2 * half).contains(&rank) { vec![rank - half] } else { Vec::new() }
            }
            Self::BroadcastLinear => {
                if rank > 0 {
                    vec![0]
                } else {
                    Vec::new()
                }
            }
            Self::BroadcastScatter => match round.checked_sub(n.ilog2()) {
                Some(_) => Vec::from_iter(scattered(round, rank, n)),
                None => Vec::from_iter(giver(round, rank, n)),
            },
            Self::ReduceScatter => folded(unfolded(round, n), rank, n),
            Self::ReduceDoubling => folded(round, rank, n),
            Self::ReduceRing | Self::GatherRing => vec![(rank + n - 1) % n],
            Self::GatherDoubling => vec![rank ^ (1 << round)],
            Self::ToAllPairwise => vec![(rank + n - round - 1) % n],
            Self::ToAllLinear => (0..n).filter(|from| *from != rank).collect(),
            Self::Neighbours if n == 2 => vec![1 - rank],
            Self::Neighbours => vec![(rank + 1) % n, (rank + n - 1) % n],
        }
    }
}

/// The bytes of a message where m of them are halved each round, and then doubled again.
fn part(round: u32, n: u32, m: Bytes) -> Bytes {
    let doublings = n.ilog2();
    let halvings = if round < doublings { round + 1 } else { 2 * doublings - round };
    Bytes(m.0.div_ceil(1 << halvings))
}

/// The round of recursive doubling in which the same pairs exchange as in one of a scattered
/// all-reduce: its distances double, and are halved again.
fn unfolded(round: u32, n: u32) -> u32 {
    let (doublings, fold) = (n.ilog2(), u32::from(!n.is_power_of_two()));
    match round.checked_sub(doublings + fold) {
        None => round,
        Some(later) if later < doublings => doublings + fold - 1 - later,
        Some(_) => doublings + 1,
    }
}

/// To whom a rank sends in a round of a scattered broadcast on 2^k ranks: whoever has data gives
/// half of them over half the distance, and then all exchange what they have.
fn scattered(round: u32, rank: u32, n: u32) -> Option<u32> {
    match round.checked_sub(n.ilog2()) {
        Some(doubled) => Some(rank ^ (1 << doubled)),
        None => rank.is_multiple_of(n >> round).then_some(rank + (n >> (round + 1))),
    }
}

/// From whom a rank receives while a broadcast is scattered.
fn giver(round: u32, rank: u32, n: u32) -> Option<u32> {
    let half = n >> (round + 1);
    (rank % (2 * half) == half).then(|| rank - half)
}

/// To whom a rank sends in a round of recursive doubling. Ranks beyond the last power of two first
/// give what they have to one below it, and get the result from it in the last round.
fn doubling(round: u32, rank: u32, n: u32) -> Option<u32> {
    let (doublings, core) = (n.ilog2(), 1 << n.ilog2());
    if n == core {
        return Some(rank ^ (1 << round));
    }
    let inside = (rank < core).then_some(rank);
    match (round, inside) {
        (0, None) => Some(rank - core),
        (0, Some(_)) => None,
        (last, Some(rank)) if last > doublings => Some(rank + core).filter(|to| *to < n),
        (round, Some(rank)) if round <= doublings => Some(rank ^ (1 << (round - 1))),
        _ => None,
    }
}

/// From whom a rank receives in a round of recursive doubling.
fn folded(round: u32, rank: u32, n: u32) -> Vec<u32> {
    let core = 1 << n.ilog2();
    // Pairs exchange; only in the first and last round of others one side sends.
    let partners = [rank.checked_sub(core), Some(rank + core).filter(|it| *it < n)];
    let pair = doubling(round, rank, n).filter(|other| *other < core && rank < core);
    let all = partners.into_iter().flatten().chain(pair);
    all.filter(|from| doubling(round, *from, n) == Some(rank)).collect()
}

/// An operation under way.
#[derive(Clone, Debug)]
pub struct Collective {
    pattern: MessagePattern,
    bytes: Bytes,
    /// Whether two ranks that send to each other in a round take turns.
    take_turns: bool,
    /// Of each rank, the round that it stands in, and its messages of that round that have not
    /// arrived.
    ranks: Vec<(u32, u32)>,
    /// Ranks that are through.
    through: u32,
}

impl Collective {
    /// An operation on so many ranks, and the messages with which it begins.
    #[must_use]
    pub fn begin(spec: Spec, n: u32) -> (Self, Vec<Message>) {
        let ranks = vec![(0, 0); n as usize];
        let (pattern, bytes, take_turns) = (spec.pattern(), spec.size, spec.take_turns);
        let mut this = Self { pattern, bytes, take_turns, ranks, through: 0 };
        (0..n).for_each(|rank| this.enter(rank));
        let begin = |rank| this.sends(rank).collect::<Vec<_>>();
        let messages = (0..n).flat_map(begin).collect();
        (this, messages)
    }

    /// Whether all ranks are through.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.through == self.n()
    }

    /// A message has arrived; gives those that begin now. O(messages of two ranks in a round).
    pub fn arrived(&mut self, from: u32, to: u32) -> Vec<Message> {
        let mut messages = Vec::new();
        for rank in [from, to] {
            let open = &mut self.ranks[rank as usize].1;
            *open -= 1;
            if *open == 0 {
                self.ranks[rank as usize].0 += 1;
                self.enter(rank);
                messages.extend(self.sends(rank).chain(self.receives(rank)));
            }
        }
        messages
    }

    fn n(&self) -> u32 {
        self.ranks.len() as u32
    }

    /// The message from rank to rank of a round. The two of a pair that takes turns count double.
    fn message(&self, round: u32, from: u32, to: u32) -> Message {
        let size = self.pattern.size(round, self.n(), self.bytes);
        let turns = self.take_turns && self.pattern.sends(round, to, self.n()).contains(&from);
        Message { from, to, bytes: Bytes(size.0 << u32::from(turns)) }
    }

    /// A rank enters its next round in which it has messages, or is through.
    fn enter(&mut self, rank: u32) {
        let (pattern, n) = (self.pattern, self.n());
        let (round, open) = &mut self.ranks[rank as usize];
        while *round < pattern.rounds(n) {
            let sends = pattern.sends(*round, rank, n).len();
            *open = (sends + pattern.receives(*round, rank, n).len()) as u32;
            if *open > 0 {
                return;
            }
            *round += 1;
        }
        self.through += 1;
    }

    /// What a rank sends in its round to those that stand in it as well.
    fn sends(&self, rank: u32) -> impl Iterator<Item = Message> {
        let (round, n) = (self.ranks[rank as usize].0, self.n());
        let is_through = round >= self.pattern.rounds(n);
        let to = if is_through { Vec::new() } else { self.pattern.sends(round, rank, n) };
        let message = move |to| self.message(round, rank, to);
        to.into_iter().filter(move |to| self.ranks[*to as usize].0 == round).map(message)
    }

    /// What it receives in its round from those that stand in it as well.
    fn receives(&self, rank: u32) -> impl Iterator<Item = Message> {
        let (round, n) = (self.ranks[rank as usize].0, self.n());
        let is_through = round >= self.pattern.rounds(n);
        let from = if is_through { Vec::new() } else { self.pattern.receives(round, rank, n) };
        let message = move |from| self.message(round, from, rank);
        from.into_iter().filter(move |from| self.ranks[*from as usize].0 == round).map(message)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    use crate::scenario::collective::{Algorithm, Operation};
    use crate::units::Span;

    const ALL: [(Operation, Algorithm); 11] = [
        (Operation::Broadcast, Algorithm::Binomial),
        (Operation::Broadcast, Algorithm::Linear),
        (Operation::Broadcast, Algorithm::Scatter),
        (Operation::AllReduce, Algorithm::RecursiveDoubling),
        (Operation::AllReduce, Algorithm::Ring),
        (Operation::AllReduce, Algorithm::Scatter),
        (Operation::AllGather, Algorithm::Ring),
        (Operation::AllGather, Algorithm::RecursiveDoubling),
        (Operation::AllToAll, Algorithm::Pairwise),
        (Operation::AllToAll, Algorithm::Linear),
        (Operation::Neighbours, Algorithm::Linear),
    ];

    fn spec((operation, algorithm): (Operation, Algorithm), size: u64, take_turns: bool) -> Spec {
        let (size, latency) = (Bytes(size), Span::ZERO);
        Spec { operation, algorithm: Some(algorithm), size, latency, take_turns }
    }

    /// All messages of an operation. Those under way arrive in an order that `pick` chooses.
    fn play(spec: Spec, n: u32, mut pick: impl FnMut(usize) -> usize) -> Vec<Message> {
        let (mut all, mut open) = Collective::begin(spec, n);
        let mut arrived = Vec::new();
        while !open.is_empty() {
            let message = open.swap_remove(pick(open.len()));
            arrived.push(message);
            open.extend(all.arrived(message.from, message.to));
        }
        assert!(all.is_done(), "{spec:?} on {n}");
        arrived
    }

    /// Whatever order messages arrive in, each has the data that it should have when all is over.
    /// What a rank has is a set of ranks whose data it has seen.
    #[test]
    fn an_operation_brings_everybody_what_it_promises() {
        let mut state = 1_u64;
        let mut draw = move |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((state >> 33) % below as u64) as usize
        };
        for n in [1, 2, 3, 4, 5, 6, 7, 8, 13, 16] {
            for kind in ALL {
                let pattern = spec(kind, 1_000, false).pattern();
                let powers = [MessagePattern::GatherDoubling, MessagePattern::BroadcastScatter];
                if powers.contains(&pattern) && !u32::is_power_of_two(n) {
                    continue;
                }
                let messages = play(spec(kind, 1_000, false), n, &mut draw);
                let pairs: BTreeSet<_> = messages.iter().map(|it| (it.from, it.to)).collect();
                let mut has: Vec<BTreeSet<u32>> = (0..n).map(|rank| [rank].into()).collect();
                for message in &messages {
                    let sent = has[message.from as usize].clone();
                    has[message.to as usize].extend(sent);
                }
                let everything: BTreeSet<_> = (0..n).collect();
                match pattern {
                    MessagePattern::BroadcastBinomial | MessagePattern::BroadcastLinear => {
                        assert!(has.iter().all(|has| has.contains(&0)), "{pattern:?} on {n}");
                        assert_eq!(messages.len() as u32, n - 1, "each gets it once");
                    }
                    MessagePattern::BroadcastScatter => {
                        assert!(has.iter().all(|has| has.contains(&0)), "{pattern:?} on {n}");
                    }
                    MessagePattern::ToAllPairwise | MessagePattern::ToAllLinear => {
                        assert_eq!(pairs.len() as u32, n * (n - 1), "{pattern:?} on {n}");
                        assert_eq!(messages.len(), pairs.len());
                    }
                    MessagePattern::Neighbours if n > 2 => {
                        assert_eq!(messages.len() as u32, 2 * n);
                        assert!(pairs.iter().all(|(a, b)| (a + 1) % n == *b || (b + 1) % n == *a));
                    }
                    MessagePattern::Neighbours => assert_eq!(messages.len() as u32, n * (n - 1)),
                    _ => {
                        assert!(has.iter().all(|has| *has == everything), "{pattern:?} on {n}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_rank_that_is_behind_holds_up_only_those_that_need_it() {
        // Pairwise on four: who has both of its messages of a round begins the next one with those
        // that have theirs.
        let pairwise = spec((Operation::AllToAll, Algorithm::Pairwise), 1, false);
        let (mut all, first) = Collective::begin(pairwise, 4);
        let message = |from, to| Message { from, to, bytes: Bytes(1) };
        assert_eq!(first, [message(0, 1), message(1, 2), message(2, 3), message(3, 0)]);
        assert_eq!(all.arrived(0, 1), []);
        assert_eq!(all.arrived(1, 2), [], "0 and 2 still receive or send");
        assert_eq!(all.arrived(2, 3), [], "1 and 2 send to 3 and 0 next");
        let second = [message(3, 1), message(1, 3), message(0, 2), message(2, 0)];
        assert_eq!(all.arrived(3, 0).into_iter().collect::<BTreeSet<_>>(), second.into());
    }

    /// Rabenseifner's on four: halves to a neighbour, quarters to the one after it, and back.
    #[test]
    fn a_scattered_reduction_halves_its_messages_and_doubles_them_again() {
        let kind = (Operation::AllReduce, Algorithm::Scatter);
        let of_first = |messages: &[Message]| -> Vec<_> {
            let own = messages.iter().filter(|it| it.from == 0);
            own.map(|it| (it.to, it.bytes.0)).collect()
        };
        let messages = play(spec(kind, 1_000, false), 4, |_| 0);
        assert_eq!(of_first(&messages), [(1, 500), (2, 250), (2, 250), (1, 500)]);
        let messages = play(spec(kind, 1_000, true), 4, |_| 0);
        assert_eq!(of_first(&messages), [(1, 1_000), (2, 500), (2, 500), (1, 1_000)]);
    }

    /// Pairwise on four: only in the second round do two send to each other.
    #[test]
    fn only_pairs_that_send_to_each_other_take_turns() {
        let pairwise = spec((Operation::AllToAll, Algorithm::Pairwise), 7, true);
        let mut bytes: Vec<_> = play(pairwise, 4, |_| 0)
            .iter()
            .map(|it| ((it.to + 4 - it.from) % 4, it.bytes.0))
            .collect();
        bytes.sort_unstable();
        bytes.dedup();
        assert_eq!(bytes, [(1, 7), (2, 14), (3, 7)]);
    }
}
