//! The simulated network: one turmoil-net kernel for each host, and the pump that moves packets.
//!
//! turmoil-net is a bare network without a clock. The pump gives it one: at most once each
//! [`TICK`] it takes what the kernels send, asks [`Paths`] when it arrives, and delivers what is
//! due. Between, when no packet is under way and none was lost lately, it costs nothing.
//!
//! A host that loses its power falls silent first; then its tasks are dropped, and a reset is
//! handed to each of its own sockets, so that its kernel forgets them as a real one would. Its
//! peers learn nothing until their own time runs out, or until the next life answers with a reset.
//!
//! Not modelled: round-trip estimates (retransmission waits a fixed time), loss on a link that
//! works, packets smaller than a tick apart.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;

use tokio::sync::Notify;
use turmoil_net::{
    EnterGuard, HostId, KernelConfig, Net, Packet, TcpFlags, TcpSegment, Transport, netstat,
};

use super::nemesis::Nemesis;
use super::paths::Paths;
use super::stage::CONTROLLER;
use crate::units::{Span, Time};

/// The pump's pace, and the resolution of tokio's timers.
pub(super) const TICK: Span = Span::from_millis(1);
/// Passes without an acknowledgement before a segment is sent again. One pass is one tick, so
/// this is Linux's shortest retransmission time, 200 ms.
const PASSES_TO_RESEND: u32 = 200;
/// Retransmissions before a connection is given up: 5 s in all, far less than Linux's 15 minutes,
/// so that whoever relies on it and not on heartbeats is found out.
const RESENDS_MAX: u32 = 24;

/// One host of the network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Host {
    /// Its kernel.
    pub id: HostId,
    /// Its address.
    pub ip: IpAddr,
}

/// The network of a run.
pub(super) struct Wire {
    hosts: Vec<Host>,
    by_ip: BTreeMap<IpAddr, usize>,
    state: RefCell<State>,
    /// Whether a kernel may have something to send.
    dirty: Cell<bool>,
    /// Wakes whoever drives the run.
    pub bell: Rc<Notify>,
    /// What the harness does to packets.
    nemesis: Rc<Nemesis>,
    /// The host of the controller, and of one that was deposed.
    controller: Cell<usize>,
    deposed: Cell<Option<usize>>,
    /// Whether the name of the controller leads to the latter now and then.
    misleads: Cell<bool>,
    /// Where a host's well-known ports really are, and since which life of it.
    placed: RefCell<BTreeMap<(IpAddr, u16), (u32, u16)>>,
    /// What a socket reads into before it is handed on.
    pub scratch: RefCell<Vec<u8>>,
}

struct State {
    paths: Paths,
    /// Packets under way, by arrival.
    under_way: BTreeMap<(Time, u64), Packet>,
    sent: u64,
    /// Resets for the sockets of hosts that lost their power.
    resets: Vec<Packet>,
    /// Passes for which lost packets may still have to be sent again.
    watch: u32,
    passed_at: Time,
    outgoing: Vec<Packet>,
}

impl Wire {
    /// A network of hosts with these names. Only one can be entered on a thread.
    pub(super) fn new(
        names: &[String],
        paths: Paths,
        nemesis: Rc<Nemesis>,
        bell: Rc<Notify>,
    ) -> (Rc<Self>, EnterGuard) {
        let config = KernelConfig::default().retx_threshold(PASSES_TO_RESEND).retx_max(RESENDS_MAX);
        let mut net = Net::with_config(config);
        let hosts: Vec<_> = names
            .iter()
            .map(|name| Host { id: net.add_host(name.as_str()), ip: net.lookup(name) })
            .collect();
        let by_ip = hosts.iter().enumerate().map(|(index, host)| (host.ip, index)).collect();
        let state = State {
            paths,
            under_way: BTreeMap::new(),
            sent: 0,
            resets: Vec::new(),
            watch: 0,
            passed_at: Time::ZERO,
            outgoing: Vec::new(),
        };
        let wire = Self {
            hosts,
            by_ip,
            state: RefCell::new(state),
            dirty: Cell::new(false),
            bell,
            nemesis,
            controller: Cell::new(CONTROLLER),
            deposed: Cell::new(None),
            misleads: Cell::new(false),
            placed: RefCell::default(),
            scratch: RefCell::new(vec![0; 64 * 1024]),
        };
        (Rc::new(wire), net.enter())
    }

    /// The host of the controller that is in charge.
    pub(super) fn controller(&self) -> usize {
        self.controller.get()
    }

    /// The controller of another host takes over.
    pub(super) fn take_over(&self, host: usize) {
        self.deposed.set(Some(self.controller.replace(host)));
    }

    /// A controller that was deposed is no more.
    pub(super) fn forget_deposed(&self) -> Option<usize> {
        self.misleads.set(false);
        self.deposed.take()
    }

    /// The name of the controller leads to the one that was deposed now and then, and nobody is
    /// connected with the one in charge any more.
    pub(super) fn mislead(&self) {
        self.misleads.set(self.deposed.get().is_some());
        let new = self.hosts[self.controller.get()].ip;
        let mut state = self.state.borrow_mut();
        for host in &self.hosts {
            for socket in netstat(host.ip).entries {
                let Some(peer) = socket.peer.filter(|_| self.misleads.get()) else { continue };
                if peer.ip() == new || host.ip == new {
                    state.resets.push(reset(peer, (host.ip, socket.local.port()).into()));
                }
            }
        }
        drop(state);
        self.touch();
    }

    /// Where the name of the controller leads to. Connections may be misled, datagrams are not.
    pub(super) fn controller_for(&self, connects: bool) -> IpAddr {
        let mut old = self.deposed.get().filter(|_| connects && self.misleads.get());
        old = old.filter(|_| self.nemesis.misleads());
        self.hosts[old.unwrap_or(self.controller.get())].ip
    }

    /// A host by its number.
    pub(super) fn host(&self, host: usize) -> Host {
        self.hosts[host]
    }

    /// Notes where a life of a host listens for `port`; false if that life already does.
    pub(super) fn place_port(&self, host: usize, life: u32, port: u16, at: u16) -> bool {
        let mut placed = self.placed.borrow_mut();
        let place = placed.entry((self.hosts[host].ip, port)).or_insert((life, at));
        let free = place.0 < life || *place == (life, at);
        if free {
            *place = (life, at);
        }
        free
    }

    /// The port at which a host listens for whoever asks for `port`.
    pub(super) fn port_of(&self, ip: IpAddr, port: u16) -> u16 {
        self.placed.borrow().get(&(ip, port)).map_or(port, |&(_, to)| to)
    }

    /// A kernel may have something to send now.
    pub(super) fn touch(&self) {
        if !self.dirty.replace(true) {
            self.bell.notify_one();
        }
    }

    /// Changes which ways are open.
    pub(super) fn change_paths(&self, change: impl FnOnce(&mut Paths)) {
        change(&mut self.state.borrow_mut().paths);
    }

    /// Silences a host that loses its power or hangs. Its tasks are dropped by the caller.
    pub(super) fn silence(&self, host: usize) {
        let mut state = self.state.borrow_mut();
        state.paths.set_alive(host, false);
        let ip = self.hosts[host].ip;
        for socket in netstat(ip).entries {
            if let Some(peer) = socket.peer {
                state.resets.push(reset(peer, (ip, socket.local.port()).into()));
            }
        }
        drop(state);
        self.touch();
    }

    /// Lets a host speak and hear again, with nothing left of its former life.
    pub(super) fn revive(&self, host: usize) {
        self.state.borrow_mut().paths.set_alive(host, true);
    }

    /// Whether a host speaks and hears.
    pub(super) fn is_alive(&self, host: usize) -> bool {
        self.state.borrow().paths.is_alive(host)
    }

    /// When the pump has to move next.
    pub(super) fn next(&self) -> Option<Time> {
        let state = self.state.borrow();
        let arrival = state.under_way.first_key_value().map(|((at, _), _)| *at);
        let busy = self.dirty.get() || state.watch > 0;
        let pass = busy.then(|| state.passed_at + TICK);
        [arrival, pass].into_iter().flatten().min()
    }

    /// Delivers what is due and sends what the kernels have; nothing if it is not yet time.
    pub(super) fn pump(&self, guard: &EnterGuard, now: Time) {
        if self.next().is_none_or(|at| at > now) {
            return;
        }
        let mut state = self.state.borrow_mut();
        for packet in std::mem::take(&mut state.resets) {
            guard.deliver(packet);
        }
        while let Some(first) = state.under_way.first_entry()
            && first.key().0 <= now
        {
            let packet = first.remove();
            // It may have lost its power since the packet left.
            if self.by_ip.get(&packet.dst).is_some_and(|&to| state.paths.is_alive(to)) {
                guard.deliver(packet);
            }
        }
        self.dirty.set(false);
        state.passed_at = now;
        state.watch = state.watch.saturating_sub(1);
        let mut outgoing = std::mem::take(&mut state.outgoing);
        guard.egress_all(&mut outgoing);
        for packet in outgoing.drain(..) {
            self.send(&mut state, now, packet);
        }
        state.outgoing = outgoing;
    }

    fn send(&self, state: &mut State, now: Time, packet: Packet) {
        let ends = (self.by_ip.get(&packet.src), self.by_ip.get(&packet.dst));
        let (Some(&from), Some(&to)) = ends else { return };
        let fate = self.nemesis.fate(now, from, to);
        let arrival = state.paths.send(now, from, to, packet.size()).filter(|_| !fate.lost);
        if arrival.is_none() || fate.is_out_of_order() {
            state.watch = PASSES_TO_RESEND * (RESENDS_MAX + 2);
        }
        let Some(arrival) = arrival else { return };
        let mut under_way = |late, packet| {
            state.sent += 1;
            state.under_way.insert((arrival + fate.far + late, state.sent), packet);
        };
        if let Some(again) = fate.again {
            under_way(fate.late + again, packet.clone());
        }
        under_way(fate.late, packet);
    }
}

/// A reset as if from `peer`, which makes the kernel at `local` forget their connection.
fn reset(peer: std::net::SocketAddr, local: std::net::SocketAddr) -> Packet {
    let flags = TcpFlags { rst: true, ..TcpFlags::default() };
    let segment = TcpSegment {
        src_port: peer.port(),
        dst_port: local.port(),
        seq: 0,
        ack: 0,
        flags,
        window: 0,
        payload: Vec::new().into(),
    };
    Packet { src: peer.ip(), dst: local.ip(), ttl: 64, payload: Transport::Tcp(segment) }
}
