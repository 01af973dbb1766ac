//! The dimensionless groups of a scenario, and the keys that give one machine those of another.
//!
//! What a job with coordinated checkpoints wastes hangs on ratios of times alone: if work, interval
//! and costs are the same multiples of M, so are makespan and lost work. Worked example: C = 1 min
//! on a rack of M = 10 h and C = 6 min on a machine of M = 60 h are both C/M = 1/600. With W/M =
//! 0.0577, R/M = 0.0025 and D/M = 0.00833 either of them computes 93.33 % of the time.

use super::{Setting, Subject, of, setting};
use crate::event::Fault;
use crate::hardware::boot::{self, Step};
use crate::ids::JobId;
use crate::plan::Plan;
use crate::scenario::fault::{FaultRule, Repair};
use crate::scenario::job::Checkpoint;

/// A dimensionless group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: &'static str,
    /// Its formula.
    pub symbol: &'static str,
    /// Why it matters.
    pub meaning: &'static str,
    /// Whether the efficiency of a job with coordinated checkpoints hangs on it.
    pub is_decisive: bool,
}

const fn group(
    name: &'static str,
    symbol: &'static str,
    is_decisive: bool,
    meaning: &'static str,
) -> Group {
    Group { name, symbol, meaning, is_decisive }
}

/// How many groups there are.
const COUNT: usize = 10;

/// All groups. Times in the same unit; M is the mean time between failures of the job.
pub const GROUPS: [Group; COUNT] = [
    group("checkpoint", "C/M", true, "writing a checkpoint: what safety costs"),
    group("restart", "R/M", true, "reading one back, once for each failure"),
    group("downtime", "D/M", true, "from a failure until the job starts again"),
    group(
        "interval",
        "W/M",
        true,
        "computing between two checkpoints: half of it is lost each time",
    ),
    group("work", "Ts/M", true, "computing of the job: failures in it, by their number"),
    group("step", "s/M", false, "a checkpoint waits for the end of a step"),
    group("boot", "B/M", false, "boot of a node alone: near 1 nodes fail as fast as they come up"),
    group(
        "boot traffic",
        "n V/(b M)",
        false,
        "what n nodes of a server read to boot, over its link b",
    ),
    group("image", "C/s", false, "a checkpoint against a step: memory over bandwidth"),
    group("detection", "d/s", false, "a failure goes unseen for so many steps"),
];

/// The groups of a job, and the times that they are made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Groups {
    /// Of each of [`GROUPS`]; `None` where the scenario has not what it is about.
    pub values: [Option<f64>; COUNT],
    /// The numbers of the formulas (s).
    pub setting: Setting,
    /// Mean time between failures M (s).
    pub mtbf: f64,
    /// A step (s).
    pub step: f64,
    /// The efficiency by the exact expectation, if it applies.
    pub efficiency: Option<f64>,
}

/// The latest end that is written into a scenario, 400 years (s): the loader takes 500.
const END_MAX: f64 = 400.0 * 365.0 * 86_400.0;

/// The groups of a plan with one job.
///
/// # Errors
/// Why it has none, as clauses.
pub fn groups(plan: &Plan) -> Result<Groups, Vec<String>> {
    let none = |why: &str| Err(vec![why.to_owned()]);
    if plan.jobs.len() > 1 {
        return none("there are several jobs");
    }
    let forecast = of(plan, JobId(0))?;
    let subject = Subject { plan, job: JobId(0) };
    let Some(mtbf) = forecast.setting.mtbf else { return none("no fault strikes its nodes") };
    if !matches!(subject.checkpoint(), Some(Checkpoint::Coordinated(_))) {
        return none("its job has no [checkpoint.coordinated]");
    }
    let setting = forecast.setting;
    let step = subject.numbers().step.as_secs_f64();
    let boots = Some(setting::boot_alone(subject).as_secs_f64()).filter(|boot| *boot > 0.0);
    let over = |span: f64| Some(span / mtbf);
    let values = [
        setting.write.and_then(over),
        over(setting.recovery),
        over(setting.downtime),
        setting.interval.and_then(over),
        over(setting.work),
        over(step),
        boots.and_then(over),
        boots.and(over(traffic(plan))),
        setting.write.map(|write| write / step),
        Some(setting::noticed(subject).as_secs_f64() / step),
    ];
    let efficiency = forecast.own.first().and_then(|row| row.efficiency);
    Ok(Groups { values, setting, mtbf, step, efficiency })
}

/// The time in which the link of the busiest server carries what its nodes read to boot (s).
fn traffic(plan: &Plan) -> f64 {
    let bytes = |step| match step {
        Step::Fetch(bytes) | Step::ReadRoot(bytes) => bytes.0 as f64,
        Step::Stay(..) | Step::Vary(..) | Step::Discover | Step::Lease => 0.0,
    };
    let of_node: f64 = boot::chain(&plan.scenario).into_iter().map(bytes).sum();
    let nodes = plan.machine.servers.iter().map(|row| row.end_node - row.first_node).max();
    f64::from(nodes.unwrap_or(0)) * of_node * 8.0 / plan.scenario.server.link.0 as f64
}

/// Keys and values with which a plan has the decisive groups of a target, at its own M: work,
/// steps, interval and costs scaled by the quotient of both M.
#[must_use]
pub fn keys(plan: &Plan, own: &Groups, target: &Groups) -> Vec<(String, String)> {
    let scale = own.mtbf / target.mtbf;
    let span = |seconds: f64| format!("\"{:.9} s\"", seconds * scale);
    let to = &target.setting;
    // Checkpoints begin at the first end of a step at or after the interval: half a step before it
    // no rounding moves that.
    let interval = to.interval.unwrap_or(to.work) - target.step / 2.0;
    let cost = format!(
        "{{ write = {}, read = {}, downtime = {} }}",
        span(to.write.unwrap_or(0.0)),
        span(to.recovery),
        span(to.downtime)
    );
    let mut keys = vec![
        ("workload.bulk-synchronous.step".to_owned(), span(target.step)),
        ("workload.bulk-synchronous.work".to_owned(), span(to.work)),
        ("checkpoint.coordinated.interval".to_owned(), span(interval)),
        ("checkpoint.coordinated.cost".to_owned(), cost),
        // Downtime has the detection in it.
        ("controller.detect".to_owned(), "\"0 s\"".to_owned()),
        ("stop.at".to_owned(), format!("\"{:.0} s\"", (100.0 * to.work * scale).min(END_MAX))),
    ];
    let subject = Subject { plan, job: JobId(0) };
    let boot = setting::boot_alone(subject).as_secs_f64();
    let repair = (to.downtime * scale - boot).max(0.0);
    let faults = &plan.scenario.faults;
    let alike = |place: usize| {
        let before = faults[..place].iter().filter(|it| it.kind() == faults[place].kind());
        before.count()
    };
    // A node that hangs is power-cycled, whatever that takes.
    let strikes = |(_, rule): &(usize, &FaultRule)| {
        let is_repaired = rule.repair != Repair::PowerCycle || rule.kind() == Fault::Crash;
        is_repaired && plan.interrupt_rate(JobId(0), rule) > 0.0
    };
    keys.extend(faults.iter().enumerate().filter(strikes).map(|(place, rule)| {
        let path = format!("fault.{}.{}.repair", rule.kind().word(), alike(place));
        (path, format!("\"{repair:.9} s\""))
    }));
    keys
}
