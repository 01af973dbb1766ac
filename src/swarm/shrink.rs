//! Makes a failing wish small: as few faults as still break the same property.
//!
//! The algorithm is ddmin (Zeller, Hildebrandt: "Simplifying and isolating failure-inducing
//! input", IEEE Transactions on Software Engineering 28, 2002): try parts of the list, then the
//! list without one part, in ever smaller parts. What is left is 1-minimal: without any one of its
//! faults the property holds.

use super::check::Breach;
use super::wish::{Misfortune, Wish};

/// The smallest wish found and its breach. `breaks` plays a wish and says how it breaks the
/// property, if it does. O(n^2) plays for n faults, O(log n) if one of them is enough.
#[must_use]
pub fn shrink(
    wish: &Wish,
    first: Breach,
    breaks: impl Fn(&Wish) -> Option<Breach>,
) -> (Wish, Breach) {
    let (mut best, mut breach) = (wish.clone(), first);
    let mut parts = 2;
    while !best.faults.is_empty() {
        let faults = &best.faults;
        let size = faults.len().div_ceil(parts);
        let mut tries: Vec<Vec<Misfortune>> = Vec::new();
        if faults.len() == 1 {
            tries.push(Vec::new());
        } else {
            tries.extend(faults.chunks(size).map(<[_]>::to_vec));
            let without = |start: usize| {
                let end = (start + size).min(faults.len());
                [&faults[..start], &faults[end..]].concat()
            };
            tries.extend((0..faults.len()).step_by(size).map(without));
        }
        let smaller = tries.into_iter().find_map(|faults| {
            let mut wish = best.clone();
            wish.faults = faults;
            breaks(&wish).map(|breach| (wish, breach))
        });
        match smaller {
            Some(found) => {
                parts = (parts - 1).max(2);
                (best, breach) = found;
            }
            None if size == 1 => break,
            None => parts = (2 * parts).min(best.faults.len()),
        }
    }
    (best, breach)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Time;

    #[test]
    fn what_is_left_is_needed_and_nothing_else() {
        let mut wish = Wish::draw(1);
        let misfortune = |at| Misfortune {
            kind: crate::event::Fault::Crash,
            on: "pi1".into(),
            at,
            lasts: 1,
            share: 0,
            loss: 0,
            foreseen: None,
        };
        wish.faults = (0..40).map(misfortune).collect();
        for needed in [vec![], vec![7], vec![0, 39], vec![3, 4, 20]] {
            let breaks = |wish: &Wish| {
                let has = |at: &u64| wish.faults.iter().any(|fault| fault.at == *at);
                needed.iter().all(has).then(|| Breach::new("p", Time::ZERO, String::new()))
            };
            let first = breaks(&wish).expect("all of them break it");
            let (small, _) = shrink(&wish, first, breaks);
            let left: Vec<_> = small.faults.iter().map(|fault| fault.at).collect();
            assert_eq!(left, needed);
        }
    }
}
