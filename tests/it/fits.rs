//! Traces that `rackstorm fit` must not take for something else.
//!
//! What they watched, where they end, which repairs they have, and what any other table says.
//!
//! The records of Los Alamos (LA-UR-05-7318) and those of disks are not part of this repository;
//! they are looked for in `shared/cases/fit` next to it. The tests say so if they are skipped.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::Value;

use rackstorm::analysis::stats::confidence;
use rackstorm::event::{Event, What};
use rackstorm::rng::Stream;

use crate::harness::{measure_text, plan_of_file, play_plan};
use crate::program::{Bench, root};
use crate::traces::machine;

const HOUR: f64 = 3600.0;

/// A trace of the shared cases, if it is there.
fn case(name: &str) -> Option<String> {
    let shared = root().ancestors().map(|folder| folder.join("shared/cases/fit").join(name));
    let found: Option<PathBuf> = shared.into_iter().find(|file| file.exists());
    if found.is_none() {
        eprintln!("skipped: {name} is not here");
    }
    Some(found?.to_str().expect("UTF-8").to_owned())
}

/// What is found in a trace, as `--json` reports it.
fn fitted(bench: &Bench, arguments: &[&str]) -> Value {
    let done = bench.run(&[&["fit", "--json"], arguments].concat());
    assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{arguments:?}");
    done.json_lines().swap_remove(0)
}

/// The time for which a node was up per failure, in hours.
fn up_h(found: &Value) -> f64 {
    found["rule"]["uptime_s"].as_f64().unwrap_or_else(|| panic!("no rule: {found}")) / HOUR
}

/// 128 nodes that fail for 4000 h; uptimes by a Weibull of shape 0.7 and scale 400 h, repairs
/// lognormal with median 1 h and sigma 1. Rows of the Failure Trace Archive.
fn drawn(up_rows: bool) -> (String, usize) {
    let (uptimes, repairs) = (Stream::new(1, "uptime"), Stream::new(1, "repair"));
    let (mut text, mut failures) = (String::new(), 0);
    for node in 0..128_u64 {
        let mut now = 0.0;
        for k in 0.. {
            let start = now + uptimes.draw(node, k).weibull(0.7, 400.0 * HOUR);
            if start > 4000.0 * HOUR {
                break;
            }
            let end = start + repairs.draw(node, k).lognormal(0.0, 1.0) * HOUR;
            let mut row = |kind: u8, from: f64, to: f64| {
                writeln!(text, "1\t1\t{node}\t1\tn{node}\t{kind}\t{from:.0}\t{to:.0}\tNULL")
                    .expect("a string");
            };
            if up_rows && k > 0 {
                row(1, now, start);
            }
            row(0, start, end);
            failures += 1;
            now = end;
        }
    }
    (text, failures)
}

/// Plays the fault that was printed on 1,024 nodes with six seeds.
fn assert_it_plays(fault: &Value, hours: u32, failures: f64) {
    let text = machine(fault.as_str().expect("a fault"), &format!("{hours} h"));
    let counts: Vec<f64> =
        (1..=6).map(|seed| measure_text(&text, Some(seed)).metric("failures")).collect();
    let interval = confidence(&counts, 0.99).expect("six runs");
    assert!(interval.holds(failures), "{failures}: {interval:?} of {counts:?}");
    assert!(interval.half_width < 0.05 * interval.mean, "{interval:?}");
}

#[test]
fn times_up_that_stand_only_between_failures_change_nothing() {
    let bench = Bench::new();
    let (down, failures) = drawn(false);
    bench.write("down.tab", &down);
    bench.write("both.tab", &drawn(true).0);
    let nodes = ["--of", "repairs", "--nodes", "128"];
    let [down, both] =
        ["down.tab", "both.tab"].map(|file| fitted(&bench, &[&[file], &nodes[..]].concat()));
    assert_eq!(up_h(&down).to_bits(), up_h(&both).to_bits());
    assert_eq!(both["node_mtbf_s"], down["node_mtbf_s"]);
    let share = up_h(&both) * failures as f64 / (128.0 * 4000.0);
    assert!((0.98..=1.0).contains(&share), "{share} of the time it was up");
    // Eight times as many nodes as in the trace fail eight times as often.
    assert_it_plays(&both["fault"], 4000, 8.0 * failures as f64);
}

/// 294 days with the nodes that are named, and 313 with all 1,024 of them: as from the CSV.
#[test]
fn the_archive_of_system_18_fails_as_often_as_its_csv() {
    let Some(both) = case("lanl18-fta-up-rows-between-failures.tab.xz") else { return };
    let Some(down) = case("lanl18-fta-down-rows-only.tab.xz") else { return };
    let bench = Bench::new();
    for (file, nodes, days) in
        [(&down, None, 294.0), (&both, None, 294.0), (&both, Some("1024"), 313.0)]
    {
        let nodes: Vec<&str> = nodes.into_iter().flat_map(|nodes| ["--nodes", nodes]).collect();
        let found = fitted(&bench, &[&[file.as_str(), "--of", "repairs"], &nodes[..]].concat());
        let up = up_h(&found) / 24.0;
        assert!((up - days).abs() < 1.0, "{file} {nodes:?}: {up} d");
        if !nodes.is_empty() {
            // From the first failure to the last.
            assert_it_plays(&found["fault"], 29_311, 3_997.0);
        }
    }
}

#[test]
fn a_last_repair_counts_as_far_as_the_trace_goes() {
    let bench = Bench::new();
    // Two nodes for 100 h; one of the repairs would last for 1000 h.
    let rows = [(1, 0, 1), (1, 50, 51), (2, 80, 1080), (1, 100, 101), (2, 20, 21), (2, 60, 63)];
    let row = |(node, from, to): (u32, u32, u32)| {
        format!("1\t1\t{node}\t1\tn\t0\t{}\t{}\tNULL\n", from * 3600, to * 3600)
    };
    bench.write("long.tab", &rows.map(row).concat());
    let found = fitted(&bench, &["long.tab", "--of", "repairs"]);
    // 200 h, less 1 + 1 + 20 + 0 + 1 + 3 h, over 6 failures.
    assert!((up_h(&found) - 174.0 / 6.0).abs() < 1e-9, "{found}");
    let Some(file) = case("last-repair-past-the-window.tab") else { return };
    let up = up_h(&fitted(&bench, &[&file]));
    assert!((up - 18.4).abs() < 0.05, "{up} h");
}

#[test]
fn a_trace_without_repairs_gives_the_lifetime_alone() {
    let bench = Bench::new();
    let mut rows = String::from("time,node\n");
    let uptimes = Stream::new(1, "uptime");
    for node in 0..20 {
        let mut now = 0.0;
        for k in 0..10 {
            now += uptimes.draw(node, k).exponential(100.0 * HOUR);
            writeln!(rows, "{now:.0},pi{node}").expect("a string");
        }
    }
    bench.write("failures.csv", &rows);
    let files = [Some(String::from("failures.csv")), case("disks-repairs-all-zero.tab.xz")];
    for (file, spans) in files.iter().flatten().zip([180, 487]) {
        let found = fitted(&bench, &[file, "--of", "uptimes"]);
        assert_eq!(found["spans"][0]["summary"]["n"], spans, "{file}");
        assert!(found["rule"]["repair"].is_null() && found["no_rule"].is_null(), "{file}");
        let fault = found["fault"].as_str().expect("a fault");
        assert!(fault.contains("\n# No law of repairs (time to repair: 0 of "), "{fault}");
        assert!(!fault.contains("\nrepair"), "{fault}");
        bench.write("pasted.toml", &machine(fault, "30 d"));
        let done = bench.run(&["validate", "pasted.toml"]);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""), "{fault}");
    }
}

/// The start of failures of one node in hours, and how long each lasts.
fn node_of(failures: &[(u32, u32)]) -> String {
    let mut rows = String::from("time,node,end\n");
    for (start, lasts) in failures {
        writeln!(rows, "{},a,{}", start * 3600, (start + lasts) * 3600).expect("a string");
    }
    rows
}

#[test]
fn what_a_fault_lacks_is_reported_by_its_cause() {
    let bench = Bench::new();
    let reported = |rows: &str| {
        bench.write("trace.csv", rows);
        let done = bench.run(&["fit", "trace.csv", "--of", "gaps"]);
        assert_eq!(done.code, 0, "{}", done.stderr);
        done.stdout
    };
    let uptimes = "time from a repair of a node to its next failure";
    for (rows, why) in [
        ("time,node\n0,a\n60,b\n".into(), "no node failed twice".to_owned()),
        ("time\n0\n60\n".into(), "no failure names its node".to_owned()),
        (
            node_of(&[(0, 1), (5, 1), (9, 1)]),
            format!("{uptimes}: 2 in all, and a law is fitted to 3 at least"),
        ),
        (
            node_of(&[(0, 5), (5, 9), (9, 1), (20, 1)]),
            format!(
                "{uptimes}: 1 of 3 are above zero and 1 below, and a law is fitted to 3 at least"
            ),
        ),
        (
            node_of(&[(0, 1), (0, 90), (2, 90), (3, 90), (100, 1), (103, 1), (107, 1)]),
            "its nodes were watched for 107 h and down for 273 h of them, all failures together"
                .into(),
        ),
    ] {
        let text = reported(&rows);
        assert!(text.contains(&format!("No fault for a scenario: {why}.\n")), "{why}\n{text}");
    }
    // Spans that are all alike are said as such.
    let text = reported(&node_of(&[(0, 1), (10, 1), (20, 1), (30, 1), (41, 1)]));
    assert!(text.contains("\nrepair = { fixed = \"60 min\" }\n"), "{text}");
    let text = reported(&node_of(&[(0, 1), (10, 1), (20, 1), (30, 1)]));
    assert!(text.contains("\nlifetime = { fixed = \"6.75 h\" }\n"), "{text}");
}

#[test]
fn records_are_joined_within_a_window_of_time() {
    let bench = Bench::new();
    let rows = node_of(&[(0, 1), (2, 1), (10, 1), (30, 2), (31, 4)]);
    bench.write("ras.csv", &(rows + "7200,b,7200\n"));
    let count = |window: &[&str]| {
        let found = fitted(&bench, &[&["ras.csv", "--of", "gaps"], window].concat());
        found["failures"].as_u64().expect("a number")
    };
    assert_eq!(count(&[]), 6);
    assert_eq!(count(&["--coalesce", "0 s"]), 5);
    assert_eq!(count(&["--coalesce", "59min"]), 5);
    assert_eq!(count(&["--coalesce", "1 h"]), 4);
    assert_eq!(count(&["--coalesce", "7 h"]), 3);
    let text = bench.run(&["fit", "ras.csv", "--coalesce", "1h"]).stdout;
    assert!(text.contains("  2 rows (first in line 3): begin within the window of"), "{text}");
    let done = bench.run(&["fit", "ras.csv", "--coalesce", "5"]);
    assert!(done.code == 2 && done.stderr.contains("needs a unit"), "{}", done.stderr);
}

#[test]
fn a_table_is_replayed_like_any_trace() {
    let bench = Bench::new();
    bench.write("ras.csv", &node_of(&[(0, 1), (10, 2)]));
    let fault = "[[fault.crash]]\non = \"node\"\ntrace = { file = \"ras.csv\" }";
    let file = bench.write("replay.toml", &machine(fault, "1 d"));
    let plan = plan_of_file(&file, None, &[]);
    let played = play_plan(&plan);
    let hour = |event: &Event| match event.what {
        What::FaultStrikes { .. } | What::FaultEnds { .. } => Some(event.at.0 / 3_600_000_000_000),
        _ => None,
    };
    let hours: Vec<u64> = played.events.iter().filter_map(hour).collect();
    assert_eq!(hours, [0, 1, 10, 12]);
}

#[test]
fn mistakes_about_a_table_are_reported_with_a_way_out() {
    let bench = Bench::new();
    bench.write("events.txt", "NodeName|TimeStart\na|2026-01-31T14:05:00\n");
    for (arguments, reported) in [
        (&["--time", "Start"][..], "error: events.txt: no column `Start` in line 1, whose columns"),
        (&["--time", "TimeStart", "--node", "NodeName", "--nodes", "0"], "0 is not in 1.."),
        (&[], "no known trace format: line 1 is `NodeName|TimeStart`"),
    ] {
        let done = bench.run(&[&["fit", "events.txt"], arguments].concat());
        assert!(done.code != 0 && done.stdout.is_empty(), "{arguments:?}: {}", done.stdout);
        assert!(done.stderr.contains(reported), "{reported} is missing in:\n{}", done.stderr);
    }
    bench.write("two.csv", "time,node\n0,a\n60,b\n");
    let done = bench.run(&["fit", "two.csv", "--nodes", "1"]);
    assert_eq!(done.code, 2);
    assert_eq!(done.stderr, "error: two.csv: it names 2 nodes, more than 1\n");
}

/// The commands of the page, on lines as the logs have them.
#[test]
fn the_logs_of_the_page_become_tables() {
    let page = std::fs::read_to_string(root().join("docs/traces.md")).expect("the page");
    let bench = Bench::new();
    bench.write(
        "BGL.log",
        "- 1117838570 2005.06.03 R02-M1-N0-C:J12-U11 2005-06-03-15.42.50.363779 \
         R02-M1-N0-C:J12-U11 RAS KERNEL INFO instruction cache parity error corrected\n\
         KERNDTLB 1117838573 2005.06.03 R30-M0-N9-C:J16-U01 2005-06-03-15.42.53.276129 \
         R30-M0-N9-C:J16-U01 RAS KERNEL FATAL data TLB error interrupt\n\
         KERNDTLB 1117838600 2005.06.03 R30-M0-N9-C:J16-U01 2005-06-03-15.43.20.276129 \
         R30-M0-N9-C:J16-U01 RAS KERNEL FATAL data TLB error interrupt\n\
         KERNDTLB 1117938600 2005.06.04 R30-M0-N9-C:J16-U01 2005-06-04-19.30.00.000000 \
         R30-M0-N9-C:J16-U01 RAS KERNEL FATAL data TLB error interrupt\n",
    );
    bench.write(
        "gc_full.csv",
        "SN,location,insert,remove,duration,out,event\n\
         0323712007923,c7-7c0s7n3,2014-01-08 10:00:00,2015-01-08 10:00:00,31536000,FALSE,\n\
         0323712007923,c7-7c0s7n3,2015-01-08 10:00:00,2016-01-08 10:00:00,31536000,TRUE,DBE\n\
         0323712007994,c7-7c0s7n2,2015-01-08 10:00:00,2016-03-08 10:00:00,36720000,TRUE,OTB\n",
    );
    // In place of `sacctmgr show event`, which needs Slurm.
    bench.write(
        "events.txt",
        "NodeName|TimeStart|TimeEnd|State|Reason\n\
         pi0001|2026-01-31T14:05:00|2026-01-31T15:05:00|DOWN|Not responding\n\
         pi0002|2026-02-01T14:05:00|Unknown|DOWN*|Not responding\n\
         pi0003|2026-02-02T14:05:00|2026-02-03T15:05:00|DRAIN|new fan\n",
    );
    let mut seen = Vec::new();
    for line in page.lines().filter_map(|line| line.strip_prefix("$ ")) {
        if line.starts_with("awk ") {
            let mut shell = std::process::Command::new("sh");
            let done = shell.args(["-c", line]).current_dir(bench.path()).status();
            assert!(done.expect("a shell").success(), "{line}");
        } else if let Some(arguments) = line.strip_prefix("rackstorm fit ") {
            let arguments: Vec<&str> = arguments.split(' ').collect();
            let found = fitted(&bench, &arguments);
            seen.push((found["failures"].clone(), found["nodes"].clone()));
        }
    }
    let expected = [(2, 65_536), (2, 18_688), (2, 750)];
    assert_eq!(seen, expected.map(|(failures, nodes): (u64, u64)| (failures.into(), nodes.into())));
}

/// Hours between failures, minutes of repair: in the table, the fault and the figures.
#[test]
fn a_quantity_has_one_unit_wherever_it_is_reported() {
    let bench = Bench::new();
    bench.write("trace.tab", &drawn(true).0);
    let done = bench.run(&["fit", "trace.tab", "--out", "fits"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let text = done.stdout;
    let fault = &text[text.find("[[fault.crash]]").expect("a fault")..];
    let unit = |key: &str| {
        let line = fault.lines().find(|line| line.starts_with(key)).expect("a key");
        line.split('"').nth(1).and_then(|span| span.split(' ').nth(1)).expect("a span").to_owned()
    };
    assert_eq!((unit("lifetime").as_str(), unit("repair").as_str()), ("h", "min"), "{fault}");
    let own = text.lines().find(|line| line.contains("whose own mean is")).expect("a comment");
    assert!(own.ends_with(" h."), "{own}");
    for (of, unit) in [("gaps", "h"), ("node_gaps", "h"), ("uptimes", "h"), ("repairs", "min")] {
        let table = text.split("\n\n").find(|part| part.starts_with(&of.replace('_', "-")));
        let table = table.expect("a table");
        let other = if unit == "h" { " min" } else { " h" };
        assert!(table.contains(&format!(" {unit}")) && !table.contains(other), "{table}");
        for (kind, reported) in
            [("cdf", format!("({unit}, logarithmic)")), ("hazard", format!("Hazard (1/{unit})"))]
        {
            let file = bench.path().join(format!("fits/figures/{kind}_{of}.svg"));
            let figure = std::fs::read_to_string(file).expect("a figure");
            assert!(figure.contains(&reported), "{reported} is missing in {kind}_{of}.svg");
        }
    }
}
