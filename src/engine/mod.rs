//! Simulated time and the pending events; knows nothing of racks.

mod agenda;
mod chunks;
mod tickets;
#[cfg(test)]
mod twin;

pub use agenda::Agenda;
pub use tickets::Ticket;
