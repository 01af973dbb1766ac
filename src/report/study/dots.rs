//! Cells in order, one row each: their means with intervals, or how far they are from the best.

use super::axis;
use crate::analysis::study::{Answer, Axis, LEVEL, OfMetric, Standing};
use crate::report::Picture;
use crate::report::drawing::{Align, Area, Drawing};
use crate::report::frame::Frame;
use crate::report::frame::{self, MARGIN, PLOT_BOTTOM, PLOT_RIGHT, heading};
use crate::report::scale::Scale;
use crate::report::theme::{BLUE, GREEN, HALF_LETTER, Ink, LABEL_SIZE, ORANGE, SOFT_TEXT, TEXT};
use crate::report::typeface::{self, Weight};
use crate::report::words;

/// Rows that are drawn at most.
const ROWS: usize = 12;
/// Room for the labels of rows (px): at least so much, and at most so much where they need it.
const LABEL: (f64, f64) = (210.0, 330.0);
/// Between a label and the plot (px).
const GAP: f64 = 9.0;
/// How cells are coloured.
const LEGEND: [(&str, Ink); 3] =
    [("best", GREEN), ("cannot be distinguished from it", BLUE), ("worse", ORANGE)];

/// A row: its cell, where its dot stands, and how far its whiskers reach.
type Row = (usize, f64, f64);

/// The means of the cells that are drawn, the best first.
pub(super) fn means(answer: &Answer, metric: &OfMetric) -> Option<Picture> {
    let rows = metric.best_first().into_iter().filter_map(|cell| {
        let found = metric.found[cell];
        Some((cell, found.mean?, found.half_width.unwrap_or(0.0)))
    });
    let (shown, all) = some(rows.collect());
    if all < 2 {
        return None;
    }
    let (low, end) = axis::reach(shown.iter().map(|row| (row.1, row.2)))?;
    let title = format!("{} by cell", super::title_of(metric));
    let scale = Scale::close(low, end, &super::title_of(metric), &metric.unit);
    let level = words::digits(LEVEL * 100.0);
    let subtitle =
        format!("Means with their {level} % intervals, {}", of(answer, shown.len(), all));
    let caption = format!(
        "The mean of `{}` in each cell, the best first. A cell cannot be distinguished from the \
         best one where the {level} % interval of their difference, run by run of the same seed, \
         holds zero; the intervals of these differences hold for all cells together.",
        metric.name
    );
    let drawing = draw(answer, metric, (&title, &subtitle), &shown, scale);
    Some(Picture { name: format!("{}_by_cell", metric.name), title, caption, drawing })
}

/// How many times worse than the best each cell was in the mean.
pub(super) fn degradation(answer: &Answer, metric: &OfMetric) -> Option<Picture> {
    let rows = metric
        .best_first()
        .into_iter()
        .filter_map(|cell| Some((cell, metric.found[cell].degradation?, 0.0)));
    let (shown, all) = some(rows.collect());
    if all < 2 {
        return None;
    }
    let end = shown.iter().map(|row| row.1).fold(1.0, f64::max);
    let title = format!("{}: degradation from best", super::title_of(metric));
    let scale = Scale::close(1.0, f64::max(end, 1.001), "Times worse than the best cell", "count");
    let subtitle =
        format!("Mean over the seeds that all cells have, {}", of(answer, shown.len(), all));
    let caption = format!(
        "For each seed the value of `{}` in a cell over that of the cell that was best with this \
         seed, in the mean: 1 is a cell that was the best with every seed.",
        metric.name
    );
    let drawing = draw(answer, metric, (&title, &subtitle), &shown, scale);
    Some(Picture { name: format!("{}_degradation", metric.name), title, caption, drawing })
}

/// The rows that are drawn, from the first to the last, and how many there are.
fn some(rows: Vec<Row>) -> (Vec<Row>, usize) {
    let all = rows.len();
    if all <= ROWS {
        return (rows, all);
    }
    ((0..ROWS).map(|i| rows[i * (all - 1) / (ROWS - 1)]).collect(), all)
}

/// How many cells there are, and what their labels are the values of.
fn of(answer: &Answer, shown: usize, all: usize) -> String {
    let names: Vec<_> = answer.axes.iter().map(Axis::name).collect();
    let names = names.join(" · ");
    match shown {
        shown if shown == all => format!("{} by {names}", words::count(all, "cell", "cells")),
        shown => format!("{shown} of {} cells by {names}", words::grouped(all as f64)),
    }
}

fn draw(
    answer: &Answer,
    metric: &OfMetric,
    (title, subtitle): (&str, &str),
    rows: &[Row],
    scale: Scale,
) -> Drawing {
    let mut drawing = Drawing::default();
    heading(&mut drawing, title, subtitle);
    let top = frame::legend(&mut drawing, &LEGEND);
    let mut frame = Frame::new(top, PLOT_RIGHT, scale, Scale::share(""));
    let labels: Vec<_> =
        rows.iter().map(|(cell, ..)| axis::short_label(&answer.axes, *cell)).collect();
    let wide = |text: &String| typeface::width(text, LABEL_SIZE, Weight::Regular) + GAP + 1.0;
    let room = labels.iter().map(wide).fold(LABEL.0, f64::max).min(LABEL.1);
    frame.area.left = MARGIN + room;
    frame.upright_grid(&mut drawing);
    let pitch = (PLOT_BOTTOM - top) / rows.len() as f64;
    for (number, ((cell, value, half), label)) in rows.iter().zip(&labels).enumerate() {
        let y = top + pitch * (number as f64 + 0.5);
        let ink = match metric.found[*cell].standing {
            Standing::Best => GREEN,
            Standing::Alike => BLUE,
            Standing::Worse | Standing::Unknown => ORANGE,
        };
        let text = typeface::fit(label, LABEL_SIZE, Weight::Regular, room - GAP - 1.0);
        let soft = if *cell == answer.reference { TEXT } else { SOFT_TEXT };
        let at = (MARGIN + room - GAP, y + HALF_LETTER);
        drawing.text(&text, at, LABEL_SIZE, Align::Right, soft);
        let (from, to) = (frame.x(value - half), frame.x(value + half));
        drawing.block(Area::new(from, y - 1.0, to, y + 1.0), ink);
        drawing.disc((frame.x(*value), y), 4.5, ink);
    }
    frame.time_axis(&mut drawing);
    drawing
}
