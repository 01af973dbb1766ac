//! The decision: an immutable, complete, printable plan made from a scenario and its seed.

mod alarms;
mod arrivals;
pub mod chance;
mod costs;
mod crew;
mod digest;
pub mod hazard;
mod images;
mod jobs;
mod levels;
pub mod lifetimes;
pub mod machine;
mod names;
mod optimum;
#[cfg(test)]
pub(crate) mod pilot;
pub mod print;
mod replication;
pub mod rhythm;
mod sharing;
mod tree;
pub mod wiring;

pub use self::images::Parcel;
pub use self::levels::{Access, Exchange};

use std::io;
use std::sync::Arc;

use crate::ids::{FaultId, JobId, NodeId, Part, PartKind};
use crate::scenario::cluster::Hardware;
use crate::scenario::collective::Collective;
use crate::scenario::jobs::JobSpec;
use crate::scenario::{Scenario, changes};
use crate::units::{Span, Time};

/// Everything a stage needs to play a run; nothing is decided after it is made.
///
/// Outside chance is part of it as *functions*: the k-th lifetime of a part is a pure function of
/// (seed, stream, part, k), see [`crate::rng`], so that a part costs nothing until it fails.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The resolved scenario that it was made from: rules, hardware, boot, server, faults.
    #[doc(hidden)]
    pub scenario: Scenario,
    /// Every part of the machine as rows. It does not hang on the seed, and is shared.
    #[doc(hidden)]
    pub machine: Arc<machine::Machine>,
    /// The jobs, placed on no nodes yet: that depends on who is up. Shared as well.
    #[doc(hidden)]
    pub jobs: Arc<[Job]>,
    /// What changes while the run goes on, by time.
    #[doc(hidden)]
    pub changes: Arc<[Change]>,
}

/// From an instant of the run on, another plan of the same machine holds.
#[derive(Clone, Debug)]
pub struct Change {
    /// When.
    pub at: Time,
    /// The plan from then on.
    pub plan: Plan,
}

/// A job with its numbers worked out.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Name for people.
    pub name: String,
    /// Nodes it needs at once.
    pub nodes: u32,
    /// Its seats: as many as its nodes, or fewer if replicas share some.
    pub seats: u32,
    /// Whole steps of `step`, the last one possibly shorter.
    pub steps: u64,
    /// Duration of a step.
    pub step: Span,
    /// Duration of the last step.
    pub last_step: Span,
    /// Computing after which the next checkpoint is due; `None` without a checkpoint protocol.
    /// A checkpoint starts at the first step boundary at or after it. An adaptive interval begins
    /// with it.
    pub interval: Option<Span>,
    /// The checkpoint cost C that the interval was worked out from; with several levels, that of
    /// the lowest.
    pub checkpoint_cost: Span,
    /// That of each level, the lowest first.
    pub level_costs: Vec<Span>,
    /// The mean time between failures M of the job that the interval was worked out from: with
    /// replicas, between those that interrupt it. [`Span::FOREVER`] if no fault with a lifetime
    /// strikes its nodes.
    pub mtbf: Span,
}

impl Plan {
    /// Decides everything for a scenario that was checked. Panics if it was not.
    #[must_use]
    pub fn make(scenario: &Scenario) -> Self {
        let machine = Arc::new(machine::Machine::build(scenario));
        Self::on(scenario.clone(), machine)
    }

    /// The plan of a scenario on its machine.
    fn on(mut scenario: Scenario, machine: Arc<machine::Machine>) -> Self {
        arrivals::draw(&mut scenario);
        let jobs = jobs::make(&scenario, &machine).into();
        let change = |change: &changes::Change| Change {
            at: change.at,
            plan: Self::make(&change.scenario).with_seed(scenario.seed),
        };
        let changes = scenario.changes.iter().map(change).collect();
        Self { scenario, machine, jobs, changes }
    }

    /// The plan of the same scenario with another seed, as [`Plan::make`] makes it, in the time
    /// that a copy of the scenario takes: only chance hangs on the seed, and jobs that arrive by a
    /// law, which are drawn anew.
    #[must_use]
    pub fn with_seed(&self, seed: u64) -> Self {
        if self.scenario.arrivals.is_some() && seed != self.scenario.seed {
            let scenario = Scenario { seed, ..self.scenario.clone() };
            return Self::on(scenario, self.machine.clone());
        }
        let mut plan = self.clone();
        plan.scenario.seed = seed;
        let change = |it: &Change| Change { at: it.at, plan: it.plan.with_seed(seed) };
        plan.changes = self.changes.iter().map(change).collect();
        plan
    }

    /// The hardware of a node.
    #[must_use]
    pub fn hardware_of(&self, node: NodeId) -> &Hardware {
        self.scenario.hardware_of(self.machine.group_of(node))
    }

    /// Whether a workload sends from part to part.
    #[must_use]
    pub fn sends_between_parts(&self) -> bool {
        let sends = |spec: &JobSpec| spec.work.collective.is_some();
        let others = !self.scenario.workloads.names().is_empty();
        others || !self.scenario.transfers.is_empty() || self.scenario.jobs.iter().any(sends)
    }

    /// Whether copies at partners and buddies, and parities of groups, are played on the links of
    /// the machine.
    #[must_use]
    pub fn plays_copies(&self) -> bool {
        sharing::plays_copies(self)
    }

    /// Whether such copies may meet other traffic on their links, whatever fails.
    #[must_use]
    pub fn copies_meet_others(&self) -> bool {
        sharing::copies_meet_others(self)
    }

    /// Whether any part may send to any other, so that the fabric is a mesh.
    #[must_use]
    pub fn is_mesh(&self) -> bool {
        self.sends_between_parts() || self.machine.wiring.cells > 0 || self.plays_copies()
    }

    /// What the nodes of a job send to each other at the end of each step, if they do.
    #[must_use]
    pub fn collective(&self, of: JobId) -> Option<Collective> {
        self.scenario.work_of(of)?.collective
    }

    /// The nodes that a strike of a rule on a part reaches: those under the part, or those of the
    /// rule within its radius of a node.
    pub fn reached(&self, fault: FaultId, part: Part) -> impl Iterator<Item = NodeId> {
        let rule = &self.scenario.faults[usize::from(fault.0)];
        let nodes = self.machine.nodes_of(self.machine.around(rule.radius, part));
        nodes.filter(move |node| part.kind != PartKind::Node || rule.on.contains(node.0))
    }

    /// SHA-256, in hexadecimal, over a canonical text of all that the plan decides: the resolved
    /// scenario with its seed, the jobs and each row of the machine.
    #[must_use]
    pub fn digest(&self) -> String {
        digest::of(self)
    }

    /// Writes what a person wants to see of the plan.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn print(&self, out: &mut impl io::Write) -> io::Result<()> {
        print::print(self, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_of_another_seed_is_that_which_is_made_anew() {
        let mut scenario = pilot::scenario();
        let plan = Plan::make(&scenario);
        for seed in [scenario.seed, 0, 1, u64::MAX] {
            scenario.seed = seed;
            let (made, other) = (Plan::make(&scenario), plan.with_seed(seed));
            assert_eq!(made.digest(), other.digest());
            assert_eq!(made.scenario, other.scenario);
            assert!(Arc::ptr_eq(&plan.machine, &other.machine), "it is shared");
        }
    }
}
