//! The maps of a job: who gets which block, who reads it from afar, and which run a second time.
//!
//! A free slot gets a waiting map whose block lies on its node, else one whose block lies on its
//! rack, else any (as YARN's preferences are node, rack, any); emptier nodes choose first. A map
//! that runs for more than `speculative_after` times the mean of those that are done, while nothing
//! waits, is run on another node too, and who is first wins. Hadoop's own rule compares estimated
//! ends; this one is an assumption in its spirit.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{MapReduceJob, Master, Purpose, SPECULATE, bounded, emit, scaled};
use crate::event::{TaskAct, TaskKind, What};
use crate::units::{Bytes, Time};
use crate::workload::{Command, TaskId, end};

/// A map.
#[derive(Clone, Debug, Default)]
struct OneMap {
    /// Where its output lies, if it is done.
    done_on: Option<u32>,
    running: Vec<u32>,
    tries: u32,
}

/// A map that runs on a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunningMap {
    map: u32,
    node: u32,
    begin: Time,
    is_second: bool,
    task: Option<TaskId>,
    /// Its node has stopped, and the master does not know it yet.
    is_dead: bool,
}

/// All maps of the job.
#[derive(Clone, Debug)]
pub(super) struct Maps {
    each: Vec<OneMap>,
    waiting: BTreeSet<u32>,
    /// Those of the waiting whose block lies on no node that is up.
    stuck: BTreeSet<u32>,
    /// Of each rack the maps whose blocks lie there, and some that wait no more.
    on_rack: BTreeMap<u32, BTreeSet<u32>>,
    running: BTreeMap<u32, RunningMap>,
    begun: u32,
    pub(super) done: u32,
    /// How long those took that have ended, and how many there were.
    took: (u128, u64),
    /// Those that run once, by their begin.
    alone: BTreeSet<(Time, u32)>,
    /// When the next of these will have run for long.
    pub(super) look_again: Option<Time>,
}

impl Maps {
    pub(super) fn new(maps: u32) -> Self {
        Self {
            each: vec![OneMap::default(); maps as usize],
            waiting: BTreeSet::new(),
            stuck: BTreeSet::new(),
            on_rack: BTreeMap::new(),
            running: BTreeMap::new(),
            begun: 0,
            done: 0,
            took: (0, 0),
            alone: BTreeSet::new(),
            look_again: None,
        }
    }

    pub(super) fn len(&self) -> u32 {
        self.each.len() as u32
    }

    /// A node has this block now.
    pub(super) fn has_block(&self, block: u32, local: &mut BTreeSet<u32>) {
        if self.waiting.contains(&block) || self.stuck.contains(&block) {
            local.insert(block);
        }
    }

    /// Blocks that lay on no node may do so again.
    pub(super) fn look_for_blocks(&mut self) {
        self.waiting.append(&mut self.stuck);
    }

    fn kind(running: &RunningMap) -> TaskKind {
        if running.is_second { TaskKind::SpeculativeMap } else { TaskKind::Map }
    }
}

impl MapReduceJob {
    /// Nobody has it.
    pub(super) fn wait_map(&mut self, map: u32) {
        self.maps.waiting.insert(map);
        for &node in &self.names.blocks[map as usize].replicas {
            self.workers[node as usize].local.insert(map);
            self.maps.on_rack.entry(self.names.rack(node)).or_default().insert(map);
        }
    }

    /// Waiting maps get free slots.
    pub(super) fn assign_maps(&mut self, now: Time, out: &mut Vec<Command>) {
        let mut rest = VecDeque::new();
        while !self.maps.waiting.is_empty() {
            let Some((_, node)) = self.free.pop_first() else { break };
            match self.local_map(node) {
                Some(map) => self.begin_map(now, (map, node), false, out),
                None => rest.push_back(node),
            }
        }
        while let Some(node) = rest.pop_front() {
            self.set_busy(node, 0);
            if let Some(map) = self.distant_map(node) {
                self.begin_map(now, (map, node), false, out);
                let busy = self.workers[node as usize].busy;
                if self.free.remove(&(busy, node)) {
                    rest.push_back(node);
                }
            }
        }
        let is_blocked = self.free.is_empty() && self.maps.running.is_empty();
        if !self.maps.waiting.is_empty() && is_blocked && self.preempt(out) {
            self.assign_maps(now, out);
        }
    }

    /// A waiting map whose block lies on this node.
    fn local_map(&mut self, node: u32) -> Option<u32> {
        let local = &mut self.workers[node as usize].local;
        while let Some(map) = local.pop_first() {
            let has_it = self.names.blocks[map as usize].replicas.contains(&node);
            if self.maps.waiting.contains(&map) && has_it {
                return Some(map);
            }
        }
        None
    }

    /// A waiting map whose block lies on this node's rack, or anywhere.
    fn distant_map(&mut self, node: u32) -> Option<u32> {
        let rack = self.names.rack(node);
        if let Some(near) = self.maps.on_rack.get_mut(&rack) {
            while let Some(map) = near.pop_first() {
                let from = self.names.nearest(map, node);
                let is_near = from.is_some_and(|from| self.names.rack(from) == rack);
                if self.maps.waiting.contains(&map) && is_near {
                    return Some(map);
                }
            }
        }
        while let Some(&map) = self.maps.waiting.first() {
            if self.names.nearest(map, node).is_some() {
                return Some(map);
            }
            self.maps.waiting.remove(&map);
            self.maps.stuck.insert(map);
        }
        None
    }

    fn begin_map(
        &mut self,
        now: Time,
        (map, node): (u32, u32),
        is_second: bool,
        out: &mut Vec<Command>,
    ) {
        self.maps.waiting.remove(&map);
        let number = self.maps.begun;
        self.maps.begun += 1;
        let running = RunningMap { map, node, begin: now, is_second, task: None, is_dead: false };
        self.maps.running.insert(number, running);
        self.workers[node as usize].running.insert(number);
        let own = &mut self.maps.each[map as usize];
        own.running.push(number);
        own.tries += 1;
        if is_second {
            for first in own.running.clone() {
                let begin = self.maps.running[&first].begin;
                self.maps.alone.remove(&(begin, first));
            }
        } else {
            self.maps.alone.insert((now, number));
        }
        self.set_busy(node, 1);
        let id = self.workers[node as usize].id;
        out.push(emit(Maps::kind(&running), map, TaskAct::Begin, Some(id)));
        self.read_block(now, number, out);
    }

    /// A map reads its block from its own disk, or from another node.
    fn read_block(&mut self, now: Time, number: u32, out: &mut Vec<Command>) {
        let RunningMap { map, node, .. } = self.maps.running[&number];
        match self.names.nearest(map, node) {
            Some(from) if from == node => self.compute_map(now, number, out),
            Some(from) => {
                let bytes = Bytes(self.names.blocks[map as usize].bytes);
                let task = self.begin_task(now, Purpose::Read(number));
                self.maps.running.get_mut(&number).expect("it runs").task = Some(task);
                let (from, to) = (self.workers[from as usize].id, self.workers[node as usize].id);
                out.push(Command::Send { task, from: end(from), to: end(to), bytes });
            }
            None => {
                self.fail_map(number, TaskAct::Retry, out);
                // A master that is down gives it to somebody when it is back.
                self.go_on(now, out);
            }
        }
    }

    pub(super) fn read_ends(
        &mut self,
        now: Time,
        number: u32,
        (begin, arrived): (Time, bool),
        out: &mut Vec<Command>,
    ) {
        let own = self.maps.running.get_mut(&number).expect("it runs");
        own.task = None;
        let (node, map) = (own.node, own.map);
        if arrived {
            let (kind, act, span) = (TaskKind::BlockRead, TaskAct::End, now.since(begin));
            let node = Some(self.workers[node as usize].id);
            out.push(Command::Emit(What::Task { kind, number: map, act, node, span }));
            self.compute_map(now, number, out);
        } else if self.workers[node as usize].is_up {
            self.read_block(now, number, out);
        } else {
            own.is_dead = true;
        }
    }

    fn compute_map(&mut self, now: Time, number: u32, out: &mut Vec<Command>) {
        let RunningMap { map, node, .. } = self.maps.running[&number];
        let tries = u64::from(self.maps.each[map as usize].tries);
        let share = self.names.blocks[map as usize].bytes as f64 / self.table().block.0 as f64;
        let variation = self.table().map_variation;
        // The lognormal of mean 1 and this coefficient of variation.
        let luck = if variation > 0.0 {
            let square = libm::log1p(variation * variation);
            self.chance.draw(map.into(), tries).lognormal(-square / 2.0, libm::sqrt(square))
        } else {
            1.0
        };
        let span = bounded(scaled(self.table().map_time.0, share * luck).into());
        let task = self.begin_task(now, Purpose::Map(number));
        self.maps.running.get_mut(&number).expect("it runs").task = Some(task);
        out.push(Command::Compute { task, node: self.workers[node as usize].id, span });
    }

    pub(super) fn map_dies(&mut self, number: u32) {
        let own = self.maps.running.get_mut(&number).expect("it runs");
        (own.task, own.is_dead) = (None, true);
    }

    /// What a map computes is done; it is over when the master knows.
    pub(super) fn map_ends(&mut self, now: Time, number: u32, out: &mut Vec<Command>) {
        let Some(own) = self.maps.running.get_mut(&number) else { return };
        own.task = None;
        let RunningMap { map, node, begin, .. } = *own;
        if self.master != Master::Serves || !self.workers[node as usize].is_up {
            self.unreported.push((true, number));
            return;
        }
        out.push(self.stop_map(number, TaskAct::End));
        for other in self.maps.each[map as usize].running.clone() {
            self.drop_map_task(other, out);
            out.push(self.stop_map(other, TaskAct::Lose));
        }
        self.maps.took.0 += u128::from(now.since(begin).0);
        self.maps.took.1 += 1;
        self.maps.each[map as usize].done_on = Some(node);
        self.maps.done += 1;
        self.workers[node as usize].outputs.push(map);
        self.offer_outputs(now, node, out);
        self.go_on(now, out);
    }

    /// It runs no more, and its slot is free: the event of it.
    fn stop_map(&mut self, number: u32, act: TaskAct) -> Command {
        let own = self.maps.running.remove(&number).expect("it runs");
        self.maps.alone.remove(&(own.begin, number));
        self.maps.each[own.map as usize].running.retain(|of| *of != number);
        self.workers[own.node as usize].running.remove(&number);
        self.set_busy(own.node, -1);
        emit(Maps::kind(&own), own.map, act, Some(self.workers[own.node as usize].id))
    }

    fn drop_map_task(&mut self, number: u32, out: &mut Vec<Command>) {
        if let Some(task) = self.maps.running[&number].task {
            self.purposes.remove(&task);
            out.push(Command::Drop(task));
        }
    }

    /// The master knows that a running map has failed: the map waits, unless it runs elsewhere too.
    pub(super) fn fail_map(&mut self, number: u32, act: TaskAct, out: &mut Vec<Command>) {
        let map = self.maps.running[&number].map;
        self.drop_map_task(number, out);
        out.push(self.stop_map(number, act));
        if self.maps.each[map as usize].running.is_empty() {
            self.wait_map(map);
        }
    }

    /// Tasks of a node that has stopped and is back fail now.
    pub(super) fn fail_dead_tasks(&mut self, node: u32, out: &mut Vec<Command>) {
        for number in self.workers[node as usize].running.clone() {
            if self.maps.running[&number].is_dead {
                self.fail_map(number, TaskAct::Retry, out);
            }
        }
        for reducer in self.workers[node as usize].reducers.clone() {
            if self.reducers[reducer as usize].is_dead {
                self.fail_reducer(reducer, out);
            }
        }
    }

    /// A finished map whose output is lost is to be done again.
    pub(super) fn redo_map(&mut self, map: u32, out: &mut Vec<Command>) {
        let node = self.maps.each[map as usize].done_on.take();
        let node = node.map(|node| self.workers[node as usize].id);
        self.maps.done -= 1;
        out.push(emit(TaskKind::Map, map, TaskAct::Retry, node));
        self.wait_map(map);
    }

    /// Whether a map waits that could run.
    pub(super) fn maps_wait(&self) -> bool {
        !self.maps.waiting.is_empty()
    }

    /// Maps that run for long begin a second time, where a slot is free and nothing waits.
    pub(super) fn speculate(&mut self, now: Time, out: &mut Vec<Command>) {
        let (sum, count) = self.maps.took;
        if !self.table().speculative || count == 0 || !self.maps.waiting.is_empty() {
            return;
        }
        let mean = (sum / u128::from(count)) as u64;
        let long = bounded(scaled(mean, self.table().speculative_after).into());
        while let Some(&(begin, number)) = self.maps.alone.first() {
            let due = begin + long;
            if due > now {
                if self.maps.look_again.is_none_or(|at| at > due) {
                    self.maps.look_again = Some(due);
                    out.push(Command::Timer { at: due, key: SPECULATE });
                }
                return;
            }
            let RunningMap { map, node, .. } = self.maps.running[&number];
            // A master that learns of the free slot later looks again then.
            let has_block = |of: u32| self.names.blocks[map as usize].replicas.contains(&of);
            let others = || self.free.iter().filter(|(_, of)| *of != node);
            let best = others().find(|(_, of)| has_block(*of)).or_else(|| others().next());
            let Some(&(_, other)) = best else { return };
            if self.names.nearest(map, other).is_none() {
                return;
            }
            self.begin_map(now, (map, other), true, out);
        }
    }
}
