//! The calibration as text for a terminal: parameters first, then the runs, then how well it holds.

use std::fmt::Write as _;

use crate::analysis::calibration::{
    Calibration, Compared, Counted, Group, Parameter, RunFit, Verdict,
};
use crate::report::columns::columns;
use crate::report::words;

/// The word for a verdict.
pub(super) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Determined => "determined",
        Verdict::NothingDependsOnIt => "nothing depends on it",
        Verdict::OnlyCombined => "only combined",
    }
}

/// The whole text; `all` has a line for each observation of each run.
#[must_use]
pub fn text(calibration: &Calibration, all: bool) -> String {
    let rows: Vec<_> = calibration.parameters.iter().map(parameter).collect();
    let head = ["Parameter", "start", "fitted", "99 % interval", ""];
    let mut out = columns(&head, "lrrrl", &rows);
    for it in calibration.parameters.iter().filter(|it| it.factor) {
        let _ = write!(out, "\n{} differs between the runs: a factor of each run's own", it.key);
        if let Some(value) = &it.toml {
            let _ = write!(out, "; for {} {value}", calibration.scenario);
        }
    }
    for it in calibration.parameters.iter().filter(|it| it.at_bound) {
        let _ = write!(out, "\n{} ended at the bound of what it may be; no interval holds", it.key);
    }
    if let Counted::Observations(_) = calibration.counted {
        out += "\nFewer runs than parameters: intervals take the observations of a run as \
                independent.";
    }
    if !calibration.converged {
        out += "\nThe fit stopped before it found its minimum.";
    }
    out.push('\n');
    out += &if all { observations(calibration) } else { runs(calibration) };
    out.push('\n');
    for line in not_compared(calibration) {
        let _ = writeln!(out, "Not compared. {line}");
    }
    let _ = writeln!(out, "Fitted: {}.", group(&calibration.fitted));
    match &calibration.held_out {
        None => out += "No run was held out: nothing says how well it predicts.\n",
        Some(held_out) => {
            let band = words::share(calibration.band);
            let _ = write!(out, "Held out: {}; ", group(held_out));
            let _ = match held_out.outside {
                0 => writeln!(out, "all within {band}."),
                n => writeln!(out, "{n} beyond {band}."),
            };
        }
    }
    out
}

/// A value in the unit of its key; factors have none.
fn value(parameter: &Parameter, value: f64) -> String {
    match parameter.unit.as_str() {
        _ if parameter.factor => format!("× {value:.4}"),
        "1" => format!("{value:.4}"),
        "packets/s" => format!("{}/s", words::quantity(value, "count")),
        unit => words::quantity(value, unit),
    }
}

fn parameter(it: &Parameter) -> Vec<String> {
    let interval = match (it.low, it.high) {
        (Some(low), Some(high)) if !it.at_bound => {
            format!("{} to {}", value(it, low), value(it, high))
        }
        _ => "–".to_owned(),
    };
    let remark = match it.verdict {
        Verdict::Determined => String::new(),
        Verdict::NothingDependsOnIt => "no observation depends on it".to_owned(),
        Verdict::OnlyCombined => {
            format!("only in combination with {} is it determined", it.with.join(", "))
        }
    };
    vec![it.key.clone(), value(it, it.start), value(it, it.fitted), interval, remark]
}

fn runs(calibration: &Calibration) -> String {
    let row = |run: &RunFit| {
        let worst = run.observations.iter().max_by(|a, b| a.off().abs().total_cmp(&b.off().abs()));
        vec![
            run.results.clone(),
            role(run).to_owned(),
            run.observations.len().to_string(),
            worst.map_or(String::new(), |it| percent(it.off_before())),
            worst.map_or(String::new(), |it| percent(it.off())),
            worst.map_or(String::new(), |it| it.name.clone()),
        ]
    };
    let rows: Vec<_> = calibration.runs.iter().map(row).collect();
    columns(&["Run", "", "n", "before", "after", "at its worst observation"], "llrrrl", &rows)
}

fn observations(calibration: &Calibration) -> String {
    let of_run = |run: &RunFit| {
        let row = |it: &Compared| {
            vec![
                run.results.clone(),
                role(run).to_owned(),
                it.name.clone(),
                words::quantity(it.recorded, "s"),
                it.after.map_or("–".to_owned(), |after| words::quantity(after, "s")),
                percent(it.off_before()),
                percent(it.off()),
            ]
        };
        run.observations.iter().map(row).collect::<Vec<_>>()
    };
    let rows: Vec<_> = calibration.runs.iter().flat_map(of_run).collect();
    columns(&["Run", "", "Observation", "recorded", "model", "before", "after"], "lllrrrr", &rows)
}

fn role(run: &RunFit) -> &'static str {
    if run.held_out { "held out" } else { "fitted" }
}

/// A difference with its sign.
fn percent(share: f64) -> String {
    if share.is_finite() { format!("{:+.2} %", 100.0 * share) } else { "–".to_owned() }
}

fn group(group: &Group) -> String {
    let runs = words::count(group.runs, "run", "runs");
    let observations = words::count(group.observations, "observation", "observations");
    let mut told = format!(
        "{runs}, {observations}, off by {:.2} % before and {:.2} % after (root of the mean square)",
        100.0 * group.rms_before,
        100.0 * group.rms
    );
    if let Some((off, results, name)) = &group.worst {
        let _ = write!(told, ", at worst {} in {name} of {results}", percent(*off));
    }
    told
}

/// What only the runs or only the model show: each sentence once, with how many runs it is true of.
fn not_compared(calibration: &Calibration) -> Vec<String> {
    let mut told: Vec<(&str, usize)> = Vec::new();
    for line in calibration.runs.iter().flat_map(|run| &run.not_compared) {
        match told.iter_mut().find(|(known, _)| known == line) {
            Some((_, runs)) => *runs += 1,
            None => told.push((line, 1)),
        }
    }
    told.into_iter()
        .map(|(line, runs)| format!("{line} ({}).", words::count(runs, "run", "runs")))
        .collect()
}
