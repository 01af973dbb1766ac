//! The one vocabulary in which every stage emits what happened.
//!
//! Nothing after the log may ask which stage spoke.

mod fault;

use serde::{Deserialize, Serialize};

pub use crate::cosmic::budget::Class;
use crate::ids::{FaultId, JobId, Life, NodeId, Part};
use crate::units::{Bytes, Span, Time};

pub use fault::{Fault, Strikes, Target};

/// One fact, at one instant. Events of a run are emitted in the order of their time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When it happened.
    pub at: Time,
    /// What happened.
    pub what: What,
}

/// What can happen. Fields are named for what they hold; their types carry the units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "a field says no more than its name and type")]
pub enum What {
    /// A node enters a state. Before its first such event a node is [`NodeState::Off`].
    NodeState { node: NodeId, life: Life, state: NodeState, cause: Cause },
    /// A part other than a node changes: switch, server, link, PSU or controller.
    PartState { part: Part, state: PartState, cause: Cause },
    /// A fault strikes a part. Emitted before its consequences.
    FaultStrikes { fault: FaultId, kind: Fault, part: Part },
    /// A fault is foreseen to strike a part after so long. It may be a false alarm.
    Alarm { fault: FaultId, part: Part, lead: Span },
    /// The damage of a fault is repaired.
    FaultEnds { fault: FaultId, kind: Fault, part: Part },
    /// A job enters a phase. Before its first such event it is [`JobPhase::Waiting`].
    JobPhase { job: JobId, phase: JobPhase, cause: Cause },
    /// A node joins a job (its time is now the job's) or leaves it.
    JobNode { job: JobId, node: NodeId, joined: bool },
    /// The job has completed its steps up to this one (counted from 1).
    StepDone { job: JobId, step: u64 },
    /// A checkpoint of the job begins, is committed or is abandoned. It holds steps up to `step`.
    Checkpoint { job: JobId, number: u64, act: CheckpointAct, step: u64 },
    /// A failure threw away this much of the job's computing, or of that of the group of the node,
    /// the step under way included, and what was computed until it was noticed.
    WorkLost { job: JobId, node: NodeId, lost: Span },
    /// Data in a node's memory were silently corrupted, or this became of it. `number` counts the
    /// corruptions of the run; `spread` is how many of the job's nodes it has reached.
    Corruption { node: NodeId, number: u64, act: CorruptionAct, spread: u32 },
    /// A node of the job failed, and the job goes on: another replica of its seat lives.
    FailureAbsorbed { job: JobId, node: NodeId },
    /// A group of a job whose groups fail by themselves begins to write checkpoint `number`, was
    /// thrown back to it (0: to its start), or computes again. Its memory holds steps up to `step`.
    Group { job: JobId, group: u32, act: GroupAct, number: u64, step: u64 },
    /// A particle flipped bits of an array of a node's memory (numbered as in the hardware profile,
    /// from 0), and this comes of it. Emitted before its consequences.
    Upset { node: NodeId, array: u32, class: Class },
    /// A chip of an array of a node's DRAM has a fault of this mode (numbered as in
    /// [`MODES`](crate::cosmic::dram::MODES)), which met another in a word or not, and this comes
    /// of it. Emitted before its consequences.
    ChipFault { node: NodeId, array: u32, mode: u32, permanent: bool, met: bool, class: Class },
    /// A transfer (or a bundle of like transfers of `nodes` nodes) ended.
    /// Sent = received + lost, always.
    Transfer { purpose: Purpose, nodes: u32, received: Bytes, lost: Bytes },
    /// A task of a workload begins, or ends; tasks of each kind are numbered by themselves. What a
    /// send moved stands in the [`What::Transfer`] directly before its end. `span` is what a task
    /// took that has no begin of its own.
    Task { kind: TaskKind, number: u32, act: TaskAct, node: Option<NodeId>, span: Span },
    /// The nodes of a job begin to send to each other at the end of a step, or end it.
    Collective { job: JobId, act: CollectiveAct },
    /// A meter reading. See [`Sensor`] for its unit.
    Reading { sensor: Sensor, value: u64 },
    /// The run is over. Always the last event, and emitted once.
    RunEnds { reason: EndReason },
}

/// The states of a node, one at a time.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum NodeState {
    /// No power, and nothing wrong with it.
    #[default]
    Off,
    /// Boot ROM: SD and USB waits before the first DISCOVER.
    Rom,
    /// Asking for an address.
    Dhcp,
    /// Fetching firmware, kernel (and initramfs).
    Tftp,
    /// The kernel starts.
    Kernel,
    /// Reading the root file system, from NFS, NBD or the SD card.
    Root,
    /// User space starts, up to the agent.
    Init,
    /// The agent is up: the node can work.
    Up,
    /// Powered and silent: only a power cycle helps.
    Hung,
    /// Crashed, under repair or waiting for it.
    Down,
    /// The boot gave up and waits in low power for a power cycle.
    GaveUp,
}

/// The states of a part that is not a node.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum PartState {
    /// Works.
    #[default]
    Up,
    /// Works not at all.
    Down,
    /// A link works at this share of its rate, in parts per million.
    Degraded(u32),
}

/// Why a state changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The scenario's own course: power-on schedule, end of a stage, end of a step.
    Course,
    /// A fault of this kind, on the part itself or on one it hangs on.
    Fault(Fault),
    /// A PSU's current limit tripped.
    BrownOut,
    /// The boot ROM used up its DHCP tries.
    NoOffer,
    /// A boot server did not answer in time.
    ServerSilent,
    /// The controller power-cycled it: it did not show up in time.
    Timeout,
    /// A repair brought it back.
    Repair,
    /// A node of the job failed.
    NodeFailure,
    /// Too few nodes are up.
    TooFewNodes,
    /// A verification found the job's memory corrupt.
    Corruption,
    /// It was not heard for too long, and nothing is known that would say why.
    Silent,
}

/// The phases of a job.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum JobPhase {
    /// Not enough nodes, or a failure not yet dealt with.
    #[default]
    Waiting,
    /// Reading the last committed checkpoint back.
    Restart,
    /// Computing steps for the first time.
    Compute,
    /// Computing steps again that a failure threw away.
    Rework,
    /// Writing a checkpoint, with computing stopped.
    Checkpoint,
    /// All its work is done.
    Done,
    /// Looking for corrupt memory, with computing stopped.
    Verify,
    /// Its walltime was over before its work was done: it was ended.
    TimedOut,
}

/// What happens to a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckpointAct {
    /// Writing begins.
    Begin,
    /// It is complete: a restart may use it.
    Commit,
    /// A failure struck while it was written.
    Abandon,
    /// It was committed, and a verification found corrupt what it holds: it is thrown away.
    Discard,
    /// A committed one that no newer one has replaced can never be read back any more, or was
    /// given up for one that can be read sooner.
    Lose,
}

/// What a group of a job does by itself. The rest of the job waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupAct {
    /// It is among those that write the job's next checkpoint.
    Write,
    /// A node of it failed: it is thrown back to its last committed checkpoint.
    RollBack,
    /// It begins to compute again what it has lost.
    Rework,
}

/// What becomes of a silent corruption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CorruptionAct {
    /// It strikes.
    Strike,
    /// It struck no memory that a job uses, and does no harm.
    Mask,
    /// A verification finds it.
    Detect,
    /// It was found, and the memory is one from before it.
    Correct,
    /// A failure threw the job back to before it, and nobody has ever seen it.
    Discard,
    /// The job ends with it: the result is wrong, and nobody knows.
    Escape,
}

/// What becomes of a collective operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CollectiveAct {
    /// It begins.
    Begin,
    /// All nodes have what they need.
    End,
    /// A failure has stopped the job.
    BreakOff,
}

/// The kinds of tasks. Each belongs to one workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskKind {
    /// A transfer that the scenario lists.
    Transfer,
    /// A part of the data of a sort, from its way to a node until it is merged.
    Sort,
    /// A file on its way to a node, all its pieces.
    Rollout,
    /// A datagram that triggers a node.
    Trigger,
    /// What a node sends back that was triggered.
    Upload,
    /// A map of a block.
    Map,
    /// The same a second time, while the first one is under way.
    SpeculativeMap,
    /// A map reads its block from another node.
    BlockRead,
    /// A reduce task fetches what maps put out, from its begin until it has all of it.
    Shuffle,
    /// It fetches from one node all that is there.
    Fetch,
    /// A reduce task computes, and writes what it puts out.
    Reduce,
    /// A block is written to a further data node.
    BlockWrite,
    /// A block is copied, as it has too few replicas.
    Replication,
    /// A block has too few replicas, as the NameNode knows.
    UnderReplicated,
    /// A block has no replica, as the NameNode knows.
    MissingBlock,
    /// The NameNode does not serve.
    NameNodeOutage,
    /// The secondary NameNode takes a snapshot.
    Snapshot,
    /// A block whose name was lost with the NameNode's disk.
    ForgottenBlock,
    /// A request to a web site. One that is lost was lost with its worker: no answer came in time.
    Request,
    /// A request that is lost as no worker could be reached.
    RequestUnserved,
    /// A request that is lost as a queue was full.
    RequestRefused,
    /// A request that is lost as its client would wait no longer.
    RequestAbandoned,
    /// A request that is lost as the balancer was down.
    RequestCut,
    /// Content that is pushed to a worker, until it is installed there.
    Push,
    /// The work of a worker: how long all of its slots together were busy. It ends once, with the
    /// workload or with the run.
    Worker,
    /// A member of a data grid, by its place among them, or its master, by their number: it joins,
    /// it is gone (lose), and a side notices that (end, with how long it took).
    GridMember,
    /// A copy of a partition that a data grid makes or moves.
    GridCopy,
    /// A partition of a side of a data grid that cannot be used, as its owner is gone. It is lost
    /// (by its own number) when no copy is left.
    GridPartition,
    /// A side of a data grid in which some partition lacks a copy.
    GridUnsafe,
    /// A side of a split data grid that goes on by itself.
    GridSide,
    /// A partition that such a side has no data of, while another side has.
    GridHole,
    /// A partition that a side sends to the one that it merges into, or throws away (lose).
    GridMerge,
    /// A compute task from the queue of a data grid.
    GridTask,
    /// What a member of a data grid reports, as it reaches the dashboard or is lost on the way.
    GridReport,
    /// An object that a client puts into an object store.
    StorePut,
    /// An object that a client gets.
    StoreGet,
    /// The same, where a fragment of its data could not be read.
    StoreDegradedGet,
    /// A fragment of an object that is made anew.
    StoreRepair,
    /// What a node had that was given up, until all of it is repaired, or the node is back (lose).
    StoreNode,
    /// An object that cannot be read for now, or is lost.
    StoreObject,
    /// A poll of a node: asked again (retry), answered (end, with how old that is), or given up.
    Poll,
    /// A round of polls of all nodes, or until the head died (lose).
    PollRound,
    /// A node is shown as down, by its place among those polled, until an answer or the head's
    /// death (lose).
    StatusDown,
    /// A node that is polled is down, by its place among them.
    Outage,
    /// The head that polls is down.
    HeadOutage,
}

/// What becomes of a task of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskAct {
    /// It begins.
    Begin,
    /// It is done.
    End,
    /// It failed, or could not begin.
    Lose,
    /// It failed, and begins anew elsewhere or later.
    Retry,
}

/// What bytes are moved for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Boot files over TFTP.
    Tftp,
    /// The root file system over NFS or NBD.
    Root,
    /// A checkpoint, towards the server.
    Checkpoint,
    /// A checkpoint read back.
    Restart,
    /// What a workload sends from part to part.
    Workload,
}

/// The meters. Counters only grow; the mean over an interval is a difference of two readings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sensor {
    /// Energy drawn by all nodes, switches and servers since the start (mJ).
    Energy,
    /// Highest total power since the last reading of this sensor (mW).
    PowerMax,
    /// Bytes that server `0` has sent to the network since the start.
    ServerSent(u32),
    /// Bytes that server `0` has received from the network since the start.
    ServerReceived(u32),
    /// Load of node `0`: mean number of tasks that run or wait to, over a minute (thousandths).
    NodeLoad(u32),
    /// Memory of node `0` that is in use (bytes).
    NodeMemory(u32),
    /// Temperature of node `0` (thousandths of a degree Celsius; 0 if it freezes).
    NodeTemperature(u32),
    /// Throttle bits of node `0`, as a Raspberry Pi's firmware gives them: bit 0 is
    /// under-voltage, 1 a capped frequency, 2 throttling, 3 the soft limit of temperature; bits
    /// 16 to 19 say the same of the time since the boot.
    NodeThrottled(u32),
    /// Connections that the control plane has refused since the start.
    ConnectionsRefused,
    /// Datagrams that it has refused since the start.
    DatagramsRefused,
    /// Messages that it has refused since the start, on connections that went on.
    MessagesRefused,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndReason {
    /// All work of all jobs is done.
    WorkDone,
    /// All nodes are up.
    AllUp,
    /// The scenario's last instant was reached.
    TimeUp,
    /// Nothing can happen any more.
    Quiet,
}

/// Where a stage emits its events to.
pub trait Sink {
    /// Takes one event, at once. An `Err` asks the stage to stop and to pass it on.
    ///
    /// # Errors
    /// When the user interrupted the run or a file could not be written.
    fn event(&mut self, event: &Event) -> Result<(), Stop>;

    /// Asked several times a second by a stage that plays in real time, in which nothing may
    /// happen for long. `now` is the time of the run.
    ///
    /// # Errors
    /// When the user interrupted the run.
    fn look(&mut self, _now: Time) -> Result<(), Stop> {
        Ok(())
    }

    /// Whether it has to be given every event. A stage may pass over those that change no metric
    /// if it has not: the ends of steps, and readings of meters that stand still.
    fn needs_all(&self) -> bool {
        true
    }

    /// So many events were passed over. Among them may have been readings, the last of them at
    /// `read`, that showed all counters but the energy as they had been read before.
    fn passed_over(&mut self, _events: u64, _read: Option<Time>) {}
}

/// Keeps every event, in memory.
impl Sink for Vec<Event> {
    fn event(&mut self, event: &Event) -> Result<(), Stop> {
        self.push(*event);
        Ok(())
    }
}

/// Why a sink asked a stage to stop before the end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// The user asked for it.
    #[error("interrupted")]
    Interrupted,
    /// Something that a person must mend, such as a full disk.
    #[error("{0}")]
    Failed(String),
}
