//! An axis of a study as one of a figure.

use crate::analysis::study::{Answer, Axis};
use crate::report::scale::Scale;
use crate::report::words;

/// From this factor between its ends on an axis is logarithmic.
const WIDE: f64 = 20.0;

/// An axis of numbers.
pub(super) struct Numbers<'a> {
    pub(super) axis: &'a Axis,
    /// The number of each cell; `None` of a cell that has a word there.
    pub(super) values: &'a [Option<f64>],
    logarithmic: bool,
    pub(super) scale: Scale,
}

impl<'a> Numbers<'a> {
    /// `None` unless the axis has at least two different numbers.
    pub(super) fn of(axis: &'a Axis) -> Option<Self> {
        let values = &axis.numbers[..];
        let low = values.iter().flatten().copied().fold(f64::INFINITY, f64::min);
        let end = values.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
        if low >= end {
            return None;
        }
        let logarithmic = low > 0.0 && end / low >= WIDE;
        let name = title(axis);
        let air = 0.03 * (end - low);
        let scale = match (logarithmic, axis.unit.as_str()) {
            (true, "s") => Scale::spans(low / 1.15, end * 1.15, &name),
            (true, "count" | "") => Scale::decades(low / 1.15, end * 1.15, &name),
            (true, unit) => Scale::decades_of(low / 1.15, end * 1.15, &name, unit),
            (false, unit) => {
                let floor = if low < 0.0 { low - air } else { f64::max(low - air, 0.0) };
                let close = Scale::close(floor, end + air, &name, unit);
                // The axis of the cells ends a little after the last one, not at a round number.
                let (low, end) = (f64::max(low - air, close.low), end + air);
                let inside = |tick: &(f64, String)| (low..=end).contains(&tick.0);
                let ticks = close.ticks.into_iter().filter(inside).collect();
                Scale { low, end, ticks, ..close }
            }
        };
        Some(Self { axis, values, logarithmic, scale })
    }

    /// Whether some cells have a word there, such as `daly`, and so no place on the scale.
    pub(super) fn has_words(&self) -> bool {
        self.values.contains(&None)
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

/// Letters of a value that a person wrote, and digits that count in it; what has more was worked
/// out, and is rounded.
const WRITTEN: (usize, usize) = (10, 5);

/// The value of a cell on an axis, for people: `2 h` for `"2 h"`.
pub(super) fn value(axis: &Axis, cell: usize) -> String {
    let text = axis.texts[cell].trim_matches('"');
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let is_worked_out = text.len() > WRITTEN.0 || digits.trim_matches('0').len() > WRITTEN.1;
    match axis.numbers[cell] {
        Some(number) if axis.unit.is_empty() || axis.unit == "count" => words::grouped(number),
        Some(number) if is_worked_out => words::quantity(number, &axis.unit),
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

/// The range of means, each with so much on both sides. What is never negative has no interval
/// below zero.
pub(super) fn reach(means: impl Iterator<Item = (f64, f64)>) -> Option<(f64, f64)> {
    let ends = means.map(|(mean, half)| (mean, mean - half, mean + half));
    let least = |a: (f64, f64, f64), b: (f64, f64, f64)| {
        (f64::min(a.0, b.0), f64::min(a.1, b.1), f64::max(a.2, b.2))
    };
    let (mean, low, end) = ends.reduce(least)?;
    Some((if mean < 0.0 { low } else { f64::max(low, 0.0) }, end))
}
