//! One declaration of a table: its type, its keys with their meaning, its reader and its writer.
//!
//! ```text
//! table! {
//!     /// How fast lifetimes pass.
//!     pub struct Rhythm(Clone, Copy, Debug, PartialEq) {
//!         /// Swing of a day about its mean.
//!         day: f64 = Kind::Share(0.0, 0.95) => "0.0";
//!     }
//! }
//! ```
//!
//! makes the type `Rhythm` (of the traits in brackets) with a field `day`, a table of the language
//! with a key `day` that takes a share of at most 0.95 and is 0 if no file gives it, and the two
//! ways between them. Without `= kind` a key takes whatever its type does; without `=> default` it
//! must be there, unless its type is an `Option` or its default is worked out (`=> _`, see
//! [`Section::or`]); `day as "swing": f64` has another name in files, and of
//! `at or "lifetime" "trace": Option<Span>` a file gives exactly one. A field of the kind
//! [`Kind::Flat`] is a table whose keys stand among the others.
//! `for Type { ... }` does the same for a type that is declared elsewhere. [`names`] are in scope.
//!
//! `checks |section, m| expression` behind the fields holds them against each other. Each is an
//! `Option` there, because a mistake in one key must not hide what is wrong with others.

use std::path::PathBuf;

use crate::config::document::Data;
use crate::config::language::{Key, Kind, Read, TableSpec};
use crate::config::mistakes::Mistakes;
use crate::config::section::Section;
use crate::units::{BitRate, ByteRate, Bytes, Length, PacketRate, Power, Span, Time};

/// A type that is a table of files.
pub(crate) trait Declared: Sized {
    /// Its keys.
    const SPEC: &'static TableSpec;
    /// Reads it; what is missing or wrong is noted, all of it.
    fn read(section: &Section<'_>, m: &mut Mistakes) -> Option<Self>;
    /// All its keys with their values.
    fn keys(&self) -> Vec<(&'static str, Written)>;
}

/// A type that is the value of a key.
pub(crate) trait Field: Sized {
    /// What its key takes, where no bounds are declared.
    const KIND: Kind;
    /// Whether a key without a default must be there.
    const REQUIRED: bool = true;
    fn take(section: &Section<'_>, name: &'static str, m: &mut Mistakes) -> Option<Self>;
    fn written(&self, kind: &Kind) -> Written;
}

/// A value as a file has it.
#[derive(Clone, Debug)]
pub(crate) enum Written {
    /// As TOML.
    Value(String),
    Table(Vec<(&'static str, Self)>),
    /// An array of tables.
    Tables(Vec<Vec<(&'static str, Self)>>),
    /// Not at all.
    Absent,
}

impl Written {
    pub(crate) fn quoted(text: &impl ToString) -> Self {
        Self::Value(toml::Value::String(text.to_string()).to_string())
    }

    /// On one line.
    pub(crate) fn inline(&self) -> Option<String> {
        Some(match self {
            Self::Value(text) => text.clone(),
            Self::Table(keys) => inline(keys),
            Self::Tables(tables) => {
                format!(
                    "[{}]",
                    tables.iter().map(|keys| inline(keys)).collect::<Vec<_>>().join(", ")
                )
            }
            Self::Absent => return None,
        })
    }
}

/// A table on one line.
pub(crate) fn inline(keys: &[(&'static str, Written)]) -> String {
    let all = keys.iter().filter_map(|(key, value)| Some(format!("{key} = {}", value.inline()?)));
    format!("{{ {} }}", all.collect::<Vec<_>>().join(", "))
}

/// A key with its value as TOML.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// The table, such as `hardware.power`; empty at the top. Arrays of tables have brackets.
    pub table: String,
    pub key: &'static str,
    pub value: String,
}

/// The lines of a table at `path`, and of those below it.
pub(crate) fn lines(path: &str, keys: Vec<(&'static str, Written)>) -> Vec<Line> {
    let (mut own, mut below) = (Vec::new(), Vec::new());
    for (key, value) in keys {
        let inner = format!("{path}.{key}");
        match value {
            Written::Table(keys) if !path.starts_with('[') => below.extend(lines(&inner, keys)),
            Written::Tables(tables) if !path.starts_with('[') => {
                below
                    .extend(tables.into_iter().flat_map(|keys| lines(&format!("[{inner}]"), keys)));
            }
            value => own.extend(value.inline().map(|value| (key, value))),
        }
    }
    let own = own.into_iter().map(|(key, value)| Line { table: path.into(), key, value });
    own.chain(below).collect()
}

/// What a key means; a table says it itself.
pub(crate) const fn meaning(kind: &Kind, doc: &'static str) -> &'static str {
    if let Kind::Table(_) = kind { "" } else { doc }
}

/// How many keys and rivals [`all_keys`] and [`all_rivals`] give.
pub(crate) const fn sizes(keys: &[Key], rivals: &[&[&str]], one_of: &[&[&str]]) -> (usize, usize) {
    let (mut n_keys, mut n_rivals, mut at) = (0, rivals.len(), 0);
    while at < keys.len() {
        (n_keys, n_rivals) = match keys[at].kind {
            Kind::Flat(spec) => (n_keys + spec.keys.len(), n_rivals + spec.rivals.len()),
            _ => (n_keys + 1, n_rivals + (one_of[at].len() > 1) as usize),
        };
        at += 1;
    }
    (n_keys, n_rivals)
}

/// The keys of a table, with those of flat ones in their places.
pub(crate) const fn all_keys<const N: usize>(keys: &[Key]) -> [Key; N] {
    let (mut all, mut n, mut at) = ([Key::new("", Kind::Text, ""); N], 0, 0);
    while at < keys.len() {
        let (of, mut inner) = match keys[at].kind {
            Kind::Flat(spec) => (spec.keys, 0),
            _ => (keys, at),
        };
        let end = if let Kind::Flat(_) = keys[at].kind { of.len() } else { at + 1 };
        while inner < end {
            all[n] = of[inner];
            (n, inner) = (n + 1, inner + 1);
        }
        at += 1;
    }
    all
}

/// The same keys, none of which need be there: of a table that another one completes.
pub(crate) const fn incomplete<const N: usize>(keys: &[Key]) -> [Key; N] {
    let (mut all, mut at) = ([Key::new("", Kind::Text, ""); N], 0);
    while at < N {
        all[at] = keys[at];
        all[at].required = false;
        at += 1;
    }
    all
}

/// The rivals of a table, with the groups of which one key must be there and those of flat ones.
pub(crate) const fn all_rivals<const N: usize>(
    keys: &[Key],
    rivals: &[&'static [&'static str]],
    one_of: &[&'static [&'static str]],
) -> [&'static [&'static str]; N] {
    let mut all: [&'static [&'static str]; N] = [&[]; N];
    let (mut n, mut at) = (0, 0);
    while n < rivals.len() {
        all[n] = rivals[n];
        n += 1;
    }
    while at < keys.len() {
        if one_of[at].len() > 1 {
            all[n] = one_of[at];
            n += 1;
        }
        if let Kind::Flat(spec) = keys[at].kind {
            let mut inner = 0;
            while inner < spec.rivals.len() {
                all[n] = spec.rivals[inner];
                (n, inner) = (n + 1, inner + 1);
            }
        }
        at += 1;
    }
    all
}

/// Adds a key with its value, or the keys of a flat table.
pub(crate) fn write(
    value: &impl Field,
    name: &'static str,
    kind: &Kind,
    all: &mut Vec<(&'static str, Written)>,
) {
    match (kind, value.written(kind)) {
        (Kind::Flat(_), Written::Table(keys)) => all.extend(keys),
        (_, written) => all.push((name, written)),
    }
}

/// What declarations are made of.
pub(crate) mod names {
    pub(crate) use super::{
        Declared, Field, Written, all_keys, all_rivals, meaning, sizes, table, write,
    };
    pub(crate) use crate::config::language::{Key, Kind, TableSpec};
    pub(crate) use crate::config::mistakes::Mistakes;
    pub(crate) use crate::config::section::Section;
}

/// Declares a table; see the head of this file.
macro_rules! table {
    (
        $(#[doc = $about:literal])+
        $vis:vis struct $type:ident($($trait:ident),*) $(rivals $rivals:tt)? {
            $(
                $(#[doc = $doc:literal])+
                $field:ident $(as $name:literal)? $(or $($other:literal)+)?: $of:ty
                    $(= $kind:expr)? $(=> $default:tt)?;
            )+
        }
        $(checks |$section:ident, $m:ident| $check:expr)?
    ) => {
        $(#[doc = $about])+
        #[derive($($trait),*)]
        $vis struct $type {
            $($(#[doc = $doc])+ pub $field: $of,)+
        }
        $crate::config::declare::table! {
            $(#[doc = $about])+
            for $type $(rivals $rivals)? {
                $(
                    $(#[doc = $doc])+
                    $field $(as $name)? $(or $($other)+)?: $of $(= $kind)? $(=> $default)?;
                )+
            }
            $(checks |$section, $m| $check)?
        }
    };
    (
        $(#[doc = $about:literal])+
        for $type:ident $(rivals $rivals:tt)? {
            $(
                $(#[doc = $doc:literal])+
                $field:ident $(as $name:literal)? $(or $($other:literal)+)?: $of:ty
                    $(= $kind:expr)? $(=> $default:tt)?;
            )+
        }
        $(checks |$section:ident, $m:ident| $check:expr)?
    ) => {
        const _: () = {
            use $crate::config::declare::names::*;

            impl Declared for $type {
                const SPEC: &'static TableSpec = {
                    const DECLARED: &[Key] = &[
                        $(Key {
                            name: table!(@name $field $($name)?),
                            kind: table!(@kind $of $(, $kind)?),
                            default: table!(@default $($default)?),
                            required: table!(@is_one $($($other)+)?)
                                || <$of as Field>::REQUIRED && table!(@is_given $($default)?),
                            doc: meaning(
                                &table!(@kind $of $(, $kind)?),
                                concat!($($doc),+).trim_ascii_start(),
                            ),
                        }),+
                    ];
                    const ONE_OF: &[&[&str]] = &[
                        $(&[table!(@name $field $($name)?) $($(, $other)+)?]),+
                    ];
                    const RIVALS: &[&[&str]] = table!(@rivals $($rivals)?);
                    const N: (usize, usize) = sizes(DECLARED, RIVALS, ONE_OF);
                    &TableSpec {
                        doc: concat!($($about),+).trim_ascii_start(),
                        keys: &const { all_keys::<{ N.0 }>(DECLARED) },
                        rivals: &const { all_rivals::<{ N.1 }>(DECLARED, RIVALS, ONE_OF) },
                    }
                };

                fn read(section: &Section<'_>, m: &mut Mistakes) -> Option<Self> {
                    $(let $field =
                        <$of as Field>::take(section, table!(@name $field $($name)?), m);)+
                    $({
                        let ($section, $m) = (section, &mut *m);
                        $check;
                    })?
                    Some(Self { $($field: $field?),+ })
                }

                fn keys(&self) -> Vec<(&'static str, Written)> {
                    let mut all = Vec::new();
                    $(write(
                        &self.$field,
                        table!(@name $field $($name)?),
                        &table!(@kind $of $(, $kind)?),
                        &mut all,
                    );)+
                    all
                }
            }
        };
    };
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $name:literal) => { $name };
    (@kind $of:ty) => { <$of as Field>::KIND };
    (@kind $of:ty, $kind:expr) => { $kind };
    (@is_one) => { false };
    (@is_one $($other:literal)+) => { true };
    (@is_given) => { true };
    (@is_given _) => { false };
    (@is_given $default:literal) => { true };
    (@default) => { None };
    (@default _) => { None };
    (@default $default:literal) => { Some($default) };
    (@rivals) => { &[] };
    (@rivals $rivals:tt) => { &$rivals };
}
pub(crate) use table;

/// A type that is a table is the value of a key.
impl<T: Declared> Field for T {
    const KIND: Kind = Kind::Table(T::SPEC);

    fn take(section: &Section<'_>, name: &'static str, m: &mut Mistakes) -> Option<Self> {
        T::read(&section.table(name), m)
    }

    fn written(&self, _: &Kind) -> Written {
        Written::Table(self.keys())
    }
}

/// A table of the keys of several declared ones, and of others.
macro_rules! joined {
    (
        $(#[doc = $about:literal])+
        $vis:vis $name:ident: $($part:ident)*
            $(, rivals $rivals:tt and $($key:expr),+ $(,)?)?
    ) => {
        $(#[doc = $about])+
        $vis static $name: $crate::config::language::TableSpec = {
            use $crate::config::declare::names::*;

            const PARTS: &[Key] = &[
                $(Key::new("", Kind::Flat(<$part as Declared>::SPEC), ""),)*
                $($($key),+)?
            ];
            const NONE: &[&[&str]] = &[&[] as &[&str]; PARTS.len()];
            const RIVALS: &[&[&str]] = table!(@rivals $($rivals)?);
            const N: (usize, usize) = sizes(PARTS, RIVALS, NONE);
            TableSpec {
                doc: concat!($($about),+).trim_ascii_start(),
                keys: &const { all_keys::<{ N.0 }>(PARTS) },
                rivals: &const { all_rivals::<{ N.1 }>(PARTS, RIVALS, NONE) },
            }
        };
    };
}
pub(crate) use joined;

/// Declares an enum whose values are words of files.
macro_rules! choice {
    (
        $(#[doc = $about:literal])+
        $vis:vis enum $type:ident($($trait:ident),*) {
            $($(#[doc = $doc:literal])+ $variant:ident = $word:literal $($default:ident)?,)+
        }
    ) => {
        $(#[doc = $about])+
        #[derive($($trait),*)]
        $vis enum $type {
            $($(#[doc = $doc])+ $(#[$default])? $variant,)+
        }
        $crate::config::declare::words!($type { $($variant = $word),+ });
    };
}
pub(crate) use choice;

/// Gives the values of an enum their words.
macro_rules! words {
    ($type:ty { $($variant:ident = $word:literal),+ $(,)? }) => {
        const _: () = {
            use $crate::config::declare::names::*;
            use $crate::config::words::{Word, words};

            impl Word for $type {
                const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),+];
            }

            impl Field for $type {
                const KIND: Kind = Kind::Choice(words::<Self>);

                fn take(
                    section: &Section<'_>,
                    name: &'static str,
                    m: &mut Mistakes,
                ) -> Option<Self> {
                    section.word(name, m)
                }

                fn written(&self, _: &Kind) -> Written {
                    Written::quoted(&self.word())
                }
            }
        };
    };
}
pub(crate) use words;

/// Quantities.
macro_rules! quantity {
    ($($type:ident: $min:expr, $max:expr;)+) => {$(
        impl Field for $type {
            const KIND: Kind = Kind::$type($type($min), $type($max));

            fn take(section: &Section<'_>, name: &'static str, m: &mut Mistakes) -> Option<Self> {
                section.get(name, m)
            }

            fn written(&self, kind: &Kind) -> Written {
                match kind {
                    // Less than the key takes was worked out, such as no size at a fixed cost.
                    Kind::$type(min, _) if self < min => Written::Absent,
                    _ => Written::quoted(self),
                }
            }
        }
    )+};
}

quantity! {
    Span: 0, u64::MAX;
    Bytes: 0, u64::MAX;
    BitRate: 0, u64::MAX;
    ByteRate: 0, u64::MAX;
    PacketRate: 0, u64::MAX;
    Power: 0, u64::MAX;
    Length: i64::MIN, i64::MAX;
}

/// A moment, by the time from the start of the run.
impl Field for Time {
    const KIND: Kind = <Span as Field>::KIND;

    fn take(section: &Section<'_>, name: &'static str, m: &mut Mistakes) -> Option<Self> {
        Span::take(section, name, m).map(|span| Self(span.0))
    }

    fn written(&self, kind: &Kind) -> Written {
        Span(self.0).written(kind)
    }
}

/// Values that are themselves in TOML.
macro_rules! plain {
    ($($type:ty: $kind:expr, $text:expr;)+) => {$(
        impl Field for $type {
            const KIND: Kind = $kind;

            fn take(section: &Section<'_>, name: &'static str, m: &mut Mistakes) -> Option<Self> {
                section.get(name, m)
            }

            fn written(&self, _: &Kind) -> Written {
                let text: fn(&Self) -> String = $text;
                Written::Value(text(self))
            }
        }
    )+};
}

plain! {
    bool: Kind::Flag, |flag| flag.to_string();
    u16: Kind::Count(0, u16::MAX as u64), |count| count.to_string();
    String: Kind::Text, |text| toml::Value::String(text.clone()).to_string();
}

/// A number, or parts per million where the key takes a share.
impl Field for u32 {
    const KIND: Kind = Kind::Count(0, Self::MAX as u64);

    fn take(section: &Section<'_>, name: &'static str, m: &mut Mistakes) -> Option<Self> {
        match section.kind(name) {
            Kind::Share(..) => section.share(name, m).map(|share| libm::round(share * 1e6) as Self),
            _ => section.get(name, m),
        }
    }

    fn written(&self, kind: &Kind) -> Written {
        match kind {
            Kind::Share(..) => (f64::from(*self) / 1e6).written(kind),
            _ => Written::Value(self.to_string()),
        }
    }
}

/// A number, or the number of a rate where the key takes a rate.
impl Field for u64 {
    const KIND: Kind = Kind::Count(0, Self::MAX);

    fn take(section: &Section<'_>, name: &'static str, m: &mut Mistakes) -> Option<Self> {
        match section.kind(name) {
            Kind::ByteRate(..) => section.get::<ByteRate>(name, m).map(|rate| rate.0),
            Kind::PacketRate(..) => section.get::<PacketRate>(name, m).map(|rate| rate.0),
            _ => section.get(name, m),
        }
    }

    fn written(&self, kind: &Kind) -> Written {
        match kind {
            Kind::ByteRate(..) => Written::quoted(&ByteRate(*self)),
            Kind::PacketRate(..) => Written::quoted(&PacketRate(*self)),
            _ => Written::Value(self.to_string()),
        }
    }
}

/// A number or a share.
impl Field for f64 {
    const KIND: Kind = Kind::Number(Self::MIN, Self::MAX);

    fn take(section: &Section<'_>, name: &'static str, m: &mut Mistakes) -> Option<Self> {
        match section.kind(name) {
            Kind::Share(..) => section.share(name, m),
            _ => section.get(name, m),
        }
    }

    fn written(&self, _: &Kind) -> Written {
        Written::Value(format!("{self:?}"))
    }
}

/// A value that may be missing. Where a word may stand for none, something must be there.
macro_rules! optional {
    ($($type:ty),+) => {$(const _: () = {
        use $crate::config::declare::names::*;

        impl Field for Option<$type> {
            const KIND: Kind = <$type as Field>::KIND;
            const REQUIRED: bool = false;

            fn take(section: &Section<'_>, name: &'static str, m: &mut Mistakes) -> Option<Self> {
                let word = $crate::config::declare::word_of_none(section.kind(name));
                match (word, section.given(name)) {
                    (None, None) => Some(None),
                    (Some(word), Some(value)) if value.text() == Some(word) => Some(None),
                    _ => <$type>::take(section, name, m).map(Some),
                }
            }

            fn written(&self, kind: &Kind) -> Written {
                match (self, $crate::config::declare::word_of_none(kind)) {
                    (Some(value), _) => value.written(kind),
                    (None, Some(word)) => Written::quoted(&word),
                    (None, None) => Written::Absent,
                }
            }
        }
    };)+};
}
pub(crate) use optional;

optional!(Span, Bytes, String, PathBuf, u32, f64, bool, BitRate, Power);

/// The word that stands for no value.
pub(crate) fn word_of_none(kind: &Kind) -> Option<&'static str> {
    let Kind::Any([Kind::Choice(words), ..]) = kind else { return None };
    words().first().copied()
}

impl Field for PathBuf {
    const KIND: Kind = Kind::Text;

    fn take(section: &Section<'_>, name: &'static str, m: &mut Mistakes) -> Option<Self> {
        section.get::<String>(name, m).map(Into::into)
    }

    fn written(&self, _: &Kind) -> Written {
        Written::quoted(&self.display())
    }
}

/// Arrays of plain values.
macro_rules! list {
    ($($type:ty: $of:expr, $text:expr;)+) => {$(
        impl Field for Vec<$type> {
            const KIND: Kind = Kind::List(&$of);

            fn take(section: &Section<'_>, name: &'static str, m: &mut Mistakes) -> Option<Self> {
                section.demand(name, m);
                let value = section.value(name)?;
                value.list()?.iter().map(|item| <$type>::read(item).ok()).collect()
            }

            fn written(&self, _: &Kind) -> Written {
                let all: Vec<String> = self.iter().map($text).collect();
                Written::Value(format!("[{}]", all.join(", ")))
            }
        }
    )+};
}

list! {
    u32: Kind::Count(0, u32::MAX as u64), ToString::to_string;
    f64: <f64 as Field>::KIND, |number| format!("{number:?}");
    String: Kind::Text, |text| format!("{text:?}");
    Span: <Span as Field>::KIND, |span| format!("\"{span}\"");
    Vec<String>: <Vec<String> as Field>::KIND, |texts| format!("{texts:?}");
}

/// An array of tables; where each is a table of the file by itself, none need be there.
impl<T: Declared> Field for Vec<T> {
    const KIND: Kind = Kind::List(&Kind::Table(T::SPEC));

    fn take(section: &Section<'_>, name: &'static str, m: &mut Mistakes) -> Option<Self> {
        if let (Kind::Tables(_), None) = (section.kind(name), section.given(name)) {
            return Some(Self::new());
        }
        section.demand(name, m);
        section.given(name)?.list()?;
        let all: Vec<_> = section.items(name).map(|item| T::read(&item?, m)).collect();
        all.into_iter().collect()
    }

    fn written(&self, kind: &Kind) -> Written {
        let all = Written::Tables(self.iter().map(Declared::keys).collect());
        match kind {
            Kind::Tables(_) => all,
            _ => all.inline().map_or(Written::Absent, Written::Value),
        }
    }
}

/// A table that may be missing. Where `true` and `false` may stand for it, one of them must.
impl<T: Declared> Field for Option<T> {
    const KIND: Kind = Kind::Table(T::SPEC);
    const REQUIRED: bool = false;

    fn take(section: &Section<'_>, name: &'static str, m: &mut Mistakes) -> Option<Self> {
        if matches!(section.kind(name), Kind::Any(_)) {
            section.demand(name, m);
        }
        let Some(value) = section.given(name) else {
            return (!matches!(section.kind(name), Kind::Any(_))).then_some(None);
        };
        match &value.data {
            Data::Flag(false) => Some(None),
            Data::Flag(true) | Data::Table(_) => T::read(&section.section(name), m).map(Some),
            _ => None,
        }
    }

    fn written(&self, kind: &Kind) -> Written {
        match self {
            Some(table) => Written::Table(table.keys()),
            None if matches!(kind, Kind::Any(_)) => Written::Value("false".into()),
            None => Written::Absent,
        }
    }
}
