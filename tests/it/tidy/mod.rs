//! The house rules as tests; CONTRIBUTING.md gives the reasons.

mod code;
mod glossary;
mod seams;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::program::{root, update, walk};
use code::{functions, plain, rooms_used, shipped};

/// Lines from which a file is asked whether it has one thought: a warning, since a long file with
/// one thought is better than five with a fifth of it each.
const FILE_LINES_LONG: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;
const LINE_COLUMNS_MAX: usize = 100;

/// The storeys of the house, from the ground: a room uses only lower ones.
const STOREYS: [&[&str]; 12] = [
    &["units", "ids", "untrusted", "metrics", "trace"],
    &["config", "scenario", "engine", "rng", "event", "cosmic"],
    &["workload", "protocol", "theory", "inventory", "storm"],
    &["plan"],
    &["hardware", "control"],
    &["fleet", "record"],
    &["drivers", "analysis"],
    &["forecast", "fitting"],
    &["backend", "report", "export", "testbed"],
    &["experiment"],
    &["swarm"],
    &["cli"],
];

/// Who may use whom on the same storey: scenarios are written in the language of files, faults have
/// one name, the cells of a Latin hypercube are drawn, how often a node is upset is known from its
/// site, a checkpoint waits for a step, and an interval that adapts is a formula's; a trace is a
/// file like any other.
const NEIGHBOURS: [(&str, &str); 8] = [
    ("trace", "untrusted"),
    ("scenario", "config"),
    ("scenario", "event"),
    ("scenario", "cosmic"),
    ("scenario", "rng"),
    ("event", "cosmic"),
    ("protocol", "workload"),
    ("protocol", "theory"),
];

/// Packages that belong to one room, or to the rooms of several lines.
const PACKAGES: [(&str, &str); 35] = [
    ("annotate_snippets", "config"),
    ("clap", "cli"),
    ("clap_complete", "cli"),
    ("ctrlc", "cli"),
    ("hyper", "drivers"),
    ("hyper_util", "drivers"),
    ("indicatif", "cli"),
    ("jiff", "record"),
    ("jiff", "testbed"),
    ("jiff", "trace"),
    ("lzma_rust2", "trace"),
    ("maud", "export"),
    ("maud", "report"),
    ("parquet", "record"),
    ("plotters", "report"),
    ("png", "report"),
    ("prost", "export"),
    ("rand", "rng"),
    ("rand_chacha", "rng"),
    ("rcgen", "drivers"),
    ("rustix", "backend"),
    ("rustix", "drivers"),
    ("rustix", "testbed"),
    ("serial2_tokio", "drivers"),
    ("socket2", "drivers"),
    ("tar", "experiment"),
    ("tokio", "backend"),
    ("tokio", "drivers"),
    ("tokio", "fleet"),
    ("tokio", "testbed"),
    ("tokio_rustls", "drivers"),
    ("toml", "config"),
    ("toml", "scenario"),
    ("turmoil", "backend"),
    ("turmoil_net", "backend"),
];

/// Names that say nothing: what has no name has no place yet.
const NAMELESS: [&str; 9] =
    ["util", "utils", "common", "misc", "helper", "helpers", "extra", "manager", "shared"];

/// All Rust files below some folders of the repository, with their text.
fn rust_files(folders: &[&str]) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for folder in folders {
        walk(&root().join(folder), &mut |path| {
            if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(path).expect("sources are UTF-8");
                let name = path.strip_prefix(root()).expect("below the root").to_owned();
                files.push((name, text));
            }
        });
    }
    files
}

fn all_rust_files() -> Vec<(PathBuf, String)> {
    rust_files(&["src", "tests", "benches", "examples"])
}

/// The room that a file under `src/` belongs to, or `None` for `main.rs` and `lib.rs`.
fn room(file: &Path) -> Option<&str> {
    let name = file.strip_prefix("src").ok()?.iter().next()?.to_str()?;
    let name = name.strip_suffix(".rs").unwrap_or(name);
    (!["main", "lib"].contains(&name)).then_some(name)
}

fn storey(room: &str) -> usize {
    let found = STOREYS.iter().position(|rooms| rooms.contains(&room));
    found.unwrap_or_else(|| panic!("room `{room}` stands on no storey: DESIGN and STOREYS"))
}

/// Fails with all complaints at once.
fn demand(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn every_file_begins_with_a_sentence() {
    let mut complaints = Vec::new();
    for (file, text) in all_rust_files() {
        let first = text.lines().next().unwrap_or_default();
        let sentence = first.strip_prefix("//! ").unwrap_or_default();
        if sentence.len() < 10 || !sentence.ends_with('.') {
            complaints.push(format!("{}: no sentence in line 1: {first}", file.display()));
        }
    }
    demand(&complaints);
}

#[test]
fn files_functions_and_lines_are_short() {
    let mut complaints = Vec::new();
    for (file, text) in all_rust_files() {
        let file = file.display();
        let n_lines = text.lines().count();
        if n_lines > FILE_LINES_LONG {
            eprintln!("warning: {file} has {n_lines} lines: has it one thought?");
        }
        for (index, line) in text.lines().enumerate() {
            let columns = line.chars().count();
            if columns > LINE_COLUMNS_MAX {
                complaints.push(format!("{file}:{}: {columns} columns", index + 1));
            }
        }
        for function in functions(&plain(&text)) {
            if function.n_lines > FUNCTION_LINES_MAX {
                let (line, name, n_lines) = (function.line, function.name, function.n_lines);
                complaints.push(format!("{file}:{line}: fn {name} has {n_lines} lines"));
            }
        }
    }
    demand(&complaints);
}

#[test]
fn a_room_uses_only_lower_storeys() {
    let mut complaints = Vec::new();
    for (file, text) in rust_files(&["src"]) {
        let Some(user) = room(&file) else { continue };
        for (line, used) in rooms_used(&plain(shipped(&text))) {
            let neighbours = NEIGHBOURS.contains(&(user, used.as_str()));
            if used != user && !neighbours && storey(&used) >= storey(user) {
                let file = file.display();
                complaints.push(format!("{file}:{line}: {user} looks up to {used}"));
            }
        }
    }
    demand(&complaints);
}

#[test]
fn packages_stay_in_their_rooms() {
    let mut complaints = Vec::new();
    for (file, text) in rust_files(&["src"]) {
        let plain = plain(&text);
        for (package, home) in PACKAGES {
            let used = code::uses_package(&plain, package);
            let at_home = room(&file).is_some_and(|room| PACKAGES.contains(&(package, room)));
            if used && !at_home {
                complaints.push(format!("{}: {package} belongs to {home}", file.display()));
            }
        }
    }
    demand(&complaints);
}

#[test]
fn every_select_is_biased() {
    let mut complaints = Vec::new();
    for (file, text) in rust_files(&["src"]) {
        let plain = plain(&text);
        for (at, macro_name) in plain.match_indices("select! {") {
            if !plain[at + macro_name.len()..].trim_start().starts_with("biased;") {
                let line = plain[..at].matches('\n').count() + 1;
                complaints.push(format!("{}:{line}: it draws its branch by lot", file.display()));
            }
        }
    }
    demand(&complaints);
}

/// A new kind of fault has to be answered for wherever kinds are distinguished.
#[test]
fn no_match_on_a_kind_of_fault_has_a_wildcard() {
    let mut complaints = Vec::new();
    for (file, text) in rust_files(&["src"]) {
        let own =
            ["src/event/fault.rs", "src/scenario/harm.rs"].iter().any(|own| file.ends_with(own));
        let enums: &[&str] =
            if own { &["Fault", "Harm", "Target", "Self"] } else { &["Fault", "Harm", "Target"] };
        for line in code::wildcards(&plain(shipped(&text)), enums) {
            complaints.push(format!("{}:{line}: a wildcard on a kind of fault", file.display()));
        }
    }
    demand(&complaints);
}

#[test]
fn nothing_is_called_by_a_name_that_says_nothing() {
    let mut complaints = Vec::new();
    for (file, text) in all_rust_files() {
        let words = file.with_extension("");
        for word in words.iter().filter_map(|word| word.to_str()) {
            if NAMELESS.contains(&word) {
                complaints.push(format!("{}: `{word}` says nothing", file.display()));
            }
        }
        for (line, name) in code::modules(&plain(&text)) {
            if NAMELESS.contains(&name.as_str()) {
                complaints.push(format!("{}:{line}: mod {name} says nothing", file.display()));
            }
        }
    }
    demand(&complaints);
}

#[test]
fn no_file_is_left_out_of_the_build() {
    let files: BTreeMap<_, _> = rust_files(&["src", "tests/it"]).into_iter().collect();
    let mut complaints = Vec::new();
    for file in files.keys() {
        let is_mod = file.file_name().is_some_and(|name| name == "mod.rs");
        let this = if is_mod { file.parent().expect("in a folder") } else { file.as_path() };
        let folder = this.parent().expect("in a folder");
        let name = this.file_stem().and_then(|name| name.to_str()).expect("UTF-8");
        if ["main", "lib"].contains(&name) {
            continue;
        }
        let parents = ["mod.rs", "lib.rs", "main.rs"].map(|is_mod| folder.join(is_mod));
        let declared = parents
            .iter()
            .filter_map(|parent| files.get(parent))
            .any(|text| code::modules(&plain(text)).iter().any(|(_, module)| module == name));
        if !declared {
            complaints.push(format!("{}: no `mod {name};` anywhere", file.display()));
        }
    }
    demand(&complaints);
}

#[test]
fn nothing_is_put_off_in_a_comment() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let mut complaints = Vec::new();
    for (file, text) in all_rust_files() {
        for (index, line) in text.lines().enumerate() {
            if let Some(mark) = marks.iter().find(|mark| line.contains(**mark)) {
                complaints.push(format!("{}:{}: {mark}", file.display(), index + 1));
            }
        }
    }
    demand(&complaints);
}

#[test]
fn every_command_stands_in_the_readme() {
    let readme = std::fs::read_to_string(root().join("README.md")).expect("a README");
    for command in rackstorm::cli::commands() {
        let row = ["` ", " "].map(|end| format!("| `{command}{end}"));
        assert!(row.iter().any(|row| readme.contains(row)), "no row of the table for {command}");
    }
}

/// The tree: first lines of single files and of rooms, and the names of the files in a room.
fn tree() -> String {
    let mut files = rust_files(&["src"]);
    files.sort_by_key(|(file, _)| place(file));
    let mut lines = String::from("```text\nsrc/\n");
    for (file, text) in &files {
        let is_mod = file.ends_with("mod.rs");
        let place = if is_mod { file.parent().expect("in a folder") } else { file };
        if !is_mod && place.iter().count() > 2 {
            continue;
        }
        let name = place.strip_prefix("src").expect("below src").display();
        let name = format!("{name}{}", if is_mod { "/" } else { "" });
        let sentence = text.lines().next().unwrap_or_default().trim_start_matches("//! ");
        entry(&mut lines, &name, sentence);
        let inside = files.iter().filter(|(file, _)| is_mod && file.parent() == Some(place));
        let names = inside.filter_map(|(file, _)| file.file_stem()?.to_str());
        let names: Vec<_> = names.filter(|name| *name != "mod").collect();
        if !names.is_empty() {
            entry(&mut lines, "", &format!("· {}", names.join(" · ")));
        }
    }
    lines + "```\n"
}

/// One entry of the tree, its text folded next to its name.
fn entry(lines: &mut String, name: &str, text: &str) {
    let mut line = format!("  {name:<16}");
    for word in text.split(' ') {
        if line.chars().count() + 1 + word.chars().count() > LINE_COLUMNS_MAX {
            let _ = writeln!(lines, "{}", line.trim_end());
            line = " ".repeat(18);
        }
        line = line + " " + word;
    }
    let _ = writeln!(lines, "{line}");
}

/// Sorts single files of a folder before its rooms, and a room's `mod.rs` before what is in it.
fn place(file: &Path) -> Vec<(bool, String)> {
    let n_parts = file.iter().count();
    let key = |(index, part): (usize, &std::ffi::OsStr)| {
        let is_folder = index + 1 < n_parts;
        let name = part.to_string_lossy().into_owned();
        (is_folder, if name == "mod.rs" { String::new() } else { name })
    };
    file.iter().enumerate().map(key).collect()
}

#[test]
fn the_tree_in_the_architecture_is_that_of_the_first_lines() {
    let (begin, end) = ("<!-- tree: UPDATE=1 cargo test tidy -->\n", "<!-- end of tree -->");
    let file = root().join("ARCHITECTURE.md");
    let text = std::fs::read_to_string(&file).expect("ARCHITECTURE.md");
    let (before, rest) = text.split_once(begin).expect("the tree begins with its mark");
    let (written, after) = rest.split_once(end).expect("the tree ends with its mark");
    let tree = tree();
    if update() {
        let text = [before, begin, &tree, end, after].concat();
        std::fs::write(&file, text).expect("ARCHITECTURE.md can be written");
    } else {
        let (tree, written): (Vec<_>, Vec<_>) = (tree.lines().collect(), written.lines().collect());
        assert_eq!(tree, written, "UPDATE=1 rewrites the tree");
    }
}

#[test]
fn papers_have_one_title_and_no_dead_links() {
    let mut papers = vec![];
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"] {
        papers.push(root().join(name));
    }
    for folder in ["docs", "results", "notebooks", "scenarios"] {
        walk(&root().join(folder), &mut |path| {
            // What runs leave under results/ is no paper of ours.
            let ours = folder != "results" || path.parent() == Some(&root().join("results"));
            if ours && path.extension().is_some_and(|extension| extension == "md") {
                papers.push(path.to_owned());
            }
        });
    }
    let mut complaints = Vec::new();
    for paper in papers {
        let text = std::fs::read_to_string(&paper).expect("papers are UTF-8");
        let (n_titles, links) = code::titles_and_links(&text);
        if n_titles != 1 {
            complaints.push(format!("{}: {n_titles} titles", paper.display()));
        }
        for link in links {
            if !paper.parent().expect("in a folder").join(&link).exists() {
                complaints.push(format!("{}: dead link {link}", paper.display()));
            }
        }
    }
    demand(&complaints);
}
