//! Which run is in which shard: blocks of runs, longest first, each into the emptiest shard.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use serde::{Deserialize, Serialize};

/// A shard's runs of one cell are split into blocks of at most this share of what each shard has to
/// do, so that shards end at about the same time.
const BLOCK_SHARE: u64 = 8;

/// Replications of cells: all of the one in all of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Block {
    /// The first cell, and the one after the last.
    pub cells: (u32, u32),
    /// The first replication, and the one after the last.
    pub replications: (u32, u32),
}

impl Block {
    /// How many runs it has.
    pub(super) fn runs(&self) -> u64 {
        u64::from(self.cells.1 - self.cells.0)
            * u64::from(self.replications.1 - self.replications.0)
    }

    /// Its runs as (cell, replication), in that order.
    pub(super) fn each(&self) -> impl Iterator<Item = (u32, u32)> + use<> {
        let replications = self.replications;
        (self.cells.0..self.cells.1)
            .flat_map(move |cell| (replications.0..replications.1).map(move |it| (cell, it)))
    }
}

/// How many runs these blocks have.
pub(super) fn count(blocks: &[Block]) -> u64 {
    blocks.iter().map(Block::runs).sum()
}

/// Packs runs into so many shards. `seconds` is what a run of each cell is estimated to take; the
/// runs of a shard begin with the longest.
///
/// Longest first into the emptiest (Graham 1969) takes at most a third longer than the best
/// packing.
pub(super) fn pack(runs: &[Block], seconds: &[f64], shards: u32) -> Vec<Vec<Block>> {
    let shards = shards.max(1) as usize;
    let nanos = |cell: u32| ((seconds[cell as usize] * 1e9) as u64).max(1);
    let cost = |block: &Block| nanos(block.cells.0).saturating_mul(block.runs());
    let total = runs.iter().flat_map(|span| {
        let each = u64::from(span.replications.1 - span.replications.0);
        (span.cells.0..span.cells.1).map(move |cell| nanos(cell).saturating_mul(each))
    });
    let target = total.fold(0, u64::saturating_add) / (shards as u64 * BLOCK_SHARE);
    let mut blocks = Vec::new();
    for span in runs {
        for cell in span.cells.0..span.cells.1 {
            let step = u32::try_from(target / nanos(cell)).unwrap_or(u32::MAX).max(1);
            let (mut from, end) = span.replications;
            while from < end {
                let to = from.saturating_add(step).min(end);
                blocks.push(Block { cells: (cell, cell + 1), replications: (from, to) });
                from = to;
            }
        }
    }
    blocks.sort_by_key(|block| (Reverse(cost(block)), block.cells, block.replications));
    let mut packed = vec![Vec::new(); shards];
    let mut emptiest: BinaryHeap<_> = (0..shards).map(|shard| Reverse((0, shard))).collect();
    for block in blocks {
        let Reverse((load, shard)) = emptiest.pop().expect("there is a shard");
        emptiest.push(Reverse((cost(&block).saturating_add(load), shard)));
        packed[shard].push(block);
    }
    for blocks in &mut packed {
        blocks
            .sort_by_key(|block| (Reverse(nanos(block.cells.0)), block.cells, block.replications));
    }
    packed
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn load(blocks: &[Block], seconds: &[f64]) -> f64 {
        blocks.iter().map(|it| seconds[it.cells.0 as usize] * it.runs() as f64).sum()
    }

    #[test]
    fn shards_of_unlike_cells_take_about_as_long() {
        let seconds = [10.0, 1.0, 1.0, 0.1];
        let runs = [Block { cells: (0, 4), replications: (0, 100) }];
        let packed = pack(&runs, &seconds, 4);
        let loads: Vec<_> = packed.iter().map(|blocks| load(blocks, &seconds)).collect();
        let mean = 1_210.0 / 4.0;
        assert!(loads.iter().all(|load| (load / mean - 1.0).abs() < 0.1), "{loads:?}");
        assert!(packed[0][0].cells.0 == 0, "the longest run is begun first");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn each_run_is_in_one_shard(
            seconds in proptest::collection::vec(1e-6..1e3, 1..20),
            replications in 1..40_u32,
            first in 0..5_u32,
            shards in 1..30_u32,
        ) {
            let cells = (0, seconds.len() as u32);
            let runs = [Block { cells, replications: (first, first + replications) }];
            let packed = pack(&runs, &seconds, shards);
            prop_assert_eq!(packed.len(), shards as usize);
            let all: Vec<_> = packed.iter().flatten().flat_map(Block::each).collect();
            let unique: BTreeSet<_> = all.iter().copied().collect();
            prop_assert_eq!(all.len(), unique.len());
            let wanted: BTreeSet<_> = runs.iter().flat_map(Block::each).collect();
            prop_assert_eq!(unique, wanted);
            prop_assert_eq!(packed, pack(&runs, &seconds, shards));
        }
    }
}
