//! States that last from an event to another one: how often, how long in all, and at most.

use std::collections::BTreeMap;

/// What begins and ends, each by its number.
#[derive(Clone, Debug, Default)]
pub(super) struct Stretches {
    open: BTreeMap<u32, u64>,
    begun: u64,
    /// Of all that ended, and the longest (ns).
    time: u64,
    longest: u64,
}

impl Stretches {
    /// One begins at `now` (ns), unless it is under way.
    pub(super) fn begin(&mut self, now: u64, number: u32) {
        self.begun += u64::from(self.open.insert(number, now).is_none());
    }

    /// One ends at `now` (ns): whether it was under way.
    pub(super) fn end(&mut self, now: u64, number: u32) -> bool {
        let Some(begin) = self.open.remove(&number) else { return false };
        self.time += now - begin;
        self.longest = self.longest.max(now - begin);
        true
    }

    /// One ends, and does not count.
    pub(super) fn give_up(&mut self, number: u32) {
        self.open.remove(&number);
    }

    /// Since when one is under way (ns).
    pub(super) fn since(&self, number: u32) -> Option<u64> {
        self.open.get(&number).copied()
    }

    /// How many are.
    pub(super) fn under_way(&self) -> usize {
        self.open.len()
    }

    /// How many have begun.
    pub(super) fn begun(&self) -> u64 {
        self.begun
    }

    /// The sum and the longest, those that are open at the end of the run included (s).
    pub(super) fn at_the_end(&self, end: u64) -> (f64, f64) {
        let open = self.open.values().map(|begin| end - begin);
        let (time, longest) =
            open.fold((self.time, self.longest), |(sum, most), own| (sum + own, most.max(own)));
        (time as f64 / 1e9, longest as f64 / 1e9)
    }
}
