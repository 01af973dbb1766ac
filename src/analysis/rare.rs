//! The chance of a rare event, from runs that are weighed by their likelihood ratios.

use crate::analysis::stats::{self, Interval};
use crate::control::Bias;

/// The level of the intervals.
pub const CONFIDENCE: f64 = 0.99;

/// The quantile of the normal law for it.
const Z: f64 = 2.575_829;

/// What came of one run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weighted {
    /// Its seed.
    pub seed: u64,
    /// How many times as likely it is by nature as it is under the bias.
    pub ratio: f64,
    /// How often the event happened.
    pub count: f64,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// The chance that the event happens in a run, and half the width of its 99 % interval.
    pub chance: Interval,
    /// How often it happens in a run on average.
    pub mean: Interval,
    /// Each run, in the order of the seeds.
    pub runs: Vec<Weighted>,
    /// What was made more frequent.
    pub bias: Bias,
    /// What the pilots showed.
    pub pilot: Pilot,
}

/// What the runs showed that decided what is made more frequent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pilot {
    /// How many they were.
    pub runs: u64,
    /// How long a run takes by nature, on average (s).
    pub run_time: f64,
}

impl Estimate {
    /// That of these runs; `None` of fewer than two.
    #[must_use]
    pub fn of(runs: Vec<Weighted>, bias: &Bias, pilot: Pilot) -> Option<Self> {
        let happened = |run: &Weighted| if run.count > 0.0 { run.ratio } else { 0.0 };
        let interval = |of: &dyn Fn(&Weighted) -> f64| {
            let values: Vec<_> = runs.iter().map(of).collect();
            stats::confidence(&values, CONFIDENCE)
        };
        let chance = interval(&happened)?;
        let mean = interval(&|run| run.count * run.ratio)?;
        Some(Self { chance, mean, runs, bias: bias.clone(), pilot })
    }

    /// Half the width of the interval as a share of the chance; infinite if it never happened.
    #[must_use]
    pub fn relative(&self) -> f64 {
        if self.chance.mean > 0.0 {
            self.chance.half_width / self.chance.mean
        } else {
            f64::INFINITY
        }
    }

    /// In how many runs it happened.
    #[must_use]
    pub fn hits(&self) -> usize {
        self.runs.iter().filter(|run| run.count > 0.0).count()
    }

    /// How many of these would say as much if all weighed the same: (sum of ratios)^2 / sum of
    /// their squares. Source: Kong, "A note on importance sampling using standardized weights",
    /// 1992.
    #[must_use]
    pub fn effective(&self) -> f64 {
        let ratios = self.runs.iter().filter(|run| run.count > 0.0).map(|run| run.ratio);
        let (sum, squares) =
            ratios.fold((0.0, 0.0), |(sum, squares), it| (sum + it, squares + it * it));
        if squares > 0.0 { sum * sum / squares } else { 0.0 }
    }

    /// How many runs as by nature would give an interval as narrow: p (1 - p) / variance of p.
    #[must_use]
    pub fn plain_runs(&self) -> f64 {
        let z = self.chance.half_width / Z;
        self.chance.mean * (1.0 - self.chance.mean) / (z * z)
    }

    /// The event's rate if it were constant over a run (1/s): -ln(1 - chance) / time of a run.
    #[must_use]
    pub fn rate(&self) -> f64 {
        -libm::log1p(-self.chance.mean) / self.pilot.run_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::RareEvent;

    /// Ten runs of ratio 2e-6 and one of 4e-6 among 100, by hand: chance 2.4e-7, effective sample
    /// (24e-6)^2 / (10 x 4e-12 + 16e-12) = 10.29.
    #[test]
    fn weighted_runs_give_their_mean_and_their_effective_number() {
        let run = |seed: u64| {
            let (ratio, count) = match seed {
                0..10 => (2e-6, 1.0),
                10 => (4e-6, 2.0),
                _ => (1.1, 0.0),
            };
            Weighted { seed, ratio, count }
        };
        let bias = Bias::none(RareEvent::CheckpointsLost);
        let pilot = Pilot { runs: 64, run_time: 10.0 };
        let found = Estimate::of((0..100).map(run).collect(), &bias, pilot).expect("many runs");
        assert!((found.chance.mean - 2.4e-7).abs() < 1e-15);
        assert!((found.mean.mean - 2.8e-7).abs() < 1e-15);
        assert!((found.effective() - 10.285_7).abs() < 1e-3);
        assert!((found.rate() / 2.4e-8 - 1.0).abs() < 1e-6);
        assert_eq!(found.hits(), 11);
        let none = Estimate::of(vec![run(50), run(51)], &bias, pilot).expect("two runs");
        assert!(none.relative().is_infinite() && none.effective() < 1e-300);
        assert_eq!(Estimate::of(vec![run(0)], &bias, pilot), None);
    }
}
