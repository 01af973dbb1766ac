//! The real controller and agent, written once on tokio, generic over the ports of a stage.
//!
//! Nothing leaves the fleet except by a port of [`ports`]: a stage gives simulated ones, a rack
//! gives real ones, and the programs are the same. They need a tokio runtime of one thread with a
//! `LocalSet`; time comes from `tokio::time` only.

pub mod admission;
pub mod agent;
pub mod controller;
mod erased;
pub mod errand;
pub mod group;
mod heartbeats;
mod held;
mod images;
mod injections;
pub mod job;
pub mod limits;
mod link;
pub mod means;
mod memory;
mod neighbours;
mod pace;
mod packet;
pub mod ports;
pub mod ranks;
mod reception;
mod relay;
mod task;
pub mod wire;
pub mod workload;
