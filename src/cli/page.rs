//! Draws the report of a results folder, and opens it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;

use crate::analysis::{Findings, expect, forecast, metrics};
use crate::cli::play::Played;
use crate::cli::{again, files, streams};
use crate::plan::Plan;
use crate::record::{Checksums, Finished, Manifest, RecordError, checksums, folder};
use crate::report::{self, Input, VerdictLine};

/// The page's name in a results folder.
const NAME: &str = "report.html";

/// The report of a finished run: the one that is there if the same run was there already.
pub(super) fn of(finished: &Finished, plan: &Plan, played: &Played) -> anyhow::Result<PathBuf> {
    let page = finished.path.join(NAME);
    // Who draws it now holds the folder.
    drop(folder::hold(&finished.path));
    if finished.already_there && page.exists() {
        return Ok(page);
    }
    draw(&finished.path, plan, &played.findings)
}

/// Draws figures and page into the results folder and returns the page. What was recorded is
/// complete before: an error here loses nothing, and says how to draw again.
pub(super) fn draw(folder: &Path, plan: &Plan, findings: &Findings) -> anyhow::Result<PathBuf> {
    let _hold = folder::hold(folder);
    let mut manifest = Manifest::read(folder)?;
    // Killed from here on, it leaves a report of which nobody says what it should hold.
    note(&mut manifest, folder, Checksums::new())?;
    let resolved = folder.join(files::RESOLVED);
    let resolved = fs::read_to_string(&resolved)
        .with_context(|| format!("cannot read {}", resolved.display()))?;
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
    let drawn = report::write(&input, folder).map_err(anyhow::Error::from);
    let noted = drawn.and_then(|names| {
        let report = checksums::of_files(folder, &names)?;
        Ok(note(&mut manifest, folder, report)?)
    });
    noted.with_context(|| {
        let folder = folder.display();
        format!(
            "{folder}: the run is complete, but its report could not be drawn; \
             try `rackstorm report {folder}`"
        )
    })?;
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

/// Opens a page with whatever the desktop opens pages with.
pub(super) fn open(page: &Path) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Command::new(program);
    if command.arg(page).stdout(Stdio::null()).stderr(Stdio::null()).spawn().is_err() {
        streams::say(&format!("no {program} here: open {} yourself", page.display()));
    }
}
