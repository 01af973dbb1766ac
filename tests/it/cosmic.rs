//! Cosmic rays from the command line: flux, budgets, figures, and what is wrong with a question.

use serde_json::Value;

use crate::program::{Bench, root, update};

const LOS_ALAMOS: [&str; 9] =
    ["cosmic", "--altitude", "2231m", "--rigidity", "3.96", "--solar", "50%", "--nodes", "750"];

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn the_budget_of_the_pilot_is_reported_with_each_source() {
    let bench = Bench::new();
    let done = bench.run(&LOS_ALAMOS);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    let golden = root().join("tests/it/golden/cosmic.txt");
    if update() {
        std::fs::write(&golden, &done.stdout).expect("the golden file is written");
    }
    assert_eq!(done.stdout, std::fs::read_to_string(&golden).expect("the golden text"));
}

#[test]
fn json_and_figures_show_the_same_as_the_tables() {
    let bench = Bench::new();
    let asked = LOS_ALAMOS.into_iter().chain(["--json", "--out", "drawn"]).collect::<Vec<_>>();
    let done = bench.run(&asked);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    let found: Value = serde_json::from_str(&done.stdout).expect("one object");
    assert_eq!(format!("{:.2}", number(&found["flux"]["factor"])), "5.49");
    assert_eq!(format!("{:.2}", number(&found["flux"]["quiet"])), "5.93");
    assert_eq!(format!("{:.2}", number(&found["flux"]["active"])), "5.05");
    assert_eq!(format!("{:.2}", number(&found["flux"]["new_york_per_cm2_h"])), "12.74");
    assert_eq!(format!("{:.2}", number(&found["flux"]["parma"]["factor"])), "6.23");
    let caches: f64 = (0..2).map(|array| number(&found["arrays"][array]["fit_new_york"])).sum();
    assert_eq!(format!("{caches:.0}"), "932");
    let (node, all) = (number(&found["upsets_per_node_h"]), number(&found["upsets_per_h"]));
    assert!((all / node - 750.0).abs() < 1e-9);
    for classes in found["classes_per_node_h"].as_object().expect("by activity").values() {
        let sum: f64 = classes.as_object().expect("by class").values().map(number).sum();
        assert!((sum / node - 1.0).abs() < 1e-12, "each upset is of one class");
    }
    let assumed = |figure: &&Value| {
        let key = figure["key"].as_str().expect("a key");
        key.starts_with("hardware.array") && figure["assumption"] != true
    };
    let figures = found["figures"].as_array().expect("the sources");
    assert_eq!(figures.iter().find(assumed), None, "no figure of a Pi is public");
    let files = found["files"].as_array().expect("a list");
    assert_eq!(files.len(), 4);
    for file in files {
        let text = std::fs::read(bench.path().join("drawn").join(file.as_str().expect("a name")));
        assert!(text.expect("drawn").len() > 1000, "{file}");
    }
}

#[test]
fn a_scenario_brings_its_site_and_its_nodes() {
    let bench = Bench::new();
    let pilot = root().join("scenarios/base/lanl_pilot.toml");
    let pilot = pilot.to_str().expect("UTF-8");
    let found: Value =
        serde_json::from_str(&bench.run(&["cosmic", pilot, "--json"]).stdout).expect("an object");
    assert_eq!(found["nodes"], 750);
    assert_eq!(format!("{:.2}", number(&found["flux"]["factor"])), "5.49");
    // Protection, concrete and a lower place each help.
    let escaped = |more: &[&str]| {
        let asked: Vec<_> = ["cosmic", pilot, "--json"].iter().chain(more).copied().collect();
        let done = bench.run(&asked);
        assert_eq!(done.code, 0, "{}", done.stderr);
        let found: Value = serde_json::from_str(&done.stdout).expect("an object");
        number(&found["classes_per_node_h"]["compute"]["silent"])
    };
    let plain = escaped(&[]);
    assert!(escaped(&["--set", "hardware.array.1.protection=secded"]) < 0.5 * plain);
    assert!((escaped(&["--concrete", "1 m"]) / plain - 0.25).abs() < 1e-9);
    assert!(escaped(&["--altitude", "0 m"]) < 0.2 * plain);
}

#[test]
fn a_wrong_question_is_answered_with_what_is_wrong() {
    let bench = Bench::new();
    let cases = [
        (vec!["--altitude", "2231"], "expected a length", "did you mean \"2231 m\"?"),
        (vec!["--altitude", "20 km"], "too large here", "at most 9000 m"),
        (vec!["--rigidity", "hard"], "expected a number", "rigidity"),
        (vec!["--solar", "120%"], "too large here", "at most 1"),
        (vec!["--hardware", "pi_3c"], "`pi_3c` is not one of", "did you mean \"pi_3b\"?"),
        (vec!["--nodes", "0"], "0", "--nodes"),
        (vec!["missing.toml"], "there is no such file", "missing.toml"),
    ];
    for (more, what, hint) in cases {
        let asked: Vec<_> = ["cosmic"].into_iter().chain(more.iter().copied()).collect();
        let done = bench.run(&asked);
        assert_eq!((done.code, done.stdout.as_str()), (2, ""), "{more:?}: {}", done.stderr);
        assert!(done.stderr.contains(what), "{more:?}: {}", done.stderr);
        assert!(done.stderr.contains(hint), "{more:?}: {}", done.stderr);
    }
}

/// Idle nodes in a beam; what is asked of them stands in `upset`.
fn in_a_beam(bench: &Bench, upset: &str) -> Value {
    let text = format!(
        "inherit = \"edge_rack_24\"\n[site]\naltitude = \"2231 m\"\nrigidity = 3.96\n\
         [boot]\nmethod = \"instant\"\n[stop]\nwhen = \"never\"\nat = \"10 d\"\n\
         [[hardware.array]]\nname = \"open\"\nkind = \"sram\"\nsize = \"512 KiB\"\n\
         sigma = 1e-14\nmulti_bit = 0.1\nprotection = \"none\"\n\
         [[hardware.array]]\nname = \"guarded\"\nkind = \"sram\"\nsize = \"1 MiB\"\n\
         sigma = 1e-14\nmulti_bit = 0.1\nprotection = \"secded\"\n\
         [[fault.upset]]\non = \"node\"\nbeam = 1e6\n[upset.idle]\n{upset}\n"
    );
    let file = bench.write("beam.toml", &text);
    let mut runs = bench.play(std::slice::from_ref(&file), &[]);
    let asked = ["cosmic", file.to_str().expect("UTF-8"), "--json"];
    let reported: Value = serde_json::from_str(&bench.run(&asked).stdout).expect("an object");
    let mut run = runs.remove(0);
    run["classes"] = reported["classes_per_node_h"]["idle"].clone();
    run
}

/// A count lies within the 99 % interval of a Poisson law of this mean.
fn meets(count: f64, mean: f64, what: &str) {
    assert!(mean > 20.0, "{what}: too few are expected to judge by a normal law: {mean}");
    let half = 2.5758 * mean.sqrt();
    assert!((count - mean).abs() < half, "{what}: {count} is not {mean} +- {half}");
}

#[test]
fn upsets_of_each_class_come_at_the_rates_that_the_budget_says() {
    let bench = Bench::new();
    // Nothing stops a node: each is in the beam for all of the ten days.
    let run = in_a_beam(&bench, "silent = 0.3\ncrash = 0.0\nhang = 0.0");
    let count = |name: &str| number(&run["metrics"][format!("upsets_{name}")]);
    let hours = 24.0 * 240.0 * 1e6;
    for class in ["masked", "corrected", "silent"] {
        // What is detected stops a node for a while, of which there is little.
        let lost = number(&run["metrics"]["availability"]);
        let mean = number(&run["classes"][class]) * hours * lost;
        meets(count(class), mean, class);
    }
    for metric in ["corruptions", "corruptions_masked"] {
        let off = (number(&run["metrics"][metric]) - count("silent")).abs();
        assert!(off < 0.5, "{metric}: there is no job");
    }

    let run = in_a_beam(&bench, "silent = 0.0\ncrash = 0.3\nhang = 0.2");
    let count = |name: &str| number(&run["metrics"][format!("upsets_{name}")]);
    let up = number(&run["metrics"]["availability"]);
    for class in ["masked", "corrected", "detected", "crash"] {
        let mean = number(&run["classes"][class]) * hours * up;
        meets(count(class), mean, class);
    }
    let all: f64 =
        ["masked", "corrected", "detected", "silent", "crash", "hang"].map(count).iter().sum();
    assert!((all - number(&run["metrics"]["upsets"])).abs() < 0.5);
}
