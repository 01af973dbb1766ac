//! Closed forms of checkpointing and replication, as pure functions of plain numbers.
//!
//! Unless a function says otherwise all times are in one unit, whichever, and rates are per that
//! unit. A formula is written as its source has it; what is only derived here, or recalled, says
//! so: "Not confirmed from a second source". `docs/theory.md` lists them all with their ranges.
//!
//! Words: M is the mean time between failures that the whole job sees and `rate` = 1/M. W is the
//! computing between two checkpoints and T = W + C the period from the start of one checkpoint to
//! that of the next; papers differ in which of the two they call the interval.

pub mod buddy;
pub mod compression;
pub mod ettr;
pub mod incremental;
pub mod lambert;
pub mod logging;
pub mod multilevel;
pub mod predictor;
pub mod replication;
pub mod scr;
pub mod seats;
pub mod segment;
pub mod shared_io;
pub mod silent;
pub mod vaidya;
pub mod waste;
pub mod young_daly;

/// What a checkpoint and a failure cost, each a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Costs {
    /// Writing a checkpoint: C.
    pub write: f64,
    /// Reading one back: R.
    pub recovery: f64,
    /// From a failure until recovery begins: D.
    pub downtime: f64,
}

#[cfg(test)]
mod tests {
    /// Fails unless the value is the published one to its last printed digit, give or take half.
    pub(super) fn printed(value: f64, published: f64, digits: i32) {
        let half = 0.501 * libm::pow(10.0, -f64::from(digits));
        assert!((value - published).abs() <= half, "{value}, published {published}");
    }

    #[test]
    fn the_document_names_every_formula() {
        let document = include_str!("../../docs/theory.md");
        let files = [
            ("buddy", include_str!("buddy.rs")),
            ("compression", include_str!("compression.rs")),
            ("ettr", include_str!("ettr.rs")),
            ("incremental", include_str!("incremental.rs")),
            ("lambert", include_str!("lambert.rs")),
            ("logging", include_str!("logging.rs")),
            ("multilevel", include_str!("multilevel.rs")),
            ("predictor", include_str!("predictor.rs")),
            ("replication", include_str!("replication.rs")),
            ("scr", include_str!("scr.rs")),
            ("seats", include_str!("seats.rs")),
            ("segment", include_str!("segment.rs")),
            ("shared_io", include_str!("shared_io.rs")),
            ("silent", include_str!("silent.rs")),
            ("vaidya", include_str!("vaidya.rs")),
            ("waste", include_str!("waste.rs")),
            ("young_daly", include_str!("young_daly.rs")),
        ];
        for (room, text) in files {
            for line in text.lines() {
                let Some(rest) = line.trim_start().strip_prefix("pub fn ") else { continue };
                let name = rest.split(['(', '<']).next().unwrap_or_default();
                let name = format!("`{room}::{name}`");
                assert!(document.contains(&name), "docs/theory.md does not name {name}");
            }
        }
    }
}
