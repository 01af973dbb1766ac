//! Faults: when they strike, what they break, and how it is repaired.

use crate::event::{Cause, Fault, NodeState, What};
use crate::hardware::rack::Harm;
use crate::ids::{FaultId, NodeId, Part, PartKind};
use crate::plan::hazard::HazardClock;
use crate::scenario::fault::{FaultRule, Radius, Rejuvenate, Repair, When};
use crate::units::Span;

use super::node::Watch;
use super::world::{Timer, World};

/// The hazard clocks of one rule, for the parts from `first` on.
pub(super) struct Clocks {
    first: u32,
    each: Vec<HazardClock>,
    /// Repairs drawn so far, for each part.
    repairs: Vec<u32>,
    /// Strikes so far that may have brought others with them.
    strikes: u64,
    /// False alarms so far.
    pub(super) false_alarms: u64,
}

impl Clocks {
    /// The clock of a part, if it has one.
    pub(super) fn of(&mut self, part: u32) -> Option<&mut HazardClock> {
        let place = part.checked_sub(self.first)?;
        self.each.get_mut(place as usize)
    }
}

impl World<'_> {
    pub(super) fn rule(&self, rule: u16) -> &FaultRule {
        &self.plan.scenario.faults[usize::from(rule)]
    }

    /// Clocks for the parts of a rule, standing; parts between its ranges get one that never
    /// runs down.
    pub(super) fn make_clocks(&mut self, rule: usize) -> Clocks {
        let wish = &self.plan.scenario.faults[rule];
        let first = wish.on.ranges.first().map_or(0, |range| range.start);
        let end = wish.on.ranges.last().map_or(0, |range| range.end);
        let size = (end - first) as usize;
        let mut clocks = vec![HazardClock::new(Span::FOREVER); size];
        if matches!(wish.when, When::At(_)) {
            clocks = Vec::new();
        } else {
            for part in wish.on.iter() {
                let lifetime = self.chance.lifetime(FaultId(rule as u16), part, 0);
                clocks[(part - first) as usize] = HazardClock::new(lifetime);
            }
            if wish.on.kind == PartKind::Node {
                self.node_rules.push(rule as u16);
            }
        }
        Clocks { first, each: clocks, repairs: vec![0; size], strikes: 0, false_alarms: 0 }
    }

    /// Sets the timers of fixed times, and starts the clocks that need no power.
    pub(super) fn begin_faults(&mut self) {
        for (index, rule) in self.plan.scenario.faults.iter().enumerate() {
            let index = index as u16;
            self.set_false_alarm(index);
            match rule.when {
                When::At(at) => self.rack.schedule(at, Timer::StrikeAt { rule: index }),
                When::Lifetime { .. } if rule.on.kind != PartKind::Node => {
                    for part in rule.on.iter() {
                        self.start_clock(index, part);
                    }
                }
                When::Lifetime { .. } => {}
            }
        }
    }

    /// The clock of a part under a rule, if it has one.
    fn clock(&mut self, rule: u16, part: u32) -> Option<&mut HazardClock> {
        self.clocks[usize::from(rule)].of(part)
    }

    /// Lifetimes of a part under a rule that are used up, the one that runs included.
    pub(super) fn used(&self, rule: u16, part: u32) -> u32 {
        let clocks = &self.clocks[usize::from(rule)];
        clocks.each[(part - clocks.first) as usize].used
    }

    fn start_clock(&mut self, rule: u16, part: u32) {
        let (now, end) = (self.now(), self.plan.scenario.stop.at);
        if let Some(clock) = self.clocks[usize::from(rule)].of(part) {
            let ran = clock.runs();
            let due = clock.start(now, self.chance.hours(FaultId(rule)));
            let lifetime = u64::from(clock.used) - 1;
            if due <= end {
                self.rack.schedule(due, Timer::Hazard { rule, part });
            }
            if !ran {
                self.foresee(rule, part, lifetime, due);
            }
        }
    }

    /// A node has power: its clocks run.
    pub(super) fn start_clocks(&mut self, node: u32) {
        for index in 0..self.node_rules.len() {
            self.start_clock(self.node_rules[index], node);
        }
    }

    /// A node lacks power or is down: its clocks stand.
    pub(super) fn stop_clocks(&mut self, node: u32) {
        for index in 0..self.node_rules.len() {
            self.stop_clock(self.node_rules[index], node);
        }
    }

    fn stop_clock(&mut self, rule: u16, part: u32) {
        if let Some(clock) = self.clocks[usize::from(rule)].of(part) {
            clock.stop(self.rack.now(), self.chance.hours(FaultId(rule)));
        }
    }

    /// A fault with a fixed time strikes.
    pub(super) fn strike_all(&mut self, rule: u16) {
        let plan = self.plan;
        for part in plan.scenario.faults[usize::from(rule)].on.iter() {
            self.strike_with_others(rule, part);
        }
    }

    /// A strike that another one brought with it is due: on a node that runs, or on another part
    /// that this rule has not already struck down.
    pub(super) fn follow_on(&mut self, rule: u16, part: u32) {
        let on_node = self.rule(rule).on.kind == PartKind::Node;
        let stands = self.clock(rule, part).is_some_and(|clock| !clock.runs());
        let in_vain = if on_node { !self.clock_runs(part) } else { stands };
        if !in_vain && self.may_strike(rule, part) {
            if !on_node {
                self.stop_clock(rule, part);
            }
            self.strike_with_others(rule, part);
        }
    }

    /// A part is struck, with all who are in the radius, and perhaps another one later.
    fn strike_with_others(&mut self, rule: u16, part: u32) {
        let others = self.in_radius(rule, part);
        self.strike(rule, part);
        for other in others {
            self.strike(rule, other);
        }
        let strikes = &mut self.clocks[usize::from(rule)].strikes;
        let number = std::mem::replace(strikes, *strikes + 1);
        if let Some((span, part)) = self.chance.follow_on(FaultId(rule), part, number) {
            self.after(span, Timer::FollowOn { rule, part });
        }
    }

    /// A lifetime may have run out.
    pub(super) fn hazard(&mut self, rule: u16, part: u32) {
        let now = self.now();
        let Some(clock) = self.clock(rule, part) else { return };
        if !clock.is_due(now) {
            return;
        }
        self.renew(rule, part);
        if self.may_strike(rule, part) {
            self.rejuvenate(rule, part);
            self.strike_with_others(rule, part);
        }
        // A node that goes on living starts its next lifetime at once, one that died when it has
        // power again; another part when it is repaired.
        if self.rule(rule).on.kind == PartKind::Node && self.clock_runs(part) {
            self.start_clock(rule, part);
        }
    }

    /// The other nodes that a strike on this part reaches, and may reach, now.
    fn in_radius(&self, rule: u16, part: u32) -> Vec<u32> {
        let (machine, wish) = (&self.plan.machine, self.rule(rule));
        if wish.radius == Radius::Node {
            return Vec::new();
        }
        let around = machine.around(wish.radius, Part { kind: wish.on.kind, index: part });
        let others = machine.nodes_of(around).map(|node| node.0).filter(|&other| other != part);
        let reached = others.filter(|&other| wish.on.contains(other) && self.clock_runs(other));
        reached.filter(|&other| self.may_strike(rule, other)).collect()
    }

    /// Begins a part's next lifetime; its clock stands.
    fn renew(&mut self, rule: u16, part: u32) {
        let used = self.clock(rule, part).expect("the part has a clock").used;
        let lifetime = self.chance.lifetime(FaultId(rule), part, u64::from(used));
        self.clock(rule, part).expect("it has one").renew(lifetime);
    }

    /// A part fails: under some rules the others are as good as new as well. O(parts of the rule).
    fn rejuvenate(&mut self, rule: u16, failed: u32) {
        let plan = self.plan;
        let wish = &plan.scenario.faults[usize::from(rule)];
        if !matches!(wish.when, When::Lifetime { rejuvenate: Rejuvenate::All, .. }) {
            return;
        }
        for part in wish.on.iter().filter(|&part| part != failed) {
            let runs = self.clock(rule, part).is_some_and(|clock| clock.runs());
            self.renew(rule, part);
            if runs {
                self.start_clock(rule, part);
            }
        }
    }

    fn clock_runs(&self, node: u32) -> bool {
        let node = NodeId(node);
        self.rack.is_powered(node) && self.rack.state(node) != NodeState::Down
    }

    /// Whether the scenario's semantics lets a failure strike a job's node in this phase.
    fn may_strike(&self, rule: u16, part: u32) -> bool {
        let kind = self.rule(rule).kind();
        if kind == Fault::Upset {
            return self.upset_may_strike(rule, part);
        }
        if kind == Fault::Dram {
            return self.chip_fault_may_strike(rule, part);
        }
        if self.rule(rule).on.kind != PartKind::Node {
            return true;
        }
        let Some(job) = self.jobs.job_of(NodeId(part)) else { return true };
        let wish = self.plan.checkpoint_of(job);
        wish.is_none_or(|wish| wish.lets(kind, self.jobs.phase(job)))
    }

    fn strike(&mut self, rule: u16, part: u32) {
        let (kind, part_kind) = (self.rule(rule).kind(), self.rule(rule).on.kind);
        let struck = Part { kind: part_kind, index: part };
        self.tell(What::FaultStrikes { fault: FaultId(rule), kind, part: struck });
        self.class = self.rule(rule).harm.severity();
        match kind {
            Fault::Crash => self.crash(rule, part),
            Fault::Hang => self.hang(rule, part),
            Fault::PowerLoss
            | Fault::SwitchLoss
            | Fault::ServerLoss
            | Fault::LinkDegradation
            | Fault::Load
            | Fault::SlowDown => {
                let share_ppm = self.rule(rule).harm.left_ppm();
                let how = Harm { by_controller: false, share_ppm };
                self.with_rack(|rack| rack.harm(u64::from(rule), kind, struck, how));
            }
            Fault::ControllerCrash => self.controller_down(Cause::Fault(kind)),
            Fault::SilentCorruption => self.corrupt(part),
            Fault::Upset => self.upset(rule, part),
            // It sets its repair itself, if it needs one.
            Fault::Dram => return self.chip_fault(rule, part),
            Fault::Clock | Fault::Process => {
                unreachable!("this stage refuses it")
            }
        }
        self.class = 1;
        self.set_repair(rule, part);
    }

    /// Sets the end of a fault that has a time of its own.
    pub(super) fn set_repair(&mut self, rule: u16, part: u32) {
        let Repair::After(_) = self.rule(rule).repair else { return };
        let clocks = &mut self.clocks[usize::from(rule)];
        let count = &mut clocks.repairs[(part - clocks.first) as usize];
        let number = std::mem::replace(count, *count + 1);
        let span = self.chance.repair(FaultId(rule), part, u64::from(number));
        let on_node = self.rule(rule).on.kind == PartKind::Node;
        let life = if on_node { self.rack.life(NodeId(part)).0 } else { 0 };
        self.after(span, Timer::Repaired { rule, part, life });
    }

    /// A node stops dead.
    pub(super) fn crash(&mut self, rule: u16, id: u32) {
        self.fail(Fault::Crash, id, matches!(self.rule(rule).repair, Repair::PowerCycle));
    }

    /// A node hangs.
    pub(super) fn hang(&mut self, rule: u16, id: u32) {
        self.fail(Fault::Hang, id, matches!(self.rule(rule).repair, Repair::PowerCycle));
    }

    /// A powered node fails, until the controller power-cycles it or the rule that blocks it lets
    /// it go. The controller learns of a node that was up after its detection time; one that was
    /// booting it power-cycles when the boot is overdue.
    pub(super) fn fail(&mut self, kind: Fault, id: u32, by_controller: bool) {
        let (watch, life) = (self.wards[id as usize].watch, self.rack.life(NodeId(id)).0);
        let (part, how) =
            (Part { kind: PartKind::Node, index: id }, Harm { by_controller, share_ppm: 0 });
        if !self.with_rack(|rack| rack.harm(0, kind, part, how)) {
            return;
        }
        if !by_controller {
            self.wards[id as usize].watch = Watch::LeftAlone;
        } else if watch != Watch::Boot {
            self.after(self.plan.detection(), Timer::Detected { node: id, life });
        }
    }

    /// The damage of a fault is repaired, which struck a node in this life.
    pub(super) fn repaired(&mut self, rule: u16, part: u32, life: u32) {
        let (kind, part_kind) = (self.rule(rule).kind(), self.rule(rule).on.kind);
        let struck = Part { kind: part_kind, index: part };
        self.tell(What::FaultEnds { fault: FaultId(rule), kind, part: struck });
        let how = Harm { by_controller: false, share_ppm: 0 };
        match kind {
            Fault::Crash | Fault::Dram => {
                if kind == Fault::Dram {
                    self.swap_memory(part);
                }
                self.with_rack(|rack| rack.repair(0, Fault::Crash, struck, how));
            }
            Fault::Hang => {
                let hangs = self.rack.state(NodeId(part)) == NodeState::Hung;
                if hangs && self.lives(part, life) {
                    self.power_cycle(part, Cause::Repair);
                }
            }
            Fault::PowerLoss
            | Fault::SwitchLoss
            | Fault::ServerLoss
            | Fault::LinkDegradation
            | Fault::Load
            | Fault::SlowDown => {
                self.with_rack(|rack| rack.repair(u64::from(rule), kind, struck, how));
            }
            Fault::ControllerCrash => self.controller_up(Cause::Repair),
            Fault::SilentCorruption | Fault::Upset => unreachable!("it has no repair"),
            Fault::Clock | Fault::Process => {
                unreachable!("this stage refuses it")
            }
        }
        if part_kind != PartKind::Node {
            self.start_clock(rule, part);
        }
    }
}
