//! Brings nodes from what they are to what they should be: up.
//!
//! ```text
//!            on, staggered        joined
//!  off ---------------------> booting ----> up --silent--> silent
//!   ^                            | too late                  | at once, unless held
//!   |        settle              v                           v
//!   +-------------------------- off  <-----------------------+
//! ```
//!
//! A node that does not come up in time is power-cycled, up to the controller's patience. A silent
//! node is power-cycled at once, unless it is *held*: what it hangs on is known to be broken, and
//! a power cycle would cure nothing. A node that is itself under repair is *out*: it gets no power
//! act until it is back. A power act that fails is tried again after 1, 2, 4 ... 60 s. At most
//! `cycles_max` silent nodes are in a power cycle at a time, so that a mistaken detector cannot
//! switch the whole machine off.
//!
//! Not modelled: how the controller comes to know of a repair. It plays the plan's faults itself,
//! and so holds what it struck; an operator would tell it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::event::Cause;
use crate::ids::NodeId;
use crate::units::{Span, Time};

/// The longest time between two tries of a power act that fails.
const RETRY_MAX: Span = Span::from_secs(60);

/// What to do to a node's power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
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
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    /// Off; it is to be switched on at its time.
    #[default]
    Off,
    /// The switch was asked.
    SwitchingOn,
    SwitchingOff,
    Booting,
    Up,
    Silent,
    /// Patience is used up.
    LeftAlone,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Node {
    state: State,
    /// When something is due: power-on, the end of the boot, the cycle of a silent node.
    due: Option<Time>,
    cycles: u32,
    /// Why it is switched off next.
    repair: bool,
    /// Whether it is in a power cycle for its silence.
    cycled: bool,
    held: u32,
    out: u32,
    /// Power acts that failed in a row.
    failed: u32,
}

/// The machine. Each input costs O(log n).
#[derive(Clone, Debug)]
pub struct Muster {
    rules: Rules,
    nodes: Vec<Node>,
    due: BTreeSet<(Time, NodeId)>,
    /// Nodes in a power cycle for their silence.
    cycling: usize,
}

impl Muster {
    /// All nodes off, to be switched on at these times.
    #[must_use]
    pub fn new(rules: Rules, starts: impl IntoIterator<Item = Time>) -> Self {
        let fresh = |start| Node { due: Some(start), ..Node::default() };
        Self::with(rules, starts.into_iter().map(fresh).collect())
    }

    fn with(rules: Rules, nodes: Vec<Node>) -> Self {
        let numbers = || (0..).map(NodeId);
        let due = numbers().zip(&nodes).filter_map(|(id, node)| Some((node.due?, id))).collect();
        let cycling = nodes.iter().filter(|node| node.cycled).count();
        Self { rules, nodes, due, cycling }
    }

    /// What has to be saved.
    #[must_use]
    pub fn save(&self) -> impl Serialize + use<> {
        self.nodes.clone()
    }

    /// The muster that was saved.
    ///
    /// # Errors
    /// When it is none.
    pub fn load(rules: Rules, saved: serde_json::Value) -> serde_json::Result<Self> {
        let mut nodes: Vec<Node> = serde_json::from_value(saved)?;
        for node in &mut nodes {
            // Whether the switch obeyed is not known: it is asked again, at once.
            match node.state {
                State::SwitchingOn => {
                    (node.state, node.due) = (State::Off, Some(Time::ZERO));
                }
                State::SwitchingOff => {
                    (node.state, node.due) = (State::Silent, Some(Time::ZERO));
                }
                _ => {}
            }
        }
        Ok(Self::with(rules, nodes))
    }

    /// Whether a node is up, as far as is known.
    #[must_use]
    pub fn is_up(&self, id: NodeId) -> bool {
        self.nodes[id.0 as usize].state == State::Up
    }

    /// Nodes that are up.
    #[must_use]
    pub fn n_up(&self) -> usize {
        self.nodes.iter().filter(|node| node.state == State::Up).count()
    }

    /// Whether what a silent node has in its memory counts as lost. What only cuts it off takes no
    /// memory; what is broken itself has lost it, and so has what will be power-cycled.
    #[must_use]
    pub fn loses_memory(&self, id: NodeId) -> bool {
        let node = &self.nodes[id.0 as usize];
        node.held == 0 || node.out > 0
    }

    fn set(&mut self, id: NodeId, state: State, due: Option<Time>) {
        let node = &mut self.nodes[id.0 as usize];
        if let Some(old) = node.due {
            self.due.remove(&(old, id));
        }
        (node.state, node.due) = (state, due);
        if let Some(at) = due {
            self.due.insert((at, id));
        }
    }

    fn cycled(&mut self, id: NodeId, cycled: bool) {
        let node = &mut self.nodes[id.0 as usize];
        let before = std::mem::replace(&mut node.cycled, cycled);
        self.cycling = self.cycling + usize::from(cycled) - usize::from(before);
    }

    /// A node that is to be switched on has power already.
    pub fn found_on(&mut self, now: Time, id: NodeId) {
        self.set(id, State::Booting, Some(now + self.rules.boot_timeout));
    }

    /// A node's agent joined or is heard again; not one that is being switched off.
    pub fn joined(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.0 as usize];
        if node.state == State::SwitchingOff {
            return;
        }
        (node.cycles, node.failed, node.repair) = (0, 0, false);
        self.cycled(id, false);
        self.set(id, State::Up, None);
    }

    /// A node that was up is silent.
    pub fn silent(&mut self, now: Time, id: NodeId) {
        let node = &mut self.nodes[id.0 as usize];
        if node.state != State::Up {
            return;
        }
        node.repair = true;
        let due = (node.held == 0 && node.out == 0).then_some(now);
        self.set(id, State::Silent, due);
    }

    /// Something that a node hangs on is broken, or is whole again. A silent node then has the
    /// time of a boot to be heard.
    pub fn hold(&mut self, now: Time, id: NodeId, held: bool) {
        let node = &mut self.nodes[id.0 as usize];
        node.held = if held { node.held + 1 } else { node.held - 1 };
        if node.state == State::Silent {
            let due = (node.held == 0 && node.out == 0).then(|| now + self.rules.boot_timeout);
            self.set(id, State::Silent, due);
        }
    }

    /// A node is itself under repair. `dark`: it has no power.
    pub fn take_out(&mut self, id: NodeId, dark: bool) {
        let node = &mut self.nodes[id.0 as usize];
        node.out += 1;
        let state = if dark { State::Off } else { State::Silent };
        self.cycled(id, false);
        self.set(id, state, None);
    }

    /// The repair is done: the node gets power at `at`, or is power-cycled if it had it.
    pub fn bring_back(&mut self, at: Time, id: NodeId) {
        let node = &mut self.nodes[id.0 as usize];
        node.out -= 1;
        node.repair = true;
        let state = node.state;
        if node.out == 0 {
            self.set(id, state, Some(at));
        }
    }

    /// The switch obeyed, or it did not.
    pub fn switched(&mut self, now: Time, id: NodeId, on: bool, obeyed: bool) {
        let node = &mut self.nodes[id.0 as usize];
        let wanted = if on { State::SwitchingOn } else { State::SwitchingOff };
        if node.state != wanted {
            return;
        }
        if !obeyed {
            let wait = Span::from_secs(1 << node.failed.min(6)).min(RETRY_MAX);
            node.failed += 1;
            let state = if on { State::Off } else { State::Silent };
            self.set(id, state, Some(now + wait));
            return;
        }
        node.failed = 0;
        if on {
            self.set(id, State::Booting, Some(now + self.rules.boot_timeout));
        } else {
            self.set(id, State::Off, Some(now + self.rules.settle));
        }
    }

    /// When [`Self::acts`] may have something to say.
    #[must_use]
    pub fn next(&self) -> Option<Time> {
        self.due.first().map(|&(at, _)| at)
    }

    /// What is to be done by now.
    pub fn acts(&mut self, now: Time) -> Vec<Act> {
        let mut acts = Vec::new();
        while let Some(&(at, id)) = self.due.first()
            && at <= now
        {
            let node = &mut self.nodes[id.0 as usize];
            match node.state {
                State::Off => {
                    self.set(id, State::SwitchingOn, None);
                    acts.push(Act::On(id));
                }
                State::Booting if node.cycles >= self.rules.cycles_patience => {
                    self.cycled(id, false);
                    self.set(id, State::LeftAlone, None);
                }
                State::Booting => self.cycle(id, Cause::Timeout, &mut acts),
                State::Silent if !node.cycled && self.cycling >= self.rules.cycles_max => {
                    self.set(id, State::Silent, Some(now + Span::from_secs(1)));
                }
                State::Silent => {
                    self.cycled(id, true);
                    let repair = self.nodes[id.0 as usize].repair;
                    let cause = if repair { Cause::Repair } else { Cause::Timeout };
                    self.cycle(id, cause, &mut acts);
                }
                state => self.set(id, state, None),
            }
        }
        acts
    }

    fn cycle(&mut self, id: NodeId, cause: Cause, acts: &mut Vec<Act>) {
        self.nodes[id.0 as usize].cycles += 1;
        self.set(id, State::SwitchingOff, None);
        acts.push(Act::Off(id, cause));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId(0);

    fn rules() -> Rules {
        Rules { boot_timeout: Span(100), cycles_patience: 2, settle: Span(5), cycles_max: 2 }
    }

    fn up(n_nodes: u32) -> Muster {
        let mut muster = Muster::new(rules(), vec![Time(0); n_nodes as usize]);
        for act in muster.acts(Time(0)) {
            let Act::On(id) = act else { panic!("{act:?}") };
            muster.switched(Time(0), id, true, true);
            muster.joined(id);
        }
        muster
    }

    #[test]
    fn what_only_cuts_a_silent_node_off_takes_no_memory() {
        let mut muster = up(1);
        assert!(muster.loses_memory(NODE), "it is power-cycled when it is silent");
        muster.hold(Time(1), NODE, true);
        assert!(!muster.loses_memory(NODE), "its switch is gone");
        muster.take_out(NODE, true);
        assert!(muster.loses_memory(NODE), "and so is its own power");
    }

    #[test]
    fn a_node_that_never_joins_is_cycled_twice_and_left_alone() {
        let mut muster = Muster::new(rules(), [Time(7)]);
        let mut acts = Vec::new();
        while let Some(now) = muster.next() {
            for act in muster.acts(now) {
                acts.push((now.0, act));
                muster.switched(now, NODE, act == Act::On(NODE), true);
            }
        }
        let off = Act::Off(NODE, Cause::Timeout);
        let on = Act::On(NODE);
        assert_eq!(acts, [(7, on), (107, off), (112, on), (212, off), (217, on)]);
    }

    #[test]
    fn a_silent_node_is_cycled_unless_what_it_hangs_on_is_broken() {
        let mut muster = up(1);
        muster.hold(Time(10), NODE, true);
        muster.silent(Time(20), NODE);
        assert_eq!(muster.next(), None);
        muster.hold(Time(30), NODE, false);
        assert_eq!(muster.acts(Time(129)), []);
        assert_eq!(muster.acts(Time(130)), [Act::Off(NODE, Cause::Repair)]);
        let mut muster = up(1);
        muster.silent(Time(20), NODE);
        assert_eq!(muster.acts(Time(20)), [Act::Off(NODE, Cause::Repair)]);
    }

    #[test]
    fn no_more_than_two_silent_nodes_are_cycled_at_a_time() {
        let mut muster = up(4);
        for node in 0..4 {
            muster.silent(Time(20), NodeId(node));
        }
        assert_eq!(muster.acts(Time(20)).len(), 2);
        let later = Time(20) + Span::from_secs(1);
        assert_eq!(muster.acts(later), []);
        muster.switched(later, NODE, false, true);
        muster.joined(NODE);
        let last = later + Span::from_secs(1);
        assert_eq!(muster.acts(last), [Act::Off(NodeId(2), Cause::Repair)]);
    }

    #[test]
    fn a_switch_that_fails_is_asked_again_ever_more_slowly() {
        let mut muster = Muster::new(rules(), [Time(0)]);
        let mut waits = Vec::new();
        for _ in 0..8 {
            let now = muster.next().expect("it is asked again");
            assert_eq!(muster.acts(now), [Act::On(NODE)]);
            muster.switched(now, NODE, true, false);
            waits.push(muster.next().expect("again").since(now).0 / 1_000_000_000);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    }

    #[test]
    fn a_node_under_repair_gets_no_power_before_it_is_back() {
        let mut muster = up(1);
        muster.take_out(NODE, true);
        muster.silent(Time(20), NODE);
        assert_eq!(muster.next(), None);
        muster.bring_back(Time(50), NODE);
        assert_eq!(muster.acts(Time(50)), [Act::On(NODE)]);
    }

    #[test]
    fn a_muster_that_was_saved_goes_on_and_asks_the_switch_again() {
        let mut muster = Muster::new(rules(), [Time(3), Time(4)]);
        assert_eq!(muster.acts(Time(3)), [Act::On(NODE)]);
        let saved = serde_json::to_value(muster.save()).expect("plain data");
        let mut muster = Muster::load(rules(), saved).expect("as it was saved");
        assert_eq!(muster.acts(Time(4)), [Act::On(NODE), Act::On(NodeId(1))]);
        assert_eq!((muster.n_up(), muster.is_up(NODE)), (0, false));
    }
}
