//! What people call the parts of a machine, in the notation that scenario files use too.

use crate::ids::{NodeId, Part, PartKind};
use crate::plan::machine::Machine;

impl Machine {
    /// `pi017`: counted from 1, padded with zeros to the width of the number of nodes.
    #[must_use]
    pub fn node_name(&self, node: NodeId) -> String {
        let places = self.nodes.len().max(1).ilog10() as usize + 1;
        format!("pi{:0places$}", u64::from(node.0) + 1)
    }

    /// The name of a part of a cluster that is written as parts, where it has one of its own.
    fn name_in_wiring(&self, part: Part) -> Option<String> {
        let index = part.index as usize;
        Some(match part.kind {
            PartKind::Switch if self.is_cell(part.index) => {
                format!("cell[{}]", self.wiring.switch_names[index])
            }
            PartKind::Uplink if self.is_cell(part.index) => {
                format!("cell[{}]/air", self.wiring.switch_names[index])
            }
            PartKind::Switch => format!("switch[{}]", self.wiring.switch_names[index]),
            PartKind::Uplink => format!("switch[{}]/uplink", self.wiring.switch_names[index]),
            PartKind::Psu => format!("psu[{}]", self.wiring.psu_names[index]),
            PartKind::Blade => format!("blade[{}]", index + 1),
            PartKind::Pack => format!("pack[{}]", index + 1),
            PartKind::Node
            | PartKind::NodeLink
            | PartKind::Module
            | PartKind::Rack
            | PartKind::Server
            | PartKind::Controller
            | PartKind::Network => return None,
        })
    }

    /// The name of any part, counted from 1, in its module where it has one: `module[2]/psu[1]`.
    #[must_use]
    pub fn name(&self, part: Part) -> String {
        let index = part.index;
        if self.is_of_parts()
            && let Some(name) = self.name_in_wiring(part)
        {
            return name;
        }
        let in_module = |word: &str, parts: usize| {
            let per_module = (parts / self.modules.len()) as u32;
            let (module, slot) = (index / per_module, index % per_module);
            format!("module[{}]/{word}[{}]", module + 1, slot + 1)
        };
        match part.kind {
            PartKind::Node => self.node_name(NodeId(index)),
            PartKind::NodeLink => format!("{}/link", self.node_name(NodeId(index))),
            PartKind::Controller => "controller".into(),
            PartKind::Network => "network".into(),
            PartKind::Rack => format!("rack[{}]", index + 1),
            PartKind::Server => format!("server[{}]", index + 1),
            PartKind::Module => format!("module[{}]", index + 1),
            PartKind::Pack => in_module("pack", self.packs.len()),
            PartKind::Blade => in_module("blade", self.blades.len()),
            PartKind::Switch => in_module("switch", self.switches.len()),
            PartKind::Psu => in_module("psu", self.psus.len()),
            PartKind::Uplink => in_module("switch", self.switches.len()) + "/uplink",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::pilot;

    #[test]
    fn parts_have_the_names_of_scenario_files() {
        let machine = Machine::build(&pilot::scenario());
        let names = [
            (PartKind::Node, 0, "pi001"),
            (PartKind::Node, 749, "pi750"),
            (PartKind::NodeLink, 16, "pi017/link"),
            (PartKind::Rack, 0, "rack[1]"),
            (PartKind::Module, 1, "module[2]"),
            (PartKind::Pack, 1, "module[1]/pack[2]"),
            (PartKind::Blade, 41, "module[2]/blade[4]"),
            (PartKind::Psu, 2, "module[2]/psu[1]"),
            (PartKind::Switch, 5, "module[2]/switch[3]"),
            (PartKind::Uplink, 5, "module[2]/switch[3]/uplink"),
            (PartKind::Server, 0, "server[1]"),
            (PartKind::Controller, 0, "controller"),
            (PartKind::Network, 0, "network"),
        ];
        for (kind, index, name) in names {
            assert_eq!(machine.name(Part { kind, index }), name);
        }
    }
}
