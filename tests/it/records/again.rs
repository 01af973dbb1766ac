//! What a report says of playing its run again does so, as it stands, in a shell.

use std::fs;
use std::path::{Path, PathBuf};

use crate::program::{Bench, Done};

use super::{SCENARIO, manifest, play, run, text};

/// A page without what HTML writes differently.
fn page(folder: &Path) -> String {
    let page = fs::read_to_string(folder.join("report.html")).expect("a report");
    page.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

/// The commands of a report.
fn commands(folder: &Path) -> Vec<String> {
    let page = page(folder);
    let blocks = page.split("<pre class=\"command\"><code>").skip(1);
    let command = |block: &str| block.split("</code>").next().unwrap_or_default().to_owned();
    blocks.map(command).collect()
}

/// Types a command into a shell in a folder. A seed of the environment is another's.
fn typed(bench: &Bench, folder: &Path, command: &str) -> Done {
    let line = bench.command::<&str>(&[]);
    let program = text(Path::new(line.get_program())).to_owned();
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &format!("rackstorm() {{ '{program}' \"$@\"; }}; {command}")]);
    shell.current_dir(folder).env("RACKSTORM_SEED", "99").env_remove("RACKSTORM_OUT");
    Done::from(shell.output().expect("there is a shell"))
}

/// The results folders below a folder.
fn results(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    crate::program::walk(folder, &mut |path| {
        if path.ends_with("manifest.json") {
            found.push(path.parent().expect("it lies in a folder").to_owned());
        }
    });
    found
}

/// Does what the report says, in its folder: the replay finds the same, and so has the run.
fn same_again(bench: &Bench, folder: &Path) {
    let fingerprint = manifest(folder)["fingerprint"].as_str().expect("a string").to_owned();
    let commands = commands(folder);
    let [replay, run] = commands.as_slice() else { panic!("{commands:?}") };
    let done = typed(bench, folder, replay);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{replay}");
    assert_eq!(done.stdout, format!("the same: {fingerprint}\n"), "{replay}");
    let done = typed(bench, folder, run);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{run}");
    let played = results(&folder.join("results"));
    assert_eq!(played.len(), 1, "{played:?}");
    assert_eq!(manifest(&played[0])["fingerprint"], fingerprint.as_str(), "{run}");
    fs::remove_dir_all(folder.join("results")).expect("it was made here");
}

#[test]
fn a_run_is_played_again_as_its_report_says() {
    let bench = Bench::new();
    let folder = run(&bench);
    let words = ["rackstorm replay .", "rackstorm run scenario.toml --seed 3 --on model"];
    assert_eq!(commands(&folder), words);
    same_again(&bench, &folder);
}

#[test]
fn a_run_with_another_seed_is_played_again() {
    let bench = Bench::new();
    let first = run(&bench);
    let seeded = play(&bench, "rack.toml", &["--seed", "9"]).swap_remove(0);
    let mut command = bench.command(&["run", "rack.toml", "--out", "real"]);
    let reported = Done::from(command.env("RACKSTORM_SEED", "12").output().expect("it starts"));
    assert_eq!(reported.code, 0, "{}", reported.stderr);
    let reported = results(&bench.path().join("real")).swap_remove(0);
    let prints = [&first, &seeded, &reported].map(|folder| manifest(folder)["fingerprint"].clone());
    assert!(prints[0] != prints[1] && prints[1] != prints[2], "seeds matter");
    same_again(&bench, &seeded);
    same_again(&bench, &reported);
}

#[test]
fn a_run_with_keys_of_the_command_line_is_played_again() {
    let bench = Bench::new();
    bench.write("rack.toml", SCENARIO);
    let one = play(&bench, "rack.toml", &["--set", "cluster.modules=2"]).swap_remove(0);
    same_again(&bench, &one);
    // What a shell, TOML and HTML each have to quote.
    let title = r#"title="it's 5 > 3 & \"$HOME\" `pwd` \\ <b>ü</b>""#;
    let law = r#"fault.crash.0.lifetime={ weibull = { mean = "1 d", shape = 0.7 } }"#;
    let set = ["--set", title, "--set", law, "--set", "fault.crash.0.on=pi[03-20]!pi05"];
    let many = play(&bench, "rack.toml", &set).swap_remove(0);
    assert!(page(&many).contains("it's 5 > 3 & "), "the title is reported");
    same_again(&bench, &many);
}

#[test]
fn a_cell_of_a_study_is_played_again_by_itself() {
    let bench = Bench::new();
    let axes = "[sweep]\nseed = [5, 6]\n\"cluster.modules\" = [1, 2]\n";
    bench.write("sweep.toml", &format!("{SCENARIO}{axes}"));
    let folder = play(&bench, "sweep.toml", &["--set", "cluster.modules=2", "--seed", "6"]);
    same_again(&bench, &folder[0]);
}

#[test]
fn a_run_of_the_real_programs_in_turmoil_is_played_again_there() {
    let bench = Bench::new();
    let short = SCENARIO.replace("1 d", "3 min").replace("2 d", "30 min");
    bench.write("rack.toml", &short.replace("1 h", "20 s"));
    let folder = play(&bench, "rack.toml", &["--on", "turmoil"]).swap_remove(0);
    assert!(commands(&folder)[1].ends_with("--on turmoil"));
    same_again(&bench, &folder);
}

#[test]
fn a_run_is_played_again_where_what_it_was_made_from_is_gone_or_changed() {
    let bench = Bench::new();
    fs::create_dir(bench.path().join("elsewhere")).expect("a disk");
    bench.write("elsewhere/base.toml", SCENARIO);
    let row = |node: u32, at: u32| format!("1\t1\t{node}\t3\tn\t0\t{at}\t{}\t\n", at + 60);
    bench.write("elsewhere/trace.tab", &[row(5, 1000), row(7, 1600), row(5, 2200)].concat());
    let hang = "[[fault.hang]]\non = \"node\"\ntrace = { file = \"elsewhere/trace.tab\" }\n";
    let inherit = "schema = 1\ninherit = \"elsewhere/base.toml\"\nseed = 4\n";
    bench.write("rack.toml", &format!("{inherit}{hang}"));
    let folder = play(&bench, "rack.toml", &[]).swap_remove(0);
    fs::remove_dir_all(bench.path().join("elsewhere")).expect("a disk");
    same_again(&bench, &folder);
    bench.write("rack.toml", &SCENARIO.replace("2 d", "9 d"));
    same_again(&bench, &folder);
}

#[test]
fn a_results_folder_that_was_moved_is_played_again_from_where_it_is() {
    let bench = Bench::new();
    let folder = run(&bench);
    let there = bench.path().join("it's the first run");
    fs::rename(folder, &there).expect("a disk");
    same_again(&bench, &there);
}

#[test]
fn whoever_has_only_the_page_plays_the_run_from_the_scenario_in_it() {
    let bench = Bench::new();
    let folder = run(&bench);
    let page = page(&folder);
    let (_, rest) = page.split_once("<details><summary>").expect("it holds the scenario");
    let (_, rest) = rest.split_once("<pre><code>").expect("as text");
    let (scenario, _) = rest.split_once("</code>").expect("the text ends");
    fs::create_dir(bench.path().join("alone")).expect("a disk");
    bench.write("alone/scenario.toml", scenario);
    let alone = bench.path().join("alone");
    let done = typed(&bench, &alone, &commands(&folder)[1]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let played = results(&alone).swap_remove(0);
    assert_eq!(manifest(&played)["fingerprint"], manifest(&folder)["fingerprint"]);
    assert!(text(&played).contains("alone/results/rack/3-model-"), "it has the name of the first");
}

#[test]
fn a_run_of_recorded_faults_on_another_stage_is_played_again() {
    let bench = Bench::new();
    let short = SCENARIO.replace("1 d", "3 min").replace("2 d", "30 min");
    bench.write("rack.toml", &short.replace("1 h", "20 s"));
    let first = play(&bench, "rack.toml", &["--on", "turmoil", "--events", "all"]).swap_remove(0);
    let done = bench.run(&["replay", text(&first), "--on", "model", "--out", "in-model"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let second = results(&bench.path().join("in-model")).swap_remove(0);
    assert_eq!(bench.run(&["report", text(&second)]).code, 0);
    assert!(commands(&second)[1].ends_with("--on model"));
    same_again(&bench, &second);
}

#[test]
fn a_run_without_a_log_is_played_again() {
    let bench = Bench::new();
    bench.write("rack.toml", SCENARIO);
    let folder = play(&bench, "rack.toml", &["--events", "none"]).swap_remove(0);
    assert!(!folder.join("events.rsl").exists());
    same_again(&bench, &folder);
}

#[test]
fn a_report_of_real_time_says_that_no_run_is_the_same_and_what_can_be_played() {
    let bench = Bench::new();
    let job = "[workload.bulk-synchronous]\nstep = \"50 ms\"\nwork = \"500 ms\"\n";
    let machine = "[module]\nnodes = 2\npacks = [2]\nspares = 0\nswitches = 1\n";
    let until = "[stop]\nwhen = \"workload done\"\nat = \"2 min\"\n[boot]\nmethod = \"instant\"\n";
    let text = format!("schema = 1\ninherit = \"edge_rack_24\"\n{machine}{until}{job}");
    bench.write("short.toml", &text);
    let folder = play(&bench, "short.toml", &["--on", "loopback"]).swap_remove(0);
    assert!(page(&folder).contains("Stage loopback plays in real time"), "it says so");
    let commands = commands(&folder);
    let reported = "rackstorm run scenario.toml --seed 1 --on loopback";
    assert_eq!(commands, ["rackstorm replay . --on model", reported]);
    for command in &commands {
        let done = typed(&bench, &folder, command);
        assert_eq!(done.code, 0, "{command}: {}", done.stderr);
    }
    let stages: Vec<_> = results(&folder.join("results"))
        .iter()
        .map(|folder| manifest(folder)["stage"].clone())
        .collect();
    assert_eq!(stages.len(), 2);
    assert!(stages.contains(&"loopback".into()) && stages.contains(&"model".into()), "{stages:?}");
}
