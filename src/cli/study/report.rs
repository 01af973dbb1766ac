//! `rackstorm study report`: what a study found, as sentences, a table, a page and figures.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use crate::cli::open::open;
use crate::cli::study::look;
use crate::cli::{Exit, streams};
use crate::experiment::study::{Merged, StudyFolder, answer, merged};
use crate::experiment::word;
use crate::metrics;
use crate::report::study::{FILE_NAME, Input, json, text, write};

/// The table of all runs.
const RESULTS: &str = "results.csv";

/// Say what a study found, and write summary.csv, report.html and figures
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The folder of the study
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// A metric to look at, in place of those of the study; may be given many times
    #[arg(long = "metric", value_name = "NAME")]
    metrics: Vec<String>,
    /// One JSON object on stdout
    #[arg(long, conflicts_with = "open")]
    json: bool,
    /// Open the page
    #[arg(long)]
    open: bool,
}

/// Makes the report of a merged study.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let folder = StudyFolder::open(&arguments.folder)?;
    let merged = merged(folder.path())?;
    look::report_later_runs(&folder, &merged);
    say(&folder, &merged, &arguments.metrics, arguments.json)?;
    if !merged.missing_shards.is_empty() {
        streams::say(&format!("shards {} are missing in all of this", merged.missing_shards));
    }
    if arguments.open {
        open(&folder.path().join(FILE_NAME));
    }
    Ok(Exit::Done)
}

/// Says what a merged study found, and writes its report.
pub(super) fn say(
    folder: &StudyFolder,
    merged: &Merged,
    metrics: &[String],
    is_json: bool,
) -> anyhow::Result<()> {
    let answer = answer(folder, metrics)?;
    let study = folder.study();
    let title = study.scenario(0).map_or_else(|_| study.name().to_owned(), |it| it.title);
    let input = Input {
        name: study.name(),
        title: &title,
        answer: &answer,
        search: None,
        version: env!("CARGO_PKG_VERSION"),
        command: &format!("rackstorm study {}", word(&folder.study_file().to_string_lossy())),
        definition: |name| metrics::find(name).map_or("", |definition| definition.meaning),
    };
    let files = || {
        let files = [RESULTS.to_owned()].into_iter().chain(write(&input, folder.path())?);
        Ok(files.map(|name| folder.path().join(name)).filter(|file| is_page(file)).collect())
    };
    let object = || {
        let mut object = look::object(folder, merged);
        object.extend(json(&input));
        Value::Object(object)
    };
    streams::found_first(is_json.then(object), || text(&input), files)
}

/// The files that a person opens first; their folder is no secret.
fn is_page(file: &Path) -> bool {
    file.extension().is_some_and(|end| end == "html" || end == "csv")
}
