//! Simulated time and the pending events; knows nothing of racks.

mod agenda;
mod chunks;
#[cfg(test)]
mod twin;

pub use agenda::Agenda;
