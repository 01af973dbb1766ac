//! Holds the sources and papers to the glossary: one word a concept, and house words stay away.

use std::collections::BTreeMap;

use super::code::plain;
use super::{all_rust_files, demand};
use crate::program::{root, walk};

/// Words that the house once had for itself, and what the field says. `beat` is a key of files.
const HOUSE: [(&str, &str); 23] = [
    ("wish", "spec"),
    ("wishes", "specs"),
    ("told", "emitted, reported or informed"),
    ("tell", "emit, report or say"),
    ("tells", "emits, reports or says"),
    ("deed", "injection"),
    ("deeds", "injections"),
    ("door", "port"),
    ("doors", "ports"),
    ("hands", "actuators"),
    ("muster", "power supervisor"),
    ("misfortune", "fault rules"),
    ("mischief", "failure mode"),
    ("trouble", "driver error"),
    ("beside", "compared with, next to or besides"),
    ("lawbook", "laws"),
    ("writ", "inventory"),
    ("theatre", "harness"),
    ("pretend", "fake, claim or stand in for"),
    ("pretends", "fakes, claims or stands in for"),
    ("rouse", "undo"),
    ("manieth", "k-th"),
    ("beats", "heartbeats"),
];

/// Types whose name is so common that it may be given once.
const ONCE: [&str; 6] = ["Act", "Node", "Place", "Told", "Order", "Stage"];

/// The words of a text: of identifiers each part, in small letters, with its line.
fn words(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let (mut word, mut was_small) = (String::new(), false);
        for character in line.chars().chain([' ']) {
            let begins = !character.is_alphabetic() || (character.is_uppercase() && was_small);
            if begins && !word.is_empty() {
                found.push((index + 1, std::mem::take(&mut word).to_lowercase()));
            }
            if character.is_alphabetic() {
                word.push(character);
            }
            was_small = character.is_lowercase();
        }
    }
    found
}

/// A line without what stands for keys of files and names of others: `beats`, "beats", `beats =`.
fn without_keys(line: &str) -> String {
    let mut line = line.to_owned();
    for key in ["`beats`", "\"beats\"", "beats =", "controller.beats"] {
        line = line.replace(key, "");
    }
    line
}

#[test]
fn no_house_word_comes_back() {
    let mut texts: Vec<_> = all_rust_files();
    texts.retain(|(file, _)| !file.ends_with("tidy/glossary.rs"));
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = std::fs::read_to_string(root().join(name)).expect("a paper");
        texts.push((name.into(), text));
    }
    for folder in ["docs", "scenarios"] {
        walk(&root().join(folder), &mut |path| {
            let is_text = path.extension().is_some_and(|end| end == "md" || end == "toml");
            // What was wrong once is described in the words of its time.
            if is_text && !path.ends_with("bugs.md") {
                texts.push((path.to_owned(), std::fs::read_to_string(path).expect("UTF-8")));
            }
        });
    }
    let mut complaints = Vec::new();
    for (file, text) in &texts {
        let text: String = text.lines().map(|line| without_keys(line) + "\n").collect();
        for (line, word) in words(&text) {
            if let Some((_, term)) = HOUSE.iter().find(|(house, _)| *house == word) {
                complaints.push(format!("{}:{line}: `{word}`, say: {term}", file.display()));
            }
        }
    }
    demand(&complaints);
}

#[test]
fn a_common_name_is_given_to_one_type() {
    let mut given: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (file, text) in all_rust_files().iter().filter(|(file, _)| file.starts_with("src")) {
        let plain = plain(text);
        for name in ONCE {
            for kind in ["struct", "enum", "trait", "type"] {
                for (at, found) in plain.match_indices(&format!("{kind} {name}")) {
                    let next = plain[at + found.len()..].chars().next();
                    if next.is_none_or(|c| !c.is_alphanumeric() && c != '_') {
                        given.entry(name).or_default().push(file.display().to_string());
                    }
                }
            }
        }
    }
    let several = given.into_iter().filter(|(_, files)| files.len() > 1);
    let complaints: Vec<_> =
        several.map(|(name, files)| format!("{name}: {}", files.join(", "))).collect();
    demand(&complaints);
}

#[test]
fn each_word_of_the_glossary_has_one_meaning() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let (_, glossary) = text.split_once("\n## Glossary\n").expect("a glossary");
    let rows = glossary.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let rows: Vec<Vec<&str>> = rows
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert!(rows.len() > 30, "{} words", rows.len());
    let mut complaints = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let [word, meaning, _] = row[..] else { panic!("three columns: {row:?}") };
        if at > 0 && rows[at - 1][0].to_lowercase() >= word.to_lowercase() {
            complaints.push(format!("`{word}` is not in its place"));
        }
        if meaning.len() < 20 {
            complaints.push(format!("`{word}` has no meaning"));
        }
        if HOUSE.iter().any(|(house, _)| *house == word) {
            complaints.push(format!("`{word}` is a house word"));
        }
    }
    demand(&complaints);
}
