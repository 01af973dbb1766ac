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
//! must be there, unless its type is an `Option`; `day as "swing": f64` has another name in files.
//! `for Type { ... }` does the same for a type that is declared elsewhere.

use crate::config::document::Data;
use crate::config::language::{Kind, Spec};
use crate::config::mistakes::Mistakes;
use crate::config::section::Section;
use crate::units::{BitRate, ByteRate, Bytes, Length, PacketRate, Power, Span};

/// A type that is a table of files.
pub(crate) trait Declared: Sized {
    /// Its keys.
    const SPEC: &'static Spec;
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
    fn inline(&self) -> Option<String> {
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

/// Declares a table; see the head of this file.
macro_rules! table {
    (
        $(#[doc = $about:literal])+
        $vis:vis struct $type:ident($($trait:ident),*) $(rivals $rivals:tt)? {
            $(
                $(#[doc = $doc:literal])+
                $field:ident $(as $name:literal)?: $of:ty $(= $kind:expr)? $(=> $default:literal)?;
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive($($trait),*)]
        $vis struct $type {
            $($(#[doc = $doc])+ pub $field: $of,)+
        }
        $crate::config::declare::table! {
            $(#[doc = $about])+
            for $type $(rivals $rivals)? {
                $($(#[doc = $doc])+ $field $(as $name)?: $of $(= $kind)? $(=> $default)?;)+
            }
        }
    };
    (
        $(#[doc = $about:literal])+
        for $type:ident $(rivals $rivals:tt)? {
            $(
                $(#[doc = $doc:literal])+
                $field:ident $(as $name:literal)?: $of:ty $(= $kind:expr)? $(=> $default:literal)?;
            )+
        }
    ) => {
        impl $crate::config::declare::Declared for $type {
            const SPEC: &'static $crate::config::language::Spec = &$crate::config::language::Spec {
                doc: concat!($($about),+).trim_ascii_start(),
                keys: &[$($crate::config::language::Key {
                    name: $crate::config::declare::table!(@name $field $($name)?),
                    kind: $crate::config::declare::table!(@kind $of $(, $kind)?),
                    default: $crate::config::declare::table!(@default $($default)?),
                    required: <$of as $crate::config::declare::Field>::REQUIRED,
                    doc: $crate::config::declare::meaning(
                        &$crate::config::declare::table!(@kind $of $(, $kind)?),
                        concat!($($doc),+).trim_ascii_start(),
                    ),
                }),+],
                rivals: $crate::config::declare::table!(@rivals $($rivals)?),
            };

            fn read(
                section: &$crate::config::section::Section<'_>,
                m: &mut $crate::config::mistakes::Mistakes,
            ) -> Option<Self> {
                $(let $field = <$of as $crate::config::declare::Field>::take(
                    section,
                    $crate::config::declare::table!(@name $field $($name)?),
                    m,
                );)+
                Some(Self { $($field: $field?),+ })
            }

            fn keys(&self) -> Vec<(&'static str, $crate::config::declare::Written)> {
                let spec = <Self as $crate::config::declare::Declared>::SPEC;
                let mut declared = spec.keys.iter();
                vec![$({
                    let key = declared.next().expect("each field has its key");
                    let value = &self.$field;
                    (key.name, <$of as $crate::config::declare::Field>::written(value, &key.kind))
                }),+]
            }
        }

        impl $crate::config::declare::Field for $type {
            const KIND: $crate::config::language::Kind = $crate::config::language::Kind::Table(
                <Self as $crate::config::declare::Declared>::SPEC,
            );

            fn take(
                section: &$crate::config::section::Section<'_>,
                name: &'static str,
                m: &mut $crate::config::mistakes::Mistakes,
            ) -> Option<Self> {
                <Self as $crate::config::declare::Declared>::read(&section.section(name), m)
            }

            fn written(
                &self,
                _: &$crate::config::language::Kind,
            ) -> $crate::config::declare::Written {
                $crate::config::declare::Written::Table(
                    $crate::config::declare::Declared::keys(self),
                )
            }
        }
    };
    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $name:literal) => { $name };
    (@kind $of:ty) => { <$of as $crate::config::declare::Field>::KIND };
    (@kind $of:ty, $kind:expr) => { $kind };
    (@default) => { None };
    (@default $default:literal) => { Some($default) };
    (@rivals) => { &[] };
    (@rivals $rivals:tt) => { &$rivals };
}
pub(crate) use table;

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
        impl $crate::config::words::Word for $type {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),+];
        }

        impl $crate::config::declare::Field for $type {
            const KIND: $crate::config::language::Kind =
                $crate::config::language::Kind::Choice($crate::config::words::words::<Self>);

            fn take(
                section: &$crate::config::section::Section<'_>,
                name: &'static str,
                m: &mut $crate::config::mistakes::Mistakes,
            ) -> Option<Self> {
                section.word(name, m)
            }

            fn written(
                &self,
                _: &$crate::config::language::Kind,
            ) -> $crate::config::declare::Written {
                $crate::config::declare::Written::quoted(&$crate::config::words::Word::word(*self))
            }
        }
    };
}
pub(crate) use words;

/// Quantities. Where the key takes a table of a single key, it is that one.
macro_rules! quantity {
    ($($type:ident: $min:expr, $max:expr;)+) => {$(
        impl Field for $type {
            const KIND: Kind = Kind::$type($type($min), $type($max));

            fn take(section: &Section<'_>, name: &'static str, m: &mut Mistakes) -> Option<Self> {
                match section.kind(name) {
                    Kind::Table(spec) => section.section(name).get(spec.keys[0].name, m),
                    _ => section.get(name, m),
                }
            }

            fn written(&self, kind: &Kind) -> Written {
                match kind {
                    Kind::Table(spec) => {
                        Written::Table(vec![(spec.keys[0].name, Written::quoted(self))])
                    }
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
    u32: Kind::Count(0, u32::MAX as u64), |count| count.to_string();
    String: Kind::Text, |text| toml::Value::String(text.clone()).to_string();
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

impl Field for Vec<u32> {
    const KIND: Kind = Kind::List(&Kind::Count(0, u32::MAX as u64));

    fn take(section: &Section<'_>, name: &'static str, m: &mut Mistakes) -> Option<Self> {
        section.counts(name, m)
    }

    fn written(&self, _: &Kind) -> Written {
        Written::Value(format!("{self:?}"))
    }
}

/// An array of tables.
impl<T: Declared> Field for Vec<T> {
    const KIND: Kind = Kind::List(&Kind::Table(T::SPEC));

    fn take(section: &Section<'_>, name: &'static str, m: &mut Mistakes) -> Option<Self> {
        section.demand(name, m);
        section.given(name)?.list()?;
        let all: Vec<_> = section.items(name, T::SPEC).map(|item| T::read(&item?, m)).collect();
        all.into_iter().collect()
    }

    fn written(&self, _: &Kind) -> Written {
        let all: Vec<String> = self.iter().map(|item| inline(&item.keys())).collect();
        Written::Value(format!("[{}]", all.join(", ")))
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
