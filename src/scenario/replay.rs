//! Failures of a trace as fault rules: each failure strikes one node once, at its own time.
//!
//! The rules are part of the scenario, so its resolved text and the plan's digest hold all that
//! the run took from the file, and a results folder replays without it. Each is named after the
//! file, the beginning of its SHA-256, and the line: `lanl.csv@516c88f0fa07:1207`.
//!
//! Not modelled: what failed at the same moment for the same reason; each record strikes by itself.

use std::path::Path;

use crate::config::document::Value;
use crate::config::language::{Key, Kind, Spec};
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::config::words::{Word, words};
use crate::ids::PartKind;
use crate::scenario::fault::{FaultRule, PartSet, Radius, Repair, When};
use crate::scenario::harm::Harm;
use crate::scenario::keys::{SPAN, spec};
use crate::scenario::law::Law;
use crate::trace::{self, Failure, Moment, Named, Selection, Trace};
use crate::units::{Span, Time};
use crate::untrusted::demand_regular;

/// The failures of a trace, each of which strikes once.
pub(super) static REPLAY: Spec = spec(
    "The failures of a trace, each of which strikes once.",
    &[
        Key::new("file", Kind::Text, "The trace: a path, relative to this file.").required(),
        Key::new(
            "system",
            Kind::Count(0, u32::MAX as u64),
            "Only the failures of this system. Default: of all.",
        ),
        Key::new(
            "from",
            Kind::Text,
            "Only failures from this time on, such as \"2004-01-31 14:05\". Default: the first.",
        ),
        Key::new("to", Kind::Text, "Only failures before this time. Default: all."),
        Key::new(
            "nodes",
            Kind::Choice(words::<Mapping>),
            "Which node stands for number n of the trace: number n of `on`, counted from 0 \
             (`same`), or number n modulo the size of `on` (`modulo`).",
        )
        .or("\"same\""),
        Key::new(
            "speed",
            Kind::Number(1e-6, 1e6),
            "How much faster than in the trace time goes, for failures and repairs.",
        )
        .or("1.0"),
        Key::new("after", SPAN, "The time of the run at which the window begins.").or("\"0 s\""),
        Key::new(
            "unusable",
            Kind::Count(0, u32::MAX as u64),
            "Rows of the trace that cannot be replayed, as you know: broken ones of the file, and \
             those of the window without a node.",
        )
        .or("0"),
    ],
);

/// Digits of the file's SHA-256 in the name of a rule.
const HASH_DIGITS: usize = 12;

/// Which node of the scenario stands for a node of the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mapping {
    /// The node number n of the trace is number n of the fault's set, counted from 0.
    Same,
    /// It is number n modulo the size of the set.
    Modulo,
}

impl Word for Mapping {
    const WORDS: &'static [(&'static str, Self)] =
        &[("same", Self::Same), ("modulo", Self::Modulo)];
}

/// What a scenario says of a replay.
struct Replay {
    selection: Selection,
    mapping: Mapping,
    speed: f64,
    after: Span,
}

/// The rules of a replay, each with this harm; `repair` is what the table gives in place of the
/// times of the trace.
pub(super) fn rules(
    harm: &Harm,
    value: &Value,
    on: &PartSet,
    repair: Option<&Repair>,
    m: &mut Mistakes,
) -> Option<Vec<FaultRule>> {
    let section = Section::new(&REPLAY, value.table()?, "trace", value.place);
    let replay = read(&section, m);
    let allowed: Option<u64> = section.get("unusable", m);
    let file: String = section.get("file", m)?;
    let place = section.place("file");
    let path = m.folder(place.file).join(&file);
    let regular = demand_regular(&path).map_err(|why| format!("{}: {why}", path.display()));
    let read = || trace::read(&path, &Named::default()).map_err(|error| error.to_string());
    let trace = (regular.and_then(|()| read()))
        .map_err(|why| m.note(Mistake::new(place, why).help("paths are relative to this file")))
        .ok()?;
    let (replay, allowed) = (replay?, allowed?);
    let failures = replay.selection.of(&trace);
    check_unusable(&section, (&trace, &failures), allowed, m);
    let Some(first) = failures.first() else {
        let systems: Vec<_> = trace.nodes.keys().map(u32::to_string).collect();
        let help = format!("the trace has the systems {}", systems.join(", "));
        m.note(Mistake::new(value.place, "no failure of the trace is in this window").help(help));
        return None;
    };
    let start = replay.selection.from.unwrap_or(first.start);
    let stem = Path::new(&file).file_name().unwrap_or_default().to_string_lossy();
    let hash: String = trace.sha256.chars().take(HASH_DIGITS).collect();
    let mut rules = Vec::new();
    for failure in failures {
        let Some(number) = failure.node else { continue };
        let Some(node) = replay.node(number, on) else {
            let title = format!("node {number} of the trace is none of the {} here", on.len());
            let help = "more nodes in `on`, or `nodes = \"modulo\"`";
            m.note(Mistake::new(section.place("nodes"), title).help(help));
            return None;
        };
        let down = replay.scaled(failure.down_s);
        let struck = std::iter::once(node..node + 1).collect();
        rules.push(FaultRule {
            name: format!("{stem}@{hash}:{}", failure.line),
            harm: harm.clone(),
            on: PartSet { kind: PartKind::Node, ranges: struck },
            when: When::At(replay.at(failure, start)),
            repair: repair.cloned().unwrap_or(Repair::After(Law::Fixed(down))),
            cascade: None,
            prediction: None,
            radius: Radius::Node,
        });
    }
    Some(rules)
}

fn read(section: &Section<'_>, m: &mut Mistakes) -> Option<Replay> {
    let mut moment = |key| {
        let text: Option<String> = section.optional(key);
        let moment = text.as_deref().map(Moment::parse).transpose();
        moment.map_err(|wrong| m.note(Mistake::new(section.place(key), wrong)))
    };
    let (from, to) = (moment("from"), moment("to"));
    let (mapping, speed) = (section.word("nodes", m), section.get("speed", m));
    let after = section.get("after", m);
    let selection =
        Selection { system: section.optional("system"), from: from.ok()?, to: to.ok()? };
    Some(Replay { selection, mapping: mapping?, speed: speed?, after: after? })
}

/// Notes rows of the trace that cannot be replayed, unless the scenario knows how many there are.
fn check_unusable(
    section: &Section<'_>,
    (trace, failures): (&Trace, &[&Failure]),
    allowed: u64,
    m: &mut Mistakes,
) {
    let nameless = failures.iter().filter(|failure| failure.node.is_none());
    let flaws = trace.flaws.iter().map(|flaw| (flaw.line, flaw.what.as_str()));
    let mut all: Vec<_> =
        flaws.chain(nameless.map(|failure| (failure.line, "it names no node"))).collect();
    all.sort_unstable();
    if all.len() as u64 == allowed {
        return;
    }
    let title = match all.first() {
        Some((line, what)) if all.len() == 1 => {
            format!("a row of the trace cannot be replayed, line {line}: {what}")
        }
        Some((line, what)) => format!(
            "{} rows of the trace cannot be replayed, the first in line {line}: {what}",
            all.len()
        ),
        None => "all rows of the trace can be replayed".to_owned(),
    };
    let help =
        format!("`rackstorm fit` tells them all; `unusable = {}` plays the others", all.len());
    m.note(Mistake::new(section.place("unusable"), title).help(help));
}

impl Replay {
    /// The node that stands for a node of the trace, if there is one.
    fn node(&self, number: u32, on: &PartSet) -> Option<u32> {
        let place = match self.mapping {
            Mapping::Same => number,
            Mapping::Modulo => number % on.len(),
        };
        on.iter().nth(place as usize)
    }

    /// Seconds of the trace as a span of the run.
    fn scaled(&self, seconds: u64) -> Span {
        // At the trace's own pace without a float, which has 53 bits only.
        if self.speed.total_cmp(&1.0).is_eq() {
            return Span::from_secs(seconds);
        }
        Span::from_secs_f64(seconds as f64 / self.speed)
    }

    /// When a failure strikes, if the run's time `after` is `start` in the trace.
    fn at(&self, failure: &Failure, start: Moment) -> Time {
        let since = failure.start.since(start).max(0).unsigned_abs();
        Time::ZERO + self.after + self.scaled(since)
    }
}
