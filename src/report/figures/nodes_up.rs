//! Nodes up over time: the fewest and the most of each interval, and when half, most and all were.

use super::{Figure, end_of, every, metric, series};
use crate::analysis::Point;
use crate::report::Input;
use crate::report::drawing::{Area, Drawing};
use crate::report::frame::{Frame, PLOT_RIGHT, along, heading, legend};
use crate::report::scale::Scale;
use crate::report::strip;
use crate::report::theme::{BLUE, GREEN, Ink, ORANGE, PAPER, PURPLE, VERMILLION};
use crate::report::words;

/// See the file's first line.
pub(crate) struct NodesUp;

/// The shares that are marked: percent and metric, which is absent if the share was never reached.
const MARKS: [(f64, &str, Ink); 4] = [
    (50.0, "boot_t50", GREEN),
    (90.0, "boot_t90", PURPLE),
    (99.0, "boot_t99", ORANGE),
    (100.0, "boot_t100", VERMILLION),
];

/// Height of the row of marks above a plot that is looked at closely (px).
const RUG: f64 = 9.0;
/// Their colour.
const CHANGE: Ink = VERMILLION;

impl Figure for NodesUp {
    fn name(&self) -> &'static str {
        "nodes_up"
    }

    fn title(&self) -> &'static str {
        "Nodes up over time"
    }

    fn caption(&self, input: &Input) -> String {
        let nodes = words::count(input.plan.machine.nodes.len(), "node", "nodes");
        let times = match looked_at_closely(input) {
            None => {
                "The dots mark when 50, 90, 99 and 100 % of them were up at once for the first \
                     time."
                    .to_owned()
            }
            Some(low) => format!(
                "The axis of nodes starts at {}, so that losses can be seen, each a dip until \
                 repair and boot are over; above it a mark stands over each interval in which a \
                 node went down or came back. {} were up at once for the first time.",
                words::grouped(axis(input, Some(low)).low),
                marks(input).map(|(text, _, _)| text).join(", ")
            ),
        };
        format!(
            "How many of the {nodes} were up, which means booted and able to work: the line is \
             the fewest in each interval, and the band reaches from there to the most. {times}{}",
            strip::caption(input)
        )
    }

    fn wanted(&self, input: &Input) -> bool {
        series(input.findings, "nodes_up").is_some() && !input.plan.machine.nodes.is_empty()
    }

    fn draw(&self, input: &Input) -> Drawing {
        let mut drawing = Drawing::default();
        let Some(up) = series(input.findings, "nodes_up") else { return drawing };
        let low = looked_at_closely(input);
        let marks = marks(input);
        heading(&mut drawing, self.title(), &super::subtitle(input));
        let top = if low.is_some() {
            let band = format!("fewest to most{}", every(&[up]));
            legend(&mut drawing, &[(&band, BLUE), ("a node went down or came back", CHANGE)]) + RUG
        } else {
            legend(&mut drawing, &marks.each_ref().map(|(text, _, ink)| (text.as_str(), *ink)))
        };
        let frame =
            Frame::new(top, PLOT_RIGHT, Scale::time(end_of(up)), axis(input, low)).marked(input);
        frame.grid(&mut drawing);
        let points = frame.condensed(&up.points);
        let (base, right) = (axis(input, low).low, frame.area.right);
        drawing.band(frame.band(&points, |point| (base, point.min)), right, BLUE.at(0.16));
        drawing.band(frame.band(&points, |point| (point.min, point.max)), right, BLUE.at(0.5));
        let mut corners = frame.staircase(&along(&points, |point| point.min));
        // The last point is the count at the very end.
        corners.extend(points.last().map(|last| (right, frame.y(last.min))));
        drawing.steps(corners, BLUE, 1.4);
        frame.axes(&mut drawing);
        if low.is_some() {
            rug(&mut drawing, &frame, &up.points, metric(input.findings, "boot_t90"));
        }
        for (_, place, ink) in marks.iter().rev() {
            if let Some((time, count)) = place.filter(|_| low.is_none()) {
                let at = (frame.x(time), frame.y(count));
                drawing.disc(at, 6.0, PAPER);
                drawing.disc(at, 4.6, *ink);
            }
        }
        drawing
    }
}

/// Marks above the plot the intervals after the boot (s) in which the number of nodes changed: one
/// node of ten thousand is no dip that can be seen.
fn rug(drawing: &mut Drawing, frame: &Frame, points: &[Point], after: Option<f64>) {
    let top = frame.area.top - RUG;
    for pair in points.windows(2) {
        if pair[0].min < pair[0].max && after.is_some_and(|after| pair[0].t_s > after) {
            let (left, right) = (frame.x(pair[0].t_s), frame.x(pair[1].t_s));
            let right = f64::max(right, left + 0.8);
            drawing.block(Area::new(left, top, right, frame.area.top - 2.0), CHANGE);
        }
    }
}

/// A mark: in words, where it is, and its colour.
type Mark = (String, Option<(f64, f64)>, Ink);

/// The marks.
fn marks(input: &Input) -> [Mark; 4] {
    let nodes = input.plan.machine.nodes.len() as f64;
    MARKS.map(|(percent, name, ink)| {
        let share = words::share(percent / 100.0);
        match metric(input.findings, name) {
            Some(time) => {
                let place = (time, nodes * percent / 100.0);
                (format!("{share} at {}", words::span(time)), Some(place), ink)
            }
            None => (format!("{share} never"), None, ink),
        }
    })
}

/// The axis of nodes: from 0, or from a little below the fewest that are looked at closely.
fn axis(input: &Input, low: Option<f64>) -> Scale {
    let nodes = input.plan.machine.nodes.len() as f64;
    match low {
        None => Scale::count(nodes, "Nodes up"),
        Some(low) => Scale::upper_counts(low, nodes, "Nodes up"),
    }
}

/// The fewest nodes that were up once nine tenths had been, if that is where to look.
fn looked_at_closely(input: &Input) -> Option<f64> {
    let points = &series(input.findings, "nodes_up")?.points;
    let nodes = input.plan.machine.nodes.len() as f64;
    let low = close_look(points, nodes, metric(input.findings, "boot_t90")?)?;
    (low < nodes).then_some(low)
}

/// The fewest of so many nodes that were up after `most_up` (s), when nine tenths had been, if the
/// boot is so short against the run that an axis from zero would show a flat line and nothing else.
/// It is all of them if none was lost.
pub(crate) fn close_look(points: &[Point], nodes: f64, most_up: f64) -> Option<f64> {
    const SHORT: f64 = 0.03;
    let end = points.last()?.t_s;
    let after = points.iter().filter(|point| point.t_s > most_up);
    let low = after.map(|point| point.min).fold(f64::INFINITY, f64::min);
    (most_up < SHORT * end && low > nodes * 0.5 && low <= nodes && nodes >= 10.0).then_some(low)
}
