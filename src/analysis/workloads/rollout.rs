//! A file that goes to all nodes: how many have it, and when they had it.

use super::{Tally, TaskEvent};
use crate::analysis::metrics::Table;
use crate::analysis::sample::Sample;
use crate::event::{TaskAct, TaskKind};
use crate::plan::Plan;

/// A rollout. Times are from its begin.
#[derive(Clone, Debug)]
pub(super) struct RolloutTally {
    nodes: u64,
    /// When it begins (ns).
    at: u64,
    times: Sample,
    stopped: u64,
}

impl Tally for RolloutTally {
    const KINDS: &'static [TaskKind] = &[TaskKind::Rollout];

    fn of(plan: &Plan) -> Option<Self> {
        let spec = plan.scenario.workloads.rollout.as_ref()?;
        let (nodes, at) = (spec.nodes[0].len() as u64, spec.table.at.0);
        Some(Self { nodes, at, times: Sample::default(), stopped: 0 })
    }

    fn measures(name: &str) -> bool {
        name.starts_with("rollout_")
    }

    fn act(&mut self, now: u64, task: TaskEvent) {
        match task.act {
            TaskAct::End => self.times.add(now - self.at),
            TaskAct::Retry => self.stopped += 1,
            TaskAct::Begin | TaskAct::Lose => {}
        }
    }

    fn measure(&self, _end: u64, table: &mut Table) {
        let done = self.times.count();
        table.count("rollout_done", done);
        table.count("rollout_unfinished", self.nodes - done);
        table.count("rollout_stops", self.stopped);
        table.maybe("rollout_time_mean", self.times.mean_s());
        let [p50, p95] = self.times.percentiles_s([50, 95]).map_or([None; 2], |p| p.map(Some));
        table.maybe("rollout_time_p50", p50);
        table.maybe("rollout_time_p95", p95);
        let all = self.times.max_s().filter(|_| done == self.nodes);
        table.maybe("rollout_time", all);
    }
}
