//! Compute tasks that the members of a data grid take from a shared queue, one at a time each.

use std::collections::{BTreeMap, VecDeque};

use super::partitions::Member;

/// What a member does with its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It reads what the task needs from the master.
    Read,
    Compute,
    /// It is done, and waits until its result can be handed in.
    Done,
}

/// Tasks that wait or are taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<u32>,
    taken: BTreeMap<Member, (u32, Step)>,
    /// Those whose member has stopped, until that is noticed.
    missing: u32,
}

impl Queue {
    /// A queue of so many.
    pub(super) fn of(tasks: u32) -> Self {
        Self { waiting: (0..tasks).collect(), ..Self::default() }
    }

    /// The next task, for a member that has none.
    pub(super) fn take(&mut self, member: Member, step: Step) -> Option<u32> {
        if self.taken.contains_key(&member) {
            return None;
        }
        let task = self.waiting.pop_front()?;
        self.taken.insert(member, (task, step));
        Some(task)
    }

    /// Who has a task, and what is done with it.
    pub(super) fn holder(&self, task: u32) -> Option<(Member, Step)> {
        let own = self.taken.iter().find(|(_, (taken, _))| *taken == task)?;
        Some((*own.0, own.1.1))
    }

    /// A member is at another step of its task.
    pub(super) fn enter(&mut self, member: Member, step: Step) {
        self.taken.get_mut(&member).expect("it has a task").1 = step;
    }

    /// What a member has.
    pub(super) fn of_member(&self, member: Member) -> Option<(u32, Step)> {
        self.taken.get(&member).copied()
    }

    /// A result is handed in.
    pub(super) fn hand_in(&mut self, member: Member) {
        self.taken.remove(&member);
    }

    /// A member has stopped: the task that it had.
    pub(super) fn lose(&mut self, member: Member) -> Option<u32> {
        let (task, _) = self.taken.remove(&member)?;
        self.missing += 1;
        Some(task)
    }

    /// That is noticed: the task waits again.
    pub(super) fn put_back(&mut self, task: u32) {
        self.missing -= 1;
        self.waiting.push_back(task);
    }

    /// Whether all results are there.
    pub(super) fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.taken.is_empty() && self.missing == 0
    }
}
