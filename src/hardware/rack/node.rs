//! A node's power, life and state.

use super::{Effect, Rack, Timer, is_boot};
use crate::event::{Cause, NodeState, What};
use crate::hardware::flow::FlowId;
use crate::hardware::network::WHOLE_PPM;
use crate::ids::{Life, NodeId};
use crate::units::{Power, Time};

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

/// What a node's power switch says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supply {
    /// Its channel is off.
    Off,
    /// Its channel is on.
    On,
    /// Its feed is dead or its repair not done: it cannot be switched on.
    Dead,
}

/// One node.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub state: NodeState,
    pub life: u32,
    /// Index into the boot chain.
    pub step: u8,
    /// DISCOVERs sent in this life.
    pub tries: u8,
    /// Repairs that must be done before it may have power.
    pub blocked: u8,
    /// Whether its channel is on; power comes with it when the feed is there.
    pub channel: bool,
    pub powered: bool,
    /// Whether the DHCP daemon has its request queued.
    pub queued: bool,
    pub draw: Draw,
    /// What is left of its link.
    pub share_ppm: u32,
    /// Its boot transfer.
    pub flow: Option<FlowId>,
}

impl Default for Node {
    fn default() -> Self {
        Self {
            state: NodeState::Off,
            life: 0,
            step: 0,
            tries: 0,
            blocked: 0,
            channel: false,
            powered: false,
            queued: false,
            draw: Draw::Off,
            share_ppm: WHOLE_PPM,
            flow: None,
        }
    }
}

impl Rack {
    /// Switches a node on; a new life begins, if it had no power and its feed is there.
    pub fn power_on(&mut self, now: Time, node: NodeId) {
        self.reach(now);
        self.nodes[node.0 as usize].channel = true;
        self.energise(node.0);
    }

    /// Switches a node off. A node that had failed is off by this cause as well.
    pub fn power_off(&mut self, now: Time, node: NodeId, cause: Cause) {
        self.reach(now);
        self.nodes[node.0 as usize].channel = false;
        if self.supply(node) != Supply::Dead {
            self.cut_power(node.0, NodeState::Off, cause);
            self.set_state(node.0, NodeState::Off, cause);
        }
    }

    /// What a node's power switch says.
    #[must_use]
    pub fn supply(&self, node: NodeId) -> Supply {
        let psu = self.plan.machine.nodes[node.0 as usize].psu;
        let node = &self.nodes[node.0 as usize];
        if node.blocked > 0 || self.psus[psu as usize].domain.down > 0 {
            Supply::Dead
        } else if node.channel {
            Supply::On
        } else {
            Supply::Off
        }
    }

    /// Whether a node computes: it draws more then. Nothing for a node that is not up.
    pub fn set_computing(&mut self, now: Time, node: NodeId, computing: bool) {
        self.reach(now);
        if self.nodes[node.0 as usize].state == NodeState::Up {
            self.set_draw(node.0, if computing { Draw::Compute } else { Draw::Idle });
        }
    }

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

    /// Power reaches a node whose channel is on.
    fn energise(&mut self, id: u32) {
        let dead = self.supply(NodeId(id)) == Supply::Dead;
        let node = &mut self.nodes[id as usize];
        if node.powered || dead || !node.channel {
            return;
        }
        node.life += 1;
        node.powered = true;
        (node.step, node.tries, node.queued) = (0, 0, false);
        let life = node.life;
        if self.chain.is_empty() {
            self.set_draw(id, Draw::Boot);
            self.comes_up(id);
            return;
        }
        self.set_draw(id, Draw::Inrush);
        self.after(self.plan.scenario.hardware.boot.inrush, Timer::Settled { node: id, life });
        self.begin_step(id, Cause::Course);
    }

    pub(super) fn feed_returns(&mut self, id: u32) {
        self.energise(id);
    }

    /// Takes a node's power away; its life ends. `state` says how it is left.
    pub(super) fn cut_power(&mut self, id: u32, state: NodeState, cause: Cause) {
        if self.nodes[id as usize].powered {
            self.nodes[id as usize].powered = false;
            self.leave(id, state, cause);
            self.set_draw(id, Draw::Off);
        }
    }

    /// Takes a node out of whatever it does and into a state in which it does nothing.
    pub(super) fn leave(&mut self, id: u32, state: NodeState, cause: Cause) {
        self.abort_boot_transfer(id);
        let was_up = self.nodes[id as usize].state == NodeState::Up;
        self.set_state(id, state, cause);
        if was_up {
            self.up -= 1;
            self.effects.push(Effect::Stops(NodeId(id)));
        }
    }

    /// User space is up.
    pub(super) fn comes_up(&mut self, id: u32) {
        self.set_state(id, NodeState::Up, Cause::Course);
        self.set_draw(id, Draw::Idle);
        self.up += 1;
        let life = Life(self.nodes[id as usize].life);
        self.effects.push(Effect::Starts(NodeId(id), life));
    }

    /// A powered node fails: `state` is [`NodeState::Down`] or [`NodeState::Hung`].
    pub(super) fn fail(&mut self, id: u32, state: NodeState, cause: Cause) {
        let node = &self.nodes[id as usize];
        if node.powered && node.state != NodeState::Down {
            self.leave(id, state, cause);
            self.set_draw(id, Draw::Idle);
        }
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
    fn set_draw(&mut self, id: u32, draw: Draw) {
        let from = std::mem::replace(&mut self.nodes[id as usize].draw, draw);
        let psu = self.plan.machine.nodes[id as usize].psu;
        let ((mean_from, peak_from), (mean_to, peak_to)) = (self.watts(from), self.watts(draw));
        self.meter.change(self.now, mean_from, mean_to);
        if self.psus[psu as usize].domain.change(peak_from, peak_to) {
            self.tripped.push(psu);
        }
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

    /// Whether the network reaches the node from the top of the rack.
    pub(super) fn connected(&self, id: u32) -> bool {
        let switch = self.plan.machine.nodes[id as usize].switch;
        self.nodes[id as usize].share_ppm > 0 && self.switches[switch as usize].connects()
    }
}
