//! From an inventory's tables to the typed inventory: lists laid side by side, and what clashes.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use super::names::{self, NameError};
use super::power::Controller;
use super::{
    Boot, Clock, Control, Feed, Inventory, InventoryNode, Limits, Mistakes, Position, ROOT, Server,
};
use crate::config::declare::{Declared, table};
use crate::config::language::nearest;
use crate::config::mistakes::{Mistake, Place};
use crate::config::reading::{self, Sheet};
use crate::config::section::Section;

/// Reads an inventory.
///
/// # Errors
/// All mistakes of the file, at once.
pub fn load(path: &Path) -> Result<Inventory, Mistakes> {
    let mut m = Mistakes::default();
    let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into());
    let folder = path.parent().unwrap_or(Path::new(""));
    let sheet = reading::read(path, &ROOT, &mut m);
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
    let sheet = reading::read_text(file, &ROOT, &mut m);
    let rack = inventory(&sheet, name.to_owned(), folder, &mut m);
    rack.filter(|_| m.is_empty()).ok_or(m)
}

fn inventory(sheet: &Sheet, stem: String, folder: &Path, m: &mut Mistakes) -> Option<Inventory> {
    if !sheet.whole {
        return None;
    }
    let root = Section::new(&ROOT, &sheet.table, "", sheet.place);
    let controllers = Controllers::read(&root.section("power"), folder, m);
    let mut nodes = Vec::new();
    let mut seen = Seen::default();
    for section in root.items("node").flatten() {
        Block { section, controllers: &controllers, seen: &mut seen, m }.read(&mut nodes);
    }
    if nodes.is_empty() && m.is_empty() {
        let help = "a node: [[node]] names = \"pi1\"";
        m.note(Mistake::new(sheet.place, "the inventory has no node").help(help));
    }
    let controller = given::<Control>(&root.section("controller"), m);
    let boot = given::<Boot>(&root.section("boot"), m);
    let server = given::<Server>(&root.section("server"), m);
    let clock = Clock::read(&root.section("clock"), m);
    let section = root.section("limits");
    let limits = Limits::read(&section, m);
    if let Some(text) = section.optional::<String>("protected") {
        let known: Vec<&str> =
            nodes.iter().map(|node: &InventoryNode| node.name.as_str()).collect();
        match names::choose(&text, &known) {
            Ok(chosen) => chosen.into_iter().for_each(|at| nodes[at].protected = true),
            Err(error) => blame(section.place("protected"), &text, error, m),
        }
    }
    protect_managers(&controllers, &mut nodes, m);
    Some(Inventory {
        name: root.optional("name").unwrap_or(stem),
        nodes,
        controllers: controllers.list,
        controller: controller
            .map(|own| Control { certificates: folder.join(&own.certificates), ..own }),
        boot: boot.map(|own| Boot { log: folder.join(&own.log), ..own }),
        server,
        clock: clock?,
        limits: limits?,
    })
}

/// A table that may be missing.
fn given<T: Declared>(section: &Section<'_>, m: &mut Mistakes) -> Option<T> {
    section.exists().then(|| T::read(section, m)).flatten()
}

/// The controllers of a file.
#[derive(Default)]
struct Controllers {
    /// Those that could be read.
    list: Vec<Controller>,
    /// The names of all of them, with their places.
    names: Vec<(String, Place)>,
    /// The nodes that hold a bus, and where they are named.
    managers: Vec<(String, Place)>,
}

impl Controllers {
    /// Reads all controllers; secrets are files next to the inventory, in `folder`.
    fn read(power: &Section<'_>, folder: &Path, m: &mut Mistakes) -> Self {
        let mut all = Self::default();
        for (word, read) in Controller::ALL {
            for section in power.items(word).flatten() {
                all.names(&section, m);
                if section.has("manager") {
                    let manager: Option<String> = section.optional("manager");
                    all.managers.extend(manager.map(|name| (name, section.place("manager"))));
                }
                if let Some(mut controller) = read(&section, m) {
                    controller.locate(folder);
                    all.list.push(controller);
                }
            }
        }
        all
    }

    /// Takes in the name of a controller.
    fn names(&mut self, section: &Section<'_>, m: &mut Mistakes) {
        let Some(name) = section.optional::<String>("name") else { return };
        let place = section.place("name");
        if let Some((_, first)) = self.names.iter().find(|(known, _)| *known == name) {
            let title = format!("two power controllers called `{name}`");
            m.note(Mistake::new(place, title).other(*first, "given here"));
        }
        self.names.push((name, place));
    }

    /// The controller of a name. One that could not be read was complained about already.
    fn find(&self, name: &str, place: Place, m: &mut Mistakes) -> Option<usize> {
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
        self.list.iter().position(|controller| controller.name() == name)
    }
}

/// A manager that is switched off can switch nothing on again.
fn protect_managers(controllers: &Controllers, nodes: &mut [InventoryNode], m: &mut Mistakes) {
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

table! {
    /// Nodes that are alike. Each list has as many entries as `names`, in the same order, and is
    /// written in the same notation: `10.0.1.[100-123]`.
    pub(super) struct Alike(Clone, Debug) {
        /// Their names: `c0n[0-23]`, `c[0-1]n[0-11]`, `a1,b2`. The first node of the file is `pi1`
        /// of a scenario, and so on.
        names: String;
        /// At which name or IP address each is reached.
        address: Option<String>;
        /// The MAC address of each: `b8:27:eb:01:02:03`.
        mac: Option<String>;
        /// The serial number of each Pi: 8 or 16 hexadecimal digits.
        serial: Option<String>;
        /// Where each stands, module/blade/slot, counted from 1: `1/[1-6]/[1-4]`.
        position: Option<String>;
        /// The name of the power controller that switches them.
        power: Option<String>;
        /// The channel of each there: `[0-23]`; what it means depends on the controller's kind.
        channel: Option<String>;
    }
}

/// One `[[node]]`.
struct Block<'a> {
    section: Section<'a>,
    controllers: &'a Controllers,
    seen: &'a mut Seen,
    m: &'a mut Mistakes,
}

impl Block<'_> {
    fn read(mut self, nodes: &mut Vec<InventoryNode>) {
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
        nodes.extend(names.into_iter().enumerate().map(|(at, name)| InventoryNode {
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
        let text: &str = &self.section.optional::<String>(key)?;
        let place = self.section.place(key);
        let list = match names::expand(text) {
            Ok(list) => list,
            Err(error) => {
                blame(place, text, error, self.m);
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
                    let place = self.m.within(place, text, found(text, &entry));
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
        if !self.section.has("power") && !self.section.has("channel") {
            return None;
        }
        self.section.demand("power", self.m);
        self.section.demand("channel", self.m);
        let name: &str = &self.section.optional::<String>("power")?;
        let controller = self.controllers.find(name, self.section.place("power"), self.m)?;
        let text: &str = &self.section.optional::<String>("channel")?;
        let kind = &self.controllers.list[controller];
        let channels = self.list("channel", Some(n), |entry| Ok(entry.to_owned()));
        let place = self.section.place("channel");
        let there = kind.place().unwrap_or_else(|| name.to_owned());
        let mut feeds = Some(Vec::new());
        for entry in channels? {
            let channel = match kind.channel(&entry) {
                Ok(channel) => channel,
                Err(help) => {
                    let title = format!("`{entry}` is no channel of a {}", kind.word());
                    let place = self.m.within(place, text, found(text, &entry));
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
