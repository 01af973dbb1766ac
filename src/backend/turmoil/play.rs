//! The loop that lets a run happen: packets, then hardware, then the programs, tick after tick.
//!
//! One paused tokio runtime holds all tasks of all hosts. Its clock jumps to the next timer as
//! soon as no task can go on, so that time in which nothing happens costs nothing.

use std::rc::Rc;

use tokio::sync::Notify;
use tokio::task::LocalSet;
use tokio::time::{sleep, sleep_until};
use turmoil_net::EnterGuard;

use super::hosts::Hosts;
use super::paths::Paths;
use super::stage::{CONTROLLER, Stage, host_of};
use super::wire::{TICK, Wire};
use crate::event::{EndReason, Sink, Stop};
use crate::fleet::doors::Notice;
use crate::ids::{Life, NodeId};
use crate::plan::Plan;
use crate::units::Time;

/// The programs that a run starts on its hosts.
pub(super) trait Programs {
    /// Starts the controller.
    fn start_controller(&self, stage: &Rc<Stage>);
    /// Starts the agent of a node that has just booted.
    fn start_agent(&self, stage: &Rc<Stage>, node: NodeId, life: Life);
}

/// The name of the controller on the network.
pub(super) const CONTROLLER_NAME: &str = "controller";

/// The name of a node on the network.
pub(super) fn name_of(node: u32) -> String {
    format!("node-{node}")
}

/// Plays a plan with these programs, and hands over what the control plane came to know.
pub(super) fn play(
    plan: &Plan,
    programs: &dyn Programs,
    sink: &mut dyn Sink,
    notices: &mut Vec<(Time, Notice)>,
) -> Result<EndReason, Stop> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| Stop::Failed(format!("no runtime for the simulation: {error}")))?;
    let bell = Rc::new(Notify::new());
    let (wire, guard) = network(plan, &bell);
    let hosts = Rc::new(Hosts::new(plan.machine.nodes.len() + 1, Rc::clone(&bell)));
    let plan = Rc::new(plan.clone());
    let tasks = LocalSet::new();
    let run = async {
        // From here on all timers fire at whole milliseconds after the start.
        sleep(std::time::Duration::from_nanos(TICK.0)).await;
        let stage = Rc::new(Stage::new(plan, wire, hosts, bell));
        let ended = drive(&stage, &guard, programs, sink).await;
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

/// The hosts of a plan: the controller at the top of the rack, and each node behind its switch.
fn network(plan: &Plan, bell: &Rc<Notify>) -> (Rc<Wire>, EnterGuard) {
    let (machine, scenario) = (&plan.machine, &plan.scenario);
    let mut paths = Paths::default();
    for _ in &machine.switches {
        paths.add_switch(scenario.module.uplink);
    }
    paths.add_host(scenario.server.link, None);
    for node in &machine.nodes {
        paths.add_host(scenario.hardware.link, Some(node.switch));
    }
    let mut names = vec![CONTROLLER_NAME.to_owned()];
    names.extend((0..machine.nodes.len() as u32).map(name_of));
    Wire::new(&names, paths, Rc::clone(bell))
}

async fn drive(
    stage: &Rc<Stage>,
    guard: &EnterGuard,
    programs: &dyn Programs,
    sink: &mut dyn Sink,
) -> Result<EndReason, Stop> {
    stage.begin_life(CONTROLLER);
    programs.start_controller(stage);
    loop {
        stage.wire.pump(guard, stage.now());
        stage.advance();
        for (node, life) in stage.take_starting() {
            stage.begin_life(host_of(node));
            programs.start_agent(stage, node, life);
        }
        if stage.controller_returns() {
            stage.begin_life(CONTROLLER);
            programs.start_controller(stage);
        }
        stage.hosts.resume_panic();
        if let Some(why) = stage.failure() {
            return Err(Stop::Failed(why));
        }
        for event in stage.take_told() {
            sink.event(&event)?;
        }
        if let Some(reason) = stage.ended() {
            for event in stage.finish(reason) {
                sink.event(&event)?;
            }
            return Ok(reason);
        }
        tokio::select! {
            biased;
            () = stage.bell.notified() => {}
            () = sleep_until(stage.instant(stage.next())) => {}
        }
    }
}
