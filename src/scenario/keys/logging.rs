//! The keys of groups that checkpoint by themselves, with message logging.

use super::{COST, NODES_MAX, SIZE, SIZE_SOME, SPAN_SOME, STRIKES};
use crate::config::language::{Key, Kind, TableSpec};

/// Groups with message logging.
pub(in crate::scenario) static LOGGING: TableSpec = TableSpec {
    doc: "Groups of nodes write and roll back by themselves; senders log what goes between groups. \
          Checkpoints are kept at the file server.",
    keys: &[
        Key::new(
            "group",
            Kind::Count(1, NODES_MAX),
            "Nodes of a group, which write together: 1 is uncoordinated, all nodes of the job are \
             one group.",
        ),
        Key::new("size", SIZE_SOME, "Data per node. Not needed with `cost`."),
        Key::new("interval", SPAN_SOME, "Computing between two checkpoints of a group."),
        Key::new("cost", Kind::Table(&COST), ""),
        Key::new(
            "stagger",
            Kind::Flag,
            "Whether the groups write in turn, spread over the interval; else all at once.",
        )
        .or("true"),
        Key::new(
            "overhead",
            Kind::Share(0.0, 1.0),
            "By how much logging lengthens a step, as a share of it. The default is an upper \
             bound: the abstract of Meneses, Ni and Kalé 2012 says \"always lower than 4%\", of a \
             stencil on up to 1,024 cores.",
        )
        .or("0.04"),
        Key::new(
            "speedup",
            Kind::Number(1.0, 1_000.0),
            "How much faster a group alone computes again, as its messages come from logs. \
             Assumption: not at all.",
        )
        .or("1.0"),
        Key::new(
            "log",
            SIZE,
            "What a node logs in a step; the log since the oldest checkpoint of any group is \
             written with each checkpoint.",
        )
        .or("\"0 B\""),
        Key::new("last", Kind::Flag, "Whether all write after the last step as well.").or("false"),
        Key::new("strikes", Kind::Table(&STRIKES), ""),
    ],
    rivals: &[&["log", "cost"]],
};
