//! Measured collective operations of MPI: a row for each operation, size and number of ranks.
//!
//! Each becomes a run of a job whose nodes compute a millisecond and then carry the operation out,
//! as often as it was repeated: the fastest first, the slowest last, and between them all alike, so
//! that the mean is the measured one. A ping-pong is a message to one other node, which is a
//! broadcast to it, and takes half of the round trip; a barrier is an all-reduce of one byte.
//!
//! **Latency and rate** are read off the ping-pongs of the table, those of the same links and ranks
//! if there are any: α is half of the fastest round trip of the smallest message, and the share of
//! the link that payload gets is what its largest message moved after α. So no operation but the
//! ping-pong has any part in what the model says of it.

use super::open_mpi;
use super::table::Row;
use super::{Measurement, rate};
use crate::config::words::Word as _;
use crate::event::{Cause, CollectiveAct, EndReason, Event, JobPhase, NodeState, What};
use crate::ids::{JobId, Life, NodeId};
use crate::scenario::collective::{Algorithm, Collective, Operation as Kind};
use crate::units::{BitRate, Bytes, Span, Time};

/// Columns that every table of them has.
pub(super) const COLUMNS: [&str; 9] =
    ["op", "ranks", "bytes", "reps", "min_s", "mean_s", "max_s", "node_link", "cpu_busy_pct"];

/// Computing before each operation: the shortest that a timeline shows.
const STEP: Span = Span::from_millis(1);

/// Ranks and repetitions of a row at most: more than anybody measures.
const COUNT_MAX: u32 = 100_000;

/// What stands in a scenario of the operation that it carries out.
const ASSUMED: &str = "the algorithm is the one that Open MPI 4.1 takes, unless the table names \
                       it; the latency is half of the shortest ping-pong";

/// The payload's share of a link where no ping-pong says so: that of TCP in frames of 1,538 bytes.
const SHARE: f64 = 0.941;

/// A row of a table: an operation that was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Name for a folder: what was measured.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// Which of several rows of the same name it is; the seed of its results folder.
    pub run: u64,
    /// What was carried out, with the latency that the ping-pongs of the table show.
    pub what: Collective,
    /// Whether it is a round trip between two ranks, of which it has half the time.
    pub is_ping_pong: bool,
    /// Ranks, each on a node of its own.
    pub ranks: u32,
    /// How often.
    pub repetitions: u32,
    /// The shortest, the mean and the longest of these.
    pub took: [Span; 3],
    /// Rate of a node's link.
    pub node_link: BitRate,
    /// Rate of the link that the nodes of a switch share.
    pub uplink: BitRate,
    /// Nodes under a switch.
    pub per_switch: u32,
    /// The share of a link that payload gets, as the ping-pongs of the table show.
    pub share: f64,
    /// How busy the processors of the whole machine were (percent).
    pub cpu_busy: u32,
    /// Its line in the table.
    pub line: u64,
}

impl Operation {
    pub(super) fn of(row: &Row<'_>, line: u64) -> Result<Self, String> {
        let op = row.text("op");
        let is_ping_pong = op.starts_with("pingpong");
        let operation = kind(op)?;
        let count = |column| match row.number::<u32>(column, "a number")? {
            found if (1..=COUNT_MAX).contains(&found) => Ok(found),
            found => Err(format!("{column} is {found}; known are 1 to {COUNT_MAX}")),
        };
        let ranks = count("ranks")?;
        if ranks < 2 {
            return Err("ranks is 1: nothing is sent".into());
        }
        let size = if op.starts_with("barrier") { Bytes(1) } else { row.bytes("bytes")? };
        let rate_of = |column| {
            let text = row.text(column);
            rate(text).ok_or_else(|| format!("{column} is `{text}` and no rate such as 100mbit"))
        };
        let node_link = rate_of("node_link")?;
        let halved = if is_ping_pong && op.contains("roundtrip") { 2 } else { 1 };
        let mut took = [Span::ZERO; 3];
        for (span, column) in took.iter_mut().zip(["min_s", "mean_s", "max_s"]) {
            *span = Span(row.span(column)?.0 / halved);
        }
        if !took.is_sorted() {
            return Err("min_s, mean_s and max_s are not in this order".into());
        }
        let (has_uplink, has_switches) = (row.has("uplink"), row.has("per_module"));
        let members = if is_ping_pong { 2 } else { ranks };
        let algorithm = match row.text("algorithm") {
            "" => open_mpi::algorithm(operation, members, size.0),
            word => Algorithm::of(word).ok_or_else(|| format!("algorithm is `{word}`"))?,
        };
        let what = Collective {
            operation,
            algorithm: Some(algorithm),
            size,
            latency: Span::ZERO,
            take_turns: true,
        };
        if what.is_unknown(members) {
            let of = what.operation.word();
            return Err(format!("{of} on {members} ranks has no algorithm `{}`", algorithm.word()));
        }
        let per_switch = if has_switches { count("per_module")?.min(ranks) } else { ranks };
        Ok(Self {
            name: name(row, (op, ranks, size), (has_switches, per_switch)),
            title: format!("{op} of {ranks} ranks, {size}, over {node_link}, measured"),
            run: 1,
            what,
            is_ping_pong,
            ranks,
            repetitions: count("reps")?,
            took,
            node_link,
            uplink: if has_uplink { rate_of("uplink")? } else { node_link },
            per_switch,
            share: SHARE,
            cpu_busy: row.number("cpu_busy_pct", "a percentage")?,
            line,
        })
    }

    /// The ranks that take part: two of a ping-pong.
    fn members(&self) -> u32 {
        if self.is_ping_pong { 2 } else { self.ranks }
    }

    /// What each repetition took, in an order that keeps the shortest, the mean and the longest.
    fn times(&self) -> Vec<Span> {
        let [min, mean, max] = self.took;
        let all = mean.0 * u64::from(self.repetitions);
        match self.repetitions {
            1 => vec![mean],
            2 => vec![min, Span(all.saturating_sub(min.0))],
            more => {
                let each = all.saturating_sub(min.0 + max.0) / u64::from(more - 2);
                let between = std::iter::repeat_n(Span(each), more as usize - 2);
                std::iter::once(min).chain(between).chain([max]).collect()
            }
        }
    }

    /// In what another one's links and ranks differ from those of this one, the weightiest first.
    fn apart(&self, other: &Self) -> [bool; 3] {
        [
            self.node_link != other.node_link,
            self.ranks != other.ranks,
            (self.uplink, self.per_switch) != (other.uplink, other.per_switch),
        ]
    }
}

/// What an operation is in the model, by the begin of its name in the table.
fn kind(op: &str) -> Result<Kind, String> {
    let kinds = [
        ("allreduce", Kind::AllReduce),
        ("barrier", Kind::AllReduce),
        ("bcast", Kind::Broadcast),
        ("pingpong", Kind::Broadcast),
        ("allgather", Kind::AllGather),
        ("alltoall", Kind::AllToAll),
    ];
    let found = kinds.iter().find(|(word, _)| op.starts_with(word));
    found.map(|(_, kind)| *kind).ok_or_else(|| {
        let known = kinds.map(|(word, _)| word).join(", ");
        format!("op is `{op}`; known are {known}, and what begins with one of them")
    })
}

/// Its name: the same rows of a table have the same one.
fn name(row: &Row<'_>, (op, ranks, size): (&str, u32, Bytes), (has, per): (bool, u32)) -> String {
    let switches = if has && per < ranks { format!("-by-{per}") } else { String::new() };
    let text = format!("{op}-{ranks}-{}-{}{switches}", size.0, row.text("node_link"));
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    text.chars().map(plain).collect()
}

/// Gives each its number among those of its name, and the latency and the share of a link that the
/// ping-pongs nearest to it show.
pub(super) fn calibrate(all: &mut [Operation]) {
    let (mut seen, known) = (std::collections::BTreeMap::new(), all.to_vec());
    for one in all {
        let number = seen.entry(one.name.clone()).or_insert(0_u64);
        *number += 1;
        one.run = *number;
        let pings = || known.iter().filter(|it| it.is_ping_pong);
        let Some(near) = pings().map(|it| one.apart(it)).min() else { continue };
        let mut pings: Vec<_> = pings().filter(|it| one.apart(it) == near).collect();
        pings.sort_by_key(|it| (it.what.size, it.line));
        let (small, large) = (pings[0], pings[pings.len() - 1]);
        one.what.latency = small.took[0];
        let moving = large.took[1].as_secs_f64() - small.took[0].as_secs_f64();
        let full = large.what.size.0 as f64 * 8.0 / large.node_link.0 as f64;
        if pings.len() > 1 && moving > full {
            one.share = full / moving;
        }
    }
}

impl Measurement for Operation {
    fn name(&self) -> &str {
        &self.name
    }

    fn run(&self) -> u64 {
        self.run
    }

    fn nodes(&self) -> u32 {
        self.ranks.next_multiple_of(self.per_switch)
    }

    fn cpu_busy(&self) -> u32 {
        self.cpu_busy
    }

    fn counts(&self) -> [(&'static str, u64); 2] {
        [("ranks", self.ranks.into()), ("repetitions", self.repetitions.into())]
    }

    fn makespan(&self) -> Span {
        Span(self.times().iter().map(|took| took.0 + STEP.0).sum())
    }

    fn compared(&self) -> &'static str {
        "collective_time_mean"
    }

    fn scenario(&self) -> String {
        let Self { name, title, run, node_link, uplink, per_switch, share, .. } = self;
        let Collective { operation, size, latency, .. } = self.what;
        let modules = self.nodes() / per_switch;
        let work = Span(STEP.0 * u64::from(self.repetitions));
        let members = self.members();
        let (operation, algorithm) = (operation.word(), self.what.algorithm().word());
        format!(
            r#"schema = 1
name = "{name}"
title = "{title}"
seed = {run}
[cluster]
hardware = "pi_4b"
modules = {modules}
[module]
nodes = {per_switch}
spares = 0
packs = [{per_switch}]
switches = 1
uplink = "{uplink}"
psu = [{{ packs = [1], switches = [1], limit = "1 MW", restart = "10 s" }}]
[hardware]
link = "{node_link}"
[network]
tcp_share = {share:.6}
[boot]
method = "instant"
[workload.bulk-synchronous]
nodes = {members}
step = "{STEP}"
work = "{work}"
[workload.bulk-synchronous.collective]
operation = "{operation}"
algorithm = "{algorithm}"
size = "{size}"
latency = "{latency}"
take_turns = true
[stop]
when = "workload done"
at = "30 d"
[source]
"hardware.link" = "as shaped when {name} was measured"
"module.uplink" = "as shaped when {name} was measured"
"network.tcp_share" = "derived: from the largest ping-pong of the table"
[assumption]
"workload.bulk-synchronous.collective" = "{ASSUMED}"
"#
        )
    }

    fn events(&self) -> Vec<Event> {
        let job = JobId(0);
        let nodes = || (0..self.nodes()).map(NodeId);
        let members = || (0..self.members()).map(NodeId);
        let phase = |phase| What::JobPhase { job, phase, cause: Cause::Course };
        let mut all = Vec::new();
        let mut at = Time::ZERO;
        let up = |node| What::NodeState {
            node,
            life: Life(1),
            state: NodeState::Up,
            cause: Cause::Course,
        };
        all.extend(nodes().map(|node| Event { at, what: up(node) }));
        let member = |at, joined| {
            members().map(move |node| Event { at, what: What::JobNode { job, node, joined } })
        };
        all.extend(member(at, true));
        all.push(Event { at, what: phase(JobPhase::Compute) });
        for (step, took) in (1..).zip(self.times()) {
            at = at + STEP;
            all.push(Event { at, what: What::Collective { job, act: CollectiveAct::Begin } });
            at = at + took;
            all.push(Event { at, what: What::Collective { job, act: CollectiveAct::End } });
            all.push(Event { at, what: What::StepDone { job, step } });
        }
        all.push(Event { at, what: phase(JobPhase::Done) });
        all.extend(member(at, false));
        all.push(Event { at, what: What::RunEnds { reason: EndReason::WorkDone } });
        all
    }
}
