//! Opens a page with whatever the desktop opens pages with.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::cli::streams;

/// Opens it, or says that the person must.
pub(super) fn open(page: &Path) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Command::new(program);
    if command.arg(page).stdout(Stdio::null()).stderr(Stdio::null()).spawn().is_err() {
        streams::say(&format!("no {program} here: open {} yourself", page.display()));
    }
}
