//! `rackstorm swarm`: random experiments on the real controller and agents.

use crate::program::Bench;

#[test]
fn the_first_seeds_break_no_property_whatever_the_number_of_jobs() {
    let bench = Bench::new();
    for jobs in ["1", "2"] {
        let done = bench.run(&["swarm", "--seeds", "40", "--jobs", jobs]);
        assert_eq!((done.code, done.stdout.as_str()), (0, "40 seeds, 0 violations\n"));
    }
}

#[test]
fn a_violation_is_reported_with_its_command_and_a_scenario_that_plays() {
    let bench = Bench::new();
    let sabotaged = ["swarm", "--seed", "6", "--sabotage", "skip-load", "--out", "bad"];
    let done = bench.run(&sabotaged);
    assert_eq!((done.code, done.stdout.as_str()), (3, "1 seed, 1 violation\n"));
    for part in ["breaks \"the job finishes\"", "rackstorm swarm --seed 6", "are enough"] {
        assert!(done.stderr.contains(part), "{part:?} is missing:\n{}", done.stderr);
    }
    let file = bench.path().join("bad/swarm_6.toml");
    let runs = bench.play(&[file], &["--on", "turmoil"]);
    assert_eq!(runs.len(), 1, "without the mistake it plays to its end");
    let printed = bench.run(&["swarm", "--seed", "6", "--sabotage", "skip-load", "--quiet"]);
    assert!(printed.stdout.starts_with("schema"), "without --out the scenario is printed");
}

#[test]
fn a_seed_and_a_number_of_seeds_exclude_each_other() {
    let done = Bench::new().run(&["swarm", "--seed", "1", "--seeds", "2"]);
    assert_eq!(done.code, 2);
    assert!(done.stderr.contains("cannot be used with"), "{}", done.stderr);
}
