//! The JSON Schema of a language, for editors; made from the same keys as the reader.
//!
//! It refuses what the reader refuses, as far as a single file shows it: what a file lacks, another
//! file may give, so only items of arrays, which are replaced as a whole, must have all they need.

use serde_json::{Map, Value, json};

use crate::config::language::{Key, Kind, Names, TableSpec};
use crate::config::measure::numeric;
use crate::config::nodeset;
use crate::config::walk::expected;
use crate::units::text::{NUMBER, Pattern};
use crate::units::{BitRate, ByteRate, Bytes, Length, PacketRate, Power, Span};

/// The JSON Schema (draft 7) of a language.
pub(crate) fn schema(language: &'static TableSpec, title: &str) -> Value {
    let maker = Maker { root: language };
    let mut schema = maker.table(language, false);
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!(title);
    schema["definitions"] = json!({ "path": { "pattern": format!("^(?:{})$", paths(language)) } });
    schema
}

/// A name that is not blank and has no dot.
const FREE: &str = r"^[^.]*[^.\s][^.]*$";

struct Maker {
    root: &'static TableSpec,
}

impl Maker {
    /// A table; a whole one has all that it needs.
    fn table(&self, spec: &'static TableSpec, whole: bool) -> Value {
        let properties = spec.keys.iter().map(|key| (key.name.into(), self.key(key, whole)));
        let mut schema = json!({
            "type": "object",
            "description": spec.doc,
            "properties": properties.collect::<Map<_, _>>(),
            "additionalProperties": false,
        });
        let mut rules: Vec<Value> = spec.rivals.iter().flat_map(|group| not_two(group)).collect();
        if whole {
            let (some, single) = needs(spec);
            rules.extend(some.iter().map(|group| one_of(group)));
            if !single.is_empty() {
                schema["required"] = json!(single);
            }
        }
        if !rules.is_empty() {
            schema["allOf"] = Value::Array(rules);
        }
        schema
    }

    fn key(&self, key: &'static Key, whole: bool) -> Value {
        let mut item = self.kind(&key.kind, whole);
        if !key.doc.is_empty() {
            item["description"] = json!(key.doc);
        }
        if !matches!(key.kind, Kind::Table(_)) {
            item["$comment"] = json!(expected(&key.kind));
        }
        if let Some(default) = key.default {
            let parsed: toml::Table =
                toml::from_str(&format!("d = {default}")).expect("our own defaults are TOML");
            item["default"] = json!(parsed["d"]);
        }
        item
    }

    fn kind(&self, kind: &'static Kind, whole: bool) -> Value {
        match kind {
            Kind::Text => json!({ "type": "string" }),
            Kind::Filled => json!({ "type": "string", "pattern": r"\S" }),
            Kind::Pattern(pattern) => json!({ "type": "string", "pattern": pattern() }),
            Kind::Parts => json!({ "type": "string", "pattern": nodeset::pattern() }),
            Kind::Bound => json!({ "type": "string", "pattern": bound() }),
            Kind::Flag => json!({ "type": "boolean" }),
            Kind::Count(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
            Kind::Number(min, max) => json!({ "type": "number", "minimum": min, "maximum": max }),
            Kind::Share(min, max) => json!({ "anyOf": [
                { "type": "number", "minimum": min, "maximum": max },
                { "type": "string", "pattern": format!(r"^\s*{NUMBER}\s*%\s*$") },
            ] }),
            Kind::Span(min, _) => quantity::<Span>(min.0 > 0),
            Kind::Bytes(min, _) => quantity::<Bytes>(min.0 > 0),
            Kind::BitRate(min, _) => quantity::<BitRate>(min.0 > 0),
            Kind::ByteRate(min, _) => quantity::<ByteRate>(min.0 > 0),
            Kind::PacketRate(min, _) => quantity::<PacketRate>(min.0 > 0),
            Kind::Power(min, _) => quantity::<Power>(min.0 > 0),
            Kind::Length(min, _) => quantity::<Length>(min.0 > 0),
            Kind::Choice(words) => json!({ "enum": words() }),
            Kind::Table(spec) | Kind::Flat(spec) => self.table(spec, whole),
            Kind::Tables(spec) => json!({
                "type": ["array", "object"],
                "minProperties": 1,
                "items": self.table(spec, true),
                // Items of an array that is inherited, by their numbers.
                "patternProperties": { "^[0-9]+$": self.table(spec, false) },
                "additionalProperties": false,
            }),
            Kind::List(inner) => json!({
                "type": ["array", "object"],
                "minProperties": 1,
                "items": self.kind(inner, true),
                "patternProperties": { "^[0-9]+$": self.kind(inner, false) },
                "additionalProperties": false,
            }),
            Kind::Any(kinds) => {
                let kinds: Vec<_> = kinds.iter().map(|kind| self.kind(kind, whole)).collect();
                json!({ "anyOf": kinds })
            }
            // Parts of the language itself, which are not written out once more.
            Kind::Map(Names::Free, Kind::Table(spec)) => {
                let names: Vec<&str> = spec.keys.iter().map(|key| key.name).collect();
                let part = json!({
                    "allOf": [{ "$ref": "#" }],
                    "propertyNames": { "enum": names },
                });
                json!({
                    "type": "object",
                    "propertyNames": { "pattern": FREE },
                    "additionalProperties": part,
                })
            }
            Kind::Map(names, inner) => json!({
                "type": "object",
                "propertyNames": match names {
                    Names::Known(names) => json!({ "enum": names() }),
                    Names::Keys => json!({ "$ref": "#/definitions/path" }),
                    Names::Free => json!({ "pattern": FREE }),
                },
                "additionalProperties": self.kind(inner, whole),
            }),
            Kind::Axes(but) => self.axes(self.root, but),
        }
    }

    /// The axes of a sweep over the keys of a table: the keys of one kind side by side.
    fn axes(&self, spec: &'static TableSpec, but: &[&str]) -> Value {
        let mut all = Vec::new();
        leaves(spec, "", but, &mut all);
        let mut groups: Vec<(Value, Vec<String>)> = Vec::new();
        for (path, kind) in all {
            let axis = self.axis(kind);
            match groups.iter_mut().find(|(known, _)| *known == axis) {
                Some((_, paths)) => paths.push(path),
                None => groups.push((axis, vec![path])),
            }
        }
        let of_paths =
            groups.into_iter().map(|(axis, paths)| (format!("^(?:{})$", paths.join("|")), axis));
        let mut patterns: Map<String, Value> = of_paths.collect();
        // Tables in the place of paths with dots: `[sweep.cluster]`.
        let is_table = |key: &&Key| {
            matches!(key.kind, Kind::Table(_) | Kind::Tables(_) | Kind::Map(..))
                && !but.contains(&key.name)
        };
        let tables: Vec<&str> = spec.keys.iter().filter(is_table).map(|key| key.name).collect();
        patterns.insert(format!("^(?:{})$", tables.join("|")), json!({}));
        json!({ "type": "object", "patternProperties": patterns, "additionalProperties": false })
    }

    /// The values of an axis: listed, counted, or a range from one end to another.
    fn axis(&self, kind: &'static Kind) -> Value {
        let mut one_of =
            vec![json!({ "type": "array", "minItems": 1, "items": self.kind(kind, true) })];
        if takes_numbers(kind) {
            one_of.push(json!({ "type": "string", "pattern": r"^\s*[0-9]+\s*\.\.\s*[0-9]+\s*$" }));
        }
        if let Some(number) = numeric(kind) {
            let step = match number {
                Kind::Count(..) => json!({ "type": "integer", "minimum": 1 }),
                Kind::Number(..) => json!({ "type": "number", "exclusiveMinimum": 0 }),
                Kind::Share(..) => self.kind(&Kind::Share(f64::MIN_POSITIVE, f64::MAX), true),
                other => self.kind(other, true),
            };
            one_of.push(json!({
                "type": "object",
                "properties": {
                    "from": self.kind(number, true),
                    "to": self.kind(number, true),
                    "step": step,
                    "points": { "type": "integer", "minimum": 2 },
                    "scale": { "enum": ["linear", "log"] },
                },
                "additionalProperties": false,
                "not": { "required": ["step", "points"] },
            }));
        }
        json!({ "anyOf": one_of })
    }
}

fn quantity<Q: Pattern>(is_positive: bool) -> Value {
    let positive = if is_positive { "(?=[^1-9]*[1-9])" } else { "" };
    json!({ "type": "string", "pattern": format!("^{positive}{}$", Q::pattern()) })
}

/// A comparison with a number, a percentage or a quantity.
fn bound() -> String {
    let quantities = [Span::pattern(), Bytes::pattern(), Power::pattern(), BitRate::pattern()];
    let quantities = quantities.join("|");
    format!(r"^\s*(?:<=|>=|<|>|=)(?:\s*{NUMBER}\s*%?\s*|{quantities})$")
}

/// No two keys of a group at once.
fn not_two(group: &[&str]) -> Vec<Value> {
    let pairs = group
        .iter()
        .enumerate()
        .flat_map(|(index, first)| group[index + 1..].iter().map(move |second| (first, second)));
    pairs.map(|(first, second)| json!({ "not": { "required": [first, second] } })).collect()
}

/// One key of a group at least.
fn one_of(group: &[&str]) -> Value {
    let each: Vec<Value> = group.iter().map(|key| json!({ "required": [key] })).collect();
    json!({ "anyOf": each })
}

/// The groups of rivals of which a whole table needs one, and the single keys that it needs.
fn needs(spec: &'static TableSpec) -> (Vec<&'static [&'static str]>, Vec<&'static str>) {
    let needed = |key: &&Key| key.required && key.default.is_none();
    let rivals = |key: &Key| spec.rivals.iter().find(|group| group.contains(&key.name));
    let (rival, single): (Vec<_>, Vec<_>) =
        spec.keys.iter().filter(needed).partition(|key| rivals(key).is_some());
    let groups = rival.into_iter().filter_map(|key| rivals(key).copied()).collect();
    (groups, single.into_iter().map(|key| key.name).collect())
}

/// The paths of all keys and tables, as a pattern.
fn paths(spec: &'static TableSpec) -> String {
    let of_key = |key: &'static Key| match below(&key.kind) {
        Some(inner) => format!("{}(?:{inner})?", key.name),
        None => key.name.to_owned(),
    };
    spec.keys.iter().map(of_key).collect::<Vec<_>>().join("|")
}

/// What may follow the path of a key.
fn below(kind: &'static Kind) -> Option<String> {
    match kind {
        Kind::Table(spec) => Some(format!(r"\.(?:{})", paths(spec))),
        Kind::Tables(spec) => Some(format!(r"\.[0-9]+(?:\.(?:{}))?", paths(spec))),
        Kind::List(inner) => Some(match below(inner) {
            Some(inner) => format!(r"\.[0-9]+(?:{inner})?"),
            None => r"\.[0-9]+".into(),
        }),
        Kind::Any(kinds) => kinds.iter().find_map(below),
        Kind::Map(Names::Free, _) => Some(r"\.[^.]+(?:\..+)?".into()),
        Kind::Map(..) => Some(r"\.[^.]+".into()),
        _ => None,
    }
}

/// The paths of all keys that an axis can have, as patterns, with what they take.
fn leaves(
    spec: &'static TableSpec,
    above: &str,
    but: &[&str],
    out: &mut Vec<(String, &'static Kind)>,
) {
    for key in spec.keys.iter().filter(|key| !but.contains(&key.name)) {
        leaves_of(&key.kind, format!("{above}{}", key.name), out);
    }
}

fn leaves_of(kind: &'static Kind, path: String, out: &mut Vec<(String, &'static Kind)>) {
    match kind {
        Kind::Table(spec) => leaves(spec, &format!(r"{path}\."), &[], out),
        Kind::Tables(spec) => leaves(spec, &format!(r"{path}\.[0-9]+\."), &[], out),
        Kind::Map(_, inner) => out.push((format!(r"{path}\.[^.]+"), inner)),
        Kind::Axes(_) => {}
        Kind::List(inner) => {
            leaves_of(inner, format!(r"{path}\.[0-9]+"), out);
            out.push((path, kind));
        }
        Kind::Any(kinds) => {
            for inner in kinds.iter().filter(|kind| matches!(kind, Kind::Table(_))) {
                leaves_of(inner, path.clone(), out);
            }
            out.push((path, kind));
        }
        _ => out.push((path, kind)),
    }
}

/// Whether a range of numbers can be its values.
fn takes_numbers(kind: &Kind) -> bool {
    match kind {
        Kind::Count(..) | Kind::Number(..) | Kind::Share(..) => true,
        Kind::Any(kinds) => kinds.iter().any(takes_numbers),
        _ => false,
    }
}
