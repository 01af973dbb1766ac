//! What theory says of checkpoints of several levels, and of buddies.

use super::{Prediction, Setting, Subject, setting};
use crate::plan::Access;
use crate::scenario::fault::Radius;
use crate::scenario::job::{Cost, KeptAt, Multilevel, Strikes};
use crate::theory::multilevel::{self, Level};
use crate::theory::{buddy, scr, waste};

/// Why no closed form applies to these levels, if none does.
pub(super) fn reason(spec: &Multilevel) -> Option<String> {
    if let [level] = &spec.levels[..]
        && level.cost.kept_at() == Some(KeptAt::Memory)
    {
        return Some("a checkpoint in memory is lost with its node".to_owned());
    }
    let alone = spec.levels.len() == 1;
    let at_places = spec.levels.iter().any(|level| level.cost.kept_at().is_some());
    (at_places && !alone).then(|| {
        "of levels that nodes keep it depends on who fails together which one is needed; the \
         formulas are for levels with `cost` and failures with `severity`"
            .to_owned()
    })
}

/// The levels with fixed costs as the formulas take them: failures of each class per second.
fn levels(of: Subject<'_>, spec: &Multilevel) -> Vec<Level> {
    let rate_of = |class: usize| {
        let rules = of.plan.scenario.faults.iter();
        let of_class = rules.filter(|rule| usize::from(rule.harm.severity()) == class);
        of_class.map(|rule| of.plan.interrupt_rate(of.job, rule)).fold(0.0, |sum, rate| sum + rate)
    };
    let level = |(number, level): (usize, &crate::scenario::job::Level)| {
        let Cost::Fixed { write, read, .. } = level.cost else { return None };
        let (write, recovery) = (write.as_secs_f64(), read.as_secs_f64());
        Some(Level { rate: rate_of(number + 1), write, recovery })
    };
    spec.levels.iter().enumerate().filter_map(level).collect()
}

/// What the scenario's own pattern comes to by SCR's model; none without failures.
pub(super) fn own(of: Subject<'_>, setting: &Setting, spec: &Multilevel) -> Vec<Prediction> {
    let levels = levels(of, spec);
    if levels.iter().all(|level| level.rate <= 0.0) {
        return Vec::new();
    }
    let counts: Vec<_> =
        of.plan.pattern(of.job, spec).1[1..].iter().map(|every| every - 1).collect();
    let work = setting.interval.unwrap_or(setting.work);
    let pattern = scr::Pattern { levels: &levels, counts: &counts, work, escalates: spec.escalate };
    let strikes = spec.strikes.phases;
    let usual = Strikes { checkpoint: true, restart: true, downtime: strikes.downtime };
    let mut outside = Vec::new();
    if strikes != usual {
        outside.push("it supposes failures during checkpoint and restart".to_owned());
    }
    if setting.downtime > 0.0 {
        outside.push("it has no downtime".to_owned());
    }
    let (steps, _) = setting::chunks(of).steps();
    let whole = counts
        .iter()
        .fold(u128::from(steps), |all, count| all.saturating_mul(u128::from(*count) + 1));
    if whole > of.numbers().steps.into() {
        outside.push("the job ends before its pattern does".to_owned());
    }
    let row = prediction("SCR, Markov model", work, setting, pattern.efficiency());
    vec![Prediction { outside: outside.join("; "), ..row }]
}

/// The pattern that is best to first order, in what it comes to by SCR's model, and a sentence on
/// it; none if a level is free or needed by no failure.
pub(super) fn best(
    of: Subject<'_>,
    setting: &Setting,
    spec: &Multilevel,
) -> Option<(Prediction, String)> {
    let levels = levels(of, spec);
    if levels.iter().any(|level| level.rate <= 0.0 || level.write <= 0.0) {
        return None;
    }
    let periods: Vec<_> = levels.iter().map(|level| multilevel::period(*level)).collect();
    let (work, every) = multilevel::pattern(&levels);
    let every = &every[1..];
    let counts: Vec<_> = every.iter().map(|every| every - 1).collect();
    let escalates = spec.escalate;
    let pattern = scr::Pattern { levels: &levels, counts: &counts, work, escalates };
    let mut row = prediction("first order, all levels", work, setting, pattern.efficiency());
    let far = |(level, period): (&Level, &f64)| level.rate * period > waste::RANGE;
    if levels.iter().zip(&periods).any(far) {
        row.outside = format!(
            "a period is more than {} of its failures' mean time: outside the range of the first \
             order",
            waste::RANGE
        );
    }
    let overhead = multilevel::overhead(&levels);
    let note = format!(
        "To first order the best pattern has `every` of {every:?} above the lowest level and an \
         overhead of {overhead:.4}; its row has its efficiency by SCR's model."
    );
    Some((row, note))
}

fn prediction(formula: &'static str, work: f64, setting: &Setting, efficiency: f64) -> Prediction {
    let period = work + setting.write.unwrap_or(0.0);
    Prediction {
        formula,
        work,
        period,
        period_of_mtbf: setting.mtbf.map(|mtbf| period / mtbf),
        makespan: Some(setting.work / efficiency),
        deviation: None,
        efficiency: Some(efficiency),
        outside: String::new(),
    }
}

/// What the chance to lose all images of a checkpoint in memory hangs on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Buddies {
    /// Nodes that hold an image.
    pub copies: u32,
    /// Pairs or triples.
    pub groups: f64,
    /// Failures of a node (1/s).
    pub rate: f64,
    /// From a failure until the newcomer is whole, as far as failures strike then (s).
    pub risk: f64,
}

/// The pairs or triples of a job, if it has any.
pub(super) fn buddies(of: Subject<'_>, setting: &Setting, spec: &Multilevel) -> Option<Buddies> {
    let copies_of = |level: &crate::scenario::job::Level| match level.cost {
        Cost::Store(KeptAt::Buddies { copies }) => Some(copies),
        _ => None,
    };
    let place = spec.levels.iter().position(|level| copies_of(level).is_some())?;
    let copies = copies_of(&spec.levels[place])?;
    let rules = of.plan.scenario.faults.iter().filter(|rule| rule.radius == Radius::Node);
    let rate: f64 = rules.map(|rule| of.plan.interrupt_rate(of.job, rule)).sum();
    let nodes = f64::from(setting.nodes);
    let read = of.plan.checkpoint_span(of.job, place, 1.0, Access::Read { newcomers: 1 })?;
    let counts = |strikes: bool, span: f64| if strikes { span } else { 0.0 };
    let strikes = spec.strikes.phases;
    let risk = counts(strikes.downtime, setting::noticed(of).as_secs_f64())
        + counts(strikes.restart, read.as_secs_f64());
    Some(Buddies { copies, groups: nodes / f64::from(copies), rate: rate / nodes, risk })
}

/// The chance that buddies lose no checkpoint while the job computes, as a sentence.
pub(super) fn chance(of: Subject<'_>, setting: &Setting, spec: &Multilevel) -> Option<String> {
    let Buddies { copies, groups, rate, risk } = buddies(of, setting, spec)?;
    let kept = 1.0 - buddy::loss_chance(copies, groups, rate, risk, setting.work);
    Some(format!(
        "Buddies keep all checkpoints of the whole job with a chance of {kept:.6}, if only single \
         nodes fail and can do so for {risk:.0} s of the time in which a newcomer is not whole."
    ))
}
