//! What only a cluster that is written as parts has: names, trees, and where its server stands.
//!
//! ```text
//!  top --- left --- right        way_between(right, left): up over right's uplink, turns in left
//!      \-- other                 way_between(right, other): up over right's and left's uplinks,
//!                                turns at the top, down over other's uplink
//! ```

use std::iter::successors;

use crate::ids::{NodeId, Part, PartKind};
use crate::plan::machine::Machine;
use crate::scenario::cluster::Server;
use crate::scenario::parts::Parts;
use crate::units::{BitRate, Power};

/// The wiring; empty in a cluster of modules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wiring {
    /// The groups of nodes.
    pub groups: Vec<GroupRow>,
    /// The names of the switches, and behind them those of the cells.
    pub switch_names: Vec<String>,
    /// How many of them are cells.
    pub cells: u32,
    /// The switch above each.
    pub switches_above: Vec<Option<u32>>,
    /// The names of the supplies.
    pub psu_names: Vec<String>,
    /// The supply above each.
    pub psus_above: Vec<Option<u32>>,
    /// What each supply gives to each that it feeds.
    pub port_limits: Vec<Option<Power>>,
    /// The group of each pack.
    pub groups_of_packs: Vec<u16>,
    /// Where the server stands.
    pub server: ServerPlace,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRow {
    /// Its name.
    pub name: String,
    /// One past its last node.
    pub end_node: u32,
}

/// Where a server stands. By default above all switches, on a supply of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerPlace {
    /// The node that it is.
    pub node: Option<u32>,
    /// Whether that node takes part in jobs.
    pub computes: bool,
    /// The switch into which it is plugged.
    pub switch: Option<u32>,
    /// The supply that feeds it, unless that of its node does.
    pub psu: Option<u32>,
}

/// The way from one place of the network to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkWay {
    /// Switches whose uplinks it crosses upwards, in order.
    pub up: Vec<u32>,
    /// The switch in which it turns; `None`: above all switches.
    pub turn: Option<u32>,
    /// Switches whose uplinks it crosses downwards, in order.
    pub down: Vec<u32>,
}

impl NetworkWay {
    /// The way between two switches of a tree; `None` for a place above all of them.
    #[must_use]
    pub fn between(from: Option<u32>, to: Option<u32>, above: impl Fn(u32) -> Option<u32>) -> Self {
        let chain =
            |from: Option<u32>| -> Vec<u32> { successors(from, |&switch| above(switch)).collect() };
        let (mut up, mut down) = (chain(from), chain(to));
        let mut turn = None;
        while up.last().is_some() && up.last() == down.last() {
            turn = up.pop();
            down.pop();
        }
        down.reverse();
        Self { up, turn, down }
    }

    /// Switches whose uplinks it crosses.
    pub fn uplinks(&self) -> impl Iterator<Item = u32> + '_ {
        self.up.iter().chain(&self.down).copied()
    }

    /// All switches that it passes.
    pub fn switches(&self) -> impl Iterator<Item = u32> + '_ {
        self.up.iter().copied().chain(self.turn).chain(self.down.iter().copied())
    }
}

impl Wiring {
    pub(super) fn of(parts: &Parts, server: &Server) -> Self {
        let group = |(group, nodes): (_, std::ops::Range<u32>)| {
            let group: &crate::scenario::parts::Group = group;
            GroupRow { name: group.name.clone(), end_node: nodes.end }
        };
        let feeds = parts.feeds(server);
        Self {
            groups: parts.groups.iter().zip(parts.nodes_of_groups()).map(group).collect(),
            switch_names: parts.forwarders().map(|it| it.name.clone()).collect(),
            cells: parts.cells.len() as u32,
            switches_above: parts.switches_above(),
            psu_names: feeds.iter().map(|feed| feed.name.clone()).collect(),
            psus_above: feeds.iter().map(|feed| feed.above).collect(),
            port_limits: feeds.iter().map(|feed| feed.port_limit).collect(),
            groups_of_packs: parts.packs().iter().map(|pack| pack.group).collect(),
            server: ServerPlace {
                node: parts.head(server),
                computes: server.computes == Some(true),
                switch: parts.switch_of_server(server),
                psu: parts.feed_of_server(server),
            },
        }
    }
}

impl Machine {
    /// Whether it is written as parts.
    #[must_use]
    pub fn is_of_parts(&self) -> bool {
        !self.wiring.groups.is_empty()
    }

    /// Takes the wiring of parts: their switches, their spares and what is plugged where.
    pub(super) fn wire(&mut self, parts: &Parts, server: &Server) {
        for (row, it) in self.switches.iter_mut().zip(parts.forwarders()) {
            (row.uplink, row.power) = (it.uplink.unwrap_or(BitRate(0)), it.power);
        }
        for (group, nodes) in parts.groups.iter().zip(parts.nodes_of_groups()) {
            let first_spare = nodes.end - group.spares;
            for node in nodes {
                let row = &mut self.nodes[node as usize];
                (row.switch, row.spare) = (parts.switch_of(group), node >= first_spare);
            }
        }
        self.wiring = Wiring::of(parts, server);
    }

    /// The number of a node's group; 0 in a cluster of modules. O(log groups).
    #[must_use]
    #[inline]
    pub fn group_of(&self, NodeId(node): NodeId) -> u16 {
        self.wiring.groups.partition_point(|group| group.end_node <= node) as u16
    }

    /// The number of what feeds a node: nodes of one feed are of one kind and have one supply.
    #[must_use]
    pub fn feed_of(&self, NodeId(node): NodeId) -> u32 {
        let row = &self.nodes[node as usize];
        if self.is_of_parts() { self.blades[row.blade as usize].pack } else { row.psu }
    }

    /// The supply and the group of each feed.
    #[must_use]
    pub fn feeds(&self) -> Vec<(u32, u16)> {
        if self.is_of_parts() {
            let groups = self.wiring.groups_of_packs.iter().copied();
            self.packs.iter().map(|pack| pack.psu).zip(groups).collect()
        } else {
            (0..self.psus.len() as u32).map(|psu| (psu, 0)).collect()
        }
    }

    /// How many feeds there are.
    #[must_use]
    pub fn feeds_count(&self) -> usize {
        if self.is_of_parts() { self.packs.len() } else { self.psus.len() }
    }

    /// Whether a supply limits what each node draws.
    #[must_use]
    pub fn has_port_limits(&self) -> bool {
        self.wiring.port_limits.iter().any(Option::is_some)
    }

    /// Whether a switch is the access point of a cell.
    #[must_use]
    pub fn is_cell(&self, switch: u32) -> bool {
        switch as usize + self.wiring.cells as usize >= self.switches.len()
    }

    /// Whether a node takes part in jobs.
    #[must_use]
    pub fn works(&self, NodeId(node): NodeId) -> bool {
        self.wiring.server.computes || self.wiring.server.node != Some(node)
    }

    /// The switch above one, if it has one.
    #[must_use]
    pub fn switch_above(&self, switch: u32) -> Option<u32> {
        self.wiring.switches_above.get(switch as usize).copied().flatten()
    }

    /// The supply above one, if it has one.
    #[must_use]
    pub fn psu_above(&self, psu: u32) -> Option<u32> {
        self.wiring.psus_above.get(psu as usize).copied().flatten()
    }

    /// The supplies right below one.
    pub fn psus_below(&self, psu: u32) -> impl Iterator<Item = u32> + '_ {
        let all = (0..).zip(&self.wiring.psus_above);
        all.filter(move |(_, above)| **above == Some(psu)).map(|(below, _)| below)
    }

    /// The parts of a kind over a node, the nearest first: in trees, those above it as well.
    pub fn parts_over(&self, kind: PartKind, node: NodeId) -> impl Iterator<Item = u32> + '_ {
        successors(self.part_over(kind, node), move |&index| match kind {
            PartKind::Switch | PartKind::Uplink => self.switch_above(index),
            PartKind::Psu => self.psu_above(index),
            PartKind::Node
            | PartKind::NodeLink
            | PartKind::Blade
            | PartKind::Pack
            | PartKind::Module
            | PartKind::Rack
            | PartKind::Server
            | PartKind::Controller
            | PartKind::Network => None,
        })
    }

    /// The nodes that are plugged into a switch, or that a supply feeds by itself.
    pub fn nodes_on(&self, part: Part) -> impl Iterator<Item = NodeId> + '_ {
        self.nodes_of(part).filter(move |&node| self.part_over(part.kind, node) == Some(part.index))
    }

    /// The way between two switches; `None` for a place above all of them.
    #[must_use]
    pub fn way_between(&self, from: Option<u32>, to: Option<u32>) -> NetworkWay {
        NetworkWay::between(from, to, |switch| self.switch_above(switch))
    }

    /// The way from a node to its server.
    #[must_use]
    pub fn way_to_server(&self, switch: u32) -> NetworkWay {
        self.way_between(Some(switch), self.wiring.server.switch)
    }

    /// The nodes that no longer reach their server if a switch or its uplink, the air of a cell, or
    /// the link of a node, is dead.
    pub fn cut_off_by(&self, part: Part) -> impl Iterator<Item = NodeId> + '_ {
        let of_tree = self.is_of_parts();
        let of_head = self.wiring.server.node == Some(part.index);
        let passes = move |node: NodeId| {
            let switch = self.nodes[node.0 as usize].switch;
            match part.kind {
                PartKind::Switch => {
                    self.way_to_server(switch).switches().any(|it| it == part.index)
                }
                // What passes an access point goes over the air.
                PartKind::Uplink if self.is_cell(part.index) => {
                    self.way_to_server(switch).switches().any(|it| it == part.index)
                }
                PartKind::Uplink => self.way_to_server(switch).uplinks().any(|it| it == part.index),
                PartKind::Node | PartKind::NodeLink => of_head || node.0 == part.index,
                PartKind::Blade
                | PartKind::Pack
                | PartKind::Module
                | PartKind::Rack
                | PartKind::Psu
                | PartKind::Server
                | PartKind::Controller
                | PartKind::Network => false,
            }
        };
        let of_modules = (!of_tree).then(|| self.nodes_of(part)).into_iter().flatten();
        let all = of_tree.then(|| (0..self.nodes.len() as u32).map(NodeId));
        of_modules.chain(all.into_iter().flatten().filter(move |&node| passes(node)))
    }

    /// The switches that stop if a supply does.
    pub fn switches_under(&self, psu: u32) -> impl Iterator<Item = u32> + '_ {
        let is_under = move |own: u32| {
            successors(Some(own), |&psu| self.psu_above(psu)).any(|above| above == psu)
        };
        (0..).zip(&self.switches).filter(move |(_, row)| is_under(row.psu)).map(|(it, _)| it)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree of the head of this file: left (0) and other (2) at the top, right (1) under left.
    fn between(from: Option<u32>, to: Option<u32>) -> (Vec<u32>, Option<u32>, Vec<u32>) {
        let way = NetworkWay::between(from, to, |switch| (switch == 1).then_some(0));
        (way.up, way.turn, way.down)
    }

    #[test]
    fn a_way_turns_in_the_first_switch_that_is_over_both_ends() {
        let (top, left, right, other) = (None, Some(0), Some(1), Some(2));
        assert_eq!(between(right, left), (vec![1], left, vec![]));
        assert_eq!(between(left, right), (vec![], left, vec![1]));
        assert_eq!(between(right, right), (vec![], right, vec![]));
        assert_eq!(between(right, other), (vec![1, 0], top, vec![2]));
        assert_eq!(between(right, top), (vec![1, 0], top, vec![]));
        assert_eq!(between(top, top), (vec![], top, vec![]));
    }
}
