//! Who holds the images of one checkpoint, and which nodes it takes to read it back.
//!
//! ```text
//!  memory, card   of each seat, whoever wrote it
//!  partner        ... and the node of the next seat
//!  buddies        ... and the others of its pair or triple
//!  group          whoever wrote it; of each group as many may be missing as there is parity
//! ```

use std::collections::BTreeSet;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::ids::NodeId;
use crate::scenario::job::KeptAt;

/// The holders of a checkpoint that nodes keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holders {
    place: KeptAt,
    /// Of each seat, who has its image, the writer first.
    images: Vec<Vec<NodeId>>,
}

impl Holders {
    /// Those of a checkpoint that these nodes write, seat by seat; `None` at the file server.
    #[must_use]
    pub fn written(place: KeptAt, nodes: &[NodeId]) -> Option<Self> {
        if place == KeptAt::FileServer {
            return None;
        }
        let n = nodes.len();
        let with = |seat: usize| match place {
            KeptAt::Partner => vec![nodes[seat], nodes[(seat + 1) % n]],
            KeptAt::Buddies { .. } => buddies(seat, nodes, place),
            KeptAt::FileServer | KeptAt::Memory | KeptAt::Card | KeptAt::Group { .. } => {
                vec![nodes[seat]]
            }
        };
        Some(Self { place, images: (0..n).map(with).collect() })
    }

    /// Who has a seat's image, the writer first.
    #[must_use]
    pub fn of(&self, seat: usize) -> &[NodeId] {
        &self.images[seat]
    }

    /// How many may have a seat's image.
    #[must_use]
    pub fn copies(&self) -> usize {
        match self.place {
            KeptAt::Partner => 2,
            KeptAt::Buddies { copies } => copies as usize,
            _ => 1,
        }
    }

    /// Whoever holds an image in the memory of buddies, and how many of its pair or triple hold it
    /// no more.
    pub fn at_risk(&self) -> impl Iterator<Item = (NodeId, usize)> {
        let copies = if matches!(self.place, KeptAt::Buddies { .. }) { self.copies() } else { 0 };
        let images = self.images.iter().filter(move |_| copies > 0);
        images.flat_map(move |image| image.iter().map(move |&node| (node, copies - image.len())))
    }

    /// The memory of a node is lost; says whether an image was in it.
    pub fn wipe(&mut self, node: NodeId) -> bool {
        if !matches!(self.place, KeptAt::Memory | KeptAt::Buddies { .. }) {
            return false;
        }
        let mut had = false;
        for image in &mut self.images {
            let before = image.len();
            image.retain(|&holder| holder != node);
            had |= image.len() < before;
        }
        had
    }

    /// Whether it can be read back once all its holders are there.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.suffice(|_| true)
    }

    /// Whether these nodes can read it back. O(seats log nodes).
    #[must_use]
    pub fn suffice_of(&self, nodes: &BTreeSet<NodeId>) -> bool {
        self.suffice(|holder| nodes.contains(&holder))
    }

    fn suffice(&self, is_there: impl Fn(NodeId) -> bool) -> bool {
        let KeptAt::Group { parity, .. } = self.place else {
            return self.images.iter().all(|image| image.iter().any(|&holder| is_there(holder)));
        };
        self.most_missing(|seat| self.images[seat].iter().any(|&holder| is_there(holder))) <= parity
    }

    /// The most seats of one group of which this does not hold.
    fn most_missing(&self, holds: impl Fn(usize) -> bool) -> u32 {
        let mut missing = (0, 0);
        let mut most = 0;
        for seat in 0..self.images.len() {
            let group = group_of(seat, self.images.len(), self.place);
            let count = if group == missing.0 { missing.1 } else { 0 };
            missing = (group, count + u32::from(!holds(seat)));
            most = most.max(missing.1);
        }
        most
    }

    /// The most seats of one group whose nodes have no image of it themselves.
    #[must_use]
    pub fn newcomers(&self, nodes: &[NodeId]) -> u32 {
        self.most_missing(|seat| self.images[seat].contains(&nodes[seat]))
    }

    /// These nodes have read it, seat by seat: newcomers have their images from now on. Buddies
    /// are whole again.
    pub fn restored(&mut self, nodes: &[NodeId]) {
        for seat in 0..nodes.len() {
            let image = &mut self.images[seat];
            if matches!(self.place, KeptAt::Buddies { .. }) {
                *image = buddies(seat, nodes, self.place);
            } else if !image.contains(&nodes[seat]) {
                image[0] = nodes[seat];
            }
        }
    }
}

/// The nodes of a seat's pair or triple, its own first.
fn buddies(seat: usize, nodes: &[NodeId], place: KeptAt) -> Vec<NodeId> {
    std::iter::once(seat).chain(others(seat, nodes.len(), place)).map(|seat| nodes[seat]).collect()
}

/// The other seats of a seat's pair or triple, in their order.
pub fn others(seat: usize, seats: usize, place: KeptAt) -> impl Iterator<Item = usize> {
    let group = group_of(seat, seats, place);
    let near = seat.saturating_sub(3)..(seat + 4).min(seats);
    near.filter(move |&of| of != seat && group_of(of, seats, place) == group)
}

/// The groups, or the pairs or triples of buddies: runs of seats.
pub(super) fn groups(seats: usize, place: KeptAt) -> impl Iterator<Item = Range<usize>> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let start = next;
        let group = (start < seats).then(|| group_of(start, seats, place))?;
        next = (start..seats).find(|&seat| group_of(seat, seats, place) > group).unwrap_or(seats);
        Some(start..next)
    })
}

/// The group of a seat: groups are runs of seats, as even as they can be.
fn group_of(seat: usize, seats: usize, place: KeptAt) -> usize {
    let size = match place {
        KeptAt::Group { size, .. } => size as usize,
        KeptAt::Buddies { copies } => copies as usize,
        _ => 1,
    };
    seat * (seats / size).max(1) / seats
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(numbers: &[u32]) -> Vec<NodeId> {
        numbers.iter().copied().map(NodeId).collect()
    }

    fn written(place: KeptAt, count: u32) -> Holders {
        let all: Vec<_> = (0..count).collect();
        Holders::written(place, &nodes(&all)).expect("nodes keep it")
    }

    fn suffice(holders: &Holders, numbers: &[u32]) -> bool {
        holders.suffice_of(&nodes(numbers).into_iter().collect())
    }

    #[test]
    fn a_group_may_miss_as_many_as_it_has_parity_and_no_more() {
        for parity in [1, 2] {
            let group = written(KeptAt::Group { size: 4, parity }, 8);
            assert!(suffice(&group, &[1, 2, 3, 5, 6, 7]), "one of each");
            assert_eq!(suffice(&group, &[2, 3, 4, 5, 6, 7]), parity == 2, "two of the first");
            assert!(!suffice(&group, &[3, 4, 5, 6, 7]), "three of the first");
        }
    }

    #[test]
    fn groups_that_do_not_divide_are_as_even_as_they_can_be() {
        let size = |seats, size| {
            let place = KeptAt::Group { size, parity: 1 };
            let mut sizes = vec![0; 1 + group_of(seats - 1, seats, place)];
            (0..seats).for_each(|seat| sizes[group_of(seat, seats, place)] += 1);
            sizes
        };
        assert_eq!(size(8, 4), [4, 4]);
        assert_eq!(size(10, 4), [5, 5]);
        assert_eq!(size(11, 4), [6, 5]);
        assert_eq!(size(3, 3), [3]);
    }

    #[test]
    fn a_pair_is_lost_with_both_memories_and_whole_again_when_a_newcomer_has_read() {
        let mut pair = written(KeptAt::Buddies { copies: 2 }, 4);
        assert!(pair.wipe(NodeId(1)) && pair.is_whole());
        assert!(!pair.wipe(NodeId(9)), "it holds nothing");
        let mut again = pair.clone();
        assert!(pair.wipe(NodeId(0)) && !pair.is_whole(), "the buddy within the risk window");
        again.restored(&nodes(&[0, 9, 2, 3]));
        assert!(again.wipe(NodeId(0)) && again.is_whole(), "node 9 holds both by now");
        let mut triple = written(KeptAt::Buddies { copies: 3 }, 6);
        assert!(triple.wipe(NodeId(3)) && triple.wipe(NodeId(5)) && triple.is_whole());
        assert!(triple.wipe(NodeId(4)) && !triple.is_whole());
    }

    #[test]
    fn a_card_is_not_wiped() {
        for place in [KeptAt::Card, KeptAt::Partner, KeptAt::Group { size: 2, parity: 1 }] {
            assert!(!written(place, 4).wipe(NodeId(1)), "{place:?}");
        }
    }
}
