//! Studies: the command `rackstorm study` as a user, a cluster and a power cut meet it.

mod clusters;
mod refusals;
mod resume;
mod rows;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::program::{Bench, Done, root};

/// A study of one node that fails once a day: three intervals, 20 seeds each.
pub(super) const INTERVALS: &str = "\
[sweep]
\"checkpoint.coordinated.interval\" = [\"9762.711864407 s\", \"6 h\", \"1 d\"]
[study]
replications = 20
";

/// Writes a study over the smoke scenario of one node.
pub(super) fn one_node(bench: &Bench, rest: &str) -> PathBuf {
    let base = root().join("scenarios/smoke/single_node_exponential.toml");
    let base = base.to_str().expect("names are UTF-8");
    bench.write("node.toml", &format!("schema = 1\ninherit = {base:?}\n{rest}"))
}

/// Runs `rackstorm study` with arguments that are separated by spaces.
pub(super) fn study(bench: &Bench, arguments: &str) -> Done {
    let all: Vec<_> = ["study"].into_iter().chain(arguments.split_whitespace()).collect();
    bench.run(&all)
}

/// The same, which must succeed.
pub(super) fn done(bench: &Bench, arguments: &str) -> String {
    let done = study(bench, arguments);
    assert_eq!(done.code, 0, "study {arguments}: {}{}", done.stdout, done.stderr);
    done.stdout
}

/// The bytes of the merged table, and of what says what its columns are.
pub(super) fn tables(folder: &Path) -> [Vec<u8>; 3] {
    ["results.csv", "results.parquet", "columns.csv"]
        .map(|name| std::fs::read(folder.join(name)).unwrap_or_else(|_| panic!("no {name}")))
}

/// The rows of a CSV table, by the names of its columns.
pub(super) fn rows(file: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(file).expect("a table");
    reader.deserialize().map(|row| row.expect("a row")).collect()
}
