//! The journal of a rack: what is to be put back, on the disk before anything is done.
//!
//! ```text
//!  5b0c62e1... 41 {"line":"begins","scenario":"a","seed":7,"found":{"pi1":"Off","pi2":"On"}}
//!  e7714f0a... 1b {"line":"off","node":"pi2"}
//!  09ab3d55... 2f {"line":"does","injection":{...},"agents":["pi1"]}
//!  c01d7e98... 1c {"line":"undone","number":0}
//! ```
//!
//! `rack.toml` has its journal in `rack.journal`. A run begins it with how it found its nodes; a
//! command by hand writes what it wants of its nodes before it touches them. When all of them are
//! so, the journal is empty again: one that is not is that of a program that was killed, or that
//! could not put something back, and whoever opens the rack next does.
//!
//! A line begins with a checksum over itself and all before it, the first 8 bytes of SHA-256, and
//! with the length of the rest. The last line may be torn, as a power cut leaves it: what it
//! announces was not begun. Anything else that is not as it was written is reported by its line,
//! and nothing is believed: who takes wrong states for found would leave the rack in them.
//!
//! Room for some thousand lines is reserved when the first one is written, so that a disk that
//! fills up in the middle keeps nobody from noting what it does. Emptying the journal needs none.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::fleet::ports::{InjectionOrder, PowerState};

/// What is reserved (bytes): a harm takes some 300, with its undoing and the names of its agents.
const RESERVE: u64 = 1 << 18;

/// A line of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "kebab-case")]
enum Line {
    /// A run begins, and these are the states in which its nodes are left again.
    Begins { scenario: String, seed: u64, found: BTreeMap<String, PowerState> },
    /// A command by hand wants nodes to be left so.
    Wants { command: String, nodes: BTreeMap<String, PowerState> },
    /// A node is switched off.
    Off { node: String },
    /// A harm is done, by the controller's own actuators or by these agents.
    Does { injection: InjectionOrder, agents: Vec<String> },
    /// It is undone.
    Undone { number: u64 },
    /// These nodes are as they are to be left, or somebody has them in hand.
    Settled { nodes: BTreeSet<String> },
}

/// What was left by a run or a command that did not come to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Its scenario, or the command.
    pub scenario: String,
    /// Nodes by their names, and how each is to be left.
    pub found: BTreeMap<String, PowerState>,
    /// Injections that were not undone, with the agents that were informed of them.
    pub injections: BTreeMap<u64, (InjectionOrder, Vec<String>)>,
}

impl Left {
    /// The nodes whose agents were informed of an injection that was not undone.
    #[must_use]
    pub fn struck(&self) -> BTreeSet<&str> {
        let agents = self.injections.values().flat_map(|(_, agents)| agents);
        agents.map(String::as_str).collect()
    }
}

/// The journal of a rack. Who has it open is alone: the rack is locked.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    lines: Lines,
    /// The byte up to which there is room in any case.
    reserved: u64,
}

/// What the lines of a journal say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Lines {
    left: Option<Left>,
    /// Where the next one begins.
    end: u64,
    /// The checksum of the last one.
    sum: u64,
}

impl Journal {
    /// Opens the journal of an inventory.
    ///
    /// # Errors
    /// When it cannot be read or written, or is damaged.
    pub fn open(inventory: &Path) -> io::Result<Self> {
        let path = inventory.with_extension("journal");
        let named = |error: io::Error| reported(&path, &error);
        let opened =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = opened.map_err(named)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(named)?;
        let lines = Lines::read(&bytes).map_err(|line| {
            let text = format!(
                "line {line} is damaged, so that nothing of it is believed; look at the nodes with \
                 `rackstorm rack status`, move the file away, and switch back by hand what is not \
                 as it should be"
            );
            named(io::Error::new(io::ErrorKind::InvalidData, text))
        })?;
        // What is torn would be a line in the middle once another one stands behind it.
        file.set_len(lines.end).map_err(named)?;
        Ok(Self { file, path, lines, reserved: 0 })
    }

    /// What is to be put back, if anything is.
    #[must_use]
    pub fn left(&self) -> Option<&Left> {
        self.lines.left.as_ref()
    }

    /// A run begins.
    ///
    /// # Errors
    /// When there is no room for a journal.
    pub fn begin(
        &mut self,
        scenario: &str,
        seed: u64,
        found: BTreeMap<String, PowerState>,
    ) -> io::Result<()> {
        assert!(self.left().is_none(), "what was left is put back first");
        self.prepare()?;
        self.note(Line::Begins { scenario: scenario.into(), seed, found })
    }

    /// A command by hand is about to leave nodes in other states than these for a while.
    ///
    /// # Errors
    /// When there is no room for a journal.
    pub fn want<'n>(
        &mut self,
        command: &str,
        nodes: impl IntoIterator<Item = (&'n str, PowerState)>,
    ) -> io::Result<()> {
        if self.left().is_none() {
            self.prepare()?;
        }
        let nodes = nodes.into_iter().map(|(name, state)| (name.to_owned(), state)).collect();
        self.note(Line::Wants { command: command.into(), nodes })
    }

    /// A node is about to be switched off.
    ///
    /// # Errors
    /// When it cannot be noted.
    pub fn off(&mut self, node: &str) -> io::Result<()> {
        if self.left().is_none() {
            // There is nothing that this could end.
            return Ok(());
        }
        self.note(Line::Off { node: node.into() })
    }

    /// A harm is about to be done.
    ///
    /// # Errors
    /// When it cannot be noted.
    pub fn does(&mut self, injection: &InjectionOrder, agents: Vec<String>) -> io::Result<()> {
        self.note(Line::Does { injection: injection.clone(), agents })
    }

    /// A harm was undone.
    ///
    /// # Errors
    /// When it cannot be noted.
    pub fn undone(&mut self, number: u64) -> io::Result<()> {
        self.note(Line::Undone { number })
    }

    /// Nodes are as they are to be left, or somebody has them in hand who decides that anew.
    ///
    /// # Errors
    /// When it cannot be noted.
    pub fn settle<'n>(&mut self, nodes: impl IntoIterator<Item = &'n str>) -> io::Result<()> {
        let Some(left) = self.left() else { return Ok(()) };
        let known = nodes.into_iter().filter(|name| left.found.contains_key(*name));
        let nodes: BTreeSet<String> = known.map(str::to_owned).collect();
        if nodes.len() == left.found.len() {
            return self.clear().map_err(|error| reported(&self.path, &error));
        }
        if nodes.is_empty() { Ok(()) } else { self.note(Line::Settled { nodes }) }
    }

    /// An empty journal, with room for what is to come.
    fn prepare(&mut self) -> io::Result<()> {
        let mut prepare = || {
            self.clear()?;
            self.reserve()?;
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        };
        prepare().map_err(|error| reported(&self.path, &error))
    }

    fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.sync_data()?;
        (self.lines, self.reserved) = (Lines::default(), 0);
        Ok(())
    }

    /// Keeps room for what is written next. Some file systems cannot; then it is seen when it is
    /// written.
    fn reserve(&mut self) -> io::Result<()> {
        let end = self.lines.end;
        match fallocate(&self.file, FallocateFlags::KEEP_SIZE, end, RESERVE) {
            Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
                self.reserved = end + RESERVE;
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn note(&mut self, line: Line) -> io::Result<()> {
        let text = serde_json::to_string(&line)?;
        let sum = chained(self.lines.sum, &text);
        let whole = written(sum, &text) + "\n";
        let (start, end) = (self.lines.end, self.lines.end + whole.len() as u64);
        if end > self.reserved {
            // Where there is no room for many lines there may be room for this one.
            let _ = self.reserve();
        }
        let written = self.file.write_all_at(whole.as_bytes(), start);
        written.and_then(|()| self.file.sync_data()).map_err(|error| {
            // The half of it that was written would be a torn line in the middle.
            let _ = self.file.set_len(start);
            reported(&self.path, &error)
        })?;
        (self.lines.end, self.lines.sum) = (end, sum);
        follow(&mut self.lines.left, line);
        Ok(())
    }
}

fn reported(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// The checksum of a line after one with this checksum.
fn chained(before: u64, text: &str) -> u64 {
    let digest = Sha256::new().chain_update(before.to_be_bytes()).chain_update(text).finalize();
    digest[..8].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

impl Lines {
    /// Reads all lines; if one is damaged, its number from 1 on.
    fn read(bytes: &[u8]) -> Result<Self, usize> {
        let (mut own, mut number) = (Self::default(), 0);
        loop {
            number += 1;
            let rest = &bytes[own.end as usize..];
            let end = rest.iter().position(|byte| *byte == b'\n');
            let Some(end) = end else {
                return if is_torn(rest) { Ok(own) } else { Err(number) };
            };
            let (sum, line) = own.check(&rest[..end]).ok_or(number)?;
            follow(&mut own.left, line);
            own.sum = sum;
            own.end += end as u64 + 1;
        }
    }

    fn check(&self, line: &[u8]) -> Option<(u64, Line)> {
        let (_, text) = parts(line)?;
        let sum = chained(self.sum, text);
        let good = line == written(sum, text).as_bytes();
        Some((sum, serde_json::from_str(text).ok().filter(|_| good)?))
    }
}

/// A line as it is written, but for its end.
fn written(sum: u64, text: &str) -> String {
    format!("{sum:016x} {:x} {text}", text.len())
}

/// Length and text of a line, as it says.
fn parts(line: &[u8]) -> Option<(usize, &str)> {
    let (_, rest) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    let (length, text) = rest.split_once(' ')?;
    Some((usize::from_str_radix(length, 16).ok()?, text))
}

/// Whether these are the first bytes of a line, or none at all; some file systems leave zeros where
/// bytes should have come.
fn is_torn(rest: &[u8]) -> bool {
    let zeros = rest.iter().rev().take_while(|byte| **byte == 0).count();
    let rest = &rest[..rest.len() - zeros];
    match parts(rest) {
        Some((length, text)) => text.len() <= length,
        // Not even the length is there: 16 digits, a space and some digits.
        None => rest.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b' '),
    }
}

fn follow(left: &mut Option<Left>, line: Line) {
    match (line, left.as_mut()) {
        (Line::Begins { scenario, found, .. }, _) => {
            *left = Some(Left { scenario, found, injections: BTreeMap::new() });
        }
        (Line::Wants { command, nodes }, None) => {
            *left = Some(Left { scenario: command, found: nodes, injections: BTreeMap::new() });
        }
        (Line::Wants { nodes, .. }, Some(left)) => left.found.extend(nodes),
        (Line::Settled { nodes }, Some(left)) => left.found.retain(|name, _| !nodes.contains(name)),
        (Line::Does { injection, agents }, Some(left)) => {
            left.injections.insert(injection.number, (injection, agents));
        }
        (Line::Undone { number }, Some(left)) => {
            left.injections.remove(&number);
        }
        // Without power its agent's harms are over.
        (Line::Off { node }, Some(left)) => {
            left.injections.retain(|_, (_, agents)| {
                let before = agents.len();
                agents.retain(|agent| *agent != node);
                !agents.is_empty() || before == 0
            });
        }
        (
            Line::Off { .. } | Line::Does { .. } | Line::Undone { .. } | Line::Settled { .. },
            None,
        ) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Fault;
    use crate::fleet::ports::Means;
    use crate::ids::{FaultId, Part, PartKind};
    use crate::units::Span;

    fn injection(number: u64) -> InjectionOrder {
        InjectionOrder {
            number,
            fault: FaultId(0),
            kind: Fault::Hang,
            part: Part { kind: PartKind::Node, index: 1 },
            lasts: None,
            lease: Span(5),
            means: Means::Usual,
        }
    }

    /// A rack, and the bytes of a journal that was begun and not restored.
    fn begun() -> (tempfile::TempDir, PathBuf, BTreeMap<String, PowerState>) {
        let folder = tempfile::tempdir().expect("a folder");
        let rack = folder.path().join("rack.toml");
        let found = BTreeMap::from([("a".to_owned(), PowerState::On)]);
        let mut journal = Journal::open(&rack).expect("a journal");
        assert_eq!(journal.left(), None);
        journal.begin("s", 7, found.clone()).expect("noted");
        for number in 0..3 {
            let agent = if number == 2 { "b" } else { "a" };
            journal.does(&injection(number), vec![agent.into()]).expect("noted");
        }
        journal.undone(0).expect("noted");
        journal.off("b").expect("noted");
        (folder, rack, found)
    }

    fn bytes(rack: &Path) -> Vec<u8> {
        std::fs::read(rack.with_extension("journal")).expect("it is there")
    }

    #[test]
    fn what_was_not_undone_is_left_wherever_the_journal_is_cut() {
        let (_folder, rack, found) = begun();
        let journal = Journal::open(&rack).expect("a journal");
        let whole = journal.left().expect("it was not restored").clone();
        assert_eq!((&whole.found, whole.injections.keys().collect::<Vec<_>>()), (&found, vec![&1]));
        assert_eq!(whole.struck(), BTreeSet::from(["a"]));
        let bytes = bytes(&rack);
        let first = bytes.iter().position(|byte| *byte == b'\n').expect("many lines") + 1;
        for cut in 0..bytes.len() {
            for zeros in [0, 40] {
                let torn = [&bytes[..cut], &vec![0; zeros]].concat();
                let left = Lines::read(&torn).expect("a torn line is none").left;
                // Nothing was done before the first line was whole.
                let wanted = (cut >= first).then_some(&found);
                assert_eq!(left.as_ref().map(|left| &left.found), wanted, "{cut}");
            }
        }
    }

    #[test]
    fn a_changed_byte_anywhere_is_reported_by_its_line_and_nothing_is_believed() {
        let (_folder, rack, _) = begun();
        let good = bytes(&rack);
        let mut line = 1;
        for at in 0..good.len() {
            for flip in [1, 2, 4, 8, 16, 32, 64, 128] {
                let mut bad = good.clone();
                bad[at] ^= flip;
                assert_eq!(Lines::read(&bad), Err(line), "byte {at} ^ {flip}");
            }
            line += usize::from(good[at] == b'\n');
        }
        let lines: Vec<&[u8]> = good.split_inclusive(|byte| *byte == b'\n').collect();
        for at in 0..lines.len() - 1 {
            let lost = [&lines[..at], &lines[at + 1..]].concat().concat();
            assert_eq!(Lines::read(&lost), Err(at + 1), "line {} is missing", at + 1);
            let twice = [&lines[..=at], &lines[at..]].concat().concat();
            assert_eq!(Lines::read(&twice), Err(at + 2), "line {} twice", at + 1);
        }
        std::fs::write(rack.with_extension("journal"), b"odd\n").expect("written");
        let reported = Journal::open(&rack).expect_err("it is damaged").to_string();
        assert!(reported.contains("rack.journal: line 1 is damaged"), "{reported}");
    }

    #[test]
    fn a_torn_line_is_written_over() {
        let (_folder, rack, found) = begun();
        let torn = bytes(&rack);
        std::fs::write(rack.with_extension("journal"), &torn[..torn.len() - 3]).expect("written");
        let mut journal = Journal::open(&rack).expect("a journal");
        // The new line is shorter than what is left of the torn one would be.
        journal.undone(1).expect("noted");
        let left = Journal::open(&rack).expect("a journal").left().expect("begun").clone();
        assert_eq!((left.found, left.injections.keys().collect::<Vec<_>>()), (found, vec![&2]));
    }

    #[test]
    fn a_journal_whose_nodes_are_settled_is_empty_and_begins_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let rack = folder.path().join("rack.toml");
        let mut journal = Journal::open(&rack).expect("a journal");
        for _ in 0..2 {
            journal.begin("s", 7, BTreeMap::from([("a".into(), PowerState::On)])).expect("noted");
            journal.does(&injection(1), vec![]).expect("noted");
            journal.settle(["a"]).expect("noted");
            assert!(journal.left().is_none() && bytes(&rack).is_empty());
        }
        journal.off("a").expect("nothing to note");
        assert!(bytes(&rack).is_empty());
    }

    #[test]
    fn what_a_command_wants_overrides_what_a_run_found_until_it_is_settled() {
        let folder = tempfile::tempdir().expect("a folder");
        let rack = folder.path().join("rack.toml");
        let mut journal = Journal::open(&rack).expect("a journal");
        let found = [("a", PowerState::Off), ("b", PowerState::Off)];
        let found = found.map(|(name, state)| (name.to_owned(), state));
        journal.begin("s", 7, BTreeMap::from(found)).expect("noted");
        journal.want("rack cycle", [("b", PowerState::On), ("c", PowerState::On)]).expect("noted");
        let left = |journal: &Journal| -> Vec<(String, PowerState)> {
            let left = journal.left().expect("something");
            left.found.iter().map(|(name, state)| (name.clone(), *state)).collect()
        };
        let all = [("a", PowerState::Off), ("b", PowerState::On), ("c", PowerState::On)];
        assert_eq!(left(&journal), all.map(|(name, state)| (name.to_owned(), state)));
        journal.settle(["b", "c", "d"]).expect("noted");
        drop(journal);
        let journal = Journal::open(&rack).expect("a journal");
        assert_eq!(left(&journal), [("a".to_owned(), PowerState::Off)]);
    }
}
