//! Resilience protocols as pure machines: each input is answered by an order.
//!
//! The model calls them as functions; a fleet runs the same machines over sockets. A protocol of a
//! job is a file with a machine, and a line in [`Protocol`]; stages know only [`Input`] and
//! [`Order`].

pub mod chain;
pub mod coordinated;
pub mod corruption;
pub mod detector;
pub mod drain;
pub mod heartbeat;
pub mod holders;
pub mod interval;
pub mod logging;
pub mod multilevel;
pub mod phi;
pub mod replica;
pub mod seating;
pub mod swim;

use serde::{Deserialize, Serialize};

use crate::event::{JobPhase, What};
use crate::ids::NodeId;
use crate::units::{Span, Time};

/// What a stage tells the protocol of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// All nodes of the job are placed, up and reachable.
    Placed,
    /// The step that was ordered is done.
    StepDone,
    /// The checkpoint that was ordered is complete.
    Written,
    /// The same, and nodes that take the places of dead replicas read it back before the job goes
    /// on.
    WrittenForReplicas,
    /// The checkpoint has been read back.
    Read,
    /// A node of the job failed.
    Failed(NodeId),
    /// The verification that was ordered found nothing.
    Verified,
    /// The verification that was ordered found the memory of this node corrupt; or what the node
    /// has written is not the memory that was verified before.
    Corrupt(NodeId),
    /// Who [checks](corruption::Checks) the memory at the end of each order found that of this node
    /// corrupt: in place of a step or a verification, or after a checkpoint was written.
    Caught(NodeId),
}

/// What the stage shall do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Wait until the job is placed (again).
    Wait,
    /// Compute for so long.
    Compute(Span),
    /// Write a checkpoint of every node.
    Write,
    /// Read the last committed checkpoint back on every node.
    Read,
    /// Verify the memory of every node.
    Verify,
    /// Nothing: the job is done.
    Finish,
}

/// The protocol of a job. Each input costs what its machine says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Protocol {
    /// All nodes stop computing and write, together.
    Coordinated(coordinated::Coordinated),
    /// The same, with checkpoints of several levels.
    Multilevel(multilevel::Multilevel),
    /// Groups checkpoint and roll back by themselves.
    Logging(logging::Logging),
}

impl Protocol {
    /// Takes one input; adds what happened to `told` and says what to do next.
    pub fn on(&mut self, now: Time, input: Input, told: &mut Vec<What>) -> Order {
        match self {
            Self::Coordinated(machine) => machine.on(now, input, told),
            Self::Multilevel(machine) => machine.on(now, input, told),
            Self::Logging(machine) => machine.on(now, input, told),
        }
    }

    /// A failure of one of the job's nodes is foreseen: what was ordered goes on.
    pub fn warn(&mut self) {
        match self {
            Self::Coordinated(machine) => machine.warn(),
            Self::Multilevel(_) | Self::Logging(_) => {
                unreachable!("scenarios foresee no failures for it")
            }
        }
    }

    /// Whether the next checkpoint that is due would have to wait, so that the job works on.
    pub fn hold_back(&mut self, held_back: bool) {
        match self {
            Self::Coordinated(machine) => machine.hold_back(held_back),
            Self::Multilevel(_) | Self::Logging(_) => {
                assert!(!held_back, "several jobs have neither levels nor groups");
            }
        }
    }

    /// Whether a checkpoint is due that is held back.
    #[must_use]
    pub fn asks(&self) -> bool {
        match self {
            Self::Coordinated(machine) => machine.asks(),
            Self::Multilevel(_) | Self::Logging(_) => false,
        }
    }

    /// The phase that the job is in.
    #[must_use]
    pub fn phase(&self) -> JobPhase {
        match self {
            Self::Coordinated(machine) => machine.phase(),
            Self::Multilevel(machine) => machine.phase(),
            Self::Logging(machine) => machine.phase(),
        }
    }

    /// Steps completed and not thrown away.
    #[must_use]
    pub fn done(&self) -> u64 {
        match self {
            Self::Coordinated(machine) => machine.done(),
            Self::Multilevel(machine) => machine.done(),
            Self::Logging(machine) => machine.done(),
        }
    }

    /// Level of the checkpoint that is written or read; the lowest is 0.
    #[must_use]
    pub fn level(&self) -> usize {
        match self {
            Self::Coordinated(_) | Self::Logging(_) => 0,
            Self::Multilevel(machine) => machine.level(),
        }
    }

    /// What the checkpoint that is written or read moves of the state.
    #[must_use]
    pub fn portion(&self) -> chain::Portion {
        match self {
            Self::Coordinated(machine) => machine.portion(),
            Self::Multilevel(_) | Self::Logging(_) => chain::Portion::FULL,
        }
    }

    /// The checkpoint that is written while the job computes, if one is.
    #[must_use]
    pub fn draining(&self) -> Option<drain::Draining> {
        match self {
            Self::Coordinated(_) | Self::Logging(_) => None,
            Self::Multilevel(machine) => machine.draining(),
        }
    }

    /// The checkpoints that are kept until they are copied, even when newer ones replace them.
    #[must_use]
    pub fn held(&self) -> Vec<u64> {
        match self {
            Self::Coordinated(_) | Self::Logging(_) => Vec::new(),
            Self::Multilevel(machine) => machine.held(),
        }
    }

    /// The last byte of what [`Self::draining`] gave has arrived: what was ordered goes on.
    pub fn drained(&mut self, told: &mut Vec<What>) {
        match self {
            Self::Coordinated(_) | Self::Logging(_) => unreachable!("it drains nothing"),
            Self::Multilevel(machine) => machine.drained(told),
        }
    }

    /// The machine of groups, if it is one.
    #[must_use]
    pub fn groups(&self) -> Option<&logging::Logging> {
        if let Self::Logging(machine) = self { Some(machine) } else { None }
    }

    /// The node that fails next sits on this seat, which matters to groups.
    pub fn strikes(&mut self, seat: usize) {
        if let Self::Logging(machine) = self {
            machine.strikes(seat);
        }
    }

    /// A committed checkpoint can never be read back any more, or is given up. Told before the
    /// failure that has done it, or while the job waits.
    pub fn forget(&mut self, number: u64, told: &mut Vec<What>) {
        match self {
            Self::Coordinated(_) | Self::Logging(_) => {
                unreachable!("its checkpoints are kept and waited for")
            }
            Self::Multilevel(machine) => machine.forget(number, told),
        }
    }
}
