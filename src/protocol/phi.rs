//! Failure detection by phi accrual: the time to wait follows from the heartbeats themselves.
//!
//! Hayashibara, Defago, Yared, Katayama: "The phi accrual failure detector", SRDS 2004. The times
//! between heartbeats are taken to be normal with the mean and deviation of the last 100 ones.
//! With t since the last heartbeat
//!
//! ```text
//!  phi(t) = -log10 P(next heartbeat later than t)
//!         = -log10 (erfc((t - mean) / (deviation sqrt 2)) / 2)
//! ```
//!
//! A node is suspected when phi reaches the threshold: when t reaches `mean + z deviation`, where z
//! is the quantile with `erfc(z / sqrt 2) / 2 = 10^-threshold`. Example: a threshold of 8
//! gives z = 5.61; with heartbeats of 1 s and the least deviation of 0.1 s a node is suspected 1.56
//! s after its last heartbeat.
//!
//! Not modelled: an acceptable pause besides the deviation; heartbeats that overtake each other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::ids::NodeId;
use crate::scenario::boot::Phi;
use crate::units::{Span, Time};

/// Times between heartbeats that are remembered of a node. The paper's experiments use 1,000; 100
/// are what most programs that followed it take.
const WINDOW: usize = 100;

/// The machine. It watches any number of nodes; every input costs O(log n).
#[derive(Clone, Debug)]
pub struct PhiAccrual {
    spec: Phi,
    z: f64,
    nodes: BTreeMap<NodeId, History>,
    /// When each node is suspected, if it sends no heartbeat before.
    deadlines: BTreeSet<(Time, NodeId)>,
}

#[derive(Clone, Debug)]
struct History {
    heard: Time,
    deadline: Time,
    /// The last times between heartbeats (ns), their sum and that of their squares.
    gaps: VecDeque<u64>,
    sum: u128,
    squares: u128,
}

/// The quantile z of the upper tail of the normal distribution: P(Z > z) = 10^-threshold. By
/// bisection to the last bit.
fn quantile(threshold: f64) -> f64 {
    let tail = libm::pow(10.0, -threshold);
    let (mut low, mut high) = (0.0, 40.0);
    loop {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            return high;
        }
        let above = 0.5 * libm::erfc(middle / std::f64::consts::SQRT_2) > tail;
        (low, high) = if above { (middle, high) } else { (low, middle) };
    }
}

impl PhiAccrual {
    /// A detector that watches nobody yet.
    #[must_use]
    pub fn new(spec: Phi) -> Self {
        let z = quantile(spec.threshold);
        Self { spec, z, nodes: BTreeMap::new(), deadlines: BTreeSet::new() }
    }

    /// From a node's last heartbeat to its suspicion, if its heartbeats were regular: their period
    /// and z times the least deviation.
    #[must_use]
    pub fn delay(spec: Phi) -> Span {
        spec.heartbeat + Span((quantile(spec.threshold) * spec.deviation.0 as f64) as u64)
    }

    /// Watches a node from now on, as if it had just been heard and beaten regularly before.
    pub fn watch(&mut self, now: Time, node: NodeId) {
        self.forget(node);
        let heartbeat = self.spec.heartbeat.0;
        let gaps = VecDeque::from([heartbeat]);
        let (sum, squares) = (u128::from(heartbeat), u128::from(heartbeat).pow(2));
        let history = History { heard: now, deadline: now, gaps, sum, squares };
        self.nodes.insert(node, history);
        self.set_deadline(node);
    }

    /// No longer watches a node.
    pub fn forget(&mut self, node: NodeId) {
        if let Some(history) = self.nodes.remove(&node) {
            self.deadlines.remove(&(history.deadline, node));
        }
    }

    /// A node was heard; heartbeats of nodes that are not watched mean nothing.
    pub fn heartbeat(&mut self, now: Time, node: NodeId) {
        let Some(history) = self.nodes.get_mut(&node) else { return };
        let gap = now.since(history.heard).0;
        history.heard = now;
        history.gaps.push_back(gap);
        (history.sum, history.squares) =
            (history.sum + u128::from(gap), history.squares + u128::from(gap).pow(2));
        if history.gaps.len() > WINDOW {
            let old = u128::from(history.gaps.pop_front().expect("it is full"));
            (history.sum, history.squares) = (history.sum - old, history.squares - old * old);
        }
        self.set_deadline(node);
    }

    fn set_deadline(&mut self, node: NodeId) {
        let history = self.nodes.get_mut(&node).expect("it is watched");
        self.deadlines.remove(&(history.deadline, node));
        let n = history.gaps.len() as u128;
        // n^2 times the variance, exactly.
        let spread = n * history.squares - history.sum * history.sum;
        let mean = history.sum as f64 / n as f64;
        let deviation = (libm::sqrt(spread as f64) / n as f64).max(self.spec.deviation.0 as f64);
        history.deadline = history.heard + Span((mean + self.z * deviation) as u64);
        self.deadlines.insert((history.deadline, node));
    }

    /// When a watched node was last heard.
    #[must_use]
    pub fn heard(&self, node: NodeId) -> Option<Time> {
        self.nodes.get(&node).map(|history| history.heard)
    }

    /// When [`Self::suspects`] has something to say, if nobody sends heartbeats before.
    #[must_use]
    pub fn next(&self) -> Option<Time> {
        self.deadlines.first().map(|&(deadline, _)| deadline)
    }

    /// The nodes whose phi has reached the threshold, with the time at which each was last heard.
    /// They are watched no more.
    pub fn suspects(&mut self, now: Time) -> Vec<(NodeId, Time)> {
        let mut suspects = Vec::new();
        while let Some(&(deadline, node)) = self.deadlines.first()
            && deadline <= now
        {
            suspects.push((node, self.nodes[&node].heard));
            self.forget(node);
        }
        suspects
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const NODE: NodeId = NodeId(3);
    const SPEC: Phi =
        Phi { threshold: 8.0, heartbeat: Span::from_secs(1), deviation: Span::from_millis(100) };

    #[test]
    fn the_quantiles_are_those_of_the_tables() {
        // Upper tails of the standard normal distribution.
        for (threshold, z) in [(1.0, 1.281_552), (2.0, 2.326_348), (8.0, 5.612_001)] {
            assert!((quantile(threshold) - z).abs() < 1e-6, "{threshold}");
        }
    }

    #[test]
    fn regular_heartbeats_are_waited_for_as_long_as_the_formula_says() {
        let mut detector = PhiAccrual::new(SPEC);
        detector.watch(Time(0), NODE);
        for k in 1..=500 {
            detector.heartbeat(Time(k * SECOND), NODE);
        }
        let delay = PhiAccrual::delay(SPEC);
        assert!((delay.as_secs_f64() - 1.561_200).abs() < 1e-6, "{delay}");
        let deadline = Time(500 * SECOND) + delay;
        assert_eq!(detector.next(), Some(deadline));
        assert_eq!(detector.suspects(Time(deadline.0 - 1)), []);
        assert_eq!(detector.suspects(deadline), [(NODE, Time(500 * SECOND))]);
        assert_eq!(detector.suspects(Time(deadline.0 + SECOND)), [], "it is emitted once");
    }

    #[test]
    fn a_node_with_irregular_heartbeats_is_given_more_time() {
        let delay = |late: u64| {
            let mut detector = PhiAccrual::new(SPEC);
            detector.watch(Time(0), NODE);
            let mut now = 0;
            for k in 0..200 {
                now += SECOND + if k % 2 == 0 { late } else { 0 };
                detector.heartbeat(Time(now), NODE);
            }
            detector.next().expect("it is watched").since(Time(now)).as_secs_f64()
        };
        // Half of the gaps are 1 s, half 3 s: mean 2 s, deviation 1 s.
        assert!((delay(2 * SECOND) - (2.0 + 5.612_001)).abs() < 1e-3, "{}", delay(2 * SECOND));
        assert!(delay(0) < delay(SECOND / 2) && delay(SECOND / 2) < delay(2 * SECOND));
    }

    /// Against the obvious twin: phi itself, computed from the list of all gaps.
    #[test]
    fn it_suspects_when_phi_reaches_the_threshold() {
        let stream = crate::rng::Stream::new(1, "phi");
        let mut draw = stream.draw(0, 0);
        for _ in 0..50 {
            let spec = Phi { threshold: 1.0 + draw.below(10) as f64, ..SPEC };
            let mut detector = PhiAccrual::new(spec);
            detector.watch(Time(0), NODE);
            let (mut now, mut gaps) = (0, vec![1.0]);
            for _ in 0..draw.below(300) {
                let gap = SECOND / 2 + draw.below(SECOND);
                now += gap;
                gaps.push(gap as f64 / SECOND as f64);
                detector.heartbeat(Time(now), NODE);
            }
            let gaps = &gaps[gaps.len().saturating_sub(WINDOW)..];
            let n = gaps.len() as f64;
            let mean = gaps.iter().sum::<f64>() / n;
            let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / n;
            let deviation = variance.sqrt().max(0.1);
            let phi = |t: f64| {
                -(0.5 * libm::erfc((t - mean) / (deviation * std::f64::consts::SQRT_2))).log10()
            };
            let waited = detector.next().expect("it is watched").since(Time(now)).as_secs_f64();
            assert!((phi(waited) - spec.threshold).abs() < 1e-4, "{waited} {}", phi(waited));
        }
    }
}
