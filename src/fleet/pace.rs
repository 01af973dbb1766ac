//! The times of an agent and its controller.

use std::time::Duration;

use crate::units::Span;

/// The times of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Between two beats.
    pub beat: Duration,
    /// For a connection, a write, a first message.
    pub patience: Duration,
    /// Between two tries of what failed.
    pub retry: Duration,
    /// The longest time between two tries to join of an agent that was never taken in.
    pub retry_max: Duration,
    /// Without an answer to its beats for so long, it makes its link anew.
    pub silence: Duration,
}

impl Pace {
    /// The times that suit this time between two beats.
    #[must_use]
    pub fn for_beat(beat: Span) -> Self {
        let beat = Duration::from_nanos(beat.0);
        Self { beat, patience: beat * 5, retry: beat, retry_max: beat, silence: beat * 5 }
    }
}
