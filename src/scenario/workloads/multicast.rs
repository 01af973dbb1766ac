//! A datagram that triggers all nodes at once, and what they send then.

use super::{Placed, WorkloadTable};
use crate::config::declare::table;
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::scenario::keys::{SIZE_SOME, SPAN, SPAN_SOME};
use crate::units::{Bytes, Span, Time};

/// Triggers of all nodes at most: each is played.
const TRIGGERS_MAX: u64 = 20_000_000;
const SHOTS_MAX: u64 = 1_000_000;

table! {
    /// A datagram that one part multicasts, that triggers each node which receives it, and what
    /// each then sends back. Only the model plays it.
    pub struct Multicast(Clone, Debug, PartialEq) {
        /// Who is triggered.
        nodes: String = Kind::Parts;
        /// Who sends the datagram, and gets what comes of it: a node such as `pi1`, which is not
        /// one of the others, or a server such as `server[1]`.
        from: String = Kind::Parts;
        /// When it is sent first.
        at: Time = SPAN => "\"0 s\"";
        /// How often it is sent.
        shots: u32 = Kind::Count(1, SHOTS_MAX) => "1";
        /// Time from one to the next.
        every: Span = SPAN_SOME => "\"1 min\"";
        /// Share of the nodes that lose a datagram, each by itself.
        loss: f64 = Kind::Share(0.0, 1.0) => "0.0";
        /// From the sender to the program on a node, at the least.
        latency: Span = SPAN => "\"0 s\"";
        /// What comes on top of that, on each node and each time anew: evenly from 0 to this.
        jitter: Span = SPAN => "\"0 s\"";
        /// What each node sends back, from when it is triggered. Default: nothing.
        upload: Option<Bytes> = SIZE_SOME;
        /// From the trigger until the node has what it sends back.
        prepare: Span = SPAN => "\"0 s\"";
    }
}

impl WorkloadTable for Multicast {
    const NAME: &'static str = "multicast";
    const NODES: &'static [&'static str] = &["nodes"];
    const PARTS: &'static [&'static str] = &["from"];
    const COMPUTES: bool = false;

    fn check(placed: &Placed<Self>, section: &Section<'_>, m: &mut Mistakes) {
        let (own, nodes) = (&placed.table, &placed.nodes[0]);
        if placed.part_is_among(0, 0) {
            let title = format!("`{}` sends and is triggered", own.from);
            let mistake = Mistake::new(section.place("from"), title);
            let mistake = mistake.other(section.place("nodes"), "these are triggered");
            m.note(mistake.help("leave it out of the set: `pi[1-4]!pi1`"));
        }
        if u64::from(own.shots) * nodes.len() as u64 > TRIGGERS_MAX {
            let title = format!("{} shots of {} nodes", own.shots, nodes.len());
            let mistake = Mistake::new(section.place("shots"), title);
            m.note(mistake.help(format!("at most {TRIGGERS_MAX} triggers are played")));
        }
        let way = own.latency + own.jitter;
        if own.shots > 1 && way >= own.every {
            let title =
                format!("a datagram may take {way}, and the next one comes after {}", own.every);
            let mistake = Mistake::new(section.place("every"), title);
            m.note(mistake.help("make `every` longer than `latency` and `jitter` together"));
        }
        if section.has("prepare") && own.upload.is_none() {
            let mistake = Mistake::new(section.place("prepare"), "`prepare` without an `upload`");
            m.note(mistake.help("say what each node sends back"));
        }
    }
}
