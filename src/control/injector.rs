//! The injector of faults: the plan's fault rules in the order of time, and what each does.
//!
//! A fault strikes at a fixed time, or when a hazard clock has run for a lifetime that the plan's
//! chance drew. A node's clock runs while it has power and is not down, another part's while it is
//! whole; a part that fails begins its next lifetime when it has power again or is repaired.
//!
//! ```text
//!  clock --due--> renewed --> strikes it, and who is in the radius --> perhaps another, later
//!    ^                              |
//!    +-- power again, or repaired <-+
//! ```
//!
//! A step of this chain is taken when the holder asks for the next command, so that a clock which a
//! strike has stopped stands before the next step looks at it.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::bias::{Bias, Biased, Weighed};
use super::chips::{self, Chips};
use super::clocks::Clocks;
use super::injection::{Cure, Injection};
use crate::cosmic::budget::Class;
use crate::event::{Fault, JobPhase, What};
use crate::ids::{FaultId, JobId, NodeId, Part, PartKind};
use crate::plan::Plan;
use crate::plan::chance::Chance;
use crate::scenario::fault::{FaultRule, Radius, Rejuvenate, Repair, When};
use crate::units::{Span, Time};

/// What the holder is to do next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FaultCommand {
    /// An event is to be emitted.
    Emit(What),
    /// A fault is to be injected.
    Inject(Injection),
    /// An injection is to be undone: it is repaired.
    Undo(Injection),
    /// A fault is foreseen.
    Alarm(Alarm),
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

impl Alarm {
    /// Its event.
    #[must_use]
    pub fn what(self) -> What {
        What::Alarm { fault: self.fault, part: self.part, lead: self.lead }
    }
}

/// What can become due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs, reason = "a field says no more than its name and type")]
pub enum Due {
    /// A fault with a fixed time strikes all parts of its rule.
    Fixed { rule: u16 },
    /// A hazard clock may be due.
    Hazard { rule: u16, part: u32 },
    /// A strike that another one brought with it.
    FollowOn { rule: u16, part: u32 },
    /// The end of a lifetime is announced.
    Alarm { rule: u16, part: u32 },
    /// A false alarm of a rule.
    FalseAlarm { rule: u16 },
    /// The repair after an injection is done.
    Repaired { number: u32 },
}

/// What is to be done when all commands so far are carried out.
#[derive(Clone, Copy, Debug)]
enum Step {
    Due(Due),
    /// A part is struck, with all who are in the radius, and perhaps another one later.
    Together {
        rule: u16,
        part: u32,
    },
    Strike {
        rule: u16,
        part: u32,
    },
    /// The strikes on a part and its neighbours are over.
    Cascade {
        rule: u16,
        part: u32,
    },
    /// An injection has been carried out; it is repaired so long after.
    Repair {
        injection: Injection,
        after: Span,
    },
    /// The clock of a part begins its next lifetime; that of a node only if it still runs.
    Start {
        rule: u16,
        part: u32,
    },
}

/// The machine. It holds a clock for each part of each rule with lifetimes, in dense lists.
#[derive(Clone, Debug)]
pub struct Injector<'p> {
    plan: &'p Plan,
    chance: Chance,
    /// The rules whose clocks run with a node's power.
    node_rules: Vec<u16>,
    state: State,
    /// What importance sampling makes of the clocks.
    biased: Option<Biased>,
    /// The instant of what was due last.
    at: Time,
    steps: Vec<Step>,
    commands: VecDeque<FaultCommand>,
}

/// What has to be saved of an injector. Between a command that was asked for and the next one it is
/// not whole.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    rules: Vec<Clocks>,
    /// Whether each node has power and is not down, as far as the holder said.
    running: Vec<bool>,
    /// Injections that are to be repaired, by number.
    open: BTreeMap<u32, Injection>,
    /// Injections so far.
    injections: u32,
    /// Silent corruptions of each node so far.
    flips: BTreeMap<u32, u64>,
    chips: Chips,
}

impl<'p> Injector<'p> {
    /// The injector of a plan, at its start: nothing has power, and no other clock runs before
    /// [`Self::begin`].
    #[must_use]
    pub fn new(plan: &'p Plan) -> Self {
        let chance = Chance::new(&plan.scenario);
        let rules = (0..plan.scenario.faults.len() as u16).map(FaultId);
        let state = State {
            rules: rules.map(|rule| Clocks::new(plan, &chance, rule)).collect(),
            running: vec![false; plan.machine.nodes.len()],
            ..State::default()
        };
        Self::with(plan, chance, state)
    }

    /// The injector that was saved.
    #[must_use]
    pub fn restored(plan: &'p Plan, state: State) -> Self {
        Self::with(plan, Chance::new(&plan.scenario), state)
    }

    fn with(plan: &'p Plan, chance: Chance, state: State) -> Self {
        let rules = plan.scenario.faults.iter().enumerate();
        let of_node = |rule: &FaultRule| {
            rule.on.kind == PartKind::Node && matches!(rule.when, When::Lifetime { .. })
        };
        Self {
            node_rules: rules
                .filter(|(_, rule)| of_node(rule))
                .map(|(index, _)| index as u16)
                .collect(),
            chance,
            plan,
            state,
            biased: None,
            at: Time::ZERO,
            steps: Vec::new(),
            commands: VecDeque::new(),
        }
    }

    /// The same, with clocks that a bias makes run faster at times.
    #[must_use]
    pub fn biased(mut self, bias: Bias) -> Self {
        self.biased = Some(Biased::new(bias, self.plan, &self.chance));
        self
    }

    /// Says how near a rare event the strike of a node would bring: its clocks run at the pace of
    /// that level from now on. Nothing without a bias, or once it is over.
    pub fn set_level(
        &mut self,
        now: Time,
        node: NodeId,
        level: u8,
        wake: &mut impl FnMut(Time, Due),
    ) {
        let Some(biased) = &mut self.biased else { return };
        if !biased.set_level(node.0, level) {
            return;
        }
        for index in 0..self.node_rules.len() {
            let rule = self.node_rules[index];
            let Some(biased) = &mut self.biased else { return };
            if self.state.rules[usize::from(rule)].runs(node.0) != Some(true) {
                continue;
            }
            if biased.keeps_pace(rule, node.0) {
                biased.stops(&self.chance, now, rule, node.0);
                biased.starts(&self.chance, now, rule, node.0);
            } else {
                self.stop(now, rule, node.0);
                let alarm = self.start(now, rule, node.0, wake);
                assert!(alarm.is_none(), "rules with alarms keep their pace");
            }
        }
    }

    /// The rare event has happened: from now on all goes as by nature.
    pub fn end_bias(&mut self, now: Time, wake: &mut impl FnMut(Time, Due)) {
        for node in 0..self.state.running.len() as u32 {
            self.set_level(now, NodeId(node), 0, wake);
        }
        if let Some(biased) = &mut self.biased {
            biased.end();
        }
    }

    /// What the bias has come to until now, if there is one. It goes on no more.
    pub fn weighed(&mut self, now: Time) -> Option<Weighed> {
        Some(self.biased.as_mut()?.weighed(&self.chance, now))
    }

    /// What has to be saved.
    #[must_use]
    pub fn state(&self) -> &State {
        assert!(self.steps.is_empty() && self.commands.is_empty(), "saved between two commands");
        &self.state
    }

    /// Says what is due first, and starts the clocks that need no power. None of their strikes may
    /// be announced at once: ask for commands.
    pub fn begin(&mut self, wake: &mut impl FnMut(Time, Due)) {
        for (index, spec) in self.plan.scenario.faults.iter().enumerate() {
            let rule = index as u16;
            self.wake_false_alarm(rule, wake);
            match spec.when {
                When::At(at) => self.wake(at, Due::Fixed { rule }, wake),
                When::Lifetime { .. } if spec.on.kind != PartKind::Node => {
                    for part in spec.on.iter() {
                        let alarm = self.start(Time::ZERO, rule, part, wake);
                        self.commands.extend(alarm.map(FaultCommand::Alarm));
                    }
                }
                When::Lifetime { .. } => {}
            }
        }
    }

    /// Other laws of lifetimes and repairs hold from now on, of the same rules. O(parts of those
    /// that change).
    pub fn replan(&mut self, now: Time, plan: &'p Plan, wake: &mut impl FnMut(Time, Due)) {
        let before = std::mem::replace(&mut self.plan, plan);
        let chance = std::mem::replace(&mut self.chance, Chance::new(&plan.scenario));
        for rule in (0..plan.scenario.faults.len() as u16).map(FaultId) {
            let spec = plan.scenario.rule(rule);
            if spec == before.scenario.rule(rule) {
                continue;
            }
            let clocks = &mut self.state.rules[usize::from(rule.0)];
            for (part, at) in clocks.replan((&chance, &self.chance), spec, now) {
                self.wake(at, Due::Hazard { rule: rule.0, part }, wake);
            }
        }
    }

    /// A node has got power: its clocks run. Gives what is to be announced at once.
    pub fn node_starts(
        &mut self,
        now: Time,
        node: NodeId,
        wake: &mut impl FnMut(Time, Due),
    ) -> Vec<Alarm> {
        let mut alarms = Vec::new();
        if !std::mem::replace(&mut self.state.running[node.0 as usize], true) {
            self.state.chips.powered(node.0);
            for index in 0..self.node_rules.len() {
                alarms.extend(self.start(now, self.node_rules[index], node.0, wake));
            }
        }
        alarms
    }

    /// A node has lost its power or is down: its clocks stand.
    pub fn node_stops(&mut self, now: Time, node: NodeId) {
        if std::mem::replace(&mut self.state.running[node.0 as usize], false) {
            for index in 0..self.node_rules.len() {
                self.stop(now, self.node_rules[index], node.0);
            }
        }
    }

    /// Whether a node has power and is not down, as far as is known.
    #[must_use]
    pub fn is_running(&self, node: NodeId) -> bool {
        self.state.running[node.0 as usize]
    }

    /// Which data the next silent corruption of a node's memory flips: 64 uniform bits; and a
    /// uniform number in (0, 1) below which the coverage of a check has to be not to find it.
    pub fn flip(&mut self, node: NodeId) -> (u64, f64) {
        let drawn = self.state.flips.entry(node.0).or_insert(0);
        let k = std::mem::replace(drawn, *drawn + 1);
        (self.chance.flip(node.0, k), self.chance.check(node.0, k))
    }

    /// Something is due, at `at`: ask for commands.
    pub fn fire(&mut self, at: Time, due: Due) {
        assert!(self.steps.is_empty(), "all commands of what was due before are carried out");
        self.at = at;
        self.steps.push(Step::Due(due));
    }

    /// The next command, when all before it are carried out. `works_for` says for which job a node
    /// works, and in which phase that is: the scenario may spare it some faults then.
    pub fn next(
        &mut self,
        works_for: &impl Fn(NodeId) -> Option<(JobId, JobPhase)>,
        wake: &mut impl FnMut(Time, Due),
    ) -> Option<FaultCommand> {
        loop {
            if let Some(command) = self.commands.pop_front() {
                return Some(command);
            }
            match self.steps.pop()? {
                Step::Due(due) => self.take(due, works_for, wake),
                Step::Together { rule, part } => {
                    let others = self.in_radius(rule, part, works_for);
                    self.steps.push(Step::Cascade { rule, part });
                    let strike = |part| Step::Strike { rule, part };
                    self.steps.extend(others.into_iter().rev().chain([part]).map(strike));
                }
                Step::Strike { rule, part } => self.strike(rule, part, works_for),
                Step::Cascade { rule, part } => self.cascade(rule, part, wake),
                Step::Repair { injection, after } => {
                    let at = self.at + after;
                    if at <= self.plan.scenario.stop.at {
                        self.state.open.insert(injection.number, injection);
                        wake(at, Due::Repaired { number: injection.number });
                    }
                }
                Step::Start { rule, part } => {
                    if self.rule(rule).on.kind != PartKind::Node || self.is_running(NodeId(part)) {
                        let alarm = self.start(self.at, rule, part, wake);
                        self.commands.extend(alarm.map(FaultCommand::Alarm));
                    }
                }
            }
        }
    }

    fn take(
        &mut self,
        due: Due,
        works_for: &impl Fn(NodeId) -> Option<(JobId, JobPhase)>,
        wake: &mut impl FnMut(Time, Due),
    ) {
        match due {
            Due::Fixed { rule } => {
                let parts = self.plan.scenario.faults[usize::from(rule)].on.iter();
                self.steps.extend(parts.map(|part| Step::Together { rule, part }));
                self.steps.reverse();
            }
            Due::Hazard { rule, part } => self.hazard(rule, part, works_for, wake),
            Due::FollowOn { rule, part } => self.follow_on(rule, part, works_for),
            Due::Alarm { rule, part } => self.announce(rule, part),
            Due::FalseAlarm { rule } => self.false_alarm(rule, wake),
            Due::Repaired { number } => self.repaired(number),
        }
    }

    fn rule(&self, rule: u16) -> &'p FaultRule {
        self.plan.scenario.rule(FaultId(rule))
    }

    fn clocks(&mut self, rule: u16) -> &mut Clocks {
        &mut self.state.rules[usize::from(rule)]
    }

    /// What lies after the end of the run never becomes due.
    fn wake(&self, at: Time, due: Due, wake: &mut impl FnMut(Time, Due)) {
        if at <= self.plan.scenario.stop.at {
            wake(at, due);
        }
    }

    /// Lets the clock of a part run, if it has one. Gives the alarm that is to be raised at once,
    /// if the end is announced and less than the lead is left.
    fn start(
        &mut self,
        now: Time,
        rule: u16,
        part: u32,
        wake: &mut impl FnMut(Time, Due),
    ) -> Option<Alarm> {
        let clocks = &mut self.state.rules[usize::from(rule)];
        if let Some(biased) = &mut self.biased
            && clocks.runs(part) == Some(false)
            && let Some(left) = biased.starts(&self.chance, now, rule, part)
        {
            clocks.set_left(part, left);
        }
        let (end, stood) = clocks.start(&self.chance, now, part)?;
        let lead = stood.then(|| clocks.announced(&self.chance, part)).flatten();
        self.wake(end, Due::Hazard { rule, part }, wake);
        let lead = lead?;
        let left = end.since(now);
        if left <= lead {
            return Some(self.alarm(now, rule, part, left));
        }
        self.wake(now + Span(left.0 - lead.0), Due::Alarm { rule, part }, wake);
        None
    }

    fn stop(&mut self, now: Time, rule: u16, part: u32) {
        if let Some(biased) = &mut self.biased {
            biased.stops(&self.chance, now, rule, part);
        }
        self.state.rules[usize::from(rule)].stop(&self.chance, now, part);
    }

    /// Begins the next lifetime of a part; its clock stands.
    fn renew(&mut self, rule: u16, part: u32) {
        let clocks = &mut self.state.rules[usize::from(rule)];
        clocks.renew(&self.chance, part);
        if let Some(biased) = &mut self.biased {
            biased.renewed(&self.chance, rule, part, clocks.used(part) - 1);
        }
    }

    /// A lifetime may have run out.
    fn hazard(
        &mut self,
        rule: u16,
        part: u32,
        works_for: &impl Fn(NodeId) -> Option<(JobId, JobPhase)>,
        wake: &mut impl FnMut(Time, Due),
    ) {
        let at = self.at;
        if !self.clocks(rule).is_due(part, at) {
            return;
        }
        let silent = self.biased.as_mut().and_then(|biased| biased.strikes(rule, part));
        self.renew(rule, part);
        if let Some(silent) = silent {
            let phase = works_for(NodeId(part)).map(|(_, phase)| phase);
            let is_silent = self.upset(rule, part, phase).1 == Class::Silent;
            let biased = self.biased.as_mut().expect("it has struck");
            biased.drawn(if is_silent { silent } else { 1.0 });
        }
        let on_node = self.rule(rule).on.kind == PartKind::Node;
        // A node that goes on living begins its next lifetime at once, one that died when it has
        // power again; another part when it is repaired.
        if on_node {
            self.steps.push(Step::Start { rule, part });
        }
        if !(on_node && self.is_spared(rule, part, works_for)) {
            self.rejuvenate(rule, part, wake);
            self.steps.push(Step::Together { rule, part });
        }
    }

    /// A part fails: under some rules the others are as good as new as well. O(parts of the rule).
    fn rejuvenate(&mut self, rule: u16, failed: u32, wake: &mut impl FnMut(Time, Due)) {
        let spec = self.rule(rule);
        if !matches!(spec.when, When::Lifetime { rejuvenate: Rejuvenate::All, .. }) {
            return;
        }
        for part in spec.on.iter().filter(|&part| part != failed) {
            let runs = self.clocks(rule).runs(part);
            self.stop(self.at, rule, part);
            self.renew(rule, part);
            if runs == Some(true) {
                let alarm = self.start(self.at, rule, part, wake);
                self.commands.extend(alarm.map(FaultCommand::Alarm));
            }
        }
    }

    /// A strike that another one brought with it is due: on a node that runs, or on another part
    /// that this rule has not already struck down.
    fn follow_on(
        &mut self,
        rule: u16,
        part: u32,
        works_for: &impl Fn(NodeId) -> Option<(JobId, JobPhase)>,
    ) {
        let in_vain = if self.rule(rule).on.kind == PartKind::Node {
            !self.is_running(NodeId(part)) || self.is_spared(rule, part, works_for)
        } else {
            let stands = self.clocks(rule).runs(part) == Some(false);
            self.stop(self.at, rule, part);
            stands
        };
        if !in_vain {
            self.steps.push(Step::Together { rule, part });
        }
    }

    fn cascade(&mut self, rule: u16, part: u32, wake: &mut impl FnMut(Time, Due)) {
        let strikes = &mut self.clocks(rule).strikes;
        let number = std::mem::replace(strikes, *strikes + 1);
        if let Some((span, part)) = self.chance.follow_on(FaultId(rule), part, number) {
            self.wake(self.at + span, Due::FollowOn { rule, part }, wake);
        }
    }

    /// The other nodes that a strike on this part reaches, and may reach, now.
    fn in_radius(
        &self,
        rule: u16,
        part: u32,
        works_for: &impl Fn(NodeId) -> Option<(JobId, JobPhase)>,
    ) -> Vec<u32> {
        let (machine, spec) = (&self.plan.machine, self.rule(rule));
        if spec.radius == Radius::Node {
            return Vec::new();
        }
        let around = machine.around(spec.radius, Part { kind: spec.on.kind, index: part });
        let others = machine.nodes_of(around).filter(|node| node.0 != part);
        let reached = others.filter(|node| spec.on.contains(node.0) && self.is_running(*node));
        let struck = reached.filter(|node| !self.is_spared(rule, node.0, works_for));
        struck.map(|node| node.0).collect()
    }

    /// Whether the scenario spares a node such a fault now, for the phase of the job that it works
    /// for. Of an upset or a fault of DRAM it counts what would come of it.
    fn is_spared(
        &self,
        rule: u16,
        node: u32,
        works_for: &impl Fn(NodeId) -> Option<(JobId, JobPhase)>,
    ) -> bool {
        let Some((job, phase)) = works_for(NodeId(node)) else { return false };
        let Some(spec) = self.plan.checkpoint_of(job) else { return false };
        let kind = self.rule(rule).kind();
        let harm = if kind == Fault::Upset {
            Fault::of_upset(self.upset(rule, node, Some(phase)).1)
        } else if kind == Fault::Dram {
            Fault::of_upset(self.chip_fault(rule, node, Some(phase)).class)
        } else {
            Some(kind)
        };
        harm.is_some_and(|kind| !spec.lets(kind, phase))
    }

    /// The array that the upset which is due strikes, and what comes of it in this phase.
    fn upset(&self, rule: u16, node: u32, phase: Option<JobPhase>) -> (u32, Class) {
        let k = self.state.rules[usize::from(rule)].used(node);
        let silent = self.biased.as_ref().map_or(1.0, |biased| biased.silent(rule, node));
        self.chance.upset(FaultId(rule), node, k, phase, silent)
    }

    /// The fault of a chip that is due, and what comes of it in this phase.
    fn chip_fault(&self, rule: u16, node: u32, phase: Option<JobPhase>) -> chips::Next {
        let k = self.state.rules[usize::from(rule)].used(node);
        let drawn = self.chance.chip_fault(FaultId(rule), node, k);
        self.state.chips.next(&self.chance, node, self.at, drawn, phase)
    }

    fn strike(
        &mut self,
        rule: u16,
        part: u32,
        works_for: &impl Fn(NodeId) -> Option<(JobId, JobPhase)>,
    ) {
        let spec = self.rule(rule);
        let struck = Part { kind: spec.on.kind, index: part };
        let (fault, kind) = (FaultId(rule), spec.kind());
        self.emit(What::FaultStrikes { fault, kind, part: struck });
        let phase = || works_for(NodeId(part)).map(|(_, phase)| phase);
        if kind == Fault::Upset {
            let (array, class) = self.upset(rule, part, phase());
            self.emit(What::Upset { node: NodeId(part), array, class });
            if let Some(kind) = Fault::of_upset(class) {
                self.inject(rule, part, kind, Cure::PowerCycle);
            }
        } else if kind == Fault::Dram {
            self.strike_chip(rule, part, phase());
        } else {
            let cure = self.cure(rule, part);
            self.inject(rule, part, kind, cure);
        }
    }

    /// A fault of a chip that stops the node is cured by a power cycle if it is transient; if it is
    /// permanent, the node is down until its memory is swapped.
    fn strike_chip(&mut self, rule: u16, node: u32, phase: Option<JobPhase>) {
        let next = self.chip_fault(rule, node, phase);
        self.emit(next.what(node));
        self.state.chips.add(&self.chance, node, self.at, next.fault);
        let Some(kind) = Fault::of_upset(next.class) else { return };
        if kind == Fault::SilentCorruption || !next.fault.permanent {
            self.inject(rule, node, kind, Cure::PowerCycle);
        } else {
            let cure = match self.cure(rule, node) {
                Cure::PowerCycle => Cure::Never,
                cure => cure,
            };
            self.inject(rule, node, Fault::Crash, cure);
        }
    }

    /// How the next damage to a part under a rule ends.
    fn cure(&mut self, rule: u16, part: u32) -> Cure {
        match self.rule(rule).repair {
            Repair::PowerCycle => Cure::PowerCycle,
            Repair::Never => Cure::Never,
            Repair::After(_) => {
                let clocks = &mut self.state.rules[usize::from(rule)];
                Cure::After(clocks.repair(&self.chance, part))
            }
        }
    }

    fn inject(&mut self, rule: u16, part: u32, kind: Fault, cure: Cure) {
        let number = self.state.injections;
        self.state.injections = number.checked_add(1).expect("fewer than 2^32 injections");
        let part = Part { kind: self.rule(rule).on.kind, index: part };
        let injection = Injection { number, fault: FaultId(rule), kind, part, cure };
        self.commands.push_back(FaultCommand::Inject(injection));
        if let Cure::After(after) = cure {
            self.steps.push(Step::Repair { injection, after });
        }
    }

    fn repaired(&mut self, number: u32) {
        let injection = self.state.open.remove(&number).expect("it is repaired once");
        let Injection { fault, part, .. } = injection;
        let kind = self.rule(fault.0).kind();
        self.emit(What::FaultEnds { fault, kind, part });
        if kind == Fault::Dram {
            self.state.chips.swap(part.index);
        }
        self.commands.push_back(FaultCommand::Undo(injection));
        if part.kind != PartKind::Node {
            self.steps.push(Step::Start { rule: fault.0, part: part.index });
        }
    }

    /// An alarm that was set is raised, if the clock has run on since.
    fn announce(&mut self, rule: u16, part: u32) {
        let at = self.at;
        let lead = self.state.rules[usize::from(rule)].announced(&self.chance, part);
        if let Some(lead) = lead.filter(|lead| self.clocks(rule).is_due(part, at + *lead)) {
            let alarm = self.alarm(at, rule, part, lead);
            self.commands.push_back(FaultCommand::Alarm(alarm));
        }
    }

    /// A false alarm is due. What is down raises none.
    fn false_alarm(&mut self, rule: u16, wake: &mut impl FnMut(Time, Due)) {
        let clocks = &mut self.state.rules[usize::from(rule)];
        let drawn = self.chance.false_alarm(FaultId(rule), clocks.false_alarms, self.at);
        let (_, part, lead) = drawn.expect("it was set");
        clocks.false_alarms += 1;
        if clocks.runs(part) == Some(true) {
            let alarm = self.alarm(self.at, rule, part, lead);
            self.commands.push_back(FaultCommand::Alarm(alarm));
        }
        self.wake_false_alarm(rule, wake);
    }

    fn wake_false_alarm(&self, rule: u16, wake: &mut impl FnMut(Time, Due)) {
        let number = self.state.rules[usize::from(rule)].false_alarms;
        if let Some((at, ..)) = self.chance.false_alarm(FaultId(rule), number, self.at) {
            self.wake(at, Due::FalseAlarm { rule }, wake);
        }
    }

    fn alarm(&self, at: Time, rule: u16, part: u32, lead: Span) -> Alarm {
        let part = Part { kind: self.rule(rule).on.kind, index: part };
        Alarm { at, fault: FaultId(rule), part, lead }
    }

    fn emit(&mut self, what: What) {
        self.commands.push_back(FaultCommand::Emit(what));
    }
}
