//! The state of the modelled machine, its timers, and the loop that drives them.

use std::collections::BTreeMap;

use crate::cosmic::standing::Standing;
use crate::engine::Agenda;
use crate::event::{EndReason, Event, Sensor, Sink, Stop, What};
use crate::hardware::boot::{self, Step};
use crate::hardware::power::PowerMeter;
use crate::ids::{JobId, Part};
use crate::plan::Plan;
use crate::plan::chance::Chance;
use crate::protocol::corruption::Corruption;
use crate::scenario::StopWhen;
use crate::units::{Span, Time};

use super::control::Control;
use super::fault::Clocks;
use super::job::JobPlay;
use super::node::Node;
use super::part::{Psu, Server, Switch};
use super::placing::{Free, Placing};
use super::turns::Turns;
use crate::hardware::network::Network;

/// What can become due. A timer that names a life is dead when the node lives another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// The nodes of a module are powered on one after the other, this one next.
    Start { node: u32 },
    /// A node gets power, if it lacks it.
    PowerOn { node: u32 },
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
    /// A PSU gives power again after a brown-out.
    PsuRestart { psu: u32 },
    /// A job's ordered time is over.
    Job { job: JobId, epoch: u32 },
    /// The disks have taken a job's requests: its transfers start.
    Transfers { job: JobId, epoch: u32 },
    /// Its nodes have compressed what they write, or decompressed what they have read.
    Packed { job: JobId, epoch: u32 },
    /// The disks have taken the requests of a checkpoint that is written while the job computes.
    Drain { turn: u64 },
    /// It is complete.
    Drained { turn: u64 },
    /// A job may look for nodes.
    Place,
    /// The meters are read.
    Sample,
}

/// The modelled machine.
pub(super) struct World<'p> {
    pub plan: &'p Plan,
    pub chance: Chance,
    pub chain: Vec<Step>,
    pub now: Time,
    pub agenda: Agenda<Timer>,
    pub told: Vec<Event>,
    pub nodes: Vec<Node>,
    pub switches: Vec<Switch>,
    pub psus: Vec<Psu>,
    pub servers: Vec<Server>,
    pub network: Network,
    pub meter: PowerMeter,
    /// Hazard clocks, one list for each fault rule.
    pub clocks: Vec<Clocks>,
    /// The rules whose clocks run with a node's power.
    pub node_rules: Vec<u16>,
    /// Of each link that faults hold down now, the rules and the shares that they leave (ppm).
    pub link_faults: BTreeMap<Part, Vec<(u16, u32)>>,
    /// Class of the failure that is dealt with now; 1 for what no rule brings about.
    pub class: u8,
    /// PSU domains whose load passed their limit by what has just happened.
    pub tripped: Vec<u32>,
    pub jobs: Vec<JobPlay>,
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
    /// Nodes that are up.
    pub up: u32,
    pub ended: Option<EndReason>,
}

impl<'p> World<'p> {
    /// The machine before the first instant: everything off. O(parts).
    pub(super) fn new(plan: &'p Plan) -> Self {
        let chance = Chance::new(&plan.scenario);
        let nodes = plan.machine.nodes.iter().map(|row| Node::at(row.switch)).collect();
        let switches = plan.machine.switches.iter().map(|row| Switch::of(row.server)).collect();
        let mut world = Self {
            plan,
            chain: boot::chain(&plan.scenario),
            now: Time::ZERO,
            agenda: Agenda::new(),
            told: Vec::new(),
            nodes,
            switches,
            psus: Psu::all(plan),
            servers: plan.machine.servers.iter().map(|_| Server::default()).collect(),
            network: Network::new(plan),
            meter: PowerMeter::default(),
            clocks: Vec::new(),
            node_rules: Vec::new(),
            link_faults: BTreeMap::new(),
            class: 1,
            tripped: Vec::new(),
            jobs: JobPlay::all(plan),
            free: Free::new(),
            placing: Placing::of(plan.jobs.len()),
            turns: Turns::new(plan),
            corruption: plan.corruption(),
            flips: BTreeMap::new(),
            standing: BTreeMap::new(),
            verifications: 0,
            control: Control::default(),
            up: 0,
            ended: None,
            chance,
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
            if let Some(reason) = self.ended {
                self.finish(reason);
                for event in self.told.drain(..) {
                    sink.event(&event)?;
                }
                return Ok(reason);
            }
            self.advance();
        }
    }

    /// Draws the static loads and sets the first timers.
    fn begin(&mut self) {
        self.draw_static_loads();
        let mut last_module = None;
        for (index, node) in self.plan.machine.nodes.iter().enumerate() {
            if last_module.replace(node.module) != Some(node.module) {
                self.agenda.schedule(Time::ZERO, Timer::Start { node: index as u32 });
            }
        }
        self.begin_faults();
        self.agenda.schedule(Time::ZERO, Timer::Sample);
    }

    /// Makes the next thing happen: a finished transfer, then a timer; or the end.
    fn advance(&mut self) {
        let timer_at = self.agenda.peek_time();
        // The fabric need not find rates between two timers of one instant.
        let settled = timer_at != Some(self.now) || self.network.fabric.has_due();
        let flow_at = if settled { self.network.fabric.next() } else { None };
        let next = match (timer_at, flow_at) {
            (Some(timer), Some(flow)) => timer.min(flow),
            (Some(at), None) | (None, Some(at)) => at,
            (None, None) => {
                self.ended = Some(EndReason::Quiet);
                return;
            }
        };
        let last = self.plan.scenario.stop.at;
        if next > last {
            self.now = last;
            self.ended = Some(EndReason::TimeUp);
            return;
        }
        self.now = next;
        if flow_at == Some(next) {
            while let Some(finished) = self.network.fabric.finished(next) {
                self.transfer_done(&finished);
            }
        } else {
            let (at, timer) = self.agenda.pop().expect("a timer was seen");
            assert_eq!(at, next, "the agenda keeps its word");
            self.fire(timer);
        }
        self.brown_outs();
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
            Timer::Start { node } => self.start_in_turn(node),
            Timer::PowerOn { node } if self.is_due(node) => self.power_on(node),
            Timer::Step { node, life } if self.boots(node, life) => self.next_step(node),
            Timer::Retry { node, life } if self.boots(node, life) => self.discover_again(node),
            Timer::Offer { node, life } if self.awaits(node, life) => self.offer_arrives(node),
            Timer::Accept { node, life } if self.boots(node, life) => self.offer_accepted(node),
            Timer::Lease { node, life } if self.awaits(node, life) => self.lease_comes(node),
            Timer::Root { node, life } if self.boots(node, life) => self.read_root(node),
            Timer::Silence { node, life } if self.awaits(node, life) => self.silence(node),
            Timer::Settled { node, life } if self.lives(node, life) => self.settled(node),
            Timer::BootDue { node, life } if self.lives(node, life) => self.boot_due(node),
            Timer::Detected { node, life } if self.lives(node, life) => self.detected(node),
            Timer::PowerOn { .. }
            | Timer::Step { .. }
            | Timer::Retry { .. }
            | Timer::Offer { .. }
            | Timer::Accept { .. }
            | Timer::Lease { .. }
            | Timer::Root { .. }
            | Timer::Silence { .. }
            | Timer::Settled { .. }
            | Timer::BootDue { .. }
            | Timer::Detected { .. } => {}
            Timer::StrikeAt { rule } => self.strike_all(rule),
            Timer::Hazard { rule, part } => self.hazard(rule, part),
            Timer::Alarm { rule, part } => self.announce(rule, part),
            Timer::FalseAlarm { rule } => self.false_alarm(rule),
            Timer::FollowOn { rule, part } => self.follow_on(rule, part),
            Timer::Repaired { rule, part, life } => self.repaired(rule, part, life),
            Timer::PsuRestart { psu } => self.psu_restarts(psu),
            Timer::Job { job, epoch } => self.job_time_over(job, epoch),
            Timer::Transfers { job, epoch } => self.start_transfers(job, epoch),
            Timer::Packed { job, epoch } => self.packed(job, epoch),
            Timer::Drain { turn } => self.start_drain(turn),
            Timer::Drained { turn } => self.drained(turn),
            Timer::Place => self.place(),
            Timer::Sample => self.sample(),
        }
    }

    /// Tells an event at this instant.
    pub(super) fn tell(&mut self, what: What) {
        self.told.push(Event { at: self.now, what });
    }

    /// Sets a timer so far from now.
    pub(super) fn after(&mut self, span: Span, timer: Timer) {
        self.agenda.schedule(self.now + span, timer);
    }

    fn sample(&mut self) {
        self.read_meters();
        self.after(self.plan.scenario.record.sample, Timer::Sample);
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

    /// Ends the run if the scenario's condition holds when all that follows from the last thing
    /// has happened, such as a brown-out by the last node.
    fn check_all_up(&mut self) {
        let all = self.up as usize == self.nodes.len();
        if all && self.plan.scenario.stop.when == StopWhen::AllUp {
            self.ended = Some(EndReason::AllUp);
        }
    }

    /// The last readings, the transfers that the end cuts short, and the end itself.
    fn finish(&mut self, reason: EndReason) {
        self.read_meters();
        self.cut_all_transfers();
        self.network.assert_conserved(self.now);
        self.tell(What::RunEnds { reason });
    }
}
