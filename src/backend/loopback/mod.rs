//! The stage `loopback`: the real controller and agents as processes of this machine.
//!
//! ```text
//!  this process: controller, power port, harm port     one process per node: rackstorm agent
//!       on, off ---- start, kill -9 ------------------------>
//!       crash, hang, PSU ---- kill -9, SIGSTOP, kill -9 ---->
//!       orders, sums ====== TCP with mutual TLS ============ heartbeats over UDP
//! ```
//!
//! Time is real: a run lasts as long as its scenario says, and no two runs are the same. Booting
//! is the start of a process, emitted as [`NodeState::Init`](crate::event::NodeState::Init). Each
//! run has certificates and a store of its own in a temporary folder; checkpoints are really
//! written and read. Agents end with this process, however it ends.
//!
//! Not modelled: boot method and stages; the time that a checkpoint's declared size takes on the
//! wire (it is emitted as moved, and what is carried is small); power and heat; switches, servers
//! and links, whose faults the stage refuses. A PSU takes its nodes with it, but not the switches
//! that it feeds.

mod nodes;
mod play;
mod ports;

use std::path::Path;

use crate::backend::{Backend, needs_real_nodes};
use crate::event::{EndReason, Fault, Sink, Stop, Target};
use crate::fleet::ports::Notice;
use crate::ids::PartKind;
use crate::plan::Plan;
use crate::scenario::fault::FaultRule;
use crate::units::Time;

/// Agents of one machine: a thousand processes of some 5 MB (assumption: a large workstation).
const AGENTS_MAX: usize = 1_000;

/// The stage `loopback`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Loopback;

impl Loopback {
    /// Plays a plan as [`Backend::play`] does, with the agents of this program, and notes what the
    /// control plane came to know.
    ///
    /// # Errors
    /// What the sink asked for, or why the run could not go on: also when a harm could not be done
    /// or the job's result is wrong.
    pub fn play_noting(
        &self,
        plan: &Plan,
        program: &Path,
        sink: &mut dyn Sink,
        notices: &mut Vec<(Time, Notice)>,
    ) -> Result<EndReason, Stop> {
        play::play(plan, program, sink, notices)
    }
}

impl Backend for Loopback {
    fn name(&self) -> &'static str {
        "loopback"
    }

    fn about(&self) -> &'static str {
        "the real controller and agents as processes of this machine, in real time"
    }

    fn is_deterministic(&self) -> bool {
        false
    }

    fn cannot(&self, plan: &Plan) -> Vec<String> {
        let mut reasons: Vec<_> = plan.scenario.faults.iter().filter_map(cannot_do).collect();
        reasons.extend(needs_real_nodes(plan));
        reasons.extend(crate::fleet::limits::cannot(plan));
        let nodes = plan.machine.nodes.len();
        if nodes > AGENTS_MAX {
            reasons.push(format!(
                "[cluster] has {nodes} nodes, this stage starts {AGENTS_MAX} agents at most"
            ));
        }
        reasons
    }

    fn play(&self, plan: &Plan, sink: &mut dyn Sink) -> Result<EndReason, Stop> {
        let program = std::env::current_exe()
            .map_err(|error| Stop::Failed(format!("this program does not find itself: {error}")))?;
        self.play_noting(plan, &program, sink, &mut Vec::new())
    }
}

/// Why a fault cannot be done to processes, if it cannot.
fn cannot_do(rule: &FaultRule) -> Option<String> {
    match rule.kind().target() {
        Target::Life | Target::Feed => None,
        Target::Resource if rule.kind() == Fault::SlowDown && rule.on.kind == PartKind::Node => {
            None
        }
        // What real nodes alone have is refused as such.
        Target::Resource if rule.harm.needs_real_nodes().is_some() => None,
        Target::Resource
        | Target::Switch
        | Target::Link
        | Target::Server
        | Target::Controller
        | Target::Network
        | Target::Memory => {
            let (word, name) = (rule.kind().word(), &rule.name);
            Some(format!("[[fault.{word}]] `{name}`: processes of one machine have no such part"))
        }
    }
}
