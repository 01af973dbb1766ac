//! The job: its members, steps, checkpoints and restarts, counted again from what is emitted.

use std::collections::BTreeSet;

use rackstorm::event::{CheckpointAct, EndReason, Event, JobPhase, NodeState, Purpose, What};
use rackstorm::plan::{self, Plan};
use rackstorm::scenario::job::{Checkpoint, Coordinated, Cost};
use rackstorm::units::{Span, Time};

use super::check::Machine;

/// The job as emitted so far. Without a job it does nothing.
pub(super) struct Job<'p> {
    spec: Option<&'p plan::Job>,
    protocol: Option<&'p Coordinated>,
    detect: Span,
    phase: JobPhase,
    /// When the phase, or the step under way, began.
    since: Time,
    /// When the phase began, and the time spent in phases of computing before it.
    entered: Time,
    computing: Span,
    members: BTreeSet<u32>,
    /// Before this instant it may not be placed again.
    ready_at: Time,
    /// Steps done, the most ever done, and those that the last commit holds.
    done: u64,
    furthest: u64,
    committed: u64,
    /// Computing since the last commit or placement.
    computed: Span,
    began: bool,
    /// Checkpoints begun, and whether one is being written.
    number: u64,
    writing: bool,
    /// Bytes that this checkpoint or restart has moved.
    moved: u64,
    /// The step while which the failure of a member was foreseen.
    warned: Option<u64>,
    /// Whether a member failed since the last phase began.
    failed: bool,
    /// All computing, and what of it was lost.
    spent: Span,
    lost: Span,
    reason: Option<EndReason>,
}

impl<'p> Job<'p> {
    pub(super) fn new(plan: &'p Plan) -> Self {
        Self {
            spec: plan.jobs.first(),
            protocol: plan.scenario.jobs.first().and_then(|job| job.checkpoint.as_ref()).map(
                |spec| match spec {
                    Checkpoint::Coordinated(spec) => spec,
                    Checkpoint::Multilevel(_) | Checkpoint::Logging(_) => {
                        unreachable!("nobody asks for levels or groups here")
                    }
                },
            ),
            detect: plan.scenario.controller.detect,
            phase: JobPhase::Waiting,
            since: Time::ZERO,
            entered: Time::ZERO,
            computing: Span::ZERO,
            members: BTreeSet::new(),
            ready_at: Time::ZERO,
            done: 0,
            furthest: 0,
            committed: 0,
            computed: Span::ZERO,
            began: false,
            number: 0,
            writing: false,
            moved: 0,
            warned: None,
            failed: false,
            spent: Span::ZERO,
            lost: Span::ZERO,
            reason: None,
        }
    }

    pub(super) fn reason(&self) -> Option<EndReason> {
        self.reason
    }

    pub(super) fn is_done(&self) -> bool {
        self.phase == JobPhase::Done
    }

    pub(super) fn computes(&self, node: u32) -> bool {
        self.is_computing() && self.members.contains(&node)
    }

    fn is_computing(&self) -> bool {
        matches!(self.phase, JobPhase::Compute | JobPhase::Rework)
    }

    /// Whether the scenario forbids a lifetime to strike this node now.
    pub(super) fn shields(&self, node: u32) -> bool {
        let strikes = self.protocol.is_none_or(|protocol| match self.phase {
            JobPhase::Checkpoint => protocol.strikes.phases.checkpoint,
            JobPhase::Restart => protocol.strikes.phases.restart,
            JobPhase::Waiting => protocol.strikes.phases.downtime,
            JobPhase::Compute
            | JobPhase::Rework
            | JobPhase::Verify
            | JobPhase::Done
            | JobPhase::TimedOut => true,
        });
        !strikes && self.members.contains(&node)
    }

    fn spec(&self) -> &'p plan::Job {
        self.spec.expect("only a job has events")
    }

    fn step(&self, number: u64) -> Span {
        if number == self.spec().steps { self.spec().last_step } else { self.spec().step }
    }

    fn work(&self, steps: u64) -> Span {
        (1..=steps).fold(Span::ZERO, |sum, step| sum + self.step(step))
    }

    pub(super) fn observe(&mut self, machine: &Machine, event: &Event) {
        match event.what {
            What::JobPhase { phase, .. } => self.enters(phase, event.at),
            What::JobNode { node, joined: true, .. } => self.joins(machine, node.0),
            What::JobNode { node, joined: false, .. } => {
                assert!(self.members.remove(&node.0), "a member leaves");
                if self.phase != JobPhase::Done {
                    assert_eq!(self.phase, JobPhase::Waiting, "a job without a node waits");
                    self.failed = true;
                    self.ready_at = event.at + self.detect + self.downtime();
                }
            }
            What::StepDone { step, .. } => self.step_done(step, event.at),
            What::Checkpoint { number, act, step, .. } => {
                assert_eq!(step, self.done, "a checkpoint holds all that is done");
                self.checkpoint(number, act, event.at);
            }
            What::WorkLost { lost, .. } => self.loses(lost, event.at),
            What::Alarm { fault, part, .. } if self.is_computing() && self.protocol.is_some() => {
                let mut nodes = machine.plan.reached(fault, part);
                if nodes.any(|node| self.members.contains(&node.0)) {
                    self.warned = Some(self.done + 1);
                }
            }
            What::Transfer { purpose, received, .. } => self.moves(machine, purpose, received.0),
            What::RunEnds { reason } => self.reason = Some(reason),
            _ => {}
        }
    }

    fn downtime(&self) -> Span {
        match self.protocol.map(|protocol| protocol.cost) {
            Some(Cost::Fixed { downtime, .. }) => downtime,
            _ => Span::ZERO,
        }
    }

    fn joins(&mut self, machine: &Machine, node: u32) {
        assert_eq!(self.phase, JobPhase::Waiting, "only a waiting job takes nodes");
        assert!(self.can_take(machine, node), "node {node} is not free");
        let rank = |node: u32| (machine.plan.machine.nodes[node as usize].spare, node);
        let better = (0..machine.nodes.len() as u32)
            .find(|&other| rank(other) < rank(node) && self.can_take(machine, other));
        assert_eq!(better, None, "in the order of the rack, spares last, not {node}");
        self.members.insert(node);
    }

    fn can_take(&self, machine: &Machine, node: u32) -> bool {
        let up = machine.nodes[node as usize].state == NodeState::Up;
        up && machine.connected(node) && !self.members.contains(&node)
    }

    fn enters(&mut self, phase: JobPhase, at: Time) {
        let (old, span) = (self.phase, at.since(self.since));
        assert_ne!(old, phase, "a job enters another phase");
        let fixed = |write: bool| match self.protocol.map(|protocol| protocol.cost) {
            Some(Cost::Fixed { write: time, .. }) if write => Some(time),
            Some(Cost::Fixed { read, .. }) => Some(read),
            _ => None,
        };
        match (old, phase) {
            (JobPhase::Waiting, JobPhase::Restart) => {
                let initial = fixed(false).is_some();
                assert!(self.began && (self.committed > 0 || initial), "there is nothing to read");
                self.computed = Span::ZERO;
            }
            (JobPhase::Waiting, JobPhase::Compute | JobPhase::Rework) => {
                let initial = fixed(false).is_some();
                assert!(!self.began || self.committed == 0 && !initial, "a restart reads first");
                self.computed = Span::ZERO;
            }
            (JobPhase::Restart, JobPhase::Compute | JobPhase::Rework) => {
                self.whole(fixed(false), span);
            }
            (JobPhase::Checkpoint, JobPhase::Compute | JobPhase::Rework | JobPhase::Done) => {
                assert!(!self.writing, "it computes before the commit");
            }
            (JobPhase::Compute | JobPhase::Rework, JobPhase::Checkpoint) => {
                assert!(self.writing && span == Span::ZERO);
            }
            (JobPhase::Compute | JobPhase::Rework, JobPhase::Done) => {
                assert!(!self.protocol.is_some_and(|protocol| protocol.last), "no last checkpoint");
            }
            (JobPhase::Compute, JobPhase::Rework) => panic!("what is new is not done again"),
            (JobPhase::Rework, JobPhase::Compute) => {}
            (_, JobPhase::Waiting) if old != JobPhase::Done => {}
            _ => panic!("after {old:?} comes {phase:?}"),
        }
        match phase {
            JobPhase::Compute => assert_eq!(self.done, self.furthest, "it was done before"),
            JobPhase::Rework => assert!(self.done < self.furthest, "it was not done before"),
            JobPhase::Done => assert_eq!(self.done, self.spec().steps, "all steps are done"),
            _ => {}
        }
        if phase == JobPhase::Waiting {
            self.warned = None;
        } else {
            self.began = true;
            let n = self.members.len();
            assert!(phase == JobPhase::Done || n as u32 == self.spec().nodes, "{n} members");
        }
        self.computing = self.computing_until(at);
        (self.phase, self.since, self.entered) = (phase, at, at);
        (self.moved, self.failed) = (0, false);
    }

    /// Time spent in phases of computing so far.
    fn computing_until(&self, at: Time) -> Span {
        let open = if self.is_computing() { at.since(self.entered) } else { Span::ZERO };
        self.computing + open
    }

    /// A checkpoint was written, or read back, as a whole.
    fn whole(&self, fixed: Option<Span>, span: Span) {
        if let Some(fixed) = fixed {
            assert_eq!((span, self.moved), (fixed, 0), "it takes its fixed time");
        } else {
            let size = self.protocol.expect("there is one").size.0;
            assert_eq!(self.moved, size * u64::from(self.spec().nodes), "every byte of every node");
        }
    }

    fn step_done(&mut self, step: u64, at: Time) {
        assert!(self.is_computing(), "a step in phase {:?}", self.phase);
        assert_eq!(step, self.done + 1, "one step after the other");
        assert!(step <= self.spec().steps, "there is no step {step}");
        let span = at.since(self.since);
        assert_eq!(span, self.step(step), "a step takes its time");
        let again = step <= self.furthest;
        assert_eq!(again, self.phase == JobPhase::Rework, "step {step} in {:?}", self.phase);
        (self.done, self.since) = (step, at);
        self.furthest = self.furthest.max(step);
        self.computed += span;
        self.spent += span;
    }

    /// Whether a checkpoint is to follow the step that was just done.
    fn is_checkpoint_due(&self) -> bool {
        if self.done == self.spec().steps {
            return self.protocol.is_some_and(|protocol| protocol.last);
        }
        let foreseen = self.warned == Some(self.done);
        foreseen || self.spec().interval.is_some_and(|interval| self.computed >= interval)
    }

    fn checkpoint(&mut self, number: u64, act: CheckpointAct, at: Time) {
        match act {
            CheckpointAct::Begin => {
                self.number += 1;
                assert!(!self.writing && self.is_computing() && self.since == at);
                assert!(self.is_checkpoint_due(), "it is not due");
                (self.writing, self.warned) = (true, None);
            }
            CheckpointAct::Commit => {
                assert!(!self.failed && self.writing, "a member failed while it was written");
                let fixed = match self.protocol.expect("there is one").cost {
                    Cost::Fixed { write, .. } => Some(write),
                    Cost::Store(_) => None,
                };
                self.whole(fixed, at.since(self.since));
                (self.committed, self.writing, self.computed) = (self.done, false, Span::ZERO);
            }
            CheckpointAct::Discard => panic!("no memory is verified"),
            CheckpointAct::Lose => panic!("the only checkpoint is never lost"),
            CheckpointAct::Abandon => {
                assert!(self.writing);
                self.writing = false;
            }
        }
        assert_eq!(number, self.number, "the checkpoint that was begun last");
    }

    fn loses(&mut self, lost: Span, at: Time) {
        let mut all = self.work(self.done) - self.work(self.committed);
        if self.is_computing() {
            let partial = at.since(self.since);
            assert!(partial <= self.step(self.done + 1), "a step ends in time");
            all += partial;
            self.spent += partial;
        }
        assert_eq!(lost, all, "all since the last committed checkpoint is lost");
        self.lost += lost;
        self.done = self.committed;
    }

    fn moves(&mut self, machine: &Machine, purpose: Purpose, received: u64) {
        if !matches!(purpose, Purpose::Checkpoint | Purpose::Restart) || received == 0 {
            return;
        }
        let wanted = match purpose {
            Purpose::Checkpoint => JobPhase::Checkpoint,
            _ => JobPhase::Restart,
        };
        assert_eq!(self.phase, wanted, "a transfer of another phase");
        self.moved += received;
        let alive = |&node: &u32| machine.reaches_server(node);
        assert!(self.members.iter().any(alive), "a transfer over a dead path");
    }

    /// All is said about this instant.
    pub(super) fn close(&self, machine: &Machine) {
        let Some(spec) = self.spec else { return };
        for &node in &self.members {
            let up = machine.nodes[node as usize].state == NodeState::Up;
            assert!(up && machine.connected(node), "node {node} is a member and not there");
        }
        match self.phase {
            JobPhase::Done => assert!(self.members.is_empty(), "the work is done"),
            JobPhase::Waiting => {
                let free = (0..machine.nodes.len() as u32).filter(|&n| self.can_take(machine, n));
                let enough = self.members.len() + free.count() >= spec.nodes as usize;
                assert!(!enough || machine.now < self.ready_at, "the job could be placed");
            }
            _ => assert_eq!(self.members.len(), spec.nodes as usize),
        }
        if self.is_computing() && self.since == machine.now && self.computed > Span::ZERO {
            assert!(!self.is_checkpoint_due(), "a checkpoint is due and does not begin");
        }
        if self.phase == JobPhase::Checkpoint {
            assert!(self.writing, "nobody writes");
        }
    }

    /// Computing is what was done and what was lost.
    pub(super) fn check_end(&self, machine: &Machine) {
        if self.spec.is_none() {
            return;
        }
        let under_way =
            if self.is_computing() { machine.now.since(self.since) } else { Span::ZERO };
        let all = self.work(self.done) + self.lost;
        assert_eq!(self.spent, all, "computing is done or lost");
        assert_eq!(self.computing_until(machine.now), all + under_way, "and nothing else");
    }
}
