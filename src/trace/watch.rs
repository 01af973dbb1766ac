//! How long the nodes of a trace were watched, and for how much of that they were down.
//!
//! A system is watched over the window of the selection. Where that is open, the watch begins with
//! the first failure or time up, and ends with the start of the last failure or the end of the last
//! time up, whichever is later. What of a time down lies outside the watch does not count: a last
//! repair of a month says nothing of the week that was watched.
//!
//! A node is watched as long as its system. If it has times up before its first failure or after
//! its last, they are an account of it: it was watched while it was up or down, so that what came
//! late or left early counts for less. If its times up stand only between its failures, they say no
//! more than the failures do, and not that nobody watched it before and after.
//!
//! Worked example: a system is watched from 0 h to 10 h. Node 1 is down from 2 h to 3 h and from
//! 6 h to 7 h, and up between: it was watched for 10 h and down for 2 h. Node 2 is up from 4 h to
//! 5 h and down from 5 h to 6 h: watched for 2 h, down for 1 h.
//!
//! Not modelled: nodes that came late or left early without an account.

use std::collections::BTreeMap;

use super::{Failure, Moment, Selection, Trace};

/// The nodes of a system as they were watched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Watched {
    /// How many nodes.
    pub nodes: u32,
    /// The first instant of the watch.
    pub from: Moment,
    /// Its last.
    pub to: Moment,
    /// The time for which its nodes were watched, added up (s).
    pub time_s: f64,
    /// The part of that in which they were down, added up over all failures (s).
    pub down_s: f64,
}

/// When the failures of a node begin and end, and the part of them in the watch.
struct Down {
    first: Moment,
    last: Moment,
    part_s: u64,
}

impl Selection {
    /// How the nodes of a system were watched; `failures` are those of the selection in it.
    #[must_use]
    pub fn watched(&self, trace: &Trace, system: u32, failures: &[&Failure]) -> Option<Watched> {
        let ups = || trace.up.range((system, 0)..=(system, u32::MAX));
        let rows = || ups().flat_map(|(_, rows)| rows);
        let starts = || failures.iter().map(|failure| failure.start);
        let from = self.from.or_else(|| starts().chain(rows().map(|row| row.0)).min())?;
        let to = self.to.or_else(|| starts().chain(rows().map(|row| row.1)).max())?;
        let part =
            |start: Moment, end: Moment| end.min(to).since(start.max(from)).max(0).unsigned_abs();
        let mut down: BTreeMap<Option<u32>, Down> = BTreeMap::new();
        for failure in trace.failures.iter().filter(|failure| failure.system == system) {
            let (start, end) = (failure.start, failure.end());
            let node = Down { first: start, last: end, part_s: 0 };
            let node = down.entry(failure.node).or_insert(node);
            (node.first, node.last) = (node.first.min(start), node.last.max(end));
            node.part_s += part(start, end);
        }
        let nodes = trace.nodes.get(&system).copied().unwrap_or(1);
        let whole = part(from, to) as f64;
        let mut time_s = f64::from(nodes) * whole;
        for ((_, node), rows) in ups() {
            let down = down.get(&Some(*node));
            let outside = |row: &(Moment, Moment)| {
                down.is_none_or(|down| row.0 < down.first || row.1 > down.last)
            };
            if rows.iter().any(outside) {
                let up: u64 = rows.iter().map(|row| part(row.0, row.1)).sum();
                let reported = up + down.map_or(0, |down| down.part_s);
                time_s += f64::min(reported as f64, whole) - whole;
            }
        }
        let down_s = down.values().map(|down| down.part_s).sum::<u64>() as f64;
        Some(Watched { nodes, from, to, time_s, down_s })
    }
}
