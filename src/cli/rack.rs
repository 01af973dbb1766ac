//! `rackstorm rack`: what a real rack needs before anything is played on it, and its power.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::files::{self, Override};
use crate::cli::interrupt::Interrupt;
use crate::cli::{Exit, exit, power, stage, streams};
use crate::drivers::authority::{Authority, Enrolled};
use crate::drivers::power::operate::Verb;
use crate::experiment::Run;
use crate::plan::Plan;
use crate::scenario;

/// What stands under the help of `rack enrol`. Clap would take `{n}` for a new line, so an end of
/// colours stands in it: nobody sees that, and where there are no colours it is left out.
const EXAMPLES: &str = "\
Examples:
  rackstorm rack enrol --folder rack-ca --controller-address 10.0.0.1 \\
      --address '10.0.1.{\x1b[0mn}' 'pi[1-24]'
  rackstorm rack enrol --folder rack-ca --address pi25.lab 'pi25'       one more, later

The first call makes the rack's own authority and the certificate of the controller. Give each node
authority.pem and its own two files, such as pi17.pem and pi17.key; the key of the authority stays
where it is. Keys are readable by their owner only, and none is ever written over.";

/// The help of `rack enrol --address`.
const ADDRESS: &str = "Name or IP address at which a node is reached, {\x1b[0mn} for its number; \
                       may be given repeatedly";

/// Prepare a real rack, and switch its nodes by hand
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Enrol(Enrol),
    Check(Check),
    Restore(Restore),
    /// Report which nodes have power
    Status(power::Status),
    /// Switch nodes on
    On(power::Arguments),
    /// Switch nodes off, at once and hard
    Off(power::Arguments),
    /// Switch nodes off and on again
    Cycle(power::Arguments),
    /// Open the serial console of a node
    Console(power::Arguments),
    /// Write a draft of an inventory: blades on a bus, enrolled agents
    Discover(power::Discover),
}

/// Make the certificates with which controller and agents know each other
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
struct Enrol {
    /// Nodes, as in scenarios: pi[1-24], pi[1-150]!pi7
    #[arg(value_name = "NODES", required = true, num_args = 1..)]
    nodes: Vec<String>,
    /// The authority's folder
    #[arg(long, value_name = "FOLDER")]
    folder: PathBuf,
    /// Name or IP address at which a node is reached
    #[arg(long, value_name = "ADDRESS", help = ADDRESS)]
    address: Vec<String>,
    /// Name or IP address at which the controller is reached; may be given repeatedly
    #[arg(long, value_name = "ADDRESS")]
    controller_address: Vec<String>,
    /// How long the certificates are valid
    #[arg(long, value_name = "DAYS", default_value_t = 365)]
    days: u32,
}

/// Say whether scenarios could be played on a rack now; nothing is switched
#[derive(Debug, Args)]
struct Check {
    /// Scenario files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    overrides: Override,
    #[command(flatten)]
    rack: power::File,
}

/// Put back what a run or a power cycle left that was killed
#[derive(Debug, Args)]
struct Restore {
    #[command(flatten)]
    rack: power::File,
}

/// Does what is wanted.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    match &arguments.what {
        What::Enrol(arguments) => enrol(arguments),
        What::Check(arguments) => check(arguments),
        What::Restore(arguments) => restore(arguments),
        What::Status(arguments) => power::status(arguments),
        What::On(arguments) => power::switch(arguments, Verb::On),
        What::Off(arguments) => power::switch(arguments, Verb::Off),
        What::Cycle(arguments) => power::switch(arguments, Verb::Cycle),
        What::Console(arguments) => power::console(arguments),
        What::Discover(arguments) => power::discover(arguments),
    }
}

/// Asks all that a run asks before it begins.
fn check(arguments: &Check) -> anyhow::Result<Exit> {
    let Some(runs) = files::load_all(&arguments.files, &arguments.overrides.with([])) else {
        return Ok(Exit::Usage);
    };
    let Some(rack) = stage::take_rack(arguments.rack.path())? else { return Ok(Exit::Usage) };
    let mut worst = Exit::Done;
    for loaded in runs {
        match Run::new(&Plan::make(&loaded.scenario), &rack).check() {
            Ok(()) => streams::print(&format!("{}: ready\n", loaded.scenario.name)),
            Err(error) => {
                let error = error.into();
                streams::say(&exit::message(&error));
                worst = worst.max(exit::of_error(&error));
            }
        }
    }
    Ok(worst)
}

/// Puts back what was left.
fn restore(arguments: &Restore) -> anyhow::Result<Exit> {
    // Ctrl-C does not break it off half-way; a second one does.
    let _interrupt = Interrupt::catch()?;
    let Some(rack) = stage::take_rack(arguments.rack.path())? else { return Ok(Exit::Usage) };
    if !stage::put_back(&rack)? {
        streams::say("no run left anything to put back");
    }
    Ok(Exit::Done)
}

/// Enrols and says what was made.
fn enrol(arguments: &Enrol) -> anyhow::Result<Exit> {
    let nodes = match scenario::nodes(&arguments.nodes.join(",")) {
        Ok(nodes) => nodes,
        Err(mistake) => {
            streams::say(&format!("error: {mistake}"));
            return Ok(Exit::Usage);
        }
    };
    let (authority, made) = Authority::open(&arguments.folder)?;
    let controller = authority.enrol_controller(&arguments.controller_address, arguments.days)?;
    let enrolled = authority.enrol_nodes(&nodes, &arguments.address, arguments.days)?;
    let mut out = streams::data();
    for Enrolled { name, valid } in made.iter().chain(&controller).chain(&enrolled) {
        writeln!(out, "{name}  valid {} to {}", valid.0, valid.1)?;
    }
    out.flush()?;
    Ok(Exit::Done)
}
