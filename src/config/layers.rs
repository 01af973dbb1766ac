//! Layers of a scenario, merged field by field: built-in files, `inherit`, a cell, `--set`.

use std::collections::BTreeMap;

use crate::config::document::{Data, Entry, Table, Value};
use crate::config::language::{Kind, TableSpec};
use crate::config::mistakes::{Mistake, Mistakes, Place};
use crate::config::walk::is_numbered;

/// Lays `over` on top of `base`: tables are merged key by key, all other values replaced. The
/// choice of one rival key removes the others of the layers below.
pub(crate) fn lay_over(
    root: &'static TableSpec,
    base: &mut Table,
    over: &Table,
    mistakes: &mut Mistakes,
) {
    merge(base, over, Some(Inside::Table(root)), mistakes);
}

/// Only the keys of one table: what a profile gives to a scenario that names it.
pub(crate) fn only(table: &Table, name: &str) -> Table {
    Table { entries: table.entry(name).cloned().into_iter().collect() }
}

/// A table with one value, at `a.b.c`.
pub(crate) fn at_path(path: &str, place: Place, value: Value) -> Table {
    let (name, value) = match path.split_once('.') {
        None => (path, value),
        Some((name, rest)) => {
            let inner = at_path(rest, place, value);
            (name, Value { place, data: Data::Table(inner) })
        }
    };
    Table { entries: vec![Entry { name: name.into(), place, value }] }
}

/// Notes and drops what is given for numbered items of arrays that no layer gives.
pub(crate) fn drop_lost_items(root: &'static TableSpec, table: &mut Table, m: &mut Mistakes) {
    drop_lost(&mut Vec::new(), table, root, m);
}

fn drop_lost(
    path: &mut Vec<&'static str>,
    table: &mut Table,
    spec: &'static TableSpec,
    m: &mut Mistakes,
) {
    table.entries.retain_mut(|entry| {
        if !matches!(entry.value.data, Data::Table(_) | Data::List(_)) {
            return true;
        }
        let Some(key) = spec.key(&entry.name) else { return true };
        path.push(key.name);
        let stays = match (&key.kind, &mut entry.value.data) {
            (Kind::Tables(_) | Kind::List(_), Data::Table(items)) if is_numbered(items) => {
                let path = path.join(".");
                for item in &items.entries {
                    let title = format!("there is no item {} here: no file gives any", item.name);
                    let help = format!("give the whole array, such as --set '{path}=[...]'");
                    m.note(Mistake::new(item.place, title).help(help));
                }
                false
            }
            (kind, Data::Table(inner)) => {
                if let Some(spec) = table_of(kind) {
                    drop_lost(path, inner, spec, m);
                }
                true
            }
            (Kind::Tables(spec), Data::List(items)) => {
                for item in items {
                    if let Data::Table(inner) = &mut item.data {
                        drop_lost(path, inner, spec, m);
                    }
                }
                true
            }
            _ => true,
        };
        path.pop();
        stays
    });
}

/// Up to so many keys are sought one by one, which is quicker.
const SOUGHT_MAX: usize = 16;

/// What is in a table.
#[derive(Clone, Copy)]
enum Inside {
    /// The keys of the language.
    Table(&'static TableSpec),
    /// Values of one kind, by names.
    Map(&'static Kind),
}

impl Inside {
    fn of(kind: &'static Kind) -> Option<Self> {
        match kind {
            Kind::Map(_, inner) => Some(Self::Map(inner)),
            _ => table_of(kind).map(Self::Table),
        }
    }

    fn kind(self, name: &str) -> Option<&'static Kind> {
        match self {
            Self::Table(spec) => spec.key(name).map(|key| &key.kind),
            Self::Map(kind) => Some(kind),
        }
    }

    fn rivals(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Table(spec) => spec.rivals,
            Self::Map(_) => &[],
        }
    }
}

fn merge(base: &mut Table, over: &Table, inside: Option<Inside>, mistakes: &mut Mistakes) {
    for entry in &over.entries {
        let rivals = inside.map_or(&[][..], Inside::rivals);
        for group in rivals.iter().filter(|group| group.contains(&entry.name.as_str())) {
            let chosen = |name: &&&str| over.entry(name).is_none();
            group.iter().filter(chosen).for_each(|name| base.remove(name));
        }
    }
    // A file of mistakes may give a table of a hundred thousand keys: they are not sought one by
    // one.
    let many = over.entries.len() > SOUGHT_MAX;
    let names = base.entries.iter().filter(|_| many).map(|entry| entry.name.clone());
    let known: BTreeMap<String, usize> = names.zip(0..).collect();
    for entry in &over.entries {
        let kind = inside.and_then(|inside| inside.kind(&entry.name));
        let at = if many {
            known.get(&entry.name).copied()
        } else {
            base.entries.iter().position(|known| known.name == entry.name)
        };
        match at {
            None => base.entries.push(entry.clone()),
            Some(at) => {
                let known = &mut base.entries[at];
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
            merge(lower, upper, kind.and_then(Inside::of), mistakes);
            base.place = over.place;
        }
        (Data::List(list), Data::Table(upper)) if is_numbered(upper) => {
            let inner = match kind {
                Some(Kind::List(inner)) => Some(*inner),
                _ => None,
            };
            let spec = kind.and_then(table_of).or_else(|| inner.and_then(table_of));
            let inside = spec.map(Inside::Table);
            for entry in &upper.entries {
                let count = list.len();
                if let Some(item) =
                    entry.name.parse::<usize>().ok().and_then(|index| list.get_mut(index))
                {
                    match (&mut item.data, &entry.value.data) {
                        (Data::Table(a), Data::Table(b)) => merge(a, b, inside, mistakes),
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

/// The table that a value of this kind is or holds.
pub(crate) fn table_of(kind: &'static Kind) -> Option<&'static TableSpec> {
    match kind {
        Kind::Table(spec) | Kind::Tables(spec) => Some(spec),
        Kind::Any(kinds) => kinds.iter().find_map(table_of),
        _ => None,
    }
}
