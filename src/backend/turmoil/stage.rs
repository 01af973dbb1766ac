//! The state of a run that all ports share: the rack, the network, the tasks and what was emitted.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use tokio::sync::{oneshot, watch};

use crate::event::{Cause, EndReason, Event, Fault, PartState, Sink, Stop, What};

use crate::fleet::admission::{Admission, Bounds};
use crate::fleet::ports::Notice;
use crate::hardware::network::WHOLE_PPM;
use crate::hardware::rack::{self, Effect, Output, SendId, Ticket};
use crate::ids::{FaultId, Life, NodeId, Part, PartKind};
use crate::plan::Plan;
use crate::scenario::StopWhen;
use crate::units::{Span, Time};

/// The controller is the first host; node `i` is host `i + 1`.
pub(super) const CONTROLLER: usize = 0;

/// The host of a node.
pub(super) fn host_of(node: NodeId) -> usize {
    node.0 as usize + 1
}

/// The programs that a run starts on its hosts.
pub(super) trait Programs {
    /// Starts the controller.
    fn start_controller(&self, stage: &Rc<Simulation>);
    /// Starts the agent of a node that has just booted.
    fn start_agent(&self, stage: &Rc<Simulation>, node: NodeId, life: Life);
    /// The run begins.
    fn begin(&self, _stage: &Rc<Simulation>) {}
}

/// What a stage stands on: hosts with a clock, and the network between them.
pub(super) trait Ground {
    /// The simulated time, a whole millisecond.
    fn now(&self) -> Time;
    /// Something has changed: whoever drives the run shall look.
    fn wake(&self);
    /// When the network moves next by itself.
    fn next(&self) -> Option<Time>;
    /// A host loses its power: it falls silent, and nothing runs on it any more.
    fn stop(&self, host: usize);
    /// Begins a life of a host.
    fn begin_life(&self, host: usize);
    /// So much is left of a host's link (ppm).
    fn set_link(&self, host: usize, share_ppm: u32);
    /// Whether a switch forwards, and what is left of its uplink (ppm).
    fn set_switch(&self, switch: u32, forwards: bool, uplink_ppm: u32);
    /// Whether the partition of a rule lasts from now on.
    fn set_partition(&self, rule: FaultId, lasts: bool);
    /// A harm makes a link lose so many of its packets (ppm), or no longer does.
    fn set_loss(&self, number: u64, loss: Option<(Part, u32)>);
}

/// What can become due on the hardware.
#[derive(Clone, Copy, Debug)]
pub(super) enum Timer {
    Rack(rack::Timer),
    /// The meters are read.
    Sample,
}

impl From<rack::Timer> for Timer {
    fn from(timer: rack::Timer) -> Self {
        Self::Rack(timer)
    }
}

/// The hardware of a run.
pub(super) type Rack = rack::Rack<Rc<Plan>, Timer>;

/// What all ports of a run share.
pub(super) struct Simulation {
    pub plan: Rc<Plan>,
    ground: Rc<dyn Ground>,
    rack: RefCell<Rack>,
    /// Emitted and not yet handed to the sink.
    emitted: RefCell<Vec<Event>>,
    /// What the control plane came to know, and when.
    pub notices: RefCell<Vec<(Time, Notice)>>,
    /// Who may come in to the controller. It outlives a crash of it.
    pub admission: Admission,
    /// Whoever waits for a transfer.
    waiting: RefCell<BTreeMap<Ticket, oneshot::Sender<()>>>,
    /// Whoever waits for what a workload sends: whether it has arrived.
    pub sending: RefCell<BTreeMap<SendId, oneshot::Sender<bool>>>,
    /// The share of its speed at which each node computes (ppm).
    speeds: Vec<watch::Sender<u32>>,
    /// Nodes whose agents are to be started.
    starting: RefCell<Vec<(NodeId, Life)>>,
    /// When a controller that crashed starts again.
    controller_due: Cell<Option<Time>>,
    /// What the stores hold: the controller's disk, the file server and the nodes' cards.
    pub kept: RefCell<BTreeMap<String, Vec<u8>>>,
    /// Injections that are done and not undone.
    pub done: RefCell<BTreeSet<u64>>,
    ended: Cell<Option<EndReason>>,
    failure: RefCell<Option<String>>,
}

impl Simulation {
    /// A stage whose time begins now.
    pub(super) fn new(plan: Rc<Plan>, ground: Rc<dyn Ground>) -> Self {
        let mut rack = Rack::new(Rc::clone(&plan));
        rack.schedule(Time::ZERO, Timer::Sample);
        Self {
            rack: RefCell::new(rack),
            admission: Admission::new(Bounds::of(plan.machine.nodes.len())),
            ground,
            emitted: RefCell::default(),
            notices: RefCell::default(),
            waiting: RefCell::default(),
            sending: RefCell::default(),
            speeds: plan.machine.nodes.iter().map(|_| watch::Sender::new(WHOLE_PPM)).collect(),
            starting: RefCell::default(),
            controller_due: Cell::new(None),
            kept: RefCell::default(),
            done: RefCell::default(),
            ended: Cell::new(None),
            failure: RefCell::default(),
            plan,
        }
    }

    /// The simulated time.
    pub(super) fn now(&self) -> Time {
        self.ground.now()
    }

    /// Does something to the rack at this instant and carries out what comes of it. What was due
    /// before has happened; what is due at this very instant waits, so that all nodes that get
    /// power at one instant have it before a supply browns out.
    pub(super) fn with_rack<T>(&self, act: impl FnOnce(&mut Rack) -> T) -> T {
        let answer = self.act(|rack, now| {
            if now > rack.now() {
                advance(rack, now);
            }
            act(rack)
        });
        self.ground.wake();
        answer
    }

    /// The same for the driver itself, who need not be woken.
    fn act<T>(&self, act: impl FnOnce(&mut Rack, Time) -> T) -> T {
        let mut rack = self.rack.borrow_mut();
        let answer = act(&mut rack, self.now());
        let output = rack.take_output();
        drop(rack);
        for output in output {
            match output {
                Output::Event(event) => self.emitted.borrow_mut().push(event),
                Output::Effect(effect) => self.carry_out(effect),
            }
        }
        answer
    }

    fn carry_out(&self, effect: Effect) {
        match effect {
            Effect::Starts(node, life) => self.starting.borrow_mut().push((node, life)),
            Effect::Stops(node) => {
                self.starting.borrow_mut().retain(|(starting, _)| *starting != node);
                self.ground.stop(host_of(node));
            }
            Effect::Link(node, share_ppm) => {
                self.ground.set_link(host_of(node), share_ppm);
                // The controller stands where the server does.
                if self.plan.machine.wiring.server.node == Some(node.0) {
                    self.ground.set_link(CONTROLLER, share_ppm);
                }
            }
            Effect::Switch(switch, forwards, uplink_ppm) => {
                self.ground.set_switch(switch, forwards, uplink_ppm);
            }
            Effect::Partition(rule, lasts) => self.ground.set_partition(rule, lasts),
            Effect::Moved(ticket) => {
                if let Some(waiting) = self.waiting.borrow_mut().remove(&ticket) {
                    // Whoever waited may have been dropped at this very instant.
                    let _ = waiting.send(());
                }
            }
            Effect::Speed(node, share_ppm) => {
                self.speeds[node.0 as usize].send_replace(share_ppm);
            }
            // The fleet finds out by itself.
            Effect::Powered(..) | Effect::Dead(_) | Effect::Reached(..) | Effect::Server(..) => {}
            Effect::Sent { send, arrived } => {
                if let Some(waiting) = self.sending.borrow_mut().remove(&send) {
                    let _ = waiting.send(arrived);
                }
            }
        }
    }

    /// The share of its speed at which a node computes, now and whenever it changes (ppm).
    pub(super) fn speed(&self, node: NodeId) -> watch::Receiver<u32> {
        self.speeds[node.0 as usize].subscribe()
    }

    /// Waits for a transfer.
    pub(super) fn wait_for(&self, ticket: Ticket) -> oneshot::Receiver<()> {
        let (done, moved) = oneshot::channel();
        self.waiting.borrow_mut().insert(ticket, done);
        moved
    }

    /// Waits for what a workload sends: whether it arrives.
    pub(super) fn wait_for_send(&self, send: SendId) -> oneshot::Receiver<bool> {
        let (done, arrival) = oneshot::channel();
        self.sending.borrow_mut().insert(send, done);
        arrival
    }

    /// Emits an event at this instant.
    pub(super) fn emit(&self, what: What) {
        if self.ended.get().is_none() {
            self.emitted.borrow_mut().push(Event { at: self.now(), what });
        }
    }

    /// Asks for the end of the run; the first reason counts.
    pub(super) fn end(&self, reason: EndReason) {
        self.ended.set(self.ended.get().or(Some(reason)));
        self.ground.wake();
    }

    /// Gives the run up: a program could not go on.
    pub(super) fn fail(&self, why: String) {
        self.failure.borrow_mut().get_or_insert(why);
        self.ground.wake();
    }

    /// Why the run is over, if it is.
    pub(super) fn ended(&self) -> Option<EndReason> {
        self.ended.get()
    }

    /// When the driver has to look next.
    pub(super) fn next(&self) -> Time {
        let rack = self.rack.borrow_mut().next_due().map(|next| next.at);
        let times = [rack, self.ground.next(), self.controller_due.get()];
        let next = times.into_iter().flatten().min();
        next.map_or(self.plan.scenario.stop.at, |next| next.min(self.plan.scenario.stop.at))
    }

    /// A harm makes a link lose so many of its packets (ppm), or no longer does.
    pub(super) fn set_loss(&self, number: u64, loss: Option<(Part, u32)>) {
        self.ground.set_loss(number, loss);
    }

    /// The controller stops dead, and starts again after a while, if ever.
    pub(super) fn crash_controller(&self, lasts: Option<Span>) {
        self.ground.stop(CONTROLLER);
        self.controller_due.set(lasts.map(|span| self.now() + span));
        self.emit_controller(PartState::Down, Cause::Fault(Fault::ControllerCrash));
    }

    /// Whether a controller that crashed starts again now.
    fn controller_returns(&self) -> bool {
        let due = self.controller_due.get().is_some_and(|at| at <= self.now());
        if due {
            self.controller_due.set(None);
            self.emit_controller(PartState::Up, Cause::Repair);
        }
        due
    }

    fn emit_controller(&self, state: PartState, cause: Cause) {
        let part = Part { kind: PartKind::Controller, index: 0 };
        self.emit(What::PartState { part, state, cause });
    }

    /// Lets the rack do what is due, and ends the run if its time is over or its aim is reached.
    fn advance(&self) {
        let last = self.plan.scenario.stop.at;
        let all_up = self.act(|rack, now| {
            advance(rack, now.min(last));
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

    /// Lets happen what is due and starts the programs that shall begin; gives how the run ended,
    /// if it did, once the sink has all.
    pub(super) fn settle(
        self: &Rc<Self>,
        programs: &dyn Programs,
        sink: &mut dyn Sink,
    ) -> Result<Option<EndReason>, Stop> {
        self.advance();
        for (node, life) in std::mem::take(&mut *self.starting.borrow_mut()) {
            self.ground.begin_life(host_of(node));
            programs.start_agent(self, node, life);
        }
        if self.controller_returns() {
            self.start_controller(programs);
        }
        if let Some(why) = self.failure.borrow().clone() {
            return Err(Stop::Failed(why));
        }
        for event in self.take_emitted() {
            sink.event(&event)?;
        }
        let Some(reason) = self.ended() else { return Ok(None) };
        for event in self.finish(reason) {
            sink.event(&event)?;
        }
        Ok(Some(reason))
    }

    /// Starts the controller.
    pub(super) fn start_controller(self: &Rc<Self>, programs: &dyn Programs) {
        self.ground.begin_life(CONTROLLER);
        programs.start_controller(self);
    }

    /// Takes what was emitted before this instant, in the order of time; later things may still be
    /// emitted of this one.
    fn take_emitted(&self) -> Vec<Event> {
        let now = self.now();
        let mut emitted = self.emitted.borrow_mut();
        emitted.sort_by_key(|event| event.at);
        let ripe = emitted.partition_point(|event| event.at < now);
        emitted.drain(..ripe).collect()
    }

    /// Ends the run: all that was emitted and the last events.
    fn finish(&self, reason: EndReason) -> Vec<Event> {
        let at = self.now().min(self.plan.scenario.stop.at);
        self.act(|rack, _| {
            advance(rack, at);
            rack.read_meters();
            rack.finish();
        });
        let mut emitted = self.emitted.take();
        emitted.retain(|event| event.at <= at);
        emitted.sort_by_key(|event| event.at);
        emitted.push(Event { at, what: What::RunEnds { reason } });
        emitted
    }
}

/// Lets happen on the rack what is due until `now`.
fn advance(rack: &mut Rack, now: Time) {
    while let Some(next) = rack.next_due().filter(|next| next.at <= now) {
        match rack.step(next) {
            Some(Timer::Rack(timer)) => rack.fire(timer),
            Some(Timer::Sample) => {
                rack.read_meters();
                rack.after(rack.plan().scenario.record.sample, Timer::Sample);
            }
            None => {}
        }
    }
    rack.wait_until(now);
}
