//! The comparison as text for a terminal, what matters first, and as one object for programs.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::{Input, phrases};
use crate::analysis::cells::Table;
use crate::analysis::compare::{Comparison, Row, Verdict};
use crate::analysis::run::Run;
use crate::report::columns::columns;
use crate::report::words;

/// Characters that a key's value may take before it is cut.
const VALUE: usize = 40;

/// The whole text. Rows that are the same or within tolerance are left out unless `all` is set.
#[must_use]
pub fn text(input: &Input, all: bool) -> String {
    let sides = [input.a, input.b].map(phrases::side);
    found(sides, input.comparison, input.strict, all)
}

/// The same of two studies.
#[must_use]
pub fn study_text(sides: [&Table; 2], of: &Comparison, strict: bool, all: bool) -> String {
    found(sides.map(phrases::study), of, strict, all)
}

fn found(sides: [Vec<String>; 2], comparison: &Comparison, strict: bool, all: bool) -> String {
    let mut out = String::new();
    for (letter, side) in ["A", "B"].into_iter().zip(sides) {
        let _ = writeln!(out, "{letter}  {}", side.join("  "));
    }
    if !comparison.remarks.is_empty() {
        out.push('\n');
    }
    for remark in comparison.remarks.iter().chain(&comparison.pairing) {
        let _ = writeln!(out, "{remark}");
    }
    out += &keys(comparison);
    let left_out = |row: &&Row| !all && row.verdict <= Verdict::Within;
    out += &metrics(comparison, &|row| !left_out(&row));
    out += &distributions(comparison, &|row| !left_out(&row));
    out.push('\n');
    for line in &comparison.not_recorded {
        let _ = writeln!(out, "Not compared. {line}");
    }
    for tally in phrases::tallies(comparison) {
        let _ = writeln!(out, "{tally}");
    }
    let hidden = comparison.verdicts().any(|verdict| verdict <= Verdict::Within);
    let hint = if hidden && !all { " (--all shows every row.)" } else { "" };
    let _ = writeln!(out, "{}{hint}", phrases::conclusion(comparison, strict));
    out
}

/// The keys of the scenarios that differ.
fn keys(comparison: &Comparison) -> String {
    let row = |key: &crate::analysis::compare::KeyDifference| {
        let [a, b] = [&key.a, &key.b].map(|values| cut(&phrases::key_values(values)));
        vec![key.key.clone(), a, b]
    };
    let rows: Vec<_> = comparison.keys.iter().map(row).collect();
    columns(&["Scenario key", "A", "B"], "lll", &rows)
}

fn metrics(comparison: &Comparison, wanted: &dyn Fn(&Row) -> bool) -> String {
    let rows = in_order(comparison.metrics.iter(), |row| row.verdict);
    let line = |row: &Row| {
        vec![
            phrases::name(row),
            phrases::value(row, row.a.as_ref()),
            phrases::value(row, row.b.as_ref()),
            phrases::difference(row),
            phrases::relative(row.difference, true),
            row.verdict.words().to_owned(),
        ]
    };
    let rows: Vec<_> = rows.into_iter().filter(|row| wanted(row)).map(line).collect();
    columns(&["Metric", "A", "B", "B − A", "of A", "verdict"], "lrrrrl", &rows)
}

fn distributions(comparison: &Comparison, wanted: &dyn Fn(&Row) -> bool) -> String {
    let rows = in_order(comparison.distributions.iter(), |it| it.row.verdict);
    let rows = rows.into_iter().filter(|it| wanted(&it.row)).map(|it| {
        let row = &it.row;
        let ks = it.kolmogorov_smirnov;
        let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), words::digits);
        vec![
            row.name.clone(),
            phrases::median(row, row.a.as_ref()),
            phrases::median(row, row.b.as_ref()),
            phrases::apart(row),
            phrases::relative(row.difference, false),
            number(ks.map(|ks| ks.distance)),
            ks.map_or_else(|| "–".to_owned(), |ks| phrases::chance(ks.p)),
            row.verdict.words().to_owned(),
        ]
    });
    let heads =
        ["Distribution", "A median (n)", "B median (n)", "apart", "of A", "KS", "p", "verdict"];
    columns(&heads, "lrrrrrrl", &rows.collect::<Vec<_>>())
}

/// The rows, those of the worst verdict first, and else as they were.
pub(super) fn in_order<T>(
    rows: impl Iterator<Item = T>,
    verdict: impl Fn(&T) -> Verdict,
) -> Vec<T> {
    let mut rows: Vec<_> = rows.collect();
    let place = |row: &T| Verdict::ALL.iter().position(|it| *it == verdict(row));
    rows.sort_by_key(place);
    rows
}

fn cut(text: &str) -> String {
    if text.chars().count() <= VALUE {
        return text.to_owned();
    }
    let kept: String = text.chars().take(VALUE - 1).collect();
    format!("{kept}…")
}

/// The whole comparison as one object.
#[must_use]
pub fn json(input: &Input, page: Option<&Path>) -> Value {
    let side = |runs: &[Run]| -> Vec<Value> {
        let run = |run: &Run| {
            json!({
                "results": run.folder.to_string_lossy(),
                "scenario": run.manifest.scenario,
                "seed": run.manifest.seed,
                "stage": run.manifest.stage,
                "fingerprint": run.manifest.fingerprint,
                "nodes": run.nodes(),
            })
        };
        runs.iter().map(run).collect()
    };
    let agrees = input.comparison.agrees(input.strict);
    let mut object = json!({ "agrees": agrees, "a": side(input.a), "b": side(input.b) });
    let all = object.as_object_mut().expect("it was made as an object");
    all.extend(words::object(input.comparison));
    if let Some(page) = page {
        all.insert("page".to_owned(), json!(page));
    }
    object
}

/// The comparison of two studies as one object.
#[must_use]
pub fn study_json(sides: [&Table; 2], of: &Comparison, strict: bool) -> Value {
    let side = |table: &Table| {
        json!({
            "study": table.folder.to_string_lossy(),
            "name": table.name,
            "cells": table.cells.len(),
            "runs": table.cells.iter().map(|cell| cell.seeds.len()).sum::<usize>(),
        })
    };
    let mut object =
        json!({ "agrees": of.agrees(strict), "a": side(sides[0]), "b": side(sides[1]) });
    object.as_object_mut().expect("it was made as an object").extend(words::object(of));
    object
}
