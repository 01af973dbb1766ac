//! The golden lists: fingerprints of whole folders, on every machine and in every build.

use std::fmt::Write;

use crate::program::{Bench, root, scenarios_of, update};

const HEADER: &str = "\
# Fingerprints of all scenarios of a folder, one run after the other.
# They change when the model changes what happens, and for no other reason. A commit that changes
# one says in its message which scenario plays differently and why that is right.
# UPDATE=1 cargo test golden rewrites this file.
";

#[test]
fn every_smoke_scenario_has_its_golden_fingerprint() {
    check("smoke", "fingerprints.txt");
}

/// What they expect holds, too: the runs would end with another code.
#[test]
fn every_bramble_has_its_golden_fingerprint() {
    check("bramble", "brambles.txt");
}

/// Plays the scenarios of a folder and holds their fingerprints against a list.
fn check(folder: &str, list_of: &str) {
    let bench = Bench::new();
    let mut list = HEADER.to_owned();
    for run in bench.play(&scenarios_of(folder), &["--events", "none"]) {
        let text = |key: &str| run[key].as_str().expect("a string").to_owned();
        let _ = write!(list, "{} {}", text("fingerprint"), text("scenario"));
        list.push('\n');
    }
    let file = root().join("tests/it/golden").join(list_of);
    if update() {
        std::fs::write(&file, &list).expect("the golden list can be written");
    }
    let golden = std::fs::read_to_string(&file).unwrap_or_default();
    let (list, golden): (Vec<_>, Vec<_>) = (list.lines().collect(), golden.lines().collect());
    assert_eq!(list, golden, "UPDATE=1 accepts the change; the commit has to explain it");
}
