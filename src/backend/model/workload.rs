//! What workloads command: listed transfers, tasks of other workloads, collective operations.
//!
//! A send begins when its workload says so and, of a collective operation, its latency is over. If
//! a node of it is not up it is lost at once; one of a job's operation is then never answered, and
//! the failure, once it is noticed, stops the job and with it the operation. Whoever is to compute
//! does so at the speed of its node, which draws the power of a node that computes meanwhile.
//!
//! Not modelled: that tasks which do not share a node's processors slow each other down.

use std::collections::{BTreeMap, BTreeSet};

use super::computing::{Computing, ComputingId};
use super::world::Timer;
use crate::event::{CollectiveAct, NodeState, What};
use crate::hardware::processors::ShareId;
use crate::hardware::rack::{Rack, SendId};
use crate::ids::{FaultId, JobId, NodeId, Part, PartKind};
use crate::plan::Plan;
use crate::scenario::collective::Collective as Spec;
use crate::units::Span;
use crate::workload::collective::{Collective, Message};
use crate::workload::{Command, Input, Machine, TaskId, Workload as _};

/// What comes of it, in this order.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    /// An event is emitted.
    Emit(What),
    /// The nodes of a job have done what was ordered.
    Answer(JobId),
    /// All that a workload had to do is done.
    Finished,
}

/// A task, by the number of its workload and its name there.
pub(super) type Task = (u8, TaskId);

/// What a send is for.
#[derive(Clone, Copy, Debug)]
enum Errand {
    /// A task of a workload, with both ends of it.
    Task(Task, [Part; 2]),
    /// A message of a job's collective operation.
    Message(JobId, Message),
}

/// What is done for a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnderWay {
    Send(SendId),
    Compute(ComputingId),
    Share(NodeId, ShareId),
    /// Nothing: it is lost at once.
    Nothing,
}

/// The workloads besides the computing of jobs, and what is done for them.
#[derive(Clone, Debug)]
pub(super) struct Workload {
    machines: Vec<Machine>,
    /// Whether jobs have collective operations.
    has_messages: bool,
    errands: BTreeMap<SendId, Errand>,
    under_way: BTreeMap<Task, UnderWay>,
    computing: Computing,
    /// Nodes that the network reaches. The machines know them to be up, but for those that are out
    /// of reach of a machine's own head.
    up: BTreeSet<NodeId>,
    /// Those of them that a partition keeps from the head of a machine, with its number.
    apart: BTreeSet<(u8, NodeId)>,
    /// Those of them, and those that are cut off, of which they do not know that they stopped.
    alive: BTreeSet<NodeId>,
    operations: BTreeMap<JobId, Operation>,
    /// Messages whose latency is not over, by numbers that never come again.
    waiting: BTreeMap<u64, (JobId, Message)>,
    messages: u64,
}

/// A collective operation of a job.
#[derive(Clone, Debug)]
struct Operation {
    machine: Collective,
    latency: Span,
    /// The node of each rank.
    nodes: Vec<NodeId>,
}

type Hardware<'p> = Rack<&'p Plan, Timer>;

impl Workload {
    /// That of a plan, before its first instant.
    pub(super) fn of(plan: &Plan) -> Self {
        let mut machines = Machine::all_of(&plan.scenario);
        for machine in &mut machines {
            machine.locate(&|NodeId(node)| plan.machine.nodes[node as usize].switch);
        }
        Self {
            machines,
            has_messages: plan.scenario.jobs.iter().any(|job| job.work.collective.is_some()),
            errands: BTreeMap::new(),
            under_way: BTreeMap::new(),
            computing: Computing::default(),
            up: BTreeSet::new(),
            apart: BTreeSet::new(),
            alive: BTreeSet::new(),
            operations: BTreeMap::new(),
            waiting: BTreeMap::new(),
            messages: 0,
        }
    }

    /// Workloads that are no jobs.
    pub(super) fn machines(&self) -> u8 {
        self.machines.len() as u8
    }

    /// Whether jobs have collective operations at all. Each step of each job asks.
    pub(super) fn has_messages(&self) -> bool {
        self.has_messages
    }

    /// A workload begins, and is informed of servers that do not work.
    pub(super) fn begin_machine(
        &mut self,
        rack: &mut Hardware<'_>,
        number: u8,
        out: &mut Vec<Outcome>,
    ) {
        self.inform(rack, number, Input::Begin, out);
        for server in (0..).take(rack.plan().machine.servers.len()) {
            if !rack.serves(server) {
                self.inform(rack, number, Input::ServerDown(server), out);
            }
        }
    }

    /// A workload is informed, and what it commands is done.
    pub(super) fn inform(
        &mut self,
        rack: &mut Hardware<'_>,
        number: u8,
        input: Input,
        out: &mut Vec<Outcome>,
    ) {
        let mut commands = Vec::new();
        self.machines[usize::from(number)].on(rack.now(), input, &mut commands);
        for command in commands {
            match command {
                Command::Compute { task, node, span } => {
                    self.compute(rack, (number, task), (node, span), out);
                }
                Command::Share { task, node, span, processors } => {
                    self.share(rack, (number, task), (node, span, processors), out);
                }
                Command::Send { task, from, to, bytes } => {
                    if let Some(send) = rack.send(from, to, bytes) {
                        self.errands.insert(send, Errand::Task((number, task), [from, to]));
                        self.begin_task((number, task), UnderWay::Send(send));
                        self.inform(rack, number, Input::Begun(task), out);
                    } else {
                        self.lost_at_once(rack, (number, task), [from, to], out);
                    }
                }
                Command::Drop(task) => self.drop_task(rack, (number, task)),
                Command::Timer { at, key } => {
                    rack.schedule(at, Timer::Workload { machine: number, key });
                }
                Command::Emit(what) => out.push(Outcome::Emit(what)),
                Command::Finish => out.push(Outcome::Finished),
            }
        }
    }

    /// All workloads are informed.
    pub(super) fn inform_all(
        &mut self,
        rack: &mut Hardware<'_>,
        input: Input,
        out: &mut Vec<Outcome>,
    ) {
        for number in 0..self.machines() {
            self.inform(rack, number, input, out);
        }
    }

    fn begin_task(&mut self, task: Task, under_way: UnderWay) {
        let before = self.under_way.insert(task, under_way);
        assert!(before.is_none(), "a task under way has a name of its own");
    }

    fn compute(
        &mut self,
        rack: &mut Hardware<'_>,
        task: Task,
        (node, span): (NodeId, Span),
        out: &mut Vec<Outcome>,
    ) {
        if rack.state(node) == NodeState::Up {
            let id = self.computing.begin(rack, task, node, span);
            self.begin_task(task, UnderWay::Compute(id));
        } else {
            self.lost_at_once(rack, task, [Part { kind: PartKind::Node, index: node.0 }], out);
        }
    }

    fn share(
        &mut self,
        rack: &mut Hardware<'_>,
        task: Task,
        (node, span, processors): (NodeId, Span, u32),
        out: &mut Vec<Outcome>,
    ) {
        if rack.state(node) == NodeState::Up {
            let id = self.computing.share(rack, task, (node, span, processors));
            self.begin_task(task, UnderWay::Share(node, id));
        } else {
            self.lost_at_once(rack, task, [Part { kind: PartKind::Node, index: node.0 }], out);
        }
    }

    /// A task could not begin, as one of these parts is a node that is not up. Where several nodes
    /// stop at one instant, that may not have been heard yet.
    fn lost_at_once<const N: usize>(
        &mut self,
        rack: &mut Hardware<'_>,
        task: Task,
        parts: [Part; N],
        out: &mut Vec<Outcome>,
    ) {
        self.begin_task(task, UnderWay::Nothing);
        self.hear_of_stopped(rack, parts, out);
        self.ended(rack, task, (UnderWay::Nothing, Input::Lost(task.1)), out);
    }

    /// Those of these parts that are nodes and not up are heard of, if they were not before.
    fn hear_of_stopped<const N: usize>(
        &mut self,
        rack: &mut Hardware<'_>,
        parts: [Part; N],
        out: &mut Vec<Outcome>,
    ) {
        for part in parts.into_iter().filter(|part| part.kind == PartKind::Node) {
            if rack.state(NodeId(part.index)) != NodeState::Up {
                self.node_down(rack, NodeId(part.index), out);
            }
        }
    }

    fn drop_task(&mut self, rack: &mut Hardware<'_>, task: Task) {
        match self.under_way.remove(&task) {
            Some(UnderWay::Send(send)) => {
                self.errands.remove(&send);
                rack.drop_send(send);
            }
            Some(UnderWay::Compute(id)) => self.computing.give_up(rack, id),
            Some(UnderWay::Share(node, id)) => self.computing.give_up_share(rack, node, id),
            Some(UnderWay::Nothing) | None => {}
        }
    }

    /// What a node computes may be done by now.
    pub(super) fn computed(
        &mut self,
        rack: &mut Hardware<'_>,
        id: ComputingId,
        out: &mut Vec<Outcome>,
    ) {
        if let Some(task) = self.computing.end(rack, id) {
            self.under_way.remove(&task);
            self.inform(rack, task.0, Input::Done(task.1), out);
        }
    }

    /// Tasks that share a node may be done by now.
    pub(super) fn shared(
        &mut self,
        rack: &mut Hardware<'_>,
        (node, turn): (NodeId, u64),
        out: &mut Vec<Outcome>,
    ) {
        for (task, id) in self.computing.end_shares(rack, node, turn) {
            self.ended(rack, task, (UnderWay::Share(node, id), Input::Done(task.1)), out);
        }
    }

    /// A node computes at another speed (ppm).
    pub(super) fn set_speed(&mut self, rack: &mut Hardware<'_>, node: NodeId, share_ppm: u32) {
        for (task, id) in self.computing.set_speed(rack, node, share_ppm) {
            self.under_way.insert(task, UnderWay::Compute(id));
        }
    }

    /// A node is up and can be reached.
    pub(super) fn node_up(
        &mut self,
        rack: &mut Hardware<'_>,
        node: NodeId,
        out: &mut Vec<Outcome>,
    ) {
        if self.up.insert(node) {
            self.alive.insert(node);
            for number in 0..self.machines() {
                if self.hears_of(rack, number, node) {
                    self.inform(rack, number, Input::Up(node), out);
                } else {
                    self.apart.insert((number, node));
                }
            }
        }
    }

    /// Whether no partition keeps a node from the head of a machine.
    fn hears_of(&self, rack: &Hardware<'_>, number: u8, NodeId(index): NodeId) -> bool {
        let node = Part { kind: PartKind::Node, index };
        let head = self.machines[usize::from(number)].head();
        head.is_none_or(|head| rack.cuts().join(node, head))
    }

    /// A partition of the network begins or ends. O(nodes of its sides).
    pub(super) fn partition(
        &mut self,
        rack: &mut Hardware<'_>,
        (rule, lasts): (FaultId, bool),
        out: &mut Vec<Outcome>,
    ) {
        let sides = rack.cuts().sides(rule);
        for number in 0..self.machines() {
            self.inform(rack, number, Input::Partition(rule, lasts), out);
            for &node in &sides {
                if !self.up.contains(&node) {
                    continue;
                }
                let is_apart = !self.hears_of(rack, number, node);
                if is_apart && self.apart.insert((number, node)) {
                    self.inform(rack, number, Input::CutOff(node, None), out);
                    self.inform(rack, number, Input::Down(node), out);
                } else if !is_apart && self.apart.remove(&(number, node)) {
                    self.inform(rack, number, Input::Up(node), out);
                }
            }
        }
    }

    /// A node has stopped, or can be reached no longer.
    pub(super) fn node_down(
        &mut self,
        rack: &mut Hardware<'_>,
        node: NodeId,
        out: &mut Vec<Outcome>,
    ) {
        let goes_on = rack.state(node) == NodeState::Up;
        if !goes_on && self.alive.remove(&node) {
            self.inform_all(rack, Input::Stopped(node), out);
        }
        if self.up.remove(&node) {
            for number in 0..self.machines() {
                if self.apart.remove(&(number, node)) {
                    continue;
                }
                if goes_on {
                    let island = rack.island(node);
                    self.inform(rack, number, Input::CutOff(node, island), out);
                }
                self.inform(rack, number, Input::Down(node), out);
            }
        }
        if goes_on {
            return;
        }
        for (task, how) in self.computing.lose(node) {
            self.ended(rack, task, (how, Input::Lost(task.1)), out);
        }
    }

    /// A send has arrived, or is lost.
    pub(super) fn sent(
        &mut self,
        rack: &mut Hardware<'_>,
        (send, arrived): (SendId, bool),
        out: &mut Vec<Outcome>,
    ) {
        match self.errands.remove(&send) {
            Some(Errand::Task(task, _)) if arrived => {
                self.under_way.remove(&task);
                self.inform(rack, task.0, Input::Done(task.1), out);
            }
            Some(Errand::Task(task, ends)) => {
                self.hear_of_stopped(rack, ends, out);
                self.ended(rack, task, (UnderWay::Send(send), Input::Lost(task.1)), out);
            }
            Some(Errand::Message(job, message)) if arrived => {
                self.arrived(rack, (job, message), out);
            }
            // The failure that lost it stops the job.
            Some(Errand::Message(..)) | None => {}
        }
    }

    /// What was done for a task has ended, so that its workload is informed. What came of something
    /// else at this instant may have given the task up, and begun another one of its name.
    fn ended(
        &mut self,
        rack: &mut Hardware<'_>,
        task: Task,
        (how, input): (UnderWay, Input),
        out: &mut Vec<Outcome>,
    ) {
        if self.under_way.get(&task) == Some(&how) {
            self.under_way.remove(&task);
            self.inform(rack, task.0, input, out);
        }
    }

    /// The nodes of a job have computed a step and send to each other now. O(messages that begin).
    pub(super) fn begin(
        &mut self,
        rack: &mut Hardware<'_>,
        (job, spec): (JobId, Spec),
        nodes: Vec<NodeId>,
        out: &mut Vec<Outcome>,
    ) {
        let (machine, messages) = Collective::begin(spec, nodes.len() as u32);
        if machine.is_done() {
            out.push(Outcome::Answer(job));
            return;
        }
        self.operations.insert(job, Operation { machine, latency: spec.latency, nodes });
        out.push(Outcome::Emit(What::Collective { job, act: CollectiveAct::Begin }));
        self.post_all(rack, job, messages);
    }

    fn operation(&mut self, job: JobId) -> &mut Operation {
        self.operations.get_mut(&job).expect("it is under way")
    }

    fn post_all(&mut self, rack: &mut Hardware<'_>, job: JobId, messages: Vec<Message>) {
        let latency = self.operation(job).latency;
        for message in messages {
            if latency == Span::ZERO {
                self.post(rack, job, message);
                continue;
            }
            let number = self.messages;
            self.messages += 1;
            self.waiting.insert(number, (job, message));
            rack.after(latency, Timer::Message(number));
        }
    }

    /// The latency of a message is over.
    pub(super) fn message_due(&mut self, rack: &mut Hardware<'_>, number: u64) {
        if let Some((job, message)) = self.waiting.remove(&number) {
            self.post(rack, job, message);
        }
    }

    fn post(&mut self, rack: &mut Hardware<'_>, job: JobId, message: Message) {
        let operation = self.operation(job);
        let part = |rank: u32| {
            let NodeId(index) = operation.nodes[rank as usize];
            Part { kind: PartKind::Node, index }
        };
        if let Some(send) = rack.send(part(message.from), part(message.to), message.bytes) {
            self.errands.insert(send, Errand::Message(job, message));
        }
    }

    fn arrived(
        &mut self,
        rack: &mut Hardware<'_>,
        (job, message): (JobId, Message),
        out: &mut Vec<Outcome>,
    ) {
        let operation = self.operation(job);
        let messages = operation.machine.arrived(message.from, message.to);
        if operation.machine.is_done() {
            self.operations.remove(&job);
            out.push(Outcome::Emit(What::Collective { job, act: CollectiveAct::End }));
            out.push(Outcome::Answer(job));
        } else {
            self.post_all(rack, job, messages);
        }
    }

    /// What was ordered of a job is void, and with it its operation, if there is one. O(all that is
    /// under way), then.
    pub(super) fn stop(&mut self, rack: &mut Hardware<'_>, job: JobId, out: &mut Vec<Outcome>) {
        if self.operations.remove(&job).is_none() {
            return;
        }
        self.waiting.retain(|_, (of, _)| *of != job);
        self.errands.retain(|send, errand| {
            let is_its = matches!(errand, Errand::Message(of, _) if *of == job);
            if is_its {
                rack.drop_send(*send);
            }
            !is_its
        });
        out.push(Outcome::Emit(What::Collective { job, act: CollectiveAct::BreakOff }));
    }
}
