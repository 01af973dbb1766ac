//! The CSV of Los Alamos: one row for each failure of a node, times to the minute.
//!
//! Format: LA-UR-05-7318, USENIX Computer Failure Data Repository, 26 columns. Used here are
//! `System`, `nodes`, `nodenum`, `Prob Started`, `Prob Fixed`, `Down Time` (min) and the six of the
//! root cause, wherever they stand.

use super::columns::{Cells, Columns};
use super::{CELL, Failure, Moment, Row, Table, number, shortened};

/// The root causes.
const CAUSES: [&str; 6] =
    ["Facilities", "Hardware", "Human Error", "Network", "Undetermined", "Software"];

/// Minutes by which the clock may be changed while a node is down.
const CLOCK_CHANGE_MIN: i64 = 60;

/// Where the columns are.
pub(super) struct Layout {
    system: usize,
    node: usize,
    started: usize,
    fixed: usize,
    down: usize,
    nodes: Option<usize>,
    causes: [Option<usize>; 6],
}

impl Layout {
    /// Finds the columns, if this is such a table.
    pub(super) fn of(columns: &Columns) -> Option<Self> {
        Some(Self {
            system: columns.place("System")?,
            node: columns.place("nodenum")?,
            started: columns.place("Prob Started")?,
            fixed: columns.place("Prob Fixed")?,
            down: columns.place("Down Time")?,
            nodes: columns.place("nodes"),
            causes: CAUSES.map(|cause| columns.place(cause)),
        })
    }

    /// Reads a row, or says what is wrong with it.
    pub(super) fn row(&self, cells: &Cells, table: &mut Table) -> Result<Row, String> {
        let system: u32 = number("System", cells.get(self.system))?;
        let count = |name, text: &str| match text {
            "" => Ok(None),
            text => number(name, text).map(Some),
        };
        let node: Option<u32> = count("nodenum", cells.get(self.node))?;
        let nodes = self.nodes.map_or("", |place| cells.get(place));
        let nodes: Option<u32> = count("nodes", nodes)?;
        let start = date("Prob Started", cells.get(self.started))?;
        let fixed = date("Prob Fixed", cells.get(self.fixed))?;
        let down: u32 = number("Down Time", cells.get(self.down))?;
        if fixed < start {
            return Err(format!("it was fixed ({fixed}) before it started ({start})"));
        }
        let reported = fixed.since(start) / 60;
        if (reported - i64::from(down)).abs() > CLOCK_CHANGE_MIN {
            return Err(format!(
                "`Down Time` is {down} min, but {reported} min lie between its times"
            ));
        }
        if reported != i64::from(down) {
            table.remark("`Down Time` is not the time from start to end; `Down Time` counts");
        }
        if node.is_none() {
            table.remark_no_node();
        }
        if let Some(nodes) = nodes {
            table.size(system, nodes);
        }
        let cause = self.cause(cells);
        let (line, down_s) = (table.line, u64::from(down) * 60);
        Ok(Row::Failure(Failure { line, system, node, start, down_s, cause }))
    }

    fn cause(&self, cells: &Cells) -> String {
        let reported = |place: &Option<usize>| place.map_or("", |place| cells.get(place));
        let causes = CAUSES.iter().zip(self.causes.iter().map(reported));
        let cause = causes.into_iter().find(|(_, text)| !text.is_empty());
        cause.map_or(String::new(), |(name, text)| format!("{}: {text}", name.to_lowercase()))
    }
}

fn date(column: &str, text: &str) -> Result<Moment, String> {
    Moment::of_los_alamos(text).ok_or_else(|| match text {
        "" => format!("`{column}` is empty"),
        text => format!("`{column}` is `{}`, no date like 6/21/2005 10:54", shortened(text, CELL)),
    })
}
