//! The machine as one: power, boot, switches, servers and transfers, driven by whoever holds it.
//!
//! The rack does only what hardware does by itself. Whom to power on, when a fault strikes and
//! what a job does is told to it by calls; what comes of it is told in [`Rack::told`] and, for
//! the one who holds it, in [`Rack::effects`]. Every call names `now`, which never runs backwards,
//! and first lets happen all that was due before.
//!
//! ```text
//!  power_on(n) ... ROM, DHCP, TFTP, kernel, root, init ... Effect::Starts(n)
//!  harm(crash on n) ................................... Effect::Stops(n)
//! ```
//!
//! Not modelled: the boot of switches and servers (they work at once when their power or their
//! daemon is back).

mod boot;
mod node;
mod part;
#[cfg(test)]
mod tests;
mod transfer;

use std::rc::Rc;

pub use self::node::Supply;
pub use self::part::Harm;
pub use self::transfer::Ticket;

use self::boot::is_boot;
use self::node::Node;
use self::part::{LinkFault, Psu, Server, Switch};
use self::transfer::Transfers;
use super::boot::{self as chain, Step};
use super::network::Network;
use super::power::PowerMeter;
use crate::engine::Agenda;
use crate::event::{Event, Sensor, What};
use crate::ids::{Life, NodeId};
use crate::plan::Plan;
use crate::plan::chance::Chance;
use crate::units::{Span, Time};

/// What can become due. A timer that names a life is dead when the node lives another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Timer {
    /// The time of the node's boot step is over.
    Step { node: u32, life: u32 },
    /// The next DISCOVER, or the end of all tries.
    Retry { node: u32, life: u32 },
    /// An OFFER arrives.
    Offer { node: u32, life: u32 },
    /// The boot ROM notices an OFFER.
    Accept { node: u32, life: u32 },
    /// The kernel's lease has come, or is asked for again.
    Lease { node: u32, life: u32 },
    /// The disk has taken the request for the root file system.
    Root { node: u32, life: u32 },
    /// The server has been silent for as long as the boot ROM bears.
    Silence { node: u32, life: u32 },
    /// The inrush after power-on is over.
    Settled { node: u32, life: u32 },
    /// The feed of a node is back.
    Feed { node: u32 },
    /// A PSU gives power again after a brown-out.
    PsuRestart { psu: u32 },
    /// The disk has taken a transfer's request.
    Admitted { ticket: Ticket },
    /// The meters are read.
    Sample,
}

/// What the holder of the rack must know at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// User space is up: the node's agent starts.
    Starts(NodeId, Life),
    /// The node stops dead or falls silent: nothing runs on it any more.
    Stops(NodeId),
    /// So much is left of a node's link (ppm).
    Link(NodeId, u32),
    /// Whether a switch forwards, and what is left of its uplink (ppm).
    Switch(u32, bool, u32),
    /// A transfer is complete.
    Moved(Ticket),
}

/// The machine.
#[derive(Debug)]
pub struct Rack {
    plan: Rc<Plan>,
    chance: Chance,
    chain: Vec<Step>,
    now: Time,
    agenda: Agenda<Timer>,
    nodes: Vec<Node>,
    switches: Vec<Switch>,
    psus: Vec<Psu>,
    servers: Vec<Server>,
    network: Network,
    meter: PowerMeter,
    link_faults: Vec<LinkFault>,
    /// PSU domains that browned out at this instant.
    tripped: Vec<u32>,
    transfers: Transfers,
    up: u32,
    told: Vec<Event>,
    effects: Vec<Effect>,
}

impl Rack {
    /// The machine before the first instant: everything off. O(parts).
    #[must_use]
    pub fn new(plan: Rc<Plan>) -> Self {
        let mut rack = Self {
            chance: Chance::new(&plan.scenario),
            chain: chain::chain(&plan.scenario),
            now: Time::ZERO,
            agenda: Agenda::new(),
            nodes: plan.machine.nodes.iter().map(|_| Node::default()).collect(),
            switches: plan.machine.switches.iter().map(|_| Switch::default()).collect(),
            psus: Psu::all(&plan),
            servers: plan.machine.servers.iter().map(|_| Server::default()).collect(),
            network: Network::new(&plan),
            meter: PowerMeter::default(),
            link_faults: Vec::new(),
            tripped: Vec::new(),
            transfers: Transfers::default(),
            up: 0,
            told: Vec::new(),
            effects: Vec::new(),
            plan,
        };
        rack.draw_static_loads();
        rack.agenda.schedule(Time::ZERO, Timer::Sample);
        rack
    }

    /// When something happens next by itself.
    pub fn next_at(&mut self) -> Option<Time> {
        let tripped = (!self.tripped.is_empty()).then_some(self.now);
        let times = [tripped, self.agenda.peek_time(), self.network.fabric.next()];
        times.into_iter().flatten().min()
    }

    /// Time has come to `now`. What is due at that very instant waits for [`Self::advance`], so
    /// that all nodes that get power at one instant have it before a supply trips.
    fn reach(&mut self, now: Time) {
        if now > self.now {
            self.advance(now);
        }
    }

    /// Lets happen what is due until `now`.
    pub fn advance(&mut self, now: Time) {
        self.settle_trips();
        while let Some(next) = self.next_at().filter(|next| *next <= now) {
            self.now = next;
            if self.network.fabric.next() == Some(next) {
                while let Some(finished) = self.network.fabric.finished(next) {
                    self.transfer_done(&finished);
                }
            } else {
                let (_, timer) = self.agenda.pop().expect("a timer was seen");
                self.fire(timer);
            }
            self.settle_trips();
        }
        self.now = self.now.max(now);
    }

    fn fire(&mut self, timer: Timer) {
        match timer {
            Timer::Step { node, life } if self.boots(node, life) => self.next_step(node),
            Timer::Retry { node, life } if self.boots(node, life) => self.discover_again(node),
            Timer::Offer { node, life } if self.boots(node, life) => self.offer_arrives(node),
            Timer::Accept { node, life } if self.boots(node, life) => self.offer_accepted(node),
            Timer::Lease { node, life } if self.boots(node, life) => self.lease_comes(node),
            Timer::Root { node, life } if self.boots(node, life) => self.read_root(node),
            Timer::Silence { node, life } if self.boots(node, life) => self.silence(node),
            Timer::Settled { node, life } if self.lives(node, life) => self.settled(node),
            Timer::Step { .. }
            | Timer::Retry { .. }
            | Timer::Offer { .. }
            | Timer::Accept { .. }
            | Timer::Lease { .. }
            | Timer::Root { .. }
            | Timer::Silence { .. }
            | Timer::Settled { .. } => {}
            Timer::Feed { node } => self.feed_returns(node),
            Timer::PsuRestart { psu } => self.psu_restarts(psu),
            Timer::Admitted { ticket } => self.admitted(ticket),
            Timer::Sample => {
                self.read_meters();
                self.after(self.plan.scenario.record.sample, Timer::Sample);
            }
        }
    }

    /// Takes what was told since the last call, in the order of time.
    pub fn told(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.told)
    }

    /// Takes what the holder must know since the last call.
    pub fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Whether all nodes are up.
    #[must_use]
    pub fn is_all_up(&self) -> bool {
        self.up as usize == self.nodes.len()
    }

    /// The last readings, and the transfers that the end cuts short.
    pub fn finish(&mut self, now: Time) {
        self.advance(now);
        self.read_meters();
        self.cut_all_transfers();
        self.network.assert_conserved(self.now);
    }

    fn tell(&mut self, what: What) {
        self.told.push(Event { at: self.now, what });
    }

    fn after(&mut self, span: Span, timer: Timer) {
        self.agenda.schedule(self.now + span, timer);
    }

    fn read_meters(&mut self) {
        let energy = self.meter.energy_millijoules(self.now);
        self.tell(What::Reading { sensor: Sensor::Energy, value: energy });
        let max = self.meter.take_max().0;
        self.tell(What::Reading { sensor: Sensor::PowerMax, value: max });
        for server in 0..self.servers.len() as u32 {
            let (sent, received) = self.network.server_bytes(self.now, server);
            self.tell(What::Reading { sensor: Sensor::ServerSent(server), value: sent.0 });
            self.tell(What::Reading { sensor: Sensor::ServerReceived(server), value: received.0 });
        }
    }
}
