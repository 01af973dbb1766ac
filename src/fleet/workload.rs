//! Workloads that are no jobs: their commands as errands of agents, and what comes of them.
//!
//! The machines are those of [`crate::workload`], which the model plays as well. Whoever sends does
//! the errand; what the file server sends is received by an errand of its receiver. The controller
//! knows who is up by its detector only: a node that is suspected has stopped for the workloads,
//! whatever it goes on with, and what it computes, sends or receives is lost then and not before.
//! Until then its peers try again. A server that is a node is up while that is.
//!
//! All this is a function of what was heard and when. So no state is saved but that record, in
//! pieces: a controller that is started again hears it all once more, does nothing of it, and goes
//! on. Agents report again what they have done meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::{Purpose, What};
use crate::fleet::errand::{Errand, TaskWork};
use crate::fleet::memory;
use crate::fleet::ports::{Address, Object, Store};
use crate::fleet::wire::Message;
use crate::ids::{NodeId, Part, PartKind};
use crate::plan::Plan;
use crate::units::{Bytes, Time};
use crate::workload::{Command, Input, Machine, TaskId, Workload as _};

/// What is heard in one piece of the record. All of the last piece is written whenever one thing is
/// added to it.
const PIECE: usize = 64;

/// Numbers of errands in one message, so that a frame has room for them.
const NUMBERS: usize = 2_048;

/// What the workloads demand of the controller, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Emit this.
    Emit(What),
    /// Send this to a node's agent.
    Say(NodeId, Message),
    /// All workloads are done.
    Finished,
}

/// What the workloads hear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Heard {
    Begin,
    /// A node's agent was taken in, which is reached there.
    Up(NodeId, Address),
    /// A node is taken to have stopped.
    Down(NodeId),
    /// An errand is done.
    Done(u64),
    /// Time has passed.
    Pass,
}

/// A task, by the number of its workload and its name there.
type Task = (u8, TaskId);

/// An errand under way.
#[derive(Clone, Debug)]
struct UnderWay {
    task: Task,
    /// Whose agent does it.
    by: NodeId,
    /// The nodes without which it is lost.
    needs: [Option<NodeId>; 2],
    errand: Errand,
}

/// The workloads of a plan that are no jobs.
#[derive(Clone, Debug)]
pub struct Workloads {
    /// The term of the controller.
    term: u64,
    /// The node that is the server, if one is.
    head: Option<NodeId>,
    machines: Vec<Machine>,
    unfinished: usize,
    /// Where nodes are reached that are up.
    reached: BTreeMap<NodeId, Address>,
    /// Nodes that the machines know to be up, and of which they do not know that they stopped.
    up: BTreeSet<NodeId>,
    alive: BTreeSet<NodeId>,
    /// What machines wait for, by time and in the order in which they asked.
    timers: BTreeMap<(Time, u64), (u8, u64)>,
    asked: u64,
    under_way: BTreeMap<u64, UnderWay>,
    by_task: BTreeMap<Task, u64>,
    errands: u64,
    demands: Vec<Demand>,
    record: Record,
}

/// What was heard, and when.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// When the run began (ns since 1970): what another one left is not taken for its own.
    run: u64,
    /// What of it is in whole pieces that are saved.
    saved: u64,
    /// What follows, and whether some of that is not saved.
    rest: Vec<(Time, Heard)>,
    is_new: bool,
}

impl Record {
    fn name(&self, piece: u64) -> String {
        format!("workload-{}-{piece}", self.run)
    }

    /// What the earlier controllers of a run heard.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) async fn load(store: &impl Store, run: u64) -> io::Result<Self> {
        let mut record = Self { run, saved: 0, rest: Vec::new(), is_new: false };
        for piece in 0.. {
            let bytes = store.get(Object::State, &record.name(piece), Bytes(0)).await?;
            let Some(bytes) = bytes else { break };
            record.rest.extend(serde_json::from_slice::<Vec<_>>(&bytes)?);
        }
        Ok(record)
    }

    /// When something was heard last.
    pub(super) fn last(&self) -> Time {
        self.rest.last().map_or(Time::ZERO, |(at, _)| *at)
    }

    /// Saves what was added, if anything was.
    ///
    /// # Errors
    /// What keeps it from being saved.
    pub(super) async fn save(&mut self, store: &impl Store, retry: Duration) -> io::Result<()> {
        if !std::mem::take(&mut self.is_new) {
            return Ok(());
        }
        for (piece, part) in (self.saved..).zip(self.rest.chunks(PIECE)) {
            let bytes = serde_json::to_vec(part)?;
            memory::put(store, &self.name(piece), bytes, retry).await?;
        }
        let whole = self.rest.len() / PIECE;
        self.rest.drain(..whole * PIECE);
        self.saved += whole as u64;
        Ok(())
    }
}

impl Workloads {
    /// Those of a plan before their first instant, or where the record leaves them.
    pub(super) fn new(plan: &Plan, term: u64, record: Record) -> Self {
        let mut machines = Machine::all_of(&plan.scenario);
        for machine in &mut machines {
            machine.locate(&|NodeId(node)| plan.machine.nodes[node as usize].switch);
        }
        let mut all = Self {
            term,
            head: plan.machine.wiring.server.node.map(NodeId),
            unfinished: machines.len(),
            machines,
            reached: BTreeMap::new(),
            up: BTreeSet::new(),
            alive: BTreeSet::new(),
            timers: BTreeMap::new(),
            asked: 0,
            under_way: BTreeMap::new(),
            by_task: BTreeMap::new(),
            errands: 0,
            demands: Vec::new(),
            record: Record { rest: Vec::new(), ..record },
        };
        for (at, heard) in record.rest {
            all.hear(at, heard);
        }
        all.demands.clear();
        all
    }

    /// Whether all are done.
    #[must_use]
    pub fn are_done(&self) -> bool {
        self.unfinished == 0
    }

    /// Whether a node is up as they know.
    #[must_use]
    pub fn know(&self, node: NodeId) -> bool {
        self.alive.contains(&node)
    }

    /// What was heard.
    pub(super) fn record(&mut self) -> &mut Record {
        &mut self.record
    }

    /// What is demanded since this was asked last.
    pub fn take_demands(&mut self) -> Vec<Demand> {
        std::mem::take(&mut self.demands)
    }

    /// The run begins.
    pub fn begin(&mut self) {
        self.hear(Time::ZERO, Heard::Begin);
    }

    /// A node's agent was taken in; the same process as before, or another one.
    pub fn joined(&mut self, now: Time, node: NodeId, peers: Address, same: bool) {
        if self.machines.is_empty() {
            return;
        }
        if !same && self.alive.contains(&node) {
            self.hear(now, Heard::Down(node));
        }
        if same {
            let own = self.under_way.iter().filter(|(_, it)| it.by == node);
            let own: Vec<_> = own.map(|(number, it)| (*number, it.errand.clone())).collect();
            self.keep(node, &own.iter().map(|(number, _)| *number).collect::<Vec<_>>());
            let term = self.term;
            let again = own.into_iter().map(|(_, errand)| Message::Errand { term, errand });
            self.demands.extend(again.map(|message| Demand::Say(node, message)));
        }
        if self.reached.get(&node) != Some(&peers) {
            self.hear(now, Heard::Up(node, peers));
        }
    }

    /// A node's agent is to give up all errands but these, which ascend.
    fn keep(&mut self, node: NodeId, numbers: &[u64]) {
        let (term, mut from) = (self.term, 0);
        let parts = numbers.chunks(NUMBERS).map(<[u64]>::to_vec).chain([Vec::new()]);
        for numbers in parts {
            let until = numbers.last().map_or(u64::MAX, |last| last + 1);
            let message = Message::Keep { term, from, until, numbers };
            self.demands.push(Demand::Say(node, message));
            from = until;
        }
    }

    /// A node is taken to have stopped.
    pub fn lost(&mut self, now: Time, node: NodeId) {
        if self.alive.contains(&node) {
            self.hear(now, Heard::Down(node));
        }
    }

    /// A node's agent has done an errand, for which so much was carried.
    pub fn done(&mut self, now: Time, node: NodeId, number: u64, carried: Bytes) {
        if self.under_way.get(&number).is_none_or(|it| it.by != node) {
            return;
        }
        if carried > Bytes(0) {
            let (purpose, lost) = (Purpose::Workload, Bytes(0));
            let what = What::Transfer { purpose, nodes: 1, received: carried, lost };
            self.demands.push(Demand::Emit(what));
        }
        self.hear(now, Heard::Done(number));
    }

    /// When [`Self::pass`] may have something to do.
    #[must_use]
    pub fn next(&self) -> Option<Time> {
        self.timers.first_key_value().map(|((at, _), _)| *at)
    }

    /// Time has passed.
    pub fn pass(&mut self, now: Time) {
        if self.next().is_some_and(|at| at <= now) {
            self.hear(now, Heard::Pass);
        }
    }

    fn hear(&mut self, now: Time, heard: Heard) {
        if !self.machines.is_empty() {
            self.hear_once(now, &heard);
            self.record.rest.push((now, heard));
            self.record.is_new = true;
        }
    }

    fn hear_once(&mut self, now: Time, heard: &Heard) {
        match *heard {
            Heard::Begin => {
                for number in 0..self.machines.len() {
                    self.inform(now, number as u8, Input::Begin);
                    if self.head.is_some() {
                        self.inform(now, number as u8, Input::ServerDown(0));
                    }
                }
            }
            Heard::Up(node, ref peers) => {
                self.reached.insert(node, peers.clone());
                self.alive.insert(node);
                if self.up.insert(node) {
                    self.inform_all(now, Input::Up(node));
                    if self.head == Some(node) {
                        self.inform_all(now, Input::ServerUp(0));
                    }
                }
            }
            Heard::Down(node) => self.node_down(now, node),
            Heard::Done(number) => {
                if let Some(UnderWay { task, .. }) = self.remove(number) {
                    self.inform(now, task.0, Input::Done(task.1));
                }
            }
            Heard::Pass => {
                while let Some(first) = self.timers.first_entry().filter(|it| it.key().0 <= now) {
                    let (machine, key) = first.remove();
                    self.inform(now, machine, Input::Timer(key));
                }
            }
        }
    }

    fn inform_all(&mut self, now: Time, input: Input) {
        for number in 0..self.machines.len() {
            self.inform(now, number as u8, input);
        }
    }

    /// A workload is informed, and what it commands is demanded.
    fn inform(&mut self, now: Time, number: u8, input: Input) {
        let mut commands = Vec::new();
        self.machines[usize::from(number)].on(now, input, &mut commands);
        for command in commands {
            match command {
                Command::Compute { task, node, span } => {
                    let work = TaskWork::Compute { span, processors: None };
                    self.order(now, (number, task), (node, [Some(node), None]), work);
                }
                Command::Share { task, node, span, processors } => {
                    let work = TaskWork::Compute { span, processors: Some(processors) };
                    self.order(now, (number, task), (node, [Some(node), None]), work);
                }
                Command::Send { task, from, to, bytes } => {
                    self.send(now, (number, task), [from, to], bytes);
                }
                Command::Drop(task) => {
                    if let Some(errand) = self.by_task.get(&(number, task)).copied() {
                        self.give_up(errand);
                    }
                }
                Command::Timer { at, key } => {
                    self.timers.insert((at, self.asked), (number, key));
                    self.asked += 1;
                }
                Command::Emit(what) => self.demands.push(Demand::Emit(what)),
                Command::Finish => {
                    self.unfinished -= 1;
                    if self.are_done() {
                        self.demands.push(Demand::Finished);
                    }
                }
            }
        }
    }

    /// One part sends to another.
    fn send(&mut self, now: Time, task: Task, ends: [Part; 2], bytes: Bytes) {
        let node_of = |part: Part| match part.kind {
            PartKind::Node => Some(NodeId(part.index)),
            _ => None,
        };
        let needs = ends.map(|part| node_of(part).or(self.head));
        // Whoever is not reached is not up, which is why the task is lost.
        let peer = |part| self.reached.get(&node_of(part)?).cloned();
        let [from, to] = ends;
        let (by, peer, receives) = match (node_of(from), node_of(to)) {
            (Some(node), _) => (node, peer(to), false),
            (None, Some(node)) => (node, peer(from), true),
            (None, None) => unreachable!("such a plan is refused"),
        };
        let work = if receives {
            TaskWork::Receive { ends, peer, bytes }
        } else {
            TaskWork::Send { ends, peer, bytes }
        };
        if self.order(now, task, (by, needs), work) {
            self.inform(now, task.0, Input::Begun(task.1));
        }
    }

    /// An agent is given an errand, if all nodes that it needs are up; else the task is lost at
    /// once. Says which.
    fn order(
        &mut self,
        now: Time,
        task: Task,
        (by, needs): (NodeId, [Option<NodeId>; 2]),
        work: TaskWork,
    ) -> bool {
        let missing = |node: &NodeId| !self.reached.contains_key(node);
        if needs.iter().flatten().any(missing) {
            for node in needs.into_iter().flatten() {
                if !self.reached.contains_key(&node) {
                    self.node_down(now, node);
                }
            }
            self.inform(now, task.0, Input::Lost(task.1));
            return false;
        }
        self.errands += 1;
        let errand = Errand { number: self.errands, work };
        let message = Message::Errand { term: self.term, errand: errand.clone() };
        self.demands.push(Demand::Say(by, message));
        self.under_way.insert(self.errands, UnderWay { task, by, needs, errand });
        let before = self.by_task.insert(task, self.errands);
        assert!(before.is_none(), "a task under way has a name of its own");
        true
    }

    fn remove(&mut self, errand: u64) -> Option<UnderWay> {
        let own = self.under_way.remove(&errand)?;
        self.by_task.remove(&own.task);
        Some(own)
    }

    fn give_up(&mut self, errand: u64) -> Option<Task> {
        let UnderWay { task, by, .. } = self.remove(errand)?;
        if self.reached.contains_key(&by) {
            let message = Message::GiveUp { term: self.term, number: errand };
            self.demands.push(Demand::Say(by, message));
        }
        Some(task)
    }

    /// A node has stopped, which is heard once, and all that needs it is lost.
    fn node_down(&mut self, now: Time, node: NodeId) {
        self.reached.remove(&node);
        if self.alive.remove(&node) {
            self.inform_all(now, Input::Stopped(node));
        }
        if self.up.remove(&node) {
            self.inform_all(now, Input::Down(node));
            if self.head == Some(node) {
                self.inform_all(now, Input::ServerDown(0));
            }
        }
        let needs = |it: &UnderWay| it.needs.contains(&Some(node));
        let lost = self.under_way.iter().filter(|(_, it)| needs(it)).map(|(number, _)| *number);
        for number in lost.collect::<Vec<_>>() {
            if let Some((machine, task)) = self.give_up(number) {
                self.inform(now, machine, Input::Lost(task));
            }
        }
    }
}
