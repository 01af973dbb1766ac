//! Fault rules: what strikes which parts, when, and how it is repaired.

pub use crate::config::nodeset::PartSet;
use crate::event::Fault;
use crate::ids::{FaultId, PartKind};
use crate::scenario::Scenario;
use crate::scenario::harm::Harm;
use crate::scenario::law::Law;
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

/// How fast lifetimes pass: at the hour `h` of a day in proportion to
/// `1 + day cos(2 pi (h + 1/2 - peak) / 24)`, on the weekend `weekend` times as fast as on other
/// days, and over a whole week once.
///
/// Los Alamos counted 2.1 times as many failures in the worst hour of the day as in the best, a
/// swing of 0.36, and about half as many on a day of the weekend: Schroeder and Gibson, "A
/// large-scale study of failures in high-performance computing systems", DSN 2006.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rhythm {
    /// Swing of a day about its mean.
    pub day: f64,
    /// Time of day of the peak.
    pub peak: Span,
    /// Pace on Saturday and Sunday, against the other days.
    pub weekend: f64,
    /// When the run begins, since Monday 0:00.
    pub start: Span,
}

/// A strike may bring another one with it: on average `1 / (1 - chance)` strikes in all.
///
/// Few public logs show such cascades, and what is gained by knowing of them is small (Aupy,
/// Robert, Vivien: "Assuming failure independence: are we right to be wrong?", FTXS 2017).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cascade {
    /// Chance of each strike to bring another one, on another part of the rule.
    pub chance: f64,
    /// Mean time until then, exponential.
    pub delay: Span,
}

/// A predictor of strikes. Source of the words: Aupy, Robert, Vivien, Zaidouni, "Impact of fault
/// prediction on checkpointing strategies", arXiv 1207.6936.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// Share of the lifetimes whose end is announced.
    pub recall: f64,
    /// Share of the alarms that come true; above 0.
    pub precision: f64,
    /// How long before.
    pub lead: Span,
}

/// Who is struck with a node: all nodes of the rule with which it shares this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Radius {
    /// Nothing: it alone.
    Node,
    /// Its blade.
    Blade,
    /// Its pack.
    Pack,
    /// Its module.
    Module,
    /// Its rack.
    Rack,
    /// Its switch.
    Switch,
    /// Its PSU.
    Psu,
    /// Its server.
    Server,
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

/// Whose lifetimes begin anew when one has run out and its part has failed. Papers differ; with
/// exponential lifetimes, which have no memory, it makes no difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejuvenate {
    /// Only that of the part that failed.
    Failed,
    /// Those of all parts of the rule.
    All,
}

/// The age of parts at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// As found in a machine that has run for long: the first lifetime is what remains of one.
    Stationary,
    /// All new.
    New,
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
