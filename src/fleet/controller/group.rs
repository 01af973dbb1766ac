//! The group of a detector by gossip: who belongs to it, and the controller's own part in it.
//!
//! An agent that joins is sent the whole group; the others are informed once a period of what has
//! changed, so that many that join together cost each other one message.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::timeout;

use super::{Controller, ControllerAction};
use crate::fleet::erased::AnyDatagrams;
use crate::fleet::group::Group;
use crate::fleet::packet;
use crate::fleet::ports::{Address, Net};
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

impl Controller<'_> {
    /// The agent of a node takes datagrams there; port 0 means that it knows nothing of gossip.
    pub(super) fn enrol(&mut self, now: Time, node: NodeId, address: Address) {
        let (Some(roster), Some(group)) = (&mut self.roster, self.detector.group()) else { return };
        if address.port == 0 {
            return;
        }
        group.join(node);
        if roster.members.get(&node) != Some(&address) {
            roster.members.insert(node, address);
            roster.change(now, node);
        }
        let all: Vec<_> = roster.members.keys().copied().collect();
        let messages = roster.messages(&all, true);
        self.acts.extend(messages.into_iter().map(|message| ControllerAction::Say(node, message)));
    }

    /// A node belongs to the group no more.
    pub(super) fn dismiss(&mut self, now: Time, node: NodeId) {
        if let Some(roster) = &mut self.roster
            && roster.members.remove(&node).is_some()
        {
            roster.change(now, node);
        }
    }

    /// Informs the members of what has changed, if it is time.
    pub(super) fn send_group(&mut self, now: Time) {
        let Some(roster) = self.roster.as_mut().filter(|r| r.due.is_some_and(|at| at <= now))
        else {
            return;
        };
        roster.due = None;
        let changed: Vec<_> = std::mem::take(&mut roster.changed).into_iter().collect();
        let messages = roster.messages(&changed, false);
        for node in roster.members.keys() {
            let says = messages.iter().map(|message| ControllerAction::Say(*node, message.clone()));
            self.acts.extend(says);
        }
    }

    /// A member says something. Without the key it is none.
    pub(super) fn gossip(&mut self, key: u64, datagram: &Datagram) {
        let now = self.now();
        if self.roster.as_ref().is_some_and(|roster| roster.key == key)
            && let Some(group) = self.detector.group()
        {
            group.hear(now, datagram);
        }
    }

    /// Sends what the controller says as a member.
    pub(super) async fn send_gossip(&mut self, socket: &AnyDatagrams) {
        let Some(group) = self.detector.group() else { return };
        let (said, patience) = (group.take_said(), self.setup.pace.patience);
        let Some(roster) = &self.roster else { return };
        for (to, datagram) in said {
            if let Some(address) = roster.members.get(&to) {
                let bytes = packet::encode(roster.key, &datagram);
                let _ = timeout(patience, self.ports.net.send_to(socket, &bytes, address)).await;
            }
        }
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
