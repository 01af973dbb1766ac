//! A web site: clients send requests to a balancer, which gives them to workers.

use super::{Placed, WorkloadTable};
use crate::config::declare::{choice, table};
use crate::config::language::Kind;
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::ids::Part;
use crate::scenario::keys::{SIZE, SIZE_SOME, SPAN, SPAN_SOME};
use crate::scenario::law::Law;
use crate::units::{Bytes, Span, Time};

const REQUESTS_MAX: u64 = 4_000_000_000;
const SLOTS_MAX: u64 = 100_000;
const SESSIONS_MAX: u64 = 10_000_000;
const ATTEMPTS_MAX: u64 = 1_000;
/// As `loadfactor` of Apache's `mod_proxy`.
const WEIGHT: Kind = Kind::Count(1, 100);

choice! {
    /// How a worker shares its processors out.
    pub enum Discipline(Clone, Copy, Debug, Default, PartialEq, Eq) {
        /// First come, first served: as many requests at once as it has slots, the others wait.
        Fcfs = "fcfs" default,
        /// All at once, each at the same share of the slots and at most at the speed of one.
        ProcessorSharing = "processor-sharing",
    }
}

choice! {
    /// Where requests wait.
    pub enum QueueAt(Clone, Copy, Debug, Default, PartialEq, Eq) {
        /// At the worker that the balancer chose when they arrived.
        Worker = "worker" default,
        /// At the balancer, until a worker has a free slot.
        Balancer = "balancer",
    }
}

choice! {
    /// How the balancer chooses a worker, by the words of Apache's `lbmethod`.
    pub enum Balance(Clone, Copy, Debug, Default, PartialEq, Eq) {
        /// `byrequests`: each has its share of the requests.
        Requests = "requests" default,
        /// `bytraffic`: whoever has sent the fewest bytes for its weight.
        Traffic = "traffic",
        /// `bybusyness`: whoever has the fewest requests.
        Busyness = "busyness",
    }
}

choice! {
    /// In which order workers get new content.
    pub enum Order(Clone, Copy, Debug, Default, PartialEq, Eq) {
        /// One after the other: each has no new requests until it has installed it.
        Rolling = "rolling" default,
        /// All at once, and requests go on to arrive.
        AtOnce = "at-once",
    }
}

table! {
    /// Health checks: as `mod_proxy_hcheck` of Apache, with its defaults.
    pub struct Check(Clone, Debug, PartialEq) {
        /// Time between two checks of a worker.
        interval: Span = SPAN_SOME => "\"30 s\"";
        /// A worker has no requests after so many checks in a row that failed,
        fails: u32 = Kind::Count(1, 1_000) => "1";
        /// and has some again after so many in a row that passed.
        passes: u32 = Kind::Count(1, 1_000) => "1";
    }
}

table! {
    /// Content that a node pushes to all workers as an archive.
    pub struct Push(Clone, Debug, PartialEq) {
        /// The node that has it.
        from: String = Kind::Parts;
        /// When.
        at: Time = SPAN;
        /// The size of the archive.
        size: Bytes = SIZE_SOME;
        /// What a worker computes to install it; it begins no request meanwhile.
        install: Span = SPAN => "\"0 s\"";
        /// Which workers first.
        order: Order => "\"rolling\"";
    }
}

table! {
    /// A web site: clients send requests to a balancer, which gives each to a worker. They do not
    /// wait for answers before they send more. Only the model plays it.
    pub struct Web(Clone, Debug, PartialEq) {
        /// Where requests arrive: a node or a server.
        balancer: String = Kind::Parts;
        /// Who serves them.
        workers: String = Kind::Parts;
        /// From when on requests arrive.
        at: Time = SPAN => "\"0 s\"";
        /// The time between two requests: `exponential` for a Poisson process, `fixed` for a
        /// constant rate.
        gap: Law;
        /// How many requests arrive. Default: as many as there are in the time.
        requests: Option<u32> = Kind::Count(1, REQUESTS_MAX);
        /// No request arrives after this time of the run. Default: the end of the run.
        until: Option<Span> = SPAN_SOME;
        /// What a request takes on a worker that has nothing else to do, at its full speed.
        service: Law;
        /// How many requests a worker serves at once: its processes, or its cores.
        slots: u32 = Kind::Count(1, SLOTS_MAX) => "1";
        /// How a worker shares them out.
        discipline: Discipline => "\"fcfs\"";
        /// Where requests wait for a slot.
        queue: QueueAt => "\"worker\"";
        /// How many may wait at each worker, or at the balancer: others are refused. Default: any
        /// number.
        queue_limit: Option<u32> = Kind::Count(0, REQUESTS_MAX);
        /// What a worker sends to the balancer in answer.
        response: Bytes = SIZE => "\"0 B\"";
        /// By what the balancer chooses a worker.
        balance: Balance => "\"requests\"";
        /// The share of each worker, in their order. Default: equal shares.
        weights: Vec<u32> = Kind::List(&WEIGHT) => "[]";
        /// Clients with a session that sticks to a worker as long as it can be had; each request is
        /// of one of them, with equal chances. Default: no sessions.
        sessions: Option<u32> = Kind::Count(1, SESSIONS_MAX);
        /// After so long the balancer gives up to reach a worker that is down. As long as Linux
        /// looks for the address of a silent host: three times a second.
        connect_timeout: Span = SPAN_SOME => "\"3 s\"";
        /// After so long without an answer a request is given up, as by Apache's `ProxyTimeout`.
        answer_timeout: Span = SPAN_SOME => "\"60 s\"";
        /// For so long a worker that could not be reached has no requests, as by `retry`.
        out_for: Span = SPAN_SOME => "\"60 s\"";
        /// How many workers a request is tried on. Default: as many as there are.
        attempts: Option<u32> = Kind::Count(1, ATTEMPTS_MAX);
        /// Whether one that a worker took and did not answer is sent to another one.
        resend: bool => "false";
        /// For so long a client waits. Default: for ever.
        patience: Option<Span> = SPAN_SOME;
        /// Health checks. Default: none, workers that are down are noticed by requests.
        check: Option<Check>;
        /// Content that is pushed to the workers.
        push: Option<Push>;
    }
}

impl Placed<Web> {
    /// Where requests arrive.
    #[must_use]
    pub fn balancer(&self) -> Part {
        self.part(0)
    }
}

impl WorkloadTable for Web {
    const NAME: &'static str = "web";
    const NODES: &'static [&'static str] = &["workers"];
    const PARTS: &'static [&'static str] = &["balancer", "push.from"];
    const COMPUTES: bool = true;

    fn check(placed: &Placed<Self>, section: &Section<'_>, m: &mut Mistakes) {
        let this = &placed.table;
        let (workers, weights) = (placed.nodes[0].len(), this.weights.len());
        if weights > 0 && weights != workers {
            let title = format!("{weights} weights for {workers} workers");
            let mistake = Mistake::new(section.place("weights"), title);
            m.note(mistake.other(section.place("workers"), "the workers"));
        }
        if this.gap == Law::Fixed(Span::ZERO) {
            let place = section.section("gap").place("fixed");
            let mistake = Mistake::new(place, "all requests would arrive at once");
            m.note(mistake.help("give a gap of more than 0 s"));
        }
        if this.balance == Balance::Traffic && this.response == Bytes(0) {
            let title = "without a response there is no traffic to balance";
            let mistake = Mistake::new(section.place("balance"), title);
            m.note(mistake.help("give `response` a size, or balance by \"requests\""));
        }
        if this.sessions.is_some() && this.queue == QueueAt::Balancer {
            let title = "a session would not stick: whoever waits at the balancer has any worker";
            let mistake = Mistake::new(section.place("queue"), title);
            m.note(mistake.other(section.place("sessions"), "the sessions"));
        }
        if placed.part_is_among(0, 0) {
            let mistake = Mistake::new(section.place("balancer"), "a worker is its own balancer");
            m.note(mistake.help("name a part that is no worker, such as `server`"));
        }
        if placed.part_is_among(1, 0) {
            let place = section.section("push").place("from");
            let mistake = Mistake::new(place, "a worker would push to itself");
            m.note(mistake.help("name a part that is no worker"));
        }
    }
}
