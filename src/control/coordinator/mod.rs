//! The coordinator of jobs: who works for which job, and what all nodes of a job do next.
//!
//! ```text
//!  node free, lost, wiped      +-------------+   stop, order, drain, forget
//!  order done, drained    ---> | coordinator | ------------------------------> the nodes of a job
//!  alarm, corruption, time     +-------------+   events, members, load
//! ```
//!
//! It holds, of each job, its protocol, who has which seat and which images there are (`crew`),
//! the truth about its memory (`memory`) and the checkpoint that is written while it computes
//! (`drain`); and of all jobs together who is free (`placing`) and whose turn it is at the file
//! server (`turns`). Each command is for all nodes of a job at once, however many they are: who
//! carries it out asks [`Coordinator::movers`] or [`Coordinator::seats`] who they are.
//!
//! An order is void when the next [`JobCommand::Stop`] of its job comes, and its number never comes
//! again, so that what is said of an older one is known to be late.

mod backlog;
mod crew;
mod drain;
mod job;
mod memory;
mod placing;
mod turns;

use serde::{Deserialize, Serialize};

use self::job::Job;
use self::placing::Placing;
use self::turns::Turns;
use super::bias::{Misses, Weighed};
use crate::event::{JobPhase, What};
use crate::ids::{FaultId, JobId, NodeId, Part};
use crate::plan::chance::Chance;
use crate::plan::{Exchange, Parcel, Plan};
use crate::protocol::seating::{Kept, Seating};
use crate::units::{Span, Time};

/// What the coordinator is informed of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Input {
    /// A node is up and within reach. It may work, if it does not.
    Free(NodeId),
    /// A node failed, or is out of reach.
    Lost(Loss),
    /// What a node had in its memory is lost.
    Wiped(NodeId),
    /// All nodes that were to carry an order out have done it. `found` is one whose memory was
    /// found corrupt by the verification that was ordered, or that has saved other memory than
    /// what was verified before.
    Done {
        /// Whose order.
        job: JobId,
        /// Its number.
        order: u64,
        /// Whose memory is corrupt.
        found: Option<NodeId>,
    },
    /// The last byte of a checkpoint that was written while the job computed has arrived.
    Drained {
        /// Whose checkpoint.
        job: JobId,
        /// Its number.
        checkpoint: u64,
    },
    /// A strike of a fault on a part is foreseen.
    Foreseen(FaultId, Part),
    /// The memory of a node is silently corrupted.
    Corrupted {
        /// Whose memory.
        node: NodeId,
        /// Which data of it: 64 uniform bits.
        draw: u64,
        /// The check of the step under way finds it if this is below the check's coverage.
        check: f64,
    },
    /// The coordinator was out of service since this instant: failures that it had not acted upon
    /// by then are new to it.
    Resumed(Time),
    /// Time has passed: jobs are submitted, ended at their walltimes and placed.
    Time,
}

/// A node that is lost to its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Which one.
    pub node: NodeId,
    /// The class of its failure, from 1.
    pub class: u8,
    /// When it was known to work last; work since then is lost.
    pub since: Time,
}

/// What shall be done.
#[derive(Clone, Debug, PartialEq)]
pub enum JobCommand {
    /// An event is emitted.
    Emit(What),
    /// A node works for a job from now on, or no more. The event has been emitted.
    Member {
        /// Which job.
        job: JobId,
        /// Which node.
        node: NodeId,
        /// Whether it works for it.
        joined: bool,
    },
    /// What was ordered of a job is void.
    Stop {
        /// Which job.
        job: JobId,
        /// Whether what its nodes have in memory is worthless as well.
        anew: bool,
    },
    /// The nodes of a job compute or verify from now on, or do not. Of a job with groups those that
    /// are [busy](Coordinator::movers) do.
    Load {
        /// Which job.
        job: JobId,
        /// Whether they do.
        computes: bool,
    },
    /// Nodes of a job shall work, and say when all have done so.
    Order {
        /// Which job.
        job: JobId,
        /// The number of the order.
        order: u64,
        /// What to do.
        work: Work,
    },
    /// A node that works for a job does not carry out what was ordered; another one, if the node
    /// was to write, writes its share in its place.
    Without {
        /// Which job.
        job: JobId,
        /// Who does not.
        node: NodeId,
        /// Who does.
        heir: Option<NodeId>,
    },
    /// The step under way goes on so many times as slow as when nothing is written meanwhile.
    Pace {
        /// Which job.
        job: JobId,
        /// One or more.
        slowdown: f64,
    },
    /// The nodes of a job write a checkpoint while they compute, or go on with it.
    Drain {
        /// Which job.
        job: JobId,
        /// What, and what it costs.
        image: Image,
    },
    /// The writing of that checkpoint stands still.
    PauseDrain(JobId),
    /// It is given up.
    DropDrain(JobId),
    /// Nobody needs these images of a job any more.
    Forget {
        /// Which job.
        job: JobId,
        /// Which checkpoint.
        kept: Kept,
    },
    /// [`Input::Time`] at this instant.
    Wake(Time),
    /// A job is over: done, or ended at its walltime.
    Finished {
        /// Which job.
        job: JobId,
        /// Whether all are.
        all: bool,
    },
}

/// What nodes of a job shall do.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Work {
    /// All compute this step.
    Compute {
        /// From 1.
        step: u64,
        /// What it takes where nothing else is done.
        span: Span,
        /// How many times as slow it is.
        slowdown: f64,
    },
    /// All verify their memory.
    Verify {
        /// Steps that it holds.
        step: u64,
        /// What it takes.
        span: Span,
        /// Whether they miss what they might find.
        blind: bool,
    },
    /// The [movers](Coordinator::movers) save their memory.
    Write(Image),
    /// The movers read it back.
    Read(Image),
}

/// A checkpoint that is written or read.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// Its number; `None`: the initial state.
    pub checkpoint: Option<u64>,
    /// Steps that it holds.
    pub step: u64,
    /// Its level, from 0.
    pub level: usize,
    /// What it costs.
    pub cost: Cost,
}

/// What writing or reading a checkpoint costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Cost {
    /// This time.
    Span(Span),
    /// So long as this takes from each node to the file server, or from there.
    Moves(Parcel),
}

/// The coordinator of all jobs of a plan.
#[derive(Clone, Debug)]
pub struct Coordinator<'p> {
    plan: &'p Plan,
    chance: Chance,
    /// From a failure until it may be acted upon.
    notice: Span,
    state: State,
    /// The job that each node works for.
    members: Vec<Option<JobId>>,
    /// Under a bias: checks that miss more than by nature.
    misses: Option<Misses>,
}

/// What of the coordinator must not be forgotten. Who is free is said anew.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct State {
    jobs: Vec<Job>,
    placing: Placing,
    turns: Turns,
    /// Orders given.
    orders: u64,
    /// Silent corruptions so far.
    strikes: u64,
}

impl<'p> Coordinator<'p> {
    /// The jobs of a plan, waiting. From the instant at which a loss is reported a job waits for
    /// `notice` before it is placed anew.
    #[must_use]
    pub fn new(plan: &'p Plan, notice: Span) -> Self {
        let jobs = plan.jobs.len();
        let state = State {
            jobs: (0..jobs as u16).map(|job| Job::new(plan, JobId(job))).collect(),
            placing: Placing::of(plan),
            turns: Turns::of(jobs),
            orders: 0,
            strikes: 0,
        };
        let mut new = Self::resume(plan, notice, state);
        new.open();
        new
    }

    /// The jobs where a coordinator before this one left them.
    #[must_use]
    pub fn resume(plan: &'p Plan, notice: Span, state: State) -> Self {
        let mut members = vec![None; plan.machine.nodes.len()];
        for (of, job) in (0..).zip(&state.jobs) {
            job.seats().nodes().for_each(|node| members[node.0 as usize] = Some(JobId(of)));
        }
        Self { plan, chance: Chance::new(&plan.scenario), notice, state, members, misses: None }
    }

    /// The same, with checks of corrupt memory that miss it so many times as often.
    #[must_use]
    pub fn missing(mut self, times: f64) -> Self {
        self.misses = Some(Misses::new(times));
        self
    }

    /// What that has come to until now; nothing without a bias.
    #[must_use]
    pub fn weighed(&self) -> Weighed {
        self.misses.as_ref().map(Misses::weighed).unwrap_or_default()
    }

    /// Its next orders have higher numbers than this.
    #[must_use]
    pub fn ordering_from(mut self, least: u64) -> Self {
        self.state.orders = self.state.orders.max(least);
        self
    }

    /// Another plan of the same machine and jobs holds from now on.
    pub fn replan(&mut self, plan: &'p Plan) {
        (self.plan, self.notice) = (plan, plan.detection());
        for (job, numbers) in self.state.jobs.iter_mut().zip(plan.jobs.iter()) {
            job.set_interval(numbers.interval);
        }
    }

    /// What must not be forgotten.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Takes one input; adds what shall be done, in this order.
    pub fn on(&mut self, now: Time, input: Input, out: &mut Vec<JobCommand>) {
        match input {
            Input::Free(node) => self.offer(now, node, out),
            Input::Lost(loss) => self.lost(now, loss, out),
            Input::Wiped(node) => self.wiped(node, out),
            Input::Done { job, order, found } => self.done(now, (job, order), found, out),
            Input::Drained { job, checkpoint } => self.drained(job, checkpoint, out),
            Input::Foreseen(fault, part) => self.foreseen(fault, part),
            Input::Corrupted { node, draw, check } => self.corrupted(node, draw, check, out),
            Input::Resumed(since) => self.resumed(now, since, out),
            Input::Time => self.pass(now, out),
        }
    }

    /// When [`Input::Time`] has something to do, if nothing is reported before.
    #[must_use]
    pub fn next(&self) -> Option<Time> {
        self.state.placing.next()
    }

    /// The job that a node works for.
    #[must_use]
    pub fn job_of(&self, node: NodeId) -> Option<JobId> {
        self.members.get(node.0 as usize).copied().flatten()
    }

    /// The phase that a job is in.
    #[must_use]
    pub fn phase(&self, of: JobId) -> JobPhase {
        self.job(of).phase()
    }

    /// What the nodes of a job send to each other for the checkpoint that they write or read, and
    /// from whom to whom, if they do.
    #[must_use]
    pub fn exchange(&self, of: JobId) -> Option<(Exchange, Vec<(NodeId, NodeId)>)> {
        self.job(of).exchange(self.plan, of)
    }

    /// Whether all jobs have ended.
    #[must_use]
    pub fn are_over(&self) -> bool {
        self.state.placing.are_over()
    }

    /// How many steps of a job are done.
    #[must_use]
    pub fn steps_done(&self, of: JobId) -> u64 {
        self.job(of).steps_done()
    }

    /// The number of the last order of whatever job.
    #[must_use]
    pub fn last_order(&self) -> u64 {
        self.state.orders
    }

    /// The seats of a job; with replicas, the places of all replicas of its seats.
    #[must_use]
    pub fn seats(&self, of: JobId) -> &Seating {
        self.job(of).seats()
    }

    /// The seat that a place belongs to.
    #[must_use]
    pub fn seat_at(&self, of: JobId, place: usize) -> usize {
        self.job(of).crew.seat_at(place)
    }

    /// Nodes that write or read what was ordered, or the groups of which compute, in their order.
    #[must_use]
    pub fn movers(&self, of: JobId) -> Vec<NodeId> {
        self.job(of).movers()
    }

    /// The node whose memory a verification finds corrupt that looks everywhere.
    #[must_use]
    pub fn struck(&self, of: JobId) -> Option<NodeId> {
        let job = self.job(of);
        job.crew.node_on(job.memory.truth().first_struck()?)
    }

    fn job(&self, of: JobId) -> &Job {
        &self.state.jobs[usize::from(of.0)]
    }

    fn job_mut(&mut self, of: JobId) -> &mut Job {
        &mut self.state.jobs[usize::from(of.0)]
    }

    fn ids(&self) -> impl Iterator<Item = JobId> + use<> {
        (0..self.state.jobs.len() as u16).map(JobId)
    }

    fn spare(&self, node: NodeId) -> bool {
        self.plan.machine.nodes[node.0 as usize].spare
    }
}
