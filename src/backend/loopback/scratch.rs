//! What a run needs on disk: certificates, the store and what agents said, in a folder of its own.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::drivers::authority::Authority;
use crate::drivers::tls::chance;
use crate::ids::NodeId;

/// Certificates of a run: longer than any.
const DAYS: u32 = 365;

/// Runs of this process so far.
static RUNS: AtomicU32 = AtomicU32::new(0);

/// The folder of a run. It goes with this value.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// Makes a folder that nobody else can read, with certificates for so many nodes.
    pub(super) fn make(nodes: u32, host: &str) -> io::Result<Self> {
        let (process, run) = (std::process::id(), RUNS.fetch_add(1, Ordering::Relaxed));
        let name = format!("rackstorm-{process}-{run}-{:016x}", chance()?);
        let scratch = Self(std::env::temp_dir().join(name));
        fs::DirBuilder::new().mode(0o700).create(&scratch.0)?;
        fs::create_dir(scratch.0.join("said"))?;
        let (authority, _) = Authority::open(&scratch.certificates())?;
        let addresses = [host.to_owned()];
        authority.enrol_controller(&addresses, DAYS)?;
        let all: Vec<_> = (0..nodes).map(NodeId).collect();
        authority.enrol_nodes(&all, &addresses, DAYS)?;
        Ok(scratch)
    }

    /// Certificates and keys.
    pub(super) fn certificates(&self) -> PathBuf {
        self.0.join("certificates")
    }

    /// The store, which all share as they would a file server.
    pub(super) fn store(&self) -> PathBuf {
        self.0.join("store")
    }

    /// What the agent of a node says.
    pub(super) fn said(&self, name: &str) -> PathBuf {
        self.0.join("said").join(name)
    }

    /// The last thing that the agent of a node said.
    pub(super) fn last_words(&self, name: &str) -> String {
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
