//! Two machines by their dimensionless groups: a table and a snippet for the terminal, and JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::words::{digits, span};
use crate::forecast::{GROUPS, Groups};

/// What is reported.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Names of the scenario and of the target.
    pub names: [&'a str; 2],
    /// Their groups, and those of the scenario with the keys that follow.
    pub groups: [&'a Groups; 3],
    /// Keys and values that make it like the target.
    pub keys: &'a [(String, String)],
    /// Groups match whose quotient is not further from 1 than this share.
    pub tolerance: f64,
    /// What the snippet inherits.
    pub inherit: &'a str,
}

impl Input<'_> {
    /// Whether a group of the first or third is that of the target; `None` if neither has it.
    fn matches(&self, which: usize, group: usize) -> Option<bool> {
        match (self.groups[which].values[group], self.groups[1].values[group]) {
            (None, None) => None,
            (Some(own), Some(target)) if own > 0.0 && target > 0.0 => {
                Some((own / target).max(target / own) <= 1.0 + self.tolerance)
            }
            (own, target) => Some(own == target),
        }
    }
}

/// The keys as a scenario that inherits the file.
#[must_use]
pub fn snippet(input: &Input<'_>) -> String {
    let Input { names: [own, target], .. } = input;
    let mut text =
        format!("schema = 1\ntitle = \"{own} like {target}\"\ninherit = \"{}\"\n", input.inherit);
    for (key, value) in input.keys {
        let _ = writeln!(text, "{key} = {value}");
    }
    text
}

/// Table and snippet.
#[must_use]
pub fn text(input: &Input<'_>) -> String {
    let Input { names: [own, target], groups: [of, to, _], .. } = *input;
    let mut text = format!(
        "{own}: M = {}, {} nodes\n{target}: M = {}, {} nodes\n\n",
        span(of.mtbf),
        of.setting.nodes,
        span(to.mtbf),
        to.setting.nodes
    );
    let _ = writeln!(
        text,
        "{:<14}{:<11}{:>11}{:>11}{:>10}  {:<9}{:>11}  {:<9}",
        "group",
        "",
        own_short(own),
        "target",
        "quotient",
        "matches",
        "changed",
        "matches"
    );
    for (number, group) in GROUPS.iter().enumerate() {
        let value = |which: usize| input.groups[which].values[number];
        let shown = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), digits);
        let quotient = value(0).zip(value(1)).filter(|(_, target)| *target > 0.0);
        let does = |which| match input.matches(which, number) {
            Some(true) => "yes",
            Some(false) if group.is_decisive => "NO",
            Some(false) => "no",
            None => "–",
        };
        let _ = writeln!(
            text,
            "{:<14}{:<11}{:>11}{:>11}{:>10}  {:<9}{:>11}  {:<9}{}",
            group.name,
            group.symbol,
            shown(value(0)),
            shown(value(1)),
            shown(quotient.map(|(own, target)| own / target)),
            does(0),
            shown(value(2)),
            does(2),
            group.meaning
        );
    }
    let efficiency = input.groups.map(|groups| groups.efficiency);
    if let [Some(own), Some(target), Some(changed)] = efficiency {
        let _ = writeln!(
            text,
            "\nEfficiency by the exact expectation: {own:.4}, {target:.4} of the target, \
             {changed:.4} changed."
        );
    }
    let _ = write!(
        text,
        "Groups match within {} %. The first five decide the efficiency of the job.\n\nChanged so, \
         the first is like the target:\n\n{}",
        digits(input.tolerance * 100.0),
        snippet(input)
    );
    text
}

fn own_short(name: &str) -> String {
    name.chars().take(10).collect()
}

/// Everything as one object; times in seconds.
#[must_use]
pub fn json(input: &Input<'_>) -> Value {
    let groups = GROUPS.iter().enumerate().map(|(number, group)| {
        let [own, target, changed] = input.groups.map(|groups| groups.values[number]);
        json!({
            "name": group.name,
            "symbol": group.symbol,
            "meaning": group.meaning,
            "is_decisive": group.is_decisive,
            "scenario": own,
            "target": target,
            "matches": input.matches(0, number),
            "changed": changed,
            "changed_matches": input.matches(2, number),
        })
    });
    let machine = |which: usize| {
        let groups = input.groups[which];
        json!({
            "setting": groups.setting,
            "mtbf": groups.mtbf,
            "step": groups.step,
            "efficiency": groups.efficiency,
        })
    };
    json!({
        "names": input.names,
        "tolerance": input.tolerance,
        "groups": groups.collect::<Vec<_>>(),
        "scenario": machine(0),
        "target": machine(1),
        "changed": machine(2),
        "keys": input.keys.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        "snippet": snippet(input),
    })
}
