//! The controllers that the suite tries, each with a fake.

use std::rc::Rc;

use rackstorm::drivers::power::fakes::bitscope::{Bus, FailureMode};
use rackstorm::drivers::power::fakes::pty::Pty;
use tempfile::TempDir;
use tokio::task::spawn_local;

use super::bench::{Ends, Subject, Trick};
use super::{redfish, tools, web};

/// Makes a controller with its fake; to be called on the thread that tries it.
type Make = fn() -> Subject;

/// All kinds, in the order of the drivers.
pub(crate) const SUBJECTS: [(&str, Make); 9] = [
    ("bitscope", bitscope),
    ("pipower", web::pipower),
    ("rfpipower", web::rfpipower),
    ("redfish", redfish::redfish),
    ("turingpi", web::turingpi),
    ("uhubctl", tools::uhubctl),
    ("snmp-poe", tools::snmp_poe),
    ("clusterctrl", tools::clusterctrl),
    ("command", tools::command),
];

/// A bus of blades on a pseudo-terminal, and the path of its device.
pub(crate) fn bus_on_a_line(blades: u8) -> (Bus, String) {
    let bus = Bus::new(blades, Rc::new(|_, _| {}));
    let pty = Pty::open().expect("a pseudo-terminal");
    let path = pty.path().to_str().expect("UTF-8").to_owned();
    let served = bus.clone();
    spawn_local(async move {
        served.serve(pty).await.expect("the line holds");
    });
    (bus, path)
}

fn bitscope() -> Subject {
    let (bus, path) = bus_on_a_line(5);
    let table = format!(
        "[[power.bitscope]]\nname = \"bus\"\ndevice = \"{path}\"\nreply_max = \"500 ms\"\n"
    );
    let trick = |name, ends, failure_mode| {
        let bus = bus.clone();
        let set = move |on: bool| bus.failure_mode(on.then_some(failure_mode));
        Trick { name, ends, set: Box::new(set) }
    };
    let left_open = bus.clone();
    let tricks = vec![
        trick("a tenth of the characters is lost", Ends::Failing, FailureMode::Loses(10)),
        trick("a few characters are lost once", Ends::Well, FailureMode::LosesOnce(12)),
        trick("a silent blade", Ends::Failing, FailureMode::Silent(2)),
        trick("a silent bus", Ends::Failing, FailureMode::Dead),
        trick("a blade that answers as another", Ends::Failing, FailureMode::Impostor(2, 3)),
        trick("a blade that obeys nothing", Ends::Failing, FailureMode::Stuck(2)),
        trick("a blade that is disabled", Ends::Failing, FailureMode::Disabled(2)),
        trick("a slow bus", Ends::Well, FailureMode::Slow(std::time::Duration::from_millis(60))),
        Trick {
            name: "a pipe left open by somebody else",
            ends: Ends::Well,
            set: Box::new(move |on| {
                if on {
                    left_open.leave_open(3);
                }
            }),
        },
    ];
    let (truth, idle) = (bus.clone(), bus);
    Subject {
        folder: Rc::new(TempDir::new().expect("a folder")),
        table,
        is_on: Box::new(move |channel| truth.is_on(channel as u8)),
        tricks,
        is_well: Box::new(move || !idle.is_open()),
    }
}
