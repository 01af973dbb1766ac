//! The dimensionless groups of a job, and the keys that give a job those of another one.
//!
//! What a job with coordinated checkpoints wastes hangs on ratios of times alone: its renewal
//! equation is homogeneous in time. Worked example: C = 1 min on a rack of M = 10 h and C = 6 min
//! on a machine of M = 60 h are both C/M = 1/600; if all else is in the same ratio, both waste the
//! same share.

use serde::Serialize;

use super::{Setting, Subject, setting};
use crate::config::words::Word as _;
use crate::config::writing::quoted;
use crate::event::Fault;
use crate::hardware::boot::{self, Step};
use crate::ids::{JobId, PartKind};
use crate::plan::Plan;
use crate::scenario::fault::FaultRule;
use crate::scenario::job::{Checkpoint, Coordinated, Cost, Interval, KeptAt, Period};
use crate::scenario::jobs::SHORT;
use crate::units::{Span, Time};

/// A dimensionless group.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Group {
    /// What people call it.
    pub symbol: &'static str,
    /// What it is made of.
    pub formula: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// Whether what a job wastes hangs on it.
    pub decides: bool,
    #[serde(skip)]
    of: fn(&Groups) -> Option<f64>,
}

const fn group(
    (symbol, formula): (&'static str, &'static str),
    decides: bool,
    why: &'static str,
    of: fn(&Groups) -> Option<f64>,
) -> Group {
    Group { symbol, formula, why, decides, of }
}

/// All groups. M is the mean time between failures of the job.
pub const GROUPS: [Group; 14] = [
    group(("c", "C / M"), true, "a checkpoint: what safety costs", |of| of.over(of.setting.write)),
    group(("r", "R / M"), true, "reading it back, once for each failure", |of| {
        of.over(of.setting.write.map(|_| of.setting.recovery))
    }),
    group(("d", "D / M"), true, "from a failure until reading begins", |of| {
        of.over(Some(of.setting.downtime))
    }),
    group(("w", "W / M"), true, "computing at risk: about half of it is lost each time", |of| {
        of.over(of.setting.interval)
    }),
    group(("y", "W / sqrt(2 C M)"), true, "how far the interval is from Young's best one", |of| {
        let young = libm::sqrt(2.0 * of.setting.write? * of.mtbf);
        Some(of.setting.interval? / young).filter(|ratio| ratio.is_finite())
    }),
    group(("s", "step / W"), true, "checkpoints wait for the end of a step", |of| {
        Some(of.step / of.setting.interval?)
    }),
    group(("n", "Ts / M"), true, "failures in the work: how much runs scatter", |of| {
        of.over(Some(of.setting.work))
    }),
    group(("v", "V / M"), true, "a verification of memory", |of| of.over(of.setting.verification)),
    group(("k", "V per C"), true, "verifications for each checkpoint", |of| {
        of.setting.verification.map(|_| f64::from(of.setting.verifications))
    }),
    group(("e", "Ms / M"), true, "silent corruption, which comes every Ms", |of| {
        of.over(of.setting.silent)
    }),
    group(("q", "repair / (M spares)"), false, "spares suffice if it is well below 1", |of| {
        of.over(of.repair.filter(|_| of.spares > 0)).map(|out| out / of.spares as f64)
    }),
    group(("b", "boot / M"), false, "near 1, nodes fail as fast as they come up", |of| {
        of.over(of.boot)
    }),
    group(
        ("p", "nodes B / (rate boot)"),
        false,
        "above 1 the server decides on boot storms",
        |of| Some(of.traffic / of.boot?).filter(|of_boot| *of_boot > 0.0),
    ),
    group(("m", "size / memory"), false, "how much of its memory a node saves", |of| of.saved),
];

/// The times of a job and its machine of which the groups are made (s).
#[derive(Clone, Debug, Serialize)]
pub struct Groups {
    /// The numbers of the formulas.
    pub setting: Setting,
    /// Mean time between failures of the job: M.
    pub mtbf: f64,
    /// A step.
    pub step: f64,
    /// From a failure until the node could work again, on average, if its repair ends.
    pub repair: Option<f64>,
    /// Nodes that the job leaves.
    pub spares: usize,
    /// Boot of a node alone, if it takes time.
    pub boot: Option<f64>,
    /// The time in which a server gives its nodes what they read to boot.
    pub traffic: f64,
    /// Size of a checkpoint as a share of the node's memory, if it is transferred.
    pub saved: Option<f64>,
    /// Switches of semantics that papers set in different ways, as keys and values.
    pub switches: Vec<(&'static str, String)>,
}

impl Groups {
    fn over(&self, time: Option<f64>) -> Option<f64> {
        time.map(|time| time / self.mtbf)
    }
}

/// Why a scenario cannot be compared, and what can be done.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{why}\n  hint: {hint}")]
pub struct Incomparable {
    /// Why, as a sentence.
    pub why: String,
    /// What can be done.
    pub hint: String,
}

fn incomparable<T>(why: impl Into<String>, hint: &str) -> Result<T, Incomparable> {
    Err(Incomparable { why: why.into(), hint: hint.to_owned() })
}

/// Which time of a scenario remains as it is; all others follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Writing a checkpoint, which a rack does as fast as it can.
    Checkpoint,
    /// The lifetimes of its nodes.
    Mtbf,
    /// The work of the job.
    Work,
}

impl Keep {
    /// How many times as long everything takes as in the target; `None` if one of them has not what
    /// is kept.
    fn scale(self, own: &Groups, to: &Groups) -> Option<f64> {
        let [own, to] = [own, to].map(|of| match self {
            Self::Checkpoint => of.setting.write,
            Self::Mtbf => Some(of.mtbf),
            Self::Work => Some(of.setting.work),
        });
        Some(own? / to?).filter(|scale| scale.is_finite() && *scale > 0.0)
    }
}

/// A group of both machines, and of the first one as it becomes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Row {
    /// The group.
    #[serde(flatten)]
    pub group: Group,
    /// Of the scenario; `None` where it has not what the group is about.
    pub own: Option<f64>,
    /// Of the target.
    pub target: Option<f64>,
    /// Of the scenario with the keys that follow.
    pub scaled: Option<f64>,
    /// Whether those of the scenario and of the target match.
    pub matches: bool,
    /// Whether those of the scaled scenario and of the target do.
    pub scaled_matches: bool,
}

/// The groups of a plan.
///
/// # Errors
/// Why it has none.
pub fn groups(plan: &Plan) -> Result<Groups, Incomparable> {
    match plan.jobs.len() {
        1 => {}
        0 => {
            return incomparable(
                "there is no job, and the groups are those of a job",
                "add [workload.bulk-synchronous], [checkpoint.coordinated] and a [[fault.KIND]] \
                 with a `lifetime`",
            );
        }
        several => {
            let why = format!("it has {several} jobs, and the groups are those of one");
            return incomparable(why, "write a scenario for each of them");
        }
    }
    let of = Subject { plan, job: JobId(0) };
    let work = of.work();
    let spec = of.checkpoint();
    let foreseen = plan.scenario.faults.iter().any(|rule| rule.prediction.is_some());
    let alone = spec.is_none_or(|spec| {
        spec.coordinated().is_some_and(|it| it.incremental.is_none() && it.compression.is_none())
    });
    if !alone || foreseen || work.replicas.is_some() || work.abft.is_some() {
        return incomparable(
            "levels, groups of nodes, replicas, checked steps, alarms, increments and compression \
             have numbers of their own, which are not compared",
            "give it [checkpoint.coordinated] alone",
        );
    }
    let reasons = setting::reasons(of);
    if !reasons.is_empty() {
        let hint = "docs/models/similarity.md says what can be compared: exponential lifetimes, \
                    nodes that come back, verifications that find everything";
        return incomparable(reasons.join("; "), hint);
    }
    let (setting, _) = setting::of(of);
    let Some(mtbf) = setting.mtbf else {
        return incomparable(
            "nothing fails, so there is no M to compare times with",
            "add [[fault.crash]] with on = \"node\" and lifetime = { exponential = { mean = \
             \"5 y\" } }",
        );
    };
    let boot = setting::boot_alone(of).as_secs_f64();
    let saved = spec.filter(|spec| matches!(spec.cost(0), Cost::Store(_)));
    let memory = plan.scenario.hardware.memory.0 as f64;
    Ok(Groups {
        mtbf,
        step: of.numbers().step.as_secs_f64(),
        repair: repair(of),
        spares: setting::standby(of),
        boot: (boot > 0.0).then_some(boot),
        traffic: traffic(plan),
        saved: saved.map(|spec| spec.size(0).0 as f64 / memory),
        switches: spec.and_then(Checkpoint::coordinated).map_or_else(Vec::new, switches),
        setting,
    })
}

/// How papers differ, of a checkpoint.
fn switches(spec: &Coordinated) -> Vec<(&'static str, String)> {
    let phases = spec.strikes.phases;
    vec![
        ("last", spec.last.to_string()),
        ("counts", quoted(spec.counts.word())),
        ("keep", spec.integrity.keep.to_string()),
        ("strikes.checkpoint", phases.checkpoint.to_string()),
        ("strikes.restart", phases.restart.to_string()),
        ("strikes.downtime", phases.downtime.to_string()),
        ("strikes.silent", quoted(spec.strikes.silent.word())),
    ]
}

/// From a failure until the node could work again, on average over the rules that stop the job.
fn repair(of: Subject<'_>) -> Option<f64> {
    let rate = |rule| (rule, of.plan.interrupt_rate(of.job, rule));
    let stop = of.plan.scenario.faults.iter().map(rate).filter(|(_, rate)| *rate > 0.0);
    let stop: Vec<_> = stop.collect();
    let all: f64 = stop.iter().map(|(_, rate)| rate).sum();
    let share = |(rule, rate): &(&FaultRule, f64)| setting::repair(of, rule) * rate / all;
    (all > 0.0).then(|| stop.iter().map(share).sum())
}

/// The time in which a server gives its nodes what they read to boot, over its link and off its
/// disk (s).
fn traffic(plan: &Plan) -> f64 {
    let scenario = &plan.scenario;
    let bytes = |step| match step {
        Step::Fetch(bytes) | Step::ReadRoot(bytes) => bytes.0 as f64,
        Step::Stay(..) | Step::Vary(..) | Step::Discover | Step::Lease => 0.0,
    };
    let of_node: f64 = boot::chain(scenario, 0).into_iter().map(bytes).sum();
    let servers = plan.machine.parts(PartKind::Server).max(1);
    let nodes = plan.machine.nodes.len() as f64 / servers as f64;
    let link = scenario.server_link().0 as f64 / 8.0 * scenario.network.tcp_share;
    nodes * of_node / link.min(scenario.server.disk as f64)
}

/// Rows of all groups that one of the machines has: of the scenario, of the target, and of the
/// scenario with the keys of [`keys`]. Values match that differ by no more than this share of the
/// target's.
#[must_use]
pub fn rows([own, target, scaled]: [&Groups; 3], within: f64) -> Vec<Row> {
    let row = |group: &Group| {
        let [own, target, scaled] = [own, target, scaled].map(|of| (group.of)(of));
        let matches = |value: Option<f64>| match (value, target) {
            (Some(value), Some(target)) => (value - target).abs() <= within * target.abs(),
            (value, target) => value.is_none() && target.is_none(),
        };
        let (matches, scaled_matches) = (matches(own), matches(scaled));
        Row { group: *group, own, target, scaled, matches, scaled_matches }
    };
    let has = |row: &Row| row.own.or(row.target).is_some();
    GROUPS.iter().map(row).filter(has).collect()
}

/// Which time remains unless somebody says otherwise: that of a checkpoint, if both write any.
#[must_use]
pub fn usual(own: &Groups, to: &Groups) -> Keep {
    let both = Keep::Checkpoint.scale(own, to).is_some();
    if both { Keep::Checkpoint } else { Keep::Mtbf }
}

/// How many times as long everything takes in the scaled scenario as in the target, and the keys,
/// with values in TOML, that give the scenario of a plan the groups of a target.
///
/// # Errors
/// What of the target no key gives.
pub fn keys(
    plan: &Plan,
    [own, to]: [&Groups; 2],
    (target, keep): (&Plan, Keep),
) -> Result<(f64, Vec<(String, String)>), Incomparable> {
    let Some(scale) = keep.scale(own, to) else {
        let why = "one of the scenarios has nothing of what is to be kept";
        return incomparable(why, "keep another time: --keep mtbf");
    };
    check(own, to)?;
    let adapts = |spec: &Coordinated| matches!(spec.interval, Interval::Adaptive { .. });
    if plan.checkpoint_of(JobId(0)).and_then(Checkpoint::coordinated).is_some_and(adapts) {
        let hint = "write interval = \"daly\" without `prior`";
        return incomparable("its interval adapts, and is to be given", hint);
    }
    let (of, like) = (Subject { plan, job: JobId(0) }, Subject { plan: target, job: JobId(0) });
    let [workload, checkpoint] = if of.plan.scenario.jobs[0].name == SHORT {
        ["workload.bulk-synchronous", "checkpoint"]
    } else {
        ["job.0", "job.0.checkpoint"]
    };
    let scaled = Scaled { of, like, to, scale };
    let mut keys = scaled.work(workload);
    let place = format!("{checkpoint}.coordinated");
    keys.extend(scaled.checkpoint(&place, own, keep));
    keys.extend(scaled.faults(own));
    let at = target.scenario.stop.at;
    if at < Time::NEVER {
        keys.push(("stop.at".to_owned(), span(at.as_secs_f64() * scale)));
    }
    Ok((scale, keys))
}

/// Whether both have the same things to scale.
fn check(own: &Groups, to: &Groups) -> Result<(), Incomparable> {
    let only = |own: Option<f64>, to: Option<f64>| (own.is_some(), to.is_some());
    match only(own.setting.write, to.setting.write) {
        (true, false) => {
            let hint = "leave [checkpoint] out of the scenario";
            return incomparable("the target writes no checkpoints, and the scenario does", hint);
        }
        (false, true) => {
            let hint = "add [checkpoint.coordinated] with a `size` to the scenario";
            return incomparable("the target writes checkpoints, and the scenario does not", hint);
        }
        _ => {}
    }
    if let (true, false) = only(own.setting.verification, to.setting.verification) {
        let hint = "leave `verify` out of the scenario";
        return incomparable("the target verifies nothing, and the scenario does", hint);
    }
    match only(own.setting.silent, to.setting.silent) {
        (true, false) => incomparable(
            "nothing corrupts the memory of the target in silence, and that of the scenario is",
            "switch it off: --set fault.silent-corruption=[]",
        ),
        (false, true) => incomparable(
            "silent corruption strikes the target, and not the scenario",
            "add [[fault.silent-corruption]] with on = \"node\" and an exponential `lifetime`",
        ),
        _ => Ok(()),
    }
}

/// A job that is made like another one.
struct Scaled<'p> {
    of: Subject<'p>,
    like: Subject<'p>,
    to: &'p Groups,
    scale: f64,
}

type Keys = Vec<(String, String)>;

impl Scaled<'_> {
    /// A step of the target, scaled.
    fn step(&self) -> Span {
        Span::from_secs_f64(self.to.step * self.scale).max(Span(1))
    }

    /// Work and step: as many steps as the target has, to the last.
    fn work(&self, place: &str) -> Keys {
        let job = self.like.numbers();
        let step = self.step();
        let last = Span::from_secs_f64(job.last_step.as_secs_f64() * self.scale);
        let last = last.clamp(Span(1), step);
        let work = Span(step.0.saturating_mul(job.steps - 1)) + last;
        let keys = [("step", step), ("work", work)];
        keys.map(|(key, span)| (format!("{place}.{key}"), quoted(&span.to_string()))).into()
    }

    /// Interval, costs, detection and switches. Transfers stay transfers if their time is kept and
    /// that of reading back follows.
    fn checkpoint(&self, place: &str, own: &Groups, keep: Keep) -> Keys {
        let downtime = self.to.setting.downtime * self.scale;
        let controller = &self.of.plan.scenario.controller;
        let waits = controller.phi.is_none() && controller.gossip.is_none();
        let detect = |keys: &mut Keys| keys.push(("controller.detect".to_owned(), span(downtime)));
        let mut keys = Vec::new();
        let like = self.like.checkpoint().and_then(Checkpoint::coordinated);
        let (Some(write), Some(like)) = (self.to.setting.write, like) else {
            if waits {
                detect(&mut keys);
            }
            return keys;
        };
        let mut put = |key: &str, value: String| keys.push((format!("{place}.{key}"), value));
        let (steps, _) = setting::chunks(self.like).steps();
        put("interval", quoted(&Span(self.step().0.saturating_mul(steps)).to_string()));
        let counts_whole = |spec: &Coordinated| spec.period == Period::Whole;
        if self.of.checkpoint().and_then(Checkpoint::coordinated).is_some_and(counts_whole) {
            put("period", quoted(Period::Work.word()));
        }
        let (write, read) = (write * self.scale, self.to.setting.recovery * self.scale);
        let own_place = self.of.checkpoint().map(|spec| spec.cost(0));
        let stays = keep == Keep::Checkpoint
            && own_place == Some(Cost::Store(KeptAt::FileServer))
            && matches!(like.cost, Cost::Store(_))
            && (own.setting.recovery - read).abs() <= 0.01 * read;
        let detection = self.of.plan.detection().as_secs_f64();
        if !stays {
            let rest = if waits && detection > downtime { 0.0 } else { downtime - detection };
            let (write, read, rest) = (span(write), span(read), span(rest));
            put("cost", format!("{{ write = {write}, read = {read}, downtime = {rest} }}"));
        }
        let differs = |switch: &&(&str, String)| !own.switches.contains(switch);
        for (key, value) in self.to.switches.iter().filter(differs) {
            put(key, value.clone());
        }
        if let Some(verify) = self.like.plan.verify(self.like.job) {
            let cost = span(verify.cost.as_secs_f64() * self.scale);
            let count = verify.per_checkpoint;
            put("verify", format!("{{ cost = {cost}, per_checkpoint = {count}, coverage = 1.0 }}"));
        }
        if waits && (stays || detection > downtime) {
            detect(&mut keys);
        }
        keys
    }

    /// Lifetimes of all that strikes the job, in the proportions that they have, and repairs.
    fn faults(&self, own: &Groups) -> Keys {
        let Self { of, to, scale, .. } = *self;
        let stops = to.mtbf * scale / own.mtbf;
        let corrupts = to.setting.silent.zip(own.setting.silent).map(|(to, own)| to * scale / own);
        let faults = &of.plan.scenario.faults;
        let mut keys = Vec::new();
        for (place, rule) in faults.iter().enumerate() {
            let silent = rule.kind() == Fault::SilentCorruption;
            let hits = of.plan.interrupt_rate(of.job, rule) > 0.0;
            let factor = if silent { corrupts } else { hits.then_some(stops) };
            let Some((factor, mean)) = factor.zip(setting::exponential_mean(rule)) else {
                continue;
            };
            let before = faults[..place].iter().filter(|it| it.kind() == rule.kind()).count();
            let path = format!("fault.{}.{before}", rule.kind().word());
            if (factor - 1.0).abs() > 1e-9 {
                let mean = span(mean.as_secs_f64() * factor);
                keys.push((format!("{path}.lifetime.exponential.mean"), mean));
            }
            if !silent {
                keys.push((format!("{path}.repair"), span(self.repair(rule))));
            }
        }
        keys
    }

    /// How long a node is to be repaired before it boots: without a spare it must not be the repair
    /// that the job waits for, and with spares as many of them are in use as in the target.
    fn repair(&self, rule: &FaultRule) -> f64 {
        let (spares, target) = (setting::standby(self.of) as f64, self.to.spares as f64);
        let repair = match self.to.repair {
            Some(repair) if setting::is_replaced(self.of, rule) && target > 0.0 => {
                repair * spares / target
            }
            _ => self.to.setting.downtime,
        };
        (repair * self.scale - setting::boot_alone(self.of).as_secs_f64()).max(0.0)
    }
}

/// A span (s) as a file has it.
fn span(seconds: f64) -> String {
    quoted(&Span::from_secs_f64(seconds.max(0.0)).to_string())
}
