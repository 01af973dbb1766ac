//! The rack by itself: what calls do to it and what it tells.

use crate::event::NodeState::{Dhcp, Down, Init, Kernel, Off, Rom, Root, Tftp, Up};
use std::rc::Rc;

use super::{Effect, Harm, Rack, Supply};
use crate::event::{Cause, Event, Fault, NodeState, PartState, Purpose, What};
use crate::ids::{NodeId, Part, PartKind};
use crate::plan::{Plan, pilot};
use crate::scenario::boot::BootMethod;
use crate::units::{Bytes, Power, Span, Time};

const BY_CONTROLLER: Harm = Harm { by_controller: true, share_ppm: 0 };
const BY_HAND: Harm = Harm { by_controller: false, share_ppm: 0 };

/// One module of the pilot.
fn rack(method: BootMethod) -> Rack {
    let mut scenario = pilot::scenario();
    scenario.cluster.modules = 1;
    scenario.boot.method = method;
    scenario.faults.clear();
    (scenario.workload, scenario.checkpoint) = (None, None);
    Rack::new(Rc::new(Plan::make(&scenario)))
}

fn at(seconds: u64) -> Time {
    Time::ZERO + Span::from_secs(seconds)
}

fn node(index: u32) -> Part {
    Part { kind: PartKind::Node, index }
}

/// The states that a node went through.
fn states(told: &[Event], wanted: u32) -> Vec<NodeState> {
    let of_node = told.iter().filter_map(|event| match event.what {
        What::NodeState { node, state, .. } if node.0 == wanted => Some(state),
        _ => None,
    });
    of_node.collect()
}

#[test]
fn a_node_boots_over_the_network_and_its_agent_starts() {
    let mut rack = rack(BootMethod::PxeNfs);
    rack.power_on(at(1), NodeId(7));
    rack.advance(at(200));
    assert_eq!(states(&rack.told(), 7), [Rom, Dhcp, Tftp, Kernel, Root, Init, Up]);
    assert!(matches!(rack.effects()[..], [Effect::Starts(NodeId(7), life)] if life.0 == 1));
}

#[test]
fn a_crash_that_is_repaired_by_hand_keeps_the_power_away_until_then() {
    let mut rack = rack(BootMethod::Instant);
    let id = NodeId(3);
    rack.power_on(at(0), id);
    rack.harm(at(1), 1, Fault::Crash, node(3), BY_HAND);
    assert_eq!(rack.supply(id), Supply::Dead);
    rack.power_on(at(2), id);
    rack.repair(at(3), 1, Fault::Crash, node(3), BY_HAND);
    let up = |event: &&Event| matches!(event.what, What::NodeState { state: NodeState::Up, .. });
    let told = rack.told();
    let ups: Vec<_> = told.iter().filter(up).map(|event| event.at).collect();
    assert_eq!(ups, [at(0), at(3)], "its channel was switched on meanwhile");
}

#[test]
fn a_crash_that_a_power_cycle_cures_leaves_the_power_on() {
    let mut rack = rack(BootMethod::Instant);
    let id = NodeId(3);
    rack.power_on(at(0), id);
    rack.harm(at(1), 1, Fault::Crash, node(3), BY_CONTROLLER);
    assert_eq!(rack.supply(id), Supply::On);
    rack.power_off(at(2), id, Cause::Repair);
    rack.power_on(at(3), id);
    assert_eq!(states(&rack.told(), 3), [Up, Down, Off, Up]);
}

#[test]
fn power_returns_to_the_nodes_whose_channel_is_on() {
    let mut rack = rack(BootMethod::Instant);
    rack.power_on(at(0), NodeId(0));
    rack.power_on(at(0), NodeId(1));
    rack.power_off(at(1), NodeId(1), Cause::Course);
    let psu = Part { kind: PartKind::Psu, index: 0 };
    rack.harm(at(2), 1, Fault::PowerLoss, psu, BY_HAND);
    assert_eq!(rack.supply(NodeId(0)), Supply::Dead);
    rack.repair(at(10), 1, Fault::PowerLoss, psu, BY_HAND);
    rack.advance(at(100));
    let told = rack.told();
    assert_eq!(states(&told, 0), [Up, Down, Up]);
    assert_eq!(states(&told, 1), [Up, Off, Down]);
    let switch = |event: &&Event| {
        matches!(event.what, What::PartState { part, state: PartState::Down, .. }
            if part.kind == PartKind::Switch)
    };
    assert_eq!(told.iter().filter(switch).count(), 1, "the supply feeds one switch");
}

#[test]
fn a_transfer_that_is_dropped_loses_what_it_moved() {
    let mut rack = rack(BootMethod::Instant);
    rack.power_on(at(0), NodeId(0));
    let whole = rack.move_bytes(at(0), NodeId(0), true, Bytes(94_100_000 / 8));
    let dropped = rack.move_bytes(at(1), NodeId(0), false, Bytes(1_000_000_000));
    rack.advance(at(1));
    assert!(rack.effects().contains(&Effect::Moved(whole)), "94.1 Mbit/s for a second");
    rack.drop_transfer(at(11), dropped);
    rack.drop_transfer(at(11), dropped);
    rack.finish(at(12));
    let moved: Vec<_> = rack
        .told()
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
fn a_supply_that_is_too_weak_for_computing_browns_out() {
    let mut scenario = pilot::scenario();
    scenario.cluster.modules = 1;
    scenario.boot.method = BootMethod::Instant;
    scenario.faults.clear();
    // Idle, the domain draws 90 x 1.5 W and a switch; computing, each node may draw 5.33 W.
    scenario.module.psus[0].limit = Power(500_000);
    let mut rack = Rack::new(Rc::new(Plan::make(&scenario)));
    let fed: Vec<_> = (0..60).map(NodeId).collect();
    for &id in &fed {
        rack.power_on(at(0), id);
    }
    for &id in &fed {
        rack.set_computing(at(1), id, true);
    }
    let tripped = |told: Vec<Event>| {
        let trip = |event: &Event| {
            matches!(event.what, What::PartState { cause: Cause::BrownOut, part, .. }
                if part.kind == PartKind::Psu)
        };
        told.iter().any(trip)
    };
    assert!(!tripped(rack.told()), "60 nodes are borne");
    for id in (120..150).map(NodeId) {
        rack.power_on(at(2), id);
        rack.set_computing(at(2), id, true);
    }
    rack.advance(at(2));
    assert!(tripped(rack.told()), "90 are not");
}
