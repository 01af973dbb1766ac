//! `rackstorm agent`: the agent of a node of a real rack.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};

use crate::cli::{Exit, above_zero, heartbeat, streams};
use crate::drivers::agent::{self, AgentSpec, Leave};
use crate::drivers::harm::Permission;
use crate::drivers::store::StorePlace;
use crate::fleet::ports::Address;
use crate::ids::{Life, NodeId};
use crate::units::{ByteRate, Span};

/// What stands under the help of `agent`.
const EXAMPLES: &str = "\
Examples:
  rackstorm agent --controller 10.0.0.1:7000 --heartbeats 10.0.0.1:7001 --node 17 \\
      --certificates /etc/rackstorm --store /srv/checkpoints
  rackstorm agent --controller 10.0.0.1:7000 --heartbeats 10.0.0.1:7001 --node 17 \\
      --certificates /etc/rackstorm --store tcp://10.0.0.1:7003 --cards /var/lib/rackstorm

The folder of certificates holds authority.pem, pi17.pem and pi17.key, as `rackstorm rack enrol`
made them. The agent runs until SIGTERM or Ctrl-C; without its controller it looks for it again
and again. docs/agent.md says how to build it for a Pi.";

/// Run the agent of a node of a real rack
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Where the controller listens for agents
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    controller: Address,
    /// Where the controller takes heartbeats
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    heartbeats: Address,
    /// The number of this node, counted from 1 as in scenarios
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    node: u32,
    /// Its life, which must grow with each boot [default: the time of the boot]
    #[arg(long, value_name = "L")]
    life: Option<u32>,
    /// Folder with its certificate and key, and the authority's certificate
    #[arg(long, value_name = "FOLDER")]
    certificates: PathBuf,
    /// Folder of checkpoints, such as a mount of the file server's, or the controller's own store:
    /// tcp://HOST:PORT
    #[arg(long, value_name = "STORE", value_parser = OsStringValueParser::new().try_map(store))]
    store: Store,
    /// Folder of what stays on the node when checkpoints travel to a store over TCP
    #[arg(long, value_name = "FOLDER")]
    cards: Option<PathBuf>,
    /// Let declared bytes take their time at this rate, such as '11.8 MB/s', where they do not
    /// travel: in a folder
    #[arg(long, value_name = "RATE", value_parser = above_zero::<ByteRate>)]
    store_rate: Option<ByteRate>,
    /// Name or address at which neighbours reach it [default: the one that leads to the controller]
    #[arg(long, value_name = "HOST")]
    address: Option<String>,
    /// Port for neighbours [default: a free one]
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    port: u16,
    /// Time between two heartbeats, as the scenario says
    #[arg(long, value_name = "SPAN", default_value = "1 s", value_parser = heartbeat)]
    heartbeat: Span,
    /// Folder on the node's own disk for its journal of harms [default: in the store]
    #[arg(long, value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// Also do to this node, when asked: clock, reboot, panic, process=NAME
    #[arg(long, value_name = "HARM,...", value_delimiter = ',')]
    may: Vec<Permission>,
    /// End with this process
    #[arg(long, hide = true)]
    parent: Option<u32>,
    /// Only claim to do what harms the machine
    #[arg(long, hide = true)]
    harmless: bool,
}

/// `10.0.0.1:7000`, `[fe80::1]:7000` or `controller:7000`.
fn address(text: &str) -> Result<Address, &'static str> {
    let wrong = "not HOST:PORT";
    let (host, port) = text.rsplit_once(':').ok_or(wrong)?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let port = port.parse().ok().filter(|port| *port > 0).ok_or(wrong)?;
    if host.is_empty() { Err(wrong) } else { Ok(Address::new(host, port)) }
}

/// What `--store` says.
#[derive(Clone, Debug)]
enum Store {
    Folder(PathBuf),
    Server(Address),
}

/// A folder, or `tcp://HOST:PORT`.
fn store(text: OsString) -> Result<Store, &'static str> {
    let url = text.to_str().filter(|text| text.contains("://"));
    match url.map(|url| url.strip_prefix("tcp://")) {
        Some(Some(server)) => address(server).map(Store::Server),
        Some(None) => Err("neither a folder nor tcp://HOST:PORT"),
        None => Ok(Store::Folder(text.into())),
    }
}

/// Where the agent keeps what outlives it.
fn place(arguments: &Arguments) -> Result<StorePlace, &'static str> {
    let Arguments { store, cards, store_rate, .. } = arguments;
    match (store.clone(), cards.clone(), *store_rate) {
        (Store::Folder(path), None, rate) => Ok(StorePlace::Folder { path, rate }),
        (Store::Folder(_), Some(_), _) => Err("--cards goes with --store tcp://HOST:PORT"),
        (Store::Server(at), Some(cards), None) => Ok(StorePlace::Server { at, cards }),
        (Store::Server(_), None, _) => Err("--store tcp://HOST:PORT needs --cards FOLDER"),
        (Store::Server(_), _, Some(_)) => {
            Err("--store-rate is for a folder: to a store over TCP declared bytes really travel")
        }
    }
}

/// Runs until it is asked to leave.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let store = match place(arguments) {
        Ok(place) => place,
        Err(mistake) => {
            streams::say(&format!("error: {mistake}"));
            return Ok(Exit::Usage);
        }
    };
    let leave = Leave::default();
    let asks = leave.clone();
    ctrlc::set_handler(move || asks.ask()).context("Ctrl-C cannot be caught")?;
    let spec = AgentSpec {
        node: NodeId(arguments.node - 1),
        life: arguments.life.map(Life),
        controller: arguments.controller.clone(),
        heartbeats: arguments.heartbeats.clone(),
        address: arguments.address.clone(),
        port: arguments.port,
        certificates: arguments.certificates.clone(),
        store,
        heartbeat: arguments.heartbeat,
        parent: arguments.parent,
        harmless: arguments.harmless,
        state: arguments.state.clone(),
        may: arguments.may.iter().cloned().collect(),
    };
    agent::run(&spec, &leave, streams::say)?;
    Ok(Exit::Done)
}
