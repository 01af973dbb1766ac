//! The boot chain of a node as a list of steps, the same for all nodes of one kind.
//!
//! ```text
//! pxe-nfs   ROM -> DISCOVER -> TFTP file after file -> kernel -> lease -> NFS root -> init -> up
//! pxe-nbd   the same, root over NBD
//! pxe-initramfs      ... -> TFTP files and initramfs -> kernel -> lease -> init -> up
//! sd        ROM -> kernel -> root from the card -> init -> up
//! instant   up
//! ```
//!
//! Times and sizes come from the hardware profile, which carries the source of each.
//!
//! Not modelled: existence tests of single files (they are in `tftp_file_overhead`), lost TFTP
//! packets, the firmware's ARP silence, spanning-tree delays of switches.

use crate::event::NodeState;
use crate::scenario::Scenario;
use crate::scenario::boot::{Boot, BootMethod};
use crate::scenario::cluster::{BootTimes, Hardware};
use crate::units::{BitRate, Bytes, NANOS_PER_SECOND, Span};

/// One step of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Stays in a state for a fixed time.
    Stay(NodeState, Span),
    /// Stays in a state for a time that varies uniformly by the profile's `spread`.
    Vary(NodeState, Span),
    /// The boot ROM asks for an address, try after try, and gives up after the last.
    Discover,
    /// Fetches one file over TFTP.
    Fetch(Bytes),
    /// The kernel asks for its lease; it tries for ever.
    Lease,
    /// Reads the root file system from the server.
    ReadRoot(Bytes),
}

impl Step {
    /// The node's state during the step.
    #[must_use]
    pub fn state(self) -> NodeState {
        match self {
            Self::Stay(state, _) | Self::Vary(state, _) => state,
            Self::Discover => NodeState::Dhcp,
            Self::Fetch(_) => NodeState::Tftp,
            Self::Lease => NodeState::Kernel,
            Self::ReadRoot(_) => NodeState::Root,
        }
    }
}

/// The steps of the nodes of a group from power-on to the agent being up, in order. Empty with
/// [`BootMethod::Instant`].
#[must_use]
pub fn chain(scenario: &Scenario, group: u16) -> Vec<Step> {
    let own = scenario.parts.as_ref().and_then(|parts| parts.groups[usize::from(group)].boot);
    steps(&scenario.boot, own.unwrap_or(scenario.boot.method), scenario.hardware_of(group))
}

/// The same of a node of a group that is the server: it boots from its card, as nobody serves it.
#[must_use]
pub fn chain_of_server(scenario: &Scenario, group: u16) -> Vec<Step> {
    match chain(scenario, group) {
        none if none.is_empty() => none,
        _ => steps(&scenario.boot, BootMethod::Sd, scenario.hardware_of(group)),
    }
}

fn steps(boot: &Boot, method: BootMethod, hardware: &Hardware) -> Vec<Step> {
    let times = &hardware.boot;
    let mut steps = Vec::new();
    match method {
        BootMethod::Instant => return steps,
        BootMethod::Sd => {
            let read = time_to_move(boot.root_read, hardware.sd_read);
            steps.push(Step::Stay(NodeState::Rom, times.rom_sd));
            steps.push(Step::Vary(NodeState::Kernel, times.kernel));
            steps.push(Step::Stay(NodeState::Root, read));
        }
        BootMethod::PxeNfs | BootMethod::PxeNbd => {
            network_steps(times, None, &mut steps);
            steps.push(Step::ReadRoot(boot.root_read));
        }
        BootMethod::PxeInitramfs => network_steps(times, Some(boot.initramfs), &mut steps),
    }
    steps.push(Step::Vary(NodeState::Init, times.init));
    steps
}

/// From power-on to the kernel's lease, over the network.
fn network_steps(times: &BootTimes, initramfs: Option<Bytes>, steps: &mut Vec<Step>) {
    steps.push(Step::Stay(NodeState::Rom, times.rom));
    steps.push(Step::Discover);
    let files = times.files.iter().map(|file| file.size).chain(initramfs);
    for size in files {
        if times.tftp_file_overhead > Span::ZERO {
            steps.push(Step::Stay(NodeState::Tftp, times.tftp_file_overhead));
        }
        if size > Bytes(0) {
            steps.push(Step::Fetch(size));
        }
    }
    steps.push(Step::Vary(NodeState::Kernel, times.kernel));
    steps.push(Step::Lease);
}

/// The pace of a lock-step TFTP client: one block for each `tftp_pace`.
///
/// Source of the law: firmware issue #859, one 512-byte block every 500 us on a Pi 3, exactly
/// periodic, so that the client and not the link is the limit.
#[must_use]
pub fn tftp_rate(times: &BootTimes) -> BitRate {
    let bits = u128::from(times.tftp_block.0) * 8 * u128::from(NANOS_PER_SECOND);
    BitRate((bits / u128::from(times.tftp_pace.0.max(1))) as u64)
}

/// Time to move so many bytes at so many bytes per second, rounded up.
#[must_use]
pub fn time_to_move(bytes: Bytes, bytes_per_second: u64) -> Span {
    let nanos = u128::from(bytes.0) * u128::from(NANOS_PER_SECOND);
    Span(nanos.div_ceil(u128::from(bytes_per_second.max(1))) as u64)
}

/// A span varied uniformly by `spread` to both sides; `unit` is uniform in (0, 1).
#[must_use]
pub fn vary(span: Span, spread: f64, unit: f64) -> Span {
    Span::from_secs_f64(span.as_secs_f64() * (1.0 + spread * (2.0 * unit - 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_512_byte_block_in_500_us_is_8_2_mbit_per_second() {
        let rate = u128::from(Bytes(512).0) * 8 * 2000;
        assert_eq!(rate, 8_192_000);
    }

    #[test]
    fn moving_takes_the_time_that_the_rate_says() {
        assert_eq!(time_to_move(Bytes(1_000_000_000), 100_000_000), Span::from_secs(10));
        assert_eq!(time_to_move(Bytes(1), 3), Span(333_333_334));
    }

    #[test]
    fn a_spread_reaches_both_of_its_ends_and_no_further() {
        let span = Span::from_secs(10);
        assert_eq!(vary(span, 0.0, 0.9), span);
        assert_eq!(vary(span, 0.1, 0.0), Span::from_secs(9));
        assert_eq!(vary(span, 0.1, 1.0), Span::from_secs(11));
    }
}
