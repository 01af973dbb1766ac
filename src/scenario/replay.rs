//! Failures of a trace as fault rules: each failure strikes one node once, at its own time.
//!
//! The rules are part of the scenario, so its resolved text and the plan's digest hold all that
//! the run took from the file, and a results folder replays without it. Each is named after the
//! file, the beginning of its SHA-256, and the line: `lanl.csv@516c88f0fa07:1207`.
//!
//! Not modelled: what failed at the same moment for the same reason; each record strikes by itself.

use std::path::Path;

use crate::config::declare::{Declared, choice, table};
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::ids::PartKind;
use crate::scenario::fault::{FaultRule, PartSet, Radius, Repair, When};
use crate::scenario::harm::Harm;
use crate::scenario::keys::SPAN;
use crate::scenario::law::Law;
use crate::trace::{self, Failure, Moment, Named, Selection, Trace};
use crate::units::{Span, Time};
use crate::untrusted::demand_regular;

table! {
    /// The failures of a trace of a real machine, each of which strikes once.
    pub(super) struct Replay(Debug) {
        /// The trace: a path, relative to this file.
        file: String;
        /// Only the failures of this system. Default: of all.
        system: Option<u32>;
        /// Only failures from this time on, such as "2004-01-31 14:05". Default: the first.
        from: Option<String>;
        /// Only failures before this time. Default: all.
        to: Option<String>;
        /// Which node stands for number n of the trace: number n of `on`, counted from 0 (`same`),
        /// or number n modulo the size of `on` (`modulo`).
        nodes: Mapping => "\"same\"";
        /// How much faster than in the trace time goes, for failures and repairs.
        speed: f64 = Kind::Number(1e-6, 1e6) => "1.0";
        /// The time of the run at which the window begins.
        after: Span = SPAN => "\"0 s\"";
        /// Rows of the trace that cannot be replayed, as you know: broken ones of the file, and
        /// those of the window without a node.
        unusable: u32 => "0";
    }
}

choice! {
    /// Which node of the scenario stands for a node of the trace.
    pub(super) enum Mapping(Clone, Copy, Debug, PartialEq, Eq) {
        /// The node number n of the trace is number n of the fault's set, counted from 0.
        Same = "same",
        /// It is number n modulo the size of the set.
        Modulo = "modulo",
    }
}

/// Digits of the file's SHA-256 in the name of a rule.
const HASH_DIGITS: usize = 12;

/// The rules of a replay, each with this harm; `repair` is what the table gives in place of the
/// times of the trace.
pub(super) fn rules(
    harm: &Harm,
    section: &Section<'_>,
    on: &PartSet,
    repair: Option<&Repair>,
    m: &mut Mistakes,
) -> Option<Vec<FaultRule>> {
    let replay = Replay::read(section, m);
    let (from, to) = (moment(section, "from", m), moment(section, "to", m));
    // A trace that is not there is reported whatever else is wrong.
    let place = section.place("file");
    let path = m.folder(place.file).join(section.optional::<String>("file")?);
    let regular = demand_regular(&path).map_err(|why| format!("{}: {why}", path.display()));
    let read = || trace::read(&path, &Named::default()).map_err(|error| error.to_string());
    let trace = (regular.and_then(|()| read()))
        .map_err(|why| m.note(Mistake::new(place, why).help("paths are relative to this file")))
        .ok()?;
    let replay = replay?;
    let selection = Selection { system: replay.system, from: from.ok()?, to: to.ok()? };
    let failures = selection.of(&trace);
    check_unusable(section, (&trace, &failures), replay.unusable as usize, m);
    let Some(first) = failures.first() else {
        let systems: Vec<_> = trace.nodes.keys().map(u32::to_string).collect();
        let help = format!("the trace has the systems {}", systems.join(", "));
        m.note(
            Mistake::new(section.own_place(), "no failure of the trace is in this window")
                .help(help),
        );
        return None;
    };
    let start = selection.from.unwrap_or(first.start);
    let stem = Path::new(&replay.file).file_name().unwrap_or_default().to_string_lossy();
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

/// A moment of the trace, if one is given.
fn moment(section: &Section<'_>, key: &str, m: &mut Mistakes) -> Result<Option<Moment>, ()> {
    let text = section.optional::<String>(key);
    let moment = text.as_deref().map(Moment::parse).transpose();
    moment.map_err(|wrong| m.note(Mistake::new(section.place(key), wrong)))
}

/// Notes rows of the trace that cannot be replayed, unless the scenario knows how many there are.
fn check_unusable(
    section: &Section<'_>,
    (trace, failures): (&Trace, &[&Failure]),
    allowed: usize,
    m: &mut Mistakes,
) {
    let nameless = failures.iter().filter(|failure| failure.node.is_none());
    let flaws = trace.flaws.iter().map(|flaw| (flaw.line, flaw.what.as_str()));
    let mut all: Vec<_> =
        flaws.chain(nameless.map(|failure| (failure.line, "it names no node"))).collect();
    all.sort_unstable();
    if all.len() == allowed {
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
        format!("`rackstorm fit` lists them all; `unusable = {}` plays the others", all.len());
    m.note(Mistake::new(section.place("unusable"), title).help(help));
}

impl Replay {
    /// The node that stands for a node of the trace, if there is one.
    fn node(&self, number: u32, on: &PartSet) -> Option<u32> {
        let place = match self.nodes {
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
