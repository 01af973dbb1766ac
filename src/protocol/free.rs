//! Nodes that may work and do not, in the order in which jobs take them.
//!
//! Spares come last, and each kind comes by its numbers.
//! Ten thousand nodes come up at once and are taken at once, so each is a bit in a dense list.

use crate::ids::NodeId;

/// Who is up, within reach and in no job.
#[derive(Clone, Debug, Default)]
pub struct Free {
    /// Those that are no spares, and the spares.
    kinds: [Nodes; 2],
}

/// A set of nodes.
#[derive(Clone, Debug, Default)]
struct Nodes {
    /// Node n is bit n % 64 of word n / 64.
    words: Vec<u64>,
    len: usize,
}

impl Free {
    /// Adds a node; says whether it was not there.
    pub fn insert(&mut self, spare: bool, NodeId(node): NodeId) -> bool {
        let nodes = &mut self.kinds[usize::from(spare)];
        let (word, bit) = (node as usize / 64, 1 << (node % 64));
        if nodes.words.len() <= word {
            nodes.words.resize(word + 1, 0);
        }
        let is_new = nodes.words[word] & bit == 0;
        nodes.words[word] |= bit;
        nodes.len += usize::from(is_new);
        is_new
    }

    /// Takes a node away; says whether it was there.
    pub fn remove(&mut self, spare: bool, NodeId(node): NodeId) -> bool {
        let nodes = &mut self.kinds[usize::from(spare)];
        let Some(word) = nodes.words.get_mut(node as usize / 64) else { return false };
        let bit = 1 << (node % 64);
        let is_there = *word & bit != 0;
        *word &= !bit;
        nodes.len -= usize::from(is_there);
        is_there
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kinds[0].len + self.kinds[1].len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All, in their order. O(nodes / 64) and O(1) for each.
    pub fn iter(&self) -> impl Iterator<Item = NodeId> {
        self.kinds.iter().flat_map(Nodes::iter)
    }
}

impl Nodes {
    fn iter(&self) -> impl Iterator<Item = NodeId> {
        let words = if self.len > 0 { &self.words[..] } else { &[] };
        (0..).zip(words).flat_map(|(place, &word): (u32, &u64)| {
            let rests = std::iter::successors(Some(word), |rest| Some(rest & rest.wrapping_sub(1)));
            let bits = rests.take_while(|rest| *rest != 0);
            bits.map(move |rest| NodeId(64 * place + rest.trailing_zeros()))
        })
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
