//! The group of a detector by gossip: who belongs to it, and how they are informed of it.
//!
//! An agent that joins is sent the whole group; the others are informed once a period of what has
//! changed, so that many that join together cost each other one message.

use std::collections::{BTreeMap, BTreeSet};

use crate::fleet::group::Group;
use crate::fleet::packet;
use crate::fleet::ports::Address;
use crate::fleet::wire::Message;
use crate::ids::NodeId;
use crate::protocol::swim::Datagram;
use crate::scenario::boot::Gossip;
use crate::units::Time;

/// Members that are named in one message, so that it fits a frame.
const SENT_MAX: usize = 256;

/// Who belongs to the group.
pub(super) struct Roster {
    key: u64,
    rules: Gossip,
    members: BTreeMap<NodeId, Address>,
    /// Who came or went since the others were informed.
    changed: BTreeSet<NodeId>,
    /// When they are informed.
    due: Option<Time>,
}

impl Roster {
    /// A group of the controller alone.
    pub(super) fn new(key: u64, rules: Gossip) -> Self {
        Self { key, rules, members: BTreeMap::new(), changed: BTreeSet::new(), due: None }
    }

    /// When the members are informed of what has changed.
    pub(super) fn next(&self) -> Option<Time> {
        self.due
    }

    /// The agent of a node takes datagrams there. Gives what informs it of the whole group.
    pub(super) fn enrol(&mut self, now: Time, node: NodeId, address: Address) -> Vec<Message> {
        if self.members.get(&node) != Some(&address) {
            self.members.insert(node, address);
            self.change(now, node);
        }
        let all: Vec<_> = self.members.keys().copied().collect();
        self.messages(&all, true)
    }

    /// A node belongs to the group no more.
    pub(super) fn dismiss(&mut self, now: Time, node: NodeId) {
        if self.members.remove(&node).is_some() {
            self.change(now, node);
        }
    }

    /// What informs each member of what has changed, if it is time.
    pub(super) fn news(&mut self, now: Time) -> Vec<(NodeId, Message)> {
        if self.due.is_none_or(|at| at > now) {
            return Vec::new();
        }
        self.due = None;
        let changed: Vec<_> = std::mem::take(&mut self.changed).into_iter().collect();
        let messages = self.messages(&changed, false);
        let to = |node: &NodeId| {
            let node = *node;
            messages.iter().map(move |message| (node, message.clone()))
        };
        self.members.keys().flat_map(to).collect()
    }

    /// Whether whoever has this key belongs to it.
    pub(super) fn has_key(&self, key: u64) -> bool {
        self.key == key
    }

    /// Where a member takes datagrams, and what one is as bytes; `None` of who is no member.
    pub(super) fn post(&self, to: NodeId, datagram: &Datagram) -> Option<(&Address, Vec<u8>)> {
        Some((self.members.get(&to)?, packet::encode(self.key, datagram)))
    }

    fn change(&mut self, now: Time, node: NodeId) {
        self.changed.insert(node);
        self.due = self.due.or(Some(now + self.rules.period));
    }

    /// Messages about these nodes as they are now.
    fn messages(&self, of: &[NodeId], mut afresh: bool) -> Vec<Message> {
        let mut messages = Vec::new();
        for nodes in of.chunks(SENT_MAX) {
            let (key, rules) = (self.key, self.rules);
            let mut group = Group { key, rules, afresh, joined: Vec::new(), left: Vec::new() };
            for node in nodes {
                match self.members.get(node) {
                    Some(address) => group.joined.push((node.0, address.clone())),
                    None => group.left.push(node.0),
                }
            }
            messages.push(Message::Group(group));
            afresh = false;
        }
        messages
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::wire::{FRAME_MAX, frame};
    use crate::units::Span;

    #[test]
    fn a_large_group_is_sent_in_messages_that_fit_a_frame() {
        let period = Span::from_secs(1);
        let timeout = Span::from_millis(300);
        let mut roster =
            Roster::new(u64::MAX, Gossip { period, timeout, indirect: 3, suspicion: 5 });
        let host = "a-host-name-of-sixty-three-letters-is-the-longest-label-of-dns-";
        for node in 0..1_000 {
            roster.members.insert(NodeId(node), Address::new(host, 65_535));
        }
        let gone = [NodeId(1_000)];
        let all: Vec<_> = (0..1_000).map(NodeId).chain(gone).collect();
        let messages = roster.messages(&all, true);
        let groups: Vec<_> = messages
            .iter()
            .map(|message| {
                assert!(frame(message).len() <= FRAME_MAX / 2);
                let Message::Group(group) = message else { panic!("{message:?}") };
                group
            })
            .collect();
        let afresh: Vec<_> = groups.iter().map(|group| group.afresh).collect();
        assert_eq!(afresh, [true, false, false, false], "the group begins anew once");
        assert_eq!(groups.iter().map(|group| group.joined.len()).sum::<usize>(), 1_000);
        assert_eq!(groups[3].left, [1_000]);
    }

    #[test]
    fn many_that_join_together_are_announced_together() {
        let (period, timeout) = (Span::from_secs(1), Span::from_millis(300));
        let mut roster = Roster::new(1, Gossip { period, timeout, indirect: 3, suspicion: 5 });
        assert_eq!(roster.next(), None);
        for node in 0..10 {
            roster.change(Time(u64::from(node)), NodeId(node));
        }
        assert_eq!(roster.next(), Some(Time(0) + period));
    }
}
