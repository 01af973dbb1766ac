//! What a run needs on disk that shall not outlive it: a temporary folder that nobody else reads.
//!
//! Its owner holds a lock on it, which the system lets go when he is killed. A folder of this user
//! that has something in it and no lock is what a killed run left: the next one removes it. One
//! that is empty may be another's who has not locked it yet, and holds no secret.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::authority::Authority;
use super::tls::chance;
use crate::ids::NodeId;

/// Certificates of a run: longer than any.
const DAYS: u32 = 365;

/// What its name begins with.
const PREFIX: &str = "rackstorm-";
/// Tries to remove it: who has just been killed may still be in the middle of a write.
const TRIES: u32 = 3;

/// The folder. It goes with this value.
#[derive(Debug)]
pub struct Scratch {
    folder: PathBuf,
    /// Open as long as the folder is in use.
    _lock: File,
}

impl Scratch {
    /// A new one, with nothing in it.
    ///
    /// # Errors
    /// When none can be made.
    pub fn new() -> io::Result<Self> {
        Self::below(&std::env::temp_dir())
    }

    fn below(all: &Path) -> io::Result<Self> {
        clear(all);
        let folder = all.join(format!("{PREFIX}{}-{:016x}", std::process::id(), chance()?));
        fs::DirBuilder::new().mode(0o700).create(&folder)?;
        let lock = File::open(&folder)?;
        lock.lock()?;
        Ok(Self { folder, _lock: lock })
    }

    /// One with certificates for a controller and so many nodes, all of them reached at `host`.
    ///
    /// # Errors
    /// As [`Scratch::new`].
    pub fn with_certificates(nodes: u32, host: &str) -> io::Result<Self> {
        let scratch = Self::new()?;
        fs::create_dir(scratch.folder.join("said"))?;
        fs::create_dir(scratch.store())?;
        let (authority, _) = Authority::open(&scratch.certificates())?;
        let addresses = [host.to_owned()];
        authority.enrol_controller(&addresses, DAYS)?;
        let all: Vec<_> = (0..nodes).map(NodeId).collect();
        authority.enrol_nodes(&all, &addresses, DAYS)?;
        Ok(scratch)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Certificates and keys.
    #[must_use]
    pub fn certificates(&self) -> PathBuf {
        self.folder.join("certificates")
    }

    /// The store, which all share as they would a file server.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.folder.join("store")
    }

    /// What the agent of a node says.
    #[must_use]
    pub fn said(&self, name: &str) -> PathBuf {
        self.folder.join("said").join(name)
    }

    /// The last thing that the agent of a node said.
    #[must_use]
    pub fn last_words(&self, name: &str) -> String {
        let text = fs::read_to_string(self.said(name)).unwrap_or_default();
        text.lines().last().unwrap_or("it said nothing").to_owned()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Keys first. What cannot be removed now the next run removes.
        let _ = fs::remove_dir_all(self.certificates());
        (0..TRIES).any(|_| fs::remove_dir_all(&self.folder).is_ok());
    }
}

/// Removes what killed runs left.
fn clear(all: &Path) {
    for entry in fs::read_dir(all).into_iter().flatten().filter_map(Result::ok) {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            // What is not to be touched, or gone meanwhile, stays as it is.
            let _ = remove_left(&entry.path());
        }
    }
}

/// Removes a folder if a killed run left it.
fn remove_left(folder: &Path) -> io::Result<()> {
    let facts = fs::symlink_metadata(folder)?;
    if !facts.is_dir() || facts.uid() != rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    let lock = File::open(folder)?;
    if lock.try_lock().is_err() || fs::read_dir(folder)?.next().is_none() {
        return Ok(());
    }
    fs::remove_dir_all(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_one_removes_what_a_killed_run_left_and_nothing_else() {
        let all = tempfile::tempdir().expect("a temporary folder");
        let path = |name: &str| all.path().join(name);
        for name in ["rackstorm-1-left", "rackstorm-2-new", "other-3"] {
            fs::create_dir(path(name)).expect("a folder");
        }
        for name in ["rackstorm-1-left/authority.key", "other-3/file", "rackstorm-file"] {
            fs::write(path(name), "secret").expect("a file");
        }
        let aim = path("other-3");
        std::os::unix::fs::symlink(&aim, path("rackstorm-4-link")).expect("a link");
        let first = Scratch::below(all.path()).expect("a folder");
        fs::write(first.path().join("file"), "in use").expect("a file");
        let second = Scratch::below(all.path()).expect("a folder");
        assert!(!path("rackstorm-1-left").exists());
        assert!(first.path().join("file").exists(), "it is in use");
        assert!(path("rackstorm-2-new").exists(), "it may be about to be used");
        assert!(aim.join("file").exists() && path("rackstorm-file").exists());
        let (one, two) = (first.path().to_owned(), second.path().to_owned());
        drop((first, second));
        assert!(!one.exists() && !two.exists());
    }
}
