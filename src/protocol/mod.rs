//! Resilience protocols as pure machines: each input is answered by an order.
//!
//! The model calls them as functions; a fleet runs the same machines over sockets.

pub mod coordinated;
pub mod heartbeat;
pub mod seating;
