//! Workloads as pure machines: no socket, no clock, no hardware.
//!
//! A bulk-synchronous job runs under the coordinator of jobs. Any other workload is a [`Workload`]:
//! it is informed by [`Input`]s and answers with [`Command`]s, which a stage carries out: the model
//! by time, by the speed of nodes and by the fabric.
//!
//! A workload is one file here, its table in [`crate::scenario::workloads`], what its tasks come
//! to in `analysis/workloads`, and a line in the list of each; docs/workloads.md shows how.

pub mod bulk_synchronous;
pub mod collective;
pub mod map_reduce;
pub mod sort;
pub mod transfers;

use crate::event::What;
use crate::ids::{NodeId, Part, PartKind};
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
        pub enum Machine {
            $($name($type),)+
        }

        impl Machine {
            /// Those that a scenario has.
            #[must_use]
            pub fn all_of(scenario: &Scenario) -> Vec<Self> {
                [$(<$type>::of(scenario).map(Self::$name)),+].into_iter().flatten().collect()
            }
        }

        impl Workload for Machine {
            fn locate(&mut self, switch_of: &dyn Fn(NodeId) -> u32) {
                match self {
                    $(Self::$name(own) => own.locate(switch_of),)+
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
    map_reduce: map_reduce::MapReduceJob,
}
