//! What a run may emit: nodes, parts, faults and the controller, instant by instant.
//!
//! The checker knows the plan and the events, and nothing of the model. It follows what is emitted,
//! computes what must follow from it, and compares. All it does is O(machine) for each event.

use std::collections::{BTreeMap, BTreeSet};

use rackstorm::event::{Cause, EndReason, Event, Fault, NodeState, PartState, What};
use rackstorm::ids::{FaultId, Part, PartKind};
use rackstorm::plan::Plan;
use rackstorm::plan::chance::Chance;
use rackstorm::scenario::StopWhen;
use rackstorm::scenario::boot::BootMethod;
use rackstorm::scenario::fault::{FaultRule, Repair, When};
use rackstorm::units::{Span, Time};

use super::clocks::Clocks;
use super::job::Job;
use super::paths::Paths;
use super::power::Meter;

/// A node as emitted so far.
pub(super) struct Node {
    pub(super) state: NodeState,
    /// When it entered its state.
    pub(super) since: Time,
    pub(super) life: u32,
    pub(super) powered: bool,
    /// When it last got power.
    pub(super) on_at: Time,
    /// Whether the controller has heard it in this life.
    seen: bool,
    /// Whether it hangs by a fault that is not the controller's to repair.
    alone: bool,
    /// Power cycles by the controller since it was last heard.
    cycles: u32,
    /// Brown-outs since then: in each the controller may have cycled it, which nobody sees.
    brown_outs: u32,
    silence: Silence,
    /// Since when nothing but the order of power-on keeps it off.
    free_since: Time,
}

/// What the controller makes of a node that it does not hear.
#[derive(Default)]
struct Silence {
    /// When it has been silent for long enough to be power-cycled, or may be looked at again.
    known_at: Option<Time>,
    /// When that is if what it hangs on became whole in this very instant.
    back_at: Option<Time>,
    /// Whether it has been silent since before what it hangs on became whole.
    released: bool,
    /// Whether it hung until a repair that is done, so that it may be power-cycled.
    mended: bool,
    /// Whether it is in a power cycle for its silence.
    cycling: bool,
}

/// The machine as emitted so far.
pub(super) struct Machine<'p> {
    pub(super) plan: &'p Plan,
    pub(super) chance: Chance,
    pub(super) now: Time,
    pub(super) nodes: Vec<Node>,
    /// Parts that are not whole.
    parts: BTreeMap<Part, PartState>,
    /// The rules whose damage a part bears now.
    wounds: BTreeMap<Part, Vec<FaultId>>,
    /// Repairs under way, with their ends.
    repairs: Vec<(Time, FaultId, Part)>,
    /// Repairs begun so far.
    repaired: BTreeMap<(FaultId, Part), u64>,
    /// Fixed times that have struck.
    struck: BTreeSet<(FaultId, Part)>,
    last_strike: Option<(FaultId, Part)>,
    /// Whether in this instant no more nodes could be in a power cycle for their silence.
    was_full: bool,
    /// Ends of brown-outs, and how many there were, of each PSU.
    browned: BTreeMap<u32, (Time, u32)>,
    /// Nodes that hang for good: once off they get no power.
    lost: BTreeSet<u32>,
    ended: bool,
}

/// Panics if the events cannot be those of a run of the plan.
pub(super) fn check(plan: &Plan, events: &[Event]) {
    let mut machine = Machine::new(plan);
    let mut clocks = Clocks::new(&machine);
    let mut paths = Paths::new(plan);
    let mut job = Job::new(plan);
    let mut meter = Meter::new(&machine, &job);
    for event in events {
        if event.at != machine.now {
            assert!(event.at > machine.now, "time runs back at {event:?}");
            machine.close();
            clocks.close(&machine);
            meter.close(&machine, &job);
            job.close(&machine);
            machine.put_off(event.at);
            machine.expect_nothing_due_before(event.at, &paths);
            clocks.pass(&machine, &job, event.at);
            meter.pass(&machine, &job, event.at);
            machine.now = event.at;
        }
        let observe = || {
            clocks.observe(&machine, &job, event);
            paths.observe(&machine, event);
            machine.observe(event);
            job.observe(&machine, event);
            paths.update(&machine);
            clocks.shield(&machine, &job);
            meter.observe(&machine, &job, event);
        };
        let observe = std::panic::AssertUnwindSafe(observe);
        if let Err(panic) = std::panic::catch_unwind(observe) {
            eprintln!("at the event {event:?}");
            std::panic::resume_unwind(panic);
        }
    }
    machine.close();
    if job.reason() == Some(EndReason::TimeUp) {
        job.close(&machine);
    }
    machine.check_end(&job);
    job.check_end(&machine);
    paths.check_end();
}

impl Node {
    /// The controller hears it.
    fn joins(&mut self) {
        (self.seen, self.cycles, self.brown_outs) = (true, 0, 0);
        (self.silence.known_at, self.silence.released, self.silence.cycling) = (None, false, false);
    }
}

impl<'p> Machine<'p> {
    fn new(plan: &'p Plan) -> Self {
        let node = || Node {
            state: NodeState::Off,
            since: Time::ZERO,
            life: 0,
            powered: false,
            on_at: Time::ZERO,
            seen: false,
            alone: false,
            cycles: 0,
            brown_outs: 0,
            silence: Silence::default(),
            free_since: Time::ZERO,
        };
        Self {
            plan,
            chance: Chance::new(&plan.scenario),
            now: Time::ZERO,
            nodes: plan.machine.nodes.iter().map(|_| node()).collect(),
            parts: BTreeMap::new(),
            wounds: BTreeMap::new(),
            repairs: Vec::new(),
            repaired: BTreeMap::new(),
            struck: BTreeSet::new(),
            last_strike: None,
            was_full: false,
            browned: BTreeMap::new(),
            lost: BTreeSet::new(),
            ended: false,
        }
    }

    pub(super) fn rule(&self, fault: FaultId) -> &'p FaultRule {
        &self.plan.scenario.faults[usize::from(fault.0)]
    }

    pub(super) fn part(&self, kind: PartKind, index: u32) -> PartState {
        self.parts.get(&Part { kind, index }).copied().unwrap_or(PartState::Up)
    }

    /// Whether a part bears the damage of a rule.
    pub(super) fn bears(&self, part: Part, fault: FaultId) -> bool {
        self.wounds.get(&part).is_some_and(|rules| rules.contains(&fault))
    }

    fn is_whole(&self, part: Part) -> bool {
        self.wounds.get(&part).is_none_or(Vec::is_empty)
    }

    pub(super) fn psu_is_up(&self, node: u32) -> bool {
        let psu = self.plan.machine.nodes[node as usize].psu;
        self.part(PartKind::Psu, psu) == PartState::Up
    }

    /// Whether the network reaches a node from its switch's top of rack.
    pub(super) fn connected(&self, node: u32) -> bool {
        let switch = self.plan.machine.nodes[node as usize].switch;
        self.part(PartKind::Switch, switch) == PartState::Up
            && self.part(PartKind::Uplink, switch) != PartState::Down
            && self.part(PartKind::NodeLink, node) != PartState::Down
    }

    pub(super) fn reaches_server(&self, node: u32) -> bool {
        let server = self.plan.machine.nodes[node as usize].server;
        self.connected(node) && self.part(PartKind::Server, server) == PartState::Up
    }

    /// When a node's turn comes at the start of the run.
    fn turn(&self, node: u32) -> Time {
        let place = node % self.plan.scenario.module.nodes;
        Time(self.plan.scenario.boot.power_on.stagger.0 * u64::from(place))
    }

    /// Whether a node hangs on what is known to be broken: a power cycle would cure nothing.
    fn is_held(&self, node: u32) -> bool {
        let machine = &self.plan.machine;
        let switch = machine.nodes[node as usize].switch;
        let is_cut = |kind, index| {
            let rules = self.wounds.get(&Part { kind, index }).into_iter().flatten();
            rules.into_iter().any(|&fault| self.rule(fault).harm.left_ppm() == 0)
        };
        !self.is_whole(Part { kind: PartKind::Switch, index: switch })
            || !self.is_whole(Part {
                kind: PartKind::Psu,
                index: machine.switches[switch as usize].psu,
            })
            || is_cut(PartKind::Uplink, switch)
            || is_cut(PartKind::NodeLink, node)
    }

    /// When a silent node is power-cycled whose way is whole again from now on: its agent has the
    /// time that it needs to return.
    fn back(&self) -> Time {
        let controller = &self.plan.scenario.controller;
        self.now + controller.detect + Span(8 * controller.heartbeat().0)
    }

    /// What nodes hang on broke or was repaired.
    fn hold_or_release(&mut self, part: Part) {
        let machine = &self.plan.machine;
        let switches: Vec<_> = match part.kind {
            PartKind::Psu => machine.switches_of(part.index).collect(),
            PartKind::Switch | PartKind::Uplink => vec![part.index],
            _ => Vec::new(),
        };
        let behind = |index| machine.nodes_of(Part { kind: PartKind::Switch, index });
        let mut nodes: Vec<_> = switches.into_iter().flat_map(behind).map(|node| node.0).collect();
        nodes.extend((part.kind == PartKind::NodeLink).then_some(part.index));
        for node in nodes {
            let (held, now, back) = (self.is_held(node), self.now, self.back());
            let row = &mut self.nodes[node as usize];
            if held && row.silence.released {
                (row.silence.known_at, row.silence.released) = (Some(now), false);
            } else if !held && row.silence.known_at.is_some_and(|known| known < now) {
                (row.silence.known_at, row.silence.released) = (Some(back), true);
            }
            row.silence.back_at = (!held).then_some(back);
        }
    }

    /// The nodes that are in a power cycle for their silence, and those that perhaps are: what the
    /// controller does to nodes in a brown-out nobody sees.
    fn cycling(&self) -> (usize, usize) {
        let controller = &self.plan.scenario.controller;
        let cycles = |row: &&Node| {
            let is_given_up = !row.seen
                && row.cycles >= controller.boot_retries
                && self.now >= row.on_at + controller.boot_timeout;
            row.powered && row.silence.cycling && !is_given_up
        };
        let perhaps = |row: &&Node| {
            !row.powered && row.silence.cycling || row.brown_outs > 0 && !(row.powered && row.seen)
        };
        let certain = self.nodes.iter().filter(cycles).count();
        (certain, certain + self.nodes.iter().filter(perhaps).count())
    }

    /// Nodes that may be in a power cycle for their silence at a time: a quarter of the machine, 16
    /// at least.
    fn most_cycles(&self) -> usize {
        (self.nodes.len() / 4).max(16)
    }

    /// Whether perhaps no more nodes may be power-cycled for their silence.
    fn is_full(&self) -> bool {
        self.cycling().1 >= self.most_cycles()
    }

    /// Silent nodes for which there is no room look again each second.
    fn put_off(&mut self, next: Time) {
        let (mut full, is_full) = (std::mem::take(&mut self.was_full), self.is_full());
        full |= is_full;
        for id in 0..self.nodes.len() {
            let held = self.is_held(id as u32);
            let row = &mut self.nodes[id];
            while let Some(known) = row.silence.known_at.filter(|&known| known < next && !held)
                && (known == self.now && full || is_full)
            {
                row.silence.known_at = Some(known + Span::from_secs(1));
            }
        }
    }

    /// The way to nodes changed: the controller hears them, or hears them no more.
    fn reached(&mut self, part: Part) {
        let suspected = self.now + self.plan.scenario.controller.detect;
        for node in self.plan.machine.nodes_of(part) {
            let connected = self.connected(node.0);
            let row = &mut self.nodes[node.0 as usize];
            if row.state == NodeState::Up && connected {
                row.joins();
            } else if row.state == NodeState::Up && row.seen && !row.alone {
                row.silence.known_at.get_or_insert(suspected);
            }
        }
    }

    fn observe(&mut self, event: &Event) {
        assert!(!self.ended, "something happens after the end");
        self.was_full |= self.is_full();
        match event.what {
            What::NodeState { node, life, state, cause } => {
                self.observe_node(node.0, life.0, state, cause);
            }
            What::PartState { part, state, cause } => self.observe_part(part, state, cause),
            What::FaultStrikes { fault, kind, part } => self.strike(fault, kind, part),
            What::FaultEnds { fault, kind, part } => self.end_of(fault, kind, part),
            What::RunEnds { .. } => self.ended = true,
            _ => {}
        }
    }

    fn observe_node(&mut self, node: u32, life: u32, state: NodeState, cause: Cause) {
        let id = node as usize;
        let (old, was_powered) = (self.nodes[id].state, self.nodes[id].powered);
        assert_ne!(old, state, "a node enters another state");
        if !was_powered && matches!(state, NodeState::Rom | NodeState::Up) {
            self.power_on(node, life);
        } else {
            assert_eq!(life, self.nodes[id].life, "a life lasts from power-on to power-on");
        }
        match state {
            NodeState::Off => self.off(node, cause),
            NodeState::Down | NodeState::Hung => self.fails(node, state, cause),
            _ => {
                assert!(self.nodes[id].powered && self.psu_is_up(node), "without power");
                self.advances(node, state, cause);
            }
        }
        let connected = self.connected(node);
        let row = &mut self.nodes[id];
        (row.state, row.since) = (state, self.now);
        if state == NodeState::Up && connected {
            row.joins();
        }
        if was_powered && !row.powered {
            (row.silence.known_at, row.silence.released, row.free_since) = (None, false, self.now);
        }
    }

    fn power_on(&mut self, node: u32, life: u32) {
        assert!(self.psu_is_up(node), "power on a dead PSU");
        assert!(self.is_whole(Part { kind: PartKind::Node, index: node }), "it is under repair");
        assert!(self.now >= self.turn(node), "before its turn");
        let now = self.now;
        let row = &mut self.nodes[node as usize];
        assert_eq!(life, row.life + 1, "a life begins with power");
        (row.life, row.powered, row.on_at) = (life, true, now);
        (row.seen, row.alone, row.silence.mended, row.silence.known_at) =
            (false, false, false, None);
    }

    fn is_instant(&self) -> bool {
        self.plan.scenario.boot.method == BootMethod::Instant
    }

    /// A node leaves its state for the next of the boot chain, or gives up.
    fn advances(&self, node: u32, state: NodeState, cause: Cause) {
        use NodeState::{Dhcp, Down, GaveUp, Init, Kernel, Off, Rom, Root, Tftp, Up};
        let (boot, row) = (&self.plan.scenario.hardware.boot, &self.nodes[node as usize]);
        let spent = self.now.since(row.since);
        let is_pxe =
            !matches!(self.plan.scenario.boot.method, BootMethod::Instant | BootMethod::Sd);
        let initramfs = self.plan.scenario.boot.method == BootMethod::PxeInitramfs;
        let near = |span: Span| {
            let (spent, span) = (spent.as_secs_f64(), span.as_secs_f64());
            (spent - span).abs() <= span * boot.spread + 1e-6
        };
        let fits = match (row.state, state) {
            (Off | Down, Rom) => cause == Cause::Course && !self.is_instant(),
            (Off | Down, Up) => self.is_instant(),
            (Rom, Dhcp) => is_pxe && spent == boot.rom,
            (Rom, Kernel) => !is_pxe && spent == boot.rom_sd,
            (Dhcp, Tftp) => is_pxe,
            (Dhcp, GaveUp) => {
                cause == Cause::NoOffer
                    && spent.0 == boot.dhcp_interval.0 * u64::from(boot.dhcp_tries)
            }
            (Tftp, GaveUp) => cause == Cause::ServerSilent,
            (Kernel, Root) => !initramfs && (is_pxe || near(boot.kernel)),
            (Kernel, Init) => initramfs,
            (Tftp, Kernel) | (Root, Init) => true,
            (Init, Up) => near(boot.init),
            _ => false,
        };
        assert!(fits, "{node}: {:?} for {spent}, then {state:?} for {cause:?}", row.state);
    }

    fn off(&mut self, node: u32, cause: Cause) {
        let controller = &self.plan.scenario.controller;
        let (now, has_room) = (self.now, self.cycling().0 < self.most_cycles());
        let whole = self.is_whole(Part { kind: PartKind::Node, index: node });
        let psu_is_up = self.psu_is_up(node);
        let row = &mut self.nodes[node as usize];
        if !row.powered {
            assert!(whole && psu_is_up && row.state == NodeState::Down, "nothing is wrong with it");
            row.free_since = now;
            return;
        }
        if cause == Cause::Timeout {
            assert_eq!(now, row.on_at + controller.boot_timeout, "overdue, not sooner or later");
            assert!(!row.seen && !row.alone && row.cycles < controller.boot_retries);
        } else {
            assert_eq!(cause, Cause::Repair);
            assert!(
                row.silence.known_at == Some(now) || row.silence.mended,
                "nobody knows that it failed"
            );
            assert!(row.silence.cycling || has_room, "too many are in a power cycle");
            (row.silence.cycling, row.silence.mended) = (true, false);
        }
        (row.powered, row.cycles) = (false, row.cycles + 1);
    }

    fn fails(&mut self, node: u32, state: NodeState, cause: Cause) {
        let detect = self.plan.scenario.controller.detect;
        let crashed = matches!(cause, Cause::Fault(Fault::Crash | Fault::Hang));
        let rule = self.last_strike.filter(|_| crashed).map(|(fault, part)| {
            let struck = Part { kind: PartKind::Node, index: node };
            assert_eq!(part, struck, "a node fails by the fault that struck it");
            self.rule(fault)
        });
        let psu_is_up = self.psu_is_up(node);
        let now = self.now;
        let row = &mut self.nodes[node as usize];
        let Some(rule) = rule else {
            assert!(state == NodeState::Down && !psu_is_up, "{cause:?} with power");
            row.powered = false;
            return;
        };
        let by_controller = rule.repair == Repair::PowerCycle;
        match state {
            NodeState::Hung => assert!(row.powered && row.state != NodeState::Down),
            _ => assert!(row.powered || !by_controller, "a node without power crashes"),
        }
        if by_controller && row.seen && !row.alone {
            row.silence.known_at.get_or_insert(now + detect);
        }
        if !by_controller {
            (row.alone, row.silence.known_at, row.silence.cycling) = (true, None, false);
        }
        row.powered &= by_controller || state == NodeState::Hung;
    }

    fn observe_part(&mut self, part: Part, state: PartState, cause: Cause) {
        let retries = self.plan.scenario.controller.boot_retries;
        if part.kind == PartKind::Psu && cause == Cause::BrownOut && state == PartState::Down {
            let restart = self.plan.scenario.module.psus
                [self.plan.machine.psus[part.index as usize].slot as usize]
                .restart;
            let (end, trips) = self.browned.entry(part.index).or_insert((Time::ZERO, 0));
            *trips += 1;
            *end = if *trips <= retries { self.now + restart } else { Time::NEVER };
        }
        self.parts.insert(part, state);
        if matches!(part.kind, PartKind::Switch | PartKind::Uplink | PartKind::NodeLink) {
            self.reached(part);
        }
        if part.kind == PartKind::Psu {
            for node in self.plan.machine.nodes_of(part) {
                let row = &mut self.nodes[node.0 as usize];
                row.free_since = self.now;
                if state == PartState::Down && cause == Cause::BrownOut {
                    row.brown_outs += 1;
                }
                if state == PartState::Down && row.state == NodeState::Down {
                    (row.powered, row.silence.known_at) = (false, None);
                }
                row.silence.cycling &= state == PartState::Up || cause == Cause::BrownOut;
            }
        }
    }

    fn strike(&mut self, fault: FaultId, kind: Fault, part: Part) {
        let rule = self.rule(fault);
        assert_eq!((rule.kind(), rule.on.kind), (kind, part.kind));
        assert!(rule.on.iter().any(|index| index == part.index), "it strikes its parts only");
        if let When::At(at) = rule.when {
            let first = self.struck.insert((fault, part)) && at == self.now;
            assert!(first || self.rule(fault).cascade.is_some(), "once, at its time");
        }
        self.last_strike = Some((fault, part));
        if kind == Fault::Hang && rule.repair == Repair::Never {
            self.lost.extend(self.nodes[part.index as usize].powered.then_some(part.index));
        }
        match rule.repair {
            // The controller keeps this repair, not the fault.
            Repair::PowerCycle => return,
            Repair::Never => {}
            Repair::After(_) => {
                let number = self.repaired.entry((fault, part)).or_insert(0);
                let span = self.chance.repair(fault, part.index, *number);
                *number += 1;
                self.repairs.push((self.now + span, fault, part));
            }
        }
        if kind != Fault::Hang {
            self.wounds.entry(part).or_default().push(fault);
            self.hold_or_release(part);
        }
        if kind == Fault::Crash {
            let row = &mut self.nodes[part.index as usize];
            row.free_since = self.now;
            if row.state == NodeState::Down {
                (row.powered, row.silence.known_at) = (false, None);
            }
        }
    }

    fn end_of(&mut self, fault: FaultId, kind: Fault, part: Part) {
        let ended = self.repairs.iter().position(|&end| end == (self.now, fault, part));
        self.repairs.remove(ended.expect("a repair ends when its time is over"));
        if kind == Fault::Hang {
            self.nodes[part.index as usize].silence.mended = true;
        }
        if kind != Fault::Hang {
            let rules = self.wounds.get_mut(&part).expect("the part is wounded");
            let place = rules.iter().position(|&rule| rule == fault);
            rules.remove(place.expect("by this fault"));
            self.hold_or_release(part);
        }
        if part.kind == PartKind::Node {
            let row = &mut self.nodes[part.index as usize];
            row.free_since = row.free_since.max(self.now);
        }
    }

    /// All is said about this instant: parts are what faults leave of them, nodes have power
    /// only from PSUs that give it.
    fn close(&mut self) {
        for row in &mut self.nodes {
            if let Some(back) = row.silence.back_at.take()
                && row.silence.known_at == Some(self.now)
            {
                (row.silence.known_at, row.silence.released) = (Some(back), true);
            }
        }
        let machine = &self.plan.machine;
        let wounded = |kind, index| !self.is_whole(Part { kind, index });
        for psu in 0..machine.psus.len() as u32 {
            let browned = self.browned.get(&psu).is_some_and(|&(end, _)| end > self.now);
            let down = wounded(PartKind::Psu, psu) || browned;
            assert_eq!(self.part(PartKind::Psu, psu) == PartState::Down, down, "PSU {psu}");
        }
        for (index, row) in (0..).zip(&machine.switches) {
            let dark = self.part(PartKind::Psu, row.psu) == PartState::Down;
            let down = wounded(PartKind::Switch, index) || dark;
            assert_eq!(self.part(PartKind::Switch, index) == PartState::Down, down, "{index}");
            self.check_link(Part { kind: PartKind::Uplink, index });
        }
        for index in 0..machine.servers.len() as u32 {
            let down = wounded(PartKind::Server, index);
            assert_eq!(self.part(PartKind::Server, index) == PartState::Down, down, "{index}");
        }
        for (index, node) in (0..).zip(&self.nodes) {
            self.check_link(Part { kind: PartKind::NodeLink, index });
            assert!(
                !node.powered || self.psu_is_up(index),
                "node {index} has power from a dead PSU"
            );
            let wounded = wounded(PartKind::Node, index);
            assert!(!wounded || !node.powered, "node {index} has power under repair");
            let ill = wounded || !self.psu_is_up(index);
            assert!(!ill || node.state == NodeState::Down, "node {index} is {:?}", node.state);
        }
    }

    fn check_link(&self, part: Part) {
        let rules = self.wounds.get(&part).into_iter().flatten();
        let share = rules.map(|&fault| self.rule(fault).harm.left_ppm()).min();
        let state = match share {
            None => PartState::Up,
            Some(0) => PartState::Down,
            Some(share) => PartState::Degraded(share),
        };
        assert_eq!(self.part(part.kind, part.index), state, "{part:?}");
    }

    /// Panics if something should have happened before `next`.
    fn expect_nothing_due_before(&self, next: Time, paths: &Paths) {
        for &(end, fault, part) in &self.repairs {
            assert!(end >= next, "the repair of {part:?} after {fault:?} was due at {end}");
        }
        for (&index, &(end, _)) in &self.browned {
            let back = self.is_whole(Part { kind: PartKind::Psu, index });
            assert!(!back || end >= next || end <= self.now, "a PSU was to be back at {end}");
        }
        for (index, rule) in self.plan.scenario.faults.iter().enumerate() {
            let When::At(at) = rule.when else { continue };
            let fault = FaultId(index as u16);
            for index in rule.on.iter().filter(|_| at < next) {
                let part = Part { kind: rule.on.kind, index };
                assert!(self.struck.contains(&(fault, part)), "{fault:?} spares {part:?}");
            }
        }
        for node in 0..self.nodes.len() as u32 {
            if let Some((due, what)) = self.next_of(node, paths)
                && due < next
            {
                panic!("node {node} was to {what} at {due}, but all is quiet until {next}");
            }
        }
    }

    /// The latest instant at which something must happen to a node, and what.
    fn next_of(&self, node: u32, paths: &Paths) -> Option<(Time, &'static str)> {
        let (scenario, row) = (&self.plan.scenario, &self.nodes[node as usize]);
        let (boot, controller) = (&scenario.hardware.boot, &scenario.controller);
        let ill = !self.is_whole(Part { kind: PartKind::Node, index: node });
        let mut all = Vec::new();
        if !row.powered {
            let psu = self.plan.machine.nodes[node as usize].psu;
            let fed = self.plan.machine.nodes_of(Part { kind: PartKind::Psu, index: psu }).count();
            let wait = controller.settle.max(Span(scenario.boot.power_on.stagger.0 * fed as u64));
            let free = row.free_since + wait;
            let on = if row.life == 0 { free.max(self.turn(node)) } else { free };
            return (self.psu_is_up(node) && !ill && !self.lost.contains(&node))
                .then_some((on, "be powered on"));
        }
        let cycles = row.cycles + row.brown_outs;
        let overdue = !row.seen && !row.alone && cycles < controller.boot_retries;
        if overdue {
            all.push((row.on_at + controller.boot_timeout, "be power-cycled"));
        }
        let known = row.silence.known_at.filter(|_| !self.is_held(node));
        all.extend(known.map(|known| (known, "be repaired")));
        match row.state {
            NodeState::Rom => all.push((row.since + boot.rom.max(boot.rom_sd), "go on")),
            NodeState::Dhcp => {
                let tries = Span(boot.dhcp_interval.0 * u64::from(boot.dhcp_tries));
                all.push((row.since + tries, "give up asking"));
            }
            NodeState::Tftp => {
                let silent = paths.silent_since(node).map(|since| since.max(row.since));
                let patience = boot.tftp_timeout + boot.tftp_file_overhead;
                all.extend(silent.map(|since| (since + patience, "give a file up")));
            }
            NodeState::Init => {
                let most = boot.init.as_secs_f64() * (1.0 + boot.spread) + 1e-6;
                all.push((row.since + Span::from_secs_f64(most), "be up"));
            }
            _ => {}
        }
        all.into_iter().min()
    }

    /// The run ends for the scenario's reason and for no other.
    fn check_end(&self, job: &Job) {
        assert!(self.ended, "the run ends");
        let stop = &self.plan.scenario.stop;
        let all_up = self.nodes.iter().all(|node| node.state == NodeState::Up);
        let reason = job.reason().expect("a reason is emitted");
        match reason {
            EndReason::AllUp => assert!(all_up && stop.when == StopWhen::AllUp),
            EndReason::WorkDone => {
                assert!(job.is_done() && stop.when == StopWhen::WorkloadDone);
            }
            EndReason::TimeUp => {
                assert_eq!(self.now, stop.at, "time is up when it is up");
                assert!(!all_up || stop.when != StopWhen::AllUp, "all were up");
                assert!(!job.is_done() || stop.when != StopWhen::WorkloadDone, "all was done");
            }
            EndReason::Quiet => panic!("meters are read until the end"),
        }
    }
}
