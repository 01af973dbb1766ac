//! `rackstorm theory`: prints what closed forms predict for scenarios, playing nothing.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use crate::cli::files::{self, Override};
use crate::cli::{Exit, streams};
use crate::forecast::{self, Forecast};
use crate::ids::JobId;
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
form applies says why. W is the computing between two checkpoints, T = W + C the period, M the
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
    let forecasts = runs.iter().map(|run| (run, of_jobs(run)));
    if arguments.csv {
        return csv(forecasts);
    }
    let mut out = streams::data();
    for (number, (loaded, forecasts)) in forecasts.enumerate() {
        if arguments.json {
            writeln!(out, "{}", json(loaded, &forecasts))?;
            continue;
        }
        if number > 0 {
            writeln!(out)?;
        }
        write!(out, "{}  seed {}", loaded.scenario.name, loaded.scenario.seed)?;
        for (axis, value) in loaded.point.iter().filter(|(axis, _)| axis != "seed") {
            write!(out, "  {axis} = {value}")?;
        }
        writeln!(out)?;
        for (name, forecast) in &forecasts {
            if forecasts.len() > 1 {
                writeln!(out, "job `{name}`")?;
            }
            write!(out, "{}", text(forecast))?;
        }
    }
    out.flush()?;
    Ok(Exit::Done)
}

/// What theory says of a job, or why it says nothing.
type OfJob = (String, Result<Forecast, Vec<String>>);

/// The forecast of each job, or that there is none.
fn of_jobs(run: &Loaded) -> Vec<OfJob> {
    let plan = Plan::make(&run.scenario);
    let names = plan.jobs.iter().map(|job| job.name.clone());
    let none = plan.jobs.is_empty().then(String::new);
    let of = |(job, name)| (name, forecast::of(&plan, JobId(job)));
    (0..).zip(names.chain(none)).map(of).collect()
}

/// The forecast of a run as one object; `no_closed_form` has the reasons where none applies. Of
/// several jobs `jobs` has an object for each.
fn json(loaded: &Loaded, forecasts: &[OfJob]) -> Value {
    let mut object = Map::new();
    object.insert("scenario".into(), json!(loaded.scenario.name));
    object.insert("seed".into(), json!(loaded.scenario.seed));
    if !loaded.point.is_empty() {
        object.insert("point".into(), loaded.point.iter().cloned().collect());
    }
    let of_job = |forecast: &Result<Forecast, Vec<String>>| match forecast {
        Ok(forecast) => streams::object(forecast),
        Err(reasons) => Map::from_iter([("no_closed_form".to_owned(), json!(reasons))]),
    };
    if let [(_, forecast)] = forecasts {
        object.extend(of_job(forecast));
    } else {
        let named = forecasts.iter().map(|(name, forecast)| {
            let mut own = Map::from_iter([("job".to_owned(), json!(name))]);
            own.extend(of_job(forecast));
            own
        });
        object.insert("jobs".into(), named.collect());
    }
    Value::Object(object)
}

/// All rows of all runs in one table.
fn csv<'a>(forecasts: impl Iterator<Item = (&'a Loaded, Vec<OfJob>)>) -> anyhow::Result<Exit> {
    let mut table = csv::Writer::from_writer(streams::data());
    table.write_record(["scenario", "seed", "point", "job"].into_iter().chain(COLUMNS))?;
    for (loaded, forecasts) in forecasts {
        let point: Vec<_> =
            loaded.point.iter().map(|(axis, value)| format!("{axis}={value}")).collect();
        let (name, seed) = (loaded.scenario.name.clone(), loaded.scenario.seed.to_string());
        let head = [name, seed, point.join(" ")];
        for (job, forecast) in &forecasts {
            for row in forecast.iter().flat_map(rows) {
                table.write_record(head.iter().chain([job]).chain(&row))?;
            }
        }
    }
    table.flush()?;
    Ok(Exit::Done)
}
