//! Datagrams that trigger nodes: how many missed them, how far apart they were, and the uploads.

use super::{Tally, TaskEvent};
use crate::analysis::metrics::Table;
use crate::analysis::sample::Sample;
use crate::event::{TaskAct, TaskKind};
use crate::plan::Plan;

/// The shots.
#[derive(Clone, Debug)]
pub(super) struct MulticastTally {
    nodes: u32,
    triggered: u64,
    missed: u64,
    /// The shot under way, when its first and last node were triggered (ns).
    shot: Option<(u32, u64, u64)>,
    skews: Sample,
    uploads: Sample,
    uploads_lost: u64,
    /// When each shot was sent (ns).
    at: u64,
    every: u64,
}

impl MulticastTally {
    /// The skew of the last shot, as far as it has one, is one of the sample.
    fn skews(&self) -> Sample {
        let mut all = self.skews.clone();
        if let Some((_, first, last)) = self.shot {
            all.add(last - first);
        }
        all
    }
}

impl Tally for MulticastTally {
    const KINDS: &'static [TaskKind] = &[TaskKind::Trigger, TaskKind::Upload];

    fn of(plan: &Plan) -> Option<Self> {
        let spec = plan.scenario.workloads.multicast.as_ref()?;
        Some(Self {
            nodes: spec.nodes[0].len() as u32,
            triggered: 0,
            missed: 0,
            shot: None,
            skews: Sample::default(),
            uploads: Sample::default(),
            uploads_lost: 0,
            at: spec.table.at.0,
            every: spec.table.every.0,
        })
    }

    fn measures(name: &str) -> bool {
        name.starts_with("trigger") || name.starts_with("upload")
    }

    fn act(&mut self, now: u64, task: TaskEvent) {
        let shot = task.number / self.nodes;
        match (task.kind, task.act) {
            (TaskKind::Trigger, TaskAct::End) => {
                self.triggered += 1;
                match &mut self.shot {
                    Some((of, _, last)) if *of == shot => *last = now,
                    before => {
                        if let Some((_, first, last)) = before.replace((shot, now, now)) {
                            self.skews.add(last - first);
                        }
                    }
                }
            }
            (TaskKind::Trigger, _) => self.missed += 1,
            (TaskKind::Upload, TaskAct::End) => {
                let sent = self.at + u64::from(shot) * self.every;
                self.uploads.add(now - sent);
            }
            (_, TaskAct::Lose) => self.uploads_lost += 1,
            _ => {}
        }
    }

    fn measure(&self, _end: u64, table: &mut Table) {
        table.count("triggers", self.triggered);
        table.count("triggers_missed", self.missed);
        let skews = self.skews();
        let [p50, p95] = skews.percentiles_s([50, 95]).map_or([None; 2], |p| p.map(Some));
        table.maybe("trigger_skew_p50", p50);
        table.maybe("trigger_skew_p95", p95);
        table.maybe("trigger_skew_max", skews.max_s());
        table.count("uploads_done", self.uploads.count());
        table.count("uploads_lost", self.uploads_lost);
        table.maybe("upload_time_mean", self.uploads.mean_s());
        table.maybe("upload_time_max", self.uploads.max_s());
    }
}
