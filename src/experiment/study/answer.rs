//! What a study found, from its merged table.

use std::path::Path;

use super::folder::{STUDY, read};
use super::results::{columns_of, results};
use super::{Results, Role, RowStatus, StudyError, StudyFolder, Values};
use crate::analysis::cells::{Cell, Table};
use crate::analysis::stats::mean;
use crate::analysis::study::{Answer, Axis, Expected, OfMetric, Tally, parted};
use crate::forecast;
use crate::ids::JobId;
use crate::metrics;
use crate::plan::Plan;
use crate::scenario::{Study, difference};

/// The metrics that are looked at where neither the study nor its user names any: of these, the
/// first that its runs have.
const USUAL: [&str; 4] = ["waste", "makespan", "boot_t100", "run_time"];
/// So many of them.
const LOOKED_AT: usize = 2;
/// With more cells closed forms are not asked: each costs the plan of a machine.
const FORECASTS: usize = 2_000;

/// What a study found of these metrics; of none given, of those that `[study]` names, or of the
/// usual ones. O(rows log rows), and a plan for each cell.
///
/// # Errors
/// When a metric is unknown, and when the study is not merged yet.
pub fn answer(folder: &StudyFolder, wanted: &[String]) -> Result<Answer, StudyError> {
    let study = folder.study();
    let cells = study.len();
    let wanted = if wanted.is_empty() { &study.spec().metrics } else { wanted };
    let is_asked = |name: &str| match wanted {
        [] => USUAL.contains(&name),
        wanted => wanted.iter().any(|wanted| wanted == name),
    };
    let needed = |name: &str| is_asked(name) || ["status", "waste_boot"].contains(&name);
    let results = &columns_of(folder.path(), &needed)?;
    let names = if wanted.is_empty() { usual(results) } else { wanted.to_vec() };
    let metrics = names.iter().map(|name| {
        let known = metrics::ALL.iter().find(|definition| definition.name == *name);
        let known = known.ok_or_else(|| no_metric(folder.path(), name))?;
        let values = of_cells(results, cells, results.numbers(name).unwrap_or_default());
        let about = (name.clone(), known.unit.to_owned(), metrics::more_is_better(name));
        Ok(OfMetric::of(about, values, study.reference()))
    });
    let metrics = metrics.collect::<Result<Vec<_>, StudyError>>()?;
    let (axes, followers) = parted(axes(study, 0..cells));
    Ok(Answer {
        axes,
        followers,
        cells: tallies(results, cells),
        metrics,
        reference: study.reference(),
        theory: theory(study, results),
        sampled: study.spec().latin_hypercube.is_some(),
    })
}

/// The runs of a merged study that were done, cell by cell, to be compared with another study.
///
/// # Errors
/// When it is not merged yet.
pub fn table(folder: &StudyFolder) -> Result<Table, StudyError> {
    let (study, results) = (folder.study(), results(folder.path())?);
    let text = read(folder.path(), STUDY)?;
    let keys = difference::keys(&text).map_err(|why| {
        StudyError::refused(&folder.study_file(), why, "plan the study again in another folder")
    })?;
    let axes = axes(study, 0..study.len());
    let value = |axis: &Axis, cell: usize| match axis.numbers[cell] {
        Some(number) => format!("{number:?}"),
        None => axis.texts[cell].clone(),
    };
    let named = |axis: &Axis, cell: usize| format!("{} {}", axis.name(), axis.texts[cell]);
    let cell = |cell: usize| Cell {
        point: axes.iter().map(|axis| (axis.key.clone(), value(axis, cell))).collect(),
        label: axes.iter().map(|axis| named(axis, cell)).collect::<Vec<_>>().join(", "),
        ..Cell::default()
    };
    let mut cells: Vec<_> = (0..study.len()).map(cell).collect();
    for (row, cell) in results.cells.iter().enumerate() {
        let cell = &mut cells[*cell as usize];
        if !results.done[row] {
            cell.lost += 1;
            continue;
        }
        let seed = results.seeds[row];
        cell.seeds.push(seed);
        for column in results.columns.iter().filter(|it| it.role == Role::Metric) {
            if let Values::Numbers(all) = &column.values
                && let Some(value) = all[row]
            {
                cell.metrics.entry(column.name.clone()).or_default().push((seed, value));
            }
        }
    }
    let folder = folder.path().to_owned();
    Ok(Table { folder, name: study.name().to_owned(), keys, cells })
}

/// That there is no metric of this name.
pub(in crate::experiment) fn no_metric(path: &Path, name: &str) -> StudyError {
    let hint = metrics::suggest(name).map_or_else(
        || "docs/metrics.md has all names".to_owned(),
        |close| format!("did you mean `{close}`?"),
    );
    StudyError::refused(path, format!("`{name}` is no metric"), hint)
}

/// Of the usual metrics the first that any run has.
fn usual(results: &Results) -> Vec<String> {
    let has =
        |name: &&str| results.numbers(name).is_some_and(|all| all.iter().any(Option::is_some));
    USUAL.iter().filter(|name| has(name)).take(LOOKED_AT).map(|name| (*name).to_owned()).collect()
}

/// The axes of a study, with the values of these cells.
pub(in crate::experiment) fn axes(study: &Study, cells: impl Iterator<Item = usize>) -> Vec<Axis> {
    let mut axes: Vec<_> = study
        .axes()
        .iter()
        .map(|axis| Axis {
            key: axis.path().to_owned(),
            unit: axis.unit_of_numbers().unwrap_or_default().to_owned(),
            ..Axis::default()
        })
        .collect();
    for cell in cells {
        for (axis, value) in axes.iter_mut().zip(study.values(cell)) {
            axis.numbers.push(value.number);
            axis.texts.push(value.text);
        }
    }
    axes
}

/// How the runs of each cell ended.
fn tallies(results: &Results, cells: usize) -> Vec<Tally> {
    let mut tallies = vec![Tally::default(); cells];
    let Some(Values::Texts(status)) = results.column("status").map(|column| &column.values) else {
        return tallies;
    };
    for (cell, status) in results.cells.iter().zip(status) {
        let tally = &mut tallies[*cell as usize];
        match RowStatus::of(status) {
            Some(RowStatus::Done) => tally.done += 1,
            Some(RowStatus::Unfinished) => tally.unfinished += 1,
            Some(RowStatus::Failed) | None => tally.failed += 1,
        }
    }
    tallies
}

/// The values of the runs that were done, by cell.
fn of_cells(results: &Results, cells: usize, column: &[Option<f64>]) -> Vec<Vec<(u32, f64)>> {
    let mut values = vec![Vec::new(); cells];
    for (row, value) in column.iter().enumerate() {
        if let (Some(value), true) = (value, results.done[row]) {
            values[results.cells[row] as usize].push((results.replications[row], *value));
        }
    }
    for of_cell in &mut values {
        of_cell.sort_by_key(|(replication, _)| *replication);
    }
    values
}

/// What closed forms say of each cell with one job.
fn theory(study: &Study, results: &Results) -> Vec<Option<Expected>> {
    if study.len() > FORECASTS {
        return Vec::new();
    }
    let boots = of_cells(results, study.len(), results.numbers("waste_boot").unwrap_or_default());
    let of = |(cell, boots): (usize, &Vec<(u32, f64)>)| {
        let boots: Vec<_> = boots.iter().map(|(_, boot)| *boot).collect();
        expected(&Plan::make(&study.scenario(cell).ok()?), mean(&boots))
    };
    boots.iter().enumerate().map(of).collect()
}

/// What closed forms say of a plan with one job, whose runs lost this share of time to their first
/// boot: no formula counts it.
pub(in crate::experiment) fn expected(plan: &Plan, boot: Option<f64>) -> Option<Expected> {
    if plan.jobs.len() != 1 {
        return None;
    }
    let forecast = forecast::of(plan, JobId(0)).ok()?;
    let own = forecast.own.iter().find(|row| row.outside.is_empty())?;
    let best = forecast.best.iter().map(|row| (row.formula, row.work)).collect();
    let runs = 1.0 - boot.unwrap_or(0.0);
    Some(Expected { efficiency: own.efficiency.map(|share| share * runs), best })
}
