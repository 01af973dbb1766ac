//! Drivers of real things: network and certificates, disk, a node's board, the agent as a process.
//!
//! A driver carries out what a port of [`crate::fleet::ports`] asks for, and decides nothing.

pub mod agent;
pub mod agents;
pub mod authority;
pub mod batch;
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

mod tool;

use std::fmt;

/// What goes wrong with what a driver speaks to: a power controller, a batch system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriverError {
    /// What happened.
    what: String,
    /// What somebody could do about it.
    way_out: String,
    /// Whether an order that it befell may have been carried out all the same.
    perhaps_done: bool,
}

impl DriverError {
    fn new(what: impl Into<String>, way_out: impl Into<String>) -> Self {
        Self { what: what.into(), way_out: way_out.into(), perhaps_done: false }
    }

    /// The same, where an order may have been carried out although its answer was lost.
    fn perhaps_done(self) -> Self {
        Self { perhaps_done: true, ..self }
    }
}

impl fmt::Display for DriverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.way_out)
    }
}

impl std::error::Error for DriverError {}
