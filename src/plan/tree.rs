//! The trees of a cluster that is written as parts, drawn in plain text.
//!
//! ```text
//! Switches
//!   top
//!   |- server, 10 Gbit/s
//!   `- left, 24 ports, uplink 1 Gbit/s, 10 W
//!      |- upper: pi[01-20], 75.7 Mbit/s each
//!      `- right, 24 ports, uplink 1 Gbit/s, 10 W
//!         |- lower: pi[21-40], 75.7 Mbit/s each
//!         `- air, a Wi-Fi cell, 65 Mbit/s of which payload gets 50 %, uplink 100 Mbit/s, 6 W
//!            `~ sensors: pi[41-44], 35 Mbit/s each
//! ```

use std::io;
use std::ops::Range;

use crate::config::words::Word;
use crate::ids::NodeId;
use crate::plan::Plan;
use crate::scenario::parts::{MAINS, Parts};
use crate::units::Power;

/// Like supplies that are drawn one by one; more are drawn as one line.
const ONE_BY_ONE: usize = 3;

/// A line of a tree with what hangs on it.
struct Branch {
    text: String,
    below: Vec<Branch>,
    /// Whether it hangs on a radio.
    by_air: bool,
}

impl Branch {
    fn leaf(text: String) -> Self {
        Self { text, below: Vec::new(), by_air: false }
    }
}

/// Draws groups, switches and supplies.
pub(super) fn print(plan: &Plan, out: &mut impl io::Write) -> io::Result<()> {
    let Some(parts) = &plan.scenario.parts else { return Ok(()) };
    let tree = Tree { plan, parts };
    writeln!(out, "\nGroups")?;
    for (group, nodes) in parts.groups.iter().zip(parts.nodes_of_groups()) {
        let boot = group.boot.unwrap_or(plan.scenario.boot.method);
        let spares = match group.spares {
            0 => String::new(),
            spares => format!(", {spares} of them spare"),
        };
        let (nodes, model) = (tree.nodes(&nodes), &group.node.model);
        let boots = boot.word();
        let head = match parts.head(&plan.scenario.server) {
            Some(head) if tree.holds(&group.name, head) => {
                let (name, works) = (tree.nodes(&(head..head + 1)), NodeId(head));
                let jobs =
                    if plan.machine.works(works) { "" } else { " and takes part in no jobs" };
                format!("; {name} is the server, boots from its card{jobs}")
            }
            _ => String::new(),
        };
        writeln!(out, "  {}: {nodes}, {model}, boot {boots}{spares}{head}", group.name)?;
    }
    writeln!(out, "\nSwitches")?;
    draw(&tree.network(), "  ", "", out)?;
    let share = plan.scenario.network.tcp_share;
    writeln!(out, "  TCP payload gets {} % of a link", libm::round(share * 1e6) / 1e4)?;
    writeln!(out, "\nSupplies")?;
    let feeds = plan.machine.wiring.psus_above.iter();
    let roots: Vec<u32> =
        (0..).zip(feeds).filter(|(_, above)| above.is_none()).map(|(psu, _)| psu).collect();
    for root in roots {
        draw(&tree.supply(root), "  ", "", out)?;
    }
    Ok(())
}

/// Draws a branch behind `start`; what hangs on it stands behind `rest`.
fn draw(branch: &Branch, start: &str, rest: &str, out: &mut impl io::Write) -> io::Result<()> {
    writeln!(out, "{start}{}", branch.text)?;
    let rest = if rest.is_empty() { "  " } else { rest };
    for (place, below) in branch.below.iter().enumerate() {
        let is_last = place + 1 == branch.below.len();
        let (turn, line) = match (is_last, below.by_air) {
            (true, false) => ("`- ", "   "),
            (false, false) => ("|- ", "|  "),
            (true, true) => ("`~ ", "   "),
            (false, true) => ("|~ ", "|  "),
        };
        draw(below, &format!("{rest}{turn}"), &format!("{rest}{line}"), out)?;
    }
    Ok(())
}

struct Tree<'p> {
    plan: &'p Plan,
    parts: &'p Parts,
}

impl Tree<'_> {
    /// `pi[01-20]`.
    fn nodes(&self, nodes: &Range<u32>) -> String {
        let name = |node| self.plan.machine.node_name(NodeId(node));
        let (first, last) = (name(nodes.start), name(nodes.end - 1));
        match nodes.len() {
            1 => first,
            _ => {
                format!("pi[{}-{}]", first.trim_start_matches("pi"), last.trim_start_matches("pi"))
            }
        }
    }

    /// Whether a node belongs to a group.
    fn holds(&self, group: &str, node: u32) -> bool {
        self.parts.group_of(node).name == group
    }

    /// The server, unless it is a node.
    fn server(&self) -> Option<Branch> {
        let scenario = &self.plan.scenario;
        let disk = scenario.server.disk as f64 / 1e6;
        let text = format!("server, {}, disk {disk} MB/s", scenario.server.link);
        scenario.server.node.is_none().then(|| Branch::leaf(text))
    }

    /// All above and below the switches.
    fn network(&self) -> Branch {
        let place = self.plan.machine.wiring.server;
        let mut below: Vec<_> =
            self.server().filter(|_| place.switch.is_none()).into_iter().collect();
        let above = (0..).zip(&self.plan.machine.wiring.switches_above);
        let roots: Vec<u32> =
            above.filter(|(_, above)| above.is_none()).map(|(switch, _)| switch).collect();
        below.extend(roots.iter().map(|&root| self.switch(root)));
        match (below.len(), place.switch) {
            (1, Some(_)) => below.remove(0),
            _ => Branch { below, ..Branch::leaf("top".into()) },
        }
    }

    fn switch(&self, index: u32) -> Branch {
        let it = self.parts.forwarders().nth(index as usize).expect("it is one of them");
        let uplink = it.uplink.map_or_else(String::new, |rate| format!(", uplink {rate}"));
        let (name, power) = (it.name, it.power);
        let cell = self.parts.cell(index);
        let text = if let Some(cell) = cell {
            let (rate, share) = (cell.rate, libm::round(cell.efficiency * 1e4) / 1e2);
            format!("{name}, a Wi-Fi cell, {rate} of which payload gets {share} %{uplink}, {power}")
        } else {
            let ports = self.parts.switches[index as usize].ports;
            format!("{name}, {ports} ports{uplink}, {power}")
        };
        let wiring = &self.plan.machine.wiring;
        let server = self.server().filter(|_| wiring.server.switch == Some(index));
        let groups = self.parts.groups.iter().zip(self.parts.nodes_of_groups());
        let groups = groups.filter(|(group, _)| self.parts.switch_of(group) == index);
        let plugged = groups.map(|(group, nodes)| {
            let each = if nodes.len() > 1 { " each" } else { "" };
            let (nodes, link) = (self.nodes(&nodes), group.node.link);
            let text = format!("{}: {nodes}, {link}{each}", group.name);
            Branch { by_air: cell.is_some(), ..Branch::leaf(text) }
        });
        let above = (0..).zip(&wiring.switches_above);
        let under = above.filter(|(_, above)| **above == Some(index));
        let under = under.map(|(switch, _)| self.switch(switch));
        let below = server.into_iter().chain(plugged).chain(under).collect();
        Branch { below, ..Branch::leaf(text) }
    }

    fn supply(&self, psu: u32) -> Branch {
        let machine = &self.plan.machine;
        let (name, row) = (&machine.wiring.psu_names[psu as usize], &machine.psus[psu as usize]);
        let port = machine.wiring.port_limits[psu as usize];
        let port = port.map_or_else(String::new, |limit| format!(", {limit} a port"));
        let text = if name == MAINS {
            format!("{name}, without limit")
        } else {
            format!("{name}, limit {}{port}, back after {}", row.limit, row.restart)
        };
        let mut below = Vec::new();
        if machine.wiring.server.psu == Some(psu) {
            let power = self.plan.scenario.server_power();
            below.push(Branch::leaf(format!("server, {power}")));
        }
        for switch in machine.switches_of(psu) {
            let (name, power) = (
                &machine.wiring.switch_names[switch as usize],
                machine.switches[switch as usize].power,
            );
            let kind = if machine.is_cell(switch) { "cell" } else { "switch" };
            below.push(Branch::leaf(format!("{kind} {name}, {power}")));
        }
        for (nodes, pack) in self.packs().into_iter().filter(|(_, pack)| pack.feed == psu) {
            let group = &self.parts.groups[usize::from(pack.group)];
            let peak = Power(group.node.power.compute_peak.0 * u64::from(pack.nodes));
            let nodes = self.nodes(&nodes);
            below.push(Branch::leaf(format!("{}: {nodes}, {peak} at most", group.name)));
        }
        let under: Vec<u32> = machine.psus_below(psu).collect();
        let like = |a: &u32, b: &u32| self.stem(*a) == self.stem(*b);
        for several in under.chunk_by(like) {
            let shown = if several.len() > ONE_BY_ONE { 1 } else { several.len() };
            below.extend(several[..shown].iter().map(|&psu| self.supply(psu)));
            if shown < several.len() {
                let more = several.len() - shown;
                below.push(Branch::leaf(format!("and {more} more of {}", self.stem(several[0]))));
            }
        }
        Branch { below, ..Branch::leaf(text) }
    }

    /// The name of a supply as written.
    fn stem(&self, psu: u32) -> &str {
        let mut last = 0;
        let supplies = self.parts.supplies.iter().find(|supply| {
            last += supply.count;
            psu < last
        });
        supplies.map_or(MAINS, |supply| &supply.name)
    }

    fn packs(&self) -> Vec<(Range<u32>, crate::scenario::parts::Pack)> {
        let mut first = 0;
        let packs = self.parts.packs().into_iter().map(|pack| {
            first += pack.nodes;
            (first - pack.nodes..first, pack)
        });
        packs.collect()
    }
}
