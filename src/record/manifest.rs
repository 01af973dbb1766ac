//! `manifest.json`: what was run, by which program, where and when, how it ended, what files hold.
//!
//! The only file with wall-clock times, so that all others compare byte by byte.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Checksums, RecordError, folder, words};
use crate::scenario::EventLevel;

/// The manifest's name in a results folder.
pub const FILE_NAME: &str = "manifest.json";

/// The next manifest, until it is whole.
const NEW: &str = "manifest.json.new";

/// Version of the manifest's layout.
pub const SCHEMA: u32 = 1;

const PROGRAM: &str = env!("CARGO_PKG_NAME");
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What `build.rs` found.
const COMMIT: Option<&str> = option_env!("RACKSTORM_BUILT_FROM");

/// Bytes that the manifest of a run that goes on has to spare: how it ends can then be noted even
/// where the disk is full.
const RESERVE: usize = 4096;

/// Characters of the reason that a manifest holds at most, six bytes each at worst: the reserve
/// has room for them.
const WHY_MAX: usize = 600;

/// The manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this layout.
    pub schema: u32,
    /// How the run stands.
    pub status: Status,
    /// Why it ended: of a finished run the [`EndReason`](crate::event::EndReason), else a sentence.
    #[serde(default)]
    pub why: Option<String>,
    /// The demands of `[expect]` that a finished run missed, each with what was found.
    #[serde(default)]
    pub missed: Vec<String>,
    /// The program's name.
    pub program: String,
    /// The program's version.
    pub version: String,
    /// The commit it was built from, with `-dirty` if its sources were changed since; `None` of a
    /// program that was not built from git.
    pub commit: Option<String>,
    /// The scenario's name.
    pub scenario: String,
    /// SHA-256 of the resolved scenario.
    pub scenario_sha256: Option<String>,
    /// The seed.
    pub seed: u64,
    /// The stage that played it.
    pub stage: String,
    /// Whether the stage emits the same events each time, so that the run can be replayed.
    #[serde(default = "yes")]
    pub deterministic: bool,
    /// SHA-256 of the printed plan.
    pub plan_digest: Option<String>,
    /// The fingerprint, once the run is over.
    pub fingerprint: Option<String>,
    /// Events of the run.
    pub events: u64,
    /// Which of them the event log holds: `all`, `faults` or `none`.
    pub event_level: String,
    /// The command line. What of it is not UTF-8 is spelled as bash reads it: `$'caf\\xe9.toml'`.
    pub command: Vec<String>,
    /// The machine that ran it.
    pub machine: MachineFacts,
    /// When it started, RFC 3339, UTC.
    pub started: String,
    /// When it ended, RFC 3339, UTC.
    pub ended: Option<String>,
    /// What each file holds that the run left. `None` while it goes on, and of older versions.
    #[serde(default)]
    pub files: Option<Checksums>,
    /// What the report and its figures hold, which can be drawn again from the others.
    #[serde(default)]
    pub report: Checksums,
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It runs; or it was killed, if no process runs it any more.
    Running,
    /// It came to its end, and everything is written.
    Finished,
    /// The user stopped it.
    Interrupted,
    /// It could not go on, for instance because the disk was full.
    Failed,
}

/// The machine that ran it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineFacts {
    /// Operating system.
    pub os: String,
    /// Processor architecture.
    pub arch: String,
    /// Processors that the program may use.
    pub cpus: usize,
}

/// The command line of this program, as [`Manifest::command`] has it.
#[must_use]
pub fn command_line() -> Vec<String> {
    std::env::args_os().map(|argument| spelled(&argument)).collect()
}

/// An argument as text. JSON has no other, and the run is not to be lost for a file's name.
fn spelled(argument: &OsStr) -> String {
    if let Some(text) = argument.to_str() {
        return text.to_owned();
    }
    let bytes = argument.as_encoded_bytes().iter();
    let spelled = bytes.map(|&byte| match byte {
        b'\\' | b'\'' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    });
    format!("$'{}'", spelled.collect::<String>())
}

/// What older manifests, that do not say it, mean.
fn yes() -> bool {
    true
}

impl Manifest {
    /// The manifest of a run that starts now, on this machine, by this program.
    #[must_use]
    pub fn begin(
        scenario: &str,
        seed: u64,
        stage: &str,
        level: EventLevel,
        command: Vec<String>,
    ) -> Self {
        Self {
            schema: SCHEMA,
            status: Status::Running,
            why: None,
            missed: Vec::new(),
            program: PROGRAM.to_owned(),
            version: VERSION.to_owned(),
            commit: COMMIT.map(str::to_owned),
            scenario: scenario.to_owned(),
            scenario_sha256: None,
            seed,
            stage: stage.to_owned(),
            deterministic: true,
            plan_digest: None,
            fingerprint: None,
            events: 0,
            event_level: words::event_level(level).to_owned(),
            command,
            machine: MachineFacts {
                os: std::env::consts::OS.to_owned(),
                arch: std::env::consts::ARCH.to_owned(),
                cpus: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            },
            started: now(),
            ended: None,
            files: None,
            report: Checksums::new(),
        }
    }

    /// Notes that the run ends now, how and why.
    pub fn end(&mut self, status: Status, why: &str) {
        self.status = status;
        self.why = Some(why.chars().take(WHY_MAX).collect());
        self.ended = Some(now());
    }

    /// Writes it into a folder, in one step: a reader sees the old one or the new one, whole.
    ///
    /// Where the disk is full, it is written over the old one if that has room for it: this needs
    /// no space, and a run that failed shall not seem to go on.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), RecordError> {
        let mut text = serde_json::to_string_pretty(self).expect("a manifest is plain data");
        if self.status == Status::Running {
            text.extend(std::iter::repeat_n(' ', RESERVE));
        }
        text.push('\n');
        let (path, new) = (folder.join(FILE_NAME), folder.join(NEW));
        let write = || {
            let mut file = fs::File::create(&new)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, &path)
        };
        let written = write().or_else(|error| {
            let _ = fs::remove_file(&new);
            let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
            let room = fs::metadata(&path).map_or(0, |old| old.len());
            let fits = full.contains(&error.kind()) && text.len() as u64 <= room;
            if fits { overwrite(&path, text.as_bytes()) } else { Err(error) }
        });
        written.map_err(RecordError::io("write", &path))
    }

    /// Reads that of a folder.
    ///
    /// # Errors
    /// When there is none, or it is not a manifest.
    pub fn read(folder: &Path) -> Result<Self, RecordError> {
        let path = folder.join(FILE_NAME);
        let text = fs::read_to_string(&path).map_err(|error| missing(folder, &path, error))?;
        let why = |error| format!("it is not a manifest of this program: {error}");
        serde_json::from_str(&text)
            .map_err(|error| RecordError::Foreign { path: path.clone(), why: why(error) })
    }

    /// That of a folder whose run came to its end.
    ///
    /// # Errors
    /// As [`Manifest::read`], and when the run did not: then it says why.
    pub fn of_finished(folder: &Path) -> Result<Self, RecordError> {
        let manifest = Self::read(folder)?;
        if manifest.status == Status::Finished {
            return Ok(manifest);
        }
        let (path, state) = (folder.to_owned(), manifest.state(folder));
        let why = format!("{state}, so it has no metrics and no fingerprint; play it again");
        Err(RecordError::Foreign { path, why })
    }

    /// How the run of a folder stands, in words.
    #[must_use]
    pub fn state(&self, folder: &Path) -> String {
        let how = match self.status {
            Status::Finished => "the run came to its end",
            Status::Interrupted => "the run was interrupted",
            Status::Failed => "the run failed",
            Status::Running => match folder::is_held(folder) {
                Some(true) => "the run is going on",
                Some(false) => "the run was killed: no process of this machine plays it any more",
                None => "the run is going on, or was killed",
            },
        };
        match &self.why {
            Some(why) => format!("{how} ({why})"),
            None => how.to_owned(),
        }
    }

    /// The program that played it, such as `rackstorm 0.1.0 (commit 1f0c2ab9...)`.
    #[must_use]
    pub fn program(&self) -> String {
        program(&self.program, &self.version, self.commit.as_deref())
    }

    /// Whether the other run was the same and left the same files behind. An older version did not
    /// note what its files hold.
    #[must_use]
    pub fn same_run(&self, other: &Self) -> bool {
        let files = self.files.as_ref().zip(other.files.as_ref());
        self.fingerprint == other.fingerprint
            && self.scenario_sha256 == other.scenario_sha256
            && self.event_level == other.event_level
            && files.is_none_or(|(mine, theirs)| mine == theirs)
    }
}

/// This program, in the words of [`Manifest::program`].
#[must_use]
pub fn this_program() -> String {
    program(PROGRAM, VERSION, COMMIT)
}

fn program(name: &str, version: &str, commit: Option<&str>) -> String {
    let commit = commit.map(|commit| format!(" (commit {commit})"));
    format!("{name} {version}{}", commit.unwrap_or_default())
}

/// Whether a file of a results folder is a manifest, or was to be one.
pub(super) fn is_mine(name: &str) -> bool {
    [FILE_NAME, NEW].contains(&name)
}

/// Writes over what a file holds.
fn overwrite(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).open(path)?;
    file.write_all(text)?;
    file.set_len(text.len() as u64)?;
    file.sync_all()
}

/// Why a folder has no manifest to read.
fn missing(folder: &Path, path: &Path, error: io::Error) -> RecordError {
    let why = match error.kind() {
        io::ErrorKind::NotFound if !folder.exists() => "there is no such folder",
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            "this is no results folder: it has no manifest.json. `rackstorm run` prints where it \
             leaves its results"
        }
        _ => return RecordError::io("read", path)(error),
    };
    RecordError::Foreign { path: folder.to_path_buf(), why: why.to_owned() }
}

#[expect(clippy::disallowed_methods, reason = "the manifest is the one place that has a date")]
fn now() -> String {
    Timestamp::try_from(std::time::SystemTime::now()).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_it_wrote() {
        let folder = tempfile::tempdir().expect("a folder");
        let command = vec!["rackstorm".to_owned(), "run".to_owned()];
        let mut manifest = Manifest::begin("boot", u64::MAX, "model", EventLevel::Faults, command);
        manifest.write(folder.path()).expect("a disk");
        assert_eq!(Manifest::read(folder.path()).expect("a manifest"), manifest);
        assert_eq!(manifest.status, Status::Running);
        manifest.end(Status::Interrupted, "Ctrl-C");
        manifest.write(folder.path()).expect("a disk");
        let text = fs::read_to_string(folder.path().join(FILE_NAME)).expect("a file");
        assert!(text.contains("\"status\": \"interrupted\""), "{text}");
        assert!(text.contains("\"why\": \"Ctrl-C\""), "{text}");
        assert!(text.contains("\"seed\": 18446744073709551615"), "{text}");
        assert_eq!(Manifest::read(folder.path()).expect("a manifest"), manifest);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    #[test]
    #[cfg(unix)]
    fn an_argument_that_is_no_utf_8_is_spelled_as_bash_reads_it() {
        use std::os::unix::ffi::OsStrExt;
        let of = |bytes: &[u8]| spelled(OsStr::from_bytes(bytes));
        assert_eq!(of("b\\ö'c".as_bytes()), "b\\ö'c");
        assert_eq!(of(b"it's\\caf\xe9.toml"), r"$'it\'s\\caf\xe9.toml'");
    }

    #[test]
    fn a_file_that_is_no_manifest_says_so() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(FILE_NAME), "{}").expect("a disk");
        let text = Manifest::read(folder.path()).expect_err("not a manifest").to_string();
        assert!(text.contains("it is not a manifest of this program: missing field"), "{text}");
    }

    #[test]
    fn a_folder_without_a_manifest_is_no_results_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let reported = |path: &Path| Manifest::read(path).expect_err("no manifest").to_string();
        assert!(reported(folder.path()).contains("this is no results folder"));
        assert!(reported(&folder.path().join("nowhere")).ends_with("there is no such folder"));
        let file = folder.path().join("file");
        fs::write(&file, "").expect("a disk");
        assert!(reported(&file).contains("this is no results folder"));
    }

    #[test]
    fn a_manifest_without_checksums_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut manifest = Manifest::begin("boot", 1, "model", EventLevel::All, Vec::new());
        manifest.end(Status::Finished, "all-up");
        let mut old = serde_json::to_value(&manifest).expect("plain data");
        for key in ["why", "missed", "files", "report"] {
            old.as_object_mut().expect("an object").remove(key).expect("it has it");
        }
        fs::write(folder.path().join(FILE_NAME), old.to_string()).expect("a disk");
        let read = Manifest::of_finished(folder.path()).expect("a manifest");
        assert_eq!((read.files, read.why), (None, None));
    }

    #[test]
    fn the_longest_reason_fits_into_what_a_run_that_goes_on_keeps_free() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut manifest = Manifest::begin("boot", 1, "model", EventLevel::All, Vec::new());
        manifest.write(folder.path()).expect("a disk");
        let path = folder.path().join(FILE_NAME);
        let room = fs::metadata(&path).expect("it was written").len();
        assert_eq!(Manifest::read(folder.path()).expect("a manifest"), manifest);
        // A control character takes six bytes.
        manifest.end(Status::Failed, &"\u{1}".repeat(10_000));
        manifest.write(folder.path()).expect("a disk");
        let took = fs::metadata(&path).expect("it was written").len();
        assert!(took <= room, "{took} bytes in {room}");
        let reported = manifest.state(folder.path());
        assert!(reported.starts_with("the run failed (\u{1}"), "{reported}");
    }

    #[test]
    fn a_longer_and_a_shorter_text_can_be_written_over_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a");
        for text in ["", "running", "interrupted", "failed"] {
            if text.is_empty() {
                fs::write(&file, "begun").expect("a disk");
                continue;
            }
            overwrite(&file, text.as_bytes()).expect("a disk");
            assert_eq!(fs::read_to_string(&file).expect("a file"), text);
        }
    }
}
