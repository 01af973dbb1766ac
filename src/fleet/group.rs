//! An agent as a member of its controller's group, whose members probe each other.
//!
//! The controller reports who belongs to the group, over the agent's link: all of it at each join,
//! and then what changes. Gossip only says who lives. Agents act on no verdict: they probe, and
//! the controller, which is a member too, comes to its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::fleet::packet;
use crate::fleet::ports::Address;
use crate::ids::NodeId;
use crate::protocol::detector::CONTROLLER;
use crate::protocol::swim::{Datagram, Swim};
use crate::rng::Stream;
use crate::scenario::boot::Gossip;
use crate::units::{Span, Time};

/// Who belongs to a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The group's secret. A controller that comes back begins a new group.
    pub key: u64,
    /// Its rules.
    pub rules: Gossip,
    /// Whether it begins anew, with those who join here.
    pub afresh: bool,
    /// Nodes that belong to it from now on, and where they take datagrams.
    pub joined: Vec<(u32, Address)>,
    /// Nodes that no longer belong to it.
    pub left: Vec<u32>,
}

/// An agent's part in its group, if it has one.
pub(super) struct Membership {
    me: NodeId,
    controller: Address,
    began: Instant,
    group: Option<(u64, Swim)>,
    peers: BTreeMap<NodeId, Address>,
}

impl Membership {
    /// Of an agent that was not informed of a group yet. `controller` takes its datagrams there.
    pub(super) fn new(me: NodeId, controller: Address) -> Self {
        Self { me, controller, began: Instant::now(), group: None, peers: BTreeMap::new() }
    }

    fn now(&self) -> Time {
        Time::ZERO + Span(self.began.elapsed().as_nanos() as u64)
    }

    /// The controller reports who belongs to the group. Rules that cannot be are none.
    pub(super) fn update(&mut self, group: Group) {
        let Group { key, rules, afresh, joined, left } = group;
        if afresh && rules.timeout < rules.period {
            let mut swim = Swim::new(self.now(), self.me, rules, Stream::new(key, "fleet/gossip"));
            swim.join(CONTROLLER);
            self.group = Some((key, swim));
            self.peers = BTreeMap::from([(CONTROLLER, self.controller.clone())]);
        }
        let Some((_, swim)) = self.group.as_mut().filter(|group| group.0 == key) else { return };
        for node in left.into_iter().map(NodeId) {
            swim.leave(node);
            self.peers.remove(&node);
        }
        for (node, address) in joined {
            // Whoever joins again may live another life: what was known of the first is void.
            swim.leave(NodeId(node));
            swim.join(NodeId(node));
            self.peers.insert(NodeId(node), address);
        }
    }

    /// A member says something. Without the key it is none.
    pub(super) fn hear(&mut self, key: u64, datagram: &Datagram) {
        let now = self.now();
        if let Some((_, swim)) = self.group.as_mut().filter(|group| group.0 == key) {
            swim.hear(now, datagram);
        }
    }

    /// When [`Self::pass`] has something to do, if nothing is heard before.
    pub(super) fn next(&self) -> Option<Instant> {
        let (_, swim) = self.group.as_ref()?;
        Some(self.began + std::time::Duration::from_nanos(swim.next().0))
    }

    /// Time has passed.
    pub(super) fn pass(&mut self) {
        let now = self.now();
        if let Some((_, swim)) = &mut self.group {
            swim.pass(now);
            swim.take_verdicts();
        }
    }

    /// What is to be sent since this was asked last, and where to.
    pub(super) fn take_said(&mut self) -> Vec<(Vec<u8>, Address)> {
        let Some((key, swim)) = &mut self.group else { return Vec::new() };
        let said = swim.take_said().into_iter();
        let packet = |(to, datagram): (NodeId, Datagram)| {
            let address = self.peers.get(&to)?.clone();
            Some((packet::encode(*key, &datagram), address))
        };
        said.filter_map(packet).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::swim::Kind;

    const RULES: Gossip = Gossip {
        period: Span::from_secs(1),
        timeout: Span::from_millis(300),
        indirect: 3,
        suspicion: 5,
    };

    fn address(node: u32) -> Address {
        Address::new(format!("node-{node}"), 9)
    }

    fn group(key: u64, joined: &[u32], left: &[u32]) -> Group {
        let joined = joined.iter().map(|&node| (node, address(node))).collect();
        Group { key, rules: RULES, afresh: false, joined, left: left.to_vec() }
    }

    fn ping(from: NodeId) -> Datagram {
        Datagram { from, kind: Kind::Ping { number: 1 }, updates: Vec::new() }
    }

    /// Whom an agent answers when all of these ping it with this key.
    fn answers(membership: &mut Membership, key: u64) -> Vec<Address> {
        for from in [NodeId(1), NodeId(2), CONTROLLER] {
            membership.hear(key, &ping(from));
        }
        membership.take_said().into_iter().map(|(_, to)| to).collect()
    }

    #[test]
    fn an_agent_answers_members_that_have_the_key_and_nobody_else() {
        let controller = Address::new("controller", 7);
        let mut membership = Membership::new(NodeId(0), controller.clone());
        membership.update(group(5, &[1], &[]));
        assert_eq!(answers(&mut membership, 5), [], "it was informed of no group yet");
        membership.update(Group { afresh: true, ..group(5, &[0, 1], &[]) });
        assert_eq!(answers(&mut membership, 6), []);
        assert_eq!(answers(&mut membership, 5), [address(1), controller.clone()]);
        membership.update(group(5, &[2], &[1]));
        assert_eq!(answers(&mut membership, 5), [address(2), controller.clone()]);
        membership.update(group(6, &[], &[2]));
        assert_eq!(answers(&mut membership, 5).len(), 2, "news of another group are none");
        membership.update(Group { afresh: true, ..group(6, &[1], &[]) });
        assert_eq!(answers(&mut membership, 5), [], "the old group is over");
        assert_eq!(answers(&mut membership, 6), [address(1), controller]);
        let mut broken = Group { afresh: true, ..group(7, &[1], &[]) };
        broken.rules.timeout = broken.rules.period;
        membership.update(broken);
        assert_eq!(answers(&mut membership, 7), [], "rules that cannot be are none");
    }
}
