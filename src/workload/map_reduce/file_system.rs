//! HDFS: which data nodes keep each block, as its NameNode knows it, and the copies that it orders.
//!
//! The first replica lies on the writer's node, or on a random one if it is no data node; the
//! second on another rack; the third on the second's rack; more lie anywhere, at most
//! (replicas - 1) / racks + 2 on one rack (Apache Hadoop, "HDFS Architecture", "Replica placement";
//! `BlockPlacementPolicyDefault`). A rack is a switch. Where the rule cannot be kept any other node
//! is as good.
//!
//! When a node is dead its blocks are copied again: those with the fewest replicas first, each from
//! a node that has one, and each node copies at most `streams` at a time
//! (`dfs.namenode.replication.max-streams`). A block is copied once at a time.

use std::collections::{BTreeMap, BTreeSet};

use super::emit;
use crate::event::{TaskAct, TaskKind, What};
use crate::ids::NodeId;
use crate::rng::{Draw, Stream};
use crate::units::{Bytes, Time};
use crate::workload::{Command, TaskId, end};

/// Random tries before all candidates are listed.
const TRIES: usize = 8;

/// Whether a block has all the replicas that it should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Full,
    Under,
    Missing,
}

/// A block.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) bytes: u64,
    /// Replicas that it should have.
    want: u32,
    /// Data nodes that keep it and are not dead.
    pub(super) replicas: Vec<u32>,
    health: Health,
    /// Its replicas when it was put on the lists of blocks to be copied, if it is on them.
    listed: Option<u32>,
    is_copied: bool,
    is_removed: bool,
    /// Choices of nodes that were made for it.
    choices: u64,
}

/// What the NameNode knows of a data node.
#[derive(Clone, Debug)]
struct DataNode {
    id: NodeId,
    rack: u32,
    is_up: bool,
    is_dead: bool,
    /// What lies on its disk.
    stored: BTreeSet<u32>,
    /// Copies that it makes.
    streams: u32,
    /// Blocks that it could copy, with the replicas that they have.
    to_copy: BTreeSet<(u32, u32)>,
}

/// A copy under way.
#[derive(Clone, Copy, Debug)]
struct BlockCopy {
    block: u32,
    from: u32,
    to: u32,
    begin: Time,
}

/// The names of HDFS.
#[derive(Clone, Debug)]
pub(super) struct FileSystem {
    pub(super) blocks: Vec<Block>,
    nodes: Vec<DataNode>,
    racks: u32,
    streams: u32,
    chance: Stream,
    copies: BTreeMap<TaskId, BlockCopy>,
    /// Blocks that are on lists to be copied.
    listed: usize,
    /// Edits of the names since the beginning.
    pub(super) edits: u64,
}

impl FileSystem {
    /// Without blocks, on data nodes of which none is up.
    pub(super) fn new(nodes: &[NodeId], streams: u32, seed: u64) -> Self {
        let node = |&id: &NodeId| DataNode {
            id,
            rack: 0,
            is_up: false,
            is_dead: false,
            stored: BTreeSet::new(),
            streams: 0,
            to_copy: BTreeSet::new(),
        };
        Self {
            blocks: Vec::new(),
            nodes: nodes.iter().map(node).collect(),
            racks: 1,
            streams,
            chance: Stream::new(seed, "map_reduce placement"),
            copies: BTreeMap::new(),
            listed: 0,
            edits: 0,
        }
    }

    /// The racks are the switches.
    pub(super) fn locate(&mut self, switch_of: &dyn Fn(NodeId) -> u32) {
        for node in &mut self.nodes {
            node.rack = switch_of(node.id);
        }
        let racks: BTreeSet<u32> = self.nodes.iter().map(|node| node.rack).collect();
        self.racks = racks.len() as u32;
    }

    pub(super) fn rack(&self, node: u32) -> u32 {
        self.nodes[node as usize].rack
    }

    pub(super) fn is_up(&self, node: u32) -> bool {
        self.nodes[node as usize].is_up
    }

    /// A node that is up is not dead.
    pub(super) fn set_up(&mut self, node: u32, is_up: bool) {
        self.nodes[node as usize].is_up = is_up;
    }

    /// A block of a file that is there before the run, on any nodes.
    pub(super) fn load(&mut self, bytes: u64, want: u32) {
        let block = self.allocate(bytes, want);
        let nodes = self.choose(block, &[], want, |_| true);
        for node in nodes {
            self.keep(block, node);
        }
        // A file system that is smaller than that is as it was meant.
        self.blocks[block as usize].health = Health::Full;
        self.blocks[block as usize].want = self.blocks[block as usize].replicas.len() as u32;
    }

    /// A new block without replicas: three edits (`OP_ALLOCATE_BLOCK_ID`, `OP_SET_GENSTAMP_V2`,
    /// `OP_ADD_BLOCK`).
    pub(super) fn allocate(&mut self, bytes: u64, want: u32) -> u32 {
        self.edits += 3;
        self.blocks.push(Block {
            bytes,
            want,
            replicas: Vec::new(),
            health: Health::Full,
            listed: None,
            is_copied: false,
            is_removed: false,
            choices: 0,
        });
        (self.blocks.len() - 1) as u32
    }

    fn keep(&mut self, block: u32, node: u32) {
        let (own, at) = (&mut self.blocks[block as usize], &mut self.nodes[node as usize]);
        at.stored.insert(block);
        if !at.is_dead && !own.replicas.contains(&node) {
            own.replicas.push(node);
        }
    }

    /// Nodes for the replicas of a block that its writer has allocated.
    pub(super) fn pipeline(&mut self, block: u32, writer: u32) -> Vec<u32> {
        let want = self.blocks[block as usize].want;
        self.choose(block, &[writer], want, |node| node.is_up && !node.is_dead)
    }

    /// So many nodes for a block, the given ones first.
    fn choose(
        &mut self,
        block: u32,
        given: &[u32],
        want: u32,
        fits: impl Fn(&DataNode) -> bool,
    ) -> Vec<u32> {
        let mut chosen = given.to_vec();
        while (chosen.len() as u32) < want {
            let own = &mut self.blocks[block as usize];
            let mut draw = self.chance.draw(block.into(), own.choices);
            own.choices += 1;
            let most = (own.want - 1) / self.racks + 2;
            let rule = |node: u32| self.keeps_rule(&chosen, most, node);
            let free = |node: u32| !chosen.contains(&node) && fits(&self.nodes[node as usize]);
            let best = self.pick(&mut draw, |node| free(node) && rule(node));
            let Some(node) = best.or_else(|| self.pick(&mut draw, free)) else { break };
            chosen.push(node);
        }
        chosen
    }

    /// Whether a node may have the next replica by the rule of racks, at `most` so many on each.
    fn keeps_rule(&self, chosen: &[u32], most: u32, node: u32) -> bool {
        let rack = self.rack(node);
        let racks = |of: u32| self.rack(of);
        match *chosen {
            [] => true,
            [first] => rack != racks(first),
            [first, second] if racks(first) == racks(second) => rack != racks(first),
            [_, second] => rack == racks(second),
            _ => {
                let there = chosen.iter().filter(|of| racks(**of) == rack).count();
                (there as u32) < most
            }
        }
    }

    /// One of those that fit, each as likely as the others.
    fn pick(&self, draw: &mut Draw, fits: impl Fn(u32) -> bool) -> Option<u32> {
        let all = self.nodes.len() as u64;
        for _ in 0..TRIES {
            let node = draw.below(all) as u32;
            if fits(node) {
                return Some(node);
            }
        }
        let rest: Vec<u32> = (0..all as u32).filter(|node| fits(*node)).collect();
        (!rest.is_empty()).then(|| rest[draw.below(rest.len() as u64) as usize])
    }

    /// A block is written: these nodes have it.
    pub(super) fn written(&mut self, block: u32, nodes: &[u32], out: &mut Vec<Command>) {
        for &node in nodes {
            self.keep(block, node);
        }
        self.review(block, out);
    }

    /// A block is removed, and its replicas with it. Whether it was there.
    pub(super) fn remove(&mut self, block: u32, out: &mut Vec<Command>) -> bool {
        if self.blocks[block as usize].is_removed {
            return false;
        }
        self.unlist(block);
        let own = &mut self.blocks[block as usize];
        own.is_removed = true;
        for node in std::mem::take(&mut own.replicas) {
            self.nodes[node as usize].stored.remove(&block);
        }
        self.review(block, out);
        let copies = self.copies.iter().filter(|(_, copy)| copy.block == block);
        let copies: Vec<_> = copies.map(|(task, _)| *task).collect();
        for task in copies {
            out.push(Command::Drop(task));
            self.end_copy(task);
        }
        true
    }

    /// The node nearest to `reader` that is up and has the block: itself, one of its rack, any.
    pub(super) fn nearest(&self, block: u32, reader: u32) -> Option<u32> {
        let up = || self.blocks[block as usize].replicas.iter().filter(|node| self.is_up(**node));
        let own = up().find(|node| **node == reader);
        let near = own.or_else(|| up().find(|node| self.rack(**node) == self.rack(reader)));
        // Readers of other racks take turns.
        let count = up().count().max(1);
        near.or_else(|| up().nth((block as usize + reader as usize) % count)).copied()
    }

    /// Notes what a block has become, and lists it if it needs a copy.
    fn review(&mut self, block: u32, out: &mut Vec<Command>) {
        let own = &self.blocks[block as usize];
        let replicas = own.replicas.len() as u32;
        let health = match replicas {
            _ if own.is_removed => Health::Full,
            0 => Health::Missing,
            some if some < own.want => Health::Under,
            _ => Health::Full,
        };
        let before = own.health;
        if health != before {
            self.blocks[block as usize].health = health;
            let kind = |health| match health {
                Health::Full => None,
                Health::Under => Some(TaskKind::UnderReplicated),
                Health::Missing => Some(TaskKind::MissingBlock),
            };
            let act = if health == Health::Missing { TaskAct::Lose } else { TaskAct::End };
            out.extend(kind(before).map(|kind| emit(kind, block, act, None)));
            out.extend(kind(health).map(|kind| emit(kind, block, TaskAct::Begin, None)));
        }
        let own = &mut self.blocks[block as usize];
        if health == Health::Under && !own.is_copied && own.listed.is_none() {
            own.listed = Some(replicas);
            self.listed += 1;
            for node in own.replicas.clone() {
                self.nodes[node as usize].to_copy.insert((replicas, block));
            }
        }
    }

    fn unlist(&mut self, block: u32) {
        let own = &mut self.blocks[block as usize];
        if let Some(replicas) = own.listed.take() {
            self.listed -= 1;
            for node in own.replicas.clone() {
                self.nodes[node as usize].to_copy.remove(&(replicas, block));
            }
        }
    }

    /// The NameNode gives up a node. O(its blocks).
    pub(super) fn declare_dead(&mut self, node: u32, out: &mut Vec<Command>) {
        let own = &mut self.nodes[node as usize];
        if std::mem::replace(&mut own.is_dead, true) {
            return;
        }
        for block in own.stored.iter().copied().collect::<Vec<_>>() {
            self.unlist(block);
            self.blocks[block as usize].replicas.retain(|of| *of != node);
            self.review(block, out);
        }
    }

    /// A node is back that may have been dead: it reports its blocks. Those that have all their
    /// replicas again are deleted from it. O(its blocks).
    pub(super) fn report(
        &mut self,
        node: u32,
        keeps_disk: bool,
        out: &mut Vec<Command>,
    ) -> Vec<u32> {
        let own = &mut self.nodes[node as usize];
        if !std::mem::replace(&mut own.is_dead, false) {
            return Vec::new();
        }
        let stored = std::mem::take(&mut own.stored);
        let mut found = Vec::new();
        for block in stored.into_iter().filter(|_| keeps_disk) {
            let own = &self.blocks[block as usize];
            if own.is_removed || own.replicas.len() as u32 >= own.want {
                continue;
            }
            self.unlist(block);
            self.keep(block, node);
            self.review(block, out);
            found.push(block);
        }
        found
    }

    /// Is any node down that is not known to be dead?
    pub(super) fn is_in_doubt(&self) -> bool {
        self.nodes.iter().any(|node| !node.is_up && !node.is_dead)
    }

    /// Whether blocks are being copied.
    pub(super) fn is_copying(&self) -> bool {
        !self.copies.is_empty()
    }

    /// Nodes that may copy begin to. O(nodes).
    pub(super) fn copy_all(&mut self, now: Time, next: &mut TaskId, out: &mut Vec<Command>) {
        if self.listed == 0 {
            return;
        }
        for node in 0..self.nodes.len() as u32 {
            self.copy_from(node, now, next, out);
        }
    }

    /// A node copies blocks as long as it may.
    fn copy_from(&mut self, from: u32, now: Time, next: &mut TaskId, out: &mut Vec<Command>) {
        let mut stuck = Vec::new();
        loop {
            let own = &mut self.nodes[from as usize];
            if !own.is_up || own.is_dead || own.streams >= self.streams {
                break;
            }
            let Some((replicas, block)) = own.to_copy.pop_first() else { break };
            let given = self.blocks[block as usize].replicas.clone();
            let choices = self.blocks[block as usize].choices;
            let want = replicas + 1;
            let all = self.choose(block, &given, want, |node| node.is_up && !node.is_dead);
            let Some(&to) = all.get(given.len()) else {
                self.blocks[block as usize].choices = choices;
                stuck.push((replicas, block));
                // Without any other node for this one there is hardly one for the next.
                break;
            };
            self.unlist(block);
            self.blocks[block as usize].is_copied = true;
            self.nodes[from as usize].streams += 1;
            let task = *next;
            *next += 1;
            self.copies.insert(task, BlockCopy { block, from, to, begin: now });
            let bytes = Bytes(self.blocks[block as usize].bytes);
            let (from, to) = (self.nodes[from as usize].id, self.nodes[to as usize].id);
            out.push(Command::Send { task, from: end(from), to: end(to), bytes });
        }
        self.nodes[from as usize].to_copy.extend(stuck);
    }

    fn end_copy(&mut self, task: TaskId) -> Option<BlockCopy> {
        let copy = self.copies.remove(&task)?;
        self.nodes[copy.from as usize].streams -= 1;
        self.blocks[copy.block as usize].is_copied = false;
        Some(copy)
    }

    /// Whether a task is a copy under way.
    pub(super) fn is_copy(&self, task: TaskId) -> bool {
        self.copies.contains_key(&task)
    }

    /// A copy has arrived or is lost: the block and its new replica, if it has one.
    pub(super) fn copied(
        &mut self,
        (now, task, arrived): (Time, TaskId, bool),
        out: &mut Vec<Command>,
    ) -> Option<(u32, u32)> {
        let BlockCopy { block, from, to, begin } = self.end_copy(task)?;
        let act = if arrived { TaskAct::End } else { TaskAct::Lose };
        let node = Some(self.nodes[from as usize].id);
        let (kind, span) = (TaskKind::Replication, now.since(begin));
        let what = What::Task { kind, number: block, act, node, span };
        out.push(Command::Emit(what));
        let is_kept = arrived && !self.nodes[to as usize].is_dead;
        if is_kept {
            self.keep(block, to);
        }
        self.review(block, out);
        is_kept.then_some((block, to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of 40 nodes behind 4 switches, seed 1.
    fn loaded(blocks: u32) -> FileSystem {
        let nodes: Vec<NodeId> = (0..40).map(NodeId).collect();
        let mut names = FileSystem::new(&nodes, 2, 1);
        names.locate(&|NodeId(node)| node / 10);
        for _ in 0..blocks {
            names.load(1, 3);
        }
        names
    }

    #[test]
    fn the_second_replica_lies_on_another_rack_and_the_third_next_to_it() {
        let names = loaded(1_000);
        for block in &names.blocks {
            let [first, second, third] = block.replicas[..] else { panic!("it has three") };
            assert_ne!(names.rack(first), names.rack(second));
            assert_eq!(names.rack(second), names.rack(third));
            assert_ne!(second, third);
        }
    }

    /// Chi-square with 39 degrees of freedom stays below 62.43 in 99 % of cases.
    #[test]
    fn each_replica_lies_on_each_node_as_often() {
        let names = loaded(10_000);
        for place in 0..3 {
            let mut counts = [0.0_f64; 40];
            for block in &names.blocks {
                counts[block.replicas[place] as usize] += 1.0;
            }
            let square = |count: &f64| (count - 250.0) * (count - 250.0) / 250.0;
            let sum: f64 = counts.iter().map(square).sum();
            assert!(sum < 62.43, "place {place}: {sum}");
        }
    }

    #[test]
    fn more_replicas_lie_at_most_so_many_on_a_rack() {
        let mut names = loaded(0);
        for _ in 0..200 {
            names.load(1, 8);
        }
        for block in &names.blocks {
            let mut racks = [0_u32; 4];
            for &node in &block.replicas {
                racks[names.rack(node) as usize] += 1;
            }
            // (8 - 1) / 4 + 2.
            assert!(racks.iter().all(|count| *count <= 3), "{racks:?}");
        }
    }
}
