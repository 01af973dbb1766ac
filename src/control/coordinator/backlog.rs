//! The jobs that wait for nodes, in the order in which they were submitted.
//!
//! The order never changes, so that each job has a fixed rank: a leaf of a binary tree. A leaf is
//! empty unless its job waits; else it says how many nodes the job lacks and how long it would keep
//! them. Each inner node has the least of both below it:
//!
//! ```text
//!                lacks 2, 10 min
//!           /                      \
//!    lacks 8, 10 min         lacks 2, 60 min
//!      /        \              /        \
//!   8, 10 min   -           4, 60 min   2, 90 min
//! ```
//!
//! The first job that fits into three free nodes is found without a look at the left half. By
//! lacking nodes alone that is O(log jobs). With a time to be done by as well, a part of the tree
//! may be searched in vain, as the least of both need not be of one job: O(jobs that wait) at the
//! worst.

use serde::{Deserialize, Serialize};

use crate::ids::JobId;
use crate::units::{Span, Time};

/// What a job that waits asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ask {
    /// Nodes that it lacks.
    pub nodes: u32,
    /// How long it would keep them at most.
    pub span: Span,
}

impl Ask {
    /// What fits nowhere.
    const NOTHING: Self = Self { nodes: u32::MAX, span: Span::FOREVER };

    fn least(self, other: Self) -> Self {
        Self { nodes: self.nodes.min(other.nodes), span: self.span.min(other.span) }
    }
}

/// Room for a job that overtakes others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap {
    /// Nodes that are free now.
    pub free: u32,
    /// How long all of them are.
    pub span: Span,
    /// Those of them that are free for longer.
    pub spare: u32,
}

impl Gap {
    /// So many nodes, for as long as anybody wants.
    pub(super) fn open(free: u32) -> Self {
        Self { free, span: Span::FOREVER, spare: free }
    }

    /// Whether there is room for this.
    pub(super) fn holds(self, ask: Ask) -> bool {
        ask.nodes <= self.free && (ask.nodes <= self.spare || ask.span <= self.span)
    }
}

/// Who waits.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Backlog {
    /// The job of each rank.
    order: Vec<JobId>,
    /// The rank of each job.
    ranks: Vec<u32>,
    /// The tree: the root is at 1, those below n at 2 n and 2 n + 1.
    tree: Vec<Ask>,
}

impl Backlog {
    /// Nobody waits; of jobs submitted at these times, those of the same time by their numbers.
    pub(super) fn of(submits: &[Time]) -> Self {
        let mut order: Vec<_> = (0..submits.len() as u16).map(JobId).collect();
        order.sort_by_key(|job| submits[usize::from(job.0)]);
        let mut ranks = vec![0; order.len()];
        for (rank, job) in (0..).zip(&order) {
            ranks[usize::from(job.0)] = rank;
        }
        let tree = vec![Ask::NOTHING; 2 * order.len().next_power_of_two()];
        Self { order, ranks, tree }
    }

    fn leaves(&self) -> usize {
        self.tree.len() / 2
    }

    fn rank(&self, job: JobId) -> usize {
        self.ranks[usize::from(job.0)] as usize
    }

    /// A job waits for this, or does not wait. O(log jobs), O(1) if nothing changes by it.
    pub(super) fn set(&mut self, job: JobId, ask: Option<Ask>) {
        let mut at = self.leaves() + self.rank(job);
        let mut least = ask.unwrap_or(Ask::NOTHING);
        while std::mem::replace(&mut self.tree[at], least) != least && at > 1 {
            at /= 2;
            least = self.tree[2 * at].least(self.tree[2 * at + 1]);
        }
    }

    /// What a job that waits asks for.
    pub(super) fn ask(&self, job: JobId) -> Option<Ask> {
        Some(self.tree[self.leaves() + self.rank(job)]).filter(|ask| *ask != Ask::NOTHING)
    }

    /// The first of those that wait. O(log jobs).
    pub(super) fn head(&self) -> Option<JobId> {
        self.next(None, Gap::open(u32::MAX - 1))
    }

    /// The first of those after `job` that a gap has room for.
    pub(super) fn next(&self, job: Option<JobId>, gap: Gap) -> Option<JobId> {
        let from = job.map_or(0, |job| self.rank(job) + 1);
        let rank = self.search(1, (0, self.leaves()), from, gap)?;
        Some(self.order[rank])
    }

    /// The first such rank below a node of the tree, which has these leaves.
    fn search(
        &self,
        at: usize,
        (low, high): (usize, usize),
        from: usize,
        gap: Gap,
    ) -> Option<usize> {
        if high <= from || !gap.holds(self.tree[at]) {
            return None;
        }
        if high - low == 1 {
            return Some(low);
        }
        let middle = usize::midpoint(low, high);
        self.search(2 * at, (low, middle), from, gap)
            .or_else(|| self.search(2 * at + 1, (middle, high), from, gap))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    /// Against the obvious twin: a look at each job in its order.
    #[test]
    fn the_tree_finds_what_a_walk_over_all_jobs_finds() {
        for seed in 0..20 {
            let stream = Stream::new(seed, "backlog");
            let mut draw = stream.draw(0, 0);
            let jobs = 1 + draw.below(40) as usize;
            let submits: Vec<_> = (0..jobs).map(|_| Time(draw.below(10))).collect();
            let mut backlog = Backlog::of(&submits);
            let mut order: Vec<_> = (0..jobs).collect();
            order.sort_by_key(|job| (submits[*job], *job));
            let mut asks = vec![None; jobs];
            for _ in 0..200 {
                let job = draw.below(jobs as u64) as usize;
                let (nodes, span) = (1 + draw.below(9) as u32, Span(draw.below(9)));
                asks[job] = (draw.below(3) > 0).then_some(Ask { nodes, span });
                backlog.set(JobId(job as u16), asks[job]);
                assert_eq!(backlog.ask(JobId(job as u16)), asks[job]);
                let free = draw.below(10) as u32;
                let (span, spare) = (Span(draw.below(9)), draw.below(u64::from(free) + 1) as u32);
                let gap = Gap { free, span, spare };
                let after = draw.below(jobs as u64) as usize;
                let waiting = || order.iter().filter(|job| asks[**job].is_some());
                let first = waiting().next().map(|job| JobId(*job as u16));
                assert_eq!(backlog.head(), first, "seed {seed}");
                let mut rest = order.iter().skip_while(|job| **job != after).skip(1);
                let twin = rest.find(|job| asks[**job].is_some_and(|ask| gap.holds(ask)));
                let found = backlog.next(Some(JobId(after as u16)), gap);
                assert_eq!(found, twin.map(|job| JobId(*job as u16)), "seed {seed}");
            }
        }
    }
}
