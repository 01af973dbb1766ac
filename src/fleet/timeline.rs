//! The plan's misfortunes in the order of time: fixed times, and lifetimes of the plan's chance.
//!
//! The same clocks, draws and rules as in the model: a node's clock runs while it has power and is
//! not down, another part's while it is whole; a part that dies starts its next lifetime when it
//! has power again or is repaired.
//! The whole state can be saved, so that a restarted controller strikes nothing twice and forgets
//! nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::cosmic::budget::Class;
use crate::event::{Fault, JobPhase};
use crate::fleet::doors::{Deed, Means};
use crate::ids::{FaultId, NodeId, Part, PartKind};
use crate::plan::Plan;
use crate::plan::chance::Chance;
use crate::plan::hazard::HazardClock;
use crate::scenario::fault::{Radius, Rejuvenate, Repair, When};
use crate::units::{Span, Time};

/// What the timeline demands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    /// A harm is to be done.
    Strike(Deed),
    /// An upset is to be told, and what comes of it to be done.
    Upset(Upset),
    /// A harm is to be undone: it is repaired.
    End(Deed),
    /// A harm is foreseen.
    Alarm(Alarm),
}

/// A cosmic ray strikes a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upset {
    /// The rule.
    pub fault: FaultId,
    /// Whose memory it upsets.
    pub node: NodeId,
    /// Which array of the node's hardware.
    pub array: u32,
    /// What comes of it.
    pub class: Class,
    /// The harm of that class, if it does any.
    pub deed: Option<Deed>,
}

/// A fault is foreseen to strike a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// When this is to be known.
    pub at: Time,
    /// The rule.
    pub fault: FaultId,
    /// The part.
    pub part: Part,
    /// How long after.
    pub lead: Span,
}

/// The timeline.
#[derive(Clone, Debug)]
pub struct Timeline<'p> {
    plan: &'p Plan,
    chance: Chance,
    lease: Span,
    state: State,
}

/// What changes of a timeline, to be saved.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// Clocks by rule and part.
    clocks: Vec<BTreeMap<u32, HazardClock>>,
    /// Repairs drawn so far, by rule and part.
    repairs: Vec<BTreeMap<u32, u32>>,
    /// Strikes so far that may have brought others with them, by rule.
    strikes: Vec<u64>,
    /// False alarms so far, by rule.
    false_alarms: Vec<u64>,
    /// Nodes whose clocks run.
    running: BTreeSet<u32>,
    /// What may be due, in order.
    queue: BTreeSet<(Time, u64, Due)>,
    /// Entries ever made in the queue, and deeds ever done.
    entries: u64,
    deeds: u64,
    /// Silent corruptions of each node so far.
    #[serde(default)]
    flips: BTreeMap<u32, u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Due {
    At { rule: u16 },
    Hazard { rule: u16, part: u32 },
    FollowOn { rule: u16, part: u32 },
    Alarm { rule: u16, part: u32, strike: Time },
    FalseAlarm { rule: u16 },
    Repaired { rule: u16, part: u32, deed: u64 },
}

impl<'p> Timeline<'p> {
    /// The timeline of a plan, at its start or where `saved` left it. `lease` is that of its
    /// deeds.
    #[must_use]
    pub fn new(plan: &'p Plan, lease: Span, saved: Option<State>) -> Self {
        let chance = Chance::new(&plan.scenario);
        let fresh = saved.is_none();
        let state = saved.unwrap_or_default();
        let mut timeline = Self { plan, chance, lease, state };
        if fresh {
            timeline.begin();
        }
        timeline
    }

    /// What has to be saved.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    fn begin(&mut self) {
        for (rule, wish) in self.plan.scenario.faults.iter().enumerate() {
            let mut clocks = BTreeMap::new();
            if matches!(wish.when, When::Lifetime { .. }) {
                for part in wish.on.iter() {
                    let lifetime = self.chance.lifetime(FaultId(rule as u16), part, 0);
                    clocks.insert(part, HazardClock::new(lifetime));
                }
            }
            self.state.clocks.push(clocks);
            self.state.repairs.push(BTreeMap::new());
            self.state.strikes.push(0);
            self.state.false_alarms.push(0);
        }
        for (rule, wish) in self.plan.scenario.faults.iter().enumerate() {
            let rule = rule as u16;
            self.queue_false_alarm(Time::ZERO, rule);
            match wish.when {
                When::At(at) => self.queue(at, Due::At { rule }),
                When::Lifetime { .. } if wish.on.kind != PartKind::Node => {
                    for part in wish.on.iter() {
                        self.start(Time::ZERO, rule, part);
                    }
                }
                When::Lifetime { .. } => {}
            }
        }
    }

    fn queue(&mut self, at: Time, due: Due) {
        if at <= self.plan.scenario.stop.at {
            self.state.entries += 1;
            self.state.queue.insert((at, self.state.entries, due));
        }
    }

    fn start(&mut self, now: Time, rule: u16, part: u32) {
        if let Some(clock) = self.state.clocks[usize::from(rule)].get_mut(&part) {
            let ran = clock.runs();
            let due = clock.start(now, self.chance.hours(FaultId(rule)));
            let lifetime = u64::from(clock.used) - 1;
            self.queue(due, Due::Hazard { rule, part });
            let announced = self.chance.announced(FaultId(rule), part, lifetime);
            if let Some(lead) = announced.filter(|_| !ran) {
                let at = now + Span(due.since(now).0.saturating_sub(lead.0));
                self.queue(at, Due::Alarm { rule, part, strike: due });
            }
        }
    }

    fn node_rules(&self) -> impl Iterator<Item = u16> + use<'p> {
        let rules = self.plan.scenario.faults.iter().enumerate();
        rules.filter(|(_, rule)| rule.on.kind == PartKind::Node).map(|(index, _)| index as u16)
    }

    /// A node got power.
    pub fn power_on(&mut self, now: Time, node: NodeId) {
        if self.state.running.insert(node.0) {
            for rule in self.node_rules() {
                self.start(now, rule, node.0);
            }
        }
    }

    /// Whether a node has power and is not down, as far as is known.
    #[must_use]
    pub fn has_power(&self, node: NodeId) -> bool {
        self.state.running.contains(&node.0)
    }

    /// A node lost its power or went down: its clocks stand.
    pub fn power_off(&mut self, now: Time, node: NodeId) {
        if self.state.running.remove(&node.0) {
            for rule in self.node_rules() {
                self.stop(now, rule, node.0);
            }
        }
    }

    fn stop(&mut self, now: Time, rule: u16, part: u32) {
        if let Some(clock) = self.state.clocks[usize::from(rule)].get_mut(&part) {
            clock.stop(now, self.chance.hours(FaultId(rule)));
        }
    }

    /// Which data the next silent corruption of a node flips.
    pub fn flip(&mut self, node: NodeId) -> u64 {
        let drawn = self.state.flips.entry(node.0).or_insert(0);
        let k = std::mem::replace(drawn, *drawn + 1);
        self.chance.flip(node.0, k)
    }

    /// When [`Self::due`] may have something to say.
    #[must_use]
    pub fn next(&self) -> Option<Time> {
        self.state.queue.first().map(|&(at, ..)| at)
    }

    /// What is due by now. `phase` is that of the job that a node works for now. The scenario's
    /// rules may spare it some faults in that phase: its lifetime is then over without harm.
    pub fn due(&mut self, now: Time, phase: impl Fn(NodeId) -> Option<JobPhase>) -> Vec<Demand> {
        let mut demands = Vec::new();
        while let Some(&(at, _, due)) = self.state.queue.first()
            && at <= now
        {
            self.state.queue.pop_first();
            match due {
                Due::At { rule } => {
                    for part in self.plan.scenario.faults[usize::from(rule)].on.iter() {
                        self.strike_with_others(at, rule, part, &phase, &mut demands);
                    }
                }
                Due::FollowOn { rule, part } => {
                    self.follow_on(at, rule, part, &phase, &mut demands);
                }
                Due::Hazard { rule, part } => self.hazard(at, rule, part, &phase, &mut demands),
                Due::Alarm { rule, part, strike } => {
                    let clock = self.state.clocks[usize::from(rule)].get(&part);
                    if clock.is_some_and(|clock| clock.is_due(strike)) {
                        demands.push(self.alarm(at, rule, part, strike.since(at)));
                    }
                }
                Due::FalseAlarm { rule } => self.false_alarm(at, rule, &mut demands),
                Due::Repaired { rule, part, deed } => {
                    let deed = self.deed(rule, part, deed);
                    if deed.part.kind != PartKind::Node {
                        self.start(at, rule, part);
                    }
                    demands.push(Demand::End(deed));
                }
            }
        }
        demands
    }

    fn queue_false_alarm(&mut self, now: Time, rule: u16) {
        let number = self.state.false_alarms[usize::from(rule)];
        if let Some((at, ..)) = self.chance.false_alarm(FaultId(rule), number, now) {
            self.queue(at, Due::FalseAlarm { rule });
        }
    }

    /// A false alarm is due. What is down raises none.
    fn false_alarm(&mut self, at: Time, rule: u16, demands: &mut Vec<Demand>) {
        let number = &mut self.state.false_alarms[usize::from(rule)];
        let drawn = self.chance.false_alarm(FaultId(rule), *number, at);
        *number += 1;
        let (_, part, lead) = drawn.expect("it was set");
        let clock = self.state.clocks[usize::from(rule)].get(&part);
        if clock.is_some_and(HazardClock::runs) {
            demands.push(self.alarm(at, rule, part, lead));
        }
        self.queue_false_alarm(at, rule);
    }

    fn alarm(&self, at: Time, rule: u16, part: u32, lead: Span) -> Demand {
        let kind = self.plan.scenario.faults[usize::from(rule)].on.kind;
        let part = Part { kind, index: part };
        Demand::Alarm(Alarm { at, fault: FaultId(rule), part, lead })
    }

    fn hazard(
        &mut self,
        at: Time,
        rule: u16,
        part: u32,
        phase: &impl Fn(NodeId) -> Option<JobPhase>,
        demands: &mut Vec<Demand>,
    ) {
        let wish = &self.plan.scenario.faults[usize::from(rule)];
        let on_node = wish.on.kind == PartKind::Node;
        let clocks = &mut self.state.clocks[usize::from(rule)];
        let clock = clocks.get_mut(&part).expect("it was set");
        if !clock.is_due(at) {
            return;
        }
        clock.renew(self.chance.lifetime(FaultId(rule), part, u64::from(clock.used)));
        if !(on_node && self.spares(rule, NodeId(part), phase)) {
            self.rejuvenate(at, rule, part);
            self.strike_with_others(at, rule, part, phase, demands);
        }
        // A node that died starts its next lifetime when it has power again; another part when it
        // is repaired.
        if on_node && self.state.running.contains(&part) {
            self.start(at, rule, part);
        }
    }

    /// A part fails: under some rules the others are as good as new as well. O(parts of the rule).
    fn rejuvenate(&mut self, now: Time, rule: u16, failed: u32) {
        let wish = &self.plan.scenario.faults[usize::from(rule)];
        if !matches!(wish.when, When::Lifetime { rejuvenate: Rejuvenate::All, .. }) {
            return;
        }
        for part in wish.on.iter().filter(|&part| part != failed) {
            let clocks = &mut self.state.clocks[usize::from(rule)];
            let clock = clocks.get_mut(&part).expect("it was set");
            let runs = clock.runs();
            clock.renew(self.chance.lifetime(FaultId(rule), part, u64::from(clock.used)));
            if runs {
                self.start(now, rule, part);
            }
        }
    }

    /// A strike that another one brought with it is due: on a node that runs, or on another part
    /// that this rule has not already struck down.
    fn follow_on(
        &mut self,
        at: Time,
        rule: u16,
        part: u32,
        phase: &impl Fn(NodeId) -> Option<JobPhase>,
        demands: &mut Vec<Demand>,
    ) {
        let wish = &self.plan.scenario.faults[usize::from(rule)];
        let on_node = wish.on.kind == PartKind::Node;
        let clock = self.state.clocks[usize::from(rule)].get(&part);
        let stands = clock.is_some_and(|clock| !clock.runs());
        let node = NodeId(part);
        let in_vain =
            if on_node { !self.has_power(node) || self.spares(rule, node, phase) } else { stands };
        if !in_vain {
            if !on_node {
                self.stop(at, rule, part);
            }
            self.strike_with_others(at, rule, part, phase, demands);
        }
    }

    /// A part is struck, with all who are in the radius, and perhaps another one later.
    fn strike_with_others(
        &mut self,
        at: Time,
        rule: u16,
        part: u32,
        phase: &impl Fn(NodeId) -> Option<JobPhase>,
        demands: &mut Vec<Demand>,
    ) {
        let others = self.in_radius(rule, part);
        self.strike(at, rule, part, phase, demands);
        for other in others {
            if !self.spares(rule, other, phase) {
                self.strike(at, rule, other.0, phase, demands);
            }
        }
        let strikes = &mut self.state.strikes[usize::from(rule)];
        let number = std::mem::replace(strikes, *strikes + 1);
        if let Some((span, part)) = self.chance.follow_on(FaultId(rule), part, number) {
            self.queue(at + span, Due::FollowOn { rule, part });
        }
    }

    /// The other nodes that a strike on this part reaches now.
    fn in_radius(&self, rule: u16, part: u32) -> Vec<NodeId> {
        let (machine, wish) = (&self.plan.machine, &self.plan.scenario.faults[usize::from(rule)]);
        if wish.radius == Radius::Node {
            return Vec::new();
        }
        let around = machine.around(wish.radius, Part { kind: wish.on.kind, index: part });
        let others = machine.nodes_of(around).filter(|node| node.0 != part);
        others.filter(|node| wish.on.contains(node.0) && self.has_power(*node)).collect()
    }

    /// The array that the upset which is due strikes, and what comes of it in this phase.
    fn upset(&self, rule: u16, node: NodeId, phase: Option<JobPhase>) -> (u32, Class) {
        let clock = self.state.clocks[usize::from(rule)].get(&node.0);
        let number = u64::from(clock.expect("upsets have lifetimes").used);
        self.chance.upset(FaultId(rule), node.0, number, phase)
    }

    /// Whether the scenario's rules spare a node such a fault now.
    fn spares(&self, rule: u16, node: NodeId, phase: &impl Fn(NodeId) -> Option<JobPhase>) -> bool {
        let checkpoint = self.plan.scenario.checkpoint.as_ref();
        let Some((wish, phase)) = checkpoint.zip(phase(node)) else { return false };
        let kind = self.plan.scenario.rule(FaultId(rule)).kind();
        let harm = if kind == Fault::Upset {
            Fault::of_upset(self.upset(rule, node, Some(phase)).1)
        } else {
            Some(kind)
        };
        harm.is_some_and(|kind| !wish.lets(kind, phase))
    }

    fn strike(
        &mut self,
        at: Time,
        rule: u16,
        part: u32,
        phase: &impl Fn(NodeId) -> Option<JobPhase>,
        demands: &mut Vec<Demand>,
    ) {
        if self.plan.scenario.rule(FaultId(rule)).kind() != Fault::Upset {
            let deed = self.harm(at, rule, part, None);
            return demands.push(Demand::Strike(deed));
        }
        let (fault, node) = (FaultId(rule), NodeId(part));
        let (array, class) = self.upset(rule, node, phase(node));
        let harm = Fault::of_upset(class);
        let deed = harm.map(|kind| self.harm(at, rule, part, Some(kind)));
        demands.push(Demand::Upset(Upset { fault, node, array, class, deed }));
    }

    /// A deed, of the rule's kind unless another is said, with all that hangs on it.
    fn harm(&mut self, at: Time, rule: u16, part: u32, kind: Option<Fault>) -> Deed {
        let number = self.state.deeds;
        self.state.deeds += 1;
        let wish = &self.plan.scenario.faults[usize::from(rule)];
        let lasts = matches!(wish.repair, Repair::After(_)).then(|| {
            let drawn = self.state.repairs[usize::from(rule)].entry(part).or_insert(0);
            let k = std::mem::replace(drawn, *drawn + 1);
            self.chance.repair(FaultId(rule), part, u64::from(k))
        });
        let kind = kind.unwrap_or_else(|| wish.kind());
        let deed = Deed { kind, lasts, ..self.deed(rule, part, number) };
        match deed.kind {
            Fault::Crash => self.power_off(at, NodeId(part)),
            Fault::PowerLoss => {
                for node in self.plan.machine.nodes_of(deed.part) {
                    self.power_off(at, node);
                }
            }
            Fault::Hang
            | Fault::SwitchLoss
            | Fault::ServerLoss
            | Fault::LinkDegradation
            | Fault::ControllerCrash
            | Fault::SilentCorruption
            | Fault::Upset
            | Fault::Dram
            | Fault::Load
            | Fault::Clock
            | Fault::Process => {}
        }
        if let Some(span) = lasts {
            self.queue(at + span, Due::Repaired { rule, part, deed: number });
        }
        deed
    }

    fn deed(&self, rule: u16, part: u32, number: u64) -> Deed {
        let wish = &self.plan.scenario.faults[usize::from(rule)];
        Deed {
            number,
            fault: FaultId(rule),
            kind: wish.kind(),
            part: Part { kind: wish.on.kind, index: part },
            lasts: None,
            lease: self.lease,
            means: Means::of(wish, self.plan.scenario.hardware.link),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::pilot;
    use crate::scenario::law::Law;

    const DAY: u64 = 86_400;

    fn plan() -> Plan {
        let mut scenario = pilot::scenario();
        scenario.stop.at = Time::ZERO + Span::from_secs(400 * DAY);
        Plan::make(&scenario)
    }

    fn strikes(timeline: &mut Timeline<'_>, end: Time) -> Vec<Deed> {
        let mut deeds = Vec::new();
        while let Some(at) = timeline.next()
            && at <= end
        {
            for demand in timeline.due(at, |_| None) {
                let Demand::Strike(deed) = demand else { continue };
                if deed.kind == Fault::PowerLoss {
                    for node in timeline.plan.machine.nodes_of(deed.part) {
                        timeline.power_on(at, node);
                    }
                }
                deeds.push(deed);
            }
        }
        deeds
    }

    #[test]
    fn the_first_strikes_are_those_of_the_plan() {
        let plan = plan();
        let mut timeline = Timeline::new(&plan, Span(1), None);
        for node in 0..plan.machine.nodes.len() as u32 {
            timeline.power_on(Time::ZERO, NodeId(node));
        }
        let end = Time::ZERO + Span::from_secs(60 * DAY);
        let deeds = strikes(&mut timeline, end);
        let planned = Chance::new(&plan.scenario).first_strikes(&plan, end);
        let mut struck: Vec<_> = deeds.iter().map(|deed| (deed.fault, deed.part)).collect();
        let mut seen = BTreeSet::new();
        struck.retain(|strike| seen.insert(*strike));
        let planned: Vec<_> = planned.iter().map(|strike| (strike.fault, strike.part)).collect();
        assert!(struck.len() > 20);
        let differs = struck.iter().zip(&planned).position(|(a, b)| a != b);
        assert_eq!(
            (differs, struck.len()),
            (None, planned.len()),
            "a short power loss ages nobody"
        );
    }

    #[test]
    fn a_node_without_power_does_not_age() {
        let mut scenario = pilot::scenario();
        scenario.faults.truncate(1);
        let life = Span(1_000);
        let age = crate::scenario::fault::Age::New;
        scenario.faults[0].when = pilot::lifetime(Law::Fixed(life), age);
        let plan = Plan::make(&scenario);
        let mut timeline = Timeline::new(&plan, Span(1), None);
        let node = NodeId(3);
        timeline.power_on(Time(0), node);
        timeline.power_off(Time(400), node);
        assert_eq!(timeline.due(Time(1_000), |_| None), []);
        timeline.power_on(Time(5_000), node);
        assert_eq!(timeline.due(Time(5_599), |_| None), []);
        let demands = timeline.due(Time(5_600), |_| None);
        let Demand::Strike(deed) = &demands[0] else { panic!("{demands:?}") };
        assert_eq!((deed.kind, deed.part.index), (Fault::Crash, 3));
    }

    #[test]
    fn a_restart_in_between_changes_nothing() {
        let plan = plan();
        let end = Time::ZERO + Span::from_secs(300 * DAY);
        let strikes = |restart: bool| {
            let mut timeline = Timeline::new(&plan, Span(1), None);
            let mut told = Vec::new();
            for node in 0..plan.machine.nodes.len() as u32 {
                timeline.power_on(Time::ZERO, NodeId(node));
            }
            while let Some(at) = timeline.next()
                && at <= end
            {
                for demand in
                    timeline.due(at, |node| (node.0 % 7 == 0).then_some(JobPhase::Restart))
                {
                    if let Demand::Strike(deed) = &demand
                        && deed.kind == Fault::Crash
                    {
                        timeline.power_on(at + Span::from_secs(60), NodeId(deed.part.index));
                    }
                    told.push(demand);
                }
                if restart {
                    let saved = serde_json::to_string(timeline.state()).expect("plain data");
                    let saved = serde_json::from_str(&saved).expect("as it was saved");
                    timeline = Timeline::new(&plan, Span(1), Some(saved));
                }
            }
            told
        };
        let told = strikes(false);
        assert!(told.len() > 50, "{}", told.len());
        assert_eq!(told, strikes(true));
    }
}
