//! A recorded run, read back from its results folder as far as a comparison needs it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::observed::Observed;
use super::{Findings, Point, results};
use crate::record::folder::SCENARIO;
use crate::record::{LogReader, Manifest, RecordError};
use crate::scenario::difference;

/// A recorded run.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its results folder.
    pub folder: PathBuf,
    /// What was run, by which program.
    pub manifest: Manifest,
    /// The value of each key of its resolved scenario, as TOML.
    pub keys: BTreeMap<String, String>,
    /// What it showed.
    pub findings: Findings,
    /// Its single times, as far as the log recorded them: `faults` has those of checkpoints only.
    /// `None` if there is no log.
    pub observed: Option<Observed>,
}

impl Run {
    /// Reads the folder of a finished run, whose manifest was read before.
    ///
    /// # Errors
    /// When it cannot be read, or holds what is not a number.
    pub fn read(folder: &Path, manifest: Manifest) -> Result<Self, RecordError> {
        let foreign = |why: &str| RecordError::Foreign { path: folder.to_owned(), why: why.into() };
        let path = folder.join(SCENARIO);
        let text = fs::read_to_string(&path).map_err(RecordError::io("read", &path))?;
        let keys = difference::keys(&text)
            .map_err(|why| RecordError::Foreign { path, why: format!("it is not TOML: {why}") })?;
        let findings = results::load(folder)?;
        if let Some(what) = not_a_number(&findings) {
            return Err(foreign(&format!("{what} is not a number")));
        }
        let observed = observed(folder, &manifest)?;
        let folder = folder.to_owned();
        Ok(Self { folder, manifest, keys, findings, observed })
    }

    /// Its nodes.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.findings.nodes.len()
    }
}

/// The first value of the tables that is infinite or not a number.
fn not_a_number(findings: &Findings) -> Option<String> {
    let metric = findings.metrics.iter().find(|metric| !metric.value.is_finite());
    let node = findings.nodes.iter().find(|node| {
        ![node.first_up_s, node.up_s, node.down_s].iter().all(|value| value.is_finite())
    });
    let boot = findings.boots.iter().find(|span| !(span.to_s - span.from_s).is_finite());
    let point = |it: &Point| [it.t_s, it.min, it.mean, it.max].iter().all(|it| it.is_finite());
    let series = findings.series.iter().find(|series| !series.points.iter().all(point));
    metric
        .map(|metric| format!("metric {}", metric.name))
        .or_else(|| node.map(|node| format!("a time of node {}", node.node.0 + 1)))
        .or_else(|| boot.map(|span| format!("a boot stage of node {}", span.node.0 + 1)))
        .or_else(|| series.map(|series| format!("a point of series {}", series.name)))
}

/// The single times of a run, from its log; a log of level `none` has none.
fn observed(folder: &Path, manifest: &Manifest) -> Result<Option<Observed>, RecordError> {
    if manifest.event_level == "none" {
        return Ok(None);
    }
    let mut observed = Observed::default();
    for event in LogReader::open(folder)? {
        observed.event(&event?);
    }
    Ok(Some(observed))
}
