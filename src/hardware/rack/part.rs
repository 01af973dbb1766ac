//! Switches, PSU domains and servers: how they fail, come back and take their nodes along.

use std::ops::Deref;

use crate::event::{Cause, Fault, NodeState, PartState, What};
use crate::hardware::dhcp::DhcpDaemon;
use crate::hardware::network::WHOLE_PPM;
use crate::hardware::storage::RequestQueue;
use crate::ids::{FaultId, NodeId, Part, PartKind};
use crate::plan::Plan;
use crate::units::{Power, Span, Time};

use super::{Effect, Rack, Timer};

/// One switch.
#[derive(Clone, Debug)]
pub(super) struct Switch {
    /// Faults and dead PSUs that keep it down now.
    pub down: u16,
    /// What is left of its uplink.
    pub uplink_ppm: u32,
    /// The server of its nodes.
    pub server: u32,
    /// Whether its nodes and their server reach each other.
    pub reached: bool,
    /// Whether it is the access point of a cell: then its uplink is the air.
    pub is_cell: bool,
}

impl Switch {
    /// A switch that works, whose nodes have this server.
    pub(super) fn of(server: u32, is_cell: bool) -> Self {
        Self { down: 0, uplink_ppm: WHOLE_PPM, server, reached: true, is_cell }
    }

    /// Whether its nodes reach each other over it.
    pub(super) fn forwards(&self) -> bool {
        self.down == 0 && !(self.is_cell && self.uplink_ppm == 0)
    }

    pub(super) fn connects(&self) -> bool {
        self.down == 0 && self.uplink_ppm > 0
    }

    /// What its uplink moves, of its rate.
    fn share_ppm(&self) -> u32 {
        if self.down == 0 { self.uplink_ppm } else { 0 }
    }
}

/// How a fault harms, besides its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Harm {
    /// A crashed or hung node keeps its power, and a power cycle by the controller cures it.
    /// Otherwise a crashed node has no power until its repair is done.
    pub by_controller: bool,
    /// What remains of the rate of a part that is slowed down (ppm).
    pub share_ppm: u32,
    /// The rule, which says who is cut from whom by a partition.
    pub rule: FaultId,
}

/// One boot and file server.
#[derive(Clone, Debug, Default)]
pub(super) struct Server {
    /// Faults that keep it down now.
    pub down: u16,
    pub dhcp: DhcpDaemon,
    pub requests: RequestQueue,
}

impl<P: Deref<Target = Plan> + Clone, T: Copy + From<Timer>> Rack<P, T> {
    /// A fault strikes a part. `key` names it among those that hold a link down. Says whether a
    /// node fails by it that had not failed so already; true for other parts.
    pub fn harm(&mut self, key: u64, kind: Fault, part: Part, how: Harm) -> bool {
        let cause = Cause::Fault(kind);
        match kind {
            Fault::Crash => return self.crash(part.index, how.by_controller),
            Fault::Hang => return self.fail(part.index, NodeState::Hung, cause),
            Fault::PowerLoss => self.psu_down(part.index, cause),
            Fault::SwitchLoss => self.switch_down(part.index, cause),
            Fault::ServerLoss => self.server_down(part.index, cause),
            Fault::LinkDegradation | Fault::Load | Fault::SlowDown => {
                self.scale.hold(part, key, how.share_ppm);
                self.rescale(part, cause);
            }
            Fault::Partition => self.set_partition(how.rule, true),
            Fault::ControllerCrash
            | Fault::SilentCorruption
            | Fault::Upset
            | Fault::Dram
            | Fault::Clock
            | Fault::Process => {}
        }
        true
    }

    /// A node stops dead; it draws what an idle node draws until its power is cut. Unless the
    /// controller may power-cycle it, it has no power until its repair is done.
    fn crash(&mut self, id: u32, by_controller: bool) -> bool {
        let cause = Cause::Fault(Fault::Crash);
        if by_controller {
            return self.fail(id, NodeState::Down, cause);
        }
        self.nodes[id as usize].blocked += 1;
        let fails = self.fail(id, NodeState::Down, cause);
        self.cut_power(id, NodeState::Down, cause);
        self.set_state(id, NodeState::Down, cause);
        fails
    }

    /// The damage of a fault is repaired. A node whose channel is off stays off.
    pub fn repair(&mut self, key: u64, kind: Fault, part: Part, how: Harm) {
        match kind {
            Fault::Crash if !how.by_controller => {
                self.nodes[part.index as usize].blocked -= 1;
                self.energise(part.index);
                self.rest(part.index, Cause::Repair);
            }
            Fault::PowerLoss => self.psu_up(part.index, Cause::Repair),
            Fault::SwitchLoss => self.switch_up(part.index, Cause::Repair),
            Fault::ServerLoss => self.server_up(part.index, Cause::Repair),
            Fault::LinkDegradation | Fault::Load | Fault::SlowDown => {
                self.scale.release(part, key);
                self.rescale(part, Cause::Repair);
            }
            Fault::Partition => self.set_partition(how.rule, false),
            Fault::Crash
            | Fault::Hang
            | Fault::ControllerCrash
            | Fault::SilentCorruption
            | Fault::Upset
            | Fault::Dram
            | Fault::Clock
            | Fault::Process => {}
        }
    }

    /// A partition of the network begins or ends: what its sides send to each other stalls as on a
    /// dead link, or goes on. O(nodes of the sides and what they send).
    fn set_partition(&mut self, rule: FaultId, lasts: bool) {
        let sides = self.cuts.sides(rule);
        let before: Vec<_> = sides.iter().map(|&node| self.connects(node)).collect();
        self.cuts.set(rule, lasts);
        self.effect(Effect::Partition(rule, lasts));
        for (node, before) in sides.into_iter().zip(before) {
            self.node_cap_changed(node.0);
            if self.connects(node) != before || self.state(node) != NodeState::Up {
                self.connection_changed(node.0);
            }
        }
    }

    /// Every part moves what faults leave of its rate, which is another one. O(parts).
    pub(super) fn reset_rates(&mut self) {
        for switch in 0..self.switches.len() as u32 {
            let share_ppm = self.switches[switch as usize].share_ppm();
            self.network.set_uplink(self.now, switch, share_ppm);
        }
        for index in 0..self.servers.len() as u32 {
            self.set_server(index);
            let share_ppm = self.scale.share(Part { kind: PartKind::Server, index });
            self.network.set_disk(self.now, index, share_ppm);
        }
        (0..self.nodes.len() as u32).for_each(|node| self.node_cap_changed(node));
    }

    /// A part works at the share that faults leave of it by now.
    fn rescale(&mut self, part: Part, cause: Cause) {
        let (share_ppm, index) = (self.scale.share(part), part.index);
        match part.kind {
            PartKind::Node => self.effect(Effect::Speed(NodeId(index), share_ppm)),
            PartKind::Uplink => {
                self.switches[index as usize].uplink_ppm = share_ppm;
                self.emit_part(PartKind::Uplink, index, link_state(share_ppm), cause);
                self.path_changed(index);
            }
            PartKind::NodeLink => {
                self.nodes[index as usize].share_ppm = share_ppm;
                self.emit_part(PartKind::NodeLink, index, link_state(share_ppm), cause);
                self.node_cap_changed(index);
                self.effect(Effect::Link(NodeId(index), share_ppm));
                self.connection_changed(index);
                if let Some(server) = self.server_that_is(index) {
                    self.set_server(server);
                    let all = 0..self.nodes.len() as u32;
                    all.filter(|&id| id != index).for_each(|id| self.connection_changed(id));
                }
            }
            PartKind::Server => self.network.set_disk(self.now, index, share_ppm),
            PartKind::Blade
            | PartKind::Pack
            | PartKind::Module
            | PartKind::Rack
            | PartKind::Switch
            | PartKind::Psu
            | PartKind::Controller
            | PartKind::Network => unreachable!("it has no rate"),
        }
    }

    /// What is left of a node's link for what it moves to and from its server (ppm).
    pub(super) fn served_ppm(&self, id: u32) -> u32 {
        let node = &self.nodes[id as usize];
        let server = self.switches[node.switch as usize].server;
        super::served_ppm(node, id, server, &self.cuts)
    }

    /// The disk of a server takes requests that arrive now. Says when the last may begin to move.
    pub(super) fn admit(&mut self, server: usize, count: u32) -> Time {
        let part = Part { kind: PartKind::Server, index: server as u32 };
        let (cost, share_ppm) = (self.plan.scenario.server.disk_request, self.scale.share(part));
        let slowed = u128::from(cost.0) * u128::from(WHOLE_PPM) / u128::from(share_ppm);
        self.servers[server].requests.admit(self.now, count, Span(slowed as u64))
    }

    /// The network of a server moves what is left of it.
    fn set_server(&mut self, server: u32) {
        let head = self.plan.machine.wiring.server.node;
        let link = head.map_or(WHOLE_PPM, |node| self.nodes[node as usize].share_ppm);
        let share_ppm = if self.servers[server as usize].down == 0 { link } else { 0 };
        self.network.set_server(self.now, server, share_ppm);
    }

    /// What a node moves follows its link.
    fn node_cap_changed(&mut self, id: u32) {
        let node = &self.nodes[id as usize];
        let served_ppm = self.served_ppm(id);
        let link = self.network.node_cap(node.group, served_ppm);
        self.network.set_node_link(self.now, id, node.group, node.share_ppm);
        if let Some(flow) = node.flow {
            let tftp = node.state == NodeState::Tftp;
            let tftp_cap = self.network.tftp_cap(node.group, served_ppm);
            let cap = if tftp { tftp_cap } else { link };
            self.network.fabric.set_cap(self.now, flow, cap);
        }
        // The server's own data cross no link.
        if !self.network.is_head(id) {
            self.transfers.set_cap(id, link, &mut self.network, self.now);
        }
        let part = Part { kind: PartKind::Node, index: id };
        let cap = super::cap(&self.nodes, &self.cuts);
        self.sends.set_caps(part, &mut self.network, self.now, cap);
    }

    /// A PSU domain loses power for one more reason.
    fn psu_down(&mut self, psu: u32, cause: Cause) {
        let domain = self.feed.domain(psu);
        domain.down += 1;
        if domain.down > 1 {
            return;
        }
        self.emit_part(PartKind::Psu, psu, PartState::Down, cause);
        let plan = self.plan.clone();
        for switch in plan.machine.switches_of(psu) {
            self.switch_down(switch, cause);
        }
        for NodeId(node) in plan.machine.nodes_on(Part { kind: PartKind::Psu, index: psu }) {
            if self.nodes[node as usize].powered {
                self.cut_power(node, NodeState::Down, cause);
            } else if self.nodes[node as usize].state == NodeState::Off {
                self.set_state(node, NodeState::Down, cause);
            }
        }
        if plan.machine.wiring.server.psu == Some(psu) {
            self.server_down(0, cause);
        }
        self.feed.change_base(self.now, psu, false);
        plan.machine.psus_below(psu).for_each(|below| self.psu_down(below, cause));
    }

    /// One of the reasons is gone; with the last one power is back for the nodes whose channel is
    /// on, node after node.
    pub(super) fn psu_up(&mut self, psu: u32, cause: Cause) {
        let domain = self.feed.domain(psu);
        domain.down -= 1;
        if domain.down > 0 {
            return;
        }
        assert_eq!(domain.load, Power(0), "a dead PSU gives nothing");
        self.emit_part(PartKind::Psu, psu, PartState::Up, cause);
        self.feed.change_base(self.now, psu, true);
        let plan = self.plan.clone();
        for switch in plan.machine.switches_of(psu) {
            self.switch_up(switch, cause);
        }
        if plan.machine.wiring.server.psu == Some(psu) {
            self.server_up(0, cause);
        }
        let mut wait = Span::ZERO;
        for NodeId(node) in plan.machine.nodes_on(Part { kind: PartKind::Psu, index: psu }) {
            if self.nodes[node as usize].channel {
                self.await_until(node, self.now + wait, Timer::Feed { node });
                wait += self.plan.scenario.boot.power_on.stagger;
            } else {
                self.rest(node, cause);
            }
        }
        plan.machine.psus_below(psu).for_each(|below| self.psu_up(below, cause));
    }

    /// The PSU domains that are above their limits brown out, all at once: that one goes relieves
    /// no other. Ports that give too little follow.
    pub(super) fn brown_outs(&mut self) {
        for psu in self.feed.take_tripped() {
            self.brown_out(psu);
        }
        for node in self.feed.take_ports() {
            self.port_trips(node);
        }
    }

    /// The port of a node cuts it off, if it may still draw too much, and tries again as often as
    /// the controller's patience lasts.
    fn port_trips(&mut self, id: u32) {
        let (powered, feed, draw) = {
            let node = &self.nodes[id as usize];
            (node.powered, node.feed, node.draw)
        };
        if !powered || !self.feed.exceeds_port(feed, draw) {
            return;
        }
        let trips = self.port_trips.entry(id).or_insert(0);
        *trips += 1;
        let again = *trips <= self.plan.scenario.controller.boot_retries;
        self.nodes[id as usize].blocked += 1;
        self.cut_power(id, NodeState::Down, Cause::BrownOut);
        if again {
            let restart = self.plan.machine.psus[self.feed.psu_of(feed) as usize].restart;
            self.after(restart, Timer::PortRestart { node: id });
        }
    }

    /// The port of a node gives power again.
    pub(super) fn port_restarts(&mut self, id: u32) {
        self.nodes[id as usize].blocked -= 1;
        self.energise(id);
        self.rest(id, Cause::Course);
    }

    /// A PSU whose limit was passed cuts its domain off, and tries again as often as the
    /// controller's patience lasts.
    fn brown_out(&mut self, psu: u32) {
        let domain = self.feed.domain(psu);
        domain.trips += 1;
        let again = domain.trips <= self.plan.scenario.controller.boot_retries;
        self.psu_down(psu, Cause::BrownOut);
        if again {
            let restart = self.plan.machine.psus[psu as usize].restart;
            self.after(restart, Timer::PsuRestart { psu });
        }
    }

    /// A switch stops forwarding for one more reason.
    fn switch_down(&mut self, switch: u32, cause: Cause) {
        self.switches[switch as usize].down += 1;
        if self.switches[switch as usize].down == 1 {
            self.emit_part(PartKind::Switch, switch, PartState::Down, cause);
            self.path_changed(switch);
        }
    }

    fn switch_up(&mut self, switch: u32, cause: Cause) {
        self.switches[switch as usize].down -= 1;
        if self.switches[switch as usize].down == 0 {
            self.emit_part(PartKind::Switch, switch, PartState::Up, cause);
            self.path_changed(switch);
        }
    }

    /// The fabric and the nodes behind a switch learn that its path changed.
    fn path_changed(&mut self, switch: u32) {
        let row = &self.switches[switch as usize];
        let (forwards, uplink_ppm) = (row.forwards(), row.uplink_ppm);
        self.network.set_uplink(self.now, switch, row.share_ppm());
        self.network.set_switch(self.now, switch, forwards);
        self.effect(Effect::Switch(switch, forwards, uplink_ppm));
        let plan = self.plan.clone();
        let all = if plan.machine.is_of_parts() { self.switches.len() as u32 } else { 0 };
        let others: Vec<_> = (0..all).filter(|&other| other != switch).collect();
        for index in std::iter::once(switch).chain(others) {
            let reached = self.is_reached(index);
            let before = std::mem::replace(&mut self.switches[index as usize].reached, reached);
            if index == switch || reached != before {
                let nodes = plan.machine.nodes_on(Part { kind: PartKind::Switch, index });
                nodes.for_each(|NodeId(node)| self.connection_changed(node));
            }
        }
    }

    /// Whether all between a switch and its server works.
    fn is_reached(&self, switch: u32) -> bool {
        let machine = &self.plan.machine;
        if !machine.is_of_parts() {
            return self.switches[switch as usize].connects();
        }
        let way = machine.way_to_server(switch);
        let forwards = |switch: u32| self.switches[switch as usize].forwards();
        let leads = |switch: u32| self.switches[switch as usize].uplink_ppm > 0;
        way.switches().all(forwards) && way.uplinks().all(leads)
    }

    /// A node can or can no longer be reached: the holder learns it of one that is up, and a boot
    /// transfer that stalls has a limit.
    fn connection_changed(&mut self, id: u32) {
        if self.nodes[id as usize].state == NodeState::Up {
            let connected = self.connects(NodeId(id));
            self.effect(Effect::Reached(NodeId(id), connected));
        } else {
            self.listen(id);
        }
    }

    pub(super) fn server_down(&mut self, server: u32, cause: Cause) {
        self.servers[server as usize].down += 1;
        if self.servers[server as usize].down > 1 {
            return;
        }
        self.emit_part(PartKind::Server, server, PartState::Down, cause);
        self.effect(Effect::Server(server, false));
        self.set_server(server);
        self.servers[server as usize].dhcp.reset(self.now);
        let plan = self.plan.clone();
        for NodeId(node) in plan.machine.nodes_of(Part { kind: PartKind::Server, index: server }) {
            self.daemon_lost(node);
            self.listen(node);
        }
    }

    pub(super) fn server_up(&mut self, server: u32, cause: Cause) {
        self.servers[server as usize].down -= 1;
        if self.servers[server as usize].down == 0 {
            self.emit_part(PartKind::Server, server, PartState::Up, cause);
            self.effect(Effect::Server(server, true));
            self.set_server(server);
            self.servers[server as usize].dhcp.reset(self.now);
            let (plan, kind) = (self.plan.clone(), PartKind::Server);
            for NodeId(node) in plan.machine.nodes_of(Part { kind, index: server }) {
                self.listen(node);
            }
        }
    }

    fn emit_part(&mut self, kind: PartKind, index: u32, state: PartState, cause: Cause) {
        self.emit(What::PartState { part: Part { kind, index }, state, cause });
    }
}

fn link_state(share_ppm: u32) -> PartState {
    match share_ppm {
        0 => PartState::Down,
        WHOLE_PPM => PartState::Up,
        share => PartState::Degraded(share),
    }
}
