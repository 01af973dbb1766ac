//! Loads the scenario files of a command line, and reports all mistakes of all of them at once.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::analysis::run::Run;
use crate::cli::{exit, streams};
use crate::experiment::{self, Damaged};
use crate::record::columns::settle;
use crate::record::{Manifest, RecordError, Status, manifest};
use crate::scenario::{self, Loaded, Mistakes, Overrides, Scenario, Study};
use crate::trace::Flaw;

/// Flawed rows that are reported of a file, one by one.
const FLAWS_SHOWN: usize = 20;

/// What a person may override in every file of the command line.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Override {
    /// Overrides a key of the scenario; may be given many times
    #[arg(long = "set", value_name = "PATH.TO.KEY=VALUE")]
    set: Vec<String>,
    /// Plays with this seed in place of the scenario's own
    #[arg(long, env = "RACKSTORM_SEED", value_parser = seed, allow_negative_numbers = true)]
    seed: Option<u64>,
}

impl Override {
    /// In the words of the scenario room, with further keys set first (so that `--set` wins).
    pub(super) fn with(&self, further: impl IntoIterator<Item = String>) -> Overrides {
        Overrides { set: further.into_iter().chain(self.set.clone()).collect(), seed: self.seed }
    }
}

/// Writes a file that was asked for, and names it. What stood there stays until all is written.
pub(super) fn write(path: Option<&Path>, text: &str) -> anyhow::Result<Vec<PathBuf>> {
    let Some(path) = path else { return Ok(Vec::new()) };
    write_with(path, |out, _| Ok(out.write_all(text.as_bytes())?))?;
    Ok(vec![path.to_owned()])
}

/// Writes a file by what gives its bytes, which is informed of the place for its errors. What stood
/// there stays until all is written.
pub(super) fn write_with(
    path: &Path,
    give: impl FnOnce(&mut dyn Write, &Path) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    // A device or a pipe is no file that a whole one could take the place of.
    let is_special = path.metadata().is_ok_and(|it| !it.is_file());
    let mut draft = path.as_os_str().to_owned();
    draft.push(".partial");
    let draft = if is_special { path } else { Path::new(&draft) };
    let write = || {
        let file = File::create(draft).map_err(RecordError::io("write", draft))?;
        let mut out = BufWriter::new(file);
        give(&mut out, draft)?;
        Ok(out.flush().map_err(RecordError::io("write", draft))?)
    };
    if is_special {
        return write();
    }
    let written = write().and_then(|()| Ok(settle(draft, path)?));
    written.inspect_err(|_| drop(fs::remove_file(draft)))
}

/// How far a results folder is believed: as far as its files are what the run left.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(super) struct Trust {
    /// Take a results folder as it is, though files of it are missing, changed or cut
    #[arg(long)]
    unchecked: bool,
}

impl Trust {
    /// The manifest of a folder whose run came to its end.
    pub(super) fn finished(self, folder: &Path) -> anyhow::Result<Manifest> {
        let manifest = Manifest::of_finished(folder)?;
        self.check(folder, &manifest)?;
        Ok(manifest)
    }

    /// All runs, or `None` after reporting every folder that cannot be read.
    pub(super) fn read_all(self, folders: &[PathBuf]) -> Option<Vec<Run>> {
        let read = |folder: &PathBuf| {
            let run = self.finished(folder).and_then(|it| Ok(Run::read(folder, it)?));
            run.inspect_err(|error| streams::say(&exit::message(error))).ok()
        };
        let runs: Vec<_> = folders.iter().map(read).collect();
        runs.into_iter().collect()
    }

    /// Whether every file is what the run left; if not, an error names those that are not.
    pub(super) fn check(self, folder: &Path, manifest: &Manifest) -> anyhow::Result<()> {
        if manifest.files.is_none() && manifest.status == Status::Finished {
            let (folder, version) = (folder.display(), &manifest.version);
            streams::say(&format!(
                "note: {folder}: rackstorm {version} left it without checksums, so whether its \
                 files are whole cannot be checked"
            ));
        }
        self.demand(experiment::check(folder, manifest)?)
    }

    /// The same of the report and its figures.
    pub(super) fn check_report(self, folder: &Path, manifest: &Manifest) -> anyhow::Result<()> {
        self.demand(experiment::check_report(folder, manifest)?)
    }

    fn demand(self, damaged: Option<Damaged>) -> anyhow::Result<()> {
        match damaged {
            Some(damaged) if self.unchecked => {
                streams::say(&format!("warning: {}", damaged.which));
                Ok(())
            }
            Some(damaged) => Err(damaged.into()),
            None => Ok(()),
        }
    }
}

/// Whether a results folder is where something else is to be written, and says so.
pub(super) fn is_taken(out: Option<&Path>, what: &str) -> bool {
    let taken = out.filter(|out| out.join(manifest::FILE_NAME).exists());
    if let Some(out) = taken {
        let out = out.display();
        streams::say(&format!("error: {out} is a results folder; {what} elsewhere"));
    }
    taken.is_some()
}

/// Reports rows of a table that cannot be used, the first of them; `rest` says of how many others.
pub(super) fn report_flaws(file: &Path, flaws: &[Flaw], rest: impl FnOnce(usize) -> String) {
    let file = file.display();
    for Flaw { line, what } in flaws.iter().take(FLAWS_SHOWN) {
        streams::say(&format!("warning: {file}:{line}: {what}"));
    }
    if flaws.len() > FLAWS_SHOWN {
        streams::say(&format!("warning: {}", rest(flaws.len() - FLAWS_SHOWN)));
    }
}

/// A seed.
fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("not a whole number from 0 to {}", u64::MAX))
}

/// The scenarios of all files. `None` if any file has a mistake; they have been reported then.
pub(super) fn load_all(files: &[PathBuf], overrides: &Overrides) -> Option<Vec<Loaded>> {
    let loaded: Vec<_> = files.iter().map(|file| load(file, overrides)).collect();
    loaded.into_iter().collect()
}

/// The scenario of a file, or `None` after reporting its mistakes.
pub(super) fn load(file: &Path, overrides: &Overrides) -> Option<Loaded> {
    let loaded = scenario::load(file, overrides).inspect_err(streams::report).ok()?;
    warn(&loaded.warnings);
    Some(loaded)
}

/// The scenario of a file or of a built-in machine that another one is compared with, or `None`
/// after reporting its mistakes.
pub(super) fn reference(name: &str) -> Option<Loaded> {
    let loaded = scenario::load_reference(name).inspect_err(streams::report).ok()?;
    warn(&loaded.warnings);
    Some(loaded)
}

/// The study of a file: of one cell if it has no axes. `None` after reporting its mistakes.
pub(super) fn study(file: &Path, overrides: &Overrides) -> Option<Study> {
    let study = Study::load(file, overrides, None).inspect_err(streams::report).ok()?;
    warn(study.warnings());
    Some(study)
}

/// The scenario of a cell of a study that was read; `None` after reporting mistakes of files that
/// were changed since.
pub(super) fn cell(study: &Study, cell: usize) -> Option<Scenario> {
    study.scenario(cell).inspect_err(streams::report).ok()
}

/// The scenario that a results folder was played from, or `None` after reporting its mistakes.
pub(super) fn recorded(folder: &Path, manifest: &Manifest) -> Option<Scenario> {
    let loaded = experiment::recorded(folder, manifest).inspect_err(streams::report).ok()?;
    warn(&loaded.warnings);
    Some(loaded.scenario)
}

/// Reports what is allowed, but hardly meant.
fn warn(warnings: &Mistakes) {
    if warnings.has_warnings() {
        streams::report(warnings);
    }
}
