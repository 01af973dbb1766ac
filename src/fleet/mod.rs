//! The real controller and agent, written once on tokio, generic over the doors of a stage.
//!
//! Nothing leaves the fleet except by a door of [`doors`]: a stage gives simulated ones, a rack
//! gives real ones, and the programs are the same. They need a tokio runtime of one thread with a
//! `LocalSet`; time comes from `tokio::time` only.

pub mod admission;
pub mod agent;
mod beats;
pub mod controller;
mod deeds;
pub mod doors;
pub mod group;
mod held;
mod images;
pub mod job;
pub mod limits;
mod link;
pub mod means;
mod memory;
mod neighbours;
mod pace;
mod packet;
pub mod ranks;
mod reception;
mod relay;
mod task;
pub mod wire;
