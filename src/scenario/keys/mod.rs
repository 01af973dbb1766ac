//! Every key of the scenario language, table by table: its kind, bounds, default and meaning.

pub(super) mod faults;
pub(super) mod harm;
pub(super) mod images;
pub(super) mod jobs;
pub(super) mod levels;
pub(super) mod logging;
pub(super) mod replicas;
pub(super) mod upset;

use crate::scenario::abft::ABFT;
use crate::scenario::boot::{BootMethod, OfferCure};
use crate::scenario::cluster::ServerPer;
use crate::scenario::job::{Counts, Exposed, Period, Place};
use crate::scenario::jobs::Order;
use crate::scenario::language::{Key, Kind, Spec};
use crate::scenario::words::words;
use crate::scenario::{EventLevel, StopWhen};
use crate::units::{BitRate, ByteRate, Bytes, PacketRate, Power, Span};

/// More nodes than any machine that will be simulated here.
pub(super) const NODES_MAX: u64 = 10_000_000;

const YEARS_500: Span = Span::from_secs(500 * 365 * 86_400);
/// Zero is allowed.
pub(super) const SPAN: Kind = Kind::Span(Span::ZERO, YEARS_500);
/// Zero would stop time.
const SPAN_SOME: Kind = Kind::Span(Span(1), YEARS_500);
/// One exabyte: beyond it sums could overflow.
const BYTES_MAX: Bytes = Bytes(1_000_000_000_000_000_000);
const SIZE: Kind = Kind::Bytes(Bytes(0), BYTES_MAX);
const SIZE_SOME: Kind = Kind::Bytes(Bytes(1), BYTES_MAX);
const BIT_RATE: Kind = Kind::BitRate(BitRate(1_000), BitRate(1_000_000_000_000_000));
const BYTE_RATE: Kind = Kind::ByteRate(ByteRate(1_000), ByteRate(1_000_000_000_000_000));
const PACKET_RATE: Kind = Kind::PacketRate(PacketRate(1), PacketRate(1_000_000_000_000));
const POWER: Kind = Kind::Power(Power(0), Power(1_000_000_000_000));
const POWER_SOME: Kind = Kind::Power(Power(1), Power(1_000_000_000_000));
const SHARE: Kind = Kind::Share(0.0, 1.0);

pub(super) const fn spec(doc: &'static str, keys: &'static [Key]) -> Spec {
    Spec { doc, keys, rivals: &[] }
}

/// The whole file.
pub(super) static ROOT: Spec = spec(
    "A scenario.",
    &[
        Key::new("schema", Kind::Count(1, 1), "Version of the language.").or("1"),
        Key::new(
            "name",
            Kind::Text,
            "Name of the folder under `results/`: letters, digits, `-`, `_`, `.`, no `.` at the \
             start, at most 200. Default: the file's name without `.toml`, made such a name.",
        ),
        Key::new("title", Kind::Text, "One line for people. Default: the name."),
        Key::new(
            "inherit",
            Kind::Text,
            "A file whose keys this one takes over and overrides: the path of a regular file, \
             relative to this file, or the name of a built-in file such as `lanl_pilot`.",
        ),
        Key::new("seed", Kind::Count(0, u64::MAX), "The one seed of all chance.").or("1"),
        Key::new("site", Kind::Table(&upset::SITE), ""),
        Key::new("cluster", Kind::Table(&CLUSTER), ""),
        Key::new("hardware", Kind::Table(&HARDWARE), ""),
        Key::new("upset", Kind::Table(&upset::UPSET), ""),
        Key::new("module", Kind::Table(&MODULE), ""),
        Key::new("network", Kind::Table(&NETWORK), ""),
        Key::new("server", Kind::Table(&SERVER), ""),
        Key::new("boot", Kind::Table(&BOOT), ""),
        Key::new("controller", Kind::Table(&CONTROLLER), ""),
        Key::new("fault", Kind::Table(&faults::FAULTS), ""),
        Key::new("workload", Kind::Table(&WORKLOAD), ""),
        Key::new("checkpoint", Kind::Table(&CHECKPOINT), ""),
        Key::new("job", Kind::Tables(&jobs::JOB), "Several jobs at once."),
        Key::new("stop", Kind::Table(&STOP), ""),
        Key::new("record", Kind::Table(&RECORD), ""),
        Key::new(
            "expect",
            Kind::Map(&Kind::Bound),
            "Demands on metrics, by their names in docs/metrics.md: `efficiency = \"> 0.5\"`, \
             `makespan = \"< 40 d\"`. The run's exit code is 1 if one is missed.",
        ),
        Key::new(
            "sweep",
            Kind::Axes,
            "Axes: each key is the path of another key, in quotes, each value the list of values \
             it takes (`\"cluster.modules\" = [1, 2, 5]`, `seed = \"0..10\"`: 0 to 9). All \
             combinations are run, 10,000 at most.",
        ),
        Key::new(
            "source",
            Kind::Map(&Kind::Text),
            "Where figures of this file come from: `\"hardware.link\" = \"...\"`. A table's path \
             stands for all its keys.",
        ),
        Key::new(
            "assumption",
            Kind::Map(&Kind::Text),
            "Why figures of this file that nobody published are as they are.",
        ),
    ],
);

static CLUSTER: Spec = spec(
    "How many modules of what.",
    &[
        Key::new("hardware", Kind::Text, "Name of the node profile."),
        Key::new("module", Kind::Text, "Name of the module profile."),
        Key::new("modules", Kind::Count(1, NODES_MAX), "Number of modules."),
        Key::new(
            "modules_per_rack",
            Kind::Count(1, NODES_MAX),
            "Modules in a rack; the last rack may be short.",
        ),
    ],
);

static HARDWARE: Spec = spec(
    "One node. The profile named by `cluster.hardware` gives all keys; the file overrides some.",
    &[
        Key::new("model", Kind::Text, "Name for people."),
        Key::new("cores", Kind::Count(1, 1_000_000), "Processor cores."),
        Key::new("memory", SIZE_SOME, "Main memory."),
        Key::new("link", BIT_RATE, "Line rate of the network link."),
        Key::new("sd_read", BYTE_RATE, "Rate at which the SD card is read."),
        Key::new("sd_write", BYTE_RATE, "Rate at which the SD card is written."),
        Key::new("power", Kind::Table(&NODE_POWER), ""),
        Key::new("boot", Kind::Table(&BOOT_TIMES), ""),
        Key::new("array", Kind::Tables(&upset::ARRAY), "Its memories that particles can upset."),
    ],
);

static NODE_POWER: Spec = spec(
    "Power that a node draws.",
    &[
        Key::new("off", POWER, "Switched off or halted."),
        Key::new("boot_peak", POWER, "For `hardware.boot.inrush` after power-on."),
        Key::new("boot", POWER, "Booting, mean."),
        Key::new("idle", POWER, "Up and idle; also hung."),
        Key::new("compute", POWER, "Computing."),
        Key::new("compute_peak", POWER, "Computing, peak: what the PSU must be able to give."),
    ],
);

static BOOT_TIMES: Spec = spec(
    "Times and habits of a node's boot chain.",
    &[
        Key::new("inrush", SPAN, "For so long after power-on the node draws its boot peak."),
        Key::new("rom", SPAN, "From power-on to the first DISCOVER, when it boots from the net."),
        Key::new("rom_sd", SPAN, "From power-on to the first read, when it boots from SD."),
        Key::new(
            "dhcp_tries",
            Kind::Count(0, 1_000_000),
            "DISCOVERs that the ROM sends before it gives up. 0: it cannot boot from the network.",
        ),
        Key::new("dhcp_interval", SPAN_SOME, "Time between two DISCOVERs."),
        Key::new(
            "offer_bug",
            Kind::Flag,
            "Whether the ROM needs a further frame to notice an OFFER (the 3B's bug).",
        ),
        Key::new("offer_window", SPAN, "The further frame must come so soon after the OFFER."),
        Key::new("tftp_block", Kind::Bytes(Bytes(8), Bytes(65_464)), "TFTP block size."),
        Key::new("tftp_pace", SPAN_SOME, "Time per TFTP block in lock-step: the client's pace."),
        Key::new("tftp_file_overhead", SPAN, "Time per file beside its blocks."),
        Key::new("tftp_timeout", SPAN_SOME, "Silence after which the ROM gives a file up."),
        Key::new("files", Kind::List(&Kind::Table(&FILE)), "The files fetched, in order."),
        Key::new("kernel", SPAN, "From the last file to the kernel's network being up."),
        Key::new("init", SPAN, "From the root file system being read to the agent being up."),
        Key::new("spread", Kind::Share(0.0, 0.9), "Kernel and init times vary so much, evenly."),
    ],
);

pub(super) static FILE: Spec = spec(
    "A file of the boot.",
    &[Key::new("name", Kind::Text, "Its name."), Key::new("size", SIZE_SOME, "Its size.")],
);

static MODULE: Spec = spec(
    "One module. The profile named by `cluster.module` gives all keys; the file overrides some.",
    &[
        Key::new("model", Kind::Text, "Name for people."),
        Key::new("nodes", Kind::Count(1, NODES_MAX), "Nodes, spares included."),
        Key::new("spares", Kind::Count(0, NODES_MAX), "The last so many nodes are spares."),
        Key::new("nodes_per_blade", Kind::Count(1, 1_000_000), "Nodes on a blade."),
        Key::new(
            "packs",
            Kind::List(&Kind::Count(1, NODES_MAX)),
            "Nodes of each pack, in node order; the sum is `nodes`.",
        ),
        Key::new("switches", Kind::Count(1, 1_000_000), "Switches."),
        Key::new("uplink", BIT_RATE, "Line rate of a switch's uplink, all its ports together."),
        Key::new("switch_power", POWER, "Power of one switch."),
        Key::new("psu", Kind::List(&Kind::Table(&PSU)), "The PSU domains (`[[module.psu]]`)."),
    ],
);

pub(super) static PSU: Spec = spec(
    "A PSU domain.",
    &[
        Key::new("packs", Kind::List(&Kind::Count(1, 1_000_000)), "Packs it feeds, from 1.")
            .or("[]"),
        Key::new("switches", Kind::List(&Kind::Count(1, 1_000_000)), "Switches it feeds, from 1.")
            .or("[]"),
        Key::new("limit", POWER_SOME, "What it can give; above it the domain browns out."),
        Key::new("restart", SPAN_SOME, "From a brown-out until it gives power again."),
    ],
);

static NETWORK: Spec = spec(
    "The network.",
    &[Key::new("tcp_share", Kind::Share(0.01, 1.0), "Share of a link that TCP payload gets.")],
);

static SERVER: Spec = spec(
    "The boot and file servers.",
    &[
        Key::new("per", Kind::Choice(words::<ServerPer>), "What gets a server of its own."),
        Key::new("link", BIT_RATE, "Line rate of its network interface."),
        Key::new("disk", BYTE_RATE, "Rate of its disk, reads and writes together."),
        Key::new("disk_request", SPAN, "Cost of each file request on the disk."),
        Key::new("tftp_packets", PACKET_RATE, "TFTP data packets it sends, at most."),
        Key::new("dhcp_service", SPAN, "Time in which the daemon answers one DISCOVER."),
        Key::new(
            "dhcp_ping",
            Kind::Any(&[Kind::Flag, Kind::Table(&DHCP_PING)]),
            "Whether the daemon pings an address before it offers it, as dnsmasq does unless told \
             `--no-ping`. `true` and missing keys take the defaults of the table.",
        ),
        Key::new("power", POWER, "Power it draws."),
        Key::new(
            "order",
            Kind::Choice(words::<Order>),
            "How several jobs share it for checkpoints: all at once (`uncontrolled`); one after \
             the other, first come, first served, waiting idle (`blocking-fcfs`) or working on \
             while they wait to write (`ordered-fcfs`); the same, that one next whose turn wastes \
             least (`least-waste`); or without checkpoints (`none`).",
        )
        .or("\"uncontrolled\""),
    ],
);

pub(super) static DHCP_PING: Spec = spec(
    "dnsmasq's ping before an OFFER (2.90: `PING_WAIT` 3 s, `PING_CACHE_TIME` 30 s, and no more \
     than 0.6 x 30 / 3 = 6 pings in that time).",
    &[
        Key::new("wait", SPAN_SOME, "How long it waits for an answer.").or("\"3 s\""),
        Key::new("burst", Kind::Count(1, 1_000_000), "Pings after which it stops pinging.").or("6"),
        Key::new("window", SPAN_SOME, "For so long a ping counts.").or("\"30 s\""),
    ],
);

static BOOT: Spec = spec(
    "How nodes boot.",
    &[
        Key::new(
            "method",
            Kind::Choice(words::<BootMethod>),
            "Where firmware, kernel and root come from. `instant` is no boot at all, for closed \
             forms.",
        ),
        Key::new("power_on", Kind::Table(&POWER_ON), ""),
        Key::new("root_read", SIZE, "What is read from NFS, NBD or SD before user space is up."),
        Key::new("initramfs", SIZE, "Size of the initramfs of `pxe-initramfs`."),
        Key::new(
            "offer_cure",
            Kind::Choice(words::<OfferCure>),
            "Cure for the 3B's OFFER bug: `nudge` (the server sends a frame 0.6 s and 1.2 s after \
             the OFFER), `ssdp` (LANL's: a frame each second until the DISCOVER is seen).",
        ),
        Key::new("stray_frame", SHARE, "Without a cure: chance that stray traffic helps a try."),
    ],
);

static POWER_ON: Spec = spec(
    "How the machine is powered on.",
    &[Key::new(
        "stagger",
        SPAN,
        "Time between two power-ons in a module, in node order; all modules start at once.",
    )],
);

pub(super) static PHI: Spec = spec(
    "Failure detection by phi accrual: the time to wait follows from the beats themselves.",
    &[
        Key::new(
            "threshold",
            Kind::Number(0.5, 16.0),
            "A node is suspected when the chance that its beat is only late is below \
             10^-threshold.",
        )
        .or("8.0"),
        Key::new("beat", SPAN_SOME, "Time between two beats of a node.").or("\"1 s\""),
        Key::new(
            "deviation",
            SPAN_SOME,
            "The least standard deviation of the time between two beats.",
        )
        .or("\"100 ms\""),
    ],
);

static GOSSIP: Spec = spec(
    "Failure detection by gossip (SWIM): the nodes and the controller probe each other.",
    &[
        Key::new("period", SPAN_SOME, "Each member probes another one in each such period.")
            .or("\"1 s\""),
        Key::new("timeout", SPAN_SOME, "Time for a direct answer; shorter than the period.")
            .or("\"300 ms\""),
        Key::new(
            "indirect",
            Kind::Count(0, 16),
            "Members that are asked to probe whoever did not answer.",
        )
        .or("3"),
        Key::new(
            "suspicion",
            Kind::Count(1, 1_000),
            "Periods in which whoever is suspected can still answer.",
        )
        .or("5"),
    ],
);

static CONTROLLER: Spec = Spec {
    doc: "What the controller does about nodes that fail or do not show up.",
    rivals: &[&["phi", "gossip"]],
    keys: &[
        Key::new(
            "detect",
            SPAN,
            "Time without a beat after which a node is taken to have failed; without use with \
             `phi`; with `gossip` for nodes that the others reach and the controller does not.",
        ),
        Key::new("phi", Kind::Table(&PHI), ""),
        Key::new("gossip", Kind::Table(&GOSSIP), ""),
        Key::new("boot_timeout", SPAN_SOME, "A node not up so long after power-on is cycled."),
        Key::new(
            "boot_retries",
            Kind::Count(0, 1_000_000),
            "Power cycles before it is left alone.",
        ),
        Key::new("settle", SPAN, "Time between off and on in a power cycle."),
    ],
};

static WORKLOAD: Spec =
    spec("The job.", &[Key::new("bulk-synchronous", Kind::Table(&BULK_SYNCHRONOUS), "")]);

pub(super) static BULK_SYNCHRONOUS: Spec = spec(
    "All ranks compute a step, then all meet.",
    &[
        Key::new(
            "nodes",
            Kind::Count(1, NODES_MAX),
            "Nodes that the job needs, all at once; with `replicas` its seats, each for one node \
             or for several. Default: all that are not spares, or as many seats as these suffice \
             for.",
        ),
        Key::new(
            "ranks_per_node",
            Kind::Count(1, 1_000_000),
            "Ranks on each node. Default: one for each core.",
        ),
        Key::new("step", SPAN_SOME, "Duration of one step."),
        Key::new("work", SPAN_SOME, "Computing of the whole job, without failures."),
        Key::new("replicas", Kind::Table(&replicas::REPLICAS), ""),
        Key::new("abft", Kind::Table(&ABFT), ""),
    ],
);

static CHECKPOINT: Spec = Spec {
    doc: "The checkpoint protocol of the job.",
    keys: &[
        Key::new("coordinated", Kind::Table(&COORDINATED), ""),
        Key::new("multilevel", Kind::Table(&levels::MULTILEVEL), ""),
        Key::new("logging", Kind::Table(&logging::LOGGING), ""),
    ],
    rivals: &[&["coordinated", "multilevel", "logging"]],
};

pub(super) static COORDINATED: Spec = Spec {
    doc: "All nodes stop computing and write, together.",
    keys: &[
        Key::new("size", SIZE_SOME, "Data per node. Not needed with `cost`."),
        Key::new(
            "interval",
            Kind::Any(&[
                Kind::Choice(|| vec!["young", "daly first order", "daly", "exact", "adaptive"]),
                SPAN_SOME,
            ]),
            "Computing between two checkpoints: a duration, the optimum by a formula for the \
             scenario's own mean time between failures, or `adaptive`, from the failures and \
             checkpoints that the job has seen.",
        )
        .or("\"daly\""),
        Key::new(
            "prior",
            SPAN_SOME,
            "With `adaptive`: the mean time between failures of the job that is believed at first.",
        ),
        Key::new(
            "to",
            Kind::Choice(words::<Place>),
            "Where the data goes: through the fabric to the `file-server`; to the node's own SD \
             `card`, so that the job waits for that very node after a crash; or to the card and \
             to that of a `partner` too, so that a spare can take over. Default: the file server, \
             unless `cost` is given.",
        ),
        Key::new("cost", Kind::Table(&COST), ""),
        Key::new("last", Kind::Flag, "Whether one is written after the last step as well.")
            .or("false"),
        Key::new("strikes", Kind::Table(&STRIKES), ""),
        Key::new(
            "period",
            Kind::Choice(words::<Period>),
            "What the interval counts: `work` between two checkpoints, or the `whole` from start \
             to start.",
        )
        .or("\"work\""),
        Key::new(
            "counts",
            Kind::Choice(words::<Counts>),
            "From when a checkpoint of a fixed `cost` counts: from its `end`, when all is written, \
             or from its `start`, so that a failure while it is written throws nothing away.",
        )
        .or("\"end\""),
        Key::new("verify", Kind::Table(&VERIFY), ""),
        Key::new(
            "keep",
            Kind::Count(1, 1_000_000),
            "Committed checkpoints that are kept, for when a verification finds the last one \
             corrupt.",
        )
        .or("1"),
        Key::new("incremental", Kind::Table(&images::INCREMENTAL), ""),
        Key::new("compression", Kind::Table(&images::COMPRESSION), ""),
    ],
    rivals: &[&["to", "cost"]],
};

pub(super) static VERIFY: Spec = spec(
    "Verification of the memory of all nodes, with computing stopped.",
    &[
        Key::new("cost", SPAN, "What one takes, V."),
        Key::new(
            "per_checkpoint",
            Kind::Count(1, 1_000_000),
            "Verifications for each checkpoint, the last one directly before it.",
        )
        .or("1"),
        Key::new(
            "coverage",
            Kind::Share(0.0, 1.0),
            "Chance of each verification to find corrupt memory corrupt.",
        )
        .or("1.0"),
    ],
);

pub(super) static COST: Spec = spec(
    "Fixed spans in place of transfers.",
    &[
        Key::new("write", SPAN, "Writing, C."),
        Key::new("read", SPAN, "Reading back, R."),
        Key::new("downtime", SPAN, "Downtime D, beside detection and repair.").or("\"0 s\""),
    ],
);

pub(super) static STRIKES: Spec = spec(
    "In which phases a failure may strike the job. Papers differ.",
    &[
        Key::new("checkpoint", Kind::Flag, "While a checkpoint is written.").or("true"),
        Key::new("restart", Kind::Flag, "While a checkpoint is read back.").or("true"),
        Key::new("downtime", Kind::Flag, "During downtime.").or("false"),
        Key::new(
            "silent",
            Kind::Choice(words::<Exposed>),
            "When silent corruption strikes the job's memory: `always`, or only while the job is \
             `computing`, as closed forms suppose.",
        )
        .or("\"always\""),
    ],
);

static STOP: Spec = spec(
    "When the run ends: at the first of the two.",
    &[
        Key::new(
            "when",
            Kind::Choice(words::<StopWhen>),
            "The condition. Default: `workload done` with a workload, else `all up`.",
        ),
        Key::new("at", SPAN_SOME, "The latest end. Default, for `all up` only: `1 h`."),
    ],
);

static RECORD: Spec = spec(
    "What is written down.",
    &[
        Key::new("events", Kind::Choice(words::<EventLevel>), "Which events go to disk."),
        Key::new(
            "sample",
            SPAN_SOME,
            "Time between two meter readings. Default: a round span of some 1/20,000 of `stop.at`, \
             at least 1 s.",
        ),
    ],
);
