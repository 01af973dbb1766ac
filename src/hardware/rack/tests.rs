//! The rack by itself: what calls do to it and what it emits.

use std::rc::Rc;
use std::sync::Arc;

use super::{Draw, Effect, Harm, Left, Output, Supply, Timer};
use crate::event::NodeState::{Dhcp, Down, Init, Kernel, Off, Rom, Root, Tftp, Up};
use crate::event::{Cause, Event, Fault, NodeState, PartState, Purpose, What};
use crate::ids::{FaultId, Life, NodeId, Part, PartKind};
use crate::plan::{Plan, pilot};
use crate::scenario::boot::BootMethod;
use crate::units::{BitRate, Bytes, Power, Span, Time};

const BY_CONTROLLER: Harm = Harm { by_controller: true, share_ppm: 0, rule: FaultId(0) };
const BY_HAND: Harm = Harm { by_controller: false, share_ppm: 0, rule: FaultId(0) };

type Rack = super::Rack<Rc<Plan>, Timer>;

/// Lets happen what is due until an instant, and gives all that came of it so far.
fn advance(rack: &mut Rack, until: Time) -> (Vec<Event>, Vec<Effect>) {
    while let Some(next) = rack.next_due().filter(|next| next.at <= until) {
        if let Some(timer) = rack.step(next) {
            rack.fire(timer);
        }
    }
    rack.wait_until(until);
    let (mut events, mut effects) = (Vec::new(), Vec::new());
    for output in rack.take_output() {
        match output {
            Output::Event(event) => events.push(event),
            Output::Effect(effect) => effects.push(effect),
        }
    }
    (events, effects)
}

/// One module of the pilot.
fn rack(method: BootMethod) -> Rack {
    let mut scenario = pilot::scenario();
    scenario.cluster.modules = 1;
    scenario.boot.method = method;
    scenario.faults.clear();
    scenario.jobs.clear();
    Rack::new(Rc::new(Plan::make(&scenario)))
}

fn at(seconds: u64) -> Time {
    Time::ZERO + Span::from_secs(seconds)
}

fn node(index: u32) -> Part {
    Part { kind: PartKind::Node, index }
}

/// The states that a node went through.
fn states(emitted: &[Event], wanted: u32) -> Vec<NodeState> {
    let of_node = emitted.iter().filter_map(|event| match event.what {
        What::NodeState { node, state, .. } if node.0 == wanted => Some(state),
        _ => None,
    });
    of_node.collect()
}

#[test]
fn a_node_boots_over_the_network_and_its_agent_starts() {
    let mut rack = rack(BootMethod::PxeNfs);
    advance(&mut rack, at(1));
    rack.power_on(NodeId(7));
    let (events, effects) = advance(&mut rack, at(200));
    assert_eq!(states(&events, 7), [Rom, Dhcp, Tftp, Kernel, Root, Init, Up]);
    let life = Life(1);
    assert_eq!(effects, [Effect::Powered(NodeId(7), life), Effect::Starts(NodeId(7), life)]);
}

#[test]
fn a_crash_that_is_repaired_by_hand_keeps_the_power_away_until_then() {
    let mut rack = rack(BootMethod::Instant);
    let id = NodeId(3);
    rack.power_on(id);
    advance(&mut rack, at(1));
    rack.harm(1, Fault::Crash, node(3), BY_HAND);
    assert_eq!(rack.supply(id), Supply::Dead);
    rack.power_on(id);
    advance(&mut rack, at(3));
    rack.repair(1, Fault::Crash, node(3), BY_HAND);
    let (events, _) = advance(&mut rack, at(3));
    assert_eq!(states(&events, 3), [Up], "its channel was switched on meanwhile");
}

#[test]
fn of_faults_that_slow_a_node_down_the_smallest_share_counts_whether_it_is_on_or_off() {
    let mut rack = rack(BootMethod::Instant);
    let left = |share_ppm| Harm { by_controller: false, share_ppm, rule: FaultId(0) };
    rack.harm(1, Fault::Load, node(3), left(700_000));
    rack.power_on(NodeId(3));
    rack.harm(2, Fault::Load, node(3), left(500_000));
    rack.harm(3, Fault::Load, node(3), left(900_000));
    rack.power_off(NodeId(3), Cause::Course);
    assert_eq!((rack.speed(NodeId(3)), rack.speed(NodeId(4))), (500_000, 1_000_000));
    for key in [2, 1, 3] {
        rack.repair(key, Fault::Load, node(3), BY_HAND);
    }
    let (_, effects) = advance(&mut rack, at(1));
    let speeds = effects.into_iter().filter_map(|effect| match effect {
        Effect::Speed(NodeId(3), share_ppm) => Some(share_ppm),
        _ => None,
    });
    let expected = [700_000, 500_000, 500_000, 700_000, 900_000, 1_000_000];
    assert_eq!(speeds.collect::<Vec<_>>(), expected);
}

#[test]
fn a_crash_that_a_power_cycle_cures_leaves_the_power_on() {
    let mut rack = rack(BootMethod::Instant);
    let id = NodeId(3);
    rack.power_on(id);
    rack.harm(1, Fault::Crash, node(3), BY_CONTROLLER);
    assert_eq!(rack.supply(id), Supply::On);
    rack.power_off(id, Cause::Repair);
    rack.power_on(id);
    let (events, _) = advance(&mut rack, at(3));
    assert_eq!(states(&events, 3), [Up, Down, Off, Up]);
}

#[test]
fn power_returns_to_the_nodes_whose_channel_is_on() {
    let mut rack = rack(BootMethod::Instant);
    rack.power_on(NodeId(0));
    rack.power_on(NodeId(1));
    rack.power_off(NodeId(1), Cause::Course);
    let psu = Part { kind: PartKind::Psu, index: 0 };
    rack.harm(1, Fault::PowerLoss, psu, BY_HAND);
    assert_eq!(rack.supply(NodeId(0)), Supply::Dead);
    advance(&mut rack, at(10));
    rack.repair(1, Fault::PowerLoss, psu, BY_HAND);
    let (events, _) = advance(&mut rack, at(100));
    assert_eq!((states(&events, 0), states(&events, 1)), (vec![Up], vec![Off]));
}

#[test]
fn a_dead_supply_takes_its_switches_along() {
    let mut rack = rack(BootMethod::Instant);
    rack.harm(1, Fault::PowerLoss, Part { kind: PartKind::Psu, index: 0 }, BY_HAND);
    let (events, _) = advance(&mut rack, at(1));
    let switch = |event: &&Event| {
        matches!(event.what, What::PartState { part, state: PartState::Down, .. }
            if part.kind == PartKind::Switch)
    };
    assert_eq!(events.iter().filter(switch).count(), 1, "the supply feeds one switch");
}

#[test]
fn a_transfer_that_is_dropped_loses_what_it_moved() {
    let mut rack = rack(BootMethod::Instant);
    rack.power_on(NodeId(0));
    let whole = rack.transfer(&rack.participants(vec![0]), true, Bytes(94_100_000 / 8));
    let (mut moved, effects) = advance(&mut rack, at(1));
    assert!(effects.contains(&Effect::Moved(whole)), "94.1 Mbit/s for a second");
    let dropped = rack.transfer(&rack.participants(vec![0]), false, Bytes(1_000_000_000));
    advance(&mut rack, at(11));
    rack.drop_transfer(dropped);
    rack.drop_transfer(dropped);
    rack.finish();
    moved.extend(advance(&mut rack, at(12)).0);
    let moved: Vec<_> = moved
        .into_iter()
        .filter_map(|event| match event.what {
            What::Transfer { purpose, received, lost, .. } => Some((purpose, received.0, lost.0)),
            _ => None,
        })
        .collect();
    let (write, read) = (Purpose::Checkpoint, Purpose::Restart);
    assert_eq!(moved, [(write, 11_762_500, 0), (read, 0, 117_625_000)]);
}

#[test]
fn who_leaves_a_transfer_loses_his_share_and_who_joins_it_begins_anew() {
    let mut rack = rack(BootMethod::Instant);
    let ticket = rack.transfer(&rack.participants(vec![0, 1]), true, Bytes(94_100_000 / 8));
    assert_eq!(rack.leave_transfer(ticket, NodeId(1)), Left::Waiting);
    rack.join_transfer(ticket, NodeId(2));
    let half = Time(500_000_000);
    advance(&mut rack, half);
    assert_eq!(rack.leave_transfer(ticket, NodeId(1)), Left::Nothing);
    assert_eq!(rack.leave_transfer(ticket, NodeId(2)), Left::Moving(1));
    rack.join_transfer(ticket, NodeId(3));
    let (events, effects) = advance(&mut rack, at(1));
    assert_eq!(effects, []);
    let lost: Vec<_> = events
        .iter()
        .filter_map(|event| match event.what {
            What::Transfer { lost, .. } if lost.0 > 0 => Some(lost.0),
            _ => None,
        })
        .collect();
    assert_eq!(lost, [94_100_000 / 16]);
    let (_, effects) = advance(&mut rack, at(1) + Span(half.0));
    assert_eq!(effects, [Effect::Moved(ticket)]);
}

#[test]
fn a_transfer_that_was_interrupted_moves_only_what_is_left() {
    let mut rack = rack(BootMethod::Instant);
    let second = Bytes(94_100_000 / 8);
    let quarter = Bytes(second.0 / 4);
    let ticket = rack.transfer(&rack.participants(vec![0, 1]), true, second);
    assert_eq!(rack.interrupt_transfer(ticket), None, "nobody had begun");
    let ticket = rack.transfer(&rack.participants(vec![0, 1]), true, second);
    advance(&mut rack, Time(250_000_000));
    let arrived = rack.interrupt_transfer(ticket).expect("they had begun");
    assert_eq!(arrived, [(NodeId(0), quarter), (NodeId(1), quarter)]);
    let ticket = rack.resume_transfer(&[(0, quarter), (2, Bytes(0))], true, second);
    let (events, effects) = advance(&mut rack, at(1));
    assert_eq!(effects, []);
    let received = |event: &Event| match event.what {
        What::Transfer { received, nodes: 1, .. } => Some(received),
        _ => None,
    };
    assert_eq!(events.iter().filter_map(received).collect::<Vec<_>>(), [second], "both parts");
    let (_, effects) = advance(&mut rack, Time(1_250_000_000));
    assert_eq!(effects, [Effect::Moved(ticket)]);
}

#[test]
fn a_switch_has_the_rate_of_its_own_uplink() {
    let mut scenario = pilot::scenario();
    scenario.faults.clear();
    let mut plan = Plan::make(&scenario);
    Arc::make_mut(&mut plan.machine).switches[0].uplink = BitRate(50_000_000);
    let behind = |switch| {
        let part = Part { kind: PartKind::Switch, index: switch };
        plan.machine.nodes_of(part).next().expect("a switch has nodes").0
    };
    let (slow, fast) = (behind(0), behind(1));
    let mut rack = Rack::new(Rc::new(plan));
    let tickets = [slow, fast]
        .map(|id| rack.transfer(&rack.participants(vec![id]), true, Bytes(94_100_000 / 8)));
    assert_eq!(advance(&mut rack, at(1)).1, [Effect::Moved(tickets[1])]);
    assert_eq!(advance(&mut rack, at(2)).1, [Effect::Moved(tickets[0])]);
}

#[test]
fn a_transfer_that_all_have_left_before_it_starts_is_complete() {
    let mut rack = rack(BootMethod::Instant);
    let ticket = rack.transfer(&rack.participants(vec![5]), false, Bytes(1_000));
    assert_eq!(rack.leave_transfer(ticket, NodeId(5)), Left::Waiting);
    assert_eq!(advance(&mut rack, at(0)).1, [Effect::Moved(ticket)]);
}

#[test]
fn a_supply_that_is_too_weak_for_computing_browns_out() {
    let mut scenario = pilot::scenario();
    scenario.cluster.modules = 1;
    scenario.boot.method = BootMethod::Instant;
    scenario.faults.clear();
    // Idle, the domain draws 90 x 1.5 W and a switch; computing, each node may draw 5.33 W.
    scenario.module.psus[0].limit = Power(500_000);
    let mut rack = Rack::new(Rc::new(Plan::make(&scenario)));
    let compute = |rack: &mut Rack, nodes: std::ops::Range<u32>| {
        for id in nodes.map(NodeId) {
            rack.power_on(id);
            rack.set_draw_of(id, Draw::Compute);
        }
    };
    let tripped = |events: &[Event]| {
        events.iter().any(|event| {
            matches!(event.what, What::PartState { cause: Cause::BrownOut, part, .. }
                if part.kind == PartKind::Psu)
        })
    };
    compute(&mut rack, 0..60);
    assert!(!tripped(&advance(&mut rack, at(1)).0), "60 nodes are borne");
    compute(&mut rack, 120..150);
    assert!(tripped(&advance(&mut rack, at(2)).0), "90 are not");
}
