//! A scenario's job on another machine: a file of its own, or a machine that is built in.

use std::path::Path;

use super::{Loaded, Mistakes, Overrides, load, load_text};

/// The tables of a job and of what happens to it, which another machine takes over.
const TABLES: [&str; 4] = ["workload", "checkpoint", "fault", "stop"];

/// The scenario of a target: a file, or the name of a machine that is built in. Such a machine has
/// the job, the faults and the end that `file` itself gives.
///
/// # Errors
/// All mistakes of the target.
pub fn on_machine(name: &str, file: &Path) -> Result<Loaded, Mistakes> {
    let path = Path::new(name);
    if path.exists() || path.extension().is_some_and(|extension| extension == "toml") {
        return load(path, &Overrides::default());
    }
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let own: toml::Table = text.parse().unwrap_or_default();
    let mut table = toml::Table::new();
    table.insert("schema".into(), 1.into());
    table.insert("inherit".into(), name.into());
    let taken = own.into_iter().filter(|(key, _)| TABLES.contains(&key.as_str()));
    table.extend(taken);
    let text = toml::to_string(&table).expect("it was read as TOML");
    load_text(name, &text, &Overrides::default())
}
