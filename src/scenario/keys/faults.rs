//! The keys of faults and of the laws of their times.

use super::harm::{CLOCK_FAULT, DELAY, JITTER, LOAD_FAULT, MEANS, PROCESS_FAULT};
use super::{SPAN, SPAN_SOME, spec};
use crate::config::language::{Key, Kind, Spec};
use crate::config::words::words;
use crate::event::Fault;
use crate::scenario::fault::{Age, Radius, Rejuvenate};
use crate::scenario::replay::REPLAY;
use crate::units::Span;

const DAY: Span = Span::from_secs(86_400);
const WEEK: Span = Span::from_secs(7 * 86_400);

pub(in crate::scenario) static FAULTS: Spec = spec(
    "The faults, one table for each rule, in the order of the file.",
    &[
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
    ],
);

/// The tables of a kind.
const fn key(kind: Fault) -> Key {
    Key::new(kind.word(), Kind::Tables(keys_of(kind)), kind.happens())
}

/// The keys of a rule of this kind.
pub(in crate::scenario) const fn keys_of(kind: Fault) -> &'static Spec {
    match kind {
        Fault::Crash => &CRASH_FAULT,
        Fault::Hang => &NODE_FAULT,
        Fault::PowerLoss | Fault::SwitchLoss | Fault::ServerLoss | Fault::ControllerCrash => {
            &PART_FAULT
        }
        Fault::LinkDegradation => &LINK_FAULT,
        Fault::SilentCorruption => &MEMORY_FAULT,
        Fault::Upset => &UPSET_FAULT,
        Fault::Dram => &DRAM_FAULT,
        Fault::Load => &LOAD_FAULT,
        Fault::Clock => &CLOCK_FAULT,
        Fault::Process => &PROCESS_FAULT,
        Fault::SlowDown => &SLOW_FAULT,
    }
}

pub(super) const NAME: Key = Key::new("name", Kind::Text, "Name for people. Default: the kind's.");
pub(super) const ON: Key = Key::new(
    "on",
    Kind::Parts,
    "The parts, in ClusterShell notation: `node`, `pi[001-150]!pi7`, `module[2]/psu[1]`.",
)
.required();
pub(super) const AT: Key = Key::new("at", SPAN, "Once, on each part, at this time.").required();
pub(super) const LIFETIME: Key =
    Key::new("lifetime", Kind::Table(&LAW), "Again and again, after lifetimes of this law.");
pub(super) const AGE: Key = Key::new(
    "age",
    Kind::Choice(words::<Age>),
    "Age of the parts at the start: `stationary` as in a machine that has run for long, or `new`.",
)
.or("\"stationary\"");
pub(super) const REJUVENATE: Key = Key::new(
    "rejuvenate",
    Kind::Choice(words::<Rejuvenate>),
    "Whose lifetimes begin anew when one has run out: the `failed` part's, or those of `all` parts \
     of this fault.",
)
.or("\"failed\"");
pub(super) const FRAILTY: Key = Key::new(
    "frailty",
    Kind::Number(0.0, 100.0),
    "Variance of the rates at which the parts of this fault live, about their mean of 1: some fail \
     far more often than others. 0: all alike.",
)
.or("0.0");
const SEVERITY: Key = Key::new(
    "severity",
    Kind::Count(1, 100),
    "The class of the failure: the lowest level of [checkpoint.multilevel] that survives it, of \
     those with fixed costs. 1: all do.",
)
.or("1");
pub(super) const RHYTHM: Key = Key::new("rhythm", Kind::Table(&RHYTHM_SPEC), "");
pub(super) const CASCADE: Key = Key::new("cascade", Kind::Table(&CASCADE_SPEC), "");
const PREDICTION: Key = Key::new("prediction", Kind::Table(&PREDICTION_SPEC), "");
pub(super) const RADIUS: Key = Key::new(
    "radius",
    Kind::Choice(words::<Radius>),
    "Who is struck with a node: nobody else (`node`), or all nodes of this fault in its \
     `blade`, `pack`, `module` or `rack`, or on its `switch`, `psu` or `server`.",
)
.or("\"node\"");
pub(super) const WHEN: &[&[&str]] = &[&["at", "lifetime"]];

const TRACE: Key =
    Key::new("trace", Kind::Table(&REPLAY), "As the failures of a trace of a real machine.");
static NODE_REPAIRS: [Kind; 3] =
    [Kind::Choice(|| vec!["power-cycle", "never"]), SPAN, Kind::Table(&LAW)];
const NODE_REPAIR: Key = Key::new(
    "repair",
    Kind::Any(&NODE_REPAIRS),
    "How the damage ends: `never`, a duration, a law, or `power-cycle` by the controller. With \
     `trace` the default is the time in the trace.",
)
.or("\"power-cycle\"");

/// Crashes of nodes.
pub(in crate::scenario) static CRASH_FAULT: Spec = Spec {
    doc: "Nodes stop dead.",
    keys: &[
        NAME,
        ON,
        AT,
        LIFETIME,
        TRACE,
        AGE,
        REJUVENATE,
        FRAILTY,
        RHYTHM,
        CASCADE,
        PREDICTION,
        SEVERITY,
        RADIUS,
        NODE_REPAIR,
        MEANS,
    ],
    rivals: &[&["at", "lifetime", "trace"]],
};

/// Other faults of nodes.
pub(in crate::scenario) static NODE_FAULT: Spec = Spec {
    doc: "A fault that strikes nodes.",
    keys: &[
        NAME,
        ON,
        AT,
        LIFETIME,
        TRACE,
        AGE,
        REJUVENATE,
        FRAILTY,
        RHYTHM,
        CASCADE,
        PREDICTION,
        SEVERITY,
        RADIUS,
        NODE_REPAIR,
    ],
    rivals: &[&["at", "lifetime", "trace"]],
};

/// A fault of nodes' memory, which nothing repairs.
pub(in crate::scenario) static MEMORY_FAULT: Spec = Spec {
    doc: "Silent corruption of nodes' memory.",
    keys: &[NAME, ON, AT, LIFETIME, AGE, REJUVENATE, FRAILTY, RHYTHM, CASCADE, RADIUS],
    rivals: WHEN,
};

/// Upsets of nodes' memories.
pub(in crate::scenario) static UPSET_FAULT: Spec = spec(
    "Upsets by cosmic rays.",
    &[
        NAME,
        ON,
        Key::new(
            "beam",
            Kind::Number(0.0, 1e15),
            "Flux as a multiple of the site's, as an accelerated test has it: a million and more.",
        )
        .or("1.0"),
    ],
);

/// Faults of chips of DRAM.
pub(in crate::scenario) static DRAM_FAULT: Spec = spec(
    "Faults of chips of DRAM, of the arrays with `devices`.",
    &[
        NAME,
        ON,
        Key::new(
            "acceleration",
            Kind::Number(0.0, 1e15),
            "How many times as often as in the field, transient and permanent ones alike.",
        )
        .or("1.0"),
        Key::new(
            "repair",
            Kind::Any(&PART_REPAIRS),
            "How long a node is down that a permanent fault has stopped, until its memory is \
             swapped: `never`, a duration or a law. The default is an assumption: somebody does \
             it within half a working day.",
        )
        .or("\"4 h\""),
    ],
);

/// Repair of parts: somebody comes and mends them.
pub(super) static PART_REPAIRS: [Kind; 3] =
    [Kind::Choice(|| vec!["never"]), SPAN, Kind::Table(&LAW)];
const PART_REPAIR: Key = Key::new(
    "repair",
    Kind::Any(&PART_REPAIRS),
    "How the damage ends: `never`, a duration or a law. The default is an assumption: somebody \
     mends it within half a working day.",
)
.or("\"4 h\"");

/// A fault of other parts.
pub(in crate::scenario) static PART_FAULT: Spec = Spec {
    doc: "A fault that strikes PSU domains, switches or servers.",
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
        PREDICTION,
        SEVERITY,
        PART_REPAIR,
    ],
    rivals: WHEN,
};

/// A fault of links.
pub(in crate::scenario) static LINK_FAULT: Spec = Spec {
    doc: "A fault that strikes links.",
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
        PREDICTION,
        PART_REPAIR,
        Key::new(
            "share",
            Kind::Share(0.0, 1.0),
            "Share of the rate that remains; 0 cuts the link.",
        )
        .or("1.0"),
        Key::new("loss", Kind::Share(0.0, 0.9), "Share of the packets that is lost.").or("0.0"),
        DELAY,
        JITTER,
    ],
    rivals: WHEN,
};

/// A slow-down of nodes or servers.
static SLOW_FAULT: Spec = Spec {
    doc: "Nodes compute at a share of their speed: a straggler, a thermal throttle, a weak \
          supply. Or servers do: their disk, what it takes of requests, and the boot files that \
          they serve.",
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
        super::harm::REPAIR,
        Key::new(
            "share",
            Kind::Share(0.001, 0.999),
            "Share of the speed that remains. Where rules overlap the smallest counts.",
        ),
    ],
    rivals: WHEN,
};

/// A law of random spans.
pub(in crate::scenario) static LAW: Spec = Spec {
    doc: "A law of random spans.",
    keys: &[
        Key::new("fixed", SPAN, "Always the same span.").required(),
        Key::new("exponential", Kind::Table(&EXPONENTIAL), ""),
        Key::new("weibull", Kind::Table(&WEIBULL), ""),
        Key::new("lognormal", Kind::Table(&LOGNORMAL), ""),
        Key::new("gamma", Kind::Table(&GAMMA), ""),
        Key::new("bathtub", Kind::Table(&BATHTUB), ""),
        Key::new("empirical", Kind::Table(&EMPIRICAL), ""),
    ],
    rivals: &[&["fixed", "exponential", "weibull", "lognormal", "gamma", "bathtub", "empirical"]],
};

pub(in crate::scenario) static EXPONENTIAL: Spec =
    spec("The memoryless law.", &[Key::new("mean", SPAN_SOME, "Mean.").required()]);

pub(in crate::scenario) static WEIBULL: Spec = Spec {
    doc: "S(t) = exp(-(t/scale)^shape).",
    keys: &[
        Key::new("shape", Kind::Number(0.1, 50.0), "Below 1 the hazard falls with age.").required(),
        Key::new("mean", SPAN_SOME, "Mean; scale = mean / gamma(1 + 1/shape).").required(),
        Key::new("scale", SPAN_SOME, "Scale, in place of the mean."),
    ],
    rivals: &[&["mean", "scale"]],
};

pub(in crate::scenario) static LOGNORMAL: Spec = spec(
    "ln t is normal.",
    &[
        Key::new("median", SPAN_SOME, "Median.").required(),
        Key::new("sigma", Kind::Number(0.001, 10.0), "Standard deviation of ln t.").required(),
    ],
);

pub(in crate::scenario) static GAMMA: Spec = Spec {
    doc: "The density falls as t^(shape - 1) exp(-t/scale).",
    keys: &[
        Key::new("shape", Kind::Number(0.01, 1_000.0), "Below 1 the hazard falls with age.")
            .required(),
        Key::new("mean", SPAN_SOME, "Mean; scale = mean / shape.").required(),
        Key::new("scale", SPAN_SOME, "Scale, in place of the mean."),
    ],
    rivals: &[&["mean", "scale"]],
};

pub(in crate::scenario) static BATHTUB: Spec = spec(
    "The first of three ends: an early one whose hazard falls, a chance one, and wear.",
    &[
        Key::new("early", Kind::Table(&WEIBULL), "Early failures: a shape below 1.").required(),
        Key::new("mean", SPAN_SOME, "Mean of the lifetimes that chance alone would end.")
            .required(),
        Key::new("wear", Kind::Table(&WEIBULL), "Wear: a shape above 1.").required(),
    ],
);

pub(in crate::scenario) static EMPIRICAL: Spec = spec(
    "One of the given spans, each as likely as the others.",
    &[Key::new("values", Kind::List(&SPAN_SOME), "The spans, such as those of a trace.")
        .required()],
);

static RHYTHM_SPEC: Spec = spec(
    "Lifetimes pass faster at some hours of the week than at others; over a week all is even.",
    &[
        Key::new("day", Kind::Share(0.0, 0.95), "Swing of a day about its mean.").or("0.0"),
        Key::new("peak", Kind::Span(Span::ZERO, DAY), "Time of day of the peak.").or("\"14 h\""),
        Key::new(
            "weekend",
            Kind::Number(0.05, 20.0),
            "How fast they pass on Saturday and Sunday, against the other days.",
        )
        .or("1.0"),
        Key::new("start", Kind::Span(Span::ZERO, WEEK), "When the run begins, since Monday 0:00.")
            .or("\"0 s\""),
    ],
);

static CASCADE_SPEC: Spec = spec(
    "A strike may bring another one of the same fault with it, on another part.",
    &[
        Key::new("chance", Kind::Share(0.0, 0.95), "Chance of each strike to do so.").required(),
        Key::new("delay", SPAN_SOME, "Mean time until then, exponential.").required(),
    ],
);

static PREDICTION_SPEC: Spec = spec(
    "Strikes are announced, so that the job writes a checkpoint at its next step boundary.",
    &[
        Key::new("recall", Kind::Share(0.0, 1.0), "Share of the strikes that is announced.")
            .required(),
        Key::new("precision", Kind::Share(0.001, 1.0), "Share of the alarms that come true.")
            .required(),
        Key::new("lead", SPAN_SOME, "How long before the strike the alarm is raised.").required(),
    ],
);
