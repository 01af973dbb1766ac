//! Wires a stage to what listens to it: the recorder, the metrics, the progress bar and Ctrl-C.

use std::any::Any;
use std::fs::{self, File};
use std::num::NonZero;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use anyhow::Context;
use rayon::iter::{ParallelBridge, ParallelIterator};

use crate::analysis::{Findings, Fold, expect, results};
use crate::backend::rack::rehearsal::Rehearsed;
use crate::backend::rack::{self, Rack};
use crate::backend::{self, Backend};
use crate::cli::interrupt::Interrupt;
use crate::cli::progress::{Bar, Progress};
use crate::cli::{Exit, exit, files, streams};
use crate::event::{EndReason, Event, Sink, Stop};
use crate::inventory::{self, Inventory};
use crate::plan::Plan;
use crate::record::fingerprint::sha256;
use crate::record::{Folder, Manifest, Recorder, Status, checksums, log, manifest, tables, words};
use crate::scenario::Loaded;
use crate::units::Time;

/// Events between two looks at Ctrl-C and the progress bar: a millisecond of a run of the model,
/// some tenths of a second where real programs run between them.
const EVENTS_PER_LOOK: u32 = 128;

/// What a command watches while its runs go on.
#[derive(Debug)]
pub(super) struct Watch {
    interrupt: Interrupt,
    progress: Progress,
}

/// A run that came to its end and lies in a folder that only needs its name.
#[derive(Debug)]
pub(super) struct Played {
    /// The hash over all its events.
    pub(super) fingerprint: String,
    /// Its numbers.
    pub(super) findings: Findings,
}

impl Watch {
    /// Watches over so many runs, and catches Ctrl-C from here on.
    pub(super) fn over(n_runs: usize, quiet: bool) -> anyhow::Result<Self> {
        Ok(Self { interrupt: Interrupt::catch()?, progress: Progress::new(n_runs, quiet) })
    }

    /// Prints something with the progress bars out of the way.
    pub(super) fn aside(&self, print: impl FnOnce()) {
        self.progress.aside(print);
    }

    /// A run ended that had no bar of its own.
    #[cfg(feature = "turmoil")]
    pub(super) fn ended(&self) {
        self.progress.ended();
    }

    /// Whether another run may begin.
    pub(super) fn may_begin(&self) -> bool {
        !self.interrupt.is_wanted()
    }

    /// Plays a plan and passes its events on; stops it when the person wants to.
    pub(super) fn play(
        &self,
        stage: &dyn Backend,
        plan: &Plan,
        listener: &mut dyn Sink,
    ) -> Result<EndReason, Stop> {
        let bar = self.progress.begin(&plan.scenario.name, plan.scenario.stop.at);
        let look_in = EVENTS_PER_LOOK;
        let mut watched = Watched { listener, bar, interrupt: &self.interrupt, look_in };
        stage.play(plan, &mut watched)
    }
}

/// A stage.
type Stage = Box<dyn Backend + Sync>;

/// A stage by its name. That of a rack takes the rack of `file`, and puts back what an earlier run
/// left there. `None` after telling what is wrong with the inventory.
pub(super) fn stage(name: &str, file: &Path) -> anyhow::Result<Option<Stage>> {
    if name != rack::NAME {
        let stage = backend::named(name).expect("clap takes no other names");
        return Ok(Some(Box::new(stage)));
    }
    let Some(rack) = take_rack(file)? else { return Ok(None) };
    put_back(&rack)?;
    Ok(Some(Box::new(rack)))
}

/// The stage of a rack, on fakes. `None` after telling what is wrong with the inventory.
pub(super) fn rehearsal(file: &Path) -> anyhow::Result<Option<Stage>> {
    let Some(inventory) = read_rack(file) else { return Ok(None) };
    let rehearsed = Rehearsed::start(&inventory, &std::env::current_exe()?);
    Ok(Some(Box::new(rehearsed.context("it cannot be rehearsed here")?)))
}

/// An inventory. `None` after telling mistakes.
fn read_rack(file: &Path) -> Option<Inventory> {
    let inventory = inventory::load(file);
    inventory.inspect_err(streams::tell).ok()
}

/// The rack of an inventory, which nobody else may switch then. `None` after telling mistakes.
pub(super) fn take_rack(file: &Path) -> anyhow::Result<Option<Rack>> {
    let Some(inventory) = read_rack(file) else { return Ok(None) };
    Ok(Some(Rack::take(file, inventory)?))
}

/// Puts back what a run left that was killed, and says so. Whether there was anything.
pub(super) fn put_back(rack: &Rack) -> anyhow::Result<bool> {
    let lines = rack.restore().context("what an earlier run left could not be put back")?;
    for line in &lines {
        streams::say(&format!("left by an earlier command: put back: {line}"));
    }
    Ok(!lines.is_empty())
}

/// A stage is not ready for a plan, and nothing was touched.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotReady(String);

/// Whether a stage can play all of a plan, and now; if not, an error says all that keeps it.
pub(super) fn demand_ready(stage: &dyn Backend, plan: &Plan) -> anyhow::Result<()> {
    demand_can(stage, plan)?;
    let reasons = stage.preflight(plan);
    if reasons.is_empty() {
        return Ok(());
    }
    let (name, stage) = (&plan.scenario.name, stage.name());
    let list = reasons.join("\n  ");
    let text = format!("{name}: stage {stage} is not ready, nothing was touched:\n  {list}");
    Err(NotReady(text).into())
}

/// Whether a stage can play all of a plan; if not, an error says all that it cannot.
pub(super) fn demand_can(stage: &dyn Backend, plan: &Plan) -> anyhow::Result<()> {
    let reasons = stage.cannot(plan);
    if reasons.is_empty() {
        return Ok(());
    }
    let (name, stage) = (&plan.scenario.name, stage.name());
    Err(Stop::Failed(format!("{name}: stage {stage} cannot play it: {}", reasons.join("; ")))
        .into())
}

/// Does the same for each of many, so many at a time, and returns what came of it in their order.
pub(super) fn each<T: Sync, R: Send>(
    jobs: Option<NonZero<usize>>,
    all: &[T],
    one: impl Fn(usize, &T) -> R + Sync,
) -> anyhow::Result<Vec<R>> {
    let threads = rayon::ThreadPoolBuilder::new().num_threads(jobs.map_or(0, NonZero::get));
    let threads = threads.build().context("the threads for --jobs could not be started")?;
    // A bridge hands out one after the other; splitting the range in halves would begin in the
    // middle, and what is said in order would have to wait.
    let mut ends: Vec<_> = threads.install(|| {
        all.iter().enumerate().par_bridge().map(|(index, it)| (index, one(index, it))).collect()
    });
    ends.sort_unstable_by_key(|(index, _)| *index);
    Ok(ends.into_iter().map(|(_, end)| end).collect())
}

/// Plays a plan into a folder and returns both. If it does not come to its end, the folder stays
/// what it is, partial, and its manifest says why: also where an assertion of ours failed.
pub(super) fn record(
    stage: &dyn Backend,
    loaded: &Loaded,
    plan: &Plan,
    folder: Folder,
    watch: &Watch,
) -> anyhow::Result<(Folder, Played)> {
    let mut manifest = manifest_of(stage, loaded, plan);
    let filled = AssertUnwindSafe(|| fill(stage, loaded, plan, &folder, &mut manifest, watch));
    let error = match panic::catch_unwind(filled) {
        Ok(Ok(played)) => return Ok((folder, played)),
        Ok(Err(error)) => error,
        Err(panic) => {
            let why = format!("a mistake of the program: {}", said(&*panic));
            let _ = folder.leave(&mut manifest, Status::Failed, &why);
            panic::resume_unwind(panic)
        }
    };
    let (status, how, why) = if exit::of_error(&error) == Exit::Interrupted {
        let why = "it was asked to stop, by Ctrl-C or a signal".to_owned();
        (Status::Interrupted, "was interrupted", why)
    } else {
        (Status::Failed, "failed", on_a_line(&exit::causes(&error)))
    };
    let (name, path) = (&loaded.scenario.name, folder.path().display());
    let left = format!("{name} {how}; what there is lies in {path}");
    // Where the disk is full the manifest may not be writable either; the first error is the one
    // to tell.
    let _ = folder.leave(&mut manifest, status, &why);
    Err(error.context(left))
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

fn manifest_of(stage: &dyn Backend, loaded: &Loaded, plan: &Plan) -> Manifest {
    let (scenario, command) = (&loaded.scenario, manifest::command_line());
    let level = scenario.record.events;
    let mut manifest = Manifest::begin(&scenario.name, scenario.seed, stage.name(), level, command);
    manifest.deterministic = stage.is_deterministic();
    manifest.scenario_sha256 = Some(sha256(&loaded.resolved));
    manifest.plan_digest = Some(plan.digest());
    manifest.sweep = loaded.point.iter().cloned().collect();
    manifest
}

/// Writes all that a results folder holds, but the report.
fn fill(
    stage: &dyn Backend,
    loaded: &Loaded,
    plan: &Plan,
    folder: &Folder,
    manifest: &mut Manifest,
    watch: &Watch,
) -> anyhow::Result<Played> {
    let path = folder.path();
    manifest.write(path)?;
    fs::write(path.join(files::RESOLVED), &loaded.resolved).context("the resolved scenario")?;
    tables::write_plan_tables(plan, path).context("the plan tables")?;
    let recorder = Recorder::create(path, loaded.scenario.record.events)?;
    let mut listener = Listener { recorder, fold: Fold::new(plan), last: Time::ZERO };
    let ended = watch.play(stage, plan, &mut listener);
    // Also the log of an interrupted run holds all that happened until then.
    let closed = listener.recorder.finish();
    let reason = ended?;
    let run = closed?;
    let findings = listener.fold.finish(listener.last);
    results::save(&findings, path)?;
    manifest.fingerprint = Some(run.fingerprint.clone());
    manifest.events = run.events;
    let verdicts = expect::check(&plan.scenario.expect, &findings.metrics);
    let missed = verdicts.iter().filter(|verdict| !verdict.is_met());
    manifest.missed = missed.map(ToString::to_string).collect();
    let log = run.log.map(|log| (log::FILE_NAME.to_owned(), log));
    manifest.files = Some(checksums::of_folder(path, log.into_iter().collect())?);
    manifest.end(Status::Finished, words::end_reason(reason));
    manifest.write(path)?;
    Ok(Played { fingerprint: run.fingerprint, findings })
}

/// Every event goes to the disk and to the metrics.
struct Listener {
    recorder: Recorder<File>,
    fold: Fold,
    last: Time,
}

impl Sink for Listener {
    fn event(&mut self, event: &Event) -> Result<(), Stop> {
        self.last = event.at;
        self.fold.event(event);
        self.recorder.event(event)
    }

    fn look(&mut self, now: Time) -> Result<(), Stop> {
        self.recorder.look(now)
    }
}

/// Passes every event on; every now and then looks up.
struct Watched<'a> {
    listener: &'a mut dyn Sink,
    bar: Bar,
    interrupt: &'a Interrupt,
    look_in: u32,
}

impl Sink for Watched<'_> {
    fn event(&mut self, event: &Event) -> Result<(), Stop> {
        self.look_in -= 1;
        if self.look_in == 0 {
            self.look_in = EVENTS_PER_LOOK;
            self.bar.at(event.at);
            if self.interrupt.is_wanted() {
                return Err(Stop::Interrupted);
            }
        }
        self.listener.event(event)
    }

    fn look(&mut self, now: Time) -> Result<(), Stop> {
        self.bar.at(now);
        self.listener.look(now)?;
        if self.interrupt.is_wanted() { Err(Stop::Interrupted) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{self, Overrides};

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
        let text = "schema = 1\ninherit = \"edge_rack_24\"\n";
        let loaded = scenario::load_text("mistake", text, &Overrides::default());
        let loaded = loaded.expect("a scenario").remove(0);
        let plan = Plan::make(&loaded.scenario);
        let folder = Folder::begin(out.path(), "mistake", 1, "mistaken").expect("a folder");
        let path = folder.path().to_owned();
        let watch = Watch { interrupt: Interrupt::default(), progress: Progress::new(1, true) };
        let played = AssertUnwindSafe(|| record(&Mistaken, &loaded, &plan, folder, &watch));
        panic::catch_unwind(played).expect_err("the assertion still stops the program");
        let manifest = Manifest::read(&path).expect("a manifest");
        assert_eq!(manifest.status, Status::Failed);
        let why = manifest.why.expect("a reason");
        assert!(
            why.starts_with("a mistake of the program: ") && why.contains("conserved"),
            "{why}"
        );
        assert!(manifest.files.is_some_and(|files| files.contains_key(files::RESOLVED)));
    }
}
