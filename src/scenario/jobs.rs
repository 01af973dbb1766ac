//! The jobs of a scenario, and the order in which they use the file server that they share.
//!
//! A scenario has a list of jobs. `[workload]` with `[checkpoint]` is short for a list of one.

use std::collections::BTreeMap;

use crate::config::declare::{Declared, Line, Written, choice, incomplete, joined, lines, table};
use crate::config::language::TableSpec;
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::ids::JobId;
use crate::scenario::cluster::ServerPer;
use crate::scenario::execution::{self, Nodes};
use crate::scenario::fault::FaultRule;
use crate::scenario::job::{BulkSynchronous, Checkpoint, Coordinated, Interval, Multilevel};
use crate::scenario::keys::SIZE_SOME;
use crate::scenario::logging::Logging;
use crate::scenario::queue::{Queue, Queued};
use crate::scenario::{Scenario, arrivals, job_files, replicas, resolved};
use crate::units::Bytes;

/// Events carry the number of their job in 16 bits.
pub(crate) const JOBS_MAX: usize = 10_000;

/// A job.
#[derive(Clone, Debug, PartialEq)]
pub struct JobSpec {
    /// Its name, which no other job has.
    pub name: String,
    /// What it computes.
    pub work: BulkSynchronous,
    /// Its checkpoints, if it writes any.
    pub checkpoint: Option<Checkpoint>,
    /// When it is submitted, and how long it may take.
    pub queued: Queued,
}

/// The name of the job of `[workload]`.
pub(crate) const SHORT: &str = "bulk-synchronous";

table! {
    /// The only job: with `checkpoint`, short for a list `job` of one.
    pub(super) struct Workload(Debug) {
        /// What it computes.
        work as "bulk-synchronous": BulkSynchronous;
    }
}

table! {
    /// The checkpoint protocol of a job.
    pub(super) struct Protocols(Debug) rivals [&["coordinated", "multilevel", "logging"]] {
        /// All checkpoints are alike.
        coordinated: Option<Coordinated>;
        /// Cheap ones for frequent failures, dear ones for the others.
        multilevel: Option<Multilevel>;
        /// Each group of nodes has its own.
        logging: Option<Logging>;
    }
}

table! {
    /// The name of a job.
    struct Named(Debug) {
        /// Its name; no two jobs have the same.
        name: String;
    }
}

table! {
    /// The checkpoints of a job of the list.
    struct Checkpoints(Debug) rivals [
        &["checkpoint", "size"],
        &["checkpoint", "interval"],
        &["checkpoint", "prior"],
        &["checkpoint", "last"],
    ] {
        /// Its protocol.
        checkpoint: Option<Protocols>;
        /// Data per node. With it, `interval`, `prior` and `last` are those of
        /// `checkpoint.coordinated`, at the file server. Without it and `checkpoint` the job writes
        /// no checkpoints.
        size: Bytes = SIZE_SOME => _;
        /// As in `checkpoint.coordinated`.
        interval: Interval;
        /// Whether one is written after the last step as well.
        last: bool => "false";
    }
}

joined! {
    /// A job (`[[job]]`), on nodes of its own. All nodes of a job compute a step, then all meet.
    /// Spares are for whichever job needs one first, and so are the nodes of a job that is done.
    pub(super) JOB: Named Queued BulkSynchronous Checkpoints
}

/// What jobs have in common that a class or a file completes.
pub(super) static COMMON: TableSpec = TableSpec {
    doc: "What jobs have in common: all keys of `[[job]]` but `name`, `nodes`, `work`, `submit`.",
    keys: &const { incomplete::<{ JOB.keys.len() }>(JOB.keys) },
    rivals: JOB.rivals,
};

choice! {
    /// In which order jobs write and read checkpoints at the file server that they share.
    pub enum ServerOrder(Clone, Copy, Debug, PartialEq, Eq) {
        /// All at once, as they come: they share it by max-min fairness.
        Uncontrolled = "uncontrolled",
        /// One after the other, first come, first served; who waits is idle.
        BlockingFcfs = "blocking-fcfs",
        /// The same, but a job that is to write works on while it waits.
        OrderedFcfs = "ordered-fcfs",
        /// The same, but of those that wait that one is next whose turn wastes least.
        LeastWaste = "least-waste",
        /// Nobody writes checkpoints.
        None = "none",
    }
}

impl ServerOrder {
    /// Whether jobs take turns.
    #[must_use]
    pub fn has_turns(self) -> bool {
        matches!(self, Self::BlockingFcfs | Self::OrderedFcfs | Self::LeastWaste)
    }

    /// Whether a job that is to write works on until its turn comes.
    #[must_use]
    pub fn works_on(self) -> bool {
        matches!(self, Self::OrderedFcfs | Self::LeastWaste)
    }
}

#[doc(hidden)]
impl Scenario {
    /// What a job computes, if there is such a job.
    #[must_use]
    pub fn work_of(&self, job: JobId) -> Option<&BulkSynchronous> {
        Some(&self.jobs.get(usize::from(job.0))?.work)
    }

    /// The checkpoints that a job writes, if it writes any.
    #[must_use]
    pub fn checkpoint_of(&self, job: JobId) -> Option<&Checkpoint> {
        let spec = self.jobs.get(usize::from(job.0))?.checkpoint.as_ref();
        spec.filter(|_| self.server.order != ServerOrder::None)
    }

    /// The job that is written as `[workload]` and `[checkpoint]`, if the list is written so.
    #[must_use]
    pub fn short(&self) -> Option<&JobSpec> {
        let [job] = &self.jobs[..] else { return None };
        let is_plain = job.queued == Queued::default() && self.queue == Queue::default();
        let is_free = self.server.order == ServerOrder::Uncontrolled;
        let is_one = self.arrivals.is_none() && job.name == SHORT;
        (is_one && is_free && is_plain).then_some(job)
    }
}

/// The tables of a job.
pub(super) struct Tables<'a> {
    /// What it computes.
    pub work: Section<'a>,
    /// Its checkpoints, by protocol.
    pub checkpoint: Section<'a>,
    /// Whether it is one of `[[job]]`.
    pub listed: bool,
}

impl<'a> Tables<'a> {
    /// Those of a job of the list.
    pub(super) fn listed(work: Section<'a>) -> Self {
        Self { checkpoint: work.section("checkpoint"), work, listed: true }
    }

    /// A table of what the job computes.
    pub(super) fn of_work(&self, key: &str) -> Option<Section<'a>> {
        Some(self.work.section(key)).filter(Section::exists)
    }

    /// The table of a protocol.
    pub(super) fn protocol(&self, key: &str) -> Option<Section<'a>> {
        Some(self.checkpoint.section(key)).filter(Section::exists)
    }

    /// The table of coordinated checkpoints, which may be keys of the job itself.
    pub(super) fn coordinated(&self) -> Option<Section<'a>> {
        let short = self.listed && self.work.has("size");
        let short = short.then(|| self.work.read_as(Coordinated::SPEC));
        short.or_else(|| self.protocol("coordinated"))
    }
}

/// The tables of all jobs.
pub(super) fn tables<'a>(root: &Section<'a>) -> Vec<Tables<'a>> {
    let work = root.section("workload").section("bulk-synchronous");
    let short = Tables { work, checkpoint: root.section("checkpoint"), listed: false };
    if !has_list(root) {
        return Vec::from_iter(short.work.exists().then_some(short));
    }
    let classes = arrivals::tables_of_classes(root).into_iter().map(|(_, job)| job);
    written(root).chain(job_files::tables(root)).chain(classes).collect()
}

/// The tables `[[job]]`.
fn written<'a>(root: &Section<'a>) -> impl Iterator<Item = Tables<'a>> {
    root.items("job").flatten().map(Tables::listed)
}

/// Whether there is a list of jobs, be it in a file or by a law.
pub(super) fn has_list(root: &Section<'_>) -> bool {
    root.has("job") || root.section("queue").has("file") || arrivals::are_in(root)
}

/// The list of jobs.
pub(super) fn jobs(
    root: &Section<'_>,
    nodes: Option<Nodes>,
    faults: Option<&[FaultRule]>,
    m: &mut Mistakes,
) -> Option<Vec<JobSpec>> {
    check_server(root, m);
    check_checkpoint(root, m);
    let tables = if has_list(root) { written(root).collect() } else { tables(root) };
    let filed = job_files::jobs(root, nodes, faults, m);
    let jobs: Vec<_> = tables.iter().map(|own| job(own, nodes, faults, m)).collect();
    let mut jobs: Vec<JobSpec> = jobs.into_iter().collect::<Option<_>>()?;
    jobs.extend(filed?);
    if jobs.len() > JOBS_MAX {
        m.note(Mistake::new(root.place("job"), format!("more than {JOBS_MAX} jobs")));
        return None;
    }
    let mut named = BTreeMap::new();
    for (number, job) in jobs.iter().enumerate() {
        let place = match tables.get(number) {
            Some(own) => own.work.place("name"),
            None => root.section("queue").place("file"),
        };
        if let Some(first) = named.insert(&job.name, place) {
            let title = format!("two jobs have the name `{}`", job.name);
            m.note(Mistake::new(place, title).other(first, "the first one"));
        }
    }
    Some(jobs)
}

pub(super) fn job(
    own: &Tables<'_>,
    nodes: Option<Nodes>,
    faults: Option<&[FaultRule]>,
    m: &mut Mistakes,
) -> Option<JobSpec> {
    let name = if own.listed { own.work.get("name", m) } else { Some(SHORT.to_owned()) };
    let work = execution::work(own, nodes, m);
    let nodes = work.as_ref().map(|work| work.nodes);
    let checkpoint = execution::checkpoint(own, nodes, faults, m);
    if let (Some(work), Ok(checkpoint)) = (&work, &checkpoint) {
        replicas::check_strategy(own, work, checkpoint.as_ref(), m);
    }
    for key in ["interval", "prior", "last"] {
        let has = |other| own.work.has(other);
        if own.listed && has(key) && !has("size") && !has("checkpoint") {
            let title = format!("`{key}` of a job that writes no checkpoints");
            let mistake = Mistake::new(own.work.place(key), title);
            m.note(mistake.help("give their `size` as well"));
        }
    }
    let queued = if own.listed { Queued::read(&own.work, m) } else { Some(Queued::default()) };
    Some(JobSpec { name: name?, work: work?, checkpoint: checkpoint.ok()?, queued: queued? })
}

/// Notes checkpoints of no job.
fn check_checkpoint(root: &Section<'_>, m: &mut Mistakes) {
    if root.section("workload").exists() || has_list(root) {
        return;
    }
    let checkpoint = root.section("checkpoint");
    let given = ["multilevel", "logging", "coordinated"].into_iter();
    for key in given.filter(|key| checkpoint.has(key)) {
        let place = checkpoint.section(key).own_place();
        let mistake = Mistake::new(place, "a checkpoint without a workload");
        m.note(mistake.help(
            "add [workload.bulk-synchronous], or remove this table; a job of a list [[job]] has \
             its own, such as `job.0.checkpoint`",
        ));
    }
}

/// Notes an order or an interval that supposes other jobs, or one server for all of them, where
/// there is no such thing.
fn check_server(root: &Section<'_>, m: &mut Mistakes) {
    let server = root.section("server");
    let order: Option<ServerOrder> = server.word("order", m);
    let per: Option<ServerPer> = server.word("per", m);
    let asks = order.is_some_and(ServerOrder::has_turns);
    if server.has("order") && order != Some(ServerOrder::Uncontrolled) && !has_list(root) {
        let mistake = Mistake::new(server.place("order"), "an order without [[job]]");
        m.note(mistake.help("it is that of several jobs, each with a table [[job]]"));
    } else if asks && per.is_some_and(|per| per != ServerPer::Cluster) {
        let mistake = Mistake::new(server.place("order"), "an order without a shared server");
        let mistake = mistake.other(server.place("per"), "each of these has its own");
        m.note(mistake.help("let `per` be \"cluster\""));
    }
}

/// All jobs as the lines of their tables.
pub(super) fn lines_of(scenario: &Scenario) -> Vec<Line> {
    let short = scenario.short().is_some();
    let (table, checkpoints) = if short {
        ("workload.bulk-synchronous", "checkpoint")
    } else {
        ("[job]", "job.checkpoint")
    };
    // Those that arrive by a law are drawn again.
    let listed = scenario.arrivals.as_ref().map_or(scenario.jobs.len(), |own| own.listed);
    let is_list = !short && (scenario.arrivals.is_some() || !scenario.jobs.is_empty());
    let each =
        scenario.jobs[..listed].iter().flat_map(|JobSpec { name, work, checkpoint, queued }| {
            let mut keys = if short { Vec::new() } else { Named { name: name.clone() }.keys() };
            keys.extend(queued.keys().into_iter().filter(|_| !short));
            keys.extend(work.keys());
            let protocol = checkpoint.iter().flat_map(|own| resolved::checkpoint(checkpoints, own));
            lines(table, keys).into_iter().chain(protocol)
        });
    let queue = lines("queue", scenario.queue.keys()).into_iter();
    let arrivals = scenario.arrivals.iter().flat_map(|own| own.lines());
    queue.filter(|_| is_list).chain(each).chain(arrivals).collect()
}

/// The keys that the jobs of a class have in common, but for their checkpoints.
pub(super) fn keys_in_common(JobSpec { work, queued, .. }: &JobSpec) -> Vec<Keyed> {
    let all = queued.keys().into_iter().chain(work.keys());
    all.filter(|(key, _)| !["submit", "nodes", "work"].contains(key)).collect()
}

/// A key with its value.
type Keyed = (&'static str, Written);
