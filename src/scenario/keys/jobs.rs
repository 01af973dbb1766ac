//! The keys of a job of the list.

use super::{
    ABFT, CHECKPOINT, INTERVAL, LAST, NODES_MAX, PRIOR, RANKS_PER_NODE, REPLICAS, SIZE_SOME, STEP,
    WORK,
};
use crate::config::language::{Key, Kind, TableSpec};

/// A job of the list.
pub(in crate::scenario) static JOB: TableSpec = TableSpec {
    doc: "A job (`[[job]]`), on nodes of its own. All nodes of a job compute a step, then all \
          meet. Spares are for whichever job needs one first, and so are the nodes of a job that \
          is done.",
    keys: &[
        Key::new("name", Kind::Text, "Its name; no two jobs have the same.").required(),
        Key::new(
            "nodes",
            Kind::Count(1, NODES_MAX),
            "Nodes that it needs, all at once; with `replicas` its seats, each for one node or \
             for several.",
        )
        .required(),
        RANKS_PER_NODE,
        STEP.required(),
        WORK.required(),
        REPLICAS,
        ABFT,
        Key::new("checkpoint", Kind::Table(&CHECKPOINT), ""),
        Key::new(
            "size",
            SIZE_SOME,
            "Data per node. With it, `interval`, `prior` and `last` are those of \
             `checkpoint.coordinated`, at the file server. Without it and `checkpoint` the job \
             writes no checkpoints.",
        ),
        INTERVAL,
        PRIOR,
        LAST,
    ],
    rivals: &[
        &["checkpoint", "size"],
        &["checkpoint", "interval"],
        &["checkpoint", "prior"],
        &["checkpoint", "last"],
    ],
};
