//! Draws the report of a results folder, and opens it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;

use crate::analysis::Findings;
use crate::cli::streams;
use crate::plan::Plan;
use crate::record::Manifest;
use crate::report;

/// Draws figures and page into the results folder and returns the page. What was recorded is
/// complete before: an error here loses nothing, and says how to draw again.
pub(super) fn draw(folder: &Path, plan: &Plan, findings: &Findings) -> anyhow::Result<PathBuf> {
    let manifest = Manifest::load(folder)?;
    report::write(&report::Input { plan, findings, manifest: &manifest }, folder).with_context(
        || {
            let folder = folder.display();
            format!("the run is complete, but not its report: try `rackstorm report {folder}`")
        },
    )?;
    Ok(folder.join("report.html"))
}

/// Opens a page with whatever the desktop opens pages with.
pub(super) fn open(page: &Path) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Command::new(program);
    if command.arg(page).stdout(Stdio::null()).stderr(Stdio::null()).spawn().is_err() {
        streams::say(&format!("no {program} here: open {} yourself", page.display()));
    }
}
