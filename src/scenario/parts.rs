//! Clusters that are written as parts: groups of unlike nodes, and trees of switches and supplies.
//!
//! ```text
//! [[supply]] atx ---- [[supply]] converter, 10 of them ---- a blade of [[group]] each
//! [[switch]] left ---- [[switch]] right, under it ---- the links of a [[group]]
//!            left ---- [[cell]] air, under it ~~~~~~~~ the radios of a [[group]]
//! ```
//!
//! They are one module in one rack. What names no supply hangs on the mains, a supply without a
//! limit that is there if it is needed.

use std::ops::Range;

use crate::config::declare::{self, Declared, Line, table};
use crate::config::document::Table;
use crate::config::language::Kind;
use crate::config::layout::Named;
use crate::scenario::arrays;
use crate::scenario::base;
use crate::scenario::boot::BootMethod;
use crate::scenario::cluster::{Cluster, Hardware, Module, Psu, Server};
use crate::scenario::keys::{BIT_RATE, NODES_MAX, POWER, POWER_SOME, SPAN_SOME};
use crate::scenario::load::Sources;
use crate::scenario::resolved::source_of;
use crate::scenario::{Provenance, Source};
use crate::units::{BitRate, Power, Span};

const SOME: Kind = Kind::Count(1, 1_000_000);
const NAME: Kind = Kind::Pattern(|| "^[A-Za-z][A-Za-z0-9_-]*$".into());

/// The supply of what names none.
pub const MAINS: &str = "mains";

/// What the mains give: more than any cluster draws.
const NO_LIMIT: Power = Power(1_000_000_000_000);

table! {
    /// A group of like nodes, in place of `[cluster]` and `[module]`. Nodes are numbered in the
    /// order of the groups.
    pub struct Group(Clone, Debug, PartialEq) {
        /// Its name: letters, digits, `-` and `_`, a letter first. `group[NAME]` are its nodes.
        name: String = NAME;
        /// Number of nodes, spares included.
        nodes: u32 = Kind::Count(1, NODES_MAX);
        /// Name of the node profile. Keys of `[hardware]` lie over those of all groups.
        hardware: String = Kind::Choice(|| base::profiles("hardware"));
        /// Keys of `[hardware]` in which its nodes differ from their profile.
        node: Hardware => _;
        /// The last so many nodes are spares.
        spares: u32 = Kind::Count(0, NODES_MAX) => "0";
        /// Nodes on a blade.
        nodes_per_blade: u32 = SOME => "1";
        /// The switch into which its nodes are plugged, or the cell in which they are. Default: the
        /// only one.
        switch: Option<String>;
        /// The supply that feeds them; of one with a `count`, each blade has its own. Default: the
        /// mains, which have no limit.
        supply: Option<String>;
        /// How its nodes boot. Default: `boot.method`.
        boot: Option<BootMethod>;
    }
}

table! {
    /// A switch of a cluster that is written as parts.
    pub struct Switch(Clone, Debug, PartialEq, Eq) {
        /// Its name, as in `switch[NAME]`.
        name: String = NAME;
        /// Ports for nodes, servers and the switches under it; its uplink has one of its own.
        ports: u32 = SOME;
        /// Rate of its link to the switch above it, or to the servers. It may be left out where
        /// nothing goes that way.
        uplink: Option<BitRate> = BIT_RATE;
        /// The switch above it. Default: none, and its uplink leads to the servers and to all other
        /// switches that have none.
        under: Option<String>;
        /// Power it draws.
        power: Power = POWER;
        /// The supply that feeds it. Default: the mains.
        supply: Option<String>;
    }
}

table! {
    /// A Wi-Fi cell of a cluster that is written as parts: its access point, and the air that all
    /// in the cell share, in both directions together.
    pub struct Cell(Clone, Debug, PartialEq) {
        /// Its name, as in `cell[NAME]`.
        name: String = NAME;
        /// The rate at which its radios send.
        rate: BitRate = BIT_RATE;
        /// The share of it that payload gets, all nodes together: the rest is preambles, headers,
        /// acknowledgements and waiting.
        efficiency: f64 = Kind::Share(0.01, 1.0);
        /// Rate of the wire from its access point to the switch above it, or to the servers. It may
        /// be left out where nothing goes that way.
        uplink: Option<BitRate> = BIT_RATE;
        /// The switch above its access point. Default: none; then as for a switch.
        under: Option<String>;
        /// Power that the access point draws.
        power: Power = POWER;
        /// The supply that feeds it. Default: the mains.
        supply: Option<String>;
    }
}

impl Cell {
    /// What payload gets of its air.
    #[must_use]
    pub fn air(&self) -> BitRate {
        BitRate(libm::round(self.rate.0 as f64 * self.efficiency) as u64)
    }
}

table! {
    /// A supply of a cluster that is written as parts: a PSU, in sets of parts `psu[NAME]`.
    pub struct Supply(Clone, Debug, PartialEq, Eq) {
        /// Its name.
        name: String = NAME;
        /// What it can give; above it, it browns out, with all that it feeds.
        limit: Power = POWER_SOME;
        /// What it gives to each node, switch, server and supply that it feeds. A node that may
        /// draw more loses its power.
        port_limit: Option<Power> = POWER_SOME;
        /// From a brown-out until it gives power again.
        restart: Span = SPAN_SOME => "\"10 s\"";
        /// The supply that feeds it. Default: none; it hangs on nothing that fails.
        under: Option<String>;
        /// So many like ones, one for each blade that they feed: `psu[NAME-1]`, `psu[NAME-2]`, ...
        count: u32 = SOME => "1";
    }
}

/// A cluster that is written as parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Parts {
    /// The groups, in the order of their nodes.
    pub groups: Vec<Group>,
    /// The switches.
    pub switches: Vec<Switch>,
    /// The Wi-Fi cells. Their access points are numbered as switches, behind those.
    pub cells: Vec<Cell>,
    /// The supplies as written, of which some are several.
    pub supplies: Vec<Supply>,
}

/// A switch, or the access point of a cell.
#[derive(Clone, Copy, Debug)]
pub struct Forwarder<'p> {
    /// Its name.
    pub name: &'p String,
    /// Rate of its wire upwards.
    pub uplink: Option<BitRate>,
    /// The switch above it.
    pub under: Option<&'p str>,
    /// Power it draws.
    pub power: Power,
    /// The supply that feeds it.
    pub supply: Option<&'p str>,
}

/// One supply of those as written, or the mains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// Its name.
    pub name: String,
    /// The supply above it.
    pub above: Option<u32>,
    /// What it can give, its own port on the supply above included.
    pub limit: Power,
    /// What it gives to each that it feeds.
    pub port_limit: Option<Power>,
    /// From a brown-out until it gives power again.
    pub restart: Span,
}

/// Neighbours on one supply: what a group is divided into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    /// Its group.
    pub group: u16,
    /// How many nodes.
    pub nodes: u32,
    /// Their supply.
    pub feed: u32,
}

impl Parts {
    /// The switches and behind them the access points of the cells, as they are numbered.
    pub fn forwarders(&self) -> impl Iterator<Item = Forwarder<'_>> + Clone {
        let switches = self.switches.iter().map(|it| Forwarder {
            name: &it.name,
            uplink: it.uplink,
            under: it.under.as_deref(),
            power: it.power,
            supply: it.supply.as_deref(),
        });
        switches.chain(self.cells.iter().map(|it| Forwarder {
            name: &it.name,
            uplink: it.uplink,
            under: it.under.as_deref(),
            power: it.power,
            supply: it.supply.as_deref(),
        }))
    }

    /// The number of a switch or a cell.
    #[must_use]
    pub fn switch(&self, name: &str) -> Option<u32> {
        let found = self.forwarders().position(|it| it.name == name);
        found.map(|index| index as u32)
    }

    /// The cell of this number, if it is no switch.
    #[must_use]
    pub fn cell(&self, index: u32) -> Option<&Cell> {
        self.cells.get((index as usize).checked_sub(self.switches.len())?)
    }

    /// The switch or cell of a group.
    #[must_use]
    pub fn switch_of(&self, group: &Group) -> u32 {
        let named = group.switch.as_deref();
        named.map_or(0, |name| self.switch(name).expect("the name was looked up"))
    }

    /// The switch above each.
    #[must_use]
    pub fn switches_above(&self) -> Vec<Option<u32>> {
        self.forwarders().map(|it| self.switch(it.under?)).collect()
    }

    /// Whether something names no supply.
    fn needs_mains(&self, server: &Server) -> bool {
        let groups = self.groups.iter().map(|group| group.supply.as_deref());
        let switches = self.forwarders().map(|it| it.supply);
        let is_apart = server.node.is_none();
        groups.chain(switches).any(|supply| supply.is_none())
            || (is_apart && server.supply.is_none())
    }

    /// Each supply, those of which there are several one by one; the mains come last.
    #[must_use]
    pub fn feeds(&self, server: &Server) -> Vec<Feed> {
        let mut feeds: Vec<Feed> = Vec::new();
        for supply in &self.supplies {
            let above = supply.under.as_deref().map(|name| self.first_feed(name));
            let upper = supply.under.as_deref().and_then(|name| self.supply(name));
            let port = upper.and_then(|upper| upper.port_limit).unwrap_or(NO_LIMIT);
            for number in 1..=supply.count {
                feeds.push(Feed {
                    name: match supply.count {
                        1 => supply.name.clone(),
                        _ => format!("{}-{number}", supply.name),
                    },
                    above,
                    limit: supply.limit.min(port),
                    port_limit: supply.port_limit,
                    restart: supply.restart,
                });
            }
        }
        if self.needs_mains(server) {
            let restart = Span::from_secs(1);
            let (name, limit) = (MAINS.to_owned(), NO_LIMIT);
            feeds.push(Feed { name, above: None, limit, port_limit: None, restart });
        }
        feeds
    }

    /// A supply as written.
    pub(super) fn supply(&self, name: &str) -> Option<&Supply> {
        self.supplies.iter().find(|supply| supply.name == name)
    }

    /// The first of the feeds that a supply is.
    fn first_feed(&self, name: &str) -> u32 {
        let before = self.supplies.iter().take_while(|supply| supply.name != name);
        before.map(|supply| supply.count).sum()
    }

    /// The feed of what is fed as a whole.
    #[must_use]
    pub fn feed_of(&self, supply: Option<&str>) -> u32 {
        match supply {
            Some(name) => self.first_feed(name),
            None => self.supplies.iter().map(|supply| supply.count).sum(),
        }
    }

    /// The packs, in the order of their nodes.
    #[must_use]
    pub fn packs(&self) -> Vec<Pack> {
        let mut packs = Vec::new();
        let mut used = vec![0; self.supplies.len()];
        for (number, group) in (0..).zip(&self.groups) {
            let feed = self.feed_of(group.supply.as_deref());
            let place = self.supplies.iter().position(|it| Some(&it.name) == group.supply.as_ref());
            let Some(place) = place.filter(|&place| self.supplies[place].count > 1) else {
                packs.push(Pack { group: number, nodes: group.nodes, feed });
                continue;
            };
            let each = group.nodes_per_blade;
            for blade in 0..group.nodes.div_ceil(each) {
                let nodes = each.min(group.nodes - blade * each);
                packs.push(Pack { group: number, nodes, feed: feed + used[place] });
                used[place] += 1;
            }
        }
        packs
    }

    /// Nodes on a blade of a pack.
    #[must_use]
    pub fn per_blade(&self, pack: &Pack) -> u32 {
        self.groups[usize::from(pack.group)].nodes_per_blade
    }

    /// The nodes of each group.
    pub fn nodes_of_groups(&self) -> impl Iterator<Item = Range<u32>> + '_ {
        let mut first = 0;
        self.groups.iter().map(move |group| {
            first += group.nodes;
            first - group.nodes..first
        })
    }

    /// The group of a node.
    #[must_use]
    pub fn group_of(&self, node: u32) -> &Group {
        let place = self.nodes_of_groups().position(|nodes| nodes.contains(&node));
        &self.groups[place.expect("each node has a group")]
    }

    /// The node that the server is, by the name of a group of one or by its own.
    #[must_use]
    pub fn head(&self, server: &Server) -> Option<u32> {
        let name = server.node.as_deref()?;
        let mut groups = self.groups.iter().zip(self.nodes_of_groups());
        if let Some((group, nodes)) = groups.find(|(group, _)| group.name == name) {
            return (group.nodes == 1).then_some(nodes.start);
        }
        let number: u32 = name.strip_prefix("pi")?.parse().ok()?;
        let all: u32 = self.groups.iter().map(|group| group.nodes).sum();
        number.checked_sub(1).filter(|&node| node < all)
    }

    /// The switch into which the server is plugged.
    #[must_use]
    pub fn switch_of_server(&self, server: &Server) -> Option<u32> {
        match self.head(server) {
            Some(head) => Some(self.switch_of(self.group_of(head))),
            None => self.switch(server.switch.as_deref()?),
        }
    }

    /// The supply of a server that is no node.
    #[must_use]
    pub fn feed_of_server(&self, server: &Server) -> Option<u32> {
        server.node.is_none().then(|| self.feed_of(server.supply.as_deref()))
    }

    /// The names of the switches, and those of the cells.
    pub(super) fn switch_names(&self) -> Vec<&str> {
        self.forwarders().map(|it| it.name.as_str()).collect()
    }

    /// Those of the supplies as written.
    pub(super) fn supply_names(&self) -> Vec<&str> {
        self.supplies.iter().map(|it| it.name.as_str()).collect()
    }

    /// Whether all nodes are of one kind.
    #[must_use]
    pub fn are_alike(&self) -> bool {
        let (first, others) = self.groups.split_first().expect("there is a group");
        others.iter().all(|group| (&group.node, group.boot) == (&first.node, first.boot))
    }

    /// The names of the parts with their numbers.
    pub(super) fn named(&self, server: &Server) -> Named {
        let feeds = self.feeds(server);
        let one = |(index, name): (u32, &String)| (name.clone(), index..index + 1);
        let each = (0..).zip(feeds.iter().map(|feed| &feed.name)).map(one);
        let several = self.supplies.iter().filter(|supply| supply.count > 1).map(|supply| {
            let first = self.first_feed(&supply.name);
            (supply.name.clone(), first..first + supply.count)
        });
        let groups = self.groups.iter().map(|group| group.name.clone());
        Named {
            groups: groups.zip(self.nodes_of_groups()).collect(),
            switches: (0..).zip(self.forwarders().map(|it| it.name)).map(one).collect(),
            cells: self.cells.len() as u32,
            psus: each.chain(several).collect(),
            psu_above: feeds.iter().map(|feed| feed.above).collect(),
        }
    }

    /// The module that the parts are, and the cluster of it.
    pub(super) fn module(&self, server: &Server) -> (Cluster, Module) {
        let packs = self.packs();
        let psu = |(index, feed): (u32, Feed)| {
            let of_packs = (1..).zip(&packs).filter(|(_, pack)| pack.feed == index);
            let switches = (1..).zip(self.forwarders());
            let fed = switches.filter(|(_, it)| self.feed_of(it.supply) == index);
            Psu {
                packs: of_packs.map(|(number, _)| number).collect(),
                switches: fed.map(|(number, _)| number).collect(),
                limit: feed.limit,
                restart: feed.restart,
            }
        };
        let uplinks = self.forwarders().filter_map(|it| it.uplink);
        let module = Module {
            model: "a cluster of parts".into(),
            nodes: self.groups.iter().map(|group| group.nodes).sum(),
            spares: self.groups.iter().map(|group| group.spares).sum(),
            nodes_per_blade: self.groups[0].nodes_per_blade,
            packs: packs.iter().map(|pack| pack.nodes).collect(),
            switches: (self.switches.len() + self.cells.len()) as u32,
            uplink: uplinks.min().unwrap_or(BitRate(0)),
            switch_power: Power(0),
            psus: (0..).zip(self.feeds(server)).map(psu).collect(),
        };
        let (hardware, of_parts) = (self.groups[0].hardware.clone(), "parts".into());
        (Cluster { hardware, module: of_parts, modules: 1, modules_per_rack: 1 }, module)
    }
}

/// The parts as the lines of their tables.
pub(super) fn lines(parts: &Parts) -> Vec<Line> {
    let groups = parts.groups.iter().map(|it| ("[group]", it.keys()));
    let switches = parts.switches.iter().map(|it| ("[switch]", it.keys()));
    let cells = parts.cells.iter().map(|it| ("[cell]", it.keys()));
    let supplies = parts.supplies.iter().map(|it| ("[supply]", it.keys()));
    let all = groups.chain(switches).chain(cells).chain(supplies);
    all.flat_map(|(table, keys)| declare::lines(table, keys)).collect()
}

/// Where each figure of the parts comes from. Their keys are numbered: `group.0.node.link`. What
/// groups have in common is said of the first of them.
pub(super) fn provenance(parts: &Parts, merged: &Table, sources: &Sources) -> Vec<Provenance> {
    let mut all = Vec::new();
    let of = |key: String, line: &Line, as_of: Option<String>| {
        let value = merged.at(&key);
        let source = value.and_then(|value| {
            let as_profile = as_of.and_then(|key| source_of(value, &key, sources));
            source_of(value, &key, sources).or(as_profile)
        });
        Provenance { key, value: line.value.clone(), source: source.unwrap_or(Source::Scenario) }
    };
    for (index, group) in parts.groups.iter().enumerate() {
        let is_new = parts.groups[..index].iter().all(|earlier| earlier.node != group.node);
        let node = declare::lines("hardware", group.node.keys());
        for line in node.iter().filter(|line| is_new && !line.table.starts_with('[')) {
            let own = format!("{}.{}", line.table, line.key);
            let below = own.strip_prefix("hardware").expect("it is the table's");
            all.push(of(format!("group.{index}.node{below}"), line, Some(own.clone())));
        }
        let table = format!("group.{index}.node");
        let arrays = is_new.then(|| arrays::provenance((&table, &group.node), merged, sources));
        all.extend(arrays.into_iter().flatten());
    }
    for (list, keys) in [
        ("group", parts.groups.iter().map(Declared::keys).collect::<Vec<_>>()),
        ("switch", parts.switches.iter().map(Declared::keys).collect()),
        ("cell", parts.cells.iter().map(Declared::keys).collect()),
        ("supply", parts.supplies.iter().map(Declared::keys).collect()),
    ] {
        for (index, keys) in keys.into_iter().enumerate() {
            let lines = declare::lines(&format!("[{list}]"), keys).into_iter();
            // What names something is no figure.
            let figures = lines.filter(|line| {
                !matches!(line.key, "name" | "hardware" | "node" | "switch" | "supply" | "under")
            });
            all.extend(figures.map(|line| of(format!("{list}.{index}.{}", line.key), &line, None)));
        }
    }
    all
}
