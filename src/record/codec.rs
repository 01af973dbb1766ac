//! The canonical bytes of an event: what the log stores and the fingerprint hashes.
//!
//! An event is the time since the previous event (ns) as a varint, a tag byte, and the fields of
//! its variant in the order of their declaration. Numbers are varints (LEB128: seven bits a byte,
//! the lowest first, the top bit set on all but the last), fieldless enums are one byte. Causes
//! that carry a fault are `16 + fault`. Any change of these bytes is a change of [`VERSION`],
//! since it changes every fingerprint; a golden test holds them.

use super::fields::{
    byte, cause, cause_code, number, one_of, part, part_state, put, put_all, put_fault, put_part,
    put_part_state, put_sensor, sensor, small,
};
use crate::cosmic::budget::Class;
use crate::event::{Event, TaskKind, What};
use crate::ids::{FaultId, JobId, Life, NodeId};
use crate::units::{Bytes, Span, Time};

use super::codes::{
    CHECKPOINT_ACTS, COLLECTIVE_ACTS, CORRUPTION_ACTS, END_REASONS, FAULTS, GROUP_ACTS, JOB_PHASES,
    NODE_STATES, PURPOSES, TASK_ACTS, TASK_KINDS,
};

/// Version of the encoding; part of the log's header and of the fingerprint.
pub const VERSION: u8 = 1;

/// No event is longer than this (bytes).
pub const MAX_LEN: usize = 64;

/// The tag of an alarm.
const ALARM: u8 = 20;

/// The tag of what a group of a job does.
const GROUP: u8 = 24;

/// The code of a fault of a chip of DRAM.
const CHIP_FAULT: u8 = 28;

/// The tag of what becomes of a transfer that a scenario lists: a task without a node or a span.
const TRANSFER_TASK: u8 = 29;

/// The tag of what becomes of any other task.
const TASK: u8 = 31;

/// The tag of what becomes of a collective operation.
const COLLECTIVE: u8 = 30;

/// Writes events one after the other.
#[derive(Clone, Debug, Default)]
pub struct Encoder {
    last: Time,
}

/// Reads events one after the other.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    last: Time,
}

/// Why bytes are not an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The bytes end inside an event.
    #[error("it ends inside an event")]
    Truncated,
    /// A byte has no meaning here.
    #[error("{code} is not a known {field}")]
    Unknown {
        /// The field.
        field: &'static str,
        /// What stands there.
        code: u8,
    },
    /// A number does not fit its field.
    #[error("a number is too large for its field")]
    TooLarge,
}

impl Encoder {
    /// Appends the event. Events must come in the order of their time.
    pub fn encode(&mut self, event: &Event, out: &mut Vec<u8>) {
        put(out, event.at.since(self.last).0);
        self.last = event.at;
        match event.what {
            What::NodeState { node, life, state, cause } => {
                let state = [node.0.into(), life.0.into(), state as u64];
                put_all(out, 0, state);
                out.push(cause_code(cause));
            }
            What::PartState { part, state, cause } => {
                out.push(1);
                put_part(out, part);
                put_part_state(out, state);
                out.push(cause_code(cause));
            }
            What::FaultStrikes { fault, kind, part } => put_fault(out, 2, fault, kind, part),
            What::FaultEnds { fault, kind, part } => put_fault(out, 3, fault, kind, part),
            What::Alarm { fault, part, lead } => {
                put_all(out, ALARM, [fault.0.into()]);
                put_part(out, part);
                put(out, lead.0);
            }
            What::JobPhase { job, phase, cause } => {
                put_all(out, 4, [job.0.into(), phase as u64]);
                out.push(cause_code(cause));
            }
            What::JobNode { job, node, joined } => {
                put_all(out, 5, [job.0.into(), node.0.into(), joined.into()]);
            }
            What::StepDone { job, step } => put_all(out, 6, [job.0.into(), step]),
            What::Checkpoint { job, number, act, step } => {
                put_all(out, 7, [job.0.into(), number, act as u64, step]);
            }
            What::WorkLost { job, node, lost } => {
                put_all(out, 8, [job.0.into(), node.0.into(), lost.0]);
            }
            What::Transfer { purpose, nodes, received, lost } => {
                put_all(out, 9, [purpose as u64, nodes.into(), received.0, lost.0]);
            }
            What::Collective { job, act } => {
                put_all(out, COLLECTIVE, [job.0.into(), act as u64]);
            }
            What::Task { kind: TaskKind::Transfer, number, act, .. } => {
                put_all(out, TRANSFER_TASK, [number.into(), act as u64]);
            }
            What::Task { kind, number, act, node, span } => {
                let node = node.map_or(0, |NodeId(node)| u64::from(node) + 1);
                put_all(out, TASK, [kind as u64, number.into(), act as u64, node, span.0]);
            }
            What::Reading { sensor, value } => {
                out.push(10);
                put_sensor(out, sensor);
                put(out, value);
            }
            What::RunEnds { reason } => put_all(out, 11, [reason as u64]),
            What::Corruption { node, number, act, spread } => {
                put_all(out, 12, [node.0.into(), number, act as u64, spread.into()]);
            }
            What::Upset { node, array, class } => {
                put_all(out, 13, [node.0.into(), array.into(), class as u64]);
            }
            What::ChipFault { node, array, mode, permanent, met, class } => {
                let (array, mode, class) = (array.into(), mode.into(), class as u64);
                let fields = [node.0.into(), array, mode, permanent.into(), met.into(), class];
                put_all(out, CHIP_FAULT, fields);
            }
            What::Group { job, group, act, number, step } => {
                put_all(out, GROUP, [job.0.into(), group.into(), act as u64, number, step]);
            }
            What::FailureAbsorbed { job, node } => {
                put_all(out, 16, [job.0.into(), node.0.into()]);
            }
        }
    }
}

impl Decoder {
    /// Takes one event off the front of `bytes`, which stays as it was on an error.
    ///
    /// # Errors
    /// When the bytes do not start with a whole event.
    pub fn decode(&mut self, bytes: &mut &[u8]) -> Result<Event, CodecError> {
        let mut rest = *bytes;
        let from = &mut rest;
        let delta = number(from)?;
        let at = Time(self.last.0.checked_add(delta).ok_or(CodecError::TooLarge)?);
        let what = decode_what(from)?;
        self.last = at;
        *bytes = rest;
        Ok(Event { at, what })
    }
}

fn optional_node(from: &mut &[u8]) -> Result<Option<NodeId>, CodecError> {
    let one_more = number(from)?;
    let node = one_more.checked_sub(1).map(u32::try_from).transpose();
    Ok(node.map_err(|_| CodecError::TooLarge)?.map(NodeId))
}

fn decode_what(from: &mut &[u8]) -> Result<What, CodecError> {
    Ok(match byte(from)? {
        0 => What::NodeState {
            node: NodeId(small(from)?),
            life: Life(small(from)?),
            state: one_of(from, &NODE_STATES, "node state")?,
            cause: cause(from)?,
        },
        1 => What::PartState { part: part(from)?, state: part_state(from)?, cause: cause(from)? },
        2 => What::FaultStrikes {
            fault: FaultId(small(from)?),
            kind: one_of(from, &FAULTS, "fault")?,
            part: part(from)?,
        },
        3 => What::FaultEnds {
            fault: FaultId(small(from)?),
            kind: one_of(from, &FAULTS, "fault")?,
            part: part(from)?,
        },
        tag @ (4..=8 | 16 | GROUP | COLLECTIVE) => decode_of_job(tag, from)?,
        9 => What::Transfer {
            purpose: one_of(from, &PURPOSES, "purpose")?,
            nodes: small(from)?,
            received: Bytes(number(from)?),
            lost: Bytes(number(from)?),
        },
        TRANSFER_TASK => What::Task {
            kind: TaskKind::Transfer,
            number: small(from)?,
            act: one_of(from, &TASK_ACTS, "act of a task")?,
            node: None,
            span: Span::ZERO,
        },
        TASK => What::Task {
            kind: one_of(from, &TASK_KINDS, "kind of a task")?,
            number: small(from)?,
            act: one_of(from, &TASK_ACTS, "act of a task")?,
            node: optional_node(from)?,
            span: Span(number(from)?),
        },
        10 => What::Reading { sensor: sensor(from)?, value: number(from)? },
        11 => What::RunEnds { reason: one_of(from, &END_REASONS, "reason")? },
        12 => What::Corruption {
            node: NodeId(small(from)?),
            number: number(from)?,
            act: one_of(from, &CORRUPTION_ACTS, "act of a corruption")?,
            spread: small(from)?,
        },
        13 => What::Upset {
            node: NodeId(small(from)?),
            array: small(from)?,
            class: one_of(from, &Class::ALL, "class of an upset")?,
        },
        CHIP_FAULT => What::ChipFault {
            node: NodeId(small(from)?),
            array: small(from)?,
            mode: small(from)?,
            permanent: one_of(from, &[false, true], "permanence of a fault")?,
            met: one_of(from, &[false, true], "meeting of faults")?,
            class: one_of(from, &Class::ALL, "class of a fault")?,
        },
        ALARM => What::Alarm {
            fault: FaultId(small(from)?),
            part: part(from)?,
            lead: Span(number(from)?),
        },
        code => return Err(CodecError::Unknown { field: "event", code }),
    })
}

/// What happens to a job.
fn decode_of_job(tag: u8, from: &mut &[u8]) -> Result<What, CodecError> {
    Ok(match tag {
        4 => What::JobPhase {
            job: JobId(small(from)?),
            phase: one_of(from, &JOB_PHASES, "job phase")?,
            cause: cause(from)?,
        },
        5 => What::JobNode {
            job: JobId(small(from)?),
            node: NodeId(small(from)?),
            joined: one_of(from, &[false, true], "truth value")?,
        },
        6 => What::StepDone { job: JobId(small(from)?), step: number(from)? },
        7 => What::Checkpoint {
            job: JobId(small(from)?),
            number: number(from)?,
            act: one_of(from, &CHECKPOINT_ACTS, "act of a checkpoint")?,
            step: number(from)?,
        },
        8 => What::WorkLost {
            job: JobId(small(from)?),
            node: NodeId(small(from)?),
            lost: Span(number(from)?),
        },
        COLLECTIVE => What::Collective {
            job: JobId(small(from)?),
            act: one_of(from, &COLLECTIVE_ACTS, "act of a collective operation")?,
        },
        16 => What::FailureAbsorbed { job: JobId(small(from)?), node: NodeId(small(from)?) },
        GROUP => What::Group {
            job: JobId(small(from)?),
            group: small(from)?,
            act: one_of(from, &GROUP_ACTS, "act of a group")?,
            number: number(from)?,
            step: number(from)?,
        },
        code => return Err(CodecError::Unknown { field: "event", code }),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::event::{
        Cause, CheckpointAct, CollectiveAct, EndReason, Fault, GroupAct, JobPhase, NodeState,
    };
    use crate::event::{PartState, Purpose, Sensor, TaskAct};
    use crate::ids::{Part, PartKind};
    use crate::record::codes::{PART_KINDS, PLAIN_CAUSES};

    fn any_cause() -> impl Strategy<Value = Cause> {
        prop_oneof![select(&PLAIN_CAUSES[..]), select(&FAULTS[..]).prop_map(Cause::Fault),]
    }

    fn any_part() -> impl Strategy<Value = Part> {
        (select(&PART_KINDS[..]), any::<u32>()).prop_map(|(kind, index)| Part { kind, index })
    }

    fn any_part_state() -> impl Strategy<Value = PartState> {
        prop_oneof![
            Just(PartState::Up),
            Just(PartState::Down),
            any::<u32>().prop_map(PartState::Degraded),
        ]
    }

    fn any_sensor() -> impl Strategy<Value = Sensor> {
        (0..11_u8, any::<u32>()).prop_map(|(code, number)| {
            let mut bytes = vec![code];
            put(&mut bytes, u64::from(number));
            sensor(&mut &bytes[..]).expect("all codes are known")
        })
    }

    fn any_of_job() -> impl Strategy<Value = What> {
        let node = any::<u32>().prop_map(NodeId);
        let job = any::<u16>().prop_map(JobId);
        let big = prop_oneof![any::<u64>(), 0u64..300];
        prop_oneof![
            (job.clone(), select(&JOB_PHASES[..]), any_cause())
                .prop_map(|(job, phase, cause)| What::JobPhase { job, phase, cause }),
            (job.clone(), node.clone(), any::<bool>())
                .prop_map(|(job, node, joined)| What::JobNode { job, node, joined }),
            (job.clone(), big.clone()).prop_map(|(job, step)| What::StepDone { job, step }),
            (job.clone(), big.clone(), select(&CHECKPOINT_ACTS[..]), big.clone())
                .prop_map(|(job, number, act, step)| What::Checkpoint { job, number, act, step }),
            (job.clone(), any::<u32>(), select(&GROUP_ACTS[..]), big.clone(), big.clone())
                .prop_map(|(job, group, act, number, step)| What::Group {
                    job,
                    group,
                    act,
                    number,
                    step
                }),
            (job.clone(), select(&COLLECTIVE_ACTS[..]))
                .prop_map(|(job, act)| What::Collective { job, act }),
            (job.clone(), node.clone()).prop_map(|(job, node)| What::FailureAbsorbed { job, node }),
            (job, node, big).prop_map(|(job, node, lost)| What::WorkLost {
                job,
                node,
                lost: Span(lost)
            }),
        ]
    }

    fn any_task() -> impl Strategy<Value = What> {
        let act = select(&TASK_ACTS[..]);
        let transfer = (any::<u32>(), act.clone()).prop_map(|(number, act)| {
            let (kind, node, span) = (TaskKind::Transfer, None, Span::ZERO);
            What::Task { kind, number, act, node, span }
        });
        let node = prop_oneof![Just(None), any::<u32>().prop_map(|node| Some(NodeId(node)))];
        let other = (select(&TASK_KINDS[1..]), any::<u32>(), act, node, any::<u64>());
        let other = other.prop_map(|(kind, number, act, node, span)| {
            let span = Span(span);
            What::Task { kind, number, act, node, span }
        });
        prop_oneof![transfer, other]
    }

    fn any_what() -> impl Strategy<Value = What> {
        let node = any::<u32>().prop_map(NodeId);
        let fault = any::<u16>().prop_map(FaultId);
        let kind = select(&FAULTS[..]);
        let big = prop_oneof![any::<u64>(), 0u64..300];
        prop_oneof![
            (node, any::<u32>(), select(&NODE_STATES[..]), any_cause()).prop_map(
                |(node, life, state, cause)| What::NodeState {
                    node,
                    life: Life(life),
                    state,
                    cause
                }
            ),
            (any_part(), any_part_state(), any_cause())
                .prop_map(|(part, state, cause)| What::PartState { part, state, cause }),
            (fault.clone(), kind.clone(), any_part())
                .prop_map(|(fault, kind, part)| What::FaultStrikes { fault, kind, part }),
            (fault.clone(), any_part(), big.clone()).prop_map(|(fault, part, lead)| What::Alarm {
                fault,
                part,
                lead: Span(lead)
            }),
            (fault, kind, any_part()).prop_map(|(fault, kind, part)| What::FaultEnds {
                fault,
                kind,
                part
            }),
            any_of_job(),
            (select(&PURPOSES[..]), any::<u32>(), big.clone(), big.clone()).prop_map(
                |(purpose, nodes, received, lost)| What::Transfer {
                    purpose,
                    nodes,
                    received: Bytes(received),
                    lost: Bytes(lost),
                }
            ),
            any_task(),
            (any_sensor(), big).prop_map(|(sensor, value)| What::Reading { sensor, value }),
            select(&END_REASONS[..]).prop_map(|reason| What::RunEnds { reason }),
            (any::<u32>(), any::<u64>(), select(&CORRUPTION_ACTS[..]), any::<u32>()).prop_map(
                |(node, number, act, spread)| What::Corruption {
                    node: NodeId(node),
                    number,
                    act,
                    spread
                }
            ),
            (any::<u32>(), any::<u32>(), select(&Class::ALL[..]))
                .prop_map(|(node, array, class)| What::Upset { node: NodeId(node), array, class }),
            (any::<[u32; 3]>(), any::<[bool; 2]>(), select(&Class::ALL[..])).prop_map(
                |([node, array, mode], [permanent, met], class)| What::ChipFault {
                    node: NodeId(node),
                    array,
                    mode,
                    permanent,
                    met,
                    class
                }
            ),
        ]
    }

    /// Any events, in the order of their time.
    pub(crate) fn any_events() -> impl Strategy<Value = Vec<Event>> {
        let delta = prop_oneof![Just(0), 0u64..1000, 0u64..(1 << 55)];
        proptest::collection::vec((delta, any_what()), 0..60).prop_map(|pairs| {
            let mut at = Time::ZERO;
            let step = |(delta, what)| {
                at = at + Span(delta);
                Event { at, what }
            };
            pairs.into_iter().map(step).collect()
        })
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(events in any_events()) {
            let (mut encoder, mut bytes) = (Encoder::default(), Vec::new());
            for event in &events {
                let before = bytes.len();
                encoder.encode(event, &mut bytes);
                prop_assert!(bytes.len() - before <= MAX_LEN);
            }
            let (mut decoder, mut rest) = (Decoder::default(), &bytes[..]);
            for event in &events {
                prop_assert_eq!(decoder.decode(&mut rest), Ok(*event));
            }
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn any_prefix_of_an_event_is_truncated_and_nothing_panics(
            events in any_events(), noise in any::<Vec<u8>>(),
        ) {
            if let Some(event) = events.first() {
                let mut bytes = Vec::new();
                Encoder::default().encode(event, &mut bytes);
                for end in 0..bytes.len() {
                    let decoded = Decoder::default().decode(&mut &bytes[..end]);
                    prop_assert_eq!(decoded, Err(CodecError::Truncated));
                }
            }
            // Noise is an event or an error, but never a panic.
            let _ = Decoder::default().decode(&mut &noise[..]);
        }
    }

    #[test]
    fn a_code_is_the_place_in_its_list() {
        assert!((0..).zip(NODE_STATES).all(|(code, it)| it as u8 == code));
        assert!((0..).zip(FAULTS).all(|(code, it)| it as u8 == code));
        assert!((0..).zip(PART_KINDS).all(|(code, it)| it as u8 == code));
        assert!((0..).zip(JOB_PHASES).all(|(code, it)| it as u8 == code));
        assert!((0..).zip(CHECKPOINT_ACTS).all(|(code, it)| it as u8 == code));
        assert!((0..).zip(GROUP_ACTS).all(|(code, it)| it as u8 == code));
        assert!((0..).zip(COLLECTIVE_ACTS).all(|(code, it)| it as u8 == code));
        assert!((0..).zip(TASK_ACTS).all(|(code, it)| it as u8 == code));
        assert!((0..).zip(PURPOSES).all(|(code, it)| it as u8 == code));
        assert!((0..).zip(END_REASONS).all(|(code, it)| it as u8 == code));
        assert!((0..).zip(PLAIN_CAUSES).all(|(code, it)| cause_code(it) == code));
    }

    /// One event of each variant; the golden bytes below are written out by hand.
    pub(crate) fn one_of_each() -> Vec<Event> {
        let (node, job, fault) = (NodeId(300), JobId(1), FaultId(2));
        let psu = Part { kind: PartKind::Psu, index: 5 };
        let link = Part { kind: PartKind::NodeLink, index: 7 };
        let state = NodeState::Down;
        let cause = Cause::Fault(Fault::PowerLoss);
        let degraded = PartState::Degraded(500_000);
        let begin = CheckpointAct::Begin;
        let what = [
            What::FaultStrikes { fault, kind: Fault::PowerLoss, part: psu },
            What::PartState { part: psu, state: PartState::Down, cause },
            What::NodeState { node, life: Life(3), state, cause },
            What::PartState { part: link, state: degraded, cause: Cause::Course },
            What::JobPhase { job, phase: JobPhase::Rework, cause: Cause::NodeFailure },
            What::JobNode { job, node, joined: true },
            What::StepDone { job, step: 128 },
            What::Checkpoint { job, number: 4, act: begin, step: 127 },
            What::WorkLost { job, node, lost: Span(256) },
            What::Transfer {
                purpose: Purpose::Root,
                nodes: 9,
                received: Bytes(u64::MAX),
                lost: Bytes(0),
            },
            What::Reading { sensor: Sensor::Energy, value: 1 },
            What::Reading { sensor: Sensor::PowerMax, value: 2 },
            What::Reading { sensor: Sensor::ServerSent(0), value: 3 },
            What::Reading { sensor: Sensor::ServerReceived(1), value: 4 },
            What::Reading { sensor: Sensor::ConnectionsRefused, value: 5 },
            What::Reading { sensor: Sensor::DatagramsRefused, value: 6 },
            What::Reading { sensor: Sensor::MessagesRefused, value: 7 },
            What::FaultEnds { fault, kind: Fault::PowerLoss, part: psu },
            What::FailureAbsorbed { job, node },
            What::Alarm { fault, part: psu, lead: Span(128) },
            What::Group { job, group: 300, act: GroupAct::RollBack, number: 4, step: 127 },
            What::Collective { job, act: CollectiveAct::BreakOff },
            What::Task {
                kind: TaskKind::Transfer,
                number: 300,
                act: TaskAct::Lose,
                node: None,
                span: Span::ZERO,
            },
            What::RunEnds { reason: EndReason::TimeUp },
        ];
        (0..).zip(what).map(|(i, what)| Event { at: Time(i * 100), what }).collect()
    }

    #[test]
    fn the_bytes_of_version_1_never_change() {
        let golden: &[&[u8]] = &[
            &[0, 2, 2, 2, 6, 5],
            &[100, 1, 6, 5, 1, 18],
            &[100, 0, 0xac, 2, 3, 9, 18],
            &[100, 1, 8, 7, 2, 0xa0, 0xc2, 0x1e, 0],
            &[100, 4, 1, 3, 6],
            &[100, 5, 1, 0xac, 2, 1],
            &[100, 6, 1, 0x80, 1],
            &[100, 7, 1, 4, 0, 127],
            &[100, 8, 1, 0xac, 2, 0x80, 2],
            &[100, 9, 1, 9, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 0],
            &[100, 10, 0, 1],
            &[100, 10, 1, 2],
            &[100, 10, 2, 0, 3],
            &[100, 10, 3, 1, 4],
            &[100, 10, 8, 5],
            &[100, 10, 9, 6],
            &[100, 10, 10, 7],
            &[100, 3, 2, 2, 6, 5],
            &[100, 16, 1, 0xac, 2],
            &[100, 20, 2, 6, 5, 0x80, 1],
            &[100, 24, 1, 0xac, 2, 1, 4, 127],
            &[100, 30, 1, 2],
            &[100, 29, 0xac, 2, 2],
            &[100, 11, 2],
        ];
        let mut encoder = Encoder::default();
        for (event, golden) in one_of_each().iter().zip(golden) {
            let mut bytes = Vec::new();
            encoder.encode(event, &mut bytes);
            assert_eq!(&bytes, golden, "{event:?}");
        }
        assert_eq!(VERSION, 1);
    }

    #[test]
    fn a_number_that_overflows_its_field_is_an_error() {
        let mut eleven = &[0xff; 11][..];
        assert_eq!(number(&mut eleven), Err(CodecError::TooLarge));
        // Job 65,536 in a step event.
        let mut bytes = &[0, 6, 0x80, 0x80, 4, 1][..];
        assert_eq!(Decoder::default().decode(&mut bytes), Err(CodecError::TooLarge));
        assert_eq!(bytes.len(), 6, "an error takes nothing away");
        let unknown = Decoder::default().decode(&mut &[0, 99][..]);
        assert_eq!(unknown, Err(CodecError::Unknown { field: "event", code: 99 }));
    }
}
