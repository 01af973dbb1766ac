//! The job: a bulk-synchronous workload and its coordinated checkpoint.

use crate::event::{Fault, JobPhase};
use crate::units::{Bytes, Span};

/// A bulk-synchronous job: all ranks compute a step, then all meet.
#[derive(Clone, Debug, PartialEq)]
pub struct BulkSynchronous {
    /// Nodes that the job needs, all at once. Default: all that are not spares.
    pub nodes: u32,
    /// Ranks on each node.
    pub ranks_per_node: u32,
    /// Duration of one step.
    pub step: Span,
    /// Computing that the whole job needs, failure-free and without checkpoints.
    pub work: Span,
}

/// Coordinated checkpoint of every node of the job.
#[derive(Clone, Debug, PartialEq)]
pub struct Coordinated {
    /// Data per node.
    pub size: Bytes,
    /// Computing between two checkpoints.
    pub interval: Interval,
    /// What writing and reading back cost.
    pub cost: Cost,
    /// Whether a checkpoint is written after the last step as well.
    pub last: bool,
    /// Which failures count.
    pub strikes: Strikes,
    /// Whether a committed checkpoint holds the state of its start or of its end.
    /// With computing stopped during the checkpoint both are the same step; the period differs.
    pub period: Period,
    /// What is done about silent corruption.
    pub integrity: Integrity,
}

impl Coordinated {
    /// Whether such a fault may strike the job's nodes in this phase.
    #[must_use]
    pub fn lets(&self, kind: Fault, phase: JobPhase) -> bool {
        match kind {
            Fault::SilentCorruption => self.integrity.exposed.allows(phase),
            _ => self.strikes.allow(phase),
        }
    }
}

/// What is done about silent corruption of the job's memory, and when it strikes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Integrity {
    /// How memory is verified, if it is.
    pub verify: Option<Verify>,
    /// Committed checkpoints that are kept.
    pub keep: u32,
    /// When silent corruption strikes the job.
    pub exposed: Exposed,
}

impl Integrity {
    /// Nothing is done.
    pub const NONE: Self = Self { verify: None, keep: 1, exposed: Exposed::Always };
}

/// Verification of the memory of all nodes of the job.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verify {
    /// What one takes, with computing stopped: V.
    pub cost: Span,
    /// Verifications for each checkpoint.
    pub per_checkpoint: u32,
    /// Chance of each one to find corrupt memory corrupt.
    pub coverage: f64,
}

/// When silent corruption strikes the memory of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposed {
    /// Always.
    Always,
    /// Only while it computes, as closed forms suppose: not during verification and checkpoint.
    Computing,
}

impl Exposed {
    /// Whether silent corruption may strike in this phase.
    #[must_use]
    pub fn allows(self, phase: JobPhase) -> bool {
        self == Self::Always || matches!(phase, JobPhase::Compute | JobPhase::Rework)
    }
}

/// Computing between two checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    /// Fixed.
    Fixed(Span),
    /// Young 1974: sqrt(2 C M).
    Young,
    /// Daly 2006, higher order.
    Daly,
}

/// What a checkpoint costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// Moving the data to where they are kept, and back.
    Store(Place),
    /// Fixed spans in place of transfers.
    Fixed {
        /// Writing, C.
        write: Span,
        /// Reading back, R.
        read: Span,
        /// Downtime D between a failure and the restart, beside detection and repair.
        downtime: Span,
    },
}

impl Cost {
    /// Where the data are kept. With fixed spans that is the file server, from which whoever takes
    /// a seat can read.
    #[must_use]
    pub fn place(self) -> Place {
        match self {
            Self::Store(place) => place,
            Self::Fixed { .. } => Place::FileServer,
        }
    }
}

/// Where a checkpoint is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At the file server: transfers through the fabric.
    FileServer,
    /// On the SD card of the node itself.
    Card,
    /// On the node's card, and on that of the node with the job's next seat.
    Partner,
}

/// In which phases a failure may strike the job. Papers differ; the default is: everywhere but
/// in downtime (Bougeret et al.).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strikes {
    /// While a checkpoint is written.
    pub checkpoint: bool,
    /// While a checkpoint is read back.
    pub restart: bool,
    /// During downtime.
    pub downtime: bool,
}

impl Strikes {
    /// Whether a failure may strike in this phase.
    #[must_use]
    pub fn allow(self, phase: JobPhase) -> bool {
        match phase {
            JobPhase::Checkpoint => self.checkpoint,
            JobPhase::Restart => self.restart,
            JobPhase::Waiting => self.downtime,
            JobPhase::Compute | JobPhase::Rework | JobPhase::Verify | JobPhase::Done => true,
        }
    }
}

/// What the interval counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// Only the computing between two checkpoints: W.
    Work,
    /// From the start of one checkpoint to the start of the next: W + C.
    Whole,
}
