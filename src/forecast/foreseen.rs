//! What alarms before failures are worth, to first order; no exact formula knows of them.

use super::{Prediction, Setting, Subject, intervals::Row};
use crate::scenario::fault::Prediction as Foresight;
use crate::theory::predictor::Predictor;

/// The predictor of all that stops the job, and the shortest lead; `None` if nobody foresees it.
fn predictor(of: Subject<'_>, write: f64) -> Option<(Predictor, f64)> {
    let (mut all, mut announced, mut alarms) = (0.0, 0.0, 0.0);
    let mut shortest = f64::INFINITY;
    for rule in &of.plan.scenario.faults {
        let rate = of.plan.interrupt_rate(of.job, rule);
        all += rate;
        let Some(Foresight { recall, precision, lead }) = rule.prediction else { continue };
        announced += rate * recall;
        alarms += rate * recall / precision;
        shortest = shortest.min(lead.as_secs_f64());
    }
    if announced <= 0.0 {
        return None;
    }
    let predictor = Predictor { recall: announced / all, precision: announced / alarms, write };
    Some((predictor, shortest))
}

/// The rows of the own interval and of the best one, if the plan's failures are foreseen and its
/// job writes checkpoints.
pub(super) fn rows(of: Subject<'_>, setting: &Setting) -> Option<(Prediction, Option<Prediction>)> {
    let (mtbf, write, work) = (setting.mtbf?, setting.write?, setting.interval?);
    let (predictor, lead) = predictor(of, write)?;
    let costs = setting.costs();
    let step = of.numbers().step.as_secs_f64();
    let row = |formula, work: f64| {
        let wasted = predictor.waste(work + write, costs, mtbf);
        let mut row = Row::new(setting, formula, work).first_order(1.0 - wasted);
        if lead < step + write {
            row.outside = "the lead is shorter than a step and a checkpoint".into();
        }
        row
    };
    let best = predictor.period(costs, mtbf) - write;
    let fits = best > 0.0 && best <= setting.work;
    let own = row("first-order waste, foreseen", work);
    Some((own, fits.then(|| row("first-order waste, foreseen, best T", best))))
}
