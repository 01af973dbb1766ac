//! `rackstorm theory`: prints what closed forms predict for scenarios, playing nothing.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use crate::cli::files::{self, Override};
use crate::cli::{Exit, streams};
use crate::forecast::{self, Forecast};
use crate::plan::Plan;
use crate::report::forecast::{COLUMNS, rows, text};
use crate::scenario::Loaded;

/// What stands under the help of `theory`.
const EXAMPLES: &str = "\
Examples:
  rackstorm theory scenarios/smoke/single_node_exponential.toml
  rackstorm theory month.toml --set checkpoint.coordinated.interval=\"1 h\"
  rackstorm theory scenarios/smoke/*.toml --csv > theory.csv
  rackstorm theory month.toml --json | jq '.own[] | {formula, efficiency}'

Mean time between failures, costs, and what the scenario's own interval and the best interval of
each formula come to; a formula outside of its range says so, and a scenario to which no closed
form applies tells why. W is the computing between two checkpoints, T = W + C the period, M the
mean time between failures; docs/theory.md has the formulas. JSON and CSV are in seconds.";

/// Print what closed forms predict for scenarios, playing nothing
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Scenario files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    overrides: Override,
    /// Print one JSON object per run in place of the tables
    #[arg(long)]
    json: bool,
    /// Print one CSV table of all formulas of all runs; runs to which none applies have no rows
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// Prints the forecast of each run of the files.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let Some(runs) = files::load_all(&arguments.files, &arguments.overrides.with([])) else {
        return Ok(Exit::Usage);
    };
    let forecasts = runs.iter().map(|run| (run, forecast::of(&Plan::make(&run.scenario))));
    if arguments.csv {
        return csv(forecasts);
    }
    let mut out = streams::data();
    for (number, (loaded, forecast)) in forecasts.enumerate() {
        if arguments.json {
            writeln!(out, "{}", json(loaded, &forecast))?;
            continue;
        }
        if number > 0 {
            writeln!(out)?;
        }
        write!(out, "{}  seed {}", loaded.scenario.name, loaded.scenario.seed)?;
        for (axis, value) in loaded.point.iter().filter(|(axis, _)| axis != "seed") {
            write!(out, "  {axis} = {value}")?;
        }
        write!(out, "\n{}", text(&forecast))?;
    }
    out.flush()?;
    Ok(Exit::Done)
}

/// The forecast of a run as one object; `no_closed_form` has the reasons where none applies.
fn json(loaded: &Loaded, forecast: &Result<Forecast, Vec<String>>) -> Value {
    let mut object = Map::new();
    object.insert("scenario".into(), json!(loaded.scenario.name));
    object.insert("seed".into(), json!(loaded.scenario.seed));
    if !loaded.point.is_empty() {
        object.insert("point".into(), loaded.point.iter().cloned().collect());
    }
    match forecast {
        Ok(forecast) => {
            object.extend(streams::object(forecast));
        }
        Err(reasons) => {
            object.insert("no_closed_form".into(), json!(reasons));
        }
    }
    Value::Object(object)
}

/// All rows of all runs in one table.
fn csv<'a>(
    forecasts: impl Iterator<Item = (&'a Loaded, Result<Forecast, Vec<String>>)>,
) -> anyhow::Result<Exit> {
    let mut table = csv::Writer::from_writer(streams::data());
    table.write_record(["scenario", "seed", "point"].into_iter().chain(COLUMNS))?;
    for (loaded, forecast) in forecasts {
        let point: Vec<_> =
            loaded.point.iter().map(|(axis, value)| format!("{axis}={value}")).collect();
        let head =
            [loaded.scenario.name.clone(), loaded.scenario.seed.to_string(), point.join(" ")];
        for row in forecast.iter().flat_map(rows) {
            table.write_record(head.iter().chain(&row))?;
        }
    }
    table.flush()?;
    Ok(Exit::Done)
}
