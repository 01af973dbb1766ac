//! The seat of each node that has one.
//!
//! Ten thousand nodes sit down at once, and leave at once, and a job takes neighbours where it can:
//! so the seats of neighbours stand on one page. A spare from the far end of a large machine takes
//! a page of its own, and nothing for the nodes in between.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::NodeId;

/// Nodes on a page.
const PAGE: u32 = 32;

/// Seats by node.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sitting {
    /// Page p has nodes p * [`PAGE`] to (p + 1) * [`PAGE`] - 1, of which one sits at least.
    pages: BTreeMap<u32, [Option<u32>; PAGE as usize]>,
}

fn place(NodeId(node): NodeId) -> (u32, usize) {
    (node / PAGE, (node % PAGE) as usize)
}

impl Sitting {
    /// A node sits down. O(log pages). Panics if it has a seat.
    pub fn insert(&mut self, node: NodeId, seat: usize) {
        let (page, line) = place(node);
        let page = self.pages.entry(page).or_insert([None; PAGE as usize]);
        let old = page[line].replace(seat as u32);
        assert!(old.is_none(), "a node has one seat");
    }

    /// A node gets up; gives its seat. O(log pages).
    pub fn remove(&mut self, node: NodeId) -> Option<usize> {
        let (number, line) = place(node);
        let page = self.pages.get_mut(&number)?;
        let seat = page[line].take()?;
        if page.iter().all(Option::is_none) {
            self.pages.remove(&number);
        }
        Some(seat as usize)
    }

    /// The seat of a node. O(log pages).
    #[must_use]
    pub fn get(&self, node: NodeId) -> Option<usize> {
        let (page, line) = place(node);
        self.pages.get(&page)?[line].map(|seat| seat as usize)
    }

    /// Who sits, in the order of the nodes. O(pages).
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.pages.iter().flat_map(|(page, seats)| {
            let taken = (0..PAGE).zip(seats).filter(|(_, seat)| seat.is_some());
            taken.map(move |(line, _)| NodeId(page * PAGE + line))
        })
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

    #[test]
    fn two_nodes_far_apart_take_two_pages_and_none_when_they_have_gone() {
        let mut sitting = Sitting::default();
        let nodes = [NodeId(3), NodeId(u32::MAX)];
        for (seat, node) in nodes.into_iter().enumerate() {
            sitting.insert(node, seat);
        }
        assert_eq!(sitting.pages.len(), 2);
        assert!(sitting.nodes().eq(nodes));
        assert_eq!(nodes.map(|node| sitting.remove(node)), [Some(0), Some(1)]);
        assert!(sitting.pages.is_empty());
    }
}
