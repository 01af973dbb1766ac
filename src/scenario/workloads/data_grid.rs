//! An in-memory data grid: partitions with backups, spread over nodes, with load and a dashboard.

use super::{Placed, WorkloadTable};
use crate::config::declare::{Declared as _, Written, choice, table};
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::scenario::keys::{SHARE, SIZE, SIZE_SOME, SPAN, SPAN_SOME};
use crate::units::{Bytes, Span, Time};

const PARTITIONS_MAX: u64 = 20_000;
const BACKUPS_MAX: u64 = 6;
const PARALLEL_MAX: u64 = 1_000;
const TASKS_MAX: u64 = 1_000_000;

choice! {
    /// What becomes of the data of the smaller side of a healed split.
    pub enum MergeRule(Clone, Copy, Debug, PartialEq, Eq) {
        /// Each of its owners sends its partitions to their owners of the larger side.
        Merge = "merge",
        /// They are thrown away.
        Discard = "discard",
    }
}

table! {
    /// An in-memory data grid, such as Hazelcast: partitions with backups, spread over members.
    /// These are promoted and made again when members leave, and migrate when they come. Only the
    /// model plays it.
    pub struct DataGrid(Clone, Debug, PartialEq) {
        /// Who holds the partitions.
        members: String = Kind::Parts;
        /// Partitions into which the data are cut.
        partitions: u32 = Kind::Count(1, PARTITIONS_MAX) => "271";
        /// Copies of each partition besides its owner's.
        backups: u32 = Kind::Count(0, BACKUPS_MAX) => "1";
        /// Data of a partition.
        partition_size: Bytes = SIZE_SOME;
        /// Without a heartbeat for so long, a member is taken for dead.
        detect: Span = SPAN => "\"60 s\"";
        /// Copies that a member sends or receives at once.
        parallel: u32 = Kind::Count(1, PARALLEL_MAX) => "10";
        /// From the healing of a split until its sides merge.
        merge_delay: Span = SPAN => "\"120 s\"";
        /// What becomes of the smaller side's data then: `merge` or `discard`.
        on_merge: MergeRule => "\"merge\"";
        /// When it forms, at the earliest.
        at: Time = SPAN => "\"0 s\"";
        /// For so long after that it waits for members that are not up.
        patience: Span = SPAN => "\"5 min\"";
        /// Node with the dashboard and the queue of tasks. Default: neither has a place, so that
        /// there is no dashboard and the queue never fails.
        master: Option<String> = Kind::Parts;
        /// If members join only while the master is up, as it gives them their addresses.
        master_admits: bool => "false";
        /// How often each member multicasts what it does, for the dashboard; 0: never.
        telemetry: Span = SPAN => "\"1 s\"";
        /// Chance of each of these packets to be lost on the way to the dashboard.
        loss: f64 = SHARE => "0.0";
        /// A row of the dashboard that is as old as this shows a dead member.
        stale: Span = SPAN_SOME => "\"5 s\"";
        /// Compute tasks in a queue, of which each member has one at a time.
        tasks: u32 = Kind::Count(0, TASKS_MAX) => "0";
        /// What a task takes at a node's full speed.
        task: Span = SPAN_SOME => "\"10 s\"";
        /// What a member reads from the master before each task.
        task_size: Bytes = SIZE => "\"0 B\"";
    }
}

/// The keys that only a grid with a master has.
const OF_MASTER: [&str; 4] = ["loss", "stale", "master_admits", "task_size"];
/// The keys that only a grid with tasks has.
const OF_TASKS: [&str; 2] = ["task", "task_size"];

impl WorkloadTable for DataGrid {
    const NAME: &'static str = "data_grid";
    const NODES: &'static [&'static str] = &["members", "master"];
    const COMPUTES: bool = true;

    fn written(placed: &Placed<Self>) -> Vec<(&'static str, Written)> {
        let (no_master, no_tasks) = (placed.nodes[1].is_empty(), placed.table.tasks == 0);
        let mut keys = placed.table.keys();
        keys.retain(|(key, _)| {
            !(no_master && OF_MASTER.contains(key) || no_tasks && OF_TASKS.contains(key))
        });
        keys
    }

    fn check(placed: &Placed<Self>, section: &Section<'_>, m: &mut Mistakes) {
        let (this, nodes) = (&placed.table, &placed.nodes);
        if nodes[1].len() > 1 {
            let title = format!("{} masters", nodes[1].len());
            m.note(Mistake::new(section.place("master"), title).help("name one node"));
        }
        for key in OF_MASTER {
            if nodes[1].is_empty() && section.has(key) {
                let title = format!("`{key}` without a master");
                m.note(Mistake::new(section.place(key), title).help("give `master` a node"));
            }
        }
        for key in OF_TASKS {
            if this.tasks == 0 && section.has(key) {
                let title = format!("`{key}` without tasks");
                m.note(Mistake::new(section.place(key), title).help("give `tasks` a number"));
            }
        }
    }
}
