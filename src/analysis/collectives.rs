//! Collective operations of jobs: how long their nodes sent to each other, or wrote together.

use super::metrics::Table;
use super::sample::Sample;
use super::shape::JobShape;
use crate::event::{CollectiveAct, JobPhase};
use crate::ids::JobId;

/// A job, as far as its collective operations go.
#[derive(Clone, Copy, Debug, Default)]
struct Job {
    /// Whether these write to the file server.
    writes: bool,
    /// Since when it computes steps (ns).
    computes: Option<u64>,
    /// Since when its nodes send to each other or write (ns).
    moves: Option<u64>,
}

/// Operations of one sort.
#[derive(Clone, Debug, Default)]
struct Sort {
    /// Those that were carried out to their end.
    whole: Sample,
    /// Time in operations, and in steps, these included (ns).
    moving: u64,
    stepping: u64,
}

/// All of a run. Only jobs that have such operations are followed.
#[derive(Clone, Debug)]
pub(super) struct Collectives {
    /// Which job has some.
    jobs: Vec<Option<Job>>,
    /// In which nodes send to each other, and in which they write.
    sorts: [Sort; 2],
}

impl Collectives {
    pub(super) fn new(jobs: &[JobShape]) -> Self {
        let has_any = |job: &&JobShape| job.has_collectives || job.has_io;
        let row = |job: &JobShape| Job { writes: job.has_io, ..Job::default() };
        let jobs = jobs.iter().map(|job| Some(job).filter(has_any).map(row)).collect();
        Self { jobs, sorts: [Sort::default(), Sort::default()] }
    }

    /// A job enters a phase at `now` (ns).
    pub(super) fn phase(&mut self, now: u64, job: JobId, phase: JobPhase) {
        let Some(row) = &mut self.jobs[usize::from(job.0)] else { return };
        let computes = matches!(phase, JobPhase::Compute | JobPhase::Rework);
        let since = std::mem::replace(&mut row.computes, computes.then_some(now));
        self.sorts[usize::from(row.writes)].stepping += since.map_or(0, |since| now - since);
    }

    /// An operation of a job begins, ends, or is broken off at `now` (ns).
    pub(super) fn act(&mut self, now: u64, job: JobId, act: CollectiveAct) {
        let row = self.jobs[usize::from(job.0)].as_mut().expect("the plan says so");
        if act == CollectiveAct::Begin {
            row.moves = Some(now);
            return;
        }
        let took = now - row.moves.take().expect("what ends has begun");
        let sort = &mut self.sorts[usize::from(row.writes)];
        sort.moving += took;
        if act == CollectiveAct::End {
            sort.whole.add(took);
        }
    }

    /// The metrics, at the end of the run (ns).
    pub(super) fn measure(&mut self, end: u64, table: &mut Table) {
        for number in (0..self.jobs.len() as u16).map(JobId) {
            self.phase(end, number, JobPhase::Done);
        }
        let has = |writes| self.jobs.iter().flatten().any(|job| job.writes == writes);
        let [messages, io] = &self.sorts;
        if has(false) {
            table.count("collectives", messages.whole.count());
            table.put("collective_time", messages.moving as f64 / 1e9);
            table.maybe("collective_time_mean", messages.whole.mean_s());
            table.maybe("collective_time_max", messages.whole.max_s());
            table.ratio("collective_share", messages.moving.into(), messages.stepping.into());
        }
        if has(true) {
            table.count("io_operations", io.whole.count());
            table.put("io_time", io.moving as f64 / 1e9);
            table.maybe("io_time_mean", io.whole.mean_s());
            table.maybe("io_time_max", io.whole.max_s());
            table.ratio("io_share", io.moving.into(), io.stepping.into());
        }
    }
}
