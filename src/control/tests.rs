//! The injector and the power supervisor, driven by hand.

use std::collections::BTreeSet;

use super::*;
use crate::event::{Cause, Fault, JobPhase, What};
use crate::ids::{FaultId, JobId, NodeId, Part, PartKind};
use crate::plan::{Plan, chance::Chance, pilot};
use crate::scenario::fault::Age;
use crate::scenario::law::Law;
use crate::units::{Span, Time};

const DAY: u64 = 86_400;
const NODE: NodeId = NodeId(0);

/// An injector and its queue.
struct Faults<'p> {
    injector: Injector<'p>,
    queue: Queue<FaultDue>,
}

impl<'p> Faults<'p> {
    fn of(plan: &'p Plan) -> Self {
        let mut this = Self { injector: Injector::new(plan), queue: Queue::default() };
        this.injector.begin(&mut |at, due| this.queue.push(at, due));
        this
    }

    fn start(&mut self, now: Time, node: NodeId) {
        let alarms = self.injector.node_starts(now, node, &mut |at, due| self.queue.push(at, due));
        assert_eq!(alarms, []);
    }

    /// What is due next by `end`, and when. A node that stops dead by it has power again
    /// `again_after` later.
    fn next(
        &mut self,
        plan: &Plan,
        end: Time,
        phase: impl Fn(NodeId) -> Option<JobPhase>,
        again_after: Span,
    ) -> Option<(Time, Vec<FaultCommand>)> {
        let (at, due) = self.queue.pop(end)?;
        self.injector.fire(at, due);
        let works_for = |node| phase(node).map(|phase| (JobId(0), phase));
        let mut commands = Vec::new();
        while let Some(command) =
            self.injector.next(&works_for, &mut |at, due| self.queue.push(at, due))
        {
            if let FaultCommand::Inject(injection) = command {
                for node in injection.stops(plan) {
                    self.injector.node_stops(at, node);
                    self.start(at + again_after, node);
                }
            }
            commands.push(command);
        }
        Some((at, commands))
    }

    fn save_and_load(&mut self, plan: &'p Plan) {
        let saved = serde_json::to_string(&(self.injector.state(), &self.queue));
        let saved = serde_json::from_str(&saved.expect("plain data"));
        let (state, queue): (InjectorState, _) = saved.expect("as it was saved");
        *self = Self { injector: Injector::restored(plan, state), queue };
    }
}

fn long_plan() -> Plan {
    let mut scenario = pilot::scenario();
    scenario.stop.at = Time::ZERO + Span::from_secs(400 * DAY);
    Plan::make(&scenario)
}

fn injections(commands: &[FaultCommand]) -> impl Iterator<Item = &Injection> {
    commands.iter().filter_map(|command| match command {
        FaultCommand::Inject(injection) => Some(injection),
        _ => None,
    })
}

#[test]
fn the_first_strikes_are_those_of_the_plan() {
    let plan = long_plan();
    let mut faults = Faults::of(&plan);
    for node in 0..plan.machine.nodes.len() as u32 {
        faults.start(Time::ZERO, NodeId(node));
    }
    let end = Time::ZERO + Span::from_secs(60 * DAY);
    let (mut struck, mut seen) = (Vec::new(), BTreeSet::new());
    while let Some((_, commands)) = faults.next(&plan, end, |_| None, Span::ZERO) {
        let strikes = injections(&commands).map(|it| (it.fault, it.part));
        struck.extend(strikes.filter(|strike| seen.insert(*strike)));
    }
    let planned = Chance::new(&plan.scenario).first_strikes(&plan, end);
    let planned: Vec<_> = planned.iter().map(|strike| (strike.fault, strike.part)).collect();
    assert!(struck.len() > 20);
    let differs = struck.iter().zip(&planned).position(|(a, b)| a != b);
    assert_eq!((differs, struck.len()), (None, planned.len()), "a short power loss ages nobody");
}

#[test]
fn a_node_without_power_does_not_age() {
    let mut scenario = pilot::scenario();
    scenario.faults.truncate(1);
    scenario.faults[0].when = pilot::lifetime(Law::Fixed(Span(1_000)), Age::New);
    let plan = Plan::make(&scenario);
    let mut faults = Faults::of(&plan);
    let node = NodeId(3);
    faults.start(Time(0), node);
    faults.injector.node_stops(Time(400), node);
    let jobless = |_| None;
    let stale = faults.next(&plan, Time(1_000), jobless, Span::ZERO);
    assert_eq!(stale, Some((Time(1_000), Vec::new())));
    faults.start(Time(5_000), node);
    let (at, commands) = faults.next(&plan, Time(5_600), jobless, Span(1)).expect("its end");
    let (fault, part) = (FaultId(0), Part { kind: PartKind::Node, index: 3 });
    let strikes = What::FaultStrikes { fault, kind: Fault::Crash, part };
    assert_eq!((at, commands[0]), (Time(5_600), FaultCommand::Emit(strikes)));
    let [injection] = injections(&commands).collect::<Vec<_>>()[..] else { panic!("{commands:?}") };
    assert_eq!((injection.kind, injection.part), (Fault::Crash, part));
}

#[test]
fn an_injector_that_was_saved_at_any_moment_goes_on_as_if_nothing_had_happened() {
    let plan = long_plan();
    let end = Time::ZERO + Span::from_secs(300 * DAY);
    let played = |restart: bool| {
        let mut faults = Faults::of(&plan);
        for node in 0..plan.machine.nodes.len() as u32 {
            faults.start(Time::ZERO, NodeId(node));
        }
        let mut emitted = Vec::new();
        let phase = |node: NodeId| node.0.is_multiple_of(7).then_some(JobPhase::Restart);
        while let Some((_, commands)) = faults.next(&plan, end, phase, Span::from_secs(60)) {
            emitted.extend(commands);
            if restart {
                faults.save_and_load(&plan);
            }
        }
        emitted
    };
    let emitted = played(false);
    assert!(emitted.len() > 100, "{}", emitted.len());
    assert_eq!(emitted, played(true));
}

#[test]
fn a_clock_that_a_strike_stops_begins_its_next_lifetime_with_the_next_power() {
    let mut scenario = pilot::scenario();
    scenario.faults.truncate(1);
    scenario.faults[0].when = pilot::lifetime(Law::Fixed(Span(1_000)), Age::New);
    let plan = Plan::make(&scenario);
    let mut faults = Faults::of(&plan);
    faults.start(Time(0), NODE);
    let none = |_| None;
    let first = faults.next(&plan, Time::NEVER, none, Span(500)).map(|(at, _)| at);
    let second = faults.next(&plan, Time::NEVER, none, Span(500)).map(|(at, _)| at);
    assert_eq!((first, second), (Some(Time(1_000)), Some(Time(2_500))));
}

/// A supervisor and its queue.
struct Power {
    supervisor: PowerSupervisor,
    queue: Queue<PowerDue>,
}

impl Power {
    fn of(n_nodes: usize, stagger: Span) -> Self {
        let supervisor = PowerSupervisor::new(rules(stagger), n_nodes);
        let mut this = Self { supervisor, queue: Queue::default() };
        this.supervisor.begin(&mut |at, due| this.queue.push(at, due));
        this
    }

    /// So many nodes, all up.
    fn up(n_nodes: usize) -> Self {
        let mut this = Self::of(n_nodes, Span::ZERO);
        for act in this.acts(Time(0)) {
            let PowerAct::On(id) = act else { panic!("{act:?}") };
            this.switched(Time(0), id, true, true);
            this.supervisor.joined(id);
        }
        this
    }

    /// What is to be done by now.
    fn acts(&mut self, now: Time) -> Vec<PowerAct> {
        let mut acts = Vec::new();
        loop {
            let wake = &mut |at, due| self.queue.push(at, due);
            while let Some(act) = self.supervisor.next_act(now, wake) {
                acts.push(act);
            }
            let Some((at, due)) = self.queue.pop(now) else { return acts };
            self.supervisor.fire(now, at, due, &mut |at, due| self.queue.push(at, due));
        }
    }

    /// The next acts, and when.
    fn next(&mut self) -> Option<(Time, Vec<PowerAct>)> {
        while let Some(now) = self.queue.next() {
            let acts = self.acts(now);
            if !acts.is_empty() {
                return Some((now, acts));
            }
        }
        None
    }

    fn switched(&mut self, now: Time, id: NodeId, on: bool, obeyed: bool) {
        let wake = &mut |at, due| self.queue.push(at, due);
        self.supervisor.switched(now, id, on, obeyed, wake);
    }

    fn suspected(&mut self, now: Time, id: NodeId) {
        self.supervisor.suspected(now, id, &mut |at, due| self.queue.push(at, due));
    }

    fn undone(&mut self, now: Time, plan: &Plan, injection: &Injection) {
        let wake = &mut |at, due| self.queue.push(at, due);
        self.supervisor.undone(now, plan, injection, wake);
    }
}

fn rules(stagger: Span) -> Rules {
    Rules {
        boot_timeout: Span(100),
        cycles_patience: 2,
        settle: Span(5),
        cycles_max: 2,
        detection: Span(40),
        return_time: Span(60),
        stagger,
        per_module: 4,
    }
}

/// An injection that is repaired, on the first part of a kind.
fn injection(kind: Fault, of: PartKind) -> Injection {
    let part = Part { kind: of, index: 0 };
    Injection { number: 7, fault: FaultId(0), kind, part, cure: Cure::After(Span(1)) }
}

fn switch_loss() -> Injection {
    injection(Fault::SwitchLoss, PartKind::Switch)
}

fn off(id: NodeId) -> PowerAct {
    PowerAct::Off(id, Cause::Repair)
}

#[test]
fn nodes_of_a_module_are_switched_on_one_after_the_other() {
    let mut power = Power::of(6, Span(10));
    let mut on = Vec::new();
    while let Some((now, acts)) = power.next() {
        for act in acts {
            let PowerAct::On(NodeId(id)) = act else { break };
            on.push((now.0, id));
            power.supervisor.joined(NodeId(id));
        }
    }
    assert_eq!(on, [(0, 0), (0, 4), (10, 1), (10, 5), (20, 2), (30, 3)]);
}

#[test]
fn what_only_cuts_a_silent_node_off_takes_no_memory() {
    let plan = Plan::make(&pilot::scenario());
    let mut power = Power::up(plan.machine.nodes.len());
    let first = plan.machine.nodes_of(switch_loss().part).next().expect("it has nodes");
    assert!(power.supervisor.loses_memory(first), "it is power-cycled when it is silent");
    power.supervisor.injected(&plan, &switch_loss(), |_| true);
    assert!(!power.supervisor.loses_memory(first), "its switch is gone");
    let mut crash = injection(Fault::Crash, PartKind::Node);
    crash.part.index = first.0;
    power.supervisor.injected(&plan, &crash, |_| true);
    assert!(power.supervisor.loses_memory(first), "and so is its own power");
}

#[test]
fn a_node_that_never_joins_is_cycled_twice_and_left_alone() {
    let mut power = Power::of(1, Span::ZERO);
    let mut acts = Vec::new();
    while let Some((now, due)) = power.next() {
        for act in due {
            acts.push((now.0, act));
            power.switched(now, NODE, act == PowerAct::On(NODE), true);
        }
    }
    let (off, on) = (PowerAct::Off(NODE, Cause::Timeout), PowerAct::On(NODE));
    assert_eq!(acts, [(0, on), (100, off), (105, on), (205, off), (210, on)]);
}

#[test]
fn a_suspected_node_is_cycled_unless_what_it_hangs_on_is_known_to_be_broken() {
    let plan = Plan::make(&pilot::scenario());
    let mut power = Power::up(plan.machine.nodes.len());
    let behind = plan.machine.nodes_of(switch_loss().part).next().expect("it has nodes");
    power.supervisor.injected(&plan, &switch_loss(), |_| true);
    power.suspected(Time(20), behind);
    assert_eq!(power.acts(Time(29)), []);
    power.undone(Time(30), &plan, &switch_loss());
    assert_eq!(power.acts(Time(89)), [], "its agent may be heard again");
    assert_eq!(power.acts(Time(90)), [off(behind)]);
    let mut power = Power::up(1);
    power.suspected(Time(20), NODE);
    assert_eq!(power.acts(Time(20)), [off(NODE)]);
}

#[test]
fn where_nobody_sends_heartbeats_a_node_is_suspected_when_it_was_silent_for_the_detectors_delay() {
    let mut power = Power::up(2);
    let (first, other) = (NodeId(0), NodeId(1));
    for id in [first, other] {
        power.supervisor.unheard(Time(10), id, &mut |at, due| power.queue.push(at, due));
    }
    power.supervisor.joined(other);
    power.supervisor.unheard(Time(30), first, &mut |at, due| power.queue.push(at, due));
    assert_eq!(power.acts(Time(49)), []);
    assert_eq!(power.acts(Time(50)), [off(first)], "that it fails again changes nothing");
    assert_eq!(power.next(), None);
}

#[test]
fn no_more_than_two_silent_nodes_are_cycled_at_a_time() {
    let mut power = Power::up(4);
    for node in 0..4 {
        power.suspected(Time(20), NodeId(node));
    }
    assert_eq!(power.acts(Time(20)).len(), 2);
    let later = Time(20) + Span::from_secs(1);
    assert_eq!(power.acts(later), []);
    power.switched(later, NODE, false, true);
    power.supervisor.joined(NODE);
    let last = later + Span::from_secs(1);
    assert_eq!(power.acts(last), [off(NodeId(2))]);
}

#[test]
fn a_node_that_cannot_be_switched_on_keeps_no_other_from_its_power_cycle() {
    let mut power = Power::up(3);
    for node in 0..3 {
        power.suspected(Time(20), NodeId(node));
    }
    assert_eq!(power.acts(Time(20)), [off(NODE), off(NodeId(1))]);
    power.switched(Time(20), NODE, false, true);
    assert_eq!(power.acts(Time(25)), [PowerAct::On(NODE)]);
    power.switched(Time(25), NODE, true, false);
    assert_eq!(power.acts(Time(20) + Span::from_secs(1)), [off(NodeId(2))]);
}

#[test]
fn a_switch_that_fails_is_asked_again_ever_more_slowly() {
    let mut power = Power::of(1, Span::ZERO);
    let mut waits = Vec::new();
    for _ in 0..8 {
        let (now, acts) = power.next().expect("it is asked again");
        assert_eq!(acts, [PowerAct::On(NODE)]);
        power.switched(now, NODE, true, false);
        waits.push(power.queue.next().expect("again").since(now).0 / 1_000_000_000);
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
}

#[test]
fn a_node_under_repair_gets_no_power_before_it_is_back() {
    let plan = Plan::make(&pilot::scenario());
    let crash = injection(Fault::Crash, PartKind::Node);
    let mut power = Power::up(1);
    power.supervisor.injected(&plan, &crash, |_| true);
    power.suspected(Time(20), NODE);
    assert_eq!(power.next(), None);
    power.undone(Time(50), &plan, &crash);
    assert_eq!(power.next(), Some((Time(50), vec![PowerAct::On(NODE)])));
    // One that gets power by itself needs no switch.
    let mut power = Power::up(1);
    power.supervisor.injected(&plan, &crash, |_| true);
    power.supervisor.boots(Time(50), NODE, &mut |at, due| power.queue.push(at, due));
    power.undone(Time(50), &plan, &crash);
    assert_eq!(power.acts(Time(149)), []);
}

#[test]
fn a_node_that_hangs_under_repair_is_cycled_when_that_is_done() {
    let plan = Plan::make(&pilot::scenario());
    let hang = injection(Fault::Hang, PartKind::Node);
    let mut power = Power::up(1);
    power.supervisor.injected(&plan, &hang, |_| true);
    power.suspected(Time(20), NODE);
    assert_eq!(power.next(), None);
    power.undone(Time(50), &plan, &hang);
    assert_eq!(power.acts(Time(50)), [off(NODE)]);
}

#[test]
fn a_supervisor_that_was_saved_goes_on_and_asks_the_switch_again() {
    let mut power = Power::of(2, Span(1));
    assert_eq!(power.acts(Time(0)), [PowerAct::On(NODE)]);
    let saved = serde_json::to_string(power.supervisor.state()).expect("plain data");
    let saved: SupervisorState = serde_json::from_str(&saved).expect("as it was saved");
    let wake = &mut |at, due| power.queue.push(at, due);
    power.supervisor = PowerSupervisor::restored(rules(Span(1)), saved, wake);
    assert_eq!(power.acts(Time(1)), [PowerAct::On(NODE), PowerAct::On(NodeId(1))]);
    let supervisor = &power.supervisor;
    assert_eq!((supervisor.n_up(), supervisor.is_up(NODE)), (0, false));
}
