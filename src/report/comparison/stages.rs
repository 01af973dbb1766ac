//! How long the stages of the boots took, A above B.

use super::curves::legend;
use super::{INK_A, INK_B, Input, Picture};
use crate::analysis::stats;
use crate::report::drawing::{Align, Area, Drawing};
use crate::report::frame::{Frame, PLOT_BOTTOM, PLOT_RIGHT, heading};
use crate::report::scale::Scale;
use crate::report::theme::{AXIS, HALF_LETTER, Ink, LABEL_SIZE, PAPER, TEXT};

/// Boxes and whiskers of each stage; nothing if no boot was sampled.
pub(super) fn picture(input: &Input) -> Option<Picture> {
    let stage = |name: &'_ str| name.strip_prefix("boot_stage/").map(str::to_owned);
    let rows = input.comparison.distributions.iter();
    let rows: Vec<_> = rows.filter_map(|it| Some((stage(&it.row.name)?, it))).collect();
    let values = || rows.iter().flat_map(|(_, it)| it.of_a.iter().chain(&it.of_b));
    let end = values().copied().fold(0.0, f64::max);
    if end <= 0.0 {
        return None;
    }
    let mut drawing = Drawing::default();
    let title = "How long the stages of the boots took";
    let subtitle = "Box: middle half of the sampled nodes, with the median · line: middle 90 %";
    heading(&mut drawing, title, subtitle);
    let names = rows.iter().map(|(name, _)| (0.0, name.clone())).collect();
    let y = Scale { low: 0.0, end: 1.0, ticks: names, title: String::new() };
    let top = legend(&mut drawing, input);
    let frame = Frame::new(top, PLOT_RIGHT, Scale::time(end * 1.02), y);
    frame.upright_grid(&mut drawing);
    let pitch = (PLOT_BOTTOM - top) / rows.len() as f64;
    let left = frame.area.left;
    for (i, (name, it)) in rows.iter().enumerate() {
        let middle = top + (i as f64 + 0.5) * pitch;
        let high = f64::min(0.13 * pitch, 16.0);
        row(&mut drawing, &frame, &it.of_a, (middle - 1.35 * high, high), INK_A);
        row(&mut drawing, &frame, &it.of_b, (middle + 1.35 * high, high), INK_B);
        drawing.steps(vec![(left - 5.0, middle), (left, middle)], AXIS, 1.0);
        drawing.text(name, (left - 9.0, middle + HALF_LETTER), LABEL_SIZE, Align::Right, TEXT);
    }
    frame.time_axis(&mut drawing);
    drawing.steps(vec![(left, frame.area.top), (left, frame.area.bottom)], AXIS, 1.2);
    let caption =
        "The stages of the first boot of a sample of nodes, all runs of a side together, \
                   A above B. The box holds the middle half of the nodes and the white mark is \
                   their median; the line reaches over the middle 90 %."
            .to_owned();
    Some(Picture { name: "boot_stages".to_owned(), title: title.to_owned(), caption, drawing })
}

/// Box and whiskers of some values, around a height, half as high as is given twice.
fn row(drawing: &mut Drawing, frame: &Frame, values: &[f64], (y, high): (f64, f64), ink: Ink) {
    let at = |share: f64| stats::quantile(values, share).map(|value| frame.x(value));
    let quantiles = (at(0.05), at(0.25), at(0.5), at(0.75), at(0.95));
    let (Some(least), Some(lower), Some(middle), Some(upper), Some(most)) = quantiles else {
        return;
    };
    drawing.block(Area::new(least, y - 1.0, most, y + 1.0), ink);
    // A stage that takes equally long on all nodes is a mark, not nothing.
    let (lower, upper) = (f64::min(lower, middle - 1.5), f64::max(upper, middle + 1.5));
    drawing.block(Area::new(lower, y - high, upper, y + high), ink);
    if upper - lower > 6.0 {
        drawing.block(Area::new(middle - 1.0, y - high, middle + 1.0, y + high), PAPER);
    }
}
