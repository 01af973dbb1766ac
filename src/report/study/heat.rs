//! A metric over two axes as a map: one field for each pair of values.

use super::axis;
use crate::analysis::study::{Answer, Axis, OfMetric, Standing};
use crate::report::Picture;
use crate::report::drawing::{Align, Area, Drawing, Point};
use crate::report::frame::{MARGIN, PLOT_BOTTOM, PLOT_TOP, heading};
use crate::report::scale::Scale;
use crate::report::shades::{self, BAR_WIDTH};
use crate::report::theme::{HALF_LETTER, LABEL_SIZE, PAPER, SOFT_TEXT, TEXT};
use crate::report::typeface::{self, Weight};
use crate::report::words;

/// Values that an axis of the map has at least.
const VALUES: usize = 3;
/// Right edge of the map, and left edge of the bar (px).
const MAP_RIGHT: f64 = 500.0;
const BAR_LEFT: f64 = 516.0;

/// The map over the two axes with the most values, at the best cell's values of all others.
pub(super) fn picture(answer: &Answer, metric: &OfMetric) -> Option<Picture> {
    let best = metric.best?;
    let mut axes: Vec<&Axis> = answer.axes.iter().collect();
    axes.sort_by_key(|axis| std::cmp::Reverse(axis.distinct().len()));
    let [x, y, others @ ..] = axes.as_slice() else { return None };
    let (along, up) = (x.distinct(), y.distinct());
    if up.len() < VALUES {
        return None;
    }
    let in_slice = |cell: &usize| others.iter().all(|axis| axis.texts[*cell] == axis.texts[best]);
    let fields: Vec<(usize, usize, usize, f64)> = (0..answer.cells.len())
        .filter(in_slice)
        .filter_map(|cell| {
            let place = |axis: &Axis, of: &[usize]| {
                of.iter().position(|other| axis.texts[*other] == axis.texts[cell])
            };
            Some((cell, place(x, &along)?, place(y, &up)?, super::mean(metric, cell)?))
        })
        .collect();
    let low = fields.iter().map(|it| it.3).fold(f64::INFINITY, f64::min);
    let end = fields.iter().map(|it| it.3).fold(f64::NEG_INFINITY, f64::max);
    let scale = Scale::close(low, end, &super::title_of(metric), &metric.unit);
    let mut drawing = Drawing::default();
    let title = format!("{} over {} and {}", super::title_of(metric), axis::name(x), axis::name(y));
    let fixed: Vec<_> =
        others.iter().map(|it| format!("{} {}", it.name(), axis::value(it, best))).collect();
    let at = if fixed.is_empty() { String::new() } else { format!(" · {}", fixed.join(", ")) };
    heading(&mut drawing, &title, &format!("Mean of each cell{at}"));
    let wide = |cell: &usize| typeface::width(&axis::value(y, *cell), LABEL_SIZE, Weight::Regular);
    let left = MARGIN + 30.0 + up.iter().map(wide).fold(20.0, f64::max).min(120.0);
    let map = Area::new(left, PLOT_TOP, MAP_RIGHT, PLOT_BOTTOM);
    let field = |column: usize, row: usize| {
        let (width, height) = (map.width() / along.len() as f64, map.height() / up.len() as f64);
        let (left, bottom) = (map.left + width * column as f64, map.bottom - height * row as f64);
        // A hair of overlap keeps seams away.
        Area::new(left, bottom - height - 0.3, left + width + 0.3, bottom)
    };
    // By colour, so that the SVG holds one path for each.
    let share = |value: f64| (value - scale.low) / (scale.end - scale.low);
    let mut blocks: Vec<_> = fields.iter().map(|it| (shades::shade(share(it.3)), it)).collect();
    blocks.sort_by_key(|(shade, it)| (*shade, it.0));
    for (shade, (_, column, row, _)) in &blocks {
        drawing.block(field(*column, *row), shades::ink(*shade));
    }
    for (shade, (cell, column, row, _)) in &blocks {
        mark(&mut drawing, field(*column, *row), *shade, metric.found[*cell].standing);
    }
    ticks(&mut drawing, map, (x, &along), (y, &up));
    shades::bar(&mut drawing, &scale, BAR_LEFT, (PLOT_TOP + 24.0, PLOT_BOTTOM));
    let at = (BAR_LEFT + BAR_WIDTH, PLOT_TOP + 8.0);
    let unit = scale.title.rsplit_once('(').map_or("", |(_, unit)| unit.trim_end_matches(')'));
    drawing.text(unit, at, LABEL_SIZE, Align::Left, SOFT_TEXT);
    let caption = format!(
        "The mean of `{}` for each pair of values. The ring is the best cell ({}); dots are cells \
         that cannot be distinguished from it.",
        metric.name,
        words::quantity(super::mean(metric, best)?, &metric.unit),
    );
    let name = format!("{}_over_{}_and_{}", metric.name, x.name(), y.name());
    Some(Picture { name, title, caption, drawing })
}

/// Marks the best cell by a ring and those that cannot be distinguished from it by a dot.
fn mark(drawing: &mut Drawing, field: Area, shade: usize, standing: Standing) {
    let ink = if shade < shades::SHADES / 2 { PAPER } else { TEXT };
    let middle = (f64::midpoint(field.left, field.right), f64::midpoint(field.top, field.bottom));
    let radius = f64::min(6.0, 0.4 * f64::min(field.width(), field.height()));
    match standing {
        Standing::Best => {
            drawing.disc(middle, radius, ink);
            drawing.disc(middle, 0.6 * radius, shades::ink(shade));
        }
        Standing::Alike => drawing.disc(middle, 0.4 * radius, ink),
        Standing::Worse | Standing::Unknown => {}
    }
}

/// Values and names of both axes, as many as there is room for.
fn ticks(
    drawing: &mut Drawing,
    map: Area,
    (x, along): (&Axis, &[usize]),
    (y, up): (&Axis, &[usize]),
) {
    let width = |cell: &usize| typeface::width(&axis::value(x, *cell), LABEL_SIZE, Weight::Regular);
    let room = along.iter().map(width).fold(20.0, f64::max) + 12.0;
    let pitch = map.width() / along.len() as f64;
    let stride = libm::ceil(room / pitch).max(1.0) as usize;
    for (column, cell) in along.iter().enumerate().step_by(stride) {
        let at: Point = (map.left + pitch * (column as f64 + 0.5), map.bottom + 21.0);
        drawing.text(&axis::value(x, *cell), at, LABEL_SIZE, Align::Middle, SOFT_TEXT);
    }
    let pitch = map.height() / up.len() as f64;
    let stride = libm::ceil((LABEL_SIZE + 4.0) / pitch).max(1.0) as usize;
    for (row, cell) in up.iter().enumerate().step_by(stride) {
        let text = typeface::fit(&axis::value(y, *cell), LABEL_SIZE, Weight::Regular, 120.0);
        let at = (map.left - 7.0, map.bottom - pitch * (row as f64 + 0.5) + HALF_LETTER);
        drawing.text(&text, at, LABEL_SIZE, Align::Right, SOFT_TEXT);
    }
    let middle = f64::midpoint(map.left, map.right);
    let below = crate::report::drawing::HEIGHT - 9.0;
    drawing.text(&axis::title(x), (middle, below), LABEL_SIZE, Align::Middle, TEXT);
    let at = (MARGIN + 4.0, f64::midpoint(map.top, map.bottom));
    drawing.turned(&axis::title(y), at, LABEL_SIZE, TEXT);
}
