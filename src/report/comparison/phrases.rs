//! What tables and figures of a comparison say: names of sides, values, differences, verdicts.

use crate::analysis::cells::Table;
use crate::analysis::compare::{Comparison, Difference, Row, Value, Verdict};
use crate::analysis::run::Run;
use crate::report::words;
use crate::untrusted::on_one_line;

/// Seeds that are listed one by one.
const SEEDS: usize = 6;

/// A side: scenario, seeds, stage, nodes; in parts, to be joined as the medium likes.
pub(super) fn side(runs: &[Run]) -> Vec<String> {
    let first = &runs[0];
    let mut seeds: Vec<_> =
        runs.iter().take(SEEDS).map(|run| run.manifest.seed.to_string()).collect();
    if runs.len() > SEEDS {
        seeds.push("…".to_owned());
    }
    let seed = if runs.len() == 1 { "seed" } else { "seeds" };
    let mut parts = vec![first.manifest.scenario.clone()];
    if runs.len() > 1 {
        parts.push(words::count(runs.len(), "run", "runs"));
    }
    parts.push(format!("{seed} {}", seeds.join(", ")));
    parts.push(first.manifest.stage.clone());
    parts.push(words::count(first.nodes(), "node", "nodes"));
    parts
}

/// A study as a side, likewise in parts.
pub(super) fn study(table: &Table) -> Vec<String> {
    let runs: usize = table.cells.iter().map(|cell| cell.seeds.len()).sum();
    vec![
        table.name.clone(),
        words::count(table.cells.len(), "cell", "cells"),
        words::count(runs, "run", "runs"),
        table.folder.display().to_string(),
    ]
}

/// The name of a metric, with its cell in a study.
pub(super) fn name(row: &Row) -> String {
    match &row.cell {
        Some(cell) => format!("{}, {cell}", row.name),
        None => row.name.clone(),
    }
}

/// A side in a few words, for a legend; if the sides differ in one key only, besides the seed, that
/// key with its value.
pub(super) fn short_side(comparison: &Comparison, letter: &str, runs: &[Run]) -> String {
    let manifest = &runs[0].manifest;
    let runs = match runs.len() {
        1 => format!("seed {}", manifest.seed),
        many => words::count(many, "run", "runs"),
    };
    let text = format!("{} · {} · {runs}", manifest.scenario, manifest.stage);
    let differing: Vec<_> = comparison.keys.iter().filter(|key| key.key != "seed").collect();
    let [only] = differing.as_slice() else { return text };
    let values = if letter == "A" { &only.a } else { &only.b };
    let name = only.key.rsplit('.').next().unwrap_or(&only.key);
    format!("{text} · {name} {}", key_values(values).replace('"', ""))
}

/// A value with its interval, if it has one.
pub(super) fn value(row: &Row, value: Option<&Value>) -> String {
    let Some(value) = value else { return "–".to_owned() };
    let mean = words::quantity(value.mean, &row.unit);
    match value.half_width.filter(|width| *width > 0.0) {
        Some(width) => format!("{mean} ± {}", words::quantity(width, &row.unit)),
        None => mean,
    }
}

/// A p-value; how small a very small one is says nothing.
pub(super) fn chance(p: f64) -> String {
    if p < 1e-4 { "< 0.0001".to_owned() } else { words::digits(p) }
}

/// The median of a distribution and how many values it has.
pub(super) fn median(row: &Row, value: Option<&Value>) -> String {
    value.map_or_else(
        || "–".to_owned(),
        |value| {
            let median = words::quantity(value.median, &row.unit);
            format!("{median} ({})", words::grouped(value.count as f64))
        },
    )
}

/// B minus A with its sign and interval; shares differ by percentage points.
pub(super) fn difference(row: &Row) -> String {
    let Some(difference) = row.difference else { return "–".to_owned() };
    let amount = |value: f64| match row.unit.as_str() {
        "1" => format!("{} pp", words::digits(value * 100.0)),
        unit => words::quantity(value, unit),
    };
    let text = format!("{}{}", sign(difference.absolute), amount(difference.absolute.abs()));
    match difference.half_width.filter(|width| *width > 0.0) {
        Some(width) => format!("{text} ± {}", amount(width)),
        None => text,
    }
}

/// How far apart two distributions are: a length without a sign.
pub(super) fn apart(row: &Row) -> String {
    row.difference.map_or_else(
        || "–".to_owned(),
        |difference| words::quantity(difference.absolute, &row.unit),
    )
}

/// The difference as a share of A's value.
pub(super) fn relative(difference: Option<Difference>, signed: bool) -> String {
    let Some(share) = difference.and_then(|difference| difference.relative) else {
        return "–".to_owned();
    };
    let sign = if signed { sign(share) } else { "" };
    match share.abs() {
        // Beyond this a factor says more than a percentage.
        times if times >= 100.0 => format!("{sign}{} ×", words::digits(times)),
        small if small > 0.0 && small < 1e-5 => "< 0.001 %".to_owned(),
        // Three digits are enough here, near 100 % as well.
        share => format!("{sign}{} %", words::digits(share * 100.0)),
    }
}

/// The largest difference that is tolerated.
pub(super) fn tolerated(row: &Row) -> String {
    match row.difference.map(|difference| difference.tolerance) {
        None => "–".to_owned(),
        Some(None) => "any".to_owned(),
        Some(Some(most)) if row.unit == "1" => format!("{} pp", words::digits(most * 100.0)),
        Some(Some(most)) => words::quantity(most, &row.unit),
    }
}

fn sign(value: f64) -> &'static str {
    match value {
        value if value > 0.0 => "+",
        value if value < 0.0 => "−",
        _ => "",
    }
}

/// How many rows met which verdict: `84 metrics: 2 out of tolerance, 82 the same`.
pub(super) fn tally(verdicts: &[Verdict], one: &str, many: &str) -> String {
    let parts = Verdict::ALL.into_iter().filter_map(|verdict| {
        let number = verdicts.iter().filter(|it| **it == verdict).count();
        let word = if verdict == Verdict::Same { "the same" } else { verdict.words() };
        (number > 0).then(|| format!("{number} {word}"))
    });
    let parts: Vec<_> = parts.collect();
    let all = words::count(verdicts.len(), one, many);
    if parts.is_empty() { format!("{all}.") } else { format!("{all}: {}.", parts.join(", ")) }
}

/// The tallies of metrics and distributions.
pub(super) fn tallies(comparison: &Comparison) -> [String; 2] {
    let metrics: Vec<_> = comparison.metrics.iter().map(|row| row.verdict).collect();
    let distributions: Vec<_> = comparison.distributions.iter().map(|it| it.row.verdict).collect();
    [tally(&metrics, "metric", "metrics"), tally(&distributions, "distribution", "distributions")]
}

/// The verdict on the whole.
pub(super) fn conclusion(comparison: &Comparison, strict: bool) -> &'static str {
    if !comparison.has_compared() {
        return "Nothing was compared: A and B have nothing in common.";
    }
    let all_same = comparison.verdicts().all(|verdict| verdict == Verdict::Same);
    match (comparison.agrees(strict), comparison.agrees(false)) {
        (true, _) if all_same => "A and B are the same.",
        (true, _) => "B is within tolerance of A.",
        (false, true) => "B is not within tolerance of A for certain (--strict).",
        (false, false) => "B is out of tolerance.",
    }
}

/// The values of a key on a side, each on one line: one may be a table of a million rows.
pub(super) fn key_values(values: &[Option<String>]) -> String {
    const MOST: usize = 4;
    const LETTERS: usize = 200;
    let word = |value: &Option<String>| {
        let Some(value) = value else { return "not set".to_owned() };
        let end = value.char_indices().nth(LETTERS).map_or(value.len(), |(at, _)| at);
        let more = if end < value.len() { "…" } else { "" };
        format!("{}{more}", on_one_line(&value[..end]))
    };
    let mut words: Vec<_> = values.iter().take(MOST).map(word).collect();
    if values.len() > MOST {
        words.push("…".to_owned());
    }
    words.join(", ")
}
