//! Power switches: a driver for each kind of controller, and the port over all of a rack's.
//!
//! ```text
//!  Switches --order--> bus 0: one task, one order at a time --> Driver bitscope --> serial line
//!           --order--> bus 1: gathers orders for a tick     --> Driver pipower  --> HTTP
//! ```
//!
//! A driver knows its protocol and nothing else. What all of them have in common is done once, by
//! the bus (`bus.rs`): orders to one controller are carried out one after the other, an order that
//! is fulfilled already is not given, each order is followed until the controller reports the new
//! state, and what goes wrong is reported with node, controller and a way out. An order that was
//! begun is finished even if whoever gave it has gone.

pub mod bitscope;
pub mod fakes;
pub mod held;
pub mod journal;
pub mod ledger;
pub mod operate;
pub mod rehearsal;
pub mod restore;

mod bus;
mod clusterctrl;
mod command;
mod http;
mod line;
mod pin;
mod pipower;
mod redfish;
mod rfpipower;
mod snmp_poe;
mod switches;
pub mod terminal;
mod turingpi;
mod uhubctl;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::mpsc;

use super::{DriverError, tool};
use crate::fleet::ports::PowerState;
use crate::inventory::power::Controller;
use crate::units::Span;

pub use switches::Switches;

/// What a driver is doing.
type Doing<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Answers of a controller, one for each target, in their order.
type Answers<T> = Vec<Result<T, DriverError>>;

/// What is to become of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    On,
    Off,
}

impl Wanted {
    fn state(self) -> PowerState {
        match self {
            Self::On => PowerState::On,
            Self::Off => PowerState::Off,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

/// A node as its controller knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    /// The node's name.
    node: String,
    /// The node's own address, where it is known.
    address: Option<String>,
    /// Its channel, as in the inventory.
    channel: String,
}

impl Target {
    /// The number of the channel, for kinds whose channels are numbers.
    fn number(&self) -> u32 {
        self.channel.parse().expect("the inventory checked the channels of this kind")
    }
}

/// A console that is open: what is typed, and what is to be shown.
struct Session {
    target: Target,
    keys: mpsc::Receiver<u8>,
    screen: mpsc::Sender<Vec<u8>>,
}

/// A kind of controller. Each call ends by itself, whatever the controller does.
trait Driver {
    /// Reads the states.
    fn states<'a>(&'a mut self, targets: &'a [Target]) -> Doing<'a, Answers<PowerState>>;

    /// Gives an order. That it was taken does not mean that it is carried out.
    fn order<'a>(&'a mut self, targets: &'a [Target], wanted: Wanted) -> Doing<'a, Answers<()>>;

    /// For so long after an order the controller may still report the old state. `failed`: the last
    /// order for this channel failed.
    fn follows(&self, wanted: Wanted, failed: bool) -> Duration;

    /// Orders are gathered for so long and given together; a driver without a tick gets one
    /// target at a time.
    fn tick(&self) -> Option<Duration> {
        None
    }

    /// Opens a console; its bytes are passed on by [`Driver::idle`].
    fn console(&mut self, _: Session) -> Result<(), DriverError> {
        let way_out = "only a BitScope bus leads to the consoles of its nodes";
        Err(DriverError::new("this kind of controller has no console", way_out))
    }

    /// What is done between orders; dropped when one comes, and begun again afterwards.
    fn idle(&mut self) -> Doing<'_, ()> {
        Box::pin(std::future::pending())
    }

    /// Leaves the controller as it should be left.
    fn leave(&mut self) -> Doing<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// A kind of controller that is asked and ordered about one channel after the other.
trait OneByOne {
    /// Reads a state.
    async fn state(&mut self, target: &Target) -> Result<PowerState, DriverError>;

    /// Gives an order.
    async fn set(&mut self, target: &Target, wanted: Wanted) -> Result<(), DriverError>;

    /// For so long after an order the controller may still report the old state.
    fn follows(&self) -> Span;

    /// Leaves the controller as it should be left.
    async fn leave(&mut self) {}
}

impl<D: OneByOne> Driver for D {
    fn states<'a>(&'a mut self, targets: &'a [Target]) -> Doing<'a, Answers<PowerState>> {
        Box::pin(async move {
            let mut answers = Vec::new();
            for target in targets {
                answers.push(self.state(target).await);
            }
            answers
        })
    }

    fn order<'a>(&'a mut self, targets: &'a [Target], wanted: Wanted) -> Doing<'a, Answers<()>> {
        Box::pin(async move {
            let mut answers = Vec::new();
            for target in targets {
                answers.push(self.set(target, wanted).await);
            }
            answers
        })
    }

    fn follows(&self, _: Wanted, _: bool) -> Duration {
        duration(OneByOne::follows(self))
    }

    fn leave(&mut self) -> Doing<'_, ()> {
        Box::pin(OneByOne::leave(self))
    }
}

/// The driver for a controller; `nodes` are the names of all that hang there.
fn driver(controller: &Controller, nodes: Vec<String>) -> Box<dyn Driver> {
    match controller.clone() {
        Controller::BitScope(settings) => Box::new(bitscope::BitScope::new(settings)),
        Controller::PiPower(settings) => Box::new(pipower::PiPower::new(settings)),
        Controller::RfPiPower(settings) => Box::new(rfpipower::RfPiPower::new(settings)),
        Controller::Redfish(settings) => Box::new(redfish::Redfish::new(settings)),
        Controller::TuringPi(settings) => Box::new(turingpi::TuringPi::new(settings)),
        Controller::Uhubctl(settings) => Box::new(uhubctl::Uhubctl::new(settings, nodes)),
        Controller::SnmpPoe(settings) => Box::new(snmp_poe::SnmpPoe::new(settings)),
        Controller::ClusterCtrl(settings) => Box::new(clusterctrl::ClusterCtrl::new(settings)),
        Controller::Command(settings) => Box::new(command::Command::new(settings)),
    }
}

/// A span in the words of the standard library.
fn duration(span: Span) -> Duration {
    Duration::from_nanos(span.0)
}
