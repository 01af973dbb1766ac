//! The keys of how a fault harms: means of a crash, lateness, load and clock.

use super::{BYTE_RATE, SIZE};
use crate::config::language::{Key, Kind, Spec};
use crate::config::words::words;
use crate::scenario::harm::{Act, Stop};
use crate::scenario::keys::faults::{
    AGE, AT, CASCADE, FRAILTY, LIFETIME, NAME, ON, RADIUS, REJUVENATE, RHYTHM, WHEN,
};
use crate::units::Span;

/// A minute: longer than any queue of a network holds packets.
const LATE: Kind = Kind::Span(Span::ZERO, Span::from_secs(60));
/// A step of a clock: up to a year.
const STEP: Kind = Kind::Span(Span::ZERO, Span::from_secs(365 * 86_400));

pub(super) const MEANS: Key = Key::new(
    "means",
    Kind::Choice(words::<Option<Stop>>),
    "How a real node is stopped: its `power` is cut, its agent ends by SIGKILL (`kill`), its \
     kernel comes to a `panic`, or it does a `reboot`. The two last ones only an agent does that \
     is allowed to. Simulated nodes stop all alike.",
)
.or("\"power\"");
pub(super) const DELAY: Key = Key::new(
    "delay",
    LATE,
    "How late each packet is that a node sends. Only real nodes can, whose kernel has netem.",
)
.or("\"0 s\"");
pub(super) const JITTER: Key =
    Key::new("jitter", LATE, "The largest distance of a packet's delay from `delay`.")
        .or("\"0 s\"");

/// How long a load, a wrong clock or a slow-down lasts.
pub(super) const REPAIR: Key = Key::new(
    "repair",
    Kind::Any(&super::faults::PART_REPAIRS),
    "How the damage ends: `never`, a duration or a law. The default is an assumption: long enough \
     to be seen, and short enough to be seen more than once.",
)
.or("\"10 min\"");

/// A load on nodes.
pub(in crate::scenario) static LOAD_FAULT: Spec = Spec {
    doc: "A load on nodes, which takes from them what others need. All but `cpu` only real nodes \
          can suffer.",
    keys: &[
        NAME,
        ON,
        AT,
        LIFETIME,
        AGE,
        REJUVENATE,
        FRAILTY,
        RHYTHM,
        CASCADE,
        RADIUS,
        REPAIR,
        Key::new(
            "cpu",
            Kind::Share(0.0, 1.0),
            "Share of the time of all cores that is burnt. A job computes with the rest, with half \
             of all at least.",
        )
        .or("0.0"),
        Key::new("memory", SIZE, "Memory that is filled.").or("\"0 B\""),
        Key::new("card", SIZE, "Room that is filled in the folder of the node's checkpoints.")
            .or("\"0 B\""),
        Key::new(
            "disk",
            BYTE_RATE,
            "What the card still reads, and writes, in a second, for the node's agent.",
        ),
    ],
    rivals: WHEN,
};

/// A clock that is wrong.
pub(in crate::scenario) static CLOCK_FAULT: Spec = Spec {
    doc: "Clocks of real nodes are set wrong or go wrong. Only an agent that is allowed to does \
          it.",
    keys: &[
        NAME,
        ON,
        AT,
        LIFETIME,
        AGE,
        REJUVENATE,
        FRAILTY,
        RHYTHM,
        CASCADE,
        RADIUS,
        REPAIR,
        Key::new("ahead", STEP, "How far the clock is set ahead."),
        Key::new("behind", STEP, "How far it is set behind."),
        Key::new(
            "drift",
            Kind::Number(-500.0, 500.0),
            "How much too fast it goes from then on (parts per million), or too slow. Linux allows \
             500 either way.",
        )
        .or("0.0"),
    ],
    rivals: &[&["at", "lifetime"], &["ahead", "behind"]],
};

/// Harm to processes.
pub(in crate::scenario) static PROCESS_FAULT: Spec = Spec {
    doc: "Processes of real nodes are harmed. An agent does it only to those that it is allowed \
          to.",
    keys: &[
        NAME,
        ON,
        AT,
        LIFETIME,
        AGE,
        REJUVENATE,
        FRAILTY,
        RHYTHM,
        CASCADE,
        RADIUS,
        REPAIR,
        Key::new("process", Kind::Text, "The name of the processes, as /proc/PID/comm has it.")
            .required(),
        Key::new(
            "act",
            Kind::Choice(words::<Act>),
            "What is done to each of them: `kill` by SIGKILL, `stop` by SIGSTOP until the repair, \
             or `flip` bits of its memory.",
        )
        .required(),
        Key::new("bits", Kind::Count(1, 1_000_000), "For `flip`: how many bits. Default: 1."),
    ],
    rivals: WHEN,
};
