//! The programs of the fleet, with the ports of the stage and a nemesis before them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::{sleep, sleep_until};

use tokio::sync::{mpsc, watch};

use super::nemesis::{Disturbance, Disturbed, Host, Kind, Nemesis, Reign, state_name};
use super::play::{CONTROLLER_NAME, Kernels, name_of};
use super::ports::{Clock, Harm, Power, SimulatedEmitter, Store};
use super::socket;
use super::stage::{CONTROLLER, Programs, Simulation, host_of};
use crate::fleet::agent::{self, Note, Pace};
use crate::fleet::controller;
use crate::fleet::job::Sabotage;
use crate::fleet::ports::{Address, Net, Notice};
use crate::ids::{Life, NodeId};
use crate::units::{Span, Time};

/// Where the controller listens for agents, and for their heartbeats.
const PORT: u16 = 7_000;
const HEARTBEATS: u16 = 7_001;
/// Real memory of each rank (64-bit words): enough for a checksum to mean something. The size of
/// a checkpoint is declared and shapes the time whatever is carried.
pub(super) const WORDS: u32 = 64;
/// Heartbeats at which agents lose their connections when a controller was deposed.
const MISLEADS: u32 = 5;
/// Agents do no harm on this stage, so the lease is never needed.
const LEASE: Span = Span::from_secs(60);

/// The fleet on simulated kernels.
#[derive(Clone)]
pub(super) struct Fleet(Rc<Own>);

struct Own {
    kernels: Rc<Kernels>,
    nemesis: Rc<Nemesis>,
    /// A mistake that is built in, if somebody wants to see it found.
    sabotage: Option<Sabotage>,
    /// The last life of each node that had one.
    lives: RefCell<BTreeMap<NodeId, Life>>,
    /// The controller that runs.
    controller: RefCell<Reign>,
}

impl Fleet {
    /// The fleet, with a mistake if there is to be one.
    pub(super) fn new(
        kernels: Rc<Kernels>,
        nemesis: Rc<Nemesis>,
        sabotage: Option<Sabotage>,
    ) -> Self {
        let (lives, controller) = (RefCell::default(), RefCell::default());
        Self(Rc::new(Own { kernels, nemesis, sabotage, lives, controller }))
    }

    fn ports(&self, stage: &Rc<Simulation>) -> Ports {
        let (stage, nemesis) = (Rc::clone(stage), Rc::clone(&self.0.nemesis));
        Ports { stage, nemesis, reign: Reign::default() }
    }

    /// What the harness does to processes, each at its time.
    async fn disturb(self, stage: Rc<Simulation>) {
        let mut injections: Vec<(Time, bool, Disturbance)> = Vec::new();
        for &it in self.0.nemesis.disturbances() {
            injections.extend([(it.at, true, it), (it.ends(), false, it)]);
        }
        injections.sort_by_key(|&(at, ..)| at);
        for (at, begins, it) in injections {
            sleep_until(self.0.kernels.instant(at)).await;
            self.injection(&stage, begins, it);
        }
    }

    fn injection(&self, stage: &Rc<Simulation>, begins: bool, it: Disturbance) {
        let (wire, hosts) = (&self.0.kernels.wire, &self.0.kernels.hosts);
        match (it.kind, it.on) {
            (Kind::Pause, Host::Node(node)) => hosts.pause(host_of(node), begins),
            (Kind::Pause, Host::Controller) => {
                hosts.pause(CONTROLLER, begins);
                hosts.pause(wire.controller(), begins);
            }
            (Kind::Restart, Host::Node(node)) if begins && wire.is_alive(host_of(node)) => {
                let life = self.0.lives.borrow()[&node];
                hosts.kill(host_of(node));
                hosts.begin_life(host_of(node));
                self.start_agent(stage, node, life);
            }
            (Kind::Relic, Host::Node(node)) if begins && wire.is_alive(host_of(node)) => {
                let life = Life(self.0.lives.borrow()[&node].0 - 1);
                let net = socket::Net::new(&self.0.kernels, host_of(node));
                let ports = self.ports(stage);
                ports.reign.end();
                net.spawn(agent(&ports, net.clone(), node, life, self.0.sabotage));
            }
            (Kind::Takeover, _) if begins => self.take_over(stage),
            (Kind::Takeover, _) => {
                if let Some(host) = wire.forget_deposed() {
                    hosts.kill(host);
                    wire.silence(host);
                }
            }
            _ => {}
        }
    }

    /// Another controller takes over, if there is one to take over from.
    fn take_over(&self, stage: &Rc<Simulation>) {
        let (wire, hosts) = (&self.0.kernels.wire, &self.0.kernels.hosts);
        let (old, new) = (wire.controller(), self.0.nemesis.standby().expect("one takes over"));
        if !wire.is_alive(old) || old == new {
            return;
        }
        hosts.pause(old, true);
        self.0.controller.take().end();
        let [from, to] = [old, new].map(|host| format!("controller/{}", state_name(host, "")));
        let mut kept = stage.kept.borrow_mut();
        let its = |(key, state): (&String, &Vec<u8>)| {
            Some((format!("{to}{}", key.strip_prefix(&from)?), state.clone()))
        };
        let copies: Vec<_> = kept.iter().filter_map(its).collect();
        kept.extend(copies);
        drop(kept);
        wire.take_over(new);
        stage.start_controller(self);
        let own = self.clone();
        let heartbeat = Duration::from_nanos(stage.plan.scenario.controller.heartbeat().0);
        hosts.spawn_apart(async move {
            // All that can have found the other one by then; the first still believes that they
            // serve it, for the time of its detector.
            sleep(heartbeat * 5 / 2).await;
            own.0.kernels.hosts.pause(old, false);
            for _ in 0..MISLEADS {
                own.0.kernels.wire.mislead();
                sleep(heartbeat).await;
            }
        });
    }
}

impl Programs for Fleet {
    fn start_controller(&self, stage: &Rc<Simulation>) {
        let host = self.0.kernels.wire.controller();
        let net = socket::Net::new(&self.0.kernels, host);
        let ports = self.ports(stage);
        self.0.controller.replace(ports.reign.clone());
        net.spawn(controller(&ports, host, net.clone(), self.0.sabotage));
    }

    fn start_agent(&self, stage: &Rc<Simulation>, node: NodeId, life: Life) {
        let net = socket::Net::new(&self.0.kernels, host_of(node));
        self.0.lives.borrow_mut().insert(node, life);
        stage.notices.borrow_mut().push((stage.now(), Notice::Begins { node }));
        net.spawn(agent(&self.ports(stage), net.clone(), node, life, self.0.sabotage));
    }

    fn begin(&self, stage: &Rc<Simulation>) {
        if !self.0.nemesis.disturbances().is_empty() {
            self.0.kernels.hosts.spawn_apart(self.clone().disturb(Rc::clone(stage)));
        }
    }
}

/// What makes the ports of a process.
pub(super) struct Ports {
    pub stage: Rc<Simulation>,
    pub nemesis: Rc<Nemesis>,
    pub reign: Reign,
}

impl Ports {
    fn over<P>(&self, host: usize, port: P) -> Disturbed<P> {
        let (nemesis, stage) = (Rc::clone(&self.nemesis), Rc::clone(&self.stage));
        Disturbed { port, nemesis, stage, host, reign: self.reign.clone() }
    }
}

fn pace(stage: &Simulation) -> Pace {
    Pace::for_heartbeat(stage.plan.scenario.controller.heartbeat())
}

/// The controller on a host, until the run has ended.
pub(super) fn controller<N: Net>(
    ports: &Ports,
    host: usize,
    net: N,
    sabotage: Option<Sabotage>,
) -> impl Future<Output = ()> + use<N> {
    let (stage, reign) = (Rc::clone(&ports.stage), ports.reign.clone());
    let ports = controller::ControllerPorts {
        net,
        power: ports.over(host, Power(Rc::clone(&stage))),
        harm: ports.over(host, Harm(Rc::clone(&stage))),
        store: ports.over(host, Store { stage: Rc::clone(&stage), node: None }),
        clock: ports.over(host, Clock(Rc::clone(&stage))),
        emitter: ports.over(host, SimulatedEmitter(Rc::clone(&stage))),
        admission: stage.admission.clone(),
    };
    let pace = pace(&stage);
    let setup = controller::Setup {
        port: PORT,
        heartbeats: HEARTBEATS,
        words: WORDS,
        pace,
        lease: LEASE,
        chance: stage.plan.scenario.seed,
        sabotage,
    };
    async move {
        let ended = controller::run(ports, setup, Rc::clone(&stage.plan)).await;
        match ended {
            _ if reign.is_over() => {}
            Ok(end) => stage.end(end.reason),
            Err(error) => stage.fail(format!("the controller: {error}")),
        }
    }
}

/// The agent of a node, until the node stops.
pub(super) fn agent<N: Net>(
    ports: &Ports,
    net: N,
    node: NodeId,
    life: Life,
    sabotage: Option<Sabotage>,
) -> impl Future<Output = ()> + use<N> {
    let (stage, host) = (Rc::clone(&ports.stage), host_of(node));
    let ports = agent::AgentPorts {
        net,
        store: ports.over(host, Store { stage: Rc::clone(&stage), node: Some(node) }),
        harm: ports.over(host, Harm(Rc::clone(&stage))),
        emitter: ports.over(host, SimulatedEmitter(Rc::clone(&stage))),
    };
    let setup = agent::Setup {
        node,
        life,
        host: name_of(node.0),
        port: 0,
        controller: Address::new(CONTROLLER_NAME, PORT),
        heartbeats: Address::new(CONTROLLER_NAME, HEARTBEATS),
        abilities: Vec::new(),
        pace: pace(&stage),
        sabotage,
    };
    async move {
        let (to, notes) = mpsc::channel(1);
        ports.net.spawn(send_speed(stage.speed(node), to));
        if let Err(error) = agent::run(ports, setup, notes).await {
            stage.fail(format!("the agent of {}: {error}", name_of(node.0)));
        }
    }
}

/// Informs an agent at which share of its speed its node computes.
async fn send_speed(mut speed: watch::Receiver<u32>, to: mpsc::Sender<Note>) {
    loop {
        let share_ppm = *speed.borrow_and_update();
        if to.send(Note::Speed(share_ppm)).await.is_err() || speed.changed().await.is_err() {
            return;
        }
    }
}
