//! Several jobs at once, and the order in which they use the file server that they share.

use crate::config::declare::choice;
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::ids::JobId;
use crate::scenario::Scenario;
use crate::scenario::cluster::ServerPer;
use crate::scenario::course::{self, Nodes};
use crate::scenario::fault::FaultRule;
use crate::scenario::job::{
    BulkSynchronous, Checkpoint, Coordinated, Cost, Counts, Integrity, Interval, Period, Place,
    Strikes,
};
use crate::scenario::keys;
use crate::scenario::machine::read;

/// A job among others.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// Its name, which no other job has.
    pub name: String,
    /// What it computes.
    pub work: BulkSynchronous,
    /// Its checkpoints, if it writes any.
    pub checkpoint: Option<Checkpoint>,
}

choice! {
    /// In which order jobs write and read checkpoints at the file server that they share.
    pub enum Order(Clone, Copy, Debug, PartialEq, Eq) {
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

impl Order {
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
        let first = self.workload.as_ref().filter(|_| job.0 == 0);
        first.or_else(|| Some(&self.jobs.get(usize::from(job.0))?.work))
    }

    /// The checkpoints that a job writes, if it writes any.
    #[must_use]
    pub fn checkpoint_of(&self, job: JobId) -> Option<&Checkpoint> {
        if self.jobs.is_empty() {
            return self.checkpoint.as_ref();
        }
        let wish = self.jobs[usize::from(job.0)].checkpoint.as_ref();
        wish.filter(|_| self.server.order != Order::None)
    }
}

/// The tables `[[job]]`.
pub(super) fn jobs(
    root: &Section<'_>,
    nodes: Option<Nodes>,
    faults: Option<&[FaultRule]>,
    m: &mut Mistakes,
) -> Option<Vec<Named>> {
    /// Events carry the number of their job in 16 bits.
    const MOST: usize = 10_000;
    check_server(root, m);
    let Some(value) = root.given("job") else { return Some(Vec::new()) };
    let list = value.list()?;
    if list.len() > MOST {
        m.note(Mistake::new(value.place, format!("more than {MOST} jobs")));
        return None;
    }
    let sections = list
        .iter()
        .map(|item| Some(Section::new(&keys::jobs::JOB, item.table()?, "job", item.place)));
    let sections: Vec<_> = sections.collect::<Option<_>>()?;
    let jobs: Vec<_> = sections.iter().map(|section| job(section, nodes, faults, m)).collect();
    let jobs: Vec<Named> = jobs.into_iter().collect::<Option<_>>()?;
    for (number, (job, section)) in jobs.iter().zip(&sections).enumerate() {
        if let Some(other) = jobs[..number].iter().position(|other| other.name == job.name) {
            let title = format!("two jobs have the name `{}`", job.name);
            let mistake = Mistake::new(section.place("name"), title);
            m.note(mistake.other(sections[other].place("name"), "the first one"));
        }
    }
    let needed: u64 = jobs.iter().map(|job| u64::from(job.work.nodes)).sum();
    if let Some(nodes) = nodes.filter(|nodes| needed > u64::from(nodes.all)) {
        let title = format!("jobs of {needed} nodes on a machine of {}", nodes.all);
        let place = sections.last().expect("some job needs nodes").place("nodes");
        let help = "all run at once, each on nodes of its own";
        m.note(Mistake::new(place, title).help(help));
    }
    Some(jobs)
}

fn job(
    section: &Section<'_>,
    nodes: Option<Nodes>,
    faults: Option<&[FaultRule]>,
    m: &mut Mistakes,
) -> Option<Named> {
    let name = section.get("name", m);
    let cores = nodes.map(|nodes| nodes.cores);
    let work = read!(BulkSynchronous {
        nodes: section.get("nodes", m),
        ranks_per_node: cores,
        step: section.get("step", m),
        work: section.get("work", m),
        replicas: Some(None),
        abft: Some(None),
    });
    if let Some(work) = &work {
        course::check_step(section, work, m);
    }
    let checkpoint = if section.has("size") {
        Some(Checkpoint::Coordinated(read!(Coordinated {
            size: section.get("size", m),
            interval: course::interval(section, m),
            cost: Some(Cost::Store(Place::FileServer)),
            last: section.get("last", m),
            strikes: Some(Strikes { checkpoint: true, restart: true, downtime: false }),
            period: Some(Period::Work),
            counts: Some(Counts::End),
            integrity: Some(Integrity::NONE),
            incremental: Some(None),
            compression: Some(None),
        })?))
    } else {
        None
    };
    if let Some(Checkpoint::Coordinated(wish)) = &checkpoint {
        course::check_interval(section, wish, faults, m);
    }
    for key in ["interval", "last"] {
        if checkpoint.is_none() && section.has(key) {
            let title = format!("`{key}` of a job that writes no checkpoints");
            m.note(Mistake::new(section.place(key), title).help("give their `size` as well"));
        }
    }
    Some(Named { name: name?, work: work?, checkpoint })
}

/// Notes an order or an interval that supposes other jobs, or one server for all of them, where
/// there is no such thing.
fn check_server(root: &Section<'_>, m: &mut Mistakes) {
    let server = root.section("server");
    let order: Option<Order> = server.word("order", m);
    let per: Option<ServerPer> = server.word("per", m);
    let asks = order.is_some_and(Order::has_turns);
    if server.has("order") && order != Some(Order::Uncontrolled) && !root.has("job") {
        let mistake = Mistake::new(server.place("order"), "an order without [[job]]");
        m.note(mistake.help("it is that of several jobs, each with a table [[job]]"));
    } else if asks && per.is_some_and(|per| per != ServerPer::Cluster) {
        let mistake = Mistake::new(server.place("order"), "an order without a shared server");
        let mistake = mistake.other(server.place("per"), "each of these has its own");
        m.note(mistake.help("let `per` be \"cluster\""));
    }
}

/// A job as the lines of its table.
pub(super) fn lines_of(job: &Named) -> Vec<(&'static str, String)> {
    let quoted = |text: &str| toml::Value::String(text.into()).to_string();
    let mut all = vec![
        ("name", quoted(&job.name)),
        ("nodes", job.work.nodes.to_string()),
        ("step", quoted(&job.work.step.to_string())),
        ("work", quoted(&job.work.work.to_string())),
    ];
    if let Some(Checkpoint::Coordinated(wish)) = &job.checkpoint {
        all.extend([
            ("size", quoted(&wish.size.to_string())),
            ("interval", interval_text(wish.interval)),
            ("last", wish.last.to_string()),
        ]);
    }
    all
}

/// An interval as TOML.
pub(super) fn interval_text(interval: Interval) -> String {
    let text = match interval {
        Interval::Fixed(span) => span.to_string(),
        Interval::Young => "young".into(),
        Interval::DalyFirst => "daly first order".into(),
        Interval::Daly => "daly".into(),
        Interval::Exact => "exact".into(),
        Interval::Cooperative => "cooperative".into(),
        Interval::Adaptive { .. } => "adaptive".into(),
    };
    toml::Value::String(text).to_string()
}
