//! The power controllers of a rack: what each kind needs to know, as read from the inventory.

use std::path::{Path, PathBuf};

use super::read::host;
use super::{FILLED, PATIENCE, WAIT};
use crate::config::declare::{Declared, Field, Written, choice, table};
use crate::config::language::{self, Key, TableSpec};
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::units::Span;

/// Declares the kinds of controllers: each with its word, and where its name stands.
macro_rules! kinds {
    ($($kind:ident $(. $of:ident)? = $word:literal,)+) => {
        /// A power controller, with what its driver needs.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs, reason = "each is described by its type")]
        pub enum Controller {
            $($kind($kind),)+
        }

        impl Controller {
            /// The words of all kinds.
            pub const WORDS: &[&str] = &[$($word,)+];

            /// The word of inventories for its kind.
            #[must_use]
            pub fn word(&self) -> &'static str {
                match self {
                    $(Self::$kind(_) => $word,)+
                }
            }

            /// By which nodes refer to it.
            #[must_use]
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$kind(own) => &own$(.$of)?.name,)+
                }
            }

            /// How long a channel stays off in a power cycle.
            #[must_use]
            pub fn settle(&self) -> Span {
                match self {
                    $(Self::$kind(own) => own$(.$of)?.settle,)+
                }
            }

            /// The kinds with their readers.
            pub(super) const ALL: &[(&str, fn(&Section<'_>, &mut Mistakes) -> Option<Self>)] = &[
                $(($word, |section, m| $kind::read(section, m).map(Self::$kind)),)+
            ];
        }

        /// One table per kind of controller.
        pub(super) static POWER: TableSpec = TableSpec {
            doc: "The power controllers.",
            keys: &[$(Key::new($word, language::Kind::Tables($kind::SPEC), ""),)+],
            rivals: &[],
        };
    };
}

kinds! {
    BitScope = "bitscope",
    PiPower = "pipower",
    RfPiPower.server = "rfpipower",
    Redfish = "redfish",
    TuringPi = "turingpi",
    Uhubctl = "uhubctl",
    SnmpPoe = "snmp-poe",
    ClusterCtrl = "clusterctrl",
    Command = "command",
}

impl Controller {
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

    /// What it is that is switched there, where that can be known: tables that lead to the same
    /// thing have the same channels.
    #[must_use]
    pub fn place(&self) -> Option<String> {
        let web = |web: &Web| format!("{}:{}", web.url.host.to_lowercase(), web.url.port);
        Some(match self {
            Self::BitScope(own) => own.address.clone().unwrap_or_else(|| own.device.clone()),
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

    /// Finds its files, which lie in `folder`.
    pub(super) fn locate(&mut self, folder: &Path) {
        if let Self::TuringPi(own) = self {
            own.web.user.get_or_insert_with(|| "root".into());
        }
        if let Self::Redfish(Redfish { web, .. }) | Self::TuringPi(TuringPi { web, .. }) = self {
            web.password_file.iter_mut().for_each(|file| *file = folder.join(&file));
        }
    }
}

/// Notes an address that is none.
fn check_address(section: &Section<'_>, m: &mut Mistakes) {
    let Some(text) = section.optional::<String>("address") else { return };
    if host_and_port(&text, None).is_none() {
        let mistake = Mistake::new(section.place("address"), format!("`{text}` is no address"));
        m.note(mistake.help(ADDRESS));
    }
}

/// Notes a user without a password, and a server that cannot be known.
fn check_web(section: &Section<'_>, url: Option<&Url>, m: &mut Mistakes) {
    if section.has("user") && !section.has("password_file") {
        m.note(Mistake::new(section.place("user"), "a user without `password_file`"));
    }
    if url.is_some_and(|url| url.tls) && !section.has("certificate") {
        let help = "`certificate`: SHA-256 of the server's certificate";
        let title = "https needs to know the server's certificate";
        m.note(Mistake::new(section.place("url"), title).help(help));
    }
}

/// Notes programs that are none.
fn check_programs<const N: usize>(
    section: &Section<'_>,
    all: [(&str, Option<&Vec<String>>); N],
    m: &mut Mistakes,
) {
    let is_none = |argv: &Vec<String>| argv.first().is_none_or(|word| word.trim().is_empty());
    for (key, _) in all.into_iter().filter(|(_, argv)| argv.is_some_and(is_none)) {
        let mistake = Mistake::new(section.place(key), "no program");
        m.note(mistake.help("[\"ssh\", \"switch\", \"on {channel}\"]"));
    }
}

/// A text that is one step of a URL's path, and cannot lead anywhere else.
///
/// # Errors
/// What it may be made of: the unreserved characters of RFC 3986, `:` and `@`.
fn segment(text: &str) -> Result<String, &'static str> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-._~:@".contains(c);
    if text.is_empty() || text == "." || text == ".." || !text.chars().all(good) {
        return Err(
            "letters, digits, `-`, `_`, `.`, `~`, `:` and `@`, as the last step of its URL",
        );
    }
    Ok(text.to_owned())
}

const ADDRESS: &str = "a name or an IP address, `:` and a port, as 10.0.0.2:8000";

/// HOST:PORT, where PORT may be left out if there is a usual one.
fn host_and_port(text: &str, usual: Option<u16>) -> Option<(String, u16)> {
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (name, port) = match bracketed {
        Some((name, rest)) => (name, rest.strip_prefix(':')),
        None => text.rsplit_once(':').map_or((text, None), |(name, port)| (name, Some(port))),
    };
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port > 0),
        None => usual,
    };
    Some((host(name).ok().filter(|name| !name.is_empty())?, port?))
}

choice! {
    /// The rate of a BitScope console (bit/s), by its code.
    pub enum ConsoleRate(Clone, Copy, Debug, PartialEq, Eq) {
        /// Code 00.
        Bit115200 = "115200",
        /// Code 01.
        Bit9600 = "9600",
        /// Code 02.
        Bit19200 = "19200",
        /// Code 03.
        Bit57600 = "57600",
    }
}

table! {
    /// CB04B blades of BitScope on their RS-485 bus, reached through the serial line of the
    /// manager's BMC. A channel is an address on the bus, 0 to 127, or hexadecimal as 0x17.
    pub struct BitScope(Clone, Debug, PartialEq) rivals [&["device", "address"]] {
        /// Its name, by which nodes refer to it.
        name: String;
        /// The serial line: 115200 bit/s, 8N1, no flow control. The default is as Raspberry Pi OS
        /// calls it.
        device: String = FILLED => "\"/dev/serial0\"";
        /// HOST:PORT of a server that passes the bytes of the line on, such as ser2net.
        address: Option<String> = FILLED;
        /// The node that the line belongs to. It is protected: who switches it off cannot switch it
        /// on again.
        manager: Option<String>;
        /// What unlocks the BMC. Default: as its EEPROM is delivered (BitScope's control plane
        /// page).
        unlock: String = FILLED => "\"UnLockMe\"";
        /// Silence that ends a reply (rasputin-control-plane, validated on an ER24A).
        silence: Span = PATIENCE => "\"200 ms\"";
        /// The longest reply (same source).
        reply_max: Span = PATIENCE => "\"2 s\"";
        /// Time between two bytes to a console, which loses what comes back to back (same source).
        pace: Span = WAIT => "\"2 ms\"";
        /// Rate of the consoles (bit/s).
        console: ConsoleRate => "\"115200\"";
        /// How long a node stays off in a power cycle (same source).
        settle: Span = WAIT => "\"2 s\"";
    }
    checks |section, m| check_address(section, m)
}

table! {
    /// LANL's PiPower: one HTTP server for each chassis. A channel is a node's number there.
    pub struct PiPower(Clone, Debug, PartialEq) {
        /// Its name, by which nodes refer to it.
        name: String;
        /// HOST:PORT of the server of its chassis, port 8000 as a rule.
        address: String = FILLED;
        /// Requests are gathered for so long and sent together (LANL kraken, pipower.go).
        tick: Span = WAIT => "\"1 s\"";
        /// How long OFF to ON may take (kraken).
        on: Span = PATIENCE => "\"5 s\"";
        /// How long ON to OFF may take (kraken).
        off: Span = PATIENCE => "\"5 s\"";
        /// How long OFF may take after something failed: it sits cold for a few seconds (kraken).
        hung_off: Span = PATIENCE => "\"10 s\"";
        /// How long a node stays off in a power cycle. Assumption: as for BitScope's blades.
        settle: Span = WAIT => "\"2 s\"";
        /// How long a request may take. Assumption.
        timeout: Span = PATIENCE => "\"5 s\"";
    }
    checks |section, m| check_address(section, m)
}

table! {
    /// LANL's PiPower with requests like Redfish's. A channel is a node's number in its chassis.
    pub struct RfPiPower(Clone, Debug, PartialEq) {
        /// What the two have in common.
        server: PiPower = language::Kind::Flat(PiPower::SPEC);
        /// The chassis (kraken, rfpipower.go).
        chassis: String = FILLED => "\"C0\"";
    }
    checks |section, m| if let Some(Err(help)) = chassis.as_deref().map(segment) {
        let mistake = Mistake::new(section.place("chassis"), "this is no name of a chassis");
        m.note(mistake.help(help));
    }
}

table! {
    /// Where a controller is reached by HTTP, and how it is known.
    pub struct Web(Clone, Debug, PartialEq, Eq) {
        /// `http://HOST` or `https://HOST`, with a port if need be.
        url: Url = FILLED;
        /// User of HTTP basic authentication, or of a session. A Turing Pi asks for one since its
        /// firmware 2.0.0: `root`, if none is given.
        user: Option<String> = FILLED;
        /// File that holds the password, next to this one; nobody but its owner may read it.
        password_file: Option<PathBuf> = FILLED;
        /// SHA-256 of the server's certificate, 64 hexadecimal digits; colons are allowed. Needed
        /// for https: such controllers sign their certificates themselves.
        /// `openssl x509 -noout -fingerprint -sha256` prints it.
        certificate: Option<[u8; 32]> = FILLED;
    }
    checks |section, m| check_web(section, url.as_ref(), m)
}

impl Web {
    /// User and the file of the password.
    #[must_use]
    pub fn login(&self) -> Option<(&str, &Path)> {
        self.user.as_deref().zip(self.password_file.as_deref())
    }
}

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Whether over TLS.
    pub tls: bool,
    /// The host's name or IP address.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Field for Url {
    const KIND: language::Kind = FILLED;

    fn take(section: &Section<'_>, name: &'static str, m: &mut Mistakes) -> Option<Self> {
        let text: String = section.get(name, m)?;
        let mut wrong = |title: &str, help| {
            let title = format!("`{text}` is {title}");
            m.note(Mistake::new(section.place(name), title).help(help));
        };
        let parts = text.split_once("://").and_then(|(scheme, rest)| match scheme {
            "http" => Some((false, 80, rest)),
            "https" => Some((true, 443, rest)),
            _ => None,
        });
        let Some((tls, usual, rest)) = parts else {
            wrong("no URL", "http://HOST or https://HOST");
            return None;
        };
        let found = host_and_port(rest.trim_end_matches('/'), Some(usual));
        if found.is_none() {
            wrong("no address", ADDRESS);
        }
        found.map(|(host, port)| Self { tls, host, port })
    }

    fn written(&self, _: &language::Kind) -> Written {
        let scheme = if self.tls { "https" } else { "http" };
        Written::quoted(&format!("{scheme}://{}:{}", self.host, self.port))
    }
}

/// The SHA-256 of a certificate.
impl Field for Option<[u8; 32]> {
    const KIND: language::Kind = FILLED;
    const REQUIRED: bool = false;

    fn take(section: &Section<'_>, name: &'static str, m: &mut Mistakes) -> Option<Self> {
        let Some(text) = section.optional::<String>(name) else { return Some(None) };
        let digits = text.replace(':', "");
        let byte = |at: usize| u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..32).map(byte).collect();
        let bytes: Option<[u8; 32]> = bytes.and_then(|bytes| bytes.try_into().ok());
        let bytes = bytes.filter(|_| digits.len() == 64);
        if bytes.is_none() {
            let help =
                "`openssl x509 -noout -fingerprint -sha256` prints it: 64 hexadecimal digits";
            m.note(Mistake::new(section.place(name), "this is no SHA-256").help(help));
        }
        bytes.map(Some)
    }

    fn written(&self, _: &language::Kind) -> Written {
        let hex = |byte: &u8| format!("{byte:02x}");
        self.map_or(Written::Absent, |bytes| {
            Written::quoted(&bytes.iter().map(hex).collect::<String>())
        })
    }
}

choice! {
    /// The `ResetType` that switches on.
    pub enum ResetOn(Clone, Copy, Debug, PartialEq, Eq) {
        /// As DMTF has it.
        On = "On",
        /// The same.
        ForceOn = "ForceOn",
    }
}

choice! {
    /// The `ResetType` that switches off.
    pub enum ResetOff(Clone, Copy, Debug, PartialEq, Eq) {
        /// As DMTF has it.
        ForceOff = "ForceOff",
        /// The same.
        GracefulShutdown = "GracefulShutdown",
        /// The same.
        PushPowerButton = "PushPowerButton",
    }
}

table! {
    /// A Redfish service: ComputerSystem.Reset of DMTF. A channel is the id of a system.
    pub struct Redfish(Clone, Debug, PartialEq) {
        /// Its name, by which nodes refer to it.
        name: String;
        /// Where it is.
        web: Web = language::Kind::Flat(Web::SPEC);
        /// The `ResetType` that switches on.
        on: ResetOn => "\"On\"";
        /// The `ResetType` that switches off.
        off: ResetOff => "\"ForceOff\"";
        /// For so long after an order `PowerState` may still be the old one. Assumption.
        follows: Span = PATIENCE => "\"30 s\"";
        /// How long a node stays off in a power cycle. Assumption: as for BitScope's blades.
        settle: Span = WAIT => "\"2 s\"";
        /// How long a request may take. Assumption.
        timeout: Span = PATIENCE => "\"5 s\"";
    }
    checks |section, m| if section.has("password_file") {
        section.demand("user", m);
    }
}

table! {
    /// The BMC of a Turing Pi 2. A channel is a slot, 1 to 4.
    pub struct TuringPi(Clone, Debug, PartialEq) {
        /// Its name, by which nodes refer to it.
        name: String;
        /// Where it is.
        web: Web = language::Kind::Flat(Web::SPEC);
        /// For so long after an order the controller may still report the old state. Assumption.
        follows: Span = PATIENCE => "\"5 s\"";
        /// How long a node stays off in a power cycle (rasputin-control-plane).
        settle: Span = WAIT => "\"3 s\"";
        /// How long a request may take. Assumption.
        timeout: Span = PATIENCE => "\"5 s\"";
    }
}

table! {
    /// A USB hub that switches its ports, by the program uhubctl. A channel is a port. One that
    /// switches all of them together (`ganged`) takes one node.
    pub struct Uhubctl(Clone, Debug, PartialEq) {
        /// Its name, by which nodes refer to it.
        name: String;
        /// The program.
        program: String = FILLED => "\"uhubctl\"";
        /// The hub, as `uhubctl` lists it: `1-1.4`.
        location: String = FILLED;
        /// For so long after an order the controller may still report the old state. Assumption.
        follows: Span = PATIENCE => "\"5 s\"";
        /// How long a node stays off in a power cycle. Assumption: as for BitScope's blades.
        settle: Span = WAIT => "\"2 s\"";
        /// How long the program may run. Assumption.
        timeout: Span = PATIENCE => "\"10 s\"";
    }
}

table! {
    /// A switch that feeds nodes through their network cables, by snmpset and snmpget of Net-SNMP.
    /// A channel is a port.
    pub struct SnmpPoe(Clone, Debug, PartialEq) {
        /// Its name, by which nodes refer to it.
        name: String;
        /// The switch.
        host: String = FILLED;
        /// A community that may write.
        community: String = FILLED;
        /// What is set, without the port. Default: pethPsePortAdminEnable of RFC 3621, group 1;
        /// Cisco IOS has 1.3.6.1.4.1.9.9.402.1.2.1.1.1 with `on = 1`, `off = 4`.
        oid: String = FILLED => "\"1.3.6.1.2.1.105.1.1.1.3.1\"";
        /// The value that switches on.
        on: u64 = language::Kind::Count(0, 255) => "1";
        /// The value that switches off.
        off: u64 = language::Kind::Count(0, 255) => "2";
        /// What is added to a port's number: 48 for a Linksys LGS308P, whose first port is 49
        /// (SeduceProject).
        port_base: u32 = language::Kind::Count(0, 1_000_000) => "0";
        /// The program that sets.
        set: String = FILLED => "\"snmpset\"";
        /// The program that reads.
        get: String = FILLED => "\"snmpget\"";
        /// For so long after an order the controller may still report the old state. Assumption.
        follows: Span = PATIENCE => "\"5 s\"";
        /// How long a node stays off in a power cycle. Assumption: as for BitScope's blades.
        settle: Span = WAIT => "\"2 s\"";
        /// How long a program may run. Assumption.
        timeout: Span = PATIENCE => "\"10 s\"";
    }
    checks |section, m| {
        if oid.as_ref().is_some_and(|oid| oid.split('.').any(|part| part.parse::<u32>().is_err())) {
            let place = section.place("oid");
            m.note(Mistake::new(place, "an OID is made of numbers and dots"));
        }
        if on.is_some() && on == off {
            let place = section.place("off");
            m.note(Mistake::new(place, "`on` and `off` are the same value"));
        }
    }
}

table! {
    /// A Cluster HAT or Cluster CTRL, by the program clusterctrl. A channel is the number of a
    /// Zero: 1 for p1.
    pub struct ClusterCtrl(Clone, Debug, PartialEq) {
        /// Its name, by which nodes refer to it.
        name: String;
        /// The program.
        program: String = FILLED => "\"clusterctrl\"";
        /// For so long after an order the controller may still report the old state. Assumption.
        follows: Span = PATIENCE => "\"5 s\"";
        /// How long a node stays off in a power cycle. Assumption: as for BitScope's blades.
        settle: Span = WAIT => "\"2 s\"";
        /// How long the program may run. Assumption.
        timeout: Span = PATIENCE => "\"10 s\"";
    }
}

table! {
    /// Any programs. In their arguments {channel}, {node} and {address} stand for those of the
    /// node.
    pub struct Command(Clone, Debug, PartialEq) {
        /// Its name, by which nodes refer to it.
        name: String;
        /// Program and arguments that switch on.
        on: Vec<String>;
        /// Program and arguments that switch off.
        off: Vec<String>;
        /// Program and arguments that report the state: `on`, `off` or `dead` as first word.
        state: Vec<String>;
        /// For so long after an order the controller may still report the old state. Assumption.
        follows: Span = PATIENCE => "\"5 s\"";
        /// How long a node stays off in a power cycle. Assumption: as for BitScope's blades.
        settle: Span = WAIT => "\"2 s\"";
        /// How long a program may run. Assumption.
        timeout: Span = PATIENCE => "\"10 s\"";
    }
    checks |section, m| {
        let all = [("on", on.as_ref()), ("off", off.as_ref()), ("state", state.as_ref())];
        check_programs(section, all, m);
    }
}
