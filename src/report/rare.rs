//! The chance of a rare event: a text for the terminal, JSON, and a table of the runs.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::words::span;
use crate::analysis::rare::{CONFIDENCE, Estimate};
use crate::forecast::RareChance;

/// Seconds of a year, which has 365 days.
const YEAR: f64 = 365.0 * 86_400.0;

/// Names of the files.
const FILES: [&str; 2] = ["rare.json", "rare_runs.csv"];

/// What is reported.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The scenario's name.
    pub scenario: &'a str,
    /// The seed of the first run.
    pub seed: u64,
    /// Half the width of the interval, as a share of the chance, that was wanted.
    pub precision: f64,
    /// What was found.
    pub found: &'a Estimate,
    /// What theory says, or why it says nothing.
    pub theory: &'a Result<RareChance, Vec<String>>,
}

/// What was found, for a terminal.
#[must_use]
pub fn text(input: &Input<'_>) -> String {
    let Input { found, .. } = *input;
    let (chance, relative) = (found.chance, found.relative());
    let mut text =
        format!("{}  seed {}  {}\n\n", input.scenario, input.seed, found.bias.event.word());
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<22}{value}");
    };
    line(
        "chance per run",
        format!(
            "{:.3e} ± {:.1e} ({} interval, ± {:.1} %)",
            chance.mean,
            chance.half_width,
            super::words::share(CONFIDENCE),
            relative * 100.0
        ),
    );
    line("mean number per run", format!("{:.3e} ± {:.1e}", found.mean.mean, found.mean.half_width));
    let years = 1.0 / (found.rate() * YEAR);
    let each = format!("{:.3e} (one in {years:.3e} y)", found.rate() * YEAR);
    line("rate per year", each);
    line("time of a run", span(found.pilot.run_time));
    match input.theory {
        Ok(RareChance { formula, chance: exact }) => {
            let meets = if chance.holds(*exact) { "inside" } else { "outside" };
            line("closed form", format!("{exact:.3e} (theory::{formula}), {meets} the interval"));
        }
        Err(reasons) => line("closed form", format!("none: {}", reasons.join("; "))),
    }
    line(
        "runs",
        format!(
            "{}, of which {} met it, worth {:.0} of equal weight; {} for pilots before",
            found.runs.len(),
            found.hits(),
            found.effective(),
            found.pilot.runs
        ),
    );
    line("as good as", format!("{:.1e} runs by nature", found.plain_runs()));
    line("made more frequent", frequent(found));
    if relative > input.precision {
        let wanted = input.precision * 100.0;
        let _ = writeln!(text, "\nThe interval is wider than the {wanted} % that were wanted.");
    }
    text
}

/// What was made more frequent, and how many times.
fn frequent(found: &Estimate) -> String {
    let levels = found.bias.speeds.iter().enumerate().filter(|(_, speed)| **speed > 1.0);
    let mut all: Vec<_> =
        levels.map(|(level, speed)| format!("level {level} x {speed:.4}")).collect();
    if found.bias.misses > 1.0 {
        all.push(format!("missed checks x {:.4}", found.bias.misses));
    }
    if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
}

/// Everything as one object.
#[must_use]
pub fn json(input: &Input<'_>) -> Value {
    let Input { found, .. } = *input;
    let interval = |it: crate::analysis::stats::Interval| json!([it.mean, it.half_width]);
    let (formula, exact, reasons) = match input.theory {
        Ok(theory) => (Some(theory.formula), Some(theory.chance), None),
        Err(reasons) => (None, None, Some(reasons)),
    };
    json!({
        "scenario": input.scenario,
        "seed": input.seed,
        "event": found.bias.event.word(),
        "metric": found.bias.event.metric(),
        "confidence": CONFIDENCE,
        "chance": found.chance.mean,
        "half_width": found.chance.half_width,
        "relative_half_width": found.relative(),
        "precision": input.precision,
        "is_reached": found.relative() <= input.precision,
        "mean_number": interval(found.mean),
        "rate_per_year": found.rate() * YEAR,
        "run_time_s": found.pilot.run_time,
        "runs": found.runs.len(),
        "hits": found.hits(),
        "effective_hits": found.effective(),
        "plain_runs": found.plain_runs(),
        "pilot_runs": found.pilot.runs,
        "speeds": found.bias.speeds,
        "misses": found.bias.misses,
        "closed_form": formula,
        "closed_form_chance": exact,
        "no_closed_form": reasons,
    })
}

/// Writes both files into a folder and gives their names.
///
/// # Errors
/// When one cannot be written.
pub fn write(input: &Input<'_>, out: &Path) -> io::Result<[&'static str; 2]> {
    fs::create_dir_all(out)?;
    fs::write(out.join(FILES[0]), format!("{:#}\n", json(input)))?;
    let mut table = csv::Writer::from_path(out.join(FILES[1]))?;
    table.write_record(["seed", "likelihood_ratio", input.found.bias.event.metric()])?;
    for run in &input.found.runs {
        table.write_record([run.seed.to_string(), run.ratio.to_string(), run.count.to_string()])?;
    }
    table.flush()?;
    Ok(FILES)
}
