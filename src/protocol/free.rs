//! Nodes that may work and do not, in the order in which jobs take them.
//!
//! Spares come last, and each kind comes by its numbers.

use crate::ids::NodeId;
use crate::protocol::numbers::Numbers;

/// Who is up, within reach and in no job.
#[derive(Clone, Debug, Default)]
pub struct Free {
    /// Those that are no spares, and the spares.
    kinds: [Numbers; 2],
}

impl Free {
    /// Adds a node; says whether it was not there.
    pub fn insert(&mut self, spare: bool, node: NodeId) -> bool {
        self.kinds[usize::from(spare)].insert(node.0)
    }

    /// Takes a node away; says whether it was there.
    pub fn remove(&mut self, spare: bool, node: NodeId) -> bool {
        self.kinds[usize::from(spare)].remove(node.0)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kinds[0].len() + self.kinds[1].len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All, in their order. O(nodes / 64) and O(1) for each.
    pub fn iter(&self) -> impl Iterator<Item = NodeId> {
        self.kinds.iter().flat_map(Numbers::iter).map(NodeId)
    }
}

impl FromIterator<(bool, NodeId)> for Free {
    fn from_iter<I: IntoIterator<Item = (bool, NodeId)>>(nodes: I) -> Self {
        let mut free = Self::default();
        for (spare, node) in nodes {
            free.insert(spare, node);
        }
        free
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::rng::Stream;

    /// Against the obvious twin.
    #[test]
    fn it_holds_what_a_sorted_set_holds_in_the_same_order() {
        let stream = Stream::new(1, "free");
        let mut draw = stream.draw(0, 0);
        let (mut free, mut twin) = (Free::default(), BTreeSet::new());
        for _ in 0..4_000 {
            let (spare, node) = (draw.below(4) == 0, NodeId(draw.below(300) as u32));
            if draw.below(2) == 0 {
                assert_eq!(free.insert(spare, node), twin.insert((spare, node)));
            } else {
                assert_eq!(free.remove(spare, node), twin.remove(&(spare, node)));
            }
            assert_eq!((free.len(), free.is_empty()), (twin.len(), twin.is_empty()));
            assert!(free.iter().eq(twin.iter().map(|&(_, node)| node)));
        }
    }
}
