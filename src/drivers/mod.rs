//! Drivers of real things: network and certificates, disk, a node's board, the agent as a process.
//!
//! A driver carries out what a port of [`crate::fleet::ports`] asks for, and decides nothing.

pub mod agent;
pub mod agents;
pub mod authority;
pub mod board;
pub mod descriptors;
pub mod harm;
pub mod harmless;
pub mod net;
pub mod power;
pub mod process;
pub mod scratch;
pub mod store;
pub mod tls;
