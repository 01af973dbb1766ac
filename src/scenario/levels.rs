//! From merged tables to checkpoints of several levels, and the text that loads to them again.

use crate::config::declare::{Field, Line};
use crate::config::document::Value;
use crate::config::language::Read;
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::scenario::execution::{cost, strikes};
use crate::scenario::fault_rules;
use crate::scenario::job::{Checkpoint, Cost, KeptAt, Level, Multilevel};
use crate::scenario::jobs::JobSpec;
use crate::scenario::machine::read;
use crate::scenario::resolved::{field, lines, quoted, strike_lines, text_of};
use crate::scenario::{drain, optimum};
use crate::units::Bytes;

/// The words of places, in the order of rising strength.
pub(super) const PLACES: [&str; 6] =
    ["memory", "buddies", "card", "partner", "group", "file-server"];

/// Keys that only one place has.
const OF_PLACES: [(&str, &str); 3] =
    [("copies", "buddies"), ("group", "group"), ("parity", "group")];

/// Checkpoints of several levels, from the table of that name.
pub(super) fn multilevel(
    section: &Section<'_>,
    nodes: Option<u32>,
    m: &mut Mistakes,
) -> Option<Multilevel> {
    let spec = read!(Multilevel {
        interval: if optimum::is_wanted(section) {
            Some(None)
        } else {
            optimum::interval(section, m).map(Some)
        },
        levels: levels(section, nodes, m),
        escalate: section.get("escalate", m),
        last: section.get("last", m),
        strikes: strikes(section, m),
        compression: Field::take(section, "compression", m),
    })?;
    Some(spec)
}

fn levels(section: &Section<'_>, nodes: Option<u32>, m: &mut Mistakes) -> Option<Vec<Level>> {
    let list = section.given("level").and_then(Value::list).unwrap_or_default();
    if list.is_empty() {
        let mistake =
            Mistake::new(section.own_place(), "checkpoints of several levels without one");
        let help = "give [[checkpoint.multilevel.level]], the weakest first, with `to` and `size`";
        m.note(mistake.help(help));
        return None;
    }
    let of_optimum = optimum::is_wanted(section);
    let mut levels: Vec<Option<Level>> = Vec::new();
    let mut below: Option<(KeptAt, crate::config::mistakes::Place)> = None;
    for (number, item) in list.iter().enumerate() {
        let section = section.item("level", item.table()?, item.place);
        let level = level(number, &section, (nodes, of_optimum), m);
        if let Some(Level { cost: Cost::Store(place), .. }) = level {
            let reported = section.place("to");
            if let Some((lower, its)) = below
                && lower.strength() >= place.strength()
            {
                let title = "this level is no stronger than the one below";
                let help = format!("the weakest first: {}", PLACES.join(", "));
                m.note(Mistake::new(reported, title).other(its, "the one below").help(help));
            }
            below = Some((place, reported));
        }
        drain::check_below(&section, level.as_ref(), levels.last(), m);
        levels.push(level);
    }
    levels.into_iter().collect()
}

fn level(
    number: usize,
    section: &Section<'_>,
    (nodes, of_optimum): (Option<u32>, bool),
    m: &mut Mistakes,
) -> Option<Level> {
    let size = if section.has("size") || !section.has("cost") {
        section.get("size", m)
    } else {
        Some(Bytes(0))
    };
    let cost = if section.has("cost") {
        cost(section, m)
    } else {
        section.demand("to", m);
        place(section, nodes, m).map(Cost::Store)
    };
    let word = section.optional::<String>("to");
    for (key, place) in
        OF_PLACES.iter().filter(|(key, place)| section.has(key) && word.as_deref() != Some(place))
    {
        let title = format!("`{key}` is of levels with to = \"{place}\" only");
        m.note(Mistake::new(section.place(key), title).help("remove it"));
    }
    let every = if number > 0 {
        optimum::every(section, of_optimum, m)
    } else {
        if section.optional::<u32>("every").is_some_and(|every| every != 1) {
            let title = "`every` of the lowest level";
            let help = "all checkpoints that are of no higher level are of the lowest";
            m.note(Mistake::new(section.place("every"), title).help(help));
        }
        Some(1)
    };
    let drain = drain::drain(section, cost, m);
    Some(Level { size: size?, cost: cost?, every: every?, drain: drain.ok()? })
}

/// Where a level is kept, and whether a job of so many nodes can keep it there.
fn place(section: &Section<'_>, nodes: Option<u32>, m: &mut Mistakes) -> Option<KeptAt> {
    let count = |key, usual| {
        if section.has(key) { section.optional::<u32>(key) } else { Some(usual) }
    };
    let nodes = nodes.unwrap_or(u32::MAX);
    let mut note = |key: &str, title: String, help: &str| {
        m.note(Mistake::new(section.place(key), title).help(help));
    };
    match section.optional::<String>("to")?.as_str() {
        "memory" => Some(KeptAt::Memory),
        "card" => Some(KeptAt::Card),
        "file-server" => Some(KeptAt::FileServer),
        "partner" => {
            if nodes < 2 {
                let help = "let the job have two nodes or more, or write to = \"card\"";
                note("to", "a job on one node has no partner".into(), help);
            }
            Some(KeptAt::Partner)
        }
        "buddies" => {
            let copies = count("copies", 2)?;
            if nodes != u32::MAX && !nodes.is_multiple_of(copies) {
                let title = format!("a job of {nodes} nodes is not made of groups of {copies}");
                let key = if section.has("copies") { "copies" } else { "to" };
                note(
                    key,
                    title,
                    "buddies are pairs (`copies` = 2) or triples (3) of all its nodes",
                );
            }
            Some(KeptAt::Buddies { copies })
        }
        "group" => {
            let (size, parity) = (count("group", 8)?, count("parity", 1)?);
            let key = |name| if section.has(name) { name } else { "to" };
            if size > nodes {
                let title = format!("a group of {size} in a job of {nodes} nodes");
                note(key("group"), title, "a smaller `group`, or a larger job");
            }
            if parity >= size {
                let title = format!("a group of {size} nodes with {parity} parities");
                let help = "`parity` is less than `group`: each other node holds data";
                note(key("parity"), title, help);
            }
            Some(KeptAt::Group { size, parity })
        }
        word => unreachable!("`{word}` is no place"),
    }
}

/// Notes the faults of a class that no level of a job has.
pub(super) fn check_classes(root: &Section<'_>, jobs: &[JobSpec], m: &mut Mistakes) {
    let of_classes = |checkpoint: &&Checkpoint| {
        matches!(checkpoint, Checkpoint::Multilevel(spec)
            if spec.levels.iter().any(|level| level.cost.kept_at().is_none()))
    };
    let checkpoints = jobs.iter().filter_map(|job| job.checkpoint.as_ref());
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

/// The text of the table, key by key.
pub(super) fn lines_of(table: &str, spec: &Multilevel) -> Vec<Line> {
    let mut all = lines(
        table,
        [
            ("interval", spec.interval.map_or_else(|| quoted("optimum"), text_of)),
            ("escalate", spec.escalate.to_string()),
            ("last", spec.last.to_string()),
        ],
    );
    all.extend(field(table, "compression", &spec.compression));
    all.extend(strike_lines(table, spec.strikes));
    for (number, level) in spec.levels.iter().enumerate() {
        all.extend(lines(
            &format!("[{table}.level]"),
            level_lines(level, number, spec.interval.is_none()),
        ));
    }
    all
}

/// A level as keys and values.
fn level_lines(level: &Level, number: usize, of_optimum: bool) -> Vec<(&'static str, String)> {
    let quoted = |text: String| toml::Value::String(text).to_string();
    let mut all = Vec::new();
    match level.cost {
        Cost::Fixed { write, read, downtime } => {
            let [write, read, downtime] = [write, read, downtime].map(|it| quoted(it.to_string()));
            let latency = drain::latency_text(level.drain);
            let spans = format!("write = {write}, read = {read}, downtime = {downtime}");
            all.push(("cost", format!("{{ {spans}{latency} }}")));
        }
        Cost::Store(place) => {
            let word = |name: &str| ("to", quoted(name.into()));
            match place {
                KeptAt::Memory => all.push(word("memory")),
                KeptAt::Card => all.push(word("card")),
                KeptAt::Partner => all.push(word("partner")),
                KeptAt::FileServer => all.push(word("file-server")),
                KeptAt::Buddies { copies } => {
                    all.extend([word("buddies"), ("copies", copies.to_string())]);
                }
                KeptAt::Group { size, parity } => all.extend([
                    word("group"),
                    ("group", size.to_string()),
                    ("parity", parity.to_string()),
                ]),
            }
        }
    }
    if level.size > Bytes(0) {
        all.push(("size", quoted(level.size.to_string())));
    }
    if number > 0 && !of_optimum {
        all.push(("every", level.every.to_string()));
    }
    all.extend(drain::lines(level.drain));
    all
}
