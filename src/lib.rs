//! Rackstorm plays resilience experiments on clusters of thousands of Raspberry Pis.
//!
//! The way of data: a scenario (the wish) becomes a [`plan::Plan`] (the decision), a
//! [`backend::Backend`] plays it and tells every [`event::Event`] to a sink, and from there on
//! [`record`], [`analysis`] and [`report`] turn facts into folders, numbers and pages without
//! knowing which stage wrote them. ARCHITECTURE.md has the map.

pub mod analysis;
pub mod backend;
pub mod cli;
pub mod control;
pub mod cosmic;
pub mod drivers;
pub mod engine;
pub mod event;
pub mod fleet;
pub mod hardware;
pub mod ids;
pub mod inventory;
pub mod metrics;
pub mod plan;
pub mod protocol;
pub mod record;
pub mod report;
pub mod rng;
pub mod scenario;
pub mod storm;
#[cfg(feature = "turmoil")]
pub mod swarm;
pub mod testbed;
pub mod theory;
pub mod trace;
pub mod units;
pub mod untrusted;
pub mod workload;
