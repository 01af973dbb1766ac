//! The numbers of the formulas, found in a plan, and whether the formulas apply to it.

use serde::Serialize;

use super::Subject;
use super::chunks::Chunks;
use super::latent;
use super::levels;
use super::rare;
use super::replicated;
use crate::event::Fault;
use crate::hardware::boot::{self, Step};
use crate::ids::{JobId, Part, PartKind};
use crate::plan::print::when_text;
use crate::plan::{Access, lifetimes};
use crate::scenario::abft::{Abft, Found};
use crate::scenario::fault::{FaultRule, Repair, When};
use crate::scenario::job::{Checkpoint, Cost, Counts, Interval, KeptAt, Strikes};
use crate::scenario::jobs::JobSpec;
use crate::scenario::law::Law;
use crate::scenario::queue::Queued;
use crate::scenario::replicas::Compare;
use crate::theory::Costs;
use crate::theory::young_daly::daly;
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
pub(super) fn strikes(of: Subject<'_>) -> Strikes {
    // Without checkpoints no switch holds a failure back.
    let all = Strikes { checkpoint: true, restart: true, downtime: true };
    of.checkpoint().map_or(all, |spec| spec.strikes().phases)
}

/// From when the checkpoints of the plan's job count.
pub(super) fn counts(of: Subject<'_>) -> Counts {
    match of.checkpoint() {
        Some(Checkpoint::Coordinated(spec)) => spec.counts,
        _ => Counts::End,
    }
}

/// Why no closed form applies, if none does.
pub(super) fn reasons(of: Subject<'_>) -> Vec<String> {
    // Of ten thousand jobs nobody would read more, and each costs a look at all crews.
    if let Some(reason) = waits(of).or_else(|| queues(of)) {
        return vec![reason];
    }
    let misses = of.plan.verify(of.job).filter(|verify| verify.coverage < 1.0).map(|verify| {
        let share = verify.coverage;
        format!("verifications that find {share} of what is corrupt have no closed form")
    });
    let checks = of.plan.checks(of.job);
    let several = [of.plan.verify(of.job).is_some(), checks.abft.is_some(), compares(of)];
    let several = several.iter().filter(|looks| **looks).count() > 1;
    let several = (several && of.plan.corrupts())
        .then(|| "memory that is looked at in several ways has no closed form".to_owned());
    let uneven = (of.plan.corrupts() && compares(of) && !all_pairs(of)).then(|| {
        "only pairs on every seat that compare their memory, on nodes that never fail, have a \
         closed form"
            .to_owned()
    });
    let changes = (!of.plan.changes.is_empty())
        .then(|| "a run in which something changes ([[change]]) has no closed form".to_owned());
    let unlike = (!of.plan.scenario.has_like_nodes())
        .then(|| "a job on nodes of unlike hardware has no closed form".to_owned());
    let head = of
        .plan
        .machine
        .wiring
        .server
        .node
        .map(|_| "a server that is a node, and fails with it, has no closed form".to_owned());
    let exchanges = of.plan.collective(of.job).map(|_| {
        "a job whose nodes send to each other at each step (`collective`) has no closed form"
            .to_owned()
    });
    let io = of.plan.scenario.work_of(of.job).and_then(|work| work.io);
    let io = io.map(|_| "a job with regular I/O (`io`) has no closed form".to_owned());
    let mut all: Vec<_> = of
        .plan
        .scenario
        .faults
        .iter()
        .filter_map(|rule| reason(of, rule))
        .chain(changes)
        .chain(unlike)
        .chain(head)
        .chain(exchanges)
        .chain(io)
        .chain(misses)
        .chain(several)
        .chain(uneven)
        .chain(rotates(of, ROTATION[1]))
        .collect();
    if let Some(Checkpoint::Multilevel(spec)) = of.checkpoint() {
        all.extend(latent::reason(spec).or_else(|| levels::reason(spec)));
    }
    all
}

/// That the job waits for others at the file server, if it does.
fn waits(of: Subject<'_>) -> Option<String> {
    let writes = |job: JobId| {
        let at_server = |own: &Checkpoint| {
            (0..own.levels()).any(|level| own.cost(level).kept_at() == Some(KeptAt::FileServer))
        };
        of.plan.checkpoint_of(job).is_some_and(at_server)
    };
    let mut others = (0..of.plan.jobs.len() as u16).map(JobId).filter(|job| *job != of.job);
    (writes(of.job) && others.any(writes))
        .then(|| "no formula counts how several jobs wait for one file server".to_owned())
}

/// That jobs wait for each other's nodes or are ended at their walltime, if they are.
fn queues(of: Subject<'_>) -> Option<String> {
    let is_timed = |job: &JobSpec| job.queued != Queued::default();
    let jobs = of.plan.jobs.iter();
    let needed: u64 = jobs.map(|job| u64::from(job.nodes)).sum();
    let waits = needed > of.plan.machine.nodes.len() as u64;
    (waits || of.plan.scenario.jobs.iter().any(is_timed)).then(|| {
        "no formula counts how jobs wait in a queue, nor what their walltimes end".to_owned()
    })
}

/// By how much the rate of failures may change when nodes have changed places, as a share of it,
/// before it is reported, and before no closed form applies. Assumptions: the waste goes with its
/// root.
const ROTATION: [f64; 2] = [0.01, 0.25];

/// That the job is not struck alike often throughout, if it is not: by more than this share.
fn rotates(of: Subject<'_>, more: f64) -> Option<String> {
    let replicas = of.work().replicas.is_some();
    let (first, later) = of.plan.rotation(of.job, |rule| is_replaced(of, rule))?;
    let all: f64 =
        of.plan.scenario.faults.iter().map(|rule| of.plan.interrupt_rate(of.job, rule)).sum();
    if replicas || standby(of) == 0 || (first - later).abs() <= more * all {
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
fn compares(of: Subject<'_>) -> bool {
    of.plan.checks(of.job).compare != Compare::Never
}

/// Whether each seat has two replicas, on nodes that never fail.
fn all_pairs(of: Subject<'_>) -> bool {
    let job = of.numbers();
    job.nodes == 2 * job.seats
        && of.work().replicas.is_some_and(|replicas| replicas.degree == 2)
        && of.plan.seats(of.job).is_none()
}

/// The share of the corruption that strikes a step which is found when the step ends and throws the
/// job back; `None` if nothing is.
pub(super) fn thrown_back(of: Subject<'_>) -> Option<f64> {
    match of.plan.abft(of.job) {
        Some(Abft { found: Found::RollBack, coverage, .. }) => Some(coverage),
        Some(_) => None,
        None => compares(of).then_some(1.0),
    }
}

fn reason(of: Subject<'_>, rule: &FaultRule) -> Option<String> {
    let name = &rule.name;
    if rule.harm.beam().is_some() {
        return Some(format!("`{name}` makes data wrong as well, which no formula here counts"));
    }
    let silent = rule.kind() == Fault::SilentCorruption;
    if !silent && changes_actuators(of, rule) {
        return Some(format!(
            "`{name}` strikes some nodes only, and jobs that share spares pass nodes on"
        ));
    }
    if silent && of.plan.verify(of.job).is_none() && thrown_back(of).is_none() {
        return None;
    }
    if !silent && !rule.kind().loses_nodes() {
        return Some(format!(
            "`{name}` delays the job without stopping it, which no formula counts"
        ));
    }
    let hit = silent || of.plan.interrupt_rate(of.job, rule) > 0.0;
    match &rule.when {
        When::Lifetime { .. } if !hit => None,
        When::Lifetime { law: Law::Exponential { .. }, frailty, rhythm: None, .. }
            if *frailty <= 0.0 && rule.cascade.is_none() =>
        {
            let shrinks = format!("what `{name}` strikes never comes back, so the machine shrinks");
            let shrinks = (!silent && rule.repair == Repair::Never).then_some(shrinks);
            shrinks.or_else(|| replicated::reason(of, rule))
        }
        When::Lifetime { .. } | When::At(_) => Some(format!(
            "the formulas suppose exponential lifetimes, always and for all alike; `{name}`: {}",
            when_text(rule)
        )),
    }
}

/// Whether nodes that a rule strikes may come to the job from another one, or the other way round.
fn changes_actuators(of: Subject<'_>, rule: &FaultRule) -> bool {
    let nodes = |index| of.plan.machine.nodes_of(Part { kind: rule.on.kind, index }).count();
    let struck: usize = rule.on.iter().map(nodes).sum();
    let some = rule.kind().loses_nodes() && struck < of.plan.machine.nodes.len();
    some && of.plan.jobs.len() > 1 && standby(of) > 0
}

/// The numbers, and what they leave out. The plan has a job and its faults fit the formulas.
pub(super) fn of(of: Subject<'_>) -> (Setting, Vec<String>) {
    let job = of.numbers();
    let spec = of.checkpoint();
    let mut notes = vec![
        "Times run from the job's first start: the first boot of its nodes is not in them.".into(),
    ];
    let work = (job.steps - 1) as f64 * job.step.as_secs_f64() + job.last_step.as_secs_f64();
    let write = spec.map(|_| job.checkpoint_cost.as_secs_f64());
    notes.extend(rotates(of, ROTATION[0]).map(|why| format!("M changes: {why}.")));
    if is_adaptive(of) {
        notes.push("The adaptive interval is taken to have settled from the start.".into());
    }
    let setting = Setting {
        nodes: job.nodes,
        work,
        mtbf: (job.mtbf != Span::FOREVER).then(|| job.mtbf.as_secs_f64()),
        write,
        recovery: spec.map_or(0.0, |_| recovery(of).as_secs_f64()),
        downtime: downtime(of, &mut notes),
        interval: interval(of).map(|_| chunks(of).work()),
        silent: Some(of.plan.silent_rate(of.job)).filter(|rate| *rate > 0.0).map(|rate| 1.0 / rate),
        verification: of.plan.verify(of.job).map(|verify| verify.cost.as_secs_f64()),
        verifications: of.plan.verify(of.job).map_or(0, |verify| verify.per_checkpoint),
    };
    if of.plan.abft(of.job).is_some() && of.plan.corrupts() {
        let escaped = rare::escapes(of);
        notes.push(format!(
            "The checks of steps miss some corruption of computing, and all that strikes between \
             two steps: {escaped:.4} corruptions are expected to escape, and the result is right \
             with the chance {:.4}.",
            libm::exp(-escaped)
        ));
    } else if of.plan.corrupts() && of.plan.verify(of.job).is_none() && !compares(of) {
        let text = "Nobody looks for silent corruption: it costs no time, and the result may be \
                    wrong.";
        notes.push(text.into());
    }
    if spec.is_some_and(|spec| matches!(spec.cost(0), Cost::Store(_))) {
        notes.push("C and R are those of transfers that nothing disturbs.".into());
    }
    (setting, notes)
}

/// The chunks of the plan's job.
pub(super) fn chunks(of: Subject<'_>) -> Chunks {
    Chunks::of(of.numbers(), interval(of))
}

/// The plan's interval; of an adaptive one that at which it settles.
fn interval(of: Subject<'_>) -> Option<Span> {
    let job = of.numbers();
    if !is_adaptive(of) {
        return job.interval;
    }
    if job.mtbf == Span::FOREVER {
        return Some(Span::FOREVER);
    }
    let settled = daly(job.checkpoint_cost.as_secs_f64(), job.mtbf.as_secs_f64());
    Some(Span::from_secs_f64(settled))
}

fn is_adaptive(of: Subject<'_>) -> bool {
    let spec = of.checkpoint().and_then(Checkpoint::coordinated);
    spec.is_some_and(|spec| matches!(spec.interval, Interval::Adaptive { .. }))
}

/// Reading a checkpoint back: the fixed span, that of the cards, or as long as writing takes.
fn recovery(of: Subject<'_>) -> Span {
    let replaced = matches!(place(of), Some(KeptAt::Partner | KeptAt::Group { .. }));
    let has_newcomer =
        standby(of) > 0 && replaced || matches!(place(of), Some(KeptAt::Buddies { .. }));
    let access = Access::Read { newcomers: u32::from(has_newcomer) };
    of.plan
        .checkpoint_span(of.job, 0, of.plan.mean_share(of.job, access), access)
        .unwrap_or_else(|| of.plan.read_back(of.job))
}

/// Where checkpoints are kept; `None` without them.
fn place(of: Subject<'_>) -> Option<KeptAt> {
    of.checkpoint().map(|spec| spec.cost(0).place())
}

/// Nodes that the machine has beyond those of all jobs.
pub(super) fn standby(of: Subject<'_>) -> usize {
    let taken: usize = of.plan.jobs.iter().map(|job| job.nodes as usize).sum();
    of.plan.machine.nodes.len().saturating_sub(taken)
}

/// From a failure until the job starts again, on average over the rules: detection and downtime, or
/// the repair if that takes longer and no other node can take the place.
fn downtime(of: Subject<'_>, notes: &mut Vec<String>) -> f64 {
    let noticed = noticed(of).as_secs_f64();
    let (mut mean, mut rates) = (noticed, 0.0);
    let (mut replaced_any, mut repaired_any) = (false, false);
    for rule in &of.plan.scenario.faults {
        let rate = of.plan.interrupt_rate(of.job, rule);
        if rate <= 0.0 {
            continue;
        }
        let replaced = is_replaced(of, rule);
        (replaced_any, repaired_any) = (replaced_any || replaced, repaired_any || !replaced);
        let down = if replaced { noticed } else { noticed.max(repair(of, rule)) };
        rates += rate;
        mean += (down - mean) * (rate / rates);
        if rule.on.kind != PartKind::Node && !strikes(of).downtime {
            notes.push(format!("`{}` may strike during downtime as well.", rule.name));
        }
    }
    if replaced_any {
        notes.push("Nodes that failed are replaced at once; spares are taken to suffice.".into());
    }
    if repaired_any && !boot::chain(&of.plan.scenario, 0).is_empty() {
        notes.push("A node that is repaired boots alone, and is given its address at once.".into());
    }
    mean
}

/// From a failure until the job looks for nodes.
pub(super) fn noticed(of: Subject<'_>) -> Span {
    of.plan.detection() + of.plan.downtime(of.job, Some(0))
}

/// Whether other nodes can take the places of those that the rule strikes.
pub(super) fn is_replaced(of: Subject<'_>, rule: &FaultRule) -> bool {
    let nodes = |index| of.plan.machine.nodes_of(Part { kind: rule.on.kind, index }).count();
    place(of) != Some(KeptAt::Card) && rule.on.iter().map(nodes).max().unwrap_or(0) <= standby(of)
}

/// The mean life by a rule of exponential lifetimes.
pub(super) fn exponential_mean(rule: &FaultRule) -> Option<Span> {
    match rule.when {
        When::Lifetime { law: Law::Exponential { mean }, .. } => Some(mean),
        When::Lifetime { .. } | When::At(_) => None,
    }
}

/// From a failure until the node is up again.
pub(super) fn repair(of: Subject<'_>, rule: &FaultRule) -> f64 {
    let repair = match &rule.repair {
        Repair::PowerCycle => {
            (of.plan.detection() + of.plan.scenario.controller.settle).as_secs_f64()
        }
        Repair::After(law) => lifetimes::mean(law),
        Repair::Never => unreachable!("what never comes back has no closed form"),
    };
    repair + boot_alone(of).as_secs_f64()
}

/// From power-on until up, of a node that boots alone and is given its address at once.
pub(super) fn boot_alone(of: Subject<'_>) -> Span {
    let scenario = &of.plan.scenario;
    let link = scenario.hardware.link.0 as f64 * scenario.network.tcp_share;
    let tftp = link.min(boot::tftp_rate(&scenario.hardware.boot).0 as f64);
    let moved = |bytes: u64, rate: f64| Span::from_secs_f64(bytes as f64 * 8.0 / rate);
    let time = |step| match step {
        Step::Stay(_, span) | Step::Vary(_, span) => span,
        Step::Discover | Step::Lease => Span::ZERO,
        Step::Fetch(bytes) => moved(bytes.0, tftp),
        Step::ReadRoot(bytes) => moved(bytes.0, link),
    };
    boot::chain(scenario, 0).into_iter().map(time).fold(Span::ZERO, |sum, span| sum + span)
}
