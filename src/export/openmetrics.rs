//! OpenMetrics text with times: metrics at the end of each run, series at their instants.
//!
//! `promtool tsdb create-blocks-from openmetrics` makes blocks of it that Prometheus reads. Format:
//! OpenMetrics 1.0, prometheus/OpenMetrics, `specification/OpenMetrics.md`: samples of a family
//! stand together, its unit ends its name, and `# EOF` is the last line.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use super::Recorded;
use crate::metrics;
use crate::trace::Moment;

/// Samples of a family: of one name, over all runs.
#[derive(Default)]
struct Family {
    unit: &'static str,
    help: String,
    samples: Vec<Sample>,
}

struct Sample {
    labels: String,
    value: f64,
    /// Seconds since 1970.
    at_s: f64,
}

/// Writes the runs. Each begins at `start`, or when it was really begun. O(points).
///
/// # Errors
/// When the output cannot be written.
pub fn write(runs: &[Recorded], start: Option<Moment>, out: &mut dyn Write) -> io::Result<()> {
    let mut families = BTreeMap::new();
    for run in runs {
        let begun = || Moment::of_cell(&run.manifest.started).unwrap_or(Moment(0));
        let start_s = start.unwrap_or_else(begun).0 as f64;
        add(run, start_s, &mut families);
    }
    for (name, Family { unit, help, samples }) in &families {
        writeln!(out, "# TYPE {name} gauge")?;
        if !unit.is_empty() {
            writeln!(out, "# UNIT {name} {unit}")?;
        }
        writeln!(out, "# HELP {name} {}", escaped(help))?;
        for Sample { labels, value, at_s } in samples {
            writeln!(out, "{name}{{{labels}}} {value} {at_s:.3}")?;
        }
    }
    writeln!(out, "# EOF")
}

/// Adds what a run that began then has to say.
fn add(run: &Recorded, start_s: f64, families: &mut BTreeMap<String, Family>) {
    let findings = &run.findings;
    let length_s = findings.metric("run_time").map_or(0.0, |metric| metric.value);
    for metric in &findings.metrics {
        let meaning = metrics::find(&metric.name).map_or("", |it| it.meaning);
        let family = family(families, &metric.name, &metric.unit, meaning);
        let (labels, at_s) = (labels(run, None, None), start_s + length_s);
        family.samples.push(Sample { labels, value: metric.value, at_s });
    }
    for series in &findings.series {
        let (name, part) = match series.name.split_once('/') {
            Some((name, part)) => (name, Some(part)),
            None => (series.name.as_str(), None),
        };
        let help = "Over time: least, mean and greatest value of each interval.";
        let family = family(families, &format!("series_{name}"), &series.unit, help);
        for stat in ["min", "mean", "max"] {
            let labels = labels(run, part, Some(stat));
            let mut last = f64::NEG_INFINITY;
            for point in &series.points {
                // Instants of one set of labels grow; the last point may stand at the one before.
                let at_s = start_s + point.t_s;
                if at_s >= last + 1e-3 {
                    let value = match stat {
                        "min" => point.min,
                        "mean" => point.mean,
                        _ => point.max,
                    };
                    let labels = labels.clone();
                    family.samples.push(Sample { labels, value, at_s });
                    last = at_s;
                }
            }
        }
    }
}

/// The family of a name and unit.
fn family<'a>(
    families: &'a mut BTreeMap<String, Family>,
    name: &str,
    unit: &str,
    help: &str,
) -> &'a mut Family {
    let unit = words(unit);
    let mut full = format!("rackstorm_{}", name.replace(|it: char| !it.is_alphanumeric(), "_"));
    if !unit.is_empty() {
        let _ = write!(full, "_{unit}");
    }
    families.entry(full).or_insert_with(|| Family { unit, help: help.to_owned(), samples: vec![] })
}

/// A unit as OpenMetrics spells it; of counts it has none.
fn words(unit: &str) -> &'static str {
    match unit {
        "s" => "seconds",
        "B" => "bytes",
        "J" => "joules",
        "W" => "watts",
        "1" => "ratio",
        "1/s" => "per_second",
        "B/s" => "bytes_per_second",
        "bit/s" => "bits_per_second",
        _ => "",
    }
}

fn labels(run: &Recorded, part: Option<&str>, stat: Option<&str>) -> String {
    let manifest = &run.manifest;
    let seed = manifest.seed.to_string();
    let mut labels = String::new();
    let all = [
        ("scenario", Some(manifest.scenario.as_str())),
        ("seed", Some(&seed)),
        ("stage", Some(&manifest.stage)),
        ("part", part),
        ("stat", stat),
    ];
    for (name, value) in all {
        let Some(value) = value else { continue };
        let comma = if labels.is_empty() { "" } else { "," };
        let _ = write!(labels, "{comma}{name}=\"{}\"", escaped(value));
    }
    labels
}

/// A text as labels and help have it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
