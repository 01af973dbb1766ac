//! The stage `turmoil`: the real controller and agents on a simulated rack and network.
//!
//! The programs are those of [`crate::fleet`]; the ports they are given are simulated. Power,
//! boot, parts and declared transfers are [`crate::hardware::rack`], the same models as in the
//! stage `model`; packets go through turmoil-net, one kernel for each host. Time is tokio's paused
//! clock, so a run takes as long as its computing and gives the same events each time.
//! `docs/models/turmoil.md` says what is simulated and what is not.
//!
//! Not modelled: clocks that drift, TLS (the simulated network
//! carries plain text). Faults are the controller's to inject: those that are due while it is down
//! strike when it is back.

mod hosts;
pub mod nemesis;
mod paths;
mod play;
mod ports;
mod programs;
mod reference;
mod socket;
mod stage;
#[cfg(test)]
mod tests;
mod wire;

use std::rc::Rc;

use crate::backend::{Backend, needs_real_nodes};
use crate::event::{EndReason, Sink, Stop};
use crate::fleet::job::{Jobs, Sabotage};
use crate::fleet::ports::Notice;
use crate::plan::Plan;
use crate::units::Time;
use nemesis::{Disturbance, Nemesis};

/// Hosts for which turmoil-net has addresses (192.168.0.0/16), the controller among them.
const HOSTS_MAX: usize = 65_000;

/// The stage `turmoil`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Turmoil;

#[doc(hidden)]
impl Turmoil {
    /// Plays a plan as [`Backend::play`] does, and notes what the control plane came to know.
    ///
    /// # Errors
    /// What the sink asked for, or why a program could not go on.
    pub fn play_noting(
        &self,
        plan: &Plan,
        sink: &mut dyn Sink,
        notices: &mut Vec<(Time, Notice)>,
    ) -> Result<EndReason, Stop> {
        self.play_disturbed(plan, &[], None, sink, notices)
    }

    /// Plays a plan with what the harness does besides its faults, and a mistake that is built into
    /// the programs.
    ///
    /// # Errors
    /// As [`Self::play_noting`].
    pub fn play_disturbed(
        &self,
        plan: &Plan,
        disturbances: &[Disturbance],
        sabotage: Option<Sabotage>,
        sink: &mut dyn Sink,
        notices: &mut Vec<(Time, Notice)>,
    ) -> Result<EndReason, Stop> {
        let nemesis = Nemesis::new(plan.scenario.seed, plan.machine.nodes.len(), disturbances);
        let nemesis = Rc::new(nemesis);
        let fleet = |kernels| programs::Fleet::new(kernels, Rc::clone(&nemesis), sabotage);
        play::play(plan, &nemesis, fleet, sink, notices)
    }

    /// The result that the plan's jobs must have, whatever strikes them; `None` without jobs.
    #[must_use]
    pub fn expected(&self, plan: &Plan) -> Option<u64> {
        Jobs::expected(plan, programs::WORDS)
    }
}

/// The stage `turmoil-reference`: the same on the package turmoil, for small plans.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reference;

#[doc(hidden)]
impl Reference {
    /// Plays a plan as [`Backend::play`] does, and notes what the control plane came to know.
    ///
    /// # Errors
    /// What the sink asked for, or why a program could not go on.
    pub fn play_noting(
        &self,
        plan: &Plan,
        sink: &mut dyn Sink,
        notices: &mut Vec<(Time, Notice)>,
    ) -> Result<EndReason, Stop> {
        reference::play(plan, sink, notices)
    }
}

impl Backend for Reference {
    fn name(&self) -> &'static str {
        "turmoil-reference"
    }

    fn about(&self) -> &'static str {
        "the same on the package turmoil, up to 64 nodes: a check on the stage turmoil"
    }

    fn cannot(&self, plan: &Plan) -> Vec<String> {
        let (nodes, most) = (plan.machine.nodes.len(), reference::NODES_MAX);
        let reason = format!(
            "[cluster] has {nodes} nodes; turmoil's cost grows with their cube, and {most} are \
             allowed (`--on turmoil` plays any number)"
        );
        let lossy = plan.scenario.faults.iter().filter(|rule| rule.harm.link().loss_ppm > 0);
        let lossy = lossy.map(|rule| {
            format!("fault `{}` loses packets, which turmoil never sends again", rule.name)
        });
        let reasons = (nodes > most).then_some(reason).into_iter().chain(lossy);
        let reasons = reasons.chain(needs_real_nodes(plan));
        reasons.chain(crate::fleet::limits::cannot(plan)).collect()
    }

    fn play(&self, plan: &Plan, sink: &mut dyn Sink) -> Result<EndReason, Stop> {
        self.play_noting(plan, sink, &mut Vec::new())
    }
}

impl Backend for Turmoil {
    fn name(&self) -> &'static str {
        "turmoil"
    }

    fn about(&self) -> &'static str {
        "the real controller and agents on a simulated rack and network"
    }

    fn cannot(&self, plan: &Plan) -> Vec<String> {
        let mut reasons: Vec<_> = needs_real_nodes(plan).collect();
        reasons.extend(crate::fleet::limits::cannot(plan));
        let nodes = plan.machine.nodes.len();
        if nodes >= HOSTS_MAX {
            reasons.push(format!(
                "[cluster] has {nodes} nodes, the simulated network has addresses for {HOSTS_MAX}"
            ));
        }
        reasons
    }

    fn play(&self, plan: &Plan, sink: &mut dyn Sink) -> Result<EndReason, Stop> {
        self.play_noting(plan, sink, &mut Vec::new())
    }
}
