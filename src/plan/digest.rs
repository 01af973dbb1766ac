//! One number for a whole plan, to see whether two are the same.

use std::fmt::{self, Write};

use sha2::{Digest, Sha256};

use crate::plan::Plan;
use crate::plan::machine::Machine;
use crate::scenario;

/// Text is hashed in pieces of about this size (bytes).
const PIECE: usize = 1 << 16;

/// A hash that takes text.
struct Text {
    sha: Sha256,
    piece: String,
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.piece.push_str(text);
        if self.piece.len() >= PIECE {
            self.sha.update(&self.piece);
            self.piece.clear();
        }
        Ok(())
    }
}

/// See [`Plan::digest`].
pub(super) fn of(plan: &Plan) -> String {
    let mut text = Text { sha: Sha256::new(), piece: String::with_capacity(2 * PIECE) };
    // As a file has it, so that the names of our types are not part of it.
    let scenario = scenario::text(&plan.scenario);
    writeln!(text, "{scenario}{:?}", plan.jobs).expect("a hash takes any text");
    write_rows(&plan.machine, &mut text).expect("a hash takes any text");
    text.sha.update(&text.piece);
    let mut hexadecimal = String::with_capacity(64);
    for byte in text.sha.finalize() {
        write!(hexadecimal, "{byte:02x}").expect("a string takes any text");
    }
    hexadecimal
}

fn write_rows(machine: &Machine, out: &mut Text) -> fmt::Result {
    let Machine { racks, modules, packs, blades, nodes, switches, psus, servers, wiring } = machine;
    write!(out, "{racks} {modules:?} {packs:?} {switches:?} {psus:?} {servers:?}")?;
    if machine.is_of_parts() {
        write!(out, " {wiring:?}")?;
    }
    for row in blades {
        write!(out, "\n{}", row.pack)?;
    }
    // By hand, because a debug print of a million nodes takes a second.
    for row in nodes {
        let (blade, switch, psu) = (row.blade, row.switch, row.psu);
        let (module, server, spare) = (row.module, row.server, row.spare);
        write!(out, "\n{module} {blade} {switch} {psu} {server} {spare}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::plan::pilot;

    #[test]
    fn the_digest_changes_with_anything_decided_and_with_nothing_else() {
        let plan = Plan::make(&pilot::scenario());
        let digest = plan.digest();
        assert_eq!(digest, Plan::make(&pilot::scenario()).digest());
        assert_eq!(digest.len(), 64);
        let mut scenario = pilot::scenario();
        scenario.seed += 1;
        assert_ne!(digest, Plan::make(&scenario).digest());
        let mut other = plan.clone();
        Arc::make_mut(&mut other.machine).nodes[749].spare = false;
        assert_ne!(digest, other.digest());
        let mut other = plan.clone();
        Arc::make_mut(&mut other.jobs)[0].steps += 1;
        assert_ne!(digest, other.digest());
    }
}
