//! What is sent from part to part: listed transfers, and collective operations of jobs.
//!
//! A send begins when its workload says so and, of a collective operation, its latency is over. If
//! a node of it is not up it is lost at once; one of a job's operation is then never answered, and
//! the failure, once it is noticed, stops the job and with it the operation.

use std::collections::BTreeMap;

use super::world::Timer;
use crate::event::{CollectiveAct, TaskAct, What};
use crate::hardware::rack::{Rack, SendId};
use crate::ids::{JobId, NodeId, Part, PartKind};
use crate::plan::Plan;
use crate::scenario::collective::Collective as Spec;
use crate::units::Span;
use crate::workload::collective::{Collective, Message};
use crate::workload::transfers::TransferList;
use crate::workload::{Command, Input};

/// What comes of it, in this order.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    /// An event is emitted.
    Emit(What),
    /// The nodes of a job have done what was ordered.
    Answer(JobId),
    /// All listed transfers have ended.
    Finished,
}

/// What a send is for.
#[derive(Clone, Copy, Debug)]
enum Errand {
    /// A transfer that the scenario lists, by its number.
    Listed(u32),
    /// A message of a job's collective operation.
    Message(JobId, Message),
}

/// The workloads besides the computing of jobs, and what is sent for them.
#[derive(Clone, Debug)]
pub(super) struct Workload {
    transfers: TransferList,
    /// Whether jobs have collective operations.
    has_messages: bool,
    errands: BTreeMap<SendId, Errand>,
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
        let starts = plan.scenario.transfers.iter().map(|transfer| transfer.start);
        Self {
            transfers: TransferList::new(starts),
            has_messages: plan.scenario.jobs.iter().any(|job| job.work.collective.is_some()),
            errands: BTreeMap::new(),
            operations: BTreeMap::new(),
            waiting: BTreeMap::new(),
            messages: 0,
        }
    }

    /// Whether jobs have collective operations at all. Each step of each job asks.
    pub(super) fn has_messages(&self) -> bool {
        self.has_messages
    }

    /// The listed transfers are informed. O(transfers that begin).
    pub(super) fn run(&mut self, rack: &mut Hardware<'_>, input: Input, out: &mut Vec<Outcome>) {
        let mut commands = Vec::new();
        self.transfers.on(rack.now(), input, &mut commands);
        for command in commands {
            match command {
                Command::Send(number) => self.send_listed(rack, number, out),
                Command::Wake(at) => rack.schedule(at, Timer::Workload),
                Command::Finish => out.push(Outcome::Finished),
            }
        }
    }

    fn send_listed(&mut self, rack: &mut Hardware<'_>, number: u32, out: &mut Vec<Outcome>) {
        let row = rack.plan().scenario.transfers[number as usize];
        if let Some(send) = rack.send(row.from, row.to, row.bytes) {
            self.errands.insert(send, Errand::Listed(number));
            out.push(Outcome::Emit(What::Task { number, act: TaskAct::Begin }));
        } else {
            self.end_listed(rack, number, TaskAct::Lose, out);
        }
    }

    fn end_listed(
        &mut self,
        rack: &mut Hardware<'_>,
        number: u32,
        act: TaskAct,
        out: &mut Vec<Outcome>,
    ) {
        out.push(Outcome::Emit(What::Task { number, act }));
        self.run(rack, Input::Ended(number), out);
    }

    /// A send has arrived, or is lost.
    pub(super) fn sent(
        &mut self,
        rack: &mut Hardware<'_>,
        (send, arrived): (SendId, bool),
        out: &mut Vec<Outcome>,
    ) {
        match self.errands.remove(&send) {
            Some(Errand::Listed(number)) => {
                let act = if arrived { TaskAct::End } else { TaskAct::Lose };
                self.end_listed(rack, number, act, out);
            }
            Some(Errand::Message(job, message)) if arrived => {
                self.arrived(rack, (job, message), out);
            }
            // The failure that lost it stops the job.
            Some(Errand::Message(..)) | None => {}
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
        let (machine, messages) = Collective::begin(spec.pattern(), spec.size, nodes.len() as u32);
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
