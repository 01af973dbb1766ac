//! From an inventory's tables to the typed inventory: lists laid side by side, and what clashes.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use super::controllers::{self, Controllers};
use super::names::{self, NameError};
use super::{
    Boot, Clock, Control, Feed, Inventory, Limits, Mistakes, Node, Position, Server, keys,
};
use crate::config::document::Value;
use crate::config::mistakes::{Mistake, Place};
use crate::config::section::Section;
use crate::config::sheet::{self, Sheet};

/// Reads an inventory.
///
/// # Errors
/// All mistakes of the file, at once.
pub fn load(path: &Path) -> Result<Inventory, Mistakes> {
    let mut m = Mistakes::default();
    let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into());
    let folder = path.parent().unwrap_or(Path::new(""));
    let sheet = sheet::read(path, &keys::ROOT, &mut m);
    let rack = sheet.and_then(|sheet| inventory(&sheet, stem, folder, &mut m));
    rack.filter(|_| m.is_empty()).ok_or(m)
}

/// Reads the text of an inventory; paths in it are relative to `folder`.
///
/// # Errors
/// All mistakes at once.
pub fn read(name: &str, text: &str, folder: &Path) -> Result<Inventory, Mistakes> {
    let mut m = Mistakes::default();
    let file = m.file(name, text);
    let sheet = sheet::read_text(file, &keys::ROOT, &mut m);
    let rack = inventory(&sheet, name.to_owned(), folder, &mut m);
    rack.filter(|_| m.is_empty()).ok_or(m)
}

fn inventory(sheet: &Sheet, stem: String, folder: &Path, m: &mut Mistakes) -> Option<Inventory> {
    if !sheet.whole {
        return None;
    }
    let root = Section::new(&keys::ROOT, &sheet.table, "", sheet.place);
    let controllers = controllers::read(&root.section("power"), folder, m);
    let mut nodes = Vec::new();
    let mut seen = Seen::default();
    for block in root.given("node").and_then(Value::list).unwrap_or_default() {
        let Some(table) = block.table() else { continue };
        let section = Section::new(&keys::NODE, table, "node", block.place);
        Block { section, controllers: &controllers, seen: &mut seen, m }.read(&mut nodes);
    }
    if nodes.is_empty() && m.is_empty() {
        let help = "a node: [[node]] names = \"pi1\"";
        m.note(Mistake::new(sheet.place, "the inventory has no node").help(help));
    }
    let controller = control(&root.section("controller"), folder, m);
    let boot = boot(&root.section("boot"), folder, m);
    let section = root.section("server");
    let server = section.exists().then(|| {
        let path = section.optional::<String>("path").map(Into::into);
        Some(Server { address: section.get("address", m)?, path })
    });
    let section = root.section("clock");
    let clock =
        Clock { server: section.optional("server"), offset_max: section.get("offset_max", m)? };
    let limits = limits(&root.section("limits"), &mut nodes, m);
    protect_managers(&controllers, &mut nodes, m);
    Some(Inventory {
        name: root.optional("name").unwrap_or(stem),
        nodes,
        controllers: controllers.list,
        controller,
        boot,
        server: server.flatten(),
        clock,
        limits: limits?,
    })
}

fn control(section: &Section<'_>, folder: &Path, m: &mut Mistakes) -> Option<Control> {
    if !section.exists() {
        return None;
    }
    let mut port = |key| section.get(key, m).map(|port: u32| port as u16);
    let (port, beats, store) = (port("port"), port("beats"), port("store"));
    let certificates: Option<String> = section.get("certificates", m);
    let address: String = section.get("address", m)?;
    let address = match host(&address) {
        Ok(address) => address,
        Err(help) => {
            let title = format!("`{address}` is no address");
            m.note(Mistake::new(section.place("address"), title).help(help));
            return None;
        }
    };
    let (port, beats, store) = (port?, beats?, store?);
    let certificates = folder.join(certificates?);
    Some(Control { address, port, beats, store, certificates })
}

fn boot(section: &Section<'_>, folder: &Path, m: &mut Mistakes) -> Option<Boot> {
    if !section.exists() {
        return None;
    }
    let log: Option<String> = section.get("log", m);
    Some(Boot { log: folder.join(log?), last: section.get("last", m)? })
}

fn limits(section: &Section<'_>, nodes: &mut [Node], m: &mut Mistakes) -> Option<Limits> {
    let down_at_once = section.get("down_at_once", m);
    let cycles_per_hour = section.get("cycles_per_hour", m);
    if let Some(text) = section.optional::<String>("protected") {
        let known: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
        match names::choose(&text, &known) {
            Ok(chosen) => chosen.into_iter().for_each(|at| nodes[at].protected = true),
            Err(error) => blame(section.place("protected"), &text, error, m),
        }
    }
    let lease = section.get("lease", m);
    let (down_at_once, cycles_per_hour) = (down_at_once?, cycles_per_hour?);
    Some(Limits { down_at_once, cycles_per_hour, lease: lease? })
}

/// A manager that is switched off can switch nothing on again.
fn protect_managers(controllers: &Controllers, nodes: &mut [Node], m: &mut Mistakes) {
    for (name, place) in &controllers.managers {
        match nodes.iter_mut().find(|node| node.name == *name) {
            Some(node) => node.protected = true,
            None => m.note(Mistake::new(*place, format!("there is no node `{name}`"))),
        }
    }
}

/// Notes what is wrong with a list, below the bytes that are to blame.
fn blame(place: Place, text: &str, error: NameError, m: &mut Mistakes) {
    let place = m.within(place, text, error.within);
    m.note(Mistake::new(place, error.title));
}

/// What was given already, and where: no two nodes may have the same.
#[derive(Default)]
struct Seen(BTreeMap<(&'static str, String), Place>);

/// One `[[node]]`.
struct Block<'a> {
    section: Section<'a>,
    controllers: &'a Controllers,
    seen: &'a mut Seen,
    m: &'a mut Mistakes,
}

impl Block<'_> {
    fn read(mut self, nodes: &mut Vec<Node>) {
        self.section.demand("names", self.m);
        let Some(names) = self.list("names", None, node_name) else { return };
        let n = Some(names.len());
        let addresses = self.list("address", n, host);
        let macs = self.list("mac", n, mac);
        let serials = self.list("serial", n, serial);
        let positions = self.list("position", n, position);
        let feeds = self.feeds(names.len());
        let position = |at: usize| positions.as_ref().and_then(|list| read_position(&list[at]));
        let nth =
            |list: &Option<Vec<String>>, at: usize| list.as_ref().map(|list| list[at].clone());
        nodes.extend(names.into_iter().enumerate().map(|(at, name)| Node {
            name,
            address: nth(&addresses, at),
            mac: nth(&macs, at),
            serial: nth(&serials, at),
            position: position(at),
            feed: feeds.as_ref().map(|feeds| feeds[at].clone()),
            protected: false,
        }));
    }

    /// A list, each entry of which is as `tidy` makes it and stands nowhere else in the file; a
    /// channel may, on another controller.
    fn list(
        &mut self,
        key: &'static str,
        n: Option<usize>,
        tidy: impl Fn(&str) -> Result<String, &'static str>,
    ) -> Option<Vec<String>> {
        let text: String = self.section.optional(key)?;
        let place = self.section.place(key);
        let list = match names::expand(&text) {
            Ok(list) => list,
            Err(error) => {
                blame(place, &text, error, self.m);
                return None;
            }
        };
        if let Some(n) = n.filter(|n| *n != list.len()) {
            let title = format!("{n} {}, but {} in `{key}`", nodes_word(n), list.len());
            let help = "each list has as many entries as `names`, in the same order";
            self.m.note(Mistake::new(place, title).help(help));
            return None;
        }
        let mut good = Some(Vec::new());
        for entry in list {
            match tidy(&entry) {
                Ok(entry) => {
                    if key != "channel" {
                        self.only_once(key, &entry, place);
                    }
                    good = good.map(|good| [good, vec![entry]].concat());
                }
                Err(help) => {
                    let title = format!("`{entry}` is no {}", word_of(key));
                    let place = self.m.within(place, &text, found(&text, &entry));
                    self.m.note(Mistake::new(place, title).help(help));
                    good = None;
                }
            }
        }
        good
    }

    fn only_once(&mut self, what: &'static str, entry: &str, place: Place) {
        let known = self.seen.0.insert((what, entry.to_owned()), place);
        if let Some(first) = known {
            let title = format!("two nodes with the {} `{entry}`", word_of(what));
            self.m.note(Mistake::new(place, title).other(first, "given here"));
        }
    }

    /// What switches the nodes of the block.
    fn feeds(&mut self, n: usize) -> Option<Vec<Feed>> {
        let (power, channel) = (self.section.has("power"), self.section.has("channel"));
        if !power && !channel {
            return None;
        }
        self.section.demand("power", self.m);
        self.section.demand("channel", self.m);
        let name: String = self.section.optional("power")?;
        let place = self.section.place("power");
        let controller = self.controllers.find(&name, place, self.m)?;
        let text: String = self.section.optional("channel")?;
        let kind = &self.controllers.list[controller].kind;
        let channels = self.list("channel", Some(n), |entry| Ok(entry.to_owned()));
        let place = self.section.place("channel");
        let there = kind.place().unwrap_or_else(|| name.clone());
        let mut feeds = Some(Vec::new());
        for entry in channels? {
            let channel = match kind.channel(&entry) {
                Ok(channel) => channel,
                Err(help) => {
                    let title = format!("`{entry}` is no channel of a {}", kind.word());
                    let place = self.m.within(place, &text, found(&text, &entry));
                    self.m.note(Mistake::new(place, title).help(help));
                    feeds = None;
                    continue;
                }
            };
            let known = self.seen.0.insert(("feed", format!("{there} {channel}")), place);
            if let Some(first) = known {
                let title = format!("two nodes on channel {channel} of `{name}`");
                self.m.note(Mistake::new(place, title).other(first, "given here"));
            }
            feeds = feeds.map(|feeds| [feeds, vec![Feed { controller, channel }]].concat());
        }
        feeds
    }
}

fn nodes_word(n: usize) -> &'static str {
    if n == 1 { "node" } else { "nodes" }
}

/// The bytes of an entry in a list, or all of it where an entry is worked out of a bracket.
fn found(text: &str, entry: &str) -> Range<usize> {
    let mut start = 0;
    for piece in text.split(',') {
        if piece.trim() == entry {
            let first = start + piece.len() - piece.trim_start().len();
            return first..first + entry.len();
        }
        start += piece.len() + 1;
    }
    0..text.len()
}

fn word_of(key: &'static str) -> &'static str {
    match key {
        "names" => "name",
        "mac" => "MAC address",
        "serial" => "serial number",
        other => other,
    }
}

fn node_name(text: &str) -> Result<String, &'static str> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if text == "all" || !text.chars().all(good) {
        return Err("letters, digits, `-`, `_` and `.`; `all` means all nodes");
    }
    Ok(text.to_owned())
}

/// A name or an IP address.
pub(super) fn host(text: &str) -> Result<String, &'static str> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.:%".contains(c);
    if !text.chars().all(good) {
        return Err("a name or an IP address, without a port");
    }
    Ok(text.to_owned())
}

fn mac(text: &str) -> Result<String, &'static str> {
    let pairs: Vec<&str> = text.split([':', '-']).collect();
    let hex = |pair: &&str| pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_hexdigit());
    if pairs.len() != 6 || !pairs.iter().all(hex) {
        return Err("six pairs of hexadecimal digits: b8:27:eb:01:02:03");
    }
    Ok(pairs.join(":").to_lowercase())
}

fn serial(text: &str) -> Result<String, &'static str> {
    let hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !hex || ![8, 16].contains(&text.len()) {
        return Err("8 or 16 hexadecimal digits, as in /proc/cpuinfo");
    }
    Ok(text.to_lowercase())
}

fn position(text: &str) -> Result<String, &'static str> {
    let Position { module, blade, slot } =
        read_position(text).ok_or("module/blade/slot, counted from 1: 1/6/4")?;
    Ok(format!("{module}/{blade}/{slot}"))
}

fn read_position(text: &str) -> Option<Position> {
    let mut numbers = text.split('/').map(|part| part.parse().ok().filter(|number| *number > 0));
    let mut next = || numbers.next().flatten();
    let position = Position { module: next()?, blade: next()?, slot: next()? };
    numbers.next().is_none().then_some(position)
}
