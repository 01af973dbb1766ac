//! The numbers of the formulas, found in a plan, and whether the formulas apply to it.

use serde::Serialize;

use super::JOB;
use super::chunks::Chunks;
use super::latent;
use super::levels;
use super::replicated;
use crate::event::Fault;
use crate::hardware::boot::{self, Step};
use crate::ids::{Part, PartKind};
use crate::plan::print::when_text;
use crate::plan::{Access, Plan, lifetimes};
use crate::scenario::abft::{Abft, Found};
use crate::scenario::fault::{FaultRule, Repair, When};
use crate::scenario::job::{Checkpoint, Cost, Counts, Interval, Place, Strikes};
use crate::scenario::law::Law;
use crate::scenario::replicas::Compare;
use crate::theory::young_daly::daly;
use crate::theory::{Costs, silent};
use crate::units::Span;

/// The numbers that the formulas are given (s).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// Nodes of the job.
    pub nodes: u32,
    /// Computing of the whole job: Ts.
    pub work: f64,
    /// Mean time between failures of the job: M; `None` if nothing fails.
    pub mtbf: Option<f64>,
    /// Writing a checkpoint: C; `None` without checkpoints.
    pub write: Option<f64>,
    /// Reading one back: R.
    pub recovery: f64,
    /// From a failure until recovery begins: D.
    pub downtime: f64,
    /// Computing between two checkpoints, in whole steps: W; `None` without checkpoints.
    pub interval: Option<f64>,
    /// Mean time between silent corruptions of the job's memory; `None` without any.
    pub silent: Option<f64>,
    /// A verification: V; `None` without any.
    pub verification: Option<f64>,
    /// Verifications in a pattern: k.
    pub verifications: u32,
}

impl Setting {
    /// Failures of the job per second.
    pub(super) fn rate(&self) -> f64 {
        self.mtbf.map_or(0.0, |mtbf| 1.0 / mtbf)
    }

    /// The costs, without checkpoints free ones.
    pub(super) fn costs(&self) -> Costs {
        let (recovery, downtime) = (self.recovery, self.downtime);
        Costs { write: self.write.unwrap_or(0.0), recovery, downtime }
    }
}

/// In which phases failures strike the plan's job.
pub(super) fn strikes(plan: &Plan) -> Strikes {
    // Without checkpoints no switch holds a failure back.
    let all = Strikes { checkpoint: true, restart: true, downtime: true };
    plan.scenario.checkpoint.as_ref().map_or(all, Checkpoint::strikes)
}

/// From when the checkpoints of the plan's job count.
pub(super) fn counts(plan: &Plan) -> Counts {
    match &plan.scenario.checkpoint {
        Some(Checkpoint::Coordinated(wish)) => wish.counts,
        _ => Counts::End,
    }
}

/// Why no closed form applies, if none does.
pub(super) fn reasons(plan: &Plan) -> Vec<String> {
    if plan.jobs.is_empty() {
        return vec!["there is no job".to_owned()];
    }
    if !plan.scenario.jobs.is_empty() {
        return vec!["no formula counts how several jobs wait for one file server".to_owned()];
    }
    let misses = plan.verify(JOB).filter(|verify| verify.coverage < 1.0).map(|verify| {
        let share = verify.coverage;
        format!("verifications that find {share} of what is corrupt have no closed form")
    });
    let checks = plan.checks(JOB);
    let several = [plan.verify(JOB).is_some(), checks.abft.is_some(), compares(plan)];
    let several = several.iter().filter(|looks| **looks).count() > 1;
    let several = (several && plan.corrupts())
        .then(|| "memory that is looked at in several ways has no closed form".to_owned());
    let uneven = (plan.corrupts() && compares(plan) && !all_pairs(plan)).then(|| {
        "only pairs on every seat that compare their memory, on nodes that never fail, have a \
         closed form"
            .to_owned()
    });
    let mut all: Vec<_> = plan
        .scenario
        .faults
        .iter()
        .filter_map(|rule| reason(plan, rule))
        .chain(misses)
        .chain(several)
        .chain(uneven)
        .chain(rotates(plan, ROTATION[1]))
        .collect();
    if let Some(Checkpoint::Multilevel(wish)) = &plan.scenario.checkpoint {
        all.extend(latent::reason(wish).or_else(|| levels::reason(wish)));
    }
    all
}

/// By how much the rate of failures may change when nodes have changed places, as a share of it,
/// before it is told, and before no closed form applies. Assumptions: the waste goes with its root.
const ROTATION: [f64; 2] = [0.01, 0.25];

/// That the job is not struck alike often throughout, if it is not: by more than this share.
fn rotates(plan: &Plan, more: f64) -> Option<String> {
    let replicas = plan.scenario.workload.as_ref()?.replicas.is_some();
    let (first, later) = plan.rotation(JOB, |rule| is_replaced(plan, rule))?;
    let all: f64 = plan.scenario.faults.iter().map(|rule| plan.interrupt_rate(JOB, rule)).sum();
    if replicas || standby(plan) == 0 || (first - later).abs() <= more * all {
        return None;
    }
    let every = |rate: f64| format!("every {}", Span::from_secs_f64(1.0 / rate).rounded());
    let in_the_end = all - first + later;
    let later = if in_the_end > 1e-9 * all { every(in_the_end) } else { "not at all".to_owned() };
    Some(format!(
        "the job is struck {} at first and {later} later: a node that failed is replaced, and \
         stays out until another one fails",
        every(all)
    ))
}

/// Whether replicas compare their memory.
fn compares(plan: &Plan) -> bool {
    plan.checks(JOB).compare != Compare::Never
}

/// Whether each seat has two replicas, on nodes that never fail.
fn all_pairs(plan: &Plan) -> bool {
    let (job, work) = (&plan.jobs[0], plan.scenario.workload.as_ref());
    let replicas = work.and_then(|work| work.replicas);
    job.nodes == 2 * job.seats
        && replicas.is_some_and(|replicas| replicas.degree == 2)
        && plan.seats(JOB).is_none()
}

/// The share of the corruption that strikes a step which is found when the step ends and throws the
/// job back; `None` if nothing is.
pub(super) fn thrown_back(plan: &Plan) -> Option<f64> {
    match plan.abft(JOB) {
        Some(Abft { found: Found::RollBack, coverage, .. }) => Some(coverage),
        Some(_) => None,
        None => compares(plan).then_some(1.0),
    }
}

fn reason(plan: &Plan, rule: &FaultRule) -> Option<String> {
    let name = &rule.name;
    if rule.harm.beam().is_some() {
        return Some(format!("`{name}` makes data wrong as well, which no formula here counts"));
    }
    let silent = rule.kind() == Fault::SilentCorruption;
    if silent && plan.verify(JOB).is_none() && thrown_back(plan).is_none() {
        return None;
    }
    if !silent && !rule.kind().loses_nodes() {
        return Some(format!(
            "`{name}` delays the job without stopping it, which no formula counts"
        ));
    }
    let hit = silent || plan.interrupt_rate(JOB, rule) > 0.0;
    match &rule.when {
        When::Lifetime { .. } if !hit => None,
        When::Lifetime { law: Law::Exponential { .. }, frailty, rhythm: None, .. }
            if *frailty <= 0.0 && rule.cascade.is_none() =>
        {
            let shrinks = format!("what `{name}` strikes never comes back, so the machine shrinks");
            let shrinks = (!silent && rule.repair == Repair::Never).then_some(shrinks);
            shrinks.or_else(|| replicated::reason(plan, rule))
        }
        When::Lifetime { .. } | When::At(_) => Some(format!(
            "the formulas suppose exponential lifetimes, always and for all alike; `{name}`: {}",
            when_text(rule)
        )),
    }
}

/// The numbers, and what they leave out. The plan has a job and its faults fit the formulas.
pub(super) fn of(plan: &Plan) -> (Setting, Vec<String>) {
    let job = &plan.jobs[0];
    let wish = plan.scenario.checkpoint.as_ref();
    let mut notes = vec![
        "Times run from the job's first start: the first boot of its nodes is not in them.".into(),
    ];
    let work = (job.steps - 1) as f64 * job.step.as_secs_f64() + job.last_step.as_secs_f64();
    let write = wish.map(|_| job.checkpoint_cost.as_secs_f64());
    notes.extend(rotates(plan, ROTATION[0]).map(|why| format!("M changes: {why}.")));
    if is_adaptive(plan) {
        notes.push("The adaptive interval is taken to have settled from the start.".into());
    }
    let setting = Setting {
        nodes: job.nodes,
        work,
        mtbf: (job.mtbf != Span::FOREVER).then(|| job.mtbf.as_secs_f64()),
        write,
        recovery: wish.map_or(0.0, |_| recovery(plan).as_secs_f64()),
        downtime: downtime(plan, &mut notes),
        interval: interval(plan).map(|_| chunks(plan).work()),
        silent: Some(plan.silent_rate(JOB)).filter(|rate| *rate > 0.0).map(|rate| 1.0 / rate),
        verification: plan.verify(JOB).map(|verify| verify.cost.as_secs_f64()),
        verifications: plan.verify(JOB).map_or(0, |verify| verify.per_checkpoint),
    };
    if let (Some(abft), true) = (plan.abft(JOB), plan.corrupts()) {
        let escaped = silent::escaped(plan.silent_rate(JOB), work, abft.coverage);
        notes.push(format!(
            "The checks of steps miss some corruption of computing: {escaped:.4} corruptions are \
             expected to escape, and the result is right with the chance {:.4}.",
            libm::exp(-escaped)
        ));
    } else if plan.corrupts() && plan.verify(JOB).is_none() && !compares(plan) {
        let text = "Nobody looks for silent corruption: it costs no time, and the result may be \
                    wrong.";
        notes.push(text.into());
    }
    if wish.is_some_and(|wish| matches!(wish.cost(0), Cost::Store(_))) {
        notes.push("C and R are those of transfers that nothing disturbs.".into());
    }
    (setting, notes)
}

/// The chunks of the plan's job.
pub(super) fn chunks(plan: &Plan) -> Chunks {
    Chunks::of(&plan.jobs[0], interval(plan))
}

/// The plan's interval; of an adaptive one that at which it settles.
fn interval(plan: &Plan) -> Option<Span> {
    let job = &plan.jobs[0];
    if !is_adaptive(plan) {
        return job.interval;
    }
    if job.mtbf == Span::FOREVER {
        return Some(Span::FOREVER);
    }
    let settled = daly(job.checkpoint_cost.as_secs_f64(), job.mtbf.as_secs_f64());
    Some(Span::from_secs_f64(settled))
}

fn is_adaptive(plan: &Plan) -> bool {
    let wish = plan.scenario.checkpoint.as_ref().and_then(Checkpoint::coordinated);
    wish.is_some_and(|wish| matches!(wish.interval, Interval::Adaptive { .. }))
}

/// Reading a checkpoint back: the fixed span, that of the cards, or as long as writing takes.
fn recovery(plan: &Plan) -> Span {
    let replaced = matches!(place(plan), Some(Place::Partner | Place::Group { .. }));
    let has_newcomer =
        standby(plan) > 0 && replaced || matches!(place(plan), Some(Place::Buddies { .. }));
    let access = Access::Read { newcomers: u32::from(has_newcomer) };
    plan.checkpoint_span(JOB, 0, plan.mean_share(JOB, access), access)
        .unwrap_or_else(|| plan.read_back(JOB))
}

/// Where checkpoints are kept; `None` without them.
fn place(plan: &Plan) -> Option<Place> {
    plan.scenario.checkpoint.as_ref().map(|wish| wish.cost(0).place())
}

/// Nodes that the machine has beyond those of the job.
fn standby(plan: &Plan) -> usize {
    plan.machine.nodes.len().saturating_sub(plan.jobs[0].nodes as usize)
}

/// From a failure until the job starts again, on average over the rules: detection and downtime, or
/// the repair if that takes longer and no other node can take the place.
fn downtime(plan: &Plan, notes: &mut Vec<String>) -> f64 {
    let noticed = noticed(plan).as_secs_f64();
    let (mut mean, mut rates) = (noticed, 0.0);
    let (mut replaced_any, mut repaired_any) = (false, false);
    for rule in &plan.scenario.faults {
        let rate = plan.interrupt_rate(JOB, rule);
        if rate <= 0.0 {
            continue;
        }
        let replaced = is_replaced(plan, rule);
        (replaced_any, repaired_any) = (replaced_any || replaced, repaired_any || !replaced);
        let down = if replaced { noticed } else { noticed.max(repair(plan, rule)) };
        rates += rate;
        mean += (down - mean) * (rate / rates);
        if rule.on.kind != PartKind::Node && !strikes(plan).downtime {
            notes.push(format!("`{}` may strike during downtime as well.", rule.name));
        }
    }
    if replaced_any {
        notes.push("Nodes that failed are replaced at once; spares are taken to suffice.".into());
    }
    if repaired_any && !boot::chain(&plan.scenario).is_empty() {
        notes.push("A node that is repaired boots alone, and is given its address at once.".into());
    }
    mean
}

/// From a failure until the job looks for nodes.
pub(super) fn noticed(plan: &Plan) -> Span {
    plan.detection() + plan.downtime(JOB, Some(0))
}

/// Whether other nodes can take the places of those that the rule strikes.
fn is_replaced(plan: &Plan, rule: &FaultRule) -> bool {
    let nodes = |index| plan.machine.nodes_of(Part { kind: rule.on.kind, index }).count();
    place(plan) != Some(Place::Card)
        && rule.on.iter().map(nodes).max().unwrap_or(0) <= standby(plan)
}

/// From a failure until the node is up again.
fn repair(plan: &Plan, rule: &FaultRule) -> f64 {
    let repair = match &rule.repair {
        Repair::PowerCycle => (plan.detection() + plan.scenario.controller.settle).as_secs_f64(),
        Repair::After(law) => lifetimes::mean(law),
        Repair::Never => unreachable!("what never comes back has no closed form"),
    };
    repair + boot_alone(plan).as_secs_f64()
}

/// From power-on until up, of a node that boots alone and is given its address at once.
fn boot_alone(plan: &Plan) -> Span {
    let scenario = &plan.scenario;
    let link = scenario.hardware.link.0 as f64 * scenario.network.tcp_share;
    let tftp = link.min(boot::tftp_rate(&scenario.hardware.boot).0 as f64);
    let moved = |bytes: u64, rate: f64| Span::from_secs_f64(bytes as f64 * 8.0 / rate);
    let time = |step| match step {
        Step::Stay(_, span) | Step::Vary(_, span) => span,
        Step::Discover | Step::Lease => Span::ZERO,
        Step::Fetch(bytes) => moved(bytes.0, tftp),
        Step::ReadRoot(bytes) => moved(bytes.0, link),
    };
    boot::chain(scenario).into_iter().map(time).fold(Span::ZERO, |sum, span| sum + span)
}
