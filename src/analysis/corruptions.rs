//! The ledger of silent corruptions: what became of each, and how long it went unseen.

use std::collections::BTreeMap;

use super::CorruptionFinding;
use super::bins::seconds;
use super::metrics::Table;
use super::sample::Sample;
use crate::event::CorruptionAct;
use crate::ids::NodeId;

/// Rows at most: more than anybody draws or reads.
const ROWS_MAX: usize = 100_000;

/// When (ns) a corruption ended, how, and how many nodes it had reached.
type Fate = (u64, CorruptionAct, u32);

/// The corruptions of a run one by one: the first hundred thousand.
#[derive(Clone, Debug, Default)]
pub(super) struct CorruptionRows {
    /// Node, strike (ns), and what became of it when (ns), with the nodes that it had reached.
    rows: Vec<(NodeId, u64, Option<Fate>)>,
}

impl CorruptionRows {
    /// Something becomes of corruption `number` at `now` (ns). O(1).
    pub(super) fn act(
        &mut self,
        now: u64,
        node: NodeId,
        (number, act): (u64, CorruptionAct),
        spread: u32,
    ) {
        if act == CorruptionAct::Strike {
            if self.rows.len() < ROWS_MAX {
                self.rows.push((node, now, None));
            }
        } else if let Some((.., end)) = self.rows.get_mut(number as usize - 1) {
            // One that was found is corrected later: it is no longer unseen.
            end.get_or_insert((now, act, spread));
        }
    }

    /// A row for each, at the end of the run (ns).
    pub(super) fn findings(&self, end: u64) -> Vec<CorruptionFinding> {
        let row = |(number, (node, at, over)): (u64, &(NodeId, u64, _))| {
            let (end, fate, spread) = match *over {
                None | Some((_, CorruptionAct::Strike, _)) => (end, "latent", 0),
                Some((at, CorruptionAct::Mask, spread)) => (at, "masked", spread),
                Some((at, CorruptionAct::Detect | CorruptionAct::Correct, spread)) => {
                    (at, "detected", spread)
                }
                Some((at, CorruptionAct::Discard, spread)) => (at, "discarded", spread),
                Some((at, CorruptionAct::Escape, spread)) => (at, "escaped", spread),
            };
            let (at_s, end_s, fate) = (seconds(*at), seconds(end), fate.to_owned());
            CorruptionFinding { number, node: *node, at_s, end_s, fate, spread }
        };
        (1..).zip(&self.rows).map(row).collect()
    }
}

/// All corruptions of a run.
#[derive(Clone, Debug)]
pub(super) struct Corruptions {
    /// Whether the plan has any: then they are measured, even if none strikes.
    wanted: bool,
    struck: u64,
    masked: u64,
    corrected: u64,
    discarded: u64,
    escaped: u64,
    /// When those struck that are in a memory or an image, by number (ns).
    open: BTreeMap<u64, u64>,
    latencies: Sample,
    /// Sum of the nodes that those that were found had reached.
    spread: u64,
}

impl Corruptions {
    pub(super) fn new(wanted: bool) -> Self {
        Self {
            wanted,
            struck: 0,
            masked: 0,
            corrected: 0,
            discarded: 0,
            escaped: 0,
            open: BTreeMap::new(),
            latencies: Sample::default(),
            spread: 0,
        }
    }

    /// Something becomes of corruption `number` at `now` (ns). Panics if it has not struck, or is
    /// over already.
    pub(super) fn act(&mut self, now: u64, number: u64, act: CorruptionAct, spread: u32) {
        if act == CorruptionAct::Strike {
            self.struck += 1;
            assert_eq!(number, self.struck, "corruptions are numbered in their order");
            self.open.insert(number, now);
            return;
        }
        let since = *self.open.get(&number).expect("it has struck and is not over");
        let over = match act {
            CorruptionAct::Strike => unreachable!("it was counted"),
            CorruptionAct::Detect => {
                self.latencies.add(now - since);
                self.spread += u64::from(spread);
                return;
            }
            CorruptionAct::Mask => &mut self.masked,
            CorruptionAct::Correct => &mut self.corrected,
            CorruptionAct::Discard => &mut self.discarded,
            CorruptionAct::Escape => &mut self.escaped,
        };
        *over += 1;
        self.open.remove(&number);
    }

    /// The metrics, at the end of the run.
    pub(super) fn measure(&self, table: &mut Table) {
        if !self.wanted && self.struck == 0 {
            return;
        }
        let detected = self.latencies.count();
        table.count("corruptions", self.struck);
        table.count("corruptions_masked", self.masked);
        table.count("corruptions_detected", detected);
        table.count("corruptions_corrected", self.corrected);
        table.count("corruptions_discarded", self.discarded);
        table.count("corruptions_escaped", self.escaped);
        table.count("corruptions_latent", self.open.len() as u64);
        table.maybe("detection_latency_mean", self.latencies.mean_s());
        table.maybe("detection_latency_max", self.latencies.max_s());
        table.ratio("corruption_spread_mean", u128::from(self.spread), u128::from(detected));
    }
}
