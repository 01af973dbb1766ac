//! From the tables `[[power.KIND]]` to the power controllers of a rack.

use std::path::{Path, PathBuf};

use super::Mistakes;
use super::power::{
    BitScope, CONSOLE_RATES, ClusterCtrl, Command, Controller, Kind, Line, PiPower, Redfish,
    RfPiPower, SnmpPoe, TuringPi, Uhubctl, Web, segment,
};
use crate::config::document::Value;
use crate::config::language::{self, nearest};
use crate::config::mistakes::{Mistake, Place};
use crate::config::section::Section;

/// The controllers of a file.
pub(super) struct Controllers {
    /// Those that could be read.
    pub(super) list: Vec<Controller>,
    /// The names of all of them, with their places.
    names: Vec<(String, Place)>,
    /// The nodes that hold a bus, and where they are named.
    pub(super) managers: Vec<(String, Place)>,
}

impl Controllers {
    /// The controller of a name. One that could not be read was complained about already.
    pub(super) fn find(&self, name: &str, place: Place, m: &mut Mistakes) -> Option<usize> {
        let names = || self.names.iter().map(|(name, _)| name.as_str());
        if !names().any(|known| known == name) {
            let help = match nearest(name, names()) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None if self.names.is_empty() => "there is none at all: [[power.bitscope]]".into(),
                None => format!("there are: {}", names().collect::<Vec<_>>().join(", ")),
            };
            let title = format!("there is no power controller called `{name}`");
            m.note(Mistake::new(place, title).help(help));
        }
        self.list.iter().position(|controller| controller.name == name)
    }
}

/// Reads one kind.
type ReadKind = fn(&mut Reader<'_, '_>) -> Option<Kind>;

/// All kinds with their words.
const ALL: [(&str, ReadKind); 9] = [
    ("bitscope", bitscope),
    ("pipower", |r| r.pipower().map(Kind::PiPower)),
    ("rfpipower", |r| {
        let (server, chassis) = (r.pipower(), r.text("chassis"));
        let chassis = match segment(&chassis?) {
            Ok(chassis) => chassis,
            Err(help) => {
                r.wrong("chassis", "this is no name of a chassis".into(), Some(help));
                return None;
            }
        };
        Some(Kind::RfPiPower(RfPiPower { server: server?, chassis }))
    }),
    ("redfish", redfish),
    ("turingpi", turingpi),
    ("uhubctl", uhubctl),
    ("snmp-poe", snmp_poe),
    ("clusterctrl", |r| {
        let (program, follows, timeout) = (r.text("program"), r.get("follows"), r.get("timeout"));
        let (program, follows, timeout) = (program?, follows?, timeout?);
        Some(Kind::ClusterCtrl(ClusterCtrl { program, follows, timeout }))
    }),
    ("command", command),
];

/// Reads all controllers; secrets are files beside the inventory, in `folder`.
pub(super) fn read(power: &Section<'_>, folder: &Path, m: &mut Mistakes) -> Controllers {
    let mut all = Controllers { list: Vec::new(), names: Vec::new(), managers: Vec::new() };
    for (word, read_kind) in ALL {
        let tables = power.given(word).and_then(Value::list).unwrap_or_default();
        for (table, place) in tables.iter().filter_map(|item| Some((item.table()?, item.place))) {
            let section = power.item(word, table, place);
            let name: Option<String> = section.get("name", m);
            if let Some(name) = &name {
                let place = section.place("name");
                if let Some((_, first)) = all.names.iter().find(|(known, _)| known == name) {
                    let title = format!("two power controllers called `{name}`");
                    m.note(Mistake::new(place, title).other(*first, "given here"));
                }
                all.names.push((name.clone(), place));
            }
            if section.has("manager") {
                let manager: Option<String> = section.optional("manager");
                all.managers.extend(manager.map(|name| (name, section.place("manager"))));
            }
            let settle = section.get("settle", m);
            let kind = read_kind(&mut Reader { section, folder, m });
            if let (Some(name), Some(settle), Some(kind)) = (name, settle, kind) {
                all.list.push(Controller { name, settle, kind });
            }
        }
    }
    all
}

/// A table, and what its reader needs.
struct Reader<'a, 'm> {
    section: Section<'a>,
    folder: &'a Path,
    m: &'m mut Mistakes,
}

impl Reader<'_, '_> {
    fn get<T: language::Read>(&mut self, key: &str) -> Option<T> {
        self.section.get(key, self.m)
    }

    /// A text that is not empty.
    fn text(&mut self, key: &str) -> Option<String> {
        let text: String = self.get(key)?;
        if text.trim().is_empty() {
            self.wrong(key, "an empty text".into(), None);
            return None;
        }
        Some(text)
    }

    /// One of several words; a mistake was noted when the file was checked.
    fn word(&mut self, key: &str, words: &[&str]) -> Option<(u8, String)> {
        let value = self.section.value(key)?;
        let text = value.text()?;
        let at = words.iter().position(|word| *word == text)?;
        Some((at as u8, text.to_owned()))
    }

    fn wrong(&mut self, key: &str, title: String, help: Option<&str>) {
        let mistake = Mistake::new(self.section.place(key), title);
        self.m.note(mistake.maybe_help(help.map(str::to_owned)));
    }

    /// HOST:PORT, where PORT may be left out if there is a usual one.
    fn host_and_port(
        &mut self,
        key: &str,
        text: &str,
        usual: Option<u16>,
    ) -> Option<(String, u16)> {
        let bracketed = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let (host, port) = match bracketed {
            Some((host, rest)) => (host, rest.strip_prefix(':')),
            None => text.rsplit_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
        };
        let port = match port {
            Some(port) => port.parse().ok().filter(|port| *port > 0),
            None => usual,
        };
        let host = super::read::host(host).ok().filter(|host| !host.is_empty());
        if let (Some(host), Some(port)) = (host, port) {
            return Some((host, port));
        }
        let help = "a name or an IP address, `:` and a port, as 10.0.0.2:8000";
        self.wrong(key, format!("`{text}` is no address"), Some(help));
        None
    }

    /// HOST:PORT as written, once it is known to be good.
    fn address(&mut self) -> Option<String> {
        let text = self.text("address")?;
        self.host_and_port("address", &text, None).map(|_| text)
    }

    fn pipower(&mut self) -> Option<PiPower> {
        let address = self.address();
        let (tick, on, off) = (self.get("tick"), self.get("on"), self.get("off"));
        let (hung_off, timeout) = (self.get("hung_off"), self.get("timeout"));
        Some(PiPower {
            address: address?,
            tick: tick?,
            on: on?,
            off: off?,
            hung_off: hung_off?,
            timeout: timeout?,
        })
    }

    /// `url`, `user`, `password_file` and `certificate`.
    fn web(&mut self) -> Option<Web> {
        let login = self.login();
        let certificate = self.certificate();
        let text = self.text("url")?;
        let plain = text.strip_prefix("http://").map(|rest| (false, rest));
        let Some((tls, rest)) = plain.or(text.strip_prefix("https://").map(|rest| (true, rest)))
        else {
            self.wrong("url", format!("`{text}` is no URL"), Some("http://HOST or https://HOST"));
            return None;
        };
        let usual = if tls { 443 } else { 80 };
        let (host, port) = self.host_and_port("url", rest.trim_end_matches('/'), Some(usual))?;
        if tls && !self.section.has("certificate") {
            let help = "`certificate`: SHA-256 of the server's certificate";
            self.wrong("url", "https needs to know the server's certificate".into(), Some(help));
            return None;
        }
        Some(Web { tls, host, port, login, certificate })
    }

    fn login(&mut self) -> Option<(String, PathBuf)> {
        if !self.section.has("password_file") {
            if self.section.has("user") {
                self.wrong("user", "a user without `password_file`".into(), None);
            }
            return None;
        }
        let user = self.text("user");
        let file = self.folder.join(self.text("password_file")?);
        Some((user?, file))
    }

    fn certificate(&mut self) -> Option<[u8; 32]> {
        if !self.section.has("certificate") {
            return None;
        }
        let text = self.text("certificate")?.replace(':', "");
        let byte = |at: usize| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok();
        let bytes: Option<Vec<u8>> = (0..32).map(byte).collect();
        let bytes = bytes.filter(|_| text.len() == 64).and_then(|bytes| bytes.try_into().ok());
        if bytes.is_none() {
            let help = "`openssl x509 -noout -fingerprint -sha256` tells it: 64 hexadecimal digits";
            self.wrong("certificate", "this is no SHA-256".into(), Some(help));
        }
        bytes
    }

    /// Program and arguments.
    fn argv(&mut self, key: &str) -> Option<Vec<String>> {
        self.section.demand(key, self.m);
        let value = self.section.value(key)?;
        let list: Option<Vec<String>> =
            value.list()?.iter().map(|item| item.text().map(str::to_owned)).collect();
        let list = list?;
        if list.first().is_none_or(|program| program.trim().is_empty()) {
            self.wrong(key, "no program".into(), Some("[\"ssh\", \"switch\", \"on {channel}\"]"));
            return None;
        }
        Some(list)
    }
}

fn bitscope(r: &mut Reader<'_, '_>) -> Option<Kind> {
    let line = if r.section.has("address") {
        r.address().map(Line::Server)
    } else if r.section.has("device") {
        r.text("device").map(|device| Line::Device(device.into()))
    } else {
        Some(Line::Device("/dev/serial0".into()))
    };
    let (unlock, silence) = (r.text("unlock"), r.get("silence"));
    let (reply_max, pace) = (r.get("reply_max"), r.get("pace"));
    let console = r.word("console", &CONSOLE_RATES);
    Some(Kind::BitScope(BitScope {
        line: line?,
        manager: r.section.optional("manager"),
        unlock: unlock?,
        silence: silence?,
        reply_max: reply_max?,
        pace: pace?,
        console: console?.0,
    }))
}

fn redfish(r: &mut Reader<'_, '_>) -> Option<Kind> {
    let (web, follows, timeout) = (r.web(), r.get("follows"), r.get("timeout"));
    let (on, off): (Option<String>, Option<String>) = (r.get("on"), r.get("off"));
    let (web, follows, timeout) = (web?, follows?, timeout?);
    Some(Kind::Redfish(Redfish { web, on: on?, off: off?, follows, timeout }))
}

fn turingpi(r: &mut Reader<'_, '_>) -> Option<Kind> {
    let (web, follows, timeout) = (r.web(), r.get("follows"), r.get("timeout"));
    Some(Kind::TuringPi(TuringPi { web: web?, follows: follows?, timeout: timeout? }))
}

fn uhubctl(r: &mut Reader<'_, '_>) -> Option<Kind> {
    let (program, location) = (r.text("program"), r.text("location"));
    let (follows, timeout) = (r.get("follows"), r.get("timeout"));
    let (program, location) = (program?, location?);
    Some(Kind::Uhubctl(Uhubctl { program, location, follows: follows?, timeout: timeout? }))
}

fn snmp_poe(r: &mut Reader<'_, '_>) -> Option<Kind> {
    let (host, community, oid) = (r.text("host"), r.text("community"), r.text("oid"));
    let (on, off, port_base) = (r.get("on"), r.get("off"), r.get("port_base"));
    let (set, get) = (r.text("set"), r.text("get"));
    let (follows, timeout) = (r.get("follows"), r.get("timeout"));
    let digits = |oid: &String| oid.split('.').all(|part| part.parse::<u32>().is_ok());
    if oid.as_ref().is_some_and(|oid| !digits(oid)) {
        r.wrong("oid", "an OID is made of numbers and dots".into(), None);
        return None;
    }
    if on.is_some() && on == off {
        r.wrong("off", "`on` and `off` are the same value".into(), None);
    }
    Some(Kind::SnmpPoe(SnmpPoe {
        host: host?,
        community: community?,
        oid: oid?,
        on: on?,
        off: off?,
        port_base: port_base?,
        set: set?,
        get: get?,
        follows: follows?,
        timeout: timeout?,
    }))
}

fn command(r: &mut Reader<'_, '_>) -> Option<Kind> {
    let (on, off, state) = (r.argv("on"), r.argv("off"), r.argv("state"));
    let (follows, timeout) = (r.get("follows"), r.get("timeout"));
    let (on, off, state) = (on?, off?, state?);
    Some(Kind::Command(Command { on, off, state, follows: follows?, timeout: timeout? }))
}
