//! Transfers: who reaches whom, and where all bytes are.

use std::collections::BTreeMap;

use rackstorm::event::{Cause, Event, NodeState, Purpose, Sensor, What};
use rackstorm::plan::Plan;
use rackstorm::scenario::boot::BootMethod;
use rackstorm::units::Time;

use super::check::Machine;

/// What is known of all paths and bytes.
pub(super) struct Paths {
    /// Since when each node has not reached its server.
    silent: Vec<Option<Time>>,
    received: BTreeMap<Purpose, u64>,
    lost: BTreeMap<Purpose, u64>,
    transfers: u64,
    /// Boots that have fetched all their files, and those that have read their root.
    fetched: u64,
    rooted: u64,
    /// Last reading of each counter.
    counters: BTreeMap<Sensor, u64>,
    /// Bytes of all files of one boot, and of its root.
    sizes: (u64, u64),
    is_pxe: bool,
}

impl Paths {
    pub(super) fn new(plan: &Plan) -> Self {
        let scenario = &plan.scenario;
        let files: u64 = scenario.hardware.boot.files.iter().map(|file| file.size.0).sum();
        let image = match scenario.boot.method {
            BootMethod::PxeInitramfs => scenario.boot.initramfs.0,
            _ => 0,
        };
        Self {
            silent: vec![None; plan.machine.nodes.len()],
            received: BTreeMap::new(),
            lost: BTreeMap::new(),
            transfers: 0,
            fetched: 0,
            rooted: 0,
            counters: BTreeMap::new(),
            sizes: (files + image, scenario.boot.root_read.0),
            is_pxe: !matches!(scenario.boot.method, BootMethod::Sd | BootMethod::Instant),
        }
    }

    pub(super) fn silent_since(&self, node: u32) -> Option<Time> {
        self.silent[node as usize]
    }

    /// Looks at each path after an event.
    pub(super) fn update(&mut self, machine: &Machine) {
        for (node, silent) in (0..).zip(&mut self.silent) {
            if machine.reaches_server(node) {
                *silent = None;
            } else {
                silent.get_or_insert(machine.now);
            }
        }
    }

    pub(super) fn observe(&mut self, machine: &Machine, event: &Event) {
        match event.what {
            What::NodeState { node, state, cause, .. } => {
                self.observe_node(machine, node.0, state, cause, event.at);
            }
            What::Transfer { purpose, received, lost, nodes } => {
                assert!(nodes > 0 && (received.0 == 0 || lost.0 == 0), "whole or in vain");
                *self.received.entry(purpose).or_insert(0) += received.0;
                *self.lost.entry(purpose).or_insert(0) += lost.0;
                self.transfers += u64::from(nodes);
                let job = matches!(purpose, Purpose::Checkpoint | Purpose::Restart);
                if received.0 > 0 && !job {
                    let alive = |node: &u32| {
                        let state = machine.nodes[*node as usize].state;
                        let wanted = match purpose {
                            Purpose::Tftp => NodeState::Tftp,
                            _ => NodeState::Root,
                        };
                        state == wanted && machine.reaches_server(*node)
                    };
                    let all = 0..machine.nodes.len() as u32;
                    assert!(all.into_iter().any(|node| alive(&node)), "over a dead path");
                }
            }
            What::Reading { sensor, value } if sensor != Sensor::PowerMax => {
                let last = self.counters.insert(sensor, value).unwrap_or(0);
                assert!(value >= last, "{sensor:?} runs back");
            }
            _ => {}
        }
    }

    fn observe_node(
        &mut self,
        machine: &Machine,
        node: u32,
        state: NodeState,
        why: Cause,
        at: Time,
    ) {
        let boot = &machine.plan.scenario.hardware.boot;
        let old = machine.nodes[node as usize].state;
        let reaches = machine.reaches_server(node);
        match (old, state) {
            (NodeState::Dhcp, NodeState::Tftp) => {
                assert!(reaches || boot.offer_bug, "{node} has an offer of nobody");
            }
            (NodeState::Tftp, NodeState::Kernel) => {
                assert!(reaches || boot.tftp_file_overhead.0 == 0, "{node} fetches from nobody");
                self.fetched += 1;
            }
            (NodeState::Kernel, NodeState::Root | NodeState::Init) if self.is_pxe => {
                assert!(reaches, "{node} has a lease of nobody");
            }
            (NodeState::Root, NodeState::Init) if self.is_pxe => {
                assert!(reaches || self.sizes.1 == 0, "{node} reads from nobody");
                self.rooted += 1;
            }
            (NodeState::Tftp, NodeState::GaveUp) => {
                assert_eq!(why, Cause::ServerSilent);
                let since = self.silent[node as usize].expect("a server that is silent");
                assert!(at.since(since) >= boot.tftp_timeout, "impatient: silent since {since}");
            }
            _ => {}
        }
    }

    /// What transfers moved is what the servers' meters counted, but for a byte each.
    pub(super) fn check_end(&self) {
        let sum = |of: &BTreeMap<Purpose, u64>, which: &[Purpose]| -> u64 {
            which.iter().filter_map(|purpose| of.get(purpose)).sum()
        };
        let all = |which: &[Purpose]| sum(&self.received, which) + sum(&self.lost, which);
        let metered = |is_sent: bool| -> u64 {
            let wanted = |(sensor, _): &(&Sensor, &u64)| match sensor {
                Sensor::ServerSent(_) => is_sent,
                Sensor::ServerReceived(_) => !is_sent,
                _ => false,
            };
            self.counters.iter().filter(wanted).map(|(_, value)| value).sum()
        };
        let slack = self.transfers + self.counters.len() as u64;
        let sent = all(&[Purpose::Tftp, Purpose::Root, Purpose::Restart]);
        assert!(metered(true).abs_diff(sent) <= slack, "sent {sent}, metered {}", metered(true));
        let received = all(&[Purpose::Checkpoint]);
        assert!(metered(false).abs_diff(received) <= slack, "{received} {}", metered(false));
        let (files, root) = self.sizes;
        assert!(sum(&self.received, &[Purpose::Tftp]) >= self.fetched * files, "files were cut");
        assert_eq!(sum(&self.received, &[Purpose::Root]), self.rooted * root, "roots were cut");
    }
}
