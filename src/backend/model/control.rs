//! The controller of the model: the shell around the machines of [`crate::control`], and its crash.
//!
//! While it is down nothing is ordered, noticed or placed. What goes on without it goes on: nodes
//! compute the step that was ordered, write the checkpoint that was ordered, boot, and fail, for
//! faults are injected all the same. Whatever needs it waits until it is back; it then gives every
//! node the detector's time to be heard.
//!
//! Not modelled: the time that it takes to read its disk and to hear its agents again.

use std::collections::BTreeMap;

use crate::control::coordinator::Input;
use crate::control::{Alarm, Cure, FaultCommand, FaultDue, Injection, PowerAct, PowerDue};
use crate::event::{Cause, Fault, PartState, What};
use crate::hardware::rack::{Effect, Harm, Rack, Supply};
use crate::ids::{JobId, NodeId, Part, PartKind};
use crate::plan::Plan;
use crate::units::Time;
use crate::workload::Input::{ServerDown, ServerUp};

use super::world::{Timer, World};

/// What the model knows of the controller.
#[derive(Clone, Debug, Default)]
pub(super) struct Control {
    /// Faults that keep it down now.
    down: u16,
    /// When it went down.
    since: Time,
    /// What became due while it was down, and when.
    timers: Vec<(Time, Timer)>,
    /// The orders that jobs would have reported to it as done.
    answers: BTreeMap<JobId, u64>,
}

impl Control {
    /// Whether it is down.
    pub(super) fn is_down(&self) -> bool {
        self.down > 0
    }

    /// A job's nodes have done what was ordered.
    pub(super) fn hold(&mut self, job: JobId, order: u64) {
        self.answers.insert(job, order);
    }
}

/// Wakes the power supervisor.
pub(super) fn power_of(rack: &mut Rack<&Plan, Timer>) -> impl FnMut(Time, PowerDue) {
    |at, due| rack.schedule(at, Timer::Power(due))
}

/// Wakes the injector.
pub(super) fn faults_of(rack: &mut Rack<&Plan, Timer>) -> impl FnMut(Time, FaultDue) {
    |at, due| rack.schedule(at, Timer::Fault(due))
}

impl World<'_> {
    /// What has come of the hardware is answered.
    pub(super) fn react(&mut self, effect: Effect) {
        let now = self.now();
        match effect {
            Effect::Powered(node, _) => {
                let rack = &mut self.rack;
                let alarms = self.injector.node_starts(now, node, &mut faults_of(rack));
                for alarm in alarms {
                    self.alarm(alarm);
                }
                // One that boots at once is up at this instant.
                if !self.rack.boots_at_once() {
                    self.supervisor.boots(now, node, &mut power_of(&mut self.rack));
                }
            }
            Effect::Dead(node) => self.injector.node_stops(now, node),
            Effect::Starts(node, _) => {
                if self.rack.connects(node) {
                    self.supervisor.joined(node);
                } else if self.rack.boots_at_once() {
                    self.supervisor.boots(now, node, &mut power_of(&mut self.rack));
                }
                self.node_offers(node);
            }
            Effect::Stops(node) => {
                self.node_is_gone(node);
                self.coordinate(Input::Wiped(node));
                self.node_lost(node.0);
                self.supervisor.unheard(now, node, &mut power_of(&mut self.rack));
            }
            Effect::Reached(node, true) => {
                self.supervisor.joined(node);
                self.node_offers(node);
            }
            Effect::Reached(node, false) => {
                self.workloads_follow(node);
                self.node_lost(node.0);
                self.supervisor.unheard(now, node, &mut power_of(&mut self.rack));
            }
            Effect::Moved(ticket) => self.moved(ticket),
            Effect::Sent { send, arrived } => {
                if let Some(job) = self.copies.remove(&send) {
                    return self.copy_ended(job, arrived);
                }
                self.with_workload(|all, rack, out| all.sent(rack, (send, arrived), out));
            }
            Effect::Speed(node, share_ppm) => {
                if self.workload.machines() > 0 {
                    self.with_workload(|all, rack, _| all.set_speed(rack, node, share_ppm));
                }
                if let Some(of) = self.jobs.job_of(node) {
                    self.change_speed(of, node, share_ppm);
                }
            }
            Effect::Server(server, works) => {
                let input = if works { ServerUp } else { ServerDown };
                self.with_workload(|all, rack, out| all.inform_all(rack, input(server), out));
            }
            Effect::Partition(rule, lasts) => {
                self.with_workload(|all, rack, out| all.partition(rack, (rule, lasts), out));
            }
            Effect::Link(..) | Effect::Switch(..) => {}
        }
    }

    /// A node that is up offers itself to jobs and other workloads, if it can be reached.
    fn node_offers(&mut self, node: NodeId) {
        self.offer_to_jobs(node.0);
        self.workloads_follow(node);
    }

    /// Workloads hear whether the network reaches a node that is up. That a partition keeps it from
    /// the controller is no matter of theirs.
    fn workloads_follow(&mut self, node: NodeId) {
        // Most scenarios have none, and a million nodes.
        if self.workload.machines() == 0 {
            return;
        }
        if self.rack.is_linked(node) {
            self.with_workload(|all, rack, out| all.node_up(rack, node, out));
        } else {
            self.node_is_gone(node);
        }
    }

    /// Workloads hear that a node has stopped, or can be reached no longer.
    fn node_is_gone(&mut self, node: NodeId) {
        if self.workload.machines() > 0 {
            self.with_workload(|all, rack, out| all.node_down(rack, node, out));
        }
    }

    /// Something of the power supervisor is due.
    pub(super) fn power_due(&mut self, due: PowerDue) {
        let now = self.now();
        self.supervisor.fire(now, now, due, &mut power_of(&mut self.rack));
        self.supervise();
    }

    /// Does what the supervisor wants done.
    fn supervise(&mut self) {
        let now = self.now();
        while !self.control.is_down() {
            let act = self.supervisor.next_act(now, &mut power_of(&mut self.rack));
            match act {
                Some(PowerAct::On(node)) => {
                    self.with_rack(|rack| rack.power_on(node));
                    let (obeyed, rack) = (self.rack.supply(node) == Supply::On, &mut self.rack);
                    self.supervisor.switched(now, node, true, obeyed, &mut power_of(rack));
                }
                Some(PowerAct::Off(node, cause)) => {
                    self.with_rack(|rack| rack.power_off(node, cause));
                    let rack = &mut self.rack;
                    self.supervisor.switched(now, node, false, true, &mut power_of(rack));
                }
                None => return,
            }
        }
    }

    /// Something of the injector is due.
    pub(super) fn fault_due(&mut self, due: FaultDue) {
        self.injector.fire(self.rack.now(), due);
        self.inject();
    }

    /// Does what the injector wants done.
    pub(super) fn inject(&mut self) {
        loop {
            let jobs = &self.jobs;
            let works_for = |node| jobs.job_of(node).map(|job| (job, jobs.phase(job)));
            let command = self.injector.next(&works_for, &mut faults_of(&mut self.rack));
            match command {
                Some(FaultCommand::Emit(what)) => self.emit(what),
                Some(FaultCommand::Inject(injection)) => self.strike(&injection),
                Some(FaultCommand::Undo(injection)) => self.repair(&injection),
                Some(FaultCommand::Alarm(alarm)) => self.alarm(alarm),
                None => return,
            }
        }
    }

    /// Emits an alarm, and warns the jobs.
    fn alarm(&mut self, alarm: Alarm) {
        self.emit(alarm.what());
        if !self.control.is_down() {
            self.coordinate(Input::Foreseen(alarm.fault, alarm.part));
        }
    }

    fn strike(&mut self, injection: &Injection) {
        let Injection { number, fault, kind, part, cure } = *injection;
        let harm = &self.plan.scenario.rule(fault).harm;
        let (by_controller, share_ppm) = (cure == Cure::PowerCycle, harm.left_ppm());
        let how = Harm { by_controller, share_ppm, rule: fault };
        let has_power = |node| self.injector.is_running(node);
        self.supervisor.injected(self.plan, injection, has_power);
        self.class = harm.severity();
        match kind {
            Fault::Crash
            | Fault::Hang
            | Fault::PowerLoss
            | Fault::SwitchLoss
            | Fault::ServerLoss
            | Fault::LinkDegradation
            | Fault::Load
            | Fault::SlowDown
            | Fault::Partition => {
                self.with_rack(|rack| rack.harm(number.into(), kind, part, how));
            }
            Fault::ControllerCrash => self.controller_down(Cause::Fault(kind)),
            Fault::SilentCorruption => self.corrupt(part.index),
            Fault::Upset | Fault::Dram => unreachable!("what comes of it is injected"),
            Fault::Clock | Fault::Process => {
                unreachable!("this stage refuses it")
            }
        }
        self.class = 1;
    }

    fn repair(&mut self, injection: &Injection) {
        let Injection { number, fault, kind, part, .. } = *injection;
        let how = Harm { by_controller: false, share_ppm: 0, rule: fault };
        match kind {
            Fault::Crash
            | Fault::PowerLoss
            | Fault::SwitchLoss
            | Fault::ServerLoss
            | Fault::LinkDegradation
            | Fault::Load
            | Fault::SlowDown
            | Fault::Partition => {
                self.with_rack(|rack| rack.repair(number.into(), kind, part, how));
            }
            Fault::ControllerCrash => self.controller_up(Cause::Repair),
            // The supervisor power-cycles it.
            Fault::Hang => {}
            Fault::SilentCorruption | Fault::Upset | Fault::Dram => {
                unreachable!("it has no repair")
            }
            Fault::Clock | Fault::Process => {
                unreachable!("this stage refuses it")
            }
        }
        let (now, rack) = (self.now(), &mut self.rack);
        self.supervisor.undone(now, self.plan, injection, &mut power_of(rack));
        self.supervise();
    }

    /// The controller stops dead, for one more reason.
    fn controller_down(&mut self, cause: Cause) {
        self.control.down += 1;
        if self.control.down == 1 {
            self.control.since = self.now();
            self.emit_controller(PartState::Down, cause);
        }
    }

    /// One of the reasons is gone; with the last one it takes up what has become due.
    fn controller_up(&mut self, cause: Cause) {
        self.control.down -= 1;
        if self.control.down > 0 {
            return;
        }
        self.emit_controller(PartState::Up, cause);
        let now = self.now();
        for (at, timer) in std::mem::take(&mut self.control.timers) {
            match timer {
                Timer::Power(due) => {
                    self.supervisor.late(now, at, due, &mut power_of(&mut self.rack));
                }
                _ => self.rack.schedule(now, timer),
            }
        }
        self.supervisor.resumed(now, &mut power_of(&mut self.rack));
        for (job, order) in std::mem::take(&mut self.control.answers) {
            self.coordinate(Input::Done { job, order, found: None });
        }
        self.coordinate(Input::Resumed(self.control.since));
    }

    fn emit_controller(&mut self, state: PartState, cause: Cause) {
        let part = Part { kind: PartKind::Controller, index: 0 };
        self.emit(What::PartState { part, state, cause });
    }

    /// Whether a timer waits for the controller to be back; it is then kept.
    pub(super) fn put_off(&mut self, timer: Timer) -> bool {
        if !self.control.is_down() {
            return false;
        }
        let needs = match timer {
            Timer::Power(_) | Timer::Drained { .. } | Timer::Place => true,
            // What follows a step without an order goes on without the controller.
            Timer::Job { job, epoch } => {
                self.collective_after(job, epoch).is_none() && self.io_after(job, epoch).is_none()
            }
            _ => false,
        };
        if needs {
            if let Timer::Job { job, epoch } = timer {
                self.rest_job(job, epoch);
            }
            self.control.timers.push((self.now(), timer));
        }
        needs
    }
}
