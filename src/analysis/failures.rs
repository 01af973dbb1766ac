//! What each failure cost the job that it struck: work that was lost, reading back, and waiting.
//!
//! All lost work and all time of a job's restarts and waiting, once it has begun, goes to the
//! failure that the job noticed last: whatever the ledger of jobs (`jobs`) books goes to exactly
//! one row here, so that the rows add up to `waste_rework`, `waste_restart` and `waste_idle`. Which
//! strike it was: the latest on the node whose work was lost, or on a part that the node hangs on,
//! since the node was last up.
//!
//! A job loses 20 s of computing to a crash, waits 40 s, and reads for 10 s when a supply fails:
//! then it waits for 100 s and reads for 15 s. The crash has cost 20 + 40 + 10 s, the supply's
//! failure 100 + 15 s.
//!
//! Not modelled: what a failure costs in checkpoints, such as one that was broken off. That time
//! stays with the checkpoints.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::FailureFinding;
use super::bins::seconds;
use super::shape::JobShape;
use super::strikes::Strike;
use crate::event::{Cause, CorruptionAct, Event, Fault, GroupAct, JobPhase, NodeState, What};
use crate::ids::{JobId, NodeId, Part, PartKind};
use crate::plan::machine::Machine;
use crate::record::words;

/// Rows at most. Of more failures, those of a kind share one row.
const ROWS_MAX: usize = 100_000;

/// Node time that a job has lost so far (node ns): computing, in restarts, waiting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) rework: u128,
    pub(super) restart: u128,
    pub(super) wait: u128,
}

/// Why a job lost time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// A fault struck.
    Strike(Fault),
    /// A node failed, and no fault had struck it.
    Other(Cause),
    /// The job's walltime was over.
    Walltime,
}

impl Why {
    fn word(self) -> &'static str {
        match self {
            Self::Strike(kind) => kind.word(),
            Self::Other(cause) => words::cause(cause),
            Self::Walltime => "walltime",
        }
    }
}

/// A failure of a job.
#[derive(Clone, Copy, Debug)]
struct Row {
    job: JobId,
    /// When it struck (ns).
    at: u64,
    why: Why,
    /// The part that it struck; none for many of a kind together.
    part: Option<Part>,
    /// The node by which the job noticed.
    node: Option<NodeId>,
    /// From the strike until it was dealt with (ns), once it was.
    reaction: Option<u64>,
    cost: Cost,
    /// How many failures it is of.
    count: u64,
}

/// What all failures of one kind cost together.
#[derive(Clone, Debug, PartialEq)]
pub struct KindCost {
    /// The kind, as in [`FailureFinding::kind`].
    pub kind: String,
    /// How many there were.
    pub failures: u64,
    /// Computing that was thrown away, as time of the jobs (s).
    pub rework_s: f64,
    /// Reading checkpoints back (s).
    pub restart_s: f64,
    /// Waiting for nodes (s).
    pub wait_s: f64,
    /// Node time of these three (s).
    pub node_s: f64,
}

/// What failures cost by their kind: the kind that cost most comes first.
#[must_use]
pub fn cost_by_kind(failures: &[FailureFinding]) -> Vec<KindCost> {
    let mut kinds: BTreeMap<&str, KindCost> = BTreeMap::new();
    for row in failures {
        let none = || KindCost {
            kind: row.kind.clone(),
            failures: 0,
            rework_s: 0.0,
            restart_s: 0.0,
            wait_s: 0.0,
            node_s: 0.0,
        };
        let sum = kinds.entry(&row.kind).or_insert_with(none);
        sum.failures += row.failures;
        sum.rework_s += row.rework_s;
        sum.restart_s += row.restart_s;
        sum.wait_s += row.wait_s;
        sum.node_s += row.node_s;
    }
    let mut kinds: Vec<_> = kinds.into_values().collect();
    kinds.sort_by(|a, b| b.node_s.total_cmp(&a.node_s));
    kinds
}

/// The failures of a run that struck a job.
#[derive(Clone, Debug)]
pub(super) struct Failures {
    machine: Arc<Machine>,
    jobs: Vec<JobShape>,
    rows: Vec<Row>,
    /// The row to which the time of each job goes, and what the job had lost when that was last
    /// booked.
    current: Vec<(Option<usize>, Cost)>,
    /// The last strike on each part that takes nodes, or of any other kind.
    strikes: BTreeMap<(Part, bool), Strike>,
    /// When nodes were last up (ns), and why they are not.
    up: BTreeMap<NodeId, u64>,
    down: BTreeMap<NodeId, (u64, Cause)>,
    /// When silent corruptions struck that are not over (ns), and the last that was found.
    silent: BTreeMap<u64, (u64, NodeId)>,
    found: Option<(u64, Row)>,
    /// When a job last lost work (ns).
    lost_at: Option<(JobId, u64)>,
    /// When a group was last rolled back (ns).
    rolled_at: Option<(JobId, u64)>,
    /// Rows on which nobody had acted when this was last looked at.
    waiting: Vec<usize>,
}

impl Failures {
    pub(super) fn new(jobs: &[JobShape], machine: &Arc<Machine>) -> Self {
        Self {
            machine: machine.clone(),
            jobs: jobs.to_vec(),
            rows: Vec::new(),
            current: vec![(None, Cost::default()); jobs.len()],
            strikes: BTreeMap::new(),
            up: BTreeMap::new(),
            down: BTreeMap::new(),
            silent: BTreeMap::new(),
            found: None,
            lost_at: None,
            rolled_at: None,
            waiting: Vec::new(),
        }
    }

    /// Takes the next event, before the ledger of jobs does. `cost` is what that says of a job up
    /// to now. O(log of what has been struck).
    pub(super) fn event(&mut self, event: &Event, cost: impl Fn(JobId) -> Cost) {
        let now = event.at.0;
        match event.what {
            What::FaultStrikes { kind, part, .. } => {
                self.strikes.insert((part, kind.loses_nodes()), (now, kind, part));
            }
            What::NodeState { node, state, cause, .. } => self.node(now, node, state, cause),
            What::Corruption { node, number, act, .. } => self.corruption(now, (node, number), act),
            // The time that a group's roll-back makes wait belongs to the failure that comes next.
            What::Group { job, act: GroupAct::RollBack, .. } => {
                self.book(job, cost(job));
                self.rolled_at = Some((job, now));
            }
            What::WorkLost { job, node, .. } => {
                if self.rolled_at.take() != Some((job, now)) {
                    self.book(job, cost(job));
                }
                self.lost_at = Some((job, now));
                let row = match self.found {
                    Some((at, row)) if at == now => Row { job, ..row },
                    _ => self.cause_of(now, job, node),
                };
                self.open(now, row);
            }
            What::FailureAbsorbed { job, node } => {
                let row = self.cause_of(now, job, node);
                let reaction = Some(now - row.at);
                // The job goes on, and its time with what went before.
                if self.rows.len() < ROWS_MAX && !self.has(&row) {
                    self.rows.push(Row { reaction, ..row });
                }
            }
            What::JobPhase { job, phase, cause } => {
                self.book(job, cost(job));
                if phase == JobPhase::TimedOut {
                    let (why, part, node) = (Why::Walltime, None, None);
                    let (at, cost, reaction) = (now, Cost::default(), Some(0));
                    self.open(now, Row { job, at, why, part, node, reaction, cost, count: 0 });
                } else if cause == Cause::NodeFailure && self.lost_at != Some((job, now)) {
                    self.fails_again(now, job);
                }
                if phase != JobPhase::Waiting {
                    self.deal(now, job);
                }
            }
            What::JobNode { job, joined: true, .. } => self.deal(now, job),
            _ => {}
        }
    }

    /// Comes to the end of the run, with what each job has lost until then.
    pub(super) fn close(&mut self, cost: impl Fn(JobId) -> Cost) {
        for job in (0..).map(JobId).take(self.jobs.len()) {
            self.book(job, cost(job));
        }
    }

    /// A row for each failure, in the order in which the jobs noticed, after [`Self::close`].
    pub(super) fn findings(&self) -> Vec<FailureFinding> {
        let row = |row: &Row| {
            let job = &self.jobs[usize::from(row.job.0)];
            let of_job = |time: u128| time as f64 / 1e9 / f64::from(job.nodes.max(1));
            let Cost { rework, restart, wait } = row.cost;
            FailureFinding {
                at_s: seconds(row.at),
                kind: row.why.word().to_owned(),
                part: row.part.map_or_else(String::new, |part| self.machine.name(part)),
                job: job.name.clone(),
                reaction_s: row.reaction.map_or(-1.0, seconds),
                rework_s: of_job(rework),
                restart_s: of_job(restart),
                wait_s: of_job(wait),
                node_s: (rework + restart + wait) as f64 / 1e9,
                failures: row.count,
            }
        };
        self.rows.iter().map(row).collect()
    }

    fn node(&mut self, now: u64, node: NodeId, state: NodeState, cause: Cause) {
        match state {
            NodeState::Up => {
                self.up.insert(node, now);
                self.down.remove(&node);
            }
            NodeState::Down | NodeState::Hung => {
                self.down.entry(node).or_insert((now, cause));
            }
            _ => {}
        }
        if matches!(cause, Cause::Repair | Cause::Timeout) {
            let rows = &mut self.rows;
            self.waiting.retain(|&number| {
                let row = &mut rows[number];
                if row.node == Some(node) {
                    row.reaction.get_or_insert(now - row.at);
                }
                row.reaction.is_none()
            });
        }
    }

    fn corruption(&mut self, now: u64, (node, number): (NodeId, u64), act: CorruptionAct) {
        match act {
            CorruptionAct::Strike => {
                self.silent.insert(number, (now, node));
            }
            CorruptionAct::Detect => {
                let (at, node) = self.silent.get(&number).copied().unwrap_or((now, node));
                let part = Some(Part { kind: PartKind::Node, index: node.0 });
                let (job, why) = (JobId(0), Why::Strike(Fault::SilentCorruption));
                let (cost, reaction) = (Cost::default(), Some(now - at));
                // Of several that are found at once, the first is what the job was thrown back by.
                if self.found.is_none_or(|(found, _)| found != now) {
                    let node = Some(node);
                    let row = Row { job, at, why, part, node, reaction, cost, count: 1 };
                    self.found = Some((now, row));
                }
            }
            _ => {
                self.silent.remove(&number);
            }
        }
    }

    /// What a job lost since it was last booked goes to its failure.
    fn book(&mut self, job: JobId, cost: Cost) {
        let (row, before) = &mut self.current[usize::from(job.0)];
        let Cost { rework, restart, wait } = std::mem::replace(before, cost);
        let more = Cost {
            rework: cost.rework - rework,
            restart: cost.restart - restart,
            wait: cost.wait - wait,
        };
        if more == Cost::default() {
            return;
        }
        let row = *row.get_or_insert_with(|| {
            let (at, why) = (0, Why::Other(Cause::Course));
            let (part, node, reaction, cost) = (None, None, None, Cost::default());
            self.rows.push(Row { job, at, why, part, node, reaction, cost, count: 0 });
            self.rows.len() - 1
        });
        let sum = &mut self.rows[row].cost;
        sum.rework += more.rework;
        sum.restart += more.restart;
        sum.wait += more.wait;
    }

    /// From now on the job's time goes to this failure, which may be the one that it went to.
    fn open(&mut self, now: u64, row: Row) {
        let current = self.current[usize::from(row.job.0)].0;
        if current.is_some_and(|at| same(&self.rows[at], &row)) {
            return;
        }
        let number = if self.rows.len() < ROWS_MAX {
            let reaction = row.reaction.or_else(|| (now > row.at).then(|| now - row.at));
            if reaction.is_none() {
                self.waiting.push(self.rows.len());
            }
            self.rows.push(Row { reaction, ..row });
            self.rows.len() - 1
        } else {
            let others = |it: &Row| it.part.is_none() && it.why == row.why && it.job == row.job;
            let found = self.rows.iter().rposition(others);
            let number = found.unwrap_or_else(|| {
                let (part, node, reaction) = (None, None, Some(0));
                self.rows.push(Row { part, node, reaction, count: 0, ..row });
                self.rows.len() - 1
            });
            self.rows[number].count += row.count;
            number
        };
        self.current[usize::from(row.job.0)].0 = Some(number);
    }

    fn has(&self, row: &Row) -> bool {
        self.rows.iter().rev().take_while(|it| it.at >= row.at).any(|it| same(it, row))
    }

    /// A node of the job fails while the job waits or reads: nothing is lost, and it is not said
    /// which node it is.
    fn fails_again(&mut self, now: u64, job: JobId) {
        let strike = self.strikes.values().filter(|(at, ..)| *at == now).max_by_key(|it| it.1);
        if let Some(&(at, kind, part)) = strike {
            let node = (part.kind == PartKind::Node).then_some(NodeId(part.index));
            let (why, part, cost) = (Why::Strike(kind), Some(part), Cost::default());
            self.open(now, Row { job, at, why, part, node, reaction: None, cost, count: 1 });
        }
    }

    /// The controller has acted on what the job waits for.
    fn deal(&mut self, now: u64, job: JobId) {
        if let Some(row) = self.current[usize::from(job.0)].0 {
            let row = &mut self.rows[row];
            row.reaction.get_or_insert(now - row.at);
        }
    }

    /// Why a node of a job failed.
    fn cause_of(&self, now: u64, job: JobId, node: NodeId) -> Row {
        const KINDS: [PartKind; 10] = [
            PartKind::Node,
            PartKind::NodeLink,
            PartKind::Blade,
            PartKind::Pack,
            PartKind::Module,
            PartKind::Rack,
            PartKind::Switch,
            PartKind::Uplink,
            PartKind::Psu,
            PartKind::Server,
        ];
        let since = self.up.get(&node).copied().unwrap_or(0);
        let latest = |takes_nodes: bool| {
            let parts = KINDS.into_iter().flat_map(|kind| {
                self.machine.parts_over(kind, node).map(move |index| Part { kind, index })
            });
            let strikes = parts.filter_map(|part| self.strikes.get(&(part, takes_nodes)));
            strikes.filter(|(at, ..)| *at >= since).max_by_key(|(at, ..)| *at)
        };
        let own = Part { kind: PartKind::Node, index: node.0 };
        let strike = latest(true).or_else(|| latest(false));
        let (at, why, part) = strike.map_or_else(
            || {
                let (at, cause) = self.down.get(&node).copied().unwrap_or((now, Cause::Silent));
                (at, Why::Other(cause), own)
            },
            |&(at, kind, part)| (at, Why::Strike(kind), part),
        );
        let (part, node, cost) = (Some(part), Some(node), Cost::default());
        Row { job, at, why, part, node, reaction: None, cost, count: 1 }
    }
}

/// Whether two rows are the same failure of the same job.
fn same(a: &Row, b: &Row) -> bool {
    a.job == b.job && a.at == b.at && a.why == b.why && a.part == b.part
}
