//! What theory says of a plan, as text for a terminal and as rows for other programs.

use std::fmt::Write as _;

use crate::forecast::{Forecast, Prediction, Setting};
use crate::report::columns::columns;
use crate::report::words;
use crate::units::Span;

/// The heads of [`rows`].
pub const COLUMNS: [&str; 9] = [
    "table",
    "formula",
    "work_s",
    "period_s",
    "period_of_mtbf",
    "makespan_s",
    "deviation_s",
    "efficiency",
    "outside",
];

/// A row for each formula: those of the scenario's own interval, then those that call one best.
/// What a formula does not give is empty.
#[must_use]
pub fn rows(forecast: &Forecast) -> Vec<[String; COLUMNS.len()]> {
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    let row = |table: &str, row: &Prediction| {
        [
            table.to_owned(),
            row.formula.to_owned(),
            row.work.to_string(),
            row.period.to_string(),
            number(row.period_of_mtbf),
            number(row.makespan),
            number(row.deviation),
            number(row.efficiency),
            row.outside.clone(),
        ]
    };
    let own = forecast.own.iter().map(|it| row("own", it));
    own.chain(forecast.best.iter().map(|it| row("best", it))).collect()
}

/// The whole text below the name of a scenario.
#[must_use]
pub fn text(forecast: &Result<Forecast, Vec<String>>) -> String {
    let forecast = match forecast {
        Ok(forecast) => forecast,
        Err(reasons) => {
            return format!("  no closed form applies:\n    {}\n", reasons.join("\n    "));
        }
    };
    let mut out = setting(&forecast.setting);
    let own: Vec<_> = forecast.own.iter().map(cells).collect();
    out += &table("Own interval", &own);
    let best: Vec<_> = forecast.best.iter().map(cells).collect();
    out += &table("Best interval", &best);
    for note in &forecast.notes {
        let _ = writeln!(out, "{note}");
    }
    out
}

fn setting(setting: &Setting) -> String {
    let nodes = words::count(setting.nodes as usize, "node", "nodes");
    let mtbf = setting.mtbf.map_or_else(
        || "no mean time between failures M: nothing strikes the job".to_owned(),
        |mtbf| format!("mean time between failures M = {}", span(Some(mtbf))),
    );
    let mut out = format!("  {nodes}, {} of computing\n  {mtbf}\n", span(Some(setting.work)));
    let rows = [
        ("checkpoint C", setting.write),
        ("recovery R", setting.write.map(|_| setting.recovery)),
        ("downtime D", Some(setting.downtime)),
        ("computing between two checkpoints W", setting.interval),
        ("mean time between silent corruptions", setting.silent),
        ("verification V", setting.verification),
    ];
    for (name, value) in rows {
        if value.is_some() {
            let _ = writeln!(out, "  {name} = {}", span(value));
        }
    }
    if setting.write.is_none() {
        out += "  no checkpoints\n";
    }
    out
}

fn table(head: &str, rows: &[Vec<String>]) -> String {
    let heads = [head, "W", "T", "T/M", "makespan", "+-", "efficiency", "range"];
    columns(&heads, "lrrrrrrl", rows)
}

fn cells(row: &Prediction) -> Vec<String> {
    let share = row.period_of_mtbf.map_or_else(nothing, |share| format!("{share:.3}"));
    vec![
        row.formula.to_owned(),
        span(Some(row.work)),
        span(Some(row.period)),
        share,
        span(row.makespan),
        span(row.deviation),
        efficiency(row.efficiency),
        if row.outside.is_empty() { "inside".to_owned() } else { row.outside.clone() },
    ]
}

fn nothing() -> String {
    "–".to_owned()
}

/// A time in units for people, with more digits than [`words::span`]: formulas differ by little.
pub(crate) fn span(seconds: Option<f64>) -> String {
    match seconds {
        Some(seconds) if seconds < 0.0 => format!("−{}", span(Some(-seconds))),
        Some(seconds) if seconds < 1e10 => Span::from_secs_f64(seconds).rounded().to_string(),
        Some(seconds) => words::span(seconds),
        None => nothing(),
    }
}

/// An efficiency with four places.
pub(crate) fn efficiency(share: Option<f64>) -> String {
    share.map_or_else(nothing, |share| format!("{share:.4}"))
}
