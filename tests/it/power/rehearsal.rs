//! A rehearsal: one rack with every kind of controller, and what switches its fakes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::rc::Rc;

use rackstorm::drivers::power::Switches;
use rackstorm::drivers::power::rehearsal::Rehearsal;
use rackstorm::event::Cause;
use rackstorm::fleet::ports::{Power, PowerState};
use rackstorm::ids::NodeId;
use rackstorm::inventory::power::Controller;
use tokio::task::JoinSet;

use super::bench::{on_one_thread, read};
use crate::program::Bench;

/// Nodes of each kind; those of Redfish have ids that are no numbers.
const EACH: u32 = 3;

/// A rack of nine controllers, none of which is there.
fn inventory() -> String {
    let tables = [
        ("bitscope", "device = \"/dev/not-there\"\nunlock = \"Sesame\"\n"),
        ("pipower", "address = \"pipower.lab:8000\"\ntick = \"20 ms\"\n"),
        ("rfpipower", "address = \"pipower.lab:8001\"\ntick = \"20 ms\"\n"),
        ("redfish", "url = \"http://bmc.lab\"\noff = \"GracefulShutdown\"\n"),
        (
            "turingpi",
            "url = \"https://turing.lab\"\nuser = \"root\"\npassword_file = \"password\"\n\
             certificate = \"PIN\"\n",
        ),
        ("uhubctl", "location = \"1-1.4\"\nprogram = \"no-such-uhubctl\"\n"),
        (
            "snmp-poe",
            "host = \"poe.lab\"\ncommunity = \"it's private\"\nport_base = 48\n\
             set = \"no-such-snmpset\"\nget = \"no-such-snmpget\"\non = 1\noff = 3\n",
        ),
        ("clusterctrl", "program = \"no-such-clusterctrl\"\n"),
        (
            "command",
            "on = [\"no-such\", \"{node}\", \"{address}\"]\noff = [\"no-such\"]\n\
             state = [\"no-such\"]\n",
        ),
    ];
    assert_eq!(tables.map(|(kind, _)| kind), Controller::WORDS);
    let mut text = String::from("[limits]\ndown_at_once = 26\ncycles_per_hour = 60\n");
    for (position, (kind, table)) in (0..).zip(tables) {
        let first = position * EACH + 1;
        let (last, net) = (first + EACH - 1, position + 1);
        let channel = if kind == "redfish" { "Blade[1-3]" } else { "[1-3]" };
        let _ = write!(
            text,
            "[[node]]\nnames = \"n[{first}-{last}]\"\naddress = \"10.0.{net}.[1-3]\"\n\
             power = \"{kind}\"\nchannel = \"{channel}\"\n\
             [[power.{kind}]]\nname = \"{kind}\"\nsettle = \"10 ms\"\n{table}"
        );
    }
    text.replace("PIN", &"ab".repeat(32))
}

fn write_secret(folder: &Path) {
    let file = folder.join("password");
    std::fs::write(&file, "turing\n").expect("written");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("set");
}

fn program() -> std::path::PathBuf {
    let program = std::env::var_os("RACKSTORM_BIN");
    program.unwrap_or_else(|| env!("CARGO_BIN_EXE_rackstorm").into()).into()
}

#[test]
fn all_kinds_of_one_rack_are_rehearsed_at_once_and_each_node_is_switched_by_its_own() {
    on_one_thread(async {
        let folder = tempfile::tempdir().expect("a folder");
        write_secret(folder.path());
        let real = read(&inventory(), folder.path());
        let reported = Rc::<RefCell<BTreeMap<u32, Vec<bool>>>>::default();
        let hears = reported.clone();
        let hear = Rc::new(move |node: NodeId, on| {
            hears.borrow_mut().entry(node.0).or_default().push(on);
        });
        let started = Rehearsal::start(&real, &program(), hear).await;
        let (rack, rehearsal) = started.expect("all fakes start");
        assert!(rack.nodes.iter().all(|node| node.address.as_deref() == Some("127.0.0.1")));
        let names = |rack: &rackstorm::inventory::Inventory| {
            rack.nodes.iter().map(|node| (node.name.clone(), node.feed.clone())).collect::<Vec<_>>()
        };
        assert_eq!(names(&rack), names(&real), "people and limits see the same rack");
        let (switches, buses) = Switches::start(Rc::new(rack));
        let all = || (0..EACH * Controller::WORDS.len() as u32).map(NodeId);
        let states = async |wanted: &dyn Fn(NodeId) -> PowerState| {
            for node in all() {
                let state = switches.state(node).await;
                let state = state.unwrap_or_else(|error| panic!("{error}"));
                assert_eq!(state, wanted(node), "node {}", node.0 + 1);
            }
        };
        states(&|_| PowerState::On).await;
        assert!(reported.borrow().is_empty(), "they are found on");
        let mut at_work = JoinSet::new();
        for node in all().filter(|node| node.0 % EACH != 2) {
            let switches = switches.clone();
            at_work.spawn_local(async move { switches.off(node, Cause::Course).await });
        }
        at_work.join_all().await.into_iter().for_each(|done| done.expect("switched off"));
        let off = |node: NodeId| if node.0 % EACH == 2 { PowerState::On } else { PowerState::Off };
        states(&off).await;
        let mut at_work = JoinSet::new();
        for node in all().filter(|node| node.0 % EACH != 0) {
            let switches = switches.clone();
            at_work.spawn_local(async move { switches.cycle(node).await });
        }
        at_work.join_all().await.into_iter().for_each(|done| done.expect("cycled"));
        let on = |node: NodeId| {
            if node.0.is_multiple_of(EACH) { PowerState::Off } else { PowerState::On }
        };
        states(&on).await;
        for (node, heard) in reported.borrow().iter() {
            let wanted: &[bool] = if node.is_multiple_of(EACH) { &[false] } else { &[false, true] };
            assert_eq!(heard, wanted, "node {}", node + 1);
        }
        assert_eq!(reported.borrow().len(), EACH as usize * Controller::WORDS.len());
        drop(switches);
        buses.left().await;
        let left = rehearsal.folder().to_owned();
        drop(rehearsal);
        assert!(!left.exists());
    });
}

#[test]
fn commands_by_hand_are_rehearsed_and_touch_and_count_nothing() {
    let bench = Bench::new();
    write_secret(bench.path());
    bench.write("rack.toml", &inventory());
    let done = bench.run(&["rack", "cycle", "all!n[1-3]", "--rehearse"]);
    assert_eq!((done.code, done.stdout.lines().count()), (0, 24), "{}", done.stderr);
    assert!(done.stdout.lines().all(|line| line.ends_with(" on")), "{}", done.stdout);
    let done = bench.run(&["rack", "status", "--rehearse", "n[20-21]"]);
    let wanted = "n20  on       snmp-poe 2\nn21  on       snmp-poe 3\n";
    assert_eq!((done.code, done.stdout.as_str()), (0, wanted), "{}", done.stderr);
    let done = bench.run(&["rack", "off", "all", "--rehearse"]);
    let wanted = "refused: 27 nodes would be down; `down_at_once` is 26\n";
    assert_eq!((done.code, done.stderr.as_str()), (2, wanted));
    assert_eq!(bench.files(), ["password", "rack.toml"]);
    let done = bench.run(&["rack", "status", "n20"]);
    assert_eq!(done.code, 3, "the real one is not there");
}
