//! Distributions as curves that rise from 0 to 100 %, those of A and B over each other.

use super::curves::{legend, over_each_other};
use super::{Input, Picture};
use crate::analysis::compare::Distribution;
use crate::report::drawing::{Align, Drawing, Point};
use crate::report::frame::{Frame, PLOT_BOTTOM, PLOT_RIGHT, heading, rising};
use crate::report::scale::Scale;
use crate::report::theme::{LABEL_SIZE, SOFT_TEXT};
use crate::report::words;

/// What is drawn: name, title, and what a value is.
const WANTED: [(&str, &str, &str); 5] = [
    ("first_up", "Time until nodes were first up", "nodes that came up"),
    ("downtime", "Time that nodes were down", "nodes"),
    ("checkpoint_time", "Time that checkpoints took", "checkpoints that were committed"),
    ("restart_time", "Time that restarts took", "restarts that succeeded"),
    ("detection_time", "Time until failures were answered", "failures that stopped a job"),
];

/// A figure for each distribution in which not all values are the same one.
pub(super) fn pictures(input: &Input) -> Vec<Picture> {
    let find = |name: &str| input.comparison.distributions.iter().find(|it| it.row.name == name);
    let wanted = WANTED.iter().filter_map(|wanted| Some((wanted, find(wanted.0)?)));
    wanted.filter_map(|((name, title, what), it)| picture(input, (name, title, what), it)).collect()
}

fn picture(
    input: &Input,
    (name, title, what): (&str, &str, &str),
    it: &Distribution,
) -> Option<Picture> {
    let all = || it.of_a.iter().chain(&it.of_b).copied();
    let (low, end) = (all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max));
    if low >= end {
        return None;
    }
    let mut drawing = Drawing::default();
    let subtitle = it.kolmogorov_smirnov.map_or_else(
        || format!("Share of the {what}, on one side only"),
        |ks| {
            format!(
                "Share of the {what} · largest vertical distance (KS) {}, 1 % critical value {}",
                words::digits(ks.distance),
                words::digits(ks.critical)
            )
        },
    );
    heading(&mut drawing, title, &subtitle);
    // A little air before the first value and after the last.
    let air = 0.02 * (end - low);
    let x = Scale::stretch(f64::max(low - air, 0.0), end + air);
    let end = x.end;
    let top = legend(&mut drawing, input);
    let frame = Frame::new(top, PLOT_RIGHT, x, Scale::share("Share"));
    frame.grid(&mut drawing);
    let line = |values: &[f64]| -> Vec<Vec<Point>> {
        let curve = frame.staircase(&rising(values, 0.0, end));
        if curve.is_empty() { Vec::new() } else { vec![curve] }
    };
    over_each_other(&mut drawing, &line(&it.of_a), &line(&it.of_b));
    frame.axes(&mut drawing);
    for (letter, values, up) in [("A", &it.of_a, 34.0), ("B", &it.of_b, 14.0)] {
        if values.is_empty() {
            let text = format!("{letter} has none");
            let at = (PLOT_RIGHT - 6.0, PLOT_BOTTOM - up);
            drawing.text(&text, at, LABEL_SIZE, Align::Right, SOFT_TEXT);
        }
    }
    let caption = format!(
        "The share of the {what} with at most this time, {} in A and {} in B. A is blue and broad, \
         B orange and narrow above it. The area between the curves is how far a value of A has to \
         move to become one of B, in the mean: {}.",
        words::grouped(it.of_a.len() as f64),
        words::grouped(it.of_b.len() as f64),
        it.row.difference.map_or_else(|| "–".to_owned(), |by| words::span(by.absolute)),
    );
    let name = format!("cdf_{name}");
    Some(Picture { name, title: title.to_owned(), caption, drawing })
}
