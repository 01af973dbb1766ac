//! The keys of the memories of a node.

use super::{SIZE_SOME, SPAN_SOME};
use crate::config::language::{Key, Kind, Spec};
use crate::config::words::words;
use crate::cosmic::memory::{Cell, Damage, Protection};

const SHARE: Kind = Kind::Share(0.0, 1.0);

pub(in crate::scenario) static ARRAY: Spec = Spec {
    doc: "A memory of a node that particles can upset; all like arrays of the node together.",
    keys: &[
        Key::new("name", Kind::Text, "Name for people.").required(),
        Key::new("kind", Kind::Choice(words::<Cell>), "What its cells are.").required(),
        Key::new("size", SIZE_SOME, "Its size.").required(),
        Key::new(
            "sigma",
            Kind::Number(0.0, 1e-6),
            "Cross-section of a bit for neutrons above 10 MeV in cm2.",
        )
        .required(),
        Key::new(
            "fit_per_mbit",
            Kind::Number(0.0, 1e9),
            "Upsets in 1e9 h of 1e6 bits, in New York; in place of `sigma`.",
        ),
        Key::new(
            "devices",
            Kind::Count(1, 1_000_000),
            "Chips of DRAM, which fail in the modes of Sridharan and Liberty (SC 2012); in place \
             of `sigma`.",
        ),
        Key::new(
            "multi_bit",
            SHARE,
            "Share of upsets that flip two bits of a word; with `devices` the fault modes say it.",
        ),
        Key::new("protection", Kind::Choice(words::<Protection>), "The code that guards it.")
            .required(),
        Key::new(
            "scrub",
            SPAN_SOME,
            "With `devices`: time between two readings of the whole array that write back what the \
             code corrects. The default is an assumption.",
        )
        .or("\"1 d\""),
        Key::new(
            "word_fault",
            Kind::Choice(words::<Damage>),
            "With `devices`: what a fault of a word makes of it: one wrong `bit`, a random \
             `pattern` in the chip's four bits, or `all` four wrong, as in FaultSim.",
        )
        .or("\"pattern\""),
        Key::new(
            "column_fault",
            Kind::Choice(words::<Damage>),
            "The same of each word that a fault of a column reaches. The default takes a column \
             as one bit line, which is an assumption; in FaultSim it is `all`.",
        )
        .or("\"bit\""),
        Key::new(
            "row_fault",
            Kind::Choice(words::<Damage>),
            "The same of each word that a fault of a row reaches.",
        )
        .or("\"pattern\""),
    ],
    rivals: &[&["sigma", "fit_per_mbit", "devices"]],
};
