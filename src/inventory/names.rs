//! Lists of names in the notation of `ClusterShell`: `c0n[00-23]`, `c[0-1]n[1-4/2,9]`, `a1,b2`.
//!
//! A list keeps its order, so that the names of nodes, their addresses and their channels can be
//! laid side by side: the third of one belongs to the third of the other. Several brackets are
//! nested, the last one turns fastest: `r[1-2]n[1-2]` is r1n1, r1n2, r2n1, r2n2. Numbers keep the
//! zeros in front of the first one: `[08-10]` is 08, 09, 10.
//!
//! A choice among names that are known joins lists by `,` (and), `!` (but not), `&` (in both) and
//! `^` (in one), from left to right and all of equal strength, as `ClusterShell` does: `all!c0n3`.

use std::ops::Range;

/// Longer lists are mistyped. Assumption: more than any rack.
const NAMES_MAX: u64 = 100_000;

/// What is wrong with a list, and where in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameError {
    /// What, for people.
    pub title: String,
    /// The bytes that are to blame.
    pub within: Range<usize>,
}

fn wrong<T>(title: impl Into<String>, within: Range<usize>) -> Result<T, NameError> {
    Err(NameError { title: title.into(), within })
}

/// A piece of a pattern: text as it is, or the numbers of a bracket.
enum Piece<'t> {
    Text(&'t str),
    Numbers(Vec<String>),
}

/// All names of a list, in its order.
///
/// # Errors
/// What is wrong with it.
pub fn expand(text: &str) -> Result<Vec<String>, NameError> {
    let mut names = Vec::new();
    for (_, pattern) in patterns(text, ",")? {
        names.extend(expand_one(text, pattern)?);
    }
    Ok(names)
}

/// The chosen ones among known names, as positions in ascending order. `all` is all of them.
///
/// # Errors
/// What is wrong with the choice, a name that is not known included.
pub fn choose(text: &str, known: &[&str]) -> Result<Vec<usize>, NameError> {
    let mut chosen = vec![false; known.len()];
    for (operator, pattern) in patterns(text, ",!&^")? {
        let mut other = vec![false; known.len()];
        if &text[pattern.clone()] == "all" {
            other.fill(true);
        } else {
            for name in expand_one(text, pattern.clone())? {
                match known.iter().position(|other| **other == name) {
                    Some(at) => other[at] = true,
                    None => return wrong(format!("there is no node `{name}`"), pattern),
                }
            }
        }
        for (now, other) in chosen.iter_mut().zip(other) {
            *now = match operator {
                '!' => *now && !other,
                '&' => *now && other,
                '^' => *now != other,
                _ => *now || other,
            };
        }
    }
    Ok((0..known.len()).filter(|&at| chosen[at]).collect())
}

/// The patterns of a text between operators outside brackets, each with the operator before it.
fn patterns(text: &str, operators: &str) -> Result<Vec<(char, Range<usize>)>, NameError> {
    let mut found = Vec::new();
    let (mut operator, mut start, mut bracket) = (',', 0, None);
    for (at, c) in text.char_indices().chain([(text.len(), '\0')]) {
        match c {
            '[' if bracket.is_none() => bracket = Some(at),
            ']' if bracket.is_none() => return wrong("this bracket was not opened", at..at + 1),
            ']' => bracket = None,
            _ if bracket.is_none() && (c == '\0' || operators.contains(c)) => {
                let piece = &text[start..at];
                let first = start + piece.len() - piece.trim_start().len();
                let pattern = first..first + piece.trim().len();
                if pattern.is_empty() {
                    let end = (at + c.len_utf8()).min(text.len());
                    return wrong("here a name is missing", at..end);
                }
                found.push((operator, pattern));
                (operator, start) = (c, at + 1);
            }
            _ => {}
        }
    }
    match bracket {
        Some(open) => wrong("this bracket is not closed", open..open + 1),
        None => Ok(found),
    }
}

fn expand_one(text: &str, pattern: Range<usize>) -> Result<Vec<String>, NameError> {
    let mut pieces = Vec::new();
    let mut at = pattern.start;
    while at < pattern.end {
        let rest = &text[at..pattern.end];
        if let Some(inside) = rest.strip_prefix('[') {
            let length = inside.find(']').expect("brackets were matched");
            pieces.push(Piece::Numbers(numbers(text, at + 1..at + 1 + length)?));
            at += length + 2;
        } else {
            let length = rest.find('[').unwrap_or(rest.len());
            if let Some(space) = rest[..length].find(char::is_whitespace) {
                return wrong("names are joined by `,`", at + space..at + space + 1);
            }
            pieces.push(Piece::Text(&rest[..length]));
            at += length;
        }
    }
    let mut names = vec![String::new()];
    for piece in pieces {
        match piece {
            Piece::Text(text) => names.iter_mut().for_each(|name| name.push_str(text)),
            Piece::Numbers(numbers) => {
                if names.len() as u64 * numbers.len() as u64 > NAMES_MAX {
                    return wrong(format!("more than {NAMES_MAX} names"), pattern);
                }
                let each =
                    |name: String| numbers.iter().map(move |number| format!("{name}{number}"));
                names = names.into_iter().flat_map(each).collect();
            }
        }
    }
    Ok(names)
}

/// The numbers of a bracket: `1-4/2,9`.
fn numbers(text: &str, bracket: Range<usize>) -> Result<Vec<String>, NameError> {
    let mut found = Vec::new();
    let mut start = bracket.start;
    for item in text[bracket].split(',') {
        let within = start..start + item.len();
        start = within.end + 1;
        let (range, step) = item.trim().split_once('/').unwrap_or((item.trim(), "1"));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let digits = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
        let number = |word: &str| word.parse::<u64>().ok().filter(|_| digits(word));
        let (Some(from), Some(to), Some(step)) = (number(first), number(last), number(step)) else {
            return wrong("a bracket holds numbers: [0-23], [1-9/2], [3,5,8]", within);
        };
        if to < from {
            return wrong(format!("the range ends before it starts: {range}"), within);
        }
        if step == 0 {
            return wrong("a step of 0 goes nowhere", within);
        }
        if (to - from) / step >= NAMES_MAX {
            return wrong(format!("more than {NAMES_MAX} names"), within);
        }
        let width = if first.starts_with('0') { first.len() } else { 0 };
        let each = (from..=to).step_by(step as usize);
        found.extend(each.map(|number| format!("{number:0width$}")));
    }
    Ok(found)
}

/// Names on one line: runs of names that differ in their last number alone stand in brackets.
#[must_use]
pub fn fold<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for name in names {
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let number = &name[stem.len()..];
        match groups.last_mut() {
            Some((last, numbers)) if *last == stem && !number.is_empty() => numbers.push(number),
            _ => groups.push((stem, vec![number])),
        }
    }
    let each = groups.iter().map(|(stem, numbers)| match numbers.as_slice() {
        [only] => format!("{stem}{only}"),
        many => format!("{stem}[{}]", runs(many)),
    });
    each.collect::<Vec<_>>().join(",")
}

/// `["1", "2", "3", "7"]` as `1-3,7`. Numbers of unlike width stay apart.
fn runs(numbers: &[&str]) -> String {
    let next = |a: &str, b: &str| match (a.parse::<u64>(), b.parse::<u64>()) {
        (Ok(a_number), Ok(b_number)) => {
            let plain = !a.starts_with('0') && !b.starts_with('0');
            b_number == a_number.wrapping_add(1) && (a.len() == b.len() || plain)
        }
        _ => false,
    };
    let mut runs: Vec<(&str, &str)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if next(last, number) => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let each = runs.iter().map(|(first, last)| {
        if first == last { (*first).to_owned() } else { format!("{first}-{last}") }
    });
    each.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(text: &str) -> Vec<String> {
        expand(text).unwrap_or_else(|error| panic!("{text}: {error:?}"))
    }

    #[test]
    fn lists_keep_their_order_and_the_last_bracket_turns_fastest() {
        assert_eq!(names("c0n[8-10]"), ["c0n8", "c0n9", "c0n10"]);
        assert_eq!(names("c[0-1]n[1-3/2]"), ["c0n1", "c0n3", "c1n1", "c1n3"]);
        assert_eq!(names("z, a[08-10,3]"), ["z", "a08", "a09", "a10", "a3"]);
        assert_eq!(names("10.0.0.[9-10]"), ["10.0.0.9", "10.0.0.10"]);
        assert_eq!(names("1/[1-2]/[1-2]"), ["1/1/1", "1/1/2", "1/2/1", "1/2/2"]);
        assert_eq!(names("[0]"), ["0"]);
    }

    #[test]
    fn what_is_wrong_is_reported_with_its_place() {
        for (text, title, within) in [
            ("n[1-", "this bracket is not closed", 1..2),
            ("n1]", "this bracket was not opened", 2..3),
            ("n1,,n2", "here a name is missing", 3..4),
            ("", "here a name is missing", 0..0),
            ("n[3-1]", "the range ends before it starts: 3-1", 2..5),
            ("n[1,x]", "a bracket holds numbers: [0-23], [1-9/2], [3,5,8]", 4..5),
            ("n[1-9/0]", "a step of 0 goes nowhere", 2..7),
            ("n1 n2", "names are joined by `,`", 2..3),
            ("n[1-9999999999]", "more than 100000 names", 2..14),
            ("n[1-999]m[1-999]", "more than 100000 names", 0..16),
        ] {
            assert_eq!(expand(text), wrong(title, within), "{text}");
        }
    }

    #[test]
    fn a_choice_is_made_from_left_to_right() {
        let known = ["n1", "n2", "n3", "m1"];
        assert_eq!(choose("all!n2", &known), Ok(vec![0, 2, 3]));
        assert_eq!(choose("n[1-3]&n[2-3],m1", &known), Ok(vec![1, 2, 3]));
        assert_eq!(choose("n[1-2]^n[2-3]", &known), Ok(vec![0, 2]));
        assert_eq!(choose("n1,n9", &known), wrong("there is no node `n9`", 3..5));
    }

    #[test]
    fn names_are_folded_for_people() {
        assert_eq!(fold(["c0n8", "c0n9", "c0n10", "c0n12", "x"]), "c0n[8-10,12],x");
        assert_eq!(fold(["a08", "a09", "a10"]), "a[08-10]");
        assert_eq!(fold(["a9", "a010"]), "a[9,010]");
        assert_eq!(fold([]), "");
    }

    proptest! {
        #[test]
        fn what_is_folded_unfolds_to_the_same(
            picked in proptest::collection::vec((0_u8..3, 0_u32..30, 0_usize..3), 1..20),
        ) {
            let stem = |which: u8| ["a", "b7n", "c-"][which as usize];
            let all: Vec<String> = picked
                .iter()
                .map(|&(which, number, width)| format!("{}{number:0width$}", stem(which)))
                .collect();
            let folded = fold(all.iter().map(String::as_str));
            prop_assert_eq!(expand(&folded), Ok(all), "{}", folded);
        }

        #[test]
        fn no_text_makes_the_reader_fall_over(text in "[a-c0-9\\[\\],!&^/ µ-]{0,16}") {
            let _ = expand(&text);
            let _ = choose(&text, &["a1", "b2"]);
        }
    }
}
