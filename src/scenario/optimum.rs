//! The best pattern of levels as a scenario asks for it, and what it needs to be found.

use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::scenario::fault::{FaultRule, When};
use crate::scenario::job::{Cost, Multilevel};
use crate::units::Span;

/// Notes `every` where it does not belong, or its absence where it does.
pub(super) fn check_every(number: usize, level: &Section<'_>, of_optimum: bool, m: &mut Mistakes) {
    let (title, help) = if number == 0 {
        if level.optional::<u32>("every").is_none_or(|every| every == 1) {
            return;
        }
        let help = "all checkpoints that are of no higher level are of the lowest";
        ("`every` of the lowest level", help)
    } else if of_optimum {
        if !level.has("every") {
            return;
        }
        let help = "the optimum finds it: remove the key, or give a fixed interval";
        ("`every` with interval = \"optimum\"", help)
    } else {
        return level.demand("every", m);
    };
    m.note(Mistake::new(level.place("every"), title).help(help));
}

/// Notes levels whose optimum cannot be found.
pub(super) fn check(
    section: &Section<'_>,
    spec: &Multilevel,
    faults: Option<&[FaultRule]>,
    m: &mut Mistakes,
) {
    if spec.interval.is_some() {
        return;
    }
    let place = section.place("interval");
    for (number, level) in (1..).zip(&spec.levels) {
        let strikes = |rule: &FaultRule| {
            let lives = matches!(rule.when, When::Lifetime { .. });
            rule.kind().loses_nodes() && lives && rule.harm.severity() == number
        };
        let copied = level.drain.is_some_and(|drain| drain.latency.is_none());
        let (title, help) = match level.cost {
            Cost::Fixed { .. } if copied => (
                format!("level {number} is copied while the job computes, so that it has no C"),
                "the optimum weighs the time for which the job stands: give an interval and \
                 `every`",
            ),
            Cost::Fixed { write, .. } if write == Span::ZERO => (
                format!("level {number} costs nothing, so that it has no optimum"),
                "give it a `write`",
            ),
            Cost::Fixed { .. } if faults.is_none_or(|faults| faults.iter().any(strikes)) => {
                continue;
            }
            Cost::Fixed { .. } => (
                format!("no fault with a lifetime has a `severity` of {number}"),
                "the optimum follows from how often failures need each level: give one that does",
            ),
            Cost::Store(_) => (
                format!("level {number} has no fixed cost, so that its optimum is not known"),
                "who fails together decides which level is needed: give levels with `cost`, or \
                 an interval and `every`",
            ),
        };
        m.note(Mistake::new(place, title).help(help));
    }
}
