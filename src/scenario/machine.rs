//! From merged tables to the typed machine: cluster, node, module, network, servers and boot.

use crate::config::declare::{Declared, Field};
use crate::config::layout::Layout;
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::scenario::boot::{Boot, BootMethod};
use crate::scenario::cluster::{Cluster, Hardware, Module, Psu, ServerPer};
use crate::scenario::keys::NODES_MAX;

pub(super) fn module(root: &Section<'_>, m: &mut Mistakes) -> Option<Module> {
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
pub(super) fn check_size(
    root: &Section<'_>,
    cluster: &Cluster,
    module: &Module,
    m: &mut Mistakes,
) -> bool {
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

/// The counts of a machine.
pub(super) fn layout(cluster: &Cluster, module: &Module, per: ServerPer) -> Layout {
    let from_zero = |list: &[u32]| list.iter().map(|number| number - 1).collect();
    Layout {
        modules: cluster.modules,
        modules_per_rack: cluster.modules_per_rack,
        packs: module.packs.clone(),
        nodes_per_blade: module.nodes_per_blade,
        switches: module.switches,
        psus: module
            .psus
            .iter()
            .map(|psu| (from_zero(&psu.packs), from_zero(&psu.switches)))
            .collect(),
        servers: match per {
            ServerPer::Cluster => 1,
            ServerPer::Rack => cluster.modules.div_ceil(cluster.modules_per_rack),
            ServerPer::Module => cluster.modules,
        },
    }
}

pub(super) fn boot(
    root: &Section<'_>,
    hardware: Option<&Hardware>,
    m: &mut Mistakes,
) -> Option<Boot> {
    let section = root.section("boot");
    let method = BootMethod::take(&section, "method", m);
    let from_net =
        method.is_some_and(|method| !matches!(method, BootMethod::Instant | BootMethod::Sd));
    if from_net && let Some(hardware) = hardware {
        let model = &hardware.model;
        let of_boot = root.section("hardware").section("boot");
        let wrong = if hardware.boot.dhcp_tries == 0 {
            let title = format!("the boot ROM of {model} cannot boot from the network");
            Some((title, "set `boot.method` to \"sd\"", of_boot.place("dhcp_tries")))
        } else if hardware.boot.files.is_empty() {
            let title = format!("{model} has no files to fetch from the network");
            Some((title, "give `hardware.boot.files`", of_boot.place("files")))
        } else {
            None
        };
        if let Some((title, help, place)) = wrong {
            let mistake = Mistake::new(section.place("method"), title).help(help);
            let other = m.upper(root.section("cluster").place("hardware"), place);
            m.note(mistake.label("the boot method").other(other, "the hardware"));
        }
    }
    Boot::read(&section, m)
}
