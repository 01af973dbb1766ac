//! The job: a bulk-synchronous workload and its checkpoints.

use serde::{Deserialize, Serialize};

use crate::config::declare::table;
use crate::config::language::Kind;
use crate::event::{Fault, JobPhase};
use crate::scenario::abft::Abft;
use crate::scenario::images::{Compression, Incremental};
use crate::scenario::keys::{SHARE, SPAN};
use crate::scenario::logging::Logging;
use crate::scenario::replicas::Replicas;
use crate::units::{Bytes, Span};

/// A bulk-synchronous job: all ranks compute a step, then all meet.
#[derive(Clone, Debug, PartialEq)]
pub struct BulkSynchronous {
    /// Nodes that the job needs, all at once; with replicas, its seats. Default: all that are not
    /// spares, or as many seats as these suffice for.
    pub nodes: u32,
    /// Ranks on each node.
    pub ranks_per_node: u32,
    /// Duration of one step.
    pub step: Span,
    /// Computing that the whole job needs, failure-free and without checkpoints.
    pub work: Span,
    /// Several nodes on one seat.
    pub replicas: Option<Replicas>,
    /// Checks of each step by the algorithm itself.
    pub abft: Option<Abft>,
}

impl BulkSynchronous {
    /// Nodes that it needs, with all replicas.
    #[must_use]
    pub fn nodes_needed(&self) -> u64 {
        self.replicas.map_or(self.nodes.into(), |replicas| replicas.nodes(self.nodes))
    }
}

/// The checkpoint protocol of the job. Levels count from 0, the cheapest.
#[derive(Clone, Debug, PartialEq)]
pub enum Checkpoint {
    /// All checkpoints are alike.
    Coordinated(Coordinated),
    /// Cheap ones for frequent failures, dear ones for the others.
    Multilevel(Multilevel),
    /// Each group of nodes has its own.
    Logging(Logging),
}

impl Checkpoint {
    /// How many levels there are.
    #[must_use]
    pub fn levels(&self) -> usize {
        match self {
            Self::Coordinated(_) | Self::Logging(_) => 1,
            Self::Multilevel(spec) => spec.levels.len(),
        }
    }

    /// Data per node on a level.
    #[must_use]
    pub fn size(&self, level: usize) -> Bytes {
        match self {
            Self::Coordinated(spec) => spec.size,
            Self::Logging(spec) => spec.size,
            Self::Multilevel(spec) => spec.levels[level].size,
        }
    }

    /// What writing and reading back cost on a level.
    #[must_use]
    pub fn cost(&self, level: usize) -> Cost {
        match self {
            Self::Coordinated(spec) => spec.cost,
            Self::Logging(spec) => spec.cost,
            Self::Multilevel(spec) => spec.levels[level].cost,
        }
    }

    /// What of the writing on a level goes on while the job computes, if anything does.
    #[must_use]
    pub fn drain(&self, level: usize) -> Option<Drain> {
        match self {
            Self::Coordinated(_) | Self::Logging(_) => None,
            Self::Multilevel(spec) => spec.levels[level].drain,
        }
    }

    /// Whether a checkpoint is written after the last step as well.
    #[must_use]
    pub fn last(&self) -> bool {
        match self {
            Self::Coordinated(spec) => spec.last,
            Self::Logging(spec) => spec.last,
            Self::Multilevel(spec) => spec.last,
        }
    }

    /// Which failures count.
    #[must_use]
    pub fn strikes(&self) -> Strikes {
        match self {
            Self::Coordinated(spec) => spec.strikes,
            Self::Logging(spec) => spec.strikes,
            Self::Multilevel(spec) => spec.strikes,
        }
    }

    /// Whether a failure of class k during recovery from level k takes that level with it.
    #[must_use]
    pub fn escalates(&self) -> bool {
        match self {
            Self::Coordinated(_) | Self::Logging(_) => false,
            Self::Multilevel(spec) => spec.escalate,
        }
    }

    /// Whether such a fault may strike the job's nodes in this phase.
    #[must_use]
    pub fn lets(&self, kind: Fault, phase: JobPhase) -> bool {
        if kind == Fault::SilentCorruption {
            return self.integrity().exposed.allows(phase);
        }
        !kind.loses_nodes() || self.strikes().allow(phase)
    }

    /// The coordinated checkpoint, if it is one.
    #[must_use]
    pub fn coordinated(&self) -> Option<&Coordinated> {
        match self {
            Self::Coordinated(spec) => Some(spec),
            Self::Multilevel(_) | Self::Logging(_) => None,
        }
    }

    /// The checkpoint of groups, if it is one.
    #[must_use]
    pub fn logging(&self) -> Option<&Logging> {
        if let Self::Logging(spec) = self { Some(spec) } else { None }
    }

    /// What is done against silent corruption.
    #[must_use]
    pub fn integrity(&self) -> Integrity {
        self.coordinated().map_or(Integrity::NONE, |spec| spec.integrity)
    }

    /// Increments, if not all are full.
    #[must_use]
    pub fn incremental(&self) -> Option<Incremental> {
        self.coordinated()?.incremental
    }

    /// How nodes compress what they write, if they do.
    #[must_use]
    pub fn compression(&self) -> Option<Compression> {
        match self {
            Self::Coordinated(spec) => spec.compression,
            Self::Multilevel(spec) => spec.compression,
            Self::Logging(_) => None,
        }
    }

    /// Whether a restart without a checkpoint reads the initial state back: with a fixed cost of
    /// the highest level, as closed forms suppose.
    #[must_use]
    pub fn initial(&self) -> bool {
        matches!(self.cost(self.levels() - 1), Cost::Fixed { .. })
    }
}

/// Checkpoints of several levels.
#[derive(Clone, Debug, PartialEq)]
pub struct Multilevel {
    /// Computing between two checkpoints, of whatever level; `None`: the optimum, to first order,
    /// and of each level its `every` with it.
    pub interval: Option<Span>,
    /// The levels, the cheapest first.
    pub levels: Vec<Level>,
    /// Whether a failure of class k during recovery from level k needs level k + 1.
    pub escalate: bool,
    /// Whether a checkpoint is written after the last step as well.
    pub last: bool,
    /// Which failures count.
    pub strikes: Strikes,
    /// How nodes compress what they write, if they do.
    pub compression: Option<Compression>,
}

/// A level of checkpoints.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    /// Data per node.
    pub size: Bytes,
    /// What writing and reading back cost.
    pub cost: Cost,
    /// Of the checkpoints that would be of the level below, every k-th is of this one; 1 on
    /// the lowest level, and without use with the optimum.
    pub every: u32,
    /// What of the writing goes on while the job computes, if anything does.
    pub drain: Option<Drain>,
}

/// Writing that goes on while the job computes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drain {
    /// A step takes so many times as long meanwhile.
    pub slowdown: f64,
    /// With fixed costs, from the beginning of the checkpoint until it is complete: L. `None`: it
    /// is a checkpoint of the level below that is copied, through the fabric to the file server, or
    /// for as long as a fixed cost says.
    pub latency: Option<Span>,
    /// What becomes of it at the level below meanwhile.
    pub below: Below,
}

/// What becomes of a checkpoint at the level below while it is written at this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Below {
    /// Whether it is kept there until this level has all of it, even when newer ones replace it.
    pub keeps: bool,
    /// Whether a failure that leaves it there only interrupts the writing.
    pub resumes: bool,
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
    /// What the interval counts.
    pub period: Period,
    /// From when a checkpoint counts.
    pub counts: Counts,
    /// What is done about silent corruption.
    pub integrity: Integrity,
    /// Increments, if not all are full.
    pub incremental: Option<Incremental>,
    /// How nodes compress what they write, if they do.
    pub compression: Option<Compression>,
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

table! {
    /// Verification of the memory of all nodes, with computing stopped.
    pub struct Verify(Clone, Copy, Debug, PartialEq) {
        /// What one takes, V.
        cost: Span = SPAN;
        /// Verifications for each checkpoint, the last one directly before it.
        per_checkpoint: u32 = Kind::Count(1, 1_000_000) => "1";
        /// Chance of each verification to find corrupt memory corrupt.
        coverage: f64 = SHARE => "1.0";
    }
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
    /// Daly 2003, first order: sqrt(2 C (M + R)) - C.
    DalyFirst,
    /// Daly 2006, higher order.
    Daly,
    /// The exact optimum for exponential failures, by Lambert's W.
    Exact,
    /// The share of a job in the periods for which all jobs at a file server waste least.
    Cooperative,
    /// Daly's, for the failures and the checkpoints that the job observes.
    Adaptive {
        /// The mean time between failures that is believed at the start.
        prior: Span,
    },
}

/// What a checkpoint costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// Moving the data to where they are kept, and back.
    Store(KeptAt),
    /// Fixed spans in place of transfers.
    Fixed {
        /// Writing, C.
        write: Span,
        /// Reading back, R.
        read: Span,
        /// Downtime D between a failure and the restart, besides detection and repair.
        downtime: Span,
    },
}

impl Cost {
    /// Where the data are kept. With fixed spans that is the file server, from which whoever takes
    /// a seat can read.
    #[must_use]
    pub fn place(self) -> KeptAt {
        self.kept_at().unwrap_or(KeptAt::FileServer)
    }

    /// Where the data are kept; `None` with fixed spans.
    #[must_use]
    pub fn kept_at(self) -> Option<KeptAt> {
        match self {
            Self::Store(place) => Some(place),
            Self::Fixed { .. } => None,
        }
    }
}

/// Where a checkpoint is kept. Memory is lost when its node crashes, hangs or loses its power; a
/// card comes back with its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeptAt {
    /// At the file server: transfers through the fabric.
    FileServer,
    /// On the SD card of the node itself.
    Card,
    /// On the node's card, and on that of the node with the job's next seat.
    Partner,
    /// In the memory of the node itself.
    Memory,
    /// In the memory of the node itself and of its buddies: each of a pair or a triple holds the
    /// images of all of it.
    Buddies {
        /// Nodes that hold an image: 2 or 3.
        copies: u32,
    },
    /// On the node's card, with parity of the group's images on the cards of the group.
    Group {
        /// Nodes of a group; if the job's do not divide by it, some groups have more.
        size: u32,
        /// Nodes of a group that may be missing: 1 with XOR, more with Reed-Solomon codes.
        parity: u32,
    },
}

impl KeptAt {
    /// How strong it is, against the others.
    #[must_use]
    pub fn strength(self) -> (u8, u32) {
        match self {
            Self::Memory => (0, 0),
            Self::Buddies { copies } => (1, copies),
            Self::Card => (2, 0),
            Self::Partner => (3, 0),
            Self::Group { parity, .. } => (4, parity),
            Self::FileServer => (5, 0),
        }
    }
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

/// From when a checkpoint counts. Papers differ; the default is its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// From its start: a failure while it is written throws nothing away.
    Start,
    /// From its end: it must be written without a failure.
    End,
}

/// What the interval counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// Only the computing between two checkpoints: W.
    Work,
    /// From the start of one checkpoint to the start of the next: W + C.
    Whole,
}
