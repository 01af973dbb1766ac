//! Variants: parts of a scenario by name, of which `variant`, or an axis of it, chooses one.
//!
//! The keys of a variant lie over those of the files, and the axes of a study over them. What the
//! command line sets lies over every variant.

use std::borrow::Cow;

use crate::config::document::{Data, Entry, Table, Value};
use crate::config::language::nearest;
use crate::config::layers::lay_over;
use crate::config::mistakes::{Mistake, Mistakes};
use crate::scenario::keys::VARIANT;
use crate::scenario::load::{Point, Sources};

/// The key, and the path of the axis, that chooses.
pub(super) const CHOICE: &str = "variant";
/// The table of all of them.
pub(super) const ALL: &str = "variants";

/// A point with the keys of its variant below it, in place of the choice. Nothing for a name of
/// none, which [`check`] notes.
pub(super) fn expanded<'a>(user: &'a Table, point: &Point<'a>) -> Vec<(&'a str, &'a Value)> {
    let chosen = chosen(user, point).and_then(|choice| entries(user, choice.text()?));
    let keys = chosen.into_iter().flatten().map(|entry| (entry.name.as_str(), &entry.value));
    keys.chain(point.iter().copied().filter(|(path, _)| *path != CHOICE)).collect()
}

/// Notes that a point chooses a variant that there is not.
pub(super) fn check(user: &Table, point: &Point<'_>, m: &mut Mistakes) {
    let Some(choice) = chosen(user, point) else { return };
    let Some(name) = choice.text().filter(|name| entries(user, name).is_none()) else { return };
    let all = user.get(ALL).and_then(Value::table).map_or(&[][..], |all| &all.entries);
    let known = all.iter().map(|entry| entry.name.as_str());
    let help = match nearest(name, known.clone()) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None if all.is_empty() => format!("write [{ALL}.{name}] with the keys that it changes"),
        None => format!("the variants: {}", known.collect::<Vec<_>>().join(", ")),
    };
    m.note(Mistake::new(choice.place, format!("there is no variant `{name}`")).help(help));
}

/// Notes what an axis leaves nothing of: keys of the variant of which it gives a rival.
pub(super) fn check_kept(user: &Table, point: &Point<'_>, merged: &Table, m: &mut Mistakes) {
    let Some(choice) = chosen(user, point).filter(|_| point.len() > 1) else { return };
    let Some(name) = choice.text() else { return };
    let mut lost = Vec::new();
    for entry in entries(user, name).unwrap_or_default() {
        leaves(entry, "", &mut lost);
    }
    lost.retain(|(path, _)| !is_in(merged, path));
    if let Some((path, entry)) = lost.first() {
        let title = format!("an axis replaces `{path}` of the variant `{name}`");
        m.note(Mistake::new(entry.place, title).help(
            "leave such cells out: [study] where = [\"variant != ...\"], or set the key in each \
             variant",
        ));
    }
}

/// Whether there is a value at a path, in which items of arrays have their numbers.
fn is_in(table: &Table, path: &str) -> bool {
    let mut parts = path.split('.');
    let first = parts.next().and_then(|part| table.get(part));
    let found = parts.fold(first, |value, part| match &value?.data {
        Data::Table(inner) => inner.get(part),
        Data::List(items) => items.get(part.parse::<usize>().ok()?),
        _ => None,
    });
    found.is_some()
}

/// Lays what the command line sets over each variant.
pub(super) fn lay_under(user: &mut Table, set: &Table, m: &mut Mistakes) {
    let mut set = set.clone();
    set.entries.retain(|entry| VARIANT.key(&entry.name).is_some());
    for variant in all_of(user) {
        if let Data::Table(keys) = &mut variant.value.data {
            lay_over(&VARIANT, keys, &set, m);
        }
    }
}

/// All variants of a table.
pub(super) fn all_of(table: &mut Table) -> &mut [Entry] {
    let all = table.entries.iter_mut().find(|entry| entry.name == ALL);
    match all.map(|entry| &mut entry.value.data) {
        Some(Data::Table(all)) => &mut all.entries,
        _ => &mut [],
    }
}

/// The sources of a point: those of figures of its variant as of the keys that the variant gives.
pub(super) fn sources<'a>(user: &Table, point: &Point<'_>, all: &'a Sources) -> Cow<'a, Sources> {
    let Some(name) = chosen(user, point).and_then(Value::text) else { return Cow::Borrowed(all) };
    let above = format!("{ALL}.{name}.");
    let mut all = all.clone();
    for (path, _) in all.values_mut().flatten() {
        if let Some(plain) = path.strip_prefix(&above) {
            *path = plain.to_owned();
        }
    }
    Cow::Owned(all)
}

/// The path of a key without the variant that it is of.
pub(super) fn plain_path(path: &str) -> Option<&str> {
    path.strip_prefix(ALL)?.strip_prefix('.')?.split_once('.').map(|(_, key)| key)
}

/// The choice at a point: that of its axis, or of the files.
fn chosen<'a>(user: &'a Table, point: &Point<'a>) -> Option<&'a Value> {
    let axis = point.iter().find(|(path, _)| *path == CHOICE).map(|(_, value)| *value);
    axis.or_else(|| user.get(CHOICE))
}

fn entries<'a>(user: &'a Table, name: &str) -> Option<&'a [Entry]> {
    let all = user.get(ALL)?.table()?;
    all.get(name)?.table().map(|keys| keys.entries.as_slice())
}

/// All values that are no tables, by their paths.
fn leaves<'a>(entry: &'a Entry, above: &str, out: &mut Vec<(String, &'a Entry)>) {
    let path = format!("{above}{}", entry.name);
    match entry.value.table() {
        Some(inner) => inner.entries.iter().for_each(|it| leaves(it, &format!("{path}."), out)),
        None => out.push((path, entry)),
    }
}
