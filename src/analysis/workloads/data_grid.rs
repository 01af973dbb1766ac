//! A data grid: what was lost and for how long, what was copied, and what its dashboard knew.

use std::collections::BTreeMap;

use super::stretches::Stretches;
use super::{Tally, TaskEvent};
use crate::analysis::metrics::Table;
use crate::event::{TaskAct, TaskKind};
use crate::plan::Plan;

/// A row of the dashboard.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    /// When it was heard last, by the dashboard that there is (ns).
    heard: Option<u64>,
    /// Whether its member is gone.
    is_gone: bool,
    /// Whether the row has grown stale since it is.
    is_shown: bool,
}

/// The dashboard. It is dark while the master is gone, and knows nothing of before then.
#[derive(Clone, Debug, Default)]
struct Dashboard {
    rows: Vec<Row>,
    /// Age from which on a row is stale (ns).
    stale: u64,
    /// How old rows grew until they were heard again or the dashboard ended (ns), how often.
    ages: BTreeMap<u64, u64>,
    dark: Stretches,
    lost: u64,
    deaths_missed: u64,
    false_alarms: u64,
}

impl Dashboard {
    /// What a row shows ends: it is heard, or the dashboard ends.
    fn close(&mut self, now: u64, member: usize) {
        let row = &mut self.rows[member];
        let Some(heard) = row.heard.take() else { return };
        *self.ages.entry(now - heard).or_default() += 1;
        let is_stale = now - heard >= self.stale;
        row.is_shown |= row.is_gone && is_stale;
        self.false_alarms += u64::from(!row.is_gone && is_stale);
    }

    fn close_all(&mut self, now: u64) {
        (0..self.rows.len()).for_each(|member| self.close(now, member));
    }

    fn heard(&mut self, now: u64, member: usize) {
        self.close(now, member);
        self.is_back(now, member);
        self.rows[member].heard = Some(now);
    }

    fn is_back(&mut self, now: u64, member: usize) {
        let stale = self.stale;
        let row = &mut self.rows[member];
        if std::mem::take(&mut row.is_gone) {
            let is_stale = row.heard.is_some_and(|heard| now - heard >= stale);
            self.deaths_missed += u64::from(!std::mem::take(&mut row.is_shown) && !is_stale);
        }
    }

    /// The age (s) that a row has for at most this share of the time. A row that was heard after g
    /// had each age up to g for equally long.
    fn quantile(&self, share: f64) -> Option<f64> {
        let total: f64 = self.ages.iter().map(|(age, count)| *age as f64 * *count as f64).sum();
        let (mut below, mut rows): (f64, u64) = (0.0, self.ages.values().sum());
        let (mut from, wanted) = (0.0, share * total);
        if total <= 0.0 {
            return None;
        }
        for (age, count) in &self.ages {
            let (age, wide) = (*age as f64, rows as f64);
            let here = (age - from) * wide;
            if below + here >= wanted {
                return Some((from + (wanted - below) / wide) / 1e9);
            }
            (below, from, rows) = (below + here, age, rows - count);
        }
        Some(from / 1e9)
    }
}

/// A data grid.
#[derive(Clone, Debug)]
pub(super) struct DataGridTally {
    partition_size: u64,
    has_tasks: bool,
    /// If it has a master.
    dashboard: Option<Dashboard>,
    /// Members that are gone, since when (ns), until that is noticed.
    gone: BTreeMap<u32, u64>,
    detected: Option<u64>,
    lost: u64,
    dark: Stretches,
    unsafe_: Stretches,
    safe_after: Option<u64>,
    sides: Stretches,
    holes: u64,
    migrations: u64,
    migrations_lost: u64,
    merged: u64,
    discarded: u64,
    tasks: u64,
    tasks_retried: u64,
}

impl DataGridTally {
    fn member(&mut self, now: u64, task: TaskEvent) {
        let number = task.number as usize;
        if let Some(dashboard) = &mut self.dashboard {
            match (task.act, dashboard.rows.get_mut(number)) {
                (TaskAct::Begin, Some(_)) => dashboard.is_back(now, number),
                (TaskAct::Lose, Some(row)) => row.is_gone = true,
                (TaskAct::Begin, None) => {
                    dashboard.dark.end(now, 0);
                }
                (TaskAct::Lose, None) => {
                    dashboard.dark.begin(now, 0);
                    dashboard.close_all(now);
                }
                (TaskAct::End | TaskAct::Retry, _) => {}
            }
        }
        match task.act {
            TaskAct::Lose => {
                self.gone.insert(task.number, now);
            }
            TaskAct::End => {
                if let Some(since) = self.gone.remove(&task.number) {
                    self.detected = self.detected.max(Some(now - since));
                }
            }
            // It is back before anybody noticed.
            TaskAct::Begin => {
                self.gone.remove(&task.number);
            }
            TaskAct::Retry => {}
        }
    }

    fn stretch(stretches: &mut Stretches, now: u64, task: TaskEvent) -> bool {
        match task.act {
            TaskAct::Begin => stretches.begin(now, task.number),
            TaskAct::End | TaskAct::Lose => return stretches.end(now, task.number),
            TaskAct::Retry => {}
        }
        false
    }

    /// A side is safe, or begins or ends not to be.
    fn safety(&mut self, now: u64, task: TaskEvent) {
        let begin = self.unsafe_.since(task.number);
        let has_ended = Self::stretch(&mut self.unsafe_, now, task);
        if has_ended && task.act == TaskAct::End {
            self.safe_after = self.safe_after.max(begin.map(|begin| now - begin));
        }
    }
}

impl Tally for DataGridTally {
    const KINDS: &'static [TaskKind] = &[
        TaskKind::GridMember,
        TaskKind::GridCopy,
        TaskKind::GridPartition,
        TaskKind::GridUnsafe,
        TaskKind::GridSide,
        TaskKind::GridHole,
        TaskKind::GridMerge,
        TaskKind::GridTask,
        TaskKind::GridReport,
    ];

    fn of(plan: &Plan) -> Option<Self> {
        let grid = plan.scenario.workloads.data_grid.as_ref()?;
        let dashboard = || Dashboard {
            rows: vec![Row::default(); grid.nodes[0].len()],
            stale: grid.table.stale.0,
            ..Dashboard::default()
        };
        Some(Self {
            partition_size: grid.table.partition_size.0,
            has_tasks: grid.table.tasks > 0,
            dashboard: (!grid.nodes[1].is_empty()).then(dashboard),
            gone: BTreeMap::new(),
            detected: None,
            lost: 0,
            dark: Stretches::default(),
            unsafe_: Stretches::default(),
            safe_after: None,
            sides: Stretches::default(),
            holes: 0,
            migrations: 0,
            migrations_lost: 0,
            merged: 0,
            discarded: 0,
            tasks: 0,
            tasks_retried: 0,
        })
    }

    fn measures(name: &str) -> bool {
        name.starts_with("grid_") || name.starts_with("dashboard_")
    }

    fn act(&mut self, now: u64, task: TaskEvent) {
        let count = |by: &mut u64, act: TaskAct| *by += u64::from(task.act == act);
        match task.kind {
            TaskKind::GridMember => self.member(now, task),
            TaskKind::GridCopy => {
                count(&mut self.migrations, TaskAct::End);
                count(&mut self.migrations_lost, TaskAct::Lose);
            }
            TaskKind::GridPartition if task.act == TaskAct::Lose => self.lost += 1,
            TaskKind::GridPartition => {
                Self::stretch(&mut self.dark, now, task);
            }
            TaskKind::GridUnsafe => self.safety(now, task),
            TaskKind::GridSide => {
                Self::stretch(&mut self.sides, now, task);
            }
            TaskKind::GridHole => count(&mut self.holes, TaskAct::Begin),
            TaskKind::GridMerge => {
                count(&mut self.merged, TaskAct::End);
                count(&mut self.discarded, TaskAct::Lose);
            }
            TaskKind::GridTask => {
                count(&mut self.tasks, TaskAct::End);
                count(&mut self.tasks_retried, TaskAct::Retry);
            }
            TaskKind::GridReport => {
                if let Some(dashboard) = &mut self.dashboard {
                    match task.act {
                        TaskAct::End => dashboard.heard(now, task.number as usize),
                        TaskAct::Lose => dashboard.lost += 1,
                        TaskAct::Begin | TaskAct::Retry => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn measure(&self, end: u64, table: &mut Table) {
        let seconds = |span: u64| span as f64 / 1e9;
        let (dark, longest) = self.dark.at_the_end(end);
        table.count("grid_partitions_lost", self.lost);
        table.put("grid_unavailable_time", dark);
        table.put("grid_unavailable_max", longest);
        table.maybe("grid_detection_max", self.detected.map(seconds));
        table.put("grid_unsafe_time", self.unsafe_.at_the_end(end).0);
        table.maybe("grid_safe_after_max", self.safe_after.map(seconds));
        table.count("grid_migrations", self.migrations);
        table.count("grid_bytes_migrated", self.migrations * self.partition_size);
        table.count("grid_migrations_lost", self.migrations_lost);
        table.count("grid_splits", self.sides.begun());
        table.put("grid_split_time", self.sides.at_the_end(end).1);
        table.count("grid_split_missing", self.holes);
        table.count("grid_merged", self.merged);
        table.count("grid_discarded", self.discarded);
        if self.has_tasks {
            table.count("grid_tasks_done", self.tasks);
            table.count("grid_tasks_retried", self.tasks_retried);
        }
        let Some(mut dashboard) = self.dashboard.clone() else { return };
        dashboard.close_all(end);
        let unseen = dashboard.rows.iter().filter(|row| row.is_gone && !row.is_shown).count();
        table.maybe("dashboard_age_p50", dashboard.quantile(0.5));
        table.maybe("dashboard_age_p99", dashboard.quantile(0.99));
        table
            .maybe("dashboard_age_max", dashboard.ages.keys().next_back().map(|age| seconds(*age)));
        table.count("dashboard_reports_lost", dashboard.lost);
        table.put("dashboard_dark_time", dashboard.dark.at_the_end(end).0);
        table.count("dashboard_deaths_missed", dashboard.deaths_missed + unseen as u64);
        table.count("dashboard_false_alarms", dashboard.false_alarms);
    }
}
