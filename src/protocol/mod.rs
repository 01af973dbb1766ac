//! Resilience protocols as pure machines: each input is answered by an order.
//!
//! The model calls them as functions; a fleet runs the same machines over sockets. A protocol of a
//! job is a file with a machine, and a line in [`Protocol`]; stages know only [`Input`] and
//! [`JobOrder`].

pub mod chain;
pub mod coordinated;
mod copies;
pub mod corruption;
pub mod detector;
pub mod drain;
pub mod free;
pub mod heartbeat;
pub mod holders;
pub mod interval;
pub mod logging;
pub mod multilevel;
pub mod numbers;
pub mod phi;
pub mod replica;
pub mod seating;
pub mod sitting;
pub mod swim;

use serde::{Deserialize, Serialize};

use crate::event::{JobPhase, What};
use crate::ids::NodeId;
use crate::units::{Span, Time};

/// What a stage reports to the protocol of a job.
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
    /// The job's walltime is over.
    TimedOut,
}

/// What an input is to a protocol that neither verifies memory nor has replicas: corrupt memory is
/// a failure of its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are those of `Input`")]
pub enum Plain {
    Placed,
    StepDone,
    Written,
    Read,
    Failed(NodeId),
    TimedOut,
}

impl From<Input> for Plain {
    fn from(input: Input) -> Self {
        match input {
            Input::Placed => Self::Placed,
            Input::StepDone => Self::StepDone,
            Input::Written | Input::WrittenForReplicas => Self::Written,
            Input::Read | Input::Verified => Self::Read,
            Input::Failed(node) | Input::Corrupt(node) | Input::Caught(node) => Self::Failed(node),
            Input::TimedOut => Self::TimedOut,
        }
    }
}

/// What the stage shall do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobOrder {
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
    /// Nothing: the job is over.
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
    /// Takes one input; adds what happened to `emitted` and says what to do next.
    pub fn on(&mut self, now: Time, input: Input, emitted: &mut Vec<What>) -> JobOrder {
        match self {
            Self::Coordinated(machine) => machine.on(now, input, emitted),
            Self::Multilevel(machine) => machine.on(now, input, emitted),
            Self::Logging(machine) => machine.on(now, input, emitted),
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

    /// How many steps from the one under way on come to nothing but their end and the order of one
    /// that is alike, if nothing else happens meanwhile. Those of a job that compares what it
    /// observes at each of them, or has groups, are not foreseen: zero.
    #[must_use]
    pub fn uneventful_steps(&self) -> u64 {
        match self {
            Self::Coordinated(machine) => machine.uneventful_steps(),
            Self::Multilevel(machine) => machine.uneventful_steps(),
            Self::Logging(_) => 0,
        }
    }

    /// So many of those have come to their end, the last one at this instant.
    pub fn pass_over(&mut self, now: Time, steps: u64) {
        match self {
            Self::Coordinated(machine) => machine.pass_over(now, steps),
            Self::Multilevel(machine) => machine.pass_over(now, steps),
            Self::Logging(_) => assert_eq!(steps, 0, "it foresees none"),
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

    /// Number and last step of the checkpoint that a restart reads, if all nodes read the same.
    #[must_use]
    pub fn newest(&self) -> Option<(u64, u64)> {
        match self {
            Self::Coordinated(machine) => machine.newest(),
            Self::Multilevel(machine) => machine.newest(),
            Self::Logging(_) => None,
        }
    }

    /// The machine of levels, if it is one.
    #[must_use]
    pub fn levels(&self) -> Option<&multilevel::Multilevel> {
        if let Self::Multilevel(machine) = self { Some(machine) } else { None }
    }

    /// The machine of groups, if it is one.
    #[must_use]
    pub fn groups(&self) -> Option<&logging::Logging> {
        if let Self::Logging(machine) = self { Some(machine) } else { None }
    }
}
