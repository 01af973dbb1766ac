//! The keys of fault rules, kind by kind, put together of what kinds have in common.

use crate::config::declare::joined;
use crate::config::language::{Key, Kind, TableSpec};
use crate::event::Fault;
use crate::scenario::fault::{
    Crash, Foreseen, Lives, Moment, OfChips, OfNodes, OfParts, OfSpells, Severe, Subject, Together,
    Traced,
};
use crate::scenario::harm::{Chips, Clocks, Link, Load, Process, Rays, SlowDown};
use crate::scenario::partition::Sides;

pub(in crate::scenario) static FAULTS: TableSpec = TableSpec {
    doc: "The faults, one table for each rule, in the order of the file.",
    keys: &[
        key(Fault::Crash),
        key(Fault::Hang),
        key(Fault::PowerLoss),
        key(Fault::SwitchLoss),
        key(Fault::ServerLoss),
        key(Fault::ControllerCrash),
        key(Fault::SilentCorruption),
        key(Fault::Upset),
        key(Fault::Dram),
        key(Fault::LinkDegradation),
        key(Fault::Load),
        key(Fault::Clock),
        key(Fault::Process),
        key(Fault::SlowDown),
        key(Fault::Partition),
    ],
    rivals: &[],
};

/// The tables of a kind.
const fn key(kind: Fault) -> Key {
    Key::new(kind.word(), Kind::Tables(keys_of(kind)), kind.happens())
}

/// The keys of a rule of this kind.
pub(in crate::scenario) const fn keys_of(kind: Fault) -> &'static TableSpec {
    match kind {
        Fault::Crash => &CRASH,
        Fault::Hang => &HANG,
        Fault::PowerLoss | Fault::SwitchLoss | Fault::ServerLoss | Fault::ControllerCrash => &PART,
        Fault::LinkDegradation => &LINK,
        Fault::SilentCorruption => &MEMORY,
        Fault::Upset => &UPSET,
        Fault::Dram => &DRAM,
        Fault::Load => &LOAD,
        Fault::Clock => &CLOCK,
        Fault::Process => &PROCESS,
        Fault::SlowDown => &SLOW,
        Fault::Partition => &PARTITION,
    }
}

joined! {
    /// Nodes stop dead.
    CRASH: Subject Traced Lives Foreseen Severe Together OfNodes Crash
}

joined! {
    /// A fault that strikes nodes.
    HANG: Subject Traced Lives Foreseen Severe Together OfNodes
}

joined! {
    /// Silent corruption of nodes' memory, which nothing repairs.
    MEMORY: Subject Moment Lives Together
}

joined! {
    /// Upsets by cosmic rays.
    UPSET: Subject Rays
}

joined! {
    /// Faults of chips of DRAM, of the arrays with `devices`.
    DRAM: Subject Chips OfChips
}

joined! {
    /// A fault that strikes PSU domains, switches or servers.
    PART: Subject Moment Lives Foreseen Severe OfParts
}

joined! {
    /// A fault that strikes links.
    LINK: Subject Moment Lives Foreseen OfParts Link
}

joined! {
    /// Nodes compute at a share of their speed: a straggler, a thermal throttle, a weak supply. Or
    /// servers do: their disk, what it takes of requests, and the boot files that they serve.
    SLOW: Subject Moment Lives Together OfSpells SlowDown
}

joined! {
    /// A partition of the network: two sets of parts do not reach each other while it lasts, or one
    /// does not hear the other. Both reach all others. What they send to each other stalls.
    PARTITION: Sides Moment Lives OfSpells
}

joined! {
    /// A load on nodes, which takes from them what others need. All but `cpu` only real nodes can
    /// suffer.
    LOAD: Subject Moment Lives Together OfSpells Load
}

joined! {
    /// Clocks of real nodes are set wrong or go wrong. Only an agent that is allowed to does it.
    CLOCK: Subject Moment Lives Together OfSpells Clocks
}

joined! {
    /// Processes of real nodes are harmed. An agent does it only to those that it is allowed to.
    PROCESS: Subject Moment Lives Together OfSpells Process
}
