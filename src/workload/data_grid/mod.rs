//! An in-memory data grid, such as Hazelcast: partitions with backups, spread over members.
//!
//! A member that stops or is cut off is noticed when it was not heard for `detect`. Its partitions
//! cannot be used until then; at that instant their first backups own them, and the copies that
//! are missing are made again from their owners, `parallel` at most at each member. A partition of
//! which no copy is left is lost, and begins anew without data. A member that comes, or comes
//! back, has no data; it gets its share of copies by migration.
//!
//! When a cut separates members, by dead parts or by a partition of the network, each side does so
//! by itself: it goes on with what it has, and what it has not is empty there. `merge_delay` after
//! the cut is healed the side of fewer members (of equal ones that without the first member) sends
//! what it has to the other one or throws it away, and its members join as new ones. A cut that is
//! healed before anybody noticed changes nothing.
//!
//! `docs/models/data_grid.md` has the sources. Not modelled: the heartbeats and their load on the
//! network, requests of clients, the entries of a partition, writes, the bytes of telemetry.

mod copying;
mod partitions;
mod queue;
mod side;
mod sides;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use self::partitions::{Member, Partitions, Transfer};
use self::queue::{Queue, Step};
use self::side::Side;
use super::{Command, Input, TaskId, Workload, end};
use crate::event::{TaskAct, TaskKind, What};
use crate::ids::NodeId;
use crate::rng::Stream;
use crate::scenario::Scenario;
use crate::scenario::partition::Cuts;
use crate::scenario::workloads::Placed;
use crate::scenario::workloads::data_grid::DataGrid as Table;
use crate::units::{Span, Time};

/// Timers: it may form, the end of the patience for members, what has happened at this instant is
/// complete, and the next reports. Those from [`OTHERS`] on are listed.
const FORM: u64 = 0;
const PATIENCE: u64 = 1;
const SETTLE: u64 = 2;
const REPORT: u64 = 3;
const OTHERS: u64 = 4;
/// Names of what tasks of the queue do have this bit; the others are copies.
const OF_QUEUE: TaskId = 1 << 48;

/// Where a node can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Whereabouts {
    Nowhere,
    /// With all others.
    Network,
    /// With those that are cut off with the same switch.
    Switch(u32),
    /// It reaches nobody.
    Alone(NodeId),
}

/// What a timer is for.
#[derive(Clone, Copy, Debug)]
enum Due {
    Notice(u32, Member),
    Merge(u32, u32),
    PutBack(u32),
}

/// What is copied: within a side, or to the side that it merges into.
#[derive(Clone, Copy, Debug)]
enum Moved {
    Within(u32, Transfer),
    Between(u32, u32, Transfer),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Formation {
    Early,
    Waiting,
    Formed,
}

/// The state of a grid.
#[derive(Clone, Debug)]
pub struct DataGrid {
    spec: Arc<Placed<Table>>,
    spread: Stream,
    losses: Stream,
    stage: Formation,
    is_patient: bool,
    is_settling: bool,
    /// Where each member is, and then the master.
    places: Vec<Whereabouts>,
    /// Who cannot hear whom, wherever they are.
    cuts: Cuts,
    sides: BTreeMap<u32, Side>,
    sides_so_far: u32,
    moved: BTreeMap<TaskId, Moved>,
    copies_so_far: TaskId,
    due: BTreeMap<u64, Due>,
    timers_so_far: u64,
    /// A table of partitions without data, once a grid has formed.
    empty_table: Option<Partitions>,
    /// The last side, since all members have stopped.
    all_dark: Option<u32>,
    queue: Queue,
    reports: u64,
    is_finished: bool,
}

impl DataGrid {
    /// That of a scenario, if it has one.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Option<Self> {
        let spec = scenario.workloads.data_grid.clone()?;
        Some(Self {
            spread: Stream::new(scenario.seed, "data grid: partitions"),
            losses: Stream::new(scenario.seed, "data grid: lost reports"),
            stage: Formation::Early,
            is_patient: true,
            is_settling: false,
            places: vec![Whereabouts::Nowhere; spec.nodes[0].len() + 1],
            cuts: Cuts::of(scenario),
            sides: BTreeMap::new(),
            sides_so_far: 0,
            moved: BTreeMap::new(),
            copies_so_far: 0,
            due: BTreeMap::new(),
            timers_so_far: OTHERS,
            empty_table: None,
            all_dark: None,
            queue: Queue::of(spec.table.tasks),
            reports: 0,
            is_finished: false,
            spec,
        })
    }

    fn table(&self) -> &Table {
        &self.spec.table
    }

    /// The node of a member, or of the master by its number among them.
    fn node(&self, member: Member) -> NodeId {
        let node = self.spec.nodes[0].get(member as usize).copied();
        node.or(self.master()).expect("it has a number")
    }

    fn master(&self) -> Option<NodeId> {
        self.spec.nodes[1].first().copied()
    }

    fn place(&self, member: Member) -> Whereabouts {
        self.places[member as usize]
    }

    fn place_of_master(&self) -> Whereabouts {
        self.places[self.places.len() - 1]
    }

    /// Whether two members, or a member and the master, hear each other, for all that partitions of
    /// the network do to them.
    fn hear(&self, one: Member, other: Member) -> bool {
        // Most grids meet none.
        self.cuts.are_none() || self.cuts.join(end(self.node(one)), end(self.node(other)))
    }

    /// The number of the master among members, in events.
    fn number_of_master(&self) -> Member {
        self.places.len() as u32 - 1
    }

    /// What is at this node: a member, the master, or both.
    fn at(&self, node: NodeId) -> impl Iterator<Item = Member> + use<> {
        let member = self.spec.nodes[0].binary_search(&node).ok().map(|place| place as Member);
        let master = (self.master() == Some(node)).then(|| self.number_of_master());
        member.into_iter().chain(master)
    }

    fn emit(&self, kind: TaskKind, number: u32, act: TaskAct, by: Option<Member>) -> Command {
        let node = by.map(|member| self.node(member));
        Command::Emit(What::Task { kind, number, act, node, span: Span::ZERO })
    }

    fn timer(&mut self, at: Time, due: Due, out: &mut Vec<Command>) -> u64 {
        let key = self.timers_so_far;
        self.timers_so_far += 1;
        self.due.insert(key, due);
        out.push(Command::Timer { at, key });
        key
    }

    /// What has happened is dealt with when all of this instant is known.
    fn settle_soon(&mut self, now: Time, out: &mut Vec<Command>) {
        if !std::mem::replace(&mut self.is_settling, true) {
            out.push(Command::Timer { at: now, key: SETTLE });
        }
    }

    fn move_to(&mut self, now: Time, node: NodeId, place: Whereabouts, out: &mut Vec<Command>) {
        for member in self.at(node) {
            let before = std::mem::replace(&mut self.places[member as usize], place);
            if member == self.number_of_master() {
                match (before == Whereabouts::Network, place == Whereabouts::Network) {
                    (false, true) => out.push(self.joins(member)),
                    (true, false) => out.push(self.leaves(member)),
                    _ => {}
                }
            } else if place == Whereabouts::Nowhere {
                self.stops(now, member, out);
            }
            self.settle_soon(now, out);
        }
    }

    fn joins(&self, member: Member) -> Command {
        self.emit(TaskKind::GridMember, member, TaskAct::Begin, Some(member))
    }

    fn leaves(&self, member: Member) -> Command {
        self.emit(TaskKind::GridMember, member, TaskAct::Lose, Some(member))
    }

    /// A member has stopped: its side does not know yet, and its task is nobody's.
    fn stops(&mut self, now: Time, member: Member, out: &mut Vec<Command>) {
        let side = self.sides.iter().find(|(_, side)| side.members.contains(&member));
        if let Some(side) = side.map(|(side, _)| *side) {
            out.push(self.leaves(member));
            self.goes(now, side, [member], out);
        }
        self.lose_task(now, member, out);
    }

    /// Members hand in what they have done and take tasks, if they can reach the queue.
    fn serve(&mut self, out: &mut Vec<Command>) {
        if self.is_finished || self.table().tasks == 0 {
            return;
        }
        if self.master().is_none() || self.place_of_master() == Whereabouts::Network {
            let members = self.sides.values().flat_map(|side| side.members.iter().copied());
            let here = |member: &Member| {
                self.place(*member) == Whereabouts::Network && self.hears_master(*member)
            };
            let here: BTreeSet<_> = members.filter(here).collect();
            for member in here {
                self.serve_one(member, out);
            }
        }
        if self.queue.is_done() {
            self.is_finished = true;
            out.push(Command::Finish);
        }
    }

    fn serve_one(&mut self, member: Member, out: &mut Vec<Command>) {
        if let Some((task, Step::Done)) = self.queue.of_member(member) {
            self.queue.hand_in(member);
            out.push(self.emit(TaskKind::GridTask, task, TaskAct::End, Some(member)));
        }
        let node = self.node(member);
        let bytes = self.table().task_size;
        let read = self.master().filter(|master| *master != node && bytes.0 > 0);
        let step = if read.is_some() { Step::Read } else { Step::Compute };
        let Some(number) = self.queue.take(member, step) else { return };
        out.push(self.emit(TaskKind::GridTask, number, TaskAct::Begin, Some(member)));
        let task = OF_QUEUE | u64::from(number);
        out.push(match read {
            Some(master) => Command::Send { task, from: end(master), to: end(node), bytes },
            None => Command::Compute { task, node, span: self.table().task },
        });
    }

    fn step_done(&mut self, number: u32, out: &mut Vec<Command>) {
        let Some((member, step)) = self.queue.holder(number) else { return };
        if step == Step::Read {
            self.queue.enter(member, Step::Compute);
            let (task, node) = (OF_QUEUE | u64::from(number), self.node(member));
            out.push(Command::Compute { task, node, span: self.table().task });
        } else {
            self.queue.enter(member, Step::Done);
            self.serve(out);
        }
    }

    /// A member has lost its task: it waits again when that is noticed.
    fn lose_task(&mut self, now: Time, member: Member, out: &mut Vec<Command>) {
        if let Some(task) = self.queue.lose(member) {
            self.timer(now + self.table().detect, Due::PutBack(task), out);
            out.push(Command::Drop(OF_QUEUE | u64::from(task)));
            out.push(self.emit(TaskKind::GridTask, task, TaskAct::Retry, Some(member)));
        }
    }

    /// Whether no partition of the network keeps a member from the master, if there is one.
    fn hears_master(&self, member: Member) -> bool {
        self.master().is_none() || self.hear(member, self.number_of_master())
    }

    /// Each member reports to the dashboard, if the network carries it there.
    fn report(&mut self, now: Time, out: &mut Vec<Command>) {
        let (number, master) = (self.reports, self.place_of_master());
        self.reports += 1;
        for member in 0..self.number_of_master() {
            if self.place(member) != Whereabouts::Nowhere && self.place(member) == master {
                let (from, to) = (self.node(member), self.node(self.number_of_master()));
                let is_cut = !self.cuts.carry(end(from), end(to));
                let draw = self.losses.draw(member.into(), number).unit();
                let is_lost = is_cut || draw < self.table().loss;
                let act = if is_lost { TaskAct::Lose } else { TaskAct::End };
                out.push(self.emit(TaskKind::GridReport, member, act, Some(member)));
            }
        }
        out.push(Command::Timer { at: now + self.table().telemetry, key: REPORT });
    }

    fn begins(&mut self, now: Time, out: &mut Vec<Command>) {
        self.stage = Formation::Waiting;
        out.push(Command::Timer { at: now + self.table().patience, key: PATIENCE });
        if self.master().is_some() && self.table().telemetry > Span::ZERO {
            out.push(Command::Timer { at: now, key: REPORT });
        }
        self.settle_soon(now, out);
    }

    fn time_has_come(&mut self, now: Time, key: u64, out: &mut Vec<Command>) {
        match key {
            FORM => self.begins(now, out),
            PATIENCE => {
                self.is_patient = false;
                self.settle_soon(now, out);
            }
            SETTLE => self.settle(now, out),
            REPORT => self.report(now, out),
            key => match self.due.remove(&key).expect("each comes once") {
                Due::Notice(side, member) => self.notices_by(now, side, member, key, out),
                Due::Merge(one, other) => self.merge(now, one, other, out),
                Due::PutBack(task) => {
                    self.queue.put_back(task);
                    self.serve(out);
                }
            },
        }
    }
}

impl Workload for DataGrid {
    /// O(partitions x members) when a copy begins or ends or a member comes or goes; O(members)
    /// for reports and tasks.
    fn on(&mut self, now: Time, input: Input, out: &mut Vec<Command>) {
        match input {
            Input::Begin => out.push(Command::Timer { at: self.table().at, key: FORM }),
            Input::Timer(key) => self.time_has_come(now, key, out),
            Input::Up(node) => self.move_to(now, node, Whereabouts::Network, out),
            Input::Stopped(node) => self.move_to(now, node, Whereabouts::Nowhere, out),
            Input::CutOff(node, switch) => {
                let place = switch.map_or(Whereabouts::Alone(node), Whereabouts::Switch);
                self.move_to(now, node, place, out);
            }
            Input::Partition(rule, lasts) => {
                self.cuts.set(rule, lasts);
                self.settle_soon(now, out);
            }
            // Why has been said.
            Input::Down(_) | Input::Begun(_) | Input::ServerUp(_) | Input::ServerDown(_) => {}
            Input::Done(task) if task & OF_QUEUE != 0 => self.step_done(task as u32, out),
            Input::Done(task) => self.copied(now, task, out),
            Input::Lost(task) if task & OF_QUEUE != 0 => {
                if let Some((member, _)) = self.queue.holder(task as u32) {
                    self.lose_task(now, member, out);
                }
            }
            Input::Lost(task) => {
                if let Some(&moved) = self.moved.get(&task) {
                    self.copy_lost(task, moved, out);
                    self.settle_soon(now, out);
                }
            }
        }
    }
}
