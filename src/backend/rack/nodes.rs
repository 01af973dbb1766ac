//! The nodes: what is known of each, and the events about it.
//!
//! ```text
//!  Off --on--> Rom --asks--> Dhcp --fetches--> Tftp --has all--> Init --joins--> Up
//!   any --power cut--> Down --off, on--> Rom         Up --hangs---> Hung --off, on--> Rom
//!   Up --silent, and nobody knows why--> Down --heard again--> Up
//! ```
//!
//! Without a boot log a node goes from `Rom` to `Up`. A life begins with each power-on, and when
//! an agent comes back with another life than it had: its node rebooted by itself.

use std::cell::RefCell;
use std::rc::Rc;

use super::boot::{BootLog, BootProgress};
use crate::backend::live::Live;
use crate::event::{Cause, Fault, NodeState, PartState, Target, What};
use crate::fleet::ports::{InjectionOrder, PowerState};
use crate::ids::{Life, NodeId, Part};
use crate::plan::Plan;
use crate::units::Time;

/// One node.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct RackNode {
    life: u32,
    /// The life that its agent gave when it joined last.
    agent: Option<Life>,
    state: NodeState,
    /// Whether the controller wants it to have power; it has, when nothing keeps it off.
    wanted: bool,
    /// Whether its channel is on, as far as is known.
    powered: bool,
    /// Whether it has stopped although its channel is on.
    stopped: bool,
    /// Whether its clock was judged in this life.
    is_timed: bool,
    /// Since when (ns) its clock has seemed to be behind in this life.
    behind_since: Option<u64>,
    /// Harms that keep its channel off.
    blocked: u32,
    /// Harms that keep it from being heard.
    cut: u32,
}

/// All nodes of a run.
#[derive(Debug)]
pub(super) struct Nodes {
    pub plan: Rc<Plan>,
    pub live: Live,
    each: RefCell<Vec<RackNode>>,
    /// The log in which boots are seen.
    log: RefCell<Option<BootLog>>,
}

impl Nodes {
    /// All nodes off, at the first instant of a run.
    pub(super) fn new(plan: Rc<Plan>, log: Option<BootLog>) -> Self {
        let each = vec![RackNode::default(); plan.machine.nodes.len()];
        let live = Live::new(&plan);
        Self { plan, live, each: RefCell::new(each), log: RefCell::new(log) }
    }

    /// The time of the run, which ends with the scenario.
    pub(super) fn now(&self) -> Time {
        self.live.now()
    }

    /// Emits an event at this instant, unless the run is over.
    pub(super) fn emit(&self, what: What) {
        self.live.emit(what);
    }

    /// Emits that a part other than a node changed.
    pub(super) fn emit_part(&self, part: Part, state: PartState, cause: Cause) {
        self.emit(What::PartState { part, state, cause });
    }

    fn of(&self, node: NodeId) -> RackNode {
        self.each.borrow()[node.0 as usize]
    }

    fn change(&self, node: NodeId, change: impl FnOnce(&mut RackNode)) {
        change(&mut self.each.borrow_mut()[node.0 as usize]);
    }

    fn set_state(&self, node: NodeId, state: NodeState, cause: Cause) {
        let own = self.of(node);
        if own.state != state {
            self.change(node, |own| own.state = state);
            self.emit(What::NodeState { node, life: Life(own.life), state, cause });
        }
    }

    /// Whether an agent is there to be sent something.
    pub(super) fn is_up(&self, node: NodeId) -> bool {
        self.of(node).state == NodeState::Up
    }

    /// Whether its channel is on, as far as is known.
    pub(super) fn has_power(&self, node: NodeId) -> bool {
        self.of(node).powered
    }

    /// Whether the clock of a node of this life is still to be judged: later a fault may have set
    /// it wrong.
    pub(super) fn is_untimed(&self, node: NodeId) -> bool {
        !self.of(node).is_timed
    }

    /// The clock of a node of this life is judged.
    pub(super) fn timed(&self, node: NodeId) {
        self.each.borrow_mut()[node.0 as usize].is_timed = true;
    }

    /// Since when (ns) the clock of a node of this life has seemed to be behind.
    pub(super) fn behind_since(&self, node: NodeId, now: u64) -> u64 {
        *self.each.borrow_mut()[node.0 as usize].behind_since.get_or_insert(now)
    }

    /// Whether it has stopped although its channel is on.
    pub(super) fn has_stopped(&self, node: NodeId) -> bool {
        let own = self.of(node);
        own.powered && own.stopped
    }

    /// The controller wants a node on or off. Whether its switch may be asked.
    pub(super) fn want(&self, node: NodeId, on: bool) -> bool {
        let is_blocked = self.of(node).blocked > 0;
        if !(on && is_blocked) {
            self.change(node, |own| own.wanted = on);
        }
        !is_blocked
    }

    /// What a node's switch counts for, where harms keep it off.
    pub(super) fn supply(&self, node: NodeId, said: PowerState) -> PowerState {
        if self.of(node).blocked > 0 { PowerState::Dead } else { said }
    }

    /// A switch is on: a life begins, if it was off.
    pub(super) fn is_on(&self, node: NodeId) {
        let own = self.of(node);
        if !own.powered && own.blocked == 0 {
            self.change(node, |own| {
                own.powered = true;
                own.stopped = false;
                own.is_timed = false;
                own.behind_since = None;
                own.life += 1;
                own.agent = None;
            });
            self.set_state(node, NodeState::Rom, Cause::Course);
        }
    }

    /// A switch is off, by the controller's order.
    pub(super) fn is_off(&self, node: NodeId, cause: Cause) {
        self.change(node, |own| own.powered = false);
        if self.of(node).blocked == 0 {
            self.set_state(node, NodeState::Off, cause);
        }
    }

    /// A harm cut a node's power.
    pub(super) fn is_struck(&self, node: NodeId, cause: Cause) {
        if self.of(node).powered {
            self.change(node, |own| own.powered = false);
            self.set_state(node, NodeState::Down, cause);
        }
    }

    /// A harm keeps a node off from now on. One that crashed is not wanted on any more: its
    /// repair, not the end of the harm, brings it back.
    pub(super) fn block(&self, node: NodeId, forgets: bool) {
        self.change(node, |own| {
            own.blocked += 1;
            own.wanted &= !forgets;
        });
    }

    /// A harm keeps a node off no longer. Whether it is to be switched on.
    pub(super) fn unblock(&self, node: NodeId) -> bool {
        self.change(node, |own| own.blocked -= 1);
        let own = self.of(node);
        own.blocked == 0 && own.wanted
    }

    /// Emits what the boot log says by now.
    pub(super) fn read_boots(&self) {
        let said = self.log.borrow_mut().as_mut().map(BootLog::read);
        for (node, stage) in said.into_iter().flatten() {
            self.boots(node, stage);
        }
    }

    /// The boot log speaks of a node: a boot goes forward only.
    fn boots(&self, node: NodeId, stage: BootProgress) {
        if node.0 as usize >= self.plan.machine.nodes.len() {
            return;
        }
        let next = match stage {
            BootProgress::Asks => NodeState::Dhcp,
            BootProgress::Fetches => NodeState::Tftp,
            BootProgress::HasAll => NodeState::Init,
        };
        if self.of(node).wanted {
            // Its switch has not said yet that it is on.
            self.is_on(node);
        }
        let own = self.of(node);
        if own.powered && (NodeState::Rom..NodeState::Init).contains(&own.state) && own.state < next
        {
            self.set_state(node, next, Cause::Course);
        }
    }

    /// The controller took a node's agent in.
    pub(super) fn joined(&self, node: NodeId, life: Life) {
        // What it fetched, it fetched before.
        self.read_boots();
        self.is_on(node);
        let own = self.of(node);
        if own.blocked > 0 {
            return;
        }
        let is_another = own.agent.is_some_and(|agent| agent != life);
        self.change(node, |own| {
            own.agent = Some(life);
            own.stopped = false;
            own.life += u32::from(is_another);
        });
        let was_lost = matches!(own.state, NodeState::Hung | NodeState::Down);
        let cause = if was_lost { Cause::Repair } else { Cause::Course };
        self.set_state(node, NodeState::Up, cause);
    }

    /// A node's agent has been silent for too long. What is known to keep it from being heard has
    /// been emitted already.
    pub(super) fn silent(&self, node: NodeId) {
        let own = self.of(node);
        if own.state == NodeState::Up && own.cut == 0 {
            self.set_state(node, NodeState::Down, Cause::Silent);
        }
    }

    /// Agents are ordered to carry out an injection, or to undo it: what becomes of their nodes.
    pub(super) fn entrusted(&self, injection: &InjectionOrder, begin: bool) {
        let (node, cause) = (NodeId(injection.part.index), Cause::Fault(injection.kind));
        let hangs = injection.kind == Fault::Hang;
        match injection.kind.target() {
            Target::Life if hangs && begin && self.is_up(node) => {
                self.set_state(node, NodeState::Hung, cause);
            }
            Target::Life if !hangs && begin && self.of(node).powered => {
                self.change(node, |own| own.stopped = true);
                self.set_state(node, NodeState::Down, cause);
            }
            Target::Switch | Target::Link => self.part(injection, begin),
            Target::Life
            | Target::Feed
            | Target::Server
            | Target::Controller
            | Target::Network
            | Target::Memory
            | Target::Resource => {}
        }
    }

    /// A switch or a link works no longer, or works again.
    fn part(&self, injection: &InjectionOrder, begin: bool) {
        let share_ppm = self.plan.scenario.rule(injection.fault).harm.left_ppm();
        let is_cut = injection.kind == Fault::SwitchLoss || share_ppm == 0;
        let (state, cause) = match (begin, is_cut) {
            (true, true) => (PartState::Down, Cause::Fault(injection.kind)),
            (true, false) => (PartState::Degraded(share_ppm), Cause::Fault(injection.kind)),
            (false, _) => (PartState::Up, Cause::Repair),
        };
        self.emit_part(injection.part, state, cause);
        if is_cut {
            let all: Vec<_> = self.plan.machine.nodes_of(injection.part).collect();
            for node in all {
                self.change(node, |own| {
                    own.cut = if begin { own.cut + 1 } else { own.cut.saturating_sub(1) };
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::fleet::ports::Means;
    use crate::ids::{FaultId, PartKind};
    use crate::plan::pilot;
    use crate::units::Span;

    const NODE: NodeId = NodeId(2);

    fn nodes() -> Nodes {
        Nodes::new(Rc::new(Plan::make(&pilot::scenario())), None)
    }

    /// State, life and cause of all that was emitted of the node.
    fn emitted(nodes: &Nodes) -> Vec<(NodeState, u32, Cause)> {
        let state = |event: &Event| match event.what {
            What::NodeState { node: NODE, life, state, cause } => Some((state, life.0, cause)),
            _ => None,
        };
        nodes.live.take().iter().filter_map(state).collect()
    }

    fn injection(kind: Fault, kind_of_part: PartKind, index: u32) -> InjectionOrder {
        let part = Part { kind: kind_of_part, index };
        let (fault, lasts, lease) = (FaultId(0), None, Span(1));
        let means = Means::Usual;
        InjectionOrder { number: 0, fault, kind, part, lasts, lease, means }
    }

    fn up() -> Nodes {
        let nodes = nodes();
        assert!(nodes.want(NODE, true));
        nodes.is_on(NODE);
        nodes.joined(NODE, Life(77));
        nodes.live.take();
        nodes
    }

    #[test]
    fn a_boot_goes_forward_only_and_a_life_begins_with_each_power_on() {
        use NodeState::{Dhcp, Init, Off, Rom, Tftp, Up};
        let nodes = nodes();
        nodes.boots(NODE, BootProgress::Fetches);
        assert!(emitted(&nodes).is_empty(), "another boot server's client: it has no power");
        for life in 1..=2 {
            nodes.is_on(NODE);
            for stage in [
                BootProgress::Asks,
                BootProgress::Fetches,
                BootProgress::Asks,
                BootProgress::HasAll,
                BootProgress::Fetches,
            ] {
                nodes.boots(NODE, stage);
            }
            nodes.joined(NODE, Life(life));
            nodes.boots(NODE, BootProgress::HasAll);
            nodes.is_off(NODE, Cause::Repair);
            let states = [Rom, Dhcp, Tftp, Init, Up].map(|state| (state, life, Cause::Course));
            let all = [&states[..], &[(Off, life, Cause::Repair)]].concat();
            assert_eq!(emitted(&nodes), all);
        }
    }

    #[test]
    fn who_is_silent_is_down_unless_it_is_known_why() {
        let nodes = up();
        nodes.silent(NODE);
        nodes.joined(NODE, Life(77));
        let down = (NodeState::Down, 1, Cause::Silent);
        assert_eq!(emitted(&nodes), [down, (NodeState::Up, 1, Cause::Repair)]);
        let cut = injection(Fault::SwitchLoss, PartKind::Switch, 0);
        nodes.entrusted(&cut, true);
        nodes.silent(NODE);
        nodes.entrusted(&cut, false);
        assert_eq!(emitted(&nodes), [], "its switch was lost");
        nodes.entrusted(&injection(Fault::Hang, PartKind::Node, NODE.0), true);
        nodes.silent(NODE);
        let hung = (NodeState::Hung, 1, Cause::Fault(Fault::Hang));
        assert_eq!(emitted(&nodes), [hung]);
    }

    #[test]
    fn an_agent_that_comes_back_with_another_life_has_booted_by_itself() {
        let nodes = up();
        nodes.entrusted(&injection(Fault::Crash, PartKind::Node, NODE.0), true);
        assert!(nodes.has_stopped(NODE), "only a power cycle helps");
        nodes.joined(NODE, Life(78));
        assert!(!nodes.has_stopped(NODE));
        let down = (NodeState::Down, 1, Cause::Fault(Fault::Crash));
        assert_eq!(emitted(&nodes), [down, (NodeState::Up, 2, Cause::Repair)]);
    }

    #[test]
    fn what_a_harm_keeps_off_gets_no_power_before_the_last_one_is_over() {
        let nodes = up();
        nodes.block(NODE, false);
        nodes.block(NODE, false);
        nodes.is_struck(NODE, Cause::Fault(Fault::PowerLoss));
        assert!(!nodes.want(NODE, true));
        nodes.is_on(NODE);
        assert_eq!(nodes.supply(NODE, PowerState::On), PowerState::Dead);
        assert!(!nodes.unblock(NODE));
        assert!(nodes.unblock(NODE), "it was wanted on");
        nodes.is_on(NODE);
        let down = (NodeState::Down, 1, Cause::Fault(Fault::PowerLoss));
        assert_eq!(emitted(&nodes), [down, (NodeState::Rom, 2, Cause::Course)]);
        nodes.block(NODE, true);
        assert!(!nodes.unblock(NODE), "who crashed is brought back by its repair");
    }
}
