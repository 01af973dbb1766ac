//! An agent as a member of its controller's group, whose members probe each other.
//!
//! The controller tells who belongs to the group, over the agent's link: all of it at each join,
//! and then what changes. Gossip only tells who lives. Agents act on no verdict: they probe, and
//! the controller, which is a member too, comes to its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::fleet::doors::Address;
use crate::fleet::packet;
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
    /// Of an agent that was not told of a group yet. `controller` takes its datagrams there.
    pub(super) fn new(me: NodeId, controller: Address) -> Self {
        Self { me, controller, began: Instant::now(), group: None, peers: BTreeMap::new() }
    }

    fn now(&self) -> Time {
        Time::ZERO + Span(self.began.elapsed().as_nanos() as u64)
    }

    /// The controller tells who belongs to the group. Rules that cannot be are none.
    pub(super) fn told(&mut self, told: Group) {
        let Group { key, rules, afresh, joined, left } = told;
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
