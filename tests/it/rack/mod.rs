//! The stage `rack` on a rack in a box: real agents, links and a bus of blades; no timing asserted.
//!
//! What needs a box skips, and says so, where none can be built.

mod safety;

use std::fs;
use std::path::{Path, PathBuf};

use rackstorm::event::{CorruptionAct as Act, EndReason, Event, Fault};
use rackstorm::event::{NodeState as N, PartState, What};
use rackstorm::record::LogReader;

use crate::program::{Bench, Done, root};
use crate::testbed::Stand;

/// A box of four nodes on two blades, of which the last is protected.
const SMALL: [&str; 6] = ["--nodes", "4", "--blades", "2", "--protected", "1"];

/// Three nodes with a job of some seconds.
pub(super) fn small(work: &str, faults: &str) -> String {
    format!(
        r#"
schema  = 1
title   = "three nodes"
inherit = "edge_rack_24"
seed    = 5

[module]
nodes    = 3
packs    = [3]
switches = 1

[controller]
detect       = "4 s"
boot_timeout = "30 s"
settle       = "200 ms"

[workload.bulk-synchronous]
nodes          = 2
ranks_per_node = 2
step           = "50 ms"
work           = "{work}"

[checkpoint.coordinated]
size     = "100 kB"
interval = "500 ms"
to       = "file-server"

[stop]
at = "5 min"
{faults}"#
    )
}

/// Changes the inventory of a box.
pub(super) fn edit(stand: &Stand, old: &str, new: &str) {
    let file = stand.file("rack.toml");
    let text = fs::read_to_string(&file).expect("an inventory");
    assert!(text.contains(old), "{old} in {text}");
    fs::write(&file, text.replace(old, new)).expect("an inventory");
}

/// The power states of a box's nodes, in their order.
pub(super) fn states(stand: &Stand) -> Vec<String> {
    let done = stand.run(&["rack", "status"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let state = |line: &str| line.split_whitespace().nth(1).expect("a state").to_owned();
    done.stdout.lines().map(state).collect()
}

#[expect(clippy::disallowed_methods, reason = "other processes are waited for")]
pub(super) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = std::time::Instant::now();
    while !holds() {
        assert!(began.elapsed() < std::time::Duration::from_secs(60), "{what}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// Plays a scenario on a box; gives the results folder.
fn play(stand: &Stand, file: &Path) -> (PathBuf, Done) {
    let file = file.to_str().expect("UTF-8");
    let done = stand.run(&["run", file, "--on", "rack", "--no-report", "--json"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let folder = done.json_lines()[0]["results"].as_str().expect("a folder").to_owned();
    (stand.bench.path().join(folder), done)
}

fn events(folder: &Path) -> Vec<Event> {
    let log = LogReader::open(folder).expect("a log");
    log.collect::<Result<_, _>>().expect("a whole log")
}

/// The states that a run emitted of a node.
fn emitted(events: &[Event], wanted: u32) -> Vec<N> {
    let state = |event: &Event| match event.what {
        What::NodeState { node, state, .. } if node.0 == wanted => Some(state),
        _ => None,
    };
    events.iter().filter_map(state).collect()
}

fn strikes(events: &[Event]) -> Vec<Fault> {
    let kind = |event: &Event| match event.what {
        What::FaultStrikes { kind, .. } => Some(kind),
        _ => None,
    };
    events.iter().filter_map(kind).collect()
}

#[test]
fn a_job_on_sixteen_nodes_outlives_four_kinds_of_fault_and_leaves_the_rack_as_it_was() {
    let Some(stand) = Stand::up("job", &["--nodes", "16", "--blades", "4"]) else { return };
    let on = stand.run(&["rack", "on", "pi3"]);
    assert_eq!(on.code, 0, "{}", on.stderr);
    let file = root().join("scenarios/rack_in_a_box.toml");
    let (folder, _) = play(&stand, &file);
    let events = events(&folder);
    // The stage itself holds the job's result against the one that it must have.
    let last = events.last().map(|event| event.what);
    assert_eq!(last, Some(What::RunEnds { reason: EndReason::WorkDone }));
    let all = [Fault::Crash, Fault::SilentCorruption, Fault::Hang, Fault::SwitchLoss];
    assert_eq!(strikes(&events), all);
    let boot = [N::Rom, N::Init, N::Up];
    let (cut, hung) = (emitted(&events, 1), emitted(&events, 4));
    assert_eq!(cut[..8], [&boot[..], &[N::Down, N::Off], &boot].concat(), "a power cut");
    assert_eq!(hung[..8], [&boot[..], &[N::Hung, N::Off], &boot].concat(), "a hung agent");
    let part = |state| {
        let is = |event: &&Event| match event.what {
            What::PartState { state: emitted, .. } => emitted == state,
            _ => false,
        };
        events.iter().filter(is).count()
    };
    assert_eq!((part(PartState::Down), part(PartState::Up)), (1, 1), "a blade without its switch");
    let over = |event: &&Event| match event.what {
        What::Corruption { act, .. } => matches!(act, Act::Detect | Act::Discard),
        _ => false,
    };
    assert_eq!(events.iter().filter(over).count(), 1, "a flipped bit is found, or rolled back");
    let mut as_found = vec!["off"; 16];
    as_found[2] = "on";
    assert_eq!(states(&stand), as_found);
    replays_in_the_model(&stand.bench, &folder);
}

/// What struck the rack strikes the model at the same times, and both can be compared.
fn replays_in_the_model(bench: &Bench, folder: &Path) {
    let folder_name = folder.to_str().expect("UTF-8");
    let done = bench.run(&["replay", folder_name, "--on", "model", "--out", "replayed"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let model = fs::read_dir(bench.path().join("replayed/rack_in_a_box")).expect("a folder");
    let model = model.map(|entry| entry.expect("an entry").path()).next().expect("a run");
    let times = |folder: &Path| -> Vec<_> {
        let is = |event: &Event| matches!(event.what, What::FaultStrikes { .. });
        events(folder).into_iter().filter(is).map(|event| event.at).collect()
    };
    assert_eq!(times(&model), times(folder));
    let done = bench.run(&["compare", model.to_str().expect("UTF-8"), folder_name, "--all"]);
    assert!([0, 4].contains(&done.code), "{}", done.stderr);
    for row in ["makespan", "boot_t50", "checkpoint_time_mean", "detection_time "] {
        assert!(done.stdout.contains(row), "{row}: {}", done.stdout);
    }
}

#[test]
fn what_a_rack_cannot_do_now_is_emitted_all_at_once_before_anything_is_touched() {
    let Some(stand) = Stand::up("pre", &SMALL) else { return };
    edit(&stand, "down_at_once = 4", "down_at_once = 2");
    let file = stand.bench.write("job.toml", &small("1 s", ""));
    let file = file.to_str().expect("UTF-8");
    let check = |wanted: &[&str], code| {
        for arguments in [&["rack", "check", file][..], &["run", file, "--on", "rack"]] {
            let done = stand.run(arguments);
            assert_eq!(done.code, code, "{}", done.stderr);
            for text in wanted {
                assert!(done.stderr.contains(text), "{text}: {}", done.stderr);
            }
        }
        assert!(!stand.bench.path().join("results").exists());
    };
    check(&["a run begins with its 3 nodes off, with pi4 down", "`down_at_once` is 2"], 2);
    let protected = "protected = \"pi[4-4]\"";
    edit(&stand, protected, "protected = \"pi2\"");
    edit(&stand, "certificates = \"certificates\"", "certificates = \"elsewhere\"");
    edit(&stand, "path = \"", "path = \"/nowhere");
    let all = ["protected: pi2; put protected nodes after", "elsewhere/controller", "/nowhere"];
    check(&all, 2);
    let large =
        stand.bench.write("large.toml", "schema = 1\ntitle = \"24\"\ninherit = \"edge_rack_24\"\n");
    let done = stand.run(&["rack", "check", large.to_str().expect("UTF-8")]);
    assert!(done.stderr.contains("24 nodes and the inventory 4"), "{}", done.stderr);
    let cannot = "[[fault.controller-crash]]\non = \"controller\"\nat = \"1 s\"\n";
    stand.bench.write("job.toml", &small("1 s", cannot));
    check(&["[[fault.controller-crash]]"], 3);
}

#[test]
fn what_an_agent_cannot_do_ends_the_run_before_it_strikes_and_the_rack_is_as_it_was() {
    let Some(stand) = Stand::up("lack", &SMALL) else { return };
    let on = stand.run(&["rack", "on", "pi1"]);
    assert_eq!(on.code, 0, "{}", on.stderr);
    // The clock of a box's node is the machine's own.
    let clock =
        "[[fault.clock]]\non = \"pi3\"\nat = \"4 min\"\nahead = \"1 s\"\nrepair = \"1 s\"\n";
    let file = stand.bench.write("clock.toml", &small("1 min", clock));
    let done = stand.run(&["run", file.to_str().expect("UTF-8"), "--on", "rack"]);
    assert_eq!(done.code, 3, "{}", done.stderr);
    let text = "pi3 cannot suffer [[fault.clock]] `clock`: harm `clock`: ";
    assert!(done.stderr.contains(text), "{}", done.stderr);
    assert_eq!(states(&stand)[..3], ["on", "off", "off"]);
}

#[test]
fn a_rack_is_nobody_elses_while_a_run_has_it() {
    let Some(stand) = Stand::up("lock", &SMALL) else { return };
    let file = stand.bench.write("job.toml", &small("1 s", ""));
    let mut lock = fs::File::options();
    let lock = lock.write(true).create(true).truncate(false).open(stand.file("rack.cycles"));
    let lock = lock.expect("the ledger of the rack");
    lock.lock().expect("nobody has it");
    for more in [&["run", file.to_str().expect("UTF-8"), "--on", "rack"][..], &["rack", "restore"]]
    {
        let done = stand.run(more);
        assert_eq!(done.code, 3, "{}", done.stderr);
        assert!(done.stderr.contains("another command is switching nodes"), "{}", done.stderr);
    }
}
