//! A recorded run played again with one change at an instant: what it would have come to.
//!
//! ```text
//!  recorded  |-------------- T ------------------------|   the recorded fingerprint is demanded
//!  branched  |-------------- T =change=================|   the same events before T are demanded
//! ```
//!
//! Chance is the plan's, so both meet the same faults after T as well, as far as the change lets
//! them. The difference of a metric is that of this pair of runs, and has no interval: a study of
//! the branched scenario over seeds has.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::replay::{other_version, suspect};
use super::run::{Outcome, Run, RunError};
use super::summary::quantity;
use crate::analysis::Metric;
use crate::backend::model::Model;
use crate::backend::{self, Backend};
use crate::event::{Event, Sink, Stop};
use crate::plan::Plan;
use crate::record::Manifest;
use crate::record::fingerprint::Fingerprint;
use crate::report;
use crate::scenario::Scenario;
use crate::units::{Span, Time};

/// Why something was not played, and what can be done.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{why}\n  hint: {hint}")]
pub struct Refused {
    /// Why, as a sentence.
    pub why: String,
    /// What can be done.
    pub hint: String,
}

impl Refused {
    pub(super) fn new(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { why: why.into(), hint: hint.into() }
    }
}

/// A run and its branch, which share all that happened before an instant.
#[derive(Debug)]
pub struct Branched {
    /// The instant.
    pub at: Time,
    /// How many events both have before it, and their fingerprint.
    pub prefix: (u64, String),
    /// What came of the recorded run.
    pub original: Outcome,
    /// What came of it with the change.
    pub branched: Outcome,
    /// The results folder of the branch, if it was to leave one.
    pub folder: Option<PathBuf>,
}

/// Plays the run of a results folder again, and what a changed scenario makes of it; both sinks may
/// stop it. With `out`, the branch leaves a results folder there.
///
/// # Errors
/// [`Refused`] if the folder cannot be branched at this instant, or is not what this program plays;
/// [`RunError`] if a run cannot be played or is stopped.
pub fn branch(
    (results, manifest): (&Path, &Manifest),
    (scenario, changed): (&Scenario, &Scenario),
    at: Time,
    out: Option<&Path>,
    [first, second]: [&mut dyn Sink; 2],
) -> anyhow::Result<Branched> {
    if manifest.stage != Model.name() {
        let why = format!("{}: stage {} played it", results.display(), manifest.stage);
        let hint = format!("only a run of stage {} can be branched", backend::ALL[0].name());
        return Err(Refused::new(why, hint).into());
    }
    let plan = Plan::make(scenario);
    if manifest.plan_digest.as_ref().is_some_and(|then| *then != plan.digest()) {
        let hint = "`rackstorm run` of its scenario leaves a folder that can be branched";
        return Err(Refused::new(suspect(results, manifest), hint).into());
    }
    let mut before = Prefix::until(at);
    let run = Run::new(&plan, &Model).fingerprint().sink(&mut before).sink(first);
    let original = run.play()?;
    if original.fingerprint != manifest.fingerprint {
        let why = other_version(manifest)
            .unwrap_or_else(|| "its scenario does not play to its fingerprint".to_owned());
        let hint = "`rackstorm replay` says where they differ";
        return Err(Refused::new(format!("{}: {why}", results.display()), hint).into());
    }
    let end = Time::ZERO + Span::from_secs_f64(original.metric("run_time").unwrap_or(0.0));
    if at > end {
        let why = format!("the run was over after {end}, before {at}");
        return Err(Refused::new(why, "give an earlier --at").into());
    }
    let plan = Plan::make(changed);
    let mut again = Prefix::until(at);
    let run = Run::new(&plan, &Model).fingerprint().sink(&mut again).sink(second);
    let (branched, folder) = match out {
        Some(out) => {
            let recorded = run.record(out)?;
            (recorded.outcome, Some(recorded.folder.path))
        }
        None => (run.play()?, None),
    };
    let (prefix, other) = (before.finish(), again.finish());
    if prefix != other {
        let why = format!("the change reaches back before {at}: the runs differ there");
        return Err(RunError::Stopped { stop: Stop::Failed(why), so_far: branched.into() }.into());
    }
    Ok(Branched { at, prefix, original, branched, folder })
}

/// Hashes what happens before an instant.
struct Prefix {
    until: Time,
    events: u64,
    hash: Fingerprint,
}

impl Prefix {
    fn until(until: Time) -> Self {
        Self { until, events: 0, hash: Fingerprint::default() }
    }

    fn finish(self) -> (u64, String) {
        (self.events, self.hash.finish())
    }
}

impl Sink for Prefix {
    fn event(&mut self, event: &Event) -> Result<(), Stop> {
        if event.at < self.until {
            self.events += 1;
            self.hash.event(event);
        }
        Ok(())
    }
}

impl Branched {
    /// Whether nothing came of the change.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.original.fingerprint == self.branched.fingerprint
    }

    /// The metrics of both, in their order: those that differ, or all.
    fn pairs(&self, all: bool) -> impl Iterator<Item = (&'static str, [Option<&Metric>; 2])> {
        let both = |name| [&self.original, &self.branched].map(|run| run.findings.metric(name));
        let pairs = crate::metrics::ALL.iter().map(move |it| (it.name, both(it.name)));
        pairs.filter(move |(_, [a, b])| (a.is_some() || b.is_some()) && (all || a != b))
    }

    /// A sentence about what both share, and a table of the metrics that differ, or of all.
    #[must_use]
    pub fn text(&self, all: bool) -> String {
        let (events, hash) = &self.prefix;
        let mut text = format!("the same before {}: {events} events, {hash}\n", self.at);
        if self.is_same() {
            text += "nothing changed: the whole run has the same fingerprint\n";
        }
        let shown = |metric: Option<&Metric>| metric.map_or_else(|| "–".to_owned(), quantity);
        let row = |(name, [a, b]): (&str, [Option<&Metric>; 2])| {
            let (difference, share) = match (a, b) {
                (Some(a), Some(b)) => difference(a, b),
                _ => ("–".to_owned(), "–".to_owned()),
            };
            vec![name.to_owned(), shown(a), shown(b), difference, share]
        };
        let rows: Vec<_> = self.pairs(all).map(row).collect();
        let heads = ["Metric", "recorded", "branched", "difference", "of recorded"];
        text + &report::columns(&heads, "lrrrr", &rows)
    }

    /// The same as one object, with all metrics.
    #[must_use]
    pub fn json(&self) -> Value {
        let side = |run: &Outcome| {
            let metrics = run.findings.metrics.iter();
            let metrics: Map<_, _> = metrics.map(|it| (it.name.clone(), json!(it.value))).collect();
            json!({ "fingerprint": run.fingerprint, "metrics": metrics })
        };
        let (events, fingerprint) = &self.prefix;
        json!({
            "at_s": self.at.as_secs_f64(),
            "prefix": { "events": events, "fingerprint": fingerprint },
            "recorded": side(&self.original),
            "branched": side(&self.branched),
            "results": self.folder.as_ref().map(|path| path.to_string_lossy()),
        })
    }
}

/// How much more the second is than the first, and as a share of that.
fn difference(a: &Metric, b: &Metric) -> (String, String) {
    let value = b.value - a.value;
    let sign = if value < 0.0 { "−" } else { "+" };
    let size = Metric { value: value.abs(), ..a.clone() };
    let share = value / a.value * 100.0;
    let share = if share.is_finite() { format!("{share:+.2} %") } else { "–".to_owned() };
    (format!("{sign}{}", quantity(&size)), share.replace('-', "−"))
}
