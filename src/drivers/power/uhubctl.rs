//! A USB hub that switches its ports, by the program uhubctl.
//!
//! ```text
//!  uhubctl -l 1-1.4 -p 2
//!    Current status for hub 1-1.4 [2109:2817 VIA Labs USB2.0 Hub, USB 2.10, 4 ports, ppps]
//!      Port 2: 0503 power highspeed enable connect [0bda:8153 Realtek USB LAN]
//!    Current status for hub 2-1.4 [2109:0817 VIA Labs USB3.0 Hub, USB 3.10, 4 ports, ppps]
//!      Port 2: 0080 off
//!  uhubctl -l 1-1.4 -p 2 -a off
//! ```
//!
//! As mvp/uhubctl prints it. What stands in brackets is what a device says of itself, any words. A
//! hub of USB 3 has a second half for USB 2: the port has power while either of the two gives it
//! some. How a hub switches stands last in its own brackets: `ppps` each port, `ganged` all of them
//! together, `nops` none.
//!
//! Not modelled: hubs that report `off` and keep feeding the port; there are some, and no program
//! can detect that (uhubctl's README lists hubs that are known to work).

use super::{DriverError, OneByOne, Target, Wanted, duration, tool};
use crate::fleet::ports::PowerState;
use crate::inventory::names;
use crate::inventory::power::Uhubctl as Settings;
use crate::units::Span;

/// A hub.
pub(super) struct Uhubctl {
    settings: Settings,
    /// The names of all nodes that hang on it.
    nodes: Vec<String>,
}

impl Uhubctl {
    pub(super) fn new(settings: Settings, nodes: Vec<String>) -> Self {
        Self { settings, nodes }
    }

    async fn run(&self, target: &Target, action: &[&str]) -> Result<String, DriverError> {
        let Settings { program, location, timeout, .. } = &self.settings;
        let argv = [program.as_str(), "-l", location, "-p", &target.channel];
        tool::run(&[&argv, action].concat(), duration(*timeout)).await
    }
}

/// Whether a hub, or either half of it, says that this is how it switches.
fn switches(said: &str, how: &str) -> bool {
    let hubs = said.lines().filter(|line| line.starts_with("Current status for hub"));
    let reported =
        |line: &str| line.trim_end().strip_suffix(']')?.rsplit(", ").next().map(str::to_owned);
    hubs.filter_map(reported).any(|reported| reported == how)
}

/// Whether a port has power, by what is reported of it: four hexadecimal digits, then words, then
/// what the device there says.
fn has_power(port: &str) -> Option<bool> {
    let mut words = port.split('[').next()?.split_whitespace();
    let status = words.next().filter(|status| status.len() == 4)?;
    u16::from_str_radix(status, 16).ok()?;
    Some(words.any(|word| word == "power"))
}

impl OneByOne for Uhubctl {
    async fn state(&mut self, target: &Target) -> Result<PowerState, DriverError> {
        let said = self.run(target, &[]).await?;
        if switches(&said, "nops") {
            let way_out = "take one that is known to work (README of uhubctl)";
            return Err(DriverError::new("the hub cannot switch its ports (nops)", way_out));
        }
        if self.nodes.len() > 1 && switches(&said, "ganged") {
            let names = names::fold(self.nodes.iter().map(String::as_str));
            let what = format!("the hub switches all ports together (ganged), and feeds {names}");
            let way_out = "give one of them a channel there, or take a hub that switches each port";
            return Err(DriverError::new(what, way_out));
        }
        let start = format!("Port {}:", target.channel);
        let ports = said.lines().filter_map(|line| line.trim().strip_prefix(start.as_str()));
        let halves: Vec<Option<bool>> = ports.map(has_power).collect();
        match halves.as_slice() {
            [] => Err(tool::odd(&self.settings.program, &said)),
            all if all.contains(&None) => Err(tool::odd(&self.settings.program, &said)),
            all if all.contains(&Some(true)) => Ok(PowerState::On),
            _ => Ok(PowerState::Off),
        }
    }

    async fn set(&mut self, target: &Target, wanted: Wanted) -> Result<(), DriverError> {
        self.run(target, &["-a", wanted.word()]).await.map(drop)
    }

    fn follows(&self) -> Span {
        self.settings.follows
    }
}
