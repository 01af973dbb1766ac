//! From merged tables to the job, its checkpoints, the end of the run, the record and the demands.

use crate::config::declare::Field;
use crate::config::document::Data;
use crate::config::language::{Read, read_bound};
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::metrics;
use crate::scenario::cluster::{Cluster, Hardware, Module};
use crate::scenario::fault::{FaultRule, When};
use crate::scenario::images;
use crate::scenario::job::{
    BulkSynchronous, Checkpoint, Coordinated, Cost, Counts, Integrity, Interval, KeptAt, Strikes,
};
use crate::scenario::jobs::{self, Tables};
use crate::scenario::levels;
use crate::scenario::logging::logging;
use crate::scenario::machine::read;
use crate::scenario::optimum;
use crate::scenario::replicas;
use crate::scenario::{EventLevel, Expect, Record, StopRule, StopWhen};
use crate::units::{Bytes, Span, Time};

/// A table is there but cannot be read; why is noted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unread;

/// Nodes of the machine that a job may use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nodes {
    pub all: u32,
    pub spares: u32,
    /// Cores of each.
    pub cores: u32,
}

impl Nodes {
    /// Those of a whole machine.
    pub(super) fn of(cluster: &Cluster, module: &Module, hardware: &Hardware) -> Self {
        let (all, spares) = (cluster.modules * module.nodes, cluster.modules * module.spares);
        Self { all, spares, cores: hardware.cores }
    }
}

/// What a job computes.
pub(super) fn work(
    own: &Tables<'_>,
    nodes: Option<Nodes>,
    m: &mut Mistakes,
) -> Option<BulkSynchronous> {
    let section = &own.work;
    let cores = nodes.map(|nodes| nodes.cores);
    let replicated = Field::take(section, "replicas", m);
    let job = read!(BulkSynchronous {
        nodes: if own.listed || section.has("nodes") {
            section.get("nodes", m)
        } else {
            nodes.zip(replicated).map(|(nodes, own)| replicas::usual_seats(nodes, own))
        },
        ranks_per_node: if section.has("ranks_per_node") {
            section.optional("ranks_per_node")
        } else {
            cores
        },
        step: section.get("step", m),
        work: section.get("work", m),
        replicas: replicated,
        abft: Field::take(section, "abft", m),
    })?;
    if let Some(nodes) = nodes
        && job.nodes > nodes.all
    {
        let title = format!("a job of {} nodes on a machine of {}", job.nodes, nodes.all);
        m.note(Mistake::new(section.place("nodes"), title).help(format!("at most {}", nodes.all)));
    } else if let Some(nodes) = nodes {
        replicas::check_size(section, &job, nodes, m);
    }
    check_step(section, &job, m);
    Some(job)
}

/// Steps of a job that are hardly meant. Assumption: the model plays some millions of them a
/// second, and the fleet a few.
const STEPS_USUAL: u64 = 1_000_000_000;

/// Notes a step that is longer than the whole job, or so short that the run hardly ends.
fn check_step(section: &Section<'_>, job: &BulkSynchronous, m: &mut Mistakes) {
    let steps = job.work.0.div_ceil(job.step.0.max(1));
    if steps > STEPS_USUAL {
        let title = format!("a job of {steps} steps");
        let help = format!("each of them is played; more than {STEPS_USUAL} take long");
        let warning = Mistake::new(section.place("step"), title).help(help).label("the step");
        m.warn(warning.other(section.place("work"), "the whole work"));
    }
    if job.step > job.work {
        let title = format!("a step of {} in a job of {}", job.step, job.work);
        let mistake = Mistake::new(section.place("step"), title).help("`step` is at most `work`");
        m.note(mistake.other(section.place("work"), "the whole work"));
    }
}

/// The checkpoint protocol of a job, if it has one.
pub(super) fn checkpoint(
    own: &Tables<'_>,
    workload: Option<&BulkSynchronous>,
    faults: Option<&[FaultRule]>,
    m: &mut Mistakes,
) -> Result<Option<Checkpoint>, Unread> {
    if let Some(section) = own.protocol("multilevel") {
        let spec = levels::multilevel(&section, workload.map(|job| job.nodes), m).ok_or(Unread)?;
        optimum::check(&section, &spec, faults, m);
        let spec = Checkpoint::Multilevel(spec);
        images::check(&section, &spec, m);
        return Ok(Some(spec));
    }
    if let Some(section) = own.protocol("logging") {
        let spec = logging(&section, workload.map(|job| job.nodes), m).ok_or(Unread)?;
        return Ok(Some(Checkpoint::Logging(spec)));
    }
    let Some(section) = own.coordinated() else { return Ok(None) };
    let protocol = read!(Coordinated {
        size: if section.has("size") || !section.has("cost") {
            section.get("size", m)
        } else {
            Some(Bytes(0))
        },
        interval: interval(&section, m),
        cost: cost(&section, m),
        last: section.get("last", m),
        strikes: strikes(&section, m),
        period: section.word("period", m),
        counts: section.word("counts", m),
        integrity: integrity(&section, m),
        incremental: Field::take(&section, "incremental", m),
        compression: Field::take(&section, "compression", m),
    })
    .ok_or(Unread)?;
    check_interval(&section, &protocol, faults, m);
    if protocol.cost == Cost::Store(KeptAt::Partner)
        && workload.is_some_and(|workload| workload.nodes < 2)
    {
        let title = "a job on one node has no partner";
        let help = "let the job have two nodes or more, or write to = \"card\"";
        m.note(Mistake::new(section.place("to"), title).help(help));
    }
    check_counts(&section, &protocol, m);
    check_kept(&section, &protocol, m);
    let spec = Checkpoint::Coordinated(protocol);
    images::check(&section, &spec, m);
    Ok(Some(spec))
}

/// Notes an interval that is to be computed from lifetimes where no fault has one.
fn check_interval(
    section: &Section<'_>,
    protocol: &Coordinated,
    faults: Option<&[FaultRule]>,
    m: &mut Mistakes,
) {
    let strikes_nodes =
        |rule: &FaultRule| rule.kind().loses_nodes() && matches!(rule.when, When::Lifetime { .. });
    let computed = !matches!(protocol.interval, Interval::Fixed(_) | Interval::Adaptive { .. });
    if computed && faults.is_some_and(|faults| !faults.iter().any(strikes_nodes)) {
        let title = "the interval is to be computed from lifetimes, but no fault has one";
        let help = "give a fixed interval such as \"1 h\", or a fault with a `lifetime`";
        m.note(Mistake::new(section.place("interval"), title).help(help));
    }
}

fn integrity(section: &Section<'_>, m: &mut Mistakes) -> Option<Integrity> {
    let keep = section.get("keep", m);
    let exposed = section.section("strikes").word("silent", m);
    let verify = Field::take(section, "verify", m);
    Some(Integrity { verify: verify?, keep: keep?, exposed: exposed? })
}

/// Only a fixed cost can be cut short and yet count.
fn check_counts(section: &Section<'_>, protocol: &Coordinated, m: &mut Mistakes) {
    if protocol.counts == Counts::Start && protocol.cost.kept_at().is_some() {
        let place = section.place("counts");
        let mistake = Mistake::new(place, "a checkpoint that counts before it is written");
        m.note(mistake.help("only one of a fixed `cost` can count from its \"start\""));
    }
}

/// Older checkpoints are read only after a verification, and only from the file server.
fn check_kept(section: &Section<'_>, protocol: &Coordinated, m: &mut Mistakes) {
    if protocol.integrity.keep == 1 {
        return;
    }
    let place = section.place("keep");
    if protocol.integrity.verify.is_none() {
        let mistake = Mistake::new(place, "several kept checkpoints without `verify`");
        m.note(mistake.help("an older one is read only when a verification finds corruption"));
    }
    if protocol.cost.place() != KeptAt::FileServer {
        let mistake = Mistake::new(place, "several kept checkpoints on cards");
        m.note(mistake.help("leave `to` at \"file-server\", or `keep` at 1"));
    }
}

fn interval(section: &Section<'_>, m: &mut Mistakes) -> Option<Interval> {
    let value = section.value("interval")?;
    let word = value.text()?;
    if word != "adaptive" && section.has("prior") {
        let mistake = Mistake::new(section.place("prior"), "`prior` without `adaptive`");
        m.note(mistake.help("only `interval = \"adaptive\"` begins with a belief"));
    }
    match word {
        "young" => Some(Interval::Young),
        "daly first order" => Some(Interval::DalyFirst),
        "daly" => Some(Interval::Daly),
        "exact" => Some(Interval::Exact),
        "cooperative" => Some(Interval::Cooperative),
        "adaptive" => section.get("prior", m).map(|prior| Interval::Adaptive { prior }),
        _ => Span::read(&value).ok().filter(|span| *span > Span::ZERO).map(Interval::Fixed),
    }
}

pub(super) fn cost(section: &Section<'_>, m: &mut Mistakes) -> Option<Cost> {
    let cost = section.section("cost");
    if !cost.exists() {
        let place = if section.has("to") { section.word("to", m)? } else { KeptAt::FileServer };
        return (!section.has("cost")).then_some(Cost::Store(place));
    }
    let (write, read) = (cost.get("write", m), cost.get("read", m));
    let downtime = cost.get("downtime", m);
    Some(Cost::Fixed { write: write?, read: read?, downtime: downtime? })
}

pub(super) fn strikes(section: &Section<'_>, m: &mut Mistakes) -> Option<Strikes> {
    let section = section.section("strikes");
    read!(Strikes {
        checkpoint: section.get("checkpoint", m),
        restart: section.get("restart", m),
        downtime: section.get("downtime", m),
    })
}

/// The end of the run. Its latest end must be given, but for the boot of a machine.
pub(super) fn stop(root: &Section<'_>, m: &mut Mistakes) -> Option<StopRule> {
    let section = root.section("stop");
    let has_work = !jobs::tables(root).is_empty();
    let when = if section.has("when") {
        section.word("when", m)?
    } else if has_work {
        StopWhen::WorkloadDone
    } else if section.has("at") {
        StopWhen::Never
    } else {
        StopWhen::AllUp
    };
    if when == StopWhen::WorkloadDone && !has_work {
        let mistake =
            Mistake::new(section.place("when"), "the run ends with a workload it has not");
        m.note(
            mistake.help("add [workload.bulk-synchronous], or stop when \"all up\" or \"never\""),
        );
    }
    let at = if section.has("at") || when != StopWhen::AllUp {
        section.get::<Span>("at", m)?
    } else {
        Span::from_secs(3_600)
    };
    Some(StopRule { when, at: Time(at.0) })
}

/// What is written down.
pub(super) fn record(
    root: &Section<'_>,
    stop: Option<&StopRule>,
    m: &mut Mistakes,
) -> Option<Record> {
    /// More readings than anybody draws.
    const SAMPLES_MAX: u64 = 100_000_000;
    let section = root.section("record");
    let events: Option<EventLevel> = section.word("events", m);
    let end = stop.map(|stop| Span(stop.at.0));
    let sample = if section.has("sample") {
        section.optional::<Span>("sample")
    } else {
        end.map(usual_sample)
    };
    let (events, sample, end) = (events?, sample?, end?);
    if end.0 / sample.0.max(1) > SAMPLES_MAX {
        let title = format!("a reading each {sample} for {end} is too much");
        let help = format!("at least {}", usual_sample(end));
        m.note(Mistake::new(section.place("sample"), title).help(help));
    }
    Some(Record { events, sample })
}

/// A round span of about a twenty-thousandth of the run, at least a second: fine enough that a
/// month shows each of its checkpoints.
fn usual_sample(end: Span) -> Span {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 3_600;
    const DAY: u64 = 86_400;
    const ROUND: &[u64] = &[
        1,
        2,
        5,
        10,
        15,
        30,
        MINUTE,
        2 * MINUTE,
        5 * MINUTE,
        10 * MINUTE,
        15 * MINUTE,
        30 * MINUTE,
        HOUR,
        2 * HOUR,
        3 * HOUR,
        6 * HOUR,
        12 * HOUR,
        DAY,
        2 * DAY,
        5 * DAY,
        10 * DAY,
        30 * DAY,
        90 * DAY,
    ];
    // A little finer than wanted is better than much coarser.
    let wanted = end.0 / 20_000 / 4 * 3;
    let mut spans = ROUND.iter().map(|&seconds| Span::from_secs(seconds));
    spans.clone().find(|span| span.0 >= wanted).or(spans.next_back()).expect("a round span")
}

/// The demands on metrics.
pub(super) fn expect(root: &Section<'_>, m: &mut Mistakes) -> Option<Vec<Expect>> {
    let Some(value) = root.given("expect") else { return Some(Vec::new()) };
    let Data::Table(table) = &value.data else { return None };
    let demands = table.entries.iter().map(|entry| {
        let name = &entry.name;
        if metrics::find(name).is_none() {
            let help = metrics::suggest(name).map_or_else(
                || "docs/metrics.md has all of them".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            let title = format!("there is no metric `{name}`");
            m.note(Mistake::new(entry.place, title).help(help));
        }
        let (op, bound) = read_bound(&entry.value).ok()?;
        Some(Expect { metric: name.clone(), op, bound })
    });
    demands.collect()
}
