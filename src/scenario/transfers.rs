//! Transfers between parts of the machine, each at a time of its own: a table of rows.
//!
//! The rows are part of the scenario, so that its resolved text and the plan's digest hold all of
//! them, and a results folder replays without the file that they came from.

use std::fmt::Write as _;
use std::sync::Arc;

use csv::{ReaderBuilder, StringRecord};

use crate::config::declare::{Declared, Line, Written, lines, table};
use crate::config::files::{self, Sort};
use crate::config::layout::Layout;
use crate::config::mistakes::{Mistake, Mistakes, Place};
use crate::config::nodeset;
use crate::config::section::Section;
use crate::ids::{Part, PartKind};
use crate::scenario::cells::Fields;
use crate::units::{Bytes, NANOS_PER_SECOND, Span, Time};
use crate::untrusted::NamedBy;

table! {
    /// Transfers between nodes and servers, each at a time of its own, next to the jobs: either a
    /// `file` or the `rows` themselves. Only the model plays them.
    pub(super) struct Given(Debug) rivals [&["file", "rows"]] {
        /// A CSV file, relative to this one, with the columns `start` (seconds from the start of
        /// the run), `source` and `destination` (a node such as `pi17`, or the network interface of
        /// a server such as `server[1]`) and `bytes`; other columns are passed over.
        file: Option<String>;
        /// The text of such a file.
        rows: Option<String>;
    }
}

/// A transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// When it begins.
    pub start: Time,
    /// Who sends: a node or a server.
    pub from: Part,
    /// Who receives: a node or a server.
    pub to: Part,
    /// How much.
    pub bytes: Bytes,
}

/// Rows at most: the resolved scenario must stay a file that can be read.
const ROWS_MAX: usize = 500_000;
const TABLE: Sort = Sort::new("table of transfers", 64_000_000);
const COLUMNS: [&str; 4] = ["start", "source", "destination", "bytes"];

/// The transfers of a scenario, if it has any.
pub(super) fn read(
    root: &Section<'_>,
    layout: Option<&Layout>,
    m: &mut Mistakes,
) -> Option<Arc<[Transfer]>> {
    let section = root.section("transfers");
    if !section.exists() {
        return Some(Arc::default());
    }
    let Given { file, rows } = Given::read(&section, m)?;
    let text = match (&file, &rows) {
        (Some(file), _) => {
            let place = section.place("file");
            let path = m.folder(place.file).join(file);
            let shown = files::tidied(&path);
            match files::read(&path, NamedBy::File, TABLE) {
                Ok(text) => m.file_at(&path, &shown, text.trim_start_matches('\u{feff}')),
                Err(complaint) => {
                    let title = format!("{shown}: {}", complaint.title);
                    let help = complaint.help.unwrap_or("paths are relative to this file".into());
                    m.note(Mistake::new(place, title).help(help));
                    return None;
                }
            }
        }
        (None, Some(rows)) => m.file("transfers.rows", rows.as_str()),
        (None, None) => {
            let mistake = Mistake::new(section.own_place(), "transfers without a table");
            m.note(mistake.help("give `file = \"NAME.csv\"`, or the table itself as `rows`"));
            return None;
        }
    };
    table(text, layout?, m).map(Into::into)
}

/// The rows of text number `file`.
fn table(file: u32, layout: &Layout, m: &mut Mistakes) -> Option<Vec<Transfer>> {
    let text = m.text(file).to_owned();
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let heads = reader.headers().cloned().unwrap_or_default();
    let column = |name| heads.iter().position(|head| head.trim() == name);
    let Some(columns) = COLUMNS.iter().map(|name| column(*name)).collect::<Option<Vec<_>>>() else {
        let lacking = COLUMNS.into_iter().find(|name| column(*name).is_none());
        let title = format!("a table of transfers without the column `{}`", lacking?);
        let help = format!("its first line is {}", COLUMNS.join(","));
        m.note(Mistake::new(Place::whole(file), title).help(help));
        return None;
    };
    let mut rows = Vec::new();
    let (mut record, mut whole) = (StringRecord::new(), true);
    loop {
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {}
            Err(error) => {
                let title = format!("this is no table of transfers: {error}");
                m.note(Mistake::new(Place::whole(file), title));
                return None;
            }
        }
        let field = |number: usize| record.get(columns[number]).unwrap_or_default().trim();
        match transfer([field(0), field(1), field(2), field(3)], layout) {
            Ok(row) => rows.push(row),
            Err((number, title, help)) => {
                whole = false;
                let fields = Fields::of(file, &text, &record);
                m.note_at(fields.at(columns[number]), || {
                    Mistake::new(fields.at(columns[number]), title).help(help)
                });
            }
        }
        if rows.len() > ROWS_MAX {
            let mistake =
                Mistake::new(Place::whole(file), format!("more than {ROWS_MAX} transfers"));
            m.note(mistake.help("split them into several scenarios"));
            return None;
        }
    }
    if rows.is_empty() && whole {
        m.note(Mistake::new(Place::whole(file), "a table without transfers below its header"));
        return None;
    }
    whole.then_some(rows)
}

/// What is wrong with a field of a row: its number, the complaint and a hint.
type Wrong = (usize, String, &'static str);

fn transfer(fields: [&str; 4], layout: &Layout) -> Result<Transfer, Wrong> {
    let [start, from, to, bytes] = fields;
    let wrong = |number: usize, what: &str, help| {
        let text = fields[number];
        (number, format!("`{text}` is not {what}"), help)
    };
    if let Some(number) = fields.iter().position(|text| text.is_empty()) {
        let help = "each transfer has a value in each column";
        return Err((number, format!("no value in the column `{}`", COLUMNS[number]), help));
    }
    let span: Result<Span, _> = format!("{start} s").parse();
    let start = span.map_err(|_| wrong(0, "a number of seconds", "such as 12.5"))?;
    let number = bytes.parse().ok().filter(|bytes| *bytes <= u64::MAX >> 8);
    let bytes = number.ok_or_else(|| wrong(3, "a number of bytes", "such as 1000000"))?;
    let end = |number: usize, text: &str| {
        let help = "nodes are pi1, pi2, ...; servers are server[1], server[2], ...";
        part(text, layout).map_err(|why| (number, why, help))
    };
    let (from, to) = (end(1, from)?, end(2, to)?);
    if from == to {
        return Err((2, format!("`{}` sends to itself", fields[2]), "name two parts"));
    }
    Ok(Transfer { start: Time::ZERO + start, from, to, bytes: Bytes(bytes) })
}

/// The node or server of this name.
pub(super) fn part(text: &str, layout: &Layout) -> Result<Part, String> {
    // Nearly all are nodes, and there may be a million of them.
    if let Some(number) = text.strip_prefix("pi").and_then(|digits| digits.parse::<u32>().ok())
        && let Some(index) = number.checked_sub(1).filter(|it| *it < layout.count(PartKind::Node))
    {
        return Ok(Part { kind: PartKind::Node, index });
    }
    let set = nodeset::parse(text).and_then(|set| set.resolve(layout));
    let set = set.map_err(|problem| problem.title)?;
    match (set.kind, set.len()) {
        (PartKind::Node | PartKind::Server, 1) => Ok(Part { kind: set.kind, index: set.nth(0) }),
        (PartKind::Node | PartKind::Server, parts) => Err(format!("`{text}` names {parts} parts")),
        _ => Err(format!("`{text}` is neither a node nor a server")),
    }
}

/// The transfers as the lines of their table.
pub(super) fn lines_of(transfers: &[Transfer]) -> Vec<Line> {
    if transfers.is_empty() {
        return Vec::new();
    }
    let mut text = format!("'''\n{}\n", COLUMNS.join(","));
    let name = |part: Part| match part.kind {
        PartKind::Node => format!("pi{}", part.index + 1),
        kind => format!("{}[{}]", kind.word(), part.index + 1),
    };
    for row in transfers {
        let (whole, rest) = (row.start.0 / NANOS_PER_SECOND, row.start.0 % NANOS_PER_SECOND);
        let fraction = format!(".{rest:09}");
        let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
        let (from, to, bytes) = (name(row.from), name(row.to), row.bytes.0);
        writeln!(text, "{whole}{fraction},{from},{to},{bytes}").expect("a string takes any text");
    }
    lines("transfers", vec![("rows", Written::Value(text + "'''"))])
}
