//! The faults that struck, one by one: when, of what kind, which part.

use super::StrikeFinding;
use super::bins::seconds;
use crate::event::Fault;
use crate::ids::Part;
use crate::plan::machine::Machine;

/// Rows at most: far more than an axis of time has room for.
const ROWS_MAX: usize = 65_536;

/// A strike: when (ns), of what kind, which part.
pub(super) type Strike = (u64, Fault, Part);

/// The strikes of a run: all of them, or evenly thinned.
#[derive(Clone, Debug)]
pub(super) struct Strikes {
    rows: Vec<Strike>,
    /// Strikes so far.
    count: u64,
    /// One of so many is kept, a power of two.
    stride: u64,
}

impl Default for Strikes {
    fn default() -> Self {
        Self { rows: Vec::new(), count: 0, stride: 1 }
    }
}

impl Strikes {
    /// A fault strikes. O(1), on average over many.
    pub(super) fn add(&mut self, strike: Strike) {
        if self.count.is_multiple_of(self.stride) {
            self.rows.push(strike);
        }
        self.count += 1;
        if self.rows.len() > ROWS_MAX {
            let mut number = 0;
            self.rows.retain(|_| {
                number += 1;
                number % 2 == 1
            });
            self.stride *= 2;
        }
    }

    /// A row for each that is kept, in the order of time.
    pub(super) fn findings(&self, machine: &Machine) -> Vec<StrikeFinding> {
        let row = |&(at, kind, part): &Strike| StrikeFinding {
            t_s: seconds(at),
            kind: kind.word().to_owned(),
            part: machine.name(part),
        };
        self.rows.iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::PartKind;

    #[test]
    fn a_million_strikes_are_thinned_evenly() {
        let part = Part { kind: PartKind::Controller, index: 0 };
        let mut strikes = Strikes::default();
        for at in 0..1_000_000 {
            strikes.add((at, Fault::ControllerCrash, part));
        }
        let times: Vec<_> = strikes.rows.iter().map(|(at, ..)| *at).collect();
        assert!((ROWS_MAX / 2..=ROWS_MAX).contains(&times.len()), "{}", times.len());
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] == strikes.stride));
        assert_eq!((times[0], strikes.stride), (0, 16));
    }
}
