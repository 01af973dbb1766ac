//! Failure detection by heartbeats with a fixed timeout.
//!
//! ```text
//!  watch --> alive --no heartbeat for `timeout`--> suspect (emitted once) --watch--> alive
//!              ^ heartbeat |
//!              +------+
//! ```
//!
//! A node that works and is reached is never suspected as long as the timeout is longer than the
//! time between two heartbeats plus the spread of their delays; a node that fails is suspected
//! between `timeout` - period and `timeout` after it. Example with a timeout of 10: heartbeats at
//! 0, 4 and 8, then silence; the node is suspected at 18.
//!
//! Not modelled: delays that vary with the load of the network (phi accrual does that).

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::NodeId;
use crate::units::{Span, Time};

/// The machine. It watches any number of nodes; every input costs O(log n).
#[derive(Clone, Debug)]
pub struct Heartbeat {
    timeout: Span,
    /// When each watched node was last heard.
    heard: BTreeMap<NodeId, Time>,
    /// The same, in the order of time.
    order: BTreeSet<(Time, NodeId)>,
}

impl Heartbeat {
    /// A detector that watches nobody yet.
    #[must_use]
    pub fn new(timeout: Span) -> Self {
        assert!(timeout > Span::ZERO, "a detector waits for heartbeats");
        Self { timeout, heard: BTreeMap::new(), order: BTreeSet::new() }
    }

    /// Watches a node from now on, as if it had just been heard.
    pub fn watch(&mut self, now: Time, node: NodeId) {
        self.forget(node);
        self.heard.insert(node, now);
        self.order.insert((now, node));
    }

    /// No longer watches a node.
    pub fn forget(&mut self, node: NodeId) {
        if let Some(heard) = self.heard.remove(&node) {
            self.order.remove(&(heard, node));
        }
    }

    /// A node was heard; heartbeats of nodes that are not watched mean nothing.
    pub fn heartbeat(&mut self, now: Time, node: NodeId) {
        if self.heard.contains_key(&node) {
            self.watch(now, node);
        }
    }

    /// When a watched node was last heard.
    #[must_use]
    pub fn heard(&self, node: NodeId) -> Option<Time> {
        self.heard.get(&node).copied()
    }

    /// When [`Self::suspects`] has something to say, if nobody sends heartbeats before.
    #[must_use]
    pub fn next(&self) -> Option<Time> {
        self.order.first().map(|&(heard, _)| heard + self.timeout)
    }

    /// The nodes that have been silent for the timeout, with the time at which each was last
    /// heard, the longest silent first. They are watched no more.
    pub fn suspects(&mut self, now: Time) -> Vec<(NodeId, Time)> {
        let mut suspects = Vec::new();
        while let Some(&(heard, node)) = self.order.first()
            && heard + self.timeout <= now
        {
            self.forget(node);
            suspects.push((node, heard));
        }
        suspects
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_suspected_one_timeout_after_its_last_heartbeat() {
        let mut detector = Heartbeat::new(Span(10));
        let node = NodeId(3);
        detector.watch(Time(0), node);
        detector.heartbeat(Time(4), node);
        detector.heartbeat(Time(8), node);
        assert_eq!(detector.next(), Some(Time(18)));
        assert_eq!(detector.suspects(Time(17)), []);
        assert_eq!(detector.suspects(Time(18)), [(node, Time(8))]);
        assert_eq!(detector.suspects(Time(30)), [], "it is emitted once");
        detector.heartbeat(Time(31), node);
        assert_eq!(detector.next(), None, "a suspect has to be watched again");
    }

    #[test]
    fn suspects_come_in_the_order_of_their_silence() {
        let mut detector = Heartbeat::new(Span(10));
        for (at, node) in [(5, 0), (3, 1), (5, 2), (4, 3)] {
            detector.watch(Time(at), NodeId(node));
        }
        detector.forget(NodeId(3));
        let suspects: Vec<_> = detector.suspects(Time(15)).iter().map(|s| s.0.0).collect();
        assert_eq!(suspects, [1, 0, 2]);
    }

    /// Against the obvious twin: a list of last heartbeats that is searched at each instant.
    #[test]
    fn it_agrees_with_a_list_that_is_searched() {
        let stream = crate::rng::Stream::new(1, "heartbeat");
        let mut draw = stream.draw(0, 0);
        let mut detector = Heartbeat::new(Span(20));
        let mut twin: Vec<Option<u64>> = vec![None; 8];
        for now in 0..20_000 {
            let node = draw.below(8) as usize;
            match draw.below(20) {
                0 => {
                    detector.watch(Time(now), NodeId(node as u32));
                    twin[node] = Some(now);
                }
                1..=6 => {
                    detector.heartbeat(Time(now), NodeId(node as u32));
                    twin[node] = twin[node].map(|_| now);
                }
                7 => {
                    detector.forget(NodeId(node as u32));
                    twin[node] = None;
                }
                _ => {}
            }
            let mut silent: Vec<_> = (0..8_u32)
                .filter_map(|node| twin[node as usize].map(|heard| (heard, node)))
                .filter(|(heard, _)| heard + 20 <= now)
                .collect();
            silent.sort_unstable();
            for &(_, node) in &silent {
                twin[node as usize] = None;
            }
            let suspects: Vec<_> =
                detector.suspects(Time(now)).iter().map(|s| (s.1.0, s.0.0)).collect();
            assert_eq!(suspects, silent);
        }
    }
}
