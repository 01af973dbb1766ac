//! Groups of nodes that checkpoint and roll back by themselves, with sender-based message logging.
//!
//! ```text
//!            placed                step done, nobody due
//!  waiting ---------> restart? -> rework? -> compute <--+
//!     ^               the groups   the groups   |  step done, groups due
//!     |               that failed  behind       v
//!     +--- a group failed, from any phase --- checkpoint --written--> compute ... done
//! ```
//!
//! All groups compute a step together, since each needs what the others send at its end. At a step
//! boundary the groups that are due write; the others stand still with them, because their next
//! exchange would wait all the same. A failure throws back the group of the node that failed, and
//! no other: it reads its own last committed checkpoint and computes its lost steps again, faster,
//! since its messages come from the logs of their senders. The others wait for it.
//!
//! The log of a group dies with it. A group that computes again what another failed group sent it
//! has to wait until that one has computed it again too. So of several groups that are behind the
//! ones furthest behind compute first, and a step that several of them compute again together takes
//! its full time. The logs from before a checkpoint are part of it.
//!
//! Not modelled: a write that goes on while another group is down: it begins anew. What those who
//! wait have computed of the step under way is not kept either; they wait long enough to do it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::event::{Cause, CheckpointAct, GroupAct, JobPhase, What};
use crate::ids::{JobId, NodeId};
use crate::protocol::{JobOrder, Plain};
use crate::units::{Span, Time};
use crate::workload::bulk_synchronous::BulkSynchronous;

/// How groups checkpoint and recover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// Groups: one or more.
    pub groups: u32,
    /// Nodes of each.
    pub size: u32,
    /// Computing of a group after which its next checkpoint is due.
    pub interval: Span,
    /// Whether the groups' first checkpoints are spread over the interval; else all write at once.
    pub staggered: bool,
    /// How much faster a group alone computes again (millionths): a million or more.
    pub speedup_ppm: u64,
    /// Whether all write after the last step.
    pub last: bool,
    /// Whether a restart without a committed checkpoint reads the initial state back.
    pub initial: bool,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Group {
    /// The last step that its memory holds.
    at: u64,
    /// Number and last step of its committed checkpoint, and the steps of which it holds the log.
    kept: Option<(u64, u64, u64)>,
    /// Computing counted towards its next checkpoint.
    computed: Span,
    /// Time that its computing since its last checkpoint took, which a failure throws away.
    spent: Span,
    /// Whether it has failed and not been read back yet.
    down: bool,
}

/// The machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Logging {
    job: JobId,
    work: BulkSynchronous,
    rules: Rules,
    phase: JobPhase,
    /// Start of the phase, or of the step under way.
    since: Time,
    groups: Vec<Group>,
    /// The groups that write, or that compute again.
    busy: BTreeSet<u32>,
    /// What the step under way takes.
    under_way: Span,
    /// Checkpoints begun.
    number: u64,
    started: bool,
    /// The group of the node that fails next.
    struck: Option<u32>,
}

impl Logging {
    /// A job that waits for its nodes.
    #[must_use]
    pub fn new(job: JobId, work: BulkSynchronous, rules: Rules) -> Self {
        assert!(rules.groups > 0 && rules.speedup_ppm >= 1_000_000, "rules are checked");
        let mut machine = Self {
            job,
            work,
            rules,
            phase: JobPhase::Waiting,
            since: Time::ZERO,
            groups: Vec::new(),
            busy: BTreeSet::new(),
            under_way: Span::ZERO,
            number: 0,
            started: false,
            struck: None,
        };
        let group = |number| Group {
            at: 0,
            kept: None,
            computed: machine.head_start(number),
            spent: Span::ZERO,
            down: false,
        };
        machine.groups = (0..rules.groups).map(group).collect();
        machine
    }

    /// The phase it is in.
    #[must_use]
    pub fn phase(&self) -> JobPhase {
        self.phase
    }

    /// Steps that all groups have completed, and that were not thrown away.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.groups.iter().map(|group| group.at).min().expect("there is a group")
    }

    /// The group of a seat.
    #[must_use]
    pub fn group_of(&self, seat: usize) -> u32 {
        seat as u32 / self.rules.size
    }

    /// The node that fails next sits on this seat.
    pub fn strikes(&mut self, seat: usize) {
        self.struck = Some(self.group_of(seat));
    }

    /// Whether a group does what was ordered: computes, writes or reads. The others wait.
    #[must_use]
    pub fn is_busy(&self, group: u32) -> bool {
        match self.phase {
            JobPhase::Compute => true,
            JobPhase::Rework | JobPhase::Checkpoint => self.busy.contains(&group),
            JobPhase::Restart => self.reads(&self.groups[group as usize]),
            JobPhase::Waiting | JobPhase::Done | JobPhase::TimedOut | JobPhase::Verify => false,
        }
    }

    /// Steps whose log is part of what is written or read now; the most of any group.
    #[must_use]
    pub fn logged(&self) -> u64 {
        if self.phase == JobPhase::Checkpoint {
            return self.steps_to_log();
        }
        let down = self.groups.iter().filter(|group| group.down);
        down.filter_map(|group| group.kept.map(|(_, _, logged)| logged)).max().unwrap_or(0)
    }

    /// A sender keeps what any other group might need again: all since the oldest checkpoint.
    fn steps_to_log(&self) -> u64 {
        if self.rules.groups == 1 {
            return 0;
        }
        let oldest = self.groups.iter().map(|group| group.kept.map_or(0, |(_, step, _)| step));
        self.work.done() - oldest.min().expect("there is a group")
    }

    /// Takes one input; adds what happened to `emitted` and says what to do next.
    pub fn on(&mut self, now: Time, input: impl Into<Plain>, emitted: &mut Vec<What>) -> JobOrder {
        match input.into() {
            Plain::Placed => self.placed(now, emitted),
            Plain::StepDone => self.step_done(now, emitted),
            Plain::Written => self.written(now, emitted),
            Plain::Read => self.resume(now, emitted),
            Plain::Failed(node) => self.failed(now, node, emitted),
            Plain::TimedOut => self.time_out(now, emitted),
        }
    }

    fn placed(&mut self, now: Time, emitted: &mut Vec<What>) -> JobOrder {
        assert_eq!(self.phase, JobPhase::Waiting, "only a waiting job can be placed");
        let again = std::mem::replace(&mut self.started, true);
        if again && self.groups.iter().any(|group| self.reads(group)) {
            self.enter(now, JobPhase::Restart, Cause::Course, emitted);
            return JobOrder::Read;
        }
        self.resume(now, emitted)
    }

    /// Whether a group has something to read back.
    fn reads(&self, group: &Group) -> bool {
        group.down && (group.kept.is_some() || self.rules.initial)
    }

    /// All memory is there: whoever is behind catches up.
    fn resume(&mut self, now: Time, emitted: &mut Vec<What>) -> JobOrder {
        for group in &mut self.groups {
            group.down = false;
        }
        if self.done() < self.work.done() {
            return self.rework(now, emitted);
        }
        self.boundary(now, emitted)
    }

    /// The groups furthest behind compute their next step again.
    fn rework(&mut self, now: Time, emitted: &mut Vec<What>) -> JobOrder {
        let from = self.done();
        for (number, group) in (0..).zip(&self.groups) {
            if group.at == from && self.busy.insert(number) {
                emitted.push(self.emit_group(number, GroupAct::Rework));
            }
        }
        let full = self.work.span_of(from + 1);
        self.under_way = if self.busy.len() == 1 { self.faster(full) } else { full };
        self.enter(now, JobPhase::Rework, Cause::Course, emitted);
        JobOrder::Compute(self.under_way)
    }

    fn faster(&self, span: Span) -> Span {
        Span((u128::from(span.0) * 1_000_000 / u128::from(self.rules.speedup_ppm)) as u64)
    }

    fn step_done(&mut self, now: Time, emitted: &mut Vec<What>) -> JobOrder {
        let again = self.phase == JobPhase::Rework;
        let step = self.done() + 1;
        let full = self.work.span_of(step);
        for (number, group) in (0..).zip(&mut self.groups) {
            if !again || self.busy.contains(&number) {
                group.at += 1;
                group.computed += full;
                group.spent += self.under_way;
            }
        }
        if !again {
            self.work.complete();
        }
        emitted.push(What::StepDone { job: self.job, step });
        if self.done() < self.work.done() {
            return self.rework(now, emitted);
        }
        self.busy.clear();
        self.boundary(now, emitted)
    }

    /// All groups have done the same steps: those that are due write.
    fn boundary(&mut self, now: Time, emitted: &mut Vec<What>) -> JobOrder {
        let (done, finished) = (self.work.done(), self.work.next_step().is_none());
        let due = |group: &Group| {
            if finished {
                self.rules.last && group.kept.is_none_or(|(_, step, _)| step < done)
            } else {
                group.computed >= self.rules.interval
            }
        };
        let due = (0..).zip(&self.groups).filter(|(_, group)| due(group));
        self.busy = due.map(|(number, _)| number).collect();
        if self.busy.is_empty() {
            return self.compute(now, emitted);
        }
        self.number += 1;
        for &group in &self.busy {
            let (act, number) = (GroupAct::Write, self.number);
            emitted.push(What::Group { job: self.job, group, act, number, step: done });
        }
        self.emit_checkpoint(CheckpointAct::Begin, emitted);
        self.enter(now, JobPhase::Checkpoint, Cause::Course, emitted);
        JobOrder::Write
    }

    fn written(&mut self, now: Time, emitted: &mut Vec<What>) -> JobOrder {
        let logged = self.steps_to_log();
        for number in std::mem::take(&mut self.busy) {
            let group = &mut self.groups[number as usize];
            group.kept = Some((self.number, group.at, logged));
            (group.computed, group.spent) = (Span::ZERO, Span::ZERO);
        }
        self.emit_checkpoint(CheckpointAct::Commit, emitted);
        self.compute(now, emitted)
    }

    fn compute(&mut self, now: Time, emitted: &mut Vec<What>) -> JobOrder {
        let Some(span) = self.work.next_step() else {
            self.enter(now, JobPhase::Done, Cause::Course, emitted);
            return JobOrder::Finish;
        };
        self.under_way = span;
        self.enter(now, JobPhase::Compute, Cause::Course, emitted);
        JobOrder::Compute(span)
    }

    fn failed(&mut self, now: Time, node: NodeId, emitted: &mut Vec<What>) -> JobOrder {
        let number = self.struck.take().expect("the group of who fails is emitted before");
        match self.phase {
            JobPhase::Done | JobPhase::TimedOut => return JobOrder::Finish,
            JobPhase::Checkpoint => self.emit_checkpoint(CheckpointAct::Abandon, emitted),
            JobPhase::Waiting if !self.started => return JobOrder::Wait,
            _ => {}
        }
        let computes = matches!(self.phase, JobPhase::Compute | JobPhase::Rework);
        let under_way =
            if computes && self.is_busy(number) { now.since(self.since) } else { Span::ZERO };
        let head_start = self.head_start(number);
        let group = &mut self.groups[number as usize];
        if self.phase != JobPhase::Waiting || !group.down {
            let lost = std::mem::take(&mut group.spent) + under_way;
            group.at = group.kept.map_or(0, |(_, step, _)| step);
            group.computed = if group.kept.is_some() { Span::ZERO } else { head_start };
            group.down = true;
            emitted.push(self.emit_group(number, GroupAct::RollBack));
            emitted.push(What::WorkLost { job: self.job, node, lost });
        }
        self.busy.clear();
        self.enter(now, JobPhase::Waiting, Cause::NodeFailure, emitted);
        JobOrder::Wait
    }

    /// The walltime is over: nothing goes on.
    fn time_out(&mut self, now: Time, emitted: &mut Vec<What>) -> JobOrder {
        if self.phase == JobPhase::Checkpoint {
            self.emit_checkpoint(CheckpointAct::Abandon, emitted);
        }
        self.busy.clear();
        self.enter(now, JobPhase::TimedOut, Cause::Course, emitted);
        JobOrder::Finish
    }

    /// What counts as computed of a group that has no checkpoint and has not computed yet.
    fn head_start(&self, group: u32) -> Span {
        let Rules { groups, interval, staggered, .. } = self.rules;
        let part = u128::from(interval.0) * u128::from(groups - 1 - group) / u128::from(groups);
        if staggered { Span(part as u64) } else { Span::ZERO }
    }

    /// A group with its checkpoint and the last step that its memory holds.
    fn emit_group(&self, group: u32, act: GroupAct) -> What {
        let row = &self.groups[group as usize];
        let number = row.kept.map_or(0, |(number, ..)| number);
        What::Group { job: self.job, group, act, number, step: row.at }
    }

    fn emit_checkpoint(&self, act: CheckpointAct, emitted: &mut Vec<What>) {
        let (number, step) = (self.number, self.work.done());
        emitted.push(What::Checkpoint { job: self.job, number, act, step });
    }

    /// Enters a phase; one that goes on is not emitted again, but its clock starts anew at each
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
mod tests;
