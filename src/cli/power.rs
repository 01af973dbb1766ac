//! `rackstorm rack status`, `on`, `off`, `cycle`, `console`, `discover`: a real rack's power.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use clap::Args;

use crate::cli::interrupt::Interrupt;
use crate::cli::{Exit, streams};
use crate::drivers::authority;
use crate::drivers::power::bitscope;
use crate::drivers::power::held::left_behind;
use crate::drivers::power::operate::{Ended, Rack, Verb};
use crate::drivers::power::terminal::{HELP, Keyboard, converse};
use crate::fleet::ports::PowerState;
use crate::ids::NodeId;
use crate::inventory::power::Controller;
use crate::inventory::{self, Inventory};

/// What stands under the help of these commands.
const EXAMPLES: &str = "\
Examples:
  rackstorm rack status --rack rack.toml
  rackstorm rack on 'all!c0n[0,12]' --rack rack.toml
  rackstorm rack cycle c0n[4-7] --rack rack.toml
  rackstorm rack console c0n9 --rack rack.toml
  rackstorm rack cycle all --rack rack.toml --rehearse

NODES are names of the inventory: c0n[0-3], c0n1,c0n5, all!c0n7. What is protected is refused, and
so is what would exceed `down_at_once` or `cycles_per_hour`. How often a node was switched off in
the last hour stands in a file next to the inventory, rack.cycles.

Exit codes: 0 done, 2 refused or a mistake, and nothing was done, 3 a node could not be switched or
read, 130 interrupted.";

/// A rack and some of its nodes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Nodes, by their names in the inventory
    #[arg(value_name = "NODES", required = true)]
    nodes: String,
    #[command(flatten)]
    rack: File,
}

/// A rack, and all of its nodes or some.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Status {
    /// Nodes, by their names in the inventory
    #[arg(value_name = "NODES", default_value = "all")]
    nodes: String,
    #[command(flatten)]
    rack: File,
}

/// Where to look.
#[derive(Debug, Args)]
#[command(after_help = DISCOVER)]
pub(super) struct Discover {
    /// The serial line of a BitScope bus, such as /dev/serial0
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    /// The folder of `rackstorm rack enrol`
    #[arg(long, value_name = "FOLDER")]
    certificates: Option<PathBuf>,
}

/// What stands under the help of `rack discover`.
const DISCOVER: &str = "\
Examples:
  rackstorm rack discover --device /dev/serial0 > rack.toml
  rackstorm rack discover --device /dev/serial0 --certificates rack-ca > rack.toml

All 128 addresses of the bus are asked for their status, which takes half a minute; nothing is
switched. The draft goes to stdout. It needs a person: addresses, positions, what is protected.";

#[derive(Debug, Args)]
pub(super) struct File {
    /// The inventory of the rack
    #[arg(long, value_name = "FILE", env = "RACKSTORM_RACK", default_value = "rack.toml")]
    rack: PathBuf,
    /// Do it with fakes in the places of the power controllers, all nodes on; no node is touched
    #[arg(long)]
    rehearse: bool,
}

impl File {
    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.rack
    }

    /// The inventory and the chosen nodes, or `None` after reporting what is wrong with them.
    fn read(&self, nodes: &str) -> Option<(Inventory, Vec<NodeId>)> {
        let inventory = inventory::load(&self.rack).inspect_err(streams::report).ok()?;
        let reported = |error: &inventory::names::NameError| {
            streams::say(&format!("error: `{nodes}`: {}", error.title));
            streams::say("  = help: names are as in the inventory: c0n[0-3], c0n1,c0n5, all!c0n7");
        };
        let chosen = inventory.choose(nodes).inspect_err(reported).ok()?;
        if chosen.is_empty() {
            streams::say(&format!("error: `{nodes}`: no node is left"));
            return None;
        }
        Some((inventory, chosen))
    }

    /// Does some work with the rack, or rehearses it.
    fn with<T>(
        &self,
        inventory: Inventory,
        work: impl AsyncFnOnce(&Rack) -> T,
    ) -> anyhow::Result<T> {
        if !self.rehearse {
            return with_rack(&self.rack, inventory, work);
        }
        let program = std::env::current_exe()?;
        Rack::rehearse(&inventory, &program, work).context("it cannot be rehearsed here")
    }
}

/// The time of day: a rack's limits are per hour, over all commands.
fn now() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "an hour of the world, not of a run")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| since.as_secs())
}

fn with_rack<T>(
    file: &Path,
    inventory: Inventory,
    work: impl AsyncFnOnce(&Rack) -> T,
) -> anyhow::Result<T> {
    Rack::with(file, inventory, work).context("no runtime for the work")
}

/// Reports the state of each node: a line each on stdout, what is wrong on stderr.
pub(super) fn status(arguments: &Status) -> anyhow::Result<Exit> {
    let Some((inventory, nodes)) = arguments.rack.read(&arguments.nodes) else {
        return Ok(Exit::Usage);
    };
    // Ctrl-C does not break the work off in the middle of a word to a controller.
    let interrupt = Interrupt::catch()?;
    let (mut states, entries) = (Vec::new(), inventory.nodes.clone());
    let controllers = inventory.controllers.clone();
    let mut reported = |node, state: &io::Result<PowerState>| {
        states.push((node, state.as_ref().map(|state| *state).map_err(ToString::to_string)));
    };
    let failed = arguments.rack.with(inventory, async |rack| {
        rack.states(&nodes, || interrupt.is_wanted(), &mut reported).await
    })?;
    states.sort_by_key(|(node, _)| *node);
    let mut out = streams::data();
    let width = entries.iter().map(|node| node.name.len()).max().unwrap_or(0);
    for (node, state) in states {
        let entry = &entries[node.0 as usize];
        let feed = entry.feed.as_ref().map_or_else(String::new, |feed| {
            format!("{} {}", controllers[feed.controller].name(), feed.channel)
        });
        let word = match &state {
            Ok(PowerState::On) => "on",
            Ok(PowerState::Off) => "off",
            Ok(PowerState::Dead) => "dead",
            Err(_) => "unknown",
        };
        let protected = if entry.protected { "  protected" } else { "" };
        writeln!(out, "{:width$}  {word:7}  {feed}{protected}", entry.name)?;
        if let Err(error) = state {
            streams::say(&format!("error: {error}"));
        }
    }
    out.flush()?;
    if !arguments.rack.rehearse {
        match left_behind(arguments.rack.path(), now()) {
            Ok(left) => left.iter().for_each(|left| streams::say(&format!("warning: {left}"))),
            Err(error) => streams::say(&format!("warning: {error}")),
        }
    }
    Ok(match failed {
        Some(0) => Exit::Done,
        Some(_) => Exit::Failed,
        None => Exit::Interrupted,
    })
}

/// Switches nodes: a line on stdout for each that is done, what is wrong on stderr.
pub(super) fn switch(arguments: &Arguments, verb: Verb) -> anyhow::Result<Exit> {
    let Some((inventory, nodes)) = arguments.rack.read(&arguments.nodes) else {
        return Ok(Exit::Usage);
    };
    let names: Vec<String> = inventory.nodes.iter().map(|node| node.name.clone()).collect();
    let interrupt = Interrupt::catch()?;
    let mut reported = |node: NodeId, done: &io::Result<PowerState>| match done {
        Ok(PowerState::On) => streams::print(&format!("{} on\n", names[node.0 as usize])),
        Ok(_) => streams::print(&format!("{} off\n", names[node.0 as usize])),
        Err(error) => streams::say(&format!("error: {error}")),
    };
    let warn = |line: &str| streams::say(&format!("left by an earlier command: {line}"));
    let ended = arguments.rack.with(inventory, async |rack| {
        rack.switch(&nodes, verb, now, || interrupt.is_wanted(), warn, &mut reported).await
    })?;
    Ok(match ended? {
        Ended::Refused(reasons) => {
            for reason in reasons {
                streams::say(&format!("refused: {reason}"));
            }
            Exit::Usage
        }
        Ended::Done { failed: 0 } => Exit::Done,
        Ended::Done { .. } => Exit::Failed,
        Ended::Interrupted => Exit::Interrupted,
    })
}

/// Leads the person to the console of a node.
pub(super) fn console(arguments: &Arguments) -> anyhow::Result<Exit> {
    let Some((inventory, nodes)) = arguments.rack.read(&arguments.nodes) else {
        return Ok(Exit::Usage);
    };
    let [node] = nodes.as_slice() else {
        streams::say(&format!("error: `{}`: a console is that of one node", arguments.nodes));
        return Ok(Exit::Usage);
    };
    let interrupt = Interrupt::catch()?;
    let name = inventory.node(*node).name.clone();
    streams::say(&format!("console of {name}: {HELP}"));
    let (keyboard, typed) = Keyboard::open().context("the terminal cannot be set")?;
    let shown = arguments.rack.with(inventory, async |rack| {
        let mut out = io::stdout();
        let show = |said: &[u8]| {
            // When nobody sees it, the person leaves by closing the terminal.
            let _ = out.write_all(said).and_then(|()| out.flush());
        };
        converse(rack, *node, typed, now, || interrupt.is_wanted(), show).await
    })?;
    drop(keyboard);
    streams::say("");
    shown?;
    Ok(Exit::Done)
}

/// Writes a draft of an inventory from what answers on a bus and who is enrolled.
pub(super) fn discover(arguments: &Discover) -> anyhow::Result<Exit> {
    if arguments.device.is_none() && arguments.certificates.is_none() {
        streams::say("error: nowhere to look; give --device, --certificates or both");
        return Ok(Exit::Usage);
    }
    let agents = match &arguments.certificates {
        Some(folder) => authority::enrolled(folder)?,
        None => Vec::new(),
    };
    let mut blades = Vec::new();
    if let Some(device) = &arguments.device {
        // A draft of one blade has all defaults of a bus.
        let text = inventory::draft(Some(device), &[0], &[]);
        let Ok(rack) = inventory::read("draft", &text, Path::new("")) else {
            streams::say(&format!("error: `{device}` is no device"));
            return Ok(Exit::Usage);
        };
        let Some(Controller::BitScope(settings)) = rack.controllers.first().cloned() else {
            unreachable!("it is a bus of blades")
        };
        let looked = with_rack(Path::new("draft"), rack, async |_| {
            bitscope::discover(&settings, |address| {
                streams::say(&format!("address {address:02x} answers"));
                blades.push(address);
            })
            .await
        })?;
        looked?;
    }
    streams::print(&inventory::draft(arguments.device.as_deref(), &blades, &agents));
    if blades.is_empty() && agents.is_empty() {
        streams::say("nothing was found");
        return Ok(Exit::Failed);
    }
    Ok(Exit::Done)
}
