//! The failure detectors: each is a file with a machine, and a line here.

use crate::ids::NodeId;
use crate::protocol::heartbeat::Heartbeat;
use crate::protocol::phi::PhiAccrual;
use crate::scenario::boot::Controller;
use crate::units::{Span, Time};

/// What suspects nodes that no longer beat.
#[derive(Clone, Debug)]
pub enum Detector {
    /// After a fixed time.
    Timeout(Heartbeat),
    /// After a time that follows from the beats.
    Phi(PhiAccrual),
}

impl Detector {
    /// The detector of a scenario, which watches nobody yet.
    #[must_use]
    pub fn new(wish: &Controller) -> Self {
        match wish.phi {
            Some(phi) => Self::Phi(PhiAccrual::new(phi)),
            None => Self::Timeout(Heartbeat::new(wish.detect)),
        }
    }

    /// From the last beat of a node that has beaten regularly to its suspicion.
    #[must_use]
    pub fn delay(wish: &Controller) -> Span {
        wish.phi.map_or(wish.detect, PhiAccrual::delay)
    }

    /// Watches a node from now on, as if it had just been heard.
    pub fn watch(&mut self, now: Time, node: NodeId) {
        match self {
            Self::Timeout(detector) => detector.watch(now, node),
            Self::Phi(detector) => detector.watch(now, node),
        }
    }

    /// No longer watches a node.
    pub fn forget(&mut self, node: NodeId) {
        match self {
            Self::Timeout(detector) => detector.forget(node),
            Self::Phi(detector) => detector.forget(node),
        }
    }

    /// A node was heard; beats of nodes that are not watched mean nothing.
    pub fn beat(&mut self, now: Time, node: NodeId) {
        match self {
            Self::Timeout(detector) => detector.beat(now, node),
            Self::Phi(detector) => detector.beat(now, node),
        }
    }

    /// When a watched node was last heard.
    #[must_use]
    pub fn heard(&self, node: NodeId) -> Option<Time> {
        match self {
            Self::Timeout(detector) => detector.heard(node),
            Self::Phi(detector) => detector.heard(node),
        }
    }

    /// When [`Self::suspects`] has something to say, if nobody beats before.
    #[must_use]
    pub fn next(&self) -> Option<Time> {
        match self {
            Self::Timeout(detector) => detector.next(),
            Self::Phi(detector) => detector.next(),
        }
    }

    /// The nodes that are suspected by now, with the time at which each was last heard. They are
    /// watched no more.
    pub fn suspects(&mut self, now: Time) -> Vec<(NodeId, Time)> {
        match self {
            Self::Timeout(detector) => detector.suspects(now),
            Self::Phi(detector) => detector.suspects(now),
        }
    }
}
