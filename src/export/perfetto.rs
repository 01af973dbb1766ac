//! A trace that Perfetto opens: tracks of nodes, parts and jobs, and a counter for each series.
//!
//! TrackEvent protobuf, by the fields of `protos/perfetto/trace/` in google/perfetto
//! (`trace_packet.proto`, `track_event/{track_event,track_descriptor,counter_descriptor}.proto`):
//! only with it do counters have units and tracks a tree; the JSON of Chrome has neither. A slice
//! is a state of a node or another part, or a phase of a job; an instant is a fault that strikes.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use super::Recorded;
use crate::event::{Event, JobPhase, NodeState, PartState, What};
use crate::ids::{NodeId, Part, PartKind};
use crate::plan::Plan;
use crate::record::{LogReader, RecordError, words};
use crate::units::{Span, Time};

/// The one writer of the trace.
const SEQUENCE: u32 = 1;

mod wire {
    //! The messages, with the fields that are used.

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct TracePacket {
        #[prost(uint64, optional, tag = "8")]
        pub(super) timestamp: Option<u64>,
        #[prost(uint32, tag = "10")]
        pub(super) trusted_packet_sequence_id: u32,
        #[prost(message, optional, tag = "11")]
        pub(super) track_event: Option<TrackEvent>,
        #[prost(message, optional, tag = "60")]
        pub(super) track_descriptor: Option<TrackDescriptor>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct TrackEvent {
        #[prost(enumeration = "Type", tag = "9")]
        pub(super) r#type: i32,
        #[prost(uint64, tag = "11")]
        pub(super) track_uuid: u64,
        #[prost(string, optional, tag = "23")]
        pub(super) name: Option<String>,
        #[prost(double, optional, tag = "44")]
        pub(super) double_counter_value: Option<f64>,
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
    #[repr(i32)]
    pub(super) enum Type {
        Unspecified = 0,
        SliceBegin = 1,
        SliceEnd = 2,
        Instant = 3,
        Counter = 4,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct TrackDescriptor {
        #[prost(uint64, tag = "1")]
        pub(super) uuid: u64,
        #[prost(string, tag = "2")]
        pub(super) name: String,
        #[prost(uint64, optional, tag = "5")]
        pub(super) parent_uuid: Option<u64>,
        #[prost(message, optional, tag = "8")]
        pub(super) counter: Option<CounterDescriptor>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct CounterDescriptor {
        #[prost(string, optional, tag = "6")]
        pub(super) unit_name: Option<String>,
    }
}

/// Which part of a run is wanted.
#[derive(Clone, Debug, Default)]
pub struct Window {
    /// Only these nodes; all if there are none.
    pub nodes: Vec<NodeId>,
    /// Only what is left of the run at its end.
    pub last: Option<Span>,
}

/// Writes the trace of a run. O(events) time, O(nodes) memory; a packet has some 30 bytes.
///
/// # Errors
/// When the log does not hold all events, or cannot be read, or the output cannot be written.
pub fn write(
    run: &Recorded,
    window: &Window,
    out: &mut dyn Write,
    place: &Path,
) -> Result<(), RecordError> {
    run.needs_all_events("a trace")?;
    let failed = |error| RecordError::io("write", place)(error);
    let length = run.findings.metric("run_time").map_or(0.0, |it| it.value);
    let length = Time::ZERO + Span::from_secs_f64(length);
    let from = window.last.map_or(Time::ZERO, |last| Time(length.0.saturating_sub(last.0)));
    let mut trace = Trace { out, packet: Vec::new(), open: BTreeMap::new(), from, begun: false };
    let tracks = Tracks { plan: &run.plan, window };
    trace.describe_all(&tracks, &run.name()).map_err(failed)?;
    trace.counters(run).map_err(failed)?;
    for event in LogReader::open(&run.folder)? {
        trace.event(&event?, &tracks).map_err(failed)?;
    }
    trace.begin_window().map_err(failed)?;
    let open: Vec<u64> = trace.open.keys().copied().collect();
    open.into_iter().try_for_each(|track| trace.end(track, length)).map_err(failed)
}

/// The identities of tracks: a kind in the upper half, a number in the lower.
const RUN: u64 = 1 << 32;
const JOB: u64 = 2 << 32;
const COUNTER: u64 = 3 << 32;

/// That of a part.
fn of_part(part: Part) -> u64 {
    (4 + part.kind as u64) << 32 | u64::from(part.index)
}

fn of_node(node: NodeId) -> u64 {
    of_part(Part { kind: PartKind::Node, index: node.0 })
}

/// Which tracks there are.
struct Tracks<'a> {
    plan: &'a Plan,
    window: &'a Window,
}

impl Tracks<'_> {
    fn has(&self, node: NodeId) -> bool {
        let nodes = &self.window.nodes;
        nodes.is_empty() || nodes.binary_search(&node).is_ok()
    }

    /// All parts whose states are shown, each after the one that it stands in.
    fn parts(&self) -> impl Iterator<Item = (Part, u64)> + '_ {
        let machine = &self.plan.machine;
        let modules = machine.modules.iter().map(|row| row.rack);
        let kinds = [PartKind::Rack, PartKind::Module];
        let racks = (0..machine.racks).map(|_| None).chain(modules.map(Some));
        let indices = kinds.into_iter().flat_map(|kind| {
            (0..machine.parts(kind) as u32).map(move |index| Part { kind, index })
        });
        let holders = indices.zip(racks).map(|(part, rack)| {
            let rack = rack.map(|index| of_part(Part { kind: PartKind::Rack, index }));
            (part, rack.unwrap_or(RUN))
        });
        let others = [PartKind::Psu, PartKind::Switch, PartKind::Uplink, PartKind::Server];
        let others = others.into_iter().flat_map(move |kind| {
            let parts = (0..machine.parts(kind) as u32).map(move |index| Part { kind, index });
            parts.map(|part| (part, self.module_of(part)))
        });
        let nodes = (0..).map(NodeId).zip(&machine.nodes).filter(|(node, _)| self.has(*node));
        let nodes = nodes.map(|(node, row)| {
            let module = Part { kind: PartKind::Module, index: row.module };
            (Part { kind: PartKind::Node, index: node.0 }, of_part(module))
        });
        holders.chain(others).chain(nodes)
    }

    /// The track of the module that a part is of; that of the run for a server.
    fn module_of(&self, part: Part) -> u64 {
        let machine = &self.plan.machine;
        let index = part.index as usize;
        let module = match part.kind {
            PartKind::Psu => machine.psus[index].module,
            PartKind::Switch | PartKind::Uplink => machine.switches[index].module,
            _ => return RUN,
        };
        of_part(Part { kind: PartKind::Module, index: module })
    }
}

/// The trace under way.
struct Trace<'a> {
    out: &'a mut dyn Write,
    packet: Vec<u8>,
    /// The slice that each track is in, and since when.
    open: BTreeMap<u64, &'static str>,
    /// Where the window begins.
    from: Time,
    /// Whether it has begun.
    begun: bool,
}

impl Trace<'_> {
    fn put(&mut self, packet: &wire::TracePacket) -> io::Result<()> {
        self.packet.clear();
        prost::encoding::message::encode(1, packet, &mut self.packet);
        self.out.write_all(&self.packet)
    }

    /// Describes every track, each after the one above it.
    fn describe_all(&mut self, tracks: &Tracks, run: &str) -> io::Result<()> {
        self.describe(RUN, None, run, None)?;
        for (number, job) in (0..).zip(&tracks.plan.scenario.jobs) {
            self.describe(JOB | number, Some(RUN), &job.name, None)?;
        }
        for (part, parent) in tracks.parts() {
            self.describe(of_part(part), Some(parent), &tracks.plan.machine.name(part), None)?;
        }
        Ok(())
    }

    fn describe(
        &mut self,
        uuid: u64,
        parent_uuid: Option<u64>,
        name: &str,
        unit: Option<&str>,
    ) -> io::Result<()> {
        let counter = unit.map(|unit| wire::CounterDescriptor { unit_name: Some(unit.to_owned()) });
        let name = name.to_owned();
        let track = wire::TrackDescriptor { uuid, name, parent_uuid, counter };
        self.put(&wire::TracePacket {
            timestamp: None,
            trusted_packet_sequence_id: SEQUENCE,
            track_event: None,
            track_descriptor: Some(track),
        })
    }

    /// The series, as counters of their means.
    fn counters(&mut self, run: &Recorded) -> io::Result<()> {
        for (number, series) in (0..).zip(&run.findings.series) {
            let track = COUNTER | number;
            self.describe(track, Some(RUN), &series.name, Some(&series.unit))?;
            for point in &series.points {
                let at = Time::ZERO + Span::from_secs_f64(point.t_s);
                if at >= self.from {
                    self.put_event(at, track, wire::Type::Counter, None, Some(point.mean))?;
                }
            }
        }
        Ok(())
    }

    fn put_event(
        &mut self,
        at: Time,
        track_uuid: u64,
        kind: wire::Type,
        name: Option<&str>,
        double_counter_value: Option<f64>,
    ) -> io::Result<()> {
        let event = wire::TrackEvent {
            r#type: kind.into(),
            track_uuid,
            name: name.map(str::to_owned),
            double_counter_value,
        };
        self.put(&wire::TracePacket {
            timestamp: Some(at.0),
            trusted_packet_sequence_id: SEQUENCE,
            track_event: Some(event),
            track_descriptor: None,
        })
    }

    /// What an event changes.
    fn event(&mut self, event: &Event, tracks: &Tracks) -> io::Result<()> {
        if event.at >= self.from {
            self.begin_window()?;
        }
        match event.what {
            What::NodeState { node, state, .. } if tracks.has(node) => {
                let is_on = state != NodeState::Off;
                self.enter(event.at, of_node(node), is_on.then(|| words::node_state(state)))
            }
            What::PartState { part, state, .. } => {
                let is_worse = state != PartState::Up;
                self.enter(event.at, of_part(part), is_worse.then(|| words::part_state(state)))
            }
            What::JobPhase { job, phase, .. } => {
                let is_over = matches!(phase, JobPhase::Done | JobPhase::TimedOut);
                let word = (!is_over).then(|| words::job_phase(phase));
                self.enter(event.at, JOB | u64::from(job.0), word)
            }
            What::FaultStrikes { kind, part, .. }
                if part.kind != PartKind::Node || tracks.has(NodeId(part.index)) =>
            {
                if !self.begun {
                    return Ok(());
                }
                self.put_event(
                    event.at,
                    of_part(part),
                    wire::Type::Instant,
                    Some(kind.word()),
                    None,
                )
            }
            _ => Ok(()),
        }
    }

    /// The window begins: what tracks are in begins there.
    fn begin_window(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.begun, true) {
            return Ok(());
        }
        let open: Vec<_> = self.open.iter().map(|(&track, &word)| (track, word)).collect();
        let mut begin = |(track, word): (u64, &'static str)| {
            self.put_event(self.from, track, wire::Type::SliceBegin, Some(word), None)
        };
        open.into_iter().try_for_each(&mut begin)
    }

    /// A track leaves its slice, and enters another.
    fn enter(&mut self, at: Time, track: u64, word: Option<&'static str>) -> io::Result<()> {
        self.end(track, at)?;
        let Some(word) = word else { return Ok(()) };
        self.open.insert(track, word);
        if self.begun {
            self.put_event(at, track, wire::Type::SliceBegin, Some(word), None)?;
        }
        Ok(())
    }

    fn end(&mut self, track: u64, at: Time) -> io::Result<()> {
        if self.open.remove(&track).is_some() && self.begun {
            self.put_event(at, track, wire::Type::SliceEnd, None, None)?;
        }
        Ok(())
    }
}
