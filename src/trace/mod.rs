//! Failure traces: what failed in real machines, read from published formats into one tidy table.
//!
//! A row that cannot be used is a [`Flaw`] with its line and what is wrong; the others are used.
//! What is odd and used nevertheless is a [`Remark`]. Nothing is dropped without a word.

mod calendar;
mod fta;
mod lanl;
mod select;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub use calendar::Moment;
pub use select::{Quantity, Sample, Selection};

/// The published formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The failure records of Los Alamos in the USENIX Computer Failure Data Repository.
    Lanl,
    /// `event_trace.tab` of the Failure Trace Archive.
    Fta,
}

impl Format {
    /// For people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Lanl => "LANL, CFDR",
            Self::Fta => "Failure Trace Archive, event_trace",
        }
    }
}

/// One failure of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Line of the file, from 1.
    pub line: u64,
    /// The system's number in the trace.
    pub system: u32,
    /// The node's number in its system, if the trace gives one.
    pub node: Option<u32>,
    /// When it began.
    pub start: Moment,
    /// How long the node was down (s). It ended at `start` + `down_s`.
    pub down_s: u64,
    /// What caused it, in the words of the trace; empty if it does not say.
    pub cause: String,
}

impl Failure {
    /// When it ended.
    #[must_use]
    pub fn end(&self) -> Moment {
        self.start.after(self.down_s)
    }
}

/// A row that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Line of the file, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub what: String,
}

/// Something odd about rows that are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// How many rows.
    pub rows: usize,
    /// The first of them: line of the file, from 1.
    pub line: u64,
    /// What is odd about them, and what is made of it.
    pub what: &'static str,
}

/// A trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The format that it was found to have.
    pub format: Format,
    /// The usable failures, in the order of the file.
    pub failures: Vec<Failure>,
    /// How many nodes each system has: as the trace says, else those that it names.
    pub nodes: BTreeMap<u32, u32>,
    /// When nodes of a system were up, each interval of one node, if the trace says so itself.
    pub up: BTreeMap<u32, Vec<(Moment, Moment)>>,
    /// Rows of the file, without head and blank lines.
    pub rows: usize,
    /// Rows that cannot be used, in the order of the file.
    pub flaws: Vec<Flaw>,
    /// What is odd about others.
    pub remarks: Vec<Remark>,
    /// SHA-256 of the file as it lies on disk, in hexadecimal.
    pub sha256: String,
}

/// Why a file is no trace at all.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// It cannot be read.
    #[error("{}: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Its text is in none of the formats.
    #[error(
        "{}: no known trace format: {found}; known are the CSV of LANL (it begins with \
         `System,machine type,nodes`) and `event_trace.tab` of the Failure Trace Archive (9 \
         columns, tab-separated), each plain or as .xz", path.display()
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// What stands in its first line.
        found: String,
    },
}

/// Reads a trace; its format is told by its first line that is no comment.
///
/// # Errors
/// If the file cannot be read or is in none of the formats. Single rows that are wrong are flaws
/// of the trace.
pub fn read(path: &Path) -> Result<Trace, TraceError> {
    let source = source::open(path)?;
    let mut trace = of_text(&source.text)
        .map_err(|found| TraceError::UnknownFormat { path: path.to_owned(), found })?;
    trace.sha256 = source.sha256;
    Ok(trace)
}

/// Reads the text of a trace, or says what its first line is.
fn of_text(text: &str) -> Result<Trace, String> {
    let lines = || (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let first = lines().find(|(_, line)| !line.starts_with('#'));
    let Some((number, first)) = first else { return Err("it is empty".into()) };
    let (format, read): (_, Reader) = if lanl::is_head(first) {
        (Format::Lanl, lanl::row)
    } else if fta::is_table(first) {
        (Format::Fta, fta::row)
    } else {
        let start: String = first.chars().take(40).collect();
        return Err(format!("line {number} is `{start}`"));
    };
    let mut table = Table::default();
    for (line, text) in lines() {
        let is_head = match format {
            Format::Lanl => lanl::is_head(text),
            Format::Fta => fta::is_head(text),
        };
        if is_head {
            continue;
        }
        table.line = line;
        table.rows += 1;
        match read(text.trim_end_matches('\r'), &mut table) {
            Ok(Row::Failure(failure)) => table.failures.push(failure),
            Ok(Row::Up) => {}
            Err(what) => table.flaws.push(Flaw { line, what }),
        }
    }
    Ok(table.finish(format))
}

/// Reads a row, or says what is wrong with it.
type Reader = fn(&str, &mut Table) -> Result<Row, String>;

/// What a row is.
enum Row {
    /// A failure.
    Failure(Failure),
    /// An interval in which a node was up; the table has it.
    Up,
}

/// A trace that is being read.
#[derive(Default)]
struct Table {
    /// The line that is read.
    line: u64,
    rows: usize,
    failures: Vec<Failure>,
    nodes: BTreeMap<u32, u32>,
    /// Nodes that are named, by system.
    named: BTreeMap<u32, BTreeSet<u32>>,
    up: BTreeMap<u32, Vec<(Moment, Moment)>>,
    flaws: Vec<Flaw>,
    remarks: Vec<Remark>,
}

impl Table {
    /// Something is odd about this row, and it is used.
    fn remark(&mut self, what: &'static str) {
        match self.remarks.iter_mut().find(|remark| remark.what == what) {
            Some(remark) => remark.rows += 1,
            None => self.remarks.push(Remark { rows: 1, line: self.line, what }),
        }
    }

    /// The trace says how many nodes a system has.
    fn size(&mut self, system: u32, nodes: u32) {
        let known = self.nodes.entry(system).or_default();
        *known = nodes.max(*known);
    }

    /// The trace says when a node was up.
    fn up(&mut self, (system, node): (u32, u32), (from, to): (Moment, Moment)) {
        self.named.entry(system).or_default().insert(node);
        self.up.entry(system).or_default().push((from, to));
    }

    fn finish(mut self, format: Format) -> Trace {
        for failure in &self.failures {
            self.named.entry(failure.system).or_default().extend(failure.node);
        }
        for (system, nodes) in self.named {
            self.nodes.entry(system).or_insert(nodes.len().max(1) as u32);
        }
        Trace {
            format,
            failures: self.failures,
            nodes: self.nodes,
            up: self.up,
            rows: self.rows,
            flaws: self.flaws,
            remarks: self.remarks,
            sha256: String::new(),
        }
    }
}

/// A whole number in a column, or what is wrong with it.
fn number<T: std::str::FromStr>(column: &str, text: &str) -> Result<T, String> {
    text.trim().parse().map_err(|_| match text.trim() {
        "" => format!("`{column}` is empty"),
        text if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("`{column}` is `{}`, which is too large", shortened(text))
        }
        text => format!("`{column}` is `{}`, no whole number from 0 up", shortened(text)),
    })
}

/// A text for a message.
fn shortened(text: &str) -> String {
    let start: String = text.chars().take(30).collect();
    if start.len() < text.len() { format!("{start}…") } else { start }
}

#[cfg(test)]
mod tests;
