//! The times of an agent and its controller.

use std::time::Duration;

use crate::units::Span;

/// The times of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Between two heartbeats.
    pub heartbeat: Duration,
    /// For a connection, a write, a first message.
    pub patience: Duration,
    /// Between two tries of what failed.
    pub retry: Duration,
    /// The longest time between two tries to join of an agent that was never taken in.
    pub retry_max: Duration,
    /// Without an answer to its heartbeats for so long, it makes its link anew.
    pub silence: Duration,
}

impl Pace {
    /// The times that suit this time between two heartbeats.
    #[must_use]
    pub fn for_heartbeat(heartbeat: Span) -> Self {
        let heartbeat = Duration::from_nanos(heartbeat.0);
        Self {
            heartbeat,
            patience: heartbeat * 5,
            retry: heartbeat,
            retry_max: heartbeat,
            silence: heartbeat * 5,
        }
    }
}
