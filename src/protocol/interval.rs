//! The adaptive interval: Daly's, for the failures and the checkpoints that a job has seen so far.
//!
//! It knows nothing of the machine but a belief: the mean time between failures that the user
//! expects, `prior`. That counts as one failure seen in so much time, so that
//!
//! ```text
//! M = (prior + time observed) / (1 + failures)
//! ```
//!
//! which is the mean of a gamma prior of shape 1 on the rate, updated by a Poisson count. C is the
//! mean time of the last checkpoints. Time is observed while the job is not waiting.
//!
//! Worked example: a prior of 1 h, then 99 h with 9 failures: M = 100 h / 10 = 10 h. With
//! checkpoints of 6 min, Daly's interval is 80.9 min.
//!
//! Not modelled: forgetting. A machine that changes is believed slowly, as all that was ever seen
//! counts alike. Phases that failures may not strike count as observed too.

use serde::{Deserialize, Serialize};

use crate::event::JobPhase;
use crate::protocol::Input;
use crate::theory::young_daly;
use crate::units::{Span, Time};

/// Checkpoints whose times are averaged. An assumption: few, because what a checkpoint costs
/// follows the load of the network and the servers.
const LAST: usize = 4;

/// What a job has learnt of its failures and its checkpoints.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Adaptive {
    /// The mean time between failures that is believed at the start.
    prior: Span,
    /// The cost of a checkpoint that is believed until one is complete.
    cost: Span,
    /// Time in which a failure would have stopped the job.
    observed: Span,
    failures: u64,
    /// Times of the last checkpoints, the newest last.
    times: Vec<Span>,
    /// When something was heard last.
    heard: Time,
}

impl Adaptive {
    /// Nothing seen yet: the mean time between failures and the cost that are believed.
    #[must_use]
    pub fn new(prior: Span, cost: Span) -> Self {
        let (observed, times) = (Span::ZERO, Vec::new());
        Self { prior, cost, observed, failures: 0, times, heard: Time::ZERO }
    }

    /// The job's machine gets this input in this phase.
    pub fn hear(&mut self, now: Time, phase: JobPhase, input: Input) {
        let span = now.since(self.heard);
        self.heard = now;
        if matches!(phase, JobPhase::Waiting | JobPhase::Done | JobPhase::TimedOut) {
            return;
        }
        self.observed += span;
        match input {
            Input::Failed(_) => self.failures += 1,
            Input::Written | Input::WrittenForReplicas => {
                if self.times.len() == LAST {
                    self.times.remove(0);
                }
                self.times.push(span);
            }
            _ => {}
        }
    }

    /// The mean time between failures, as far as is known.
    #[must_use]
    pub fn mtbf(&self) -> Span {
        let seen = self.prior.as_secs_f64() + self.observed.as_secs_f64();
        Span::from_secs_f64(seen / (1.0 + self.failures as f64))
    }

    /// The cost of a checkpoint, as far as is known.
    #[must_use]
    pub fn cost(&self) -> Span {
        let sum: u64 = self.times.iter().map(|span| span.0).sum();
        sum.checked_div(self.times.len() as u64).map_or(self.cost, Span)
    }

    /// Computing after which a checkpoint is due.
    #[must_use]
    pub fn interval(&self) -> Span {
        let (cost, mtbf) = (self.cost().as_secs_f64(), self.mtbf().as_secs_f64());
        Span::from_secs_f64(young_daly::daly(cost, mtbf))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::NodeId;
    use crate::rng::Stream;

    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;

    fn at(seconds: u64) -> Time {
        Time::ZERO + Span::from_secs(seconds)
    }

    fn near(span: Span, seconds: f64, tolerance: f64) {
        let off = (span.as_secs_f64() / seconds - 1.0).abs();
        assert!(off < tolerance, "{span} is not {seconds} s within {tolerance}");
    }

    #[test]
    fn the_worked_example_comes_out() {
        let mut adaptive = Adaptive::new(Span::from_secs(HOUR), Span::from_secs(6 * MINUTE));
        for failure in 1..=9 {
            // Eleven hours of computing each, and a downtime that teaches nothing.
            let failed = failure * 12 * HOUR;
            adaptive.hear(at(failed - 11 * HOUR), JobPhase::Waiting, Input::Placed);
            adaptive.hear(at(failed), JobPhase::Compute, Input::Failed(NodeId(0)));
        }
        near(adaptive.mtbf(), 36_000.0, 1e-9);
        near(adaptive.interval(), 80.9 * 60.0, 1e-3);
    }

    #[test]
    fn the_cost_is_that_of_the_last_checkpoints() {
        let mut adaptive = Adaptive::new(Span::from_secs(HOUR), Span::from_secs(1));
        assert_eq!(adaptive.cost(), Span::from_secs(1));
        let mut now = 0;
        for cost in [100, 10, 20, 30, 40] {
            now += HOUR;
            adaptive.hear(at(now), JobPhase::Compute, Input::StepDone);
            now += cost;
            adaptive.hear(at(now), JobPhase::Checkpoint, Input::Written);
        }
        assert_eq!(adaptive.cost(), Span::from_secs(25));
    }

    /// After n failures the estimate has a relative deviation of 1 / sqrt(n), and the interval
    /// half of it: with 1,600 failures 99 % lie within 2.576 / 80 = 3.2 %.
    #[test]
    fn a_prior_that_is_wrong_by_ten_is_overcome() {
        const MTBF: f64 = 21_600.0;
        let wanted = young_daly::daly(300.0, MTBF);
        for (prior, seed) in [(2_160, 1), (216_000, 2)] {
            let mut adaptive = Adaptive::new(Span::from_secs(prior), Span::from_secs(300));
            let before = adaptive.interval().as_secs_f64() / wanted;
            assert!(!(0.5..2.0).contains(&before), "{before}");
            let lives = Stream::new(seed, "lives");
            let mut now = Time::ZERO;
            for k in 0..1_600 {
                adaptive.hear(now, JobPhase::Waiting, Input::Placed);
                now = now + Span::from_secs_f64(lives.draw(0, k).exponential(MTBF));
                adaptive.hear(now, JobPhase::Compute, Input::Failed(NodeId(0)));
            }
            near(adaptive.interval(), wanted, 0.032);
        }
    }

    /// Failures come ten times as often from the middle on: the estimate follows.
    #[test]
    fn a_machine_that_gets_worse_is_given_more_checkpoints() {
        let mut adaptive = Adaptive::new(Span::from_secs(HOUR), Span::from_secs(60));
        let mut now = 0;
        let mut intervals = Vec::new();
        for mtbf in [10 * HOUR, HOUR] {
            for _ in 0..100 {
                adaptive.hear(at(now), JobPhase::Waiting, Input::Placed);
                now += mtbf;
                adaptive.hear(at(now), JobPhase::Compute, Input::Failed(NodeId(0)));
            }
            intervals.push(adaptive.interval());
        }
        assert!(intervals[1].0 * 10 < intervals[0].0 * 9, "{intervals:?}");
    }
}
