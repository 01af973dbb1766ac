//! Workloads as pure machines: no socket, no clock, no hardware.
//!
//! A bulk-synchronous job runs under the coordinator of jobs. Any other workload is a [`Workload`]:
//! it is informed by [`Input`]s and answers with [`Command`]s, which a stage carries out: the model
//! by time, by the speed of nodes and by the fabric; the fleet by errands of its agents.
//!
//! A workload is one file here, its table in [`crate::scenario::workloads`], what its tasks come
//! to in `analysis/workloads`, and a line in the list of each; docs/workloads.md shows how.

pub mod bulk_synchronous;
pub mod collective;
pub mod data_grid;
pub mod map_reduce;
pub mod multicast;
pub mod object_store;
pub mod polling;
pub mod rollout;
pub mod sort;
pub mod transfers;
pub mod web;

use crate::event::What;
use crate::ids::{FaultId, NodeId, Part, PartKind};
use crate::scenario::Scenario;
use crate::units::{Bytes, Span, Time};

/// Names a task among those of its workload that are under way: the workload chooses it.
pub type TaskId = u64;

/// What a workload is informed of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The run begins. Nodes that are up at that instant may have been named before.
    Begin,
    /// The time has come that was asked for under this key.
    Timer(u64),
    /// A send has begun: both its ends are up.
    Begun(TaskId),
    /// A task is done: all is computed, or all has arrived.
    Done(TaskId),
    /// A task has failed: a node of it was not up, or stopped in the middle, which
    /// [`Input::Down`] has said before.
    Lost(TaskId),
    /// A node is up and can be reached.
    Up(NodeId),
    /// A node that was up has stopped, or can be reached no longer.
    Down(NodeId),
    /// A server that was down works again.
    ServerUp(u32),
    /// A server is down. Those that are so at the begin are named right after it.
    ServerDown(u32),
    /// A node has stopped, and what it had in its memory is gone. Its [`Input::Down`] is next,
    /// unless it could not be reached any more.
    Stopped(NodeId),
    /// A node that goes on is cut off, and keeps what it has; its [`Input::Down`] is next. Others
    /// that are cut off with the same switch still reach it; with none, nobody does, or the
    /// workload's head does not.
    CutOff(NodeId, Option<u32>),
    /// Whether the partition of the network of this fault rule lasts from now on. Nodes that it
    /// keeps from the [head](Workload::head) of a workload are named right after it, as cut off and
    /// down, or as up again. What is sent between its sides stalls.
    Partition(FaultId, bool),
}

/// What a workload wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// A node computes for so long, as at its full speed, next to whatever it computes already.
    Compute {
        /// The task.
        task: TaskId,
        /// Who computes.
        node: NodeId,
        /// For how long.
        span: Span,
    },
    /// A node computes so much, sharing its processors with whatever else it shares them with: each
    /// of n such tasks has the speed of a processor while there are as many, and else an equal
    /// share of them all. [`Input::Done`] when it is done.
    Share {
        /// The task.
        task: TaskId,
        /// Who computes.
        node: NodeId,
        /// For how long, on a processor of its own at full speed.
        span: Span,
        /// The processors of the node: the same in all its tasks.
        processors: u32,
    },
    /// One part sends to another. A part is a node or the network interface of a server.
    Send {
        /// The task.
        task: TaskId,
        /// Who sends.
        from: Part,
        /// Who receives.
        to: Part,
        /// How much.
        bytes: Bytes,
    },
    /// A task is given up: nothing more is heard of it. Nothing if it is not under way.
    Drop(TaskId),
    /// [`Input::Timer`] with this key at this instant. A timer is not taken back: a workload
    /// passes over the keys that it has no use for any more.
    Timer {
        /// When.
        at: Time,
        /// The key.
        key: u64,
    },
    /// An event.
    Emit(What),
    /// All is done.
    Finish,
}

/// A workload that is no bulk-synchronous job.
pub trait Workload {
    /// The switch that each node hangs on, before anything else.
    fn locate(&mut self, _switch_of: &dyn Fn(NodeId) -> u32) {}

    /// Who has to hear of its nodes, if one has to: a node that a partition keeps from it counts as
    /// down.
    fn head(&self) -> Option<Part> {
        None
    }

    /// Answers what happens at `now`. What a command brings about at this very instant is heard
    /// before the next command of the same answer is carried out.
    fn on(&mut self, now: Time, input: Input, out: &mut Vec<Command>);
}

/// A node as an end of a send.
fn end(NodeId(index): NodeId) -> Part {
    Part { kind: PartKind::Node, index }
}

/// Declares the workloads: in the order of this list they begin.
macro_rules! workloads {
    ($($name:ident: $type:ty),+ $(,)?) => {
        /// Any workload.
        #[derive(Clone, Debug)]
        #[allow(missing_docs, reason = "each says itself what it is")]
        #[allow(clippy::large_enum_variant, reason = "a run has a few of them")]
        #[allow(non_camel_case_types, reason = "named as their tables are")]
        #[allow(clippy::large_enum_variant, reason = "a run has a few of them")]
        pub enum Machine {
            $($name(Box<$type>),)+
        }

        impl Machine {
            /// Those that a scenario has.
            #[must_use]
            pub fn all_of(scenario: &Scenario) -> Vec<Self> {
                [$(<$type>::of(scenario).map(|own| Self::$name(Box::new(own)))),+]
                    .into_iter()
                    .flatten()
                    .collect()
            }
        }

        impl Workload for Machine {
            fn locate(&mut self, switch_of: &dyn Fn(NodeId) -> u32) {
                match self {
                    $(Self::$name(own) => own.locate(switch_of),)+
                }
            }

            fn head(&self) -> Option<Part> {
                match self {
                    $(Self::$name(own) => own.head(),)+
                }
            }

            fn on(&mut self, now: Time, input: Input, out: &mut Vec<Command>) {
                match self {
                    $(Self::$name(own) => own.on(now, input, out),)+
                }
            }
        }
    };
}

workloads! {
    transfers: transfers::TransferList,
    sort: sort::Sort,
    rollout: rollout::Rollout,
    multicast: multicast::Multicast,
    map_reduce: map_reduce::MapReduceJob,
    web: web::Web,
    data_grid: data_grid::DataGrid,
    object_store: object_store::ObjectStore,
    polling: polling::Polling,
}
