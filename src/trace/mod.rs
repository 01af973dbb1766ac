//! Failure traces: what failed in real machines, read from published formats into one tidy table.
//!
//! A row that cannot be used is a [`Flaw`] with its line and what is wrong; the others are used.
//! What is odd and used nevertheless is a [`Remark`]. Nothing is dropped without a word.

mod calendar;
mod coalesce;
mod columns;
mod fta;
mod lanl;
mod select;
mod source;
mod table;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub use calendar::Moment;
use columns::{Cells, Columns};
pub use select::{Quantity, Sample, Selection};
pub use table::Named;
pub use watch::Watched;

/// Formats: two that are published, and any table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The failure records of Los Alamos in the USENIX Computer Failure Data Repository.
    Lanl,
    /// `event_trace.tab` of the Failure Trace Archive.
    Fta,
    /// A table whose columns the user names.
    Table,
}

impl Format {
    /// For people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Lanl => "LANL, CFDR",
            Self::Fta => "Failure Trace Archive, event_trace",
            Self::Table => "table by named columns",
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
    /// When nodes were up, by system and node, if the trace says so itself.
    pub up: BTreeMap<(u32, u32), Vec<(Moment, Moment)>>,
    /// Rows of the file, without head, comments and blank lines.
    pub rows: usize,
    /// Rows that cannot be used, in the order of the file.
    pub flaws: Vec<Flaw>,
    /// What is odd about others.
    pub remarks: Vec<Remark>,
    /// SHA-256 of the file as it lies on disk, in hexadecimal.
    pub sha256: String,
}

impl Trace {
    /// Says how many nodes a system has; it needs no name where there is but one.
    ///
    /// # Errors
    /// Why it cannot have so many, as a sentence.
    pub fn resize(&mut self, system: Option<u32>, nodes: u32) -> Result<(), String> {
        let mut all = self.nodes.keys().copied().filter(|it| system.is_none_or(|one| one == *it));
        let system = match (all.next(), all.next()) {
            (None, _) => return Ok(()),
            (Some(system), None) => system,
            _ => return Err("--nodes is of one system; --system says of which".to_owned()),
        };
        let failed = self.failures.iter().filter(|failure| failure.system == system);
        let up = self.up.range((system, 0)..=(system, u32::MAX)).map(|((_, node), _)| *node);
        let named: BTreeSet<u32> = failed.filter_map(|failure| failure.node).chain(up).collect();
        if named.len() > nodes as usize {
            return Err(format!("it names {} nodes, more than {nodes}", named.len()));
        }
        self.nodes.insert(system, nodes);
        Ok(())
    }
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
        "{}: no known trace format: {found}; known are the CSV of LANL (it has the columns \
         `System`, `nodenum`, `Prob Started`, `Prob Fixed` and `Down Time`), `event_trace.tab` of \
         the Failure Trace Archive (9 columns, tab-separated), and any table whose head names a \
         column `time`, each plain or as .xz", path.display()
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// What stands in its first line.
        found: String,
    },
    /// It lacks a column that was asked for.
    #[error("{}: {lacks}", path.display())]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// What it lacks, and what it has.
        lacks: String,
    },
}

/// Reads a trace; its format shows in its first line that is no comment, unless `named` says
/// how the columns of a table are called.
///
/// # Errors
/// If the file cannot be read or is in none of the formats. Single rows that are wrong are flaws
/// of the trace.
pub fn read(path: &Path, named: &Named) -> Result<Trace, TraceError> {
    let source = source::open(path)?;
    let path = || path.to_owned();
    let mut trace = of_text(&source.text, named).map_err(|foreign| match foreign {
        Foreign::Format(found) => TraceError::UnknownFormat { path: path(), found },
        Foreign::Column(lacks) => TraceError::NoColumn { path: path(), lacks },
    })?;
    trace.sha256 = source.sha256;
    Ok(trace)
}

/// Why a text is no trace.
#[derive(Debug)]
enum Foreign {
    /// It has no known format; what its first line is.
    Format(String),
    /// It lacks a column that was asked for; which, and what it has.
    Column(String),
}

/// Reads the text of a trace.
fn of_text(text: &str, named: &Named) -> Result<Trace, Foreign> {
    let text = text.trim_start_matches('\u{feff}');
    let reported = |(_, line): &(u64, &str)| !line.starts_with('#') && !line.trim().is_empty();
    let mut lines = (1..).zip(text.lines()).filter(reported).peekable();
    let Some((number, first)) = lines.peek().copied() else {
        return Err(Foreign::Format("it is empty".into()));
    };
    let (columns, layout) = layout((number, first), named)?;
    // A file of several that were put together has several heads.
    let head = layout.has_head(&columns).then_some(first);
    let mut table = Table::default();
    for (line, text) in lines.filter(|(_, line)| Some(*line) != head) {
        table.line = line;
        table.rows += 1;
        let cells = columns.cells(text.trim_end_matches('\r'));
        match cells.and_then(|cells| layout.row(&cells, &columns, &mut table)) {
            Ok(Row::Failure(failure)) => table.failures.push(failure),
            Ok(Row::Up) => {}
            Err(what) => table.flaws.push(Flaw { line, what }),
        }
    }
    Ok(table.finish(layout.format()))
}

/// What the columns of a table mean.
enum Layout {
    Lanl(lanl::Layout),
    Fta,
    Table(table::Layout),
}

/// The columns that the first line names, and what they mean.
fn layout((number, first): (u64, &str), named: &Named) -> Result<(Columns, Layout), Foreign> {
    if !named.is_given() {
        let lanl = |columns| lanl::Layout::of(&columns).map(|layout| (columns, layout));
        if let Some((columns, layout)) = Columns::of_head(first).find_map(lanl) {
            return Ok((columns, Layout::Lanl(layout)));
        }
        if let Some(columns) = fta::columns(first) {
            return Ok((columns, Layout::Fta));
        }
    }
    let all = Columns::of_head(first).max_by_key(|columns| columns.names().len());
    let columns = all.expect("there are delimiters");
    match table::Layout::of(&columns, named) {
        Ok(layout) => Ok((columns, Layout::Table(layout))),
        Err(lacking) if named.is_given() => Err(Foreign::Column(format!(
            "no column `{lacking}` in line {number}, whose columns are {}",
            shortened(&columns.names().join(", "), 300)
        ))),
        Err(_) => Err(Foreign::Format(format!("line {number} is `{}`", shortened(first, 40)))),
    }
}

impl Layout {
    const fn format(&self) -> Format {
        match self {
            Self::Lanl(_) => Format::Lanl,
            Self::Fta => Format::Fta,
            Self::Table(_) => Format::Table,
        }
    }

    /// Whether the first line is the head, and no row.
    fn has_head(&self, columns: &Columns) -> bool {
        !matches!(self, Self::Fta) || columns.place("event_id").is_some()
    }

    /// Reads a row, or says what is wrong with it.
    fn row(&self, cells: &Cells, columns: &Columns, table: &mut Table) -> Result<Row, String> {
        match self {
            Self::Lanl(layout) => layout.row(cells, table),
            Self::Fta => fta::row(cells, table),
            Self::Table(layout) => layout.row(cells, columns, table),
        }
    }
}

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
    /// The names of nodes, where they have no numbers.
    names: table::Names,
    up: BTreeMap<(u32, u32), Vec<(Moment, Moment)>>,
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

    /// This row says of no node that it failed.
    fn remark_no_node(&mut self) {
        self.remark("no node is named; they count for their system, and for no node");
    }

    /// The trace says how many nodes a system has.
    fn size(&mut self, system: u32, nodes: u32) {
        let known = self.nodes.entry(system).or_default();
        *known = nodes.max(*known);
    }

    /// The trace says when a node was up.
    fn up(&mut self, node: (u32, u32), interval: (Moment, Moment)) {
        self.named.entry(node.0).or_default().insert(node.1);
        self.up.entry(node).or_default().push(interval);
    }

    fn finish(mut self, format: Format) -> Trace {
        let settled = self.names.settled();
        for failure in &mut self.failures {
            if format == Format::Table {
                failure.node = failure.node.map(|came| settled[came as usize]);
            }
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
            format!("`{column}` is `{}`, which is too large", shortened(text, CELL))
        }
        text => format!("`{column}` is `{}`, no whole number from 0 up", shortened(text, CELL)),
    })
}

/// Letters of a cell in a message.
const CELL: usize = 30;

/// The first letters of a text, for a message.
fn shortened(text: &str, letters: usize) -> String {
    let start: String = text.chars().take(letters).collect();
    if start.len() < text.len() { format!("{start}…") } else { start }
}

#[cfg(test)]
mod tests;
