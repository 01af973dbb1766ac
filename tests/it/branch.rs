//! Runs with a change at an instant, by arithmetic, and the command that branches a recorded run.
//!
//! Three nodes of four compute ten steps of 10 s, and write a checkpoint after every second one but
//! the last: `|--|--|ccc|--|--|ccc| ...`.

use rackstorm::backend::Backend;
use rackstorm::backend::model::Model;
use rackstorm::event::{CheckpointAct, Event, What};
use rackstorm::experiment::Run;
use rackstorm::plan::Plan;
use rackstorm::scenario;
use rackstorm::scenario::changes::{CHANGEABLE, changed};
use rackstorm::units::Time;

use crate::harness::{plan_of_file, play_text};
use crate::pace::{computing, four};
use crate::program::{Bench, root, smoke_scenarios};

const FIXED: &str = "[checkpoint.coordinated]\ninterval = \"20 s\"\n\
                     cost = { write = \"5 s\", read = \"0 s\" }\n";

fn change(at: u64, set: &str) -> String {
    format!("[[change]]\nat = \"{at} s\"\nset = [{set:?}]\n")
}

fn near(value: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((value - expected).abs() < tolerance, "{what}: {value} s is not {expected} s");
}

/// Without a change four checkpoints of 5 s: 120 s. With another interval from 30 s on, the second
/// one comes when 50 s are computed since the first.
#[test]
fn another_interval_counts_from_the_next_end_of_a_step() {
    let took = |rest: &str| computing(&play_text(&four(&format!("{FIXED}{rest}")), None));
    let whole = |rest: &str| {
        let played = play_text(&four(&format!("{FIXED}{rest}")), None);
        played.metric("makespan")
    };
    let start = whole("") - 120.0;
    let later = change(30, "checkpoint.coordinated.interval = 50 s");
    near(whole(&later) - start, 110.0, 1e-6, "two checkpoints in all");
    let sooner = change(30, "checkpoint.coordinated.interval = 10 s");
    near(whole(&sooner) - start, 100.0 + 8.0 * 5.0, 1e-6, "one after each step from the third on");
    near(took(""), 20.0, 1e-6, "the last two steps");
}

#[test]
fn another_cost_is_that_of_checkpoints_which_begin_from_then_on() {
    let whole = |rest: &str| play_text(&four(&format!("{FIXED}{rest}")), None).metric("makespan");
    let cheaper = change(23, "checkpoint.coordinated.cost.write = 1 s");
    near(whole("") - whole(&cheaper), 3.0 * 4.0, 1e-6, "the one under way takes its 5 s");
}

/// Three nodes write 117.625 MB each at 94.1 Mbit/s: 10 s, and half of it is done when the rate
/// changes. Whatever is the narrowest then, the rest takes its time.
#[test]
fn another_rate_of_a_link_or_disk_counts_for_what_is_under_way() {
    let moves = "[checkpoint.coordinated]\ninterval = \"20 s\"\nsize = \"117.625 MB\"\n";
    for (set, rest) in [
        ("hardware.link = 200 Mbit/s", 2.5),
        ("hardware.link = 50 Mbit/s", 10.0),
        ("server.link = 150 Mbit/s", 10.0),
        ("module.uplink = 150 Mbit/s", 10.0),
        ("server.disk = 17.64375 MB/s", 10.0),
        ("server.link = 100 Gbit/s", 5.0),
    ] {
        let commits = |rest: &str| {
            let played = play_text(&four(&format!("{moves}{rest}")), None);
            let first = |wanted: CheckpointAct| {
                let is =
                    |what: &What| matches!(*what, What::Checkpoint { act, .. } if act == wanted);
                played.times(is)[0]
            };
            first(CheckpointAct::Commit).since(first(CheckpointAct::Begin)).as_secs_f64()
        };
        near(commits(""), 10.0, 0.02, "nothing changed");
        near(commits(&change(25, set)), 5.0 + rest, 0.02, set);
    }
}

/// The node comes back at once when it is power-cycled, so that the job waits for the detection.
#[test]
fn another_time_of_detection_counts_for_nodes_that_fall_silent_from_then_on() {
    let crash = "[[fault.crash]]\non = \"pi1\"\nat = \"35 s\"\n";
    let whole = |rest: &str| play_text(&four(&format!("{crash}{rest}")), None).metric("makespan");
    let sooner = change(30, "controller.detect = 2 s");
    near(whole("") - whole(&sooner), 6.0, 1e-6, "2 s in place of 8 s");
    let late = change(36, "controller.detect = 2 s");
    near(whole("") - whole(&late), 0.0, 1e-6, "it was silent before");
}

/// After 50 s of 1,000 s a share of 0.95 is left: 95 s of 100 s, and a repair of 5 s.
#[test]
fn what_is_left_of_a_lifetime_keeps_its_share_and_repairs_follow_their_law() {
    let lives = "[[fault.slow-down]]\non = \"pi4\"\nshare = 0.5\nage = \"new\"\n\
                 lifetime = { fixed = \"1000 s\" }\nrepair = \"20 s\"\n";
    let long = four(lives).replace("work = \"100 s\"", "work = \"300 s\"");
    let change = "[[change]]\nat = \"50 s\"\nset = [\"fault.slow-down.0.lifetime.fixed = 100 s\", \
                  \"fault.slow-down.0.repair = 5 s\"]\n";
    let played = play_text(&format!("{long}{change}"), None);
    let strikes = played.times(|what| matches!(what, What::FaultStrikes { .. }));
    let ends = played.times(|what| matches!(what, What::FaultEnds { .. }));
    near(strikes[0].as_secs_f64(), 145.0, 1e-6, "the first strike");
    near(ends[0].since(strikes[0]).as_secs_f64(), 5.0, 1e-6, "its repair");
    near(strikes[1].since(strikes[0]).as_secs_f64(), 100.0, 1e-6, "the next lifetime");
    let played = play_text(&long, None);
    assert_eq!(played.count(|what| matches!(what, What::FaultStrikes { .. })), 0);
}

fn fingerprint(plan: &Plan) -> String {
    let run = Run::new(plan, &Model).no_findings().fingerprint();
    run.play().expect("it is played").fingerprint.expect("it was asked for")
}

/// At every tenth of each smoke scenario that is not long: while nodes boot, write and fail.
#[test]
fn a_run_branched_with_nothing_changed_has_the_same_fingerprint() {
    let short = [
        "spares",
        "checkpoint_partner",
        "jobs_least_waste",
        "parts_fail",
        "prediction",
        "boot_dhcp_ping",
        "silent_verification",
        "detector_phi",
    ];
    let files = smoke_scenarios();
    let files =
        files.iter().filter(|file| short.iter().any(|name| file.ends_with(format!("{name}.toml"))));
    let mut played = 0;
    for file in files {
        let scenario = plan_of_file(file, None, &[]).scenario;
        let plan = Plan::make(&scenario);
        let mut events: Vec<Event> = Vec::new();
        Model.play(&plan, &mut events).expect("it is played");
        let last = events.last().expect("it ends").at;
        let same = fingerprint(&plan);
        for tenth in [1, 4, 8] {
            // An instant at which something happens, and one at which nothing does.
            let busy = events[events.len() * tenth / 10].at;
            for at in [busy, Time(last.0 / 10 * tenth as u64 + 1)] {
                let link = format!("server.link = {}", scenario.server.link);
                let changed = match changed(&scenario, at.max(Time(1)), &[link]) {
                    Ok(changed) => changed,
                    Err(mistakes) => panic!("{}", mistakes.render(false)),
                };
                assert_eq!(fingerprint(&Plan::make(&changed)), same, "{} at {at}", file.display());
                played += 1;
            }
        }
    }
    assert_eq!(played, 6 * short.len());
}

/// Metrics without a listener to every event are the same to the last bit, changes or not.
#[test]
fn what_is_passed_over_ends_at_a_change() {
    let text = four(&format!("{FIXED}{}", change(33, "checkpoint.coordinated.interval = 40 s")));
    let plan = Plan::make(&scenario::read("passed", &text).expect("a scenario"));
    let quick = Run::new(&plan, &Model).play().expect("it is played");
    let whole = Run::new(&plan, &Model).series().play().expect("it is played");
    assert_eq!(quick.findings.metrics, whole.findings.metrics);
    assert_eq!(quick.events, whole.events);
    assert_eq!(plan.with_seed(9).changes[0].plan.scenario.seed, 9);
}

/// A month of failures, whose checkpoints are written more often from the tenth day on.
#[test]
fn a_branched_run_shares_what_was_before_and_leaves_a_folder_that_is_played_again() {
    let bench = Bench::new();
    let file = root().join("scenarios/smoke/spares.toml");
    let run = &bench.play(&[file], &[])[0];
    let folder = run["results"].as_str().expect("a folder");
    let base = ["branch", folder, "--at", "3 d", "--json"];
    let done = bench.run(&base);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    let same = &done.json_lines()[0];
    assert_eq!(same["recorded"], same["branched"]);
    assert_eq!(same["recorded"]["fingerprint"], run["fingerprint"]);

    let more = "checkpoint.coordinated.interval=20 min";
    let done = bench.run(&[&base[..], &["--set", more, "--out", "branched"]].concat());
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    let branched = &done.json_lines()[0];
    assert_eq!(branched["prefix"], same["prefix"], "nothing before it hangs on the change");
    assert!(branched["prefix"]["events"].as_u64() > Some(1_000));
    assert_ne!(branched["branched"]["fingerprint"], run["fingerprint"]);
    let checkpoints = |side: &str| branched[side]["metrics"]["checkpoints_begun"].as_f64();
    assert!(checkpoints("branched") > checkpoints("recorded"), "{branched}");

    let left = branched["results"].as_str().expect("a folder");
    let text = std::fs::read_to_string(bench.path().join(left).join("scenario.toml"));
    let text = text.expect("a scenario");
    assert!(text.contains("[[change]]\nat = \"3 d\"\nset = [\"checkpoint.coordinated"), "{text}");
    let done = bench.run(&["replay", left]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    // What changes of a rule is said of that rule, and not of the strikes of a log.
    let done = bench.run(&["replay", left, "--on", "model"]);
    assert_eq!((done.code, done.stdout.as_str()), (3, ""), "{}", done.stderr);
    assert!(done.stderr.contains("([[change]])"), "{}", done.stderr);
    // A branch can be branched again, at a later and at an earlier instant.
    for at in ["2 d", "4 d"] {
        let again = ["branch", left, "--at", at, "--set", "controller.detect=20 s", "--quiet"];
        let done = bench.run(&again);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{at}");
        assert!(done.stdout.starts_with(&format!("the same before {at}: ")), "{}", done.stdout);
    }
}

#[test]
fn what_cannot_change_at_an_instant_is_refused_with_what_can() {
    let bench = Bench::new();
    let file = bench.write("short.toml", &four(FIXED));
    let run = &bench.play(std::slice::from_ref(&file), &[])[0];
    let folder = run["results"].as_str().expect("a folder");
    let refused = |options: &[&str], words: &str| {
        let done = bench.run(&[&["branch", folder], options].concat());
        assert_eq!((done.code, done.stdout.as_str()), (2, ""), "{options:?}: {}", done.stderr);
        assert!(done.stderr.contains(words), "{options:?}: {}", done.stderr);
    };
    for set in ["cluster.modules=2", "seed=7", "workload.bulk-synchronous.step=20 s", "stop.at=2 h"]
    {
        refused(&["--at", "30 s", "--set", set], "cannot change while the run goes on");
    }
    refused(&["--at", "30 s", "--set", "server.links=1 Gbit/s"], "did you mean `link`");
    refused(&["--at", "30 s", "--set", "server.link"], "an override needs a `=`");
    refused(&["--at", "59 min"], "the run was over after");
    refused(&["--at", "2 h"], "this change comes after the end");
    refused(&["--at", "-5 s"], "--at");
    refused(&["--at", "0 s"], "more than zero");
    refused(&["--at", "soon"], "--at");
    let done = bench.run(&["branch", "nowhere", "--at", "30 s"]);
    assert_eq!(done.code, 3, "{}", done.stderr);
    let elsewhere =
        bench.run(&["run", file.to_str().unwrap(), "--on", "turmoil", "--json", "--no-report"]);
    let elsewhere = &elsewhere.json_lines()[0];
    let folder = elsewhere["results"].as_str().expect("a folder");
    let done = bench.run(&["branch", folder, "--at", "30 s"]);
    assert_eq!(done.code, 2, "{}", done.stderr);
    assert!(done.stderr.contains("stage turmoil played it"), "{}", done.stderr);
    let changed = bench
        .write("changed.toml", &four(&format!("{FIXED}{}", change(30, "server.link = 1 Gbit/s"))));
    let done = bench.run(&["run", changed.to_str().unwrap(), "--on", "turmoil"]);
    assert_eq!(done.code, 3, "{}", done.stderr);
    assert!(done.stderr.contains("only the model plays it"), "{}", done.stderr);
}

#[test]
fn the_help_and_the_page_list_every_key_that_may_change() {
    let help = Bench::new().run(&["branch", "--help"]).stdout;
    let page = std::fs::read_to_string(root().join("docs/what-if.md")).expect("the page");
    for (key, _) in CHANGEABLE {
        assert!(help.contains(key), "the help lacks {key}");
        assert!(page.contains(&format!("`{key}`")), "docs/what-if.md lacks {key}");
    }
}
