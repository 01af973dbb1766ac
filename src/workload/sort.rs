//! Numbers that nodes sort, as in the classroom: scatter, sort, gather, merge.
//!
//! The first node has N numbers of s bytes and cuts them into k parts of N / k (the first ones have
//! one more where k does not divide N). It gives a part to each node that is up and idle, one at a
//! time, itself included; whoever has a part sorts it in n log₂ n comparisons of n numbers (merge
//! sort, Knuth, "The Art of Computer Programming", volume 3, 5.2.4) and sends it back. When all are
//! there it merges them pairwise, in N ⌈log₂ k⌉ comparisons. On one node that is N log₂ N in all,
//! and on n like nodes with c for a comparison and β for a byte
//!
//! ```text
//! T(n) = c N/n log₂(N/n) + 2 s N (n - 1)/n β + c N ⌈log₂ n⌉
//! ```
//!
//! where nodes sort while others still receive, so that it is an upper bound for n of three or
//! more. A part whose node stops is given out again. When the first node stops all is lost, and
//! begins anew when it is back.
//!
//! Not modelled: the disk, the serialisation of numbers, more than one core of a node.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Command, Input, TaskId, Workload, end};
use crate::event::{TaskAct, TaskKind, What};
use crate::ids::{NodeId, Part};
use crate::scenario::Scenario;
use crate::scenario::workloads::Placed;
use crate::scenario::workloads::sort::Sort as Table;
use crate::units::{Bytes, Span, Time};

/// Timers: the time at which it may begin, and the end of the patience for nodes.
const BEGIN: u64 = 0;
const PATIENCE: u64 = 1;

/// What a node does with its part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Scatter,
    Sort,
    Gather,
}

/// The progress of a sort.
#[derive(Clone, Debug)]
pub struct Sort {
    spec: Arc<Placed<Table>>,
    stage: Stage,
    /// Nodes of it that are up.
    up: BTreeSet<NodeId>,
    /// Those that have no part.
    idle: BTreeSet<NodeId>,
    /// Parts that nobody has, the first ones first.
    waiting: BTreeSet<u32>,
    /// What is done with each part that somebody has; `None` for all others.
    parts: Vec<Option<(Step, NodeId)>>,
    gathered: u32,
    /// Whether it still waits for nodes that are not up.
    is_patient: bool,
    /// Grows whenever all is lost, so that tasks of before are not taken for those of now.
    attempt: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Its time has not come.
    Early,
    /// Not all nodes are up, and there is patience left.
    Waiting,
    Parts,
    Merge,
    Done,
}

impl Sort {
    /// That of a scenario, if it has one.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Option<Self> {
        scenario.workloads.sort.clone().map(Self::new)
    }

    fn new(spec: Arc<Placed<Table>>) -> Self {
        let parts = spec.table.parts.unwrap_or(spec.nodes[0].len() as u32);
        let (up, idle, waiting) = (BTreeSet::new(), BTreeSet::new(), (0..parts).collect());
        let (parts, stage) = (vec![None; parts as usize], Stage::Early);
        let (gathered, is_patient, attempt) = (0, true, 0);
        Self { spec, stage, up, idle, waiting, parts, gathered, is_patient, attempt }
    }

    fn first(&self) -> NodeId {
        self.spec.nodes[0][0]
    }

    /// How many numbers a part has.
    fn numbers_of(&self, part: u32) -> u64 {
        let (all, parts) = (self.spec.table.numbers, self.parts.len() as u64);
        all / parts + u64::from(u64::from(part) < all % parts)
    }

    fn comparisons(&self, count: f64) -> Span {
        Span(libm::round(count * self.spec.table.compare.0 as f64) as u64)
    }

    /// The name of the next task of a part.
    fn task(&self, part: u32) -> TaskId {
        self.attempt << 32 | u64::from(part)
    }

    /// Gives parts to idle nodes, the first node last: it has all others to serve.
    fn give_out(&mut self, out: &mut Vec<Command>) {
        while let Some(&part) = self.waiting.first() {
            let first = self.first();
            let other = self.idle.iter().copied().find(|node| *node != first);
            let Some(node) = other.or(self.idle.first().copied()) else { return };
            self.waiting.remove(&part);
            self.idle.remove(&node);
            out.push(emit(part, TaskAct::Begin, node));
            let step = if node == first { Step::Sort } else { Step::Scatter };
            self.enter(part, step, node, out);
        }
    }

    fn enter(&mut self, part: u32, step: Step, node: NodeId, out: &mut Vec<Command>) {
        self.parts[part as usize] = Some((step, node));
        let (task, numbers) = (self.task(part), self.numbers_of(part));
        let bytes = Bytes(numbers * self.spec.table.number_size.0);
        let (first, own) = (end(self.first()), end(node));
        out.push(match step {
            Step::Scatter => Command::Send { task, from: first, to: own, bytes },
            Step::Gather => Command::Send { task, from: own, to: first, bytes },
            Step::Sort => {
                let numbers = numbers as f64;
                let span = self.comparisons(numbers * libm::log2(numbers));
                Command::Compute { task, node, span }
            }
        });
    }

    fn done(&mut self, task: TaskId, out: &mut Vec<Command>) {
        let part = task as u32;
        if self.stage == Stage::Merge {
            self.stage = Stage::Done;
            out.push(emit(part, TaskAct::End, self.first()));
            out.push(Command::Finish);
            return;
        }
        let (step, node) = self.parts[part as usize].expect("somebody has it");
        match step {
            Step::Scatter => self.enter(part, Step::Sort, node, out),
            Step::Sort if node != self.first() => self.enter(part, Step::Gather, node, out),
            Step::Sort | Step::Gather => {
                self.parts[part as usize] = None;
                self.gathered += 1;
                self.idle.insert(node);
                out.push(emit(part, TaskAct::End, node));
                self.give_out(out);
                self.merge_if_all_are_there(out);
            }
        }
    }

    fn merge_if_all_are_there(&mut self, out: &mut Vec<Command>) {
        let parts = self.parts.len() as u32;
        if self.gathered < parts {
            return;
        }
        self.stage = Stage::Merge;
        let (node, rounds) = (self.first(), parts.next_power_of_two().ilog2());
        let span = self.comparisons(self.spec.table.numbers as f64 * f64::from(rounds));
        out.push(emit(parts, TaskAct::Begin, node));
        out.push(Command::Compute { task: self.task(parts), node, span });
    }

    /// A part that somebody has is nobody's any more.
    fn take_back(&mut self, part: u32, act: TaskAct, out: &mut Vec<Command>) {
        let (_, node) = self.parts[part as usize].take().expect("somebody has it");
        self.waiting.insert(part);
        out.extend([Command::Drop(self.task(part)), emit(part, act, node)]);
    }

    /// Parts that this node has, or that anybody has.
    fn parts_of(&self, of: Option<NodeId>) -> Vec<u32> {
        let of = |(_, node): (Step, NodeId)| of.is_none_or(|of| of == node);
        let taken = (0..).zip(&self.parts).filter(|(_, own)| own.is_some_and(of));
        taken.map(|(part, _)| part).collect()
    }

    /// Whether a node belongs to it.
    fn has(&self, node: NodeId) -> bool {
        self.spec.nodes[0].binary_search(&node).is_ok()
    }

    fn up(&mut self, node: NodeId, out: &mut Vec<Command>) {
        if self.has(node) && self.up.insert(node) {
            self.idle.insert(node);
            self.go_on(out);
        }
    }

    /// It begins if it may, and gives out what waits.
    fn go_on(&mut self, out: &mut Vec<Command>) {
        let all_up = self.up.len() == self.spec.nodes[0].len();
        if !self.up.contains(&self.first()) {
            return;
        }
        if self.stage == Stage::Waiting && (all_up || !self.is_patient) {
            self.stage = Stage::Parts;
        }
        if self.stage == Stage::Parts {
            self.give_out(out);
        }
    }

    fn down(&mut self, node: NodeId, out: &mut Vec<Command>) {
        if !self.up.remove(&node) {
            return;
        }
        self.idle.remove(&node);
        if node != self.first() {
            for part in self.parts_of(Some(node)) {
                self.take_back(part, TaskAct::Retry, out);
            }
            self.go_on(out);
        } else if matches!(self.stage, Stage::Parts | Stage::Merge) {
            self.lose_all(out);
        }
    }

    /// The first node has stopped, and what it had with it.
    fn lose_all(&mut self, out: &mut Vec<Command>) {
        let parts = self.parts.len() as u32;
        if self.stage == Stage::Merge {
            out.push(Command::Drop(self.task(parts)));
            out.push(emit(parts, TaskAct::Lose, self.first()));
        }
        for part in self.parts_of(None) {
            self.take_back(part, TaskAct::Lose, out);
        }
        self.attempt += 1;
        self.gathered = 0;
        self.waiting = (0..parts).collect();
        self.idle = self.up.clone();
        self.stage = Stage::Waiting;
    }
}

impl Workload for Sort {
    fn head(&self) -> Option<Part> {
        Some(end(self.first()))
    }

    /// O(log nodes) for what happens to a part; O(parts) when a node stops.
    fn on(&mut self, now: Time, input: Input, out: &mut Vec<Command>) {
        match input {
            Input::Begin => {
                out.push(Command::Timer { at: self.spec.table.at, key: BEGIN });
            }
            Input::Timer(BEGIN) => {
                self.stage = Stage::Waiting;
                out.push(Command::Timer { at: now + self.spec.table.patience, key: PATIENCE });
                self.go_on(out);
            }
            Input::Timer(_) => {
                self.is_patient = false;
                self.go_on(out);
            }
            Input::Begun(_)
            | Input::Stopped(_)
            | Input::CutOff(..)
            | Input::Partition(..)
            | Input::ServerUp(_)
            | Input::ServerDown(_) => {}
            Input::Done(task) => self.done(task, out),
            Input::Lost(_) => unreachable!("a node that stops is down first, and has no part then"),
            Input::Up(node) => self.up(node, out),
            Input::Down(node) => self.down(node, out),
        }
    }
}

fn emit(part: u32, act: TaskAct, node: NodeId) -> Command {
    let (kind, node) = (TaskKind::Sort, Some(node));
    Command::Emit(What::Task { kind, number: part, act, node, span: Span::ZERO })
}
