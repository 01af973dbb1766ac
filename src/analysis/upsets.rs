//! Upsets by cosmic rays and faults of chips, counted by what came of them.

use std::collections::BTreeSet;

use super::metrics::Table;
use crate::cosmic::budget::Class;
use crate::ids::NodeId;

/// All upsets of a run.
#[derive(Clone, Debug)]
pub(super) struct Upsets {
    /// Whether the plan has any: then they are measured, even if none strikes.
    wanted: bool,
    /// In the order of [`Class::ALL`].
    classes: [u64; 6],
}

impl Upsets {
    pub(super) fn new(wanted: bool) -> Self {
        Self { wanted, classes: [0; 6] }
    }

    pub(super) fn add(&mut self, class: Class) {
        self.classes[class as usize] += 1;
    }

    /// The metrics, at the end of the run.
    pub(super) fn measure(&self, table: &mut Table) {
        let all = self.classes.iter().sum();
        if !self.wanted && all == 0 {
            return;
        }
        table.count("upsets", all);
        for (name, class) in [
            ("upsets_masked", Class::Masked),
            ("upsets_corrected", Class::Corrected),
            ("upsets_detected", Class::Detected),
            ("upsets_silent", Class::Silent),
            ("upsets_crash", Class::Crash),
            ("upsets_hang", Class::Hang),
        ] {
            table.count(name, self.classes[class as usize]);
        }
    }
}

/// All faults of chips of DRAM of a run.
#[derive(Clone, Debug)]
pub(super) struct Chips {
    /// Whether the plan has any: then they are measured, even if none strikes.
    wanted: bool,
    permanent: u64,
    met: u64,
    /// Nodes that had one that was not corrected.
    uncorrectable: BTreeSet<NodeId>,
    /// In the order of [`Class::ALL`].
    classes: [u64; 6],
}

impl Chips {
    pub(super) fn new(wanted: bool) -> Self {
        Self { wanted, permanent: 0, met: 0, uncorrectable: BTreeSet::new(), classes: [0; 6] }
    }

    pub(super) fn add(&mut self, node: NodeId, permanent: bool, met: bool, class: Class) {
        if class != Class::Corrected {
            self.uncorrectable.insert(node);
        }
        self.permanent += u64::from(permanent);
        self.met += u64::from(met);
        self.classes[class as usize] += 1;
    }

    /// The metrics, at the end of the run.
    pub(super) fn measure(&self, table: &mut Table) {
        let all = self.classes.iter().sum();
        if !self.wanted && all == 0 {
            return;
        }
        table.count("dram_faults", all);
        table.count("dram_permanent", self.permanent);
        table.count("dram_met", self.met);
        table.count("dram_nodes_uncorrectable", self.uncorrectable.len() as u64);
        for (name, class) in [
            ("dram_masked", Class::Masked),
            ("dram_corrected", Class::Corrected),
            ("dram_detected", Class::Detected),
            ("dram_silent", Class::Silent),
            ("dram_crash", Class::Crash),
            ("dram_hang", Class::Hang),
        ] {
            table.count(name, self.classes[class as usize]);
        }
    }
}
