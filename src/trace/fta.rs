//! `event_trace.tab` of the Failure Trace Archive: intervals in which nodes were up or down.
//!
//! Tab-separated: `event_id`, `component_id`, `node_id`, `platform_id`, `node_name`, `event_type`
//! (1 up, 0 down), start and stop (s since 1970, decimals allowed), `end_reason`. A platform is a
//! system here, and an interval of type 0 a failure; those of type 1 tell which nodes there are and
//! how long they were up. Heads, and lines that begin with `#`, are
//! skipped.
//!
//! Not modelled: components. A node is down if any of its components is, so overlapping intervals
//! of two components are two failures.

use super::{Failure, Moment, Row, Table, number, shortened};

const COLUMNS: usize = 9;

/// Whether a table of this kind begins so.
pub(super) fn is_table(line: &str) -> bool {
    is_head(line) || line.split('\t').count() == COLUMNS
}

/// Whether this line names the columns, or is a comment.
pub(super) fn is_head(line: &str) -> bool {
    line.starts_with('#') || line.trim_start_matches('\u{feff}').starts_with("event_id\t")
}

/// Reads a row, or says what is wrong with it.
pub(super) fn row(text: &str, table: &mut Table) -> Result<Row, String> {
    let cells: Vec<&str> = text.split('\t').map(str::trim).collect();
    let &[_, _, node, system, _, kind, start, stop, reason] = cells.as_slice() else {
        return Err(format!("{} columns, not {COLUMNS}", cells.len()));
    };
    let (node, system) = (number("node_id", node)?, number("platform_id", system)?);
    let (start, stop) = (seconds("start", start)?, seconds("stop", stop)?);
    if stop < start {
        return Err(format!("it stops at {stop} s, before it starts at {start} s"));
    }
    let (from, to) = (libm::round(start) as i64, libm::round(stop) as i64);
    match kind {
        "1" => {
            table.up((system, node), (Moment(from), Moment(to)));
            return Ok(Row::Up);
        }
        "0" => {}
        _ => return Err(format!("`event_type` is `{}`, not 0 or 1", shortened(kind))),
    }
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

/// An instant in seconds, up to the year 5138, which a slip of the pen soon passes.
fn seconds(column: &str, text: &str) -> Result<f64, String> {
    let value: Option<f64> = text.parse().ok().filter(|value: &f64| value.is_finite());
    let value = value.filter(|value| (0.0..1e11).contains(value));
    value.ok_or_else(|| format!("`{column}` is `{}`, no time in seconds", shortened(text)))
}
