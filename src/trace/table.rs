//! A table of failures whose columns are called as the user says, or `time`, `node` and `end`.
//!
//! Cells stand between commas, tabs, semicolons or bars. A time is a date, or seconds since 1970. A
//! node has a number or a name; names become the numbers of their alphabetical order, from 0. All
//! is of one system.
//!
//! Worked example: of the rows `60,b,120` and `0,a,` under `time,node,end`, node 1 fails at 60 s
//! for a minute, and node 0 at 0 s for no time that is known.

use std::collections::{BTreeMap, BTreeSet};

use super::columns::{Cells, Columns};
use super::{CELL, Failure, Moment, Row, Table, shortened};

/// The system of all failures.
const SYSTEM: u32 = 1;

/// What stands for an end that is not known, besides nothing: Slurm's word and those of databases.
const OPEN: [&str; 4] = ["unknown", "none", "null", "nan"];

/// The columns of a table of failures, as the user calls them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// When a failure began; `time` if nobody says.
    pub time: Option<String>,
    /// What failed; `node` if nobody says and there is one.
    pub node: Option<String>,
    /// When it was repaired; `end` if nobody says and there is one.
    pub end: Option<String>,
}

impl Named {
    /// Whether the user calls any column by its name.
    pub(super) fn is_given(&self) -> bool {
        *self != Self::default()
    }
}

/// Where the columns are.
pub(super) struct Layout {
    time: usize,
    node: Option<usize>,
    end: Option<usize>,
}

impl Layout {
    /// Finds the columns, or says which is not there.
    pub(super) fn of(columns: &Columns, named: &Named) -> Result<Self, String> {
        let find = |given: &Option<String>, usual| match given {
            Some(name) => columns.place(name).map(Some).ok_or_else(|| name.clone()),
            None => Ok(columns.place(usual)),
        };
        Ok(Self {
            time: find(&named.time, "time")?.ok_or("time")?,
            node: find(&named.node, "node")?,
            end: find(&named.end, "end")?,
        })
    }

    /// Reads a row, or says what is wrong with it.
    pub(super) fn row(
        &self,
        cells: &Cells,
        columns: &Columns,
        table: &mut Table,
    ) -> Result<Row, String> {
        let moment = |place: usize| {
            let (name, text) = (&columns.names()[place], cells.get(place));
            Moment::of_cell(text).ok_or_else(|| match text {
                "" => format!("`{name}` is empty"),
                text => format!(
                    "`{name}` is `{}`, no date such as 2004-01-31 14:05 and no seconds since 1970",
                    shortened(text, CELL)
                ),
            })
        };
        let start = moment(self.time)?;
        let is_open = |place: &usize| {
            let text = cells.get(*place).to_ascii_lowercase();
            text.is_empty() || OPEN.contains(&text.as_str())
        };
        let end = self.end.filter(|place| !is_open(place)).map(moment).transpose()?;
        if self.end.is_some() && end.is_none() {
            table.remark("no end is known; they count as failures, and for no repair");
        }
        let down = end.unwrap_or(start).since(start);
        let down_s = u64::try_from(down)
            .map_err(|_| format!("it ends {} s before it starts", down.unsigned_abs()))?;
        let node = self.node.map(|place| cells.get(place)).filter(|name| !name.is_empty());
        if node.is_none() {
            table.remark_no_node();
        }
        let node = node.map(|name| table.names.number(name));
        let cause = String::new();
        Ok(Row::Failure(Failure { line: table.line, system: SYSTEM, node, start, down_s, cause }))
    }
}

/// The names of nodes, numbered as they come.
#[derive(Default)]
pub(super) struct Names(BTreeMap<String, u32>);

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.0.get(name) {
            return *number;
        }
        let number = self.0.len() as u32;
        self.0.insert(name.to_owned(), number);
        number
    }

    /// The number of each node in place of that by which it came: its own if all are numbers, else
    /// that of its place in the alphabet.
    pub(super) fn settled(&self) -> Vec<u32> {
        let own: BTreeSet<u32> = self.0.keys().filter_map(|name| name.parse().ok()).collect();
        let mut settled = vec![0; self.0.len()];
        for ((name, came), place) in self.0.iter().zip(0..) {
            let number = if own.len() == self.0.len() { name.parse().ok() } else { None };
            settled[*came as usize] = number.unwrap_or(place);
        }
        settled
    }
}
