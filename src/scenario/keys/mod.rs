//! Every key of the scenario language, table by table: its kind, bounds, default and meaning.

pub(super) mod faults;
pub(super) mod jobs;
pub(super) mod levels;
pub(super) mod logging;

use crate::config::declare::Declared;
use crate::config::language::{Key, Kind, Names, TableSpec};
use crate::config::words::words;
use crate::cosmic::memory::Outcomes;
use crate::metrics;
use crate::scenario::abft::Abft;
use crate::scenario::base;
use crate::scenario::boot::{Boot, Controller};
use crate::scenario::cluster::{Cluster, Hardware, Module, Network, Server};
use crate::scenario::images::{Compression, Incremental};
use crate::scenario::job::{Counts, Exposed, KeptAt, Period, Verify};
use crate::scenario::replicas::Replicas;
use crate::scenario::study::StudySpec;
use crate::scenario::sweep::NEVER_SWEPT;
use crate::scenario::{EventLevel, Site, StopWhen};
use crate::units::{BitRate, ByteRate, Bytes, PacketRate, Power, Span};

/// More nodes than any machine that will be simulated here.
pub(super) const NODES_MAX: u64 = 10_000_000;

const YEARS_500: Span = Span::from_secs(500 * 365 * 86_400);
/// Zero is allowed.
pub(super) const SPAN: Kind = Kind::Span(Span::ZERO, YEARS_500);
/// Zero would stop time.
pub(super) const SPAN_SOME: Kind = Kind::Span(Span(1), YEARS_500);
/// One exabyte: beyond it sums could overflow.
const BYTES_MAX: Bytes = Bytes(1_000_000_000_000_000_000);
pub(super) const SIZE: Kind = Kind::Bytes(Bytes(0), BYTES_MAX);
pub(super) const SIZE_SOME: Kind = Kind::Bytes(Bytes(1), BYTES_MAX);
pub(super) const BIT_RATE: Kind = Kind::BitRate(BitRate(1_000), BitRate(1_000_000_000_000_000));
pub(super) const BYTE_RATE: Kind = Kind::ByteRate(ByteRate(1_000), ByteRate(1_000_000_000_000_000));
pub(super) const PACKET_RATE: Kind = Kind::PacketRate(PacketRate(1), PacketRate(1_000_000_000_000));
pub(super) const POWER: Kind = Kind::Power(Power(0), Power(1_000_000_000_000));
pub(super) const POWER_SOME: Kind = Kind::Power(Power(1), Power(1_000_000_000_000));
pub(super) const SHARE: Kind = Kind::Share(0.0, 1.0);

pub(super) const fn spec(doc: &'static str, keys: &'static [Key]) -> TableSpec {
    TableSpec { doc, keys, rivals: &[] }
}

/// The whole file.
pub(crate) static ROOT: TableSpec = TableSpec {
    doc: "A scenario.",
    // Each of several jobs has its own work and checkpoints.
    rivals: &[&["workload", "job"], &["checkpoint", "job"]],
    keys: &[
        Key::new("schema", Kind::Count(1, 1), "Version of the language.").or("1"),
        Key::new(
            "name",
            Kind::Pattern(|| r"^(?!\.)[A-Za-z0-9_.-]{1,200}$".into()),
            "Name of the folder under `results/`: letters, digits, `-`, `_`, `.`, no `.` at the \
             start, at most 200. Default: the file's name without `.toml`, made such a name.",
        ),
        Key::new("title", Kind::Text, "One line for people. Default: the name."),
        Key::new(
            "inherit",
            Kind::Pattern(inheritable),
            "A file whose keys this one takes over and overrides: the path of a regular file, \
             relative to this file, or the name of a built-in file such as `lanl_pilot`.",
        ),
        Key::new("seed", Kind::Count(0, u64::MAX), "The one seed of all chance.").or("1"),
        Key::new("site", Kind::Table(Site::SPEC), ""),
        Key::new("cluster", Kind::Table(Cluster::SPEC), ""),
        Key::new("hardware", Kind::Table(Hardware::SPEC), ""),
        Key::new("upset", Kind::Table(Outcomes::SPEC), ""),
        Key::new("module", Kind::Table(Module::SPEC), ""),
        Key::new("network", Kind::Table(Network::SPEC), ""),
        Key::new("server", Kind::Table(Server::SPEC), ""),
        Key::new("boot", Kind::Table(Boot::SPEC), ""),
        Key::new("controller", Kind::Table(Controller::SPEC), ""),
        Key::new("fault", Kind::Table(&faults::FAULTS), ""),
        Key::new("workload", Kind::Table(&WORKLOAD), ""),
        Key::new("checkpoint", Kind::Table(&CHECKPOINT), ""),
        Key::new("job", Kind::Tables(&jobs::JOB), "The jobs."),
        Key::new("stop", Kind::Table(&STOP), ""),
        Key::new("record", Kind::Table(&RECORD), ""),
        Key::new(
            "expect",
            Kind::Map(Names::Known(metric_names), &Kind::Bound),
            "Demands on metrics, by their names in docs/metrics.md: `efficiency = \"> 0.5\"`, \
             `makespan = \"< 40 d\"`. The run's exit code is 1 if one is missed.",
        ),
        Key::new(
            "sweep",
            Kind::Axes(NEVER_SWEPT),
            "Axes: each key is the path of another key, in quotes, each value the list of values \
             it takes (`\"cluster.modules\" = [1, 2, 5]`), or a range. All combinations are cells \
             of a study; an axis `seed` gives the seeds of each (`seed = \"0..10\"`: 0 to 9).",
        ),
        Key::new("study", Kind::Table(StudySpec::SPEC), ""),
        Key::new(
            "source",
            Kind::Map(Names::Keys, &Kind::Text),
            "Where figures of this file come from: `\"hardware.link\" = \"...\"`. A table's path \
             stands for all its keys.",
        ),
        Key::new(
            "assumption",
            Kind::Map(Names::Keys, &Kind::Text),
            "Why figures of this file that nobody published are as they are.",
        ),
    ],
};

/// A built-in file by its name, or a path.
fn inheritable() -> String {
    let names = base::FILES.iter().map(|&(name, _)| name);
    format!(r"^(?:{}|.*[/\\.].*)$", names.collect::<Vec<_>>().join("|"))
}

pub(super) fn metric_names() -> Vec<&'static str> {
    metrics::ALL.iter().map(|metric| metric.name).collect()
}

static WORKLOAD: TableSpec = spec(
    "The only job: with `checkpoint`, short for a list `job` of one.",
    &[Key::new("bulk-synchronous", Kind::Table(&BULK_SYNCHRONOUS), "")],
);

const RANKS_PER_NODE: Key = Key::new(
    "ranks_per_node",
    Kind::Count(1, 1_000_000),
    "Ranks on each node. Default: one for each core.",
);
const STEP: Key = Key::new("step", SPAN_SOME, "Duration of one step.");
const WORK: Key = Key::new("work", SPAN_SOME, "Computing of the whole job, without failures.");
const REPLICAS: Key = Key::new("replicas", Kind::Table(Replicas::SPEC), "");
const ABFT: Key = Key::new("abft", Kind::Table(Abft::SPEC), "");
const INTERVAL: Key = Key::new(
    "interval",
    Kind::Any(&[
        Kind::Choice(|| {
            vec!["young", "daly first order", "daly", "exact", "cooperative", "adaptive"]
        }),
        SPAN_SOME,
    ]),
    "Computing between two checkpoints: a duration; the optimum by a formula for the job's own \
     mean time between failures; `cooperative`, the periods of all jobs for which the whole \
     machine wastes least while the file server keeps up (Young's for a job that writes \
     elsewhere); or `adaptive`, from the failures and checkpoints that the job has seen.",
)
.or("\"daly\"");
const PRIOR: Key = Key::new(
    "prior",
    SPAN_SOME,
    "With `adaptive`: the mean time between failures of the job that is believed at first.",
);
const LAST: Key =
    Key::new("last", Kind::Flag, "Whether one is written after the last step as well.").or("false");

pub(super) static BULK_SYNCHRONOUS: TableSpec = spec(
    "All ranks compute a step, then all meet.",
    &[
        Key::new(
            "nodes",
            Kind::Count(1, NODES_MAX),
            "Nodes that the job needs, all at once; with `replicas` its seats, each for one node \
             or for several. Default: all that are not spares, or as many seats as these suffice \
             for.",
        ),
        RANKS_PER_NODE,
        STEP,
        WORK,
        REPLICAS,
        ABFT,
    ],
);

static CHECKPOINT: TableSpec = TableSpec {
    doc: "The checkpoint protocol of a job.",
    keys: &[
        Key::new("coordinated", Kind::Table(&COORDINATED), ""),
        Key::new("multilevel", Kind::Table(&levels::MULTILEVEL), ""),
        Key::new("logging", Kind::Table(&logging::LOGGING), ""),
    ],
    rivals: &[&["coordinated", "multilevel", "logging"]],
};

pub(super) static COORDINATED: TableSpec = TableSpec {
    doc: "All nodes stop computing and write, together.",
    keys: &[
        Key::new("size", SIZE_SOME, "Data per node. Not needed with `cost`."),
        INTERVAL,
        PRIOR,
        Key::new(
            "to",
            Kind::Choice(words::<KeptAt>),
            "Where the data goes: through the fabric to the `file-server`; to the node's own SD \
             `card`, so that the job waits for that very node after a crash; or to the card and \
             to that of a `partner` too, so that a spare can take over. Default: the file server, \
             unless `cost` is given.",
        ),
        Key::new("cost", Kind::Table(&COST), ""),
        LAST,
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
        Key::new("verify", Kind::Table(Verify::SPEC), ""),
        Key::new(
            "keep",
            Kind::Count(1, 1_000_000),
            "Committed checkpoints that are kept, for when a verification finds the last one \
             corrupt.",
        )
        .or("1"),
        Key::new("incremental", Kind::Table(Incremental::SPEC), ""),
        Key::new("compression", Kind::Table(Compression::SPEC), ""),
    ],
    rivals: &[&["to", "cost"]],
};

pub(super) static COST: TableSpec = spec(
    "Fixed spans in place of transfers.",
    &[
        Key::new("write", SPAN, "Writing, C."),
        Key::new("read", SPAN, "Reading back, R."),
        Key::new("downtime", SPAN, "Downtime D, besides detection and repair.").or("\"0 s\""),
    ],
);

pub(super) static STRIKES: TableSpec = spec(
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

static STOP: TableSpec = spec(
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

static RECORD: TableSpec = spec(
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
