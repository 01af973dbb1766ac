//! What a results folder holds, in the formats of other tools.
//!
//! An export reads what the run left and adds nothing to it: the same folder gives the same bytes.

pub mod fta;
pub mod junit;
pub mod openmetrics;
pub mod perfetto;
pub mod provenance;
pub mod tables;
pub mod vega;

use std::path::PathBuf;

use crate::analysis::Findings;
use crate::plan::Plan;
use crate::record::{Manifest, RecordError};

/// A finished run, as its results folder has it.
#[derive(Debug)]
pub struct Recorded {
    /// The folder.
    pub folder: PathBuf,
    /// What was run, by which program.
    pub manifest: Manifest,
    /// The plan of its scenario.
    pub plan: Plan,
    /// What it showed.
    pub findings: Findings,
}

impl Recorded {
    /// What names the run among others: scenario, seed and stage.
    #[must_use]
    pub fn name(&self) -> String {
        let Manifest { scenario, seed, stage, .. } = &self.manifest;
        format!("{scenario}, seed {seed}, {stage}")
    }

    /// An error unless the log holds all events.
    fn needs_all_events(&self, what: &str) -> Result<(), RecordError> {
        if self.manifest.event_level == "all" {
            return Ok(());
        }
        let level = &self.manifest.event_level;
        let why = format!(
            "its log was recorded with --events {level}; {what} needs the states of nodes: run it \
             again with --events all"
        );
        Err(RecordError::Foreign { path: self.folder.clone(), why })
    }
}
