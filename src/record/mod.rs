//! x.

pub mod tables;
