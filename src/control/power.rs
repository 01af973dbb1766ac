//! The power supervisor: brings nodes from what they are to what they should be, which is up.
//!
//! ```text
//!            on, staggered        joined
//!  off ---------------------> booting ----> up --suspected--> silent
//!   ^                            | too late                     | at once, unless held
//!   |        settle              v                              v
//!   +-------------------------- off  <--------------------------+
//! ```
//!
//! A node that does not come up in time is power-cycled, up to the controller's patience. A node
//! that is suspected, by whatever detector, is power-cycled at once, unless it is *held*: what it
//! hangs on is known to be broken, and a power cycle would cure nothing. When that is whole, it has
//! the time that its agent needs to return. A node that is itself under repair is *out*: it gets no
//! power act until it is back. A power act that fails is tried again after 1, 2, 4 ... 60 s. At
//! most `cycles_max` silent nodes are in a power cycle at a time, those left out that cannot be
//! switched on: a mistaken detector cannot switch the whole machine off.
//!
//! Where agents send heartbeats, a detector of [`crate::protocol::detector`] suspects. Where nobody
//! sends heartbeats, the holder says who falls silent and who is heard again, and a node that is
//! silent for the delay of that detector is suspected.
//!
//! Not modelled: how the controller comes to know of a repair. It injects the plan's faults itself,
//! and so holds what it struck; an operator would say so.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::injection::Injection;
use crate::event::Cause;
use crate::ids::NodeId;
use crate::plan::Plan;
use crate::units::{Span, Time};

/// The longest time between two tries of a power act that fails.
const RETRY_MAX: Span = Span::from_secs(60);
/// How many heartbeats it takes an agent at most to make its link anew when its way is whole again:
/// five of patience with the connection that it tries, one before it tries the next, and two of
/// reserve.
const LINK_HEARTBEATS: u64 = 8;
/// The time after which a silent node looks again whether it may be power-cycled.
const CYCLE_AGAIN: Span = Span::from_secs(1);

/// What to do to a node's power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerAct {
    /// Switch it on.
    On(NodeId),
    /// Switch it off, for this reason.
    Off(NodeId, Cause),
}

/// The rules of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Time for a boot.
    pub boot_timeout: Span,
    /// Power cycles without success.
    pub cycles_patience: u32,
    /// Time between off and on.
    pub settle: Span,
    /// Silent nodes that may be in a power cycle at a time.
    pub cycles_max: usize,
    /// Time from a node's silence to its suspicion, where nobody sends heartbeats.
    pub detection: Span,
    /// Time in which a node is heard again when what it hangs on is whole.
    pub return_time: Span,
    /// Time between the first power-ons of two nodes of a module.
    pub stagger: Span,
    /// Nodes of a module.
    pub per_module: u32,
}

impl Rules {
    /// Those of a plan. A quarter of the machine may be cycled at a time, 16 nodes at least (an
    /// assumption: more than a blade, less than a module).
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let spec = &plan.scenario.controller;
        Self {
            boot_timeout: spec.boot_timeout,
            cycles_patience: spec.boot_retries,
            settle: spec.settle,
            cycles_max: (plan.machine.nodes.len() / 4).max(16),
            detection: plan.detection(),
            return_time: plan.detection()
                + Span(spec.heartbeat().0.saturating_mul(LINK_HEARTBEATS)),
            stagger: plan.scenario.boot.power_on.stagger,
            per_module: plan.scenario.module.nodes,
        }
    }
}

/// What can become due of a node. It means nothing if the node has become something else since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Due {
    node: u32,
    task: Task,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Task {
    /// The nodes of its module are switched on one after the other, this one next.
    Start,
    /// It is to be switched on.
    On,
    /// It should be up by now.
    Boot,
    /// It has been silent for long enough to be suspected.
    Silence,
    /// It is to be power-cycled.
    Cycle,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Progress {
    /// Never switched on yet; its turn comes.
    #[default]
    Waiting,
    /// Off; it is to be switched on at its time.
    Off,
    /// The switch was asked.
    SwitchingOn,
    SwitchingOff,
    Booting,
    /// If something is due, it is silent.
    Up,
    /// It is suspected.
    Silent,
    /// Patience is used up.
    LeftAlone,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Record {
    progress: Progress,
    /// When something is due: power-on, the end of the boot, the suspicion or the cycle of a silent
    /// node.
    due: Time,
    /// Power cycles since it was last up.
    cycles: u32,
    /// Broken things that it hangs on.
    held: u16,
    /// Repairs that it needs itself.
    out: u16,
    /// Power acts that failed in a row.
    failed: u8,
    /// Why it is switched off next.
    repair: bool,
    /// Whether it is in a power cycle for its silence.
    cycled: bool,
}

impl Default for Record {
    fn default() -> Self {
        let (progress, due) = (Progress::Waiting, Time::NEVER);
        let (cycles, held, out, failed) = (0, 0, 0, 0);
        Self { progress, due, cycles, held, out, failed, repair: false, cycled: false }
    }
}

/// The machine. Each input costs O(1).
#[derive(Clone, Debug)]
pub struct PowerSupervisor {
    rules: Rules,
    state: State,
    /// What is to be done now.
    acts: VecDeque<PowerAct>,
    /// Whose turn it is to be switched on first, and whether the time for it has come.
    turn: Option<(u32, bool)>,
}

/// What has to be saved of a supervisor. Between an act that was asked for and the next one it is
/// not whole.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    nodes: Vec<Record>,
    /// Nodes in a power cycle for their silence.
    cycling: usize,
    /// The injections that took nodes out, by number.
    out: BTreeSet<u32>,
}

impl PowerSupervisor {
    /// So many nodes, all off.
    #[must_use]
    pub fn new(rules: Rules, n_nodes: usize) -> Self {
        let state = State { nodes: vec![Record::default(); n_nodes], ..State::default() };
        Self { rules, state, acts: VecDeque::new(), turn: None }
    }

    /// Other rules hold from now on.
    pub fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// The supervisor that was saved. Whether a switch obeyed that was asked last is not known: it
    /// is asked again, at once.
    #[must_use]
    pub fn restored(rules: Rules, state: State, wake: &mut impl FnMut(Time, Due)) -> Self {
        let n_nodes = state.nodes.len() as u32;
        let mut this = Self { rules, state, acts: VecDeque::new(), turn: None };
        for id in (0..n_nodes).map(NodeId) {
            let progress = match this.node(id).progress {
                Progress::SwitchingOn => Progress::Off,
                Progress::SwitchingOff => Progress::Silent,
                _ => continue,
            };
            this.set(id, progress, Time::ZERO, wake);
        }
        this
    }

    /// What has to be saved.
    #[must_use]
    pub fn state(&self) -> &State {
        assert!(self.acts.is_empty() && self.turn.is_none(), "saved between two acts");
        &self.state
    }

    /// Says when nodes are switched on: module by module at once, staggered inside.
    pub fn begin(&mut self, wake: &mut impl FnMut(Time, Due)) {
        for node in (0..self.state.nodes.len() as u32).step_by(self.rules.per_module as usize) {
            wake(Time::ZERO, Due { node, task: Task::Start });
        }
    }

    /// Whether a node is up, as far as is known.
    #[must_use]
    pub fn is_up(&self, id: NodeId) -> bool {
        self.node(id).progress == Progress::Up
    }

    /// Nodes that are up.
    #[must_use]
    pub fn n_up(&self) -> usize {
        self.state.nodes.iter().filter(|node| node.progress == Progress::Up).count()
    }

    /// Whether what a silent node has in its memory counts as lost. What only cuts it off takes no
    /// memory; what is broken itself has lost it, and so has what will be power-cycled.
    #[must_use]
    pub fn loses_memory(&self, id: NodeId) -> bool {
        let node = self.node(id);
        node.held == 0 || node.out > 0
    }

    fn node(&self, id: NodeId) -> &Record {
        &self.state.nodes[id.0 as usize]
    }

    fn node_mut(&mut self, id: NodeId) -> &mut Record {
        &mut self.state.nodes[id.0 as usize]
    }

    fn set(&mut self, id: NodeId, progress: Progress, due: Time, wake: &mut impl FnMut(Time, Due)) {
        let node = self.node_mut(id);
        (node.progress, node.due) = (progress, due);
        let task = match progress {
            Progress::Off => Task::On,
            Progress::Booting => Task::Boot,
            Progress::Up => Task::Silence,
            Progress::Silent => Task::Cycle,
            Progress::Waiting
            | Progress::SwitchingOn
            | Progress::SwitchingOff
            | Progress::LeftAlone => return,
        };
        if due != Time::NEVER {
            wake(due, Due { node: id.0, task });
        }
    }

    /// Enters a progress in which nothing is due.
    fn rest(&mut self, id: NodeId, progress: Progress) {
        let node = self.node_mut(id);
        (node.progress, node.due) = (progress, Time::NEVER);
    }

    fn cycled(&mut self, id: NodeId, cycled: bool) {
        let before = std::mem::replace(&mut self.node_mut(id).cycled, cycled);
        self.state.cycling = self.state.cycling + usize::from(cycled) - usize::from(before);
    }

    /// A node has power, by its switch or because its feed is back: it boots.
    pub fn boots(&mut self, now: Time, id: NodeId, wake: &mut impl FnMut(Time, Due)) {
        self.node_mut(id).failed = 0;
        self.set(id, Progress::Booting, now + self.rules.boot_timeout, wake);
    }

    /// A node's agent joined or is heard again; not one that is being switched off.
    pub fn joined(&mut self, id: NodeId) {
        let node = self.node_mut(id);
        if node.progress == Progress::SwitchingOff {
            return;
        }
        (node.cycles, node.failed, node.repair) = (0, 0, false);
        self.cycled(id, false);
        self.rest(id, Progress::Up);
    }

    /// Nobody sends heartbeats, and a node that is up is heard no more: it is suspected if that
    /// lasts.
    pub fn unheard(&mut self, now: Time, id: NodeId, wake: &mut impl FnMut(Time, Due)) {
        let node = self.node(id);
        if node.progress == Progress::Up && node.due == Time::NEVER {
            self.set(id, Progress::Up, now + self.rules.detection, wake);
        }
    }

    /// A node that was up is suspected: it has been silent for too long.
    pub fn suspected(&mut self, now: Time, id: NodeId, wake: &mut impl FnMut(Time, Due)) {
        let node = self.node_mut(id);
        if node.progress != Progress::Up {
            return;
        }
        node.repair = true;
        if node.held == 0 && node.out == 0 {
            self.cycle_silent(now, id, wake);
        } else {
            self.rest(id, Progress::Silent);
        }
    }

    /// A fault is injected: what hangs on what it breaks is held, what it breaks itself is out.
    pub fn injected(
        &mut self,
        plan: &Plan,
        injection: &Injection,
        has_power: impl Fn(NodeId) -> bool,
    ) {
        for id in injection.cuts_off(plan) {
            self.node_mut(id).held += 1;
            if self.node(id).progress == Progress::Silent {
                self.rest(id, Progress::Silent);
            }
        }
        let out = injection.takes_out(plan, has_power);
        if !out.is_empty() {
            self.state.out.insert(injection.number);
        }
        for id in out {
            self.take_out(id, injection.is_dark());
        }
    }

    /// A node is itself under repair. `dark`: it has no power.
    fn take_out(&mut self, id: NodeId, dark: bool) {
        self.cycled(id, false);
        let node = self.node_mut(id);
        node.out += 1;
        match node.progress {
            // It is switched on when it is back.
            Progress::Waiting | Progress::Off => {}
            _ => self.rest(id, if dark { Progress::Off } else { Progress::Silent }),
        }
    }

    /// An injection is undone. What was held and is silent has the time of an agent's return to be
    /// heard, what was out gets power, one node after the other, or is power-cycled if it had it.
    pub fn undone(
        &mut self,
        now: Time,
        plan: &Plan,
        injection: &Injection,
        wake: &mut impl FnMut(Time, Due),
    ) {
        for id in injection.cuts_off(plan) {
            let node = self.node_mut(id);
            node.held -= 1;
            if node.progress == Progress::Silent && node.held == 0 && node.out == 0 {
                self.set(id, Progress::Silent, now + self.rules.return_time, wake);
            }
        }
        if self.state.out.remove(&injection.number) {
            let mut at = now;
            for id in injection.takes_out(plan, |_| true) {
                self.bring_back(now, at, id, wake);
                at = at + self.rules.stagger;
            }
        }
    }

    /// A repair of a node is done: it gets power at `at`, or is power-cycled if it had it.
    fn bring_back(&mut self, now: Time, at: Time, id: NodeId, wake: &mut impl FnMut(Time, Due)) {
        let node = self.node_mut(id);
        node.out -= 1;
        node.repair = true;
        if node.out > 0 {
            return;
        }
        match node.progress {
            Progress::Off => {
                let later = if node.due == Time::NEVER { at } else { node.due.max(at) };
                self.set(id, Progress::Off, later, wake);
            }
            Progress::Silent if at <= now => self.cycle_silent(now, id, wake),
            Progress::Silent => self.set(id, Progress::Silent, at, wake),
            Progress::Waiting
            | Progress::SwitchingOn
            | Progress::SwitchingOff
            | Progress::Booting
            | Progress::Up
            | Progress::LeftAlone => {}
        }
    }

    /// The switch obeyed, or it did not.
    pub fn switched(
        &mut self,
        now: Time,
        id: NodeId,
        on: bool,
        obeyed: bool,
        wake: &mut impl FnMut(Time, Due),
    ) {
        let node = self.node_mut(id);
        let wanted = if on { Progress::SwitchingOn } else { Progress::SwitchingOff };
        if node.progress != wanted {
            return;
        }
        if !obeyed {
            let wait = Span::from_secs(1 << node.failed.min(6)).min(RETRY_MAX);
            node.failed = node.failed.saturating_add(1);
            let progress = if on { Progress::Off } else { Progress::Silent };
            if on {
                // What cannot be switched on keeps no other node from its power cycle.
                self.cycled(id, false);
            }
            self.set(id, progress, now + wait, wake);
        } else if on {
            self.boots(now, id, wake);
        } else {
            node.failed = 0;
            self.set(id, Progress::Off, now + self.rules.settle, wake);
        }
    }

    /// Nobody sends heartbeats, and the controller was down and is back: who is silent has the
    /// detector's time anew. O(nodes).
    pub fn resumed(&mut self, now: Time, wake: &mut impl FnMut(Time, Due)) {
        for id in (0..self.state.nodes.len() as u32).map(NodeId) {
            let node = self.node(id);
            if node.progress == Progress::Up && node.due != Time::NEVER {
                self.set(id, Progress::Up, now + self.rules.detection, wake);
            }
        }
    }

    /// The controller was down when this was due, at `at`, and is back.
    pub fn late(&mut self, now: Time, at: Time, due: Due, wake: &mut impl FnMut(Time, Due)) {
        let Due { node, task } = due;
        let id = NodeId(node);
        if task == Task::Start {
            wake(now, due);
        } else if self.node(id).due == at {
            let progress = self.node(id).progress;
            self.set(id, progress, now, wake);
        }
    }

    /// Something is due, at `at`, and is looked at now: ask for acts.
    pub fn fire(&mut self, now: Time, at: Time, due: Due, wake: &mut impl FnMut(Time, Due)) {
        let id = NodeId(due.node);
        let node = *self.node(id);
        let expected = node.due == at;
        match (due.task, node.progress) {
            (Task::Start, _) => self.turn = Some((due.node, true)),
            (Task::On, Progress::Off) if expected && node.out > 0 => self.rest(id, Progress::Off),
            (Task::On, Progress::Off) if expected => self.switch_on(id),
            (Task::Boot, Progress::Booting) if expected => {
                if node.cycles >= self.rules.cycles_patience {
                    self.cycled(id, false);
                    self.rest(id, Progress::LeftAlone);
                } else {
                    self.cycle(id, Cause::Timeout);
                }
            }
            (Task::Silence, Progress::Up) if expected => self.suspected(now, id, wake),
            (Task::Cycle, Progress::Silent) if expected => self.cycle_silent(now, id, wake),
            _ => {}
        }
    }

    /// The next thing to be done, when all before it are done.
    pub fn next_act(&mut self, now: Time, wake: &mut impl FnMut(Time, Due)) -> Option<PowerAct> {
        while self.acts.is_empty() {
            self.take_turn(now, wake)?;
        }
        self.acts.pop_front()
    }

    /// The first power-on of the node whose turn it is; `None` if it is nobody's.
    fn take_turn(&mut self, now: Time, wake: &mut impl FnMut(Time, Due)) -> Option<()> {
        let (next, is_due) = self.turn.take()?;
        if !is_due {
            let module_ends = next % self.rules.per_module == 0;
            if module_ends || next as usize >= self.state.nodes.len() {
                return None;
            }
            if self.rules.stagger > Span::ZERO {
                wake(now + self.rules.stagger, Due { node: next, task: Task::Start });
                return None;
            }
        }
        self.turn = Some((next + 1, false));
        let (id, node) = (NodeId(next), self.node(NodeId(next)));
        match node.progress {
            Progress::Waiting if node.out > 0 => self.rest(id, Progress::Off),
            Progress::Waiting => self.switch_on(id),
            _ => {}
        }
        Some(())
    }

    fn switch_on(&mut self, id: NodeId) {
        self.rest(id, Progress::SwitchingOn);
        self.acts.push_back(PowerAct::On(id));
    }

    /// Power-cycles a silent node, or has it look again if too many are in a power cycle.
    fn cycle_silent(&mut self, now: Time, id: NodeId, wake: &mut impl FnMut(Time, Due)) {
        let node = self.node(id);
        if !node.cycled && self.state.cycling >= self.rules.cycles_max {
            return self.set(id, Progress::Silent, now + CYCLE_AGAIN, wake);
        }
        let cause = if node.repair { Cause::Repair } else { Cause::Timeout };
        self.cycled(id, true);
        self.cycle(id, cause);
    }

    fn cycle(&mut self, id: NodeId, cause: Cause) {
        self.node_mut(id).cycles += 1;
        self.rest(id, Progress::SwitchingOff);
        self.acts.push_back(PowerAct::Off(id, cause));
    }
}
