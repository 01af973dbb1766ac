//! SHA-256 of each file of a results folder, and which of the files are no longer what they were.
//!
//! The manifest holds them. A file is hashed in a stream, once: the event log, which may be larger
//! than memory, while it is written; the others when they lie in the folder.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::fingerprint::hex;
use super::{RecordError, manifest};

/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checksum {
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes, as 64 hexadecimal digits.
    pub sha256: String,
}

/// Files by their paths below the folder, with `/` between names.
pub type Checksums = BTreeMap<String, Checksum>;

/// A checksum in the making.
#[derive(Clone, Debug, Default)]
pub struct Sum {
    hash: Sha256,
    bytes: u64,
}

impl Sum {
    /// Takes the next bytes.
    pub fn add(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// The checksum of all that it took.
    #[must_use]
    pub fn finish(self) -> Checksum {
        Checksum { bytes: self.bytes, sha256: hex(&self.hash.finalize()) }
    }
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Damage {
    /// It is gone.
    Missing,
    /// Something else has its name, such as a folder or a pipe.
    NoFile,
    /// It is shorter than it was.
    Cut {
        /// Bytes that are there.
        left: u64,
        /// Bytes that it had.
        of: u64,
    },
    /// It holds other bytes, or more of them.
    Changed,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(f, "is missing"),
            Self::NoFile => write!(f, "is no longer a file"),
            Self::Cut { left, of } => write!(f, "is cut: {left} of {of} bytes are left"),
            Self::Changed => write!(f, "is changed"),
        }
    }
}

/// The checksums of these files of a folder.
///
/// # Errors
/// When one cannot be read.
pub fn of_files(folder: &Path, names: &[String]) -> Result<Checksums, RecordError> {
    names.iter().map(|name| Ok((name.clone(), of_file(&folder.join(name))?))).collect()
}

/// The checksums of all files of a folder but its manifest, at any depth; those that are `known`
/// are not read again. What is no plain file is nothing that a run wrote.
///
/// # Errors
/// When one cannot be read.
pub fn of_folder(folder: &Path, known: Checksums) -> Result<Checksums, RecordError> {
    let mut all = known;
    add_folder(folder, "", &mut all)?;
    Ok(all)
}

fn add_folder(folder: &Path, above: &str, all: &mut Checksums) -> Result<(), RecordError> {
    let cannot = |error| RecordError::io("read", folder)(error);
    for entry in fs::read_dir(folder).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let kind = entry.file_type().map_err(cannot)?;
        let (path, name) = (entry.path(), format!("{above}{name}"));
        if kind.is_dir() {
            add_folder(&path, &format!("{name}/"), all)?;
        } else if kind.is_file() && !manifest::is_mine(&name) && !all.contains_key(&name) {
            all.insert(name, of_file(&path)?);
        }
    }
    Ok(())
}

/// The checksum of a file.
fn of_file(path: &Path) -> Result<Checksum, RecordError> {
    let cannot = |error| RecordError::io("read", path)(error);
    let mut file = File::open(path).map_err(cannot)?;
    let (mut sum, mut buffer) = (Sum::default(), vec![0; CHUNK]);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(sum.finish()),
            Ok(read) => sum.add(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(cannot(error)),
        }
    }
}

/// The files that are no longer what they were, with what became of each. A link to the same bytes
/// is as good as they are; files that nobody recorded do not matter.
///
/// # Errors
/// When one cannot be read, or the checksums are none of files in the folder.
pub fn damaged(folder: &Path, recorded: &Checksums) -> Result<Vec<(String, Damage)>, RecordError> {
    let mut all = Vec::new();
    for (name, checksum) in recorded {
        let mut parts = Path::new(name).components();
        if name.is_empty() || !parts.all(|part| matches!(part, Component::Normal(_))) {
            let why = format!("it names {name:?}, which is no file of its folder");
            return Err(RecordError::Foreign { path: folder.join(manifest::FILE_NAME), why });
        }
        all.extend(damage(&folder.join(name), checksum)?.map(|damage| (name.clone(), damage)));
    }
    Ok(all)
}

/// What became of a file, if it is not what it was.
fn damage(path: &Path, was: &Checksum) -> Result<Option<Damage>, RecordError> {
    let is = match fs::metadata(path) {
        Ok(is) => is,
        Err(error) => {
            return match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(Some(Damage::Missing)),
                _ => Err(RecordError::io("read", path)(error)),
            };
        }
    };
    // Before it is opened: a pipe would wait for a writer.
    if !is.is_file() {
        return Ok(Some(Damage::NoFile));
    }
    let (left, of) = (is.len(), was.bytes);
    if left != of {
        return Ok(Some(if left < of { Damage::Cut { left, of } } else { Damage::Changed }));
    }
    Ok((of_file(path)? != *was).then_some(Damage::Changed))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of three files, larger than what is read at once, and what it held.
    fn folder() -> (tempfile::TempDir, Checksums) {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("plan")).expect("a disk");
        for (name, bytes) in [("a", 0), ("b.csv", CHUNK + 1), ("plan/c", 3 * CHUNK)] {
            fs::write(folder.path().join(name), vec![b'x'; bytes]).expect("a disk");
        }
        fs::write(folder.path().join(manifest::FILE_NAME), "{}").expect("a disk");
        let all = of_folder(folder.path(), Checksums::new()).expect("readable");
        (folder, all)
    }

    fn reported(folder: &Path, recorded: &Checksums) -> Vec<String> {
        let all = damaged(folder, recorded).expect("readable");
        all.iter().map(|(name, damage)| format!("{name} {damage}")).collect()
    }

    #[test]
    fn all_files_but_the_manifest_have_the_checksum_that_sha256sum_gives() {
        let (_folder, all) = folder();
        let names: Vec<_> = all.keys().map(String::as_str).collect();
        assert_eq!(names, ["a", "b.csv", "plan/c"]);
        // FIPS 180-4: the hash of the empty message, as `sha256sum /dev/null` prints it.
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(all["a"], Checksum { bytes: 0, sha256: empty.to_owned() });
        assert_eq!(all["b.csv"].bytes, CHUNK as u64 + 1);
        assert_eq!(all["b.csv"].sha256, hex(&Sha256::digest(vec![b'x'; CHUNK + 1])));
    }

    #[test]
    fn what_is_known_is_not_read_again() {
        let (folder, all) = folder();
        let known = Checksum { bytes: 7, sha256: "as it was written".to_owned() };
        let again = of_folder(folder.path(), [("a".to_owned(), known.clone())].into());
        let again = again.expect("readable");
        assert_eq!((&again["a"], &again["b.csv"]), (&known, &all["b.csv"]));
    }

    #[test]
    fn each_damage_is_reported_by_its_file() {
        let (folder, all) = folder();
        assert_eq!(reported(folder.path(), &all), [""; 0]);
        fs::write(folder.path().join("other"), "nobody recorded it").expect("a disk");
        assert_eq!(reported(folder.path(), &all), [""; 0]);
        fs::write(folder.path().join("a"), "more").expect("a disk");
        let mut flipped = vec![b'x'; CHUNK + 1];
        flipped[CHUNK] ^= 1;
        fs::write(folder.path().join("b.csv"), flipped).expect("a disk");
        fs::write(folder.path().join("plan/c"), "xxx").expect("a disk");
        let cut = format!("plan/c is cut: 3 of {} bytes are left", 3 * CHUNK);
        assert_eq!(reported(folder.path(), &all), ["a is changed", "b.csv is changed", &cut]);
        fs::remove_file(folder.path().join("a")).expect("a disk");
        fs::remove_dir_all(folder.path().join("plan")).expect("a disk");
        fs::remove_file(folder.path().join("b.csv")).expect("a disk");
        fs::create_dir(folder.path().join("b.csv")).expect("a disk");
        let all = reported(folder.path(), &all);
        assert_eq!(all, ["a is missing", "b.csv is no longer a file", "plan/c is missing"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_counts_as_what_it_leads_to_and_a_device_is_not_read() {
        use std::os::unix::fs::symlink;
        let (folder, all) = folder();
        let (file, elsewhere) = (folder.path().join("b.csv"), folder.path().join("moved"));
        fs::rename(&file, &elsewhere).expect("a disk");
        symlink(&elsewhere, &file).expect("a disk");
        assert_eq!(reported(folder.path(), &all), [""; 0]);
        fs::remove_file(&elsewhere).expect("a disk");
        assert_eq!(reported(folder.path(), &all), ["b.csv is missing"]);
        fs::remove_file(&file).expect("a disk");
        symlink("/dev/zero", &file).expect("a disk");
        assert_eq!(reported(folder.path(), &all), ["b.csv is no longer a file"]);
    }

    #[test]
    fn a_manifest_that_names_files_elsewhere_is_refused() {
        let (folder, all) = folder();
        for name in ["../a", "/etc/passwd", ""] {
            let elsewhere = [(name.to_owned(), all["a"].clone())].into();
            let text = damaged(folder.path(), &elsewhere).expect_err("elsewhere").to_string();
            assert!(text.contains("manifest.json: it names"), "{text}");
        }
    }
}
