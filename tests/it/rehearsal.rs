//! `run --on rack --rehearse`: the stage as it is, on fakes and on agents of this machine.

use rackstorm::event::{EndReason, Event, Fault, NodeState as N, What};
use rackstorm::record::LogReader;

use crate::program::Bench;

/// Four nodes on three kinds of controller, none of which is there; the last is protected.
const RACK: &str = r#"
[[node]]
names = "c0n[0-1]"
address = "192.0.2.[1-2]"
power = "bus"
channel = "[4-5]"

[[node]]
names = "c0n2"
address = "192.0.2.3"
power = "plug"
channel = "seven"

[[node]]
names = "c0n3"
address = "192.0.2.4"
power = "bmc"
channel = "Blade4"

[controller]
address = "192.0.2.100"
certificates = "no-such-folder"

[boot]
log = "/var/log/no-such.log"

[server]
address = "192.0.2.100"
path = "/no/such/folder"

[limits]
protected = "c0n3"
down_at_once = 4
cycles_per_hour = 9
lease = "5 s"

[[power.bitscope]]
name = "bus"
device = "/dev/no-such-line"
silence = "30 ms"

[[power.command]]
name = "plug"
on = ["no-such-program", "{node}", "{address}"]
off = ["no-such-program"]
state = ["no-such-program"]

[[power.redfish]]
name = "bmc"
url = "http://192.0.2.5"
"#;

/// A job of some seconds: a power cut, a hung agent, and what would hurt this machine.
const JOB: &str = r#"
schema  = 1
title   = "a rehearsal"
inherit = "edge_rack_24"
seed    = 5

[module]
nodes    = 3
packs    = [3]
switches = 1

[controller]
detect       = "4 s"
boot_timeout = "60 s"
settle       = "200 ms"

[workload.bulk-synchronous]
nodes          = 2
ranks_per_node = 2
step           = "50 ms"
work           = "6 s"

[checkpoint.coordinated]
size     = "1 MB"
interval = "500 ms"
to       = "file-server"

[stop]
at = "5 min"

[[fault.crash]]
on = "pi1"
at = "5 s"
repair = "power-cycle"

[[fault.hang]]
on = "pi3"
at = "6 s"
repair = "power-cycle"

[[fault.switch-loss]]
on = "switch[1]"
at = "4 s"
repair = "500 ms"
"#;

fn states(events: &[Event], wanted: u32) -> Vec<N> {
    let state = |event: &Event| match event.what {
        What::NodeState { node, state, .. } if node.0 == wanted => Some(state),
        _ => None,
    };
    events.iter().filter_map(state).collect()
}

#[test]
fn a_scenario_is_rehearsed_with_the_inventory_of_a_rack_that_is_not_there() {
    let bench = Bench::new();
    bench.write("rack.toml", RACK);
    bench.write("job.toml", JOB);
    let play = ["run", "job.toml", "--on", "rack", "--rehearse", "--no-report", "--json"];
    let done = bench.run(&play);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let run = &done.json_lines()[0];
    let folder = bench.path().join(run["results"].as_str().expect("a folder"));
    let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
    assert!(name.starts_with("5-rehearsal-"), "{name}: its results are none of a rack's");
    let log = LogReader::open(&folder).expect("a log");
    let events: Vec<Event> = log.collect::<Result<_, _>>().expect("a whole log");
    // The stage itself holds the job's result against the one that it must have.
    let last = events.last().map(|event| event.what);
    assert_eq!(last, Some(What::RunEnds { reason: EndReason::WorkDone }));
    let strikes = |wanted| {
        let kind = |event: &Event| match event.what {
            What::FaultStrikes { kind, .. } => Some(kind),
            _ => None,
        };
        events.iter().filter_map(kind).filter(|kind| *kind == wanted).count()
    };
    assert_eq!([Fault::Crash, Fault::Hang, Fault::SwitchLoss].map(strikes), [1; 3]);
    let cut = states(&events, 0);
    assert_eq!(cut[..6], [N::Rom, N::Up, N::Down, N::Off, N::Rom, N::Up], "{cut:?}");
    let hung = states(&events, 2);
    assert!(hung.windows(2).any(|two| two == [N::Hung, N::Off]), "{hung:?}");
    let moved = |event: &&Event| match event.what {
        What::Transfer { received, .. } => received.0 == 1_000_000,
        _ => false,
    };
    assert!(events.iter().filter(moved).count() > 0, "checkpoints travel to its store");
    let left = bench.files();
    let is_own = |name: &String| name.starts_with("rack.") && *name != "rack.toml";
    assert!(!left.iter().any(is_own), "no ledger and no journal of the rack: {left:?}");
}

#[test]
fn what_the_inventory_lacks_or_forbids_is_reported_by_a_rehearsal_too() {
    let bench = Bench::new();
    let forbidden = RACK.replace("protected = \"c0n3\"", "protected = \"c0n1\"");
    bench.write("rack.toml", &forbidden.replace("path = \"/no/such/folder\"", ""));
    bench.write("job.toml", JOB);
    let done = bench.run(&["run", "job.toml", "--on", "rack", "--rehearse"]);
    assert_eq!(done.code, 2, "{}", done.stderr);
    for reported in ["protected: c0n1; put protected nodes", "[server] `path` is missing"] {
        assert!(done.stderr.contains(reported), "{reported}: {}", done.stderr);
    }
    let done = bench.run(&["run", "job.toml", "--rehearse"]);
    assert_eq!(done.code, 2);
    assert!(done.stderr.contains("--on rack --rehearse"), "{}", done.stderr);
}

/// A node that hangs again and again, whom only a power cycle helps.
const HANGS: &str = r#"
schema  = 1
title   = "too many power cycles"
inherit = "edge_rack_24"
seed    = 5

[module]
nodes    = 3
packs    = [3]
switches = 1

[controller]
detect       = "1 s"
boot_timeout = "60 s"
settle       = "200 ms"

[stop]
at = "12 s"

[[fault.hang]]
on       = "pi1"
lifetime = { fixed = "2 s" }
age      = "new"
repair   = "power-cycle"
"#;

#[test]
fn a_run_switches_a_node_off_no_more_often_than_the_rack_allows() {
    let bench = Bench::new();
    bench.write("rack.toml", &RACK.replace("cycles_per_hour = 9", "cycles_per_hour = 2"));
    bench.write("hangs.toml", HANGS);
    // Once it stays as it is, no more can be injected: the run fails, and has its log.
    let done = bench.run(&["run", "hangs.toml", "--on", "rack", "--rehearse", "--no-report"]);
    let folders = std::fs::read_dir(bench.path().join("results/hangs")).expect("results");
    let folder = folders.map(|entry| entry.expect("an entry").path()).next();
    let log = LogReader::open(&folder.unwrap_or_else(|| panic!("{}", done.stderr))).expect("a log");
    // The log of a run that failed ends without its last words.
    let events: Vec<Event> = log.map_while(Result::ok).collect();
    let states = states(&events, 0);
    let cycles = states.windows(2).filter(|two| *two == [N::Hung, N::Off]).count();
    assert_eq!(cycles, 1, "it was switched off to begin with, and may be once more: {states:?}");
}
