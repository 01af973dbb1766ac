//! What checkpoints of a job cost, and the computing between two of them.

use crate::ids::PartKind;
use crate::plan::crew::Crew;
use crate::plan::images::{self, Parcel};
use crate::plan::levels::{Access, span_of};
use crate::protocol::detector::Detector;
use crate::protocol::interval::Adaptive;
use crate::scenario::Scenario;
use crate::scenario::job::{self, Cost, Interval, Period};
use crate::scenario::logging;
use crate::theory::young_daly;
use crate::units::{BitRate, Bytes, Span};

/// Data per node of a checkpoint of a group, with the log of an interval: the oldest checkpoint of
/// any group is about as old. A single group of all `nodes` logs nothing.
pub(super) fn image(spec: &logging::Logging, step: Span, nodes: u32) -> Bytes {
    spec.size_with_log(if spec.group == nodes { 0 } else { spec.interval.0.div_ceil(step.0) })
}

/// The cost C of a checkpoint, or R of reading it back, on average over full ones and increments:
/// what is fixed, what the cards need, or the time in which all data pass the narrowest place
/// between nodes and file server, with all nodes writing at once: the node's link, the uplink or
/// the air of a cell, the server's link (each with its payload share), the server's disk. Before
/// the first byte the disk takes one request of each node, and before that they compress.
///
/// Not modelled: a narrow place that moves during the checkpoint.
pub(super) fn cost(
    scenario: &Scenario,
    crew: &Crew,
    (spec, level, size): (&job::Checkpoint, usize, Bytes),
    access: Access,
) -> Span {
    let share = images::mean_share(spec, access);
    if let Some(span) = span_of(scenario, spec, level, share, access) {
        return span;
    }
    let Parcel { bytes, packing } = images::parcel(spec, size, share, access);
    let size = bytes.0 as f64;
    let most = |kind| crew.most_under(kind) * size;
    let link = |rate: BitRate| rate.0 as f64 / 8.0 * scenario.network.tcp_share;
    let server = most(PartKind::Server);
    let uplinks = if let Some(parts) = &scenario.parts {
        let over = crew.over_uplinks().into_iter().zip(&crew.machine().switches);
        let wires = over.map(|(nodes, row)| (nodes, link(row.uplink)));
        let over = crew.over_airs().into_iter().zip(&parts.cells);
        let airs = over.map(|(nodes, cell)| (nodes, cell.air().0 as f64 / 8.0));
        let crossed = wires.chain(airs).filter(|(nodes, _)| *nodes > 0.0);
        crossed.map(|(nodes, rate)| nodes * size / rate).fold(0.0, f64::max)
    } else {
        most(PartKind::Uplink) / link(scenario.module.uplink)
    };
    let ways = [
        size / link(crew.slowest_link(scenario)),
        uplinks,
        server / link(scenario.server_link()),
        server / scenario.server.disk as f64,
    ];
    let requests = server / size * scenario.server.disk_request.as_secs_f64();
    packing + Span::from_secs_f64(requests + ways.into_iter().fold(0.0, f64::max))
}

/// From a failure until computing goes on, if another node is at hand: detection, downtime, and
/// reading the checkpoint back.
pub(super) fn back(scenario: &Scenario, crew: &Crew, spec: &job::Checkpoint) -> Span {
    let downtime = match spec.cost(0) {
        Cost::Fixed { downtime, .. } => downtime,
        Cost::Store(_) => Span::ZERO,
    };
    let read = cost(scenario, crew, (spec, 0, spec.size(0)), Access::Read { newcomers: 0 });
    Detector::delay(&scenario.controller, crew.machine().nodes.len()) + downtime + read
}

/// The computing between two checkpoints. The formulas give just that. With [`Period::Whole`] a
/// fixed interval counts from start to start, and computing is what C and the verifications leave
/// of it. An adaptive one begins with Daly's for what is believed.
///
/// `back` is Daly's R, which his first order needs. Where that leaves nothing, there is a
/// checkpoint after each step.
pub(super) fn computing(spec: &job::Coordinated, cost: Span, mtbf: Span, back: Span) -> Span {
    let (c, m) = (cost.as_secs_f64(), mtbf.as_secs_f64());
    match (spec.interval, spec.period) {
        (Interval::Fixed(span), Period::Work) => span,
        (Interval::Fixed(span), Period::Whole) => {
            let verify = |verify: job::Verify| verify.cost.0 * u64::from(verify.per_checkpoint);
            let verified = spec.integrity.verify.map_or(0, verify);
            Span(span.0.saturating_sub(cost.0).saturating_sub(verified))
        }
        (Interval::Adaptive { prior }, _) => Adaptive::new(prior, cost).interval(),
        // Nothing fails: the best interval has no end.
        _ if mtbf == Span::FOREVER => Span::FOREVER,
        (Interval::DalyFirst, _) => {
            Span::from_secs_f64(young_daly::daly_first(c, m, back.as_secs_f64()))
        }
        (Interval::Daly, _) => Span::from_secs_f64(young_daly::daly(c, m)),
        // Until all jobs have their numbers: Young's, which it is if the server keeps up.
        (Interval::Young | Interval::Cooperative, _) => {
            Span::from_secs_f64(young_daly::young(c, m))
        }
        (Interval::Exact, _) => Span::from_secs_f64(young_daly::exact(c, m)),
    }
}
