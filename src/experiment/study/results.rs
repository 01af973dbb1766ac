//! The merged table, read back as typed columns.

use std::path::Path;

use super::StudyError;
use super::folder::{parse, read};
use super::merge::{COLUMNS, Merged, RESULTS};
use super::row::RowStatus;
use crate::record::RecordError;
use crate::record::checksums::damaged;

/// The table of a study, column by column: one row for each run, in the order of cells and
/// replications.
#[derive(Clone, Debug, PartialEq)]
pub struct Results {
    /// How the runs ended, and what is missing.
    pub merged: Merged,
    /// The cell of each row.
    pub cells: Vec<u32>,
    /// The replication of each row.
    pub replications: Vec<u32>,
    /// The seed of each row.
    pub seeds: Vec<u64>,
    /// Whether the run of each row came to the end that its scenario wants; the others are no part
    /// of any mean.
    pub done: Vec<bool>,
    /// Axes, metrics and what else there is, in the order of the file.
    pub columns: Vec<ResultColumn>,
}

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultColumn {
    /// Its name: the path of an axis, or that of a metric.
    pub name: String,
    /// Its unit; empty if it has none.
    pub unit: String,
    /// What it is.
    pub role: Role,
    /// Its values.
    pub values: Values,
}

/// What a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A value of the cell.
    Axis,
    /// A metric of the run.
    Metric,
    /// How the run ended.
    Status,
}

/// The values of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Numbers; `None` where a row has none.
    Numbers(Vec<Option<f64>>),
    /// Texts; empty where a row has none.
    Texts(Vec<String>),
}

impl Results {
    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.cells.len()
    }

    /// The column of this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&ResultColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The values of a metric, or of an axis of numbers; `None` if there is no such column.
    #[must_use]
    pub fn numbers(&self, name: &str) -> Option<&[Option<f64>]> {
        match &self.column(name)?.values {
            Values::Numbers(all) => Some(all),
            Values::Texts(_) => None,
        }
    }

    /// The values of a column of texts; `None` if there is no such column.
    #[must_use]
    pub fn texts(&self, name: &str) -> Option<&[String]> {
        match &self.column(name)?.values {
            Values::Texts(all) => Some(all),
            Values::Numbers(_) => None,
        }
    }
}

/// Reads the merged table of a study.
///
/// # Errors
/// When it is not merged yet, or is not what was merged.
pub fn results(folder: &Path) -> Result<Results, StudyError> {
    columns_of(folder, &|_| true)
}

/// The same with those columns only that are wanted by their names: each costs 16 bytes a run.
pub(super) fn columns_of(
    folder: &Path,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Results, StudyError> {
    let merged = merged(folder)?;
    let table = folder.join(RESULTS).with_extension("csv");
    let foreign = |why: String| RecordError::Foreign { path: table.clone(), why };
    let mut reader = csv::Reader::from_path(&table).map_err(|error| foreign(error.to_string()))?;
    let about = read(folder, COLUMNS)?;
    let about = csv::Reader::from_reader(about.as_bytes()).into_deserialize();
    let about: Vec<About> =
        about.collect::<Result<_, _>>().map_err(|error| foreign(error.to_string()))?;
    let mut results = Results {
        merged,
        cells: Vec::new(),
        replications: Vec::new(),
        seeds: Vec::new(),
        done: Vec::new(),
        columns: Vec::new(),
    };
    let keep = |about: &About| {
        let column = column(about).filter(|column| wanted(&column.name))?;
        results.columns.push(column);
        Some(results.columns.len() - 1)
    };
    let kept: Vec<_> = about.iter().map(keep).collect();
    for row in reader.records() {
        let row = row.map_err(|error| foreign(error.to_string()))?;
        let took = results.take(&about, &kept, &row);
        took.ok_or_else(|| foreign(format!("row {} has a foreign value", results.rows())))?;
    }
    Ok(results)
}

/// What was merged of a study.
///
/// # Errors
/// When it is not merged yet, or its tables are not what was merged.
pub fn merged(folder: &Path) -> Result<Merged, StudyError> {
    let name = format!("{RESULTS}.json");
    if !folder.join(&name).exists() {
        let hint = format!("`rackstorm study merge {}` makes it", folder.display());
        return Err(StudyError::refused(folder, "it has no merged table", hint));
    }
    let merged: Merged = parse(&folder.join(&name), &read(folder, &name)?)?;
    if let Some((name, damage)) = damaged(folder, &merged.files)?.first() {
        let hint = format!("`rackstorm study merge {}` makes it again", folder.display());
        return Err(StudyError::refused(&folder.join(name), format!("it {damage}"), hint));
    }
    Ok(merged)
}

/// A row of `columns.csv`: name, unit, role and meaning of a column.
type About = (String, String, String, String);

/// An empty column; `None` for the keys of a row, which have fields of their own.
fn column(about: &About) -> Option<ResultColumn> {
    let (name, unit, role, _) = about;
    let role = match role.as_str() {
        "axis" => Role::Axis,
        "metric" => Role::Metric,
        "status" => Role::Status,
        _ => return None,
    };
    let values =
        if unit.is_empty() { Values::Texts(Vec::new()) } else { Values::Numbers(Vec::new()) };
    Some(ResultColumn { name: name.clone(), unit: unit.clone(), role, values })
}

impl Results {
    fn take(
        &mut self,
        about: &[About],
        kept: &[Option<usize>],
        row: &csv::StringRecord,
    ) -> Option<()> {
        for (((name, _, role, _), kept), text) in about.iter().zip(kept).zip(row) {
            match (role.as_str(), name.as_str()) {
                ("key", "cell") => self.cells.push(text.parse().ok()?),
                ("key", "replication") => self.replications.push(text.parse().ok()?),
                ("key", _) => self.seeds.push(text.parse().ok()?),
                ("status", "status") => self.done.push(text == RowStatus::Done.word()),
                _ => {}
            }
            let Some(kept) = kept else { continue };
            match &mut self.columns[*kept].values {
                Values::Numbers(all) if text.is_empty() => all.push(None),
                Values::Numbers(all) => all.push(Some(text.parse().ok()?)),
                Values::Texts(all) => all.push(text.to_owned()),
            }
        }
        Some(())
    }
}
