//! The nodes: a process each while it has power, and the events about it.
//!
//! ```text
//!  Off --on--> Init --joined--> Up --crash--> Down --off, on--> Init
//!                                  --hang---> Hung --off, on--> Init    PSU: Down until it is back
//! ```

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::rc::Rc;

use crate::backend::live::Live;
use crate::drivers::agents::{Agents, Fate, Start};
use crate::drivers::tls::name_of;
use crate::event::{Cause, Fault, NodeState, PartState, Target, What};
use crate::fleet::ports::{InjectionOrder, PowerState};
use crate::ids::{Life, NodeId, Part};
use crate::plan::Plan;
use crate::scenario::fault::Repair;
use crate::units::Time;

/// One node.
#[derive(Debug, Default)]
struct ProcessNode {
    life: u32,
    state: NodeState,
    /// Whether its channel is on; power comes with it when the feed is there.
    channel: bool,
    /// Whether it has power, though its process may have crashed.
    powered: bool,
    /// Repairs that must be done before it may have power: its own and its PSU's.
    blocked: u32,
}

/// All nodes of a run. No process outlives this value.
#[derive(Debug)]
pub(super) struct Nodes {
    pub plan: Rc<Plan>,
    agents: Agents,
    pub live: Live,
    each: RefCell<Vec<ProcessNode>>,
    done: RefCell<BTreeSet<u64>>,
}

impl Nodes {
    /// All nodes off, at the first instant of a run.
    pub(super) fn new(plan: Rc<Plan>, start: Start) -> Self {
        let each: Vec<_> = plan.machine.nodes.iter().map(|_| ProcessNode::default()).collect();
        let live = Live::new(&plan);
        Self {
            plan,
            agents: Agents::new(start, each.len()),
            live,
            each: RefCell::new(each),
            done: RefCell::default(),
        }
    }

    /// The time of the run, which ends with the scenario.
    pub(super) fn now(&self) -> Time {
        self.live.now()
    }

    /// Emits an event at this instant, unless the run is over.
    pub(super) fn emit(&self, what: What) {
        self.live.emit(what);
    }

    /// Switches a node's channel on.
    pub(super) fn on(&self, node: NodeId) -> io::Result<()> {
        let blocked = {
            let own = &mut self.each.borrow_mut()[node.0 as usize];
            own.channel |= own.blocked == 0;
            own.blocked > 0
        };
        if blocked {
            return Err(io::Error::other("the feed is dead"));
        }
        self.energise(node)
    }

    /// Switches a node's channel off.
    pub(super) fn off(&self, node: NodeId, cause: Cause) {
        let blocked = {
            let own = &mut self.each.borrow_mut()[node.0 as usize];
            (own.channel, own.powered) = (false, false);
            own.blocked > 0
        };
        self.agents.end(node);
        if !blocked {
            self.set_state(node, NodeState::Off, cause);
        }
    }

    /// What a node's switch says.
    pub(super) fn supply(&self, node: NodeId) -> PowerState {
        let own = &self.each.borrow()[node.0 as usize];
        match (own.blocked > 0, own.channel) {
            (true, _) => PowerState::Dead,
            (false, true) => PowerState::On,
            (false, false) => PowerState::Off,
        }
    }

    /// Power reaches a node whose channel is on and that has none: a life begins.
    fn energise(&self, node: NodeId) -> io::Result<()> {
        let life = {
            let own = &mut self.each.borrow_mut()[node.0 as usize];
            if own.powered || own.blocked > 0 || !own.channel {
                return Ok(());
            }
            own.powered = true;
            own.life += 1;
            own.life
        };
        self.agents.start(node, Life(life), self.plan.scenario.controller.heartbeat())?;
        self.set_state(node, NodeState::Init, Cause::Course);
        Ok(())
    }

    fn set_state(&self, node: NodeId, state: NodeState, cause: Cause) {
        let own = &mut self.each.borrow_mut()[node.0 as usize];
        if own.state != state {
            own.state = state;
            self.emit(What::NodeState { node, life: Life(own.life), state, cause });
        }
    }

    /// The controller took a node's agent in.
    pub(super) fn joined(&self, node: NodeId, life: Life) {
        let (state, own) = {
            let own = &self.each.borrow()[node.0 as usize];
            (own.state, own.life)
        };
        if state == NodeState::Init && own == life.0 {
            self.set_state(node, NodeState::Up, Cause::Course);
        }
    }

    /// Looks for agents that stopped or ended by themselves: who stopped hangs, who was killed has
    /// crashed, and whatever else ends them is a mistake of ours.
    pub(super) fn reap(&self) {
        for (node, fate) in self.agents.look() {
            let Fate::Ended(status) = fate else {
                self.set_state(node, NodeState::Hung, Cause::Fault(Fault::Hang));
                continue;
            };
            self.set_state(node, NodeState::Down, Cause::Fault(Fault::Crash));
            if status.signal().is_none() {
                let (name, words) = (name_of(node), self.agents.last_words(node));
                self.live.fail(format!("the agent of {name} ended by itself: {words}"));
            }
        }
    }

    /// Whether a node's agent carries a harm out by itself: what is done to its resources, and a
    /// hang, as long as it hears.
    pub(super) fn harms_itself(&self, injection: &InjectionOrder) -> bool {
        let is_up = || self.each.borrow()[injection.part.index as usize].state == NodeState::Up;
        injection.kind.target() == Target::Resource || injection.kind == Fault::Hang && is_up()
    }

    /// Does a harm, once.
    pub(super) fn harm(&self, injection: &InjectionOrder) -> io::Result<()> {
        if !self.done.borrow_mut().insert(injection.number) {
            return Ok(());
        }
        let (node, cause) = (NodeId(injection.part.index), Cause::Fault(injection.kind));
        match injection.kind.target() {
            Target::Life if injection.kind == Fault::Hang => self.hang(node, cause)?,
            Target::Life => {
                let is_blocked = self.is_blocked_by(injection);
                self.strike(node, is_blocked, cause);
            }
            Target::Feed => {
                self.emit_part(injection.part, PartState::Down, cause);
                for node in self.plan.machine.nodes_of(injection.part) {
                    self.block(node);
                    self.set_state(node, NodeState::Down, cause);
                }
            }
            Target::Switch
            | Target::Link
            | Target::Server
            | Target::Controller
            | Target::Network
            | Target::Memory
            | Target::Resource => return Err(io::ErrorKind::Unsupported.into()),
        }
        Ok(())
    }

    /// Undoes a harm, once. What only a power cycle cures stays.
    pub(super) fn undo(&self, injection: &InjectionOrder) -> io::Result<()> {
        if !self.done.borrow_mut().remove(&injection.number) {
            return Ok(());
        }
        match injection.kind.target() {
            Target::Life if injection.kind == Fault::Crash && self.is_blocked_by(injection) => {
                self.unblock(NodeId(injection.part.index))
            }
            Target::Feed => {
                self.emit_part(injection.part, PartState::Up, Cause::Repair);
                let all: Vec<_> = self.plan.machine.nodes_of(injection.part).collect();
                all.into_iter().try_for_each(|node| self.unblock(node))
            }
            Target::Life
            | Target::Switch
            | Target::Link
            | Target::Server
            | Target::Controller
            | Target::Network
            | Target::Memory
            | Target::Resource => Ok(()),
        }
    }

    /// Whether a crashed node has no power until it is repaired.
    fn is_blocked_by(&self, injection: &InjectionOrder) -> bool {
        let rule = self.plan.scenario.rule(injection.fault);
        !matches!(rule.repair, Repair::PowerCycle)
    }

    /// A node crashes, if it has power.
    fn strike(&self, node: NodeId, blocked: bool, cause: Cause) {
        let has_power = self.each.borrow()[node.0 as usize].powered;
        if blocked {
            self.block(node);
            self.each.borrow_mut()[node.0 as usize].channel = false;
        }
        self.agents.end(node);
        if has_power {
            self.set_state(node, NodeState::Down, cause);
        }
    }

    fn hang(&self, node: NodeId, cause: Cause) -> io::Result<()> {
        if self.agents.stop(node)? {
            self.set_state(node, NodeState::Hung, cause);
        }
        Ok(())
    }

    /// A node has no power for one more reason.
    fn block(&self, node: NodeId) {
        let own = &mut self.each.borrow_mut()[node.0 as usize];
        own.blocked += 1;
        own.powered = false;
        self.agents.end(node);
    }

    /// A repair is done: with the last one the node has power, if its channel is on.
    fn unblock(&self, node: NodeId) -> io::Result<()> {
        self.each.borrow_mut()[node.0 as usize].blocked -= 1;
        self.energise(node)
    }

    fn emit_part(&self, part: Part, state: PartState, cause: Cause) {
        self.emit(What::PartState { part, state, cause });
    }
}
