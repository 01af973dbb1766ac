//! From merged tables to the typed machine: cluster, node, module, network, servers and boot.

use std::ops::Range;

use crate::config::declare::{Declared, Field};
use crate::config::layout::{Layout, Named};
use crate::config::mistakes::{Mistake, Mistakes, Place};
use crate::config::section::Section;
use crate::scenario::boot::{Boot, BootMethod};
use crate::scenario::cluster::{Cluster, Hardware, Module, Psu, Server, ServerPer};
use crate::scenario::execution::Nodes;
use crate::scenario::keys::NODES_MAX;
use crate::scenario::part_rules::{self, Made};
use crate::scenario::parts::Parts;

/// What the machine is made of, as far as it could be read.
pub(super) struct MachineParts {
    pub cluster: Option<Cluster>,
    pub hardware: Option<Hardware>,
    pub module: Option<Module>,
    pub made: Option<Made>,
    pub server: Option<Server>,
    pub boot: Option<Boot>,
    pub layout: Option<Layout>,
}

/// Reads the machine, of modules or of parts, and what of it jobs may use. `have` says whether
/// there are profiles of hardware and module: without them, a table would seem to lack all keys.
pub(super) fn machine(
    root: &Section<'_>,
    have: (bool, bool),
    m: &mut Mistakes,
) -> (MachineParts, Option<Nodes>) {
    let server = Server::read(&root.section("server"), m);
    let made = part_rules::read(root, m);
    let of_parts = made.as_ref().and_then(Made::parts);
    let placed = made.is_some()
        && server.as_ref().is_some_and(|it| part_rules::check_server(root, of_parts, it, m));
    let (cluster, hardware, module) = match (&made, server.as_ref()) {
        (Some(Made::Modules), _) => {
            let of_node = root.section("hardware");
            let hardware = if have.0 { Hardware::read(&of_node, m) } else { None };
            let module = if have.1 { module(root, m) } else { None };
            (Cluster::read(&root.section("cluster"), m), hardware, module)
        }
        (Some(Made::Parts(parts)), Some(server)) if placed => {
            let (cluster, module) = parts.module(server);
            (Some(cluster), Some(parts.groups[0].node.clone()), Some(module))
        }
        _ => (None, None, None),
    };
    let head = of_parts.zip(server.as_ref()).and_then(|(parts, server)| parts.head(server));
    let boot = boot(root, hardware.as_ref(), of_parts, head, m);
    let fits = match (&cluster, &module) {
        (Some(cluster), Some(module)) => check_size(root, cluster, module, m),
        _ => false,
    };
    let whole = cluster.as_ref().zip(module.as_ref()).filter(|_| fits).zip(server.as_ref());
    let layout = whole.map(|((cluster, module), server)| layout(cluster, module, server, of_parts));
    let nodes = whole.zip(hardware.as_ref());
    let nodes = nodes.map(|(((cluster, module), server), hardware)| match of_parts {
        None => Nodes::of(cluster, module, hardware),
        Some(parts) => Nodes::of_parts(parts, server),
    });
    (MachineParts { cluster, hardware, module, made, server, boot, layout }, nodes)
}

fn module(root: &Section<'_>, m: &mut Mistakes) -> Option<Module> {
    let section = root.section("module");
    let module = Module::read(&section, m);
    let fits = check_module(&section, m);
    module.filter(|_| fits)
}

/// Notes what does not fit in a module; gives whether all does.
fn check_module(section: &Section<'_>, m: &mut Mistakes) -> bool {
    let mut fits = true;
    let nodes: Option<u32> = Field::take(section, "nodes", m);
    let packs: Option<Vec<u32>> = Field::take(section, "packs", m);
    let mut note = |key, title, help: &str, label: &str| {
        let mistake = Mistake::new(section.place(key), title).help(help).label(label);
        m.note(mistake.other(section.place("nodes"), "the number of nodes"));
        fits = false;
    };
    if let (Some(nodes), Some(packs)) = (nodes, &packs) {
        let sum: u64 = packs.iter().map(|&pack| u64::from(pack)).sum();
        if sum != u64::from(nodes) {
            let title = format!("the packs hold {sum} nodes, but the module has {nodes}");
            let help = "`module.nodes` must be the sum of `module.packs`";
            note("packs", title, help, "the nodes of each pack");
        }
    }
    if let (Some(nodes), Some(spares)) = (nodes, section.optional::<u32>("spares"))
        && spares >= nodes
    {
        let title = format!("{spares} spares in a module of {nodes} nodes");
        let help = "set `module.spares` to less than `module.nodes`";
        note("spares", title, help, "the number of spares");
    }
    let psus: Option<Vec<Psu>> = Field::take(section, "psu", m);
    let fed = |of: fn(&Psu) -> &[u32]| -> Option<Vec<u32>> {
        Some(psus.as_ref()?.iter().flat_map(of).copied().collect())
    };
    let (of_packs, of_switches) = (fed(|psu| &psu.packs), fed(|psu| &psu.switches));
    if let Some((packs, fed)) = packs.zip(of_packs) {
        fits &= feeds(("pack", "packs"), packs.len() as u32, fed, section, m);
    }
    let switches: Option<u32> = Field::take(section, "switches", m);
    if let Some((switches, fed)) = switches.zip(of_switches) {
        fits &= feeds(("switch", "switches"), switches, fed, section, m);
    }
    fits
}

/// Each pack and each switch hangs on exactly one PSU. `key` counts what is fed.
fn feeds(
    (what, key): (&str, &str),
    count: u32,
    fed: Vec<u32>,
    section: &Section<'_>,
    m: &mut Mistakes,
) -> bool {
    let (place, counted) = (section.place("psu"), section.place(key));
    let mut note = |title: String, help: String| {
        let mistake = Mistake::new(place, title).help(help).label("the supplies");
        m.note(mistake.other(counted, "what they feed"));
    };
    let mut fits = true;
    let mut times = vec![0_u32; count as usize];
    for number in fed {
        if let Some(times) = number.checked_sub(1).and_then(|index| times.get_mut(index as usize)) {
            *times += 1;
        } else {
            let title = format!("a psu feeds {what} {number}, which the module has not");
            note(title, format!("the module's count of this part is {count}, from 1"));
            fits = false;
        }
    }
    if let Some(index) = times.iter().position(|&times| times != 1) {
        let number = index + 1;
        let title = match times[index] {
            0 => format!("no psu feeds {what} {number}"),
            _ => format!("two psus feed {what} {number}"),
        };
        let help = "in [[module.psu]], `packs` and `switches` must name each one once";
        note(title, help.into());
        fits = false;
    }
    fits
}

/// Notes a machine too large to number its parts; gives whether it is not.
fn check_size(root: &Section<'_>, cluster: &Cluster, module: &Module, m: &mut Mistakes) -> bool {
    let place = root.section("cluster").place("modules");
    let of_module = root.section("module");
    for (what, each) in [("nodes", module.nodes), ("switches", module.switches)] {
        let count = u64::from(cluster.modules) * u64::from(each);
        if count > NODES_MAX {
            let modules = cluster.modules;
            let title = format!("{modules} modules of {each} {what} are {count}: too many");
            let help = format!("at most {NODES_MAX} {what} can be simulated");
            let mistake = Mistake::new(place, title).help(help).label("the number of modules");
            m.note(mistake.other(of_module.place(what), "what each of them has"));
            return false;
        }
    }
    true
}

/// The counts of a machine, and the names of its parts.
fn layout(cluster: &Cluster, module: &Module, server: &Server, parts: Option<&Parts>) -> Layout {
    let from_zero = |list: &[u32]| list.iter().map(|number| number - 1).collect();
    let blades: Vec<u32> = match parts {
        None => vec![module.nodes_per_blade; module.packs.len()],
        Some(parts) => parts.packs().iter().map(|pack| parts.per_blade(pack)).collect(),
    };
    Layout {
        modules: cluster.modules,
        modules_per_rack: cluster.modules_per_rack,
        packs: module.packs.iter().copied().zip(blades).collect(),
        switches: module.switches,
        psus: module
            .psus
            .iter()
            .map(|psu| (from_zero(&psu.packs), from_zero(&psu.switches)))
            .collect(),
        servers: match server.per {
            ServerPer::Cluster => 1,
            ServerPer::Rack => cluster.modules.div_ceil(cluster.modules_per_rack),
            ServerPer::Module => cluster.modules,
        },
        named: parts.map_or_else(Named::default, |parts| parts.named(server)),
    }
}

/// How nodes boot, if all of them can but for the `head`, which boots from its card.
fn boot(
    root: &Section<'_>,
    hardware: Option<&Hardware>,
    parts: Option<&Parts>,
    head: Option<u32>,
    m: &mut Mistakes,
) -> Option<Boot> {
    let section = root.section("boot");
    let method = BootMethod::take(&section, "method", m);
    let place = section.place("method");
    match parts {
        None => {
            if let Some((method, hardware)) = method.zip(hardware) {
                let named = root.section("cluster").place("hardware");
                check_boot(method, hardware, &root.section("hardware"), (place, named), m);
            }
        }
        Some(parts) => {
            let groups = parts.groups.iter().zip(parts.nodes_of_groups());
            // A server that is a node boots from its card, whatever the others do.
            let boots = |nodes: &Range<u32>| nodes.len() > 1 || Some(nodes.start) != head;
            for ((group, nodes), of) in groups.zip(root.items("group")) {
                let how = group.boot.or(method).filter(|_| boots(&nodes));
                let Some((method, of)) = how.zip(of) else { continue };
                let place = if of.has("boot") { of.place("boot") } else { place };
                let on_air = parts.cell(parts.switch_of(group));
                let from_network = !matches!(method, BootMethod::Instant | BootMethod::Sd);
                if let Some(cell) = on_air.filter(|_| from_network) {
                    let (group, air) = (&group.name, &cell.name);
                    let title = format!("`{group}` is on Wi-Fi and cannot boot from the network");
                    let mistake = Mistake::new(place, title).help("`boot = \"sd\"` for the group");
                    let label = format!("the cell `{air}`");
                    m.note(mistake.label("the boot method").other(of.place("switch"), label));
                    continue;
                }
                let named = of.place("hardware");
                check_boot(method, &group.node, &of.section("node"), (place, named), m);
            }
        }
    }
    Boot::read(&section, m)
}

/// Notes nodes that cannot boot so. The places are those of the method, and of their profile.
fn check_boot(
    method: BootMethod,
    hardware: &Hardware,
    section: &Section<'_>,
    (place, named): (Place, Place),
    m: &mut Mistakes,
) {
    if matches!(method, BootMethod::Instant | BootMethod::Sd) {
        return;
    }
    let model = &hardware.model;
    let of_boot = section.section("boot");
    let wrong = if hardware.boot.dhcp_tries == 0 {
        let title = format!("the boot ROM of {model} cannot boot from the network");
        Some((title, "set `boot.method` to \"sd\"", of_boot.place("dhcp_tries")))
    } else if hardware.boot.files.is_empty() {
        let title = format!("{model} has no files to fetch from the network");
        Some((title, "give `hardware.boot.files`", of_boot.place("files")))
    } else {
        None
    };
    if let Some((title, help, lacking)) = wrong {
        let mistake = Mistake::new(place, title).help(help);
        let other = m.upper(named, lacking);
        m.note(mistake.label("the boot method").other(other, "the hardware"));
    }
}
