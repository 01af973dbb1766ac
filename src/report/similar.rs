//! Two machines by their dimensionless groups: tables and a variant for the terminal, and JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::columns::columns;
use super::words::{count, digits, share, span};
use crate::forecast::similar::{Groups, Row, rows};

/// The name of the variant.
const VARIANT: &str = "similar";

/// What is reported.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Names of the scenario and of the target.
    pub names: [&'a String; 2],
    /// Their groups, and those of the scenario with the keys.
    pub groups: [&'a Groups; 3],
    /// How many times as long everything takes in the scaled scenario as in the target.
    pub scale: f64,
    /// Keys, with values in TOML, that give the scenario the groups of the target.
    pub keys: &'a [(String, String)],
    /// Groups match that differ by at most this share.
    pub within: f64,
}

/// A switch of semantics: its key, and its values in the scenario and in the target.
type Switch<'a> = (&'static str, [Option<&'a str>; 2]);

impl<'a> Input<'a> {
    /// Switches in which the scenario, or the scaled one, is unlike the target.
    fn switches(&self, which: usize) -> Vec<Switch<'a>> {
        let [of, to] = [self.groups[which], self.groups[1]].map(|it| &it.switches);
        let value = |all: &'a [(&str, String)], wanted: &str| {
            let found = all.iter().find(|(key, _)| *key == wanted);
            found.map(|(_, value)| value.as_str())
        };
        let longer = if of.is_empty() { to } else { of };
        let both = longer.iter().map(|(key, _)| (*key, [value(of, key), value(to, key)]));
        both.filter(|(_, [of, to])| of != to).collect()
    }

    /// What decides and does not match: of the scenario, or of the scaled one.
    fn unlike(&self, rows: &[Row], which: usize) -> Vec<&'static str> {
        let matches = |row: &&Row| if which == 0 { row.matches } else { row.scaled_matches };
        let groups = rows.iter().filter(|row| row.group.decides).filter(|row| !matches(row));
        let switches = self.switches(which).into_iter().map(|(key, _)| key);
        groups.map(|row| row.group.symbol).chain(switches).collect()
    }
}

/// The keys as a part of a scenario.
#[must_use]
pub fn variant(input: &Input<'_>) -> String {
    let lines = input.keys.iter().map(|(key, value)| format!("{key} = {value}\n"));
    format!("[variants.{VARIANT}]\n{}", lines.collect::<String>())
}

/// Tables and variant.
#[must_use]
pub fn text(input: &Input<'_>) -> String {
    let Input { names: [own, target], groups, within, .. } = *input;
    let rows = rows(groups, within);
    let mut text = String::new();
    for (name, of) in [own, target].into_iter().zip(groups) {
        let (mtbf, nodes) = (span(of.mtbf), count(of.setting.nodes as usize, "node", "nodes"));
        let _ = writeln!(text, "{name}: {nodes}, mean time between failures of the job M = {mtbf}");
    }
    for (title, decides) in [("decides waste", true), ("machine", false)] {
        let rows = rows.iter().filter(|row| row.group.decides == decides).map(cells);
        let heads = [title, "formula", own, target, "match", "scaled", "match", "why"];
        text += &columns(&heads, "llrrlrll", &rows.collect::<Vec<_>>());
    }
    for (key, [of, to]) in input.switches(0) {
        let shown = |value: Option<&str>| value.unwrap_or("–").to_owned();
        let _ = writeln!(text, "\n`{key}` is {} there, and {} here.", shown(to), shown(of));
    }
    let limit = share(within);
    let unlike = input.unlike(&rows, 0);
    let _ = if unlike.is_empty() {
        writeln!(text, "\nSimilar within {limit}: both waste the same share of their time.")
    } else {
        writeln!(text, "\nNot similar within {limit}: {}.", unlike.join(", "))
    };
    let scale = digits(input.scale);
    let _ = write!(
        text,
        "Scaled, a second of {target} is {scale} s. Paste this below {own}, and play it with \
         --set variant={VARIANT}:\n\n{}",
        variant(input)
    );
    let left = input.unlike(&rows, 2);
    if !left.is_empty() {
        let _ = writeln!(text, "\nNo key brings these to the target: {}.", left.join(", "));
    }
    text
}

fn cells(row: &Row) -> Vec<String> {
    let value = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), digits);
    let matches = |matches: bool| if matches { "yes" } else { "no" }.to_owned();
    vec![
        row.group.symbol.to_owned(),
        row.group.formula.to_owned(),
        value(row.own),
        value(row.target),
        matches(row.matches),
        value(row.scaled),
        matches(row.scaled_matches),
        row.group.why.to_owned(),
    ]
}

/// Everything as one object; times in seconds.
#[must_use]
pub fn json(input: &Input<'_>) -> Value {
    let rows = rows(input.groups, input.within);
    let [own, target, scaled] = input.groups;
    let keys = input.keys.iter().map(|(key, value)| json!({ "key": key, "value": value }));
    let switches = input
        .switches(0)
        .into_iter()
        .map(|(key, [own, target])| json!({ "key": key, "own": own, "target": target }));
    json!({
        "names": { "own": input.names[0], "target": input.names[1] },
        "within": input.within,
        "similar": input.unlike(&rows, 0).is_empty(),
        "scaled_similar": input.unlike(&rows, 2).is_empty(),
        "groups": rows,
        "switches": switches.collect::<Vec<_>>(),
        "own": own,
        "target": target,
        "scaled": scaled,
        "scale": input.scale,
        "keys": keys.collect::<Vec<_>>(),
        "variant": variant(input),
    })
}
