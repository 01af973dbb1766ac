//! The scale model: groups by hand, and whole runs of a rack that is made like a larger machine.

use std::path::Path;

use rackstorm::analysis::stats::{Interval, confidence};
use rackstorm::backend::model::Model;
use rackstorm::experiment::Run;
use rackstorm::forecast::similar::{GROUPS, Groups, groups, rows};
use rackstorm::plan::Plan;
use serde_json::Value;

use crate::harness::{plan_of, plan_of_file};
use crate::program::{Bench, root};

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

const FIXED: &str = "interval = \"2 h\"\nlast = true\nstrikes = { downtime = true }\n\
                     cost = { write = \"15 min\", read = \"10 min\", downtime = \"2 min\" }";
const STORED: &str = "interval = \"daly\"\nsize = \"200 MB\"\nto = \"file-server\"";

/// 24 Pis which write through their fabric.
fn rack() -> String {
    job("edge_rack_24", "10 d", STORED)
}

/// 508 nodes of four cabinets.
fn machine() -> String {
    job("exascale", "200 d", FIXED) + "[cluster]\nmodules = 4\n"
}

fn known(plan: &Plan) -> Groups {
    groups(plan).unwrap_or_else(|why| panic!("{why}"))
}

/// Mean efficiency of seeds 1 to 40 and its 99 % interval.
fn efficiency(plan: &Plan) -> Interval {
    let of = |seed| {
        let metrics = ["efficiency"];
        let run = Run::new(&plan.with_seed(seed), &Model).metrics(&metrics).play();
        run.expect("it is played").metric("efficiency").expect("there is a job")
    };
    confidence(&(1..=40).map(of).collect::<Vec<_>>(), 0.99).expect("there are forty")
}

fn agree(a: Interval, b: Interval) -> bool {
    (a.mean - b.mean).abs() <= a.half_width.hypot(b.half_width)
}

/// The object that the command prints with `--json`.
fn asked(bench: &Bench, arguments: &[&str]) -> Value {
    let done = bench.run(&[&["similar", "--json", "--within", "0.01%"], arguments].concat());
    assert_eq!(done.code, 0, "{}", done.stderr);
    done.json_lines().remove(0)
}

/// 20 nodes of which each lives 20 d fail once a day: M = 86,400 s, C = 864 s, R = 432 s, D = 40 s
/// and 46.4 s, W = 8,640 s. Their memories are struck every 200 d, so the job's every 10 d; a
/// repair of 20 min for four spares.
#[test]
fn the_groups_are_those_that_one_reckons_by_hand() {
    let text = job("edge_rack_24", "20 d", "interval = \"2 h 24 min\"\n")
        .replace(
            "step = \"1 min\"\nwork = \"5 d\"",
            "nodes = 20\nstep = \"86.4 s\"\nwork = \"10 d\"",
        )
        .replace("5 min", "20 min")
        + "cost = { write = \"864 s\", read = \"432 s\", downtime = \"46.4 s\" }\n\
           verify = { cost = \"8.64 s\", per_checkpoint = 2 }\nkeep = 2\n\
           [[fault.silent-corruption]]\non = \"node\"\n\
           lifetime = { exponential = { mean = \"200 d\" } }\n";
    let of = known(&plan_of(&text));
    let wanted = [
        ("c", 0.01),
        ("r", 0.005),
        ("d", 0.001),
        ("w", 0.1),
        ("y", 0.5_f64.sqrt()),
        ("s", 0.01),
        ("n", 10.0),
        ("v", 1e-4),
        ("k", 2.0),
        ("e", 10.0),
        ("q", 1_200.0 / 86_400.0 / 4.0),
    ];
    let rows = rows([&of, &of, &of], 0.0);
    let found: Vec<_> =
        rows.iter().map(|row| (row.group.symbol, row.own.expect("it has it"))).collect();
    assert_eq!(found.len(), wanted.len(), "{found:?}");
    for ((symbol, value), (name, by_hand)) in found.into_iter().zip(wanted) {
        assert_eq!(symbol, name);
        assert!((value / by_hand - 1.0).abs() < 1e-9, "{symbol}: {value}, by hand {by_hand}");
    }
    assert!(rows.iter().all(|row| row.matches), "it is like itself");
}

/// 150 nodes read 100 MB each to boot from a server of 10 Gbit/s, of which TCP gets 94.1 %: 12.8 s
/// for the root alone; and save 200 MB of 1 GB.
#[test]
fn the_groups_of_the_machine_are_those_of_its_boot_and_memory() {
    let text = job("cluster_module_150", "1 y", STORED).replace("\"instant\"", "\"pxe-nfs\"");
    let of = known(&plan_of(&text));
    let root = 150.0 * 100e6 * 8.0 / (10e9 * 0.941);
    assert!(of.traffic > root && of.traffic < 1.5 * root, "{} and {root}", of.traffic);
    let memory = plan_of(&text).scenario.hardware.memory.0 as f64;
    let rows = rows([&of, &of, &of], 0.0);
    let value = |symbol| rows.iter().find(|row| row.group.symbol == symbol).and_then(|row| row.own);
    assert_eq!(value("m"), Some(200e6 / memory));
    assert_eq!(value("p"), of.boot.map(|boot| of.traffic / boot));
    assert_eq!(value("b"), of.boot.map(|boot| boot / of.mtbf));
}

/// A rack of 24 nodes against a machine of 508: seeds 1 to 40, 99 % intervals. As it was the rack
/// wastes another share, so that the test can fail.
#[test]
fn equal_groups_give_equal_efficiency() {
    let bench = Bench::new();
    let (small, large) = (bench.write("rack.toml", &rack()), bench.write("large.toml", &machine()));
    let found = asked(&bench, &["rack.toml", "--to", "large.toml", "-o", "scaled.toml"]);
    assert_eq!((&found["similar"], &found["scaled_similar"]), (&false.into(), &true.into()));
    let plan = |file: &Path| plan_of_file(file, None, &[]);
    let of = [bench.path().join("scaled.toml"), large, small].map(|file| efficiency(&plan(&file)));
    eprintln!("scaled {:?}, target {:?}, as it was {:?}", of[0], of[1], of[2]);
    assert!(agree(of[0], of[1]), "{of:?}");
    assert!(!agree(of[2], of[1]), "{of:?}");
}

#[test]
fn the_variant_pasted_into_the_file_is_the_scaled_scenario() {
    let bench = Bench::new();
    bench.write("rack.toml", &rack());
    for keep in ["checkpoint", "mtbf", "work"] {
        let to = ["rack.toml", "--to", "exascale", "--keep", keep, "-o", "whole.toml"];
        let found = asked(&bench, &to);
        assert_eq!(found["scaled_similar"], true, "{keep}: {found}");
        let variant = found["variant"].as_str().expect("a text");
        let pasted = bench.write("pasted.toml", &format!("{}\n{variant}", rack()));
        let of = known(&plan_of_file(&pasted, None, &["variant=similar"]));
        let whole = known(&plan_of_file(&bench.path().join("whole.toml"), None, &[]));
        for group in [&of, &whole].map(|of| rows([of, of, of], 0.0)) {
            for row in group {
                let all = found["groups"].as_array().expect("a list").iter();
                let mut same = all.filter(|it| it["symbol"] == row.group.symbol);
                let printed = same.find_map(|it| it["scaled"].as_f64());
                let (printed, own) = printed.zip(row.own).expect("both have it");
                let symbol = row.group.symbol;
                assert!((printed - own).abs() <= 1e-12 * own, "{keep} {symbol}: {printed} {own}");
            }
        }
        let kept = |of: &str| match keep {
            "checkpoint" => found[of]["setting"]["write"].as_f64(),
            "mtbf" => found[of]["mtbf"].as_f64(),
            _ => found[of]["setting"]["work"].as_f64(),
        };
        let (own, scaled) = kept("own").zip(kept("scaled")).expect("both have it");
        assert!((scaled / own - 1.0).abs() < 1e-6, "{keep}: {own} and {scaled}");
    }
}

#[test]
fn a_job_of_the_list_is_scaled_where_it_stands() {
    let bench = Bench::new();
    let (before, rest) =
        rack().split_once("[workload").map(|(a, b)| (a.to_owned(), b.to_owned())).expect("a job");
    assert!(rest.contains("[checkpoint"));
    let job = "[[job]]\nname = \"solo\"\nnodes = 20\nstep = \"1 min\"\nwork = \"1 d\"\n\
               checkpoint = { coordinated = { size = \"100 MB\", interval = \"1 h\" } }\n";
    bench.write("list.toml", &format!("{before}{job}"));
    bench.write("large.toml", &machine());
    let found = asked(&bench, &["list.toml", "--to", "large.toml"]);
    assert_eq!(found["scaled_similar"], true, "{found}");
    assert!(found["variant"].as_str().expect("a text").contains("\njob.0.step = "), "{found}");
}

#[test]
fn verifications_and_silent_corruption_are_scaled_apart_from_failures() {
    let bench = Bench::new();
    let checked = |machine: &str, checkpoint: &str, cost: &str, mean: &str| {
        let verify = format!("{checkpoint}\nverify = {{ cost = \"{cost}\", per_checkpoint = 2 }}");
        format!(
            "{}[[fault.silent-corruption]]\non = \"node\"\n\
             lifetime = {{ exponential = {{ mean = \"{mean}\" }} }}\n",
            job(machine, "100 d", &verify)
        )
    };
    bench.write("rack.toml", &checked("edge_rack_24", STORED, "3 s", "90 d"));
    bench.write("large.toml", &checked("lanl_pilot", FIXED, "1 min", "300 d"));
    let found = asked(&bench, &["rack.toml", "--to", "large.toml"]);
    assert_eq!(found["scaled_similar"], true, "{found}");
    for symbol in ["v", "k", "e"] {
        let mut all = found["groups"].as_array().expect("a list").iter();
        assert!(all.any(|row| row["symbol"] == symbol && row["matches"] == (symbol == "k")));
    }
    bench.write("plain.toml", &rack());
    let done = bench.run(&["similar", "plain.toml", "--to", "large.toml"]);
    assert!(done.code == 2 && done.stderr.contains("silent corruption strikes the target"));
}

#[test]
fn the_text_has_every_group_what_is_unlike_and_what_to_paste() {
    let bench = Bench::new();
    bench.write("rack.toml", &rack());
    bench.write("large.toml", &machine());
    let done = bench.run(&["similar", "rack.toml", "--to", "large.toml", "--within", "5%"]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    for group in GROUPS.iter().filter(|group| ["c", "r", "d", "w", "y"].contains(&group.symbol)) {
        assert!(done.stdout.contains(group.formula) && done.stdout.contains(group.why));
    }
    for words in
        ["M = 10 h", "Not similar within 5 %", "[variants.similar]", "`last` is true there"]
    {
        assert!(done.stdout.contains(words), "{words}: {}", done.stdout);
    }
    let done = bench.run(&["similar", "rack.toml", "--to", "rack.toml"]);
    assert!(done.stdout.contains("\nSimilar within 5 %") && !done.stdout.contains("  no  "));
}

#[test]
fn what_cannot_be_compared_is_refused_with_a_hint() {
    let bench = Bench::new();
    bench.write("rack.toml", &rack());
    bench.write("idle.toml", "schema = 1\ninherit = \"edge_rack_24\"\n");
    let (before, rest) =
        rack().split_once("[[fault").map(|(a, b)| (a.to_owned(), b.to_owned())).expect("faults");
    let after = rest.split_once("[workload").expect("a job").1;
    let sound = format!("{before}[workload{after}").replace("\"daly\"", "\"1 h\"");
    bench.write("sound.toml", &sound);
    bench.write("study.toml", &(rack() + "[sweep]\nseed = \"0..3\"\n"));
    bench.write("weibull.toml", &rack().replace("exponential = {", "weibull = { shape = 0.7,"));
    bench.write("bare.toml", rack().split_once("[checkpoint").expect("checkpoints").0);
    let adaptive = rack().replace("\"daly\"", "\"adaptive\"\nprior = \"1 d\"");
    bench.write("adaptive.toml", &adaptive);
    let two = "[[job]]\nname = \"a\"\nnodes = 2\nstep = \"1 min\"\nwork = \"1 d\"\n\
               [[job]]\nname = \"b\"\nnodes = 2\nstep = \"1 min\"\nwork = \"1 d\"\n";
    bench.write("two.toml", &format!("{}{two}", rack().split_once("[workload").expect("a job").0));
    for (file, to, word) in [
        ("rack.toml", "idle.toml", "there is no job"),
        ("rack.toml", "lanl_pilot", "there is no job"),
        ("rack.toml", "sound.toml", "nothing fails"),
        ("rack.toml", "exascal", "did you mean \"exascale\""),
        ("rack.toml", "nowhere.toml", "nowhere.toml"),
        ("rack.toml", "study.toml", "study"),
        ("rack.toml", "weibull.toml", "Weibull"),
        ("rack.toml", "bare.toml", "writes no checkpoints"),
        ("study.toml", "exascale", "study"),
        ("idle.toml", "exascale", "there is no job"),
        ("two.toml", "exascale", "2 jobs"),
        ("bare.toml", "exascale", "[checkpoint.coordinated]"),
        ("adaptive.toml", "exascale", "adapts"),
        ("nowhere.toml", "exascale", "nowhere.toml"),
    ] {
        let done = bench.run(&["similar", file, "--to", to, "-o", "out.toml"]);
        assert!(done.code == 2 && done.stderr.contains(word), "{file} {to}: {done:?}");
        assert!(done.stdout.is_empty() && !bench.path().join("out.toml").exists(), "{file} {to}");
    }
    let pilot = root().join("scenarios/study/pilot_interval.toml");
    let set = ["--seed", "1", "--set", "checkpoint.coordinated.interval=daly"];
    let found =
        asked(&bench, &[&[pilot.to_str().expect("UTF-8"), "--to", "exascale"], &set[..]].concat());
    assert_eq!(found["names"]["target"], "exascale_job");
}
