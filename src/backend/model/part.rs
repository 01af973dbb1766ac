//! Switches, PSU domains and servers: how they fail, come back and take their nodes along.

use crate::event::{Cause, Fault, NodeState, PartState, What};
use crate::hardware::dhcp::DhcpDaemon;
use crate::hardware::power::PsuDomain;
use crate::hardware::storage::RequestQueue;
use crate::ids::{Part, PartKind};
use crate::plan::Plan;
use crate::units::{Power, Span};

use super::node::Watch;
use super::world::{Timer, World};
use crate::hardware::network::WHOLE_PPM;

/// One switch.
#[derive(Clone, Debug)]
pub(super) struct Switch {
    /// Faults and dead PSUs that keep it down now.
    pub down: u16,
    /// What is left of its uplink.
    pub uplink_ppm: u32,
    /// The server of its nodes.
    pub server: u32,
}

impl Switch {
    /// A switch that works, whose nodes have this server.
    pub(super) fn of(server: u32) -> Self {
        Self { down: 0, uplink_ppm: WHOLE_PPM, server }
    }

    pub(super) fn connects(&self) -> bool {
        self.down == 0 && self.uplink_ppm > 0
    }
}

/// One PSU domain and what hangs on it.
pub(super) struct Psu {
    pub domain: PsuDomain,
    /// Its nodes, in order: half-open ranges.
    pub nodes: Vec<std::ops::Range<u32>>,
    pub switches: Vec<u32>,
    /// What it gives as long as all its nodes are off.
    pub base: Power,
    pub restart: Span,
}

impl Psu {
    pub(super) fn all(plan: &Plan) -> Vec<Self> {
        let machine = &plan.machine;
        let mut psus: Vec<_> = (machine.psus.iter())
            .map(|row| {
                let wish = &plan.scenario.module.psus[row.slot as usize];
                Self {
                    domain: PsuDomain::new(wish.limit),
                    nodes: Vec::new(),
                    switches: Vec::new(),
                    base: Power(0),
                    restart: wish.restart,
                }
            })
            .collect();
        for (index, node) in machine.nodes.iter().enumerate() {
            let (index, nodes) = (index as u32, &mut psus[node.psu as usize].nodes);
            match nodes.last_mut() {
                Some(range) if range.end == index => range.end += 1,
                _ => nodes.push(index..index + 1),
            }
        }
        for (index, switch) in machine.switches.iter().enumerate() {
            psus[switch.psu as usize].switches.push(index as u32);
        }
        for psu in &mut psus {
            let nodes = psu.nodes.iter().map(|range| u64::from(range.end - range.start));
            let off = plan.scenario.hardware.power.off.0 * nodes.sum::<u64>();
            let switches = plan.scenario.module.switch_power.0 * psu.switches.len() as u64;
            psu.base = Power(off + switches);
        }
        psus
    }
}

/// One boot and file server.
#[derive(Clone, Debug, Default)]
pub(super) struct Server {
    /// Faults that keep it down now.
    pub down: u16,
    pub dhcp: DhcpDaemon,
    pub requests: RequestQueue,
}

impl World<'_> {
    /// Servers and switches draw their power from the start; nodes that are off draw theirs.
    pub(super) fn draw_static_loads(&mut self) {
        let servers = self.plan.scenario.server.power.0 * self.servers.len() as u64;
        self.meter.change(self.now, Power(0), Power(servers));
        for psu in 0..self.psus.len() as u32 {
            let base = self.psus[psu as usize].base;
            self.change_load(psu, (Power(0), Power(0)), (base, base));
        }
    }

    /// Changes what a PSU domain draws, as (mean, peak). O(1).
    pub(super) fn change_load(&mut self, psu: u32, from: (Power, Power), to: (Power, Power)) {
        self.meter.change(self.now, from.0, to.0);
        if self.psus[psu as usize].domain.change(from.1, to.1) {
            self.tripped.push(psu);
        }
    }

    /// A PSU domain loses power for one more reason.
    pub(super) fn psu_down(&mut self, psu: u32, cause: Cause) {
        let domain = &mut self.psus[psu as usize].domain;
        domain.down += 1;
        if domain.down > 1 {
            return;
        }
        self.tell_part(PartKind::Psu, psu, PartState::Down, cause);
        for switch in self.psus[psu as usize].switches.clone() {
            self.switch_down(switch, cause);
        }
        for node in self.psus[psu as usize].nodes.clone().into_iter().flatten() {
            if self.nodes[node as usize].powered {
                self.power_off(node, NodeState::Down, cause);
            } else if self.nodes[node as usize].state == NodeState::Off {
                self.set_state(node, NodeState::Down, cause);
            }
        }
        let base = self.psus[psu as usize].base;
        self.change_load(psu, (base, base), (Power(0), Power(0)));
        assert_eq!(self.psus[psu as usize].domain.load, Power(0), "a dead PSU gives nothing");
    }

    /// One of the reasons is gone; with the last one power is back, node after node.
    pub(super) fn psu_up(&mut self, psu: u32, cause: Cause) {
        let domain = &mut self.psus[psu as usize].domain;
        domain.down -= 1;
        if domain.down > 0 {
            return;
        }
        self.tell_part(PartKind::Psu, psu, PartState::Up, cause);
        let base = self.psus[psu as usize].base;
        self.change_load(psu, (Power(0), Power(0)), (base, base));
        for switch in self.psus[psu as usize].switches.clone() {
            self.switch_up(switch, cause);
        }
        let mut wait = Span::ZERO;
        for node in self.psus[psu as usize].nodes.clone().into_iter().flatten() {
            if self.nodes[node as usize].watch == Watch::NotYet {
                self.rest(node, cause);
            } else {
                self.await_until(node, self.now + wait, Timer::PowerOn { node });
                wait += self.plan.scenario.boot.stagger;
            }
        }
    }

    /// The PSU domains that are above their limits brown out, all at once: that one goes relieves
    /// no other.
    pub(super) fn brown_outs(&mut self) {
        while !self.tripped.is_empty() {
            let mut tripped = std::mem::take(&mut self.tripped);
            tripped.sort_unstable();
            tripped.dedup();
            tripped.retain(|&psu| self.psus[psu as usize].domain.is_overloaded());
            for psu in tripped {
                self.brown_out(psu);
            }
        }
    }

    /// A PSU whose limit was passed cuts its domain off, and tries again as often as the
    /// controller's patience lasts.
    fn brown_out(&mut self, psu: u32) {
        let domain = &mut self.psus[psu as usize].domain;
        domain.trips += 1;
        let again = domain.trips <= self.plan.scenario.controller.boot_retries;
        let restart = self.psus[psu as usize].restart;
        self.psu_down(psu, Cause::BrownOut);
        if again {
            self.after(restart, Timer::PsuRestart { psu });
        }
    }

    pub(super) fn psu_restarts(&mut self, psu: u32) {
        self.psu_up(psu, Cause::Course);
    }

    /// A switch stops forwarding for one more reason.
    pub(super) fn switch_down(&mut self, switch: u32, cause: Cause) {
        self.switches[switch as usize].down += 1;
        if self.switches[switch as usize].down == 1 {
            self.tell_part(PartKind::Switch, switch, PartState::Down, cause);
            self.path_changed(switch);
        }
    }

    pub(super) fn switch_up(&mut self, switch: u32, cause: Cause) {
        self.switches[switch as usize].down -= 1;
        if self.switches[switch as usize].down == 0 {
            self.tell_part(PartKind::Switch, switch, PartState::Up, cause);
            self.path_changed(switch);
        }
    }

    /// Sets what faults leave of an uplink.
    pub(super) fn set_uplink(&mut self, switch: u32, share_ppm: u32, cause: Cause) {
        self.switches[switch as usize].uplink_ppm = share_ppm;
        self.tell_part(PartKind::Uplink, switch, link_state(share_ppm), cause);
        self.path_changed(switch);
    }

    /// Sets what faults leave of a node's link.
    pub(super) fn set_node_link(&mut self, id: u32, share_ppm: u32, cause: Cause) {
        self.nodes[id as usize].share_ppm = share_ppm;
        self.tell_part(PartKind::NodeLink, id, link_state(share_ppm), cause);
        self.node_cap_changed(id);
        self.connection_changed(id);
    }

    /// The fabric and the nodes behind a switch learn that its path changed.
    fn path_changed(&mut self, switch: u32) {
        let row = &self.switches[switch as usize];
        let share = if row.down > 0 { 0 } else { row.uplink_ppm };
        self.network.set_uplink(self.now, switch, share);
        for node in self.nodes_of_switch(switch) {
            self.connection_changed(node);
        }
    }

    /// The nodes plugged into a switch. O(nodes of its module).
    fn nodes_of_switch(&self, switch: u32) -> Vec<u32> {
        let module = self.plan.machine.switches[switch as usize].module;
        let per_module = self.plan.scenario.module.nodes;
        let nodes = &self.plan.machine.nodes;
        (module * per_module..(module + 1) * per_module)
            .filter(|&node| nodes[node as usize].switch == switch)
            .collect()
    }

    /// A node can or can no longer be reached: it leaves or is offered to the job, and a boot
    /// transfer that stalls has a limit.
    fn connection_changed(&mut self, id: u32) {
        let connected = self.connected(id);
        if self.nodes[id as usize].state == NodeState::Up {
            if connected {
                self.offer_to_jobs(id);
            } else {
                self.node_lost(id);
            }
        } else {
            self.listen(id);
        }
    }

    pub(super) fn server_down(&mut self, server: u32, cause: Cause) {
        self.servers[server as usize].down += 1;
        if self.servers[server as usize].down > 1 {
            return;
        }
        self.tell_part(PartKind::Server, server, PartState::Down, cause);
        self.network.set_server(self.now, server, false);
        self.servers[server as usize].dhcp.reset(self.now);
        let row = &self.plan.machine.servers[server as usize];
        for node in row.first_node..row.end_node {
            self.daemon_lost(node);
            self.listen(node);
        }
    }

    pub(super) fn server_up(&mut self, server: u32, cause: Cause) {
        self.servers[server as usize].down -= 1;
        if self.servers[server as usize].down == 0 {
            self.tell_part(PartKind::Server, server, PartState::Up, cause);
            self.network.set_server(self.now, server, true);
            self.servers[server as usize].dhcp.reset(self.now);
            let row = &self.plan.machine.servers[server as usize];
            for node in row.first_node..row.end_node {
                self.listen(node);
            }
        }
    }

    pub(super) fn tell_part(&mut self, kind: PartKind, index: u32, state: PartState, cause: Cause) {
        self.tell(What::PartState { part: Part { kind, index }, state, cause });
    }
}

fn link_state(share_ppm: u32) -> PartState {
    match share_ppm {
        0 => PartState::Down,
        WHOLE_PPM => PartState::Up,
        share => PartState::Degraded(share),
    }
}

/// The cause that a fault gives to what follows from it.
pub(super) fn by(kind: Fault) -> Cause {
    Cause::Fault(kind)
}
