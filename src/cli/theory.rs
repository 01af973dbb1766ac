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
use crate::scenario::{Scenario, Study};

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

/// Prints the forecast of each cell of the files.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let overrides = arguments.overrides.with([]);
    let studies: Vec<_> =
        arguments.files.iter().map(|file| files::study(file, &overrides)).collect();
    let Some(studies) = studies.into_iter().collect::<Option<Vec<_>>>() else {
        return Ok(Exit::Usage);
    };
    let cells = studies.iter().flat_map(|study| (0..study.len()).map(move |cell| (study, cell)));
    let forecasts = cells.map(|(study, cell)| Of::cell(study, cell));
    if arguments.csv {
        return csv(forecasts);
    }
    let mut out = streams::data();
    for (number, of) in forecasts.enumerate() {
        let Some(of) = of else { return Ok(Exit::Usage) };
        if arguments.json {
            writeln!(out, "{}", of.json())?;
            continue;
        }
        if number > 0 {
            writeln!(out)?;
        }
        write!(out, "{}  seed {}", of.scenario.name, of.scenario.seed)?;
        for (axis, value) in &of.point {
            write!(out, "  {axis} = {value}")?;
        }
        writeln!(out)?;
        for (name, forecast) in &of.jobs {
            if of.jobs.len() > 1 {
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

/// What theory says of a cell.
struct Of {
    scenario: Scenario,
    /// The value of each axis.
    point: Vec<(String, String)>,
    jobs: Vec<OfJob>,
}

impl Of {
    /// The forecast of each job of a cell, or that there is none.
    fn cell(study: &Study, cell: usize) -> Option<Self> {
        let scenario = files::cell(study, cell)?;
        let plan = Plan::make(&scenario);
        let names = plan.jobs.iter().map(|job| job.name.clone());
        let none = plan.jobs.is_empty().then(String::new);
        let of = |(job, name)| (name, forecast::of(&plan, JobId(job)));
        let jobs = (0..).zip(names.chain(none)).map(of).collect();
        let axes = study.axes().iter().map(|axis| axis.path().to_owned());
        let point = axes.zip(study.values(cell).into_iter().map(|value| value.text)).collect();
        Some(Self { scenario, point, jobs })
    }

    /// One object; `no_closed_form` has the reasons where none applies. Of several jobs `jobs` has
    /// an object for each.
    fn json(&self) -> Value {
        let mut object = Map::new();
        object.insert("scenario".into(), json!(self.scenario.name));
        object.insert("seed".into(), json!(self.scenario.seed));
        if !self.point.is_empty() {
            object.insert("point".into(), self.point.iter().cloned().collect());
        }
        let of_job = |forecast: &Result<Forecast, Vec<String>>| match forecast {
            Ok(forecast) => streams::object(forecast),
            Err(reasons) => Map::from_iter([("no_closed_form".to_owned(), json!(reasons))]),
        };
        if let [(_, forecast)] = self.jobs.as_slice() {
            object.extend(of_job(forecast));
        } else {
            let named = self.jobs.iter().map(|(name, forecast)| {
                let mut own = Map::from_iter([("job".to_owned(), json!(name))]);
                own.extend(of_job(forecast));
                own
            });
            object.insert("jobs".into(), named.collect());
        }
        Value::Object(object)
    }
}

/// All rows of all cells in one table.
fn csv(forecasts: impl Iterator<Item = Option<Of>>) -> anyhow::Result<Exit> {
    let mut table = csv::Writer::from_writer(streams::data());
    table.write_record(["scenario", "seed", "point", "job"].into_iter().chain(COLUMNS))?;
    for of in forecasts {
        let Some(of) = of else { return Ok(Exit::Usage) };
        let point: Vec<_> =
            of.point.iter().map(|(axis, value)| format!("{axis}={value}")).collect();
        let head = [of.scenario.name.clone(), of.scenario.seed.to_string(), point.join(" ")];
        for (job, forecast) in &of.jobs {
            for row in forecast.iter().flat_map(rows) {
                table.write_record(head.iter().chain([job]).chain(&row))?;
            }
        }
    }
    table.flush()?;
    Ok(Exit::Done)
}
