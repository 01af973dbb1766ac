//! Loads the scenario files of a command line, and tells all mistakes of all of them at once.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;

use crate::cli::streams;
use crate::record::{Manifest, Status};
use crate::scenario::{self, Loaded, Overrides, Scenario};
use crate::untrusted::folder_name;

/// The resolved scenario in a results folder.
pub(super) use crate::record::folder::SCENARIO as RESOLVED;

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

/// A seed.
fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("not a whole number from 0 to {}", u64::MAX))
}

/// All runs of all files: one each, or as many as a file's `[sweep]` has points. `None` if any
/// file has a mistake; they have been told then.
pub(super) fn load_all(files: &[PathBuf], overrides: &Overrides) -> Option<Vec<Loaded>> {
    let loaded: Vec<_> = files.iter().map(|file| load(file, overrides)).collect();
    loaded.into_iter().collect::<Option<Vec<_>>>().map(|runs| runs.concat())
}

/// All runs of one file, or `None` after telling its mistakes.
pub(super) fn load(file: &Path, overrides: &Overrides) -> Option<Vec<Loaded>> {
    let runs = scenario::load(file, overrides).inspect_err(streams::tell).ok()?;
    let unlikely = runs.iter().map(|run| &run.warnings).filter(|warnings| warnings.has_warnings());
    unlikely.for_each(streams::tell);
    Some(runs)
}

/// The manifest of a results folder whose run came to its end.
pub(super) fn finished(folder: &Path) -> anyhow::Result<Manifest> {
    let manifest = Manifest::read(folder)?;
    let how = match manifest.status {
        Status::Finished => return Ok(manifest),
        Status::Running => "is going on, or was killed",
        Status::Interrupted => "was interrupted",
        Status::Failed => "failed",
    };
    let folder = folder.display();
    bail!("{folder}: the run {how}, so it has no metrics and no fingerprint; play it again")
}

/// The scenario that a results folder was played from, under the name it had.
pub(super) fn recorded(folder: &Path, manifest: &Manifest) -> Option<Scenario> {
    let file = folder.join(RESOLVED);
    let mut scenario = load(&file, &Overrides::default())?.pop()?.scenario;
    // A manifest may come from anywhere, and folders are named after the scenario.
    scenario.name = folder_name(&manifest.scenario);
    Some(scenario)
}
