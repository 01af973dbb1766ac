//! Mine.

mod harness;
mod loopback;
mod pace;
mod program;
mod stages;
mod tidy;
