//! A parsed file: a tree of values, each of which knows where it stands.

use std::collections::BTreeMap;
use std::sync::RwLock;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::mistakes::{Mistake, Mistakes, Place};

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub place: Place,
    pub data: Data,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(crate) enum Data {
    Text(String),
    /// 128 bits, because seeds use all of 64.
    Integer(i128),
    Float(f64),
    Flag(bool),
    Date,
    List(Vec<Value>),
    Table(Table),
}

/// A table, in the order of the file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub entries: Vec<Entry>,
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub name: String,
    /// Where the key stands.
    pub place: Place,
    pub value: Value,
}

impl Value {
    /// "a string", "a table", ...
    pub(crate) fn type_name(&self) -> &'static str {
        match self.data {
            Data::Text(_) => "a string",
            Data::Integer(_) => "an integer",
            Data::Float(_) => "a float",
            Data::Flag(_) => "a boolean",
            Data::Date => "a date",
            Data::List(_) => "an array",
            Data::Table(_) => "a table",
        }
    }

    /// Has it and all in it stand there.
    fn stand_at(&mut self, place: Place) {
        self.place = place;
        match &mut self.data {
            Data::List(items) => items.iter_mut().for_each(|item| item.stand_at(place)),
            Data::Table(table) => {
                for entry in &mut table.entries {
                    entry.place = place;
                    entry.value.stand_at(place);
                }
            }
            _ => {}
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        if let Data::Text(text) = &self.data { Some(text) } else { None }
    }

    pub(crate) fn table(&self) -> Option<&Table> {
        if let Data::Table(table) = &self.data { Some(table) } else { None }
    }

    pub(crate) fn list(&self) -> Option<&[Value]> {
        if let Data::List(list) = &self.data { Some(list) } else { None }
    }
}

impl Table {
    pub(crate) fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.entry(name).map(|entry| &entry.value)
    }

    /// The value at `a.b.c`; a number steps into an array, counted from 0.
    pub(crate) fn at(&self, path: &str) -> Option<&Value> {
        let mut steps = path.split('.');
        let first = self.get(steps.next()?)?;
        steps.try_fold(first, |value, step| match &value.data {
            Data::Table(table) => table.get(step),
            Data::List(items) => items.get(step.parse::<usize>().ok()?),
            _ => None,
        })
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.entries.retain(|entry| entry.name != name);
    }
}

/// Parses text number `file`. Mistakes of syntax are noted; what could be read is given all the
/// same, so that other mistakes of the file can be reported in the same go.
pub(crate) fn parse(file: u32, mistakes: &mut Mistakes) -> (Table, bool) {
    let text = mistakes.text(file).to_owned();
    let (root, errors) = DeTable::parse_recoverable(&text);
    for error in &errors {
        let place =
            error.span().map_or_else(|| Place::whole(file), |span| Place::at(file, span.clone()));
        let message = error.message().trim();
        let title = match message {
            "duplicate key" => "duplicate key: this key is already given in the same table".into(),
            "" => "this is not TOML".into(),
            message => format!("this is not TOML: {}", message.replace('\n', "; ")),
        };
        mistakes.note(Mistake::new(place, title).of_syntax());
    }
    (table(file, root.get_ref()), errors.is_empty())
}

/// A TOML value of our own, such as a default. Each is parsed once and kept: the cells of a study
/// ask for each of them again.
pub(crate) fn own_value(text: &'static str) -> &'static Value {
    static KNOWN: RwLock<BTreeMap<&'static str, &'static Value>> = RwLock::new(BTreeMap::new());
    let known = KNOWN.read().expect("nobody panics here").get(text).copied();
    known.unwrap_or_else(|| {
        let parsed = DeValue::parse(text).expect("our own defaults are TOML");
        let own: &'static Value =
            Box::leak(Box::new(Value { place: Place::whole(0), ..value(0, &parsed) }));
        KNOWN.write().expect("nobody panics here").insert(text, own);
        own
    })
}

/// What `--set` and tables of cells take: a TOML value, or a text without quotes.
pub(crate) fn bare_value(text: &str, place: Place) -> Value {
    let text = text.trim();
    let Ok(parsed) = DeValue::parse(text) else {
        return Value { place, data: Data::Text(text.into()) };
    };
    let mut value = value(place.file, &parsed);
    value.stand_at(place);
    value
}

fn table(file: u32, from: &DeTable<'_>) -> Table {
    let entries = from.iter().map(|(key, item)| Entry {
        name: key.get_ref().to_string(),
        place: Place::at(file, key.span()),
        value: value(file, item),
    });
    Table { entries: entries.collect() }
}

fn value(file: u32, from: &Spanned<DeValue<'_>>) -> Value {
    let data = match from.get_ref() {
        DeValue::String(text) => Data::Text(text.to_string()),
        // What is larger still is as much too large.
        DeValue::Integer(number) => Data::Integer(
            i128::from_str_radix(number.as_str(), number.radix()).unwrap_or_else(|_| {
                if number.as_str().starts_with('-') { i128::MIN } else { i128::MAX }
            }),
        ),
        DeValue::Float(number) => Data::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => Data::Flag(*flag),
        DeValue::Datetime(_) => Data::Date,
        DeValue::Array(list) => Data::List(list.iter().map(|item| value(file, item)).collect()),
        DeValue::Table(inner) => Data::Table(table(file, inner)),
    };
    Value { place: Place::at(file, from.span()), data }
}
