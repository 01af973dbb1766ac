//! Replicas of a job's seats, as the controller sees them: who is not waited for, writes and reads.
//!
//! All replicas of a seat compute the same memory and send its sum to all replicas of the next
//! seat, which take the first that comes. A step is done when all have done it; as soon as each
//! seat has one that has, the others have one beat left. Whoever is behind then is given up like
//! one that failed: the dead need not be noticed first. It may work again when it answers late, or
//! joins.
//!
//! Not modelled: a check of replicas against each other.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::event::{JobPhase, What};
use crate::fleet::doors::Address;
use crate::fleet::job::{Demand, JobPlay};
use crate::fleet::wire::Work;
use crate::ids::NodeId;
use crate::plan::JOB;
use crate::protocol::Input;
use crate::protocol::replica::Loss;
use crate::scenario::replicas::Strategy;
use crate::units::Time;

/// Replicas that are behind.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Late {
    /// When those that have not done the step are given up.
    pub(super) at: Option<Time>,
    /// Those that were, and where they are reached: nobody knows whether they live.
    pub(super) given_up: BTreeMap<NodeId, Address>,
}

impl JobPlay<'_> {
    /// The seat of a place.
    pub(super) fn seat_at(&self, place: u32) -> u32 {
        self.state.replicas.as_ref().map_or(place, |replicas| replicas.seat_at(place))
    }

    /// All places that are taken.
    pub(super) fn all(&self) -> BTreeSet<u32> {
        let seats = (0..).zip(self.state.seating.seats());
        seats.filter(|(_, node)| node.is_some()).map(|(place, _)| place).collect()
    }

    /// The places that write a checkpoint: one of each seat.
    pub(super) fn writers(&self) -> BTreeSet<u32> {
        let Some(replicas) = &self.state.replicas else { return self.all() };
        replicas.writers().filter_map(|node| replicas.place_of(node)).collect()
    }

    /// Whether the job goes on without a node that is lost.
    pub(super) fn absorbs(&mut self, node: NodeId) -> bool {
        let waits = self.phase() == JobPhase::Waiting;
        let Some(replicas) = &mut self.state.replicas else { return false };
        matches!(replicas.lost(node), Loss::Absorbed(_)) && !waits
    }

    /// The job goes on without a node whose seat has another replica; if it was writing the seat's
    /// checkpoint, that one writes it.
    pub(super) fn absorb(&mut self, now: Time, node: NodeId, term: u64, demands: &mut Vec<Demand>) {
        let place = self.state.seating.leave(node).expect("it had a place");
        self.state.addresses[place] = None;
        self.wanted = self.state.seating.fill(&self.free);
        demands.push(Demand::Tell(What::FailureAbsorbed { job: JOB, node }));
        demands.push(Demand::Tell(What::JobNode { job: JOB, node, joined: false }));
        let place = place as u32;
        let waited = self.state.waiting.remove(&place);
        if waited && matches!(self.state.work, Some(Work::Save { .. })) {
            let seat = self.seat_at(place);
            let others = self.writers().into_iter().filter(|&other| self.seat_at(other) == seat);
            let others = others.collect();
            demands.extend(self.wait_for(others, term));
        }
        if waited {
            self.go_on(now, term, demands);
        }
    }

    /// Gives replicas that are behind one beat, if each seat has one that is not.
    pub(super) fn await_late(&mut self, now: Time) {
        let computes = matches!(self.state.work, Some(Work::Compute { .. }));
        let Some(replicas) = self.state.replicas.as_ref().filter(|_| computes) else { return };
        let has_done = |node| {
            let place = replicas.place_of(node).expect("it sits there");
            !self.state.waiting.contains(&place)
        };
        let is_late = |&place: &u32| replicas.of_seat(replicas.seat_at(place)).any(has_done);
        if self.state.late.at.is_none() && self.state.waiting.iter().all(is_late) {
            self.state.late.at = Some(now + self.plan.scenario.controller.beat());
        }
    }

    /// Gives up the replicas that are behind.
    pub(super) fn give_up_late(&mut self, now: Time, term: u64, demands: &mut Vec<Demand>) {
        self.state.late.at = None;
        for place in self.state.waiting.clone() {
            let node = self.state.seating.seats()[place as usize].expect("it was ordered to");
            let address = self.state.addresses[place as usize].clone();
            let absorbed = self.absorbs(node);
            assert!(absorbed, "its seat has another replica");
            self.state.late.given_up.extend(address.map(|address| (node, address)));
            self.absorb(now, node, term, demands);
        }
    }

    /// What a complete checkpoint is to the protocol: if nodes take the places of dead replicas,
    /// the job goes on when they have read it.
    pub(super) fn for_replicas(&self, input: Input) -> Input {
        let work = self.plan.scenario.workload.as_ref().and_then(|work| work.replicas);
        let restarts = work.is_some_and(|replicas| replicas.strategy == Strategy::Restart);
        let vacant = self.state.replicas.as_ref().is_some_and(|replicas| replicas.vacant() > 0);
        let goes_on = self.state.machine.done() < self.plan.jobs[0].steps;
        if input == Input::Written && restarts && vacant && goes_on && !self.free.is_empty() {
            return Input::WrittenForReplicas;
        }
        input
    }

    /// Lets free nodes take the places of dead replicas, if the input says so; gives the places.
    pub(super) fn replace_replicas(
        &mut self,
        input: Input,
        demands: &mut Vec<Demand>,
    ) -> Option<BTreeSet<u32>> {
        let replicas = self.state.replicas.as_mut()?;
        if input != Input::WrittenForReplicas {
            return None;
        }
        let joined = replicas.replace(self.free.iter().map(|&(_, node)| node));
        let mut places = BTreeSet::new();
        for node in joined {
            let place = replicas.place_of(node).expect("it has joined");
            self.state.seating.take(place as usize, node);
            self.state.addresses[place as usize] = self.reached.remove(&node);
            self.free.remove(&(self.plan.machine.nodes[node.0 as usize].spare, node));
            demands.push(Demand::Tell(What::JobNode { job: JOB, node, joined: true }));
            places.insert(place);
        }
        self.wanted = self.state.seating.fill(&self.free);
        Some(places)
    }
}
