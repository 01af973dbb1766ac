//! The machine as rows: racks, modules, packs, blades, nodes, switches, PSU domains and servers, by dense number.

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
}

/// A PSU domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PsuRow {
    /// Its module.
    pub module: u32,
    /// Its place in the module's list of PSUs, from 0.
    pub slot: u32,
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerRow {
    /// The first node it serves.
    pub first_node: u32,
    /// One past the last node it serves.
    pub end_node: u32,
}
