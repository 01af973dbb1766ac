//! Parquet: each table of the folder next to its CSV, and the event log as a table.
//!
//! A column has the same type in every run, also where a run has no value of it: it hangs on its
//! name alone.

use std::path::{Path, PathBuf};

use super::Recorded;
use crate::analysis::results;
use crate::record::columns::{Column, Kind, ParquetWriter, settle};
use crate::record::{LogReader, RecordError, export, log};

/// Columns that are texts.
const TEXTS: [&str; 16] = [
    "cause",
    "destination",
    "event",
    "fate",
    "job",
    "kind",
    "name",
    "part",
    "phase",
    "sensor",
    "series",
    "source",
    "stage",
    "state",
    "status",
    "unit",
];

/// Columns that are whole numbers; of the event log all that are no texts.
const INTEGERS: [&str; 11] = [
    "boots",
    "bytes",
    "checkpoints",
    "failures",
    "interrupts",
    "level",
    "node",
    "nodes",
    "number",
    "spread",
    "transfer",
];

/// Writes `NAME.parquet` for each table that the folder has, and `events.parquet` if it has a log;
/// names what it wrote. O(rows).
///
/// # Errors
/// When a table cannot be read or written.
pub fn write(run: &Recorded) -> Result<Vec<PathBuf>, RecordError> {
    let folder = &run.folder;
    let mut written = Vec::new();
    for (name, _) in results::TABLES {
        let csv = folder.join(name);
        if csv.exists() {
            written.push(table(&csv)?);
        }
    }
    if folder.join(log::FILE_NAME).exists() {
        written.push(events(folder)?);
    }
    Ok(written)
}

/// What the values of a column are.
fn kind(name: &str) -> Kind {
    match name {
        name if TEXTS.contains(&name) => Kind::Text,
        name if INTEGERS.contains(&name) => Kind::Integer,
        _ => Kind::Number,
    }
}

/// Writes the Parquet of a CSV.
fn table(csv: &Path) -> Result<PathBuf, RecordError> {
    let foreign =
        |error: csv::Error| RecordError::Foreign { path: csv.to_owned(), why: error.to_string() };
    let mut rows = csv::Reader::from_path(csv).map_err(foreign)?;
    let names = rows.headers().map_err(foreign)?.clone();
    let columns: Vec<_> =
        names.iter().map(|name| Column { name: name.to_owned(), kind: kind(name) }).collect();
    write_whole(&csv.with_extension("parquet"), &columns, |parquet| {
        for row in rows.records() {
            parquet.row(row.map_err(foreign)?.iter())?;
        }
        Ok(())
    })
}

/// Writes the Parquet of the event log.
fn events(folder: &Path) -> Result<PathBuf, RecordError> {
    let column = |name: &&str| {
        let kind = if TEXTS.contains(name) && *name != "job" { Kind::Text } else { Kind::Integer };
        Column { name: (*name).to_owned(), kind }
    };
    let columns: Vec<_> = export::COLUMNS.iter().map(column).collect();
    write_whole(&folder.join("events.parquet"), &columns, |parquet| {
        for event in LogReader::open(folder)? {
            parquet.row(export::row_of(&event?).iter().map(String::as_str))?;
        }
        Ok(())
    })
}

/// Writes a file that has its name when it is whole.
fn write_whole(
    place: &Path,
    columns: &[Column],
    rows: impl FnOnce(&mut ParquetWriter) -> Result<(), RecordError>,
) -> Result<PathBuf, RecordError> {
    let draft = place.with_extension("parquet.partial");
    let mut parquet = ParquetWriter::create(&draft, columns)?;
    rows(&mut parquet)?;
    parquet.finish()?;
    settle(&draft, place)?;
    Ok(place.to_owned())
}
