//! What `run` prints of a finished run: a few lines for people, one line for programs.

use std::fmt::Write;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::analysis::Metric;
use crate::analysis::expect::Verdict;
use crate::cli::Exit;
use crate::cli::play::Played;
use crate::plan::Plan;
use crate::record::Finished;
use crate::units::Span;

/// The metrics that the summary shows, where a run has them; `metrics.csv` has all.
const HEADLINES: [&str; 11] = [
    "makespan",
    "efficiency",
    "waste",
    "interrupts",
    "availability",
    "failures",
    "boot_t50",
    "boot_t99",
    "boot_t100",
    "nodes_up_max",
    "energy",
];

/// A run that came to its end.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Its point of the sweep: (key, value) of each axis.
    pub(super) point: Vec<(String, String)>,
    /// What was played.
    pub(super) plan: Plan,
    /// The stage that played it.
    pub(super) stage: &'static str,
    /// What it showed.
    pub(super) played: Played,
    /// Where it lies.
    pub(super) finished: Finished,
    /// Its report, if it has one.
    pub(super) report: Option<PathBuf>,
    /// What became of each expectation.
    pub(super) verdicts: Vec<Verdict>,
}

impl Outcome {
    /// What it means for the exit code.
    pub(super) fn exit(&self) -> Exit {
        if self.verdicts.iter().all(Verdict::is_met) { Exit::Done } else { Exit::Missed }
    }

    /// A line for each expectation that was missed.
    pub(super) fn misses(&self) -> impl Iterator<Item = String> {
        let missed = self.verdicts.iter().filter(|verdict| !verdict.is_met());
        missed.map(|verdict| format!("{}: {}", self.plan.scenario.name, verdict))
    }

    /// One JSON object on one line, with the keys that the help of `run` promises.
    pub(super) fn json(&self) -> String {
        let metrics: Map<_, _> = self.played.findings.metrics.iter().map(entry).collect();
        let mut object = Map::new();
        object.insert("scenario".into(), json!(self.plan.scenario.name));
        object.insert("seed".into(), json!(self.plan.scenario.seed));
        object.insert("stage".into(), json!(self.stage));
        object.insert("fingerprint".into(), json!(self.played.fingerprint));
        object.insert("results".into(), json!(self.finished.path));
        if !self.point.is_empty() {
            object.insert("point".into(), self.point.iter().cloned().collect());
        }
        object.insert("metrics".into(), Value::Object(metrics));
        format!("{}\n", Value::Object(object))
    }

    /// Some lines for people.
    pub(super) fn text(&self) -> String {
        let scenario = &self.plan.scenario;
        let (name, seed, stage) = (&scenario.name, scenario.seed, self.stage);
        let mut text = format!("{name}  seed {seed}  {stage}  {}", self.played.fingerprint);
        for (axis, value) in &self.point {
            let _ = write!(text, "  {axis} = {value}");
        }
        text.push('\n');
        for headline in HEADLINES {
            let metrics = &self.played.findings.metrics;
            if let Some(metric) = metrics.iter().find(|metric| metric.name == headline) {
                let _ = writeln!(text, "  {headline:<14} {}", quantity(metric));
            }
        }
        let place = self.report.as_ref().unwrap_or(&self.finished.path);
        let known =
            if self.finished.already_there { "  (the same run was there already)" } else { "" };
        let _ = writeln!(text, "  {:<14} {}{known}", "results", place.display());
        text
    }
}

/// A metric as an entry of the JSON object; what is not a number becomes null.
fn entry(metric: &Metric) -> (String, Value) {
    (metric.name.clone(), json!(metric.value))
}

/// A metric with its unit, for people.
fn quantity(metric: &Metric) -> String {
    match metric.unit.as_str() {
        "s" if metric.value >= 0.0 => Span::from_secs_f64(metric.value).to_string(),
        "1" => format!("{:.4}", metric.value),
        "count" => format!("{}", metric.value),
        unit => format!("{:.6} {unit}", metric.value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_told_in_the_units_of_people() {
        let metric = |value, unit: &str| Metric { name: String::new(), value, unit: unit.into() };
        assert_eq!(quantity(&metric(0.75, "1")), "0.7500");
        assert_eq!(quantity(&metric(750.0, "count")), "750");
        assert_eq!(quantity(&metric(2.5, "W")), "2.500000 W");
    }

    #[test]
    fn a_metric_without_a_value_is_null_in_json() {
        let metric = Metric { name: "mtti".into(), value: f64::NAN, unit: "s".into() };
        assert_eq!(entry(&metric), ("mtti".to_owned(), Value::Null));
    }
}
