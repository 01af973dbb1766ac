//! A calibration as a table for the terminal, CSV files, and a scenario to inherit from.

mod text;

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use crate::fitting::calibration::{Calibration, Parameter, Verdict};

pub use text::{json, text};

/// The scenario with the fitted parameters.
pub const SCENARIO: &str = "calibrated.toml";

/// The parameters.
pub const PARAMETERS: &str = "parameters.csv";

/// Every observation of every run.
pub const RESIDUALS: &str = "residuals.csv";

/// The parameters that the runs say something of and that the base scenario has: what is worth
/// writing down, as (key, value as TOML, source).
pub fn figures(calibration: &Calibration) -> impl Iterator<Item = (&str, &str, String)> {
    let known = |it: &&Parameter| it.verdict != Verdict::NothingDependsOnIt;
    calibration.parameters.iter().filter(known).filter_map(|parameter| {
        Some((&*parameter.key, parameter.toml.as_deref()?, source(calibration, parameter)))
    })
}

/// Where a fitted figure comes from.
fn source(calibration: &Calibration, parameter: &Parameter) -> String {
    let fitted: Vec<_> = calibration.runs.iter().filter(|run| !run.held_out).collect();
    let first = fitted.first().map_or("", |run| run.results.as_str());
    let others = match fitted.len() {
        0 | 1 => String::new(),
        n => format!(" and {} more runs", n - 1),
    };
    let certainty = match parameter.verdict {
        Verdict::OnlyCombined => format!("; only together with {}", parameter.with.join(", ")),
        _ if parameter.at_bound => "; at the bound of the key".to_owned(),
        _ => match (parameter.low, parameter.high) {
            (Some(low), Some(high)) => {
                let (low, high) = (low / parameter.fitted - 1.0, high / parameter.fitted - 1.0);
                format!("; 99 % interval {:+.2} to {:+.2} %", 100.0 * low, 100.0 * high)
            }
            _ => "; too few runs for an interval".to_owned(),
        },
    };
    format!("calibrated from {first}{others}{certainty}")
}

/// Writes tables and scenario into a folder, and gives their names. `scenario` is the resolved
/// text of the base with the fitted figures.
///
/// # Errors
/// When they cannot be written.
pub fn write(
    calibration: &Calibration,
    scenario: &str,
    command: &str,
    folder: &Path,
) -> io::Result<[&'static str; 3]> {
    fs::create_dir_all(folder)?;
    let mut head = format!(
        "# {} with parameters fitted to recorded runs, by\n#   {command}\n# Take it over with \
         `inherit = \"{SCENARIO}\"`. What was fitted:\n",
        calibration.scenario
    );
    for (key, value, source) in figures(calibration) {
        let _ = writeln!(head, "#   {key} = {value}: {source}");
    }
    fs::write(folder.join(SCENARIO), head + scenario)?;
    parameters(calibration, &folder.join(PARAMETERS))?;
    residuals(calibration, &folder.join(RESIDUALS))?;
    Ok([SCENARIO, PARAMETERS, RESIDUALS])
}

fn parameters(calibration: &Calibration, path: &Path) -> io::Result<()> {
    let mut table = csv::Writer::from_path(path)?;
    table.write_record([
        "key", "unit", "factor", "start", "fitted", "low", "high", "verdict", "with", "at_bound",
        "value",
    ])?;
    let optional = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
    for it in &calibration.parameters {
        table.write_record([
            it.key.clone(),
            it.unit.clone(),
            it.factor.to_string(),
            it.start.to_string(),
            it.fitted.to_string(),
            optional(it.low),
            optional(it.high),
            text::word(it.verdict).to_owned(),
            it.with.join(" "),
            it.at_bound.to_string(),
            it.toml.clone().unwrap_or_default(),
        ])?;
    }
    table.flush()
}

fn residuals(calibration: &Calibration, path: &Path) -> io::Result<()> {
    let mut table = csv::Writer::from_path(path)?;
    table.write_record([
        "results",
        "scenario",
        "seed",
        "stage",
        "held_out",
        "observation",
        "recorded_s",
        "before_s",
        "after_s",
    ])?;
    for run in &calibration.runs {
        for it in &run.observations {
            table.write_record([
                run.results.clone(),
                run.scenario.clone(),
                run.seed.to_string(),
                run.stage.clone(),
                run.held_out.to_string(),
                it.name.clone(),
                it.recorded.to_string(),
                it.before.to_string(),
                it.after.map_or(String::new(), |after| after.to_string()),
            ])?;
        }
    }
    table.flush()
}
