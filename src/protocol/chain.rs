//! Chains of checkpoints: a full one, and increments of what has changed since the one before.
//!
//! ```text
//!  committed     F  +  +  +  F  +
//!  restart reads 1  2  3  4  1  2    images, all of one chain
//! ```
//!
//! With k = 4 each fourth committed checkpoint is full. Only what is committed counts: a checkpoint
//! that was not complete is tried again as what it was, so that a chain begins with a full one and
//! has no gap. The chain before is needed until the next full one is committed.

use serde::{Deserialize, Serialize};

/// What an order moves of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portion {
    /// Whether all of it.
    pub full: bool,
    /// Increments, each as large as what changes between two checkpoints.
    pub increments: u32,
}

impl Portion {
    /// All of it, and no more.
    pub const FULL: Self = Self { full: true, increments: 0 };
}

/// Where a job is in its chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// Checkpoints of a whole chain: k. With 1 all are full.
    full_every: u32,
    /// Committed checkpoints of the newest chain; 0 before the first.
    images: u32,
}

impl Default for Chain {
    fn default() -> Self {
        Self::new(1)
    }
}

impl Chain {
    /// No checkpoint yet; every k-th will be full.
    #[must_use]
    pub fn new(full_every: u32) -> Self {
        assert!(full_every > 0, "a chain has a full checkpoint");
        Self { full_every, images: 0 }
    }

    /// What the next checkpoint writes.
    #[must_use]
    pub fn to_write(self) -> Portion {
        if self.images.is_multiple_of(self.full_every) {
            return Portion::FULL;
        }
        Portion { full: false, increments: 1 }
    }

    /// What a restart reads.
    #[must_use]
    pub fn to_read(self) -> Portion {
        Portion { full: true, increments: self.increments() }
    }

    /// Increments that the newest committed checkpoint consists of, besides the full one.
    #[must_use]
    pub fn increments(self) -> u32 {
        self.images.saturating_sub(1)
    }

    /// The checkpoint is complete.
    pub fn commit(&mut self) {
        self.images = self.images % self.full_every + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fourth_committed_checkpoint_is_full_and_a_restart_reads_back_to_it() {
        let mut chain = Chain::new(4);
        assert_eq!(chain.to_read(), Portion::FULL, "the initial state");
        for number in 0..12 {
            assert_eq!(chain.to_write().full, number % 4 == 0);
            chain.commit();
            assert_eq!(chain.to_read(), Portion { full: true, increments: number % 4 });
        }
    }

    #[test]
    fn without_increments_all_are_full() {
        let mut chain = Chain::default();
        for _ in 0..3 {
            assert_eq!((chain.to_write(), chain.to_read()), (Portion::FULL, Portion::FULL));
            chain.commit();
        }
    }
}
