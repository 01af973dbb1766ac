//! What the fold of a run needs to know of its plan.

use std::sync::Arc;

use super::workloads::Tallies;
use crate::ids::JobId;
use crate::plan::machine::Machine;
use crate::plan::{Job, Plan};
use crate::protocol::Protocol;
use crate::protocol::drain::Writing;
use crate::protocol::multilevel::Pattern;
use crate::scenario::transfers::Transfer;

/// What the fold needs to know of a plan.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// Nodes of the machine.
    pub(super) nodes: u32,
    /// The jobs.
    pub(super) jobs: Vec<JobShape>,
    /// Servers of the machine.
    pub(super) servers: u32,
    /// Rate of a server's link (bit/s).
    pub(super) server_link: u64,
    /// How long a run is expected to last (ns); it may turn out shorter or longer.
    pub(super) horizon: u64,
    /// Whether memory may be silently corrupted.
    pub(super) corrupts: bool,
    /// Whether cosmic rays strike.
    pub(super) upsets: bool,
    /// Whether chips of DRAM fail.
    pub(super) chips: bool,
    /// For each fault rule, whether its strikes are foreseen.
    pub(super) foreseen: Vec<bool>,
    /// Transfers between parts, as the scenario lists them.
    pub(super) transfers: Arc<[Transfer]>,
    /// For the names of parts.
    pub(super) machine: Arc<Machine>,
    /// The books of workloads that are no jobs and no transfers.
    pub(super) tallies: Tallies,
    /// For each job when it writes which level of checkpoints, if there are several that are not
    /// drained; none of any job unless they are asked for.
    pub(super) patterns: Vec<Option<Pattern>>,
}

/// What it needs to know of a job.
#[derive(Clone, Debug, Default)]
pub(super) struct JobShape {
    /// Its name.
    pub(super) name: String,
    /// Nodes that it needs.
    pub(super) nodes: u32,
    /// Those of each of its groups, if these fail by themselves.
    pub(super) group: Option<u32>,
    /// When it is submitted (ns).
    pub(super) submit: u64,
    /// Whether it is ended after some time.
    pub(super) has_walltime: bool,
    /// Whether it has collective operations, and whether these write to the file server.
    pub(super) has_collectives: bool,
    pub(super) has_io: bool,
}

impl Shape {
    /// That of a plan.
    pub(super) fn of(plan: &Plan) -> Self {
        let group = |id| Some(plan.checkpoint_of(JobId(id))?.logging()?.group);
        let job = |(id, job): (u16, &Job)| {
            let queued = plan.scenario.jobs[usize::from(id)].queued;
            JobShape {
                name: job.name.clone(),
                nodes: job.nodes,
                group: group(id),
                submit: queued.submit.0,
                has_walltime: queued.walltime.is_some(),
                has_collectives: plan.collective(JobId(id)).is_some(),
                has_io: plan.scenario.jobs[usize::from(id)].work.io.is_some(),
            }
        };
        Self {
            nodes: u32::try_from(plan.machine.nodes.len()).expect("node numbers have 32 bits"),
            jobs: (0..).zip(plan.jobs.iter()).map(job).collect(),
            servers: u32::try_from(plan.machine.servers.len()).expect("as have servers"),
            server_link: plan.scenario.server.link.0,
            horizon: horizon(plan),
            corrupts: plan.corrupts(),
            upsets: plan.upsets(),
            chips: plan.scenario.follows_chips(),
            foreseen: plan.scenario.faults.iter().map(|rule| rule.prediction.is_some()).collect(),
            transfers: plan.scenario.transfers.clone(),
            machine: plan.machine.clone(),
            tallies: Tallies::of(plan),
            patterns: Vec::new(),
        }
    }

    /// The same with the patterns of levels.
    pub(super) fn with_patterns(mut self, plan: &Plan) -> Self {
        let pattern = |id| {
            let Protocol::Multilevel(machine) = plan.protocol_of(JobId(id)) else { return None };
            let pattern = machine.pattern();
            let stops = pattern.writing.iter().all(|writing| *writing == Writing::Stopped);
            stops.then(|| pattern.clone())
        };
        let jobs = u16::try_from(self.jobs.len()).expect("job numbers have 16 bits");
        self.patterns = (0..jobs).map(pattern).collect();
        self
    }
}

/// Twice the computing of the longest job, but not beyond the end of the run.
fn horizon(plan: &Plan) -> u64 {
    let computing = |job: &Job| job.step.0.saturating_mul(job.steps).saturating_mul(2);
    let longest = plan.jobs.iter().map(computing).max().unwrap_or(u64::MAX);
    plan.scenario.stop.at.0.min(longest)
}
