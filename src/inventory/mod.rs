//! The inventory of a real rack, `rack.toml`: nodes, power controllers, server, clocks and limits.
//!
//! It is written in the notation of scenarios and its mistakes are told as theirs are. The nodes
//! stand in the order of the file: the first is `pi1` of a scenario, whatever it is called here.

pub mod names;
pub mod power;

mod controllers;
mod draft;
mod keys;
mod read;

use std::path::PathBuf;

use crate::config::mistakes::Mistakes;
use crate::ids::NodeId;
use crate::units::Span;

pub use draft::draft;
pub use read::{load, read};

/// A real rack.
#[derive(Clone, Debug, PartialEq)]
pub struct Inventory {
    /// Its name, for people.
    pub name: String,
    /// Its nodes; a node's number is its position.
    pub nodes: Vec<Node>,
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
pub struct Node {
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

/// Where scenarios are played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// The IP address or name at which agents reach the controller.
    pub address: String,
    /// Where it listens for agents.
    pub port: u16,
    /// Where it takes their beats.
    pub beats: u16,
    /// Where it takes their checkpoints.
    pub store: u16,
    /// The folder of its certificates.
    pub certificates: PathBuf,
}

/// How boots are watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boot {
    /// The log of dnsmasq.
    pub log: PathBuf,
    /// How the name of the last file ends that a node fetches.
    pub last: String,
}

/// The file server of checkpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// At which name or IP address it is reached.
    pub address: String,
    /// Where its files are mounted, if they are.
    pub path: Option<PathBuf>,
}

/// The clocks of the nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clock {
    /// The NTP server that all of them follow, if that is known.
    pub server: Option<String>,
    /// How far one may be off when a run starts.
    pub offset_max: Span,
}

/// What must not be exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// So many nodes may be without power at once.
    pub down_at_once: u32,
    /// So often within an hour a node may be switched off.
    pub cycles_per_hour: u32,
    /// An agent that has not heard from the controller for so long undoes its harms.
    pub lease: Span,
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
    pub fn node(&self, id: NodeId) -> &Node {
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
    crate::config::schema::schema(&keys::ROOT, "Rackstorm inventory of a rack")
}
