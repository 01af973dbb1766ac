//! The pattern of checkpoints of several levels: the scenario's own, or the best to first order.

use crate::plan::Plan;
use crate::plan::jobs::{Crew, interrupt_rate};
use crate::plan::machine::Machine;
use crate::scenario::Scenario;
use crate::scenario::job::{Cost, Multilevel};
use crate::theory::multilevel::{self, Level};
use crate::units::Span;

impl Plan {
    /// Computing between two checkpoints of a scenario's levels, and `every` of each of them.
    #[must_use]
    pub fn pattern(&self, wish: &Multilevel) -> (Span, Vec<u32>) {
        let own = wish.levels.iter().map(|level| level.every).collect();
        match (wish.interval, self.jobs.first()) {
            (Some(interval), _) => (interval, own),
            (None, None) => (Span::FOREVER, own),
            (None, Some(job)) => {
                best(&self.scenario, &self.machine, &Crew::new(&self.machine, job.nodes), wish)
            }
        }
    }
}

/// The best pattern to first order ([`multilevel::pattern`]), for failures of each class at the
/// rates of the rules with their `severity`. A class that never strikes the job, as that of a fault
/// of other nodes, has its level never written.
pub(super) fn best(
    scenario: &Scenario,
    machine: &Machine,
    crew: &Crew,
    wish: &Multilevel,
) -> (Span, Vec<u32>) {
    let levels: Vec<_> = (1..)
        .zip(&wish.levels)
        .map(|(class, level)| {
            let rules = scenario.faults.iter().filter(|rule| rule.severity == class);
            let rate = rules.map(|rule| interrupt_rate(rule, machine, crew)).sum();
            let Cost::Fixed { write, read, .. } = level.cost else {
                unreachable!("the scenario has fixed costs")
            };
            Level { rate, write: write.as_secs_f64(), recovery: read.as_secs_f64() }
        })
        .collect();
    let (interval, every) = multilevel::pattern(&levels);
    let interval = if interval.is_finite() { Span::from_secs_f64(interval) } else { Span::FOREVER };
    (interval, every)
}
