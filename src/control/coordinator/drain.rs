//! Checkpoints that are written while their job computes: what the nodes do about them.
//!
//! Which one is under way is the protocol's decision; this follows it after each of its inputs.
//! What the protocol does not give up at a failure stands still until the job has restarted, and
//! goes on then. A step is slower meanwhile, by the scenario's `slowdown`.

use serde::{Deserialize, Serialize};

use super::{Cost, Image, JobCommand};
use crate::event::JobPhase;
use crate::ids::JobId;
use crate::plan::{Access, Plan};
use crate::protocol::Protocol;
use crate::protocol::drain::Draining;
use crate::protocol::multilevel::Multilevel;

/// What the nodes of a job know of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Drain {
    /// The number of the one under way.
    number: Option<u64>,
    /// Whether it goes on; else it stands still.
    runs: bool,
    /// How many times as long the step under way takes.
    slowdown: f64,
}

impl Default for Drain {
    fn default() -> Self {
        Self { number: None, runs: false, slowdown: 1.0 }
    }
}

fn under_way(machine: &Protocol) -> Option<Draining> {
    machine.levels().and_then(Multilevel::draining)
}

impl Drain {
    /// The nodes do what the protocol says by now.
    pub(super) fn follow(
        &mut self,
        plan: &Plan,
        job: JobId,
        machine: &Protocol,
        out: &mut Vec<JobCommand>,
    ) {
        let draining = under_way(machine);
        let number = draining.map(|draining| draining.number);
        if self.number != number {
            if self.number.is_some() {
                out.push(JobCommand::DropDrain(job));
            }
            (self.number, self.runs) = (number, false);
        }
        let Some(Draining { number, level, step, .. }) = draining else { return };
        let stands = matches!(machine.phase(), JobPhase::Waiting | JobPhase::Restart);
        if self.runs && stands {
            out.push(JobCommand::PauseDrain(job));
        } else if !self.runs && !stands {
            let cost = match plan.hidden(job, level) {
                Some(span) => Cost::Span(span),
                None => Cost::Moves(plan.parcel(job, level, 1.0, Access::Write)),
            };
            let image = Image { checkpoint: Some(number), step, level, cost };
            out.push(JobCommand::Drain { job, image });
        }
        self.runs = !stands;
    }

    /// Whether this is the one that goes on.
    pub(super) fn writes(&self, checkpoint: u64) -> bool {
        self.runs && self.number == Some(checkpoint)
    }

    /// How many times as long a step takes that begins now.
    pub(super) fn slow(&mut self, plan: &Plan, job: JobId, machine: &Protocol) -> f64 {
        let spec = under_way(machine).zip(plan.checkpoint_of(job));
        let drain = spec.and_then(|(draining, spec)| spec.drain(draining.level));
        self.slowdown = drain.map_or(1.0, |drain| drain.slowdown);
        self.slowdown
    }

    /// The step under way goes on at the pace that is due by now.
    pub(super) fn change_pace(
        &mut self,
        plan: &Plan,
        job: JobId,
        machine: &Protocol,
        out: &mut Vec<JobCommand>,
    ) {
        if matches!(machine.phase(), JobPhase::Compute | JobPhase::Rework) {
            let before = self.slowdown.to_bits();
            let slowdown = self.slow(plan, job, machine);
            if slowdown.to_bits() != before {
                out.push(JobCommand::Pace { job, slowdown });
            }
        }
    }
}
