//! A plan, a stage, and what is kept of what happens.

use std::fs::File;
use std::path::PathBuf;

use crate::analysis::expect::{self, Verdict};
use crate::analysis::observed::Observed;
use crate::analysis::{Findings, Fold};
use crate::backend::Backend;
use crate::event::{EndReason, Event, Sink, Stop};
use crate::fitting::calibration::{Observation, observations};
use crate::plan::Plan;
use crate::record::{Checksum, RecordError, Recorder};
use crate::scenario::Scenario;
use crate::units::Time;

/// One run of a plan on a stage.
///
/// Of what happens, its metrics are kept. Whatever else is wanted is asked for before it is
/// played: nothing else is computed, hashed or written.
#[must_use = "nothing is played before `play` or `record`"]
pub struct Run<'a> {
    pub(super) plan: &'a Plan,
    pub(super) stage: &'a dyn Backend,
    keeps: Keeps<'a>,
    fingerprint: bool,
    sinks: Vec<&'a mut dyn Sink>,
}

/// What is made of the events.
#[derive(Clone, Copy)]
enum Keeps<'a> {
    /// Nothing.
    Nothing,
    /// These metrics.
    Metrics(&'a [&'a str]),
    /// All findings but series, and the rows that figures draw along with them.
    Findings,
    /// These as well.
    Series,
}

/// A way to play a plan: that of a stage, or of one with more to it.
pub(super) type Way<'w> = &'w mut dyn FnMut(&Plan, &mut dyn Sink) -> Result<EndReason, Stop>;

/// What came of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outcome {
    /// Why it ended; `None` if it was stopped before its end, and then all else is of the time
    /// until there.
    pub end: Option<EndReason>,
    /// The hash over all its events, 64 hexadecimal digits, if it was asked for and the run came
    /// to its end.
    pub fingerprint: Option<String>,
    /// How many events it had, those included that were passed over as nobody needed them.
    pub events: u64,
    /// Its metrics, and one row for each node and each job. Of a run that was stopped while what
    /// nobody needs was passed over, they are of what was heard until there.
    pub findings: Findings,
    /// How it stands to each demand of the scenario's `[expect]`.
    pub verdicts: Vec<Verdict>,
}

impl Outcome {
    /// The value of a metric, in its unit; `None` if it has no meaning in this run. The names are
    /// those of `docs/metrics.md`.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<f64> {
        self.findings.metric(name).map(|metric| metric.value)
    }

    /// The demands of `[expect]` that it missed.
    pub fn missed(&self) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter().filter(|verdict| !verdict.is_met())
    }
}

/// Why a run has no whole outcome.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The plan has what this stage cannot play, a sentence for each.
    #[error("{scenario}: stage {stage} cannot play it: {}", reasons.join("; "))]
    CannotPlay {
        /// The scenario's name.
        scenario: String,
        /// The stage.
        stage: &'static str,
        /// What it cannot play.
        reasons: Vec<String>,
    },
    /// Something in the world keeps the stage from playing it now; nothing was touched.
    #[error(
        "{scenario}: stage {stage} is not ready, nothing was touched:\n  {}", reasons.join("\n  ")
    )]
    NotReady {
        /// The scenario's name.
        scenario: String,
        /// The stage.
        stage: &'static str,
        /// What keeps it.
        reasons: Vec<String>,
    },
    /// A sink stopped it, or the stage could not go on.
    #[error("{stop}")]
    Stopped {
        /// Why.
        stop: Stop,
        /// What it showed until then.
        so_far: Box<Outcome>,
    },
    /// Something could not be written or read.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// It came to its end and lies whole in its folder, but without a report.
    #[error(
        "{0}: the run is complete, but its report could not be drawn; try `rackstorm report {0}`",
        folder.display()
    )]
    Report {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: RecordError,
    },
    /// It did not come to its end, and left a folder that says so.
    #[error(
        "{scenario} {}; what there is lies in {}",
        if source.is_interrupted() { "was interrupted" } else { "failed" },
        folder.display()
    )]
    Left {
        /// The scenario's name.
        scenario: String,
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: Box<RunError>,
    },
}

impl RunError {
    /// Whether somebody asked for the end, so that nothing went wrong.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        match self {
            Self::Stopped { stop, .. } => *stop == Stop::Interrupted,
            Self::Left { source, .. } => source.is_interrupted(),
            Self::CannotPlay { .. }
            | Self::NotReady { .. }
            | Self::Record(_)
            | Self::Report { .. } => false,
        }
    }
}

impl<'a> Run<'a> {
    /// A run of this plan on this stage, not yet played.
    pub fn new(plan: &'a Plan, stage: &'a dyn Backend) -> Self {
        Self { plan, stage, keeps: Keeps::Findings, fingerprint: false, sinks: Vec::new() }
    }

    /// Keeps these metrics and those of the scenario's `[expect]`, and no rows of nodes and jobs.
    /// A name that is no metric's is of no metric that the run has.
    pub fn metrics(mut self, names: &'a [&'a str]) -> Self {
        self.keeps = Keeps::Metrics(names);
        self
    }

    /// Keeps quantities over time as well, as figures have them.
    pub fn series(mut self) -> Self {
        self.keeps = Keeps::Series;
        self
    }

    /// Keeps no findings: whoever asks for this has a sink that makes something else of the
    /// events.
    pub fn no_findings(mut self) -> Self {
        self.keeps = Keeps::Nothing;
        self
    }

    /// Hashes each event into a fingerprint.
    pub fn fingerprint(mut self) -> Self {
        self.fingerprint = true;
        self
    }

    /// Gives each event to this sink, after those that were named before. An error of it stops
    /// the run; the event that it was given is still part of the outcome.
    pub fn sink(mut self, sink: &'a mut dyn Sink) -> Self {
        self.sinks.push(sink);
        self
    }

    /// Plays it.
    ///
    /// # Errors
    /// When the stage cannot play the plan, or not now, and when the run is stopped before its
    /// end: the error then has what it showed so far.
    pub fn play(self) -> Result<Outcome, RunError> {
        self.check()?;
        let stage = self.stage;
        self.play_by(&mut |plan, sink| stage.play(plan, sink))
    }

    /// Plays it in some way, whatever its stage says.
    ///
    /// # Errors
    /// When it is stopped before its end.
    #[doc(hidden)]
    pub fn play_by(self, way: Way<'_>) -> Result<Outcome, RunError> {
        let recorder = self.fingerprint.then(|| Recorder::new(None));
        Ok(self.play_into(recorder, way)?.0)
    }

    /// Whether the stage can play all of the plan, and now.
    ///
    /// # Errors
    /// All that keeps it.
    pub fn check(&self) -> Result<(), RunError> {
        let (scenario, stage) = (self.plan.scenario.name.clone(), self.stage.name());
        let reasons = self.stage.cannot(self.plan);
        if !reasons.is_empty() {
            return Err(RunError::CannotPlay { scenario, stage, reasons });
        }
        let reasons = self.stage.preflight(self.plan);
        if !reasons.is_empty() {
            return Err(RunError::NotReady { scenario, stage, reasons });
        }
        Ok(())
    }

    /// Plays it into a recorder, if one is wanted, and says what the log holds.
    pub(super) fn play_into(
        self,
        recorder: Option<Recorder<File>>,
        way: Way<'_>,
    ) -> Result<(Outcome, Option<Checksum>), RunError> {
        let plan = self.plan;
        let fold = match self.keeps {
            Keeps::Nothing => None,
            Keeps::Metrics(names) => Some(Fold::only(plan, names)),
            Keeps::Findings => Some(Fold::new(plan)),
            Keeps::Series => Some(Fold::with_series(plan)),
        };
        let mut listener =
            Listener { fold, recorder, sinks: self.sinks, events: 0, last: Time::ZERO };
        let ended = way(plan, &mut listener);
        let Listener { fold, recorder, events, last, .. } = listener;
        // Also the log of a run that was stopped holds all that happened until then.
        let kept = recorder.map(Recorder::finish).transpose();
        let findings = fold.map(|fold| fold.finish(last));
        let has_findings = findings.is_some();
        let findings = findings.unwrap_or_default();
        let mut outcome = Outcome { events, findings, ..Outcome::default() };
        match ended {
            Ok(reason) => outcome.end = Some(reason),
            Err(stop) => return Err(RunError::Stopped { stop, so_far: Box::new(outcome) }),
        }
        if has_findings {
            outcome.verdicts = expect::check(&plan.scenario.expect, &outcome.findings.metrics);
        }
        let kept = kept?;
        outcome.fingerprint = kept.as_ref().map(|it| it.fingerprint.clone());
        Ok((outcome, kept.and_then(|it| it.log)))
    }
}

/// Plays a scenario on a stage, and gives what the parameters of the model can be fitted to.
///
/// # Errors
/// As [`Run::play`].
pub fn observe(scenario: &Scenario, stage: &dyn Backend) -> Result<Vec<Observation>, RunError> {
    let (plan, mut observed) = (Plan::make(scenario), Observed::default());
    let outcome = Run::new(&plan, stage).sink(&mut observed).play()?;
    Ok(observations(&outcome.findings, &observed))
}

/// Passes every event to all that listen to the run.
struct Listener<'a> {
    fold: Option<Fold>,
    recorder: Option<Recorder<File>>,
    sinks: Vec<&'a mut dyn Sink>,
    events: u64,
    last: Time,
}

impl Sink for Listener<'_> {
    fn event(&mut self, event: &Event) -> Result<(), Stop> {
        (self.last, self.events) = (event.at, self.events + 1);
        if let Some(fold) = &mut self.fold {
            fold.event(event);
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.event(event)?;
        }
        self.sinks.iter_mut().try_for_each(|sink| sink.event(event))
    }

    fn look(&mut self, now: Time) -> Result<(), Stop> {
        if let Some(recorder) = &mut self.recorder {
            recorder.look(now)?;
        }
        self.sinks.iter_mut().try_for_each(|sink| sink.look(now))
    }

    fn needs_all(&self) -> bool {
        let fold = self.fold.as_ref().is_some_and(Fold::has_series);
        fold || self.recorder.is_some() || self.sinks.iter().any(|sink| sink.needs_all())
    }

    fn passed_over(&mut self, events: u64, read: Option<Time>) {
        self.events += events;
        if let (Some(fold), Some(read)) = (&mut self.fold, read) {
            fold.read_again(read);
        }
        self.sinks.iter_mut().for_each(|sink| sink.passed_over(events, read));
    }
}
