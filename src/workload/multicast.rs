//! A datagram that triggers all nodes, and the uploads that follow at once.
//!
//! The datagram itself is so short that it takes no share of any link: it reaches a node after
//! latency + U jitter, with U even in (0, 1), or is lost with the probability p. A node is
//! triggered if the sender is up when it is sent, no partition of the network keeps the one from
//! hearing the other then, and the node is up when it arrives. Of n nodes that are
//! up the number that miss one is binomial, with mean n p; the expected skew, the time from the
//! first triggered to the last, is jitter (n - 1) / (n + 1) if none is lost (the range of n even
//! numbers: David and Nagaraja, "Order Statistics", 2003).
//!
//! What the nodes send back crosses the fabric; n uploads of b bytes over a shared link of rate u
//! take n b / u.
//!
//! Not modelled: datagrams that are lost together, as in a switch whose queue is full; IGMP.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Command, Input, TaskId, Workload, end};
use crate::event::{TaskAct, TaskKind, What};
use crate::ids::{NodeId, PartKind};
use crate::rng::Stream;
use crate::scenario::Scenario;
use crate::scenario::partition::Cuts;
use crate::scenario::workloads::Placed;
use crate::scenario::workloads::multicast::Multicast as Table;
use crate::units::{Span, Time};

/// The key of the next shot; all others are those of a trigger.
const SHOT: u64 = u64::MAX;

/// The progress of the shots. The number of a trigger is that of its shot times the nodes, plus the
/// place of its node; its task, and its timers, are named by it.
#[derive(Clone, Debug)]
pub struct Multicast {
    spec: Arc<Placed<Table>>,
    chance: Stream,
    /// Nodes that are up.
    up: BTreeSet<NodeId>,
    /// Servers that are down.
    down: BTreeSet<u32>,
    /// Who cannot hear whom.
    cuts: Cuts,
    shots: u32,
    /// Triggers that are not over: datagrams and uploads under way.
    open: u64,
    /// Those whose upload is prepared.
    prepared: BTreeSet<u64>,
}

impl Multicast {
    /// That of a scenario, if it has one.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Option<Self> {
        let spec = scenario.workloads.multicast.clone()?;
        let chance = Stream::new(scenario.seed, "multicast");
        let (up, down, prepared) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let cuts = Cuts::of(scenario);
        Some(Self { spec, chance, up, down, cuts, shots: 0, open: 0, prepared })
    }

    fn nodes(&self) -> u64 {
        self.spec.nodes[0].len() as u64
    }

    fn node_of(&self, trigger: u64) -> NodeId {
        self.spec.nodes[0][(trigger % self.nodes()) as usize]
    }

    fn emit(&self, kind: TaskKind, trigger: u64, act: TaskAct, span: Span) -> Command {
        let node = Some(self.node_of(trigger));
        Command::Emit(What::Task { kind, number: trigger as u32, act, node, span })
    }

    /// What a datagram takes to a node; `None` if it is lost on the way.
    fn way(&self, trigger: u64) -> Option<Span> {
        let table = &self.spec.table;
        let (place, shot) = (trigger % self.nodes(), trigger / self.nodes());
        let mut draw = self.chance.draw(place, shot);
        if draw.unit() < table.loss {
            return None;
        }
        let jitter = libm::round(draw.unit() * table.jitter.0 as f64) as u64;
        Some(table.latency + Span(jitter))
    }

    fn shoot(&mut self, now: Time, out: &mut Vec<Command>) {
        let first = u64::from(self.shots) * self.nodes();
        let from = self.spec.part(0);
        let sends = match from.kind {
            PartKind::Server => !self.down.contains(&from.index),
            _ => self.up.contains(&NodeId(from.index)),
        };
        self.shots += 1;
        for trigger in first..first + self.nodes() {
            let is_carried = sends && self.cuts.carry(from, end(self.node_of(trigger)));
            match self.way(trigger).filter(|_| is_carried) {
                Some(span) => {
                    self.open += 1;
                    out.push(Command::Timer { at: now + span, key: trigger });
                }
                None => out.push(self.emit(TaskKind::Trigger, trigger, TaskAct::Lose, Span::ZERO)),
            }
        }
        if self.shots < self.spec.table.shots {
            out.push(Command::Timer { at: now + self.spec.table.every, key: SHOT });
        }
        self.finish_if_over(out);
    }

    fn finish_if_over(&self, out: &mut Vec<Command>) {
        if self.open == 0 && self.shots == self.spec.table.shots {
            out.push(Command::Finish);
        }
    }

    fn is_over(&mut self, out: &mut Vec<Command>) {
        self.open -= 1;
        self.finish_if_over(out);
    }

    /// A datagram arrives, or what a node sends back is prepared.
    fn due(&mut self, trigger: u64, out: &mut Vec<Command>) {
        let is_up = self.up.contains(&self.node_of(trigger));
        if self.prepared.remove(&trigger) {
            if is_up {
                self.upload(trigger, out);
            } else {
                out.push(self.emit(TaskKind::Upload, trigger, TaskAct::Lose, Span::ZERO));
                self.is_over(out);
            }
            return;
        }
        if !is_up {
            out.push(self.emit(TaskKind::Trigger, trigger, TaskAct::Lose, Span::ZERO));
            self.is_over(out);
            return;
        }
        let span = self.way(trigger).expect("it was not lost");
        out.push(self.emit(TaskKind::Trigger, trigger, TaskAct::End, span));
        if self.spec.table.upload.is_none() {
            self.is_over(out);
        } else {
            self.prepared.insert(trigger);
        }
    }

    fn upload(&mut self, trigger: u64, out: &mut Vec<Command>) {
        let from = end(self.node_of(trigger));
        let bytes = self.spec.table.upload.expect("there is one");
        out.push(Command::Send { task: trigger, from, to: self.spec.part(0), bytes });
    }

    fn uploaded(&mut self, trigger: TaskId, act: TaskAct, out: &mut Vec<Command>) {
        out.push(self.emit(TaskKind::Upload, trigger, act, Span::ZERO));
        self.is_over(out);
    }
}

impl Workload for Multicast {
    /// O(nodes) for a shot, O(log nodes) for a trigger and for an upload.
    fn on(&mut self, now: Time, input: Input, out: &mut Vec<Command>) {
        match input {
            Input::Begin => out.push(Command::Timer { at: self.spec.table.at, key: SHOT }),
            Input::Timer(SHOT) => self.shoot(now, out),
            Input::Timer(trigger) => {
                self.due(trigger, out);
                if self.prepared.contains(&trigger) {
                    let at = now + self.spec.table.prepare;
                    out.push(Command::Timer { at, key: trigger });
                }
            }
            Input::Begun(trigger) => {
                out.push(self.emit(TaskKind::Upload, trigger, TaskAct::Begin, Span::ZERO));
            }
            Input::Done(trigger) => self.uploaded(trigger, TaskAct::End, out),
            Input::Lost(trigger) => self.uploaded(trigger, TaskAct::Lose, out),
            Input::Stopped(_) | Input::CutOff(..) => {}
            Input::Partition(rule, lasts) => self.cuts.set(rule, lasts),
            Input::Up(node) => drop(self.up.insert(node)),
            Input::Down(node) => drop(self.up.remove(&node)),
            Input::ServerUp(server) => drop(self.down.remove(&server)),
            Input::ServerDown(server) => drop(self.down.insert(server)),
        }
    }
}
