//! Who sits where in a job, who holds the images of its last checkpoint, and who may take over.
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
//! Not modelled: a new copy at a partner before the next checkpoint.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ids::NodeId;
use crate::scenario::job::Place;

/// The seats of a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Seating {
    seats: Vec<Option<NodeId>>,
    /// Of each seat, who wrote its image and who has the copy; empty before the first commit, and
    /// when the file server keeps all.
    kept: Vec<(NodeId, Option<NodeId>)>,
}

/// Where a seat's image comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// From the node's own card.
    Own,
    /// From the card of the node on this seat.
    Seat(usize),
}

impl Seating {
    /// So many empty seats.
    #[must_use]
    pub fn new(seats: usize) -> Self {
        Self { seats: vec![None; seats], kept: Vec::new() }
    }

    /// Who sits where.
    #[must_use]
    pub fn seats(&self) -> &[Option<NodeId>] {
        &self.seats
    }

    /// The seat of a node. O(seats).
    #[must_use]
    pub fn seat_of(&self, node: NodeId) -> Option<usize> {
        self.seats.iter().position(|seat| *seat == Some(node))
    }

    /// A node takes an empty seat.
    pub fn take(&mut self, seat: usize, node: NodeId) {
        let old = self.seats[seat].replace(node);
        assert!(old.is_none(), "the seat was empty");
    }

    /// A node leaves its seat; gives the seat.
    pub fn leave(&mut self, node: NodeId) -> Option<usize> {
        let seat = self.seat_of(node)?;
        self.seats[seat] = None;
        Some(seat)
    }

    /// All leave.
    pub fn leave_all(&mut self) -> impl Iterator<Item = NodeId> {
        let mut nodes: Vec<_> = self.seats.iter_mut().filter_map(Option::take).collect();
        nodes.sort_unstable();
        nodes.into_iter()
    }

    /// Who holds the images of a checkpoint that all seats write at this place, by seat: the
    /// writer, and whoever has the copy. Empty at the file server.
    #[must_use]
    pub fn writers(&self, place: Place) -> Vec<(NodeId, Option<NodeId>)> {
        let n = self.seats.len();
        let node = |seat: usize| self.seats[seat % n].expect("all seats write");
        match place {
            Place::FileServer => Vec::new(),
            Place::Card => (0..n).map(|seat| (node(seat), None)).collect(),
            Place::Partner => (0..n).map(|seat| (node(seat), Some(node(seat + 1)))).collect(),
        }
    }

    /// A checkpoint of all seats was committed at this place; gives who held the one before.
    pub fn commit(&mut self, place: Place) -> Vec<(NodeId, Option<NodeId>)> {
        let writers = self.writers(place);
        std::mem::replace(&mut self.kept, writers)
    }

    /// Who shall sit where, seat by seat, so that the last checkpoint can be read back: of those
    /// who sit and the free nodes, in their order. `None` as long as that cannot be. O(seats^2).
    #[must_use]
    pub fn fill(&self, free: &BTreeSet<(bool, NodeId)>) -> Option<Vec<NodeId>> {
        let sitting = self.seats.iter().copied().flatten();
        let mut pool: Vec<_> = sitting.chain(free.iter().map(|&(_, node)| node)).collect();
        if pool.len() < self.seats.len() {
            return None;
        }
        let mut all = vec![None; self.seats.len()];
        let mut offer = |seat: usize, node: Option<NodeId>| {
            let place = node.and_then(|node| pool.iter().position(|&there| there == node));
            if let (None, Some(place)) = (all[seat], place) {
                all[seat] = Some(pool.remove(place));
            }
        };
        // Whoever wrote an image sits where it was; then whoever has the only copy within reach,
        // unless he sits already; then everybody where he was, and the others in their order.
        for (seat, &(writer, _)) in self.kept.iter().enumerate() {
            offer(seat, Some(writer));
        }
        for (seat, &(_, copy)) in self.kept.iter().enumerate() {
            offer(seat, copy);
        }
        for (seat, &node) in self.seats.iter().enumerate() {
            offer(seat, node);
        }
        let mut rest = pool.into_iter();
        let all: Vec<_> = all.into_iter().filter_map(|node| node.or_else(|| rest.next())).collect();
        let is_read = |(seat, node): (usize, &NodeId)| match self.kept.get(seat) {
            Some((writer, copy)) => node == writer || copy.is_some_and(|copy| all.contains(&copy)),
            None => true,
        };
        all.iter().enumerate().all(is_read).then_some(all)
    }

    /// Seats these nodes; gives who left for others, and who joined.
    pub fn seat(&mut self, all: Vec<NodeId>) -> (Vec<NodeId>, Vec<NodeId>) {
        assert_eq!(all.len(), self.seats.len(), "every seat is filled");
        let old: BTreeSet<_> = self.seats.iter().copied().flatten().collect();
        self.seats = all.iter().copied().map(Some).collect();
        let left = old.iter().copied().filter(|node| !all.contains(node)).collect();
        let joined = all.into_iter().filter(|node| !old.contains(node)).collect();
        (left, joined)
    }

    /// Where the node on a seat reads its image; the seats must have been filled.
    #[must_use]
    pub fn source(&self, seat: usize) -> Source {
        let (Some(&(writer, copy)), Some(node)) = (self.kept.get(seat), self.seats[seat]) else {
            return Source::Own;
        };
        if node == writer || copy == Some(node) {
            return Source::Own;
        }
        let copy = copy.expect("without a copy only the writer takes the seat");
        Source::Seat(self.seat_of(copy).expect("the copy sits in the job"))
    }

    /// Whether anybody reads from another's card.
    #[must_use]
    pub fn has_newcomer(&self) -> bool {
        (0..self.seats.len()).any(|seat| self.source(seat) != Source::Own)
    }

    /// All have read their images; who read a copy has it on its own card from now on.
    pub fn restored(&mut self) {
        for seat in 0..self.kept.len() {
            if self.source(seat) != Source::Own {
                self.kept[seat].0 = self.seats[seat].expect("it was filled");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seated(place: Place) -> Seating {
        let mut seating = Seating::new(4);
        seating.seat((0..4).map(NodeId).collect());
        seating.commit(place);
        seating
    }

    fn free(nodes: &[u32]) -> BTreeSet<(bool, NodeId)> {
        nodes.iter().map(|&node| (node >= 8, NodeId(node))).collect()
    }

    fn fill(seating: &mut Seating, nodes: &[u32]) -> bool {
        let all = seating.fill(&free(nodes));
        all.is_some_and(|all| !seating.seat(all).1.is_empty())
    }

    fn nodes(seating: &Seating) -> Vec<u32> {
        seating.seats().iter().map(|node| node.expect("all sit").0).collect()
    }

    #[test]
    fn a_spare_reads_from_the_file_server_whoever_is_gone() {
        let mut seating = seated(Place::FileServer);
        assert_eq!(seating.leave(NodeId(1)), Some(1));
        assert!(fill(&mut seating, &[9]));
        assert_eq!((nodes(&seating), seating.source(1)), (vec![0, 9, 2, 3], Source::Own));
    }

    #[test]
    fn a_card_waits_for_its_own_node() {
        let mut seating = seated(Place::Card);
        seating.leave(NodeId(1));
        assert!(!fill(&mut seating, &[9]), "a spare has no image");
        assert!(fill(&mut seating, &[1, 9]));
        assert_eq!(nodes(&seating), [0, 1, 2, 3]);
        assert!(!seating.has_newcomer());
    }

    #[test]
    fn a_newcomer_reads_the_copy_of_the_partner_and_has_it_then() {
        let mut seating = seated(Place::Partner);
        seating.leave(NodeId(1));
        assert!(fill(&mut seating, &[9]));
        assert_eq!(seating.source(1), Source::Seat(2));
        assert_eq!(seating.source(0), Source::Own, "its own image is whole");
        seating.restored();
        assert!(!seating.has_newcomer());
        seating.leave(NodeId(2));
        assert!(fill(&mut seating, &[8]), "node 9 has the image of seat 1 by now");
        assert_eq!((nodes(&seating), seating.source(2)), (vec![0, 9, 8, 3], Source::Seat(3)));
    }

    #[test]
    fn a_newcomer_that_has_not_read_yet_makes_room_for_whoever_can() {
        let mut seating = seated(Place::Partner);
        seating.leave(NodeId(1));
        assert!(fill(&mut seating, &[9]));
        seating.leave(NodeId(2));
        assert!(!fill(&mut seating, &[8]), "nobody within reach has seat 1");
        let all = seating.fill(&free(&[1, 2])).expect("both are back");
        assert_eq!(seating.seat(all), (vec![NodeId(9)], vec![NodeId(1), NodeId(2)]));
        assert_eq!(nodes(&seating), [0, 1, 2, 3]);
    }

    #[test]
    fn two_neighbours_lost_together_are_waited_for() {
        let mut seating = seated(Place::Partner);
        seating.leave(NodeId(1));
        seating.leave(NodeId(2));
        assert!(!fill(&mut seating, &[8, 9]), "both copies of seat 1 are out of reach");
        assert!(fill(&mut seating, &[2, 9]));
        assert_eq!((nodes(&seating), seating.source(1)), (vec![0, 9, 2, 3], Source::Seat(2)));
    }

    /// Against the obvious twin: all ways to fill the seats, tried one after the other.
    #[test]
    fn it_fills_the_seats_whenever_that_can_be_done() {
        let stream = crate::rng::Stream::new(3, "seating");
        let mut draw = stream.draw(0, 0);
        let (mut could, mut could_not) = (0, 0);
        for _ in 0..400 {
            let mut seating = seated(if draw.below(4) == 0 { Place::Card } else { Place::Partner });
            let mut away: Vec<u32> = vec![7, 8, 9];
            for _ in 0..12 {
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
                let Some(found) = found else {
                    could_not += 1;
                    continue;
                };
                could += 1;
                away.retain(|node| !found.contains(&NodeId(*node)));
                away.extend(seating.seat(found).0.iter().map(|node| node.0));
                match draw.below(3) {
                    0 => seating.restored(),
                    1 => drop(seating.commit(Place::Partner)),
                    _ => {}
                }
            }
        }
        assert!(could > 1_000 && could_not > 300, "{could} {could_not}");
    }

    fn can_fill(seating: &Seating, all: &[u32], pool: &[u32]) -> bool {
        if all.len() == 4 {
            return (0..4).all(|seat| {
                let (writer, copy) = seating.kept[seat];
                NodeId(all[seat]) == writer || copy.is_some_and(|copy| all.contains(&copy.0))
            });
        }
        (0..pool.len()).any(|place| {
            let (mut all, mut rest) = (all.to_vec(), pool.to_vec());
            all.push(rest.remove(place));
            can_fill(seating, &all, &rest)
        })
    }
}
