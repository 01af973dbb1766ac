//! The state of a run that all doors share: the rack, the network, the tasks and what was told.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::hosts::Hosts;
use super::wire::Wire;
use crate::event::{Cause, EndReason, Event, Fault, JobPhase, PartState, What};
use crate::fleet::doors::Notice;
use crate::hardware::rack::{Effect, Rack, Ticket};
use crate::ids::{Life, NodeId, Part, PartKind};
use crate::plan::Plan;
use crate::scenario::StopWhen;
use crate::units::{NANOS_PER_SECOND, Span, Time};

/// The controller is the first host; node `i` is host `i + 1`.
pub(super) const CONTROLLER: usize = 0;

/// The host of a node.
pub(super) fn host_of(node: NodeId) -> usize {
    node.0 as usize + 1
}

/// What all doors of a run share.
pub(super) struct Stage {
    pub plan: Rc<Plan>,
    pub wire: Rc<Wire>,
    pub hosts: Rc<Hosts>,
    pub bell: Rc<Notify>,
    start: Instant,
    rack: RefCell<Rack>,
    /// Told and not yet handed to the sink.
    told: RefCell<Vec<Event>>,
    /// What the control plane came to know, and when.
    pub notices: RefCell<Vec<(Time, Notice)>>,
    /// Whoever waits for a transfer.
    waiting: RefCell<BTreeMap<Ticket, oneshot::Sender<()>>>,
    /// Nodes whose agents are to be started.
    starting: RefCell<Vec<(NodeId, Life)>>,
    /// When a controller that crashed starts again.
    controller_due: Cell<Option<Time>>,
    /// What the stores hold: the controller's disk, the file server and the nodes' cards.
    pub kept: RefCell<BTreeMap<String, Vec<u8>>>,
    /// Deeds that are done and not undone.
    pub done: RefCell<BTreeSet<u64>>,
    /// Members of the job, and whether they compute.
    members: RefCell<BTreeSet<NodeId>>,
    computing: Cell<bool>,
    ended: Cell<Option<EndReason>>,
    failure: RefCell<Option<String>>,
}

impl Stage {
    /// A stage whose time begins now.
    pub(super) fn new(plan: Rc<Plan>, wire: Rc<Wire>, hosts: Rc<Hosts>, bell: Rc<Notify>) -> Self {
        Self {
            rack: RefCell::new(Rack::new(Rc::clone(&plan))),
            plan,
            wire,
            hosts,
            bell,
            start: Instant::now(),
            told: RefCell::default(),
            notices: RefCell::default(),
            waiting: RefCell::default(),
            starting: RefCell::default(),
            controller_due: Cell::new(None),
            kept: RefCell::default(),
            done: RefCell::default(),
            members: RefCell::default(),
            computing: Cell::new(false),
            ended: Cell::new(None),
            failure: RefCell::default(),
        }
    }

    /// The simulated time. tokio's timers fire at whole milliseconds, so this is one.
    pub(super) fn now(&self) -> Time {
        let span = self.start.elapsed();
        let millis = (span.as_nanos() + 500_000) / 1_000_000;
        Time::ZERO + Span::from_millis(millis as u64)
    }

    /// The instant of tokio's clock that is not before a simulated time.
    pub(super) fn instant(&self, at: Time) -> Instant {
        let millis = at.0.div_ceil(NANOS_PER_SECOND / 1_000);
        self.start + std::time::Duration::from_millis(millis)
    }

    /// Does something to the rack at this instant and carries out what comes of it.
    pub(super) fn with_rack<T>(&self, act: impl FnOnce(&mut Rack, Time) -> T) -> T {
        let answer = self.act(act);
        self.bell.notify_one();
        answer
    }

    /// The same for the driver itself, who need not be woken.
    fn act<T>(&self, act: impl FnOnce(&mut Rack, Time) -> T) -> T {
        let mut rack = self.rack.borrow_mut();
        let answer = act(&mut rack, self.now());
        let (told, effects) = (rack.told(), rack.effects());
        drop(rack);
        self.told.borrow_mut().extend(told);
        for effect in effects {
            self.carry_out(effect);
        }
        answer
    }

    fn carry_out(&self, effect: Effect) {
        match effect {
            Effect::Starts(node, life) => self.starting.borrow_mut().push((node, life)),
            Effect::Stops(node) => {
                self.starting.borrow_mut().retain(|(starting, _)| *starting != node);
                self.stop_host(host_of(node));
            }
            Effect::Link(node, share_ppm) => {
                self.wire.change_paths(|paths| paths.set_link(host_of(node), share_ppm));
            }
            Effect::Switch(switch, forwards, uplink_ppm) => {
                self.wire.change_paths(|paths| paths.set_switch(switch, forwards, uplink_ppm));
            }
            Effect::Moved(ticket) => {
                if let Some(waiting) = self.waiting.borrow_mut().remove(&ticket) {
                    // Whoever waited may have been dropped at this very instant.
                    let _ = waiting.send(());
                }
            }
        }
    }

    /// A host loses its power: it falls silent, and nothing runs on it any more.
    pub(super) fn stop_host(&self, host: usize) {
        self.wire.silence(host);
        self.hosts.kill(host);
    }

    /// Begins a life of a host.
    pub(super) fn begin_life(&self, host: usize) {
        self.hosts.begin_life(host);
        self.wire.revive(host);
    }

    /// Takes the nodes whose agents are to be started.
    pub(super) fn take_starting(&self) -> Vec<(NodeId, Life)> {
        std::mem::take(&mut self.starting.borrow_mut())
    }

    /// Waits for a transfer.
    pub(super) fn wait_for(&self, ticket: Ticket) -> oneshot::Receiver<()> {
        let (done, moved) = oneshot::channel();
        self.waiting.borrow_mut().insert(ticket, done);
        moved
    }

    /// Tells an event at this instant. The job's phases say which nodes compute.
    pub(super) fn tell(&self, what: What) {
        if self.ended.get().is_some() {
            return;
        }
        self.told.borrow_mut().push(Event { at: self.now(), what });
        match what {
            What::JobNode { node, joined: true, .. } => {
                self.members.borrow_mut().insert(node);
                self.set_computing(node, self.computing.get());
            }
            What::JobNode { node, joined: false, .. } => {
                self.members.borrow_mut().remove(&node);
                self.set_computing(node, false);
            }
            What::JobPhase { phase, .. } => {
                let computing = matches!(phase, JobPhase::Compute | JobPhase::Rework);
                if self.computing.replace(computing) != computing {
                    for node in self.members.borrow().iter() {
                        self.set_computing(*node, computing);
                    }
                }
            }
            _ => {}
        }
    }

    fn set_computing(&self, node: NodeId, computing: bool) {
        self.with_rack(|rack, now| rack.set_computing(now, node, computing));
    }

    /// Asks for the end of the run; the first reason counts.
    pub(super) fn end(&self, reason: EndReason) {
        self.ended.set(self.ended.get().or(Some(reason)));
        self.bell.notify_one();
    }

    /// Gives the run up: a program could not go on.
    pub(super) fn fail(&self, why: String) {
        self.failure.borrow_mut().get_or_insert(why);
        self.bell.notify_one();
    }

    /// Why the run was given up, if it was.
    pub(super) fn failure(&self) -> Option<String> {
        self.failure.borrow().clone()
    }

    /// Why the run is over, if it is.
    pub(super) fn ended(&self) -> Option<EndReason> {
        self.ended.get()
    }

    /// When the driver has to look next.
    pub(super) fn next(&self) -> Time {
        let rack = self.rack.borrow_mut().next_at();
        let times = [rack, self.wire.next(), self.controller_due.get()];
        let next = times.into_iter().flatten().min();
        next.map_or(self.plan.scenario.stop.at, |next| next.min(self.plan.scenario.stop.at))
    }

    /// The controller stops dead, and starts again after a while, if ever.
    pub(super) fn crash_controller(&self, lasts: Option<Span>) {
        self.stop_host(CONTROLLER);
        self.controller_due.set(lasts.map(|span| self.now() + span));
        self.tell_controller(PartState::Down, Cause::Fault(Fault::ControllerCrash));
    }

    /// Whether a controller that crashed starts again now.
    pub(super) fn controller_returns(&self) -> bool {
        let due = self.controller_due.get().is_some_and(|at| at <= self.now());
        if due {
            self.controller_due.set(None);
            self.tell_controller(PartState::Up, Cause::Repair);
        }
        due
    }

    fn tell_controller(&self, state: PartState, cause: Cause) {
        let part = Part { kind: PartKind::Controller, index: 0 };
        self.tell(What::PartState { part, state, cause });
    }

    /// Lets the rack do what is due, and ends the run if its time is over or its aim is reached.
    pub(super) fn advance(&self) {
        let last = self.plan.scenario.stop.at;
        let all_up = self.act(|rack, now| {
            rack.advance(now.min(last));
            rack.is_all_up()
        });
        if self.ended.get().is_some() {
            return;
        }
        if all_up && self.plan.scenario.stop.when == StopWhen::AllUp {
            self.end(EndReason::AllUp);
        } else if self.now() >= last {
            self.end(EndReason::TimeUp);
        }
    }

    /// Takes what was told before this instant, in the order of time; later things may still be
    /// told of this one.
    pub(super) fn take_told(&self) -> Vec<Event> {
        let now = self.now();
        let mut told = self.told.borrow_mut();
        told.sort_by_key(|event| event.at);
        let ripe = told.partition_point(|event| event.at < now);
        told.drain(..ripe).collect()
    }

    /// Ends the run: all that was told and the last events.
    pub(super) fn finish(&self, reason: EndReason) -> Vec<Event> {
        let at = self.now().min(self.plan.scenario.stop.at);
        self.act(|rack, _| rack.finish(at));
        let mut told = self.told.take();
        told.retain(|event| event.at <= at);
        told.sort_by_key(|event| event.at);
        told.push(Event { at, what: What::RunEnds { reason } });
        told
    }
}
