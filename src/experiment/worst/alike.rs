//! Classes of equal parts: parts that differ by nothing but their names.
//!
//! Parts begin with a colour for what is said of them: which rules may strike them, whether they
//! are spares, their limits and rates; a part that a fault has struck has a colour of its own. Then
//! each part takes the colours of its neighbours into its own (a node those of its blade, switch,
//! supply, module and server; and back), until no more colours come of it: colour refinement
//! (Weisfeiler and Leman 1968). On a tree of parts, such as racks are, parts of one colour are
//! equal up to a renaming.
//!
//! Worked example: 24 nodes on 6 blades, of which the last node is a spare. There are the spare,
//! the three nodes on its blade, and the 20 on other blades. With `pi01` struck, there are `pi01`,
//! its 3 neighbours, 16 nodes on other blades, and the spare and its 3.
//!
//! Nodes that hold each other's checkpoints, or compute for one of several jobs, are equal to no
//! other. What is not equal is the order in which nodes are switched on and placed. So of each
//! class the first and the last are tried, and of the worst schedule every member.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{JobId, NodeId, Part, PartKind};
use crate::plan::Plan;
use crate::plan::machine::Machine;
use crate::scenario::job::{Checkpoint, Cost, KeptAt};

/// The kinds of part that have rows of their own, with those that count as one of them.
const KINDS: [PartKind; 8] = [
    PartKind::Node,
    PartKind::Blade,
    PartKind::Pack,
    PartKind::Module,
    PartKind::Rack,
    PartKind::Switch,
    PartKind::Psu,
    PartKind::Server,
];

/// All parts of a machine, by number, with their neighbours.
#[derive(Debug)]
pub(super) struct Parts {
    /// Where the parts of each of [`KINDS`] begin.
    first: [usize; KINDS.len()],
    neighbours: Vec<Vec<u32>>,
    /// What is said of each.
    said: Vec<u32>,
}

impl Parts {
    /// Those of a plan.
    pub(super) fn of(plan: &Plan) -> Self {
        let machine = &plan.machine;
        let mut first = [0; KINDS.len()];
        let mut count = 0;
        for (place, kind) in first.iter_mut().zip(KINDS) {
            *place = count;
            count += machine.parts(kind);
        }
        let mut parts = Self { first, neighbours: vec![Vec::new(); count], said: vec![0; count] };
        for (node, row) in (0..).zip(&machine.nodes) {
            parts.join((PartKind::Node, node), (PartKind::Blade, row.blade));
            parts.join((PartKind::Node, node), (PartKind::Switch, row.switch));
            parts.join((PartKind::Node, node), (PartKind::Psu, row.psu));
            parts.join((PartKind::Node, node), (PartKind::Module, row.module));
            parts.join((PartKind::Node, node), (PartKind::Server, row.server));
        }
        for (blade, row) in (0..).zip(&machine.blades) {
            parts.join((PartKind::Blade, blade), (PartKind::Pack, row.pack));
        }
        for (pack, row) in (0..).zip(&machine.packs) {
            parts.join((PartKind::Pack, pack), (PartKind::Psu, row.psu));
            parts.join((PartKind::Pack, pack), (PartKind::Module, row.module));
        }
        for (switch, row) in (0..).zip(&machine.switches) {
            parts.join((PartKind::Switch, switch), (PartKind::Psu, row.psu));
            parts.join((PartKind::Switch, switch), (PartKind::Server, row.server));
            parts.join((PartKind::Switch, switch), (PartKind::Module, row.module));
        }
        for (psu, row) in (0..).zip(&machine.psus) {
            parts.join((PartKind::Psu, psu), (PartKind::Module, row.module));
        }
        parts.join_trees(machine);
        for (module, row) in (0..).zip(&machine.modules) {
            parts.join((PartKind::Module, module), (PartKind::Rack, row.rack));
        }
        parts.said = parts.what_is_said(plan);
        parts
    }

    /// The number of a part; a link counts as its node or switch. `None` for the controller and
    /// the network.
    fn number(&self, part: Part) -> Option<usize> {
        let kind = match part.kind {
            PartKind::NodeLink => PartKind::Node,
            PartKind::Uplink => PartKind::Switch,
            PartKind::Controller | PartKind::Network => return None,
            kind => kind,
        };
        let place = KINDS.iter().position(|known| *known == kind).expect("it has rows");
        Some(self.first[place] + part.index as usize)
    }

    fn join(&mut self, (a, i): (PartKind, u32), (b, j): (PartKind, u32)) {
        let number = |kind, index| self.number(Part { kind, index }).expect("it has rows");
        let (a, b) = (number(a, i), number(b, j));
        self.neighbours[a].push(b as u32);
        self.neighbours[b].push(a as u32);
    }

    /// What hangs on what in trees of switches and supplies.
    fn join_trees(&mut self, machine: &Machine) {
        for switch in 0..machine.switches.len() as u32 {
            if let Some(above) = machine.switch_above(switch) {
                self.join((PartKind::Switch, switch), (PartKind::Switch, above));
            }
        }
        for psu in 0..machine.psus.len() as u32 {
            if let Some(above) = machine.psu_above(psu) {
                self.join((PartKind::Psu, psu), (PartKind::Psu, above));
            }
        }
        let place = machine.wiring.server;
        let ends = [(PartKind::Switch, place.switch), (PartKind::Psu, place.psu)];
        for (kind, index) in ends.into_iter().chain([(PartKind::Node, place.node)]) {
            if let Some(index) = index {
                self.join((PartKind::Server, 0), (kind, index));
            }
        }
    }

    fn what_is_said(&self, plan: &Plan) -> Vec<u32> {
        let (machine, each) = (&plan.machine, distinguishes_nodes(plan));
        let mut said: Vec<Vec<u64>> = Vec::new();
        for (place, kind) in (0..).zip(KINDS) {
            said.extend((0..machine.parts(kind)).map(|_| vec![place]));
        }
        for (node, row) in machine.nodes.iter().enumerate() {
            said[self.first[0] + node].push(u64::from(row.spare));
            if machine.is_of_parts() {
                let id = NodeId(node as u32);
                let group = u64::from(machine.group_of(id));
                said[self.first[0] + node].extend([group, u64::from(machine.works(id))]);
            }
            said[self.first[0] + node].extend(each.then_some(node as u64));
        }
        for (switch, row) in (0..).zip(&machine.switches) {
            let number = self.number(Part { kind: PartKind::Switch, index: switch });
            said[number.expect("it has rows")].extend([row.uplink.0, row.power.0]);
            if machine.is_of_parts() {
                let above = |&switch: &u32| machine.switch_above(switch);
                let depth = std::iter::successors(Some(switch), above).count();
                said[number.expect("it has rows")].push(depth as u64);
            }
        }
        for (psu, row) in (0..).zip(&machine.psus) {
            let number = self.number(Part { kind: PartKind::Psu, index: psu });
            said[number.expect("it has rows")].extend([row.limit.0, row.restart.0]);
            // Neighbours in a tree do not say who is above.
            if machine.is_of_parts() {
                let depth = std::iter::successors(Some(psu), |&psu| machine.psu_above(psu)).count();
                let port = machine.wiring.port_limits[psu as usize].unwrap_or_default();
                said[number.expect("it has rows")].extend([depth as u64, port.0]);
            }
        }
        for (rule, spec) in (0..).zip(&plan.scenario.faults) {
            for index in spec.on.iter() {
                if let Some(number) = self.number(Part { kind: spec.on.kind, index }) {
                    // A link and its node differ by their kinds.
                    said[number].extend([u64::MAX, rule, spec.on.kind as u64]);
                }
            }
        }
        colours(said)
    }

    /// The colour of each part once these are struck.
    pub(super) fn classes(&self, struck: impl Iterator<Item = Part>) -> Classes<'_> {
        let struck: Vec<_> = struck.filter_map(|part| self.number(part)).collect();
        let said = self.said.iter().enumerate();
        let own = |number: usize| struck.iter().position(|it| *it == number);
        let said = said.map(|(number, colour)| (*colour, own(number)));
        let mut colour = colours(said.collect());
        let mut count = colour.iter().collect::<BTreeSet<_>>().len();
        loop {
            let refined = self.neighbours.iter().zip(&colour).map(|(neighbours, own)| {
                let mut near: Vec<_> = neighbours.iter().map(|it| colour[*it as usize]).collect();
                near.sort_unstable();
                (*own, near)
            });
            colour = colours(refined.collect());
            let now = colour.iter().collect::<BTreeSet<_>>().len();
            if now == count {
                return Classes { parts: self, colour };
            }
            count = now;
        }
    }
}

/// Numbers for values: the same for the same, in the order in which they come.
fn colours<T: Ord>(values: Vec<T>) -> Vec<u32> {
    let mut known = BTreeMap::new();
    let numbered = values.into_iter().map(|value| {
        let next = known.len() as u32;
        *known.entry(value).or_insert(next)
    });
    numbered.collect()
}

/// Whether the nodes of a job are not all alike to it.
fn distinguishes_nodes(plan: &Plan) -> bool {
    let of_seats = |job: JobId| {
        let checkpoint = plan.checkpoint_of(job);
        let levels = checkpoint.into_iter().flat_map(|it| (0..it.levels()).map(|k| it.cost(k)));
        let mut kept = levels.filter_map(Cost::kept_at);
        let groups = matches!(checkpoint, Some(Checkpoint::Logging(_)));
        let holders =
            |at| matches!(at, KeptAt::Partner | KeptAt::Buddies { .. } | KeptAt::Group { .. });
        groups || plan.replicas(job).is_some() || kept.any(holders)
    };
    plan.jobs.len() > 1 || (0..plan.jobs.len() as u16).any(|job| of_seats(JobId(job)))
}

/// Parts by their class.
pub(super) struct Classes<'p> {
    parts: &'p Parts,
    colour: Vec<u32>,
}

impl Classes<'_> {
    /// The first and the last part of each class, of these parts of a kind.
    pub(super) fn ends(&self, kind: PartKind, of: impl Iterator<Item = u32>) -> Vec<u32> {
        let mut ends: BTreeMap<Option<u32>, (u32, u32)> = BTreeMap::new();
        for index in of {
            let class = self.class(Part { kind, index });
            ends.entry(class).or_insert((index, index)).1 = index;
        }
        let both: BTreeSet<u32> = ends.into_values().flat_map(|(a, b)| [a, b]).collect();
        both.into_iter().collect()
    }

    /// Those of these parts that are of a part's class.
    pub(super) fn members(&self, part: Part, of: impl Iterator<Item = u32>) -> Vec<u32> {
        let class = self.class(part);
        of.filter(|&index| self.class(Part { kind: part.kind, index }) == class).collect()
    }

    fn class(&self, part: Part) -> Option<u32> {
        self.parts.number(part).map(|number| self.colour[number])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario;

    #[test]
    fn the_worked_example_comes_out() {
        let text = "schema = 1\ninherit = \"edge_rack_24\"\n[module]\nspares = 1\n\
                    [stop]\nat = \"1 h\"\n";
        let plan = Plan::make(&scenario::read("rack", text).expect("a scenario"));
        let parts = Parts::of(&plan);
        let node = |index| Part { kind: PartKind::Node, index };
        let sizes = |struck: &[u32]| {
            let classes = parts.classes(struck.iter().map(|&index| node(index)));
            let ends = classes.ends(PartKind::Node, 0..24);
            let sizes = ends.iter().map(|&end| classes.members(node(end), 0..24).len());
            (ends.clone(), sizes.collect::<Vec<_>>())
        };
        assert_eq!(sizes(&[]), (vec![0, 19, 20, 22, 23], vec![20, 20, 3, 3, 1]));
        let one = (vec![0, 1, 3, 4, 19, 20, 22, 23], vec![1, 3, 3, 16, 16, 3, 3, 1]);
        assert_eq!(sizes(&[0]), one);
    }
}
