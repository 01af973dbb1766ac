//! The figures of a report, one file each; a new one is a file and a line in [`ALL`].

mod boot_gantt;
mod nodes_up;
mod power;
mod rack_map;
mod server_link;
mod time_breakdown;

pub(crate) use nodes_up::close_look;

use crate::analysis::{Findings, Series};
use crate::report::Input;
use crate::report::drawing::Drawing;
use crate::report::words;

/// A figure: what it is called, when it has something to show, and how it is drawn.
pub(crate) trait Figure: Sync {
    /// Stem of its files.
    fn name(&self) -> &'static str;
    /// Its title.
    fn title(&self) -> &'static str;
    /// What it shows and how to read it.
    fn caption(&self, input: &Input) -> String;
    /// Whether there is anything to show; a figure without data is left out.
    fn wanted(&self, input: &Input) -> bool;
    /// Draws it. Only called if it is wanted.
    fn draw(&self, input: &Input) -> Drawing;
}

/// All figures in the order of the report.
pub(crate) const ALL: &[&dyn Figure] = &[
    &nodes_up::NodesUp,
    &boot_gantt::BootGantt,
    &time_breakdown::TimeBreakdown,
    &rack_map::RackMap,
    &server_link::ServerLink,
    &power::PowerOverTime,
];

/// A series by its name, if it has at least one interval.
pub(crate) fn series<'a>(findings: &'a Findings, name: &str) -> Option<&'a Series> {
    findings.series.iter().find(|series| series.name == name && lasts(series))
}

/// Whether a series has an interval at all: two points with time between.
fn lasts(series: &Series) -> bool {
    match (series.points.first(), series.points.last()) {
        (Some(first), Some(last)) => last.0 > first.0,
        _ => false,
    }
}

/// When a series ends (s).
pub(crate) fn end_of(series: &Series) -> f64 {
    series.points.last().map_or(0.0, |point| point.0)
}

/// The value of a metric, if the run has it.
pub(crate) fn metric(findings: &Findings, name: &str) -> Option<f64> {
    findings.metrics.iter().find(|metric| metric.name == name).map(|metric| metric.value)
}

/// The line below a figure's title: which run it is, for the day it stands on a slide alone.
fn subtitle(input: &Input) -> String {
    let scenario = &input.plan.scenario;
    let nodes = words::count(input.plan.machine.nodes.len(), "node", "nodes");
    format!("{} · {nodes} · seed {} · {}", scenario.name, scenario.seed, input.stage)
}
