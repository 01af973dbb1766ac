//! How many parts of each kind a machine has, and which parts lie inside which.

use std::ops::Range;

use crate::ids::PartKind;

/// The counts that number the parts of a machine, module by module, each kind from 0.
///
/// A blade never spans two packs, so the last blade of a pack may be short. The rows of
/// the plan follow the same order.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) modules: u32,
    pub(crate) modules_per_rack: u32,
    /// Nodes of each pack of a module, and how many of them are on a blade.
    pub(crate) packs: Vec<(u32, u32)>,
    pub(crate) switches: u32,
    /// Packs and switches (from 0) of each PSU of a module.
    pub(crate) psus: Vec<(Vec<u32>, Vec<u32>)>,
    pub(crate) servers: u32,
    /// What a cluster that is written as parts calls its own; nothing in modules.
    pub(crate) named: Named,
}

/// The names of parts, each with their numbers, and what hangs on what.
#[derive(Clone, Debug, Default)]
pub(crate) struct Named {
    /// Groups of nodes.
    pub(crate) groups: Vec<(String, Range<u32>)>,
    /// Switches, and behind them the access points of cells.
    pub(crate) switches: Vec<(String, Range<u32>)>,
    /// How many cells there are.
    pub(crate) cells: u32,
    pub(crate) psus: Vec<(String, Range<u32>)>,
    /// The PSU that feeds each PSU.
    pub(crate) psu_above: Vec<Option<u32>>,
}

impl Named {
    /// Parts of a kind by their names.
    pub(crate) fn of(&self, kind: PartKind) -> &[(String, Range<u32>)] {
        match kind {
            PartKind::Switch => &self.switches,
            PartKind::Psu => &self.psus,
            PartKind::Node
            | PartKind::Blade
            | PartKind::Pack
            | PartKind::Module
            | PartKind::Rack
            | PartKind::Server
            | PartKind::NodeLink
            | PartKind::Uplink
            | PartKind::Controller
            | PartKind::Network => &[],
        }
    }
}

impl Layout {
    /// A machine of so many nodes, of which nothing else is known.
    pub(crate) fn of_nodes(nodes: u32) -> Self {
        Self {
            modules: 1,
            modules_per_rack: 1,
            packs: vec![(nodes, 1)],
            switches: 1,
            psus: Vec::new(),
            servers: 1,
            named: Named::default(),
        }
    }

    /// A layout for tests.
    #[cfg(test)]
    pub(crate) fn of_counts(
        modules: u32,
        modules_per_rack: u32,
        packs: &[u32],
        nodes_per_blade: u32,
        switches: u32,
        psus: &[(&[u32], &[u32])],
    ) -> Self {
        let psus = psus.iter().map(|(packs, switches)| (packs.to_vec(), switches.to_vec()));
        Self {
            modules,
            modules_per_rack,
            packs: packs.iter().map(|&nodes| (nodes, nodes_per_blade)).collect(),
            switches,
            psus: psus.collect(),
            servers: 1,
            named: Named::default(),
        }
    }

    fn blades_of_pack(&self, pack: u32) -> u32 {
        let (nodes, per_blade) = self.packs[pack as usize];
        nodes.div_ceil(per_blade)
    }

    /// Parts of a kind in one module.
    fn per_module(&self, kind: PartKind) -> u32 {
        match kind {
            PartKind::Node | PartKind::NodeLink => self.packs.iter().map(|pack| pack.0).sum(),
            PartKind::Blade => (0..self.packs.len() as u32).map(|p| self.blades_of_pack(p)).sum(),
            PartKind::Pack => self.packs.len() as u32,
            PartKind::Module => 1,
            PartKind::Switch | PartKind::Uplink => self.switches,
            PartKind::Psu => self.psus.len() as u32,
            PartKind::Rack | PartKind::Server | PartKind::Controller | PartKind::Network => {
                unreachable!("not parts of a module")
            }
        }
    }

    /// The numbers of the access points of cells, among those of switches.
    pub(crate) fn cells(&self) -> Range<u32> {
        self.switches - self.named.cells..self.switches
    }

    /// Parts of a kind in the whole machine.
    pub(crate) fn count(&self, kind: PartKind) -> u32 {
        match kind {
            PartKind::Rack => self.modules.div_ceil(self.modules_per_rack),
            PartKind::Server => self.servers,
            PartKind::Controller | PartKind::Network => 1,
            kind => self.modules * self.per_module(kind),
        }
    }

    /// The parts of kind `inner` inside part `index` of kind `outer`, in order; `None` if parts of
    /// that kind never lie in such a part.
    pub(crate) fn inside(
        &self,
        outer: PartKind,
        index: u32,
        inner: PartKind,
    ) -> Option<Vec<Range<u32>>> {
        use PartKind as P;
        let some = |range| Some(vec![range]);
        match (outer, inner) {
            (
                P::Rack,
                P::Module
                | P::Pack
                | P::Blade
                | P::Node
                | P::NodeLink
                | P::Switch
                | P::Uplink
                | P::Psu,
            ) => {
                let first = index * self.modules_per_rack;
                let end = (first + self.modules_per_rack).min(self.modules);
                let each = self.per_module(inner);
                some(first * each..end * each)
            }
            (
                P::Module,
                P::Pack | P::Blade | P::Node | P::NodeLink | P::Switch | P::Uplink | P::Psu,
            ) => {
                let each = self.per_module(inner);
                some(index * each..(index + 1) * each)
            }
            (P::Pack, P::Blade | P::Node | P::NodeLink) => some(self.in_pack(index, inner)),
            (P::Blade, P::Node | P::NodeLink) => some(self.nodes_of_blade(index)),
            (P::Psu, P::Pack | P::Blade | P::Node | P::NodeLink | P::Switch | P::Uplink) => {
                Some(self.fed_by(index, inner))
            }
            (P::Switch, P::Uplink) | (P::Node, P::NodeLink) => some(index..index + 1),
            _ => None,
        }
    }

    fn in_pack(&self, index: u32, inner: PartKind) -> Range<u32> {
        let (module, pack) = (index / self.packs.len() as u32, index % self.packs.len() as u32);
        let size = |pack: u32| match inner {
            PartKind::Blade => self.blades_of_pack(pack),
            _ => self.packs[pack as usize].0,
        };
        let first = module * self.per_module(inner) + (0..pack).map(size).sum::<u32>();
        first..first + size(pack)
    }

    fn nodes_of_blade(&self, index: u32) -> Range<u32> {
        let per_module = self.per_module(PartKind::Blade);
        let (module, mut blade) = (index / per_module, index % per_module);
        let mut first = module * self.per_module(PartKind::Node);
        for (pack, &(nodes, per_blade)) in self.packs.iter().enumerate() {
            let blades = self.blades_of_pack(pack as u32);
            if blade < blades {
                let start = first + blade * per_blade;
                return start..(start + per_blade).min(first + nodes);
            }
            blade -= blades;
            first += nodes;
        }
        unreachable!("the blade lies in a pack")
    }

    fn fed_by(&self, index: u32, inner: PartKind) -> Vec<Range<u32>> {
        let per_module = self.psus.len() as u32;
        let (module, slot) = (index / per_module, index % per_module);
        let (packs, switches) = &self.psus[slot as usize];
        if matches!(inner, PartKind::Switch | PartKind::Uplink) {
            let first = module * self.switches;
            let below = (0..per_module).filter(|&psu| self.is_right_below(psu, index));
            let below = below.flat_map(|psu| self.fed_by(psu, inner));
            return switches.iter().map(|s| first + s..first + s + 1).chain(below).collect();
        }
        let first = module * self.packs.len() as u32;
        let pack = |pack: &u32| match inner {
            PartKind::Pack => first + pack..first + pack + 1,
            _ => self.in_pack(first + pack, inner),
        };
        let own = packs.iter().map(pack);
        let below = (0..per_module).filter(|&psu| self.is_right_below(psu, index));
        own.chain(below.flat_map(|psu| self.fed_by(psu, inner))).collect()
    }

    fn is_right_below(&self, psu: u32, above: u32) -> bool {
        self.named.psu_above.get(psu as usize).copied().flatten() == Some(above)
    }

    /// The parts of a kind in a group of nodes; `None` if parts of that kind never lie in a group.
    pub(crate) fn in_group(&self, group: u32, inner: PartKind) -> Option<Vec<Range<u32>>> {
        let nodes = &self.named.groups[group as usize].1;
        let holds = |kind: PartKind, index: u32| {
            let inside = self.inside(kind, index, PartKind::Node)?;
            inside.first().map(|first| nodes.contains(&first.start))
        };
        match inner {
            PartKind::Node | PartKind::NodeLink => Some(vec![nodes.clone()]),
            PartKind::Blade | PartKind::Pack => {
                let all = 0..self.count(inner);
                let own = all.filter(|&index| holds(inner, index) == Some(true));
                Some(own.map(|index| index..index + 1).collect())
            }
            PartKind::Module
            | PartKind::Rack
            | PartKind::Switch
            | PartKind::Psu
            | PartKind::Server
            | PartKind::Uplink
            | PartKind::Controller
            | PartKind::Network => None,
        }
    }
}
