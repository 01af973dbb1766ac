//! How nodes boot, and what the controller does about those that do not.

use serde::{Deserialize, Serialize};

use crate::config::declare::{choice, optional, table};
use crate::config::mistakes::Mistake;
use crate::scenario::keys::{SHARE, SIZE, SPAN, SPAN_SOME};
use crate::units::{Bytes, Span};

table! {
    /// How nodes boot.
    pub struct Boot(Clone, Debug, PartialEq) {
        /// Where firmware, kernel and root come from. `instant` is no boot at all, for closed
        /// forms.
        method: BootMethod;
        /// How the machine is powered on.
        power_on: PowerOn;
        /// What is read from NFS, NBD or SD before user space is up.
        root_read: Bytes = SIZE;
        /// Size of the initramfs of `pxe-initramfs`.
        initramfs: Bytes = SIZE;
        /// Cure for the 3B's OFFER bug: `nudge` (the server sends a frame 0.6 s and 1.2 s after
        /// the OFFER), `ssdp` (LANL's: a frame each second until the DISCOVER is seen).
        offer_cure: OfferCure;
        /// Without a cure: chance that stray traffic helps a try.
        stray_frame: f64 = SHARE;
    }
    checks |section, m| if method == Some(BootMethod::PxeInitramfs) && initramfs == Some(Bytes(0)) {
        let mistake = Mistake::new(section.place("initramfs"), "`pxe-initramfs` without initramfs");
        let mistake = mistake.help("give `boot.initramfs` a size, such as \"12 MB\"");
        m.note(mistake.other(section.place("method"), "the boot method"));
    }
}

table! {
    /// How the machine is powered on.
    pub struct PowerOn(Clone, Copy, Debug, PartialEq) {
        /// Time between two power-ons in a module, in node order; all modules start at once.
        stagger: Span = SPAN;
    }
}

choice! {
    /// Where firmware, kernel and root come from.
    pub enum BootMethod(Clone, Copy, Debug, PartialEq, Eq) {
        /// No boot at all: a powered node is up. For closed forms.
        Instant = "instant",
        /// From the SD card.
        Sd = "sd",
        /// Firmware and kernel over TFTP, root over NFS.
        PxeNfs = "pxe-nfs",
        /// Firmware and kernel over TFTP, root over NBD.
        PxeNbd = "pxe-nbd",
        /// All over TFTP, root in memory.
        PxeInitramfs = "pxe-initramfs",
    }
}

optional!(BootMethod);

choice! {
    /// A cure for the 3B's OFFER bug.
    pub enum OfferCure(Clone, Copy, Debug, PartialEq, Eq) {
        /// None: the try succeeds only if a stray frame comes.
        None = "none",
        /// The server sends a frame 0.6 s and 1.2 s after the OFFER.
        Nudge = "nudge",
        /// LANL's: a frame each second until the DISCOVER is seen.
        Ssdp = "ssdp",
    }
}

table! {
    /// What the controller does about nodes that fail or do not show up.
    pub struct Controller(Clone, Debug, PartialEq) rivals [&["phi", "gossip"]] {
        /// Time without a heartbeat after which a node is taken to have failed; without use with
        /// `phi`; with `gossip` for nodes that the others reach and the controller does not.
        detect: Span = SPAN;
        /// Phi accrual in place of that fixed time.
        phi: Option<Phi>;
        /// Gossip between the nodes as well; never together with phi accrual.
        gossip: Option<Gossip>;
        /// A node not up so long after power-on is cycled.
        boot_timeout: Span = SPAN_SOME;
        /// Power cycles before it is left alone.
        boot_retries: u32 = Kind::Count(0, 1_000_000);
        /// Time between off and on in a power cycle.
        settle: Span = SPAN;
    }
}

impl Controller {
    /// Time between two heartbeats of a node: four in `detect`, one a second at most.
    #[must_use]
    pub fn heartbeat(&self) -> Span {
        let usual = Span(self.detect.0 / 4).min(Span::from_secs(1));
        self.phi.map_or(usual, |phi| phi.heartbeat)
    }
}

table! {
    /// Failure detection by phi accrual: the time to wait follows from the heartbeats themselves.
    pub struct Phi(Clone, Copy, Debug, PartialEq) {
        /// A node is suspected when the chance that its heartbeat is only late is below
        /// 10^-threshold.
        threshold: f64 = Kind::Number(0.5, 16.0) => "8.0";
        /// Time between two heartbeats of a node.
        heartbeat as "beat": Span = SPAN_SOME => "\"1 s\"";
        /// The least standard deviation of the time between two heartbeats.
        deviation: Span = SPAN_SOME => "\"100 ms\"";
    }
}

table! {
    /// Failure detection by gossip (SWIM): the nodes and the controller probe each other.
    pub struct Gossip(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize) {
        /// Each member probes another one in each such period.
        period: Span = SPAN_SOME => "\"1 s\"";
        /// Time for a direct answer; shorter than the period.
        timeout: Span = SPAN_SOME => "\"300 ms\"";
        /// Members that are asked to probe whoever did not answer.
        indirect: u32 = Kind::Count(0, 16) => "3";
        /// Periods in which whoever is suspected can still answer.
        suspicion: u32 = Kind::Count(1, 1_000) => "5";
    }
    checks |section, m| if let (Some(timeout), Some(period)) = (timeout, period)
        && timeout >= period
    {
        let title = "no time is left in the period for indirect answers";
        let mistake = Mistake::new(section.place("timeout"), title);
        let mistake = mistake.help(format!("`timeout` must be shorter than `period`: {period}"));
        m.note(mistake.other(section.place("period"), "the period"));
    }
}
