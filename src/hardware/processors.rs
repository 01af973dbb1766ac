//! Processors that several tasks share equally: egalitarian processor sharing.
//!
//! Of n tasks on c processors each has the speed min(1, c/n), times the share that is left of the
//! node's speed. All have the same speed, so a node needs one number: what a task that has been
//! there for ever would have attained. A task of span s that begins at attained a is done at
//! a + s, and whoever has the least of these is done first (Coffman, Muntz and Trotter, "Waiting
//! time distributions for processor-sharing systems", 1970). Two processors, tasks of 6 s and 2 s
//! and one of 4 s that begin at once: each has 2/3 until 3 s, when the second is done; the others
//! then have a processor each, and are done at 5 s and 7 s.
//!
//! Attained spans are whole multiples of 2^-20 ns, rounded down at each change.

use std::collections::BTreeMap;

use crate::hardware::network::WHOLE_PPM;
use crate::units::{Span, Time};

/// Parts of a nanosecond, as a power of two.
const FRACTION_BITS: u32 = 20;

/// A task that shares processors: what they have attained when it is done, and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShareId {
    done_at: u128,
    number: u64,
}

/// The processors of a node, and the tasks that share them.
#[derive(Clone, Debug)]
pub struct Processors<T> {
    tasks: BTreeMap<ShareId, T>,
    count: u32,
    share_ppm: u32,
    /// What they had attained at `since`.
    attained: u128,
    since: Time,
}

impl<T> Processors<T> {
    /// So many, at a share of their speed (ppm), from now on.
    #[must_use]
    pub fn new(now: Time, count: u32, share_ppm: u32) -> Self {
        Self { tasks: BTreeMap::new(), count, share_ppm, attained: 0, since: now }
    }

    /// The speed of each task as a fraction.
    fn speed(&self) -> (u128, u128) {
        let tasks = (self.tasks.len() as u128).max(1);
        let processors = tasks.min(self.count.into());
        (processors * u128::from(self.share_ppm.max(1)), tasks * u128::from(WHOLE_PPM))
    }

    fn settle(&mut self, now: Time) {
        let (over, under) = self.speed();
        let span = u128::from(now.since(self.since).0) << FRACTION_BITS;
        self.attained += span * over / under;
        self.since = now;
    }

    /// When the first is done, to the nanosecond that is not before it, if nothing changes until
    /// then.
    #[must_use]
    pub fn next(&self) -> Option<Time> {
        let (over, under) = self.speed();
        let left = self.tasks.first_key_value()?.0.done_at.saturating_sub(self.attained);
        let nanos = (left * under).div_ceil(over << FRACTION_BITS);
        Some(self.since + Span(nanos.min(u64::MAX.into()) as u64))
    }

    /// One more begins. Of those that are done at once the lowest number is first. O(log tasks).
    pub fn begin(&mut self, now: Time, span: Span, number: u64, task: T) -> ShareId {
        self.settle(now);
        let done_at = self.attained + (u128::from(span.0) << FRACTION_BITS);
        let id = ShareId { done_at, number };
        self.tasks.insert(id, task);
        id
    }

    /// Those that are done by now, in the order in which they are.
    pub fn end(&mut self, now: Time) -> Vec<(T, ShareId)> {
        self.settle(now);
        let mut done = Vec::new();
        while let Some(first) = self.tasks.first_entry()
            && first.key().done_at <= self.attained
        {
            let (id, task) = first.remove_entry();
            done.push((task, id));
        }
        done
    }

    /// One is given up.
    pub fn give_up(&mut self, now: Time, id: ShareId) {
        self.settle(now);
        self.tasks.remove(&id);
    }

    /// They have another speed (ppm).
    pub fn set_speed(&mut self, now: Time, share_ppm: u32) {
        self.settle(now);
        self.share_ppm = share_ppm;
    }

    /// Whether there is no task.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.tasks.is_empty()
    }

    /// All tasks, in the order of their numbers.
    #[must_use]
    pub fn into_tasks(self) -> Vec<(T, ShareId)> {
        let mut tasks: Vec<_> = self.tasks.into_iter().map(|(id, task)| (task, id)).collect();
        tasks.sort_unstable_by_key(|(_, id)| id.number);
        tasks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the head of this file.
    #[test]
    fn three_tasks_share_two_processors() {
        let second = |seconds: u64| Time(seconds * 1_000_000_000);
        let mut shared = Processors::new(Time::ZERO, 2, WHOLE_PPM);
        for (number, seconds) in [(0, 6), (1, 2), (2, 4)] {
            shared.begin(Time::ZERO, Span::from_secs(seconds), number, number);
        }
        let mut done = Vec::new();
        while let Some(at) = shared.next() {
            done.extend(shared.end(at).into_iter().map(|(number, _)| (number, at)));
        }
        assert_eq!(done, [(1, second(3)), (2, second(5)), (0, second(7))]);
    }
}
