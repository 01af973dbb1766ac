//! Rackstorm plays resilience experiments on clusters of thousands of Raspberry Pis.
//!
//! A [`Scenario`] says what machine stands where, how it boots, what it computes and what goes
//! wrong. With its seed it is made into a [`Plan`], in which all chance is decided. A [`Run`] plays
//! the plan on a [`stage`] into an [`Outcome`]: the same plan gives the same outcome on every
//! machine. The program `rackstorm` does the same from the command line.
//!
//! # A run
//!
//! What a scenario may say stands in `docs/scenario.md`, what each metric means in
//! `docs/metrics.md`; `edge_rack_24` is one of the machines that are built in.
//!
//! ```
//! use rackstorm::stage::Model;
//! use rackstorm::{Plan, Run};
//!
//! let text = r#"
//!     schema = 1
//!     inherit = "edge_rack_24"
//!     stop = { when = "workload done", at = "30 d" }
//!     [[fault.crash]]
//!     on = "node"
//!     lifetime = { exponential = { mean = "10 d" } }
//!     [workload]
//!     bulk-synchronous = { nodes = 20, step = "30 s", work = "1 d" }
//!     [checkpoint]
//!     coordinated = { size = "200 MB", interval = "daly" }
//! "#;
//! let scenario = rackstorm::read("a_day", text)?;
//! let outcome = Run::new(&Plan::make(&scenario), &Model).play()?;
//! assert_eq!(outcome.metric("jobs_done"), Some(1.0));
//! let efficiency = outcome.metric("efficiency").expect("there is a job");
//! assert!(0.5 < efficiency && efficiency < 1.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Changing a scenario, and many runs
//!
//! A key is changed as `--set` of the command line does it. [`load`] reads a file with all that it
//! inherits, [`load_text`] a text; a [`Study`] has the cells of a file with `[sweep]`.
//!
//! ```
//! use rackstorm::stage::Model;
//! use rackstorm::{Overrides, Plan, Run};
//!
//! let text = r#"
//!     schema = 1
//!     inherit = "edge_rack_24"
//!     stop = { when = "all up", at = "1 h" }
//! "#;
//! let mut booted = Vec::new();
//! for method in ["sd", "pxe-nfs"] {
//!     let set = vec![format!("boot.method={method}")];
//!     let scenario = rackstorm::read_over("boot", text, &Overrides { set, seed: Some(7) })?;
//!     let outcome = Run::new(&Plan::make(&scenario), &Model).play()?;
//!     booted.extend(outcome.metric("boot_t100"));
//! }
//! assert!(booted[0] < booted[1], "from its own card a node boots sooner");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Mistakes in a scenario
//!
//! All of them are found at once, each with its place and a hint.
//!
//! ```
//! let text = "schema = 1\ninherit = \"edge_rack_24\"\nseed = -1\ncluster.modlues = 2\n";
//! let mistakes = rackstorm::read("typo", text).expect_err("two mistakes");
//! assert_eq!(mistakes.len(), 2);
//! assert!(mistakes.to_string().contains("did you mean `modules`?"));
//! ```
//!
//! # More than metrics
//!
//! A run keeps what it is asked for and nothing else, so thousands of runs in memory cost no more
//! than their metrics: where nobody needs every event, whole steps of a job are passed over. The
//! plan of another seed is made by [`Plan::with_seed`], and [`Run::metrics`] keeps some metrics
//! only. [`Run::series`] keeps quantities over time, [`Run::fingerprint`] a hash over
//! every event, and [`Run::sink`] gives each [`Event`](event::Event) to a [`Sink`] of yours as it
//! happens. [`Run::record`] leaves a results folder, which every command of the program reads, and
//! [`RecordedRun::report`] draws its page.
//!
//! ```
//! use rackstorm::event::{Event, What};
//! use rackstorm::stage::Model;
//! use rackstorm::{Plan, Run, Sink, Stop};
//!
//! /// Counts the times that a node enters a state.
//! struct Changes(u64);
//!
//! impl Sink for Changes {
//!     fn event(&mut self, event: &Event) -> Result<(), Stop> {
//!         self.0 += u64::from(matches!(event.what, What::NodeState { .. }));
//!         Ok(())
//!     }
//! }
//!
//! let text = "schema = 1\ninherit = \"edge_rack_24\"\nstop.at = \"10 min\"\n";
//! let plan = Plan::make(&rackstorm::read("boot", text)?);
//! let mut changes = Changes(0);
//! let first = Run::new(&plan, &Model).fingerprint().sink(&mut changes).play()?;
//! assert!(changes.0 > 24 && changes.0 < first.events);
//!
//! let out = std::env::temp_dir().join("rackstorm-tutorial");
//! let recorded = Run::new(&plan, &Model).record(&out)?;
//! assert_eq!(recorded.outcome.fingerprint, first.fingerprint);
//! # std::fs::remove_dir_all(&out)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The folder `examples` has three programs: a run, a sweep over a key and seeds, and a sink that
//! prints events. ARCHITECTURE.md is the map of the sources; their rooms are reachable for the
//! tests of this package and are no part of its interface.

#[cfg_attr(not(rooms), doc(hidden))]
pub mod analysis;
#[cfg_attr(not(rooms), doc(hidden))]
pub mod backend;
#[cfg_attr(not(rooms), doc(hidden))]
pub mod cli;
mod config;
#[cfg_attr(not(rooms), doc(hidden))]
pub mod control;
#[cfg_attr(not(rooms), doc(hidden))]
pub mod cosmic;
#[cfg_attr(not(rooms), doc(hidden))]
pub mod drivers;
#[cfg_attr(not(rooms), doc(hidden))]
pub mod engine;
pub mod event;
#[cfg_attr(not(rooms), doc(hidden))]
pub mod experiment;
#[cfg_attr(not(rooms), doc(hidden))]
pub mod export;
#[cfg_attr(not(rooms), doc(hidden))]
pub mod fitting;
#[cfg_attr(not(rooms), doc(hidden))]
pub mod fleet;
#[cfg_attr(not(rooms), doc(hidden))]
pub mod forecast;
#[cfg_attr(not(rooms), doc(hidden))]
pub mod hardware;
pub mod ids;
#[cfg_attr(not(rooms), doc(hidden))]
pub mod inventory;
pub mod metrics;
#[cfg_attr(not(rooms), doc(hidden))]
pub mod plan;
#[cfg_attr(not(rooms), doc(hidden))]
pub mod protocol;
#[cfg_attr(not(rooms), doc(hidden))]
pub mod record;
#[cfg_attr(not(rooms), doc(hidden))]
pub mod report;
#[cfg_attr(not(rooms), doc(hidden))]
pub mod rng;
#[cfg_attr(not(rooms), doc(hidden))]
pub mod scenario;
#[cfg_attr(not(rooms), doc(hidden))]
pub mod storm;
#[cfg_attr(not(rooms), doc(hidden))]
#[cfg(feature = "turmoil")]
pub mod swarm;
#[cfg_attr(not(rooms), doc(hidden))]
pub mod testbed;
#[cfg_attr(not(rooms), doc(hidden))]
pub mod theory;
#[cfg_attr(not(rooms), doc(hidden))]
pub mod trace;
pub mod units;
#[cfg_attr(not(rooms), doc(hidden))]
pub mod untrusted;
#[cfg_attr(not(rooms), doc(hidden))]
pub mod workload;

/// What plays a plan: a stage.
///
/// These two play in one thread of the calling program. The stages `loopback` and `rack` start
/// agents from the program `rackstorm` and are played by it alone.
pub mod stage {
    pub use crate::backend::Backend;
    pub use crate::backend::model::Model;
    #[cfg(feature = "turmoil")]
    pub use crate::backend::turmoil::{Reference, Turmoil};
}

pub use analysis::expect::{Standing, Verdict};
pub use analysis::{BootSpan, Findings, JobFinding, NodeClass, NodeFinding, Point, Series};
pub use event::{Sink, Stop};
pub use experiment::{Outcome, RecordedRun, Run, RunError};
pub use plan::Plan;
pub use record::{Finished, RecordError};
pub use scenario::{
    Comparison, Expect, Loaded, Mistakes, Overrides, Scenario, Study, load, load_text, read,
    read_over,
};

/// The program's example in README.md.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The example in docs/workloads.md.
#[cfg(doctest)]
#[doc = include_str!("../docs/workloads.md")]
struct OwnWorkload;
