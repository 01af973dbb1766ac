//! Theory of a job whose groups checkpoint by themselves, with message logging: to first order.

use super::intervals::{Row, struck_otherwise};
use super::{Prediction, Setting, Subject};
use crate::theory::logging::Groups;

/// What the scenario's own interval comes to, and the best one; `None` without groups.
///
/// Efficiencies count computing with logging, as the metric does; the overhead is in the makespan.
pub(super) fn rows(
    of: Subject<'_>,
    setting: &Setting,
) -> Option<(Vec<Prediction>, Vec<Prediction>, String)> {
    let spec = of.checkpoint()?.logging()?;
    let job = of.numbers();
    let groups = Groups {
        groups: f64::from(job.nodes / spec.group),
        staggered: spec.stagger,
        costs: setting.costs(),
        speedup: spec.speedup,
        overhead: spec.overhead,
        step: job.step.as_secs_f64(),
        mtbf: setting.mtbf.unwrap_or(f64::INFINITY),
    };
    let row = |formula, work: f64| {
        let mut row = Row::new(setting, formula, work);
        row.empty.period = groups.period(work);
        row.empty.period_of_mtbf = setting.mtbf.map(|mtbf| groups.period(work) / mtbf);
        let mut row = row.first_order((1.0 - groups.waste(work)) * (1.0 + spec.overhead));
        if row.outside.is_empty() {
            row.outside = struck_otherwise(of);
        }
        row
    };
    let own = vec![row("groups, first order", setting.interval.unwrap_or(setting.work))];
    let fits = |work: &f64| setting.mtbf.is_some() && *work > 0.0 && *work <= setting.work;
    let best = groups.work_best().filter(fits).map(|work| row("groups, best W", work));
    let note = format!(
        "{} groups of {} nodes fail by themselves, {}; logging makes computing last {} times as \
         long, which the makespan counts and the efficiency does not.",
        job.nodes / spec.group,
        spec.group,
        if spec.stagger { "and write in turn" } else { "and write at once" },
        1.0 + spec.overhead,
    );
    Some((own, best.into_iter().collect(), note))
}
