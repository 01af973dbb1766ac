//! Writes what particles can upset as text, and tells where each figure of an array comes from.

use crate::cosmic::memory::{Array, Damages, Outcomes, Sensitivity};
use crate::scenario::document::{Table, Value};
use crate::scenario::load::Sources;
use crate::scenario::resolved::{Line, covers, lines, number, quoted, text_of};
use crate::scenario::words::Word;
use crate::scenario::{Provenance, Scenario, Source};

/// The table of arrays, as [`Line::table`] has it.
pub(super) const TABLE: &str = "[hardware.array]";

/// The lines of one array; its name comes first, since it begins the table.
pub(super) fn lines_of(array: &Array) -> Vec<Line> {
    let sensitivity = match array.sensitivity {
        Sensitivity::Sigma(sigma) => ("sigma", number(sigma)),
        Sensitivity::FitPerMbit(fit) => ("fit_per_mbit", number(fit)),
        Sensitivity::Devices { count, .. } => ("devices", count.to_string()),
    };
    let mut all = lines(
        TABLE,
        [
            ("name", quoted(&array.name)),
            ("kind", quoted(array.kind.word())),
            ("size", text_of(array.size)),
            sensitivity,
        ],
    );
    let protection = ("protection", quoted(array.protection.word()));
    if let Sensitivity::Devices { scrub, damages, .. } = array.sensitivity {
        let Damages { word, column, row } = damages;
        let of_words = [("word_fault", word), ("column_fault", column), ("row_fault", row)];
        all.extend(lines(TABLE, [("scrub", text_of(scrub)), protection]));
        all.extend(lines(TABLE, of_words.map(|(key, damage)| (key, quoted(damage.word())))));
    } else {
        all.extend(lines(TABLE, [("multi_bit", number(array.multi_bit)), protection]));
    }
    all
}

/// The lines of what an upset comes to.
pub(super) fn upset(upset: &Outcomes) -> Vec<Line> {
    let all = [
        ("upset.idle", upset.idle),
        ("upset.compute", upset.compute),
        ("upset.checkpoint", upset.checkpoint),
    ];
    let of_table = |(table, shares): (&str, crate::cosmic::memory::Shares)| {
        lines(
            table,
            [
                ("silent", number(shares.silent)),
                ("crash", number(shares.crash)),
                ("hang", number(shares.hang)),
            ],
        )
    };
    all.into_iter().flat_map(of_table).collect()
}

/// Where each figure of the arrays comes from. Their keys are numbered: `hardware.array.0.sigma`.
pub(super) fn provenance(
    scenario: &Scenario,
    merged: &Table,
    sources: &Sources,
) -> Vec<Provenance> {
    let given = merged.at("hardware.array").and_then(Value::list).unwrap_or_default();
    let mut told = Vec::new();
    for (index, array) in scenario.hardware.arrays.iter().enumerate() {
        let item = given.get(index).and_then(Value::table);
        for line in lines_of(array).into_iter().filter(|line| line.key != "name") {
            let key = format!("hardware.array.{index}.{}", line.key);
            let value = item.and_then(|item| item.get(line.key));
            let source = match value {
                None => Source::Assumption(unsaid(line.key).into()),
                Some(value) => {
                    let texts = sources.get(&value.place.file).into_iter().flatten();
                    let covering = texts.filter(|(path, _)| covers(path, &key));
                    let nearest = covering.max_by_key(|(path, _)| path.len());
                    nearest.map_or(Source::Scenario, |(_, source)| source.clone())
                }
            };
            told.push(Provenance { key, value: line.value, source });
        }
    }
    told
}

/// What is taken where a profile does not give a key.
fn unsaid(key: &str) -> &'static str {
    if key == "scrub" {
        "not given in the profile; chips are taken as scrubbed once a day"
    } else {
        "not given in the profile; a column is taken as one bit line, and a word or a row as a \
         random pattern of a chip's bits"
    }
}
