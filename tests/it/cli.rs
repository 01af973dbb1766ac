//! The program as a user meets it: help, mistakes, streams, exit codes, interruption.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::program::{Bench, Done, rest, root, smoke_scenarios, update, wait};

fn smoke() -> PathBuf {
    smoke_scenarios().swap_remove(0)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("names are UTF-8")
}

fn folder(bench: &Bench, run: &Value) -> PathBuf {
    bench.path().join(run["results"].as_str().expect("a folder"))
}

#[test]
fn help_has_examples_for_every_command() {
    let bench = Bench::new();
    let commands = rackstorm::cli::commands();
    assert!(commands.contains(&"run".to_owned()), "{commands:?}");
    for command in &commands {
        let done = bench.run(&[command, "--help"]);
        assert_eq!(done.code, 0);
        let example = format!("  rackstorm {command}");
        assert!(done.stdout.contains("Examples:"), "{command}");
        assert!(done.stdout.contains(&example), "{command}");
    }
}

#[test]
fn a_wrong_flag_is_reported_on_stderr_with_exit_2() {
    let bench = Bench::new();
    let scenario = smoke();
    for arguments in [
        vec!["run"],
        vec!["run", text(&scenario), "--sede", "7"],
        vec!["run", text(&scenario), "--seed", "-1"],
        vec!["run", text(&scenario), "--jobs", "0"],
        vec!["run", text(&scenario), "--events", "some"],
        vec!["run", text(&scenario), "--open", "--no-report"],
        vec!["rnu"],
        vec![],
    ] {
        let done = bench.run(&arguments);
        assert_eq!(done.code, 2, "{arguments:?}");
        assert!(done.stdout.is_empty() && !done.stderr.is_empty(), "{arguments:?}");
    }
    assert!(bench.files().is_empty(), "{:?}", bench.files());
}

#[test]
fn mistakes_of_all_files_are_reported_and_no_run_begins() {
    let bench = Bench::new();
    bench.write("first.toml", "schema = 1\ntitel = \"a\"\n");
    bench.write("second.toml", "schema = 1\nseed = \n");
    let good = smoke();
    let done = bench.run(&["run", text(&good), "first.toml", "second.toml", "missing.toml"]);
    assert_eq!(done.code, 2);
    assert_eq!(done.stdout, "");
    for place in ["first.toml:2:1", "second.toml:2:", "missing.toml"] {
        assert!(done.stderr.contains(place), "{place} is missing in:\n{}", done.stderr);
    }
    assert_eq!(bench.files(), ["first.toml", "second.toml"]);
}

#[test]
fn validate_reports_good_files_on_stdout_and_bad_ones_on_stderr() {
    let bench = Bench::new();
    let bad = bench.write("bad.toml", "schema = 1\ntitel = \"a\"\n");
    let good = smoke();
    let done = bench.run(&["validate", text(&bad), text(&good)]);
    assert_eq!(done.code, 2);
    assert!(done.stdout.contains(text(&good)) && !done.stdout.contains("bad.toml"));
    assert!(done.stderr.contains("bad.toml:2:1"), "{}", done.stderr);
    assert_eq!(bench.run(&["validate", text(&good)]).code, 0);
    assert_eq!(bench.files(), ["bad.toml"]);
}

#[test]
fn every_scenario_of_the_repository_is_good() {
    let mut files = Vec::new();
    for folder in ["scenarios/bramble", "scenarios/smoke", "scenarios/study"] {
        crate::program::walk(&root().join(folder), &mut |file| {
            if file.extension().is_some_and(|extension| extension == "toml") {
                files.push(text(file).to_owned());
            }
        });
    }
    let bench = Bench::new();
    let done = bench.run(&[&["validate".to_owned()], files.as_slice()].concat());
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert_eq!(done.stdout.lines().count(), files.len());
}

#[test]
fn the_scenario_in_the_readme_is_good() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("a README");
    let (_, rest) = readme.split_once("```toml\n").expect("it shows a scenario");
    let (scenario, _) = rest.split_once("```").expect("the scenario ends");
    let bench = Bench::new();
    let base = root().join("scenarios/base");
    let file = bench.write("readme.toml", &scenario.replace("../base", text(&base)));
    let done = bench.run(&["validate", text(&file)]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(done.stdout.contains("750 nodes"), "{}", done.stdout);
}

#[test]
fn the_readme_shows_what_its_first_command_prints() {
    let file = root().join("README.md");
    let readme = std::fs::read_to_string(&file).expect("a README");
    let (before, rest) = readme.split_once("```text\n").expect("it shows what is printed");
    let (shown, after) = rest.split_once("```").expect("the block ends");
    let bench = Bench::new();
    let study = root().join("scenarios/study/lanl_750_boot.toml");
    let done = bench.run(&["run", text(&study)]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    if update() {
        let new = format!("{before}```text\n{}```{after}", done.stdout);
        std::fs::write(&file, new).expect("the README can be written");
        return;
    }
    assert_eq!(shown, done.stdout);
}

#[test]
fn json_is_one_object_per_run_and_nothing_else() {
    let bench = Bench::new();
    let files = smoke_scenarios();
    for run in bench.play(&files, &["--seed", "7"]) {
        let keys: Vec<_> = run.as_object().expect("an object").keys().cloned().collect();
        let without_point: Vec<_> = keys.iter().filter(|key| *key != "point").collect();
        let promised = ["scenario", "seed", "stage", "fingerprint", "results", "metrics"];
        assert_eq!(without_point, promised);
        assert_eq!(run["seed"], 7);
        assert!(run["metrics"].as_object().is_some_and(|metrics| !metrics.is_empty()));
        assert!(folder(&bench, &run).join("metrics.csv").is_file());
    }
}

#[test]
fn a_run_in_a_pipe_draws_no_progress_and_sums_up_on_stdout() {
    let bench = Bench::new();
    let done = bench.run(&["run", text(&smoke())]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    assert!(done.stdout.contains("report.html"), "{}", done.stdout);
}

#[test]
fn a_quiet_run_says_nothing() {
    let bench = Bench::new();
    let done = bench.run(&["run", "--quiet", "--no-report", text(&smoke())]);
    assert_eq!((done.code, done.stdout.as_str(), done.stderr.as_str()), (0, "", ""));
}

#[test]
fn the_same_run_again_keeps_the_folder_that_is_there() {
    let bench = Bench::new();
    let first = bench.play(&[smoke()], &[]);
    let before = bench.files();
    let done = bench.run(&["run", "--no-report", text(&smoke())]);
    assert_eq!(done.code, 0);
    assert!(done.stdout.contains("already"), "{}", done.stdout);
    assert_eq!(bench.files(), before);
    assert_eq!(bench.play(&[smoke()], &[]), first);
}

#[test]
fn the_same_file_many_times_at_once_leaves_one_folder() {
    let bench = Bench::new();
    let runs = bench.play(&[smoke(), smoke(), smoke(), smoke()], &["--jobs", "4"]);
    assert_eq!(runs.len(), 4);
    assert!(runs.iter().all(|run| *run == runs[0]));
    assert!(!bench.files().iter().any(|name| name.ends_with(".partial")), "{:?}", bench.files());
}

#[test]
fn a_missed_expectation_is_exit_1_and_the_results_stay() {
    let bench = Bench::new();
    let run = bench.play(&[smoke()], &[]).swap_remove(0);
    let metrics = run["metrics"].as_object().expect("an object");
    let (metric, _) = metrics.iter().find(|(_, value)| value.is_number()).expect("a number");
    let expect = format!("expect.{metric}=\"> 1e300\"");
    let done = bench.run(&["run", "--no-report", "--json", "--set", &expect, text(&smoke())]);
    assert_eq!(done.code, 1, "{}", done.stderr);
    assert!(done.stderr.contains(metric), "{}", done.stderr);
    assert!(folder(&bench, &done.json_lines()[0]).is_dir());
}

#[test]
fn a_verdict_is_reported_once_in_four_digits_and_with_its_run() {
    let bench = Bench::new();
    let file = |modules: u32| {
        let text = format!(
            "inherit = \"edge_rack_24\"\nseed = 3\ncluster.modules = {modules}\n\
             [boot]\nmethod = \"instant\"\n[stop]\nwhen = \"never\"\nat = \"1 h\"\n\
             [expect]\nrun_time = \"< 30 min\"\nnodes = \"< 48\"\n"
        );
        bench.write(&format!("modules_{modules}.toml"), &text)
    };
    let done = bench.run(&["run", text(&file(1)), text(&file(2)), "--jobs", "1"]);
    assert_eq!(done.code, 1, "{}", done.stderr);
    let first = "modules_1  seed 3: missed: run_time < 30 min (it is 1 h)";
    assert_eq!(done.stderr.lines().next(), Some(first));
    assert_eq!(done.stderr.lines().count(), 1 + 2);
    let page = bench.files().into_iter().find(|name| name.ends_with("report.html"));
    let page = std::fs::read_to_string(bench.path().join(page.expect("a report")));
    let page = page.expect("a page is text");
    assert!(page.contains("run_time &lt; 30 min (it is 1 h)"), "the verdict is missing");
    assert!(!page.contains("missed: run_time"), "the verdict says twice how it ended");
}

#[test]
fn many_runs_are_summed_up_in_a_line_each() {
    let bench = Bench::new();
    let files = vec![text(&smoke()).to_owned(); 6];
    let done = bench.run(&[&["run".to_owned(), "--no-report".into()], files.as_slice()].concat());
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    assert_eq!(done.stdout.lines().count(), 6, "{}", done.stdout);
    assert!(done.stdout.lines().all(|line| line.contains("  results/")), "{}", done.stdout);
}

#[test]
fn a_run_whose_time_is_up_says_what_it_did_not_reach() {
    let bench = Bench::new();
    let spares = root().join("scenarios/smoke/spares.toml");
    let done = bench.run(&["run", "--no-report", text(&spares)]);
    let line = "  ended          after 40 d, when the job was not done";
    assert!(done.stdout.lines().any(|said| said == line), "{}", done.stdout);
}

#[test]
fn an_expectation_of_no_metric_is_a_mistake_of_the_scenario() {
    let bench = Bench::new();
    let demand = "expect.efficiensy=\"> 0.5\"";
    let done = bench.run(&["run", "--set", demand, text(&smoke())]);
    assert_eq!((done.code, done.stdout.as_str()), (2, ""));
    assert!(done.stderr.contains("did you mean `efficiency`"), "{}", done.stderr);
    assert!(bench.files().is_empty());
}

#[test]
fn a_reader_that_leaves_early_ends_the_program_without_a_word() {
    let bench = Bench::new();
    for arguments in [vec!["schema"], vec!["completions", "zsh"], vec!["plan", text(&smoke())]] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = bench.command(&arguments);
        command.stdout(writer).stderr(std::process::Stdio::piped());
        let done = Done::from(command.output().expect("the program starts"));
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{arguments:?}");
    }
}

#[test]
fn a_place_that_cannot_be_written_is_named_with_exit_3() {
    let bench = Bench::new();
    bench.write("file", "not a folder");
    let done = bench.run(&["run", "--json", "--out", "file/results", text(&smoke())]);
    assert_eq!(done.code, 3);
    assert_eq!(done.stdout, "");
    assert!(done.stderr.contains("file/results"), "{}", done.stderr);
    assert_eq!(bench.files(), ["file"]);
}

#[test]
fn a_folder_that_holds_no_results_is_named_with_exit_3() {
    let bench = Bench::new();
    for command in ["replay", "report", "events"] {
        let done = bench.run(&[command, "nowhere"]);
        assert_eq!((done.code, done.stdout.as_str()), (3, ""), "{command}");
        assert!(done.stderr.contains("nowhere"), "{command}: {}", done.stderr);
    }
    assert!(bench.files().is_empty());
}

#[test]
fn a_replay_of_another_scenario_names_the_file_that_changed() {
    let bench = Bench::new();
    let run = bench.play(&[smoke()], &[]).swap_remove(0);
    let folder = folder(&bench, &run);
    let file = folder.join("scenario.toml");
    let played = std::fs::read_to_string(&file).expect("it is there");
    let other = played.replacen("seed = ", "seed = 1", 1);
    std::fs::write(&file, other).expect("results can be written");
    let done = bench.run(&["replay", text(&folder)]);
    assert_eq!((done.code, done.stdout.as_str()), (3, ""));
    assert!(done.stderr.contains("\n  scenario.toml is changed"), "{}", done.stderr);
    let done = bench.run(&["replay", text(&folder), "--unchecked"]);
    assert_eq!((done.code, done.stdout.as_str()), (3, ""));
    let why = format!("the plan differs: {} is not the scenario that was played", file.display());
    assert_eq!(done.stderr.lines().last(), Some(why.as_str()));
}

#[test]
fn a_run_without_a_log_says_why_it_has_no_events() {
    let bench = Bench::new();
    let run = bench.play(&[smoke()], &["--events", "none"]).swap_remove(0);
    let done = bench.run(&["events", text(&folder(&bench, &run))]);
    assert_eq!((done.code, done.stdout.as_str()), (3, ""));
    assert!(done.stderr.contains("played with --events none"), "{}", done.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn a_summary_that_cannot_be_printed_is_exit_3() {
    let bench = Bench::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
    let smoke = smoke();
    let mut command = bench.command(&["run", "--json", "--no-report", text(&smoke)]);
    command.stdout(full).stderr(std::process::Stdio::piped());
    let done = Done::from(command.output().expect("the program starts"));
    assert_eq!(done.code, 3);
    assert!(done.stderr.contains("cannot write to stdout: No space left"), "{}", done.stderr);
}

#[test]
fn a_report_drawn_again_is_the_same_page() {
    let bench = Bench::new();
    let done = bench.run(&["run", "--json", text(&smoke())]);
    let folder = folder(&bench, &done.json_lines()[0]);
    let page = folder.join("report.html");
    let first = std::fs::read(&page).expect("the run drew its report");
    std::fs::remove_file(&page).expect("results can be written");
    let again = bench.run(&["report", text(&folder)]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert_eq!(Path::new(again.stdout.trim_end()), page);
    assert!(std::fs::read(&page).expect("it was drawn again") == first, "the pages differ");
}

#[test]
fn the_event_log_comes_out_as_a_table() {
    let bench = Bench::new();
    let run = bench.play(&[smoke()], &["--events", "all"]).swap_remove(0);
    let done = bench.run(&["events", text(&folder(&bench, &run))]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let mut table = csv::Reader::from_reader(done.stdout.as_bytes());
    assert!(table.headers().expect("a header").len() >= 3);
    let rows: Vec<_> = table.records().collect::<Result<_, _>>().expect("as wide as the header");
    assert!(rows.len() > 1, "{} rows", rows.len());
}

#[test]
fn the_plan_is_printed_and_nothing_is_written() {
    let bench = Bench::new();
    let done = bench.run(&["plan", text(&smoke())]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    assert!(done.stdout.lines().count() > 5, "{}", done.stdout);
    assert!(bench.files().is_empty());
}

/// A run that takes far longer than any test: centuries of the month scenario.
const LONG: [&str; 7] = [
    "--events=none",
    "--no-report",
    "--json",
    "--set",
    "workload.bulk-synchronous.work=\"300 y\"",
    "--set",
    "stop.at=\"500 y\"",
];

#[cfg(unix)]
#[test]
fn an_interrupted_run_stays_partial_and_says_so() {
    let bench = Bench::new();
    let month = root().join("scenarios/study/lanl_750_month.toml");
    let child = bench.start(&[&["run", text(&month)], LONG.as_slice()].concat());
    // The handler is in place before the first folder is begun.
    while !bench.files().iter().any(|name| name.ends_with(".partial")) {
        rest();
    }
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.is_ok_and(|status| status.success()));
    let done = wait(child);
    assert_eq!((done.code, done.stdout.as_str()), (130, ""), "{}", done.stderr);
    let names = bench.files();
    let partial = names.iter().find(|name| name.ends_with(".partial")).expect("it stays");
    assert!(done.stderr.contains(partial.as_str()), "{}", done.stderr);
    let manifest = bench.path().join(partial).join("manifest.json");
    let manifest = std::fs::read_to_string(manifest).expect("a partial folder has a manifest");
    let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
    assert_eq!(manifest["status"], "interrupted");
    assert_eq!(manifest["why"], "it was asked to stop, by Ctrl-C or a signal");
    for command in ["report", "replay"] {
        let done = bench.run(&[command, partial]);
        assert_eq!((done.code, done.stdout.as_str()), (3, ""));
        assert!(done.stderr.contains("the run was interrupted"), "{}", done.stderr);
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_command_counts_the_runs_that_it_did_not_begin() {
    let bench = Bench::new();
    let month = root().join("scenarios/study/lanl_750_month.toml");
    let months = [text(&month); 9];
    let child = bench.start(&[&["run", "--jobs=1"], months.as_slice(), &LONG].concat());
    while !bench.files().iter().any(|name| name.ends_with(".partial")) {
        rest();
    }
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.is_ok_and(|status| status.success()));
    let done = wait(child);
    assert_eq!(done.code, 130);
    assert_eq!(done.stderr.lines().count(), 3, "{}", done.stderr);
    assert!(done.stderr.ends_with("8 runs were not begun\n"), "{}", done.stderr);
}

#[test]
fn enrolling_makes_each_key_once_and_says_what_is_wrong() {
    let bench = Bench::new();
    let enrol = |rest: &[&str]| {
        let mut all = vec!["rack", "enrol", "--folder", "ca", "--address", "10.0.1.{n}"];
        all.extend(rest);
        bench.run(&all)
    };
    for wrong in [&["pi"][..], &["switch[1]"], &["pi[1-", "pi2"]] {
        let done = enrol(wrong);
        assert_eq!(done.code, 2, "{}", done.stderr);
        assert!(bench.files().is_empty(), "nothing was written");
    }
    let done = enrol(&["pi[1-3]!pi2", "--days", "30"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let names: Vec<_> = done.stdout.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, ["authority", "controller", "pi1", "pi3"]);
    assert_eq!(enrol(&["pi2"]).stdout.lines().count(), 1, "the authority is there");
    let done = enrol(&["pi[2-4]"]);
    assert_eq!(done.code, 3);
    assert!(done.stderr.contains("pi2.key: is there already"), "{}", done.stderr);
    assert!(!bench.files().iter().any(|file| file.contains("pi4")), "all or none");
    assert!(enrol(&["pi9", "--days", "99999"]).stderr.contains("at most"));
    let done = enrol(&["pi9", "--address", "a b"]);
    assert_eq!(done.code, 3);
    assert!(done.stderr.contains("pi9") && done.stderr.contains("a b"), "{}", done.stderr);
}

#[test]
fn an_agent_without_a_certificate_says_what_it_misses() {
    let bench = Bench::new();
    let agent = |node: &str, to: &str| {
        let rest = ["--node", node, "--certificates", "ca", "--store", "store"];
        let mut all = vec!["agent", "--controller", to, "--heartbeats", "127.0.0.1:1"];
        all.extend(rest);
        bench.run(&all)
    };
    let done = agent("1", "127.0.0.1:1");
    assert_eq!(done.code, 3);
    assert!(done.stderr.contains("ca/pi1.key"), "{}", done.stderr);
    for (node, to) in [("0", "127.0.0.1:1"), ("1", "nowhere"), ("1", ":7"), ("1", "a:0")] {
        assert_eq!(agent(node, to).code, 2, "{node} {to}");
    }
}

#[test]
fn what_was_found_is_printed_though_it_cannot_be_written() {
    let bench = Bench::new();
    let one = root().join("scenarios/smoke/single_node_exponential.toml");
    let pair = root().join("scenarios/smoke/checkpoint_buddies.toml");
    let stands = bench.write("file", "mine");
    let below = stands.join("below");
    let commands: [&[&str]; 4] = [
        &["worst", text(&one), "--faults", "1", "-o", text(&below)],
        &["similar", text(&one), "--to", "exascale", "-o", text(&below)],
        &[
            "optimize",
            text(&one),
            "--vary",
            "checkpoint.coordinated.interval",
            "--precision",
            "50%",
            "--replications",
            "2",
            "-o",
            text(&below),
        ],
        &["rare", text(&pair), "--event", "checkpoints-lost", "-o", text(&below)],
    ];
    for command in commands {
        let done = bench.run(command);
        assert_eq!(done.code, 3, "{command:?}: {}", done.stderr);
        assert!(done.stdout.lines().count() > 2, "{command:?}: {}", done.stdout);
        assert!(done.stderr.contains("cannot write"), "{command:?}: {}", done.stderr);
    }
    assert_eq!(std::fs::read_to_string(&stands).expect("it stands"), "mine");
}

#[test]
fn a_file_that_is_asked_for_takes_the_place_of_another_only_when_it_is_whole() {
    let bench = Bench::new();
    let one = root().join("scenarios/smoke/single_node_exponential.toml");
    let place = bench.write("scaled.toml", "mine");
    let similar = |to: &str| bench.run(&["similar", text(&one), "--to", to, "-o", "scaled.toml"]);
    assert_eq!(similar("lanl_pilot").code, 2);
    assert_eq!(std::fs::read_to_string(&place).expect("it stands"), "mine");
    assert_eq!(similar("exascale").code, 0);
    let written = std::fs::read_to_string(&place).expect("it is written");
    assert!(written.starts_with("schema"), "{written}");
    assert!(!bench.path().join("scaled.toml.partial").exists());
    // What is no file is written to, and stays what it is.
    if Path::new("/dev/full").exists() {
        let full = bench.run(&["similar", text(&one), "--to", "exascale", "-o", "/dev/full"]);
        assert_eq!(full.code, 3, "{}", full.stderr);
    }
}
