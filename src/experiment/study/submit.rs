//! Submitting: the shards that are missing go to a batch system, and none goes twice.
//!
//! Nothing is kept of what was submitted. What is missing is known by the parts, what is queued or
//! running by the batch system's own word; the difference is submitted. So a submission that was
//! killed, or tasks that were lost, need nothing but the same command again.
//!
//! How many rounds a study with a `precision` has, and of how many shards, is known only as they
//! end. The task whose part completes a round plans the next one and submits it. That two of them
//! end at once does no harm: each puts its part into the folder before it looks, so the one whose
//! part came later sees both, on network file systems too, where a client that changes a folder
//! learns of what others have changed there. One at a time submits.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use super::claim::Claim;
use super::folder::StudyFolder;
use super::rounds::{Next, advance};
use super::shard::Part;
use super::status::StudyStatus;
use super::{StudyError, ranges};
use crate::drivers::batch::{Job, System, Work};
use crate::experiment::word;
use crate::record::RecordError;
use crate::record::columns::settle;
use crate::record::fingerprint::sha256;

/// The folder of logs and scripts.
const LOGS: &str = "logs";

/// What is to be submitted of a study.
#[derive(Debug)]
pub struct Submission<'a> {
    /// Shards that have no part.
    pub missing: Vec<u32>,
    /// Those of them that are queued or running.
    pub pending: Vec<u32>,
    /// The jobs that play the others.
    pub jobs: Vec<Job>,
    /// The script that the jobs run, with its place, if they run one.
    pub script: Option<(PathBuf, String)>,
    work: Work<'a>,
}

/// How a submission ended.
#[derive(Debug)]
pub enum Submitted<'a> {
    /// All that was to be submitted is; and what is known of rounds.
    Done(Next, Box<Submission<'a>>),
    /// Somebody else submits, as a sentence.
    Held(String),
}

impl<'a> Submission<'a> {
    /// Finds out what is to be submitted; nothing is changed by it.
    ///
    /// # Errors
    /// When a part cannot be read, or the batch system cannot be asked or answers oddly.
    pub fn of(
        folder: &StudyFolder,
        system: &dyn System,
        options: &'a [String],
    ) -> Result<Self, StudyError> {
        let work = work(folder, options)?;
        let mut missing = StudyStatus::of(folder)?.numbers(false);
        let queued = if missing.is_empty() { BTreeSet::new() } else { system.pending(&work)? };
        // What has left the queue may have ended since the parts were looked at.
        let (mut pending, mut left) = (Vec::new(), Vec::new());
        for shard in std::mem::take(&mut missing) {
            if queued.contains(&shard) {
                pending.push(shard);
            } else if !matches!(folder.part(shard)?, Part::Whole(_)) {
                left.push(shard);
            } else {
                continue;
            }
            missing.push(shard);
        }
        let jobs = if left.is_empty() { vec![] } else { system.jobs(&work, &left)? };
        let command = work.task(system).iter().map(|it| word(it)).collect::<Vec<_>>().join(" ");
        let script = system.script(&command).map(|text| (work.script_file(system), text));
        Ok(Self { missing, pending, jobs, script, work })
    }

    /// As a text: the script and the commands, so that a person can run them.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        if let Some((path, script)) = &self.script
            && !self.jobs.is_empty()
        {
            let _ = writeln!(text, "# {}\n{script}", path.display());
        }
        for job in &self.jobs {
            let words: Vec<_> = job.argv.iter().map(|it| word(it)).collect();
            let _ = writeln!(text, "# shards {}\n{}", ranges(&job.shards), words.join(" "));
        }
        text
    }
}

/// Submits the shards that are missing and neither queued nor running; plans another round first
/// if those before it are complete. `submitted` is called with each job and its number.
///
/// # Errors
/// When the batch system refuses or answers oddly. What was submitted before that is known by its
/// queue.
pub fn submit<'a>(
    folder: &mut StudyFolder,
    system: &dyn System,
    options: &'a [String],
    force: bool,
    submitted: &mut dyn FnMut(&str, &Job),
) -> Result<Submitted<'a>, StudyError> {
    let (work, logs) = (folder.work(), folder.path.join(LOGS));
    fs::create_dir_all(&work).map_err(RecordError::io("create", &work))?;
    let claim = match Claim::take(&work, "submit", force)? {
        Ok(claim) => claim,
        Err(held) => {
            let stale = if held.is_stale() { "; --force takes it over" } else { "" };
            return Ok(Submitted::Held(format!(
                "the study is being submitted by {}{stale}",
                held.text()
            )));
        }
    };
    let next = advance(folder)?;
    let submission = Box::new(Submission::of(folder, system, options)?);
    if submission.missing.is_empty() {
        drop(claim);
        // What else lies there is kept.
        let _ = fs::remove_dir(&work);
        return Ok(Submitted::Done(next, submission));
    }
    fs::create_dir_all(&logs).map_err(RecordError::io("create", &logs))?;
    if let Some((path, text)) = &submission.script {
        let draft = folder.draft(LOGS);
        fs::write(&draft, text).map_err(RecordError::io("write", &draft))?;
        settle(&draft, path)?;
    }
    for job in &submission.jobs {
        if !claim.live() {
            let why = "the study was taken over by somebody else who submits it".to_owned();
            return Ok(Submitted::Held(why));
        }
        submitted(&system.submit(&submission.work, job)?, job);
    }
    Ok(Submitted::Done(next, submission))
}

/// Whether the next round is to be submitted by who has just played these shards: all rounds up to
/// theirs are complete, and another one is needed. If so, what is known of it.
///
/// # Errors
/// When a part cannot be read.
pub fn is_due(folder: &mut StudyFolder, played: &[u32]) -> Result<Option<Next>, StudyError> {
    let next = advance(folder)?;
    let is_due = match next {
        Next::Planned(_) => true,
        // Somebody else has planned it, and may have been killed before it was submitted.
        Next::Wait => played.iter().all(|shard| *shard < folder.last_round().start),
        Next::Complete(_) => false,
    };
    Ok(is_due.then_some(next))
}

/// The work of a study. Its name is that of no other study: neither of another plan nor of another
/// folder.
fn work<'a>(folder: &StudyFolder, options: &'a [String]) -> Result<Work<'a>, StudyError> {
    let path = fs::canonicalize(&folder.path).map_err(RecordError::io("find", &folder.path))?;
    if path.to_str().is_none() {
        let why = "the name of the folder is not UTF-8, which batch systems may not pass on";
        return Err(StudyError::refused(&folder.path, why, "give it another name"));
    }
    let program = std::env::current_exe().map_err(RecordError::io("find", &folder.path))?;
    let own = sha256(&format!("{}{}", folder.key, path.display()));
    Ok(Work {
        name: format!("rackstorm-{}", &own[..12]),
        logs: path.join(LOGS),
        folder: path,
        program,
        last: folder.shards().end - 1,
        in_rounds: folder.study().spec().precision.is_some(),
        options,
    })
}
