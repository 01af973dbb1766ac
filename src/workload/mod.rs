//! Workloads as pure machines: no socket, no clock, no hardware.
//!
//! A bulk-synchronous job runs under the coordinator of jobs. Any other workload is informed by
//! [`Input`]s and answers with [`Command`]s; what its tasks are, and between which parts they send,
//! stands in the plan under the number of each.

pub mod bulk_synchronous;
pub mod collective;
pub mod transfers;

use crate::units::Time;

/// What a workload is informed of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The run begins, or the time has come that was asked for.
    Time,
    /// The task of this number has ended, well or not.
    Ended(u32),
}

/// What a workload wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// The transfer of this number begins.
    Send(u32),
    /// [`Input::Time`] at this instant.
    Wake(Time),
    /// All is done.
    Finish,
}
