//! Quantities over time, those of A and B over each other.

use super::{INK_A, INK_B, Input, Picture, drawn, phrases};
use crate::analysis::run::Run;
use crate::analysis::{Point as Interval, Series};
use crate::report::drawing::{Drawing, Point};
use crate::report::figures::{close_look, end_of, metric, series};
use crate::report::frame::{self, Frame, PLOT_RIGHT, along, heading};
use crate::report::scale::Scale;
use crate::report::words;

/// A quantity over time: stem of its files, series and what is drawn of its intervals, title, and
/// what it is in a sentence.
struct Curve {
    name: &'static str,
    series: &'static str,
    value: fn(&Interval) -> f64,
    title: &'static str,
    what: &'static str,
    axis: (&'static str, &'static str),
}

const CURVES: [Curve; 4] = [
    Curve {
        name: "nodes_up",
        series: "nodes_up",
        value: |interval| interval.min,
        title: "Nodes up over time",
        what: "The fewest nodes that were up in each interval.",
        axis: ("Nodes up", ""),
    },
    Curve {
        name: "server_sent",
        series: "server_sent/0",
        value: |interval| interval.max,
        title: "What the first server sent",
        what: "Highest rate at which the first server sent, in each interval.",
        axis: ("Rate", "bit/s"),
    },
    Curve {
        name: "server_received",
        series: "server_received/0",
        value: |interval| interval.max,
        title: "What the first server received",
        what: "Highest rate at which the first server received, in each interval.",
        axis: ("Rate", "bit/s"),
    },
    Curve {
        name: "power",
        series: "power",
        value: |interval| interval.mean,
        title: "Power over time",
        what: "Mean electric power of the whole machine in each interval.",
        axis: ("Power", "W"),
    },
];

/// A figure for each quantity that a side has and that is not zero all the time.
pub(super) fn pictures(input: &Input) -> Vec<Picture> {
    CURVES.iter().filter_map(|curve| picture(input, curve)).collect()
}

fn picture(input: &Input, curve: &Curve) -> Option<Picture> {
    let of = |runs: &'_ [Run]| -> Vec<Series> {
        let found = drawn(runs).into_iter().filter_map(|run| series(&run.findings, curve.series));
        found.cloned().collect()
    };
    let sides = [of(input.a), of(input.b)];
    let all = || sides.iter().flatten();
    let values = all().flat_map(|series| series.points.iter().map(curve.value));
    let highest = values.fold(0.0, f64::max);
    let end = all().map(end_of).fold(0.0, f64::max);
    if highest <= 0.0 {
        return None;
    }
    let y = match curve.axis {
        (title, "") => nodes_axis(input, title),
        (title, unit) => Scale::amount(highest, title, unit),
    };
    let mut drawing = Drawing::default();
    let mut caption = format!("{} {}", curve.what, how_to_read(input));
    let subtitle = curve.what.trim_end_matches('.');
    if y.low > 0.0 {
        let from = words::grouped(y.low);
        caption = format!("{caption} The axis of nodes starts at {from}.");
    }
    heading(&mut drawing, curve.title, subtitle);
    let top = legend(&mut drawing, input);
    let frame = Frame::new(top, PLOT_RIGHT, Scale::time(end), y);
    frame.grid(&mut drawing);
    let lines = |side: &[Series]| -> Vec<Vec<Point>> {
        let line = |series: &Series| along(&frame.condensed(&series.points), curve.value);
        side.iter().map(|series| frame.staircase(&line(series))).collect()
    };
    over_each_other(&mut drawing, &lines(&sides[0]), &lines(&sides[1]));
    frame.axes(&mut drawing);
    let (name, title) = (curve.name.to_owned(), curve.title.to_owned());
    Some(Picture { name, title, caption, drawing })
}

/// From 0, unless both sides are nearly all up nearly all the time.
fn nodes_axis(input: &Input, title: &str) -> Scale {
    let all = || input.a.iter().chain(input.b);
    let nodes = all().map(Run::nodes).max().unwrap_or(0) as f64;
    let low = |run: &Run| {
        let points = &series(&run.findings, "nodes_up")?.points;
        // A side of fewer nodes would leave the picture, so that the larger number is asked for.
        close_look(points, nodes, metric(&run.findings, "boot_t90")?)
    };
    let lows: Option<Vec<f64>> = all().map(low).collect();
    let lowest = lows.map(|lows| lows.into_iter().fold(f64::INFINITY, f64::min));
    match lowest.filter(|low| *low < nodes) {
        Some(low) => Scale::upper_counts(low, nodes, title),
        None => Scale::count(nodes, title),
    }
}

/// Draws the lines of A broad and those of B narrow above them, so that equal ones show both.
pub(super) fn over_each_other(drawing: &mut Drawing, a: &[Vec<Point>], b: &[Vec<Point>]) {
    let [broad, narrow] = if a.len() > 1 || b.len() > 1 { [1.8, 0.9] } else { [4.4, 1.6] };
    for (lines, ink, width) in [(a, INK_A, broad), (b, INK_B, narrow)] {
        for corners in lines {
            drawing.steps(corners.clone(), ink, width);
        }
    }
}

/// Which colour is which side; gives back where the plot begins.
pub(super) fn legend(drawing: &mut Drawing, input: &Input) -> f64 {
    let side =
        |letter, runs| format!("{letter}: {}", phrases::short_side(input.comparison, letter, runs));
    let [a, b] = [side("A", input.a), side("B", input.b)];
    frame::legend(drawing, &[(&a, INK_A), (&b, INK_B)])
}

/// What the lines are.
pub(super) fn how_to_read(input: &Input) -> String {
    let runs = |side: &[Run]| match drawn(side).len() {
        1 => "one line".to_owned(),
        shown if shown == side.len() => format!("{shown} lines, one for each run"),
        shown => format!("{shown} lines, for {shown} of its {} runs", side.len()),
    };
    format!(
        "A is blue and broad, {}; B is orange and narrow, {}, and lies above, so that where they \
         agree both are seen.",
        runs(input.a),
        runs(input.b)
    )
}
