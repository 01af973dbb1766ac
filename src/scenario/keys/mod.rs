//! The root of the scenario language, what the keys of many tables take, and the tables of faults.

pub(super) mod faults;

use crate::config::declare::{joined, table};
use crate::config::language::{Kind, Names};
use crate::cosmic::memory::Outcomes;
use crate::metrics;
use crate::scenario::base;
use crate::scenario::boot::{Boot, Controller};
use crate::scenario::changes::OneChange;
use crate::scenario::cluster::{Cluster, Hardware, Module, Network, Server};
use crate::scenario::job_files::QUEUE;
use crate::scenario::jobs::{JOB, Protocols, Workload};
use crate::scenario::parts::{Cell, Group, Supply, Switch};
use crate::scenario::study::StudySpec;
use crate::scenario::sweep::NEVER_SWEPT;
use crate::scenario::transfers::Given;
use crate::scenario::workloads::data_grid::DataGrid;
use crate::scenario::workloads::map_reduce::MapReduce;
use crate::scenario::workloads::multicast::Multicast;
use crate::scenario::workloads::object_store::ObjectStore;
use crate::scenario::workloads::polling::Polling;
use crate::scenario::workloads::rollout::Rollout;
use crate::scenario::workloads::sort::Sort;
use crate::scenario::workloads::web::Web;
use crate::scenario::{Record, Site, StopRule};
use crate::units::{BitRate, ByteRate, Bytes, PacketRate, Power, Span};

/// More nodes than any machine that will be simulated here.
pub(super) const NODES_MAX: u64 = 10_000_000;

/// More than any time that is meant.
pub(crate) const YEARS_500: Span = Span::from_secs(500 * 365 * 86_400);
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

table! {
    /// What a scenario is called, and what chance in it follows from.
    pub(super) struct Top(Debug) {
        /// Version of the language.
        schema: u32 = Kind::Count(1, 1) => "1";
        /// Name of the folder under `results/`: letters, digits, `-`, `_`, `.`, no `.` at the
        /// start, at most 200. Default: the file's name without `.toml`, made such a name.
        name: String = Kind::Pattern(|| r"^(?!\.)[A-Za-z0-9_.-]{1,200}$".into()) => _;
        /// One line for people. Default: the name.
        title: String => _;
        /// A file whose keys this one takes over and overrides: the path of a regular file,
        /// relative to this file, or the name of a built-in file such as `lanl_pilot`.
        inherit: Option<String> = Kind::Pattern(inheritable);
        /// The one seed of all chance.
        seed: u64 => "1";
    }
}

joined! {
    /// A part of a scenario, by the name of the variant that it makes.
    pub(crate) VARIANT:,
    // Each of several jobs has its own work and checkpoints.
    rivals [
        &["workload", "job"],
        &["checkpoint", "job"],
        &["workload", "queue"],
        &["checkpoint", "queue"],
        // A cluster is written as modules or as parts.
        &["cluster", "group"],
        &["module", "group"],
        &["cluster", "switch"],
        &["module", "switch"],
        &["cluster", "supply"],
        &["module", "supply"],
        &["cluster", "cell"],
        &["module", "cell"],
    ] and
        Key::new("site", Kind::Table(Site::SPEC), ""),
        Key::new("cluster", Kind::Table(Cluster::SPEC), ""),
        Key::new("hardware", Kind::Table(Hardware::SPEC), ""),
        Key::new("upset", Kind::Table(Outcomes::SPEC), ""),
        Key::new("module", Kind::Table(Module::SPEC), ""),
        Key::new("group", Kind::Tables(Group::SPEC), "Groups of nodes, in place of modules."),
        Key::new("switch", Kind::Tables(Switch::SPEC), "The switches of groups."),
        Key::new("cell", Kind::Tables(Cell::SPEC), "Wi-Fi cells, whose nodes share the air."),
        Key::new("supply", Kind::Tables(Supply::SPEC), "What feeds groups, switches and servers."),
        Key::new("network", Kind::Table(Network::SPEC), ""),
        Key::new("server", Kind::Table(Server::SPEC), ""),
        Key::new("boot", Kind::Table(Boot::SPEC), ""),
        Key::new("controller", Kind::Table(Controller::SPEC), ""),
        Key::new("fault", Kind::Table(&faults::FAULTS), ""),
        Key::new("workload", Kind::Table(Workload::SPEC), ""),
        Key::new("checkpoint", Kind::Table(Protocols::SPEC), ""),
        Key::new("job", Kind::Tables(&JOB), "The jobs."),
        Key::new("transfers", Kind::Table(Given::SPEC), ""),
        Key::new("sort", Kind::Table(Sort::SPEC), ""),
        Key::new("rollout", Kind::Table(Rollout::SPEC), ""),
        Key::new("multicast", Kind::Table(Multicast::SPEC), ""),
        Key::new("map_reduce", Kind::Table(MapReduce::SPEC), ""),
        Key::new("web", Kind::Table(Web::SPEC), ""),
        Key::new("data_grid", Kind::Table(DataGrid::SPEC), ""),
        Key::new("object_store", Kind::Table(ObjectStore::SPEC), ""),
        Key::new("polling", Kind::Table(Polling::SPEC), ""),
        Key::new("queue", Kind::Table(&QUEUE), ""),
        Key::new("stop", Kind::Table(StopRule::SPEC), ""),
        Key::new("record", Kind::Table(Record::SPEC), ""),
        Key::new("change", Kind::Tables(OneChange::SPEC), "What changes while the run goes on."),
        Key::new(
            "expect",
            Kind::Map(Names::Known(metric_names), &Kind::Bound),
            "Demands on metrics, by their names in docs/metrics.md: `efficiency = \"> 0.5\"`, \
             `makespan = \"< 40 d\"`. The run's exit code is 1 if one is missed.",
        ),
}

const OF_VARIANT: Kind = Kind::Table(&VARIANT);

joined! {
    /// A scenario.
    pub(crate) ROOT: Top,
    rivals [] and
        Key::new("", Kind::Flat(&VARIANT), ""),
        Key::new(
            "variant",
            Kind::Text,
            "The one of the `variants` whose keys lie over those of the file. As an axis: each in \
             turn.",
        ),
        Key::new(
            "variants",
            Kind::Map(Names::Free, &OF_VARIANT),
            "Parts of a scenario by name, such as `[variants.buddies.checkpoint.multilevel]`: all \
             keys may stand in them but those of this table that are no tables, and those of \
             studies and sources.",
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
}

/// A built-in file by its name, or a path.
fn inheritable() -> String {
    let names = base::FILES.iter().map(|&(name, _)| name);
    format!(r"^(?:{}|.*[/\\.].*)$", names.collect::<Vec<_>>().join("|"))
}

pub(super) fn metric_names() -> Vec<&'static str> {
    metrics::ALL.iter().map(|metric| metric.name).collect()
}
