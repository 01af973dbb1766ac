//! Sorted numbers: when all were merged, and what was done twice.

use super::{Tally, TaskEvent};
use crate::analysis::metrics::Table;
use crate::event::{TaskAct, TaskKind};
use crate::plan::Plan;

/// A sort.
#[derive(Clone, Debug)]
pub(super) struct SortTally {
    /// Parts, after which the merge has its number.
    parts: u32,
    /// When the first part was handed out, when the merge began and ended (ns).
    begin: Option<u64>,
    merge: Option<u64>,
    end: Option<u64>,
    retried: u64,
    lost: u64,
}

impl Tally for SortTally {
    const KINDS: &'static [TaskKind] = &[TaskKind::Sort];

    fn of(plan: &Plan) -> Option<Self> {
        let sort = plan.scenario.workloads.sort.as_ref()?;
        let parts = sort.table.parts.unwrap_or(sort.nodes[0].len() as u32);
        Some(Self { parts, begin: None, merge: None, end: None, retried: 0, lost: 0 })
    }

    fn measures(name: &str) -> bool {
        name.starts_with("sort_")
    }

    fn act(&mut self, now: u64, task: TaskEvent) {
        let is_merge = task.number == self.parts;
        match task.act {
            TaskAct::Begin if is_merge => self.merge = Some(now),
            TaskAct::Begin => self.begin = self.begin.or(Some(now)),
            TaskAct::End if is_merge => self.end = Some(now),
            TaskAct::End => {}
            TaskAct::Retry => self.retried += 1,
            TaskAct::Lose => self.lost += 1,
        }
    }

    fn measure(&self, _end: u64, table: &mut Table) {
        let seconds = |from: Option<u64>, to: Option<u64>| Some((to? - from?) as f64 / 1e9);
        table.maybe("sort_time", seconds(self.begin, self.end));
        table.maybe("sort_merge_time", seconds(self.merge, self.end));
        table.count("sort_parts_retried", self.retried);
        table.count("sort_tasks_lost", self.lost);
    }
}
