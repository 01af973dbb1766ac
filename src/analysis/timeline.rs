//! How many nodes are in each class at each time: every node-second belongs to exactly one.

use super::bins::{Bins, seconds};
use super::{NodeClass, Series};
use crate::event::{JobPhase, NodeState};

impl NodeClass {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 12] = [
        Self::Off,
        Self::Boot,
        Self::Idle,
        Self::Wait,
        Self::Restart,
        Self::Compute,
        Self::Rework,
        Self::Checkpoint,
        Self::Hung,
        Self::Down,
        Self::GaveUp,
        Self::Verify,
    ];

    /// Its name in series and metrics, such as `gave-up`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Boot => "boot",
            Self::Idle => "idle",
            Self::Wait => "wait",
            Self::Restart => "restart",
            Self::Compute => "compute",
            Self::Rework => "rework",
            Self::Checkpoint => "checkpoint",
            Self::Hung => "hung",
            Self::Down => "down",
            Self::GaveUp => "gave-up",
            Self::Verify => "verify",
        }
    }

    /// Whether nodes of this class are up.
    #[must_use]
    pub fn is_up(self) -> bool {
        matches!(
            self,
            Self::Idle
                | Self::Wait
                | Self::Restart
                | Self::Compute
                | Self::Rework
                | Self::Checkpoint
                | Self::Verify
        )
    }

    /// The class of a node: its own state, but if it is up and in a job, the job's phase.
    #[must_use]
    pub fn of(state: NodeState, job: Option<JobPhase>) -> Self {
        match state {
            NodeState::Off => Self::Off,
            NodeState::Rom
            | NodeState::Dhcp
            | NodeState::Tftp
            | NodeState::Kernel
            | NodeState::Root
            | NodeState::Init => Self::Boot,
            NodeState::Up => job.map_or(Self::Idle, Self::of_phase),
            NodeState::Hung => Self::Hung,
            NodeState::Down => Self::Down,
            NodeState::GaveUp => Self::GaveUp,
        }
    }

    /// The class of a node that is up and in a job in this phase.
    #[must_use]
    pub fn of_phase(phase: JobPhase) -> Self {
        match phase {
            JobPhase::Waiting => Self::Wait,
            JobPhase::Restart => Self::Restart,
            JobPhase::Compute => Self::Compute,
            JobPhase::Rework => Self::Rework,
            JobPhase::Checkpoint => Self::Checkpoint,
            JobPhase::Verify => Self::Verify,
            JobPhase::Done => Self::Idle,
        }
    }
}

/// One class: its nodes now, and its past.
#[derive(Clone, Debug, Default)]
struct Level {
    nodes: u64,
    /// The past is in the bins up to here (ns).
    since: u64,
    bins: Bins,
}

impl Level {
    fn settle(&mut self, now: u64) {
        if self.since != now {
            self.bins.add_level(self.since, now, self.nodes);
            self.since = now;
        }
    }
}

/// All classes over time. A change costs two classes, however many nodes change.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    levels: [Level; NodeClass::ALL.len()],
    nodes: u64,
}

impl Timeline {
    /// So many nodes, all off.
    pub(super) fn new(nodes: u32) -> Self {
        let mut levels: [Level; NodeClass::ALL.len()] = Default::default();
        levels[NodeClass::Off as usize].nodes = u64::from(nodes);
        Self { levels, nodes: u64::from(nodes) }
    }

    /// So many nodes go from one class to another at `now` (ns).
    pub(super) fn shift(&mut self, now: u64, from: NodeClass, to: NodeClass, nodes: u32) {
        if from == to || nodes == 0 {
            return;
        }
        let left = &mut self.levels[from as usize];
        left.settle(now);
        left.nodes = left.nodes.checked_sub(u64::from(nodes)).expect("a class has these nodes");
        let joined = &mut self.levels[to as usize];
        joined.settle(now);
        joined.nodes += u64::from(nodes);
    }

    /// Brings all classes to the end of the run (ns), and asserts that every node-second is in
    /// exactly one of them.
    pub(super) fn close(&mut self, end: u64) {
        for level in &mut self.levels {
            level.settle(end);
            level.bins.cover(end);
        }
        let sum: u128 = NodeClass::ALL.map(|class| self.total(class)).iter().sum();
        let expected = u128::from(self.nodes) * u128::from(end);
        assert_eq!(sum, expected, "the classes share out all node-nanoseconds");
    }

    /// Time that nodes spent in the class [node ns].
    pub(super) fn total(&self, class: NodeClass) -> u128 {
        self.levels[class as usize].bins.total()
    }

    /// Time that nodes spent in classes of this kind [node ns].
    pub(super) fn total_where(&self, is: impl Fn(NodeClass) -> bool) -> u128 {
        NodeClass::ALL.into_iter().filter(|class| is(*class)).map(|class| self.total(class)).sum()
    }

    /// The series `node_share/<class>`, after [`Self::close`].
    pub(super) fn shares(&self, end: u64) -> Vec<Series> {
        let series = |class: NodeClass| {
            let level = &self.levels[class as usize];
            let mut points = level.bins.means(end, 1.0);
            points.push((seconds(end), level.nodes as f64));
            let name = format!("node_share/{}", class.name());
            Series { name, unit: "count".to_owned(), points }
        };
        NodeClass::ALL.map(series).into()
    }

    /// The series `nodes_up`, after [`Self::close`]: the mean of each bin; the most nodes that
    /// were up at once are a point of their own at the time `peak.0` (ns) when they first were.
    pub(super) fn nodes_up(&self, end: u64, peak: (u64, u32)) -> Series {
        let mut bins = Bins::default();
        bins.cover(end);
        let mut now = 0;
        for class in NodeClass::ALL.into_iter().filter(|class| class.is_up()) {
            let level = &self.levels[class as usize];
            bins.merge(&level.bins);
            now += level.nodes;
        }
        let mut points = bins.means(end, 1.0);
        let (at, most) = (seconds(peak.0), f64::from(peak.1));
        let place = points.partition_point(|(start, _)| *start < at);
        match points.get_mut(place) {
            Some(point) if point.0 <= at => point.1 = most,
            _ => points.insert(place, (at, most)),
        }
        points.retain(|(start, _)| *start < seconds(end));
        points.push((seconds(end), now as f64));
        Series { name: "nodes_up".to_owned(), unit: "count".to_owned(), points }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn names_are_those_of_serde_and_the_order_is_that_of_declaration() {
        for (i, class) in NodeClass::ALL.into_iter().enumerate() {
            assert_eq!(serde_json::to_value(class).expect("an enum"), class.name());
            assert_eq!(class as usize, i);
        }
    }

    #[test]
    fn a_million_nodes_over_a_century_fit() {
        let mut timeline = Timeline::new(1_000_000);
        let century = 100 * 365 * 86_400 * SECOND;
        timeline.shift(century / 4, NodeClass::Off, NodeClass::Boot, 1_000_000);
        timeline.close(century);
        assert_eq!(timeline.total(NodeClass::Boot), u128::from(century - century / 4) * 1_000_000);
    }

    #[test]
    fn nodes_up_shows_a_peak_that_a_bin_would_hide() {
        let mut timeline = Timeline::new(3);
        timeline.shift(10 * SECOND, NodeClass::Off, NodeClass::Idle, 2);
        timeline.shift(2000 * SECOND, NodeClass::Off, NodeClass::Idle, 1);
        timeline.shift(2000 * SECOND + 5, NodeClass::Idle, NodeClass::Down, 2);
        timeline.close(4000 * SECOND);
        let series = timeline.nodes_up(4000 * SECOND, (2000 * SECOND, 3));
        let most = series.points.iter().map(|point| point.1).fold(0.0, f64::max);
        assert!((2.9..3.1).contains(&most), "{most}");
        assert_eq!(series.points.last(), Some(&(4000.0, 1.0)));
        assert!(series.points.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn a_run_without_time_has_one_point() {
        let mut timeline = Timeline::new(5);
        timeline.shift(0, NodeClass::Off, NodeClass::Idle, 5);
        timeline.close(0);
        assert_eq!(timeline.nodes_up(0, (0, 5)).points, [(0.0, 5.0)]);
        assert_eq!(timeline.shares(0)[0].points, [(0.0, 0.0)]);
    }
}
