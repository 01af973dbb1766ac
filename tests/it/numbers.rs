//! What a run says of work that was not done, and of what threw work away, in every output.

use crate::harness::play_text;
use crate::program::Bench;

/// Eight nodes that work for `work` at most ten days, with these faults.
fn job(work: &str, faults: &str, checkpoint: &str) -> String {
    format!(
        r#"
schema = 1
title = "eight nodes"
[cluster]
hardware = "pi_3b"
[module]
nodes = 8
spares = 0
packs = [8]
switches = 1
psu = [{{ packs = [1], switches = [1], limit = "1 kW", restart = "5 s" }}]
[boot]
method = "instant"
{faults}
[workload.bulk-synchronous]
step = "1 min"
work = "{work}"
[checkpoint.coordinated]
interval = "1 h"
cost = {{ write = "1 min", read = "1 min" }}
{checkpoint}
[stop]
when = "workload done"
at = "10 d"
"#
    )
}

const CRASHES: &str = "[[fault.crash]]\non = \"node\"\nlifetime = { exponential = { mean = \"8 d\" \
                       } }\nrepair = \"1 min\"\n";
const CORRUPTION: &str = "[[fault.silent-corruption]]\non = \"node\"\nlifetime = { exponential = { \
                          mean = \"2 d\" } }\n";
const VERIFY: &str = "verify = { cost = \"1 s\" }";

#[test]
fn a_job_that_is_cut_off_has_no_makespan_and_every_output_says_so() {
    let bench = Bench::new();
    let file = bench.write("cut.toml", &job("20 d", CRASHES, ""));
    let file = file.to_str().expect("names are UTF-8");
    let done = bench.run(&["run", file]);
    for words in [" so far\n", "after 10 d, when the job was not done"] {
        assert!(done.stdout.contains(words), "{words}: {}", done.stdout);
    }
    assert!(!done.stdout.contains("makespan"), "{}", done.stdout);
    let done = bench.run(&["run", file, "--json"]);
    let object: serde_json::Value = serde_json::from_str(&done.stdout).expect("an object");
    let metrics = &object["metrics"];
    assert_eq!((&metrics["jobs_unfinished"], metrics.get("makespan")), (&1.0.into(), None));
    let folder = bench.path().join(object["results"].as_str().expect("a folder"));
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect("it is there");
    let table = read("metrics.csv");
    assert!(table.contains("\njobs_unfinished,1.0,count\n") && !table.contains("\nmakespan,"));
    let page = read("report.html");
    assert!(page.contains("Efficiency so far") && page.contains("was not done when the run ended"));
    assert!(!page.contains("<dt>Makespan"));
    let folder = folder.to_str().expect("names are UTF-8");
    let done = bench.run(&["compare", folder, folder]);
    let remark = "1 of the 1 runs of A ended before all jobs were done";
    assert!(done.stdout.contains(remark), "{}", done.stdout);
}

#[test]
fn unfinished_runs_are_marked_on_their_lines() {
    let bench = Bench::new();
    let files = ["1 d", "2 d", "3 d", "4 d", "5 d", "20 d"].map(|work| {
        let file = bench.write(&format!("{work}.toml"), &job(work, CRASHES, ""));
        file.to_str().expect("names are UTF-8").to_owned()
    });
    let done = bench.run(&[&["run".to_owned(), "--no-report".into()], files.as_slice()].concat());
    let lines: Vec<_> = done.stdout.lines().filter(|line| line.contains("efficiency")).collect();
    assert_eq!(lines.len(), 6, "{}", done.stdout);
    let marked = |line: &&&str| line.contains(" so far") && line.contains("the job was not done");
    assert_eq!(lines.iter().filter(marked).count(), 1, "{}", done.stdout);
}

/// Corruption alone: what is thrown away is no failure's, and rollbacks have their own mean time.
#[test]
fn what_is_thrown_away_is_reported_with_its_cause() {
    let of = |faults: &str| play_text(&job("5 d", faults, VERIFY), Some(3));
    let run = of(CORRUPTION);
    let names = |name: &str| run.findings.metrics.iter().any(|metric| metric.name == name);
    let rollbacks = run.metric("rollbacks");
    assert!(rollbacks > 2.0 && !names("mtti"));
    assert!(run.metric("waste_rework_failures").abs() < 1e-12);
    assert!((run.metric("waste_rework_corruption") - run.metric("waste_rework")).abs() < 1e-12);
    let (every, time) = (run.metric("mtti_corruption"), run.metric("makespan"));
    assert!((every * rollbacks / time - 1.0).abs() < 1e-9, "{every} s");
    let run = of(&format!("{CRASHES}{CORRUPTION}"));
    let [failures, corruption, all] =
        ["waste_rework_failures", "waste_rework_corruption", "waste_rework"]
            .map(|name| run.metric(name));
    assert!(failures > 0.0 && corruption > 0.0 && (failures + corruption - all).abs() < 1e-12);
}

#[test]
fn the_report_does_not_blame_failures_for_what_corruption_threw_away() {
    let bench = Bench::new();
    let file = bench.write("corrupt.toml", &job("5 d", CORRUPTION, VERIFY));
    let done = bench.run(&["run", file.to_str().expect("names are UTF-8"), "--json"]);
    let object: serde_json::Value = serde_json::from_str(&done.stdout).expect("an object");
    let folder = bench.path().join(object["results"].as_str().expect("a folder"));
    let page = std::fs::read_to_string(folder.join("report.html")).expect("it is there");
    for words in ["thrown away with corrupt memory", "The job was rolled back", "<dt>Rollbacks"] {
        assert!(page.contains(words), "{words}");
    }
    for words in ["work that failures threw away", "<dt>MTTI"] {
        assert!(!page.contains(words), "{words}");
    }
}

/// A checkpoint of one job says nothing of the mean over three.
#[test]
fn the_cost_of_one_job_does_not_stand_next_to_the_times_of_several() {
    let bench = Bench::new();
    let page = |text: &str, name: &str| {
        let file = bench.write(name, text);
        let done = bench.run(&["run", file.to_str().expect("names are UTF-8"), "--json"]);
        let object: serde_json::Value = serde_json::from_str(&done.stdout).expect("an object");
        let folder = bench.path().join(object["results"].as_str().expect("a folder"));
        std::fs::read_to_string(folder.join("report.html")).expect("it is there")
    };
    let one = job("1 d", CRASHES, "");
    let sentence = "A checkpoint that nothing disturbs takes";
    let alone = page(&one, "one.toml");
    assert!(alone.contains(sentence) && alone.contains("in the median"));
    let (head, rest) = one.split_once("[workload").expect("it has a job");
    let (_, stop) = rest.split_once("[stop]").expect("it ends");
    let several = |nodes: u32, size: u32| {
        format!(
            "[[job]]\nname = \"{nodes}\"\nnodes = {nodes}\nstep = \"1 min\"\nwork = \"6 h\"\n\
             size = \"{size} GB\"\ninterval = \"1 h\"\n"
        )
    };
    let jobs = format!("{head}{}{}{}[stop]{stop}", several(1, 1), several(2, 2), several(4, 3));
    let page = page(&jobs, "several.toml");
    assert!(page.contains("It wrote") && page.contains("in a median of"));
    assert!(!page.contains(sentence));
}
