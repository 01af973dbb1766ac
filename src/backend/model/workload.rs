//! The shell around what sends from part to part: listed transfers, and collective operations of jobs.
//!
//! A send begins when its workload says so and, of a collective operation, its latency is over. If a
//! node of it is not up it is lost at once; one of a job's operation is then never answered, and the
//! failure, once it is noticed, stops the job and with it the operation.

use std::collections::{BTreeMap, BTreeSet};

use super::world::{Timer, World};
use crate::event::{CollectiveAct, TaskAct, What};
use crate::hardware::rack::SendId;
use crate::ids::{JobId, NodeId, Part, PartKind};
use crate::plan::Plan;
use crate::scenario::collective::Collective as Spec;
use crate::units::Span;
use crate::workload::collective::{Collective, Message};
use crate::workload::transfers::Transfers;
use crate::workload::{Command, Input};

/// What a send is for.
#[derive(Clone, Copy, Debug)]
enum Errand {
    /// A transfer that the scenario lists, by its number.
    Listed(u32),
    /// A message of a job's collective operation.
    Message(JobId, Message),
}

/// The workloads besides the jobs, and what is sent for them and for jobs.
#[derive(Clone, Debug)]
pub(super) struct Workload {
    transfers: Transfers,
    /// Room for what it commands.
    commands: Vec<Command>,
    errands: BTreeMap<SendId, Errand>,
    /// Messages whose latency is not over, by numbers that never come again.
    waiting: BTreeMap<u64, (JobId, Message)>,
    messages: u64,
}

/// A collective operation of a job.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    machine: Collective,
    latency: Span,
    /// The node of each rank.
    nodes: Vec<NodeId>,
    /// Its messages under way, and those whose latency is not over.
    sends: BTreeSet<SendId>,
    waiting: BTreeSet<u64>,
}

impl Workload {
    /// That of a plan, before its first instant.
    pub(super) fn of(plan: &Plan) -> Self {
        let starts = plan.scenario.transfers.iter().map(|transfer| transfer.start);
        Self {
            transfers: Transfers::new(starts),
            commands: Vec::new(),
            errands: BTreeMap::new(),
            waiting: BTreeMap::new(),
            messages: 0,
        }
    }
}

impl World<'_> {
    /// Informs the workload, and does what it commands.
    pub(super) fn run_workload(&mut self, input: Input) {
        let mut commands = std::mem::take(&mut self.workload.commands);
        self.workload.transfers.on(self.rack.now(), input, &mut commands);
        for command in commands.drain(..) {
            match command {
                Command::Send(number) => self.send_listed(number),
                Command::Wake(at) => self.rack.schedule(at, Timer::Workload),
                Command::Finish => self.finished(),
            }
        }
        self.workload.commands = commands;
    }

    fn send_listed(&mut self, number: u32) {
        let row = self.plan.scenario.transfers[number as usize];
        if let Some(send) = self.with_rack(|rack| rack.send(row.from, row.to, row.bytes)) {
            self.workload.errands.insert(send, Errand::Listed(number));
            self.emit(What::Task { number, act: TaskAct::Begin });
        } else {
            self.end_listed(number, TaskAct::Lose);
        }
    }

    fn end_listed(&mut self, number: u32, act: TaskAct) {
        self.emit(What::Task { number, act });
        self.run_workload(Input::Ended(number));
    }

    /// A send has arrived, or is lost.
    pub(super) fn sent(&mut self, send: SendId, arrived: bool) {
        match self.workload.errands.remove(&send) {
            Some(Errand::Listed(number)) => {
                self.end_listed(number, if arrived { TaskAct::End } else { TaskAct::Lose });
            }
            Some(Errand::Message(job, message)) if arrived => self.arrived(job, send, message),
            // The failure that lost it stops the job.
            Some(Errand::Message(..)) | None => {}
        }
    }

    /// The nodes of a job have computed a step and send to each other now. O(messages that begin).
    pub(super) fn begin_collective(&mut self, job: JobId, spec: Spec) {
        let nodes = self.jobs.movers(job);
        let (machine, messages) = Collective::begin(spec.pattern(), spec.size, nodes.len() as u32);
        if machine.is_done() {
            return self.answer(job);
        }
        let (sends, waiting, latency) = (BTreeSet::new(), BTreeSet::new(), spec.latency);
        self.workers(job).operation = Some(Operation { machine, latency, nodes, sends, waiting });
        self.emit(What::Collective { job, act: CollectiveAct::Begin });
        self.post_all(job, messages);
    }

    fn post_all(&mut self, job: JobId, messages: Vec<Message>) {
        for message in messages {
            let Some(operation) = &mut self.workers(job).operation else { return };
            if operation.latency == Span::ZERO {
                self.post(job, message);
                continue;
            }
            let latency = operation.latency;
            let number = self.workload.messages;
            self.workload.messages += 1;
            self.workload.waiting.insert(number, (job, message));
            self.operation(job).waiting.insert(number);
            self.after(latency, Timer::Message(number));
        }
    }

    fn operation(&mut self, job: JobId) -> &mut Operation {
        self.workers(job).operation.as_mut().expect("it is under way")
    }

    /// The latency of a message is over.
    pub(super) fn message_due(&mut self, number: u64) {
        if let Some((job, message)) = self.workload.waiting.remove(&number) {
            self.operation(job).waiting.remove(&number);
            self.post(job, message);
        }
    }

    fn post(&mut self, job: JobId, message: Message) {
        let operation = self.operation(job);
        let part = |rank: u32| {
            let NodeId(index) = operation.nodes[rank as usize];
            Part { kind: PartKind::Node, index }
        };
        let (from, to, bytes) = (part(message.from), part(message.to), message.bytes);
        if let Some(send) = self.with_rack(|rack| rack.send(from, to, bytes)) {
            self.workload.errands.insert(send, Errand::Message(job, message));
            self.operation(job).sends.insert(send);
        }
    }

    fn arrived(&mut self, job: JobId, send: SendId, message: Message) {
        let operation = self.operation(job);
        operation.sends.remove(&send);
        let messages = operation.machine.arrived(message.from, message.to);
        if operation.machine.is_done() {
            self.workers(job).operation = None;
            self.emit(What::Collective { job, act: CollectiveAct::End });
            self.answer(job);
        } else {
            self.post_all(job, messages);
        }
    }

    /// What was ordered of a job is void, and with it its operation, if there is one.
    pub(super) fn stop_collective(&mut self, job: JobId) {
        let Some(operation) = self.workers(job).operation.take() else { return };
        for number in operation.waiting {
            self.workload.waiting.remove(&number);
        }
        for send in operation.sends {
            self.workload.errands.remove(&send);
            self.with_rack(|rack| rack.drop_send(send));
        }
        self.emit(What::Collective { job, act: CollectiveAct::BreakOff });
    }
}
