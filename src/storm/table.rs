//! Reads a table of storms, with a row for each client, or of collective operations.
//!
//! The latter has a column `op`, and its rows are read by [`super::operations`].
//! A row that cannot be used is a [`Flaw`] with its line, and so is a storm that lacks a client:
//! half a storm is none. Nothing is dropped without a word. A client that seems to start a little
//! before the common start moves that start to its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use csv::StringRecord;

use super::operations::{self, Operation};
use super::{Client, Kind, Setup, Storm};
use crate::trace::Flaw;
use crate::units::{Bytes, Span};
use crate::untrusted::{self, NamedBy};

/// Columns that every table has.
const COLUMNS: [&str; 14] = [
    "run",
    "proto",
    "server",
    "client",
    "n",
    "node_link",
    "uplink",
    "server_link",
    "client_idx",
    "start_s",
    "dur_s",
    "rc",
    "cpu_busy_pct",
    "note",
];

/// Clients of a storm at most: more than any single machine can stand in for.
const CLIENTS_MAX: u32 = 1_000_000;

/// Bytes of a table at most: the largest storm has half of it.
const SIZE_MAX: u64 = 256_000_000;

/// A day: no client of a storm takes longer.
const SECONDS_MAX: f64 = 86_400.0;

/// A client may seem to start so long (s) before the common start, as its clock is read by another
/// process. Assumption: what the scheduler of a busy machine takes.
const EARLY_MAX: f64 = 0.1;

/// What a table has: storms or operations.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Storms that are whole, in the order of the file.
    pub storms: Vec<Storm>,
    /// Collective operations, in the order of the file.
    pub operations: Vec<Operation>,
    /// Rows, without the head.
    pub rows: usize,
    /// What cannot be used, in the order of the file.
    pub flaws: Vec<Flaw>,
}

/// Why a file is no table of storms at all.
#[derive(Debug, thiserror::Error)]
pub enum StormError {
    /// It cannot be read.
    #[error("{}: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// It is one of operations, and lacks columns.
    #[error(
        "{}: no table of collective operations: it has no column {}", path.display(),
        missing.join(", ")
    )]
    Operations {
        /// The file.
        path: PathBuf,
        /// The columns that it lacks.
        missing: Vec<&'static str>,
    },
    /// It has other columns.
    #[error(
        "{}: no table of storms: it has no column {}; a table has a row for each client, as \
         checkpoint_storm.csv has, and not one for each storm", path.display(), missing.join(", ")
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The columns that it lacks.
        missing: Vec<&'static str>,
    },
}

/// Reads a table. Single rows that are wrong are flaws of the table.
///
/// # Errors
/// If the file cannot be read or lacks columns.
pub fn read(path: &Path) -> Result<Table, StormError> {
    let unreadable = |why: String| StormError::Unreadable { path: path.to_owned(), why };
    let bytes = untrusted::read(path, NamedBy::Person, SIZE_MAX);
    let bytes = bytes.map_err(|error| unreadable(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8".into()))?;
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let heads = reader.headers().map_err(|error| unreadable(error.to_string()))?.clone();
    let lacks = |column: &&str| !heads.iter().any(|head| head == *column);
    let of_operations = !lacks(&"op");
    let columns = if of_operations { &operations::COLUMNS[..] } else { &COLUMNS };
    let missing: Vec<_> = columns.iter().copied().filter(lacks).collect();
    if !missing.is_empty() {
        let path = path.to_owned();
        return Err(if of_operations {
            StormError::Operations { path, missing }
        } else {
            StormError::Foreign { path, missing }
        });
    }
    let mut found = Found { of_operations, ..Found::default() };
    let mut rows = 0;
    let mut record = StringRecord::new();
    loop {
        let line = reader.position().line();
        match reader.read_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {
                rows += 1;
                let line = record.position().map_or(line, csv::Position::line);
                found.row(&Row { heads: &heads, record: &record }, line);
            }
            Err(error) => return Err(unreadable(error.to_string())),
        }
    }
    Ok(found.table(rows))
}

/// One line of the table.
pub(super) struct Row<'a> {
    heads: &'a StringRecord,
    record: &'a StringRecord,
}

impl Row<'_> {
    /// Whether the table has a column.
    pub(super) fn has(&self, column: &str) -> bool {
        self.heads.iter().any(|head| head == column)
    }

    /// The text of a column; empty where it has none.
    pub(super) fn text(&self, column: &str) -> &str {
        let place = self.heads.iter().position(|head| head == column);
        place.and_then(|place| self.record.get(place)).unwrap_or_default().trim()
    }

    pub(super) fn number<T: std::str::FromStr>(
        &self,
        column: &str,
        what: &str,
    ) -> Result<T, String> {
        let text = self.text(column);
        text.parse().map_err(|_| format!("{column} is `{text}` and not {what}"))
    }

    /// A time in seconds, from 0 to a day.
    pub(super) fn span(&self, column: &str) -> Result<Span, String> {
        let seconds: f64 = self.number(column, "a number of seconds")?;
        if (0.0..=SECONDS_MAX).contains(&seconds) {
            return Ok(Span::from_secs_f64(seconds));
        }
        Err(format!("{column} is {seconds} s; known are 0 to {SECONDS_MAX} s"))
    }

    /// An amount of data, from a byte up.
    pub(super) fn bytes(&self, column: &str) -> Result<Bytes, String> {
        let bytes: u64 = self.number(column, "a number of bytes")?;
        if bytes == 0 { Err(format!("{column} is 0")) } else { Ok(Bytes(bytes)) }
    }

    /// The number of the client, by how much it was early, and the client.
    fn client(&self) -> Result<(u32, Span, Client), String> {
        let index = self.number("client_idx", "the number of a client")?;
        let code: i32 = self.number("rc", "an exit code")?;
        let start: f64 = self.number("start_s", "a number of seconds")?;
        let early = if (-EARLY_MAX..0.0).contains(&start) { -start } else { 0.0 };
        let start = if early > 0.0 { Span::ZERO } else { self.span("start_s")? };
        let client = Client { start, took: self.span("dur_s")?, succeeded: code == 0 };
        Ok((index, Span::from_secs_f64(early), client))
    }

    fn setup(&self) -> Result<Setup, String> {
        let kind = match self.text("proto") {
            "http-put" | "nbd-write" | "nfs3-write" => Kind::Write,
            "http-get" => Kind::Read,
            "tftp" => Kind::Tftp,
            "dhcp-dora" => Kind::Dhcp,
            other => {
                return Err(format!(
                    "proto is `{other}`; known are http-put, nbd-write, nfs3-write, http-get, \
                     tftp and dhcp-dora"
                ));
            }
        };
        let links = ["node_link", "uplink", "server_link"].map(|it| self.text(it));
        let mut setup = Setup::of_links(kind, links[0], links[1], links[2])
            .ok_or_else(|| format!("{} is no rate such as 100mbit", links.join(" or ")))?;
        setup.clients = self.number("n", "a number of clients")?;
        if !(1..=CLIENTS_MAX).contains(&setup.clients) {
            return Err(format!("n is {}; known are 1 to {CLIENTS_MAX}", setup.clients));
        }
        if kind != Kind::Dhcp {
            setup.size = self.bytes("file_bytes")?;
        }
        if kind == Kind::Tftp {
            setup.block = self.bytes("blksize")?;
        }
        if kind == Kind::Dhcp {
            let note = self.text("note");
            setup.ping = match note {
                "no-ping" => false,
                _ if note.starts_with("default") => true,
                _ => {
                    return Err(format!(
                        "note is `{note}`; a DHCP storm has `no-ping` or `default` there, which \
                         says whether the daemon pings"
                    ));
                }
            };
        }
        Ok(setup)
    }

    /// The number at the end of `run`; 0 if there is none.
    fn run(&self) -> u64 {
        let run = self.text("run");
        let digits = run.trim_start_matches(|c: char| !c.is_ascii_digit());
        digits.parse().unwrap_or(0)
    }

    /// What was measured, as the name of a folder.
    fn name(&self, setup: &Setup) -> String {
        let first = |column| self.text(column).split([' ', '(']).next().unwrap_or_default();
        let last = self.text("client").split(' ').next_back().unwrap_or_default();
        let (proto, server) = (self.text("proto"), first("server"));
        let mut name =
            format!("{proto}-{server}-{last}-{}-{}", setup.clients, self.text("node_link"));
        if setup.kind == Kind::Tftp {
            let _ = write!(name, "-{}", setup.block.0);
        }
        let note = self.text("note");
        // Both of these say what the rest of the name says.
        match note {
            _ if setup.ping => name += "-ping",
            "" | "no-ping" => {}
            _ if note.starts_with("scaled") => {}
            _ => {
                let _ = write!(name, "-{note}");
            }
        }
        let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
        name.chars().map(plain).collect()
    }

    fn title(&self) -> String {
        let [run, proto, server, client, n, busy] =
            ["run", "proto", "server", "client", "n", "cpu_busy_pct"].map(|it| self.text(it));
        let title = format!("{proto}: {n} x {client} at {server}, {run}, processors {busy} % busy");
        title.chars().filter(|c| !c.is_control() && !"\"\\".contains(*c)).collect()
    }

    /// All that the rows of one storm have in common.
    fn key(&self) -> String {
        let own = ["client_idx", "start_s", "dur_s", "rc"];
        let cells = self.heads.iter().filter(|head| !own.contains(head));
        cells.map(|head| self.text(head)).collect::<Vec<_>>().join("\u{1f}")
    }
}

/// Clients by their numbers, and by how much each was early.
type Early = BTreeMap<u32, (Span, Client)>;

/// What was read so far.
#[derive(Default)]
struct Found {
    of_operations: bool,
    operations: Vec<Operation>,
    storms: Vec<(Storm, Early)>,
    places: BTreeMap<String, usize>,
    flaws: Vec<Flaw>,
}

impl Found {
    fn row(&mut self, row: &Row, line: u64) {
        if let Err(what) = self.take(row, line) {
            self.flaws.push(Flaw { line, what });
        }
    }

    fn take(&mut self, row: &Row, line: u64) -> Result<(), String> {
        if row.record.len() != row.heads.len() {
            return Err(format!("{} cells and not {}", row.record.len(), row.heads.len()));
        }
        if self.of_operations {
            self.operations.push(Operation::of(row, line)?);
            return Ok(());
        }
        let setup = row.setup()?;
        let cpu_busy = row.number("cpu_busy_pct", "a percentage")?;
        let (index, early, client) = row.client()?;
        if index >= setup.clients {
            return Err(format!("client_idx is {index} in a storm of {}", setup.clients));
        }
        let place = *self.places.entry(row.key()).or_insert(self.storms.len());
        if place == self.storms.len() {
            let (name, title, run) = (row.name(&setup), row.title(), row.run());
            let storm = Storm { name, title, run, setup, clients: Vec::new(), cpu_busy, line };
            self.storms.push((storm, BTreeMap::new()));
        }
        if self.storms[place].1.contains_key(&index) {
            return Err(format!("client {index} stands in this storm already"));
        }
        self.storms[place].1.insert(index, (early, client));
        Ok(())
    }

    fn table(self, rows: usize) -> Table {
        let Self { storms, mut flaws, mut operations, .. } = self;
        operations::calibrate(&mut operations);
        let mut whole = Vec::new();
        for (mut storm, clients) in storms {
            let missing: BTreeSet<u32> =
                (0..storm.setup.clients).filter(|index| !clients.contains_key(index)).collect();
            if let Some(first) = missing.first() {
                let what = format!(
                    "the storm {} of run {} lacks {} of its {} clients, first client {first}: all \
                     its {} rows are left out",
                    storm.name,
                    storm.run,
                    missing.len(),
                    storm.setup.clients,
                    clients.len()
                );
                flaws.push(Flaw { line: storm.line, what });
                continue;
            }
            // The first one that starts is the common start.
            let early = clients.values().map(|(early, _)| early.0).max().unwrap_or(0);
            let shifted = |(own, client): (Span, Client)| {
                let start = Span(client.start.0 + early - own.0);
                Client { start, ..client }
            };
            storm.clients = clients.into_values().map(shifted).collect();
            whole.push(storm);
        }
        flaws.sort_by_key(|flaw| flaw.line);
        Table { storms: whole, operations, rows, flaws }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storm::Measurement as _;

    const HEAD: &str = "run,proto,server,client,n,file_bytes,node_link,uplink,server_link,\
                        per_module,blksize,client_idx,start_s,dur_s,rc,cpu_busy_pct,note\n";

    fn table(rows: &str) -> Table {
        let file = tempfile::NamedTempFile::new().expect("a temporary folder");
        std::fs::write(file.path(), format!("{HEAD}{rows}")).expect("a disk");
        read(file.path()).expect("a table")
    }

    fn row(n: u32, index: u32, rest: &str) -> String {
        format!("r2,tftp,dnsmasq,curl,{n},2000,10mbit,1gbit,1gbit,10,1468,{index},{rest},63,\n")
    }

    #[test]
    fn rows_of_a_storm_become_one_storm() {
        let found = table(&(row(2, 1, "0.5,2.25,1") + &row(2, 0, "0.0,1.5,0")));
        assert_eq!((found.rows, &found.flaws), (2, &Vec::new()));
        let [storm] = found.storms.as_slice() else { panic!("{found:?}") };
        assert_eq!((storm.name.as_str(), storm.run), ("tftp-dnsmasq-curl-2-10mbit-1468", 2));
        assert_eq!((storm.cpu_busy, storm.line), (63, 2));
        assert_eq!(storm.makespan(), Span::from_millis(2750));
        assert_eq!(storm.clients.iter().map(|it| it.succeeded).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn a_client_before_its_time_moves_the_start_of_all() {
        let found = table(&(row(2, 0, "-0.002,1.0,0") + &row(2, 1, "0.001,1.0,0")));
        let starts: Vec<_> = found.storms[0].clients.iter().map(|it| it.start).collect();
        assert_eq!(starts, [Span::ZERO, Span::from_millis(3)]);
    }

    #[test]
    fn every_row_that_cannot_be_used_is_emitted_with_its_line() {
        let found = table(
            &[
                row(1, 0, "0,1,0"),
                row(1, 0, "0,1,0"),
                row(3, 0, "0,1,0"),
                row(3, 1, "0,NaN,0"),
                row(3, 7, "0,1,0"),
                row(2, 0, "-9,1,0"),
                row(4, 0, "0,1,0").replace("tftp", "gopher"),
                row(4, 0, "0,1,0").replace("10mbit", "fast"),
                "r1,tftp\n".to_owned(),
            ]
            .concat(),
        );
        assert_eq!((found.rows, found.storms.len()), (9, 1));
        let emitted: Vec<_> =
            found.flaws.iter().map(|flaw| format!("{}: {}", flaw.line, flaw.what)).collect();
        let wanted = [
            "3: client 0 stands in this storm already",
            "4: the storm tftp-dnsmasq-curl-3-10mbit-1468 of run 2 lacks 2 of its 3 clients",
            "5: dur_s is NaN s",
            "6: client_idx is 7 in a storm of 3",
            "7: start_s is -9 s",
            "8: proto is `gopher`; known are http-put",
            "9: fast or 1gbit or 1gbit is no rate such as 100mbit",
            "10: 2 cells and not 17",
        ];
        assert_eq!(emitted.len(), wanted.len(), "{emitted:#?}");
        for (emitted, wanted) in emitted.iter().zip(wanted) {
            assert!(emitted.starts_with(wanted), "{emitted} is not {wanted}");
        }
    }

    #[test]
    fn a_table_of_summaries_is_refused_with_the_columns_that_it_lacks() {
        let file = tempfile::NamedTempFile::new().expect("a temporary folder");
        std::fs::write(file.path(), "run,proto,n,makespan_s\n").expect("a disk");
        let error = read(file.path()).expect_err("no clients").to_string();
        assert!(error.contains("it has no column server, client, node_link"), "{error}");
    }
}
