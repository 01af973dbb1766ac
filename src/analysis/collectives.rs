//! Collective operations of jobs: how long their nodes sent to each other.

use super::metrics::Table;
use super::sample::Sample;
use super::shape::JobShape;
use crate::event::{CollectiveAct, JobPhase};
use crate::ids::JobId;

/// A job, as far as its collective operations go.
#[derive(Clone, Copy, Debug, Default)]
struct Job {
    /// Since when it computes steps (ns).
    computes: Option<u64>,
    /// Since when its nodes send to each other (ns).
    sends: Option<u64>,
}

/// All of a run. Only jobs that have such operations are followed.
#[derive(Clone, Debug)]
pub(super) struct Collectives {
    /// Which job has some.
    jobs: Vec<Option<Job>>,
    /// Operations that were carried out to their end.
    whole: Sample,
    /// Time in operations, and in steps, these included (ns).
    sending: u64,
    stepping: u64,
}

impl Collectives {
    pub(super) fn new(jobs: &[JobShape]) -> Self {
        let jobs = jobs.iter().map(|job| job.has_collectives.then(Job::default)).collect();
        Self { jobs, whole: Sample::default(), sending: 0, stepping: 0 }
    }

    /// A job enters a phase at `now` (ns).
    pub(super) fn phase(&mut self, now: u64, job: JobId, phase: JobPhase) {
        let Some(row) = &mut self.jobs[usize::from(job.0)] else { return };
        let computes = matches!(phase, JobPhase::Compute | JobPhase::Rework);
        let since = std::mem::replace(&mut row.computes, computes.then_some(now));
        self.stepping += since.map_or(0, |since| now - since);
    }

    /// An operation of a job begins, ends, or is broken off at `now` (ns).
    pub(super) fn act(&mut self, now: u64, job: JobId, act: CollectiveAct) {
        let row = self.jobs[usize::from(job.0)].as_mut().expect("the plan says so");
        if act == CollectiveAct::Begin {
            row.sends = Some(now);
            return;
        }
        let took = now - row.sends.take().expect("what ends has begun");
        self.sending += took;
        if act == CollectiveAct::End {
            self.whole.add(took);
        }
    }

    /// The metrics, at the end of the run (ns).
    pub(super) fn measure(&mut self, end: u64, table: &mut Table) {
        if self.jobs.iter().all(Option::is_none) {
            return;
        }
        for number in (0..self.jobs.len() as u16).map(JobId) {
            self.phase(end, number, JobPhase::Done);
        }
        table.count("collectives", self.whole.count());
        table.put("collective_time", self.sending as f64 / 1e9);
        table.maybe("collective_time_mean", self.whole.mean_s());
        table.maybe("collective_time_max", self.whole.max_s());
        table.ratio("collective_share", self.sending.into(), self.stepping.into());
    }
}
