//! The state of the modelled machine, its timers, and the loop that drives them.

use std::collections::BTreeMap;

use crate::cosmic::standing::Standing;
use crate::event::{EndReason, Event, Sink, Stop, What};
use crate::hardware::rack::{self, Output, Rack, Ticket};
use crate::ids::JobId;
use crate::plan::Plan;
use crate::plan::chance::Chance;
use crate::protocol::corruption::Corruption;
use crate::scenario::StopWhen;
use crate::units::{Span, Time};

use super::control::Control;
use super::fault::Clocks;
use super::job::{JobPlay, Mover};
use super::node::Ward;
use super::placing::{Free, Placing};
use super::turns::Turns;

/// What can become due. A timer that names a life is dead when the node lives another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// Something of the hardware.
    Rack(rack::Timer),
    /// The nodes of a module are powered on one after the other, this one next.
    Start { node: u32 },
    /// The pause of a node's power cycle is over.
    PowerOn { node: u32 },
    /// A node should be up by now.
    BootDue { node: u32, life: u32 },
    /// The controller knows of a failed node.
    Detected { node: u32, life: u32 },
    /// A fault with a fixed time strikes all parts of its rule.
    StrikeAt { rule: u16 },
    /// A hazard clock may be due.
    Hazard { rule: u16, part: u32 },
    /// The end of a lifetime is announced.
    Alarm { rule: u16, part: u32 },
    /// A false alarm of a rule.
    FalseAlarm { rule: u16 },
    /// A strike that another one brought with it.
    FollowOn { rule: u16, part: u32 },
    /// A repair is done. A node has the life in which it was struck, another part 0.
    Repaired { rule: u16, part: u32, life: u32 },
    /// A job's ordered time is over.
    Job { job: JobId, epoch: u32 },
    /// Its nodes have compressed what they write, or decompressed what they have read.
    Packed { job: JobId, epoch: u32 },
    /// A checkpoint that is written while the job computes is complete.
    Drained { turn: u64 },
    /// A job may look for nodes.
    Place,
    /// The meters are read.
    Sample,
}

impl From<rack::Timer> for Timer {
    fn from(timer: rack::Timer) -> Self {
        Self::Rack(timer)
    }
}

/// The modelled world: the machine, the faults that strike it, its controller and its jobs.
pub(super) struct World<'p> {
    pub plan: &'p Plan,
    pub chance: Chance,
    /// The machine, and the agenda.
    pub rack: Rack<&'p Plan, Timer>,
    /// Room for what the machine puts out.
    room: Vec<Output>,
    pub told: Vec<Event>,
    /// What the controller makes of each node.
    pub wards: Vec<Ward>,
    /// Hazard clocks, one list for each fault rule.
    pub clocks: Vec<Clocks>,
    /// The rules whose clocks run with a node's power.
    pub node_rules: Vec<u16>,
    /// Class of the failure that is dealt with now; 1 for what no rule brings about.
    pub class: u8,
    pub jobs: Vec<JobPlay>,
    /// Whose transfers are under way.
    pub movers: BTreeMap<Ticket, Mover>,
    pub free: Free,
    pub placing: Placing,
    pub turns: Turns,
    /// The truth about the memory of a job by itself.
    pub corruption: Corruption,
    /// Silent corruptions of each node so far.
    pub flips: BTreeMap<u32, u64>,
    /// The faults that stand in the DRAM of each node that has had any.
    pub standing: BTreeMap<u32, Standing>,
    /// Verifications so far.
    pub verifications: u64,
    pub control: Control,
    pub ended: Option<EndReason>,
}

impl<'p> World<'p> {
    /// The world before the first instant: everything off. O(parts).
    pub(super) fn new(plan: &'p Plan) -> Self {
        let mut world = Self {
            plan,
            chance: Chance::new(&plan.scenario),
            rack: Rack::new(plan),
            room: Vec::new(),
            told: Vec::new(),
            wards: vec![Ward::default(); plan.machine.nodes.len()],
            clocks: Vec::new(),
            node_rules: Vec::new(),
            class: 1,
            jobs: JobPlay::all(plan),
            movers: BTreeMap::new(),
            free: Free::new(),
            placing: Placing::of(plan.jobs.len()),
            turns: Turns::new(plan),
            corruption: plan.corruption(),
            flips: BTreeMap::new(),
            standing: BTreeMap::new(),
            verifications: 0,
            control: Control::default(),
            ended: None,
        };
        world.clocks =
            (0..plan.scenario.faults.len()).map(|rule| world.make_clocks(rule)).collect();
        world
    }

    /// Plays to the end and tells every event.
    pub(super) fn play(mut self, sink: &mut dyn Sink) -> Result<EndReason, Stop> {
        self.begin();
        loop {
            for event in self.told.drain(..) {
                sink.event(&event)?;
            }
            if let Some(reason) = self.ended.filter(|_| !self.rack.is_overloaded()) {
                self.finish(reason);
                for event in self.told.drain(..) {
                    sink.event(&event)?;
                }
                return Ok(reason);
            }
            self.advance();
        }
    }

    /// Sets the first timers.
    fn begin(&mut self) {
        let mut last_module = None;
        for (index, node) in self.plan.machine.nodes.iter().enumerate() {
            if last_module.replace(node.module) != Some(node.module) {
                self.rack.schedule(Time::ZERO, Timer::Start { node: index as u32 });
            }
        }
        self.begin_faults();
        self.rack.schedule(Time::ZERO, Timer::Sample);
    }

    /// Makes the next thing happen, or the end.
    fn advance(&mut self) {
        let Some(next) = self.rack.next_due() else {
            self.ended = Some(EndReason::Quiet);
            return;
        };
        let last = self.plan.scenario.stop.at;
        if next.at > last {
            self.rack.wait_until(last);
            self.ended = Some(EndReason::TimeUp);
            return;
        }
        if let Some(timer) = self.rack.step(next) {
            self.fire(timer);
        }
        self.settle();
        self.check_all_up();
    }

    fn fire(&mut self, timer: Timer) {
        if timer == Timer::Place {
            self.placing.begins();
        }
        if self.put_off(timer) {
            return;
        }
        match timer {
            Timer::Rack(timer) => self.rack.fire(timer),
            Timer::Start { node } => self.start_in_turn(node),
            Timer::PowerOn { node } => self.power_on(node),
            Timer::BootDue { node, life } if self.lives(node, life) => self.boot_due(node),
            Timer::Detected { node, life } if self.lives(node, life) => self.detected(node),
            Timer::BootDue { .. } | Timer::Detected { .. } => {}
            Timer::StrikeAt { rule } => self.strike_all(rule),
            Timer::Hazard { rule, part } => self.hazard(rule, part),
            Timer::Alarm { rule, part } => self.announce(rule, part),
            Timer::FalseAlarm { rule } => self.false_alarm(rule),
            Timer::FollowOn { rule, part } => self.follow_on(rule, part),
            Timer::Repaired { rule, part, life } => self.repaired(rule, part, life),
            Timer::Job { job, epoch } => self.job_time_over(job, epoch),
            Timer::Packed { job, epoch } => self.packed(job, epoch),
            Timer::Drained { turn } => self.drained(turn),
            Timer::Place => self.place(),
            Timer::Sample => self.sample(),
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
                Output::Event(event) => self.told.push(event),
                Output::Effect(effect) => self.react(effect),
            }
        }
        self.room = output;
    }

    /// Tells an event at this instant.
    pub(super) fn tell(&mut self, what: What) {
        self.told.push(Event { at: self.now(), what });
    }

    /// Sets a timer so far from now.
    pub(super) fn after(&mut self, span: Span, timer: Timer) {
        self.rack.after(span, timer);
    }

    fn sample(&mut self) {
        self.with_rack(Rack::read_meters);
        self.after(self.plan.scenario.record.sample, Timer::Sample);
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
        self.tell(What::RunEnds { reason });
    }
}
