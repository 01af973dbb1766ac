//! What theory says of checkpoints whose rest is written while the job computes.

use super::{Prediction, Setting, Subject, intervals};
use crate::scenario::job::{Drain, Multilevel};
use crate::theory::vaidya::Latent;

/// Why no closed form applies to levels that drain, if none does.
pub(super) fn reason(spec: &Multilevel) -> Option<String> {
    let drains = spec.levels.iter().any(|level| level.drain.is_some());
    (drains && spec.levels.len() > 1).then(|| {
        "of several levels, of which one is written while the job computes, no formula is at hand"
            .to_owned()
    })
}

/// The scenario's own interval and the best one by Vaidya's formula; `None` if it is not for this
/// checkpoint. Steps that are slower meanwhile are part of the overhead C.
pub(super) fn rows(
    of: Subject<'_>,
    setting: &Setting,
    spec: &Multilevel,
) -> Option<(Vec<Prediction>, Vec<Prediction>)> {
    let [level] = &spec.levels[..] else { return None };
    let Drain { slowdown, latency, .. } = level.drain?;
    let (latency, write) = (latency?.as_secs_f64(), setting.write?);
    let Some(mtbf) = setting.mtbf else { return Some(Default::default()) };
    let hidden = latency - write;
    let overhead = write + hidden * (1.0 - 1.0 / slowdown);
    let latent = Latent { overhead, latency, recovery: setting.recovery };
    let row = |formula, work: f64| {
        let span = latent.period(work, mtbf);
        let mut outside = vec![intervals::struck_otherwise(of)];
        if setting.downtime > 0.0 {
            outside.push("it has no downtime".to_owned());
        }
        if hidden / slowdown > work {
            outside.push("the latency is longer than the period".to_owned());
        }
        outside.retain(|reason| !reason.is_empty());
        Prediction {
            formula,
            work,
            period: work + overhead,
            period_of_mtbf: Some((work + overhead) / mtbf),
            makespan: Some(setting.work / work * span),
            deviation: None,
            // A run counts slower steps as computing.
            efficiency: (slowdown <= 1.0).then(|| work / span),
            outside: outside.join("; "),
        }
    };
    let own = row("Vaidya, overhead and latency", setting.interval.unwrap_or(setting.work));
    let best = (overhead > 0.0).then(|| row("Vaidya, best interval", latent.optimum(mtbf)));
    Some((vec![own], best.into_iter().collect()))
}
