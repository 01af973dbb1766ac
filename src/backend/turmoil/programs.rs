//! The programs of the fleet, with the doors of the stage.

use std::future::Future;
use std::rc::Rc;

use tokio::sync::{mpsc, watch};

use super::doors::{Clock, Harm, Power, Store, Told};
use super::play::{CONTROLLER_NAME, Kernels, name_of};
use super::socket;
use super::stage::{CONTROLLER, Programs, Stage, host_of};
use crate::fleet::agent::{self, Note, Pace};
use crate::fleet::controller;
use crate::fleet::doors::{Address, Net};
use crate::fleet::job::Sabotage;
use crate::ids::{Life, NodeId};
use crate::units::Span;

/// Where the controller listens for agents, and for their beats.
const PORT: u16 = 7_000;
const BEATS: u16 = 7_001;
/// Real memory of each rank (64-bit words): enough for a checksum to mean something. The size of
/// a checkpoint is declared and shapes the time whatever is carried.
pub(super) const WORDS: u32 = 64;
/// Agents do no harm on this stage, so the lease is never needed.
const LEASE: Span = Span::from_secs(60);

/// The fleet on simulated kernels, with a mistake built in if somebody wants to see it found.
pub(super) struct Fleet {
    pub kernels: Rc<Kernels>,
    pub sabotage: Option<Sabotage>,
}

impl Programs for Fleet {
    fn start_controller(&self, stage: &Rc<Stage>) {
        let net = socket::Net::new(&self.kernels, CONTROLLER);
        net.spawn(controller(Rc::clone(stage), net.clone(), self.sabotage));
    }

    fn start_agent(&self, stage: &Rc<Stage>, node: NodeId, life: Life) {
        let net = socket::Net::new(&self.kernels, host_of(node));
        net.spawn(agent(Rc::clone(stage), net.clone(), node, life, self.sabotage));
    }
}

fn pace(stage: &Stage) -> Pace {
    Pace::for_beat(stage.plan.scenario.controller.beat())
}

/// The controller, until the run has ended.
pub(super) fn controller<N: Net>(
    stage: Rc<Stage>,
    net: N,
    sabotage: Option<Sabotage>,
) -> impl Future<Output = ()> {
    let doors = controller::Doors {
        net,
        power: Power(Rc::clone(&stage)),
        harm: Harm(Rc::clone(&stage)),
        store: Store { stage: Rc::clone(&stage), node: None },
        clock: Clock(Rc::clone(&stage)),
        told: Told(Rc::clone(&stage)),
        admission: stage.admission.clone(),
    };
    let pace = pace(&stage);
    let setup = controller::Setup {
        port: PORT,
        beats: BEATS,
        words: WORDS,
        pace,
        lease: LEASE,
        chance: stage.plan.scenario.seed,
        sabotage,
    };
    async move {
        match controller::run(doors, setup, Rc::clone(&stage.plan)).await {
            Ok(end) => stage.end(end.reason),
            Err(error) => stage.fail(format!("the controller: {error}")),
        }
    }
}

/// The agent of a node, until the node stops.
pub(super) fn agent<N: Net>(
    stage: Rc<Stage>,
    net: N,
    node: NodeId,
    life: Life,
    sabotage: Option<Sabotage>,
) -> impl Future<Output = ()> {
    let doors = agent::Doors {
        net,
        store: Store { stage: Rc::clone(&stage), node: Some(node) },
        harm: Harm(Rc::clone(&stage)),
        told: Told(Rc::clone(&stage)),
    };
    let setup = agent::Setup {
        node,
        life,
        host: name_of(node.0),
        port: 0,
        controller: Address::new(CONTROLLER_NAME, PORT),
        beats: Address::new(CONTROLLER_NAME, BEATS),
        abilities: Vec::new(),
        pace: pace(&stage),
        sabotage,
    };
    async move {
        let (to, notes) = mpsc::channel(1);
        doors.net.spawn(tell_speed(stage.speed(node), to));
        if let Err(error) = agent::run(doors, setup, notes).await {
            stage.fail(format!("the agent of {}: {error}", name_of(node.0)));
        }
    }
}

/// Tells an agent at which share of its speed its node computes.
async fn tell_speed(mut speed: watch::Receiver<u32>, to: mpsc::Sender<Note>) {
    loop {
        let share_ppm = *speed.borrow_and_update();
        if to.send(Note::Speed(share_ppm)).await.is_err() || speed.changed().await.is_err() {
            return;
        }
    }
}
