//! `rackstorm study submit`: submits what is missing of a study to a batch system.

use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser};
use serde_json::{Value, json};

use crate::cli::study::playing::report_reached;
use crate::cli::{Exit, streams};
use crate::drivers::batch;
use crate::experiment::study::{StudyFolder, Submission, Submitted, is_due, ranges, submit};

/// A task that is to submit the next round waits so long for whoever submits just now, who may have
/// looked before the round was complete.
const PAUSE: Duration = Duration::from_secs(1);

/// It tries so often: longer than a claim lives without a sign of life.
const TRIES: u32 = 120;

/// Hand the shards that are missing, and neither queued nor running, to a batch system
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The folder of the study, which all machines see by the same name
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The batch system
    #[arg(long, value_name = "SYSTEM", value_parser = names())]
    to: String,
    /// Print the script and the commands, and submit nothing
    #[arg(long)]
    dry_run: bool,
    /// Submit though a submission from another machine never ended, if it gave no sign of life for
    /// a minute
    #[arg(long)]
    force: bool,
    /// One JSON object on stdout
    #[arg(long, conflicts_with = "dry_run")]
    json: bool,
    /// Options that sbatch, hq submit or study run get as they are
    #[arg(last = true, value_name = "OPTIONS")]
    options: Vec<String>,
}

/// The batch systems, with a word on each.
pub(super) fn names() -> PossibleValuesParser {
    let named = batch::ALL.map(|it| PossibleValue::new(it.name()).help(it.about()));
    named.into()
}

fn system(name: &str) -> &'static dyn batch::System {
    batch::named(name).expect("clap takes no other names")
}

/// Submits, or says what would be submitted.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let mut folder = StudyFolder::open(&arguments.folder)?;
    let (system, options) = (system(&arguments.to), &arguments.options);
    if arguments.dry_run {
        let submission = Submission::of(&folder, system, options)?;
        streams::print(&submission.text());
        streams::say(&said(&submission, folder.shards().len()));
        if submission.missing.is_empty() && folder.study().spec().precision.is_some() {
            streams::say("`submit` decides whether another round is needed");
        }
        return Ok(Exit::Done);
    }
    let mut jobs = Vec::new();
    let mut one = |id: &str, job: &batch::Job| {
        let shards = ranges(&job.shards);
        if !arguments.json {
            streams::print(&format!("job {id}: shards {shards}\n"));
        }
        jobs.push(json!({ "id": id, "shards": shards }));
    };
    match submit(&mut folder, system, options, arguments.force, &mut one)? {
        Submitted::Done(next, submission) => {
            report_reached(next, false);
            if arguments.json {
                let object: Value = json!({
                    "study": folder.path().to_string_lossy(),
                    "rounds": folder.rounds(),
                    "missing": ranges(&submission.missing),
                    "pending": ranges(&submission.pending),
                    "jobs": jobs,
                });
                streams::found(Some(object), String::new, [])?;
            } else {
                streams::say(&said(&submission, folder.shards().len()));
            }
            Ok(Exit::Done)
        }
        Submitted::Held(why) => {
            streams::say(&why);
            Ok(Exit::Partial)
        }
    }
}

/// Submits the next round, if it falls to who has just played these shards.
pub(super) fn next(
    folder: &mut StudyFolder,
    played: &[u32],
    to: &str,
    options: &[String],
) -> anyhow::Result<Exit> {
    let Some(due) = is_due(folder, played)? else { return Ok(Exit::Done) };
    report_reached(due, false);
    let mut one = |id: &str, job: &batch::Job| {
        streams::say(&format!("job {id}: shards {}", ranges(&job.shards)));
    };
    for _ in 0..TRIES {
        match submit(folder, system(to), options, true, &mut one)? {
            Submitted::Done(next, submission) => {
                report_reached(next, false);
                streams::say(&said(&submission, folder.shards().len()));
                return Ok(Exit::Done);
            }
            Submitted::Held(why) => {
                streams::say(&why);
                let (_nobody_sends, waits) = mpsc::channel::<()>();
                let _ = waits.recv_timeout(PAUSE);
            }
        }
    }
    Ok(Exit::Partial)
}

/// What is submitted and what is not, on a line.
fn said(submission: &Submission<'_>, shards: usize) -> String {
    let Submission { missing, pending, .. } = submission;
    let left = missing.len() - pending.len();
    match (missing.len(), pending.len(), left) {
        (0, _, _) => format!("nothing is missing: all {shards} shards are done"),
        (missing, 0, _) => format!("{missing} of {shards} shards are missing, and are submitted"),
        (missing, pending, 0) => {
            format!(
                "{missing} of {shards} shards are missing; {pending} of them are queued or running"
            )
        }
        (missing, pending, left) => format!(
            "{missing} of {shards} shards are missing; {pending} of them are queued or running, \
             {left} are submitted"
        ),
    }
}
