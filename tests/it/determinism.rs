//! The same scenario and seed give the same run: again, in parallel, in a replay.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

use crate::program::{Bench, smoke_scenarios};

/// What must not change from run to run: all that `--json` says but the folder.
fn facts(runs: Vec<Value>) -> Vec<Value> {
    let without_folder = |mut run: Value| {
        run.as_object_mut().expect("an object").remove("results");
        run
    };
    runs.into_iter().map(without_folder).collect()
}

#[test]
fn the_same_file_twice_gives_the_same_run() {
    let files = smoke_scenarios();
    let (first, second) = (Bench::new(), Bench::new());
    assert_eq!(facts(first.play(&files, &[])), facts(second.play(&files, &[])));
}

#[test]
fn parallel_runs_say_the_same_in_the_same_order() {
    let files = smoke_scenarios();
    let (one, two) = (Bench::new(), Bench::new());
    let alone = facts(one.play(&files, &["--jobs", "1"]));
    assert_eq!(alone, facts(two.play(&files, &["--jobs", "2"])));
}

#[test]
fn what_is_written_down_does_not_change_the_run() {
    let files = smoke_scenarios();
    let bench = Bench::new();
    let all = facts(bench.play(&files, &["--events", "all", "--out", "all"]));
    for level in ["faults", "none"] {
        assert_eq!(all, facts(bench.play(&files, &["--events", level, "--out", level])), "{level}");
    }
}

#[test]
fn another_seed_gives_another_run_of_a_scenario_with_chance() {
    let bench = Bench::new();
    let prints = |seed: &str| -> Vec<String> {
        let runs = bench.play(&smoke_scenarios(), &["--seed", seed]);
        runs.iter().map(|run| run["fingerprint"].to_string()).collect()
    };
    let (one, two): (BTreeSet<_>, BTreeSet<_>) =
        (prints("1").into_iter().collect(), prints("2").into_iter().collect());
    assert_ne!(one, two, "no smoke scenario draws any chance");
}

#[test]
fn a_replay_agrees_with_what_was_recorded() {
    let bench = Bench::new();
    for run in bench.play(&smoke_scenarios(), &["--events", "all"]) {
        let folder = run["results"].as_str().expect("a folder");
        let done = bench.run(&["replay", folder]);
        assert_eq!(done.code, 0, "{folder}: {}", done.stderr);
        let fingerprint = run["fingerprint"].as_str().expect("a string");
        assert!(done.stdout.contains(fingerprint), "{folder}: {}", done.stdout);
    }
}

#[test]
fn a_replay_of_a_run_that_was_tampered_with_is_noticed() {
    let bench = Bench::new();
    let first = smoke_scenarios().swap_remove(0);
    let runs = bench.play(&[first], &["--events", "all"]);
    let folder = runs[0]["results"].as_str().expect("a folder").to_owned();
    let scenario = bench.path().join(&folder).join("scenario.toml");
    let text = std::fs::read_to_string(&scenario).expect("the resolved scenario");
    let seed = runs[0]["seed"].as_u64().expect("a seed");
    let other = text.replacen(&format!("seed = {seed}"), &format!("seed = {}", seed + 1), 1);
    assert_ne!(text, other, "the resolved scenario states its seed");
    std::fs::write(&scenario, other).expect("results can be written");
    let done = bench.run(&["replay", &folder]);
    assert_eq!(done.code, 3, "{}", done.stderr);
    assert!(done.stderr.contains("scenario.toml is changed"), "{}", done.stderr);
    let done = bench.run(&["replay", &folder, "--unchecked"]);
    assert_eq!(done.code, 3, "{}", done.stderr);
    assert!(done.stderr.contains("differs"), "{}", done.stderr);
}

#[test]
fn the_results_of_a_run_do_not_hold_the_time_of_day() {
    let files: Vec<PathBuf> = smoke_scenarios().into_iter().take(1).collect();
    let (first, second) = (Bench::new(), Bench::new());
    let folder = |bench: &Bench| {
        let runs = bench.play(&files, &["--events", "all"]);
        bench.path().join(runs[0]["results"].as_str().expect("a folder"))
    };
    let (first, second) = (folder(&first), folder(&second));
    crate::program::walk(&first, &mut |path| {
        let name = path.strip_prefix(&first).expect("below");
        if path.is_file() && name != "manifest.json" {
            let bytes = |path| std::fs::read(path).expect("both runs wrote it");
            assert!(bytes(path.to_owned()) == bytes(second.join(name)), "{}", name.display());
        }
    });
}
