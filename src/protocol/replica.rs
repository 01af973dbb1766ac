//! Replicas: several nodes on one seat of a job, which does not notice a failure that leaves one.
//!
//! ```text
//!  places   0 .. seats            the first node of every seat
//!           seats ..              the second ones of the replicated seats, then the third ones
//! ```
//!
//! Example with four seats, of which the first two have two replicas: places 0 to 3 are the first
//! nodes of seats 0 to 3, places 4 and 5 the second ones of seats 0 and 1. On an empty job nodes 0
//! to 5 take them in order. Node 0 dies: absorbed, node 4 has seat 0 too. Then 2 dies: interrupt,
//! since nobody else has seat 2; so it would be if 4 died.
//!
//! Nodes take places in their order, so that the replicas of a seat lie as far apart in the rack as
//! there are nodes for it: seldom on one blade, switch or supply.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::NodeId;

/// Who is alive of each seat's replicas. Each input costs a logarithm of the places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replicas {
    seats: u32,
    replicated: u32,
    places: Vec<Option<NodeId>>,
    /// The place of each node.
    sitting: BTreeMap<NodeId, u32>,
    /// Living nodes of each seat.
    living: Vec<u32>,
    /// Seats with nobody alive.
    dead: u32,
}

/// What a lost node means to the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Another replica of this seat lives: the job goes on.
    Absorbed(u32),
    /// It was the last one of its seat, or another seat has nobody.
    Interrupt,
    /// It had no place in the job.
    Stranger,
}

impl Replicas {
    /// So many empty seats, the first `replicated` of them for `degree` nodes each.
    #[must_use]
    pub fn new(seats: u32, replicated: u32, degree: u32) -> Self {
        assert!(seats > 0 && replicated <= seats && degree > 0, "a job has seats");
        let places = seats as usize + replicated as usize * (degree as usize - 1);
        Self {
            seats,
            replicated,
            places: vec![None; places],
            sitting: BTreeMap::new(),
            living: vec![0; seats as usize],
            dead: seats,
        }
    }

    /// The seat of a place.
    #[must_use]
    pub fn seat_at(&self, place: u32) -> u32 {
        match place.checked_sub(self.seats) {
            None => place,
            Some(behind) => behind % self.replicated,
        }
    }

    /// The seat of a node.
    #[must_use]
    pub fn seat_of(&self, node: NodeId) -> Option<u32> {
        self.sitting.get(&node).map(|&place| self.seat_at(place))
    }

    /// The place of a node.
    #[must_use]
    pub fn place_of(&self, node: NodeId) -> Option<u32> {
        self.sitting.get(&node).copied()
    }

    /// Who lives on a seat, in the order of the places.
    pub fn of_seat(&self, seat: u32) -> impl Iterator<Item = NodeId> {
        let behind = (self.seats..).step_by(self.replicated.max(1) as usize);
        let behind = behind.map(move |first| first + seat).take(self.degree_of(seat) - 1);
        std::iter::once(seat).chain(behind).filter_map(|place| self.places[place as usize])
    }

    /// How many live on a seat.
    #[must_use]
    pub fn living(&self, seat: u32) -> usize {
        self.living[seat as usize] as usize
    }

    fn degree_of(&self, seat: u32) -> usize {
        let behind = self.places.len() - self.seats as usize;
        if seat < self.replicated { 1 + behind / self.replicated as usize } else { 1 }
    }

    /// The first living node of each seat: who writes the seat's checkpoint.
    pub fn writers(&self) -> impl Iterator<Item = NodeId> {
        (0..self.seats).filter_map(|seat| self.of_seat(seat).next())
    }

    /// Places that nobody has.
    #[must_use]
    pub fn vacant(&self) -> usize {
        self.places.len() - self.sitting.len()
    }

    /// Whether nobody is alive on one of the seats.
    #[must_use]
    pub fn interrupted(&self) -> bool {
        self.dead > 0
    }

    /// A node was lost.
    pub fn lost(&mut self, node: NodeId) -> Loss {
        let Some(place) = self.sitting.remove(&node) else { return Loss::Stranger };
        let seat = self.seat_at(place);
        self.places[place as usize] = None;
        let living = &mut self.living[seat as usize];
        *living -= 1;
        self.dead += u32::from(*living == 0);
        if self.interrupted() { Loss::Interrupt } else { Loss::Absorbed(seat) }
    }

    /// Gives the vacant places, in their order, to these nodes, in theirs, as far as they go; says
    /// who took one. None of them has a place yet. O(places).
    pub fn replace(&mut self, nodes: impl IntoIterator<Item = NodeId>) -> Vec<NodeId> {
        let mut joined = Vec::new();
        if self.vacant() == 0 {
            return joined;
        }
        let mut nodes = nodes.into_iter();
        for place in 0..self.places.len() {
            if self.places[place].is_some() {
                continue;
            }
            let Some(node) = nodes.next() else { break };
            self.places[place] = Some(node);
            let old = self.sitting.insert(node, place as u32);
            assert!(old.is_none(), "a node has one place");
            let seat = self.seat_at(place as u32);
            let living = &mut self.living[seat as usize];
            self.dead -= u32::from(*living == 0);
            *living += 1;
            joined.push(node);
        }
        joined
    }

    /// All leave.
    pub fn leave_all(&mut self) {
        *self = Self {
            places: vec![None; self.places.len()],
            sitting: BTreeMap::new(),
            living: vec![0; self.seats as usize],
            dead: self.seats,
            ..*self
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    fn nodes(of: std::ops::Range<u32>) -> impl Iterator<Item = NodeId> {
        of.map(NodeId)
    }

    fn four() -> Replicas {
        let mut replicas = Replicas::new(4, 2, 2);
        assert_eq!(replicas.replace(nodes(0..9)).len(), 6);
        replicas
    }

    #[test]
    fn a_failure_is_absorbed_as_long_as_the_seat_has_another_replica() {
        let mut replicas = four();
        assert_eq!(replicas.of_seat(1).collect::<Vec<_>>(), [NodeId(1), NodeId(5)]);
        assert_eq!(replicas.lost(NodeId(0)), Loss::Absorbed(0));
        assert_eq!(replicas.writers().collect::<Vec<_>>(), [4, 1, 2, 3].map(NodeId));
        assert_eq!(replicas.lost(NodeId(0)), Loss::Stranger, "it is dead already");
        assert_eq!(replicas.replace([NodeId(8)]), [NodeId(8)]);
        assert_eq!(replicas.lost(NodeId(4)), Loss::Absorbed(0));
        assert_eq!(replicas.lost(NodeId(8)), Loss::Interrupt);
    }

    #[test]
    fn a_seat_without_replicas_absorbs_nothing() {
        assert_eq!(four().lost(NodeId(2)), Loss::Interrupt);
    }

    #[test]
    fn three_replicas_absorb_two_failures() {
        let mut replicas = Replicas::new(2, 2, 3);
        replicas.replace(nodes(0..6));
        assert_eq!(replicas.seat_of(NodeId(5)), Some(1));
        assert_eq!(replicas.lost(NodeId(1)), Loss::Absorbed(1));
        assert_eq!(replicas.lost(NodeId(3)), Loss::Absorbed(1));
        assert_eq!(replicas.lost(NodeId(5)), Loss::Interrupt);
    }

    /// The slow and obvious twin: a list of the living for each seat.
    #[test]
    fn a_job_is_interrupted_exactly_when_all_replicas_of_one_seat_are_dead() {
        let stream = Stream::new(5, "replicas");
        let (mut absorbed, mut interrupts) = (0, 0);
        for case in 0..400 {
            let mut draw = stream.draw(case, 0);
            let seats = 1 + draw.below(6) as u32;
            let replicated = draw.below(u64::from(seats) + 1) as u32;
            let degree = 1 + draw.below(3) as u32;
            let mut replicas = Replicas::new(seats, replicated, degree);
            let room = |seat: u32| if seat < replicated { degree as usize } else { 1 };
            let mut twin: Vec<Vec<NodeId>> = vec![Vec::new(); seats as usize];
            let mut next = 0;
            for _ in 0..60 {
                let is_dead = twin.iter().any(Vec::is_empty);
                if is_dead || draw.below(4) == 0 {
                    let there = if is_dead { 20 } else { draw.below(3) as u32 };
                    for node in replicas.replace(nodes(next..next + there)) {
                        let seat = replicas.seat_of(node).expect("it joined");
                        twin[seat as usize].push(node);
                        assert!(twin[seat as usize].len() <= room(seat));
                    }
                    next += there;
                }
                let node = NodeId(draw.below(u64::from(next)) as u32);
                let seat = twin.iter().position(|living| living.contains(&node));
                let found = replicas.lost(node);
                let Some(seat) = seat else {
                    assert_eq!(found, Loss::Stranger);
                    continue;
                };
                twin[seat].retain(|&living| living != node);
                if twin.iter().any(Vec::is_empty) {
                    interrupts += 1;
                    assert_eq!(found, Loss::Interrupt, "case {case}");
                } else {
                    absorbed += 1;
                    assert_eq!(found, Loss::Absorbed(seat as u32), "case {case}");
                }
                for (seat, living) in (0..).zip(&twin) {
                    let mut all: Vec<_> = replicas.of_seat(seat).collect();
                    all.sort_unstable();
                    let mut living = living.clone();
                    living.sort_unstable();
                    assert_eq!(all, living, "case {case}");
                }
                let rooms: usize = (0..seats).map(room).sum();
                let sitting: usize = twin.iter().map(Vec::len).sum();
                assert_eq!(replicas.vacant(), rooms - sitting);
            }
        }
        assert!(absorbed > 1_000 && interrupts > 1_000, "{absorbed} {interrupts}");
    }
}
