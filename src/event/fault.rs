//! The kinds of fault: one table of their words, of what they act on and of what comes of it.
//!
//! What belongs to one kind alone, such as the share of a degraded link, is its payload:
//! [`Harm`](crate::scenario::harm::Harm).

use serde::{Deserialize, Serialize};

use crate::cosmic::budget::Class;
use crate::ids::PartKind;

/// What a fault acts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A node, which stops or falls silent.
    Life,
    /// The power of a PSU domain.
    Feed,
    /// A switch.
    Switch,
    /// A link.
    Link,
    /// A file server.
    Server,
    /// The controller.
    Controller,
    /// The network between parts.
    Network,
    /// What a node has in its memory.
    Memory,
    /// What a node works with: it goes on, and only its own agent can do this to it.
    Resource,
}

/// The parts that a fault may strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strikes {
    /// Their kinds.
    pub parts: &'static [PartKind],
    /// What stands for those of the first kind inside it.
    pub holders: &'static [PartKind],
}

impl Strikes {
    const NODES: Self = Self {
        parts: &[PartKind::Node],
        holders: &[
            PartKind::Blade,
            PartKind::Pack,
            PartKind::Module,
            PartKind::Rack,
            PartKind::Psu,
        ],
    };
    const NODES_AND_SERVERS: Self =
        Self { parts: &[PartKind::Node, PartKind::Server], holders: Self::NODES.holders };
    const PSUS: Self =
        Self { parts: &[PartKind::Psu], holders: &[PartKind::Module, PartKind::Rack] };
    const SWITCHES: Self = Self {
        parts: &[PartKind::Switch],
        holders: &[PartKind::Module, PartKind::Rack, PartKind::Psu],
    };
    const SERVERS: Self = Self { parts: &[PartKind::Server], holders: &[] };
    const LINKS: Self = Self { parts: &[PartKind::NodeLink, PartKind::Uplink], holders: &[] };
    const CONTROLLER: Self = Self { parts: &[PartKind::Controller], holders: &[] };
    const NETWORK: Self = Self { parts: &[PartKind::Network], holders: &[] };
    /// What may stand on a side of a partition of the network.
    pub(crate) const SIDES: Self = Self {
        parts: &[PartKind::Node, PartKind::Server, PartKind::Controller],
        holders: Self::NODES.holders,
    };
}

/// What may come of a fault.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Toll {
    /// It takes nodes from a job; of upsets and faults of DRAM only some do. The other kinds delay
    /// a job or go unseen.
    LosesNodes,
    /// Memory is corrupted in silence.
    Corrupts,
}

/// Declares the kinds. Each row: the word of scenario files and of events, the title that people
/// read, what it acts on and of which parts, what may come of it, and what happens, as a sentence.
macro_rules! kinds {
    ($(
        $kind:ident: $word:literal, $title:literal, $target:ident of $parts:ident, $tolls:tt,
            $happens:literal;
    )*) => {
        /// The kinds of fault that can be injected.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub enum Fault {
            $(#[doc = $happens] #[serde(rename = $word)] $kind,)*
        }

        impl Fault {
            /// All kinds. The place in it is the kind's code in an event log.
            pub const ALL: [Self; [$($word),*].len()] = [$(Self::$kind),*];

            /// Its word in scenario files and in events.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$kind => $word,)* }
            }

            /// What people read in figures and reports.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$kind => $title,)* }
            }

            /// What happens, as a sentence.
            #[must_use]
            pub const fn happens(self) -> &'static str {
                match self { $(Self::$kind => $happens,)* }
            }

            /// What it acts on.
            #[must_use]
            pub const fn target(self) -> Target {
                match self { $(Self::$kind => Target::$target,)* }
            }

            /// The parts that it may strike.
            #[must_use]
            pub const fn strikes(self) -> Strikes {
                match self { $(Self::$kind => Strikes::$parts,)* }
            }

            const fn tolls(self) -> &'static [Toll] {
                use Toll::*;
                match self { $(Self::$kind => &$tolls,)* }
            }
        }
    };
}

kinds! {
    Crash: "crash", "crash", Life of NODES, [LosesNodes],
        "Nodes stop dead.";
    Hang: "hang", "hang", Life of NODES, [LosesNodes],
        "Nodes go silent but keep their power.";
    PowerLoss: "power-loss", "power loss", Feed of PSUS, [LosesNodes],
        "PSU domains lose power.";
    SwitchLoss: "switch-loss", "switch loss", Switch of SWITCHES, [LosesNodes],
        "Switches stop forwarding.";
    ServerLoss: "server-loss", "server loss", Server of SERVERS, [],
        "Servers stop serving.";
    LinkDegradation: "link-degradation", "link degradation", Link of LINKS, [],
        "Links work at a share of their rate, or lose or delay packets.";
    ControllerCrash: "controller-crash", "controller crash", Controller of CONTROLLER, [],
        "The controller stops dead, and starts again from its disk.";
    SilentCorruption: "silent-corruption", "silent corruption", Memory of NODES, [Corrupts],
        "Data in the memory of nodes change, and nothing stops.";
    Upset: "upset", "upset", Memory of NODES, [LosesNodes, Corrupts],
        "Particles of cosmic rays flip bits in the memories of nodes, as often as site and \
         hardware say.";
    Dram: "dram", "fault of DRAM", Memory of NODES, [LosesNodes, Corrupts],
        "Chips of nodes' main memory fail, for good or until they are written, as often as \
         site and hardware say. [[fault.upset]] leaves those chips alone then.";
    Load: "load", "load", Resource of NODES, [],
        "Nodes have less of processors, memory or card than they should.";
    Clock: "clock", "wrong clock", Resource of NODES, [],
        "Clocks of real nodes are wrong.";
    Process: "process", "harm to a process", Resource of NODES, [],
        "Processes of real nodes are killed, stopped or corrupted.";
    SlowDown: "slow-down", "slow-down", Resource of NODES_AND_SERVERS, [],
        "Nodes compute, or servers serve, at a share of their speed.";
    Partition: "partition", "network partition", Network of NETWORK, [],
        "Two sets of parts no longer reach each other over the network, or one no longer hears the \
         other; both reach all others.";
}

impl Fault {
    /// The kind of this word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// What an upset, or a fault of a chip, of this class is to the node, unless it harms nothing.
    #[must_use]
    pub fn of_upset(class: Class) -> Option<Self> {
        match class {
            Class::Masked | Class::Corrected => None,
            Class::Silent => Some(Self::SilentCorruption),
            Class::Detected | Class::Crash => Some(Self::Crash),
            Class::Hang => Some(Self::Hang),
        }
    }

    /// Whether it may corrupt memory in silence.
    #[must_use]
    pub fn corrupts(self) -> bool {
        self.tolls().contains(&Toll::Corrupts)
    }

    /// Whether the parts that it strikes are nodes.
    #[must_use]
    pub fn strikes_nodes(self) -> bool {
        self.strikes().parts.contains(&PartKind::Node)
    }

    /// Whether it takes nodes from a job. The others delay it or go unseen; of upsets and faults
    /// of DRAM only some take nodes.
    #[must_use]
    pub fn loses_nodes(self) -> bool {
        self.tolls().contains(&Toll::LosesNodes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_known_by_its_word_and_no_word_or_title_is_given_twice() {
        for (code, kind) in Fault::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, code);
            assert_eq!(Fault::of(kind.word()), Some(kind));
            let written = serde_json::to_string(&kind).expect("a word");
            assert_eq!(written, format!("{:?}", kind.word()));
            let title = |other: &&Fault| other.title() == kind.title();
            assert_eq!(Fault::ALL.iter().filter(title).count(), 1);
        }
    }
}
