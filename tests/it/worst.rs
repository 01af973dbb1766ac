//! The worst faults of a scenario, against all parts on a grid of times.

use std::num::NonZero;

use rackstorm::backend::model::Model;
use rackstorm::experiment::Run;
use rackstorm::experiment::worst::{Ask, Loss, Setting, Worst, search};
use rackstorm::plan::Plan;
use rackstorm::scenario::fault::{FaultRule, When};
use rackstorm::scenario::{self, Scenario};
use rackstorm::units::{Span, Time};

use crate::program::Bench;

/// 23 of 24 nodes compute 300 s in steps of 10 s, and write 100 MB each after every 90 s, some 20 s
/// at the server's 1 Gbit/s; the last node is a spare. A crash is mended after 3 min.
const RACK: &str = r#"
schema = 1
title = "a small job with a spare"
inherit = "edge_rack_24"
seed = 5
[module]
spares = 1
[server]
link = "1 Gbit/s"
[boot]
method = "instant"
[controller]
detect = "8 s"
[workload.bulk-synchronous]
step = "10 s"
work = "300 s"
[checkpoint.coordinated]
size = "100 MB"
interval = "90 s"
[stop]
at = "1 h"
"#;

const KINDS: &str = r#"
[[fault.crash]]
on = "node"
lifetime = { exponential = { mean = "1 y" } }
repair = "3 min"
[[fault.server-loss]]
on = "server"
lifetime = { exponential = { mean = "1 y" } }
repair = "1 min"
"#;

fn read(text: &str) -> Scenario {
    match scenario::read("rack", text) {
        Ok(scenario) => scenario,
        Err(mistakes) => panic!("{}", mistakes.render(false)),
    }
}

fn worst(text: &str, faults: usize, jobs: usize) -> (Setting, Worst) {
    let setting = Setting::of(&read(text), "makespan").expect("there is something to search");
    let ask = Ask {
        faults,
        jobs: NonZero::new(jobs),
        whatever_it_takes: false,
        stop: &|| false,
        progress: &|_, _| (),
    };
    let worst = search(&setting, ask).expect("it is played");
    (setting, worst)
}

fn makespan(plan: &Plan) -> f64 {
    let outcome = Run::new(plan, &Model).metrics(&["makespan"]).play().expect("it is played");
    outcome.metric("makespan").unwrap_or(f64::INFINITY)
}

/// All single faults, or all pairs, at all parts and at every so many seconds: the largest loss.
fn brute_force(pairs: bool, grid: u64) -> f64 {
    let calm = Plan::make(&read(RACK));
    let end = makespan(&calm) as u64 + 1;
    let kinds = read(&format!("{RACK}{KINDS}")).faults;
    let of = |rule: &FaultRule| {
        let parts: Vec<u32> = rule.on.iter().collect();
        let rule = rule.clone();
        parts.into_iter().map(move |part| {
            let mut one = rule.clone();
            one.on.ranges = std::iter::once(part..part + 1).collect();
            one
        })
    };
    let faults: Vec<FaultRule> = kinds.iter().flat_map(of).collect();
    assert_eq!(faults.len(), 25, "24 nodes and a server");
    let mut largest = 0.0_f64;
    let mut play = |faults: &[&FaultRule], times: &[u64]| {
        let mut plan = calm.clone();
        plan.scenario.faults = faults.iter().map(|fault| (*fault).clone()).collect();
        for (rule, at) in plan.scenario.faults.iter_mut().zip(times) {
            rule.when = When::At(Time::ZERO + Span::from_secs(*at));
        }
        largest = largest.max(makespan(&plan));
    };
    for first in &faults {
        for at in (0..end).step_by(grid as usize) {
            if !pairs {
                play(&[first], &[at]);
                continue;
            }
            // The second comes later, and at most so late that the first still delays the job.
            for second in &faults {
                for later in (at..end + 400).step_by(grid as usize) {
                    play(&[first, second], &[at, later]);
                }
            }
        }
    }
    largest - makespan(&calm)
}

fn of(loss: Loss) -> f64 {
    match loss {
        Loss::Of(value) => value,
        Loss::Unfinished => f64::INFINITY,
    }
}

/// Between two instants at which something changes the loss grows by a second each second, or not
/// at all: what a grid misses is no more than its step for each fault.
fn agree(faults: usize, grid: u64) {
    let (_, worst) = worst(&format!("{RACK}{KINDS}"), faults, 2);
    let found = of(worst.by_count[faults - 1].loss);
    let grown = brute_force(faults == 2, grid);
    assert!(grown <= found + 1e-9, "{faults}: the grid has {grown} s, the search {found} s");
    let missed = (faults as u64 * grid) as f64;
    assert!(found - grown <= missed, "{faults}: {found} s is more than the grid's {grown} s");
    assert_eq!(worst.exhaustive, faults);
    assert!(worst.unlike.0 > 1 && worst.unlike.1 == 0.0, "{:?}", worst.unlike);
}

#[test]
fn the_worst_fault_agrees_with_all_parts_at_each_second() {
    agree(1, 1);
}

/// `RACKSTORM_GRID=15` tries all pairs at every 15 s, which takes some minutes.
#[test]
fn the_worst_two_faults_agree_with_all_pairs_of_parts_on_a_grid() {
    let grid = std::env::var("RACKSTORM_GRID").ok().and_then(|grid| grid.parse().ok());
    agree(2, grid.unwrap_or(90));
}

/// One crash just before a checkpoint is whole costs what was computed since the last one, the
/// writing, the detection and the reading. With a second one right after it there is no spare left:
/// the job waits for the 3 min of the first repair, which comprise the detection.
#[test]
fn the_second_crash_has_no_spare_left() {
    let (_, worst) = worst(&format!("{RACK}{KINDS}"), 2, 1);
    let [one, two] = [0, 1].map(|count| of(worst.by_count[count].loss));
    // 90 s of computing, some 20 s of writing, 8 s of detection, some 20 s of reading.
    assert!((130.0..145.0).contains(&one), "{one} s");
    assert!((two - one - (180.0 - 8.0)).abs() < 5.0, "{two} s after {one} s");
    assert_eq!(worst.cause.schedule.len(), 2);
    assert!(worst.without.iter().all(|loss| of(*loss) < two), "both are needed");
}

#[test]
fn the_result_does_not_hang_on_how_many_runs_are_played_at_a_time() {
    let text = format!("{RACK}{KINDS}");
    let (setting, first) = worst(&text, 2, 1);
    let (_, second) = worst(&text, 2, 3);
    assert_eq!(first.json(&setting), second.json(&setting));
}

/// A search of three finds no less than all of two, and says that it is one.
#[test]
fn with_three_faults_it_is_a_search_and_says_so() {
    let (setting, worst) = worst(&format!("{RACK}{KINDS}"), 3, 2);
    let losses: Vec<f64> = worst.by_count.iter().map(|found| of(found.loss)).collect();
    assert!(losses.len() == 3 && losses[2] > losses[1] && losses[1] > losses[0], "{losses:?}");
    let text = worst.text(&setting).expect("it is played");
    assert!(text.contains("No two faults can cost more than"), "{text}");
    assert!(text.contains("it is a search: there may be worse"), "{text}");
}

#[test]
fn the_scenario_of_the_worst_faults_plays_to_the_same_loss() {
    let bench = Bench::new();
    bench.write("rack.toml", &format!("{RACK}{KINDS}"));
    let found = bench.run(&["worst", "rack.toml", "--faults", "2", "-o", "worst.toml", "--json"]);
    assert_eq!((found.code, found.stderr.as_str()), (0, ""));
    let found = &found.json_lines()[0];
    let number = |value: &serde_json::Value| value.as_f64().expect("a number");
    let whole = number(&found["value"]) + number(&found["cause"]["loss"]);
    let played = &bench.play(&[bench.path().join("worst.toml")], &[])[0];
    assert!((number(&played["metrics"]["makespan"]) - whole).abs() < 1e-9, "{played}");
    assert_eq!(played["metrics"]["faults"], 2.0, "no other fault strikes");
    let text = std::fs::read_to_string(bench.path().join("worst.toml")).expect("it is written");
    assert!(text.starts_with("# The worst faults of `rack` that were found: makespan "), "{text}");
}

#[test]
fn a_fault_after_which_the_work_is_never_done_is_the_worst_of_all() {
    let text = RACK.replace("spares = 1", "spares = 0");
    let kinds = KINDS.replace("\"3 min\"", "\"never\"");
    let (setting, worst) = worst(&format!("{text}{kinds}"), 2, 2);
    assert_eq!((worst.by_count.len(), worst.cause.loss), (1, Loss::Unfinished));
    let text = worst.text(&setting).expect("it is played");
    assert!(text.contains("at worst by one fault: never done by 1 h"), "{text}");
    assert_eq!(worst.cause.schedule.len(), 1);
}

/// A crash of the spare alone delays nobody: nothing is left of the cause.
#[test]
fn faults_that_add_nothing_are_no_part_of_the_cause() {
    let kinds = KINDS.split("[[fault.server-loss]]").next().expect("the crash");
    let (_, worst) = worst(&format!("{RACK}{}", kinds.replace("\"node\"", "\"pi24\"")), 2, 1);
    assert_eq!((worst.cause.schedule.len(), of(worst.cause.loss)), (0, 0.0));
}

#[test]
fn what_cannot_be_searched_is_refused_with_a_hint() {
    let bench = Bench::new();
    bench.write("none.toml", RACK);
    bench.write("rack.toml", &format!("{RACK}{KINDS}"));
    let short = RACK.replace("\"1 h\"", "\"100 s\"");
    bench.write("short.toml", &format!("{short}{KINDS}"));
    let rays = "[[fault.silent-corruption]]\non = \"node\"\n\
                lifetime = { exponential = { mean = \"1 y\" } }\n";
    bench.write("rays.toml", &format!("{RACK}{rays}"));
    let change = "[[change]]\nat = \"20 s\"\nset = [\"fault.crash.0.repair = 5 s\"]\n";
    bench.write("change.toml", &format!("{RACK}{KINDS}{change}"));
    let boot = "schema = 1\ninherit = \"edge_rack_24\"\n[stop]\nat = \"1 h\"\n";
    bench.write("boot.toml", &format!("{boot}{KINDS}"));
    for (arguments, words) in [
        (&["none.toml"][..], "no rule of the scenario has faults to choose from"),
        (&["rays.toml"], "what a silent-corruption does is chance"),
        (&["short.toml"], "the work is not done by the end"),
        (&["boot.toml"], "there is no job"),
        (&["change.toml"], "its keys change while the run goes on ([[change]])"),
        (&["rack.toml", "--metric", "makespam"], "did you mean `makespan`"),
        (&["rack.toml", "--metric", "mtti"], "a run without faults has no metric `mtti`"),
        (&["rack.toml", "--faults", "0"], "0 is not in 1..=16"),
        (&["rack.toml", "--faults", "many"], "--faults"),
        (&["absent.toml"], "absent.toml"),
    ] {
        let done = bench.run(&[&["worst"], arguments].concat());
        assert_eq!((done.code, done.stdout.as_str()), (2, ""), "{arguments:?}: {}", done.stderr);
        assert!(done.stderr.contains(words), "{arguments:?}: {}", done.stderr);
    }
    let done = bench.run(&["worst", "boot.toml", "--metric", "boot_t100", "--json"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(done.json_lines()[0]["cause"]["loss"].as_f64() > Some(60.0), "{}", done.stdout);
}
