//! Who sits where in a job, who holds the images of its last checkpoint, and who may take over.
//!
//! ```text
//!  card      seat s is read back by the node that wrote it
//!  partner   ... or by the node of the next seat, which has a copy; a third node may take the
//!            seat and read the copy, as long as the partner sits in the job
//! ```
//!
//! Example with four seats on nodes 0 to 3, spare 9, and copies at partners: node 1 dies. Node 2
//! has the copy of seat 1, so 9 takes seat 1 and reads from 2. If 2 dies as well, nobody within
//! reach has seat 1 and the job waits until 1 or 2 is back.
//!
//! A failure of one node, whichever, never makes a checkpoint with copies unreadable for longer
//! than a spare needs; of two nodes only if they are neighbours.
//!
//! Not modelled: a new copy of a lost image before the next checkpoint.

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

    /// Seats that nobody has.
    #[must_use]
    pub fn empty(&self) -> usize {
        self.seats.iter().filter(|seat| seat.is_none()).count()
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

    /// Who of the free nodes, in their order, takes which empty seat so that the last checkpoint
    /// can be read back; `None` as long as that cannot be. O(seats log n).
    #[must_use]
    pub fn fill(&self, free: &BTreeSet<(bool, NodeId)>) -> Option<Vec<(usize, NodeId)>> {
        let empty: Vec<_> = (0..self.seats.len()).filter(|&s| self.seats[s].is_none()).collect();
        if free.len() < empty.len() {
            return None;
        }
        let mut free = free.clone();
        let mut taken = self.seats.clone();
        // Whoever wrote an image sits where he was; then whoever has the only copy within reach.
        for copies in [false, true] {
            for &seat in &empty {
                let holder = self.kept.get(seat);
                let holder = holder.and_then(|kept| if copies { kept.1 } else { Some(kept.0) });
                let Some(node) = holder else { continue };
                let has = taken[seat].is_some() || (copies && self.is_read(seat, &taken));
                let found = [false, true].map(|spare| (spare, node));
                if let (false, Some(entry)) = (has, found.iter().find(|e| free.contains(*e))) {
                    free.remove(entry);
                    taken[seat] = Some(node);
                }
            }
        }
        for &seat in &empty {
            if taken[seat].is_none() {
                if !self.is_read(seat, &taken) {
                    return None;
                }
                taken[seat] = Some(free.pop_first()?.1);
            }
        }
        Some(empty.into_iter().filter_map(|seat| Some((seat, taken[seat]?))).collect())
    }

    /// Whether a newcomer can read the image of a seat from somebody who sits in the job.
    fn is_read(&self, seat: usize, taken: &[Option<NodeId>]) -> bool {
        match self.kept.get(seat) {
            None => true,
            Some((_, Some(copy))) => taken.contains(&Some(*copy)),
            Some((_, None)) => false,
        }
    }

    /// A node takes a seat.
    pub fn take(&mut self, seat: usize, node: NodeId) {
        assert!(self.seats[seat].replace(node).is_none(), "the seat is empty");
    }

    /// Where the node on a seat reads its image; the seats must have been filled.
    #[must_use]
    pub fn source(&self, seat: usize) -> Source {
        let Some(&(owner, copy)) = self.kept.get(seat) else { return Source::Own };
        let node = self.seats[seat];
        if node == Some(owner) || (copy.is_some() && node == copy) {
            return Source::Own;
        }
        let copy = copy.expect("without a copy only the owner takes the seat");
        Source::Seat(self.seat_of(copy).expect("the copy sits in the job"))
    }

    /// Whether anybody reads from another's card.
    #[must_use]
    pub fn has_newcomer(&self) -> bool {
        (0..self.seats.len()).any(|seat| self.source(seat) != Source::Own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seated(place: Place) -> Seating {
        let mut seating = Seating::new(4);
        for seat in 0..4 {
            seating.take(seat, NodeId(seat as u32));
        }
        seating.commit(place);
        seating
    }

    fn free(nodes: &[u32]) -> BTreeSet<(bool, NodeId)> {
        nodes.iter().map(|&node| (node == 9, NodeId(node))).collect()
    }

    fn fill(seating: &mut Seating, nodes: &[u32]) -> bool {
        let Some(all) = seating.fill(&free(nodes)) else { return false };
        for (seat, node) in all {
            seating.take(seat, node);
        }
        true
    }

    #[test]
    fn a_spare_reads_from_the_file_server_whoever_is_gone() {
        let mut seating = seated(Place::FileServer);
        assert_eq!(seating.leave(NodeId(1)), Some(1));
        assert!(fill(&mut seating, &[9]));
        assert_eq!(seating.source(1), Source::Own);
    }

    #[test]
    fn a_card_waits_for_its_own_node() {
        let mut seating = seated(Place::Card);
        seating.leave(NodeId(1));
        assert!(!fill(&mut seating, &[9]), "a spare has no image");
        assert!(fill(&mut seating, &[1, 9]));
        assert_eq!(seating.seats()[1], Some(NodeId(1)));
        assert!(!seating.has_newcomer());
    }

    #[test]
    fn a_newcomer_reads_the_copy_of_the_partner() {
        let mut seating = seated(Place::Partner);
        seating.leave(NodeId(1));
        assert!(fill(&mut seating, &[9]));
        assert_eq!(seating.source(1), Source::Seat(2));
        assert_eq!(seating.source(0), Source::Own, "its own image is whole");
    }

    #[test]
    fn two_neighbours_lost_together_are_waited_for() {
        let mut seating = seated(Place::Partner);
        seating.leave(NodeId(1));
        seating.leave(NodeId(2));
        assert!(!fill(&mut seating, &[8, 9]), "both copies of seat 1 are out of reach");
        // The partner alone sits down where only it can read; its own image is at node 3.
        assert!(fill(&mut seating, &[2, 9]));
        let sources: Vec<_> =
            (0..4).map(|seat| (seating.seats()[seat], seating.source(seat))).collect();
        assert!(sources.contains(&(Some(NodeId(9)), Source::Seat(2))));
    }

    /// Against the obvious twin: all ways to fill the seats, tried one after the other.
    #[test]
    fn it_fills_the_seats_whenever_that_can_be_done() {
        let stream = crate::rng::Stream::new(3, "seating");
        let mut draw = stream.draw(0, 0);
        let (mut could, mut could_not) = (0, 0);
        for _ in 0..3_000 {
            let place = if draw.below(4) == 0 { Place::Card } else { Place::Partner };
            let mut seating = seated(place);
            let mut there = Vec::new();
            for node in 0..4 {
                if draw.below(2) == 0 {
                    seating.leave(NodeId(node));
                    if draw.below(2) == 0 {
                        there.push(node);
                    }
                }
            }
            there.extend([8, 9].iter().filter(|_| draw.below(2) == 0));
            let found = seating.fill(&free(&there));
            let possible = can_fill(&seating, &there);
            assert_eq!(found.is_some(), possible, "{seating:?} {there:?}");
            if let Some(found) = found {
                for (seat, node) in found {
                    seating.take(seat, node);
                }
                assert_eq!(seating.empty(), 0);
                let own = (0..4).filter(|&seat| seating.source(seat) == Source::Own).count();
                assert_eq!(seating.has_newcomer(), own < 4);
                could += 1;
            } else {
                could_not += 1;
            }
        }
        assert!(could > 300 && could_not > 300, "{could} {could_not}");
    }

    fn can_fill(seating: &Seating, there: &[u32]) -> bool {
        let Some(seat) = seating.seats.iter().position(Option::is_none) else {
            return (0..4).all(|seat| {
                let (owner, copy) = seating.kept[seat];
                let node = seating.seats[seat];
                node == Some(owner)
                    || copy.is_some_and(|copy| {
                        node == Some(copy) || seating.seats.contains(&Some(copy))
                    })
            });
        };
        there.iter().enumerate().any(|(place, &node)| {
            let (mut next, mut rest) = (seating.clone(), there.to_vec());
            rest.remove(place);
            next.take(seat, NodeId(node));
            can_fill(&next, &rest)
        })
    }
}
