//! A node's power, life and state: what every other part of the model changes through here.

use crate::event::{Cause, NodeState, What};
use crate::hardware::flow::FlowId;
use crate::ids::{JobId, Life, NodeId};
use crate::units::{Power, Span, Time};

use super::boot::is_boot;
use super::world::{Timer, World};
use crate::hardware::network::WHOLE_PPM;

/// What a node draws.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Draw {
    #[default]
    Off,
    Inrush,
    Boot,
    Idle,
    Compute,
}

/// What the controller makes of a node in its present life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Watch {
    /// Its turn at the start of the run has not come.
    #[default]
    NotYet,
    /// It shall come up in time.
    Boot,
    /// It has been up.
    Seen,
    /// It hangs by a fault that is not the controller's to repair.
    LeftAlone,
}

/// What the DHCP daemon makes of a node in its present life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Request {
    /// It knows nothing of it.
    #[default]
    None,
    /// It has a request of it in its queue.
    Queued,
    /// It has answered, or checked the address.
    Answered,
}

/// One node. Timers and transfers look at one after the other out of a million, so that it has to
/// lie in one cache line, with the little of its row in the plan that they need.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(super) struct Node {
    pub state: NodeState,
    pub life: u32,
    /// When the one thing happens that it waits for: its power-on, an answer of the daemon, the
    /// end of its patience with a silent server. Timers of other instants are dead.
    pub due: Time,
    /// Index into the boot chain.
    pub step: u16,
    /// Repairs that must be done before it may have power.
    pub blocked: u16,
    /// DISCOVERs sent in this life.
    pub tries: u32,
    /// Power cycles since it was last up.
    pub cycles: u32,
    pub powered: bool,
    pub job: Option<JobId>,
    pub watch: Watch,
    pub request: Request,
    pub draw: Draw,
    /// What is left of its link.
    pub share_ppm: u32,
    /// The switch it is plugged into.
    pub switch: u32,
    /// Its boot transfer.
    pub flow: Option<FlowId>,
}

const _: () = assert!(size_of::<Node>() == 64);

impl Node {
    /// A node that is off, plugged into this switch.
    pub(super) fn at(switch: u32) -> Self {
        Self {
            state: NodeState::Off,
            life: 0,
            due: Time::NEVER,
            step: 0,
            blocked: 0,
            tries: 0,
            cycles: 0,
            powered: false,
            job: None,
            watch: Watch::NotYet,
            request: Request::None,
            draw: Draw::Off,
            share_ppm: WHOLE_PPM,
            switch,
            flow: None,
        }
    }
}

impl World<'_> {
    /// Whether the node still lives this life.
    pub(super) fn lives(&self, node: u32, life: u32) -> bool {
        self.nodes[node as usize].life == life
    }

    /// Whether the node still lives this life and is on its way up: a step of a node that crashed,
    /// hung, gave up or lost its power never ends.
    pub(super) fn boots(&self, node: u32, life: u32) -> bool {
        let node = &self.nodes[node as usize];
        node.life == life && node.powered && is_boot(node.state)
    }

    /// Whether the node lives this life, is on its way up, and what it waits for is due now.
    pub(super) fn awaits(&self, node: u32, life: u32) -> bool {
        self.boots(node, life) && self.is_due(node)
    }

    /// Whether what the node waits for is due now.
    pub(super) fn is_due(&self, node: u32) -> bool {
        self.nodes[node as usize].due == self.now
    }

    /// Sets the instant and the timer of what the node waits for.
    pub(super) fn await_until(&mut self, node: u32, at: Time, timer: Timer) {
        self.nodes[node as usize].due = at;
        self.agenda.schedule(at, timer);
    }

    /// The first power-on of a node, and the timer for the next node of its module. Without a
    /// stagger all of them have power before anything else happens at this instant.
    pub(super) fn start_in_turn(&mut self, first: u32) {
        let (rows, stagger) = (&self.plan.machine.nodes, self.plan.scenario.boot.stagger);
        let module = rows[first as usize].module;
        for node in first.. {
            if rows.get(node as usize).is_none_or(|row| row.module != module) {
                return;
            }
            if node > first && stagger > Span::ZERO {
                self.after(stagger, Timer::Start { node });
                return;
            }
            self.nodes[node as usize].watch = Watch::Boot;
            self.power_on(node);
        }
    }

    /// Gives a node power, if nothing forbids it and it lacks it. A new life begins.
    pub(super) fn power_on(&mut self, id: u32) {
        let psu = self.plan.machine.nodes[id as usize].psu;
        let node = &mut self.nodes[id as usize];
        let forbidden = node.blocked > 0 || node.watch == Watch::NotYet;
        if node.powered || forbidden || self.psus[psu as usize].domain.down > 0 {
            return;
        }
        node.life += 1;
        (node.powered, node.watch, node.due) = (true, Watch::Boot, Time::NEVER);
        (node.step, node.tries, node.request) = (0, 0, Request::None);
        let life = node.life;
        self.start_clocks(id);
        if self.chain.is_empty() {
            self.set_draw(id, Draw::Boot);
            self.comes_up(id);
            return;
        }
        self.set_draw(id, Draw::Inrush);
        let scenario = &self.plan.scenario;
        self.after(scenario.hardware.boot.inrush, Timer::Settled { node: id, life });
        self.after(scenario.controller.boot_timeout, Timer::BootDue { node: id, life });
        self.begin_step(id, Cause::Course);
    }

    /// Takes a node's power away; its life ends. `state` says how it is left.
    pub(super) fn power_off(&mut self, id: u32, state: NodeState, cause: Cause) {
        if self.nodes[id as usize].powered {
            self.stop_clocks(id);
            self.nodes[id as usize].powered = false;
            self.leave(id, state, cause);
            self.set_draw(id, Draw::Off);
        }
    }

    /// A node without power that nothing holds down any more is merely off.
    pub(super) fn rest(&mut self, id: u32, cause: Cause) {
        let psu = self.plan.machine.nodes[id as usize].psu;
        let node = &self.nodes[id as usize];
        if !node.powered && node.blocked == 0 && self.psus[psu as usize].domain.down == 0 {
            self.set_state(id, NodeState::Off, cause);
        }
    }

    /// A boot gives up: the node waits in low power, like one that was halted.
    pub(super) fn gives_up(&mut self, id: u32, cause: Cause) {
        self.leave(id, NodeState::GaveUp, cause);
        self.set_draw(id, Draw::Off);
    }

    /// Takes a node out of whatever it does and into a state in which it does nothing.
    pub(super) fn leave(&mut self, id: u32, state: NodeState, cause: Cause) {
        self.abort_boot_transfer(id);
        let was_up = self.nodes[id as usize].state == NodeState::Up;
        self.set_state(id, state, cause);
        if was_up {
            self.up -= 1;
            self.memory_lost(id);
            self.node_lost(id);
        }
    }

    /// The agent is up.
    pub(super) fn comes_up(&mut self, id: u32) {
        let node = &mut self.nodes[id as usize];
        (node.cycles, node.watch) = (0, Watch::Seen);
        self.set_state(id, NodeState::Up, Cause::Course);
        self.set_draw(id, Draw::Idle);
        self.up += 1;
        self.offer_to_jobs(id);
    }

    /// Changes and tells a node's state, if it is another one.
    pub(super) fn set_state(&mut self, id: u32, state: NodeState, cause: Cause) {
        let node = &mut self.nodes[id as usize];
        if node.state != state {
            node.state = state;
            let life = Life(node.life);
            self.tell(What::NodeState { node: NodeId(id), life, state, cause });
        }
    }

    /// The inrush after power-on is over.
    pub(super) fn settled(&mut self, id: u32) {
        if self.nodes[id as usize].draw == Draw::Inrush {
            self.set_draw(id, Draw::Boot);
        }
    }

    /// Changes what a node draws, in the meter and in its PSU domain.
    pub(super) fn set_draw(&mut self, id: u32, draw: Draw) {
        let from = std::mem::replace(&mut self.nodes[id as usize].draw, draw);
        let psu = self.plan.machine.nodes[id as usize].psu;
        self.change_draw(psu, from, draw, 1);
    }

    /// Changes what so many nodes of a PSU domain draw. O(1).
    pub(super) fn change_draw(&mut self, psu: u32, from: Draw, to: Draw, count: u32) {
        let (mean_from, peak_from) = self.watts(from);
        let (mean_to, peak_to) = self.watts(to);
        let times = |power: Power| Power(power.0 * u64::from(count));
        let (from, to) = ((times(mean_from), times(peak_from)), (times(mean_to), times(peak_to)));
        self.change_load(psu, from, to);
    }

    /// Mean and peak power of a draw.
    fn watts(&self, draw: Draw) -> (Power, Power) {
        let power = &self.plan.scenario.hardware.power;
        match draw {
            Draw::Off => (power.off, power.off),
            Draw::Inrush => (power.boot_peak, power.boot_peak),
            Draw::Boot => (power.boot, power.boot),
            Draw::Idle => (power.idle, power.idle),
            Draw::Compute => (power.compute, power.compute_peak),
        }
    }

    /// A node that is not up in time is power-cycled, up to the controller's patience.
    pub(super) fn boot_due(&mut self, id: u32) {
        let node = &self.nodes[id as usize];
        let patience = self.plan.scenario.controller.boot_retries;
        if node.powered && node.watch == Watch::Boot && node.cycles < patience {
            self.power_cycle(id, Cause::Timeout);
        }
    }

    /// Off, a pause, and on again.
    pub(super) fn power_cycle(&mut self, id: u32, cause: Cause) {
        self.nodes[id as usize].cycles += 1;
        self.power_off(id, NodeState::Off, cause);
        let on = self.now + self.plan.scenario.controller.settle;
        self.await_until(id, on, Timer::PowerOn { node: id });
    }

    /// Whether the network reaches the node from its switch's top of rack.
    pub(super) fn connected(&self, id: u32) -> bool {
        let node = &self.nodes[id as usize];
        node.share_ppm > 0 && self.switches[node.switch as usize].connects()
    }
}
