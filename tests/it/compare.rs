//! Results folders held against each other by the program.

use serde_json::Value;

use crate::program::{Bench, root};

/// Plays the boot of a module over NFS and gives the results folder.
fn boot(bench: &Bench, options: &[&str]) -> String {
    let file = root().join("scenarios/smoke/boot_nfs_3b_nudged.toml");
    let run = bench.play(&[file], options).swap_remove(0);
    run["results"].as_str().expect("a folder").to_owned()
}

/// The comparison as an object, and its exit code.
fn compare(bench: &Bench, arguments: &[&str]) -> (i32, Value) {
    let arguments = [&["compare", "--json"], arguments].concat();
    let done = bench.run(&arguments);
    assert_eq!(done.stderr, "", "{arguments:?}");
    (done.code, done.json_lines().swap_remove(0))
}

fn rows<'a>(comparison: &'a Value, table: &str) -> &'a Vec<Value> {
    comparison[table].as_array().expect("a list")
}

fn row<'a>(comparison: &'a Value, table: &str, name: &str) -> &'a Value {
    let found = rows(comparison, table).iter().find(|row| row["name"] == name);
    found.unwrap_or_else(|| panic!("{table} has no {name}"))
}

#[test]
fn a_run_against_itself_is_the_same_everywhere() {
    let bench = Bench::new();
    let run = boot(&bench, &[]);
    let (code, comparison) = compare(&bench, &[&run, &run, "--strict"]);
    assert_eq!((code, &comparison["agrees"]), (0, &Value::Bool(true)));
    for table in ["metrics", "distributions"] {
        assert!(!rows(&comparison, table).is_empty());
        assert!(rows(&comparison, table).iter().all(|row| row["verdict"] == "same"), "{table}");
    }
    assert_eq!(comparison["remarks"][0], "Both sides are the same to the last event.");
    assert!(rows(&comparison, "keys").is_empty());
    let names: Vec<_> = rows(&comparison, "distributions").iter().map(|row| &row["name"]).collect();
    let stages = ["rom", "dhcp", "tftp", "kernel", "root", "init"];
    let expected: Vec<_> = ["first_up".to_owned()]
        .into_iter()
        .chain(stages.map(|stage| format!("boot_stage/{stage}")))
        .collect();
    assert_eq!(names, expected.iter().collect::<Vec<_>>());
}

#[test]
fn another_seed_differs_in_the_seed_and_agrees_on_the_boot() {
    let bench = Bench::new();
    let (one, two) = (boot(&bench, &["--seed", "1"]), boot(&bench, &["--seed", "2"]));
    assert_eq!(compare(&bench, &[&one, &two]).0, 4, "the run ends when all are up");
    // So the little time in which nodes were up is the rest between two large numbers.
    let bands = ["--band", "availability=any", "--band", "node_time_*=15%"];
    let (code, comparison) = compare(&bench, &[&[one.as_str(), &two], &bands[..]].concat());
    assert_eq!(code, 0, "{comparison}");
    let keys: Vec<_> = rows(&comparison, "keys").iter().map(|key| &key["key"]).collect();
    assert_eq!(keys, ["seed"]);
    assert_eq!(row(&comparison, "metrics", "boot_t100")["verdict"], "within");
    assert_eq!(row(&comparison, "metrics", "nodes_up_max")["verdict"], "same");
}

#[test]
fn another_stagger_is_reported_by_its_key_and_fails() {
    let bench = Bench::new();
    let one = boot(&bench, &[]);
    let two = boot(&bench, &["--set", "boot.power_on.stagger=1 s"]);
    let (code, comparison) = compare(&bench, &[&one, &two]);
    assert_eq!((code, &comparison["agrees"]), (4, &Value::Bool(false)));
    let keys = rows(&comparison, "keys");
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert_eq!(keys[0]["key"], "boot.power_on.stagger");
    assert_eq!(keys[0]["b"][0], "\"1 s\"");
    // 150 nodes, one a second: the last is powered on 149 s later than the first.
    let late = row(&comparison, "metrics", "boot_t100");
    assert_eq!(late["verdict"], "out");
    assert!(late["difference"]["absolute"].as_f64().is_some_and(|late| late > 100.0), "{late}");
    let first_up = row(&comparison, "distributions", "first_up");
    assert_eq!(first_up["verdict"], "out");
    // The stages that wait for nobody take as long as before.
    for stage in ["boot_stage/rom", "boot_stage/kernel", "boot_stage/init"] {
        assert_ne!(row(&comparison, "distributions", stage)["verdict"], "out", "{stage}");
    }
    let text = bench.run(&["compare", &one, &two]).stdout;
    let first = text.lines().find(|line| line.starts_with("boot_t50 ")).expect("a row");
    assert!(first.ends_with("out of tolerance"), "{text}");
}

#[test]
fn several_seeds_a_side_have_intervals() {
    let bench = Bench::new();
    let runs: Vec<_> = (1..=6).map(|seed| boot(&bench, &["--seed", &seed.to_string()])).collect();
    let [a, b] = [&runs[..3], &runs[3..]].map(|side| side.iter().map(String::as_str));
    let arguments: Vec<_> = a.chain(["--with"]).chain(b).collect();
    let (_, comparison) = compare(&bench, &arguments);
    let row = row(&comparison, "metrics", "boot_time_mean");
    assert_eq!((&row["a"]["count"], &row["b"]["count"]), (&3.into(), &3.into()));
    for value in [&row["a"], &row["b"], &row["difference"]] {
        assert!(value["half_width"].as_f64().is_some_and(|width| width > 0.0), "{row}");
    }
    assert_eq!(rows(&comparison, "a").len(), 3);
    let first_up = rows(&comparison, "distributions")[0].clone();
    assert_eq!(first_up["a"]["count"], 450, "three runs of 150 nodes");
}

#[test]
fn checkpoint_times_come_from_the_log_and_are_missed_without_it() {
    let bench = Bench::new();
    let file = root().join("scenarios/smoke/crash_weibull_daly.toml");
    let play = |level: &str| {
        let run = bench.play(std::slice::from_ref(&file), &["--events", level]).swap_remove(0);
        run["results"].as_str().expect("a folder").to_owned()
    };
    let [all, faults, none] = ["all", "faults", "none"].map(play);
    let (code, comparison) = compare(&bench, &[&all, &faults]);
    assert_eq!(code, 0);
    let times = row(&comparison, "distributions", "checkpoint_time");
    let committed = row(&comparison, "metrics", "checkpoints_committed");
    assert_eq!(times["a"]["count"].as_f64(), committed["a"]["mean"].as_f64());
    assert_eq!(times["verdict"], "same");
    let (_, comparison) = compare(&bench, &[&all, &none]);
    assert_eq!(row(&comparison, "distributions", "checkpoint_time")["verdict"], "only-a");
    assert_eq!(rows(&comparison, "not_recorded").len(), 1);
}

#[test]
fn a_page_is_written_where_it_is_asked_for() {
    let bench = Bench::new();
    let (one, two) = (boot(&bench, &[]), boot(&bench, &["--seed", "9"]));
    let done = bench.run(&["compare", &one, &two, "--out", "page", "--band", "any"]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    assert!(done.stdout.ends_with("page/compare.html\n"), "{}", done.stdout);
    for name in ["compare.html", "figures/nodes_up.svg", "figures/cdf_first_up.png"] {
        assert!(bench.path().join("page").join(name).is_file(), "{name}");
    }
    let page = std::fs::read_to_string(bench.path().join("page/compare.html")).expect("a page");
    assert!(page.contains(&format!("rackstorm compare {one} {two} --band any")));
}

#[test]
fn wrong_usage_is_exit_2_and_a_wrong_folder_exit_3() {
    let bench = Bench::new();
    let run = boot(&bench, &[]);
    for arguments in [
        vec![],
        vec![run.as_str()],
        vec![&run, &run, &run],
        vec![&run, &run, "--band", "makespam=1%"],
        vec![&run, &run, "--floor", "makespan"],
        vec![&run, &run, "--out", &run],
        vec![&run, &run, "--open"],
        vec![&run, "--with"],
    ] {
        let done = bench.run(&[&["compare"], arguments.as_slice()].concat());
        assert_eq!((done.code, done.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(!done.stderr.is_empty(), "{arguments:?}");
    }
    let manifest = bench.path().join(&run).join("manifest.json");
    let text = std::fs::read_to_string(&manifest).expect("a manifest");
    std::fs::create_dir(bench.path().join("interrupted")).expect("a folder");
    bench.write("interrupted/manifest.json", &text.replace("\"finished\"", "\"interrupted\""));
    let done = bench.run(&["compare", "nowhere", "interrupted"]);
    assert_eq!((done.code, done.stdout.as_str()), (3, ""));
    for reported in ["nowhere: there is no such folder", "interrupted: the run was interrupted"] {
        assert!(done.stderr.contains(reported), "{}", done.stderr);
    }
}

/// A study of one node that fails once a day: two intervals, eight seeds.
fn study(bench: &Bench, folder: &str, rest: &[&str]) -> String {
    let base = root().join("scenarios/smoke/single_node_exponential.toml");
    let base = base.to_str().expect("names are UTF-8");
    let axis = "[sweep]\n\"checkpoint.coordinated.interval\" = [\"6 h\", \"12 h\"]\n";
    let file = bench.write("node.toml", &format!("schema = 1\ninherit = {base:?}\n{axis}"));
    let file = file.to_str().expect("names are UTF-8");
    let arguments = ["study", file, "--replications", "8", "-q", "-o", folder];
    let done = bench.run(&[&arguments[..], rest].concat());
    assert_eq!(done.code, 0, "{}", done.stderr);
    folder.to_owned()
}

#[test]
fn two_studies_are_compared_cell_by_cell_and_seed_by_seed() {
    let bench = Bench::new();
    let a = study(&bench, "a", &[]);
    let (code, comparison) = compare(&bench, &[&a, &a, "--strict"]);
    assert_eq!((code, &comparison["agrees"]), (0, &Value::Bool(true)));
    assert!(rows(&comparison, "metrics").iter().all(|row| row["verdict"] == "same"));
    // A longer repair lengthens each run by as much as it has failures, whatever its seed.
    let b = study(&bench, "b", &["--set", "fault.crash.0.repair=160 s"]);
    let (code, comparison) = compare(&bench, &[&a, &b, "--band", "any", "--band", "makespan=0%"]);
    assert_eq!(code, 4, "{comparison}");
    let said = "Differences are by pairs: 8 seeds have a run in A and in B.";
    assert_eq!(comparison["pairing"], said);
    let of = |interval: &str| {
        let found = rows(&comparison, "metrics").iter().find(|row| {
            row["name"] == "makespan" && row["cell"] == format!("interval {interval}").as_str()
        });
        found.unwrap_or_else(|| panic!("no {interval}: {comparison}"))
    };
    for interval in ["6 h", "12 h"] {
        let difference = &of(interval)["difference"];
        assert_eq!(difference["pairs"], 8);
        // Some 25 failures or more of 100 s each; without pairs the interval would be days.
        let [mean, half] =
            ["absolute", "half_width"].map(|it| difference[it].as_f64().expect("so"));
        assert!(mean > 2_000.0 && half < mean, "{difference}");
    }
    let keys: Vec<_> = rows(&comparison, "keys").iter().map(|key| &key["key"]).collect();
    assert!(keys.iter().all(|key| key.to_string().contains("repair")), "{keys:?}");
    let text = bench.run(&["compare", &a, &b]).stdout;
    assert!(text.contains("makespan, interval 6 h") || text.contains("within tolerance"), "{text}");
}

#[test]
fn a_study_is_compared_with_a_study_alone() {
    let bench = Bench::new();
    let (a, run) = (study(&bench, "a", &[]), boot(&bench, &[]));
    for arguments in
        [vec![a.as_str(), &run], vec![&a, &a, "--out", "page"], vec![&a, "--with", &a, &a]]
    {
        let done = bench.run(&[&["compare"], arguments.as_slice()].concat());
        assert_eq!((done.code, done.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(done.stderr.starts_with("error: "), "{}", done.stderr);
    }
    std::fs::remove_file(bench.path().join("a/results.json")).expect("it was merged");
    let done = bench.run(&["compare", &a, &a]);
    assert_eq!(done.code, 2);
    assert!(done.stderr.contains("it has no merged table"), "{}", done.stderr);
}

/// Plays a study of one node over these intervals in a folder of this name.
fn study_over(bench: &Bench, name: &str, intervals: &str) {
    let axis = format!("[sweep]\n\"checkpoint.coordinated.interval\" = {intervals}\n");
    crate::study::one_node(bench, &axis);
    crate::study::done(bench, &format!("node.toml -o {name} --replications 2 --quiet"));
}

#[test]
fn cells_of_equal_values_belong_together_though_one_study_has_words_too() {
    let bench = Bench::new();
    study_over(&bench, "a", r#"["6 h", "daly"]"#);
    study_over(&bench, "b", r#"["360 min", "1 d"]"#);
    let (code, comparison) = compare(&bench, &["a", "b"]);
    assert_eq!((code, &comparison["agrees"]), (0, &Value::Bool(true)), "{comparison}");
    assert!(rows(&comparison, "metrics").iter().all(|row| row["cell"] == "interval 6 h"));
    assert!(row(&comparison, "metrics", "makespan")["verdict"] == "same");
    let alone = "1 cell of A alone: not compared.";
    assert_eq!(comparison["remarks"][0], alone);
}

#[test]
fn studies_that_have_no_cell_in_common_do_not_agree() {
    let bench = Bench::new();
    study_over(&bench, "a", r#"["6 h"]"#);
    study_over(&bench, "b", r#"["1 d"]"#);
    let (code, comparison) = compare(&bench, &["a", "b"]);
    assert_eq!((code, &comparison["agrees"]), (4, &Value::Bool(false)), "{comparison}");
    let text = bench.run(&["compare", "a", "b"]).stdout;
    assert!(text.ends_with("Nothing was compared: A and B have nothing in common.\n"), "{text}");
}
