//! Ctrl-C: the first one asks the runs to stop and tidy up, the second one ends the program.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;

use crate::cli::{Exit, streams};

/// Whether the person (or the batch system, with SIGTERM) wants the program to stop.
#[derive(Clone, Debug, Default)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Catches SIGINT, SIGTERM and SIGHUP from here on. To be called once.
    ///
    /// # Errors
    /// When the system refuses the handler.
    pub(super) fn catch() -> anyhow::Result<Self> {
        let wanted = Self::default();
        let flag = Arc::clone(&wanted.0);
        ctrlc::set_handler(move || {
            if flag.swap(true, Ordering::Relaxed) {
                std::process::exit(Exit::Interrupted as i32);
            }
            streams::say("interrupted: closing what was recorded so far; again to stop at once");
        })
        .context("Ctrl-C cannot be caught")?;
        Ok(wanted)
    }

    /// Whether to stop.
    pub(super) fn is_wanted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
