//! The calibration as text for a terminal: parameters first, then the runs, then how well it holds.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::fitting::calibration::{
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
    let notes = notes(calibration);
    if !notes.is_empty() {
        let _ = writeln!(out, "\n{}", notes.join("\n"));
    }
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

/// What is to be known before the parameters are believed; sentences.
fn notes(calibration: &Calibration) -> Vec<String> {
    let mut notes = Vec::new();
    for it in calibration.parameters.iter().filter(|it| it.factor) {
        let value = it.toml.as_ref().map(|value| format!("; for {} {value}", calibration.scenario));
        let value = value.unwrap_or_default();
        notes.push(format!("{} differs between the runs: a factor of each's own{value}", it.key));
    }
    for it in calibration.parameters.iter().filter(|it| it.at_bound) {
        notes.push(format!("{} ended at the bound of what it may be; no interval holds", it.key));
    }
    let rivals = calibration.parameters.iter().filter_map(|it| Some((it, it.rival?)));
    let rivals: Vec<_> = rivals.map(|(it, at)| format!("{} {}", it.key, value(it, at))).collect();
    if !rivals.is_empty() {
        notes.push(format!(
            "As good a fit: {}. These runs do not say which; runs in which it matters would.",
            rivals.join(", ")
        ));
    }
    if let Counted::Observations(_) = calibration.counted {
        notes.push(
            "With no more runs than parameters, intervals take all observations as independent."
                .to_owned(),
        );
    }
    if !calibration.converged {
        notes.push("The fit stopped before it found its minimum.".to_owned());
    }
    notes
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
            let [low, high] = [low, high].map(|end| percent(end / it.fitted - 1.0));
            format!("{low} to {high}")
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
    let text = format!("{:+.2} %", 100.0 * share).replace('-', "−");
    if share.is_finite() { text } else { "–".to_owned() }
}

fn group(group: &Group) -> String {
    let runs = words::count(group.runs, "run", "runs");
    let observations = words::count(group.observations, "observation", "observations");
    let mut reported = format!(
        "{runs}, {observations}, off by {:.2} % before and {:.2} % after (root of the mean square)",
        100.0 * group.rms_before,
        100.0 * group.rms
    );
    if let Some((off, results, name)) = &group.worst {
        let _ = write!(reported, ", at worst {} in {name} of {results}", percent(*off));
    }
    reported
}

/// What only the runs or only the model show: each sentence once, with how many runs it is true of.
fn not_compared(calibration: &Calibration) -> Vec<String> {
    let mut reported: Vec<(&str, usize)> = Vec::new();
    for line in calibration.runs.iter().flat_map(|run| &run.not_compared) {
        match reported.iter_mut().find(|(known, _)| known == line) {
            Some((_, runs)) => *runs += 1,
            None => reported.push((line, 1)),
        }
    }
    reported
        .into_iter()
        .map(|(line, runs)| format!("{line} ({}).", words::count(runs, "run", "runs")))
        .collect()
}

/// All that was found, as one object.
#[must_use]
pub fn json(found: &Calibration, written: Option<&[PathBuf]>) -> Value {
    let mut object = words::object(found);
    if let Some(files) = written {
        let files: Vec<_> = files.iter().map(|file| file.to_string_lossy()).collect();
        object.insert("files".to_owned(), json!(files));
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(key: &str, unit: &str, fitted: f64, verdict: Verdict) -> Parameter {
        Parameter {
            key: key.to_owned(),
            unit: unit.to_owned(),
            factor: false,
            start: 10.0,
            fitted,
            low: None,
            high: None,
            verdict,
            with: Vec::new(),
            rival: None,
            at_bound: false,
            value: Some(fitted),
            toml: Some(format!("\"{fitted} s\"")),
        }
    }

    fn run(results: &str, held_out: bool, after: f64) -> RunFit {
        RunFit {
            results: results.to_owned(),
            scenario: "rack".into(),
            seed: 1,
            stage: "loopback".into(),
            held_out,
            observations: vec![Compared {
                name: "boot_t100".into(),
                recorded: 100.0,
                before: 80.0,
                after: Some(after),
            }],
            not_compared: vec!["makespan was not recorded".into()],
        }
    }

    /// All that can be said of parameters and runs, once each.
    fn calibration() -> Calibration {
        let mut rom = parameter("hardware.boot.rom", "s", 12.5, Verdict::Determined);
        (rom.low, rom.high) = (Some(12.0), Some(13.0));
        let mut share = parameter("network.tcp_share", "1", 0.98, Verdict::OnlyCombined);
        (share.factor, share.start, share.with) = (true, 1.0, vec!["hardware.link".into()]);
        share.toml = Some("0.9222".into());
        let pace = Verdict::NothingDependsOnIt;
        let mut pace = parameter("hardware.boot.tftp_pace", "s", 10.0, pace);
        (pace.rival, share.rival) = (Some(0.002), Some(1.0));
        let group = |outside, worst: f64, results: &str| Group {
            runs: 1,
            observations: 1,
            rms_before: 0.2,
            rms: worst.abs(),
            worst: Some((worst, results.into(), "boot_t100".into())),
            outside,
        };
        Calibration {
            scenario: "rack".into(),
            level: 0.99,
            counted: Counted::Observations(1),
            converged: true,
            parameters: vec![rom, share, pace],
            fitted: group(0, 0.01, "a"),
            held_out: Some(group(1, -0.15, "b")),
            band: 0.1,
            agrees: false,
            runs: vec![run("a", false, 101.0), run("b", true, 85.0)],
        }
    }

    #[test]
    fn a_calibration_is_reported_as_a_whole() {
        let text = text(&calibration(), false);
        let wanted = [
            "Parameter                   start    fitted   99 % interval",
            "hardware.boot.rom            10 s    12.5 s  −4.00 % to +4.00 %",
            "network.tcp_share        × 1.0000  × 0.9800              –  \
             only in combination with hardware.link is it determined",
            "hardware.boot.tftp_pace      10 s      10 s              –  \
             no observation depends on it",
            "",
            "network.tcp_share differs between the runs: a factor of each's own; for rack 0.9222",
            "As good a fit: network.tcp_share × 1.0000, hardware.boot.tftp_pace 2 ms. These runs \
             do not say which; runs in which it matters would.",
            "With no more runs than parameters, intervals take all observations as independent.",
            "",
            "Run            n    before     after  at its worst observation",
            "a    fitted    1  −20.00 %   +1.00 %  boot_t100",
            "b    held out  1  −20.00 %  −15.00 %  boot_t100",
            "",
            "Not compared. makespan was not recorded (2 runs).",
            "Fitted: 1 run, 1 observation, off by 20.00 % before and 1.00 % after (root of the \
             mean square), at worst +1.00 % in boot_t100 of a.",
            "Held out: 1 run, 1 observation, off by 20.00 % before and 15.00 % after (root of the \
             mean square), at worst −15.00 % in boot_t100 of b; 1 beyond 10 %.",
        ];
        let lines: Vec<_> = text.trim().lines().map(str::trim_end).collect();
        let squeezed = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let reported: Vec<_> = lines.iter().map(|line| squeezed(line)).collect();
        let wanted: Vec<_> = wanted.iter().map(|line| squeezed(line)).collect();
        assert_eq!(reported, wanted, "{text}");
    }

    #[test]
    fn every_observation_is_reported_on_demand() {
        let text = text(&calibration(), true);
        assert!(text.contains("Observation") && text.contains("1 min 25 s"), "{text}");
        assert_eq!(text.matches("boot_t100").count(), 4, "{text}");
    }
}
