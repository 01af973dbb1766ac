//! The exit codes of the program, in one place.

use std::process::ExitCode;

use crate::cli::streams;
use crate::experiment::RunError;
use crate::experiment::branch::Refused;
use crate::experiment::study::StudyError;
use crate::experiment::summary::Ended;

/// How a command ended. The largest of several is the one that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Done, and every expectation was met.
    Done = 0,
    /// Done, but an expectation of `[expect]` was missed.
    Missed = 1,
    /// Wrong usage or a mistake in a scenario; nothing was written. Clap uses the same number.
    Usage = 2,
    /// A run failed, a fault was not injected, or a replay differs.
    Failed = 3,
    /// Runs that were compared or predicted are out of tolerance.
    OutOfTolerance = 4,
    /// Not all is there yet, and the same command goes on (`EX_TEMPFAIL` of sysexits.h).
    Partial = 75,
    /// Interrupted (128 + SIGINT, as shells count).
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// How a run that came to its end, with its report if it was to have one, ends the program.
pub(super) fn of_run(ended: &Ended) -> Exit {
    match &ended.report {
        Some(Err(_)) => Exit::Failed,
        _ if ended.run.outcome.missed().next().is_none() => Exit::Done,
        _ => Exit::Missed,
    }
}

/// How a run that could not be finished ends the program.
pub(super) fn of_error(error: &anyhow::Error) -> Exit {
    match error.downcast_ref::<StudyError>() {
        Some(StudyError::Refused { .. } | StudyError::Mistakes(_)) => return Exit::Usage,
        Some(StudyError::Gaps { .. }) => return Exit::Partial,
        Some(StudyError::Record(_) | StudyError::Batch(_)) => return Exit::Failed,
        None => {}
    }
    if error.is::<Refused>() {
        return Exit::Usage;
    }
    match error.downcast_ref::<RunError>() {
        Some(RunError::NotReady { .. }) => Exit::Usage,
        Some(error) if error.is_interrupted() => Exit::Interrupted,
        _ => Exit::Failed,
    }
}

/// An error with its causes on one line. That somebody wanted to stop is no error.
pub(super) fn message(error: &anyhow::Error) -> String {
    let text = causes(error);
    if of_error(error) == Exit::Interrupted { text } else { format!("error: {text}") }
}

/// An error and its causes, each reported once: some name their cause themselves.
pub(super) fn causes(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !text.contains(&cause) {
            let colon = if text.is_empty() { "" } else { ": " };
            text = format!("{text}{colon}{cause}");
        }
    }
    text
}

/// Reports an error that reached the top and turns everything into an exit code.
///
/// A reader that has seen enough (`rackstorm events ... | head`) is no error: the program then
/// stops without a word and counts as done.
pub(super) fn of(done: anyhow::Result<Exit>) -> Exit {
    match done {
        Ok(exit) => exit,
        Err(_) if streams::reader_has_gone() => Exit::Done,
        Err(error) => {
            streams::say(&message(&error));
            of_error(&error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Stop;

    #[test]
    fn the_worst_of_many_runs_counts() {
        let ends = [Exit::Done, Exit::Failed, Exit::Missed];
        assert_eq!(ends.into_iter().max(), Some(Exit::Failed));
        assert!(Exit::Interrupted > Exit::Failed);
    }

    #[test]
    fn a_cause_that_is_reported_already_is_not_reported_again() {
        let full = anyhow::anyhow!("disk full").context("cannot write a: disk full").context("b");
        assert_eq!(message(&full), "error: b: cannot write a: disk full");
    }

    #[test]
    fn an_interrupted_run_is_not_a_failed_one() {
        let left = |stop| {
            let source = Box::new(RunError::Stopped { stop, so_far: Box::default() });
            let (scenario, folder) = ("a".to_owned(), "r/a/1-model-1.partial".into());
            anyhow::Error::from(RunError::Left { scenario, folder, source })
        };
        let interrupted = left(Stop::Interrupted);
        assert_eq!(of_error(&interrupted), Exit::Interrupted);
        let there = "what there is lies in r/a/1-model-1.partial";
        assert_eq!(message(&interrupted), format!("a was interrupted; {there}"));
        let failed = left(Stop::Failed("disk full".into()));
        assert_eq!(of_error(&failed), Exit::Failed);
        assert_eq!(message(&failed), format!("error: a failed; {there}: disk full"));
    }
}
