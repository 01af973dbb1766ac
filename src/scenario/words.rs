//! The words of scenario files for each choice of the typed scenario.

use crate::config::declare::words;
use crate::cosmic::memory::{Cell, Damage, Protection};

words!(Cell { Sram = "sram", Dram = "dram" });
words!(Damage { Bit = "bit", Pattern = "pattern", All = "all" });
words!(Protection { None = "none", Parity = "parity", Secded = "secded", Chipkill = "chipkill" });
