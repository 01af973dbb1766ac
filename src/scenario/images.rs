//! What a checkpoint holds of a node's state: all of it or increments, compressed or not.

use crate::config::declare::table;
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::scenario::keys::BYTE_RATE;
use crate::units::ByteRate;

table! {
    /// Increments, which hold what has changed since the checkpoint before; a restart reads the
    /// last full one and all increments upon it.
    pub struct Incremental(Clone, Copy, Debug, PartialEq) {
        /// Share of the state that changes between two checkpoints; of `cost.write` an increment
        /// takes this share.
        share: f64 = Kind::Share(0.000_1, 1.0);
        /// Of the committed checkpoints every k-th is full.
        full_every: u32 = Kind::Count(1, 1_000_000);
    }
}

table! {
    /// Each node compresses its data before they are moved, and decompresses them after they were
    /// read back.
    pub struct Compression(Clone, Copy, Debug, PartialEq) {
        /// Data become so many times less.
        ratio: f64 = Kind::Number(1.0, 1_000.0);
        /// Rate of a node, of the data as they were.
        compress: ByteRate = BYTE_RATE;
        /// Rate of a node, of the data as they were.
        decompress: ByteRate = BYTE_RATE;
    }
}

/// Notes compression where nothing is moved that has a size.
pub(super) fn check(section: &Section<'_>, is_fixed: bool, m: &mut Mistakes) {
    if is_fixed && section.has("compression") {
        let title = "`compression` of checkpoints with `cost`";
        let mistake = Mistake::new(section.place("compression"), title);
        m.note(mistake.help("fixed spans are what they are: give `size` and `to` instead"));
    }
}
