//! A finished run in words: a few lines for people, one line for programs.

use std::fmt::Write;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::analysis::{JobFinding, Metric};
use crate::experiment::{RecordedRun, RunError};
use crate::plan::Plan;
use crate::record::words;
use crate::scenario::{Scenario, StopWhen};
use crate::units::Span;

/// The metrics that the summary shows, where a run has them; `metrics.csv` has all.
const HEADLINES: [&str; 21] = [
    "makespan",
    "efficiency",
    "collective_share",
    "transfers_done",
    "transfers_lost",
    "transfer_time_mean",
    "map_reduce_time",
    "map_reduce_retried",
    "hdfs_blocks_lost",
    "interrupts",
    "failures",
    "availability",
    "boot_t50",
    "boot_t99",
    "boot_t100",
    "nodes_up_max",
    "jobs_timed_out",
    "queue_wait_mean",
    "bounded_slowdown_mean",
    "utilisation",
    "energy",
];

/// Metrics on a line that sums up a run, when there are many runs.
const ON_A_LINE: usize = 3;

/// Of more jobs nobody would read each; `jobs.csv` has them.
const JOBS: usize = 40;

/// How much is said of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// A line for each headline.
    Full,
    /// One line in all.
    Line,
}

/// A run that came to its end.
#[derive(Debug)]
pub(crate) struct Ended {
    /// What was played.
    pub(crate) plan: Plan,
    /// The stage that played it.
    pub(crate) stage: &'static str,
    /// What came of it, and where it lies.
    pub(crate) run: RecordedRun,
    /// Its report, if it was to have one; or why it could not be drawn.
    pub(crate) report: Option<Result<PathBuf, RunError>>,
}

impl Ended {
    /// Its report, if it was drawn.
    pub(crate) fn page(&self) -> Option<&PathBuf> {
        self.report.as_ref()?.as_ref().ok()
    }

    /// A line for each expectation that was missed.
    pub(crate) fn misses(&self) -> impl Iterator<Item = String> {
        let missed = self.run.outcome.missed();
        missed.map(|verdict| format!("{}: missed: {verdict}", self.head("  ")))
    }

    /// Which run it is.
    fn head(&self, gap: &str) -> String {
        let scenario = &self.plan.scenario;
        format!("{}{gap}seed {}", scenario.name, scenario.seed)
    }

    fn metric(&self, name: &str) -> Option<&Metric> {
        self.run.outcome.findings.metric(name)
    }

    /// What became of silent corruption, if any struck.
    fn corruptions(&self) -> Option<String> {
        let struck = self.metric("corruptions").filter(|all| all.value > 0.0)?.value;
        let of = |end: &str| self.value(&format!("corruptions_{end}"));
        let ends = ["detected", "corrected", "escaped"].map(|end| format!("{} {end}", of(end)));
        Some(format!("{struck}, of which {}", ends.join(", ")))
    }

    /// What the control plane refused, if anything.
    fn refused(&self) -> Option<String> {
        let of = |what: &str| self.value(&format!("{what}_refused"));
        words::refused(["connections", "datagrams", "messages"].map(|what| of(what) as u64))
    }

    fn value(&self, name: &str) -> f64 {
        self.run.outcome.metric(name).unwrap_or(0.0)
    }

    /// What the run had not reached when its time was up.
    fn unreached(&self) -> Option<String> {
        if !is_unfinished(&self.plan.scenario, |name| self.run.outcome.metric(name)) {
            return None;
        }
        let missing = match (self.value("jobs_unfinished"), self.plan.jobs.len()) {
            (unfinished, 1) if unfinished > 0.0 => "the job was not done".to_owned(),
            (unfinished, jobs) if unfinished > 0.0 => {
                format!("{unfinished} of {jobs} jobs were not done")
            }
            _ if self.value("transfers_unfinished") > 0.0 => {
                format!("{} transfers had not arrived", self.value("transfers_unfinished"))
            }
            _ => "not all nodes were up".to_owned(),
        };
        Some(format!("after {}, when {missing}", span(self.value("run_time"))))
    }

    /// One JSON object on one line, with the keys that the help of `run` promises.
    pub(crate) fn json(&self) -> String {
        let RecordedRun { outcome, folder } = &self.run;
        let metrics: Map<_, _> = outcome.findings.metrics.iter().map(entry).collect();
        let mut object = Map::new();
        object.insert("scenario".into(), json!(self.plan.scenario.name));
        object.insert("seed".into(), json!(self.plan.scenario.seed));
        object.insert("stage".into(), json!(self.stage));
        object.insert("fingerprint".into(), json!(outcome.fingerprint));
        object.insert("results".into(), json!(folder.path.to_string_lossy()));
        object.insert("metrics".into(), Value::Object(metrics));
        format!("{}\n", Value::Object(object))
    }

    /// Some lines for people, or a single one.
    pub(crate) fn text(&self, style: Style) -> String {
        // What needs no repair says nothing by its availability.
        let calm = self.metric("failures").is_none_or(|failures| failures.value == 0.0);
        let shown = HEADLINES.iter().filter(|name| !(calm && **name == "availability"));
        let so_far = if self.value("jobs_unfinished") > 0.0 { " so far" } else { "" };
        let row = |name: &str| {
            let mark = if name == "efficiency" { so_far } else { "" };
            Some((name.to_owned(), quantity(self.metric(name)?) + mark))
        };
        let mut rows: Vec<_> = shown.filter_map(|name| row(name)).collect();
        let RecordedRun { outcome, folder } = &self.run;
        let known = if folder.already_there { "  (the same run was there already)" } else { "" };
        let place = self.page().unwrap_or(&folder.path).display();
        if style == Style::Line {
            rows.retain(|(name, _)| !(calm && name == "failures"));
            rows.truncate(ON_A_LINE);
            let values = rows.iter().map(|(name, value)| format!("  {name} {value}"));
            let refused = self.refused().map_or_else(String::new, |all| format!("  refused {all}"));
            let ended = self.unreached().map_or_else(String::new, |why| format!("  ended {why}"));
            let (head, values) = (self.head("  "), values.collect::<String>());
            return format!("{head}{values}{ended}{refused}  {place}{known}\n");
        }
        rows.extend(self.corruptions().map(|text| ("corruptions".to_owned(), text)));
        rows.extend(self.refused().map(|text| ("refused".to_owned(), text)));
        let jobs = &outcome.findings.jobs;
        rows.extend(jobs.iter().filter(|_| (2..=JOBS).contains(&jobs.len())).map(of_job));
        rows.extend(self.unreached().map(|why| ("ended".to_owned(), why)));
        rows.push(("results".to_owned(), format!("{place}{known}")));
        let mut text = format!("{}  {}\n", self.head("  "), self.stage);
        let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0).clamp(14, 24);
        for (name, value) in rows {
            let _ = writeln!(text, "  {name:<width$} {value}");
        }
        text
    }
}

/// Whether a run's time was up before it had come to where its scenario wants it: a job was not
/// done, or not all nodes were up.
pub(super) fn is_unfinished(scenario: &Scenario, metric: impl Fn(&str) -> Option<f64>) -> bool {
    let value = |name| metric(name).unwrap_or(0.0);
    let all_up = scenario.stop.when == StopWhen::AllUp;
    let unfinished = value("jobs_unfinished") + value("transfers_unfinished") > 0.0;
    unfinished || (all_up && value("nodes_up_end") < value("nodes"))
}

/// A metric as an entry of the JSON object; what is not a number becomes null.
fn entry(metric: &Metric) -> (String, Value) {
    (metric.name.clone(), json!(metric.value))
}

/// A job among several as a line.
fn of_job(job: &JobFinding) -> (String, String) {
    let (end, so_far) = match job.done_s {
        _ if job.status == "timed-out" => ("ended at its walltime".to_owned(), ""),
        done if done < 0.0 => ("not done".to_owned(), " so far"),
        done => (span(done), ""),
    };
    let all = [job.lost_s, job.checkpoint_s, job.restart_s, job.verify_s, job.wait_s];
    let efficiency = job.work_s / (job.work_s + all.iter().sum::<f64>());
    let text = format!("{end}, efficiency {efficiency:.4}{so_far}, interrupts {}", job.interrupts);
    (format!("job {}", job.job), text)
}

/// A metric with its unit, for people: no more digits than are read.
pub(super) fn quantity(metric: &Metric) -> String {
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
pub(crate) fn span(seconds: f64) -> String {
    Span::from_secs_f64(seconds).rounded().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_emitted_in_the_units_of_people() {
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
