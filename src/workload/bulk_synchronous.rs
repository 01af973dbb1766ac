//! A bulk-synchronous job: every rank computes a step, then all meet, step after step.
//!
//! Not modelled: exchange between ranks, whose time is part of the step unless it is a collective
//! operation; imbalance of ranks.

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

    /// How many steps from the next one on are each followed by one that is alike: as long, and
    /// completed before if they were.
    #[must_use]
    pub fn alike(&self) -> u64 {
        let last = u64::from(self.last_step != self.step);
        let whole = self.steps.saturating_sub(self.done + 1 + last);
        if self.is_rework() { whole.min(self.furthest - self.done - 1) } else { whole }
    }

    /// How many of those end before so much computing is done (ns), if `computed` is done already.
    #[must_use]
    pub fn alike_before(&self, computed: Span, due: Option<u128>) -> u64 {
        let left = |due: u128| due.saturating_sub(u128::from(computed.0));
        // The last of them ends a nanosecond before that at the latest.
        let before = |due| left(due).saturating_sub(1).checked_div(u128::from(self.step.0));
        let before = due.map_or(Some(u128::MAX), before);
        self.alike().min(before.map_or(0, |steps| u64::try_from(steps).unwrap_or(u64::MAX)))
    }

    /// Completes so many of those; says how much computing that is.
    pub fn complete_alike(&mut self, steps: u64) -> Span {
        assert!(steps <= self.alike(), "steps that differ are completed one by one");
        self.done += steps;
        self.furthest = self.furthest.max(self.done);
        Span(self.step.0 * steps)
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

    /// Against the obvious twin: step by step, until the next one differs.
    #[test]
    fn steps_alike_are_those_that_one_by_one_are_followed_by_their_like() {
        for (last, done, to) in
            [(4, 0, 0), (10, 0, 0), (4, 7, 3), (10, 9, 0), (4, 10, 9), (10, 10, 9), (4, 9, 9)]
        {
            let mut job = BulkSynchronous::new(10, Span(10), Span(last));
            (0..done).for_each(|_| job.complete());
            job.roll_back(to);
            let (mut twin, mut alike) = (job.clone(), 0);
            let kind = |job: &BulkSynchronous| (job.next_step(), job.is_rework());
            loop {
                let before = kind(&twin);
                twin.complete();
                if kind(&twin) != before {
                    break;
                }
                alike += 1;
            }
            assert_eq!(job.alike(), alike, "{last} {done} {to}");
            let mut twin = job.clone();
            (0..alike).for_each(|_| twin.complete());
            assert_eq!(job.complete_alike(alike), Span(10 * alike));
            assert_eq!(job, twin);
        }
    }
}
