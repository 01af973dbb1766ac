//! Tasks of workloads, one by one: who had each, when it began and how it ended.

use std::collections::BTreeMap;

use super::TaskFinding;
use crate::event::{TaskAct, TaskKind, What};
use crate::ids::NodeId;
use crate::record::words;

/// Rows at most: more than anybody draws or reads, and a table of some megabytes.
const ROWS_MAX: usize = 100_000;

/// One that has begun, or has ended.
#[derive(Clone, Copy, Debug)]
struct Task {
    kind: TaskKind,
    number: u32,
    node: Option<NodeId>,
    /// When it began (ns).
    begin: u64,
    /// When and how it ended (ns).
    end: Option<(u64, TaskAct)>,
}

/// The first tasks of a run, each as often as it began.
#[derive(Clone, Debug, Default)]
pub(super) struct Tasks {
    rows: Vec<Task>,
    /// The row of each that has begun and not ended.
    open: BTreeMap<(TaskKind, u32), usize>,
}

impl Tasks {
    /// One begins or ends at `now` (ns). O(log tasks under way).
    pub(super) fn act(&mut self, now: u64, what: What) {
        let What::Task { kind, number, act, node, span } = what else { return };
        // Listed transfers have a table of their own, what a worker did in all is no task, and
        // reports and polls are too many and all alike.
        if matches!(
            kind,
            TaskKind::Transfer
                | TaskKind::Worker
                | TaskKind::GridReport
                | TaskKind::Poll
                | TaskKind::PollRound
        ) {
            return;
        }
        if act == TaskAct::Begin {
            if self.rows.len() < ROWS_MAX {
                self.open.insert((kind, number), self.rows.len());
                self.rows.push(Task { kind, number, node, begin: now, end: None });
            }
        } else if let Some(row) = self.open.remove(&(kind, number)) {
            self.rows[row].end = Some((now, act));
        } else if span.0 > 0 && self.rows.len() < ROWS_MAX {
            let begin = now.saturating_sub(span.0);
            self.rows.push(Task { kind, number, node, begin, end: Some((now, act)) });
        }
    }

    /// A row for each, in the order in which they began or, without a begin of their own, ended.
    pub(super) fn findings(&self) -> Vec<TaskFinding> {
        let row = |task: &Task| TaskFinding {
            kind: words::task_kind(task.kind).to_owned(),
            number: u64::from(task.number) + 1,
            node: task.node.map(|NodeId(node)| node + 1),
            begin_s: task.begin as f64 / 1e9,
            end_s: task.end.map_or(-1.0, |(at, _)| at as f64 / 1e9),
            status: match task.end {
                None | Some((_, TaskAct::Begin)) => "begun",
                Some((_, TaskAct::End)) => "done",
                Some((_, TaskAct::Lose)) => "lost",
                Some((_, TaskAct::Retry)) => "retried",
            }
            .to_owned(),
        };
        self.rows.iter().map(row).collect()
    }
}
