//! The power controllers of a rack: what each kind needs to know, as read from the inventory.

use std::path::PathBuf;

use crate::units::Span;

/// The rates of a BitScope console (bit/s), in the order of their codes 00 to 03.
pub const CONSOLE_RATES: [&str; 4] = ["115200", "9600", "19200", "57600"];

/// A power controller.
#[derive(Clone, Debug, PartialEq)]
pub struct Controller {
    /// By which nodes refer to it.
    pub name: String,
    /// How long a channel stays off in a power cycle.
    pub settle: Span,
    /// What it is.
    pub kind: Kind,
}

/// What a controller is, with what its driver needs.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each is described by its type")]
pub enum Kind {
    BitScope(BitScope),
    PiPower(PiPower),
    RfPiPower(RfPiPower),
    Redfish(Redfish),
    TuringPi(TuringPi),
    Uhubctl(Uhubctl),
    SnmpPoe(SnmpPoe),
    ClusterCtrl(ClusterCtrl),
    Command(Command),
}

impl Kind {
    /// The word of inventories for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::BitScope(_) => "bitscope",
            Self::PiPower(_) => "pipower",
            Self::RfPiPower(_) => "rfpipower",
            Self::Redfish(_) => "redfish",
            Self::TuringPi(_) => "turingpi",
            Self::Uhubctl(_) => "uhubctl",
            Self::SnmpPoe(_) => "snmp-poe",
            Self::ClusterCtrl(_) => "clusterctrl",
            Self::Command(_) => "command",
        }
    }

    /// A channel as the driver wants it: a decimal number where the kind has numbers.
    ///
    /// # Errors
    /// What channels of this kind are.
    pub fn channel(&self, text: &str) -> Result<String, String> {
        let (first, last) = match self {
            // Seven bits: the master's `ID` field is 00 to 7f.
            Self::BitScope(_) => (0, 0x7f),
            Self::TuringPi(_) => (1, 4),
            // USB 2.0: the number of a hub's ports is one byte.
            Self::Uhubctl(_) => (1, 255),
            // A HAT has four Zeros. Assumption: nobody stacks more than four.
            Self::ClusterCtrl(_) => (1, 16),
            Self::SnmpPoe(_) => (1, 100_000),
            Self::PiPower(_) | Self::RfPiPower(_) => (0, 100_000),
            Self::Redfish(_) => return segment(text).map_err(str::to_owned),
            Self::Command(_) => return Ok(text.to_owned()),
        };
        let number = match text.strip_prefix("0x") {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => text.parse().ok(),
        };
        let number = number.filter(|number| (first..=last).contains(number));
        number.map(|number| number.to_string()).ok_or_else(|| format!("{first} to {last}"))
    }

    /// What it is that is switched there, where that can be told: tables that lead to the same
    /// thing have the same channels.
    #[must_use]
    pub fn place(&self) -> Option<String> {
        let web = |web: &Web| format!("{}:{}", web.host.to_lowercase(), web.port);
        Some(match self {
            Self::BitScope(own) => format!("{:?}", own.line),
            Self::PiPower(own) => own.address.clone(),
            Self::RfPiPower(own) => format!("{} {}", own.server.address, own.chassis),
            Self::Redfish(own) => web(&own.web),
            Self::TuringPi(own) => web(&own.web),
            Self::Uhubctl(own) => format!("{} {}", own.program, own.location),
            Self::SnmpPoe(own) => format!("{} {} {}", own.host, own.oid, own.port_base),
            Self::ClusterCtrl(own) => own.program.clone(),
            Self::Command(_) => return None,
        })
    }
}

/// A text that is one step of a URL's path, and cannot lead anywhere else.
///
/// # Errors
/// What it may be made of: the unreserved characters of RFC 3986, `:` and `@`.
pub(super) fn segment(text: &str) -> Result<String, &'static str> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-._~:@".contains(c);
    if text.is_empty() || text == "." || text == ".." || !text.chars().all(good) {
        return Err(
            "letters, digits, `-`, `_`, `.`, `~`, `:` and `@`, as the last step of its URL",
        );
    }
    Ok(text.to_owned())
}

/// Where the bytes of a serial line are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A device of this machine.
    Device(PathBuf),
    /// HOST:PORT of a server that passes them on.
    Server(String),
}

/// CB04B blades on their bus.
#[derive(Clone, Debug, PartialEq)]
pub struct BitScope {
    /// The manager's serial line.
    pub line: Line,
    /// The name of the node that the line belongs to.
    pub manager: Option<String>,
    /// What unlocks the BMC.
    pub unlock: String,
    /// Silence that ends a reply.
    pub silence: Span,
    /// The longest reply.
    pub reply_max: Span,
    /// Time between two bytes to a console.
    pub pace: Span,
    /// The code of the consoles' rate, a position in [`CONSOLE_RATES`].
    pub console: u8,
}

/// LANL's server of a chassis.
#[derive(Clone, Debug, PartialEq)]
pub struct PiPower {
    /// HOST:PORT.
    pub address: String,
    /// Requests are gathered for so long.
    pub tick: Span,
    /// How long OFF to ON may take.
    pub on: Span,
    /// How long ON to OFF may take.
    pub off: Span,
    /// How long OFF may take after something failed.
    pub hung_off: Span,
    /// How long a request may take.
    pub timeout: Span,
}

/// The same server with requests like Redfish's.
#[derive(Clone, Debug, PartialEq)]
pub struct RfPiPower {
    /// What the two have in common.
    pub server: PiPower,
    /// The chassis.
    pub chassis: String,
}

/// Where a controller is reached by HTTP, and how it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Web {
    /// Whether over TLS.
    pub tls: bool,
    /// The host's name or IP address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// User and the file of the password.
    pub login: Option<(String, PathBuf)>,
    /// SHA-256 of the server's certificate, for TLS.
    pub certificate: Option<[u8; 32]>,
}

/// A Redfish service.
#[derive(Clone, Debug, PartialEq)]
pub struct Redfish {
    /// Where it is.
    pub web: Web,
    /// The `ResetType` that switches on.
    pub on: String,
    /// The `ResetType` that switches off.
    pub off: String,
    /// For so long the old state may still be told.
    pub follows: Span,
    /// How long a request may take.
    pub timeout: Span,
}

/// The BMC of a Turing Pi 2.
#[derive(Clone, Debug, PartialEq)]
pub struct TuringPi {
    /// Where it is.
    pub web: Web,
    /// For so long the old state may still be told.
    pub follows: Span,
    /// How long a request may take.
    pub timeout: Span,
}

/// A USB hub that switches its ports.
#[derive(Clone, Debug, PartialEq)]
pub struct Uhubctl {
    /// The program.
    pub program: String,
    /// The hub.
    pub location: String,
    /// For so long the old state may still be told.
    pub follows: Span,
    /// How long the program may run.
    pub timeout: Span,
}

/// A switch that feeds its ports.
#[derive(Clone, Debug, PartialEq)]
pub struct SnmpPoe {
    /// The switch.
    pub host: String,
    /// A community that may write.
    pub community: String,
    /// What is set, without the port.
    pub oid: String,
    /// The value that switches on.
    pub on: u64,
    /// The value that switches off.
    pub off: u64,
    /// What is added to a port's number.
    pub port_base: u32,
    /// The program that sets.
    pub set: String,
    /// The program that reads.
    pub get: String,
    /// For so long the old state may still be told.
    pub follows: Span,
    /// How long a program may run.
    pub timeout: Span,
}

/// A Cluster HAT or Cluster CTRL.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterCtrl {
    /// The program.
    pub program: String,
    /// For so long the old state may still be told.
    pub follows: Span,
    /// How long the program may run.
    pub timeout: Span,
}

/// Any programs, with their arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// Switches on.
    pub on: Vec<String>,
    /// Switches off.
    pub off: Vec<String>,
    /// Tells the state.
    pub state: Vec<String>,
    /// For so long the old state may still be told.
    pub follows: Span,
    /// How long a program may run.
    pub timeout: Span,
}
