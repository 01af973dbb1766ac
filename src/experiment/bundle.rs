//! Bundles: results folders in one archive, and whether they come out the same from there.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use tar::{Archive, Builder, EntryType, Header};

use super::page;
use super::replay::{Replayed, replay};
use super::run::RunError;
use super::trust::recorded;
use crate::analysis::results;
use crate::event::Sink;
use crate::plan::Plan;
use crate::record::{Manifest, RecordError, checksums, manifest};
use crate::scenario::Mistakes;
use crate::untrusted::{folder_name, on_one_line};

/// What the archive says of itself to whoever looks into it.
const README: &str = "Results of Rackstorm. `rackstorm verify FILE` plays each run again and \
demands the same events,\nand draws each figure again and demands the same bytes. The version that \
played a run stands in\nits manifest.json, the command too.\n";

/// Writes finished runs, each as `<scenario>/<folder>/...`, as a tar archive whose bytes hang on
/// those of the folders alone. O(bytes) time; memory for the names.
///
/// # Errors
/// When a folder is that of no finished run, two have one name, or a file cannot be read or
/// written.
pub fn write(
    runs: &[(PathBuf, Manifest)],
    out: &mut dyn Write,
    place: &Path,
) -> Result<(), RecordError> {
    let unwritten = |error| RecordError::io("write", place)(error);
    let mut archive = Builder::new(out);
    add(&mut archive, "README.txt", README.len() as u64, README.as_bytes()).map_err(unwritten)?;
    let mut names = BTreeSet::new();
    for (folder, manifest) in runs {
        let last = folder.canonicalize().map_err(RecordError::io("open", folder))?;
        let last = last.file_name().map(|name| folder_name(&name.to_string_lossy()));
        let name = format!("{}/{}", folder_name(&manifest.scenario), last.unwrap_or_default());
        if !names.insert(name.clone()) {
            let why = format!("another run of the bundle is called {name}");
            return Err(RecordError::Foreign { path: folder.clone(), why });
        }
        let left = manifest.files.iter().flatten().chain(&manifest.report);
        let files = left.map(|(file, _)| file.as_str());
        for file in [manifest::FILE_NAME].into_iter().chain(files) {
            let path = folder.join(file);
            let open = File::open(&path).map_err(RecordError::io("open", &path))?;
            let bytes = open.metadata().map_err(RecordError::io("open", &path))?.len();
            add(&mut archive, &format!("{name}/{file}"), bytes, open).map_err(unwritten)?;
        }
    }
    archive.finish().map_err(unwritten)
}

/// Adds a file, without what only hangs on the machine.
fn add(
    archive: &mut Builder<&mut dyn Write>,
    name: &str,
    bytes: u64,
    from: impl io::Read,
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_size(bytes);
    archive.append_data(&mut header, name, from)
}

/// Unpacks a bundle into an empty folder, and gives the folders of its runs, in order.
///
/// # Errors
/// When it cannot be read, or holds what no bundle does: a link, a device, a path that leads out.
pub fn unpack(bundle: &Path, into: &Path) -> Result<Vec<PathBuf>, RecordError> {
    let unread = |error| RecordError::io("read", bundle)(error);
    let foreign = |why: String| RecordError::Foreign { path: bundle.to_owned(), why };
    let file = File::open(bundle).map_err(RecordError::io("open", bundle))?;
    let mut archive = Archive::new(file);
    let mut runs = BTreeSet::new();
    for entry in archive.entries().map_err(unread)? {
        let mut entry =
            entry.map_err(|error| foreign(format!("it is no bundle, or cut: {error}")))?;
        let path = entry.path().map_err(unread)?.into_owned();
        let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
        if !is_plain || entry.header().entry_type() != EntryType::Regular {
            let shown = path.to_string_lossy();
            let shown = on_one_line(&shown);
            return Err(foreign(format!("it holds `{shown}`, which is no file of a run")));
        }
        let place = into.join(&path);
        let above = place.parent().unwrap_or(into);
        fs::create_dir_all(above).map_err(RecordError::io("create", above))?;
        let mut out = File::create_new(&place).map_err(RecordError::io("create", &place))?;
        io::copy(&mut entry, &mut out)
            .map_err(|error| foreign(format!("it is no bundle, or cut: {error}")))?;
        if path.file_name().is_some_and(|name| name == manifest::FILE_NAME) {
            runs.insert(above.to_owned());
        }
    }
    if runs.is_empty() {
        return Err(foreign("it holds no run".to_owned()));
    }
    Ok(runs.into_iter().collect())
}

/// How a run of a bundle came out.
#[derive(Debug)]
pub struct Verified {
    /// Of its events.
    pub run: Replayed,
    /// Of each file of its report, and whether it was drawn the same.
    pub drawn: Vec<(String, bool)>,
}

/// Why a run of a bundle could not be played or drawn again.
#[derive(Debug, thiserror::Error)]
pub enum Unverified {
    /// Its scenario cannot be read.
    #[error("its scenario cannot be read: {0}")]
    Mistakes(Mistakes),
    /// It cannot be played or drawn.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file of it cannot be read.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// Plays the run of an unpacked folder again, and draws its report again, in place.
///
/// # Errors
/// When it cannot be read, played or drawn, or the sink stops it.
pub fn verify(
    folder: &Path,
    manifest: &Manifest,
    sink: &mut dyn Sink,
) -> Result<Verified, Unverified> {
    let scenario = recorded(folder, manifest).map_err(Unverified::Mistakes)?.scenario;
    let run = replay(folder, manifest, &scenario, sink)?;
    let mut drawn = Vec::new();
    if !manifest.report.is_empty() {
        page::draw(folder, &Plan::make(&scenario), &results::load(folder)?)?;
        let damaged = checksums::damaged(folder, &manifest.report)?;
        let is_same = |name: &String| !damaged.iter().any(|(other, _)| other == name);
        drawn = manifest.report.keys().map(|name| (name.clone(), is_same(name))).collect();
    }
    Ok(Verified { run, drawn })
}
