//! A metric over an axis, with intervals as a band, and what closed forms say.
//!
//! There is a curve for each combination of the other axes.
//! Between cells lines are drawn as stairs of half a pixel, which is as fine as the bitmap is.

use std::fmt::Write as _;

use super::axis::{self, Numbers};
use crate::analysis::study::{Answer, Axis, LEVEL, OfMetric};
use crate::report::Picture;
use crate::report::drawing::{Drawing, Point, Stair};
use crate::report::frame::{self, Frame, PLOT_RIGHT, heading};
use crate::report::scale::Scale;
use crate::report::theme::{GREEN, Ink, PURPLE, SERIES, TEXT, VERMILLION};
use crate::report::words;

/// Curves that are drawn at most; more cannot be distinguished.
const CURVES: usize = SERIES.len();
/// How far the label of the best cell is from its dot (px).
const LABEL_APART: f64 = 44.0;
/// Width of a stair (px).
const STAIR: f64 = 0.5;
/// Formulas whose best interval is marked, with their colours.
const FORMULAS: [(&str, &str, Ink); 3] = [
    ("Young 1974", "Young", PURPLE),
    ("Daly 2006, higher order", "Daly", GREEN),
    ("exact optimum", "exact optimum", VERMILLION),
];

/// The cells of one combination of the other axes, along the axis.
struct Curve {
    label: String,
    cells: Vec<usize>,
}

/// The figure over the axis with the most numbers, if there is one.
pub(super) fn picture(answer: &Answer, metric: &OfMetric) -> Option<Picture> {
    let x = Numbers::of_answer(answer).into_iter().next()?;
    let (curves, all) = curves(answer, metric, &x);
    let theory = theory(answer, metric, &curves);
    let expected = || theory.iter().flatten().map(|(_, value)| *value);
    let drawn = curves.iter().flat_map(|curve| &curve.cells).map(|cell| metric.found[*cell]);
    let means = drawn.filter_map(|it| Some((it.mean?, it.half_width.unwrap_or(0.0))));
    let (low, end) = axis::reach(means)?;
    let low = expected().fold(low, f64::min);
    let end = expected().fold(end, f64::max);
    let y = Scale::close(low, end, &super::title_of(metric), &metric.unit);
    let mut drawing = Drawing::default();
    let title = format!("{} over {}", super::title_of(metric), axis::name(x.axis));
    let most = metric.found.iter().map(|it| it.n).max().unwrap_or(0);
    let level = words::digits(LEVEL * 100.0);
    let subtitle = match most {
        0 | 1 => "One run a cell".to_owned(),
        most => format!("Mean of up to {most} runs a cell with its {level} % interval"),
    };
    heading(&mut drawing, &title, &subtitle);
    let marks = marks(answer, &x, &curves);
    let labels: Vec<_> = marks
        .iter()
        .map(|(word, at, ink)| (format!("{word} {}", words::span(*at)), *ink))
        .collect();
    let mut legend: Vec<(&str, Ink)> = Vec::new();
    if curves.len() > 1 {
        legend.extend(curves.iter().zip(SERIES).map(|(curve, ink)| (curve.label.as_str(), ink)));
    }
    if theory.iter().any(|it| it.len() > 1) {
        legend.push(("theory", TEXT));
    }
    legend.extend(labels.iter().map(|(label, ink)| (label.as_str(), *ink)));
    let frame = Frame::new(frame::legend(&mut drawing, &legend), PLOT_RIGHT, x.scale.clone(), y);
    frame.grid(&mut drawing);
    for (_, at, ink) in &marks {
        let place = frame.x(x.at(*at));
        drawing.dashes((place, frame.area.top), (place, frame.area.bottom), *ink, 1.6, 5.0);
    }
    for (curve, ink) in curves.iter().zip(SERIES) {
        draw(&mut drawing, &frame, &x, metric, curve, ink);
    }
    for line in &theory {
        let points = line.iter().map(|(cell, value)| place(&frame, &x, *cell, *value));
        slanted(&mut drawing, &points.collect::<Vec<_>>(), TEXT, 1.2);
    }
    if let Some(best) = metric.best.filter(|best| curves.iter().any(|it| it.cells.contains(best))) {
        let value = super::mean(metric, best)?;
        let label =
            format!("{} at {}", words::quantity(value, &metric.unit), axis::value(x.axis, best));
        // The inside of the curve has room, whichever way it bends.
        let above = if metric.more_is_better { -LABEL_APART } else { LABEL_APART };
        frame.mark_above(&mut drawing, place(&frame, &x, best, value), above, &label, TEXT);
    }
    frame.axes(&mut drawing);
    let caption = caption(answer, metric, &x, (curves.len(), all), !marks.is_empty());
    let name = format!("{}_over_{}", metric.name, x.axis.name());
    Some(Picture { name, title, caption, drawing })
}

fn caption(
    answer: &Answer,
    metric: &OfMetric,
    x: &Numbers<'_>,
    (shown, all): (usize, usize),
    marked: bool,
) -> String {
    let mut text = format!(
        "The mean of `{}` over `{}`, with the interval of each mean as a band; a dot is a cell.",
        metric.name, x.axis.key
    );
    if shown < all {
        let _ = write!(
            text,
            " Of {all} combinations of the other axes {shown} are drawn, that of the best cell \
             first."
        );
    }
    if x.has_words() {
        text += " Cells that have a word there in place of a number are no part of it.";
    }
    if answer.theory.iter().flatten().any(|it| it.efficiency.is_some()) {
        // E[1/X] is about (1 + v²) / E[X], by the Taylor series of 1/X around the mean.
        text += " The thin dark line is of the work over the exact expectation of the makespan, \
                 with the first boot that the runs had. The mean of the runs' own efficiencies is \
                 above that by about the square of how their makespans vary (standard deviation \
                 over mean), so the mean of their waste below: little in a long job.";
    }
    if marked {
        text += " Dashed lines stand at the intervals that formulas call best.";
    }
    text
}

/// The curves that are drawn, the best cell's first, and how many there are.
fn curves(answer: &Answer, metric: &OfMetric, x: &Numbers<'_>) -> (Vec<Curve>, usize) {
    let others: Vec<&Axis> = answer.axes.iter().filter(|axis| axis.key != x.axis.key).collect();
    let varied: Vec<&Axis> =
        others.iter().copied().filter(|axis| axis.distinct().len() > 1).collect();
    let mut groups: Vec<(Vec<&str>, Vec<usize>)> = Vec::new();
    let mut known = std::collections::BTreeMap::new();
    for cell in 0..answer.cells.len() {
        let key: Vec<&str> = others.iter().map(|axis| axis.texts[cell].as_str()).collect();
        let group = *known.entry(key.clone()).or_insert_with(|| {
            groups.push((key, Vec::new()));
            groups.len() - 1
        });
        if super::mean(metric, cell).and(x.values[cell]).is_some() {
            groups[group].1.push(cell);
        }
    }
    groups.retain(|(_, cells)| !cells.is_empty());
    let all = groups.len();
    let best =
        metric.best.and_then(|best| groups.iter().position(|(_, cells)| cells.contains(&best)));
    let mut chosen: Vec<usize> = if all <= CURVES {
        (0..all).collect()
    } else {
        (0..CURVES).map(|i| i * (all - 1) / (CURVES - 1)).collect()
    };
    if let Some(best) = best.filter(|best| !chosen.contains(best)) {
        chosen[0] = best;
    }
    chosen.sort_by_key(|group| (all > CURVES && Some(*group) != best, *group));
    let curve = |group: usize| {
        let mut cells = groups[group].1.clone();
        let number = |cell: &usize| x.values[*cell].unwrap_or_default();
        cells.sort_by(|a, b| number(a).total_cmp(&number(b)));
        let words: Vec<_> = varied.iter().map(|axis| axis::named(axis, cells[0])).collect();
        Curve { label: words.join(", "), cells }
    };
    (chosen.into_iter().map(curve).collect(), all)
}

/// What closed forms say of the cells of each curve: nothing unless the metric is one of theirs.
fn theory(answer: &Answer, metric: &OfMetric, curves: &[Curve]) -> Vec<Vec<(usize, f64)>> {
    let of = |cell: usize| {
        let efficiency = answer.theory.get(cell)?.as_ref()?.efficiency?;
        match metric.name.as_str() {
            "efficiency" => Some(efficiency),
            "waste" => Some(1.0 - efficiency),
            _ => None,
        }
    };
    let line =
        |curve: &Curve| curve.cells.iter().filter_map(|cell| Some((*cell, of(*cell)?))).collect();
    curves.iter().map(line).collect()
}

/// The intervals that formulas call best, if the axis is one of intervals and there is one curve.
fn marks(answer: &Answer, x: &Numbers<'_>, curves: &[Curve]) -> Vec<(&'static str, f64, Ink)> {
    let [curve] = curves else { return Vec::new() };
    if x.axis.name() != "interval" || x.axis.unit != "s" {
        return Vec::new();
    }
    let Some(Some(expected)) =
        curve.cells.iter().map(|cell| answer.theory.get(*cell)?.as_ref()).find(Option::is_some)
    else {
        return Vec::new();
    };
    let (low, end) = (x.scale.low, x.scale.end);
    let known = |formula: &str| expected.best.iter().find(|(name, _)| *name == formula);
    let marks = FORMULAS
        .into_iter()
        .filter_map(|(formula, word, ink)| Some((word, known(formula)?.1, ink)));
    marks.filter(|(_, at, _)| (low..=end).contains(&x.at(*at))).collect()
}

/// Where a cell of a curve lies: all of them have a number on the axis.
fn place(frame: &Frame, x: &Numbers<'_>, cell: usize, value: f64) -> Point {
    (frame.x(x.at(x.values[cell].unwrap_or_default())), frame.y(value))
}

fn draw(
    drawing: &mut Drawing,
    frame: &Frame,
    x: &Numbers<'_>,
    metric: &OfMetric,
    curve: &Curve,
    ink: Ink,
) {
    let of = |shift: f64| -> Vec<Point> {
        let found = curve.cells.iter().map(|cell| (*cell, metric.found[*cell]));
        found
            .filter_map(|(cell, it)| {
                Some(place(frame, x, cell, it.mean? + shift * it.half_width.unwrap_or(0.0)))
            })
            .collect()
    };
    let (low, high, means) = (of(-1.0), of(1.0), of(0.0));
    let tops = along(&high);
    let stairs: Vec<_> = tops
        .iter()
        .zip(along(&low))
        .map(|((left, top), (_, bottom))| Stair { left: *left, top: *top, bottom })
        .collect();
    let right = means.last().map_or(0.0, |last| last.0);
    drawing.band(stairs, right, ink.at(0.22));
    slanted(drawing, &means, ink, 2.0);
    for at in means {
        drawing.disc(at, 3.0, ink);
    }
}

/// Points half a pixel apart on the line through these, from the first to the last.
fn along(points: &[Point]) -> Vec<Point> {
    let mut found = Vec::new();
    for pair in points.windows(2) {
        let ((left, from), (right, to)) = (pair[0], pair[1]);
        let stairs = libm::ceil((right - left) / STAIR).max(1.0) as u32;
        for stair in 0..stairs {
            let share = f64::from(stair) / f64::from(stairs);
            found.push((left + share * (right - left), from + share * (to - from)));
        }
    }
    found.extend(points.last());
    found
}

/// Draws the line through these points.
fn slanted(drawing: &mut Drawing, points: &[Point], ink: Ink, width: f64) {
    let mut corners: Vec<Point> = Vec::new();
    for (x, y) in along(points) {
        if let Some(last) = corners.last().copied() {
            corners.push((x, last.1));
        }
        corners.push((x, y));
    }
    drawing.steps(corners, ink, width);
}
