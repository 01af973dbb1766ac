//! Lifetimes: each part's clock runs when it should, and strikes when it has run out.

use rackstorm::event::{Event, NodeState, What};
use rackstorm::ids::{FaultId, Part, PartKind};
use rackstorm::scenario::fault::{Rejuvenate, When};
use rackstorm::units::Time;

use super::check::Machine;
use super::job::Job;

struct Clock {
    part: Part,
    /// Lifetime drawn last.
    number: u64,
    left: u64,
    /// Two things at one instant leave it open whether the lifetime was skipped.
    unsure: bool,
}

struct Rule {
    fault: FaultId,
    rejuvenate: Rejuvenate,
    clocks: Vec<Clock>,
}

/// The clocks of all rules with lifetimes.
pub(super) struct Clocks {
    rules: Vec<Rule>,
    /// Nodes that the scenario shielded at some moment of this instant.
    shielded: Vec<bool>,
}

impl Clocks {
    pub(super) fn new(machine: &Machine) -> Self {
        let rules = (0..).zip(&machine.plan.scenario.faults).filter_map(|(index, rule)| {
            let When::Lifetime { rejuvenate, .. } = rule.when else { return None };
            let fault = FaultId(index);
            let clock = |index| Clock {
                part: Part { kind: rule.on.kind, index },
                number: 0,
                left: machine.chance.lifetime(fault, index, 0).0,
                unsure: false,
            };
            Some(Rule { fault, rejuvenate, clocks: rule.on.iter().map(clock).collect() })
        });
        Self { rules: rules.collect(), shielded: vec![false; machine.nodes.len()] }
    }

    /// Notes which nodes may not be struck now.
    pub(super) fn shield(&mut self, machine: &Machine, job: &Job) {
        for node in 0..machine.nodes.len() as u32 {
            self.shielded[node as usize] |= job.shields(node);
        }
    }

    /// Time passes until the next event.
    pub(super) fn pass(&mut self, machine: &Machine, job: &Job, to: Time) {
        let span = to.since(machine.now).0;
        for rule in &mut self.rules {
            for clock in rule.clocks.iter_mut().filter(|clock| !clock.unsure) {
                if !runs(machine, rule.fault, clock.part) {
                    continue;
                }
                let shielded = clock.part.kind == PartKind::Node && job.shields(clock.part.index);
                while clock.left < span {
                    assert!(shielded, "{:?} of {:?} has outlived itself", clock.part, rule.fault);
                    clock.number += 1;
                    let next = machine.chance.lifetime(rule.fault, clock.part.index, clock.number);
                    clock.left = clock.left.saturating_add(next.0);
                }
                clock.left -= span;
            }
        }
        for node in 0..machine.nodes.len() as u32 {
            self.shielded[node as usize] = job.shields(node);
        }
    }

    /// A strike comes when the clock says so, and starts the next lifetime.
    pub(super) fn told(&mut self, machine: &Machine, job: &Job, event: &Event) {
        let What::FaultStrikes { fault, part, .. } = event.what else { return };
        let Some(rule) = self.rules.iter_mut().find(|rule| rule.fault == fault) else { return };
        let shielded = part.kind == PartKind::Node && job.shields(part.index);
        assert!(!shielded, "a lifetime strikes a node of the job where it may not");
        assert!(runs(machine, fault, part), "the clock of {part:?} stands");
        for clock in &mut rule.clocks {
            let own = clock.part == part;
            assert!(!own || clock.left == 0 || clock.unsure, "{part:?}: {} ns left", clock.left);
            if own || rule.rejuvenate == Rejuvenate::All {
                clock.number += 1;
                clock.left = machine.chance.lifetime(fault, clock.part.index, clock.number).0;
            }
        }
    }

    /// What runs and is due has struck, or was skipped.
    pub(super) fn close(&mut self, machine: &Machine) {
        for rule in &mut self.rules {
            for clock in rule.clocks.iter_mut().filter(|clock| clock.left == 0 && !clock.unsure) {
                let shielded =
                    clock.part.kind == PartKind::Node && self.shielded[clock.part.index as usize];
                if runs(machine, rule.fault, clock.part) {
                    assert!(shielded, "{:?} is due by {:?}", clock.part, rule.fault);
                    clock.number += 1;
                    let next = machine.chance.lifetime(rule.fault, clock.part.index, clock.number);
                    clock.left = next.0;
                } else {
                    clock.unsure = shielded;
                }
            }
        }
    }
}

/// A node's clock runs while it has power and is not down, another part's while it is not under
/// repair by the same rule.
fn runs(machine: &Machine, fault: FaultId, part: Part) -> bool {
    if part.kind == PartKind::Node {
        let node = &machine.nodes[part.index as usize];
        node.powered && node.state != NodeState::Down
    } else {
        !machine.bears(part, fault)
    }
}
