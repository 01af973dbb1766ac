//! The instants at which a run changes.
//!
//! Between two of them a fault costs more the later it comes, or less, but never first the one and
//! then the other. They are those of every event but steps, readings and transfers. Of nodes that
//! may not be struck, only the first and the last that comes into a state count. A fault is tried a
//! nanosecond before each of them and one after.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{Event, NodeState, Sink, Stop, What};
use crate::units::Time;

/// Notes them.
pub(super) struct Instants<'a> {
    /// Nothing before is noted.
    from: Time,
    /// Nodes of which all is noted.
    nodes: &'a BTreeSet<u32>,
    times: BTreeSet<Time>,
    states: BTreeMap<NodeState, (Time, Time)>,
}

impl<'a> Instants<'a> {
    /// Those from an instant on.
    pub(super) fn from(from: Time, nodes: &'a BTreeSet<u32>) -> Self {
        Self { from, nodes, times: BTreeSet::new(), states: BTreeMap::new() }
    }

    /// Around each of them, in order, and the instant from which on they were noted.
    pub(super) fn around(mut self) -> Vec<Time> {
        self.times.extend(self.states.values().flat_map(|&(first, last)| [first, last]));
        let both = |at: &Time| [Time(at.0.saturating_sub(1)), Time(at.0 + 1)];
        let around: BTreeSet<Time> =
            self.times.iter().flat_map(both).filter(|at| *at > self.from).collect();
        std::iter::once(self.from).chain(around).collect()
    }
}

impl Sink for Instants<'_> {
    fn event(&mut self, event: &Event) -> Result<(), Stop> {
        if event.at < self.from {
            return Ok(());
        }
        match event.what {
            What::StepDone { .. } | What::Reading { .. } | What::Transfer { .. } => {}
            What::NodeState { node, state, .. } if !self.nodes.contains(&node.0) => {
                self.states.entry(state).or_insert((event.at, event.at)).1 = event.at;
            }
            _ => {
                self.times.insert(event.at);
            }
        }
        Ok(())
    }

    fn needs_all(&self) -> bool {
        false
    }
}
