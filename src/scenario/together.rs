//! What a scenario may not ask for together, because no stage models it.

use crate::scenario::mistakes::{Mistake, Mistakes, Place};
use crate::scenario::section::Section;

/// Notes what cannot be played together.
pub(super) fn check(root: &Section<'_>, m: &mut Mistakes) {
    let workload = root.section("workload").section("bulk-synchronous");
    let replicas = place(&workload, "replicas");
    let levels = place(&root.section("checkpoint"), "multilevel");
    let faults = root.section("fault");
    let corrupts = ["silent-corruption", "upset"].map(|kind| (kind, place(&faults, kind)));
    let pairs =
        [(levels, replicas, "several levels of checkpoints in a job with replicas".to_owned())];
    let corrupt = corrupts.into_iter().flat_map(|(kind, fault)| {
        let title = |what: &str| format!("[[fault.{kind}]] strikes a job with {what}");
        [
            (fault, levels, title("several levels of checkpoints")),
            (fault, replicas, title("replicas")),
        ]
    });
    for (one, other, title) in pairs.into_iter().chain(corrupt) {
        if let (Some(one), Some(other)) = (one, other) {
            let mistake = Mistake::new(one, title).other(other, "with this");
            m.note(mistake.help("no stage models both together; leave one of them out"));
        }
    }
}

/// Where a key stands, if it is given.
fn place(section: &Section<'_>, key: &str) -> Option<Place> {
    section.has(key).then(|| section.place(key))
}
