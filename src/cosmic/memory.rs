//! What particles can upset: the memories of a node, their protection, and what comes of an upset.

use crate::units::{Bytes, Span};

/// A memory of a node that particles can upset; all like arrays of the node together.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Name for people, such as `L2 cache`.
    pub name: String,
    /// What its cells are.
    pub kind: Cell,
    /// Its size.
    pub size: Bytes,
    /// How often it is upset.
    pub sensitivity: Sensitivity,
    /// Share of upsets that flip several bits of one word. For [`Sensitivity::Devices`] it follows
    /// from the fault modes, and stands at zero here.
    pub multi_bit: f64,
    /// The code that guards it.
    pub protection: Protection,
}

/// What the cells of a memory are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Static: caches, registers, buffers.
    Sram,
    /// Dynamic: main memory.
    Dram,
}

/// How often a memory is upset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sensitivity {
    /// By the cross-section of a bit for neutrons above 10 MeV (cm2).
    Sigma(f64),
    /// By failures in 1e9 h of 1e6 bits in New York, outdoors at sea level.
    FitPerMbit(f64),
    /// By the fault modes of DRAM chips, as a published field study has them.
    Devices {
        /// How many chips.
        count: u32,
        /// Time between two readings of all of them that write back what the code corrects.
        scrub: Span,
        /// What their faults make of words.
        damages: Damages,
    },
}

/// What a fault of a chip makes of each word that it reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// One wrong bit.
    Bit,
    /// A random pattern in the four bits of the chip.
    Pattern,
    /// All four bits of the chip are wrong.
    All,
}

/// The damage of those modes of faults of which studies and simulators differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damages {
    /// Of one word.
    pub word: Damage,
    /// Of a column.
    pub column: Damage,
    /// Of a row.
    pub row: Damage,
}

impl Damages {
    /// A column is one bit line, and the others leave a random pattern: assumption.
    pub const USUAL: Self =
        Self { word: Damage::Pattern, column: Damage::Bit, row: Damage::Pattern };
}

/// The code that guards a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// None.
    None,
    /// One bit that makes the number of ones even.
    Parity,
    /// Corrects one bit of a word, detects two.
    Secded,
    /// Corrects whatever one chip does to a word, detects two chips.
    Chipkill,
}

/// What an upset that no code catches comes to, by what the node does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcomes {
    /// The node is up and has no part in a job.
    pub idle: Shares,
    /// It computes.
    pub compute: Shares,
    /// It writes or reads a checkpoint.
    pub checkpoint: Shares,
}

/// Shares of upsets by what they come to; the others do nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shares {
    /// Wrong data, and nobody knows.
    pub silent: f64,
    /// The node stops dead.
    pub crash: f64,
    /// The node goes silent but keeps its power.
    pub hang: f64,
}

impl Shares {
    /// The share that does nothing.
    #[must_use]
    pub fn masked(self) -> f64 {
        f64::max(1.0 - self.silent - self.crash - self.hang, 0.0)
    }
}
