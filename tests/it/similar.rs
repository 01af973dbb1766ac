//! The scale model: groups of two machines, and whole runs of a rack that is made like a machine.

use std::path::Path;

use rackstorm::backend::model::Model;
use rackstorm::experiment::Run;
use rackstorm::forecast::{self, GROUPS};
use rackstorm::plan::Plan;
use rackstorm::scenario::{self, Overrides};

use crate::harness::plan_of_file;
use crate::program::Bench;

/// A job, its faults and its checkpoints, on whatever machine.
fn job(machine: &str, mean: &str, checkpoint: &str) -> String {
    format!(
        "schema = 1\nseed = 1\ninherit = \"{machine}\"\n[boot]\nmethod = \"instant\"\n\
         [record]\nsample = \"1 y\"\n[stop]\nwhen = \"workload done\"\nat = \"1 y\"\n\
         [[fault.crash]]\non = \"node\"\nrepair = \"5 min\"\n\
         lifetime = {{ exponential = {{ mean = \"{mean}\" }} }}\n\
         [workload.bulk-synchronous]\nstep = \"1 min\"\nwork = \"5 d\"\n\
         [checkpoint.coordinated]\n{checkpoint}\n"
    )
}

const FIXED: &str = "interval = \"2 h\"\n\
                     cost = { write = \"15 min\", read = \"10 min\", downtime = \"2 min\" }";
const STORED: &str = "interval = \"daly\"\nsize = \"200 MB\"\nto = \"file-server\"";

/// Mean efficiency of so many seeds, and half its 99 % interval (Student, 30 runs: 2.756).
fn efficiency(plan: &Plan) -> (f64, f64) {
    let metrics = ["efficiency"];
    let of = |seed| {
        let outcome = Run::new(&plan.with_seed(seed), &Model).metrics(&metrics).play();
        outcome.expect("it is played").metric("efficiency").expect("there is a job")
    };
    let all: Vec<f64> = (1..=30).map(of).collect();
    let mean = all.iter().sum::<f64>() / 30.0;
    let variance = all.iter().map(|it| (it - mean) * (it - mean)).sum::<f64>() / 29.0;
    (mean, 2.756 * (variance / 30.0).sqrt())
}

fn load(file: &Path, set: &[String]) -> Plan {
    let set: Vec<_> = set.iter().map(String::as_str).collect();
    plan_of_file(file, None, &set)
}

/// 24 Pis of which each lives 10 d, against 9,398 nodes of an exascale machine of which each lives
/// 10 y and whose checkpoints take 15 min: seeds 1 to 30, 99 % intervals. The rack as it was wastes
/// another share, so that the test can fail.
#[test]
fn a_rack_with_the_groups_of_an_exascale_machine_has_its_efficiency() {
    let bench = Bench::new();
    let small = bench.write("small.toml", &job("edge_rack_24", "10 d", STORED));
    let large = bench.write("large.toml", &job("exascale", "10 y", FIXED));
    let (small_plan, large_plan) = (load(&small, &[]), load(&large, &[]));
    let groups = |plan: &Plan| forecast::groups(plan).expect("it has groups");
    let (of, to) = (groups(&small_plan), groups(&large_plan));
    let keys = forecast::keys(&small_plan, &of, &to);
    let set: Vec<_> = keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let changed_plan = load(&small, &set);
    let changed = groups(&changed_plan);
    for (number, group) in GROUPS.iter().enumerate().filter(|(_, group)| group.is_decisive) {
        let [own, target] = [&changed, &to].map(|groups| groups.values[number].expect("it has it"));
        assert!((own / target - 1.0).abs() < 1e-6, "{}: {own} and {target}", group.name);
    }
    let (scaled, full) = (efficiency(&changed_plan), efficiency(&large_plan));
    let both = scaled.1.hypot(full.1);
    eprintln!("{scaled:?} {full:?} theory {:?} {:?}", changed.efficiency, to.efficiency);
    assert!((scaled.0 - full.0).abs() < both, "{scaled:?} and {full:?}");
    let as_it_was = efficiency(&small_plan);
    assert!((as_it_was.0 - full.0).abs() > 3.0 * as_it_was.1.hypot(full.1), "{as_it_was:?}");
}

#[test]
fn the_command_prints_the_groups_and_a_scenario_that_the_loader_accepts() {
    let bench = Bench::new();
    let file = bench.write("small.toml", &job("edge_rack_24", "10 d", FIXED));
    let done = bench.run(&["similar", "small.toml", "--to", "exascale", "--out", "like.toml"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    for word in ["C/M", "n V/(b M)", "NO", "quotient", "like.toml"] {
        assert!(done.stdout.contains(word), "{word}: {}", done.stdout);
    }
    let like = bench.path().join("like.toml");
    let loaded = scenario::load(&like, &Overrides::default()).expect("the loader accepts it");
    let of = forecast::groups(&Plan::make(&loaded.scenario)).expect("it has groups");
    let done = bench.run(&["similar", "small.toml", "--to", "exascale", "--json"]);
    let json = done.json_lines().remove(0);
    for (number, group) in GROUPS.iter().enumerate() {
        let row = &json["groups"][number];
        assert_eq!(row["symbol"], group.symbol);
        assert_eq!(row["changed"].as_f64(), of.values[number], "{}", group.name);
        assert!(!group.is_decisive || row["changed_matches"] == true, "{row}");
    }
    let itself = bench.run(&["similar", "small.toml", "--to", file.to_str().expect("UTF-8")]);
    assert!(itself.code == 0 && !itself.stdout.contains("NO"), "{}", itself.stdout);
}

#[test]
fn a_target_without_job_or_faults_or_of_no_known_name_is_refused() {
    let bench = Bench::new();
    let text = job("edge_rack_24", "10 d", FIXED);
    bench.write("small.toml", &text);
    bench.write("idle.toml", "schema = 1\ninherit = \"edge_rack_24\"\n");
    let (before, rest) = text.split_once("[[fault.crash]]").expect("it has faults");
    let (_, after) = rest.split_once("[workload").expect("it has a job");
    bench.write("sound.toml", &format!("{before}[workload{after}"));
    for (file, to, word) in [
        ("small.toml", "idle.toml", "there is no job"),
        ("small.toml", "sound.toml", "no fault"),
        ("small.toml", "exascal", "exascale"),
        ("small.toml", "nowhere.toml", "nowhere.toml"),
        ("idle.toml", "exascale", "there is no job"),
    ] {
        let done = bench.run(&["similar", file, "--to", to]);
        assert!(done.code == 2 && done.stderr.contains(word), "{to}: {done:?}");
    }
}
