//! The chance of a rare event in a run, by importance sampling of whole runs of the model.
//!
//! Pilots find how fast hazard is to count at each level ([`Bias`]), the outermost level first: so
//! that `AIM` strikes are to be expected in a run. Then runs are played, with the seeds that a
//! study of the scenario has, until the interval of their weighted mean is narrow enough.
//!
//! Why so many: let a run have many windows, in each of which the event comes with a small chance,
//! and let the bias make it come f times in a run on average. The variance of an estimate from one
//! run is then (e^f - 1) / f^2 - 1 times the square of the mean, least at f = 1.594. Derived:
//! windows are Poisson, the ratio of a run that meets the event at time t is e^(f t) / f.

use std::num::NonZero;
use std::sync::{Mutex, PoisonError};

use super::in_order;
use super::run::{Run, RunError};
use crate::analysis::rare::{CONFIDENCE, Estimate, Pilot, Weighted};
use crate::backend::Backend as _;
use crate::backend::model::Model;
use crate::control::{Bias, LEVELS, RareEvent, Weighed};
use crate::event::{Event, Sink, Stop};
use crate::ids::{FaultId, JobId};
use crate::plan::Plan;
use crate::scenario::job::KeptAt;

/// Strikes at a level, and checks that miss, to be expected in a run.
const AIM: f64 = 1.594;

/// Runs of each pilot.
const PILOT: u64 = 64;

/// Pilots have the seeds from here on, counted from the scenario's own, so that the speeds hang on
/// no run that is counted.
const PILOT_SEEDS: u64 = 1 << 40;

/// Runs before the first look at the interval.
const FIRST: usize = 1_000;

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// What is rare.
    pub event: RareEvent,
    /// Half the width of the interval, as a share of the chance, at which there are enough runs.
    pub precision: f64,
    /// At most so many runs.
    pub effort: usize,
    /// Whether all goes as by nature.
    pub plain: bool,
    /// Runs at a time; by default one for each processor core.
    pub jobs: Option<NonZero<usize>>,
}

/// Why nothing was found.
#[derive(Debug, thiserror::Error)]
pub enum RareError {
    /// It cannot happen, or cannot be made more frequent: a sentence.
    #[error("{0}")]
    Refused(String),
    /// It did not happen.
    #[error(
        "it did not happen in {runs} runs{}",
        if *plain { format!(", so its chance is below {:.2e} (99 %)", never(*runs)) }
        else { "; try a larger --effort".to_owned() }
    )]
    NotSeen {
        /// How many were played.
        runs: usize,
        /// Whether they went as by nature.
        plain: bool,
    },
    /// A run could not be played.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// The chance of an event that `runs` runs do not show in 1 of 100 times: 1 - 0.01^(1/n).
fn never(runs: usize) -> f64 {
    -libm::expm1(libm::log(1.0 - CONFIDENCE) / runs.max(1) as f64)
}

/// Plays until the chance of the event is known well enough. `looked` is shown what is known after
/// each round; `is_stopped` says whether somebody wants an early end: it is what was known after
/// the last whole round then.
///
/// # Errors
/// When the event cannot happen or did not, when a run fails, and when an early end was wanted
/// before anything was known.
pub fn estimate(
    plan: &Plan,
    wanted: Wanted,
    looked: &mut dyn FnMut(&Estimate),
    is_stopped: &(dyn Fn() -> bool + Sync),
) -> Result<Estimate, RareError> {
    refuse(plan, wanted)?;
    let player = Player { plan, wanted, is_stopped };
    let (bias, pilot) = player.pilot()?;
    let mut runs = Vec::new();
    let mut next = FIRST;
    loop {
        let from = runs.len() as u64;
        match player.play(&bias, from, next.min(wanted.effort) as u64 - from) {
            Ok(round) => runs.extend(round.runs),
            Err(stopped @ RareError::Run(RunError::Stopped { .. })) => {
                let known = Estimate::of(runs, &bias, pilot).filter(|known| known.hits() > 0);
                return known.ok_or(stopped);
            }
            Err(error) => return Err(error),
        }
        let so_far = Estimate::of(std::mem::take(&mut runs), &bias, pilot);
        let so_far = so_far.expect("there are more than two runs");
        looked(&so_far);
        let (count, relative) = (so_far.runs.len(), so_far.relative());
        if relative <= wanted.precision || count >= wanted.effort {
            if so_far.hits() == 0 {
                return Err(RareError::NotSeen { runs: count, plain: wanted.plain });
            }
            return Ok(so_far);
        }
        let share = relative / wanted.precision;
        let needed = (count as f64 * share * share * 1.1).min(4.0 * count as f64);
        next = (needed as usize).max(count + 1).next_multiple_of(FIRST);
        runs = so_far.runs;
    }
}

/// Refuses a plan in which the event cannot happen, or in which nothing can be made more frequent.
fn refuse(plan: &Plan, wanted: Wanted) -> Result<(), RareError> {
    let refused = |why: &str| Err(RareError::Refused(why.to_owned()));
    let cannot = Model.cannot(plan);
    if !cannot.is_empty() {
        return refused(&format!("the model cannot play it: {}", cannot.join("; ")));
    }
    if plan.jobs.is_empty() {
        return refused("there is no job, so that no checkpoint is lost and no result is wrong");
    }
    match wanted.event {
        RareEvent::CheckpointsLost if !has_buddies(plan) => {
            return refused(
                "no job keeps checkpoints in the memory of buddies: give it a \
                 [[checkpoint.multilevel.level]] with to = \"buddies\"",
            );
        }
        RareEvent::CorruptionEscaped if !plan.corrupts() => {
            return refused(
                "nothing corrupts memory silently: give it a [[fault.silent-corruption]] or a \
                 [[fault.upset]]",
            );
        }
        RareEvent::CheckpointsLost | RareEvent::CorruptionEscaped => {}
    }
    let mut rules = (0..plan.scenario.faults.len() as u16).map(FaultId);
    if !wanted.plain && !rules.any(|rule| wanted.event.hangs_on(plan, rule)) {
        return refused(
            "no fault with a `lifetime` on nodes, without `prediction` and with one law for the \
             whole run, can bring it about, so that nothing can be made more frequent; --plain \
             plays it as it is",
        );
    }
    Ok(())
}

fn has_buddies(plan: &Plan) -> bool {
    let jobs = (0..plan.jobs.len() as u16).map(JobId);
    jobs.filter_map(|of| plan.checkpoint_of(of)).any(|spec| {
        (0..spec.levels())
            .any(|level| matches!(spec.cost(level).kept_at(), Some(KeptAt::Buddies { .. })))
    })
}

/// Several runs.
#[derive(Default)]
struct Played {
    runs: Vec<Weighted>,
    /// Sums over them.
    hazard: [f64; LEVELS],
    misses: f64,
    run_time: f64,
}

struct Player<'a> {
    plan: &'a Plan,
    wanted: Wanted,
    is_stopped: &'a (dyn Fn() -> bool + Sync),
}

impl Player<'_> {
    /// Runs number `from` and so many after it.
    fn play(&self, bias: &Bias, from: u64, count: u64) -> Result<Played, RareError> {
        let mut all = Played::default();
        let failed = Mutex::new(None);
        let failure = || failed.lock().unwrap_or_else(PoisonError::into_inner);
        let one = |number: usize| {
            if (self.is_stopped)() || failure().is_some() {
                return None;
            }
            let seed = self.plan.scenario.seed.wrapping_add(from).wrapping_add(number as u64);
            match self.one(bias, seed) {
                Ok(done) => Some(done),
                Err(error) => {
                    *failure() = Some(error);
                    None
                }
            }
        };
        in_order(count as usize, self.wanted.jobs, &one, &mut |played| {
            let Some((run, bias, run_time)) = played else { return };
            all.runs.push(run);
            for (sum, hazard) in all.hazard.iter_mut().zip(bias.hazard) {
                *sum += hazard;
            }
            all.misses += bias.misses;
            all.run_time += run_time;
        });
        if (self.is_stopped)() {
            let so_far = Box::default();
            return Err(RunError::Stopped { stop: Stop::Interrupted, so_far }.into());
        }
        if let Some(error) = failure().take() {
            return Err(error.into());
        }
        Ok(all)
    }

    fn one(&self, bias: &Bias, seed: u64) -> Result<(Weighted, Weighed, f64), RunError> {
        let plan = self.plan.with_seed(seed);
        let metric = self.wanted.event.metric();
        let mut weighed = Weighed::default();
        let mut stopped = Stopped(self.is_stopped);
        let names = [metric, "run_time"];
        let run = Run::new(&plan, &Model).metrics(&names).sink(&mut stopped);
        let outcome = run.play_by(&mut |plan, sink| {
            let (end, sum) = Model::play_biased(plan, bias, sink)?;
            weighed = sum;
            Ok(end)
        })?;
        let count = outcome.metric(metric).unwrap_or(0.0);
        let ratio = libm::exp(weighed.log_ratio);
        let run_time = outcome.metric("run_time").unwrap_or(0.0);
        Ok((Weighted { seed, ratio, count }, weighed, run_time))
    }

    /// The bias, and what the pilots that found it showed.
    fn pilot(&self) -> Result<(Bias, Pilot), RareError> {
        let mut bias = Bias::none(self.wanted.event);
        let mut played = self.play(&bias, PILOT_SEEDS, PILOT)?;
        let (mut pilots, run_time) = (PILOT, played.run_time / PILOT as f64);
        if self.wanted.plain {
            return Ok((bias, Pilot { runs: pilots, run_time }));
        }
        let mean = |sum: f64| sum / PILOT as f64;
        match self.wanted.event {
            RareEvent::CheckpointsLost => {
                for level in 1..LEVELS {
                    let hazard = mean(played.hazard[level]);
                    if hazard <= 0.0 {
                        break;
                    }
                    bias.speeds[level] = (AIM / hazard).max(1.0);
                    played = self.play(&bias, PILOT_SEEDS, PILOT)?;
                    pilots += PILOT;
                }
                if pilots == PILOT {
                    return Err(self.never("no node that holds an image could fail"));
                }
            }
            RareEvent::CorruptionEscaped => {
                let met =
                    |levels: [usize; 2]| mean(levels.map(|it| played.hazard[it]).iter().sum());
                let (near, far) = (met([1, 2]), met([3, 4]));
                if near <= 0.0 {
                    return Err(self.never("no memory that a job uses could be corrupted"));
                }
                bias.speeds[1..=2].fill((AIM / near).max(1.0));
                // What strikes far from the end has to be missed once more.
                let share = self.missed();
                if far > 0.0 && share > 0.0 {
                    bias.speeds[3..=4].fill((AIM * share / far).max(1.0));
                }
                played = self.play(&bias, PILOT_SEEDS, PILOT)?;
                pilots += PILOT;
                let misses = mean(played.misses);
                if misses > 0.0 {
                    bias.misses = (AIM / misses).max(1.0);
                }
            }
        }
        Ok((bias, Pilot { runs: pilots, run_time }))
    }

    /// The largest share of corrupt memory that verifications of a job miss.
    fn missed(&self) -> f64 {
        let jobs = (0..self.plan.jobs.len() as u16).map(JobId);
        let verified = jobs.filter_map(|of| self.plan.verify(of));
        verified.map(|verify| 1.0 - verify.coverage).fold(0.0, f64::max)
    }

    fn never(&self, why: &str) -> RareError {
        let metric = self.wanted.event.metric();
        RareError::Refused(format!("in {PILOT} runs of the pilot {why}; `{metric}` cannot rise"))
    }
}

/// Lets no run go on once an early end is wanted.
struct Stopped<'a>(&'a (dyn Fn() -> bool + Sync));

impl Sink for Stopped<'_> {
    fn event(&mut self, _: &Event) -> Result<(), Stop> {
        if (self.0)() { Err(Stop::Interrupted) } else { Ok(()) }
    }

    fn needs_all(&self) -> bool {
        false
    }
}
