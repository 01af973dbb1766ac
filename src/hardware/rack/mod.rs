//! The machine: power, boot, switches, servers and transfers, driven by whoever holds it.
//!
//! The rack does only what hardware does by itself. Whom to power on, when a fault strikes and
//! what a job moves is said to it by calls; what comes of it stands in [`Rack::take_output`], in
//! the order in which it happened: events for the log, and effects that the holder must know.
//!
//! ```text
//!  power_on(n) ... ROM, DHCP, TFTP, kernel, root, init ... Effect::Starts(n)
//!  harm(crash on n) ................................... Effect::Stops(n)
//! ```
//!
//! The agenda is shared with the holder, whose timers are of the type `T`: what is due at one
//! instant happens in the order in which it was scheduled, whoever scheduled it.
//!
//! Not modelled: the boot of switches and servers (they work at once when their power or their
//! daemon is back).

mod boot;
mod feed;
mod node;
mod part;
mod scale;
mod send;
#[cfg(test)]
mod tests;
mod transfer;
mod words;

use std::collections::BTreeMap;
use std::ops::Deref;

pub use self::node::{Draw, Supply};
pub use self::part::Harm;
pub use self::transfer::{Left, Participants, Ticket};
pub use self::words::{Effect, Next, Output, Timer};

use self::feed::Feed;
use self::node::{MachineNode, Request};
use self::part::{Server, Switch};
use self::scale::Scale;
pub use self::send::SendId;
use self::send::Sends;
use self::transfer::{Transfers, Way};
use self::words::Due;
use super::boot::{self as chain, Step};
use super::flow::Finished;
use super::network::Network;
use crate::engine::Agenda;
use crate::event::{Cause, Event, NodeState, Purpose, Sensor, What};
use crate::ids::{Life, NodeId, Part, PartKind};
use crate::plan::Plan;
use crate::plan::chance::Chance;
use crate::scenario::cluster::Hardware;
use crate::scenario::partition::Cuts;
use crate::units::{BitRate, Bytes, Span, Time};

/// The machine, with the plan `P` that it is built from and an agenda of timers of type `T`.
#[derive(Clone, Debug)]
pub struct Rack<P, T = Timer> {
    plan: P,
    chance: Chance,
    /// Those of each group, and after them that of a server that is a node.
    chains: Vec<Vec<Step>>,
    now: Time,
    agenda: Agenda<T>,
    nodes: Vec<MachineNode>,
    switches: Vec<Switch>,
    servers: Vec<Server>,
    feed: Feed,
    network: Network,
    transfers: Transfers,
    /// What a workload sends from part to part.
    sends: Sends,
    /// What faults leave of parts now.
    scale: Scale,
    /// Who cannot reach whom now, though all between them works.
    cuts: Cuts,
    /// How often the ports of nodes have cut them off.
    port_trips: BTreeMap<u32, u32>,
    /// Nodes that are up.
    up: u32,
    output: Vec<Output>,
}

impl<P: Deref<Target = Plan> + Clone, T: Copy + From<Timer>> Rack<P, T> {
    /// The machine before the first instant: everything off. O(parts).
    #[must_use]
    pub fn new(plan: P) -> Self {
        let machine = &plan.machine;
        let ids = (0..machine.nodes.len() as u32).map(NodeId);
        let nodes = ids.map(|id| MachineNode::at(machine, id)).collect();
        let head = machine.wiring.server.node;
        let server = |_: &_| Server { down: u16::from(head.is_some()), ..Server::default() };
        let switches = (0..).zip(&machine.switches);
        let switches = switches.map(|(index, row)| Switch::of(row.server, machine.is_cell(index)));
        let switches = switches.collect();
        let mut rack = Self {
            chance: Chance::new(&plan.scenario),
            chains: chains(&plan),
            now: Time::ZERO,
            agenda: Agenda::new(),
            nodes,
            switches,
            servers: machine.servers.iter().map(server).collect(),
            feed: Feed::new(&plan),
            network: Network::new(&plan),
            transfers: Transfers::default(),
            sends: Sends::default(),
            scale: Scale::default(),
            cuts: Cuts::of(&plan.scenario),
            up: 0,
            output: Vec::new(),
            port_trips: BTreeMap::new(),
            plan,
        };
        if head.is_some() {
            // Nobody serves before the node is up.
            rack.network.set_server(Time::ZERO, 0, 0);
        }
        rack
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Another plan of the same machine holds from now on.
    pub fn replan(&mut self, plan: P) {
        let differs = self.network.replan(&plan);
        self.plan = plan;
        if differs {
            self.reset_rates();
        }
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// Sets a timer.
    pub fn schedule(&mut self, at: Time, timer: impl Into<T>) {
        self.agenda.schedule(at, timer.into());
    }

    /// Sets a timer so far from now.
    pub fn after(&mut self, span: Span, timer: impl Into<T>) {
        self.schedule(self.now + span, timer);
    }

    /// What happens next by itself, and when.
    pub fn next_due(&mut self) -> Option<Next> {
        if self.feed.has_tripped() {
            return Some(Next { at: self.now, what: Due::BrownOut });
        }
        if self.network.fabric.has_due() {
            return Some(Next { at: self.now, what: Due::Transfer });
        }
        let timer = self.agenda.peek_time();
        // The fabric need not find rates between two timers of one instant.
        let flow = if timer == Some(self.now) { None } else { self.network.fabric.next() };
        match (timer, flow) {
            (timer, Some(at)) if timer.is_none_or(|timer| at <= timer) => {
                Some(Next { at, what: Due::Transfer })
            }
            (timer, _) => timer.map(|at| Next { at, what: Due::Timer }),
        }
    }

    /// If nothing is under way in the network, a number that is another one after anything was.
    #[must_use]
    pub fn at_rest(&self) -> Option<u64> {
        self.network.fabric.at_rest()
    }

    /// The instant until which nothing happens by itself, if nothing more does now: [`Time::NEVER`]
    /// if nothing is due at all.
    pub fn quiet_until(&mut self) -> Option<Time> {
        let due = self.next_due().map_or(Time::NEVER, |next| next.at);
        (due > self.now).then_some(due)
    }

    /// Makes it happen. A timer is given to the holder, who passes those of the rack to
    /// [`Self::fire`].
    pub fn step(&mut self, next: Next) -> Option<T> {
        self.now = next.at;
        match next.what {
            Due::BrownOut => self.brown_outs(),
            Due::Transfer => {
                if let Some(finished) = self.network.fabric.finished(next.at) {
                    self.transfer_done(&finished);
                }
            }
            Due::Timer => {
                let (at, timer) = self.agenda.pop().expect("a timer was seen");
                assert_eq!(at, next.at, "the agenda keeps its word");
                return Some(timer);
            }
        }
        None
    }

    /// Moves time on, past nothing that is due.
    pub fn wait_until(&mut self, at: Time) {
        self.now = self.now.max(at);
    }

    /// A timer of the rack is due.
    pub fn fire(&mut self, timer: Timer) {
        match timer {
            Timer::Step { node, life } if self.boots(node, life) => self.next_step(node),
            Timer::Retry { node, life } if self.boots(node, life) => self.discover_again(node),
            Timer::Offer { node, life } if self.awaits(node, life) => self.offer_arrives(node),
            Timer::Accept { node, life } if self.boots(node, life) => self.offer_accepted(node),
            Timer::Lease { node, life } if self.awaits(node, life) => self.lease_comes(node),
            Timer::Root { node, life } if self.boots(node, life) => self.read_root(node),
            Timer::Silence { node, life } if self.awaits(node, life) => self.silence(node),
            Timer::Settled { node, life } if self.is_life(NodeId(node), Life(life)) => {
                self.settled(node);
            }
            Timer::Feed { node } if self.is_due(node) => self.energise(node),
            Timer::Step { .. }
            | Timer::Retry { .. }
            | Timer::Offer { .. }
            | Timer::Accept { .. }
            | Timer::Lease { .. }
            | Timer::Root { .. }
            | Timer::Silence { .. }
            | Timer::Settled { .. }
            | Timer::Feed { .. } => {}
            Timer::PsuRestart { psu } => self.psu_up(psu, Cause::Course),
            Timer::PortRestart { node } => self.port_restarts(node),
            Timer::Admitted { ticket } => self.admitted(ticket),
        }
    }

    /// Takes what came of all since the last call, in the order in which it happened.
    pub fn take_output(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.output)
    }

    /// The same, and leaves an empty list with room in place of it.
    pub fn swap_output(&mut self, empty: Vec<Output>) -> Vec<Output> {
        assert!(empty.is_empty(), "what stands in it would be lost");
        std::mem::replace(&mut self.output, empty)
    }

    /// Whether something came of what has happened.
    #[must_use]
    pub fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// Whether all nodes are up.
    #[must_use]
    pub fn is_all_up(&self) -> bool {
        self.up as usize == self.nodes.len()
    }

    /// Whether a supply is about to brown out.
    #[must_use]
    pub fn is_overloaded(&self) -> bool {
        self.feed.has_tripped()
    }

    /// A node's state.
    #[must_use]
    pub fn state(&self, node: NodeId) -> NodeState {
        self.nodes[node.0 as usize].state
    }

    /// A node's life, which its last power-on began.
    #[must_use]
    pub fn life(&self, node: NodeId) -> Life {
        Life(self.nodes[node.0 as usize].life)
    }

    /// Whether a node still lives this life.
    #[must_use]
    pub fn is_life(&self, node: NodeId, life: Life) -> bool {
        self.life(node) == life
    }

    /// Whether nodes come up at the instant in which they get power.
    #[must_use]
    pub fn boots_at_once(&self) -> bool {
        self.chains.iter().all(Vec::is_empty)
    }

    /// Switches a node's channel on. It gets power, and a new life begins, if it had none and its
    /// feed is there; if that is dead, when it is back.
    pub fn power_on(&mut self, node: NodeId) {
        self.nodes[node.0 as usize].channel = true;
        self.energise(node.0);
    }

    /// Switches a node's channel off.
    pub fn power_off(&mut self, node: NodeId, cause: Cause) {
        self.nodes[node.0 as usize].channel = false;
        if self.supply(node) != Supply::Dead {
            self.cut_power(node.0, NodeState::Off, cause);
            self.set_state(node.0, NodeState::Off, cause);
        }
    }

    /// What a node's power switch says.
    #[must_use]
    pub fn supply(&self, node: NodeId) -> Supply {
        let node = &self.nodes[node.0 as usize];
        if node.blocked > 0 || !self.feed.gives(node.feed) {
            Supply::Dead
        } else if node.channel {
            Supply::On
        } else {
            Supply::Off
        }
    }

    /// So many nodes of a feed draw something else from now on. O(PSUs above each other).
    pub fn change_draw(&mut self, feed: u32, from: Draw, to: Draw, count: u32) {
        self.feed.change_draw(self.now, feed, from, to, count);
    }

    /// So many nodes of each of these feeds draw something else from now on. O(feeds).
    pub fn change_draws(&mut self, counts: impl Iterator<Item = (u32, u32)>, from: Draw, to: Draw) {
        self.feed.change_draws(self.now, counts, from, to);
    }

    /// A node draws something else from now on. Nothing for a node that is not up.
    pub fn set_draw_of(&mut self, node: NodeId, draw: Draw) {
        if self.state(node) == NodeState::Up {
            self.set_draw(node.0, draw);
        }
    }

    /// Whether the controller and a node hear each other: all between them works, and no partition
    /// keeps them apart.
    #[must_use]
    pub fn connects(&self, node: NodeId) -> bool {
        let controller = Part { kind: PartKind::Controller, index: 0 };
        self.is_linked(node) && self.cuts.join(part_of(node.0), controller)
    }

    /// Who cannot reach whom now, though all between them works.
    #[must_use]
    pub fn cuts(&self) -> &Cuts {
        &self.cuts
    }

    /// Whether all works between a node and where its server stands: the top of the rack, unless it
    /// is plugged into a switch.
    #[must_use]
    pub fn is_linked(&self, node: NodeId) -> bool {
        let id = node.0;
        let node = &self.nodes[id as usize];
        let head = self.plan.machine.wiring.server.node;
        node.share_ppm > 0
            && self.switches[node.switch as usize].reached
            && head.is_none_or(|head| self.nodes[head as usize].share_ppm > 0)
    }

    /// The hardware of a node.
    fn hardware(&self, id: u32) -> &Hardware {
        self.plan.scenario.hardware_of(self.nodes[id as usize].group)
    }

    /// The server that a node is, if it is one.
    fn server_that_is(&self, id: u32) -> Option<u32> {
        let head = self.plan.machine.wiring.server.node;
        (head == Some(id)).then_some(0)
    }

    /// Whether a server works.
    #[must_use]
    pub fn serves(&self, server: u32) -> bool {
        self.servers[server as usize].down == 0
    }

    /// The switch over which a node that is cut off still reaches others, if there is one.
    #[must_use]
    pub fn island(&self, NodeId(index): NodeId) -> Option<u32> {
        let node = &self.nodes[index as usize];
        let forwards = self.switches[node.switch as usize].forwards();
        (node.share_ppm > 0 && forwards).then_some(node.switch)
    }

    /// What is left of the speed at which a node computes (ppm). A node that is off keeps it.
    #[must_use]
    pub fn speed(&self, NodeId(index): NodeId) -> u32 {
        self.scale.share(Part { kind: PartKind::Node, index })
    }

    /// These nodes, in their order, for transfers of them all.
    #[must_use]
    pub fn participants(&self, members: Vec<u32>) -> Participants {
        let switch = |id: u32| self.nodes[id as usize].switch;
        Participants::new(members, self.servers.len(), switch, |id| self.server_of(id))
    }

    /// Moves so many bytes from each of these nodes to its server, or back. [`Effect::Moved`] says
    /// when all have arrived.
    pub fn transfer(&mut self, members: &Participants, write: bool, bytes: Bytes) -> Ticket {
        let ready = self.request(members);
        let ticket = self.transfers.ask(members, transfer::purpose(write), bytes);
        self.schedule(ready, Timer::Admitted { ticket });
        ticket
    }

    /// The same for what their job writes besides checkpoints.
    pub fn write_data(&mut self, members: &Participants, bytes: Bytes) -> Ticket {
        let ready = self.request(members);
        let ticket = self.transfers.ask(members, Purpose::Workload, bytes);
        self.schedule(ready, Timer::Admitted { ticket });
        ticket
    }

    /// The same for nodes of which each moved some bytes before, and moves only the rest.
    pub fn resume_transfer(
        &mut self,
        members: &[(u32, Bytes)],
        write: bool,
        bytes: Bytes,
    ) -> Ticket {
        let ready = self.request(&self.participants(members.iter().map(|it| it.0).collect()));
        let ticket = self.transfers.ask_rest(members, transfer::purpose(write), bytes);
        self.schedule(ready, Timer::Admitted { ticket });
        ticket
    }

    /// The disks of their servers take a request of each. Says when all may begin to move.
    fn request(&mut self, members: &Participants) -> Time {
        let mut ready = self.now;
        if self.plan.scenario.server.disk_request > Span::ZERO {
            for &(server, count) in members.servers() {
                ready = ready.max(self.admit(server as usize, count));
            }
        }
        ready
    }

    /// Gives a transfer up: what it moved is lost. Says whether it had begun to move; nothing
    /// happens if it is complete.
    pub fn drop_transfer(&mut self, ticket: Ticket) -> bool {
        let moved = self.transfers.cancel(ticket, &mut self.network, self.now);
        let began = moved.is_some();
        moved.into_iter().flatten().for_each(|what| self.emit(what));
        began
    }

    /// Ends a transfer that is to go on later. Of each node that has not moved all of its share,
    /// says what it moved; `None` if nobody had begun.
    pub fn interrupt_transfer(&mut self, ticket: Ticket) -> Option<Vec<(NodeId, Bytes)>> {
        self.transfers.interrupt(ticket, &mut self.network, self.now)
    }

    /// A node leaves a transfer: what it moved is lost.
    pub fn leave_transfer(&mut self, ticket: Ticket, NodeId(node): NodeId) -> Left {
        let (what, left) = self.transfers.leave(ticket, node, &mut self.network, self.now);
        if let Some(what) = what {
            self.emit(what);
        }
        left
    }

    /// A node joins a transfer that is under way, and moves its share from the start.
    pub fn join_transfer(&mut self, ticket: Ticket, NodeId(node): NodeId) {
        let way = way(&self.nodes, &self.switches, &self.cuts);
        self.transfers.join(ticket, node, &mut self.network, self.now, way);
    }

    /// Sends so many bytes from a node or server to another; `None` if one of them is a node that
    /// is not up. [`Effect::Sent`] says when they have arrived, or that a node of them has stopped
    /// and they are lost. What a dead link, switch or server or a partition
    /// holds up waits for it.
    pub fn send(&mut self, from: Part, to: Part, bytes: Bytes) -> Option<SendId> {
        self.start_send((from, to), (bytes, true))
    }

    /// The same for what a node sends another one of its image of a checkpoint. No event says that
    /// it has arrived.
    pub fn send_copy(&mut self, from: NodeId, to: NodeId, bytes: Bytes) -> Option<SendId> {
        let [from, to] = [from, to].map(|node| Part { kind: PartKind::Node, index: node.0 });
        self.start_send((from, to), (bytes, false))
    }

    fn start_send(&mut self, (from, to): (Part, Part), what: (Bytes, bool)) -> Option<SendId> {
        let is_up = |part: Part| {
            part.kind == PartKind::Server || self.state(NodeId(part.index)) == NodeState::Up
        };
        let cap = cap(&self.nodes, &self.cuts);
        (is_up(from) && is_up(to))
            .then(|| self.sends.start((from, to), what, &mut self.network, self.now, cap))
    }

    /// Gives a send up, if it has not ended: what it moved is lost.
    pub fn drop_send(&mut self, send: SendId) {
        if let Some(what) = self.sends.drop(send, &mut self.network, self.now) {
            self.emit(what);
        }
    }

    /// What a node sends and receives is lost.
    fn lose_sends(&mut self, id: u32) {
        for (send, what) in self.sends.lose(part_of(id), &mut self.network, self.now) {
            if let Some(what) = what {
                self.emit(what);
            }
            self.effect(Effect::Sent { send, arrived: false });
        }
    }

    fn admitted(&mut self, ticket: Ticket) {
        // Neighbours behind one switch may differ where groups do.
        let are_groups = self.plan.machine.is_of_parts();
        let are_whole = self.scale.leaves_links_whole() && self.cuts.are_none();
        let alike = are_whole && !self.network.is_mesh() && !are_groups;
        let way = way(&self.nodes, &self.switches, &self.cuts);
        if self.transfers.start(ticket, &mut self.network, self.now, alike, way) {
            self.effect(Effect::Moved(ticket));
        }
    }

    fn transfer_done(&mut self, finished: &Finished) {
        if transfer::is_asked(finished) {
            let (what, complete) = self.transfers.finished(finished);
            self.emit(what);
            if let Some(ticket) = complete {
                self.effect(Effect::Moved(ticket));
            }
        } else if let Some((send, what)) = self.sends.finished(finished) {
            if let Some(what) = what {
                self.emit(what);
            }
            self.effect(Effect::Sent { send, arrived: true });
        } else {
            self.boot_transfer_done(finished.tag as u32, finished);
        }
    }

    /// Reads the meters: power, and what the servers have sent and received.
    pub fn read_meters(&mut self) {
        let (energy, max) = self.feed.read(self.now);
        self.emit(What::Reading { sensor: Sensor::Energy, value: energy });
        self.emit(What::Reading { sensor: Sensor::PowerMax, value: max });
        for server in 0..self.servers.len() as u32 {
            let (sent, received) = self.network.server_bytes(self.now, server);
            self.emit(What::Reading { sensor: Sensor::ServerSent(server), value: sent.0 });
            self.emit(What::Reading { sensor: Sensor::ServerReceived(server), value: received.0 });
        }
    }

    /// Cuts short what is under way: the run is over.
    pub fn finish(&mut self) {
        for ticket in self.transfers.all() {
            self.drop_transfer(ticket);
        }
        for what in self.sends.cut(&mut self.network, self.now) {
            self.emit(what);
        }
        for id in 0..self.nodes.len() as u32 {
            self.abort_boot_transfer(id);
        }
        self.network.assert_conserved(self.now);
    }

    fn emit(&mut self, what: What) {
        self.output.push(Output::Event(Event { at: self.now, what }));
    }

    fn effect(&mut self, effect: Effect) {
        self.output.push(Output::Effect(effect));
    }

    /// Whether the node still lives this life and is on its way up: a step of a node that crashed,
    /// hung, gave up or lost its power never ends.
    fn boots(&self, node: u32, life: u32) -> bool {
        let node = &self.nodes[node as usize];
        node.life == life && node.powered && boot::is_boot(node.state)
    }

    /// Whether the node lives this life, is on its way up, and what it waits for is due now.
    fn awaits(&self, node: u32, life: u32) -> bool {
        self.boots(node, life) && self.is_due(node)
    }

    /// Whether what the node waits for is due now.
    fn is_due(&self, node: u32) -> bool {
        self.nodes[node as usize].due == self.now
    }

    /// Sets the instant and the timer of what the node waits for.
    fn await_until(&mut self, node: u32, at: Time, timer: Timer) {
        self.nodes[node as usize].due = at;
        self.schedule(at, timer);
    }

    /// Power reaches a node whose channel is on, if nothing forbids it and it lacks it.
    fn energise(&mut self, id: u32) {
        let dead = self.supply(NodeId(id)) == Supply::Dead;
        let node = &mut self.nodes[id as usize];
        if node.powered || dead || !node.channel {
            return;
        }
        node.life += 1;
        (node.powered, node.due) = (true, Time::NEVER);
        (node.step, node.tries, node.request) = (0, 0, Request::None);
        let life = node.life;
        self.effect(Effect::Powered(NodeId(id), Life(life)));
        if self.chains[usize::from(self.nodes[id as usize].chain)].is_empty() {
            self.set_draw(id, Draw::Boot);
            self.comes_up(id);
            return;
        }
        self.set_draw(id, Draw::Inrush);
        let inrush = self.hardware(id).boot.inrush;
        self.after(inrush, Timer::Settled { node: id, life });
        self.begin_step(id, Cause::Course);
    }

    /// Takes a node's power away; its life ends. `state` says how it is left.
    fn cut_power(&mut self, id: u32, state: NodeState, cause: Cause) {
        if self.nodes[id as usize].powered {
            self.effect(Effect::Dead(NodeId(id)));
            self.nodes[id as usize].powered = false;
            self.leave(id, state, cause);
            self.set_draw(id, Draw::Off);
        }
    }

    /// A node without power that nothing holds down any more is merely off.
    fn rest(&mut self, id: u32, cause: Cause) {
        if !self.nodes[id as usize].powered && self.supply(NodeId(id)) != Supply::Dead {
            self.set_state(id, NodeState::Off, cause);
        }
    }

    /// Takes a node out of whatever it does and into a state in which it does nothing.
    fn leave(&mut self, id: u32, state: NodeState, cause: Cause) {
        self.abort_boot_transfer(id);
        let was_up = self.nodes[id as usize].state == NodeState::Up;
        self.set_state(id, state, cause);
        if was_up {
            self.up -= 1;
            self.lose_sends(id);
            self.effect(Effect::Stops(NodeId(id)));
            if let Some(server) = self.server_that_is(id) {
                self.server_down(server, cause);
            }
        }
    }

    /// User space is up.
    fn comes_up(&mut self, id: u32) {
        self.set_state(id, NodeState::Up, Cause::Course);
        self.set_draw(id, Draw::Idle);
        self.up += 1;
        self.effect(Effect::Starts(NodeId(id), Life(self.nodes[id as usize].life)));
        if let Some(server) = self.server_that_is(id) {
            self.server_up(server, Cause::Course);
        }
    }

    /// A powered node fails: `state` is [`NodeState::Down`] or [`NodeState::Hung`]. One that has
    /// failed so already fails no further. Says whether it fails.
    fn fail(&mut self, id: u32, state: NodeState, cause: Cause) -> bool {
        let node = &self.nodes[id as usize];
        if !node.powered || node.state == NodeState::Down || node.state == state {
            return false;
        }
        if state == NodeState::Down {
            self.effect(Effect::Dead(NodeId(id)));
        }
        self.leave(id, state, cause);
        self.set_draw(id, Draw::Idle);
        true
    }

    /// Changes and emits a node's state, if it is another one.
    fn set_state(&mut self, id: u32, state: NodeState, cause: Cause) {
        let node = &mut self.nodes[id as usize];
        if node.state != state {
            node.state = state;
            let life = Life(node.life);
            self.emit(What::NodeState { node: NodeId(id), life, state, cause });
        }
    }

    /// The inrush after power-on is over.
    fn settled(&mut self, id: u32) {
        if self.nodes[id as usize].draw == Draw::Inrush {
            self.set_draw(id, Draw::Boot);
        }
    }

    /// Changes what a node draws, in the meter and in its PSU domain.
    fn set_draw(&mut self, id: u32, draw: Draw) {
        let node = &mut self.nodes[id as usize];
        let (from, feed) = (std::mem::replace(&mut node.draw, draw), node.feed);
        self.feed.change_draw(self.now, feed, from, draw, 1);
        if self.feed.exceeds_port(feed, draw) {
            self.feed.trip_port(id);
        }
    }
}

/// The boot chains of a plan's nodes.
fn chains(plan: &Plan) -> Vec<Vec<Step>> {
    let groups = plan.machine.wiring.groups.len().max(1) as u16;
    let head = plan.machine.wiring.server.node.map(|node| plan.machine.group_of(NodeId(node)));
    let of_groups = (0..groups).map(|group| chain::chain(&plan.scenario, group));
    of_groups.chain(head.map(|group| chain::chain_of_server(&plan.scenario, group))).collect()
}

fn part_of(node: u32) -> Part {
    Part { kind: PartKind::Node, index: node }
}

/// What holds back what one node or server sends to another: what is left of either link, and
/// nothing passes between the sides of a partition.
fn cap(nodes: &[MachineNode], cuts: &Cuts) -> impl Fn(&Network, Part, Part) -> BitRate {
    |network, from, to| {
        let own = |part: Part| match part.kind {
            PartKind::Node => {
                let node = &nodes[part.index as usize];
                network.node_cap(node.group, node.share_ppm)
            }
            _ => network.server_rate(),
        };
        if cuts.join(from, to) { own(from).min(own(to)) } else { BitRate(0) }
    }
}

/// What is left of a node's link for what it moves to and from its server (ppm).
fn served_ppm(node: &MachineNode, id: u32, server: u32, cuts: &Cuts) -> u32 {
    let server = Part { kind: PartKind::Server, index: server };
    if cuts.join(part_of(id), server) { node.share_ppm } else { 0 }
}

/// The way of what a node moves to its server, or from it.
fn way(
    nodes: &[MachineNode],
    switches: &[Switch],
    cuts: &Cuts,
) -> impl Fn(&Network, u32, bool) -> Way {
    |network, id, write| {
        let node = &nodes[id as usize];
        let route = if write {
            network.write_route(id, node.switch)
        } else {
            network.read_route(id, node.switch)
        };
        // The server's own data go to its disk, over no link.
        if network.is_head(id) {
            return (route, BitRate(u64::MAX));
        }
        let served_ppm = served_ppm(node, id, switches[node.switch as usize].server, cuts);
        (route, network.node_cap(node.group, served_ppm))
    }
}
