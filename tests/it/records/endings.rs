//! However a run ends, its manifest says how and why.

use std::process::{Command, Stdio};

use serde_json::json;

use crate::program::{Bench, Done, rest, root};

use super::{SCENARIO, manifest, partial, play, run, text};

#[test]
fn a_finished_run_says_what_ended_it() {
    let bench = Bench::new();
    let of_time = manifest(&run(&bench));
    assert_eq!((&of_time["status"], &of_time["why"]), (&json!("finished"), &json!("time-up")));
    assert_eq!(of_time["missed"], json!([]));
    let set = ["--set", "stop.when=\"all up\""];
    let up = manifest(&play(&bench, "rack.toml", &set)[0]);
    assert_eq!((&up["status"], &up["why"]), (&json!("finished"), &json!("all-up")));
}

#[test]
fn a_run_that_misses_an_expectation_names_it() {
    let bench = Bench::new();
    let demands = "[expect]\nrun_time = \"< 30 min\"\nnodes = \"= 24\"\n";
    bench.write("rack.toml", &format!("{SCENARIO}{demands}"));
    let done = bench.run(&["run", "rack.toml", "--json", "--no-report"]);
    assert_eq!(done.code, 1, "{}", done.stderr);
    let folder = done.json_lines()[0]["results"].as_str().expect("a folder").to_owned();
    let manifest = manifest(&bench.path().join(folder));
    assert_eq!(manifest["status"], "finished");
    assert_eq!(manifest["missed"], json!(["run_time < 30 min (it is 1 d)"]));
}

/// A file-size limit stands for a disk that is full: the system refuses to let the log grow.
#[cfg(unix)]
#[test]
fn a_run_whose_log_cannot_be_written_failed_and_says_why() {
    let bench = Bench::new();
    bench.write("rack.toml", &SCENARIO.replace("1 d", "300 d"));
    let line = bench.command(&["run", "rack.toml", "--events", "all"]);
    let program = text(line.get_program().as_ref()).to_owned();
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 200; exec \"$0\" \"$@\"", &program]);
    let done = shell.args(line.get_args()).current_dir(bench.path()).output();
    let done = Done::from(done.expect("there is a shell"));
    assert_eq!((done.code, done.stdout.as_str()), (3, ""), "{}", done.stderr);
    let folder = partial(&bench);
    let left = manifest(&folder);
    assert_eq!(left["status"], "failed");
    let why = left["why"].as_str().expect("a reason");
    assert!(why.starts_with("cannot write ") && why.contains("events.rsl: "), "{why}");
    assert!(left["files"]["events.rsl"]["bytes"].as_u64().is_some_and(|bytes| bytes > 0));
    let done = bench.run(&["report", text(&folder)]);
    assert_eq!(done.code, 3);
    assert!(done.stderr.contains(&format!("the run failed ({why})")), "{}", done.stderr);
    let done = bench.run(&["events", text(&folder)]);
    assert_eq!(done.code, 0, "what there is can be read: {}", done.stderr);
    assert!(done.stdout.lines().count() > 1000);
}

#[cfg(target_os = "linux")]
#[test]
fn a_killed_run_is_distinguished_from_one_that_goes_on() {
    let bench = Bench::new();
    let month = root().join("scenarios/study/lanl_750_month.toml");
    let work = "workload.bulk-synchronous.work=\"300 y\"";
    let long = ["--events=none", "--set", work, "--set", "stop.at=\"500 y\""];
    let mut command = bench.command(&[&["run", text(&month)], long.as_slice()].concat());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    while !bench.files().iter().any(|name| name.ends_with(".partial/manifest.json")) {
        rest();
    }
    let folder = partial(&bench);
    let reported = || bench.run(&["report", text(&folder)]).stderr;
    let going = reported();
    child.kill().expect("it runs");
    child.wait().expect("it was started");
    assert!(going.contains("the run is going on"), "{going}");
    assert!(
        reported().contains("the run was killed: no process of this machine"),
        "{}",
        reported()
    );
    assert_eq!(manifest(&folder)["status"], "running");
}

#[test]
fn the_manifest_names_the_commit_that_the_program_was_built_from() {
    if ["RACKSTORM_BIN", "RACKSTORM_COMMIT"].iter().any(|it| std::env::var_os(it).is_some()) {
        eprintln!("skipped: another build, or what it was given, may be of another commit");
        return;
    }
    let bench = Bench::new();
    let commit = manifest(&run(&bench))["commit"].clone();
    let git = Command::new("git").args(["rev-parse", "HEAD"]).current_dir(root()).output();
    let Some(git) = git.ok().filter(|git| git.status.success() && root().join(".git").exists())
    else {
        eprintln!("skipped: this is not built from git");
        return;
    };
    let head = String::from_utf8(git.stdout).expect("hexadecimal digits");
    let commit = commit.as_str().expect("it knows its commit");
    assert_eq!(commit.strip_suffix("-dirty").unwrap_or(commit), head.trim());
}
