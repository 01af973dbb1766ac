//! What the tables of a study hold.

use std::collections::BTreeMap;
use std::fs;

use rackstorm::analysis::stats::confidence;

use super::{INTERVALS, done, one_node, rows, study};
use crate::program::{Bench, walk};

#[test]
fn a_row_has_the_metrics_of_the_run_to_the_last_digit() {
    let bench = Bench::new();
    one_node(&bench, INTERVALS);
    done(&bench, "node.toml -o node --quiet");
    let folder = bench.path().join("node");
    let (rows, units) = (rows(&folder.join("results.csv")), rows(&folder.join("columns.csv")));
    assert_eq!(rows.len(), 60);
    for (row, number) in rows.iter().zip(0..) {
        assert_eq!(row["cell"], (number / 20).to_string());
        assert_eq!(row["replication"], (number % 20).to_string());
        assert_eq!(
            (&row["seed"], row["status"].as_str()),
            (&(1 + number % 20).to_string(), "done")
        );
    }
    for (number, interval) in [(0, "9762.711864407 s"), (27, "6 h"), (59, "1 d")] {
        let row = &rows[number];
        let set = format!("checkpoint.coordinated.interval={interval}");
        let run =
            ["run", "node.toml", "--json", "--no-report", "--seed", &row["seed"], "--set", &set];
        let run = bench.run(&run);
        let results = run.json_lines().remove(0)["results"].clone();
        let results = bench.path().join(results.as_str().expect("a folder"));
        let metrics = super::rows(&results.join("metrics.csv"));
        let metrics: BTreeMap<_, _> =
            metrics.iter().map(|metric| (&metric["name"], metric["value"].as_str())).collect();
        for about in units.iter().filter(|about| about["role"] == "metric") {
            let name = &about["column"];
            assert_eq!(row[name], *metrics.get(name).unwrap_or(&""), "{name}");
        }
        let known = |name: &&String| units.iter().any(|about| about["column"] == **name);
        assert!(metrics.keys().all(known));
    }
    let unit =
        |name: &str| units.iter().find(|about| about["column"] == name).map(|it| &it["unit"]);
    assert_eq!(unit("makespan").map(String::as_str), Some("s"));
}

#[test]
fn any_row_is_played_again_into_a_results_folder() {
    let bench = Bench::new();
    one_node(&bench, INTERVALS);
    done(&bench, "node.toml -o node --quiet --fingerprint");
    let row = rows(&bench.path().join("node/results.csv")).swap_remove(42);
    let (cell, seed) = (&row["cell"], &row["seed"]);
    let played = done(&bench, &format!("show node {cell} --seed {seed} --play -o again"));
    let short = &row["fingerprint"][..16];
    assert!(played.contains(&format!("again/node/{seed}-model-{short}/report.html")), "{played}");
    let command = done(&bench, &format!("show node {cell} --seed {seed}"));
    let program = bench.command(&[""; 0]).get_program().to_owned();
    let line = command.replacen("rackstorm", &program.to_string_lossy(), 1);
    let mut shell = std::process::Command::new("sh");
    let line = format!("{} --no-report --json", line.trim());
    let output = shell.args(["-c", &line]).current_dir(bench.path()).output().expect("a shell");
    let run: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(run["fingerprint"], row["fingerprint"].as_str(), "{command}");
    assert_eq!(study(&bench, "show node 3 --seed 1").code, 2);
}

#[test]
fn runs_whose_time_is_up_are_marked_and_counted() {
    let bench = Bench::new();
    let axes = "[sweep]\n\"stop.at\" = [\"10 d\", \"365 d\"]\nseed = \"3..7\"\n";
    one_node(&bench, axes);
    let text = done(&bench, "node.toml -o node --quiet");
    assert!(text.starts_with("node: 2 cells, 8 runs, 4 unfinished\n"), "{text}");
    assert!(text.contains("No other cell has a run that was done."), "{text}");
    assert!(text.contains("4 runs in 1 cell did not finish and are in no mean"), "{text}");
    let rows = rows(&bench.path().join("node/results.csv"));
    let of = |row: usize| (rows[row]["status"].as_str(), rows[row]["makespan"].is_empty());
    assert_eq!((of(3), of(4)), (("unfinished", true), ("done", false)));
    assert_eq!(rows[3]["seed"], "6");
    let results = rackstorm::experiment::study::results(&bench.path().join("node"));
    let results = results.expect("a table");
    assert_eq!(results.done, [[false; 4], [true; 4]].concat());
    let makespans = results.numbers("makespan").expect("a column");
    assert!(
        makespans[..4].iter().all(Option::is_none) && makespans[4..].iter().all(Option::is_some)
    );
}

#[test]
fn runs_that_cannot_be_played_are_rows_and_the_study_says_so() {
    let bench = Bench::new();
    let only_real = "[[fault.clock]]\non = \"node\"\nat = \"1 min\"\nahead = \"1 s\"\n\
                     [sweep]\nseed = [1, 2]\n";
    one_node(&bench, only_real);
    let failed = study(&bench, "node.toml -o node --quiet");
    assert_eq!(failed.code, 3, "{}", failed.stderr);
    assert!(failed.stdout.starts_with("node: 1 cell, 2 runs, 2 failed\n"), "{}", failed.stdout);
    assert!(failed.stderr.contains("2 of 2 runs failed"), "{}", failed.stderr);
    let rows = rows(&bench.path().join("node/results.csv"));
    assert_eq!(rows[1]["status"], "failed");
    assert!(rows[1]["error"].contains("cannot play it"), "{}", rows[1]["error"]);
    done(&bench, "status node");
}

#[test]
fn a_scenario_without_axes_is_a_study_of_one_cell() {
    let bench = Bench::new();
    one_node(&bench, "");
    let text = done(&bench, "node.toml --quiet");
    assert!(text.starts_with("node: 1 cell, 1 run\n"), "{text}");
    assert!(text.contains("results/node-study/results.csv\n"), "{text}");
}

#[test]
fn a_study_counts_runs_that_miss_a_demand() {
    let bench = Bench::new();
    one_node(&bench, "[expect]\nefficiency = \"> 0.99\"\n[sweep]\nseed = [1, 2]\n");
    let missed = study(&bench, "node.toml -o node --quiet");
    assert_eq!(missed.code, 1, "{}", missed.stderr);
    assert!(missed.stderr.contains("2 of 2 runs missed a demand of [expect]"), "{}", missed.stderr);
}

#[test]
fn rounds_go_on_until_the_precision_is_met_whoever_plays_them() {
    let bench = Bench::new();
    let axes = "[sweep]\n\"workload.bulk-synchronous.work\" = [\"5 d\", \"20 d\"]\n\
                [study]\nmetrics = [\"makespan\"]\nprecision = \"1 %\"\n";
    one_node(&bench, axes);
    done(&bench, "node.toml -o node --quiet");
    let folder = bench.path().join("node");
    let rows = rows(&folder.join("results.csv"));
    let mut counts = Vec::new();
    for cell in ["0", "1"] {
        let of = rows.iter().filter(|row| row["cell"] == cell);
        let all: Vec<f64> = of.map(|row| row["makespan"].parse().expect("a number")).collect();
        let interval = confidence(&all, 0.95).expect("many");
        assert!(interval.half_width <= 0.01 * interval.mean, "{interval:?}");
        counts.push(all.len());
    }
    assert!(counts[0] > counts[1] && counts[1] >= 10, "{counts:?}: a short job varies more");
    assert!(folder.join("round-2.json").exists());
    // The same by single shards, each round planned by whoever comes first.
    done(&bench, "plan node.toml -o shards --shards 2");
    while study(&bench, "merge shards").code != 0 || !same(&bench) {
        done(&bench, "run shards --shard 2/2 --quiet");
        done(&bench, "run shards --shard 1/2 --quiet");
    }
}

/// Whether the two studies have the same tables.
fn same(bench: &Bench) -> bool {
    let [one, other] =
        ["node", "shards"].map(|name| fs::read(bench.path().join(name).join("results.csv")).ok());
    assert!(other.as_ref().map(Vec::len) <= one.as_ref().map(Vec::len), "no run too many");
    one == other
}

#[test]
fn a_thousand_runs_leave_few_files_and_less_than_five_megabytes() {
    let bench = Bench::new();
    one_node(&bench, "");
    done(&bench, "node.toml -o node --replications 1000 --quiet");
    let (mut files, mut bytes) = (0, 0);
    walk(&bench.path().join("node"), &mut |path| {
        files += 1;
        bytes += fs::metadata(path).expect("a file").len();
    });
    // A tenth of what ten thousand may leave.
    assert!(files < 20 && bytes < 5_000_000, "{files} files, {bytes} bytes");
}

#[test]
fn what_was_found_is_said_before_a_report_that_cannot_be_written() {
    let bench = Bench::new();
    one_node(&bench, INTERVALS);
    let found = done(&bench, "node.toml -o node --replications 2 --quiet");
    let page = bench.path().join("node/report.html");
    std::fs::remove_file(&page).and_then(|()| std::fs::create_dir(&page)).expect("a folder");
    let report = study(&bench, "report node");
    assert_eq!(report.code, 3, "{}", report.stderr);
    assert!(report.stderr.contains("cannot write node/report.html"), "{}", report.stderr);
    assert!(report.stdout.contains("Least `waste`"), "{}", report.stdout);
    assert!(found.starts_with(&report.stdout), "{found}");
}

#[test]
fn a_report_says_how_many_runs_came_after_the_merge() {
    let bench = Bench::new();
    one_node(&bench, INTERVALS);
    done(&bench, "plan node.toml -o node --shards 2 --replications 4");
    done(&bench, "run node --shard 1 --quiet");
    assert_eq!(study(&bench, "merge node --partial").code, 75);
    assert!(!study(&bench, "report node").stderr.contains("are not in the merged table"));
    done(&bench, "run node --quiet");
    let report = study(&bench, "report node");
    let later = 12 - rows(&bench.path().join("node/results.csv")).len();
    let said = format!("{later} of 12 runs are not in the merged table: `rackstorm study merge");
    assert!(later > 0 && report.stderr.starts_with(&said), "{}", report.stderr);
    done(&bench, "merge node");
    assert_eq!(study(&bench, "report node").stderr, "");
}

#[test]
fn a_run_that_the_study_does_not_have_is_not_shown() {
    let bench = Bench::new();
    one_node(&bench, "[sweep]\nseed = [3, 9]\n");
    done(&bench, "plan node.toml -o node");
    assert!(done(&bench, "show node 0 --seed 9").contains("--seed 9"));
    let none = study(&bench, "show node 0 --seed 4");
    assert_eq!((none.code, none.stdout.as_str()), (2, ""));
    assert!(none.stderr.contains("cell 0 has no run of seed 4"), "{}", none.stderr);
}
