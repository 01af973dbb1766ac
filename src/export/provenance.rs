//! RO-Crate: what was run, by which program and command, and what it left, as `JSON-LD`.
//!
//! RO-Crate 1.1 with the profile Process Run Crate 0.5 (w3id.org/ro/wfrun/process/0.5): the run is
//! a `CreateAction` of the program on the scenario, with the files of the folder as its results.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Recorded;
use crate::record::folder::SCENARIO;
use crate::record::manifest;

/// The name of the document in the folder that it describes.
pub const FILE_NAME: &str = "ro-crate-metadata.json";

/// What the profile is.
const PROFILE: &str = "https://w3id.org/ro/wfrun/process/0.5";

/// The document. O(files).
#[must_use]
pub fn document(run: &Recorded) -> Value {
    let manifest = &run.manifest;
    let left = manifest.files.iter().flat_map(|files| files.keys().map(String::as_str));
    let files: BTreeSet<&str> = [manifest::FILE_NAME, SCENARIO].into_iter().chain(left).collect();
    let results: Vec<Value> = files.iter().map(|name| id(name)).collect();
    let outcome: Vec<_> = files.iter().filter(|name| **name != SCENARIO).map(|it| id(it)).collect();
    let mut graph = vec![
        json!({
            "@id": FILE_NAME, "@type": "CreativeWork", "about": id("./"),
            "conformsTo": id("https://w3id.org/ro/crate/1.1"),
        }),
        json!({
            "@id": "./", "@type": "Dataset", "name": run.name(), "conformsTo": id(PROFILE),
            "datePublished": manifest.ended, "hasPart": results, "mentions": id("#run"),
            "identifier": manifest.fingerprint,
        }),
        json!({
            "@id": PROFILE, "@type": "CreativeWork", "name": "Process Run Crate", "version": "0.5",
        }),
        json!({
            "@id": "#program", "@type": "SoftwareApplication", "name": manifest.program,
            "softwareVersion": version(run),
        }),
        json!({
            "@id": "#run", "@type": "CreateAction", "name": run.name(),
            "description": manifest.command.join(" "), "instrument": id("#program"),
            "startTime": manifest.started, "endTime": manifest.ended,
            "object": [id(SCENARIO), id("#seed")], "result": outcome,
        }),
        json!({
            "@id": "#seed", "@type": "PropertyValue", "name": "seed",
            "value": manifest.seed.to_string(),
        }),
    ];
    graph.extend(files.iter().map(|name| {
        let checksum = manifest.files.as_ref().and_then(|files| files.get(*name));
        file(name, checksum.map(|it| it.sha256.as_str()))
    }));
    json!({ "@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph })
}

fn id(name: &str) -> Value {
    json!({ "@id": name })
}

/// The version, with the commit if it is known.
fn version(run: &Recorded) -> String {
    match &run.manifest.commit {
        Some(commit) => format!("{} ({commit})", run.manifest.version),
        None => run.manifest.version.clone(),
    }
}

fn file(name: &str, sha256: Option<&str>) -> Value {
    let format = match name.rsplit_once('.') {
        Some((_, "toml")) => "application/toml",
        Some((_, "csv")) => "text/csv",
        Some((_, "json")) => "application/json",
        Some((_, "html")) => "text/html",
        _ => "application/octet-stream",
    };
    json!({
        "@id": name, "@type": "File", "name": name, "encodingFormat": format, "sha256": sha256,
    })
}
