//! Fault rules: what strikes which parts, when, and how it is repaired.

use crate::config::declare::{Declared, Field, Written, choice, table};
use crate::config::document::Data;
use crate::config::language::{Kind, Read};
use crate::config::mistakes::Mistakes;
pub use crate::config::nodeset::PartSet;
use crate::config::section::Section;
use crate::event::Fault;
use crate::ids::{FaultId, PartKind};
use crate::scenario::Scenario;
use crate::scenario::harm::{Harm, Stop};
use crate::scenario::keys::{SPAN, SPAN_SOME};
use crate::scenario::law::Law;
use crate::scenario::replay::Replay;
use crate::units::{Span, Time};

/// One table of `[[fault.*]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultRule {
    /// Name for people; the kind's own if the file gives none.
    pub name: String,
    /// What it does.
    pub harm: Harm,
    /// What it may strike.
    pub on: PartSet,
    /// When.
    pub when: When,
    /// Whether a strike brings others with it.
    pub cascade: Option<Cascade>,
    /// What foresees its strikes.
    pub prediction: Option<Prediction>,
    /// Who is struck together.
    pub radius: Radius,
    /// How the damage ends.
    pub repair: Repair,
}

#[doc(hidden)]
impl Scenario {
    /// The rule of this number.
    #[must_use]
    pub fn rule(&self, fault: FaultId) -> &FaultRule {
        &self.faults[usize::from(fault.0)]
    }

    /// Whether the faults of chips of DRAM are followed one by one.
    #[must_use]
    pub fn follows_chips(&self) -> bool {
        self.faults.iter().any(|rule| rule.kind() == Fault::Dram)
    }
}

impl FaultRule {
    /// The kind of what it does.
    #[must_use]
    pub fn kind(&self) -> Fault {
        self.harm.kind()
    }
}

/// When a fault strikes.
#[derive(Clone, Debug, PartialEq)]
pub enum When {
    /// Once, on each part of the set, at this time.
    At(Time),
    /// Again and again on each part, after lifetimes of this law.
    /// The clock of a node's lifetime runs while the node has power; that of another part stands
    /// while the rule's damage lasts.
    Lifetime {
        /// The law.
        law: Law,
        /// The age of the parts at the start.
        age: Age,
        /// Whose lifetimes begin anew when one has run out.
        rejuvenate: Rejuvenate,
        /// Variance of the rates at which the parts live, about their mean of 1.
        frailty: f64,
        /// How fast lifetimes pass at each hour of the week, if not always alike.
        rhythm: Option<Rhythm>,
    },
}

const DAY: Span = Span::from_secs(86_400);

table! {
    /// Lifetimes pass faster at some hours of the week than at others; over a week all is even.
    ///
    /// At the hour `h` of a day they pass in proportion to
    /// `1 + day cos(2 pi (h + 1/2 - peak) / 24)`, on the weekend `weekend` times as fast as on
    /// other days. Los Alamos counted 2.1 times as many failures in the worst hour of the day as in
    /// the best, a swing of 0.36, and about half as many on a day of the weekend: Schroeder and
    /// Gibson, "A large-scale study of failures in high-performance computing systems", DSN 2006.
    pub struct Rhythm(Clone, Copy, Debug, PartialEq) {
        /// Swing of a day about its mean.
        day: f64 = Kind::Share(0.0, 0.95) => "0.0";
        /// Time of day of the peak.
        peak: Span = Kind::Span(Span::ZERO, DAY) => "\"14 h\"";
        /// How fast they pass on Saturday and Sunday, against the other days.
        weekend: f64 = Kind::Number(0.05, 20.0) => "1.0";
        /// When the run begins, since Monday 0:00.
        start: Span = Kind::Span(Span::ZERO, Span(7 * DAY.0)) => "\"0 s\"";
    }
}

table! {
    /// A strike may bring another one of the same fault with it, on another part: on average
    /// `1 / (1 - chance)` strikes in all.
    ///
    /// Few public logs show such cascades, and what is gained by knowing of them is small (Aupy,
    /// Robert, Vivien: "Assuming failure independence: are we right to be wrong?", FTXS 2017).
    pub struct Cascade(Clone, Copy, Debug, PartialEq) {
        /// Chance of each strike to do so.
        chance: f64 = Kind::Share(0.0, 0.95);
        /// Mean time until then, exponential.
        delay: Span = SPAN_SOME;
    }
}

table! {
    /// Strikes are announced, so that the job writes a checkpoint at its next step boundary.
    ///
    /// Source of the words: Aupy, Robert, Vivien, Zaidouni, "Impact of fault prediction on
    /// checkpointing strategies", arXiv 1207.6936.
    pub struct Prediction(Clone, Copy, Debug, PartialEq) {
        /// Share of the strikes that is announced.
        recall: f64 = Kind::Share(0.0, 1.0);
        /// Share of the alarms that come true.
        precision: f64 = Kind::Share(0.001, 1.0);
        /// How long before the strike the alarm is raised.
        lead: Span = SPAN_SOME;
    }
}

choice! {
    /// Who is struck with a node: all nodes of the rule with which it shares this.
    pub enum Radius(Clone, Copy, Debug, PartialEq, Eq) {
        /// Nothing: it alone.
        Node = "node",
        /// Its blade.
        Blade = "blade",
        /// Its pack.
        Pack = "pack",
        /// Its module.
        Module = "module",
        /// Its rack.
        Rack = "rack",
        /// Its switch.
        Switch = "switch",
        /// Its PSU.
        Psu = "psu",
        /// Its server.
        Server = "server",
    }
}

impl Radius {
    /// The kind of part that is shared.
    #[must_use]
    pub fn kind(self) -> PartKind {
        match self {
            Self::Node => PartKind::Node,
            Self::Blade => PartKind::Blade,
            Self::Pack => PartKind::Pack,
            Self::Module => PartKind::Module,
            Self::Rack => PartKind::Rack,
            Self::Switch => PartKind::Switch,
            Self::Psu => PartKind::Psu,
            Self::Server => PartKind::Server,
        }
    }
}

choice! {
    /// Whose lifetimes begin anew when one has run out and its part has failed. Papers differ; with
    /// exponential lifetimes, which have no memory, it makes no difference.
    pub enum Rejuvenate(Clone, Copy, Debug, PartialEq, Eq) {
        /// Only that of the part that failed.
        Failed = "failed",
        /// Those of all parts of the rule.
        All = "all",
    }
}

choice! {
    /// The age of parts at the start.
    pub enum Age(Clone, Copy, Debug, PartialEq, Eq) {
        /// As found in a machine that has run for long: the first lifetime is what remains of one.
        Stationary = "stationary",
        /// All new.
        New = "new",
    }
}

/// How the damage ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Repair {
    /// The controller notices and power-cycles the node, which boots again.
    PowerCycle,
    /// After a time of this law; a node then powers on and boots.
    After(Law),
    /// Never.
    Never,
}

impl Field for Repair {
    const KIND: Kind = Kind::Any(&[Kind::Choice(|| vec!["never"]), SPAN, Kind::Table(Law::SPEC)]);

    fn take(section: &Section<'_>, name: &'static str, m: &mut Mistakes) -> Option<Self> {
        section.demand(name, m);
        let value = section.value(name)?;
        match &value.data {
            Data::Table(_) => Law::read(&section.section(name), m).map(Self::After),
            Data::Text(text) if text == "power-cycle" => Some(Self::PowerCycle),
            Data::Text(text) if text == "never" => Some(Self::Never),
            _ => Span::read(&value).ok().map(|span| Self::After(Law::Fixed(span))),
        }
    }

    fn written(&self, _: &Kind) -> Written {
        match self {
            Self::PowerCycle => Written::quoted(&"power-cycle"),
            Self::Never => Written::quoted(&"never"),
            Self::After(Law::Fixed(span)) => Written::quoted(span),
            Self::After(law) => Written::Table(law.keys()),
        }
    }
}

/// As long as it takes to be repaired by the controller, a span, a law, or for good.
const NODE_REPAIR: Kind =
    Kind::Any(&[Kind::Choice(|| vec!["power-cycle", "never"]), SPAN, Kind::Table(Law::SPEC)]);

table! {
    /// What every rule has.
    pub(super) struct Subject(Debug) {
        /// Name for people. Default: the kind's.
        name: Option<String>;
        /// The parts, in ClusterShell notation: `node`, `pi[001-150]!pi7`, `module[2]/psu[1]`.
        on: String = Kind::Parts;
    }
}

table! {
    /// When a fault strikes.
    pub(super) struct Moment(Debug) {
        /// Once, on each part, at this time.
        at or "lifetime": Option<Span> = SPAN;
        /// Again and again, after lifetimes of this law.
        lifetime: Option<Law>;
    }
}

table! {
    /// When a fault strikes of which there may be a trace.
    pub(super) struct Traced(Debug) {
        /// Once, on each part, at this time.
        at or "lifetime" "trace": Option<Span> = SPAN;
        /// Again and again, after lifetimes of this law.
        lifetime: Option<Law>;
        /// As the failures of a trace of a real machine.
        trace: Option<Replay>;
    }
}

table! {
    /// How lifetimes run.
    pub(super) struct Lives(Debug) {
        /// Age of the parts at the start: `stationary` as in a machine that has run for long, or
        /// `new`.
        age: Age => "\"stationary\"";
        /// Whose lifetimes begin anew when one has run out: the `failed` part's, or those of `all`
        /// parts of this fault.
        rejuvenate: Rejuvenate => "\"failed\"";
        /// Variance of the rates at which the parts of this fault live, about their mean of 1: some
        /// fail far more often than others. 0: all alike.
        frailty: f64 = Kind::Number(0.0, 100.0) => "0.0";
        /// At which hours.
        rhythm: Option<Rhythm>;
        /// What a strike brings with it.
        cascade: Option<Cascade>;
    }
}

table! {
    /// Whether strikes are foreseen.
    pub(super) struct Foreseen(Debug) {
        /// Of what use.
        prediction: Option<Prediction>;
    }
}

table! {
    /// How bad a failure of nodes is.
    pub(super) struct Severe(Debug) {
        /// The class of the failure: the lowest level of [checkpoint.multilevel] that survives it,
        /// of those with fixed costs. 1: all do.
        severity: u32 = Kind::Count(1, 100) => "1";
    }
}

table! {
    /// Who is struck together.
    pub(super) struct Together(Debug) {
        /// Who is struck with a node: nobody else (`node`), or all nodes of this fault in its
        /// `blade`, `pack`, `module` or `rack`, or on its `switch`, `psu` or `server`.
        radius: Radius => "\"node\"";
    }
}

table! {
    /// The repair of nodes.
    pub(super) struct OfNodes(Debug) {
        /// How the damage ends: `never`, a duration, a law, or `power-cycle` by the controller.
        /// With `trace` the default is the time in the trace.
        repair: Repair = NODE_REPAIR => "\"power-cycle\"";
    }
}

table! {
    /// The repair of parts that somebody comes and mends.
    pub(super) struct OfParts(Debug) {
        /// How the damage ends: `never`, a duration or a law. The default is an assumption:
        /// somebody mends it within half a working day.
        repair: Repair => "\"4 h\"";
    }
}

table! {
    /// How long a load, a wrong clock, a slow-down or a partition lasts.
    pub(super) struct OfSpells(Debug) {
        /// How the damage ends: `never`, a duration or a law. The default is an assumption: long
        /// enough to be seen, and short enough to be seen more than once.
        repair: Repair => "\"10 min\"";
    }
}

table! {
    /// The repair of chips of DRAM.
    pub(super) struct OfChips(Debug) {
        /// How long a node is down that a permanent fault has stopped, until its memory is swapped:
        /// `never`, a duration or a law. The default is an assumption: somebody does it within half
        /// a working day.
        repair: Repair => "\"4 h\"";
    }
}

table! {
    /// How a node crashes.
    pub(super) struct Crash(Debug) {
        /// How a real node is stopped: its `power` is cut, its agent ends by SIGKILL (`kill`), its
        /// kernel comes to a `panic`, or it does a `reboot`. The two last ones only an agent does
        /// that is allowed to. Simulated nodes stop all alike.
        means: Option<Stop> => "\"power\"";
    }
}
