//! What a run leaves: how it is played again, whether it is whole, and how it says that it ended.

mod again;
mod endings;
mod whole;

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::program::Bench;

/// Twenty-four nodes that fail now and then: each seed is another run, over in no time.
const SCENARIO: &str = r#"
schema  = 1
inherit = "edge_rack_24"
seed    = 3

[boot]
method = "instant"

[[fault.crash]]
on       = "node"
lifetime = { exponential = { mean = "2 d" } }
repair   = "1 h"

[stop]
when = "never"
at   = "1 d"
"#;

/// Plays a file with these options and returns the folder of each run.
fn play(bench: &Bench, file: &str, options: &[&str]) -> Vec<PathBuf> {
    let done = bench.run(&[&["run", file, "--json"], options].concat());
    assert_eq!(done.code, 0, "{options:?}: {}", done.stderr);
    let folder = |run: &Value| bench.path().join(run["results"].as_str().expect("a folder"));
    done.json_lines().iter().map(folder).collect()
}

/// One run of the scenario above, with its report.
fn run(bench: &Bench) -> PathBuf {
    bench.write("rack.toml", SCENARIO);
    play(bench, "rack.toml", &[]).swap_remove(0)
}

/// The manifest of a folder.
fn manifest(folder: &Path) -> Value {
    let text = std::fs::read_to_string(folder.join("manifest.json")).expect("a manifest");
    serde_json::from_str(&text).expect("JSON")
}

/// The one folder of a run that did not come to its end.
fn partial(bench: &Bench) -> PathBuf {
    let names = bench.files();
    let mut partial = names.iter().filter(|name| name.ends_with(".partial"));
    let (found, more) = (partial.next().expect("it stays"), partial.next());
    assert_eq!(more, None);
    bench.path().join(found)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("names are UTF-8")
}
