//! `rackstorm study plan`: decides which run is in which shard, playing next to nothing.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use crate::cli::files::Override;
use crate::cli::progress::clock;
use crate::cli::{Exit, stage, streams};
use crate::experiment::study::{Asked, Estimate, StudyFolder, check, replications};
use crate::experiment::summary::span;
use crate::scenario::Study;

/// A study of more CPU time than this is planned only with `--yes`.
const HOURS_MAX: f64 = 24.0;

/// What a shard is to take on all cores of a machine like this one: between the 10 and the 60
/// minutes that clusters like best (`CodeRefinery`, HPC etiquette).
const SHARD_MINUTES: f64 = 30.0;

/// What is played, and where it goes.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    /// Scenario file
    #[arg(required = true, value_name = "FILE")]
    file: Option<PathBuf>,
    /// The folder of the study [default: results/SCENARIO-study]
    #[arg(long, short, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    overrides: Override,
    /// Cells in place of the axes of the file: a CSV table with a column for each key
    #[arg(long, value_name = "FILE")]
    cells: Option<PathBuf>,
    /// Replications of each cell, each with a seed of its own; short for --set study.replications=N
    #[arg(long, value_name = "N")]
    replications: Option<u32>,
    /// As many replications as it takes until the half-width of the 95 % interval of the metrics of
    /// the study is at most this share of the mean; short for --set study.precision=SHARE
    #[arg(long, value_name = "SHARE")]
    precision: Option<String>,
    /// Hash each run into a fingerprint, a column of the table
    #[arg(long)]
    fingerprint: bool,
    /// The stage that plays it: one that gives the same events each time
    #[arg(long, value_name = "STAGE", default_value = stage::usual())]
    #[arg(value_parser = stage::deterministic_names())]
    on: String,
    /// So many shards in each round [default: as many as take 30 min on all cores of this machine]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    shards: Option<u32>,
    /// Plan a study of more than 24 hours of CPU time
    #[arg(long)]
    yes: bool,
}

/// Decide which run is in which shard, playing at most a second
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    wanted: Wanted,
    /// One JSON object on stdout
    #[arg(long)]
    json: bool,
}

/// Plans a study and says how large it is.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let Some(folder) = arguments.wanted.plan()? else { return Ok(Exit::Usage) };
    let object = json!({
        "study": folder.path().to_string_lossy(),
        "cells": folder.study().len(),
        "runs": folder.runs(),
        "shards": folder.shards().len(),
        "cpu_s": folder.seconds(),
    });
    let text = || format!("{}\n", said(&folder));
    streams::found(arguments.json.then_some(object), text, [folder.path().to_owned()])?;
    Ok(Exit::Done)
}

/// So many of what is counted: `1 run`, `2 runs`.
pub(super) fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// How large a study is, on a line.
pub(super) fn said(folder: &StudyFolder) -> String {
    let (cells, shards) = (folder.study().len() as u64, folder.shards().len() as u64);
    let (cells, runs) = (counted(cells, "cell"), counted(folder.runs(), "run"));
    let at_first = if folder.study().spec().precision.is_some() {
        " so far, until the precision is met"
    } else {
        ""
    };
    format!(
        "{cells}, {runs}{at_first}, {}; about {} of CPU time",
        counted(shards, "shard"),
        span(folder.seconds())
    )
}

impl Wanted {
    /// The planned study: as it lies there, if it was planned before. `None` after reporting what
    /// is wrong.
    pub(super) fn plan(&self) -> anyhow::Result<Option<StudyFolder>> {
        let file = self.file.as_deref().expect("clap demands it");
        let number = self.replications.map(|it| format!("study.replications={it}"));
        let precision = self.precision.as_ref().map(|it| format!("study.precision={it}"));
        let overrides = self.overrides.with(number.into_iter().chain(precision));
        let study = Study::load(file, &overrides, self.cells.as_deref());
        let Ok(study) = study.inspect_err(streams::report) else { return Ok(None) };
        if study.warnings().has_warnings() {
            streams::report(study.warnings());
        }
        let out = self.out.clone().unwrap_or_else(|| usual_place(&study));
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let asked = Asked {
            stage: self.on.clone(),
            fingerprint: self.fingerprint,
            shards: self.shards,
            shard_seconds: SHARD_MINUTES * 60.0 * cores as f64,
        };
        check(file, &study)?;
        if let Some(folder) = StudyFolder::there(&out, &study, &asked)? {
            return Ok(Some(folder));
        }
        let stage = crate::backend::named(&self.on).expect("clap takes no other names");
        let estimate = Estimate::by_pilot(&study, stage, &clock());
        let seconds = estimate.seconds.iter().sum::<f64>() * f64::from(replications(&study));
        if seconds > HOURS_MAX * 3600.0 && !self.yes {
            streams::say(&format!(
                "error: {}: it takes about {} of CPU time, by a pilot of {} of its {} cells; more \
                 than {HOURS_MAX} h are planned only with --yes\n  hint: give fewer cells or \
                 replications, or `study plan --yes` and play its shards on several machines",
                file.display(),
                span(seconds),
                estimate.played,
                study.len()
            ));
            return Ok(None);
        }
        Ok(Some(StudyFolder::plan(&out, &study, &asked, &estimate)?))
    }
}

/// Where a study goes if nothing else is said.
fn usual_place(study: &Study) -> PathBuf {
    let out = std::env::var_os("RACKSTORM_OUT").unwrap_or_else(|| "results".into());
    Path::new(&out).join(format!("{}-study", study.name()))
}
