//! Reads Rust sources and Markdown papers just well enough to hold them to the house rules.

/// A function: the line of its `fn`, counted from 1, and the lines to its closing brace.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) line: usize,
    pub(crate) name: String,
    pub(crate) n_lines: usize,
}

/// The part of a file that ships: all before its unit tests.
pub(crate) fn shipped(text: &str) -> &str {
    text.find("#[cfg(test)]\nmod ").map_or(text, |end| &text[..end])
}

/// The text with comments, strings and characters blanked; lines stay where they are.
///
/// Not handled: raw strings with more than two hashes. There are none here.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = blank_length(rest);
        if length == 0 {
            // An identifier may end in `r` or `b`, which begin no string then.
            let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let taken = word.max(first.len_utf8());
            plain.push_str(&rest[..taken]);
            rest = &rest[taken..];
        } else {
            plain.extend(rest[..length].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = &rest[length..];
        }
    }
    plain
}

/// How many bytes of comment, string or character literal stand at the start; 0 if none.
fn blank_length(text: &str) -> usize {
    for (begin, end) in [("r##\"", "\"##"), ("r#\"", "\"#"), ("r\"", "\""), ("/*", "*/")] {
        if let Some(inside) = text.strip_prefix(begin) {
            return inside.find(end).map_or(text.len(), |at| begin.len() + at + end.len());
        }
    }
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("b'") || text.starts_with("b\"") {
        return 1 + blank_length(&text[1..]);
    }
    if let Some(inside) = text.strip_prefix('"') {
        return 1 + quoted_length(inside, '"');
    }
    if text.starts_with('\'') {
        return character_length(text);
    }
    0
}

/// Bytes to the closing quote, with it.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Bytes of a character literal; 0 for a lifetime.
fn character_length(text: &str) -> usize {
    let inside = &text[1..];
    if inside.starts_with('\\') {
        return 1 + quoted_length(inside, '\'');
    }
    let Some(character) = inside.chars().next() else { return 0 };
    let after = &inside[character.len_utf8()..];
    if after.starts_with('\'') { 1 + character.len_utf8() + 1 } else { 0 }
}

/// All functions with a body.
pub(crate) fn functions(plain: &str) -> Vec<Function> {
    let mut found = Vec::new();
    let lines: Vec<&str> = plain.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        let Some((before, after)) = line.split_once("fn ") else { continue };
        let named = after.starts_with(|c: char| c.is_alphabetic() || c == '_');
        let word = before.is_empty() || before.ends_with(char::is_whitespace);
        if !named || !word {
            continue;
        }
        let name = after.split(|c: char| !c.is_alphanumeric() && c != '_').next();
        if let Some(n_lines) = body_lines(&lines[index..]) {
            let name = name.unwrap_or_default().to_owned();
            found.push(Function { line: index + 1, name, n_lines });
        }
    }
    found
}

/// Lines from the first to the brace that closes the first one opened; `None` without a body.
fn body_lines(lines: &[&str]) -> Option<usize> {
    let (mut depth, mut brackets, mut opened) = (0, 0, false);
    for (index, line) in lines.iter().enumerate() {
        for character in line.chars() {
            match character {
                '(' | '[' if !opened => brackets += 1,
                ')' | ']' if !opened => brackets -= 1,
                ';' if !opened && brackets == 0 => return None,
                '{' => (depth, opened) = (depth + 1, true),
                '}' => depth -= 1,
                _ => {}
            }
            if opened && depth == 0 {
                return Some(index + 1);
            }
        }
    }
    None
}

/// Line of each match on one of these enums with an arm for whatever is left, and of each
/// `matches!` on one: nothing leads there when a variant is added.
///
/// Not seen: comparisons, and variants that are named without their enum.
pub(crate) fn wildcards(plain: &str, enums: &[&str]) -> Vec<usize> {
    let named = |text: &str| enums.iter().any(|name| uses_package(text, name));
    let word = |at: usize| {
        let before = plain[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && c != '_')
    };
    let mut found = Vec::new();
    for (at, keyword) in plain.match_indices("match ").filter(|&(at, _)| word(at)) {
        let after = &plain[at + keyword.len()..];
        let Some(begin) = at_top(after, "{") else { continue };
        let body = &after[begin + 1..];
        let patterns = patterns(&body[..at_top(body, "}").unwrap_or(body.len())]);
        let kind = |&(pattern, _): &(&str, bool)| named(pattern);
        let rest = |&(pattern, guarded): &(&str, bool)| {
            !named(pattern) && !guarded && !pattern.starts_with("None")
        };
        if patterns.iter().any(kind) && patterns.iter().any(rest) {
            found.push(at);
        }
    }
    for (at, keyword) in plain.match_indices("matches!(").filter(|&(at, _)| word(at)) {
        let inside = &plain[at + keyword.len()..];
        let inside = &inside[..at_top(inside, ")").unwrap_or(inside.len())];
        if at_top(inside, ",").is_some_and(|comma| named(&inside[comma..])) {
            found.push(at);
        }
    }
    found.into_iter().map(|at| plain[..at].matches('\n').count() + 1).collect()
}

/// The patterns of the arms of a match, and whether each has a guard.
fn patterns(body: &str) -> Vec<(&str, bool)> {
    let mut found = Vec::new();
    let mut rest = body;
    while let Some(arrow) = at_top(rest, "=>") {
        let guard = at_top(&rest[..arrow], " if ");
        found.push((rest[..guard.unwrap_or(arrow)].trim(), guard.is_some()));
        let arm = rest[arrow + 2..].trim_start();
        let end = match arm.strip_prefix('{') {
            Some(block) => at_top(block, "}").map(|end| end + 2),
            None => at_top(arm, ","),
        };
        rest = end.map_or("", |end| arm[end..].trim_start_matches([',', ' ', '\n']));
    }
    found
}

/// Where a text first stands outside of all brackets.
fn at_top(text: &str, wanted: &str) -> Option<usize> {
    let mut depth = 0;
    for (at, character) in text.char_indices() {
        if depth == 0 && text[at..].starts_with(wanted) {
            return Some(at);
        }
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Line and name of each `mod name;` or `mod name {`.
pub(crate) fn modules(plain: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (index, line) in plain.lines().enumerate() {
        let mut words = line.split_whitespace().skip_while(|word| word.starts_with("pub"));
        if words.next() == Some("mod") {
            let name = words.next().unwrap_or_default().trim_end_matches([';', '{']);
            found.push((index + 1, name.to_owned()));
        }
    }
    found
}

/// Line and name of each room of the crate that is named: `crate::plan` or `crate::{plan, ids}`.
pub(crate) fn rooms_used(plain: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, path) in plain.match_indices("crate::") {
        let line = plain[..at].matches('\n').count() + 1;
        let after = &plain[at + path.len()..];
        let Some(group) = after.strip_prefix('{') else {
            found.extend(first_word(after).map(|room| (line, room)));
            continue;
        };
        let mut depth = 0;
        let item_begins = group.char_indices().take_while(|(_, character)| {
            depth += i32::from(*character == '{') - i32::from(*character == '}');
            depth >= 0
        });
        let (mut level, mut items) = (0, vec![0]);
        for (at, character) in item_begins {
            level += i32::from(character == '{') - i32::from(character == '}');
            if level == 0 && character == ',' {
                items.push(at + 1);
            }
        }
        let rooms = items.into_iter().filter_map(|at| first_word(group[at..].trim_start()));
        found.extend(rooms.map(|room| (line, room)));
    }
    // Types of the crate's root and macros begin otherwise than rooms.
    found.retain(|(_, room)| room.starts_with(|c: char| c.is_ascii_lowercase()));
    found
}

fn first_word(text: &str) -> Option<String> {
    let word = text.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
    (!word.is_empty()).then(|| word.to_owned())
}

/// Whether a path of the package is named.
pub(crate) fn uses_package(plain: &str, package: &str) -> bool {
    plain.match_indices(&format!("{package}::")).any(|(at, _)| {
        let before = plain[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':')
    })
}

/// How many `# titles` a paper has outside its code, and which files its links lead to.
pub(crate) fn titles_and_links(paper: &str) -> (usize, Vec<String>) {
    let (mut n_titles, mut links, mut in_code) = (0, Vec::new(), false);
    for line in paper.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        n_titles += usize::from(line.starts_with("# "));
        for (at, mark) in line.match_indices("](") {
            let target = line[at + mark.len()..].split([')', '#', ' ']).next().unwrap_or("");
            if !target.is_empty() && !target.contains("://") {
                links.push(target.to_owned());
            }
        }
    }
    (n_titles, links)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_in_strings_and_comments_do_not_count() {
        let text = "fn a() {\n    // }\n    let b = \"}\\\"\"; let c = '}'; let d = r#\"}\"#;\n}\n";
        let found = functions(&plain(text));
        assert_eq!(found, [Function { line: 1, name: "a".into(), n_lines: 4 }]);
    }

    #[test]
    fn lifetimes_are_not_characters_and_signatures_may_take_many_lines() {
        let text =
            "pub fn a<'a>(\n    b: &'a [u8; 3],\n) -> &'a u8\nwhere\n{\n    &b[0]\n}\nfn c();\n";
        let found = functions(&plain(text));
        assert_eq!(found, [Function { line: 1, name: "a".into(), n_lines: 7 }]);
    }

    #[test]
    fn rooms_are_found_alone_and_in_groups() {
        let text = "use crate::plan::Plan;\nuse crate::{event::{Event, Sink}, ids, Thing};\n";
        let expected = [(1, "plan"), (2, "event"), (2, "ids")];
        assert_eq!(rooms_used(text), expected.map(|(line, room)| (line, room.to_owned())));
    }

    #[test]
    fn a_package_is_not_found_inside_another_word() {
        assert!(uses_package("use rand::Rng;", "rand"));
        assert!(!uses_package("brand::new()", "rand"));
        assert!(!uses_package("crate::plan::toml::x", "toml"));
    }

    #[test]
    fn an_arm_for_whatever_is_left_is_seen() {
        let found = |text: &str| wildcards(text, &["Fault"]);
        assert_eq!(found("match a {\n    Fault::B { c } => d(e, f),\n    _ => g,\n}"), [1]);
        assert_eq!(found("h;\nmatch a { Fault::B => { _ = d } other => g }"), [2]);
        assert_eq!(found("match a { Some(Fault::B) => d, Some(_) => e, None => f }"), [1]);
        assert_eq!(found("matches!(a, Fault::B | Fault::C)"), [1]);
        let whole = "match a.b(|c| { c }) { Fault::B if d => e, Fault::B | Fault::C => f }";
        assert!(found(whole).is_empty());
        assert!(found("match a { Some(Fault::B) => d, None => f }").is_empty());
        assert!(found("match a { g if g.h() => d, Fault::B => f }").is_empty());
        assert!(found("match a { B if c == Fault::C => d, _ => e }").is_empty());
        assert!(found("match a { Other::B => Fault::C, _ => Fault::D }").is_empty());
        assert!(found("matches!(Fault::B, Other::B)").is_empty());
    }

    #[test]
    fn links_in_code_are_not_followed() {
        let paper = "# A\n[b](c.md#d) [e](https://f.g)\n```\n# h\n[i](j)\n```\n";
        assert_eq!(titles_and_links(paper), (1, vec!["c.md".to_owned()]));
    }
}
