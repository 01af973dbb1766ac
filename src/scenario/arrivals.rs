//! Jobs that arrive by a law, and classes of jobs: what the jobs of each have in common.
//!
//! The jobs themselves are drawn when the plan is made, as they hang on its seed.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::declare::{Declared, Line, Written, joined, lines, table};
use crate::config::mistakes::{Mistake, Mistakes, Place};
use crate::config::section::Section;
use crate::rng::Stream;
use crate::scenario::execution::{Nodes, Unread};
use crate::scenario::fault::{FaultRule, Rhythm};
use crate::scenario::job_files::{Row, check_common, template};
use crate::scenario::jobs::{COMMON, JOBS_MAX, JobSpec, Tables};
use crate::scenario::keys::SPAN_SOME;
use crate::scenario::law::Law;
use crate::scenario::{jobs, resolved};
use crate::units::Span;

table! {
    /// Jobs that arrive by a law, each of one of the classes that have a `share`: `count` of them,
    /// those that arrive `until` a time, or fewer by whichever ends first.
    pub struct Process(Clone, Debug, PartialEq) {
        /// Time from the start of the run to the first arrival, and from each to the next.
        gap: Law;
        /// Jobs that arrive.
        count: Option<u32> = Kind::Count(1, 10_000);
        /// When the last ones arrive; the first one does in any case.
        until: Option<Span> = SPAN_SOME;
        /// If more arrive by day than by night, and on working days: `gap` then passes as fast as
        /// the hour says. Default: all hours are alike.
        rhythm: Option<Rhythm>;
    }
    checks |section, m| if count.flatten().is_none() && until.flatten().is_none() {
        let mistake = Mistake::new(section.own_place(), "arrivals without an end");
        m.note(mistake.help("give a `count` of jobs, or a time `until` which they arrive"));
    }
}

table! {
    /// A class of jobs: with a `share`, some of those that arrive by a law; else jobs of a file, by
    /// its rules.
    pub struct OfClass(Clone, Debug, PartialEq) {
        /// Its name; jobs that arrive are called `name-1`, `name-2`, ... over all classes.
        name: String;
        /// How many of all that arrive are of this class, against the shares of the others.
        share: Option<f64> = Kind::Number(0.000_001, 1e6);
        /// Nodes of a job that arrives: one of these sizes.
        nodes: Vec<u32> = Kind::List(&Kind::Count(1, 10_000_000)) => "[]";
        /// How often each size is taken, against the others. Default: all alike.
        weights: Vec<f64> = Kind::List(&Kind::Number(0.0, 1e6)) => "[]";
        /// Computing of a job that arrives.
        work: Option<Law>;
        /// Users ask for a walltime of up to so many times the computing more than the computing:
        /// between once and `1 + overestimate` times, evenly. 0: they know it.
        overestimate: Option<f64> = Kind::Number(0.0, 1_000.0);
        /// Jobs of a file of this user.
        user: Option<String>;
        /// Jobs of a file in this partition.
        partition: Option<String>;
        /// Jobs of a file of so many nodes at most.
        up_to: Option<u32> = Kind::Count(1, 10_000_000);
    }
}

joined! {
    /// A class of jobs.
    pub(super) CLASS: OfClass,
    rivals [] and
        Key::new("job", Kind::Table(&COMMON), ""),
}

impl OfClass {
    /// Whether a job of a file fits its rules. The first class that takes it has it.
    pub(super) fn takes(&self, row: &Row) -> bool {
        let same =
            |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        self.share.is_none()
            && same(&self.user, &row.user)
            && same(&self.partition, &row.partition)
            && self.up_to.is_none_or(|most| row.nodes <= most)
    }
}

/// A class of which jobs arrive.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    /// Its keys.
    pub keys: OfClass,
    /// What its jobs have in common: of a job of the most nodes.
    pub template: JobSpec,
    /// Whether they have steps of one length; else each is one step.
    pub has_step: bool,
}

/// The jobs that arrive by a law.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrivals {
    /// When.
    pub process: Process,
    /// Of which kinds.
    pub classes: Vec<Class>,
    /// Jobs that were listed or in a file, before these.
    pub listed: usize,
}

/// The chance of the gaps between arrivals: draw k is that before job k.
#[must_use]
pub fn gaps(seed: u64) -> Stream {
    Stream::new(seed, "queue: arrivals")
}

/// The chance of what arrives: draw k is of job k.
#[must_use]
pub fn kinds(seed: u64) -> Stream {
    Stream::new(seed, "queue: jobs that arrive")
}

/// Whether jobs arrive by a law.
pub(super) fn are_in(root: &Section<'_>) -> bool {
    root.section("queue").has("arrivals")
}

/// The classes, each with the tables of what its jobs have in common.
pub(super) fn tables_of_classes<'a>(root: &Section<'a>) -> Vec<(Section<'a>, Tables<'a>)> {
    let queue = root.section("queue");
    if !queue.has("class") {
        return Vec::new();
    }
    let pair = |class: Section<'a>| (class.clone(), Tables::listed(class.section("job")));
    queue.items("class").flatten().map(pair).collect()
}

/// Reads what arrives by a law, if something does; `listed` are the other jobs.
pub(super) fn read(
    root: &Section<'_>,
    (nodes, faults): (Option<Nodes>, Option<&[FaultRule]>),
    listed: Option<&[JobSpec]>,
    m: &mut Mistakes,
) -> Result<Option<Arc<Arrivals>>, Unread> {
    let queue = root.section("queue");
    let tables = tables_of_classes(root);
    check_names(&tables, listed.unwrap_or_default(), m);
    if !are_in(root) && !queue.has("file") {
        let without = tables.first().map(|(class, _)| class.own_place());
        if let Some(place) = without {
            let mistake = Mistake::new(place, "a class of no jobs");
            m.note(mistake.help("it is for jobs of a `file`, or for those of [queue.arrivals]"));
        }
    }
    let mistakes = m.len();
    let classes: Vec<_> = tables.iter().map(|it| class(root, it, (nodes, faults), m)).collect();
    if !are_in(root) {
        return if m.len() == mistakes { Ok(None) } else { Err(Unread) };
    }
    let process = Process::read(&queue.section("arrivals"), m);
    let classes: Vec<_> = classes.into_iter().collect::<Result<_, _>>()?;
    let classes: Vec<Class> = classes.into_iter().flatten().collect();
    if classes.is_empty() {
        let place = queue.section("arrivals").own_place();
        let mistake = Mistake::new(place, "arrivals of no class");
        m.note(mistake.help("add [[queue.class]] with a `share`, `nodes` and `work`"));
        return Err(Unread);
    }
    let (process, listed) = process.zip(listed.map(<[_]>::len)).ok_or(Unread)?;
    check_count(root, &process, listed, m).ok_or(Unread)?;
    Ok(Some(Arc::new(Arrivals { process, classes, listed })))
}

/// Notes names that two classes have, or that a job that arrives might have as well.
fn check_names(tables: &[(Section<'_>, Tables<'_>)], listed: &[JobSpec], m: &mut Mistakes) {
    let mut named: BTreeMap<String, Place> = BTreeMap::new();
    for (class, _) in tables {
        let Some(name) = class.optional::<String>("name") else { continue };
        let place = class.place("name");
        let arrives = |job: &&JobSpec| {
            let number = job.name.strip_prefix(&name).and_then(|it| it.strip_prefix('-'));
            number.is_some_and(|it| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit()))
        };
        if let Some(job) = listed.iter().find(arrives).filter(|_| class.has("share")) {
            let title = format!("a job that arrives may be called `{}` too", job.name);
            m.note(Mistake::new(place, title).help("give the class another name"));
        }
        if let Some(first) = named.insert(name.clone(), place) {
            let title = format!("two classes have the name `{name}`");
            m.note(Mistake::new(place, title).other(first, "the first one"));
        }
    }
}

/// Notes more jobs than a scenario may have.
fn check_count(
    root: &Section<'_>,
    process: &Process,
    listed: usize,
    m: &mut Mistakes,
) -> Option<()> {
    let section = root.section("queue").section("arrivals");
    let free = JOBS_MAX - listed.min(JOBS_MAX);
    let seed = root.optional::<u64>("seed")?;
    let count = process.count.map_or(usize::MAX, |count| count as usize);
    let many = if let (Some(until), true) = (process.until, count > free) {
        let stream = gaps(seed);
        let mut left = until.0;
        let mut fits = |k: u64| {
            let gap = process.gap.sample(&mut stream.draw(0, k));
            left.checked_sub(gap.0).map(|after| left = after).is_some()
        };
        (0..=free as u64).all(&mut fits)
    } else {
        count > free
    };
    if many {
        let key = if process.until.is_some() { "until" } else { "count" };
        let title = format!("more than {free} jobs would arrive");
        let mistake = Mistake::new(section.place(key), title);
        m.note(mistake.help(format!("a scenario has at most {JOBS_MAX} jobs, with those listed")));
        return None;
    }
    Some(())
}

/// A class; none if its jobs are those of a file.
fn class(
    root: &Section<'_>,
    (section, job): &(Section<'_>, Tables<'_>),
    (nodes, faults): (Option<Nodes>, Option<&[FaultRule]>),
    m: &mut Mistakes,
) -> Result<Option<Class>, Unread> {
    let keys = OfClass::read(section, m);
    let arrives = section.has("share");
    check_use(root, section, arrives, m);
    check_common(job, "of a class", "by the law of the class, or in the file", m);
    let keys = keys.ok_or(Unread)?;
    if !arrives {
        return Ok(None);
    }
    arriving(keys, (section, job), (nodes, faults), m).map(Some).ok_or(Unread)
}

/// A class of which jobs arrive.
fn arriving(
    keys: OfClass,
    (section, job): (&Section<'_>, &Tables<'_>),
    (nodes, faults): (Option<Nodes>, Option<&[FaultRule]>),
    m: &mut Mistakes,
) -> Option<Class> {
    let (most, least) = (*keys.nodes.iter().max()?, *keys.nodes.iter().min()?);
    if let Some(nodes) = nodes.filter(|nodes| most > nodes.all) {
        let title = format!("a job of {most} nodes on a machine of {}", nodes.all);
        let mistake = Mistake::new(section.place("nodes"), title);
        m.note(mistake.help(format!("at most {}", nodes.all)));
        return None;
    }
    if !keys.weights.is_empty()
        && (keys.weights.len() != keys.nodes.len() || keys.weights.iter().all(|it| *it <= 0.0))
    {
        let title = format!("{} weights of {} sizes", keys.weights.len(), keys.nodes.len());
        let mistake = Mistake::new(section.place("weights"), title);
        m.note(mistake.help("give one for each of `nodes`, and not only zeros"));
        return None;
    }
    keys.work.as_ref()?;
    // Its jobs may be of any length; a step is no longer than its job.
    let usual = job.work.optional::<Span>("step").unwrap_or(Span::from_secs(3_600));
    let mistakes = m.len();
    let template = template(job, most, usual, (nodes, faults), m)?;
    if m.len() > mistakes {
        return None;
    }
    self::template(job, least, usual, (nodes, faults), m)?;
    Some(Class { keys, template, has_step: job.work.has("step") })
}

/// Notes keys of a class that are of no use to it, or that it lacks.
fn check_use(root: &Section<'_>, section: &Section<'_>, arrives: bool, m: &mut Mistakes) {
    let queue = root.section("queue");
    if arrives && !are_in(root) {
        let mistake = Mistake::new(section.place("share"), "a share of no arrivals");
        m.note(mistake.help("add [queue.arrivals], or leave it out for jobs of a `file`"));
    }
    for key in ["nodes", "work"].into_iter().filter(|key| arrives && !section.has(key)) {
        let title = format!("a class whose jobs arrive lacks `{key}`");
        let help = "such as `nodes = [1, 2, 4]` and `work.exponential.mean = \"1 h\"`";
        m.note(Mistake::new(section.own_place(), title).help(help));
    }
    let useless = match (arrives, queue.has("file")) {
        (true, _) => (&["user", "partition", "up_to"][..], "a class whose jobs arrive by a law"),
        (false, true) => (&["nodes", "weights", "work", "overestimate"][..], "jobs of a file"),
        (false, false) => return,
    };
    for key in useless.0.iter().filter(|key| section.has(key)) {
        let title = format!("`{key}` of {}", useless.1);
        let help = "a class has a `share` of the arrivals, or rules for the jobs of a file";
        m.note(Mistake::new(section.place(key), title).help(help));
    }
    let walltime = section.section("job");
    if section.has("overestimate") && walltime.has("walltime") {
        let mistake = Mistake::new(section.place("overestimate"), "two kinds of walltime");
        let mistake = mistake.other(walltime.place("walltime"), "the other one");
        m.note(mistake.help("leave one of them out"));
    }
}

impl Arrivals {
    /// The lines of its tables.
    pub(super) fn lines(&self) -> Vec<Line> {
        let mut all = lines("queue.arrivals", self.process.keys());
        for Class { keys, template, has_step } in &self.classes {
            all.extend(lines("[queue.class]", given(keys)));
            let own = jobs::keys_in_common(template).into_iter();
            let own = own.filter(|(key, _)| *key != "step" || *has_step).collect();
            all.extend(lines("queue.class.job", own));
            let protocol = template.checkpoint.iter();
            let path = "queue.class.job.checkpoint";
            all.extend(protocol.flat_map(|own| resolved::checkpoint(path, own)));
        }
        all
    }
}

/// The keys of a class, without empty lists.
fn given(keys: &OfClass) -> Vec<(&'static str, Written)> {
    let mut all = keys.keys();
    let is_empty = |value: &Written| matches!(value, Written::Value(text) if text == "[]");
    all.retain(|(_, value)| !is_empty(value));
    all
}
