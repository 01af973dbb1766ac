//! Makes a failing spec small: as few faults and disturbances as still break the same property.
//!
//! The algorithm is ddmin (Zeller, Hildebrandt: "Simplifying and isolating failure-inducing
//! input", IEEE Transactions on Software Engineering 28, 2002): try parts of the list, then the
//! list without one part, in ever smaller parts. What is left is 1-minimal: without any one of its
//! faults the property holds.

use super::check::Breach;
use super::spec::{RunSpec, Strike};

/// The smallest spec found and its breach. `breaks` plays a spec and says how it breaks the
/// property, if it does. O(n^2) plays for n faults, O(log n) if one of them is enough.
#[must_use]
pub fn shrink(
    spec: &RunSpec,
    first: Breach,
    breaks: impl Fn(&RunSpec) -> Option<Breach>,
) -> (RunSpec, Breach) {
    let (mut best, mut breach) = (spec.clone(), first);
    let mut parts = 2;
    while !best.strikes.is_empty() {
        let strikes = &best.strikes;
        let size = strikes.len().div_ceil(parts);
        let mut tries: Vec<Vec<Strike>> = Vec::new();
        if strikes.len() == 1 {
            tries.push(Vec::new());
        } else {
            tries.extend(strikes.chunks(size).map(<[_]>::to_vec));
            let without = |start: usize| {
                let end = (start + size).min(strikes.len());
                [&strikes[..start], &strikes[end..]].concat()
            };
            tries.extend((0..strikes.len()).step_by(size).map(without));
        }
        let smaller = tries.into_iter().find_map(|strikes| {
            let mut spec = best.clone();
            spec.strikes = strikes;
            breaks(&spec).map(|breach| (spec, breach))
        });
        match smaller {
            Some(found) => {
                parts = (parts - 1).max(2);
                (best, breach) = found;
            }
            None if size == 1 => break,
            None => parts = (2 * parts).min(best.strikes.len()),
        }
    }
    (best, breach)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::turmoil::nemesis::{Disturbance, Host, Kind};
    use crate::swarm::spec::RandomFault;
    use crate::units::{Span, Time};

    /// Faults and disturbances in turn, each at its own time.
    fn strike(at: u64) -> Strike {
        if at.is_multiple_of(2) {
            let (on, at) = (Host::Controller, Time(at));
            return Strike::Nemesis(Disturbance { kind: Kind::Pause, on, at, lasts: Span(1) });
        }
        let (kind, on) = (crate::event::Fault::Crash, "pi1".into());
        let (lasts, share, loss, foreseen, from_whom) = (1, 0, 0, None, None);
        Strike::Fault(RandomFault { kind, on, at, lasts, share, loss, foreseen, from_whom })
    }

    fn at(strike: &Strike) -> u64 {
        match strike {
            Strike::Fault(fault) => fault.at,
            Strike::Nemesis(it) => it.at.0,
        }
    }

    #[test]
    fn what_is_left_is_needed_and_nothing_else() {
        let mut spec = RunSpec::draw(1);
        spec.strikes = (0..40).map(strike).collect();
        for needed in [vec![], vec![7], vec![0, 39], vec![3, 4, 20]] {
            let breaks = |spec: &RunSpec| {
                let has = |wanted: &u64| spec.strikes.iter().any(|strike| at(strike) == *wanted);
                needed.iter().all(has).then(|| Breach::new("p", Time::ZERO, String::new()))
            };
            let first = breaks(&spec).expect("all of them break it");
            let (small, _) = shrink(&spec, first, breaks);
            assert_eq!(small.strikes.iter().map(at).collect::<Vec<_>>(), needed);
        }
    }
}
