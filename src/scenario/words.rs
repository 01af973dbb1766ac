//! The words of scenario files for each choice of the typed scenario.

use crate::cosmic::memory::{Cell, Damage, Protection};
use crate::scenario::boot::{BootMethod, OfferCure};
use crate::scenario::cluster::ServerPer;
use crate::scenario::fault::{Age, Radius, Rejuvenate};
use crate::scenario::job::{Counts, Exposed, Period, Place};
use crate::scenario::{Comparison, EventLevel, StopWhen};

/// A choice with a word for each of its values.
pub(super) trait Word: Copy + PartialEq + 'static {
    /// All words with what they mean.
    const WORDS: &'static [(&'static str, Self)];

    /// The word for a value.
    fn word(self) -> &'static str {
        let found = Self::WORDS.iter().find(|(_, value)| *value == self);
        found.expect("each value has a word").0
    }

    /// The value for a word.
    fn of(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(name, _)| *name == word).map(|&(_, value)| value)
    }
}

/// The words of a choice.
pub(super) fn words<W: Word>() -> Vec<&'static str> {
    W::WORDS.iter().map(|&(name, _)| name).collect()
}

impl Word for BootMethod {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("instant", Self::Instant),
        ("sd", Self::Sd),
        ("pxe-nfs", Self::PxeNfs),
        ("pxe-nbd", Self::PxeNbd),
        ("pxe-initramfs", Self::PxeInitramfs),
    ];
}

impl Word for OfferCure {
    const WORDS: &'static [(&'static str, Self)] =
        &[("none", Self::None), ("nudge", Self::Nudge), ("ssdp", Self::Ssdp)];
}

impl Word for ServerPer {
    const WORDS: &'static [(&'static str, Self)] =
        &[("cluster", Self::Cluster), ("rack", Self::Rack), ("module", Self::Module)];
}

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

impl Word for Comparison {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("<=", Self::AtMost),
        (">=", Self::AtLeast),
        ("<", Self::Less),
        (">", Self::Greater),
        ("=", Self::Equal),
    ];
}
