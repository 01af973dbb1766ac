//! The machine as rows: racks, modules, packs, blades, nodes, switches, PSUs, servers, by number.
//!
//! Assumptions, where nobody published how the pilot is wired: the active nodes of a module hang on
//! its switches in contiguous equal blocks, and its spares (its last nodes) are dealt to the
//! switches in turn. Blades do not span packs; the last blade of a pack may be short.

use std::ops::Range;

use crate::ids::{NodeId, Part, PartKind};
use crate::plan::wiring::Wiring;
use crate::scenario::Scenario;
use crate::scenario::cluster::{Module, ServerPer};
use crate::scenario::fault::Radius;
use crate::units::{BitRate, Power, Span};

/// All parts. Index `i` of each table is the part with number `i` (see [`crate::ids::Part`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// Number of racks.
    pub racks: u32,
    /// The modules.
    pub modules: Vec<ModuleRow>,
    /// The packs.
    pub packs: Vec<PackRow>,
    /// The blades.
    pub blades: Vec<BladeRow>,
    /// The nodes.
    pub nodes: Vec<NodeRow>,
    /// The switches; uplink `i` belongs to switch `i`.
    pub switches: Vec<SwitchRow>,
    /// The PSU domains.
    pub psus: Vec<PsuRow>,
    /// The servers.
    pub servers: Vec<ServerRow>,
    /// What only a cluster that is written as parts has.
    pub wiring: Wiring,
}

/// A module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleRow {
    /// Its rack.
    pub rack: u32,
}

/// A pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackRow {
    /// Its module.
    pub module: u32,
    /// The PSU that feeds it.
    pub psu: u32,
}

/// A blade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BladeRow {
    /// Its pack.
    pub pack: u32,
}

/// A node; its link has the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeRow {
    /// Its module.
    pub module: u32,
    /// Its blade.
    pub blade: u32,
    /// The switch it is plugged into.
    pub switch: u32,
    /// The PSU that feeds it.
    pub psu: u32,
    /// Its server.
    pub server: u32,
    /// Whether it is a spare.
    pub spare: bool,
}

/// A switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwitchRow {
    /// Its module.
    pub module: u32,
    /// The PSU that feeds it.
    pub psu: u32,
    /// Its server (the one of its nodes).
    pub server: u32,
    /// The rate of its uplink.
    pub uplink: BitRate,
    /// What it draws.
    pub power: Power,
}

/// A PSU domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PsuRow {
    /// Its module.
    pub module: u32,
    /// Its place in the module's list of PSUs, from 0.
    pub slot: u32,
    /// The load above which it browns out.
    pub limit: Power,
    /// Time after which it tries again.
    pub restart: Span,
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerRow {
    /// The first node it serves.
    pub first_node: u32,
    /// One past the last node it serves.
    pub end_node: u32,
}

impl Machine {
    /// Builds the rows of a scenario that was checked.
    #[must_use]
    pub fn build(scenario: &Scenario) -> Self {
        let (cluster, module) = (&scenario.cluster, &scenario.module);
        assert_eq!(module.packs.iter().sum::<u32>(), module.nodes, "packs hold all nodes");
        assert!(module.spares <= module.nodes, "spares are nodes");
        assert!(module.switches > 0 || module.nodes == 0, "nodes hang on a switch");
        let nodes = u64::from(module.nodes) * u64::from(cluster.modules);
        assert!(u32::try_from(nodes).is_ok(), "nodes are numbered with 32 bits");
        let mut machine = Self {
            racks: cluster.modules.div_ceil(cluster.modules_per_rack),
            nodes: Vec::with_capacity(nodes as usize),
            ..Self::default()
        };
        for number in 0..cluster.modules {
            let rack = number / cluster.modules_per_rack;
            let server = match scenario.server.per {
                ServerPer::Cluster => 0,
                ServerPer::Rack => rack,
                ServerPer::Module => number,
            };
            machine.modules.push(ModuleRow { rack });
            machine.add_module(scenario, number, server);
        }
        if let Some(parts) = &scenario.parts {
            machine.wire(parts, &scenario.server);
        }
        machine
    }

    /// Adds the parts inside a module.
    fn add_module(&mut self, scenario: &Scenario, number: u32, server: u32) {
        let module = &scenario.module;
        let of_parts = scenario.parts.as_ref().map(|parts| (parts, parts.packs()));
        let first_psu = self.psus.len() as u32;
        let first_switch = self.switches.len() as u32;
        let psu_of = |feeds: &dyn Fn(usize) -> bool| {
            let slot = (0..module.psus.len()).find(|&slot| feeds(slot));
            first_psu + slot.expect("a PSU feeds each pack and switch") as u32
        };
        for (slot, psu) in (0..).zip(&module.psus) {
            let (limit, restart) = (psu.limit, psu.restart);
            self.psus.push(PsuRow { module: number, slot, limit, restart });
        }
        for slot in 1..=module.switches {
            let psu = psu_of(&|psu| module.psus[psu].switches.contains(&slot));
            let (uplink, power) = (module.uplink, module.switch_power);
            self.switches.push(SwitchRow { module: number, psu, server, uplink, power });
        }
        let first_node = self.nodes.len() as u32;
        for (slot, &size) in (1..).zip(&module.packs) {
            let psu = psu_of(&|psu| module.psus[psu].packs.contains(&slot));
            let pack = self.packs.len() as u32;
            self.packs.push(PackRow { module: number, psu });
            let per_blade = of_parts.as_ref().map_or(module.nodes_per_blade, |(parts, packs)| {
                parts.per_blade(&packs[slot as usize - 1])
            });
            for place in 0..size {
                if place.is_multiple_of(per_blade) {
                    self.blades.push(BladeRow { pack });
                }
                let blade = self.blades.len() as u32 - 1;
                let inside = self.nodes.len() as u32 - first_node;
                let (switch, spare) = plug(module, inside);
                let switch = first_switch + switch;
                self.nodes.push(NodeRow { module: number, blade, switch, psu, server, spare });
            }
        }
        let end_node = self.nodes.len() as u32;
        if self.servers.len() as u32 == server {
            self.servers.push(ServerRow { first_node, end_node });
        }
        self.servers.last_mut().expect("there is a server").end_node = end_node;
    }

    /// The nodes in the order in which jobs take them: by number, spares last, and a server that
    /// does not compute never.
    pub fn in_order(&self) -> impl Iterator<Item = NodeId> + '_ {
        let of = |spare| {
            let rows = (0..).map(NodeId).zip(&self.nodes);
            let own = rows.filter(move |(_, row)| row.spare == spare).map(|(node, _)| node);
            own.filter(|&node| self.works(node))
        };
        of(false).chain(of(true))
    }

    /// The nodes that belong to a part or hang on it, in order: those of a rack, module, pack,
    /// blade, switch (also by its uplink), PSU or server; a node (also by its link) is itself. In
    /// trees of switches and supplies, those of the parts below it as well.
    pub fn nodes_of(&self, part: Part) -> impl Iterator<Item = NodeId> + '_ {
        let is_it = move |over| over == part.index;
        let in_tree = self.is_of_parts();
        let belongs = move |node: &NodeId| {
            self.part_over(part.kind, *node).is_some_and(is_it)
                || in_tree && self.parts_over(part.kind, *node).skip(1).any(is_it)
        };
        self.range_around(part).map(NodeId).filter(belongs)
    }

    /// The switches that a PSU feeds, in order. O(switches of the PSU's module).
    pub fn switches_of(&self, psu: u32) -> impl Iterator<Item = u32> + '_ {
        let module = self.psus[psu as usize].module;
        let first = self.switches.partition_point(|row| row.module < module) as u32;
        let rows = (first..).zip(&self.switches[first as usize..]);
        let inside = rows.take_while(move |(_, row)| row.module == module);
        inside.filter(move |(_, row)| row.psu == psu).map(|(switch, _)| switch)
    }

    /// How many parts of a kind there are.
    #[must_use]
    pub fn parts(&self, kind: PartKind) -> usize {
        match kind {
            PartKind::Node | PartKind::NodeLink => self.nodes.len(),
            PartKind::Blade => self.blades.len(),
            PartKind::Pack => self.packs.len(),
            PartKind::Module => self.modules.len(),
            PartKind::Rack => self.racks as usize,
            PartKind::Switch | PartKind::Uplink => self.switches.len(),
            PartKind::Psu => self.psus.len(),
            PartKind::Server => self.servers.len(),
            PartKind::Controller | PartKind::Network => 1,
        }
    }

    /// The part of a kind that a node belongs to or hangs on; controller and network have none.
    #[must_use]
    pub fn part_over(&self, kind: PartKind, node: NodeId) -> Option<u32> {
        let row = &self.nodes[node.0 as usize];
        Some(match kind {
            PartKind::Node | PartKind::NodeLink => node.0,
            PartKind::Blade => row.blade,
            PartKind::Pack => self.blades[row.blade as usize].pack,
            PartKind::Module => row.module,
            PartKind::Rack => self.modules[row.module as usize].rack,
            PartKind::Switch | PartKind::Uplink => row.switch,
            PartKind::Psu => row.psu,
            PartKind::Server => row.server,
            PartKind::Controller | PartKind::Network => return None,
        })
    }

    /// The part around a node that a radius reaches; any other part is struck alone.
    #[must_use]
    pub fn around(&self, radius: Radius, part: Part) -> Part {
        if part.kind != PartKind::Node {
            return part;
        }
        let kind = radius.kind();
        let index = self.part_over(kind, NodeId(part.index)).expect("a radius is that of a part");
        Part { kind, index }
    }

    /// A range of nodes that holds all nodes of a part.
    fn range_around(&self, part: Part) -> Range<u32> {
        let index = part.index as usize;
        let size = (self.nodes.len() / self.modules.len()) as u32;
        let module = match part.kind {
            PartKind::Node | PartKind::NodeLink => return part.index..part.index + 1,
            PartKind::Controller | PartKind::Network => return 0..0,
            PartKind::Rack => {
                let first = self.modules.partition_point(|row| row.rack < part.index) as u32;
                let end = self.modules.partition_point(|row| row.rack <= part.index) as u32;
                return first * size..end * size;
            }
            PartKind::Server => {
                let row = &self.servers[index];
                return row.first_node..row.end_node;
            }
            PartKind::Module => part.index,
            PartKind::Pack => self.packs[index].module,
            PartKind::Blade => self.packs[self.blades[index].pack as usize].module,
            PartKind::Switch | PartKind::Uplink => self.switches[index].module,
            PartKind::Psu => self.psus[index].module,
        };
        module * size..(module + 1) * size
    }
}

/// The switch (inside the module, from 0) of the node with this number inside the module, and
/// whether the node is a spare.
fn plug(module: &Module, inside: u32) -> (u32, bool) {
    let active = module.nodes - module.spares;
    if let Some(spare) = inside.checked_sub(active) {
        return (spare % module.switches, true);
    }
    let switch = u64::from(inside) * u64::from(module.switches) / u64::from(active);
    (switch as u32, false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::pilot;

    fn nodes_of(machine: &Machine, kind: PartKind, index: u32) -> Vec<u32> {
        machine.nodes_of(Part { kind, index }).map(|node| node.0).collect()
    }

    #[test]
    fn the_pilot_has_five_modules_of_144_nodes_and_6_spares() {
        let machine = Machine::build(&pilot::scenario());
        assert_eq!(machine.racks, 1);
        assert_eq!(machine.modules.len(), 5);
        assert_eq!(machine.nodes.len(), 750);
        assert_eq!(machine.nodes.iter().filter(|node| node.spare).count(), 30);
        assert_eq!((machine.packs.len(), machine.psus.len(), machine.switches.len()), (15, 10, 15));
        // 15 boards of 4 in each pack of 60; 30 nodes make 7 boards of 4 and one of 2.
        assert_eq!(machine.blades.len(), 5 * (15 + 15 + 8));
        assert_eq!(machine.servers, [ServerRow { first_node: 0, end_node: 750 }]);
    }

    #[test]
    fn a_switch_carries_48_active_nodes_and_2_spares() {
        let machine = Machine::build(&pilot::scenario());
        for switch in 0..15 {
            let nodes = nodes_of(&machine, PartKind::Switch, switch);
            assert_eq!(nodes.len(), 50);
            let spares = nodes.iter().filter(|&&node| machine.nodes[node as usize].spare).count();
            assert_eq!(spares, 2);
            assert_eq!(nodes[47] - nodes[0], 47, "the active ones are contiguous");
        }
    }

    #[test]
    fn the_left_psu_takes_90_nodes_and_one_switch_with_it() {
        let machine = Machine::build(&pilot::scenario());
        for (psu, nodes, switches) in [(0, 90, 1), (1, 60, 2), (8, 90, 1), (9, 60, 2)] {
            assert_eq!(nodes_of(&machine, PartKind::Psu, psu).len(), nodes);
            assert_eq!(machine.switches_of(psu).count(), switches);
        }
    }

    #[test]
    fn parts_hold_the_nodes_that_lie_in_them() {
        let machine = Machine::build(&pilot::scenario());
        assert_eq!(nodes_of(&machine, PartKind::Node, 7), [7]);
        assert_eq!(nodes_of(&machine, PartKind::Blade, 39), [154, 155, 156, 157]);
        assert_eq!(nodes_of(&machine, PartKind::Pack, 3), (150..210).collect::<Vec<_>>());
        assert_eq!(nodes_of(&machine, PartKind::Module, 1), (150..300).collect::<Vec<_>>());
        assert_eq!(nodes_of(&machine, PartKind::Rack, 0).len(), 750);
        let mut scenario = pilot::scenario();
        scenario.cluster.modules_per_rack = 2;
        let racks = Machine::build(&scenario);
        assert_eq!(nodes_of(&racks, PartKind::Rack, 1), (300..600).collect::<Vec<_>>());
        assert_eq!(nodes_of(&racks, PartKind::Rack, 2), (600..750).collect::<Vec<_>>());
        assert_eq!(nodes_of(&machine, PartKind::Server, 0).len(), 750);
    }

    #[test]
    fn servers_come_per_cluster_rack_or_module() {
        let mut scenario = pilot::scenario();
        scenario.cluster.modules_per_rack = 2;
        for (per, ends) in [
            (ServerPer::Cluster, vec![750]),
            (ServerPer::Rack, vec![300, 600, 750]),
            (ServerPer::Module, vec![150, 300, 450, 600, 750]),
        ] {
            scenario.server.per = per;
            let machine = Machine::build(&scenario);
            assert_eq!(machine.racks, 3);
            assert_eq!(machine.servers.iter().map(|row| row.end_node).collect::<Vec<_>>(), ends);
            for (node, row) in (0..).zip(&machine.nodes) {
                let server = &machine.servers[row.server as usize];
                assert!((server.first_node..server.end_node).contains(&node));
            }
        }
    }
}
