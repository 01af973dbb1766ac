//! The keys of increments and compression.

use super::{BYTE_RATE, spec};
use crate::scenario::language::{Key, Kind, Spec};

/// Increments between full checkpoints.
pub(in crate::scenario) static INCREMENTAL: Spec = spec(
    "Increments, which hold what has changed since the checkpoint before; a restart reads the \
     last full one and all increments upon it.",
    &[
        Key::new(
            "share",
            Kind::Share(0.000_1, 1.0),
            "Share of the state that changes between two checkpoints; of `cost.write` an increment \
             takes this share.",
        ),
        Key::new(
            "full_every",
            Kind::Count(1, 1_000_000),
            "Of the committed checkpoints every so manieth is full.",
        ),
    ],
);

/// Compression of what is written.
pub(in crate::scenario) static COMPRESSION: Spec = spec(
    "Each node compresses its data before they are moved, and decompresses them after they were \
     read back.",
    &[
        Key::new("ratio", Kind::Number(1.0, 1_000.0), "Data become so many times less."),
        Key::new("compress", BYTE_RATE, "Rate of a node, of the data as they were."),
        Key::new("decompress", BYTE_RATE, "Rate of a node, of the data as they were."),
    ],
);
