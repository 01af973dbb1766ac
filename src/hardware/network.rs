//! The fabric of the machine: which links a transfer crosses, and what faults leave of them.
//!
//! ```text
//!  node --(cap)-- switch === uplink up   ==> server rx ==> disk      checkpoint
//!  node --(cap)-- switch === uplink down <== server tx <== disk      root, restart
//!  node --(pace)- switch === uplink down <== server tx <== tftp      boot files
//!
//!  node === switch === node                                          what a workload sends
//!  node === switch === uplink up ==> uplink down === switch === node
//!  node === switch === uplink up ==> server rx
//! ```
//!
//! All capacities are those of payload: the line rate times `network.tcp_share`. A node's own
//! link is the private cap of its transfers; where a workload sends from part to part it is shared
//! as well, in both directions, and so is the inside of a switch, which holds nothing back while
//! the switch works. All uplinks and servers meet at the top, which carries whatever comes.

use std::collections::BTreeMap;

use super::boot;
use super::flow::{Fabric, FabricBuilder, LinkId, RouteId};
use crate::ids::{Part, PartKind};
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

/// Where any part may send to any other: the links and routes that only this needs.
#[derive(Clone, Debug)]
struct Mesh {
    nodes: Vec<NodeLinks>,
    /// The inside of each switch.
    switches: Vec<LinkId>,
    /// The routes that were used so far, by both ends.
    known: BTreeMap<(Part, Part), RouteId>,
}

/// A node's own link, and the routes over it.
#[derive(Clone, Debug)]
struct NodeLinks {
    switch: u32,
    down: LinkId,
    up: LinkId,
    tftp: RouteId,
    read: RouteId,
    write: RouteId,
}

/// The links and routes of the machine.
#[derive(Clone, Debug)]
pub struct Network {
    /// The transfers under way.
    pub fabric: Fabric,
    uplinks: Vec<Uplink>,
    servers: Vec<ServerLinks>,
    mesh: Option<Mesh>,
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
        let is_mesh = plan.sends_between_parts();
        if is_mesh {
            builder.mesh();
        }
        let servers: Vec<_> = (plan.machine.servers.iter())
            .map(|_| ServerLinks {
                sent: builder.link(rates.server),
                received: builder.link(rates.server),
                disk: builder.link(rates.disk),
                tftp: builder.link(rates.tftp),
            })
            .collect();
        let uplinks: Vec<_> = (plan.machine.switches.iter())
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
        let mesh = is_mesh.then(|| Mesh::new(plan, &uplinks, &servers, rates.node, &mut builder));
        Self { fabric: builder.build(), uplinks, servers, mesh, rates }
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

    /// Whether nodes behind one switch go different ways.
    #[must_use]
    pub fn is_mesh(&self) -> bool {
        self.mesh.is_some()
    }

    /// The way of boot files to a node behind a switch.
    #[must_use]
    pub fn tftp_route(&self, node: u32, switch: u32) -> RouteId {
        let own = self.mesh.as_ref().map(|mesh| mesh.nodes[node as usize].tftp);
        own.unwrap_or(self.uplinks[switch as usize].tftp)
    }

    /// The way of what it reads from the server.
    #[must_use]
    pub fn read_route(&self, node: u32, switch: u32) -> RouteId {
        let own = self.mesh.as_ref().map(|mesh| mesh.nodes[node as usize].read);
        own.unwrap_or(self.uplinks[switch as usize].read)
    }

    /// The way of what it writes to the server.
    #[must_use]
    pub fn write_route(&self, node: u32, switch: u32) -> RouteId {
        let own = self.mesh.as_ref().map(|mesh| mesh.nodes[node as usize].write);
        own.unwrap_or(self.uplinks[switch as usize].write)
    }

    /// The way of what one part sends to another: both are nodes or servers. O(log routes).
    ///
    /// # Panics
    /// If the plan has no workload that sends from part to part.
    pub fn route_between(&mut self, from: Part, to: Part) -> RouteId {
        let mesh = self.mesh.as_mut().expect("the network was built for it");
        if let Some(&route) = mesh.known.get(&(from, to)) {
            return route;
        }
        let mut links = Vec::with_capacity(5);
        let at =
            |part: Part| (part.kind == PartKind::Node).then(|| &mesh.nodes[part.index as usize]);
        match (at(from), at(to)) {
            (Some(a), Some(b)) if a.switch == b.switch => {
                links.extend([a.up, mesh.switches[a.switch as usize], b.down]);
            }
            (a, b) => {
                match a {
                    Some(a) => links.extend([a.up, self.uplinks[a.switch as usize].up]),
                    None => links.push(self.servers[from.index as usize].sent),
                }
                match b {
                    Some(b) => links.extend([self.uplinks[b.switch as usize].down, b.down]),
                    None => links.push(self.servers[to.index as usize].received),
                }
            }
        }
        let route = self.fabric.add_route(&links);
        mesh.known.insert((from, to), route);
        route
    }

    /// The payload rate of a server's link, unharmed.
    #[must_use]
    pub fn server_rate(&self) -> BitRate {
        self.rates.server
    }

    /// Leaves this share of a node's own link, for whatever crosses it besides its private cap.
    pub fn set_node_link(&mut self, now: Time, node: u32, share_ppm: u32) {
        let rate = self.node_cap(share_ppm);
        if let Some(mesh) = &self.mesh {
            let links = &mesh.nodes[node as usize];
            self.fabric.set_capacity(now, links.down, rate);
            self.fabric.set_capacity(now, links.up, rate);
        }
    }

    /// Whether a switch forwards between its own ports.
    pub fn set_switch(&mut self, now: Time, switch: u32, forwards: bool) {
        if let Some(mesh) = &self.mesh {
            let rate = if forwards { BitRate(u64::MAX) } else { BitRate(0) };
            self.fabric.set_capacity(now, mesh.switches[switch as usize], rate);
        }
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

impl Mesh {
    fn new(
        plan: &Plan,
        uplinks: &[Uplink],
        servers: &[ServerLinks],
        rate: BitRate,
        builder: &mut FabricBuilder,
    ) -> Self {
        let switches = uplinks.iter().map(|_| builder.link(BitRate(u64::MAX))).collect();
        let nodes = (plan.machine.nodes.iter())
            .map(|row| {
                let uplink = &uplinks[row.switch as usize];
                let server = &servers[row.server as usize];
                let (down, up) = (builder.link(rate), builder.link(rate));
                NodeLinks {
                    switch: row.switch,
                    down,
                    up,
                    tftp: builder.route(&[down, uplink.down, server.sent, server.tftp]),
                    read: builder.route(&[down, uplink.down, server.sent, server.disk]),
                    write: builder.route(&[up, uplink.up, server.received, server.disk]),
                }
            })
            .collect();
        Self { nodes, switches, known: BTreeMap::new() }
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
