//! Commented scenarios to begin with: a rack, a machine of so many nodes, or a cluster of parts.
//!
//! What a key means, what it takes and where its default comes from is said by its declaration and
//! by the built-in files; here stands only why a value was chosen.

use std::fmt::{self, Display, Write};

use crate::config::language::{Kind, nearest};
use crate::config::walk::{expected, key_at};
use crate::config::writing::quoted;
use crate::scenario::boot::BootMethod;
use crate::scenario::cluster::Hardware;
use crate::scenario::keys::ROOT;
use crate::scenario::{Mistakes, Provenance, Source, base, read};
use crate::units::{Power, Span};

/// Nodes on a shelf of a rack: those of an Edge Rack.
const SHELF: u32 = 24;

/// The longest line of a comment.
const COLUMNS: usize = 96;

/// What machine a template is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// Shelves of 24 nodes with a switch and a supply each.
    Rack,
    /// So many like nodes on one switch.
    Nodes,
    /// A head, nodes that it serves, switches and supplies, each a table of its own.
    Parts,
}

/// What a person asks for.
#[derive(Clone, Debug)]
pub struct Template {
    /// The kind of machine.
    pub machine: Machine,
    /// How many nodes.
    pub nodes: u64,
    /// Name of the node profile.
    pub hardware: String,
    /// How they boot.
    pub boot: BootMethod,
    /// Whether they work on a job; else the run ends when all are up.
    pub job: bool,
    /// Whether nodes crash.
    pub faults: bool,
    /// Whether the job writes checkpoints.
    pub checkpoint: bool,
}

/// Why there is no such template.
#[derive(Debug)]
pub enum Refused {
    /// One thing that was asked for, and a hint.
    Asked(String),
    /// The scenario would not load.
    Mistakes(Box<Mistakes>),
}

impl Machine {
    /// The least and the most nodes: a file may have 4 MB, and a switch a million ports.
    fn nodes(self) -> (u64, u64) {
        match self {
            Self::Rack => (1, 10_000),
            Self::Nodes => (1, 1_000_000),
            Self::Parts => (2, 1_000_000),
        }
    }
}

impl Template {
    /// The text of the scenario.
    ///
    /// # Errors
    /// What it cannot be made of.
    pub fn text(&self) -> Result<String, Refused> {
        let (least, most) = self.machine.nodes();
        if self.nodes > most && self.machine == Machine::Rack {
            let hint = "a larger machine is written by `rackstorm new machine`";
            return Err(Refused::Asked(format!("a rack has at most {most} nodes; {hint}")));
        }
        if !(least..=most).contains(&self.nodes) {
            let why = if least == 2 { ", a head and those that it serves" } else { "" };
            let range = format!("from {least} to {most}{why}");
            return Err(Refused::Asked(format!("{} nodes: it may be {range}", self.nodes)));
        }
        let (name, profiles) = (self.hardware.as_str(), base::profiles("hardware"));
        if !profiles.contains(&name) {
            let meant = nearest(name, profiles.iter().copied());
            let meant = meant.map_or(String::new(), |name| format!("did you mean `{name}`? "));
            let all = profiles.join(", ");
            return Err(Refused::Asked(format!("no hardware `{name}`; {meant}There are: {all}")));
        }
        let refused = |mistakes| Refused::Mistakes(Box::new(mistakes));
        // What lies below a template, and the board, which may boot in one way only.
        let plain = "schema = 1\ninherit = \"edge_rack_24\"\n";
        let plain = read("plain", plain).map_err(refused)?;
        let board = format!("[cluster]\nhardware = {}\n[boot]\nmethod = \"sd\"\n", quoted(name));
        let board = read("board", &board).map_err(refused)?;
        let mut draft = Draft {
            text: String::new(),
            in_table: false,
            known: &plain.provenance,
            asked: self,
            node: &board.hardware,
        };
        draft.write();
        let text = draft.text;
        read("new", &text).map_err(refused)?;
        Ok(text)
    }

    fn nodes(&self) -> u32 {
        u32::try_from(self.nodes).expect("it was held against the most")
    }
}

/// A text that grows.
struct Draft<'a> {
    text: String,
    /// Whether a table is open.
    in_table: bool,
    /// Where the defaults of this hardware come from.
    known: &'a [Provenance],
    asked: &'a Template,
    node: &'a Hardware,
}

impl Draft<'_> {
    fn write(&mut self) {
        let (nodes, model) = (self.asked.nodes, &self.node.model);
        let of =
            |nodes: u64| format!("{nodes} node{} of {model}", if nodes == 1 { "" } else { "s" });
        let title = match self.asked.machine {
            Machine::Rack => format!("A rack of {}", of(nodes)),
            Machine::Nodes => format!("A machine of {}", of(nodes)),
            Machine::Parts => format!("A head and {}", of(nodes - 1)),
        };
        self.comment(&format!(
            "{title}. `rackstorm validate FILE` checks it, `rackstorm plan FILE` prints what it \
             means and which figures are assumptions, `rackstorm run FILE` plays it. A key that is \
             left out has its default."
        ));
        self.key("schema", 1, "");
        self.key("title", quoted(&title), "");
        self.key("seed", 1, "");
        match self.asked.machine {
            Machine::Rack => self.rack(),
            Machine::Nodes => self.nodes(),
            Machine::Parts => self.parts(),
        }
        self.boot();
        if self.asked.faults {
            self.faults();
        }
        if self.asked.job || self.asked.faults || self.asked.checkpoint {
            self.job();
        }
        self.stop();
    }

    /// Shelves of at most 24 nodes, as even as can be.
    fn rack(&mut self) {
        let nodes = self.asked.nodes();
        let shelves = nodes.div_ceil(SHELF);
        // As nodes are dealt to switches: in blocks.
        let ends = |shelf: u32| (u64::from(nodes) * u64::from(shelf)).div_ceil(shelves.into());
        let packs: Vec<u64> = (0..shelves).map(|shelf| ends(shelf + 1) - ends(shelf)).collect();
        let most = packs.iter().max().copied().unwrap_or(1);
        self.key(
            "inherit",
            quoted("edge_rack_24"),
            "shelves as the BitScope Edge Rack has them: 24 nodes on one switch and one supply. \
             scenarios/base/edge_rack_24.toml has the sources of its figures.",
        );
        self.open("cluster", "");
        self.key("cluster.hardware", quoted(&self.asked.hardware), "");
        self.open("module", &format!("{shelves} of these shelves, as one module."));
        self.key("module.nodes", nodes, "");
        let list = |numbers: &[u64]| format!("{numbers:?}");
        self.key("module.packs", list(&packs), "what stands on each shelf.");
        self.key("module.switches", shelves, "one on each shelf.");
        // Watts; 15 W for the switch and a tenth to spare.
        let peak = self.node.power.compute_peak;
        let limit = watts(peak, most).saturating_add(15).saturating_mul(11) / 10;
        let limit = limit.div_ceil(10).saturating_mul(10).max(300);
        self.comment("Each shelf has a supply. It can give the peak of its nodes and its switch.");
        self.text += "psu = [\n";
        for shelf in 1..=shelves {
            let feeds = format!("packs = [{shelf}], switches = [{shelf}]");
            let _ = writeln!(
                self.text,
                "    {{ {feeds}, limit = \"{limit} W\", restart = \"10 s\" }},"
            );
        }
        self.text += "]\n";
    }

    /// One switch with all nodes.
    fn nodes(&mut self) {
        let nodes = self.asked.nodes();
        self.open(
            "[group]",
            "All nodes are alike here. A further [[group]] has nodes of another kind: \
             docs/machines.md.",
        );
        self.group("nodes", nodes, &self.asked.hardware);
        self.open("[switch]", "One switch that holds nobody up, and no supply that can give out.");
        self.key("switch.0.name", quoted("switch"), "");
        self.key("switch.0.ports", nodes, "as many as there are nodes.");
        self.key(
            "switch.0.uplink",
            quoted("10 Gbit/s"),
            "as much as the server's link takes by default.",
        );
        self.key(
            "switch.0.power",
            quoted(&format!("{} W", (u64::from(nodes) * 15).div_ceil(24))),
            "15 W for each 24 ports, as in scenarios/base/edge_rack_24.toml, an assumption.",
        );
    }

    /// A head with a switch, and nodes on a switch under it.
    fn parts(&mut self) {
        let workers = self.asked.nodes() - 1;
        let ports = u64::from(workers);
        self.open("[supply]", "What feeds the head and its switch.");
        self.key("supply.0.name", quoted("desk"), "");
        self.key("supply.0.limit", quoted("60 W"), "a small supply, an assumption.");
        self.open("[supply]", "What feeds the workers and their switch.");
        self.key("supply.1.name", quoted("tower"), "");
        let limit = watts(self.node.power.compute_peak, ports) + ports + 10;
        let limit = (limit * 11).div_ceil(10);
        let why = "the peak of all that hangs on it, and a tenth more.";
        self.key("supply.1.limit", quoted(&format!("{limit} W")), why);
        self.open("[switch]", "Top of the tree: the head is plugged in here.");
        self.switch("desk", 8, "4 W");
        self.open("[switch]", "Under it, with a port for each worker.");
        let draws = format!("{} W", ports.div_ceil(2).max(2));
        self.switch("tower", ports, &draws);
        self.open("[group]", "The head: it is the server.");
        self.group("head", 1, "pi_4b");
        self.plugged("desk");
        self.open("[group]", "Those that it serves.");
        self.group("workers", workers, &self.asked.hardware);
        self.plugged("tower");
        self.open("server", "");
        self.key("server.node", quoted("head"), "");
        let why = "an SSD on a USB 3 port, an assumption.";
        self.key("server.disk", quoted("200 MB/s"), why);
    }

    fn switch(&mut self, name: &str, ports: u64, power: &str) {
        self.key("switch.0.name", quoted(name), "");
        self.key("switch.0.ports", ports, "");
        if name != "desk" {
            self.key("switch.0.under", quoted("desk"), "");
            self.key("switch.0.uplink", quoted("1 Gbit/s"), "a Gigabit port.");
        }
        self.key("switch.0.power", quoted(power), "half a watt for each port, an assumption.");
        self.key("switch.0.supply", quoted(name), "");
    }

    fn group(&mut self, name: &str, nodes: u32, hardware: &str) {
        self.key("group.0.name", quoted(name), "");
        self.key("group.0.hardware", quoted(hardware), "");
        self.key("group.0.nodes", nodes, "");
    }

    fn plugged(&mut self, into: &str) {
        self.key("group.0.switch", quoted(into), "");
        self.key("group.0.supply", quoted(into), "");
    }

    fn boot(&mut self) {
        self.open("boot", "");
        self.key("boot.method", quoted(word(self.asked.boot)), "");
        let timeout = self.storm();
        if timeout > Span::from_secs(600) {
            self.open("controller", "");
            let why = "longer than the storm of all nodes at one server takes.";
            self.key("controller.boot_timeout", quoted(&timeout.to_string()), why);
        }
    }

    /// An upper estimate of the time in which all nodes load their system, so that none is given
    /// up: some 130 MB each from 10 Gbit/s, or from the link and disk of a Pi.
    fn storm(&self) -> Span {
        let per_node = match (self.asked.boot, self.asked.machine) {
            (BootMethod::Instant | BootMethod::Sd, _) => 0,
            (_, Machine::Parts) => 2_000,
            (_, Machine::Rack | Machine::Nodes) => 300,
        };
        Span::from_secs((self.asked.nodes * per_node).div_ceil(1_000))
    }

    fn faults(&mut self) {
        self.open("[fault.crash]", "");
        let on = if self.asked.machine == Machine::Parts { "group[workers]" } else { "node" };
        self.key("fault.crash.0.on", quoted(on), "");
        let why = "an assumption, to see some in a short run: one of all nodes fails every two \
                   hours. `rackstorm fit` finds the law of a real machine's records.";
        let mean = format!("{} h", self.asked.nodes * 2);
        let law = format!("{{ exponential = {{ mean = \"{mean}\" }} }}");
        self.key("fault.crash.0.lifetime", law, why);
        self.key("fault.crash.0.repair", quoted("power-cycle"), "");
    }

    fn job(&mut self) {
        self.open("workload.bulk-synchronous", "");
        self.key("workload.bulk-synchronous.step", quoted("30 s"), "");
        let work = if self.asked.checkpoint { "12 h" } else { "2 h" };
        self.key("workload.bulk-synchronous.work", quoted(work), "");
        if !self.asked.checkpoint {
            return;
        }
        self.open("checkpoint.coordinated", "");
        let total =
            if self.asked.machine == Machine::Parts { 2_000_000_000 } else { 500_000_000_000 };
        let size = (total / self.asked.nodes).min(100_000_000) / 1_000;
        let size = if size.is_multiple_of(1_000) {
            format!("{} MB", size / 1_000)
        } else {
            format!("{size} kB")
        };
        let why = "so little that the server takes it in minutes.";
        self.key("checkpoint.coordinated.size", quoted(&size), why);
        let interval = if self.asked.faults { "daly" } else { "1 h" };
        self.key("checkpoint.coordinated.interval", quoted(interval), "");
    }

    fn stop(&mut self) {
        self.open("stop", "");
        let works = self.asked.job || self.asked.faults || self.asked.checkpoint;
        let when = if works { "workload done" } else { "all up" };
        self.key("stop.when", quoted(when), "");
        let storm = self.storm().as_secs_f64() as u64;
        let at = if works { "5 d".into() } else { format!("{} h", 1 + storm / 900) };
        self.key("stop.at", quoted(&at), "");
    }

    /// Begins a table.
    fn open(&mut self, header: &str, why: &str) {
        self.text += "\n";
        self.comment(why);
        let _ = writeln!(self.text, "[{header}]");
        self.in_table = true;
    }

    /// A key, what is known of it, and why it has this value here.
    fn key(&mut self, path: &str, value: impl Display, why: &str) {
        let said = about(path, self.known);
        // Like tables say it once.
        if !self.text.contains(&wrapped(&said)) {
            if !self.in_table {
                self.text += "\n";
            }
            self.comment(&said);
        }
        if !why.is_empty() {
            self.comment(&format!("Here: {why}"));
        }
        let name = path.rsplit('.').next().unwrap_or(path);
        let _ = writeln!(self.text, "{name} = {value}");
    }

    fn comment(&mut self, text: &str) {
        self.text += &wrapped(text);
    }
}

/// What the declaration of a key says, and where its default comes from.
fn about(path: &str, known: &[Provenance]) -> String {
    let key = key_at(&ROOT, path).expect("a template has keys of the language");
    let mut said = match key.kind {
        // A table says it itself.
        Kind::Table(table) => table.doc.to_owned(),
        _ => key.doc.to_owned(),
    };
    if let Kind::Choice(_) = key.kind {
        let _ = write!(said, " It is {}.", expected(&key.kind));
    }
    let default = known.iter().find(|known| known.key == path);
    match default {
        Some(Provenance { value, source: Source::Published(source), .. }) => {
            let _ = write!(said, " Default: {value}; source: {source}.");
        }
        Some(Provenance { value, source: Source::Assumption(why), .. }) => {
            let _ = write!(said, " Default: {value}; an assumption: {why}.");
        }
        Some(Provenance { source: Source::Scenario, .. }) => {}
        None => said.extend(key.default.map(|default| format!(" Default: {default}."))),
    }
    said
}

/// A comment over as many lines as it takes.
fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.len() + 1 + word.len() > COLUMNS {
            let _ = writeln!(lines, "{line}");
            line.clear();
        }
        line += if line.is_empty() { "# " } else { " " };
        line += word;
    }
    if !line.is_empty() {
        let _ = writeln!(lines, "{line}");
    }
    lines
}

/// What so many nodes draw at their peak, in whole watts.
fn watts(each: Power, nodes: u64) -> u64 {
    each.0.saturating_mul(nodes).div_ceil(1_000)
}

fn word(method: BootMethod) -> &'static str {
    crate::config::words::Word::word(method)
}

impl Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked(why) => f.write_str(why),
            Self::Mistakes(mistakes) => mistakes.fmt(f),
        }
    }
}
