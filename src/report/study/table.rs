//! `summary.csv`: one row for each cell and metric.

use std::io;

use super::Input;

/// The columns after those of the axes.
const COLUMNS: [&str; 13] = [
    "done",
    "unfinished",
    "failed",
    "metric",
    "unit",
    "n",
    "mean",
    "half_width",
    "difference",
    "difference_half_width",
    "standing",
    "degradation",
    "reference",
];

/// The table: `cell`, a column for each axis (its number in base units where it has one), and what
/// each metric comes to. `difference` is that to the reference cell.
///
/// # Errors
/// None that a caller could mend: rows are written to memory.
pub fn csv(input: &Input<'_>) -> io::Result<String> {
    let answer = input.answer;
    let mut table = csv::Writer::from_writer(Vec::new());
    let axes = answer.axes.iter().map(|axis| axis.key.as_str());
    table.write_record(["cell"].into_iter().chain(axes).chain(COLUMNS))?;
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    for (cell, tally) in answer.cells.iter().enumerate() {
        for metric in &answer.metrics {
            let found = metric.found[cell];
            let axes = answer.axes.iter().map(|axis| match &axis.numbers {
                Some(numbers) => numbers[cell].to_string(),
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
                (cell == answer.reference).to_string(),
            ];
            let row = [cell.to_string()].into_iter().chain(axes).chain(counts).chain(values);
            table.write_record(row)?;
        }
    }
    let bytes = table.into_inner().map_err(csv::IntoInnerError::into_error)?;
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}
