//! What a scenario file may hold: kinds of value, keys and tables; the base of reader and schema.

use std::fmt::Display;
use std::ops::Range;

use crate::config::document::{Data, Value};
use crate::config::words::Word;
use crate::units::text::QuantityError;
use crate::units::{BitRate, ByteRate, Bytes, Length, PacketRate, Power, Span};

/// A table of the language.
#[derive(Debug)]
pub(crate) struct TableSpec {
    /// What it is for.
    pub doc: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
    /// Groups of keys of which a file may give only one; a later layer's choice replaces an
    /// earlier one's.
    pub rivals: &'static [&'static [&'static str]],
}

/// A key of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// The default as TOML, where it does not stand in a built-in file.
    pub default: Option<&'static str>,
    /// Whether its table is broken without it, if nothing else gives it.
    pub required: bool,
    /// What it means, and the rule behind a default that is worked out.
    pub doc: &'static str,
}

/// What a key takes. Bounds are inclusive.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Text,
    /// A text that is not blank.
    Filled,
    /// A text of this regular expression, as far as one can say it.
    Pattern(fn() -> String),
    Flag,
    Count(u64, u64),
    Number(f64, f64),
    /// A number from 0 to 1 or a percentage.
    Share(f64, f64),
    Span(Span, Span),
    Bytes(Bytes, Bytes),
    BitRate(BitRate, BitRate),
    ByteRate(ByteRate, ByteRate),
    PacketRate(PacketRate, PacketRate),
    Power(Power, Power),
    Length(Length, Length),
    Choice(fn() -> Vec<&'static str>),
    /// A set of parts.
    Parts,
    /// A comparison with a number.
    Bound,
    Table(&'static TableSpec),
    /// A table whose keys stand among those of the one above; only where tables are declared.
    Flat(&'static TableSpec),
    /// An array of tables.
    Tables(&'static TableSpec),
    /// An array.
    List(&'static Kind),
    /// One of several kinds that differ in type or words.
    Any(&'static [Kind]),
    /// A table whose keys are such names.
    Map(Names, &'static Kind),
    /// The axes of a sweep over all keys but some at the top.
    Axes(&'static [&'static str]),
}

/// What names the keys of a table have.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Names {
    /// These.
    Known(fn() -> Vec<&'static str>),
    /// The paths of keys and tables of the language.
    Keys,
    /// Any that are not blank and have no dot.
    Free,
}

/// Why a value is not what its key takes.
#[derive(Debug)]
pub(crate) struct Problem {
    pub title: String,
    pub help: Option<String>,
    /// Bytes of a string's contents that are to blame.
    pub within: Option<Range<usize>>,
}

impl Problem {
    pub(crate) fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), help: None, within: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn wrong_type(expected: &str, value: &Value) -> Self {
        Self::new(format!("wrong type: expected {expected}, found {}", value.type_name()))
    }
}

impl From<QuantityError> for Problem {
    fn from(error: QuantityError) -> Self {
        Self { title: error.message, help: error.help, within: None }
    }
}

impl TableSpec {
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

impl Key {
    pub(crate) const fn new(name: &'static str, kind: Kind, doc: &'static str) -> Self {
        Self { name, kind, default: None, required: false, doc }
    }
}

/// A type that is read from one value.
pub(crate) trait Read: Sized {
    /// What a value of it looks like.
    const EXPECTED: &'static str;
    fn read(value: &Value) -> Result<Self, Problem>;
}

/// Quantities: strings with units. A bare number has its unit suggested.
macro_rules! read_quantity {
    ($($type:ty, $expected:literal, $usual:literal;)*) => {$(
        impl Read for $type {
            const EXPECTED: &'static str = $expected;

            fn read(value: &Value) -> Result<Self, Problem> {
                let number = match &value.data {
                    Data::Text(text) => return text.parse().map_err(Problem::from),
                    Data::Integer(number) => number.to_string(),
                    Data::Float(number) => number.to_string(),
                    _ => return Err(Problem::wrong_type(Self::EXPECTED, value)),
                };
                let problem = Problem::wrong_type(Self::EXPECTED, value);
                Err(problem.help(format!(concat!("did you mean \"{} ", $usual, "\"?"), number)))
            }
        }
    )*};
}

read_quantity! {
    Span, "a duration such as \"15 min\"", "s";
    Bytes, "a size such as \"1 GB\"", "B";
    BitRate, "a data rate such as \"100 Mbit/s\"", "Mbit/s";
    ByteRate, "a byte rate such as \"11.8 MB/s\"", "MB/s";
    PacketRate, "a packet rate such as \"43000 packets/s\"", "packets/s";
    Power, "a power such as \"3.7 W\"", "W";
    Length, "a length such as \"2231 m\"", "m";
}

impl Read for u64 {
    const EXPECTED: &'static str = "a whole number";

    fn read(value: &Value) -> Result<Self, Problem> {
        match &value.data {
            Data::Integer(number) if *number < 0 => {
                Err(Problem::new(format!("`{number}` is negative; this is a count")))
            }
            Data::Integer(number) => Self::try_from(*number).map_err(|_| {
                Problem::new(format!("`{number}` is too large: at most {}", Self::MAX))
            }),
            Data::Text(text) if text.parse::<Self>().is_ok() => {
                let problem = Problem::wrong_type(Self::EXPECTED, value);
                Err(problem.help(format!("did you mean {text}, without quotes?")))
            }
            _ => Err(Problem::wrong_type(Self::EXPECTED, value)),
        }
    }
}

/// Smaller whole numbers.
macro_rules! read_whole {
    ($($type:ty),+) => {$(
        impl Read for $type {
            const EXPECTED: &'static str = u64::EXPECTED;

            fn read(value: &Value) -> Result<Self, Problem> {
                let number = u64::read(value)?;
                Self::try_from(number).map_err(|_| {
                    Problem::new(format!("`{number}` is too large: at most {}", Self::MAX))
                })
            }
        }
    )+};
}

read_whole!(u16, u32);

impl Read for f64 {
    const EXPECTED: &'static str = "a number";

    fn read(value: &Value) -> Result<Self, Problem> {
        match value.data {
            Data::Integer(number) => Ok(number as Self),
            Data::Float(number) if number.is_finite() => Ok(number),
            _ => Err(Problem::wrong_type(Self::EXPECTED, value)),
        }
    }
}

impl Read for bool {
    const EXPECTED: &'static str = "true or false";

    fn read(value: &Value) -> Result<Self, Problem> {
        match value.data {
            Data::Flag(flag) => Ok(flag),
            _ => Err(Problem::wrong_type(Self::EXPECTED, value)),
        }
    }
}

impl Read for String {
    const EXPECTED: &'static str = "a string";

    fn read(value: &Value) -> Result<Self, Problem> {
        match &value.data {
            Data::Text(text) => Ok(text.clone()),
            _ => Err(Problem::wrong_type(Self::EXPECTED, value)),
        }
    }
}

impl Read for Vec<String> {
    const EXPECTED: &'static str = "an array";

    fn read(value: &Value) -> Result<Self, Problem> {
        let list = value.list().ok_or_else(|| Problem::wrong_type(Self::EXPECTED, value))?;
        list.iter().map(String::read).collect()
    }
}

/// A number from 0 to 1, or a percentage in a string.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub(crate) struct Share(pub f64);

impl Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Read for Share {
    const EXPECTED: &'static str = "a share such as 0.1 or \"10 %\"";

    fn read(value: &Value) -> Result<Self, Problem> {
        let Data::Text(text) = &value.data else {
            return f64::read(value)
                .map(Self)
                .map_err(|_| Problem::wrong_type(Self::EXPECTED, value));
        };
        let number = text.trim().strip_suffix('%').map(str::trim_end);
        match number.and_then(|number| number.parse::<f64>().ok()).filter(|n| n.is_finite()) {
            Some(percent) => Ok(Self(percent / 100.0)),
            None => Err(Problem::new(format!("`{text}` is not a share"))
                .help("write a number from 0 to 1, or a percentage such as \"10 %\"")),
        }
    }
}

/// A choice read from its word.
pub(crate) fn read_word<W: Word>(value: &Value) -> Option<W> {
    value.text().and_then(W::of)
}

/// How a number is compared with its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `=`
    Equal,
}

impl Word for Comparison {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("<=", Self::AtMost),
        (">=", Self::AtLeast),
        ("<", Self::Less),
        (">", Self::Greater),
        ("=", Self::Equal),
    ];
}

/// A demand on a number: `"> 0.5"`, `"<= 90 s"`. A unit is turned into SI base units.
pub(crate) fn read_bound(value: &Value) -> Result<(Comparison, f64), Problem> {
    const HELP: &str = "write a comparison and a number: \"> 0.5\", \"<= 15 min\", \"= 750\"";
    let Some(text) = value.text() else {
        return Err(Problem::wrong_type("a comparison such as \"> 0.5\"", value).help(HELP));
    };
    let text = text.trim();
    let Some(&(word, op)) = Comparison::WORDS.iter().find(|(word, _)| text.starts_with(word))
    else {
        return Err(Problem::new(format!("`{text}` is no comparison")).help(HELP));
    };
    let number = text[word.len()..].trim();
    if let Ok(bound) = number.parse::<f64>()
        && bound.is_finite()
    {
        return Ok((op, bound));
    }
    let percent = number.strip_suffix('%').and_then(|n| n.trim().parse::<f64>().ok());
    let bound = percent
        .map(|percent| percent / 100.0)
        .or_else(|| number.parse::<Span>().ok().map(Span::as_secs_f64))
        .or_else(|| number.parse::<Bytes>().ok().map(|bytes| bytes.0 as f64))
        .or_else(|| number.parse::<Power>().ok().map(|power| power.0 as f64 / 1e3))
        .or_else(|| number.parse::<BitRate>().ok().map(|rate| rate.0 as f64));
    bound
        .filter(|bound| bound.is_finite())
        .map(|bound| (op, bound))
        .ok_or_else(|| Problem::new(format!("`{number}` is no number")).help(HELP))
}

/// The nearest of some names, if it is near enough to have been meant.
pub(crate) fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['_', ' '], "-");
    let name = plain(name);
    names
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(&name, &plain(known)), known))
        .filter(|&(distance, known)| distance <= 1 + known.len() / 4)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, known)| known)
}
