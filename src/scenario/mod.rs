//! TOML files, read into a [`Scenario`], every mistake reported at its line and column.

pub mod abft;
pub mod arrivals;
pub mod boot;
pub mod cluster;
pub mod collective;
pub mod difference;
pub mod fault;
pub mod harm;
pub mod images;
pub mod job;
mod job_files;
pub mod jobs;
pub mod law;
pub mod queue;
pub mod replicas;

mod arrays;
mod axes;
mod base;
mod cells;
pub mod changes;
mod conditions;
mod design;
mod drain;
mod exclusions;
mod execution;
mod fault_rules;
mod files;
pub(crate) mod keys;
mod levels;
mod load;
pub mod logging;
mod machine;
mod optimum;
mod overrides;
mod part_rules;
pub mod partition;
pub mod parts;
mod ranges;
mod replay;
mod resolved;
pub mod study;
mod study_text;
mod sweep;
pub mod template;
pub mod transfers;
mod variants;
pub mod varied;
mod words;
pub mod workloads;

pub use crate::config::language::Comparison;
pub use crate::config::mistakes::Mistakes;
pub use crate::config::nodeset::nodes;
pub use crate::cosmic::flux::Site;
pub use load::{Loaded, Overrides, load, load_reference, load_text, read, read_over};
pub use resolved::text;
pub use study::Study;

use std::sync::Arc;

use crate::config::declare::{choice, table};
use crate::scenario::keys::SPAN_SOME;
use crate::units::{BitRate, Power, Span, Time};

/// The JSON Schema (draft 7) of scenario files.
///
/// Keys that must be there are not reported: what a file lacks, another file that it inherits or a
/// built-in profile may give.
#[must_use]
pub fn schema() -> serde_json::Value {
    crate::config::schema::schema(&keys::ROOT, "Rackstorm scenario")
}

/// A whole scenario: resolved (inherited, overridden), checked, every default filled in.
///
/// [`load()`], [`load_text`], [`read`] and [`read_over`] make one, and [`text`] writes it out
/// again. A key of it is changed by [`Overrides`], which are checked like the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// The file's stem; the name of its folder under `results/`.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// The one seed of all chance.
    pub seed: u64,
    /// Where the machine stands.
    #[doc(hidden)]
    pub site: Site,
    /// How many modules of what.
    #[doc(hidden)]
    pub cluster: cluster::Cluster,
    /// The node hardware.
    #[doc(hidden)]
    pub hardware: cluster::Hardware,
    /// What an upset of a node's memory comes to.
    #[doc(hidden)]
    pub upset: crate::cosmic::memory::Outcomes,
    /// The module hardware.
    #[doc(hidden)]
    pub module: cluster::Module,
    /// The parts that it is written as; `None` for modules. Hardware, cluster and module are then
    /// those of the first group, and of the one module that all parts are.
    #[doc(hidden)]
    pub parts: Option<Arc<parts::Parts>>,
    /// Links above the switches, and the share of a link that payload gets.
    #[doc(hidden)]
    pub network: cluster::Network,
    /// The boot and file servers.
    #[doc(hidden)]
    pub server: cluster::Server,
    /// How nodes boot.
    #[doc(hidden)]
    pub boot: boot::Boot,
    /// What the controller does about nodes that fail or do not show up.
    #[doc(hidden)]
    pub controller: boot::Controller,
    /// The fault rules, in the order of the file.
    #[doc(hidden)]
    pub faults: Vec<fault::FaultRule>,
    /// The jobs; `[workload]` with `[checkpoint]` is a list of one.
    #[doc(hidden)]
    pub jobs: Vec<jobs::JobSpec>,
    /// Those that arrive by a law. In a scenario of a plan they are drawn, and stand behind the
    /// others among the jobs.
    #[doc(hidden)]
    pub arrivals: Option<Arc<arrivals::Arrivals>>,
    /// Transfers between parts, each at a time of its own.
    #[doc(hidden)]
    pub transfers: Arc<[transfers::Transfer]>,
    /// Workloads that are no jobs and no transfers.
    #[doc(hidden)]
    pub workloads: workloads::Workloads,
    /// How those of them are placed that wait for nodes.
    #[doc(hidden)]
    pub queue: queue::Queue,
    /// When the run ends.
    #[doc(hidden)]
    pub stop: StopRule,
    /// What is written down.
    #[doc(hidden)]
    pub record: Record,
    /// What the run must show; exit code 1 if it does not.
    pub expect: Vec<Expect>,
    /// What changes while it goes on, by time.
    #[doc(hidden)]
    pub changes: Vec<changes::Change>,
    /// Where each figure of hardware, module, network, server and boot comes from.
    #[doc(hidden)]
    pub provenance: Vec<Provenance>,
}

impl Scenario {
    /// The hardware of a group; that of all nodes in a cluster of modules, which is group 0.
    #[must_use]
    pub fn hardware_of(&self, group: u16) -> &cluster::Hardware {
        match &self.parts {
            None => &self.hardware,
            Some(parts) => &parts.groups[usize::from(group)].node,
        }
    }

    /// The hardware of each group.
    pub fn all_hardware(&self) -> impl Iterator<Item = &cluster::Hardware> {
        let groups = self.parts.as_ref().map_or(1, |parts| parts.groups.len());
        (0..groups as u16).map(|group| self.hardware_of(group))
    }

    /// The hardware of each group that has nodes which take part in jobs.
    pub fn working_hardware(&self) -> impl Iterator<Item = &cluster::Hardware> {
        let head = self.parts.as_ref().and_then(|parts| parts.head(&self.server));
        let head = head.filter(|_| self.server.computes != Some(true));
        let works =
            move |nodes: &std::ops::Range<u32>| nodes.len() > 1 || Some(nodes.start) != head;
        let ranges = self.parts.iter().flat_map(|parts| parts.nodes_of_groups());
        let of_parts = ranges.zip(self.all_hardware());
        let of_modules = self.parts.is_none().then_some(&self.hardware);
        of_parts.filter(move |(nodes, _)| works(nodes)).map(|(_, node)| node).chain(of_modules)
    }

    /// What the nodes are, for people.
    #[must_use]
    pub fn models(&self) -> String {
        let mut models: Vec<&str> = Vec::new();
        for hardware in self.all_hardware() {
            if !models.contains(&hardware.model.as_str()) {
                models.push(&hardware.model);
            }
        }
        models.join(", ")
    }

    /// The rate of a server's link: that of its node, if it is one.
    #[must_use]
    pub fn server_link(&self) -> BitRate {
        let head = self.parts.as_ref().and_then(|it| Some(it.group_of(it.head(&self.server)?)));
        head.map_or(self.server.link, |group| group.node.link)
    }

    /// What a server draws besides its node, if it is one.
    #[must_use]
    pub fn server_power(&self) -> Power {
        if self.server.node.is_some() { Power(0) } else { self.server.power }
    }

    /// Whether all nodes are of one kind.
    #[must_use]
    pub fn has_like_nodes(&self) -> bool {
        self.parts.as_ref().is_none_or(|parts| parts.are_alike())
    }
}

table! {
    /// When the run ends: at the first of the two.
    pub struct StopRule(Clone, Debug, PartialEq) {
        /// The condition. Default: `workload done` with a workload, else `all up`.
        when: StopWhen => _;
        /// The latest end. Default, for `all up` only: `1 h`.
        at: Time = SPAN_SOME => _;
    }
}

choice! {
    /// The condition that ends a run early.
    pub enum StopWhen(Clone, Copy, Debug, PartialEq, Eq) {
        /// All work of all jobs is done.
        WorkloadDone = "workload done",
        /// All nodes are up.
        AllUp = "all up",
        /// Only at [`StopRule::at`].
        Never = "never",
    }
}

table! {
    /// What is written down.
    pub struct Record(Clone, Debug, PartialEq) {
        /// Which events go to disk.
        events: EventLevel;
        /// Time between two meter readings. Default: a round span of some 1/20,000 of `stop.at`, at
        /// least 1 s.
        sample: Span = SPAN_SOME => _;
    }
}

choice! {
    /// Which events go to disk.
    pub enum EventLevel(Clone, Copy, Debug, PartialEq, Eq) {
        /// Every one.
        All = "all",
        /// Only faults, job failures and checkpoints' ends.
        Faults = "faults",
        /// None.
        None = "none",
    }
}

/// A demand on a metric: `efficiency = "> 0.5"`.
#[derive(Clone, Debug, PartialEq)]
pub struct Expect {
    /// The metric's name, as in `metrics.csv`.
    pub metric: String,
    /// The comparison.
    pub op: Comparison,
    /// The bound, in the metric's own unit.
    pub bound: f64,
}

/// Where one figure comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// The key, such as `hardware.link`.
    pub key: String,
    /// The value as written.
    pub value: String,
    /// What stands behind it.
    pub source: Source,
}

/// What stands behind a figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A published source, as given in the profile's `source` table.
    Published(String),
    /// An assumption: nobody published it. The text says why this value, if the profile says so.
    Assumption(String),
    /// The scenario sets it itself.
    Scenario,
}
