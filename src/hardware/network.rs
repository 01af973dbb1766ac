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
//!
//! In a tree of switches a transfer crosses the uplinks up to the switch in which it turns, the
//! inside of that one, and the uplinks down from it. A server that is a node shares its link with
//! whatever the node sends itself, and reads and writes its own data on its disk alone.
//!
//! ```text
//!  node ~~ air ~~ access point === uplink up ==> ...                 out of a Wi-Fi cell
//!  node ~~ air ~~ access point ~~ the same air ~~ node               within it
//! ```
//!
//! The air of a cell is one link for both directions. What goes from node to node crosses it twice,
//! and so takes twice its rate of it. Flows that share it are equally fast, as stations are that
//! send frames of one size in turn. A cell makes the fabric a mesh.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::boot;
use super::flow::{Fabric, FabricBuilder, LinkId, RouteId};
use crate::ids::{NodeId, Part, PartKind};
use crate::plan::Plan;
use crate::plan::machine::Machine;
use crate::scenario::cluster::Hardware;
use crate::scenario::parts::Cell;
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

/// The air of a cell.
#[derive(Clone, Debug)]
struct Air {
    /// What payload gets, unharmed.
    rate: BitRate,
    link: LinkId,
}

/// Where any part may send to any other: the links and routes that only this needs.
#[derive(Clone, Debug)]
struct Mesh {
    machine: Arc<Machine>,
    nodes: Vec<NodeLinks>,
    /// The routes that were used so far, by both ends.
    known: BTreeMap<(Part, Part), RouteId>,
}

/// A node's own link, and the routes over it.
#[derive(Clone, Debug)]
struct NodeLinks {
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
    /// The inside of each switch, if something may turn there.
    insides: Vec<LinkId>,
    /// Of the cells, which are the last of the switches.
    airs: Vec<Air>,
    /// The node that is the server, and the way to its own disk.
    head: Option<(u32, RouteId)>,
    mesh: Option<Mesh>,
    rates: Rates,
}

/// What parts that are all alike move, unharmed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rates {
    server: BitRate,
    disk: BitRate,
    /// In blocks of the smallest size that nodes ask for.
    tftp: BitRate,
    /// Of the nodes of each group.
    groups: Vec<GroupRates>,
}

/// What the nodes of a group move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct GroupRates {
    link: BitRate,
    /// The pace of a boot ROM that fetches a file.
    tftp_pace: BitRate,
}

impl Rates {
    fn of(plan: &Plan) -> Self {
        let scenario = &plan.scenario;
        let blocks = scenario.all_hardware().map(|hardware| hardware.boot.tftp_block.0);
        let block_bits = blocks.min().expect("there are nodes") * 8;
        let of_group = |hardware: &Hardware| GroupRates {
            link: payload_rate(hardware.link, plan),
            tftp_pace: boot::tftp_rate(&hardware.boot),
        };
        Self {
            server: payload_rate(scenario.server_link(), plan),
            disk: BitRate(scenario.server.disk.saturating_mul(8)),
            tftp: BitRate(scenario.server.tftp_packets.saturating_mul(block_bits)),
            groups: scenario.all_hardware().map(of_group).collect(),
        }
    }
}

impl Network {
    /// The network of a plan's machine, unharmed. O(parts).
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let rates = Rates::of(plan);
        let mut builder = FabricBuilder::new();
        let is_mesh = plan.is_mesh();
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
        let machine = &plan.machine;
        let links: Vec<(LinkId, LinkId)> = (machine.switches.iter())
            .map(|switch| {
                let rate = payload_rate(switch.uplink, plan);
                (builder.link(rate), builder.link(rate))
            })
            .collect();
        let turns = is_mesh || machine.is_of_parts();
        let inside = |_| builder.link(BitRate(u64::MAX));
        let insides: Vec<_> = (0..links.len()).filter(|_| turns).map(inside).collect();
        let airs: Vec<_> =
            airs_of(plan).map(|rate| Air { rate, link: builder.link(rate) }).collect();
        let trunks = Trunks { machine, links, insides, airs };
        let uplinks: Vec<_> = (0..)
            .zip(&machine.switches)
            .map(|(index, switch)| {
                let server: &ServerLinks = &servers[switch.server as usize];
                let (down, up) = trunks.links[index as usize];
                let (from, to) = trunks.ways_to_server(index);
                let mut route =
                    |way: &[LinkId], ends: [LinkId; 2]| builder.route(&[way, &ends].concat());
                Uplink {
                    rate: payload_rate(switch.uplink, plan),
                    down,
                    up,
                    tftp: route(&from, [server.sent, server.tftp]),
                    read: route(&from, [server.sent, server.disk]),
                    write: route(&to, [server.received, server.disk]),
                }
            })
            .collect();
        let head = machine.wiring.server.node;
        let head = head.map(|node| (node, builder.route(&[servers[0].disk])));
        let mesh = is_mesh.then(|| Mesh::new(plan, (&trunks, &servers), &rates, &mut builder));
        let Trunks { insides, airs, .. } = trunks;
        Self { fabric: builder.build(), uplinks, servers, insides, airs, head, mesh, rates }
    }

    /// The rates are those of another plan of the same machine from now on; says whether any is
    /// another one. What faults leave of each part is to be set again then.
    pub fn replan(&mut self, plan: &Plan) -> bool {
        let rates = Rates::of(plan);
        let mut differs = self.rates != rates;
        self.rates = rates;
        for (uplink, switch) in self.uplinks.iter_mut().zip(&plan.machine.switches) {
            let rate = payload_rate(switch.uplink, plan);
            differs |= std::mem::replace(&mut uplink.rate, rate) != rate;
        }
        for (air, rate) in self.airs.iter_mut().zip(airs_of(plan)) {
            differs |= std::mem::replace(&mut air.rate, rate) != rate;
        }
        differs
    }

    /// The payload rate of the link of a node of a group at this share.
    #[must_use]
    pub fn node_cap(&self, group: u16, share_ppm: u32) -> BitRate {
        share_of(self.rates.groups[usize::from(group)].link, share_ppm)
    }

    /// What holds a boot ROM of a group back at this share of its node's link.
    #[must_use]
    pub fn tftp_cap(&self, group: u16, share_ppm: u32) -> BitRate {
        let pace = self.rates.groups[usize::from(group)].tftp_pace;
        pace.min(self.node_cap(group, share_ppm))
    }

    /// Whether a node is the server.
    #[must_use]
    pub fn is_head(&self, node: u32) -> bool {
        self.head.is_some_and(|(head, _)| head == node)
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
        if let Some((_, route)) = self.head.filter(|(head, _)| *head == node) {
            return route;
        }
        let own = self.mesh.as_ref().map(|mesh| mesh.nodes[node as usize].read);
        own.unwrap_or(self.uplinks[switch as usize].read)
    }

    /// The way of what it writes to the server.
    #[must_use]
    pub fn write_route(&self, node: u32, switch: u32) -> RouteId {
        if let Some((_, route)) = self.head.filter(|(head, _)| *head == node) {
            return route;
        }
        let own = self.mesh.as_ref().map(|mesh| mesh.nodes[node as usize].write);
        own.unwrap_or(self.uplinks[switch as usize].write)
    }

    /// The way of what one part sends to another: both are nodes or servers. O(log routes).
    ///
    /// # Panics
    /// If the plan has no workload that sends from part to part.
    pub fn route_between(&mut self, from: Part, to: Part) -> RouteId {
        let mesh = self.mesh.as_ref().expect("the network was built for it");
        if let Some(&route) = mesh.known.get(&(from, to)) {
            return route;
        }
        let switch = |part: Part| match part.kind {
            PartKind::Node => Some(mesh.machine.nodes[part.index as usize].switch),
            _ => mesh.machine.wiring.server.switch,
        };
        let mut links = Vec::with_capacity(7);
        let way = mesh.machine.way_between(switch(from), switch(to));
        let air = |part: Part| self.air_of(switch(part)?).map(|air| air.link);
        let server = [from, to].into_iter().find(|part| part.kind == PartKind::Server);
        let is_head = |part: Part| part.kind == PartKind::Node && self.is_head(part.index);
        if server.is_some() && (is_head(from) || is_head(to)) {
            links.extend(way.turn.map(|switch| self.insides[switch as usize]));
        } else {
            links.push(match from.kind {
                PartKind::Node => mesh.nodes[from.index as usize].up,
                _ => self.servers[from.index as usize].sent,
            });
            links.extend(air(from));
            links.extend(way.up.iter().map(|&switch| self.uplinks[switch as usize].up));
            links.extend(way.turn.map(|switch| self.insides[switch as usize]));
            links.extend(way.down.iter().map(|&switch| self.uplinks[switch as usize].down));
            links.extend(air(to));
            links.push(match to.kind {
                PartKind::Node => mesh.nodes[to.index as usize].down,
                _ => self.servers[to.index as usize].received,
            });
        }
        let route = self.fabric.add_route(&links);
        self.mesh.as_mut().expect("it was seen").known.insert((from, to), route);
        route
    }

    /// The air of a switch, if it is the access point of a cell.
    fn air_of(&self, switch: u32) -> Option<&Air> {
        self.airs.get((switch as usize + self.airs.len()).checked_sub(self.uplinks.len())?)
    }

    /// The payload rate of a server's link, unharmed.
    #[must_use]
    pub fn server_rate(&self) -> BitRate {
        self.rates.server
    }

    /// Leaves this share of a node's own link, for whatever crosses it besides its private cap.
    pub fn set_node_link(&mut self, now: Time, node: u32, group: u16, share_ppm: u32) {
        let rate = self.node_cap(group, share_ppm);
        let is_head = self.is_head(node);
        if let Some(mesh) = self.mesh.as_ref().filter(|_| !is_head) {
            let links = &mesh.nodes[node as usize];
            self.fabric.set_capacity(now, links.down, rate);
            self.fabric.set_capacity(now, links.up, rate);
        }
    }

    /// Whether a switch forwards between its own ports.
    pub fn set_switch(&mut self, now: Time, switch: u32, forwards: bool) {
        if let Some(&inside) = self.insides.get(switch as usize) {
            let rate = if forwards { BitRate(u64::MAX) } else { BitRate(0) };
            self.fabric.set_capacity(now, inside, rate);
        }
    }

    /// Leaves this share of an uplink, and of the air of a cell; zero stalls what crosses it.
    pub fn set_uplink(&mut self, now: Time, switch: u32, share_ppm: u32) {
        let uplink = &self.uplinks[switch as usize];
        let rate = share_of(uplink.rate, share_ppm);
        self.fabric.set_capacity(now, uplink.down, rate);
        self.fabric.set_capacity(now, uplink.up, rate);
        if let Some(&Air { rate, link }) = self.air_of(switch) {
            self.fabric.set_capacity(now, link, share_of(rate, share_ppm));
        }
    }

    /// Leaves this share of a server's network; zero stalls what crosses it.
    pub fn set_server(&mut self, now: Time, server: u32, share_ppm: u32) {
        let rate = share_of(self.rates.server, share_ppm);
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

/// What payload gets of the air of each cell.
fn airs_of(plan: &Plan) -> impl Iterator<Item = BitRate> + '_ {
    plan.scenario.parts.iter().flat_map(|parts| parts.cells.iter().map(Cell::air))
}

/// What lies between nodes and servers.
struct Trunks<'n> {
    machine: &'n Machine,
    /// Of the uplink of each switch: down and up.
    links: Vec<(LinkId, LinkId)>,
    insides: Vec<LinkId>,
    airs: Vec<Air>,
}

impl Trunks<'_> {
    fn air_of(&self, switch: u32) -> Option<LinkId> {
        let cell = (switch as usize + self.airs.len()).checked_sub(self.links.len())?;
        self.airs.get(cell).map(|air| air.link)
    }

    /// The links between the nodes of a switch and their server: those that lead from the server,
    /// and those that lead to it.
    fn ways_to_server(&self, switch: u32) -> (Vec<LinkId>, Vec<LinkId>) {
        let way = self.machine.way_to_server(switch);
        let of = |switch: &u32| self.links[*switch as usize];
        let turn = || way.turn.map(|switch| self.insides[switch as usize]);
        let (up, down) = (way.up.iter().map(of), way.down.iter().map(of));
        let ends = [Some(switch), self.machine.wiring.server.switch];
        let airs = ends.into_iter().flatten().filter_map(|end| self.air_of(end));
        let from = up.clone().map(|it| it.0).chain(turn()).chain(down.clone().map(|it| it.1));
        let to = up.map(|it| it.1).chain(turn()).chain(down.map(|it| it.0));
        (from.chain(airs.clone()).collect(), to.chain(airs).collect())
    }
}

impl Mesh {
    fn new(
        plan: &Plan,
        (trunks, servers): (&Trunks<'_>, &[ServerLinks]),
        rates: &Rates,
        builder: &mut FabricBuilder,
    ) -> Self {
        let machine = Arc::clone(&plan.machine);
        let head = machine.wiring.server.node;
        let switches = 0..machine.switches.len() as u32;
        let of_switch: Vec<_> = switches.map(|switch| trunks.ways_to_server(switch)).collect();
        let nodes = (0..)
            .zip(&machine.nodes)
            .map(|(node, row)| {
                let server = &servers[row.server as usize];
                let (from, to) = &of_switch[row.switch as usize];
                let rate = rates.groups[usize::from(machine.group_of(NodeId(node)))].link;
                let (down, up) = if head == Some(node) {
                    (server.received, server.sent)
                } else {
                    (builder.link(rate), builder.link(rate))
                };
                let mut route = |own: LinkId, way: &[LinkId], ends: [LinkId; 2]| {
                    // Its own data do not cross the head's link.
                    if head == Some(node) {
                        return builder.route(&ends[1..]);
                    }
                    builder.route(&[&[own], way, &ends].concat())
                };
                NodeLinks {
                    down,
                    up,
                    tftp: route(down, from, [server.sent, server.tftp]),
                    read: route(down, from, [server.sent, server.disk]),
                    write: route(up, to, [server.received, server.disk]),
                }
            })
            .collect();
        Self { machine, nodes, known: BTreeMap::new() }
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
