//! Writes a scenario as the text that loads to it again; says where each figure comes from.

use std::fmt::Write as _;

use crate::config::declare::{self, Declared, Field, Line, Written};
use crate::config::document::{Table, Value};
use crate::config::nodeset;
use crate::config::words::Word;
use crate::event::{Fault, Target};
use crate::scenario::arrays;
use crate::scenario::fault::{FaultRule, Repair, When};
use crate::scenario::job::{Checkpoint, Coordinated, Cost, Interval, Strikes};
use crate::scenario::jobs;
use crate::scenario::keys::faults::keys_of;
use crate::scenario::levels;
use crate::scenario::load::Sources;
use crate::scenario::logging::logging_lines;
use crate::scenario::{Provenance, Scenario, Source};

/// Why parts are mended after the time that the language gives, if a scenario gives none.
const REPAIR_REASON: &str =
    "not given in the scenario: somebody mends it within half a working day";

/// The complete text: loads to the same scenario, and inherits nothing.
#[must_use]
pub fn text(scenario: &Scenario) -> String {
    let mut lines = top(scenario);
    lines.extend(machine(scenario));
    for rule in &scenario.faults {
        lines.extend(fault(rule));
    }
    lines.extend(course(scenario));
    let mut out = String::new();
    let mut table = String::new();
    for line in lines {
        // Each fault rule starts with its name, each level with its place or cost.
        let is_first = matches!(line.key, "name" | "to")
            || (line.key == "cost" && line.table.contains("level"));
        if line.table != table || (line.table.starts_with('[') && is_first) {
            let _ = writeln!(out, "\n[{}]", line.table);
            table.clone_from(&line.table);
        }
        let _ = writeln!(out, "{} = {}", line.key, line.value);
    }
    if !scenario.expect.is_empty() {
        out += "\n[expect]\n";
        for demand in &scenario.expect {
            let bound = format!("{} {:?}", demand.op.word(), demand.bound);
            let _ = writeln!(out, "{} = {}", quoted(&demand.metric), quoted(&bound));
        }
    }
    out + &sources(scenario)
}

fn sources(scenario: &Scenario) -> String {
    let mut published = String::new();
    let mut assumed = String::new();
    for figure in &scenario.provenance {
        let (out, text) = match &figure.source {
            Source::Published(text) => (&mut published, text),
            Source::Assumption(text) => (&mut assumed, text),
            Source::Scenario => continue,
        };
        let _ = writeln!(out, "{} = {}", quoted(&figure.key), quoted(text));
    }
    let mut out = String::new();
    for (name, lines) in [("source", published), ("assumption", assumed)] {
        if !lines.is_empty() {
            let _ = write!(out, "\n[{name}]\n{lines}");
        }
    }
    out
}

/// Fills in the source of each figure of the machine: the text that its value comes from gives it
/// for the key itself or for a table above it; what no text gives, the scenario sets itself.
pub(super) fn fill_provenance(scenario: &mut Scenario, merged: &Table, sources: &Sources) {
    scenario.provenance = machine(scenario)
        .into_iter()
        .filter(|line| line.table != "cluster" && line.table != arrays::TABLE)
        .map(|line| {
            let key = format!("{}.{}", line.table, line.key);
            // A word may stand for a whole table, such as `true` for one of defaults.
            let value = merged.at(&key).or_else(|| merged.at(&line.table));
            let file = value.map(|value| value.place.file);
            let reported = file.and_then(|file| sources.get(&file));
            let source = reported.and_then(|reported| {
                reported
                    .iter()
                    .filter(|(path, _)| covers(path, &key))
                    .max_by_key(|(path, _)| path.len())
                    .map(|(_, source)| source.clone())
            });
            Provenance { key, value: line.value, source: source.unwrap_or(Source::Scenario) }
        })
        .chain(arrays::provenance(scenario, merged, sources))
        .chain(repairs(scenario, merged, sources))
        .collect();
}

/// What stands behind the repairs of parts. One that no text gives is the default of the language,
/// which is an assumption; of those that are given, the sources that a text gives.
fn repairs(scenario: &Scenario, merged: &Table, sources: &Sources) -> Vec<Provenance> {
    let mut reported = Vec::new();
    for kind in Fault::ALL {
        let word = kind.word();
        let list = merged.at(&format!("fault.{word}")).and_then(Value::list).unwrap_or_default();
        let rules = scenario.faults.iter().filter(|rule| rule.kind() == kind);
        // The rules of traces come after all others, and bring their own repairs.
        let replays = |item: &Value| item.table().is_some_and(|table| table.get("trace").is_some());
        let items = list.iter().enumerate().filter(|(_, item)| !replays(item));
        for (index, ((given, item), rule)) in items.zip(rules).enumerate() {
            let (given, key) =
                (format!("fault.{word}.{given}.repair"), format!("fault.{word}.{index}.repair"));
            let source = match item.table().and_then(|table| table.get("repair")) {
                Some(repair) => sources.get(&repair.place.file).and_then(|texts| {
                    let text = texts.iter().find(|(path, _)| *path == given);
                    text.map(|(_, source)| source.clone())
                }),
                None if kind.target() == Target::Resource => {
                    Some(Source::Assumption("long enough to be seen".into()))
                }
                None if kind.strikes_nodes() && kind != Fault::Dram => None,
                None => Some(Source::Assumption(REPAIR_REASON.into())),
            };
            let value = rule.repair.written(&Repair::KIND).inline().unwrap_or_default();
            reported.extend(source.map(|source| Provenance { key, value, source }));
        }
    }
    reported
}

/// Whether `path` is `key` or a table above it.
pub(super) fn covers(path: &str, key: &str) -> bool {
    key.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.into()).to_string()
}

/// A quantity or another thing in quotes.
pub(super) fn text_of(value: impl std::fmt::Display) -> String {
    quoted(&value.to_string())
}

/// Lines of one table.
pub(super) fn lines(
    table: &str,
    keys: impl IntoIterator<Item = (&'static str, String)>,
) -> Vec<Line> {
    keys.into_iter().map(|(key, value)| Line { table: table.into(), key, value }).collect()
}

fn top(scenario: &Scenario) -> Vec<Line> {
    lines(
        "",
        [
            ("schema", "1".into()),
            ("name", quoted(&scenario.name)),
            ("title", quoted(&scenario.title)),
            ("seed", scenario.seed.to_string()),
        ],
    )
}

/// All figures of site, cluster, hardware, module, network, server, boot and controller.
fn machine(scenario: &Scenario) -> Vec<Line> {
    let all = [
        ("site", scenario.site.keys()),
        ("cluster", scenario.cluster.keys()),
        ("hardware", scenario.hardware.keys()),
        ("upset", scenario.upset.keys()),
        ("module", scenario.module.keys()),
        ("network", scenario.network.keys()),
        ("server", scenario.server.keys()),
        ("boot", scenario.boot.keys()),
        ("controller", scenario.controller.keys()),
    ];
    let mut lines: Vec<Line> =
        all.into_iter().flat_map(|(table, keys)| declare::lines(table, keys)).collect();
    // Only a list of jobs has an order.
    let listed = !scenario.jobs.is_empty() && scenario.short().is_none();
    lines.retain(|line| line.key != "order" || listed);
    lines
}

/// The lines of a key that may be a table of its own, or none.
pub(super) fn field<F: Field>(table: &str, key: &'static str, field: &F) -> Vec<Line> {
    declare::lines(table, vec![(key, field.written(&F::KIND))])
}

fn fault(rule: &FaultRule) -> Vec<Line> {
    let spec = keys_of(rule.kind());
    let mut all = vec![
        ("name", Written::quoted(&rule.name)),
        ("on", Written::quoted(&nodeset::print(&rule.on))),
    ];
    let own = rule.harm.keys();
    let of_beam = rule.harm.beam().is_some();
    if of_beam {
        all.extend(own.clone());
    } else {
        match &rule.when {
            When::At(time) => all.push(("at", Written::quoted(time))),
            When::Lifetime { law, age, rejuvenate, frailty, rhythm } => {
                all.push(("lifetime", Written::Table(law.keys())));
                declare::write(age, "age", spec, &mut all);
                declare::write(rejuvenate, "rejuvenate", spec, &mut all);
                declare::write(frailty, "frailty", spec, &mut all);
                declare::write(rhythm, "rhythm", spec, &mut all);
                if spec.key("radius").is_some() {
                    declare::write(&rule.radius, "radius", spec, &mut all);
                }
            }
        }
        declare::write(&rule.cascade, "cascade", spec, &mut all);
    }
    if let Some(prediction) = &rule.prediction {
        all.push(("prediction", Written::Table(prediction.keys())));
    }
    let severity = u32::from(rule.harm.severity());
    all.extend((severity > 1).then(|| ("severity", Written::Value(severity.to_string()))));
    if spec.key("repair").is_some() {
        declare::write(&rule.repair, "repair", spec, &mut all);
    }
    all.extend(if of_beam { Vec::new() } else { own });
    declare::lines(&format!("[fault.{}]", rule.kind().word()), all)
}

fn course(scenario: &Scenario) -> Vec<Line> {
    let mut all = jobs::lines_of(scenario);
    all.extend(lines(
        "stop",
        [("when", quoted(scenario.stop.when.word())), ("at", text_of(scenario.stop.at))],
    ));
    all.extend(lines(
        "record",
        [
            ("events", quoted(scenario.record.events.word())),
            ("sample", text_of(scenario.record.sample)),
        ],
    ));
    all
}

/// The checkpoints of a job, of which `path` is the table.
pub(super) fn checkpoint(path: &str, checkpoint: &Checkpoint) -> Vec<Line> {
    match checkpoint {
        Checkpoint::Coordinated(spec) => coordinated(&format!("{path}.coordinated"), spec),
        Checkpoint::Multilevel(spec) => levels::lines_of(&format!("{path}.multilevel"), spec),
        Checkpoint::Logging(spec) => {
            let table = format!("{path}.logging");
            let mut all = lines(&table, logging_lines(spec));
            all.extend(strike_lines(&table, spec.strikes));
            all
        }
    }
}

fn coordinated(table: &str, protocol: &Coordinated) -> Vec<Line> {
    let interval = interval_text(protocol.interval);
    let cost = match protocol.cost {
        Cost::Store(place) => ("to", quoted(place.word())),
        Cost::Fixed { write, read, downtime } => {
            let (write, read, downtime) = (text_of(write), text_of(read), text_of(downtime));
            ("cost", format!("{{ write = {write}, read = {read}, downtime = {downtime} }}"))
        }
    };
    let mut all = Vec::new();
    if protocol.size.0 > 0 {
        all.extend(lines(table, [("size", text_of(protocol.size))]));
    }
    if let Interval::Adaptive { prior } = protocol.interval {
        all.extend(lines(table, [("prior", text_of(prior))]));
    }
    all.extend(lines(
        table,
        [
            ("interval", interval),
            cost,
            ("last", protocol.last.to_string()),
            ("period", quoted(protocol.period.word())),
            ("counts", quoted(protocol.counts.word())),
            ("keep", protocol.integrity.keep.to_string()),
        ],
    ));
    all.extend(field(table, "verify", &protocol.integrity.verify));
    all.extend(field(table, "incremental", &protocol.incremental));
    all.extend(field(table, "compression", &protocol.compression));
    all.extend(strike_lines(table, protocol.strikes));
    let silent = [("silent", quoted(protocol.integrity.exposed.word()))];
    all.extend(lines(&format!("{table}.strikes"), silent));
    all
}

/// An interval as TOML.
fn interval_text(interval: Interval) -> String {
    match interval {
        Interval::Fixed(span) => text_of(span),
        Interval::Young => quoted("young"),
        Interval::DalyFirst => quoted("daly first order"),
        Interval::Daly => quoted("daly"),
        Interval::Exact => quoted("exact"),
        Interval::Cooperative => quoted("cooperative"),
        Interval::Adaptive { .. } => quoted("adaptive"),
    }
}

/// The strikes of a protocol, of which `path` is the table.
pub(super) fn strike_lines(path: &str, strikes: Strikes) -> Vec<Line> {
    lines(
        &format!("{path}.strikes"),
        [
            ("checkpoint", strikes.checkpoint.to_string()),
            ("restart", strikes.restart.to_string()),
            ("downtime", strikes.downtime.to_string()),
        ],
    )
}
