//! Reports in which keys two resolved scenarios differ.

use std::collections::BTreeMap;

use toml::{Table, Value};

/// The value of each key of a scenario's text, as TOML, by the path of the key.
///
/// Fault rules are named: `fault.crash[node crash].lifetime.mean`. What only says where a figure
/// comes from (`source`, `assumption`) is left out, for it changes no run.
///
/// # Errors
/// When the text is not TOML.
pub fn keys(text: &str) -> Result<BTreeMap<String, String>, String> {
    let table: Table = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    let mut keys = BTreeMap::new();
    for (name, value) in &table {
        if name != "source" && name != "assumption" {
            flatten(name, value, &mut keys);
        }
    }
    Ok(keys)
}

fn flatten(path: &str, value: &Value, keys: &mut BTreeMap<String, String>) {
    match value {
        Value::Table(table) => {
            for (name, value) in table {
                flatten(&format!("{path}.{name}"), value, keys);
            }
        }
        Value::Array(rules) if path.starts_with("fault.") && rules.iter().all(Value::is_table) => {
            for (place, rule) in rules.iter().enumerate() {
                let name = rule.get("name").and_then(Value::as_str);
                let name = name.map_or_else(|| (place + 1).to_string(), str::to_owned);
                flatten(&format!("{path}[{name}]"), rule, keys);
            }
        }
        _ => {
            keys.insert(path.to_owned(), value.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_their_paths_and_faults_their_names() {
        let text = "\
seed = 7
[boot.power_on]
stagger = \"1 s\"
[[fault.crash]]
name = \"a crash\"
lifetime = { exponential = { mean = \"1 y\" } }
[module]
psu = [{ packs = [1], limit = \"300 W\" }]
[source]
\"hardware.boot.rom\" = \"measured\"
";
        let keys = keys(text).expect("TOML");
        let lines: Vec<_> = keys.iter().map(|(key, value)| format!("{key} = {value}")).collect();
        assert_eq!(
            lines,
            [
                "boot.power_on.stagger = \"1 s\"",
                "fault.crash[a crash].lifetime.exponential.mean = \"1 y\"",
                "fault.crash[a crash].name = \"a crash\"",
                "module.psu = [{ packs = [1], limit = \"300 W\" }]",
                "seed = 7",
            ]
        );
        assert!(super::keys("seed = ").is_err());
    }
}
