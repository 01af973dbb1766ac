//! Parts that work below their peak: what faults leave of links, processors and disks.
//!
//! Every fault that slows a part down holds it at a share of its rate. The smallest of these shares
//! counts: a cap below another one is not felt, be it a link's rate or a processor's clock.

use std::collections::BTreeMap;

use crate::hardware::network::WHOLE_PPM;
use crate::ids::{Part, PartKind};

/// What is left of parts. Those that nothing holds work at their peak.
#[derive(Clone, Debug, Default)]
pub(super) struct Scale {
    /// Keys of the faults that hold a part, and the shares that they leave (ppm).
    held: BTreeMap<Part, Vec<(u64, u32)>>,
}

impl Scale {
    /// A fault of this key leaves a share of a part (ppm).
    pub(super) fn hold(&mut self, part: Part, key: u64, share_ppm: u32) {
        self.held.entry(part).or_default().push((key, share_ppm));
    }

    /// It lets the part go, once.
    pub(super) fn release(&mut self, part: Part, key: u64) {
        let holds = self.held.get_mut(&part).expect("faults hold the part");
        let place = holds.iter().position(|&(by, _)| by == key).expect("this one does");
        holds.swap_remove(place);
        if holds.is_empty() {
            self.held.remove(&part);
        }
    }

    /// Whether no link of a node is held. O(log parts).
    pub(super) fn leaves_links_whole(&self) -> bool {
        let link = |index| Part { kind: PartKind::NodeLink, index };
        self.held.range(link(0)..=link(u32::MAX)).next().is_none()
    }

    /// What is left of a part (ppm). O(log parts + faults on it).
    pub(super) fn share(&self, part: Part) -> u32 {
        let holds = self.held.get(&part).into_iter().flatten();
        holds.map(|&(_, share)| share).min().unwrap_or(WHOLE_PPM)
    }
}
