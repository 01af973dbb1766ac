//! A node as hardware: its power channel, its life, and how far it is on its way up.

use crate::event::NodeState;
use crate::hardware::flow::FlowId;
use crate::hardware::network::WHOLE_PPM;
use crate::ids::NodeId;
use crate::plan::machine::Machine;
use crate::scenario::cluster::NodePower;
use crate::units::{Power, Time};

/// What a node draws.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Draw {
    /// Its power channel is off, or it waits as if it were halted.
    #[default]
    Off,
    /// The first moment after power-on.
    Inrush,
    /// It boots.
    Boot,
    /// It is up, or hangs, and does nothing.
    Idle,
    /// It computes or verifies.
    Compute,
}

impl Draw {
    /// Mean and peak power.
    pub(super) fn watts(self, power: &NodePower) -> (Power, Power) {
        match self {
            Self::Off => (power.off, power.off),
            Self::Inrush => (power.boot_peak, power.boot_peak),
            Self::Boot => (power.boot, power.boot),
            Self::Idle => (power.idle, power.idle),
            Self::Compute => (power.compute, power.compute_peak),
        }
    }
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
pub(super) struct MachineNode {
    pub state: NodeState,
    pub life: u32,
    /// When the one thing happens that it waits for: its feed, an answer of the daemon, the end of
    /// its patience with a silent server. Timers of other instants are dead.
    pub due: Time,
    /// Index into the boot chain.
    pub step: u16,
    /// Repairs that must be done before it may have power.
    pub blocked: u16,
    /// DISCOVERs sent in this life.
    pub tries: u32,
    /// Whether its power channel is on; power comes with it when the feed is there.
    pub channel: bool,
    pub powered: bool,
    pub request: Request,
    pub draw: Draw,
    /// What is left of its link.
    pub share_ppm: u32,
    /// The switch it is plugged into.
    pub switch: u32,
    /// What feeds it: the number of [`Machine::feed_of`].
    pub feed: u32,
    /// Its group.
    pub group: u16,
    /// Its boot chain.
    pub chain: u16,
    /// Its boot transfer.
    pub flow: Option<FlowId>,
}

const _: () = assert!(size_of::<MachineNode>() == 64);

impl MachineNode {
    /// A node that is off, in its place of the machine. A server that is a node has a boot chain
    /// after those of all groups.
    pub(super) fn at(machine: &Machine, id: NodeId) -> Self {
        let (row, group) = (&machine.nodes[id.0 as usize], machine.group_of(id));
        let is_head = machine.wiring.server.node == Some(id.0);
        Self {
            state: NodeState::Off,
            life: 0,
            due: Time::NEVER,
            step: 0,
            blocked: 0,
            tries: 0,
            channel: false,
            powered: false,
            request: Request::None,
            draw: Draw::Off,
            share_ppm: WHOLE_PPM,
            switch: row.switch,
            feed: machine.feed_of(id),
            group,
            chain: if is_head { machine.wiring.groups.len() as u16 } else { group },
            flow: None,
        }
    }
}
