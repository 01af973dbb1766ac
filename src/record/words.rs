//! The words under which events appear in tables: the same as in scenario files and serde.

use crate::event::{
    Cause, CheckpointAct, CollectiveAct, CorruptionAct, EndReason, GroupAct, JobPhase, NodeState,
    PartState, Purpose, Sensor, TaskAct, TaskKind,
};
use crate::scenario::EventLevel;

/// A node's state.
#[must_use]
pub fn node_state(state: NodeState) -> &'static str {
    match state {
        NodeState::Off => "off",
        NodeState::Rom => "rom",
        NodeState::Dhcp => "dhcp",
        NodeState::Tftp => "tftp",
        NodeState::Kernel => "kernel",
        NodeState::Root => "root",
        NodeState::Init => "init",
        NodeState::Up => "up",
        NodeState::Hung => "hung",
        NodeState::Down => "down",
        NodeState::GaveUp => "gave-up",
    }
}

/// The state of a part that is not a node; its share of the rate is a number of its own.
#[must_use]
pub fn part_state(state: PartState) -> &'static str {
    match state {
        PartState::Up => "up",
        PartState::Down => "down",
        PartState::Degraded(_) => "degraded",
    }
}

/// A cause; a fault goes by its own name.
#[must_use]
pub fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Course => "course",
        Cause::Fault(kind) => kind.word(),
        Cause::BrownOut => "brown-out",
        Cause::NoOffer => "no-offer",
        Cause::ServerSilent => "server-silent",
        Cause::Timeout => "timeout",
        Cause::Repair => "repair",
        Cause::NodeFailure => "node-failure",
        Cause::TooFewNodes => "too-few-nodes",
        Cause::Corruption => "corruption",
        Cause::Silent => "silent",
    }
}

/// What becomes of a collective operation.
#[must_use]
pub fn collective_act(act: CollectiveAct) -> &'static str {
    match act {
        CollectiveAct::Begin => "begin",
        CollectiveAct::End => "end",
        CollectiveAct::BreakOff => "break-off",
    }
}

/// What becomes of a task.
#[must_use]
pub fn task_act(act: TaskAct) -> &'static str {
    match act {
        TaskAct::Begin => "begin",
        TaskAct::End => "end",
        TaskAct::Lose => "lose",
        TaskAct::Retry => "retry",
    }
}

/// A kind of tasks.
#[must_use]
pub fn task_kind(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::Transfer => "transfer",
        TaskKind::Sort => "sort",
        TaskKind::Rollout => "rollout",
        TaskKind::Trigger => "trigger",
        TaskKind::Upload => "upload",
        TaskKind::Map => "map",
        TaskKind::SpeculativeMap => "speculative-map",
        TaskKind::BlockRead => "block-read",
        TaskKind::Shuffle => "shuffle",
        TaskKind::Fetch => "fetch",
        TaskKind::Reduce => "reduce",
        TaskKind::BlockWrite => "block-write",
        TaskKind::Replication => "replication",
        TaskKind::UnderReplicated => "under-replicated",
        TaskKind::MissingBlock => "missing-block",
        TaskKind::NameNodeOutage => "name-node-outage",
        TaskKind::Snapshot => "snapshot",
        TaskKind::ForgottenBlock => "forgotten-block",
        TaskKind::Request => "request",
        TaskKind::RequestUnserved => "request-unserved",
        TaskKind::RequestRefused => "request-refused",
        TaskKind::RequestAbandoned => "request-abandoned",
        TaskKind::RequestCut => "request-cut",
        TaskKind::Push => "push",
        TaskKind::Worker => "worker",
        TaskKind::GridMember => "grid-member",
        TaskKind::GridCopy => "grid-copy",
        TaskKind::GridPartition => "grid-partition",
        TaskKind::GridUnsafe => "grid-unsafe",
        TaskKind::GridSide => "grid-side",
        TaskKind::GridHole => "grid-hole",
        TaskKind::GridMerge => "grid-merge",
        TaskKind::GridTask => "grid-task",
        TaskKind::GridReport => "grid-report",
        TaskKind::StorePut => "store-put",
        TaskKind::StoreGet => "store-get",
        TaskKind::StoreDegradedGet => "store-degraded-get",
        TaskKind::StoreRepair => "store-repair",
        TaskKind::StoreNode => "store-node",
        TaskKind::StoreObject => "store-object",
        TaskKind::Poll => "poll",
        TaskKind::PollRound => "poll-round",
        TaskKind::StatusDown => "status-down",
        TaskKind::Outage => "outage",
        TaskKind::HeadOutage => "head-outage",
    }
}

/// A job's phase.
#[must_use]
pub fn job_phase(phase: JobPhase) -> &'static str {
    match phase {
        JobPhase::Waiting => "waiting",
        JobPhase::Restart => "restart",
        JobPhase::Compute => "compute",
        JobPhase::Rework => "rework",
        JobPhase::Checkpoint => "checkpoint",
        JobPhase::Done => "done",
        JobPhase::Verify => "verify",
        JobPhase::TimedOut => "timed-out",
    }
}

/// An act of a checkpoint.
#[must_use]
pub fn checkpoint_act(act: CheckpointAct) -> &'static str {
    match act {
        CheckpointAct::Begin => "begin",
        CheckpointAct::Commit => "commit",
        CheckpointAct::Abandon => "abandon",
        CheckpointAct::Lose => "lose",
        CheckpointAct::Discard => "discard",
    }
}

/// What a group of a job does.
#[must_use]
pub fn group_act(act: GroupAct) -> &'static str {
    match act {
        GroupAct::Write => "write",
        GroupAct::RollBack => "roll-back",
        GroupAct::Rework => "rework",
    }
}

/// What becomes of a silent corruption.
#[must_use]
pub fn corruption_act(act: CorruptionAct) -> &'static str {
    match act {
        CorruptionAct::Strike => "strike",
        CorruptionAct::Mask => "mask",
        CorruptionAct::Detect => "detect",
        CorruptionAct::Correct => "correct",
        CorruptionAct::Discard => "discard",
        CorruptionAct::Escape => "escape",
    }
}

/// The purpose of a transfer.
#[must_use]
pub fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Tftp => "tftp",
        Purpose::Root => "root",
        Purpose::Checkpoint => "checkpoint",
        Purpose::Restart => "restart",
        Purpose::Workload => "workload",
    }
}

/// A sensor; its server or node is a number of its own.
#[must_use]
pub fn sensor(sensor: Sensor) -> &'static str {
    match sensor {
        Sensor::Energy => "energy",
        Sensor::PowerMax => "power-max",
        Sensor::ServerSent(_) => "server-sent",
        Sensor::ServerReceived(_) => "server-received",
        Sensor::NodeLoad(_) => "node-load",
        Sensor::NodeMemory(_) => "node-memory",
        Sensor::NodeTemperature(_) => "node-temperature",
        Sensor::NodeThrottled(_) => "node-throttled",
        Sensor::ConnectionsRefused => "connections-refused",
        Sensor::DatagramsRefused => "datagrams-refused",
        Sensor::MessagesRefused => "messages-refused",
    }
}

/// What was refused: connections, datagrams and messages; `None` if nothing was.
#[must_use]
pub fn refused(counts: [u64; 3]) -> Option<String> {
    let named = |(n, what): (u64, &str)| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let all = counts.into_iter().zip(["connection", "datagram", "message"]);
    let all: Vec<_> = all.filter(|(n, _)| *n > 0).map(named).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// Why a run ended.
#[must_use]
pub fn end_reason(reason: EndReason) -> &'static str {
    match reason {
        EndReason::WorkDone => "work-done",
        EndReason::AllUp => "all-up",
        EndReason::TimeUp => "time-up",
        EndReason::Quiet => "quiet",
    }
}

/// A level of the event log, as in `--events`.
#[must_use]
pub fn event_level(level: EventLevel) -> &'static str {
    match level {
        EventLevel::All => "all",
        EventLevel::Faults => "faults",
        EventLevel::None => "none",
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;
    use crate::event::Fault;
    use crate::ids::PartKind;
    use crate::record::codes;

    fn check<T: Serialize + Copy>(all: &[T], word: fn(T) -> &'static str) {
        for it in all {
            assert_eq!(serde_json::to_value(it).expect("an enum"), word(*it));
        }
    }

    #[test]
    fn what_was_refused_is_reported_in_one_line_and_nothing_is_in_none() {
        assert_eq!(refused([10_000, 0, 1]).as_deref(), Some("10000 connections, 1 message"));
        assert_eq!(refused([0; 3]), None);
    }

    #[test]
    fn the_words_are_those_of_serde() {
        check(&codes::NODE_STATES, node_state);
        check(&codes::FAULTS, Fault::word);
        check(&codes::PLAIN_CAUSES, cause);
        check(&codes::PART_KINDS, PartKind::word);
        check(&codes::JOB_PHASES, job_phase);
        check(&codes::CHECKPOINT_ACTS, checkpoint_act);
        check(&codes::GROUP_ACTS, group_act);
        check(&codes::CORRUPTION_ACTS, corruption_act);
        check(&codes::PURPOSES, purpose);
        check(&codes::END_REASONS, end_reason);
        check(&[Sensor::Energy, Sensor::PowerMax], sensor);
        let refused =
            [Sensor::ConnectionsRefused, Sensor::DatagramsRefused, Sensor::MessagesRefused];
        check(&refused, sensor);
        check(&[PartState::Up, PartState::Down], part_state);
    }
}
