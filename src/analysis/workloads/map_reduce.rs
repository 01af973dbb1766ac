//! A MapReduce job on HDFS: its phases, what began anew, and blocks with too few replicas.

use std::collections::{BTreeMap, BTreeSet};

use super::{Tally, TaskEvent};
use crate::analysis::metrics::Table;
use crate::event::{TaskAct, TaskKind};
use crate::plan::Plan;

/// How often things of a kind began, were done, were moved.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    begun: u64,
    done: u64,
    retried: u64,
    lost: u64,
    moved: u64,
    first: Option<u64>,
    /// When the last one was done (ns).
    last: Option<u64>,
}

/// Blocks in a state, over time.
#[derive(Clone, Debug, Default)]
struct Troubled {
    /// Since when each of them is (ns).
    open: BTreeMap<u32, u64>,
    most: u64,
    /// Time in which there was one (ns), before `since`.
    total: u64,
    since: u64,
    longest: Option<u64>,
}

impl Troubled {
    fn act(&mut self, now: u64, number: u32, act: TaskAct) {
        if act == TaskAct::Begin {
            if self.open.is_empty() {
                self.since = now;
            }
            self.open.insert(number, now);
            self.most = self.most.max(self.open.len() as u64);
        } else if let Some(begin) = self.open.remove(&number) {
            if act == TaskAct::End {
                self.longest = self.longest.max(Some(now - begin));
            }
            if self.open.is_empty() {
                self.total += now - self.since;
            }
        }
    }

    /// Time in which there was one, until the end of the run (ns).
    fn total(&self, end: u64) -> u64 {
        self.total + if self.open.is_empty() { 0 } else { end - self.since }
    }
}

/// A MapReduce job.
#[derive(Clone, Debug)]
pub(super) struct MapReduceTally {
    reducers: usize,
    /// Reduce tasks whose result is there.
    reduced: BTreeSet<u32>,
    counts: BTreeMap<TaskKind, Counts>,
    under: Troubled,
    missing: Troubled,
    outage: Troubled,
}

impl Tally for MapReduceTally {
    const KINDS: &'static [TaskKind] = &[
        TaskKind::Map,
        TaskKind::SpeculativeMap,
        TaskKind::BlockRead,
        TaskKind::Shuffle,
        TaskKind::Fetch,
        TaskKind::Reduce,
        TaskKind::BlockWrite,
        TaskKind::Replication,
        TaskKind::UnderReplicated,
        TaskKind::MissingBlock,
        TaskKind::NameNodeOutage,
        TaskKind::Snapshot,
        TaskKind::ForgottenBlock,
    ];

    fn of(plan: &Plan) -> Option<Self> {
        let own = plan.scenario.workloads.map_reduce.as_ref()?;
        Some(Self {
            reducers: own.table.reducers as usize,
            reduced: BTreeSet::new(),
            counts: BTreeMap::new(),
            under: Troubled::default(),
            missing: Troubled::default(),
            outage: Troubled::default(),
        })
    }

    fn measures(name: &str) -> bool {
        ["map_reduce_", "hdfs_", "name_node_"].iter().any(|own| name.starts_with(own))
    }

    fn act(&mut self, now: u64, task: TaskEvent) {
        let TaskEvent { kind, number, act, moved, .. } = task;
        let counts = self.counts.entry(kind).or_default();
        match act {
            TaskAct::Begin => {
                counts.begun += 1;
                counts.first = counts.first.or(Some(now));
            }
            TaskAct::End => {
                counts.done += 1;
                counts.moved += moved;
                counts.last = Some(now);
            }
            TaskAct::Retry => counts.retried += 1,
            TaskAct::Lose => counts.lost += 1,
        }
        match kind {
            TaskKind::Reduce if act == TaskAct::End => {
                self.reduced.insert(number);
            }
            TaskKind::Reduce => {
                self.reduced.remove(&number);
            }
            TaskKind::UnderReplicated => self.under.act(now, number, act),
            TaskKind::MissingBlock => self.missing.act(now, number, act),
            TaskKind::NameNodeOutage if act == TaskAct::Lose => {}
            TaskKind::NameNodeOutage => self.outage.act(now, number, act),
            _ => {}
        }
    }

    fn measure(&self, end: u64, table: &mut Table) {
        let of = |kind: TaskKind| self.counts.get(&kind).copied().unwrap_or_default();
        let seconds =
            |from: Option<u64>, to: Option<u64>| Some(to?.saturating_sub(from?) as f64 / 1e9);
        let (map, second, reduce) =
            (of(TaskKind::Map), of(TaskKind::SpeculativeMap), of(TaskKind::Reduce));
        let shuffle = of(TaskKind::Shuffle);
        let maps_end = map.last.max(second.last);
        if self.reduced.len() == self.reducers {
            table.maybe("map_reduce_time", seconds(map.first, reduce.last));
            table.maybe("map_reduce_map_time", seconds(map.first, maps_end));
            table.maybe("map_reduce_shuffle_time", seconds(maps_end, shuffle.last));
            table.maybe("map_reduce_reduce_time", seconds(shuffle.last, reduce.last));
        }
        let retried = map.retried + second.retried + shuffle.retried + reduce.retried;
        table.count("map_reduce_retried", retried);
        table.count("map_reduce_speculative", second.begun);
        table.count("map_reduce_speculative_won", second.done);
        let begun = map.begun + second.begun;
        let read = of(TaskKind::BlockRead);
        let local = begun.saturating_sub(read.done);
        table.ratio("map_reduce_local_share", local.into(), begun.into());
        table.count("map_reduce_bytes_read", read.moved);
        table.count("map_reduce_bytes_shuffled", of(TaskKind::Fetch).moved);
        table.count("map_reduce_bytes_written", of(TaskKind::BlockWrite).moved);
        let copies = of(TaskKind::Replication);
        table.count("hdfs_bytes_replicated", copies.moved);
        table.count("hdfs_replications", copies.done);
        table.count("hdfs_under_replicated_max", self.under.most);
        table.put("hdfs_under_replicated_time", self.under.total(end) as f64 / 1e9);
        table.maybe("hdfs_replication_time_max", self.under.longest.map(|ns| ns as f64 / 1e9));
        table.count("hdfs_missing_max", self.missing.most);
        table.count("hdfs_blocks_lost", self.missing.open.len() as u64);
        table.count("hdfs_blocks_forgotten", of(TaskKind::ForgottenBlock).lost);
        table.put("name_node_outage_time", self.outage.total(end) as f64 / 1e9);
        table.count("name_node_snapshots", of(TaskKind::Snapshot).done);
    }
}
