//! Who sits where in a job, which committed checkpoints there are, and who may take over.
//!
//! ```text
//!  card      seat s is read back by the node that wrote it
//!  partner   ... or by the node of the next seat, which has a copy; a third node may take the
//!            seat and read the copy, as long as the partner sits in the job
//! ```
//!
//! Example with four seats on nodes 0 to 3, spare 9, and copies at partners: node 1 dies. Node 2
//! has the copy of seat 1, so 9 takes seat 1 and reads from 2. If 2 dies as well before that is
//! done, nobody within reach has seat 1 and the job waits until 1 or 2 is back. Whoever has read a
//! copy has an image of its own.
//!
//! A failure of one node, whichever, never makes a checkpoint with copies unreadable; of two nodes
//! only if they are neighbours.
//!
//! With several levels the newest checkpoint is read that the nodes within reach can read. Newer
//! ones are given up then. A new checkpoint replaces the older ones of its level and below. While
//! any is left that could still be read, the job does not begin anew.
//!
//! Not modelled: a new copy at a partner before the next checkpoint.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::NodeId;
use crate::protocol::free::Free;
use crate::protocol::holders::Holders;
use crate::protocol::numbers::Numbers;
use crate::protocol::sitting::Sitting;
use crate::scenario::job::{Checkpoint, KeptAt};

/// The seats of a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Seating {
    seats: Vec<Option<NodeId>>,
    /// The seat of each node.
    sitting: Sitting,
    /// Seats that nobody has.
    vacant: Numbers,
    /// Where each level is kept; `None`: its costs are fixed, and failures have classes.
    levels: Vec<Option<KeptAt>>,
    /// Whether a failure of class k during recovery from level k takes that level with it.
    escalate: bool,
    /// How many checkpoints of a level are kept.
    keep: usize,
    /// The committed checkpoints, the newest last: the older, the stronger.
    kept: Vec<Kept>,
    /// The numbers of those that stay even when newer ones replace them.
    held: Vec<u64>,
}

/// A committed checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Its number.
    pub number: u64,
    /// Its level.
    pub level: usize,
    /// Which nodes hold it; `None` if none has to.
    pub holders: Option<Holders>,
}

/// How the seats can be filled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filling {
    /// Who shall sit where, seat by seat.
    pub nodes: Vec<NodeId>,
    /// The checkpoint that they can read; `None`: there is none.
    pub number: Option<u64>,
}

/// What filling the seats has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled {
    /// Who made room for others.
    pub left: Vec<NodeId>,
    /// Who has a seat and had none, in the order of the seats.
    pub joined: Vec<NodeId>,
    /// Checkpoints that were newer than the one which can be read.
    pub given_up: Vec<Kept>,
}

/// Where a seat's image comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// From the node's own card or memory, or from where whoever sits there can read it.
    Own,
    /// From the node on this seat.
    Seat(usize),
    /// From the others of its group and their parity.
    Group,
}

impl Seating {
    /// So many empty seats, and checkpoints of these levels.
    #[must_use]
    pub fn new(seats: usize, spec: Option<&Checkpoint>) -> Self {
        let levels = spec.map_or(0, Checkpoint::levels);
        let kept_at = |level| spec.and_then(|spec| spec.cost(level).kept_at());
        Self {
            seats: vec![None; seats],
            sitting: Sitting::default(),
            vacant: Numbers::below(seats as u32),
            levels: (0..levels).map(kept_at).collect(),
            escalate: spec.is_some_and(Checkpoint::escalates),
            keep: spec.map_or(1, |spec| spec.integrity().keep as usize),
            kept: Vec::new(),
            held: Vec::new(),
        }
    }

    /// Who sits where.
    #[must_use]
    pub fn seats(&self) -> &[Option<NodeId>] {
        &self.seats
    }

    /// The seat of a node.
    #[must_use]
    pub fn seat_of(&self, node: NodeId) -> Option<usize> {
        self.sitting.get(node)
    }

    /// Who sits, in the order of the nodes. O(nodes).
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.sitting.nodes()
    }

    /// How many sit.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.seats.len() - self.vacant.len()
    }

    /// How many seats nobody has.
    #[must_use]
    pub fn lacking(&self) -> usize {
        self.vacant.len()
    }

    /// A node takes an empty seat.
    pub fn take(&mut self, seat: usize, node: NodeId) {
        let old = self.seats[seat].replace(node);
        assert!(old.is_none() && self.vacant.remove(seat as u32), "the seat was empty");
        self.sitting.insert(node, seat);
    }

    /// A node leaves its seat; gives the seat.
    pub fn leave(&mut self, node: NodeId) -> Option<usize> {
        let seat = self.sitting.remove(node)?;
        self.seats[seat] = None;
        self.vacant.insert(seat as u32);
        Some(seat)
    }

    /// All leave, and no checkpoint is needed any more. Gives them in the order of the nodes.
    pub fn leave_all(&mut self) -> Vec<NodeId> {
        self.kept.clear();
        self.seats.fill(None);
        self.vacant = Numbers::below(self.seats.len() as u32);
        std::mem::take(&mut self.sitting).nodes().collect()
    }

    /// Whoever holds an image of the newest committed checkpoint in the memory of buddies, and how
    /// many of its pair or triple hold it no more.
    pub fn at_risk(&self) -> impl Iterator<Item = (NodeId, usize)> {
        let holders = self.newest().and_then(|kept| kept.holders.as_ref());
        holders.into_iter().flat_map(Holders::at_risk)
    }

    /// The newest committed checkpoint.
    #[must_use]
    pub fn newest(&self) -> Option<&Kept> {
        self.kept.last()
    }

    /// A checkpoint of this level that all seats write, as it will be once it is committed.
    #[must_use]
    pub fn written(&self, number: u64, level: usize) -> Kept {
        // At the file server nobody asks who wrote: dead replicas leave seats empty.
        let by_nodes = self.levels[level].filter(|place| *place != KeptAt::FileServer);
        let holders = by_nodes.and_then(|place| {
            let nodes: Option<Vec<_>> = self.seats.iter().copied().collect();
            Holders::written(place, &nodes.expect("all seats write"))
        });
        Kept { number, level, holders }
    }

    /// A checkpoint of all seats was committed; gives those that it replaces: the older ones below
    /// its level, and of its level those that are too many.
    pub fn commit(&mut self, number: u64, level: usize) -> Vec<Kept> {
        let new = self.written(number, level);
        let mut alike = self.kept.iter().filter(|kept| kept.level == level);
        let too_many = (alike.clone().count() + 1).saturating_sub(self.keep);
        let first = alike.nth(too_many).map_or(number, |kept| kept.number);
        let held = self.held.clone();
        let old = self.drop_if(|kept| {
            let replaced = kept.level < level || kept.level == level && kept.number < first;
            replaced && !held.contains(&kept.number)
        });
        self.kept.push(new);
        old
    }

    /// A checkpoint that was written while the job computed was committed, perhaps after newer
    /// ones; gives those that it replaces: the older ones up to its level.
    pub fn drained(&mut self, number: u64, level: usize) -> Vec<Kept> {
        let new = self.written(number, level);
        let old = self.drop_if(|kept| kept.level <= level && kept.number < number);
        let newer = self.kept.partition_point(|kept| kept.number < number);
        self.kept.insert(newer, new);
        old
    }

    /// These checkpoints stay from now on even when newer ones replace them, as they are still to
    /// be copied. Gives those that stayed for that, need not any more and are replaced.
    pub fn hold(&mut self, held: Vec<u64>) -> Vec<Kept> {
        let before = std::mem::replace(&mut self.held, held);
        if before.is_empty() {
            return Vec::new();
        }
        let released = before.into_iter().filter(|number| !self.held.contains(number));
        let replaced = |number: &u64| {
            let mut newer = self.kept.iter().skip_while(|kept| kept.number != *number);
            newer.next().is_some_and(|kept| newer.any(|newer| newer.level >= kept.level))
        };
        let gone: Vec<_> = released.filter(replaced).collect();
        self.drop_if(|kept| gone.contains(&kept.number))
    }

    /// A node of the job failed: with fixed costs that takes the checkpoints below its class with
    /// it, and gives them. `class` counts from 1.
    pub fn struck(&mut self, class: u8, restarting: bool) -> Vec<Kept> {
        let escalate = self.escalate && restarting;
        let (top, read) = (self.levels.len(), self.kept.last().map(|kept| kept.level));
        let (levels, class) = (self.levels.clone(), usize::from(class));
        self.drop_if(|kept| {
            let level = kept.level + 1;
            let again = escalate && level == class && level < top && Some(kept.level) == read;
            levels[kept.level].is_none() && (level < class || again)
        })
    }

    /// The memory of a node is lost; gives the checkpoints that can never be read back any more.
    pub fn wipe(&mut self, node: NodeId) -> Vec<Kept> {
        let wiped = |kept: &mut Kept| kept.holders.as_mut().is_some_and(|all| all.wipe(node));
        // All of them, not only the first that had an image there.
        let touched = self.kept.iter_mut().map(wiped).filter(|had| *had).count();
        if touched == 0 {
            return Vec::new();
        }
        self.drop_if(|kept| kept.holders.as_ref().is_some_and(|holders| !holders.is_whole()))
    }

    fn drop_if(&mut self, is_gone: impl Fn(&Kept) -> bool) -> Vec<Kept> {
        if !self.kept.iter().any(&is_gone) {
            return Vec::new();
        }
        let all = std::mem::take(&mut self.kept);
        let (gone, kept) = all.into_iter().partition(is_gone);
        self.kept = kept;
        gone
    }

    /// A committed checkpoint was thrown away; gives it.
    pub fn forget(&mut self, number: u64) -> Vec<Kept> {
        self.drop_if(|kept| kept.number == number)
    }

    /// Whether [`Self::place`] fills the seats. O(1) where anybody can read the newest checkpoint.
    #[must_use]
    pub fn may_be_placed(&self, free: &Free) -> bool {
        let enough = self.vacant.len() <= free.len();
        enough && (self.holders().is_none() || self.fill(free).is_some())
    }

    /// Fills all seats so that the newest checkpoint that can be read back is, or none of them.
    pub fn place(&mut self, free: &Free) -> Option<Filled> {
        if self.vacant.len() > free.len() {
            return None;
        }
        if self.holders().is_none() {
            let vacant = std::mem::take(&mut self.vacant);
            let joined: Vec<_> = free.iter().take(vacant.len()).collect();
            for (seat, &node) in vacant.iter().zip(&joined) {
                self.seats[seat as usize] = Some(node);
                self.sitting.insert(node, seat as usize);
            }
            return Some(Filled { left: Vec::new(), joined, given_up: Vec::new() });
        }
        let Filling { nodes, number } = self.fill(free)?;
        let given_up = self.give_up_after(number);
        let (left, joined) = self.seat(nodes);
        Some(Filled { left, joined, given_up })
    }

    /// Who shall sit where, so that the newest checkpoint that can be read back is: of those who
    /// sit and the free nodes, in their order. `None` as long as none can be.
    /// O(levels nodes log nodes).
    #[must_use]
    pub fn fill(&self, free: &Free) -> Option<Filling> {
        let sitting = self.seats.iter().copied().flatten();
        let pool: Vec<_> = sitting.chain(free.iter()).collect();
        if pool.len() < self.seats.len() {
            return None;
        }
        let Some(oldest) = self.kept.first() else {
            return Some(Filling { nodes: self.deal(&pool, None), number: None });
        };
        for kept in self.kept.iter().rev() {
            let nodes = self.deal(&pool, kept.holders.as_ref());
            let readable = kept
                .holders
                .as_ref()
                .is_none_or(|holders| holders.suffice_of(&nodes.iter().copied().collect()));
            if readable {
                return Some(Filling { nodes, number: Some(kept.number) });
            }
        }
        assert!(oldest.holders.is_some(), "what no node has to hold can be read");
        None
    }

    /// Deals the seats. Whoever wrote an image sits where it was; then whoever has the only copy
    /// within reach, unless he sits already; then everybody where he was, and the others in their
    /// order.
    fn deal(&self, pool: &[NodeId], holders: Option<&Holders>) -> Vec<NodeId> {
        let mut left: BTreeMap<NodeId, usize> = (0..).zip(pool).map(|(i, &n)| (n, i)).collect();
        let mut all = vec![None; self.seats.len()];
        let mut offer = |seat: usize, node: Option<NodeId>| {
            if let (None, Some(node)) = (all[seat], node)
                && left.remove(&node).is_some()
            {
                all[seat] = Some(node);
            }
        };
        for (holders, copy) in
            holders.into_iter().flat_map(|it| (0..it.copies()).map(move |n| (it, n)))
        {
            for seat in 0..self.seats.len() {
                offer(seat, holders.of(seat).get(copy).copied());
            }
        }
        for (seat, &node) in self.seats.iter().enumerate() {
            offer(seat, node);
        }
        let mut rest: Vec<_> = left.into_iter().map(|(node, place)| (place, node)).collect();
        rest.sort_unstable();
        let mut rest = rest.into_iter().map(|(_, node)| node);
        all.into_iter().filter_map(|node| node.or_else(|| rest.next())).collect()
    }

    /// Gives up the checkpoints that are newer than this one, or all.
    pub fn give_up_after(&mut self, number: Option<u64>) -> Vec<Kept> {
        self.drop_if(|kept| Some(kept.number) > number)
    }

    /// Seats these nodes; gives who left for others, and who joined.
    pub fn seat(&mut self, all: Vec<NodeId>) -> (Vec<NodeId>, Vec<NodeId>) {
        assert_eq!(all.len(), self.seats.len(), "every seat is filled");
        let old = std::mem::take(&mut self.sitting);
        self.seats = all.iter().copied().map(Some).collect();
        self.vacant = Numbers::default();
        for (seat, &node) in all.iter().enumerate() {
            self.sitting.insert(node, seat);
        }
        let left = old.nodes().filter(|node| self.sitting.get(*node).is_none()).collect();
        let joined = all.into_iter().filter(|node| old.get(*node).is_none()).collect();
        (left, joined)
    }

    /// The holders of the newest checkpoint.
    pub(super) fn holders(&self) -> Option<&Holders> {
        self.kept.last().and_then(|kept| kept.holders.as_ref())
    }

    /// Where the node on a seat reads its image of the newest checkpoint; the seats must have been
    /// filled. O(seats).
    #[must_use]
    pub fn source(&self, seat: usize) -> Source {
        let (Some(holders), Some(node)) = (self.holders(), self.seats[seat]) else {
            return Source::Own;
        };
        let image = holders.of(seat);
        if image.contains(&node) {
            return Source::Own;
        }
        let there = image.iter().find_map(|&holder| self.seat_of(holder));
        there.map_or(Source::Group, Source::Seat)
    }

    /// How many, at most in one group, read from others.
    #[must_use]
    pub fn newcomers(&self) -> u32 {
        let Some(holders) = self.holders() else { return 0 };
        let nodes: Option<Vec<_>> = self.seats.iter().copied().collect();
        nodes.map_or(0, |nodes| holders.newcomers(&nodes))
    }

    /// All have read their images of the newest checkpoint; who read a copy has it himself from
    /// now on.
    pub fn restored(&mut self) {
        if let Some(holders) = self.kept.last_mut().and_then(|kept| kept.holders.as_mut()) {
            let nodes: Option<Vec<_>> = self.seats.iter().copied().collect();
            holders.restored(&nodes.expect("the seats were filled"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seated(place: KeptAt) -> Seating {
        let mut seating = Seating::new(4, None);
        seating.levels = vec![Some(place)];
        seating.seat((0..4).map(NodeId).collect());
        seating.commit(1, 0);
        seating
    }

    fn free(nodes: &[u32]) -> Free {
        nodes.iter().map(|&node| (node >= 8, NodeId(node))).collect()
    }

    fn fill(seating: &mut Seating, nodes: &[u32]) -> bool {
        let all = seating.fill(&free(nodes));
        all.is_some_and(|all| !seating.seat(all.nodes).1.is_empty())
    }

    fn nodes(seating: &Seating) -> Vec<u32> {
        seating.seats().iter().map(|node| node.expect("all sit").0).collect()
    }

    #[test]
    fn a_spare_reads_from_the_file_server_whoever_is_gone() {
        let mut seating = seated(KeptAt::FileServer);
        assert_eq!(seating.leave(NodeId(1)), Some(1));
        assert!(fill(&mut seating, &[9]));
        assert_eq!((nodes(&seating), seating.source(1)), (vec![0, 9, 2, 3], Source::Own));
    }

    #[test]
    fn a_card_waits_for_its_own_node() {
        let mut seating = seated(KeptAt::Card);
        seating.leave(NodeId(1));
        assert!(!fill(&mut seating, &[9]), "a spare has no image");
        assert!(fill(&mut seating, &[1, 9]));
        assert_eq!(nodes(&seating), [0, 1, 2, 3]);
        assert_eq!(seating.newcomers(), 0);
    }

    #[test]
    fn a_newcomer_reads_the_copy_of_the_partner_and_has_it_then() {
        let mut seating = seated(KeptAt::Partner);
        seating.leave(NodeId(1));
        assert!(fill(&mut seating, &[9]));
        assert_eq!(seating.source(1), Source::Seat(2));
        assert_eq!(seating.source(0), Source::Own, "its own image is whole");
        seating.restored();
        assert_eq!(seating.newcomers(), 0);
        seating.leave(NodeId(2));
        assert!(fill(&mut seating, &[8]), "node 9 has the image of seat 1 by now");
        assert_eq!((nodes(&seating), seating.source(2)), (vec![0, 9, 8, 3], Source::Seat(3)));
    }

    #[test]
    fn a_newcomer_that_has_not_read_yet_makes_room_for_whoever_can() {
        let mut seating = seated(KeptAt::Partner);
        seating.leave(NodeId(1));
        assert!(fill(&mut seating, &[9]));
        seating.leave(NodeId(2));
        assert!(!fill(&mut seating, &[8]), "nobody within reach has seat 1");
        let all = seating.fill(&free(&[1, 2])).expect("both are back");
        assert_eq!(seating.seat(all.nodes), (vec![NodeId(9)], vec![NodeId(1), NodeId(2)]));
        assert_eq!(nodes(&seating), [0, 1, 2, 3]);
    }

    #[test]
    fn two_neighbours_lost_together_are_waited_for() {
        let mut seating = seated(KeptAt::Partner);
        seating.leave(NodeId(1));
        seating.leave(NodeId(2));
        assert!(!fill(&mut seating, &[8, 9]), "both copies of seat 1 are out of reach");
        assert!(fill(&mut seating, &[2, 9]));
        assert_eq!((nodes(&seating), seating.source(1)), (vec![0, 9, 2, 3], Source::Seat(2)));
    }

    fn of_levels(levels: &[KeptAt]) -> Seating {
        let mut seating = seated(KeptAt::FileServer);
        seating.levels = levels.iter().copied().map(Some).collect();
        seating.kept.clear();
        seating
    }

    fn numbers(kept: &[Kept]) -> Vec<u64> {
        kept.iter().map(|kept| kept.number).collect()
    }

    #[test]
    fn a_stronger_checkpoint_is_kept_until_a_newer_one_is_as_strong() {
        let mut seating = of_levels(&[KeptAt::Memory, KeptAt::Card, KeptAt::FileServer]);
        assert_eq!(seating.commit(1, 2), []);
        assert_eq!(seating.commit(2, 0), []);
        assert_eq!(numbers(&seating.commit(3, 1)), [2]);
        assert_eq!(seating.commit(4, 0), []);
        assert_eq!(numbers(&seating.kept), [1, 3, 4]);
        assert_eq!(numbers(&seating.commit(5, 2)), [1, 3, 4]);
    }

    #[test]
    fn what_is_still_to_be_copied_outlives_newer_ones_of_its_level() {
        let mut seating = of_levels(&[KeptAt::Card, KeptAt::FileServer]);
        assert_eq!(seating.hold(vec![2]), []);
        seating.commit(2, 0);
        assert_eq!(seating.commit(3, 0), []);
        assert_eq!(numbers(&seating.kept), [2, 3]);
        assert_eq!(seating.drained(1, 1), []);
        assert_eq!(numbers(&seating.hold(vec![3])), [2], "it is replaced");
        assert_eq!(seating.hold(Vec::new()), [], "it is the newest");
        assert_eq!(numbers(&seating.kept), [1, 3]);
    }

    #[test]
    fn the_newest_is_read_that_the_nodes_within_reach_can_read() {
        let mut seating = of_levels(&[KeptAt::Memory, KeptAt::Card, KeptAt::FileServer]);
        for (number, level) in [(1, 2), (2, 1), (3, 0)] {
            seating.commit(number, level);
        }
        assert_eq!(numbers(&seating.wipe(NodeId(1))), [3], "its memory is lost for good");
        seating.leave(NodeId(1));
        let number = |nodes: &[u32]| seating.fill(&free(nodes)).and_then(|filling| filling.number);
        assert_eq!(number(&[1, 9]), Some(2), "its card is back with it");
        assert_eq!(number(&[9]), Some(1), "a spare has no card with it");
        let filling = seating.fill(&free(&[9])).expect("the server has one");
        assert_eq!(numbers(&seating.give_up_after(filling.number)), [2]);
        seating.seat(filling.nodes);
        assert_eq!((nodes(&seating), seating.newcomers()), (vec![0, 9, 2, 3], 0));
    }

    #[test]
    fn while_a_card_may_come_back_the_job_does_not_begin_anew() {
        let mut seating = of_levels(&[KeptAt::Memory, KeptAt::Card]);
        seating.commit(1, 1);
        seating.leave(NodeId(1));
        assert!(!fill(&mut seating, &[9]), "it waits for node 1");
        let mut seating = of_levels(&[KeptAt::Memory]);
        seating.commit(1, 0);
        assert_eq!(numbers(&seating.wipe(NodeId(1))), [1]);
        seating.leave(NodeId(1));
        let filling = seating.fill(&free(&[9])).expect("nothing is left to wait for");
        assert_eq!(filling.number, None);
    }

    #[test]
    fn a_failure_takes_the_levels_below_its_class_and_one_more_while_it_is_read() {
        for (escalate, restarting, class, left) in [
            (true, false, 1, &[1, 2, 3][..]),
            (true, false, 2, &[1, 2]),
            (true, false, 3, &[1]),
            (true, true, 1, &[1, 2]),
            (false, true, 1, &[1, 2, 3]),
            (true, true, 2, &[1, 2]),
        ] {
            let mut seating = of_levels(&[KeptAt::FileServer; 3]);
            (seating.levels, seating.escalate) = (vec![None; 3], escalate);
            for (number, level) in [(1, 2), (2, 1), (3, 0)] {
                seating.commit(number, level);
            }
            seating.struck(class, restarting);
            assert_eq!(numbers(&seating.kept), left, "class {class}, {escalate} {restarting}");
        }
    }

    #[test]
    fn a_lost_member_of_a_group_is_made_again_from_the_others() {
        let mut seating = seated(KeptAt::Group { size: 4, parity: 1 });
        seating.leave(NodeId(1));
        assert!(fill(&mut seating, &[9]));
        assert_eq!((seating.source(1), seating.newcomers()), (Source::Group, 1));
        seating.leave(NodeId(2));
        assert!(!fill(&mut seating, &[8]), "two of four are gone");
        let all = seating.fill(&free(&[2])).expect("one is back");
        seating.seat(all.nodes);
        seating.restored();
        seating.leave(NodeId(2));
        assert!(fill(&mut seating, &[8]), "node 9 has the image of seat 1 by now");
    }

    /// Against the obvious twin: all ways to fill the seats, tried one after the other.
    #[test]
    fn it_fills_the_seats_whenever_that_can_be_done() {
        let stream = crate::rng::Stream::new(3, "seating");
        let mut draw = stream.draw(0, 0);
        let (mut could, mut could_not) = (0, 0);
        for round in 0..1_200 {
            let place = [
                KeptAt::Partner,
                KeptAt::Card,
                KeptAt::Buddies { copies: 2 },
                KeptAt::Group { size: 4, parity: 1 },
                KeptAt::Group { size: 2, parity: 1 },
                KeptAt::Memory,
            ][round % 6];
            let mut seating = seated(place);
            let mut away: Vec<u32> = vec![7, 8, 9];
            for number in 2..14 {
                for node in (0..4).filter_map(|seat| seating.seats()[seat]).collect::<Vec<_>>() {
                    if draw.below(3) == 0 {
                        seating.leave(node);
                        away.push(node.0);
                    }
                }
                let there: Vec<_> = away.iter().copied().filter(|_| draw.below(2) == 0).collect();
                let found = seating.fill(&free(&there));
                let sitting = seating.seats().iter().flatten().map(|node| node.0);
                let pool: Vec<_> = sitting.chain(there).collect();
                assert_eq!(found.is_some(), can_fill(&seating, &[], &pool), "{seating:?} {pool:?}");
                let Some(found) = found.map(|found| found.nodes) else {
                    could_not += 1;
                    continue;
                };
                could += 1;
                away.retain(|node| !found.contains(&NodeId(*node)));
                away.extend(seating.seat(found).0.iter().map(|node| node.0));
                match draw.below(3) {
                    0 => seating.restored(),
                    1 => drop(seating.commit(number, 0)),
                    _ => {}
                }
            }
        }
        assert!(could > 1_000 && could_not > 300, "{could} {could_not}");
    }

    fn can_fill(seating: &Seating, all: &[u32], pool: &[u32]) -> bool {
        if all.len() == 4 {
            let holders = seating.holders().expect("nodes keep it");
            let lacks = |seat: &usize| !holders.of(*seat).iter().any(|node| all.contains(&node.0));
            let lacking = |seats: std::ops::Range<usize>| seats.filter(lacks).count();
            return match seating.levels[0] {
                Some(KeptAt::Group { size: 4, .. }) => lacking(0..4) <= 1,
                Some(KeptAt::Group { .. }) => lacking(0..2) <= 1 && lacking(2..4) <= 1,
                _ => lacking(0..4) == 0,
            };
        }
        (0..pool.len()).any(|place| {
            let (mut all, mut rest) = (all.to_vec(), pool.to_vec());
            all.push(rest.remove(place));
            can_fill(seating, &all, &rest)
        })
    }
}
