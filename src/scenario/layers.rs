//! Layers of a scenario, merged field by field: built-in files, `inherit`, `--set`, sweep points.

use crate::scenario::document::{Data, Entry, Table, Value};
use crate::scenario::keys::ROOT;
use crate::scenario::language::{Kind, Spec};
use crate::scenario::mistakes::{Mistake, Mistakes, Place};
use crate::scenario::walk::is_numbered;

/// Keys that belong to one file and are not inherited.
const OWN: &[&str] = &["schema", "name", "inherit", "source", "assumption"];

/// Lays `over` on top of `base`: tables are merged key by key, all other values replaced. The
/// choice of one rival key removes the others of the layers below.
pub(super) fn lay_over(base: &mut Table, over: &Table, mistakes: &mut Mistakes) {
    merge(base, over, Some(&ROOT), mistakes);
}

/// Without what belongs to the file alone; for the layers below the scenario's own.
pub(super) fn without_own(mut table: Table) -> Table {
    for name in OWN {
        table.remove(name);
    }
    table
}

/// Only the keys of one table: what a profile gives to a scenario that names it.
pub(super) fn only(table: &Table, name: &str) -> Table {
    Table { entries: table.entry(name).cloned().into_iter().collect() }
}

/// A table with one value, at `a.b.c`.
pub(super) fn at_path(path: &str, place: Place, value: Value) -> Table {
    let (name, value) = match path.split_once('.') {
        None => (path, value),
        Some((name, rest)) => {
            let inner = at_path(rest, place, value);
            (name, Value { place, data: Data::Table(inner) })
        }
    };
    Table { entries: vec![Entry { name: name.into(), place, value }] }
}

fn merge(base: &mut Table, over: &Table, spec: Option<&'static Spec>, mistakes: &mut Mistakes) {
    for entry in &over.entries {
        let rivals = spec.map_or(&[][..], |spec| spec.rivals);
        for group in rivals.iter().filter(|group| group.contains(&entry.name.as_str())) {
            let chosen = |name: &&&str| over.entry(name).is_none();
            group.iter().filter(chosen).for_each(|name| base.remove(name));
        }
        let kind = spec.and_then(|spec| spec.key(&entry.name)).map(|key| &key.kind);
        match base.entries.iter_mut().find(|known| known.name == entry.name) {
            None => base.entries.push(entry.clone()),
            Some(known) => {
                merge_value(&mut known.value, &entry.value, kind, mistakes);
                known.place = entry.place;
            }
        }
    }
}

fn merge_value(
    base: &mut Value,
    over: &Value,
    kind: Option<&'static Kind>,
    mistakes: &mut Mistakes,
) {
    match (&mut base.data, &over.data) {
        (Data::Table(lower), Data::Table(upper)) => {
            merge(lower, upper, kind.and_then(table_of), mistakes);
            base.place = over.place;
        }
        (Data::List(list), Data::Table(upper)) if is_numbered(upper) => {
            let inner = match kind {
                Some(Kind::List(inner)) => Some(*inner),
                _ => None,
            };
            let spec = kind.and_then(table_of).or_else(|| inner.and_then(table_of));
            for entry in &upper.entries {
                let count = list.len();
                if let Some(item) =
                    entry.name.parse::<usize>().ok().and_then(|index| list.get_mut(index))
                {
                    match (&mut item.data, &entry.value.data) {
                        (Data::Table(a), Data::Table(b)) => merge(a, b, spec, mistakes),
                        _ => *item = entry.value.clone(),
                    }
                } else {
                    let title = format!("there is no item {} here", entry.name);
                    let help = format!("there are {count}, counted from 0");
                    mistakes.note(Mistake::new(entry.place, title).help(help));
                }
            }
        }
        _ => *base = over.clone(),
    }
}

fn table_of(kind: &'static Kind) -> Option<&'static Spec> {
    match kind {
        Kind::Table(spec) | Kind::Tables(spec) => Some(spec),
        Kind::Any(kinds) => kinds.iter().find_map(table_of),
        _ => None,
    }
}
