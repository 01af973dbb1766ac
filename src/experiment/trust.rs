//! How far a results folder is believed: as far as its files are what the run left.

use std::fmt::Write;
use std::path::Path;

use super::again;
use crate::record::checksums::{Damage, damaged};
use crate::record::folder::SCENARIO;
use crate::record::{Checksums, Manifest, RecordError};
use crate::scenario::{self, Loaded, Mistakes, Overrides};
use crate::untrusted::folder_name;

/// Files of a results folder are not as the run left them.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{which}\n  hint: {remedy}; --unchecked takes the folder as it is")]
pub struct Damaged {
    /// The folder, and what became of which file.
    pub which: String,
    /// What leaves them whole again.
    pub remedy: String,
}

/// What of a run's own files is not as it left them. An older version did not note what they
/// hold, and then nothing is known.
///
/// # Errors
/// When a file cannot be read.
pub fn check(folder: &Path, manifest: &Manifest) -> Result<Option<Damaged>, RecordError> {
    let Some(files) = &manifest.files else { return Ok(None) };
    look(folder, files, |damaged| again_whole(folder, manifest, damaged))
}

/// The same of the report and its figures.
///
/// # Errors
/// As [`check`].
pub fn check_report(folder: &Path, manifest: &Manifest) -> Result<Option<Damaged>, RecordError> {
    look(folder, &manifest.report, |_| {
        let folder = again::word(&folder.to_string_lossy());
        format!("`rackstorm report {folder}` draws it again")
    })
}

fn look(
    folder: &Path,
    files: &Checksums,
    remedy: impl FnOnce(&[(String, Damage)]) -> String,
) -> Result<Option<Damaged>, RecordError> {
    let damaged = damaged(folder, files)?;
    if damaged.is_empty() {
        return Ok(None);
    }
    let mut which = format!("{}: it is not as the run left it:", folder.display());
    for (name, damage) in &damaged {
        let _ = write!(which, "\n  {name} {damage}");
    }
    Ok(Some(Damaged { which, remedy: remedy(&damaged) }))
}

/// What leaves the damaged files of a run whole again.
fn again_whole(folder: &Path, manifest: &Manifest, damaged: &[(String, Damage)]) -> String {
    let lacks_scenario = damaged.iter().any(|(name, _)| name == SCENARIO);
    match (manifest.deterministic, lacks_scenario) {
        (true, false) => {
            let command = again::run(manifest, &folder.join(SCENARIO));
            format!("`{command}` leaves the same run whole")
        }
        (true, true) => "the `command` in manifest.json leaves the same run whole".to_owned(),
        (false, _) => {
            format!("no other run of stage {} is the same: look for a copy", manifest.stage)
        }
    }
}

/// The scenario that a results folder was played from, under the name it had.
///
/// # Errors
/// All mistakes of the file.
pub fn recorded(folder: &Path, manifest: &Manifest) -> Result<Loaded, Mistakes> {
    let mut loaded = scenario::load(&folder.join(SCENARIO), &Overrides::default())?;
    // A manifest may come from anywhere, and folders are named after the scenario.
    loaded.scenario.name = folder_name(&manifest.scenario);
    Ok(loaded)
}
