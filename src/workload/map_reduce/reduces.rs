//! The reduce tasks of a job: they fetch from the nodes of maps, compute, and write their result.
//!
//! Of each node from which it fetches a reduce task takes all that is there for it and that it has
//! not; it goes round the nodes from its own on, so that not all begin with the same. A block of
//! the result goes from node to node in a pipeline, all hops at once. Where maps wait and no map
//! runs, as reduce tasks hold all slots, the youngest of these that still fetches gives way.

use std::collections::{BTreeMap, BTreeSet};

use super::{MapReduceJob, Master, Purpose, bounded, emit, scaled};
use crate::event::{TaskAct, TaskKind, What};
use crate::units::{Bytes, NANOS_PER_SECOND, Time};
use crate::workload::{Command, TaskId, end};

/// What a reduce task does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Doing {
    #[default]
    Wait,
    Shuffle,
    Compute,
    Write,
    Done,
}

/// A reduce task.
#[derive(Clone, Debug, Default)]
pub(super) struct Reducer {
    doing: Doing,
    node: u32,
    /// Maps whose output it has, a bit for each, and how many these are.
    got: Vec<u64>,
    count: u32,
    /// Of each node, how many of its outputs it has looked at.
    seen: Vec<u32>,
    /// Nodes where more lies, and the one that was fetched from last.
    ready: BTreeSet<u32>,
    last: u32,
    /// The fetches under way: of each node the task, and what it will have looked at.
    fetches: BTreeMap<u32, (TaskId, u32)>,
    /// What it computes.
    task: Option<TaskId>,
    /// What it has to write.
    left: u64,
    /// The block that is written: the nodes of its pipeline, and the hops under way.
    pipeline: Vec<u32>,
    hops: BTreeMap<u32, TaskId>,
    /// Blocks of its result.
    pub(super) blocks: Vec<u32>,
    /// Its node has stopped, and the master does not know it yet.
    pub(super) is_dead: bool,
}

impl Reducer {
    fn has(&self, map: u32) -> bool {
        self.got[map as usize / 64] >> (map % 64) & 1 == 1
    }

    fn get(&mut self, map: u32) {
        if !self.has(map) {
            self.got[map as usize / 64] |= 1 << (map % 64);
            self.count += 1;
        }
    }

    /// The node to fetch from next.
    fn next_ready(&mut self) -> Option<u32> {
        let after = self.ready.range(self.last + 1..).next();
        let node = after.or_else(|| self.ready.first()).copied()?;
        self.ready.remove(&node);
        self.last = node;
        Some(node)
    }
}

impl MapReduceJob {
    /// Reduce tasks get slots that no map waits for.
    pub(super) fn assign_reducers(&mut self, now: Time, out: &mut Vec<Command>) {
        let enough =
            f64::from(self.maps.done) >= self.table().slowstart * f64::from(self.maps.len());
        if !enough || self.maps_wait() || self.reducers_placed == self.reducers.len() {
            return;
        }
        for reducer in 0..self.reducers.len() as u32 {
            if self.reducers[reducer as usize].doing != Doing::Wait {
                continue;
            }
            let Some(&(_, node)) = self.free.first() else { return };
            self.begin_reducer(now, (reducer, node), out);
        }
    }

    fn begin_reducer(&mut self, now: Time, (reducer, node): (u32, u32), out: &mut Vec<Command>) {
        self.set_busy(node, 1);
        self.reducers_placed += 1;
        let workers = &self.workers;
        let ready = (0..workers.len() as u32)
            .filter(|&of| workers[of as usize].is_up && !workers[of as usize].outputs.is_empty());
        self.reducers[reducer as usize] = Reducer {
            doing: Doing::Shuffle,
            node,
            got: vec![0; self.maps.len().div_ceil(64) as usize],
            seen: vec![0; workers.len()],
            ready: ready.collect(),
            last: node,
            ..Reducer::default()
        };
        self.workers[node as usize].reducers.insert(reducer);
        self.shuffling.insert(reducer);
        out.push(self.emit_reducer(TaskKind::Shuffle, reducer, TaskAct::Begin));
        self.fetch_on(now, reducer, out);
    }

    fn emit_reducer(&self, kind: TaskKind, reducer: u32, act: TaskAct) -> Command {
        let node = self.reducers[reducer as usize].node;
        emit(kind, reducer, act, Some(self.workers[node as usize].id))
    }

    /// What a map puts out for a reduce task.
    fn part_of(&self, map: u32, reducer: u32) -> u64 {
        let all = scaled(self.names.blocks[map as usize].bytes, self.table().map_output);
        let reducers = u64::from(self.table().reducers);
        all / reducers + u64::from(u64::from(reducer) < all % reducers)
    }

    /// More may lie on a node for those that fetch. O(reduce tasks that fetch).
    pub(super) fn offer_outputs(&mut self, now: Time, node: u32, out: &mut Vec<Command>) {
        for reducer in self.shuffling.iter().copied().collect::<Vec<_>>() {
            let own = &mut self.reducers[reducer as usize];
            let seen = own.seen[node as usize] as usize;
            let has_more = self.workers[node as usize].outputs.len() > seen;
            if has_more && !own.fetches.contains_key(&node) {
                own.ready.insert(node);
                self.fetch_on(now, reducer, out);
            }
        }
    }

    /// A reduce task fetches from as many nodes as it may.
    fn fetch_on(&mut self, now: Time, reducer: u32, out: &mut Vec<Command>) {
        while !self.reducers[reducer as usize].is_dead
            && (self.reducers[reducer as usize].fetches.len() as u32) < self.table().fetches
        {
            let Some(node) = self.reducers[reducer as usize].next_ready() else { break };
            if !self.workers[node as usize].is_up {
                // It is offered again when it is back.
                continue;
            }
            let own = &self.reducers[reducer as usize];
            let (seen, to) = (own.seen[node as usize] as usize, own.node);
            let there = &self.workers[node as usize].outputs;
            let fresh = there[seen..].iter().filter(|map| !own.has(**map));
            let bytes: u64 = fresh.map(|map| self.part_of(*map, reducer)).sum();
            let upto = there.len() as u32;
            if node == to || bytes == 0 {
                self.take_in(reducer, node, upto);
                continue;
            }
            let task = self.begin_task(now, Purpose::Fetch(reducer, node));
            self.reducers[reducer as usize].fetches.insert(node, (task, upto));
            let (from, to) = (self.workers[node as usize].id, self.workers[to as usize].id);
            let bytes = Bytes(bytes);
            out.push(Command::Send { task, from: end(from), to: end(to), bytes });
        }
        self.compute_if_all_is_there(now, reducer, out);
    }

    fn take_in(&mut self, reducer: u32, node: u32, upto: u32) {
        let own = &mut self.reducers[reducer as usize];
        let there = &self.workers[node as usize].outputs;
        for &map in &there[own.seen[node as usize] as usize..upto as usize] {
            own.get(map);
        }
        own.seen[node as usize] = upto;
    }

    pub(super) fn fetch_ends(
        &mut self,
        now: Time,
        (reducer, node): (u32, u32),
        (begin, arrived): (Time, bool),
        out: &mut Vec<Command>,
    ) {
        let own = &mut self.reducers[reducer as usize];
        let (_, upto) = own.fetches.remove(&node).expect("it was under way");
        if !arrived {
            own.is_dead |= !self.workers[own.node as usize].is_up;
            if self.workers[node as usize].is_up {
                own.ready.insert(node);
            }
            self.fetch_on(now, reducer, out);
            return;
        }
        let (kind, act, span) = (TaskKind::Fetch, TaskAct::End, now.since(begin));
        let at = Some(self.workers[own.node as usize].id);
        out.push(Command::Emit(What::Task { kind, number: reducer, act, node: at, span }));
        self.take_in(reducer, node, upto);
        let own = &mut self.reducers[reducer as usize];
        if self.workers[node as usize].outputs.len() as u32 > upto {
            own.ready.insert(node);
        }
        self.fetch_on(now, reducer, out);
    }

    fn compute_if_all_is_there(&mut self, now: Time, reducer: u32, out: &mut Vec<Command>) {
        let own = &self.reducers[reducer as usize];
        if own.doing != Doing::Shuffle || own.count < self.maps.len() || own.is_dead {
            return;
        }
        out.push(self.emit_reducer(TaskKind::Shuffle, reducer, TaskAct::End));
        self.shuffling.remove(&reducer);
        let bytes: u64 = (0..self.maps.len()).map(|map| self.part_of(map, reducer)).sum();
        let nanos = u128::from(bytes) * u128::from(NANOS_PER_SECOND);
        let span = bounded(nanos / u128::from(self.table().reduce_rate.0));
        let task = self.begin_task(now, Purpose::Reduce(reducer));
        let left = scaled(bytes, self.table().reduce_output);
        let own = &mut self.reducers[reducer as usize];
        (own.doing, own.task, own.left) = (Doing::Compute, Some(task), left);
        let node = self.workers[own.node as usize].id;
        out.push(self.emit_reducer(TaskKind::Reduce, reducer, TaskAct::Begin));
        out.push(Command::Compute { task, node, span });
    }

    /// The next block of a result is written, if the NameNode can give it a name.
    pub(super) fn write_on(&mut self, now: Time, reducer: u32, out: &mut Vec<Command>) {
        loop {
            let own = &mut self.reducers[reducer as usize];
            if !matches!(own.doing, Doing::Compute | Doing::Write) || own.is_dead {
                return;
            }
            if own.doing == Doing::Compute {
                let is_computing = own.task.is_some_and(|task| self.purposes.contains_key(&task));
                if is_computing {
                    return;
                }
                (own.doing, own.task) = (Doing::Write, None);
                // The file's own: `OP_ADD` and `OP_CLOSE`.
                self.names.edits += 2;
            }
            if !own.hops.is_empty() {
                return;
            }
            if own.left == 0 {
                self.reducer_ends(now, reducer, out);
                return;
            }
            if self.master != Master::Serves {
                return;
            }
            self.write_block(now, reducer, out);
            if !self.reducers[reducer as usize].hops.is_empty() {
                return;
            }
            self.commit_block(reducer, out);
        }
    }

    fn write_block(&mut self, now: Time, reducer: u32, out: &mut Vec<Command>) {
        let table = &self.spec.table;
        let nodes = self.workers.len() as u32;
        let want = table.output_replication.unwrap_or(table.replication).min(nodes);
        let bytes = table.block.0.min(self.reducers[reducer as usize].left);
        let writer = self.reducers[reducer as usize].node;
        let block = self.names.allocate(bytes, want);
        let pipeline = self.names.pipeline(block, writer);
        let ids: Vec<_> = pipeline.iter().map(|node| self.workers[*node as usize].id).collect();
        let own = &mut self.reducers[reducer as usize];
        own.left -= bytes;
        own.blocks.push(block);
        own.pipeline = pipeline;
        let mut sends = Vec::new();
        for (place, pair) in (1..).zip(ids.windows(2)) {
            let task = self.begin_task(now, Purpose::Write(reducer, place));
            self.reducers[reducer as usize].hops.insert(place, task);
            let (from, to, bytes) = (end(pair[0]), end(pair[1]), Bytes(bytes));
            sends.push(Command::Send { task, from, to, bytes });
        }
        out.extend(sends);
    }

    pub(super) fn hop_ends(
        &mut self,
        now: Time,
        (reducer, place): (u32, u32),
        (begin, arrived): (Time, bool),
        out: &mut Vec<Command>,
    ) {
        let own = &mut self.reducers[reducer as usize];
        own.hops.remove(&place);
        let block = *own.blocks.last().expect("it is being written");
        let (writer, to) = (own.node, own.pipeline[place as usize]);
        if arrived {
            let (kind, act, span) = (TaskKind::BlockWrite, TaskAct::End, now.since(begin));
            let node = Some(self.workers[to as usize].id);
            out.push(Command::Emit(What::Task { kind, number: block, act, node, span }));
        } else {
            // The others of the pipeline go on without it; it is copied there later.
            own.pipeline[place as usize] = writer;
            own.is_dead |= !self.workers[writer as usize].is_up;
        }
        if own.hops.is_empty() && !own.is_dead {
            self.commit_block(reducer, out);
            self.write_on(now, reducer, out);
            self.go_on(now, out);
        }
    }

    /// The block is there: on its writer's node, and wherever its pipeline has brought it.
    fn commit_block(&mut self, reducer: u32, out: &mut Vec<Command>) {
        let own = &mut self.reducers[reducer as usize];
        let block = *own.blocks.last().expect("it is being written");
        let mut nodes = std::mem::take(&mut own.pipeline);
        let writer = nodes[0];
        nodes.retain(|node| *node != writer);
        nodes.insert(0, writer);
        self.names.written(block, &nodes, out);
    }

    /// A result is written; the task is over when the master knows.
    pub(super) fn reducer_ends(&mut self, now: Time, reducer: u32, out: &mut Vec<Command>) {
        let own = &self.reducers[reducer as usize];
        let is_written = own.doing == Doing::Write && own.left == 0 && own.hops.is_empty();
        if !is_written || own.is_dead {
            return;
        }
        if self.master != Master::Serves || !self.workers[own.node as usize].is_up {
            self.unreported.push((false, reducer));
            return;
        }
        out.push(self.emit_reducer(TaskKind::Reduce, reducer, TaskAct::End));
        self.leave_node(reducer);
        self.reducers[reducer as usize].doing = Doing::Done;
        self.reducers_done += 1;
        self.go_on(now, out);
    }

    fn leave_node(&mut self, reducer: u32) {
        let node = self.reducers[reducer as usize].node;
        self.workers[node as usize].reducers.remove(&reducer);
        self.shuffling.remove(&reducer);
        self.set_busy(node, -1);
    }

    /// The master knows that a reduce task has failed, or that its result is lost: it begins anew,
    /// and what it has written is removed.
    pub(super) fn fail_reducer(&mut self, reducer: u32, out: &mut Vec<Command>) {
        let own = &mut self.reducers[reducer as usize];
        let (doing, blocks) = (own.doing, std::mem::take(&mut own.blocks));
        let fetches = std::mem::take(&mut own.fetches).into_values().map(|(task, _)| task);
        let hops = std::mem::take(&mut own.hops).into_values();
        for task in fetches.chain(hops).chain(own.task.take()) {
            if self.purposes.remove(&task).is_some() {
                out.push(Command::Drop(task));
            }
        }
        for block in blocks {
            self.names.remove(block, out);
        }
        let is_fetching = doing == Doing::Shuffle;
        let kind = if is_fetching { TaskKind::Shuffle } else { TaskKind::Reduce };
        out.push(self.emit_reducer(kind, reducer, TaskAct::Retry));
        if doing == Doing::Done {
            self.reducers_done -= 1;
        } else {
            self.leave_node(reducer);
        }
        self.reducers_placed -= 1;
        self.reducers[reducer as usize] = Reducer::default();
        self.redo_lost_maps(out);
    }

    /// The youngest reduce task that fetches gives its slot to a map: whether there is one.
    pub(super) fn preempt(&mut self, out: &mut Vec<Command>) -> bool {
        let up = |reducer: &&u32| {
            let node = self.reducers[**reducer as usize].node;
            self.workers[node as usize].is_up
        };
        let Some(&reducer) = self.shuffling.iter().rev().find(up) else { return false };
        self.fail_reducer(reducer, out);
        true
    }

    /// What maps put out on a node that is given up is gone. O(reduce tasks + its maps).
    pub(super) fn lose_outputs(&mut self, now: Time, node: u32, out: &mut Vec<Command>) {
        let lost = std::mem::take(&mut self.workers[node as usize].outputs);
        for reducer in self.shuffling.iter().copied().collect::<Vec<_>>() {
            let own = &mut self.reducers[reducer as usize];
            own.ready.remove(&node);
            own.seen[node as usize] = 0;
            if let Some((task, _)) = own.fetches.remove(&node) {
                self.purposes.remove(&task);
                out.push(Command::Drop(task));
                self.fetch_on(now, reducer, out);
            }
        }
        self.lost_outputs.extend(lost);
        self.redo_lost_maps(out);
    }

    /// Maps whose output is gone are done again if a reduce task needs it.
    fn redo_lost_maps(&mut self, out: &mut Vec<Command>) {
        let waits = self.reducers_placed < self.reducers.len();
        for map in std::mem::take(&mut self.lost_outputs) {
            let misses = |reducer: &u32| !self.reducers[*reducer as usize].has(map);
            if waits || self.shuffling.iter().any(misses) {
                self.redo_map(map, out);
            } else {
                self.lost_outputs.push(map);
            }
        }
    }
}
