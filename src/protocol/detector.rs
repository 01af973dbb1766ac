//! The failure detectors: each is a file with a machine, and a line here.

use crate::ids::NodeId;
use crate::protocol::heartbeat::Heartbeat;
use crate::protocol::phi::PhiAccrual;
use crate::protocol::swim::{Swim, Verdict};
use crate::rng::Stream;
use crate::scenario::boot::Controller;
use crate::units::{Span, Time};

/// The controller's number in the group of a detector by gossip.
pub const CONTROLLER: NodeId = NodeId(u32::MAX);

/// What suspects nodes that no longer send heartbeats.
#[derive(Clone, Debug)]
pub enum Detector {
    /// After a fixed time.
    Timeout(Heartbeat),
    /// After a time that follows from the heartbeats.
    Phi(PhiAccrual),
    /// When the group finds it dead, of which the controller is a member. Heartbeats are watched as
    /// well, for whom the group reaches and the controller does not.
    Gossip(Box<Swim>, Heartbeat),
}

impl Detector {
    /// The detector of a scenario, which watches nobody yet. `chance` is for gossip.
    #[must_use]
    pub fn new(now: Time, spec: &Controller, chance: Stream) -> Self {
        match (spec.phi, spec.gossip) {
            (Some(phi), _) => Self::Phi(PhiAccrual::new(phi)),
            (None, Some(rules)) => {
                let swim = Swim::new(now, CONTROLLER, rules, chance);
                Self::Gossip(Box::new(swim), Heartbeat::new(spec.detect))
            }
            (None, None) => Self::Timeout(Heartbeat::new(spec.detect)),
        }
    }

    /// From the failure of one of so many nodes, which has beaten regularly, to its suspicion: the
    /// longest time by heartbeats, the mean by gossip.
    #[must_use]
    pub fn delay(spec: &Controller, nodes: usize) -> Span {
        match (spec.phi, spec.gossip) {
            (Some(phi), _) => PhiAccrual::delay(phi),
            (None, Some(rules)) => Swim::delay(rules, nodes as u64 + 1).min(spec.detect),
            (None, None) => spec.detect,
        }
    }

    /// The controller as a member of the group, if there is one. A node joins it when the others
    /// are informed of it, and leaves it when it is forgotten.
    pub fn group(&mut self) -> Option<&mut Swim> {
        match self {
            Self::Gossip(group, _) => Some(group),
            _ => None,
        }
    }

    /// Watches a node from now on, as if it had just been heard.
    pub fn watch(&mut self, now: Time, node: NodeId) {
        match self {
            Self::Timeout(detector) | Self::Gossip(_, detector) => detector.watch(now, node),
            Self::Phi(detector) => detector.watch(now, node),
        }
    }

    /// No longer watches a node.
    pub fn forget(&mut self, node: NodeId) {
        match self {
            Self::Timeout(detector) => detector.forget(node),
            Self::Phi(detector) => detector.forget(node),
            Self::Gossip(group, detector) => {
                group.leave(node);
                detector.forget(node);
            }
        }
    }

    /// A node was heard; heartbeats of nodes that are not watched mean nothing.
    pub fn heartbeat(&mut self, now: Time, node: NodeId) {
        match self {
            Self::Timeout(detector) => detector.heartbeat(now, node),
            Self::Phi(detector) => detector.heartbeat(now, node),
            Self::Gossip(group, detector) => {
                detector.heartbeat(now, node);
                if group.doubts(node) {
                    group.join(node);
                }
            }
        }
    }

    /// When a watched node was last heard.
    #[must_use]
    pub fn heard(&self, node: NodeId) -> Option<Time> {
        match self {
            Self::Timeout(detector) | Self::Gossip(_, detector) => detector.heard(node),
            Self::Phi(detector) => detector.heard(node),
        }
    }

    /// When [`Self::suspects`] has something to say, if nobody sends heartbeats before.
    #[must_use]
    pub fn next(&self) -> Option<Time> {
        match self {
            Self::Timeout(detector) => detector.next(),
            Self::Phi(detector) => detector.next(),
            Self::Gossip(group, detector) => {
                detector.next().into_iter().chain([group.next()]).min()
            }
        }
    }

    /// The nodes that are suspected by now, with the time at which each was last heard. They are
    /// watched no more.
    pub fn suspects(&mut self, now: Time) -> Vec<(NodeId, Time)> {
        match self {
            Self::Timeout(detector) => detector.suspects(now),
            Self::Phi(detector) => detector.suspects(now),
            Self::Gossip(group, detector) => {
                group.pass(now);
                let mut suspects = detector.suspects(now);
                for verdict in group.take_verdicts() {
                    if let Verdict::Confirmed(node) = verdict
                        && let Some(heard) = detector.heard(node)
                    {
                        detector.forget(node);
                        suspects.push((node, heard));
                    }
                }
                for (node, _) in &suspects {
                    group.leave(*node);
                }
                suspects
            }
        }
    }
}
