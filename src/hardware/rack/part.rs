//! Switches, PSU domains and servers: how they fail, come back and take their nodes along.

use crate::event::{Cause, Fault, NodeState, PartState, What};
use crate::hardware::dhcp::DhcpDaemon;
use crate::hardware::power::PsuDomain;
use crate::hardware::storage::RequestQueue;
use crate::ids::{NodeId, Part, PartKind};
use crate::plan::Plan;
use crate::units::{Power, Span, Time};

use super::{Effect, Rack, Timer};
use crate::hardware::network::WHOLE_PPM;

/// How a fault harms, beside its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Harm {
    /// A crashed or hung node keeps its power, and a power cycle by the controller cures it.
    /// Otherwise a crashed node has no power until its repair is done.
    pub by_controller: bool,
    /// What remains of a degraded link's rate (ppm).
    pub share_ppm: u32,
}

/// A fault that holds a link down now.
#[derive(Clone, Copy, Debug)]
pub(super) struct LinkFault {
    number: u64,
    part: Part,
    share_ppm: u32,
}

/// One switch.
#[derive(Clone, Debug)]
pub(super) struct Switch {
    /// Faults and dead PSUs that keep it down now.
    pub down: u8,
    /// What is left of its uplink.
    pub uplink_ppm: u32,
}

impl Default for Switch {
    fn default() -> Self {
        Self { down: 0, uplink_ppm: WHOLE_PPM }
    }
}

impl Switch {
    pub(super) fn connects(&self) -> bool {
        self.down == 0 && self.uplink_ppm > 0
    }
}

/// One PSU domain and what hangs on it.
#[derive(Debug)]
pub(super) struct Psu {
    pub domain: PsuDomain,
    /// Its nodes, in order: half-open ranges.
    pub nodes: Vec<std::ops::Range<u32>>,
    pub switches: Vec<u32>,
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
        psus
    }
}

/// One boot and file server.
#[derive(Clone, Debug, Default)]
pub(super) struct Server {
    /// Faults that keep it down now.
    pub down: u8,
    pub dhcp: DhcpDaemon,
    pub requests: RequestQueue,
}

impl Rack {
    /// Servers and switches draw their power from the start; nodes that are off draw theirs.
    pub(super) fn draw_static_loads(&mut self) {
        let scenario = &self.plan.scenario;
        let servers = scenario.server.power.0 * self.servers.len() as u64;
        self.meter.change(self.now, Power(0), Power(servers));
        let off = scenario.hardware.power.off;
        for psu in &mut self.psus {
            let count =
                psu.nodes.iter().map(|range| u64::from(range.end - range.start)).sum::<u64>();
            let switches = scenario.module.switch_power.0 * psu.switches.len() as u64;
            let load = Power(off.0 * count + switches);
            self.meter.change(self.now, Power(0), load);
            let trips = psu.domain.change(Power(0), load);
            assert!(!trips, "a PSU bears its switches");
        }
    }

    /// A fault strikes a part. `by_controller`: only a power cycle by the controller cures it, and
    /// the node keeps its power until then. `share_ppm` counts for degraded links only.
    pub fn harm(&mut self, now: Time, number: u64, kind: Fault, part: Part, how: Harm) {
        self.reach(now);
        let cause = Cause::Fault(kind);
        match kind {
            Fault::Crash => {
                self.fail(part.index, NodeState::Down, cause);
                if !how.by_controller {
                    let node = &mut self.nodes[part.index as usize];
                    (node.blocked, node.channel) = (node.blocked + 1, false);
                    self.cut_power(part.index, NodeState::Down, cause);
                }
            }
            Fault::Hang => self.fail(part.index, NodeState::Hung, cause),
            Fault::PowerLoss => self.psu_down(part.index, cause),
            Fault::SwitchLoss => self.switch_down(part.index, cause),
            Fault::ServerLoss => self.server_down(part.index, cause),
            Fault::ControllerCrash => unreachable!("it is no part of the rack"),
            Fault::SilentCorruption
            | Fault::Upset
            | Fault::Dram
            | Fault::Load
            | Fault::Clock
            | Fault::Process => {}
            Fault::LinkDegradation => {
                self.link_faults.push(LinkFault { number, part, share_ppm: how.share_ppm });
                self.set_link(part, cause);
            }
        }
    }

    /// The damage of a fault is repaired. A node whose channel is off stays off.
    pub fn repair(&mut self, now: Time, number: u64, kind: Fault, part: Part, how: Harm) {
        self.reach(now);
        match kind {
            Fault::Crash if !how.by_controller => {
                self.nodes[part.index as usize].blocked -= 1;
                self.feed_returns(part.index);
            }
            Fault::Crash
            | Fault::Hang
            | Fault::ControllerCrash
            | Fault::SilentCorruption
            | Fault::Upset
            | Fault::Dram
            | Fault::Load
            | Fault::Clock
            | Fault::Process => {}
            Fault::PowerLoss => self.psu_up(part.index, Cause::Repair),
            Fault::SwitchLoss => self.switch_up(part.index, Cause::Repair),
            Fault::ServerLoss => self.server_up(part.index, Cause::Repair),
            Fault::LinkDegradation => {
                let same = |fault: &LinkFault| fault.number == number && fault.part == part;
                let place = self.link_faults.iter().position(same).expect("the fault holds");
                self.link_faults.swap_remove(place);
                self.set_link(part, Cause::Repair);
            }
        }
    }

    /// A link has the smallest share that any fault on it leaves.
    fn set_link(&mut self, part: Part, cause: Cause) {
        let faults = self.link_faults.iter().filter(|fault| fault.part == part);
        let share = faults.map(|fault| fault.share_ppm).min().unwrap_or(WHOLE_PPM);
        if part.kind == PartKind::Uplink {
            self.switches[part.index as usize].uplink_ppm = share;
            self.tell_part(PartKind::Uplink, part.index, link_state(share), cause);
            self.path_changed(part.index);
        } else {
            self.nodes[part.index as usize].share_ppm = share;
            self.tell_part(PartKind::NodeLink, part.index, link_state(share), cause);
            self.node_cap_changed(part.index);
            self.effects.push(Effect::Link(NodeId(part.index), share));
            self.connection_changed(part.index);
        }
    }

    /// A PSU domain loses power for one more reason.
    fn psu_down(&mut self, psu: u32, cause: Cause) {
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
                self.cut_power(node, NodeState::Down, cause);
            } else if self.nodes[node as usize].state == NodeState::Off {
                self.set_state(node, NodeState::Down, cause);
            }
        }
    }

    /// One of the reasons is gone; with the last one power is back for the nodes whose channel is
    /// on, node after node.
    fn psu_up(&mut self, psu: u32, cause: Cause) {
        let domain = &mut self.psus[psu as usize].domain;
        domain.down -= 1;
        if domain.down > 0 {
            return;
        }
        self.tell_part(PartKind::Psu, psu, PartState::Up, cause);
        for switch in self.psus[psu as usize].switches.clone() {
            self.switch_up(switch, cause);
        }
        let mut wait = Span::ZERO;
        for node in self.psus[psu as usize].nodes.clone().into_iter().flatten() {
            self.after(wait, Timer::Feed { node });
            wait += self.plan.scenario.boot.stagger;
        }
    }

    /// Cuts off the domains that passed their limit.
    pub(super) fn settle_trips(&mut self) {
        while let Some(psu) = self.tripped.pop() {
            self.brown_out(psu);
        }
    }

    /// A PSU whose limit was passed cuts its domain off, and tries again as often as the
    /// controller's patience lasts.
    fn brown_out(&mut self, psu: u32) {
        let domain = &mut self.psus[psu as usize].domain;
        if domain.down > 0 || domain.load <= domain.limit {
            return;
        }
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
    fn switch_down(&mut self, switch: u32, cause: Cause) {
        self.switches[switch as usize].down += 1;
        if self.switches[switch as usize].down == 1 {
            self.tell_part(PartKind::Switch, switch, PartState::Down, cause);
            self.path_changed(switch);
        }
    }

    fn switch_up(&mut self, switch: u32, cause: Cause) {
        self.switches[switch as usize].down -= 1;
        if self.switches[switch as usize].down == 0 {
            self.tell_part(PartKind::Switch, switch, PartState::Up, cause);
            self.path_changed(switch);
        }
    }

    /// The fabric, the holder and the nodes behind a switch learn that its path changed.
    fn path_changed(&mut self, switch: u32) {
        let row = &self.switches[switch as usize];
        let (forwards, uplink_ppm) = (row.down == 0, row.uplink_ppm);
        self.network.set_uplink(self.now, switch, if forwards { uplink_ppm } else { 0 });
        self.effects.push(Effect::Switch(switch, forwards, uplink_ppm));
        let module = self.plan.machine.switches[switch as usize].module;
        let per_module = self.plan.scenario.module.nodes;
        for node in module * per_module..(module + 1) * per_module {
            if self.plan.machine.nodes[node as usize].switch == switch {
                self.connection_changed(node);
            }
        }
    }

    /// A boot transfer that stalls has a limit.
    fn connection_changed(&mut self, id: u32) {
        if self.nodes[id as usize].state != NodeState::Up && !self.connected(id) {
            self.expect_silence(id);
        }
    }

    fn server_down(&mut self, server: u32, cause: Cause) {
        self.servers[server as usize].down += 1;
        if self.servers[server as usize].down > 1 {
            return;
        }
        self.tell_part(PartKind::Server, server, PartState::Down, cause);
        self.network.set_server(self.now, server, false);
        self.servers[server as usize].dhcp.reset(self.now);
        let row = &self.plan.machine.servers[server as usize];
        for node in row.first_node..row.end_node {
            self.expect_silence(node);
        }
    }

    fn server_up(&mut self, server: u32, cause: Cause) {
        self.servers[server as usize].down -= 1;
        if self.servers[server as usize].down == 0 {
            self.tell_part(PartKind::Server, server, PartState::Up, cause);
            self.network.set_server(self.now, server, true);
            self.servers[server as usize].dhcp.reset(self.now);
        }
    }

    fn tell_part(&mut self, kind: PartKind, index: u32, state: PartState, cause: Cause) {
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
