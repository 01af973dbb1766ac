//! The fabric of the machine: which links a transfer crosses, and what faults leave of them.
//!
//! ```text
//!  node --(cap)-- switch === uplink up   ==> server rx ==> disk      checkpoint
//!  node --(cap)-- switch === uplink down <== server tx <== disk      root, restart
//!  node --(pace)- switch === uplink down <== server tx <== tftp      boot files
//! ```
//!
//! All capacities are those of payload: the line rate times `network.tcp_share`. A node's own
//! link is the private cap of its transfers.

use super::boot;
use super::flow::{Fabric, FabricBuilder, LinkId, RouteId};
use crate::plan::Plan;
use crate::units::{BitRate, Bytes, Time};

/// One million parts per million: a part that works at its peak.
pub const WHOLE_PPM: u32 = 1_000_000;

#[derive(Clone, Debug)]
struct Uplink {
    /// The rate of the link, unharmed.
    rate: BitRate,
    down: LinkId,
    up: LinkId,
    tftp: RouteId,
    read: RouteId,
    write: RouteId,
}

#[derive(Clone, Debug)]
struct ServerLinks {
    sent: LinkId,
    received: LinkId,
    disk: LinkId,
    tftp: LinkId,
}

/// The links and routes of the machine.
#[derive(Clone, Debug)]
pub struct Network {
    /// The transfers under way.
    pub fabric: Fabric,
    uplinks: Vec<Uplink>,
    servers: Vec<ServerLinks>,
    rates: Rates,
}

/// What parts that are all alike move, unharmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rates {
    server: BitRate,
    disk: BitRate,
    tftp: BitRate,
    node: BitRate,
    /// The pace of a boot ROM that fetches a file.
    tftp_pace: BitRate,
}

impl Rates {
    fn of(plan: &Plan) -> Self {
        let scenario = &plan.scenario;
        let block_bits = scenario.hardware.boot.tftp_block.0 * 8;
        Self {
            server: payload_rate(scenario.server.link, plan),
            disk: BitRate(scenario.server.disk.saturating_mul(8)),
            tftp: BitRate(scenario.server.tftp_packets.saturating_mul(block_bits)),
            node: payload_rate(scenario.hardware.link, plan),
            tftp_pace: boot::tftp_rate(&scenario.hardware.boot),
        }
    }
}

impl Network {
    /// The network of a plan's machine, unharmed. O(parts).
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let rates = Rates::of(plan);
        let mut builder = FabricBuilder::new();
        let servers: Vec<_> = (plan.machine.servers.iter())
            .map(|_| ServerLinks {
                sent: builder.link(rates.server),
                received: builder.link(rates.server),
                disk: builder.link(rates.disk),
                tftp: builder.link(rates.tftp),
            })
            .collect();
        let uplinks = (plan.machine.switches.iter())
            .map(|switch| {
                let server: &ServerLinks = &servers[switch.server as usize];
                let rate = payload_rate(switch.uplink, plan);
                let (down, up) = (builder.link(rate), builder.link(rate));
                Uplink {
                    rate,
                    down,
                    up,
                    tftp: builder.route(&[down, server.sent, server.tftp]),
                    read: builder.route(&[down, server.sent, server.disk]),
                    write: builder.route(&[up, server.received, server.disk]),
                }
            })
            .collect();
        Self { fabric: builder.build(), uplinks, servers, rates }
    }

    /// The rates are those of another plan of the same machine from now on; says whether any is
    /// another one. What faults leave of each part is to be set again then.
    pub fn replan(&mut self, plan: &Plan) -> bool {
        let rates = Rates::of(plan);
        let mut differs = std::mem::replace(&mut self.rates, rates) != rates;
        for (uplink, switch) in self.uplinks.iter_mut().zip(&plan.machine.switches) {
            let rate = payload_rate(switch.uplink, plan);
            differs |= std::mem::replace(&mut uplink.rate, rate) != rate;
        }
        differs
    }

    /// The payload rate of a node's link at this share.
    #[must_use]
    pub fn node_cap(&self, share_ppm: u32) -> BitRate {
        share_of(self.rates.node, share_ppm)
    }

    /// What holds a boot ROM back at this share of its node's link.
    #[must_use]
    pub fn tftp_cap(&self, share_ppm: u32) -> BitRate {
        self.rates.tftp_pace.min(self.node_cap(share_ppm))
    }

    /// The way of boot files to nodes behind a switch.
    #[must_use]
    pub fn tftp_route(&self, switch: u32) -> RouteId {
        self.uplinks[switch as usize].tftp
    }

    /// The way of what is read from the server.
    #[must_use]
    pub fn read_route(&self, switch: u32) -> RouteId {
        self.uplinks[switch as usize].read
    }

    /// The way of what is written to the server.
    #[must_use]
    pub fn write_route(&self, switch: u32) -> RouteId {
        self.uplinks[switch as usize].write
    }

    /// Leaves this share of an uplink; zero stalls what crosses it.
    pub fn set_uplink(&mut self, now: Time, switch: u32, share_ppm: u32) {
        let uplink = &self.uplinks[switch as usize];
        let rate = share_of(uplink.rate, share_ppm);
        self.fabric.set_capacity(now, uplink.down, rate);
        self.fabric.set_capacity(now, uplink.up, rate);
    }

    /// Stops or resumes a server's network.
    pub fn set_server(&mut self, now: Time, server: u32, up: bool) {
        let rate = if up { self.rates.server } else { BitRate(0) };
        let links = &self.servers[server as usize];
        self.fabric.set_capacity(now, links.sent, rate);
        self.fabric.set_capacity(now, links.received, rate);
    }

    /// Leaves this share of what a server's disk moves, and of the boot files that it serves.
    pub fn set_disk(&mut self, now: Time, server: u32, share_ppm: u32) {
        let links = &self.servers[server as usize];
        self.fabric.set_capacity(now, links.disk, share_of(self.rates.disk, share_ppm));
        self.fabric.set_capacity(now, links.tftp, share_of(self.rates.tftp, share_ppm));
    }

    /// Bytes that a server has sent and received since the start.
    pub fn server_bytes(&mut self, now: Time, server: u32) -> (Bytes, Bytes) {
        let links = &self.servers[server as usize];
        (self.fabric.carried(now, links.sent), self.fabric.carried(now, links.received))
    }

    /// Every byte that was to be sent has arrived or is accounted lost, and none is under way.
    pub fn assert_conserved(&mut self, now: Time) {
        let ledger = self.fabric.ledger(now);
        let moved = ledger.finished + ledger.cancelled_moved + ledger.cancelled_unmoved;
        assert_eq!(ledger.started, moved, "every byte is received or accounted lost");
        assert_eq!(ledger.in_flight_left, 0, "nothing is under way after the end");
    }
}

fn payload_rate(rate: BitRate, plan: &Plan) -> BitRate {
    BitRate(libm::round(rate.0 as f64 * plan.scenario.network.tcp_share) as u64)
}

fn share_of(rate: BitRate, share_ppm: u32) -> BitRate {
    if share_ppm == WHOLE_PPM {
        return rate;
    }
    BitRate((u128::from(rate.0) * u128::from(share_ppm) / u128::from(WHOLE_PPM)) as u64)
}
