//! The keys of cosmic rays: the site, the memories of a node, and what comes of an upset.

use super::{SIZE_SOME, SPAN_SOME, spec};
use crate::cosmic::memory::{Cell, Damage, Protection};
use crate::scenario::language::{Key, Kind, Spec};
use crate::scenario::words::words;
use crate::units::Length;

const SHARE: Kind = Kind::Share(0.0, 1.0);

pub(super) static SITE: Spec = spec(
    "Where the machine stands, which says how many neutrons of cosmic rays reach it.",
    &[
        Key::new("altitude", Kind::Length(Length(-500_000), Length(9_000_000)), "Above sea level."),
        Key::new(
            "rigidity",
            Kind::Number(0.0, 20.0),
            "Vertical cutoff rigidity of the place in GV: 0 at the magnetic poles, 17 at most.",
        ),
        Key::new(
            "solar",
            SHARE,
            "Solar activity: 0 the quiet sun, with most cosmic rays, to 100 %.",
        ),
        Key::new(
            "concrete",
            Kind::Length(Length(0), Length(100_000)),
            "Concrete above the machine; each metre lets a quarter of the neutrons through.",
        ),
    ],
);

pub(in crate::scenario) static ARRAY: Spec = Spec {
    doc: "A memory of a node that particles can upset; all like arrays of the node together.",
    keys: &[
        Key::new("name", Kind::Text, "Name for people."),
        Key::new("kind", Kind::Choice(words::<Cell>), "What its cells are."),
        Key::new("size", SIZE_SOME, "Its size."),
        Key::new(
            "sigma",
            Kind::Number(0.0, 1e-6),
            "Cross-section of a bit for neutrons above 10 MeV in cm2.",
        ),
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
        Key::new("protection", Kind::Choice(words::<Protection>), "The code that guards it."),
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

pub(super) static UPSET: Spec = spec(
    "What an upset that no code catches comes to.",
    &[
        Key::new("idle", Kind::Table(&IDLE), ""),
        Key::new("compute", Kind::Table(&COMPUTE), ""),
        Key::new("checkpoint", Kind::Table(&CHECKPOINT), ""),
    ],
);

const SILENT: Key = Key::new("silent", SHARE, "Share that makes data wrong, unnoticed.");
const CRASH: Key = Key::new("crash", SHARE, "Share that stops the node.");
const HANG: Key = Key::new("hang", SHARE, "Share that makes it silent, with its power on.");

static IDLE: Spec = spec("On a node that is up, outside of a job.", &[SILENT, CRASH, HANG]);
static COMPUTE: Spec = spec("On a node that computes.", &[SILENT, CRASH, HANG]);
static CHECKPOINT: Spec =
    spec("On a node that writes or reads a checkpoint.", &[SILENT, CRASH, HANG]);
