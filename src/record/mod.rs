//! x.

// ---- Stand-ins of the cli branch, dropped at the merge. ----

use std::io;
use std::path::{Path, PathBuf};

use crate::analysis::Findings;
use crate::event::{Event, Sink, Stop};
use crate::plan::Plan;
use crate::scenario::{EventLevel, Loaded};

/// Stand-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Stand-in.
    Running,
    /// Stand-in.
    Finished,
    /// Stand-in.
    Interrupted,
    /// Stand-in.
    Failed,
}

/// Stand-in.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Stand-in.
    pub scenario: String,
    /// Stand-in.
    pub seed: u64,
    /// Stand-in.
    pub stage: String,
    /// Stand-in.
    pub status: Status,
    /// Stand-in.
    pub fingerprint: String,
    /// Stand-in.
    pub plan: String,
}

impl Manifest {
    /// Stand-in.
    ///
    /// # Errors
    /// Always.
    pub fn load(folder: &Path) -> io::Result<Self> {
        Err(io::Error::new(io::ErrorKind::NotFound, folder.display().to_string()))
    }
}

/// Stand-in.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
}

/// Stand-in.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Stand-in.
    pub path: PathBuf,
    /// Stand-in.
    pub already_there: bool,
}

impl Folder {
    /// Stand-in.
    ///
    /// # Errors
    /// Always.
    pub fn begin(out: &Path, _loaded: &Loaded, _plan: &Plan, _stage: &str) -> io::Result<Self> {
        Err(io::Error::other(out.display().to_string()))
    }

    /// Stand-in.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Stand-in.
    ///
    /// # Errors
    /// Never.
    pub fn finish(self, _fingerprint: &str) -> io::Result<Finished> {
        Ok(Finished { path: self.path, already_there: false })
    }

    /// Stand-in.
    ///
    /// # Errors
    /// Never.
    pub fn abandon(&mut self, _status: Status, _why: &str) -> io::Result<()> {
        Ok(())
    }
}

/// Stand-in.
#[derive(Debug)]
pub struct Recorder;

impl Recorder {
    /// Stand-in.
    ///
    /// # Errors
    /// Never.
    pub fn create(_folder: &Path, _level: EventLevel) -> io::Result<Self> {
        Ok(Self)
    }

    /// Stand-in.
    ///
    /// # Errors
    /// Never.
    pub fn finish(self) -> io::Result<String> {
        Ok(String::new())
    }
}

impl Sink for Recorder {
    fn event(&mut self, _event: &Event) -> Result<(), Stop> {
        Ok(())
    }
}

/// Stand-in.
#[derive(Debug)]
pub struct Verifier;

/// Stand-in.
#[derive(Debug)]
pub struct Replayed {
    /// Stand-in.
    pub fingerprint: String,
    /// Stand-in.
    pub difference: Option<String>,
}

impl Verifier {
    /// Stand-in.
    ///
    /// # Errors
    /// Never.
    pub fn open(_folder: &Path) -> io::Result<Self> {
        Ok(Self)
    }

    /// Stand-in.
    ///
    /// # Errors
    /// Never.
    pub fn finish(self) -> io::Result<Replayed> {
        Ok(Replayed { fingerprint: String::new(), difference: None })
    }
}

impl Sink for Verifier {
    fn event(&mut self, _event: &Event) -> Result<(), Stop> {
        Ok(())
    }
}

/// Stand-in.
///
/// # Errors
/// Never.
pub fn save_findings(_findings: &Findings, _folder: &Path) -> io::Result<()> {
    Ok(())
}

/// Stand-in.
///
/// # Errors
/// Never.
pub fn load_findings(_folder: &Path) -> io::Result<Findings> {
    Ok(Findings::default())
}

/// Stand-in.
///
/// # Errors
/// Never.
pub fn export_events(_folder: &Path, _out: &mut dyn io::Write) -> io::Result<()> {
    Ok(())
}

/// Stand-in.
pub mod tables {
    /// Stand-in.
    ///
    /// # Errors
    /// Never.
    pub fn write_plan_tables(
        _plan: &crate::plan::Plan,
        _folder: &std::path::Path,
    ) -> std::io::Result<()> {
        Ok(())
    }
}
