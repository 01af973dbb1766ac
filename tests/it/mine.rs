//! Mine.

mod harness;
mod program;
mod stages;
mod tidy;
