//! What the controller hears: joins, answers, heartbeats, and the outcomes of its own acts.

use tokio::time::timeout;

use super::{Controller, ControllerAction, Heard, Session, power_of};
use crate::event::{EndReason, Purpose, Sensor, What};
use crate::fleet::erased::AnyDatagrams;
use crate::fleet::memory::HarmProgress;
use crate::fleet::packet::Packet;
use crate::fleet::ports::{Address, Harm, InjectionOrder, Net, Notice};
use crate::fleet::reception::{Connection, Incoming, Join};
use crate::fleet::wire::{Heartbeat, Message, Readings};
use crate::ids::{Life, NodeId};
use crate::scenario::StopWhen;
use crate::units::{Bytes, Span, Time};

impl Controller<'_> {
    pub(super) fn hear(&mut self, heard: Heard) {
        let now = self.now();
        match heard {
            Heard::Incoming(Incoming::Join(join, connection)) => self.join(now, join, connection),
            Heard::Incoming(Incoming::Said(node, number, message)) => {
                if self.connection(node, number).is_some() {
                    self.said(now, node, &message);
                }
            }
            Heard::Incoming(Incoming::Gone(node, number)) => {
                if let Some(session) = self.connection(node, number) {
                    session.connection = None;
                }
            }
            Heard::Incoming(Incoming::Packet(..)) => {
                unreachable!("datagrams are answered at once")
            }
            Heard::Switched { node, on, obeyed } => {
                self.dirty = true;
                let due = &mut self.due;
                self.supervisor.switched(now, node, on, obeyed, &mut power_of(due));
                match (obeyed, on) {
                    (true, true) => self.starts(now, node),
                    (true, false) => {
                        self.injector.node_stops(now, node);
                        self.wiped(node);
                    }
                    _ => {}
                }
            }
            Heard::Harmed { number, begin, obeyed } => self.harmed(now, number, begin, obeyed),
        }
    }

    fn join(&mut self, now: Time, join: Join, connection: Connection) {
        let Join { serial, life, session, peers, datagrams, abilities } = join;
        let (node, known) = (NodeId(serial), self.memory.lives.get(&serial).copied());
        let is_watched = self.detector.heard(node).is_some();
        let same = known.filter(|known| known.0 == life);
        let is_stranger = serial as usize >= self.plan.machine.nodes.len();
        let why = if is_stranger {
            "no such node"
        } else if known.is_some_and(|known| life < known.0) {
            "this life is over"
        } else if same.is_some_and(|same| is_watched && session != Some(same.1)) {
            "this life is another's"
        } else {
            ""
        };
        if !why.is_empty() {
            let _ = connection.out.send(Message::Refused { why: why.into() });
            self.ports.admission.refuse(|refusals| {
                refusals.stranger += u64::from(is_stranger);
                refusals.replayed += u64::from(!is_stranger);
            });
            return;
        }
        let own = same.filter(|same| session == Some(same.1));
        if own.is_none() {
            // Another life, or another process of the same one.
            self.wiped(node);
        }
        if same.is_none()
            && let Some(heard) = self.detector.heard(node)
        {
            // It has booted by itself, and needs no power cycle.
            self.gone(now, node, heard);
        }
        self.supervisor.joined(node);
        if !self.supervisor.is_up(node) {
            let why = "this node is being switched off".into();
            let _ = connection.out.send(Message::Refused { why });
            return;
        }
        self.dirty = true;
        // Its power may have come back without the controller's doing.
        self.starts(now, node);
        self.ports.emitter.abilities(node, &abilities);
        let token = own.map_or_else(
            || {
                self.memory.sessions += 1;
                self.tokens.draw(u64::from(serial), self.memory.sessions).next_u64()
            },
            |same| same.1,
        );
        self.memory.lives.insert(serial, (life, token));
        if self.detector.heard(node).is_none() {
            self.acts.push(ControllerAction::Notice(Notice::Joined { node, life: Life(life) }));
        }
        self.detector.watch(now, node);
        self.sessions.insert(node, Session { life, token, connection: Some(connection) });
        let term = self.memory.term;
        self.acts.push(ControllerAction::Say(node, Message::Welcome { term, session: token }));
        self.cancel_again(node, own.is_some());
        self.enrol(now, node, Address::new(peers.host.clone(), datagrams));
        self.harm_again(now, node);
        self.jobs.offer(now, node, peers.clone());
        self.workloads.joined(now, node, peers, own.is_some());
        self.demand();
        let all = self.supervisor.n_up() == self.plan.machine.nodes.len();
        if all && self.plan.scenario.stop.when == StopWhen::AllUp {
            self.ended = Some(EndReason::AllUp);
        }
    }

    /// The process of an agent that comes back may still be at what was given up while nobody
    /// reached it.
    fn cancel_again(&mut self, node: NodeId, comes_back: bool) {
        if comes_back {
            let (term, void) = (self.memory.term, self.jobs.void_for(node));
            self.acts.push(ControllerAction::Say(node, Message::Cancel { term, void }));
        }
    }

    /// What an agent has to do on its own node is sent to it at each join, for as long as it still
    /// lasts: it may have been restarted. A blow is over, and may be why it was.
    fn harm_again(&mut self, now: Time, node: NodeId) {
        for harmed in self.memory.injections.values() {
            let passed = now.since(harmed.since);
            let left = harmed.order.lasts.map(|lasts| Span(lasts.0.saturating_sub(passed.0)));
            if harmed.stage == HarmProgress::Undoing || left == Some(Span::ZERO) {
                continue;
            }
            let agents = self.ports.harm.agents(&harmed.order);
            let own = agents
                .into_iter()
                .filter(|(agent, injection)| *agent == node && !injection.is_blow());
            self.acts.extend(own.map(|(_, injection)| {
                self.entrusted.insert((injection.number, node));
                let injection = InjectionOrder { lasts: injection.lasts.and(left), ..injection };
                ControllerAction::Say(node, Message::Harm { injection })
            }));
        }
    }

    /// The session of a node, if this is its connection: an older one has nothing to say.
    fn connection(&mut self, node: NodeId, number: u64) -> Option<&mut Session> {
        let session = self.sessions.get_mut(&node)?;
        let is_its = session.connection.as_ref().is_some_and(|c| c.number == number);
        is_its.then_some(session)
    }

    fn said(&mut self, now: Time, node: NodeId, message: &Message) {
        match *message {
            Message::Done { order, sum } => {
                self.jobs.done(now, node, order, sum, false);
                self.demand();
            }
            Message::Corrupt { order, sum } => {
                self.jobs.done(now, node, order, sum, true);
                self.demand();
            }
            Message::Unable { order } => {
                self.jobs.unable(now, node, order);
                self.demand();
            }
            Message::ErrandDone { number, carried } => {
                self.workloads.done(now, node, number, carried);
                self.demand();
            }
            Message::Readings(readings) => self.readings(node, readings),
            // Of an injection that is its own, and once.
            Message::Cannot { injection, ref why } if self.entrusted.remove(&(injection, node)) => {
                self.refused.push((node, why.clone()));
                self.harmed(now, injection, true, false);
            }
            Message::Cannot { .. } => self.ports.admission.refuse(|all| all.unasked += 1),
            // Only what a job moves is an agent's to report.
            Message::Moved {
                purpose: purpose @ (Purpose::Checkpoint | Purpose::Restart),
                bytes,
            } => {
                let what = What::Transfer { purpose, nodes: 1, received: bytes, lost: Bytes(0) };
                self.acts.push(ControllerAction::Emit(what));
            }
            Message::Unknown => self.ports.admission.refuse(|all| all.unknown += 1),
            _ => {}
        }
    }

    /// What a node's board measures is taken to be this node's, whatever it claims.
    fn readings(&mut self, NodeId(node): NodeId, readings: Readings) {
        let Readings { load, memory, temperature, throttled, wall } = readings;
        if let Some(wall) = wall {
            self.ports.emitter.time_of_day(NodeId(node), wall);
        }
        let all = [
            (Sensor::NodeLoad(node), load),
            (Sensor::NodeMemory(node), memory),
            (Sensor::NodeTemperature(node), temperature),
            (Sensor::NodeThrottled(node), throttled),
        ];
        for (sensor, value) in all {
            let what = value.map(|value| What::Reading { sensor, value });
            self.acts.extend(what.map(ControllerAction::Emit));
        }
    }

    /// A datagram; the answer to gossip is sent with all that the controller says as a member.
    pub(super) async fn packet(&mut self, socket: &AnyDatagrams, packet: Packet, from: Address) {
        match packet {
            Packet::Heartbeat(heartbeat) => self.heartbeat(socket, heartbeat, from).await,
            Packet::Gossip(key, datagram) => {
                let now = self.now();
                // Without the key nobody is a member.
                if self.roster.as_ref().is_some_and(|roster| roster.has_key(key))
                    && let Some(group) = self.detector.group()
                {
                    group.hear(now, &datagram);
                }
            }
        }
    }

    /// The agent of a node takes datagrams there; port 0 means that it knows nothing of gossip.
    fn enrol(&mut self, now: Time, node: NodeId, address: Address) {
        if let (Some(roster), Some(group)) = (&mut self.roster, self.detector.group())
            && address.port > 0
        {
            group.join(node);
            let news = roster.enrol(now, node, address);
            self.acts.extend(news.into_iter().map(|message| ControllerAction::Say(node, message)));
        }
    }

    /// A heartbeat, and its answer.
    async fn heartbeat(&mut self, socket: &AnyDatagrams, heartbeat: Heartbeat, from: Address) {
        let node = NodeId(heartbeat.serial);
        let session = self.sessions.get(&node);
        let session = session.filter(|s| (s.life, s.token) == (heartbeat.life, heartbeat.session));
        if session.is_some() {
            self.detector.heartbeat(self.now(), node);
        }
        let stale = session.is_none_or(|session| session.connection.is_none());
        let answer = Heartbeat { term: self.memory.term, stale, ..heartbeat }.encode();
        let patience = self.setup.pace.patience;
        let _ = timeout(patience, self.ports.net.send_to(socket, &answer, &from)).await;
    }

    /// A harm was done or undone, or could not be.
    fn harmed(&mut self, now: Time, number: u64, begin: bool, obeyed: bool) {
        self.harms_failed += u32::from(!obeyed);
        self.dirty = true;
        let Some(harmed) = self.memory.injections.get_mut(&number) else { return };
        if begin && harmed.injection.is_undone() {
            if harmed.stage == HarmProgress::Doing {
                harmed.stage = HarmProgress::Done;
            }
            return;
        }
        let harmed = self.memory.injections.remove(&number).expect("it is there");
        self.entrusted.retain(|(injection, _)| *injection != number);
        if !begin {
            let (plan, due) = (self.plan, &mut self.due);
            self.supervisor.undone(now, plan, &harmed.injection, &mut power_of(due));
            self.supervise(now);
        }
    }
}
