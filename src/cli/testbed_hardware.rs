//! `rackstorm testbed-hardware` and `testbed-node`: the hardware of a rack in a box, as processes.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;

use crate::cli::{Exit, streams};
use crate::drivers::agent::{self, AgentSpec, Leave};
use crate::drivers::store::StorePlace;
use crate::fleet::ports::Address;
use crate::ids::{Life, NodeId};
use crate::testbed::spec::{self, SERVER, address};
use crate::testbed::{self, Folder, PORTS, STORE_PORT, TestbedHardware};
use crate::units::{BitRate, Bytes, Span};

/// Serve the bus of a box, its nodes' power and their boot images
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The box's name
    #[arg(long, value_parser = spec::name)]
    name: String,
    /// Its nodes
    #[arg(long)]
    nodes: u32,
    /// Size of a boot image
    #[arg(long)]
    image: Bytes,
    /// Rate of a node's link
    #[arg(long)]
    node_link: BitRate,
    /// Time between two heartbeats
    #[arg(long)]
    heartbeat: Span,
    /// Its folder
    #[arg(long)]
    folder: PathBuf,
}

/// Boot as a node of a box, and be its agent
#[derive(Debug, Args)]
pub(super) struct NodeArguments {
    /// Its number, from 1
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    node: u32,
    /// Time between two heartbeats
    #[arg(long)]
    heartbeat: Span,
    /// The box's folder
    #[arg(long)]
    folder: PathBuf,
    /// The hardware's process
    #[arg(long)]
    parent: u32,
}

/// Serves until it is ended.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let Arguments { name, nodes, image, node_link, heartbeat, folder } = arguments;
    let hardware = TestbedHardware {
        name: name.clone(),
        nodes: *nodes,
        image: *image,
        node_link: *node_link,
        heartbeat: *heartbeat,
        folder: folder.clone(),
        program: std::env::current_exe()?,
    };
    testbed::serve(&hardware)?;
    Ok(Exit::Done)
}

/// Boots, and is the agent until its power is cut.
pub(super) fn run_node(arguments: &NodeArguments) -> anyhow::Result<Exit> {
    let folder = Folder::new(arguments.folder.clone());
    let node = NodeId(arguments.node - 1);
    testbed::boot(SERVER)?;
    let at = |port| Address::new(SERVER.to_string(), port);
    let spec = AgentSpec {
        node,
        life: Some(Life(booted())),
        controller: at(PORTS.0),
        heartbeats: at(PORTS.1),
        address: Some(address(node).to_string()),
        port: 0,
        certificates: folder.certificates(),
        store: StorePlace::Server { at: at(STORE_PORT), cards: folder.store() },
        heartbeat: arguments.heartbeat,
        parent: Some(arguments.parent),
        harmless: false,
        state: None,
        // A namespace shares its kernel and its clock with the machine.
        may: BTreeSet::new(),
    };
    agent::run(&spec, &Leave::default(), streams::say)?;
    Ok(Exit::Done)
}

/// When this node was booted (seconds since 1970): all of a box stand on one machine, whose own
/// boot was another.
fn booted() -> u32 {
    #[expect(clippy::disallowed_methods, reason = "a node's life is a time of day")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| since.as_secs() as u32)
}
