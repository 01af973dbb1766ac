//! What a scenario may not ask for together, because no stage models it.

use crate::config::document::Value;
use crate::config::mistakes::{Mistake, Mistakes, Place};
use crate::config::section::Section;
use crate::scenario::misfortune;

/// Notes what cannot be played together.
pub(super) fn check(root: &Section<'_>, m: &mut Mistakes) {
    let workload = root.section("workload").section("bulk-synchronous");
    let replicas = place(&workload, "replicas").map(|place| ("replicas", place));
    let compare = workload.section("replicas").given("compare").and_then(Value::text);
    let mute = replicas.filter(|_| compare.is_none_or(|word| word == "never"));
    let kinds = [
        ("multilevel", "several levels of checkpoints"),
        ("logging", "groups with message logging"),
    ];
    let checkpoint = root.section("checkpoint");
    let mut given = kinds.iter().filter_map(|(key, what)| Some((*what, place(&checkpoint, key)?)));
    let special = given.next();
    if let (Some((what, place)), Some((_, other))) = (special, replicas) {
        note(&format!("{what} in a job with replicas"), place, other, m);
    }
    let coordinated = root.section("checkpoint").section("coordinated");
    let increments = place(&coordinated, "incremental").map(|place| ("increments", place));
    let compression = place(&coordinated, "compression").map(|place| ("compression", place));
    for (what, place) in increments.into_iter().chain(compression) {
        if let Some((_, other)) = replicas {
            note(&format!("{what} in a job with replicas"), place, other, m);
        }
    }
    if let Some((_, place)) = increments {
        check_increments(&coordinated, place, m);
    }
    for (kind, item, table) in misfortune::tables(root) {
        let own = kind.corrupts().then_some((format!("[[fault.{}]]", kind.word()), item.place));
        if let (Some((fault, place)), Some((what, other))) = (&own, increments) {
            note(&format!("{fault} for a job with {what}"), *place, other, m);
        }
        if let (Some((fault, place)), Some((_, other))) = (&own, mute) {
            let title = format!("{fault} for replicas that do not compare their memory");
            let help = "which of them is heard first is not modelled; give `compare = \"detect\"`";
            m.note(Mistake::new(*place, title).other(other, "the replicas").help(help));
        }
        let foreseen = table.get("prediction").map(|it| ("a prediction".to_owned(), it.place));
        let of_foreseen = replicas.filter(|_| foreseen.is_some());
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
        if checkpoint.value(key).is_some_and(|value| value.text() == Some(word)) {
            note(&format!("increments with {key} = \"{word}\""), own, checkpoint.place(key), m);
        }
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
