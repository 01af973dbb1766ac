//! How nodes boot, and what the controller does about those that do not.

use serde::{Deserialize, Serialize};

use crate::units::{Bytes, Span};

/// How nodes boot.
#[derive(Clone, Debug, PartialEq)]
pub struct Boot {
    /// Where firmware, kernel and root come from.
    pub method: BootMethod,
    /// Time between two power-ons at the start, in node order. Zero: all at once.
    pub stagger: Span,
    /// What is read from NFS, NBD or SD before user space is up.
    pub root_read: Bytes,
    /// Size of the initramfs that is fetched over TFTP with `pxe-initramfs`.
    pub initramfs: Bytes,
    /// The cure for the OFFER bug that the site applies.
    pub offer_cure: OfferCure,
    /// Without a cure: chance that stray traffic completes a try.
    pub stray_frame: f64,
}

/// Where firmware, kernel and root come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootMethod {
    /// No boot at all: a powered node is up. For closed forms.
    Instant,
    /// From the SD card.
    Sd,
    /// Firmware and kernel over TFTP, root over NFS.
    PxeNfs,
    /// Firmware and kernel over TFTP, root over NBD.
    PxeNbd,
    /// All over TFTP, root in memory.
    PxeInitramfs,
}

/// A cure for the 3B's OFFER bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferCure {
    /// None: the try succeeds only if a stray frame comes.
    None,
    /// The server sends a frame 0.6 s and 1.2 s after the OFFER.
    Nudge,
    /// LANL's: a frame each second until the DISCOVER is seen.
    Ssdp,
}

/// What the controller does.
#[derive(Clone, Debug, PartialEq)]
pub struct Controller {
    /// Time without a beat after which a node is taken to have failed.
    pub detect: Span,
    /// Phi accrual in place of that fixed time.
    pub phi: Option<Phi>,
    /// Gossip between the nodes beside it; never together with phi accrual.
    pub gossip: Option<Gossip>,
    /// A node that is not up so long after power-on is power-cycled.
    pub boot_timeout: Span,
    /// Power cycles without success after which the node is left alone.
    pub boot_retries: u32,
    /// Time between off and on in a power cycle.
    pub settle: Span,
}

impl Controller {
    /// Time between two beats of a node: four in `detect`, one a second at most.
    #[must_use]
    pub fn beat(&self) -> Span {
        let usual = Span(self.detect.0 / 4).min(Span::from_secs(1));
        self.phi.map_or(usual, |phi| phi.beat)
    }
}

/// Failure detection by phi accrual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phi {
    /// A node is suspected when the chance that its next beat is only late is below
    /// 10^-threshold.
    pub threshold: f64,
    /// Time between two beats of a node.
    pub beat: Span,
    /// The least standard deviation of the time between two beats.
    pub deviation: Span,
}

/// Failure detection by gossip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gossip {
    /// A member of the group probes another one in each such period.
    pub period: Span,
    /// Time for a direct answer; what is left of the period is for indirect ones.
    pub timeout: Span,
    /// Members that are asked to probe whoever did not answer.
    pub indirect: u32,
    /// Periods between a suspicion and its confirmation.
    pub suspicion: u32,
}
