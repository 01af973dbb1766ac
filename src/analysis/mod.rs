//! Facts to numbers: folds over the event stream, none of which asks which stage emitted it.

mod alarms;
mod bins;
pub mod cells;
mod collectives;
pub mod compare;
mod corruptions;
mod eventful;
pub mod expect;
mod failures;
mod fold;
mod groups;
mod jobs;
mod meters;
mod nodes;
pub mod observed;
pub mod optimum;
mod phases;
mod queue;
pub mod rare;
pub mod results;
pub mod run;
mod sample;
mod shape;
pub mod stats;
mod strikes;
pub mod study;
mod tasks;
mod timeline;
pub mod tolerance;
mod transfers;
pub mod two_samples;
mod unlike;
mod upsets;
mod workloads;

use serde::{Deserialize, Serialize};

use crate::ids::{NodeId, from_one};

pub use crate::metrics::{self, Metric};
pub use bins::WIDTHS;
pub use failures::{KindCost, cost_by_kind};
pub use fold::Fold;

/// All that a run showed, small enough to keep: what the report draws and nothing else.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// The metrics, in the order of `docs/metrics.md`.
    pub metrics: Vec<Metric>,
    /// Quantities over time, in at most some two thousand intervals each, if they were asked for.
    pub series: Vec<Series>,
    /// One row for each node.
    pub nodes: Vec<NodeFinding>,
    /// Boot stages of the first boot of a sample of nodes, for the Gantt figure.
    pub boots: Vec<BootSpan>,
    /// One row for each job.
    pub jobs: Vec<JobFinding>,
    /// One row for each fault that struck a part, evenly thinned if they are very many, if series
    /// were asked for.
    pub strikes: Vec<StrikeFinding>,
    /// One row for each failure that struck a job, with what it cost, if series were asked for.
    pub failures: Vec<FailureFinding>,
    /// One row for each silent corruption, the first hundred thousand, if series were asked for.
    pub corruptions: Vec<CorruptionFinding>,
    /// One row for each phase of a job, the first hundred thousand, if series were asked for.
    pub phases: Vec<PhaseFinding>,
    /// One row for each transfer that the scenario lists.
    pub transfers: Vec<TransferFinding>,
    /// One row for each task of other workloads: the first hundred thousand.
    pub tasks: Vec<TaskFinding>,
}

impl Findings {
    /// A metric by its name, if it has a meaning in this run.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }
}

/// A quantity over time.
///
/// Names: `nodes_up`; `node_share/<class>` for each [`NodeClass`] (number of nodes in it), and
/// `eventful/<class>` for the same in the most eventful stretch of a long run;
/// `server_sent/<server>` and `server_received/<server>` (bit/s); `power` (W).
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// Unit of the values.
    pub unit: String,
    /// The intervals, each until the next point; the last point ends the run.
    pub points: Vec<Point>,
}

/// An interval of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Its start (s).
    pub t_s: f64,
    /// The lowest value in it.
    pub min: f64,
    /// The mean over it.
    pub mean: f64,
    /// The highest value in it.
    pub max: f64,
}

impl Point {
    /// A value that held all the time.
    #[must_use]
    pub fn level(t_s: f64, value: f64) -> Self {
        Self { t_s, min: value, mean: value, max: value }
    }
}

/// What became of one node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeFinding {
    /// The node.
    #[serde(with = "from_one")]
    pub node: NodeId,
    /// Power-ons.
    pub boots: u32,
    /// Time from the start of the run until it was first up; negative if it never was (s).
    pub first_up_s: f64,
    /// Time in which it was up, working or not (s).
    pub up_s: f64,
    /// Time down, hung or given up (s).
    pub down_s: f64,
    /// Failures (crash, hang, loss of power).
    pub failures: u32,
}

/// What became of one job: its time, from its submission until it was over, shared out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobFinding {
    /// Its name.
    pub job: String,
    /// Nodes that it needs.
    pub nodes: u32,
    /// When it was submitted (s).
    #[serde(default)]
    pub submit_s: f64,
    /// When it was first placed; negative if it never was (s).
    #[serde(default)]
    pub start_s: f64,
    /// When it was done, or ended at its walltime; negative if it was not (s).
    #[serde(default)]
    pub end_s: f64,
    /// Time from its submission to its start; negative without one (s).
    #[serde(default)]
    pub queue_wait_s: f64,
    /// Its bounded slowdown; negative if it was not done.
    #[serde(default)]
    pub slowdown: f64,
    /// `done`, `timed-out`, `running`, `waiting`, or `to-come` if the run ended before it was
    /// submitted.
    #[serde(default)]
    pub status: String,
    /// Time of the run until it was done; negative if it was not (s).
    pub done_s: f64,
    /// Computing that survived (s).
    pub work_s: f64,
    /// Computing that was thrown away (s).
    pub lost_s: f64,
    /// Standing still for a checkpoint, or waiting idle to write it (s).
    pub checkpoint_s: f64,
    /// Reading a checkpoint back, or waiting to (s).
    pub restart_s: f64,
    /// Standing still for a verification (s).
    pub verify_s: f64,
    /// Waiting for nodes, at first and later (s).
    pub wait_s: f64,
    /// Failures that stopped it.
    pub interrupts: u64,
    /// Checkpoints completed.
    pub checkpoints: u64,
}

/// A fault that struck a part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StrikeFinding {
    /// When (s).
    pub t_s: f64,
    /// Its kind, as in [`crate::event::Fault`].
    pub kind: String,
    /// The part.
    pub part: String,
}

/// A silent corruption, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CorruptionFinding {
    /// Its number, from 1.
    pub number: u64,
    /// The node whose memory it struck.
    #[serde(with = "from_one")]
    pub node: NodeId,
    /// When it struck (s).
    pub at_s: f64,
    /// When it was found, undone, or came into the result; the end of the run if none of these (s).
    pub end_s: f64,
    /// `detected`, `escaped`, `discarded`, `masked`, or `latent` if it was still there at the end.
    pub fate: String,
    /// Nodes that it had reached by then.
    pub spread: u32,
}

/// A phase of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseFinding {
    /// The job.
    pub job: String,
    /// The phase, as in [`crate::event::JobPhase`].
    pub phase: String,
    /// Start (s).
    pub from_s: f64,
    /// End (s).
    pub to_s: f64,
    /// Level of the checkpoint that is written or read, from 1, if there are several levels.
    pub level: Option<u64>,
}

/// A failure that struck a job, and what it cost that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailureFinding {
    /// When the fault struck, or else when the node failed (s).
    pub at_s: f64,
    /// Kind of the fault; or else the cause of the node's failure; `walltime` if the job was
    /// ended, and `course` if it waited without a failure.
    pub kind: String,
    /// The part that was struck; none if the row is of many failures together, or of no part.
    pub part: String,
    /// The job.
    pub job: String,
    /// From the strike until the job or the controller acted on it, which takes detection and,
    /// where no node is free, the repair; negative if neither did (s). It is part of the waiting
    /// if the job stood still, and of the lost work if it computed.
    pub reaction_s: f64,
    /// Computing that was thrown away, as time of the job (s).
    pub rework_s: f64,
    /// Reading a checkpoint back, or waiting to (s).
    pub restart_s: f64,
    /// Waiting for nodes (s).
    pub wait_s: f64,
    /// Node time of these three (s).
    pub node_s: f64,
    /// How many failures the row is of: 1; more if there are very many; 0 if it is of none.
    pub failures: u64,
}

/// What became of one transfer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransferFinding {
    /// Its number in the scenario's list, from 1.
    pub transfer: u64,
    /// Who sends.
    pub source: String,
    /// Who receives.
    pub destination: String,
    /// How much (bytes).
    pub bytes: u64,
    /// When it began; negative if it did not (s).
    pub begin_s: f64,
    /// When it had arrived, or was lost; negative if neither (s).
    pub end_s: f64,
    /// `waits`, `begun`, `done` or `lost`.
    pub status: String,
}

/// What became of one task of a workload. What was begun again has a row each time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskFinding {
    /// What kind of task.
    pub kind: String,
    /// Its number among those of its kind, from 1.
    pub number: u64,
    /// Whose it was, from 1, if it was a node's.
    pub node: Option<u32>,
    /// When it began (s).
    pub begin_s: f64,
    /// When it ended; negative if it did not (s).
    pub end_s: f64,
    /// `begun`, `done`, `lost` or `retried`.
    pub status: String,
}

/// One stage of one node's first boot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BootSpan {
    /// The node.
    #[serde(with = "from_one")]
    pub node: NodeId,
    /// The stage, as in [`crate::event::NodeState`].
    pub stage: String,
    /// Start (s).
    pub from_s: f64,
    /// End (s).
    pub to_s: f64,
}

/// The classes that share out every node-second: a node is in exactly one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeClass {
    /// No power, nothing wrong.
    Off,
    /// In any stage of the boot.
    Boot,
    /// Up, with no job.
    Idle,
    /// Up, in a job that waits.
    Wait,
    /// Reading a checkpoint back.
    Restart,
    /// Computing for the first time.
    Compute,
    /// Computing again what was thrown away.
    Rework,
    /// Writing a checkpoint.
    Checkpoint,
    /// Powered and silent.
    Hung,
    /// Crashed or without power.
    Down,
    /// Boot given up.
    GaveUp,
    /// Looking for corrupt memory.
    Verify,
}
