//! What closed forms say of the chance of a rare event in a run.

use super::levels::{self, Buddies};
use super::setting::chunks;
use super::{Subject, of};
use crate::control::RareEvent;
use crate::cosmic::budget::{Activity, Budget, Class};
use crate::event::{Fault, JobPhase};
use crate::ids::JobId;
use crate::plan::Plan;
use crate::scenario::fault::{FaultRule, Radius, When};
use crate::scenario::job::Checkpoint;
use crate::scenario::law::Law;
use crate::theory::buddy;
use crate::theory::silent::escaped;

/// What a closed form says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RareChance {
    /// Its function in `theory`.
    pub formula: &'static str,
    /// The chance that the event happens in a run.
    pub chance: f64,
}

/// The chance that a rare event happens in a run of the plan.
///
/// # Errors
/// Why no closed form applies, as clauses.
pub fn rare(plan: &Plan, event: RareEvent) -> Result<RareChance, Vec<String>> {
    if plan.jobs.len() > 1 {
        return Err(vec!["there are several jobs".to_owned()]);
    }
    match event {
        RareEvent::CheckpointsLost => lost(plan),
        RareEvent::CorruptionEscaped => corrupt(plan),
    }
}

/// Losses can come from the first commit to the end of the job.
fn lost(plan: &Plan) -> Result<RareChance, Vec<String>> {
    let forecast = of(plan, JobId(0))?;
    let subject = Subject { plan, job: JobId(0) };
    let Some(Checkpoint::Multilevel(spec)) = subject.checkpoint() else {
        return Err(vec!["there are no buddies".to_owned()]);
    };
    let buddies = levels::buddies(subject, &forecast.setting, spec);
    let makespan = forecast.own.first().and_then(|row| row.makespan);
    let (Some(Buddies { copies, groups, rate, risk }), Some(makespan)) = (buddies, makespan) else {
        return Err(vec!["the time of the job is not known".to_owned()]);
    };
    let setting = &forecast.setting;
    let first = setting.interval.unwrap_or(0.0) + setting.write.unwrap_or(0.0);
    let time = makespan.min(plan.scenario.stop.at.as_secs_f64()) - first;
    let chance = buddy::loss_chance(copies, groups, rate, risk, time.max(0.0));
    Ok(RareChance { formula: "buddy::loss_chance", chance })
}

/// Strikes are Poisson, and each that no check of a step finds is in the result; what is computed
/// in vain takes its own with it, whatever throws the job back.
fn corrupt(plan: &Plan) -> Result<RareChance, Vec<String>> {
    let subject = Subject { plan, job: JobId(0) };
    let mut reasons: Vec<_> = plan.scenario.faults.iter().filter_map(uneven).collect();
    if plan.verify(JobId(0)).is_some() {
        reasons.push("verifications find corrupt memory".to_owned());
    }
    if subject.work().replicas.is_some() {
        reasons.push("replicas compare their memory".to_owned());
    }
    if !reasons.is_empty() {
        return Err(reasons);
    }
    Ok(RareChance { formula: "silent::escaped", chance: -libm::expm1(-escapes(subject)) })
}

/// The mean number of silent corruptions in the result of a job that nothing but the checks of its
/// steps looks at: of what strikes while it computes these find their share, and of what strikes
/// while it writes a checkpoint none. The checkpoint after the last step comes too late to matter.
pub(super) fn escapes(of: Subject<'_>) -> f64 {
    let (plan, job) = (of.plan, of.numbers());
    let before_last = job.step.as_secs_f64() * (job.steps - 1) as f64;
    let computes = before_last + job.last_step.as_secs_f64();
    let lets = |spec: &Checkpoint| spec.lets(Fault::SilentCorruption, JobPhase::Checkpoint);
    let writes = if of.checkpoint().is_some_and(lets) {
        chunks(of).before() as f64 * job.checkpoint_cost.as_secs_f64()
    } else {
        0.0
    };
    let coverage = plan.abft(of.job).map_or(0.0, |abft| abft.coverage);
    let rate = plan.silent_rate(of.job) + silent_upsets(plan) * f64::from(job.nodes);
    escaped(rate, computes, coverage) + escaped(rate, writes, 0.0)
}

/// Why strikes of a rule that corrupts memory do not come to all nodes at one constant rate.
fn uneven(rule: &FaultRule) -> Option<String> {
    if !rule.kind().corrupts() {
        return None;
    }
    let is_even = rule.kind() != Fault::Dram
        && rule.radius == Radius::Node
        && rule.cascade.is_none()
        && matches!(rule.when, When::Lifetime { law: Law::Exponential { .. }, .. });
    (!is_even).then(|| format!("`{}` does not strike each node at a constant rate", rule.name))
}

/// Silent corruptions of a node that computes, by upsets (1/s).
fn silent_upsets(plan: &Plan) -> f64 {
    let scenario = &plan.scenario;
    let budget = Budget::of(&scenario.site, &scenario.hardware.arrays);
    let shares = Activity::Compute.shares(&scenario.upset);
    let silent = budget.arrays.iter().map(|it| it.classes(shares)[Class::Silent as usize]);
    let beams = scenario.faults.iter().filter(|rule| rule.kind() == Fault::Upset);
    let beams: f64 = beams.filter_map(|rule| Some(rule.harm.beam()?.factor)).sum();
    silent.sum::<f64>() / 3600.0 * beams
}
