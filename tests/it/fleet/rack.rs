//! A rack of agents in one process, with actuators that kill, cut off and revive them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use rackstorm::drivers::store::Remote;
use rackstorm::event::{Cause, Fault, What};
use rackstorm::fleet::admission::{Admission, Bounds};
use rackstorm::fleet::ports::{
    Address, Clock, Emitter, Harm, InjectionOrder, Means, Net, Notice, Object, Power, PowerState,
    Store,
};
use rackstorm::fleet::{agent, controller};
use rackstorm::ids::{Life, NodeId, PartKind};
use rackstorm::plan::Plan;
use rackstorm::scenario::{self, Overrides};
use rackstorm::units::{Bytes, Span};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::LocalSet;

/// Connections without a proof: few, so that floods need not be large.
pub(crate) const BOUNDS: Bounds = Bounds { unproven: 32, per_address: 4, callers: 8 };
/// Words of memory of each rank.
pub(crate) const WORDS: u32 = 16;

/// Makes the store of a node.
type RemoteOf<N> = Box<dyn Fn(u32) -> Remote<N>>;

/// Everything that stands outside the fleet.
pub(crate) struct World<N> {
    pub(crate) plan: Rc<Plan>,
    pub(crate) emitted: RefCell<Vec<What>>,
    pub(crate) notices: RefCell<Vec<Notice>>,
    pub(crate) stored: RefCell<BTreeMap<String, Vec<u8>>>,
    /// Injections done, by number, with how often they were asked for.
    pub(crate) injections: RefCell<BTreeMap<u64, (InjectionOrder, u32)>>,
    pub(crate) undone: RefCell<Vec<u64>>,
    /// Who may come in to the controller.
    pub(crate) admission: Admission,
    /// Saves of the controller that fail from now on.
    pub(crate) failing: Cell<u32>,
    /// The store of a node, if it is not the world's own.
    pub(crate) remote: RefCell<Option<RemoteOf<N>>>,
    net_of: Box<dyn Fn(u32) -> (N, String)>,
    cut: Box<dyn Fn(u32, bool)>,
    pub(crate) controller: (Address, Address),
    pace: agent::Pace,
    /// What keeps each agent alive, by node.
    alive: RefCell<Vec<Option<oneshot::Sender<()>>>>,
    lives: RefCell<Vec<u32>>,
    powered: RefCell<Vec<bool>>,
    /// Nodes that got power, for [`Actuators::boot`].
    booting: mpsc::UnboundedSender<u32>,
    bootable: RefCell<Option<mpsc::UnboundedReceiver<u32>>>,
    wall: Box<dyn Fn() -> u64>,
    /// How far its clock is off (s).
    pub(crate) clock_off: Cell<i64>,
    /// Stops the controller, which starts again after the pause.
    pub(crate) stop: Notify,
    pub(crate) pause: Cell<Duration>,
}

/// A handle on the world: all ports but the network.
pub(crate) struct Actuators<N>(pub(crate) Rc<World<N>>);

impl<N> Clone for Actuators<N> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// The plan of a scenario text.
pub(crate) fn plan(text: &str) -> Rc<Plan> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("fleet.toml");
    std::fs::write(&path, text).expect("the scenario is written");
    match scenario::load(&path, &Overrides { set: Vec::new(), seed: None }) {
        Ok(loaded) => Rc::new(Plan::make(&loaded.scenario)),
        Err(mistakes) => panic!("{}", mistakes.render(false)),
    }
}

impl<N: Net> World<N> {
    pub(crate) fn actuators(
        plan: Rc<Plan>,
        controller: (Address, Address),
        net_of: impl Fn(u32) -> (N, String) + 'static,
        cut: impl Fn(u32, bool) + 'static,
        wall: impl Fn() -> u64 + 'static,
    ) -> Actuators<N> {
        let n_nodes = plan.machine.nodes.len();
        let (booting, bootable) = mpsc::unbounded_channel();
        Actuators(Rc::new(Self {
            pace: agent::Pace::for_heartbeat(plan.scenario.controller.heartbeat()),
            plan,
            emitted: RefCell::default(),
            notices: RefCell::default(),
            stored: RefCell::default(),
            injections: RefCell::default(),
            undone: RefCell::default(),
            admission: Admission::new(BOUNDS),
            failing: Cell::default(),
            remote: RefCell::default(),
            net_of: Box::new(net_of),
            cut: Box::new(cut),
            controller,
            alive: RefCell::new((0..n_nodes).map(|_| None).collect()),
            lives: RefCell::new(vec![0; n_nodes]),
            powered: RefCell::new(vec![false; n_nodes]),
            booting,
            bootable: RefCell::new(Some(bootable)),
            wall: Box::new(wall),
            clock_off: Cell::default(),
            stop: Notify::new(),
            pause: Cell::default(),
        }))
    }

    pub(crate) fn count(&self, wanted: impl Fn(&What) -> bool) -> usize {
        self.emitted.borrow().iter().filter(|what| wanted(what)).count()
    }

    pub(crate) fn results(&self) -> Vec<u64> {
        let result = |notice: &Notice| match notice {
            Notice::Result { sum } => Some(*sum),
            _ => None,
        };
        self.notices.borrow().iter().filter_map(result).collect()
    }

    /// The lives with which a node was taken in, in order.
    pub(crate) fn joins(&self, wanted: u32) -> Vec<u32> {
        let join = |notice: &Notice| match notice {
            Notice::Joined { node, life } if node.0 == wanted => Some(life.0),
            _ => None,
        };
        self.notices.borrow().iter().filter_map(join).collect()
    }

    fn kill(&self, node: u32) {
        self.alive.borrow_mut()[node as usize] = None;
    }
}

impl<N: Net> Actuators<N> {
    pub(crate) fn setup(&self) -> controller::Setup {
        let (control, heartbeats) = &self.0.controller;
        let lease = Span::from_secs(30);
        let (port, heartbeats) = (control.port, heartbeats.port);
        let (chance, pace) = (self.0.plan.scenario.seed, self.0.pace);
        controller::Setup { port, heartbeats, words: WORDS, pace, lease, chance, sabotage: None }
    }

    pub(crate) fn ports(
        &self,
        net: N,
    ) -> controller::ControllerPorts<N, Self, Self, Self, Self, Self> {
        let actuators = || self.clone();
        controller::ControllerPorts {
            net,
            power: actuators(),
            harm: actuators(),
            store: actuators(),
            clock: actuators(),
            emitter: actuators(),
            admission: self.0.admission.clone(),
        }
    }

    /// Boots the nodes that get power. A task of its own, so that no agent dies with a controller.
    pub(crate) async fn boot(self) {
        let mut nodes = self.0.bootable.take().expect("it is called once");
        while let Some(node) = nodes.recv().await {
            self.start(node);
        }
    }

    /// The process of a node's agent ends and another one begins; the node goes on.
    pub(crate) fn restart(&self, node: u32) {
        self.0.kill(node);
        self.start(node);
    }

    /// Starts the agent of a node; it dies when its life ends, with all its tasks.
    fn start(&self, node: u32) {
        let (net, host) = (self.0.net_of)(node);
        let setup = agent::Setup {
            node: NodeId(node),
            life: Life(self.0.lives.borrow()[node as usize]),
            host,
            port: 0,
            controller: self.0.controller.0.clone(),
            heartbeats: self.0.controller.1.clone(),
            abilities: Vec::new(),
            pace: self.0.pace,
            sabotage: None,
        };
        let (alive, dead) = oneshot::channel::<()>();
        self.0.alive.borrow_mut()[node as usize] = Some(alive);
        let remote = self.0.remote.borrow().as_ref().map(|of| of(node));
        match remote {
            Some(store) => self.live(net, store, setup, dead),
            None => self.live(net, self.clone(), setup, dead),
        }
    }

    fn live(&self, net: N, store: impl Store, setup: agent::Setup, dead: oneshot::Receiver<()>) {
        let ports = agent::AgentPorts { net, store, harm: self.clone(), emitter: self.clone() };
        tokio::task::spawn_local(async move {
            let host = LocalSet::new();
            let agent = agent::run(ports, setup, mpsc::channel(1).1);
            tokio::select! {
                biased;
                _ = dead => {}
                end = host.run_until(agent) => end.expect("an agent listens"),
            }
        });
    }
}

impl<N: Net> Power for Actuators<N> {
    async fn on(&self, node: NodeId) -> io::Result<()> {
        let place = node.0 as usize;
        if !std::mem::replace(&mut self.0.powered.borrow_mut()[place], true) {
            self.0.lives.borrow_mut()[place] += 1;
            self.0.booting.send(node.0).expect("the nodes can boot");
        }
        Ok(())
    }

    async fn off(&self, node: NodeId, _: Cause) -> io::Result<()> {
        self.0.powered.borrow_mut()[node.0 as usize] = false;
        self.0.kill(node.0);
        Ok(())
    }

    async fn state(&self, node: NodeId) -> io::Result<PowerState> {
        let on = self.0.powered.borrow()[node.0 as usize];
        Ok(if on { PowerState::On } else { PowerState::Off })
    }
}

impl<N: Net> Harm for Actuators<N> {
    fn agents(&self, injection: &InjectionOrder) -> Vec<(NodeId, InjectionOrder)> {
        let by_agent =
            injection.part.kind == PartKind::NodeLink && matches!(injection.means, Means::Link(_));
        by_agent.then(|| (NodeId(injection.part.index), injection.clone())).into_iter().collect()
    }

    async fn do_harm(&self, injection: &InjectionOrder) -> io::Result<()> {
        let mut injections = self.0.injections.borrow_mut();
        let asked = &mut injections.entry(injection.number).or_insert((injection.clone(), 0)).1;
        *asked += 1;
        if *asked > 1 {
            return Ok(());
        }
        match injection.kind {
            Fault::Crash | Fault::Hang => self.0.kill(injection.part.index),
            Fault::SwitchLoss => {
                for node in self.0.plan.machine.nodes_of(injection.part) {
                    (self.0.cut)(node.0, true);
                }
            }
            _ => {}
        }
        Ok(())
    }

    async fn undo(&self, injection: &InjectionOrder) -> io::Result<()> {
        self.0.undone.borrow_mut().push(injection.number);
        if injection.kind == Fault::SwitchLoss {
            for node in self.0.plan.machine.nodes_of(injection.part) {
                (self.0.cut)(node.0, false);
            }
        }
        Ok(())
    }
}

impl<N: Net> Store for Actuators<N> {
    async fn put(&self, object: Object, name: &str, data: Vec<u8>, _: Bytes) -> io::Result<()> {
        if object == Object::State && self.0.failing.get() > 0 {
            self.0.failing.set(self.0.failing.get() - 1);
            return Err(io::Error::other("Too many open files"));
        }
        self.0.stored.borrow_mut().insert(name.into(), data);
        Ok(())
    }

    async fn get(&self, _: Object, name: &str, _: Bytes) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.stored.borrow().get(name).cloned())
    }

    async fn delete(&self, _: Object, name: &str) -> io::Result<()> {
        self.0.stored.borrow_mut().remove(name);
        Ok(())
    }
}

impl<N: Net> Clock for Actuators<N> {
    fn wall(&self) -> u64 {
        (self.0.wall)().saturating_add_signed(self.0.clock_off.get() * 1_000_000_000)
    }
}

impl<N: Net> Emitter for Actuators<N> {
    fn emit(&self, what: What) {
        self.0.emitted.borrow_mut().push(what);
    }

    fn notice(&self, notice: Notice) {
        self.0.notices.borrow_mut().push(notice);
    }
}
