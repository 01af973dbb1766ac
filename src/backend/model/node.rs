//! What the controller makes of each node: when it gets power, and what happens if it does not
//! come up.

use crate::control::coordinator::Input;
use crate::event::{Cause, NodeState};
use crate::hardware::rack::Effect;
use crate::ids::{Life, NodeId};
use crate::units::{Span, Time};

use super::world::{Timer, World};

/// What the controller makes of a node in its present life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Watch {
    /// It shall come up in time.
    #[default]
    Boot,
    /// It has been up.
    Seen,
    /// It hangs by a fault that is not the controller's to repair.
    LeftAlone,
}

/// What the controller knows of one node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ward {
    /// When it is switched on again. Timers of other instants are dead.
    pub on_at: Time,
    /// Power cycles since it was last up.
    pub cycles: u32,
    pub watch: Watch,
}

impl Default for Ward {
    fn default() -> Self {
        Self { on_at: Time::NEVER, cycles: 0, watch: Watch::Boot }
    }
}

impl World<'_> {
    /// Whether the node still lives this life.
    pub(super) fn lives(&self, node: u32, life: u32) -> bool {
        self.rack.is_life(NodeId(node), Life(life))
    }

    /// What has come of the hardware is answered.
    pub(super) fn react(&mut self, effect: Effect) {
        match effect {
            Effect::Powered(NodeId(id), Life(life)) => {
                self.wards[id as usize].watch = Watch::Boot;
                self.start_clocks(id);
                if !self.rack.boots_at_once() {
                    let timeout = self.plan.scenario.controller.boot_timeout;
                    self.after(timeout, Timer::BootDue { node: id, life });
                }
            }
            Effect::Dead(NodeId(id)) => self.stop_clocks(id),
            Effect::Starts(NodeId(id), _) => {
                let ward = &mut self.wards[id as usize];
                (ward.cycles, ward.watch) = (0, Watch::Seen);
                self.offer_to_jobs(id);
            }
            Effect::Stops(NodeId(id)) => {
                self.coordinate(Input::Wiped(NodeId(id)));
                self.node_lost(id);
            }
            Effect::Reached(NodeId(id), true) => self.offer_to_jobs(id),
            Effect::Reached(NodeId(id), false) => self.node_lost(id),
            Effect::Moved(ticket) => self.moved(ticket),
            Effect::Speed(node, share_ppm) => {
                if let Some(of) = self.jobs.job_of(node) {
                    self.change_speed(of, node, share_ppm);
                }
            }
            Effect::Link(..) | Effect::Switch(..) => {}
        }
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
            self.with_rack(|rack| rack.power_on(NodeId(node)));
        }
    }

    /// The pause of a power cycle is over.
    pub(super) fn power_on(&mut self, id: u32) {
        if self.wards[id as usize].on_at == self.now() {
            self.with_rack(|rack| rack.power_on(NodeId(id)));
        }
    }

    /// A node that is not up in time is power-cycled, up to the controller's patience.
    pub(super) fn boot_due(&mut self, id: u32) {
        let (ward, patience) =
            (self.wards[id as usize], self.plan.scenario.controller.boot_retries);
        let is_late = self.rack.is_powered(NodeId(id)) && ward.watch == Watch::Boot;
        if is_late && ward.cycles < patience {
            self.power_cycle(id, Cause::Timeout);
        }
    }

    /// The controller knows of a failed node and power-cycles it.
    pub(super) fn detected(&mut self, id: u32) {
        let failed = matches!(self.rack.state(NodeId(id)), NodeState::Down | NodeState::Hung);
        if failed && self.rack.is_powered(NodeId(id)) {
            self.power_cycle(id, Cause::Repair);
        }
    }

    /// Off, a pause, and on again.
    pub(super) fn power_cycle(&mut self, id: u32, cause: Cause) {
        self.wards[id as usize].cycles += 1;
        self.with_rack(|rack| rack.power_off(NodeId(id), cause));
        self.power_on_at(id, self.now() + self.plan.scenario.controller.settle);
    }

    /// A node is to be switched on at this instant, and at no other.
    pub(super) fn power_on_at(&mut self, id: u32, at: Time) {
        self.wards[id as usize].on_at = at;
        self.rack.schedule(at, Timer::PowerOn { node: id });
    }
}
