//! An axis of a study as one of a figure.

use crate::analysis::study::{Answer, Axis, OfMetric};
use crate::report::scale::Scale;
use crate::report::words;

/// From this factor between its ends on an axis is logarithmic.
const WIDE: f64 = 20.0;

/// An axis of numbers.
pub(super) struct Numbers<'a> {
    pub(super) axis: &'a Axis,
    pub(super) values: &'a [f64],
    logarithmic: bool,
    pub(super) scale: Scale,
}

impl<'a> Numbers<'a> {
    /// `None` unless the axis has at least two different numbers.
    pub(super) fn of(axis: &'a Axis) -> Option<Self> {
        let values = axis.numbers.as_deref()?;
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let end = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if low >= end {
            return None;
        }
        let logarithmic = low > 0.0 && end / low >= WIDE;
        let name = title(axis);
        let air = 0.03 * (end - low);
        let scale = match (logarithmic, axis.unit.as_str()) {
            (true, "s") => Scale::spans(low / 1.15, end * 1.15, &name),
            (true, "count" | "") => Scale::decades(low / 1.15, end * 1.15, &name),
            (true, unit) => Scale::decades(low / 1.15, end * 1.15, &format!("{name} ({unit})")),
            (false, unit) => {
                let close = Scale::close(f64::max(low - air, 0.0), end + air, &name, unit);
                // The axis of the cells ends a little after the last one, not at a round number.
                let (low, end) = (f64::max(low - air, close.low), end + air);
                let inside = |tick: &(f64, String)| (low..=end).contains(&tick.0);
                let ticks = close.ticks.into_iter().filter(inside).collect();
                Scale { low, end, ticks, ..close }
            }
        };
        Some(Self { axis, values, logarithmic, scale })
    }

    /// The place of a number on the scale.
    pub(super) fn at(&self, number: f64) -> f64 {
        if self.logarithmic { libm::log10(number) } else { number }
    }

    /// The numbers of the axes of a study, that with the most values first.
    pub(super) fn of_answer(answer: &'a Answer) -> Vec<Self> {
        let mut axes: Vec<_> = answer.axes.iter().filter_map(Numbers::of).collect();
        axes.sort_by_key(|it| std::cmp::Reverse(it.axis.distinct().len()));
        axes
    }
}

/// The name of an axis in words.
pub(super) fn name(axis: &Axis) -> String {
    axis.name().replace('_', " ")
}

/// The same as a title.
pub(super) fn title(axis: &Axis) -> String {
    words::capital(&name(axis))
}

/// Letters of a value that a person wrote; longer ones were worked out, and are rounded.
const WRITTEN: usize = 10;

/// The value of a cell on an axis, for people: `2 h` for `"2 h"`.
pub(super) fn value(axis: &Axis, cell: usize) -> String {
    let text = axis.texts[cell].trim_matches('"');
    match &axis.numbers {
        Some(numbers) if axis.unit.is_empty() || axis.unit == "count" => {
            words::grouped(numbers[cell])
        }
        Some(numbers) if text.len() > WRITTEN => words::quantity(numbers[cell], &axis.unit),
        _ => text.to_owned(),
    }
}

/// An axis and the value of a cell on it, such as `interval 2 h`; the name of a variant alone.
pub(super) fn named(axis: &Axis, cell: usize) -> String {
    match axis.key.as_str() {
        "variant" => value(axis, cell),
        _ => format!("{} {}", axis.name(), value(axis, cell)),
    }
}

/// A cell by its values on the axes, such as `interval 2 h, nodes 700`.
pub(super) fn label(axes: &[Axis], cell: usize) -> String {
    if axes.is_empty() {
        return "the only cell".to_owned();
    }
    axes.iter().map(|axis| named(axis, cell)).collect::<Vec<_>>().join(", ")
}

/// The same in short: the values alone, `70 · 2 h`.
pub(super) fn short_label(axes: &[Axis], cell: usize) -> String {
    axes.iter().map(|axis| value(axis, cell)).collect::<Vec<_>>().join(" · ")
}

/// The range of means, with their intervals.
pub(super) fn reach(metric: &OfMetric) -> Option<(f64, f64)> {
    let ends = metric.found.iter().filter_map(|it| {
        let half = it.half_width.unwrap_or(0.0);
        it.mean.map(|mean| (mean - half, mean + half))
    });
    ends.reduce(|a, b| (f64::min(a.0, b.0), f64::max(a.1, b.1)))
}
