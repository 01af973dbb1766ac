//! Checks a parsed text against the language: keys, types, units, bounds, rivals.

use std::fmt::Display;

use crate::config::document::{Data, Entry, Table, Value};
use crate::config::language::{
    Key, Kind, Names, Problem, Read, Share, TableSpec, nearest, read_bound,
};
use crate::config::layers::table_of;
use crate::config::mistakes::{Mistake, Mistakes};
use crate::config::nodeset;
use crate::units::{BitRate, ByteRate, Bytes, Length, PacketRate, Power, Span};

/// Notes all mistakes of a text that can be seen without any other text.
pub(crate) fn check_document(language: &'static TableSpec, root: &Table, mistakes: &mut Mistakes) {
    check_table(language, language, "", root, mistakes);
}

/// Notes all mistakes of a value for the key at `path`, such as `cluster.modules`.
pub(crate) fn check_at(
    root: &'static TableSpec,
    path: &str,
    value: &Value,
    mistakes: &mut Mistakes,
) -> bool {
    let Some(kind) = kind_at(root, path) else { return false };
    check(root, kind, path, value, mistakes);
    true
}

/// The kind of the key at `path`; items of arrays are numbered from 0.
pub(crate) fn kind_at(root: &'static TableSpec, path: &str) -> Option<&'static Kind> {
    let mut spec = Some(root);
    let mut kind: Option<&'static Kind> = None;
    for part in path.split('.') {
        let number = part.bytes().all(|byte| byte.is_ascii_digit());
        kind = match (spec, kind) {
            (None, Some(Kind::List(inner))) if number => Some(inner),
            (_, Some(Kind::Tables(inner))) if number => {
                spec = Some(inner);
                continue;
            }
            (_, Some(Kind::Map(_, inner))) => Some(inner),
            (Some(spec), _) => Some(&spec.key(part)?.kind),
            _ => return None,
        };
        spec = match kind {
            Some(Kind::Table(inner)) => Some(inner),
            Some(Kind::Any(kinds)) => kinds.iter().find_map(|kind| match kind {
                Kind::Table(inner) => Some(*inner),
                _ => None,
            }),
            _ => None,
        };
    }
    kind
}

/// The declaration of the key at `path`.
pub(crate) fn key_at(root: &'static TableSpec, path: &str) -> Option<&'static Key> {
    let (spec, name) = match path.rsplit_once('.') {
        None => (root, path),
        Some((above, name)) => (table_of(kind_at(root, above)?)?, name),
    };
    spec.key(name)
}

/// The default of the key at `path`, if the language has one.
pub(crate) fn default_at(root: &'static TableSpec, path: &str) -> Option<&'static str> {
    key_at(root, path)?.default
}

fn check_table(
    root: &'static TableSpec,
    spec: &'static TableSpec,
    path: &str,
    table: &Table,
    mistakes: &mut Mistakes,
) {
    for entry in &table.entries {
        match spec.key(&entry.name) {
            Some(key) => check(root, &key.kind, &below(path, key), &entry.value, mistakes),
            None => mistakes.note_at(entry.place, || unknown_key(root, spec, path, entry)),
        }
    }
    for rivals in spec.rivals {
        let mut given = rivals.iter().filter_map(|name| table.entry(name)).collect::<Vec<_>>();
        given.sort_by_key(|entry| entry.place);
        if let [first, others @ ..] = given.as_slice() {
            for other in others {
                let title = format!("`{}` contradicts `{}`", other.name, first.name);
                let mistake = Mistake::new(other.place, title).help("keep one of the two");
                mistakes.note(mistake.other(first.place, "given here"));
            }
        }
    }
}

fn below(path: &str, key: &Key) -> String {
    if path.is_empty() { key.name.into() } else { format!("{path}.{}", key.name) }
}

fn unknown_key(
    root: &'static TableSpec,
    spec: &'static TableSpec,
    path: &str,
    entry: &Entry,
) -> Mistake {
    let name = &entry.name;
    let place = if path.is_empty() { "the file".into() } else { format!("[{path}]") };
    let known: Vec<&str> = spec.keys.iter().map(|key| key.name).collect();
    let title = if path == "fault" || path == "workload" || path == "checkpoint" {
        format!("unknown {path} `{name}`")
    } else {
        format!("unknown key `{name}` in {place}")
    };
    let home = home_of(root, "", name);
    let help = if let Some(home) = home.filter(|_| path.is_empty()) {
        format!("`{name}` is a key of [{home}]")
    } else if let Some(near) = nearest(name, known.iter().copied()) {
        format!("did you mean `{near}`?")
    } else if let Some(home) = home_of(root, "", name) {
        format!("`{name}` is a key of [{home}]")
    } else {
        format!("known: {}", known.join(", "))
    };
    Mistake::new(entry.place, title).help(help)
}

/// The first table below `spec` that has this key.
fn home_of(spec: &'static TableSpec, path: &str, name: &str) -> Option<String> {
    if !path.is_empty() && spec.key(name).is_some() {
        return Some(path.into());
    }
    spec.keys.iter().find_map(|key| match key.kind {
        Kind::Table(inner) => home_of(inner, &below(path, key), name),
        _ => None,
    })
}

fn check(
    root: &'static TableSpec,
    kind: &'static Kind,
    path: &str,
    value: &Value,
    mistakes: &mut Mistakes,
) {
    match (kind, &value.data) {
        (Kind::Table(spec), Data::Table(table)) => check_table(root, spec, path, table, mistakes),
        (Kind::Tables(spec), Data::List(list)) => {
            for item in list {
                match item.table() {
                    Some(table) => check_table(root, spec, path, table, mistakes),
                    None => note(Problem::wrong_type("a table", item), item, mistakes),
                }
            }
        }
        // `--set fault.crash.0.at=...`
        (Kind::Tables(spec), Data::Table(table)) if is_numbered(table) => {
            for entry in &table.entries {
                if let Some(table) = entry.value.table() {
                    check_table(root, spec, path, table, mistakes);
                } else {
                    let problem = Problem::wrong_type("a table", &entry.value);
                    note(problem, &entry.value, mistakes);
                }
            }
        }
        (Kind::Tables(_), Data::Table(_)) => {
            let problem = Problem::wrong_type("an array of tables", value);
            note(problem.help(format!("write [[{path}]]")), value, mistakes);
        }
        (Kind::List(kind), Data::List(list)) => {
            for item in list {
                check(root, kind, path, item, mistakes);
            }
        }
        (Kind::List(kind), Data::Table(table)) if is_numbered(table) => {
            table.entries.iter().for_each(|entry| check(root, kind, path, &entry.value, mistakes));
        }
        (Kind::Map(names, kind), Data::Table(table)) => {
            for entry in &table.entries {
                let is_name = !entry.name.trim().is_empty() && !entry.name.contains('.');
                if matches!(names, Names::Free) && !is_name {
                    let title = format!("`{}` is no name", entry.name);
                    let help = "a name is not blank and has no dot, which stands between keys";
                    mistakes.note(Mistake::new(entry.place, title).help(help));
                }
                check(root, kind, &format!("{path}.{}", entry.name), &entry.value, mistakes);
            }
        }
        (Kind::Any(kinds), _) => check_any(root, kinds, path, value, mistakes),
        // Axes are read by the sweep, which knows their keys.
        (Kind::Axes(_), Data::Table(_)) => {}
        _ => {
            if let Err(problem) = check_plain(kind, value) {
                note(problem, value, mistakes);
            }
        }
    }
}

/// Whether the keys of a table are all numbers of items of an array.
pub(crate) fn is_numbered(table: &Table) -> bool {
    !table.entries.is_empty()
        && table.entries.iter().all(|entry| entry.name.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Notes a problem of a value.
pub(crate) fn note(problem: Problem, value: &Value, mistakes: &mut Mistakes) {
    let place = match (&problem.within, value.text()) {
        (Some(range), Some(text)) => mistakes.within(value.place, text, range.clone()),
        _ => value.place,
    };
    mistakes.note(Mistake::new(place, problem.title).maybe_help(problem.help));
}

fn check_any(
    root: &'static TableSpec,
    kinds: &'static [Kind],
    path: &str,
    value: &Value,
    mistakes: &mut Mistakes,
) {
    if let (Data::Table(_), Some(kind)) =
        (&value.data, kinds.iter().find(|kind| matches!(kind, Kind::Table(_))))
    {
        return check(root, kind, path, value, mistakes);
    }
    let problems: Vec<(&Kind, Problem)> = kinds
        .iter()
        .filter_map(|kind| check_plain(kind, value).err().map(|problem| (kind, problem)))
        .collect();
    if problems.len() < kinds.len() {
        return;
    }
    let expected: Vec<String> = kinds.iter().map(expected).collect();
    let Some(text) = value.text() else {
        let number = matches!(value.data, Data::Integer(_) | Data::Float(_));
        let of_span = problems.into_iter().find(|(kind, _)| matches!(kind, Kind::Span(..)));
        let help = of_span.filter(|_| number).and_then(|(_, problem)| problem.help);
        let mut problem = Problem::wrong_type(&expected.join(", or "), value);
        problem.help = help;
        return note(problem, value, mistakes);
    };
    // Text that starts like a number was meant as a quantity, other text as a word.
    let starts_like_number =
        text.trim().starts_with(|c: char| c.is_ascii_digit() || "-+.".contains(c));
    let wanted = problems.into_iter().find(|(kind, _)| {
        matches!(kind, Kind::Choice(_)) != starts_like_number && !matches!(kind, Kind::Table(_))
    });
    let problem = wanted.map_or_else(
        || Problem::wrong_type(&expected.join(", or "), value),
        |(kind, problem)| match kind {
            Kind::Choice(_) => {
                let title = format!("`{text}` is not {}", expected.join(", or "));
                Problem { title, help: problem.help, within: None }
            }
            _ => problem,
        },
    );
    note(problem, value, mistakes);
}

/// What a value of this kind looks like, with its article.
pub(crate) fn expected(kind: &Kind) -> String {
    match kind {
        Kind::Text | Kind::Filled | Kind::Pattern(_) | Kind::Parts | Kind::Bound => {
            String::EXPECTED.into()
        }
        Kind::Flag => bool::EXPECTED.into(),
        Kind::Count(..) => u64::EXPECTED.into(),
        Kind::Number(..) => f64::EXPECTED.into(),
        Kind::Share(..) => Share::EXPECTED.into(),
        Kind::Span(..) => Span::EXPECTED.into(),
        Kind::Bytes(..) => Bytes::EXPECTED.into(),
        Kind::BitRate(..) => BitRate::EXPECTED.into(),
        Kind::ByteRate(..) => ByteRate::EXPECTED.into(),
        Kind::PacketRate(..) => PacketRate::EXPECTED.into(),
        Kind::Power(..) => Power::EXPECTED.into(),
        Kind::Length(..) => Length::EXPECTED.into(),
        Kind::Choice(words) => {
            let quoted: Vec<String> = words().iter().map(|word| format!("\"{word}\"")).collect();
            if quoted.len() == 1 {
                quoted.concat()
            } else {
                format!("one of {}", quoted.join(", "))
            }
        }
        Kind::Table(_) | Kind::Flat(_) | Kind::Map(..) | Kind::Axes(_) => "a table".into(),
        Kind::Tables(_) => "an array of tables".into(),
        Kind::List(_) => "an array".into(),
        Kind::Any(kinds) => kinds.iter().map(expected).collect::<Vec<_>>().join(", or "),
    }
}

/// Whether a value, wherever it comes from, is what its key takes.
pub(crate) fn is_valid(kind: &Kind, value: &Value) -> bool {
    match kind {
        Kind::Any(kinds) => kinds.iter().any(|kind| is_valid(kind, value)),
        _ => check_plain(kind, value).is_ok(),
    }
}

fn check_plain(kind: &Kind, value: &Value) -> Result<(), Problem> {
    match *kind {
        Kind::Text | Kind::Pattern(_) => String::read(value).map(drop),
        Kind::Filled if String::read(value)?.trim().is_empty() => {
            Err(Problem::new("an empty text"))
        }
        Kind::Filled => Ok(()),
        Kind::Flag => bool::read(value).map(drop),
        Kind::Count(min, max) => bounded(value, min, max),
        Kind::Number(min, max) => bounded(value, min, max),
        Kind::Share(min, max) => bounded(value, Share(min), Share(max)),
        Kind::Span(min, max) => bounded(value, min, max),
        Kind::Bytes(min, max) => bounded(value, min, max),
        Kind::BitRate(min, max) => bounded(value, min, max),
        Kind::ByteRate(min, max) => bounded(value, min, max),
        Kind::PacketRate(min, max) => bounded(value, min, max),
        Kind::Power(min, max) => bounded(value, min, max),
        Kind::Length(min, max) => bounded(value, min, max),
        Kind::Choice(words) => {
            let Some(text) = value.text() else {
                return Err(Problem::wrong_type(&expected(kind), value));
            };
            if words().contains(&text) {
                return Ok(());
            }
            let problem = Problem::new(format!("`{text}` is not {}", expected(kind)));
            Err(match nearest(text, words()) {
                Some(near) => problem.help(format!("did you mean \"{near}\"?")),
                None => problem,
            })
        }
        Kind::Parts => match value.text() {
            Some(text) => nodeset::parse(text).map(drop),
            None => Err(Problem::wrong_type("a set of parts such as \"pi[001-150]\"", value)),
        },
        Kind::Bound => read_bound(value).map(drop),
        Kind::Table(_)
        | Kind::Flat(_)
        | Kind::Tables(_)
        | Kind::List(_)
        | Kind::Any(_)
        | Kind::Map(..)
        | Kind::Axes(_) => Err(Problem::wrong_type(&expected(kind), value)),
    }
}

/// Reads a value and holds it against its bounds.
fn bounded<T: Read + PartialOrd + Display + Copy>(
    value: &Value,
    min: T,
    max: T,
) -> Result<(), Problem> {
    let found = T::read(value)?;
    if found < min {
        let problem = Problem::new(format!("`{found}` is too small here"));
        return Err(problem.help(format!("at least {min}")));
    }
    if found > max {
        return Err(
            Problem::new(format!("`{found}` is too large here")).help(format!("at most {max}"))
        );
    }
    Ok(())
}
