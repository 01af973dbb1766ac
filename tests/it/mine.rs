//! Mine, and nobody else's.

mod fleet;
mod golden;
mod harness;
mod program;
mod stages;
