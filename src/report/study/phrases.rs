//! The answer of a study in sentences: what is best, what may be as good, what is missing.

use std::fmt::Write as _;

use super::axis;
use crate::analysis::stats::Interval;
use crate::analysis::study::{Answer, Axis, LEVEL, OfMetric, Tally};
use crate::report::words;

/// Cells that are named one by one.
const NAMED: usize = 4;

/// All sentences, those of the metric that was asked for first. Where the answer is that of a
/// `search`, which knows its bounds, an axis has no ends.
pub(super) fn sentences(answer: &Answer, search: bool) -> Vec<String> {
    let mut all = Vec::new();
    for metric in &answer.metrics {
        all.extend(of_metric(answer, metric, search));
    }
    all.extend(missing(answer));
    all
}

/// What became of the runs, as a phrase.
pub(super) fn tally(answer: &Answer) -> String {
    let sum = answer.cells.iter().fold(Tally::default(), |sum, it| Tally {
        done: sum.done + it.done,
        unfinished: sum.unfinished + it.unfinished,
        failed: sum.failed + it.failed,
    });
    let cells = words::count(answer.cells.len(), "cell", "cells");
    let mut text =
        format!("{cells}, {}", words::count(sum.done + sum.unfinished + sum.failed, "run", "runs"));
    if sum.unfinished > 0 {
        let _ = write!(text, ", {} unfinished", words::grouped(sum.unfinished as f64));
    }
    if sum.failed > 0 {
        let _ = write!(text, ", {} failed", words::grouped(sum.failed as f64));
    }
    text
}

fn of_metric(answer: &Answer, metric: &OfMetric, search: bool) -> Vec<String> {
    let name = &metric.name;
    let Some((best, value)) = metric.best.and_then(|best| Some((best, super::mean(metric, best)?)))
    else {
        return vec![format!("No run that was done has a `{name}`.")];
    };
    let found = metric.found[best];
    let least = if metric.more_is_better { "Highest" } else { "Least" };
    let value = amount(value, found.half_width, &metric.unit);
    if metric.found.len() == 1 {
        return vec![format!("`{name}` is {value} (n = {}).", found.n)];
    }
    let at = axis::label(&answer.axes, best);
    let mut all = vec![format!("{least} `{name}`: {value} at {at} (n = {}).", found.n)];
    if metric.found.iter().all(|it| it.n < 2) {
        all.push("With one run a cell nothing can be distinguished: ask for replications.".into());
        return all;
    }
    all.push(alike(answer, metric));
    if best != answer.reference
        && let Some(difference) = found.difference
    {
        let reference = axis::label(&answer.axes, answer.reference);
        let by = signed(difference, &metric.unit);
        all.push(format!("Best against the reference ({reference}): {by}."));
    }
    let at_an_end = |axis: &&Axis| {
        let ends = axis.distinct();
        axis.all_numbers().is_some()
            && ends.len() > 2
            && [ends.first(), ends.last()]
                .into_iter()
                .flatten()
                .any(|end| axis.texts[*end] == axis.texts[best])
    };
    let ends: Vec<_> =
        answer.axes.iter().filter(at_an_end).map(|axis| format!("`{}`", axis.name())).collect();
    let rivals = metric.found.iter().filter(|it| it.n > 0).count() > 1;
    if rivals && !ends.is_empty() && !answer.sampled && !search {
        all.push(format!(
            "The best cell lies at an end of {}: beyond it there may be a better one.",
            ends.join(" and ")
        ));
    }
    all
}

/// Which cells cannot be distinguished from the best one.
fn alike(answer: &Answer, metric: &OfMetric) -> String {
    let cells: Vec<_> = metric.alike().collect();
    let level = words::digits(LEVEL * 100.0);
    let known = metric.found.iter().filter(|it| it.n > 0).count();
    let others = cells.len() - 1;
    if known == 1 {
        return "No other cell has a run that was done.".to_owned();
    }
    if others == 0 {
        return format!("Every other cell is worse (paired differences, {level} % together).");
    }
    if let [axis] = answer.axes.as_slice()
        && let Some(numbers) = axis.all_numbers()
    {
        let by = |cell: &&usize| numbers[**cell];
        let low = cells.iter().min_by(|a, b| by(a).total_cmp(&by(b)));
        let high = cells.iter().max_by(|a, b| by(a).total_cmp(&by(b)));
        if let (Some(low), Some(high)) = (low, high) {
            let inside = numbers.iter().zip(&metric.found).filter(|(it, found)| {
                found.n > 0 && (numbers[*low]..=numbers[*high]).contains(*it)
            });
            if inside.count() == cells.len() {
                return format!(
                    "Nothing between {} and {} can be distinguished ({} of {} cells; paired \
                     differences, {level} % together).",
                    axis::value(axis, *low),
                    axis::value(axis, *high),
                    words::grouped(cells.len() as f64),
                    words::grouped(known as f64),
                );
            }
        }
    }
    let alike = metric.best_first().into_iter().filter(|cell| cells.contains(cell)).skip(1);
    let named: Vec<_> = alike.take(NAMED).map(|cell| axis::label(&answer.axes, cell)).collect();
    let more = if others > NAMED { " and others" } else { "" };

    format!(
        "{} of {} other cells cannot be distinguished from it (paired differences, {level} % \
         together): {}{more}.",
        words::grouped(others as f64),
        words::grouped((known - 1) as f64),
        named.join("; ")
    )
}

/// What is in no mean, and what is not comparable for it.
fn missing(answer: &Answer) -> Vec<String> {
    let mut all = Vec::new();
    let unfinished: Vec<_> = answer.cells.iter().filter(|it| it.unfinished > 0).collect();
    let lucky = unfinished.iter().filter(|it| it.done > 0).count();
    let means = match (lucky, unfinished.len() - lucky) {
        (_, 0) => "the means of these cells are of the luckier runs".to_owned(),
        (0, _) => "these cells have no mean".to_owned(),
        (some, none) => format!(
            "the means of {some} of these cells are of the luckier runs, and {none} have none"
        ),
    };
    let mut say = |count: fn(&Tally) -> usize, what: &str, note: &str| {
        let sum: usize = answer.cells.iter().map(count).sum();
        let cells = answer.cells.iter().filter(|it| count(it) > 0).count();
        if sum > 0 {
            all.push(format!(
                "{} in {} {what} and {} in no mean{note}.",
                words::count(sum, "run", "runs"),
                words::count(cells, "cell", "cells"),
                if sum == 1 { "is" } else { "are" },
            ));
        }
    };
    let later = format!(": {means}; give them a later `stop.at`");
    say(|it| it.unfinished, "did not finish", &later);
    say(|it| it.failed, "could not be played", "");
    all
}

/// A mean with its interval; that of a share in points.
pub(super) fn amount(mean: f64, half_width: Option<f64>, unit: &str) -> String {
    let text = words::quantity(mean, unit);
    match half_width.filter(|half| *half > 0.0) {
        Some(half) => format!("{text} ± {}", size(half, unit)),
        None => text,
    }
}

/// A difference with its sign and interval.
pub(super) fn signed(difference: Interval, unit: &str) -> String {
    let sign = match difference.mean {
        mean if mean > 0.0 => "+",
        mean if mean < 0.0 => "−",
        _ => "",
    };
    let text = format!("{sign}{}", size(difference.mean.abs(), unit));
    match difference.half_width {
        half if half > 0.0 => format!("{text} ± {}", size(half, unit)),
        _ => text,
    }
}

/// The size of a difference: shares differ by percentage points.
fn size(value: f64, unit: &str) -> String {
    match unit {
        "1" => format!("{} pp", words::digits(value * 100.0)),
        unit => words::quantity(value, unit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::study::tests::u_curve;

    #[test]
    fn a_u_curve_is_answered_by_its_best_cell_and_its_plateau() {
        // t(0.975; 4) = 2.776 times the deviations of 0.000791 and 0.00106 over the root of 5.
        let all = sentences(&u_curve(), false);
        assert_eq!(
            all,
            [
                "Least `waste`: 6 % ± 0.0982 pp at interval 2 h (n = 5).",
                "Nothing between 1 h and 4 h can be distinguished (3 of 5 cells; paired \
                 differences, 95 % together).",
                "Best against the reference (interval 30 min): −2 pp ± 0.132 pp.",
                "1 run in 1 cell did not finish and is in no mean: the means of these cells are \
                 of the luckier runs; give them a later `stop.at`.",
            ]
        );
    }

    #[test]
    fn cells_of_which_no_run_was_done_have_no_mean_and_are_no_luckier_ones() {
        let mut answer = u_curve();
        answer.cells[4] = Tally { done: 0, unfinished: 5, failed: 0 };
        let last = |answer: &Answer| missing(answer).pop().expect("a sentence");
        assert_eq!(
            last(&answer),
            "5 runs in 1 cell did not finish and are in no mean: these cells have no mean; give \
             them a later `stop.at`."
        );
        answer.cells[0].unfinished = 1;
        assert_eq!(
            last(&answer),
            "6 runs in 2 cells did not finish and are in no mean: the means of 1 of these cells \
             are of the luckier runs, and 1 have none; give them a later `stop.at`."
        );
    }
}
