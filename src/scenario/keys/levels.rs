//! The keys of checkpoints of several levels.

use super::{SIZE_SOME, SPAN, SPAN_SOME, STRIKES};
use crate::config::declare::Declared;
use crate::config::language::{Key, Kind, TableSpec};
use crate::scenario::images::Compression;
use crate::scenario::levels::PLACES;

/// Checkpoints of several levels.
pub(in crate::scenario) static MULTILEVEL: TableSpec = TableSpec {
    doc: "All nodes stop computing and write, together, at one of several levels.",
    keys: &[
        Key::new(
            "interval",
            Kind::Any(&[Kind::Choice(|| vec!["optimum"]), SPAN_SOME]),
            "Computing between two checkpoints, of whatever level: a duration, or the `optimum`, \
             which to first order gives it and each level's `every` from fixed costs and failures \
             of each `severity`.",
        ),
        Key::new("level", Kind::Tables(&LEVEL), ""),
        Key::new(
            "escalate",
            Kind::Flag,
            "With fixed costs: whether a failure of class k during recovery from level k takes \
             that level with it, so that level k + 1 is needed, as SCR's model has it; else the \
             same recovery begins again.",
        )
        .or("true"),
        Key::new("last", Kind::Flag, "Whether one is written after the last step as well.")
            .or("false"),
        Key::new("strikes", Kind::Table(&STRIKES), ""),
        Key::new("compression", Kind::Table(Compression::SPEC), ""),
    ],
    rivals: &[],
};

/// One of them.
pub(in crate::scenario) static LEVEL: TableSpec = TableSpec {
    doc: "A level of checkpoints, in the order of rising strength.",
    keys: &[
        Key::new("size", SIZE_SOME, "Data per node. Not needed with `cost`."),
        Key::new(
            "to",
            Kind::Choice(|| PLACES.to_vec()),
            "Where the data goes: to the node's own `memory`; to that of `buddies` too; to its SD \
             `card`; to that of a `partner` too; to the card with parity in a `group`; or to the \
             `file-server`.",
        )
        .required(),
        Key::new(
            "copies",
            Kind::Count(2, 3),
            "Of `buddies`: nodes that hold each image. Default: 2.",
        ),
        Key::new(
            "group",
            Kind::Count(2, 1_000),
            "Of a `group`: its nodes. If the job's do not divide by it, some groups have more. \
             Default: 8.",
        ),
        Key::new(
            "parity",
            Kind::Count(1, 999),
            "Of a `group`: its nodes that may be missing, 1 as with XOR or more as with \
             Reed-Solomon codes. Default: 1.",
        ),
        Key::new("cost", Kind::Table(&LEVEL_COST), ""),
        Key::new(
            "every",
            Kind::Count(1, 1_000_000),
            "Of the checkpoints that would be of the level below, every k-th is of this one. \
             Not for the lowest level, of which are all others.",
        ),
        Key::new(
            "drain",
            Kind::Flag,
            "Of the `file-server` or with `cost`: whether a checkpoint is written at the level \
             below, with the job stopped, and copied while the job computes: through the fabric, \
             or for `cost.write`. Default: false.",
        ),
        Key::new(
            "keep_below",
            Kind::Flag,
            "With `drain` or `cost.latency`: whether the level below has the checkpoint until this \
             one has all of it, even when newer ones replace it there; with `latency` it is there \
             when the job has stood for C. Default: false, when a newer one replaces it, and with \
             `latency` it is nowhere until it is complete.",
        ),
        Key::new(
            "resume",
            Kind::Flag,
            "With `keep_below`: whether writing that a failure interrupts goes on after the \
             restart, as long as the level below still has the checkpoint; else it is given up. \
             Default: false.",
        ),
        Key::new(
            "slowdown",
            Kind::Number(1.0, 1_000.0),
            "With `drain` or `cost.latency`: a step takes so many times as long while the rest is \
             written. Default: 1.1 (assumption).",
        ),
    ],
    rivals: &[&["to", "cost"]],
};

/// Fixed spans of a level.
static LEVEL_COST: TableSpec = TableSpec {
    doc: "Fixed spans in place of transfers.",
    keys: &[
        Key::new("write", SPAN, "Writing with the job stopped, C; with `drain`, the copying.")
            .required(),
        Key::new("read", SPAN, "Reading back, R.").required(),
        Key::new("downtime", SPAN, "Downtime D, besides detection and repair.").or("\"0 s\""),
        Key::new(
            "latency",
            SPAN,
            "From the beginning until it is complete, L: what of it is beyond C passes while the \
             job computes. Default: C.",
        ),
    ],
    rivals: &[],
};
