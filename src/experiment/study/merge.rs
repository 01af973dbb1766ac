//! All parts as one table.

use std::fs;

use serde::{Deserialize, Serialize};

use super::folder::{StudyFolder, json};
use super::shard::part_table;
use super::sorted::{Tally, join};
use super::status::StudyStatus;
use super::{StudyError, ranges};
use crate::record::{Checksums, RecordError};

/// The stem of the merged table's files.
pub(super) const RESULTS: &str = "results";

/// What each column of it is.
pub(super) const COLUMNS: &str = "columns.csv";

/// What was merged; `results.json` holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merged {
    /// How the runs ended.
    #[serde(flatten)]
    pub tally: Tally,
    /// Shards that are missing, as `3,17-19`; empty in a whole table.
    pub missing_shards: String,
    /// What the two tables hold.
    pub files: Checksums,
}

/// Merges all parts into `results.csv` and `results.parquet`: one row for each run, in the order
/// of cells and replications. `columns.csv` says what each column is.
///
/// # Errors
/// When a part is of another plan or damaged, when one is missing and not `partial`, and when
/// something cannot be written.
pub fn merge(folder: &StudyFolder, partial: bool) -> Result<Merged, StudyError> {
    let status = StudyStatus::of(folder)?;
    if let Some(what) = status.damages().next() {
        let hint =
            format!("`rackstorm study run {}` plays that shard again", folder.path.display());
        return Err(StudyError::refused(&folder.path, what, hint));
    }
    let (there, missing) = (status.numbers(true), status.numbers(false));
    if !missing.is_empty() && (!partial || there.is_empty()) {
        return Err(StudyError::Gaps {
            path: folder.path.clone(),
            missing: missing.len(),
            of: status.shards.len(),
            shards: ranges(&missing),
        });
    }
    let work = folder.work();
    fs::create_dir_all(&work).map_err(RecordError::io("create", &work))?;
    let parts: Vec<_> = there.iter().map(|shard| part_table(folder, *shard)).collect();
    let (draft, stem) = (folder.draft(RESULTS), folder.path.join(RESULTS));
    let (tally, files) = join(&folder.columns, &parts, &draft, &stem)?;
    let merged = Merged { tally, missing_shards: ranges(&missing), files };
    folder.put(COLUMNS, &columns_table(folder, &stem.with_extension("csv"))?)?;
    folder.put(&format!("{RESULTS}.json"), &json(&merged))?;
    if missing.is_empty() {
        // Nobody plays a shard any more: what lies there was left by kills.
        fs::remove_dir_all(&work).map_err(RecordError::io("remove", &work))?;
    }
    Ok(merged)
}

/// What each column of a table is.
fn columns_table(folder: &StudyFolder, table: &std::path::Path) -> Result<String, RecordError> {
    let foreign =
        |error: csv::Error| RecordError::Foreign { path: table.to_owned(), why: error.to_string() };
    let mut reader = csv::Reader::from_path(table).map_err(foreign)?;
    let mut about = csv::Writer::from_writer(Vec::new());
    about.write_record(["column", "unit", "role", "meaning"]).expect("memory takes all");
    for name in reader.headers().map_err(foreign)? {
        let it = &folder.columns.all[folder.columns.find(name).expect("it was written by us")];
        let row = [&it.column.name, it.unit.as_str(), it.role, it.meaning.as_str()];
        about.write_record(row).expect("memory takes all");
    }
    let text = about.into_inner().expect("memory takes all");
    Ok(String::from_utf8(text).expect("it is made of text"))
}
