//! The user's mistakes: collected over all files, shown with file, line, column, caret and hint.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};

use crate::untrusted::{on_one_line, printable};

/// So many of one file are reported and the rest counted: a file of noise has as many as it has
/// lines.
const NOTED_PER_FILE: usize = 100;

/// Bytes that are shown of a file for one mistake. The renderer looks through all that it gets: for
/// a line of megabytes and many mistakes it takes minutes.
const SHOWN_MAX: usize = 10_000;

/// All mistakes of all files of a scenario, and what is allowed but hardly meant.
#[derive(Clone, Debug, Default)]
pub struct Mistakes {
    files: Vec<SourceFile>,
    list: Vec<Mistake>,
    warnings: Vec<Mistake>,
    /// How many mistakes there are, with those that are not in the list.
    count: usize,
}

/// A text that values come from: a file, a built-in profile, or an argument of the command line.
#[derive(Clone, Debug)]
struct SourceFile {
    name: String,
    /// Where it lies, for the paths in it.
    path: PathBuf,
    text: Arc<str>,
    /// Its place among the layers of a scenario; 0 is built in.
    layer: u32,
    /// Mistakes of it in the list.
    noted: usize,
    /// Further ones.
    more: usize,
}

/// Where a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Number of the text.
    pub file: u32,
    /// First byte; [`Place::whole`] has none.
    start: u32,
    /// One past the last byte.
    end: u32,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mistake {
    /// Where.
    place: Place,
    /// What is wrong.
    title: String,
    /// What could be done about it.
    help: Option<String>,
    /// The text cannot be parsed here, so that other complaints about the place say nothing.
    syntax: bool,
    /// What stands at the place, for when another one is to blame.
    label: String,
    /// A second place that has to do with it.
    other: Option<(Place, String)>,
    /// What else is to be known.
    remark: Option<String>,
}

impl Place {
    /// A part of a text.
    pub(crate) fn at(file: u32, span: Range<usize>) -> Self {
        // Files are refused above 128 MB, so 32 bits are enough.
        Self { file, start: span.start as u32, end: span.end as u32 }
    }

    /// A text as a whole.
    pub(crate) fn whole(file: u32) -> Self {
        Self { file, start: u32::MAX, end: u32::MAX }
    }

    /// The bytes, if it is not the whole text.
    pub(crate) fn span(self) -> Option<Range<usize>> {
        (self.start != u32::MAX).then_some(self.start as usize..self.end as usize)
    }
}

impl Mistake {
    pub(crate) fn new(place: Place, title: impl AsRef<str>) -> Self {
        let (title, label) = (on_one_line(title.as_ref()).into_owned(), "with this".to_owned());
        Self { place, title, help: None, syntax: false, label, other: None, remark: None }
    }

    pub(crate) fn help(self, help: impl Into<String>) -> Self {
        self.maybe_help(Some(help.into()))
    }

    pub(crate) fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.map(|help| printable(&help).into_owned());
        self
    }

    /// What else is to be known, such as where else it is so.
    pub(crate) fn remark(mut self, remark: &str) -> Self {
        self.remark = Some(printable(remark).into_owned());
        self
    }

    pub(crate) fn of_syntax(mut self) -> Self {
        self.syntax = true;
        self
    }

    /// Names what stands at the place of the mistake.
    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// The other one of two values that do not fit each other. Of the two that of the upper layer
    /// is reported as the mistake: it came later, and a built-in file is nobody's mistake.
    pub(crate) fn other(mut self, place: Place, label: impl AsRef<str>) -> Self {
        self.other = Some((place, on_one_line(label.as_ref()).into_owned()));
        self
    }
}

impl Mistakes {
    /// Takes in a text and gives its number.
    pub(crate) fn file(&mut self, name: impl AsRef<str>, text: impl Into<Arc<str>>) -> u32 {
        self.file_at(Path::new(name.as_ref()), name.as_ref(), text)
    }

    /// Takes in the text of a file that is shown under another name than its path.
    pub(crate) fn file_at(&mut self, path: &Path, shown: &str, text: impl Into<Arc<str>>) -> u32 {
        let (name, path) = (on_one_line(shown).into_owned(), path.to_owned());
        let text = text.into();
        self.files.push(SourceFile { name, path, text, layer: 0, noted: 0, more: 0 });
        self.files.len() as u32 - 1
    }

    /// Lays a text over all that were laid before.
    pub(crate) fn lay_on_top(&mut self, file: u32) {
        let top = self.files.iter().map(|file| file.layer).max().unwrap_or(0);
        self.files[file as usize].layer = top + 1;
    }

    /// The place that lies in the upper layer; the first of equals.
    pub(crate) fn upper(&self, first: Place, second: Place) -> Place {
        let layer = |place: Place| self.files[place.file as usize].layer;
        if layer(second) > layer(first) { second } else { first }
    }

    /// The folder that paths of a text start from.
    pub(crate) fn folder(&self, file: u32) -> &Path {
        self.files[file as usize].path.parent().unwrap_or(Path::new(""))
    }

    pub(crate) fn text(&self, file: u32) -> &str {
        &self.files[file as usize].text
    }

    /// Notes one mistake; the same one twice is one.
    pub(crate) fn note(&mut self, mistake: Mistake) {
        self.note_at(mistake.place, || mistake);
    }

    /// Notes one mistake, which is made only if it is to be reported.
    pub(crate) fn note_at(&mut self, place: Place, make: impl FnOnce() -> Mistake) {
        if self.files[place.file as usize].noted >= NOTED_PER_FILE {
            self.files[place.file as usize].more += 1;
            self.count += 1;
            return;
        }
        let mistake = self.of_upper(make());
        let known =
            |other: &Mistake| *other == mistake || (other.syntax && other.place == mistake.place);
        if !self.list.iter().any(known) {
            self.files[mistake.place.file as usize].noted += 1;
            self.count += 1;
            self.list.push(mistake);
        }
    }

    /// Takes all mistakes out, so that those of something else can be distinguished from them.
    pub(crate) fn take(&mut self) -> Vec<Mistake> {
        if self.count > 0 {
            self.count = 0;
            self.files.iter_mut().for_each(|file| (file.noted, file.more) = (0, 0));
        }
        std::mem::take(&mut self.list)
    }

    /// Notes what is allowed, but hardly meant.
    pub(crate) fn warn(&mut self, warning: Mistake) {
        let warning = self.of_upper(warning);
        if self.warnings.len() < NOTED_PER_FILE && !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// The mistake at that one of its two places which lies in the upper layer.
    fn of_upper(&self, mut mistake: Mistake) -> Mistake {
        if let Some((other, label)) = &mut mistake.other
            && other.span().is_some()
            && self.upper(mistake.place, *other) != mistake.place
        {
            std::mem::swap(&mut mistake.place, other);
            std::mem::swap(&mut mistake.label, label);
        }
        mistake
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none. Warnings are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether anything is allowed, but hardly meant.
    #[must_use]
    pub fn has_warnings(&self) -> bool {
        !self.warnings.is_empty()
    }

    /// The part of a string's place that starts at byte `range` of its contents. Where the text
    /// is not the plain contents (escapes), the place of the whole string.
    pub(crate) fn within(&self, place: Place, contents: &str, range: Range<usize>) -> Place {
        let Some(span) = place.span() else { return place };
        let text = self.text(place.file).get(span.clone()).unwrap_or_default();
        let plain = text.len() == contents.len() + 2 && &text[1..text.len() - 1] == contents;
        if plain {
            let first = span.start + 1;
            return Place::at(place.file, first + range.start..first + range.end);
        }
        place
    }

    /// The text for people, in the order of files and lines: mistakes, then warnings. What comes
    /// from files and arguments is spelled in it; colours are our own.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let renderer = renderer.decor_style(DecorStyle::Ascii);
        let mut out = String::new();
        let mut report = |list: &[Mistake], level: &Level<'static>, file: usize| {
            let mut list: Vec<_> = list.iter().filter(|m| m.place.file as usize == file).collect();
            list.sort_by_key(|mistake| mistake.place);
            for mistake in list {
                out += &renderer.render(&[self.group(mistake, level)]);
                out += "\n\n";
            }
            let SourceFile { name, more, .. } = &self.files[file];
            if *more > 0 && *level == Level::ERROR {
                let _ = writeln!(out, "error: {more} more mistakes in {name}\n");
            }
        };
        (0..self.files.len()).for_each(|file| report(&self.list, &Level::ERROR, file));
        (0..self.files.len()).for_each(|file| report(&self.warnings, &Level::WARNING, file));
        match self.len() {
            0 => out,
            1 => out + "1 mistake; nothing was run\n",
            count => out + &format!("{count} mistakes; nothing was run\n"),
        }
    }

    fn group<'a>(&'a self, mistake: &'a Mistake, level: &Level<'a>) -> Group<'a> {
        let title = level.clone().primary_title(mistake.title.as_str());
        let mut elements: Vec<Element<'a>> = Vec::new();
        let file = &self.files[mistake.place.file as usize];
        match mistake.place.span() {
            None => elements.push(Origin::path(file.name.as_str()).into()),
            Some(span) => {
                let span = clipped(&file.text, span);
                let mut marks = vec![(AnnotationKind::Primary, span.clone(), None)];
                let other = mistake.other.as_ref();
                let other = other.and_then(|(place, label)| Some((place, place.span()?, label)));
                let mut apart = None;
                if let Some((place, other, label)) = other {
                    let source = &self.files[place.file as usize];
                    let other = clipped(&source.text, other);
                    let both = span.start.min(other.start)..span.end.max(other.end);
                    let mark = (AnnotationKind::Context, other, Some(label.as_str()));
                    if place.file == mistake.place.file && file.lines(both).len() <= SHOWN_MAX {
                        marks.push(mark);
                    } else {
                        apart = Some(source.shown(vec![mark]));
                    }
                }
                elements.push(file.shown(marks));
                elements.extend(apart);
            }
        }
        elements.extend(mistake.remark.as_deref().map(|it| Level::NOTE.message(it).into()));
        elements.extend(mistake.help.as_deref().map(|help| Level::HELP.message(help).into()));
        title.elements(elements)
    }
}

impl SourceFile {
    /// All lines of which a range has some.
    fn lines(&self, range: Range<usize>) -> Range<usize> {
        let text = &*self.text;
        let start = text[..range.start].rfind('\n').map_or(0, |newline| newline + 1);
        let end = text[range.end..].find('\n').map_or(text.len(), |newline| range.end + newline);
        start..end
    }

    /// The lines with these marks, or the place of the first where they are too long.
    fn shown<'a>(
        &'a self,
        marks: Vec<(AnnotationKind, Range<usize>, Option<&'a str>)>,
    ) -> Element<'a> {
        let first = marks.iter().map(|(_, span, _)| span.start).min().unwrap_or(0);
        let last = marks.iter().map(|(_, span, _)| span.end).max().unwrap_or(first);
        let Range { start, end } = self.lines(first..last);
        let line = 1 + self.text[..start].matches('\n').count();
        let name = self.name.as_str();
        if end - start > SHOWN_MAX {
            let column = 1 + self.text[start..marks[0].1.start].chars().count();
            return Origin::path(name).line(line).char_column(column).into();
        }
        let lines = without_8_bit_controls(&self.text[start..end]);
        let snippet = Snippet::source(lines).line_start(line).path(name);
        let with_marks = marks.into_iter().fold(snippet, |snippet, (kind, span, label)| {
            snippet.annotation(kind.span(span.start - start..span.end - start).label(label))
        });
        with_marks.into()
    }
}

/// Terminals obey these too, and the renderer lets them pass. They are as long as what stands in
/// their place, so that the marks stay where they are.
fn without_8_bit_controls(text: &str) -> Cow<'_, str> {
    let obeyed = |c| ('\u{80}'..='\u{9f}').contains(&c);
    if text.contains(obeyed) { text.replace(obeyed, "¿").into() } else { text.into() }
}

/// A range that starts and ends inside the text and spans one line at most, so that a caret
/// under a whole table does not show the whole table.
fn clipped(text: &str, span: Range<usize>) -> Range<usize> {
    let whole = |at: &usize| text.is_char_boundary(*at);
    let start = (0..=span.start.min(text.len())).rev().find(whole).unwrap_or(0);
    let end = span.end.clamp(start, text.len());
    let end = (end..=text.len()).find(whole).unwrap_or(text.len());
    let line = text[start..end].find('\n').map_or(end, |length| start + length);
    start..line
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Mistakes {}

#[cfg(test)]
mod tests {
    use crate::config::language::{Kind, TableSpec};
    use crate::scenario::keys::ROOT;
    use crate::scenario::{Overrides, load_text};

    /// Values of a kind, as TOML: its bounds and some between, and each word.
    fn values(kind: &Kind) -> Vec<String> {
        let quoted = |text: String| format!("\"{text}\"");
        match kind {
            Kind::Flag => vec!["true".into(), "false".into()],
            Kind::Count(min, max) => {
                let some = [*min, min + 1, 5, 200, *max];
                let within = some.into_iter().filter(|count| (min..=max).contains(&count));
                within.map(|count| count.to_string()).collect()
            }
            Kind::Number(min, max) | Kind::Share(min, max) => {
                vec![format!("{min:?}"), format!("{max:?}")]
            }
            Kind::Span(min, max) => vec![quoted(min.to_string()), quoted(max.to_string())],
            Kind::Bytes(min, max) => vec![quoted(min.to_string()), quoted(max.to_string())],
            Kind::BitRate(min, max) => vec![quoted(min.to_string()), quoted(max.to_string())],
            Kind::ByteRate(min, max) => vec![quoted(min.to_string()), quoted(max.to_string())],
            Kind::Power(min, max) => vec![quoted(min.to_string()), quoted(max.to_string())],
            Kind::Choice(words) => {
                words().into_iter().map(|word| quoted(word.to_owned())).collect()
            }
            Kind::List(inner) => values(inner).iter().map(|value| format!("[{value}]")).collect(),
            Kind::Any(kinds) => kinds.iter().flat_map(values).collect(),
            _ => Vec::new(),
        }
    }

    fn each(spec: &'static TableSpec, path: &str, visit: &mut dyn FnMut(&str)) {
        for key in spec.keys {
            let path =
                if path.is_empty() { key.name.into() } else { format!("{path}.{}", key.name) };
            if let Kind::Table(inner) = key.kind {
                each(inner, &path, visit);
            }
            for value in values(&key.kind) {
                visit(&format!("{path} = {value}\n"));
            }
        }
    }

    #[test]
    fn no_mistake_is_reported_in_a_built_in_file() {
        let (mut tried, mut refused) = (0, 0);
        for base in ["lanl_pilot", "edge_rack_24", "exascale"] {
            each(&ROOT, "", &mut |line| {
                tried += 1;
                let text = format!("inherit = \"{base}\"\n{line}");
                let Err(mistakes) = load_text("mine.toml", &text, &Overrides::default()) else {
                    return;
                };
                refused += 1;
                for mistake in &mistakes.list {
                    let file = &mistakes.files[mistake.place.file as usize];
                    assert_eq!(file.name, "mine.toml", "{text}\n{mistakes}");
                }
            });
        }
        assert!(tried > 600 && refused > 60, "{tried} tried, {refused} refused");
    }

    #[test]
    fn what_a_file_says_cannot_speak_to_the_terminal() {
        let text =
            "\"a\\u001b[2J\\nb\" = 1 # \u{9b}2J\u{1b}[2J\n[cluster]\nhardware = \"\\u009b\"\n";
        for colour in [false, true] {
            let noted = load_text("x\u{1b}[2J\n.toml", text, &Overrides::default());
            let noted = noted.expect_err("mistakes").render(colour);
            // Colours are our own: an escape, digits, and `m`.
            let plain = noted.split('\u{1b}').skip(1).all(|rest| {
                let rest = rest.strip_prefix('[').unwrap_or_default();
                rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m')
            });
            assert!(plain && noted.contains('\u{1b}') == colour, "{noted:?}");
            let obeyed = |c: char| c.is_control() && c != '\n' && c != '\u{1b}';
            assert!(!noted.contains(obeyed), "{noted:?}");
            assert!(noted.contains("x\\x1b[2J\\n.toml"), "{noted}");
        }
    }
}
