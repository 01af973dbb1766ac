//! The search: all schedules of one and of two faults, and from there on by the worst.

use std::num::NonZero;

use super::alike::Parts;
use super::extend::{Extended, extend, loss};
use super::schedule::{Loss, Setting, Strike};
use crate::event::Stop;
use crate::experiment::branch::Refused;
use crate::experiment::{RunError, in_order};
use crate::units::Time;

/// Runs that nobody would wait for: about an hour, at a ten-thousandth of a second each.
const RUNS_MAX: u64 = 50_000_000;
/// Times that each fault of a schedule is put where it costs most.
const ROUNDS_MAX: usize = 10;
/// Members of a class that are tried in the place of the one that was found.
const MEMBERS_MAX: usize = 200;

/// What is asked for.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    /// Faults at most.
    pub faults: usize,
    /// So many runs at a time.
    pub jobs: Option<NonZero<usize>>,
    /// Whether to search however many runs it takes.
    pub whatever_it_takes: bool,
    /// Whether somebody wants it to end.
    pub stop: &'a (dyn Fn() -> bool + Sync),
    /// Takes how many runs were played, and of how many, as far as is known.
    pub progress: &'a (dyn Fn(u64, u64) + Sync),
}

/// A schedule, and what it costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Its faults, by time.
    pub schedule: Vec<Strike>,
    /// What they cost.
    pub loss: Loss,
}

/// What a search came to.
#[derive(Debug)]
pub struct Worst {
    /// The worst of one fault, of two, and so on.
    pub by_count: Vec<Found>,
    /// The worst of all, without faults that add nothing.
    pub cause: Found,
    /// What its faults cost without each of them.
    pub without: Vec<Loss>,
    /// How many faults it was exhaustive for: 0, 1 or 2.
    pub exhaustive: usize,
    /// Parts and instants that were tried for the first fault.
    pub parts: usize,
    /// See [`Self::parts`].
    pub instants: usize,
    /// Runs.
    pub runs: u64,
    /// How far the loss was off at most where another member of a part's class took its place (of
    /// so many), in the unit of the metric.
    pub unlike: (usize, f64),
    /// Whether nobody ended it early.
    pub complete: bool,
}

/// Looks for the worst schedule. One that is interrupted gives the worst so far, if there is one.
///
/// # Errors
/// [`Refused`] if it would take too long; [`RunError`] if runs cannot be played or were interrupted
/// before the first came to its end.
pub fn search(setting: &Setting, ask: Ask<'_>) -> anyhow::Result<Worst> {
    let parts = Parts::of(setting.original());
    let first = extend(setting, &parts, (&[], Time::ZERO), ask.stop).map_err(stopped)?;
    let mut search = Search { setting, parts, ask, by_count: Vec::new(), runs: 0 };
    search.runs = first.tried.len() as u64;
    let (strike, loss) = first.worst().expect("a rule strikes a part at an instant");
    search.by_count.push(Found { schedule: vec![strike], loss });
    let mut exhaustive = 1;
    let ended = search.go_on(&first, &mut exhaustive);
    let complete = match ended {
        Ok(()) => !(ask.stop)(),
        Err(error) if is_interrupted(&error) => false,
        Err(error) => return Err(error),
    };
    let mut worst = search.by_count[0].clone();
    for found in &search.by_count {
        if found.loss.exceeds(worst.loss) {
            worst = found.clone();
        }
    }
    let unlike = if complete { search.try_members(&mut worst)? } else { (0, 0.0) };
    for found in search.by_count.iter_mut().skip(worst.schedule.len() - 1) {
        if worst.loss.exceeds(found.loss) {
            *found = worst.clone();
        }
    }
    let cause = search.minimal(worst)?;
    let without = search.without(&cause)?;
    let Search { by_count, runs, .. } = search;
    let (parts, instants) = (first.parts, first.instants);
    let found =
        Worst { by_count, cause, without, exhaustive, parts, instants, runs, unlike, complete };
    Ok(found)
}

fn stopped(stop: Stop) -> anyhow::Error {
    RunError::Stopped { stop, so_far: Box::default() }.into()
}

fn is_interrupted(error: &anyhow::Error) -> bool {
    error.downcast_ref::<RunError>().is_some_and(RunError::is_interrupted)
}

struct Search<'a> {
    setting: &'a Setting,
    parts: Parts,
    ask: Ask<'a>,
    by_count: Vec<Found>,
    runs: u64,
}

impl Search<'_> {
    /// The worst of all so far.
    fn last(&self) -> &Found {
        &self.by_count[self.by_count.len() - 1]
    }

    fn go_on(&mut self, first: &Extended, exhaustive: &mut usize) -> anyhow::Result<()> {
        if self.ask.faults >= 2 && self.last().loss != Loss::Unfinished {
            self.pairs(first)?;
            *exhaustive = 2;
        }
        while self.by_count.len() < self.ask.faults && self.last().loss != Loss::Unfinished {
            self.one_more()?;
        }
        Ok(())
    }

    /// Every second fault after each first one.
    fn pairs(&mut self, first: &Extended) -> anyhow::Result<()> {
        let (count, each) = (first.tried.len() as u64, first.tried.len() as u64);
        // About half of the instants come after the first fault.
        let runs = count.saturating_mul(each) / 2;
        if runs > RUNS_MAX && !self.ask.whatever_it_takes {
            let why = format!(
                "two faults of {} kinds on {} parts at {} instants are some {runs} runs",
                self.setting.rules.len(),
                first.parts,
                first.instants
            );
            let hint = "fewer kinds of faults, less work, or longer intervals; --yes plays them";
            return Err(Refused::new(why, hint).into());
        }
        let (setting, parts, ask) = (self.setting, &self.parts, self.ask);
        let one = |number: usize| {
            let (strike, _) = first.tried[number];
            let extended = extend(setting, parts, (&[strike], strike.at), ask.stop)?;
            Ok((strike, extended.worst(), extended.tried.len() as u64))
        };
        let (mut worst, mut failed, mut done) = (self.last().clone(), None, 0);
        let runs = &mut self.runs;
        in_order(first.tried.len(), ask.jobs, &one, &mut |result| match result {
            Ok((strike, second, played)) => {
                (*runs, done) = (*runs + played, done + 1);
                (ask.progress)(*runs, *runs / done * count);
                if let Some((second, loss)) = second.filter(|(_, loss)| loss.exceeds(worst.loss)) {
                    worst = Found { schedule: vec![strike, second], loss };
                }
            }
            Err(stop) => failed = Some(stop),
        });
        self.by_count.push(worst);
        failed.map_or(Ok(()), |stop| Err(stopped(stop)))
    }

    /// One fault more, and then each where it costs most.
    fn one_more(&mut self) -> anyhow::Result<()> {
        let mut best = self.last().clone();
        self.put(&mut best, None)?;
        for _ in 0..ROUNDS_MAX {
            let before = best.loss;
            for place in 0..best.schedule.len() {
                if best.loss != Loss::Unfinished {
                    self.put(&mut best, Some(place))?;
                }
            }
            if !best.loss.exceeds(before) {
                break;
            }
        }
        self.by_count.push(best);
        Ok(())
    }

    /// Puts a fault where it costs most: one more, or that of a place.
    fn put(&mut self, best: &mut Found, place: Option<usize>) -> anyhow::Result<()> {
        let mut base = best.schedule.clone();
        if let Some(place) = place {
            base.remove(place);
        }
        let extended = extend(self.setting, &self.parts, (&base, Time::ZERO), self.ask.stop);
        let extended = extended.map_err(stopped)?;
        self.runs += extended.tried.len() as u64;
        (self.ask.progress)(self.runs, self.runs);
        if let Some((strike, loss)) = extended.worst().filter(|(_, loss)| loss.exceeds(best.loss)) {
            base.push(strike);
            base.sort_by_key(|strike| strike.at);
            *best = Found { schedule: base, loss };
        }
        Ok(())
    }

    /// Puts every member of each part's class in its place, and takes over what costs more. Gives
    /// how many there were, and how far off they were at most.
    fn try_members(&mut self, worst: &mut Found) -> anyhow::Result<(usize, f64)> {
        let (mut count, mut off) = (0, 0.0_f64);
        let found = worst.clone();
        for place in 0..found.schedule.len() {
            let others = found.schedule.iter().enumerate().filter(|(other, _)| *other != place);
            let strike = found.schedule[place];
            let classes = self.parts.classes(others.map(|(_, strike)| strike.part));
            let members = classes.members(strike.part, self.setting.on(strike.rule).iter());
            let every = members.len().div_ceil(MEMBERS_MAX).max(1);
            for index in members.into_iter().step_by(every) {
                if (self.ask.stop)() {
                    return Ok((count, off));
                }
                let mut schedule = found.schedule.clone();
                schedule[place].part.index = index;
                let loss = loss(self.setting, &schedule)?;
                (self.runs, count) = (self.runs + 1, count + 1);
                off = match (loss, found.loss) {
                    (Loss::Of(own), Loss::Of(other)) => off.max((own - other).abs()),
                    (Loss::Unfinished, Loss::Unfinished) => off,
                    _ => f64::INFINITY,
                };
                if loss.exceeds(worst.loss) {
                    *worst = Found { schedule, loss };
                }
            }
        }
        Ok((count, off))
    }

    /// The same without faults that add nothing.
    fn minimal(&mut self, worst: Found) -> anyhow::Result<Found> {
        let mut cause = worst;
        let mut place = 0;
        while place < cause.schedule.len() {
            let mut fewer = cause.schedule.clone();
            fewer.remove(place);
            self.runs += 1;
            if cause.loss.exceeds(loss(self.setting, &fewer)?) {
                place += 1;
            } else {
                cause.schedule = fewer;
            }
        }
        Ok(cause)
    }

    /// What is left of the loss without each fault.
    fn without(&mut self, cause: &Found) -> anyhow::Result<Vec<Loss>> {
        let one = |place: usize| {
            let mut fewer = cause.schedule.clone();
            fewer.remove(place);
            loss(self.setting, &fewer)
        };
        (0..cause.schedule.len()).map(one).collect()
    }
}
