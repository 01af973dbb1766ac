//! Replicas of a job's seats: how many, of which seats, and when dead ones come back.

use serde::{Deserialize, Serialize};

use crate::config::declare::{choice, table};
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::section::Section;
use crate::scenario::execution::Nodes;
use crate::scenario::job::{BulkSynchronous, Checkpoint};
use crate::scenario::jobs::Tables;
use crate::scenario::keys::SHARE;

table! {
    /// Several nodes compute the same seat, so that the job goes on when one of them fails.
    pub struct Replicas(Clone, Copy, Debug, PartialEq) {
        /// Nodes on each replicated seat.
        degree: u32 = Kind::Count(2, 3);
        /// Share of the seats that is replicated: the first ones, to the nearest whole seat.
        share: f64 = SHARE => "1.0";
        /// When dead replicas come back: with `no-restart` only when the whole job restarts;
        /// with `restart` also at each checkpoint.
        strategy: Strategy => "\"no-restart\"";
        /// By how much duplicate messages lengthen a step, as a share of it. Assumption: not at
        /// all.
        overhead: f64 = Kind::Number(0.0, 10.0) => "0.0";
        /// Whether the replicas of a seat compare their memory before each exchange and each
        /// checkpoint: `never`; to `detect` silent corruption, which throws the job back; or to
        /// `vote`, so that the majority of three corrects the third.
        compare: Compare => "\"never\"";
    }
}

choice! {
    /// What replicas of a seat do about memory that differs.
    pub enum Compare(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize) {
        /// Nothing: they do not compare it.
        Never = "never" default,
        /// The job is thrown back to its last checkpoint.
        Detect = "detect",
        /// What most of them have is right; without a majority the job is thrown back.
        Vote = "vote",
    }
}

choice! {
    /// When dead replicas come back.
    pub enum Strategy(Clone, Copy, Debug, PartialEq, Eq) {
        /// When the whole job was interrupted and starts again.
        NoRestart = "no-restart",
        /// At each checkpoint as well (Benoit, Herault, Le Fevre, Robert, SC 2019).
        Restart = "restart",
    }
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

/// The seats of a job that does not say how many it has: as many as the nodes that are not spares
/// suffice for.
pub(super) fn usual_seats(nodes: Nodes, replicas: Option<Replicas>) -> u32 {
    let active = nodes.all - nodes.spares;
    replicas.map_or(active, |replicas| replicas.seats(active))
}

/// Notes a replicated job of so many seats that has more nodes than the machine, or none.
pub(super) fn check_size(
    workload: &Section<'_>,
    seats: u32,
    replicas: Replicas,
    nodes: Nodes,
    m: &mut Mistakes,
) {
    let needed = replicas.nodes(seats);
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
pub(super) fn check_strategy(
    own: &Tables<'_>,
    job: &BulkSynchronous,
    checkpoint: Option<&Checkpoint>,
    m: &mut Mistakes,
) {
    let is_restart = job.replicas.is_some_and(|own| own.strategy == Strategy::Restart);
    if is_restart && checkpoint.and_then(Checkpoint::coordinated).is_none() {
        let title = "the restart strategy without a checkpoint at which replicas restart";
        let help = "add [checkpoint.coordinated], or strategy = \"no-restart\"";
        let place = own.work.section("replicas").place("strategy");
        m.note(Mistake::new(place, title).help(help));
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
