//! The words of scenario files for each choice of the typed scenario.

use crate::config::declare::words;
use crate::config::words::Word;
use crate::cosmic::memory::{Cell, Damage, Protection};
use crate::scenario::job::{Counts, Exposed, KeptAt, Period};

words!(Cell { Sram = "sram", Dram = "dram" });
words!(Damage { Bit = "bit", Pattern = "pattern", All = "all" });
words!(Protection { None = "none", Parity = "parity", Secded = "secded", Chipkill = "chipkill" });

/// The places that need no more than a word.
impl Word for KeptAt {
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
