//! How near the strike of each node would bring a rare event, as levels of a bias.
//!
//! ```text
//!  checkpoints lost      1 + members of its pair or triple that have lost their memory
//!  corruption escaped    1 computes, 2 writes a checkpoint, with one verification ahead at most
//!                        3 computes, 4 writes a checkpoint, with more of them ahead
//!  else                  0
//! ```
//!
//! A node that the scenario spares such strikes in the present phase of its job is at level 0, so
//! that no strike is made that comes to nothing.

use crate::control::coordinator::Coordinator;
use crate::control::{LEVELS, RareEvent};
use crate::event::{Fault, JobPhase};
use crate::ids::JobId;
use crate::plan::Plan;

/// The level of each node. O(nodes).
pub(super) fn levels(rare: RareEvent, plan: &Plan, jobs: &Coordinator<'_>) -> Vec<u8> {
    let mut levels = vec![0; plan.machine.nodes.len()];
    for of in (0..plan.jobs.len() as u16).map(JobId) {
        let phase = jobs.phase(of);
        let strikes = match rare {
            RareEvent::CheckpointsLost => Fault::Crash,
            RareEvent::CorruptionEscaped => Fault::SilentCorruption,
        };
        if plan.checkpoint_of(of).is_some_and(|spec| !spec.lets(strikes, phase)) {
            continue;
        }
        match rare {
            RareEvent::CheckpointsLost => {
                for (node, lost) in jobs.seats(of).at_risk() {
                    levels[node.0 as usize] = (1 + lost).min(LEVELS - 1) as u8;
                }
            }
            RareEvent::CorruptionEscaped => {
                let level = exposed(phase, is_far(plan, jobs, of));
                jobs.seats(of).nodes().for_each(|node| levels[node.0 as usize] = level);
            }
        }
    }
    levels
}

/// The level of nodes whose job is in this phase: what strikes while it waits or reads back harms
/// nothing.
fn exposed(phase: JobPhase, is_far: bool) -> u8 {
    let near = match phase {
        JobPhase::Compute | JobPhase::Rework | JobPhase::Verify => 1,
        JobPhase::Checkpoint => 2,
        JobPhase::Restart | JobPhase::Waiting | JobPhase::Done | JobPhase::TimedOut => return 0,
    };
    if is_far { near + 2 } else { near }
}

/// Whether more than one verification is ahead of a job before its end.
fn is_far(plan: &Plan, jobs: &Coordinator<'_>, of: JobId) -> bool {
    let job = &plan.jobs[usize::from(of.0)];
    let (Some(verify), Some(interval)) = (plan.verify(of), job.interval) else { return false };
    let left = job.steps - jobs.steps_done(of);
    left as f64 * job.step.as_secs_f64() > interval.as_secs_f64() / f64::from(verify.per_checkpoint)
}
