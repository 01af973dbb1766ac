//! `[[change]]`: keys that take another value at an instant of the run, and which keys may.
//!
//! A change is a scenario of its own: the one before it with the texts of `set` laid over it. It
//! may differ from that only in what a machine and its programs can take up while they run.
//! Whatever else differs has shaped the run before the change.

use std::sync::Arc;

use super::load::Layer;
use crate::config::declare::{self, Declared, Line, table};
use crate::config::document::Table;
use crate::config::layers::{drop_lost_items, lay_over};
use crate::config::mistakes::{Mistake, Mistakes, Place};
use crate::config::section::Section;
use crate::config::walk;
use crate::scenario::fault::{FaultRule, When};
use crate::scenario::job::{Checkpoint, Cost, Interval};
use crate::scenario::keys::{ROOT, SPAN_SOME};
use crate::scenario::{Overrides, Scenario, overrides, read_over, text};
use crate::units::Time;

/// The keys that may change, and from when the new value counts.
pub const CHANGEABLE: &[(&str, &str)] = &[
    (
        "checkpoint.coordinated.interval",
        "from the next end of a step on; not from or to `adaptive`",
    ),
    (
        "checkpoint.coordinated.cost",
        "of what is written or read from then on; one that was fixed stays fixed",
    ),
    ("controller.detect", "of nodes that fall silent from then on"),
    ("hardware.link", "of what is under way as well"),
    ("module.uplink", "of what is under way as well"),
    ("group.N.node.link", "of what is under way as well"),
    ("switch.N.uplink", "of what is under way as well"),
    ("cell.N.rate", "of what is under way as well"),
    ("cell.N.efficiency", "of what is under way as well"),
    ("cell.N.uplink", "of what is under way as well"),
    ("server.link", "of what is under way as well"),
    ("server.disk", "of what is under way as well"),
    (
        "fault.KIND.N.lifetime",
        "what is left of a lifetime keeps its share of it; only of a law, for rules without \
         `prediction`",
    ),
    ("fault.KIND.N.repair", "of parts that are struck from then on"),
];

table! {
    /// Keys that take another value at an instant of the run. Only the model plays it.
    pub(super) struct OneChange(Debug) {
        /// When.
        at: Time = SPAN_SOME;
        /// What, as `--set` takes it: `set = ["checkpoint.coordinated.interval = 1 h"]`. An
        /// interval that follows from lifetimes or costs that change follows them.
        set: Vec<String>;
    }
}

/// Keys that take another value at an instant of the run.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// When.
    pub at: Time,
    /// What, as the file has it.
    pub set: Vec<String>,
    /// The scenario from then on.
    pub scenario: Box<Scenario>,
}

/// The scenario with one more change.
///
/// # Errors
/// All mistakes of the change.
pub fn changed(scenario: &Scenario, at: Time, set: &[String]) -> Result<Scenario, Mistakes> {
    let mut with = scenario.clone();
    // What it comes to is read from the text.
    let change = Change { at, set: set.to_vec(), scenario: Box::new(scenario.clone()) };
    with.changes.push(change);
    read_over(&scenario.name, &text(&with), &Overrides::default())
}

/// The changes of a scenario that was built from these keys, by their time; `build` makes one from
/// others.
pub(super) fn read(
    scenario: &Scenario,
    merged: &Table,
    file: u32,
    m: &mut Mistakes,
    build: &dyn Fn(&Table, &mut Mistakes) -> Option<Scenario>,
) -> Option<Vec<Change>> {
    let root = Section::new(&ROOT, merged, "", Place::whole(file));
    let mut specs = Vec::new();
    for section in root.items("change") {
        let section = section?;
        let spec = OneChange::read(&section, m)?;
        if spec.at > scenario.stop.at {
            let mistake = Mistake::new(section.place("at"), "this change comes after the end");
            let other = root.section("stop").place("at");
            m.note(mistake.other(other, "the end").help("an earlier `at`, or a later `stop.at`"));
            return None;
        }
        specs.push((spec, section.place("set")));
    }
    specs.sort_by_key(|(spec, _)| spec.at);
    let mut keys = merged.clone();
    keys.remove("change");
    let mut before = scenario;
    let mut changes: Vec<Change> = Vec::new();
    for (OneChange { at, set }, place) in specs {
        let mut next = None;
        for text in &set {
            let Layer { file, table } = overrides::layer("change", text, m)?;
            m.lay_on_top(file);
            walk::check_document(&ROOT, &table, m);
            let of_all = table.get("hardware").filter(|_| scenario.parts.is_some());
            if let Some(hardware) = of_all {
                let title = "[hardware] of a cluster of parts cannot change while the run goes on";
                let help = "`group.0.node.link = ...` changes the link of the first group";
                m.note(Mistake::new(hardware.place, title).help(help));
                return None;
            }
            lay_over(&ROOT, &mut keys, &table, m);
            drop_lost_items(&ROOT, &mut keys, m);
            let after = build(&keys, m)?;
            if taken_up(next.as_ref().unwrap_or(before), &after) != after {
                let title = format!("`{text}` cannot change while the run goes on");
                let keys: Vec<_> = CHANGEABLE.iter().map(|(key, _)| format!("`{key}`")).collect();
                let help = format!("these can: {}", keys.join(", "));
                m.note(Mistake::new(place, title).help(help));
                return None;
            }
            next = Some(after);
        }
        let scenario = Box::new(next.unwrap_or_else(|| before.clone()));
        changes.push(Change { at, set, scenario });
        before = &changes[changes.len() - 1].scenario;
    }
    Some(changes)
}

/// A scenario with all that may change as another one has it.
fn taken_up(before: &Scenario, after: &Scenario) -> Scenario {
    let mut taken = before.clone();
    taken.hardware.link = after.hardware.link;
    taken.module.uplink = after.module.uplink;
    if let (Some(own), Some(other)) = (&mut taken.parts, &after.parts) {
        let own = Arc::make_mut(own);
        for (own, other) in own.groups.iter_mut().zip(&other.groups) {
            own.node.link = other.node.link;
        }
        for (own, other) in own.switches.iter_mut().zip(&other.switches) {
            own.uplink = other.uplink;
        }
        for (own, other) in own.cells.iter_mut().zip(&other.cells) {
            (own.rate, own.efficiency) = (other.rate, other.efficiency);
            own.uplink = other.uplink;
        }
    }
    (taken.server.link, taken.server.disk) = (after.server.link, after.server.disk);
    taken.controller.detect = after.controller.detect;
    for (own, other) in taken.jobs.iter_mut().zip(&after.jobs) {
        let both = (&mut own.checkpoint, &other.checkpoint);
        let (Some(Checkpoint::Coordinated(own)), Some(Checkpoint::Coordinated(other))) = both
        else {
            continue;
        };
        let learns = |interval| matches!(interval, Interval::Adaptive { .. });
        if !learns(own.interval) && !learns(other.interval) {
            own.interval = other.interval;
        }
        if matches!((own.cost, other.cost), (Cost::Fixed { .. }, Cost::Fixed { .. })) {
            own.cost = other.cost;
        }
    }
    for (own, other) in taken.faults.iter_mut().zip(&after.faults) {
        own.repair = other.repair.clone();
        take_law(own, other);
    }
    taken
}

fn take_law(own: &mut FaultRule, other: &FaultRule) {
    if own.prediction.is_none()
        && let (When::Lifetime { law, .. }, When::Lifetime { law: other, .. }) =
            (&mut own.when, &other.when)
    {
        *law = other.clone();
    }
}

/// The changes as a file has them.
pub(super) fn lines(changes: &[Change]) -> Vec<Line> {
    let lines = |change: &Change| {
        let one = OneChange { at: change.at, set: change.set.clone() };
        declare::lines("[change]", one.keys())
    };
    changes.iter().flat_map(lines).collect()
}
