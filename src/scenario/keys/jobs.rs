//! The keys of a job among several.

use crate::config::language::{Key, Kind, Spec};
use crate::scenario::keys::{NODES_MAX, SIZE_SOME, SPAN_SOME, spec};

pub(in crate::scenario) static JOB: Spec = spec(
    "A job among several that run at once (`[[job]]`), each on nodes of its own; in the place of \
     `workload` and `checkpoint`. All nodes of a job compute a step, then all meet. Spares are for \
     whichever job needs one first, and so are the nodes of a job that is done.",
    &[
        Key::new("name", Kind::Text, "Its name; no two jobs have the same.").required(),
        Key::new("nodes", Kind::Count(1, NODES_MAX), "Nodes that it needs, all at once.")
            .required(),
        Key::new("step", SPAN_SOME, "Duration of one step.").required(),
        Key::new("work", SPAN_SOME, "Computing of the whole job, without failures.").required(),
        Key::new(
            "size",
            SIZE_SOME,
            "Data per node of a checkpoint, all nodes of the job together, at the file server. \
             Without it the job writes none.",
        ),
        Key::new(
            "interval",
            Kind::Any(&[
                Kind::Choice(|| vec!["young", "daly first order", "daly", "exact", "cooperative"]),
                SPAN_SOME,
            ]),
            "Computing between two checkpoints: a duration, the optimum by a formula for the \
             job's own mean time between failures, or `cooperative`: the periods of all jobs for \
             which the whole machine wastes least while the file server keeps up.",
        )
        .or("\"daly\""),
        Key::new("last", Kind::Flag, "Whether one is written after the last step as well.")
            .or("false"),
    ],
);
