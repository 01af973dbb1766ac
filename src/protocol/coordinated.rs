//! Coordinated checkpoint and restart of one bulk-synchronous job.
//!
//! ```text
//!            placed                 step done, not due
//!  waiting ---------> restart? ---> compute <---------+
//!     ^                                |  step done, due
//!     |  failed, from any phase        v
//!     +----------------------------- checkpoint --written--> compute ... done
//! ```
//!
//! A checkpoint starts at the first step boundary at or after its interval, with computing
//! stopped. It holds the last completed step. A failure throws the job back to the last
//! committed checkpoint, or to the start. A failure that is foreseen while the job computes makes
//! it write a checkpoint at the next step boundary; in other phases the warning is ignored.
//!
//! With verifications, computing also stops for them: at equal distances within the interval, the
//! last one directly before the checkpoint, and one after the last step. One that finds the memory
//! corrupt throws the job back as a failure does, but that no node is lost. If verifications miss
//! some corruption, a checkpoint may be corrupt: what was read back is verified, thrown away if it
//! is corrupt, and the one before it is read.
//!
//! Checkpoints may be increments upon the one before ([`super::chain`]). Those of the newest chain
//! are then kept, whatever `keep`.

use serde::{Deserialize, Serialize};

use crate::event::{Cause, CheckpointAct, JobPhase, What};
use crate::ids::{JobId, NodeId};
use crate::protocol::chain::{Chain, Portion};
use crate::protocol::interval::Adaptive;
use crate::protocol::{Input, JobOrder};
use crate::units::{Span, Time};
use crate::workload::bulk_synchronous::BulkSynchronous;

/// When checkpoints are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Computing after which the next one is due; `None`: never.
    pub interval: Option<Span>,
    /// Whether one is written after the last step.
    pub last: bool,
    /// Whether a restart without a committed checkpoint reads the initial state back, which
    /// closed forms with a fixed recovery cost suppose.
    pub initial: bool,
    /// Whether a failure while a checkpoint is written leaves it committed.
    pub counts_from_start: bool,
    /// How memory is verified, if it is.
    pub verify: Option<Verify>,
    /// Committed checkpoints that are kept: one or more.
    pub keep: u32,
}

impl Schedule {
    /// No checkpoint is ever written.
    pub const NEVER: Self = Self {
        interval: None,
        last: false,
        initial: false,
        counts_from_start: false,
        verify: None,
        keep: 1,
    };
}

/// When memory is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verify {
    /// Verifications for each checkpoint: one or more.
    pub per_checkpoint: u32,
    /// Whether they may miss corruption, so that a checkpoint is verified when it is read back
    /// because of corruption.
    pub misses: bool,
}

/// The machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Coordinated {
    job: JobId,
    work: BulkSynchronous,
    schedule: Schedule,
    /// What takes the place of the schedule's interval, if that follows what is observed.
    adaptive: Option<Adaptive>,
    phase: JobPhase,
    /// Start of the phase.
    since: Time,
    /// Computing since the last checkpoint or restart.
    computed: Span,
    /// Numbers of the committed checkpoints that are kept, with the last step that each holds.
    kept: Vec<(u64, u64)>,
    /// Which of them are increments.
    #[serde(default)]
    chain: Chain,
    /// Verifications that were due since the last checkpoint or restart.
    checks: u64,
    /// Whether what is read back is to be verified.
    rechecks: bool,
    /// Checkpoints begun.
    number: u64,
    /// Whether it has ever started.
    started: bool,
    /// Whether a failure has been foreseen since the last step boundary.
    warned: bool,
    /// What becomes of a checkpoint that falls due.
    #[serde(default)]
    turn: Turn,
}

/// What becomes of a checkpoint that falls due while the job has steps to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Turn {
    /// It is written.
    #[default]
    Own,
    /// It would have to wait; none is due.
    Held,
    /// It is due, and held back.
    Asks,
}

impl Coordinated {
    /// A job that waits for its nodes.
    #[must_use]
    pub fn new(job: JobId, work: BulkSynchronous, schedule: Schedule) -> Self {
        Self {
            job,
            work,
            schedule,
            adaptive: None,
            phase: JobPhase::Waiting,
            since: Time::ZERO,
            computed: Span::ZERO,
            kept: Vec::new(),
            chain: Chain::default(),
            checks: 0,
            rechecks: false,
            number: 0,
            started: false,
            warned: false,
            turn: Turn::Own,
        }
    }

    /// With an interval that follows what is observed.
    #[must_use]
    pub fn adapting(self, adaptive: Option<Adaptive>) -> Self {
        Self { adaptive, ..self }
    }

    /// With increments.
    #[must_use]
    pub fn chained(self, chain: Chain) -> Self {
        Self { chain, ..self }
    }

    /// Another interval counts from the next step boundary on.
    pub fn set_interval(&mut self, interval: Option<Span>) {
        self.schedule.interval = interval;
    }

    /// What the checkpoint that is written or read moves of the state.
    #[must_use]
    pub fn portion(&self) -> Portion {
        match self.phase {
            JobPhase::Restart => self.chain.to_read(),
            _ => self.chain.to_write(),
        }
    }

    /// The phase it is in.
    #[must_use]
    pub fn phase(&self) -> JobPhase {
        self.phase
    }

    /// A failure of one of its nodes is foreseen. A job that writes no checkpoints ignores it.
    pub fn warn(&mut self) {
        let computes = matches!(self.phase, JobPhase::Compute | JobPhase::Rework);
        self.warned = computes && self.schedule.interval.is_some();
    }

    /// Whether a checkpoint that falls due would have to wait: then the job works on, and asks for
    /// it, until at a step boundary it need not wait. After its last step it waits.
    pub fn hold_back(&mut self, held_back: bool) {
        self.turn = match (held_back, self.turn) {
            (false, _) => Turn::Own,
            (true, Turn::Asks) => Turn::Asks,
            (true, _) => Turn::Held,
        };
    }

    /// Whether a checkpoint is due that is held back.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.turn == Turn::Asks
    }

    /// Steps completed and not thrown away.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.work.done()
    }

    /// Takes one input; adds what happened to `emitted` and says what to do next.
    pub fn on(&mut self, now: Time, input: Input, emitted: &mut Vec<What>) -> JobOrder {
        if let Some(adaptive) = &mut self.adaptive {
            adaptive.hear(now, self.phase, input);
        }
        match input {
            Input::Placed => self.placed(now, emitted),
            Input::StepDone => self.step_done(now, emitted),
            Input::Written => {
                self.commit(emitted);
                self.compute(now, emitted)
            }
            Input::Read if self.rechecks => self.verify(now, emitted),
            Input::WrittenForReplicas => {
                self.commit(emitted);
                self.enter(now, JobPhase::Restart, Cause::Course, emitted);
                JobOrder::Read
            }
            Input::Read => self.compute(now, emitted),
            Input::Failed(node) => self.failed(now, node, emitted),
            Input::Verified if std::mem::take(&mut self.rechecks) => self.compute(now, emitted),
            Input::Verified => self.write_or_compute(now, emitted),
            Input::Corrupt(node) => {
                self.throw_away(emitted);
                self.corrupt(now, node, emitted)
            }
            Input::Caught(node) => self.corrupt(now, node, emitted),
            Input::TimedOut => self.time_out(now, emitted),
        }
    }

    fn placed(&mut self, now: Time, emitted: &mut Vec<What>) -> JobOrder {
        assert_eq!(self.phase, JobPhase::Waiting, "only a waiting job can be placed");
        let again = std::mem::replace(&mut self.started, true);
        self.forget_progress();
        if again && (!self.kept.is_empty() || self.schedule.initial) {
            self.enter(now, JobPhase::Restart, Cause::Course, emitted);
            return JobOrder::Read;
        }
        self.compute(now, emitted)
    }

    fn step_done(&mut self, now: Time, emitted: &mut Vec<What>) -> JobOrder {
        self.computed += self.work.next_step().expect("a step was ordered");
        self.work.complete();
        emitted.push(What::StepDone { job: self.job, step: self.work.done() });
        if self.verification_is_due() {
            self.verify(now, emitted)
        } else {
            self.write_or_compute(now, emitted)
        }
    }

    /// Whether computing stops for a verification at this step boundary.
    fn verification_is_due(&mut self) -> bool {
        let Some(verify) = self.schedule.verify else { return false };
        // With an interval of nothing at all, each step is the last before a checkpoint.
        let parts = u128::from(self.computed.0) * u128::from(verify.per_checkpoint);
        let interval = self.interval().map_or(u64::MAX, |interval| interval.0.max(1));
        let passed = (parts / u128::from(interval)).min(verify.per_checkpoint.into()) as u64;
        let due = passed > self.checks || self.warned || self.work.next_step().is_none();
        self.checks = self.checks.max(passed);
        due
    }

    fn verify(&mut self, now: Time, emitted: &mut Vec<What>) -> JobOrder {
        self.enter(now, JobPhase::Verify, Cause::Course, emitted);
        JobOrder::Verify
    }

    /// See [`Protocol::uneventful_steps`](super::Protocol::uneventful_steps).
    #[must_use]
    pub fn uneventful_steps(&self) -> u64 {
        let computes = matches!(self.phase, JobPhase::Compute | JobPhase::Rework);
        if !computes || self.warned || self.adaptive.is_some() || self.turn != Turn::Own {
            return 0;
        }
        let interval = self.schedule.interval;
        let checkpoint = interval.map(|interval| u128::from(interval.0));
        // The least computing for which the verification after those so far is due.
        let verify = self.schedule.verify.map(|verify| u64::from(verify.per_checkpoint));
        let verify = verify.filter(|parts| self.checks < *parts).map(|parts| {
            let interval = interval.map_or(u64::MAX, |interval| interval.0.max(1));
            (u128::from(self.checks + 1) * u128::from(interval)).div_ceil(u128::from(parts))
        });
        let due = checkpoint.into_iter().chain(verify).min();
        self.work.alike_before(self.computed, due)
    }

    /// See [`Protocol::pass_over`](super::Protocol::pass_over).
    pub fn pass_over(&mut self, now: Time, steps: u64) {
        assert!(steps <= self.uneventful_steps(), "what comes to something is not passed over");
        self.computed += self.work.complete_alike(steps);
        self.since = now;
    }

    /// Computing until the next checkpoint is due.
    fn interval(&self) -> Option<Span> {
        self.adaptive.as_ref().map(Adaptive::interval).or(self.schedule.interval)
    }

    /// Goes on at a step boundary.
    fn write_or_compute(&mut self, now: Time, emitted: &mut Vec<What>) -> JobOrder {
        let warned = std::mem::take(&mut self.warned);
        let due = self.interval().is_some_and(|interval| self.computed >= interval);
        let finished = self.work.next_step().is_none();
        let write = if finished { self.schedule.last } else { due || warned };
        if self.turn != Turn::Own {
            self.turn = if write && !finished { Turn::Asks } else { Turn::Held };
        }
        if !write || self.asks() {
            return self.compute(now, emitted);
        }
        self.number += 1;
        self.emit_checkpoint(CheckpointAct::Begin, emitted);
        self.enter(now, JobPhase::Checkpoint, Cause::Course, emitted);
        JobOrder::Write
    }

    fn commit(&mut self, emitted: &mut Vec<What>) {
        self.kept.push((self.number, self.work.done()));
        self.chain.commit();
        let needed = self.schedule.keep as usize + self.chain.increments() as usize;
        self.kept.drain(..self.kept.len().saturating_sub(needed));
        self.forget_progress();
        self.emit_checkpoint(CheckpointAct::Commit, emitted);
    }

    fn compute(&mut self, now: Time, emitted: &mut Vec<What>) -> JobOrder {
        self.compute_because(now, Cause::Course, emitted)
    }

    fn compute_because(&mut self, now: Time, cause: Cause, emitted: &mut Vec<What>) -> JobOrder {
        let Some(span) = self.work.next_step() else {
            self.enter(now, JobPhase::Done, Cause::Course, emitted);
            return JobOrder::Finish;
        };
        let phase = if self.work.is_rework() { JobPhase::Rework } else { JobPhase::Compute };
        self.enter(now, phase, cause, emitted);
        JobOrder::Compute(span)
    }

    fn failed(&mut self, now: Time, node: NodeId, emitted: &mut Vec<What>) -> JobOrder {
        (self.warned, self.turn) = (false, Turn::Own);
        match self.phase {
            JobPhase::Done | JobPhase::TimedOut => return JobOrder::Finish,
            JobPhase::Checkpoint if self.schedule.counts_from_start => self.commit(emitted),
            JobPhase::Checkpoint => self.emit_checkpoint(CheckpointAct::Abandon, emitted),
            _ => {}
        }
        if self.phase != JobPhase::Waiting {
            let mut lost = self.work.roll_back(self.last_kept());
            if matches!(self.phase, JobPhase::Compute | JobPhase::Rework) {
                lost += now.since(self.since);
            }
            emitted.push(What::WorkLost { job: self.job, node, lost });
        }
        self.rechecks = false;
        self.enter(now, JobPhase::Waiting, Cause::NodeFailure, emitted);
        JobOrder::Wait
    }

    /// The walltime is over: nothing goes on.
    fn time_out(&mut self, now: Time, emitted: &mut Vec<What>) -> JobOrder {
        (self.warned, self.turn) = (false, Turn::Own);
        if self.phase == JobPhase::Checkpoint {
            self.emit_checkpoint(CheckpointAct::Abandon, emitted);
        }
        self.enter(now, JobPhase::TimedOut, Cause::Course, emitted);
        JobOrder::Finish
    }

    /// A verification has found the memory corrupt: if it was just read back, the checkpoint is.
    fn throw_away(&mut self, emitted: &mut Vec<What>) {
        if std::mem::take(&mut self.rechecks) {
            let (number, step) = self.kept.pop().expect("it was read");
            let act = CheckpointAct::Discard;
            emitted.push(What::Checkpoint { job: self.job, number, act, step });
        }
    }

    /// The memory is corrupt: back to the newest checkpoint. The step under way is lost as well.
    fn corrupt(&mut self, now: Time, node: NodeId, emitted: &mut Vec<What>) -> JobOrder {
        let under_way = match self.phase {
            JobPhase::Compute | JobPhase::Rework => now.since(self.since),
            JobPhase::Verify => Span::ZERO,
            JobPhase::Checkpoint => {
                self.emit_checkpoint(CheckpointAct::Abandon, emitted);
                Span::ZERO
            }
            _ => unreachable!("nobody looks at memory in this phase"),
        };
        let lost = self.work.roll_back(self.last_kept()) + under_way;
        emitted.push(What::WorkLost { job: self.job, node, lost });
        self.forget_progress();
        self.rechecks = self.schedule.verify.is_some_and(|verify| verify.misses);
        self.rechecks &= !self.kept.is_empty();
        if self.kept.is_empty() && !self.schedule.initial {
            return self.compute_because(now, Cause::Corruption, emitted);
        }
        self.enter(now, JobPhase::Restart, Cause::Corruption, emitted);
        JobOrder::Read
    }

    /// Number and last step of the newest checkpoint.
    #[must_use]
    pub fn newest(&self) -> Option<(u64, u64)> {
        self.kept.last().copied()
    }

    /// The last step of the newest checkpoint, 0 without one.
    fn last_kept(&self) -> u64 {
        self.kept.last().map_or(0, |&(_, step)| step)
    }

    /// Counts computing towards the next checkpoint and verification from here.
    fn forget_progress(&mut self) {
        self.computed = Span::ZERO;
        self.checks = 0;
    }

    fn emit_checkpoint(&self, act: CheckpointAct, emitted: &mut Vec<What>) {
        let (number, step) = (self.number, self.work.done());
        emitted.push(What::Checkpoint { job: self.job, number, act, step });
    }

    /// Enters a phase; a phase that goes on is not emitted again, unless it begins anew because of
    /// corruption, but its clock starts anew at each step.
    fn enter(&mut self, now: Time, phase: JobPhase, cause: Cause, emitted: &mut Vec<What>) {
        self.since = now;
        if self.phase != phase || cause == Cause::Corruption {
            self.phase = phase;
            emitted.push(What::JobPhase { job: self.job, phase, cause });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(interval: u64) -> Coordinated {
        let interval = Some(Span(interval));
        scheduled(Schedule { interval, ..Schedule::NEVER })
    }

    fn scheduled(schedule: Schedule) -> Coordinated {
        Coordinated::new(JobId(0), BulkSynchronous::new(4, Span(10), Span(10)), schedule)
    }

    #[test]
    fn a_checkpoint_starts_at_the_first_step_boundary_after_its_interval() {
        let mut job = machine(15);
        let mut emitted = Vec::new();
        assert_eq!(job.on(Time(0), Input::Placed, &mut emitted), JobOrder::Compute(Span(10)));
        assert_eq!(job.on(Time(10), Input::StepDone, &mut emitted), JobOrder::Compute(Span(10)));
        assert_eq!(job.on(Time(20), Input::StepDone, &mut emitted), JobOrder::Write);
        assert_eq!(job.on(Time(25), Input::Written, &mut emitted), JobOrder::Compute(Span(10)));
        assert_eq!(job.on(Time(35), Input::StepDone, &mut emitted), JobOrder::Compute(Span(10)));
        assert_eq!(job.on(Time(45), Input::StepDone, &mut emitted), JobOrder::Finish);
        assert_eq!(job.phase(), JobPhase::Done);
    }

    #[test]
    fn a_job_that_is_held_back_works_on_and_asks_until_its_turn_or_its_failure() {
        for fails in [false, true] {
            let mut job = machine(15);
            let mut emitted = Vec::new();
            job.on(Time(0), Input::Placed, &mut emitted);
            job.hold_back(true);
            job.on(Time(10), Input::StepDone, &mut emitted);
            assert!(!job.asks(), "none is due");
            job.hold_back(true);
            assert_eq!(
                job.on(Time(20), Input::StepDone, &mut emitted),
                JobOrder::Compute(Span(10))
            );
            assert!(job.asks());
            if fails {
                assert_eq!(
                    job.on(Time(25), Input::Failed(NodeId(0)), &mut emitted),
                    JobOrder::Wait
                );
            } else {
                job.hold_back(false);
                assert_eq!(job.on(Time(30), Input::StepDone, &mut emitted), JobOrder::Write);
                job.on(Time(40), Input::Written, &mut emitted);
                assert_eq!(job.last_kept(), 3, "the state of the moment of its turn");
            }
            assert!(!job.asks());
        }
    }

    #[test]
    fn a_warning_is_heeded_at_the_next_step_boundary_and_only_while_computing() {
        let mut job = machine(100);
        let mut emitted = Vec::new();
        job.warn();
        job.on(Time(0), Input::Placed, &mut emitted);
        assert_eq!(job.on(Time(10), Input::StepDone, &mut emitted), JobOrder::Compute(Span(10)));
        job.warn();
        assert_eq!(job.on(Time(20), Input::StepDone, &mut emitted), JobOrder::Write);
        job.warn();
        assert_eq!(job.on(Time(22), Input::Written, &mut emitted), JobOrder::Compute(Span(10)));
        assert_eq!(job.on(Time(32), Input::StepDone, &mut emitted), JobOrder::Compute(Span(10)));
        job.warn();
        job.on(Time(33), Input::Failed(NodeId(0)), &mut emitted);
        job.on(Time(40), Input::Placed, &mut emitted);
        job.on(Time(41), Input::Read, &mut emitted);
        assert_eq!(job.on(Time(51), Input::StepDone, &mut emitted), JobOrder::Compute(Span(10)));
    }

    #[test]
    fn a_failure_throws_away_all_since_the_last_committed_checkpoint() {
        let mut job = machine(10);
        let mut emitted = Vec::new();
        job.on(Time(0), Input::Placed, &mut emitted);
        job.on(Time(10), Input::StepDone, &mut emitted);
        job.on(Time(12), Input::Written, &mut emitted);
        job.on(Time(22), Input::StepDone, &mut emitted);
        emitted.clear();
        let node = NodeId(3);
        assert_eq!(job.on(Time(23), Input::Failed(node), &mut emitted), JobOrder::Wait);
        let job_id = JobId(0);
        let abandon = CheckpointAct::Abandon;
        let (phase, cause) = (JobPhase::Waiting, Cause::NodeFailure);
        assert_eq!(
            emitted,
            [
                What::Checkpoint { job: job_id, number: 2, act: abandon, step: 2 },
                What::WorkLost { job: job_id, node, lost: Span(10) },
                What::JobPhase { job: job_id, phase, cause },
            ]
        );
        assert_eq!(job.on(Time(30), Input::Placed, &mut emitted), JobOrder::Read);
        assert_eq!(job.on(Time(31), Input::Read, &mut emitted), JobOrder::Compute(Span(10)));
        assert_eq!(job.phase(), JobPhase::Rework);
    }

    #[test]
    fn without_a_checkpoint_a_restart_begins_at_the_start_and_reads_nothing() {
        let mut job = machine(100);
        let mut emitted = Vec::new();
        job.on(Time(0), Input::Placed, &mut emitted);
        job.on(Time(10), Input::StepDone, &mut emitted);
        job.on(Time(17), Input::Failed(NodeId(0)), &mut emitted);
        assert!(emitted.iter().any(|what| matches!(what, What::WorkLost { lost: Span(17), .. })));
        assert_eq!(job.on(Time(20), Input::Placed, &mut emitted), JobOrder::Compute(Span(10)));
    }
}
