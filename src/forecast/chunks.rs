//! The computing between checkpoints as a run has it: whole steps, counted in integers.
//!
//! ```text
//!  interval 70 s, steps of 30 s, 275 s of work: 90 s C 90 s C 90 s C 5 s
//! ```
//!
//! A checkpoint is written at the first step boundary at or after the interval, and after the last
//! step only if the scenario has it so. Verifications fall due at equal shares of the interval:
//! each at the first step boundary at or after its own, and one at the end of every chunk.

use crate::plan::Job;
use crate::units::Span;

/// The chunks of a job's computing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Chunks {
    interval: Option<Span>,
    /// Steps of each chunk but the last.
    steps: u64,
    /// Chunks before the last.
    before: u64,
    /// Steps of the last.
    rest: u64,
    step: Span,
    last_step: Span,
}

impl Chunks {
    /// With so much computing between two checkpoints; in one chunk without any.
    pub(super) fn of(job: &Job, interval: Option<Span>) -> Self {
        let steps = interval.map_or(job.steps, |interval| interval.0.div_ceil(job.step.0));
        let steps = steps.clamp(1, job.steps);
        let before = (job.steps - 1) / steps;
        let rest = job.steps - before * steps;
        let (step, last_step) = (job.step, job.last_step);
        Self { interval, steps, before, rest, step, last_step }
    }

    /// So many, all but the last equally long.
    pub(super) fn equal(job: &Job, count: f64) -> Self {
        let steps = job.steps.div_ceil((count as u64).max(1));
        Self::of(job, Some(Span(job.step.0.saturating_mul(steps))))
    }

    /// Chunks before the last, each of which ends with a checkpoint.
    pub(super) fn before(&self) -> u64 {
        self.before
    }

    /// Computing of each of them; of the only one without any (s).
    pub(super) fn work(&self) -> f64 {
        if self.before == 0 { self.rest() } else { self.steps as f64 * self.step.as_secs_f64() }
    }

    /// Computing of the last (s).
    pub(super) fn rest(&self) -> f64 {
        (self.rest - 1) as f64 * self.step.as_secs_f64() + self.last_step.as_secs_f64()
    }

    /// Steps of each chunk before the last, or of as long a one; and of the last.
    pub(super) fn steps(&self) -> (u64, u64) {
        (self.steps, self.rest)
    }

    /// Verifications of a chunk before the last, and of the last, if so many are due in an
    /// interval.
    pub(super) fn verifications(&self, per_checkpoint: u32) -> (u64, u64) {
        let interval = self.interval.map_or(u64::MAX, |interval| interval.0.max(1));
        let of = |steps: u64| {
            // All but the last step: at each boundary at most one.
            let inner = u128::from(steps - 1);
            let due = inner * u128::from(self.step.0) * u128::from(per_checkpoint);
            1 + inner.min(due / u128::from(interval)) as u64
        };
        (of(self.steps), of(self.rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Plan, pilot};

    fn chunks(step: u64, work: u64, interval: u64) -> Chunks {
        let mut scenario = pilot::scenario();
        let work_spec = &mut scenario.jobs[0].work;
        (work_spec.step, work_spec.work) = (Span::from_secs(step), Span::from_secs(work));
        Chunks::of(&Plan::make(&scenario).jobs[0], Some(Span::from_secs(interval)))
    }

    #[test]
    fn the_example_has_three_checkpoints_and_five_seconds_after_them() {
        let found = chunks(30, 275, 70);
        assert_eq!((found.before(), found.work(), found.rest()), (3, 90.0, 5.0));
    }

    /// 8,396,800 s = 1,025 x 8,192 s. From 2^23 s on a double knows no half nanoseconds.
    #[test]
    fn whole_chunks_are_counted_in_integers_however_long_the_job_is() {
        for (work, before) in [(8_396_800, 1_024), (8_396_801, 1_025), (8_396_799, 1_024)] {
            assert_eq!(chunks(1, work, 8_192).before(), before, "{work} s");
        }
    }

    /// As the protocol has it: at a step boundary if another share of the interval is complete.
    #[test]
    fn verifications_are_those_of_the_protocol() {
        for (step, work, interval) in [(30, 275, 70), (30, 400, 70), (1, 1_000, 64), (50, 300, 10)]
        {
            for per_checkpoint in [1, 2, 3, 7] {
                let chunks = chunks(step, work, interval);
                let slow = |steps: u64| {
                    let due = |done: u64| done * step * u64::from(per_checkpoint) / interval;
                    (1..=steps).filter(|&n| n == steps || due(n) > due(n - 1)).count() as u64
                };
                let (full, last) = chunks.steps();
                let wanted = (slow(full), slow(last));
                assert_eq!(chunks.verifications(per_checkpoint), wanted, "{chunks:?}");
            }
        }
    }
}
