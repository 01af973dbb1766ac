//! The user's mistakes: collected over all files, shown with file, line, column, caret and hint.

use std::fmt::{self, Write as _};
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{
    Annotation, AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet,
};

/// More than this many in one file say nothing new.
const SHOWN_PER_FILE: usize = 50;

/// More than this many are only counted: a file of noise has as many as it has lines.
const KEPT: usize = 1_000;

/// All mistakes of all files of a scenario.
#[derive(Clone, Debug, Default)]
pub struct Mistakes {
    files: Vec<SourceFile>,
    list: Vec<Mistake>,
    /// How many more there were.
    not_kept: usize,
}

/// A text that values come from: a file, a built-in profile, or an argument of the command line.
#[derive(Clone, Debug)]
struct SourceFile {
    name: String,
    text: String,
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
    /// A second place that has to do with it.
    other: Option<(Place, String)>,
}

impl Place {
    /// A part of a text.
    pub(crate) fn at(file: u32, span: Range<usize>) -> Self {
        // Files are refused above 4 MB, so 32 bits are enough.
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
    pub(crate) fn new(place: Place, title: impl Into<String>) -> Self {
        Self { place, title: title.into(), help: None, syntax: false, other: None }
    }

    pub(crate) fn help(self, help: impl Into<String>) -> Self {
        self.maybe_help(Some(help.into()))
    }

    pub(crate) fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }

    pub(crate) fn of_syntax(mut self) -> Self {
        self.syntax = true;
        self
    }

    pub(crate) fn other(mut self, place: Place, label: impl Into<String>) -> Self {
        self.other = Some((place, label.into()));
        self
    }
}

impl Mistakes {
    /// Takes in a text and gives its number.
    pub(crate) fn file(&mut self, name: impl Into<String>, text: impl Into<String>) -> u32 {
        self.files.push(SourceFile { name: name.into(), text: text.into() });
        self.files.len() as u32 - 1
    }

    pub(crate) fn file_name(&self, file: u32) -> &str {
        &self.files[file as usize].name
    }

    pub(crate) fn text(&self, file: u32) -> &str {
        &self.files[file as usize].text
    }

    /// Notes one mistake; the same one twice is one.
    pub(crate) fn note(&mut self, mistake: Mistake) {
        if self.list.len() == KEPT {
            self.not_kept += 1;
            return;
        }
        let known =
            |other: &Mistake| *other == mistake || (other.syntax && other.place == mistake.place);
        if !self.list.iter().any(known) {
            self.list.push(mistake);
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len() + self.not_kept
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
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

    /// The text for people, in the order of files and lines.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let renderer = renderer.decor_style(DecorStyle::Ascii);
        let mut list: Vec<&Mistake> = self.list.iter().collect();
        list.sort_by_key(|mistake| mistake.place);
        let mut out = String::new();
        for file in 0..self.files.len() as u32 {
            let of_file: Vec<_> = list.iter().filter(|m| m.place.file == file).collect();
            for mistake in of_file.iter().take(SHOWN_PER_FILE) {
                out += &renderer.render(&[self.group(mistake)]);
                out += "\n\n";
            }
            if of_file.len() > SHOWN_PER_FILE {
                let more = of_file.len() - SHOWN_PER_FILE;
                let name = self.file_name(file);
                let _ = writeln!(out, "error: {more} more mistakes in {name}\n");
            }
        }
        let count = self.len();
        let plural = if count == 1 { "mistake" } else { "mistakes" };
        out + &format!("{count} {plural}; nothing was run\n")
    }

    fn group<'a>(&'a self, mistake: &'a Mistake) -> Group<'a> {
        let title = Level::ERROR.primary_title(mistake.title.as_str());
        let mut elements: Vec<Element<'a>> = Vec::new();
        let file = &self.files[mistake.place.file as usize];
        match mistake.place.span() {
            None => elements.push(Origin::path(file.name.as_str()).into()),
            Some(span) => {
                let mut marks = vec![(AnnotationKind::Primary, clipped(&file.text, span), None)];
                let other = mistake.other.as_ref();
                let other = other.and_then(|(place, label)| Some((place, place.span()?, label)));
                let mut apart = None;
                if let Some((place, span, label)) = other {
                    let source = &self.files[place.file as usize];
                    let span = clipped(&source.text, span);
                    let mark = (AnnotationKind::Context, span, Some(label.as_str()));
                    if place.file == mistake.place.file {
                        marks.push(mark);
                    } else {
                        apart = Some(source.snippet(vec![mark]));
                    }
                }
                elements.push(file.snippet(marks).into());
                elements.extend(apart.map(Element::from));
            }
        }
        elements.extend(mistake.help.as_deref().map(|help| Level::HELP.message(help).into()));
        title.elements(elements)
    }
}

impl SourceFile {
    /// The lines with these marks. Only they are given to the renderer: it looks through all that
    /// it gets, which for a large file and many mistakes takes minutes.
    fn snippet<'a>(
        &'a self,
        marks: Vec<(AnnotationKind, Range<usize>, Option<&'a str>)>,
    ) -> Snippet<'a, Annotation<'a>> {
        let text = self.text.as_str();
        let first = marks.iter().map(|(_, span, _)| span.start).min().unwrap_or(0);
        let last = marks.iter().map(|(_, span, _)| span.end).max().unwrap_or(text.len());
        let start = text[..first].rfind('\n').map_or(0, |newline| newline + 1);
        let end = text[last..].find('\n').map_or(text.len(), |newline| last + newline);
        let line = 1 + text[..start].matches('\n').count();
        marks.into_iter().fold(
            Snippet::source(&text[start..end]).line_start(line).path(self.name.as_str()),
            |snippet, (kind, span, label)| {
                snippet.annotation(kind.span(span.start - start..span.end - start).label(label))
            },
        )
    }
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
