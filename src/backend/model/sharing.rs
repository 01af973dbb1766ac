//! Nodes whose processors several tasks share equally: egalitarian processor sharing.
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

use super::workload::Task;
use super::world::Timer;
use crate::hardware::network::WHOLE_PPM;
use crate::hardware::rack::Rack;
use crate::ids::NodeId;
use crate::plan::Plan;
use crate::units::{Span, Time};

/// Parts of a nanosecond, as a power of two.
const FRACTION_BITS: u32 = 20;

/// A task that shares a node: what its node has attained when it is done, and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ShareId {
    done_at: u128,
    number: u64,
}

/// The nodes that tasks share.
#[derive(Clone, Debug, Default)]
pub(super) struct Sharing {
    nodes: BTreeMap<NodeId, Shared>,
    /// Numbers of tasks and of turns, which never come again.
    numbers: u64,
}

#[derive(Clone, Debug)]
struct Shared {
    tasks: BTreeMap<ShareId, Task>,
    processors: u32,
    share_ppm: u32,
    /// What it had attained at `since`.
    attained: u128,
    since: Time,
    /// The timer that counts; others are of before.
    turn: u64,
}

impl Shared {
    /// The speed of each task as a fraction.
    fn speed(&self) -> (u128, u128) {
        let tasks = (self.tasks.len() as u128).max(1);
        let processors = tasks.min(self.processors.into());
        (processors * u128::from(self.share_ppm.max(1)), tasks * u128::from(WHOLE_PPM))
    }

    fn settle(&mut self, now: Time) {
        let (over, under) = self.speed();
        let span = u128::from(now.since(self.since).0) << FRACTION_BITS;
        self.attained += span * over / under;
        self.since = now;
    }

    /// How long until the first is done, to the nanosecond that is not before it.
    fn next(&self) -> Option<Span> {
        let (over, under) = self.speed();
        let left = self.tasks.first_key_value()?.0.done_at.saturating_sub(self.attained);
        let nanos = (left * under).div_ceil(over << FRACTION_BITS);
        Some(Span(nanos.min(u64::MAX.into()) as u64))
    }
}

type Hardware<'p> = Rack<&'p Plan, Timer>;

impl Sharing {
    /// A node begins one more task. O(log its tasks).
    pub(super) fn begin(
        &mut self,
        rack: &mut Hardware<'_>,
        task: Task,
        (node, span, processors): (NodeId, Span, u32),
    ) -> ShareId {
        let (since, share_ppm) = (rack.now(), rack.speed(node));
        let shared = self.nodes.entry(node).or_insert_with(|| Shared {
            tasks: BTreeMap::new(),
            processors,
            share_ppm,
            attained: 0,
            since,
            turn: 0,
        });
        shared.settle(since);
        let done_at = shared.attained + (u128::from(span.0) << FRACTION_BITS);
        let id = ShareId { done_at, number: self.numbers };
        self.numbers += 1;
        shared.tasks.insert(id, task);
        self.go_on(rack, node);
        id
    }

    fn go_on(&mut self, rack: &mut Hardware<'_>, node: NodeId) {
        let Some(shared) = self.nodes.get_mut(&node) else { return };
        if let Some(span) = shared.next() {
            shared.turn = self.numbers;
            self.numbers += 1;
            rack.schedule(rack.now() + span, Timer::Shared { node, turn: shared.turn });
        } else {
            self.nodes.remove(&node);
        }
    }

    /// The tasks of a node that are done, in the order in which they are, if this turn counts.
    pub(super) fn end(
        &mut self,
        rack: &mut Hardware<'_>,
        node: NodeId,
        turn: u64,
    ) -> Vec<(Task, ShareId)> {
        let Some(shared) = self.nodes.get_mut(&node).filter(|it| it.turn == turn) else {
            return Vec::new();
        };
        shared.settle(rack.now());
        let mut done = Vec::new();
        while let Some(first) = shared.tasks.first_entry()
            && first.key().done_at <= shared.attained
        {
            let (id, task) = first.remove_entry();
            done.push((task, id));
        }
        self.go_on(rack, node);
        done
    }

    /// One is given up.
    pub(super) fn give_up(&mut self, rack: &mut Hardware<'_>, node: NodeId, id: ShareId) {
        let Some(shared) = self.nodes.get_mut(&node) else { return };
        shared.settle(rack.now());
        shared.tasks.remove(&id);
        self.go_on(rack, node);
    }

    /// A node computes at another speed (ppm).
    pub(super) fn set_speed(&mut self, rack: &mut Hardware<'_>, node: NodeId, share_ppm: u32) {
        let Some(shared) = self.nodes.get_mut(&node) else { return };
        shared.settle(rack.now());
        shared.share_ppm = share_ppm;
        self.go_on(rack, node);
    }

    /// A node has stopped: the tasks that are lost with it, in the order in which they began.
    pub(super) fn lose(&mut self, node: NodeId) -> Vec<(Task, ShareId)> {
        let tasks = self.nodes.remove(&node).map(|shared| shared.tasks).unwrap_or_default();
        let mut tasks: Vec<_> = tasks.into_iter().collect();
        tasks.sort_unstable_by_key(|(id, _)| id.number);
        tasks.into_iter().map(|(id, task)| (task, id)).collect()
    }

    /// Whether nobody shares a node.
    pub(super) fn is_idle(&self, node: NodeId) -> bool {
        !self.nodes.contains_key(&node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the head of this file.
    #[test]
    fn three_tasks_share_two_processors() {
        let second = |seconds: u64| Time(seconds * 1_000_000_000);
        let task = |(number, seconds): (u64, u64)| {
            let done_at = u128::from(second(seconds).0) << FRACTION_BITS;
            (ShareId { done_at, number }, (0, number))
        };
        let mut shared = Shared {
            tasks: [(0, 6), (1, 2), (2, 4)].map(task).into(),
            processors: 2,
            share_ppm: WHOLE_PPM,
            attained: 0,
            since: Time::ZERO,
            turn: 0,
        };
        let mut done = Vec::new();
        while let Some(span) = shared.next() {
            shared.settle(shared.since + span);
            let (_, (_, number)) = shared.tasks.pop_first().expect("it has some");
            done.push((number, shared.since));
        }
        assert_eq!(done, [(1, second(3)), (2, second(5)), (0, second(7))]);
    }
}
