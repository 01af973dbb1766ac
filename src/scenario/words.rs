//! The words of scenario files for each choice of the typed scenario.

use crate::config::words::Word;
use crate::cosmic::memory::{Cell, Damage, Protection};
use crate::scenario::fault::{Age, Radius, Rejuvenate};
use crate::scenario::job::{Counts, Exposed, Period, Place};
use crate::scenario::{EventLevel, StopWhen};

impl Word for Age {
    const WORDS: &'static [(&'static str, Self)] =
        &[("stationary", Self::Stationary), ("new", Self::New)];
}

impl Word for Radius {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("node", Self::Node),
        ("blade", Self::Blade),
        ("pack", Self::Pack),
        ("module", Self::Module),
        ("rack", Self::Rack),
        ("switch", Self::Switch),
        ("psu", Self::Psu),
        ("server", Self::Server),
    ];
}

impl Word for Rejuvenate {
    const WORDS: &'static [(&'static str, Self)] = &[("failed", Self::Failed), ("all", Self::All)];
}

impl Word for Cell {
    const WORDS: &'static [(&'static str, Self)] = &[("sram", Self::Sram), ("dram", Self::Dram)];
}

impl Word for Damage {
    const WORDS: &'static [(&'static str, Self)] =
        &[("bit", Self::Bit), ("pattern", Self::Pattern), ("all", Self::All)];
}

impl Word for Protection {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("none", Self::None),
        ("parity", Self::Parity),
        ("secded", Self::Secded),
        ("chipkill", Self::Chipkill),
    ];
}

impl Word for StopWhen {
    const WORDS: &'static [(&'static str, Self)] =
        &[("workload done", Self::WorkloadDone), ("all up", Self::AllUp), ("never", Self::Never)];
}

impl Word for EventLevel {
    const WORDS: &'static [(&'static str, Self)] =
        &[("all", Self::All), ("faults", Self::Faults), ("none", Self::None)];
}

/// The places that need no more than a word.
impl Word for Place {
    const WORDS: &'static [(&'static str, Self)] =
        &[("file-server", Self::FileServer), ("card", Self::Card), ("partner", Self::Partner)];
}

impl Word for Period {
    const WORDS: &'static [(&'static str, Self)] = &[("work", Self::Work), ("whole", Self::Whole)];
}

impl Word for Counts {
    const WORDS: &'static [(&'static str, Self)] = &[("start", Self::Start), ("end", Self::End)];
}

impl Word for Exposed {
    const WORDS: &'static [(&'static str, Self)] =
        &[("always", Self::Always), ("computing", Self::Computing)];
}
