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
use crate::protocol::{Input, Order};
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
            JobPhase::Waiting | JobPhase::Done | JobPhase::Verify => false,
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

    /// Takes one input; adds what happened to `told` and says what to do next.
    pub fn on(&mut self, now: Time, input: Input, told: &mut Vec<What>) -> Order {
        match input {
            Input::Placed => self.placed(now, told),
            Input::StepDone => self.step_done(now, told),
            Input::Written => self.written(now, told),
            Input::Read => self.resume(now, told),
            Input::Failed(node) => self.failed(now, node, told),
            Input::WrittenForReplicas | Input::Verified | Input::Corrupt(_) => {
                unreachable!("scenarios have neither replicas nor verifications with it")
            }
        }
    }

    fn placed(&mut self, now: Time, told: &mut Vec<What>) -> Order {
        assert_eq!(self.phase, JobPhase::Waiting, "only a waiting job can be placed");
        let again = std::mem::replace(&mut self.started, true);
        if again && self.groups.iter().any(|group| self.reads(group)) {
            self.enter(now, JobPhase::Restart, Cause::Course, told);
            return Order::Read;
        }
        self.resume(now, told)
    }

    /// Whether a group has something to read back.
    fn reads(&self, group: &Group) -> bool {
        group.down && (group.kept.is_some() || self.rules.initial)
    }

    /// All memory is there: whoever is behind catches up.
    fn resume(&mut self, now: Time, told: &mut Vec<What>) -> Order {
        for group in &mut self.groups {
            group.down = false;
        }
        if self.done() < self.work.done() {
            return self.rework(now, told);
        }
        self.boundary(now, told)
    }

    /// The groups furthest behind compute their next step again.
    fn rework(&mut self, now: Time, told: &mut Vec<What>) -> Order {
        let from = self.done();
        for (number, group) in (0..).zip(&self.groups) {
            if group.at == from && self.busy.insert(number) {
                told.push(self.tell_group(number, GroupAct::Rework));
            }
        }
        let full = self.work.span_of(from + 1);
        self.under_way = if self.busy.len() == 1 { self.faster(full) } else { full };
        self.enter(now, JobPhase::Rework, Cause::Course, told);
        Order::Compute(self.under_way)
    }

    fn faster(&self, span: Span) -> Span {
        Span((u128::from(span.0) * 1_000_000 / u128::from(self.rules.speedup_ppm)) as u64)
    }

    fn step_done(&mut self, now: Time, told: &mut Vec<What>) -> Order {
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
        told.push(What::StepDone { job: self.job, step });
        if self.done() < self.work.done() {
            return self.rework(now, told);
        }
        self.busy.clear();
        self.boundary(now, told)
    }

    /// All groups have done the same steps: those that are due write.
    fn boundary(&mut self, now: Time, told: &mut Vec<What>) -> Order {
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
            return self.compute(now, told);
        }
        self.number += 1;
        for &group in &self.busy {
            let (act, number) = (GroupAct::Write, self.number);
            told.push(What::Group { job: self.job, group, act, number, step: done });
        }
        self.tell_checkpoint(CheckpointAct::Begin, told);
        self.enter(now, JobPhase::Checkpoint, Cause::Course, told);
        Order::Write
    }

    fn written(&mut self, now: Time, told: &mut Vec<What>) -> Order {
        let logged = self.steps_to_log();
        for number in std::mem::take(&mut self.busy) {
            let group = &mut self.groups[number as usize];
            group.kept = Some((self.number, group.at, logged));
            (group.computed, group.spent) = (Span::ZERO, Span::ZERO);
        }
        self.tell_checkpoint(CheckpointAct::Commit, told);
        self.compute(now, told)
    }

    fn compute(&mut self, now: Time, told: &mut Vec<What>) -> Order {
        let Some(span) = self.work.next_step() else {
            self.enter(now, JobPhase::Done, Cause::Course, told);
            return Order::Finish;
        };
        self.under_way = span;
        self.enter(now, JobPhase::Compute, Cause::Course, told);
        Order::Compute(span)
    }

    fn failed(&mut self, now: Time, node: NodeId, told: &mut Vec<What>) -> Order {
        let number = self.struck.take().expect("the group of who fails is told before");
        match self.phase {
            JobPhase::Done => return Order::Finish,
            JobPhase::Checkpoint => self.tell_checkpoint(CheckpointAct::Abandon, told),
            JobPhase::Waiting if !self.started => return Order::Wait,
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
            told.push(self.tell_group(number, GroupAct::RollBack));
            told.push(What::WorkLost { job: self.job, node, lost });
        }
        self.busy.clear();
        self.enter(now, JobPhase::Waiting, Cause::NodeFailure, told);
        Order::Wait
    }

    /// What counts as computed of a group that has no checkpoint and has not computed yet.
    fn head_start(&self, group: u32) -> Span {
        let Rules { groups, interval, staggered, .. } = self.rules;
        let part = u128::from(interval.0) * u128::from(groups - 1 - group) / u128::from(groups);
        if staggered { Span(part as u64) } else { Span::ZERO }
    }

    /// A group with its checkpoint and the last step that its memory holds.
    fn tell_group(&self, group: u32, act: GroupAct) -> What {
        let row = &self.groups[group as usize];
        let number = row.kept.map_or(0, |(number, ..)| number);
        What::Group { job: self.job, group, act, number, step: row.at }
    }

    fn tell_checkpoint(&self, act: CheckpointAct, told: &mut Vec<What>) {
        let (number, step) = (self.number, self.work.done());
        told.push(What::Checkpoint { job: self.job, number, act, step });
    }

    /// Enters a phase; one that goes on is not told again, but its clock starts anew at each step.
    fn enter(&mut self, now: Time, phase: JobPhase, cause: Cause, told: &mut Vec<What>) {
        self.since = now;
        if self.phase != phase {
            self.phase = phase;
            told.push(What::JobPhase { job: self.job, phase, cause });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STEP: Span = Span(10);

    fn rules(groups: u32, interval: u64) -> Rules {
        Rules {
            groups,
            size: 2,
            interval: Span(interval),
            staggered: true,
            speedup_ppm: 2_000_000,
            last: false,
            initial: false,
        }
    }

    fn machine(steps: u64, rules: Rules) -> Logging {
        Logging::new(JobId(0), BulkSynchronous::new(steps, STEP, STEP), rules)
    }

    fn writers(told: &[What]) -> Vec<(u32, u64)> {
        let write = |what: &What| match *what {
            What::Group { group, act: GroupAct::Write, step, .. } => Some((group, step)),
            _ => None,
        };
        told.iter().filter_map(write).collect()
    }

    /// Drives a machine on its own clock; a write takes 3, a read 4.
    fn go_on(machine: &mut Logging, now: &mut Time, order: Order, told: &mut Vec<What>) -> Order {
        let (span, input) = match order {
            Order::Compute(span) => (span, Input::StepDone),
            Order::Write => (Span(3), Input::Written),
            Order::Read => (Span(4), Input::Read),
            Order::Wait => (Span(5), Input::Placed),
            Order::Verify | Order::Finish => unreachable!("nothing goes on"),
        };
        *now = *now + span;
        machine.on(*now, input, told)
    }

    #[test]
    fn staggered_groups_write_in_turn_and_the_others_at_once() {
        for (staggered, expected) in [
            (true, vec![(0, 2), (1, 4), (0, 6), (1, 8)]),
            (false, vec![(0, 4), (1, 4), (0, 8), (1, 8)]),
        ] {
            let mut job = machine(9, Rules { staggered, ..rules(2, 40) });
            let (mut now, mut told) = (Time::ZERO, Vec::new());
            let mut order = job.on(now, Input::Placed, &mut told);
            while order != Order::Finish {
                order = go_on(&mut job, &mut now, order, &mut told);
            }
            assert_eq!(writers(&told), expected);
        }
    }

    /// Three steps, and the second group fails in the fourth: it has none but its start, and
    /// computes three steps again in half the time, the fourth with all others.
    #[test]
    fn only_the_group_that_fails_goes_back_and_it_catches_up_at_its_own_speed() {
        let mut job = machine(9, Rules { staggered: false, ..rules(2, 80) });
        let (mut now, mut told) = (Time::ZERO, Vec::new());
        let mut order = job.on(now, Input::Placed, &mut told);
        for _ in 0..3 {
            order = go_on(&mut job, &mut now, order, &mut told);
        }
        assert_eq!(order, Order::Compute(STEP));
        told.clear();
        job.strikes(2);
        let node = NodeId(7);
        let order = job.on(now + Span(6), Input::Failed(node), &mut told);
        assert_eq!(order, Order::Wait);
        let (id, act) = (JobId(0), GroupAct::RollBack);
        let (phase, cause) = (JobPhase::Waiting, Cause::NodeFailure);
        assert_eq!(
            told,
            [
                What::Group { job: id, group: 1, act, number: 0, step: 0 },
                What::WorkLost { job: id, node, lost: Span(36) },
                What::JobPhase { job: id, phase, cause },
            ]
        );
        assert_eq!(job.on(Time(40), Input::Placed, &mut told), Order::Compute(Span(5)));
        assert!(job.is_busy(1) && !job.is_busy(0));
        assert_eq!(job.on(Time(45), Input::StepDone, &mut told), Order::Compute(Span(5)));
        assert_eq!(job.on(Time(50), Input::StepDone, &mut told), Order::Compute(Span(5)));
        assert_eq!(job.on(Time(55), Input::StepDone, &mut told), Order::Compute(STEP));
        assert!(job.is_busy(0) && job.phase() == JobPhase::Compute);
    }

    /// The first group has a checkpoint of step 2. Both fail after step 3: the second one computes
    /// two steps again from the first one's log, and the third with it, in full time.
    #[test]
    fn groups_that_fail_together_recompute_together_what_no_log_holds() {
        let mut job = machine(9, rules(2, 40));
        let (mut now, mut told) = (Time::ZERO, Vec::new());
        let mut order = job.on(now, Input::Placed, &mut told);
        while job.done() < 3 {
            order = go_on(&mut job, &mut now, order, &mut told);
        }
        for seat in [0, 3] {
            job.strikes(seat);
            order = job.on(now, Input::Failed(NodeId(seat as u32)), &mut told);
        }
        let mut spans = Vec::new();
        while spans.len() < 4 {
            order = go_on(&mut job, &mut now, order, &mut told);
            if let Order::Compute(span) = order {
                spans.push((span.0, job.is_busy(0), job.is_busy(1)));
            }
        }
        let (alone, both) = ((5, false, true), (10, true, true));
        assert_eq!(spans, [alone, alone, both, both]);
    }

    #[test]
    fn a_log_reaches_back_to_the_oldest_checkpoint_and_a_single_group_has_none() {
        for (groups, expected) in [(1, vec![0, 0]), (2, vec![2, 4, 4, 4])] {
            let mut job = machine(9, rules(groups, 40));
            let (mut now, mut told, mut logged) = (Time::ZERO, Vec::new(), Vec::new());
            let mut order = job.on(now, Input::Placed, &mut told);
            while order != Order::Finish {
                if order == Order::Write {
                    logged.push(job.logged());
                }
                order = go_on(&mut job, &mut now, order, &mut told);
            }
            assert_eq!(logged, expected);
        }
    }

    /// The slow and obvious twin: each group's memory is the list of what its steps took, a
    /// checkpoint is a copy of it.
    #[derive(Default, Clone)]
    struct Twin {
        memory: Vec<u64>,
        saved: Vec<u64>,
        number: u64,
        writes: Option<u64>,
    }

    /// All groups, and what they were told to do.
    struct Twins {
        rows: Vec<Twin>,
        /// Groups that compute again.
        again: BTreeSet<usize>,
    }

    impl Twins {
        fn hears(&mut self, what: What, failed: Option<usize>, computed: Option<u64>) {
            match what {
                What::Group { group, act, number, step, .. } => {
                    let at = group as usize;
                    let row = &mut self.rows[at];
                    match act {
                        GroupAct::Write => {
                            assert_eq!(row.memory.len() as u64, step);
                            row.writes = Some(number);
                        }
                        GroupAct::RollBack => {
                            assert_eq!(Some(at), failed, "only who failed goes back");
                            assert_eq!((row.number, row.saved.len() as u64), (number, step));
                        }
                        GroupAct::Rework => {
                            assert_eq!(row.memory.len() as u64, step);
                            self.again.insert(at);
                        }
                    }
                }
                What::WorkLost { lost, .. } => {
                    let row = &mut self.rows[failed.expect("somebody failed")];
                    let since: u64 = row.memory[row.saved.len()..].iter().sum();
                    assert_eq!(lost.0, since + computed.unwrap_or(0));
                    row.memory.clone_from(&row.saved);
                }
                What::Checkpoint { number, act, .. } => {
                    for row in self.rows.iter_mut().filter(|row| row.writes.is_some()) {
                        assert_eq!(row.writes, Some(number));
                        match act {
                            CheckpointAct::Begin => continue,
                            CheckpointAct::Commit => {
                                row.saved.clone_from(&row.memory);
                                row.number = number;
                            }
                            _ => assert_eq!(act, CheckpointAct::Abandon),
                        }
                        row.writes = None;
                    }
                }
                What::StepDone { step, .. } => {
                    let least = self.rows.iter().map(|row| row.memory.len()).min();
                    assert_eq!(least, Some(step as usize), "the job is where its last group is");
                }
                _ => {}
            }
        }

        /// A step of so long is done: by those that compute again, or by all.
        fn computes(&mut self, phase: JobPhase, span: u64) {
            for (number, row) in self.rows.iter_mut().enumerate() {
                if phase == JobPhase::Compute || self.again.contains(&number) {
                    row.memory.push(span);
                }
            }
        }
    }

    proptest! {
        /// Each act: whether a group fails before the order is done, which one, and how far in.
        #[test]
        fn groups_restore_only_what_is_complete_and_lose_only_what_they_computed_since(
            groups in 1u32..5,
            interval in 5u64..60,
            staggered: bool,
            last: bool,
            initial: bool,
            acts in prop::collection::vec((0u8..3, 0usize..5, 0u64..5), 0..150),
        ) {
            let steps = 12;
            let rules = Rules { staggered, last, initial, ..rules(groups, interval) };
            let mut job = machine(steps, rules);
            let rows = vec![Twin::default(); groups as usize];
            let mut twins = Twins { rows, again: BTreeSet::new() };
            let (mut now, mut told) = (Time::ZERO, Vec::new());
            let mut order = job.on(now, Input::Placed, &mut told);
            let mut acts = acts.into_iter();
            while order != Order::Finish {
                let (act, group, into) = acts.next().unwrap_or((1, 0, 0));
                let phase = job.phase();
                told.clear();
                if act == 0 {
                    let group = group % groups as usize;
                    let computes = matches!(phase, JobPhase::Compute | JobPhase::Rework)
                        && job.is_busy(group as u32);
                    now = now + Span(into);
                    job.strikes(2 * group + 1);
                    order = job.on(now, Input::Failed(NodeId(1)), &mut told);
                    twins.again.clear();
                    told.iter().for_each(|&what| {
                        twins.hears(what, Some(group), computes.then_some(into));
                    });
                    continue;
                }
                if let Order::Compute(span) = order {
                    twins.computes(phase, span.0);
                }
                order = go_on(&mut job, &mut now, order, &mut told);
                if job.phase() != JobPhase::Rework {
                    twins.again.clear();
                }
                told.iter().for_each(|&what| twins.hears(what, None, None));
            }
            prop_assert!(twins.rows.iter().all(|row| row.memory.len() as u64 == steps));
            prop_assert!(!last || twins.rows.iter().all(|row| row.saved.len() as u64 == steps));
        }
    }
}
