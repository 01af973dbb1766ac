//! What the events of a run say besides its findings: single times of checkpoints and restarts.
//!
//! The **detection time** of a failure is what an observer of the log can determine alike on every
//! stage: from a node's failure until the controller acts on it, that is until a spare joins in the
//! node's place or the job leaves its waiting. Where neither a spare nor the node is at hand, that
//! is later than the detector's answer, by the time of the repair.

use std::collections::BTreeMap;

use crate::event::{Cause, CheckpointAct, Event, JobPhase, NodeState, Purpose, Sink, Stop, What};
use crate::ids::{JobId, NodeId};
use crate::units::Time;

/// Times of a run, in seconds; those that never ended are left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// From begin to commit of each checkpoint.
    pub checkpoint_times: Vec<f64>,
    /// Of each restart that succeeded.
    pub restart_times: Vec<f64>,
    /// From a failure of a job's node until the controller acted on it.
    pub detection_times: Vec<f64>,
    /// Of the nodes' transfers of a checkpoint, from its begin.
    pub checkpoint_transfers: Transfers,
    /// Of the nodes' transfers of a restart, from its begin.
    pub restart_transfers: Transfers,
    now: Now,
}

/// Many times, of which only the mean is kept: bundles may be of a million nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Transfers {
    sum: f64,
    nodes: u64,
}

impl Transfers {
    fn add(&mut self, nodes: u32, seconds: f64) {
        self.sum += f64::from(nodes) * seconds;
        self.nodes += u64::from(nodes);
    }

    /// Their mean (s); `None` of none.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.nodes > 0).then(|| self.sum / self.nodes as f64)
    }
}

/// What is under way.
#[derive(Clone, Debug, Default, PartialEq)]
struct Now {
    /// Begins of the checkpoints that are written.
    writing: BTreeMap<(JobId, u64), Time>,
    /// Begins of the restarts that are read.
    reading: BTreeMap<JobId, Time>,
    /// The jobs that nodes are in.
    members: BTreeMap<NodeId, JobId>,
    /// First failures of jobs' nodes that nobody has acted on, and whether the job has stopped.
    failed: BTreeMap<JobId, (Time, bool)>,
}

impl Observed {
    /// Takes the next event.
    pub fn event(&mut self, event: &Event) {
        let at = event.at;
        match event.what {
            What::NodeState { node, state: NodeState::Hung | NodeState::Down, .. } => {
                if let Some(job) = self.now.members.get(&node) {
                    self.now.failed.entry(*job).or_insert((at, false));
                }
            }
            What::JobNode { job, node, joined: true } => {
                self.now.members.insert(node, job);
                self.acted(job, at);
            }
            What::JobNode { node, joined: false, .. } => {
                self.now.members.remove(&node);
            }
            What::FailureAbsorbed { job, .. } => {
                self.now.failed.remove(&job);
            }
            What::JobPhase { job, phase, cause } => self.phase(at, job, phase, cause),
            What::Checkpoint { job, number, act, .. } => self.checkpoint(at, (job, number), act),
            What::Transfer { purpose: Purpose::Checkpoint, nodes, lost, .. } if lost.0 == 0 => {
                // Those of the youngest checkpoint: an older one that still drains is rare.
                if let Some(begin) = self.now.writing.values().max() {
                    self.checkpoint_transfers.add(nodes, at.since(*begin).as_secs_f64());
                }
            }
            What::Transfer { purpose: Purpose::Restart, nodes, lost, .. } if lost.0 == 0 => {
                if let Some(begin) = self.now.reading.values().max() {
                    self.restart_transfers.add(nodes, at.since(*begin).as_secs_f64());
                }
            }
            _ => {}
        }
    }

    fn phase(&mut self, at: Time, job: JobId, phase: JobPhase, cause: Cause) {
        let begun = self.now.reading.remove(&job);
        let back = [JobPhase::Compute, JobPhase::Rework, JobPhase::Verify];
        if let Some(begun) = begun.filter(|_| back.contains(&phase)) {
            self.restart_times.push(at.since(begun).as_secs_f64());
        }
        if phase == JobPhase::Restart {
            self.now.reading.insert(job, at);
        }
        if phase == JobPhase::TimedOut {
            // Nobody dealt with its failure.
            self.now.failed.remove(&job);
        } else if phase != JobPhase::Waiting {
            self.acted(job, at);
        } else if cause == Cause::NodeFailure
            && let Some((_, stopped)) = self.now.failed.get_mut(&job)
        {
            *stopped = true;
        }
    }

    /// The controller does something for a job; if a failure stopped it, that is the answer.
    fn acted(&mut self, job: JobId, at: Time) {
        if let Some((failed, true)) = self.now.failed.get(&job) {
            self.detection_times.push(at.since(*failed).as_secs_f64());
            self.now.failed.remove(&job);
        }
    }

    fn checkpoint(&mut self, at: Time, which: (JobId, u64), act: CheckpointAct) {
        match act {
            CheckpointAct::Begin => {
                self.now.writing.insert(which, at);
            }
            CheckpointAct::Abandon | CheckpointAct::Lose => {
                self.now.writing.remove(&which);
            }
            CheckpointAct::Commit => {
                if let Some(from) = self.now.writing.remove(&which) {
                    self.checkpoint_times.push(at.since(from).as_secs_f64());
                }
            }
            CheckpointAct::Discard => {}
        }
    }
}

impl Sink for Observed {
    fn event(&mut self, event: &Event) -> Result<(), Stop> {
        Self::event(self, event);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Fault;
    use crate::ids::Life;
    use crate::units::{Bytes, NANOS_PER_SECOND};

    const JOB: JobId = JobId(0);

    fn emit(events: &[(u64, What)]) -> Observed {
        let mut observed = Observed::default();
        for (second, what) in events {
            observed.event(&Event { at: Time(second * NANOS_PER_SECOND), what: *what });
        }
        observed
    }

    fn member(node: u32, joined: bool) -> What {
        What::JobNode { job: JOB, node: NodeId(node), joined }
    }

    fn phase(phase: JobPhase, cause: Cause) -> What {
        What::JobPhase { job: JOB, phase, cause }
    }

    fn crash(node: u32) -> What {
        let cause = Cause::Fault(Fault::Crash);
        What::NodeState { node: NodeId(node), life: Life(1), state: NodeState::Down, cause }
    }

    #[test]
    fn a_stage_that_emits_a_failure_at_once_and_one_that_emits_it_late_give_the_same_time() {
        let failure = phase(JobPhase::Waiting, Cause::NodeFailure);
        let restart = phase(JobPhase::Restart, Cause::Course);
        let model = emit(&[(0, member(0, true)), (10, crash(0)), (10, failure), (18, restart)]);
        let fleet = emit(&[
            (0, member(0, true)),
            (10, crash(0)),
            // The job goes on until somebody notices.
            (12, phase(JobPhase::Compute, Cause::Course)),
            (17, failure),
            (17, member(0, false)),
            (18, member(1, true)),
            (18, restart),
        ]);
        assert_eq!(model.detection_times, [8.0]);
        assert_eq!(fleet.detection_times, [8.0]);
    }

    #[test]
    fn transfers_are_weighed_by_their_nodes_and_lost_ones_do_not_count() {
        let checkpoint = |act| What::Checkpoint { job: JOB, number: 1, act, step: 1 };
        let moved = |nodes, lost| What::Transfer {
            purpose: Purpose::Checkpoint,
            nodes,
            received: Bytes(1),
            lost: Bytes(lost),
        };
        let observed = emit(&[
            (5, checkpoint(CheckpointAct::Begin)),
            (7, moved(3, 0)),
            (8, moved(9, 1)),
            (11, moved(1, 0)),
            (11, checkpoint(CheckpointAct::Commit)),
        ]);
        assert_eq!(observed.checkpoint_transfers.mean(), Some(3.0));
        assert_eq!(observed.checkpoint_times, [6.0]);
        assert_eq!(observed.restart_transfers.mean(), None);
    }

    #[test]
    fn a_restart_that_fails_has_no_time() {
        let observed = emit(&[
            (5, phase(JobPhase::Restart, Cause::Course)),
            (7, phase(JobPhase::Waiting, Cause::NodeFailure)),
            (9, phase(JobPhase::Restart, Cause::Course)),
            (12, phase(JobPhase::Compute, Cause::Course)),
        ]);
        assert_eq!(observed.restart_times, [3.0]);
    }
}
