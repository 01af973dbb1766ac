//! The controller: hears agents, switches and time, asks the machines, saves, and acts.
//!
//! ```text
//!  heard --> control, jobs, detector --> acts --> save, if anything changed --> do them
//! ```
//!
//! Decisions are the machines'; this file carries words to and fro. What has changed is saved
//! before anything is emitted or done. A controller that is started again therefore asks once more
//! for what it is not sure of, and every order, harm and power act bears to be asked for twice.
//!
//! Not modelled: a second controller that waits to take over; the log of a turn that was saved
//! but not emitted is lost with the controller.

mod act;
mod group;
mod hear;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use crate::control::{
    Alarm, FaultCommand, FaultDue, Injection, Injector, PowerAct, PowerDue, PowerSupervisor, Queue,
    Rules,
};
use crate::event::{EndReason, Fault, What};
use crate::fleet::admission::Admission;
use crate::fleet::agent::Pace;
use crate::fleet::erased::{AnyHarm, AnyNet, AnyPower, AnyStore};
use crate::fleet::job::{self, Jobs, Sabotage};
use crate::fleet::means::Means;
use crate::fleet::memory::{Due, HarmProgress, Harmed, Memory};
use crate::fleet::ports::{
    Clock, Emitter, Harm, InjectionOrder, Net, Notice, Power, PowerState, Store,
};
use crate::fleet::reception::{self, Connection, Incoming};
use crate::fleet::wire::Message;
use crate::fleet::workload::{self, Record, Workloads};
use crate::ids::{Life, NodeId, Part};
use crate::plan::Plan;
use crate::protocol::detector::Detector;
use crate::rng::Stream;
use crate::scenario::StopWhen;
use crate::units::{BitRate, Span, Time};

/// Things heard and not yet looked at.
const QUEUE: usize = 1024;

/// The ports that a controller uses.
#[derive(Clone, Debug)]
pub struct ControllerPorts<N, P, H, S, C, T> {
    /// Its network.
    pub net: N,
    /// The nodes' power switches.
    pub power: P,
    /// Actuators that do harm.
    pub harm: H,
    /// Its disk, and the checkpoints' server.
    pub store: S,
    /// The time of day.
    pub clock: C,
    /// The log.
    pub emitter: T,
    /// Who may come in by its network. A store of the same process shares it.
    pub admission: Admission,
}

type Ports = ControllerPorts<AnyNet, AnyPower, AnyHarm, AnyStore, Rc<dyn Clock>, Rc<dyn Emitter>>;

/// Where a controller listens, and its measures.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// For agents.
    pub port: u16,
    /// For their heartbeats.
    pub heartbeats: u16,
    /// Real memory of each rank (64-bit words).
    pub words: u32,
    /// Its times; the same as its agents'.
    pub pace: Pace,
    /// Agents undo their harms when they have not heard from it for so long.
    pub lease: Span,
    /// A mistake that is built in on purpose.
    pub sabotage: Option<Sabotage>,
    /// What its sessions are drawn from. On a real network nobody else may know it.
    pub chance: u64,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Why.
    pub reason: EndReason,
    /// Harms that are still done and can be undone by hand, for the stage to clear away.
    pub harms: Vec<InjectionOrder>,
    /// Harms that could not be done.
    pub harms_failed: u32,
    /// What agents said of those that were theirs.
    pub refused: Vec<(NodeId, String)>,
}

/// What is heard.
enum Heard {
    Incoming(Incoming),
    Switched { node: NodeId, on: bool, obeyed: bool },
    Harmed { number: u64, begin: bool, obeyed: bool },
}

/// What is to be done after the state is saved.
enum ControllerAction {
    Emit(What),
    Notice(Notice),
    Say(NodeId, Message),
    Power(PowerAct),
    Harm(InjectionOrder),
    Undo(InjectionOrder),
    Delete(String),
}

/// An agent that was taken in.
struct Session {
    life: u32,
    token: u64,
    connection: Option<Connection>,
}

struct Controller<'p> {
    ports: Ports,
    setup: Setup,
    plan: &'p Plan,
    heard: mpsc::Sender<Heard>,
    memory: Memory,
    /// The time of the run when this controller began, by its own clock.
    since: (Instant, Time),
    /// How far the controller before this one knew.
    known_until: Time,
    supervisor: PowerSupervisor,
    injector: Injector<'p>,
    /// What is due to these two.
    due: Queue<Due>,
    jobs: Jobs<'p>,
    workloads: Workloads,
    detector: Detector,
    roster: Option<group::Roster>,
    sessions: BTreeMap<NodeId, Session>,
    tokens: Stream,
    /// Injections that agents were ordered to carry out, by number and node.
    entrusted: BTreeSet<(u64, NodeId)>,
    acts: Vec<ControllerAction>,
    dirty: bool,
    harms_failed: u32,
    refused: Vec<(NodeId, String)>,
    ended: Option<EndReason>,
}

/// Plays a plan to its end.
///
/// # Errors
/// When it cannot listen, or cannot save what it must not forget.
pub async fn run<N: Net, P: Power, H: Harm, S: Store, C: Clock, T: Emitter>(
    ports: ControllerPorts<N, P, H, S, C, T>,
    setup: Setup,
    plan: Rc<Plan>,
) -> io::Result<End> {
    let ports = ControllerPorts {
        net: AnyNet::new(ports.net),
        power: AnyPower::new(ports.power),
        harm: AnyHarm::new(ports.harm),
        store: AnyStore::new(ports.store),
        clock: Rc::new(ports.clock) as Rc<dyn Clock>,
        emitter: Rc::new(ports.emitter) as Rc<dyn Emitter>,
        admission: ports.admission,
    };
    play(ports, setup, plan).await
}

async fn play(ports: Ports, setup: Setup, plan: Rc<Plan>) -> io::Result<End> {
    let run = (plan.scenario.name.clone(), plan.scenario.seed);
    let left = Memory::load(&ports.store, &run).await?;
    let (heard, mut queue) = mpsc::channel(QUEUE);
    let net = ports.net.clone();
    let listener = net.listen(setup.port).await?;
    let socket = Rc::new(net.bind(setup.heartbeats).await?);
    let (to, mut incoming) = mpsc::channel(QUEUE);
    let (own, admission, pace) = (net.clone(), ports.admission.clone(), setup.pace);
    net.spawn(reception::receive(own, listener, pace.patience, admission.clone(), to.clone()));
    net.spawn(reception::packets(net.clone(), socket.clone(), pace.retry, admission, to));
    let relay = heard.clone();
    net.spawn(async move {
        while let Some(incoming) = incoming.recv().await {
            if relay.send(Heard::Incoming(incoming)).await.is_err() {
                return;
            }
        }
    });
    let fresh = left.is_none();
    let memory = left.unwrap_or_else(|| Memory::new(run, ports.clock.wall()));
    let record = Record::load(&ports.store, memory.began).await?;
    let left = (memory, record);
    let mut controller = Controller::new(ports, setup, &plan, heard, left, fresh);
    if fresh {
        controller.begin();
        controller.discover().await;
    } else {
        controller.resume();
    }
    loop {
        controller.turn();
        controller.save().await?;
        controller.act();
        controller.send_gossip(&socket).await;
        if let Some(reason) = controller.ended {
            controller.report_refusals();
            return Ok(controller.end(reason));
        }
        let first = timeout_at(controller.next(), queue.recv()).await;
        let mut words = first.ok().flatten();
        while let Some(heard) = words {
            if let Heard::Incoming(Incoming::Packet(packet, from)) = heard {
                controller.packet(&socket, packet, from).await;
            } else {
                controller.hear(heard);
            }
            words = queue.try_recv().ok();
        }
    }
}

impl<'p> Controller<'p> {
    fn new(
        ports: Ports,
        setup: Setup,
        plan: &'p Plan,
        heard: mpsc::Sender<Heard>,
        (mut memory, record): (Memory, Record),
        fresh: bool,
    ) -> Self {
        memory.term += 1;
        // A clock that was set back since does not turn the run back.
        let now = Time(ports.clock.wall().saturating_sub(memory.began));
        let now = now.max(memory.saved).max(record.last());
        let (rules, mut due) = (Rules::of(plan), std::mem::take(&mut memory.due));
        let (supervisor, injector) = if fresh {
            let supervisor = PowerSupervisor::new(rules, plan.machine.nodes.len());
            (supervisor, Injector::new(plan))
        } else {
            let (power, faults) = (memory.supervisor.clone(), memory.injector.clone());
            let supervisor = PowerSupervisor::restored(rules, power, &mut power_of(&mut due));
            (supervisor, Injector::restored(plan, faults))
        };
        let jobs = Jobs::new(plan, setup.words, memory.term, memory.jobs.clone());
        let jobs = jobs.sabotaged(setup.sabotage);
        let workloads = Workloads::new(plan, memory.term, record);
        let spec = &plan.scenario.controller;
        let key = Stream::new(setup.chance, "fleet/group").draw(0, memory.term).next_u64();
        let chance = Stream::new(key, "fleet/gossip");
        Self {
            ports,
            setup,
            plan,
            heard,
            since: (Instant::now(), now),
            known_until: memory.saved,
            supervisor,
            injector,
            due,
            jobs,
            workloads,
            detector: Detector::new(now, spec, chance),
            roster: spec.gossip.map(|rules| group::Roster::new(key, rules)),
            sessions: BTreeMap::new(),
            tokens: Stream::new(setup.chance, "fleet/session"),
            entrusted: BTreeSet::new(),
            acts: vec![ControllerAction::Notice(Notice::Term { term: memory.term })],
            dirty: true,
            harms_failed: 0,
            refused: Vec::new(),
            ended: None,
            memory,
        }
    }

    /// Sets what is due first.
    fn begin(&mut self) {
        self.supervisor.begin(&mut power_of(&mut self.due));
        self.injector.begin(&mut faults_of(&mut self.due));
        self.inject(Time::ZERO);
        self.workloads.begin();
    }

    /// Asks every switch what it is: a node that has power already only has to join.
    async fn discover(&mut self) {
        for node in (0..self.plan.machine.nodes.len() as u32).map(NodeId) {
            let state = timeout(self.setup.pace.patience, self.ports.power.state(node)).await;
            if let Ok(Ok(PowerState::On)) = state {
                let now = self.now();
                self.supervisor.boots(now, node, &mut power_of(&mut self.due));
                self.starts(now, node);
            }
        }
    }

    /// Takes up where an earlier controller was: its agents have the detector's time to come
    /// back, and what it was not sure of is asked for again.
    fn resume(&mut self) {
        let now = self.now();
        for (&serial, &(life, token)) in &self.memory.lives {
            let node = NodeId(serial);
            let works = self.jobs.works_for(node).is_some() || self.workloads.know(node);
            if self.supervisor.is_up(node) || works {
                self.detector.watch(now, node);
                self.sessions.insert(node, Session { life, token, connection: None });
            }
        }
        for harmed in self.memory.injections.values() {
            match harmed.stage {
                HarmProgress::Doing => self.acts.push(ControllerAction::Harm(harmed.order.clone())),
                HarmProgress::Undoing => {
                    self.acts.push(ControllerAction::Undo(harmed.order.clone()));
                }
                HarmProgress::Done => {}
            }
        }
    }

    /// The time of the run.
    fn now(&self) -> Time {
        self.since.1 + Span(self.since.0.elapsed().as_nanos() as u64)
    }

    /// When something is due, if nothing is heard before.
    fn next(&self) -> Instant {
        let jobs = self.jobs.next();
        let roster = self.roster.as_ref().and_then(group::Roster::next);
        let due = [self.due.next(), self.detector.next(), jobs, self.workloads.next(), roster];
        let stop = self.plan.scenario.stop.at;
        let at = due.into_iter().flatten().fold(stop, Time::min).max(self.since.1);
        self.since.0 + Duration::from_nanos(at.since(self.since.1).0)
    }

    /// Asks the machines what is due by now.
    fn turn(&mut self) {
        let now = self.now();
        if now >= self.plan.scenario.stop.at {
            self.ended = self.ended.or(Some(EndReason::TimeUp));
            return;
        }
        while let Some((at, due)) = self.due.pop(now) {
            match due {
                Due::Fault(due) => {
                    self.dirty = true;
                    self.injector.fire(at, due);
                    self.inject(at);
                }
                Due::Power(due) => {
                    self.supervisor.fire(now, at, due, &mut power_of(&mut self.due));
                    self.supervise(now);
                }
            }
        }
        for (node, heard) in self.detector.suspects(now) {
            // A node that was not heard since this controller began was last heard by the one
            // before it.
            let unheard = heard <= self.since.1;
            self.lost(now, node, if unheard { self.known_until } else { heard });
        }
        self.send_group(now);
        self.jobs.pass(now);
        self.workloads.pass(now);
        self.demand();
    }

    /// A node was not heard for too long.
    fn lost(&mut self, now: Time, node: NodeId, heard: Time) {
        self.supervisor.suspected(now, node, &mut power_of(&mut self.due));
        self.supervise(now);
        if self.supervisor.loses_memory(node) {
            self.wiped(node);
        }
        self.gone(now, node, heard);
    }

    /// A life of a node is over, or taken to be.
    fn gone(&mut self, now: Time, node: NodeId, heard: Time) {
        self.dirty = true;
        self.detector.forget(node);
        if let Some(roster) = &mut self.roster {
            roster.dismiss(now, node);
        }
        if let Some(session) = self.sessions.remove(&node) {
            let life = Life(session.life);
            self.acts.push(ControllerAction::Notice(Notice::Silent { node, life }));
        }
        self.jobs.lost(now, heard, node);
        self.workloads.lost(now, node);
        self.demand();
    }

    /// What a node had in its memory is lost.
    fn wiped(&mut self, node: NodeId) {
        self.jobs.wiped(self.now(), node);
        self.demand();
    }

    /// Takes up what the jobs and the other workloads demand.
    fn demand(&mut self) {
        self.demand_for_workloads();
        let demands = self.jobs.take_demands();
        self.dirty |= !demands.is_empty();
        for demand in demands {
            let act = match demand {
                job::Demand::Emit(what) => ControllerAction::Emit(what),
                job::Demand::Order(node, order) => {
                    ControllerAction::Say(node, Message::Order(order))
                }
                job::Demand::Cancel(node, void) => {
                    let term = self.memory.term;
                    ControllerAction::Say(node, Message::Cancel { term, void })
                }
                job::Demand::Delete(name) => ControllerAction::Delete(name),
                job::Demand::Forget(node, name) => {
                    ControllerAction::Say(node, Message::Forget { name })
                }
                job::Demand::Finished(result) => {
                    self.end_if_done();
                    let Some(sum) = result else { continue };
                    ControllerAction::Notice(Notice::Result { sum })
                }
            };
            self.acts.push(act);
        }
    }

    fn demand_for_workloads(&mut self) {
        for demand in self.workloads.take_demands() {
            match demand {
                workload::Demand::Emit(what) => self.acts.push(ControllerAction::Emit(what)),
                workload::Demand::Say(node, message) => {
                    self.acts.push(ControllerAction::Say(node, message));
                }
                workload::Demand::Finished => self.end_if_done(),
            }
        }
    }

    /// All jobs, or all other workloads, are done; with both the run may end.
    fn end_if_done(&mut self) {
        let ends = self.plan.scenario.stop.when == StopWhen::WorkloadDone;
        if ends && self.jobs.are_over() && self.workloads.are_done() {
            self.ended = Some(EndReason::WorkDone);
        }
    }

    /// Takes up what the supervisor wants done.
    fn supervise(&mut self, now: Time) {
        let wake = &mut power_of(&mut self.due);
        while let Some(act) = self.supervisor.next_act(now, wake) {
            self.dirty = true;
            self.acts.push(ControllerAction::Power(act));
        }
    }

    /// Takes up what the injector wants done, which was due at `at`.
    fn inject(&mut self, at: Time) {
        loop {
            let works_for = |node| self.jobs.works_for(node);
            let command = self.injector.next(&works_for, &mut faults_of(&mut self.due));
            match command {
                Some(FaultCommand::Emit(what)) => self.acts.push(ControllerAction::Emit(what)),
                Some(FaultCommand::Inject(injection)) => self.strike(at, injection),
                Some(FaultCommand::Undo(injection)) => self.repaired(&injection),
                Some(FaultCommand::Alarm(alarm)) => self.alarm(alarm),
                None => return,
            }
        }
    }

    /// A node has got power.
    fn starts(&mut self, now: Time, node: NodeId) {
        let alarms = self.injector.node_starts(now, node, &mut faults_of(&mut self.due));
        for alarm in alarms {
            self.alarm(alarm);
        }
    }

    fn strike(&mut self, at: Time, injection: Injection) {
        if injection.kind == Fault::SilentCorruption {
            return self.corrupt(NodeId(injection.part.index));
        }
        let has_power = |node| self.injector.is_running(node);
        self.supervisor.injected(self.plan, &injection, has_power);
        for node in injection.stops(self.plan) {
            self.injector.node_stops(at, node);
        }
        let order = self.order_of(&injection);
        self.acts.push(ControllerAction::Harm(order.clone()));
        let harmed = Harmed { order, injection, stage: HarmProgress::Doing, since: self.now() };
        self.memory.injections.insert(harmed.order.number, harmed);
    }

    /// What the ports are asked to do for an injection.
    fn order_of(&self, injection: &Injection) -> InjectionOrder {
        let Injection { number, fault, kind, part, .. } = *injection;
        let rule = self.plan.scenario.rule(fault);
        InjectionOrder {
            number: number.into(),
            fault,
            kind,
            part,
            lasts: injection.lasts(),
            lease: self.setup.lease,
            means: Means::of(rule, self.link_of(part)),
        }
    }

    /// The rate of a node's link; of another part, that of the first node on it.
    fn link_of(&self, part: Part) -> BitRate {
        let node = self.plan.machine.nodes_of(part).next().unwrap_or(NodeId(0));
        self.plan.hardware_of(node).link
    }

    /// A harm is foreseen. What became known while no controller was up warns nobody.
    fn alarm(&mut self, alarm: Alarm) {
        self.acts.push(ControllerAction::Emit(alarm.what()));
        if alarm.at >= self.since.1 {
            self.jobs.foreseen(self.now(), alarm.fault, alarm.part);
        }
    }

    /// Memory of a node's job is corrupted by its own agent, which forgets that it was ordered to.
    /// What a broken link swallows has not happened, though the truth counts it.
    fn corrupt(&mut self, node: NodeId) {
        let (draw, check) = self.injector.flip(node);
        self.acts.push(ControllerAction::Say(node, Message::Flip { draw }));
        self.jobs.corrupt(self.now(), node, draw, check);
        self.demand();
    }

    fn repaired(&mut self, injection: &Injection) {
        if let Some(harmed) = self.memory.injections.get_mut(&injection.number.into()) {
            harmed.stage = HarmProgress::Undoing;
            self.acts.push(ControllerAction::Undo(harmed.order.clone()));
        }
    }

    /// Saves what must not be forgotten, if it has changed.
    async fn save(&mut self) -> io::Result<()> {
        let record = self.workloads.record();
        record.save(&self.ports.store, self.setup.pace.retry).await?;
        if !std::mem::take(&mut self.dirty) {
            return Ok(());
        }
        self.memory.saved = self.now();
        self.memory.supervisor = self.supervisor.state().clone();
        self.memory.injector = self.injector.state().clone();
        self.memory.due = self.due.clone();
        self.memory.jobs = Some(self.jobs.state());
        self.memory.save(&self.ports.store, self.setup.pace.retry).await
    }

    /// Reports what was refused, if anything was.
    fn report_refusals(&self) {
        let readings = self.ports.admission.refusals().readings();
        readings.for_each(|what| self.ports.emitter.emit(what));
    }

    fn end(&self, reason: EndReason) -> End {
        let harms = self.memory.injections.values().map(|harmed| harmed.order.clone()).collect();
        End { reason, harms, harms_failed: self.harms_failed, refused: self.refused.clone() }
    }
}

/// Wakes the power supervisor.
fn power_of(due: &mut Queue<Due>) -> impl FnMut(Time, PowerDue) {
    |at, power| due.push(at, Due::Power(power))
}

/// Wakes the injector.
fn faults_of(due: &mut Queue<Due>) -> impl FnMut(Time, FaultDue) {
    |at, fault| due.push(at, Due::Fault(fault))
}
