//! Writes a study as one text, which loads to the same study wherever it lies.

use std::fmt::Write as _;
use std::path::absolute;

use crate::config::document::{Data, Entry, Table, Value};
use crate::config::mistakes::{Mistakes, Place};
use crate::config::writing::{document, key, quoted};
use crate::scenario::Source;
use crate::scenario::resolved::covers;
use crate::scenario::study::Study;
use crate::scenario::variants;

/// What is written by itself, besides the tables of the files.
const APART: [&str; 6] = ["schema", "name", "inherit", "sweep", "source", "assumption"];

pub(super) fn text(study: &Study) -> String {
    let Study { loader, texts, design, .. } = study;
    let mut own = loader.own.clone();
    for name in APART {
        own.remove(name);
    }
    if let Some(study_keys) = own.entries.iter_mut().find(|entry| entry.name == "study") {
        if let Data::Table(table) = &mut study_keys.value.data {
            design_keys(study, table);
        }
    } else if let Some(zip) = zip_of_table(study) {
        own.entries.push(entry("study", Data::Table(Table { entries: vec![entry("zip", zip)] })));
    }
    find_files(&mut own, texts);
    let mut rules = faults(&mut own, "");
    for variant in variants::all_of(&mut own) {
        if let Data::Table(keys) = &mut variant.value.data {
            rules += &faults(keys, &format!("variants.{}.", key(&variant.name)));
        }
    }
    let mut out = format!("schema = 1\nname = {}\n", quoted(study.name()));
    if let Some(base) = &loader.base {
        let _ = writeln!(out, "inherit = {}", quoted(base));
    }
    out += &document(&own);
    out += &rules;
    let axes = study.seed_axis.iter().chain(&design.axes);
    let mut lines = String::new();
    for axis in axes {
        let mut whole = axis.clone();
        if whole.path().ends_with(".trace.file") || whole.path().ends_with("queue.file") {
            whole.values.iter_mut().for_each(|value| find(value, texts));
        }
        let _ = writeln!(lines, "{} = {}", quoted(whole.path()), whole.toml());
    }
    if !lines.is_empty() {
        let _ = write!(out, "\n[sweep]\n{lines}");
    }
    out + &sources(study)
}

/// Changes `[study]` to what makes the same cells: axes that the command line fixes are zipped no
/// more, and the columns of a table go together.
fn design_keys(study: &Study, table: &mut Table) {
    let axes = study.axes();
    let is_axis = |path: &Value| axes.iter().any(|axis| path.text() == Some(axis.path()));
    if study.is_table {
        table.remove("latin_hypercube");
        table.remove("zip");
        table.entries.extend(zip_of_table(study).map(|zip| entry("zip", zip)));
        return;
    }
    let zip = table.entries.iter_mut().find(|entry| entry.name == "zip");
    if let Some(Data::List(groups)) = zip.map(|entry| &mut entry.value.data) {
        for group in groups {
            if let Data::List(paths) = &mut group.data {
                paths.retain(is_axis);
            }
        }
    }
}

/// The columns of a table, as axes that go together.
fn zip_of_table(study: &Study) -> Option<Data> {
    let place = study.axes().first().filter(|_| study.is_table)?.place;
    let value = |data| Value { place, data };
    let paths = study.axes().iter().map(|axis| value(Data::Text(axis.path().to_owned())));
    Some(Data::List(vec![value(Data::List(paths.collect()))]))
}

/// The rules of faults, which strike in the order in which they stand: those of one kind may stand
/// between those of another. `above` is the path of the table that they are in.
fn faults(own: &mut Table, above: &str) -> String {
    let Some(entry) = own.entries.iter_mut().find(|entry| entry.name == "fault") else {
        return String::new();
    };
    let Data::Table(kinds) = &mut entry.value.data else { return String::new() };
    let mut rules = Vec::new();
    kinds.entries.retain(|kind| {
        let list = kind.value.list().unwrap_or_default();
        rules.extend(list.iter().map(|rule| (rule.place, kind.name.clone(), rule.clone())));
        list.is_empty()
    });
    rules.sort_by_key(|(place, ..)| *place);
    let mut out = String::new();
    for (_, kind, rule) in &rules {
        let _ = writeln!(out, "\n[[{above}fault.{kind}]]");
        out += &rule.table().map(document_of_item).unwrap_or_default();
    }
    out
}

/// A table as an item of an array: what is in it on lines of their own.
fn document_of_item(item: &Table) -> String {
    let line = |entry: &Entry| format!("{} = {}\n", entry.name, entry.value.toml());
    item.entries.iter().map(line).collect()
}

fn entry(name: &str, data: Data) -> Entry {
    let place = Place::whole(0);
    Entry { name: name.into(), place, value: Value { place, data } }
}

/// Has the traces of faults and the files of jobs found by whole paths, wherever the text lies.
fn find_files(table: &mut Table, texts: &Mistakes) {
    for entry in &mut table.entries {
        let holder = matches!(entry.name.as_str(), "trace" | "queue");
        if let (Data::Table(table), true) = (&mut entry.value.data, holder) {
            let file = table.entries.iter_mut().find(|entry| entry.name == "file");
            if let Some(entry) = file {
                find(&mut entry.value, texts);
            }
            continue;
        }
        match &mut entry.value.data {
            Data::Table(inner) => find_files(inner, texts),
            Data::List(items) => {
                for item in items {
                    if let Data::Table(inner) = &mut item.data {
                        find_files(inner, texts);
                    }
                }
            }
            _ => {}
        }
    }
}

/// Has a path start at the root of the file system.
fn find(value: &mut Value, texts: &Mistakes) {
    let folder = texts.folder(value.place.file);
    if let Data::Text(path) = &mut value.data {
        let whole = folder.join(&*path);
        *path = absolute(&whole).unwrap_or(whole).display().to_string();
    }
}

/// What the files say of where their figures come from, of those figures only that are still
/// theirs: others lie over some.
fn sources(study: &Study) -> String {
    let (mut published, mut assumed) = (Vec::new(), Vec::new());
    for (file, entries) in &study.loader.sources {
        let mut figures = Vec::new();
        leaves(&study.loader.own, "", &mut figures);
        figures.retain(|(path, _)| study.axes().iter().all(|axis| axis.path() != path));
        figures.extend(study.axes().iter().map(|axis| (axis.path().to_owned(), axis.place.file)));
        for (figure, _) in figures.into_iter().filter(|(_, of)| of == file) {
            // What is said of a key holds for that of a variant too.
            let plain = variants::plain_path(&figure);
            let whole = [Some(figure.as_str()), plain].into_iter().flatten().find_map(|key| {
                let covering = entries.iter().filter(|(path, _)| covers(path, key));
                covering.max_by_key(|(path, _)| path.len())
            });
            let whole = whole.map(|(_, source)| (figure.clone(), source));
            // What is said of a part of a figure, such as an item of an array, stays as it is.
            let parts = entries.iter().filter(|(path, _)| *path != figure && covers(&figure, path));
            let parts = parts.map(|(path, source)| (path.clone(), source));
            for (path, source) in whole.into_iter().chain(parts) {
                match source {
                    Source::Published(text) => published.push((path, text)),
                    Source::Assumption(text) => assumed.push((path, text)),
                    Source::Scenario => {}
                }
            }
        }
    }
    let mut out = String::new();
    for (name, mut all) in [("source", published), ("assumption", assumed)] {
        // An axis over an item of an array is a figure and a part of one.
        all.sort_unstable();
        all.dedup();
        if !all.is_empty() {
            let _ = write!(out, "\n[{name}]\n");
        }
        for (path, text) in all {
            let _ = writeln!(out, "{} = {}", quoted(&path), quoted(text));
        }
    }
    out
}

/// The paths of all values that are no tables, each with the number of its text.
fn leaves(table: &Table, above: &str, out: &mut Vec<(String, u32)>) {
    for Entry { name, value, .. } in &table.entries {
        let path = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
        match value.table() {
            Some(inner) => leaves(inner, &path, out),
            None => out.push((path, value.place.file)),
        }
    }
}
