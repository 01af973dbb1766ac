//! Checkpoints of several levels: their keys, and what does not go together.

use crate::config::declare::{Declared, Field, Written, table};
use crate::config::document::Value;
use crate::config::language::{Kind, Read, TableSpec};
use crate::config::mistakes::{Mistake, Mistakes, Place};
use crate::config::section::Section;
use crate::config::words::Word;
use crate::scenario::arrivals::Arrivals;
use crate::scenario::execution::sized;
use crate::scenario::fault::FaultRule;
use crate::scenario::fault_rules;
use crate::scenario::job::{Below, Checkpoint, Cost, Drain, KeptAt, Level, Multilevel};
use crate::scenario::jobs::JobSpec;
use crate::scenario::keys::{SIZE_SOME, SPAN};
use crate::scenario::{drain, optimum};
use crate::units::{Bytes, Span};

/// The words of places, in the order of rising strength.
pub(super) const PLACES: [&str; 6] =
    ["memory", "buddies", "card", "partner", "group", "file-server"];

/// Keys that only one place has.
const OF_PLACES: [(&str, &str); 3] =
    [("copies", "buddies"), ("group", "group"), ("parity", "group")];

table! {
    /// The place of a level, as files have it.
    struct OnePlace(Debug) {
        /// Where the data goes: to the node's own `memory`; to that of `buddies` too; to its SD
        /// `card`; to that of a `partner` too; to the card with parity in a `group`; or to the
        /// `file-server`.
        to or "cost": Option<String> = Kind::Choice(|| PLACES.to_vec());
        /// Of `buddies`: nodes that hold each image. Default: 2.
        copies: Option<u32> = Kind::Count(2, 3);
        /// Of a `group`: its nodes. If the job's do not divide by it, some groups have more.
        /// Default: 8.
        group: Option<u32> = Kind::Count(2, 1_000);
        /// Of a `group`: its nodes that may be missing, 1 as with XOR or more as with Reed-Solomon
        /// codes. Default: 1.
        parity: Option<u32> = Kind::Count(1, 999);
    }
    checks |section, m| check_keys_of_places(section, m)
}

/// The place of a level, if its cost is not fixed.
impl Field for Option<KeptAt> {
    const KIND: Kind = Kind::Flat(OnePlace::SPEC);

    fn take(section: &Section<'_>, _: &'static str, m: &mut Mistakes) -> Option<Self> {
        let OnePlace { to, copies, group, parity } = OnePlace::read(section, m)?;
        Some(to.and_then(|word| match word.as_str() {
            "memory" => Some(KeptAt::Memory),
            "buddies" => Some(KeptAt::Buddies { copies: copies.unwrap_or(2) }),
            "group" => {
                Some(KeptAt::Group { size: group.unwrap_or(8), parity: parity.unwrap_or(1) })
            }
            word => KeptAt::of(word),
        }))
    }

    fn written(&self, _: &Kind) -> Written {
        let mut one = OnePlace { to: None, copies: None, group: None, parity: None };
        one.to = self.map(|place| match place {
            KeptAt::Memory => "memory".into(),
            KeptAt::Buddies { copies } => {
                one.copies = Some(copies);
                "buddies".into()
            }
            KeptAt::Group { size, parity } => {
                (one.group, one.parity) = (Some(size), Some(parity));
                "group".into()
            }
            KeptAt::FileServer | KeptAt::Card | KeptAt::Partner => place.word().into(),
        });
        Written::Table(one.keys())
    }
}

table! {
    /// A level of checkpoints, in the order of rising strength.
    struct OneLevel(Debug) {
        /// Where it is kept.
        place: Option<KeptAt>;
        /// Fixed spans.
        cost: Option<LevelCost>;
        /// Data per node. Not needed with `cost`.
        size: Bytes = SIZE_SOME => _;
        /// Of the checkpoints that would be of the level below, every k-th is of this one. Not for
        /// the lowest level, of which are all others.
        every: Option<u32> = Kind::Count(1, 1_000_000);
        /// Of the `file-server` or with `cost`: whether a checkpoint is written at the level below,
        /// with the job stopped, and copied while the job computes: through the fabric, or for
        /// `cost.write`. Default: false.
        drain: Option<bool>;
        /// With `drain` or `cost.latency`: a step takes so many times as long while the rest is
        /// written. Default: 1.1 (assumption).
        slowdown: Option<f64> = Kind::Number(1.0, 1_000.0);
        /// With `drain` or `cost.latency`: whether the level below has the checkpoint until this
        /// one has all of it, even when newer ones replace it there; with `latency` it is there
        /// when the job has stood for C. Default: false, when a newer one replaces it, and with
        /// `latency` it is nowhere until it is complete.
        keep_below: Option<bool>;
        /// With `keep_below`: whether writing that a failure interrupts goes on after the restart,
        /// as long as the level below still has the checkpoint; else it is given up. Default:
        /// false.
        resume: Option<bool>;
    }
    checks |section, m| drain::check(section, m)
}

table! {
    /// Fixed spans in place of transfers.
    struct LevelCost(Debug) {
        /// Writing with the job stopped, C; with `drain`, the copying.
        write: Span = SPAN;
        /// Reading back, R.
        read: Span = SPAN;
        /// Downtime D, besides detection and repair.
        downtime: Span = SPAN => "\"0 s\"";
        /// From the beginning until it is complete, L: what of it is beyond C passes while the job
        /// computes. Default: C.
        latency: Option<Span> = SPAN;
    }
}

/// A step takes so many times as long while a checkpoint drains. Assumption: what an application
/// loses of its traffic and its cores depends on the application.
const SLOWDOWN: f64 = 1.1;

impl Declared for Level {
    const SPEC: &'static TableSpec = OneLevel::SPEC;

    fn read(section: &Section<'_>, m: &mut Mistakes) -> Option<Self> {
        if !section.has("cost") {
            section.demand("to", m);
        }
        let one = OneLevel::read(&sized(section.clone()), m)?;
        let copied = one.drain == Some(true);
        let latency = one.cost.as_ref().and_then(|cost| cost.latency);
        let cost = match one.cost {
            Some(LevelCost { write, read, downtime, .. }) => Cost::Fixed { write, read, downtime },
            None => Cost::Store(one.place.filter(|&to| !copied || to == KeptAt::FileServer)?),
        };
        let (keeps, resumes) = (one.keep_below == Some(true), one.resume == Some(true));
        let drain = (copied || latency.is_some()).then(|| Drain {
            slowdown: one.slowdown.unwrap_or(SLOWDOWN),
            latency,
            below: Below { keeps, resumes },
        });
        Some(Self { size: one.size, cost, every: one.every, drain })
    }

    fn keys(&self) -> Vec<(&'static str, Written)> {
        let latency = self.drain.and_then(|drain| drain.latency);
        let cost = match self.cost {
            Cost::Fixed { write, read, downtime } => {
                Some(LevelCost { write, read, downtime, latency })
            }
            Cost::Store(_) => None,
        };
        let one = OneLevel {
            place: self.cost.kept_at(),
            cost,
            size: self.size,
            every: self.every,
            drain: self.drain.filter(|_| latency.is_none()).map(|_| true),
            slowdown: self.drain.map(|drain| drain.slowdown),
            keep_below: self.drain.map(|drain| drain.below.keeps),
            resume: self.drain.map(|drain| drain.below.resumes),
        };
        one.keys()
    }
}

/// Checkpoints of several levels, from the table of that name, for a job of so many nodes.
pub(super) fn multilevel(
    section: &Section<'_>,
    nodes: Option<u32>,
    faults: Option<&[FaultRule]>,
    m: &mut Mistakes,
) -> Option<Multilevel> {
    let n_levels = section.given("level").and_then(Value::list).map_or(0, <[Value]>::len);
    if n_levels == 0 {
        let mistake =
            Mistake::new(section.own_place(), "checkpoints of several levels without one");
        let help = "give [[checkpoint.multilevel.level]], the weakest first, with `to` and `size`";
        m.note(mistake.help(help));
    }
    check_levels(section, nodes, m);
    let spec = Multilevel::read(section, m)?;
    optimum::check(section, &spec, faults, m);
    (n_levels > 0).then_some(spec)
}

/// Holds the levels against each other and against the job.
fn check_levels(section: &Section<'_>, nodes: Option<u32>, m: &mut Mistakes) {
    let interval = section.given("interval").and_then(Value::text);
    let mut below: Option<(KeptAt, Place)> = None;
    let mut last = None;
    for (number, item) in section.items("level").enumerate() {
        let Some(item) = item else {
            last = Some(None);
            continue;
        };
        let level = Level::read(&item, m);
        optimum::check_every(number, &item, interval == Some("optimum"), m);
        let place: Option<KeptAt> = Field::take(&item, "to", m).flatten();
        if let Some(place) = place.filter(|_| !item.has("cost")) {
            check_place(&item, place, nodes, m);
            let reported = item.place("to");
            if let Some((lower, its)) = below
                && lower.strength() >= place.strength()
            {
                let title = "this level is no stronger than the one below";
                let help = format!("the weakest first: {}", PLACES.join(", "));
                m.note(Mistake::new(reported, title).other(its, "the one below").help(help));
            }
            below = Some((place, reported));
        }
        drain::check_below(&item, level.as_ref(), last.as_ref(), m);
        last = Some(level);
    }
}

/// Notes keys of a place that is not the level's.
fn check_keys_of_places(section: &Section<'_>, m: &mut Mistakes) {
    let word = section.optional::<String>("to");
    for (key, place) in
        OF_PLACES.iter().filter(|(key, place)| section.has(key) && word.as_deref() != Some(place))
    {
        let title = format!("`{key}` is of levels with to = \"{place}\" only");
        m.note(Mistake::new(section.place(key), title).help("remove it"));
    }
}

/// Notes a partner of a job on one node.
pub(super) fn check_partner(section: &Section<'_>, nodes: Option<u32>, m: &mut Mistakes) {
    if nodes.is_some_and(|nodes| nodes < 2) {
        let mistake = Mistake::new(section.place("to"), "a job on one node has no partner");
        m.note(mistake.help("let the job have two nodes or more, or write to = \"card\""));
    }
}

/// Notes a place where a job of so many nodes cannot keep its checkpoints.
fn check_place(section: &Section<'_>, place: KeptAt, nodes: Option<u32>, m: &mut Mistakes) {
    let mut note = |key: &str, title: String, help: &str| {
        let key = if section.has(key) { key } else { "to" };
        m.note(Mistake::new(section.place(key), title).help(help));
    };
    match place {
        KeptAt::Memory | KeptAt::Card | KeptAt::FileServer => {}
        KeptAt::Partner => check_partner(section, nodes, m),
        KeptAt::Buddies { copies } => {
            if let Some(nodes) = nodes.filter(|nodes| !nodes.is_multiple_of(copies)) {
                let title = format!("a job of {nodes} nodes is not made of groups of {copies}");
                let help = "buddies are pairs (`copies` = 2) or triples (3) of all its nodes";
                note("copies", title, help);
            }
        }
        KeptAt::Group { size, parity } => {
            if let Some(nodes) = nodes.filter(|nodes| size > *nodes) {
                let title = format!("a group of {size} in a job of {nodes} nodes");
                note("group", title, "a smaller `group`, or a larger job");
            }
            if parity >= size {
                let title = format!("a group of {size} nodes with {parity} parities");
                let help = "`parity` is less than `group`: each other node holds data";
                note("parity", title, help);
            }
        }
    }
}

/// Notes the faults of a class that no level of a job has.
pub(super) fn check_classes(
    root: &Section<'_>,
    jobs: &[JobSpec],
    arrivals: Option<&Arrivals>,
    m: &mut Mistakes,
) {
    let classes = arrivals.into_iter().flat_map(|own| &own.classes);
    let jobs = jobs.iter().chain(classes.map(|class| &class.template));
    let of_classes = |checkpoint: &&Checkpoint| {
        matches!(checkpoint, Checkpoint::Multilevel(spec)
            if spec.levels.iter().any(|level| level.cost.kept_at().is_none()))
    };
    let checkpoints = jobs.filter_map(|job| job.checkpoint.as_ref());
    let fewest = checkpoints.filter(of_classes).map(Checkpoint::levels).min();
    for (kind, _, table) in fault_rules::tables(root) {
        let Some(value) = table.get("severity") else { continue };
        let Ok(severity) = u32::read(value) else { continue };
        let (title, help) = if !kind.loses_nodes() {
            let help = "it says which checkpoints survive a failure of nodes; leave it out";
            (format!("a `severity` of `{}`, which fails no node", kind.word()), help)
        } else if let Some(levels) = fewest {
            if severity as usize <= levels {
                continue;
            }
            let title = format!("a `severity` of {severity} with {levels} levels of checkpoints");
            (title, "it is the lowest level that survives, from 1")
        } else {
            let help = "what survives follows from where checkpoints are kept; a class is for \
                        levels of [checkpoint.multilevel] with `cost`";
            ("a `severity` without levels of fixed costs".to_owned(), help)
        };
        m.note(Mistake::new(value.place, title).help(help));
    }
}
