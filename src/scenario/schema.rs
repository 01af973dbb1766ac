//! The JSON Schema of the language, for editors; made from the same keys as the reader.

use serde_json::{Map, Value, json};

use crate::scenario::keys::ROOT;
use crate::scenario::language::{Kind, Spec};
use crate::scenario::walk::expected;

/// The JSON Schema (draft 7) of scenario files.
///
/// Keys that must be there are not told: what a file lacks, another file that it inherits or a
/// built-in profile may give.
#[must_use]
pub fn schema() -> Value {
    of(&ROOT, "Rackstorm scenario")
}

/// The JSON Schema (draft 7) of a language.
pub(crate) fn of(language: &Spec, title: &str) -> Value {
    let mut schema = table(language);
    let top = schema.as_object_mut().expect("a table is an object");
    top.insert("$schema".into(), json!("http://json-schema.org/draft-07/schema#"));
    top.insert("title".into(), json!(title));
    schema
}

fn table(spec: &Spec) -> Value {
    let mut properties = Map::new();
    for key in spec.keys {
        let mut item = kind(&key.kind);
        let object = item.as_object_mut().expect("a kind is an object");
        if !key.doc.is_empty() {
            object.insert("description".into(), json!(key.doc));
        }
        if !matches!(key.kind, Kind::Table(_)) {
            object.insert("$comment".into(), json!(expected(&key.kind)));
        }
        if let Some(default) = key.default {
            let parsed: toml::Table =
                toml::from_str(&format!("d = {default}")).expect("our own defaults are TOML");
            object.insert("default".into(), json!(parsed["d"]));
        }
        properties.insert(key.name.into(), item);
    }
    let mut schema = json!({
        "type": "object",
        "description": spec.doc,
        "properties": properties,
        "additionalProperties": false,
    });
    let rivals: Vec<Value> = spec.rivals.iter().flat_map(|group| not_two(group)).collect();
    if !rivals.is_empty() {
        schema["allOf"] = Value::Array(rivals);
    }
    schema
}

/// No two keys of a group at once.
fn not_two(group: &[&str]) -> Vec<Value> {
    let pairs = group
        .iter()
        .enumerate()
        .flat_map(|(index, first)| group[index + 1..].iter().map(move |second| (first, second)));
    pairs.map(|(first, second)| json!({ "not": { "required": [first, second] } })).collect()
}

fn kind(kind_of: &Kind) -> Value {
    /// A number with a unit; spans may have several.
    const QUANTITY: &str =
        r"^\s*[-+]?[0-9][0-9_.]*([eE][-+]?[0-9]+)?\s*[A-Za-zµμ/][-A-Za-z0-9µμ/. ]*$";
    match kind_of {
        Kind::Text | Kind::Parts => json!({ "type": "string" }),
        Kind::Bound => json!({ "type": "string", "pattern": r"^\s*(<=|>=|<|>|=)\s*[-+0-9.]" }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Count(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Number(min, max) => json!({ "type": "number", "minimum": min, "maximum": max }),
        Kind::Share(min, max) => json!({ "anyOf": [
            { "type": "number", "minimum": min, "maximum": max },
            { "type": "string", "pattern": r"^\s*[0-9.]+\s*%$" },
        ] }),
        Kind::Span(..)
        | Kind::Bytes(..)
        | Kind::BitRate(..)
        | Kind::ByteRate(..)
        | Kind::PacketRate(..)
        | Kind::Power(..)
        | Kind::Length(..) => json!({ "type": "string", "pattern": QUANTITY }),
        Kind::Choice(words) => json!({ "enum": words() }),
        Kind::Table(spec) => table(spec),
        Kind::Tables(spec) => json!({ "type": "array", "items": table(spec) }),
        Kind::List(inner) => json!({ "type": "array", "items": kind(inner) }),
        Kind::Any(kinds) => json!({ "anyOf": kinds.iter().map(kind).collect::<Vec<_>>() }),
        Kind::Map(inner) => json!({ "type": "object", "additionalProperties": kind(inner) }),
        Kind::Axes => json!({ "type": "object", "additionalProperties": {} }),
    }
}
