//! What the machine is made of: counts, node hardware, module hardware, network and servers.

use crate::config::declare::{choice, table};
use crate::config::language::Kind;
use crate::cosmic::memory::Array;
use crate::scenario::base;
use crate::scenario::jobs::ServerOrder;
use crate::scenario::keys::{
    BIT_RATE, BYTE_RATE, NODES_MAX, PACKET_RATE, POWER, POWER_SOME, SIZE_SOME, SPAN, SPAN_SOME,
};
use crate::units::{BitRate, Bytes, Power, Span};

/// How many of something a machine or a part of it may have.
const SOME: Kind = Kind::Count(1, 1_000_000);
const NODES: Kind = Kind::Count(1, NODES_MAX);

table! {
    /// How many modules of what.
    pub struct Cluster(Clone, Debug, PartialEq) {
        /// Name of the node profile.
        hardware: String = Kind::Choice(|| base::profiles("hardware"));
        /// Name of the module profile.
        module: String = Kind::Choice(|| base::profiles("module"));
        /// Number of modules.
        modules: u32 = NODES;
        /// Modules in a rack; the last rack may be short.
        modules_per_rack: u32 = NODES;
    }
}

table! {
    /// One node. The profile named by `cluster.hardware` gives all keys; the file overrides some.
    pub struct Hardware(Clone, Debug, PartialEq) {
        /// Name for people.
        model: String;
        /// Processor cores.
        cores: u32 = SOME;
        /// Main memory.
        memory: Bytes = SIZE_SOME;
        /// Line rate of the network link.
        link: BitRate = BIT_RATE;
        /// Rate at which the SD card is read.
        sd_read: u64 = BYTE_RATE;
        /// Rate at which the SD card is written.
        sd_write: u64 = BYTE_RATE;
        /// Power by state.
        power: NodePower;
        /// Times and habits of the boot chain.
        boot: BootTimes;
        /// Its memories that particles can upset.
        arrays as "array": Vec<Array> = Kind::Tables(Array::SPEC) => _;
    }
}

table! {
    /// Power that a node draws.
    pub struct NodePower(Clone, Debug, PartialEq) {
        /// Switched off or halted.
        off: Power = POWER;
        /// For `hardware.boot.inrush` after power-on.
        boot_peak: Power = POWER;
        /// Booting, mean.
        boot: Power = POWER;
        /// Up and idle; also hung.
        idle: Power = POWER;
        /// Computing.
        compute: Power = POWER;
        /// Computing, peak: what the PSU must be able to give.
        compute_peak: Power = POWER;
    }
}

table! {
    /// Times and habits of a node's boot chain.
    pub struct BootTimes(Clone, Debug, PartialEq) {
        /// For so long after power-on the node draws its boot peak.
        inrush: Span = SPAN;
        /// From power-on to the first DISCOVER, when it boots from the net.
        rom: Span = SPAN;
        /// From power-on to the first read, when it boots from SD.
        rom_sd: Span = SPAN;
        /// DISCOVERs that the ROM sends before it gives up. 0: it cannot boot from the network.
        dhcp_tries: u32 = Kind::Count(0, 1_000_000);
        /// Time between two DISCOVERs.
        dhcp_interval: Span = SPAN_SOME;
        /// Whether the ROM needs a further frame to notice an OFFER (the 3B's bug).
        offer_bug: bool;
        /// The further frame must come so soon after the OFFER.
        offer_window: Span = SPAN;
        /// TFTP block size.
        tftp_block: Bytes = Kind::Bytes(Bytes(8), Bytes(65_464));
        /// Time per TFTP block in lock-step: the client's pace.
        tftp_pace: Span = SPAN_SOME;
        /// Time per file besides its blocks.
        tftp_file_overhead: Span = SPAN;
        /// Silence after which the ROM gives a file up.
        tftp_timeout: Span = SPAN_SOME;
        /// The files fetched, in order.
        files: Vec<BootFile>;
        /// From the last file to the kernel's network being up.
        kernel: Span = SPAN;
        /// From the root file system being read to the agent being up.
        init: Span = SPAN;
        /// Kernel and init times vary so much, evenly.
        spread: f64 = Kind::Share(0.0, 0.9);
    }
}

table! {
    /// A file of the boot.
    pub struct BootFile(Clone, Debug, PartialEq, Eq) {
        /// Its name.
        name: String;
        /// Its size.
        size: Bytes = SIZE_SOME;
    }
}

table! {
    /// One module. The profile named by `cluster.module` gives all keys; the file overrides some.
    pub struct Module(Clone, Debug, PartialEq) {
        /// Name for people.
        model: String;
        /// Nodes, spares included.
        nodes: u32 = NODES;
        /// The last so many nodes are spares.
        spares: u32 = Kind::Count(0, NODES_MAX);
        /// Nodes on a blade.
        nodes_per_blade: u32 = SOME;
        /// Nodes of each pack, in node order; the sum is `nodes`.
        packs: Vec<u32> = Kind::List(&NODES);
        /// Switches.
        switches: u32 = SOME;
        /// Line rate of a switch's uplink, all its ports together.
        uplink: BitRate = BIT_RATE;
        /// Power of one switch.
        switch_power: Power = POWER;
        /// The PSU domains (`[[module.psu]]`).
        psus as "psu": Vec<Psu>;
    }
}

table! {
    /// A PSU domain.
    pub struct Psu(Clone, Debug, PartialEq) {
        /// Packs it feeds, from 1.
        packs: Vec<u32> = Kind::List(&SOME) => "[]";
        /// Switches it feeds, from 1.
        switches: Vec<u32> = Kind::List(&SOME) => "[]";
        /// What it can give; above it the domain browns out.
        limit: Power = POWER_SOME;
        /// From a brown-out until it gives power again.
        restart: Span = SPAN_SOME;
    }
}

table! {
    /// The network.
    pub struct Network(Clone, Debug, PartialEq) {
        /// Share of a link that TCP payload gets.
        tcp_share: f64 = Kind::Share(0.01, 1.0);
    }
}

table! {
    /// The boot and file servers.
    pub struct Server(Clone, Debug, PartialEq) {
        /// What gets a server of its own.
        per: ServerPer;
        /// Line rate of its network interface.
        link: BitRate = BIT_RATE;
        /// Rate of its disk, reads and writes together.
        disk: u64 = BYTE_RATE;
        /// Cost of each file request on the disk.
        disk_request: Span = SPAN;
        /// TFTP data packets it sends, at most.
        tftp_packets: u64 = PACKET_RATE;
        /// Time in which the daemon answers one DISCOVER.
        dhcp_service: Span = SPAN;
        /// Whether the daemon pings an address before it offers it, as dnsmasq does unless given
        /// `--no-ping`. `true` and missing keys take the defaults of the table.
        dhcp_ping: Option<DhcpPing> = Kind::Any(&[Kind::Flag, Kind::Table(DhcpPing::SPEC)]);
        /// Power it draws.
        power: Power = POWER;
        /// How several jobs share it for checkpoints: all at once (`uncontrolled`); one after
        /// the other, first come, first served, waiting idle (`blocking-fcfs`) or working on
        /// while they wait to write (`ordered-fcfs`); the same, that one next whose turn wastes
        /// least (`least-waste`); or without checkpoints (`none`).
        order: ServerOrder => "\"uncontrolled\"";
        /// The node that it is, in a cluster of `[[group]]`s: one such as `pi1`, or the name of a
        /// group of one. It has that node's link, power and failures, boots from its own card, and
        /// serves while it is up; `link` and `power` are of no use then.
        node: Option<String>;
        /// Whether that node takes part in jobs. Default: it does not.
        computes: Option<bool>;
        /// The `[[switch]]` into which it is plugged. Default: it is above all switches.
        switch: Option<String>;
        /// The `[[supply]]` that feeds it. Default: the mains.
        supply: Option<String>;
    }
}

table! {
    /// dnsmasq's ping before an OFFER (2.90: `PING_WAIT` 3 s, `PING_CACHE_TIME` 30 s, and no more
    /// than 0.6 x 30 / 3 = 6 pings in that time).
    pub struct DhcpPing(Clone, Debug, PartialEq, Eq) {
        /// How long it waits for an answer.
        wait: Span = SPAN_SOME => "\"3 s\"";
        /// Pings after which it stops pinging.
        burst: u32 = SOME => "6";
        /// For so long a ping counts.
        window: Span = SPAN_SOME => "\"30 s\"";
    }
}

choice! {
    /// What gets a server of its own.
    pub enum ServerPer(Clone, Copy, Debug, PartialEq, Eq) {
        /// The whole cluster.
        Cluster = "cluster",
        /// Each rack.
        Rack = "rack",
        /// Each module.
        Module = "module",
    }
}
