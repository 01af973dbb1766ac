//! Checkpoints of several levels: cheap ones for frequent failures, strong ones for the others.
//!
//! ```text
//!  interval   1   2   3   4   5   6   7   8   9  10  11  12
//!  level      0   0   1   0   0   1   0   0   1   0   0   2     `every` 3, then 4
//! ```
//!
//! All goes as with [`super::coordinated`], but that each checkpoint has a level, the lowest 0, and
//! that those of higher levels outlast newer ones below them: a restart reads the newest that is
//! left. Which are left, and which the nodes within reach can read, is known to whoever holds them,
//! and emitted by [`Multilevel::forget`]. After a restart the pattern goes on behind the checkpoint
//! that was read, as in SCR's model ([`crate::theory::scr`]).
//!
//! Levels may be written while the job computes ([`super::drain`]). Such a checkpoint is committed
//! when all of it has arrived. A copy of one of the level below has a number of its own, the one
//! before: so it counts as older, and the one below is read first. That one may be kept next to
//! newer ones until the copy is complete.

use serde::{Deserialize, Serialize};

use crate::event::{Cause, CheckpointAct, JobPhase, What};
use crate::ids::{JobId, NodeId};
use crate::protocol::drain::{Draining, Drains, Writing};
use crate::protocol::{JobOrder, Plain};
use crate::scenario::job::Below;
use crate::units::{Span, Time};
use crate::workload::bulk_synchronous::BulkSynchronous;

/// When checkpoints of which level are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pattern {
    /// Computing after which the next one is due, of whatever level.
    pub interval: Span,
    /// Of each level: of the checkpoints that would be of the level below, every k-th is of
    /// this one. Of the lowest level are all others.
    pub every: Vec<u32>,
    /// How those of each level are written.
    pub writing: Vec<Writing>,
    /// Whether one is written after the last step.
    pub last: bool,
    /// Whether a restart without a checkpoint reads the initial state back, at the highest level.
    pub initial: bool,
}

impl Pattern {
    /// The level of the checkpoint at this place of the pattern, from 1.
    #[must_use]
    pub fn level(&self, place: u64) -> usize {
        let mut left = place;
        let mut level = 0;
        for every in self.every[1..].iter().map(|&every| u64::from(every)) {
            if !left.is_multiple_of(every) {
                break;
            }
            left /= every;
            level += 1;
        }
        level
    }
}

/// A committed checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    number: u64,
    level: usize,
    /// Its last step.
    step: u64,
    /// Its place in the pattern.
    place: u64,
}

/// The machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Multilevel {
    job: JobId,
    work: BulkSynchronous,
    pattern: Pattern,
    phase: JobPhase,
    /// Start of the phase.
    since: Time,
    /// Computing since the last checkpoint or restart.
    computed: Span,
    /// The committed checkpoints, the newest last: the older, the stronger.
    kept: Vec<Kept>,
    /// Place in the pattern of the checkpoint that is written, or of the last one.
    place: u64,
    /// Level of the checkpoint that is written or read.
    level: usize,
    /// Checkpoints begun.
    number: u64,
    /// Of the checkpoint that is written, the copy that is to be made.
    copy: Option<Draining>,
    /// Those that are written while it computes.
    drains: Drains,
    /// Whether it has ever started.
    started: bool,
    /// The node whose failure the job recovers from.
    failed: NodeId,
}

impl Multilevel {
    /// A job that waits for its nodes.
    #[must_use]
    pub fn new(job: JobId, work: BulkSynchronous, pattern: Pattern) -> Self {
        Self {
            job,
            work,
            pattern,
            phase: JobPhase::Waiting,
            since: Time::ZERO,
            computed: Span::ZERO,
            kept: Vec::new(),
            place: 0,
            level: 0,
            number: 0,
            copy: None,
            drains: Drains::default(),
            started: false,
            failed: NodeId(0),
        }
    }

    /// The phase it is in.
    #[must_use]
    pub fn phase(&self) -> JobPhase {
        self.phase
    }

    /// Steps completed and not thrown away.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.work.done()
    }

    /// When which level is written.
    #[must_use]
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// Level of the checkpoint that is written or read.
    #[must_use]
    pub fn level(&self) -> usize {
        self.level
    }

    /// Number and last step of the newest committed checkpoint.
    #[must_use]
    pub fn newest(&self) -> Option<(u64, u64)> {
        self.kept.last().map(|kept| (kept.number, kept.step))
    }

    /// See [`Protocol::uneventful_steps`](super::Protocol::uneventful_steps).
    #[must_use]
    pub fn uneventful_steps(&self) -> u64 {
        let computes = matches!(self.phase, JobPhase::Compute | JobPhase::Rework);
        let due = Some(u128::from(self.pattern.interval.0));
        if computes { self.work.alike_before(self.computed, due) } else { 0 }
    }

    /// See [`Protocol::pass_over`](super::Protocol::pass_over).
    pub fn pass_over(&mut self, now: Time, steps: u64) {
        assert!(steps <= self.uneventful_steps(), "what comes to something is not passed over");
        self.computed += self.work.complete_alike(steps);
        self.since = now;
    }

    /// The checkpoint that is written while the job computes, if one is.
    #[must_use]
    pub fn draining(&self) -> Option<Draining> {
        self.drains.under_way()
    }

    /// The last byte of the checkpoint that was written while the job computed has arrived.
    pub fn drained(&mut self, emitted: &mut Vec<What>) {
        let done = self.drains.complete();
        let Draining { number, level, step, place, .. } = done;
        let newer = self.kept.partition_point(|kept| kept.number < number);
        self.kept.insert(newer, Kept { number, level, step, place });
        self.drop_replaced();
        self.emit_drain(done, CheckpointAct::Commit, emitted);
    }

    /// The checkpoints that are kept until they are copied, even when newer ones replace them.
    #[must_use]
    pub fn held(&self) -> Vec<u64> {
        self.drains.iter().filter(|it| it.below.keeps).map(Draining::source).collect()
    }

    /// Drops what newer checkpoints of its level or above replace, unless it is still to be copied.
    fn drop_replaced(&mut self) {
        let (all, held) = (std::mem::take(&mut self.kept), self.held());
        let is_newest = |at: usize| all[at + 1..].iter().all(|newer| newer.level < all[at].level);
        let stays = |&at: &usize| is_newest(at) || held.contains(&all[at].number);
        self.kept = (0..all.len()).filter(stays).map(|at| all[at]).collect();
    }

    /// Takes one input; adds what happened to `emitted` and says what to do next.
    pub fn on(&mut self, now: Time, input: impl Into<Plain>, emitted: &mut Vec<What>) -> JobOrder {
        match input.into() {
            Plain::Placed => self.placed(now, emitted),
            Plain::StepDone => self.step_done(now, emitted),
            Plain::Written => self.written(now, emitted),
            Plain::Read => self.compute(now, emitted),
            Plain::Failed(node) => self.failed(now, node, emitted),
            Plain::TimedOut => self.time_out(now, emitted),
        }
    }

    /// A committed checkpoint can never be read back any more, or is given up. Emitted before the
    /// failure that has done it, or while the job waits.
    pub fn forget(&mut self, number: u64, emitted: &mut Vec<What>) {
        let place = self.kept.iter().position(|kept| kept.number == number);
        let Kept { number, step, .. } = self.kept.remove(place.expect("it was committed"));
        emitted.push(What::Checkpoint { job: self.job, number, act: CheckpointAct::Lose, step });
        self.give_up(|it| it.below.keeps && it.source() == number, emitted);
        if self.phase == JobPhase::Waiting {
            let lost = self.roll_back();
            if lost > Span::ZERO {
                emitted.push(What::WorkLost { job: self.job, node: self.failed, lost });
            }
        }
    }

    fn placed(&mut self, now: Time, emitted: &mut Vec<What>) -> JobOrder {
        assert_eq!(self.phase, JobPhase::Waiting, "only a waiting job can be placed");
        let again = std::mem::replace(&mut self.started, true);
        self.computed = Span::ZERO;
        if again && (!self.kept.is_empty() || self.pattern.initial) {
            self.level = self.kept.last().map_or(self.pattern.every.len() - 1, |kept| kept.level);
            self.enter(now, JobPhase::Restart, Cause::Course, emitted);
            return JobOrder::Read;
        }
        self.compute(now, emitted)
    }

    fn step_done(&mut self, now: Time, emitted: &mut Vec<What>) -> JobOrder {
        self.computed += self.work.next_step().expect("a step was ordered");
        self.work.complete();
        emitted.push(What::StepDone { job: self.job, step: self.work.done() });
        let due = self.computed >= self.pattern.interval;
        let finished = self.work.next_step().is_none();
        let write = if finished { self.pattern.last } else { due };
        if !write {
            return self.compute(now, emitted);
        }
        self.number += 1;
        self.place += 1;
        self.level = self.pattern.level(self.place);
        match self.pattern.writing[self.level] {
            Writing::Copied(below) => {
                self.copy = Some(self.as_draining(below));
                self.number += 1;
                self.level -= 1;
            }
            Writing::Latent(below) if below.keeps => {
                self.copy = Some(self.as_draining(below));
                self.number += 1;
            }
            Writing::Stopped | Writing::Latent(_) => {}
        }
        self.emit_checkpoint(CheckpointAct::Begin, emitted);
        self.enter(now, JobPhase::Checkpoint, Cause::Course, emitted);
        JobOrder::Write
    }

    fn written(&mut self, now: Time, emitted: &mut Vec<What>) -> JobOrder {
        self.computed = Span::ZERO;
        if let Writing::Latent(below) = self.pattern.writing[self.level] {
            if !below.keeps {
                self.drain(self.as_draining(below), emitted);
                return self.compute(now, emitted);
            }
            // What the job has stood for is at the level below.
            self.level -= 1;
        }
        let (number, level, place) = (self.number, self.level, self.place);
        self.kept.push(Kept { number, level, step: self.work.done(), place });
        self.emit_checkpoint(CheckpointAct::Commit, emitted);
        self.give_up(|older| older.level <= level, emitted);
        if let Some(copy) = self.copy.take() {
            self.emit_drain(copy, CheckpointAct::Begin, emitted);
            self.drain(copy, emitted);
        }
        self.drop_replaced();
        self.compute(now, emitted)
    }

    /// The checkpoint that is written, for when it is complete.
    fn as_draining(&self, below: Below) -> Draining {
        let (number, level, place) = (self.number, self.level, self.place);
        Draining { number, level, step: self.work.done(), place, below }
    }

    fn drain(&mut self, new: Draining, emitted: &mut Vec<What>) {
        if let Some(older) = self.drains.add(new) {
            self.emit_drain(older, CheckpointAct::Abandon, emitted);
        }
    }

    /// Gives up some of what is written while the job computes.
    fn give_up(&mut self, which: impl Fn(&Draining) -> bool, emitted: &mut Vec<What>) {
        for drain in self.drains.give_up(which) {
            self.emit_drain(drain, CheckpointAct::Abandon, emitted);
        }
    }

    fn emit_drain(&self, drain: Draining, act: CheckpointAct, emitted: &mut Vec<What>) {
        let Draining { number, step, .. } = drain;
        emitted.push(What::Checkpoint { job: self.job, number, act, step });
    }

    fn compute(&mut self, now: Time, emitted: &mut Vec<What>) -> JobOrder {
        let Some(span) = self.work.next_step() else {
            self.give_up(|_| true, emitted);
            self.enter(now, JobPhase::Done, Cause::Course, emitted);
            return JobOrder::Finish;
        };
        let phase = if self.work.is_rework() { JobPhase::Rework } else { JobPhase::Compute };
        self.enter(now, phase, Cause::Course, emitted);
        JobOrder::Compute(span)
    }

    fn failed(&mut self, now: Time, node: NodeId, emitted: &mut Vec<What>) -> JobOrder {
        match self.phase {
            JobPhase::Done | JobPhase::TimedOut => return JobOrder::Finish,
            JobPhase::Checkpoint => self.emit_checkpoint(CheckpointAct::Abandon, emitted),
            _ => {}
        }
        self.copy = None;
        let left: Vec<_> = self.kept.iter().map(|kept| kept.number).collect();
        self.give_up(|it| !(it.below.resumes && left.contains(&it.source())), emitted);
        self.drop_replaced();
        self.failed = node;
        let mut lost = self.roll_back();
        if matches!(self.phase, JobPhase::Compute | JobPhase::Rework) {
            lost += now.since(self.since);
        }
        if self.phase != JobPhase::Waiting || lost > Span::ZERO {
            emitted.push(What::WorkLost { job: self.job, node, lost });
        }
        self.enter(now, JobPhase::Waiting, Cause::NodeFailure, emitted);
        JobOrder::Wait
    }

    /// The walltime is over: nothing goes on.
    fn time_out(&mut self, now: Time, emitted: &mut Vec<What>) -> JobOrder {
        if self.phase == JobPhase::Checkpoint {
            self.emit_checkpoint(CheckpointAct::Abandon, emitted);
        }
        self.copy = None;
        self.give_up(|_| true, emitted);
        self.enter(now, JobPhase::TimedOut, Cause::Course, emitted);
        JobOrder::Finish
    }

    /// Back to the newest checkpoint, or to the start; gives the computing that is lost.
    fn roll_back(&mut self) -> Span {
        let (step, place) = self.kept.last().map_or((0, 0), |kept| (kept.step, kept.place));
        self.place = place;
        self.work.roll_back(step)
    }

    fn emit_checkpoint(&self, act: CheckpointAct, emitted: &mut Vec<What>) {
        let (number, step) = (self.number, self.work.done());
        emitted.push(What::Checkpoint { job: self.job, number, act, step });
    }

    /// Enters a phase; a phase that goes on is not emitted again, but its clock starts anew at each
    /// step.
    fn enter(&mut self, now: Time, phase: JobPhase, cause: Cause, emitted: &mut Vec<What>) {
        self.since = now;
        if self.phase != phase {
            self.phase = phase;
            emitted.push(What::JobPhase { job: self.job, phase, cause });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Input;
    use crate::protocol::seating::Seating;
    use crate::rng::{Draw, Stream};
    use crate::scenario::job::{
        Checkpoint, Cost, Exposed, Exposure, Level, Multilevel as Spec, Strikes,
    };
    use crate::units::Bytes;
    use std::collections::BTreeSet;

    const STEP: Span = Span(10);

    fn pattern(interval: u64, every: &[u32]) -> Pattern {
        let writing = vec![Writing::Stopped; every.len()];
        let (interval, every) = (Span(interval), every.into());
        Pattern { interval, every, writing, last: false, initial: true }
    }

    fn machine(steps: u64, pattern: Pattern) -> Multilevel {
        Multilevel::new(JobId(0), BulkSynchronous::new(steps, STEP, STEP), pattern)
    }

    #[test]
    fn every_so_kth_checkpoint_is_of_the_next_level() {
        let levels = |every: &[u32]| -> Vec<usize> {
            (1..=12).map(|place| pattern(1, every).level(place)).collect()
        };
        assert_eq!(levels(&[1, 3, 4]), [0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 2]);
        assert_eq!(levels(&[1, 1]), [1; 12], "all of them");
        assert_eq!(levels(&[1]), [0; 12]);
    }

    #[test]
    fn what_is_given_up_while_the_job_waits_loses_the_work_since_the_one_below() {
        let mut job = machine(10, pattern(10, &[1, 2]));
        let mut emitted = Vec::new();
        job.on(Time(0), Input::Placed, &mut emitted);
        for number in 1..=3 {
            assert_eq!(
                job.on(Time(20 * number - 10), Input::StepDone, &mut emitted),
                JobOrder::Write
            );
            job.on(Time(20 * number), Input::Written, &mut emitted);
        }
        emitted.clear();
        assert_eq!(job.on(Time(65), Input::Failed(NodeId(4)), &mut emitted), JobOrder::Wait);
        job.forget(3, &mut emitted);
        let (job_id, node) = (JobId(0), NodeId(4));
        let lost = |span| What::WorkLost { job: job_id, node, lost: Span(span) };
        let act = CheckpointAct::Lose;
        assert_eq!(emitted[0], lost(5));
        assert_eq!(
            emitted[2..],
            [What::Checkpoint { job: job_id, number: 3, act, step: 3 }, lost(10)]
        );
        assert_eq!(job.on(Time(70), Input::Placed, &mut emitted), JobOrder::Read);
        assert_eq!((job.done(), job.level()), (2, 1), "the newest that is left is of level 1");
    }

    /// The obvious twin: all checkpoints that were ever committed, none replaced.
    #[derive(Default)]
    struct Twin {
        /// Level, step, and whether it still can be read back.
        all: Vec<(usize, u64, bool)>,
    }

    impl Twin {
        fn newest(&self) -> Option<usize> {
            self.all.iter().rposition(|&(_, _, whole)| whole)
        }

        fn struck(&mut self, class: usize, escalates_to: usize) {
            for (level, _, whole) in &mut self.all {
                *whole &= *level + 1 >= class.max(escalates_to);
            }
        }
    }

    struct Play {
        job: Multilevel,
        seating: Seating,
        twin: Twin,
        levels: usize,
        escalate: bool,
        now: u64,
        last_order: JobOrder,
    }

    impl Play {
        fn begin(draw: &mut Draw) -> Self {
            let levels = 1 + draw.below(4) as usize;
            let every: Vec<_> = (0..levels).map(|_| 1 + draw.below(3) as u32).collect();
            let escalate = draw.below(2) == 0;
            let fixed = Cost::Fixed { write: Span(1), read: Span(1), downtime: Span(0) };
            let level = |&every: &u32| {
                let every = Some(every);
                Level { size: Bytes(0), cost: fixed, every, drain: None }
            };
            let phases = Strikes { checkpoint: true, restart: true, downtime: true };
            let strikes = Exposure { phases, silent: Exposed::Always };
            let spec = Checkpoint::Multilevel(Spec {
                interval: Some(Span(10)),
                levels: every.iter().map(level).collect(),
                escalate,
                last: false,
                strikes,
                compression: None,
            });
            let pattern = pattern(10 + 10 * draw.below(3), &every);
            let mut seating = Seating::new(1, Some(&spec));
            seating.seat(vec![NodeId(0)]);
            let job = machine(60, pattern);
            let (twin, now, last_order) = (Twin::default(), 0, JobOrder::Wait);
            Self { job, seating, twin, levels, escalate, now, last_order }
        }

        fn feed(&mut self, input: Input) -> Vec<What> {
            let mut emitted = Vec::new();
            let level = self.job.level();
            self.last_order = self.job.on(Time(self.now), input, &mut emitted);
            for what in &emitted {
                let What::Checkpoint { number, act, step, .. } = *what else { continue };
                if act == CheckpointAct::Commit {
                    self.seating.commit(number, level);
                    self.twin.all.push((level, step, true));
                }
            }
            emitted
        }

        /// A failure of some class, after `passed` of the step under way.
        fn fail(&mut self, class: usize, passed: u64) {
            let (done, phase) = (self.job.done(), self.job.phase());
            let newest = self.twin.newest().map(|newest| self.twin.all[newest]);
            let reading =
                newest.filter(|_| phase == JobPhase::Restart).map(|(level, ..)| level + 1);
            let again = self.escalate && reading == Some(class) && class < self.levels;
            let strong = |&&(level, _, whole): &&(usize, u64, bool)| whole && level + 1 >= class;
            let bound = self.twin.all.iter().rev().find(strong).map_or(0, |&(_, step, _)| step);
            self.twin.struck(class, if again { class + 1 } else { 0 });

            self.now += passed;
            let mut emitted = Vec::new();
            let restarting = phase == JobPhase::Restart;
            for kept in self.seating.struck(class as u8, restarting) {
                self.job.forget(kept.number, &mut emitted);
            }
            emitted.extend(self.feed(Input::Failed(NodeId(0))));
            let of = |what: &What| match what {
                What::WorkLost { lost, .. } => lost.0,
                _ => 0,
            };
            let lost: u64 = emitted.iter().map(of).sum();
            let step = self.twin.newest().map_or(0, |newest| self.twin.all[newest].1);
            assert_eq!(self.job.done(), step, "back to the newest that is left");
            let computing = matches!(phase, JobPhase::Compute | JobPhase::Rework);
            let under_way = if computing { passed } else { 0 };
            assert_eq!(lost, STEP.0 * (done - step) + under_way, "all since then is lost");
            assert!(again || step >= bound, "and no more than since the last of level {class}");
        }
    }

    /// Random failures of random classes in all phases.
    #[test]
    fn it_restores_the_newest_complete_checkpoint_that_survives_and_loses_no_more() {
        let stream = Stream::new(11, "multilevel");
        let (mut done, mut reads, mut levels_read) = (0, 0, BTreeSet::new());
        for round in 0..400 {
            let mut draw = stream.draw(round, 0);
            let mut play = Play::begin(&mut draw);
            for _ in 0..400 {
                if play.last_order == JobOrder::Finish {
                    done += 1;
                    break;
                }
                if draw.below(8) == 0 {
                    play.fail(1 + draw.below(play.levels as u64) as usize, draw.below(10));
                }
                let input = match play.last_order {
                    JobOrder::Wait => Input::Placed,
                    JobOrder::Compute(span) => {
                        play.now += span.0;
                        Input::StepDone
                    }
                    JobOrder::Write => Input::Written,
                    JobOrder::Read => {
                        let newest = play.twin.newest().map(|newest| play.twin.all[newest]);
                        let (level, step) =
                            newest.map_or((play.levels - 1, 0), |(level, step, _)| (level, step));
                        assert_eq!((play.job.level(), play.job.done()), (level, step));
                        let kept = play.seating.newest().map(|kept| kept.level);
                        assert_eq!(kept, newest.map(|(level, ..)| level), "the seats agree");
                        levels_read.insert(level);
                        reads += 1;
                        Input::Read
                    }
                    JobOrder::Verify | JobOrder::Finish => unreachable!("it is done"),
                };
                play.feed(input);
            }
        }
        assert!(done > 10 && reads > 2_000, "{done} done, {reads} read");
        assert_eq!(levels_read.len(), 4);
    }
}
