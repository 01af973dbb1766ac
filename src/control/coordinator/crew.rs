//! The crew of a job: who has which place, who shares a seat, and which images they hold.
//!
//! Without replicas a place is a seat. With replicas each seat has several places, and a failure
//! that leaves one of them a node is absorbed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::ids::{JobId, NodeId};
use crate::plan::Plan;
use crate::protocol::free::Free;
use crate::protocol::replica::{Loss, Replicas};
use crate::protocol::seating::{Filled, Seating};

/// Who works for a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Crew {
    /// Who has which place, and the images.
    pub(super) seats: Seating,
    /// Who lives on each seat, if nodes share them.
    pub(super) replicas: Option<Replicas>,
    /// Nodes that read a checkpoint to take the places of dead replicas; `None`: all read.
    pub(super) newcomers: Option<BTreeSet<NodeId>>,
}

impl Crew {
    /// Nobody yet.
    pub(super) fn new(plan: &Plan, of: JobId) -> Self {
        let places = plan.jobs[usize::from(of.0)].nodes as usize;
        let seats = Seating::new(places, plan.checkpoint_of(of));
        Self { seats, replicas: plan.replicas(of), newcomers: None }
    }

    /// The seat that a place belongs to.
    pub(super) fn seat_at(&self, place: usize) -> usize {
        self.replicas.as_ref().map_or(place, |it| it.seat_at(place as u32) as usize)
    }

    /// The seat of a node.
    pub(super) fn seat_of(&self, node: NodeId) -> Option<usize> {
        self.seats.seat_of(node).map(|place| self.seat_at(place))
    }

    /// The node on a seat, the first of its replicas.
    pub(super) fn node_on(&self, seat: usize) -> Option<NodeId> {
        match &self.replicas {
            Some(replicas) => replicas.of_seat(seat as u32).next(),
            None => self.seats.seats()[seat],
        }
    }

    /// How many live on a seat.
    pub(super) fn living(&self, seat: usize) -> usize {
        self.replicas.as_ref().map_or(1, |replicas| replicas.living(seat as u32))
    }

    /// One of the crew is lost. Gives its seat if another replica of it lives.
    pub(super) fn loses(&mut self, node: NodeId) -> Option<usize> {
        match self.replicas.as_mut()?.lost(node) {
            Loss::Absorbed(seat) => Some(seat as usize),
            Loss::Interrupt | Loss::Stranger => None,
        }
    }

    /// The place of one who is lost is vacant.
    pub(super) fn leave(&mut self, node: NodeId) {
        self.seats.leave(node);
        if let Some(newcomers) = &mut self.newcomers {
            newcomers.remove(&node);
        }
    }

    /// All places are filled, or none.
    pub(super) fn fill(&mut self, free: &Free) -> Option<Filled> {
        let filled = self.seats.place(free)?;
        if let Some(replicas) = &mut self.replicas {
            let joined = replicas.replace(filled.joined.iter().copied());
            assert_eq!(joined, filled.joined, "vacant places are filled in their order");
        }
        Some(filled)
    }

    /// Whether there are dead replicas whose places somebody could take.
    pub(super) fn has_vacant_replicas(&self) -> bool {
        self.replicas.as_ref().is_some_and(|replicas| replicas.vacant() > 0)
    }

    /// Free nodes take the places of dead replicas, as far as they go, and have yet to read.
    pub(super) fn replace(&mut self, free: &Free) -> Vec<NodeId> {
        let Some(replicas) = &mut self.replicas else { return Vec::new() };
        let joined = replicas.replace(free.iter());
        for &node in &joined {
            let place = replicas.place_of(node).expect("it has joined");
            self.seats.take(place as usize, node);
        }
        self.newcomers = Some(joined.iter().copied().collect());
        joined
    }

    /// One replica of each seat, in the order of the nodes.
    pub(super) fn writers(&self) -> Vec<NodeId> {
        let Some(replicas) = &self.replicas else { return self.seats.nodes().collect() };
        let mut writers: Vec<_> = replicas.writers().collect();
        writers.sort_unstable();
        writers
    }

    /// Those who read, in the order of the nodes.
    pub(super) fn readers(&self) -> Vec<NodeId> {
        match &self.newcomers {
            Some(newcomers) => newcomers.iter().copied().collect(),
            None => self.seats.nodes().collect(),
        }
    }

    /// All leave, and need no image any more. Gives them in their order.
    pub(super) fn disband(&mut self) -> Vec<NodeId> {
        if let Some(replicas) = &mut self.replicas {
            replicas.leave_all();
        }
        self.seats.leave_all()
    }
}
