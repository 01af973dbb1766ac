//! The CSV of Los Alamos: 26 columns, one row for each failure of a node, times to the minute.
//!
//! Format: LA-UR-05-7318, USENIX Computer Failure Data Repository. Used here are the columns
//! `System`, `nodes`, `nodenum`, `Prob Started`, `Prob Fixed`, `Down Time` (min) and the six of the
//! root cause.

use super::{Failure, Moment, Row, Table, number, shortened};

const COLUMNS: usize = 26;
const SYSTEM: usize = 0;
const NODES: usize = 2;
const NODE: usize = 5;
const STARTED: usize = 16;
const FIXED: usize = 17;
const DOWN: usize = 18;
/// The root causes: column and name.
const CAUSES: [(usize, &str); 6] = [
    (19, "facilities"),
    (20, "hardware"),
    (21, "human error"),
    (22, "network"),
    (23, "undetermined"),
    (24, "software"),
];

/// Minutes by which the clock may be changed while a node is down.
const CLOCK_CHANGE_MIN: i64 = 60;

/// Whether a trace of this kind begins so.
pub(super) fn is_head(line: &str) -> bool {
    line.trim_start_matches('\u{feff}').to_ascii_lowercase().starts_with("system,machine type,")
}

/// Reads a row, or says what is wrong with it.
pub(super) fn row(text: &str, table: &mut Table) -> Result<Row, String> {
    let cells = cells(text)?;
    if cells.len() != COLUMNS {
        return Err(format!("{} columns, not {COLUMNS}", cells.len()));
    }
    let cell = |column: usize| cells.get(column).unwrap_or_default().trim();
    let system: u32 = number("System", cell(SYSTEM))?;
    let node: Option<u32> = match cell(NODE) {
        "" => None,
        text => Some(number("nodenum", text)?),
    };
    let nodes: Option<u32> = match cell(NODES) {
        "" => None,
        text => Some(number("nodes", text)?),
    };
    let (start, fixed) = (date("Prob Started", cell(STARTED))?, date("Prob Fixed", cell(FIXED))?);
    let down: u32 = number("Down Time", cell(DOWN))?;
    if fixed < start {
        return Err(format!("it was fixed ({fixed}) before it started ({start})"));
    }
    let told = fixed.since(start) / 60;
    if (told - i64::from(down)).abs() > CLOCK_CHANGE_MIN {
        return Err(format!("`Down Time` is {down} min, but {told} min lie between its times"));
    }
    if told != i64::from(down) {
        table.remark("`Down Time` is not the time from start to end; `Down Time` counts");
    }
    if node.is_none() {
        table.remark("no node is named; they count for their system, and for no node");
    }
    if let Some(nodes) = nodes {
        table.size(system, nodes);
    }
    let cause = CAUSES.iter().find(|(column, _)| !cell(*column).is_empty());
    let cause = cause.map_or(String::new(), |(column, name)| format!("{name}: {}", cell(*column)));
    let (line, down_s) = (table.line, u64::from(down) * 60);
    Ok(Row::Failure(Failure { line, system, node, start, down_s, cause }))
}

fn cells(text: &str) -> Result<csv::StringRecord, String> {
    if text.matches('"').count() % 2 == 1 {
        return Err("a quotation mark without its pair".into());
    }
    let mut reader = csv::ReaderBuilder::new();
    let reader = reader.has_headers(false).buffer_capacity(512);
    let record = reader.from_reader(text.as_bytes()).into_records().next();
    record.and_then(Result::ok).ok_or_else(|| "this is no row of a CSV file".into())
}

fn date(column: &str, text: &str) -> Result<Moment, String> {
    Moment::of_los_alamos(text).ok_or_else(|| match text {
        "" => format!("`{column}` is empty"),
        text => format!("`{column}` is `{}`, no date like 6/21/2005 10:54", shortened(text)),
    })
}
