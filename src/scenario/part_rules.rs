//! From merged tables to a cluster that is written as parts, and what does not fit in it.

use crate::config::declare::Declared;
use crate::config::document::{Data, Entry, Table, Value};
use crate::config::language::nearest;
use crate::config::layers::{lay_over, only};
use crate::config::mistakes::{Mistake, Mistakes, Place};
use crate::config::nodeset::is_name;
use crate::config::section::Section;
use crate::scenario::cluster::Server;
use crate::scenario::keys::{NODES_MAX, ROOT};
use crate::scenario::parts::{MAINS, Parts};
use crate::units::Power;

/// Groups have numbers of 16 bits where nodes are kept; this many are hardly meant.
const GROUPS_MAX: usize = 10_000;

/// Gives each group all keys of its nodes: those of its profile, over them those of `[hardware]`
/// that a file gives, and over them its own.
pub(super) fn complete<'t>(
    merged: &mut Table,
    profile: impl Fn(&str) -> Option<&'t Table>,
    of_all: &Table,
    m: &mut Mistakes,
) {
    let groups = merged.entries.iter_mut().find(|entry| entry.name == "group");
    let Some(Data::List(groups)) = groups.map(|entry| &mut entry.value.data) else { return };
    for group in groups.iter_mut().filter_map(|item| match &mut item.data {
        Data::Table(table) => Some(table),
        _ => None,
    }) {
        let Some(profile) = group.get("hardware").and_then(Value::text).and_then(&profile) else {
            continue;
        };
        let mut node = only(profile, "hardware");
        lay_over(&ROOT, &mut node, &only(of_all, "hardware"), m);
        if let Some(own) = group.entry("node") {
            let own = Entry { name: "hardware".into(), ..own.clone() };
            lay_over(&ROOT, &mut node, &Table { entries: vec![own] }, m);
        }
        group.remove("node");
        let whole = node.entries.into_iter().map(|entry| Entry { name: "node".into(), ..entry });
        group.entries.extend(whole);
    }
}

/// How a cluster is written.
pub(super) enum Made {
    /// As like modules.
    Modules,
    /// As parts.
    Parts(Box<Parts>),
}

impl Made {
    /// The parts, if it is written as such.
    pub(super) fn parts(&self) -> Option<&Parts> {
        match self {
            Self::Modules => None,
            Self::Parts(parts) => Some(parts),
        }
    }
}

/// Reads how the cluster of a scenario is written.
pub(super) fn read(root: &Section<'_>, m: &mut Mistakes) -> Option<Made> {
    if root.items("group").next().is_none() {
        let lonely = ["switch", "cell", "supply"].into_iter().filter(|name| root.has(name));
        for name in lonely {
            let title = format!("[[{name}]] without [[group]]");
            let help = "a cluster is written as [[group]], [[switch]], [[cell]] and [[supply]], or \
                        as [cluster] of modules";
            m.note(Mistake::new(root.place(name), title).help(help));
        }
        return Some(Made::Modules);
    }
    // Without its profile, a group would seem to lack all keys of its nodes.
    let has_profile = |section: &Section<'_>| section.has("node");
    let groups: Option<Vec<_>> = root.items("group").collect();
    let (Some(groups), Some(switches), Some(cells), Some(supplies)) = (
        groups,
        root.items("switch").collect::<Option<Vec<_>>>(),
        root.items("cell").collect::<Option<Vec<_>>>(),
        root.items("supply").collect::<Option<Vec<_>>>(),
    ) else {
        return None;
    };
    if let Some(lacking) = groups.iter().find(|section| !has_profile(section)) {
        lacking.demand("hardware", m);
        return None;
    }
    let parts = Parts {
        groups: all(&groups, m)?,
        switches: all(&switches, m)?,
        cells: all(&cells, m)?,
        supplies: all(&supplies, m)?,
    };
    let forwarders = [switches, cells].concat();
    let mut check = Check { parts: &parts, groups, forwarders, supplies, fits: true, m };
    check.names();
    check.switches(root.own_place());
    check.supplies();
    if check.fits {
        check.loops();
        check.counts();
    }
    let fits = check.fits;
    fits.then(|| Made::Parts(Box::new(parts)))
}

fn all<T: Declared>(sections: &[Section<'_>], m: &mut Mistakes) -> Option<Vec<T>> {
    let each: Vec<Option<T>> = sections.iter().map(|section| T::read(section, m)).collect();
    each.into_iter().collect()
}

/// Notes what does not fit in a cluster of parts.
struct Check<'p, 's, 'm> {
    parts: &'p Parts,
    groups: Vec<Section<'s>>,
    /// The switches, and behind them the cells.
    forwarders: Vec<Section<'s>>,
    supplies: Vec<Section<'s>>,
    fits: bool,
    m: &'m mut Mistakes,
}

impl Check<'_, '_, '_> {
    fn note(&mut self, place: Place, title: String, help: impl Into<String>) {
        self.m.note(Mistake::new(place, title).help(help));
        self.fits = false;
    }

    /// Each kind of part has names of its own.
    fn names(&mut self) {
        let parts = self.parts;
        let groups: Vec<_> = parts.groups.iter().map(|it| &it.name).collect();
        let forwarders: Vec<_> = parts.forwarders().map(|it| it.name).collect();
        let supplies: Vec<_> = parts.supplies.iter().map(|it| &it.name).collect();
        let places = |all: &[Section<'_>]| -> Vec<_> {
            all.iter().map(|section| section.place("name")).collect()
        };
        for (kind, names, places) in [
            ("group", groups, places(&self.groups)),
            ("switch", forwarders, places(&self.forwarders)),
            ("supply", supplies, places(&self.supplies)),
        ] {
            for (index, (name, place)) in names.iter().zip(places).enumerate() {
                let is_cell = kind == "switch" && index >= parts.switches.len();
                let kind = if is_cell { "cell" } else { kind };
                if !is_name(name) {
                    let help = "letters, digits, `-` and `_`, and a letter first";
                    self.note(place, format!("`{name}` is no name of a {kind}"), help);
                } else if names[..index].contains(name) {
                    let title = match kind {
                        "cell" => format!("a switch or another cell is called `{name}` as well"),
                        _ => format!("two of the kind {kind} are called `{name}`"),
                    };
                    self.note(place, title, "give each a name of its own");
                } else if kind == "supply" && name.as_str() == MAINS {
                    let help = "what names no supply hangs on it; it has no limit";
                    self.note(place, format!("the supply `{MAINS}` is there by itself"), help);
                }
            }
        }
        if parts.groups.len() > GROUPS_MAX {
            let place = self.groups[GROUPS_MAX].own_place();
            self.note(place, format!("more than {GROUPS_MAX} groups"), "join like ones");
        }
        let all: u64 = parts.groups.iter().map(|group| u64::from(group.nodes)).sum();
        if all > NODES_MAX {
            let help = format!("at most {NODES_MAX} nodes can be simulated");
            self.note(self.groups[0].own_place(), format!("groups of {all} nodes in all"), help);
        }
        for index in 0..parts.groups.len() {
            let group = &parts.groups[index];
            if group.spares > group.nodes {
                let (spares, nodes) = (group.spares, group.nodes);
                let title = format!("{spares} spares in a group of {nodes} nodes");
                self.note(self.groups[index].place("spares"), title, "at most all of its nodes");
            }
        }
    }

    /// Notes a name that no part of a kind has.
    fn look_up(&mut self, place: Place, kind: &str, name: Option<&str>, known: &[&str]) {
        let Some(name) = name.filter(|name| !known.contains(name)) else { return };
        let help = known_names(kind, name, known);
        self.note(place, format!("there is no {kind} called `{name}`"), help);
    }

    /// Switches are known and have ports enough.
    fn switches(&mut self, lacking: Place) {
        let parts = self.parts;
        let known = parts.switch_names();
        if known.is_empty() {
            let help = "[[switch]] with `name`, `ports` and `power`: nodes are plugged into it; or \
                        a Wi-Fi [[cell]]";
            self.note(lacking, "a cluster of parts without a switch".into(), help);
            return;
        }
        for index in 0..parts.groups.len() {
            let name = parts.groups[index].switch.as_deref();
            if name.is_none() && known.len() > 1 {
                let title = "into which switch are these nodes plugged?".to_owned();
                let help = format!("give `switch`, one of {}", known.join(", "));
                self.note(self.groups[index].own_place(), title, help);
            }
            self.look_up(self.groups[index].place("switch"), "switch", name, &known);
        }
        for (index, forwarder) in parts.forwarders().enumerate() {
            let place = self.forwarders[index].place("under");
            self.look_up(place, "switch", forwarder.under, &known);
            if let Some(cell) =
                parts.cells.iter().find(|it| Some(it.name.as_str()) == forwarder.under)
            {
                let title = format!("`{}` is a cell, and nothing is plugged into it", cell.name);
                let help = "`under` names a switch; the cell may be under that one as well";
                self.note(place, title, help);
            }
            if forwarder.under.is_some() && forwarder.uplink.is_none() {
                let title = format!("`{}` has no uplink", forwarder.name);
                let help = "give `uplink`, the rate of its link to the switch above it";
                self.note(self.forwarders[index].own_place(), title, help);
            }
        }
    }

    /// Supplies are known, and it is clear which of several feeds what.
    fn supplies(&mut self) {
        let parts = self.parts;
        let known: Vec<_> = parts.supplies.iter().map(|it| it.name.as_str()).collect();
        for index in 0..parts.groups.len() {
            let name = parts.groups[index].supply.as_deref();
            self.look_up(self.groups[index].place("supply"), "supply", name, &known);
        }
        let forwarders = self.forwarders.iter().map(|section| section.place("supply"));
        let below = self.supplies.iter().map(|section| section.place("under"));
        let under = parts.supplies.iter().map(|supply| (supply.under.as_deref(), Power(0)));
        let feed: Vec<_> = forwarders
            .zip(parts.forwarders().map(|it| (it.supply, it.power)))
            .chain(below.zip(under))
            .collect();
        for (place, (name, power)) in feed {
            self.look_up(place, "supply", name, &known);
            let Some(supply) = name.and_then(|name| parts.supply(name)) else {
                continue;
            };
            if supply.count > 1 {
                let title = format!("which of the {} is it?", supply.count);
                let help = "a supply with a `count` feeds blades, one each, and nothing else";
                self.note(place, title, help);
            }
            if let Some(limit) = supply.port_limit.filter(|&limit| limit < power) {
                let title = format!("it draws {power}, and a port of `{}` {limit}", supply.name);
                self.note(place, title, "another `supply`, or a larger `port_limit`");
            }
        }
    }

    /// Nothing hangs on itself.
    fn loops(&mut self) {
        let parts = self.parts;
        let switches: Vec<_> = parts.forwarders().map(|it| (it.name.as_str(), it.under)).collect();
        let supplies: Vec<_> = (parts.supplies.iter())
            .map(|supply| (supply.name.as_str(), supply.under.as_deref()))
            .collect();
        for (tree, is_switch) in [(switches, true), (supplies, false)] {
            let Some((first, chain)) = looped(&tree) else { continue };
            let of = if is_switch { &self.forwarders } else { &self.supplies };
            let title = format!("`{}` is under itself", tree[first].0);
            self.note(of[first].place("under"), title, format!("the chain: {chain}"));
        }
    }

    /// Ports are enough, and each of several supplies has a blade of its own.
    fn counts(&mut self) {
        let parts = self.parts;
        for supply in 0..parts.supplies.len() {
            let (name, count) = (&parts.supplies[supply].name, parts.supplies[supply].count);
            let fed = parts.groups.iter().filter(|group| group.supply.as_ref() == Some(name));
            let blades: u64 =
                fed.map(|group| u64::from(group.nodes.div_ceil(group.nodes_per_blade))).sum();
            if count > 1 && blades != u64::from(count) {
                let title = format!("{count} of `{name}` for {blades} blades");
                let help = "each blade of the groups that they feed has one";
                self.note(self.supplies[supply].place("count"), title, help);
            }
        }
    }
}

/// What may have been meant by a name that no part of a kind has.
fn known_names(kind: &str, name: &str, known: &[&str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None if known.is_empty() => format!("a [[{kind}]] table makes one"),
        None => format!("there are {}", known.join(", ")),
    }
}

/// The first that is above itself, and the names on the way round.
fn looped(tree: &[(&str, Option<&str>)]) -> Option<(usize, String)> {
    let above = |name: &str| tree.iter().find(|(own, _)| *own == name).and_then(|(_, up)| *up);
    (0..tree.len()).find_map(|first| {
        let mut chain = vec![tree[first].0];
        while let Some(next) = above(chain[chain.len() - 1]).filter(|_| chain.len() <= tree.len()) {
            chain.push(next);
            if next == tree[first].0 {
                return Some((first, chain.join(" -> ")));
            }
        }
        None
    })
}

/// Notes what does not fit between the parts and the server, and switches with too few ports.
pub(super) fn check_server(
    root: &Section<'_>,
    parts: Option<&Parts>,
    server: &Server,
    m: &mut Mistakes,
) -> bool {
    let section = root.section("server");
    let before = m.len();
    let mut note = |key: &'static str, title: String, help: &str| {
        m.note(Mistake::new(section.place(key), title).help(help));
    };
    let Some(parts) = parts else {
        for key in ["node", "switch", "supply", "computes"] {
            if section.has(key) {
                let title = format!("`server.{key}` without [[group]]");
                note(key, title, "a server has a place in a cluster that is written as parts");
            }
        }
        return m.len() == before;
    };
    if let Some(name) = &server.node {
        if parts.head(server).is_none() {
            let title = format!("`{name}` is neither a node nor a group of one node");
            note("node", title, "such as \"pi1\"");
        } else if let Some(key) = ["switch", "supply"].into_iter().find(|key| section.has(key)) {
            note(key, format!("`server.{key}` of a server that is a node"), "its group gives it");
        }
    } else if section.has("computes") {
        let help = "`server.node` says which node it is";
        note("computes", "only a server that is a node can compute".into(), help);
    }
    for (key, kind, name, known) in [
        ("switch", "switch", &server.switch, parts.switch_names()),
        ("supply", "supply", &server.supply, parts.supply_names()),
    ] {
        if let Some(name) = name.as_ref().filter(|name| !known.contains(&name.as_str())) {
            note(
                key,
                format!("there is no {kind} called `{name}`"),
                &known_names(kind, name, &known),
            );
        }
    }
    if let Some(cell) = parts.cells.iter().find(|cell| Some(&cell.name) == server.switch.as_ref()) {
        let title = format!("`{}` is a cell, and nothing is plugged into it", cell.name);
        let help = "the `uplink` of a cell that is under no switch leads to the server; a server \
                    on Wi-Fi is a node of the cell (`server.node`)";
        note("switch", title, help);
    }
    let several = server.supply.as_deref().and_then(|name| parts.supply(name));
    if several.is_some_and(|supply| supply.count > 1) {
        let help = "a supply with a `count` feeds blades, one each, and nothing else";
        note("supply", "which of the supplies is it?".into(), help);
    }
    if m.len() > before {
        return false;
    }
    check_ports(root, parts, server, m);
    m.len() == before
}

/// Each switch has ports for what is plugged into it, and an uplink if something goes that way.
fn check_ports(root: &Section<'_>, parts: &Parts, server: &Server, m: &mut Mistakes) {
    let of_server = parts.switch_of_server(server);
    let is_apart = server.node.is_none();
    let above = parts.switches_above();
    let sections = root.items("switch").chain(root.items("cell"));
    for ((index, section), forwarder) in (0..).zip(sections).zip(parts.forwarders()) {
        let Some(section) = section else { continue };
        let nodes = parts.groups.iter().filter(|group| parts.switch_of(group) == index);
        let nodes: u64 = nodes.map(|group| u64::from(group.nodes)).sum();
        let switches = above.iter().filter(|above| **above == Some(index)).count() as u64;
        let servers = u64::from(of_server == Some(index) && is_apart);
        let plugged = nodes + switches + servers;
        let switch = parts.switches.get(index as usize);
        if let Some(has) = switch.map(|it| it.ports).filter(|&has| plugged > u64::from(has)) {
            let name = forwarder.name;
            let title =
                format!("{plugged} things are plugged into `{name}`, which has {has} ports");
            let help = format!("{nodes} nodes, {switches} switches, {servers} servers");
            m.note(Mistake::new(section.place("ports"), title).help(help));
        }
        let roots = above.iter().filter(|above| above.is_none()).count();
        let leads_up = above[index as usize].is_none() && (of_server.is_none() || roots > 1);
        if leads_up && forwarder.uplink.is_none() {
            let title = format!("`{}` has no uplink", forwarder.name);
            let help = match switch {
                Some(_) => {
                    "give `uplink`, the rate of its link to the servers, or plug the server into \
                     it (`server.switch`)"
                }
                None => {
                    "give `uplink`, the rate of its wire to the servers, or make one of its nodes \
                     the server (`server.node`)"
                }
            };
            m.note(Mistake::new(section.own_place(), title).help(help));
        }
    }
}
