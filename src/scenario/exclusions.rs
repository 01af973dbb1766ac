//! What a scenario may not ask of a job together, because no stage models it.
//!
//! What a stage by itself cannot carry out, that stage says.

use crate::config::document::{Table, Value};
use crate::config::mistakes::{Mistake, Mistakes, Place};
use crate::config::section::Section;
use crate::event::Fault;
use crate::scenario::fault_rules;
use crate::scenario::jobs::{self, Tables};

/// Notes what cannot be played together, of each job by itself.
pub(super) fn check(root: &Section<'_>, m: &mut Mistakes) {
    let faults = fault_rules::tables(root);
    for own in jobs::tables(root) {
        check_job(&own, &faults, m);
    }
}

fn check_job(own: &Tables<'_>, faults: &[(Fault, &Value, &Table)], m: &mut Mistakes) {
    let replicas = own.of_work("replicas");
    let compare = replicas.as_ref().and_then(|own| own.given("compare")).and_then(Value::text);
    let replicas = replicas.map(|own| own.own_place());
    let mute = replicas.filter(|_| compare.is_none_or(|word| word == "never"));
    let kinds = [
        ("multilevel", "several levels of checkpoints"),
        ("logging", "groups with message logging"),
    ];
    let special =
        kinds.into_iter().find_map(|(key, what)| Some((what, own.protocol(key)?.own_place())));
    let coordinated = own.coordinated();
    let of_coordinated = |key| coordinated.as_ref().and_then(|own| place(own, key));
    let increments = of_coordinated("incremental").map(|place| ("increments", place));
    let compression = of_coordinated("compression").map(|place| ("compression", place));
    let collective = own.of_work("collective").map(|own| own.own_place());
    let logging =
        own.protocol("logging").map(|own| ("groups with message logging", own.own_place()));
    for (what, other) in logging.into_iter().chain(replicas.map(|place| ("replicas", place))) {
        if let Some(place) = collective {
            note(&format!("a collective operation of a job with {what}"), place, other, m);
        }
        if let Some(io) = own.of_work("io") {
            note(&format!("regular I/O of a job with {what}"), io.own_place(), other, m);
        }
    }
    if let Some(other) = replicas {
        for (what, place) in special.into_iter().chain(increments).chain(compression) {
            note(&format!("{what} in a job with replicas"), place, other, m);
        }
    }
    if let (Some(own), Some((_, place))) = (&coordinated, increments) {
        check_increments(own, place, m);
    }
    if let (Some(own), Some(other)) = (&coordinated, replicas) {
        check_cards(own, other, m);
    }
    for (kind, item, table) in faults {
        let own = kind.corrupts().then(|| (format!("[[fault.{}]]", kind.word()), item.place));
        if let (Some(_), Some(coordinated)) = (&own, &coordinated) {
            check_counts(coordinated, m);
        }
        if let (Some((fault, place)), Some((what, other))) = (&own, increments) {
            note(&format!("{fault} for a job with {what}"), *place, other, m);
        }
        if let (Some((fault, place)), Some(other)) = (&own, mute) {
            let title = format!("{fault} for replicas that do not compare their memory");
            let help = "which of them is heard first is not modelled; give `compare = \"detect\"`";
            m.note(Mistake::new(*place, title).other(other, "the replicas").help(help));
        }
        let foreseen = table.get("prediction").map(|it| ("a prediction".to_owned(), it.place));
        let of_foreseen = replicas.filter(|_| foreseen.is_some()).map(|place| ("replicas", place));
        for (fault, place) in own.into_iter().chain(foreseen) {
            for (what, other) in special.into_iter().chain(of_foreseen) {
                note(&format!("{fault} for a job with {what}"), place, other, m);
            }
        }
    }
}

/// Notes what checkpoints of the same table may not be if some are increments.
fn check_increments(checkpoint: &Section<'_>, own: Place, m: &mut Mistakes) {
    if let Some(other) = place(checkpoint, "verify") {
        note("increments with `verify`", own, other, m);
    }
    for (key, word) in [("interval", "adaptive"), ("to", "partner")] {
        if is(checkpoint, key, &[word]) {
            note(&format!("increments with {key} = \"{word}\""), own, checkpoint.place(key), m);
        }
    }
}

/// One replica of each seat writes for all of it, so that others would not find it on a card.
fn check_cards(checkpoint: &Section<'_>, replicas: Place, m: &mut Mistakes) {
    if is(checkpoint, "to", &["card", "partner"]) {
        let title = "checkpoints of a replicated job on cards";
        let help = "one replica of each seat writes for all: to = \"file-server\"";
        let mistake = Mistake::new(checkpoint.place("to"), title).other(replicas, "the replicas");
        m.note(mistake.help(help));
    }
}

/// Nobody knows what a checkpoint that was cut short and yet counts holds of a corruption.
fn check_counts(checkpoint: &Section<'_>, m: &mut Mistakes) {
    if is(checkpoint, "counts", &["start"]) {
        let title = "silent corruption of checkpoints that count at once";
        let mistake = Mistake::new(checkpoint.place("counts"), title);
        m.note(mistake.help("let them count from their \"end\", or leave such faults out"));
    }
}

fn note(title: &str, place: Place, other: Place, m: &mut Mistakes) {
    let mistake = Mistake::new(place, title).other(other, "with this");
    m.note(mistake.help("no stage models both together; leave one of them out"));
}

/// Where a key stands, if it is given.
fn place(section: &Section<'_>, key: &str) -> Option<Place> {
    section.has(key).then(|| section.place(key))
}

/// Whether a key is one of these words.
fn is(section: &Section<'_>, key: &str, words: &[&str]) -> bool {
    let value = section.value(key);
    value.is_some_and(|value| value.text().is_some_and(|word| words.contains(&word)))
}
