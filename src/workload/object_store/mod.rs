//! An object store: objects in k fragments of data and m of parity, each on a node of its own.
//!
//! Any k fragments make the object; with k = 1 they are copies of it. A put sends k + m fragments
//! to nodes that are up, a get reads k, those of the data first, and others in place of those that
//! it cannot have. A node that was away for `give_up` is given up: each fragment that it had is
//! made anew on the node that has fewest, from k others, so many at once as `repairs` says. If it
//! comes back it has what it had, and what nobody has repaired yet need not be; unless it has lost
//! all of that, when it stopped.
//!
//! `docs/models/object_store.md` has the closed forms. Not modelled: disks, the time that coding
//! takes, metadata, what is written to nodes of an object that is not put after all.

mod fragments;
mod operation;
mod repair;
mod requests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use self::fragments::{Fragment, Fragments, Holder};
use self::operation::{Aim, Operation};
use super::{Command, Input, TaskId, Workload};
use crate::event::{TaskAct, TaskKind, What};
use crate::ids::{NodeId, Part, PartKind};
use crate::rng::Stream;
use crate::scenario::Scenario;
use crate::scenario::workloads::Placed;
use crate::scenario::workloads::object_store::ObjectStore as Table;
use crate::units::{Bytes, Span, Time};

/// Timers: clients begin, the next put and get, the end of them, and what has happened at this
/// instant is complete. Those from [`OTHERS`] on are listed.
const BEGIN: u64 = 0;
const PUT: u64 = 1;
const GET: u64 = 2;
const END: u64 = 3;
const SETTLE: u64 = 4;
const OTHERS: u64 = 5;

/// What a timer is for.
#[derive(Clone, Copy, Debug)]
enum Due {
    /// A node has been away for long enough, if it is as often as that.
    GiveUp(Holder, u32),
    TimeOut(u64),
}

/// What clients do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clients {
    /// Their time has not come.
    Early,
    Asking,
    /// They ask no more.
    Silent,
    /// All that they asked for is answered, and nothing is to be repaired.
    Finished,
}

/// Repairs of what a node had.
#[derive(Clone, Copy, Debug)]
struct Rebuild {
    holder: Holder,
    left: u32,
}

/// The state of a store.
#[derive(Clone, Debug)]
pub struct ObjectStore {
    spec: Arc<Placed<Table>>,
    places: Stream,
    arrivals: [Stream; 2],
    fragments: Fragments,
    operations: BTreeMap<u64, Operation>,
    operations_so_far: u64,
    /// The operation of each task under way, and the tasks of each node.
    tasks: BTreeMap<TaskId, (u64, Holder)>,
    of_holder: BTreeSet<(Holder, TaskId)>,
    tasks_so_far: TaskId,
    /// Puts and gets so far.
    requests: [u32; 2],
    objects_so_far: u64,
    repairs: u32,
    under_repair: u32,
    /// Fragments to be repaired, and those that cannot be until nodes come back.
    waiting: BTreeSet<Fragment>,
    blocked: BTreeSet<Fragment>,
    /// Who had each that is missing.
    missing: BTreeMap<Fragment, u32>,
    rebuilds: Vec<Rebuild>,
    /// Fragments that nodes have lost and nobody knows of.
    unknown: BTreeMap<Holder, Vec<Fragment>>,
    absences: Vec<u32>,
    /// All nodes that are up, be they of the store or clients of it.
    up: BTreeSet<NodeId>,
    clients: Clients,
    due: BTreeMap<u64, Due>,
    timers_so_far: u64,
    is_settling: bool,
}

impl ObjectStore {
    /// That of a scenario, if it has one. O(objects x nodes).
    #[must_use]
    pub fn of(scenario: &Scenario) -> Option<Self> {
        let spec = scenario.workloads.object_store.clone()?;
        let (seed, nodes) = (scenario.seed, spec.nodes[0].len());
        let stream = |name: &str| Stream::new(seed, &format!("object store: {name}"));
        let mut new = Self {
            places: stream("places"),
            arrivals: [stream("puts"), stream("gets")],
            fragments: Fragments::on(nodes, spec.table.data),
            operations: BTreeMap::new(),
            operations_so_far: 0,
            tasks: BTreeMap::new(),
            of_holder: BTreeSet::new(),
            tasks_so_far: 0,
            requests: [0; 2],
            objects_so_far: 0,
            repairs: 0,
            under_repair: 0,
            waiting: BTreeSet::new(),
            blocked: BTreeSet::new(),
            missing: BTreeMap::new(),
            rebuilds: Vec::new(),
            unknown: BTreeMap::new(),
            absences: vec![0; nodes],
            up: BTreeSet::new(),
            clients: Clients::Early,
            due: BTreeMap::new(),
            timers_so_far: OTHERS,
            is_settling: false,
            spec,
        };
        for _ in 0..new.table().objects {
            let order = new.next_order();
            new.fragments.add(order.into_iter().take(new.width()));
        }
        Some(new)
    }

    fn table(&self) -> &Table {
        &self.spec.table
    }

    /// Fragments of an object.
    fn width(&self) -> usize {
        (self.table().data + self.table().parity) as usize
    }

    /// What a fragment holds.
    fn size(&self) -> Bytes {
        Bytes(self.table().object_size.0.div_ceil(self.table().data.into()))
    }

    /// The order of chance in which nodes are asked to have the next object.
    fn next_order(&mut self) -> Vec<Holder> {
        let object = self.objects_so_far;
        self.objects_so_far += 1;
        self.fragments.order(&self.places, object)
    }

    fn node(&self, holder: Holder) -> NodeId {
        self.spec.nodes[0][holder as usize]
    }

    fn part(&self, holder: Holder) -> Part {
        let NodeId(index) = self.node(holder);
        Part { kind: PartKind::Node, index }
    }

    fn emit(kind: TaskKind, number: u32, act: TaskAct, by: Option<NodeId>) -> Command {
        Command::Emit(What::Task { kind, number, act, node: by, span: Span::ZERO })
    }

    fn emit_of(operation: &Operation, act: TaskAct) -> Command {
        let by = operation.by;
        let node = (by.kind == PartKind::Node).then_some(NodeId(by.index));
        Self::emit(operation.kind(), operation.number, act, node)
    }

    fn timer(&mut self, at: Time, due: Due, out: &mut Vec<Command>) {
        let key = self.timers_so_far;
        self.timers_so_far += 1;
        self.due.insert(key, due);
        out.push(Command::Timer { at, key });
    }

    fn settle_soon(&mut self, now: Time, out: &mut Vec<Command>) {
        if !std::mem::replace(&mut self.is_settling, true) {
            out.push(Command::Timer { at: now, key: SETTLE });
        }
    }

    /// Whether objects can be read, or are lost, is seen anew.
    fn look(&mut self, fragments: &[Fragment], out: &mut Vec<Command>) {
        if self.clients == Clients::Early {
            return;
        }
        for (object, _) in fragments {
            let Some(act) = self.fragments.look(*object) else { continue };
            out.push(Self::emit(TaskKind::StoreObject, *object, act, None));
            if act == TaskAct::Lose {
                let all = (*object, u32::MIN)..=(*object, u32::MAX);
                let all: Vec<_> = self.missing.range(all).map(|(own, _)| *own).collect();
                for own in all {
                    self.needs_no_repair(own, TaskAct::Lose, out);
                }
            }
        }
    }

    fn comes(&mut self, now: Time, holder: Holder, out: &mut Vec<Command>) {
        self.fragments.set_up(holder, true);
        // A node that has nothing any more says so itself.
        let missing = self.unknown.remove(&holder).unwrap_or_default();
        self.are_missing(holder, missing, out);
        let back = self.fragments.come_back(holder);
        for fragment in &back {
            self.needs_no_repair(*fragment, TaskAct::Lose, out);
        }
        let own = self.fragments.of(holder);
        self.look(&own, out);
        self.waiting.append(&mut self.blocked);
        self.settle_soon(now, out);
    }

    fn goes(&mut self, now: Time, holder: Holder, out: &mut Vec<Command>) {
        if !self.fragments.is_up(holder) {
            return;
        }
        self.fragments.set_up(holder, false);
        self.absences[holder as usize] += 1;
        let own = self.fragments.of(holder);
        self.look(&own, out);
        let absence = self.absences[holder as usize];
        self.timer(now + self.table().give_up, Due::GiveUp(holder, absence), out);
        let tasks = (holder, TaskId::MIN)..=(holder, TaskId::MAX);
        for (_, task) in self.of_holder.range(tasks).copied().collect::<Vec<_>>() {
            out.push(Command::Drop(task));
            self.task_lost(now, task, out);
        }
    }

    /// A node has stopped, and may have lost all.
    fn stops(&mut self, now: Time, holder: Holder, out: &mut Vec<Command>) {
        if self.table().keeps {
            self.goes(now, holder, out);
            return;
        }
        let [lost, former] = self.fragments.lose(holder);
        self.goes(now, holder, out);
        self.look(&lost, out);
        self.look(&former, out);
        self.unknown.entry(holder).or_default().extend(lost);
        self.puts_lose(now, holder, out);
    }

    fn given_up(&mut self, now: Time, holder: Holder, absence: u32, out: &mut Vec<Command>) {
        if self.fragments.is_up(holder) || self.absences[holder as usize] != absence {
            return;
        }
        let mut all = self.unknown.remove(&holder).unwrap_or_default();
        all.extend(self.fragments.give_up(holder));
        self.are_missing(holder, all, out);
        self.settle_soon(now, out);
    }

    /// All of this instant is known: what can be repaired is, and all may be done.
    fn settle(&mut self, now: Time, out: &mut Vec<Command>) {
        self.is_settling = false;
        self.start_repairs(now, out);
        let is_done = self.operations.is_empty() && self.waiting.is_empty();
        if is_done && self.clients == Clients::Silent {
            self.clients = Clients::Finished;
            out.push(Command::Finish);
        }
    }

    /// A fragment goes from a node to who does an operation, or the other way.
    fn send(
        &mut self,
        operation: u64,
        (number, holder): (u32, Holder),
        writes: bool,
        out: &mut Vec<Command>,
    ) {
        let (by, its, bytes) = (self.operations[&operation].by, self.part(holder), self.size());
        let task = self.tasks_so_far;
        self.tasks_so_far += 1;
        self.tasks.insert(task, (operation, holder));
        self.of_holder.insert((holder, task));
        let own = self.operations.get_mut(&operation).expect("it is under way");
        own.tasks.insert(task, number);
        let (from, to) = if writes { (by, its) } else { (its, by) };
        out.push(Command::Send { task, from, to, bytes });
    }

    fn end_task(&mut self, task: TaskId) -> Option<(u64, u32)> {
        let (operation, holder) = self.tasks.remove(&task)?;
        self.of_holder.remove(&(holder, task));
        let own = self.operations.get_mut(&operation).expect("it has a task");
        Some((operation, own.tasks.remove(&task).expect("it has it")))
    }

    fn task_done(&mut self, now: Time, task: TaskId, out: &mut Vec<Command>) {
        let Some((operation, _)) = self.end_task(task) else { return };
        self.go_on(now, operation, out);
    }

    fn task_lost(&mut self, now: Time, task: TaskId, out: &mut Vec<Command>) {
        let Some((operation, number)) = self.end_task(task) else { return };
        match self.operations[&operation].aim {
            Aim::Repair { writes: true, .. } => self.repair_again(now, operation, out),
            Aim::Repair { target, .. } if !self.fragments.is_up(target) => {
                self.repair_again(now, operation, out);
            }
            Aim::Put => self.put_elsewhere(now, operation, number, out),
            Aim::Repair { .. } | Aim::Get { .. } => self.read_another(now, operation, out),
        }
    }

    /// What an operation does next, when a task of it is done.
    fn go_on(&mut self, now: Time, operation: u64, out: &mut Vec<Command>) {
        let own = &self.operations[&operation];
        if !own.tasks.is_empty() {
            return;
        }
        match own.aim {
            Aim::Repair { fragment, target, writes } => {
                let is_there = own.by == self.part(target);
                if is_there || writes {
                    self.repaired(now, operation, out);
                } else {
                    let own = self.operations.get_mut(&operation).expect("it is under way");
                    own.aim = Aim::Repair { fragment, target, writes: true };
                    self.send(operation, (fragment.1, target), true, out);
                }
            }
            Aim::Put => {
                let own = self.close(operation, TaskAct::End, out);
                self.fragments.add(own.holders.into_values());
                let object = self.fragments.count() - 1;
                self.look(&[(object, 0)], out);
                self.settle_soon(now, out);
            }
            Aim::Get { .. } => {
                self.close(operation, TaskAct::End, out);
                self.settle_soon(now, out);
            }
        }
    }

    /// An operation ends; what it still sends is given up.
    fn close(&mut self, operation: u64, act: TaskAct, out: &mut Vec<Command>) -> Operation {
        let own = self.operations.remove(&operation).expect("it is under way");
        for task in own.tasks.keys() {
            let (_, holder) = self.tasks.remove(task).expect("it is under way");
            self.of_holder.remove(&(holder, *task));
            out.push(Command::Drop(*task));
        }
        out.push(Self::emit_of(&own, act));
        own
    }

    /// Reads one fragment more; `None` if there is none that can be read.
    fn read_one(&mut self, operation: u64, object: u32, out: &mut Vec<Command>) -> Option<()> {
        let own = &self.operations[&operation];
        let mut readable = self.fragments.readable(object);
        let next = readable.find(|(number, _)| !own.tried.contains(number))?;
        drop(readable);
        let by = own.by;
        self.operations.get_mut(&operation).expect("it is under way").tried.insert(next.0);
        if self.part(next.1) != by {
            self.send(operation, next, false, out);
        }
        Some(())
    }

    /// A fragment that was read is lost: another one will do.
    fn read_another(&mut self, now: Time, operation: u64, out: &mut Vec<Command>) {
        match self.operations[&operation].aim {
            Aim::Get { object, .. } => {
                if self.read_one(operation, object, out).is_none() {
                    self.close(operation, TaskAct::Lose, out);
                    self.settle_soon(now, out);
                } else {
                    self.go_on(now, operation, out);
                }
            }
            Aim::Repair { fragment, .. } => {
                if self.read_one(operation, fragment.0, out).is_none() {
                    self.repair_again(now, operation, out);
                }
            }
            Aim::Put => unreachable!("it reads nothing"),
        }
    }

    fn time_has_come(&mut self, now: Time, key: u64, out: &mut Vec<Command>) {
        match key {
            BEGIN => self.begin_requests(now, out),
            PUT => self.put(now, out),
            GET => self.get(now, out),
            END => {
                self.clients = Clients::Silent;
                self.settle_soon(now, out);
            }
            SETTLE => self.settle(now, out),
            key => match self.due.remove(&key).expect("each comes once") {
                Due::GiveUp(holder, absence) => self.given_up(now, holder, absence, out),
                Due::TimeOut(operation) => {
                    if self.operations.contains_key(&operation) {
                        self.close(operation, TaskAct::Lose, out);
                        self.settle_soon(now, out);
                    }
                }
            },
        }
    }

    fn holder(&self, node: NodeId) -> Option<Holder> {
        self.spec.nodes[0].binary_search(&node).ok().map(|place| place as Holder)
    }
}

impl Workload for ObjectStore {
    /// O(fragments of an object) for what is sent; O(fragments of a node) when one comes or goes.
    fn on(&mut self, now: Time, input: Input, out: &mut Vec<Command>) {
        match input {
            Input::Begin => {
                out.push(Command::Timer { at: self.table().at, key: BEGIN });
            }
            Input::Timer(key) => self.time_has_come(now, key, out),
            Input::Up(node) => {
                self.up.insert(node);
                if let Some(holder) = self.holder(node) {
                    self.comes(now, holder, out);
                }
            }
            Input::Down(node) => {
                self.is_gone(now, node, out);
                if let Some(holder) = self.holder(node) {
                    self.goes(now, holder, out);
                }
            }
            Input::Stopped(node) => {
                self.is_gone(now, node, out);
                if let Some(holder) = self.holder(node) {
                    self.stops(now, holder, out);
                }
            }
            Input::CutOff(..)
            | Input::Partition(..)
            | Input::Begun(_)
            | Input::ServerUp(_)
            | Input::ServerDown(_) => {}
            Input::Done(task) => self.task_done(now, task, out),
            Input::Lost(task) => self.task_lost(now, task, out),
        }
    }
}
