//! Vega-Lite: figures that a reader can edit, over the tables of the folder.
//!
//! Each is a JSON document for Vega-Lite 5 whose data are the CSV beneath it, so that it shows what
//! the table shows and nothing is copied.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Recorded;
use crate::analysis::results::{BOOTS, JOBS, SERIES, TASKS};

/// A figure and the name of its file.
pub type Figure = (String, Value);

/// The figures that the tables of a run can show; their data lie in the folder above them.
#[must_use]
pub fn figures(run: &Recorded) -> Vec<Figure> {
    let findings = &run.findings;
    let names: BTreeSet<(&str, &str)> = findings
        .series
        .iter()
        .map(|it| (it.name.split('/').next().unwrap_or_default(), it.unit.as_str()))
        .collect();
    let series = names.into_iter().map(|(name, unit)| {
        (format!("{name}.vl.json"), figure(run, SERIES.0, &over_time(name, unit)))
    });
    let mut figures: Vec<Figure> = series.collect();
    let mut add = |name: &str, table: &str, view: Value, is_there: bool| {
        if is_there {
            figures.push((format!("{name}.vl.json"), figure(run, table, &view)));
        }
    };
    add("boots", BOOTS.0, spans("stage"), !findings.boots.is_empty());
    add("tasks", TASKS.0, spans("kind"), !findings.tasks.is_empty());
    add("jobs", JOBS.0, shares(), !findings.jobs.is_empty());
    figures
}

/// A view with its data and title.
fn figure(run: &Recorded, table: &str, view: &Value) -> Value {
    let mut figure = json!({
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "title": run.name(),
        "data": { "url": format!("../{table}"), "format": { "type": "csv" } },
        "width": 640,
    });
    let view = view.as_object().expect("a view is an object");
    figure.as_object_mut().expect("it is one").extend(view.clone());
    figure
}

fn time(field: &str) -> Value {
    json!({ "field": field, "type": "quantitative", "title": "time (s)" })
}

/// Series of one name: the mean of each as a line, within its least and greatest values.
fn over_time(name: &str, unit: &str) -> Value {
    let title = format!("{name} ({unit})");
    let y = json!({ "field": "mean", "type": "quantitative", "title": title });
    let color = json!({ "field": "series", "type": "nominal" });
    json!({
        "transform": [{ "filter": format!("split(datum.series, '/')[0] == '{name}'") }],
        "encoding": { "x": time("t_s"), "color": color },
        "layer": [
            {
                "mark": { "type": "area", "opacity": 0.2, "interpolate": "step-after" },
                "encoding": {
                    "y": { "field": "min", "type": "quantitative", "title": title },
                    "y2": { "field": "max" },
                },
            },
            { "mark": { "type": "line", "interpolate": "step-after" }, "encoding": { "y": y } },
        ],
    })
}

/// Spans of nodes, coloured by what they are.
fn spans(color: &str) -> Value {
    let of = if color == "stage" { ["from_s", "to_s"] } else { ["begin_s", "end_s"] };
    json!({
        "mark": "bar",
        "encoding": {
            "x": time(of[0]),
            "x2": { "field": of[1] },
            "y": { "field": "node", "type": "ordinal" },
            "color": { "field": color, "type": "nominal" },
        },
    })
}

/// The time of each job, shared out.
fn shares() -> Value {
    let fields = ["work_s", "lost_s", "checkpoint_s", "restart_s", "verify_s", "wait_s"];
    json!({
        "transform": [{ "fold": fields, "as": ["share", "seconds"] }],
        "mark": "bar",
        "encoding": {
            "x": time("seconds"),
            "y": { "field": "job", "type": "nominal" },
            "color": { "field": "share", "type": "nominal" },
        },
    })
}
