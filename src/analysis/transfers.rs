//! Transfers between parts that a scenario lists: when each began and ended, and what it took.

use std::sync::Arc;

use super::TransferFinding;
use super::metrics::Table;
use super::sample::Sample;
use crate::event::TaskAct;
use crate::plan::machine::Machine;
use crate::scenario::transfers::Transfer;

/// What became of one.
#[derive(Clone, Copy, Debug)]
enum Course {
    Waits,
    /// Since (ns).
    Begun(u64),
    /// From, to (ns).
    Done(u64, u64),
    /// From, if it had begun, and when (ns).
    Lost(Option<u64>, u64),
}

/// All transfers of a run.
#[derive(Clone, Debug)]
pub(super) struct TransferTally {
    /// As the scenario lists them.
    list: Arc<[Transfer]>,
    /// For the names of parts.
    machine: Arc<Machine>,
    courses: Vec<Course>,
    times: Sample,
    lost: u64,
    /// When the last one arrived (ns).
    last: u64,
}

impl TransferTally {
    pub(super) fn new(list: &Arc<[Transfer]>, machine: &Arc<Machine>) -> Self {
        let (list, machine) = (list.clone(), machine.clone());
        let courses = vec![Course::Waits; list.len()];
        Self { list, machine, courses, times: Sample::default(), lost: 0, last: 0 }
    }

    /// Whether it is they that measure the metric of this name.
    pub(super) fn measures(name: &str) -> bool {
        name.starts_with("transfer")
    }

    /// One begins or ends at `now` (ns).
    pub(super) fn act(&mut self, now: u64, number: u32, act: TaskAct) {
        let course = &mut self.courses[number as usize];
        *course = match (act, *course) {
            (TaskAct::Begin, Course::Waits) => Course::Begun(now),
            (TaskAct::End, Course::Begun(since)) => {
                self.times.add(now - since);
                self.last = now;
                Course::Done(since, now)
            }
            (TaskAct::Lose, Course::Waits) => {
                self.lost += 1;
                Course::Lost(None, now)
            }
            (TaskAct::Lose, Course::Begun(since)) => {
                self.lost += 1;
                Course::Lost(Some(since), now)
            }
            (act, course) => panic!("transfer {number}: {act:?} after {course:?}"),
        };
    }

    /// The metrics, at the end of the run.
    pub(super) fn measure(&self, table: &mut Table) {
        if self.list.is_empty() {
            return;
        }
        let done = self.times.count();
        table.count("transfers_done", done);
        table.count("transfers_lost", self.lost);
        table.count("transfers_unfinished", self.list.len() as u64 - done - self.lost);
        table.maybe("transfers_end", (done > 0).then(|| self.last as f64 / 1e9));
        table.maybe("transfer_time_mean", self.times.mean_s());
        let quantiles = self.times.percentiles_s([50, 95, 99]);
        let [p50, p95, p99] = quantiles.map_or([None; 3], |p| p.map(Some));
        table.maybe("transfer_time_p50", p50);
        table.maybe("transfer_time_p95", p95);
        table.maybe("transfer_time_p99", p99);
        table.maybe("transfer_time_max", self.times.max_s());
    }

    /// A row for each, in the order of the list.
    pub(super) fn findings(&self) -> Vec<TransferFinding> {
        let seconds = |ns: u64| ns as f64 / 1e9;
        let row = |(number, (row, course)): (u64, (&Transfer, &Course))| {
            let (status, begin_s, end_s) = match *course {
                Course::Waits => ("waits", -1.0, -1.0),
                Course::Begun(since) => ("begun", seconds(since), -1.0),
                Course::Done(since, at) => ("done", seconds(since), seconds(at)),
                Course::Lost(since, at) => ("lost", since.map_or(-1.0, seconds), seconds(at)),
            };
            TransferFinding {
                transfer: number,
                source: self.machine.name(row.from),
                destination: self.machine.name(row.to),
                bytes: row.bytes.0,
                begin_s,
                end_s,
                status: status.to_owned(),
            }
        };
        (1..).zip(self.list.iter().zip(&self.courses)).map(row).collect()
    }
}
