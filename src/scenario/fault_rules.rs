//! From merged tables to fault rules: times, part sets, and which parts a fault may strike.

use crate::config::declare::{Declared, Field};
use crate::config::document::{Table, Value};
use crate::config::language::{Problem, Read};
use crate::config::layout::Layout;
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::nodeset::{self, with_article};
use crate::config::section::Section;
use crate::config::walk;
use crate::event::{Fault, Strikes, Target};
use crate::ids::PartKind;
use crate::scenario::StopRule;
use crate::scenario::fault::{
    Age, FaultRule, Lives, Moment, PartSet, Radius, Rejuvenate, Repair, When,
};
use crate::scenario::harm::{self, Harm};
use crate::scenario::keys::faults::keys_of;
use crate::scenario::law::Law;
use crate::scenario::replay;
use crate::units::{Span, Time};

/// Events carry the number of their rule in 16 bits.
const RULES_MAX: usize = 65_000;

/// Reads all rules, in the order of the files. Without a layout (because the machine itself is
/// wrong) part sets are not looked up.
pub(super) fn rules(
    root: &Section<'_>,
    layout: Option<&Layout>,
    stop: Option<&StopRule>,
    rays: Option<Rays>,
    m: &mut Mistakes,
) -> Option<Vec<FaultRule>> {
    let mut tables = tables(root);
    tables.sort_by_key(|(_, item, _)| item.place);
    if tables.len() > RULES_MAX {
        let title = format!("{} fault rules are too many: at most {RULES_MAX}", tables.len());
        m.note(Mistake::new(root.section("fault").own_place(), title).help("use part sets"));
        return None;
    }
    let mut replayed = Some(Vec::new());
    let rules: Vec<Option<FaultRule>> = tables
        .into_iter()
        .filter_map(|(kind, item, table)| {
            let path = format!("fault.{}", kind.word());
            let keys = keys_of(kind);
            let section = Section::new(keys, table, &path, item.place);
            let harm = harm::read(kind, &section, layout, rays, m);
            if keys.key("at").is_none() {
                return Some(upset((kind, harm), rays, &section, layout, m));
            }
            let has_trace = keys.key("trace").is_some() && section.has("trace");
            if !has_trace || is_rival(table) {
                return Some(rule((kind, harm), &section, layout, m));
            }
            match replay(harm, &section, layout, stop, m) {
                Some(rules) => replayed.iter_mut().for_each(|all| all.extend(rules.clone())),
                None => replayed = None,
            }
            None
        })
        .collect();
    let mut rules: Vec<_> = rules.into_iter().collect::<Option<_>>()?;
    rules.extend(replayed?);
    if rules.len() > RULES_MAX {
        let title = format!("{} faults with those of traces: at most {RULES_MAX}", rules.len());
        let place = root.section("fault").own_place();
        m.note(Mistake::new(place, title).help("a shorter window of the trace"));
        return None;
    }
    Some(rules)
}

/// Whether a table gives `at` or `lifetime` together with `trace`; that is noted already.
fn is_rival(table: &Table) -> bool {
    table.get("at").is_some() || table.get("lifetime").is_some()
}

/// The rules of a table with a trace. Those that come too late to strike are noted.
fn replay(
    harm: Option<Harm>,
    section: &Section<'_>,
    layout: Option<&Layout>,
    stop: Option<&StopRule>,
    m: &mut Mistakes,
) -> Option<Vec<FaultRule>> {
    let why = "a trace says itself when its failures strike";
    let keys = OF_LIFETIMES.map(|(key, _)| (key, why));
    without(&keys, section, "lifetime", m);
    without(&[("cascade", why)], section, "lifetime", m);
    let harm = harm?;
    let on = parts(harm.kind(), section, layout, m);
    let repair =
        if section.has("repair") { Some(Repair::take(section, "repair", m)?) } else { None };
    let trace = section.section("trace");
    let rules = replay::rules(&harm, &trace, &on?, repair.as_ref(), m)?;
    let late = |rule: &&FaultRule| {
        stop.is_some_and(|stop| matches!(rule.when, When::At(at) if at > stop.at))
    };
    let n_late = rules.iter().filter(late).count();
    if n_late > 0 {
        let title = format!("{n_late} of {} failures of the trace never strike", rules.len());
        let end = Span(stop?.at.0);
        let help = format!("the run ends after {end}: an earlier `to`, or a later `stop.at`");
        m.note(Mistake::new(trace.own_place(), title).help(help));
    }
    Some(rules)
}

/// The keys that only lifetimes have, and why a fault at a fixed time has not.
const OF_LIFETIMES: [(&str, &str); 6] = [
    ("age", "a fault at a fixed time does not ask for the age of parts"),
    ("rejuvenate", "after a fault at a fixed time no lifetime begins anew"),
    ("frailty", "a fault at a fixed time strikes all its parts alike"),
    ("rhythm", "a fault at a fixed time knows no hours"),
    ("radius", "a fault at a fixed time strikes all of `on` together"),
    ("prediction", "only the ends of lifetimes are announced"),
];

/// Notes keys that say nothing without another one, and why.
fn without(keys: &[(&str, &str)], section: &Section<'_>, other: &str, m: &mut Mistakes) {
    for (key, why) in keys.iter().filter(|(key, _)| section.has(key)) {
        let title = format!("`{key}` without `{other}`");
        m.note(Mistake::new(section.place(key), title).help(*why));
    }
}

/// The tables of all rules, kind by kind.
pub(super) fn tables<'a>(root: &Section<'a>) -> Vec<(Fault, &'a Value, &'a Table)> {
    let faults = root.section("fault");
    let of = |kind: Fault| {
        let list = faults.given(kind.word()).and_then(Value::list).unwrap_or_default();
        list.iter().filter_map(move |item| Some((kind, item, item.table()?)))
    };
    Fault::ALL.into_iter().flat_map(of).collect()
}

/// Notes the faults that come too late to strike.
pub(super) fn check_times(root: &Section<'_>, stop: Option<&StopRule>, m: &mut Mistakes) {
    let Some(stop) = stop else { return };
    let end = Span(stop.at.0);
    for (kind, _, table) in tables(root) {
        let Some(value) = table.get("at") else { continue };
        if Span::read(value).is_ok_and(|at| at > end) {
            let title = format!("this fault never strikes: the run ends after {end}");
            let help = format!(
                "a later `stop.at`, or an earlier `at`; `--set fault.{}=[]` drops the rules of \
                 this kind",
                kind.word()
            );
            let mut mistake = Mistake::new(value.place, title).help(help);
            if root.section("stop").has("at") {
                mistake = mistake.other(root.section("stop").place("at"), "the latest end");
            }
            m.note(mistake);
        }
    }
}

fn rule(
    (kind, harm): (Fault, Option<Harm>),
    section: &Section<'_>,
    layout: Option<&Layout>,
    m: &mut Mistakes,
) -> Option<FaultRule> {
    let (on, lives) = (parts(kind, section, layout, m), Lives::read(section, m));
    let when = when(section, lives.as_ref(), m);
    let repair = taken(kind, section, ("repair", Repair::Never), m);
    if section.has("at") {
        without(&OF_LIFETIMES, section, "lifetime", m);
    }
    let radius = taken(kind, section, ("radius", Radius::Node), m);
    if radius.is_some_and(|radius| radius != Radius::Node)
        && on.as_ref().is_some_and(|on| on.kind != PartKind::Node)
    {
        let mistake = Mistake::new(section.place("radius"), "a `radius` about what is no node");
        m.note(mistake.help("it says which nodes are struck together; leave it out"));
    }
    check_cascade(section, on.as_ref(), m);
    check_prediction(kind, section, m);
    let prediction = taken(kind, section, ("prediction", None), m);
    Some(FaultRule {
        name: name_of(kind, section),
        harm: harm?,
        on: on?,
        when: when?,
        cascade: lives?.cascade,
        prediction: prediction?,
        radius: radius?,
        repair: repair?,
    })
}

/// The value of a key; the other one for kinds that have no such key.
fn taken<F: Field>(
    kind: Fault,
    section: &Section<'_>,
    (key, other): (&'static str, F),
    m: &mut Mistakes,
) -> Option<F> {
    if keys_of(kind).key(key).is_some() { F::take(section, key, m) } else { Some(other) }
}

/// The name that a table gives, or that of its kind.
fn name_of(kind: Fault, section: &Section<'_>) -> String {
    section.optional("name").unwrap_or_else(|| kind.word().into())
}

/// What strikes the memories of a node of the scenario, outdoors at its site.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rays {
    /// Upsets.
    pub upsets: Source,
    /// Faults of chips of DRAM.
    pub chips: Source,
}

/// Strikes of a kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source {
    /// How often (1/h).
    pub rate: f64,
    /// Share of those of a node that computes which stop it.
    pub stops: f64,
}

/// Upsets and faults of DRAM: exponential lifetimes, as often as the rays and the chips say.
fn upset(
    (kind, harm): (Fault, Option<Harm>),
    rays: Option<Rays>,
    section: &Section<'_>,
    layout: Option<&Layout>,
    m: &mut Mistakes,
) -> Option<FaultRule> {
    let on = parts(kind, section, layout, m);
    let of_chips = kind == Fault::Dram;
    let key = if of_chips { "acceleration" } else { "beam" };
    let repair = taken(kind, section, ("repair", Repair::PowerCycle), m);
    let (harm, rays) = (harm?, rays?);
    let source = if of_chips { rays.chips } else { rays.upsets };
    let mean = 3600.0 / (source.rate * harm.beam()?.factor);
    if source.rate <= 0.0 {
        let (title, help) = if of_chips {
            ("this hardware has no chips of DRAM", "give it an [[hardware.array]] with `devices`")
        } else {
            let help = if rays.chips.rate > 0.0 {
                "of its memories only chips of DRAM can, which [[fault.dram]] strikes"
            } else {
                "give the hardware [[hardware.array]] tables with a rate"
            };
            ("no memory of this hardware can be upset", help)
        };
        m.note(Mistake::new(section.own_place(), title).help(help));
        return None;
    }
    // Longer than that a span is as good as endless, shorter no run would advance.
    let (longest, shortest) = (500.0 * 365.0 * 86_400.0, 1e-3);
    if !(shortest..=longest).contains(&mean) {
        let what = if of_chips { "a fault of the chips" } else { "an upset" };
        let many = if of_chips { "faults of the chips" } else { "upsets" };
        let (title, help) = if mean > longest {
            let help = format!("a larger `{key}`, or no such rule");
            (format!("{what} of a node in more than 500 years"), help)
        } else {
            let title = format!("more than a thousand {many} of a node in a second");
            (title, format!("a smaller `{key}`"))
        };
        m.note(Mistake::new(section.place(key), title).help(help));
        return None;
    }
    Some(FaultRule {
        name: name_of(kind, section),
        harm,
        on: on?,
        when: When::Lifetime {
            law: Law::Exponential { mean: Span::from_secs_f64(mean) },
            age: Age::New,
            rejuvenate: Rejuvenate::Failed,
            frailty: 0.0,
            rhythm: None,
        },
        cascade: None,
        radius: Radius::Node,
        prediction: None,
        repair: repair?,
    })
}

fn when(section: &Section<'_>, lives: Option<&Lives>, m: &mut Mistakes) -> Option<When> {
    if !section.has("at") && !section.has("lifetime") {
        let mistake = Mistake::new(section.own_place(), "this fault does not say when it strikes");
        let help = "give `at = \"3 d 4 h\"` or `lifetime = { exponential = { mean = \"1 y\" } }`";
        m.note(mistake.help(help));
        return None;
    }
    let moment = Moment::read(section, m)?;
    if let Some(span) = moment.at {
        return Some(When::At(Time(span.0)));
    }
    let law = moment.lifetime?;
    if law == Law::Fixed(Span::ZERO) {
        let place = section.place("lifetime");
        m.note(Mistake::new(place, "a lifetime of no time at all").help("at least 1 ns"));
        return None;
    }
    let &Lives { age, rejuvenate, frailty, rhythm, .. } = lives?;
    Some(When::Lifetime { law, age, rejuvenate, frailty, rhythm })
}

/// A cascade needs another part that it can go on to.
fn check_cascade(section: &Section<'_>, on: Option<&PartSet>, m: &mut Mistakes) {
    if section.has("cascade") && on.is_some_and(|on| on.len() < 2) {
        let mistake = Mistake::new(section.place("cascade"), "a cascade on a single part");
        let help = match on.map(|on| on.kind) {
            Some(PartKind::Network) => "there is one network; leave it out",
            _ => "it goes on to another part of `on`; give two or more",
        };
        m.note(mistake.help(help));
    }
}

/// Only what stops a job is worth an alarm.
fn check_prediction(kind: Fault, section: &Section<'_>, m: &mut Mistakes) {
    if section.has("prediction") && !kind.loses_nodes() {
        let title = format!("an alarm before a `{}`, which stops no node", kind.word());
        let help = "a checkpoint saves nothing then; leave `prediction` away";
        m.note(Mistake::new(section.place("prediction"), title).help(help));
    }
}

fn parts(
    kind: Fault,
    section: &Section<'_>,
    layout: Option<&Layout>,
    m: &mut Mistakes,
) -> Option<PartSet> {
    if kind.target() == Target::Network {
        return Some(PartSet { kind: PartKind::Network, ranges: std::iter::once(0..1).collect() });
    }
    section.demand("on", m);
    let value = section.given("on")?;
    let expression = nodeset::parse(value.text()?).ok()?;
    let layout = layout?;
    let problem = match expression.resolve(layout) {
        Ok(set) => match fitting(kind.strikes(), set, layout, &|other| misfit(kind, other)) {
            Ok(set) => return Some(set),
            Err(problem) => problem,
        },
        Err(problem) => problem,
    };
    walk::note(problem, value, m);
    None
}

/// The set as parts that may be struck; `misfit` says what is wrong with another kind.
pub(super) fn fitting(
    strikes: Strikes,
    set: PartSet,
    layout: &Layout,
    misfit: &dyn Fn(PartKind) -> Problem,
) -> Result<PartSet, Problem> {
    let Strikes { parts: direct, holders: containers } = strikes;
    if set.is_empty() {
        return Err(Problem::new("this set of parts is empty").help("a fault needs a part"));
    }
    if direct.contains(&set.kind) {
        return Ok(set);
    }
    if containers.contains(&set.kind) {
        let inner = direct[0];
        let mut ranges: Vec<std::ops::Range<u32>> = Vec::new();
        for index in set.iter() {
            let inside = layout.inside(set.kind, index, inner);
            ranges.extend(inside.expect("containers hold what they stand for"));
        }
        let ranges = nodeset::merged(ranges);
        return Ok(PartSet { kind: inner, ranges });
    }
    Err(misfit(set.kind))
}

/// What is wrong with a fault on parts of a kind that it cannot strike.
fn misfit(kind: Fault, other: PartKind) -> Problem {
    let direct = kind.strikes().parts;
    let can = direct.iter().map(|&kind| with_article(kind)).collect::<Vec<_>>().join(" or ");
    let title = format!("`{}` cannot strike {}", kind.word(), with_article(other));
    let help = match other {
        PartKind::Node if kind == Fault::PowerLoss => " (for a node, write [[fault.crash]])",
        PartKind::Node if kind == Fault::LinkDegradation => " (`node/link` is a node's link)",
        PartKind::Switch if kind == Fault::LinkDegradation => {
            " (`switch/uplink` is its uplink, `cell/air` the air)"
        }
        _ => "",
    };
    Problem::new(title).help(format!("it strikes {can}{help}"))
}
