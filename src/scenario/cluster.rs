//! What the machine is made of: counts, node hardware, module hardware, network and servers.

use crate::cosmic::memory::Array;
use crate::scenario::jobs::Order;
use crate::units::{BitRate, Bytes, Power, Span};

/// How many modules of what.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// Name of the node profile under `scenarios/base/`.
    pub hardware: String,
    /// Name of the module profile under `scenarios/base/`.
    pub module: String,
    /// Number of modules.
    pub modules: u32,
    /// Modules per rack; the last rack may be short.
    pub modules_per_rack: u32,
}

/// One node.
#[derive(Clone, Debug, PartialEq)]
pub struct Hardware {
    /// Name for people, such as "Raspberry Pi 3B".
    pub model: String,
    /// Processor cores.
    pub cores: u32,
    /// Main memory.
    pub memory: Bytes,
    /// Line rate of the network link.
    pub link: BitRate,
    /// Power by state.
    pub power: NodePower,
    /// Rate at which the SD card is read in sequence (bytes/s).
    pub sd_read: u64,
    /// Rate at which it is written in sequence (bytes/s).
    pub sd_write: u64,
    /// Times and habits of the boot chain.
    pub boot: BootTimes,
    /// Its memories that particles can upset.
    pub arrays: Vec<Array>,
}

/// Power that a node draws.
#[derive(Clone, Debug, PartialEq)]
pub struct NodePower {
    /// Switched off or halted.
    pub off: Power,
    /// For [`BootTimes::inrush`] after power-on.
    pub boot_peak: Power,
    /// Booting, mean.
    pub boot: Power,
    /// Up and idle; also hung.
    pub idle: Power,
    /// Computing.
    pub compute: Power,
    /// Computing, peak: what the PSU must be able to give.
    pub compute_peak: Power,
}

/// Times and habits of a node's boot chain.
#[derive(Clone, Debug, PartialEq)]
pub struct BootTimes {
    /// For so long after power-on the node draws its boot peak.
    pub inrush: Span,
    /// From power-on to the first DISCOVER (SD and USB waits), when it boots from the network.
    pub rom: Span,
    /// From power-on to the first read, when it boots from SD.
    pub rom_sd: Span,
    /// DISCOVERs that the ROM sends before it gives up.
    pub dhcp_tries: u32,
    /// Time between two DISCOVERs.
    pub dhcp_interval: Span,
    /// Whether the ROM needs a further frame to notice an OFFER (the 3B's bug).
    pub offer_bug: bool,
    /// The further frame must come within this time after the OFFER.
    pub offer_window: Span,
    /// TFTP block size.
    pub tftp_block: Bytes,
    /// Time per TFTP block in lock-step, transmission included: the pace of the client.
    pub tftp_pace: Span,
    /// Time per file beside its blocks: requests, existence tests.
    pub tftp_file_overhead: Span,
    /// Silence of the server after which the ROM gives a file up.
    pub tftp_timeout: Span,
    /// The files fetched over TFTP, in order.
    pub files: Vec<BootFile>,
    /// From the last file to the kernel's network being up.
    pub kernel: Span,
    /// From the root file system being read to the agent being up.
    pub init: Span,
    /// Kernel and init times vary uniformly by this share to both sides.
    pub spread: f64,
}

/// One file of the boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootFile {
    /// Its name.
    pub name: String,
    /// Its size.
    pub size: Bytes,
}

/// One module.
#[derive(Clone, Debug, PartialEq)]
pub struct Module {
    /// Name for people.
    pub model: String,
    /// Nodes, spares included. They are numbered 1 to `nodes` inside the module.
    pub nodes: u32,
    /// The last so many nodes are spares: they boot, and take the place of dead ones.
    pub spares: u32,
    /// Nodes per blade.
    pub nodes_per_blade: u32,
    /// Nodes of each pack, in node order. The sum is `nodes`.
    pub packs: Vec<u32>,
    /// Switches.
    pub switches: u32,
    /// Line rate of a switch's uplink (all its ports together).
    pub uplink: BitRate,
    /// The PSU domains.
    pub psus: Vec<Psu>,
    /// Power of one switch.
    pub switch_power: Power,
}

/// One PSU domain of a module.
#[derive(Clone, Debug, PartialEq)]
pub struct Psu {
    /// The packs it feeds (from 1).
    pub packs: Vec<u32>,
    /// The switches it feeds (from 1).
    pub switches: Vec<u32>,
    /// What it can give; above it the domain browns out.
    pub limit: Power,
    /// Time from a brown-out until it gives power again.
    pub restart: Span,
}

/// The network.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    /// Share of a link that TCP payload gets: 0.941 with Ethernet, IP and TCP headers.
    pub tcp_share: f64,
}

/// A boot and file server (and its disk).
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// One server for each of these.
    pub per: ServerPer,
    /// Line rate of its network interface.
    pub link: BitRate,
    /// Rate of its disk, reads and writes together (bytes/s).
    pub disk: u64,
    /// Cost of each file request on the disk, paid before the first byte.
    pub disk_request: Span,
    /// TFTP data packets that the daemon sends per second, at most.
    pub tftp_packets: u64,
    /// Time in which the DHCP daemon answers one DISCOVER.
    pub dhcp_service: Span,
    /// The ping before an OFFER, if the daemon does that.
    pub dhcp_ping: Option<DhcpPing>,
    /// How several jobs share it for checkpoints.
    pub order: Order,
    /// Power.
    pub power: Power,
}

/// dnsmasq's ping before an OFFER: each ping blocks the daemon; after `burst` pings within
/// `window` it offers without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DhcpPing {
    /// How long it waits for an answer.
    pub wait: Span,
    /// Pings after which it stops pinging.
    pub burst: u32,
    /// For so long a ping counts.
    pub window: Span,
}

/// What gets a server of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerPer {
    /// The whole cluster.
    Cluster,
    /// Each rack.
    Rack,
    /// Each module.
    Module,
}
