//! Tables of a study, read as one: their rows in the order of cells and replications.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use csv::StringRecord;
use serde::{Deserialize, Serialize};

use super::row::{Columns, RowStatus};
use crate::record::columns::TableWriter;
use crate::record::{Checksums, RecordError};

/// Tables that are read side by side; systems allow a process 1,024 open files.
const OPEN_MAX: usize = 200;

/// How the runs of a table ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// All of them.
    pub runs: u64,
    /// Those whose time was up before they had done what their scenario wants.
    pub unfinished: u64,
    /// Those that could not be played.
    pub failed: u64,
    /// Those that missed a demand of `[expect]`.
    pub missed: u64,
}

impl Tally {
    /// Adds those of another table.
    pub(super) fn add(&mut self, other: Self) {
        self.runs += other.runs;
        self.unfinished += other.unfinished;
        self.failed += other.failed;
        self.missed += other.missed;
    }

    /// Those that came to the end that their scenario wants.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.runs - self.unfinished - self.failed
    }
}

/// Sorted tables as one.
pub(super) struct Sorted<'c> {
    columns: &'c Columns,
    tables: Vec<Table>,
    /// The key of the next row of each table.
    next: BinaryHeap<Reverse<((u32, u32), usize)>>,
    /// The table that the last row came from, with its key.
    last: Option<((u32, u32), usize)>,
}

struct Table {
    path: PathBuf,
    reader: csv::Reader<File>,
    /// Where it has each column of the study.
    at: Vec<Option<usize>>,
    head: StringRecord,
}

/// One row.
pub(super) struct RowView<'a> {
    pub cell: u32,
    record: &'a StringRecord,
    at: &'a [Option<usize>],
}

impl<'a> RowView<'a> {
    /// The text in a column of the study; empty if there is none.
    pub(super) fn get(&self, place: usize) -> &'a str {
        self.at[place].and_then(|at| self.record.get(at)).unwrap_or_default()
    }
}

impl<'c> Sorted<'c> {
    /// Opens tables, each of which is sorted.
    ///
    /// # Errors
    /// When one cannot be read, or is no table of this study.
    pub(super) fn open(columns: &'c Columns, paths: &[PathBuf]) -> Result<Self, RecordError> {
        let tables = paths.iter().map(|path| Table::open(columns, path));
        let tables = tables.collect::<Result<Vec<_>, _>>()?;
        let mut sorted = Self { columns, tables, next: BinaryHeap::new(), last: None };
        for table in 0..paths.len() {
            sorted.read_on(table, None)?;
        }
        Ok(sorted)
    }

    /// Which columns of the study any of the tables has.
    fn used(&self) -> Vec<bool> {
        let has = |place: usize| self.tables.iter().any(|table| table.at[place].is_some());
        let all = 0..self.columns.all.len();
        all.map(|place| self.columns.is_always(place) || has(place)).collect()
    }

    /// The next row. Of a run that is in several tables, it is the first.
    ///
    /// # Errors
    /// When a table cannot be read, or is not sorted.
    pub(super) fn advance(&mut self) -> Result<Option<RowView<'_>>, RecordError> {
        loop {
            let before = self.last.take();
            if let Some((key, table)) = before {
                self.read_on(table, Some(key))?;
            }
            let Some(Reverse((key, table))) = self.next.pop() else { return Ok(None) };
            self.last = Some((key, table));
            if before.is_none_or(|(before, _)| before != key) {
                let Table { head, at, .. } = &self.tables[table];
                return Ok(Some(RowView { cell: key.0, record: head, at }));
            }
        }
    }

    fn read_on(&mut self, number: usize, before: Option<(u32, u32)>) -> Result<(), RecordError> {
        let replication = self.columns.replication();
        let table = &mut self.tables[number];
        let foreign = |why: String| RecordError::Foreign { path: table.path.clone(), why };
        if !table.reader.read_record(&mut table.head).map_err(|it| foreign(it.to_string()))? {
            return Ok(());
        }
        let number_at = |place: usize| table.head.get(table.at[place]?)?.parse::<u32>().ok();
        let key = number_at(0).zip(number_at(replication));
        let key = key.ok_or_else(|| foreign("a row has no cell and replication".to_owned()))?;
        if before.is_some_and(|before| before >= key) {
            return Err(foreign("its rows are not sorted".to_owned()));
        }
        self.next.push(Reverse((key, number)));
        Ok(())
    }
}

impl Table {
    fn open(columns: &Columns, path: &Path) -> Result<Self, RecordError> {
        let foreign = |why: String| RecordError::Foreign { path: path.to_owned(), why };
        let file = File::open(path).map_err(RecordError::io("open", path))?;
        let mut reader = csv::Reader::from_reader(file);
        let mut at = vec![None; columns.all.len()];
        let head = reader.headers().map_err(|error| foreign(error.to_string()))?;
        for (place, name) in head.iter().enumerate() {
            let known = columns.find(name);
            at[known.ok_or_else(|| foreign(format!("it has a column `{name}`")))?] = Some(place);
        }
        Ok(Self { path: path.to_owned(), reader, at, head: StringRecord::new() })
    }
}

/// Joins sorted tables into one, in place of what has its name. `draft` is where things are made.
///
/// # Errors
/// When one cannot be read or written, or is no table of this study.
pub(super) fn join(
    columns: &Columns,
    paths: &[PathBuf],
    draft: &Path,
    stem: &Path,
) -> Result<(Tally, Checksums), RecordError> {
    if paths.len() > OPEN_MAX {
        let mut parts = Vec::new();
        for (number, some) in paths.chunks(OPEN_MAX).enumerate() {
            let part = draft.with_extension(format!("{number}"));
            join(columns, some, &draft.with_extension(format!("{number}-new")), &part)?;
            parts.push(part);
        }
        let named = |end: &str| parts.iter().map(|part| with_end(part, end)).collect::<Vec<_>>();
        let joined = join(columns, &named("csv"), draft, stem)?;
        for path in [named("csv"), named("parquet")].concat() {
            fs::remove_file(&path).map_err(RecordError::io("remove", &path))?;
        }
        return Ok(joined);
    }
    let mut sorted = Sorted::open(columns, paths)?;
    let used = sorted.used();
    let places: Vec<_> = (0..used.len()).filter(|place| used[*place]).collect();
    let kept: Vec<_> = places.iter().map(|place| columns.all[*place].column.clone()).collect();
    let mut table = TableWriter::create(draft, stem, &kept)?;
    let mut tally = Tally::default();
    while let Some(row) = sorted.advance()? {
        tally.runs += 1;
        let (status, missed) = (row.get(columns.status()), row.get(columns.status() + 2));
        tally.unfinished += u64::from(status == RowStatus::Unfinished.word());
        tally.failed += u64::from(status == RowStatus::Failed.word());
        tally.missed += u64::from(!matches!(missed, "" | "0"));
        table.row(places.iter().map(|place| row.get(*place)))?;
    }
    Ok((tally, table.finish()?))
}

/// A path with `.csv` or `.parquet` behind it.
pub(super) fn with_end(stem: &Path, end: &str) -> PathBuf {
    let mut path = stem.as_os_str().to_owned();
    path.push(".");
    path.push(end);
    path.into()
}
