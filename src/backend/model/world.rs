//! The state of the modelled machine, its timers, and the loop that drives them.

use std::collections::BTreeMap;

use crate::control::coordinator::{Coordinator, Input, JobCommand};
use crate::control::{
    Bias, FaultDue, Injector, PowerDue, PowerSupervisor, RareEvent, Rules, Weighed,
};
use crate::event::{EndReason, Event, Sink, Stop, What};
use crate::hardware::rack::{self, Output, Rack, SendId, Ticket};
use crate::ids::{FaultId, JobId, NodeId};
use crate::plan::{Change, Plan};
use crate::scenario::StopWhen;
use crate::units::{Span, Time};
use crate::workload;

use super::computing::ComputingId;
use super::control::{Control, faults_of, power_of};
use super::importance;
use super::job::{Mover, Workers};
use super::leap::{Leap, Reading};
use super::workload::{Outcome, Workload};

/// What can become due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// Something of the hardware.
    Rack(rack::Timer),
    /// Something of the power supervisor.
    Power(PowerDue),
    /// Something of the injector of faults.
    Fault(FaultDue),
    /// A job's ordered time is over.
    Job { job: JobId, epoch: u32 },
    /// Its nodes have compressed what they write, or decompressed what they have read.
    Packed { job: JobId, epoch: u32 },
    /// A checkpoint that is written while the job computes is complete.
    Drained { job: JobId, turn: u64 },
    /// A job may look for nodes.
    Place,
    /// The meters are read.
    Sample,
    /// The change of this number takes place.
    Change(u16),
    /// A workload asked for this instant.
    Workload { machine: u8, key: u64 },
    /// A workload begins.
    Begin { machine: u8 },
    /// What a node computes for a workload may be done.
    Computed(ComputingId),
    /// Tasks that share a node may be done.
    Shared { node: NodeId, turn: u64 },
    /// The latency of a message is over.
    Message(u64),
    /// Whoever plays it wants to look.
    Pause,
}

impl From<rack::Timer> for Timer {
    fn from(timer: rack::Timer) -> Self {
        Self::Rack(timer)
    }
}

/// The modelled world: the machine, the faults that strike it, its controller and its jobs.
#[derive(Clone)]
pub(super) struct World<'p> {
    pub plan: &'p Plan,
    /// What changes while the run goes on.
    changes: &'p [Change],
    /// The machine, and the agenda.
    pub rack: Rack<&'p Plan, Timer>,
    /// Room for what the machine puts out.
    room: Vec<Output>,
    pub emitted: Vec<Event>,
    pub injector: Injector<'p>,
    pub supervisor: PowerSupervisor,
    /// Class of the failure that is dealt with now; 1 for what no rule brings about.
    pub class: u8,
    pub jobs: Coordinator<'p>,
    /// The nodes of each job.
    pub workers: Vec<Workers>,
    /// Room for what the coordinator commands.
    pub commands: Vec<JobCommand>,
    /// What sends from part to part.
    pub workload: Workload,
    /// Jobs or another workload that are not done.
    unfinished: u8,
    /// Whose transfers are under way.
    pub movers: BTreeMap<Ticket, Mover>,
    /// Whose checkpoint is under way from node to node.
    pub copies: BTreeMap<SendId, JobId>,
    /// Whether such copies go over links of the machine.
    pub plays_copies: bool,
    pub control: Control,
    pub ended: Option<EndReason>,
    paused: bool,
    /// If what changes no metric is passed over.
    pub leap: Option<Leap>,
    /// Under a bias: what is rare, until it has happened.
    rare: Option<RareEvent>,
}

impl<'p> World<'p> {
    /// The world before the first instant: everything off. O(parts).
    pub(super) fn new(plan: &'p Plan) -> Self {
        let workload = Workload::of(plan);
        Self {
            plan,
            changes: &plan.changes,
            rack: Rack::new(plan),
            room: Vec::new(),
            emitted: Vec::new(),
            injector: Injector::new(plan),
            supervisor: PowerSupervisor::new(Rules::of(plan), plan.machine.nodes.len()),
            class: 1,
            jobs: Coordinator::new(plan, plan.detection()),
            workers: plan.jobs.iter().map(|_| Workers::default()).collect(),
            commands: Vec::new(),
            unfinished: u8::from(!plan.jobs.is_empty()) + workload.machines(),
            workload,
            movers: BTreeMap::new(),
            copies: BTreeMap::new(),
            plays_copies: plan.plays_copies(),
            control: Control::default(),
            ended: None,
            paused: false,
            leap: None,
            rare: None,
        }
    }

    /// The same, with a bias.
    pub(super) fn biased(plan: &'p Plan, bias: &Bias) -> Self {
        let world = Self::new(plan);
        Self {
            rare: Some(bias.event),
            injector: world.injector.biased(bias.clone()),
            jobs: world.jobs.missing(bias.misses),
            ..world
        }
    }

    /// What the bias came to.
    pub(super) fn weighed(&mut self) -> Weighed {
        self.injector.weighed(self.rack.now()).unwrap_or_default() + self.jobs.weighed()
    }

    /// Plays to the end and emits every event.
    pub(super) fn play(&mut self, sink: &mut dyn Sink) -> Result<EndReason, Stop> {
        self.begin(sink.needs_all(), &[]);
        let ended = self.go_on(sink)?;
        Ok(ended.expect("nobody wants to look before"))
    }

    /// Plays to the next pause, or to the end; emits every event.
    pub(super) fn go_on(&mut self, sink: &mut dyn Sink) -> Result<Option<EndReason>, Stop> {
        loop {
            let rare = self.rare;
            // More than half of all steps emit nothing.
            if !self.emitted.is_empty() {
                for event in self.emitted.drain(..) {
                    if rare.is_some_and(|rare| rare.is(&event.what)) {
                        self.rare = None;
                    }
                    sink.event(&event)?;
                }
            }
            if rare.is_some() && self.rare.is_none() {
                self.injector.end_bias(self.rack.now(), &mut faults_of(&mut self.rack));
            }
            if let Some((events, read)) = self.leap.as_mut().and_then(Leap::take) {
                sink.passed_over(events, read);
            }
            if let Some(reason) = self.ended.filter(|_| !self.rack.is_overloaded()) {
                self.finish(reason);
                for event in self.emitted.drain(..) {
                    sink.event(&event)?;
                }
                return Ok(Some(reason));
            }
            if std::mem::take(&mut self.paused) {
                return Ok(None);
            }
            self.advance();
        }
    }

    /// Sets the first timers. Without a sink that needs all events some are passed over. At each of
    /// the pauses it stops where a rule at that time would strike.
    pub(super) fn begin(&mut self, needs_all: bool, pauses: &[Time]) {
        self.leap = (!needs_all).then(|| Leap::new(self.plan));
        for (number, change) in (0..).zip(self.changes) {
            self.rack.schedule(change.at, Timer::Change(number));
        }
        if let Some(at) = self.jobs.next() {
            self.rack.schedule(at, Timer::Place);
        }
        self.supervisor.begin(&mut power_of(&mut self.rack));
        // Where a rule with this `at` would stand.
        for &at in pauses {
            self.rack.schedule(at, Timer::Pause);
        }
        self.injector.begin(&mut faults_of(&mut self.rack));
        self.inject();
        for machine in 0..self.workload.machines() {
            self.rack.schedule(Time::ZERO, Timer::Begin { machine });
        }
        if self.leap.is_none() {
            self.rack.schedule(Time::ZERO, Timer::Sample);
        }
    }

    /// Makes the next thing happen, or the end.
    fn advance(&mut self) {
        let next = self.rack.next_due();
        if let Some(leap) = &mut self.leap
            && let Some(reading) = leap.reading(next, self.rack.at_rest())
        {
            if let Reading::At(at) = reading {
                self.rack.wait_until(at);
                self.with_rack(Rack::read_meters);
            }
            return;
        }
        let last = self.plan.scenario.stop.at;
        let Some(next) = next.filter(|next| next.at <= last) else {
            // The meters are read until the end, also where that is passed over.
            let is_quiet = next.is_none() && !self.leap.as_ref().is_some_and(Leap::reads);
            if !is_quiet {
                self.rack.wait_until(last);
            }
            self.ended = Some(if is_quiet { EndReason::Quiet } else { EndReason::TimeUp });
            return;
        };
        if let Some(timer) = self.rack.step(next) {
            self.fire(timer);
        }
        self.settle();
        self.check_all_up();
    }

    fn fire(&mut self, timer: Timer) {
        if self.put_off(timer) {
            return;
        }
        match timer {
            Timer::Rack(timer) => self.rack.fire(timer),
            Timer::Power(due) => self.power_due(due),
            Timer::Fault(due) => self.fault_due(due),
            Timer::Job { job, epoch } => self.job_time_over(job, epoch),
            Timer::Packed { job, epoch } => self.packed(job, epoch),
            Timer::Drained { job, turn } => self.drained(job, turn),
            Timer::Place => self.coordinate(Input::Time),
            Timer::Sample => self.sample(),
            Timer::Message(number) => {
                self.with_workload(|all, rack, _| all.message_due(rack, number));
            }
            Timer::Begin { machine } => {
                self.with_workload(|all, rack, out| all.begin_machine(rack, machine, out));
            }
            Timer::Workload { machine, key } => {
                self.inform(machine, workload::Input::Timer(key));
            }
            Timer::Computed(id) => {
                self.with_workload(|all, rack, out| all.computed(rack, id, out));
            }
            Timer::Shared { node, turn } => {
                self.with_workload(|all, rack, out| all.shared(rack, (node, turn), out));
            }
            Timer::Pause => self.paused = true,
            Timer::Change(number) => self.change(&self.changes[usize::from(number)].plan),
        }
    }

    /// A rule at a fixed time strikes now.
    pub(super) fn strike_now(&mut self, FaultId(rule): FaultId) {
        self.fault_due(FaultDue::Fixed { rule });
        self.settle();
        self.check_all_up();
    }

    /// Another plan of the same machine holds from now on.
    fn change(&mut self, plan: &'p Plan) {
        self.plan = plan;
        self.with_rack(|rack| rack.replan(plan));
        self.supervisor.set_rules(Rules::of(plan));
        self.jobs.replan(plan);
        self.injector.replan(self.rack.now(), plan, &mut faults_of(&mut self.rack));
    }

    /// Informs the injector how near each node is to the rare event, if there is a bias.
    pub(super) fn weigh(&mut self) {
        let Some(rare) = self.rare else { return };
        let now = self.rack.now();
        for (node, level) in (0..).zip(importance::levels(rare, self.plan, &self.jobs)) {
            self.injector.set_level(now, NodeId(node), level, &mut faults_of(&mut self.rack));
        }
    }

    /// The present instant.
    pub(super) fn now(&self) -> Time {
        self.rack.now()
    }

    /// Does something to the hardware and answers what comes of it.
    pub(super) fn with_rack<T>(&mut self, act: impl FnOnce(&mut Rack<&'p Plan, Timer>) -> T) -> T {
        let answer = act(&mut self.rack);
        self.settle();
        answer
    }

    /// Answers what has come of the hardware, in the order in which it happened. What comes of an
    /// answer is answered before what came later.
    fn settle(&mut self) {
        if !self.rack.has_output() {
            return;
        }
        let mut output = self.rack.swap_output(std::mem::take(&mut self.room));
        for output in output.drain(..) {
            match output {
                Output::Event(event) => self.emitted.push(event),
                Output::Effect(effect) => self.react(effect),
            }
        }
        self.room = output;
    }

    /// Emits an event at this instant.
    pub(super) fn emit(&mut self, what: What) {
        self.emitted.push(Event { at: self.now(), what });
    }

    /// Sets a timer so far from now.
    pub(super) fn after(&mut self, span: Span, timer: Timer) {
        self.rack.after(span, timer);
    }

    fn sample(&mut self) {
        self.with_rack(Rack::read_meters);
        self.after(self.plan.scenario.record.sample, Timer::Sample);
    }

    fn inform(&mut self, machine: u8, input: workload::Input) {
        self.with_workload(|all, rack, out| all.inform(rack, machine, input, out));
    }

    /// Has the workload do something, and does what comes of it.
    pub(super) fn with_workload(
        &mut self,
        act: impl FnOnce(&mut Workload, &mut Rack<&'p Plan, Timer>, &mut Vec<Outcome>),
    ) {
        let mut out = Vec::new();
        act(&mut self.workload, &mut self.rack, &mut out);
        self.settle();
        for outcome in out {
            match outcome {
                Outcome::Emit(what) => self.emit(what),
                Outcome::Answer(job) => self.answer(job),
                Outcome::Finished => self.finished(),
            }
        }
    }

    /// All jobs, or another workload, are done.
    pub(super) fn finished(&mut self) {
        self.unfinished -= 1;
        if self.unfinished == 0 && self.plan.scenario.stop.when == StopWhen::WorkloadDone {
            self.ended = Some(EndReason::WorkDone);
        }
    }

    /// Ends the run if the scenario's condition holds when all that follows from the last thing
    /// has happened, such as a brown-out by the last node.
    fn check_all_up(&mut self) {
        if self.plan.scenario.stop.when == StopWhen::AllUp
            && self.rack.is_all_up()
            && !self.rack.is_overloaded()
        {
            self.ended = Some(EndReason::AllUp);
        }
    }

    /// The last readings, the transfers that the end cuts short, and the end itself.
    fn finish(&mut self, reason: EndReason) {
        self.with_rack(Rack::read_meters);
        self.cut_all_transfers();
        self.with_rack(Rack::finish);
        self.emit(What::RunEnds { reason });
    }
}
