//! A rack in a box: real namespaces, links and processes behind a bus of blades.

use std::fs;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use rackstorm::drivers::power::Switches;
use rackstorm::event::Cause;
use rackstorm::fleet::ports::{Power, PowerState};
use rackstorm::ids::NodeId;
use rackstorm::{inventory, testbed};
use tokio::task::LocalSet;

use crate::program::Bench;

/// Longer than anything that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A box that goes with this value, whatever happens.
pub(crate) struct Stand {
    pub(crate) bench: Bench,
    pub(crate) name: String,
}

impl Stand {
    /// Builds one; `None`, having said why, where none can be built.
    pub(crate) fn up(name: &str, more: &[&str]) -> Option<Self> {
        let missing = testbed::missing();
        if !missing.is_empty() {
            eprintln!("skipped: no rack in a box here, missing: {}", missing.join("; "));
            return None;
        }
        // Names of namespaces are the machine's: another run of the tests may be under way.
        let stand = Self { bench: Bench::new(), name: format!("{name}{}", std::process::id()) };
        let done = stand.testbed("up", more);
        assert_eq!(done.code, 0, "{}", done.stderr);
        Some(stand)
    }

    pub(crate) fn testbed(&self, verb: &str, more: &[&str]) -> crate::program::Done {
        let boxes = self.bench.path().to_str().expect("names are UTF-8");
        let first = ["testbed", verb, "--name", &self.name, "--boxes", boxes];
        self.bench.run(&first.iter().chain(more).copied().collect::<Vec<_>>())
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.bench.path().join(&self.name).join(name)
    }

    /// The program in the namespace of the controller, not yet started.
    pub(crate) fn command(&self, arguments: &[&str]) -> std::process::Command {
        let boxes = self.bench.path().to_str().expect("names are UTF-8");
        let program = std::env::var("RACKSTORM_BIN");
        let program = program.unwrap_or_else(|_| env!("CARGO_BIN_EXE_rackstorm").into());
        let first = ["testbed", "exec", "--name", &self.name, "--boxes", boxes, "--", &program];
        let mut command = self.bench.command(&[&first[..], arguments].concat());
        command.env("RACKSTORM_RACK", self.file("rack.toml"));
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        command
    }

    /// Runs the program there to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> crate::program::Done {
        self.command(arguments).output().expect("the program starts").into()
    }

    fn namespaces(&self) -> usize {
        let reported = std::process::Command::new("ip").args(["netns", "list"]).output();
        let reported =
            String::from_utf8(reported.expect("ip was there").stdout).expect("names are UTF-8");
        reported.lines().filter(|line| line.starts_with(&format!("{}-", self.name))).count()
    }

    /// Nodes that have fetched their boot image, by address.
    fn booted(&self) -> Vec<String> {
        let log = fs::read_to_string(self.file("dnsmasq.log")).unwrap_or_default();
        log.lines().filter_map(|line| line.rsplit(' ').next().map(str::to_owned)).collect()
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        let done = self.testbed("down", &[]);
        // A second panic would hide the first.
        if !std::thread::panicking() {
            assert_eq!(done.code, 0, "{}", done.stderr);
        }
    }
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waits = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waits).await.is_ok(), "{what}");
}

#[test]
fn the_bus_of_a_box_starts_nodes_and_kills_them() {
    let Some(stand) = Stand::up("bus", &["--nodes", "4", "--blades", "2"]) else { return };
    assert_eq!(stand.namespaces(), 6, "four nodes, their switches and the server");
    let rack = inventory::load(&stand.file("rack.toml")).expect("an inventory without mistakes");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let run = async {
        let (power, buses) = Switches::start(Rc::new(rack));
        let third = NodeId(2);
        assert_eq!(power.state(third).await.expect("it answers"), PowerState::Off);
        power.on(third).await.expect("it is switched on");
        until("node 3 boots", || stand.booted() == ["10.77.1.3"]).await;
        power.off(third, Cause::Course).await.expect("it is switched off");
        assert_eq!(power.state(third).await.expect("it answers"), PowerState::Off);
        let none = || stand.testbed("exec", &["--", "ip", "netns", "pids", "none"]).code != 0;
        assert!(none(), "a command that fails is reported");
        power.on(third).await.expect("it is switched on again");
        until("node 3 boots again", || stand.booted().len() == 2).await;
        drop(power);
        buses.left().await;
    };
    LocalSet::new().block_on(&runtime.expect("a runtime"), run);
}

#[test]
fn a_box_that_was_killed_half_way_is_cleared_away() {
    let Some(stand) = Stand::up("half", &["--nodes", "2", "--blades", "1"]) else { return };
    let again = stand.testbed("up", &["--nodes", "2", "--blades", "1"]);
    assert_eq!(again.code, 3);
    assert!(again.stderr.contains("stands"), "{}", again.stderr);
    fs::remove_dir_all(stand.bench.path().join(&stand.name)).expect("it is there");
    let gone = stand.testbed("down", &[]);
    assert_eq!(gone.code, 0, "{}", gone.stderr);
    assert!(gone.stderr.contains("4 namespaces are gone"), "{}", gone.stderr);
    assert_eq!(stand.namespaces(), 0);
}

#[test]
fn down_and_exec_take_no_name_that_up_does_not_take() {
    let bench = Bench::new();
    bench.write("precious", "a file");
    let above = bench.path().to_str().expect("names are UTF-8").to_owned();
    for name in [above.as_str(), "..", "", ".", "a/b", "A", "a-b", "seventeenletters0"] {
        for verb in ["up", "down"] {
            let done = bench.run(&["testbed", verb, "--name", name, "--boxes", "boxes"]);
            assert_eq!(done.code, 2, "{verb} {name}: {}", done.stderr);
            assert!(done.stderr.contains("1 to 16 small letters and digits"), "{}", done.stderr);
        }
        let done = bench.run(&["testbed", "exec", "--name", name, "--", "true"]);
        assert_eq!(done.code, 2, "exec {name}: {}", done.stderr);
    }
    assert!(bench.path().join("precious").exists());
}

#[test]
fn down_removes_no_folder_that_never_was_a_box() {
    let bench = Bench::new();
    let there = bench.path().join("boxes/photos");
    fs::create_dir_all(&there).expect("a folder");
    let down = |name: &str| bench.run(&["testbed", "down", "--name", name, "--boxes", "boxes"]);
    for mark in [None, Some(""), Some("another\n")] {
        if let Some(mark) = mark {
            fs::write(there.join("rackstorm-box"), mark).expect("a file");
        }
        fs::write(there.join("precious"), "a file").expect("a file");
        let done = down("photos");
        assert_eq!(done.code, 3, "{}", done.stderr);
        assert!(done.stderr.contains("is no box `photos`"), "{}", done.stderr);
        assert!(there.join("precious").exists());
    }
    // A link that leads to a box's folder is none.
    fs::write(there.join("rackstorm-box"), "link\n").expect("a file");
    std::os::unix::fs::symlink(&there, bench.path().join("boxes/link")).expect("a link");
    assert_eq!(down("link").code, 3);
    assert!(there.join("precious").exists());
}

#[test]
fn down_removes_what_a_killed_up_had_made_to_try_things() {
    let Some(stand) = Stand::up("probe", &["--nodes", "2", "--blades", "1"]) else { return };
    let mut gone = std::process::Command::new("true").spawn().expect("it starts");
    gone.wait().expect("it ends");
    let [left, own] = [gone.id(), std::process::id()].map(|id| format!("rackstorm-probe-{id}-9"));
    let ip = |arguments: &[&str]| {
        let done = std::process::Command::new("ip").args(arguments).output().expect("ip was there");
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).expect("names are UTF-8")
    };
    ip(&["netns", "add", &left]);
    ip(&["netns", "add", &own]);
    let down = stand.testbed("down", &[]);
    let there = ip(&["netns", "list"]);
    ip(&["netns", "del", &own]);
    assert_eq!(down.code, 0, "{}", down.stderr);
    let is_there = |name: &str| there.lines().any(|line| line.split(' ').next() == Some(name));
    assert!(!is_there(&left), "{there}");
    assert!(is_there(&own), "its process lives");
}

#[test]
fn a_box_that_cannot_be_built_is_refused_before_anything_is() {
    let bench = Bench::new();
    let done = bench.run(&["testbed", "up", "--nodes", "5", "--blades", "2"]);
    assert_eq!(done.code, 2);
    assert_eq!(done.stderr, "error: 5 nodes cannot stand on 2 blades, as many on each\n");
}
