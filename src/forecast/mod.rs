//! What theory says of a plan before it is played, and how a run of it compares.
//!
//! The formulas are those of [`crate::theory`]; here their numbers are found in the plan, and it is
//! judged whether they apply. Times are in seconds.

mod chunks;
mod compared;
mod foreseen;
mod grouped;
mod images;
mod intervals;
mod latent;
mod levels;
mod rare;
mod replicated;
mod setting;
pub mod similar;
mod verified;

use serde::Serialize;

use self::replicated::Replicated;
use crate::analysis::Findings;
use crate::ids::JobId;
use crate::plan::{Job, Plan};
use crate::scenario::job::{BulkSynchronous, Checkpoint};

pub use compared::{Compared, compare};
pub use rare::{RareChance, rare};
pub use setting::Setting;

/// The job of a plan that closed forms are about.
#[derive(Clone, Copy, Debug)]
struct Subject<'p> {
    plan: &'p Plan,
    job: JobId,
}

impl<'p> Subject<'p> {
    fn numbers(self) -> &'p Job {
        &self.plan.jobs[usize::from(self.job.0)]
    }

    fn work(self) -> &'p BulkSynchronous {
        self.plan.scenario.work_of(self.job).expect("the plan has the job")
    }

    fn checkpoint(self) -> Option<&'p Checkpoint> {
        self.plan.checkpoint_of(self.job)
    }
}

/// All that theory says of a job of a plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Forecast {
    /// The numbers that the formulas are given.
    pub setting: Setting,
    /// What the scenario's own interval comes to, by each formula that gives it.
    pub own: Vec<Prediction>,
    /// Which interval each formula calls best, and what it comes to by the exact formula.
    pub best: Vec<Prediction>,
    /// What the numbers leave out, as sentences.
    pub notes: Vec<String>,
}

/// What one formula says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prediction {
    /// The formula, by its authors.
    pub formula: &'static str,
    /// Computing between two checkpoints.
    pub work: f64,
    /// From the start of a checkpoint to that of the next.
    pub period: f64,
    /// The period as a share of the mean time between failures, if there is one.
    pub period_of_mtbf: Option<f64>,
    /// Expected time from the job's start until its work is done, if it has an end.
    pub makespan: Option<f64>,
    /// Standard deviation of that time from run to run, where the formula gives it.
    pub deviation: Option<f64>,
    /// Expected share of that time that is computing that survives.
    pub efficiency: Option<f64>,
    /// Why the formula is outside of its range; empty if it is inside.
    pub outside: String,
}

/// The forecast of a job of a plan.
///
/// # Errors
/// Each reason for which no closed form applies, as a clause.
pub fn of(plan: &Plan, job: JobId) -> Result<Forecast, Vec<String>> {
    if usize::from(job.0) >= plan.jobs.len() {
        return Err(vec!["there is no job".to_owned()]);
    }
    let of = Subject { plan, job };
    let reasons = setting::reasons(of);
    if !reasons.is_empty() {
        return Err(reasons);
    }
    let (setting, mut notes) = setting::of(of);
    notes.extend(images::notes(of, &setting));
    if let Some(replicated) = Replicated::of(of) {
        notes.extend(replicated.notes());
        let (own, best) = (replicated.own(of, &setting), replicated.best(&setting));
        return Ok(Forecast { setting, own, best, notes });
    }
    if let Some((own, best)) = foreseen::rows(of, &setting) {
        notes.push(
            "Failures are foreseen, which only the first order knows. What is computed between a \
             proactive checkpoint and its failure is lost, and not counted."
                .into(),
        );
        let (own, best) = (vec![own], Vec::from_iter(best));
        return Ok(Forecast { setting, own, best, notes });
    }
    if let Some((own, best, note)) = grouped::rows(of, &setting) {
        notes.push(note);
        return Ok(Forecast { setting, own, best, notes });
    }
    let (own, best) = match of.checkpoint() {
        Some(Checkpoint::Multilevel(spec)) => {
            notes.extend(levels::chance(of, &setting, spec));
            if let Some(rows) = latent::rows(of, &setting, spec) {
                rows
            } else if spec.levels.iter().any(|level| level.cost.kept_at().is_some()) {
                (intervals::own(of, &setting), intervals::best(of, &setting))
            } else {
                let (best, note) = levels::best(of, &setting, spec).unzip();
                notes.extend(note);
                (levels::own(of, &setting, spec), best.into_iter().collect())
            }
        }
        _ => verified::of(of, &setting)
            .unwrap_or_else(|| (intervals::own(of, &setting), intervals::best(of, &setting))),
    };
    if !best.is_empty() {
        let sentence =
            "Makespan and efficiency of each best interval are by the exact expectation.";
        notes.insert(0, sentence.into());
    }
    Ok(Forecast { setting, own, best, notes })
}

/// What a run of the plan showed, compared with the forecast of its job.
///
/// # Errors
/// As [`of`], and for several jobs.
pub fn held(plan: &Plan, findings: &Findings) -> Result<Vec<Compared>, Vec<String>> {
    if plan.jobs.len() > 1 {
        let reason = "the metrics of a run are those of all its jobs together; `rackstorm theory` \
                      has the forecast of each";
        return Err(vec![reason.to_owned()]);
    }
    of(plan, JobId(0)).map(|forecast| compare(&forecast, findings))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::pilot;
    use crate::scenario::Scenario;
    use crate::scenario::fault::{Age, Prediction as Foresight, Repair, When};
    use crate::scenario::harm::Harm;
    use crate::scenario::job::{Cost, Interval, KeptAt};
    use crate::scenario::law::Law;
    use crate::units::{Span, Time};

    fn exponential() -> Scenario {
        let mut scenario = pilot::scenario();
        scenario.faults.truncate(1);
        let mean = Span::from_secs(365 * 86_400);
        scenario.faults[0].when = pilot::lifetime(Law::Exponential { mean }, Age::New);
        scenario
    }

    fn forecast(change: impl FnOnce(&mut Scenario)) -> Result<Forecast, Vec<String>> {
        let mut scenario = exponential();
        change(&mut scenario);
        of(&Plan::make(&scenario), JobId(0))
    }

    fn row<'a>(rows: &'a [Prediction], formula: &str) -> &'a Prediction {
        let found = rows.iter().find(|row| row.formula == formula);
        found.unwrap_or_else(|| panic!("no row of {formula}: {rows:?}"))
    }

    #[test]
    fn what_theory_cannot_say_is_reported_with_its_reason() {
        let plan = Plan::make(&pilot::scenario());
        let reasons = of(&plan, JobId(0)).expect_err("Weibull, and a fixed time");
        assert_eq!(reasons.len(), 2);
        assert!(reasons[0].contains("Weibull of shape 0.7"), "{reasons:?}");
        assert!(reasons[1].contains("once, at 3 d 4 h"), "{reasons:?}");
        for (change, word) in [
            ((|s| s.jobs.clear()) as fn(&mut Scenario), "no job"),
            (|s| s.faults[0].repair = Repair::Never, "never"),
            (|s| s.faults[0].harm = Harm::ServerLoss, "delays"),
            (|s| s.faults[0].when = When::At(Time(5)), "once, at 5 ns"),
        ] {
            let reasons = forecast(change).expect_err("no closed form");
            assert!(reasons.len() == 1 && reasons[0].contains(word), "{reasons:?}");
        }
    }

    #[test]
    fn the_pilots_own_interval_is_near_the_best_and_all_formulas_agree() {
        let forecast = forecast(|_| {}).expect("exponential");
        assert!((forecast.setting.mtbf.expect("nodes fail") - 43_800.0).abs() < 1.0);
        let exact = row(&forecast.own, "exact expectation");
        let makespan = exact.makespan.expect("it ends");
        for row in &forecast.own {
            assert!((row.makespan.expect("it ends") / makespan - 1.0).abs() < 0.02, "{row:?}");
            assert_eq!(row.outside, "");
        }
        let best = row(&forecast.best, "equal chunks").makespan.expect("it ends");
        assert_eq!(forecast.best.len(), 8);
        for row in forecast.best.iter().chain([exact]) {
            assert!(row.makespan.expect("it ends") >= best * (1.0 - 1e-9), "{row:?}");
        }
        let deviation = exact.deviation.expect("it is known");
        assert!(deviation > 0.0 && deviation < 0.1 * makespan);
    }

    #[test]
    fn a_period_near_the_mtbf_is_outside_of_the_first_order() {
        let forecast = forecast(|scenario| {
            let spec = pilot::checkpoint(scenario);
            spec.interval = Interval::Fixed(Span::from_secs(40_000));
        });
        let forecast = forecast.expect("exponential");
        let outside = &row(&forecast.own, "first-order waste").outside;
        assert!(outside.starts_with("period 0.9"), "{outside}");
        assert_eq!(row(&forecast.own, "exact expectation").outside, "");
    }

    /// Steps of 30 s: an interval of 70 s is 90 s of computing; the last chunk has no checkpoint.
    #[test]
    fn the_exact_row_counts_the_chunks_that_are_played() {
        let forecast = forecast(|scenario| {
            scenario.faults.clear();
            let work = &mut scenario.jobs[0].work;
            work.work = Span::from_secs(275);
            let spec = pilot::checkpoint(scenario);
            spec.interval = Interval::Fixed(Span::from_secs(70));
            spec.last = false;
            let second = Span::from_secs(1);
            spec.cost = Cost::Fixed { write: second, read: second, downtime: second };
        });
        let forecast = forecast.expect("nothing fails");
        let exact = row(&forecast.own, "exact expectation");
        assert_eq!((exact.work, exact.makespan), (90.0, Some(275.0 + 3.0)));
        assert_eq!(exact.deviation, Some(0.0));
        assert!(forecast.best.is_empty(), "without failures the best interval has no end");
    }

    /// The same W is the same time, as the scenario's own interval and as one that is called best.
    #[test]
    fn a_best_interval_ends_with_a_checkpoint_only_if_the_scenario_does() {
        for last in [false, true] {
            let of = |interval: Interval| {
                let forecast = forecast(|scenario| {
                    pilot::fix_costs(scenario, Span::from_secs(600));
                    let spec = pilot::checkpoint(scenario);
                    (spec.interval, spec.last) = (interval, last);
                });
                forecast.expect("exponential")
            };
            let young = of(Interval::Young);
            let own = row(&young.own, "exact expectation");
            let best = row(&young.best, "Young 1974");
            assert_eq!((own.makespan, own.deviation), (best.makespan, best.deviation), "{last}");
            let equal = row(&young.best, "equal chunks");
            let again = of(Interval::Fixed(Span::from_secs_f64(equal.work)));
            assert_eq!(row(&again.own, "exact expectation").makespan, equal.makespan, "{last}");
            assert!(equal.makespan < own.makespan);
        }
    }

    /// 85 % announced, 80 % of the alarms true: T* = sqrt(2 M C / 0.15), and less waste than
    /// without. A lead that is too short for a step and a checkpoint is outside of the range.
    #[test]
    fn a_foreseen_scenario_has_the_rows_of_its_predictor() {
        let foreseen = |lead| {
            let forecast = forecast(|scenario| {
                pilot::fix_costs(scenario, Span::from_secs(60));
                let lead = Span::from_secs(lead);
                let prediction = Foresight { recall: 0.85, precision: 0.8, lead };
                scenario.faults[0].prediction = Some(prediction);
            });
            forecast.expect("exponential")
        };
        let forecast = foreseen(120);
        assert_eq!((forecast.own.len(), forecast.best.len()), (1, 1));
        let best = &forecast.best[0];
        assert!((best.period - libm::sqrt(2.0 * 43_800.0 * 60.0 / 0.15)).abs() < 0.1);
        assert_eq!(best.outside, "");
        let efficiency = best.efficiency.expect("it is known");
        assert!(efficiency > forecast.own[0].efficiency.expect("it is known"));
        assert!(!foreseen(80).best[0].outside.is_empty(), "30 s and 60 s");
    }

    #[test]
    fn a_job_that_writes_nothing_starts_again_from_its_start() {
        let forecast = forecast(|scenario| scenario.jobs[0].checkpoint = None);
        let forecast = forecast.expect("exponential");
        assert_eq!(forecast.own.len(), 1);
        let (work, mtbf) = (forecast.setting.work, forecast.setting.mtbf.expect("nodes fail"));
        let makespan = row(&forecast.own, "exact expectation").makespan.expect("it ends");
        assert!(makespan > work / 2.0 * mtbf.sqrt(), "30 d with a failure each 12 h: {makespan}");
        assert!(forecast.best.is_empty());
    }

    #[test]
    fn downtime_is_that_of_a_spare_or_of_the_repair() {
        let downtime = |change: fn(&mut Scenario)| {
            let forecast = forecast(change).expect("exponential");
            (forecast.setting.downtime, forecast.setting.recovery)
        };
        let (spare, _) = downtime(|_| {});
        let (repaired, _) = downtime(|scenario| {
            let spec = pilot::checkpoint(scenario);
            spec.cost = Cost::Store(KeptAt::Card);
        });
        let (all, read) = downtime(|scenario| {
            let work = &mut scenario.jobs[0].work;
            work.nodes = 750;
        });
        assert!(spare > 0.0 && repaired > spare + 20.0, "{spare} and {repaired}");
        assert!((repaired - all).abs() < 1e-6, "{repaired} and {all}");
        assert!(read > 60.0, "1 GB over 100 Mbit/s");
    }
}
