//! Draws the report of a results folder, and opens it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;

use crate::analysis::Findings;
use crate::cli::play::Played;
use crate::cli::streams;
use crate::plan::Plan;
use crate::record::{Finished, Manifest};
use crate::report;

/// The page's name in a results folder.
const NAME: &str = "report.html";

/// The report of a finished run: the one that is there if the same run was there already.
pub(super) fn of(finished: &Finished, plan: &Plan, played: &Played) -> anyhow::Result<PathBuf> {
    let page = finished.path.join(NAME);
    if finished.already_there && page.exists() {
        return Ok(page);
    }
    draw(&finished.path, plan, &played.findings, &played.manifest)
}

/// Draws figures and page into the results folder and returns the page. What was recorded is
/// complete before: an error here loses nothing, and says how to draw again.
pub(super) fn draw(
    folder: &Path,
    plan: &Plan,
    findings: &Findings,
    manifest: &Manifest,
) -> anyhow::Result<PathBuf> {
    report::write(&report::Input { plan, findings, manifest }, folder).with_context(|| {
        let folder = folder.display();
        format!("the run is complete, but not its report: try `rackstorm report {folder}`")
    })?;
    Ok(folder.join(NAME))
}

/// Opens a page with whatever the desktop opens pages with.
pub(super) fn open(page: &Path) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Command::new(program);
    if command.arg(page).stdout(Stdio::null()).stderr(Stdio::null()).spawn().is_err() {
        streams::say(&format!("no {program} here: open {} yourself", page.display()));
    }
}
