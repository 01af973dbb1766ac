//! Names, files and texts that mean harm, or only look like it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::program::Bench;

const SMALL: &str = "inherit = \"edge_rack_24\"\n[boot]\nmethod = \"instant\"\n";

/// A name in Latin-1, which is no UTF-8.
fn odd(text: &str) -> OsString {
    OsString::from_vec(text.chars().map(|c| u8::try_from(c).expect("Latin-1")).collect())
}

/// The folders of finished runs below a folder of results.
fn finished(out: &Path) -> Vec<PathBuf> {
    let folders = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).expect("a folder");
        entries.map(|entry| entry.expect("an entry").path()).collect()
    };
    folders(out).iter().flat_map(|home| folders(home)).collect()
}

#[test]
fn an_argument_that_is_no_utf_8_is_a_name_like_any_other() {
    let bench = Bench::new();
    let (file, out) = (odd("café.toml"), odd("réste"));
    std::fs::write(bench.path().join(&file), SMALL).expect("written");
    let run = |arguments: &[&OsStr]| {
        let done = bench.run(arguments);
        assert_eq!(done.code, 0, "{arguments:?}: {}", done.stderr);
        done
    };
    let os = OsStr::new;
    for command in ["validate", "plan", "theory"] {
        run(&[os(command), &file]);
    }
    let stages: &[&str] =
        if cfg!(feature = "turmoil") { &["model", "turmoil"] } else { &["model"] };
    for stage in stages {
        let done = run(&[os("run"), &file, os("--out"), &out, os("--on"), os(stage), os("--json")]);
        let reported = done.json_lines().swap_remove(0);
        assert!(reported["results"].as_str().expect("text").contains("caf-"), "{reported}");
    }
    let folders = finished(&bench.path().join(&out));
    assert_eq!(folders.len(), stages.len());
    for folder in &folders {
        assert!(!folder.to_string_lossy().contains("partial"), "{}", folder.display());
        let manifest = std::fs::read_to_string(folder.join("manifest.json")).expect("a manifest");
        let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
        assert_eq!(manifest["command"][2], "$'caf\\xe9.toml'");
        for command in ["replay", "report", "events"] {
            run(&[os(command), folder.as_os_str()]);
        }
    }
    run(&[
        os("compare"),
        folders[0].as_os_str(),
        os("--with"),
        folders[0].as_os_str(),
        os("--json"),
    ]);
    // What is no name and no UTF-8 is a mistake, and no more.
    let done = bench.run(&[os("run"), os("--set"), &odd("tétle=1"), &file]);
    assert_eq!(done.code, 2, "{}", done.stderr);
}

#[test]
fn no_scenario_leaves_its_results_outside_of_the_folder() {
    let bench = Bench::new();
    std::fs::create_dir(bench.path().join("in")).expect("made");
    bench.write("in/...toml", SMALL);
    let done = bench.run(&["run", "in/...toml", "--no-report", "--out", "in/out"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let folders = finished(&bench.path().join("in/out"));
    assert_eq!(folders.len(), 1);
    assert!(folders[0].starts_with(bench.path().join("in/out/_.")), "{}", folders[0].display());
    // Nor does a manifest that came from elsewhere.
    let file = folders[0].join("manifest.json");
    let text = std::fs::read_to_string(&file).expect("a manifest");
    std::fs::write(&file, text.replace("\"scenario\": \"_.\"", "\"scenario\": \"../../evil\""))
        .expect("written");
    let folder = folders[0].to_str().expect("UTF-8");
    let done = bench.run(&["replay", folder, "--on", "model", "--out", "in/out"]);
    let away = bench.files().into_iter().filter(|name| name.contains("evil")).collect::<Vec<_>>();
    assert!(away.iter().all(|name| name.starts_with("in/out/_.-..-evil")), "{away:?}");
    assert!(!done.stderr.contains("panicked"), "{}", done.stderr);
}

#[test]
#[cfg(target_os = "linux")]
fn what_another_file_names_is_a_regular_file() {
    let bench = Bench::new();
    let pipe = bench.path().join("pipe.toml");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo is there");
    assert!(made.success());
    for (name, what) in [
        ("/dev/zero", "a device"),
        ("./pipe.toml", "a pipe"),
        ("/proc/self/maps", "a file of the kernel's"),
    ] {
        let trace = format!("[[fault.crash]]\non = \"node\"\ntrace = {{ file = \"{name}\" }}\n");
        for text in [format!("inherit = \"{name}\"\n"), SMALL.to_owned() + &trace] {
            let file = bench.write("a.toml", &text);
            let done = bench.run(&[OsStr::new("validate"), file.as_os_str()]);
            assert_eq!(done.code, 2, "{}", done.stderr);
            let wanted = format!("this is {what}, not a regular file");
            assert!(done.stderr.contains(&wanted), "{}", done.stderr);
            assert!(done.stderr.contains("a.toml:"), "{}", done.stderr);
        }
    }
    for command in [&["run", "/dev/zero"][..], &["fit", "/dev/zero"], &["import", "/dev/zero"]] {
        let done = bench.run(command);
        assert!([2, 3].contains(&done.code), "{command:?}: {}", done.stderr);
        assert!(done.stderr.contains("not a regular file"), "{}", done.stderr);
    }
    let done = bench.run(&["rack", "status", "--rack", "/dev/zero"]);
    assert_eq!(done.code, 2, "{}", done.stderr);
}

#[test]
#[cfg(target_os = "linux")]
fn a_scenario_may_come_through_a_pipe() {
    let bench = Bench::new();
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    std::io::Write::write_all(&mut writer, SMALL.as_bytes()).expect("it holds a page");
    drop(writer);
    let mut command = bench.command(&["validate", "/dev/stdin"]);
    let done = command.stdin(reader).output().expect("the program starts");
    let said = String::from_utf8_lossy(&done.stdout);
    assert_eq!(said, "/dev/stdin: good, 24 nodes\n", "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn no_name_or_text_speaks_to_the_terminal() {
    let bench = Bench::new();
    let clear = "\u{1b}[2J\u{9b}2J";
    for arguments in [
        vec!["validate".to_owned(), format!("{clear}.toml")],
        vec![format!("--{clear}")],
        vec!["run".to_owned(), "x.toml".to_owned(), "--seed".to_owned(), clear.to_owned()],
        vec!["events".to_owned(), clear.to_owned()],
        vec!["rack".to_owned(), "status".to_owned(), "--rack".to_owned(), clear.to_owned()],
    ] {
        let done = bench.run(&arguments);
        assert_ne!(done.code, 0);
        let obeyed = |c: char| c.is_control() && c != '\n';
        assert!(!done.stderr.contains(obeyed), "{:?}", done.stderr);
        assert!(done.stderr.contains("\\u{9b}2J"), "{}", done.stderr);
    }
}

#[test]
fn data_in_a_pipe_is_as_it_is() {
    let bench = Bench::new();
    let text =
        SMALL.to_owned() + "[[fault.crash]]\nname = \"\\u001b[2J\"\non = \"pi3\"\nat = \"1 s\"\n";
    let file = bench.write("a.toml", &text);
    let done = bench.run(&[OsStr::new("plan"), file.as_os_str()]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(done.stdout.contains("\u{1b}[2J"), "{}", done.stdout);
}

#[test]
fn help_shows_braces_as_they_are_typed() {
    let done = Bench::new().run(&["rack", "enrol", "--help"]);
    assert!(done.stdout.contains("--address '10.0.1.{n}' 'pi[1-24]'"), "{}", done.stdout);
    assert!(done.stdout.contains("is reached, {n} for its"), "{}", done.stdout);
}

#[test]
fn a_heartbeat_takes_time() {
    for heartbeat in ["0 s", "0", "-1 s", "forever"] {
        let done = Bench::new().run(&[
            "agent",
            "--controller",
            "h:1",
            "--heartbeats",
            "h:2",
            "--node",
            "1",
            "--certificates",
            "c",
            "--store",
            "s",
            "--heartbeat",
            heartbeat,
        ]);
        assert_eq!(done.code, 2, "{heartbeat}: {}", done.stderr);
        assert!(done.stderr.contains("--heartbeat"), "{}", done.stderr);
    }
}

#[test]
fn what_is_hardly_meant_is_a_warning_and_good() {
    let bench = Bench::new();
    let text = SMALL.to_owned()
        + "[workload.bulk-synchronous]\nstep = \"1 ns\"\nwork = \"30 d\"\n[stop]\nat = \"60 d\"\n";
    let file = bench.write("short.toml", &text);
    let done = bench.run(&[OsStr::new("validate"), file.as_os_str()]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert!(done.stdout.contains(": good, 24 nodes"), "{}", done.stdout);
    assert!(done.stderr.contains("warning: a job of 2592000000000000 steps"), "{}", done.stderr);
}
