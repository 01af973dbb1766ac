//! What a run needs on disk that shall not outlive it: a temporary folder that nobody else reads.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::authority::Authority;
use super::tls::chance;
use crate::ids::NodeId;

/// Certificates of a run: longer than any.
const DAYS: u32 = 365;

/// The folder. It goes with this value.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new one, with nothing in it.
    ///
    /// # Errors
    /// When none can be made.
    pub fn new() -> io::Result<Self> {
        let name = format!("rackstorm-{}-{:016x}", std::process::id(), chance()?);
        let folder = std::env::temp_dir().join(name);
        fs::DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(Self(folder))
    }

    /// One with certificates for a controller and so many nodes, all of them reached at `host`.
    ///
    /// # Errors
    /// As [`Scratch::new`].
    pub fn with_certificates(nodes: u32, host: &str) -> io::Result<Self> {
        let scratch = Self::new()?;
        fs::create_dir(scratch.0.join("said"))?;
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
        &self.0
    }

    /// Certificates and keys.
    #[must_use]
    pub fn certificates(&self) -> PathBuf {
        self.0.join("certificates")
    }

    /// The store, which all share as they would a file server.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.0.join("store")
    }

    /// What the agent of a node says.
    #[must_use]
    pub fn said(&self, name: &str) -> PathBuf {
        self.0.join("said").join(name)
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
        // What cannot be removed is the temporary folder's to lose.
        let _ = fs::remove_dir_all(&self.0);
    }
}
