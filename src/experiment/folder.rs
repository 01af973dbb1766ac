//! A run that leaves a results folder.

use std::any::Any;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};

use super::page;
use super::run::{Outcome, Run, RunError, Way};
use crate::analysis::results;
use crate::plan::Plan;
use crate::record::fingerprint::sha256;
use crate::record::folder::{self, SCENARIO};
use crate::record::{
    Finished, Folder, Manifest, RecordError, Recorder, Status, checksums, log, manifest, tables,
    words,
};
use crate::scenario;

/// A run that came to its end, and its results folder.
#[derive(Clone, Debug)]
pub struct RecordedRun {
    /// What came of it.
    pub outcome: Outcome,
    /// Where it lies.
    pub folder: Finished,
}

impl RecordedRun {
    /// Draws figures and `report.html` into the folder, and gives the page: the one that is there
    /// if the same run was there already.
    ///
    /// # Errors
    /// When a file cannot be written. Nothing of the run is lost.
    pub fn report(&self, plan: &Plan) -> Result<PathBuf, RunError> {
        let path = &self.folder.path;
        let page = path.join(page::NAME);
        // Who draws it now holds the folder.
        drop(folder::hold(path));
        if self.folder.already_there && page.exists() {
            return Ok(page);
        }
        page::draw(path, plan, &self.outcome.findings)
    }
}

impl Run<'_> {
    /// Plays it and leaves the folder `<out>/<scenario>/<seed>-<stage>-<fingerprint>`: manifest,
    /// scenario, tables of the plan, event log, findings.
    ///
    /// A folder never changes: an identical run that lies there already is kept, and this one
    /// dropped.
    ///
    /// # Errors
    /// As [`Run::play`], and when something cannot be written. A run that does not come to its
    /// end leaves what there is in a folder that is called `.partial`, with a manifest that says
    /// why: also where an assertion of ours failed.
    pub fn record(self, out: &Path) -> Result<RecordedRun, RunError> {
        self.check()?;
        let (plan, name) = (self.plan, self.plan.scenario.name.clone());
        let folder = Folder::begin(out, &name, plan.scenario.seed, self.stage.name())?;
        let text = scenario::text(&plan.scenario);
        let mut manifest = self.manifest(&text);
        let filled = AssertUnwindSafe(|| self.series().fill(&text, folder.path(), &mut manifest));
        let error = match panic::catch_unwind(filled) {
            Ok(Ok(outcome)) => return Ok(RecordedRun { outcome, folder: folder.finish()? }),
            Ok(Err(error)) => error,
            Err(panic) => {
                let why = format!("a mistake of the program: {}", said(&*panic));
                let _ = folder.leave(&mut manifest, Status::Failed, &why);
                panic::resume_unwind(panic)
            }
        };
        let (status, why) = if error.is_interrupted() {
            (Status::Interrupted, "it was asked to stop, by Ctrl-C or a signal".to_owned())
        } else {
            (Status::Failed, on_a_line(&error.to_string()))
        };
        let path = folder.path().to_owned();
        // Where the disk is full the manifest may not be writable either; the first error is the
        // one to report.
        let _ = folder.leave(&mut manifest, status, &why);
        Err(RunError::Left { scenario: name, folder: path, source: Box::new(error) })
    }

    fn manifest(&self, text: &str) -> Manifest {
        let (scenario, stage) = (&self.plan.scenario, self.stage);
        let (level, command) = (scenario.record.events, manifest::command_line());
        let mut manifest =
            Manifest::begin(&scenario.name, scenario.seed, stage.name(), level, command);
        manifest.deterministic = stage.is_deterministic();
        manifest.scenario_sha256 = Some(sha256(text));
        manifest.plan_digest = Some(self.plan.digest());
        manifest
    }

    /// Writes all that a results folder holds, but the report.
    fn fill(self, text: &str, path: &Path, manifest: &mut Manifest) -> Result<Outcome, RunError> {
        let plan = self.plan;
        manifest.write(path)?;
        let scenario = path.join(SCENARIO);
        fs::write(&scenario, text).map_err(RecordError::io("write", &scenario))?;
        tables::write_plan_tables(plan, path)
            .map_err(RecordError::io("write", &path.join("plan")))?;
        let recorder = Recorder::create(path, plan.scenario.record.events)?;
        let stage = self.stage;
        let way: Way<'_> = &mut |plan, sink| stage.play(plan, sink);
        let (outcome, log) = self.play_into(Some(recorder), way)?;
        results::save(&outcome.findings, path)?;
        manifest.fingerprint.clone_from(&outcome.fingerprint);
        manifest.events = outcome.events;
        manifest.missed = outcome.missed().map(ToString::to_string).collect();
        let log = log.map(|log| (log::FILE_NAME.to_owned(), log));
        manifest.files = Some(checksums::of_folder(path, log.into_iter().collect())?);
        let reason = outcome.end.expect("a run that was not stopped came to its end");
        manifest.end(Status::Finished, words::end_reason(reason));
        manifest.write(path)?;
        Ok(outcome)
    }
}

/// A message without the hint, which is for who is there.
fn on_a_line(message: &str) -> String {
    let lines = message.lines().map(str::trim).filter(|line| !line.starts_with("hint: "));
    lines.collect::<Vec<_>>().join(" ")
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it did not say which")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Backend;
    use crate::event::{EndReason, Sink, Stop};

    /// A stage with a mistake.
    struct Mistaken;

    impl Backend for Mistaken {
        fn name(&self) -> &'static str {
            "mistaken"
        }

        fn about(&self) -> &'static str {
            "asserts what is not so"
        }

        fn cannot(&self, _plan: &Plan) -> Vec<String> {
            Vec::new()
        }

        fn play(&self, plan: &Plan, _sink: &mut dyn Sink) -> Result<EndReason, Stop> {
            assert_eq!(plan.machine.nodes.len(), 7, "bytes are conserved");
            Ok(EndReason::Quiet)
        }
    }

    #[test]
    fn a_run_in_which_an_assertion_fails_says_which_in_its_manifest() {
        let out = tempfile::tempdir().expect("a folder");
        let text = "schema = 1\nname = \"mistake\"\nseed = 1\ninherit = \"edge_rack_24\"\n";
        let plan = Plan::make(&scenario::read("mistake", text).expect("a scenario"));
        let played = AssertUnwindSafe(|| Run::new(&plan, &Mistaken).record(out.path()));
        panic::catch_unwind(played).expect_err("the assertion still stops the program");
        let manifest = Manifest::read(&out.path().join("mistake/1-mistaken-1.partial"));
        let manifest = manifest.expect("a manifest");
        assert_eq!(manifest.status, Status::Failed);
        let why = manifest.why.expect("a reason");
        assert!(
            why.starts_with("a mistake of the program: ") && why.contains("conserved"),
            "{why}"
        );
        assert!(manifest.files.is_some_and(|files| files.contains_key(SCENARIO)));
    }
}
