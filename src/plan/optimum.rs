//! The pattern of checkpoints of several levels: the scenario's own, or the best to first order.

use crate::plan::crew::Crew;
use crate::scenario::Scenario;
use crate::scenario::job::{Cost, Multilevel};
use crate::theory::multilevel::{self, Level};
use crate::units::Span;

/// The best pattern to first order ([`multilevel::pattern`]), for failures of each class at the
/// rates of the rules with their `severity`. A class that never strikes the job, as that of a fault
/// of other nodes, has its level never written.
pub(super) fn best(scenario: &Scenario, crew: &Crew, spec: &Multilevel) -> (Span, Vec<u32>) {
    let levels: Vec<_> = (1..)
        .zip(&spec.levels)
        .map(|(class, level)| {
            let rules = scenario.faults.iter().filter(|rule| rule.harm.severity() == class);
            let rate = rules.map(|rule| crew.interrupt_rate(rule)).sum();
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
