//! The answer of a study for the terminal, and as JSON.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::{Input, axis, phrases, search};
use crate::analysis::study::{Answer, Axis, OfMetric};
use crate::report::columns::columns;
use crate::report::words;

/// Cells that a table of the terminal has at most.
const CELLS: usize = 12;

/// Sentences, and the best cells of the first metric.
#[must_use]
pub fn text(input: &Input<'_>) -> String {
    let answer = input.answer;
    let mut out = format!("{}: {}\n", input.name, phrases::tally(answer));
    for sentence in sentences(input) {
        let _ = writeln!(out, "{sentence}");
    }
    let Some(metric) = answer.metrics.first().filter(|it| it.found.len() > 1) else { return out };
    let order = metric.best_first();
    let mut heads: Vec<&str> = vec!["cell"];
    heads.extend(answer.axes.iter().map(Axis::name));
    heads.extend(["n", metric.name.as_str(), "difference", ""]);
    let sides = format!("r{}rrrl", "r".repeat(answer.axes.len()));
    let rows: Vec<_> = order.iter().take(CELLS).map(|cell| row(answer, metric, *cell)).collect();
    out += &columns(&heads, &sides, &rows);
    if order.len() > CELLS {
        let more = words::count(order.len() - CELLS, "more cell", "more cells");
        // A search writes only what it is asked for.
        let place = if input.search.is_some() { "-o writes summary.csv" } else { "summary.csv" };
        let _ = writeln!(out, "{more}: {place}");
    }
    if let Some(optimum) = input.search.filter(|it| !it.again.is_empty()) {
        let _ = writeln!(out, "\n{}", search::heading(optimum));
        out += &columns(&search::HEADS, search::SIDES, &search::rows(optimum));
    }
    out
}

/// All sentences, with those of the search.
pub(super) fn sentences(input: &Input<'_>) -> Vec<String> {
    let search = input.search.map(search::sentences).unwrap_or_default();
    let of_answer = phrases::sentences(input.answer, input.search.is_some());
    of_answer.into_iter().chain(search).collect()
}

/// The cells of a row of a table: number, values of the axes, n, mean, difference, standing.
pub(super) fn row(answer: &Answer, metric: &OfMetric, cell: usize) -> Vec<String> {
    let found = metric.found[cell];
    let unit = &metric.unit;
    let mut row = vec![cell.to_string()];
    row.extend(answer.axes.iter().map(|axis| axis::value(axis, cell)));
    let mean = found.mean.map(|mean| phrases::amount(mean, found.half_width, unit));
    let difference = match found.difference {
        Some(difference) => phrases::signed(difference, unit),
        None if cell == answer.reference => "reference".to_owned(),
        None => String::new(),
    };
    row.extend([found.n.to_string(), mean.unwrap_or_default(), difference]);
    row.push(found.standing.word().to_owned());
    row
}

/// The answer as one object: sentences, and of each metric the best cell and those that
/// cannot be distinguished from it.
#[must_use]
pub fn json(input: &Input<'_>) -> Map<String, Value> {
    let answer = input.answer;
    let point = |cell: usize| -> Map<String, Value> {
        let of = |axis: &Axis| {
            let value = match axis.numbers[cell] {
                Some(number) => json!(number),
                None => json!(axis.texts[cell].trim_matches('"')),
            };
            (axis.key.clone(), value)
        };
        answer.axes.iter().map(of).collect()
    };
    let metric = |metric: &OfMetric| {
        let best = metric.best.map(|best| {
            let found = metric.found[best];
            json!({
                "cell": best, "point": point(best), "n": found.n, "mean": found.mean,
                "half_width": found.half_width,
                "difference": found.difference.map(|it| it.mean),
                "difference_half_width": found.difference.map(|it| it.half_width),
            })
        });
        let alike: Vec<_> = metric.alike().collect();
        (metric.name.clone(), json!({ "unit": metric.unit, "best": best, "alike": alike }))
    };
    let mut object = Map::new();
    object.insert("schema".into(), json!("rackstorm-study-report/1"));
    object.insert("sentences".into(), json!(sentences(input)));
    object
        .insert("metrics".into(), answer.metrics.iter().map(metric).collect::<Map<_, _>>().into());
    object.extend(input.search.map(search::json).unwrap_or_default());
    object
}
