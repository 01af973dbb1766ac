//! The job: a bulk-synchronous workload and its checkpoints.

use serde::{Deserialize, Serialize};

use crate::config::declare::{Declared, Field, Written, choice, inline, table, words};
use crate::config::language::Kind;
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::config::words::{Word, words};
use crate::event::{Fault, JobPhase};
use crate::scenario::abft::Abft;
use crate::scenario::collective::Collective;
use crate::scenario::execution;
use crate::scenario::images::{self, Compression, Incremental};
use crate::scenario::keys::{NODES_MAX, SHARE, SIZE_SOME, SPAN, SPAN_SOME};
use crate::scenario::logging::Logging;
use crate::scenario::replicas::Replicas;
use crate::units::{Bytes, Span};

table! {
    /// All ranks compute a step, then all meet.
    pub struct BulkSynchronous(Clone, Debug, PartialEq) rivals [&["collective", "io"]] {
        /// Nodes that the job needs, all at once; with `replicas` its seats, each for one node or
        /// for several. Default of `[workload]`: all that are not spares, or as many seats as these
        /// suffice for.
        nodes: u32 = Kind::Count(1, NODES_MAX);
        /// Ranks on each node. Default: one for each core.
        ranks_per_node: u32 = Kind::Count(1, 1_000_000) => _;
        /// Duration of one step.
        step: Span = SPAN_SOME;
        /// Computing of the whole job, without failures.
        work: Span = SPAN_SOME;
        /// Several nodes on one seat.
        replicas: Option<Replicas>;
        /// Checks of each step by the algorithm itself.
        abft: Option<Abft>;
        /// What its nodes send to each other at the end of each step, besides its duration.
        collective: Option<Collective>;
        /// What its nodes write to the file server each so often, besides checkpoints.
        io: Option<RegularIo>;
    }
    checks |section, m| execution::check_step(section, step.zip(work), m)
}

table! {
    /// What the nodes of a job write to the file server each so often, all at once at the end of a
    /// step, while none of them computes: a file that all write (`MPI_File_write_all`). Only the
    /// model plays it.
    pub struct RegularIo(Clone, Copy, Debug, PartialEq, Eq) {
        /// What each node writes.
        size: Bytes = SIZE_SOME;
        /// Computing from one to the next, made whole steps.
        every: Span = SPAN_SOME;
    }
}

impl BulkSynchronous {
    /// After so many steps its nodes write to the file server, if they do.
    #[must_use]
    pub fn steps_of_io(&self) -> Option<u64> {
        self.io.map(|io| io.every.0.div_ceil(self.step.0.max(1)))
    }

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
    pub fn strikes(&self) -> Exposure {
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
            return self.strikes().silent.allows(phase);
        }
        !kind.loses_nodes() || self.strikes().phases.allow(phase)
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

table! {
    /// All nodes stop computing and write, together, at one of several levels.
    pub struct Multilevel(Clone, Debug, PartialEq) {
        /// Computing between two checkpoints, of whatever level: a duration, or the `optimum`,
        /// which to first order gives it and each level's `every` from fixed costs and failures of
        /// each `severity`.
        interval: Option<Span> = Kind::Any(&[Kind::Choice(|| vec!["optimum"]), SPAN_SOME]);
        /// With fixed costs: whether a failure of class k during recovery from level k takes that
        /// level with it, so that level k + 1 is needed, as SCR's model has it; else the same
        /// recovery begins again.
        escalate: bool => "true";
        /// Whether one is written after the last step as well.
        last: bool => "false";
        /// How nodes compress what they write, if they do.
        compression: Option<Compression>;
        /// Which failures count.
        strikes: Exposure => _;
        /// The levels, in the order of rising strength.
        levels as "level": Vec<Level> = Kind::Tables(Level::SPEC) => _;
    }
    checks |section, m| {
        let is_fixed = |level: &Level| level.cost.kept_at().is_none();
        images::check(section, levels.iter().flatten().any(is_fixed), m);
    }
}

/// A level of checkpoints.
#[derive(Clone, Debug, PartialEq)]
pub struct Level {
    /// Data per node.
    pub size: Bytes,
    /// What writing and reading back cost.
    pub cost: Cost,
    /// Of the checkpoints that would be of the level below, every k-th is of this one; `None` on
    /// the lowest level, and with the optimum.
    pub every: Option<u32>,
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

table! {
    /// All nodes stop computing and write, together.
    pub struct Coordinated(Clone, Debug, PartialEq) {
        /// Data per node. Not needed with `cost`.
        size: Bytes = SIZE_SOME => _;
        /// Computing between two checkpoints.
        interval: Interval;
        /// What writing and reading back cost.
        cost: Cost;
        /// Whether one is written after the last step as well.
        last: bool => "false";
        /// What the interval counts: `work` between two checkpoints, or the `whole` from start to
        /// start.
        period: Period => "\"work\"";
        /// From when a checkpoint of a fixed `cost` counts: from its `end`, when all is written, or
        /// from its `start`, so that a failure while it is written throws nothing away.
        counts: Counts => "\"end\"";
        /// What is done about silent corruption.
        integrity: Integrity = Kind::Flat(Integrity::SPEC);
        /// Increments, if not all are full.
        incremental: Option<Incremental>;
        /// How nodes compress what they write, if they do.
        compression: Option<Compression>;
        /// Which failures count.
        strikes: Exposure => _;
    }
    checks |section, m| {
        execution::check_counts(section, counts.zip(cost), m);
        execution::check_kept(section, integrity.zip(cost), m);
        images::check(section, section.has("cost"), m);
    }
}

table! {
    /// What is done about silent corruption of the job's memory.
    pub struct Integrity(Clone, Copy, Debug, PartialEq) {
        /// How memory is verified, if it is.
        verify: Option<Verify>;
        /// Committed checkpoints that are kept, for when a verification finds the last one corrupt.
        keep: u32 = Kind::Count(1, 1_000_000) => "1";
    }
}

impl Integrity {
    /// Nothing is done.
    pub const NONE: Self = Self { verify: None, keep: 1 };
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

choice! {
    /// When silent corruption strikes the memory of a job.
    pub enum Exposed(Clone, Copy, Debug, PartialEq, Eq) {
        /// Always.
        Always = "always",
        /// Only while it computes, as closed forms suppose: not during verification and checkpoint.
        Computing = "computing",
    }
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

impl Word for Interval {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("young", Self::Young),
        ("daly first order", Self::DalyFirst),
        ("daly", Self::Daly),
        ("exact", Self::Exact),
        ("cooperative", Self::Cooperative),
    ];
}

table! {
    /// An interval, as files have it.
    struct OneInterval(Debug) {
        /// Computing between two checkpoints: a duration; the optimum by a formula for the job's
        /// own mean time between failures; `cooperative`, the periods of all jobs for which the
        /// whole machine wastes least while the file server keeps up (Young's for a job that writes
        /// elsewhere); or `adaptive`, from the failures and checkpoints that the job has seen.
        interval: String = Kind::Any(&[
            Kind::Choice(|| [&words::<Interval>()[..], &["adaptive"]].concat()),
            SPAN_SOME,
        ]) => "\"daly\"";
        /// With `adaptive`: the mean time between failures of the job that is believed at first.
        prior: Option<Span> = SPAN_SOME;
    }
    checks |section, m| if interval.as_ref().is_some_and(|interval| interval != "adaptive")
        && section.has("prior")
    {
        let mistake = Mistake::new(section.place("prior"), "`prior` without `adaptive`");
        m.note(mistake.help("only `interval = \"adaptive\"` begins with a belief"));
    }
}

impl Field for Interval {
    const KIND: Kind = Kind::Flat(OneInterval::SPEC);

    fn take(section: &Section<'_>, _: &'static str, m: &mut Mistakes) -> Option<Self> {
        let OneInterval { interval, prior } = OneInterval::read(section, m)?;
        if interval == "adaptive" {
            section.demand("prior", m);
            return prior.map(|prior| Self::Adaptive { prior });
        }
        Self::of(&interval).or_else(|| interval.parse().ok().map(Self::Fixed))
    }

    fn written(&self, _: &Kind) -> Written {
        let (interval, prior) = match *self {
            Self::Fixed(span) => (span.to_string(), None),
            Self::Adaptive { prior } => ("adaptive".into(), Some(prior)),
            formula => (formula.word().into(), None),
        };
        // In the order of resolved texts, which the digest of a plan covers.
        let mut keys = OneInterval { interval, prior }.keys();
        keys.reverse();
        Written::Table(keys)
    }
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

table! {
    /// Fixed spans in place of transfers.
    pub(super) struct Spans(Debug) {
        /// Writing, C.
        write: Span = SPAN;
        /// Reading back, R.
        read: Span = SPAN;
        /// Downtime D, besides detection and repair.
        downtime: Span = SPAN => "\"0 s\"";
    }
}

table! {
    /// A cost where there is no choice of a place.
    pub(super) struct FixedCost(Debug) {
        /// Fixed spans, if transfers are not to be simulated.
        cost: Option<Spans>;
    }
}

table! {
    /// A cost, as files have it.
    struct OneCost(Debug) rivals [&["to", "cost"]] {
        /// Where the data goes: through the fabric to the `file-server`; to the node's own SD
        /// `card`, so that the job waits for that very node after a crash; or to the card and to
        /// that of a `partner` too, so that a spare can take over. Default: the file server, unless
        /// `cost` is given.
        to: KeptAt => _;
        /// Fixed spans, if transfers are not to be simulated.
        fixed: FixedCost = Kind::Flat(FixedCost::SPEC);
    }
}

impl Field for Cost {
    const KIND: Kind = Kind::Flat(OneCost::SPEC);

    fn take(section: &Section<'_>, _: &'static str, m: &mut Mistakes) -> Option<Self> {
        if let Some(Spans { write, read, downtime }) = FixedCost::read(section, m)?.cost {
            return Some(Self::Fixed { write, read, downtime });
        }
        let to =
            if section.has("to") { KeptAt::take(section, "to", m)? } else { KeptAt::FileServer };
        Some(Self::Store(to))
    }

    fn written(&self, kind: &Kind) -> Written {
        Written::Table(match (*self, kind) {
            (Self::Fixed { write, read, downtime }, _) => {
                vec![("cost", Written::Value(inline(&Spans { write, read, downtime }.keys())))]
            }
            (Self::Store(to), Kind::Flat(spec)) if spec.key("to").is_some() => {
                vec![("to", Written::quoted(&to.word()))]
            }
            (Self::Store(_), _) => Vec::new(),
        })
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

// The places that need no more than a word.
words!(KeptAt { FileServer = "file-server", Card = "card", Partner = "partner" });

table! {
    /// In which phases a failure may strike the job. Papers differ.
    pub struct Exposure(Clone, Copy, Debug, PartialEq, Eq) {
        /// Failures that lose nodes.
        phases: Strikes = Kind::Flat(Strikes::SPEC);
        /// When silent corruption strikes the job's memory: `always`, or only while the job is
        /// `computing`, as closed forms suppose.
        silent: Exposed => "\"always\"";
    }
}

table! {
    /// In which phases a failure may strike the job.
    pub struct Strikes(Clone, Copy, Debug, PartialEq, Eq) {
        /// While a checkpoint is written.
        checkpoint: bool => "true";
        /// While a checkpoint is read back.
        restart: bool => "true";
        /// During downtime.
        downtime: bool => "false";
    }
}

impl Strikes {
    /// Whether a failure may strike in this phase.
    #[must_use]
    pub fn allow(self, phase: JobPhase) -> bool {
        match phase {
            JobPhase::Checkpoint => self.checkpoint,
            JobPhase::Restart => self.restart,
            JobPhase::Waiting => self.downtime,
            JobPhase::Compute
            | JobPhase::Rework
            | JobPhase::Verify
            | JobPhase::Done
            | JobPhase::TimedOut => true,
        }
    }
}

choice! {
    /// From when a checkpoint counts. Papers differ; the default is its end.
    pub enum Counts(Clone, Copy, Debug, PartialEq, Eq) {
        /// From its start: a failure while it is written throws nothing away.
        Start = "start",
        /// From its end: it must be written without a failure.
        End = "end",
    }
}

choice! {
    /// What the interval counts.
    pub enum Period(Clone, Copy, Debug, PartialEq, Eq) {
        /// Only the computing between two checkpoints: W.
        Work = "work",
        /// From the start of one checkpoint to the start of the next: W + C.
        Whole = "whole",
    }
}
