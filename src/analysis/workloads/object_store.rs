//! An object store: what was lost, what repairs took, and how long clients waited.

use std::collections::BTreeMap;

use super::stretches::Stretches;
use super::{Tally, TaskEvent};
use crate::analysis::metrics::Table;
use crate::analysis::sample::Sample;
use crate::event::{TaskAct, TaskKind};
use crate::plan::Plan;
use crate::scenario::workloads::object_store::Repairer;

/// Puts or gets.
#[derive(Clone, Debug, Default)]
struct Requests {
    open: BTreeMap<(TaskKind, u32), u64>,
    times: Sample,
    failed: u64,
}

impl Requests {
    fn act(&mut self, now: u64, task: TaskEvent) {
        let key = (task.kind, task.number);
        match task.act {
            TaskAct::Begin => {
                self.open.insert(key, now);
            }
            TaskAct::End => {
                let begin = self.open.remove(&key).expect("what ends has begun");
                self.times.add(now - begin);
            }
            TaskAct::Lose => {
                self.open.remove(&key);
                self.failed += 1;
            }
            TaskAct::Retry => {}
        }
    }

    fn measure(&self, names: [&str; 6], table: &mut Table) {
        table.count(names[0], self.times.count());
        table.count(names[1], self.failed);
        let percentiles = self.times.percentiles_s([50, 99]);
        table.maybe(names[2], self.times.mean_s());
        table.maybe(names[3], percentiles.map(|all| all[0]));
        table.maybe(names[4], percentiles.map(|all| all[1]));
        table.maybe(names[5], self.times.max_s());
    }
}

/// An object store.
#[derive(Clone, Debug)]
pub(super) struct ObjectStoreTally {
    /// Bytes that a repair moves.
    repair_bytes: u64,
    has_puts: bool,
    has_gets: bool,
    dark: Stretches,
    dark_max: usize,
    lost: u64,
    repairs: u64,
    repairs_lost: u64,
    rebuilds: BTreeMap<u32, u64>,
    rebuild_max: Option<u64>,
    puts: Requests,
    gets: Requests,
    degraded: u64,
}

impl ObjectStoreTally {
    fn object(&mut self, now: u64, task: TaskEvent) {
        match task.act {
            TaskAct::Begin => {
                self.dark.begin(now, task.number);
                self.dark_max = self.dark_max.max(self.dark.under_way());
            }
            TaskAct::End => {
                self.dark.end(now, task.number);
            }
            TaskAct::Lose => {
                self.lost += 1;
                self.dark.give_up(task.number);
            }
            TaskAct::Retry => {}
        }
    }

    fn rebuild(&mut self, now: u64, task: TaskEvent) {
        match task.act {
            TaskAct::Begin => {
                self.rebuilds.insert(task.number, now);
            }
            TaskAct::End => {
                let begin = self.rebuilds.remove(&task.number);
                self.rebuild_max = self.rebuild_max.max(begin.map(|begin| now - begin));
            }
            TaskAct::Lose | TaskAct::Retry => {
                self.rebuilds.remove(&task.number);
            }
        }
    }
}

impl Tally for ObjectStoreTally {
    const KINDS: &'static [TaskKind] = &[
        TaskKind::StorePut,
        TaskKind::StoreGet,
        TaskKind::StoreDegradedGet,
        TaskKind::StoreRepair,
        TaskKind::StoreNode,
        TaskKind::StoreObject,
    ];

    fn of(plan: &Plan) -> Option<Self> {
        let store = &plan.scenario.workloads.object_store.as_ref()?.table;
        let size = store.object_size.0.div_ceil(store.data.into());
        let moved = u64::from(store.data) + u64::from(store.repairer == Repairer::Server);
        Some(Self {
            repair_bytes: moved * size,
            has_puts: store.puts > 0.0,
            has_gets: store.gets > 0.0,
            dark: Stretches::default(),
            dark_max: 0,
            lost: 0,
            repairs: 0,
            repairs_lost: 0,
            rebuilds: BTreeMap::new(),
            rebuild_max: None,
            puts: Requests::default(),
            gets: Requests::default(),
            degraded: 0,
        })
    }

    fn measures(name: &str) -> bool {
        name.starts_with("store_")
    }

    fn act(&mut self, now: u64, task: TaskEvent) {
        match task.kind {
            TaskKind::StorePut => self.puts.act(now, task),
            TaskKind::StoreGet => self.gets.act(now, task),
            TaskKind::StoreDegradedGet => {
                self.gets.act(now, task);
                self.degraded += u64::from(task.act == TaskAct::End);
            }
            TaskKind::StoreRepair => {
                self.repairs += u64::from(task.act == TaskAct::End);
                self.repairs_lost += u64::from(task.act == TaskAct::Lose);
            }
            TaskKind::StoreNode => self.rebuild(now, task),
            TaskKind::StoreObject => self.object(now, task),
            _ => {}
        }
    }

    fn measure(&self, end: u64, table: &mut Table) {
        let (time, longest) = self.dark.at_the_end(end);
        table.count("store_objects_lost", self.lost);
        table.count("store_objects_unavailable_max", self.dark_max as u64);
        table.put("store_unavailable_time", time);
        table.put("store_unavailable_max", longest);
        table.count("store_repairs", self.repairs);
        table.count("store_repairs_lost", self.repairs_lost);
        table.count("store_repair_bytes", self.repairs * self.repair_bytes);
        table.maybe("store_rebuild_time_max", self.rebuild_max.map(|span| span as f64 / 1e9));
        if self.has_puts {
            let names = [
                "store_puts",
                "store_puts_failed",
                "store_put_time_mean",
                "store_put_time_p50",
                "store_put_time_p99",
                "store_put_time_max",
            ];
            self.puts.measure(names, table);
        }
        if self.has_gets {
            let names = [
                "store_gets",
                "store_gets_failed",
                "store_get_time_mean",
                "store_get_time_p50",
                "store_get_time_p99",
                "store_get_time_max",
            ];
            self.gets.measure(names, table);
            table.count("store_gets_degraded", self.degraded);
        }
    }
}
