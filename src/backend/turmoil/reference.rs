//! The reference network: the package turmoil, which plays small plans tick by tick.
//!
//! turmoil runs each host on a runtime of its own and moves packets between ticks of 10 ms. It is
//! another implementation of the same network, older and more widely used than the one that plays
//! large plans, and so a check on it. Its cost grows with the cube of the hosts.
//!
//! A host that loses its power is cut off from all others first and crashed then, so that nobody
//! hears a farewell. turmoil has no retransmission: bytes that are lost in a cut end a connection
//! without a word, and the fleet has to notice by itself.
//!
//! Not modelled: the rate of links for what controller and agents say, which is little; declared
//! transfers share the links of the rack as always.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_local;
use turmoil::net::{TcpListener, TcpStream, UdpSocket};
use turmoil::{Builder, Sim};

use super::hosts::Panics;
use super::nemesis::{Nemesis, Reign};
use super::play::{CONTROLLER_NAME, name_of};
use super::programs;
use super::stage::{CONTROLLER, Ground, Programs, Simulation, host_of};
use crate::event::{EndReason, Sink, Stop};
use crate::fleet::ports::{Address, Net, Notice};
use crate::ids::{FaultId, Life, NodeId, Part, PartKind};
use crate::plan::Plan;
use crate::plan::machine::Machine;
use crate::scenario::partition::Cuts;
use crate::units::{NANOS_PER_SECOND, Span, Time};

/// The hosts that turmoil bears, the controller not counted.
pub(super) const NODES_MAX: usize = 64;
/// turmoil's own pace; latencies are rounded up to it.
const TICK: Span = Span::from_millis(10);
/// Segments and datagrams that may be under way to one host.
const CAPACITY: usize = 4_096;

/// A program that waits for its host's next start.
type Program = Box<dyn FnOnce() -> std::pin::Pin<Box<dyn Future<Output = ()>>>>;

/// What hosts ask of the simulation, which can be touched between ticks only.
#[derive(Clone, Copy, Debug)]
enum HostAction {
    Stop(usize),
    Start(usize),
}

/// A switch and its uplink.
#[derive(Clone, Copy, Debug)]
struct Trunk {
    forwards: bool,
    uplink: bool,
}

/// The hosts as turmoil sees them.
struct Hosts {
    now: Cell<Time>,
    acts: RefCell<Vec<HostAction>>,
    programs: RefCell<Vec<Option<Program>>>,
    panics: Rc<Panics>,
    ways: RefCell<Ways>,
}

/// Who reaches whom.
struct Ways {
    alive: Vec<bool>,
    linked: Vec<bool>,
    /// The switch of a host; that of the controller is the server's, if it has one.
    switch: Vec<Option<u32>>,
    trunks: Vec<Trunk>,
    machine: Arc<Machine>,
    /// Who cannot hear whom, though all between them works.
    cuts: Cuts,
    /// What the simulation was given last: `cut[a][b]` says that b does not hear a.
    cut: Vec<Vec<bool>>,
    changed: bool,
}

impl Ways {
    fn new(plan: &Plan) -> Self {
        let nodes = plan.machine.nodes.iter().map(|row| Some(row.switch));
        let at_server = plan.machine.wiring.server.switch;
        let switch: Vec<_> = std::iter::once(at_server).chain(nodes).collect();
        let n = switch.len();
        Self {
            alive: vec![false; n],
            linked: vec![true; n],
            switch,
            trunks: vec![Trunk { forwards: true, uplink: true }; plan.machine.switches.len()],
            machine: Arc::clone(&plan.machine),
            cuts: Cuts::of(&plan.scenario),
            cut: vec![vec![false; n]; n],
            changed: true,
        }
    }

    fn is_open(&self, a: usize, b: usize) -> bool {
        let works = |host: usize| self.alive[host] && self.linked[host];
        let way = self.machine.way_between(self.switch[a], self.switch[b]);
        let forwards = |switch: u32| self.trunks[switch as usize].forwards;
        let leads = |switch: u32| self.trunks[switch as usize].uplink;
        let works = works(a) && works(b);
        let leads = works && way.switches().all(forwards) && way.uplinks().all(leads);
        leads && self.cuts.carry(part_of(a), part_of(b))
    }

    /// Gives the simulation the ways that are cut now. O(hosts^2) if anything changed.
    fn apply(&mut self, sim: &Sim<'_>) {
        if !std::mem::take(&mut self.changed) {
            return;
        }
        for a in 0..self.alive.len() {
            for b in (0..self.alive.len()).filter(|&b| b != a) {
                let cut = !self.is_open(a, b);
                if self.cut[a][b] != cut {
                    self.cut[a][b] = cut;
                    if cut {
                        sim.partition_oneway(name(a), name(b));
                    } else {
                        sim.repair_oneway(name(a), name(b));
                    }
                }
            }
        }
    }
}

/// The part whose host this is.
fn part_of(host: usize) -> Part {
    match host {
        CONTROLLER => Part { kind: PartKind::Controller, index: 0 },
        host => Part { kind: PartKind::Node, index: host as u32 - 1 },
    }
}

fn name(host: usize) -> String {
    if host == CONTROLLER { CONTROLLER_NAME.into() } else { name_of(host as u32 - 1) }
}

impl Hosts {
    fn change(&self, change: impl FnOnce(&mut Ways)) {
        let mut ways = self.ways.borrow_mut();
        change(&mut ways);
        ways.changed = true;
    }

    /// Does what was asked for since the last tick.
    fn act(&self, sim: &mut Sim<'_>) {
        self.ways.borrow_mut().apply(sim);
        for act in self.acts.take() {
            match act {
                HostAction::Stop(host) => sim.crash(name(host)),
                HostAction::Start(host) => sim.bounce(name(host)),
            }
        }
    }
}

impl Ground for Hosts {
    fn now(&self) -> Time {
        // Inside a host its own clock is further than that of the last tick.
        let Some(span) = turmoil::sim_elapsed() else { return self.now.get() };
        let millis = (span.as_nanos() + 500_000) / 1_000_000;
        Time(millis as u64 * (NANOS_PER_SECOND / 1_000)).max(self.now.get())
    }

    fn wake(&self) {}

    fn next(&self) -> Option<Time> {
        None
    }

    fn stop(&self, host: usize) {
        self.change(|ways| ways.alive[host] = false);
        self.acts.borrow_mut().push(HostAction::Stop(host));
    }

    fn begin_life(&self, host: usize) {
        self.change(|ways| ways.alive[host] = true);
        self.acts.borrow_mut().push(HostAction::Start(host));
    }

    fn set_link(&self, host: usize, share_ppm: u32) {
        self.change(|ways| ways.linked[host] = share_ppm > 0);
    }

    fn set_switch(&self, switch: u32, forwards: bool, uplink_ppm: u32) {
        let trunk = Trunk { forwards, uplink: uplink_ppm > 0 };
        self.change(|ways| ways.trunks[switch as usize] = trunk);
    }

    fn set_partition(&self, rule: FaultId, lasts: bool) {
        self.change(|ways| ways.cuts.set(rule, lasts));
    }

    fn set_loss(&self, _: u64, loss: Option<(Part, u32)>) {
        assert!(loss.is_none(), "such plans are refused");
    }
}

/// The network as a host of turmoil sees it.
#[derive(Clone)]
struct Cable {
    hosts: Rc<Hosts>,
}

impl Net for Cable {
    type Stream = TcpStream;
    type Listener = TcpListener;
    type Datagrams = UdpSocket;

    async fn listen(&self, port: u16) -> io::Result<TcpListener> {
        TcpListener::bind(("0.0.0.0", port)).await
    }

    fn port(listener: &TcpListener) -> io::Result<u16> {
        listener.local_addr().map(|address| address.port())
    }

    async fn accept(&self, listener: &mut TcpListener) -> io::Result<TcpStream> {
        listener.accept().await.map(|(stream, _)| stream)
    }

    async fn connect(&self, to: &Address) -> io::Result<TcpStream> {
        TcpStream::connect((to.host.as_str(), to.port)).await
    }

    async fn bind(&self, port: u16) -> io::Result<UdpSocket> {
        UdpSocket::bind(("0.0.0.0", port)).await
    }

    fn datagram_port(socket: &UdpSocket) -> io::Result<u16> {
        socket.local_addr().map(|address| address.port())
    }

    async fn send_to(&self, socket: &UdpSocket, bytes: &[u8], to: &Address) -> io::Result<()> {
        socket.send_to(bytes, (to.host.as_str(), to.port)).await.map(drop)
    }

    async fn recv_from(
        &self,
        socket: &UdpSocket,
        buffer: &mut [u8],
    ) -> io::Result<(usize, Address)> {
        let (n, from) = socket.recv_from(buffer).await?;
        Ok((n, Address::new(from.ip().to_string(), from.port())))
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        spawn_local(self.hosts.panics.watch(task));
    }
}

/// The fleet on turmoil's hosts.
struct Fleet {
    hosts: Rc<Hosts>,
}

impl Fleet {
    fn start(&self, host: usize, program: impl Future<Output = ()> + 'static) {
        let program = self.hosts.panics.watch(program);
        self.hosts.programs.borrow_mut()[host] = Some(Box::new(move || Box::pin(program)));
    }
}

impl Programs for Fleet {
    fn start_controller(&self, stage: &Rc<Simulation>) {
        let net = Cable { hosts: Rc::clone(&self.hosts) };
        self.start(CONTROLLER, programs::controller(&ports(stage), CONTROLLER, net, None));
    }

    fn start_agent(&self, stage: &Rc<Simulation>, node: NodeId, life: Life) {
        let net = Cable { hosts: Rc::clone(&self.hosts) };
        self.start(host_of(node), programs::agent(&ports(stage), net, node, life, None));
    }
}

/// Plays a plan on turmoil, and passes on what the control plane came to know.
pub(super) fn play(
    plan: &Plan,
    sink: &mut dyn Sink,
    notices: &mut Vec<(Time, Notice)>,
) -> Result<EndReason, Stop> {
    let n = plan.machine.nodes.len() + 1;
    let tick = Duration::from_nanos(TICK.0);
    let mut sim = Builder::new()
        .tick_duration(tick)
        .simulation_duration(Duration::from_nanos(plan.scenario.stop.at.0) + 2 * tick)
        .epoch(std::time::UNIX_EPOCH)
        .rng_seed(plan.scenario.seed)
        .min_message_latency(Duration::ZERO)
        .max_message_latency(Duration::from_millis(1))
        .tcp_capacity(CAPACITY)
        .udp_capacity(CAPACITY)
        .build();
    let hosts = Rc::new(Hosts {
        now: Cell::new(Time::ZERO),
        acts: RefCell::default(),
        programs: RefCell::new((0..n).map(|_| None).collect()),
        panics: Rc::new(Panics::default()),
        ways: RefCell::new(Ways::new(plan)),
    });
    for host in 0..n {
        let hosts = Rc::clone(&hosts);
        sim.host(name(host), move || {
            let program = hosts.programs.borrow_mut()[host].take();
            async move {
                if let Some(program) = program {
                    program().await;
                }
                // A host whose program has ended stays on the network.
                pending().await
            }
        });
    }
    let ground = Rc::clone(&hosts) as Rc<dyn Ground>;
    let stage = Rc::new(Simulation::new(Rc::new(plan.clone()), ground));
    let fleet = Fleet { hosts: Rc::clone(&hosts) };
    stage.start_controller(&fleet);
    let ended = loop {
        let ended = stage.settle(&fleet, sink);
        hosts.panics.resume();
        match ended {
            Ok(None) => {}
            Ok(Some(reason)) => break Ok(reason),
            Err(stop) => break Err(stop),
        }
        hosts.act(&mut sim);
        if let Err(error) = sim.step() {
            break Err(Stop::Failed(format!("turmoil: {error}")));
        }
        hosts.now.set(Time(sim.elapsed().as_nanos() as u64));
    };
    drop(sim);
    notices.append(&mut stage.notices.borrow_mut());
    ended
}

/// Ports that nobody disturbs.
fn ports(stage: &Rc<Simulation>) -> programs::Ports {
    let nemesis = Rc::new(Nemesis::new(0, stage.plan.machine.nodes.len(), &[]));
    programs::Ports { stage: Rc::clone(stage), nemesis, reign: Reign::default() }
}
