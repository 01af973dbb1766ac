//! What the machine says to its holder, and what can become due in it.

use super::send::SendId;
use super::transfer::Ticket;
use crate::event::Event;
use crate::ids::{FaultId, Life, NodeId};
use crate::units::Time;

/// What can become due in the rack. A timer that names a life is dead when the node lives another
/// one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// The time of the node's boot step is over.
    Step {
        /// The node.
        node: u32,
        /// Its life.
        life: u32,
    },
    /// The next DISCOVER, or the end of all tries.
    Retry {
        /// The node.
        node: u32,
        /// Its life.
        life: u32,
    },
    /// An OFFER arrives.
    Offer {
        /// The node.
        node: u32,
        /// Its life.
        life: u32,
    },
    /// The boot ROM notices an OFFER.
    Accept {
        /// The node.
        node: u32,
        /// Its life.
        life: u32,
    },
    /// The kernel's lease has come, or is asked for again.
    Lease {
        /// The node.
        node: u32,
        /// Its life.
        life: u32,
    },
    /// The disk has taken the request for the root file system.
    Root {
        /// The node.
        node: u32,
        /// Its life.
        life: u32,
    },
    /// The server has been silent for as long as the boot ROM bears.
    Silence {
        /// The node.
        node: u32,
        /// Its life.
        life: u32,
    },
    /// The inrush after power-on is over.
    Settled {
        /// The node.
        node: u32,
        /// Its life.
        life: u32,
    },
    /// The feed of a node whose channel is on is back.
    Feed {
        /// The node.
        node: u32,
    },
    /// A PSU gives power again after a brown-out.
    PsuRestart {
        /// Its domain.
        psu: u32,
    },
    /// The port of a node that drew too much gives power again.
    PortRestart {
        /// The node.
        node: u32,
    },
    /// The disks have taken a transfer's requests.
    Admitted {
        /// The transfer.
        ticket: Ticket,
    },
}

/// What the holder of the rack must know at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A node has got power and begins its life.
    Powered(NodeId, Life),
    /// A node lost its power, or stopped dead with power: nothing ages on it any more.
    Dead(NodeId),
    /// User space is up: the node's agent starts.
    Starts(NodeId, Life),
    /// A node that was up stops dead or falls silent: nothing runs on it any more.
    Stops(NodeId),
    /// The controller can reach a node that is up again, or no longer.
    Reached(NodeId, bool),
    /// So much is left of a node's link (ppm).
    Link(NodeId, u32),
    /// Whether a switch forwards, and what is left of its uplink (ppm).
    Switch(u32, bool, u32),
    /// Whether a server works from now on.
    Server(u32, bool),
    /// Whether the partition of a rule lasts from now on.
    Partition(FaultId, bool),
    /// So much is left of the speed at which a node computes (ppm).
    Speed(NodeId, u32),
    /// A transfer is complete.
    Moved(Ticket),
    /// What one part sends to another has arrived, or is lost.
    Sent {
        /// Which.
        send: SendId,
        /// Whether all of it has arrived.
        arrived: bool,
    },
}

/// What comes of what happens.
#[derive(Clone, Copy, Debug)]
pub enum Output {
    /// For the log.
    Event(Event),
    /// For the holder.
    Effect(Effect),
}

/// What happens next by itself.
#[derive(Clone, Copy, Debug)]
pub struct Next {
    /// When.
    pub at: Time,
    pub(super) what: Due,
}

/// What that is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Due {
    /// Supplies that are overloaded brown out.
    BrownOut,
    /// A transfer ends.
    Transfer,
    /// A timer.
    Timer,
}
