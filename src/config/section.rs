//! A table of the merged scenario with its description: typed reading, defaults, missing keys.

use std::borrow::Cow;

use crate::config::document::{Table, Value, bare_value, own_value};
use crate::config::language::{Key, Kind, Read, Share, TableSpec, read_word};
use crate::config::layers::table_of;
use crate::config::mistakes::{Mistake, Mistakes, Place};
use crate::config::walk::is_valid;
use crate::config::words::Word;

/// A table, or the place where it would be.
#[derive(Clone, Debug)]
pub(crate) struct Section<'a> {
    spec: &'static TableSpec,
    table: Option<&'a Table>,
    path: String,
    place: Place,
    /// A file gives something else in the place of the table; that is noted already.
    broken: bool,
    /// Defaults that were worked out; none where something prevents it that is noted already.
    worked_out: Vec<(&'static str, Option<Value>)>,
}

impl<'a> Section<'a> {
    pub(crate) fn new(
        spec: &'static TableSpec,
        table: &'a Table,
        path: &str,
        place: Place,
    ) -> Self {
        Self {
            spec,
            table: Some(table),
            path: path.into(),
            place,
            broken: false,
            worked_out: Vec::new(),
        }
    }

    /// The table below.
    pub(crate) fn section(&self, name: &str) -> Self {
        let spec = table_of(self.kind(name));
        let spec = spec.unwrap_or_else(|| unreachable!("`{name}` is no table"));
        let value = self.table.and_then(|table| table.get(name));
        Self {
            spec,
            table: value.and_then(Value::table),
            path: self.below(name),
            place: value.map_or(self.place, |value| value.place),
            broken: self.broken || value.is_some_and(|value| value.table().is_none()),
            worked_out: Vec::new(),
        }
    }

    /// The same with a default of a key that was worked out, as TOML, if it could be.
    pub(crate) fn or(mut self, name: &'static str, default: Option<impl ToString>) -> Self {
        self.worked_out
            .push((name, default.map(|text| bare_value(&text.to_string(), Place::whole(0)))));
        self
    }

    /// The table of a declared field: below, or this one if the field's keys stand among its own.
    pub(crate) fn table(&self, name: &str) -> Self {
        if self.spec.key(name).is_some() { self.section(name) } else { self.clone() }
    }

    /// The same table, read by another description.
    pub(crate) fn read_as(&self, spec: &'static TableSpec) -> Self {
        Self { spec, ..self.clone() }
    }

    /// The tables of the array below; `None` stands for an item that is no table.
    pub(crate) fn items(&self, name: &str) -> impl Iterator<Item = Option<Self>> {
        let (Kind::Tables(spec) | Kind::List(Kind::Table(spec))) = self.kind(name) else {
            unreachable!("`{name}` is no array of tables")
        };
        let path = self.below(name);
        let list = self.given(name).and_then(Value::list).unwrap_or_default();
        list.iter().map(move |item| Some(Self::new(spec, item.table()?, &path, item.place)))
    }

    fn below(&self, name: &str) -> String {
        if self.path.is_empty() { name.into() } else { format!("{}.{name}", self.path) }
    }

    /// What the key takes.
    pub(crate) fn kind(&self, name: &str) -> &'static Kind {
        &self.key(name).kind
    }

    fn key(&self, name: &str) -> &'static Key {
        let key = self.spec.key(name);
        key.unwrap_or_else(|| panic!("the language has no key {}.{name}", self.path))
    }

    /// Whether a file gives the key.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.given(name).is_some()
    }

    /// Whether a file gives the table.
    pub(crate) fn exists(&self) -> bool {
        self.table.is_some()
    }

    /// What a file gives for the key.
    pub(crate) fn given(&self, name: &str) -> Option<&'a Value> {
        self.table.and_then(|table| table.get(name))
    }

    /// The place of the key's value, or of the table if no file gives it.
    pub(crate) fn place(&self, name: &str) -> Place {
        self.given(name).map_or(self.place, |value| value.place)
    }

    /// The place of the table itself.
    pub(crate) fn own_place(&self) -> Place {
        self.place
    }

    /// What a file gives, or else the default.
    pub(crate) fn value(&self, name: &str) -> Option<Cow<'a, Value>> {
        if let Some(value) = self.given(name) {
            return Some(Cow::Borrowed(value));
        }
        match self.worked_out(name) {
            Some(value) => value.clone().map(Cow::Owned),
            None => self.key(name).default.map(own_value).map(Cow::Borrowed),
        }
    }

    fn worked_out(&self, name: &str) -> Option<&Option<Value>> {
        self.worked_out.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// Reads a key that may be missing. Values that are wrong were noted when their file was
    /// checked, and read as missing here.
    pub(crate) fn optional<T: Read>(&self, name: &str) -> Option<T> {
        let value = self.value(name)?;
        if self.has(name) && !is_valid(&self.key(name).kind, &value) {
            return None;
        }
        T::read(&value).ok()
    }

    /// Reads a key that must be there.
    pub(crate) fn get<T: Read>(&self, name: &str, mistakes: &mut Mistakes) -> Option<T> {
        self.demand(name, mistakes);
        self.optional(name)
    }

    /// Reads a key that is one of several words.
    pub(crate) fn word<W: Word>(&self, name: &str, mistakes: &mut Mistakes) -> Option<W> {
        self.demand(name, mistakes);
        self.value(name).and_then(|value| read_word(&value))
    }

    pub(crate) fn share(&self, name: &str, mistakes: &mut Mistakes) -> Option<f64> {
        self.get::<Share>(name, mistakes).map(|share| share.0)
    }

    /// Its name, after those of the tables that it lies in.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Notes the key as missing if neither a file nor a default gives it.
    pub(crate) fn demand(&self, name: &str, mistakes: &mut Mistakes) {
        let is_there = self.has(name) || self.key(name).default.is_some();
        if self.broken || is_there || self.worked_out(name).is_some() {
            return;
        }
        let title = if self.path.is_empty() {
            format!("missing key `{name}`")
        } else {
            format!("missing key `{name}` in [{}]", self.path)
        };
        let doc = self.key(name).doc;
        mistakes.note(Mistake::new(self.place, title).help(format!("`{name}`: {doc}")));
    }
}
