//! Sets of parts in the notation of `ClusterShell`, such as `pi[001-150]!pi[010-020]`.

use std::ops::Range;
use std::sync::Arc;

use crate::config::language::{Problem, nearest};
use crate::config::layout::Layout;
use crate::ids::{NodeId, PartKind};

/// Nodes that a machine may have that nobody described. Assumption: more than any rack.
const NODES_MAX: u32 = 1_000_000;

/// A set of parts of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartSet {
    /// Their kind.
    pub kind: PartKind,
    /// Their numbers over the whole machine, from 0: sorted, disjoint, half-open ranges.
    pub ranges: Vec<std::ops::Range<u32>>,
}

impl PartSet {
    /// The numbers, in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.ranges.iter().cloned().flatten()
    }

    /// Whether this part belongs to it. O(log ranges).
    #[must_use]
    pub fn contains(&self, part: u32) -> bool {
        let after = self.ranges.partition_point(|range| range.start <= part);
        after > 0 && self.ranges[after - 1].contains(&part)
    }

    /// The part number `n` of the set, from 0. Panics if there are fewer. O(ranges).
    #[must_use]
    pub fn nth(&self, n: u32) -> u32 {
        let mut left = n;
        for range in &self.ranges {
            let size = range.end - range.start;
            if left < size {
                return range.start + left;
            }
            left -= size;
        }
        panic!("a set of {} parts has no part number {n}", self.len());
    }

    /// How many parts.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.ranges.iter().map(|range| range.end - range.start).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }
}

/// A set as written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expression {
    first: Path,
    /// Applied from left to right, all of equal strength, as `ClusterShell` does.
    rest: Vec<(Operator, Path)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operator {
    Union,
    Difference,
    Intersection,
    Symmetric,
}

/// `module[1-3]/switch[2]`.
#[derive(Clone, Debug, PartialEq)]
struct Path {
    steps: Vec<Step>,
    span: Range<usize>,
    /// The whole text, in which names lie.
    text: Arc<str>,
}

/// `switch[2]`: a kind, and its numbers (from 1) or names if any are given.
#[derive(Clone, Debug, PartialEq)]
struct Step {
    /// Nodes for a group of them.
    kind: PartKind,
    /// Whether it is a group of nodes.
    is_group: bool,
    /// Whether it is a cell.
    is_cell: bool,
    numbers: Option<Vec<Numbers>>,
    names: Vec<Range<usize>>,
    span: Range<usize>,
}

/// `1-9/2`.
#[derive(Clone, Debug, PartialEq)]
struct Numbers {
    first: u32,
    last: u32,
    step: u32,
    span: Range<usize>,
}

/// The words for kinds of part. The first of each is the one that is printed.
const WORDS: &[(&str, PartKind)] = &[
    ("pi", PartKind::Node),
    ("node", PartKind::Node),
    ("blade", PartKind::Blade),
    ("pack", PartKind::Pack),
    ("module", PartKind::Module),
    ("rack", PartKind::Rack),
    ("switch", PartKind::Switch),
    (CELL, PartKind::Switch),
    ("psu", PartKind::Psu),
    ("supply", PartKind::Psu),
    ("server", PartKind::Server),
    ("file-server", PartKind::Server),
    ("link", PartKind::NodeLink),
    ("uplink", PartKind::Uplink),
    ("air", PartKind::Uplink),
    ("controller", PartKind::Controller),
];

/// The word for the access point of a Wi-Fi cell, which is numbered as a switch; what a switch has
/// as its uplink is to a cell its air.
const CELL: &str = "cell";

/// The word for a group of nodes, which is no part itself.
const GROUP: &str = "group";

/// All words.
fn words() -> impl Iterator<Item = &'static str> + Clone {
    WORDS.iter().map(|&(word, _)| word).chain([GROUP])
}

/// Whether parts may be called so: letters, digits, `-` and `_`, and a letter first.
pub(crate) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(is_of_name)
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

/// A regular expression that all sets match, and hardly any other texts.
pub(crate) fn pattern() -> String {
    let words = words().collect::<Vec<_>>().join("|");
    let range = r"\s*[0-9]+(?:-[0-9]+)?(?:/[0-9]+)?\s*";
    let name = r"\s*[A-Za-z][A-Za-z0-9_-]*\s*";
    let names = format!(r"\[{name}(?:,{name})*\]");
    let numbers = format!(r"(?:[0-9]+|\[{range}(?:,{range})*\]|{names})?");
    let path = format!(r"\s*(?:{words}){numbers}(?:/(?:{words}){numbers})*\s*");
    format!("^{path}(?:[,!&^]{path})*$")
}

fn one(kind: PartKind) -> &'static str {
    if kind == PartKind::NodeLink { "node's link" } else { kind.word() }
}

/// "a node", "an uplink", ...
pub(crate) fn with_article(kind: PartKind) -> String {
    let article = if kind == PartKind::Uplink { "an" } else { "a" };
    format!("{article} {}", one(kind))
}

fn plural(kind: PartKind) -> String {
    format!("{}{}", one(kind), if kind == PartKind::Switch { "es" } else { "s" })
}

fn problem(title: impl Into<String>, span: Range<usize>) -> Problem {
    Problem { within: Some(span), ..Problem::new(title) }
}

/// Reads a set as written.
pub(crate) fn parse(text: &str) -> Result<Expression, Problem> {
    let mut reader = Reader { text, at: 0 };
    let first = reader.path()?;
    let mut rest = Vec::new();
    loop {
        reader.skip_space();
        let operator = match reader.peek() {
            None => return Ok(Expression { first, rest }),
            Some(',') => Operator::Union,
            Some('!') => Operator::Difference,
            Some('&') => Operator::Intersection,
            Some('^') => Operator::Symmetric,
            Some(other) => {
                let span = reader.at..reader.at + other.len_utf8();
                return Err(problem(format!("unexpected `{other}` in a set of parts"), span)
                    .help("join sets by `,` (and), `!` (but not), `&` (in both), `^` (in one)"));
            }
        };
        reader.at += 1;
        rest.push((operator, reader.path()?));
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    /// The end of the character that comes next.
    fn end_of_next(&self) -> usize {
        self.at + self.peek().map_or(0, char::len_utf8)
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.text[self.at..].trim_start().len();
    }

    fn take_while(&mut self, keep: impl Fn(char) -> bool) -> Range<usize> {
        let rest = &self.text[self.at..];
        let length = rest.find(|c| !keep(c)).unwrap_or(rest.len());
        self.at += length;
        self.at - length..self.at
    }

    fn path(&mut self) -> Result<Path, Problem> {
        self.skip_space();
        let start = self.at;
        let mut steps = vec![self.step()?];
        while self.peek() == Some('/') {
            self.at += 1;
            steps.push(self.step()?);
        }
        Ok(Path { steps, span: start..self.at, text: self.text.into() })
    }

    fn step(&mut self) -> Result<Step, Problem> {
        let word = self.take_while(|c| c.is_alphabetic() || c == '-' || c == '_');
        let name = &self.text[word.clone()];
        let is_group = name == GROUP;
        let kind = WORDS.iter().find(|(known, _)| *known == name).map(|&(_, kind)| kind);
        let Some(kind) = kind.or(is_group.then_some(PartKind::Node)) else {
            return Err(self.no_word(word));
        };
        let mut names = Vec::new();
        let numbers = match self.peek() {
            Some('[') if self.text[self.at + 1..].trim_start().starts_with(char::is_alphabetic) => {
                names = self.names()?;
                None
            }
            Some('[') => Some(self.brackets()?),
            Some(c) if c.is_ascii_digit() => {
                let span = self.at..self.at;
                let number = self.number()?;
                let span = span.start..self.at;
                Some(vec![Numbers { first: number, last: number, step: 1, span }])
            }
            _ => None,
        };
        let is_cell = name == CELL;
        Ok(Step { kind, is_group, is_cell, numbers, names, span: word.start..self.at })
    }

    /// What is wrong where the name of a kind of part should be.
    fn no_word(&self, word: Range<usize>) -> Problem {
        let name = &self.text[word.clone()];
        let list = || format!("kinds of part: {}", words().collect::<Vec<_>>().join(", "));
        if name.is_empty() {
            let span = word.start..self.end_of_next();
            return problem("here the name of a kind of part is missing", span).help(list());
        }
        let near = nearest(name, words());
        let help = near.map_or_else(list, |near| format!("did you mean `{near}`?"));
        problem(format!("there is no kind of part called `{name}`"), word).help(help)
    }

    /// Where the names in brackets lie.
    fn names(&mut self) -> Result<Vec<Range<usize>>, Problem> {
        let open = self.at;
        let mut list = Vec::new();
        loop {
            self.at += 1;
            self.skip_space();
            let name = self.take_while(is_of_name);
            if !is_name(&self.text[name.clone()]) {
                return Err(problem("here a name is missing", self.at..self.end_of_next())
                    .help("numbers and names do not mix: `switch[1,2]` or `switch[left,right]`"));
            }
            list.push(name);
            self.skip_space();
            match self.peek() {
                Some(',') => {}
                Some(']') => {
                    self.at += 1;
                    return Ok(list);
                }
                _ => return Err(problem("this bracket is not closed", open..open + 1)),
            }
        }
    }

    fn brackets(&mut self) -> Result<Vec<Numbers>, Problem> {
        let open = self.at;
        self.at += 1;
        let mut list = Vec::new();
        loop {
            list.push(self.range()?);
            match self.peek() {
                Some(',') => self.at += 1,
                Some(']') => {
                    self.at += 1;
                    return Ok(list);
                }
                _ => return Err(problem("this bracket is not closed", open..open + 1)),
            }
        }
    }

    fn range(&mut self) -> Result<Numbers, Problem> {
        self.skip_space();
        let start = self.at;
        let first = self.number()?;
        let (mut last, mut step) = (first, 1);
        if self.peek() == Some('-') {
            self.at += 1;
            last = self.number()?;
        }
        if self.peek() == Some('/') {
            self.at += 1;
            step = self.number()?;
        }
        let span = start..self.at;
        self.skip_space();
        if last < first {
            return Err(problem(format!("the range ends before it starts: {first}-{last}"), span));
        }
        if step == 0 {
            return Err(problem("a step of 0 goes nowhere", span));
        }
        Ok(Numbers { first, last, step, span })
    }

    fn number(&mut self) -> Result<u32, Problem> {
        let digits = self.take_while(|c| c.is_ascii_digit());
        if digits.is_empty() {
            return Err(problem("here a number is missing", self.at..self.end_of_next()));
        }
        let large = |_| {
            let problem = problem("this number is too large", digits.clone());
            problem.help(format!("at most {}", u32::MAX))
        };
        self.text[digits.clone()].parse().map_err(large)
    }
}

impl Expression {
    /// The parts of a machine that the expression means.
    pub(crate) fn resolve(&self, layout: &Layout) -> Result<PartSet, Problem> {
        let (kind, mut ranges) = self.first.resolve(layout)?;
        for (operator, path) in &self.rest {
            let (other, more) = path.resolve(layout)?;
            if other != kind {
                let title = format!("{} and {} in one set", plural(kind), plural(other));
                return Err(problem(title, path.span.clone()).help("write a fault for each kind"));
            }
            ranges = match operator {
                Operator::Union => merged(ranges.into_iter().chain(more).collect()),
                Operator::Difference => without(&ranges, &more),
                Operator::Intersection => without(&ranges, &without(&ranges, &more)),
                Operator::Symmetric => {
                    let both = [without(&ranges, &more), without(&more, &ranges)].concat();
                    merged(both)
                }
            };
        }
        Ok(PartSet { kind, ranges })
    }
}

impl Path {
    fn resolve(&self, layout: &Layout) -> Result<(PartKind, Vec<Range<u32>>), Problem> {
        let first = &self.steps[0];
        let mut kind = first.kind;
        let (mut found, mut groups) = if first.is_group {
            let groups = self.groups(first, layout)?;
            let nodes = groups.iter().map(|&group| layout.named.groups[group as usize].1.clone());
            (nodes.collect(), groups)
        } else {
            let all = if first.is_cell { layout.cells() } else { 0..layout.count(kind) };
            if first.is_cell && all.is_empty() {
                let title = "this cluster has no Wi-Fi cells";
                let help = "[[cell]] tables make some";
                return Err(problem(title, first.span.clone()).help(help));
            }
            (self.pick(first, std::slice::from_ref(&all), None, layout)?, Vec::new())
        };
        for step in &self.steps[1..] {
            if step.is_group {
                let title = format!("{} has no groups", with_article(kind));
                let help = "a group comes first: `group[NAME]/blade[2]`";
                return Err(problem(title, step.span.clone()).help(help));
            }
            if let (PartKind::Node, PartKind::NodeLink) | (PartKind::Switch, PartKind::Uplink) =
                (kind, step.kind)
                && step.numbers.is_none()
            {
                // One to one, with equal numbers.
                kind = step.kind;
                groups.clear();
                continue;
            }
            let no_such = |whole: String| {
                let title = format!("{whole} has no {}", plural(step.kind));
                problem(title, step.span.clone())
            };
            let mut next = Vec::new();
            if groups.is_empty() {
                for index in found.iter().cloned().flatten() {
                    let inside = layout.inside(kind, index, step.kind);
                    let inside = inside.ok_or_else(|| no_such(with_article(kind)))?;
                    next.extend(self.pick(step, &inside, Some(&with_article(kind)), layout)?);
                }
            }
            for group in std::mem::take(&mut groups) {
                let inside = layout.in_group(group, step.kind);
                let inside = inside.ok_or_else(|| no_such("a group".into()))?;
                next.extend(self.pick(step, &inside, Some("the group"), layout)?);
            }
            found = next;
            kind = step.kind;
        }
        Ok((kind, merged(found)))
    }
}

impl Path {
    /// The groups of a step.
    fn groups(&self, step: &Step, layout: &Layout) -> Result<Vec<u32>, Problem> {
        let known = &layout.named.groups;
        if known.is_empty() {
            let title = "this cluster has no groups of nodes";
            return Err(problem(title, step.span.clone()).help("[[group]] tables make some"));
        }
        let all = 0..known.len() as u32;
        let place = known.iter().zip(0..).map(|((name, _), index)| (name, index..index + 1));
        let named = self.named(step, &place.collect::<Vec<_>>(), "group")?;
        let found = match named {
            Some(found) => found,
            None => step.pick(std::slice::from_ref(&all), None, ("group", "groups"))?,
        };
        Ok(found.into_iter().flatten().collect())
    }

    /// The parts of a step that names some, out of those of these names.
    fn named(
        &self,
        step: &Step,
        known: &[(&String, Range<u32>)],
        kind: &str,
    ) -> Result<Option<Vec<Range<u32>>>, Problem> {
        let mut found = Vec::new();
        for span in &step.names {
            let name = &self.text[span.clone()];
            let Some((_, range)) = known.iter().find(|(own, _)| *own == name) else {
                let title = format!("there is no {kind} called `{name}`");
                let names = || known.iter().map(|(name, _)| name.as_str());
                let help = match nearest(name, names()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if known.is_empty() => "they are numbered, from 1".into(),
                    None => format!("there are {}", names().collect::<Vec<_>>().join(", ")),
                };
                return Err(problem(title, span.clone()).help(help));
            };
            found.push(range.clone());
        }
        Ok((!step.names.is_empty()).then_some(found))
    }

    /// The parts of a step among these, which lie in one container or in the whole cluster.
    fn pick(
        &self,
        step: &Step,
        parts: &[Range<u32>],
        of: Option<&str>,
        layout: &Layout,
    ) -> Result<Vec<Range<u32>>, Problem> {
        let known = layout.named.of(step.kind).iter().map(|(name, range)| (name, range.clone()));
        let cells = layout.cells();
        let fits = |(_, it): &(&String, Range<u32>)| !step.is_cell || cells.contains(&it.start);
        let (kind, kinds) =
            if step.is_cell { (CELL, "cells".into()) } else { (one(step.kind), plural(step.kind)) };
        if let Some(found) = self.named(step, &known.filter(fits).collect::<Vec<_>>(), kind)? {
            let parts = merged(parts.to_vec());
            let found = merged(found);
            return Ok(without(&parts, &without(&parts, &found)));
        }
        step.pick(parts, of, (kind, &kinds))
    }
}

impl Step {
    /// The numbered ones among `parts` (which lie in one container, or in the whole cluster).
    fn pick(
        &self,
        parts: &[Range<u32>],
        of: Option<&str>,
        (kind, kinds): (&str, &str),
    ) -> Result<Vec<Range<u32>>, Problem> {
        let Some(numbers) = &self.numbers else { return Ok(parts.to_vec()) };
        let count: u32 = parts.iter().map(|range| range.end - range.start).sum();
        let mut found = Vec::new();
        for range in numbers {
            if range.first == 0 {
                return Err(problem("parts are counted from 1", range.span.clone()));
            }
            if range.last > count {
                let whole = of.unwrap_or("the cluster");
                let have = match count {
                    0 => format!("{whole} has no {kinds}"),
                    1 => format!("{whole} has 1 {kind}"),
                    _ => format!("{whole} has {count} {kinds}"),
                };
                let title = format!("there is no {kind} {}: {have}", range.last);
                let hint = if count > 1 { format!("they are counted 1 to {count}") } else { have };
                return Err(problem(title, range.span.clone()).help(hint));
            }
            if range.step == 1 {
                found.extend(nth_range(parts, range.first - 1..range.last));
            } else {
                let each = (range.first..=range.last).step_by(range.step as usize);
                found.extend(each.flat_map(|number| nth_range(parts, number - 1..number)));
            }
        }
        Ok(found)
    }
}

/// The parts at positions `wanted` of the listed parts.
fn nth_range(parts: &[Range<u32>], wanted: Range<u32>) -> Vec<Range<u32>> {
    let mut before = 0;
    let mut found = Vec::new();
    for part in parts {
        let length = part.end - part.start;
        let from = wanted.start.max(before);
        let to = wanted.end.min(before + length);
        if from < to {
            found.push(part.start + from - before..part.start + to - before);
        }
        before += length;
    }
    found
}

/// Sorted, disjoint, and joined where they touch.
pub(crate) fn merged(mut ranges: Vec<Range<u32>>) -> Vec<Range<u32>> {
    ranges.sort_by_key(|range| range.start);
    let mut out: Vec<Range<u32>> = Vec::new();
    for range in ranges.into_iter().filter(|range| !range.is_empty()) {
        match out.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => out.push(range),
        }
    }
    out
}

/// What is in `from` and not in `less`; both sorted and disjoint.
fn without(from: &[Range<u32>], less: &[Range<u32>]) -> Vec<Range<u32>> {
    let mut out = Vec::new();
    let mut cut = less.iter().peekable();
    for range in from {
        let mut start = range.start;
        while let Some(gap) = cut.peek() {
            if gap.start >= range.end {
                break;
            }
            if gap.start > start {
                out.push(start..gap.start);
            }
            start = start.max(gap.end);
            if gap.end > range.end {
                break;
            }
            cut.next();
        }
        if start < range.end {
            out.push(start..range.end);
        }
    }
    out
}

/// The nodes of a set such as `pi[1-24]!pi7`, counted from 0, of a machine that nobody described.
/// So each path must be one of numbered nodes.
///
/// # Errors
/// What is wrong with the text, for people.
pub fn nodes(text: &str) -> Result<Vec<NodeId>, String> {
    let reported = |problem: Problem| problem.title;
    let set = parse(text).map_err(reported)?;
    for path in std::iter::once(&set.first).chain(set.rest.iter().map(|(_, path)| path)) {
        let [Step { kind: PartKind::Node, is_group: false, numbers: Some(_), .. }] =
            path.steps.as_slice()
        else {
            let part = &text[path.span.clone()];
            return Err(format!("`{part}`: here nodes are needed with their numbers, as pi[1-24]"));
        };
    }
    let found = set.resolve(&Layout::of_nodes(NODES_MAX)).map_err(reported)?;
    if found.is_empty() {
        return Err("there is no node in this set".to_owned());
    }
    Ok(found.iter().map(NodeId).collect())
}

/// The set in this notation, all numbers over the whole machine: `pi[1-9,20]`.
pub(crate) fn print(set: &PartSet) -> String {
    let word = WORDS.iter().find(|(_, kind)| *kind == set.kind).expect("each kind has a word").0;
    let ranges: Vec<String> = set
        .ranges
        .iter()
        .map(|range| match range.end - range.start {
            1 => range.end.to_string(),
            _ => format!("{}-{}", range.start + 1, range.end),
        })
        .collect();
    format!("{word}[{}]", ranges.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_set_knows_its_parts_by_number_and_by_place() {
        let set = PartSet { kind: PartKind::Node, ranges: vec![2..4, 7..8, 10..13] };
        let parts: Vec<_> = set.iter().collect();
        assert_eq!((0..set.len()).map(|n| set.nth(n)).collect::<Vec<_>>(), parts);
        for part in 0..15 {
            assert_eq!(set.contains(part), parts.contains(&part), "{part}");
        }
    }

    /// The pilot: 5 modules, of which three fill the first rack.
    fn pilot() -> Layout {
        Layout::of_counts(5, 3, &[60, 30, 60], 4, 3, &[(&[0, 1], &[0]), (&[2], &[1, 2])])
    }

    fn set(text: &str) -> PartSet {
        let reported = |problem: Problem| panic!("{text}: {}", problem.title);
        parse(text).and_then(|set| set.resolve(&pilot())).unwrap_or_else(reported)
    }

    /// Checks the ranges of a set.
    fn check(text: &str, wanted: &str) {
        let found = set(text).ranges;
        let found: Vec<String> = found.iter().map(|range| format!("{range:?}")).collect();
        assert_eq!(found.join(" "), wanted, "{text}");
    }

    #[test]
    fn nodes_are_counted_from_one_outside_and_from_zero_inside() {
        check("node", "0..750");
        check("pi[001-150]", "0..150");
        check("pi7,pi9", "6..7 8..9");
        check("pi[7,9,10]", "6..7 8..10");
        check("pi[1-9/4]", "0..1 4..5 8..9");
    }

    #[test]
    fn nodes_of_no_machine_need_their_numbers() {
        let numbers = |text| nodes(text).map(|set| set.iter().map(|node| node.0).collect());
        assert_eq!(numbers("pi[1-4]!pi2"), Ok(vec![0, 2, 3]));
        for wrong in ["pi", "switch[1]", "pi[1-4]!pi", "pi1!pi1", "pi0", "pi[1-"] {
            let reported: Result<Vec<u32>, _> = numbers(wrong);
            assert!(reported.is_err(), "{wrong}: {reported:?}");
        }
    }

    #[test]
    fn operators_bind_from_left_to_right() {
        check("pi[001-150]!pi[010-020]", "0..9 20..150");
        check("pi[1-10]&pi[5-20]", "4..10");
        check("pi[1-10]^pi[5-20]", "0..4 10..20");
        check("pi[1-10]!pi[5-20],pi7", "0..4 6..7");
        check("pi[1-10] , pi[11-20]", "0..20");
    }

    #[test]
    fn parts_inside_parts_are_counted_there() {
        check("module[2]/psu[1]", "2..3");
        check("module[1-3]/switch[2]", "1..2 4..5 7..8");
        check("module[2]/switch[1]/uplink", "3..4");
        assert_eq!(set("module[2]/switch[1]/uplink").kind, PartKind::Uplink);
        check("pi017/link", "16..17");
        check("node/link", "0..750");
        check("file-server", "0..1");
        check("rack[2]/module", "3..5");
        check("module[2]/psu[1]/node", "150..240");
        check("psu[2]/switch", "1..3");
    }

    /// Two groups: five nodes on blades of two, and three on one blade, each blade of the first on
    /// a converter of its own (2 to 4) behind the first supply.
    fn of_parts() -> Layout {
        let name = |name: &str, range: Range<u32>| (name.to_owned(), range);
        let mut layout = Layout::of_nodes(8);
        layout.packs = vec![(2, 2), (2, 2), (1, 2), (3, 3)];
        layout.switches = 2;
        layout.psus = vec![
            (vec![3], vec![0, 1]),
            (vec![0], Vec::new()),
            (vec![1], Vec::new()),
            (vec![2], Vec::new()),
        ];
        layout.named.groups = vec![name("tower", 0..5), name("desk", 5..8)];
        layout.named.switches = vec![name("left", 0..1), name("right", 1..2)];
        let one = (0..).zip(["atx", "dc-1", "dc-2", "dc-3"]);
        layout.named.psus = one.map(|(index, it)| name(it, index..index + 1)).collect();
        layout.named.psus.push(name("dc", 1..4));
        layout.named.psu_above = vec![None, Some(0), Some(0), Some(0)];
        layout
    }

    #[test]
    fn parts_with_names_are_found_by_them() {
        let layout = of_parts();
        let found = |text: &str| {
            let set = parse(text).and_then(|set| set.resolve(&layout));
            set.map(|set| (set.kind, set.iter().collect::<Vec<_>>())).map_err(|why| why.title)
        };
        let (node, blade) = (PartKind::Node, PartKind::Blade);
        assert_eq!(found("group[desk]"), Ok((node, vec![5, 6, 7])));
        assert_eq!(found("group[tower, desk]!pi1"), Ok((node, (1..8).collect())));
        assert_eq!(found("group[1]/pi[5]"), Ok((node, vec![4])));
        assert_eq!(found("group[tower]/blade[2-3]"), Ok((blade, vec![1, 2])));
        assert_eq!(found("group[desk]/blade/node"), Ok((node, vec![5, 6, 7])));
        assert_eq!(found("group[desk]/link"), Ok((PartKind::NodeLink, vec![5, 6, 7])));
        assert_eq!(found("switch[right]/uplink"), Ok((PartKind::Uplink, vec![1])));
        assert_eq!(found("supply[dc]"), Ok((PartKind::Psu, vec![1, 2, 3])));
        assert_eq!(found("psu[dc-2]/node"), Ok((node, vec![2, 3])));
        assert_eq!(found("psu[atx]/node"), Ok((node, (0..8).collect())), "all below it");
        assert_eq!(found("group[attic]"), Err("there is no group called `attic`".into()));
        assert_eq!(found("psu[1,dc]"), Err("here a number is missing".into()));
        assert_eq!(found("module[1]/group[desk]"), Err("a module has no groups".into()));
    }

    #[test]
    fn no_blade_spans_two_packs() {
        // 15 blades of 60 nodes, 8 of 30 (the last with two nodes), 15 of 60.
        check("module[1]/blade", "0..38");
        check("blade[1]/node", "0..4");
        check("module[1]/blade[1-4]/node", "0..16");
        check("blade[23]/node", "88..90");
        check("blade[24]/node", "90..94");
        check("module[2]/pack[2]/blade[8]/node", "238..240");
    }

    #[test]
    fn what_is_printed_is_read_back() {
        for text in ["pi[001-150]!pi[010-020]", "psu", "module[1-3]/switch[2]", "node/link"] {
            let found = set(text);
            assert_eq!(set(&print(&found)), found, "{text}");
        }
    }

    proptest! {
        /// Against sets of single numbers.
        #[test]
        fn operators_agree_with_plain_sets(
            steps in proptest::collection::vec((0_usize..4, 1_u32..700, 0_u32..50, 1_u32..5), 1..8),
        ) {
            let mut text = String::from("pi[1-100]");
            let mut plain: std::collections::BTreeSet<u32> = (0..100).collect();
            for (operator, first, more, step) in steps {
                let last = first + more;
                let operator_text = [",", "!", "&", "^"][operator];
                text = format!("{text}{operator_text}pi[{first}-{last}/{step}]");
                let other = (first..=last).step_by(step as usize).map(|n| n - 1).collect();
                plain = match operator {
                    0 => &plain | &other,
                    1 => &plain - &other,
                    2 => &plain & &other,
                    _ => &plain ^ &other,
                };
            }
            let found: Vec<u32> = set(&text).iter().collect();
            prop_assert_eq!(found, plain.into_iter().collect::<Vec<u32>>(), "{}", text);
        }

        #[test]
        fn no_text_makes_the_parser_fall_over(text in "[a-z0-9\\[\\],!&^/ µ-]{0,16}") {
            let _ = parse(&text).map(|set| set.resolve(&pilot()));
        }
    }
}
