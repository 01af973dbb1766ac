//! The results folder: named after its fingerprint once finished, never overwritten.
//!
//! While it is written it is called `<seed>-<stage>-<counter>.partial`; the rename at the end is
//! the moment of success. What is interrupted stays a `.partial`, with a manifest that says so.
//! Whoever plays a run holds a lock on its folder, which the system takes away with the process: so
//! a run that was killed is known from one that goes on.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::manifest::{Manifest, Status};
use super::{Checksums, RecordError, checksums};
use crate::untrusted::folder_name;

/// The name of the resolved scenario in a results folder.
pub const SCENARIO: &str = "scenario.toml";

/// Digits of the fingerprint in the folder's name.
const DIGITS: usize = 16;

/// Folders of one name that we try before we think that something else is wrong.
const TRIES: u32 = 1_000_000;

/// A results folder that is being written.
#[derive(Debug)]
pub struct Folder {
    partial: PathBuf,
    /// The folder of the scenario.
    home: PathBuf,
    /// The beginning of the final name: `<seed>-<stage>`.
    stem: String,
    _hold: Option<File>,
}

/// A results folder that is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Where it is.
    pub path: PathBuf,
    /// Whether an identical run had left it there before; the new one was dropped.
    pub already_there: bool,
}

impl Folder {
    /// Creates `<out>/<scenario>/<seed>-<stage>-<counter>.partial`; a name that is none for a
    /// folder is made one.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn begin(out: &Path, scenario: &str, seed: u64, stage: &str) -> Result<Self, RecordError> {
        let home = out.join(folder_name(scenario));
        fs::create_dir_all(&home).map_err(RecordError::io("create", &home))?;
        let stem = format!("{seed}-{stage}");
        for counter in 1..TRIES {
            let partial = home.join(format!("{stem}-{counter}.partial"));
            // Creating a folder is atomic: of two processes only one gets the name.
            match fs::create_dir(&partial) {
                Ok(()) => {
                    let hold = hold(&partial);
                    return Ok(Self { partial, home, stem, _hold: hold });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(RecordError::io("create", &partial)(error)),
            }
        }
        let why = "it holds too many unfinished runs (*.partial): remove some".to_owned();
        Err(RecordError::Foreign { path: home, why })
    }

    /// Where to write.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.partial
    }

    /// Leaves the unfinished folder behind, with a manifest that says why.
    ///
    /// # Errors
    /// When the manifest cannot be written; the folder stays as it is.
    pub fn leave(
        self,
        manifest: &mut Manifest,
        status: Status,
        why: &str,
    ) -> Result<PathBuf, RecordError> {
        manifest.end(status, why);
        manifest.write(&self.partial)?;
        // What the files hold needs space that a full disk does not have.
        manifest.files = Some(checksums::of_folder(&self.partial, Checksums::new())?);
        manifest.write(&self.partial)?;
        Ok(self.partial)
    }

    /// Brings everything to the disk and gives the folder, whose manifest says that the run is
    /// finished, its final name, `<seed>-<stage>-<16 digits of the fingerprint>`.
    ///
    /// An identical finished run is kept and this one dropped, unless its files are damaged. It is
    /// kept as well, and so is a different run with that name (another log level, a scenario with
    /// other expectations): this one then gets `-2`, `-3`, ... at the end of its name.
    ///
    /// # Errors
    /// When the disk refuses; the folder then stays a `.partial`, whole.
    pub fn finish(self) -> Result<Finished, RecordError> {
        let mine = Manifest::of_finished(&self.partial)?;
        let fingerprint = mine.fingerprint.as_deref().expect("a finished run has its fingerprint");
        sync_all(&self.partial)?;
        let digits = &fingerprint[..DIGITS.min(fingerprint.len())];
        let mut counter = 1;
        while counter < TRIES {
            let tail = if counter == 1 { String::new() } else { format!("-{counter}") };
            let path = self.home.join(format!("{}-{digits}{tail}", self.stem));
            if path.symlink_metadata().is_ok() {
                if is_same_run(&path, &mine) {
                    fs::remove_dir_all(&self.partial)
                        .map_err(RecordError::io("remove", &self.partial))?;
                    return Ok(Finished { path, already_there: true });
                }
                counter += 1;
                continue;
            }
            match fs::rename(&self.partial, &path) {
                Ok(()) => {
                    sync_folder(&self.home)?;
                    return Ok(Finished { path, already_there: false });
                }
                // Another process finished the same run just now: look at it again.
                Err(_) if path.symlink_metadata().is_ok() => {}
                Err(error) => return Err(RecordError::io("rename", &self.partial)(error)),
            }
        }
        let why = format!("it holds too many results named {}-{digits}", self.stem);
        Err(RecordError::Foreign { path: self.home, why })
    }
}

/// Whether the folder holds a finished run that is the same as ours, and whole.
fn is_same_run(folder: &Path, mine: &Manifest) -> bool {
    let Ok(theirs) = Manifest::of_finished(folder) else { return false };
    let is_whole = |files| checksums::damaged(folder, files).is_ok_and(|them| them.is_empty());
    mine.same_run(&theirs) && theirs.files.as_ref().is_none_or(is_whole)
}

/// Holds a folder until the value is dropped, and waits for whoever holds it. `None` where the
/// system cannot lock folders.
#[must_use]
pub fn hold(folder: &Path) -> Option<File> {
    let file = File::open(folder).ok()?;
    file.lock().ok().map(|()| file)
}

/// Whether a process of this machine holds the folder; `None` if that cannot be known.
pub(super) fn is_held(folder: &Path) -> Option<bool> {
    match File::open(folder).ok()?.try_lock_shared() {
        Ok(()) => Some(false),
        Err(TryLockError::WouldBlock) => Some(true),
        Err(TryLockError::Error(_)) => None,
    }
}

/// Brings every file of the folder to the disk, so that a crash after the rename loses nothing.
fn sync_all(folder: &Path) -> Result<(), RecordError> {
    let entries = fs::read_dir(folder).map_err(RecordError::io("read", folder))?;
    for entry in entries {
        let path = entry.map_err(RecordError::io("read", folder))?.path();
        if path.is_dir() {
            sync_all(&path)?;
        } else {
            let sync = File::open(&path).and_then(|file| file.sync_all());
            sync.map_err(RecordError::io("write", &path))?;
        }
    }
    sync_folder(folder)
}

fn sync_folder(folder: &Path) -> Result<(), RecordError> {
    // Only Unix can sync a folder; elsewhere the rename is as safe as the system makes it.
    if cfg!(unix) {
        let sync = File::open(folder).and_then(|file| file.sync_all());
        sync.map_err(RecordError::io("write", folder))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::words;
    use crate::scenario::EventLevel;

    const PRINT: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn run(out: &Path, level: EventLevel) -> Finished {
        let folder = Folder::begin(out, "boot", 42, "model").expect("a folder");
        let mut manifest = Manifest::begin("boot", 42, "model", level, Vec::new());
        fs::create_dir(folder.path().join("plan")).expect("a disk");
        fs::write(folder.path().join("plan/a.csv"), words::event_level(level)).expect("a disk");
        manifest.fingerprint = Some(PRINT.to_owned());
        manifest.end(Status::Finished, "all-up");
        manifest.files = checksums::of_folder(folder.path(), Checksums::new()).ok();
        manifest.write(folder.path()).expect("a disk");
        folder.finish().expect("a disk")
    }

    fn names(out: &Path) -> Vec<String> {
        let entries = fs::read_dir(out.join("boot")).expect("a folder");
        let name = |entry: io::Result<fs::DirEntry>| {
            entry.expect("an entry").file_name().into_string().expect("text")
        };
        let mut names: Vec<_> = entries.map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn a_finished_run_is_named_after_its_fingerprint_and_an_identical_one_is_dropped() {
        let out = tempfile::tempdir().expect("a folder");
        let first = run(out.path(), EventLevel::All);
        assert!(!first.already_there);
        assert_eq!(first.path, out.path().join("boot/42-model-0123456789abcdef"));
        let second = run(out.path(), EventLevel::All);
        assert_eq!(second, Finished { already_there: true, ..first });
        assert_eq!(names(out.path()), ["42-model-0123456789abcdef"]);
    }

    #[test]
    fn a_run_that_leaves_other_files_is_kept_next_to_the_first() {
        let out = tempfile::tempdir().expect("a folder");
        run(out.path(), EventLevel::All);
        let faults = run(out.path(), EventLevel::Faults);
        assert!(!faults.already_there);
        assert!(run(out.path(), EventLevel::Faults).already_there);
        assert_eq!(names(out.path()), ["42-model-0123456789abcdef", "42-model-0123456789abcdef-2"]);
        let first = out.path().join("boot/42-model-0123456789abcdef/plan/a.csv");
        assert_eq!(fs::read_to_string(first).expect("a file"), "all");
    }

    #[test]
    fn a_damaged_run_is_kept_and_a_whole_one_laid_next_to_it() {
        let out = tempfile::tempdir().expect("a folder");
        let first = run(out.path(), EventLevel::All).path;
        fs::write(first.join("plan/a.csv"), "edited").expect("a disk");
        let second = run(out.path(), EventLevel::All);
        assert_eq!(second, Finished { path: with_tail(&first, "-2"), already_there: false });
        assert_eq!(run(out.path(), EventLevel::All), Finished { already_there: true, ..second });
        assert_eq!(fs::read_to_string(first.join("plan/a.csv")).expect("a file"), "edited");
    }

    fn with_tail(path: &Path, tail: &str) -> PathBuf {
        PathBuf::from(format!("{}{tail}", path.display()))
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_is_held_while_its_run_goes_on_and_no_longer() {
        let out = tempfile::tempdir().expect("a folder");
        let folder = Folder::begin(out.path(), "boot", 42, "model").expect("a folder");
        let manifest = Manifest::begin("boot", 42, "model", EventLevel::All, Vec::new());
        let path = folder.path().to_owned();
        let reported = || {
            manifest.write(&path).expect("a disk");
            Manifest::of_finished(&path).expect_err("it is not finished").to_string()
        };
        assert!(reported().contains("the run is going on, so"), "{}", reported());
        // What a kill leaves: the lock is gone, the word of the manifest is the old one.
        drop(folder);
        assert!(
            reported().contains("the run was killed: no process of this machine"),
            "{}",
            reported()
        );
    }

    #[test]
    fn a_foreign_folder_in_the_way_is_left_alone() {
        let out = tempfile::tempdir().expect("a folder");
        let theirs = out.path().join("boot/42-model-0123456789abcdef");
        fs::create_dir_all(&theirs).expect("a disk");
        let ours = run(out.path(), EventLevel::All);
        assert_eq!(ours.path, out.path().join("boot/42-model-0123456789abcdef-2"));
        assert_eq!(fs::read_dir(theirs).expect("a folder").count(), 0);
    }

    #[test]
    fn an_interrupted_run_stays_partial_and_says_so() {
        let out = tempfile::tempdir().expect("a folder");
        let folder = Folder::begin(out.path(), "boot", 42, "model").expect("a folder");
        let mut manifest = Manifest::begin("boot", 42, "model", EventLevel::All, Vec::new());
        fs::write(folder.path().join("a.csv"), "a row").expect("a disk");
        let path = folder.leave(&mut manifest, Status::Interrupted, "Ctrl-C").expect("a disk");
        assert!(path.ends_with("boot/42-model-1.partial"));
        let left = Manifest::read(&path).expect("a manifest");
        assert_eq!((left.status, left.why.as_deref()), (Status::Interrupted, Some("Ctrl-C")));
        assert!(left.ended.is_some());
        assert_eq!(left.files.expect("it notes them")["a.csv"].bytes, 5);
        let next = Folder::begin(out.path(), "boot", 42, "model").expect("a folder");
        assert!(next.path().ends_with("boot/42-model-2.partial"));
    }

    #[test]
    fn a_file_in_place_of_the_output_folder_is_an_error_with_its_path() {
        let out = tempfile::tempdir().expect("a folder");
        let file = out.path().join("results");
        fs::write(&file, "").expect("a disk");
        let text = Folder::begin(&file, "boot", 1, "model").expect_err("a file").to_string();
        assert!(text.contains("results/boot") && text.contains("hint: "), "{text}");
    }
}
