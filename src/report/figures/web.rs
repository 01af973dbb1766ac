//! A web site: latency of requests over time, those that were served and lost, and the CDF.

use super::{Figure, end_of, every, series};
use crate::analysis::{Series, TaskFinding};
use crate::report::Input;
use crate::report::drawing::{Area, Drawing};
use crate::report::frame::{Frame, PLOT_RIGHT, along, heading, legend, peak, rising};
use crate::report::scale::Scale;
use crate::report::theme::{BLUE, GREEN, Ink, PURPLE, TEXT, VERMILLION};
use crate::report::words;
use crate::scenario::fault::{FaultRule, Repair, When};
use crate::scenario::law::Law;
use crate::units::Span;

/// Latency over time.
pub(crate) struct WebLatency;

/// Requests served and lost over time.
pub(crate) struct WebRequests;

/// The share of the requests that took at most so long.
pub(crate) struct WebLatencies;

const QUANTILES: [(&str, &str, Ink); 3] = [
    ("web_latency_p99", "99th percentile", PURPLE),
    ("web_latency_p95", "95th percentile", BLUE),
    ("web_latency_p50", "median", GREEN),
];
const RATES: [(&str, &str, Ink); 2] =
    [("web_served", "served", BLUE), ("web_lost", "lost", VERMILLION)];
/// From a fault until it is mended.
const FAULT: Ink = TEXT.at(0.13);
/// A fault is drawn so wide at least (px).
const FAULT_WIDTH: f64 = 2.0;

type Curve<'a> = (&'a Series, &'static str, Ink);

/// The series of these names that there are.
fn curves<'a>(input: &Input<'a>, names: &[(&str, &'static str, Ink)]) -> Vec<Curve<'a>> {
    let curve = |&(name, word, ink): &(&str, &'static str, Ink)| {
        Some((series(input.findings, name)?, word, ink))
    };
    names.iter().filter_map(curve).collect()
}

/// The faults that strike at times that the scenario gives, until they are mended (s).
fn faults(input: &Input) -> Vec<(f64, f64)> {
    let fault = |rule: &FaultRule| {
        let When::At(at) = rule.when else { return None };
        let span = match &rule.repair {
            Repair::After(Law::Fixed(span)) => *span,
            _ => Span::ZERO,
        };
        Some((at.as_secs_f64(), (at + span).as_secs_f64()))
    };
    input.plan.scenario.faults.iter().filter_map(fault).collect()
}

/// The stretches of a series without an interval between that has no value, such as a latency
/// where nothing was answered.
fn runs(points: &[(f64, f64)]) -> Vec<Vec<(f64, f64)>> {
    // The last interval may be cut short.
    let whole = &points[..points.len().saturating_sub(1)];
    let spans = whole.windows(2).map(|pair| pair[1].0 - pair[0].0);
    let width = spans.filter(|span| *span > 0.0).fold(f64::INFINITY, f64::min);
    let (mut all, mut run) = (Vec::new(), Vec::new());
    for &(at, value) in points {
        if let Some(&(last, before)) = run.last()
            && at - last > 1.5 * width
        {
            run.push((last + width, before));
            all.push(std::mem::take(&mut run));
        }
        run.push((at, value));
    }
    all.push(run);
    all
}

/// Draws series over time, on a logarithmic axis if that is wanted.
fn draw(input: &Input, title: &str, curves: &[Curve<'_>], y: Scale, is_log: bool) -> Drawing {
    let mut drawing = Drawing::default();
    heading(&mut drawing, title, &super::subtitle(input));
    let start = |(series, ..): &Curve<'_>| series.points.first().map_or(0.0, |point| point.t_s);
    let low = curves.iter().map(start).fold(f64::INFINITY, f64::min);
    let end = curves.iter().map(|(series, ..)| end_of(series)).fold(0.0, f64::max);
    let x = Scale::stretch(low, end);
    let (low, end) = (x.low, x.end);
    let mut faults = faults(input);
    faults.retain(|(from, to)| *to >= low && *from <= end);
    let mut names: Vec<_> = curves.iter().map(|(_, word, ink)| (*word, *ink)).collect();
    if !faults.is_empty() {
        names.push(("a fault, until it is mended", FAULT));
    }
    let frame = Frame::new(legend(&mut drawing, &names), PLOT_RIGHT, x, y).marked(input);
    let Area { top, bottom, right: edge, .. } = frame.area;
    for (from, to) in faults {
        let left = frame.x(from);
        let right = frame.x(to).max(left + FAULT_WIDTH).min(edge);
        drawing.block(Area::new(left, top, right, bottom), FAULT);
    }
    frame.grid(&mut drawing);
    for (series, _, ink) in curves {
        let value = |value: f64| if is_log { libm::log10(value.max(1e-9)) } else { value };
        let points = along(&frame.condensed(&series.points), |point| value(point.mean));
        for run in runs(&points) {
            drawing.steps(frame.staircase(&run), *ink, 1.8);
        }
    }
    frame.axes(&mut drawing);
    drawing
}

impl Figure for WebLatency {
    fn name(&self) -> &'static str {
        "web_latency"
    }

    fn title(&self) -> &'static str {
        "Latency of requests over time"
    }

    fn caption(&self, input: &Input) -> String {
        let all = curves(input, &QUANTILES);
        let all: Vec<_> = all.into_iter().map(|(series, ..)| series).collect();
        format!(
            "How long the requests took that were answered{}, from their arrival on: half of them \
             at most the median, 95 and 99 of 100 at most the percentiles. A line that rises \
             steadily is a queue that grows; there is none where nothing was answered.",
            every(&all)
        )
    }

    fn wanted(&self, input: &Input) -> bool {
        !curves(input, &QUANTILES).is_empty()
    }

    fn draw(&self, input: &Input) -> Drawing {
        let all = curves(input, &QUANTILES);
        let values = || all.iter().flat_map(|(series, ..)| &series.points).map(|point| point.mean);
        let most = values().fold(1e-6, f64::max);
        let least = values().filter(|value| *value > 0.0).fold(most, f64::min);
        // A decade at least, so that small changes look small.
        let least = (0.8 * least).min(most / 10.0);
        let y = Scale::decades_of(least, 1.2 * most, "Latency", "s");
        draw(input, self.title(), &all, y, true)
    }
}

impl Figure for WebRequests {
    fn name(&self) -> &'static str {
        "web_requests"
    }

    fn title(&self) -> &'static str {
        "Requests served and lost over time"
    }

    fn caption(&self, input: &Input) -> String {
        let all = curves(input, &RATES);
        let all: Vec<_> = all.into_iter().map(|(series, ..)| series).collect();
        format!(
            "How many requests were answered, and how many were lost, in a second{}. A request \
             counts when it ends: one that is lost counts when whoever waits for it gives up.",
            every(&all)
        )
    }

    fn wanted(&self, input: &Input) -> bool {
        curves(input, &RATES).len() == RATES.len()
    }

    fn draw(&self, input: &Input) -> Drawing {
        let all = curves(input, &RATES);
        let most = all.iter().map(|(series, ..)| peak(&series.points)).fold(0.0, f64::max);
        draw(input, self.title(), &all, Scale::amount(most, "Requests", "/s"), false)
    }
}

/// Latencies of the requests that were answered and have a row (s), ascending.
fn latencies(input: &Input) -> Vec<f64> {
    let answered = |row: &&TaskFinding| row.kind == "request" && row.status == "done";
    let rows = input.findings.tasks.iter().filter(answered);
    let mut all: Vec<_> = rows.map(|row| row.end_s - row.begin_s).collect();
    all.sort_by(f64::total_cmp);
    all
}

impl Figure for WebLatencies {
    fn name(&self) -> &'static str {
        "web_latency_cdf"
    }

    fn title(&self) -> &'static str {
        "Latency of requests"
    }

    fn caption(&self, input: &Input) -> String {
        let shown = words::count(latencies(input).len(), "request", "requests");
        format!(
            "The share of the requests that took at most so long: {shown} that were answered and \
             stand in tasks.csv, which has the first ones of a long run."
        )
    }

    fn wanted(&self, input: &Input) -> bool {
        let all = latencies(input);
        // One value alone draws no curve.
        all.first().zip(all.last()).is_some_and(|(first, last)| first < last && *first > 0.0)
    }

    fn draw(&self, input: &Input) -> Drawing {
        let mut drawing = Drawing::default();
        heading(&mut drawing, self.title(), &super::subtitle(input));
        let all: Vec<_> = latencies(input).into_iter().map(libm::log10).collect();
        let (low, end) = (all[0], all[all.len() - 1]);
        // The fastest of many is a chance of its own: the axis begins where one in 1,000 was.
        let low = all[all.len() / 1_000].min(end - 1.0).max(low.min(end - 1.0));
        let power = |value: f64| libm::pow(10.0, value);
        let x = Scale::decades_of(power(low), 1.1 * power(end), "Latency", "s");
        let (low, end) = (x.low, x.end);
        let top = legend(&mut drawing, &[("requests that were answered", BLUE)]);
        let frame = Frame::new(top, PLOT_RIGHT, x, Scale::share("Share of requests"));
        frame.grid(&mut drawing);
        frame.upright_grid(&mut drawing);
        drawing.steps(frame.staircase(&rising(&all, low, end)), BLUE, 2.0);
        frame.axes(&mut drawing);
        drawing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_breaks_where_there_is_no_value_and_not_at_a_short_last_interval() {
        let points = [(5.0, 1.0), (6.0, 2.0), (9.0, 3.0), (10.0, 4.0), (10.1, 4.0)];
        let expected =
            [vec![(5.0, 1.0), (6.0, 2.0), (7.0, 2.0)], vec![(9.0, 3.0), (10.0, 4.0), (10.1, 4.0)]];
        assert_eq!(runs(&points), expected);
        assert_eq!(runs(&[(0.0, 1.0), (1.0, 1.0)]).len(), 1);
    }
}
