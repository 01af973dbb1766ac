//! Quantities over time, those of A and B over each other.

use super::{INK_A, INK_B, Input, Picture, drawn, phrases};
use crate::analysis::Series;
use crate::analysis::run::Run;
use crate::report::drawing::{Align, Drawing, Point};
use crate::report::figures::{close_look, end_of, metric, series};
use crate::report::frame::{
    Fold, Frame, LEGEND_BASELINE, MARGIN, PLOT_RIGHT, PLOT_TOP_WITH_LEGEND, heading, peak,
};
use crate::report::scale::Scale;
use crate::report::theme::{Ink, LABEL_SIZE, TEXT};
use crate::report::typeface::{self, Weight};
use crate::report::words;

/// A quantity over time: stem of its files, series, title, and what it is in a sentence.
struct Curve {
    name: &'static str,
    series: &'static str,
    title: &'static str,
    what: &'static str,
    axis: (&'static str, &'static str),
}

const CURVES: [Curve; 4] = [
    Curve {
        name: "nodes_up",
        series: "nodes_up",
        title: "Nodes up over time",
        what: "How many nodes were up, as the mean of each short interval.",
        axis: ("Nodes up", ""),
    },
    Curve {
        name: "server_sent",
        series: "server_sent/0",
        title: "What the first server sent",
        what: "Mean rate at which the first boot and file server sent to the nodes.",
        axis: ("Rate", "bit/s"),
    },
    Curve {
        name: "server_received",
        series: "server_received/0",
        title: "What the first server received",
        what: "Mean rate at which the first boot and file server received from the nodes.",
        axis: ("Rate", "bit/s"),
    },
    Curve {
        name: "power",
        series: "power_mean",
        title: "Power over time",
        what: "Electric power of all nodes, switches and servers, as the mean of each interval.",
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
    let top = all().map(|series| peak(&series.points)).fold(0.0, f64::max);
    let end = all().map(end_of).fold(0.0, f64::max);
    if top <= 0.0 {
        return None;
    }
    let y = match curve.axis {
        (title, "") => nodes_axis(input, title),
        (title, unit) => Scale::amount(top, title, unit),
    };
    let mut drawing = Drawing::default();
    let mut caption = format!("{} {}", curve.what, how_to_read(input));
    let mut subtitle = curve.what.trim_end_matches('.').to_owned();
    if y.low > 0.0 {
        let from = words::grouped(y.low);
        subtitle = format!("{subtitle} · the axis starts at {from}, not at 0");
        caption = format!("{caption} The axis of nodes starts at {from}.");
    }
    heading(&mut drawing, curve.title, &subtitle);
    let frame = Frame::new(PLOT_TOP_WITH_LEGEND, PLOT_RIGHT, Scale::time(end), y);
    legend(&mut drawing, input, frame.area.left);
    frame.grid(&mut drawing);
    let lines = |side: &[Series]| -> Vec<Vec<Point>> {
        side.iter().map(|series| line(&frame, series)).collect()
    };
    over_each_other(&mut drawing, &lines(&sides[0]), &lines(&sides[1]));
    frame.axes(&mut drawing);
    let (name, title) = (curve.name.to_owned(), curve.title.to_owned());
    Some(Picture { name, title, caption, drawing })
}

fn line(frame: &Frame, series: &Series) -> Vec<Point> {
    frame.staircase(&frame.condensed(&series.points, Fold::Mean))
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

/// Which colour is which side.
pub(super) fn legend(drawing: &mut Drawing, input: &Input, left: f64) {
    let mut x = left;
    let room = (PLOT_RIGHT - left) / 2.0 - MARGIN;
    for (letter, runs, ink) in [("A", input.a, INK_A), ("B", input.b, INK_B)] {
        let text = format!("{letter}: {}", phrases::short_side(input.comparison, letter, runs));
        let text = typeface::fit(&text, LABEL_SIZE, Weight::Regular, room - 20.0);
        x = entry(drawing, (x, LEGEND_BASELINE), &text, ink) + 26.0;
    }
}

/// A short line in its colour with words beside it; gives back where they end.
fn entry(drawing: &mut Drawing, (x, y): Point, text: &str, ink: Ink) -> f64 {
    drawing.steps(vec![(x, y - 4.0), (x + 14.0, y - 4.0)], ink, 3.2);
    drawing.text(text, (x + 20.0, y), LABEL_SIZE, Align::Left, TEXT);
    x + 20.0 + typeface::width(text, LABEL_SIZE, Weight::Regular)
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
