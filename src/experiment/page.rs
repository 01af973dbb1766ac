//! Draws the report of a results folder.

use std::fs;
use std::path::{Path, PathBuf};

use super::again;
use super::run::RunError;
use crate::analysis::{Findings, expect, metrics};
use crate::forecast;
use crate::plan::Plan;
use crate::record::folder::{self, SCENARIO};
use crate::record::{Checksums, Manifest, RecordError, checksums};
use crate::report::{self, Input, VerdictLine};

/// The page's name in a results folder.
pub(super) const NAME: &str = "report.html";

/// Draws figures and page into the results folder and returns the page. What was recorded is
/// complete before: an error here loses nothing, and says how to draw again.
///
/// # Errors
/// When a file cannot be read or written.
pub fn draw(folder: &Path, plan: &Plan, findings: &Findings) -> Result<PathBuf, RunError> {
    let _hold = folder::hold(folder);
    let mut manifest = Manifest::read(folder)?;
    // Killed from here on, it leaves a report of which nobody says what it should hold.
    note(&mut manifest, folder, Checksums::new())?;
    let resolved = folder.join(SCENARIO);
    let resolved = fs::read_to_string(&resolved).map_err(RecordError::io("read", &resolved))?;
    let verdicts: Vec<_> = expect::check(&plan.scenario.expect, &findings.metrics)
        .iter()
        .map(|verdict| VerdictLine { text: verdict.to_string(), met: verdict.is_met() })
        .collect();
    let input = Input {
        plan,
        findings,
        stage: &manifest.stage,
        fingerprint: manifest.fingerprint.as_deref().unwrap_or("none: it did not come to its end"),
        version: &manifest.version,
        resolved: &resolved,
        verdicts: &verdicts,
        theory: &forecast::held(plan, findings),
        definition: |name| metrics::find(name).map_or("", |definition| definition.meaning),
        again: &again::of(&manifest),
    };
    let drawn = report::write(&input, folder).map_err(RecordError::io("write", folder));
    let noted = drawn.and_then(|names| {
        let report = checksums::of_files(folder, &names)?;
        note(&mut manifest, folder, report)
    });
    noted.map_err(|source| RunError::Report { folder: folder.to_owned(), source })?;
    Ok(folder.join(NAME))
}

/// Notes in the manifest what the report holds.
fn note(manifest: &mut Manifest, folder: &Path, report: Checksums) -> Result<(), RecordError> {
    if manifest.report == report {
        return Ok(());
    }
    manifest.report = report;
    manifest.write(folder)
}
