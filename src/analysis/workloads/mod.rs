//! What the tasks of workloads come to: each workload has metrics of its own.
//!
//! These are one file here and a line in the list at the end.

mod data_grid;
mod map_reduce;
mod multicast;
mod object_store;
mod polling;
mod rollout;
mod sort;
mod stretches;
mod web;

use super::Series;
use super::metrics::Table;
use crate::event::{TaskAct, TaskKind};
use crate::ids::NodeId;
use crate::plan::Plan;
use crate::units::Span;

/// A task that begins or ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct TaskEvent {
    pub(super) kind: TaskKind,
    pub(super) number: u32,
    pub(super) act: TaskAct,
    pub(super) node: Option<NodeId>,
    /// What its send moved, if it is the end of one.
    pub(super) moved: u64,
    pub(super) span: Span,
}

/// The metrics of a workload.
trait Tally: Sized {
    /// The kinds of its tasks.
    const KINDS: &'static [TaskKind];

    /// That of a plan, if it has the workload.
    fn of(plan: &Plan) -> Option<Self>;

    /// Whether it measures the metric of this name.
    fn measures(name: &str) -> bool;

    /// One of its tasks begins or ends at `now` (ns).
    fn act(&mut self, now: u64, task: TaskEvent);

    /// Its metrics, at the end of the run (ns).
    fn measure(&self, end: u64, table: &mut Table);

    /// Series are wanted, from now on.
    fn keep_series(&mut self) {}

    /// Its series, up to the end of the run (ns).
    fn series(&self, _end: u64) -> Vec<Series> {
        Vec::new()
    }
}

/// Declares the workloads that have metrics, in the order in which these stand.
macro_rules! tallies {
    ($($name:ident: $type:ty),+ $(,)?) => {
        /// The metrics of the workloads of a run.
        #[derive(Clone, Debug, Default)]
        pub(super) struct Tallies {
            $($name: Option<$type>,)+
        }

        impl Tallies {
            /// Those of a plan.
            pub(super) fn of(plan: &Plan) -> Self {
                Self { $($name: <$type>::of(plan)),+ }
            }

            /// Whether it is they that measure the metric of this name.
            pub(super) fn measures(name: &str) -> bool {
                [$(<$type>::measures(name)),+].contains(&true)
            }

            /// A task begins or ends at `now` (ns).
            pub(super) fn act(&mut self, now: u64, task: TaskEvent) {
                $(if <$type>::KINDS.contains(&task.kind)
                    && let Some(own) = &mut self.$name
                {
                    own.act(now, task);
                })+
            }

            /// The same, with series.
            pub(super) fn with_series(mut self) -> Self {
                $(if let Some(own) = &mut self.$name {
                    own.keep_series();
                })+
                self
            }

            /// The series, up to the end of the run (ns).
            pub(super) fn series(&self, end: u64) -> Vec<Series> {
                let mut all = Vec::new();
                $(all.extend(self.$name.iter().flat_map(|own| own.series(end)));)+
                all
            }

            /// The metrics, at the end of the run (ns).
            pub(super) fn measure(&self, end: u64, table: &mut Table) {
                $(if let Some(own) = &self.$name {
                    own.measure(end, table);
                })+
            }
        }
    };
}

tallies! {
    sort: sort::SortTally,
    rollout: rollout::RolloutTally,
    multicast: multicast::MulticastTally,
    map_reduce: map_reduce::MapReduceTally,
    web: web::WebTally,
    data_grid: data_grid::DataGridTally,
    object_store: object_store::ObjectStoreTally,
    polling: polling::PollingTally,
}
