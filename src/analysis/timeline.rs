//! How many nodes are in each class at each time: every node-second belongs to exactly one.

use super::bins::{Bins, seconds};
use super::eventful::Eventful;
use super::{NodeClass, Point, Series};
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
        self == Self::Idle || self.is_taken()
    }

    /// Whether nodes of this class are up and in a job.
    #[must_use]
    pub fn is_taken(self) -> bool {
        matches!(
            self,
            Self::Wait
                | Self::Restart
                | Self::Compute
                | Self::Rework
                | Self::Checkpoint
                | Self::Verify
        )
    }

    /// Whether nodes of this class have failed.
    #[must_use]
    pub fn is_failed(self) -> bool {
        matches!(self, Self::Hung | Self::Down | Self::GaveUp)
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
            JobPhase::Done | JobPhase::TimedOut => Self::Idle,
        }
    }
}

/// A number of nodes: what it is now, and its past.
#[derive(Clone, Debug, Default)]
struct Level {
    nodes: u64,
    /// The past is counted up to here (ns).
    since: u64,
    /// All of it [node ns].
    total: u128,
    /// The past over time, if a series is wanted.
    bins: Option<Bins>,
}

impl Level {
    fn settle(&mut self, now: u64) {
        if self.since != now {
            self.total += u128::from(self.nodes) * u128::from(now - self.since);
            if let Some(bins) = &mut self.bins {
                bins.add_level(self.since, now, self.nodes);
            }
            self.since = now;
        }
    }

    fn lose(&mut self, now: u64, nodes: u32) {
        self.settle(now);
        self.nodes = self.nodes.checked_sub(u64::from(nodes)).expect("there are these nodes");
    }

    fn gain(&mut self, now: u64, nodes: u32) {
        self.settle(now);
        self.nodes += u64::from(nodes);
    }

    /// Brings it to the end of the run (ns).
    fn close(&mut self, end: u64) {
        self.settle(end);
        if let Some(bins) = &mut self.bins {
            bins.cover(end);
            assert_eq!(bins.total(), self.total, "the intervals hold all that there was");
        }
    }

    /// Its series up to the end of the run (ns), where it ends on what it is then.
    fn series(&self, name: String, end: u64) -> Option<Series> {
        let mut points = self.bins.as_ref()?.points(0, end, (1.0, 1.0));
        points.push(Point::level(seconds(end), self.nodes as f64));
        Some(Series { name, unit: "count".to_owned(), points })
    }
}

/// All classes over time. A change costs two or three levels, however many nodes change.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    levels: [Level; NodeClass::ALL.len()],
    /// The nodes that are up, whatever they do: a sum of classes, whose extremes are its own.
    up: Level,
    nodes: u64,
    /// If series are wanted.
    eventful: Option<Eventful>,
}

impl Timeline {
    /// So many nodes, all off; for series, in a run that is expected to last so long (ns).
    pub(super) fn new(nodes: u32, horizon: Option<u64>) -> Self {
        let up = Level { bins: horizon.map(|_| Bins::default()), ..Level::default() };
        let mut levels = std::array::from_fn(|_| up.clone());
        levels[NodeClass::Off as usize].nodes = u64::from(nodes);
        let eventful = horizon.map(|horizon| Eventful::new(nodes, horizon));
        Self { levels, up, nodes: u64::from(nodes), eventful }
    }

    /// Whether it keeps series.
    pub(super) fn has_series(&self) -> bool {
        self.eventful.is_some()
    }

    /// So many nodes go from one class to another at `now` (ns).
    pub(super) fn shift(&mut self, now: u64, from: NodeClass, to: NodeClass, nodes: u32) {
        if from == to || nodes == 0 {
            return;
        }
        self.levels[from as usize].lose(now, nodes);
        self.levels[to as usize].gain(now, nodes);
        match (from.is_up(), to.is_up()) {
            (true, false) => self.up.lose(now, nodes),
            (false, true) => self.up.gain(now, nodes),
            _ => {}
        }
        if let Some(eventful) = &mut self.eventful {
            eventful.shift(now, from, to, nodes);
        }
    }

    /// Brings all classes to the end of the run (ns), and asserts that every node-second is in
    /// exactly one of them.
    pub(super) fn close(&mut self, end: u64) {
        self.levels.iter_mut().chain([&mut self.up]).for_each(|level| level.close(end));
        if let Some(eventful) = &mut self.eventful {
            eventful.close(end);
        }
        let sum: u128 = NodeClass::ALL.map(|class| self.total(class)).iter().sum();
        let expected = u128::from(self.nodes) * u128::from(end);
        assert_eq!(sum, expected, "the classes share out all node-nanoseconds");
        let up = self.total_where(NodeClass::is_up);
        assert_eq!(self.up.total, up, "nodes are up in the classes that are");
    }

    /// Time that nodes spent in the class [node ns].
    pub(super) fn total(&self, class: NodeClass) -> u128 {
        self.levels[class as usize].total
    }

    /// Time that nodes spent in classes of this kind [node ns].
    pub(super) fn total_where(&self, is: impl Fn(NodeClass) -> bool) -> u128 {
        NodeClass::ALL.into_iter().filter(|class| is(*class)).map(|class| self.total(class)).sum()
    }

    /// The series `nodes_up`, `node_share/<class>`, and in a long run `eventful/<class>`, after
    /// [`Self::close`]; none if they were not wanted.
    pub(super) fn series(&self, end: u64) -> Vec<Series> {
        let classes = NodeClass::ALL.into_iter().filter_map(|class| {
            self.levels[class as usize].series(format!("node_share/{}", class.name()), end)
        });
        let up = self.up.series("nodes_up".to_owned(), end);
        let mut series: Vec<_> = up.into_iter().chain(classes).collect();
        if let Some((eventful, up)) = self.eventful.as_ref().zip(self.up.bins.as_ref()) {
            series.extend(eventful.series(up.width()));
        }
        series
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

    fn timeline(nodes: u32) -> Timeline {
        Timeline::new(nodes, Some(3600 * SECOND))
    }

    #[test]
    fn a_million_nodes_over_a_century_fit() {
        let mut timeline = timeline(1_000_000);
        let century = 100 * 365 * 86_400 * SECOND;
        timeline.shift(century / 4, NodeClass::Off, NodeClass::Boot, 1_000_000);
        timeline.close(century);
        assert_eq!(timeline.total(NodeClass::Boot), u128::from(century - century / 4) * 1_000_000);
    }

    #[test]
    fn nodes_up_are_whole_nodes_at_least_and_at_most() {
        let mut timeline = timeline(3);
        timeline.shift(10 * SECOND, NodeClass::Off, NodeClass::Idle, 2);
        timeline.shift(2000 * SECOND, NodeClass::Off, NodeClass::Idle, 1);
        timeline.shift(2000 * SECOND + 5, NodeClass::Idle, NodeClass::Down, 2);
        timeline.close(4000 * SECOND);
        let points = &timeline.series(4000 * SECOND)[0].points;
        let extremes = |point: &Point| (point.min, point.max);
        assert_eq!(
            points.iter().map(extremes).collect::<Vec<_>>()[399..402],
            [(2.0, 2.0), (1.0, 3.0), (1.0, 1.0)]
        );
        assert_eq!(points.last(), Some(&Point::level(4000.0, 1.0)));
        assert!(points.is_sorted_by(|a, b| a.t_s < b.t_s));
    }

    #[test]
    fn a_run_without_time_has_one_point() {
        let mut timeline = timeline(5);
        timeline.shift(0, NodeClass::Off, NodeClass::Idle, 5);
        timeline.close(0);
        let series = timeline.series(0);
        assert_eq!(series[0].points, [Point::level(0.0, 5.0)]);
        assert_eq!(series[1].points, [Point::level(0.0, 0.0)]);
    }
}
