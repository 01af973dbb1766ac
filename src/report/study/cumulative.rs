//! How a metric is distributed over the runs of some cells.

use super::axis;
use crate::analysis::study::{Answer, OfMetric};
use crate::report::Picture;
use crate::report::drawing::Drawing;
use crate::report::frame::{self, Frame, PLOT_RIGHT, heading, rising};
use crate::report::scale::Scale;
use crate::report::theme::SERIES;
use crate::report::words;

/// Cells that are drawn at most.
const CELLS: usize = 4;
/// Values that a curve has at least; fewer say little of a distribution.
const VALUES: usize = 10;

/// The distribution in the best cell, the reference, the worst, and one between.
pub(super) fn picture(answer: &Answer, metric: &OfMetric) -> Option<Picture> {
    let many = |cell: &usize| metric.values[*cell].len() >= VALUES;
    let order: Vec<_> = metric.best_first().into_iter().filter(many).collect();
    let reference = order.iter().copied().find(|cell| *cell == answer.reference);
    let wanted = [
        order.first().copied(),
        reference,
        order.get(order.len() / 2).copied(),
        order.last().copied(),
    ];
    let mut cells: Vec<usize> = Vec::new();
    for cell in wanted.into_iter().flatten() {
        if !cells.contains(&cell) && cells.len() < CELLS {
            cells.push(cell);
        }
    }
    let values = || cells.iter().flat_map(|cell| &metric.values[*cell]).map(|(_, value)| *value);
    let (low, end) =
        (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    if low >= end {
        return None;
    }
    let title = format!("{}: distribution over runs", super::title_of(metric));
    let n = cells.iter().map(|cell| metric.values[*cell].len()).max().unwrap_or(0);
    let mut drawing = Drawing::default();
    let subtitle = format!("CDF of up to {} a cell", words::count(n, "run", "runs"));
    heading(&mut drawing, &title, &subtitle);
    let labels: Vec<_> = cells.iter().map(|cell| axis::label(&answer.axes, *cell)).collect();
    let legend: Vec<_> = labels.iter().map(String::as_str).zip(SERIES).collect();
    let x = Scale::close(low, end, &super::title_of(metric), &metric.unit);
    let (first, last) = (x.low, x.end);
    let frame = Frame::new(
        frame::legend(&mut drawing, &legend),
        PLOT_RIGHT,
        x,
        Scale::share("Share of runs"),
    );
    frame.grid(&mut drawing);
    for (cell, ink) in cells.iter().zip(SERIES) {
        let mut values: Vec<_> = metric.values[*cell].iter().map(|(_, value)| *value).collect();
        values.sort_by(f64::total_cmp);
        drawing.steps(frame.staircase(&rising(&values, first, last)), ink, 2.0);
    }
    frame.axes(&mut drawing);
    let caption = format!(
        "The share of runs whose `{}` is at most so much: in the best cell, in the reference, in \
         the one in the middle of all and in the worst.",
        metric.name
    );
    Some(Picture { name: format!("{}_cdf", metric.name), title, caption, drawing })
}
