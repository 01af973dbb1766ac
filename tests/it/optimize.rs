//! The best value by runs, held against closed forms, a grid, and what a user may get wrong.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use rackstorm::theory::young_daly::{daly, exact, wall_time};

use crate::program::{Bench, root};

const INTERVAL: &str = "checkpoint.coordinated.interval";
/// A shorter job, for time.
const WORK: &str = "workload.bulk-synchronous.work=6 h";
const VERIFICATIONS: &str = "checkpoint.coordinated.verify.per_checkpoint";

/// The arguments of an optimisation of a smoke scenario.
fn arguments(scenario: &str, rest: &[&str]) -> Vec<String> {
    let file = root().join("scenarios/smoke").join(scenario);
    let file = file.to_str().expect("UTF-8").to_owned();
    let rest = rest.iter().map(ToString::to_string);
    ["optimize".to_owned(), file].into_iter().chain(rest).collect()
}

/// What an optimisation found.
fn optimum(bench: &Bench, scenario: &str, rest: &[&str]) -> Value {
    let done = bench.run(&arguments(scenario, &[rest, &["--json"]].concat()));
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{rest:?}");
    done.json_lines().swap_remove(0)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is a number"))
}

/// The row of a rival of the best value.
fn again<'a>(found: &'a Value, name: &str) -> &'a Value {
    let rows = found["again"].as_array().expect("a list");
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name}: {found}"))
}

/// One node that fails every 6 h and writes for 5 min: the interval of Daly's exact wall time is
/// found without knowing any formula, and what it costs is within 0.5 % of the least.
#[test]
fn the_exact_interval_of_one_node_is_found_from_bounds_alone() {
    let bench = Bench::new();
    let (mtbf, write, solve) = (21_600.0, 300.0, 432_000.0);
    let found = optimum(
        &bench,
        "single_node_exponential.toml",
        &[
            "--vary",
            INTERVAL,
            "--set",
            "fault.crash.0.lifetime={ exponential = { mean = \"6 h\" } }",
            "--set",
            "fault.crash.0.repair=0 s",
            "--set",
            "checkpoint.coordinated.cost={ write = \"5 min\", read = \"5 min\" }",
            "--set",
            "checkpoint.coordinated.strikes.downtime=true",
            "--set",
            "workload.bulk-synchronous.step=30 s",
            "--set",
            "workload.bulk-synchronous.work=5 d",
            "--set",
            "stop.at=200 d",
            "--precision",
            "3%",
        ],
    );
    assert_eq!(found["ended"], "precise", "{found}");
    let key = &found["keys"][INTERVAL];
    // From a checkpoint's cost to four mean times between failures.
    assert_eq!(key["bounds"], serde_json::json!([300.0, 86_400.0]));
    let waste = |interval: f64| 1.0 - solve / wall_time(solve, interval, write, write, mtbf);
    let (best, least) = (number(&key["best"]), exact(write, mtbf));
    assert!(waste(best) <= 1.005 * waste(least), "{best} s, and {least} s is exact");
    let plateau = &key["plateau"];
    let (below, above) = (number(&plateau["below"]), number(&plateau["above"]));
    assert!(below < least && least < above, "{below} < {least} < {above}");
    assert!(above < 4.0 * below, "it says something: {plateau}");
    // No value of the first round is a formula's.
    for formula in [daly(write, mtbf), least, (2.0 * write * mtbf).sqrt()] {
        let strides = libm::log(formula / 300.0) / libm::log(1.09) / 8.0;
        assert!((strides - strides.round()).abs() > 0.01, "{formula} s");
    }
    let row = again(&found, "best");
    let mean = number(&row["mean"]);
    assert!((mean - waste(best)).abs() < 2.0 * number(&row["half_width"]), "{row}");
}

#[test]
fn the_answer_does_not_depend_on_how_many_runs_are_played_at_a_time() {
    let bench = Bench::new();
    let rest = |jobs| {
        let few = ["--vary", INTERVAL, "--from", "5 min", "--to", "1 h", "--replications", "4"];
        [&few[..], &["--replications-max", "12", "--jobs", jobs]].concat()
    };
    let one = optimum(&bench, "crash_weibull_daly.toml", &rest("1"));
    assert_eq!(one, optimum(&bench, "crash_weibull_daly.toml", &rest("3")));
}

#[test]
fn what_cannot_be_searched_is_refused_with_a_reason_and_a_hint() {
    let bench = Bench::new();
    let refused = |scenario: &str, rest: &[&str], why: &[&str]| {
        let done = bench.run(&arguments(scenario, rest));
        assert_eq!((done.code, done.stdout.as_str()), (2, ""), "{rest:?}");
        for why in why {
            assert!(done.stderr.contains(why), "{rest:?}: {}", done.stderr);
        }
        assert!(!done.stderr.contains("panicked"), "{}", done.stderr);
    };
    let weibull = "crash_weibull_daly.toml";
    refused(weibull, &[], &["--vary"]);
    refused(weibull, &["--vary", "checkpoint.coordinated.intervall"], &["is no key"]);
    refused(weibull, &["--vary", "boot.method"], &["takes no numbers", "study"]);
    refused(weibull, &["--vary", INTERVAL, "--metric", "wast"], &["did you mean `waste`?"]);
    let reversed = ["--vary", INTERVAL, "--from", "2 h", "--to", "1 h"];
    refused(weibull, &reversed, &["ends before it begins"]);
    let same = ["--vary", INTERVAL, "--from", "1 h", "--to", "1 h"];
    refused(weibull, &same, &["both bounds", "are the same"]);
    refused(weibull, &["--vary", INTERVAL, "--from", "1 hour or so"], &["1 hour or so"]);
    let twice = ["--vary", INTERVAL, "--vary", INTERVAL];
    refused(weibull, &twice, &["two different ones"]);
    let set = ["--vary", INTERVAL, "--set", "checkpoint.coordinated.interval=1 h"];
    refused(weibull, &set, &["is set by --set"]);
    let two = ["--vary", INTERVAL, "--vary", "stop.at", "--from", "1 h"];
    refused(weibull, &two, &["of one key"]);
    refused(weibull, &["--vary", INTERVAL, "--precision", "0"], &["a precision of nothing"]);
    let few = ["--vary", INTERVAL, "--runs-max", "10"];
    refused(weibull, &few, &["more runs are needed"]);
    let hour = ["--vary", INTERVAL, "--replications", "2", "--set", "stop.at=1 h"];
    refused(weibull, &hour, &["came to its end in time", "a later `stop.at`"]);
    let never = ["--vary", INTERVAL, "--replications", "2", "--metric", "mtti_corruption"];
    refused(weibull, &never, &["no run has a `mtti_corruption`"]);
    let axes = "../study/pilot_interval.toml";
    refused(axes, &["--vary", "checkpoint.coordinated.size"], &["its axis", INTERVAL]);
}

/// Nodes hardly fail, so each checkpoint is a waste: the longest interval is best.
#[test]
fn a_best_value_at_a_bound_is_said_to_be_there() {
    let bench = Bench::new();
    let rest = [
        "--vary",
        INTERVAL,
        "--from",
        "10 min",
        "--to",
        "2 h",
        "--replications",
        "3",
        "--set",
        "fault.crash.0.lifetime={ exponential = { mean = \"90 y\" } }",
        "--set",
        "workload.bulk-synchronous.work=6 h",
    ];
    let found = optimum(&bench, "crash_weibull_daly.toml", &rest);
    let plateau = &found["keys"][INTERVAL]["plateau"];
    assert_eq!(
        (&plateau["at_upper_bound"], &plateau["at_lower_bound"]),
        (&true.into(), &false.into())
    );
    let sentences = found["sentences"].to_string();
    assert!(sentences.contains("may lie beyond the upper bound, 2 h"), "{sentences}");
}

#[test]
fn what_changes_nothing_is_called_flat() {
    let bench = Bench::new();
    // The job is done long before.
    let rest = ["--vary", "stop.at", "--from", "3 d", "--to", "30 d", "--replications", "3"];
    let rest = [&rest[..], &["--set", "workload.bulk-synchronous.work=6 h"]].concat();
    let found = optimum(&bench, "crash_weibull_daly.toml", &rest);
    assert_eq!(found["ended"], "flat");
    assert!(found["sentences"].to_string().contains("it hardly depends on what is varied"));
}

/// A grid of 5 intervals by 5 counts, and the point that the search named, with 12 seeds each.
#[test]
fn an_interval_and_a_count_of_verifications_are_found_together() {
    let bench = Bench::new();
    let two = [
        "--vary",
        "checkpoint.coordinated.interval={ from = \"6 min\", to = \"15 min\" }",
        "--vary",
        "checkpoint.coordinated.verify.per_checkpoint={ from = 1, to = 5 }",
        "--precision",
        "30%",
        "--replications",
        "6",
        "--set",
        WORK,
    ];
    let found = optimum(&bench, "silent_verification.toml", &two);
    let [interval, count] =
        [INTERVAL, VERIFICATIONS].map(|key| number(&found["keys"][key]["best"]));
    assert!(number(&found["reached"]) <= 0.3, "{found}");
    assert_eq!(again(&found, "the scenario's own")["point"], serde_json::json!(["15 min", "3"]));
    let mut cells = format!("{INTERVAL} [s],{VERIFICATIONS}\n{interval},{count}\n");
    for minutes in [6, 8, 10, 12, 15] {
        for verifications in 1..=5 {
            let _ = writeln!(cells, "{},{verifications}", minutes * 60);
        }
    }
    bench.write("cells.csv", &cells);
    let file = root().join("scenarios/smoke/silent_verification.toml");
    let file = file.to_str().expect("UTF-8");
    let grid = ["study", file, "--cells", "cells.csv", "--replications", "12", "-q", "-o", "grid"];
    let grid = [&grid[..], &["--set", WORK]].concat();
    // The scenario demands an efficiency that bad points miss.
    assert!(bench.run(&grid).code <= 1);
    let table = std::fs::read_to_string(bench.path().join("grid/summary.csv")).expect("a table");
    let mut rows = csv::Reader::from_reader(table.as_bytes());
    let waste = rows.deserialize().map(|row: Result<BTreeMap<String, String>, _>| {
        let row = row.expect("a row");
        (row["metric"] == "waste").then(|| row["mean"].parse::<f64>().expect("a number"))
    });
    let waste: Vec<_> = waste.flatten().collect();
    assert_eq!(waste.len(), 26);
    let least = waste.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(waste[0] <= 1.05 * least, "{interval} s with {count}: {} and {least}", waste[0]);
}

#[test]
fn a_folder_gets_a_table_a_page_and_figures() {
    let bench = Bench::new();
    let rest = ["--vary", INTERVAL, "--from", "10 min", "--to", "4 h", "--precision", "20%"];
    let rest =
        [&rest[..], &["--replications", "4", "--replications-max", "8", "-o", "best"]].concat();
    let done = bench.run(&arguments("crash_weibull_daly.toml", &rest));
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    assert!(done.stdout.ends_with("best/report.html\n"), "{}", done.stdout);
    for line in ["Least `waste`: ", "Played again with ", "daly", "adaptive"] {
        let has = done.stdout.contains(line);
        // An adaptive interval needs a belief that this scenario has not.
        assert_eq!(has, line != "adaptive", "{line}: {}", done.stdout);
    }
    for name in ["summary.csv", "summary.parquet", "figures/waste_over_interval.svg"] {
        assert!(bench.path().join("best").join(name).is_file(), "{name}");
    }
    let page = std::fs::read_to_string(bench.path().join("best/report.html")).expect("a page");
    assert!(page.contains("Compared with it") && page.contains("rackstorm optimize "));
}

/// Two jobs of 4 h that meet 0.6 failures together: 67 seeds meet 40. With 20 seeds, which meet a
/// dozen, the search dropped all intervals about Daly's, 36 min, and named 1 h 25 min, which wastes
/// 0.58 ± 0.46 points more. Seed 5, a 95 % interval.
#[test]
fn few_failures_in_a_run_get_more_seeds_before_any_value_is_dropped() {
    let bench = Bench::new();
    let text = "schema = 1\ninherit = \"edge_rack_24\"\nseed = 5\nboot.method = \"instant\"\n\
        controller.detect = \"20 s\"\n[[fault.crash]]\non = \"node\"\nrepair = \"60 s\"\n\
        lifetime = { exponential = { mean = \"5 d\" } }\n\
        [[job]]\nname = \"a\"\nnodes = 10\nstep = \"30 s\"\nwork = \"4 h\"\n\
        [job.checkpoint.coordinated]\ninterval = \"1 h\"\n\
        cost = { write = \"60 s\", read = \"60 s\", downtime = \"0 s\" }\n\
        [[job]]\nname = \"b\"\nnodes = 8\nstep = \"30 s\"\nwork = \"4 h\"\n\
        [job.checkpoint.multilevel]\ninterval = \"10 min\"\n\
        [[job.checkpoint.multilevel.level]]\nto = \"buddies\"\nsize = \"100 MB\"\n\
        [stop]\nwhen = \"workload done\"\nat = \"10 d\"\n";
    bench.write("two.toml", text);
    let vary = "job.0.checkpoint.coordinated.interval={ from = \"5 min\", to = \"4 h\" }";
    let done = bench.run(&["optimize", "two.toml", "--vary", vary, "--precision", "20%", "--json"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let found = &done.json_lines()[0];
    assert!(number(&found["seeds"]) >= 67.0, "{}", found["seeds"]);
    let daly = again(found, "daly");
    let most = number(&daly["difference"]) + number(&daly["difference_half_width"]);
    assert!(most >= 0.0, "daly is not better: {daly}");
}
