//! The stage `rack`: the real controller on a real rack, by its inventory.
//!
//! ```text
//!  this process: controller ---- power drivers ----> the rack's switches       on, off, crash, PSU
//!                     | ==== TCP with mutual TLS === agents on the nodes       hang, cut, job
//!                     | <--- heartbeats over UDP -------
//!                     | <=== TCP with mutual TLS === checkpoints of the nodes, to its store
//!                boot log <--- dnsmasq                                         how far boots are
//! ```
//!
//! Node `k` of the plan is node `k` of the inventory. A run begins with all of the plan's nodes
//! off, as in the model, and leaves each as it was found, however it ends: what was found and each
//! harmful act stand in a journal before anything is done, and who opens the rack after a
//! controller was killed puts back what that left. Agents undo their harms by themselves when
//! they have not heard from the controller for the lease of the inventory.
//!
//! Not modelled: heat and power draw; boot stages that dnsmasq does not log; links that are only
//! degraded above the nodes.

mod boot;
mod nodes;
mod play;
mod ports;
mod preflight;
pub mod rehearsal;

use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::backend::Backend;
use crate::drivers::power::held::Held;
use crate::drivers::power::{operate, restore};
use crate::event::{EndReason, Sink, Stop, Target};
use crate::ids::PartKind;
use crate::inventory::Inventory;
use crate::plan::Plan;
use crate::scenario::fault::FaultRule;

/// The name of this stage: it is none of [`super::ALL`], since it needs an inventory.
pub const NAME: &str = "rack";
/// What it is, for the help.
pub const ABOUT: &str = "the real controller and agents on a real rack (--rack), in real time";

/// A rack at hand. Nobody else switches its nodes as long as this value lives.
#[derive(Debug)]
pub struct Rack {
    /// The inventory's file.
    file: PathBuf,
    inventory: Inventory,
    held: Held,
}

/// The time of day (seconds since 1970): a rack's limits are per hour, over all commands.
fn now() -> u64 {
    now_ns() / 1_000_000_000
}

/// The time of day (ns since 1970), against which the clocks of nodes are checked.
fn now_ns() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "hours and clocks of the world, not of a run")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| since.as_nanos() as u64)
}

impl Rack {
    /// Takes a rack, which nobody else then may switch.
    ///
    /// # Errors
    /// When somebody else has it, or its ledger or journal cannot be used.
    pub fn take(file: &Path, inventory: Inventory) -> io::Result<Self> {
        let held = Held::take(file, now())?;
        Ok(Self { file: file.to_owned(), inventory, held })
    }

    /// Puts back what a run or a command left that did not come to its end: each node into the
    /// state in which that found it, or that it wanted. Gives what was done, a sentence each;
    /// nothing if there was nothing.
    ///
    /// # Errors
    /// What could not be put back, all of it.
    pub fn restore(&self) -> io::Result<Vec<String>> {
        restore(&self.file, &self.inventory, &self.held)
    }
}

/// Puts back what the journal says was left.
fn restore(file: &Path, rack: &Inventory, held: &Held) -> io::Result<Vec<String>> {
    if held.lock().journal.left().is_none() {
        return Ok(Vec::new());
    }
    operate::Rack::with(file, rack.clone(), async |rack| {
        restore::put_back(rack.switches(), rack.inventory(), held, &[], now()).await
    })?
}

impl Backend for Rack {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> &'static str {
        ABOUT
    }

    fn is_deterministic(&self) -> bool {
        false
    }

    fn cannot(&self, plan: &Plan) -> Vec<String> {
        let mut reasons: Vec<_> = plan.scenario.faults.iter().filter_map(cannot_do).collect();
        reasons.extend(crate::fleet::limits::cannot(plan));
        reasons.extend(cannot_work(plan));
        reasons
    }

    fn preflight(&self, plan: &Plan) -> Vec<String> {
        preflight::check(&self.file, &self.inventory, &self.held, plan)
    }

    fn play(&self, plan: &Plan, sink: &mut dyn Sink) -> Result<EndReason, Stop> {
        play::play(&self.file, &self.inventory, &self.held, plan, sink)
    }
}

/// Why the boards of a rack cannot play the workloads of a plan that are no jobs, if they cannot.
fn cannot_work(plan: &Plan) -> Option<String> {
    let names = plan.scenario.workloads.names();
    let transfers = (!plan.scenario.transfers.is_empty()).then_some("transfers");
    let name = names.first().copied().or(transfers)?;
    Some(format!(
        "[{name}]: its computing is time that passes, and not yet work for a board; `--on model`, \
         `--on turmoil` and `--on loopback` play it"
    ))
}

/// Why a fault cannot be done to a rack, if it cannot.
fn cannot_do(rule: &FaultRule) -> Option<String> {
    let cut = rule.harm.left_ppm() == 0;
    let why = match rule.kind().target() {
        Target::Controller => "the controller is this program, and nobody would restart it",
        Target::Network => "agents cut themselves off from all others, not from some of them",
        Target::Link if rule.on.kind == PartKind::Uplink && !cut => {
            "no hand reaches the uplink of a switch; a share of 0 is carried out by its nodes"
        }
        Target::Resource if rule.on.kind != PartKind::Node => {
            "no agent runs on it, and only an agent takes a part's resources"
        }
        // Others are for the fleet to refuse.
        Target::Life
        | Target::Feed
        | Target::Switch
        | Target::Link
        | Target::Server
        | Target::Memory
        | Target::Resource => return None,
    };
    Some(format!("[[fault.{}]] `{}`: {why}", rule.kind().word(), rule.name))
}
