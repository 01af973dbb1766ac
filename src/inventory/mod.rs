//! The inventory of a real rack, `rack.toml`: nodes, power controllers, server, clocks and limits.
//!
//! It is written in the notation of scenarios and its mistakes are reported as theirs are. The
//! nodes stand in the order of the file: the first is `pi1` of a scenario, whatever it is called
//! here.

pub mod names;
pub mod power;

mod draft;
mod read;

use std::path::PathBuf;

use crate::config::declare::{joined, table};
use crate::config::language::Kind;
use crate::config::mistakes::{Mistake, Mistakes};
use crate::ids::NodeId;
use crate::units::Span;

pub use draft::draft;
pub use read::{load, read};

const HOUR: Span = Span::from_secs(3_600);
/// Zero is allowed: it is not waited then.
const WAIT: Kind = Kind::Span(Span::ZERO, HOUR);
/// A wait without which nothing would ever be heard.
const PATIENCE: Kind = Kind::Span(Span::from_millis(1), HOUR);
const PORT: Kind = Kind::Count(1, 65_535);
const FILLED: Kind = Kind::Filled;

table! {
    /// What an inventory is called.
    struct Top(Debug) {
        /// Version of the language.
        schema: u32 = Kind::Count(1, 1) => "1";
        /// Name of the rack, for people. Default: the file's name.
        name: Option<String>;
    }
}

joined! {
    /// The inventory of a real rack.
    ROOT: Top, rivals [] and
        Key::new("node", Kind::Tables(read::Alike::SPEC), "Nodes that are alike."),
        Key::new("controller", Kind::Table(Control::SPEC), ""),
        Key::new("server", Kind::Table(Server::SPEC), ""),
        Key::new("boot", Kind::Table(Boot::SPEC), ""),
        Key::new("clock", Kind::Table(Clock::SPEC), ""),
        Key::new("limits", Kind::Table(Limits::SPEC), ""),
        Key::new("power", Kind::Table(&power::POWER), ""),
}

/// A real rack.
#[derive(Clone, Debug, PartialEq)]
pub struct Inventory {
    /// Its name, for people.
    pub name: String,
    /// Its nodes; a node's number is its position.
    pub nodes: Vec<InventoryNode>,
    /// Its power controllers.
    pub controllers: Vec<power::Controller>,
    /// Where scenarios are played, if that is known.
    pub controller: Option<Control>,
    /// How boots are watched, if they are.
    pub boot: Option<Boot>,
    /// The file server of checkpoints, if there is one.
    pub server: Option<Server>,
    /// The clocks of the nodes.
    pub clock: Clock,
    /// What must not be exceeded.
    pub limits: Limits,
}

/// A node.
#[derive(Clone, Debug, PartialEq)]
pub struct InventoryNode {
    /// Its name.
    pub name: String,
    /// At which name or IP address it is reached.
    pub address: Option<String>,
    /// Its MAC address: `b8:27:eb:01:02:03`.
    pub mac: Option<String>,
    /// Its serial number, in small letters.
    pub serial: Option<String>,
    /// Where it stands.
    pub position: Option<Position>,
    /// What switches it; nothing does if that is not known.
    pub feed: Option<Feed>,
    /// Whether it is never to be touched.
    pub protected: bool,
}

/// Where a node stands, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The module.
    pub module: u32,
    /// The blade in it.
    pub blade: u32,
    /// The slot on that.
    pub slot: u32,
}

/// What switches a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// The controller's position in [`Inventory::controllers`].
    pub controller: usize,
    /// Its channel: a decimal number where the kind has numbers.
    pub channel: String,
}

table! {
    /// Where `rackstorm run --on rack` plays: the machine that agents look for.
    pub struct Control(Clone, Debug, PartialEq, Eq) {
        /// Its IP address or name, as its certificate says; it listens there and nowhere else.
        address: String;
        /// Where it listens for agents.
        port: u16 = PORT => "7000";
        /// Where it takes their heartbeats.
        heartbeats as "beats": u16 = PORT => "7001";
        /// Where it takes their checkpoints.
        store: u16 = PORT => "7003";
        /// Folder of `rackstorm rack enrol`, next to this file: authority.pem, controller.pem and
        /// controller.key.
        certificates: PathBuf;
    }
    checks |section, m| if let Some(Err(help)) = address.as_deref().map(read::host) {
        let title = format!("`{}` is no address", address.as_deref().unwrap_or_default());
        m.note(Mistake::new(section.place("address"), title).help(help));
    }
}

table! {
    /// How the boots of nodes are watched.
    pub struct Boot(Clone, Debug, PartialEq, Eq) {
        /// The log of dnsmasq, next to this file, with `log-dhcp` or without. One that is not there
        /// yet is looked for again.
        log: PathBuf;
        /// The last file that a node fetches, by the end of its name: its kernel. Assumption: as
        /// Raspberry Pi OS names kernels.
        last: String => "\".img\"";
    }
}

table! {
    /// The file server of checkpoints.
    pub struct Server(Clone, Debug, PartialEq, Eq) {
        /// At which name or IP address it is reached.
        address: String;
        /// Where its files are mounted on the nodes and the controller.
        path: Option<PathBuf>;
    }
}

table! {
    /// The clocks of the nodes.
    pub struct Clock(Clone, Debug, PartialEq, Eq) {
        /// The NTP server that all of them follow.
        server: Option<String>;
        /// How far a node's clock may be off when a run starts. Assumption: NTP keeps a Pi on a LAN
        /// within a few milliseconds.
        offset_max: Span = Kind::Span(Span(1), HOUR) => "\"50 ms\"";
    }
}

table! {
    /// What must not be exceeded, whatever a scenario or a person wants.
    pub struct Limits(Clone, Debug, PartialEq, Eq) {
        /// Nodes that are never touched: `c0n0,c0n12`.
        protected: Option<String>;
        /// So many nodes may be without power at once, for whatever reason.
        down_at_once: u32 = Kind::Count(0, 1_000_000);
        /// So often within an hour a node may be switched off.
        cycles_per_hour: u32 = Kind::Count(0, 3_600);
        /// An agent that has not heard from the controller for so long undoes what harm it did to
        /// its node. Assumption: longer than a switch takes to start.
        lease: Span = Kind::Span(Span::from_secs(1), HOUR) => "\"30 s\"";
    }
}

impl Inventory {
    /// The nodes that a choice such as `c0n[0-11]!c0n3` or `all` means.
    ///
    /// # Errors
    /// What is wrong with the text, for people.
    pub fn choose(&self, text: &str) -> Result<Vec<NodeId>, names::NameError> {
        let known: Vec<&str> = self.nodes.iter().map(|node| node.name.as_str()).collect();
        let chosen = names::choose(text, &known)?;
        Ok(chosen.into_iter().map(|at| NodeId(at as u32)).collect())
    }

    /// A node.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &InventoryNode {
        &self.nodes[id.0 as usize]
    }

    /// The names of some nodes on one line.
    #[must_use]
    pub fn fold(&self, nodes: &[NodeId]) -> String {
        names::fold(nodes.iter().map(|&id| self.node(id).name.as_str()))
    }
}

/// The JSON Schema (draft 7) of inventories, for editors.
#[must_use]
pub fn schema() -> serde_json::Value {
    crate::config::schema::schema(&ROOT, "Rackstorm inventory of a rack")
}
