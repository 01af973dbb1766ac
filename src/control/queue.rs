//! What is due, in the order of time and of its scheduling: for whoever has no agenda of its own.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::units::Time;

/// Things of type `D` that become due. Each operation is O(log n).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Queue<D: Ord> {
    entries: BTreeSet<(Time, u64, D)>,
    /// Entries ever made.
    made: u64,
}

impl<D: Ord> Default for Queue<D> {
    fn default() -> Self {
        Self { entries: BTreeSet::new(), made: 0 }
    }
}

impl<D: Ord + Copy> Queue<D> {
    /// Adds what is due at a time. At [`Time::NEVER`] nothing happens, ever.
    pub fn push(&mut self, at: Time, due: D) {
        if at != Time::NEVER {
            self.made += 1;
            self.entries.insert((at, self.made, due));
        }
    }

    /// When something is due next.
    #[must_use]
    pub fn next(&self) -> Option<Time> {
        self.entries.first().map(|&(at, ..)| at)
    }

    /// Takes out what is due by now, the earliest first, and says when it was due.
    pub fn pop(&mut self, now: Time) -> Option<(Time, D)> {
        if self.next()? > now {
            return None;
        }
        self.entries.pop_first().map(|(at, _, due)| (at, due))
    }
}
