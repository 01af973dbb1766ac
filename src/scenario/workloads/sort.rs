//! Numbers that nodes sort: scattered by the first, sorted by all, gathered and merged.

use super::WorkloadTable;
use crate::config::declare::table;
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::ids::NodeId;
use crate::scenario::keys::{SIZE_SOME, SPAN, SPAN_SOME};
use crate::units::{Bytes, Span, Time};

const NUMBERS_MAX: u64 = 1_000_000_000_000;
const PARTS_MAX: u64 = 100_000;

table! {
    /// Numbers that nodes sort: the first node scatters them in parts, each node sorts parts, and
    /// the first gathers and merges them. Only the model plays it.
    pub struct Sort(Clone, Debug, PartialEq) {
        /// Who sorts; the first of them has the numbers.
        nodes: String = Kind::Parts;
        /// How many numbers.
        numbers: u64 = Kind::Count(1, NUMBERS_MAX);
        /// What each takes on the way.
        number_size: Bytes = SIZE_SOME => "\"8 B\"";
        /// What a node takes to compare two numbers and move them: a node sorts n numbers in
        /// n log₂ n of these, and merges two sorted parts of n numbers together in n.
        compare: Span = SPAN_SOME;
        /// Parts into which the numbers are cut. Default: one for each node.
        parts: Option<u32> = Kind::Count(1, PARTS_MAX);
        /// When it begins, at the earliest.
        at: Time = SPAN => "\"0 s\"";
        /// For so long after that it waits for nodes that are not up; without the first it cannot
        /// begin.
        patience: Span = SPAN => "\"5 min\"";
    }
}

impl WorkloadTable for Sort {
    const NAME: &'static str = "sort";
    const NODES: &'static [&'static str] = &["nodes"];
    const COMPUTES: bool = true;

    fn check(&self, nodes: &[Vec<NodeId>], section: &Section<'_>, m: &mut Mistakes) {
        let parts = self.parts.map_or(nodes[0].len() as u64, u64::from);
        if parts > self.numbers {
            let title = format!("{} numbers in {parts} parts", self.numbers);
            let key = if self.parts.is_some() { "parts" } else { "nodes" };
            let mistake = Mistake::new(section.place(key), title);
            let mistake = mistake.other(section.place("numbers"), "the numbers");
            m.note(mistake.help("each part has a number at least"));
        }
    }
}
