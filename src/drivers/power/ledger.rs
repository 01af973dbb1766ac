//! When nodes were switched off: a file next to the inventory, so that no hour is forgotten.
//!
//! `rack.toml` has its ledger in `rack.cycles`: a line `1790000000 c0n3` for each time, seconds
//! since 1970, written before the switching. Lines that are older than an hour are dropped when the
//! file is opened. The last line may be torn, as a power cut leaves it: its switching was not
//! begun. Any other that cannot be read is reported, since a node whose cycles are forgotten gets
//! too many. Whoever has it open is alone: it is locked, so that two commands at once cannot both
//! believe that there is room for one more node to be down.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The window of `cycles_per_hour` (seconds).
const HOUR: u64 = 3_600;

/// The ledger of a rack, locked.
#[derive(Debug)]
pub struct Ledger {
    file: File,
    path: PathBuf,
    /// Second and node of each switching-off within the last hour.
    entries: Vec<(u64, String)>,
}

impl Ledger {
    /// Opens the ledger of an inventory; `now` is in seconds since 1970.
    ///
    /// # Errors
    /// When somebody else has it, or it cannot be read.
    pub fn open(inventory: &Path, now: u64) -> io::Result<Self> {
        let path = inventory.with_extension("cycles");
        let named = |error: io::Error| io::Error::new(error.kind(), reported(&path, &error));
        let opened =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = opened.map_err(named)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => named(io::Error::new(
                io::ErrorKind::ResourceBusy,
                "another command is switching nodes of this rack",
            )),
            TryLockError::Error(error) => named(error),
        })?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(named)?;
        let entry = |line: &str| {
            let (second, node) = line.split_once(' ')?;
            Some((second.parse().ok()?, node.to_owned()))
        };
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut entries: Vec<(u64, String)> = Vec::new();
        for (at, line) in whole.lines().enumerate() {
            entries.push(entry(line).ok_or_else(|| {
                let what = format!("line {} is no second and name; correct it by hand", at + 1);
                named(io::Error::new(io::ErrorKind::InvalidData, what))
            })?);
        }
        entries.retain(|(second, _)| second + HOUR > now);
        Ok(Self { file, path, entries })
    }

    /// How often a node was switched off within the last hour, and when the first of these times
    /// will be an hour ago.
    #[must_use]
    pub fn recent(&self, node: &str, now: u64) -> (u32, u64) {
        let of_node =
            self.entries.iter().filter(|(second, name)| name == node && second + HOUR > now);
        let seconds: Vec<u64> = of_node.map(|(second, _)| *second).collect();
        (seconds.len() as u32, seconds.iter().min().map_or(now, |first| first + HOUR))
    }

    /// Notes that nodes are about to be switched off.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note<'n>(
        &mut self,
        nodes: impl IntoIterator<Item = &'n str>,
        now: u64,
    ) -> io::Result<()> {
        self.entries.extend(nodes.into_iter().map(|node| (now, node.to_owned())));
        let line = |(second, node): &(u64, String)| format!("{second} {node}\n");
        let text: String = self.entries.iter().map(line).collect();
        let mut write = || {
            self.file.seek(SeekFrom::Start(0))?;
            self.file.write_all(text.as_bytes())?;
            self.file.set_len(text.len() as u64)?;
            self.file.sync_data()
        };
        write().map_err(|error| io::Error::new(error.kind(), reported(&self.path, &error)))
    }
}

fn reported(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_remembered_over_restarts_and_then_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        let rack = folder.path().join("rack.toml");
        let mut ledger = Ledger::open(&rack, 10_000).expect("opened");
        ledger.note(["n1", "n2"], 10_000).expect("noted");
        ledger.note(["n1"], 10_500).expect("noted");
        Ledger::open(&rack, 10_500).expect_err("another one has it");
        drop(ledger);
        let mut ledger = Ledger::open(&rack, 13_599).expect("opened");
        assert_eq!(ledger.recent("n1", 13_599), (2, 13_600));
        assert_eq!(ledger.recent("n1", 13_600), (1, 14_100));
        assert_eq!(ledger.recent("n3", 13_600), (0, 13_600));
        ledger.note(["n3"], 14_200).expect("noted");
        drop(ledger);
        let ledger = Ledger::open(&rack, 14_200).expect("opened");
        assert_eq!((ledger.recent("n1", 14_200).0, ledger.recent("n3", 14_200).0), (0, 1));
    }

    #[test]
    fn a_torn_last_line_is_no_line_and_another_one_that_cannot_be_read_is_reported() {
        let folder = tempfile::tempdir().expect("a folder");
        let (rack, file) = (folder.path().join("rack.toml"), folder.path().join("rack.cycles"));
        std::fs::write(&file, "9000 n1\n9000 n2\n90").expect("written");
        let ledger = Ledger::open(&rack, 9_100).expect("opened");
        assert_eq!((ledger.recent("n1", 9_100).0, ledger.recent("n2", 9_100).0), (1, 1));
        drop(ledger);
        std::fs::write(&file, "9000 n1\nodd\n9000 n2\n").expect("written");
        let reported = Ledger::open(&rack, 9_100).expect_err("it is damaged").to_string();
        assert!(reported.contains("rack.cycles: line 2 is no second and name"), "{reported}");
    }
}
