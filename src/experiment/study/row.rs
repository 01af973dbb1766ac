//! A row: what came of one run, as columns of text.

use std::fmt::Write as _;
use std::sync::Arc;

use super::folder::PlanFile;
use crate::metrics::{self, Metric};
use crate::record::columns::{Column, Kind};
use crate::scenario::Study;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowStatus {
    /// It came to the end that its scenario wants.
    Done,
    /// Its time was up before that: its metrics are of the time so far.
    Unfinished,
    /// It could not be played to an end; it has no metrics.
    Failed,
}

impl RowStatus {
    /// As in the table.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Unfinished => "unfinished",
            Self::Failed => "failed",
        }
    }

    /// What a word stands for.
    pub(super) fn of(word: &str) -> Option<Self> {
        [Self::Done, Self::Unfinished, Self::Failed].into_iter().find(|it| it.word() == word)
    }
}

/// What came of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its cell, counted from 0.
    pub cell: u32,
    /// Its replication, counted from 0.
    pub replication: u32,
    /// Its seed.
    pub seed: u64,
    /// How it ended.
    pub status: RowStatus,
    /// Why it failed.
    pub error: Option<String>,
    /// How many demands of `[expect]` it missed; `None` where nothing is demanded.
    pub missed: Option<usize>,
    /// Its metrics: places in the registry, ascending, with values.
    pub metrics: Vec<(usize, f64)>,
    /// The hash over all its events, if it was asked for.
    pub fingerprint: Option<String>,
}

/// The places of metrics in the registry, with their values.
pub(super) fn placed(metrics: &[Metric]) -> Vec<(usize, f64)> {
    let mut names = metrics::ALL.iter().map(|definition| definition.name).enumerate();
    let place = |metric: &Metric| {
        let found = names.find(|(_, name)| *name == metric.name);
        let (place, _) = found.expect("metrics have the order of the registry");
        (place, metric.value)
    };
    metrics.iter().map(place).collect()
}

/// What a column of a study is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct About {
    pub column: Column,
    /// `count`, `s`, ...; empty for what has none.
    pub unit: String,
    /// `key`, `axis`, `status` or `metric`.
    pub role: &'static str,
    pub meaning: String,
}

/// All columns that a row may have, in their order. A table leaves out those that none of its rows
/// has a value for.
#[derive(Debug)]
pub(super) struct Columns {
    pub all: Vec<About>,
    axes: usize,
    study: Arc<Study>,
}

/// Columns before the axes.
const BEFORE: usize = 1;

/// Columns between the axes and the metrics: replication, seed, status, error, missed.
const BETWEEN: usize = 5;

impl Columns {
    pub(super) fn of(study: &Arc<Study>, plan: &PlanFile) -> Self {
        let about = |name: &str, kind, unit: &str, role, meaning: &str| About {
            column: Column { name: name.to_owned(), kind },
            unit: unit.to_owned(),
            role,
            meaning: meaning.to_owned(),
        };
        let mut all = vec![about("cell", Kind::Integer, "", "key", "The cell, counted from 0.")];
        all.extend(study.axes().iter().map(|axis| {
            let kind = if axis.unit().is_some() { Kind::Number } else { Kind::Text };
            let unit = axis.unit().unwrap_or_default();
            about(axis.path(), kind, unit, "axis", "The value of this key in the cell.")
        }));
        all.extend([
            about("replication", Kind::Integer, "", "key", "The replication, counted from 0."),
            about("seed", Kind::Integer, "", "key", "The seed of the run."),
            about("status", Kind::Text, "", "status", "done, unfinished or failed."),
            about("error", Kind::Text, "", "status", "Why the run failed."),
            about(
                "missed",
                Kind::Integer,
                "count",
                "status",
                "Demands of [expect] that it missed.",
            ),
        ]);
        all.extend(
            metrics::ALL.iter().map(|metric| {
                about(metric.name, Kind::Number, metric.unit, "metric", metric.meaning)
            }),
        );
        if plan.fingerprint {
            let meaning = "The hash over all events of the run.";
            all.push(about("fingerprint", Kind::Text, "", "status", meaning));
        }
        Self { all, axes: study.axes().len(), study: Arc::clone(study) }
    }

    /// The place of replications.
    pub(super) fn replication(&self) -> usize {
        BEFORE + self.axes
    }

    /// The place of the status.
    pub(super) fn status(&self) -> usize {
        self.replication() + 2
    }

    /// The place of the metric with this place in the registry.
    pub(super) fn metric(&self, place: usize) -> usize {
        BEFORE + self.axes + BETWEEN + place
    }

    /// Whether a table has this column even if no row has a value for it.
    pub(super) fn is_always(&self, place: usize) -> bool {
        place <= self.status()
    }

    /// The place of a column by its name.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.all.iter().position(|about| about.column.name == name)
    }

    /// Whether any of the rows has a value, for each column.
    pub(super) fn used(&self, rows: &[Row]) -> Vec<bool> {
        let mut used: Vec<_> = (0..self.all.len()).map(|place| self.is_always(place)).collect();
        for row in rows {
            for (place, _) in &row.metrics {
                used[self.metric(*place)] = true;
            }
            used[self.status() + 1] |= row.error.is_some();
            used[self.status() + 2] |= row.missed.is_some();
        }
        if let Some(place) = self.find("fingerprint") {
            used[place] |= rows.iter().any(|row| row.fingerprint.is_some());
        }
        used
    }

    /// The texts of a row, one for each column that is used.
    pub(super) fn texts(&self, row: &Row, used: &[bool]) -> Vec<String> {
        let mut texts = Vec::with_capacity(self.all.len());
        texts.push(row.cell.to_string());
        let axes = self.study.axes().iter().zip(self.study.values(row.cell as usize));
        texts.extend(axes.map(|(axis, value)| match (axis.unit(), value.number) {
            (Some(_), Some(number)) => format!("{number:?}"),
            _ => value.text,
        }));
        texts.push(row.replication.to_string());
        texts.push(row.seed.to_string());
        texts.push(row.status.word().to_owned());
        texts.push(row.error.clone().unwrap_or_default());
        texts.push(row.missed.map(|missed| missed.to_string()).unwrap_or_default());
        texts.resize(self.all.len(), String::new());
        for (place, value) in &row.metrics {
            let _ = write!(texts[self.metric(*place)], "{value:?}");
        }
        if let (Some(place), Some(print)) = (self.find("fingerprint"), &row.fingerprint) {
            texts[place].clone_from(print);
        }
        let mut used = used.iter();
        texts.retain(|_| *used.next().expect("one for each column"));
        texts
    }
}
