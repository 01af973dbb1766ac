//! `event_trace.tab` of the Failure Trace Archive: intervals in which nodes were up or down.
//!
//! Tab-separated: `event_id`, `component_id`, `node_id`, `platform_id`, `node_name`, `event_type`
//! (1 up, 0 down), start and stop (s since 1970, decimals allowed), `end_reason`. A platform is a
//! system here, and an interval of type 0 a failure; those of type 1 say which nodes there are and
//! how long they were up.
//!
//! Not modelled: components. A node is down if any of its components is, so overlapping intervals
//! of two components are two failures.

use super::columns::{Cells, Columns};
use super::{CELL, Failure, Moment, Row, Table, number, shortened};

const COLUMNS: usize = 9;

/// The columns of a table that begins so: by their names, or in the published order without.
pub(super) fn columns(first: &str) -> Option<Columns> {
    let named = |columns: &Columns| {
        columns.names().len() == COLUMNS && columns.place("event_id") == Some(0)
    };
    let nameless = || {
        let columns = Columns::nameless('\t', COLUMNS);
        columns.cells(first).is_ok_and(|cells| cells.is_exact()).then_some(columns)
    };
    Columns::of_head(first).find(named).or_else(nameless)
}

/// Reads a row, or says what is wrong with it.
pub(super) fn row(cells: &Cells, table: &mut Table) -> Result<Row, String> {
    let (node, system) = (number("node_id", cells.get(2))?, number("platform_id", cells.get(3))?);
    let (start, stop) = (seconds("start", cells.get(6))?, seconds("stop", cells.get(7))?);
    if stop < start {
        return Err(format!("it stops at {stop} s, before it starts at {start} s"));
    }
    let (from, to) = (libm::round(start) as i64, libm::round(stop) as i64);
    match cells.get(5) {
        "1" => {
            table.up((system, node), (Moment(from), Moment(to)));
            return Ok(Row::Up);
        }
        "0" => {}
        kind => return Err(format!("`event_type` is `{}`, not 0 or 1", shortened(kind, CELL))),
    }
    let reason = cells.get(8);
    let cause = if ["NULL", "-1"].contains(&reason) { "" } else { reason };
    Ok(Row::Failure(Failure {
        line: table.line,
        system,
        node: Some(node),
        start: Moment(from),
        down_s: from.abs_diff(to),
        cause: cause.to_owned(),
    }))
}

fn seconds(column: &str, text: &str) -> Result<f64, String> {
    let wrong = || format!("`{column}` is `{}`, no time in seconds", shortened(text, CELL));
    super::calendar::seconds(text).ok_or_else(wrong)
}
