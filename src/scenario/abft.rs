//! Algorithm-based fault tolerance: computing that carries checksums and checks each of its steps.

use serde::{Deserialize, Serialize};

use crate::config::declare::{choice, table};
use crate::scenario::keys::SHARE;

table! {
    /// Algorithm-based fault tolerance: the data carry checksums, which each step checks.
    pub struct Abft(Clone, Copy, Debug, PartialEq) {
        /// Chance of a step's check to find a corruption that struck in the step.
        coverage: f64 = SHARE;
        /// By how much checksums lengthen a step, as a share of it.
        overhead: f64 = Kind::Number(0.0, 10.0);
        /// What becomes of a corruption that is found: checksums `correct` it in place, or the
        /// job is to `roll-back`.
        found: Found => "\"correct\"";
    }
}

choice! {
    /// What becomes of a corruption that a check has found.
    pub enum Found(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize) {
        /// The checksums give the right data back, in no time.
        Correct = "correct",
        /// The job is thrown back to its last checkpoint.
        RollBack = "roll-back",
    }
}
