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
        let mut text = format!("{name}  seed {seed}  {stage}");
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

/// A metric with its unit, for people: no more digits than are read.
fn quantity(metric: &Metric) -> String {
    let value = metric.value;
    match metric.unit.as_str() {
        "s" if value >= 0.0 => span(value),
        "1" => format!("{value:.4}"),
        "count" => format!("{value}"),
        unit => {
            let prefixes = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
            let fitting = prefixes.into_iter().find(|(size, _)| value.abs() >= *size);
            let (size, prefix) = fitting.unwrap_or((1.0, ""));
            format!("{:.2} {prefix}{unit}", value / size)
        }
    }
}

/// A span without the digits that nobody reads.
pub(super) fn span(seconds: f64) -> String {
    let grain = match seconds {
        day if day >= 86_400.0 => 60.0,
        hour if hour >= 3_600.0 => 1.0,
        minute if minute >= 60.0 => 0.1,
        _ => 0.001,
    };
    Span::from_secs_f64((seconds / grain).round() * grain).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_told_in_the_units_of_people() {
        let metric = |value, unit: &str| Metric { name: String::new(), value, unit: unit.into() };
        assert_eq!(quantity(&metric(0.75, "1")), "0.7500");
        assert_eq!(quantity(&metric(750.0, "count")), "750");
        assert_eq!(quantity(&metric(2.5, "W")), "2.50 W");
        assert_eq!(quantity(&metric(28_497_686.2, "J")), "28.50 MJ");
        assert_eq!(quantity(&metric(69.782_108_996, "s")), "1 min 9.8 s");
        assert_eq!(quantity(&metric(89_651.17, "s")), "1 d 54 min");
    }

    #[test]
    fn a_metric_without_a_value_is_null_in_json() {
        let metric = Metric { name: "mtti".into(), value: f64::NAN, unit: "s".into() };
        assert_eq!(entry(&metric), ("mtti".to_owned(), Value::Null));
    }
}
