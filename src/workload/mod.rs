//! Workloads as pure step machines: no socket, no clock, no hardware.

pub mod bulk_synchronous;
