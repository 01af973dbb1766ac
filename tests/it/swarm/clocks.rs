//! Lifetimes: each part's clock runs when it should, and strikes when it has run out.

use rackstorm::event::{Event, NodeState, What};
use rackstorm::ids::{FaultId, NodeId, Part, PartKind};
use rackstorm::plan::chance::Chance;
use rackstorm::scenario::fault::{Radius, Rejuvenate, When};
use rackstorm::units::Time;

use super::check::Machine;
use super::job::Job;

/// With a rhythm an age is rounded at each stop of a clock (ns).
const SLACK: i128 = 1_000;

struct Clock {
    part: Part,
    /// Lifetime drawn last.
    number: u64,
    /// What is left of it (ns of age), below 0 by no more than the slack.
    left: i128,
    /// Two things at one instant leave it open whether the lifetime was skipped.
    unsure: bool,
}

struct Rule {
    fault: FaultId,
    rejuvenate: Rejuvenate,
    radius: Radius,
    clocks: Vec<Clock>,
    slack: i128,
    /// Strikes that may have brought others with them.
    strikes: u64,
    /// When such others are due, and where.
    followers: Vec<(Time, u32)>,
    /// The last strike with a radius.
    last: Option<(Time, Part)>,
}

impl Rule {
    /// A strike that is no other's part in a blast.
    fn strikes(&mut self, chance: &Chance, now: Time, part: Part) {
        let follower = chance.follow_on(self.fault, part.index, self.strikes);
        self.strikes += 1;
        self.followers.extend(follower.map(|(span, part)| (now + span, part)));
        self.last = Some((now, part));
    }

    /// Whether this strike was brought by an earlier one, or belongs to the blast of this instant.
    fn is_brought(&mut self, machine: &Machine, now: Time, part: Part) -> bool {
        let due = self.followers.iter().position(|&(at, index)| (at, index) == (now, part.index));
        if let Some(place) = due {
            self.followers.swap_remove(place);
            self.strikes(&machine.chance, now, part);
            return true;
        }
        let Some((_, first)) = self.last.filter(|(at, _)| *at == now) else { return false };
        let around = machine.plan.machine.around(self.radius, first);
        let mut reached = machine.plan.machine.nodes_of(around);
        self.radius != Radius::Node && reached.any(|node| node == NodeId(part.index))
    }
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
            let When::Lifetime { rejuvenate, rhythm, .. } = rule.when else { return None };
            let fault = FaultId(index);
            let clock = |index| Clock {
                part: Part { kind: rule.on.kind, index },
                number: 0,
                left: i128::from(machine.chance.lifetime(fault, index, 0).0),
                unsure: false,
            };
            Some(Rule {
                fault,
                rejuvenate,
                radius: rule.radius,
                clocks: rule.on.iter().map(clock).collect(),
                slack: rhythm.map_or(0, |_| SLACK),
                strikes: 0,
                followers: Vec::new(),
                last: None,
            })
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
        for rule in &mut self.rules {
            let span = match machine.chance.hours(rule.fault) {
                Some(hours) => hours.age(to) - hours.age(machine.now),
                None => to.since(machine.now).0,
            };
            let span = i128::from(span);
            for clock in rule.clocks.iter_mut().filter(|clock| !clock.unsure) {
                if !runs(machine, rule.fault, clock.part) {
                    continue;
                }
                let shielded = clock.part.kind == PartKind::Node && job.shields(clock.part.index);
                while clock.left + rule.slack < span {
                    assert!(shielded, "{:?} of {:?} has outlived itself", clock.part, rule.fault);
                    clock.number += 1;
                    let next = machine.chance.lifetime(rule.fault, clock.part.index, clock.number);
                    clock.left += i128::from(next.0);
                }
                clock.left -= span;
            }
        }
        for node in 0..machine.nodes.len() as u32 {
            self.shielded[node as usize] = job.shields(node);
        }
    }

    /// A strike comes when the clock says so, and starts the next lifetime.
    pub(super) fn observe(&mut self, machine: &Machine, job: &Job, event: &Event) {
        let What::FaultStrikes { fault, part, .. } = event.what else { return };
        let Some(rule) = self.rules.iter_mut().find(|rule| rule.fault == fault) else { return };
        assert!(runs(machine, fault, part), "the clock of {part:?} stands");
        let own = rule.clocks.iter().find(|clock| clock.part == part).expect("it has a clock");
        let (left, unsure) = (own.left, own.unsure);
        if left.abs() > rule.slack {
            let brought = rule.is_brought(machine, event.at, part);
            assert!(brought || unsure, "{part:?}: {left} ns left");
            if brought {
                return;
            }
        }
        let shielded = part.kind == PartKind::Node && job.shields(part.index);
        assert!(!shielded, "a lifetime strikes a node of the job where it may not");
        rule.strikes(&machine.chance, event.at, part);
        for clock in &mut rule.clocks {
            if clock.part == part || rule.rejuvenate == Rejuvenate::All {
                clock.number += 1;
                let next = machine.chance.lifetime(fault, clock.part.index, clock.number);
                clock.left = i128::from(next.0);
            }
        }
    }

    /// What runs and is due has struck, or was skipped.
    pub(super) fn close(&mut self, machine: &Machine) {
        for rule in &mut self.rules {
            for clock in rule.clocks.iter_mut().filter(|clock| clock.left <= 0 && !clock.unsure) {
                let shielded =
                    clock.part.kind == PartKind::Node && self.shielded[clock.part.index as usize];
                if runs(machine, rule.fault, clock.part) {
                    assert!(shielded, "{:?} is due by {:?}", clock.part, rule.fault);
                    clock.number += 1;
                    let next = machine.chance.lifetime(rule.fault, clock.part.index, clock.number);
                    clock.left += i128::from(next.0);
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
