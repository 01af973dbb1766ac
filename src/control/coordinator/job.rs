//! One job: its protocol is informed of what happened, and its order goes to the nodes.

use serde::{Deserialize, Serialize};

use super::crew::Crew;
use super::drain::Drain;
use super::memory::Memory;
use super::turns::Errand;
use super::{Coordinator, Cost, Image, JobCommand, Loss, Work};
use crate::event::{CheckpointAct, JobPhase, What};
use crate::ids::{FaultId, JobId, NodeId, Part};
use crate::plan::{Access, Exchange, Parcel, Plan};
use crate::protocol::corruption::Corruption;
use crate::protocol::free::Free;
use crate::protocol::multilevel::Multilevel;
use crate::protocol::seating::{Kept, Seating};
use crate::protocol::{Input, JobOrder, Protocol};
use crate::scenario::replicas::Strategy;
use crate::units::{Span, Time};

/// A job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Job {
    machine: Protocol,
    pub(super) crew: Crew,
    pub(super) memory: Memory,
    drain: Drain,
    /// The number of its last order.
    order: u64,
    /// When that was given.
    since: Time,
    /// Number and last step of the checkpoint that was begun last.
    begun: (u64, u64),
    /// Before this instant it may not be placed again.
    pub(super) ready_at: Time,
    /// When its walltime is over, which counts from the instant at which it is placed first.
    pub(super) limit: Option<Time>,
}

impl Job {
    /// A job that waits.
    pub(super) fn new(plan: &Plan, of: JobId) -> Self {
        Self {
            machine: plan.protocol_of(of),
            crew: Crew::new(plan, of),
            memory: Memory::new(plan, of),
            drain: Drain::default(),
            order: 0,
            since: Time::ZERO,
            begun: (0, 0),
            ready_at: Time::ZERO,
            limit: None,
        }
    }

    /// Another interval between checkpoints that are all alike.
    pub(super) fn set_interval(&mut self, interval: Option<Span>) {
        if let Protocol::Coordinated(machine) = &mut self.machine {
            machine.set_interval(interval);
        }
    }

    /// How many steps are done.
    pub(super) fn steps_done(&self) -> u64 {
        self.machine.done()
    }

    pub(super) fn phase(&self) -> JobPhase {
        self.machine.phase()
    }

    pub(super) fn seats(&self) -> &Seating {
        &self.crew.seats
    }

    /// Whether one that waits has enough nodes within reach.
    pub(super) fn may_be_placed(&self, free: &Free) -> bool {
        self.crew.seats.may_be_placed(free)
    }

    /// Nodes that write or read, or of groups that compute, in their order.
    pub(super) fn movers(&self) -> Vec<NodeId> {
        if let Some(groups) = self.machine.groups() {
            let seats = self.crew.seats.seats().iter().enumerate();
            let busy = seats.filter(|(seat, _)| groups.is_busy(groups.group_of(*seat)));
            let mut busy: Vec<_> = busy.filter_map(|(_, node)| *node).collect();
            busy.sort_unstable();
            return busy;
        }
        if self.phase() == JobPhase::Restart { self.crew.readers() } else { self.crew.writers() }
    }

    /// How much of a node's state is written or read now, and by how many newcomers at most.
    fn moved(&self, plan: &Plan, of: JobId) -> (f64, Access) {
        let share = match &self.machine {
            Protocol::Coordinated(machine) => plan.share(of, machine.portion()),
            Protocol::Multilevel(_) | Protocol::Logging(_) => 1.0,
        };
        let reads = self.phase() == JobPhase::Restart;
        let read = || Access::Read { newcomers: self.crew.seats.newcomers() };
        (share, if reads { read() } else { Access::Write })
    }

    /// What nodes send to each other for what is written or read now, and from whom to whom, if
    /// they do.
    pub(super) fn exchange(
        &self,
        plan: &Plan,
        of: JobId,
    ) -> Option<(Exchange, Vec<(NodeId, NodeId)>)> {
        if self.crew.replicas.is_some() || self.machine.groups().is_some() {
            return None;
        }
        let (share, access) = self.moved(plan, of);
        let exchange = plan.exchange(of, self.machine.level(), share, access)?;
        let pairs = match access {
            Access::Write => self.crew.seats.copies(exchange.place),
            Access::Read { .. } => self.crew.seats.copies_for_newcomers(exchange.place),
        };
        (!pairs.is_empty()).then_some((exchange, pairs))
    }

    /// What is written or read now, and what that costs.
    fn image(&self, plan: &Plan, of: JobId) -> Image {
        let reads = self.phase() == JobPhase::Restart;
        let level = self.machine.level();
        let (checkpoint, step) = if reads {
            self.machine.newest().map_or((None, 0), |(number, step)| (Some(number), step))
        } else {
            (Some(self.begun.0), self.begun.1)
        };
        let (share, access) = self.moved(plan, of);
        let cost = match plan.checkpoint_span(of, level, share, access) {
            // Replacing dead replicas costs no more than the checkpoint, but transfers.
            Some(_) if self.crew.newcomers.is_some() => Cost::Span(Span::ZERO),
            Some(span) => Cost::Span(span),
            None => {
                let spec = plan.checkpoint_of(of).and_then(|spec| spec.logging());
                Cost::Moves(match self.machine.groups().zip(spec) {
                    Some((groups, spec)) => {
                        let bytes = spec.size_with_log(groups.logged());
                        Parcel { bytes, packing: Span::ZERO }
                    }
                    None => plan.parcel(of, level, share, access),
                })
            }
        };
        Image { checkpoint, step, level, cost }
    }

    /// Keeps the books of images by what the protocol has emitted. Gives those that nobody needs
    /// any more.
    fn book(&mut self, what: &What) -> Vec<Kept> {
        let &What::Checkpoint { act, number, step, .. } = what else { return Vec::new() };
        let level = self.machine.level();
        let seats = &mut self.crew.seats;
        match act {
            CheckpointAct::Begin => {
                // A copy of it, which begins later, has the number before.
                self.begun = self.begun.max((number, step));
                Vec::new()
            }
            CheckpointAct::Commit => seats.commit(number, level),
            CheckpointAct::Abandon if number == self.begun.0 => vec![seats.written(number, level)],
            CheckpointAct::Abandon => vec![Kept { number, level: 0, holders: None }],
            CheckpointAct::Discard => seats.forget(number),
            CheckpointAct::Lose => Vec::new(),
        }
    }

    /// The images stay that are still to be copied. Gives those that need not any more.
    fn hold_sources(&mut self) -> Vec<Kept> {
        let held = self.machine.levels().map_or_else(Vec::new, Multilevel::held);
        self.crew.seats.hold(held)
    }
}

fn forget(job: JobId, gone: Vec<Kept>, out: &mut Vec<JobCommand>) {
    out.extend(gone.into_iter().map(|kept| JobCommand::Forget { job, kept }));
}

impl Coordinator<'_> {
    /// A node is lost, by failure or because nobody reaches it.
    pub(super) fn lost(&mut self, now: Time, loss: Loss, out: &mut Vec<JobCommand>) {
        let Loss { node, class, since } = loss;
        let Some(of) = self.job_of(node) else {
            let spare = self.spare(node);
            self.state.placing.free.remove(spare, node);
            return;
        };
        let job = self.job_mut(of);
        let waits = job.phase() == JobPhase::Waiting;
        if let Some(seat) = job.crew.loses(node).filter(|_| !waits) {
            return self.absorb(of, node, seat, out);
        }
        let restarting = job.phase() == JobPhase::Restart;
        let gone = match &mut job.machine {
            Protocol::Multilevel(_) => job.crew.seats.struck(class, restarting),
            Protocol::Logging(machine) => {
                machine.strikes(job.crew.seats.seat_of(node).expect("one of the crew has a seat"));
                Vec::new()
            }
            Protocol::Coordinated(_) => Vec::new(),
        };
        self.forget(of, gone, out);
        let at = since.max(self.job(of).since);
        self.step_since(now, at, of, Input::Failed(node), out);
        self.leaves(of, node, out);
        self.job_mut(of).crew.leave(node);
        self.look_for_nodes(now, of, out);
    }

    /// A node has failed and another one goes on with its seat, and writes the seat's checkpoint.
    fn absorb(&mut self, of: JobId, node: NodeId, seat: usize, out: &mut Vec<JobCommand>) {
        out.push(JobCommand::Emit(What::FailureAbsorbed { job: of, node }));
        self.job_mut(of).memory.absorbed(node, out);
        self.leaves(of, node, out);
        let job = self.job_mut(of);
        job.crew.leave(node);
        let writes = job.phase() == JobPhase::Checkpoint;
        let heir = job.crew.node_on(seat).filter(|_| writes);
        out.push(JobCommand::Without { job: of, node, heir });
    }

    /// What a node had in its memory is lost.
    pub(super) fn wiped(&mut self, node: NodeId, out: &mut Vec<JobCommand>) {
        // No other has any images.
        for of in self.state.placing.begun() {
            let gone = self.job_mut(of).crew.seats.wipe(node);
            self.forget(of, gone, out);
        }
    }

    /// Checkpoints can never be read back any more, or are given up.
    pub(super) fn forget(&mut self, of: JobId, gone: Vec<Kept>, out: &mut Vec<JobCommand>) {
        let plan = self.plan;
        let job = &mut self.state.jobs[usize::from(of.0)];
        // Those of other protocols are kept, and waited for.
        let Protocol::Multilevel(machine) = &mut job.machine else { return };
        if gone.is_empty() {
            return;
        }
        let mut emitted = Vec::new();
        for kept in &gone {
            machine.forget(kept.number, &mut emitted);
        }
        out.extend(emitted.into_iter().map(JobCommand::Emit));
        forget(of, gone, out);
        forget(of, job.hold_sources(), out);
        job.drain.follow(plan, of, &job.machine, out);
        job.drain.change_pace(plan, of, &job.machine, out);
    }

    /// The nodes have done what was ordered.
    pub(super) fn done(
        &mut self,
        now: Time,
        (of, order): (JobId, u64),
        found: Option<NodeId>,
        out: &mut Vec<JobCommand>,
    ) {
        let job = self.job_mut(of);
        if job.order != order {
            return;
        }
        let input = match job.phase() {
            JobPhase::Compute | JobPhase::Rework => Input::StepDone,
            JobPhase::Checkpoint => found.map_or(Input::Written, Input::Corrupt),
            JobPhase::Verify => {
                job.memory.verified();
                found.map_or(Input::Verified, Input::Corrupt)
            }
            JobPhase::Restart => {
                job.crew.seats.restored();
                Input::Read
            }
            JobPhase::Waiting | JobPhase::Done | JobPhase::TimedOut => return,
        };
        self.step(now, of, input, out);
    }

    /// The last byte has arrived: the checkpoint is committed, and the one that waited is next.
    pub(super) fn drained(&mut self, of: JobId, checkpoint: u64, out: &mut Vec<JobCommand>) {
        let plan = self.plan;
        let job = &mut self.state.jobs[usize::from(of.0)];
        let Protocol::Multilevel(machine) = &mut job.machine else { return };
        let Some(draining) = machine.draining().filter(|_| job.drain.writes(checkpoint)) else {
            return;
        };
        let mut emitted = Vec::new();
        machine.drained(&mut emitted);
        let replaced = job.crew.seats.drained(checkpoint, draining.level);
        forget(of, replaced, out);
        forget(of, job.hold_sources(), out);
        out.extend(emitted.into_iter().map(JobCommand::Emit));
        job.drain.follow(plan, of, &job.machine, out);
        job.drain.change_pace(plan, of, &job.machine, out);
    }

    /// A strike is foreseen that would reach nodes of jobs. What was ordered of them goes on.
    pub(super) fn foreseen(&mut self, fault: FaultId, part: Part) {
        for node in self.plan.reached(fault, part) {
            let Some(of) = self.job_of(node) else { continue };
            if let Protocol::Coordinated(machine) = &mut self.job_mut(of).machine {
                machine.warn();
            }
        }
    }

    /// The memory of a node is silently corrupted.
    pub(super) fn corrupted(
        &mut self,
        node: NodeId,
        draw: u64,
        check: f64,
        out: &mut Vec<JobCommand>,
    ) {
        self.state.strikes += 1;
        let number = self.state.strikes;
        let Some(of) = self.job_of(node) else {
            out.extend(Corruption::of_nobody(node, number).map(JobCommand::Emit));
            return;
        };
        let coverage = self.plan.abft(of).map_or(0.0, |abft| abft.coverage);
        let job = &mut self.state.jobs[usize::from(of.0)];
        let phase = job.phase();
        let computes = matches!(phase, JobPhase::Compute | JobPhase::Rework);
        let is_missed = match &mut self.misses {
            Some(misses) if computes && coverage > 0.0 => misses.miss(check, coverage),
            _ => check >= coverage,
        };
        job.memory.strike((node, number, draw), !is_missed, (phase, &job.crew), out);
    }

    /// Gives a job's protocol one input, and its order to the nodes.
    pub(super) fn step(&mut self, now: Time, of: JobId, input: Input, out: &mut Vec<JobCommand>) {
        self.step_since(now, now, of, input, out);
    }

    /// The same, of what happened at `at`. What the others computed until it was noticed is lost as
    /// well.
    fn step_since(
        &mut self,
        now: Time,
        at: Time,
        of: JobId,
        input: Input,
        out: &mut Vec<JobCommand>,
    ) {
        let plan = self.plan;
        let input = if self.replaces(of, input) { Input::WrittenForReplicas } else { input };
        let held_back = self.is_held_back(of);
        self.state.orders += 1;
        let job = &mut self.state.jobs[usize::from(of.0)];
        let mut emitted = Vec::new();
        let is_last = job.machine.done() == plan.jobs[usize::from(of.0)].steps;
        let (input, caught) = job.memory.hears(input, &job.crew, is_last, &mut emitted);
        if let Protocol::Coordinated(machine) = &mut job.machine {
            machine.hold_back(held_back);
        }
        let unnoticed = match job.phase() {
            JobPhase::Compute | JobPhase::Rework => now.since(at),
            _ => Span::ZERO,
        };
        let waited = job.phase() == JobPhase::Waiting;
        let order = job.machine.on(at, input, &mut emitted);
        let waits = job.phase() == JobPhase::Waiting;
        job.memory.follows(input, order, &mut emitted);
        (job.order, job.since) = (self.state.orders, at);
        forget(of, job.hold_sources(), out);
        for mut what in emitted {
            if let What::WorkLost { lost, .. } = &mut what {
                *lost += unnoticed;
            }
            forget(of, job.book(&what), out);
            out.push(JobCommand::Emit(what));
        }
        let anew = matches!(input, Input::Placed | Input::Corrupt(_) | Input::Caught(_));
        out.push(JobCommand::Stop { job: of, anew });
        job.drain.follow(plan, of, &job.machine, out);
        job.crew.newcomers = None;
        if waited != waits {
            self.asks(of);
        }
        if input == Input::WrittenForReplicas {
            let job = &mut self.state.jobs[usize::from(of.0)];
            let joined = job.crew.replace(&self.state.placing.free);
            for node in joined {
                self.joins(of, node, out);
            }
        }
        let computes = matches!(order, JobOrder::Compute(_) | JobOrder::Verify);
        out.push(JobCommand::Load { job: of, computes });
        self.order(now, of, order, out);
        if matches!(input, Input::Placed | Input::Written | Input::Read) {
            self.state.turns.is_safe(of, now);
        }
        self.go_to_server(now, of, order, out);
        if let Some(node) = caught {
            self.step(now, of, Input::Caught(node), out);
        }
    }

    /// How many steps of a job from the one under way on come to nothing but their end and the
    /// order of one that is alike, if nothing else happens meanwhile; and how many times as slow
    /// they are for a checkpoint that drains.
    pub fn uneventful_steps(&mut self, of: JobId) -> (u64, f64) {
        let plan = self.plan;
        let job = &mut self.state.jobs[usize::from(of.0)];
        // Corruption spreads with each step, and turns are taken at its end.
        if plan.scenario.server.order.has_turns() || !job.memory.truth().is_clean() {
            return (0, 1.0);
        }
        let steps = job.machine.uneventful_steps();
        (steps, if steps > 0 { job.drain.slow(plan, of, &job.machine) } else { 1.0 })
    }

    /// So many of those have come to their end, the last one at this instant, and the next one was
    /// ordered.
    pub fn pass_over(&mut self, now: Time, of: JobId, steps: u64) {
        let job = self.job_mut(of);
        job.machine.pass_over(now, steps);
        job.since = now;
    }

    /// Whether a complete checkpoint is one which nodes read back that take the places of dead
    /// replicas, before the job goes on.
    fn replaces(&self, of: JobId, input: Input) -> bool {
        let replicas = self.plan.scenario.work_of(of).and_then(|work| work.replicas);
        let job = self.job(of);
        input == Input::Written
            && !self.state.placing.free.is_empty()
            && replicas.is_some_and(|replicas| replicas.strategy == Strategy::Restart)
            && job.crew.has_vacant_replicas()
            && job.machine.done() < self.plan.jobs[usize::from(of.0)].steps
    }

    /// Whether a checkpoint that falls due would have to wait for the server.
    fn is_held_back(&self, of: JobId) -> bool {
        let waits = self.state.turns.hold_back(self.plan, of);
        waits && self.plan.checkpoint_span(of, 0, 1.0, Access::Write).is_none()
    }

    /// What the nodes do at once.
    fn order(&mut self, now: Time, of: JobId, order: JobOrder, out: &mut Vec<JobCommand>) {
        let plan = self.plan;
        let job = &mut self.state.jobs[usize::from(of.0)];
        let work = match order {
            JobOrder::Compute(span) => {
                let slowdown = job.drain.slow(plan, of, &job.machine);
                Work::Compute { step: job.machine.done() + 1, span, slowdown }
            }
            JobOrder::Verify => {
                let verify = plan.verify(of).expect("it was ordered");
                let (chance, misses) = (&self.chance, self.misses.as_mut());
                let blind = job.memory.is_blind(of, verify.coverage, chance, misses);
                Work::Verify { step: job.machine.done(), span: verify.cost, blind }
            }
            JobOrder::Finish => return self.finish(now, of, out),
            JobOrder::Wait | JobOrder::Write | JobOrder::Read => return,
        };
        out.push(JobCommand::Order { job: of, order: job.order, work });
    }

    /// What needs the file server is done in turn, what stays on the nodes at once.
    fn go_to_server(&mut self, now: Time, of: JobId, order: JobOrder, out: &mut Vec<JobCommand>) {
        let plan = self.plan;
        let job = self.job(of);
        let asks = matches!(&job.machine, Protocol::Coordinated(machine) if machine.asks());
        let errand = match order {
            JobOrder::Write => Some(Errand::Write),
            JobOrder::Read => Some(Errand::Read),
            _ if asks => Some(Errand::WorkOn),
            _ => None,
        };
        let numbers = &plan.jobs[usize::from(of.0)];
        let own = errand.filter(|errand| *errand != Errand::WorkOn);
        let own = own.filter(|_| matches!(job.image(plan, of).cost, Cost::Span(_)));
        let cost = numbers.level_costs.get(job.machine.level()).copied();
        let need = errand.filter(|_| own.is_none());
        let need = need.map(|errand| (errand, cost.unwrap_or(numbers.checkpoint_cost)));
        let next = self.state.turns.take(plan, now, of, need);
        for (job, errand) in own.map(|errand| (of, errand)).into_iter().chain(next) {
            self.order_image(job, errand, out);
        }
    }

    fn order_image(&self, of: JobId, errand: Errand, out: &mut Vec<JobCommand>) {
        let job = self.job(of);
        let image = job.image(self.plan, of);
        let work = match errand {
            Errand::Write => Work::Write(image),
            Errand::Read => Work::Read(image),
            Errand::WorkOn => return,
        };
        out.push(JobCommand::Order { job: of, order: job.order, work });
    }
}
