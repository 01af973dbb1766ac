//! The phases of jobs, one by one, each checkpoint and restart with its level.
//!
//! An event does not say the level of a checkpoint: it follows from the checkpoints that are kept,
//! as [`multilevel`](crate::protocol::multilevel) has it. With `every` 3, those at places 1 and 2
//! of the pattern are of level 1, that at 3 of level 2. If a failure takes all but the second,
//! the job reads that, and the next one is at place 3 again.
//!
//! Not modelled: levels of checkpoints that are drained, which are written in two ways at a time.

use super::PhaseFinding;
use super::bins::seconds;
use super::shape::JobShape;
use crate::event::{CheckpointAct, Event, JobPhase, What};
use crate::protocol::multilevel::Pattern;
use crate::record::words;

/// Rows at most: more than anybody draws or reads.
const ROWS_MAX: usize = 100_000;

/// A phase of a job that is over.
#[derive(Clone, Copy, Debug)]
struct Row {
    job: usize,
    phase: JobPhase,
    /// From when until when (ns).
    span: (u64, u64),
    /// Of what is written or read; the lowest is 0.
    level: Option<usize>,
}

/// A committed checkpoint.
#[derive(Clone, Copy, Debug)]
struct Kept {
    number: u64,
    place: u64,
    level: usize,
}

/// What a job does now.
#[derive(Clone, Debug)]
struct Track {
    phase: JobPhase,
    /// Since when (ns).
    since: u64,
    /// When which level is written, if there are several.
    pattern: Option<Pattern>,
    /// Place of the last checkpoint in the pattern.
    place: u64,
    level: usize,
    /// Those that a restart may read, the newest last.
    kept: Vec<Kept>,
}

impl Track {
    fn checkpoint(&mut self, number: u64, act: CheckpointAct) {
        let Some(pattern) = &self.pattern else { return };
        match act {
            CheckpointAct::Begin => {
                self.place += 1;
                self.level = pattern.level(self.place);
            }
            CheckpointAct::Commit => {
                // A newer one of a level or above replaces those below it.
                self.kept.retain(|older| older.level > self.level);
                self.kept.push(Kept { number, place: self.place, level: self.level });
            }
            CheckpointAct::Lose | CheckpointAct::Discard => {
                self.kept.retain(|kept| kept.number != number);
            }
            CheckpointAct::Abandon => {}
        }
    }

    /// It enters a phase; gives the level of what it did, if that has one.
    fn enter(&mut self, phase: JobPhase) -> Option<usize> {
        let pattern = self.pattern.as_ref()?;
        let stored = matches!(self.phase, JobPhase::Checkpoint | JobPhase::Restart);
        let level = stored.then_some(self.level);
        let newest = self.kept.last();
        if phase == JobPhase::Restart {
            self.level = newest.map_or(pattern.every.len() - 1, |kept| kept.level);
        }
        if matches!(self.phase, JobPhase::Waiting | JobPhase::Restart) {
            self.place = newest.map_or(0, |kept| kept.place);
        }
        level
    }
}

/// The phases of the jobs of a run: the first hundred thousand.
#[derive(Clone, Debug)]
pub(super) struct Phases {
    /// Of the jobs.
    names: Vec<String>,
    rows: Vec<Row>,
    tracks: Vec<Track>,
}

impl Phases {
    /// Of these jobs, and for each when it writes which level, if there are several.
    pub(super) fn new(jobs: &[JobShape], patterns: &[Option<Pattern>]) -> Self {
        let track = |(number, job): (usize, &JobShape)| Track {
            phase: JobPhase::Waiting,
            since: job.submit,
            pattern: patterns.get(number).cloned().flatten(),
            place: 0,
            level: 0,
            kept: Vec::new(),
        };
        Self {
            names: jobs.iter().map(|job| job.name.clone()).collect(),
            rows: Vec::new(),
            tracks: jobs.iter().enumerate().map(track).collect(),
        }
    }

    /// Takes the next event. O(levels).
    pub(super) fn event(&mut self, event: &Event) {
        match event.what {
            What::JobPhase { job, phase, .. } => self.enter(event.at.0, usize::from(job.0), phase),
            What::Checkpoint { job, number, act, .. } => {
                self.tracks[usize::from(job.0)].checkpoint(number, act);
            }
            _ => {}
        }
    }

    /// Comes to the end of the run (ns).
    pub(super) fn close(&mut self, end: u64) {
        for job in 0..self.tracks.len() {
            let phase = self.tracks[job].phase;
            self.enter(end, job, phase);
        }
    }

    /// A row for each phase, in the order in which they ended, after [`Self::close`].
    pub(super) fn findings(&self) -> Vec<PhaseFinding> {
        let row = |row: &Row| PhaseFinding {
            job: self.names[row.job].clone(),
            phase: words::job_phase(row.phase).to_owned(),
            from_s: seconds(row.span.0),
            to_s: seconds(row.span.1),
            level: row.level.map(|level| level as u64 + 1),
        };
        self.rows.iter().map(row).collect()
    }

    fn enter(&mut self, now: u64, job: usize, phase: JobPhase) {
        let track = &mut self.tracks[job];
        let (old, level) = (track.phase, track.enter(phase));
        let over = matches!(old, JobPhase::Done | JobPhase::TimedOut);
        if now > track.since && !over && self.rows.len() < ROWS_MAX {
            self.rows.push(Row { job, phase: old, span: (track.since, now), level });
        }
        track.phase = phase;
        track.since = track.since.max(now);
    }
}
