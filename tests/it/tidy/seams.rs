//! Rules that make seams: where a type's `impl` may live, and that nothing is written twice.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::code::{plain, shipped};
use super::{demand, room, rust_files};

/// Files that may hold an `impl` of one type.
const IMPL_FILES_MAX: usize = 3;

/// Like lines in a row that two rooms may share.
const LIKE_LINES_MAX: usize = 30;

/// Words of the language, which stay when names are blanked.
const KEYWORDS: [&str; 34] = [
    "as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum", "false",
    "fn", "for", "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "type", "use", "where",
];

/// The type that an inherent `impl` at the margin is of: `impl<'p> World<'p> {` is of `World`.
pub(crate) fn inherent_impl(line: &str) -> Option<&str> {
    let mut rest = line.strip_prefix("impl")?;
    if rest.starts_with('<') {
        let mut depth = 0;
        let mut before = ' ';
        let end = rest.find(|c: char| {
            depth += i32::from(c == '<') - i32::from(c == '>' && before != '-');
            before = c;
            depth == 0
        })?;
        rest = &rest[end + 1..];
    }
    let rest = rest.strip_prefix(' ')?;
    let name = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
    (!name.is_empty() && !rest.contains(" for ")).then_some(name)
}

/// What stands between each `impl` and its brace, on one line or several.
pub(crate) fn impl_headers(text: &str) -> Vec<String> {
    let mut lines = text.lines();
    let mut headers = Vec::new();
    while let Some(line) = lines.next() {
        if line.starts_with("impl") {
            let mut header = line.to_owned();
            while !header.contains('{')
                && let Some(more) = lines.next()
            {
                header = header + " " + more.trim();
            }
            headers.push(header);
        }
    }
    headers
}

/// A line's shape: names, numbers and strings blanked, white space gone.
pub(crate) fn shape(line: &str) -> String {
    let mut shape = String::new();
    let mut word = String::new();
    for character in line.trim().chars().chain([' ']) {
        if character.is_alphanumeric() || character == '_' {
            word.push(character);
            continue;
        }
        if !word.is_empty() {
            shape.push_str(if KEYWORDS.contains(&word.as_str()) { &word } else { "a" });
            word.clear();
        }
        if !character.is_whitespace() {
            shape.push(character);
        }
    }
    shape
}

/// The lines of a file that count, by number from 1, with their shapes: no blank ones, no imports
/// and no attributes.
fn shapes(text: &str) -> Vec<(usize, String)> {
    let plain = plain(shipped(text));
    let lines = plain.lines().zip(1..).filter_map(|(line, number)| {
        let line = line.trim();
        let counts = !line.is_empty() && !line.starts_with("use ") && !line.starts_with("#[");
        counts.then(|| (number, shape(line)))
    });
    lines.collect()
}

#[test]
fn an_impl_lives_in_at_most_three_files() {
    let mut homes: BTreeMap<(String, String), BTreeSet<PathBuf>> = BTreeMap::new();
    for (file, text) in rust_files(&["src"]) {
        let Some(room) = room(&file).map(str::to_owned) else { continue };
        for header in impl_headers(&plain(shipped(&text))) {
            if let Some(of) = inherent_impl(&header) {
                let of = (room.clone(), of.to_owned());
                homes.entry(of).or_default().insert(file.clone());
            }
        }
    }
    let spread = homes.iter().filter(|(_, files)| files.len() > IMPL_FILES_MAX);
    let complaints: Vec<_> = spread
        .map(|((room, of), files)| {
            let files: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
            format!("{room}: impl {of} lives in {} files: {}", files.len(), files.join(", "))
        })
        .collect();
    demand(&complaints);
}

#[test]
fn no_two_rooms_share_more_than_thirty_like_lines_in_a_row() {
    let files: Vec<_> = rust_files(&["src"])
        .into_iter()
        .filter_map(|(file, text)| Some((room(&file)?.to_owned(), file, shapes(&text))))
        .collect();
    let mut seen: BTreeMap<Vec<&str>, (usize, usize)> = BTreeMap::new();
    let mut complaints = BTreeMap::new();
    for (index, (room, file, shapes)) in files.iter().enumerate() {
        for (at, window) in shapes.windows(LIKE_LINES_MAX + 1).enumerate() {
            let like = window.iter().map(|(_, shape)| shape.as_str()).collect();
            let (other, place) = *seen.entry(like).or_insert((index, at));
            let (other_room, other_file, other_shapes) = &files[other];
            if other_room != room {
                let (here, there) = (window[0].0, other_shapes[place].0);
                complaints.entry((index, other)).or_insert_with(|| {
                    let (file, other_file) = (file.display(), other_file.display());
                    format!("{file}:{here}: like {other_file}:{there}, line for line")
                });
            }
        }
    }
    demand(&complaints.into_values().collect::<Vec<_>>());
}

#[test]
fn types_of_impls_are_found_behind_their_parameters() {
    assert_eq!(inherent_impl("impl World<'_> {"), Some("World"));
    assert_eq!(inherent_impl("impl<F: Fn(u8) -> Vec<u8>> Sink<F> {"), Some("Sink"));
    assert_eq!(inherent_impl("impl Sink for World<'_> {"), None);
    assert_eq!(inherent_impl("    impl World {"), None);
    let long = "impl<N: Net, P: Power>\n    World<N, P>\n{\n    fn f() {}\n}\n";
    assert_eq!(impl_headers(long), ["impl<N: Net, P: Power> World<N, P> {"]);
}

#[test]
fn lines_are_alike_when_only_their_names_and_numbers_differ() {
    assert_eq!(shape("let near = self.load[3] + 4;"), shape("  let far=self.weight[5]+6 ;"));
    assert_ne!(shape("let near = self.load;"), shape("near = self.load;"));
}
