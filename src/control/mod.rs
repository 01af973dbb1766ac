//! What a controller decides, as pure machines: input and `now` go in, commands come out.
//!
//! The model calls them as functions; the fleet's controller is a shell around the same machines
//! that saves their state before it acts.

pub mod coordinator;
