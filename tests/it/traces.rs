//! Failure traces: published fits found again, faults taken from traces, and traces replayed.
//!
//! Los Alamos National Laboratory released the records as LA-UR-05-7318; they are not part of this
//! repository. `RACKSTORM_TRACES` names the folder that has them; else `shared/data/traces` is
//! looked for next to the repository. The tests say so if they are skipped.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use rackstorm::analysis::stats::confidence;
use rackstorm::event::What;
use rackstorm::fitting::laws::SpanLaw;
use rackstorm::fitting::traces::{Spans, TraceFits};
use rackstorm::rng::Stream;
use rackstorm::trace::{self, Named, Quantity, Selection, Trace};

use crate::harness::{plan_of_file, play_plan, play_text};
use crate::program::{Bench, root, update};

const LANL: &str = "lanl-failures-1996-2005.csv.xz";

/// The records of Los Alamos, if they are there.
fn lanl() -> Option<PathBuf> {
    let given = std::env::var_os("RACKSTORM_TRACES").map(PathBuf::from);
    let shared = root().ancestors().map(|folder| folder.join("shared/data/traces"));
    let found = given.into_iter().chain(shared).map(|folder| folder.join(LANL));
    let file = found.into_iter().find(|file| file.exists());
    if file.is_none() {
        eprintln!("skipped: {LANL} is not here; RACKSTORM_TRACES names its folder");
    }
    file
}

fn near(found: f64, published: f64, share: f64) {
    let apart = (found / published - 1.0).abs();
    assert!(apart <= share, "{found} is not {published} to {share}");
}

/// The value has these printed digits.
fn prints(found: f64, published: &str) {
    let places = published.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    assert_eq!(format!("{found:.places$}"), published);
}

fn spans(trace: &Trace, selection: &Selection, quantity: Quantity) -> Spans {
    let mut found = TraceFits::of(trace, selection, &[quantity]).expect("there are failures");
    found.spans.remove(0)
}

fn law(spans: &Spans, family: &str) -> SpanLaw {
    ks_and_law(spans, family).1
}

fn ks_and_law(spans: &Spans, family: &str) -> (f64, SpanLaw) {
    let fit = spans.fits.iter().find(|fit| fit.law.family() == family).expect("all are fitted");
    (fit.ks, fit.law)
}

/// Shape and scale of a Weibull or gamma in hours.
fn shape_and_scale(law: SpanLaw) -> (f64, f64) {
    match law {
        SpanLaw::Weibull { shape, scale } | SpanLaw::Gamma { shape, scale } => {
            (shape, scale / 3600.0)
        }
        _ => panic!("{law:?} has no shape"),
    }
}

#[test]
fn the_repairs_of_los_alamos_are_lognormal() {
    let Some(file) = lanl() else { return };
    let trace = trace::read(&file, &Named::default()).expect("a trace");
    assert_eq!((trace.rows, trace.failures.len(), trace.flaws.len()), (23_739, 23_739, 0));
    let repairs = spans(&trace, &Selection::default(), Quantity::Repairs);
    let reported = repairs.summary.expect("there are repairs");
    assert_eq!((reported.n, repairs.zeros), (23_739, 187));
    prints(reported.mean_s / 60.0, "352");
    prints(reported.median_s / 60.0, "59");
    prints(reported.c2, "177");
    let SpanLaw::Lognormal { mu, sigma } = repairs.fits[0].law else {
        panic!("the lognormal fits best: {:?}", repairs.fits)
    };
    prints(mu - libm::log(60.0), "4.154");
    prints(sigma, "1.402");
    for (family, ks) in
        [("lognormal", "0.041"), ("weibull", "0.144"), ("exponential", "0.420"), ("gamma", "0.234")]
    {
        prints(ks_and_law(&repairs, family).0, ks);
    }
}

#[test]
fn the_time_between_failures_of_nodes_at_los_alamos_is_that_of_the_facts() {
    let Some(file) = lanl() else { return };
    let trace = trace::read(&file, &Named::default()).expect("a trace");
    let gaps = spans(&trace, &Selection::default(), Quantity::NodeGaps);
    assert_eq!((gaps.sample_s.len(), gaps.zeros, gaps.negative), (20_006, 31, 0));
    let SpanLaw::Exponential { mean } = law(&gaps, "exponential") else { panic!("a law") };
    near(mean / 3600.0, 1_772.9, 0.01);
    let (shape, scale) = shape_and_scale(law(&gaps, "weibull"));
    near(shape, 0.489, 0.01);
    near(scale, 826.0, 0.01);
    let (shape, scale) = shape_and_scale(law(&gaps, "gamma"));
    near(shape, 0.356, 0.01);
    near(scale, 4_981.0, 0.01);
    let SpanLaw::Lognormal { mu, sigma } = law(&gaps, "lognormal") else { panic!("a law") };
    near(mu - libm::log(3600.0), 5.596, 0.01);
    near(sigma, 2.297, 0.01);
}

/// The Failure Trace Archive publishes fits to the same records, of the time from a repair to the
/// next failure: mean 1,779.99 h, Weibull .48 and 816.60 h, lognormal 5.56 and 2.39, gamma .35 and
/// 5,102.71 h (as in opendc, `Lanl05`).
#[test]
fn the_uptimes_of_los_alamos_are_those_of_the_failure_trace_archive() {
    let Some(file) = lanl() else { return };
    let trace = trace::read(&file, &Named::default()).expect("a trace");
    let uptimes = spans(&trace, &Selection::default(), Quantity::Uptimes);
    let SpanLaw::Exponential { mean } = law(&uptimes, "exponential") else { panic!("a law") };
    near(mean / 3600.0, 1_779.99, 0.01);
    let (shape, scale) = shape_and_scale(law(&uptimes, "weibull"));
    prints(shape, "0.48");
    near(scale, 816.60, 0.01);
    let (shape, scale) = shape_and_scale(law(&uptimes, "gamma"));
    prints(shape, "0.35");
    near(scale, 5_102.71, 0.01);
    let SpanLaw::Lognormal { mu, sigma } = law(&uptimes, "lognormal") else { panic!("a law") };
    prints(mu - libm::log(3600.0), "5.56");
    prints(sigma, "2.39");
}

/// Nodes, failures, mean time between them (h), Weibull shape and scale (h) of the gaps above
/// zero, and C² of all gaps where the facts have it.
#[test]
fn each_system_of_los_alamos_fails_as_in_the_facts() {
    let Some(file) = lanl() else { return };
    let trace = trace::read(&file, &Named::default()).expect("a trace");
    for (system, nodes, failures, [mtbf, shape, scale, c2]) in [
        (2, 49, 7104, ["10.65", "0.738", "11.47", "4.0"]),
        (3, 128, 299, ["58.1", "0.814", "53.1", "1.33"]),
        (8, 164, 475, ["80.4", "0.711", "67.4", "2.24"]),
        (9, 256, 280, ["58.2", "0.544", "30.6", ""]),
        (12, 512, 259, ["62.8", "0.609", "41.8", ""]),
        (16, 16, 2680, ["18.4", "0.720", "16.9", ""]),
        (18, 1024, 3997, ["7.33", "0.817", "6.63", "3.0"]),
        (19, 1024, 3284, ["7.72", "0.889", "7.37", "2.3"]),
        (20, 512, 2478, ["13.2", "0.647", "9.55", "4.1"]),
    ] {
        let selection = Selection { system: Some(system), ..Selection::default() };
        let found = TraceFits::of(&trace, &selection, &[Quantity::Gaps]).expect("failures");
        assert_eq!((found.nodes, found.failures), (nodes, failures), "system {system}");
        prints(found.mtbf_s.expect("a time") / 3600.0, mtbf);
        let (found_shape, found_scale) = shape_and_scale(law(&found.spans[0], "weibull"));
        prints(found_shape, shape);
        prints(found_scale, scale);
        if !c2.is_empty() {
            prints(found.spans[0].summary.expect("gaps").c2, c2);
        }
        for (number, hours) in [(18, "7509"), (19, "7907"), (20, "6739"), (3, "7439")] {
            if number == system {
                prints(found.node_mtbf_s.expect("a time") / 3600.0, hours);
            }
        }
    }
}

/// A machine of 1,024 nodes that boot at once.
pub(crate) fn machine(fault: &str, end: &str) -> String {
    format!(
        r#"
schema = 1
title = "a thousand nodes that fail as others did"
[cluster]
hardware = "pi_3b"
module = "cluster_module_150"
modules = 8
[module]
nodes = 128
spares = 0
packs = [128]
switches = 1
psu = [{{ packs = [1], switches = [1], limit = "10 kW", restart = "5 s" }}]
[boot]
method = "instant"
{fault}
[stop]
when = "never"
at = "{end}"
[record]
sample = "1 d"
"#
    )
}

/// Minutes since the month began, node and down time of each row of January 2004 on system 18,
/// read without the reader of traces: the rows are in no order.
fn january(text: &str) -> Vec<(u64, u32, u64)> {
    let mut rows = Vec::new();
    for record in csv::Reader::from_reader(text.as_bytes()).into_records() {
        let record = record.expect("a row");
        let parts: Vec<u64> = record[16]
            .split(['/', ' ', ':'])
            .map(|part| part.parse().expect("a date is made of numbers"))
            .collect();
        if &record[0] == "18" && parts[0] == 1 && parts[2] == 2004 {
            let minutes = ((parts[1] - 1) * 24 + parts[3]) * 60 + parts[4];
            let number = |cell: &str| cell.parse::<u64>().expect("a number");
            rows.push((minutes, number(&record[5]) as u32, number(&record[18])));
        }
    }
    rows.sort_unstable();
    rows
}

#[test]
fn a_month_of_system_18_strikes_exactly_as_it_did() {
    const MINUTE: u64 = 60_000_000_000;
    let Some(file) = lanl() else { return };
    let unpacked = std::process::Command::new("xz").arg("-dc").arg(&file).output();
    let unpacked = unpacked.expect("xz is there").stdout;
    let rows = january(std::str::from_utf8(&unpacked).expect("UTF-8"));
    assert_eq!(rows.len(), 97);

    let bench = Bench::new();
    std::fs::copy(&file, bench.path().join("lanl.csv.xz")).expect("a copy");
    let fault = "[[fault.crash]]\non = \"node\"\ntrace = { file = \"lanl.csv.xz\", system = 18, \
                 from = \"2004-01-01\", to = \"2004-02-01\" }";
    let scenario = bench.write("month.toml", &machine(fault, "31 d"));
    let plan = plan_of_file(&scenario, None, &[]);
    assert_eq!(plan.machine.nodes.len(), 1024);
    let played = play_plan(&plan);
    let (mut struck, mut ended) = (Vec::new(), Vec::new());
    for event in &played.events {
        match event.what {
            What::FaultStrikes { part, .. } => struck.push((event.at.0 / MINUTE, part.index)),
            What::FaultEnds { part, .. } => ended.push((event.at.0 / MINUTE, part.index)),
            _ => {}
        }
    }
    struck.sort_unstable();
    ended.sort_unstable();
    let wanted: Vec<_> = rows.iter().map(|(at, node, _)| (*at, *node)).collect();
    assert_eq!(struck, wanted);
    let end = 31 * 24 * 60;
    let mut wanted: Vec<_> = rows.iter().map(|(at, node, down)| (at + down, *node)).collect();
    wanted.retain(|(at, _)| *at <= end);
    wanted.sort_unstable();
    assert_eq!(ended, wanted);
}

/// A trace of the Failure Trace Archive: 40 nodes, 60 failures each, uptimes by a Weibull of shape
/// 0.7 and scale 100 h, repairs lognormal with mu 4.154 (ln min) and sigma 1.402.
fn drawn() -> String {
    let (uptimes, repairs) = (Stream::new(18, "uptime"), Stream::new(18, "repair"));
    let mut text = String::new();
    for node in 0..40_u64 {
        let mut now = 1_000_000_000.0;
        for k in 0..60 {
            let start = now + uptimes.draw(node, k).weibull(0.7, 360_000.0);
            let end = start + 60.0 * repairs.draw(node, k).lognormal(4.154, 1.402);
            let event = node * 100 + k;
            let columns = format_args!("{event}\t1\t{node}\t5\tn{node}\t0");
            writeln!(text, "{columns}\t{start:.3}\t{end:.3}\tNULL").expect("a string");
            now = end;
        }
    }
    text
}

#[test]
fn what_a_trace_was_drawn_from_is_found_and_its_fault_is_accepted() {
    let bench = Bench::new();
    bench.write("event_trace.tab", &drawn());
    let done = bench.run(&["fit", "event_trace.tab", "--json", "--out", "fits"]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    let found: Value = done.json_lines().remove(0);
    assert_eq!((&found["failures"], &found["nodes"]), (&2400.into(), &40.into()));
    let best = |of: &str| -> Value {
        let spans = found["spans"].as_array().expect("a list");
        let one = spans.iter().find(|spans| spans["of"] == of).expect("all four");
        one["fits"][0].clone()
    };
    let value = |fit: &Value, key: &str| fit[key].as_f64().expect("a number");
    // 99 %: 2.5758 standard errors, from the Fisher information.
    let (uptime, n) = (best("uptimes"), libm::sqrt(2_360.0));
    assert_eq!(uptime["family"], "weibull");
    assert!((value(&uptime, "shape") - 0.7).abs() < 2.5758 * 0.7797 * 0.7 / n);
    assert!((value(&uptime, "scale") / 360_000.0 - 1.0).abs() < 2.5758 * 1.0530 / 0.7 / n);
    let repair = best("repairs");
    assert_eq!(repair["family"], "lognormal");
    assert!(
        (value(&repair, "mu") - libm::log(60.0) - 4.154).abs()
            < 2.5758 * 1.402 / libm::sqrt(2_400.0)
    );

    let table = std::fs::read_to_string(bench.path().join("fits/fits.csv")).expect("the table");
    assert_eq!(table.lines().count(), 1 + 4 * 4);
    for file in found["files"].as_array().expect("a list") {
        let file = bench.path().join("fits").join(file.as_str().expect("a name"));
        assert!(file.exists(), "{}", file.display());
    }
    let fault = std::fs::read_to_string(bench.path().join("fits/fault.toml")).expect("the fault");
    assert_eq!(found["fault"], fault.as_str());
    bench.write("pasted.toml", &machine(&fault, "30 d"));
    let done = bench.run(&["validate", "pasted.toml"]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{fault}");

    let done = bench.run(&["fit", "event_trace.tab", "--of", "repairs", "--of", "node-gaps"]);
    let golden = root().join("tests/it/golden/fit.txt");
    if update() {
        std::fs::write(&golden, &done.stdout).expect("the golden file is written");
    }
    assert_eq!(done.stdout, std::fs::read_to_string(&golden).expect("the golden text"));
}

/// Renewal theory: parts of any age fail once in each mean lifetime and repair.
#[test]
fn the_fault_of_system_18_lets_a_machine_fail_as_often_as_it_did() {
    let Some(file) = lanl() else { return };
    let bench = Bench::new();
    let file = file.to_str().expect("UTF-8");
    let done = bench.run(&["fit", file, "--system", "18", "--of", "uptimes", "--json"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let fault = done.json_lines()[0]["fault"].as_str().expect("a fault").to_owned();
    // From the first failure to the last.
    let text = machine(&fault, "29311 h");
    let counts: Vec<f64> =
        (1..=6).map(|seed| play_text(&text, Some(seed)).metric("failures")).collect();
    let interval = confidence(&counts, 0.99).expect("six runs");
    assert!(interval.holds(3_997.0), "{interval:?} of {counts:?}");
    assert!(interval.half_width < 0.03 * interval.mean, "{interval:?}");
}

#[test]
fn all_laws_of_a_fault_table_are_accepted() {
    let bench = Bench::new();
    for law in [
        "exponential = { mean = \"1 y\" }",
        "weibull = { shape = 0.48, mean = \"1 y\" }",
        "lognormal = { median = \"1 h 3 min 40 s\", sigma = 1.402 }",
        "gamma = { shape = 0.356, mean = \"1 y\" }",
        "gamma = { shape = 0.356, scale = \"2 y\" }",
    ] {
        let fault = format!("[[fault.crash]]\non = \"node\"\nlifetime = {{ {law} }}");
        bench.write("law.toml", &machine(&fault, "30 d"));
        let done = bench.run(&["validate", "law.toml"]);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{law}");
    }
}

#[test]
fn broken_rows_are_reported_and_counted_and_the_rest_is_fitted() {
    let bench = Bench::new();
    let mut text = drawn().replacen("\tn0\t0\t", "\tn0\tdown\t", 1);
    text += "nonsense\n";
    bench.write("event_trace.tab", &text);
    let done = bench.run(&["fit", "event_trace.tab", "--of", "repairs", "--out", "fits"]);
    assert_eq!(done.code, 0);
    let reported: Vec<_> = done.stderr.lines().collect();
    let expected = [
        "warning: event_trace.tab:1: `event_type` is `down`, not 0 or 1",
        "warning: event_trace.tab:2401: 1 columns, not 9",
        "warning: 2 of 2401 rows cannot be used; the others are",
    ];
    assert_eq!(reported, expected);
    assert!(done.stdout.contains("2401 rows, 2 of them not usable"), "{}", done.stdout);
    let flaws = std::fs::read_to_string(bench.path().join("fits/flaws.csv")).expect("all flaws");
    assert_eq!(flaws.lines().count(), 3);
    for (arguments, code) in [
        (vec!["fit", "event_trace.tab", "--system", "99"], 2),
        (vec!["fit", "event_trace.tab", "--from", "yesterday"], 2),
        (vec!["fit", "event_trace.tab", "--of", "nothing"], 2),
        (vec!["fit", "nowhere.csv"], 3),
    ] {
        let done = bench.run(&arguments);
        assert_eq!(done.code, code, "{arguments:?}");
        assert!(done.stdout.is_empty() && !done.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn a_replay_is_scaled_mapped_and_whole_without_its_file() {
    const SECOND: u64 = 1_000_000_000;
    let bench = Bench::new();
    let row =
        |node: u32, start: u32, stop: u32| format!("1\t1\t{node}\t3\tn\t0\t{start}\t{stop}\t\n");
    let text = [row(5, 1000, 1060), row(2000, 1600, 1900), row(5, 2200, 2210)].concat();
    bench.write("trace.tab", &text);
    let fault = "[[fault.hang]]\non = \"pi[0001-0010]\"\ntrace = { file = \"trace.tab\", \
                 nodes = \"modulo\", speed = 2.0, after = \"1 h\" }";
    let file = bench.write("replay.toml", &machine(fault, "2 h"));
    let load = |file: &Path| {
        rackstorm::scenario::load(file, &rackstorm::scenario::Overrides::default())
            .unwrap_or_else(|mistakes| panic!("{mistakes}"))
    };
    let loaded = load(&file);
    let struck: Vec<_> = loaded
        .scenario
        .faults
        .iter()
        .map(|rule| match rule.when {
            rackstorm::scenario::fault::When::At(at) => (at.0 / SECOND, rule.on.ranges[0].start),
            rackstorm::scenario::fault::When::Lifetime { .. } => panic!("it has its time"),
        })
        .collect();
    assert_eq!(struck, [(3600, 5), (3900, 0), (4200, 5)]);
    let names: Vec<_> = loaded.scenario.faults.iter().map(|rule| rule.name.as_str()).collect();
    assert!(names[0].starts_with("trace.tab@") && names[0].ends_with(":1"), "{names:?}");
    // The resolved text says all of it, and another content of the file is another scenario.
    let resolved = bench.write("resolved.toml", &rackstorm::scenario::text(&loaded.scenario));
    bench.write("trace.tab", &text.replace("1060", "1061"));
    assert_eq!(load(&resolved).scenario, loaded.scenario);
    assert_ne!(load(&file).scenario, loaded.scenario);
    let ends = |played: crate::harness::Played| {
        let end = |event: &rackstorm::event::Event| {
            matches!(event.what, What::FaultEnds { .. }).then_some(event.at.0 / SECOND)
        };
        played.events.iter().filter_map(end).collect::<Vec<_>>()
    };
    assert_eq!(ends(play_plan(&plan_of_file(&resolved, None, &[]))), [3630, 4050, 4205]);
}
