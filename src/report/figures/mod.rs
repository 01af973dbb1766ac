//! The figures of a report, one file each; a new one is a file and a line in [`ALL`].

mod boot_gantt;
mod corruptions;
mod counts;
mod job_phases;
mod nodes_up;
mod polling;
mod power;
mod queue;
mod rack_map;
mod server_link;
mod tasks;
mod time_breakdown;
mod transfers;
mod under_replicated;
mod web;

pub(crate) use nodes_up::close_look;

use crate::analysis::{Findings, Series, WIDTHS};
use crate::report::Input;
use crate::report::drawing::Drawing;
#[cfg(doc)]
use crate::report::frame::Frame;
use crate::report::theme::{BLUE, Ink, ORANGE};
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
    &job_phases::JobPhases,
    &corruptions::Corruptions,
    &rack_map::RackMap,
    &server_link::ServerLink,
    &queue::QueueLength,
    &queue::QueueNodes,
    &queue::QueueWaits,
    &queue::QueueSlowdowns,
    &tasks::TasksOfNodes,
    &under_replicated::UnderReplicated,
    &polling::StatusShown,
    &transfers::TransferTimes,
    &web::WebLatency,
    &web::WebRequests,
    &web::WebLatencies,
    &power::PowerOverTime,
];

/// A series by its name, if it has at least one interval.
pub(crate) fn series<'a>(findings: &'a Findings, name: &str) -> Option<&'a Series> {
    findings.series.iter().find(|series| series.name == name && lasts(series))
}

/// Whether a series has an interval at all: two points with time between.
fn lasts(series: &Series) -> bool {
    match (series.points.first(), series.points.last()) {
        (Some(first), Some(last)) => last.t_s > first.t_s,
        _ => false,
    }
}

/// When a series ends (s).
pub(crate) fn end_of(series: &Series) -> f64 {
    series.points.last().map_or(0.0, |point| point.t_s)
}

/// Pixels that a checkpoint and what is computed before it need to be seen.
const CYCLE: f64 = 10.0;
/// Of those that are too many to be seen, a mean holds at least so many.
const CYCLES: f64 = 8.0;

/// A round interval (s) that holds many checkpoints and restarts, if a plot so wide (px) of a run
/// that ends then (s) cannot show each of them. Means over shorter intervals would form bands that
/// do not exist, as one holds two checkpoints by chance and the next one.
pub(crate) fn long_interval(findings: &Findings, end: f64, wide: f64) -> Option<f64> {
    let changes = ["checkpoints_begun", "restarts", "verifications"];
    let cycles: f64 = changes.iter().filter_map(|name| metric(findings, name)).sum();
    if cycles * CYCLE <= wide {
        return None;
    }
    let widths = WIDTHS.iter().map(|width| *width as f64 / 1e9);
    widths.into_iter().find(|width| *width >= CYCLES * end / cycles)
}

/// How long an interval of these series is, such as ` in 5 min`: the least distance of points, as
/// the last one may be cut short. Nothing if there is one interval only.
pub(crate) fn every(series: &[&Series]) -> String {
    let points = series.iter().flat_map(|series| {
        let whole = &series.points[..series.points.len().saturating_sub(1)];
        whole.windows(2).map(|pair| pair[1].t_s - pair[0].t_s)
    });
    let width = points.filter(|width| *width > 0.0).min_by(f64::total_cmp);
    // Seconds are exact to a nanosecond; their difference is not.
    width.map_or(String::new(), |width| in_each((width * 1e9).round() / 1e9))
}

/// The same in words for an interval that is known (s).
pub(crate) fn in_each(width: f64) -> String {
    format!(" in {}", words::span(width))
}

/// The legend of [`Frame::envelope`], if means are over longer intervals (s) than the series has.
fn envelope_legend(series: &[&Series], longer: Option<f64>) -> [(String, Ink); 2] {
    let every = every(series);
    let mean = longer.map_or_else(|| every.clone(), in_each);
    [(format!("lowest to highest{every}"), ORANGE), (format!("mean{mean}"), BLUE)]
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
