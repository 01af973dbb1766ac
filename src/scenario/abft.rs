//! Algorithm-based fault tolerance: computing that carries checksums and checks each of its steps.

use serde::{Deserialize, Serialize};

use crate::scenario::course::Unread;
use crate::scenario::keys::spec;
use crate::scenario::language::{Key, Kind, Spec};
use crate::scenario::machine::read;
use crate::scenario::mistakes::Mistakes;
use crate::scenario::section::Section;
use crate::scenario::words::{Word, words};

/// Checks of steps by the algorithm itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Abft {
    /// Chance of a step's check to find a corruption that struck in the step.
    pub coverage: f64,
    /// By how much a step takes longer, as a share of it.
    pub overhead: f64,
    /// What becomes of a corruption that is found.
    pub found: Found,
}

impl Abft {
    /// It as a line of the workload's table.
    pub(super) fn line(&self) -> (&'static str, String) {
        let Self { coverage, overhead, found } = self;
        let text = format!(
            "{{ coverage = {coverage:?}, overhead = {overhead:?}, found = \"{}\" }}",
            found.word()
        );
        ("abft", text)
    }
}

/// What becomes of a corruption that a check has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Found {
    /// The checksums give the right data back, in no time.
    Correct,
    /// The job is thrown back to its last checkpoint.
    RollBack,
}

impl Word for Found {
    const WORDS: &'static [(&'static str, Self)] =
        &[("correct", Self::Correct), ("roll-back", Self::RollBack)];
}

/// The keys.
pub(super) static ABFT: Spec = spec(
    "Algorithm-based fault tolerance: the data carry checksums, which each step checks.",
    &[
        Key::new(
            "coverage",
            Kind::Share(0.0, 1.0),
            "Chance of a step's check to find a corruption that struck in the step.",
        ),
        Key::new(
            "overhead",
            Kind::Number(0.0, 10.0),
            "By how much checksums lengthen a step, as a share of it.",
        ),
        Key::new(
            "found",
            Kind::Choice(words::<Found>),
            "What becomes of a corruption that is found: checksums `correct` it in place, or the \
             job is to `roll-back`.",
        )
        .or("\"correct\""),
    ],
);

/// The checks in the table of a workload, if there are any.
pub(super) fn abft(workload: &Section<'_>, m: &mut Mistakes) -> Result<Option<Abft>, Unread> {
    if !workload.has("abft") {
        return Ok(None);
    }
    let section = workload.section("abft");
    let abft = read!(Abft {
        coverage: section.share("coverage", m),
        overhead: section.get("overhead", m),
        found: section.word("found", m),
    });
    abft.map(Some).ok_or(Unread)
}
