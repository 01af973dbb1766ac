//! The merged tables of two studies held against each other, cell by cell and seed by seed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::compare::{Comparison, metric_row, pairing};
use super::tolerance::Tolerance;
use super::{metrics, unlike};

/// The runs of a study that were done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Its folder.
    pub folder: PathBuf,
    /// Its name.
    pub name: String,
    /// The value of each key of its file, as TOML.
    pub keys: BTreeMap<String, String>,
    /// Its cells.
    pub cells: Vec<Cell>,
}

/// A cell of a study.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// The value of each axis: a number in SI units, or a text.
    pub point: BTreeMap<String, String>,
    /// The cell for people, such as `interval 2 h`.
    pub label: String,
    /// The values of each metric with the seeds of their runs.
    pub metrics: BTreeMap<String, Vec<(u64, f64)>>,
    /// The seeds of the runs that were done.
    pub seeds: Vec<u64>,
    /// Runs that failed or came to no end in time: they are in nothing here.
    pub lost: usize,
}

impl Comparison {
    /// Holds two studies against each other. Cells belong together that have the same values on the
    /// axes that both studies have; an axis of one study alone must have one value there.
    #[must_use]
    pub fn of_studies(a: &Table, b: &Table, tolerance: &Tolerance) -> Self {
        let axes = |table: &Table| -> BTreeSet<String> {
            table.cells.iter().flat_map(|cell| cell.point.keys().cloned()).collect()
        };
        let both: BTreeSet<_> = axes(a).intersection(&axes(b)).cloned().collect();
        let mut remarks = Vec::new();
        if a.name != b.name {
            remarks.push(format!("The studies are different: {} in A, {} in B.", a.name, b.name));
        }
        let [in_a, in_b] = [("A", a), ("B", b)].map(|(side, table)| {
            remarks.extend(lost(side, table));
            by_point(side, table, &both, &mut remarks)
        });
        let alone = |one: &ByPoint<'_>, other: &ByPoint<'_>| {
            one.keys().filter(|point| !other.contains_key(*point)).count()
        };
        for (side, number) in [("A", alone(&in_a, &in_b)), ("B", alone(&in_b, &in_a))] {
            if number > 0 {
                let cells = if number == 1 { "cell" } else { "cells" };
                remarks.push(format!("{number} {cells} of {side} alone: not compared."));
            }
        }
        let matched: Vec<_> =
            in_a.iter().filter_map(|(point, a)| Some((*a, *in_b.get(point)?))).collect();
        let rows = matched.iter().flat_map(|(a, b)| rows(a, b, tolerance)).collect();
        if matched.is_empty() {
            remarks.push("No cell of A has its like in B.".to_owned());
        }
        Self {
            remarks,
            pairing: matched.first().and_then(|(a, b)| pairing(&a.seeds, &b.seeds)),
            keys: unlike::keys_of(&[&a.keys], &[&b.keys]),
            metrics: rows,
            distributions: Vec::new(),
            not_recorded: Vec::new(),
        }
    }
}

/// Cells by their values on the axes of both studies.
type ByPoint<'t> = BTreeMap<Vec<&'t str>, &'t Cell>;

fn by_point<'t>(
    side: &str,
    table: &'t Table,
    both: &BTreeSet<String>,
    remarks: &mut Vec<String>,
) -> ByPoint<'t> {
    let mut found = ByPoint::new();
    let mut several = false;
    for cell in &table.cells {
        let point = both.iter().map(|axis| cell.point[axis].as_str()).collect();
        several |= found.insert(point, cell).is_some();
    }
    if several {
        let own = table.cells[0].point.keys().filter(|axis| !both.contains(*axis));
        let own: Vec<_> = own.map(String::as_str).collect();
        remarks.push(format!(
            "Several cells of {side} differ only in {}, which the other side has not: none of them \
             is compared.",
            if own.is_empty() { "their number".to_owned() } else { own.join(", ") }
        ));
        found.clear();
    }
    found
}

fn lost(side: &str, table: &Table) -> Option<String> {
    let lost: usize = table.cells.iter().map(|cell| cell.lost).sum();
    let runs = if lost == 1 { "run" } else { "runs" };
    (lost > 0)
        .then(|| format!("{lost} {runs} of {side} came to no end in time or failed: left out."))
}

/// The metrics of a cell, in the order of the registry.
fn rows(a: &Cell, b: &Cell, tolerance: &Tolerance) -> Vec<super::compare::Row> {
    let none = Vec::new();
    let row = |definition: &metrics::Definition| {
        let [of_a, of_b] = [a, b].map(|cell| cell.metrics.get(definition.name).unwrap_or(&none));
        if of_a.is_empty() && of_b.is_empty() {
            return None;
        }
        let row = metric_row((definition.name, definition.unit), of_a, of_b, tolerance);
        Some(super::compare::Row { cell: Some(a.label.clone()), ..row })
    };
    metrics::ALL.iter().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::compare::Verdict;

    fn table(name: &str, cells: &[(&str, &[(u64, f64)])]) -> Table {
        let cell = |(interval, waste): &(&str, &[(u64, f64)])| Cell {
            point: BTreeMap::from([("interval".to_owned(), (*interval).to_owned())]),
            label: format!("interval {interval}"),
            metrics: BTreeMap::from([("makespan".to_owned(), waste.to_vec())]),
            seeds: waste.iter().map(|it| it.0).collect(),
            lost: 0,
        };
        let cells = cells.iter().map(cell).collect();
        Table { name: name.to_owned(), cells, ..Table::default() }
    }

    /// By hand: of the cell 7200 the differences are 10, 11 and 12, so 11 with half a width of
    /// t(0.995; 2) / sqrt(3) = 5.730; of 3600 nothing differs.
    #[test]
    fn cells_belong_together_by_their_values_and_their_runs_by_seed() {
        let a = table(
            "a",
            &[
                ("3600", &[(1, 50.0), (2, 90.0)]),
                ("7200", &[(1, 100.0), (2, 200.0), (3, 300.0)]),
                ("9000", &[(1, 1.0)]),
            ],
        );
        let b = table(
            "a",
            &[("7200", &[(3, 312.0), (1, 110.0), (2, 211.0)]), ("3600", &[(1, 50.0), (2, 90.0)])],
        );
        let found = Comparison::of_studies(&a, &b, &Tolerance::default());
        assert_eq!(found.remarks, ["1 cell of A alone: not compared."]);
        let said = "Differences are by pairs: 2 seeds have a run in A and in B.";
        assert_eq!(found.pairing.as_deref(), Some(said));
        let of: Vec<_> =
            found.metrics.iter().map(|row| (row.cell.as_deref(), row.verdict)).collect();
        let hour = (Some("interval 3600"), Verdict::Same);
        assert_eq!(of, [hour, (Some("interval 7200"), Verdict::Unclear)]);
        let difference = found.metrics[1].difference.expect("both have it");
        assert_eq!((difference.absolute, difference.pairs), (11.0, Some(3)));
        assert!((difference.half_width.expect("three") - 5.730).abs() < 1e-3);
    }

    #[test]
    fn an_axis_of_one_study_alone_has_one_value_or_nothing_is_compared() {
        let a = table("a", &[("3600", &[(1, 50.0), (2, 90.0)])]);
        let mut b = a.clone();
        b.cells[0].point.insert("nodes".to_owned(), "20".to_owned());
        let found = Comparison::of_studies(&a, &b, &Tolerance::default());
        assert_eq!((found.remarks.len(), found.metrics.len()), (0, 1));
        let mut other = b.cells[0].clone();
        other.point.insert("nodes".to_owned(), "40".to_owned());
        b.cells.push(other);
        let found = Comparison::of_studies(&a, &b, &Tolerance::default());
        assert!(found.metrics.is_empty());
        assert!(found.remarks[0].contains("differ only in nodes"), "{:?}", found.remarks);
        let elsewhere = table("b", &[("7200", &[(1, 50.0), (2, 90.0)])]);
        let found = Comparison::of_studies(&a, &elsewhere, &Tolerance::default());
        assert!(found.remarks.contains(&"No cell of A has its like in B.".to_owned()));
    }

    #[test]
    fn sides_that_have_nothing_in_common_do_not_agree() {
        let a = table("a", &[("3600", &[(1, 50.0), (2, 90.0)])]);
        let elsewhere = table("a", &[("7200", &[(1, 50.0), (2, 90.0)])]);
        let unplayed = table("a", &[("3600", &[])]);
        for b in [elsewhere, unplayed] {
            let found = Comparison::of_studies(&a, &b, &Tolerance::default());
            assert_eq!([found.has_compared(), found.agrees(false), found.agrees(true)], [false; 3]);
        }
        assert!(Comparison::of_studies(&a, &a, &Tolerance::default()).agrees(true));
    }
}
