//! A bus of 24 blades on a pseudo-terminal, with what of it the suite does not try.

use std::cell::RefCell;
use std::rc::Rc;

use rackstorm::drivers::power::Switches;
use rackstorm::drivers::power::fakes::bitscope::{Bus, FailureMode};
use rackstorm::drivers::power::fakes::pty::Pty;
use rackstorm::fleet::ports::{Power, PowerState};
use rackstorm::ids::NodeId;
use rackstorm::inventory::Inventory;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio::task::spawn_local;

use super::bench::{Actuators, on_one_thread, read, until};
use super::subjects::bus_on_a_line;

/// An ER24A: row and slot give the address, and the first node holds the bus.
fn edge_rack(path: &str) -> Rc<Inventory> {
    edge_rack_at(&format!("device = \"{path}\""))
}

/// The same with its line at some place.
fn edge_rack_at(line: &str) -> Rc<Inventory> {
    let text = format!(
        "[[node]]\nnames = \"c0n[0-23]\"\nposition = \"1/[1-6]/[1-4]\"\npower = \"bus\"\n\
         channel = \"[0-23]\"\n[limits]\ndown_at_once = 24\ncycles_per_hour = 60\n\
         [[power.bitscope]]\nname = \"bus\"\n{line}\nmanager = \"c0n0\"\n"
    );
    let folder = TempDir::new().expect("a folder");
    Rc::new(read(&text, folder.path()))
}

#[test]
fn each_of_24_nodes_is_switched_alone_and_the_manager_never() {
    on_one_thread(async {
        let reported = Rc::new(RefCell::new(Vec::new()));
        let hears = reported.clone();
        let bus = Bus::new(24, Rc::new(move |address, on| hears.borrow_mut().push((address, on))));
        let pty = Pty::open().expect("a pseudo-terminal");
        let rack = edge_rack(pty.path().to_str().expect("UTF-8"));
        spawn_local(bus.clone().serve(pty));
        let (switches, buses) = Switches::start(rack);
        for node in 1..24 {
            switches.on(NodeId(node)).await.expect("switched on");
        }
        let wanted: Vec<_> = (1..24).map(|address| (address, true)).collect();
        assert_eq!(*reported.borrow(), wanted);
        assert_eq!(bus.carried_out().len(), 23, "no verb twice");
        switches.cycle(NodeId(9)).await.expect("cycled");
        assert_eq!(reported.borrow()[23..], [(9, false), (9, true)]);
        for refused in [switches.cycle(NodeId(0)).await, switches.on(NodeId(0)).await] {
            refused.expect_err("the manager is protected");
        }
        assert_eq!(switches.state(NodeId(0)).await.expect("a state"), PowerState::On);
        drop(switches);
        buses.left().await;
        assert!(!bus.is_open());
    });
}

#[test]
fn an_impostor_is_not_switched_and_neither_is_whom_it_claims_to_be() {
    on_one_thread(async {
        let (bus, path) = bus_on_a_line(24);
        bus.failure_mode(Some(FailureMode::Impostor(5, 6)));
        let actuators = Actuators(Switches::start(edge_rack(&path)).0);
        let reported = actuators.on(6).await.expect_err("address 05 is node 6").to_string();
        let wanted = "c0n5 (bitscope bus, channel 5): address 05 answers as 06; compare \
                      `channel` with the blade's place";
        assert_eq!(reported, wanted);
        assert_eq!(bus.carried_out(), []);
    });
}

#[test]
fn a_babbling_bus_is_given_up_and_recovers() {
    on_one_thread(async {
        let (bus, path) = bus_on_a_line(24);
        bus.failure_mode(Some(FailureMode::Babbles));
        let actuators = Actuators(Switches::start(edge_rack(&path)).0);
        // Whether it gets through is chance; that it ends and that nobody else is touched is not.
        let _ = actuators.on(3).await;
        bus.failure_mode(None);
        actuators.on(3).await.expect("switched on");
        assert!(bus.carried_out().iter().all(|verb| *verb == (2, true)));
    });
}

#[test]
fn two_programs_do_not_share_a_line() {
    on_one_thread(async {
        let (_bus, path) = bus_on_a_line(24);
        let first = Actuators(Switches::start(edge_rack(&path)).0);
        first.state(2).await.expect("a state");
        let second = Actuators(Switches::start(edge_rack(&path)).0);
        let reported = second.state(2).await.expect_err("the line is taken").to_string();
        assert!(reported.contains("another program has the line"), "{reported}");
    });
}

/// As `ser2net` does, which may be started again at any time.
#[test]
fn a_line_that_a_server_passes_on_is_as_good_and_is_found_again() {
    on_one_thread(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let bus = Bus::new(24, Rc::new(|_, _| {}));
        let (served, again) = (bus.clone(), Rc::new(Notify::new()));
        let broken = again.clone();
        spawn_local(async move {
            loop {
                let (line, _) = listener.accept().await.expect("a driver");
                tokio::select! {
                    biased;
                    () = broken.notified() => {}
                    _ = served.clone().serve(line) => {}
                }
            }
        });
        let (switches, buses) = Switches::start(edge_rack_at(&format!("address = \"{address}\"")));
        for node in [3, 23] {
            switches.on(NodeId(node)).await.expect("switched on");
        }
        again.notify_one();
        let broke = switches.cycle(NodeId(3)).await.map_err(|error| error.to_string());
        assert!(broke.is_ok() || broke.as_ref().is_err_and(|e| e.contains("the line broke")));
        switches.cycle(NodeId(3)).await.expect("cycled");
        assert!(bus.is_on(3) && bus.is_on(23) && !bus.is_on(4));
        drop(switches);
        buses.left().await;
        until("the pipe is closed", || !bus.is_open()).await;
    });
}

#[test]
fn a_console_shows_what_the_node_says_and_outlives_orders() {
    on_one_thread(async {
        let (bus, path) = bus_on_a_line(24);
        let (switches, buses) = Switches::start(edge_rack(&path));
        switches.on(NodeId(9)).await.expect("switched on");
        let (keys, typed) = mpsc::channel(16);
        let (screen, mut shown) = mpsc::channel(64);
        switches.console(NodeId(9), typed, screen).await.expect("opened");
        let mut seen = String::new();
        for word in ["a", "b"] {
            keys.send(word.as_bytes()[0]).await.expect("it takes keys");
            while !seen.ends_with(word) {
                seen += &String::from_utf8_lossy(&shown.recv().await.expect("it is open"));
            }
            // An order for another node in between, and for the one that is watched.
            switches.on(NodeId(4)).await.expect("switched on");
            switches.cycle(NodeId(9)).await.expect("cycled");
        }
        let (other, typed) = mpsc::channel(16);
        let (screen, _) = mpsc::channel(64);
        let reported = switches.console(NodeId(4), typed, screen).await.expect_err("one at a time");
        assert!(reported.to_string().contains("the console of c0n9 is open"), "{reported}");
        drop((keys, other));
        until("the pipe is closed", || !bus.is_open()).await;
        drop(switches);
        buses.left().await;
    });
}
