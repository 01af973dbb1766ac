//! What nodes compute for workloads that are no jobs: each task at its node's speed, or in shares.
//!
//! A task of span s on a node at the share f of its speed takes s / f; when the speed changes in
//! the middle, only what is left is stretched.

use std::collections::BTreeMap;

use super::sharing::Sharing;
use super::workload::{Task, UnderWay};
use super::world::Timer;
use crate::hardware::network::WHOLE_PPM;
use crate::hardware::processors::ShareId;
use crate::hardware::rack::{Draw, Rack};
use crate::ids::NodeId;
use crate::plan::Plan;
use crate::units::{Span, Time};

/// What a node computes, until it is done or its node has another speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ComputingId(u64);

/// What nodes compute.
#[derive(Clone, Debug, Default)]
pub(super) struct Computing {
    under_way: BTreeMap<ComputingId, Own>,
    of_node: BTreeMap<NodeId, Vec<ComputingId>>,
    begun: u64,
    sharing: Sharing,
}

/// A task of a node.
#[derive(Clone, Copy, Debug)]
struct Own {
    task: Task,
    node: NodeId,
    /// What of it was left at `since`, at full speed.
    left: Span,
    since: Time,
    share_ppm: u32,
}

impl Own {
    /// How long it takes from `since` on, to the nanosecond that is not before its end.
    fn span(&self) -> Span {
        let scaled = u128::from(self.left.0) * u128::from(WHOLE_PPM);
        Span(scaled.div_ceil(u128::from(self.share_ppm.max(1))).min(u64::MAX.into()) as u64)
    }

    fn left_at(&self, now: Time) -> Span {
        let done = u128::from(now.since(self.since).0) * u128::from(self.share_ppm);
        Span(self.left.0.saturating_sub((done / u128::from(WHOLE_PPM)) as u64))
    }
}

type Hardware<'p> = Rack<&'p Plan, Timer>;

impl Computing {
    /// A node that is up begins a task. O(log tasks).
    pub(super) fn begin(
        &mut self,
        rack: &mut Hardware<'_>,
        task: Task,
        node: NodeId,
        left: Span,
    ) -> ComputingId {
        self.wake(rack, node);
        let (since, share_ppm) = (rack.now(), rack.speed(node));
        self.go_on(rack, Own { task, node, left, since, share_ppm })
    }

    /// A node that is up begins a task that shares its processors with others. O(log its tasks).
    pub(super) fn share(
        &mut self,
        rack: &mut Hardware<'_>,
        task: Task,
        (node, span, processors): (NodeId, Span, u32),
    ) -> ShareId {
        self.wake(rack, node);
        self.sharing.begin(rack, task, (node, span, processors))
    }

    /// The tasks that share a node and are done by now, in the order in which they are.
    pub(super) fn end_shares(
        &mut self,
        rack: &mut Hardware<'_>,
        node: NodeId,
        turn: u64,
    ) -> Vec<(Task, ShareId)> {
        let done = self.sharing.end(rack, node, turn);
        if !done.is_empty() {
            self.rest(rack, node);
        }
        done
    }

    /// One that shares a node is given up.
    pub(super) fn give_up_share(&mut self, rack: &mut Hardware<'_>, node: NodeId, id: ShareId) {
        self.sharing.give_up(rack, node, id);
        self.rest(rack, node);
    }

    fn is_idle(&self, node: NodeId) -> bool {
        self.of_node.get(&node).is_none_or(Vec::is_empty) && self.sharing.is_idle(node)
    }

    fn wake(&self, rack: &mut Hardware<'_>, node: NodeId) {
        if self.is_idle(node) {
            rack.set_draw_of(node, Draw::Compute);
        }
    }

    fn go_on(&mut self, rack: &mut Hardware<'_>, own: Own) -> ComputingId {
        let id = ComputingId(self.begun);
        self.begun += 1;
        rack.schedule(own.since + own.span(), Timer::Computed(id));
        self.of_node.entry(own.node).or_default().push(id);
        self.under_way.insert(id, own);
        id
    }

    fn remove(&mut self, id: ComputingId) -> Option<Own> {
        let own = self.under_way.remove(&id)?;
        let all = self.of_node.get_mut(&own.node).expect("it is one of them");
        let place = all.iter().position(|it| *it == id).expect("it is one of them");
        all.remove(place);
        Some(own)
    }

    /// The task that is done with it, unless it has ended before. O(tasks of the node).
    pub(super) fn end(&mut self, rack: &mut Hardware<'_>, id: ComputingId) -> Option<Task> {
        let own = self.remove(id)?;
        self.rest(rack, own.node);
        Some(own.task)
    }

    /// It is given up, unless its node has stopped.
    pub(super) fn give_up(&mut self, rack: &mut Hardware<'_>, id: ComputingId) {
        self.end(rack, id);
    }

    fn rest(&mut self, rack: &mut Hardware<'_>, node: NodeId) {
        if self.is_idle(node) {
            rack.set_draw_of(node, Draw::Idle);
        }
    }

    /// A node computes at another speed (ppm): its tasks with their new names.
    pub(super) fn set_speed(
        &mut self,
        rack: &mut Hardware<'_>,
        node: NodeId,
        share_ppm: u32,
    ) -> Vec<(Task, ComputingId)> {
        let now = rack.now();
        self.sharing.set_speed(rack, node, share_ppm);
        let all = self.of_node.remove(&node).unwrap_or_default().into_iter();
        let all: Vec<_> =
            all.map(|id| self.under_way.remove(&id).expect("as it is listed")).collect();
        let again = |own: Own| {
            let left = own.left_at(now);
            (own.task, self.go_on(rack, Own { left, since: now, share_ppm, ..own }))
        };
        all.into_iter().map(again).collect()
    }

    /// A node has stopped: the tasks that are lost with it, in the order in which they began.
    pub(super) fn lose(&mut self, node: NodeId) -> Vec<(Task, UnderWay)> {
        let all = self.of_node.remove(&node).unwrap_or_default().into_iter();
        let computed = all.map(|id| {
            let own = self.under_way.remove(&id).expect("as it is listed");
            (own.task, UnderWay::Compute(id))
        });
        let mut all: Vec<_> = computed.collect();
        let shares = self.sharing.lose(node).into_iter();
        all.extend(shares.map(|(task, id)| (task, UnderWay::Share(node, id))));
        all
    }
}
