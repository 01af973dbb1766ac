//! How fast a job computes: at the pace of its slowest node, less while a checkpoint drains.
//!
//! All nodes of a job compute a step, then all meet. A step of length s thus lasts s / f if the
//! slowest node works at the share f of its speed. When the pace changes in the middle, only what
//! is left of the step is stretched: of 10 s at half speed from second 4 on, 6 s are left and last
//! 12 s, and the step takes 16 s. Verifying and compressing are computing as well; what compresses
//! keeps the pace at which it began.

use std::collections::{BTreeMap, BTreeSet};

use crate::hardware::network::WHOLE_PPM;
use crate::ids::NodeId;
use crate::units::{Span, Time};

/// The pace of the nodes of a job.
#[derive(Clone, Default)]
pub(super) struct Pace {
    /// Shares of the speed of nodes that compute below it (ppm).
    shares: BTreeMap<NodeId, u32>,
    /// The same, the slowest first.
    order: BTreeSet<(u32, NodeId)>,
    /// What they compute.
    step: Option<Step>,
}

/// What the nodes of a job compute.
#[derive(Clone, Copy)]
struct Step {
    /// What of it was left at `since`, at full speed.
    left: Span,
    since: Time,
    /// How many times as long it takes for a checkpoint that drains.
    slowdown: f64,
    /// How many times as long it takes in all.
    stretch: f64,
}

impl Pace {
    /// A node computes at this share of its speed (ppm). O(log slow nodes).
    pub(super) fn set_speed(&mut self, node: NodeId, share_ppm: u32) {
        if let Some(old) = self.shares.remove(&node) {
            self.order.remove(&(old, node));
        }
        if share_ppm < WHOLE_PPM {
            self.shares.insert(node, share_ppm);
            self.order.insert((share_ppm, node));
        }
    }

    /// Whether all nodes compute at their full speed.
    pub(super) fn is_full(&self) -> bool {
        self.order.is_empty()
    }

    /// How many times as long the slowest of those nodes takes that count.
    pub(super) fn factor(&self, counts: impl Fn(NodeId) -> bool) -> f64 {
        let slowest = self.order.iter().find(|(_, node)| counts(*node));
        f64::from(WHOLE_PPM) / f64::from(slowest.map_or(WHOLE_PPM, |&(share, _)| share))
    }

    /// They begin to compute what takes this span at full speed. Says how long it takes.
    pub(super) fn begin(&mut self, now: Time, left: Span, slowdown: f64, factor: f64) -> Span {
        let stretch = slowdown * factor;
        self.step = Some(Step { left, since: now, slowdown, stretch });
        times(left, stretch)
    }

    /// They go on, perhaps with another slowdown. Says how long what is left takes, if the pace
    /// changes.
    pub(super) fn change(&mut self, now: Time, slowdown: Option<f64>, factor: f64) -> Option<Span> {
        let step = self.step?;
        let slowdown = slowdown.unwrap_or(step.slowdown);
        if (slowdown * factor).to_bits() == step.stretch.to_bits() {
            return None;
        }
        let done = now.since(step.since).0 as f64 / step.stretch;
        let left = Span(step.left.0.saturating_sub(libm::round(done) as u64));
        Some(self.begin(now, left, slowdown, factor))
    }

    /// They compute no longer.
    pub(super) fn stop(&mut self) {
        self.step = None;
    }
}

/// A span, so many times as long.
pub(super) fn times(span: Span, factor: f64) -> Span {
    // Exactly the span at full speed.
    if factor > 1.0 { Span(libm::round(span.0 as f64 * factor) as u64) } else { span }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_node_that_counts_sets_the_pace() {
        let mut pace = Pace::default();
        let all = |pace: &Pace| pace.factor(|_| true);
        assert!(pace.is_full() && all(&pace) <= 1.0);
        pace.set_speed(NodeId(7), 500_000);
        pace.set_speed(NodeId(3), 800_000);
        let near = |factor: f64, right: f64| assert!((factor - right).abs() < 1e-12, "{factor}");
        near(all(&pace), 2.0);
        near(pace.factor(|node| node != NodeId(7)), 1.25);
        pace.set_speed(NodeId(7), 900_000);
        near(all(&pace), 1.25);
        pace.set_speed(NodeId(3), WHOLE_PPM);
        pace.set_speed(NodeId(7), WHOLE_PPM);
        assert!(pace.is_full());
    }

    #[test]
    fn a_change_of_pace_stretches_only_what_is_left() {
        let seconds = |seconds| Time::ZERO + Span::from_secs(seconds);
        let mut pace = Pace::default();
        let ten = Span::from_secs(10);
        assert_eq!(pace.begin(seconds(0), ten, 1.0, 1.0), ten);
        assert_eq!(pace.change(seconds(4), None, 2.0), Some(Span::from_secs(12)));
        assert_eq!(pace.change(seconds(5), None, 2.0), None, "it is the same");
        assert_eq!(pace.change(seconds(8), Some(1.5), 2.0), Some(ten + Span::from_secs(2)));
        pace.stop();
        assert_eq!(pace.change(seconds(9), None, 1.0), None);
    }
}
