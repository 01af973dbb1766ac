//! A results folder of which a file is not what the run left is refused, by the name of the file.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::program::{Bench, Done};

use super::{manifest, play, run, text};

/// What may befall a file, with how it is reported.
type Harm = (&'static str, fn(&Path), &'static str);

const HARMS: [Harm; 7] = [
    ("events.rsl", flip, "events.rsl is changed"),
    ("metrics.csv", edit, "metrics.csv is changed"),
    ("metrics.csv", remove, "metrics.csv is missing"),
    ("series.csv", cut, "series.csv is cut: "),
    ("nodes.csv", edit, "nodes.csv is changed"),
    ("plan/nodes.csv", remove, "plan/nodes.csv is missing"),
    ("scenario.toml", edit, "scenario.toml is changed"),
];

fn flip(file: &Path) {
    let mut bytes = fs::read(file).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, bytes).expect("a disk");
}

/// Another number in the place of one, so that the file is as long as it was.
fn edit(file: &Path) {
    let text = fs::read_to_string(file).expect("it is there");
    let at = text.rfind(|c: char| c.is_ascii_digit()).expect("it has a number");
    let other = if &text[at..=at] == "7" { "8" } else { "7" };
    fs::write(file, [&text[..at], other, &text[at + 1..]].concat()).expect("a disk");
}

fn remove(file: &Path) {
    fs::remove_file(file).expect("it is there");
}

fn cut(file: &Path) {
    let bytes = fs::read(file).expect("it is there");
    // At the end of a line: what is left is a table.
    let half = bytes[..bytes.len() / 2].iter().rposition(|byte| *byte == b'\n').expect("a line");
    fs::write(file, &bytes[..=half]).expect("a disk");
}

/// The commands that read the folder; the other run is whole.
fn readers<'a>(folder: &'a str, other: &'a str) -> [Vec<&'a str>; 6] {
    [
        vec!["replay", folder],
        vec!["replay", folder, "--on", "model"],
        vec!["report", folder],
        vec!["events", folder],
        vec!["compare", other, folder],
        vec!["calibrate", "rack.toml", "--from", other, "--hold-out", folder],
    ]
}

#[test]
fn every_reader_refuses_a_file_that_is_missing_changed_or_cut_and_names_it() {
    let bench = Bench::new();
    let folder = run(&bench);
    let other = play(&bench, "rack.toml", &["--seed", "4"]).swap_remove(0);
    let before = bench.files();
    for (name, harm, reported) in HARMS {
        let file = folder.join(name);
        let whole = fs::read(&file).expect("it is there");
        harm(&file);
        for command in readers(text(&folder), text(&other)) {
            let done = bench.run(&command);
            assert_eq!((done.code, done.stdout.as_str()), (3, ""), "{reported}: {command:?}");
            assert!(done.stderr.contains(reported), "{command:?}: {}", done.stderr);
            let hint = "\n  hint: ";
            assert!(done.stderr.contains(hint), "{command:?}: {}", done.stderr);
        }
        fs::write(&file, whole).expect("a disk");
    }
    for command in readers(text(&folder), text(&other)).iter().skip(2).take(2) {
        assert_eq!(bench.run(command).code, 0, "{command:?}");
    }
    assert_eq!(bench.files(), before, "what is refused writes nothing");
}

#[test]
fn all_damaged_files_are_named_at_once_with_what_can_be_done() {
    let bench = Bench::new();
    let folder = run(&bench);
    remove(&folder.join("boots.csv"));
    flip(&folder.join("events.rsl"));
    let done = bench.run(&["replay", text(&folder)]);
    let shown = folder.display();
    let again = format!("rackstorm run {shown}/scenario.toml --seed 3 --on model");
    let reported = format!(
        "error: {shown}: it is not as the run left it:\n  boots.csv is missing\n  \
         events.rsl is changed\n  hint: `{again}` leaves the same run whole; --unchecked takes \
         the folder as it is\n"
    );
    assert_eq!((done.code, done.stderr), (3, reported));
    // As it says: the damaged folder stays, and a whole one lies next to it.
    let words: Vec<_> = again.split(' ').skip(1).collect();
    let done = bench.run(&words);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let whole = PathBuf::from(format!("{}-2", folder.display()));
    assert_eq!(bench.run(&["replay", text(&whole)]).code, 0);
    assert!(!folder.join("boots.csv").exists());
}

#[test]
fn a_damaged_folder_is_used_by_who_insists_and_the_damage_is_reported() {
    let bench = Bench::new();
    let folder = run(&bench);
    edit(&folder.join("metrics.csv"));
    for command in readers(text(&folder), text(&folder)).iter().skip(2).take(3) {
        let insisting = [command.as_slice(), &["--unchecked"]].concat();
        let done = bench.run(&insisting);
        assert_eq!(done.code, 0, "{command:?}: {}", done.stderr);
        let warning = "warning: ";
        assert!(done.stderr.starts_with(warning), "{command:?}: {}", done.stderr);
        assert!(done.stderr.contains("\n  metrics.csv is changed"), "{}", done.stderr);
    }
}

#[test]
fn a_log_with_other_events_is_not_the_same_though_the_run_is() {
    let bench = Bench::new();
    let folder = run(&bench);
    let other = play(&bench, "rack.toml", &["--seed", "4"]).swap_remove(0);
    fs::copy(other.join("events.rsl"), folder.join("events.rsl")).expect("a disk");
    let done = bench.run(&["replay", text(&folder), "--unchecked"]);
    assert_eq!((done.code, done.stdout.as_str()), (3, ""), "{}", done.stderr);
    assert!(done.stderr.contains("the run is the same, but its log is not"), "{}", done.stderr);
}

#[test]
fn an_edited_report_is_noticed_by_a_replay_and_drawn_again() {
    let bench = Bench::new();
    let folder = run(&bench);
    let page = fs::read(folder.join("report.html")).expect("a report");
    fs::write(folder.join("report.html"), "all is well").expect("a disk");
    remove(&folder.join("figures/nodes_up.png"));
    let replay = || bench.run(&["replay", text(&folder)]);
    let done = replay();
    assert_eq!((done.code, done.stdout.as_str()), (3, ""));
    for reported in ["figures/nodes_up.png is missing", "report.html is cut: 11 of "] {
        assert!(done.stderr.contains(reported), "{}", done.stderr);
    }
    let remedy = format!("`rackstorm report {}` draws it again", folder.display());
    assert!(done.stderr.contains(&remedy), "{}", done.stderr);
    // Who reads tables does not mind.
    assert_eq!(bench.run(&["events", text(&folder)]).code, 0);
    assert_eq!(bench.run(&["report", text(&folder)]).code, 0);
    assert!(fs::read(folder.join("report.html")).expect("a report") == page, "it is the same");
    assert_eq!(replay().code, 0);
}

#[test]
fn a_report_that_was_not_drawn_to_its_end_spoils_nothing() {
    let bench = Bench::new();
    let folder = run(&bench);
    // A folder is in the way of a figure: the report stops there, as one that is killed does.
    let figure = folder.join("figures/nodes_up.svg");
    remove(&figure);
    fs::create_dir(&figure).expect("a disk");
    let done = bench.run(&["report", text(&folder)]);
    assert_eq!(done.code, 3, "{}", done.stderr);
    assert!(done.stderr.contains("the run is complete"), "{}", done.stderr);
    assert_eq!(manifest(&folder)["report"], serde_json::json!({}));
    assert_eq!(bench.run(&["replay", text(&folder)]).code, 0);
    fs::remove_dir(&figure).expect("a disk");
    assert_eq!(bench.run(&["report", text(&folder)]).code, 0);
    let noted = manifest(&folder)["report"].as_object().expect("an object").len();
    let figures = fs::read_dir(folder.join("figures")).expect("a folder").count();
    assert_eq!(noted, figures + 1, "each figure, and the page");
}

#[test]
fn a_folder_of_a_version_without_checksums_is_read_and_that_is_said() {
    let bench = Bench::new();
    let folder = run(&bench);
    let mut old = manifest(&folder);
    for key in ["files", "report", "why", "missed"] {
        old.as_object_mut().expect("an object").remove(key).expect("it has it");
    }
    fs::write(folder.join("manifest.json"), old.to_string()).expect("a disk");
    let done = bench.run(&["replay", text(&folder)]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(done.stderr.contains("left it without checksums"), "{}", done.stderr);
    assert!(done.stderr.contains("cannot be checked"), "{}", done.stderr);
    // The same run again is recognised.
    let again = play(&bench, "rack.toml", &[]).swap_remove(0);
    assert_eq!(again, folder);
}

#[test]
fn what_somebody_lays_next_to_the_files_of_a_run_does_no_harm() {
    let bench = Bench::new();
    let folder = run(&bench);
    fs::write(folder.join("notes.txt"), "look at minute 7").expect("a disk");
    fs::create_dir(folder.join(".cache")).expect("a disk");
    let done = bench.run(&["replay", text(&folder)]);
    assert_eq!((done.code, done.stderr.as_str()), (0, ""));
}

#[test]
fn an_imported_storm_has_checksums_like_any_run() {
    let bench = Bench::new();
    let header = "run,proto,server,client,n,file_bytes,node_link,uplink,server_link,blksize,\
                  client_idx,start_s,dur_s,rc,cpu_busy_pct,note\n";
    let row = |client: u32| {
        format!("1,http-get,nginx,curl,2,1000000,100mbit,1gbit,1gbit,,{client},0.0,0.2,0,10,\n")
    };
    bench.write("get_storm.csv", &[header, &row(0), &row(1)].concat());
    let done = bench.run(&["import", "get_storm.csv", "--report"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let folder = bench.path().join(done.stdout.trim());
    let page = fs::read_to_string(folder.join("report.html")).expect("a report");
    assert!(page.contains("Real programs were measured"), "it says so");
    assert_eq!(bench.run(&["events", text(&folder)]).code, 0);
    edit(&folder.join("metrics.csv"));
    let done = bench.run(&["events", text(&folder)]);
    assert_eq!(done.code, 3);
    assert!(done.stderr.contains("no other run of stage measured is the same"), "{}", done.stderr);
}

#[test]
fn the_checksums_in_the_manifest_are_those_of_sha256sum() {
    let bench = Bench::new();
    let folder = run(&bench);
    let manifest = manifest(&folder);
    let [files, report] = ["files", "report"].map(|key| manifest[key].as_object().expect(key));
    let mut list = String::new();
    for (name, sum) in files.iter().chain(report) {
        let _ = writeln!(list, "{}  {name}", sum["sha256"].as_str().expect("a string"));
    }
    let names = bench.files().into_iter().filter(|name| bench.path().join(name).is_file());
    // All but the scenario of this test and the manifest.
    assert_eq!(files.len() + report.len(), names.count() - 2);
    let list = bench.write("list", &list);
    let mut check = std::process::Command::new("sha256sum");
    match check.args(["--check", "--quiet"]).arg(list).current_dir(&folder).output() {
        Ok(output) => {
            let done = Done::from(output);
            assert_eq!((done.code, done.stdout.as_str()), (0, ""), "{}", done.stderr);
        }
        Err(error) => eprintln!("skipped: no sha256sum here: {error}"),
    }
}
