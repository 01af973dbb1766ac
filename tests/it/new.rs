//! `rackstorm new`: every template loads without a warning, plays, and has its golden text.

use rackstorm::scenario::boot::BootMethod;
use rackstorm::scenario::template::{Machine, Template};
use rackstorm::scenario::{self, Overrides};

use crate::harness::measure_text;
use crate::program::{Bench, root, update};

const KINDS: [Machine; 3] = [Machine::Rack, Machine::Nodes, Machine::Parts];

/// A template with all that it may have.
fn whole(machine: Machine, nodes: u64, hardware: &str) -> Template {
    let hardware = hardware.to_owned();
    let boot = BootMethod::Sd;
    Template { machine, nodes, hardware, boot, job: true, faults: true, checkpoint: true }
}

/// Its text, which loads and of which nothing is hardly meant.
fn loaded(template: &Template) -> String {
    let text = template.text().unwrap_or_else(|why| panic!("{template:?}: {why}"));
    let loaded = scenario::load_text("new", &text, &Overrides::default());
    let loaded = loaded.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    assert!(!loaded.warnings.has_warnings(), "{template:?}");
    let nodes = |line: &&str| line.starts_with("nodes = ");
    let counts = text.lines().filter(nodes).map(|line| line[8..].parse::<u64>().expect("a count"));
    assert_eq!(counts.sum::<u64>(), template.nodes, "{text}");
    text
}

/// As many as are asked for, in each kind, with a job or with the boot alone.
#[test]
fn every_number_of_nodes_makes_a_scenario_without_a_warning() {
    let few = [1, 2, 3, 23, 24, 25, 47, 48, 49, 10_000];
    for nodes in few.into_iter().chain((611..10_000).step_by(1_571)) {
        for machine in KINDS {
            if machine == Machine::Parts && nodes == 1 {
                continue;
            }
            loaded(&whole(machine, nodes, "pi_3b"));
            let boot = BootMethod::PxeNfs;
            let alone = Template { boot, job: false, ..whole(machine, nodes, "pi_4b") };
            loaded(&Template { faults: false, checkpoint: false, ..alone });
        }
    }
}

#[test]
fn a_template_plays_to_the_end_of_its_job() {
    for nodes in [2, 25, 150] {
        for machine in KINDS {
            let run = measure_text(&loaded(&whole(machine, nodes, "pi_3b")), None);
            assert!(run.metric("jobs_unfinished") < 0.5, "{machine:?} of {nodes}");
            // One of all nodes fails every 2 h, and 12 h and more of work see 6 in the mean.
            let failures = run.metric("failures");
            assert!((1.0..20.0).contains(&failures), "{machine:?} of {nodes}: {failures}");
        }
    }
}

/// The supplies suffice for the boards, whatever they are.
#[test]
fn a_template_of_every_board_comes_up() {
    let boards = ["pi_1b", "pi_2b", "pi_3b_plus", "pi_4b", "pi_5", "pi_cm4", "pi_zero_2w"];
    for board in boards {
        for machine in KINDS {
            let alone = Template { faults: false, ..whole(machine, 26, board) };
            let text = loaded(&Template { job: false, checkpoint: false, ..alone });
            let run = measure_text(&text, None);
            assert!((run.metric("nodes_up_max") - 26.0).abs() < 0.5, "{board} {machine:?}");
            assert!(run.metric("failures_brown_out") < 0.5, "{board} {machine:?}");
        }
    }
}

#[test]
fn every_kind_has_its_golden_text() {
    for (kind, nodes, flags) in [
        ("rack", "50", &["--boot", "pxe-nfs"][..]),
        ("machine", "2000", &["--faults", "--checkpoint"]),
        ("parts", "8", &["--job", "--hardware", "pi_2b"]),
    ] {
        let bench = Bench::new();
        let done = bench.run(&[&["new", kind, "--nodes", nodes], flags].concat());
        assert_eq!((done.code, done.stderr.as_str()), (0, ""));
        let file = root().join(format!("tests/it/golden/new_{kind}.toml"));
        if update() {
            std::fs::write(&file, &done.stdout).expect("the golden text can be written");
        }
        let golden = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(done.stdout, golden, "UPDATE=1 accepts the change");
        let long = done.stdout.lines().find(|line| line.len() > 100);
        assert_eq!(long, None, "no line is too long to read");
    }
}

#[test]
fn what_cannot_be_written_is_refused_with_a_hint() {
    for (arguments, said) in [
        (&["rack", "--nodes", "0"][..], "0 nodes: it may be from 1 to 10000"),
        (&["machine", "--nodes", "1000000000"], "1000000000 nodes: it may be from 1 to 1000000"),
        (&["rack", "--nodes", "20000"], "a larger machine is written by `rackstorm new machine`"),
        (&["parts", "--nodes", "1"], "from 2 to 1000000, a head and those that it serves"),
        (&["rack", "--hardware", "pi_3c"], "no hardware `pi_3c`; did you mean `pi_3b`?"),
        (&["rack", "--hardware", "pi_1b", "--boot", "pxe-nfs"], "pi_1b"),
        (&["rack", "--nodes", "many"], "invalid value 'many'"),
        (&["desk"], "rack, machine, parts"),
        (&["rack", "--force"], "--out"),
    ] {
        let bench = Bench::new();
        let done = bench.run(&[&["new"], arguments].concat());
        assert_eq!((done.code, done.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(done.stderr.contains(said), "{arguments:?}: {}", done.stderr);
        assert!(bench.files().is_empty());
    }
}

#[test]
fn a_file_that_is_there_is_overwritten_only_by_force() {
    let bench = Bench::new();
    let file = bench.write("storm.toml", "mine");
    let done = bench.run(&["new", "rack", "-o", "storm.toml"]);
    assert_eq!(done.code, 2);
    assert!(done.stderr.contains("storm.toml is there; --force overwrites it"), "{}", done.stderr);
    assert_eq!(std::fs::read_to_string(&file).expect("readable"), "mine");
    let done = bench.run(&["new", "rack", "-o", "storm.toml", "--force"]);
    assert_eq!((done.code, done.stdout.as_str()), (0, ""), "{}", done.stderr);
    assert_eq!(bench.run(&["validate", "storm.toml"]).code, 0);
}
