//! An event log as a tidy table: one row for each event, one column for each field.

use std::io::Write;
use std::path::Path;

use super::{RecordError, words};
use crate::cosmic::dram::MODES;
use crate::event::{Cause, Class, Event, Fault, PartState, Sensor, TaskKind, What};
use crate::ids::{FaultId, JobId, NodeId, Part};
use crate::units::Span;

/// The columns. Cells without meaning for an event are empty.
///
/// Nodes, rules and jobs count from 1, and so do the parts of a kind in `index`, over the whole
/// machine as in their names, servers of readings included, and groups over their job; `state` is
/// that of a node, part, job (its phase), checkpoint, group or corruption (its act), membership
/// (`joined`, `left`) or run (why it ended); `nodes` are those of a transfer, or those that a
/// corruption has reached; `share_ppm` is what a degraded link keeps; `value` is a reading in its
/// sensor's unit, the lead of an alarm, or what a task took (ns); a fault of a chip has its mode
/// as `kind`, and as `cause` whether it stays and met another.
pub const COLUMNS: [&str; 20] = [
    "t_ns",
    "event",
    "node",
    "life",
    "part",
    "index",
    "fault",
    "kind",
    "state",
    "cause",
    "job",
    "number",
    "step",
    "nodes",
    "lost_ns",
    "received_bytes",
    "lost_bytes",
    "share_ppm",
    "sensor",
    "value",
];

/// One row; the names of the fields are those of the columns.
#[derive(Debug, Default)]
struct Row {
    event: &'static str,
    node: Option<u32>,
    life: Option<u32>,
    part: &'static str,
    index: Option<u32>,
    fault: Option<u32>,
    kind: &'static str,
    state: &'static str,
    cause: &'static str,
    job: Option<u32>,
    number: Option<u64>,
    step: Option<u64>,
    nodes: Option<u32>,
    lost_ns: Option<u64>,
    received_bytes: Option<u64>,
    lost_bytes: Option<u64>,
    share_ppm: Option<u32>,
    sensor: &'static str,
    value: Option<u64>,
}

/// The number under which people know the part, rule or job that is counted from 0 inside.
fn from_one(number: impl Into<u32>) -> u32 {
    number.into().saturating_add(1)
}

/// Writes the events as CSV. The path is that of the output, for messages.
///
/// # Errors
/// The first error of the events, or when the output cannot be written.
pub fn write_csv<W: Write>(
    events: impl IntoIterator<Item = Result<Event, RecordError>>,
    out: W,
    path: &Path,
) -> Result<(), RecordError> {
    let io = |error: csv::Error| RecordError::io("write", path)(error.into());
    let mut table = csv::Writer::from_writer(out);
    table.write_record(COLUMNS).map_err(io)?;
    for event in events {
        table.write_record(row_of(&event?)).map_err(io)?;
    }
    table.flush().map_err(RecordError::io("write", path))
}

/// The row of an event: a text for each of [`COLUMNS`].
#[must_use]
pub fn row_of(event: &Event) -> [String; COLUMNS.len()] {
    cells(event.at.0, &row(&event.what))
}

fn cells(t_ns: u64, row: &Row) -> [String; COLUMNS.len()] {
    fn cell<T: ToString>(value: Option<T>) -> String {
        value.map_or_else(String::new, |value| value.to_string())
    }
    [
        t_ns.to_string(),
        row.event.to_owned(),
        cell(row.node),
        cell(row.life),
        row.part.to_owned(),
        cell(row.index),
        cell(row.fault),
        row.kind.to_owned(),
        row.state.to_owned(),
        row.cause.to_owned(),
        cell(row.job),
        cell(row.number),
        cell(row.step),
        cell(row.nodes),
        cell(row.lost_ns),
        cell(row.received_bytes),
        cell(row.lost_bytes),
        cell(row.share_ppm),
        row.sensor.to_owned(),
        cell(row.value),
    ]
}

fn chip_fault_row(what: &What) -> Row {
    let What::ChipFault { node, array, mode, permanent, met, class } = *what else {
        unreachable!("it is asked for faults of chips only")
    };
    Row {
        event: "chip-fault",
        node: Some(from_one(node.0)),
        kind: MODES.get(mode as usize).map_or("", |mode| mode.name),
        state: class.word(),
        cause: match (permanent, met) {
            (false, false) => "transient",
            (true, false) => "permanent",
            (false, true) => "transient-met",
            (true, true) => "permanent-met",
        },
        number: Some(u64::from(array)),
        ..Row::default()
    }
}

fn row(what: &What) -> Row {
    match *what {
        What::NodeState { node, life, state, cause } => Row {
            event: "node-state",
            node: Some(from_one(node.0)),
            life: Some(life.0),
            state: words::node_state(state),
            cause: words::cause(cause),
            ..Row::default()
        },
        What::PartState { part, state, cause } => part_row(part, state, cause),
        What::FaultStrikes { fault, kind, part } => fault_row("fault-strikes", fault, kind, part),
        What::FaultEnds { fault, kind, part } => fault_row("fault-ends", fault, kind, part),
        What::Alarm { fault, part, lead } => alarm_row(fault, part, lead),
        What::JobPhase { job, phase, cause } => Row {
            state: words::job_phase(phase),
            cause: words::cause(cause),
            ..job_row("job-phase", job)
        },
        What::JobNode { job, node, joined } => Row {
            node: Some(from_one(node.0)),
            state: if joined { "joined" } else { "left" },
            ..job_row("job-node", job)
        },
        What::StepDone { job, step } => Row { step: Some(step), ..job_row("step-done", job) },
        What::Checkpoint { job, number, act, step } => {
            act_row("checkpoint", job, words::checkpoint_act(act), (number, step))
        }
        What::Group { job, group, act, number, step } => Row {
            part: "group",
            index: Some(from_one(group)),
            ..act_row("group", job, words::group_act(act), (number, step))
        },
        What::WorkLost { job, node, lost } => {
            Row { node: Some(from_one(node.0)), lost_ns: Some(lost.0), ..job_row("work-lost", job) }
        }
        What::Corruption { node, number, act, spread } => Row {
            event: "corruption",
            node: Some(from_one(node.0)),
            state: words::corruption_act(act),
            number: Some(number),
            nodes: Some(spread),
            ..Row::default()
        },
        What::FailureAbsorbed { job, node } => {
            Row { node: Some(from_one(node.0)), ..job_row("failure-absorbed", job) }
        }
        What::Upset { node, array, class } => upset_row(node, array, class),
        What::ChipFault { .. } => chip_fault_row(what),
        What::Transfer { purpose, nodes, received, lost } => Row {
            event: "transfer",
            kind: words::purpose(purpose),
            nodes: Some(nodes),
            received_bytes: Some(received.0),
            lost_bytes: Some(lost.0),
            ..Row::default()
        },
        What::Collective { job, act } => {
            Row { state: words::collective_act(act), ..job_row("collective", job) }
        }
        What::Task { .. } => task_row(what),
        What::Reading { sensor, value } => reading_row(sensor, value),
        What::RunEnds { reason } => {
            Row { event: "run-ends", state: words::end_reason(reason), ..Row::default() }
        }
    }
}

/// An act with the checkpoint of this number, and the step that it holds.
fn act_row(
    event: &'static str,
    job: JobId,
    state: &'static str,
    (number, step): (u64, u64),
) -> Row {
    Row { state, number: Some(number), step: Some(step), ..job_row(event, job) }
}

fn alarm_row(fault: FaultId, part: Part, lead: Span) -> Row {
    Row {
        event: "alarm",
        part: part.kind.word(),
        index: Some(from_one(part.index)),
        fault: Some(from_one(fault.0)),
        value: Some(lead.0),
        ..Row::default()
    }
}

fn job_row(event: &'static str, job: JobId) -> Row {
    Row { event, job: Some(from_one(job.0)), ..Row::default() }
}

fn fault_row(event: &'static str, fault: FaultId, kind: Fault, part: Part) -> Row {
    Row {
        event,
        part: part.kind.word(),
        index: Some(from_one(part.index)),
        fault: Some(from_one(fault.0)),
        kind: kind.word(),
        ..Row::default()
    }
}

fn part_row(part: Part, state: PartState, cause: Cause) -> Row {
    let share_ppm = match state {
        PartState::Degraded(share) => Some(share),
        PartState::Up | PartState::Down => None,
    };
    Row {
        event: "part-state",
        part: part.kind.word(),
        index: Some(from_one(part.index)),
        state: words::part_state(state),
        cause: words::cause(cause),
        share_ppm,
        ..Row::default()
    }
}

fn upset_row(node: NodeId, array: u32, class: Class) -> Row {
    Row {
        event: "upset",
        node: Some(from_one(node.0)),
        state: class.word(),
        number: Some(u64::from(array)),
        ..Row::default()
    }
}

fn task_row(what: &What) -> Row {
    let What::Task { kind, number, act, node, span } = *what else { unreachable!("it is a task") };
    Row {
        event: "task",
        node: node.map(|node| from_one(node.0)),
        // Listed transfers were the first tasks.
        kind: if kind == TaskKind::Transfer { "" } else { words::task_kind(kind) },
        number: Some(u64::from(number) + 1),
        state: words::task_act(act),
        value: (span > Span::ZERO).then_some(span.0),
        ..Row::default()
    }
}

fn reading_row(sensor: Sensor, value: u64) -> Row {
    let (part, index) = match sensor {
        Sensor::ServerSent(server) | Sensor::ServerReceived(server) => {
            ("server", Some(from_one(server)))
        }
        Sensor::NodeLoad(node)
        | Sensor::NodeMemory(node)
        | Sensor::NodeTemperature(node)
        | Sensor::NodeThrottled(node) => ("node", Some(from_one(node))),
        Sensor::Energy
        | Sensor::PowerMax
        | Sensor::ConnectionsRefused
        | Sensor::DatagramsRefused
        | Sensor::MessagesRefused => ("", None),
    };
    Row {
        event: "reading",
        part,
        index,
        sensor: words::sensor(sensor),
        value: Some(value),
        ..Row::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::codec::tests::one_of_each;

    #[test]
    fn every_event_is_a_row_with_its_fields_in_their_columns() {
        let mut out = Vec::new();
        let events = one_of_each().into_iter().map(Ok);
        write_csv(events, &mut out, Path::new("x.csv")).expect("memory");
        let golden = "\
t_ns,event,node,life,part,index,fault,kind,state,cause,job,number,step,nodes,lost_ns,\
received_bytes,lost_bytes,share_ppm,sensor,value
0,fault-strikes,,,psu,6,3,power-loss,,,,,,,,,,,,
100,part-state,,,psu,6,,,down,power-loss,,,,,,,,,,
200,node-state,301,3,,,,,down,power-loss,,,,,,,,,,
300,part-state,,,node-link,8,,,degraded,course,,,,,,,,500000,,
400,job-phase,,,,,,,rework,node-failure,2,,,,,,,,,
500,job-node,301,,,,,,joined,,2,,,,,,,,,
600,step-done,,,,,,,,,2,,128,,,,,,,
700,checkpoint,,,,,,,begin,,2,4,127,,,,,,,
800,work-lost,301,,,,,,,,2,,,,256,,,,,
900,transfer,,,,,,root,,,,,,9,,18446744073709551615,0,,,
1000,reading,,,,,,,,,,,,,,,,,energy,1
1100,reading,,,,,,,,,,,,,,,,,power-max,2
1200,reading,,,server,1,,,,,,,,,,,,,server-sent,3
1300,reading,,,server,2,,,,,,,,,,,,,server-received,4
1400,reading,,,,,,,,,,,,,,,,,connections-refused,5
1500,reading,,,,,,,,,,,,,,,,,datagrams-refused,6
1600,reading,,,,,,,,,,,,,,,,,messages-refused,7
1700,fault-ends,,,psu,6,3,power-loss,,,,,,,,,,,,
1800,failure-absorbed,301,,,,,,,,2,,,,,,,,,
1900,alarm,,,psu,6,3,,,,,,,,,,,,,128
2000,group,,,group,301,,,roll-back,,2,4,127,,,,,,,
2100,collective,,,,,,,break-off,,2,,,,,,,,,
2200,task,,,,,,,lose,,,301,,,,,,,,
2300,run-ends,,,,,,,time-up,,,,,,,,,,,
";
        assert_eq!(String::from_utf8(out).expect("text"), golden);
    }
}
