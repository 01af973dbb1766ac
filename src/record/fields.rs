//! The fields of an event as bytes: varints, codes, parts, causes and sensors.

use super::codec::CodecError;
use super::codes::{FAULTS, PART_KINDS, PLAIN_CAUSES};
use crate::event::{Cause, Fault, PartState, Sensor};
use crate::ids::{FaultId, Part};

/// Codes from here on are faults.
const CAUSE_FAULT: u8 = 16;

pub(super) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A tag and numbers. The code of an enum is below 128, and so the same byte as a number.
pub(super) fn put_all<const N: usize>(out: &mut Vec<u8>, tag: u8, values: [u64; N]) {
    out.push(tag);
    for value in values {
        put(out, value);
    }
}

pub(super) fn number(from: &mut &[u8]) -> Result<u64, CodecError> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = byte(from)?;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            break;
        }
        value |= bits << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(CodecError::TooLarge)
}

pub(super) fn small<T: TryFrom<u64>>(from: &mut &[u8]) -> Result<T, CodecError> {
    T::try_from(number(from)?).map_err(|_| CodecError::TooLarge)
}

pub(super) fn byte(from: &mut &[u8]) -> Result<u8, CodecError> {
    let (first, rest) = from.split_first().ok_or(CodecError::Truncated)?;
    *from = rest;
    Ok(*first)
}

pub(super) fn one_of<T: Copy>(
    from: &mut &[u8],
    all: &[T],
    field: &'static str,
) -> Result<T, CodecError> {
    let code = byte(from)?;
    all.get(usize::from(code)).copied().ok_or(CodecError::Unknown { field, code })
}

pub(super) fn put_part(out: &mut Vec<u8>, part: Part) {
    out.push(part.kind as u8);
    put(out, u64::from(part.index));
}

pub(super) fn part(from: &mut &[u8]) -> Result<Part, CodecError> {
    Ok(Part { kind: one_of(from, &PART_KINDS, "kind of part")?, index: small(from)? })
}

pub(super) fn put_fault(out: &mut Vec<u8>, tag: u8, fault: FaultId, kind: Fault, part: Part) {
    out.push(tag);
    put(out, u64::from(fault.0));
    out.push(kind as u8);
    put_part(out, part);
}

pub(super) fn put_part_state(out: &mut Vec<u8>, state: PartState) {
    match state {
        PartState::Up => out.push(0),
        PartState::Down => out.push(1),
        PartState::Degraded(ppm) => {
            out.push(2);
            put(out, u64::from(ppm));
        }
    }
}

pub(super) fn part_state(from: &mut &[u8]) -> Result<PartState, CodecError> {
    Ok(match byte(from)? {
        0 => PartState::Up,
        1 => PartState::Down,
        2 => PartState::Degraded(small(from)?),
        code => return Err(CodecError::Unknown { field: "state of a part", code }),
    })
}

pub(super) fn put_sensor(out: &mut Vec<u8>, sensor: Sensor) {
    let (code, number) = match sensor {
        Sensor::Energy => (0, None),
        Sensor::PowerMax => (1, None),
        Sensor::ServerSent(server) => (2, Some(server)),
        Sensor::ServerReceived(server) => (3, Some(server)),
        Sensor::NodeLoad(node) => (4, Some(node)),
        Sensor::NodeMemory(node) => (5, Some(node)),
        Sensor::NodeTemperature(node) => (6, Some(node)),
        Sensor::NodeThrottled(node) => (7, Some(node)),
        Sensor::ConnectionsRefused => (8, None),
        Sensor::DatagramsRefused => (9, None),
        Sensor::MessagesRefused => (10, None),
    };
    out.push(code);
    if let Some(number) = number {
        put(out, u64::from(number));
    }
}

pub(super) fn sensor(from: &mut &[u8]) -> Result<Sensor, CodecError> {
    Ok(match byte(from)? {
        0 => Sensor::Energy,
        1 => Sensor::PowerMax,
        2 => Sensor::ServerSent(small(from)?),
        3 => Sensor::ServerReceived(small(from)?),
        4 => Sensor::NodeLoad(small(from)?),
        5 => Sensor::NodeMemory(small(from)?),
        6 => Sensor::NodeTemperature(small(from)?),
        7 => Sensor::NodeThrottled(small(from)?),
        8 => Sensor::ConnectionsRefused,
        9 => Sensor::DatagramsRefused,
        10 => Sensor::MessagesRefused,
        code => return Err(CodecError::Unknown { field: "sensor", code }),
    })
}

pub(super) fn cause_code(cause: Cause) -> u8 {
    match cause {
        Cause::Course => 0,
        Cause::BrownOut => 1,
        Cause::NoOffer => 2,
        Cause::ServerSilent => 3,
        Cause::Timeout => 4,
        Cause::Repair => 5,
        Cause::NodeFailure => 6,
        Cause::TooFewNodes => 7,
        Cause::Corruption => 8,
        Cause::Silent => 9,
        Cause::Fault(fault) => CAUSE_FAULT + fault as u8,
    }
}

pub(super) fn cause(from: &mut &[u8]) -> Result<Cause, CodecError> {
    let code = byte(from)?;
    if let Some(fault) = code.checked_sub(CAUSE_FAULT)
        && let Some(fault) = FAULTS.get(usize::from(fault))
    {
        return Ok(Cause::Fault(*fault));
    }
    PLAIN_CAUSES.get(usize::from(code)).copied().ok_or(CodecError::Unknown { field: "cause", code })
}
