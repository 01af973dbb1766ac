//! A bulk-synchronous job: every rank computes a step, then all meet, step after step.
//!
//! Not modelled: exchange between ranks (its time is part of the step), imbalance of ranks.

use serde::{Deserialize, Serialize};

use crate::units::Span;

/// The progress of one job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkSynchronous {
    steps: u64,
    step: Span,
    last_step: Span,
    done: u64,
    furthest: u64,
}

impl BulkSynchronous {
    /// A job of `steps` steps of `step` each, the last of `last_step`.
    #[must_use]
    pub fn new(steps: u64, step: Span, last_step: Span) -> Self {
        assert!(steps > 0, "a job has work");
        Self { steps, step, last_step, done: 0, furthest: 0 }
    }

    /// Steps completed and not thrown away.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done
    }

    /// Duration of the step that comes next; `None` when all are done.
    #[must_use]
    pub fn next_step(&self) -> Option<Span> {
        match self.done + 1 {
            next if next < self.steps => Some(self.step),
            next if next == self.steps => Some(self.last_step),
            _ => None,
        }
    }

    /// Duration of a step, counted from 1.
    #[must_use]
    pub fn span_of(&self, step: u64) -> Span {
        if step == self.steps { self.last_step } else { self.step }
    }

    /// Whether the next step was completed before and thrown away.
    #[must_use]
    pub fn is_rework(&self) -> bool {
        self.done < self.furthest
    }

    /// Completes the next step.
    pub fn complete(&mut self) {
        assert!(self.done < self.steps, "no step is done twice");
        self.done += 1;
        self.furthest = self.furthest.max(self.done);
    }

    /// Throws away all steps after `to`; says how much computing that was.
    pub fn roll_back(&mut self, to: u64) -> Span {
        assert!(to <= self.done, "a checkpoint lies in the past");
        let lost = self.work_until(self.done) - self.work_until(to);
        self.done = to;
        lost
    }

    fn work_until(&self, steps: u64) -> Span {
        let full = steps.min(self.steps - 1);
        let mut work = Span(self.step.0 * full);
        if steps == self.steps {
            work += self.last_step;
        }
        work
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roll_back_counts_the_computing_that_it_throws_away() {
        let mut job = BulkSynchronous::new(3, Span(10), Span(4));
        for _ in 0..3 {
            job.complete();
        }
        assert_eq!(job.next_step(), None);
        assert_eq!(job.roll_back(1), Span(14));
        assert!(job.is_rework());
        assert_eq!(job.next_step(), Some(Span(10)));
        job.complete();
        assert_eq!(job.next_step(), Some(Span(4)));
        job.complete();
        assert!(!job.is_rework());
    }
}
