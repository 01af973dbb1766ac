//! The codes of fieldless values in the bytes of an event: the place in the list is the code.

use crate::event::{
    Cause, CheckpointAct, CollectiveAct, CorruptionAct, EndReason, Fault, GroupAct, JobPhase,
    NodeState, Purpose, TaskAct, TaskKind,
};
use crate::ids::PartKind;

pub(super) const NODE_STATES: [NodeState; 11] = [
    NodeState::Off,
    NodeState::Rom,
    NodeState::Dhcp,
    NodeState::Tftp,
    NodeState::Kernel,
    NodeState::Root,
    NodeState::Init,
    NodeState::Up,
    NodeState::Hung,
    NodeState::Down,
    NodeState::GaveUp,
];
pub(super) const PLAIN_CAUSES: [Cause; 10] = [
    Cause::Course,
    Cause::BrownOut,
    Cause::NoOffer,
    Cause::ServerSilent,
    Cause::Timeout,
    Cause::Repair,
    Cause::NodeFailure,
    Cause::TooFewNodes,
    Cause::Corruption,
    Cause::Silent,
];
pub(super) const FAULTS: [Fault; Fault::ALL.len()] = Fault::ALL;
pub(super) const PART_KINDS: [PartKind; 12] = [
    PartKind::Node,
    PartKind::Blade,
    PartKind::Pack,
    PartKind::Module,
    PartKind::Rack,
    PartKind::Switch,
    PartKind::Psu,
    PartKind::Server,
    PartKind::NodeLink,
    PartKind::Uplink,
    PartKind::Controller,
    PartKind::Network,
];
pub(super) const JOB_PHASES: [JobPhase; 8] = [
    JobPhase::Waiting,
    JobPhase::Restart,
    JobPhase::Compute,
    JobPhase::Rework,
    JobPhase::Checkpoint,
    JobPhase::Done,
    JobPhase::Verify,
    JobPhase::TimedOut,
];
pub(super) const CHECKPOINT_ACTS: [CheckpointAct; 5] = [
    CheckpointAct::Begin,
    CheckpointAct::Commit,
    CheckpointAct::Abandon,
    CheckpointAct::Discard,
    CheckpointAct::Lose,
];
pub(super) const GROUP_ACTS: [GroupAct; 3] =
    [GroupAct::Write, GroupAct::RollBack, GroupAct::Rework];
pub(super) const CORRUPTION_ACTS: [CorruptionAct; 6] = [
    CorruptionAct::Strike,
    CorruptionAct::Mask,
    CorruptionAct::Detect,
    CorruptionAct::Correct,
    CorruptionAct::Discard,
    CorruptionAct::Escape,
];
pub(super) const COLLECTIVE_ACTS: [CollectiveAct; 3] =
    [CollectiveAct::Begin, CollectiveAct::End, CollectiveAct::BreakOff];
pub(super) const TASK_ACTS: [TaskAct; 4] =
    [TaskAct::Begin, TaskAct::End, TaskAct::Lose, TaskAct::Retry];
pub(super) const TASK_KINDS: [TaskKind; 45] = [
    TaskKind::Transfer,
    TaskKind::Sort,
    TaskKind::Rollout,
    TaskKind::Trigger,
    TaskKind::Upload,
    TaskKind::Map,
    TaskKind::SpeculativeMap,
    TaskKind::BlockRead,
    TaskKind::Shuffle,
    TaskKind::Fetch,
    TaskKind::Reduce,
    TaskKind::BlockWrite,
    TaskKind::Replication,
    TaskKind::UnderReplicated,
    TaskKind::MissingBlock,
    TaskKind::NameNodeOutage,
    TaskKind::Snapshot,
    TaskKind::ForgottenBlock,
    TaskKind::Request,
    TaskKind::RequestUnserved,
    TaskKind::RequestRefused,
    TaskKind::RequestAbandoned,
    TaskKind::RequestCut,
    TaskKind::Push,
    TaskKind::Worker,
    TaskKind::GridMember,
    TaskKind::GridCopy,
    TaskKind::GridPartition,
    TaskKind::GridUnsafe,
    TaskKind::GridSide,
    TaskKind::GridHole,
    TaskKind::GridMerge,
    TaskKind::GridTask,
    TaskKind::GridReport,
    TaskKind::StorePut,
    TaskKind::StoreGet,
    TaskKind::StoreDegradedGet,
    TaskKind::StoreRepair,
    TaskKind::StoreNode,
    TaskKind::StoreObject,
    TaskKind::Poll,
    TaskKind::PollRound,
    TaskKind::StatusDown,
    TaskKind::Outage,
    TaskKind::HeadOutage,
];
pub(super) const PURPOSES: [Purpose; 5] =
    [Purpose::Tftp, Purpose::Root, Purpose::Checkpoint, Purpose::Restart, Purpose::Workload];
pub(super) const END_REASONS: [EndReason; 4] =
    [EndReason::WorkDone, EndReason::AllUp, EndReason::TimeUp, EndReason::Quiet];
