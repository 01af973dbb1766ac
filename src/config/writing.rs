//! Values and tables as TOML again.

use std::fmt::Write as _;

use toml::de::DeValue;

use crate::config::document::{Data, Entry, Table, Value};

impl Value {
    /// As TOML, on one line.
    pub(crate) fn toml(&self) -> String {
        match &self.data {
            Data::Text(text) => quoted(text),
            Data::Integer(number) => number.to_string(),
            Data::Float(number) => format!("{number:?}"),
            Data::Flag(flag) => flag.to_string(),
            Data::Date => unreachable!("no key takes a date"),
            Data::List(list) => {
                format!("[{}]", list.iter().map(Self::toml).collect::<Vec<_>>().join(", "))
            }
            Data::Table(table) => {
                let entry = |e: &Entry| format!("{} = {}", key(&e.name), e.value.toml());
                let all: Vec<_> = table.entries.iter().map(entry).collect();
                if all.is_empty() { "{}".into() } else { format!("{{ {} }}", all.join(", ")) }
            }
        }
    }

    /// As `--set` takes it: a text without quotes wherever it is unlike other TOML.
    pub(crate) fn bare(&self) -> String {
        match self.text() {
            Some(text) if text.trim() == text && DeValue::parse(text).is_err() => text.into(),
            _ => self.toml(),
        }
    }
}

/// A text in quotes.
pub(crate) fn quoted(text: &str) -> String {
    toml::Value::String(text.into()).to_string()
}

/// The name of a key, in quotes where it needs them.
pub(crate) fn key(name: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if !name.is_empty() && name.bytes().all(is_bare) { name.into() } else { quoted(name) }
}

/// A table as a document of its own.
pub(crate) fn document(table: &Table) -> String {
    let mut out = String::new();
    section("", table, &mut out);
    out
}

/// A table at a path, then those in it.
fn section(path: &str, table: &Table, out: &mut String) {
    let (tables, plain): (Vec<_>, Vec<_>) =
        table.entries.iter().partition(|entry| entry.value.table().is_some());
    if !path.is_empty() && (tables.is_empty() || !plain.is_empty()) {
        let _ = writeln!(out, "\n[{path}]");
    }
    for entry in plain {
        let _ = writeln!(out, "{} = {}", key(&entry.name), entry.value.toml());
    }
    for entry in tables {
        let name = key(&entry.name);
        let path = if path.is_empty() { name } else { format!("{path}.{name}") };
        if let Some(inner) = entry.value.table() {
            section(&path, inner, out);
        }
    }
}
