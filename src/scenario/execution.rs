//! From merged tables to the job, its checkpoints, the end of the run, the record and the demands.

use crate::config::declare::{Declared, Field};
use crate::config::document::Data;
use crate::config::language::read_bound;
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::config::words::Word;
use crate::metrics;
use crate::scenario::cluster::{Cluster, Hardware, Module, Server};
use crate::scenario::collective;
use crate::scenario::fault::{FaultRule, When};
use crate::scenario::job::{
    BulkSynchronous, Checkpoint, Coordinated, Cost, Counts, Integrity, Interval, KeptAt,
};
use crate::scenario::jobs::{self, Tables};
use crate::scenario::levels;
use crate::scenario::logging::{self, Logging};
use crate::scenario::parts::Parts;
use crate::scenario::replicas::{self, Replicas};
use crate::scenario::workloads::Workloads;
use crate::scenario::{Expect, Record, StopRule, StopWhen};
use crate::units::Span;

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

    /// Those of a cluster of parts but for a head that does not compute; of unlike nodes, the
    /// fewest cores count.
    pub(super) fn of_parts(parts: &Parts, server: &Server) -> Self {
        let head = parts.head(server).filter(|_| server.computes != Some(true));
        let of_groups = parts.groups.iter().zip(parts.nodes_of_groups());
        let mut nodes = Self { all: 0, spares: 0, cores: u32::MAX };
        for (group, range) in of_groups {
            let without = head.filter(|head| range.contains(head));
            let is_spare = |head: u32| head >= range.end - group.spares;
            let working = group.nodes - u32::from(without.is_some());
            nodes.all += working;
            nodes.spares += group.spares - u32::from(without.is_some_and(is_spare));
            if working > 0 {
                nodes.cores = nodes.cores.min(group.node.cores);
            }
        }
        Self { cores: if nodes.all == 0 { 1 } else { nodes.cores }, ..nodes }
    }
}

/// What a job computes.
pub(super) fn work(
    own: &Tables<'_>,
    nodes: Option<Nodes>,
    m: &mut Mistakes,
) -> Option<BulkSynchronous> {
    let replicas: Option<Option<Replicas>> = Field::take(&own.work, "replicas", m);
    let mut section = own.work.clone().or("ranks_per_node", nodes.map(|nodes| nodes.cores));
    if !own.listed {
        let usual = nodes.zip(replicas).map(|(nodes, own)| replicas::usual_seats(nodes, own));
        section = section.or("nodes", usual);
    }
    if let (Some(nodes), Some(seats)) = (nodes, section.get("nodes", m)) {
        if seats > nodes.all {
            let title = format!("a job of {seats} nodes on a machine of {}", nodes.all);
            let help = format!("at most {}", nodes.all);
            m.note(Mistake::new(section.place("nodes"), title).help(help));
        } else if let Some(Some(replicas)) = replicas {
            replicas::check_size(&section, seats, replicas, nodes, m);
        }
    }
    let work = BulkSynchronous::read(&section, m)?;
    if let Some(all) = work.collective {
        collective::check_nodes(&section, all, work.nodes, m);
    }
    Some(work)
}

/// Steps of a job that are hardly meant. Assumption: the model plays some millions of them a
/// second, and the fleet a few.
const STEPS_USUAL: u64 = 1_000_000_000;

/// Notes a step that is longer than the whole work, or so short that the run hardly ends.
pub(super) fn check_step(section: &Section<'_>, both: Option<(Span, Span)>, m: &mut Mistakes) {
    let Some((step, work)) = both else { return };
    let steps = work.0.div_ceil(step.0.max(1));
    if steps > STEPS_USUAL {
        let title = format!("a job of {steps} steps");
        let help = format!("each of them is played; more than {STEPS_USUAL} take long");
        let warning = Mistake::new(section.place("step"), title).help(help).label("the step");
        m.warn(warning.other(section.place("work"), "the whole work"));
    }
    if step > work {
        let title = format!("a step of {step} in a job of {work}");
        let mistake = Mistake::new(section.place("step"), title).help("`step` is at most `work`");
        m.note(mistake.other(section.place("work"), "the whole work"));
    }
}

/// The checkpoint protocol of a job of so many nodes, if it has one.
pub(super) fn checkpoint(
    own: &Tables<'_>,
    nodes: Option<u32>,
    faults: Option<&[FaultRule]>,
    m: &mut Mistakes,
) -> Result<Option<Checkpoint>, Unread> {
    let read = if let Some(section) = own.protocol("multilevel") {
        levels::multilevel(&section, nodes, faults, m).map(Checkpoint::Multilevel)
    } else if let Some(section) = own.protocol("logging").map(sized) {
        if let Some(nodes) = nodes {
            logging::check_groups(&section, nodes, m);
        }
        Logging::read(&section, m).map(Checkpoint::Logging)
    } else if let Some(section) = own.coordinated().map(sized) {
        check_interval(&section, faults, m);
        if Cost::take(&section, "cost", m) == Some(Cost::Store(KeptAt::Partner)) {
            levels::check_partner(&section, nodes, m);
        }
        Coordinated::read(&section, m).map(Checkpoint::Coordinated)
    } else {
        return Ok(None);
    };
    read.map(Some).ok_or(Unread)
}

/// With fixed spans no size is needed.
pub(super) fn sized(section: Section<'_>) -> Section<'_> {
    if section.has("cost") { section.or("size", Some("\"0 B\"")) } else { section }
}

/// Notes an interval that is to be computed from lifetimes where no fault has one.
fn check_interval(section: &Section<'_>, faults: Option<&[FaultRule]>, m: &mut Mistakes) {
    let Some(interval) = Interval::take(section, "interval", m) else { return };
    let strikes_nodes =
        |rule: &FaultRule| rule.kind().loses_nodes() && matches!(rule.when, When::Lifetime { .. });
    let computed = !matches!(interval, Interval::Fixed(_) | Interval::Adaptive { .. });
    if computed && faults.is_some_and(|faults| !faults.iter().any(strikes_nodes)) {
        let title = "the interval is to be computed from lifetimes, but no fault has one";
        let help = "give a fixed interval such as \"1 h\", or a fault with a `lifetime`";
        m.note(Mistake::new(section.place("interval"), title).help(help));
    }
}

/// Only a fixed cost can be cut short and yet count.
pub(super) fn check_counts(section: &Section<'_>, both: Option<(Counts, Cost)>, m: &mut Mistakes) {
    if matches!(both, Some((Counts::Start, Cost::Store(_)))) {
        let place = section.place("counts");
        let mistake = Mistake::new(place, "a checkpoint that counts before it is written");
        m.note(mistake.help("only one of a fixed `cost` can count from its \"start\""));
    }
}

/// Older checkpoints are read only after a verification, and only from the file server.
pub(super) fn check_kept(section: &Section<'_>, both: Option<(Integrity, Cost)>, m: &mut Mistakes) {
    let Some((Integrity { verify, keep: 2.. }, cost)) = both else { return };
    let place = section.place("keep");
    if verify.is_none() {
        let mistake = Mistake::new(place, "several kept checkpoints without `verify`");
        m.note(mistake.help("an older one is read only when a verification finds corruption"));
    }
    if cost.place() != KeptAt::FileServer {
        let mistake = Mistake::new(place, "several kept checkpoints on cards");
        m.note(mistake.help("leave `to` at \"file-server\", or `keep` at 1"));
    }
}

/// The end of the run. Its latest end must be given, but for the boot of a machine.
pub(super) fn stop(root: &Section<'_>, m: &mut Mistakes) -> Option<StopRule> {
    let has_work = !jobs::tables(root).is_empty()
        || root.section("transfers").exists()
        || Workloads::are_in(root);
    let section = root.section("stop");
    let usual = match (has_work, section.has("at")) {
        (true, _) => StopWhen::WorkloadDone,
        (false, true) => StopWhen::Never,
        (false, false) => StopWhen::AllUp,
    };
    let section = section.or("when", Some(format!("\"{}\"", usual.word())));
    let when = StopWhen::take(&section, "when", m);
    if when == Some(StopWhen::WorkloadDone) && !has_work {
        let mistake =
            Mistake::new(section.place("when"), "the run ends with a workload it has not");
        m.note(mistake.help(
            "add [workload.bulk-synchronous], [transfers] or another workload, or stop when \"all \
             up\" or \"never\"",
        ));
    }
    let of_boot = when.is_none_or(|when| when == StopWhen::AllUp);
    StopRule::read(&if of_boot { section.or("at", Some("\"1 h\"")) } else { section }, m)
}

/// What is written down.
pub(super) fn record(
    root: &Section<'_>,
    stop: Option<&StopRule>,
    m: &mut Mistakes,
) -> Option<Record> {
    /// More readings than anybody draws.
    const SAMPLES_MAX: u64 = 100_000_000;
    let end = stop.map(|stop| Span(stop.at.0));
    let usual = end.map(|end| format!("\"{}\"", usual_sample(end)));
    let section = root.section("record").or("sample", usual);
    if let (Some(sample), Some(end)) = (Span::take(&section, "sample", m), end)
        && end.0 / sample.0.max(1) > SAMPLES_MAX
    {
        let title = format!("a reading each {sample} for {end} is too much");
        let help = format!("at least {}", usual_sample(end));
        m.note(Mistake::new(section.place("sample"), title).help(help));
    }
    Record::read(&section, m)
}

/// A round span of about a twenty-thousandth of the run, at least a second: fine enough that a
/// month shows each of its checkpoints.
fn usual_sample(end: Span) -> Span {
    /// Units in seconds, and how many of each.
    static ROUND: [(u64, &[u64]); 4] = [
        (1, &[1, 2, 5, 10, 15, 30]),
        (60, &[1, 2, 5, 10, 15, 30]),
        (3_600, &[1, 2, 3, 6, 12]),
        (86_400, &[1, 2, 5, 10, 30, 90]),
    ];
    // A little finer than wanted is better than much coarser.
    let wanted = end.0 / 20_000 / 4 * 3;
    let of_unit = |(unit, counts): &'static (u64, &[u64])| {
        counts.iter().map(move |count| Span::from_secs(unit * count))
    };
    let mut spans = ROUND.iter().flat_map(of_unit);
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
