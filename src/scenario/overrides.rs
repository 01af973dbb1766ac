//! What the command line sets, as layers on top of the files.

use toml::de::DeTable;

use crate::config::document::parse;
use crate::config::mistakes::{Mistake, Mistakes, Place};
use crate::scenario::load::{Layer, Overrides};

/// One layer for each `--set`, and one for `--seed`; and whether all could be read.
pub(super) fn layers(overrides: &Overrides, m: &mut Mistakes) -> (Vec<Layer>, bool) {
    let mut layers = Vec::new();
    let mut whole = true;
    let seed = overrides.seed.map(|seed| format!("seed = {seed}"));
    let sets = overrides.set.iter().map(|set| ("--set", as_toml(set)));
    for (name, text) in sets.chain(seed.map(|seed| ("--seed", seed))) {
        let file = m.file(name, text.as_str());
        if !text.contains('=') {
            let mistake = Mistake::new(Place::at(file, 0..text.len()), "an override needs a `=`");
            m.note(mistake.help("such as --set cluster.modules=2"));
            whole = false;
            continue;
        }
        let (table, complete) = parse(file, m);
        whole &= complete;
        if let Some(entry) = table.entry("inherit") {
            let mistake = Mistake::new(entry.place, "`inherit` cannot be overridden");
            m.note(mistake.help("write a file with another `inherit`"));
            whole = false;
        }
        layers.push(Layer { file, table });
    }
    (layers, whole)
}

/// The override as TOML: a value that is none is a string that lacks its quotes.
fn as_toml(set: &str) -> String {
    if DeTable::parse(set).is_ok() {
        return set.into();
    }
    let Some((path, value)) = set.split_once('=') else { return set.into() };
    let quoted = format!("{path}={}", toml::Value::String(value.trim().into()));
    if DeTable::parse(&quoted).is_ok() { quoted } else { set.into() }
}
