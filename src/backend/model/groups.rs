//! Groups of the job that checkpoint and fail by themselves: who sits in which, and who works.

use crate::event::JobPhase;
use crate::ids::NodeId;
use crate::plan::Plan;
use crate::units::Bytes;

use super::job::JobPlay;
use super::node::Draw;
use super::world::World;

/// The nodes on the seats of the job, group after group.
#[derive(Debug)]
pub(super) struct Seats {
    seats: Vec<Option<NodeId>>,
}

impl Seats {
    /// So many seats, all vacant.
    pub(super) fn new(seats: usize) -> Self {
        Self { seats: vec![None; seats] }
    }

    /// A node takes the first vacant seat.
    pub(super) fn join(&mut self, node: NodeId) {
        let vacant = self.seats.iter_mut().find(|seat| seat.is_none());
        *vacant.expect("a job has no more nodes than seats") = Some(node);
    }

    /// A node leaves its seat.
    pub(super) fn leave(&mut self, node: NodeId) {
        let seat = self.seat_of(node);
        self.seats[seat] = None;
    }

    /// The seat of a node of the job.
    pub(super) fn seat_of(&self, node: NodeId) -> usize {
        let found = self.seats.iter().position(|seat| *seat == Some(node));
        found.expect("a node of the job has a seat")
    }
}

impl JobPlay {
    /// Nodes of groups that do what is ordered, in their order; `None` if the job has no groups.
    pub(super) fn busy(&self) -> Option<Vec<u32>> {
        let (seats, machine) = (self.groups.as_ref()?, self.machine.groups()?);
        let sits = seats.seats.iter().enumerate();
        let busy = sits.filter(|(seat, _)| machine.is_busy(machine.group_of(*seat)));
        let mut busy: Vec<u32> = busy.filter_map(|(_, node)| Some((*node)?.0)).collect();
        busy.sort_unstable();
        Some(busy)
    }

    /// Data that each node writes or reads now.
    pub(super) fn image(&self, plan: &Plan) -> Bytes {
        let wish = plan.scenario.checkpoint.as_ref().expect("it was ordered");
        match (wish.logging(), self.machine.groups()) {
            (Some(wish), Some(machine)) => wish.size_with_log(machine.logged()),
            _ => wish.size(self.machine.level()),
        }
    }
}

impl World<'_> {
    /// Members of groups that compute draw more, those of groups that wait for them do not. Says
    /// whether the job has groups. O(nodes) if something changes.
    pub(super) fn set_working(&mut self, computing: bool) -> bool {
        let Some(job) = self.job.as_ref().filter(|job| job.groups.is_some()) else { return false };
        let all = job.phase() == JobPhase::Compute;
        if all && job.working.len() == job.members.len() {
            return true;
        }
        let working = if computing { job.busy().expect("it has groups") } else { Vec::new() };
        let job = self.job.as_mut().expect("there is a job");
        let before = std::mem::replace(&mut job.working, working.clone());
        let psu = |id: u32| self.plan.machine.nodes[id as usize].psu;
        let starts = working.iter().filter(|id| before.binary_search(id).is_err());
        let rests = before.iter().filter(|id| working.binary_search(id).is_err());
        let starts: Vec<u32> = starts.map(|&id| psu(id)).collect();
        let rests: Vec<u32> = rests.map(|&id| psu(id)).collect();
        for psu in rests {
            self.change_draw(psu, Draw::Compute, Draw::Idle, 1);
        }
        for psu in starts {
            self.change_draw(psu, Draw::Idle, Draw::Compute, 1);
        }
        true
    }
}
