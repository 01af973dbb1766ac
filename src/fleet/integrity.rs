//! The controller's side of silent corruption: what strikes, and what agents say of their memory.

use crate::event::JobPhase;
use crate::fleet::job::{Demand, JobPlay};
use crate::fleet::wire::Work;
use crate::ids::NodeId;
use crate::plan::JOB;
use crate::plan::chance::Chance;
use crate::protocol::Input;
use crate::units::Time;

impl JobPlay<'_> {
    /// A node has verified its memory, as ordered, and found it corrupt.
    pub fn found(
        &mut self,
        now: Time,
        node: NodeId,
        order: u64,
        sum: u64,
        term: u64,
    ) -> Vec<Demand> {
        let seat = self.state.seating.seat_of(node).map(|seat| seat as u32);
        let due = order == self.state.order && matches!(self.state.work, Some(Work::Verify { .. }));
        if let Some(seat) = seat.filter(|_| due) {
            self.note_found(seat);
        }
        self.done(now, node, order, sum, term)
    }

    /// The memory of a node is corrupted now.
    pub fn corrupt(&mut self, node: NodeId, draw: u64) -> Vec<Demand> {
        let used = !matches!(self.phase(), JobPhase::Waiting | JobPhase::Restart | JobPhase::Done);
        let seat = self.state.seating.seat_of(node).filter(|_| used);
        let mut told = Vec::new();
        self.state.truth.strike(node, seat, draw, &mut told);
        told.into_iter().map(Demand::Tell).collect()
    }

    /// What a verification came to, as its agents say.
    pub(super) fn verified(&mut self) -> Input {
        self.state.verifications += 1;
        self.unless_found(Input::Verified)
    }

    /// This, unless a seat was found corrupt.
    pub(super) fn unless_found(&mut self, input: Input) -> Input {
        let seat = self.state.found.take();
        let node = seat.and_then(|seat| self.state.seating.seats()[seat as usize]);
        node.map_or(input, Input::Corrupt)
    }

    /// A seat's memory is not what it was after the last order. If it is saved after a
    /// verification, it was struck between the two. Behind verifications that miss nothing all
    /// checkpoints are taken to be clean: this one would be read back again and again, and never
    /// be thrown away.
    pub(super) fn has_changed(&mut self, seat: u32) {
        if self.plan.verify(JOB).is_some() && matches!(self.state.work, Some(Work::Save { .. })) {
            self.note_found(seat);
        }
    }

    fn note_found(&mut self, seat: u32) {
        self.state.found = Some(self.state.found.map_or(seat, |found| found.min(seat)));
    }

    /// Whether the next verification is to miss what it might find.
    pub(super) fn is_blind(&self, coverage: f64) -> bool {
        let chance = |number| Chance::new(&self.plan.scenario).verification(JOB, number);
        coverage < 1.0 && chance(self.state.verifications) >= coverage
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{CheckpointAct, What};
    use crate::fleet::doors::Address;
    use crate::plan::{Plan, pilot};
    use crate::scenario::job::{Interval, Verify};
    use crate::units::Span;

    /// A job of two nodes, verified before each checkpoint, with a checkpoint after each step.
    fn plan() -> Plan {
        let mut scenario = pilot::scenario();
        scenario.faults.clear();
        scenario.workload.as_mut().expect("the pilot has a job").nodes = 2;
        pilot::fix_costs(&mut scenario, Span::from_secs(1));
        let wish = pilot::checkpoint(&mut scenario);
        wish.interval = Interval::Fixed(Span(1));
        let cost = Span::from_secs(1);
        wish.integrity.verify = Some(Verify { cost, per_checkpoint: 1, coverage: 1.0 });
        Plan::make(&scenario)
    }

    /// Answers all orders of these demands; an image has the sum `image`, all else 7.
    fn answered(job: &mut JobPlay<'_>, demands: Vec<Demand>, image: u64) -> Vec<Demand> {
        let mut all = Vec::new();
        for demand in demands {
            let Demand::Order(node, order) = demand else { continue };
            let sum = if matches!(order.work, Work::Save { .. }) { image } else { 7 };
            all.extend(job.done(Time(9), node, order.number, sum, 1));
        }
        all
    }

    /// A bit flips after the verification and before the image is taken.
    #[test]
    fn an_image_that_is_not_what_was_verified_is_no_checkpoint() {
        for (image, commits) in [(7, true), (8, false)] {
            let plan = plan();
            let mut job = JobPlay::new(&plan, 4, None).expect("it has a job");
            for node in 0..2 {
                job.offer(NodeId(node), Address::new("", 0), 1);
            }
            let mut demands = job.place(Time(1), 1);
            for phase in [JobPhase::Compute, JobPhase::Verify, JobPhase::Checkpoint] {
                assert_eq!(job.phase(), phase);
                demands = answered(&mut job, demands, image);
            }
            let told = |wanted| {
                let is = |demand: &Demand| match demand {
                    Demand::Tell(What::Checkpoint { act, .. }) => *act == wanted,
                    _ => false,
                };
                demands.iter().any(is)
            };
            assert_eq!(told(CheckpointAct::Commit), commits);
            assert_eq!(told(CheckpointAct::Abandon), !commits);
            let next = if commits { JobPhase::Compute } else { JobPhase::Restart };
            assert_eq!(job.phase(), next);
        }
    }
}
