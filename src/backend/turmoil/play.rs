//! The loop that lets a run happen: packets, then hardware, then the programs, tick after tick.
//!
//! One paused tokio runtime holds all tasks of all hosts. Its clock jumps to the next timer as
//! soon as no task can go on, so that time in which nothing happens costs nothing.

use std::rc::Rc;

use tokio::sync::Notify;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep, sleep_until};
use turmoil_net::EnterGuard;

use super::hosts::Hosts;
use super::nemesis::Nemesis;
use super::paths::Paths;
use super::stage::{CONTROLLER, Ground, Programs, Simulation};
use super::wire::{TICK, Wire};
use crate::event::{EndReason, Sink, Stop};
use crate::fleet::ports::Notice;
use crate::ids::{FaultId, NodeId, Part, PartKind};
use crate::plan::Plan;
use crate::scenario::partition::Cuts;
use crate::units::{Span, Time};

/// The name of the controller on the network.
pub(super) const CONTROLLER_NAME: &str = "controller";

/// The name of a node on the network.
pub(super) fn name_of(node: u32) -> String {
    format!("node-{node}")
}

/// Plays a plan with programs that are given the hosts, and passes on what the control plane came
/// to know.
pub(super) fn play<P: Programs>(
    plan: &Plan,
    nemesis: &Rc<Nemesis>,
    with: impl FnOnce(Rc<Kernels>) -> P,
    sink: &mut dyn Sink,
    notices: &mut Vec<(Time, Notice)>,
) -> Result<EndReason, Stop> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| Stop::Failed(format!("no runtime for the simulation: {error}")))?;
    let bell = Rc::new(Notify::new());
    let (wire, guard) = network(plan, nemesis, &bell);
    let hosts = Rc::new(Hosts::new(plan.machine.nodes.len() + 2, Rc::clone(&bell)));
    let plan = Rc::new(plan.clone());
    let tasks = LocalSet::new();
    let run = async {
        // From here on all timers fire at whole milliseconds after the start.
        sleep(std::time::Duration::from_nanos(TICK.0)).await;
        let kernels = Rc::new(Kernels { wire, hosts, bell, start: Instant::now() });
        let stage = Rc::new(Simulation::new(plan, Rc::clone(&kernels) as Rc<dyn Ground>));
        let programs = with(Rc::clone(&kernels));
        programs.begin(&stage);
        let ended = drive(&stage, &kernels, &guard, &programs, sink).await;
        notices.append(&mut stage.notices.borrow_mut());
        ended
    };
    let ended = runtime.block_on(tasks.run_until(run));
    // Sockets close as they are dropped, and need the network for it.
    drop(tasks);
    drop(runtime);
    drop(guard);
    ended
}

/// The hosts of a plan: the controller at the top of the rack, each node behind its switch, and
/// whoever takes over from the controller.
fn network(plan: &Plan, nemesis: &Rc<Nemesis>, bell: &Rc<Notify>) -> (Rc<Wire>, EnterGuard) {
    let (machine, scenario) = (&plan.machine, &plan.scenario);
    let mut paths = Paths::new(scenario.seed, Cuts::of(scenario));
    for (index, switch) in (0..).zip(&machine.switches) {
        paths.add_switch(switch.uplink, machine.switch_above(index));
    }
    let (at_server, link) = (machine.wiring.server.switch, scenario.server_link());
    let controller = Part { kind: PartKind::Controller, index: 0 };
    paths.add_host(controller, link, at_server);
    for (id, node) in (0..).map(NodeId).zip(&machine.nodes) {
        let part = Part { kind: PartKind::Node, index: id.0 };
        paths.add_host(part, plan.hardware_of(id).link, Some(node.switch));
    }
    let mut names = vec![CONTROLLER_NAME.to_owned()];
    names.extend((0..machine.nodes.len() as u32).map(name_of));
    if nemesis.standby().is_some() {
        names.push("standby".to_owned());
        paths.add_host(controller, link, at_server);
    }
    Wire::new(&names, paths, Rc::clone(nemesis), Rc::clone(bell))
}

/// One kernel for each host, and tokio's paused clock.
pub(super) struct Kernels {
    pub wire: Rc<Wire>,
    pub hosts: Rc<Hosts>,
    bell: Rc<Notify>,
    start: Instant,
}

impl Kernels {
    /// The instant of tokio's clock that is not before a simulated time.
    pub(super) fn instant(&self, at: Time) -> Instant {
        let millis = at.0.div_ceil(TICK.0);
        self.start + std::time::Duration::from_millis(millis)
    }

    /// A host by its number: the controller is wherever one is in charge.
    fn host(&self, host: usize) -> usize {
        if host == CONTROLLER { self.wire.controller() } else { host }
    }
}

impl Ground for Kernels {
    fn now(&self) -> Time {
        // tokio's timers fire at whole milliseconds after the start.
        let millis = (self.start.elapsed().as_nanos() + 500_000) / 1_000_000;
        Time::ZERO + Span::from_millis(millis as u64)
    }

    fn wake(&self) {
        self.bell.notify_one();
    }

    fn next(&self) -> Option<Time> {
        self.wire.next()
    }

    fn stop(&self, host: usize) {
        let host = self.host(host);
        self.wire.silence(host);
        self.hosts.kill(host);
    }

    fn begin_life(&self, host: usize) {
        let host = self.host(host);
        self.hosts.begin_life(host);
        self.wire.revive(host);
    }

    fn set_link(&self, host: usize, share_ppm: u32) {
        self.wire.change_paths(|paths| paths.set_link(host, share_ppm));
    }

    fn set_switch(&self, switch: u32, forwards: bool, uplink_ppm: u32) {
        self.wire.change_paths(|paths| paths.set_switch(switch, forwards, uplink_ppm));
    }

    fn set_partition(&self, rule: FaultId, lasts: bool) {
        self.wire.change_paths(|paths| paths.set_partition(rule, lasts));
    }

    fn set_loss(&self, number: u64, loss: Option<(Part, u32)>) {
        self.wire.change_paths(|paths| paths.set_loss(number, loss));
    }
}

async fn drive(
    stage: &Rc<Simulation>,
    kernels: &Kernels,
    guard: &EnterGuard,
    programs: &dyn Programs,
    sink: &mut dyn Sink,
) -> Result<EndReason, Stop> {
    stage.start_controller(programs);
    loop {
        kernels.wire.pump(guard, kernels.now());
        let ended = stage.settle(programs, sink);
        kernels.hosts.resume_panic();
        if let Some(reason) = ended? {
            return Ok(reason);
        }
        tokio::select! {
            biased;
            () = kernels.bell.notified() => {}
            () = sleep_until(kernels.instant(stage.next())) => {}
        }
    }
}
