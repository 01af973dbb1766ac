//! The controller: hears agents, switches and time, asks the machines, saves, and acts.
//!
//! ```text
//!  heard --> muster, timeline, job, detector --> acts --> save, if anything changed --> do them
//! ```
//!
//! Decisions are the machines'; this file carries words to and fro. What has changed is saved
//! before anything is told or done. A controller that is started again therefore asks once more
//! for what it is not sure of, and every order, harm and power act bears to be asked for twice.
//!
//! Not modelled: a second controller that waits to take over; the log of a turn that was saved
//! but not told is lost with the controller.

mod act;
mod group;
mod hear;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use crate::event::{EndReason, Fault, What};
use crate::fleet::admission::Admission;
use crate::fleet::agent::Pace;
use crate::fleet::doors::{Clock, Deed, Harm, Net, Notice, Power, PowerState, Store, Told};
use crate::fleet::faults;
use crate::fleet::job::{self, JobPlay, Sabotage};
use crate::fleet::memory::{Harmed, Memory, Stage};
use crate::fleet::muster::{self, Muster};
use crate::fleet::reception::{self, Connection, Incoming};
use crate::fleet::timeline::{self, Timeline};
use crate::fleet::wire::Message;
use crate::ids::{Life, NodeId, Part, PartKind};
use crate::plan::Plan;
use crate::protocol::detector::Detector;
use crate::rng::Stream;
use crate::scenario::StopWhen;
use crate::units::{Span, Time};

/// Things heard and not yet looked at.
const QUEUE: usize = 1024;

/// The doors that a controller uses.
#[derive(Clone, Debug)]
pub struct Doors<N, P, H, S, C, T> {
    /// Its network.
    pub net: N,
    /// The nodes' power switches.
    pub power: P,
    /// Hands that do harm.
    pub harm: H,
    /// Its disk, and the checkpoints' server.
    pub store: S,
    /// The time of day.
    pub clock: C,
    /// The log.
    pub told: T,
    /// Who may come in by its network. A store of the same process shares it.
    pub admission: Admission,
}

/// Where a controller listens, and its measures.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// For agents.
    pub port: u16,
    /// For their beats.
    pub beats: u16,
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
    pub harms: Vec<Deed>,
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
enum Act {
    Tell(What),
    Notice(Notice),
    Say(NodeId, Message),
    Power(muster::Act),
    Harm(Deed),
    Undo(Deed),
    Delete(String),
}

/// An agent that was taken in.
struct Session {
    life: u32,
    token: u64,
    connection: Option<Connection>,
}

struct Controller<'p, D> {
    doors: D,
    setup: Setup,
    plan: &'p Plan,
    heard: mpsc::Sender<Heard>,
    memory: Memory,
    /// The time of the run when this controller began, by its own clock.
    since: (Instant, Time),
    /// How far the controller before this one knew.
    known_until: Time,
    muster: Muster,
    timeline: Timeline<'p>,
    job: Option<JobPlay<'p>>,
    detector: Detector,
    roster: Option<group::Roster>,
    sessions: BTreeMap<NodeId, Session>,
    tokens: Stream,
    /// Injections that agents were told to carry out, by number and node.
    entrusted: BTreeSet<(u64, NodeId)>,
    acts: Vec<Act>,
    dirty: bool,
    harms_failed: u32,
    refused: Vec<(NodeId, String)>,
    ended: Option<EndReason>,
}

/// Plays a plan to its end.
///
/// # Errors
/// When it cannot listen, or cannot save what it must not forget.
pub async fn run<N: Net, P: Power, H: Harm, S: Store, C: Clock, T: Told>(
    doors: Doors<N, P, H, S, C, T>,
    setup: Setup,
    plan: Rc<Plan>,
) -> io::Result<End> {
    let run = (plan.scenario.name.clone(), plan.scenario.seed);
    let left = Memory::load(&doors.store, &run).await?;
    let (heard, mut queue) = mpsc::channel(QUEUE);
    let net = doors.net.clone();
    let listener = net.listen(setup.port).await?;
    let socket = Rc::new(net.bind(setup.beats).await?);
    let (to, mut incoming) = mpsc::channel(QUEUE);
    let (own, admission, pace) = (net.clone(), doors.admission.clone(), setup.pace);
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
    let memory = left.unwrap_or_else(|| Memory::new(run, doors.clock.wall()));
    let mut controller = Controller::new(doors, setup, &plan, heard, memory, fresh)?;
    if fresh {
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
            controller.tell_refusals();
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

impl<'p, N: Net, P: Power, H: Harm, S: Store, C: Clock, T: Told>
    Controller<'p, Doors<N, P, H, S, C, T>>
{
    fn new(
        doors: Doors<N, P, H, S, C, T>,
        setup: Setup,
        plan: &'p Plan,
        heard: mpsc::Sender<Heard>,
        mut memory: Memory,
        fresh: bool,
    ) -> io::Result<Self> {
        memory.term += 1;
        // A clock that was set back since does not turn the run back.
        let now = Time(doors.clock.wall().saturating_sub(memory.began)).max(memory.saved);
        let rules = muster_rules(plan);
        let (muster, timeline, job) = if fresh {
            let muster = Muster::new(rules, starts(plan));
            (muster, Timeline::new(plan, setup.lease, None), JobPlay::new(plan, setup.words, None))
        } else {
            let timeline = Timeline::new(plan, setup.lease, Some(memory.timeline.clone()));
            let job = JobPlay::new(plan, setup.words, memory.job.clone());
            (Muster::load(rules, memory.muster.clone())?, timeline, job)
        };
        let job = job.map(|job| job.sabotaged(setup.sabotage));
        let wish = &plan.scenario.controller;
        let key = Stream::new(setup.chance, "fleet/group").draw(0, memory.term).next_u64();
        let chance = Stream::new(key, "fleet/gossip");
        Ok(Self {
            doors,
            setup,
            plan,
            heard,
            since: (Instant::now(), now),
            known_until: memory.saved,
            muster,
            timeline,
            job,
            detector: Detector::new(now, wish, chance),
            roster: wish.gossip.map(|rules| group::Roster::new(key, rules)),
            sessions: BTreeMap::new(),
            tokens: Stream::new(setup.chance, "fleet/session"),
            entrusted: BTreeSet::new(),
            acts: vec![Act::Notice(Notice::Term { term: memory.term })],
            dirty: true,
            harms_failed: 0,
            refused: Vec::new(),
            ended: None,
            memory,
        })
    }

    /// Asks every switch what it is: a node that has power already only has to join.
    async fn discover(&mut self) {
        for node in (0..self.plan.machine.nodes.len() as u32).map(NodeId) {
            let state = timeout(self.setup.pace.patience, self.doors.power.state(node)).await;
            if let Ok(Ok(PowerState::On)) = state {
                let now = self.now();
                self.muster.found_on(now, node);
                self.timeline.power_on(now, node);
            }
        }
    }

    /// Takes up where an earlier controller was: its agents have the detector's time to come
    /// back, and what it was not sure of is asked for again.
    fn resume(&mut self) {
        let now = self.now();
        for (&serial, &(life, token)) in &self.memory.lives {
            let node = NodeId(serial);
            if self.muster.is_up(node) || self.job.as_ref().is_some_and(|job| job.holds(node)) {
                self.detector.watch(now, node);
                self.sessions.insert(node, Session { life, token, connection: None });
            }
        }
        for harmed in self.memory.deeds.values() {
            match harmed.stage {
                Stage::Doing => self.acts.push(Act::Harm(harmed.deed.clone())),
                Stage::Undoing => self.acts.push(Act::Undo(harmed.deed.clone())),
                Stage::Done => {}
            }
        }
    }

    /// The time of the run.
    fn now(&self) -> Time {
        self.since.1 + Span(self.since.0.elapsed().as_nanos() as u64)
    }

    /// When something is due, if nothing is heard before.
    fn next(&self) -> Instant {
        let job = self.job.as_ref().and_then(JobPlay::next);
        let tells = self.roster.as_ref().and_then(group::Roster::next);
        let due = [self.timeline.next(), self.detector.next(), self.muster.next(), job, tells];
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
        let job = self.job.as_ref();
        let phase = |node| job.filter(|job| job.holds(node)).map(JobPlay::phase);
        for demand in self.timeline.due(now, phase) {
            self.dirty = true;
            match demand {
                timeline::Demand::Strike(deed) => {
                    let (fault, kind, part) = (deed.fault, deed.kind, deed.part);
                    self.acts.push(Act::Tell(What::FaultStrikes { fault, kind, part }));
                    self.strike(now, deed);
                }
                timeline::Demand::Upset(upset) => self.upset(now, upset),
                timeline::Demand::End(deed) => self.repaired(&deed),
                timeline::Demand::Alarm(alarm) => self.alarm(alarm),
            }
        }
        for (node, heard) in self.detector.suspects(now) {
            // A node that was not heard since this controller began was last heard by the one
            // before it.
            let unheard = heard <= self.since.1;
            self.lost(now, node, if unheard { self.known_until } else { heard });
        }
        self.tell_group(now);
        for act in self.muster.acts(now) {
            self.dirty = true;
            self.acts.push(Act::Power(act));
        }
        if let Some(job) = &mut self.job {
            let demands = job.place(now, self.memory.term);
            self.demand(demands);
        }
    }

    /// A node was not heard for too long, or lives another life.
    fn lost(&mut self, now: Time, node: NodeId, heard: Time) {
        self.dirty = true;
        self.detector.forget(node);
        self.dismiss(now, node);
        if let Some(session) = self.sessions.remove(&node) {
            let life = Life(session.life);
            self.acts.push(Act::Notice(Notice::Silent { node, life }));
        }
        self.muster.silent(now, node);
        if self.muster.loses_memory(node) {
            self.wiped(node);
        }
        if let Some(job) = &mut self.job {
            let demands = job.lost(now, heard, node, self.memory.term);
            self.demand(demands);
        }
    }

    /// What a node had in its memory is lost.
    fn wiped(&mut self, node: NodeId) {
        if let Some(job) = &mut self.job {
            let demands = job.wiped(node);
            self.demand(demands);
        }
    }

    fn demand(&mut self, demands: Vec<job::Demand>) {
        self.dirty |= !demands.is_empty();
        for demand in demands {
            self.acts.push(match demand {
                job::Demand::Tell(what) => Act::Tell(what),
                job::Demand::Order(node, order) => Act::Say(node, Message::Order(order)),
                job::Demand::Delete(name) => Act::Delete(name),
                job::Demand::Forget(node, name) => Act::Say(node, Message::Forget { name }),
                job::Demand::Finished(sum) => {
                    if self.plan.scenario.stop.when == StopWhen::WorkloadDone {
                        self.ended = Some(EndReason::WorkDone);
                    }
                    Act::Notice(Notice::Result { sum })
                }
            });
        }
    }

    /// A cosmic ray strikes: what comes of it is done like any other harm.
    fn upset(&mut self, now: Time, upset: timeline::Upset) {
        let timeline::Upset { fault, node, array, class, deed } = upset;
        let (kind, part) = (Fault::Upset, Part { kind: PartKind::Node, index: node.0 });
        self.acts.push(Act::Tell(What::FaultStrikes { fault, kind, part }));
        self.acts.push(Act::Tell(What::Upset { node, array, class }));
        if let Some(deed) = deed {
            self.strike(now, deed);
        }
    }

    fn strike(&mut self, now: Time, deed: Deed) {
        if deed.kind == Fault::SilentCorruption {
            return self.corrupt(NodeId(deed.part.index));
        }
        for node in faults::cut_off(self.plan, &deed) {
            self.muster.hold(now, node, true);
        }
        let out = faults::out_of_service(self.plan, &deed, |node| self.timeline.has_power(node));
        for &node in &out {
            self.muster.take_out(node, faults::is_dark(&deed));
        }
        self.acts.push(Act::Harm(deed.clone()));
        let out = !out.is_empty();
        self.memory
            .deeds
            .insert(deed.number, Harmed { deed, stage: Stage::Doing, out, since: now });
    }

    /// A harm is foreseen. What became known while no controller was up warns nobody.
    fn alarm(&mut self, alarm: timeline::Alarm) {
        let timeline::Alarm { at, fault, part, lead } = alarm;
        self.acts.push(Act::Tell(What::Alarm { fault, part, lead }));
        if let Some(job) = self.job.as_mut().filter(|_| at >= self.since.1) {
            job.warn(self.plan.reached(fault, part));
        }
    }

    /// Memory of a node's job is corrupted by its own agent, which forgets that it was told so.
    /// What a broken link swallows has not happened, though the truth counts it.
    fn corrupt(&mut self, node: NodeId) {
        let draw = self.timeline.flip(node);
        self.acts.push(Act::Say(node, Message::Flip { draw }));
        if let Some(job) = &mut self.job {
            let demands = job.corrupt(node, draw);
            self.demand(demands);
        }
    }

    fn repaired(&mut self, deed: &Deed) {
        let (fault, kind, part) = (deed.fault, deed.kind, deed.part);
        self.acts.push(Act::Tell(What::FaultEnds { fault, kind, part }));
        if let Some(harmed) = self.memory.deeds.get_mut(&deed.number) {
            harmed.stage = Stage::Undoing;
            self.acts.push(Act::Undo(deed.clone()));
        }
    }

    /// Saves what must not be forgotten, if it has changed.
    async fn save(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.dirty) {
            return Ok(());
        }
        self.memory.saved = self.now();
        self.memory.muster = serde_json::to_value(self.muster.save())?;
        self.memory.timeline = self.timeline.state().clone();
        self.memory.job = self.job.as_ref().map(|job| job.state().clone());
        self.memory.save(&self.doors.store, self.setup.pace.retry).await
    }

    /// Tells what was refused, if anything was.
    fn tell_refusals(&self) {
        let readings = self.doors.admission.refusals().readings();
        readings.for_each(|what| self.doors.told.tell(what));
    }

    fn end(&self, reason: EndReason) -> End {
        let harms = self.memory.deeds.values().map(|harmed| harmed.deed.clone()).collect();
        End { reason, harms, harms_failed: self.harms_failed, refused: self.refused.clone() }
    }
}

/// The muster's rules of a plan. A quarter of the machine may be cycled at a time, 16 nodes at
/// least (an assumption: more than a blade, less than a module).
fn muster_rules(plan: &Plan) -> muster::Rules {
    let wish = &plan.scenario.controller;
    muster::Rules {
        boot_timeout: wish.boot_timeout,
        cycles_patience: wish.boot_retries,
        settle: wish.settle,
        cycles_max: (plan.machine.nodes.len() / 4).max(16),
    }
}

/// When each node is first switched on: module by module at once, staggered inside.
fn starts(plan: &Plan) -> impl Iterator<Item = Time> {
    let (stagger, per_module) = (plan.scenario.boot.stagger, plan.scenario.module.nodes);
    (0..plan.machine.nodes.len() as u32)
        .map(move |node| Time(stagger.0.saturating_mul(u64::from(node % per_module))))
}
