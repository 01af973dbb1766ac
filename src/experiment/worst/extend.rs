//! One more fault: each kind on each class of parts at each instant, from what they share.

use std::collections::BTreeSet;

use super::alike::{Classes, Parts};
use super::instants::Instants;
use super::schedule::{Loss, Setting, Strike};
use crate::analysis::{Findings, Fold};
use crate::backend::model::{Fork, Model};
use crate::event::{Event, Sink, Stop};
use crate::experiment::Run;
use crate::experiment::branch::Refused;
use crate::ids::{FaultId, Part, PartKind};
use crate::metrics;
use crate::plan::Plan;
use crate::units::Time;

/// The metric that says whether the work was done.
const UNFINISHED: &str = "jobs_unfinished";

/// What one more fault can cost.
pub(super) struct Extended {
    /// Each fault that was tried, in order.
    pub(super) tried: Vec<(Strike, Loss)>,
    /// At how many instants.
    pub(super) instants: usize,
    /// On how many parts, of each kind of fault.
    pub(super) parts: usize,
}

impl Extended {
    /// The worst, the first of equals.
    pub(super) fn worst(&self) -> Option<(Strike, Loss)> {
        let mut all = self.tried.iter().copied();
        let first = all.next()?;
        Some(all.fold(first, |worst, next| if next.1.exceeds(worst.1) { next } else { worst }))
    }
}

/// The metric without any fault of the rules.
pub(super) fn value_without_faults(setting: &Setting) -> anyhow::Result<f64> {
    let outcome = Run::new(&setting.calm, &Model).metrics(&[setting.metric, UNFINISHED]).play()?;
    if outcome.metric(UNFINISHED).is_some_and(|jobs| jobs > 0.0) {
        let end = setting.calm.scenario.stop.at;
        let why = format!("the work is not done by the end, {end}, even without faults");
        return Err(Refused::new(why, "give a later `stop.at`, or less work").into());
    }
    let value = outcome.metric(setting.metric).filter(|value| value.is_finite());
    let lacks = || {
        let why = format!("a run without faults has no metric `{}`", setting.metric);
        Refused::new(why, "choose one that has a value there, such as makespan or waste")
    };
    Ok(value.ok_or_else(lacks)?)
}

/// What a schedule costs.
pub(super) fn loss(setting: &Setting, schedule: &[Strike]) -> anyhow::Result<Loss> {
    let plan = setting.plan(schedule);
    let outcome = Run::new(&plan, &Model).metrics(&[setting.metric, UNFINISHED]).play()?;
    Ok(loss_of(setting, &outcome.findings))
}

fn loss_of(setting: &Setting, findings: &Findings) -> Loss {
    let value = |name| findings.metric(name).map(|metric| metric.value);
    let done = value(UNFINISHED).is_none_or(|jobs| jobs == 0.0);
    // What has a value without faults and none with them, such as the time until all nodes are up,
    // was not reached.
    let Some(value) = value(setting.metric).filter(|_| done) else { return Loss::Unfinished };
    let more = value - setting.value;
    Loss::Of(if metrics::more_is_better(setting.metric) { -more } else { more })
}

/// The faults that may be added to a schedule: kind and part, each the first or last of its class.
fn candidates(setting: &Setting, classes: &Classes<'_>) -> Vec<(FaultId, Part)> {
    let of = |&rule: &FaultId| {
        let on = setting.on(rule);
        let kind = on.kind;
        let ends = classes.ends(kind, on.iter()).into_iter();
        ends.map(move |index| (rule, Part { kind, index }))
    };
    setting.rules.iter().flat_map(of).collect()
}

/// Tries each fault from an instant on, as one more of a schedule. `stop` ends it early: then those
/// that were tried count.
pub(super) fn extend(
    setting: &Setting,
    parts: &Parts,
    (schedule, from): (&[Strike], Time),
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Extended, Stop> {
    let classes = parts.classes(schedule.iter().map(|strike| strike.part));
    let candidates = candidates(setting, &classes);
    let instants = instants(setting, schedule, from, &candidates)?;
    let mut plan = setting.plan(schedule);
    let first = plan.scenario.faults.len() as u16;
    // At no time by themselves.
    let idle = candidates.iter().zip(schedule.len() + 1..).map(|(&(rule, part), number)| {
        setting.rule(Strike { rule, part, at: Time::NEVER }, number)
    });
    plan.scenario.faults.extend(idle);
    let mut found = Extended { tried: Vec::new(), instants: 0, parts: candidates.len() };
    let mut fork = Fork::begin(&plan, &instants);
    let mut gauge = Gauge::of(setting, &plan);
    for &at in &instants {
        if !fork.go_on(&mut gauge)? {
            break;
        }
        found.instants += 1;
        for (&(rule, part), number) in candidates.iter().zip(first..) {
            if stop() {
                let some = !found.tried.is_empty();
                return some.then_some(found).ok_or(Stop::Interrupted);
            }
            let mut own = gauge.clone();
            fork.with_strike(FaultId(number), &mut own)?;
            let findings = own.fold.finish(own.last);
            found.tried.push((Strike { rule, part, at }, loss_of(setting, &findings)));
        }
    }
    Ok(found)
}

/// When the run of a schedule changes, from an instant on.
fn instants(
    setting: &Setting,
    schedule: &[Strike],
    from: Time,
    candidates: &[(FaultId, Part)],
) -> Result<Vec<Time>, Stop> {
    let plan = setting.plan(schedule);
    let struck = schedule.iter().map(|strike| strike.part);
    let parts = candidates.iter().map(|(_, part)| *part).chain(struck);
    let of_node = |part: &Part| matches!(part.kind, PartKind::Node | PartKind::NodeLink);
    let nodes: BTreeSet<u32> = parts.filter(of_node).map(|part| part.index).collect();
    let mut instants = Instants::from(from, &nodes);
    let mut fork = Fork::begin(&plan, &[]);
    while fork.go_on(&mut instants)? {}
    let end = plan.scenario.stop.at;
    Ok(instants.around().into_iter().filter(|at| *at <= end).collect())
}

/// Folds what a run emits into the metric.
#[derive(Clone)]
struct Gauge {
    fold: Fold,
    last: Time,
}

impl Gauge {
    fn of(setting: &Setting, plan: &Plan) -> Self {
        Self { fold: Fold::only(plan, &[setting.metric, UNFINISHED]), last: Time::ZERO }
    }
}

impl Sink for Gauge {
    fn event(&mut self, event: &Event) -> Result<(), Stop> {
        self.last = event.at;
        self.fold.event(event);
        Ok(())
    }

    fn needs_all(&self) -> bool {
        false
    }

    fn passed_over(&mut self, _events: u64, read: Option<Time>) {
        if let Some(read) = read {
            self.fold.read_again(read);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario;

    /// What the run of the schedule shares with all its continuations is played once: to the same.
    #[test]
    fn a_fork_comes_to_what_a_run_of_its_own_comes_to() {
        let text = "schema = 1\ninherit = \"edge_rack_24\"\n[module]\nspares = 1\n\
                    [stop]\nat = \"2 h\"\n\
                    [workload.bulk-synchronous]\nstep = \"10 s\"\nwork = \"3 min\"\n\
                    [checkpoint.coordinated]\nsize = \"100 MB\"\ninterval = \"50 s\"\n\
                    [[fault.crash]]\non = \"node\"\n\
                    lifetime = { exponential = { mean = \"1 y\" } }\n\
                    [[fault.power-loss]]\non = \"psu\"\nrepair = \"1 min\"\n\
                    lifetime = { exponential = { mean = \"1 y\" } }\n";
        let scenario = scenario::read("fork", text).expect("a scenario");
        let setting = Setting::of(&scenario, "makespan").expect("there is something to search");
        let parts = Parts::of(setting.original());
        let first = extend(&setting, &parts, (&[], Time::ZERO), &|| false).expect("it is played");
        assert!(first.instants > 40 && first.tried.len() == first.instants * first.parts);
        let some = first.tried.iter().step_by(first.tried.len() / 12);
        for &(strike, found) in some.clone() {
            assert_eq!(loss(&setting, &[strike]).expect("it is played"), found, "{strike:?}");
        }
        let (strike, _) = *some.clone().nth(6).expect("there are twelve");
        let second = extend(&setting, &parts, (&[strike], strike.at), &|| false);
        let second = second.expect("it is played");
        for &(other, found) in second.tried.iter().step_by(second.tried.len() / 12) {
            let whole = loss(&setting, &[strike, other]).expect("it is played");
            assert_eq!(whole, found, "{other:?}");
        }
    }
}
