//! What `rackstorm export` writes is what the readers of each format expect.

use std::collections::BTreeMap;

use prost::Message;
use serde_json::Value;

use crate::program::{Bench, root};

/// 150 nodes by Weibull's law, for 4,000 h.
const LAW: &str = r#"
schema  = 1
title   = "Nodes with Weibull lifetimes"
inherit = "cluster_module_150"
seed    = 1
[boot]
method = "instant"
[[fault.crash]]
on       = "node"
lifetime = { weibull = { shape = 0.7, mean = "200 h" } }
repair   = { lognormal = { median = "64 min", sigma = 1.0 } }
[stop]
at = "4000 h"
[expect]
failures  = "> 1000"
nodes_up_end = "= 0"
"#;

/// A rack that boots.
const BOOT: &str = r#"
schema  = 1
title   = "A module boots"
inherit = "cluster_module_150"
seed    = 1
[stop]
when = "all up"
at   = "20 min"
"#;

/// Plays a scenario and gives its results folder.
fn played(bench: &Bench, name: &str, text: &str, flags: &[&str]) -> String {
    let file = bench.write(&format!("{name}.toml"), text);
    let file = file.to_str().expect("UTF-8");
    let done = bench.run(&[&["run", file, "--no-report", "--json"], flags].concat());
    assert!(done.code <= 1, "{}", done.stderr);
    done.json_lines()[0]["results"].as_str().expect("a folder").to_owned()
}

fn exported(bench: &Bench, folder: &str, to: &str) -> String {
    let done = bench.run(&["export", folder, "--to", to]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    done.stdout
}

#[test]
fn the_law_of_a_run_comes_back_from_its_failure_trace() {
    let bench = Bench::new();
    let folder = played(&bench, "law", LAW, &["--events", "all"]);
    bench.write("failures.tab", &exported(&bench, &folder, "fta"));
    let done = bench.run(&["fit", "failures.tab", "--json"]);
    let found = &done.json_lines()[0];
    let n = found["failures"].as_f64().expect("a count");
    let rule = &found["rule"];
    let mean = rule["uptime_s"].as_f64().expect("a time") / 3600.0;
    // 99 % of a mean of n lives of Weibull 0.7, whose coefficient of variation is 1.462.
    let half = 2.576 * 200.0 * 1.462 / n.sqrt();
    assert!(n > 2_000.0 && (mean - 200.0).abs() < half, "{mean} h of {n}, seed 1");
}

#[test]
fn demands_are_cases_and_missed_ones_are_failures() {
    let bench = Bench::new();
    let folder = played(&bench, "law", LAW, &[]);
    let text = exported(&bench, &folder, "junit");
    for part in [
        r#"<testsuites name="rackstorm" tests="2" failures="1" errors="0">"#,
        r#"<testsuite name="law, seed 1, model" tests="2" failures="1" errors="0""#,
        r#"<testcase classname="law" name="failures &gt; 1000"></testcase>"#,
        r#"name="nodes_up_end = 0"><failure message="nodes_up_end = 0 (it is "#,
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn openmetrics_has_families_that_stand_together_and_times_that_grow() {
    let bench = Bench::new();
    let folder = played(&bench, "boot", BOOT, &[]);
    let flags = ["export", &folder, "--to", "openmetrics", "--start", "2026-01-01"];
    let text = bench.run(&flags).stdout;
    assert!(text.ends_with("# EOF\n"));
    let mut family = "";
    let mut last: BTreeMap<&str, f64> = BTreeMap::new();
    for line in text.lines().filter(|line| *line != "# EOF") {
        if let Some(named) = line.strip_prefix("# TYPE ") {
            family = named.split(' ').next().expect("a name");
            assert!(!last.keys().any(|key| key.starts_with(&format!("{family}{{"))), "{line}");
        } else if !line.starts_with('#') {
            let mut words = line.rsplitn(3, ' ');
            let at: f64 = words.next().and_then(|it| it.parse().ok()).expect("a time");
            let labels = words.nth(1).expect("a name");
            assert!(labels.starts_with(&format!("{family}{{")), "{line}");
            let before = last.insert(labels, at);
            // 2026-01-01 is 1,767,225,600 s after 1970.
            assert!(at >= 1_767_225_600.0 && before.is_none_or(|before| before < at), "{line}");
        }
    }
    assert!(text.contains("# UNIT rackstorm_boot_t100_seconds seconds\n"));
}

/// What a reader of Perfetto's protobuf looks at, by the numbers of its fields.
#[derive(Clone, PartialEq, Message)]
struct Trace {
    #[prost(message, repeated, tag = "1")]
    packet: Vec<Packet>,
}

#[derive(Clone, PartialEq, Message)]
struct Packet {
    #[prost(uint64, tag = "8")]
    timestamp: u64,
    #[prost(message, optional, tag = "11")]
    event: Option<TrackEvent>,
    #[prost(message, optional, tag = "60")]
    track: Option<Track>,
}

#[derive(Clone, PartialEq, Message)]
struct TrackEvent {
    #[prost(uint64, tag = "9")]
    kind: u64,
    #[prost(uint64, tag = "11")]
    track: u64,
    #[prost(string, tag = "23")]
    name: String,
}

#[derive(Clone, PartialEq, Message)]
struct Track {
    #[prost(uint64, tag = "1")]
    uuid: u64,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(uint64, optional, tag = "5")]
    parent: Option<u64>,
}

/// Slices of tracks by their names: what, from, to (ns).
type Slices = BTreeMap<String, Vec<(String, u64, u64)>>;

/// The tracks, and their slices.
fn slices(bytes: &[u8]) -> (Vec<Track>, Slices) {
    let packets = Trace::decode(bytes).expect("a trace").packet;
    let tracks: Vec<Track> = packets.iter().filter_map(|it| it.track.clone()).collect();
    let name = |uuid| &tracks.iter().find(|it| it.uuid == uuid).expect("it is described").name;
    let mut slices = Slices::new();
    let mut open: BTreeMap<u64, (String, u64)> = BTreeMap::new();
    for Packet { timestamp, event, .. } in packets {
        let Some(event) = event else { continue };
        match event.kind {
            1 => assert!(open.insert(event.track, (event.name, timestamp)).is_none(), "nested"),
            2 => {
                let (word, from) = open.remove(&event.track).expect("it began");
                slices.entry(name(event.track).clone()).or_default().push((word, from, timestamp));
            }
            _ => {}
        }
    }
    assert!(open.is_empty(), "all slices end");
    (tracks, slices)
}

#[test]
fn a_trace_has_the_boot_stages_of_each_node_below_its_module() {
    let bench = Bench::new();
    let folder = played(&bench, "boot", BOOT, &["--events", "all"]);
    let flags = ["export", &folder, "--to", "perfetto", "--out", "boot.pftrace"];
    let flags = [&flags[..], &["--nodes", "pi[1-24]"]].concat();
    let done = bench.run(&flags);
    assert_eq!((done.code, done.stdout.as_str()), (0, "boot.pftrace\n"));
    let bytes = std::fs::read(bench.path().join("boot.pftrace")).expect("it is there");
    let (tracks, slices) = slices(&bytes);
    let named = |name: &str| tracks.iter().find(|it| it.name == name).expect("a track");
    assert_eq!(named("pi001").parent, Some(named("module[1]").uuid));
    assert_eq!(tracks.iter().filter(|it| it.name.starts_with("pi")).count(), 24);
    let boots = std::fs::read_to_string(bench.path().join(&folder).join("boots.csv"));
    let boots = boots.expect("it is there");
    let mut held = 0;
    for row in boots.lines().skip(1).map(|row| row.split(',').collect::<Vec<_>>()) {
        let node: u32 = row[0].parse().expect("a number");
        if node > 24 {
            continue;
        }
        let [from, to] = [row[2], row[3]].map(|it| it.parse::<f64>().expect("a time"));
        let is_it = |(_, a, b): &&(String, u64, u64)| {
            (*a as f64 / 1e9 - from).abs() < 1e-8 && (*b as f64 / 1e9 - to).abs() < 1e-8
        };
        let found = slices[&format!("pi{node:03}")].iter().find(is_it);
        assert_eq!(found.map(|it| it.0.as_str()), Some(row[1]), "{row:?}");
        held += 1;
    }
    assert!(held > 24, "{held} stages");
}

#[test]
fn the_last_minutes_of_a_trace_begin_with_what_nodes_are_in() {
    let bench = Bench::new();
    let folder = played(&bench, "law", LAW, &["--events", "all"]);
    let flags = ["export", &folder, "--to", "perfetto", "--last", "1 h", "--out", "x"];
    assert_eq!(bench.run(&flags).code, 0);
    let (_, slices) = slices(&std::fs::read(bench.path().join("x")).expect("it is there"));
    let hour = 3_600_000_000_000;
    let end = 4_000 * hour;
    for (node, of) in slices.iter().filter(|(name, _)| name.starts_with("pi")) {
        assert_eq!((of[0].1, of.last().expect("one").2), (end - hour, end), "{node}");
    }
    assert_eq!(slices.keys().filter(|name| name.starts_with("pi")).count(), 150);
}

#[test]
fn a_crate_names_the_files_and_the_program() {
    let bench = Bench::new();
    let folder = played(&bench, "boot", BOOT, &[]);
    let file = exported(&bench, &folder, "ro-crate");
    assert!(file.trim_end().ends_with("ro-crate-metadata.json"));
    let text = std::fs::read_to_string(bench.path().join(file.trim_end())).expect("it is there");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let graph = document["@graph"].as_array().expect("a graph");
    let entity = |id: &str| graph.iter().find(|it| it["@id"] == id).expect("it is named");
    for part in entity("./")["hasPart"].as_array().expect("parts") {
        let name = part["@id"].as_str().expect("a name");
        assert_eq!(entity(name)["@type"], "File");
        assert!(bench.path().join(&folder).join(name).is_file(), "{name}");
    }
    assert_eq!(entity("#run")["instrument"]["@id"], "#program");
    let version = entity("#program")["softwareVersion"].as_str().expect("a version");
    assert!(version.starts_with(env!("CARGO_PKG_VERSION")), "{version}");
    // The folder is still what the run left.
    assert_eq!(bench.run(&["report", &folder]).code, 0);
}

#[test]
fn figures_to_edit_read_the_tables_of_their_folder() {
    let bench = Bench::new();
    let folder = played(&bench, "boot", BOOT, &[]);
    let files = exported(&bench, &folder, "vega");
    assert!(files.contains("figures/nodes_up.vl.json") && files.contains("figures/boots.vl.json"));
    for file in files.lines().map(|file| bench.path().join(file)) {
        let text = std::fs::read_to_string(&file).expect("it is there");
        let figure: Value = serde_json::from_str(&text).expect("JSON");
        let table = file.with_file_name(figure["data"]["url"].as_str().expect("a table"));
        let head = std::fs::read_to_string(&table).expect("it is there");
        let head: Vec<&str> = head.lines().next().expect("a head").split(',').collect();
        let fields = text.lines().filter_map(|line| line.trim().strip_prefix("\"field\": \""));
        for field in fields.map(|it| it.trim_end_matches(['"', ','])) {
            assert!(head.contains(&field), "{field} in {}", file.display());
        }
    }
}

#[test]
fn parquet_has_the_rows_of_each_table_and_types_that_stay() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let bench = Bench::new();
    let mut types: BTreeMap<String, String> = BTreeMap::new();
    for name in ["boot_sd_1b", "crash_weibull_daly", "sort", "transfers", "silent_escape"] {
        let file = root().join(format!("scenarios/smoke/{name}.toml"));
        let text = std::fs::read_to_string(file).expect("it is there");
        let folder = played(&bench, name, &text, &["--events", "all"]);
        let files = exported(&bench, &folder, "parquet");
        assert!(files.contains("events.parquet") && files.contains("metrics.parquet"));
        for file in files.lines().map(|file| bench.path().join(file)) {
            let open = std::fs::File::open(&file).expect("it is there");
            let read = SerializedFileReader::new(open).expect("Parquet");
            let meta = read.metadata().file_metadata();
            let csv = match std::fs::read_to_string(file.with_extension("csv")) {
                Ok(csv) => csv,
                Err(_) => bench.run(&["events", &folder]).stdout,
            };
            assert_eq!(meta.num_rows() as usize, csv.lines().count() - 1, "{}", file.display());
            let table = file.file_name().expect("a name").to_string_lossy().into_owned();
            let own = format!("{:?}", meta.schema());
            assert_eq!(types.entry(table).or_insert_with(|| own.clone()), &own);
        }
    }
    assert_eq!(types.len(), 12, "{:?}", types.keys());
}

#[test]
fn what_cannot_be_exported_is_refused_with_what_helps() {
    let bench = Bench::new();
    let folder = played(&bench, "boot", BOOT, &["--events", "none"]);
    for (flags, code, says) in [
        (&["--to", "fta"][..], 3, "run it again with --events all"),
        (&["--to", "perfetto"], 3, "run it again with --events all"),
        (&["--to", "junit", "--last", "1 h"], 2, "--nodes and --last are for --to perfetto"),
        (&["--to", "fta", "--start", "2026-01-01"], 2, "--start is for --to openmetrics"),
        (&["--to", "vega", "--out", "x"], 2, "write into the results folder"),
        (&["--to", "perfetto", &folder], 2, "a trace is of one run"),
        (&["--to", "excel"], 2, "perfetto, openmetrics, junit"),
    ] {
        let done = bench.run(&[&["export", &folder], flags].concat());
        assert_eq!(done.code, code, "{flags:?}: {}", done.stderr);
        assert!(done.stderr.contains(says), "{flags:?}: {}", done.stderr);
        assert_eq!(done.stdout, "");
    }
    let done = bench.run(&["export", "nowhere", "--to", "junit"]);
    assert_eq!(done.code, 3);
    assert!(done.stderr.contains("nowhere"), "{}", done.stderr);
}

#[test]
fn a_bundle_comes_out_the_same_and_says_so_figure_by_figure() {
    let bench = Bench::new();
    let one = bench.write("boot.toml", BOOT);
    let done = bench.run(&["run", one.to_str().expect("UTF-8"), "--json"]);
    let folder = done.json_lines()[0]["results"].as_str().expect("a folder").to_owned();
    let other = played(&bench, "law", LAW, &[]);
    for name in ["a.tar", "b.tar"] {
        let done = bench.run(&["bundle", &folder, &other, "--out", name]);
        assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    }
    let [a, b] = ["a.tar", "b.tar"].map(|name| std::fs::read(bench.path().join(name)));
    assert_eq!(a.expect("it is there"), b.expect("it is there"));
    // Where the folders are gone, too.
    std::fs::remove_dir_all(bench.path().join("results")).expect("it is there");
    let done = bench.run(&["verify", "a.tar"]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
    assert_eq!(done.stdout.matches("  same    fingerprint ").count(), 2);
    assert!(done.stdout.contains("  same    figures/nodes_up.svg"), "{}", done.stdout);
    assert!(done.stdout.contains("  same    report.html"), "{}", done.stdout);
    assert!(!done.stdout.contains("differs"));
}

/// A tar archive of such entries: path, kind, bytes.
fn archive(bench: &Bench, name: &str, entries: &[(&str, tar::EntryType, &[u8])]) {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, kind, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        header.as_gnu_mut().expect("it is one").name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        archive.append(&header, *bytes).expect("memory");
    }
    let bytes = archive.into_inner().expect("memory");
    std::fs::write(bench.path().join(name), bytes).expect("a temporary folder");
}

#[test]
fn a_bundle_that_is_none_is_refused() {
    use tar::EntryType::{Regular, Symlink};
    let bench = Bench::new();
    archive(&bench, "out.tar", &[("../out", Regular, b"x")]);
    archive(&bench, "root.tar", &[("/tmp/out", Regular, b"x")]);
    archive(&bench, "link.tar", &[("a/b", Symlink, b"")]);
    archive(&bench, "twice.tar", &[("a/b", Regular, b"x"), ("a/b", Regular, b"y")]);
    archive(&bench, "none.tar", &[("README.txt", Regular, b"x")]);
    archive(&bench, "odd.tar", &[("a/b/manifest.json", Regular, b"{}")]);
    bench.write("text.tar", "no archive at all");
    bench.write("empty.tar", "");
    let folder = played(&bench, "boot", BOOT, &[]);
    assert_eq!(bench.run(&["bundle", &folder, "--out", "whole.tar"]).code, 0);
    let whole = std::fs::read(bench.path().join("whole.tar")).expect("it is there");
    std::fs::write(bench.path().join("cut.tar"), &whole[..whole.len() / 2]).expect("a disk");
    let place = whole.windows(9).rposition(|it| it == b"makespan," || it == b"run_time,");
    let mut changed = whole.clone();
    changed[place.expect("it has metrics") + 10] ^= 1;
    std::fs::write(bench.path().join("changed.tar"), changed).expect("a disk");
    for (name, says) in [
        ("out.tar", "no file of a run"),
        ("root.tar", "no file of a run"),
        ("link.tar", "no file of a run"),
        ("twice.tar", "exists"),
        ("none.tar", "it holds no run"),
        ("odd.tar", "manifest.json"),
        ("text.tar", "it is no bundle, or cut"),
        ("empty.tar", "it holds no run"),
        ("cut.tar", "it is no bundle, or cut"),
        ("changed.tar", "not as the run left it"),
        ("nowhere.tar", "nowhere.tar"),
    ] {
        let done = bench.run(&["verify", name]);
        assert_eq!((done.code, done.stdout.as_str()), (3, ""), "{name}: {}", done.stderr);
        assert!(done.stderr.contains(says), "{name}: {}", done.stderr);
    }
    let done = bench.run(&["bundle", &folder, &folder, "--out", "x.tar"]);
    assert!(done.code == 3 && done.stderr.contains("another run of the bundle"), "{}", done.stderr);
    assert!(!bench.path().join("x.tar").exists() && !bench.path().join("x.tar.partial").exists());
}
