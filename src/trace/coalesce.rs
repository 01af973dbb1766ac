//! Records of one failure made one: on each node, what begins soon after the record before.
//!
//! A record is joined to the one before on the same node of the same system if it begins at most a
//! window after that has ended: within the outage, or so soon after it that the repair did not
//! last. What is joined begins with its first record and ends when the last of them ended; the next
//! is measured from there, as in the tuples of M. M. Tsao (1983) and the filters of Y. Liang et al.
//! (DSN 2006) for Blue Gene/L. With a window of zero, only records that touch are joined.
//!
//! Worked example: a node fails at 0 min for 10 min, at 12 min for 0 min, and at 20 min for 5 min.
//! With a window of 5 min the first two are one failure of 12 min; the third begins 8 min later.
//!
//! Not modelled: bursts. Records of several nodes are never joined, however close: each node did
//! fail, and lifetimes are of nodes. In `gaps` a burst is several spans near zero; a scenario says
//! it by a fault of what the nodes share, or by a cascade. Records that name no node stay single.

use std::collections::BTreeMap;

use super::{Remark, Trace};

impl Trace {
    /// The trace with the records of one failure joined over a window (s); how many were joined is
    /// a remark.
    #[must_use]
    pub fn coalesced(mut self, window_s: u64) -> Self {
        let mut order: Vec<usize> = (0..self.failures.len()).collect();
        // Stable: records of one start stay in the order of the file.
        order.sort_by_key(|place| self.failures[*place].start);
        let mut open: BTreeMap<(u32, u32), usize> = BTreeMap::new();
        let mut joined = vec![false; self.failures.len()];
        for place in order {
            let failure = &self.failures[place];
            let (start, end) = (failure.start, failure.end());
            let Some(node) = failure.node.map(|node| (failure.system, node)) else { continue };
            let before = open.get(&node).copied();
            let before = before.filter(|it| start <= self.failures[*it].end().after(window_s));
            let Some(before) = before else {
                open.insert(node, place);
                continue;
            };
            joined[place] = true;
            let whole = &mut self.failures[before];
            let longest = whole.end().max(end);
            whole.down_s = longest.since(whole.start).unsigned_abs();
        }
        let lines = self.failures.iter().zip(&joined).filter(|(_, joined)| **joined);
        if let Some(line) = lines.map(|(failure, _)| failure.line).min() {
            let rows = joined.iter().filter(|joined| **joined).count();
            let what = "begin within the window of --coalesce after another of the same node; \
                        each is joined to it";
            self.remarks.push(Remark { rows, line, what });
        }
        let mut joined = joined.into_iter();
        self.failures.retain(|_| joined.next() == Some(false));
        self
    }
}
