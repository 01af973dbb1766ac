//! What the command line sets, as layers on top of the files.

use toml::de::DeTable;

use crate::config::document::parse;
use crate::config::mistakes::{Mistake, Mistakes, Place};
use crate::scenario::load::{Layer, Overrides};

/// One layer for each `--set`, and one for `--seed`; and whether all could be read.
pub(super) fn layers(overrides: &Overrides, m: &mut Mistakes) -> (Vec<Layer>, bool) {
    let seed = overrides.seed.map(|seed| format!("seed = {seed}"));
    let sets = overrides.set.iter().map(|set| ("--set", set.clone()));
    let texts = sets.chain(seed.map(|seed| ("--seed", seed)));
    let layers: Vec<_> = texts.map(|(name, text)| layer(name, &text, m)).collect();
    let whole = layers.iter().all(Option::is_some);
    (layers.into_iter().flatten().collect(), whole)
}

/// The layer of one override; `None` if it cannot be read, which is noted.
pub(super) fn layer(name: &str, set: &str, m: &mut Mistakes) -> Option<Layer> {
    let text = as_toml(set);
    let file = m.file(name, text.as_str());
    if !text.contains('=') {
        let mistake = Mistake::new(Place::at(file, 0..text.len()), "an override needs a `=`");
        m.note(mistake.help("such as --set cluster.modules=2"));
        return None;
    }
    let (table, complete) = parse(file, m);
    if let Some(entry) = table.entry("inherit") {
        let mistake = Mistake::new(entry.place, "`inherit` cannot be overridden");
        m.note(mistake.help("write a file with another `inherit`"));
        return None;
    }
    complete.then_some(Layer { file, table })
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
