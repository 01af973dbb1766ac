//! Writes a scenario as the text that loads to it again; says where each figure comes from.

use std::fmt::Write as _;

use crate::config::declare::{self, Declared, Field, Line, Written};
use crate::config::document::{Table, Value};
use crate::config::nodeset;
use crate::config::words::Word;
use crate::config::writing::quoted;
use crate::event::{Fault, Target};
use crate::scenario::arrays;
use crate::scenario::changes;
use crate::scenario::fault::{FaultRule, Repair, When};
use crate::scenario::job::Checkpoint;
use crate::scenario::jobs;
use crate::scenario::keys::Top;
use crate::scenario::keys::faults::keys_of;
use crate::scenario::load::Sources;
use crate::scenario::parts;
use crate::scenario::transfers;
use crate::scenario::{Provenance, Scenario, Source};

/// Why parts are mended after the time that the language gives, if a scenario gives none.
const REPAIR_REASON: &str =
    "not given in the scenario: somebody mends it within half a working day";

/// The complete text: loads to the same scenario, and inherits nothing.
#[must_use]
pub fn text(scenario: &Scenario) -> String {
    let mut lines = top(scenario);
    lines.extend(machine(scenario));
    lines.extend(scenario.parts.iter().flat_map(|parts| parts::lines(parts)));
    for rule in &scenario.faults {
        lines.extend(fault(rule));
    }
    lines.extend(course(scenario));
    let mut out = String::new();
    let mut table = String::new();
    for line in lines {
        // Each fault rule starts with its name, each level with its place or cost.
        let is_first = line.key == "name"
            || (line.key == "at" && line.table == "[change]")
            || (matches!(line.key, "to" | "cost") && line.table.contains("level"));
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
            let source = value.and_then(|value| source_of(value, &key, sources));
            Provenance { key, value: line.value, source: source.unwrap_or(Source::Scenario) }
        })
        .chain(match &scenario.parts {
            None => arrays::provenance(("hardware", &scenario.hardware), merged, sources),
            Some(parts) => parts::provenance(parts, merged, sources),
        })
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
                None if [Target::Resource, Target::Network].contains(&kind.target()) => {
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

/// The source that the text of a value gives for its key, or for the nearest table above it.
pub(super) fn source_of(value: &Value, key: &str, sources: &Sources) -> Option<Source> {
    let covering = sources.get(&value.place.file)?.iter().filter(|(path, _)| covers(path, key));
    covering.max_by_key(|(path, _)| path.len()).map(|(_, source)| source.clone())
}

fn top(scenario: &Scenario) -> Vec<Line> {
    let (name, title) = (scenario.name.clone(), scenario.title.clone());
    let top = Top { schema: 1, name, title, inherit: None, seed: scenario.seed };
    declare::lines("", top.keys())
}

/// All figures of site, cluster, hardware, module, network, server, boot and controller. Parts come
/// after them, as tables of arrays.
fn machine(scenario: &Scenario) -> Vec<Line> {
    let is_of_modules = scenario.parts.is_none();
    let all = [
        ("site", Some(scenario.site.keys())),
        ("cluster", is_of_modules.then(|| scenario.cluster.keys())),
        ("hardware", is_of_modules.then(|| scenario.hardware.keys())),
        ("upset", Some(scenario.upset.keys())),
        ("module", is_of_modules.then(|| scenario.module.keys())),
        ("network", Some(scenario.network.keys())),
        ("server", Some(scenario.server.keys())),
        ("boot", Some(scenario.boot.keys())),
        ("controller", Some(scenario.controller.keys())),
    ];
    let given = all.into_iter().filter_map(|(table, keys)| Some((table, keys?)));
    let mut lines: Vec<Line> =
        given.flat_map(|(table, keys)| declare::lines(table, keys)).collect();
    // Only a list of jobs has an order.
    let has_jobs = scenario.arrivals.is_some() || !scenario.jobs.is_empty();
    let listed = has_jobs && scenario.short().is_none();
    lines.retain(|line| line.key != "order" || listed);
    lines
}

fn fault(rule: &FaultRule) -> Vec<Line> {
    let spec = keys_of(rule.kind());
    let mut all = vec![("name", Written::quoted(&rule.name))];
    all.extend(spec.key("on").map(|_| ("on", Written::quoted(&nodeset::print(&rule.on)))));
    let own = rule.harm.keys();
    let of_beam = rule.harm.beam().is_some();
    if of_beam {
        all.extend(own.clone());
    } else {
        match &rule.when {
            When::At(time) => all.push(("at", Written::quoted(time))),
            When::Lifetime { law, age, rejuvenate, frailty, rhythm } => {
                all.push(("lifetime", Written::Table(law.keys())));
                all.extend([key("age", age), key("rejuvenate", rejuvenate)]);
                all.extend([key("frailty", frailty), key("rhythm", rhythm)]);
                all.extend(spec.key("radius").map(|_| key("radius", &rule.radius)));
            }
        }
        all.push(key("cascade", &rule.cascade));
    }
    all.push(key("prediction", &rule.prediction));
    let severity = u32::from(rule.harm.severity());
    all.extend((severity > 1).then(|| ("severity", Written::Value(severity.to_string()))));
    all.extend(spec.key("repair").map(|_| key("repair", &rule.repair)));
    all.extend(if of_beam { Vec::new() } else { own });
    declare::lines(&format!("[fault.{}]", rule.kind().word()), all)
}

/// A key with its value.
fn key<F: Field>(name: &'static str, value: &F) -> (&'static str, Written) {
    (name, value.written(&F::KIND))
}

fn course(scenario: &Scenario) -> Vec<Line> {
    let mut all = jobs::lines_of(scenario);
    all.extend(transfers::lines_of(&scenario.transfers));
    all.extend(scenario.workloads.lines());
    all.extend(declare::lines("stop", scenario.stop.keys()));
    all.extend(declare::lines("record", scenario.record.keys()));
    all.extend(changes::lines(&scenario.changes));
    all
}

/// The checkpoints of a job, of which `path` is the table.
pub(super) fn checkpoint(path: &str, checkpoint: &Checkpoint) -> Vec<Line> {
    let (protocol, keys) = match checkpoint {
        Checkpoint::Coordinated(spec) => ("coordinated", spec.keys()),
        Checkpoint::Multilevel(spec) => ("multilevel", spec.keys()),
        Checkpoint::Logging(spec) => ("logging", spec.keys()),
    };
    let mut lines = declare::lines(&format!("{path}.{protocol}"), keys);
    // Silent corruption strikes no others, and what is logged costs nothing at a fixed cost.
    lines.retain(|line| match line.key {
        "silent" => checkpoint.coordinated().is_some(),
        "log" => checkpoint.cost(0).kept_at().is_some(),
        _ => true,
    });
    lines
}
