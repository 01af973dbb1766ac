//! `event_trace.tab` of the Failure Trace Archive: when each node could be used and when not.
//!
//! What `rackstorm fit` reads. A run is a platform, counted from 1. A node's first interval begins
//! when it is up for the first time; from then on it is up (type 1) or, after a failure, not
//! (type 0), until it is up again or the run ends. A node that was switched off has neither.

use std::io::{self, Write};
use std::path::Path;

use super::Recorded;
use crate::event::{Cause, NodeState, What};
use crate::ids::NodeId;
use crate::record::{LogReader, RecordError, words};
use crate::units::Time;

/// The columns, as a comment: published tables have no head.
const HEAD: &str = "# event_id\tcomponent_id\tnode_id\tplatform_id\tnode_name\tevent_type\t\
                    event_start_time\tevent_stop_time\tevent_end_reason";

/// What a node is in.
#[derive(Clone, Copy)]
enum Stretch {
    /// Before it was up, and while it is switched off.
    None,
    /// It can be used since then.
    Up(Time),
    /// It cannot since then, for this cause.
    Down(Time, Cause),
}

/// The table under way.
struct Table<'a> {
    out: &'a mut dyn Write,
    /// Rows of it.
    rows: u64,
}

/// Writes the runs as one table. Times are seconds since the start of each run, as if that were
/// 1970: a simulated run has no date. O(events) time and O(nodes) memory.
///
/// # Errors
/// When a log does not hold all events, or cannot be read, or the output cannot be written.
pub fn write(runs: &[Recorded], out: &mut dyn Write, place: &Path) -> Result<(), RecordError> {
    let failed = |error| RecordError::io("write", place)(error);
    for run in runs {
        run.needs_all_events("a failure trace")?;
    }
    writeln!(out, "{HEAD}").map_err(failed)?;
    let mut table = Table { out, rows: 0 };
    for (platform, run) in (1..).zip(runs) {
        let mut nodes = vec![Stretch::None; run.plan.machine.nodes.len()];
        let mut end = Time::ZERO;
        for event in LogReader::open(&run.folder)? {
            let event = event?;
            end = event.at;
            let What::NodeState { node, state, cause, .. } = event.what else { continue };
            let stretch = &mut nodes[node.0 as usize];
            if let Some(next) = next(*stretch, event.at, state, cause) {
                table.row(run, platform, node, *stretch, event.at).map_err(failed)?;
                *stretch = next;
            }
        }
        for (node, stretch) in (0..).map(NodeId).zip(nodes) {
            table.row(run, platform, node, stretch, end).map_err(failed)?;
        }
    }
    Ok(())
}

/// What a node is in after it entered a state, if that is another.
fn next(stretch: Stretch, at: Time, state: NodeState, cause: Cause) -> Option<Stretch> {
    match (stretch, state) {
        (Stretch::None | Stretch::Down(..), NodeState::Up) => Some(Stretch::Up(at)),
        (Stretch::None | Stretch::Down(..), _) | (Stretch::Up(_), NodeState::Up) => None,
        (Stretch::Up(_), NodeState::Off) if cause == Cause::Course => Some(Stretch::None),
        (Stretch::Up(_), _) => Some(Stretch::Down(at, cause)),
    }
}

impl Table<'_> {
    /// The row of a stretch that ends then, if it has one.
    fn row(
        &mut self,
        run: &Recorded,
        platform: u32,
        node: NodeId,
        stretch: Stretch,
        end: Time,
    ) -> io::Result<()> {
        let (kind, from, reason) = match stretch {
            Stretch::None => return Ok(()),
            Stretch::Up(from) => (1, from, "NULL"),
            Stretch::Down(from, cause) => (0, from, words::cause(cause)),
        };
        self.rows += 1;
        let (row, number, name) = (self.rows, node.0 + 1, run.plan.machine.node_name(node));
        let [from, to] = [from, end].map(|it| it.0 as f64 / 1e9);
        writeln!(
            self.out,
            "{row}\t1\t{number}\t{platform}\t{name}\t{kind}\t{from:.3}\t{to:.3}\t{reason}"
        )
    }
}
