//! The journal of harms: on the disk before they are done, and gone when they are undone.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::undo::Undo;

/// The ending of an entry's name.
const ENDING: &str = "harm";

/// A journal: a folder with a file for each harm that is done.
#[derive(Clone, Debug)]
pub struct Journal {
    folder: PathBuf,
    /// What distinguishes this life of the agent from others: the entry of an older one is none of
    /// its.
    life: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    /// The boot in which it was written.
    boot: String,
    undo: Vec<Undo>,
}

impl Journal {
    /// The journal in a folder, which is made if it is not there; nobody else may write into it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(folder: PathBuf, life: String) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        Ok(Self { folder, life })
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{}-{number}.{ENDING}", self.life))
    }

    /// Brings to the disk what undoes a harm, and says where it stands.
    ///
    /// # Errors
    /// When it is not there for sure.
    pub fn write(&self, number: u64, undo: Vec<Undo>) -> io::Result<PathBuf> {
        let entry = serde_json::to_vec(&Entry { boot: boot(), undo })?;
        let (path, temporary) =
            (self.path(number), self.folder.join(format!(".{}-{number}", self.life)));
        let mut open = File::options();
        let mut file = open.write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(&entry)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        File::open(&self.folder)?.sync_all()?;
        Ok(path)
    }

    /// Undoes a harm, if it is not undone already.
    ///
    /// # Errors
    /// When something of it is left; its entry is, too.
    pub fn undo(&self, number: u64) -> io::Result<()> {
        undo(&self.path(number))
    }

    /// Undoes all that it holds.
    ///
    /// # Errors
    /// The first; the others are undone.
    pub fn undo_all(&self) -> io::Result<()> {
        let mut outcome = Ok(());
        for file in fs::read_dir(&self.folder)? {
            let path = file?.path();
            if path.extension().is_some_and(|ending| ending == ENDING) {
                outcome = outcome.and(undo(&path));
            }
        }
        outcome
    }
}

/// Undoes what an entry says, and then strikes it out.
///
/// # Errors
/// As [`run`]; the entry stays.
pub(super) fn undo(path: &Path) -> io::Result<()> {
    run(path)?;
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Undoes what an entry says, the last step first; one that is struck out says nothing.
///
/// # Errors
/// The first; all steps are tried.
pub(super) fn run(path: &Path) -> io::Result<()> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        bytes => bytes?,
    };
    let entry: Entry = serde_json::from_slice(&bytes)?;
    let same_boot = entry.boot == boot();
    let due = entry.undo.iter().rev().filter(|undo| same_boot || undo.outlives_the_boot());
    due.map(Undo::run).fold(Ok(()), io::Result::and)
}

/// What distinguishes one boot of the machine from another; empty where the system does not.
fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_undone_is_struck_out_and_what_is_not_stays() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let journal = Journal::open(folder.path().join("state"), "a".into()).expect("a journal");
        let path = folder.path().join("fill");
        fs::write(&path, "full").expect("written");
        let entry = journal.write(3, vec![Undo::File { path: path.clone() }]).expect("written");
        assert!(entry.exists());
        journal.undo(3).expect("undone");
        assert!(!path.exists() && !entry.exists());
        journal.undo(3).expect("undone already");
        // A folder in the place of the file cannot be removed as one.
        fs::create_dir(&path).expect("a folder");
        let entry = journal.write(4, vec![Undo::File { path: path.clone() }]).expect("written");
        journal.undo_all().expect_err("something is left");
        assert!(entry.exists());
        fs::remove_dir(&path).expect("it goes");
        Journal::open(folder.path().join("state"), "b".into())
            .expect("again")
            .undo_all()
            .expect("undone");
        assert!(!entry.exists());
    }

    #[test]
    fn after_another_boot_only_files_are_left_to_undo() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (file, group) = (folder.path().join("fill"), folder.path().join("group"));
        fs::write(&file, "full").expect("written");
        fs::create_dir(&group).expect("a folder");
        fs::write(group.join("cgroup.procs"), "").expect("written");
        let back = folder.path().to_owned();
        let undo =
            vec![Undo::Group { folder: group.clone(), back }, Undo::File { path: file.clone() }];
        let entry = Entry { boot: "another".into(), undo };
        let path = folder.path().join("5.harm");
        fs::write(&path, serde_json::to_vec(&entry).expect("plain data")).expect("written");
        super::undo(&path).expect("undone");
        assert!(!file.exists() && group.exists() && !path.exists());
    }
}
