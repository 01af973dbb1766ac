//! Nodes whose processors several tasks share.

use std::collections::BTreeMap;

use super::workload::Task;
use super::world::Timer;
use crate::hardware::processors::{Processors, ShareId};
use crate::hardware::rack::Rack;
use crate::ids::NodeId;
use crate::plan::Plan;
use crate::units::Span;

/// The nodes that tasks share.
#[derive(Clone, Debug, Default)]
pub(super) struct Sharing {
    nodes: BTreeMap<NodeId, Shared>,
    /// Numbers of tasks and of turns, which never come again.
    numbers: u64,
}

#[derive(Clone, Debug)]
struct Shared {
    processors: Processors<Task>,
    /// The timer that counts; others are of before.
    turn: u64,
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
        let (now, share_ppm) = (rack.now(), rack.speed(node));
        let shared = self.nodes.entry(node).or_insert_with(|| Shared {
            processors: Processors::new(now, processors, share_ppm),
            turn: 0,
        });
        let id = shared.processors.begin(now, span, self.numbers, task);
        self.numbers += 1;
        self.go_on(rack, node);
        id
    }

    fn go_on(&mut self, rack: &mut Hardware<'_>, node: NodeId) {
        let Some(shared) = self.nodes.get_mut(&node) else { return };
        if let Some(at) = shared.processors.next() {
            shared.turn = self.numbers;
            self.numbers += 1;
            rack.schedule(at, Timer::Shared { node, turn: shared.turn });
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
        let done = shared.processors.end(rack.now());
        self.go_on(rack, node);
        done
    }

    /// One is given up.
    pub(super) fn give_up(&mut self, rack: &mut Hardware<'_>, node: NodeId, id: ShareId) {
        let Some(shared) = self.nodes.get_mut(&node) else { return };
        shared.processors.give_up(rack.now(), id);
        self.go_on(rack, node);
    }

    /// A node computes at another speed (ppm).
    pub(super) fn set_speed(&mut self, rack: &mut Hardware<'_>, node: NodeId, share_ppm: u32) {
        let Some(shared) = self.nodes.get_mut(&node) else { return };
        shared.processors.set_speed(rack.now(), share_ppm);
        self.go_on(rack, node);
    }

    /// A node has stopped: the tasks that are lost with it, in the order in which they began.
    pub(super) fn lose(&mut self, node: NodeId) -> Vec<(Task, ShareId)> {
        let shared = self.nodes.remove(&node);
        shared.map(|shared| shared.processors.into_tasks()).unwrap_or_default()
    }

    /// Whether nobody shares a node.
    pub(super) fn is_idle(&self, node: NodeId) -> bool {
        !self.nodes.contains_key(&node)
    }
}
