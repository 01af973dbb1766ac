//! The ledger of alarms: which came true, which did not, and which strikes nobody foresaw.
//!
//! An alarm is true if its fault strikes its part within its lead. One whose strike does not come,
//! because the part went down before or the scenario's rules spared it, is as false as any other.

use std::collections::BTreeMap;

use super::metrics::Table;
use crate::ids::{FaultId, Part};

/// How late a strike may be and still be the announced one (ns): a stage that plays in real time
/// does nothing at the very instant. An assumption; far below any lead and above any delay.
const SLACK: u64 = 1_000_000_000;

/// All alarms of a run.
#[derive(Clone, Debug)]
pub(super) struct Alarms {
    /// For each fault rule, whether it is foreseen.
    foreseen: Vec<bool>,
    /// Until when an alarm holds (ns).
    open: BTreeMap<(FaultId, Part), u64>,
    raised: u64,
    met: u64,
    missed: u64,
}

impl Alarms {
    pub(super) fn new(foreseen: Vec<bool>) -> Self {
        Self { foreseen, open: BTreeMap::new(), raised: 0, met: 0, missed: 0 }
    }

    /// An alarm is raised at `now`, for a strike after `lead` (ns).
    pub(super) fn raise(&mut self, now: u64, fault: FaultId, part: Part, lead: u64) {
        self.raised += 1;
        self.open.insert((fault, part), now.saturating_add(lead).saturating_add(SLACK));
    }

    /// A fault strikes a part at `now` (ns).
    pub(super) fn strike(&mut self, now: u64, fault: FaultId, part: Part) {
        if !self.foreseen.get(usize::from(fault.0)).is_some_and(|foreseen| *foreseen) {
            return;
        }
        if self.open.remove(&(fault, part)).is_some_and(|until| now <= until) {
            self.met += 1;
        } else {
            self.missed += 1;
        }
    }

    /// The metrics; none if nothing is foreseen. An alarm that still holds at the end is neither
    /// true nor false.
    pub(super) fn measure(&self, end: u64, table: &mut Table) {
        if !self.foreseen.contains(&true) {
            return;
        }
        let pending = self.open.values().filter(|until| **until > end).count() as u64;
        table.count("alarms", self.raised);
        table.count("alarms_true", self.met);
        table.count("alarms_false", self.raised - self.met - pending);
        table.count("faults_unforeseen", self.missed);
    }
}
