//! The journal of a rack: what a run found, and what it is about to do, on the disk before it does.
//!
//! ```text
//!  {"line":"begins","scenario":"a","seed":7,"found":{"pi1":"Off","pi2":"On"}}
//!  {"line":"off","node":"pi2"}
//!  {"line":"does","deed":{...},"agents":["pi1"]}
//!  {"line":"undone","number":0}
//!  {"line":"restored"}
//! ```
//!
//! `rack.toml` has its journal in `rack.journal`. A journal that begins and is not restored is
//! that of a run whose controller was killed: whoever opens the rack next puts the nodes back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::fleet::doors::{Deed, PowerState};

/// A line of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "kebab-case")]
enum Line {
    /// A run begins, and these are the states in which its nodes are left again.
    Begins { scenario: String, seed: u64, found: BTreeMap<String, PowerState> },
    /// A node is switched off.
    Off { node: String },
    /// A harm is done, by the controller's own hands or by these agents.
    Does { deed: Deed, agents: Vec<String> },
    /// It is undone.
    Undone { number: u64 },
    /// All nodes are as they were found.
    Restored,
}

/// What a run left that did not come to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    /// Its scenario.
    pub scenario: String,
    /// Its nodes by their names, and how each is to be left.
    pub found: BTreeMap<String, PowerState>,
    /// Deeds that were not undone, with the agents that were told of them.
    pub deeds: BTreeMap<u64, (Deed, Vec<String>)>,
}

impl Left {
    /// The nodes whose agents were told of a deed that was not undone.
    pub(super) fn struck(&self) -> BTreeSet<&str> {
        let agents = self.deeds.values().flat_map(|(_, agents)| agents);
        agents.map(String::as_str).collect()
    }
}

/// The journal of a rack. Who has it open is alone: the rack is locked.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    path: PathBuf,
    left: Option<Left>,
}

impl Journal {
    /// Opens the journal of an inventory.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub(super) fn open(inventory: &Path) -> io::Result<Self> {
        let path = inventory.with_extension("journal");
        let named = |error: io::Error| told(&path, &error);
        let opened =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = opened.map_err(named)?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(named)?;
        Ok(Self { file, left: left(&text), path })
    }

    /// What is to be put back, if anything is.
    pub(super) fn left(&self) -> Option<&Left> {
        self.left.as_ref()
    }

    /// A run begins.
    pub(super) fn begin(
        &mut self,
        scenario: &str,
        seed: u64,
        found: BTreeMap<String, PowerState>,
    ) -> io::Result<()> {
        assert!(self.left.is_none(), "what was left is put back first");
        let cut = self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0)));
        cut.map_err(|error| told(&self.path, &error))?;
        self.note(Line::Begins { scenario: scenario.into(), seed, found })?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all())
    }

    /// A node is about to be switched off.
    pub(super) fn off(&mut self, node: &str) -> io::Result<()> {
        self.note(Line::Off { node: node.into() })
    }

    /// A harm is about to be done.
    pub(super) fn does(&mut self, deed: &Deed, agents: Vec<String>) -> io::Result<()> {
        self.note(Line::Does { deed: deed.clone(), agents })
    }

    /// A harm was undone.
    pub(super) fn undone(&mut self, number: u64) -> io::Result<()> {
        self.note(Line::Undone { number })
    }

    /// All nodes are as they were found.
    pub(super) fn restored(&mut self) -> io::Result<()> {
        self.note(Line::Restored)
    }

    fn note(&mut self, line: Line) -> io::Result<()> {
        let mut text = serde_json::to_string(&line)?;
        text.push('\n');
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(|error| told(&self.path, &error))?;
        follow(&mut self.left, line);
        Ok(())
    }
}

fn told(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// What the lines of a journal leave. A line that was cut off says nothing: what it announces was
/// not begun.
fn left(text: &str) -> Option<Left> {
    let mut left = None;
    for line in text.lines().filter_map(|line| serde_json::from_str(line).ok()) {
        follow(&mut left, line);
    }
    left
}

fn follow(left: &mut Option<Left>, line: Line) {
    match (line, left.as_mut()) {
        (Line::Begins { scenario, found, .. }, _) => {
            *left = Some(Left { scenario, found, deeds: BTreeMap::new() });
        }
        (Line::Does { deed, agents }, Some(left)) => {
            left.deeds.insert(deed.number, (deed, agents));
        }
        (Line::Undone { number }, Some(left)) => {
            left.deeds.remove(&number);
        }
        (Line::Restored, _) => *left = None,
        // Without power its agent's harms are over.
        (Line::Off { node }, Some(left)) => {
            left.deeds.retain(|_, (_, agents)| {
                let before = agents.len();
                agents.retain(|agent| *agent != node);
                !agents.is_empty() || before == 0
            });
        }
        (Line::Off { .. } | Line::Does { .. } | Line::Undone { .. }, None) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Fault;
    use crate::fleet::doors::Means;
    use crate::ids::{FaultId, Part, PartKind};
    use crate::units::Span;

    fn deed(number: u64) -> Deed {
        Deed {
            number,
            fault: FaultId(0),
            kind: Fault::Hang,
            part: Part { kind: PartKind::Node, index: 1 },
            share_ppm: 0,
            lasts: None,
            lease: Span(5),
            means: Means::Usual,
        }
    }

    #[test]
    fn what_was_not_undone_is_left_wherever_the_journal_is_cut() {
        let folder = tempfile::tempdir().expect("a folder");
        let rack = folder.path().join("rack.toml");
        let found = BTreeMap::from([("a".to_owned(), PowerState::On)]);
        let mut journal = Journal::open(&rack).expect("a journal");
        assert_eq!(journal.left(), None);
        journal.begin("s", 7, found.clone()).expect("noted");
        for number in 0..3 {
            let agent = if number == 2 { "b" } else { "a" };
            journal.does(&deed(number), vec![agent.into()]).expect("noted");
        }
        journal.undone(0).expect("noted");
        journal.off("b").expect("noted");
        drop(journal);
        let file = folder.path().join("rack.journal");
        let text = std::fs::read_to_string(&file).expect("it is there");
        let journal = Journal::open(&rack).expect("a journal");
        let whole = journal.left().expect("it was not restored").clone();
        assert_eq!((&whole.found, whole.deeds.keys().collect::<Vec<_>>()), (&found, vec![&1]));
        assert_eq!(whole.struck(), BTreeSet::from(["a"]));
        let first = text.find('\n').expect("many lines") + 1;
        for cut in first..text.len() {
            let left = left(&text[..cut]).expect("it had begun");
            assert_eq!(left.found, found, "{cut}");
        }
        assert_eq!(left(&text[..first - 2]), None, "nothing was done before the line was whole");
    }

    #[test]
    fn a_journal_that_was_restored_leaves_nothing_and_begins_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let rack = folder.path().join("rack.toml");
        let mut journal = Journal::open(&rack).expect("a journal");
        for _ in 0..2 {
            journal.begin("s", 7, BTreeMap::new()).expect("noted");
            journal.does(&deed(1), vec![]).expect("noted");
            journal.restored().expect("noted");
        }
        drop(journal);
        assert_eq!(Journal::open(&rack).expect("a journal").left(), None);
        let text = std::fs::read_to_string(folder.path().join("rack.journal")).expect("a file");
        assert_eq!(text.lines().count(), 3);
    }
}
