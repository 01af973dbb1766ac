//! Groups of a job that checkpoint and fail by themselves: who moves how much data, who computes.

use std::collections::BTreeMap;

use crate::event::JobPhase;
use crate::hardware::rack::Draw;
use crate::ids::JobId;

use super::job::JobPlay;
use super::world::World;

impl JobPlay {
    /// Nodes of groups that do what is ordered, in their order; `None` if the job has no groups.
    /// O(nodes log nodes).
    pub(super) fn busy(&self) -> Option<Vec<u32>> {
        let machine = self.machine.groups()?;
        let seating = self.seating.as_ref().expect("members of groups have seats");
        let seats = seating.seats().iter().enumerate();
        let busy = seats.filter(|(seat, _)| machine.is_busy(machine.group_of(*seat)));
        let mut busy: Vec<u32> = busy.filter_map(|(_, node)| Some((*node)?.0)).collect();
        busy.sort_unstable();
        Some(busy)
    }
}

impl World<'_> {
    /// Members of groups that compute draw more, those of groups that wait for them do not. Nobody
    /// joins or leaves while a group computes. O(nodes log nodes) if something changes.
    pub(super) fn set_groups_computing(&mut self, of: JobId, computing: bool) {
        let job = self.job(of);
        if computing
            && job.phase() == JobPhase::Compute
            && job.working.values().sum::<u32>() as usize == job.members.len()
        {
            return;
        }
        let busy = if computing { job.busy().expect("it has groups") } else { Vec::new() };
        let mut working = BTreeMap::new();
        for id in busy {
            *working.entry(self.plan.machine.nodes[id as usize].psu).or_insert(0) += 1;
        }
        let before = std::mem::replace(&mut self.job_mut(of).working, working.clone());
        for (psu, count) in before {
            self.rack.change_draw(psu, Draw::Compute, Draw::Idle, count);
        }
        for (psu, count) in working {
            self.rack.change_draw(psu, Draw::Idle, Draw::Compute, count);
        }
    }
}
