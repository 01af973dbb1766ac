//! Resilience protocols as pure machines, `on(input) -> order`: the model calls them as
//! functions, a fleet runs the same machines over sockets.

pub mod coordinated;
