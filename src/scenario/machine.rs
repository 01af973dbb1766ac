//! From merged tables to the typed machine: cluster, node, module, network, servers and boot.

use crate::config::declare::Declared;
use crate::config::layout::Layout;
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::scenario::boot::{Boot, BootMethod, Controller, Gossip};
use crate::scenario::cluster::{Cluster, Hardware, Module, ServerPer};
use crate::scenario::keys::NODES_MAX;

pub(super) fn module(root: &Section<'_>, m: &mut Mistakes) -> Option<Module> {
    let section = root.section("module");
    let module = Module::read(&section, m)?;
    check_module(&module, &section, m).then_some(module)
}

/// Notes what does not fit in a module; gives whether all does.
fn check_module(module: &Module, section: &Section<'_>, m: &mut Mistakes) -> bool {
    let mut fits = true;
    let sum: u64 = module.packs.iter().map(|&pack| u64::from(pack)).sum();
    if sum != u64::from(module.nodes) {
        let title = format!("the packs hold {sum} nodes, but the module has {}", module.nodes);
        let mistake = Mistake::new(section.place("packs"), title)
            .help("`module.nodes` must be the sum of `module.packs`");
        let mistake = mistake.label("the nodes of each pack");
        m.note(mistake.other(section.place("nodes"), "the number of nodes"));
        fits = false;
    }
    if module.spares >= module.nodes {
        let title = format!("{} spares in a module of {} nodes", module.spares, module.nodes);
        let mistake = Mistake::new(section.place("spares"), title)
            .help("set `module.spares` to less than `module.nodes`");
        let mistake = mistake.label("the number of spares");
        m.note(mistake.other(section.place("nodes"), "the number of nodes"));
        fits = false;
    }
    let packs = module.packs.len() as u32;
    let of_packs: Vec<u32> = module.psus.iter().flat_map(|psu| psu.packs.clone()).collect();
    fits &= feeds(("pack", "packs"), packs, &of_packs, section, m);
    let of_switches: Vec<u32> = module.psus.iter().flat_map(|psu| psu.switches.clone()).collect();
    feeds(("switch", "switches"), module.switches, &of_switches, section, m) && fits
}

/// Each pack and each switch hangs on exactly one PSU. `key` counts what is fed.
fn feeds(
    (what, key): (&str, &str),
    count: u32,
    fed: &[u32],
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
    for &number in fed {
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
    let boot = Boot::read(&section, m)?;
    let from_net =
        matches!(boot.method, BootMethod::PxeNfs | BootMethod::PxeNbd | BootMethod::PxeInitramfs);
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
    if boot.method == BootMethod::PxeInitramfs && boot.initramfs.0 == 0 {
        let mistake = Mistake::new(section.place("initramfs"), "`pxe-initramfs` without initramfs");
        let mistake = mistake.help("give `boot.initramfs` a size, such as \"12 MB\"");
        m.note(mistake.other(section.place("method"), "the boot method"));
    }
    Some(boot)
}

pub(super) fn controller(root: &Section<'_>, m: &mut Mistakes) -> Option<Controller> {
    let controller = Controller::read(&root.section("controller"), m)?;
    if let Some(Gossip { timeout, period, .. }) = controller.gossip
        && timeout >= period
    {
        let section = root.section("controller").section("gossip");
        let title = "no time is left in the period for indirect answers";
        let mistake = Mistake::new(section.place("timeout"), title);
        let mistake = mistake.help(format!("`timeout` must be shorter than `period`: {period}"));
        m.note(mistake.other(section.place("period"), "the period"));
    }
    Some(controller)
}
