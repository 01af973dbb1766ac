//! The seat of each node that has one.
//!
//! Ten thousand nodes sit down at once, and leave at once, and a job takes neighbours where it can:
//! so the seats stand in a list, one place for each node from the first that sat down to the last.

use serde::{Deserialize, Serialize};

use crate::ids::NodeId;

/// Seats by node.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sitting {
    /// The node to which the first place belongs.
    first: u32,
    seats: Vec<Option<u32>>,
    /// How many sit.
    len: usize,
}

impl Sitting {
    /// A node sits down. O(1) if it is none before the first. Panics if it has a seat.
    pub fn insert(&mut self, NodeId(node): NodeId, seat: usize) {
        if self.len == 0 {
            self.first = node;
            self.seats.clear();
        } else if node < self.first {
            let before = (self.first - node) as usize;
            self.seats.splice(..0, std::iter::repeat_n(None, before));
            self.first = node;
        }
        let place = (node - self.first) as usize;
        if self.seats.len() <= place {
            self.seats.resize(place + 1, None);
        }
        let old = self.seats[place].replace(seat as u32);
        assert!(old.is_none(), "a node has one seat");
        self.len += 1;
    }

    /// A node gets up; gives its seat. O(1).
    pub fn remove(&mut self, NodeId(node): NodeId) -> Option<usize> {
        let place = node.checked_sub(self.first)? as usize;
        let seat = self.seats.get_mut(place)?.take()?;
        self.len -= 1;
        Some(seat as usize)
    }

    /// The seat of a node. O(1).
    #[must_use]
    pub fn get(&self, NodeId(node): NodeId) -> Option<usize> {
        let place = node.checked_sub(self.first)? as usize;
        self.seats.get(place).copied().flatten().map(|seat| seat as usize)
    }

    /// Who sits, in the order of the nodes. O(places).
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> {
        let places = (self.first..).zip(&self.seats);
        places.filter(|(_, seat)| seat.is_some()).map(|(node, _)| NodeId(node))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::rng::Stream;

    /// Against the obvious twin.
    #[test]
    fn it_holds_what_a_sorted_map_holds_in_the_same_order() {
        let stream = Stream::new(1, "sitting");
        let mut draw = stream.draw(0, 0);
        let (mut sitting, mut twin) = (Sitting::default(), BTreeMap::new());
        for seat in 0..4_000 {
            // Few at times, so that all leave now and then.
            let node = NodeId(50 + draw.below(if seat < 2_000 { 6 } else { 300 }) as u32);
            if twin.contains_key(&node) || draw.below(2) == 0 {
                assert_eq!(sitting.remove(node), twin.remove(&node));
            } else {
                sitting.insert(node, seat);
                twin.insert(node, seat);
            }
            assert!(sitting.nodes().eq(twin.keys().copied()));
            assert!((0..400).map(NodeId).all(|it| sitting.get(it) == twin.get(&it).copied()));
        }
    }
}
