//! From merged tables to the typed machine: cluster, node, module, network, servers and boot.

use crate::scenario::Site;
use crate::scenario::arrays::arrays;
use crate::scenario::boot::{Boot, BootMethod, Controller, Gossip, Phi};
use crate::scenario::cluster::{
    BootFile, BootTimes, Cluster, DhcpPing, Hardware, Module, Network, NodePower, Psu, Server,
};
use crate::scenario::course::Unread;
use crate::scenario::document::{Data, Table, Value};
use crate::scenario::keys::{DHCP_PING, FILE, NODES_MAX, PSU};
use crate::scenario::language::Spec;
use crate::scenario::mistakes::{Mistake, Mistakes};
use crate::scenario::section::Section;
use crate::units::{ByteRate, PacketRate};

/// Makes a struct of optional fields: reads all of them first, so that every missing one is told.
macro_rules! read {
    ($type:ident { $($field:ident: $value:expr),* $(,)? }) => {{
        $(let $field = $value;)*
        match ($($field,)*) {
            ($(Some($field),)*) => Some($type { $($field),* }),
            _ => None,
        }
    }};
}
pub(super) use read;

pub(super) fn site(root: &Section<'_>, m: &mut Mistakes) -> Option<Site> {
    let section = root.section("site");
    read!(Site {
        altitude: section.get("altitude", m),
        rigidity: section.get("rigidity", m),
        solar: section.share("solar", m),
        concrete: section.get("concrete", m),
    })
}

pub(super) fn cluster(root: &Section<'_>, m: &mut Mistakes) -> Option<Cluster> {
    let section = root.section("cluster");
    read!(Cluster {
        hardware: section.get("hardware", m),
        module: section.get("module", m),
        modules: section.get("modules", m),
        modules_per_rack: section.get("modules_per_rack", m),
    })
}

pub(super) fn hardware(root: &Section<'_>, m: &mut Mistakes) -> Option<Hardware> {
    let section = root.section("hardware");
    read!(Hardware {
        model: section.get("model", m),
        cores: section.get("cores", m),
        memory: section.get("memory", m),
        link: section.get("link", m),
        power: node_power(&section, m),
        sd_read: section.get::<ByteRate>("sd_read", m).map(|rate| rate.0),
        sd_write: section.get::<ByteRate>("sd_write", m).map(|rate| rate.0),
        boot: boot_times(&section, m),
        arrays: arrays(&section, m),
    })
}

fn node_power(hardware: &Section<'_>, m: &mut Mistakes) -> Option<NodePower> {
    let section = hardware.section("power");
    read!(NodePower {
        off: section.get("off", m),
        boot_peak: section.get("boot_peak", m),
        boot: section.get("boot", m),
        idle: section.get("idle", m),
        compute: section.get("compute", m),
        compute_peak: section.get("compute_peak", m),
    })
}

fn boot_times(hardware: &Section<'_>, m: &mut Mistakes) -> Option<BootTimes> {
    let section = hardware.section("boot");
    read!(BootTimes {
        inrush: section.get("inrush", m),
        rom: section.get("rom", m),
        rom_sd: section.get("rom_sd", m),
        dhcp_tries: section.get("dhcp_tries", m),
        dhcp_interval: section.get("dhcp_interval", m),
        offer_bug: section.get("offer_bug", m),
        offer_window: section.get("offer_window", m),
        tftp_block: section.get("tftp_block", m),
        tftp_pace: section.get("tftp_pace", m),
        tftp_file_overhead: section.get("tftp_file_overhead", m),
        tftp_timeout: section.get("tftp_timeout", m),
        files: files(&section, m),
        kernel: section.get("kernel", m),
        init: section.get("init", m),
        spread: section.share("spread", m),
    })
}

fn files(boot: &Section<'_>, m: &mut Mistakes) -> Option<Vec<BootFile>> {
    items(boot, "files", &FILE, "hardware.boot.files", m, |section, m| {
        read!(BootFile { name: section.get("name", m), size: section.get("size", m) })
    })
}

/// Reads each table of an array.
fn items<T>(
    section: &Section<'_>,
    name: &str,
    spec: &'static Spec,
    path: &str,
    m: &mut Mistakes,
    read: impl Fn(&Section<'_>, &mut Mistakes) -> Option<T>,
) -> Option<Vec<T>> {
    section.demand(name, m);
    let list = section.given(name)?.list()?;
    let all: Vec<Option<T>> = list
        .iter()
        .map(|item| read(&Section::new(spec, item.table()?, path, item.place), m))
        .collect();
    all.into_iter().collect()
}

pub(super) fn module(root: &Section<'_>, m: &mut Mistakes) -> Option<Module> {
    let section = root.section("module");
    let module = read!(Module {
        model: section.get("model", m),
        nodes: section.get("nodes", m),
        spares: section.get("spares", m),
        nodes_per_blade: section.get("nodes_per_blade", m),
        packs: section.counts("packs", m),
        switches: section.get("switches", m),
        uplink: section.get("uplink", m),
        psus: psus(&section, m),
        switch_power: section.get("switch_power", m),
    })?;
    check_module(&module, &section, m).then_some(module)
}

fn psus(module: &Section<'_>, m: &mut Mistakes) -> Option<Vec<Psu>> {
    items(module, "psu", &PSU, "module.psu", m, |section, m| {
        read!(Psu {
            packs: section.counts("packs", m),
            switches: section.counts("switches", m),
            limit: section.get("limit", m),
            restart: section.get("restart", m),
        })
    })
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

pub(super) fn network(root: &Section<'_>, m: &mut Mistakes) -> Option<Network> {
    let section = root.section("network");
    read!(Network { tcp_share: section.share("tcp_share", m) })
}

pub(super) fn server(root: &Section<'_>, m: &mut Mistakes) -> Option<Server> {
    let section = root.section("server");
    read!(Server {
        per: section.word("per", m),
        link: section.get("link", m),
        disk: section.get::<ByteRate>("disk", m).map(|rate| rate.0),
        disk_request: section.get("disk_request", m),
        tftp_packets: section.get::<PacketRate>("tftp_packets", m).map(|rate| rate.0),
        dhcp_service: section.get("dhcp_service", m),
        dhcp_ping: dhcp_ping(&section, m).ok(),
        power: section.get("power", m),
        order: section.word("order", m),
    })
}

fn dhcp_ping(server: &Section<'_>, m: &mut Mistakes) -> Result<Option<DhcpPing>, Unread> {
    server.demand("dhcp_ping", m);
    let value: &Value = server.given("dhcp_ping").ok_or(Unread)?;
    let none = Table::default();
    let table = match &value.data {
        Data::Flag(false) => return Ok(None),
        Data::Flag(true) => &none,
        Data::Table(table) => table,
        _ => return Err(Unread),
    };
    let section = Section::new(&DHCP_PING, table, "server.dhcp_ping", value.place);
    let ping = read!(DhcpPing {
        wait: section.get("wait", m),
        burst: section.get("burst", m),
        window: section.get("window", m),
    });
    ping.map(Some).ok_or(Unread)
}

pub(super) fn boot(
    root: &Section<'_>,
    hardware: Option<&Hardware>,
    m: &mut Mistakes,
) -> Option<Boot> {
    let section = root.section("boot");
    let boot = read!(Boot {
        method: section.word("method", m),
        stagger: section.section("power_on").get("stagger", m),
        root_read: section.get("root_read", m),
        initramfs: section.get("initramfs", m),
        offer_cure: section.word("offer_cure", m),
        stray_frame: section.share("stray_frame", m),
    })?;
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
    let section = root.section("controller");
    read!(Controller {
        detect: section.get("detect", m),
        phi: phi(&section, m).ok(),
        gossip: gossip(&section, m).ok(),
        boot_timeout: section.get("boot_timeout", m),
        boot_retries: section.get("boot_retries", m),
        settle: section.get("settle", m),
    })
}

/// Phi accrual, if it is wished for.
fn phi(controller: &Section<'_>, m: &mut Mistakes) -> Result<Option<Phi>, Unread> {
    let section = controller.section("phi");
    if !section.exists() {
        return if controller.has("phi") { Err(Unread) } else { Ok(None) };
    }
    let phi = read!(Phi {
        threshold: section.get("threshold", m),
        beat: section.get("beat", m),
        deviation: section.get("deviation", m),
    });
    phi.map(Some).ok_or(Unread)
}

/// Gossip, if it is wished for.
fn gossip(controller: &Section<'_>, m: &mut Mistakes) -> Result<Option<Gossip>, Unread> {
    let section = controller.section("gossip");
    if !section.exists() {
        return if controller.has("gossip") { Err(Unread) } else { Ok(None) };
    }
    let gossip = read!(Gossip {
        period: section.get("period", m),
        timeout: section.get("timeout", m),
        indirect: section.get("indirect", m),
        suspicion: section.get("suspicion", m),
    });
    let gossip = gossip.ok_or(Unread)?;
    if gossip.timeout >= gossip.period {
        let title = "no time is left in the period for indirect answers";
        let mistake = Mistake::new(section.place("timeout"), title);
        let period = gossip.period;
        let mistake = mistake.help(format!("`timeout` must be shorter than `period`: {period}"));
        m.note(mistake.other(section.place("period"), "the period"));
    }
    Ok(Some(gossip))
}
