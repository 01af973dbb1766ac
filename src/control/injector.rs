//! The injector of faults: the plan's fault rules in the order of time, and what each does.
//!
//! A fault strikes at a fixed time, or when a hazard clock has run for a lifetime that the plan's
//! chance drew. A node's clock runs while it has power and is not down, another part's while it is
//! whole; a part that fails begins its next lifetime when it has power again or is repaired.
//!
//! ```text
//!  hazard clock --due--> renewed --> strikes it, and who is in the radius --> perhaps another, later
//!       ^                                  |
//!       +--- power again, or repaired <----+
//! ```
//!
//! A step of this chain is taken when the holder asks for the next command, so that a clock which a
//! strike has stopped stands before the next step looks at it.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::injection::{Cure, Injection};
use crate::cosmic::budget::Class;
use crate::cosmic::standing::{ChipFault, Standing};
use crate::event::{Fault, JobPhase, What};
use crate::ids::{FaultId, JobId, NodeId, Part, PartKind};
use crate::plan::Plan;
use crate::plan::chance::Chance;
use crate::plan::hazard::HazardClock;
use crate::scenario::fault::{FaultRule, Radius, Rejuvenate, Repair, When};
use crate::units::{Span, Time};

/// What the holder is to do next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Command {
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
    /// The instant of what was due last.
    at: Time,
    steps: Vec<Step>,
    commands: VecDeque<Command>,
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
    /// The DRAM of each node that had faults there.
    chips: BTreeMap<u32, Chips>,
}

/// What changes of one rule, for its parts from `first` on.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Clocks {
    first: u32,
    /// None for a rule at a fixed time; the parts between its ranges have one that stands.
    each: Vec<HazardClock>,
    /// Repairs drawn so far of each part, if repairs are drawn.
    repairs: Vec<u32>,
    /// Strikes so far that may have brought others with them.
    strikes: u64,
    /// False alarms so far.
    false_alarms: u64,
}

impl Clocks {
    fn of(&mut self, part: u32) -> Option<&mut HazardClock> {
        self.each.get_mut(part.checked_sub(self.first)? as usize)
    }
}

/// The faults that stand in a node's DRAM, and how often it got power since the first of them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Chips {
    life: u32,
    standing: Standing,
}

impl<'p> Injector<'p> {
    /// The injector of a plan, at its start: nothing has power, and no other clock runs before
    /// [`Self::begin`].
    #[must_use]
    pub fn new(plan: &'p Plan) -> Self {
        let chance = Chance::new(&plan.scenario);
        let rules = (0..plan.scenario.faults.len() as u16).map(|rule| clocks(plan, &chance, rule));
        let state = State {
            rules: rules.collect(),
            running: vec![false; plan.machine.nodes.len()],
            ..State::default()
        };
        Self::restored(plan, state)
    }

    /// The injector that was saved.
    #[must_use]
    pub fn restored(plan: &'p Plan, state: State) -> Self {
        let rules = plan.scenario.faults.iter().enumerate();
        let of_node = |rule: &FaultRule| {
            rule.on.kind == PartKind::Node && matches!(rule.when, When::Lifetime { .. })
        };
        Self {
            node_rules: rules
                .filter(|(_, rule)| of_node(rule))
                .map(|(index, _)| index as u16)
                .collect(),
            chance: Chance::new(&plan.scenario),
            plan,
            state,
            at: Time::ZERO,
            steps: Vec::new(),
            commands: VecDeque::new(),
        }
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
        for (index, wish) in self.plan.scenario.faults.iter().enumerate() {
            let rule = index as u16;
            self.wake_false_alarm(rule, wake);
            match wish.when {
                When::At(at) => self.wake(at, Due::Fixed { rule }, wake),
                When::Lifetime { .. } if wish.on.kind != PartKind::Node => {
                    for part in wish.on.iter() {
                        let alarm = self.start(Time::ZERO, rule, part, wake);
                        self.commands.extend(alarm.map(Command::Alarm));
                    }
                }
                When::Lifetime { .. } => {}
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
            if let Some(chips) = self.state.chips.get_mut(&node.0) {
                chips.life += 1;
            }
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
    ) -> Option<Command> {
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
                        self.commands.extend(alarm.map(Command::Alarm));
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
        &self.plan.scenario.faults[usize::from(rule)]
    }

    fn clock(&mut self, rule: u16, part: u32) -> Option<&mut HazardClock> {
        self.state.rules[usize::from(rule)].of(part)
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
        let clock = self.state.rules[usize::from(rule)].of(part)?;
        let ran = clock.runs();
        let end = clock.start(now, self.chance.hours(FaultId(rule)));
        let lifetime = u64::from(clock.used) - 1;
        self.wake(end, Due::Hazard { rule, part }, wake);
        let lead = self.chance.announced(FaultId(rule), part, lifetime).filter(|_| !ran)?;
        let left = end.since(now);
        if left <= lead {
            return Some(self.alarm(now, rule, part, left));
        }
        self.wake(now + Span(left.0 - lead.0), Due::Alarm { rule, part }, wake);
        None
    }

    fn stop(&mut self, now: Time, rule: u16, part: u32) {
        if let Some(clock) = self.state.rules[usize::from(rule)].of(part) {
            clock.stop(now, self.chance.hours(FaultId(rule)));
        }
    }

    /// Begins a part's next lifetime; its clock stands.
    fn renew(&mut self, rule: u16, part: u32) {
        let clock = self.state.rules[usize::from(rule)].of(part).expect("the part has a clock");
        clock.renew(self.chance.lifetime(FaultId(rule), part, u64::from(clock.used)));
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
        if !self.clock(rule, part).is_some_and(|clock| clock.is_due(at)) {
            return;
        }
        self.renew(rule, part);
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
        let wish = self.rule(rule);
        if !matches!(wish.when, When::Lifetime { rejuvenate: Rejuvenate::All, .. }) {
            return;
        }
        for part in wish.on.iter().filter(|&part| part != failed) {
            let runs = self.clock(rule, part).is_some_and(|clock| clock.runs());
            self.renew(rule, part);
            if runs {
                let alarm = self.start(self.at, rule, part, wake);
                self.commands.extend(alarm.map(Command::Alarm));
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
            let stands = self.clock(rule, part).is_some_and(|clock| !clock.runs());
            self.stop(self.at, rule, part);
            stands
        };
        if !in_vain {
            self.steps.push(Step::Together { rule, part });
        }
    }

    fn cascade(&mut self, rule: u16, part: u32, wake: &mut impl FnMut(Time, Due)) {
        let strikes = &mut self.state.rules[usize::from(rule)].strikes;
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
        let (machine, wish) = (&self.plan.machine, self.rule(rule));
        if wish.radius == Radius::Node {
            return Vec::new();
        }
        let around = machine.around(wish.radius, Part { kind: wish.on.kind, index: part });
        let others = machine.nodes_of(around).filter(|node| node.0 != part);
        let reached = others.filter(|node| wish.on.contains(node.0) && self.is_running(*node));
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
        let Some(wish) = self.plan.checkpoint_of(job) else { return false };
        let kind = self.rule(rule).kind;
        let harm = if kind == Fault::Upset {
            Fault::of_upset(self.upset(rule, node, Some(phase)).1)
        } else if kind == Fault::Dram {
            Fault::of_upset(self.chip_fault(rule, node, Some(phase)).2)
        } else {
            Some(kind)
        };
        harm.is_some_and(|kind| !wish.lets(kind, phase))
    }

    /// How many lifetimes of a node are used up, the one that runs included.
    fn used(&self, rule: u16, node: u32) -> u64 {
        let clocks = &self.state.rules[usize::from(rule)];
        u64::from(clocks.each[(node - clocks.first) as usize].used)
    }

    /// The array that the upset which is due strikes, and what comes of it in this phase.
    fn upset(&self, rule: u16, node: u32, phase: Option<JobPhase>) -> (u32, Class) {
        self.chance.upset(FaultId(rule), node, self.used(rule, node), phase)
    }

    /// The fault of a chip that is due, whether it meets another one, and what comes of it.
    fn chip_fault(
        &self,
        rule: u16,
        node: u32,
        phase: Option<JobPhase>,
    ) -> (ChipFault, bool, Class) {
        let (fault, unit) = self.chance.chip_fault(FaultId(rule), node, self.used(rule, node));
        let memory = self.chance.memory();
        let met = self
            .state
            .chips
            .get(&node)
            .map_or(0, |chips| chips.standing.met_by(&fault, memory, self.at, chips.life));
        let class = self.chance.class_of(memory.verdict(&fault, met > 0), phase, unit);
        (fault, met > 0, class)
    }

    fn strike(
        &mut self,
        rule: u16,
        part: u32,
        works_for: &impl Fn(NodeId) -> Option<(JobId, JobPhase)>,
    ) {
        let wish = self.rule(rule);
        let struck = Part { kind: wish.on.kind, index: part };
        let (fault, kind) = (FaultId(rule), wish.kind);
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

    /// A fault of a chip that stops the node is cured with the power cycle if it is transient; if it
    /// is permanent, the node is down until its memory is swapped.
    fn strike_chip(&mut self, rule: u16, node: u32, phase: Option<JobPhase>) {
        let (fault, met, class) = self.chip_fault(rule, node, phase);
        let ChipFault { array, mode, permanent, .. } = fault;
        self.emit(What::ChipFault { node: NodeId(node), array, mode, permanent, met, class });
        let chips = self.state.chips.entry(node).or_default();
        chips.standing.add(fault, self.chance.memory(), self.at, chips.life);
        let Some(kind) = Fault::of_upset(class) else { return };
        if kind == Fault::SilentCorruption || !permanent {
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
                let drawn = &mut clocks.repairs[(part - clocks.first) as usize];
                let k = std::mem::replace(drawn, *drawn + 1);
                Cure::After(self.chance.repair(FaultId(rule), part, u64::from(k)))
            }
        }
    }

    fn inject(&mut self, rule: u16, part: u32, kind: Fault, cure: Cure) {
        let number = self.state.injections;
        self.state.injections = number.checked_add(1).expect("fewer than 2^32 injections");
        let part = Part { kind: self.rule(rule).on.kind, index: part };
        let injection = Injection { number, fault: FaultId(rule), kind, part, cure };
        self.commands.push_back(Command::Inject(injection));
        if let Cure::After(after) = cure {
            self.steps.push(Step::Repair { injection, after });
        }
    }

    fn repaired(&mut self, number: u32) {
        let injection = self.state.open.remove(&number).expect("it is repaired once");
        let Injection { fault, part, .. } = injection;
        let kind = self.rule(fault.0).kind;
        self.emit(What::FaultEnds { fault, kind, part });
        if kind == Fault::Dram {
            self.state.chips.remove(&part.index);
        }
        self.commands.push_back(Command::Undo(injection));
        if part.kind != PartKind::Node {
            self.steps.push(Step::Start { rule: fault.0, part: part.index });
        }
    }

    /// An alarm that was set is raised, if the clock has run on since.
    fn announce(&mut self, rule: u16, part: u32) {
        let at = self.at;
        let clock = *self.clock(rule, part).expect("an announced part has a clock");
        let lifetime = u64::from(clock.used) - 1;
        let lead = self.chance.announced(FaultId(rule), part, lifetime);
        if let Some(lead) = lead.filter(|lead| clock.is_due(at + *lead)) {
            let alarm = self.alarm(at, rule, part, lead);
            self.commands.push_back(Command::Alarm(alarm));
        }
    }

    /// A false alarm is due. What is down raises none.
    fn false_alarm(&mut self, rule: u16, wake: &mut impl FnMut(Time, Due)) {
        let clocks = &mut self.state.rules[usize::from(rule)];
        let drawn = self.chance.false_alarm(FaultId(rule), clocks.false_alarms, self.at);
        let (_, part, lead) = drawn.expect("it was set");
        clocks.false_alarms += 1;
        if clocks.of(part).is_some_and(|clock| clock.runs()) {
            let alarm = self.alarm(self.at, rule, part, lead);
            self.commands.push_back(Command::Alarm(alarm));
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
        self.commands.push_back(Command::Emit(what));
    }
}

/// The clocks of a rule, standing; parts between its ranges get one that never runs down.
fn clocks(plan: &Plan, chance: &Chance, rule: u16) -> Clocks {
    let wish = &plan.scenario.faults[usize::from(rule)];
    let first = wish.on.ranges.first().map_or(0, |range| range.start);
    let size = (wish.on.ranges.last().map_or(0, |range| range.end) - first) as usize;
    let mut each = Vec::new();
    if matches!(wish.when, When::Lifetime { .. }) {
        each = vec![HazardClock::new(Span::FOREVER); size];
        for part in wish.on.iter() {
            let lifetime = chance.lifetime(FaultId(rule), part, 0);
            each[(part - first) as usize] = HazardClock::new(lifetime);
        }
    }
    let drawn = if matches!(wish.repair, Repair::After(_)) { size } else { 0 };
    Clocks { first, each, repairs: vec![0; drawn], strikes: 0, false_alarms: 0 }
}
