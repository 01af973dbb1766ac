//! Figures of spans and the laws fitted to them: the CDF, and the hazard over age.
//!
//! Laws are drawn as stairs of half a pixel, which is as fine as the bitmap is.

use super::{Input, capital, unit};
use crate::fitting::laws::SpanLaw;
use crate::fitting::traces::Spans;
use crate::report::drawing::{Drawing, Point};
use crate::report::frame::{self, Frame, PLOT_RIGHT, heading, rising};
use crate::report::scale::Scale;
use crate::report::theme::{GREEN, Ink, PURPLE, SKY, TEXT, VERMILLION};
use crate::report::words;

/// What the figure of the CDF shows.
pub(super) const CUMULATIVE_CAPTION: &str =
    "The share of spans that are at most so long, in the trace and under each fitted law";
/// What the figure of the hazard shows.
pub(super) const HAZARD_CAPTION: &str = "The rate at which spans of an age end, in the trace and \
                                         under each fitted law; both axes are logarithmic";

/// Width of a stair of a law (px).
const STAIR: f64 = 0.5;
/// Width of the line of the trace (px).
const BROAD: f64 = 2.6;
/// Width of the line of a law (px).
const NARROW: f64 = 1.6;

fn ink(law: &SpanLaw) -> Ink {
    match law {
        SpanLaw::Exponential { .. } => SKY,
        SpanLaw::Weibull { .. } => VERMILLION,
        SpanLaw::Lognormal { .. } => GREEN,
        SpanLaw::Gamma { .. } => PURPLE,
    }
}

/// The CDF of the spans and of each law, over a logarithmic axis.
pub(super) fn cumulative(input: &Input, spans: &Spans) -> Drawing {
    let (_, seconds) = unit(spans.of);
    let ends = ends(spans);
    let (low, high) = (ends.0 / seconds, ends.1 * 1.05 / seconds);
    let (mut drawing, frame) =
        begin(input, spans, "CDF", axis(spans, low, high), Scale::share("Share"));
    let logs: Vec<_> = spans.sample_s.iter().map(|span| libm::log10(span / seconds)).collect();
    let points = rising(&logs, libm::log10(low), libm::log10(high));
    drawing.steps(frame.staircase(&points), TEXT, BROAD);
    for fit in spans.fits.iter().rev() {
        let share = |age: f64| fit.law.cdf(age * seconds);
        law(&mut drawing, &frame, (low, high), (0.0, 1.0), share, ink(&fit.law));
    }
    frame.axes(&mut drawing);
    drawing
}

/// The hazard over age, both logarithmic.
pub(super) fn hazard(input: &Input, spans: &Spans) -> Drawing {
    let (name, seconds) = unit(spans.of);
    let lowest = spans.hazards.iter().map(|stretch| stretch.hazard).fold(f64::INFINITY, f64::min);
    let highest = spans.hazards.iter().map(|stretch| stretch.hazard).fold(0.0, f64::max);
    // At least a factor of 20 from floor to roof, so that ticks stand between.
    let air = f64::max(2.0, libm::sqrt(20.0 * lowest / highest));
    let (floor, roof) = (lowest * seconds / air, highest * seconds * air);
    let first = spans.hazards.first().map_or(1.0, |stretch| stretch.from_s) / seconds;
    let last = spans.hazards.last().map_or(10.0, |stretch| stretch.to_s) / seconds;
    let y = Scale::decades(floor, roof, &format!("Hazard (1/{name})"));
    let (mut drawing, frame) = begin(input, spans, "Hazard", axis(spans, first, last), y);
    let mut points: Vec<Point> = Vec::new();
    for stretch in &spans.hazards {
        let from = libm::log10(stretch.from_s / seconds);
        points.push((from, libm::log10(stretch.hazard * seconds)));
    }
    points.push((libm::log10(last), points.last().map_or(0.0, |point| point.1)));
    drawing.steps(frame.staircase(&points), TEXT, BROAD);
    for fit in spans.fits.iter().rev() {
        let rate = |age: f64| libm::log10(fit.law.hazard(age * seconds) * seconds);
        let within = (libm::log10(floor), libm::log10(roof));
        law(&mut drawing, &frame, (first, last), within, rate, ink(&fit.law));
    }
    frame.axes(&mut drawing);
    drawing
}

/// The shortest and the longest span (s), apart at least by half.
fn ends(spans: &Spans) -> (f64, f64) {
    let first = spans.sample_s.first().copied().unwrap_or(1.0);
    let last = spans.sample_s.last().copied().unwrap_or(1.0);
    (first, f64::max(last, 1.5 * first))
}

/// An axis of spans, both ends in their unit.
fn axis(spans: &Spans, low: f64, high: f64) -> Scale {
    let (name, _) = unit(spans.of);
    Scale::decades(low, high, &format!("{} ({name}, logarithmic)", capital(spans.of.words())))
}

/// Heading, legend and grid.
fn begin(input: &Input, spans: &Spans, kind: &str, x: Scale, y: Scale) -> (Drawing, Frame) {
    let mut drawing = Drawing::default();
    let title = format!("{kind}: {}", spans.of.words());
    let n = words::count(spans.sample_s.len(), "span", "spans");
    let subtitle = format!("{} · {} · {n} above zero", input.name, input.systems());
    heading(&mut drawing, &title, &subtitle);
    let labels: Vec<_> = spans
        .fits
        .iter()
        .map(|fit| (format!("{} (KS {:.3})", fit.law.family(), fit.ks), ink(&fit.law)))
        .collect();
    let mut legend = vec![("trace", TEXT)];
    legend.extend(labels.iter().map(|(label, ink)| (label.as_str(), *ink)));
    let frame = Frame::new(frame::legend(&mut drawing, &legend), PLOT_RIGHT, x, y);
    frame.grid(&mut drawing);
    (drawing, frame)
}

/// Draws a function of age from `from` to `to`, where its value lies within the bounds.
fn law(
    drawing: &mut Drawing,
    frame: &Frame,
    (from, to): (f64, f64),
    (least, most): (f64, f64),
    value: impl Fn(f64) -> f64,
    ink: Ink,
) {
    let stairs = libm::ceil(frame.area.width() / STAIR) as u32;
    let (start, length) = (libm::log10(from), libm::log10(to / from));
    let place = |stair: u32| start + length * f64::from(stair) / f64::from(stairs);
    let mut points: Vec<Point> = Vec::new();
    for stair in 0..=stairs {
        let here = value(libm::pow(10.0, place(stair)));
        if (least..=most).contains(&here) && stair < stairs {
            points.push((place(stair), here));
            continue;
        }
        if let Some(last) = points.last().copied() {
            points.push((place(stair), last.1));
            drawing.steps(frame.staircase(&points), ink, NARROW);
            points.clear();
        }
    }
}
