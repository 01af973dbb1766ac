//! A metric over each axis of a sample of an axes' ranges: one dot a cell.

use super::axis::{self, Numbers};
use crate::analysis::study::{Answer, OfMetric};
use crate::report::Picture;
use crate::report::drawing::Drawing;
use crate::report::frame::{Frame, PLOT_RIGHT, PLOT_TOP, heading};
use crate::report::scale::Scale;
use crate::report::theme::{BLUE, GREEN};
use crate::report::words;

/// A figure for each axis of numbers.
pub(super) fn pictures(answer: &Answer, metric: &OfMetric) -> Vec<Picture> {
    Numbers::of_answer(answer).iter().filter_map(|x| picture(answer, metric, x)).collect()
}

fn picture(answer: &Answer, metric: &OfMetric, x: &Numbers<'_>) -> Option<Picture> {
    let means = metric.found.iter().filter_map(|it| it.mean);
    let (low, end) = axis::reach(means.map(|mean| (mean, 0.0)))?;
    let name = axis::name(x.axis);
    let title = format!("{} over {name}", super::title_of(metric));
    let mut drawing = Drawing::default();
    let cells = words::count(answer.cells.len(), "cell", "cells");
    heading(&mut drawing, &title, &format!("Mean of each of {cells} of a Latin hypercube"));
    let y = Scale::close(low, end, &super::title_of(metric), &metric.unit);
    let frame = Frame::new(PLOT_TOP, PLOT_RIGHT, x.scale.clone(), y);
    frame.grid(&mut drawing);
    for cell in 0..answer.cells.len() {
        let Some((mean, at)) = super::mean(metric, cell).zip(x.values[cell]) else { continue };
        let best = metric.best == Some(cell);
        let (radius, ink) = if best { (5.5, GREEN) } else { (3.5, BLUE.at(0.6)) };
        drawing.disc((frame.x(x.at(at)), frame.y(mean)), radius, ink);
    }
    frame.axes(&mut drawing);
    let caption = format!(
        "The mean of `{}` in each cell over its `{}`; all other axes vary as well. The best cell \
         is green.",
        metric.name, x.axis.key
    );
    let name = format!("{}_scatter_{}", metric.name, x.axis.name());
    Some(Picture { name, title, caption, drawing })
}
