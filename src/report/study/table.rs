//! `summary.csv` and `summary.parquet`: one row for each cell and metric.

use std::path::Path;

use super::{Input, SUMMARY};
use crate::analysis::study::Axis;
use crate::record::RecordError;
use crate::record::columns::{Column, Kind, TableWriter};

/// The columns after `cell` and those of the axes.
const COLUMNS: [(&str, Kind); 13] = [
    ("done", Kind::Integer),
    ("unfinished", Kind::Integer),
    ("failed", Kind::Integer),
    ("metric", Kind::Text),
    ("unit", Kind::Text),
    ("n", Kind::Integer),
    ("mean", Kind::Number),
    ("half_width", Kind::Number),
    ("difference", Kind::Number),
    ("difference_half_width", Kind::Number),
    ("standing", Kind::Text),
    ("degradation", Kind::Number),
    ("reference", Kind::Text),
];

/// Writes both tables, and names them: `cell`, a column for each axis (its number in base units
/// where it has one), and what each metric comes to. `difference` is that to the reference cell.
pub(super) fn write(input: &Input<'_>, folder: &Path) -> Result<Vec<String>, RecordError> {
    let answer = input.answer;
    let column = |name: &str, kind| Column { name: name.to_owned(), kind };
    let all = || answer.axes.iter().chain(&answer.followers);
    let numbers: Vec<_> = all().map(Axis::all_numbers).collect();
    let axes = all().zip(&numbers).map(|(axis, numbers)| {
        column(&axis.key, if numbers.is_some() { Kind::Number } else { Kind::Text })
    });
    let rest = COLUMNS.iter().map(|(name, kind)| column(name, *kind));
    let columns: Vec<_> =
        [column("cell", Kind::Integer)].into_iter().chain(axes).chain(rest).collect();
    let draft = folder.join(format!("{SUMMARY}.partial"));
    let mut table = TableWriter::create(&draft, &folder.join(SUMMARY), &columns)?;
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:?}"));
    for (cell, tally) in answer.cells.iter().enumerate() {
        for metric in &answer.metrics {
            let found = metric.found[cell];
            let axes = all().zip(&numbers).map(|(axis, numbers)| match numbers {
                Some(numbers) => number(Some(numbers[cell])),
                None => axis.texts[cell].trim_matches('"').to_owned(),
            });
            let counts = [tally.done, tally.unfinished, tally.failed].map(|it| it.to_string());
            let values = [
                metric.name.clone(),
                metric.unit.clone(),
                found.n.to_string(),
                number(found.mean),
                number(found.half_width),
                number(found.difference.map(|it| it.mean)),
                number(found.difference.map(|it| it.half_width)),
                found.standing.word().to_owned(),
                number(found.degradation),
                if cell == answer.reference { "yes" } else { "no" }.to_owned(),
            ];
            let row = [cell.to_string()].into_iter().chain(axes).chain(counts).chain(values);
            let row: Vec<_> = row.collect();
            table.row(row.iter().map(String::as_str))?;
        }
    }
    Ok(table.finish()?.into_keys().collect())
}
