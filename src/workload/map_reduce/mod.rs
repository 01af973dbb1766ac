//! A MapReduce job on HDFS, as Hadoop runs it: NameNode, replicas, map, shuffle, reduce.
//!
//! Each node runs as many tasks at once as it has slots. A map reads its block, from its own disk
//! if it can, and computes; what it puts out stays on its node. A reduce task fetches its share of
//! each map's output, from a few nodes at a time, computes and writes its result to HDFS. The
//! NameNode and the ResourceManager know of a dead node only after its silence
//! ([`Table::dead_after`], `node_timeout`): then its blocks are copied from other replicas, its
//! tasks run elsewhere, and so do finished maps whose output somebody still needs.
//!
//! While the master is down, tasks that run go on, and nothing is placed, written or copied. With
//! its disk it replays its edits; without it, it has the names of the last snapshot.
//!
//! Not modelled: the interval of heartbeats at which tasks are placed, disks, spills and merges,
//! pipelines that are mended in the middle of a block, several jobs.

mod file_system;
mod maps;
mod reduces;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Command, Input, TaskId, Workload, end};
use crate::event::{TaskAct, TaskKind, What};
use crate::ids::{NodeId, Part};
use crate::rng::Stream;
use crate::scenario::Scenario;
use crate::scenario::workloads::Placed;
use crate::scenario::workloads::map_reduce::MapReduce as Table;
use crate::units::{Span, Time};
use file_system::FileSystem;
use maps::Maps;
use reduces::Reducer;

/// Timers: the kind stands in the low bits, what it is about above.
const BEGIN: u64 = 0;
const PATIENCE: u64 = 1;
const SNAPSHOT: u64 = 2;
const SPECULATE: u64 = 3;
const RESTARTED: u64 = 4;
const NODE_LOST: u64 = 5;
const NODE_DEAD: u64 = 6;
/// A hundred years: two of these can be added to the time of any run.
const LONGEST: Span = Span::from_secs(100 * 365 * 86_400);
const KIND_BITS: u32 = 3;
const NODE_BITS: u32 = 32;

/// What a task of the machine is for, besides copies of blocks.
#[derive(Clone, Copy, Debug)]
enum Purpose {
    /// A running map reads its block.
    Read(u32),
    /// It computes.
    Map(u32),
    /// A reduce task fetches from a node.
    Fetch(u32, u32),
    /// It computes.
    Reduce(u32),
    /// Its result goes on to the node with this place in the pipeline.
    Write(u32, u32),
}

/// A node that runs tasks.
#[derive(Clone, Debug)]
struct Worker {
    id: NodeId,
    is_up: bool,
    /// The ResourceManager has given it up.
    is_lost: bool,
    /// How often it went down: a timer of an earlier time is void.
    downs: u32,
    busy: u32,
    /// Finished maps whose output lies here.
    outputs: Vec<u32>,
    /// Waiting maps whose block lies here, and some that wait no more.
    local: BTreeSet<u32>,
    running: BTreeSet<u32>,
    reducers: BTreeSet<u32>,
}

/// What the master does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Master {
    /// Its time has not come.
    Early,
    /// The input is there, and nodes are waited for.
    WaitsForNodes,
    Serves,
    Down,
    /// It is up, and has lost its disk: it waits for the secondary.
    WaitsForImage,
    Restarts,
    /// All is done, or lost for good.
    Over,
}

/// The progress of a MapReduce job.
#[derive(Clone, Debug)]
pub struct MapReduceJob {
    spec: Arc<Placed<Table>>,
    names: FileSystem,
    workers: Vec<Worker>,
    number_of: BTreeMap<NodeId, u32>,
    /// Nodes that have a free slot, by the tasks that they run.
    free: BTreeSet<(u32, u32)>,
    master: Master,
    master_up: bool,
    master_downs: u32,
    secondary_up: bool,
    is_patient: bool,
    purposes: BTreeMap<TaskId, (Purpose, Time)>,
    next: TaskId,
    maps: Maps,
    reducers: Vec<Reducer>,
    reducers_done: usize,
    /// Those that are no longer to be placed, and those that fetch.
    reducers_placed: usize,
    shuffling: BTreeSet<u32>,
    /// Maps that are done and whose output is gone.
    lost_outputs: Vec<u32>,
    chance: Stream,
    /// Blocks and edits that the last snapshot has, and how many snapshots there were.
    snapshot: (usize, u64),
    snapshots: u32,
    /// Running maps and reduce tasks that are done, which the master does not know yet.
    unreported: Vec<(bool, u32)>,
}

fn emit(kind: TaskKind, number: u32, act: TaskAct, node: Option<NodeId>) -> Command {
    Command::Emit(What::Task { kind, number, act, node, span: Span::ZERO })
}

/// So much of a whole number, rounded.
fn scaled(whole: u64, factor: f64) -> u64 {
    libm::round(whole as f64 * factor) as u64
}

/// A time (ns), as long as a run can make sense of.
fn bounded(nanos: u128) -> Span {
    Span(nanos.clamp(1, LONGEST.0.into()) as u64)
}

impl MapReduceJob {
    /// That of a scenario, if it has one.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Option<Self> {
        let spec = scenario.workloads.map_reduce.clone()?;
        Some(Self::new(spec, scenario.seed))
    }

    fn new(spec: Arc<Placed<Table>>, seed: u64) -> Self {
        let [master, _, nodes] = &spec.nodes[..] else { unreachable!("three keys") };
        let worker = |&id: &NodeId| Worker {
            id,
            is_up: false,
            is_lost: false,
            downs: 0,
            busy: 0,
            outputs: Vec::new(),
            local: BTreeSet::new(),
            running: BTreeSet::new(),
            reducers: BTreeSet::new(),
        };
        let blocks = spec.table.blocks() as u32;
        Self {
            names: FileSystem::new(nodes, spec.table.streams, seed),
            workers: nodes.iter().map(worker).collect(),
            number_of: nodes.iter().copied().zip(0..).collect(),
            free: BTreeSet::new(),
            master: Master::Early,
            master_up: master.is_empty(),
            master_downs: 0,
            secondary_up: false,
            is_patient: true,
            purposes: BTreeMap::new(),
            next: 0,
            maps: Maps::new(blocks),
            reducers: vec![Reducer::default(); spec.table.reducers as usize],
            reducers_done: 0,
            reducers_placed: 0,
            shuffling: BTreeSet::new(),
            lost_outputs: Vec::new(),
            chance: Stream::new(seed, "map_reduce map time"),
            snapshot: (0, 0),
            snapshots: 0,
            unreported: Vec::new(),
            spec,
        }
    }

    fn table(&self) -> &Table {
        &self.spec.table
    }

    fn begin_task(&mut self, now: Time, purpose: Purpose) -> TaskId {
        let task = self.next;
        self.next += 1;
        self.purposes.insert(task, (purpose, now));
        task
    }

    /// The node runs more tasks, or fewer; or it is up or down.
    fn set_busy(&mut self, node: u32, change: i32) {
        let own = &mut self.workers[node as usize];
        self.free.remove(&(own.busy, node));
        own.busy = own.busy.checked_add_signed(change).expect("it runs these tasks");
        if own.is_up && !own.is_lost && own.busy < self.spec.table.slots {
            self.free.insert((own.busy, node));
        }
    }

    /// The input is there, and the job may begin as soon as its nodes are up.
    fn submit(&mut self, now: Time, out: &mut Vec<Command>) {
        let (input, block) = (self.table().input.0, self.table().block.0);
        for number in 0..self.table().blocks() {
            let bytes = block.min(input - number * block);
            self.names.load(bytes, self.table().replication);
        }
        // The file's own: `OP_ADD` and `OP_CLOSE`.
        self.names.edits += 2;
        self.snapshot = (self.names.blocks.len(), self.names.edits);
        if self.spec.nodes[1].is_empty() {
            // Nobody has taken one: all edits are replayed.
            self.snapshot = (0, 0);
        }
        out.push(Command::Timer { at: now + self.table().patience, key: PATIENCE });
        self.master = Master::WaitsForNodes;
        self.begin_if_it_may(now, out);
    }

    fn begin_if_it_may(&mut self, now: Time, out: &mut Vec<Command>) {
        let all_up = self.workers.iter().all(|worker| worker.is_up);
        if self.master != Master::WaitsForNodes || !self.master_up {
            return;
        }
        if !all_up && self.is_patient || self.free.is_empty() {
            return;
        }
        self.master = Master::Serves;
        if !self.spec.nodes[1].is_empty() {
            out.push(Command::Timer { at: now + self.table().snapshot_interval, key: SNAPSHOT });
        }
        for node in 0..self.workers.len() as u32 {
            if !self.workers[node as usize].is_up {
                self.watch(now, node, out);
            }
        }
        for map in 0..self.maps.len() {
            self.wait_map(map);
        }
        self.go_on(now, out);
    }

    /// The master gives work to whoever has a free slot, and orders copies.
    fn go_on(&mut self, now: Time, out: &mut Vec<Command>) {
        if self.master != Master::Serves {
            return;
        }
        let job_done = self.reducers_done == self.reducers.len();
        if !job_done {
            self.assign_maps(now, out);
            self.assign_reducers(now, out);
            self.speculate(now, out);
        }
        self.names.copy_all(now, &mut self.next, out);
        let is_over = job_done && !self.names.is_copying() && !self.names.is_in_doubt();
        if is_over && self.master == Master::Serves {
            self.master = Master::Over;
            out.push(Command::Finish);
        }
    }

    /// A node is silent from now on.
    fn watch(&mut self, now: Time, node: u32, out: &mut Vec<Command>) {
        let downs = u64::from(self.workers[node as usize].downs);
        let about = (downs << NODE_BITS | u64::from(node)) << KIND_BITS;
        let (lost, dead) = (now + self.table().node_timeout, now + self.table().dead_after());
        out.push(Command::Timer { at: lost, key: about | NODE_LOST });
        out.push(Command::Timer { at: dead, key: about | NODE_DEAD });
    }

    fn timer(&mut self, now: Time, key: u64, out: &mut Vec<Command>) {
        let about = key >> KIND_BITS;
        let kind = key & ((1 << KIND_BITS) - 1);
        match kind {
            BEGIN => self.submit(now, out),
            PATIENCE => {
                self.is_patient = false;
                self.begin_if_it_may(now, out);
            }
            SNAPSHOT => self.take_snapshot(now, out),
            SPECULATE => {
                self.maps.look_again = None;
                self.go_on(now, out);
            }
            RESTARTED if about == u64::from(self.master_downs) => self.serve(now, out),
            RESTARTED => {}
            _ => {
                let (node, downs) = (about as u32, (about >> NODE_BITS) as u32);
                let own = &self.workers[node as usize];
                // A master that is down finds it out when it is back.
                if own.downs == downs && !own.is_up && self.master == Master::Serves {
                    if kind == NODE_LOST {
                        self.lose_worker(now, node, out);
                    } else {
                        self.names.declare_dead(node, out);
                    }
                    self.go_on(now, out);
                }
            }
        }
    }

    fn take_snapshot(&mut self, now: Time, out: &mut Vec<Command>) {
        if self.master == Master::Over {
            return;
        }
        if self.master == Master::Serves && self.secondary_up {
            self.snapshot = (self.names.blocks.len(), self.names.edits);
            let node = self.spec.nodes[1].first().copied();
            out.push(emit(TaskKind::Snapshot, self.snapshots, TaskAct::End, node));
            self.snapshots += 1;
        }
        out.push(Command::Timer { at: now + self.table().snapshot_interval, key: SNAPSHOT });
    }

    fn master_down(&mut self, out: &mut Vec<Command>) {
        self.master_up = false;
        self.master_downs += 1;
        if matches!(self.master, Master::Early | Master::WaitsForNodes | Master::Over) {
            return;
        }
        if self.master == Master::Serves {
            out.push(self.outage(TaskAct::Begin));
        }
        self.master = Master::Down;
    }

    fn outage(&self, act: TaskAct) -> Command {
        emit(TaskKind::NameNodeOutage, 0, act, self.spec.nodes[0].first().copied())
    }

    fn master_returns(&mut self, now: Time, out: &mut Vec<Command>) {
        self.master_up = true;
        self.begin_if_it_may(now, out);
        if self.master != Master::Down && self.master != Master::WaitsForImage {
            return;
        }
        if !self.table().master_keeps_disk {
            if self.spec.nodes[1].is_empty() {
                self.lose_all_names(out);
                return;
            }
            if !self.secondary_up {
                self.master = Master::WaitsForImage;
                return;
            }
            self.forget(out);
        }
        self.master = Master::Restarts;
        let edits = self.names.edits - self.snapshot.1;
        let replay = u128::from(self.table().edit_time.0) * u128::from(edits);
        let restart = bounded(u128::from(self.table().restart.0) + replay);
        let key = u64::from(self.master_downs) << KIND_BITS | RESTARTED;
        out.push(Command::Timer { at: now + restart, key });
    }

    /// No disk, and nobody has a snapshot: that was all.
    fn lose_all_names(&mut self, out: &mut Vec<Command>) {
        for block in 0..self.names.blocks.len() as u32 {
            self.forget_block(block, out);
        }
        self.master = Master::Over;
        out.push(self.outage(TaskAct::Lose));
        out.push(Command::Finish);
    }

    fn forget_block(&mut self, block: u32, out: &mut Vec<Command>) {
        if self.names.remove(block, out) {
            out.push(emit(TaskKind::ForgottenBlock, block, TaskAct::Lose, None));
        }
    }

    /// The names are those of the last snapshot: what was written since is lost.
    fn forget(&mut self, out: &mut Vec<Command>) {
        let young = |block: &u32| *block as usize >= self.snapshot.0;
        let of_young = |reducer: &u32| self.reducers[*reducer as usize].blocks.iter().any(young);
        let losers: Vec<_> = (0..self.reducers.len() as u32).filter(of_young).collect();
        for block in self.snapshot.0..self.names.blocks.len() {
            self.forget_block(block as u32, out);
        }
        for reducer in losers {
            self.fail_reducer(reducer, out);
        }
        self.names.edits = self.snapshot.1;
    }

    /// The NameNode is out of safe mode: who has not reported by now is not there.
    fn serve(&mut self, now: Time, out: &mut Vec<Command>) {
        if self.master != Master::Restarts {
            return;
        }
        self.master = Master::Serves;
        out.push(self.outage(TaskAct::End));
        for node in 0..self.workers.len() as u32 {
            if self.workers[node as usize].is_up {
                self.hear_of(now, node, out);
            } else {
                self.lose_worker(now, node, out);
                self.names.declare_dead(node, out);
            }
        }
        self.hear_reports(now, out);
        for reducer in 0..self.reducers.len() as u32 {
            self.write_on(now, reducer, out);
        }
        self.go_on(now, out);
    }

    /// Tasks that have ended meanwhile are known now, if their nodes can be heard.
    fn hear_reports(&mut self, now: Time, out: &mut Vec<Command>) {
        for (is_map, number) in std::mem::take(&mut self.unreported) {
            if is_map {
                self.map_ends(now, number, out);
            } else {
                self.reducer_ends(now, number, out);
            }
        }
    }

    /// A node that is up is heard by a master that serves.
    fn hear_of(&mut self, now: Time, node: u32, out: &mut Vec<Command>) {
        if !self.table().nodes_keep_disks && self.workers[node as usize].downs > 0 {
            self.names.declare_dead(node, out);
            self.lose_worker(now, node, out);
        }
        self.workers[node as usize].is_lost = false;
        self.set_busy(node, 0);
        for block in self.names.report(node, self.spec.table.nodes_keep_disks, out) {
            self.maps.has_block(block, &mut self.workers[node as usize].local);
        }
        self.fail_dead_tasks(node, out);
        self.maps.look_for_blocks();
        self.offer_outputs(now, node, out);
    }

    fn node_up(&mut self, now: Time, node: u32, out: &mut Vec<Command>) {
        self.workers[node as usize].is_up = true;
        self.names.set_up(node, true);
        self.set_busy(node, 0);
        if self.master == Master::WaitsForNodes {
            self.begin_if_it_may(now, out);
        } else if self.master == Master::Serves {
            self.hear_of(now, node, out);
            self.hear_reports(now, out);
            self.go_on(now, out);
        }
    }

    fn node_down(&mut self, now: Time, node: u32, out: &mut Vec<Command>) {
        let own = &mut self.workers[node as usize];
        own.is_up = false;
        own.downs += 1;
        self.names.set_up(node, false);
        self.set_busy(node, 0);
        if !matches!(self.master, Master::Early | Master::WaitsForNodes | Master::Over) {
            self.watch(now, node, out);
        }
    }

    /// The ResourceManager gives a node up: what ran there runs elsewhere.
    fn lose_worker(&mut self, now: Time, node: u32, out: &mut Vec<Command>) {
        let own = &mut self.workers[node as usize];
        if std::mem::replace(&mut own.is_lost, true) {
            return;
        }
        for running in own.running.clone() {
            self.fail_map(running, TaskAct::Retry, out);
        }
        for reducer in self.workers[node as usize].reducers.clone() {
            self.fail_reducer(reducer, out);
        }
        self.lose_outputs(now, node, out);
    }

    fn task_ends(&mut self, now: Time, task: TaskId, arrived: bool, out: &mut Vec<Command>) {
        if self.names.is_copy(task) {
            if let Some((block, node)) = self.names.copied((now, task, arrived), out) {
                self.maps.has_block(block, &mut self.workers[node as usize].local);
                self.maps.look_for_blocks();
            }
            self.go_on(now, out);
            return;
        }
        let (purpose, begin) = self.purposes.remove(&task).expect("it was under way");
        match purpose {
            Purpose::Read(running) => self.read_ends(now, running, (begin, arrived), out),
            Purpose::Map(running) if arrived => self.map_ends(now, running, out),
            Purpose::Map(running) => self.map_dies(running),
            Purpose::Fetch(reducer, node) => {
                self.fetch_ends(now, (reducer, node), (begin, arrived), out);
            }
            Purpose::Reduce(reducer) if arrived => self.write_on(now, reducer, out),
            Purpose::Reduce(reducer) => self.reducers[reducer as usize].is_dead = true,
            Purpose::Write(reducer, place) => {
                self.hop_ends(now, (reducer, place), (begin, arrived), out);
            }
        }
    }
}

impl Workload for MapReduceJob {
    fn locate(&mut self, switch_of: &dyn Fn(NodeId) -> u32) {
        self.names.locate(switch_of);
    }

    fn head(&self) -> Option<Part> {
        self.spec.nodes[0].first().copied().map(end)
    }

    /// O(log blocks) for a map; O(its blocks + reduce tasks) when a node is given up or back;
    /// O(nodes) for a map that takes long, and while blocks wait to be copied.
    fn on(&mut self, now: Time, input: Input, out: &mut Vec<Command>) {
        match input {
            Input::Begin => out.push(Command::Timer { at: self.table().at, key: BEGIN }),
            Input::Timer(key) => self.timer(now, key, out),
            Input::Begun(_)
            | Input::Stopped(_)
            | Input::CutOff(..)
            | Input::Partition(..)
            | Input::ServerUp(_)
            | Input::ServerDown(_) => {}
            Input::Done(task) => self.task_ends(now, task, true, out),
            Input::Lost(task) => self.task_ends(now, task, false, out),
            Input::Up(node) => {
                if self.spec.nodes[1].contains(&node) {
                    self.secondary_up = true;
                    if self.master == Master::WaitsForImage {
                        self.master_returns(now, out);
                    }
                }
                if let Some(&number) = self.number_of.get(&node) {
                    self.node_up(now, number, out);
                }
                if self.spec.nodes[0].contains(&node) {
                    self.master_returns(now, out);
                }
            }
            Input::Down(node) => {
                if self.spec.nodes[1].contains(&node) {
                    self.secondary_up = false;
                }
                if self.spec.nodes[0].contains(&node) {
                    self.master_down(out);
                }
                if let Some(&number) = self.number_of.get(&node) {
                    self.node_down(now, number, out);
                }
            }
        }
    }
}
