//! `rackstorm study status`, `merge` and `show`: what is there of a study.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value, json};

use crate::cli::watch::Watch;
use crate::cli::{self, Exit, streams};
use crate::experiment::study::{self, Merged, StudyFolder, StudyStatus, ranges, results};
use crate::experiment::summary::{Ended, Style};
use crate::experiment::{Run, word};
use crate::plan::Plan;

/// Say what is done, failed and missing; the exit code is 75 if anything is missing
#[derive(Debug, Args)]
pub(super) struct StatusArguments {
    /// The folder of the study
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// One JSON object on stdout
    #[arg(long)]
    json: bool,
}

/// Make one table of all parts
#[derive(Debug, Args)]
pub(super) struct MergeArguments {
    /// The folder of the study
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Merge what is there, though shards are missing
    #[arg(long)]
    partial: bool,
    /// One JSON object on stdout
    #[arg(long)]
    json: bool,
}

/// Print the command that plays one run of a study into a results folder, or play it
#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// The folder of the study
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The number of the cell, as in the tables
    #[arg(value_name = "CELL")]
    cell: usize,
    /// The seed of the run, as in the tables
    #[arg(long)]
    seed: u64,
    /// Play it
    #[arg(long)]
    play: bool,
    /// Where its results folder goes
    #[arg(long, short, value_name = "FOLDER", default_value = "results", env = "RACKSTORM_OUT")]
    out: PathBuf,
}

/// Says what is there.
pub(super) fn status(arguments: &StatusArguments) -> anyhow::Result<Exit> {
    let folder = StudyFolder::open(&arguments.folder)?;
    let status = StudyStatus::of(&folder)?;
    let (done, missing) = (status.numbers(true), ranges(&status.numbers(false)));
    let tally = status.tally;
    let object = json!({
        "study": folder.path().to_string_lossy(),
        "rounds": folder.rounds(),
        "shards": status.shards.len(),
        "shards_done": done.len(),
        "missing": missing,
        "runs": status.runs,
        "runs_done": tally.done(),
        "runs_unfinished": tally.unfinished,
        "runs_failed": tally.failed,
        "runs_missing": status.runs - tally.runs,
        "runs_kept": status.kept,
        "damaged": status.damages().collect::<Vec<_>>(),
    });
    let text = || {
        let mut text = format!(
            "shards   {} of {} done\nruns     {} of {}: {} done, {} unfinished, {} failed\n",
            done.len(),
            status.shards.len(),
            tally.runs,
            status.runs,
            tally.done(),
            tally.unfinished,
            tally.failed,
        );
        if !missing.is_empty() {
            let _ = writeln!(text, "missing  {missing}");
        }
        if status.kept > 0 {
            let _ = writeln!(text, "kept     {} runs of missing shards", status.kept);
        }
        for what in status.damages() {
            let _ = writeln!(text, "damaged  {what}");
        }
        text
    };
    streams::found(arguments.json.then_some(object), text, [])?;
    Ok(if missing.is_empty() { Exit::Done } else { Exit::Partial })
}

/// Says how many runs lie in parts that are in the merged table not yet. What is wrong with parts
/// is for `status` to say.
pub(in crate::cli) fn report_later_runs(folder: &StudyFolder, merged: &Merged) {
    let Ok(status) = StudyStatus::of(folder) else { return };
    let later = status.tally.runs.saturating_sub(merged.tally.runs);
    if later > 0 {
        streams::say(&format!(
            "{later} of {} runs are not in the merged table: `rackstorm study merge {}` adds them",
            status.tally.runs,
            word(&folder.path().to_string_lossy())
        ));
    }
}

/// Merges the parts.
pub(super) fn merge(arguments: &MergeArguments) -> anyhow::Result<Exit> {
    let folder = StudyFolder::open(&arguments.folder)?;
    let merged = study::merge(&folder, arguments.partial)?;
    report_merged(&folder, &merged, arguments.json)
}

/// Says what was merged. The exit code says whether runs failed or missed a demand.
fn report_merged(folder: &StudyFolder, merged: &Merged, json: bool) -> anyhow::Result<Exit> {
    let tally = merged.tally;
    let files = merged.files.keys().map(|name| folder.path().join(name));
    let text = || {
        format!(
            "{} runs of {} cells: {} done, {} unfinished, {} failed\n",
            tally.runs,
            folder.study().len(),
            tally.done(),
            tally.unfinished,
            tally.failed
        )
    };
    streams::found(json.then(|| Value::Object(object(folder, merged))), text, files)?;
    Ok(exit(merged))
}

/// What was merged as an object.
pub(super) fn object(folder: &StudyFolder, merged: &Merged) -> Map<String, Value> {
    let tally = merged.tally;
    let object = json!({
        "study": folder.path().to_string_lossy(),
        "cells": folder.study().len(),
        "runs": tally.runs,
        "runs_done": tally.done(),
        "runs_unfinished": tally.unfinished,
        "runs_failed": tally.failed,
        "runs_missed": tally.missed,
        "missing": merged.missing_shards,
    });
    streams::object(&object)
}

/// Says which runs failed or missed a demand; the exit code says so too.
pub(super) fn exit(merged: &Merged) -> Exit {
    let tally = merged.tally;
    for (count, what) in [
        (tally.failed, "failed; the column `error` says why"),
        (tally.missed, "missed a demand of [expect]; the column `missed` counts them"),
    ] {
        if count > 0 {
            streams::say(&format!("{count} of {} runs {what}", tally.runs));
        }
    }
    match (tally.failed, tally.missed, merged.missing_shards.is_empty()) {
        (_, _, false) => Exit::Partial,
        (1.., _, _) => Exit::Failed,
        (0, 1.., _) => Exit::Missed,
        (0, 0, _) => Exit::Done,
    }
}

/// Prints how to play one run again, or plays it.
pub(super) fn show(arguments: &ShowArguments) -> anyhow::Result<Exit> {
    let folder = StudyFolder::open(&arguments.folder)?;
    let (of, cell, seed) = (folder.study(), arguments.cell, arguments.seed);
    if cell >= of.len() {
        let last = of.len() - 1;
        streams::say(&format!(
            "error: there is no cell {cell}: they are numbered from 0 to {last}"
        ));
        return Ok(Exit::Usage);
    }
    if !folder.has_run(cell, seed) {
        streams::say(&format!(
            "error: cell {cell} has no run of seed {seed}: the column `seed` of the tables has \
             them"
        ));
        return Ok(Exit::Usage);
    }
    if !arguments.play {
        let set = folder.set(cell).into_iter().map(|set| format!(" --set {}", word(&set)));
        let file = folder.study_file();
        let (file, set) = (word(&file.to_string_lossy()), set.collect::<String>());
        let on = folder.stage()?.name();
        streams::print(&format!("rackstorm run {file}{set} --seed {seed} --on {on}\n"));
        return Ok(Exit::Done);
    }
    let Some(mut scenario) = crate::cli::files::cell(of, cell) else { return Ok(Exit::Usage) };
    scenario.seed = seed;
    let (plan, stage, watch) = (Plan::make(&scenario), folder.stage()?, Watch::over(1, false)?);
    let mut watched = watch.run(&plan.scenario);
    let run = Run::new(&plan, stage).sink(&mut watched).record(&arguments.out)?;
    drop(watched);
    let report = Some(run.report(&plan));
    let ended = Ended { plan, stage: stage.name(), run, report };
    streams::print(&ended.text(Style::Full));
    let (own, print) = (fingerprint_of(&folder, arguments), &ended.run.outcome.fingerprint);
    if own.is_some() && own != *print {
        streams::say("error: the table of the study has another fingerprint for this run");
        return Ok(Exit::Failed);
    }
    Ok(cli::exit::of_run(&ended))
}

/// The fingerprint of a run in the merged table, if it has one.
fn fingerprint_of(folder: &StudyFolder, arguments: &ShowArguments) -> Option<String> {
    let results = results(folder.path()).ok()?;
    let row = (0..results.rows()).find(|row| {
        results.cells[*row] as usize == arguments.cell && results.seeds[*row] == arguments.seed
    })?;
    results.texts("fingerprint").map(|prints| prints[row].clone())
}
