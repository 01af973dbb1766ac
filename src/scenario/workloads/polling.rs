//! A head that polls the state of nodes, and a dashboard that shows it.

use super::{Placed, WorkloadTable};
use crate::config::declare::table;
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::scenario::keys::{SIZE_SOME, SPAN, SPAN_SOME};
use crate::units::{Bytes, Span, Time};

/// Polls at most: each is played.
const POLLS_MAX: u64 = 20_000_000;

table! {
    /// A head that polls nodes by SNMP GET over UDP, with a time-out and retries, and shows what it
    /// knows of each. Only the model plays it.
    pub struct Polling(Clone, Debug, PartialEq) {
        /// Who is polled.
        nodes: String = Kind::Parts;
        /// Who polls and shows: a node such as `pi1`, which is not one of the others, or a server
        /// such as `server[1]`.
        head: String = Kind::Parts;
        /// When the first round begins.
        at: Time = SPAN => "\"0 s\"";
        /// Rounds; in each every node is polled once.
        rounds: u32 = Kind::Count(1, POLLS_MAX);
        /// Time from the begin of a round to that of the next. One that is due while another one
        /// goes on begins after it.
        every: Span = SPAN_SOME;
        /// How many nodes are polled at the same time. Default: all of them; 1 is a loop that polls
        /// one node after the other.
        parallel: Option<u32> = Kind::Count(1, 10_000_000);
        /// How long the head waits for an answer before it asks again, or gives up: `snmpget -t`.
        timeout: Span = SPAN_SOME => "\"1 s\"";
        /// How often it asks again: `snmpget -r`.
        retries: u32 = Kind::Count(0, 100) => "5";
        /// Polls of a node in a row that must fail before it is shown as down.
        fails: u32 = Kind::Count(1, 1_000) => "1";
        /// Share of the datagrams that are lost, requests and answers, each by itself.
        loss: f64 = Kind::Share(0.0, 1.0) => "0.0";
        /// Of each datagram, one way, at the least.
        latency: Span = SPAN => "\"200 us\"";
        /// What comes on top of that, each time anew: evenly from 0 to this.
        jitter: Span = SPAN => "\"0 s\"";
        /// From a request until a node's agent has its answer.
        service: Span = SPAN => "\"10 ms\"";
        /// What a node answers in all; it crosses the fabric, next to all else.
        answer: Bytes = SIZE_SOME => "\"500 B\"";
    }
}

impl WorkloadTable for Polling {
    const NAME: &'static str = "polling";
    const NODES: &'static [&'static str] = &["nodes"];
    const PARTS: &'static [&'static str] = &["head"];
    const COMPUTES: bool = false;

    fn check(placed: &Placed<Self>, section: &Section<'_>, m: &mut Mistakes) {
        let (own, nodes) = (&placed.table, &placed.nodes[0]);
        if placed.part_is_among(0, 0) {
            let title = format!("`{}` polls itself", own.head);
            let mistake = Mistake::new(section.place("head"), title);
            let mistake = mistake.other(section.place("nodes"), "these are polled");
            m.note(mistake.help("leave it out of the set: `pi[1-4]!pi1`"));
        }
        if u64::from(own.rounds) * nodes.len() as u64 > POLLS_MAX {
            let title = format!("{} rounds of {} nodes", own.rounds, nodes.len());
            let mistake = Mistake::new(section.place("rounds"), title);
            m.note(mistake.help(format!("at most {POLLS_MAX} polls are played")));
        }
    }
}
