//! Dense numbers for the parts of a machine, and the words people use for them.

use serde::{Deserialize, Serialize};

/// Declares numbers that cannot be taken for each other.
macro_rules! numbers {
    ($($(#[doc = $doc:literal])+ $name:ident: $of:ty;)+) => {$(
        $(#[doc = $doc])+
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize,
            Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub $of);
    )+};
}

numbers! {
    /// A node, counted from 0 in the order of the rack.
    NodeId: u32;
    /// A job of the scenario, counted from 0.
    JobId: u16;
    /// A fault rule of the scenario, counted from 0 in the order of the plan.
    FaultId: u16;
    /// A node's incarnation: it grows at each power-on. Timers of a dead life are dead.
    Life: u32;
}

/// The kinds of part that a machine is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartKind {
    /// One Raspberry Pi.
    Node,
    /// A carrier board of (usually four) nodes.
    Blade,
    /// A cluster pack of blades (CP60, CP30).
    Pack,
    /// A cluster module of packs, switches and PSUs.
    Module,
    /// A rack of modules.
    Rack,
    /// A switch inside a module.
    Switch,
    /// A power supply and the domain it feeds.
    Psu,
    /// A boot and file server.
    Server,
    /// The link between a node and its switch.
    NodeLink,
    /// The link between a switch and the top of the rack.
    Uplink,
    /// The machine's controller.
    Controller,
    /// The machine's network as a whole.
    Network,
}

impl PartKind {
    /// Its word in files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Blade => "blade",
            Self::Pack => "pack",
            Self::Module => "module",
            Self::Rack => "rack",
            Self::Switch => "switch",
            Self::Psu => "psu",
            Self::Server => "server",
            Self::NodeLink => "node-link",
            Self::Uplink => "uplink",
            Self::Controller => "controller",
            Self::Network => "network",
        }
    }

    /// What people read in figures and reports.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Psu => "PSU",
            Self::NodeLink => "node link",
            other => other.word(),
        }
    }
}

/// One part: its kind and its number, counted from 0 over the whole machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// Its number over the whole machine, from 0.
    pub index: u32,
}

/// A part's number in tables: counted from 1, as the names of parts are. `pi17` is node 17.
#[doc(hidden)]
pub mod from_one {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    use super::NodeId;

    /// Writes a node's number.
    ///
    /// # Errors
    /// Those of the table.
    pub fn serialize<S: Serializer>(node: &NodeId, table: S) -> Result<S::Ok, S::Error> {
        table.serialize_u32(node.0 + 1)
    }

    /// Reads a node's number.
    ///
    /// # Errors
    /// Those of the table, and 0, which no node has.
    pub fn deserialize<'de, D: Deserializer<'de>>(table: D) -> Result<NodeId, D::Error> {
        let number = u32::deserialize(table)?;
        number.checked_sub(1).map(NodeId).ok_or_else(|| D::Error::custom("nodes count from 1"))
    }
}
