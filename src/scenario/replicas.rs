//! Replicas of a job's seats: how many, of which seats, and when dead ones come back.

use serde::{Deserialize, Serialize};

use crate::scenario::course::{Nodes, Unread};
use crate::scenario::job::{BulkSynchronous, Coordinated, Cost, Place};
use crate::scenario::machine::read;
use crate::scenario::mistakes::{Mistake, Mistakes};
use crate::scenario::section::Section;
use crate::scenario::words::Word;

/// Several nodes that compute the same seat.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Replicas {
    /// Nodes on each replicated seat: 2 or 3.
    pub degree: u32,
    /// Share of the seats that is replicated: the first ones.
    pub share: f64,
    /// When dead replicas come back.
    pub strategy: Strategy,
    /// By how much a step takes longer, as a share of it.
    pub overhead: f64,
    /// Whether they compare their memory.
    pub compare: Compare,
}

/// What replicas of a seat do about memory that differs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Compare {
    /// Nothing: they do not compare it.
    #[default]
    Never,
    /// The job is thrown back to its last checkpoint.
    Detect,
    /// What most of them have is right; without a majority the job is thrown back.
    Vote,
}

impl Word for Compare {
    const WORDS: &'static [(&'static str, Self)] =
        &[("never", Self::Never), ("detect", Self::Detect), ("vote", Self::Vote)];
}

/// When dead replicas come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// When the whole job was interrupted and starts again.
    NoRestart,
    /// At each checkpoint as well (Benoit, Herault, Le Fevre, Robert, SC 2019).
    Restart,
}

impl Word for Strategy {
    const WORDS: &'static [(&'static str, Self)] =
        &[("no-restart", Self::NoRestart), ("restart", Self::Restart)];
}

impl Replicas {
    /// How many of so many seats are replicated.
    #[must_use]
    pub fn replicated(&self, seats: u32) -> u32 {
        libm::round(self.share * f64::from(seats)) as u32
    }

    /// Nodes that so many seats need.
    #[must_use]
    pub fn nodes(&self, seats: u32) -> u64 {
        u64::from(seats) + u64::from(self.degree - 1) * u64::from(self.replicated(seats))
    }

    /// The most seats for which so many nodes suffice.
    fn seats(&self, nodes: u32) -> u32 {
        let (mut fits, mut not) = (0, nodes + 1);
        while not - fits > 1 {
            let middle = fits + (not - fits) / 2;
            if self.nodes(middle) <= u64::from(nodes) { fits = middle } else { not = middle }
        }
        fits
    }
}

/// The replicas in the table of a workload, if there are any.
pub(super) fn replicas(
    workload: &Section<'_>,
    m: &mut Mistakes,
) -> Result<Option<Replicas>, Unread> {
    let section = workload.section("replicas");
    if !workload.has("replicas") {
        return Ok(None);
    }
    let replicas = read!(Replicas {
        degree: section.get("degree", m),
        share: section.share("share", m),
        strategy: section.word("strategy", m),
        overhead: section.get("overhead", m),
        compare: section.word("compare", m),
    });
    replicas.map(Some).ok_or(Unread)
}

/// The seats of a job that does not say how many it has: as many as the nodes that are not spares
/// suffice for.
pub(super) fn usual_seats(nodes: Nodes, replicas: Result<Option<Replicas>, Unread>) -> Option<u32> {
    let active = nodes.all - nodes.spares;
    Some(replicas.ok()?.map_or(active, |replicas| replicas.seats(active)))
}

/// Notes a replicated job that has more nodes than the machine, or none.
pub(super) fn check_size(
    workload: &Section<'_>,
    job: &BulkSynchronous,
    nodes: Nodes,
    m: &mut Mistakes,
) {
    let Some(replicas) = job.replicas else { return };
    let (needed, seats) = (replicas.nodes(job.nodes), job.nodes);
    let place = workload.section("replicas").place("degree");
    if seats == 0 {
        let title = "too few nodes that are not spares for one seat and its replicas";
        m.note(Mistake::new(place, title).help("give the job `nodes`, or the machine more"));
    } else if needed > u64::from(nodes.all) {
        let title = format!("{seats} seats with replicas on a machine of {} nodes", nodes.all);
        let help = format!(
            "they need {needed} nodes: at most {} seats of this degree and share",
            replicas.seats(nodes.all)
        );
        m.note(Mistake::new(place, title).help(help));
    }
}

/// Notes a strategy that the job's checkpoints cannot carry out.
pub(super) fn check_checkpoint(
    root: &Section<'_>,
    job: &BulkSynchronous,
    checkpoint: Option<&Coordinated>,
    m: &mut Mistakes,
) {
    let Some(replicas) = job.replicas else { return };
    let section = root.section("workload").section("bulk-synchronous").section("replicas");
    if replicas.strategy == Strategy::Restart && checkpoint.is_none() {
        let title = "the restart strategy without a checkpoint at which replicas restart";
        let help = "add [checkpoint.coordinated], or strategy = \"no-restart\"";
        m.note(Mistake::new(section.place("strategy"), title).help(help));
    }
    if let Some(Cost::Store(Place::Card | Place::Partner)) = checkpoint.map(|wish| wish.cost) {
        let place = root.section("checkpoint").section("coordinated").place("to");
        let title = "checkpoints of a replicated job on cards";
        let help = "one replica of each seat writes for all: to = \"file-server\"";
        m.note(Mistake::new(place, title).help(help).other(section.own_place(), "the replicas"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_as_many_as_nodes_suffice_for() {
        for degree in [2, 3] {
            for share in [0.0, 0.25, 0.5, 1.0] {
                let (strategy, overhead) = (Strategy::Restart, 0.0);
                let replicas =
                    Replicas { degree, share, strategy, overhead, compare: Compare::Never };
                for nodes in 0..50 {
                    let seats = replicas.seats(nodes);
                    assert!(replicas.nodes(seats) <= u64::from(nodes));
                    assert!(replicas.nodes(seats + 1) > u64::from(nodes), "{replicas:?} {nodes}");
                }
            }
        }
    }
}
