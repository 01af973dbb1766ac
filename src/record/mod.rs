//! Everything on disk: the results folder, its manifest, the event log and the fingerprint.

pub mod checksums;
pub mod codec;
mod codes;
pub mod columns;
pub mod export;
pub mod faults;
mod fields;
pub mod fingerprint;
pub mod folder;
pub mod log;
pub mod manifest;
pub mod recorder;
pub mod tables;
pub mod words;

use std::io;
use std::path::{Path, PathBuf};

pub use checksums::{Checksum, Checksums};
pub use fingerprint::Fingerprint;
pub use folder::{Finished, Folder};
pub use log::{LogReader, LogWriter, Verifier};
pub use manifest::{Manifest, Status};
pub use recorder::{Recorded, Recorder};

/// Why something could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The operating system refused.
    #[error("cannot {act} {}: {source}{}", path.display(), hint(act, source))]
    Io {
        /// What was tried, such as "write".
        act: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is not what it should be.
    #[error("{}: {why}", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, as a sentence.
        why: String,
    },
    /// The event log ends before the run did, as that of an interrupted run.
    #[error("{}: it breaks off after {events} events, before the end of the run", path.display())]
    CutOff {
        /// The log.
        path: PathBuf,
        /// Whole events before the break.
        events: u64,
    },
}

impl RecordError {
    /// Wraps an error of the operating system: `map_err(RecordError::io("write", path))`.
    pub fn io(act: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { act, path, source }
    }
}

/// What a person can do about an error of the operating system; empty if we know nothing better.
fn hint(act: &str, error: &io::Error) -> &'static str {
    use io::ErrorKind as Kind;
    if matches!(act, "read" | "open") {
        return "";
    }
    match error.kind() {
        Kind::StorageFull | Kind::QuotaExceeded => {
            "\n  hint: the disk is full: free some space, write elsewhere with --out, \
             or write less with --events faults"
        }
        Kind::PermissionDenied | Kind::ReadOnlyFilesystem => {
            "\n  hint: this place is not writable: choose another with --out"
        }
        Kind::NotADirectory | Kind::AlreadyExists => {
            "\n  hint: a file of this name is in the way: move it, or write elsewhere with --out"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_named_with_its_path_and_a_way_out() {
        let source = io::Error::from(io::ErrorKind::StorageFull);
        let text = RecordError::io("write", Path::new("results/a/events.rsl"))(source).to_string();
        assert!(text.starts_with("cannot write results/a/events.rsl: "), "{text}");
        assert!(text.contains("the disk is full") && text.contains("--out"), "{text}");
    }

    #[test]
    fn what_cannot_be_read_gets_no_hint_about_writing() {
        let source = io::Error::from(io::ErrorKind::PermissionDenied);
        let text = RecordError::io("read", Path::new("a"))(source).to_string();
        assert!(!text.contains("--out"), "{text}");
    }
}
