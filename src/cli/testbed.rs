//! `rackstorm testbed`: a rack in a box, for tests and newcomers.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use clap::{Args, Subcommand};

use crate::cli::{Exit, heartbeat, streams};
use crate::testbed::spec::{self, TestbedSpec};
use crate::testbed::{self, Folder};
use crate::units::{BitRate, Bytes, Span};

/// What stands under the help of `testbed`.
const EXAMPLES: &str = "\
Examples:
  rackstorm testbed up --nodes 16 --blades 4
  rackstorm testbed exec -- rackstorm rack status --rack /run/rackstorm/box/rack.toml all
  rackstorm testbed exec -- rackstorm run job.toml --on rack --rack /run/rackstorm/box/rack.toml
  rackstorm testbed down

A box needs root (or a user namespace in which you are root) and the tools ip and tc; `up` says what
is missing. It uses no address of this machine: its network is in namespaces of its own.";

/// Build a rack in a box: namespaces as nodes, shaped links, a bus that starts and kills them
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Up(Up),
    Down(Named),
    Exec(Exec),
}

/// Which box.
#[derive(Debug, Args)]
struct WhichBox {
    /// The box's name
    #[arg(long, default_value = "box", value_parser = spec::name)]
    name: String,
    /// Folder of all boxes
    #[arg(long, value_name = "FOLDER", default_value = "/run/rackstorm")]
    boxes: PathBuf,
}

impl WhichBox {
    fn folder(&self) -> Folder {
        Folder::of(&self.boxes, &self.name)
    }
}

/// Build a box; all its nodes are off
#[derive(Debug, Args)]
struct Up {
    #[command(flatten)]
    place: WhichBox,
    /// Nodes, 127 at most
    #[arg(long, value_name = "N", default_value_t = 16)]
    nodes: u32,
    /// Blades that they stand on, each with a switch of its own
    #[arg(long, value_name = "N", default_value_t = 4)]
    blades: u32,
    /// So many of them, the last ones, are protected: nobody may switch or hurt them
    #[arg(long, value_name = "N", default_value_t = 0)]
    protected: u32,
    /// Rate of a node's link
    #[arg(long, value_name = "RATE", default_value = "100 Mbit/s")]
    node_link: BitRate,
    /// Rate of a blade's uplink
    #[arg(long, value_name = "RATE", default_value = "1 Gbit/s")]
    uplink: BitRate,
    /// Rate of the server's link
    #[arg(long, value_name = "RATE", default_value = "1 Gbit/s")]
    server_link: BitRate,
    /// What a node fetches from the server when it boots
    #[arg(long, value_name = "SIZE", default_value = "8.2 MB")]
    image: Bytes,
    /// Time between two heartbeats, as in the scenarios that it shall play
    #[arg(long, value_name = "SPAN", default_value = "1 s", value_parser = heartbeat)]
    heartbeat: Span,
}

/// Remove a box: its processes, its namespaces and its folder, and what a killed `up` left
#[derive(Debug, Args)]
struct Named {
    #[command(flatten)]
    place: WhichBox,
}

/// Run a command where the box's controller stands
#[derive(Debug, Args)]
struct Exec {
    #[command(flatten)]
    place: WhichBox,
    /// The command and its arguments
    #[arg(required = true, last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Does it.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    match &arguments.what {
        What::Up(spec) => up(spec),
        What::Down(Named { place }) => {
            let gone = testbed::down(&place.name, &place.folder())?;
            streams::say(&format!("{gone} namespaces are gone"));
            let probes = testbed::clear_probes()?;
            if probes > 0 {
                streams::say(&format!("and {probes} that killed commands had made to try things"));
            }
            Ok(Exit::Done)
        }
        What::Exec(Exec { place, command }) => {
            let space = format!("{}-server", place.name);
            let error = Command::new("ip").args(["netns", "exec", &space]).args(command).exec();
            Err(anyhow::Error::new(error).context("ip netns exec"))
        }
    }
}

fn up(spec: &Up) -> anyhow::Result<Exit> {
    let Up { place, nodes, blades, protected, node_link, uplink, server_link, image, heartbeat } =
        spec;
    let folder = place.folder();
    let spec = TestbedSpec {
        name: place.name.clone(),
        nodes: *nodes,
        blades: *blades,
        protected: *protected,
        node_link: *node_link,
        uplink: *uplink,
        server_link: *server_link,
        image: *image,
        heartbeat: *heartbeat,
    };
    if let Some(mistake) = spec.mistake() {
        streams::say(&format!("error: {mistake}"));
        return Ok(Exit::Usage);
    }
    let missing = testbed::missing();
    if !missing.is_empty() {
        streams::say("error: a box cannot be built here; missing:");
        for what in missing {
            streams::say(&format!("  {what}"));
        }
        return Ok(Exit::Failed);
    }
    testbed::up(&spec, &folder, &std::env::current_exe()?)?;
    let mut out = streams::data();
    writeln!(out, "{}", folder.inventory().display())?;
    out.flush()?;
    Ok(Exit::Done)
}
