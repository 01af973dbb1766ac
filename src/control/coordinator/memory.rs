//! The truth about the memory of a job, which nobody in the run knows, and what checks see of it.

use serde::{Deserialize, Serialize};

use super::JobCommand;
use super::crew::Crew;
use crate::control::bias::Misses;
use crate::event::{JobPhase, What};
use crate::ids::{JobId, NodeId};
use crate::plan::Plan;
use crate::plan::chance::Chance;
use crate::protocol::corruption::Corruption;
use crate::protocol::{Input, JobOrder};

/// The memory of a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Memory {
    truth: Corruption,
    /// Verifications that came to their end.
    verifications: u64,
}

impl Memory {
    /// All of it clean.
    pub(super) fn new(plan: &Plan, of: JobId) -> Self {
        Self { truth: plan.corruption(of), verifications: 0 }
    }

    pub(super) fn truth(&self) -> &Corruption {
        &self.truth
    }

    /// Whether the next verification misses what it might find.
    pub(super) fn is_blind(
        &self,
        of: JobId,
        coverage: f64,
        chance: &Chance,
        misses: Option<&mut Misses>,
    ) -> bool {
        let unit = || chance.verification(of, self.verifications);
        coverage < 1.0
            && match misses.filter(|_| !self.truth.is_clean()) {
                Some(misses) => misses.miss(unit(), coverage),
                None => unit() >= coverage,
            }
    }

    /// A verification is over.
    pub(super) fn verified(&mut self) {
        self.verifications += 1;
    }

    /// Lets whoever checks the memory look at the end of an order, before the protocol hears of
    /// this. Gives what it hears of instead, and the node that it hears of afterwards: what was
    /// written is a checkpoint all the same. The last one is the result, which nobody harms.
    pub(super) fn hears(
        &mut self,
        input: Input,
        crew: &Crew,
        is_last: bool,
        emitted: &mut Vec<What>,
    ) -> (Input, Option<NodeId>) {
        let written = matches!(input, Input::Written | Input::Read);
        let looked = if written && is_last {
            (input, None)
        } else {
            match self.truth.look(input, |seat| crew.living(seat), emitted) {
                Some(node) if !written => (Input::Caught(node), None),
                caught => (input, caught),
            }
        };
        self.truth.hears(looked.0, emitted);
        looked
    }

    /// The protocol has answered an input with an order and emitted this.
    pub(super) fn follows(&mut self, input: Input, order: JobOrder, emitted: &mut Vec<What>) {
        self.truth.follows(input, order, emitted);
    }

    /// Corruption `number` of the run strikes a node of the crew. It harms the job if the memory is
    /// used or saved now: the job computes, verifies, saves, or waits while others take the places
    /// of dead replicas. What is read back writes over all else.
    pub(super) fn strike(
        &mut self,
        (node, number, draw): (NodeId, u64, u64),
        is_found: bool,
        (phase, crew): (JobPhase, &Crew),
        out: &mut Vec<JobCommand>,
    ) {
        use JobPhase::{Checkpoint, Compute, Done, Restart, Rework, TimedOut, Verify, Waiting};
        let uses = match phase {
            Compute | Rework | Verify | Checkpoint => true,
            Restart => crew.newcomers.as_ref().is_some_and(|reading| !reading.contains(&node)),
            Waiting | Done | TimedOut => false,
        };
        let checked = matches!(phase, Compute | Rework) && is_found;
        let seat = crew.seat_of(node).filter(|_| uses);
        let mut emitted = Vec::new();
        self.truth.count_from(number - 1);
        self.truth.strike_in_step(node, seat, draw, checked, &mut emitted);
        out.extend(emitted.into_iter().map(JobCommand::Emit));
    }

    /// Another replica goes on with the seat of a node: what only the node had is gone.
    pub(super) fn absorbed(&mut self, node: NodeId, out: &mut Vec<JobCommand>) {
        let mut emitted = Vec::new();
        self.truth.absorbed(node, &mut emitted);
        out.extend(emitted.into_iter().map(JobCommand::Emit));
    }
}
