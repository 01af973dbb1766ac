//! The groups of a job that fail by themselves: who computes again, and how long the others wait.

use std::collections::BTreeSet;

use crate::event::JobPhase;

/// The groups of a job.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    /// Nodes of the job.
    nodes: u32,
    /// Nodes of a group.
    pub(super) size: u32,
    /// Groups that compute again while the others wait for them.
    again: BTreeSet<u32>,
    /// Node time in which groups waited for others in the phases that compute (ns).
    pub(super) waited: u128,
    /// When the job last completed a step (ns).
    stepped: u64,
}

impl Groups {
    /// Groups of so many nodes of a job of so many.
    pub(super) fn new(nodes: u32, size: u32) -> Self {
        Self { nodes, size, again: BTreeSet::new(), waited: 0, stepped: 0 }
    }

    /// A group computes again.
    pub(super) fn join(&mut self, group: u32) {
        self.again.insert(group);
    }

    /// All groups have computed again what they had to, or stop.
    pub(super) fn leave_all(&mut self) {
        self.again.clear();
    }

    /// A step is complete at `now` (ns).
    pub(super) fn step(&mut self, now: u64) {
        self.stepped = now;
    }

    /// Some have computed again for so long (ns), and the others waited for them.
    pub(super) fn wait(&mut self, span: u64) {
        self.waited += u128::from(span) * u128::from(self.idle());
    }

    /// Nodes that wait for those that compute again.
    pub(super) fn idle(&self) -> u32 {
        self.nodes - self.computing_again()
    }

    fn computing_again(&self) -> u32 {
        self.again.len() as u32 * self.size
    }

    /// A group fails at `now`, in a phase that has lasted since `since` (ns). What the others have
    /// computed of the step under way is waiting too: they compute it anew with the group.
    pub(super) fn break_off(&mut self, group: u32, phase: JobPhase, (since, now): (u64, u64)) {
        let nodes = match phase {
            JobPhase::Compute => self.nodes - self.size,
            JobPhase::Rework if self.again.contains(&group) => self.computing_again() - self.size,
            JobPhase::Rework => self.computing_again(),
            _ => 0,
        };
        self.waited += u128::from(now - since.max(self.stepped)) * u128::from(nodes);
    }
}
